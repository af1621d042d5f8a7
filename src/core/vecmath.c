/*
 * vecmath.c: distances and similarities of two double vectors.
 *
 * Squares leave the range of a double long before their root does: the plain sum of squares of
 * {3e200, 4e200} is infinite, that of {3e-200, 4e-200} is zero, while the lengths are 5e200 and 5e-200.
 * Therefore everything that squares first multiplies by a power of two that brings the largest element
 * near 1. Such a product is exact, so ordinary vectors give the same bits as the textbook formula.
 */
#include "core/vecmath.h"

#include <math.h>

/* How pearson's elements are centred: x becomes (x * scale - first) - shift. */
typedef struct Centring
{
	double		scale;			/* power of two that brings the largest magnitude near 1 */
	double		first;			/* the first element, scaled: equal elements give exactly 0 */
	double		shift;			/* mean of the scaled differences from the first element */
} Centring;

/* Sum of products in four partial sums, which hides the latency of the additions. */
double
vecmath_dot(const double *a, const double *b, size_t n)
{
	double		sum[4] = {0, 0, 0, 0};
	size_t		i = 0;

	for (; i + 4 <= n; i += 4)
	{
		sum[0] += a[i] * b[i];
		sum[1] += a[i + 1] * b[i + 1];
		sum[2] += a[i + 2] * b[i + 2];
		sum[3] += a[i + 3] * b[i + 3];
	}
	for (; i < n; i++)
		sum[0] += a[i] * b[i];
	return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* The largest absolute value, 0 for an empty vector, NaN if an element is NaN. */
static double
largest_magnitude(const double *x, size_t n)
{
	double		largest = 0;

	for (size_t i = 0; i < n; i++)
	{
		double		magnitude = fabs(x[i]);

		if (isnan(magnitude))
			return magnitude;
		if (magnitude > largest)
			largest = magnitude;
	}
	return largest;
}

/* The largest absolute difference of two elements, in the same manner. */
static double
largest_difference(const double *a, const double *b, size_t n)
{
	double		largest = 0;

	for (size_t i = 0; i < n; i++)
	{
		double		difference = a[i] - b[i];
		double		magnitude = largest_magnitude(&difference, 1);

		if (isnan(magnitude))
			return magnitude;
		if (magnitude > largest)
			largest = magnitude;
	}
	return largest;
}

/* Zero, NaN and infinity cannot be scaled: they are the answer, or make it NaN. */
static bool
can_scale(double largest)
{
	return largest > 0 && isfinite(largest);
}

/*
 * The power of two that brings a positive finite magnitude into [1, 2). Below 2^-1000, where it would leave
 * the range, 2^1000 is enough: the smallest magnitude becomes 2^-74.
 */
static double
scale_for(double largest)
{
	int			exponent = ilogb(largest);

	return ldexp(1.0, exponent < -1000 ? 1000 : -exponent);
}

/* Rounding may carry a cosine just outside of [-1, 1]; NaN stays NaN. */
static double
clamp_to_one(double x)
{
	if (x > 1)
		return 1;
	if (x < -1)
		return -1;
	return x;
}

/* Square root of the sum of squares, scaled. */
double
vecmath_norm(const double *a, size_t n)
{
	double		largest = largest_magnitude(a, n);
	double		scale,
				sum = 0;

	if (!can_scale(largest))
		return largest;
	scale = scale_for(largest);
	for (size_t i = 0; i < n; i++)
	{
		double		x = a[i] * scale;

		sum += x * x;
	}
	return sqrt(sum) / scale;
}

/* Square root of the sum of squared differences, scaled by the largest difference. */
double
vecmath_euclidean(const double *a, const double *b, size_t n)
{
	double		largest = largest_difference(a, b, n);
	double		scale,
				sum = 0;

	if (!can_scale(largest))
		return largest;
	scale = scale_for(largest);
	for (size_t i = 0; i < n; i++)
	{
		double		x = (a[i] - b[i]) * scale;

		sum += x * x;
	}
	return sqrt(sum) / scale;
}

/* a.b / sqrt(a.a * b.b): in this form the cosine of a vector with itself is exactly 1. */
bool
vecmath_cosine(const double *a, const double *b, size_t n, double *cosine)
{
	double		largest_a = largest_magnitude(a, n);
	double		largest_b = largest_magnitude(b, n);
	double		scale_a,
				scale_b,
				ab = 0,
				aa = 0,
				bb = 0;

	if (largest_a == 0 || largest_b == 0)
		return false;
	if (!can_scale(largest_a) || !can_scale(largest_b))
	{
		*cosine = NAN;
		return true;
	}
	scale_a = scale_for(largest_a);
	scale_b = scale_for(largest_b);
	for (size_t i = 0; i < n; i++)
	{
		double		x = a[i] * scale_a;
		double		y = b[i] * scale_b;

		ab += x * y;
		aa += x * x;
		bb += y * y;
	}
	*cosine = clamp_to_one(ab / sqrt(aa * bb));
	return true;
}

/* Prepares the centring of n >= 1 finite elements whose largest magnitude is given and not 0. */
static Centring
centring_of(const double *x, size_t n, double largest)
{
	Centring	centring;
	double		sum = 0;

	centring.scale = scale_for(largest);
	centring.first = x[0] * centring.scale;
	for (size_t i = 0; i < n; i++)
		sum += x[i] * centring.scale - centring.first;
	centring.shift = sum / (double) n;
	return centring;
}

/* One element, scaled and centred. */
static inline double
centred(double x, const Centring *centring)
{
	return (x * centring->scale - centring->first) - centring->shift;
}

/*
 * Two passes: means first, then the sums of squares and products of the centred elements. Differences from
 * the first element make a constant side exactly zero, where differences from a rounded mean would leave
 * noise that correlates with anything.
 */
bool
vecmath_pearson(const double *a, const double *b, size_t n, double *correlation)
{
	double		largest_a = largest_magnitude(a, n);
	double		largest_b = largest_magnitude(b, n);
	Centring	centring_a,
				centring_b;
	double		ab = 0,
				aa = 0,
				bb = 0;

	if (n < 2 || largest_a == 0 || largest_b == 0)
		return false;
	if (!can_scale(largest_a) || !can_scale(largest_b))
	{
		*correlation = NAN;
		return true;
	}
	centring_a = centring_of(a, n, largest_a);
	centring_b = centring_of(b, n, largest_b);
	for (size_t i = 0; i < n; i++)
	{
		double		x = centred(a[i], &centring_a);
		double		y = centred(b[i], &centring_b);

		ab += x * y;
		aa += x * x;
		bb += y * y;
	}
	if (aa == 0 || bb == 0)
		return false;
	*correlation = clamp_to_one(ab / sqrt(aa * bb));
	return true;
}

/* A constant column has stddev 0; dividing by 1 instead maps it to its distance from the mean. */
void
vecmath_standardize(const double *v, const double *mean, const double *stddev, size_t n, double *out)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (v[i] - mean[i]) / (stddev[i] == 0 ? 1 : stddev[i]);
}

/* Stops at the first element that is not finite. */
bool
vecmath_all_finite(const double *a, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		if (!isfinite(a[i]))
			return false;
	}
	return true;
}
