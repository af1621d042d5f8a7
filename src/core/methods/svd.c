/*
 * svd.c
 *		Ratings as mean + biases + product of factors, learnt from the observed ones.
 *
 *		predict(c) = mean + deviation (b_u + b_c + x_u . q_c)
 *		score(c)   = the same, of courses with at least min_ratings ratings
 *
 * Model and objective are in svd_common.h: Funk, "Netflix update" (2006); Paterek (2007);
 * Koren, "Factorization meets the neighborhood" (2008) for implicit_terms.  Solvers:
 * svd_sgd.c, svd_implicit.c, svd_als.c.  A model holds b_c, q_c and y_c.  The user is
 * the exact minimum of the same objective for the ratings of the moment (svd_ridge.h):
 * z = |N_u|^(-1/2) sum of y_j from the courses rated, then b_u and p_u by one ridge
 * regression, x_u = p_u + z.
 *
 * explain: b_u and x_u are linear in the ratings less their expectation without the
 * user (and in y), so the score falls apart into a part of each course of the history
 * and mean + b_c.
 *
 * A call takes n m^2 / 2 + m^3 / 6 multiply-adds for n ratings and m = factors + 1 (or
 * n^2 m / 2 + n^3 / 6 when n < m), and factors for each course that is scored.
 */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "core/latent.h"
#include "core/methods/methods.h"
#include "core/methods/support.h"
#include "core/product_kernels.h"
#include "core/spd.h"
#include "core/svd_common.h"
#include "core/svd_ridge.h"
#include "core/vector.h"

typedef struct SvdParams
{
	CommonParams common;
	int64_t		factors;
	int64_t		iterations;
	double		learning_rate;
	double		regularization;
	int			solver;			/* SvdSolver */
	bool		implicit_terms;
	double		implicit_regularization;
	double		init_std_dev;
	double		tolerance;
	double		min_ratings;	/* NAN: the 90th percentile */
} SvdParams;

typedef struct SvdState
{
	RidgeSide	side;			/* the courses */
	const float *implicit;		/* y_c, or NULL */
	double		least_ratings;	/* of a course with a score */
} SvdState;

static const ParamDef svd_params[] = {
	{"factors", "n_factors rank n_components embedding_size k", PARAM_INT,
		offsetof(SvdParams, factors), "64", 1, SVD_FACTORS_MAX, NULL,
	"Factors of a course."},
	{"iterations", "n_epochs epochs max_iter maxIter", PARAM_INT, offsetof(SvdParams, iterations),
		"40", 1, 10000, NULL,
	"Passes over the ratings; sgd makes all of them."},
	{"learning_rate", "lr_all stepsize lr", PARAM_FLOAT, offsetof(SvdParams, learning_rate),
		"0.02", 1e-6, 1, NULL,
	"Solver sgd: step of the first pass; it falls to 0 linearly."},
	{"regularization", "reg_all regParam lambda lambda_reg", PARAM_FLOAT,
		offsetof(SvdParams, regularization), "0.1", 1e-4, 1000, NULL,
	"Penalty of biases and factors for each rating of their user or course."},
	{"solver", NULL, PARAM_CHOICE, offsetof(SvdParams, solver), "sgd", 0, 0, "sgd als",
	"Stochastic gradient descent, or alternating least squares."},
	{"implicit_terms", NULL, PARAM_BOOL, offsetof(SvdParams, implicit_terms), "false", 0, 0, NULL,
	"Learn from what a user rated beside how (SVD++); solver sgd only, on one thread."},
	{"implicit_regularization", NULL, PARAM_FLOAT, offsetof(SvdParams, implicit_regularization),
		"0.01", 0, 1000, NULL,
	"Penalty of the implicit terms."},
	{"init_std_dev", "init_stddev scale_factor", PARAM_FLOAT, offsetof(SvdParams, init_std_dev),
		"0.1", 0, 10, NULL,
	"Standard deviation of the random numbers that the factors of courses start from."},
	{"tolerance", NULL, PARAM_FLOAT, offsetof(SvdParams, tolerance), "0.0001", 0, 1, NULL,
	"Solver als: stops when a pass lowers the loss by less than this share of it."},
	{"min_ratings", NULL, PARAM_FLOAT, offsetof(SvdParams, min_ratings), "null", 0, 1e9, NULL,
	"Ratings that a course needs to be recommended; null: as many as the least of the tenth of the "
	"courses with most."},
};

