/*
 * svd_sgd.c
 *		Stochastic gradient descent on the objective of svd_common.h, on several threads,
 *		with the same bits for any number of them.
 *
 * Courses are cut into B groups and users into S x B, of about equally many ratings,
 * which makes S B^2 blocks of ratings.  Blocks that share neither users nor courses can
 * be descended at the same time without touching the same numbers (distributed
 * stochastic gradient descent: Gemulla et al., KDD 2011).  An epoch takes one stripe of
 * B user groups after the other; a stripe is B rounds, and in round r, user group g meets
 * course group (g + r) mod B.  All that depends on the size of the data alone, and a block
 * has its own fixed order (by user), so the result is that of one thread that takes the
 * blocks one by one.
 *
 * Threads wait for the longest block of each round: blocks are small and handed out one by
 * one, so that is at most one block a round, of B for all threads together.
 *
 * Few course groups, so that a user has several ratings in a block and svd_kernels.h can take
 * them together; stripes, so that the rows of their users stay in the cache for B rounds.
 *
 * The learning rate falls linearly from learning_rate to 0 over the iterations, which
 * ends near a minimum of the objective, so that the fold-in, which is its exact
 * minimum for one user, agrees.
 *
 * Time: iterations x ratings x factors, one pass over 12 bytes a rating, rows of
 * factors from the cache.  Measured with 9 million ratings and 100 factors on cores of 3 GHz that had
 * other work: 28 ns of processor time a rating and iteration, on one thread as on two.  Memory: 12 bytes
 * a rating (16 with a half-life) beside the factors.
 */
#include <float.h>
#include <math.h>

#include "core/parallel.h"
#include "core/svd_common.h"
#include "core/svd_kernels.h"

/* Multiply-adds of a block when there is enough data: a quarter of a millisecond. */
#define BLOCK_WORK (INT64_C(1) << 20)

/* Course groups, and user groups of a stripe. */
#define GROUPS_MAX 16

/* Bytes of the users' rows of a stripe: they should stay in the cache. */
#define STRIPE_BYTES (INT64_C(1) << 23)

/* Keeps the number of blocks of an epoch in an int. */
#define STRIPES_MAX (1 << 20)

/* Steps of the leader between two polls for interrupts. */
#define POLL_ROWS 4096

typedef struct Descent
{
	const TrainingSet *set;
	const SvdOptions *options;
	const SvdFactors *model;
	int			n_groups;		/* B */
	int			n_stripes;		/* S */
	int32_t    *first_user;		/* of each user group, and the end */
	uint8_t    *group;			/* of each course */
	SvdRows		users;
	SvdRows		courses;
	SgdEntry   *entries;		/* by user group, course group, user, course */
	float	   *weights;		/* of the entries, or NULL */
	int64_t    *starts;			/* of the blocks, by user group and course group, and the end */
	double	   *losses;			/* of the blocks of a round */
	double		total_weight;
	int			round;			/* of the epoch */
	double		rate;
} Descent;

/* S x B. */
static int
count_user_groups(const Descent *descent)
{
	return descent->n_groups * descent->n_stripes;
}

/* B and S, and no more groups than there are users or courses. */
static void
count_groups(int64_t n_users, int64_t n_courses, int64_t n_ratings, int stride, int *n_groups,
			 int *n_stripes)
{
	int64_t		groups = GROUPS_MAX;
	int64_t		blocks = n_ratings * stride / BLOCK_WORK;
	int64_t		bytes = n_users * stride * (int64_t) sizeof(float);
	int64_t		stripes;

	groups = groups < n_users ? groups : n_users;
	groups = groups < n_courses ? groups : n_courses;
	groups = groups > 1 ? groups : 1;
	stripes = blocks / (groups * groups);
	stripes = stripes > bytes / STRIPE_BYTES ? stripes : bytes / STRIPE_BYTES;
	stripes = stripes < n_users / groups ? stripes : n_users / groups;
	stripes = stripes < STRIPES_MAX ? stripes : STRIPES_MAX;
	*n_groups = (int) groups;
	*n_stripes = stripes > 1 ? (int) stripes : 1;
}

/* What prepare allocates. */
double
svd_sgd_bytes(int64_t n_users, int64_t n_courses, int64_t n_ratings, int factors, bool ages)
{
	int			n_groups;
	int			n_stripes;
	double		n_blocks;

	count_groups(n_users, n_courses, n_ratings, svd_stride(factors), &n_groups, &n_stripes);
	n_blocks = (double) n_groups * n_groups * n_stripes;
	return (double) n_ratings * (double) (sizeof(SgdEntry) + (ages ? sizeof(float) : 0)) +
		n_blocks * (double) sizeof(int64_t) +
		(double) (n_users + n_courses) * 2 * (double) sizeof(float) + (double) n_courses;
}

