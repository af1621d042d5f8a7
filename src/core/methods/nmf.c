/*
 * nmf.c
 *		Non-negative matrix factorization: every course is a mixture of topics, and
 *		so is every user.
 *
 * With a_uc the rating of course c by user u, w_u and h_c their factors, none of
 * them below 0:
 *
 *		min  1/2 sum over cells (a_uc - w_u . h_c)^2 + penalty
 *		penalty = regularization * sum over rows x of W and H of cells(x) *
 *				  (l1_ratio sum x + (1 - l1_ratio) / 2 sum x^2)
 *
 * unobserved = zero (for ranking): the cells are all pairs of a user and a
 * course, a_uc = 0 where there is no rating or one below 0; cells(x) is the
 * number of courses for a user, of users for a course.  This is the objective of
 * Lee and Seung (1999) and scikit-learn's NMF.  No matrix of that size is made:
 *
 *		1/2 |A - WH'|^2 = 1/2 |A|^2 - sum over ratings a_uc w_u . h_c + 1/2 <W'W, H'H>
 *
 * unobserved = missing (for ratings): the cells are the ratings, measured from
 * the least rating where that is below 0; cells(x) is the number of ratings of
 * the row (Zhang et al., "Learning from incomplete ratings using non-negative
 * matrix factorization", 2006).  There are no biases.
 *
 * With the other side fixed, each row is a non-negative least squares problem of
 * its own (nnls.h), with the Gram matrix of the other side (zero) or of its rated
 * rows (missing).  An iteration makes `sweeps` turns over the unknowns of every
 * user, then of every course: hierarchical alternating least squares (Cichocki
 * and Phan, 2009), which scikit-learn calls solver 'cd'.  Neither half can raise
 * the objective.  It ends when the sum of the projected gradients has fallen to
 * `tolerance` times that of the first iteration.
 *
 * A user at call time: the same problem, solved to a tolerance from 0.
 *
 *		score(c)   = w . h_c (zero), no opinion when that is 0; predict(c) among the
 *					 courses of at least min_ratings ratings (missing)
 *		predict(c) = w . h_c + least rating below 0 (missing only)
 *
 * half_life: a_uc (zero), or the weight of the cell (missing), falls with age.
 *
 * With n ratings, N users, M courses and k factors an iteration takes
 * 2 n k + (N + M) k^2 (sweeps + 1/2) multiply-adds when zero, n k^2 + (N + M)
 * k^2 sweeps when missing; memory is 4 (N + M) k bytes.
 */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "core/factor_sums.h"
#include "core/latent.h"
#include "core/methods/methods.h"
#include "core/methods/support.h"
#include "core/nnls.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "core/spd.h"
#include "core/vector.h"

#define CHUNK_ROWS NNLS_BLOCK	/* rows solved by one thread at a time */
#define GATHER 128				/* ratings of a row added up at a time */

/* What an unobserved cell is. */
typedef enum Unobserved
{
	UNOBSERVED_ZERO,
	UNOBSERVED_MISSING
} Unobserved;

typedef struct NmfParams
{
	CommonParams common;
	int64_t		factors;
	int			unobserved;		/* Unobserved */
	int64_t		iterations;
	double		tolerance;
	double		regularization; /* NAN: see default_regularization */
	double		l1_ratio;
	double		min_ratings;	/* NAN: percentile */
} NmfParams;

/* What the objective needs beside the factors; stored as the section "objective". */
typedef struct NmfObjective
{
	Unobserved	unobserved;
	int			k;
	double		l1;				/* of the penalty of a row, per cell */
	double		l2;
	double		offset;			/* what ratings are measured from */
} NmfObjective;

typedef struct NmfState
{
	NmfObjective objective;
	const float *courses;		/* n_courses x k */
	const float *gram;			/* k x k: of all courses */
	double		least_ratings;	/* of a course with a score, when missing */
} NmfState;

/* Values of the section "objective". */
enum
{
	OBJECTIVE_OFFSET,
	OBJECTIVE_REGULARIZATION,
	N_OBJECTIVE
};

