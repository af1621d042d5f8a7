/*
 * rules.c
 *		Frequent item sets and association rules.
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"

#include "pg/args.h"
#include "pg/compat.h"
#include "pg/rules.h"

/* Arguments min_support and max_len; NULL for the latter is any length. */
static ItemsetOptions
arg_itemsets(FunctionCallInfo fcinfo, int min_support, int max_len)
{
	ItemsetOptions options = {.max_len = ANY_LENGTH};

	require_arg(fcinfo, min_support, "min_support");
	options.min_support = PG_GETARG_FLOAT8(min_support);
	if (!(options.min_support > 0 && options.min_support <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"min_support\" must be above 0 and at most 1, not %g", options.min_support),
				 errhint("It is a share of the users: divide a number of users by all users.")));
	if (!PG_ARGISNULL(max_len))
		options.max_len = required_count(fcinfo, max_len, "max_len");
	return options;
}

/* Argument algorithm. */
static ItemsetMiner
arg_miner(FunctionCallInfo fcinfo, int i)
{
	char	   *name = required_text(fcinfo, i, "algorithm");
	ItemsetMiner miner = itemsets_miner(name);

	if (miner == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized algorithm: \"%s\"", name),
				 errhint("Valid algorithms are %s.", ITEMSET_MINERS)));
	return miner;
}

/* Raises `unrecognized metric` with the names that there are. */
static void
raise_metric(const char *name)
{
	StringInfoData list;
	const char *measure;
	int			length;

	initStringInfo(&list);
	for (int i = 0; (measure = choice_name(MEASURE_NAMES, i, &length)) != NULL; i++)
		appendStringInfo(&list, "%s\"%.*s\"", i > 0 ? ", " : "", length, measure);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized metric: \"%s\"", name),
			 errhint("Valid metrics are %s.", list.data)));
}

/* Arguments metric and min_threshold. */
static RuleOptions
arg_rules(FunctionCallInfo fcinfo, int metric, int min_threshold)
{
	char	   *name = required_text(fcinfo, metric, "metric");
	RuleOptions options = {.metric = measure_find(name),.max_consequents = ANY_LENGTH};

	require_arg(fcinfo, min_threshold, "min_threshold");
	options.min_threshold = PG_GETARG_FLOAT8(min_threshold);
	if (options.metric == N_MEASURES)
		raise_metric(name);
	if (isnan(options.min_threshold))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"min_threshold\" must not be NaN")));
	return options;
}

RECSYS_FUNCTION(recsys_frequent_itemsets);

/* frequent_itemsets(dataset, min_support, max_len, algorithm) */
Datum
recsys_frequent_itemsets(PG_FUNCTION_ARGS)
{
	ItemsetOptions options = arg_itemsets(fcinfo, 1, 2);
	Call		call;

	call_begin_rows(&call, fcinfo);
	frequent_itemset_rows(&call, required_text(fcinfo, 0, "dataset"), &options, arg_miner(fcinfo, 3));
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_association_rules);

/* association_rules(dataset, min_support, metric, min_threshold, max_len, algorithm) */
Datum
recsys_association_rules(PG_FUNCTION_ARGS)
{
	ItemsetOptions options = arg_itemsets(fcinfo, 1, 4);
	RuleOptions rules = arg_rules(fcinfo, 2, 3);
	Call		call;

	call_begin_rows(&call, fcinfo);
	association_rule_rows(&call, required_text(fcinfo, 0, "dataset"), &options, arg_miner(fcinfo, 5),
						  &rules);
	call_end(&call);
	return (Datum) 0;
}
