/*
 * test_itemsets.c: both miners against counting every set of courses plainly, and against each other.
 */
#include "core/rules/itemsets.h"
#include "test_retail.h"
#include "test_set.h"
#include "unit.h"

/* A set of implicit rows (user, course). */
static TrainingSet *
plain_set(Env *env, TestRow *rows, int n)
{
	return test_set(env, (TestShape) {KEY_NUMBER, KEY_NUMBER, false, false}, rows, n, 0);
}

/* Mines; ends the program when that fails. */
static Itemsets
mine(Env *env, const TrainingSet *set, double min_support, int32_t max_len, bool liked, ItemsetMiner miner)
{
	ItemsetOptions options = {min_support, max_len, liked};
	Itemsets	itemsets;

	if (itemsets_mine(env, set, &options, miner, &itemsets) != RECSYS_OK)
	{
		printf("# %s\n", env->error);
		abort();
	}
	return itemsets;
}

/* Are both the same sets, counts and order? */
static void
check_same(const Itemsets *a, const Itemsets *b)
{
	CHECK_EQ_INT(a->n, b->n);
	for (int64_t i = 0; i < a->n && i < b->n; i++)
		CHECK(a->sets[i].n == b->sets[i].n && a->sets[i].count == b->sets[i].count &&
			  memcmp(a->sets[i].courses, b->sets[i].courses, (size_t) a->sets[i].n * sizeof(int32_t)) == 0);
}

/* Courses of a set as bits. */
static uint32_t
bits_of(const Itemset *set)
{
	uint32_t	bits = 0;

	for (int32_t i = 0; i < set->n; i++)
		bits |= UINT32_C(1) << set->courses[i];
	return bits;
}

/* Every basket as bits. */
static uint32_t *
plain_baskets(const TrainingSet *set, bool liked)
{
	const Csr  *csr = &set->by_user;
	uint32_t   *baskets = calloc((size_t) csr->n_rows, sizeof(uint32_t));

	for (int32_t u = 0; u < csr->n_rows; u++)
		for (int64_t e = csr->offsets[u]; e < csr->offsets[u + 1]; e++)
			if (!liked || csr->values[e] > 0)
				baskets[u] |= UINT32_C(1) << csr->indexes[e];
	return baskets;
}

/* Number of bits. */
static int
count_bits(uint32_t bits)
{
	int			n = 0;

	for (; bits != 0; bits &= bits - 1)
		n++;
	return n;
}

/* The sets are those that plain counting finds, and in order. */
static void
check_plain(const TrainingSet *set, double min_support, int32_t max_len, bool liked, const Itemsets *got)
{
	uint32_t   *baskets = plain_baskets(set, liked);
	int32_t		n = set->by_user.n_rows;
	int64_t		n_frequent = 0;
	int32_t    *counts = calloc((size_t) 1 << set->by_user.n_cols, sizeof(int32_t));

	for (uint32_t bits = 1; bits < UINT32_C(1) << set->by_user.n_cols; bits++)
	{
		for (int32_t u = 0; u < n; u++)
			counts[bits] += (baskets[u] & bits) == bits;
		n_frequent += counts[bits] > 0 && (double) counts[bits] / n >= min_support &&
			count_bits(bits) <= max_len;
	}
	CHECK_EQ_INT(got->n, n_frequent);
	for (int64_t i = 0; i < got->n; i++)
	{
		CHECK_EQ_INT(got->sets[i].count, counts[bits_of(&got->sets[i])]);
		for (int32_t c = 1; c < got->sets[i].n; c++)
			CHECK(got->sets[i].courses[c - 1] < got->sets[i].courses[c]);
		if (i == 0 || got->sets[i - 1].count > got->sets[i].count)
			continue;
		CHECK(got->sets[i - 1].count == got->sets[i].count && got->sets[i - 1].n <= got->sets[i].n);
	}
	free(counts);
	free(baskets);
}

