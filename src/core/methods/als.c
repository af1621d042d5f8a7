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
 * An iteration takes ratings * factors^2 multiply-adds with cholesky, about 16
 * ratings * factors with cg; memory 4 (users + courses) * factors bytes.
 */
#include <float.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "core/als_kernels.h"
#include "core/latent.h"
#include "core/methods/methods.h"
#include "core/methods/support.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "core/spd.h"
#include "core/vector.h"

#define FACTORS_MAX 512
#define CG_STEPS 3
#define CG_FACTORS 32			/* from so many up conjugate gradients are faster */
#define INIT_STD_DEV 0.1
#define MEAN_CONFIDENCE 10		/* that the mean rating adds, by default */
#define CHANCE_FACTOR 1.6		/* see default_regularization */

/* Work is counted in multiply-adds of an exact half-step. */
#define CHUNK_WORK INT64_C(33554432)	/* rows handed out together: about 2 ms */
#define LONG_WORK (4 * CHUNK_WORK)	/* a row beyond it is solved by all threads */
#define SEGMENTS 32				/* of a Gram matrix computed at a time */
#define SEGMENT_ROWS_MAX 8192

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

/* Rows of one side that are solved by one half-step, cut into chunks of about equal work. */
typedef struct AlsRows
{
	const Csr  *ratings;		/* rows to solve x given rows */
	const float *values;		/* of the entries, aged */
	int32_t    *starts;			/* n_chunks + 1 */
	int64_t		n_chunks;
	double	   *losses;			/* per chunk: objective of its rows */
	double	   *squares;		/* per chunk: sum of squared lengths */
	float	   *factors;		/* the solution */
} AlsRows;

/* A training run. */
typedef struct AlsFit
{
	const AlsParams *params;
	double		weights[N_WEIGHTS];
	AlsRows		users;
	AlsRows		courses;
	float	   *gram;			/* of the half-step under way */
	float	   *whitener;
	double	   *wide;			/* sums of a Gram matrix, and its right side */
	double	   *inverse;		/* its inverse factor in the making */
	float	   *segments;		/* SEGMENTS matrices with right sides */
	float	   *scratch;		/* of each worker */
	size_t		scratch_floats;
	AlsSide		side;
	AlsRows    *rows;			/* being solved */
} AlsFit;

/* Multiply-adds of a row with n ratings. */
static int64_t
row_work(int64_t n, int64_t factors)
{
	return (n + factors / 2 + 1) * factors * factors;
}

/* Is the row solved by all threads together? */
static bool
is_long(const AlsFit *fit, int64_t n)
{
	return row_work(n, fit->params->factors) > LONG_WORK;
}

/* Cuts the rows into chunks. */
static RecsysStatus
cut_rows(Env *env, const AlsFit *fit, AlsRows *rows)
{
	int32_t		n = rows->ratings->n_rows;
	int64_t		work = 0;

	rows->starts = env_alloc(env, (size_t) n + 1, sizeof(int32_t));
	if (rows->starts == NULL)
		return env->status;
	rows->n_chunks = 0;
	for (int32_t i = 0; i < n; i++)
	{
		int64_t		length = csr_row_length(rows->ratings, i);

		if (i == 0 || work >= CHUNK_WORK)
		{
			rows->starts[rows->n_chunks++] = i;
			work = 0;
		}
		work += is_long(fit, length) ? 0 : row_work(length, fit->params->factors);
	}
	rows->starts[rows->n_chunks] = n;
	rows->starts = env_resize(env, rows->starts, (size_t) rows->n_chunks + 1, sizeof(int32_t));
	rows->losses = env_alloc(env, (size_t) rows->n_chunks + 1, sizeof(double));
	rows->squares = env_alloc(env, (size_t) rows->n_chunks + 1, sizeof(double));
	return rows->losses == NULL || rows->squares == NULL ? env->status : RECSYS_OK;
}

/* The ratings of row i. */
static AlsRow
als_row(const AlsRows *rows, int32_t i)
{
	int64_t		begin = rows->ratings->offsets[i];

	return (AlsRow) {csr_row_length(rows->ratings, i), rows->ratings->indexes + begin,
		rows->values + begin};
}

