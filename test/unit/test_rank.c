/*
 * test_rank.c: ranking against sorting everything.
 */
#include "core/method.h"
#include "core/topk.h"
#include "test_env.h"
#include "test_set.h"
#include "unit.h"

#define N_COURSES 200

/* Scores and ranks that the comparison for qsort uses. */
static float scores[N_COURSES];
static int32_t popularity_order[N_COURSES];
static int32_t popularity_rank[N_COURSES];
static uint8_t allowed[N_COURSES];

/* A recommender of n courses as far as ranking looks at it. */
static Recommender
make_recommender(Rng *rng, int32_t n)
{
	Recommender rec = {.n_courses = n, .popularity_order = popularity_order,
	.popularity_rank = popularity_rank};

	for (int32_t i = 0; i < n; i++)
		popularity_order[i] = i;
	for (int32_t i = n - 1; i > 0; i--)
	{
		int32_t		j = (int32_t) rng_below(rng, (uint64_t) i + 1);
		int32_t		course = popularity_order[i];

		popularity_order[i] = popularity_order[j];
		popularity_order[j] = course;
	}
	for (int32_t i = 0; i < n; i++)
		popularity_rank[popularity_order[i]] = i;
	return rec;
}

/* Few distinct scores, so many ties; some courses without a score, some forbidden. */
static void
make_scores(Rng *rng, int32_t n)
{
	static const float some[] = {NO_OPINION, NAN, -2, 0, 0.5f, 1, 3, INFINITY};

	for (int32_t i = 0; i < n; i++)
	{
		scores[i] = some[rng_below(rng, 8)];
		allowed[i] = rng_below(rng, 3) > 0;
	}
}

/* NO_OPINION also for NaN. */
static float
opinion(int32_t course)
{
	return isnan(scores[course]) ? NO_OPINION : scores[course];
}

/* qsort: a higher score first, then the more popular course. */
static int
compare_courses(const void *a, const void *b)
{
	int32_t		x = *(const int32_t *) a;
	int32_t		y = *(const int32_t *) b;

	if (opinion(x) != opinion(y))
		return opinion(x) > opinion(y) ? -1 : 1;
	return popularity_rank[x] - popularity_rank[y];
}

/* Sorts all courses that may be in the answer; returns how many the answer has. */
static int
naive_rank(int32_t n_courses, const RankOptions *options, int32_t *courses)
{
	int			n = 0;

	for (int32_t c = 0; c < n_courses; c++)
	{
		bool		scored = opinion(c) != NO_OPINION;

		if (options->allowed != NULL && !options->allowed[c])
			continue;
		if (!isnan(options->threshold) ? scored && opinion(c) >= options->threshold :
			scored || options->fill)
			courses[n++] = c;
	}
	qsort(courses, (size_t) n, sizeof(int32_t), compare_courses);
	return n < options->n ? n : options->n;
}

/* One comparison with the naive version; heap and result have room for n_courses only. */
static void
check_rank(const Recommender *rec, const RankOptions *options)
{
	TopkItem   *heap = malloc(sizeof(TopkItem) * (size_t) rec->n_courses);
	Ranked	   *ranked = malloc(sizeof(Ranked) * (size_t) rec->n_courses);
	int32_t		expected[N_COURSES];
	int			n_expected = naive_rank(rec->n_courses, options, expected);
	int			n = recommender_rank(rec, scores, options, heap, ranked);
	int			bad = 0;

	CHECK_EQ_INT(n, n_expected);
	for (int i = 0; i < n && n == n_expected; i++)
	{
		bad += ranked[i].course != expected[i];
		bad += ranked[i].score != opinion(expected[i]);
	}
	CHECK_EQ_INT(bad, 0);
	free(heap);
	free(ranked);
}

/* Random scores and options. */
static void
test_oracle(void)
{
	static const float thresholds[] = {NAN, NAN, 0.5f, 0.6f, -INFINITY, INFINITY};
	Rng			rng;

	rng_seed(&rng, 11, 0);
	for (int i = 0; i < 2000; i++)
	{
		Recommender rec = make_recommender(&rng, 1 + (int32_t) rng_below(&rng, N_COURSES));
		RankOptions options;

		make_scores(&rng, rec.n_courses);
		options.n = 1 + (int) rng_below(&rng, i % 4 == 0 ? 2 * N_COURSES : 12);
		options.threshold = thresholds[rng_below(&rng, 6)];
		options.fill = rng_below(&rng, 2) == 0;
		options.allowed = rng_below(&rng, 2) == 0 ? allowed : NULL;
		check_rank(&rec, &options);
	}
}

/* Nothing wanted, nothing allowed. */
static void
test_nothing(void)
{
	static const uint8_t none[N_COURSES];
	RankOptions options = {.n = 0, .threshold = NAN, .fill = true};
	TopkItem	heap[4];
	Ranked		ranked[4];
	Recommender rec;
	Rng			rng;

	rng_seed(&rng, 1, 0);
	rec = make_recommender(&rng, N_COURSES);
	make_scores(&rng, N_COURSES);
	CHECK_EQ_INT(recommender_rank(&rec, scores, &options, heap, ranked), 0);
	options.n = -1;
	CHECK_EQ_INT(recommender_rank(&rec, scores, &options, heap, ranked), 0);
	options.n = 4;
	CHECK_EQ_INT(recommender_rank(&rec, scores, &options, heap, ranked), 4);
	options.allowed = none;
	CHECK_EQ_INT(recommender_rank(&rec, scores, &options, heap, ranked), 0);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_oracle);
	RUN(test_nothing);
	return unit_done();
}
