/*
 * svd_sgd.c
 *		Stochastic gradient descent on the objective of svd_common.h, on several threads,
 *		with the same bits for any number of them.
 *
 * Users and courses are shuffled and each cut into B groups of about equally many
 * ratings, which makes B x B blocks of ratings.  Blocks that share neither users
 * nor courses can be descended at the same time without touching the same numbers
 * (distributed stochastic gradient descent: Gemulla et al., KDD 2011).  An epoch is
 * B rounds; in round r, user group g meets course group (g + r) mod B.  B depends on
 * the size of the data alone and a block has its own fixed order (by user), so the
 * result is that of one thread that takes the blocks one by one.
 *
 * What it costs over a free order: threads wait for the longest block of each round
 * (blocks are small and handed out one by one, so that is at most one block a
 * round), and ratings of one user within a block follow one another.
 *
 * The learning rate falls linearly from learning_rate to 0 over the iterations, which
 * ends near a minimum of the objective, so that the fold-in, which is its exact
 * minimum for one user, agrees.
 *
 * Time: iterations x ratings x factors, one pass over 16 bytes a rating, rows of
 * factors from the cache.  Memory: 12 bytes a rating (16 with a half-life) beside
 * the factors.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "core/parallel.h"
#include "core/rng.h"
#include "core/svd_common.h"
#include "core/svd_kernels.h"

/* Multiply-adds of a block when there is enough data: half a millisecond. */
#define BLOCK_WORK (INT64_C(1) << 20)
#define GROUPS_MIN 8
#define GROUPS_MAX 255

/* Steps of the leader between two polls for interrupts. */
#define POLL_STEPS 65536
#define POLL_ROWS 256

/* One side, users or courses. */
typedef struct Side
{
	const Csr  *ratings;
	uint8_t    *group;			/* of each */
	float	   *weights;		/* of all ratings of each */
	float	   *rows;
} Side;

typedef struct Descent
{
	const TrainingSet *set;
	const SvdOptions *options;
	const SvdFactors *model;
	int			n_groups;
	Side		users;
	Side		courses;
	SgdEntry   *entries;		/* by user group, course group, shuffled user, course */
	float	   *weights;		/* of the entries, or NULL */
	int64_t    *starts;			/* of the blocks, n_groups^2 + 1 */
	double	   *losses;			/* of the blocks of a round, by user group */
	double		total_weight;
	int			round;
	double		rate;
} Descent;

/* Number of groups for so many ratings and factors, and no more than there are users or courses. */
static int
count_groups(int64_t n_ratings, int width, int32_t n_users, int32_t n_courses)
{
	int64_t		blocks = n_ratings * width / BLOCK_WORK;
	int64_t		n = GROUPS_MIN;

	while (n < GROUPS_MAX && n * n < blocks)
		n++;
	n = n < n_users ? n : n_users;
	return (int) (n < n_courses ? n : n_courses);
}

/* Fills order with 0 .. n - 1 in random order (Fisher and Yates). */
static RecsysStatus
shuffle(Env *env, uint64_t seed, int32_t n, int32_t *order)
{
	Rng			rng;

	rng_seed(&rng, seed, 0);
	for (int32_t i = 0; i < n; i++)
	{
		int32_t		other = (int32_t) rng_below(&rng, (uint64_t) i + 1);

		if (i % POLL_STEPS == 0 && env_interrupted(env))
			return env->status;
		order[i] = order[other];
		order[other] = i;
	}
	return RECSYS_OK;
}

/* Cuts one side, in the order given, where its ratings divide evenly. */
static RecsysStatus
cut(Env *env, int n_groups, const int32_t *order, Side *side)
{
	const Csr  *ratings = side->ratings;
	int64_t		seen = 0;

	for (int32_t i = 0; i < ratings->n_rows; i++)
	{
		int64_t		n = csr_row_length(ratings, order[i]);
		double		middle = (double) seen + (double) n / 2;

		if (i % POLL_STEPS == 0 && env_interrupted(env))
			return env->status;
		side->group[order[i]] = (uint8_t) (middle * n_groups / ((double) ratings->n_entries + 1));
		seen += n;
	}
	return RECSYS_OK;
}

