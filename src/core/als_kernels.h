/*
 * als_kernels.h
 *		One row of implicit least squares: the vector x of a user (or a course)
 *		when those of all courses (users) are given.
 *
 * x minimises
 *
 *		sum over all j of c_j (p_j - x . y_j)^2 + lambda |x|^2
 *
 *		c_j = w0 + alpha |r_j|,  p_j = 1 where r_j > 0, else 0		(j in the row)
 *		c_j = w0, p_j = 0											(all others)
 *
 * With gram = w0 Y'Y + lambda I, the same for every row, and d_j = alpha |r_j|,
 * x solves (gram + sum d_j y_j y_j') x = sum c_j p_j y_j over the row alone (Hu,
 * Koren and Volinsky 2008).  The value of the objective at x comes with it:
 * sum c_j p_j - x . (sum c_j p_j y_j), less what a system that is not solved to
 * the end leaves.
 */
#ifndef CORE_ALS_KERNELS_H
#define CORE_ALS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The given side, and what all rows share. */
typedef struct AlsSide
{
	int			n_factors;		/* at most SPD_MAX */
	const float *factors;		/* rows y_j */
	const float *gram;			/* w0 Y'Y + lambda I, both triangles */
	const float *whitener;		/* inverse of the Cholesky factor of gram, lower triangle */
	float		unobserved_weight;	/* w0 */
	float		alpha;
} AlsSide;

/* The ratings of a row, aged where that is wanted. */
typedef struct AlsRow
{
	int64_t		n;
	const int32_t *indexes;		/* j */
	const float *values;		/* r_j */
} AlsRow;

/* Floats of scratch memory for als_exact and als_cg. */
extern size_t als_scratch(int n_factors);

/*
 * Fills x with the exact solution and *loss with its objective.  Solved in as many
 * unknowns as the row has ratings when those are few (the Woodbury identity), else in
 * n_factors.  False when the system is not positive definite.
 */
extern bool als_exact(const AlsSide *side, AlsRow row, float *x, double *loss, float *scratch);

/*
 * Improves x by at most `steps` steps of conjugate gradients; *loss as above.  No matrix is
 * formed: (2 n_factors n + n_factors^2) multiply-adds a step, and once more at the start.
 */
extern void als_cg(const AlsSide *side, AlsRow row, int steps, float *x, double *loss,
				   float *scratch);

/*
 * The two sums of a row's system: lower triangle of a += sum d_j y_j y_j', b += sum c_j p_j y_j.
 * Returns sum c_j p_j.
 */
extern double als_add_row(const AlsSide *side, AlsRow row, float *a, float *b);

#endif							/* CORE_ALS_KERNELS_H */
