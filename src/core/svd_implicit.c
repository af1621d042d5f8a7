/*
 * svd_implicit.c
 *		Stochastic gradient descent with implicit terms (SVD++).
 *
 * Koren, "Factorization meets the neighborhood" (KDD 2008), section 4.  A user's
 * vector is p_u + z_u with z_u = |N_u|^(-1/2) sum of y_j over the courses j in N_u that
 * the user rated, whatever the ratings.  Users are taken one by one, in an order that
 * is drawn anew for each epoch; z_u is held while the user's ratings are stepped
 * through, then all y_j get the sum of their steps at once, which costs 2 n_u factors
 * instead of n_u^2:
 *
 *		y_j = (y_j + rate |N_u|^(-1/2) sum of w e q) / (1 + rate reg_y n_u)
 *
 * n_u: sum of the user's weights.  The regularisation divides instead of being taken
 * off, which cannot overshoot however many ratings a user has.
 *
 * One thread, whatever env->n_threads: every user changes the y of all courses that it
 * rated, so two users at a time would change the same numbers.  Each epoch takes
 * about 4 ratings x factors multiply-adds and one pass over the ratings.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "core/rng.h"
#include "core/svd_common.h"
#include "core/svd_kernels.h"
#include "core/vector.h"

/* Ratings between two polls for interrupts. */
#define POLL_RATINGS 4096

typedef struct Walk
{
	const TrainingSet *set;
	const SvdOptions *options;
	SvdFactors *model;
	int			width;
	float		rate;
	int32_t    *order;			/* users */
	float	   *z;				/* width floats each */
	float	   *total;
	SvdRows		users;
	SvdRows		courses;
	SvdRows		implicit;		/* weights: of each course the sum of the weights of its raters */
	double		total_weight;
} Walk;

/* What a course counts for in the penalty of y: its raters' weights. */
static RecsysStatus
implicit_weights(Env *env, Walk *walk)
{
	const Csr  *ratings = &walk->set->by_course;

	for (int32_t c = 0; c < ratings->n_rows; c++)
	{
		double		sum = 0;

		if (c % 64 == 0 && env_interrupted(env))
			return env->status;
		for (int64_t e = ratings->offsets[c]; e < ratings->offsets[c + 1]; e++)
			sum += walk->users.weights[ratings->indexes[e]];
		walk->implicit.weights[c] = (float) sum;
	}
	return RECSYS_OK;
}

/* Allocates. */
static RecsysStatus
prepare(Env *env, Walk *walk)
{
	const TrainingSet *set = walk->set;
	size_t		n_users = (size_t) set->by_user.n_rows;
	size_t		n_courses = (size_t) set->by_course.n_rows;

	walk->order = env_alloc_zero(env, n_users, sizeof(int32_t));
	walk->z = env_alloc(env, (size_t) walk->width, sizeof(float));
	walk->total = env_alloc(env, (size_t) walk->width, sizeof(float));
	walk->users.weights = env_alloc(env, n_users, sizeof(float));
	walk->courses.weights = env_alloc(env, n_courses, sizeof(float));
	walk->implicit.weights = env_alloc(env, n_courses, sizeof(float));
	if (walk->order == NULL || walk->z == NULL || walk->total == NULL ||
		walk->users.weights == NULL || walk->courses.weights == NULL ||
		walk->implicit.weights == NULL)
		return env->status;
	TRY(svd_row_weights(env, &set->by_user, set->summary.last_time, walk->options->half_life,
						walk->users.weights));
	TRY(svd_row_weights(env, &set->by_course, set->summary.last_time, walk->options->half_life,
						walk->courses.weights));
	for (size_t u = 0; u < n_users; u++)
		walk->total_weight += walk->users.weights[u];
	return implicit_weights(env, walk);
}

/* Gives everything of prepare back. */
static void
finish(Env *env, Walk *walk)
{
	env_free(env, walk->order);
	env_free(env, walk->z);
	env_free(env, walk->total);
	env_free(env, walk->users.weights);
	env_free(env, walk->courses.weights);
	env_free(env, walk->implicit.weights);
}

/* Steps through the ratings of a user; returns the sum of w e^2. */
static double
step_ratings(Walk *walk, int32_t u)
{
	const Csr  *ratings = &walk->set->by_user;
	const SvdFactors *model = walk->model;
	float	   *p = model->user_factors + (int64_t) u * model->stride;
	float	   *bias = &model->user_bias[u];
	double		sum = 0;

	for (int64_t e = ratings->offsets[u]; e < ratings->offsets[u + 1]; e++)
	{
		float	   *q = model->course_factors + (int64_t) ratings->indexes[e] * model->stride;
		float	   *course_bias = &model->course_bias[ratings->indexes[e]];
		float		weight = ratings->times == NULL ? 1 :
			age_weight(ratings->times[e], walk->set->summary.last_time, walk->options->half_life);
		float		rate = walk->rate * weight;
		float		keep = sgd_keep(rate, (float) walk->options->regularization);
		SgdStep		step = {p, walk->z, walk->total, walk->width, rate, weight, keep};
		float		base = svd_target(model, ratings->values[e]) - *bias - *course_bias;
		float		error = sgd_step_implicit(&step, base, q);

		*bias = keep * *bias + rate * error;
		*course_bias = keep * *course_bias + rate * error;
		sum += (double) weight * error * error;
	}
	return sum;
}

