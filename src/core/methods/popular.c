/*
 * popular.c
 *		Non-personal ranking: the same courses for everybody.
 *
 * With w the weight of a rating by its age (1 without half_life), a course has
 * v = sum w votes and the mean rating R = sum w r / sum w.  Its score is
 *
 *		count		v
 *		mean		R
 *		weighted	v / (v + m) R + m / (v + m) C
 *		trending	v with a half-life of 30 days when none is given
 *		random		a number of [0, 1) from a hash of (random_state, course key)
 *
 * where C is the mean of the course means and m the given percentile of the
 * votes of the rated courses, interpolated linearly; courses with fewer than m
 * votes are left out.  "weighted" is the formula behind the film charts of the
 * Internet Movie Database: the mean rating, drawn to C when votes are few.
 *
 * Courses without a vote have no score, but for random.  The random number of a
 * course does not depend on which other courses there are.
 *
 * Cost: one pass over the ratings, an exp2 each with half_life or trending; 4
 * bytes a course in the model, 28 while training.
 *
 * When to use: as the baseline that every other method has to beat, for
 * visitors without a history, and as charts on a front page.
 */
#include <stdlib.h>
#include <string.h>

#include "core/methods/methods.h"
#include "core/methods/support.h"
#include "core/rng.h"

#define TRENDING_HALF_LIFE (30 * 86400.0)	/* seconds */

/* Values of the parameter "score", in the order of its choices. */
typedef enum PopularScore
{
	POPULAR_COUNT,
	POPULAR_MEAN,
	POPULAR_WEIGHTED,
	POPULAR_TRENDING,
	POPULAR_RANDOM
} PopularScore;

typedef struct PopularParams
{
	CommonParams common;
	int			score;			/* PopularScore */
	double		percentile;
} PopularParams;

typedef struct PopularState
{
	const float *scores;		/* n_courses */
} PopularState;

static const ParamDef popular_params[] = {
	{.name = "score", .type = PARAM_CHOICE, .offset = offsetof(PopularParams, score),
		.default_text = "count", .choices = "count mean weighted trending random",
		.description = "What ranks the courses: number of ratings, mean rating, mean rating "
	"weighted by the number of ratings, recent ratings, or chance."},
	{.name = "percentile", .type = PARAM_FLOAT, .offset = offsetof(PopularParams, percentile),
		.default_text = "0.9", .min = 0, .max = 1,
		.description = "Score weighted: share of the rated courses that have too few ratings to "
	"be ranked."},
};

/* Trending ratings and half-lives need times. */
static RecsysStatus
popular_check(Env *env, const TrainingSet *set, const void *params)
{
	const PopularParams *p = params;

	if (p->score == POPULAR_TRENDING && set->by_course.times == NULL)
	{
		env_fail(env, RECSYS_BAD_ARGUMENT,
				 "parameter \"score\" cannot be \"trending\" without times");
		return env_hint(env, "Register the dataset with time_column.");
	}
	return check_half_life(env, set, params);
}

/* One pass over the ratings, then over the courses. */
static void
popular_estimate(const Shape *shape, const void *params, Estimate *estimate)
{
	const PopularParams *p = params;
	bool		aged = p->score == POPULAR_TRENDING || !isnan(p->common.half_life);
	double		courses = (double) shape->n_courses;

	estimate->model_bytes = sizeof(float) * courses;
	estimate->bytes = estimate->model_bytes + 3 * sizeof(double) * courses;
	estimate->seconds = (aged ? 9e-9 : 4e-9) * (double) shape->n_ratings + 1e-7 * courses;
}

/* Half-life of the votes in seconds; NAN: votes do not age. */
static double
vote_half_life(const PopularParams *params)
{
	if (params->score == POPULAR_TRENDING && isnan(params->common.half_life))
		return TRENDING_HALF_LIFE;
	return params->common.half_life;
}

/* votes[c] and means[c] of every course; a course without votes has 0 and 0. */
static RecsysStatus
count_votes(Env *env, const TrainingSet *set, double half_life, double *votes, double *means)
{
	const Csr  *ratings = &set->by_course;

	for (int32_t c = 0; c < ratings->n_rows; c++)
	{
		double		sum = 0;

		votes[c] = 0;
		for (int64_t e = ratings->offsets[c]; e < ratings->offsets[c + 1]; e++)
		{
			double		weight = entry_weight(ratings, e, set->summary.last_time, half_life);

			if (e % POLL_ENTRIES == 0 && env_interrupted(env))
				return env->status;
			votes[c] += weight;
			sum += weight * (double) ratings->values[e];
		}
		means[c] = votes[c] > 0 ? sum / votes[c] : 0;
	}
	return RECSYS_OK;
}

/* Order of doubles for qsort. */
static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

/* Percentile (0 .. 1) of n > 0 ascending numbers, interpolated linearly between neighbours. */
static double
percentile_of(const double *sorted, int32_t n, double percentile)
{
	double		position = percentile * (n - 1);
	int32_t		below = (int32_t) position;
	double		part = position - below;

	if (below + 1 >= n)
		return sorted[n - 1];
	return sorted[below] + part * (sorted[below + 1] - sorted[below]);
}

