/*
 * evaluation.h
 *		evaluate_method(), evaluate_model(), compare_methods(), tune_method(), and
 *		what is stored of them.
 */
#ifndef PG_EVALUATION_H
#define PG_EVALUATION_H

#include "utils/uuid.h"

#include "core/evaluate.h"
#include "pg/call.h"

/* What the four functions have in common. */
typedef struct EvaluateArgs
{
	const char *command;		/* the function, for messages and the view */
	Oid			test;			/* relation of held-out ratings, or InvalidOid */
	const char *strategy;		/* name, or NULL */
	SplitSpec	split;			/* all but the strategy */
	EvaluateOptions options;
	bool		store;
	Datum		given_options;	/* jsonb, as the caller wrote them */
	const char *metric;			/* tune_method: name, or NULL */
	int			samples;		/* tune_method: 0: the whole grid */
} EvaluateArgs;

/* Each adds its result rows to the call. */
extern void evaluate_method_rows(Call *call, const char *method, Datum params,
								 const char *dataset, const EvaluateArgs *args);
extern void evaluate_model_rows(Call *call, const char *model, const EvaluateArgs *args);
extern void compare_methods_rows(Call *call, char **methods, int n_methods, Datum params,
								 const char *dataset, const EvaluateArgs *args);
extern void tune_method_rows(Call *call, const char *method, Datum grid, const char *dataset,
							 const EvaluateArgs *args);

/* One row of the answer. */
typedef struct ResultRow
{
	const Method *method;
	Datum		params;			/* jsonb */
	const char *metric;
	EvaluationRow value;
} ResultRow;

/* An evaluation to be stored. */
typedef struct StoredEvaluation
{
	const char *command;
	const char *dataset;
	const char *test;			/* relation, or NULL */
	const char *strategy;		/* or NULL */
	const SplitSpec *split;
	double		relevance;		/* NAN: none */
	Datum		options;		/* jsonb, as they were given */
	double		seconds;
	const ResultRow *rows;
	int			n_rows;
} StoredEvaluation;

/* Writes a row of recsys_evaluation, owned by the caller.  SPI must be connected. */
extern void evaluation_store(const StoredEvaluation *evaluation);

/* drop_evaluation(): the owner's right. */
extern void evaluation_drop(const pg_uuid_t *evaluation);

#endif							/* PG_EVALUATION_H */
