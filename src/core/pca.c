/*
 * pca.c
 *		Principal components.
 */
#include "core/pca.h"

#include <math.h>
#include <string.h>

#include "core/blas.h"
#include "core/eigen.h"

#define BLOCK_ROWS (INT64_C(1) << 30)	/* of X, as many as an int holds */

/* A count from 1 to n_dims, or a share between 0 and 1. */
RecsysStatus
pca_check_components(Env *env, double n_components, int32_t n_dims)
{
	if (n_components > 0 && n_components < 1)
		return RECSYS_OK;
	if (n_components >= 1 && n_components <= n_dims && n_components == floor(n_components))
		return RECSYS_OK;
	env_fail(env, RECSYS_BAD_ARGUMENT, "\"n_components\" cannot be %g", n_components);
	return env_hint(env, "It is a share of the variance above 0 and below 1, or a number of components "
					"from 1 to %d.", (int) n_dims);
}

/* matrix = X'X / (n - 1), all of it; of a single point nothing but 0. */
static RecsysStatus
covariance(Env *env, const Points *points, double *matrix)
{
	int			d = points->n_dims;
	double		scale = points->n > 1 ? 1 / (double) (points->n - 1) : 0;

	for (int64_t i = 0; i < points->n; i += BLOCK_ROWS)
	{
		int			rows = (int) (points->n - i < BLOCK_ROWS ? points->n - i : BLOCK_ROWS);

		TRY(blas_dgemm_parallel(env, true, false, d, d, rows, scale, point(points, i), d,
								point(points, i), d, i > 0, matrix, d));
	}
	return RECSYS_OK;
}

/* Makes the loading of greatest absolute value positive. */
static void
set_sign(double *component, int32_t n)
{
	int32_t		greatest = 0;

	for (int32_t g = 1; g < n; g++)
		if (fabs(component[g]) > fabs(component[greatest]))
			greatest = g;
	for (int32_t g = 0; g < n && component[greatest] < 0; g++)
		if (g != greatest)
			component[g] = -component[g];
	component[greatest] = fabs(component[greatest]);
}

/* Descending, with signs; a variance below zero is rounding. */
static void
order_components(Pca *pca, const double *values, const double *vectors)
{
	int32_t		n = pca->n_dims;

	pca->total = 0;
	for (int32_t j = 0; j < n; j++)
	{
		double	   *component = pca->components + (int64_t) j * n;

		memcpy(component, vectors + (int64_t) (n - 1 - j) * n, (size_t) n * sizeof(double));
		set_sign(component, n);
		pca->variances[j] = fmax(0, values[n - 1 - j]);
		pca->total += pca->variances[j];
	}
}

/* How many components n_components means. */
static int32_t
count_components(const Pca *pca, double n_components)
{
	double		sum = 0;

	if (n_components >= 1)
		return (int32_t) n_components;
	for (int32_t j = 0; j < pca->n_dims; j++)
	{
		sum += pca->variances[j];
		if (sum >= n_components * pca->total)
			return j + 1;
	}
	return pca->n_dims;
}

/* Covariances, eigenvectors, order. */
RecsysStatus
pca_fit(Env *env, const Points *points, double n_components, Pca *pca)
{
	size_t		n = (size_t) points->n_dims;
	double	   *matrix;
	double	   *values;

	TRY(pca_check_components(env, n_components, points->n_dims));
	if (points->n_dims > PCA_MAX_DIMS)
		return env_fail(env, RECSYS_OVER_LIMIT, "vectors have %d elements, at most %d are possible",
						(int) points->n_dims, PCA_MAX_DIMS);
	TRY(blas_open(env));
	pca->n_dims = points->n_dims;
	pca->components = env_alloc(env, n, n * sizeof(double));
	pca->variances = env_alloc(env, n, sizeof(double));
	matrix = env_alloc(env, n, n * sizeof(double));
	values = env_alloc(env, n, sizeof(double));
	if (pca->components == NULL || pca->variances == NULL || matrix == NULL || values == NULL)
		return env->status;
	TRY(covariance(env, points, matrix));
	TRY(eigen_symmetric(env, points->n_dims, matrix, values));
	order_components(pca, values, matrix);
	pca->n_components = count_components(pca, n_components);
	env_free(env, matrix);
	env_free(env, values);
	return RECSYS_OK;
}

/* Row by row. */
void
pca_project(int32_t n_components, int32_t n_dims, const double *components, const double *x,
			double *out)
{
	for (int32_t j = 0; j < n_components; j++)
	{
		const double *component = components + (int64_t) j * n_dims;

		out[j] = 0;
		for (int32_t g = 0; g < n_dims; g++)
			out[j] += component[g] * x[g];
	}
}

/* The two matrices and values, and what their eigenvectors take. */
double
pca_bytes(double n_dims)
{
	return sizeof(double) * (2 * n_dims * n_dims + 2 * n_dims) + 4 * ENV_BLOCK_OVERHEAD + eigen_bytes(n_dims);
}
