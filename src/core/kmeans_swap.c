/*
 * kmeans_swap.c
 *		Improves the clusters of k-means by moving centres elsewhere.
 *
 * Iterations of Lloyd end where every centre is the mean of its points, often with two centres in one crowd
 * and one in another that has room for two; more iterations cannot change that.  A swap can: one centre is
 * taken away, a point far from all centres becomes another, and some iterations show what that is worth.
 * When the inertia is lower, the swap stays.  Franti, "Efficiency of random swap clustering" (2018); that the
 * iterations come before the verdict is also the foresight of Conrads et al., "Local search k-means++ with
 * foresight" (2024).
 *
 * The new centre is drawn as those of k-means++.  The one to take away is that whose loss costs least: the
 * sum without it follows from the distances to the two nearest centres, in one pass (Lattanzi and Sohler, "A
 * better k-means++ algorithm via local search", 2019).  Those distances are also the bounds from which the
 * iterations begin, so that only points of the lost centre look at all others again.
 */
#include <math.h>
#include <string.h>

#include "core/distance_kernels.h"
#include "core/kmeans_parts.h"
#include "core/parallel.h"
#include "core/parallel_sum.h"

#define SWAP_ITERATIONS 10		/* before the verdict */
#define SWAP_STREAM UINT64_C(0x73776170)	/* of random numbers; the starts have 0, 1, ... */

/* The clusters to improve, and a swap that is tried. */
typedef struct Swap
{
	KMeansJob  *job;
	double	   *centroids;		/* the best so far, k x n_dims */
	Draw		draw;			/* its closest: to the nearest of them, squared */
	int32_t    *labels;			/* per point: the nearest of them */
	double	   *second;			/* per point: squared distance to the nearest other one */
	double	   *distances;		/* per worker: to all of them */
	double	   *losses;			/* of add_losses */
	const double *centre;		/* the new one */
	int32_t		lost;			/* the one that goes */
} Swap;

/* Numbers of a candidate in the sums of add_losses: one for each centroid, and the total. */
static int64_t
losses_width(const Swap *swap)
{
	return (int64_t) swap->job->k + 1;
}

/* Memory of the swaps. */
static RecsysStatus
swap_init(Env *env, Swap *swap, KMeansJob *job, double *centroids)
{
	size_t		n = (size_t) job->points->n;
	size_t		n_workers = (size_t) parallel_workers(env, job->points->n, DRAW_BLOCK);
	double	   *closest = env_alloc(env, n, sizeof(double));

	memset(swap, 0, sizeof(*swap));
	swap->job = job;
	swap->centroids = centroids;
	swap->labels = env_alloc(env, n, sizeof(int32_t));
	swap->second = env_alloc(env, n, sizeof(double));
	swap->distances = env_alloc(env, n_workers, (size_t) job->lanes * sizeof(double));
	if (closest == NULL || swap->labels == NULL || swap->second == NULL || swap->distances == NULL)
		return env->status;
	TRY(draw_init(env, &swap->draw, job, closest, SWAP_STREAM));
	swap->losses = env_alloc(env, (size_t) swap->draw.lanes,
							 ((size_t) losses_width(swap) + 1) * sizeof(double));
	return swap->losses == NULL ? env->status : RECSYS_OK;
}

/* Gives the memory back. */
static void
swap_free(Env *env, Swap *swap)
{
	env_free(env, swap->draw.closest);
	env_free(env, swap->labels);
	env_free(env, swap->second);
	env_free(env, swap->distances);
	env_free(env, swap->losses);
	draw_free(env, &swap->draw);
}

/* The two nearest centroids of a block's points. */
static RecsysStatus
look_at_block(void *arg, int64_t begin, int64_t end, int worker)
{
	Swap	   *swap = arg;
	KMeansJob  *job = swap->job;
	double	   *distances = swap->distances + worker * job->lanes;
	double		sum = 0;

	for (int64_t i = begin; i < end; i++)
	{
		distances_to_columns(point(job->points, i), job->points->n_dims, job->columns, job->lanes,
							 distances);
		swap->labels[i] = nearest_two(distances, job->k, &swap->draw.closest[i], &swap->second[i]);
		sum += swap->draw.closest[i];
	}
	swap->draw.block_sums[begin / DRAW_BLOCK] = sum;
	return RECSYS_OK;
}

/* The two nearest of these centres for every point; the total is their inertia. */
static RecsysStatus
look_at_points(Env *env, Swap *swap, const double *centres)
{
	KMeansJob  *job = swap->job;

	distance_columns(centres, job->k, job->points->n_dims, job->columns);
	TRY(parallel_for(env, job->points->n, DRAW_BLOCK, look_at_block, swap, false));
	draw_ready(&swap->draw);
	return RECSYS_OK;
}

/*
 * Adds up, for each candidate as another centre, what the loss of each centroid would cost, and the total if
 * all stayed; behind these there is room for distances.
 */
