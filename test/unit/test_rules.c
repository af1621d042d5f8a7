/*
 * test_rules.c: every rule against counting plainly, measures against their formulas written with supports, and the
 * published numbers of the retail baskets.
 */
#include "core/rules/rules.h"
#include "test_retail.h"
#include "test_set.h"
#include "unit.h"

/* Rules seen, and what they are checked against. */
typedef struct Seen
{
	const TrainingSet *set;		/* NULL: rules are only counted */
	const RuleOptions *options;
	int64_t		n;
	int64_t		stop_after;		/* rules, then a failure; -1: never */
	RuleOptions some[N_MEASURES];	/* other options, and how many of the rules meet them */
	int64_t		n_some[N_MEASURES];
	double		bagel_to_bread[N_MEASURES];
} Seen;

/* Baskets that hold all these courses. */
static int64_t
plain_count(const TrainingSet *set, const int32_t *courses, int32_t n)
{
	int64_t		count = 0;

	for (int32_t u = 0; u < set->by_user.n_rows; u++)
	{
		int32_t		held = 0;

		for (int32_t i = 0; i < n; i++)
		{
			int64_t		e = csr_find(&set->by_user, u, courses[i]);

			held += e < set->by_user.offsets[u + 1] && set->by_user.indexes[e] == courses[i];
		}
		count += held == n;
	}
	return count;
}

/* The measures by supports, as people write them. */
static double
plain_measure(Measure measure, const RuleCounts *counts)
{
	double		a = (double) counts->antecedent / (double) counts->all;
	double		c = (double) counts->consequent / (double) counts->all;
	double		ac = (double) counts->both / (double) counts->all;
	double		confidence = ac / a;
	double		larger = fmax(ac * (1 - a), a * (c - ac));

	switch (measure)
	{
		case MEASURE_ANTECEDENT_SUPPORT:
			return a;
		case MEASURE_CONSEQUENT_SUPPORT:
			return c;
		case MEASURE_SUPPORT:
			return ac;
		case MEASURE_CONFIDENCE:
			return confidence;
		case MEASURE_LIFT:
			return confidence / c;
		case MEASURE_LEVERAGE:
			return ac - a * c;
		case MEASURE_CONVICTION:
			return (1 - c) / (1 - confidence);
		case MEASURE_ZHANG:
			return (ac - a * c) / larger;
		case MEASURE_JACCARD:
			return ac / (a + c - ac);
		case MEASURE_CERTAINTY:
			return (confidence - c) / (1 - c);
		default:
			return (ac / a + ac / c) / 2;
	}
}

/* Counts and measures of a rule are right. */
static void
check_rule(const TrainingSet *set, const Rule *rule)
{
	const RuleCounts *counts = &rule->counts;
	int32_t		all[32];

	memcpy(all, rule->antecedents, (size_t) rule->n_antecedents * sizeof(int32_t));
	memcpy(all + rule->n_antecedents, rule->consequents, (size_t) rule->n_consequents * sizeof(int32_t));
	CHECK_EQ_INT(counts->all, set->by_user.n_rows);
	CHECK_EQ_INT(counts->antecedent, plain_count(set, rule->antecedents, rule->n_antecedents));
	CHECK_EQ_INT(counts->consequent, plain_count(set, rule->consequents, rule->n_consequents));
	CHECK_EQ_INT(counts->both, plain_count(set, all, rule->n_antecedents + rule->n_consequents));
	for (int m = 0; m < N_MEASURES; m++)
	{
		double		expected = plain_measure((Measure) m, counts);

		if (counts->both < counts->antecedent && counts->antecedent < counts->all &&
			counts->consequent < counts->all)
			CHECK_NEAR(rule_measure((Measure) m, counts), expected, 1e-11 * (1 + fabs(expected)));
	}
}

/* Looks at one rule. */
static RecsysStatus
see(Env *env, void *arg, const Rule *rule)
{
	Seen	   *seen = arg;

	CHECK(rule->n_antecedents >= 1 && rule->n_consequents >= 1);
	CHECK(rule->n_consequents <= seen->options->max_consequents);
	CHECK(rule_measure(seen->options->metric, &rule->counts) >= seen->options->min_threshold);
	if (seen->set != NULL)
		check_rule(seen->set, rule);
	for (int m = 0; m < N_MEASURES; m++)
	{
		double		value = rule_measure((Measure) m, &rule->counts);

		seen->n_some[m] += rule->n_consequents <= seen->some[m].max_consequents &&
			value >= seen->some[m].min_threshold;
		if (rule->n_antecedents == 1 && rule->antecedents[0] == 0 && rule->n_consequents == 1 &&
			rule->consequents[0] == 1)
			seen->bagel_to_bread[m] = value;
	}
	seen->n++;
	if (seen->n == seen->stop_after)
		return env_fail(env, RECSYS_BAD_DATA, "enough");
	return RECSYS_OK;
}

