/*
 * test_topk.c: the k best against a full sort.
 */
#include <math.h>
#include <stdlib.h>

#include "core/rng.h"
#include "core/topk.h"
#include "unit.h"

/* Order for qsort: best first. */
static int
compare_items(const void *a, const void *b)
{
	TopkItem	x = *(const TopkItem *) a;
	TopkItem	y = *(const TopkItem *) b;

	if (x.score != y.score)
		return x.score > y.score ? -1 : 1;
	return (x.rank > y.rank) - (x.rank < y.rank);
}

/* n items with few distinct scores, some infinite, and ranks that are a shuffled 0 .. n - 1. */
static void
random_items(TopkItem *items, int n, uint64_t distinct)
{
	Rng			rng;

	rng_seed(&rng, (uint64_t) n, distinct);
	for (int i = 0; i < n; i++)
	{
		int			j = (int) rng_below(&rng, (uint64_t) i + 1);
		float		score = (float) rng_below(&rng, distinct);

		items[i] = (TopkItem) {score == 0 ? -INFINITY : score, 0, 10 * i};
		items[i].rank = items[j].rank;
		items[j].rank = i;
	}
}

/* Offers n items to a heap of k and compares with sorting them all. */
static void
check_best(int n, int k, uint64_t distinct)
{
	TopkItem   *all = malloc(((size_t) n + 1) * sizeof(TopkItem));
	TopkItem   *best = malloc(((size_t) k + 1) * sizeof(TopkItem));
	Topk		topk;

	random_items(all, n, distinct);
	topk_init(&topk, best, k);
	for (int i = 0; i < n; i++)
		topk_offer(&topk, all[i].score, all[i].rank, all[i].index);
	topk_sort(&topk);
	qsort(all, (size_t) n, sizeof(TopkItem), compare_items);
	CHECK_EQ_INT(topk.n, k < n ? k : n);
	for (int i = 0; i < topk.n; i++)
		CHECK(best[i].index == all[i].index && best[i].rank == all[i].rank &&
			  best[i].score == all[i].score);
	free(all);
	free(best);
}

/* Heaps of every size up to 40 for streams shorter and longer than they are. */
static void
test_sizes(void)
{
	for (int n = 0; n <= 60; n++)
		for (int k = 0; k <= 40; k++)
		{
			check_best(n, k, 1000);
			check_best(n, k, 4);
		}
}

/* A long stream, with many ties and with few. */
static void
test_long(void)
{
	check_best(100000, 10, 50);
	check_best(100000, 1000, 1000000);
	check_best(100000, 99999, 1000);
}

/* Equal scores are taken by rank, whatever the order of arrival. */
static void
test_ties(void)
{
	TopkItem	items[2];
	Topk		topk;

	topk_init(&topk, items, 2);
	topk_offer(&topk, 1, 3, 30);
	topk_offer(&topk, 1, 1, 10);
	topk_offer(&topk, 1, 2, 20);
	topk_sort(&topk);
	CHECK(items[0].index == 10 && items[1].index == 20);
}

/* The k-th largest of n values and how many of its like are above, against counting. */
static void
check_threshold(uint64_t seed, int n, int n_distinct, float scale)
{
	float	   *values = malloc((size_t) n * sizeof(float));
	Rng			rng;

	rng_seed(&rng, seed, 0);
	for (int i = 0; i < n; i++)
		values[i] = scale * (float) (1 + rng_below(&rng, (uint32_t) n_distinct));
	for (int k = 1; k <= n; k += 1 + k / 7)
	{
		int32_t		n_equal;
		float		threshold = topk_threshold(values, n, k, &n_equal);
		int			n_above = 0;
		int			n_same = 0;

		for (int i = 0; i < n; i++)
		{
			n_above += values[i] > threshold;
			n_same += values[i] == threshold;
		}
		CHECK(n_above < k && n_above + n_same >= k);
		CHECK_EQ_INT(n_equal, k - n_above);
	}
	free(values);
}

/* Few and many ties, large and tiny values, infinity. */
static void
test_threshold(void)
{
	float		extremes[] = {INFINITY, 1e-45f, 1e38f, INFINITY};
	int32_t		n_equal;

	for (int n = 1; n <= 40; n++)
	{
		check_threshold((uint64_t) n, n, 3, 0.1f);
		check_threshold((uint64_t) n, n, 1000000, 1e-40f);
	}
	check_threshold(1, 5000, 100, 1);
	check_threshold(2, 5000, 1000000000, 1e-7f);
	CHECK(topk_threshold(extremes, 4, 2, &n_equal) == INFINITY && n_equal == 2);
	CHECK(topk_threshold(extremes, 4, 3, &n_equal) == 1e38f && n_equal == 1);
	CHECK(topk_threshold(extremes, 4, 4, &n_equal) == 1e-45f && n_equal == 1);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_sizes);
	RUN(test_long);
	RUN(test_ties);
	RUN(test_threshold);
	return unit_done();
}
