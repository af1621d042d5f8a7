/*
 * vecmath.h: distances and similarities of two double vectors, and what they are made of.
 *
 * Elements follow IEEE arithmetic: a NaN gives NaN, an infinity gives what the formula gives. Finite
 * elements give a finite result or, when the true value (or, for the dot product, a partial sum) is
 * beyond the range of a double, one that is not finite; vecmath_all_finite() on the inputs tells the two
 * apart. A vector may be empty. All functions cost O(n) time and no memory.
 */
#ifndef CORE_VECMATH_H
#define CORE_VECMATH_H

#include <stdbool.h>
#include <stddef.h>

/* Sum of a[i] * b[i]; 0 for empty vectors. */
extern double vecmath_dot(const double *a, const double *b, size_t n);

/* Euclidean length of a; 0 for an empty vector. */
extern double vecmath_norm(const double *a, size_t n);

/* Euclidean distance of a and b; 0 for empty vectors. */
extern double vecmath_euclidean(const double *a, const double *b, size_t n);

/*
 * Cosine of the angle between a and b, within [-1, 1]. False, with *cosine untouched, when one of them has
 * length zero (the empty vector included), because then there is no angle.
 */
extern bool vecmath_cosine(const double *a, const double *b, size_t n, double *cosine);

/*
 * Pearson's correlation of the pairs (a[i], b[i]), within [-1, 1]. False, with *correlation untouched, when
 * there are fewer than two pairs or all elements of one side are equal.
 */
extern bool vecmath_pearson(const double *a, const double *b, size_t n, double *correlation);

/* out[i] = (v[i] - mean[i]) / stddev[i], with 1 in place of a stddev of 0. */
extern void vecmath_standardize(const double *v, const double *mean, const double *stddev, size_t n,
								double *out);

/* No element is NaN or infinite. */
extern bool vecmath_all_finite(const double *a, size_t n);

#endif							/* CORE_VECMATH_H */