/* The parameters as the solvers want them. */
static SvdOptions
options_of(const SvdParams *params)
{
	return (SvdOptions) {
		.factors = (int) params->factors,
		.iterations = (int) params->iterations,
		.learning_rate = params->learning_rate,
		.regularization = params->regularization,
		.implicit_regularization = params->implicit_regularization,
		.init_std_dev = params->init_std_dev,
		.tolerance = params->tolerance,
		.half_life = params->common.half_life,
		.random_state = (uint64_t) params->common.random_state,
	};
}

/* Implicit terms are learnt by one of the solvers only; equal ratings teach next to nothing. */
static RecsysStatus
svd_check(Env *env, const TrainingSet *set, const void *params_in)
{
	const SvdParams *params = params_in;

	if (params->implicit_terms && params->solver != SVD_SGD)
	{
		env_fail(env, RECSYS_BAD_ARGUMENT,
				 "parameter \"implicit_terms\" cannot be true with solver \"als\"");
		return env_hint(env, "Use solver \"sgd\", or leave out implicit_terms.");
	}
	TRY(check_half_life(env, set, params));
	return warn_of_equal_ratings(env, set);
}

/* The factors, and what the solver needs beside; times measured on a core of 3 GHz with other work. */
static void
svd_estimate(const Shape *shape, const void *params_in, Estimate *estimate)
{
	const SvdParams *params = params_in;
	double		users = (double) shape->n_users;
	double		courses = (double) shape->n_courses;
	double		ratings = (double) shape->n_ratings;
	double		passes = (double) params->iterations;
	double		m = (double) params->factors + 1;
	double		row = svd_stride((int) params->factors) * sizeof(float);
	int			n_threads = shape->n_threads > 1 ? shape->n_threads : 1;
	double		implicit = params->implicit_terms ? courses * row : 0;

	estimate->model_bytes = courses * (m + 1) * sizeof(float) + implicit;
	estimate->bytes = (users + courses) * (row + sizeof(float)) + implicit;
	if (params->solver == SVD_ALS)
	{
		double		work = (double) ridge_work((int) params->factors, NULL).bytes;

		estimate->bytes += n_threads * 2 * work;
		estimate->seconds = passes *
			(ratings * (8e-8 + m * m * 9e-11) + (users + courses) * m * m * m * 1.5e-11);
	}
	else if (params->implicit_terms)
	{
		estimate->bytes += users * 8 + courses * 8;
		estimate->seconds = passes * ratings * (4e-8 + m * 1.7e-9);
		n_threads = 1;
	}
	else
	{
		estimate->bytes += svd_sgd_bytes(shape->n_users, shape->n_courses, shape->n_ratings,
										 (int) params->factors, !isnan(params->common.half_life));
		estimate->seconds = ratings * (2e-8 + passes * (6e-9 + m * 2.4e-10));
	}
	estimate->seconds = 0.01 + estimate->seconds / n_threads;
}

/* Puts n rows of m floats without what fills them up to the stride. */
static RecsysStatus
put_rows(Env *env, ModelWriter *writer, const char *name, const float *rows, int32_t n, int stride,
		 int m)
{
	float	   *packed = env_alloc(env, (size_t) n, (size_t) m * sizeof(float));

	if (packed == NULL)
		return env->status;
	for (int32_t i = 0; i < n; i++)
	{
		if (i % 1024 == 0 && env_interrupted(env))
			return env->status;
		memcpy(packed + (int64_t) i * m, rows + (int64_t) i * stride, (size_t) m * sizeof(float));
	}
	return model_put(env, writer, name, SECTION_FLOAT, n, m, packed);
}

