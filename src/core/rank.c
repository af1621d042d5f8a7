/*
 * rank.c
 *		The best courses of an array of scores.
 *
 * One pass over the scores with a bounded heap, O(courses log n) at worst and
 * a share of a comparison a course usually; then, when rows are missing, one pass over
 * the courses by popularity that ends with the last row wanted.
 */
#include <float.h>

#include "core/method.h"
#include "core/score_kernels.h"
#include "core/topk.h"

/* May the course be recommended at all? */
static bool
is_allowed(const RankOptions *options, int32_t course)
{
	return options->allowed == NULL || options->allowed[course] != 0;
}

/* Has the method an opinion?  Not when it is NaN either. */
static bool
is_scored(float score)
{
	return score > NO_OPINION;
}

/* The best scores; returns how many there are. */
static int
rank_scored(const Recommender *rec, const float *scores, const RankOptions *options,
			TopkItem *heap, Ranked *ranked)
{
	/* Below it nothing can enter: no opinion, under the threshold, or worse than all n held. */
	float		least = isnan(options->threshold) ? -FLT_MAX : options->threshold;
	Topk		topk;

	topk_init(&topk, heap, options->n);
	for (int32_t c = scores_next(scores, 0, rec->n_courses, least); c < rec->n_courses;
		 c = scores_next(scores, c + 1, rec->n_courses, least))
	{
		if (!is_scored(scores[c]) || !is_allowed(options, c))
			continue;
		topk_offer(&topk, scores[c], rec->popularity_rank[c], c);
		if (topk.n == topk.k)
			least = heap[0].score;
	}
	topk_sort(&topk);
	for (int i = 0; i < topk.n; i++)
	{
		ranked[i] = (Ranked) {heap[i].index, heap[i].score, 0};
	}
	return topk.n;
}

/* Appends courses without a score until there are enough; returns how many there are then. */
static int
fill_popular(const Recommender *rec, const float *scores, const RankOptions *options,
			 int n_ranked, Ranked *ranked)
{
	for (int32_t i = 0; i < rec->n_courses && n_ranked < options->n; i++)
	{
		int32_t		course = rec->popularity_order[i];

		if (!is_scored(scores[course]) && is_allowed(options, course))
		{
			ranked[n_ranked++] = (Ranked) {course, NO_OPINION, 0};
		}
	}
	return n_ranked;
}

/* Scored courses, then popular ones. */
int
recommender_rank(const Recommender *rec, const float *scores, const RankOptions *options,
				 TopkItem *heap, Ranked *ranked)
{
	int			n_ranked;

	if (options->n <= 0)
		return 0;
	n_ranked = rank_scored(rec, scores, options, heap, ranked);
	if (options->fill && isnan(options->threshold))
		n_ranked = fill_popular(rec, scores, options, n_ranked, ranked);
	return n_ranked;
}