/* Solves the rows of one chunk but for the long ones. */
static RecsysStatus
solve_chunk(void *arg, int64_t begin, int64_t end, int worker)
{
	AlsFit	   *fit = arg;
	AlsRows    *rows = fit->rows;
	int			k = fit->side.n_factors;
	float	   *scratch = fit->scratch + (size_t) worker * fit->scratch_floats;
	bool		cg = uses_cg(fit->params);

	(void) end;
	rows->losses[begin] = rows->squares[begin] = 0;
	for (int32_t i = rows->starts[begin]; i < rows->starts[begin + 1]; i++)
	{
		AlsRow		row = als_row(rows, i);
		float	   *x = rows->factors + (int64_t) i * k;
		double		loss = 0;

		if (is_long(fit, row.n))
			continue;
		if (row.n == 0)
			memset(x, 0, (size_t) k * sizeof(float));
		else if (cg)
			als_cg(&fit->side, row, CG_STEPS, x, &loss, scratch);
		else if (!als_exact(&fit->side, row, x, &loss, scratch))
			return RECSYS_SINGULAR;
		rows->losses[begin] += loss;
		rows->squares[begin] += (double) vector_dot(x, x, k);
	}
	return RECSYS_OK;
}

/* A Gram matrix in segments: of all given factors, or of those of a long row. */
typedef struct GramJob
{
	const AlsSide *side;
	const AlsRow *row;			/* NULL: all */
	int64_t		n;				/* rows to add up */
	int64_t		segment;		/* rows of a segment */
	int64_t		first;			/* row of this turn */
	float	   *segments;
	size_t		stride;			/* floats of a segment's sums */
	double		sums[SEGMENTS]; /* of als_add_row */
} GramJob;

/* Sums of one segment. */
static RecsysStatus
sum_segment(void *arg, int64_t begin, int64_t end, int worker)
{
	GramJob    *job = arg;
	int			k = job->side->n_factors;
	float	   *a = job->segments + (size_t) begin * job->stride;
	int64_t		first = job->first + begin * job->segment;
	int64_t		n = job->n - first < job->segment ? job->n - first : job->segment;

	(void) end;
	(void) worker;
	memset(a, 0, job->stride * sizeof(float));
	if (job->row == NULL)
		gram_add_dense(job->side->factors + first * k, n, k, a, k);
	else
		job->sums[begin] = als_add_row(job->side, (AlsRow) {n, job->row->indexes + first,
													job->row->values + first},
									   a, a + (size_t) k * (size_t) k);
	return RECSYS_OK;
}

/* Rows of a segment: about half a millisecond. */
static int64_t
segment_rows(int64_t factors)
{
	int64_t		n = CHUNK_WORK / 4 / (factors * factors);

	return n > SEGMENT_ROWS_MAX ? SEGMENT_ROWS_MAX : n;
}

/* Floats of the sums of a segment. */
static size_t
segment_floats(int64_t factors)
{
	return (size_t) (factors * factors + factors);
}

/*
 * fit->wide = the sums over all rows of the job, segments in order; *sum, if wanted, that of
 * als_add_row.
 */
static RecsysStatus
sum_gram(Env *env, AlsFit *fit, int64_t n, const AlsRow *row, double *sum)
{
	GramJob		job = {.side = &fit->side, .row = row, .n = n,
		.segment = segment_rows(fit->params->factors), .segments = fit->segments,
		.stride = segment_floats(fit->params->factors)};

	memset(fit->wide, 0, job.stride * sizeof(double));
	while (job.first < n)
	{
		int64_t		left = (n - job.first - 1) / job.segment + 1;
		int64_t		count = left < SEGMENTS ? left : SEGMENTS;

		TRY(parallel_for(env, count, 1, sum_segment, &job, false));
		for (int64_t s = 0; s < count; s++)
		{
			const float *a = fit->segments + (size_t) s * job.stride;

			for (size_t i = 0; i < job.stride; i++)
				fit->wide[i] += (double) a[i];
			if (sum != NULL)
				*sum += job.sums[s];
		}
		job.first += count * job.segment;
	}
	return RECSYS_OK;
}

/* Says which parameter makes the systems regular. */
static RecsysStatus
fail_singular(Env *env)
{
	env_fail(env, RECSYS_NOT_CONVERGED, "factors could not be computed: a system of equations is singular to the precision of a float");
	return env_hint(env, "Raise \"regularization\", or lower \"alpha\" or \"factors\".");
}

