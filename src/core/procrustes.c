/*
 * procrustes.c
 *		The rotation that brings vectors closest to others: see procrustes.h.
 */
#include "core/procrustes.h"

#include <math.h>
#include <string.h>

#include "core/blas.h"
#include "core/eigen.h"
#include "core/vecmath.h"

/* A direction counts as without length below this share of the longest: squares lose half of the digits. */
#define LEAST_LENGTH 1e-7

/* A vector that is this small after those before it are taken out of it was made of them. */
#define LEAST_REST 1e-6

/* While the columns of U are found. */
typedef struct Columns
{
	int			n;
	const double *products;		/* M */
	double	   *right;			/* rows: v, by ascending eigenvalue of M' M */
	double	   *left;			/* rows: u, those of `done` set */
	bool	   *done;
	double	   *work;
} Columns;

/*
 * Takes out of x what it has in common with the rows that are done, twice, as rounding leaves some of it the first
 * time, and makes row j of the rest.  False when too little is left.
 */
static bool
set_left(Columns *columns, int j, double *x)
{
	int			n = columns->n;
	double		length = sqrt(vecmath_dot(x, x, (size_t) n));
	double		rest;

	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < n; i++)
		{
			const double *row = columns->left + (int64_t) i * n;
			double		common = columns->done[i] ? vecmath_dot(x, row, (size_t) n) : 0;

			for (int k = 0; columns->done[i] && k < n; k++)
				x[k] -= common * row[k];
		}
	rest = sqrt(vecmath_dot(x, x, (size_t) n));
	if (!(rest > LEAST_REST * length))
		return false;
	for (int k = 0; k < n; k++)
		columns->left[(int64_t) j * n + k] = x[k] / rest;
	columns->done[j] = true;
	return true;
}

/* u = M v / s of the directions that have a length, the longest first. */
static RecsysStatus
find_left(Env *env, Columns *columns, const double *values)
{
	int			n = columns->n;
	double		longest = sqrt(fmax(values[n - 1], 0));

	for (int j = n - 1; j >= 0; j--)
	{
		if (env_interrupted(env))
			return env->status;
		if (!(sqrt(fmax(values[j], 0)) > LEAST_LENGTH * longest))
			continue;
		for (int i = 0; i < n; i++)
			columns->work[i] = vecmath_dot(columns->products + (int64_t) i * n,
										  columns->right + (int64_t) j * n, (size_t) n);
		(void) set_left(columns, j, columns->work);
	}
	return RECSYS_OK;
}

/* The others: v itself, as far as it is free, else the next unit vector that is. */
static RecsysStatus
complete_left(Env *env, Columns *columns)
{
	int			n = columns->n;
	int			unit = 0;

	for (int pass = 0; pass < 2; pass++)
		for (int j = n - 1; j >= 0; j--)
		{
			if (env_interrupted(env))
				return env->status;
			if (columns->done[j])
				continue;
			memcpy(columns->work, columns->right + (int64_t) j * n, (size_t) n * sizeof(double));
			while (!set_left(columns, j, columns->work) && pass == 1 && unit < n)
			{
				memset(columns->work, 0, (size_t) n * sizeof(double));
				columns->work[unit++] = 1;
			}
		}
	return RECSYS_OK;
}

/* Allocates; M' M is in the rows of right. */
static RecsysStatus
prepare(Env *env, Columns *columns, double **values)
{
	size_t		n = (size_t) columns->n;

	columns->right = env_alloc(env, n, n * sizeof(double));
	columns->left = env_alloc(env, n, n * sizeof(double));
	columns->done = env_alloc_zero(env, n, sizeof(bool));
	columns->work = env_alloc(env, n, sizeof(double));
	*values = env_alloc(env, n, sizeof(double));
	if (columns->right == NULL || columns->left == NULL || columns->done == NULL ||
		columns->work == NULL || *values == NULL)
		return env->status;
	return blas_dgemm_parallel(env, true, false, columns->n, columns->n, columns->n, 1,
							   columns->products, columns->n, columns->products, columns->n, 0,
							   columns->right, columns->n);
}

/* In memory that is given back. */
static RecsysStatus
find_rotation(Env *env, Columns *columns, double *rotation)
{
	int			n = columns->n;
	double	   *values;

	TRY(prepare(env, columns, &values));
	TRY(eigen_symmetric(env, n, columns->right, values));
	TRY(find_left(env, columns, values));
	TRY(complete_left(env, columns));
	return blas_dgemm_parallel(env, true, false, n, n, n, 1, columns->left, n, columns->right, n, 0,
							   rotation, n);
}

/* M is scaled first, so that its squares are finite. */
RecsysStatus
procrustes(Env *env, int n, const double *products, double *rotation)
{
	Columns		columns = {.n = n};
	double		largest = 0;
	Env			inner;
	double	   *scaled;

	for (int64_t i = 0; i < (int64_t) n * n; i++)
	{
		if (!isfinite(products[i]))
			return env_fail(env, RECSYS_NOT_CONVERGED, "factors are not finite");
		largest = fmax(largest, fabs(products[i]));
	}
	env_enter(env, &inner);
	scaled = env_alloc(&inner, (size_t) n, (size_t) n * sizeof(double));
	if (scaled == NULL)
		return env_leave(env, &inner, inner.status);
	for (int64_t i = 0; i < (int64_t) n * n; i++)
		scaled[i] = largest > 0 ? products[i] / largest : 0;
	columns.products = scaled;
	return env_leave(env, &inner, find_rotation(&inner, &columns, rotation));
}

/* Three matrices, and what the eigenvectors take. */
double
procrustes_bytes(double n)
{
	return 3 * 8 * n * n + 17 * n + eigen_bytes(n) + 6 * ENV_BLOCK_OVERHEAD;
}

/* Row times matrix. */
void
procrustes_turn(int n, const double *rotation, float *x, double *work)
{
	memset(work, 0, (size_t) n * sizeof(double));
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			work[j] += (double) x[i] * rotation[(int64_t) i * n + j];
	for (int j = 0; j < n; j++)
		x[j] = (float) work[j];
}