/* The ratings of one row. */
typedef struct NmfRow
{
	int64_t		n;
	const int32_t *indexes;
	const float *values;		/* weight by age x target */
	const float *ages;			/* weights, or NULL; missing only */
} NmfRow;

/* One half of an iteration. */
typedef struct NmfHalf
{
	NmfObjective objective;
	const Csr  *ratings;		/* a row for each row of own */
	const float *values;		/* of each entry: weight by age x target */
	float	   *own_values;		/* the same where they are not the ratings themselves, else NULL */
	float	   *ages;			/* weight of each entry, or NULL; missing only */
	float	   *own;
	const float *other;
	const float *gram;			/* of other; zero only */
	float	   *work;			/* work_floats for each worker */
	double	   *losses;			/* per chunk: part of the objective that depends on own */
	double	   *violations;		/* per chunk: see nnls_sweep */
	bool		fits;			/* losses are of the fit and the penalty, else of the penalty only */
} NmfHalf;

/* Both halves, and what they share. */
typedef struct NmfFit
{
	NmfHalf		users;
	NmfHalf		courses;
	float	   *gram;
	double		constant;		/* of the objective: 1/2 sum of squared ratings */
	double		offset;
	double		regularization;
} NmfFit;

static const ParamDef nmf_params[] = {
	{"factors", "n_components n_factors rank k", PARAM_INT, offsetof(NmfParams, factors), "24", 1,
		FACTORS_MOST, NULL, "Topics of which every course and every user is a mixture."},
	{"unobserved", NULL, PARAM_CHOICE, offsetof(NmfParams, unobserved), "zero", 0, 0,
		"zero missing",
	"What a course that the user has not rated counts: zero (for ranking) or nothing (for ratings)."},
	{"iterations", "max_iter n_epochs epochs", PARAM_INT, offsetof(NmfParams, iterations), "200",
		1, 100000, NULL, "Most passes over users and courses."},
	{"tolerance", "tol", PARAM_FLOAT, offsetof(NmfParams, tolerance), "0.0001", 0, 1, NULL,
	"Stop when the projected gradient is this part of that of the first pass."},
	{"regularization", "reg_all lambda lambda_reg", PARAM_FLOAT,
		offsetof(NmfParams, regularization), "null", 0, 1e9, NULL,
	"Penalty of the factors for each cell of their row; null: .2 (zero) or .04 (missing) times "
	"the mean of all cells."},
	{"l1_ratio", NULL, PARAM_FLOAT, offsetof(NmfParams, l1_ratio), "0", 0, 1, NULL,
	"Part of the penalty that is on the factors, not on their squares: makes more of them zero."},
	{"min_ratings", NULL, PARAM_FLOAT, offsetof(NmfParams, min_ratings), "null", 0, 1e9, NULL,
	"Unobserved missing: ratings that a course needs to be recommended; null: as many as the "
	"least of the tenth of the courses with most."},
};

/* The objective of these parameters; offset: what ratings are measured from. */
static NmfObjective
nmf_objective(const NmfParams *params, double offset, double regularization)
{
	return (NmfObjective) {params->unobserved, (int) params->factors,
		regularization * params->l1_ratio, regularization * (1 - params->l1_ratio), offset};
}

/* Floats that a worker needs: a block of sums and nnls_sweep_block's own, or a sum and a Gram matrix. */
static size_t
work_floats(const NmfObjective *objective)
{
	size_t		k = (size_t) objective->k;

	return objective->unobserved == UNOBSERVED_MISSING ? k + k * k : 3 * k * NNLS_BLOCK;
}

/* A rating as the objective sees it. */
static inline float
target(const NmfObjective *objective, float rating)
{
	if (objective->unobserved == UNOBSERVED_ZERO)
		return rating > 0 ? rating : 0;
	return (float) (rating - objective->offset);
}

