/*
 * factors.c
 *		course_factors, user_factors.
 */
#include "postgres.h"

#include "pg/args.h"
#include "pg/compat.h"
#include "pg/factors.h"

RECSYS_FUNCTION(recsys_course_factors);

/* course_factors(model) */
Datum
recsys_course_factors(PG_FUNCTION_ARGS)
{
	Call		call;

	call_begin_rows(&call, fcinfo);
	course_factor_rows(&call, required_text(fcinfo, 0, "model"));
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_user_factors);

/* user_factors(model) */
Datum
recsys_user_factors(PG_FUNCTION_ARGS)
{
	Call		call;

	call_begin_rows(&call, fcinfo);
	user_factor_rows(&call, required_text(fcinfo, 0, "model"));
	call_end(&call);
	return (Datum) 0;
}
