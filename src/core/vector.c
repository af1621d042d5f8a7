/*
 * vector.c
 *		Float vectors: the inner loops of everything.
 *
 * Plain loops; the flags of kernels.mk let the compiler reorder their sums.
 */
#include "core/vector.h"

#include <math.h>

/* Sum of a[i] b[i]. */
CLONES float
vector_dot(const float *a, const float *b, int64_t n)
{
	float		sum = 0;

	for (int64_t i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/* Square root of the sum of a[i]^2, summed in double so that no square overflows. */
CLONES float
vector_norm(const float *a, int64_t n)
{
	double		sum = 0;

	for (int64_t i = 0; i < n; i++)
		sum += (double) a[i] * a[i];
	return (float) sqrt(sum);
}

/* y[i] += alpha x[i]; x and y must not overlap. */
CLONES void
vector_axpy(float alpha, const float *restrict x, float *restrict y, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		y[i] += alpha * x[i];
}

/* x[i] *= alpha. */
CLONES void
vector_scale(float alpha, float *x, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		x[i] *= alpha;
}
