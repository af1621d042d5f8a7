/*
 * points.c
 *		Moments of points, and standardising.
 */
#include "core/points.h"

#include <math.h>
#include <string.h>

#include "core/parallel.h"
#include "core/parallel_sum.h"
#include "core/vecmath.h"

#define CHUNK_VALUES INT64_C(65536)	/* standardised at a time */

/* What the passes over the points read. */
typedef struct MomentsJob
{
	const Points *points;
	const double *means;		/* second pass */
} MomentsJob;

/* First pass: sums of x, then how many points differ from the first one. */
static void
add_values(void *arg, int64_t begin, int64_t end, double *sums)
{
	const Points *points = ((MomentsJob *) arg)->points;
	int32_t		n_dims = points->n_dims;
	double	   *differing = sums + n_dims;

	for (int64_t i = begin; i < end; i++)
		for (int32_t g = 0; g < n_dims; g++)
		{
			sums[g] += point(points, i)[g];
			differing[g] += point(points, i)[g] != points->values[g];
		}
}

/* Second pass: sums of (x - mean)^2. */
static void
add_squares(void *arg, int64_t begin, int64_t end, double *sums)
{
	const MomentsJob *job = arg;
	int32_t		n_dims = job->points->n_dims;

	for (int64_t i = begin; i < end; i++)
		for (int32_t g = 0; g < n_dims; g++)
		{
			double		difference = point(job->points, i)[g] - job->means[g];

			sums[g] += difference * difference;
		}
}

/* Means and deviations from the two passes; the squares must leave room for sums of distances. */
static RecsysStatus
finish_moments(Env *env, const Points *points, const double *squares, const double *differing,
			   double *deviations)
{
	double		total = 0;

	for (int32_t g = 0; g < points->n_dims; g++)
	{
		total += squares[g];
		deviations[g] = differing[g] > 0 ? sqrt(squares[g] / (double) points->n) : 0;
	}
	if (isfinite(8 * total))
		return RECSYS_OK;
	env_fail(env, RECSYS_BAD_DATA, "vectors are too far apart");
	return env_detail(env, "The sum of their squared deviations must be finite.");
}

/* Two passes. */
RecsysStatus
points_moments(Env *env, const Points *points, double *means, double *deviations)
{
	int32_t		n_dims = points->n_dims;
	MomentsJob	job = {points, means};
	double	   *sums = env_alloc(env, (size_t) n_dims, 3 * sizeof(double));
	double	   *differing;
	double	   *squares;

	if (sums == NULL)
		return env->status;
	if (points->n < 1)
		return env_fail(env, RECSYS_BAD_DATA, "there are no vectors");
	differing = sums + n_dims;
	squares = differing + n_dims;
	TRY(parallel_sum(env, points->n, 2 * (int64_t) n_dims, 2 * n_dims, add_values, &job, sums));
	for (int32_t g = 0; g < n_dims; g++)
		means[g] = differing[g] > 0 ? sums[g] / (double) points->n : points->values[g];
	TRY(parallel_sum(env, points->n, n_dims, 2 * n_dims, add_squares, &job, squares));
	TRY(finish_moments(env, points, squares, differing, deviations));
	env_free(env, sums);
	return RECSYS_OK;
}

/* What standardising reads. */
typedef struct StandardizeJob
{
	Points	   *points;
	const double *means;
	const double *deviations;
} StandardizeJob;

/* Some points. */
static RecsysStatus
standardize_chunk(void *arg, int64_t begin, int64_t end, int worker)
{
	const StandardizeJob *job = arg;
	size_t		n_dims = (size_t) job->points->n_dims;

	(void) worker;
	for (int64_t i = begin; i < end; i++)
		vecmath_standardize(point(job->points, i), job->means, job->deviations, n_dims,
							point(job->points, i));
	return RECSYS_OK;
}

/* One pass. */
RecsysStatus
points_standardize(Env *env, Points *points, const double *means, const double *deviations)
{
	size_t		n_dims = (size_t) points->n_dims;
	double	   *ones = NULL;
	StandardizeJob job = {points, means, deviations};

	if (deviations == NULL)
	{
		ones = env_alloc_zero(env, n_dims, sizeof(double));
		if (ones == NULL)
			return env->status;
		job.deviations = ones;	/* 0 divides by 1 */
	}
	TRY(parallel_for(env, points->n, CHUNK_VALUES / points->n_dims + 1, standardize_chunk, &job,
					 false));
	env_free(env, ones);
	return RECSYS_OK;
}
