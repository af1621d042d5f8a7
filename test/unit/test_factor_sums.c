/*
 * test_factor_sums.c: sums over factor matrices against plain loops in double.
 */
#include <stdlib.h>
#include <string.h>

#include "core/factor_sums.h"
#include "test_env.h"
#include "test_number.h"

/* One Gram matrix, with 1 to 5 threads the same bits. */
static void
check_gram(int64_t n, int k)
{
	float	   *x = random_floats((uint64_t) (n + k), n * k);
	size_t		bytes = (size_t) k * (size_t) k * sizeof(float);
	float	   *one = malloc(bytes);
	float	   *many = malloc(bytes);

	for (int threads = 1; threads <= 5; threads += 2)
	{
		Env		   *env = test_env();

		env->n_threads = threads;
		CHECK_EQ_INT(factor_gram(env, x, n, k, threads == 1 ? one : many), RECSYS_OK);
		if (threads == 1)
			CHECK_NEAR((double) env->memory_peak, factor_gram_bytes(n, k), 200);
		else
			CHECK(memcmp(one, many, bytes) == 0);
		test_env_done(env);
	}
	for (int i = 0; i < k; i += 1 + k / 40)	/* of a large one some rows */
		for (int j = 0; j < k; j++)
		{
			double		sum = 0;

			for (int64_t r = 0; r < n; r++)
				sum += (double) x[r * k + i] * x[r * k + j];
			CHECK_NEAR(one[i * k + j], sum, 1e-4 * (1 + sqrt((double) n)));
		}
	free(x);
	free(one);
	free(many);
}

/* No row, few, one chunk, several groups of chunks. */
static void
test_gram(void)
{
	check_gram(0, 3);
	check_gram(1, 1);
	check_gram(100, 17);
	check_gram(5000, 32);
	check_gram(1000, 130);
	check_gram(9000, 300);
}

/* Sums of n of ROWS rows of k floats, beside what the sum was before. */
static void
check_sum(int k, int n)
{
	enum
	{
		ROWS = 40
	};
	float	   *x = random_floats(1, (size_t) k * ROWS);
	float	   *values = random_floats(2, (size_t) n + 1);
	float	   *sum = random_floats(3, (size_t) k);
	float	   *before = random_floats(3, (size_t) k);
	int32_t    *indexes = calloc((size_t) n + 1, sizeof(int32_t));

	for (int e = 0; e < n; e++)
		indexes[e] = (e * 7 + n) % ROWS;
	factor_sum(x, k, indexes, values, n, sum);
	for (int i = 0; i < k; i++)
	{
		double		expected = before[i];

		for (int e = 0; e < n; e++)
			expected += (double) values[e] * x[indexes[e] * k + i];
		CHECK_NEAR(sum[i], expected, 2e-6 * (n + 5));
	}
	free(x);
	free(values);
	free(sum);
	free(before);
	free(indexes);
}

/* Rows of every length of up to two tiles, odd and even numbers of them, and more than a block. */
static void
test_sum(void)
{
	for (int k = 1; k <= 67; k++)
	{
		check_sum(k, 0);
		check_sum(k, 1);
		check_sum(k, 30);
		check_sum(k, 257);
	}
}

/* A value that is not finite is found wherever it is, and the hint is passed on. */
static void
test_check(void)
{
	Env		   *env = test_env();
	float	   *x = random_floats(3, 1000);

	CHECK_EQ_INT(factor_check(env, x, 1000, "Try less."), RECSYS_OK);
	x[999] = NAN;
	CHECK_EQ_INT(factor_check(env, x, 1000, "Try less."), RECSYS_NOT_CONVERGED);
	CHECK(strcmp(env->hint, "Try less.") == 0);
	x[999] = 0;
	x[0] = -INFINITY;
	CHECK_EQ_INT(factor_check(env, x, 1000, "Try less."), RECSYS_NOT_CONVERGED);
	free(x);
	test_env_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_gram);
	RUN_ALONE(test_sum);
	RUN_ALONE(test_check);
	return unit_done();
}
