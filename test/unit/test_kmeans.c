/*
 * test_kmeans.c: k-means by hand, against plain iterations, and its starts; silhouettes against their
 * definition.
 */
#include "core/kmeans_parts.h"

#include "core/silhouette.h"
#include "test_points.h"

/* Options of the tests. */
static KMeansOptions
options_for(int32_t n_clusters, int32_t n_init)
{
	return (KMeansOptions) {.n_clusters = n_clusters, .n_init = n_init, .max_iterations = 300,
		.tolerance = 0, .random_state = 42};
}

/* Clusters; ends the program when that fails. */
static KMeansResult
run(Env *env, const Points *points, KMeansOptions options)
{
	KMeansResult result;

	if (kmeans(env, points, &options, &result) != RECSYS_OK)
	{
		printf("# %s\n", env->error);
		abort();
	}
	return result;
}

/* Labels, sizes, inertias and order are what the centroids say; each centroid is a mean when it converged. */
static void
check_result(const Points *points, const KMeansResult *result, bool converged)
{
	int32_t		k = result->n_clusters;
	double		total = 0;

	for (int32_t c = 0; c < k; c++)
	{
		double		inertia = 0;
		int64_t		size = 0;
		double	   *sum = calloc((size_t) points->n_dims, sizeof(double));

		for (int64_t i = 0; i < points->n; i++)
		{
			if (result->labels[i] != c)
				continue;
			size++;
			inertia += test_distance(point(points, i), result->centroids + c * points->n_dims,
									 points->n_dims);
			for (int32_t g = 0; g < points->n_dims; g++)
				sum[g] += point(points, i)[g];
		}
		CHECK_EQ_INT(result->sizes[c], size);
		CHECK_NEAR(result->inertias[c], inertia, 1e-9 * (1 + inertia));
		for (int32_t g = 0; g < points->n_dims && converged; g++)
			CHECK_NEAR(result->centroids[c * points->n_dims + g], sum[g] / (double) size, 1e-9);
		total += inertia;
		free(sum);
	}
	CHECK_NEAR(result->inertia, total, 1e-9 * (1 + total));
	for (int64_t i = 0; i < points->n; i++)
		for (int32_t c = 0; c < k; c++)
			CHECK(test_distance(point(points, i), result->centroids + c * points->n_dims, points->n_dims) >=
				  test_distance(point(points, i), result->centroids + result->labels[i] * points->n_dims,
								points->n_dims) * (1 - 1e-12));
}

/* Five points on a line: two clusters, by hand. */
static void
test_by_hand(void)
{
	double		values[] = {10, 0, 11, 1, 12};
	Env		   *env = test_env();
	Points		points = {5, 1, values};
	KMeansResult two = run(env, &points, options_for(2, 3));
	KMeansResult one = run(env, &points, options_for(1, 1));

	CHECK_EQ_INT(two.n_clusters, 2);
	CHECK_NEAR(two.centroids[0], 11, 1e-15);
	CHECK_NEAR(two.centroids[1], 0.5, 1e-15);
	CHECK_EQ_INT(two.sizes[0], 3);
	CHECK_NEAR(two.inertias[0], 2, 1e-12);
	CHECK_NEAR(two.inertias[1], 0.5, 1e-12);
	CHECK_EQ_INT(two.labels[3], 1);
	CHECK_NEAR(one.centroids[0], 34 / 5.0, 1e-15);
	CHECK_NEAR(one.inertia, 100 + 121 + 1 + 144 - 34 * 34 / 5.0, 1e-10);
	env_free_all(env);
	test_env_done(env);
}

