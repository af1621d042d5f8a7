/*
 * test_countsort.c: the stable counting sort against insertion item by item.
 */
#include "core/countsort.h"
#include "core/rng.h"
#include "test_env.h"

/* Items are the numbers 0 .. n - 1; what they are sorted by, and where they end up. */
typedef struct Items
{
	int32_t    *columns;
	int64_t    *sorted;
} Items;

/* Counts some items. */
static void
count_items(void *arg, int64_t begin, int64_t end, int64_t *counts)
{
	for (int64_t i = begin; i < end; i++)
		counts[((Items *) arg)->columns[i]]++;
}

/* Places some items. */
static void
place_items(void *arg, int64_t begin, int64_t end, int64_t *next)
{
	Items	   *items = arg;

	for (int64_t i = begin; i < end; i++)
		items->sorted[next[items->columns[i]]++] = i;
}

/* A sort of n items with random columns; low columns are frequent, the last one is empty. */
static CountSort
random_sort(Items *items, int64_t n, int32_t n_cols)
{
	CountSort	sort = {n, n_cols, count_items, place_items, items};
	Rng			rng;

	rng_seed(&rng, 1, (uint64_t) n);
	items->columns = malloc((size_t) n * sizeof(int32_t) + 1);
	items->sorted = malloc((size_t) n * sizeof(int64_t) + 1);
	for (int64_t i = 0; i < n; i++)
	{
		double		u = rng_uniform(&rng);

		items->columns[i] = (int32_t) (u * u * (n_cols - 1));
	}
	return sort;
}

/* Every item lies within its column, behind those that came before it. */
static void
check_sorted(const Items *items, const CountSort *sort, const int64_t *offsets)
{
	int64_t    *next = malloc((size_t) sort->n_cols * sizeof(int64_t));
	int64_t		bad = 0;

	for (int32_t c = 0; c < sort->n_cols; c++)
		next[c] = offsets[c];
	for (int64_t i = 0; i < sort->n; i++)
		bad += items->sorted[next[items->columns[i]]++] != i;
	for (int32_t c = 0; c < sort->n_cols; c++)
		bad += next[c] != offsets[c + 1];
	CHECK_EQ_INT(bad, 0);
	CHECK_EQ_INT(offsets[0], 0);
	CHECK_EQ_INT(offsets[sort->n_cols], sort->n);
	free(next);
}

/* Sorts with several numbers of threads; the memory is what was announced. */
static void
check_sort(int64_t n, int32_t n_cols)
{
	Items		items;
	CountSort	sort = random_sort(&items, n, n_cols);
	int64_t    *offsets = malloc(((size_t) n_cols + 1) * sizeof(int64_t));

	for (int n_threads = 1; n_threads <= 5; n_threads += 2)
	{
		Env		   *env = test_env();

		env->n_threads = n_threads;
		memset(items.sorted, 0, (size_t) n * sizeof(int64_t));
		CHECK_EQ_INT(countsort(env, &sort, offsets), RECSYS_OK);
		check_sorted(&items, &sort, offsets);
		CHECK(env->memory_peak >= countsort_bytes(n, n_cols));
		CHECK(env->memory_peak <= countsort_bytes(n, n_cols) + 1024);
		CHECK(countsort_bytes(n, n_cols) <= 2 * (size_t) n + 8 * (size_t) n_cols + ENV_BLOCK_OVERHEAD);
		test_env_done(env);
	}
	free(offsets);
	free(items.columns);
	free(items.sorted);
}

/* Nothing, little, just one piece and a bit more, many columns, too many for several threads. */
static void
test_sizes(void)
{
	check_sort(0, 3);
	check_sort(1, 2);
	check_sort(1000, 50);
	check_sort(COUNTSORT_PIECE - 1, 10);
	check_sort(COUNTSORT_PIECE, 10);
	check_sort(COUNTSORT_PIECE + 1, 10);
	check_sort(4 * COUNTSORT_PIECE + 5, 70000);
	check_sort(3 * COUNTSORT_PIECE, COUNTSORT_MAX_COLS);
	check_sort(2 * COUNTSORT_PIECE + 3, COUNTSORT_MAX_COLS + 1);
}

/* Every poll may stop the sort; each piece has two, with one set of counters too. */
static void
test_interrupts(void)
{
	for (int many = 0; many < 2; many++)
	{
		int32_t		n_cols = many ? COUNTSORT_MAX_COLS + 1 : 100;
		Items		items;
		CountSort	sort = random_sort(&items, 4 * COUNTSORT_PIECE, n_cols);
		int64_t    *offsets = malloc(((size_t) n_cols + 1) * sizeof(int64_t));
		RecsysStatus status = RECSYS_INTERRUPTED;

		for (int i = 0; status == RECSYS_INTERRUPTED; i++)
		{
			Env		   *env = test_env();

			test_env_interrupt_after(env, i);
			status = countsort(env, &sort, offsets);
			CHECK(status == RECSYS_INTERRUPTED || i > 8);
			test_env_done(env);
		}
		CHECK_EQ_INT(status, RECSYS_OK);
		free(offsets);
		free(items.columns);
		free(items.sorted);
	}
}

/* No memory for the counters: nothing is left. */
static void
test_no_memory(void)
{
	Env		   *env = test_env();
	Items		items;
	CountSort	sort = random_sort(&items, 1000, 100);
	int64_t		offsets[101];

	env->memory_limit = countsort_bytes(1000, 100) - 1;
	CHECK_EQ_INT(countsort(env, &sort, offsets), RECSYS_OVER_LIMIT);
	env->memory_limit++;
	CHECK_EQ_INT(countsort(env, &sort, offsets), RECSYS_OK);
	check_sorted(&items, &sort, offsets);
	test_env_done(env);
	free(items.columns);
	free(items.sorted);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_sizes);
	RUN_ALONE(test_interrupts);
	RUN_ALONE(test_no_memory);
	return unit_done();
}
