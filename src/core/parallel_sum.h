/*
 * parallel_sum.h
 *		Adds up vectors over 0 .. n - 1 on several threads, with one result whatever their number.
 *
 * Items are cut into chunks whose size depends on the problem alone.  Each chunk adds into zeros of its
 * own, and the sums of chunks are added in the order of chunks.  A round of at most SUM_ROUND chunks is
 * held at a time, so that memory does not grow with n.
 */
#ifndef CORE_PARALLEL_SUM_H
#define CORE_PARALLEL_SUM_H

#include "core/env.h"

#define SUM_ROUND 16			/* chunks held at a time */

/* Adds items begin .. end - 1 to sums; may write what belongs to these items only.  No Env in here. */
typedef void (*SumFunction) (void *arg, int64_t begin, int64_t end, double *sums);

/*
 * totals[0 .. width - 1] = the sums over all n items.  work is about how many multiplications an item
 * takes; it sets the size of a chunk (about a millisecond).  Takes parallel_sum_bytes(width).
 */
extern RecsysStatus parallel_sum(Env *env, int64_t n, int64_t width, int64_t work,
								 SumFunction function, void *arg, double *totals);

/* Bytes held while it runs. */
extern double parallel_sum_bytes(int64_t width);

#endif							/* CORE_PARALLEL_SUM_H */