/* Solves, and keeps the side of the courses. */
static RecsysStatus
svd_fit(Env *env, const TrainingSet *set, const void *params_in, ModelWriter *writer)
{
	const SvdParams *params = params_in;
	SvdOptions	options = options_of(params);
	int32_t		n = set->by_course.n_rows;
	double	   *range = env_alloc(env, 2, sizeof(double));
	SvdFactors	model;

	if (range == NULL)
		return env->status;
	if (params->implicit_terms)
		TRY(svd_fit_implicit(env, set, &options, &model));
	else if (params->solver == SVD_ALS)
		TRY(svd_fit_als(env, set, &options, &model));
	else
		TRY(svd_fit_sgd(env, set, &options, &model));
	svd_free_users(env, &model);
	range[0] = model.mean;
	range[1] = model.deviation;
	TRY(model_put(env, writer, "range", SECTION_DOUBLE, 2, 1, range));
	TRY(model_put(env, writer, "bias", SECTION_FLOAT, n, 1, model.course_bias));
	TRY(put_rows(env, writer, "factors", model.course_factors, n, model.stride,
				 model.factors + 1));
	env_free(env, model.course_factors);
	if (model.implicit == NULL)
		return RECSYS_OK;
	TRY(put_rows(env, writer, "implicit", model.implicit, n, model.stride, model.factors));
	env_free(env, model.implicit);
	return RECSYS_OK;
}

/* A section of finite floats, a row for each course. */
static RecsysStatus
get_rows(Env *env, const Recommender *rec, const char *name, int64_t n_columns, const float **rows)
{
	int64_t		n = rec->n_courses;
	const void *data;

	TRY(model_get(env, &rec->model, name, SECTION_FLOAT, &n, &n_columns, &data));
	*rows = data;
	return check_finite(env, data, n * n_columns, "A factor or bias of a course is not finite.");
}

/* Mean and deviation. */
static RecsysStatus
open_range(Env *env, const Recommender *rec, RidgeSide *side)
{
	int64_t		n = 2;
	int64_t		one = 1;
	const void *data;
	const double *range;

	TRY(model_get(env, &rec->model, "range", SECTION_DOUBLE, &n, &one, &data));
	range = data;
	if (!isfinite(range[0]) || !isfinite(range[1]) || !(range[1] > 0))
		return model_damaged(env, "The mean or deviation of the ratings is impossible.");
	side->mean = range[0];
	side->deviation = range[1];
	return RECSYS_OK;
}

/* The last value of each row must be 1. */
static RecsysStatus
check_ones(Env *env, const Recommender *rec, const RidgeSide *side)
{
	for (int32_t c = 0; c < rec->n_courses; c++)
	{
		if (c % 1024 == 0 && env_interrupted(env))
			return env->status;
		if (side->rows[c * side->stride + side->factors] != 1)
			return model_damaged(env, "The factors of a course do not end with 1.");
	}
	return RECSYS_OK;
}

/* Resolves the sections. */
static RecsysStatus
svd_open(Env *env, Recommender *rec)
{
	const SvdParams *params = rec->params;
	SvdState   *state = rec->state;
	RidgeSide  *side = &state->side;

	*side = (RidgeSide) {
		.factors = (int) params->factors,
		.stride = params->factors + 1,
		.regularization = params->regularization,
		.half_life = params->common.half_life,
		.last_time = rec->summary.last_time,
	};
	TRY(open_range(env, rec, side));
	TRY(get_rows(env, rec, "bias", 1, &side->bias));
	TRY(get_rows(env, rec, "factors", side->stride, &side->rows));
	if (params->implicit_terms)
		TRY(get_rows(env, rec, "implicit", params->factors, &state->implicit));
	state->least_ratings = least_ratings(rec, params->min_ratings);
	return check_ones(env, rec, side);
}

/* Scratch memory: what a solution needs, and two rows. */
typedef struct SvdScratch
{
	RidgeWork	work;
	float	   *user;			/* x_u, then b_u */
	float	   *shift;			/* z */
	size_t		row_bytes;
	size_t		bytes;
} SvdScratch;

/* Cuts scratch memory; memory may be NULL to learn the size. */
static SvdScratch
cut_scratch(const Recommender *rec, void *memory)
{
	int			factors = ((const SvdState *) rec->state)->side.factors;
	SvdScratch	scratch = {.work = ridge_work(factors, memory)};

	scratch.row_bytes = ((size_t) factors + 1) * sizeof(float);
	scratch.row_bytes = (scratch.row_bytes + 63) / 64 * 64;
	scratch.bytes = scratch.work.bytes + 2 * scratch.row_bytes;
	if (memory != NULL)
	{
		scratch.user = (float *) ((char *) memory + scratch.work.bytes);
		scratch.shift = (float *) ((char *) scratch.user + scratch.row_bytes);
	}
	return scratch;
}

