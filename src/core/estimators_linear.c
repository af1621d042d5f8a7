/*
 * estimators_linear.c
 *		Features of equal scale, and least squares on them.
 *
 * Minimises
 *
 *		(1 / sum v) sum over rows of v / 2 (t - w z - b)^2  +  lambda / 2 |w|^2
 *
 * v: weight of the row, z: its features, standardised by the weighted mean and standard deviation.  As z has
 * mean 0, b is the mean of t, and w solves (Z'VZ / sum v + lambda I) w = Z'V(t - b) / sum v.  `linear` takes
 * LEAST_LAMBDA for lambda: features that depend on one another share their weight, and nothing else changes
 * by more than that share.
 *
 * Z'VZ is summed in double by OpenBLAS over blocks of rows: rows x features^2 multiplications on all threads,
 * then features^3 for the inverse.  Memory: three matrices of features x features, and a block of rows.
 */
#include <math.h>
#include <string.h>

#include "core/blas.h"
#include "core/estimators_parts.h"
#include "core/inverse.h"

#define LEAST_LAMBDA 1e-10		/* relative to the variance of a feature */
#define BLOCK_ROWS 1024
#define POLL_VALUES (INT64_C(1) << 20)

/* A deviation below this share of the mean is rounding, and one below this much cannot be divided by. */
#define LEAST_DEVIATION_SHARE 1e-9
#define LEAST_DEVIATION 1e-30

/* Rows that make up about POLL_VALUES values. */
static int64_t
rows_between_polls(int n_features)
{
	int64_t		n = POLL_VALUES / n_features;

	return n > 0 ? n : 1;
}

/* Adds rows to the weighted sums of features, or with centre to those of their squared distance from it. */
static void
add_rows(const EstimatorRows *rows, int64_t begin, int64_t end, const double *centre, double *sums)
{
	for (int64_t i = begin; i < end; i++)
	{
		const float *x = rows->features + i * rows->n_features;
		double		v = row_weight(rows, i);

		for (int j = 0; j < rows->n_features; j++)
		{
			double		d = centre != NULL ? x[j] - centre[j] : 0.0;

			sums[j] += centre != NULL ? v * d * d : v * x[j];
		}
	}
}

/* The sums of add_rows over all rows, divided by the sum of weights. */
static RecsysStatus
weighted_means(Env *env, const EstimatorFit *fit, const double *centre, double *means)
{
	const EstimatorRows *rows = fit->rows;
	int64_t		step = rows_between_polls(rows->n_features);

	for (int64_t begin = 0; begin < rows->n; begin += step)
	{
		if (env_interrupted(env))
			return env->status;
		add_rows(rows, begin, rows->n - begin < step ? rows->n : begin + step, centre, means);
	}
	for (int j = 0; j < rows->n_features; j++)
		means[j] /= fit->weight_sum;
	return RECSYS_OK;
}

/* Means, then deviations. */
RecsysStatus
fit_standardise(Env *env, EstimatorFit *fit)
{
	int			p = fit->rows->n_features;

	fit->means = env_alloc_zero(env, (size_t) p, sizeof(double));
	fit->scales = env_alloc_zero(env, (size_t) p, sizeof(double));
	if (fit->means == NULL || fit->scales == NULL)
		return env->status;
	TRY(weighted_means(env, fit, NULL, fit->means));
	TRY(weighted_means(env, fit, fit->means, fit->scales));
	for (int j = 0; j < p; j++)
	{
		double		deviation = sqrt(fit->scales[j]);

		fit->scales[j] = deviation > LEAST_DEVIATION &&
			deviation > LEAST_DEVIATION_SHARE * fabs(fit->means[j]) ? 1.0 / deviation : 0.0;
	}
	return RECSYS_OK;
}

/* The intercept is that of the weights as rounded: what rounding costs does not grow with the means. */
double
fit_unstandardise(const EstimatorFit *fit, const double *standard, double intercept, float *weights)
{
	for (int j = 0; j < fit->rows->n_features; j++)
	{
		weights[j] = (float) (standard[j] * fit->scales[j]);
		intercept -= (double) weights[j] * fit->means[j];
	}
	return intercept;
}

