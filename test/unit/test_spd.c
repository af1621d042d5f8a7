/*
 * test_spd.c: Gram matrices and Cholesky decomposition against plain versions in double.
 */
#include <stdlib.h>
#include <string.h>

#include "core/spd.h"
#include "test_number.h"
#include "unit.h"

#define LARGEST 130

/* Entry (i, j) of ridge I + sum of weights x x'. */
static double
plain_entry(const float *rows, const float *weights, int n_rows, int n, double ridge, int i, int j)
{
	double		sum = i == j ? ridge : 0;

	for (int r = 0; r < n_rows; r++)
		sum += (double) (weights == NULL ? 1 : weights[r]) * rows[r * n + i] * rows[r * n + j];
	return sum;
}

/* Addresses of rows that follow one another, in reverse order. */
static const float **
reversed_rows(const float *rows, int n_rows, int n)
{
	const float **pointers = malloc(((size_t) n_rows + 1) * sizeof(float *));

	for (int r = 0; r < n_rows; r++)
		pointers[r] = rows + (n_rows - 1 - r) * n;
	return pointers;
}

/* One matrix of n rows at stride lda, of n_rows data rows, added twice to what was there. */
static void
check_gram(int n, int lda, int n_rows, bool weighed)
{
	float	   *rows = random_floats((uint64_t) (n + n_rows), n_rows * n);
	float	   *weights = random_floats(3, n_rows + 1);
	const float **pointers = reversed_rows(rows, n_rows, n);
	float	   *a = calloc((size_t) ((n - 1) * lda + n), sizeof(float));

	for (int r = 0; r < n_rows / 2; r++)
	{
		float		weight = weights[r];

		weights[r] = weights[n_rows - 1 - r];
		weights[n_rows - 1 - r] = weight;
	}
	gram_add(pointers, weighed ? weights : NULL, n_rows, n, a, lda);
	gram_add(pointers, weighed ? weights : NULL, n_rows, n, a, lda);
	for (int r = 0; r < n_rows / 2; r++)
	{
		float		weight = weights[r];

		weights[r] = weights[n_rows - 1 - r];
		weights[n_rows - 1 - r] = weight;
	}
	for (int i = 0; i < n; i++)
		for (int j = 0; j <= i; j++)
			CHECK_NEAR(a[i * lda + j],
					   2 * plain_entry(rows, weighed ? weights : NULL, n_rows, n, 0, i, j),
					   2e-6 * (n_rows + 1) * 4);
	for (int i = 0; i < n - 1; i++)
		for (int j = n; j < lda; j++)
			CHECK(a[i * lda + j] == 0);
	free(rows);
	free(weights);
	free(pointers);
	free(a);
}

/* Every size, with and without weights and space between the rows. */
static void
test_gram(void)
{
	for (int n = 1; n <= LARGEST; n++)
	{
		check_gram(n, n, n % 7, true);
		check_gram(n, n + n % 5, 33 + n % 3, n % 2 == 0);
	}
	check_gram(300, 300, 20, true);
	check_gram(SPD_MAX, SPD_MAX, 9, true);
}

/* Consecutive rows give the same as gathered ones. */
static void
test_dense(void)
{
	int			n = 21;
	int			n_rows = 75;
	float	   *rows = random_floats(4, n_rows * n);
	float	   *a = calloc((size_t) (n * n), sizeof(float));

	gram_add_dense(rows, n_rows, n, a, n);
	for (int i = 0; i < n; i++)
		for (int j = 0; j <= i; j++)
			CHECK_NEAR(a[i * n + j], plain_entry(rows, NULL, n_rows, n, 0, i, j), 1e-4);
	free(rows);
	free(a);
}

/* A random positive definite matrix: both triangles, ridge on the diagonal. */
static float *
random_matrix(const float *rows, const float *weights, int n_rows, int n, int lda, double ridge)
{
	float	   *a = calloc((size_t) (n * lda), sizeof(float));

	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			a[i * lda + j] = (float) plain_entry(rows, weights, n_rows, n, ridge, i, j);
	return a;
}