/* See cut_scratch. */
static size_t
svd_scratch_size(const Recommender *rec)
{
	return cut_scratch(rec, NULL).bytes;
}

/* A history as the fold-in reads it. */
static RidgeRatings
history_ratings(const History *history)
{
	return (RidgeRatings) {history->n, history->courses, history->ratings, history->times};
}

/* z: the sum of y over the courses of the history, by the square root of their number. */
static void
sum_implicit(const SvdState *state, const History *history, float *z)
{
	int			factors = state->side.factors;

	memset(z, 0, (size_t) factors * sizeof(float));
	for (int32_t h = 0; h < history->n; h++)
		vector_axpy((float) (1 / sqrt((double) history->n)),
					state->implicit + (int64_t) history->courses[h] * factors, z, factors);
}

/* The courses as seen by this user: shifted by z when there are implicit terms. */
static RidgeSide
side_for(const SvdState *state, const History *history, const SvdScratch *scratch)
{
	RidgeSide	side = state->side;

	if (state->implicit != NULL)
	{
		sum_implicit(state, history, scratch->shift);
		side.shift = scratch->shift;
	}
	return side;
}

/* The user of the history: x_u and b_u in scratch->user. */
static void
fold_in(const Recommender *rec, const History *history, const SvdScratch *scratch)
{
	const SvdState *state = rec->state;
	RidgeSide	side = side_for(state, history, scratch);
	RidgeRatings ratings = history_ratings(history);

	ridge_solve(&side, &ratings, &scratch->work, scratch->user);
	if (side.shift != NULL)
		vector_axpy(1, side.shift, scratch->user, side.factors);
}

/* Zeroes the scratch memory that n ratings made dirty. */
static void
clean_scratch(const SvdScratch *scratch, void *memory)
{
	memset(memory, 0, scratch->bytes);
}

/* The rating for which the row of a course and the user's make a product: its last value is 1, that of the user b_u. */
static double
rating_of(const RidgeSide *side, float product, int32_t course)
{
	return side->mean + side->deviation * ((double) side->bias[course] + product);
}

/* Predicted ratings of the courses that have enough ratings. */
static void
svd_score(const Recommender *rec, const History *history, void *memory, float *scores)
{
	const SvdState *state = rec->state;
	const RidgeSide *side = &state->side;
	SvdScratch	scratch = cut_scratch(rec, memory);

	fold_in(rec, history, &scratch);
	product_rows(side->rows, rec->n_courses, side->stride, scratch.user, (int) side->stride, scores);
	for (int32_t c = 0; c < rec->n_courses; c++)
		scores[c] = history->n > 0 && rec->course_counts[c] >= state->least_ratings ?
			finish_score(rating_of(side, scores[c], c), NAN) : NO_OPINION;
	clean_scratch(&scratch, memory);
}

/* One course; one that nobody rated has neither bias nor factors. */
static double
svd_predict(const Recommender *rec, const History *history, int32_t course, void *memory)
{
	const RidgeSide *side = &((const SvdState *) rec->state)->side;
	SvdScratch	scratch = cut_scratch(rec, memory);
	double		rating;

	fold_in(rec, history, &scratch);
	rating = rating_of(side, product_row(side->rows + course * side->stride, scratch.user,
										 (int) side->stride), course);
	clean_scratch(&scratch, memory);
	return rating;
}

/* Cosine of the factors. */
static bool
svd_similar(const Recommender *rec, int32_t course, void *memory, float *scores)
{
	(void) memory;
	latent_similar(rec, course, LATENT_COSINE, scores);
	return true;
}

/*
 * The answer of the fold-in to a unit of each history course's residual: v = A^-1 (q_c, 1), A the matrix of
 * the ridge regression, in work->right.  False when A is singular.
 */
static bool
solve_response(const RidgeSide *side, const RidgeRatings *ratings, int32_t course,
			   const RidgeWork *work)
{
	int			m = side->factors + 1;
	double		weight = 0;

	ridge_add(side, ratings, 0, ratings->n, work, &weight);
	if (!(weight > 0) || !ridge_factor(side, work, weight))
		return false;
	memcpy(work->right, side->rows + course * side->stride, (size_t) m * sizeof(float));
	spd_substitute(work->matrix, m, m, work->right);
	return true;
}

