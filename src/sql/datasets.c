/*
 * datasets.c
 *		register_dataset, drop_dataset, and who may read one.
 */
#include "postgres.h"

#include "pg/args.h"
#include "pg/call.h"
#include "pg/compat.h"
#include "pg/dataset.h"

/* A name argument as a C string; NULL for null. */
static char *
arg_name(FunctionCallInfo fcinfo, int i)
{
	return PG_ARGISNULL(i) ? NULL : NameStr(*PG_GETARG_NAME(i));
}

/* A name argument that must be given. */
static char *
required_name(FunctionCallInfo fcinfo, int i, const char *name)
{
	require_arg(fcinfo, i, name);
	return arg_name(fcinfo, i);
}

RECSYS_FUNCTION(recsys_register_dataset);

/*
 * register_dataset(name, ratings, courses, user_column, course_column, rating_column, time_column,
 * courses_key, title_column, description_column, genre_columns, terms, users,
 * user_feature_columns, options)
 */
Datum
recsys_register_dataset(PG_FUNCTION_ARGS)
{
	Call		call;
	DatasetArgs args = {0};

	call_begin(&call, fcinfo);
	require_arg(fcinfo, 1, "ratings");
	require_arg(fcinfo, 14, "options");
	args.name = required_text(fcinfo, 0, "name");
	args.ratings = arg_relation(fcinfo, 1, "ratings");
	args.courses = arg_relation(fcinfo, 2, "courses");
	args.user_column = required_name(fcinfo, 3, "user_column");
	args.course_column = required_name(fcinfo, 4, "course_column");
	args.rating_column = arg_name(fcinfo, 5);
	args.time_column = arg_name(fcinfo, 6);
	args.courses_key = arg_name(fcinfo, 7);
	args.title_column = arg_name(fcinfo, 8);
	args.description_column = arg_name(fcinfo, 9);
	args.genre_columns = arg_names(fcinfo, 10, "genre_columns", &args.n_genres);
	args.terms = arg_relation(fcinfo, 11, "terms");
	args.users = arg_relation(fcinfo, 12, "users");
	args.feature_columns = arg_names(fcinfo, 13, "user_feature_columns", &args.n_features);
	args.options = PG_GETARG_DATUM(14);
	dataset_register(&args);
	call_end(&call);
	PG_RETURN_VOID();
}

RECSYS_FUNCTION(recsys_drop_dataset);

/* drop_dataset(name) */
Datum
recsys_drop_dataset(PG_FUNCTION_ARGS)
{
	Call		call;

	call_begin(&call, fcinfo);
	dataset_drop(required_text(fcinfo, 0, "name"));
	call_end(&call);
	PG_RETURN_VOID();
}

RECSYS_FUNCTION(recsys_model_readable);

/* recsys_model_readable(build): may the caller SELECT what this version was trained on? */
Datum
recsys_model_readable(PG_FUNCTION_ARGS)
{
	Call		call;
	bool		readable = false;

	call_begin(&call, fcinfo);
	if (!PG_ARGISNULL(0))
		readable = dataset_build_readable(PG_GETARG_UUID_P(0));
	call_end(&call);
	PG_RETURN_BOOL(readable);
}

RECSYS_FUNCTION(recsys_dataset_readable);

/* recsys_dataset_readable(dataset): may the caller SELECT what its models are made from? */
Datum
recsys_dataset_readable(PG_FUNCTION_ARGS)
{
	Call		call;
	bool		readable = false;

	call_begin(&call, fcinfo);
	if (!PG_ARGISNULL(0) && dataset_exists(arg_text(fcinfo, 0)))
		readable = dataset_readable(dataset_open(arg_text(fcinfo, 0), call.context));
	call_end(&call);
	PG_RETURN_BOOL(readable);
}
