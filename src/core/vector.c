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

/* Four at a time: distinct indexes let the loads of one group pass the stores of another. */
void
vector_scatter(float alpha, const int32_t *restrict indexes, const float *restrict x, int64_t n,
			   float *restrict y)
{
	int64_t		i = 0;

	for (; i + 4 <= n; i += 4)
	{
		float		y0 = y[indexes[i]] + alpha * x[i];
		float		y1 = y[indexes[i + 1]] + alpha * x[i + 1];
		float		y2 = y[indexes[i + 2]] + alpha * x[i + 2];
		float		y3 = y[indexes[i + 3]] + alpha * x[i + 3];

		y[indexes[i]] = y0;
		y[indexes[i + 1]] = y1;
		y[indexes[i + 2]] = y2;
		y[indexes[i + 3]] = y3;
	}
	for (; i < n; i++)
		y[indexes[i]] += alpha * x[i];
}