/*
 * With t the residuals before z, the score's part of the user is
 *
 *		sum over h of w_h (v . (q_h, 1)) t_h + (q_c - sum over h of w_h (v . (q_h, 1)) q_h) . z
 *
 * and z is a sum over h.  Both are divided up by h.
 */
static int
explain_history(const Recommender *rec, const History *history, int32_t course,
				const SvdScratch *scratch, Reason *reasons, int max)
{
	const SvdState *state = rec->state;
	const RidgeSide *side = &state->side;
	RidgeRatings ratings = history_ratings(history);
	const float *v = scratch->work.right;
	float	   *left = scratch->user;	/* what multiplies z */
	bool		solved = solve_response(side, &ratings, course, &scratch->work);
	int			n = 0;

	memcpy(left, side->rows + course * side->stride, (size_t) side->factors * sizeof(float));
	for (int32_t h = 0; solved && state->implicit != NULL && h < history->n; h++)
	{
		const float *row = side->rows + history->courses[h] * side->stride;

		vector_axpy(-ridge_weight(side, &ratings, h) * vector_dot(v, row, side->stride), row, left,
					side->factors);
	}
	for (int32_t h = 0; h < history->n; h++)
	{
		int32_t		rated = history->courses[h];
		double		part = 0;

		if (solved)
			part = (double) ridge_weight(side, &ratings, h) * ridge_target(side, &ratings, h) *
				vector_dot(v, side->rows + rated * side->stride, side->stride);
		if (state->implicit != NULL)
			part += vector_dot(left, state->implicit + (int64_t) rated * side->factors,
							   side->factors) / sqrt((double) history->n);
		n = add_reason(reasons, n, max, (Reason) {REASON_COURSE, rated,
			(float) (side->deviation * part)});
	}
	return n;
}

/* What the course has for everybody, and a part of each course of the history. */
static int
svd_explain(const Recommender *rec, const History *history, int32_t course, void *memory,
			Reason *reasons, int max)
{
	const SvdState *state = rec->state;
	SvdScratch	scratch = cut_scratch(rec, memory);
	Reason		everybody = {REASON_POPULARITY, 0,
	(float) (state->side.mean + state->side.deviation * (double) state->side.bias[course])};
	int			n;

	if (history->n == 0 || !(rec->course_counts[course] >= state->least_ratings))
		return 0;
	n = explain_history(rec, history, course, &scratch, reasons, max);
	clean_scratch(&scratch, memory);
	return add_reason(reasons, n, max, everybody);
}

/* q_c. */
static const float *
svd_course_vector(const Recommender *rec, int32_t course, int *n)
{
	const RidgeSide *side = &((const SvdState *) rec->state)->side;

	*n = side->factors;
	return rec->course_counts[course] > 0 ? side->rows + course * side->stride : NULL;
}

/* Bias of a course in units of the ratings. */
static float
svd_course_vector_bias(const Recommender *rec, int32_t course)
{
	const RidgeSide *side = &((const SvdState *) rec->state)->side;

	return (float) (side->deviation * (double) side->bias[course]);
}

/* x_u and b_u in units of the ratings. */
static int
svd_user_vector(const Recommender *rec, const History *history, void *memory, float *out)
{
	const RidgeSide *side = &((const SvdState *) rec->state)->side;
	SvdScratch	scratch = cut_scratch(rec, memory);

	if (history->n == 0)
		return 0;
	fold_in(rec, history, &scratch);
	for (int f = 0; f <= side->factors; f++)
		out[f] = (float) (side->deviation * (double) scratch.user[f]);
	clean_scratch(&scratch, memory);
	return side->factors;
}

const Method method_svd = {
	.name = "svd",
	.description = "Ratings as mean, biases and factors of users and courses.",
	.objective = OBJECTIVE_RATING,
	.params = {"svd", svd_params, N_PARAMS(svd_params), sizeof(SvdParams)},
	.personal = true,
	.state_size = sizeof(SvdState),
	.check = svd_check,
	.estimate = svd_estimate,
	.fit = svd_fit,
	.open = svd_open,
	.scratch_size = svd_scratch_size,
	.score = svd_score,
	.predict = svd_predict,
	.similar = svd_similar,
	.explain = svd_explain,
	.course_vector = svd_course_vector,
	.user_vector = svd_user_vector,
	.course_vector_bias = svd_course_vector_bias,
};
