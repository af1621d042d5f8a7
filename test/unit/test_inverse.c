/*
 * test_inverse.c: the block sweep against LAPACK and against the definition.
 */
#include <stdlib.h>
#include <string.h>

#include "core/blas.h"
#include "core/inverse.h"
#include "core/rng.h"
#include "test_env.h"

/* Lower triangle of x x' + ridge I with random x; the rest is NAN, which nobody may read. */
static double *
random_spd(int32_t n, double ridge)
{
	double	   *x = malloc(sizeof(double) * n * n);
	double	   *a = malloc(sizeof(double) * n * n);
	Rng			rng;

	rng_seed(&rng, 42, (uint64_t) n);
	for (int32_t i = 0; i < n * n; i++)
		x[i] = rng_normal(&rng);
	for (int32_t i = 0; i < n * n; i++)
		a[i] = NAN;
	blas_dsyrk(false, n, n, 1, x, n, 0, a, n);
	for (int32_t i = 0; i < n; i++)
		a[(int64_t) i * n + i] += ridge;
	free(x);
	return a;
}

/* Both triangles of the inverse agree with dpotri to rounding, for every number of threads to the bit. */
static void
check_inverse(int32_t n)
{
	double	   *a = random_spd(n, 0.1 * n);
	double	   *expected = malloc(sizeof(double) * n * n);
	double	   *results[2];

	memcpy(expected, a, sizeof(double) * n * n);
	CHECK_EQ_INT(blas_dpotrf(n, expected, n), 0);
	CHECK_EQ_INT(blas_dpotri(n, expected, n), 0);
	for (int t = 0; t < 2; t++)
	{
		Env		   *env = test_env();
		size_t		before = env->memory_used;

		env->n_threads = t == 0 ? 1 : 4;
		results[t] = malloc(sizeof(double) * n * n);
		memcpy(results[t], a, sizeof(double) * n * n);
		CHECK_EQ_INT(inverse_spd(env, n, results[t]), RECSYS_OK);
		CHECK(env->memory_peak - before <= inverse_bytes(n) + 4096);
		test_env_done(env);
	}
	for (int32_t i = 0; i < n; i++)
		for (int32_t j = 0; j <= i; j++)
		{
			CHECK_NEAR(results[0][i * n + j], expected[i * n + j], 1e-10);
			CHECK(results[0][j * n + i] == results[0][i * n + j]);
		}
	CHECK(memcmp(results[0], results[1], sizeof(double) * n * n) == 0);
	free(a), free(expected), free(results[0]), free(results[1]);
}

/* One block, its edges, and several blocks of which the last is short. */
static void
test_sizes(void)
{
	check_inverse(1);
	check_inverse(2);
	check_inverse(256);
	check_inverse(257);
	check_inverse(600);
	check_inverse(1024);
}

/* Badly conditioned (10^10): the product with the matrix is still the identity to what doubles allow. */
static void
test_condition(void)
{
	const int32_t n = 300;
	Env		   *env = test_env();
	double	   *a = random_spd(n, 0);
	double	   *inverse = malloc(sizeof(double) * n * n);
	double		worst = 0;

	for (int32_t i = 0; i < n; i++)
		for (int32_t j = 0; j <= i; j++)
			a[i * n + j] *= pow(10, -5.0 * i / n) * pow(10, -5.0 * j / n);
	memcpy(inverse, a, sizeof(double) * n * n);
	CHECK_EQ_INT(inverse_spd(env, n, inverse), RECSYS_OK);
	for (int32_t i = 0; i < n; i++)
		for (int32_t j = 0; j < n; j++)
		{
			double		sum = i == j ? -1 : 0;

			for (int32_t k = 0; k < n; k++)
				sum += (i >= k ? a[i * n + k] : a[k * n + i]) * inverse[k * n + j];
			worst = fmax(worst, fabs(sum) * pow(10, 5.0 * (i - j) / n));
		}
	CHECK(worst < 1e-6);
	free(a), free(inverse);
	test_env_done(env);
}

/* A matrix with a negative eigenvalue, in the first block or in a later one, is an error. */
static void
test_not_positive(void)
{
	for (int32_t at = 5; at < 600; at += 500)
	{
		Env		   *env = test_env();
		double	   *a = random_spd(600, 1);

		a[at * 600 + at] = -1;
		CHECK_EQ_INT(inverse_spd(env, 600, a), RECSYS_SINGULAR);
		free(a);
		env_free_all(env);
		test_env_done(env);
	}
}

/* Every step asks whether to stop. */
static void
test_interrupts(void)
{
	RecsysStatus status = RECSYS_INTERRUPTED;
	int			n = 0;

	for (; n < 1000 && status == RECSYS_INTERRUPTED; n++)
	{
		Env		   *env = test_env();
		double	   *a = random_spd(520, 1);

		test_env_interrupt_after(env, n);
		status = inverse_spd(env, 520, a);
		free(a);
		env_free_all(env);
		test_env_done(env);
	}
	CHECK_EQ_INT(status, RECSYS_OK);
	CHECK(n > 3 * (1 + 2 + 3));
}

/* Loads the library and runs all tests. */
int
main(void)
{
	Env		   *env = test_env();

	CHECK_EQ_INT(blas_open(env), RECSYS_OK);
	test_env_done(env);
	RUN(test_sizes);
	RUN_ALONE(test_condition);
	RUN_ALONE(test_not_positive);
	RUN_ALONE(test_interrupts);
	return unit_done();
}
