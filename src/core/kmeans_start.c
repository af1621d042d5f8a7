/*
 * kmeans_start.c
 *		Where k-means starts: k-means++ with several candidates a centre.
 *
 * The first centre is a point at random.  Each next one is drawn with a probability proportional to the
 * squared distance to the nearest centre so far; of 2 + ln k such candidates the one is taken that leaves
 * the least sum of these distances.  Arthur and Vassilvitskii, "k-means++: the advantages of careful
 * seeding" (2007).
 *
 * Then a local search: a point drawn in the same way takes the place of the centre whose loss costs least,
 * if that lowers the sum; k such points are tried.  Lattanzi and Sohler, "A better k-means++ algorithm via
 * local search" (2019).  A try is one pass over the points: the sum without a centre follows from the
 * distances to the two nearest ones.
 */
#include <math.h>
#include <string.h>

#include "core/distance_kernels.h"
#include "core/kmeans.h"
#include "core/parallel.h"
#include "core/parallel_sum.h"
#include "core/rng.h"

#define BLOCK INT64_C(1024)		/* points whose distances have one sum, for drawing */

/* State of one start. */
typedef struct Start
{
	KMeansJob  *job;
	Rng			rng;
	double	   *closest;		/* per point: squared distance to the nearest centre */
	double	   *block_sums;		/* the same, summed over blocks */
	double		total;			/* over all points */
	const double *centre;		/* added last */
	int32_t		n_candidates;
	int64_t		lanes;			/* n_candidates in whole lanes */
	int64_t    *candidates;		/* points */
	double	   *rows;			/* their coordinates */
	double	   *columns;		/* the same for the kernels */
	double	   *potentials;		/* total that each would leave; twice the lanes, the rest is scratch */
	double	   *distances;		/* per worker: to all centres */
	bool		first;			/* no distances yet */
} Start;

/* Memory of a start. */
static RecsysStatus
start_init(Env *env, Start *start, KMeansJob *job, int32_t number)
{
	int64_t		n_blocks = (job->points->n + BLOCK - 1) / BLOCK;
	int32_t		n_dims = job->points->n_dims;

	memset(start, 0, sizeof(*start));
	rng_seed(&start->rng, (uint64_t) job->options->random_state, (uint64_t) number);
	start->job = job;
	start->closest = job->upper;
	start->first = true;
	start->n_candidates = 2 + (int32_t) log(job->options->n_clusters);
	start->lanes = whole_lanes(start->n_candidates);
	start->block_sums = env_alloc(env, (size_t) n_blocks, sizeof(double));
	start->candidates = env_alloc(env, (size_t) start->n_candidates, sizeof(int64_t));
	start->rows = env_alloc(env, (size_t) start->n_candidates, (size_t) n_dims * sizeof(double));
	start->columns = env_alloc(env, (size_t) start->lanes, (size_t) n_dims * sizeof(double));
	start->potentials = env_alloc(env, (size_t) start->lanes, 2 * sizeof(double));
	if (start->block_sums == NULL || start->candidates == NULL || start->rows == NULL ||
		start->columns == NULL || start->potentials == NULL)
		return env->status;
	return RECSYS_OK;
}

/* Gives the memory back. */
static void
start_free(Env *env, Start *start)
{
	env_free(env, start->block_sums);
	env_free(env, start->candidates);
	env_free(env, start->rows);
	env_free(env, start->columns);
	env_free(env, start->potentials);
}

/* A block after a centre was added. */
static RecsysStatus
update_block(void *arg, int64_t begin, int64_t end, int worker)
{
	Start	   *start = arg;
	const Points *points = start->job->points;
	double		sum = 0;

	(void) worker;
	for (int64_t i = begin; i < end; i++)
	{
		double		distance = distance_between(point(points, i), start->centre, points->n_dims);

		if (start->first || distance < start->closest[i])
			start->closest[i] = distance;
		sum += start->closest[i];
	}
	start->block_sums[begin / BLOCK] = sum;
	return RECSYS_OK;
}

/* Makes a point centre number c. */
static RecsysStatus
add_centre(Env *env, Start *start, int32_t c, int64_t i)
{
	const Points *points = start->job->points;
	double	   *centre = start->job->centres + (int64_t) c * points->n_dims;

	memcpy(centre, point(points, i), (size_t) points->n_dims * sizeof(double));
	start->centre = centre;
	TRY(parallel_for(env, points->n, BLOCK, update_block, start, false));
	start->first = false;
	start->total = 0;
	for (int64_t b = 0; b * BLOCK < points->n; b++)
		start->total += start->block_sums[b];
	return RECSYS_OK;
}

/* A point with a probability proportional to its distance; the total is above 0. */
static int64_t
draw_point(Start *start)
{
	int64_t		n = start->job->points->n;
	double		rest = rng_uniform(&start->rng) * start->total;
	int64_t		drawn = n - 1;
	int64_t		b = 0;

	while ((b + 1) * BLOCK < n && rest >= start->block_sums[b])
		rest -= start->block_sums[b++];
	for (int64_t i = b * BLOCK; i < n; i++)
	{
		rest -= start->closest[i];
		if (rest < 0 && start->closest[i] > 0)
			return i;
	}
	while (start->closest[drawn] == 0)	/* rounding has led past the last one */
		drawn--;
	return drawn;
}

/* Adds what the candidates would leave of some points. */
static void
add_potentials(void *arg, int64_t begin, int64_t end, double *sums)
{
	const Start *start = arg;
	const Points *points = start->job->points;

	for (int64_t i = begin; i < end; i++)
		add_limited_distances(point(points, i), points->n_dims, start->columns, start->lanes,
							  start->closest[i], sums + start->lanes, sums);
}