/* a x = b holds for the full matrix in double, to a float's precision. */
static void
check_solution(const float *a, int n, int lda, const float *x, const float *b, double tolerance)
{
	for (int i = 0; i < n; i++)
	{
		double		sum = 0;
		double		size = fabs((double) b[i]);

		for (int j = 0; j < n; j++)
		{
			sum += (double) a[i * lda + j] * x[j];
			size += fabs((double) a[i * lda + j] * x[j]);
		}
		CHECK_NEAR(sum, b[i], tolerance * size);
	}
}

/* Solves one system of n unknowns; the upper triangle is not read. */
static void
check_solve(int n, int lda)
{
	float	   *rows = random_floats((uint64_t) n, 2 * n * n);
	float	   *full = random_matrix(rows, NULL, 2 * n, n, lda, 1);
	float	   *a = malloc((size_t) (n * lda) * sizeof(float));
	float	   *b = random_floats(5, n);
	float	   *x = malloc((size_t) n * sizeof(float));
	float	   *scratch = malloc(spd_scratch(n) * sizeof(float));

	memcpy(a, full, (size_t) (n * lda) * sizeof(float));
	for (int i = 0; i < n; i++)
		for (int j = i + 1; j < lda; j++)
			a[i * lda + j] = 1e6f;
	memcpy(x, b, (size_t) n * sizeof(float));
	CHECK(spd_solve(a, n, lda, x, scratch));
	check_solution(full, n, lda, x, b, 1e-5);
	for (int i = 0; i < n; i++)
		for (int j = 0; j <= i; j++)
		{
			double		sum = 0;

			for (int k = 0; k <= j; k++)
				sum += (double) a[k * lda + i] * a[k * lda + j];
			CHECK_NEAR(sum, full[i * lda + j], 2e-6 * (n + 10) * 3);
		}
	memcpy(x, b, (size_t) n * sizeof(float));
	spd_substitute(a, n, lda, x);
	check_solution(full, n, lda, x, b, 1e-5);
	free(rows);
	free(full);
	free(a);
	free(b);
	free(x);
	free(scratch);
}

/* Every size. */
static void
test_solve(void)
{
	for (int n = 1; n <= LARGEST; n++)
		check_solve(n, n + n % 4);
}

/* Does a matrix of n rows with `value` at (row, column) of the identity have a factor? */
static bool
factors(int n, int row, int column, float value)
{
	float	   *a = calloc((size_t) (n * n), sizeof(float));
	float	   *scratch = malloc(spd_scratch(n) * sizeof(float));
	bool		result;

	for (int i = 0; i < n; i++)
		a[i * n + i] = 1;
	a[row * n + column] = value;
	result = spd_factor(a, n, n, scratch);
	free(a);
	free(scratch);
	return result;
}

/* Anything else than positive definite is told, wherever it shows. */
static void
test_not_definite(void)
{
	for (int n = 1; n <= 40; n++)
		for (int i = 0; i < n; i++)
		{
			CHECK(factors(n, i, i, 4));
			CHECK(!factors(n, i, i, 0));
			CHECK(!factors(n, i, i, -1));
			CHECK(!factors(n, i, i, NAN));
			CHECK(!factors(n, i, i, INFINITY));
			if (i > 0)
			{
				CHECK(factors(n, i, 0, 0.9f));
				CHECK(!factors(n, i, 0, 1));
				CHECK(!factors(n, i, i - 1, 2));
				CHECK(!factors(n, i, 0, NAN));
			}
		}
}

/* A Gram matrix of fewer rows than columns is singular, and not taken for anything else. */
static void
test_singular(void)
{
	for (int n = 2; n <= LARGEST; n += 3)
	{
		float	   *rows = random_floats((uint64_t) n, n * n);
		float	   *a = random_matrix(rows, NULL, n / 2, n, n, 0);
		float	   *b = random_floats(6, n);
		float	   *scratch = malloc(spd_scratch(n) * sizeof(float));

		for (int j = 0; j < n; j++)		/* exactly: the last row is the first */
		{
			a[(n - 1) * n + j] = a[j];
			a[j * n + n - 1] = a[j];
		}
		a[n * n - 1] = a[0];
		CHECK(!spd_solve(a, n, n, b, scratch));
		free(rows);
		free(a);
		free(b);
		free(scratch);
	}
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_gram);
	RUN(test_dense);
	RUN(test_solve);
	RUN(test_not_definite);
	RUN(test_singular);
	return unit_done();
}
