/*
 * kmeans.c
 *		k-means by Lloyd's iterations with Hamerly's bounds.
 *
 * Each point keeps an upper bound of the distance to its own centre and a lower bound of the distance to
 * all others.  When centres move, the bounds are widened by how far.  A point whose upper bound is below
 * its lower bound, or below half the distance of its centre to the nearest other one, keeps its centre
 * without a look.  Bounds are rounded away from each other, and compared with a margin for the rounding of
 * distances themselves, so that what is skipped could not have changed anything.
 */
#include "core/kmeans.h"

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

/* Sums, then counts, then the number of points that changed: the layout of job->sums. */
static int64_t
sums_width(const KMeansJob *job)
{
	return (int64_t) job->k * job->points->n_dims + job->k + 1;
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
		job->gaps[c] = sqrt(least) / 2;
	}
	env_free(env, distances);
	return RECSYS_OK;
}

/* Centres to the means of their points; sets what the bounds need.  Returns the squared movements. */
static double
move_centres(KMeansJob *job)
{
	int32_t		n_dims = job->points->n_dims;
	double		movement = 0;

	memcpy(job->previous, job->centres, (size_t) job->k * (size_t) n_dims * sizeof(double));
	job->fastest = 0;
	job->most = job->second_most = 0;
	for (int32_t c = 0; c < job->k; c++)
	{
		double		count = *count_of(job, c);
		double		squared;

		for (int32_t g = 0; g < n_dims && count > 0; g++)
			centre_of(job, c)[g] = job->sums[(int64_t) c * n_dims + g] / count;
		squared = distance_between(centre_of(job, c), job->previous + (int64_t) c * n_dims, n_dims);
		movement += squared;
		job->moved[c] = sqrt(squared) * (1 + distance_margin(job));
		if (job->moved[c] > job->most)
		{
			job->second_most = job->most;
			job->most = job->moved[c];
			job->fastest = c;
		}
		else if (job->moved[c] > job->second_most)
			job->second_most = job->moved[c];
	}
	return movement;
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
	job->upper[i] = sqrt(least) * (1 + distance_margin(job));
	job->lower[i] = sqrt(second) * (1 - distance_margin(job));
}

/* Is the point's centre the nearest by the bounds alone?  Widens them by the last movements. */
static bool
keeps_centre(KMeansJob *job, int64_t i)
{
	int32_t		own = job->labels[i];
	double		margin = distance_margin(job);
	double		limit;

	job->upper[i] = (job->upper[i] + job->moved[own]) * ROUND_UP;
	job->lower[i] = job->lower[i] * ROUND_DOWN -
		(own == job->fastest ? job->second_most : job->most) * ROUND_UP;
	limit = fmax(job->lower[i], job->gaps[own] * (1 - margin)) * (1 - margin);
	if (job->upper[i] * (1 + margin) < limit)
		return true;
	job->upper[i] = sqrt(distance_between(point(job->points, i), centre_of(job, own),
										  job->points->n_dims)) * (1 + margin);
	return job->upper[i] * (1 + margin) < limit;
}

/* Assigns some points and adds them to their clusters; behind the sums there is room for distances. */
static void
assign_points(void *arg, int64_t begin, int64_t end, double *sums)
{
	KMeansJob  *job = arg;
	int32_t		n_dims = job->points->n_dims;
	double	   *counts = sums + (int64_t) job->k * n_dims;
	double	   *changed = counts + job->k;

	for (int64_t i = begin; i < end; i++)
	{
		int32_t		before = job->labels[i];
		const double *values = point(job->points, i);
		double	   *sum;

		if (job->all || job->options->plain || !keeps_centre(job, i))
			look_at_all(job, i, changed + 1);
		sum = sums + (int64_t) job->labels[i] * n_dims;
		for (int32_t g = 0; g < n_dims; g++)
			sum[g] += values[g];
		counts[job->labels[i]]++;
		*changed += job->labels[i] != before;
	}
}