/*
 * The inverse of the Cholesky factor of fit->wide, k rows; false when it has none.  In double: it is
 * needed to a precision that the squares in a Gram matrix use up in float.
 */
static RecsysStatus
invert_factor(Env *env, AlsFit *fit)
{
	int64_t		k = fit->params->factors;
	double	   *l = fit->wide;
	double	   *m = fit->inverse;

	for (int64_t i = 0; i < k; i++)
	{
		if (env_interrupted(env))
			return env->status;
		for (int64_t j = 0; j <= i; j++)
		{
			double		sum = l[i * k + j];

			for (int64_t d = 0; d < j; d++)
				sum -= l[i * k + d] * l[j * k + d];
			if (i == j && !(sum > 0))
				return fail_singular(env);
			l[i * k + j] = i == j ? sqrt(sum) : sum / l[j * k + j];
		}
		for (int64_t j = 0; j < k; j++)
			m[i * k + j] = i == j;
		for (int64_t d = 0; d < i; d++)
			for (int64_t j = 0; j <= d; j++)
				m[i * k + j] -= l[i * k + d] * m[d * k + j];
		for (int64_t j = 0; j <= i; j++)
			m[i * k + j] /= l[i * k + i];
	}
	return RECSYS_OK;
}

/* Makes n rows of factors the given side; whiten: with the whitener. */
static RecsysStatus
give_side(Env *env, AlsFit *fit, const float *factors, int64_t n, bool whiten, double *squares)
{
	int64_t		k = fit->params->factors;

	fit->side = (AlsSide) {.n_factors = (int) k, .factors = factors, .gram = fit->gram,
		.whitener = fit->whitener, .unobserved_weight = (float) fit->params->unobserved_weight,
		.alpha = (float) fit->weights[WEIGHT_ALPHA]};
	TRY(sum_gram(env, fit, n, NULL, NULL));
	*squares = 0;
	for (int64_t i = 0; i < k; i++)
	{
		*squares += fit->wide[i * k + i];
		for (int64_t j = 0; j <= i; j++)
		{
			double		entry = fit->params->unobserved_weight * fit->wide[i * k + j] +
				(i == j ? fit->weights[WEIGHT_REGULARIZATION] : 0);

			fit->wide[i * k + j] = entry;
			fit->gram[i * k + j] = fit->gram[j * k + i] = (float) entry;
		}
	}
	if (!isfinite(*squares))
		return fail_singular(env);
	if (!whiten)
		return RECSYS_OK;
	TRY(invert_factor(env, fit));
	for (int64_t i = 0; i < k * k; i++)
		fit->whitener[i] = (float) fit->inverse[i];
	return RECSYS_OK;
}

/* Solves one long row exactly, on all threads. */
static RecsysStatus
solve_long_row(Env *env, AlsFit *fit, int32_t i, double *loss)
{
	size_t		k = (size_t) fit->params->factors;
	AlsRow		row = als_row(fit->rows, i);
	float	   *x = fit->rows->factors + (size_t) i * k;
	float	   *a = fit->scratch;
	float	   *b = a + k * k;

	TRY(sum_gram(env, fit, row.n, &row, loss));
	for (size_t j = 0; j < k * k; j++)
		a[j] = (float) ((double) fit->gram[j] + fit->wide[j]);
	for (size_t j = 0; j < k; j++)
		x[j] = b[j] = (float) fit->wide[k * k + j];
	if (!spd_solve(a, (int) k, (int) k, x, b + k))
		return fail_singular(env);
	*loss -= (double) vector_dot(b, x, (int64_t) k);
	return RECSYS_OK;
}

/* The half-step of one side; *loss its objective, *squares the sum of its squared lengths. */
static RecsysStatus
half_step(Env *env, AlsFit *fit, AlsRows *rows, double *loss, double *squares)
{
	RecsysStatus status;

	fit->rows = rows;
	status = parallel_for(env, rows->n_chunks, 1, solve_chunk, fit, false);
	if (status == RECSYS_SINGULAR)
		return fail_singular(env);
	TRY(status);
	*loss = *squares = 0;
	for (int64_t c = 0; c < rows->n_chunks; c++)
	{
		*loss += rows->losses[c];
		*squares += rows->squares[c];
	}
	for (int32_t i = 0; i < rows->ratings->n_rows; i++)
	{
		if (!is_long(fit, csr_row_length(rows->ratings, i)))
			continue;
		TRY(solve_long_row(env, fit, i, loss));
		*squares += (double) vector_dot(rows->factors + (int64_t) i * fit->params->factors,
										rows->factors + (int64_t) i * fit->params->factors,
										fit->params->factors);
	}
	return RECSYS_OK;
}

