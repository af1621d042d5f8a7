/*
 * test_answer.c: percent of the best and the threshold on it, against the definition and numbers by hand.
 */
#include "core/answer.h"
#include "core/rng.h"
#include "unit.h"

#define MAX_ROWS 30

/* By hand: shares of a best score above zero, and what stands for them below. */
static void
test_percent(void)
{
	CHECK_EQ_INT(percent_of_best(8, 8), 100);
	CHECK_EQ_INT(percent_of_best(2, 8), 25);
	CHECK_EQ_INT(percent_of_best(0, 8), 0);
	CHECK_EQ_INT(percent_of_best(-4, 8), 0);
	CHECK_NEAR(percent_of_best(1, 3), 33.333332f, 0);
	CHECK_EQ_INT(percent_of_best(0, 0), 100);
	CHECK_EQ_INT(percent_of_best(-1, 0), 0);
	CHECK_EQ_INT(percent_of_best(-2, -2), 100);
	CHECK_EQ_INT(percent_of_best(-4, -2), 0);
	CHECK_EQ_INT(percent_of_best(INFINITY, INFINITY), 100);
	CHECK_EQ_INT(percent_of_best(5, INFINITY), 0);
	CHECK_EQ_INT(percent_of_best(-5, INFINITY), 0);
}

/* Rows of the ranking {10, 7.5, 5, 5, 0, -1, no score}, left by n and a threshold. */
static void
test_hand(void)
{
	static const Ranked ranking[] = {{4, 10, 0}, {2, 7.5f, 0}, {9, 5, 0}, {1, 5, 0}, {3, 0, 0},
	{5, -1, 0}, {6, NO_OPINION, 0}};
	static const struct
	{
		int			n;
		float		threshold_pct;
		int			expected;
	}			cases[] = {{10, NAN, 7}, {3, NAN, 3}, {10, 100, 1}, {10, 75, 2}, {10, 75.1f, 1},
	{10, 50, 4}, {3, 50, 3}, {10, 0, 6}};

	for (int i = 0; i < (int) (sizeof(cases) / sizeof(cases[0])); i++)
	{
		AnswerOptions options = {.n = cases[i].n, .threshold_pct = cases[i].threshold_pct};
		Ranked		rows[7];

		for (int r = 0; r < 7; r++)
			rows[r] = ranking[r];
		CHECK_EQ_INT(answer_finish(&options, NULL, 7, rows), cases[i].expected);
		CHECK_EQ_INT(answer_may_fill(&options), isnan(cases[i].threshold_pct));
		CHECK_NEAR(answer_score(&options, rows, 1), 7.5, 0);
		options.percent = true;
		CHECK_EQ_INT(answer_score(&options, rows, 1), 75);
		CHECK(answer_score(&options, rows, 6) == NO_OPINION);
	}
}

/* Best first; ties, and at the end rows without a score. */
static int
make_ranking(Rng *rng, Ranked *rows)
{
	int			n = (int) rng_below(rng, MAX_ROWS + 1);
	int			n_scored = (int) rng_below(rng, (uint64_t) n + 1);
	float		score = (float) rng_below(rng, 40) - 15;

	for (int i = 0; i < n; i++)
	{
		rows[i] = (Ranked) {i, i < n_scored ? score : NO_OPINION, 0};
		score -= (float) rng_below(rng, 3);
	}
	return n;
}

/* A row stays exactly when the percentage that is shown of it reaches the threshold. */
static void
test_threshold_is_on_what_is_shown(void)
{
	Rng			rng;

	rng_seed(&rng, 5, 0);
	for (int i = 0; i < 5000; i++)
	{
		Ranked		rows[MAX_ROWS];
		AnswerOptions options = {.n = 1 + (int) rng_below(&rng, MAX_ROWS), .percent = true,
		.threshold_pct = (float) rng_below(&rng, 101)};
		int			n = make_ranking(&rng, rows);
		int			expected = 0;

		for (int r = 0; r < n && r < options.n; r++)
			expected += answer_score(&options, rows, r) >= options.threshold_pct;
		CHECK_EQ_INT(answer_finish(&options, NULL, n, rows), expected);
		for (int r = 1; r < n; r++)
			CHECK(answer_score(&options, rows, r) <= answer_score(&options, rows, r - 1));
	}
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN_ALONE(test_percent);
	RUN_ALONE(test_hand);
	RUN_ALONE(test_threshold_is_on_what_is_shown);
	return unit_done();
}
