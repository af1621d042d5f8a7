/*
 * factor_sums_kernels.c
 *		Inner loops of factor_sums.h and nnls.h.
 */
#include "core/factor_sums.h"

#include <math.h>

#include "core/nnls.h"
#include "core/vector.h"

/* Rows asked for in advance: they lie anywhere in memory. */
#define AHEAD 12

/* Asks for the cache lines of a row. */
static inline void
prefetch_row(const float *row, int k)
{
	for (int i = 0; i < k; i += 16)
		__builtin_prefetch(row + i);
}

/* Four rows at a time, so that sum is read and written once for them. */
CLONES void
factor_sum(const float *restrict x, int k, const int32_t *restrict indexes,
			const float *restrict values, int64_t n, float *restrict sum)
{
	int64_t		e = 0;

	for (; e + 4 <= n; e += 4)
	{
		const float *a = x + (size_t) indexes[e] * (size_t) k;
		const float *b = x + (size_t) indexes[e + 1] * (size_t) k;
		const float *c = x + (size_t) indexes[e + 2] * (size_t) k;
		const float *d = x + (size_t) indexes[e + 3] * (size_t) k;

		for (int64_t p = e + AHEAD; p < e + AHEAD + 4 && p < n; p++)
			prefetch_row(x + (size_t) indexes[p] * (size_t) k, k);
		for (int i = 0; i < k; i++)
			sum[i] += values[e] * a[i] + values[e + 1] * b[i] + values[e + 2] * c[i] +
				values[e + 3] * d[i];
	}
	for (; e < n; e++)
		for (int i = 0; i < k; i++)
			sum[i] += values[e] * x[(size_t) indexes[e] * (size_t) k + (size_t) i];
}

/* See nnls.h. */
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

/* See nnls.h. */
void
nnls_solve(const NnlsProblem *problem, float *w)
{
	double		first = nnls_sweep(problem, w);

	for (int sweep = 1; sweep < NNLS_SWEEPS; sweep++)
		if (!(nnls_sweep(problem, w) > NNLS_TOLERANCE * first))
			return;
}

/* See nnls.h. */
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
