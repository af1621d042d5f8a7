/*
 * kmeans_parts.h
 *		What the files of k-means share: the state of a run, its iterations, drawing points.
 */
#ifndef CORE_KMEANS_PARTS_H
#define CORE_KMEANS_PARTS_H

#include "core/kmeans.h"
#include "core/rng.h"

typedef struct KMeansJob
{
	const Points *points;
	const KMeansOptions *options;
	int32_t		k;				/* clusters of this start */
	int64_t		lanes;			/* k in whole lanes */
	double	   *means;			/* of the points */
	double		total;			/* sum of the squared distances to them */
	double		stop;			/* movement at which a start ends */
	int			iteration;		/* through all starts */
	double	   *centres;		/* k x n_dims */
	double	   *columns;		/* the same for the kernels */
	double	   *moved;			/* per centre: how far it moved last */
	double	   *others;			/* per centre: how far any other one moved */
	double	   *gaps;			/* per centre: half the distance to the nearest other one */
	double	   *sums;			/* of the clusters: k x n_dims sums, k counts */
	double	   *changes;		/* of the sums in an iteration, and the points that changed */
	double	   *previous;		/* k x n_dims: the centres before */
	int32_t    *labels;			/* per point; below 0: none yet */
	double	   *upper;			/* per point: at least the distance to its centre */
	double	   *lower;			/* per point: at most the distance to any other centre */
	bool		all;			/* look at every centre of every point */
	const double *taken;		/* point that filled an empty cluster last, or NULL */
} KMeansJob;

/* Sets the number of clusters of a job. */
extern void kmeans_set_clusters(KMeansJob *job, int32_t k);

/*
 * Iterates from centres whose points, with sums and bounds, are those of the job, or from unlabelled ones,
 * until no point changes, little moves, max_iterations are done, or as many more could not bring the
 * inertia below target.
 */
extern RecsysStatus kmeans_iterate(Env *env, KMeansJob *job, int32_t max_iterations, double target,
								   int32_t *n_iterations);

/* Inertia of the clusters as they are around their means; accurate to the rounding of job->total. */
extern double kmeans_inertia(const KMeansJob *job);

/* Unlabels all points, so that iterations begin with the centres alone. */
extern void kmeans_forget_labels(KMeansJob *job);

/* Bounds of a distance from its computed square: rounding moves them apart. */
extern double kmeans_upper(const KMeansJob *job, double square);
extern double kmeans_lower(const KMeansJob *job, double square);

/*
 * Chooses centres by k-means++ into job->centres and sets job->k: fewer than asked for when every point is
 * a centre already.  Uses upper of the job as memory.  number: of the start.
 */
extern RecsysStatus kmeans_start(Env *env, KMeansJob *job, int32_t number);

/* Improves centroids, job->k of them, by swaps.  Uses the job as memory.  *better: one was found. */
extern RecsysStatus kmeans_swap(Env *env, KMeansJob *job, double *centroids, bool *better);

/* Draws points with probabilities proportional to their squared distance to the nearest centre. */
typedef struct Draw
{
	const Points *points;
	Rng			rng;
	double	   *closest;		/* per point: the squared distance; of whoever made this */
	double	   *block_sums;		/* the same, summed over blocks of DRAW_BLOCK */
	double		total;			/* over all points */
	int32_t		n_candidates;
	int64_t		lanes;			/* n_candidates in whole lanes */
	int64_t    *candidates;		/* points */
	double	   *rows;			/* their coordinates */
	double	   *columns;		/* the same for the kernels */
	double	   *potentials;		/* total that each would leave; twice the lanes, the rest is scratch */
} Draw;

#define DRAW_BLOCK INT64_C(1024)

/* Memory of a draw among the points, for k centres; stream: of random numbers. */
extern RecsysStatus draw_init(Env *env, Draw *draw, const KMeansJob *job, double *closest,
							  uint64_t stream);
extern void draw_free(Env *env, Draw *draw);

/* Adds the block sums up to the total, once closest and they are set. */
extern void draw_ready(Draw *draw);

/* Draws candidates, into rows and columns too; the total is above 0. */
extern void draw_candidates(Draw *draw);

/* Draws candidates and returns the one that would leave the least total; the total is above 0. */
extern RecsysStatus draw_best(Env *env, Draw *draw, int64_t *chosen);

#endif							/* CORE_KMEANS_PARTS_H */
