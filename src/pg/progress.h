/*
 * progress.h
 *		What this backend computes, for the view recsys_progress.
 */
#ifndef PG_PROGRESS_H
#define PG_PROGRESS_H

#include "datatype/timestamp.h"

#include "core/env.h"

/* One run that is reported; the names must live as long. */
typedef struct Progress
{
	Oid			relation;
	const char *model;
	const char *method;
	TimestampTz started;
	double		loss;			/* NAN when there is none yet */
} Progress;

extern void progress_start(Progress *run, Oid relation, const char *model, const char *method,
						   Phase phase);
extern void progress_update(const Progress *run, Phase phase, int64_t iteration, int64_t of);
extern void progress_loss(Progress *run, double loss);
extern void progress_name(Progress *run, const char *model, const char *method);
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
	double		loss;
	double		elapsed;		/* seconds */
} ProgressRow;

/* Backend number i (from 1); false when it computes nothing that the caller may see. */
extern bool progress_read(int i, ProgressRow *row);
extern int	progress_backends(void);

#endif							/* PG_PROGRESS_H */