/* One pass over the points. */
static RecsysStatus
assign(Env *env, KMeansJob *job)
{
	TRY(look_at_centres(env, job));
	return parallel_sum(env, job->points->n, sums_width(job) + job->lanes,
						job->lanes * job->points->n_dims, assign_points, job, job->sums);
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

/* Assigns and moves until nothing changes; the labels are then those of the centres. */
static RecsysStatus
iterate(Env *env, KMeansJob *job, int32_t *n_iterations)
{
	const double *changed = job->sums + sums_width(job) - 1;

	job->all = true;
	memset(job->labels, 0xff, (size_t) job->points->n * sizeof(int32_t));
	for (*n_iterations = 1; *n_iterations <= job->options->max_iterations; (*n_iterations)++)
	{
		double		movement;

		TRY(assign(env, job));
		job->all = false;
		if (*changed == 0)
			break;
		TRY(fill_empty_clusters(env, job));
		movement = move_centres(job);
		env_loss(env, ++job->iteration, "movement", movement);
		if (movement <= job->stop)
			break;
	}
	*n_iterations = *n_iterations < job->options->max_iterations ? *n_iterations :
		job->options->max_iterations;
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
	job->moved = env_alloc(env, k, 2 * sizeof(double));
	job->sums = env_alloc(env, k * (size_t) (points->n_dims + 1) + 1 + lanes, sizeof(double));
	job->upper = env_alloc(env, n, sizeof(double));
	job->lower = env_alloc(env, n, sizeof(double));
	if (result->centroids == NULL || result->sizes == NULL || result->inertias == NULL ||
		result->labels == NULL || job->centres == NULL || job->previous == NULL ||
		job->columns == NULL || job->moved == NULL || job->sums == NULL || job->upper == NULL ||
		job->lower == NULL)
		return env->status;
	job->gaps = job->moved + k;
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
	env_free(env, job->upper);
	env_free(env, job->lower);
}

/* The movement at which a start ends. */
static RecsysStatus
find_stop(Env *env, KMeansJob *job)
{
	int32_t		n_dims = job->points->n_dims;
	double	   *means = env_alloc(env, (size_t) n_dims, 2 * sizeof(double));
	double		variance = 0;

	if (means == NULL)
		return env->status;
	TRY(points_moments(env, job->points, means, means + n_dims));
	for (int32_t g = 0; g < n_dims; g++)
		variance += means[n_dims + g] * means[n_dims + g];
	job->stop = job->options->tolerance * variance / n_dims;
	env_free(env, means);
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

/* Labels all points; job->sums holds inertias, then sizes.  Returns the inertia. */
static RecsysStatus
label_all(Env *env, KMeansJob *job, double *inertia)
{
	distance_columns(job->centres, job->k, job->points->n_dims, job->columns);
	TRY(parallel_sum(env, job->points->n, 2 * (int64_t) job->k + job->lanes,
					 job->lanes * job->points->n_dims, label_points, job, job->sums));
	*inertia = 0;
	for (int32_t c = 0; c < job->k; c++)
		*inertia += job->sums[c];
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
		order[c] = (ClusterSize) {job->sums[job->k + c], c};
	qsort(order, (size_t) job->k, sizeof(ClusterSize), compare_sizes);
	for (int32_t c = 0; c < job->k; c++)
		memcpy((char *) result->centroids + (size_t) c * row, centre_of(job, order[c].cluster), row);
	memcpy(job->centres, result->centroids, (size_t) job->k * row);
	env_free(env, order);
	TRY(label_all(env, job, &result->inertia));
	for (int32_t c = 0; c < job->k; c++)
	{
		result->inertias[c] = job->sums[c];
		result->sizes[c] = (int64_t) job->sums[job->k + c];
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
	TRY(iterate(env, job, &n_iterations));
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

/* All starts, then the best one's labels. */
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
	job.k = result->n_clusters;
	job.lanes = whole_lanes(job.k);
	memcpy(job.centres, result->centroids,
		   (size_t) job.k * (size_t) points->n_dims * sizeof(double));
	TRY(label_all(env, &job, &result->inertia));
	TRY(order_clusters(env, &job, result));
	job_free(env, &job);
	return RECSYS_OK;
}

/* What job_init takes, and an iteration. */
double
kmeans_bytes(double n, double n_dims, double n_clusters)
{
	double		k = fmin(n, n_clusters);
	double		lanes = (double) whole_lanes((int64_t) k);
	double		values = k * (3 * n_dims + 5) + lanes * (n_dims + 1) + k * (n_dims + 1) + 1;

	return n * (sizeof(int32_t) + 2 * sizeof(double)) + values * sizeof(double) +
		parallel_sum_bytes((int64_t) (k * (n_dims + 1) + 1 + lanes)) + 11 * ENV_BLOCK_OVERHEAD;
}
