/*
 * test_vector.c: vector loops against sums in double, for every length up to 100 and odd alignments.
 */
#include <stdlib.h>

#include "core/rng.h"
#include "core/vector.h"
#include "unit.h"

#define LONGEST 100

/* Two vectors of n random floats, without a float to spare behind them. */
static void
random_vectors(int n, float **a, float **b)
{
	Rng			rng;

	rng_seed(&rng, 1, (uint64_t) n);
	*a = malloc(((size_t) n + 1) * sizeof(float));
	*b = malloc(((size_t) n + 1) * sizeof(float));
	for (int i = 0; i <= n; i++)
	{
		(*a)[i] = (float) rng_normal(&rng);
		(*b)[i] = (float) rng_normal(&rng);
	}
}

/* Products and lengths. */
static void
test_sums(void)
{
	for (int n = 0; n <= LONGEST; n++)
	{
		float	   *a;
		float	   *b;
		double		dot = 0;
		double		square = 0;

		random_vectors(n, &a, &b);
		for (int i = 1; i <= n; i++)
		{
			dot += (double) a[i] * b[i];
			square += (double) a[i] * a[i];
		}
		CHECK_NEAR(vector_dot(a + 1, b + 1, n), dot, 1e-6 * (n + 1) * 4);
		CHECK_NEAR(vector_norm(a + 1, n), sqrt(square), 1e-6 * sqrt(square));
		free(a);
		free(b);
	}
}

/* Element by element: neighbours outside the range keep their value. */
static void
test_elements(void)
{
	for (int n = 0; n <= LONGEST; n++)
	{
		float	   *a;
		float	   *b;
		float	   *old_a;
		float	   *old_b;

		random_vectors(n, &a, &b);
		random_vectors(n, &old_a, &old_b);
		vector_axpy(0.5f, a + 1, b + 1, n);
		vector_scale(-3, a + 1, n);
		CHECK(a[0] == old_a[0] && b[0] == old_b[0]);
		for (int i = 1; i <= n; i++)
		{
			CHECK_NEAR(b[i], old_b[i] + 0.5 * old_a[i], 1e-6);
			CHECK_NEAR(a[i], -3.0 * old_a[i], 1e-6);
		}
		free(a);
		free(b);
		free(old_a);
		free(old_b);
	}
}

/* Every other element, backwards, gets its share; the rest keep their value. */
static void
test_scatter(void)
{
	for (int n = 0; n <= LONGEST / 2; n++)
	{
		float		y[LONGEST + 1] = {0};
		float	   *x;
		float	   *unused;
		int32_t		indexes[LONGEST];

		random_vectors(n, &x, &unused);
		for (int i = 0; i < n; i++)
			indexes[i] = LONGEST - 2 * i;
		vector_scatter(2, indexes, x, n, y);
		vector_scatter(1, indexes, x, n, y);
		for (int i = 0; i < n; i++)
		{
			CHECK_NEAR(y[indexes[i]], 3.0 * x[i], 1e-5);
			CHECK(y[indexes[i] - 1] == 0);
		}
		free(x);
		free(unused);
	}
}

/* Values whose squares no float can hold still have a length; a NaN is not lost. */
static void
test_extremes(void)
{
	float		large[2] = {3e30f, 4e30f};
	float		small[2] = {3e-30f, 4e-30f};
	float		nan[3] = {1, NAN, 1};

	CHECK_NEAR(vector_norm(large, 2) / 5e30, 1, 1e-6);
	CHECK_NEAR(vector_norm(small, 2) / 5e-30, 1, 1e-6);
	CHECK(isnan(vector_dot(nan, nan, 3)));
	CHECK(isnan(vector_norm(nan, 3)));
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_sums);
	RUN(test_elements);
	RUN(test_scatter);
	RUN(test_extremes);
	return unit_done();
}