/* Two results with the same bits. */
static bool
same_result(const Points *points, const KMeansResult *a, const KMeansResult *b)
{
	size_t		k = (size_t) a->n_clusters;

	return a->n_clusters == b->n_clusters && a->n_iterations == b->n_iterations &&
		memcmp(&a->inertia, &b->inertia, sizeof(double)) == 0 &&
		memcmp(a->centroids, b->centroids, k * (size_t) points->n_dims * sizeof(double)) == 0 &&
		memcmp(a->labels, b->labels, (size_t) points->n * sizeof(int32_t)) == 0 &&
		memcmp(a->inertias, b->inertias, k * sizeof(double)) == 0 &&
		memcmp(a->sizes, b->sizes, k * sizeof(int64_t)) == 0;
}

/* Bounds and threads change no bit, on blobs and on grids full of copies and ties. */
static void
test_bounds(void)
{
	for (int kind = 0; kind < 24; kind++)
	{
		Env		   *env = test_env();
		int32_t		n_dims = 1 + kind % 5 * 3;
		uint64_t	seed = (uint64_t) kind;
		Points		points = kind % 3 == 0 ? test_grid(env, seed, 900, n_dims, 3) :
			test_blobs(env, seed, 900, n_dims, 1 + kind, kind % 3 == 1 ? 0.3 : 4);
		KMeansOptions options = options_for(1 + kind, 2);
		KMeansResult plain;
		KMeansResult bounded;

		options.tolerance = kind % 2 == 0 ? 0 : 1e-4;
		options.n_swaps = kind / 2 % 2 * 30;
		options.plain = true;
		plain = run(env, &points, options);
		options.plain = false;
		bounded = run(env, &points, options);
		CHECK(same_result(&points, &plain, &bounded));
		check_result(&points, &bounded, options.tolerance == 0);
		env->n_threads = 4;
		bounded = run(env, &points, options);
		CHECK(same_result(&points, &plain, &bounded));
		env_free_all(env);
		test_env_done(env);
	}
}

/* Plain iterations from given centres, in the most naive way; returns the inertia. */
static double
naive_inertia(const Points *points, int32_t k, double *centres)
{
	int32_t		d = points->n_dims;
	double		inertia = 0;

	for (int iteration = 0; iteration < 1000; iteration++)
	{
		double	   *sums = calloc((size_t) (k * d), sizeof(double));
		int64_t    *counts = calloc((size_t) k, sizeof(int64_t));

		inertia = 0;
		for (int64_t i = 0; i < points->n; i++)
		{
			int32_t		best = 0;

			for (int32_t c = 1; c < k; c++)
				if (test_distance(point(points, i), centres + c * d, d) <
					test_distance(point(points, i), centres + best * d, d))
					best = c;
			inertia += test_distance(point(points, i), centres + best * d, d);
			counts[best]++;
			for (int32_t g = 0; g < d; g++)
				sums[best * d + g] += point(points, i)[g];
		}
		for (int32_t c = 0; c < k; c++)
			for (int32_t g = 0; g < d && counts[c] > 0; g++)
				centres[c * d + g] = sums[c * d + g] / (double) counts[c];
		free(sums);
		free(counts);
	}
	return inertia;
}

/* What a start needs of a job; centres has room for n_clusters. */
static KMeansJob
start_job(Env *env, const Points *points, const KMeansOptions *options, double *centres)
{
	return (KMeansJob) {.points = points, .options = options, .centres = centres,
		.upper = env_alloc(env, (size_t) points->n, sizeof(double))};
}

/* One start is where naive iterations from the same centres end. */
static void
test_naive(void)
{
	for (uint64_t seed = 0; seed < 8; seed++)
	{
		Env		   *env = test_env();
		Points		points = test_blobs(env, seed, 300, 4, 6, 2);
		KMeansOptions options = options_for(5, 1);
		KMeansResult result = run(env, &points, options);
		double		centres[5 * 4];
		KMeansJob	job = start_job(env, &points, &options, centres);

		CHECK_EQ_INT(kmeans_start(env, &job, 0), RECSYS_OK);
		CHECK_EQ_INT(job.k, 5);
		CHECK_NEAR(result.inertia, naive_inertia(&points, 5, centres), 1e-9 * result.inertia);
		env_free_all(env);
		test_env_done(env);
	}
}

