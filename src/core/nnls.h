/*
 * nnls.h
 *		Least squares with non-negative unknowns, by coordinate descent.
 *
 *		min  1/2 w'Gw - b'w + l1 sum w + l2 / 2 sum w^2     subject to w >= 0
 *
 * With all but one unknown fixed that is a parabola, whose lowest point at 0 or
 * above is taken; the unknowns take turns (Cichocki and Phan, "Fast local
 * algorithms for large scale nonnegative matrix and tensor factorizations",
 * 2009).  No step ever raises the objective.
 */
#ifndef CORE_NNLS_H
#define CORE_NNLS_H

#define NNLS_TOLERANCE 1e-5		/* of nnls_solve: part of the first sweep's violation */
#define NNLS_SWEEPS 1000		/* of nnls_solve, at most */

#define NNLS_BLOCK 32			/* problems of nnls_sweep_block, at most */

/* G is symmetric, both triangles filled, and positive semidefinite. */
typedef struct NnlsProblem
{
	int			k;
	const float *gram;			/* k x k */
	const float *b;
	float		l1;
	float		l2;
} NnlsProblem;

/*
 * One turn of each unknown, in order.  Returns how far w was from the optimum: the sum of
 * |gradient| over the unknowns, each just before its turn, those held at 0 left out.  k^2
 * multiply-adds.  An unknown without curvature keeps its value.
 */
extern double nnls_sweep(const NnlsProblem *problem, float *w);

/*
 * The same for n_rows (at most NNLS_BLOCK) problems that differ in b alone, several times as
 * fast: b and w are n_rows x k.  scratch: 2 k NNLS_BLOCK floats.
 */
extern double nnls_sweep_block(const NnlsProblem *problem, int n_rows, float *w, float *scratch);

/* Sweeps from w to the tolerance. */
extern void nnls_solve(const NnlsProblem *problem, float *w);

/* The objective; k^2 multiply-adds. */
extern double nnls_objective(const NnlsProblem *problem, const float *w);

#endif							/* CORE_NNLS_H */
