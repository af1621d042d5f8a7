/*
 * test_pca.c: principal components by hand, and by what defines them.
 */
#include "core/pca.h"

#include "test_points.h"

/* Centres the points and finds their components; ends the program when that fails. */
static Pca
fit(Env *env, Points *points, double n_components)
{
	double	   *moments = env_alloc(env, (size_t) points->n_dims, 2 * sizeof(double));
	Pca			pca;

	if (points_moments(env, points, moments, moments + points->n_dims) != RECSYS_OK ||
		points_standardize(env, points, moments, NULL) != RECSYS_OK ||
		pca_fit(env, points, n_components, &pca) != RECSYS_OK)
	{
		printf("# %s\n", env->error);
		abort();
	}
	return pca;
}

/* A cross: variances 8/3 along (1, 1) and 2/3 along (1, -1). */
static void
test_by_hand(void)
{
	double		values[] = {2, 2, 0, 0, 2, 0, 0, 2};
	double		line[] = {1, -3, 2, -6, 3, -9};
	double		out[2];
	Env		   *env = test_env();
	Points		points = {4, 2, values};
	Points		three = {3, 2, line};
	Pca			pca;

	values[0] = values[1] = 3;	/* (3, 3), (0, 0), (2, 0), (0, 2) */
	pca = fit(env, &points, 2);
	/* Covariances: mean 5/4; sum of squares 13 - 25/4, of products 9 - 25/4; over 3. */
	CHECK_NEAR(pca.variances[0], (27 / 4.0 + 11 / 4.0) / 3, 1e-14);
	CHECK_NEAR(pca.variances[1], (27 / 4.0 - 11 / 4.0) / 3, 1e-14);
	CHECK_NEAR(pca.total, 2 * 27 / 4.0 / 3, 1e-14);
	CHECK_NEAR(pca.components[0], sqrt(0.5), 1e-14);
	CHECK_NEAR(pca.components[1], sqrt(0.5), 1e-14);
	pca = fit(env, &three, 1);
	CHECK_EQ_INT(pca.n_components, 1);
	CHECK_NEAR(pca.variances[0], 10, 1e-13);
	CHECK_NEAR(pca.components[0], -1 / sqrt(10), 1e-14);	/* the greater loading is positive */
	CHECK_NEAR(pca.components[1], 3 / sqrt(10), 1e-14);
	pca_project(2, 2, (double[]) {1, 2, 3, 4}, (double[]) {5, 6}, out);
	CHECK(out[0] == 17 && out[1] == 39);
	env_free_all(env);
	test_env_done(env);
}

/* Sum over points of (a . x)(b . x) / (n - 1). */
static double
covariance_along(const Points *points, const double *a, const double *b)
{
	double		sum = 0;

	for (int64_t i = 0; i < points->n; i++)
	{
		double		x = 0;
		double		y = 0;

		for (int32_t g = 0; g < points->n_dims; g++)
		{
			x += a[g] * point(points, i)[g];
			y += b[g] * point(points, i)[g];
		}
		sum += x * y;
	}
	return sum / (double) (points->n - 1);
}

/* Components are orthonormal and uncorrelated, with the variances that they have, in their order. */
static void
test_definition(void)
{
	for (int32_t n_dims = 1; n_dims <= 40; n_dims += 13)
	{
		Env		   *env = test_env();
		Points		points = test_blobs(env, (uint64_t) n_dims, 500, n_dims, 7, 0.5);
		Pca			pca = fit(env, &points, n_dims);

		CHECK_EQ_INT(pca.n_components, n_dims);
		for (int32_t j = 0; j < n_dims; j++)
			for (int32_t h = 0; h <= j; h++)
			{
				const double *a = pca.components + j * n_dims;
				const double *b = pca.components + h * n_dims;
				double		dot = 0;

				for (int32_t g = 0; g < n_dims; g++)
					dot += a[g] * b[g];
				CHECK_NEAR(dot, j == h, 1e-12);
				CHECK_NEAR(covariance_along(&points, a, b), j == h ? pca.variances[j] : 0,
						   1e-11 * pca.total);
				CHECK(pca.variances[h] >= pca.variances[j]);
			}
		env_free_all(env);
		test_env_done(env);
	}
}

/* A share takes as few components as reach it; counts are taken as they are; the rest is refused. */
static void
test_counts(void)
{
	const double bad[] = {0, -1, 1.5, 4, NAN, INFINITY};
	Env		   *env = test_env();
	double		values[] = {3, 0, 0, -3, 0, 0, 0, 2, 0, 0, -2, 0, 0, 0, 1, 0, 0, -1};
	Points		points = {6, 3, values};	/* shares 9/14, 4/14, 1/14 */
	Pca			pca;

	CHECK_EQ_INT(fit(env, &points, 0.6).n_components, 1);
	CHECK_EQ_INT(fit(env, &points, 0.65).n_components, 2);
	CHECK_EQ_INT(fit(env, &points, 0.92).n_components, 2);
	CHECK_EQ_INT(fit(env, &points, 0.95).n_components, 3);
	CHECK_EQ_INT(fit(env, &points, 0.999999).n_components, 3);
	CHECK_EQ_INT(fit(env, &points, 1).n_components, 1);
	CHECK_EQ_INT(fit(env, &points, 3).n_components, 3);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_EQ_INT(pca_fit(env, &points, bad[i], &pca), RECSYS_BAD_ARGUMENT);
	points.n = 1;
	CHECK_EQ_INT(pca_fit(env, &points, 1, &pca), RECSYS_OK);
	points = (Points) {2, PCA_MAX_DIMS + 1, values};
	CHECK_EQ_INT(pca_fit(env, &points, 1, &pca), RECSYS_OVER_LIMIT);
	memset(values, 0, sizeof(values));
	points = (Points) {6, 3, values};
	pca = fit(env, &points, 0.9);
	CHECK(pca.total == 0 && pca.n_components == 1);
	env_free_all(env);
	test_env_done(env);
}

/* Threads change no bit; bytes are as estimated; a cancel and no memory end it with that status. */
static void
test_limits(void)
{
	Env		   *env = test_env();
	Points		points = test_blobs(env, 5, 5000, 30, 4, 2);
	Pca			one = fit(env, &points, 0.9);
	size_t		before = env->memory_used;
	RecsysStatus status = RECSYS_NO_MEMORY;
	Pca			many;
	double		bytes;
	int			n = 0;

	env->memory_peak = before;
	CHECK_EQ_INT(pca_fit(env, &points, 0.9, &many), RECSYS_OK);
	bytes = (double) (env->memory_peak - before);
	CHECK(bytes <= pca_bytes(30) + 4096 && bytes > 0.8 * pca_bytes(30));
	env->n_threads = 4;
	CHECK_EQ_INT(pca_fit(env, &points, 0.9, &many), RECSYS_OK);
	CHECK(memcmp(one.components, many.components, 900 * sizeof(double)) == 0);
	env->n_threads = 1;
	for (; status == RECSYS_NO_MEMORY; n++)
	{
		test_env_fail_after(env, n);
		status = pca_fit(env, &points, 0.9, &many);
	}
	CHECK(n > 4 && status == RECSYS_OK);
	test_env_fail_after(env, -1);
	test_env_interrupt_after(env, 0);
	CHECK_EQ_INT(pca_fit(env, &points, 0.9, &many), RECSYS_INTERRUPTED);
	env_free_all(env);
	test_env_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_by_hand);
	RUN(test_definition);
	RUN(test_counts);
	RUN(test_limits);
	return unit_done();
}
