/*
 * factor_sums.c
 *		Sums over factor matrices, as alternating and gradient methods need them.
 */
#include "core/factor_sums.h"

#include <math.h>
#include <string.h>

#include "core/parallel.h"
#include "core/spd.h"

#define CHUNK_FLOATS (1 << 17)	/* of a chunk of rows whose products one thread adds up */
#define GROUP_CHUNKS 16			/* chunks whose sums are held at a time */
#define POLL_VALUES (1 << 20)	/* values checked between two polls for interrupts */

/* One group of chunks. */
typedef struct GramRun
{
	const float *x;
	int			k;
	int64_t		chunk;			/* rows */
	float	   *sums;			/* k x k for each chunk of the group */
} GramRun;

/* Rows of a chunk: depends on k alone. */
static int64_t
chunk_rows(int k)
{
	return CHUNK_FLOATS / k;
}

/* Chunks of a full group, fewer for few rows. */
static int64_t
group_chunks(int64_t n_rows, int k)
{
	int64_t		n = (n_rows + chunk_rows(k) - 1) / chunk_rows(k);

	return n < GROUP_CHUNKS ? n : GROUP_CHUNKS;
}

/* ParallelFunction: the sum of one chunk of rows. */
static RecsysStatus
add_chunk(void *arg, int64_t begin, int64_t end, int worker)
{
	const GramRun *run = arg;
	size_t		square = (size_t) run->k * (size_t) run->k;
	float	   *sum = run->sums + (size_t) (begin / run->chunk) * square;

	(void) worker;
	memset(sum, 0, square * sizeof(float));
	gram_add_dense(run->x + (size_t) begin * (size_t) run->k, end - begin, run->k, sum, run->k);
	return RECSYS_OK;
}

/* total += the sums of the group, in the order of its chunks. */
static void
add_group(const float *sums, int64_t n_chunks, size_t square, double *total)
{
	for (int64_t c = 0; c < n_chunks; c++)
		for (size_t i = 0; i < square; i++)
			total[i] += sums[(size_t) c * square + i];
}

/* The sums of the groups, one group after the other. */
static RecsysStatus
sum_groups(Env *env, GramRun *run, int64_t n_rows, double *total)
{
	size_t		square = (size_t) run->k * (size_t) run->k;
	const float *all = run->x;

	for (int64_t row = 0; row < n_rows; row += GROUP_CHUNKS * run->chunk)
	{
		int64_t		n = n_rows - row;

		if (n > GROUP_CHUNKS * run->chunk)
			n = GROUP_CHUNKS * run->chunk;
		run->x = all + (size_t) row * (size_t) run->k;
		TRY(parallel_for(env, n, run->chunk, add_chunk, run, false));
		add_group(run->sums, (n + run->chunk - 1) / run->chunk, square, total);
	}
	return RECSYS_OK;
}

/* Bytes of the sums. */
double
factor_gram_bytes(int64_t n_rows, int k)
{
	return (double) k * k * ((double) group_chunks(n_rows, k) * sizeof(float) + sizeof(double)) +
		2 * ENV_BLOCK_OVERHEAD;
}

/* Groups of chunks keep the memory small however many rows there are. */
RecsysStatus
factor_gram(Env *env, const float *x, int64_t n_rows, int k, float *gram)
{
	size_t		square = (size_t) k * (size_t) k;
	GramRun		run = {.x = x, .k = k, .chunk = chunk_rows(k)};
	double	   *total = env_alloc_zero(env, square, sizeof(double));

	run.sums = env_alloc(env, (size_t) group_chunks(n_rows, k) * square, sizeof(float));
	if (total == NULL || run.sums == NULL)
		return env->status;
	TRY(sum_groups(env, &run, n_rows, total));
	for (size_t i = 0; i < square; i++)
		gram[i] = (float) total[i];
	factor_mirror(gram, k);
	env_free(env, run.sums);
	env_free(env, total);
	return RECSYS_OK;
}

/* a[i][j] = a[j][i] for i < j. */
void
factor_mirror(float *a, int k)
{
	for (int i = 1; i < k; i++)
		for (int j = 0; j < i; j++)
			a[(size_t) j * (size_t) k + (size_t) i] = a[(size_t) i * (size_t) k + (size_t) j];
}

/* One pass, a block of values between two polls. */
RecsysStatus
factor_check(Env *env, const float *x, int64_t n, const char *hint)
{
	for (int64_t begin = 0; begin < n; begin += POLL_VALUES)
	{
		int64_t		end = begin + POLL_VALUES < n ? begin + POLL_VALUES : n;
		bool		finite = true;

		if (env_interrupted(env))
			return env->status;
		for (int64_t i = begin; i < end; i++)
			finite &= isfinite(x[i]) != 0;
		if (!finite)
		{
			env_fail(env, RECSYS_NOT_CONVERGED, "training diverged: factors are no longer finite");
			return env_hint(env, "%s", hint);
		}
	}
	return RECSYS_OK;
}
