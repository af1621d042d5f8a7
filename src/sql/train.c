/*
 * train.c
 *		Training and the life of a model; what methods there are; progress.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/latent.h"
#include "core/parts.h"
#include "pg/args.h"
#include "pg/call.h"
#include "pg/compat.h"
#include "pg/model_info.h"
#include "pg/progress.h"
#include "pg/training.h"

RECSYS_FUNCTION(recsys_train_model);

/* train_model(model, method, params, dataset, publish, if_changed, wait) */
Datum
recsys_train_model(PG_FUNCTION_ARGS)
{
	Call		call;
	TrainArgs	args;

	call_begin_rows(&call, fcinfo);
	args.model = required_text(fcinfo, 0, "model");
	args.method = arg_text(fcinfo, 1);
	require_arg(fcinfo, 2, "params");
	args.params = PG_GETARG_DATUM(2);
	args.dataset = required_text(fcinfo, 3, "dataset");
	require_arg(fcinfo, 4, "publish");
	require_arg(fcinfo, 5, "if_changed");
	require_arg(fcinfo, 6, "wait");
	args.publish = PG_GETARG_BOOL(4);
	args.if_changed = PG_GETARG_BOOL(5);
	args.wait = PG_GETARG_BOOL(6);
	train_model_rows(&call, &args);
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_drop_model);

/* drop_model(model) */
Datum
recsys_drop_model(PG_FUNCTION_ARGS)
{
	Call		call;

	call_begin(&call, fcinfo);
	drop_model_versions(required_text(fcinfo, 0, "model"));
	call_end(&call);
	PG_RETURN_VOID();
}

RECSYS_FUNCTION(recsys_rollback_model);

/* rollback_model(model) */
Datum
recsys_rollback_model(PG_FUNCTION_ARGS)
{
	Call		call;
	int			version;

	call_begin(&call, fcinfo);
	version = rollback_model_version(required_text(fcinfo, 0, "model"));
	call_end(&call);
	PG_RETURN_INT32(version);
}

RECSYS_FUNCTION(recsys_publish_model);

/* publish_model(model, version) */
Datum
recsys_publish_model(PG_FUNCTION_ARGS)
{
	Call		call;

	call_begin(&call, fcinfo);
	require_arg(fcinfo, 1, "version");
	publish_model_version(required_text(fcinfo, 0, "model"), PG_GETARG_INT32(1));
	call_end(&call);
	PG_RETURN_VOID();
}

RECSYS_FUNCTION(recsys_training_log);

/* training_log(model) */
Datum
recsys_training_log(PG_FUNCTION_ARGS)
{
	Call		call;

	call_begin_rows(&call, fcinfo);
	training_log_rows(&call, required_text(fcinfo, 0, "model"));
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_estimate_training);

/* estimate_training(method, params, dataset) */
Datum
recsys_estimate_training(PG_FUNCTION_ARGS)
{
	Call		call;

	call_begin_rows(&call, fcinfo);
	require_arg(fcinfo, 1, "params");
	estimate_training_rows(&call, required_text(fcinfo, 0, "method"), PG_GETARG_DATUM(1),
						   required_text(fcinfo, 2, "dataset"));
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_list_methods);

/* recsys_methods() */
Datum
recsys_list_methods(PG_FUNCTION_ARGS)
{
	Call		call;

	call_begin_rows(&call, fcinfo);
	for (int i = 0; recsys_methods[i] != NULL; i++)
	{
		const Method *m = recsys_methods[i];
		bool		nulls[8] = {false};
		Datum		values[] = {
			CStringGetTextDatum(m->name), CStringGetTextDatum(m->description),
			CStringGetTextDatum(m->objective == OBJECTIVE_RANKING ? "ranking" : "rating"),
			BoolGetDatum(m->predict != NULL && !method_combines(m)), BoolGetDatum(m->similar != NULL),
			BoolGetDatum(m->explain != NULL),
			BoolGetDatum(m->stores_user_rows != NULL || method_combines(m)),
			BoolGetDatum(method_has_factors(m))
		};

		call_row(&call, values, nulls);
	}
	call_end(&call);
	return (Datum) 0;
}

/* The choices of a parameter as text[]. */
static Datum
choices_array(const ParamDef *def)
{
	Datum		elements[64];
	int			n = 0,
				length;
	const char *name;

	while (n < (int) lengthof(elements) && (name = choice_name(def->choices, n, &length)) != NULL)
		elements[n++] = PointerGetDatum(cstring_to_text_with_len(name, length));
	return PointerGetDatum(construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* One parameter as a row. */
static void
add_param(Call *call, const ParamDef *def)
{
	static const char *const types[] = {
		[PARAM_BOOL] = "boolean", [PARAM_INT] = "integer", [PARAM_FLOAT] = "float",
		[PARAM_COUNT] = "integer",
		[PARAM_CHOICE] = "choice", [PARAM_INTERVAL] = "interval", [PARAM_RANGE] = "range",
		[PARAM_TEXT] = "text", [PARAM_NUMBERS] = "numbers", [PARAM_PARTS] = "methods",
		[PARAM_PART] = "method"
	};
	bool		is_number = def->type == PARAM_INT || def->type == PARAM_FLOAT ||
		def->type == PARAM_COUNT || def->type == PARAM_INTERVAL || def->type == PARAM_RANGE ||
		def->type == PARAM_NUMBERS;
	bool		no_default = strcmp(def->default_text, "null") == 0;
	bool		nulls[] = {
		false, false, no_default, !is_number || isinf(def->min), !is_number || isinf(def->max),
		def->type != PARAM_CHOICE, false
	};
	Datum		values[] = {
		CStringGetTextDatum(def->name), CStringGetTextDatum(types[def->type]),
		CStringGetTextDatum(def->default_text), Float8GetDatum(def->min), Float8GetDatum(def->max),
		def->type == PARAM_CHOICE ? choices_array(def) : (Datum) 0,
		CStringGetTextDatum(def->description)
	};

	call_row(call, values, nulls);
}

RECSYS_FUNCTION(recsys_list_method_params);

/* recsys_method_params(method) */
Datum
recsys_list_method_params(PG_FUNCTION_ARGS)
{
	Call		call;
	const Method *method;
	const ParamDef *def;

	call_begin_rows(&call, fcinfo);
	method = required_method(required_text(fcinfo, 0, "method"));
	/* Its own parameters first, then those that every method has. */
	for (int i = N_COMMON_PARAMS; (def = params_def(&method->params, i)) != NULL; i++)
		add_param(&call, def);
	for (int i = 0; i < N_COMMON_PARAMS; i++)
		add_param(&call, params_def(&method->params, i));
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_progress_rows);

/* recsys_progress_rows(): the rows of the view recsys_progress */
Datum
recsys_progress_rows(PG_FUNCTION_ARGS)
{
	Call		call;
	int			n = progress_backends();

	call_begin_rows(&call, fcinfo);
	for (int i = 1; i <= n; i++)
	{
		ProgressRow row;

		if (progress_read(i, &row))
		{
			bool		nulls[] = {
				false, false, false, false, false, row.of <= 0, isnan(row.loss), false
			};
			Datum		values[] = {
				Int32GetDatum(row.pid), CStringGetTextDatum(row.model),
				CStringGetTextDatum(row.method), CStringGetTextDatum(row.phase),
				Int64GetDatum(row.iteration), Int64GetDatum(row.of), Float8GetDatum(row.loss),
				Float8GetDatum(row.elapsed)
			};

			call_row(&call, values, nulls);
		}
	}
	call_end(&call);
	return (Datum) 0;
}
