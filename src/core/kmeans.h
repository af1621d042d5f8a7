/*
 * kmeans.h
 *		k-means: points into clusters around their means.
 *
 * Minimises the inertia, the sum over points of the squared distance to the nearest of k centres, by
 * Lloyd's iterations (Lloyd, "Least squares quantization in PCM", 1982), from n_init starts of which the
 * best is kept.  Starts: k-means++ (Arthur and Vassilvitskii, 2007), each centre the best of 2 + ln k
 * candidates, as the authors propose and scikit-learn does.  The best start is then improved by swaps: a
 * centre moves elsewhere, and where some iterations show that this lowers the inertia, it stays (see
 * kmeans_swap.c).  Distances that cannot change an assignment are skipped by bounds (Hamerly, "Making
 * k-means even faster", 2010): the result is that of plain iterations, bit for bit.
 *
 * A cluster that has lost all its points takes the point farthest from its centre.  Copies of a point are
 * in one cluster, so there are never more clusters than distinct points; fewer than asked for are no
 * error.  Clusters are numbered by size, the largest first.
 *
 * Time: n_init x (ln k n k d for the starts + iterations x n k d at most), and n_swaps x 10 iterations; with
 * bounds, later iterations look at few of the k centres.  Memory: see kmeans_bytes.
 */
#ifndef CORE_KMEANS_H
#define CORE_KMEANS_H

#include "core/points.h"

#define KMEANS_MAX_STARTS 1000
#define KMEANS_SWAPS 20			/* n_swaps of those who have no reason for another number */

typedef struct KMeansOptions
{
	int32_t		n_clusters;		/* at least 1; no more than points are used */
	int32_t		n_init;			/* starts, 1 to KMEANS_MAX_STARTS */
	int32_t		n_swaps;		/* tried on the best start, at most one for each cluster; 0: none */
	int32_t		max_iterations; /* of each start, at least 1 */

	/*
	 * A start ends when the squared movements of all centres add up to at most tolerance times the
	 * mean variance of a coordinate (as scikit-learn's tol), or when no point changes its cluster.
	 */
	double		tolerance;
	int64_t		random_state;
	bool		plain;			/* without bounds: for tests */
	const double *start;		/* n_clusters centres to start from instead, or NULL: for tests */
} KMeansOptions;

typedef struct KMeansResult
{
	int32_t		n_clusters;		/* found */
	double	   *centroids;		/* n_clusters x n_dims */
	int64_t    *sizes;			/* points of each cluster */
	double	   *inertias;		/* of each cluster */
	double		inertia;		/* their sum */
	int32_t    *labels;			/* cluster of each point: the nearest centroid, the first of equal ones */
	int32_t		n_iterations;	/* of the best start */
} KMeansResult;

/*
 * Clusters n >= 1 points.  The arrays of the result belong to the Env.  Reports the loss terms "movement"
 * (iterations counted through all starts) and "inertia" (of each start, and of each swap that lowers it).  RECSYS_BAD_DATA: see
 * points_moments.
 */
extern RecsysStatus kmeans(Env *env, const Points *points, const KMeansOptions *options,
						   KMeansResult *result);

/* Bytes held by kmeans at its peak, its result included. */
extern double kmeans_bytes(double n, double n_dims, double n_clusters);

#endif							/* CORE_KMEANS_H */
