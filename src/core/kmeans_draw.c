/*
 * kmeans_draw.c
 *		Draws points that are far from all centres, for k-means.
 *
 * A point is drawn with a probability proportional to its squared distance to the nearest centre (Arthur
 * and Vassilvitskii, "k-means++: the advantages of careful seeding", 2007).  Of 2 + ln k such candidates the
 * one is taken that, as another centre, leaves the least sum of these distances.
 */
#include <math.h>
#include <string.h>

#include "core/distance_kernels.h"
#include "core/kmeans_parts.h"
#include "core/parallel_sum.h"

/* Memory for the candidates. */
RecsysStatus
draw_init(Env *env, Draw *draw, const KMeansJob *job, double *closest, uint64_t stream)
{
	int64_t		n_blocks = (job->points->n + DRAW_BLOCK - 1) / DRAW_BLOCK;
	size_t		row = (size_t) job->points->n_dims * sizeof(double);

	memset(draw, 0, sizeof(*draw));
	rng_seed(&draw->rng, (uint64_t) job->options->random_state, stream);
	draw->points = job->points;
	draw->closest = closest;
	draw->n_candidates = 2 + (int32_t) log(job->options->n_clusters);
	draw->lanes = whole_lanes(draw->n_candidates);
	draw->block_sums = env_alloc(env, (size_t) n_blocks, sizeof(double));
	draw->candidates = env_alloc(env, (size_t) draw->n_candidates, sizeof(int64_t));
	draw->rows = env_alloc(env, (size_t) draw->n_candidates, row);
	draw->columns = env_alloc(env, (size_t) draw->lanes, row);
	draw->potentials = env_alloc(env, (size_t) draw->lanes, 2 * sizeof(double));
	if (draw->block_sums == NULL || draw->candidates == NULL || draw->rows == NULL ||
		draw->columns == NULL || draw->potentials == NULL)
		return env->status;
	return RECSYS_OK;
}

/* Gives the memory back. */
void
draw_free(Env *env, Draw *draw)
{
	env_free(env, draw->block_sums);
	env_free(env, draw->candidates);
	env_free(env, draw->rows);
	env_free(env, draw->columns);
	env_free(env, draw->potentials);
}

/* Block after block. */
void
draw_ready(Draw *draw)
{
	draw->total = 0;
	for (int64_t b = 0; b * DRAW_BLOCK < draw->points->n; b++)
		draw->total += draw->block_sums[b];
}

/* One point; the total is above 0. */
static int64_t
draw_point(Draw *draw)
{
	int64_t		n = draw->points->n;
	double		rest = rng_uniform(&draw->rng) * draw->total;
	int64_t		drawn = n - 1;
	int64_t		b = 0;

	while ((b + 1) * DRAW_BLOCK < n && rest >= draw->block_sums[b])
		rest -= draw->block_sums[b++];
	for (int64_t i = b * DRAW_BLOCK; i < n; i++)
	{
		rest -= draw->closest[i];
		if (rest < 0 && draw->closest[i] > 0)
			return i;
	}
	while (draw->closest[drawn] == 0)	/* rounding has led past the last one */
		drawn--;
	return drawn;
}

/* All of them. */
void
draw_candidates(Draw *draw)
{
	size_t		n_dims = (size_t) draw->points->n_dims;

	for (int32_t t = 0; t < draw->n_candidates; t++)
	{
		draw->candidates[t] = draw_point(draw);
		memcpy(draw->rows + (size_t) t * n_dims, point(draw->points, draw->candidates[t]),
			   n_dims * sizeof(double));
	}
	distance_columns(draw->rows, draw->n_candidates, draw->points->n_dims, draw->columns);
}

/* Adds what the candidates would leave of some points. */
static void
add_potentials(void *arg, int64_t begin, int64_t end, double *sums)
{
	const Draw *draw = arg;

	for (int64_t i = begin; i < end; i++)
		add_limited_distances(point(draw->points, i), draw->points->n_dims, draw->columns,
							  draw->lanes, draw->closest[i], sums + draw->lanes, sums);
}

/* Draws, then looks at all points. */
RecsysStatus
draw_best(Env *env, Draw *draw, int64_t *chosen)
{
	const Points *points = draw->points;
	int32_t		best = 0;

	draw_candidates(draw);
	TRY(parallel_sum(env, points->n, 2 * draw->lanes, draw->lanes * points->n_dims,
					 add_potentials, draw, draw->potentials));
	for (int32_t t = 1; t < draw->n_candidates; t++)
		if (draw->potentials[t] < draw->potentials[best])
			best = t;
	*chosen = draw->candidates[best];
	return RECSYS_OK;
}
