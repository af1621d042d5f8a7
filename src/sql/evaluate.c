/*
 * evaluate.c
 *		Evaluation, comparison and tuning of methods.
 */
#include "postgres.h"

#include <math.h>

#include "utils/uuid.h"

#include "pg/args.h"
#include "pg/call.h"
#include "pg/compat.h"
#include "pg/dataset.h"
#include "pg/evaluation.h"
#include "pg/grid.h"

/* A finite number that must be given. */
static double
required_number(FunctionCallInfo fcinfo, int i, const char *name)
{
	require_arg(fcinfo, i, name);
	if (!isfinite(PG_GETARG_FLOAT8(i)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be a finite number", name)));
	return PG_GETARG_FLOAT8(i);
}

/* A count that has an upper bound, too. */
static int
bounded_count(FunctionCallInfo fcinfo, int i, const char *name, int max)
{
	int			n = required_count(fcinfo, i, name);

	if (n > max)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be at most %d, not %d", name, max, n)));
	return n;
}

/* A share: more than 0, less than 1. */
static double
required_share(FunctionCallInfo fcinfo, int i, const char *name)
{
	double		share = required_number(fcinfo, i, name);

	if (!(share > 0 && share < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be greater than 0 and less than 1, not %g", name,
						share)));
	return share;
}

/* The options of all, and `samples` when it is a tuning. */
static void
read_options(FunctionCallInfo fcinfo, int i, bool tunes, EvaluateArgs *args)
{
	OptionDef	defs[] = {
		{.name = "store", .type = OPTION_BOOL, .target = &args->store},
		{.name = "leave_k", .type = OPTION_INT, .target = &args->split.leave_k, .min = 1,
		.max = PG_INT32_MAX},
		{.name = "latest", .type = OPTION_BOOL, .target = &args->split.latest},
		{.name = "graded", .type = OPTION_BOOL, .target = &args->options.graded},
		{.name = "diversity", .type = OPTION_NUMBER, .target = &args->options.diversity, .min = 0,
		.max = 1},
		{.name = "samples", .type = OPTION_INT, .target = &args->samples, .min = 1, .max = GRID_MAX}
	};

	require_arg(fcinfo, i, "options");
	args->given_options = PG_GETARG_DATUM(i);
	options_read(args->given_options, defs, tunes ? lengthof(defs) : lengthof(defs) - 1);
}

/* The arguments from test to random_state, which begin at number i. */
static EvaluateArgs
common_args(FunctionCallInfo fcinfo, int i, const char *command)
{
	EvaluateArgs args = {.command = command, .split = {.leave_k = 1}};

	args.options = evaluate_defaults();
	args.test = arg_relation(fcinfo, i, "test");
	args.strategy = arg_text(fcinfo, i + 1);
	args.split.test_size = required_share(fcinfo, i + 2, "test_size");
	args.split.folds = bounded_count(fcinfo, i + 3, "folds", SPLIT_FOLDS_MAX);
	args.options.k = bounded_count(fcinfo, i + 4, "k", EVALUATE_K_MAX);
	args.options.relevance = PG_ARGISNULL(i + 5) ? NAN : required_number(fcinfo, i + 5, "relevance");
	require_arg(fcinfo, i + 6, "random_state");
	args.split.random_state = PG_GETARG_INT32(i + 6);
	return args;
}

RECSYS_FUNCTION(recsys_evaluate_method);

/*
 * evaluate_method(method, params, dataset, test, strategy, test_size, folds, k, relevance,
 * random_state, options)
 */
Datum
recsys_evaluate_method(PG_FUNCTION_ARGS)
{
	Call		call;
	EvaluateArgs args;

	call_begin_rows(&call, fcinfo);
	args = common_args(fcinfo, 3, "evaluate_method");
	read_options(fcinfo, 10, false, &args);
	require_arg(fcinfo, 1, "params");
	evaluate_method_rows(&call, required_text(fcinfo, 0, "method"), PG_GETARG_DATUM(1),
						 required_text(fcinfo, 2, "dataset"), &args);
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_evaluate_model);

/* evaluate_model(model, test, strategy, test_size, folds, k, relevance, random_state, options) */
Datum
recsys_evaluate_model(PG_FUNCTION_ARGS)
{
	Call		call;
	EvaluateArgs args;

	call_begin_rows(&call, fcinfo);
	args = common_args(fcinfo, 1, "evaluate_model");
	read_options(fcinfo, 8, false, &args);
	evaluate_model_rows(&call, required_text(fcinfo, 0, "model"), &args);
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_compare_methods);

/*
 * compare_methods(methods, params, dataset, test, strategy, test_size, folds, k, relevance,
 * random_state, options)
 */
Datum
recsys_compare_methods(PG_FUNCTION_ARGS)
{
	Call		call;
	EvaluateArgs args;
	char	  **methods;
	int			n;

	call_begin_rows(&call, fcinfo);
	require_arg(fcinfo, 0, "methods");
	methods = arg_texts(fcinfo, 0, "methods", &n);
	args = common_args(fcinfo, 3, "compare_methods");
	read_options(fcinfo, 10, false, &args);
	require_arg(fcinfo, 1, "params");
	compare_methods_rows(&call, methods, n, PG_GETARG_DATUM(1), required_text(fcinfo, 2, "dataset"),
						 &args);
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_tune_method);

/*
 * tune_method(method, grid, dataset, test, strategy, test_size, folds, k, relevance,
 * random_state, metric, options)
 */
Datum
recsys_tune_method(PG_FUNCTION_ARGS)
{
	Call		call;
	EvaluateArgs args;

	call_begin_rows(&call, fcinfo);
	args = common_args(fcinfo, 3, "tune_method");
	args.metric = arg_text(fcinfo, 10);
	read_options(fcinfo, 11, true, &args);
	require_arg(fcinfo, 1, "grid");
	tune_method_rows(&call, required_text(fcinfo, 0, "method"), PG_GETARG_DATUM(1),
					 required_text(fcinfo, 2, "dataset"), &args);
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_drop_evaluation);

/* drop_evaluation(evaluation) */
Datum
recsys_drop_evaluation(PG_FUNCTION_ARGS)
{
	Call		call;

	call_begin(&call, fcinfo);
	require_arg(fcinfo, 0, "evaluation");
	evaluation_drop(PG_GETARG_UUID_P(0));
	call_end(&call);
	PG_RETURN_VOID();
}

RECSYS_FUNCTION(recsys_evaluation_readable);

/* recsys_evaluation_readable(evaluation): may the caller SELECT what it was made from? */
Datum
recsys_evaluation_readable(PG_FUNCTION_ARGS)
{
	Call		call;
	bool		readable = false;

	call_begin(&call, fcinfo);
	if (!PG_ARGISNULL(0))
		readable = dataset_evaluation_readable(PG_GETARG_UUID_P(0));
	call_end(&call);
	PG_RETURN_BOOL(readable);
}
