/*
 * test_history.c: sorting a user's ratings against a naive version.
 */
#include "core/method.h"
#include "core/rng.h"
#include "test_env.h"
#include "unit.h"

#define N_MOST 20000

static int32_t courses[N_MOST];
static float ratings[N_MOST];
static int64_t times[N_MOST];

/* The row that counts of one course: -1 when there is none. */
static int
naive_winner(int n, int32_t course, bool with_times)
{
	int			best = -1;

	for (int i = 0; i < n; i++)
	{
		if (courses[i] != course)
			continue;
		if (best < 0 || (with_times && times[i] > times[best]) ||
			((!with_times || times[i] == times[best]) && ratings[i] > ratings[best]))
			best = i;
	}
	return best;
}

/* n random rows of courses below n_courses. */
static void
make_rows(Rng *rng, int n, int n_courses)
{
	for (int i = 0; i < n; i++)
	{
		courses[i] = (int32_t) rng_below(rng, (uint64_t) n_courses);
		ratings[i] = (float) rng_below(rng, 5);
		times[i] = rng_below(rng, 4) == 0 ? TIME_OLDEST : (int64_t) rng_below(rng, 3);
	}
}

/* Sorts a copy of the rows and compares each course with the naive version. */
static void
check_sort(int n, int n_courses, bool with_times)
{
	static int32_t got_courses[N_MOST];
	static float got_ratings[N_MOST];
	static int64_t got_times[N_MOST];
	int			left;
	int			at = 0;
	int			bad = 0;

	memcpy(got_courses, courses, (size_t) n * sizeof(int32_t));
	memcpy(got_ratings, ratings, (size_t) n * sizeof(float));
	memcpy(got_times, times, (size_t) n * sizeof(int64_t));
	left = history_sort(n, got_courses, got_ratings, with_times ? got_times : NULL);
	for (int32_t c = 0; c < n_courses; c++)
	{
		int			winner = naive_winner(n, c, with_times);

		if (winner < 0)
			continue;
		bad += at >= left || got_courses[at] != c || got_ratings[at] != ratings[winner];
		bad += with_times && at < left && got_times[at] != times[winner];
		at++;
	}
	CHECK_EQ_INT(bad, 0);
	CHECK_EQ_INT(left, at);
}

/* Histories of all lengths, with many and few duplicates. */
static void
test_oracle(void)
{
	Rng			rng;

	rng_seed(&rng, 3, 0);
	for (int n = 0; n < 200; n++)
	{
		make_rows(&rng, n, 1 + n / 2);
		check_sort(n, 1 + n / 2, n % 2 == 0);
		make_rows(&rng, n, 400);
		check_sort(n, 400, n % 2 == 1);
	}
	make_rows(&rng, N_MOST, 150);
	check_sort(N_MOST, 150, true);
}

/* Long histories with distinct courses: random, ascending, descending. */
static void
test_long(void)
{
	for (int order = 0; order < 3; order++)
	{
		Rng			rng;
		int			bad = 0;

		rng_seed(&rng, 9, 0);
		for (int i = 0; i < N_MOST; i++)
		{
			courses[i] = order == 2 ? N_MOST - 1 - i : i;
			ratings[i] = (float) courses[i];
			times[i] = courses[i];
		}
		for (int i = N_MOST - 1; order == 0 && i > 0; i--)
		{
			int			j = (int) rng_below(&rng, (uint64_t) i + 1);
			int32_t		course = courses[i];

			courses[i] = courses[j];
			courses[j] = course;
			times[i] = courses[i];
			times[j] = courses[j];
			ratings[i] = (float) courses[i];
			ratings[j] = (float) courses[j];
		}
		CHECK_EQ_INT(history_sort(N_MOST, courses, ratings, times), N_MOST);
		for (int i = 0; i < N_MOST; i++)
			bad += courses[i] != i || ratings[i] != (float) i || times[i] != i;
		CHECK_EQ_INT(bad, 0);
	}
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_oracle);
	RUN(test_long);
	return unit_done();
}
