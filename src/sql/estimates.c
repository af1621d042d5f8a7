/*
 * estimates.c
 *		How many rows the planner is to expect of functions whose caller says how many are wanted.
 *
 * Without this, a join with recommend_courses(u.id, 'knn', 3) would be planned
 * for the ROWS of the function's definition.  Only arguments are looked at, never
 * a table: EXPLAIN tells nobody how much data there are, and planning cannot fail.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"

#include "pg/compat.h"

#define ROWS_MAX 1000			/* expected at most: a great n means "all", which are not that many */
#define USERS_ASSUMED 10000		/* as in the definition of recommend_all: ROWS 100000 for an n of 10 */

/* The number of rows wanted: the first integer argument of a call, if it is a constant; else 0. */
static int32
wanted_rows(Node *call)
{
	ListCell   *cell;

	if (!is_funcclause(call))
		return 0;
	foreach(cell, ((FuncExpr *) call)->args)
	{
		Const	   *argument = lfirst(cell);

		if (exprType((Node *) argument) != INT4OID)
			continue;
		if (!IsA(argument, Const) || argument->constisnull)
			return 0;
		return Min(DatumGetInt32(argument->constvalue), ROWS_MAX);
	}
	return 0;
}

/* Answers a request for the number of rows, as so many for each that is wanted. */
static Node *
answer(Node *node, double rows_each)
{
	SupportRequestRows *request = (SupportRequestRows *) node;
	int32		wanted;

	if (!IsA(node, SupportRequestRows) || (wanted = wanted_rows(request->node)) < 1)
		return NULL;
	request->rows = wanted * rows_each;
	return node;
}

RECSYS_FUNCTION(recsys_rows_support);

/* Planner support: a constant n is the number of rows. */
Datum
recsys_rows_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(answer((Node *) PG_GETARG_POINTER(0), 1));
}

RECSYS_FUNCTION(recsys_user_rows_support);

/* Planner support: a constant n is the number of rows of each user. */
Datum
recsys_user_rows_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(answer((Node *) PG_GETARG_POINTER(0), USERS_ASSUMED));
}