/* b = sum of value x factors of the row's ratings. */
static void
sum_values(const NmfRow *row, const float *other, int k, float *b)
{
	memset(b, 0, (size_t) k * sizeof(float));
	factor_sum(other, k, row->indexes, row->values, row->n, b);
}

/* gram = sum of weight x products of factors of the row's ratings.  Returns the sum of the weights. */
static double
sum_products(const NmfRow *row, const float *other, int k, float *gram)
{
	const float *rows[GATHER];
	double		sum = 0;

	memset(gram, 0, (size_t) k * (size_t) k * sizeof(float));
	for (int64_t begin = 0; begin < row->n; begin += GATHER)
	{
		int64_t		n = row->n - begin < GATHER ? row->n - begin : GATHER;
		const float *ages = row->ages == NULL ? NULL : row->ages + begin;

		for (int64_t e = 0; e < n; e++)
		{
			rows[e] = other + (size_t) row->indexes[begin + e] * (size_t) k;
			sum += ages == NULL ? 1 : ages[e];
		}
		gram_add(rows, ages, n, k, gram, k);
	}
	factor_mirror(gram, k);
	return sum;
}

/* The problem with sums b of a row of n_cells cells; gram: of all rows of the other side. */
static NnlsProblem
zero_problem(const NmfObjective *objective, const float *gram, double n_cells, const float *b)
{
	return (NnlsProblem) {objective->k, gram, b, (float) (objective->l1 * n_cells),
		(float) (objective->l2 * n_cells)};
}

/* The problem of a row whose cells are its ratings; work: k + k^2 floats. */
static NnlsProblem
missing_problem(const NmfObjective *objective, const NmfRow *row, const float *other, float *work)
{
	int			k = objective->k;
	double		weight = sum_products(row, other, k, work + k);

	sum_values(row, other, k, work);
	return (NnlsProblem) {k, work + k, work, (float) (objective->l1 * weight),
		(float) (objective->l2 * weight)};
}

/* The penalty of a row alone. */
static double
row_penalty(const NnlsProblem *problem, const float *w)
{
	double		penalty = 0;

	for (int s = 0; s < problem->k; s++)
		penalty += w[s] * (problem->l1 + 0.5 * problem->l2 * w[s]);
	return penalty;
}

/* What one row adds to the losses of its half. */
static double
row_loss(const NmfHalf *half, const NnlsProblem *problem, const float *w)
{
	return half->fits ? nnls_objective(problem, w) : row_penalty(problem, w);
}

/* Row r of one side. */
static NmfRow
half_row(const NmfHalf *half, int64_t r)
{
	const Csr  *csr = half->ratings;
	int64_t		begin = csr->offsets[r];

	return (NmfRow) {csr->offsets[r + 1] - begin, csr->indexes + begin, half->values + begin,
		half->ages == NULL ? NULL : half->ages + begin};
}

/* One turn of every unknown of a chunk, zero: together.  Returns the violation. */
static double
improve_block(const NmfHalf *half, int64_t begin, int64_t end, float *work, double *loss)
{
	int			k = half->objective.k;
	float	   *own = half->own + begin * k;
	NnlsProblem problem = zero_problem(&half->objective, half->gram, half->ratings->n_cols, work);
	double		violation;

	for (int64_t r = begin; r < end; r++)
	{
		NmfRow		row = half_row(half, r);

		sum_values(&row, half->other, k, work + (r - begin) * k);
	}
	violation = nnls_sweep_block(&problem, (int) (end - begin), own, work + NNLS_BLOCK * k);
	for (int64_t r = begin; r < end; r++, problem.b += k, own += k)
		*loss += row_loss(half, &problem, own);
	return violation;
}

/* The same, missing: row by row. */
static double
improve_each(const NmfHalf *half, int64_t begin, int64_t end, float *work, double *loss)
{
	double		violation = 0;

	for (int64_t r = begin; r < end; r++)
	{
		float	   *own = half->own + r * half->objective.k;
		NmfRow		row = half_row(half, r);
		NnlsProblem problem = missing_problem(&half->objective, &row, half->other, work);

		violation += nnls_sweep(&problem, own);
		*loss += row_loss(half, &problem, own);
	}
	return violation;
}

