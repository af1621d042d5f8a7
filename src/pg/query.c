/*
 * query.c
 *		Runs generated SQL as the caller and hands over row by row.
 *
 * Through the executor rather than a table scan, so that views, partitions,
 * row-level security and privileges hold; into a receiver of our own rather
 * than a result set, so that ten million rows take no memory.
 */
#include "postgres.h"

#include "nodes/plannodes.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"

#include "pg/query.h"

typedef struct RowReceiver
{
	DestReceiver pub;
	RowFunction row;
	void	   *arg;
	int			n_columns;
	const Oid  *types;
} RowReceiver;

/* Before the first row: the columns must be what the caller will read. */
static void
row_startup(DestReceiver *self, int operation, TupleDesc desc)
{
	RowReceiver *receiver = (RowReceiver *) self;

	if (desc->natts != receiver->n_columns)
		elog(ERROR, "query returns %d columns, expected %d", desc->natts, receiver->n_columns);
	for (int i = 0; i < desc->natts; i++)
	{
		if (TupleDescAttr(desc, i)->atttypid != receiver->types[i])
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column %d of the query has type %s, expected %s", i + 1,
							format_type_be(TupleDescAttr(desc, i)->atttypid),
							format_type_be(receiver->types[i]))));
	}
}

/* One row. */
static bool
row_receive(TupleTableSlot *slot, DestReceiver *self)
{
	RowReceiver *receiver = (RowReceiver *) self;

	slot_getallattrs(slot);
	receiver->row(slot, receiver->arg);
	return true;
}

/* Nothing to clean up: the receiver is on the stack. */
static void
row_nothing(DestReceiver *self)
{
}

/* DestTuplestore as a tag: with DestNone, SPI would not count the rows as a SELECT. */
static RowReceiver
row_receiver(int n_columns, const Oid *types, RowFunction row, void *arg)
{
	RowReceiver receiver = {
		.pub = {row_receive, row_startup, row_nothing, row_nothing, DestTuplestore},
		.row = row,
		.arg = arg,
		.n_columns = n_columns,
		.types = types
	};

	return receiver;
}

/* SPI reports nothing else than success by result: everything that can go wrong raises. */
static void
check_result(int result, const char *sql)
{
	if (result != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\": %s", sql, SPI_result_code_string(result));
}

/* Runs sql under the active snapshot, streaming. */
void
query_stream(const char *sql, ParamListInfo params, int n_columns, const Oid *types,
			 RowFunction row, void *arg)
{
	RowReceiver receiver = row_receiver(n_columns, types, row, arg);
	SPIExecuteOptions options = {
		.params = params,
		.read_only = true,
		.must_return_tuples = true,
		.dest = &receiver.pub
	};

	check_result(SPI_execute_extended(sql, &options), sql);
}

/* The same for a kept plan. */
void
query_stream_plan(SPIPlanPtr plan, ParamListInfo params, int n_columns, const Oid *types,
				  RowFunction row, void *arg)
{
	RowReceiver receiver = row_receiver(n_columns, types, row, arg);
	SPIExecuteOptions options = {
		.params = params,
		.read_only = true,
		.must_return_tuples = true,
		.dest = &receiver.pub
	};

	check_result(SPI_execute_plan_extended(plan, &options), "kept plan");
}

/* A list of one parameter. */
ParamListInfo
query_one_param(Oid type, Datum value)
{
	ParamListInfo params = makeParamList(1);

	params->params[0].value = value;
	params->params[0].isnull = false;
	params->params[0].pflags = PARAM_FLAG_CONST;
	params->params[0].ptype = type;
	return params;
}

/* Rows that the planner expects of a query. */
double
query_estimate(const char *sql)
{
	SPIPlanPtr	plan = SPI_prepare(sql, 0, NULL);
	CachedPlan *cached;
	double		rows = 0;

	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", sql, SPI_result_code_string(SPI_result));
	PushActiveSnapshot(GetTransactionSnapshot());
	cached = SPI_plan_get_cached_plan(plan);
	if (cached != NULL && cached->stmt_list != NIL)
		rows = linitial_node(PlannedStmt, cached->stmt_list)->planTree->plan_rows;
	if (cached != NULL)
		ReleaseCachedPlan(cached, NULL);	/* an unsaved plan has no owner */
	PopActiveSnapshot();
	SPI_freeplan(plan);
	return rows;
}
