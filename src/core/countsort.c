/*
 * countsort.c
 *		Stable counting sort on several threads.
 */
#include "core/countsort.h"

#include <string.h>

#include "core/parallel.h"

#define POLL_COLS (1 << 16)		/* columns summed up between two looks at the cancel flag */

/* One run; function is count or place. */
typedef struct Run
{
	const CountSort *sort;
	int64_t		piece;			/* items of a piece */
	int64_t		n_pieces;
	int64_t		n_sets;			/* sets of counters: one a piece, or one for all */
	int64_t    *counters;		/* n_sets x n_cols */
	void		(*function) (void *arg, int64_t begin, int64_t end, int64_t *counters);
} Run;

/* Cuts the items into pieces. */
static Run
cut(const CountSort *sort)
{
	Run			run = {.sort = sort, .piece = COUNTSORT_PIECE};
	bool		many = sort->n_cols > COUNTSORT_MAX_COLS;

	if (!many && run.piece < 4 * (int64_t) sort->n_cols)
		run.piece = 4 * (int64_t) sort->n_cols;
	run.n_pieces = sort->n <= 0 ? 1 : (sort->n - 1) / run.piece + 1;
	run.n_sets = many ? 1 : run.n_pieces;
	return run;
}

/* Bytes of the counters: n_sets times n_cols is at most n / 4 + n_cols. */
size_t
countsort_bytes(int64_t n, int32_t n_cols)
{
	CountSort	sort = {.n = n, .n_cols = n_cols};
	Run			run = cut(&sort);

	return (size_t) run.n_sets * (size_t) n_cols * sizeof(int64_t) + ENV_BLOCK_OVERHEAD;
}

/* Counts or places pieces begin .. end - 1. */
static RecsysStatus
run_pieces(void *arg, int64_t begin, int64_t end, int worker)
{
	Run		   *run = arg;

	(void) worker;
	for (int64_t p = begin; p < end; p++)
	{
		int64_t		first = p * run->piece;
		int64_t		past = run->sort->n - first < run->piece ? run->sort->n : first + run->piece;
		int64_t		set = run->n_sets == 1 ? 0 : p;

		run->function(run->sort->arg, first, past, run->counters + set * run->sort->n_cols);
	}
	return RECSYS_OK;
}

/* Counts or places all pieces; in order when they share their counters. */
static RecsysStatus
run_all(Env *env, Run *run)
{
	if (run->n_sets == run->n_pieces)
		return parallel_for(env, run->n_pieces, 1, run_pieces, run, false);
	for (int64_t p = 0; p < run->n_pieces; p++)
	{
		if (env_interrupted(env))
			return env->status;
		run_pieces(run, p, p + 1, 0);
	}
	return RECSYS_OK;
}

/* Turns the counts into the place of each set's first item of each column. */
static RecsysStatus
sum_up(Env *env, Run *run, int64_t *offsets)
{
	int32_t		n_cols = run->sort->n_cols;
	int64_t		place = 0;

	for (int32_t c = 0; c < n_cols; c++)
	{
		if (c % POLL_COLS == 0 && env_interrupted(env))
			return env->status;
		offsets[c] = place;
		for (int64_t s = 0; s < run->n_sets; s++)
		{
			int64_t		count = run->counters[s * n_cols + c];

			run->counters[s * n_cols + c] = place;
			place += count;
		}
	}
	offsets[n_cols] = place;
	return RECSYS_OK;
}

/* Counts, sums up, places. */
static RecsysStatus
run_sort(Env *env, Run *run, int64_t *offsets)
{
	run->function = run->sort->count;
	TRY(run_all(env, run));
	TRY(sum_up(env, run, offsets));
	run->function = run->sort->place;
	return run_all(env, run);
}

/* Sorts with counters of its own. */
RecsysStatus
countsort(Env *env, const CountSort *sort, int64_t *offsets)
{
	Run			run = cut(sort);
	RecsysStatus status;

	run.counters = env_alloc_zero(env, (size_t) run.n_sets * (size_t) sort->n_cols,
								  sizeof(int64_t));
	if (run.counters == NULL)
		return env->status;
	status = run_sort(env, &run, offsets);
	env_free(env, run.counters);
	return status;
}