/* ParallelFunction: one turn of every unknown of rows begin .. end - 1. */
static RecsysStatus
improve_rows(void *arg, int64_t begin, int64_t end, int worker)
{
	const NmfHalf *half = arg;
	float	   *work = half->work + (size_t) worker * work_floats(&half->objective);
	bool		missing = half->objective.unobserved == UNOBSERVED_MISSING;
	double		loss = 0;

	half->violations[begin / CHUNK_ROWS] = (missing ? improve_each : improve_block)
		(half, begin, end, work, &loss);
	half->losses[begin / CHUNK_ROWS] = loss;
	return RECSYS_OK;
}

/* Chunks of a side. */
static int64_t
n_chunks(int64_t n_rows)
{
	return (n_rows + CHUNK_ROWS - 1) / CHUNK_ROWS;
}

/* Improves one side; adds its part of the objective and its violation. */
static RecsysStatus
improve_side(Env *env, NmfHalf *half, float *gram, double *loss, double *violation)
{
	int64_t		n = half->ratings->n_rows;

	if (half->objective.unobserved == UNOBSERVED_ZERO)
		TRY(factor_gram(env, half->other, half->ratings->n_cols, half->objective.k, gram));
	TRY(parallel_for(env, n, CHUNK_ROWS, improve_rows, half, false));
	for (int64_t c = 0; c < n_chunks(n); c++)
	{
		*loss += half->losses[c];
		*violation += half->violations[c];
	}
	return factor_check(env, half->own, n * half->objective.k,
						 "Check the ratings for values far from the others.");
}

/* Iterations until the tolerance is met. */
static RecsysStatus
iterate(Env *env, const NmfParams *params, NmfFit *fit)
{
	double		first = 0;

	for (int64_t i = 1; i <= params->iterations; i++)
	{
		double		loss = fit->constant;
		double		violation = 0;

		env_progress(env, PHASE_FITTING, i, params->iterations);
		TRY(improve_side(env, &fit->users, fit->gram, &loss, &violation));
		TRY(improve_side(env, &fit->courses, fit->gram, &loss, &violation));
		env_loss(env, (int) i, "objective", loss);
		if (i == 1)
			first = violation;
		if (violation <= params->tolerance * first)
			break;
	}
	return RECSYS_OK;
}