/* The centres of a start are distinct points, far apart: one in each of nine distant blobs, nearly always. */
static void
test_starts(void)
{
	Env		   *env = test_env();
	Points		points = test_blobs(env, 7, 900, 3, 9, 0.01);
	KMeansOptions options = options_for(9, 1);
	double		centres[9 * 3];
	KMeansJob	job = start_job(env, &points, &options, centres);
	int			complete = 0;

	for (int32_t start = 0; start < 50; start++)
	{
		bool		met[9] = {false};
		int			n_met = 0;

		CHECK_EQ_INT(kmeans_start(env, &job, start), RECSYS_OK);
		for (int c = 0; c < 9; c++)
			for (int64_t i = 0; i < points.n; i++)
				if (memcmp(point(&points, i), centres + c * 3, 3 * sizeof(double)) == 0)
				{
					n_met += !met[i % 9];
					met[i % 9] = true;
				}
		complete += n_met == 9;
	}
	CHECK(complete >= 45);
	env_free_all(env);
	test_env_done(env);
}

/* Swaps never raise the inertia of the best start, and nearly always find the blobs that starts missed. */
static void
test_swaps(void)
{
	int			found = 0;
	int			missed = 0;

	for (int64_t seed = 0; seed < 40; seed++)
	{
		Env		   *env = test_env();
		Points		points = test_blobs(env, 21, 1500, 2, 15, 0.02);
		KMeansOptions options = options_for(15, 1);
		double		blobs = 1500 * 2 * 0.02 * 0.02;
		KMeansResult start;
		KMeansResult swapped;

		options.random_state = seed;
		start = run(env, &points, options);
		options.n_swaps = 15;
		swapped = run(env, &points, options);
		CHECK(swapped.inertia <= start.inertia * (1 + 1e-12));
		check_result(&points, &swapped, true);
		missed += start.inertia > 1.2 * blobs;
		found += start.inertia > 1.2 * blobs && swapped.inertia < 1.2 * blobs;
		env_free_all(env);
		test_env_done(env);
	}
	printf("# %d of %d\n", found, missed);
	CHECK(missed >= 5);
	CHECK(found >= missed - 1);
}

/* More starts are never worse; another random_state starts elsewhere. */
static void
test_restarts(void)
{
	Env		   *env = test_env();
	Points		points = test_blobs(env, 9, 400, 2, 20, 0.5);
	double		last = INFINITY;
	double		inertia[2];

	for (int32_t n_init = 1; n_init <= 16; n_init *= 2)
	{
		KMeansResult result = run(env, &points, options_for(12, n_init));

		CHECK(result.inertia <= last);
		last = result.inertia;
	}
	for (int i = 0; i < 2; i++)
	{
		KMeansOptions options = options_for(12, 1);

		options.random_state = i;
		inertia[i] = run(env, &points, options).inertia;
	}
	CHECK(inertia[0] != inertia[1]);
	env_free_all(env);
	test_env_done(env);
}

/* Copies of four points: four clusters without inertia, however many are asked for. */
static void
test_copies(void)
{
	Env		   *env = test_env();
	Points		points = test_grid(env, 1, 50, 2, 2);

	for (int32_t k = 4; k < 60; k++)
	{
		KMeansResult result = run(env, &points, options_for(k, 2));

		CHECK_EQ_INT(result.n_clusters, 4);
		CHECK(result.inertia == 0);
		check_result(&points, &result, true);
	}
	memset(points.values, 0, 100 * sizeof(double));
	CHECK_EQ_INT(run(env, &points, options_for(8, 1)).n_clusters, 1);
	points.n = 1;
	CHECK_EQ_INT(run(env, &points, options_for(8, 1)).n_clusters, 1);
	env_free_all(env);
	test_env_done(env);
}

