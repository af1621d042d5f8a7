/*
 * countsort.h
 *		Stable counting sort on several threads.
 *
 * n items, each with a column 0 .. n_cols - 1, are cut into pieces.  Each piece
 * is counted by itself; from the counts of all pieces follows where the items of
 * each piece go, so pieces can be moved at the same time.  A stable sort has one
 * result only: neither threads nor pieces can be seen in it.
 *
 * O(n + pieces * n_cols) time.  Pieces have COUNTSORT_PIECE items, more when
 * there are many columns; so the counters take at most 2 bytes an item beside
 * the first n_cols.  With too many columns for that there is one set of counters
 * and one thread.
 */
#ifndef CORE_COUNTSORT_H
#define CORE_COUNTSORT_H

#include "core/env.h"

#define COUNTSORT_PIECE (INT64_C(1) << 18)	/* items: a few milliseconds */
#define COUNTSORT_MAX_COLS (INT32_C(1) << 18)	/* columns counted by several threads */

/* What is sorted.  Both functions run in threads: they must not use the Env. */
typedef struct CountSort
{
	int64_t		n;
	int32_t		n_cols;
	/* counts[column]++ for items begin .. end - 1 */
	void		(*count) (void *arg, int64_t begin, int64_t end, int64_t *counts);
	/* moves items begin .. end - 1, in this order, to next[column]++ */
	void		(*place) (void *arg, int64_t begin, int64_t end, int64_t *next);
	void	   *arg;
} CountSort;

/*
 * Sorts, and sets the n_cols + 1 offsets: column c is at offsets[c] .. offsets[c + 1] - 1.
 * Polls for interrupts between pieces.
 */
extern RecsysStatus countsort(Env *env, const CountSort *sort, int64_t *offsets);

/* Bytes of the counters. */
extern size_t countsort_bytes(int64_t n, int32_t n_cols);

#endif							/* CORE_COUNTSORT_H */
