/*
 * rules.h
 *		Frequent item sets and association rules of a dataset.
 */
#ifndef PG_RULES_H
#define PG_RULES_H

#include "core/rules/rules.h"
#include "pg/call.h"

/* Rows of frequent_itemsets. */
extern void frequent_itemset_rows(Call *call, const char *dataset, const ItemsetOptions *options,
								  ItemsetMiner miner);

/* Rows of association_rules. */
extern void association_rule_rows(Call *call, const char *dataset, const ItemsetOptions *options,
								  ItemsetMiner miner, const RuleOptions *rules);

#endif							/* PG_RULES_H */
