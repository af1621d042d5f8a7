/*
 * svd_common.c
 *		What the solvers of method svd share: memory, first values, the training log.
 *
 * Every row of factors starts from a random stream of its own, so the numbers do
 * not depend on who draws them.
 */
#include "core/svd_common.h"

#include <math.h>

#include "core/parallel.h"
#include "core/parallel_sum.h"
#include "core/rng.h"
#include "core/vector.h"

/* Rows of one chunk when rows are drawn or summed. */
#define CHUNK_ROWS 256

/* Entries read between two polls for interrupts. */
#define POLL_ENTRIES INT64_C(65536)
#define POLL_ROWS 256

/* A run whose error is this many times that of the mean has diverged. */
#define DIVERGED 100.0

/* Rows to be filled with random numbers. */
typedef struct RandomRows
{
	float	   *rows;
	int			factors;
	int			stride;
	double		std_dev;
	uint64_t	seed;
} RandomRows;

/* ParallelFunction: draws rows begin .. end - 1. */
static RecsysStatus
draw_rows(void *arg, int64_t begin, int64_t end, int worker)
{
	const RandomRows *random = arg;

	(void) worker;
	for (int64_t row = begin; row < end; row++)
	{
		float	   *values = random->rows + row * random->stride;
		Rng			rng;

		rng_seed(&rng, random->seed, (uint64_t) row);
		for (int f = 0; f < random->factors; f++)
			values[f] = (float) (random->std_dev * rng_normal(&rng));
	}
	return RECSYS_OK;
}

/* Allocates n rows of factors and their biases, all zero. */
static RecsysStatus
init_side(Env *env, int32_t n, int stride, float **rows, float **bias)
{
	*bias = env_alloc_zero(env, (size_t) n, sizeof(float));
	*rows = env_alloc_zero(env, (size_t) n, (size_t) stride * sizeof(float));
	return *bias == NULL || *rows == NULL ? env->status : RECSYS_OK;
}

/* Draws the factors of all courses. */
static RecsysStatus
draw_courses(Env *env, const SvdOptions *options, int32_t n, const SvdFactors *model)
{
	RandomRows	random = {model->course_factors, options->factors, model->stride,
	options->init_std_dev, hash_combine(options->random_state, 0)};

	return parallel_for(env, n, CHUNK_ROWS, draw_rows, &random, false);
}

/* Courses that nobody rated have no factors. */
static void
clear_unrated(const Csr *by_course, SvdFactors *model)
{
	for (int32_t c = 0; c < by_course->n_rows; c++)
		if (csr_row_length(by_course, c) == 0)
			for (int f = 0; f < model->stride; f++)
				model->course_factors[(int64_t) c * model->stride + f] = 0;
}

