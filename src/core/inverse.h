/*
 * inverse.h
 *		Inverse of a large symmetric positive definite matrix, in place, on all
 *		threads.
 */
#ifndef CORE_INVERSE_H
#define CORE_INVERSE_H

#include "core/env.h"

/* Bytes that inverse_spd takes beside the matrix, about. */
extern double inverse_bytes(double n);

/*
 * a (n x n, row-major) = its inverse; only the lower triangle is read, both are
 * written.  Needs blas_open.  n^3 multiplications and additions at the speed of
 * OpenBLAS's dgemm, cut into pieces of a millisecond.  RECSYS_SINGULAR when the
 * matrix is not positive definite; a is undefined after a failure.
 */
extern RecsysStatus inverse_spd(Env *env, int32_t n, double *a);

#endif							/* CORE_INVERSE_H */
