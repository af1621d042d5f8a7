/*
 * nnls_kernels.c
 *		Least squares with non-negative unknowns, by coordinate descent.
 */
#include "core/nnls.h"

#include <math.h>
#include <stddef.h>

#include "core/vector.h"

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
