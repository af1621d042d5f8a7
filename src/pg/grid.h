/*
 * grid.h
 *		The combinations of parameters that tune_method() tries.
 */
#ifndef PG_GRID_H
#define PG_GRID_H

#include "core/method.h"

#define GRID_MAX 1000			/* combinations in one call */

typedef struct Grid
{
	int			n;
	void	  **params;			/* of each combination: checked, palloc'd */
} Grid;

/*
 * Reads {"name": [value, ...], ...} and checks every combination, before anything
 * runs; the last parameter changes fastest.  samples: so many different ones, drawn at
 * random; 0: all.  More than GRID_MAX: error.
 */
extern Grid grid_read(const Method *method, Datum grid, int samples, int random_state);

#endif							/* PG_GRID_H */