/* One user: z, the ratings, then the y of all of them. */
static double
step_user(Walk *walk, int32_t u)
{
	const Csr  *ratings = &walk->set->by_user;
	const SvdFactors *model = walk->model;
	int64_t		n = csr_row_length(ratings, u);
	float		norm = (float) (1 / sqrt((double) n));
	float		keep = (float) (1 / (1 + walk->rate * walk->options->implicit_regularization *
									 walk->users.weights[u]));
	double		sum;

	memset(walk->z, 0, (size_t) walk->width * sizeof(float));
	memset(walk->total, 0, (size_t) walk->width * sizeof(float));
	for (int64_t e = ratings->offsets[u]; e < ratings->offsets[u + 1]; e++)
		vector_axpy(norm, model->implicit + (int64_t) ratings->indexes[e] * model->stride,
					walk->z, walk->width);
	sum = step_ratings(walk, u);
	for (int64_t e = ratings->offsets[u]; e < ratings->offsets[u + 1]; e++)
	{
		float	   *y = model->implicit + (int64_t) ratings->indexes[e] * model->stride;

		vector_axpy(walk->rate * norm, walk->total, y, walk->width);
		vector_scale(keep, y, walk->width);
	}
	return sum;
}

/* Draws the order of an epoch (Fisher and Yates) and steps through all users. */
static RecsysStatus
walk_users(Env *env, Walk *walk, int epoch, double *squared_error)
{
	const Csr  *ratings = &walk->set->by_user;
	int64_t		polled = 0;
	Rng			rng;

	*squared_error = 0;
	rng_seed(&rng, hash_combine(walk->options->random_state, 2), (uint64_t) epoch);
	for (int32_t i = 0; i < ratings->n_rows; i++)
	{
		int32_t		other = (int32_t) rng_below(&rng, (uint64_t) i + 1);

		walk->order[i] = walk->order[other];
		walk->order[other] = i;
	}
	for (int32_t i = 0; i < ratings->n_rows; i++)
	{
		if (polled <= 0)
		{
			if (env_interrupted(env))
				return env->status;
			polled = POLL_RATINGS;
		}
		*squared_error += step_user(walk, walk->order[i]);
		polled -= csr_row_length(ratings, walk->order[i]) + 1;
	}
	return RECSYS_OK;
}

/* Logs an epoch. */
static RecsysStatus
log_epoch(Env *env, const Walk *walk, int epoch, double squared_error)
{
	double		total = fmax(walk->total_weight, DBL_MIN);
	double		regularization = walk->options->regularization;
	double		penalty = 0;
	double		implicit_penalty = 0;

	TRY(svd_penalty(env, &walk->users, &penalty));
	TRY(svd_penalty(env, &walk->courses, &penalty));
	TRY(svd_penalty(env, &walk->implicit, &implicit_penalty));
	return svd_log(env, walk->options, epoch, squared_error / total,
				   (regularization * penalty +
					walk->options->implicit_regularization * implicit_penalty) / total);
}

/* All epochs. */
RecsysStatus
svd_fit_implicit(Env *env, const TrainingSet *set, const SvdOptions *options, SvdFactors *model)
{
	Walk		walk = {.set = set, .options = options, .model = model,
		.width = svd_width(options->factors)};

	TRY(svd_init(env, set, options, true, model));
	walk.users = (SvdRows) {.n = set->by_user.n_rows, .stride = model->stride,
		.rows = model->user_factors, .bias = model->user_bias};
	walk.courses = (SvdRows) {.n = set->by_course.n_rows, .stride = model->stride,
		.rows = model->course_factors, .bias = model->course_bias};
	walk.implicit = (SvdRows) {.n = set->by_course.n_rows, .stride = model->stride,
		.rows = model->implicit};
	TRY(prepare(env, &walk));
	for (int i = 0; i < options->iterations; i++)
	{
		double		squared_error;

		env_progress(env, PHASE_FITTING, i, options->iterations);
		walk.rate = (float) (options->learning_rate * (1 - (double) i / options->iterations));
		TRY(walk_users(env, &walk, i, &squared_error));
		TRY(log_epoch(env, &walk, i + 1, squared_error));
	}
	env_progress(env, PHASE_FITTING, options->iterations, options->iterations);
	TRY(svd_finish_rows(env, &walk.users, model->factors));
	TRY(svd_finish_rows(env, &walk.courses, model->factors));
	finish(env, &walk);
	return RECSYS_OK;
}
