/*
 * call.h
 *		One call of an SQL function: its memory and its result rows.
 */
#ifndef PG_CALL_H
#define PG_CALL_H

#include "fmgr.h"
#include "utils/tuplestore.h"

/*
 * Everything that a call pins or borrows is tied to its context, which call_end
 * deletes; after an error, the context's parent does.
 */
typedef struct Call
{
	MemoryContext context;
	MemoryContext caller;
	Tuplestorestate *rows;		/* set-returning functions */
	TupleDesc	desc;
} Call;

/* Finds the extension's tables and enters the call's context. */
extern void call_begin(Call *call, FunctionCallInfo fcinfo);

/* The same for a function that returns rows. */
extern void call_begin_rows(Call *call, FunctionCallInfo fcinfo);

extern void call_end(Call *call);

/* Adds one row. */
extern void call_row(Call *call, Datum *values, bool *nulls);

/* A float as the double with the same shortest text: .6f as 0.6, not 0.6000000238. */
extern Datum score_datum(float score);

#endif							/* PG_CALL_H */
