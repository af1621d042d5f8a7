/*
 * als.c
 *		Implicit feedback by alternating least squares.
 *
 * Who took what is a preference p = 1, everything else p = 0, each believed with a
 * confidence c; vectors x of users and y of courses minimise
 *
 *		sum over all pairs of c (p - x . y)^2 + lambda (sum |x|^2 + sum |y|^2)
 *
 *		c = unobserved_weight + alpha |rating|, p = 1 if rating > 0, else 0
 *
 * (unobserved_weight and p = 0 without a rating.)  With one side given, the other
 * is a least squares problem a row, which als_kernels.h solves; the sum over all
 * pairs is a Gram matrix, the same for every row.  An iteration is one half-step
 * for all users and one for all courses, and never increases the objective.
 *
 *		score(c) = x . y_c,  x the exact half-step from the user's ratings of the moment
 *
 * The model keeps the course vectors, the Gram matrix of the users' half-step and
 * its whitener; user vectors are not kept.
 *
 * Hu, Koren and Volinsky, "Collaborative filtering for implicit feedback datasets"
 * (2008); conjugate gradients: Takacs, Pilaszy and Tikk (2011).
 *
 * Training: als_train.h; memory 4 (users + courses) * factors bytes.
 */
#include <float.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "core/als_train.h"
#include "core/latent.h"
#include "core/methods/methods.h"
#include "core/methods/support.h"
#include "core/spd.h"
#include "core/vector.h"

#define FACTORS_MAX 512
#define CG_FACTORS 32			/* from so many up conjugate gradients are faster */
#define MEAN_CONFIDENCE 10		/* that the mean rating adds, by default */
#define CHANCE_FACTOR 1.6		/* see default_regularization */

/* Section "weights": the parameters in force, whether given or from the data. */
enum
{
	WEIGHT_ALPHA,
	WEIGHT_REGULARIZATION,
	N_WEIGHTS
};

typedef enum AlsSolver
{
	ALS_AUTO,
	ALS_CHOLESKY,
	ALS_CG
} AlsSolver;

typedef struct AlsParams
{
	CommonParams common;
	int64_t		factors;
	int64_t		iterations;
	double		regularization; /* NAN: see default_regularization */
	double		alpha;			/* NAN: see choose_weights */
	double		unobserved_weight;
	int			solver;			/* AlsSolver */
	double		tolerance;
} AlsParams;

/* An opened model. */
typedef struct AlsState
{
	AlsSide		side;			/* the courses */
	LatentCourses courses;		/* the same, for scores */
} AlsState;

static const ParamDef als_params[] = {
	{"factors", "n_factors rank n_components embedding_size k", PARAM_INT,
		offsetof(AlsParams, factors), "64", 1, FACTORS_MAX, NULL,
	"Length of the vectors."},
	{"iterations", "n_epochs epochs max_iter maxIter", PARAM_INT, offsetof(AlsParams, iterations),
		"15", 1, 10000, NULL,
	"Half-steps for all users and for all courses, at most."},
	{"regularization", "reg_all regParam lambda lambda_reg", PARAM_FLOAT,
		offsetof(AlsParams, regularization), "null", 0, 1e9, NULL,
	"Weight of the squared lengths of the vectors; null: from the size of the data."},
	{"alpha", NULL, PARAM_FLOAT, offsetof(AlsParams, alpha), "null", 0, 1e6, NULL,
	"Confidence that a rating of 1 adds; null: so that the mean rating adds 10."},
	{"unobserved_weight", "w0", PARAM_FLOAT, offsetof(AlsParams, unobserved_weight), "1", 0, 1e6,
		NULL,
	"Confidence that a pair without a rating is no preference."},
	{"solver", NULL, PARAM_CHOICE, offsetof(AlsParams, solver), "auto", 0, 0, "auto cholesky cg",
	"How a half-step is solved in training: exactly, by 3 steps of conjugate gradients, or the faster of the two."},
	{"tolerance", "tol", PARAM_FLOAT, offsetof(AlsParams, tolerance), "0.0001", 0, 1, NULL,
	"Training ends when an iteration lowers the objective by less than this share of it."},
};

/* Does training use conjugate gradients? */
static bool
uses_cg(const AlsParams *params)
{
	return params->solver == ALS_CG ||
		(params->solver == ALS_AUTO && params->factors >= CG_FACTORS);
}

/* ---------------------------------------------------------------- training */

