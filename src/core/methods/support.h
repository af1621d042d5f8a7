/*
 * support.h
 *		Small things that several methods do the same way.
 */
#ifndef CORE_METHODS_SUPPORT_H
#define CORE_METHODS_SUPPORT_H

#include <math.h>

#include "core/method.h"

/* Number of definitions in an array of ParamDef. */
#define N_PARAMS(defs) ((int) (sizeof(defs) / sizeof((defs)[0])))

/* Share of one value among the ratings from which training warns that they hardly vary. */
#define EQUAL_RATINGS 0.9

/* Entries of a sparse matrix read between two polls for interrupts: about a millisecond. */
#define POLL_ENTRIES INT64_C(65536)

/*
 * Method.check of methods that weigh ratings by age: half_life needs times.
 * params is any struct of parameters.
 */
extern RecsysStatus check_half_life(Env *env, const TrainingSet *set, const void *params);

/*
 * The rating that more than half of all ratings are, and its share.  Without a majority the rating may be
 * any, and its share is a half at most.
 */
extern RecsysStatus majority_rating(Env *env, const Csr *ratings, float *rating, double *share);

/* Warns when more than 90 % of the ratings are one value, for methods that learn from how they differ. */
extern RecsysStatus warn_of_equal_ratings(Env *env, const TrainingSet *set);

/* Weight by age of entry e of the training ratings, by user or by course. */
static inline float
entry_weight(const Csr *ratings, int64_t e, int64_t last_time, double half_life)
{
	return ratings->times == NULL ? 1 : age_weight(ratings->times[e], last_time, half_life);
}

/* Weight by age of row i of a history. */
static inline float
history_weight(const Recommender *rec, const History *history, int32_t i)
{
	const CommonParams *common = rec->params;

	if (history->times == NULL)
		return 1;
	return age_weight(history->times[i], rec->summary.last_time, common->half_life);
}

/*
 * A computed score as the callers want it: NO_OPINION for a score that no float
 * holds (infinite, NaN) or that is below threshold (NAN: none).  Both sides are
 * compared as floats, so that a score of .7 reaches a threshold of .7.
 */
static inline float
finish_score(double score, double threshold)
{
	float		result = (float) score;

	if (!isfinite(result) || (!isnan(threshold) && result < (float) threshold))
		return NO_OPINION;
	return result;
}

/*
 * Totals that are not positive become NO_OPINION: nothing speaks for such a course, so it has no
 * score, rather than one that would place it before courses that nobody has told anything about.
 */
extern void keep_positive_scores(int32_t n, float *scores);

/* Fails with RECSYS_BAD_ARGUMENT: a parameter that says nothing with another one, such as `arch "dot"`. */
extern RecsysStatus fail_unused_param(Env *env, const char *name, const char *other);

/* A section of a model holds no NaN and no infinity; else RECSYS_CORRUPT with the sentence. */
extern RecsysStatus check_finite(Env *env, const float *values, int64_t n, const char *what);

/* Finds a section of n_rows x n_cols floats, all of them finite. */
extern RecsysStatus open_floats(Env *env, const Recommender *rec, const char *name, int64_t n_rows,
								int64_t n_cols, const float **values);

/*
 * Ratings that a course needs to be ranked by predicted rating: min_ratings, or for NAN as many as the
 * last of the tenth of the rated courses that have most (their 90th percentile).
 */
extern double least_ratings(const Recommender *rec, double min_ratings);

/* Entry (row, column) of a sparse matrix, 0 when it is not stored; O(log row length). */
extern float entry_value(const Csr *csr, int32_t row, int32_t column);

/*
 * Adds a reason to the n held so far, at most max; with max held already it
 * replaces the one of least absolute weight, if it weighs more itself.  Returns
 * the number held.
 */
extern int	add_reason(Reason *reasons, int n, int max, Reason reason);

#endif							/* CORE_METHODS_SUPPORT_H */