static void
add_losses(void *arg, int64_t begin, int64_t end, double *sums)
{
	const Swap *swap = arg;
	const Draw *draw = &swap->draw;
	int32_t		k = swap->job->k;
	double	   *distances = sums + draw->n_candidates * losses_width(swap);

	for (int64_t i = begin; i < end; i++)
	{
		double		closest = draw->closest[i];
		double		second = swap->second[i];

		distances_to_columns(point(draw->points, i), draw->points->n_dims, draw->columns,
							 draw->lanes, distances);
		for (int32_t t = 0; t < draw->n_candidates; t++)
		{
			double		kept = distances[t] < closest ? distances[t] : closest;
			double		without = distances[t] < second ? distances[t] : second;
			double	   *losses = sums + t * losses_width(swap);

			losses[swap->labels[i]] += without - kept;
			losses[k] += kept;
		}
	}
}

/* Chooses the new centre and the one to lose: those that leave the least total. */
static RecsysStatus
choose_swap(Env *env, Swap *swap)
{
	Draw	   *draw = &swap->draw;
	int32_t		k = swap->job->k;
	int64_t		width = draw->n_candidates * losses_width(swap) + draw->lanes;
	double		least = INFINITY;

	draw_candidates(draw);
	TRY(parallel_sum(env, draw->points->n, width, draw->lanes * draw->points->n_dims, add_losses,
					 swap, swap->losses));
	for (int32_t t = 0; t < draw->n_candidates; t++)
	{
		const double *losses = swap->losses + t * losses_width(swap);

		for (int32_t c = 0; c < k; c++)
			if (losses[c] + losses[k] < least)
			{
				least = losses[c] + losses[k];
				swap->centre = point(draw->points, draw->candidates[t]);
				swap->lost = c;
			}
	}
	return RECSYS_OK;
}

/*
 * Labels and bounds of some points after the swap, and the sums of the clusters.  Points of the lost centroid
 * are with the new one for a start: their bounds say whether to look for a nearer one.
 */
static void
relabel_points(void *arg, int64_t begin, int64_t end, double *sums)
{
	const Swap *swap = arg;
	KMeansJob  *job = swap->job;
	int32_t		n_dims = job->points->n_dims;

	for (int64_t i = begin; i < end; i++)
	{
		const double *values = point(job->points, i);
		double		distance = distance_between(values, swap->centre, n_dims);
		double		closest = swap->draw.closest[i];
		bool		loses = swap->labels[i] == swap->lost;
		int32_t		label = loses || distance < closest ? swap->lost : swap->labels[i];
		double		other = loses ? swap->second[i] : fmin(swap->second[i], fmax(distance, closest));

		job->labels[i] = label;
		job->upper[i] = kmeans_upper(job, label == swap->lost ? distance : closest);
		job->lower[i] = kmeans_lower(job, other);
		for (int32_t g = 0; g < n_dims; g++)
			sums[(int64_t) label * n_dims + g] += values[g];
		sums[(int64_t) job->k * n_dims + label]++;
	}
}

/* Iterates with the swap; *promising: that leads to less inertia. */
static RecsysStatus
try_swap(Env *env, Swap *swap, bool *promising)
{
	KMeansJob  *job = swap->job;
	size_t		n_dims = (size_t) job->points->n_dims;
	int32_t		n_iterations;

	memcpy(job->centres, swap->centroids, (size_t) job->k * n_dims * sizeof(double));
	memcpy(job->centres + (size_t) swap->lost * n_dims, swap->centre, n_dims * sizeof(double));
	TRY(parallel_sum(env, job->points->n, (int64_t) job->k * (job->points->n_dims + 1),
					 3 * job->points->n_dims, relabel_points, swap, job->sums));
	TRY(kmeans_iterate(env, job, SWAP_ITERATIONS, swap->draw.total, &n_iterations));
	*promising = kmeans_inertia(job) < swap->draw.total;
	return RECSYS_OK;
}

/* Makes the centres of the job the centroids, if they are better by the distances themselves too. */
static RecsysStatus
keep_swap(Env *env, Swap *swap, bool *better)
{
	KMeansJob  *job = swap->job;
	double		before = swap->draw.total;

	TRY(look_at_points(env, swap, job->centres));
	if (!(swap->draw.total < before))
		return look_at_points(env, swap, swap->centroids);
	*better = true;
	memcpy(swap->centroids, job->centres,
		   (size_t) job->k * (size_t) job->points->n_dims * sizeof(double));
	env_loss(env, job->iteration, "inertia", swap->draw.total);
	return RECSYS_OK;
}

/* Swap after swap. */
RecsysStatus
kmeans_swap(Env *env, KMeansJob *job, double *centroids, bool *better)
{
	int32_t		n_swaps = job->options->n_swaps < job->k ? job->options->n_swaps : job->k;
	Swap		swap;

	*better = false;
	if (n_swaps == 0 || job->k < 2)
		return RECSYS_OK;
	TRY(swap_init(env, &swap, job, centroids));
	TRY(look_at_points(env, &swap, centroids));
	for (int32_t i = 0; i < n_swaps && swap.draw.total > 0; i++)
	{
		bool		promising;

		TRY(choose_swap(env, &swap));
		TRY(try_swap(env, &swap, &promising));
		if (promising)
			TRY(keep_swap(env, &swap, better));
	}
	swap_free(env, &swap);
	return RECSYS_OK;
}