/* The values of a matrix, aged where that is asked for. */
static RecsysStatus
age_values(Env *env, const TrainingSet *set, const AlsParams *params, const Csr *csr,
		   const float **values)
{
	float	   *aged;

	*values = csr->values;
	if (isnan(params->common.half_life))
		return RECSYS_OK;
	aged = env_alloc(env, (size_t) csr->n_entries, sizeof(float));
	if (aged == NULL)
		return env->status;
	for (int64_t e = 0; e < csr->n_entries; e++)
	{
		if (e % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		aged[e] = csr->values[e] *
			entry_weight(csr, e, set->summary.last_time, params->common.half_life);
	}
	*values = aged;
	return RECSYS_OK;
}

/* Mean of the absolute ratings. */
static RecsysStatus
mean_rating(Env *env, const Csr *ratings, const float *values, double *mean)
{
	double		sum = 0;

	for (int64_t e = 0; e < ratings->n_entries; e++)
	{
		if (e % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		sum += fabs((double) values[e]);
	}
	*mean = sum / (double) ratings->n_entries;
	return RECSYS_OK;
}

/*
 * The default regularisation.  A matrix of n_users x n_courses zeros and ones that are drawn, a share p
 * of them ones, has singular values of chance up to sqrt(p (1 - p)) (sqrt(n_users) + sqrt(n_courses))
 * (the edge of Marchenko and Pastur).  What is kept should stand out from them, so lambda grows with
 * them, and with the confidences, but leaves at least half of the strongest direction.
 */
static double
default_regularization(const AlsParams *params, double alpha, double mean, double n_users,
					   double n_courses, double n_ratings)
{
	double		unobserved = params->unobserved_weight;
	double		confidence = unobserved + alpha * mean;
	double		share = n_ratings / (n_users * n_courses);
	double		chance = sqrt(share * (1 - share)) * (sqrt(n_users) + sqrt(n_courses));
	double		strongest = n_ratings / sqrt(n_users * n_courses);
	double		wanted = CHANCE_FACTOR * sqrt(unobserved * confidence) * chance;

	return fmax(fmin(wanted, confidence * strongest / 2), confidence / 100);
}

/* What training is told, with what the user left to the data; values of the ratings by user, aged. */
static RecsysStatus
choose_options(Env *env, const TrainingSet *set, const AlsParams *params, const float *values,
			   AlsOptions *options)
{
	double		mean = 0;

	*options = (AlsOptions) {.factors = (int) params->factors, .iterations = params->iterations,
		.cg = uses_cg(params), .unobserved_weight = params->unobserved_weight,
		.tolerance = params->tolerance, .random_state = (uint64_t) params->common.random_state};
	TRY(mean_rating(env, &set->by_user, values, &mean));
	options->alpha = !isnan(params->alpha) ? params->alpha : mean > 0 ? MEAN_CONFIDENCE / mean : 1;
	options->regularization = !isnan(params->regularization) ? params->regularization :
		default_regularization(params, options->alpha, mean, (double) set->summary.n_users,
							   (double) set->summary.n_courses_rated,
							   (double) set->summary.n_ratings);
	return RECSYS_OK;
}

/* Frees the values of a matrix if they are aged. */
static void
free_values(Env *env, const Csr *csr, const float *values)
{
	if (values != csr->values)
		env_free(env, (float *) values);
}

/* Trains, and keeps what a half-step of a user needs. */
static RecsysStatus
als_fit(Env *env, const TrainingSet *set, const void *params, ModelWriter *writer)
{
	const float *user_values;
	const float *course_values;
	AlsOptions	options;
	AlsFactors	model;
	double	   *weights;

	TRY(age_values(env, set, params, &set->by_user, &user_values));
	TRY(age_values(env, set, params, &set->by_course, &course_values));
	TRY(choose_options(env, set, params, user_values, &options));
	TRY(als_train(env, &options, &set->by_user, user_values, &set->by_course, course_values,
				  &model));
	free_values(env, &set->by_user, user_values);
	free_values(env, &set->by_course, course_values);
	weights = env_alloc(env, N_WEIGHTS, sizeof(double));
	if (weights == NULL)
		return env->status;
	weights[WEIGHT_ALPHA] = options.alpha;
	weights[WEIGHT_REGULARIZATION] = options.regularization;
	TRY(model_put(env, writer, "weights", SECTION_DOUBLE, N_WEIGHTS, 1, weights));
	TRY(model_put(env, writer, "course_factors", SECTION_FLOAT, set->by_course.n_rows,
				  options.factors, model.courses));
	TRY(model_put(env, writer, "gram", SECTION_FLOAT, options.factors, options.factors,
				  model.gram));
	return model_put(env, writer, "whitener", SECTION_FLOAT, options.factors, options.factors,
					 model.whitener);
}

/*
 * Multiply-adds, of which fewer overlap in conjugate gradients, and 30 ns a rating for vectors that lie
 * anywhere in memory.
 */
static void
als_estimate(const Shape *shape, const void *params_in, Estimate *estimate)
{
	const AlsParams *params = params_in;
	double		k = (double) params->factors;
	double		rows = (double) shape->n_users + (double) shape->n_courses;
	double		n_ratings = (double) shape->n_ratings;
	int			n_threads = shape->n_threads > 1 ? shape->n_threads : 1;
	double		work = uses_cg(params) ? 8e-11 * (16 * n_ratings * k + 8 * rows * k * k)
		: 6e-11 * (n_ratings * k * k + rows * k * k * k / 6);

	estimate->bytes = als_train_bytes(rows, (int) params->factors, n_threads) +
		(isnan(params->common.half_life) ? 0 : 8 * n_ratings);
	estimate->seconds = 0.05 + (double) params->iterations * (work + 3e-8 * n_ratings) / n_threads;
	estimate->model_bytes = (double) shape->n_courses * k * 4 + 8 * k * k;
}

/* ---------------------------------------------------------------- serving */

/* The confidence in force. */
static RecsysStatus
open_alpha(Env *env, const Recommender *rec, float *alpha)
{
	int64_t		n_rows = N_WEIGHTS;
	int64_t		n_cols = 1;
	const void *weights;

	TRY(model_get(env, &rec->model, "weights", SECTION_DOUBLE, &n_rows, &n_cols, &weights));
	*alpha = (float) ((const double *) weights)[WEIGHT_ALPHA];
	if (!(*alpha >= 0) || !isfinite(*alpha))
		return model_damaged(env, "A confidence is out of range.");
	return RECSYS_OK;
}

/* Courses that nobody took have a vector of length 0, which is none. */
static RecsysStatus
open_courses(Env *env, const Recommender *rec, AlsState *state)
{
	int			k = state->side.n_factors;
	float	   *added = env_alloc(env, (size_t) rec->n_courses, sizeof(float));

	if (added == NULL)
		return env->status;
	state->courses = (LatentCourses) {state->side.factors, k, added};
	for (int32_t c = 0; c < rec->n_courses; c++)
		added[c] = vector_norm(latent_course(&state->courses, c), k) > 0 ? 0 : NO_OPINION;
	return RECSYS_OK;
}

/* Finds the sections. */
static RecsysStatus
als_open(Env *env, Recommender *rec)
{
	const AlsParams *params = rec->params;
	AlsState   *state = rec->state;
	int64_t		k = params->factors;

	state->side = (AlsSide) {.n_factors = (int) k,
		.unobserved_weight = (float) params->unobserved_weight};
	TRY(open_alpha(env, rec, &state->side.alpha));
	TRY(open_floats(env, rec, "course_factors", rec->n_courses, k, &state->side.factors));
	TRY(open_floats(env, rec, "gram", k, k, &state->side.gram));
	TRY(open_floats(env, rec, "whitener", k, k, &state->side.whitener));
	return open_courses(env, rec, state);
}

/* The vector of a course; NULL for one that nobody took. */
static const float *
als_course_vector(const Recommender *rec, int32_t course, int *n)
{
	const AlsState *state = rec->state;

	*n = state->side.n_factors;
	return state->courses.added[course] > NO_OPINION ? latent_course(&state->courses, course) : NULL;
}

/* Scratch memory: two vectors of users, aged ratings, and that of the solver. */
typedef struct AlsScratch
{
	float	   *x;
	float	   *other;
	float	   *values;
	float	   *solver;
	size_t		floats;
} AlsScratch;

/* Cuts the scratch memory. */
static AlsScratch
cut_scratch(const Recommender *rec, void *memory)
{
	const AlsParams *params = rec->params;
	size_t		k = (size_t) params->factors;
	size_t		n = (size_t) rec->n_courses;
	float	   *base = memory;

	return (AlsScratch) {base, base + k, base + 2 * k, base + 2 * k + n,
		2 * k + n + als_scratch((int) k)};
}

/* Bytes of all of it. */
static size_t
als_scratch_size(const Recommender *rec)
{
	return cut_scratch(rec, NULL).floats * sizeof(float);
}

/* Zeroes what a call has used. */
static void
clear_scratch(const Recommender *rec, const History *history, AlsScratch *scratch)
{
	size_t		k = (size_t) ((const AlsParams *) rec->params)->factors;

	memset(scratch->x, 0, 2 * k * sizeof(float));
	memset(scratch->values, 0, (size_t) history->n * sizeof(float));
	memset(scratch->solver, 0, als_scratch((int) k) * sizeof(float));
}

/* The history as a row of the half-step. */
static AlsRow
history_row(const Recommender *rec, const History *history, float *values)
{
	for (int32_t i = 0; i < history->n; i++)
		values[i] = history->ratings[i] * history_weight(rec, history, i);
	return (AlsRow) {history->n, history->courses, values};
}

/* Solves for the user; false when there is nothing to go by. */
static bool
fold_in(const Recommender *rec, const History *history, AlsScratch *scratch, float *x)
{
	const AlsState *state = rec->state;
	AlsRow		row = history_row(rec, history, scratch->values);
	double		loss;

	if (!als_exact(&state->side, row, x, &loss, scratch->solver))
		return false;
	return vector_norm(x, state->side.n_factors) > 0;
}

/* Score of one course for a user's factors. */
static float
als_score_vector(const Recommender *rec, const float *user_vector, int32_t course)
{
	return latent_score_course(&((const AlsState *) rec->state)->courses, user_vector, course);
}

/* Dot products with the user's vector. */
static void
als_score(const Recommender *rec, const History *history, void *memory, float *scores)
{
	AlsScratch	scratch = cut_scratch(rec, memory);
	bool		known = fold_in(rec, history, &scratch, scratch.x);

	latent_score(&((const AlsState *) rec->state)->courses, rec->n_courses,
				 known ? scratch.x : NULL, scores);
	clear_scratch(rec, history, &scratch);
}

/* Cosine of the vectors. */
static bool
als_similar(const Recommender *rec, int32_t course, void *scratch, float *scores)
{
	(void) scratch;
	latent_similar(rec, course, LATENT_COSINE, scores);
	return true;
}

/* Cosine of the vectors of two users. */
static float
als_compare(const Recommender *rec, const History *a, const History *b, void *memory)
{
	int			k = ((const AlsState *) rec->state)->side.n_factors;
	AlsScratch	scratch = cut_scratch(rec, memory);
	float		result = NO_OPINION;

	if (fold_in(rec, a, &scratch, scratch.x) && fold_in(rec, b, &scratch, scratch.other))
		result = latent_cosine(scratch.x, scratch.other, k);
	clear_scratch(rec, a->n > b->n ? a : b, &scratch);
	return result;
}

/*
 * With A the matrix of the user's system, score(c) = sum over the courses j taken of
 * (y_c' A^-1 y_j) c_j: one system with y_c on the right side.
 */
static int
explain_by_courses(const AlsState *state, AlsRow row, const float *vector, AlsScratch *scratch,
				   Reason *reasons, int max)
{
	const AlsSide *side = &state->side;
	int			k = side->n_factors;
	size_t		size = (size_t) k * (size_t) k;
	float	   *a = scratch->solver;
	int			n = 0;

	memcpy(a, side->gram, size * sizeof(float));
	als_add_row(side, row, a, scratch->x);
	memcpy(scratch->x, vector, (size_t) k * sizeof(float));
	if (!spd_solve(a, k, k, scratch->x, a + size))
		return 0;
	for (int64_t i = 0; i < row.n; i++)
		if (row.values[i] > 0)
			n = add_reason(reasons, n, max, (Reason) {REASON_COURSE, row.indexes[i],
										 (side->unobserved_weight + side->alpha * row.values[i]) *
										 vector_dot(latent_course(&state->courses, row.indexes[i]), scratch->x, k)});
	return n;
}

/* The part of each course taken in the score (Hu et al., section 5). */
static int
als_explain(const Recommender *rec, const History *history, int32_t course, void *memory,
			Reason *reasons, int max)
{
	AlsScratch	scratch = cut_scratch(rec, memory);
	AlsRow		row = history_row(rec, history, scratch.values);
	int			k;
	const float *vector = als_course_vector(rec, course, &k);
	int			n = 0;

	if (vector != NULL)
		n = explain_by_courses(rec->state, row, vector, &scratch, reasons, max);
	clear_scratch(rec, history, &scratch);
	return n;
}

/* The vector of a user. */
static int
als_user_vector(const Recommender *rec, const History *history, void *memory, float *out)
{
	const AlsState *state = rec->state;
	AlsScratch	scratch = cut_scratch(rec, memory);
	bool		known = fold_in(rec, history, &scratch, out);

	out[state->side.n_factors] = 0;
	clear_scratch(rec, history, &scratch);
	return known ? state->side.n_factors : 0;
}

/* One product for several users. */
static void
als_score_block(const Recommender *rec, const float *user_vectors, int n_users, float *scores)
{
	latent_score_block(&((const AlsState *) rec->state)->courses, rec->n_courses, user_vectors,
					   n_users, scores);
}

const Method method_als = {
	.name = "als",
	.description = "Factors by implicit-feedback alternating least squares.",
	.objective = OBJECTIVE_RANKING,
	.params = {"als", als_params, N_PARAMS(als_params), sizeof(AlsParams)},
	.personal = true,
	.state_size = sizeof(AlsState),
	.check = check_half_life,
	.estimate = als_estimate,
	.fit = als_fit,
	.open = als_open,
	.scratch_size = als_scratch_size,
	.score = als_score,
	.similar = als_similar,
	.explain = als_explain,
	.compare = als_compare,
	.course_vector = als_course_vector,
	.user_vector = als_user_vector,
	.score_vector = als_score_vector,
	.score_block = als_score_block,
};
