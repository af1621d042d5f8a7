/*
 * score_kernels.c
 *		Passes over the scores of all courses.
 *
 * Few courses are good enough to be looked at one by one: the others are passed over
 * BLOCK at a time, by one comparison.
 */
#include "core/score_kernels.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

#include "core/vector.h"

#define BLOCK 32				/* scores looked at together */

/* One pass. */
CLONES void
scores_start(float *restrict scores, const float *restrict added, float own, int32_t n)
{
	for (int32_t c = 0; c < n; c++)
		scores[c] = added[c] + own;
}

/* One pass, without branches. */
CLONES void
scores_finish(float *restrict scores, const float *restrict added, int32_t n)
{
	for (int32_t c = 0; c < n; c++)
	{
		float		score = scores[c] + added[c];

		scores[c] = score >= -FLT_MAX && score <= FLT_MAX ? score : -INFINITY;
	}
}

/* Is one of BLOCK scores at least `least`?  NaN is not. */
static inline __attribute__((always_inline)) bool
any_reaches(const float *scores, float least)
{
	int			n = 0;

	for (int i = 0; i < BLOCK; i++)
		n |= scores[i] >= least;
	return n != 0;
}

/* Whole blocks, then one by one. */
CLONES int32_t
scores_next(const float *scores, int32_t begin, int32_t end, float least)
{
	int32_t		c = begin;

	while (c + BLOCK <= end && !any_reaches(scores + c, least))
		c += BLOCK;
	while (c < end && !(scores[c] >= least))
		c++;
	return c;
}
