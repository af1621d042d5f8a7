/*
 * progress.h
 *		What this backend is training, for the view recsys_progress.
 */
#ifndef PG_PROGRESS_H
#define PG_PROGRESS_H

#include "core/env.h"

extern void progress_start(Oid relation, const char *model, const char *method);
extern void progress_update(Phase phase, int64_t iteration, int64_t of);
extern void progress_loss(double loss);
extern void progress_end(void);

/* One row of the view. */
typedef struct ProgressRow
{
	int			pid;
	char		model[NAMEDATALEN];
	char		method[NAMEDATALEN];
	const char *phase;
	int64		iteration;
	int64		of;
	double		loss;			/* NAN when there is none yet */
	double		elapsed;		/* seconds */
} ProgressRow;

/* Backend number i (from 1); false when it trains nothing that the caller may see. */
extern bool progress_read(int i, ProgressRow *row);
extern int	progress_backends(void);

#endif							/* PG_PROGRESS_H */
