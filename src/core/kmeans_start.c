/*
 * kmeans_start.c
 *		Where k-means starts: k-means++ with several candidates a centre.
 *
 * The first centre is a point at random, each next one is drawn far from those before: see kmeans_draw.c.
 */
#include <string.h>

#include "core/distance_kernels.h"
#include "core/kmeans_parts.h"
#include "core/parallel.h"

/* State of one start. */
typedef struct Start
{
	KMeansJob  *job;
	Draw		draw;
	const double *centre;		/* added last */
	bool		first;			/* no distances yet */
} Start;

/* A block after a centre was added. */
static RecsysStatus
update_block(void *arg, int64_t begin, int64_t end, int worker)
{
	Start	   *start = arg;
	const Points *points = start->job->points;
	double	   *closest = start->draw.closest;
	double		sum = 0;

	(void) worker;
	for (int64_t i = begin; i < end; i++)
	{
		double		distance = distance_between(point(points, i), start->centre, points->n_dims);

		if (start->first || distance < closest[i])
			closest[i] = distance;
		sum += closest[i];
	}
	start->draw.block_sums[begin / DRAW_BLOCK] = sum;
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
	TRY(parallel_for(env, points->n, DRAW_BLOCK, update_block, start, false));
	start->first = false;
	draw_ready(&start->draw);
	return RECSYS_OK;
}

/* Centre after centre, until there are enough or every point is one. */
static RecsysStatus
choose_centres(Env *env, Start *start)
{
	KMeansJob  *job = start->job;
	int64_t		chosen = (int64_t) rng_below(&start->draw.rng, (uint64_t) job->points->n);
	int32_t		c = 0;

	TRY(add_centre(env, start, c++, chosen));
	for (; c < job->options->n_clusters && start->draw.total > 0; c++)
	{
		TRY(draw_best(env, &start->draw, &chosen));
		TRY(add_centre(env, start, c, chosen));
	}
	kmeans_set_clusters(job, c);
	return RECSYS_OK;
}

/* One start. */
RecsysStatus
kmeans_start(Env *env, KMeansJob *job, int32_t number)
{
	Start		start = {.job = job, .first = true};

	if (job->options->start != NULL)
	{
		kmeans_set_clusters(job, job->options->n_clusters);
		memcpy(job->centres, job->options->start,
			   (size_t) job->k * (size_t) job->points->n_dims * sizeof(double));
		return RECSYS_OK;
	}
	TRY(draw_init(env, &start.draw, job, job->upper, (uint64_t) number));
	TRY(choose_centres(env, &start));
	draw_free(env, &start.draw);
	return RECSYS_OK;
}