/* Population standard deviation of all ratings; 1 when they are equal. */
static RecsysStatus
rating_deviation(Env *env, const TrainingSet *set, double *deviation)
{
	const Csr  *ratings = &set->by_user;
	double		squares = 0;

	for (int64_t e = 0; e < ratings->n_entries; e++)
	{
		double		difference = ratings->values[e] - set->summary.mean;

		if (e % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		squares += difference * difference;
	}
	*deviation = set->summary.min < set->summary.max ?
		sqrt(squares / (double) ratings->n_entries) : 1;
	return RECSYS_OK;
}

/* The start of every solver. */
RecsysStatus
svd_init(Env *env, const TrainingSet *set, const SvdOptions *options, bool implicit,
		 SvdFactors *model)
{
	int32_t		n_users = set->by_user.n_rows;
	int32_t		n_courses = set->by_course.n_rows;

	*model = (SvdFactors) {.factors = options->factors, .stride = svd_stride(options->factors),
		.mean = set->summary.mean};
	TRY(rating_deviation(env, set, &model->deviation));
	TRY(init_side(env, n_courses, model->stride, &model->course_factors, &model->course_bias));
	TRY(init_side(env, n_users, model->stride, &model->user_factors, &model->user_bias));
	TRY(draw_courses(env, options, n_courses, model));
	clear_unrated(&set->by_course, model);
	if (!implicit)
		return RECSYS_OK;
	model->implicit = env_alloc_zero(env, (size_t) n_courses,
									 (size_t) model->stride * sizeof(float));
	return model->implicit == NULL ? env->status : RECSYS_OK;
}

/* The user side is not part of a model. */
void
svd_free_users(Env *env, SvdFactors *model)
{
	env_free(env, model->user_bias);
	env_free(env, model->user_factors);
	model->user_bias = NULL;
	model->user_factors = NULL;
}

/* Ratings have variance 1 here, so the error of predicting the mean is 1. */
RecsysStatus
svd_log(Env *env, const SvdOptions *options, int iteration, double squared_error, double penalty)
{
	if (!isfinite(penalty) || !(squared_error < DIVERGED))
	{
		env_fail(env, RECSYS_NOT_CONVERGED, "training diverged in iteration %d", iteration);
		return env_hint(env, "Lower learning_rate (now %g) or raise regularization (now %g).",
						options->learning_rate, options->regularization);
	}
	env_loss(env, iteration, "squared_error", squared_error);
	env_loss(env, iteration, "regularization", penalty);
	return RECSYS_OK;
}

/* Rows to be finished. */
typedef struct FinishPass
{
	const SvdRows *side;
	int			factors;
} FinishPass;

/* ParallelFunction: finishes rows begin .. end - 1. */
static RecsysStatus
finish_rows(void *arg, int64_t begin, int64_t end, int worker)
{
	const FinishPass *pass = arg;
	const SvdRows *side = pass->side;

	(void) worker;
	for (int64_t i = begin; i < end; i++)
	{
		float	   *row = side->rows + i * side->stride;

		if (side->scale != NULL)
			vector_scale(side->scale[i], row, pass->factors);
		row[pass->factors] = 1;
	}
	return RECSYS_OK;
}

/* One row after the other. */
RecsysStatus
svd_finish_rows(Env *env, const SvdRows *side, int factors)
{
	FinishPass	pass = {side, factors};

	return parallel_for(env, side->n, CHUNK_ROWS, finish_rows, &pass, false);
}

/* One pass over the ratings, or over the rows when nothing ages. */
RecsysStatus
svd_row_weights(Env *env, const Csr *ratings, int64_t last_time, double half_life, float *weights)
{
	bool		ages = ratings->times != NULL && !isnan(half_life);

	for (int32_t i = 0; i < ratings->n_rows; i++)
	{
		double		sum = ages ? 0 : (double) csr_row_length(ratings, i);

		if (i % POLL_ROWS == 0 && env_interrupted(env))
			return env->status;
		for (int64_t e = ratings->offsets[i]; ages && e < ratings->offsets[i + 1]; e++)
			sum += age_weight(ratings->times[e], last_time, half_life);
		weights[i] = (float) sum;
	}
	return RECSYS_OK;
}

/* SumFunction: penalties of rows begin .. end - 1. */
static void
add_penalties(void *arg, int64_t begin, int64_t end, double *sums)
{
	const SvdRows *side = arg;

	for (int64_t i = begin; i < end; i++)
	{
		double		norm = vector_norm(side->rows + i * side->stride, side->stride);
		double		scale = side->scale == NULL ? 1 : side->scale[i];
		double		bias = side->bias == NULL ? 0 : side->bias[i];

		sums[0] += side->weights[i] * (pow(scale * norm, 2) + bias * bias);
	}
}

/* One pass; the 1 of a finished row must not be there yet. */
RecsysStatus
svd_penalty(Env *env, const SvdRows *side, double *sum)
{
	SvdRows		rows = *side;
	double		added = 0;

	TRY(parallel_sum(env, side->n, 1, side->stride, add_penalties, &rows, &added));
	*sum += added;
	return RECSYS_OK;
}