/* Three of four centres are far from all points: they take the farthest places, not copies of one. */
static void
test_empty_by_hand(void)
{
	double		values[] = {0, 1, 2, 20, 20, 20, 50};
	const double start[] = {1, 1000, 2000, 3000};
	Env		   *env = test_env();
	Points		points = {7, 1, values};
	KMeansOptions options = options_for(4, 1);
	KMeansResult result;

	options.start = start;
	options.max_iterations = 1;
	/* The mean of all that is not taken is (1 + 2 + 20 + 20) / 4; 0 is the third farthest from 1, 20, 50. */
	result = run(env, &points, options);
	CHECK_EQ_INT(result.n_clusters, 4);
	CHECK_NEAR(result.centroids[0] + result.centroids[1] + result.centroids[2] + result.centroids[3],
			   50 + 20 + 43 / 4.0 + 0, 1e-12);
	options.max_iterations = 300;
	result = run(env, &points, options);
	CHECK_NEAR(result.inertia, 0.5, 1e-12);
	check_result(&points, &result, true);
	env_free_all(env);
	test_env_done(env);
}

/* Clusters that lose all points, often: each gets some again, with and without bounds alike. */
static void
test_empty(void)
{
	for (uint64_t seed = 0; seed < 60; seed++)
	{
		Env		   *env = test_env();
		int32_t		k = 3 + (int32_t) seed % 9;
		Points		points = test_grid(env, seed, 60, 2, 4 + (int) seed % 8);
		Points		start = test_grid(env, seed + 100, k, 2, 30);
		KMeansOptions options = options_for(k, 1);
		KMeansResult plain;
		KMeansResult bounded;

		options.start = start.values;
		options.plain = true;
		plain = run(env, &points, options);
		options.plain = false;
		bounded = run(env, &points, options);
		CHECK(same_result(&points, &plain, &bounded));
		CHECK_EQ_INT(plain.n_clusters, k);
		for (int32_t c = 0; c < k; c++)
			CHECK(plain.sizes[c] > 0);
		check_result(&points, &plain, true);
		env_free_all(env);
		test_env_done(env);
	}
}

/* Tolerance ends a start early; so does the number of iterations. */
static void
test_stops(void)
{
	Env		   *env = test_env();
	Points		points = test_blobs(env, 5, 2000, 3, 1, 3);
	KMeansOptions options = options_for(10, 1);
	KMeansResult full = run(env, &points, options);
	KMeansResult early;

	options.tolerance = 1e-2;
	early = run(env, &points, options);
	CHECK(early.n_iterations < full.n_iterations);
	CHECK(early.inertia > full.inertia && early.inertia < 1.1 * full.inertia);
	check_result(&points, &early, false);
	options.tolerance = 0;
	options.max_iterations = 2;
	early = run(env, &points, options);
	CHECK_EQ_INT(early.n_iterations, 2);
	check_result(&points, &early, false);
	env_free_all(env);
	test_env_done(env);
}

/* By the definition. */
static double
naive_silhouette(const Points *points, const int32_t *labels, int32_t k)
{
	double		total = 0;

	for (int64_t i = 0; i < points->n; i++)
	{
		double		sums[10] = {0};
		int64_t		counts[10] = {0};
		double		a;
		double		b = INFINITY;

		for (int64_t j = 0; j < points->n; j++)
		{
			counts[labels[j]]++;
			sums[labels[j]] += sqrt(test_distance(point(points, i), point(points, j), points->n_dims));
		}
		if (counts[labels[i]] == 1)
			continue;
		a = sums[labels[i]] / (double) (counts[labels[i]] - 1);
		for (int32_t c = 0; c < k; c++)
			if (c != labels[i] && counts[c] > 0)
				b = fmin(b, sums[c] / (double) counts[c]);
		total += (b - a) / fmax(a, b);
	}
	return total / (double) points->n;
}

