/*
 * test_blas.c: the functions of blas.h against plain loops, from one and from several threads.
 *
 * Runs with every build of OpenBLAS: LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu/openblas-serial
 * build/unit/test_blas.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "core/blas.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "test_env.h"

#define MAX_SIZE 40

/* Threads of this process. */
static int
count_threads(void)
{
	DIR		   *directory = opendir("/proc/self/task");
	int			n = 0;

	CHECK(directory != NULL);
	if (directory == NULL)
		return -1;
	for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
		n += entry->d_name[0] != '.';
	closedir(directory);
	return n;
}

/* n numbers in -1 .. 1, the same for the same seed. */
static double *
random_numbers(size_t n, uint64_t seed)
{
	Rng			rng;
	double	   *x = malloc((n + 1) * sizeof(double));

	rng_seed(&rng, seed, 0);
	for (size_t i = 0; i < n; i++)
		x[i] = rng_uniform(&rng) * 2.0 - 1.0;
	return x;
}

/* The numbers rounded to float. */
static float *
as_float(const double *x, size_t n)
{
	float	   *f = malloc((n + 1) * sizeof(float));

	for (size_t i = 0; i < n; i++)
		f[i] = (float) x[i];
	return f;
}

/* A symmetric positive definite n x n matrix: x x' + identity. */
static double *
random_spd(int n, uint64_t seed)
{
	double	   *x = random_numbers((size_t) n * n, seed);
	double	   *a = malloc(sizeof(double) * n * n);

	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
		{
			a[i * n + j] = i == j;
			for (int k = 0; k < n; k++)
				a[i * n + j] += x[i * n + k] * x[j * n + k];
		}
	free(x);
	return a;
}

/* A library that is not there, or is not OpenBLAS, is an error that says what to install. */
static void
test_missing(void)
{
	Env		   *env = test_env();

	CHECK_EQ_INT(blas_open_file(env, "libopenblas-missing.so.0"), RECSYS_UNSUPPORTED);
	CHECK(strstr(env->error, "\"libopenblas-missing.so.0\"") != NULL);
	CHECK(strstr(env->hint, "libopenblas0") != NULL);
	CHECK_EQ_INT(blas_open_file(env, "libm.so.6"), RECSYS_UNSUPPORTED);
	CHECK(strstr(env->detail, "no function cblas_sgemm") != NULL);
	CHECK(strstr(env->hint, "libopenblas0") != NULL);
	test_env_done(env);
}

/* Loading keeps the environment as it was and starts no thread. */
static void
test_open(void)
{
	Env		   *env = test_env();
	int			before = count_threads();

	setenv("OPENBLAS_NUM_THREADS", "7", 1);
	CHECK_EQ_INT(blas_open(env), RECSYS_OK);
	CHECK(strcmp(getenv("OPENBLAS_NUM_THREADS"), "7") == 0);
	unsetenv("OPENBLAS_NUM_THREADS");
	CHECK_EQ_INT(blas_open(env), RECSYS_OK);
	CHECK_EQ_INT(blas_open_file(env, "libopenblas-missing.so.0"), RECSYS_OK);
	CHECK(getenv("OPENBLAS_NUM_THREADS") == NULL);
	CHECK_EQ_INT(count_threads(), before);
	test_env_done(env);
}

/* Element of op(a). */
static double
at(const double *a, bool transpose, int ld, int row, int column)
{
	return transpose ? a[column * ld + row] : a[row * ld + column];
}