/* Mines, indexes, generates. */
static RecsysStatus
generate(Env *env, const TrainingSet *set, double min_support, int32_t max_len, const RuleOptions *options,
		 Seen *seen)
{
	ItemsetOptions sets = {min_support, max_len, false};
	Itemsets	itemsets;
	RecsysStatus status;

	seen->options = options;
	seen->n = 0;
	TRY(itemsets_mine(env, set, &sets, fpgrowth, &itemsets));
	TRY(itemsets_index(env, &itemsets));
	status = rules_generate(env, &itemsets, options, see, seen);
	itemsets_free(env, &itemsets);
	return status;
}

/* How many rules the sets have in all, by plain counting of cuts. */
static int64_t
count_cuts(Env *env, const TrainingSet *set, double min_support, int32_t max_len)
{
	ItemsetOptions sets = {min_support, max_len, false};
	Itemsets	itemsets;
	int64_t		n = 0;

	CHECK_EQ_INT(itemsets_mine(env, set, &sets, apriori, &itemsets), RECSYS_OK);
	for (int64_t i = 0; i < itemsets.n; i++)
		n += (INT64_C(1) << itemsets.sets[i].n) - 2;
	itemsets_free(env, &itemsets);
	return n;
}

/* Every rule of a random set is right; without a threshold none is missing; max_len cuts nothing that is needed. */
static void
check_random(uint64_t seed)
{
	Env		   *env = test_env();
	TestRow    *rows = test_rows(seed, 200, 25, 8);
	TrainingSet *set = test_set(env, (TestShape) {KEY_NUMBER, KEY_NUMBER, false, true}, rows, 200, 0);
	int32_t		max_len = seed % 2 == 0 ? ANY_LENGTH : 3;
	RuleOptions all = {MEASURE_SUPPORT, 0, ANY_LENGTH};
	Seen		seen = {.set = set,.stop_after = -1};
	Seen		fewer = {.stop_after = -1};

	for (int m = 0; m < N_MEASURES; m++)
		seen.some[m] = (RuleOptions) {(Measure) m, m == MEASURE_LIFT || m == MEASURE_CONVICTION ? 1.1 : 0.3,
		1 + (int32_t) seed % 3};
	CHECK_EQ_INT(generate(env, set, 0.15, max_len, &all, &seen), RECSYS_OK);
	CHECK(seen.n > 0);
	CHECK_EQ_INT(seen.n, count_cuts(env, set, 0.15, max_len));
	for (int m = 0; m < N_MEASURES; m++)
	{
		CHECK_EQ_INT(generate(env, set, 0.15, max_len, &seen.some[m], &fewer), RECSYS_OK);
		CHECK_EQ_INT(fewer.n, seen.n_some[m]);
	}
	free(rows);
	env_free_all(env);
	test_env_done(env);
}

/* Several of them. */
static void
test_random(void)
{
	for (uint64_t seed = 1; seed <= 12; seed++)
		check_random(seed);
}

/* Where a denominator is zero. */
static void
test_edges(void)
{
	RuleCounts	always = {4, 4, 4, 4};	/* everybody has both */
	RuleCounts	certain = {10, 2, 5, 2};	/* who has A has C */
	RuleCounts	independent = {100, 20, 35, 7};
	RuleCounts	common = {10, 5, 10, 5};	/* everybody has C */
	RuleCounts	large = {INT32_MAX, INT32_MAX - 1, INT32_MAX - 2, INT32_MAX - 3};

	CHECK(rule_measure(MEASURE_CONFIDENCE, &always) == 1);
	CHECK(rule_measure(MEASURE_LIFT, &always) == 1);
	CHECK(rule_measure(MEASURE_LEVERAGE, &always) == 0);
	CHECK(isinf(rule_measure(MEASURE_CONVICTION, &always)) && rule_measure(MEASURE_CONVICTION, &always) > 0);
	CHECK(rule_measure(MEASURE_ZHANG, &always) == 0);
	CHECK(rule_measure(MEASURE_JACCARD, &always) == 1);
	CHECK(rule_measure(MEASURE_CERTAINTY, &always) == 0);
	CHECK(rule_measure(MEASURE_KULCZYNSKI, &always) == 1);
	CHECK(isinf(rule_measure(MEASURE_CONVICTION, &certain)));
	CHECK(rule_measure(MEASURE_CERTAINTY, &certain) == 1);
	CHECK(rule_measure(MEASURE_ZHANG, &certain) == 0.625);	/* (.2 - .1) / max(.2 x .8, .2 x .3) */
	CHECK(rule_measure(MEASURE_LIFT, &independent) == 1);
	CHECK(rule_measure(MEASURE_LEVERAGE, &independent) == 0);
	CHECK(rule_measure(MEASURE_CONVICTION, &independent) == 1);
	CHECK(rule_measure(MEASURE_ZHANG, &independent) == 0);
	CHECK(rule_measure(MEASURE_CERTAINTY, &independent) == 0);
	CHECK(rule_measure(MEASURE_CERTAINTY, &common) == 0);
	CHECK(isinf(rule_measure(MEASURE_CONVICTION, &common)));
	for (int m = 0; m < N_MEASURES; m++)
		CHECK(isfinite(rule_measure((Measure) m, &large)));
}

