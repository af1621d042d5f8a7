/*
 * test_score_kernels.c: passes over scores against plain loops.
 */
#include <float.h>
#include <math.h>

#include "core/rng.h"
#include "core/score_kernels.h"
#include "unit.h"

#define N 131

/* The same to everything. */
static void
test_start(void)
{
	float		scores[] = {7, 7, 7};
	float		added[] = {1, -INFINITY, 3};

	scores_start(scores, added, .5f, 2);
	CHECK(scores[0] == 1.5f && scores[1] == -INFINITY && scores[2] == 7);
}

/* Sums, with what is no finite number as no opinion; the score behind the last is left alone. */
static void
test_finish(void)
{
	float		scores[] = {1, 2, 3e38f, NAN, INFINITY, -3, 0, 9};
	float		added[] = {.5f, -INFINITY, 3e38f, 0, 0, 1, 0, 1};

	scores_finish(scores, added, 7);
	CHECK(scores[0] == 1.5f && scores[5] == -2 && scores[6] == 0);
	for (int c = 1; c <= 4; c++)
		CHECK(scores[c] == -INFINITY);
	CHECK(scores[7] == 9);
}

/* The first score from begin on that reaches a bound, found one by one. */
static int32_t
plain_next(const float *scores, int32_t begin, int32_t end, float least)
{
	while (begin < end && !(scores[begin] >= least))
		begin++;
	return begin;
}

/* From every place, for bounds that many, few and none reach, among NaN and no opinion. */
static void
test_next(void)
{
	float		bounds[] = {-FLT_MAX, 0, 2, 2.5f, 100, INFINITY, NAN};
	float		scores[N];
	Rng			rng;

	rng_seed(&rng, 1, 2);
	for (int c = 0; c < N; c++)
		scores[c] = c % 11 == 0 ? -INFINITY : c % 13 == 0 ? NAN : (float) rng_normal(&rng);
	scores[64] = bounds[3];
	for (int b = 0; b < (int) (sizeof(bounds) / sizeof(bounds[0])); b++)
		for (int32_t begin = 0; begin <= N; begin++)
			for (int32_t end = begin; end <= N; end++)
				CHECK_EQ_INT(scores_next(scores, begin, end, bounds[b]),
							 plain_next(scores, begin, end, bounds[b]));
}

/* Runs the tests. */
int
main(void)
{
	RUN(test_start);
	RUN(test_finish);
	RUN(test_next);
	return unit_done();
}
