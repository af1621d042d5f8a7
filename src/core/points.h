/*
 * points.h
 *		Points in space, row after row: what k-means and principal components work on.
 */
#ifndef CORE_POINTS_H
#define CORE_POINTS_H

#include "core/env.h"

typedef struct Points
{
	int64_t		n;
	int32_t		n_dims;			/* at least 1 */
	double	   *values;			/* n x n_dims */
} Points;

/* Coordinates of a point. */
static inline double *
point(const Points *points, int64_t i)
{
	return points->values + i * points->n_dims;
}

/*
 * Mean and population standard deviation of each coordinate (divided by n, as scikit-learn's
 * StandardScaler), in two passes.  A coordinate that is the same everywhere has exactly that mean and
 * deviation 0.  RECSYS_BAD_DATA when there is no point, or when a sum of squares exceeds a double (NaN
 * and infinity among the values included).
 */
extern RecsysStatus points_moments(Env *env, const Points *points, double *means,
								   double *deviations);

/* In place: minus means and, unless deviations is NULL, divided by them; by 1 where they are 0. */
extern RecsysStatus points_standardize(Env *env, Points *points, const double *means,
									   const double *deviations);

#endif							/* CORE_POINTS_H */
