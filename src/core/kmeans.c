/*
 * kmeans.c
 *		k-means by Lloyd's iterations with Hamerly's bounds.
 *
 * Each point keeps an upper bound of the distance to its own centre and a lower bound of the distance to
 * all others.  When centres move, the bounds are widened by how far.  A point whose upper bound is below
 * its lower bound, or below half the distance of its centre to the nearest other one, keeps its centre
 * without a look.  Bounds are rounded away from each other, and compared with a margin for the rounding of
 * distances themselves, so that what is skipped could not have changed anything.
 *
 * The sums of the clusters change by the points that change their cluster: later iterations add up few.
 */
#include "core/kmeans_parts.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/distance_kernels.h"
#include "core/parallel_sum.h"

/* Widens what is added to a bound by its own rounding. */
#define ROUND_UP (1 + 4 * DBL_EPSILON)
#define ROUND_DOWN (1 - 4 * DBL_EPSILON)

/* ---------------------------------------------------------------- centres */

/* Sums, then counts: the layout of job->sums. */
static int64_t
sums_width(const KMeansJob *job)
{
	return (int64_t) job->k * (job->points->n_dims + 1);
}

/* Points of cluster c in the last iteration. */
static double *
count_of(const KMeansJob *job, int32_t c)
{
	return job->sums + (int64_t) job->k * job->points->n_dims + c;
}

/* Coordinates of a centre. */
static double *
centre_of(const KMeansJob *job, int32_t c)
{
	return job->centres + (int64_t) c * job->points->n_dims;
}

/* How much a computed distance may differ from the true one, doubled, as a share. */
static double
distance_margin(const KMeansJob *job)
{
	return 2 * (job->points->n_dims + 8) * DBL_EPSILON;
}

/* The lanes follow. */
void
kmeans_set_clusters(KMeansJob *job, int32_t k)
{
	job->k = k;
	job->lanes = whole_lanes(k);
}

/* Upwards. */
double
kmeans_upper(const KMeansJob *job, double square)
{
	return sqrt(square) * (1 + distance_margin(job));
}

/* Downwards. */
double
kmeans_lower(const KMeansJob *job, double square)
{
	return sqrt(square) * (1 - distance_margin(job));
}

/* gaps[c], and the columns, after the centres have moved; distances: room for the lanes. */
static RecsysStatus
look_at_centres(Env *env, KMeansJob *job)
{
	double	   *distances = env_alloc(env, (size_t) job->lanes, sizeof(double));

	if (distances == NULL)
		return env->status;
	distance_columns(job->centres, job->k, job->points->n_dims, job->columns);
	for (int32_t c = 0; c < job->k; c++)
	{
		double		least;
		double		second;

		if (env_interrupted(env))
			return env->status;
		distances_to_columns(centre_of(job, c), job->points->n_dims, job->columns, job->lanes,
							 distances);
		distances[c] = INFINITY;
		(void) nearest_two(distances, job->k, &least, &second);
		job->gaps[c] = kmeans_lower(job, least) / 2;
	}
	env_free(env, distances);
	return RECSYS_OK;
}

/* others[c]: how far any centre but c has moved. */
static void
find_others(KMeansJob *job)
{
	int32_t		fastest = 0;
	double		second = 0;

	for (int32_t c = 1; c < job->k; c++)
	{
		second = fmax(second, fmin(job->moved[c], job->moved[fastest]));
		if (job->moved[c] > job->moved[fastest])
			fastest = c;
	}
	for (int32_t c = 0; c < job->k; c++)
		job->others[c] = (c == fastest ? second : job->moved[fastest]) * ROUND_UP;
}

/* Centres to the means of their points; sets what the bounds need.  Returns the squared movements. */
static double
move_centres(KMeansJob *job)
{
	int32_t		n_dims = job->points->n_dims;
	double		movement = 0;

	memcpy(job->previous, job->centres, (size_t) job->k * (size_t) n_dims * sizeof(double));
	for (int32_t c = 0; c < job->k; c++)
	{
		double		count = *count_of(job, c);
		double		squared;

		for (int32_t g = 0; g < n_dims && count > 0; g++)
			centre_of(job, c)[g] = job->sums[(int64_t) c * n_dims + g] / count;
		squared = distance_between(centre_of(job, c), job->previous + (int64_t) c * n_dims, n_dims);
		movement += squared;
		job->moved[c] = kmeans_upper(job, squared);
	}
	find_others(job);
	return movement;
}

