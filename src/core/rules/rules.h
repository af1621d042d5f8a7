/*
 * rules.h
 *		Association rules: "who has A has C", from frequent item sets.
 *
 * For every frequent set and every cut of it into antecedents A and consequents
 * C, with s(X) the support of X:
 *
 *		support			s(A and C)
 *		confidence		s(A and C) / s(A)
 *		lift			confidence / s(C)
 *		leverage		s(A and C) - s(A) s(C)
 *		conviction		(1 - s(C)) / (1 - confidence); infinity when the confidence is 1
 *		zhangs_metric	leverage / max(s(A and C) (1 - s(A)), s(A) (s(C) - s(A and C))); 0 for 0 / 0
 *		jaccard			s(A and C) / (s(A) + s(C) - s(A and C))
 *		certainty		(confidence - s(C)) / (1 - s(C)); 0 when everybody has C
 *		kulczynski		(confidence + s(A and C) / s(C)) / 2
 *
 * They are computed from numbers of baskets, so that 0, 1 and infinity are exact.
 *
 * Brin, Motwani, Ullman, Tsur, "Dynamic itemset counting and implication rules for
 * market basket data" (1997: lift, conviction); Piatetsky-Shapiro, "Discovery,
 * analysis, and presentation of strong rules" (1991: leverage); Zhang et al.,
 * "Association rules mining" (2009).
 */
#ifndef CORE_RULES_RULES_H
#define CORE_RULES_RULES_H

#include "core/rules/itemsets.h"

/* In the order of the columns of association_rules(). */
typedef enum Measure
{
	MEASURE_ANTECEDENT_SUPPORT,
	MEASURE_CONSEQUENT_SUPPORT,
	MEASURE_SUPPORT,
	MEASURE_CONFIDENCE,
	MEASURE_LIFT,
	MEASURE_LEVERAGE,
	MEASURE_CONVICTION,
	MEASURE_ZHANG,
	MEASURE_JACCARD,
	MEASURE_CERTAINTY,
	MEASURE_KULCZYNSKI,
	N_MEASURES
} Measure;

/* By name, such as "zhangs_metric"; N_MEASURES when there is none. */
extern Measure measure_find(const char *name);

#define MEASURE_NAMES "antecedent_support consequent_support support confidence lift leverage " \
	"conviction zhangs_metric jaccard certainty kulczynski"

/* Baskets that hold the parts of a rule, each at least 1. */
typedef struct RuleCounts
{
	int64_t		all;			/* baskets there are */
	int64_t		antecedent;
	int64_t		consequent;
	int64_t		both;
} RuleCounts;

extern double rule_measure(Measure measure, const RuleCounts *counts);

typedef struct Rule
{
	const int32_t *antecedents; /* courses, ascending */
	int32_t		n_antecedents;
	const int32_t *consequents; /* the same */
	int32_t		n_consequents;
	RuleCounts	counts;
} Rule;

typedef struct RuleOptions
{
	Measure		metric;
	double		min_threshold;	/* least value of the metric */
	int32_t		max_consequents;	/* or ANY_LENGTH */
} RuleOptions;

/* Is told of a rule, which lives for the call only. */
typedef RecsysStatus (*RuleFunction) (Env *env, void *arg, const Rule *rule);

/*
 * Calls the function for the rules of each set, in the order of the sets: the most antecedents first,
 * then in the order of the antecedents.  None is kept.  The sets are indexed (itemsets_index).
 * Whatever max_len they were mined with, all that is needed of their subsets is there, because those
 * are shorter and at least as frequent.
 */
extern RecsysStatus rules_generate(Env *env, const Itemsets *itemsets, const RuleOptions *options,
								   RuleFunction function, void *arg);

#endif							/* CORE_RULES_RULES_H */