/* One product in both precisions against three loops; the rest of c is untouched. */
static void
check_product(bool ta, bool tb, int m, int n, int k)
{
	int			lda = (ta ? m : k) + 1;
	int			ldb = (tb ? k : n) + 2;
	int			ldc = n + 3;
	double	   *a = random_numbers((size_t) lda * (ta ? k : m), 1);
	double	   *b = random_numbers((size_t) ldb * (tb ? n : k), 2);
	double	   *c = random_numbers((size_t) ldc * m, 3);
	double	   *expected = random_numbers((size_t) ldc * m, 3);
	float	   *fa = as_float(a, (size_t) lda * (ta ? k : m));
	float	   *fb = as_float(b, (size_t) ldb * (tb ? n : k));
	float	   *fc = as_float(c, (size_t) ldc * m);

	for (int i = 0; i < m; i++)
		for (int j = 0; j < n; j++)
		{
			expected[i * ldc + j] *= 0.25;
			for (int p = 0; p < k; p++)
				expected[i * ldc + j] += 2.0 * at(a, ta, lda, i, p) * at(b, tb, ldb, p, j);
		}
	blas_dgemm(ta, tb, m, n, k, 2.0, a, lda, b, ldb, 0.25, c, ldc);
	blas_sgemm(ta, tb, m, n, k, 2.0f, fa, lda, fb, ldb, 0.25f, fc, ldc);
	for (int i = 0; i < m * ldc; i++)
	{
		CHECK_NEAR(c[i], expected[i], 1e-12);
		CHECK_NEAR(fc[i], expected[i], 1e-4);
	}
	free(a), free(b), free(c), free(expected), free(fa), free(fb), free(fc);
}

/* All transpositions, with rows longer than the matrix is wide. */
static void
test_products(void)
{
	for (int transpose = 0; transpose < 4; transpose++)
	{
		check_product(transpose & 1, transpose & 2, 5, 7, 3);
		check_product(transpose & 1, transpose & 2, 1, 1, 1);
		check_product(transpose & 1, transpose & 2, 33, 20, 17);
	}
}

/* a' a and a a', lower triangle only. */
static void
test_syrk(void)
{
	const int	n = 6;
	const int	k = 4;
	double	   *a = random_numbers((size_t) n * k, 4);
	float	   *fa = as_float(a, (size_t) n * k);

	for (int transpose = 0; transpose < 2; transpose++)
	{
		double		c[36];
		float		fc[36];

		for (int i = 0; i < n * n; i++)
			fc[i] = (float) (c[i] = i);
		blas_dsyrk(transpose, n, k, 2.0, a, transpose ? n : k, 0.5, c, n);
		blas_ssyrk(transpose, n, k, 2.0f, fa, transpose ? n : k, 0.5f, fc, n);
		for (int i = 0; i < n * n; i++)
		{
			double		expected = i % n <= i / n ? 0.5 * i : i;

			for (int p = 0; p < k && i % n <= i / n; p++)
				expected += 2.0 * at(a, transpose, transpose ? n : k, i / n, p) *
					at(a, transpose, transpose ? n : k, i % n, p);
			CHECK_NEAR(c[i], expected, 1e-12);
			CHECK_NEAR(fc[i], expected, 1e-4);
		}
	}
	free(a), free(fa);
}

/* The lower triangle of the inverse times the matrix is the identity, both precisions. */
static void
test_inverse(void)
{
	const int	n = 9;
	double	   *a = random_spd(n, 5);
	float	   *f = as_float(a, (size_t) n * n);
	double	   *inverse = malloc(sizeof(double) * n * n);

	memcpy(inverse, a, sizeof(double) * n * n);
	inverse[1] = f[1] = -77;	/* the other triangle is not touched */
	CHECK_EQ_INT(blas_dpotrf(n, inverse, n), 0);
	CHECK_EQ_INT(blas_dpotri(n, inverse, n), 0);
	CHECK_EQ_INT(blas_spotrf(n, f, n), 0);
	CHECK_EQ_INT(blas_spotri(n, f, n), 0);
	CHECK(inverse[1] == -77 && f[1] == -77);
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
		{
			double		sum = 0;
			double		float_sum = 0;

			for (int k = 0; k < n; k++)
			{
				sum += inverse[i >= k ? i * n + k : k * n + i] * a[k * n + j];
				float_sum += f[i >= k ? i * n + k : k * n + i] * a[k * n + j];
			}
			CHECK_NEAR(sum, i == j, 1e-9);
			CHECK_NEAR(float_sum, i == j, 1e-3);
		}
	free(a), free(f), free(inverse);
}