/* Draws candidates and returns the best one. */
static RecsysStatus
choose_point(Env *env, Start *start, int64_t *chosen)
{
	const Points *points = start->job->points;
	size_t		n_dims = (size_t) points->n_dims;
	int32_t		best = 0;

	for (int32_t t = 0; t < start->n_candidates; t++)
	{
		start->candidates[t] = draw_point(start);
		memcpy(start->rows + (size_t) t * n_dims, point(points, start->candidates[t]),
			   n_dims * sizeof(double));
	}
	distance_columns(start->rows, start->n_candidates, points->n_dims, start->columns);
	TRY(parallel_sum(env, points->n, 2 * start->lanes, start->lanes * points->n_dims,
					 add_potentials, start, start->potentials));
	for (int32_t t = 1; t < start->n_candidates; t++)
		if (start->potentials[t] < start->potentials[best])
			best = t;
	*chosen = start->candidates[best];
	return RECSYS_OK;
}

/* Centre after centre, until there are enough or every point is one. */
static RecsysStatus
choose_centres(Env *env, Start *start)
{
	KMeansJob  *job = start->job;
	int64_t		chosen = (int64_t) rng_below(&start->rng, (uint64_t) job->points->n);
	int32_t		c = 0;

	TRY(add_centre(env, start, c++, chosen));
	for (; c < job->options->n_clusters && start->total > 0; c++)
	{
		TRY(choose_point(env, start, &chosen));
		TRY(add_centre(env, start, c, chosen));
	}
	job->k = c;
	job->lanes = whole_lanes(c);
	return RECSYS_OK;
}

/* The two nearest centres of a block's points. */
static RecsysStatus
look_at_block(void *arg, int64_t begin, int64_t end, int worker)
{
	Start	   *start = arg;
	KMeansJob  *job = start->job;
	double	   *distances = start->distances + worker * job->lanes;
	double		sum = 0;

	for (int64_t i = begin; i < end; i++)
	{
		distances_to_columns(point(job->points, i), job->points->n_dims, job->columns, job->lanes,
							 distances);
		job->labels[i] = nearest_two(distances, job->k, &start->closest[i], &job->lower[i]);
		sum += start->closest[i];
	}
	start->block_sums[begin / BLOCK] = sum;
	return RECSYS_OK;
}

/* The two nearest centres of every point, and the total. */
static RecsysStatus
look_at_points(Env *env, Start *start)
{
	KMeansJob  *job = start->job;

	distance_columns(job->centres, job->k, job->points->n_dims, job->columns);
	TRY(parallel_for(env, job->points->n, BLOCK, look_at_block, start, false));
	start->total = 0;
	for (int64_t b = 0; b * BLOCK < job->points->n; b++)
		start->total += start->block_sums[b];
	return RECSYS_OK;
}

/*
 * Adds what a new centre would leave of some points: sums[k] if all centres stayed, sums[c] what the loss
 * of centre c would add.
 */
static void
add_losses(void *arg, int64_t begin, int64_t end, double *sums)
{
	const Start *start = arg;
	const KMeansJob *job = start->job;

	for (int64_t i = begin; i < end; i++)
	{
		double		distance = distance_between(point(job->points, i), start->centre,
												job->points->n_dims);
		double		kept = distance < start->closest[i] ? distance : start->closest[i];

		sums[job->k] += kept;
		sums[job->labels[i]] += (distance < job->lower[i] ? distance : job->lower[i]) - kept;
	}
}

/* Tries one point in place of a centre. */
static RecsysStatus
try_point(Env *env, Start *start, int64_t i)
{
	KMeansJob  *job = start->job;
	int32_t		n_dims = job->points->n_dims;
	int32_t		best = 0;

	start->centre = point(job->points, i);
	TRY(parallel_sum(env, job->points->n, job->k + 1, 2 * n_dims, add_losses, start, job->sums));
	for (int32_t c = 1; c < job->k; c++)
		if (job->sums[c] < job->sums[best])
			best = c;
	if (!(job->sums[job->k] + job->sums[best] < start->total))
		return RECSYS_OK;
	memcpy(job->centres + (int64_t) best * n_dims, start->centre, (size_t) n_dims * sizeof(double));
	return look_at_points(env, start);
}

/* The local search; there is nothing to search when every point is a centre. */
static RecsysStatus
search_locally(Env *env, Start *start)
{
	KMeansJob  *job = start->job;
	int			n_workers = parallel_workers(env, job->points->n, BLOCK);

	start->distances = env_alloc(env, (size_t) n_workers, (size_t) job->lanes * sizeof(double));
	if (start->distances == NULL)
		return env->status;
	TRY(look_at_points(env, start));
	for (int32_t tried = 0; tried < job->k && job->k > 1 && start->total > 0; tried++)
		TRY(try_point(env, start, draw_point(start)));
	env_free(env, start->distances);
	return RECSYS_OK;
}

/* One start. */
RecsysStatus
kmeans_start(Env *env, KMeansJob *job, int32_t number)
{
	Start		start;

	if (job->options->start != NULL)
	{
		job->k = job->options->n_clusters;
		job->lanes = whole_lanes(job->k);
		memcpy(job->centres, job->options->start,
			   (size_t) job->k * (size_t) job->points->n_dims * sizeof(double));
		return RECSYS_OK;
	}
	TRY(start_init(env, &start, job, number));
	TRY(choose_centres(env, &start));
	TRY(search_locally(env, &start));
	start_free(env, &start);
	return RECSYS_OK;
}