/* One random set of ratings with one choice of options. */
static void
check_random(uint64_t seed)
{
	Env		   *env = test_env();
	Rng			rng;
	int			n_courses;
	int			n;
	TestRow    *rows;
	TrainingSet *set;
	double		min_support;
	int32_t		max_len;
	bool		liked;
	Itemsets	by_growth;
	Itemsets	by_levels;

	rng_seed(&rng, seed, 0);
	n_courses = 1 + (int) rng_below(&rng, 12);
	n = 1 + (int) rng_below(&rng, 300);
	rows = test_rows(seed, n, 1 + (int) rng_below(&rng, 40), n_courses);
	test_dislikes(rows, n);
	set = plain_set(env, rows, n);
	min_support = seed % 5 == 0 ? 1e-9 : 0.02 + 0.6 * rng_uniform(&rng) * rng_uniform(&rng);
	max_len = seed % 3 == 0 ? ANY_LENGTH : 1 + (int32_t) rng_below(&rng, 5);
	liked = rng_below(&rng, 2) == 1;
	by_growth = mine(env, set, min_support, max_len, liked, fpgrowth);
	by_levels = mine(env, set, min_support, max_len, liked, apriori);
	check_plain(set, min_support, max_len, liked, &by_growth);
	check_same(&by_growth, &by_levels);
	free(rows);
	env_free_all(env);
	test_env_done(env);
}

/* Both miners find what plain counting finds. */
static void
test_random(void)
{
	for (uint64_t seed = 1; seed <= 300; seed++)
		check_random(seed);
}

/* On a larger set both agree. */
static void
test_large(void)
{
	for (int i = 0; i < 3; i++)
	{
		Env		   *env = test_env();
		TestRow    *rows = test_rows(77, 20000, 1000, 300);
		TrainingSet *set = plain_set(env, rows, 20000);
		int32_t		max_len = i == 0 ? ANY_LENGTH : i + 1;
		Itemsets	by_growth = mine(env, set, 0.02, max_len, i == 1, fpgrowth);
		Itemsets	by_levels = mine(env, set, 0.02, max_len, i == 1, apriori);

		CHECK(by_growth.n > 1000);
		check_same(&by_growth, &by_levels);
		free(rows);
		env_free_all(env);
		test_env_done(env);
	}
}

/* Shares that are no exact doubles mean what they say. */
static void
test_least_count(void)
{
	CHECK_EQ_INT(itemsets_least_count(5, 0.6), 3);
	CHECK_EQ_INT(itemsets_least_count(100, 0.07), 7);	/* .07 * 100 is above 7 */
	CHECK_EQ_INT(itemsets_least_count(315, 0.2), 63);
	CHECK_EQ_INT(itemsets_least_count(10, 0.05), 1);
	CHECK_EQ_INT(itemsets_least_count(10, 1e-300), 1);
	CHECK_EQ_INT(itemsets_least_count(INT32_MAX, 1), INT32_MAX);
	for (int32_t n = 1; n <= 200; n++)
		for (int32_t c = 1; c <= n; c++)
			CHECK_EQ_INT(itemsets_least_count(n, (double) c / n), c);
}

/* Five baskets of a lecture: 11 sets of milk, onion, beans, eggs and yogurt; an onion bought twice is one. */
static void
test_lecture(void)
{
	/* 0 milk, 1 onion, 2 nutmeg, 3 beans, 4 eggs, 5 yogurt, 6 dill, 7 apple, 8 unicorn, 9 corn, 10 ice cream */
	static const int baskets[5][7] = {{0, 1, 2, 3, 4, 5, -1}, {6, 1, 2, 3, 4, 5, -1}, {0, 7, 3, 4, -1},
	{0, 8, 9, 3, 5, -1}, {9, 1, 1, 3, 10, 4, -1}};
	static const uint32_t expected[] = {1 << 3, 1 << 4, 1 << 3 | 1 << 4, 1 << 0, 1 << 1, 1 << 5, 1 << 0 | 1 << 3,
		1 << 1 | 1 << 3, 1 << 1 | 1 << 4, 1 << 3 | 1 << 5, 1 << 1 | 1 << 3 | 1 << 4};
	Env		   *env = test_env();
	TestRow		rows[40];
	int			n = 0;
	Itemsets	itemsets;

	for (int u = 0; u < 5; u++)
		for (int i = 0; baskets[u][i] >= 0; i++)
			rows[n++] = (TestRow) {u, baskets[u][i], 1, 0};
	itemsets = mine(env, plain_set(env, rows, n), 0.6, ANY_LENGTH, false, fpgrowth);
	CHECK_EQ_INT(itemsets.n, 11);
	for (int64_t i = 0; i < itemsets.n && i < 11; i++)
	{
		CHECK_EQ_INT(bits_of(&itemsets.sets[i]), expected[i]);
		CHECK_EQ_INT(itemsets.sets[i].count, i == 0 ? 5 : i < 3 ? 4 : 3);
	}
	env_free_all(env);
	test_env_done(env);
}

