/*
 * distance_kernels.h
 *		Squared Euclidean distances: the hot loops of clustering.
 *
 * Points that many others are compared with lie in columns: coordinate g of point j is columns[g * n +
 * j], n being a multiple of LANES, so that LANES distances are computed at once.  Each of them is the sum
 * over coordinates in their order: the same bits wherever in the columns a point lies.
 */
#ifndef CORE_DISTANCE_KERNELS_H
#define CORE_DISTANCE_KERNELS_H

#include <stdint.h>

#define LANES 8

/* n rounded up to whole lanes. */
static inline int64_t
whole_lanes(int64_t n)
{
	return (n + LANES - 1) / LANES * LANES;
}

/* Puts n points of n_dims coordinates, row after row, into columns of whole_lanes(n); the rest is 0. */
extern void distance_columns(const double *rows, int64_t n, int32_t n_dims, double *columns);

/* out[j] = |x - point j|^2 for all n points of the columns; n is a multiple of LANES. */
extern void distances_to_columns(const double *x, int32_t n_dims, const double *columns, int64_t n,
								 double *out);

/* |a - b|^2; may differ from the above in the last bits. */
extern double distance_between(const double *a, const double *b, int32_t n_dims);

/* Position of the least of n > 0 distances, the first of equal ones; *second: the least of the others. */
extern int32_t nearest_two(const double *distances, int32_t n, double *least, double *second);

/* sums[j] += min(limit, |x - point j|^2) for all n points of the columns; out: room for n. */
extern void add_limited_distances(const double *x, int32_t n_dims, const double *columns, int64_t n,
								  double limit, double *out, double *sums);

/* Sum of the square roots of n numbers. */
extern double sum_of_roots(const double *squares, int64_t n);

#endif							/* CORE_DISTANCE_KERNELS_H */