/* Fills values, and ages where they are kept, of each entry. */
static RecsysStatus
fill_values(Env *env, int64_t last_time, double half_life, NmfHalf *half)
{
	const Csr  *ratings = half->ratings;

	for (int64_t e = 0; e < ratings->n_entries; e++)
	{
		float		age = entry_weight(ratings, e, last_time, half_life);

		if (e % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		if (half->ages != NULL)
			half->ages[e] = age;
		half->own_values[e] = age * target(&half->objective, ratings->values[e]);
	}
	return RECSYS_OK;
}

/* Values of the entries: the ratings themselves where all count the same and none is below 0. */
static RecsysStatus
half_values(Env *env, const TrainingSet *set, double half_life, NmfHalf *half)
{
	size_t		n = (size_t) half->ratings->n_entries;
	bool		aged = !isnan(half_life) && half->ratings->times != NULL;
	bool		keeps_ages = aged && half->objective.unobserved == UNOBSERVED_MISSING;

	half->values = half->ratings->values;
	if (!aged && !(set->summary.min < 0))
		return RECSYS_OK;
	half->values = half->own_values = env_alloc(env, n, sizeof(float));
	half->ages = keeps_ages ? env_alloc(env, n, sizeof(float)) : NULL;
	if (half->own_values == NULL || (keeps_ages && half->ages == NULL))
		return env->status;
	return fill_values(env, set->summary.last_time, half_life, half);
}

/* Mean of all cells, and 1/2 sum of their squares as the objective has it. */
static RecsysStatus
sum_targets(Env *env, const NmfHalf *half, double *mean, double *squares)
{
	bool		missing = half->objective.unobserved == UNOBSERVED_MISSING;
	const Csr  *ratings = half->ratings;
	double		sum = 0;
	double		weights = 0;

	*squares = 0;
	for (int64_t e = 0; e < ratings->n_entries; e++)
	{
		double		value = half->values[e];

		if (e % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		sum += value;
		weights += half->ages == NULL ? 1 : half->ages[e];
		*squares += 0.5 * value * (missing ? target(&half->objective, ratings->values[e]) : value);
	}
	if (!missing)
		weights = (double) ratings->n_rows * ratings->n_cols;
	*mean = weights > 0 ? sum / weights : 0;
	return RECSYS_OK;
}

/* Random factors that are `size` in the mean. */
static RecsysStatus
fill_factors(Env *env, int64_t random_state, uint64_t stream, double size, float *x, int64_t n)
{
	Rng			rng;

	rng_seed(&rng, (uint64_t) random_state, stream);
	for (int64_t i = 0; i < n; i++)
	{
		if (i % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		x[i] = (float) (2 * size * rng_uniform(&rng));
	}
	return RECSYS_OK;
}

/* Allocates one half. */
static RecsysStatus
half_init(Env *env, const NmfParams *params, const TrainingSet *set, const Csr *ratings,
		  const NmfObjective *objective, NmfHalf *half)
{
	int64_t		n = ratings->n_rows;
	int			n_workers = parallel_workers(env, n, CHUNK_ROWS);

	half->objective = *objective;
	half->ratings = ratings;
	TRY(half_values(env, set, params->common.half_life, half));
	half->own = env_alloc(env, (size_t) n * (size_t) objective->k, sizeof(float));
	half->work = env_alloc(env, (size_t) n_workers * work_floats(objective), sizeof(float));
	half->losses = env_alloc(env, 2 * (size_t) n_chunks(n), sizeof(double));
	if (half->own == NULL || half->work == NULL || half->losses == NULL)
		return env->status;
	half->violations = half->losses + n_chunks(n);
	return RECSYS_OK;
}

/*
 * In units of the mean of the cells, so that doubled ratings give doubled products.  Zero: the
 * largest singular value is at least mean sqrt(cells), so that the first factor survives.
 */
static double
default_regularization(Unobserved unobserved, double mean)
{
	return (unobserved == UNOBSERVED_ZERO ? 0.2 : 0.04) * mean;
}

/* Both halves of an objective without penalty, connected. */
static RecsysStatus
connect_halves(Env *env, const NmfParams *params, const TrainingSet *set, NmfFit *fit)
{
	NmfObjective objective = nmf_objective(params, fit->offset, 0);
	size_t		k = (size_t) params->factors;

	TRY(half_init(env, params, set, &set->by_user, &objective, &fit->users));
	TRY(half_init(env, params, set, &set->by_course, &objective, &fit->courses));
	fit->gram = env_alloc(env, k * k, sizeof(float));
	if (fit->gram == NULL)
		return env->status;
	fit->users.other = fit->courses.own;
	fit->courses.other = fit->users.own;
	fit->users.gram = fit->courses.gram = fit->gram;
	fit->courses.fits = true;
	return RECSYS_OK;
}

/* Sets the penalty and draws the first factors, whose products have the mean of the cells. */
static RecsysStatus
fit_init(Env *env, const NmfParams *params, const TrainingSet *set, NmfFit *fit)
{
	int64_t		random_state = params->common.random_state;
	int64_t		k = params->factors;
	double		mean = 0;
	double		size;

	fit->offset = params->unobserved == UNOBSERVED_MISSING && set->summary.min < 0
		? set->summary.min : 0;
	TRY(connect_halves(env, params, set, fit));
	TRY(sum_targets(env, &fit->users, &mean, &fit->constant));
	fit->regularization = isnan(params->regularization)
		? default_regularization(params->unobserved, mean) : params->regularization;
	fit->users.objective = nmf_objective(params, fit->offset, fit->regularization);
	fit->courses.objective = fit->users.objective;
	size = sqrt(mean / (double) k);
	TRY(fill_factors(env, random_state, 1, size, fit->users.own, set->by_user.n_rows * k));
	return fill_factors(env, random_state, 2, size, fit->courses.own, set->by_course.n_rows * k);
}

/* Frees all but the factors of the courses. */
static void
fit_free(Env *env, NmfFit *fit)
{
	NmfHalf    *halves[] = {&fit->users, &fit->courses};

	for (int i = 0; i < 2; i++)
	{
		env_free(env, halves[i]->own_values);
		env_free(env, halves[i]->ages);
		env_free(env, halves[i]->work);
		env_free(env, halves[i]->losses);
	}
	env_free(env, fit->users.own);
}

/* Puts the factors of the courses, their Gram matrix and the numbers. */
static RecsysStatus
put_model(Env *env, const TrainingSet *set, NmfFit *fit, ModelWriter *writer)
{
	double	   *numbers = env_alloc(env, N_OBJECTIVE, sizeof(double));
	int64_t		n = set->by_course.n_rows;
	int			k = fit->courses.objective.k;

	if (numbers == NULL)
		return env->status;
	TRY(factor_gram(env, fit->courses.own, n, k, fit->gram));
	numbers[OBJECTIVE_OFFSET] = fit->offset;
	numbers[OBJECTIVE_REGULARIZATION] = fit->regularization;
	TRY(model_put(env, writer, "course_factors", SECTION_FLOAT, n, k, fit->courses.own));
	TRY(model_put(env, writer, "gram", SECTION_FLOAT, k, k, fit->gram));
	return model_put(env, writer, "objective", SECTION_DOUBLE, N_OBJECTIVE, 1, numbers);
}

/* Trains. */
static RecsysStatus
nmf_fit(Env *env, const TrainingSet *set, const void *params_in, ModelWriter *writer)
{
	const NmfParams *params = params_in;
	NmfFit		fit = {0};

	TRY(fit_init(env, params, set, &fit));
	TRY(iterate(env, params, &fit));
	fit_free(env, &fit);
	return put_model(env, set, &fit, writer);
}

/* Measured with 16 to 64 factors; gathered factors wait for memory. */
static void
nmf_estimate(const Shape *shape, const void *params_in, Estimate *estimate)
{
	const NmfParams *params = params_in;
	NmfObjective objective = nmf_objective(params, 0, 0);
	double		k = (double) params->factors;
	double		rows = (double) shape->n_users + (double) shape->n_courses;
	double		n = (double) shape->n_ratings;
	int			n_threads = shape->n_threads > 1 ? shape->n_threads : 1;
	bool		missing = params->unobserved == UNOBSERVED_MISSING;
	double		most = (double) (shape->n_users > shape->n_courses ? shape->n_users
								 : shape->n_courses);

	estimate->model_bytes = 4 * k * ((double) shape->n_courses + k) + 8 * N_OBJECTIVE;
	estimate->bytes = 4 * k * (rows + k) + rows / CHUNK_ROWS * 16 +
		8 * (double) n_threads * (double) work_floats(&objective) +
		(missing ? 0 : factor_gram_bytes((int64_t) most, (int) params->factors)) +
		(isnan(params->common.half_life) ? 0 : (missing ? 16 : 8) * n);
	estimate->seconds = (double) params->iterations / n_threads *
		(missing ? n * (k * 2.4e-9 + k * k * 2e-11) + rows * k * k * 5e-10
		 : n * k * 3.2e-10 + rows * k * k * 1e-10);
}

/* Finds and checks the sections. */
static RecsysStatus
nmf_open(Env *env, Recommender *rec)
{
	const NmfParams *params = rec->params;
	NmfState   *state = rec->state;
	int64_t		n = rec->n_courses;
	int64_t		k = params->factors;
	int64_t		n_numbers = N_OBJECTIVE;
	int64_t		one = 1;
	const void *courses;
	const void *gram;
	const void *data;
	const double *numbers;

	TRY(model_get(env, &rec->model, "course_factors", SECTION_FLOAT, &n, &k, &courses));
	TRY(model_get(env, &rec->model, "gram", SECTION_FLOAT, &k, &k, &gram));
	TRY(model_get(env, &rec->model, "objective", SECTION_DOUBLE, &n_numbers, &one, &data));
	numbers = data;
	TRY(check_finite(env, courses, n * k, "A factor of a course is not finite."));
	TRY(check_finite(env, gram, k * k, "A product of factors is not finite."));
	for (int i = 0; i < N_OBJECTIVE; i++)
		if (!isfinite(numbers[i]))
			return model_damaged(env, "A number of the objective is not finite.");
	state->objective = nmf_objective(params, numbers[OBJECTIVE_OFFSET],
									 numbers[OBJECTIVE_REGULARIZATION]);
	state->courses = courses;
	state->gram = gram;
	state->least_ratings = least_ratings(rec, params->min_ratings);
	return RECSYS_OK;
}

/* Floats of scratch between a user's factors and the values of the history: of the problem. */
static size_t
problem_floats(const NmfObjective *objective)
{
	size_t		k = (size_t) objective->k;

	return objective->unobserved == UNOBSERVED_MISSING ? k + k * k : k;
}

/* The user's factors, the problem to find them, values and ages of the history. */
static size_t
nmf_scratch_size(const Recommender *rec)
{
	const NmfState *state = rec->state;

	return ((size_t) state->objective.k + problem_floats(&state->objective) +
			2 * (size_t) rec->n_courses) * sizeof(float);
}

/* The history as a row; memory: 2 n floats. */
static NmfRow
history_row(const Recommender *rec, const History *history, float *memory)
{
	const NmfParams *params = rec->params;
	const NmfState *state = rec->state;
	float	   *values = memory;
	float	   *ages = isnan(params->common.half_life) ? NULL : memory + history->n;

	for (int32_t h = 0; h < history->n; h++)
	{
		float		age = 1;

		if (ages != NULL)
			age = ages[h] = history_weight(rec, history, h);
		values[h] = age * target(&state->objective, history->ratings[h]);
	}
	return (NmfRow) {history->n, history->courses, values, ages};
}

/* Fills w[k] with the factors of a user; scratch is left zero but for w.  False: all are 0. */
static bool
fold_in(const Recommender *rec, const History *history, void *scratch, float *w)
{
	const NmfState *state = rec->state;
	const NmfObjective *objective = &state->objective;
	int			k = objective->k;
	size_t		n_problem = problem_floats(objective);
	float	   *work = (float *) scratch + k;
	NmfRow		row = history_row(rec, history, work + n_problem);
	NnlsProblem problem;
	bool		any = false;

	if (objective->unobserved == UNOBSERVED_MISSING)
		problem = missing_problem(objective, &row, state->courses, work);
	else
	{
		sum_values(&row, state->courses, k, work);
		problem = zero_problem(objective, state->gram, rec->n_courses, work);
	}
	memset(w, 0, (size_t) k * sizeof(float));
	nnls_solve(&problem, w);
	for (int s = 0; s < k; s++)
		any = any || w[s] > 0;
	memset(work, 0, (n_problem + 2 * (size_t) history->n) * sizeof(float));
	return any;
}

/* Product of the user's and a course's factors. */
static inline float
product(const NmfState *state, const float *w, int32_t course)
{
	int			k = state->objective.k;

	return vector_dot(w, state->courses + (size_t) course * (size_t) k, k);
}

/* What a product says about a course, for ranking. */
static inline float
score_of(const Recommender *rec, const NmfState *state, float value, int32_t course)
{
	if (!(value > 0))
		return NO_OPINION;
	if (state->objective.unobserved == UNOBSERVED_ZERO)
		return finish_score(value, NAN);
	if (rec->course_counts[course] < state->least_ratings)
		return NO_OPINION;
	return finish_score(value + state->objective.offset, NAN);
}

/* Score of one course for a user's factors. */
static float
nmf_score_vector(const Recommender *rec, const float *user_vector, int32_t course)
{
	const NmfState *state = rec->state;

	return score_of(rec, state, product(state, user_vector, course), course);
}

/* See the header. */
static void
nmf_score(const Recommender *rec, const History *history, void *scratch, float *scores)
{
	const NmfState *state = rec->state;
	float	   *w = scratch;
	bool		known = fold_in(rec, history, scratch, w);

	for (int32_t c = 0; c < rec->n_courses; c++)
		scores[c] = known ? nmf_score_vector(rec, w, c) : NO_OPINION;
	memset(w, 0, (size_t) state->objective.k * sizeof(float));
}

/* NAN for a user or a course without factors, and when zero. */
static double
nmf_predict(const Recommender *rec, const History *history, int32_t course, void *scratch)
{
	const NmfState *state = rec->state;
	float	   *w = scratch;
	double		value = 0;

	if (state->objective.unobserved == UNOBSERVED_ZERO)
		return NAN;
	if (fold_in(rec, history, scratch, w))
		value = product(state, w, course);
	memset(w, 0, (size_t) state->objective.k * sizeof(float));
	return value > 0 ? value + state->objective.offset : NAN;
}

/* Cosine of the factors; a course without ratings has none. */
static bool
nmf_similar(const Recommender *rec, int32_t course, void *scratch, float *scores)
{
	(void) scratch;
	latent_similar(rec, course, LATENT_COSINE, scores);
	for (int32_t c = 0; c < rec->n_courses; c++)
		if (!(scores[c] > 0))
			scores[c] = NO_OPINION;
	return true;
}

/* A row of the factor matrix. */
static const float *
nmf_course_vector(const Recommender *rec, int32_t course, int *n)
{
	const NmfState *state = rec->state;

	*n = state->objective.k;
	return state->courses + (size_t) course * (size_t) state->objective.k;
}

/* The fold-in. */
static int
nmf_user_vector(const Recommender *rec, const History *history, void *scratch, float *out)
{
	const NmfState *state = rec->state;

	return fold_in(rec, history, scratch, out) ? state->objective.k : 0;
}

/* One product for several users; ratings are measured from an offset. */
static void
nmf_score_block(const Recommender *rec, const float *user_vectors, int n_users, float *scores)
{
	const NmfState *state = rec->state;
	bool		missing = state->objective.unobserved != UNOBSERVED_ZERO;

	latent_score_block(rec, state->courses, state->objective.k, missing ? state->least_ratings : 0,
					   user_vectors, n_users, scores);
	for (int64_t i = 0; missing && i < (int64_t) n_users * rec->n_courses; i++)
		scores[i] += (float) state->objective.offset;
}

/* Ratings that hardly vary say nothing when the ratings alone are looked at. */
static RecsysStatus
nmf_check(Env *env, const TrainingSet *set, const void *params_in)
{
	const NmfParams *params = params_in;

	TRY(check_half_life(env, set, params));
	return params->unobserved == UNOBSERVED_MISSING ? warn_of_equal_ratings(env, set) : RECSYS_OK;
}

const Method method_nmf = {
	.name = "nmf",
	.description = "Courses and users as mixtures of topics: non-negative factors of the ratings.",
	.objective = OBJECTIVE_RANKING,
	.params = {"nmf", nmf_params, N_PARAMS(nmf_params), sizeof(NmfParams)},
	.personal = true,
	.state_size = sizeof(NmfState),
	.check = nmf_check,
	.estimate = nmf_estimate,
	.fit = nmf_fit,
	.open = nmf_open,
	.scratch_size = nmf_scratch_size,
	.score = nmf_score,
	.predict = nmf_predict,
	.similar = nmf_similar,
	.course_vector = nmf_course_vector,
	.user_vector = nmf_user_vector,
	.score_vector = nmf_score_vector,
	.score_block = nmf_score_block,
};