/* 315 baskets of 9 goods: 33 sets in a fifth of them. */
static void
test_retail(void)
{
	Env		   *env = test_env();
	TrainingSet *set = retail_set(env);
	Itemsets	itemsets = mine(env, set, 0.2, ANY_LENGTH, false, fpgrowth);
	Itemsets	by_levels = mine(env, set, 0.2, ANY_LENGTH, false, apriori);

	CHECK_EQ_INT(set->by_user.n_rows, 315);
	CHECK_EQ_INT(itemsets.n, 33);
	check_same(&itemsets, &by_levels);
	check_plain(set, 0.2, ANY_LENGTH, false, &itemsets);
	env_free_all(env);
	test_env_done(env);
}

/* One basket: every combination, each by the shortcut of a single path; min_support 1; max_len 1. */
static void
test_degenerate(void)
{
	Env		   *env = test_env();
	TestRow		one[10];
	TestRow		apart[] = {{1, 0, 1, 0}, {2, 1, 1, 0}, {3, 2, 1, 0}};
	TestRow		bad[] = {{1, 0, 0, 0}, {2, 1, -1, 0}};
	ItemsetMiner miners[] = {fpgrowth, apriori};

	for (int c = 0; c < 10; c++)
		one[c] = (TestRow) {1, c, 3, 0};
	for (int m = 0; m < 2; m++)
	{
		CHECK_EQ_INT(mine(env, plain_set(env, one, 10), 1, ANY_LENGTH, false, miners[m]).n, 1023);
		CHECK_EQ_INT(mine(env, plain_set(env, one, 10), 1, 1, false, miners[m]).n, 10);
		CHECK_EQ_INT(mine(env, plain_set(env, one, 10), 0.001, 2, true, miners[m]).n, 55);
		CHECK_EQ_INT(mine(env, plain_set(env, one, 1), 1, ANY_LENGTH, false, miners[m]).n, 1);
		CHECK_EQ_INT(mine(env, plain_set(env, apart, 3), 1, ANY_LENGTH, false, miners[m]).n, 0);
		CHECK_EQ_INT(mine(env, plain_set(env, apart, 3), 0.3, ANY_LENGTH, false, miners[m]).n, 3);
		CHECK_EQ_INT(mine(env, plain_set(env, bad, 2), 0.1, ANY_LENGTH, true, miners[m]).n, 0);
	}
	env_free_all(env);
	test_env_done(env);
}

/* Names of the algorithms. */
static void
test_names(void)
{
	CHECK(itemsets_miner("fpgrowth") == fpgrowth);
	CHECK(itemsets_miner("apriori") == apriori);
	CHECK(itemsets_miner("FPGrowth") == NULL);
	CHECK(itemsets_miner("") == NULL);
}