/* Allocates and cuts one side; the order stays allocated. */
static RecsysStatus
init_side(Env *env, Descent *descent, uint64_t stream, Side *side, int32_t **order)
{
	const SvdOptions *options = descent->options;
	size_t		n = (size_t) side->ratings->n_rows;

	side->group = env_alloc(env, n, sizeof(uint8_t));
	side->weights = env_alloc(env, n, sizeof(float));
	*order = env_alloc_zero(env, n, sizeof(int32_t));
	if (side->group == NULL || side->weights == NULL || *order == NULL)
		return env->status;
	TRY(svd_row_weights(env, side->ratings, descent->set->summary.last_time, options->half_life,
						side->weights));
	TRY(shuffle(env, hash_combine(options->random_state, stream), (int32_t) n, *order));
	return cut(env, descent->n_groups, *order, side);
}

/* Number of the block of a rating. */
static inline int64_t
block_of(const Descent *descent, int32_t user, int32_t course)
{
	return (int64_t) descent->users.group[user] * descent->n_groups +
		descent->courses.group[course];
}

/* Fills starts by counting the ratings of each block. */
static RecsysStatus
count_blocks(Env *env, Descent *descent)
{
	const Csr  *ratings = descent->users.ratings;
	int64_t		n_blocks = (int64_t) descent->n_groups * descent->n_groups;

	for (int32_t u = 0; u < ratings->n_rows; u++)
	{
		if (u % POLL_ROWS == 0 && env_interrupted(env))
			return env->status;
		for (int64_t e = ratings->offsets[u]; e < ratings->offsets[u + 1]; e++)
			descent->starts[block_of(descent, u, ratings->indexes[e]) + 1]++;
	}
	for (int64_t b = 0; b < n_blocks; b++)
		descent->starts[b + 1] += descent->starts[b];
	return RECSYS_OK;
}

/* Copies the ratings of user u into their blocks; next: the free places. */
static void
place_user(Descent *descent, int32_t u, int64_t *next)
{
	const Csr  *ratings = descent->users.ratings;

	for (int64_t e = ratings->offsets[u]; e < ratings->offsets[u + 1]; e++)
	{
		int32_t		c = ratings->indexes[e];
		int64_t		at = next[block_of(descent, u, c)]++;

		descent->entries[at] = (SgdEntry) {u, c, svd_target(descent->model, ratings->values[e])};
		if (descent->weights != NULL)
			descent->weights[at] = age_weight(ratings->times[e], descent->set->summary.last_time,
											  descent->options->half_life);
	}
}

/* Sorts the ratings by block; users in their shuffled order. */
static RecsysStatus
place_ratings(Env *env, Descent *descent, const int32_t *user_order)
{
	size_t		n_blocks = (size_t) descent->n_groups * (size_t) descent->n_groups;
	int64_t    *next = env_alloc(env, n_blocks, sizeof(int64_t));

	if (next == NULL)
		return env->status;
	memcpy(next, descent->starts, n_blocks * sizeof(int64_t));
	for (int32_t i = 0; i < descent->users.ratings->n_rows; i++)
	{
		if (i % POLL_ROWS == 0 && env_interrupted(env))
			return env->status;
		place_user(descent, user_order[i], next);
	}
	env_free(env, next);
	return RECSYS_OK;
}

/* Allocates what the ratings need. */
static RecsysStatus
allocate_blocks(Env *env, Descent *descent)
{
	size_t		n_ratings = (size_t) descent->users.ratings->n_entries;
	size_t		n_groups = (size_t) descent->n_groups;
	bool		ages = !isnan(descent->options->half_life) && descent->set->by_user.times != NULL;

	descent->entries = env_alloc(env, n_ratings, sizeof(SgdEntry));
	descent->weights = ages ? env_alloc(env, n_ratings, sizeof(float)) : NULL;
	descent->starts = env_alloc_zero(env, n_groups * n_groups + 1, sizeof(int64_t));
	descent->losses = env_alloc(env, n_groups, sizeof(double));
	if (descent->entries == NULL || (ages && descent->weights == NULL) ||
		descent->starts == NULL || descent->losses == NULL)
		return env->status;
	return RECSYS_OK;
}