/* The inertia of the clusters around their means: what is not between the means and the mean of all. */
double
kmeans_inertia(const KMeansJob *job)
{
	double		between = 0;

	for (int32_t c = 0; c < job->k; c++)
		between += *count_of(job, c) *
			distance_between(centre_of(job, c), job->means, job->points->n_dims);
	return job->total - between;
}

/* ---------------------------------------------------------------- points */

/* Looks at all centres of a point. */
static void
look_at_all(KMeansJob *job, int64_t i, double *distances)
{
	double		least;
	double		second;

	distances_to_columns(point(job->points, i), job->points->n_dims, job->columns, job->lanes,
						 distances);
	job->labels[i] = nearest_two(distances, job->k, &least, &second);
	job->upper[i] = kmeans_upper(job, least);
	job->lower[i] = kmeans_lower(job, second);
}

/* Is the point's centre the nearest by the bounds alone?  Widens them by the last movements. */
static bool
keeps_centre(KMeansJob *job, int64_t i)
{
	int32_t		own = job->labels[i];
	double		wide = 1 + distance_margin(job);
	double		upper = (job->upper[i] + job->moved[own]) * ROUND_UP;
	double		lower = job->lower[i] * ROUND_DOWN - job->others[own];
	double		limit = (lower > job->gaps[own] ? lower : job->gaps[own]) * (2 - wide);

	job->lower[i] = lower;
	if (upper * wide >= limit)
		upper = kmeans_upper(job, distance_between(point(job->points, i), centre_of(job, own),
												   job->points->n_dims));
	job->upper[i] = upper;
	return upper * wide < limit;
}

/* Takes a point from a cluster, unless that is none, and gives it to its own. */
static void
change_cluster(const KMeansJob *job, int64_t i, int32_t before, double *changes)
{
	int32_t		n_dims = job->points->n_dims;
	const double *values = point(job->points, i);
	double	   *counts = changes + (int64_t) job->k * n_dims;
	double	   *to = changes + (int64_t) job->labels[i] * n_dims;
	double	   *from = changes + (int64_t) before * n_dims;

	for (int32_t g = 0; g < n_dims; g++)
		to[g] += values[g];
	counts[job->labels[i]]++;
	counts[job->k]++;
	if (before < 0)
		return;
	for (int32_t g = 0; g < n_dims; g++)
		from[g] -= values[g];
	counts[before]--;
}

/* Assigns some points; behind the changes there is room for distances. */
static void
assign_points(void *arg, int64_t begin, int64_t end, double *changes)
{
	KMeansJob  *job = arg;
	double	   *distances = changes + sums_width(job) + 1;
	bool		all = job->all || job->options->plain;

	for (int64_t i = begin; i < end; i++)
	{
		int32_t		before = job->labels[i];

		if (!all && keeps_centre(job, i))
			continue;
		look_at_all(job, i, distances);
		if (job->labels[i] != before)
			change_cluster(job, i, before, changes);
	}
}

