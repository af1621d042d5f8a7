/*
 * experiments.c
 *		Controlled experiments: experiment_variant, experiment_report.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "core/experiment.h"
#include "pg/args.h"
#include "pg/compat.h"
#include "pg/experiments.h"

/* qsort: by bytes. */
static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Raises unless there are variants, each once. */
static void
check_variants(char **variants, int n)
{
	char	  **sorted = palloc(sizeof(char *) * (n + 1));

	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be empty", "variants")));
	memcpy(sorted, variants, sizeof(char *) * n);
	qsort(sorted, n, sizeof(char *), compare_texts);
	for (int i = 1; i < n; i++)
		if (strcmp(sorted[i - 1], sorted[i]) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("variant \"%s\" is given more than once", sorted[i]),
					 errhint("Give a variant more users by its weight.")));
}

/* Raises unless there is a weight for each variant, none negative, and not all zero. */
static void
check_weights(const double *weights, int n_weights, int n_variants)
{
	double		total = 0;

	if (n_weights != n_variants)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("arguments \"variants\" and \"weights\" have different lengths: %d and %d",
						n_variants, n_weights)));
	for (int i = 0; i < n_weights; i++)
	{
		if (!(weights[i] >= 0))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("weight of a variant must be zero or more, not %g", weights[i])));
		total += weights[i];
	}
	if (!(total > 0) || isinf(total))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weights of the variants must have a positive, finite sum, not %g", total)));
}

/* The user as text; NULL for null. */
static char *
user_text(const UserArg *user)
{
	if (!user->known)
		return NULL;
	if (user->type == INT8OID)
		return psprintf(INT64_FORMAT, DatumGetInt64(user->value));
	if (user->type == UUIDOID)
		return DatumGetCString(DirectFunctionCall1(uuid_out, user->value));
	return TextDatumGetCString(user->value);
}

RECSYS_FUNCTION(recsys_experiment_variant);

/* experiment_variant(experiment, user_id, variants, weights) */
Datum
recsys_experiment_variant(PG_FUNCTION_ARGS)
{
	char	   *experiment = required_text(fcinfo, 0, "experiment");
	UserArg		user = arg_user_at(fcinfo, 1);
	char	   *user_name = user_text(&user);
	char	  **variants;
	double	   *weights;
	int			n_variants,
				n_weights;

	require_arg(fcinfo, 2, "variants");
	variants = arg_texts(fcinfo, 2, "variants", &n_variants);
	weights = arg_numbers(fcinfo, 3, "weights", &n_weights);
	check_variants(variants, n_variants);
	if (weights)
		check_weights(weights, n_weights, n_variants);
	if (user_name == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(variants[experiment_choose(experiment_draw(experiment, user_name),
																n_variants, weights)]));
}

/* A probability that is neither 0 nor 1. */
static double
required_confidence(FunctionCallInfo fcinfo, int i)
{
	double		confidence;

	require_arg(fcinfo, i, "confidence");
	confidence = PG_GETARG_FLOAT8(i);
	if (!(confidence > 0 && confidence < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be between 0 and 1, not %g", "confidence", confidence),
				 errhint("Write 0.95 for 95 percent.")));
	return confidence;
}

/* A name that must be given. */
static char *
required_name(FunctionCallInfo fcinfo, int i, const char *name)
{
	require_arg(fcinfo, i, name);
	return pstrdup(NameStr(*PG_GETARG_NAME(i)));
}

RECSYS_FUNCTION(recsys_experiment_report);

/*
 * experiment_report(exposures, experiment, control, variant_column, user_column, outcome_column,
 * experiment_column, confidence)
 */
Datum
recsys_experiment_report(PG_FUNCTION_ARGS)
{
	Call		call;
	ReportArgs	args;

	call_begin_rows(&call, fcinfo);
	require_arg(fcinfo, 0, "exposures");
	args.exposures = arg_relation(fcinfo, 0, "exposures");
	args.experiment = arg_text(fcinfo, 1);
	args.control = arg_text(fcinfo, 2);
	args.variant_column = required_name(fcinfo, 3, "variant_column");
	args.user_column = required_name(fcinfo, 4, "user_column");
	args.outcome_column = required_name(fcinfo, 5, "outcome_column");
	args.experiment_column = required_name(fcinfo, 6, "experiment_column");
	args.confidence = required_confidence(fcinfo, 7);
	experiment_report_rows(&call, &args);
	call_end(&call);
	return (Datum) 0;
}