/* Makes the blocks. */
static RecsysStatus
prepare(Env *env, Descent *descent)
{
	int32_t    *user_order;
	int32_t    *course_order;

	TRY(init_side(env, descent, 2, &descent->users, &user_order));
	TRY(init_side(env, descent, 3, &descent->courses, &course_order));
	env_free(env, course_order);
	TRY(allocate_blocks(env, descent));
	TRY(count_blocks(env, descent));
	TRY(place_ratings(env, descent, user_order));
	env_free(env, user_order);
	for (int32_t u = 0; u < descent->users.ratings->n_rows; u++)
		descent->total_weight += descent->users.weights[u];
	return RECSYS_OK;
}

/* Gives everything of prepare back. */
static void
finish(Env *env, Descent *descent)
{
	env_free(env, descent->entries);
	env_free(env, descent->weights);
	env_free(env, descent->starts);
	env_free(env, descent->losses);
	env_free(env, descent->users.group);
	env_free(env, descent->users.weights);
	env_free(env, descent->courses.group);
	env_free(env, descent->courses.weights);
}

/* ParallelFunction: the blocks of user groups begin .. end - 1 in this round. */
static RecsysStatus
descend_blocks(void *arg, int64_t begin, int64_t end, int worker)
{
	const Descent *descent = arg;

	(void) worker;
	for (int64_t g = begin; g < end; g++)
	{
		int64_t		b = g * descent->n_groups + (g + descent->round) % descent->n_groups;
		int64_t		start = descent->starts[b];
		SgdBlock	block = {
			.entries = descent->entries + start,
			.weights = descent->weights == NULL ? NULL : descent->weights + start,
			.n = descent->starts[b + 1] - start,
			.user_rows = descent->users.rows,
			.course_rows = descent->courses.rows,
			.width = svd_width(descent->model->factors),
			.stride = descent->model->stride,
			.rate = (float) descent->rate,
			.regularization = (float) descent->options->regularization,
		};

		descent->losses[g] = sgd_block(&block);
	}
	return RECSYS_OK;
}

/* One pass over all ratings; the sum of their squared errors, each from before its step. */
static RecsysStatus
descend(Env *env, Descent *descent, double *squared_error)
{
	*squared_error = 0;
	for (descent->round = 0; descent->round < descent->n_groups; descent->round++)
	{
		TRY(parallel_for(env, descent->n_groups, 1, descend_blocks, descent, false));
		for (int g = 0; g < descent->n_groups; g++)
			*squared_error += descent->losses[g];
	}
	return RECSYS_OK;
}

/* Logs an epoch: the errors before each step, and the regularisation term at its end. */
static RecsysStatus
log_epoch(Env *env, const Descent *descent, int epoch, double squared_error)
{
	double		total = fmax(descent->total_weight, DBL_MIN);
	int			stride = descent->model->stride;
	double		penalty = 0;

	TRY(svd_penalty(env, descent->users.rows, descent->users.weights,
					descent->users.ratings->n_rows, stride, &penalty));
	TRY(svd_penalty(env, descent->courses.rows, descent->courses.weights,
					descent->courses.ratings->n_rows, stride, &penalty));
	return svd_log(env, descent->options, epoch, squared_error / total,
				   descent->options->regularization * penalty / total);
}

/* All epochs. */
RecsysStatus
svd_fit_sgd(Env *env, const TrainingSet *set, const SvdOptions *options, SvdFactors *model)
{
	Descent		descent = {.set = set, .options = options, .model = model,
		.users = {.ratings = &set->by_user}, .courses = {.ratings = &set->by_course}};

	TRY(svd_init(env, set, options, false, model));
	descent.n_groups = count_groups(set->by_user.n_entries, svd_width(model->factors),
									set->by_user.n_rows, set->by_course.n_rows);
	descent.users.rows = model->user_factors;
	descent.courses.rows = model->course_factors;
	TRY(prepare(env, &descent));
	for (int i = 0; i < options->iterations; i++)
	{
		double		squared_error;

		env_progress(env, PHASE_FITTING, i, options->iterations);
		descent.rate = options->learning_rate * (1 - (double) i / options->iterations);
		TRY(descend(env, &descent, &squared_error));
		TRY(log_epoch(env, &descent, i + 1, squared_error));
	}
	env_progress(env, PHASE_FITTING, options->iterations, options->iterations);
	finish(env, &descent);
	TRY(svd_finish_rows(env, model, set->by_user.n_rows, model->user_factors, model->user_bias));
	return svd_finish_rows(env, model, set->by_course.n_rows, model->course_factors,
						   model->course_bias);
}