/* One iteration; *objective and its share that is regularisation. */
static RecsysStatus
iterate(Env *env, AlsFit *fit, double *objective, double *penalty)
{
	bool		whiten = !uses_cg(fit->params);
	double		user_squares;
	double		course_squares;
	double		loss;

	TRY(give_side(env, fit, fit->courses.factors, fit->courses.ratings->n_rows, whiten,
				  &course_squares));
	TRY(half_step(env, fit, &fit->users, &loss, &user_squares));
	TRY(give_side(env, fit, fit->users.factors, fit->users.ratings->n_rows, whiten,
				  &user_squares));
	TRY(half_step(env, fit, &fit->courses, &loss, &course_squares));
	*objective = loss + fit->weights[WEIGHT_REGULARIZATION] * user_squares;
	*penalty = fit->weights[WEIGHT_REGULARIZATION] * (user_squares + course_squares);
	if (!isfinite(*objective) || !isfinite(*penalty))
		return fail_singular(env);
	return RECSYS_OK;
}

/* Iterates until the objective stays, or to the end. */
static RecsysStatus
run_iterations(Env *env, AlsFit *fit)
{
	const AlsParams *params = fit->params;
	double		before = INFINITY;

	for (int64_t i = 1; i <= params->iterations; i++)
	{
		double		objective;
		double		penalty;

		env_progress(env, PHASE_FITTING, i - 1, params->iterations);
		TRY(iterate(env, fit, &objective, &penalty));
		env_loss(env, (int) i, "weighted_error", objective - penalty);
		env_loss(env, (int) i, "regularization", penalty);
		if (before - objective < params->tolerance * objective)
			break;
		before = objective;
	}
	env_progress(env, PHASE_FITTING, params->iterations, params->iterations);
	return RECSYS_OK;
}

/* Random course vectors, each from a stream of its own. */
static RecsysStatus
init_courses(Env *env, AlsFit *fit)
{
	int64_t		k = fit->params->factors;

	for (int32_t c = 0; c < fit->courses.ratings->n_rows; c++)
	{
		Rng			rng;

		if (env_interrupted(env))
			return env->status;
		rng_seed(&rng, (uint64_t) fit->params->common.random_state, (uint64_t) c);
		for (int64_t d = 0; d < k; d++)
			fit->courses.factors[c * k + d] = (float) (INIT_STD_DEV * rng_normal(&rng));
	}
	return RECSYS_OK;
}

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

/* Prepares one side. */
static RecsysStatus
init_rows(Env *env, AlsFit *fit, const TrainingSet *set, const Csr *ratings, AlsRows *rows)
{
	rows->ratings = ratings;
	rows->factors = env_alloc_zero(env, (size_t) ratings->n_rows * (size_t) fit->params->factors,
								   sizeof(float));
	if (rows->factors == NULL)
		return env->status;
	TRY(age_values(env, set, fit->params, ratings, &rows->values));
	return cut_rows(env, fit, rows);
}

