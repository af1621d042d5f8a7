/*
 * parallel_sum.c
 *		Adds up vectors over 0 .. n - 1 on several threads.
 */
#include "core/parallel_sum.h"

#include <string.h>

#include "core/parallel.h"

#define CHUNK_WORK (INT64_C(1) << 20)	/* multiplications of a chunk, about */
#define CHUNK_MIN INT64_C(16)	/* items */
#define CHUNK_MAX INT64_C(8192)

/* One round. */
typedef struct Round
{
	SumFunction function;
	void	   *arg;
	int64_t		first;			/* item */
	int64_t		chunk;
	int64_t		width;
	double	   *sums;			/* SUM_ROUND x width */
} Round;

/* One chunk of a round; begin counts from its first item. */
static RecsysStatus
sum_chunk(void *arg, int64_t begin, int64_t end, int worker)
{
	const Round *round = arg;
	double	   *sums = round->sums + begin / round->chunk * round->width;

	(void) worker;
	memset(sums, 0, (size_t) round->width * sizeof(double));
	round->function(round->arg, round->first + begin, round->first + end, sums);
	return RECSYS_OK;
}

/* Items of a chunk. */
static int64_t
chunk_items(int64_t work)
{
	int64_t		items = CHUNK_WORK / (work > 1 ? work : 1);

	return items < CHUNK_MIN ? CHUNK_MIN : items > CHUNK_MAX ? CHUNK_MAX : items;
}

/* totals += the sums of n_chunks chunks, in their order. */
static void
add_chunks(const Round *round, int64_t n_chunks, double *totals)
{
	for (int64_t c = 0; c < n_chunks; c++)
		for (int64_t i = 0; i < round->width; i++)
			totals[i] += round->sums[c * round->width + i];
}

/* Round after round. */
RecsysStatus
parallel_sum(Env *env, int64_t n, int64_t width, int64_t work, SumFunction function, void *arg,
			 double *totals)
{
	Round		round = {.function = function, .arg = arg, .chunk = chunk_items(work), .width = width};
	int64_t		step = round.chunk * SUM_ROUND;

	round.sums = env_alloc(env, (size_t) width, SUM_ROUND * sizeof(double));
	if (round.sums == NULL)
		return env->status;
	memset(totals, 0, (size_t) width * sizeof(double));
	for (; round.first < n; round.first += step)
	{
		int64_t		items = n - round.first < step ? n - round.first : step;

		TRY(parallel_for(env, items, round.chunk, sum_chunk, &round, false));
		add_chunks(&round, (items - 1) / round.chunk + 1, totals);
	}
	env_free(env, round.sums);
	return RECSYS_OK;
}

/* The sums of a round. */
double
parallel_sum_bytes(int64_t width)
{
	return (double) width * SUM_ROUND * sizeof(double) + ENV_BLOCK_OVERHEAD;
}
