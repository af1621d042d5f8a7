/*
 * support.c
 *		Small things that several methods do the same way.
 */
#include "core/methods/support.h"

#include <float.h>
#include <stdio.h>

/* A half-life can only be applied to ratings with times. */
RecsysStatus
check_half_life(Env *env, const TrainingSet *set, const void *params)
{
	const CommonParams *common = params;

	if (isnan(common->half_life) || set->by_user.times != NULL)
		return RECSYS_OK;
	env_fail(env, RECSYS_BAD_ARGUMENT, "parameter \"half_life\" needs times");
	return env_hint(env, "Register the dataset with time_column.");
}

/*
 * Two passes: the first finds the only value that more than half of the ratings can have (Boyer and
 * Moore's majority vote), the second counts it.
 */
RecsysStatus
majority_rating(Env *env, const Csr *ratings, float *rating, double *share)
{
	int64_t		n = ratings->offsets[ratings->n_rows];
	int64_t		count = 0;

	*rating = 0;
	for (int64_t e = 0; e < n; e++)
	{
		if (e % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		if (count == 0)
			*rating = ratings->values[e];
		count += ratings->values[e] == *rating ? 1 : -1;
	}
	count = 0;
	for (int64_t e = 0; e < n; e++)
	{
		if (e % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		count += ratings->values[e] == *rating;
	}
	*share = n > 0 ? (double) count / (double) n : 0;
	return RECSYS_OK;
}

/* Also what no float holds becomes NO_OPINION. */
void
keep_positive_scores(int32_t n, float *scores)
{
	for (int32_t c = 0; c < n; c++)
		if (!(scores[c] > 0 && scores[c] <= FLT_MAX))
			scores[c] = NO_OPINION;
}

/* The share is in the message. */
RecsysStatus
warn_of_equal_ratings(Env *env, const TrainingSet *set)
{
	float		rating;
	double		share;

	TRY(majority_rating(env, &set->by_user, &rating, &share));
	if (share > EQUAL_RATINGS)
		env_message(env, MESSAGE_WARNING,
					"%.1f %% of the ratings are %g: there is next to nothing to learn from how they differ",
					100 * share, (double) rating);
	return RECSYS_OK;
}

/* Which one is wrong is for the user to say. */
RecsysStatus
fail_unused_param(Env *env, const char *name, const char *other)
{
	env_fail(env, RECSYS_BAD_ARGUMENT, "parameter \"%s\" cannot be used with %s", name, other);
	return env_hint(env, "Leave out \"%s\", or change the other.", name);
}

/* One pass; polls for interrupts, as a section may be large. */
RecsysStatus
check_finite(Env *env, const float *values, int64_t n, const char *what)
{
	for (int64_t i = 0; i < n; i++)
	{
		if (i % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		if (!isfinite(values[i]))
			return model_damaged(env, "%s", what);
	}
	return RECSYS_OK;
}

/* Of exactly that size. */
RecsysStatus
open_floats(Env *env, const Recommender *rec, const char *name, int64_t n_rows, int64_t n_cols,
			const float **values)
{
	char		what[MODEL_NAME_SIZE + 64];
	const void *data;

	TRY(model_get(env, &rec->model, name, SECTION_FLOAT, &n_rows, &n_cols, &data));
	*values = data;
	snprintf(what, sizeof(what), "A number of section \"%s\" is not finite.", name);
	return check_finite(env, data, n_rows * n_cols, what);
}

/* The courses are in order of their ratings already; at least one of them is above the percentile. */
double
least_ratings(const Recommender *rec, double min_ratings)
{
	int32_t		last = (int32_t) ((rec->summary.n_courses_rated - 1) / 10);

	return isnan(min_ratings) ? rec->course_counts[rec->popularity_order[last]] : min_ratings;
}

/* What csr_find finds, if it is there. */
float
entry_value(const Csr *csr, int32_t row, int32_t column)
{
	int64_t		entry = csr_find(csr, row, column);

	if (entry < csr->offsets[row + 1] && csr->indexes[entry] == column)
		return csr->values[entry];
	return 0;
}

/* Position of the reason of least absolute weight; n > 0. */
static int
weakest_reason(const Reason *reasons, int n)
{
	int			weakest = 0;

	for (int i = 1; i < n; i++)
		if (fabsf(reasons[i].weight) < fabsf(reasons[weakest].weight))
			weakest = i;
	return weakest;
}

/* Keeps the max heaviest reasons offered. */
int
add_reason(Reason *reasons, int n, int max, Reason reason)
{
	int			weakest;

	if (n < max)
	{
		reasons[n] = reason;
		return n + 1;
	}
	if (n == 0)
		return 0;
	weakest = weakest_reason(reasons, n);
	if (fabsf(reason.weight) > fabsf(reasons[weakest].weight))
		reasons[weakest] = reason;
	return n;
}