/* A matrix that is not positive definite is told by the number of its minor. */
static void
test_not_positive(void)
{
	double		a[4] = {1, 0, 2, 1};
	float		f[4] = {1, 0, 2, 1};
	float		zero[4] = {1, 0, 2, 0};

	CHECK_EQ_INT(blas_dpotrf(2, a, 2), 2);
	CHECK_EQ_INT(blas_spotrf(2, f, 2), 2);
	CHECK_EQ_INT(blas_spotri(2, zero, 2), 2);
}

/* Triangular solutions undo triangular products; inverse and l' l are what they say. */
static void
test_triangular(void)
{
	const int	n = 7;
	double	   *l = random_spd(n, 6);
	double	   *b = random_numbers((size_t) n * n, 7);
	double	   *c = malloc(sizeof(double) * n * n);

	for (int form = 0; form < 4; form++)
	{
		memcpy(c, b, sizeof(double) * n * n);
		blas_dtrmm(form & 1, form & 2, n, n, l, n, c, n);
		blas_dtrsm(form & 1, form & 2, n, n, l, n, c, n);
		for (int i = 0; i < n * n; i++)
			CHECK_NEAR(c[i], b[i], 1e-9);
	}
	memcpy(c, b, sizeof(double) * n * n);
	blas_dtrmm(false, true, n, n, l, n, c, n);
	for (int i = 0; i < n * n; i++)
	{
		double		expected = 0;

		for (int k = i / n; k < n; k++)
			expected += l[k * n + i / n] * b[k * n + i % n];
		CHECK_NEAR(c[i], expected, 1e-9);
	}
	memcpy(c, l, sizeof(double) * n * n);
	CHECK_EQ_INT(blas_dtrtri(n, c, n), 0);
	blas_dtrmm(false, false, n, n, l, n, b, n);
	blas_dtrmm(false, false, n, n, c, n, b, n);
	memcpy(c, l, sizeof(double) * n * n);
	CHECK_EQ_INT(blas_dlauum(n, c, n), 0);
	for (int i = 0; i < n; i++)
		for (int j = 0; j <= i; j++)
		{
			double		expected = 0;

			for (int k = i; k < n; k++)
				expected += l[k * n + i] * l[k * n + j];
			CHECK_NEAR(c[i * n + j], expected, 1e-9);
		}
	free(l), free(b), free(c);
}

/* The parallel product: any size and number of threads gives the bits of one thread. */
static void
check_parallel(bool ta, bool tb, int m, int n, int k)
{
	double	   *a = random_numbers((size_t) m * k, 9);
	double	   *b = random_numbers((size_t) n * k, 10);
	double	   *c = calloc((size_t) m * n + 1, sizeof(double));
	double	   *one = calloc((size_t) m * n + 1, sizeof(double));
	float	   *fa = as_float(a, (size_t) m * k);
	float	   *fb = as_float(b, (size_t) n * k);
	float	   *fc = calloc((size_t) m * n + 1, sizeof(float));
	float	   *fone = calloc((size_t) m * n + 1, sizeof(float));
	const int	threads[] = {1, 2, 8};

	blas_dgemm(ta, tb, m, n, k, 1, a, ta ? m : k, b, tb ? k : n, 0, c, n);
	for (int t = 0; t < 3; t++)
	{
		Env		   *env = test_env();
		double	   *d = t == 0 ? one : malloc(((size_t) m * n + 1) * sizeof(double));
		float	   *f = t == 0 ? fone : malloc(((size_t) m * n + 1) * sizeof(float));

		env->n_threads = threads[t];
		CHECK_EQ_INT(blas_dgemm_parallel(env, ta, tb, m, n, k, 1, a, ta ? m : k, b, tb ? k : n, 0,
										 d, n), RECSYS_OK);
		CHECK_EQ_INT(blas_sgemm_parallel(env, ta, tb, m, n, k, 1, fa, ta ? m : k, fb, tb ? k : n, 0,
										 f, n), RECSYS_OK);
		CHECK(memcmp(d, one, sizeof(double) * m * n) == 0);
		CHECK(memcmp(f, fone, sizeof(float) * m * n) == 0);
		for (int i = 0; i < m * n; i += 97)
		{
			CHECK_NEAR(d[i], c[i], 1e-10);
			CHECK_NEAR(f[i], c[i], 1e-2);
		}
		if (t > 0)
			free(d), free(f);
		test_env_done(env);
	}
	free(a), free(b), free(c), free(one), free(fa), free(fb), free(fc), free(fone);
}

