/*
 * topk.h
 *		The k best of a stream, in a bounded heap: O(n log k) time, O(k) memory.
 *
 * Better is: a higher score, then a lower rank.  Ranks are distinct, so the
 * order is total and the answer does not depend on the order of arrival.  A
 * score may be infinite but not NaN.
 */
#ifndef CORE_TOPK_H
#define CORE_TOPK_H

#include <stdbool.h>
#include <stdint.h>

typedef struct TopkItem
{
	float		score;
	int32_t		rank;			/* tie-break: lower is better */
	int32_t		index;			/* what it is */
} TopkItem;

typedef struct Topk
{
	int			k;
	int			n;				/* items held, at most k */
	TopkItem   *items;			/* k of them, given by the caller; the worst first while filling */
} Topk;

extern void topk_init(Topk *topk, TopkItem *items, int k);	/* k may be 0 */
extern void topk_offer_slow(Topk *topk, TopkItem item);
extern void topk_sort(Topk *topk);	/* best first; ends filling */

/*
 * The k-th largest of n positive floats, 1 <= k <= n, in O(n); *n_equal: how many values equal to
 * it are among the k largest.
 */
extern float topk_threshold(const float *values, int32_t n, int32_t k, int32_t *n_equal);

/* Is a better than b? */
static inline bool
topk_better(TopkItem a, TopkItem b)
{
	return a.score > b.score || (a.score == b.score && a.rank < b.rank);
}

/* Offers an item; the common case, not good enough, is one comparison. */
static inline void
topk_offer(Topk *topk, float score, int32_t rank, int32_t index)
{
	TopkItem	item = {score, rank, index};

	if (topk->n < topk->k || (topk->k > 0 && topk_better(item, topk->items[0])))
		topk_offer_slow(topk, item);
}

#endif							/* CORE_TOPK_H */
