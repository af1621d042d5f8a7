/*
 * test_association_rules_movielens.c: item sets and the ranking of method association_rules on MovieLens 100k. See
 * test_movielens.h for the data.
 */
#include "core/methods/methods.h"
#include "core/rules/itemsets.h"
#include "test_movielens.h"

/* Both algorithms find the same sets of films. */
static void
test_itemsets(void)
{
	Env		   *env = test_env();
	TrainingSet *set = movielens_set(env, "u.data", false);
	ItemsetOptions options = {.min_support = 0.15,.max_len = ANY_LENGTH};
	Itemsets	by_growth;
	Itemsets	by_levels;

	CHECK_EQ_INT(itemsets_mine(env, set, &options, fpgrowth, &by_growth), RECSYS_OK);
	CHECK_EQ_INT(itemsets_mine(env, set, &options, apriori, &by_levels), RECSYS_OK);
	CHECK(by_growth.n > 10000);
	CHECK_EQ_INT(by_growth.n, by_levels.n);
	for (int64_t i = 0; i < by_growth.n && i < by_levels.n; i++)
		CHECK(by_growth.sets[i].n == by_levels.sets[i].n && by_growth.sets[i].count == by_levels.sets[i].count &&
			  memcmp(by_growth.sets[i].courses, by_levels.sets[i].courses,
					 (size_t) by_growth.sets[i].n * sizeof(int32_t)) == 0);
	test_method_done(env);
}

/* nDCG on a quarter of the ratings of each film that was held out. */
static double
ndcg(const Method *method, const char *lines)
{
	Env		   *env = test_env();
	MovielensSplit split = movielens_quarter(env);
	TestModel	model = test_method_open(env, method, lines, split.set);
	double		value = movielens_ndcg(&model, &split, movielens_method_score);

	printf("# nDCG@%d of %s: %.4f\n", MOVIELENS_TOP, method->name, value);
	free(split.test.rows);
	test_method_done(env);
	return value;
}

/* The best rule ranks better than popularity, all rules together better still. */
static void
test_ranking(void)
{
	double		popular = ndcg(&method_popular, "");
	double		best = ndcg(&method_association_rules, "");
	double		sum = ndcg(&method_association_rules, "metric=kulczynski\naggregate=sum\n");

	CHECK(best > popular + 0.05);
	CHECK(sum > best);
}

/* Runs all tests of this file. */
int
main(void)
{
	if (!movielens_present())
		return 0;
	RUN(test_itemsets);
	RUN(test_ranking);
	return unit_done();
}
