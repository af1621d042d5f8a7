/*
 * nnls_kernels.c
 *		Least squares with non-negative unknowns, by coordinate descent.
 *
 * The unknowns of one problem wait for each other; those of several problems with
 * the same matrix do not.  So a block of problems is turned round, one problem to
 * a lane, and all take their steps together.
 */
#include "core/nnls.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "core/vector.h"

#define LANES 8					/* floats of a vector */
#define BLOCK_VECTORS (NNLS_BLOCK / LANES)

typedef float Vector __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))

/* Each unknown in turn to the lowest point of its parabola, or to 0. */
CLONES double
nnls_sweep(const NnlsProblem *problem, float *restrict w)
{
	int			k = problem->k;
	double		violation = 0;

	for (int s = 0; s < k; s++)
	{
		const float *row = problem->gram + (size_t) s * (size_t) k;
		float		curvature = row[s] + problem->l2;
		float		gradient = problem->l1 + problem->l2 * w[s] - problem->b[s];
		float		sum = 0;
		float		next;

		for (int i = 0; i < k; i++)
			sum += row[i] * w[i];
		gradient += sum;
		if (!(curvature > 0))
			continue;
		violation += w[s] > 0 || gradient < 0 ? fabsf(gradient) : 0;
		next = w[s] - gradient / curvature;
		w[s] = next > 0 ? next : 0;
	}
	return violation;
}

/* out[i * NNLS_BLOCK + r] = in[r * k + i]; lanes without a row get 0. */
INLINE void
turn_in(const float *restrict in, int n_rows, int k, float *restrict out)
{
	memset(out, 0, (size_t) k * NNLS_BLOCK * sizeof(float));
	for (int r = 0; r < n_rows; r++)
		for (int i = 0; i < k; i++)
			out[i * NNLS_BLOCK + r] = in[(size_t) r * (size_t) k + (size_t) i];
}

/* products = the sum over i of row[i] times unknown i of every lane. */
INLINE void
multiply_lanes(const float *restrict row, int k, const float *restrict w,
			   float *restrict products)
{
	Vector		sums[BLOCK_VECTORS] = {0};

	for (int i = 0; i < k; i++, w += NNLS_BLOCK)
		for (int v = 0; v < BLOCK_VECTORS; v++)
			sums[v] += row[i] * *(const Vector *) (w + v * LANES);
	for (int v = 0; v < BLOCK_VECTORS; v++)
		*(Vector *) (products + v * LANES) = sums[v];
}

/*
 * One unknown of every lane to the lowest point of its parabola, or to 0.  Lanes without a
 * row stay 0: there b is 0, so that the gradient is not below 0.
 */
INLINE void
step_lanes(float l1, float l2, float curvature, const float *restrict products,
		   const float *restrict b, float *restrict w, float *restrict violations)
{
	for (int r = 0; r < NNLS_BLOCK; r++)
	{
		float		gradient = l1 + l2 * w[r] - b[r] + products[r];
		float		next = w[r] - gradient / curvature;

		violations[r] += w[r] > 0 || gradient < 0 ? fabsf(gradient) : 0;
		w[r] = next > 0 ? next : 0;
	}
}

/* As nnls_sweep, for a block of rows. */
CLONES double
nnls_sweep_block(const NnlsProblem *problem, int n_rows, float *restrict w,
				 float *restrict scratch)
{
	int			k = problem->k;
	float	   *own = scratch;
	float	   *b = scratch + (size_t) k * NNLS_BLOCK;
	float		violations[NNLS_BLOCK] = {0};
	double		violation = 0;

	turn_in(w, n_rows, k, own);
	turn_in(problem->b, n_rows, k, b);
	for (int s = 0; s < k; s++)
	{
		const float *row = problem->gram + (size_t) s * (size_t) k;
		float		curvature = row[s] + problem->l2;
		float		products[NNLS_BLOCK];

		if (!(curvature > 0))
			continue;
		multiply_lanes(row, k, own, products);
		step_lanes(problem->l1, problem->l2, curvature, products, b + s * NNLS_BLOCK,
				   own + s * NNLS_BLOCK, violations);
	}
	for (int r = 0; r < n_rows; r++)
	{
		violation += violations[r];
		for (int i = 0; i < k; i++)
			w[(size_t) r * (size_t) k + (size_t) i] = own[i * NNLS_BLOCK + r];
	}
	return violation;
}

/* Sweeps until one finds w hardly wrong, compared with the first. */
void
nnls_solve(const NnlsProblem *problem, float *w)
{
	double		first = nnls_sweep(problem, w);

	for (int sweep = 1; sweep < NNLS_SWEEPS; sweep++)
		if (!(nnls_sweep(problem, w) > NNLS_TOLERANCE * first))
			return;
}

/* Row by row of G. */
double
nnls_objective(const NnlsProblem *problem, const float *w)
{
	int			k = problem->k;
	double		value = 0;

	for (int s = 0; s < k; s++)
		value += w[s] * (0.5 * vector_dot(problem->gram + (size_t) s * (size_t) k, w, k) -
						 problem->b[s] + problem->l1 + 0.5 * problem->l2 * w[s]);
	return value;
}
