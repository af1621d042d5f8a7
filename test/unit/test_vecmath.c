/*
 * test_vecmath.c: distances and similarities against hand-checked numbers and naive long double versions.
 */
#include "core/vecmath.h"

#include <float.h>
#include <stdint.h>

#include "test_number.h"
#include "unit.h"

#define MAX_LENGTH 40

/* Numbers around an offset. */
static void
fill(double *x, size_t n, uint64_t seed, double offset)
{
	for (size_t i = 0; i < n; i++)
		x[i] = offset + number(seed * MAX_LENGTH + i);
}

/* Sum of (a - shift_a) (b - shift_b). */
static long double
naive_product(const double *a, long double shift_a, const double *b, long double shift_b, size_t n)
{
	long double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (a[i] - shift_a) * (b[i] - shift_b);
	return sum;
}

/* Mean of n > 0 elements. */
static long double
naive_mean(const double *a, size_t n)
{
	long double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += a[i];
	return sum / n;
}

/* Pearson's correlation by the textbook. */
static double
naive_pearson(const double *a, const double *b, size_t n)
{
	long double mean_a = naive_mean(a, n);
	long double mean_b = naive_mean(b, n);

	return (double) (naive_product(a, mean_a, b, mean_b, n) /
					 sqrtl(naive_product(a, mean_a, a, mean_a, n) * naive_product(b, mean_b, b, mean_b, n)));
}

/* All functions against the naive versions, for every length around the unrolled loop and beyond. */
static void
test_against_naive(void)
{
	double		a[MAX_LENGTH],
				b[MAX_LENGTH],
				result;

	for (size_t n = 1; n <= MAX_LENGTH; n++)
	{
		long double squares = 0;

		fill(a, n, 2 * n, 0.25);
		fill(b, n, 2 * n + 1, -0.5);
		for (size_t i = 0; i < n; i++)
			squares += ((long double) a[i] - b[i]) * ((long double) a[i] - b[i]);
		CHECK_NEAR(vecmath_dot(a, b, n), naive_product(a, 0, b, 0, n), 1e-14);
		CHECK_NEAR(vecmath_norm(a, n), sqrtl(naive_product(a, 0, a, 0, n)), 1e-14);
		CHECK_NEAR(vecmath_euclidean(a, b, n), sqrtl(squares), 1e-14);
		CHECK(vecmath_cosine(a, b, n, &result));
		CHECK_NEAR(result, naive_product(a, 0, b, 0, n) /
				   sqrtl(naive_product(a, 0, a, 0, n) * naive_product(b, 0, b, 0, n)), 1e-14);
		if (n < 2)
			continue;
		CHECK(vecmath_pearson(a, b, n, &result));
		CHECK_NEAR(result, naive_pearson(a, b, n), 1e-13);
	}
}

/* Numbers that can be checked by hand, exactly. */
static void
test_by_hand(void)
{
	const double a[] = {1, 2, 3},
				b[] = {4, 5, 6},
				pythagoras[] = {3, 4},
				origin[] = {0, 0};
	double		result;

	CHECK(vecmath_dot(a, b, 3) == 32);
	CHECK(vecmath_norm(pythagoras, 2) == 5);
	CHECK(vecmath_euclidean(pythagoras, origin, 2) == 5);
	CHECK(vecmath_cosine(a, a, 3, &result) && result == 1);
	CHECK(vecmath_pearson(a, b, 3, &result) && result == 1);
}

/* No elements: sums are 0, and there is neither an angle nor a correlation. */
static void
test_empty(void)
{
	const double a[] = {1};
	double		result = 7;

	CHECK(vecmath_dot(a, a, 0) == 0);
	CHECK(vecmath_norm(a, 0) == 0);
	CHECK(vecmath_euclidean(a, a, 0) == 0);
	CHECK(!vecmath_cosine(a, a, 0, &result));
	CHECK(!vecmath_pearson(a, a, 0, &result));
	CHECK(vecmath_all_finite(a, 0));
	CHECK(result == 7);
}

