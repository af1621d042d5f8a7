/*
 * topk.c
 *		The k best of a stream, in a binary heap with the worst at the root.
 */
#include "core/topk.h"

/* An empty heap over the caller's array. */
void
topk_init(Topk *topk, TopkItem *items, int k)
{
	topk->k = k;
	topk->n = 0;
	topk->items = items;
}

/* Puts item at place i or above it, moving better parents down. */
static void
sift_up(TopkItem *items, int i, TopkItem item)
{
	while (i > 0 && topk_better(items[(i - 1) / 2], item))
	{
		items[i] = items[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	items[i] = item;
}

/* Puts item at the root or below it in a heap of n, moving worse children up. */
static void
sift_down(TopkItem *items, int n, TopkItem item)
{
	int			i = 0;

	while (i < n / 2)
	{
		int			child = 2 * i + 1;

		if (child + 1 < n && topk_better(items[child], items[child + 1]))
			child++;
		if (!topk_better(item, items[child]))
			break;
		items[i] = items[child];
		i = child;
	}
	items[i] = item;
}

/* Adds an item that is known to belong to the k best so far. */
void
topk_offer_slow(Topk *topk, TopkItem item)
{
	if (topk->n < topk->k)
		sift_up(topk->items, topk->n++, item);
	else
		sift_down(topk->items, topk->n, item);
}

/* Best first: the worst goes behind the heap of the others, again and again. */
void
topk_sort(Topk *topk)
{
	for (int n = topk->n - 1; n > 0; n--)
	{
		TopkItem	worst = topk->items[0];

		sift_down(topk->items, n, topk->items[n]);
		topk->items[n] = worst;
	}
}