/* A system of equations while its rows are added up. */
typedef struct Normal
{
	int			p;
	double	   *gram;			/* p x p */
	double	   *right;			/* p */
	double	   *block;			/* BLOCK_ROWS x p, each row times the root of its weight */
	double	   *solution;		/* p */
} Normal;

/* Memory of the system. */
static RecsysStatus
normal_alloc(Env *env, int p, Normal *normal)
{
	normal->p = p;
	normal->gram = env_alloc_zero(env, (size_t) p * (size_t) p, sizeof(double));
	normal->right = env_alloc_zero(env, (size_t) p, sizeof(double));
	normal->block = env_alloc(env, (size_t) p * BLOCK_ROWS, sizeof(double));
	normal->solution = env_alloc(env, (size_t) p, sizeof(double));
	return normal->gram != NULL && normal->right != NULL && normal->block != NULL &&
		normal->solution != NULL ? RECSYS_OK : env->status;
}

/* Adds a block of rows to both sides. */
static RecsysStatus
add_block(Env *env, const EstimatorFit *fit, int64_t begin, int n, Normal *normal)
{
	int			p = normal->p;

	for (int i = 0; i < n; i++)
	{
		double		v = row_weight(fit->rows, begin + i) / fit->weight_sum;
		double		rest = v * (fit->rows->targets[begin + i] - fit->mean);
		double	   *z = normal->block + (int64_t) i * p;

		for (int j = 0; j < p; j++)
		{
			z[j] = standard_feature(fit, begin + i, j);
			normal->right[j] += rest * z[j];
			z[j] *= sqrt(v);
		}
	}
	return blas_dgemm_parallel(env, true, false, p, p, n, 1.0, normal->block, p, normal->block, p, 1.0,
							   normal->gram, p);
}

/* Sums up and solves. */
static RecsysStatus
solve(Env *env, const EstimatorFit *fit, double lambda, Normal *normal)
{
	int			p = normal->p;
	int64_t		n = fit->rows->n;

	for (int64_t begin = 0; begin < n; begin += BLOCK_ROWS)
	{
		if (env_interrupted(env))
			return env->status;
		TRY(add_block(env, fit, begin, n - begin < BLOCK_ROWS ? (int) (n - begin) : BLOCK_ROWS, normal));
	}
	for (int j = 0; j < p; j++)
		normal->gram[(int64_t) j * p + j] += fit->scales[j] > 0.0 ? lambda : 1.0;
	TRY(inverse_spd(env, p, normal->gram));
	for (int i = 0; i < p; i++)
	{
		normal->solution[i] = 0.0;
		for (int j = 0; j < p; j++)
			normal->solution[i] += normal->gram[(int64_t) i * p + j] * normal->right[j];
	}
	return RECSYS_OK;
}

/* Solves in memory of its own. */
static RecsysStatus
fit_inside(Env *env, const EstimatorFit *fit, double *intercept, float *weights)
{
	double		lambda = fit->spec->kind == ESTIMATOR_RIDGE ? fit->spec->regularization : 0.0;
	Normal		normal;

	TRY(normal_alloc(env, fit->rows->n_features, &normal));
	TRY(solve(env, fit, lambda > LEAST_LAMBDA ? lambda : LEAST_LAMBDA, &normal));
	*intercept = fit_unstandardise(fit, normal.solution, fit->mean, weights);
	return RECSYS_OK;
}

/* Fits. */
RecsysStatus
least_squares_fit(Env *env, const EstimatorFit *fit, Estimator *estimator)
{
	float	   *weights = env_alloc(env, (size_t) fit->rows->n_features, sizeof(float));
	Env			inner;

	if (weights == NULL)
		return env->status;
	TRY(blas_open(env));
	env_enter(env, &inner);
	TRY(env_leave(env, &inner, fit_inside(&inner, fit, &estimator->intercept, weights)));
	estimator->weights = weights;
	return RECSYS_OK;
}

/* The system, its inverse, the block; a product, and the inverse. */
void
least_squares_estimate(double n_rows, double n_features, double *bytes, double *seconds)
{
	*bytes = 8.0 * n_features * (n_features + BLOCK_ROWS + 4.0) + inverse_bytes(n_features) +
		BLAS_LIBRARY_BYTES;
	*seconds = n_features * n_features * (2e-10 * n_rows + 1e-9 * n_features) + 5e-9 * n_rows * n_features;
}
