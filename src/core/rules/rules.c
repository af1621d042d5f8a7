/*
 * rules.c
 *		Association rules from frequent item sets.
 *
 * Time: two lookups for each cut of each set, of which a set of n courses has
 * 2^n - 2.  Memory: a few arrays of the length of the longest set.
 */
#include "core/rules/rules.h"

#include <math.h>
#include <string.h>

#include "core/params.h"

#define POLL_STEPS 16384		/* courses of cuts between two polls: below a millisecond */

/* By name. */
Measure
measure_find(const char *name)
{
	const char *measure;
	int			length;

	for (int i = 0; (measure = choice_name(MEASURE_NAMES, i, &length)) != NULL; i++)
		if (strlen(name) == (size_t) length && memcmp(name, measure, (size_t) length) == 0)
			return (Measure) i;
	return N_MEASURES;
}

/* leverage x all², exact: products of two numbers of baskets fit. */
static int64_t
scaled_leverage(const RuleCounts *c)
{
	return c->both * c->all - c->antecedent * c->consequent;
}

/* Both sides of the fraction times all². */
static double
zhangs_metric(const RuleCounts *c)
{
	int64_t		positive = c->both * (c->all - c->antecedent);
	int64_t		negative = c->antecedent * (c->consequent - c->both);
	int64_t		denominator = positive > negative ? positive : negative;

	return denominator == 0 ? 0 : (double) scaled_leverage(c) / (double) denominator;
}

/* One number of a rule. */
double
rule_measure(Measure measure, const RuleCounts *c)
{
	double		all = (double) c->all;
	double		both = (double) c->both;
	double		antecedent = (double) c->antecedent;
	double		consequent = (double) c->consequent;

	switch (measure)
	{
		case MEASURE_ANTECEDENT_SUPPORT:
			return antecedent / all;
		case MEASURE_CONSEQUENT_SUPPORT:
			return consequent / all;
		case MEASURE_SUPPORT:
			return both / all;
		case MEASURE_CONFIDENCE:
			return both / antecedent;
		case MEASURE_LIFT:
			return both * all / (antecedent * consequent);
		case MEASURE_LEVERAGE:
			return (double) scaled_leverage(c) / (all * all);
		case MEASURE_CONVICTION:
			return c->both == c->antecedent ? INFINITY :
				antecedent * (all - consequent) / (all * (antecedent - both));
		case MEASURE_ZHANG:
			return zhangs_metric(c);
		case MEASURE_JACCARD:
			return both / (antecedent + consequent - both);
		case MEASURE_CERTAINTY:
			return c->consequent == c->all ? 0 :
				(double) scaled_leverage(c) / (antecedent * (all - consequent));
		case MEASURE_KULCZYNSKI:
			return (both / antecedent + both / consequent) / 2;
		case N_MEASURES:
			break;
	}
	return NAN;
}

/* The cuts of one set. */
typedef struct Cuts
{
	const Itemsets *itemsets;
	const RuleOptions *options;
	RuleFunction function;
	void	   *arg;
	int32_t    *chosen;			/* positions of the antecedents in the set, ascending */
	int32_t    *antecedents;
	int32_t    *consequents;
	int64_t		steps;			/* since the last poll */
} Cuts;

/* Writes both sides of the cut that is chosen. */
static void
divide(Cuts *cuts, const Itemset *set, int32_t n_antecedents)
{
	int32_t		a = 0;
	int32_t		c = 0;

	for (int32_t i = 0; i < set->n; i++)
	{
		if (a < n_antecedents && cuts->chosen[a] == i)
			cuts->antecedents[a++] = set->courses[i];
		else
			cuts->consequents[c++] = set->courses[i];
	}
}

/* Hands over the rule of the cut that is chosen if it is good enough. */
static RecsysStatus
try_cut(Env *env, Cuts *cuts, const Itemset *set, int32_t n_antecedents)
{
	Rule		rule = {cuts->antecedents, n_antecedents, cuts->consequents, set->n - n_antecedents,
	{.all = cuts->itemsets->n_baskets,.both = set->count}};

	cuts->steps += set->n;
	if (cuts->steps >= POLL_STEPS)
	{
		cuts->steps = 0;
		if (env_interrupted(env))
			return env->status;
	}
	divide(cuts, set, n_antecedents);
	rule.counts.antecedent = itemsets_count(cuts->itemsets, rule.antecedents, n_antecedents);
	rule.counts.consequent = itemsets_count(cuts->itemsets, rule.consequents, rule.n_consequents);
	if (rule_measure(cuts->options->metric, &rule.counts) < cuts->options->min_threshold)
		return RECSYS_OK;
	return cuts->function(env, cuts->arg, &rule);
}

/* Moves on to the next choice of n of `of` positions in lexicographic order; false after the last. */
static bool
next_choice(int32_t *chosen, int32_t n, int32_t of)
{
	int32_t		i = n - 1;

	while (i >= 0 && chosen[i] == of - n + i)
		i--;
	if (i < 0)
		return false;
	chosen[i]++;
	for (int32_t j = i + 1; j < n; j++)
		chosen[j] = chosen[j - 1] + 1;
	return true;
}

/* All cuts of a set. */
static RecsysStatus
cut_set(Env *env, Cuts *cuts, const Itemset *set)
{
	for (int32_t n = set->n - 1; n >= 1 && set->n - n <= cuts->options->max_consequents; n--)
	{
		for (int32_t i = 0; i < n; i++)
			cuts->chosen[i] = i;
		do
		{
			TRY(try_cut(env, cuts, set, n));
		} while (next_choice(cuts->chosen, n, set->n));
	}
	return RECSYS_OK;
}

/* All cuts of all sets. */
RecsysStatus
rules_generate(Env *env, const Itemsets *itemsets, const RuleOptions *options,
			   RuleFunction function, void *arg)
{
	Cuts		cuts = {.itemsets = itemsets,.options = options,.function = function,.arg = arg};
	int32_t		longest = 0;

	for (int64_t i = 0; i < itemsets->n; i++)
		longest = itemsets->sets[i].n > longest ? itemsets->sets[i].n : longest;
	cuts.chosen = env_alloc(env, (size_t) longest, sizeof(int32_t));
	cuts.antecedents = env_alloc(env, (size_t) longest, sizeof(int32_t));
	cuts.consequents = env_alloc(env, (size_t) longest, sizeof(int32_t));
	if (cuts.chosen == NULL || cuts.antecedents == NULL || cuts.consequents == NULL)
		return env->status;
	for (int64_t i = 0; i < itemsets->n; i++)
		TRY(cut_set(env, &cuts, &itemsets->sets[i]));
	env_free(env, cuts.chosen);
	env_free(env, cuts.antecedents);
	env_free(env, cuts.consequents);
	return RECSYS_OK;
}
