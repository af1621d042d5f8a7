/*
 * evaluation_run.h
 *		One run over folds: what evaluating, comparing and tuning share.
 */
#ifndef PG_EVALUATION_RUN_H
#define PG_EVALUATION_RUN_H

#include "nodes/pg_list.h"

#include "pg/dataset.h"
#include "pg/env_pg.h"
#include "pg/evaluation.h"
#include "pg/load.h"
#include "pg/progress.h"

/* A method with parameters, to be evaluated. */
typedef struct Candidate
{
	const Method *method;
	const void *params;
	LoadRequest request;
	Evaluation *folds;			/* one for each fold; without rows when it failed */
	Evaluation	mean;
	bool		failed;			/* tuning: it did not converge */
} Candidate;

/* One call.  The caller sets args and dataset. */
typedef struct Run
{
	const EvaluateArgs *args;
	const Dataset *dataset;
	const Dataset *test_source; /* or NULL */
	SplitSpec	spec;
	Job		   *job;
	Progress	progress;
	char		label[NAMEDATALEN]; /* shown as the model */
	int			n_fits;			/* begun */
	int			n_fits_all;
	List	   *warned;			/* texts of warnings that were shown */
	TrainingSet set;
	TrainingSet test_set;
	const LoadRequest *terms;	/* words that the set has, or NULL */
	Metric		metric;			/* tuning: that decides */
	ResultRow  *rows;			/* of the answer */
	int			n_rows;
	int			room;
} Run;

/* Raises 22023 `unrecognized what: "name"` with a hint that lists the valid ones. */
extern _Noreturn void raise_unrecognized(const char *what, const char *name, const char *valid);

/* Appends a quoted name to such a list. */
extern void append_name(StringInfo list, const char *name, int length);

/* What is checked before the data are read: rights, split, relation of held-out ratings. */
extern void run_prepare(Run *run);

/* A candidate, with room for the rows of its folds. */
extern Candidate make_candidate(const Method *method, const void *params, int n_folds);

/*
 * Loads, has the candidates evaluated by the function, which keeps rows, and answers with
 * these rows.
 */
extern void run_candidates(Call *call, Run *run, Candidate *candidates, int n,
						   void (*evaluate) (Run *run, Candidate *candidates, int n));

/* For that function: held-out ratings as the core takes them, or NULL. */
extern const TrainingSet *run_held_out(const Run *run);

/*
 * Gives the set the words that the first candidate wants; no fold may be there that shares the
 * old ones.  Returns how many candidates, from this one on, want the same.
 */
extern int	run_change_terms(Run *run, const Candidate *candidates, int n);

/*
 * Candidates on every fold of a set: their folds and mean are filled in.  may_fail: one that
 * finds no result is marked as failed, with a warning, instead of an error.
 */
extern void run_folds(Run *run, Candidate *candidates, int n, const TrainingSet *set,
					  const TrainingSet *test, const SplitSpec *spec,
					  const EvaluateOptions *options, bool may_fail);

/* Keeps the rows of one evaluation; metric -1: all; prefix: before the names of metrics. */
extern void run_keep(Run *run, const Candidate *candidate, const Evaluation *evaluation, int metric,
					 const char *prefix);

#endif							/* PG_EVALUATION_RUN_H */