/* scores[c] of the weighted mean; works in sorted, n numbers. */
static void
weighted_scores(int32_t n, const double *votes, const double *means, double percentile,
				double *sorted, float *scores)
{
	double		mean_sum = 0;
	double		least;			/* m of the formula */
	double		mean;			/* C */
	int32_t		n_rated = 0;

	for (int32_t c = 0; c < n; c++)
		if (votes[c] > 0)
		{
			sorted[n_rated++] = votes[c];
			mean_sum += means[c];
		}
	if (n_rated == 0)
		return;
	qsort(sorted, (size_t) n_rated, sizeof(double), compare_doubles);
	least = percentile_of(sorted, n_rated, percentile);
	mean = mean_sum / n_rated;
	for (int32_t c = 0; c < n; c++)
		if (votes[c] > 0 && votes[c] >= least)
			scores[c] = finish_score((votes[c] * means[c] + least * mean) / (votes[c] + least),
									 NAN);
}

/* scores[c] from the ratings; stays NO_OPINION for courses without votes. */
static RecsysStatus
rated_scores(Env *env, const TrainingSet *set, const PopularParams *params, float *scores)
{
	int32_t		n = set->by_course.n_rows;
	double	   *votes = env_alloc(env, (size_t) n, 3 * sizeof(double));
	double	   *means;

	if (votes == NULL)
		return env->status;
	means = votes + n;
	TRY(count_votes(env, set, vote_half_life(params), votes, means));
	if (params->score == POPULAR_WEIGHTED)
		weighted_scores(n, votes, means, params->percentile, means + n, scores);
	else
		for (int32_t c = 0; c < n; c++)
			if (votes[c] > 0)
				scores[c] = finish_score(params->score == POPULAR_MEAN ? means[c] : votes[c], NAN);
	env_free(env, votes);
	return RECSYS_OK;
}

/* Uniform [0, 1) from the seed and the key of a course; 24 bits, all that a float holds. */
static float
random_score(int64_t random_state, const IdMap *courses, int32_t course)
{
	uint64_t	hash = key_hash(courses->kind, idmap_key(courses, course), 0);

	return (float) (hash_combine((uint64_t) random_state, hash) >> 40) * 0x1p-24f;
}

/* Computes the section "scores". */
static RecsysStatus
popular_fit(Env *env, const TrainingSet *set, const void *params, ModelWriter *writer)
{
	const PopularParams *p = params;
	int32_t		n = set->by_course.n_rows;
	float	   *scores = env_alloc(env, (size_t) n, sizeof(float));

	if (scores == NULL)
		return env->status;
	for (int32_t c = 0; c < n; c++)
		scores[c] = p->score == POPULAR_RANDOM ?
			random_score(p->common.random_state, &set->courses, c) : NO_OPINION;
	if (p->score != POPULAR_RANDOM)
		TRY(rated_scores(env, set, p, scores));
	return model_put(env, writer, "scores", SECTION_FLOAT, n, 1, scores);
}

/* Finds the scores. */
static RecsysStatus
popular_open(Env *env, Recommender *rec)
{
	PopularState *state = rec->state;
	int64_t		n_rows = rec->n_courses;
	int64_t		n_cols = 1;
	const void *data;

	TRY(model_get(env, &rec->model, "scores", SECTION_FLOAT, &n_rows, &n_cols, &data));
	state->scores = data;
	for (int32_t c = 0; c < rec->n_courses; c++)
		if (!isfinite(state->scores[c]) && state->scores[c] != NO_OPINION)
			return model_damaged(env, "The score of a course is not finite.");
	return RECSYS_OK;
}

/* The same scores for everybody. */
static void
popular_score(const Recommender *rec, const History *history, void *scratch, float *scores)
{
	const PopularState *state = rec->state;

	(void) history;
	(void) scratch;
	memcpy(scores, state->scores, (size_t) rec->n_courses * sizeof(float));
}

/* One reason: it is popular. */
static int
popular_explain(const Recommender *rec, const History *history, int32_t course, void *scratch,
				Reason *reasons, int max)
{
	const PopularState *state = rec->state;
	Reason		reason = {REASON_POPULARITY, 0, state->scores[course]};

	(void) history;
	(void) scratch;
	if (reason.weight == NO_OPINION)
		return 0;
	return add_reason(reasons, 0, max, reason);
}

const Method method_popular = {
	.name = "popular",
	.description = "The same courses for everybody: most rated, best rated, trending or random.",
	.objective = OBJECTIVE_RANKING,
	.params = {"popular", popular_params, N_PARAMS(popular_params), sizeof(PopularParams)},
	.state_size = sizeof(PopularState),
	.check = popular_check,
	.estimate = popular_estimate,
	.fit = popular_fit,
	.open = popular_open,
	.score = popular_score,
	.explain = popular_explain,
};
