/*
 * embedding.c
 *		Tables of vectors learnt by mini-batch Adam.
 */
#include "core/embedding.h"

#include <string.h>

#include "core/parallel.h"
#include "core/rng.h"
#include "core/vector.h"

#define CHUNK_WORK 65536		/* floats stepped by one thread at a time: about .1 ms */
#define POLL_ROWS 1024
#define POLL_BYTES (INT64_C(4) << 20)	/* set to 0 between two polls */

/* Zeros, with looks at the cancel flag: tables of embeddings are what is largest. */
static void *
alloc_zero(Env *env, size_t n, size_t size)
{
	char	   *block = env_alloc(env, n, size);
	int64_t		bytes = (int64_t) (n * size);

	for (int64_t i = 0; block != NULL && i < bytes; i += POLL_BYTES)
	{
		if (env_interrupted(env))
			return NULL;
		memset(block + i, 0, (size_t) (bytes - i < POLL_BYTES ? bytes - i : POLL_BYTES));
	}
	return block;
}

/* Everything is zero; no row is named. */
RecsysStatus
embedding_init(Env *env, Embedding *table, int64_t n_rows, int width, int32_t n_samples)
{
	size_t		n = (size_t) n_rows;
	int64_t		most = n_rows < n_samples ? n_rows : n_samples;

	*table = (Embedding) {.n_rows = n_rows, .width = width};
	table->rows = alloc_zero(env, n, (size_t) width * sizeof(float));
	table->moments = alloc_zero(env, n, 2 * (size_t) width * sizeof(float));
	table->steps = alloc_zero(env, n, sizeof(int32_t));
	table->first = env_alloc(env, n, sizeof(int32_t));
	table->next = env_alloc(env, (size_t) n_samples, sizeof(int32_t));
	table->touched = env_alloc(env, (size_t) most, sizeof(int32_t));
	if (table->rows == NULL || table->moments == NULL || table->steps == NULL ||
		table->first == NULL || table->next == NULL || table->touched == NULL)
		return env->status;
	memset(table->first, 0xff, n * sizeof(int32_t));
	return RECSYS_OK;
}

/* Each row from a stream that its number gives. */
RecsysStatus
embedding_draw(Env *env, Embedding *table, int begin, int end, double std_dev,
			   uint64_t random_state, uint64_t stream)
{
	for (int64_t r = 0; r < table->n_rows; r++)
	{
		float	   *row = table->rows + r * table->width;
		Rng			rng;

		if (r % POLL_ROWS == 0 && env_interrupted(env))
			return env->status;
		rng_seed(&rng, random_state, hash_combine(stream, (uint64_t) r));
		for (int i = begin; i < end; i++)
			row[i] = (float) (std_dev * rng_normal(&rng));
	}
	return RECSYS_OK;
}

/* Chains the samples of each row, first sample first. */
static void
chain_samples(Embedding *table, const int32_t *ids, int32_t n)
{
	table->n_touched = 0;
	for (int32_t i = n - 1; i >= 0; i--)
	{
		int32_t    *first = &table->first[ids[i]];

		if (*first < 0)
			table->touched[table->n_touched++] = ids[i];
		table->next[i] = *first;
		*first = i;
	}
}

/* One call of embedding_step. */
typedef struct Step
{
	Embedding  *table;
	const Adam *adam;
	float	   *gradients;
} Step;

/* Steps some of the rows that are named, and forgets that they are; the first sample holds the sum. */
static RecsysStatus
step_rows(void *arg, int64_t begin, int64_t end, int worker)
{
	const Step *step = arg;
	Embedding  *table = step->table;
	int			width = table->width;

	(void) worker;
	for (int64_t t = begin; t < end; t++)
	{
		int64_t		row = table->touched[t];
		int32_t		sample = table->first[row];
		float	   *sum = step->gradients + (int64_t) sample * width;

		while ((sample = table->next[sample]) >= 0)
			vector_axpy(1, step->gradients + (int64_t) sample * width, sum, width);
		table->steps[row] += table->steps[row] < ADAM_STEPS;
		adam_step(table->rows + row * width, table->moments + row * 2 * width, sum, width,
				  adam_rate(step->adam, table->steps[row]));
		table->first[row] = -1;
	}
	return RECSYS_OK;
}

/* Gradients are added up in place. */
RecsysStatus
embedding_step(Env *env, Embedding *table, const Adam *adam, const int32_t *ids, int32_t n,
			   float *gradients)
{
	Step		step = {table, adam, gradients};
	int64_t		samples = CHUNK_WORK / table->width;

	/* Rows that have about so many samples together. */
	chain_samples(table, ids, n);
	return parallel_for(env, table->n_touched, samples * table->n_touched / n + 1, step_rows, &step,
						false);
}

/* In double, in the order of rows. */
RecsysStatus
embedding_mean(Env *env, const Embedding *table, float *mean)
{
	double	   *sums = env_alloc_zero(env, (size_t) table->width, sizeof(double));
	int64_t		n = 0;

	if (sums == NULL)
		return env->status;
	for (int64_t r = 0; r < table->n_rows; r++)
	{
		const float *row = table->rows + r * table->width;

		if (r % POLL_ROWS == 0 && env_interrupted(env))
			return env->status;
		for (int i = 0; table->steps[r] > 0 && i < table->width; i++)
			sums[i] += (double) row[i];
		n += table->steps[r] > 0;
	}
	for (int i = 0; i < table->width; i++)
		mean[i] = n > 0 ? (float) (sums[i] / (double) n) : 0;
	env_free(env, sums);
	return RECSYS_OK;
}

/* What was drawn for them means nothing. */
RecsysStatus
embedding_clear_untrained(Env *env, Embedding *table)
{
	for (int64_t r = 0; r < table->n_rows; r++)
	{
		if (r % POLL_ROWS == 0 && env_interrupted(env))
			return env->status;
		if (table->steps[r] == 0)
			memset(table->rows + r * table->width, 0, (size_t) table->width * sizeof(float));
	}
	return RECSYS_OK;
}

/* The rows are what was learnt. */
void
embedding_free_training(Env *env, Embedding *table)
{
	env_free(env, table->moments);
	env_free(env, table->steps);
	env_free(env, table->first);
	env_free(env, table->next);
	env_free(env, table->touched);
}

/* The blocks of embedding_init. */
double
embedding_bytes(double n_rows, double width, double n_samples)
{
	double		most = n_rows < n_samples ? n_rows : n_samples;

	return n_rows * (width * 12 + 8) + n_samples * 4 + most * 4 + 6 * ENV_BLOCK_OVERHEAD;
}
