/*
 * factor_sums.h
 *		Sums over factor matrices, as alternating and gradient methods need them.
 *
 * A factor matrix is row-major, one row of k floats for each user or course.
 */
#ifndef CORE_FACTOR_SUMS_H
#define CORE_FACTOR_SUMS_H

#include "core/env.h"

#define FACTORS_MOST 512			/* most factors of a method that uses these functions */

/*
 * gram (k x k, both triangles) = X'X for n_rows rows x; on several threads, the same bits
 * for every number of them.  n_rows k^2 / 2 multiply-adds; factor_gram_bytes of memory.
 */
extern RecsysStatus factor_gram(Env *env, const float *x, int64_t n_rows, int k, float *gram);
extern double factor_gram_bytes(int64_t n_rows, int k);

/* Copies the lower triangle of a k x k matrix to the upper one. */
extern void factor_mirror(float *a, int k);

/* Fails with RECSYS_NOT_CONVERGED and the hint when one of n values is not finite. */
extern RecsysStatus factor_check(Env *env, const float *x, int64_t n, const char *hint);

/* sum[k] += sum over e < n of values[e] x[indexes[e]]. */
extern void factor_sum(const float *x, int k, const int32_t *indexes, const float *values,
						int64_t n, float *sum);

#endif							/* CORE_FACTOR_SUMS_H */