/* First row that begins at or after part `part` of `parts` of the ratings. */
static int32_t
cut_at(const Csr *ratings, int64_t part, int64_t parts)
{
	double		wanted = (double) ratings->n_entries * (double) part / (double) parts;
	int32_t		low = 0;
	int32_t		high = ratings->n_rows;

	while (low < high)
	{
		int32_t		middle = low + (high - low) / 2;

		if ((double) ratings->offsets[middle] < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Cuts both sides where their ratings divide evenly. */
static RecsysStatus
cut_groups(Env *env, Descent *descent)
{
	int			n_user_groups = count_user_groups(descent);
	const Csr  *by_course = &descent->set->by_course;

	descent->first_user = env_alloc(env, (size_t) n_user_groups + 1, sizeof(int32_t));
	descent->group = env_alloc(env, (size_t) descent->courses.n, sizeof(uint8_t));
	if (descent->first_user == NULL || descent->group == NULL)
		return env->status;
	for (int g = 0; g <= n_user_groups; g++)
		descent->first_user[g] = g == n_user_groups ? descent->users.n :
			cut_at(&descent->set->by_user, g, n_user_groups);
	for (int g = 0; g < descent->n_groups; g++)
	{
		int32_t		end = g + 1 == descent->n_groups ? descent->courses.n :
			cut_at(by_course, g + 1, descent->n_groups);

		for (int32_t c = cut_at(by_course, g, descent->n_groups); c < end; c++)
			descent->group[c] = (uint8_t) g;
	}
	return RECSYS_OK;
}

/* Finds where the blocks of a user group start, given the group's first rating. */
static void
count_blocks(const Descent *descent, int64_t group)
{
	const Csr  *ratings = &descent->set->by_user;
	int64_t		end = ratings->offsets[descent->first_user[group + 1]];
	int64_t		start = ratings->offsets[descent->first_user[group]];
	int64_t		counts[GROUPS_MAX] = {0};

	for (int64_t e = start; e < end; e++)
		counts[descent->group[ratings->indexes[e]]]++;
	for (int c = 0; c < descent->n_groups; c++)
	{
		descent->starts[group * descent->n_groups + c] = start;
		start += counts[c];
	}
}

/* Copies the ratings of user u into their blocks; next: the free places. */
static void
place_user(const Descent *descent, int32_t u, int64_t *next)
{
	const Csr  *ratings = &descent->set->by_user;

	for (int64_t e = ratings->offsets[u]; e < ratings->offsets[u + 1]; e++)
	{
		int32_t		c = ratings->indexes[e];
		int64_t		at = next[descent->group[c]]++;

		descent->entries[at] = (SgdEntry) {u, c, svd_target(descent->model, ratings->values[e])};
		if (descent->weights != NULL)
			descent->weights[at] = age_weight(ratings->times[e], descent->set->summary.last_time,
											  descent->options->half_life);
	}
}

/* ParallelFunction: sorts the ratings of user groups begin .. end - 1 by block. */
static RecsysStatus
place_groups(void *arg, int64_t begin, int64_t end, int worker)
{
	const Descent *descent = arg;

	(void) worker;
	for (int64_t g = begin; g < end; g++)
	{
		int64_t		next[GROUPS_MAX];

		count_blocks(descent, g);
		for (int c = 0; c < descent->n_groups; c++)
			next[c] = descent->starts[g * descent->n_groups + c];
		for (int32_t u = descent->first_user[g]; u < descent->first_user[g + 1]; u++)
			place_user(descent, u, next);
	}
	return RECSYS_OK;
}

/* Allocates what the ratings need. */
static RecsysStatus
allocate_blocks(Env *env, Descent *descent)
{
	size_t		n_ratings = (size_t) descent->set->by_user.n_entries;
	size_t		n_groups = (size_t) descent->n_groups;
	size_t		n_blocks = n_groups * (size_t) count_user_groups(descent);
	bool		ages = !isnan(descent->options->half_life) && descent->set->by_user.times != NULL;

	descent->entries = env_alloc(env, n_ratings, sizeof(SgdEntry));
	descent->weights = ages ? env_alloc(env, n_ratings, sizeof(float)) : NULL;
	descent->starts = env_alloc(env, n_blocks + 1, sizeof(int64_t));
	descent->losses = env_alloc(env, n_groups, sizeof(double));
	if (descent->entries == NULL || (ages && descent->weights == NULL) ||
		descent->starts == NULL || descent->losses == NULL)
		return env->status;
	descent->starts[n_blocks] = (int64_t) n_ratings;
	return RECSYS_OK;
}

/* Allocates what one side needs beside the rows. */
static RecsysStatus
init_side(Env *env, const Descent *descent, const Csr *ratings, SvdRows *side)
{
	side->scale = env_alloc(env, (size_t) side->n, sizeof(float));
	side->weights = env_alloc(env, (size_t) side->n, sizeof(float));
	if (side->scale == NULL || side->weights == NULL)
		return env->status;
	for (int32_t i = 0; i < side->n; i++)
	{
		if (i % POLL_ROWS == 0 && env_interrupted(env))
			return env->status;
		side->scale[i] = 1;
	}
	return svd_row_weights(env, ratings, descent->set->summary.last_time,
						   descent->options->half_life, side->weights);
}

/* Makes the blocks. */
static RecsysStatus
prepare(Env *env, Descent *descent)
{
	count_groups(descent->users.n, descent->courses.n, descent->set->by_user.n_entries,
				 descent->model->stride, &descent->n_groups, &descent->n_stripes);
	TRY(init_side(env, descent, &descent->set->by_user, &descent->users));
	TRY(init_side(env, descent, &descent->set->by_course, &descent->courses));
	TRY(cut_groups(env, descent));
	TRY(allocate_blocks(env, descent));
	TRY(parallel_for(env, count_user_groups(descent), 1, place_groups, descent, false));
	for (int32_t u = 0; u < descent->users.n; u++)
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
	env_free(env, descent->first_user);
	env_free(env, descent->group);
	env_free(env, descent->users.scale);
	env_free(env, descent->users.weights);
	env_free(env, descent->courses.scale);
	env_free(env, descent->courses.weights);
}

/* Steps through one block of ratings. */
static double
descend_block(const Descent *descent, int64_t block)
{
	int64_t		start = descent->starts[block];

	return sgd_block(&(SgdBlock) {
		.entries = descent->entries + start,
		.weights = descent->weights == NULL ? NULL : descent->weights + start,
		.n = descent->starts[block + 1] - start,
		.users = {descent->users.rows, descent->users.scale, descent->users.bias},
		.courses = {descent->courses.rows, descent->courses.scale, descent->courses.bias},
		.width = svd_width(descent->model->factors),
		.stride = descent->model->stride,
		.rate = (float) descent->rate,
		.regularization = (float) descent->options->regularization,
	});
}

/* ParallelFunction: the blocks of user groups begin .. end - 1 of the stripe, in this round. */
static RecsysStatus
descend_blocks(void *arg, int64_t begin, int64_t end, int worker)
{
	const Descent *descent = arg;
	int			n_groups = descent->n_groups;

	(void) worker;
	for (int64_t g = begin; g < end; g++)
	{
		int64_t		user_group = (int64_t) (descent->round / n_groups) * n_groups + g;
		int64_t		course_group = (g + descent->round) % n_groups;

		descent->losses[g] = descend_block(descent, user_group * n_groups + course_group);
	}
	return RECSYS_OK;
}

/* One pass over all ratings; the sum of their squared errors, each from before its step. */
static RecsysStatus
descend(Env *env, Descent *descent, double *squared_error)
{
	*squared_error = 0;
	for (descent->round = 0; descent->round < count_user_groups(descent); descent->round++)
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
	double		penalty = 0;

	TRY(svd_penalty(env, &descent->users, &penalty));
	TRY(svd_penalty(env, &descent->courses, &penalty));
	return svd_log(env, descent->options, epoch, squared_error / total,
				   descent->options->regularization * penalty / total);
}

/* All epochs. */
RecsysStatus
svd_fit_sgd(Env *env, const TrainingSet *set, const SvdOptions *options, SvdFactors *model)
{
	Descent		descent = {.set = set, .options = options, .model = model};

	TRY(svd_init(env, set, options, false, model));
	descent.users = (SvdRows) {.n = set->by_user.n_rows, .stride = model->stride,
		.rows = model->user_factors, .bias = model->user_bias};
	descent.courses = (SvdRows) {.n = set->by_course.n_rows, .stride = model->stride,
		.rows = model->course_factors, .bias = model->course_bias};
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
	TRY(svd_finish_rows(env, &descent.users, model->factors));
	TRY(svd_finish_rows(env, &descent.courses, model->factors));
	finish(env, &descent);
	return RECSYS_OK;
}
