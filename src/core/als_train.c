/*
 * als_train.c
 *		Alternating least squares on several threads.
 *
 * Rows are handed out in chunks of about equal work; the sums over a chunk are added up in
 * the order of the chunks, and Gram matrices in segments of fixed length, so the result
 * does not depend on the number of threads.  A row that would hold up the others is
 * solved by all threads together.
 */
#include "core/als_train.h"

#include <math.h>
#include <string.h>

#include "core/parallel.h"
#include "core/rng.h"
#include "core/spd.h"
#include "core/vector.h"

#define CG_STEPS 3
#define INIT_STD_DEV 0.1

/* Work is counted in multiply-adds of an exact half-step. */
#define CHUNK_WORK INT64_C(33554432)	/* rows handed out together: about 2 ms */
#define LONG_WORK (4 * CHUNK_WORK)	/* a row beyond it is solved by all threads */
#define SEGMENTS 32				/* of a Gram matrix computed at a time */
#define SEGMENT_ROWS_MAX 8192

/* Rows of one side that are solved by one half-step, cut into chunks of about equal work. */
typedef struct AlsRows
{
	const Csr  *ratings;		/* rows to solve x given rows */
	const float *values;		/* of the entries */
	int32_t    *starts;			/* n_chunks + 1 */
	int64_t		n_chunks;
	double	   *losses;			/* per chunk: objective of its rows */
	double	   *squares;		/* per chunk: sum of squared lengths */
	float	   *factors;		/* the solution */
} AlsRows;

/* A training run. */
typedef struct AlsFit
{
	const AlsOptions *options;
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
	return row_work(n, fit->options->factors) > LONG_WORK;
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
		work += is_long(fit, length) ? 0 : row_work(length, fit->options->factors);
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
	bool		cg = fit->options->cg;

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
		.segment = segment_rows(fit->options->factors), .segments = fit->segments,
		.stride = segment_floats(fit->options->factors)};

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
	int64_t		k = fit->options->factors;
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
	int64_t		k = fit->options->factors;

	fit->side = (AlsSide) {.n_factors = (int) k, .factors = factors, .gram = fit->gram,
		.whitener = fit->whitener, .unobserved_weight = (float) fit->options->unobserved_weight,
		.alpha = (float) fit->options->alpha};
	TRY(sum_gram(env, fit, n, NULL, NULL));
	*squares = 0;
	for (int64_t i = 0; i < k; i++)
	{
		*squares += fit->wide[i * k + i];
		for (int64_t j = 0; j <= i; j++)
		{
			double		entry = fit->options->unobserved_weight * fit->wide[i * k + j] +
				(i == j ? fit->options->regularization : 0);

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
	size_t		k = (size_t) fit->options->factors;
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
		*squares += (double) vector_dot(rows->factors + (int64_t) i * fit->options->factors,
										rows->factors + (int64_t) i * fit->options->factors,
										fit->options->factors);
	}
	return RECSYS_OK;
}

/* One iteration; *objective and its share that is regularisation. */
static RecsysStatus
iterate(Env *env, AlsFit *fit, double *objective, double *penalty)
{
	bool		whiten = !fit->options->cg;
	double		user_squares;
	double		course_squares;
	double		loss;

	TRY(give_side(env, fit, fit->courses.factors, fit->courses.ratings->n_rows, whiten,
				  &course_squares));
	TRY(half_step(env, fit, &fit->users, &loss, &user_squares));
	TRY(give_side(env, fit, fit->users.factors, fit->users.ratings->n_rows, whiten,
				  &user_squares));
	TRY(half_step(env, fit, &fit->courses, &loss, &course_squares));
	*objective = loss + fit->options->regularization * user_squares;
	*penalty = fit->options->regularization * (user_squares + course_squares);
	if (!isfinite(*objective) || !isfinite(*penalty))
		return fail_singular(env);
	return RECSYS_OK;
}

