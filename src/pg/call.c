/*
 * call.c
 *		One call of an SQL function: its memory and its result rows.
 */
#include "postgres.h"

#include "common/shortest_dec.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "pg/call.h"
#include "pg/registry.h"

/* Finds the extension's tables and enters the call's context. */
void
call_begin(Call *call, FunctionCallInfo fcinfo)
{
	registry_enter(fcinfo);
	memset(call, 0, sizeof(*call));
	call->context = AllocSetContextCreate(CurrentMemoryContext, "course_recsys call",
										  ALLOCSET_DEFAULT_SIZES);
	call->caller = MemoryContextSwitchTo(call->context);
}

/* Makes the result set where the executor wants it: a tuplestore within work_mem. */
static void
begin_rows(Call *call, FunctionCallInfo fcinfo)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old;
	TupleDesc	desc;

	if (result == NULL || !IsA(result, ReturnSetInfo) ||
		!(result->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	old = MemoryContextSwitchTo(result->econtext->ecxt_per_query_memory);
	if (result->expectedDesc)
		desc = result->expectedDesc;
	else if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	call->desc = CreateTupleDescCopy(desc);
	call->rows = tuplestore_begin_heap((result->allowedModes & SFRM_Materialize_Random) != 0,
									   false, work_mem);
	result->returnMode = SFRM_Materialize;
	result->setResult = call->rows;
	result->setDesc = call->desc;
	MemoryContextSwitchTo(old);
}

/* The same for a function that returns rows. */
void
call_begin_rows(Call *call, FunctionCallInfo fcinfo)
{
	call_begin(call, fcinfo);
	begin_rows(call, fcinfo);
}

/* Leaves and frees the call's context: pins and borrowed room with it. */
void
call_end(Call *call)
{
	MemoryContextSwitchTo(call->caller);
	MemoryContextDelete(call->context);
}

/* Adds one row. */
void
call_row(Call *call, Datum *values, bool *nulls)
{
	tuplestore_putvalues(call->rows, call->desc, values, nulls);
}

/* A float as the double with the same shortest text. */
Datum
score_datum(float score)
{
	char		text[FLOAT_SHORTEST_DECIMAL_LEN];

	float_to_shortest_decimal_buf(score, text);
	return Float8GetDatum(strtod(text, NULL));
}