/* One pass over the points. */
static RecsysStatus
assign(Env *env, KMeansJob *job)
{
	int64_t		width = sums_width(job);

	TRY(look_at_centres(env, job));
	TRY(parallel_sum(env, job->points->n, width + 1 + job->lanes, job->lanes * job->points->n_dims,
					 assign_points, job, job->changes));
	for (int64_t i = 0; i < width; i++)
		job->sums[i] += job->changes[i];
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- empty clusters */

/* Squared distances of some points to their centres, into upper, or to the point taken last if nearer. */
static void
measure_points(void *arg, int64_t begin, int64_t end, double *sums)
{
	KMeansJob  *job = arg;
	int32_t		n_dims = job->points->n_dims;

	(void) sums;
	for (int64_t i = begin; i < end; i++)
	{
		const double *values = point(job->points, i);

		if (job->taken == NULL)
			job->upper[i] = distance_between(values, centre_of(job, job->labels[i]), n_dims);
		else
			job->upper[i] = fmin(job->upper[i], distance_between(values, job->taken, n_dims));
	}
}

/* One pass of that. */
static RecsysStatus
measure(Env *env, KMeansJob *job)
{
	double		nothing;

	return parallel_sum(env, job->points->n, 1, job->points->n_dims, measure_points, job, &nothing);
}

/* The point farthest from its centre, the first of equal ones. */
static int64_t
farthest_point(const KMeansJob *job)
{
	int64_t		farthest = 0;

	for (int64_t i = 1; i < job->points->n; i++)
		if (job->upper[i] > job->upper[farthest])
			farthest = i;
	return farthest;
}

/* Gives an empty cluster point i. */
static void
fill_cluster(KMeansJob *job, int32_t c, int64_t i)
{
	int32_t		n_dims = job->points->n_dims;
	int32_t		donor = job->labels[i];

	job->taken = point(job->points, i);
	for (int32_t g = 0; g < n_dims; g++)
	{
		job->sums[(int64_t) donor * n_dims + g] -= job->taken[g];
		job->sums[(int64_t) c * n_dims + g] = job->taken[g];
	}
	(*count_of(job, donor))--;
	*count_of(job, c) = 1;
	job->labels[i] = c;
}

/*
 * Fills the clusters that have lost all points, each with another place, so that copies of one point do
 * not fill two.  The next pass then looks at every centre.
 */
static RecsysStatus
fill_empty_clusters(Env *env, KMeansJob *job)
{
	job->taken = NULL;
	for (int32_t c = 0; c < job->k; c++)
	{
		int64_t		farthest;

		if (*count_of(job, c) > 0)
			continue;
		TRY(measure(env, job));
		farthest = farthest_point(job);
		if (!(job->upper[farthest] > 0))
			break;
		job->all = true;
		fill_cluster(job, c, farthest);
	}
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- starts */

/* All labels, sums and bounds anew. */
void
kmeans_forget_labels(KMeansJob *job)
{
	memset(job->labels, 0xff, (size_t) job->points->n * sizeof(int32_t));
	memset(job->sums, 0, (size_t) sums_width(job) * sizeof(double));
	job->all = true;
}

/* Assigns and moves. */
RecsysStatus
kmeans_iterate(Env *env, KMeansJob *job, int32_t max_iterations, double target,
			   int32_t *n_iterations)
{
	const double *changed = job->changes + sums_width(job);
	double		inertia = INFINITY;

	memset(job->moved, 0, (size_t) job->k * sizeof(double));
	memset(job->others, 0, (size_t) job->k * sizeof(double));
	for (*n_iterations = 1; *n_iterations <= max_iterations; (*n_iterations)++)
	{
		double		before = inertia;
		double		movement;

		TRY(assign(env, job));
		job->all = false;
		if (*changed == 0 && *n_iterations > 1)
			break;
		TRY(fill_empty_clusters(env, job));
		movement = move_centres(job);
		inertia = kmeans_inertia(job);
		env_loss(env, ++job->iteration, "movement", movement);
		if (movement <= job->stop ||
			inertia - (before - inertia) * (max_iterations - *n_iterations) > target)
			break;
	}
	*n_iterations = *n_iterations < max_iterations ? *n_iterations : max_iterations;
	return RECSYS_OK;
}

/* Memory of a job and its result, for the most clusters. */
static RecsysStatus
job_init(Env *env, KMeansJob *job, const Points *points, const KMeansOptions *options,
		 KMeansResult *result)
{
	size_t		n = (size_t) points->n;
	size_t		k = (size_t) options->n_clusters;
	size_t		row = (size_t) points->n_dims * sizeof(double);
	size_t		lanes = (size_t) whole_lanes(options->n_clusters);

	memset(job, 0, sizeof(*job));
	job->points = points;
	job->options = options;
	result->centroids = env_alloc(env, k, row);
	result->sizes = env_alloc(env, k, sizeof(int64_t));
	result->inertias = env_alloc(env, k, 2 * sizeof(double));
	result->labels = job->labels = env_alloc(env, n, sizeof(int32_t));
	job->centres = env_alloc(env, k, row);
	job->previous = env_alloc(env, k, row);
	job->columns = env_alloc(env, lanes, row);
	job->moved = env_alloc(env, k, 3 * sizeof(double));
	job->sums = env_alloc(env, k, row + sizeof(double));
	job->changes = env_alloc(env, k * (size_t) (points->n_dims + 1) + 1 + lanes, sizeof(double));
	job->upper = env_alloc(env, n, sizeof(double));
	job->lower = env_alloc(env, n, sizeof(double));
	if (result->centroids == NULL || result->sizes == NULL || result->inertias == NULL ||
		result->labels == NULL || job->centres == NULL || job->previous == NULL ||
		job->columns == NULL || job->moved == NULL || job->sums == NULL || job->changes == NULL ||
		job->upper == NULL || job->lower == NULL)
		return env->status;
	job->others = job->moved + k;
	job->gaps = job->others + k;
	return RECSYS_OK;
}

/* Gives back what is not part of the result. */
static void
job_free(Env *env, KMeansJob *job)
{
	env_free(env, job->centres);
	env_free(env, job->previous);
	env_free(env, job->columns);
	env_free(env, job->moved);
	env_free(env, job->sums);
	env_free(env, job->changes);
	env_free(env, job->upper);
	env_free(env, job->lower);
	env_free(env, job->means);
}

/* The mean of all points, the squared distances to it, and the movement at which a start ends. */
static RecsysStatus
find_stop(Env *env, KMeansJob *job)
{
	int32_t		n_dims = job->points->n_dims;
	double		variance = 0;
	double	   *deviations;

	job->means = env_alloc(env, (size_t) n_dims, 2 * sizeof(double));
	if (job->means == NULL)
		return env->status;
	deviations = job->means + n_dims;
	TRY(points_moments(env, job->points, job->means, deviations));
	for (int32_t g = 0; g < n_dims; g++)
		variance += deviations[g] * deviations[g];
	job->total = variance * (double) job->points->n;
	job->stop = job->options->tolerance * variance / n_dims;
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- results */

/* Labels of some points by the centres as they are; inertias and sizes of the clusters. */
static void
label_points(void *arg, int64_t begin, int64_t end, double *sums)
{
	KMeansJob  *job = arg;
	double	   *distances = sums + 2 * job->k;

	for (int64_t i = begin; i < end; i++)
	{
		double		least;
		double		second;
		int32_t		label;

		distances_to_columns(point(job->points, i), job->points->n_dims, job->columns, job->lanes,
							 distances);
		label = nearest_two(distances, job->k, &least, &second);
		job->labels[i] = label;
		sums[label] += least;
		sums[job->k + label]++;
	}
}

/* Labels all points; job->changes holds inertias, then sizes.  *inertia: their sum. */
static RecsysStatus
label_all(Env *env, KMeansJob *job, double *inertia)
{
	distance_columns(job->centres, job->k, job->points->n_dims, job->columns);
	TRY(parallel_sum(env, job->points->n, 2 * (int64_t) job->k + job->lanes,
					 job->lanes * job->points->n_dims, label_points, job, job->changes));
	*inertia = 0;
	for (int32_t c = 0; c < job->k; c++)
		*inertia += job->changes[c];
	return RECSYS_OK;
}

/* A cluster and its size, for sorting. */
typedef struct ClusterSize
{
	double		size;
	int32_t		cluster;
} ClusterSize;

/* The largest first, then as they are. */
static int
compare_sizes(const void *a, const void *b)
{
	const ClusterSize *x = a;
	const ClusterSize *y = b;

	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return x->cluster < y->cluster ? -1 : 1;
}

/* Brings the centres of the labelled job into the order of sizes, and labels anew. */
static RecsysStatus
order_clusters(Env *env, KMeansJob *job, KMeansResult *result)
{
	size_t		row = (size_t) job->points->n_dims * sizeof(double);
	ClusterSize *order = env_alloc(env, (size_t) job->k, sizeof(ClusterSize));

	if (order == NULL)
		return env->status;
	for (int32_t c = 0; c < job->k; c++)
		order[c] = (ClusterSize) {job->changes[job->k + c], c};
	qsort(order, (size_t) job->k, sizeof(ClusterSize), compare_sizes);
	for (int32_t c = 0; c < job->k; c++)
		memcpy((char *) result->centroids + (size_t) c * row, centre_of(job, order[c].cluster), row);
	memcpy(job->centres, result->centroids, (size_t) job->k * row);
	env_free(env, order);
	TRY(label_all(env, job, &result->inertia));
	for (int32_t c = 0; c < job->k; c++)
	{
		result->inertias[c] = job->changes[c];
		result->sizes[c] = (int64_t) job->changes[job->k + c];
	}
	return RECSYS_OK;
}

/* One start; kept when it is the best so far. */
static RecsysStatus
run_start(Env *env, KMeansJob *job, int32_t number, KMeansResult *result)
{
	int32_t		n_iterations;
	double		inertia;

	TRY(kmeans_start(env, job, number));
	kmeans_forget_labels(job);
	TRY(kmeans_iterate(env, job, job->options->max_iterations, INFINITY, &n_iterations));
	TRY(label_all(env, job, &inertia));
	env_loss(env, job->iteration, "inertia", inertia);
	if (number > 0 && !(inertia < result->inertia))
		return RECSYS_OK;
	memcpy(result->centroids, job->centres,
		   (size_t) job->k * (size_t) job->points->n_dims * sizeof(double));
	result->inertia = inertia;
	result->n_clusters = job->k;
	result->n_iterations = n_iterations;
	return RECSYS_OK;
}

/* Swaps; iterates on from what they lead to. */
static RecsysStatus
improve(Env *env, KMeansJob *job, KMeansResult *result)
{
	bool		better;
	int32_t		n_iterations;

	kmeans_set_clusters(job, result->n_clusters);
	TRY(kmeans_swap(env, job, result->centroids, &better));
	memcpy(job->centres, result->centroids,
		   (size_t) job->k * (size_t) job->points->n_dims * sizeof(double));
	if (!better)
		return RECSYS_OK;
	kmeans_forget_labels(job);
	return kmeans_iterate(env, job, job->options->max_iterations, INFINITY, &n_iterations);
}

/* All starts, swaps, then labels. */
RecsysStatus
kmeans(Env *env, const Points *points, const KMeansOptions *options, KMeansResult *result)
{
	KMeansOptions own = *options;
	KMeansJob	job;

	if (own.n_clusters > points->n && points->n > 0)
		own.n_clusters = (int32_t) points->n;
	TRY(job_init(env, &job, points, &own, result));
	TRY(find_stop(env, &job));
	for (int32_t i = 0; i < own.n_init; i++)
		TRY(run_start(env, &job, i, result));
	TRY(improve(env, &job, result));
	TRY(label_all(env, &job, &result->inertia));
	TRY(order_clusters(env, &job, result));
	job_free(env, &job);
	return RECSYS_OK;
}

/* What job_init takes, the swaps, and an iteration. */
double
kmeans_bytes(double n, double n_dims, double n_clusters)
{
	double		k = fmin(n, n_clusters);
	double		lanes = (double) whole_lanes((int64_t) k);
	double		candidates = (double) whole_lanes(2 + (int64_t) log(fmax(1, k)));
	double		values = k * (5 * n_dims + 7) + lanes * (n_dims + 2) + 1 + 2 * n_dims;
	double		width = fmax(k * (n_dims + 1) + 1 + lanes, candidates * (k + 2));

	values += candidates * (k + 2 * n_dims + 5) + n / 1024 + 1;
	return 2 * n * (sizeof(int32_t) + 2 * sizeof(double)) + values * sizeof(double) +
		parallel_sum_bytes((int64_t) width) + 24 * ENV_BLOCK_OVERHEAD;
}