/* Iterates until the objective stays, or to the end. */
static RecsysStatus
run_iterations(Env *env, AlsFit *fit)
{
	const AlsOptions *options = fit->options;
	double		before = INFINITY;

	for (int64_t i = 1; i <= options->iterations; i++)
	{
		double		objective;
		double		penalty;

		env_progress(env, PHASE_FITTING, i - 1, options->iterations);
		TRY(iterate(env, fit, &objective, &penalty));
		env_loss(env, (int) i, "weighted_error", objective - penalty);
		env_loss(env, (int) i, "regularization", penalty);
		if (before - objective < options->tolerance * objective)
			break;
		before = objective;
	}
	env_progress(env, PHASE_FITTING, options->iterations, options->iterations);
	return RECSYS_OK;
}

/* Random course vectors, each from a stream of its own. */
static RecsysStatus
init_courses(Env *env, AlsFit *fit)
{
	int64_t		k = fit->options->factors;

	for (int32_t c = 0; c < fit->courses.ratings->n_rows; c++)
	{
		Rng			rng;

		if (env_interrupted(env))
			return env->status;
		rng_seed(&rng, fit->options->random_state, (uint64_t) c);
		for (int64_t d = 0; d < k; d++)
			fit->courses.factors[c * k + d] = (float) (INIT_STD_DEV * rng_normal(&rng));
	}
	return RECSYS_OK;
}

/* Prepares one side. */
static RecsysStatus
init_rows(Env *env, AlsFit *fit, const Csr *ratings, const float *values, AlsRows *rows)
{
	rows->ratings = ratings;
	rows->values = values;
	rows->factors = env_alloc_zero(env, (size_t) ratings->n_rows * (size_t) fit->options->factors,
								   sizeof(float));
	if (rows->factors == NULL)
		return env->status;
	return cut_rows(env, fit, rows);
}

/* Allocates what a run needs. */
static RecsysStatus
init_fit(Env *env, AlsFit *fit)
{
	size_t		k = (size_t) fit->options->factors;
	size_t		n_threads = env->n_threads > 1 ? (size_t) env->n_threads : 1;

	fit->scratch_floats = als_scratch((int) k);
	fit->gram = env_alloc(env, k * k, sizeof(float));
	fit->whitener = env_alloc(env, k * k, sizeof(float));
	fit->wide = env_alloc(env, k * k + k, sizeof(double));
	fit->inverse = env_alloc(env, k * k, sizeof(double));
	fit->segments = env_alloc(env, SEGMENTS * segment_floats(fit->options->factors),
							  sizeof(float));
	fit->scratch = env_alloc(env, n_threads * fit->scratch_floats, sizeof(float));
	if (fit->gram == NULL || fit->whitener == NULL || fit->wide == NULL || fit->inverse == NULL ||
		fit->segments == NULL || fit->scratch == NULL)
		return env->status;
	return init_courses(env, fit);
}

/* Frees what is not part of the result. */
static void
end_fit(Env *env, AlsFit *fit)
{
	AlsRows    *sides[2] = {&fit->users, &fit->courses};

	for (int i = 0; i < 2; i++)
	{
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

/* Ends with what a half-step of a user needs. */
RecsysStatus
als_train(Env *env, const AlsOptions *options, const Csr *by_user, const float *user_values,
		  const Csr *by_course, const float *course_values, AlsFactors *model)
{
	AlsFit		fit = {.options = options};
	double		squares;

	TRY(init_rows(env, &fit, by_user, user_values, &fit.users));
	TRY(init_rows(env, &fit, by_course, course_values, &fit.courses));
	TRY(init_fit(env, &fit));
	TRY(run_iterations(env, &fit));
	TRY(give_side(env, &fit, fit.courses.factors, by_course->n_rows, true, &squares));
	end_fit(env, &fit);
	*model = (AlsFactors) {fit.courses.factors, fit.gram, fit.whitener};
	return RECSYS_OK;
}

/* Factors and chunks, matrices, scratch memory. */
double
als_train_bytes(double n_rows, int factors, int n_threads)
{
	double		k = factors;

	return n_rows * (k + 1) * 4 + 4096 + 24 * k * k + SEGMENTS * 4 * (k * k + k) +
		n_threads * 4.0 * (double) als_scratch(factors);
}
