/*
 * evaluate_parts.h
 *		What the files of evaluation share: evaluate.c (folds and rows),
 *		evaluate_ratings.c, evaluate_ranking.c.
 */
#ifndef CORE_EVALUATE_PARTS_H
#define CORE_EVALUATE_PARTS_H

#include "core/evaluate.h"

/* Users that are scored between two reports of progress. */
#define EVALUATE_BLOCK 512

/* One thing that is measured: a method, the fold it learned from, and what is asked. */
typedef struct Measuring
{
	const Recommender *rec;
	const Fold *fold;
	const EvaluateOptions *options;
	unsigned	groups;			/* METRICS_* to measure, not 0 */
} Measuring;

/* What was found; NAN where there is no value. */
typedef struct Measured
{
	double		values[N_METRICS];
	double		baselines[N_BASELINES][N_METRICS];
	int64_t		users[N_METRICS];
	int64_t		ratings[N_METRICS];
} Measured;

/* The user's rows that are known at call time; empty for users whom the set does not have. */
static inline History
fold_history(const Fold *fold, int32_t user)
{
	const Csr  *csr = &fold->history;
	History		history = {.group = -1};
	int64_t		begin;

	if (user >= fold->n_users)
		return history;
	begin = csr->offsets[user];
	history.n = (int32_t) csr_row_length(csr, user);
	history.courses = csr->indexes + begin;
	history.ratings = csr->values + begin;
	history.times = csr->times == NULL ? NULL : csr->times + begin;
	history.has_key = true;
	history.user_hash = fold->user_hash[user];
	if (fold->user_group != NULL)
		history.group = fold->user_group[user];
	return history;
}

/* Does a held-out rating count as relevant? */
static inline bool
is_relevant(const EvaluateOptions *options, float rating)
{
	return isnan(options->relevance) || (double) rating >= options->relevance;
}

/* Fills the values of the groups rating and classification, as far as they are asked for. */
extern RecsysStatus measure_ratings(Env *env, const Measuring *measuring, Measured *measured);

/* Fills the values of the group ranking. */
extern RecsysStatus measure_ranking(Env *env, const Measuring *measuring, Measured *measured);

#endif							/* CORE_EVALUATE_PARTS_H */