/* Everything is found by the index; nothing else is. */
static void
test_index(void)
{
	Env		   *env = test_env();
	TestRow    *rows = test_rows(5, 600, 50, 30);
	Itemsets	itemsets = mine(env, plain_set(env, rows, 600), 0.05, 3, false, fpgrowth);
	int32_t		missing[] = {0, 1, 2, 3};

	CHECK_EQ_INT(itemsets_index(env, &itemsets), RECSYS_OK);
	for (int64_t i = 0; i < itemsets.n; i++)
		CHECK_EQ_INT(itemsets_count(&itemsets, itemsets.sets[i].courses, itemsets.sets[i].n),
					 itemsets.sets[i].count);
	CHECK_EQ_INT(itemsets_count(&itemsets, missing, 4), 0);	/* longer than max_len */
	itemsets_free(env, &itemsets);
	free(rows);
	env_free_all(env);
	test_env_done(env);
}

/* Failures at any allocation and interrupts at any poll end with their status. */
static void
check_failures(ItemsetMiner miner)
{
	Env		   *env = test_env();
	TestRow    *rows = test_rows(3, 3000, 200, 60);
	TrainingSet *set = plain_set(env, rows, 3000);
	ItemsetOptions options = {0.05, ANY_LENGTH, false};
	RecsysStatus status = RECSYS_NO_MEMORY;
	Itemsets	itemsets;
	int			n = 0;

	for (; status == RECSYS_NO_MEMORY; n++)
	{
		test_env_fail_after(env, n);
		status = itemsets_mine(env, set, &options, miner, &itemsets);
	}
	CHECK(n > 10);
	CHECK_EQ_INT(status, RECSYS_OK);
	test_env_fail_after(env, -1);
	status = RECSYS_INTERRUPTED;
	for (n = 0; status == RECSYS_INTERRUPTED; n++)
	{
		test_env_interrupt_after(env, n);
		status = itemsets_mine(env, set, &options, miner, &itemsets);
	}
	CHECK(n > 10);
	CHECK_EQ_INT(status, RECSYS_OK);
	test_env_interrupt_after(env, -1);
	env->memory_limit = env->memory_used + 100000;
	CHECK_EQ_INT(itemsets_mine(env, set, &options, miner, &itemsets), RECSYS_OVER_LIMIT);
	CHECK(strstr(env->hint, "min_support") != NULL && strstr(env->hint, "max_len") != NULL);
	env->memory_limit = 0;
	free(rows);
	env_free_all(env);
	test_env_done(env);
}

/* Both miners. */
static void
test_failures(void)
{
	check_failures(fpgrowth);
	check_failures(apriori);
}

/* A basket of very many courses: the limit or a cancel ends it, and no stack overflows. */
static void
test_explosion(void)
{
	const int	n = 20000;
	Env		   *env = test_env();
	TestRow    *rows = calloc((size_t) n + 2, sizeof(TestRow));
	ItemsetOptions options = {0.3, ANY_LENGTH, false};
	TrainingSet *set;
	Itemsets	itemsets;

	for (int c = 0; c < n; c++)
		rows[c] = (TestRow) {1, c, 1, 0};
	set = plain_set(env, rows, n);
	env->memory_limit = env->memory_used + 64 * 1024 * 1024;
	CHECK_EQ_INT(itemsets_mine(env, set, &options, fpgrowth, &itemsets), RECSYS_OVER_LIMIT);
	CHECK_EQ_INT(itemsets_mine(env, set, &options, apriori, &itemsets), RECSYS_OVER_LIMIT);
	env->memory_limit = 0;
	test_env_interrupt_after(env, 20);
	CHECK_EQ_INT(itemsets_mine(env, set, &options, fpgrowth, &itemsets), RECSYS_INTERRUPTED);
	test_env_interrupt_after(env, 20);
	CHECK_EQ_INT(itemsets_mine(env, set, &options, apriori, &itemsets), RECSYS_INTERRUPTED);
	free(rows);
	env_free_all(env);
	test_env_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_least_count);
	RUN(test_random);
	RUN(test_large);
	RUN(test_lecture);
	RUN(test_degenerate);
	RUN(test_names);
	RUN(test_index);
	RUN(test_failures);
	RUN(test_explosion);
	RUN_RETAIL(test_retail);
	return unit_done();
}
