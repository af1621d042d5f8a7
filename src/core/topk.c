/*
 * topk.c
 *		The k best of a stream, in a binary heap with the worst at the root.
 */
#include "core/topk.h"

#include <string.h>

#define DIGIT_BITS 11			/* of a positive float, whose 31 bits have the order of its values */
#define N_DIGITS (1 << DIGIT_BITS)

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

/* The bits of a float. */
static inline uint32_t
float_bits(float value)
{
	uint32_t	bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

/* Digit by digit: counts those of the values that agree in the digits before, and steps down to the k-th. */
float
topk_threshold(const float *values, int32_t n, int32_t k, int32_t *n_equal)
{
	uint32_t	known = 0;		/* the digits found, and which bits they are */
	uint32_t	mask = 0;
	float		threshold;

	for (int shift = 2 * DIGIT_BITS; shift >= 0; shift -= DIGIT_BITS)
	{
		int32_t		counts[N_DIGITS] = {0};
		uint32_t	digit = N_DIGITS - 1;

		for (int32_t i = 0; i < n; i++)
		{
			uint32_t	bits = float_bits(values[i]);

			counts[(bits >> shift) % N_DIGITS] += (bits & mask) == known;
		}
		for (; k > counts[digit]; digit--)
			k -= counts[digit];
		known |= digit << shift;
		mask |= (uint32_t) (N_DIGITS - 1) << shift;
	}
	*n_equal = k;
	memcpy(&threshold, &known, sizeof(threshold));
	return threshold;
}