/* Products of one block, of several, of several slices, and of nothing. */
static void
test_parallel_products(void)
{
	check_parallel(false, false, 3, 5, 2);
	check_parallel(false, true, 300, 1100, 70);
	check_parallel(true, false, 530, 600, 40);
	check_parallel(true, true, 40, 30, 2500);
	check_parallel(false, false, 0, 5, 2);
	check_parallel(false, false, 4, 4, 0);
}

/* A cancel between two blocks ends the product. */
static void
test_interrupt(void)
{
	Env		   *env = test_env();
	double	   *a = random_numbers(600 * 600, 11);
	double	   *c = malloc(sizeof(double) * 600 * 600);

	test_env_interrupt_after(env, 1);
	CHECK_EQ_INT(blas_dgemm_parallel(env, false, false, 600, 600, 600, 1, a, 600, a, 600, 0, c, 600),
				 RECSYS_INTERRUPTED);
	test_env_done(env);
	free(a), free(c);
}

/* Small matrices for many threads at once. */
typedef struct Storm
{
	const double *spd;			/* MAX_SIZE x MAX_SIZE */
	const float *a;				/* MAX_SIZE x MAX_SIZE */
	unsigned char *results;		/* per item */
} Storm;

#define RESULT_SIZE (MAX_SIZE * MAX_SIZE * (sizeof(double) + sizeof(float)))

/* Every item: a product and an inverse of a size of its own. */
static RecsysStatus
storm_items(void *arg, int64_t begin, int64_t end, int worker)
{
	Storm	   *storm = arg;

	(void) worker;
	for (int64_t item = begin; item < end; item++)
	{
		int			n = MAX_SIZE - (int) (item % 7);
		double	   *inverse = (double *) (storm->results + item * RESULT_SIZE);
		float	   *product = (float *) (inverse + MAX_SIZE * MAX_SIZE);

		memcpy(inverse, storm->spd, sizeof(double) * MAX_SIZE * MAX_SIZE);
		if (blas_dpotrf(n, inverse, MAX_SIZE) != 0 || blas_dpotri(n, inverse, MAX_SIZE) != 0)
			return RECSYS_SINGULAR;
		blas_sgemm(false, true, n, n, n, 1, storm->a, MAX_SIZE, storm->a, MAX_SIZE, 0, product,
				   MAX_SIZE);
	}
	return RECSYS_OK;
}

/* 2 and 8 threads that call the library at the same time get the bits of one; none stays. */
static void
test_threads(void)
{
	const int64_t n = 400;
	double	   *numbers = random_numbers(MAX_SIZE * MAX_SIZE, 12);
	float	   *a = as_float(numbers, MAX_SIZE * MAX_SIZE);
	double	   *spd = random_spd(MAX_SIZE, 13);
	const int	threads[] = {1, 2, 8};
	unsigned char *results[3];
	int			before = count_threads();

	for (int t = 0; t < 3; t++)
	{
		Env		   *env = test_env();
		Storm		storm = {spd, a, results[t] = calloc((size_t) n, RESULT_SIZE)};

		env->n_threads = threads[t];
		CHECK_EQ_INT(parallel_for(env, n, 1, storm_items, &storm, false), RECSYS_OK);
		CHECK(memcmp(results[t], results[0], (size_t) n * RESULT_SIZE) == 0);
		test_env_done(env);
	}
	CHECK_EQ_INT(count_threads(), before);
	for (int t = 0; t < 3; t++)
		free(results[t]);
	free(numbers), free(a), free(spd);
}

/* Runs all tests; the first one before the library is loaded. */
int
main(void)
{
	RUN(test_missing);
	RUN(test_open);
	RUN(test_products);
	RUN(test_syrk);
	RUN(test_inverse);
	RUN(test_not_positive);
	RUN(test_triangular);
	RUN(test_parallel_products);
	RUN(test_interrupt);
	RUN(test_threads);
	return unit_done();
}
