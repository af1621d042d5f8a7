/*
 * kmeans_start.c
 *		Where k-means starts: k-means++ with several candidates a centre.
 *
 * The first centre is a point at random.  Each next one is drawn with a probability proportional to the
 * squared distance to the nearest centre so far; of 2 + ln k such candidates the one is taken that leaves
 * the least sum of these distances.  Arthur and Vassilvitskii, "k-means++: the advantages of careful
 * seeding" (2007).
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
	start_free(env, &start);
	return RECSYS_OK;
}
