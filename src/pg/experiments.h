/*
 * experiments.h
 *		Reports of experiments from the caller's tables.
 */
#ifndef PG_EXPERIMENTS_H
#define PG_EXPERIMENTS_H

#include "pg/call.h"

/* What experiment_report was told; NULL where NULL. */
typedef struct ReportArgs
{
	Oid			exposures;
	char	   *experiment;		/* only rows of this one, or NULL */
	char	   *control;		/* or NULL: the first variant */
	char	   *variant_column;
	char	   *user_column;
	char	   *outcome_column;
	char	   *experiment_column;
	double		confidence;		/* between 0 and 1 */
} ReportArgs;

/* Rows of experiment_report. */
extern void experiment_report_rows(Call *call, const ReportArgs *args);

#endif							/* PG_EXPERIMENTS_H */