/* 14 rules of confidence .6; Bagel -> Bread by published numbers. */
static void
test_retail(void)
{
	Env		   *env = test_env();
	TrainingSet *set = retail_set(env);
	RuleOptions options = {MEASURE_CONFIDENCE, 0.6, ANY_LENGTH};
	Seen		seen = {.set = set,.stop_after = -1};

	CHECK_EQ_INT(generate(env, set, 0.2, ANY_LENGTH, &options, &seen), RECSYS_OK);
	CHECK_EQ_INT(seen.n, 14);
	CHECK_NEAR(seen.bagel_to_bread[MEASURE_SUPPORT], 0.279365, 5e-7);
	CHECK_NEAR(seen.bagel_to_bread[MEASURE_CONFIDENCE], 0.656716, 5e-7);
	CHECK_NEAR(seen.bagel_to_bread[MEASURE_LIFT], 1.301042, 5e-7);
	CHECK_NEAR(seen.bagel_to_bread[MEASURE_LEVERAGE], 0.064641, 5e-7);
	CHECK_NEAR(seen.bagel_to_bread[MEASURE_CONVICTION], 1.442650, 5e-7);
	env_free_all(env);
	test_env_done(env);
}

/* Names of the measures, in the order of the columns. */
static void
test_names(void)
{
	CHECK_EQ_INT(measure_find("antecedent_support"), MEASURE_ANTECEDENT_SUPPORT);
	CHECK_EQ_INT(measure_find("support"), MEASURE_SUPPORT);
	CHECK_EQ_INT(measure_find("zhangs_metric"), MEASURE_ZHANG);
	CHECK_EQ_INT(measure_find("kulczynski"), MEASURE_KULCZYNSKI);
	CHECK_EQ_INT(measure_find("Support"), N_MEASURES);
	CHECK_EQ_INT(measure_find("supp"), N_MEASURES);
	CHECK_EQ_INT(measure_find(""), N_MEASURES);
}

/* A failure of the caller, a cancel and a lack of memory end it with their status. */
static void
test_failures(void)
{
	Env		   *env = test_env();
	TestRow		rows[9];
	RuleOptions all = {MEASURE_SUPPORT, 0, ANY_LENGTH};
	Seen		seen = {.stop_after = 3};
	TrainingSet *set;
	RecsysStatus status = RECSYS_INTERRUPTED;
	int			n;

	for (int c = 0; c < 9; c++)
		rows[c] = (TestRow) {1, c, 1, 0};
	set = test_set(env, (TestShape) {KEY_NUMBER, KEY_NUMBER, false, true}, rows, 9, 0);
	CHECK_EQ_INT(generate(env, set, 1, ANY_LENGTH, &all, &seen), RECSYS_BAD_DATA);
	CHECK_EQ_INT(seen.n, 3);
	seen.stop_after = -1;
	for (n = 0; status == RECSYS_INTERRUPTED; n++)
	{
		test_env_interrupt_after(env, n);
		status = generate(env, set, 1, ANY_LENGTH, &all, &seen);
	}
	CHECK(n > 5);
	CHECK_EQ_INT(status, RECSYS_OK);
	CHECK_EQ_INT(seen.n, 18660);	/* 3^9 - 2^10 + 1 */
	test_env_interrupt_after(env, -1);
	status = RECSYS_NO_MEMORY;
	for (n = 0; status == RECSYS_NO_MEMORY; n++)
	{
		test_env_fail_after(env, n);
		status = generate(env, set, 1, 3, &all, &seen);
	}
	CHECK_EQ_INT(status, RECSYS_OK);
	env_free_all(env);
	test_env_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_edges);
	RUN(test_names);
	RUN(test_random);
	RUN(test_failures);
	RUN_RETAIL(test_retail);
	return unit_done();
}