/* All points against the definition, with clusters of one and of none; a sample comes close. */
static void
test_silhouettes(void)
{
	Env		   *env = test_env();
	Points		points = test_blobs(env, 11, 505, 3, 5, 1);
	Points		many = test_blobs(env, 12, 30000, 2, 3, 0.5);
	int32_t		labels[505];
	int32_t    *blobs = env_alloc(env, 30000, sizeof(int32_t));
	double		all;
	double		part;

	for (int i = 0; i < 505; i++)
		labels[i] = i == 17 ? 8 : i % 7;	/* 7 is empty, 8 has one */
	for (env->n_threads = 1; env->n_threads <= 3; env->n_threads++)
	{
		CHECK_EQ_INT(silhouette(env, &points, labels, 9, 42, &all), RECSYS_OK);
		CHECK_NEAR(all, naive_silhouette(&points, labels, 9), 1e-12);
	}
	for (int i = 0; i < 30000; i++)
		blobs[i] = i % 3;
	CHECK_EQ_INT(silhouette(env, &many, blobs, 3, 42, &part), RECSYS_OK);
	many.n = SILHOUETTE_SAMPLE;
	CHECK_EQ_INT(silhouette(env, &many, blobs, 3, 42, &all), RECSYS_OK);
	CHECK_NEAR(part, all, 0.02);
	CHECK_EQ_INT(silhouette(env, &many, blobs, 3, 43, &part), RECSYS_OK);
	CHECK(part == all);			/* no sample: random_state does not matter */
	memset(labels, 0, sizeof(labels));
	CHECK_EQ_INT(silhouette(env, &points, labels, 9, 42, &all), RECSYS_OK);
	CHECK(isnan(all));
	points.n = 1;
	CHECK_EQ_INT(silhouette(env, &points, labels, 9, 42, &all), RECSYS_OK);
	CHECK(isnan(all));
	env_free_all(env);
	test_env_done(env);
}

/* A cancel at any poll and no memory at any allocation end it with that status; bytes are as estimated. */
static void
test_limits(void)
{
	Env		   *env = test_env();
	Points		points = test_blobs(env, 5, 1500, 3, 4, 2);
	KMeansOptions options = options_for(6, 2);
	KMeansResult result;
	RecsysStatus status = RECSYS_INTERRUPTED;
	size_t		before = env->memory_used;
	double		bytes;
	int			n = 0;

	options.n_swaps = 6;
	env->memory_peak = before;
	CHECK_EQ_INT(kmeans(env, &points, &options, &result), RECSYS_OK);
	bytes = (double) (env->memory_peak - before);
	CHECK(bytes <= kmeans_bytes(1500, 3, 6) && bytes > 0.8 * kmeans_bytes(1500, 3, 6));
	CHECK(test_env_of(env)->n_loss > 2);
	points.n = 100;
	for (; status == RECSYS_INTERRUPTED; n++)
	{
		test_env_interrupt_after(env, n);
		status = kmeans(env, &points, &options, &result);
	}
	CHECK(n > 20 && status == RECSYS_OK);
	test_env_interrupt_after(env, -1);
	status = RECSYS_NO_MEMORY;
	for (n = 0; status == RECSYS_NO_MEMORY; n++)
	{
		test_env_fail_after(env, n);
		status = kmeans(env, &points, &options, &result);
	}
	CHECK(n > 20 && status == RECSYS_OK);
	test_env_fail_after(env, -1);
	points.values[0] = NAN;
	CHECK_EQ_INT(kmeans(env, &points, &options, &result), RECSYS_BAD_DATA);
	env_free_all(env);
	test_env_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN_ALONE(test_by_hand);
	RUN_ALONE(test_bounds);
	RUN_ALONE(test_naive);
	RUN_ALONE(test_starts);
	RUN_ALONE(test_swaps);
	RUN_ALONE(test_restarts);
	RUN_ALONE(test_copies);
	RUN_ALONE(test_empty_by_hand);
	RUN_ALONE(test_empty);
	RUN_ALONE(test_stops);
	RUN(test_silhouettes);
	RUN_ALONE(test_limits);
	return unit_done();
}
