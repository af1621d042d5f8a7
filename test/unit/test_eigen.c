/*
 * test_eigen.c: eigenvalues and eigenvectors by what defines them, and those that are known.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/blas.h"
#include "core/eigen.h"
#include "core/rng.h"
#include "test_env.h"

#define N_THREADS 3

/* Solves a copy of a (n x n); the vectors are returned, to be freed by the caller. */
static double *
solve(Env *env, int n, const double *a, double *values)
{
	double	   *v = malloc(sizeof(double) * (size_t) (n * n));

	memcpy(v, a, sizeof(double) * (size_t) (n * n));
	CHECK_EQ_INT(eigen_symmetric(env, n, v, values), RECSYS_OK);
	return v;
}

/* Sum of a_i b_i. */
static double
dot(int n, const double *a, const double *b)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/* a v = value v for every row v, rows orthonormal, values ascending; errors relative to the largest value. */
static void
check_definition(int n, const double *a)
{
	Env		   *env = test_env();
	double	   *values = malloc(sizeof(double) * (size_t) n);
	double	   *v = solve(env, n, a, values);
	double		largest = fmax(fabs(values[0]), fabs(values[n - 1]));
	double		residual = 0;
	double		product = 0;

	for (int r = 0; r < n; r++)
	{
		const double *row = v + r * n;

		CHECK(r == 0 || values[r] >= values[r - 1]);
		for (int i = 0; i < n; i++)
			residual = fmax(residual, fabs(dot(n, a + i * n, row) - values[r] * row[i]));
		for (int s = 0; s <= r; s++)
			product = fmax(product, fabs(dot(n, row, v + s * n) - (r == s)));
	}
	CHECK(residual <= 20 * sqrt(n) * DBL_EPSILON * largest);
	CHECK(product <= 20 * sqrt(n) * DBL_EPSILON);
	free(values), free(v);
	test_env_done(env);
}

/* A symmetric matrix of rank `rank` or less: sum of x x' with signs; rank 0: each element by itself. */
static double *
random_symmetric(int n, int rank, uint64_t seed)
{
	double	   *a = calloc((size_t) (n * n), sizeof(double));
	double	   *x = malloc(sizeof(double) * (size_t) n);
	Rng			rng;

	rng_seed(&rng, seed, 0);
	for (int i = 0; i < n && rank == 0; i++)
		for (int j = 0; j <= i; j++)
			a[i * n + j] = a[j * n + i] = rng_uniform(&rng) * 2 - 1;
	for (int r = 0; r < rank; r++)
	{
		for (int i = 0; i < n; i++)
			x[i] = rng_uniform(&rng) * 2 - 1;
		for (int i = 0; i < n; i++)
			for (int j = 0; j < n; j++)
				a[i * n + j] += (r % 2 ? -1 : 1) * x[i] * x[j];
	}
	free(x);
	return a;
}

/* Sizes around the blocks of the three steps. */
static void
test_sizes(void)
{
	const int	sizes[] = {1, 2, 3, 8, 31, 33, 64, 65, 150};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		double	   *a = random_symmetric(sizes[i], 0, i + 1);

		check_definition(sizes[i], a);
		free(a);
	}
}

/* Many equal values: ranks far below the size. */
static void
test_ranks(void)
{
	for (int rank = 1; rank < 40; rank += 12)
	{
		double	   *a = random_symmetric(90, rank, (uint64_t) rank);

		check_definition(90, a);
		free(a);
	}
}

/* Zero, identity, blocks of ones, elements from 1e-150 to 1e150. */
static void
test_special(void)
{
	enum
	{
		N = 40
	};
	double		a[N * N] = {0};

	check_definition(N, a);
	for (int i = 0; i < N; i++)
		a[i * N + i] = 1;
	check_definition(N, a);
	for (int i = 0; i < N * N; i++)
		a[i] = i / N / 8 == i % N / 8;
	check_definition(N, a);
	for (int i = 0; i < N * N; i++)
		a[i] = pow(10, (i / N + i % N - 39) * 150 / 39.0);
	check_definition(N, a);
}

/* The path of n points: 2 on the diagonal, -1 beside it; its values are 2 - 2 cos(k pi / (n + 1)). */
static void
test_known(void)
{
	enum
	{
		N = 120
	};
	Env		   *env = test_env();
	double	   *a = calloc(N * N, sizeof(double));
	double		values[N];
	double	   *v;

	for (int i = 0; i < N * N; i++)
		a[i] = i / N == i % N ? 2 : abs(i / N - i % N) == 1 ? -1 : 0;
	v = solve(env, N, a, values);
	for (int k = 1; k <= N; k++)
		CHECK_NEAR(values[k - 1], 2 - 2 * cos(k * acos(-1) / (N + 1)), 1e-13);
	free(a), free(v);
	test_env_done(env);
}

/* The same bits from any number of threads. */
static void
test_threads(void)
{
	enum
	{
		N = 200
	};
	const int	threads[N_THREADS] = {1, 2, 5};
	double	   *a = random_symmetric(N, 0, 7);
	double	   *results[N_THREADS];
	double		values[N_THREADS][N];

	for (int t = 0; t < N_THREADS; t++)
	{
		Env		   *env = test_env();

		env->n_threads = threads[t];
		results[t] = solve(env, N, a, values[t]);
		CHECK(memcmp(results[t], results[0], sizeof(double) * N * N) == 0);
		CHECK(memcmp(values[t], values[0], sizeof(values[0])) == 0);
		test_env_done(env);
	}
	for (int t = 0; t < N_THREADS; t++)
		free(results[t]);
	free(a);
}

/* A cancel is seen wherever it comes; elements that are no numbers are an error; nothing stays allocated. */
static void
test_stops(void)
{
	enum
	{
		N = 70
	};
	double	   *a = random_symmetric(N, 0, 8);
	double	   *v = malloc(sizeof(double) * N * N);
	double		values[N];
	RecsysStatus status = RECSYS_INTERRUPTED;
	Env		   *env = test_env();
	int			n = 0;

	for (; status == RECSYS_INTERRUPTED; n++)
	{
		memcpy(v, a, sizeof(double) * N * N);
		test_env_interrupt_after(env, n);
		status = eigen_symmetric(env, N, v, values);
		env_free_all(env);
	}
	CHECK(n > 5 && status == RECSYS_OK);
	test_env_interrupt_after(env, -1);
	a[0] = NAN;
	CHECK_EQ_INT(eigen_symmetric(env, N, a, values), RECSYS_NOT_CONVERGED);
	env_free_all(env);
	test_env_done(env);
	free(a), free(v);
}

/* Runs all tests of this file. */
int
main(void)
{
	Env		   *env = test_env();

	env->n_threads = 5;
	CHECK_EQ_INT(blas_open(env), RECSYS_OK);
	test_env_done(env);
	RUN_ALONE(test_sizes);
	RUN_ALONE(test_ranks);
	RUN_ALONE(test_special);
	RUN_ALONE(test_known);
	RUN(test_threads);
	RUN_ALONE(test_stops);
	return unit_done();
}
