/*
 * knn_common.c
 *		Small parts of method knn that both of its halves need.
 */
#include "core/knn_common.h"

#include <math.h>
#include <string.h>

#include "core/neighbors_kernels.h"

/* Takes count * size bytes of scratch memory, at a 64-byte boundary. */
static void *
take(char *memory, size_t *bytes, size_t count, size_t size)
{
	void	   *part = memory == NULL ? NULL : memory + *bytes;

	*bytes += (count * size + 63) / 64 * 64;
	return part;
}

/* Cuts scratch memory into its parts; memory may be NULL to learn the size. */
KnnScratch
knn_scratch(const Recommender *rec, void *memory)
{
	const KnnParams *params = rec->params;
	const KnnState *state = rec->state;
	size_t		n_users = params->user_based ? (size_t) state->rows.n_rows : 0;
	size_t		sums_bytes = pair_sums_bytes(similarity_sums(params->similarity));
	KnnScratch	scratch = {0};

	scratch.sums = take(memory, &scratch.bytes, n_users, sums_bytes);
	scratch.touched = take(memory, &scratch.bytes, n_users, sizeof(int32_t));
	scratch.heap = take(memory, &scratch.bytes, (size_t) params->neighbors, sizeof(TopkItem));
	scratch.a = take(memory, &scratch.bytes, (size_t) rec->n_courses, sizeof(float));
	scratch.b = take(memory, &scratch.bytes, (size_t) rec->n_courses, sizeof(float));
	return scratch;
}

/* Does the similarity see aged ratings? */
bool
knn_ages(const TrainingSet *set, const KnnParams *params)
{
	return similarity_ages(params->similarity) && !isnan(params->common.half_life) &&
		set->by_user.times != NULL;
}

/* One pass. */
RecsysStatus
knn_total(Env *env, const TrainingSet *set, const KnnParams *params, double *total)
{
	const Csr  *rows = &set->by_user;
	bool		ages = knn_ages(set, params);

	*total = 0;
	for (int32_t u = 0; u < rows->n_rows; u++)
	{
		if (env_interrupted(env))
			return env->status;
		for (int64_t e = rows->offsets[u]; e < rows->offsets[u + 1]; e++)
			*total += rows->values[e] * (ages ? age_weight(rows->times[e], set->summary.last_time,
														   params->common.half_life) : 1);
	}
	return RECSYS_OK;
}

/* Mean and, for z-scores, population standard deviation of a row; a row without ratings is 0, 1. */
void
knn_center_row(KnnRating mode, SparseRow row, double overall_scale, float *center, float *scale)
{
	double		sum = 0;
	double		squares = 0;
	double		mean;

	*center = 0;
	*scale = 1;
	if (mode == KNN_RAW || row.n == 0)
		return;
	for (int64_t e = 0; e < row.n; e++)
		sum += row.values[e];
	mean = sum / (double) row.n;
	*center = (float) mean;
	if (mode != KNN_ZSCORE)
		return;
	for (int64_t e = 0; e < row.n; e++)
		squares += (row.values[e] - mean) * (row.values[e] - mean);
	*scale = (float) sqrt(squares / (double) row.n);
	if (*scale < 1e-6f)
		*scale = (float) overall_scale;
}

/* Population standard deviation of all values; 1 when there is none. */
static double
overall_deviation(const Csr *rows, double mean)
{
	double		squares = 0;
	double		deviation;

	for (int64_t e = 0; e < rows->n_entries; e++)
		squares += (rows->values[e] - mean) * (rows->values[e] - mean);
	deviation = rows->n_entries > 0 ? sqrt(squares / (double) rows->n_entries) : 0;
	return deviation > 1e-6 ? deviation : 1;
}

/* All rows of a matrix. */
RecsysStatus
knn_center_rows(Env *env, KnnRating mode, const Csr *rows, double mean, const float *bias,
				KnnCenters *centers)
{
	centers->overall_scale = mode == KNN_ZSCORE ? overall_deviation(rows, mean) : 1;
	centers->center = env_alloc(env, (size_t) rows->n_rows, sizeof(float));
	centers->scale = env_alloc(env, (size_t) rows->n_rows, sizeof(float));
	if (centers->center == NULL || centers->scale == NULL)
		return env->status;
	for (int32_t i = 0; i < rows->n_rows; i++)
	{
		if (env_interrupted(env))
			return env->status;
		if (mode == KNN_BASELINE)
		{
			centers->center[i] = (float) (mean + bias[i]);
			centers->scale[i] = 1;
		}
		else
			knn_center_row(mode, sparse_row(rows, i), centers->overall_scale,
						   &centers->center[i], &centers->scale[i]);
	}
	return RECSYS_OK;
}
