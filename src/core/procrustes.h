/*
 * procrustes.h
 *		The rotation that brings vectors closest to others.
 *
 * Two models with factors, trained on parts of the same data, may differ by a rotation of the factors
 * that no product of a user and a course tells.  With rows a_i and b_i of what both have,
 *
 *		R = argmin sum w_i |a_i R - b_i|^2 over the orthogonal R
 *
 * is the orthogonal polar factor U V' of M = sum w_i a_i' b_i = U S V' (Schoenemann, "A generalized
 * solution of the orthogonal Procrustes problem", Psychometrika 31, 1966).  It is found from the
 * eigenvectors V of M' M, with U = M V / S.  Directions in which M has no length (few rows, factors
 * that are all 0) are completed to an orthonormal U, each as near to its v as the others leave it: they
 * stay where they are when nothing turns them.
 */
#ifndef CORE_PROCRUSTES_H
#define CORE_PROCRUSTES_H

#include "core/env.h"

/*
 * products: M, n x n, row after row; rotation: R, the same.  O(n^3).  RECSYS_NOT_CONVERGED when M is not
 * finite.  Needs blas_open.
 */
extern RecsysStatus procrustes(Env *env, int n, const double *products, double *rotation);

/* Bytes that it holds at its peak. */
extern double procrustes_bytes(double n);

/* x = x R, in place; work has room for n numbers. */
extern void procrustes_turn(int n, const double *rotation, float *x, double *work);

#endif							/* CORE_PROCRUSTES_H */
