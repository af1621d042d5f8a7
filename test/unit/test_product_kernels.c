/*
 * test_product_kernels.c: products of one vector with many rows against plain sums in double.
 */
#include <math.h>
#include <stdlib.h>

#include "core/product_kernels.h"
#include "core/rng.h"
#include "unit.h"

#define ROWS_MAX 13
#define LENGTH_MAX 70
#define UNTOUCHED -77

/* n random floats, in a block of exactly that size. */
static float *
random_floats(int64_t n, uint64_t seed)
{
	float	   *values = malloc((size_t) n * sizeof(float));
	Rng			rng;

	rng_seed(&rng, seed, 1);
	for (int64_t i = 0; i < n; i++)
		values[i] = (float) rng_normal(&rng);
	return values;
}

/* Rows of n floats, stride apart; nothing behind the last product is written. */
static void
check_products(int n_rows, int n, int stride)
{
	float	   *rows = random_floats((int64_t) (n_rows - 1) * stride + n, (uint64_t) (n_rows + n));
	float	   *x = random_floats(n, 3);
	float		products[ROWS_MAX + 1];

	products[n_rows] = UNTOUCHED;
	product_rows(rows, n_rows, stride, x, n, products);
	for (int r = 0; r < n_rows; r++)
	{
		double		sum = 0;
		double		size = 0;

		for (int i = 0; i < n; i++)
		{
			sum += (double) rows[r * stride + i] * x[i];
			size += fabs((double) rows[r * stride + i] * x[i]);
		}
		CHECK_NEAR(products[r], sum, n * 6e-8 * size);
		CHECK(product_row(rows + r * stride, x, n) == products[r]);
	}
	CHECK(products[n_rows] == UNTOUCHED);
	free(rows);
	free(x);
}

/* Every length, with and without space between the rows; one row is rounded as many are. */
static void
test_products(void)
{
	for (int n = 1; n <= LENGTH_MAX; n++)
		for (int n_rows = 1; n_rows <= ROWS_MAX; n_rows++)
			check_products(n_rows, n, n + n_rows % 3);
}

/* No rows: nothing is read or written. */
static void
test_empty(void)
{
	float		product = UNTOUCHED;
	float		x = 1;

	product_rows(NULL, 0, 1, &x, 1, &product);
	CHECK(product == UNTOUCHED);
}

/* Runs the tests. */
int
main(void)
{
	RUN(test_products);
	RUN(test_empty);
	return unit_done();
}
