/*
 * test_points.c: moments and standardising by hand and against plain loops; sums on several threads.
 */
#include "test_points.h"

#include "core/parallel_sum.h"

/* Three points by hand; the second coordinate is a constant that has no exact double. */
static void
test_by_hand(void)
{
	double		values[] = {1, 0.1, 3, 0.1, 8, 0.1};
	Env		   *env = test_env();
	Points		points = {3, 2, values};
	double		means[2];
	double		deviations[2];

	CHECK_EQ_INT(points_moments(env, &points, means, deviations), RECSYS_OK);
	CHECK_NEAR(means[0], 4, 1e-15);
	CHECK_NEAR(deviations[0], sqrt(26 / 3.0), 1e-15);
	CHECK(means[1] == 0.1);
	CHECK(deviations[1] == 0);
	CHECK_EQ_INT(points_standardize(env, &points, means, deviations), RECSYS_OK);
	CHECK_NEAR(values[4], 4 / sqrt(26 / 3.0), 1e-15);
	for (int i = 0; i < 3; i++)
		CHECK(values[2 * i + 1] == 0);
	CHECK_EQ_INT(points_moments(env, &points, means, deviations), RECSYS_OK);
	CHECK_NEAR(deviations[0], 1, 1e-15);
	CHECK_EQ_INT(points_standardize(env, &points, (double[]) {1, 2}, NULL), RECSYS_OK);
	CHECK_NEAR(values[4], 4 / sqrt(26 / 3.0) - 1, 1e-15);
	CHECK(values[5] == -2);
	env_free_all(env);
	test_env_done(env);
}

/* What cannot have moments is refused; far from zero nothing is lost. */
static void
test_extremes(void)
{
	const double bad[][2] = {{NAN, 1}, {INFINITY, 1}, {1e200, -1e200}, {1e308, 1e308}};
	Env		   *env = test_env();
	double		far[] = {1e9, 1e9 + 1, 1e9 + 2};
	double		mean;
	double		deviation;

	for (int i = 0; i < 3; i++)
	{
		Points		points = {2, 1, (double *) bad[i]};

		CHECK_EQ_INT(points_moments(env, &points, &mean, &deviation), RECSYS_BAD_DATA);
	}
	CHECK_EQ_INT(points_moments(env, &(Points) {2, 1, (double *) bad[3]}, &mean, &deviation), RECSYS_OK);
	CHECK(mean == 1e308 && deviation == 0);
	CHECK_EQ_INT(points_moments(env, &(Points) {0, 1, far}, &mean, &deviation), RECSYS_BAD_DATA);
	CHECK_EQ_INT(points_moments(env, &(Points) {3, 1, far}, &mean, &deviation), RECSYS_OK);
	CHECK(mean == 1e9 + 1);
	CHECK_NEAR(deviation, sqrt(2 / 3.0), 1e-15);
	env_free_all(env);
	test_env_done(env);
}

/* Adds the numbers of the items, and how many there are. */
static void
add_numbers(void *arg, int64_t begin, int64_t end, double *sums)
{
	const double *numbers = arg;

	for (int64_t i = begin; i < end; i++)
	{
		sums[0] += numbers[i];
		sums[1]++;
	}
}

/* Sums are complete, and have the same bits for every number of threads. */
static void
test_sums(void)
{
	enum
	{
		N = 700000
	};
	Env		   *env = test_env();
	double	   *numbers = env_alloc(env, N, sizeof(double));
	Rng			rng;
	double		one[2];
	double		many[2];

	rng_seed(&rng, 3, 0);
	for (int i = 0; i < N; i++)
		numbers[i] = rng_normal(&rng);
	for (int64_t n = 0; n <= N; n = n * 7 + 1)
		for (int64_t work = 1; work < 1000000000; work *= 1000)
		{
			double		expected = 0;

			for (int64_t i = 0; i < n; i++)
				expected += numbers[i];
			env->n_threads = 1;
			CHECK_EQ_INT(parallel_sum(env, n, 2, work, add_numbers, numbers, one), RECSYS_OK);
			CHECK_NEAR(one[0], expected, 1e-9);
			CHECK_EQ_INT(one[1], n);
			env->n_threads = 3;
			CHECK_EQ_INT(parallel_sum(env, n, 2, work, add_numbers, numbers, many), RECSYS_OK);
			CHECK(memcmp(one, many, sizeof(one)) == 0);
		}
	env_free_all(env);
	test_env_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_by_hand);
	RUN(test_extremes);
	RUN(test_sums);
	return unit_done();
}