/* Mean of the absolute ratings. */
static RecsysStatus
mean_rating(Env *env, const AlsRows *users, double *mean)
{
	const Csr  *ratings = users->ratings;
	double		sum = 0;

	for (int64_t e = 0; e < ratings->n_entries; e++)
	{
		if (e % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		sum += fabs((double) users->values[e]);
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

/* Fills in what the user left to the data. */
static RecsysStatus
choose_weights(Env *env, AlsFit *fit, const TrainingSet *set)
{
	const AlsParams *params = fit->params;
	double		mean = 0;

	TRY(mean_rating(env, &fit->users, &mean));
	fit->weights[WEIGHT_ALPHA] = !isnan(params->alpha) ? params->alpha :
		mean > 0 ? MEAN_CONFIDENCE / mean : 1;
	fit->weights[WEIGHT_REGULARIZATION] = !isnan(params->regularization) ? params->regularization :
		default_regularization(params, fit->weights[WEIGHT_ALPHA], mean,
							   (double) set->summary.n_users,
							   (double) set->summary.n_courses_rated,
							   (double) set->summary.n_ratings);
	return RECSYS_OK;
}

/* Allocates what a run needs. */
static RecsysStatus
init_fit(Env *env, AlsFit *fit, const TrainingSet *set)
{
	size_t		k = (size_t) fit->params->factors;
	size_t		n_threads = env->n_threads > 1 ? (size_t) env->n_threads : 1;

	TRY(init_rows(env, fit, set, &set->by_user, &fit->users));
	TRY(init_rows(env, fit, set, &set->by_course, &fit->courses));
	fit->scratch_floats = als_scratch((int) k);
	fit->gram = env_alloc(env, k * k, sizeof(float));
	fit->whitener = env_alloc(env, k * k, sizeof(float));
	fit->wide = env_alloc(env, k * k + k, sizeof(double));
	fit->inverse = env_alloc(env, k * k, sizeof(double));
	fit->segments = env_alloc(env, SEGMENTS * segment_floats(fit->params->factors),
							  sizeof(float));
	fit->scratch = env_alloc(env, n_threads * fit->scratch_floats, sizeof(float));
	if (fit->gram == NULL || fit->whitener == NULL || fit->wide == NULL || fit->inverse == NULL ||
		fit->segments == NULL || fit->scratch == NULL)
		return env->status;
	TRY(choose_weights(env, fit, set));
	return init_courses(env, fit);
}

/* Gives back what only training needs. */
static void
end_fit(Env *env, AlsFit *fit)
{
	AlsRows    *sides[2] = {&fit->users, &fit->courses};

	for (int i = 0; i < 2; i++)
	{
		if (sides[i]->values != sides[i]->ratings->values)
			env_free(env, (float *) sides[i]->values);
		env_free(env, sides[i]->starts);
		env_free(env, sides[i]->losses);
		env_free(env, sides[i]->squares);
	}
	env_free(env, fit->users.factors);
	env_free(env, fit->wide);
	env_free(env, fit->inverse);
	env_free(env, fit->segments);
	env_free(env, fit->scratch);
}

/* Runs, and keeps what a half-step of a user needs. */
static RecsysStatus
als_fit(Env *env, const TrainingSet *set, const void *params, ModelWriter *writer)
{
	AlsFit		fit = {.params = params};
	int64_t		k = fit.params->factors;
	double	   *weights;
	double		squares;

	TRY(init_fit(env, &fit, set));
	TRY(run_iterations(env, &fit));
	TRY(give_side(env, &fit, fit.courses.factors, set->by_course.n_rows, true, &squares));
	end_fit(env, &fit);
	weights = env_alloc(env, N_WEIGHTS, sizeof(double));
	if (weights == NULL)
		return env->status;
	memcpy(weights, fit.weights, sizeof(fit.weights));
	TRY(model_put(env, writer, "weights", SECTION_DOUBLE, N_WEIGHTS, 1, weights));
	TRY(model_put(env, writer, "course_factors", SECTION_FLOAT, set->by_course.n_rows, k,
				  fit.courses.factors));
	TRY(model_put(env, writer, "gram", SECTION_FLOAT, k, k, fit.gram));
	return model_put(env, writer, "whitener", SECTION_FLOAT, k, k, fit.whitener);
}

/* See the header; about 8 ns a rating and factor^2 / 64 by cholesky on one thread. */
static void
als_estimate(const Shape *shape, const void *params_in, Estimate *estimate)
{
	const AlsParams *params = params_in;
	double		k = (double) params->factors;
	double		rows = (double) shape->n_users + (double) shape->n_courses;
	double		n_ratings = (double) shape->n_ratings;
	int			n_threads = shape->n_threads > 1 ? shape->n_threads : 1;
	double		work = uses_cg(params) ? 16 * n_ratings * k + 8 * rows * k * k
		: n_ratings * k * k + rows * k * k * k / 6;

	estimate->bytes = rows * (k + 1) * 4 + 4096 + 24 * k * k + SEGMENTS * 4 * (k * k + k) +
		n_threads * 4.0 * (double) als_scratch((int) params->factors) +
		(isnan(params->common.half_life) ? 0 : 8 * n_ratings);
	estimate->seconds = 0.05 + (double) params->iterations * work * 1e-10 / n_threads;
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