/* Undefined: a zero vector has no angle; a constant side, whatever its rounding, no correlation. */
static void
test_undefined(void)
{
	const double zero[] = {0, -0.0, 0},
				constant[] = {0.1, 0.1, 0.1},
				a[] = {1, 2, 4},
				nan = NAN;
	double		result = 7;

	CHECK(!vecmath_cosine(zero, a, 3, &result) && !vecmath_cosine(a, zero, 3, &result));
	CHECK(!vecmath_pearson(constant, a, 3, &result) && !vecmath_pearson(a, constant, 3, &result));
	CHECK(!vecmath_pearson(zero, a, 3, &result));
	CHECK(!vecmath_pearson(a, a, 1, &result) && !vecmath_pearson(&nan, a, 1, &result));
	CHECK(result == 7);
}

/* Squares that over- or underflow do no harm while the result fits. */
static void
test_range(void)
{
	const double large[] = {3e200, 4e200},
				small[] = {3e-200, 4e-200},
				tiny[] = {5e-324, 0},
				huge[] = {DBL_MAX, DBL_MAX},
				minus_huge[] = {-DBL_MAX, -DBL_MAX},
				zero[] = {0, 0};
	double		result;

	CHECK_NEAR(vecmath_norm(large, 2) / 5e200, 1, 1e-15);
	CHECK_NEAR(vecmath_norm(small, 2) / 5e-200, 1, 1e-15);
	CHECK(vecmath_norm(tiny, 2) == 5e-324);
	CHECK_NEAR(vecmath_euclidean(large, zero, 2) / 5e200, 1, 1e-15);
	CHECK(vecmath_cosine(large, small, 2, &result) && fabs(result - 1) < 1e-15);
	CHECK(vecmath_cosine(tiny, huge, 2, &result) && fabs(result - sqrt(0.5)) < 1e-15);
	CHECK(vecmath_pearson(large, small, 2, &result) && result == 1);
	CHECK(isinf(vecmath_norm(huge, 2)) && vecmath_all_finite(huge, 2));
	CHECK(isinf(vecmath_euclidean(huge, minus_huge, 2)));
}

/* Correlation of numbers whose mean is 10^8 times their spread. */
static void
test_large_mean(void)
{
	double		a[MAX_LENGTH],
				b[MAX_LENGTH],
				result;

	fill(a, MAX_LENGTH, 100, 1e8);
	fill(b, MAX_LENGTH, 101, -1e8);
	CHECK(vecmath_pearson(a, b, MAX_LENGTH, &result));
	CHECK_NEAR(result, naive_pearson(a, b, MAX_LENGTH), 1e-12);
}

/* NaN wins over everything, infinity follows the formula. */
static void
test_not_finite(void)
{
	const double nan[] = {1, NAN, INFINITY},
				inf[] = {1, -INFINITY, 2},
				a[] = {1, 2, 3};
	double		result;

	CHECK(isnan(vecmath_dot(nan, a, 3)) && vecmath_dot(inf, a, 3) == -INFINITY);
	CHECK(isnan(vecmath_norm(nan, 3)) && vecmath_norm(inf, 3) == INFINITY);
	CHECK(isnan(vecmath_euclidean(nan, a, 3)) && vecmath_euclidean(inf, a, 3) == INFINITY);
	CHECK(isnan(vecmath_euclidean(inf, inf, 3)));
	CHECK(vecmath_cosine(nan, a, 3, &result) && isnan(result));
	CHECK(vecmath_cosine(a, inf, 3, &result) && isnan(result));
	CHECK(vecmath_pearson(a, nan, 3, &result) && isnan(result));
	CHECK(vecmath_pearson(inf, a, 3, &result) && isnan(result));
	CHECK(!vecmath_all_finite(nan, 3) && !vecmath_all_finite(inf, 3) && vecmath_all_finite(a, 3));
}

/* A zero standard deviation divides by 1. */
static void
test_standardize(void)
{
	const double v[] = {5, 7, 9},
				mean[] = {1, 7, 8},
				stddev[] = {2, 0, 0};
	double		out[3];

	vecmath_standardize(v, mean, stddev, 3, out);
	CHECK(out[0] == 2 && out[1] == 0 && out[2] == 1);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_against_naive);
	RUN(test_by_hand);
	RUN(test_empty);
	RUN(test_undefined);
	RUN(test_range);
	RUN(test_large_mean);
	RUN(test_not_finite);
	RUN(test_standardize);
	return unit_done();
}
