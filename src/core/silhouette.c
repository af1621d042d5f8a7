/*
 * silhouette.c
 *		How well clusters are apart.
 *
 * The points of the sample are sorted by cluster, so that the distances of a point to a cluster are
 * neighbours in memory.
 */
#include "core/silhouette.h"

#include <math.h>
#include <string.h>

#include "core/distance_kernels.h"
#include "core/parallel_sum.h"
#include "core/rng.h"

/* Stream of the random numbers that draw the sample. */
#define SAMPLE_STREAM UINT64_C(0x73696c68)

/* The sample, sorted by cluster. */
typedef struct Sample
{
	int64_t		n;
	int64_t		lanes;			/* n in whole lanes */
	int32_t		n_dims;
	int32_t		n_clusters;
	double	   *rows;			/* n x n_dims */
	double	   *columns;		/* the same for the kernels */
	int32_t    *labels;			/* ascending */
	int64_t    *begins;			/* first point of each cluster, and n */
} Sample;

/* Takes at most SILHOUETTE_SAMPLE points, each set of them equally likely (Knuth's algorithm S). */
static void
draw_sample(const Points *points, int64_t random_state, int64_t n_wanted, int64_t *chosen)
{
	Rng			rng;
	int64_t		n = 0;

	rng_seed(&rng, (uint64_t) random_state, SAMPLE_STREAM);
	for (int64_t i = 0; n < n_wanted; i++)
		if ((int64_t) rng_below(&rng, (uint64_t) (points->n - i)) < n_wanted - n)
			chosen[n++] = i;
}

/* Sorts the chosen points by cluster into the sample. */
static void
sort_sample(Sample *sample, const Points *points, const int32_t *labels, const int64_t *chosen)
{
	size_t		row = (size_t) sample->n_dims * sizeof(double);

	memset(sample->begins, 0, ((size_t) sample->n_clusters + 2) * sizeof(int64_t));
	for (int64_t i = 0; i < sample->n; i++)
		sample->begins[labels[chosen[i]] + 2]++;
	for (int32_t c = 2; c <= sample->n_clusters; c++)
		sample->begins[c] += sample->begins[c - 1];
	for (int64_t i = 0; i < sample->n; i++)
	{
		int64_t		place = sample->begins[labels[chosen[i]] + 1]++;

		memcpy(sample->rows + place * sample->n_dims, point(points, chosen[i]), row);
		sample->labels[place] = labels[chosen[i]];
	}
	distance_columns(sample->rows, sample->n, sample->n_dims, sample->columns);
}

/* Memory of a sample. */
static RecsysStatus
sample_init(Env *env, Sample *sample, const Points *points, int32_t n_clusters)
{
	size_t		row = (size_t) points->n_dims * sizeof(double);

	sample->n = points->n < SILHOUETTE_SAMPLE ? points->n : SILHOUETTE_SAMPLE;
	sample->lanes = whole_lanes(sample->n);
	sample->n_dims = points->n_dims;
	sample->n_clusters = n_clusters;
	sample->rows = env_alloc(env, (size_t) sample->n, row);
	sample->columns = env_alloc(env, (size_t) sample->lanes, row);
	sample->labels = env_alloc(env, (size_t) sample->n, sizeof(int32_t));
	sample->begins = env_alloc(env, (size_t) n_clusters + 2, sizeof(int64_t));
	if (sample->rows == NULL || sample->columns == NULL || sample->labels == NULL ||
		sample->begins == NULL)
		return env->status;
	return RECSYS_OK;
}

/* Gives the memory back. */
static void
sample_free(Env *env, Sample *sample)
{
	env_free(env, sample->rows);
	env_free(env, sample->columns);
	env_free(env, sample->labels);
	env_free(env, sample->begins);
}

/* Silhouette of point i from its squared distances to all. */
static double
silhouette_of(const Sample *sample, int64_t i, const double *distances)
{
	int32_t		own = sample->labels[i];
	int64_t		n_own = sample->begins[own + 1] - sample->begins[own];
	double		a = 0;
	double		b = INFINITY;

	if (n_own < 2)
		return 0;
	for (int32_t c = 0; c < sample->n_clusters; c++)
	{
		int64_t		begin = sample->begins[c];
		int64_t		n = sample->begins[c + 1] - begin;
		double		sum = sum_of_roots(distances + begin, n);

		if (c == own)
			a = sum / (double) (n - 1);
		else if (n > 0)
			b = fmin(b, sum / (double) n);
	}
	return fmax(a, b) > 0 ? (b - a) / fmax(a, b) : 0;
}

/* Adds the silhouettes of some points; behind the sum there is room for distances. */
static void
add_silhouettes(void *arg, int64_t begin, int64_t end, double *sums)
{
	const Sample *sample = arg;

	for (int64_t i = begin; i < end; i++)
	{
		distances_to_columns(sample->rows + i * sample->n_dims, sample->n_dims, sample->columns,
							 sample->lanes, sums + 1);
		*sums += silhouette_of(sample, i, sums + 1);
	}
}

/* Is there a point in two clusters at least? */
static bool
has_two_clusters(const Sample *sample)
{
	return sample->labels[0] != sample->labels[sample->n - 1];
}

/* Draws, sorts, compares. */
RecsysStatus
silhouette(Env *env, const Points *points, const int32_t *labels, int32_t n_clusters,
		   int64_t random_state, double *mean)
{
	Sample		sample;
	int64_t    *chosen;
	double	   *sums;

	*mean = NAN;
	if (points->n < 2)
		return RECSYS_OK;
	TRY(sample_init(env, &sample, points, n_clusters));
	chosen = env_alloc(env, (size_t) sample.n, sizeof(int64_t));
	sums = env_alloc(env, (size_t) sample.lanes + 1, sizeof(double));
	if (chosen == NULL || sums == NULL)
		return env->status;
	draw_sample(points, random_state, sample.n, chosen);
	sort_sample(&sample, points, labels, chosen);
	if (has_two_clusters(&sample))
	{
		TRY(parallel_sum(env, sample.n, sample.lanes + 1, sample.lanes * (sample.n_dims + 4),
						 add_silhouettes, &sample, sums));
		*mean = sums[0] / (double) sample.n;
	}
	env_free(env, sums);
	env_free(env, chosen);
	sample_free(env, &sample);
	return RECSYS_OK;
}
