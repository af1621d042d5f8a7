/*
 * query.h
 *		Runs generated SQL as the caller and hands over row by row.
 */
#ifndef PG_QUERY_H
#define PG_QUERY_H

#include "executor/spi.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "nodes/params.h"

/* Called for each row; all attributes are deformed: slot->tts_values, slot->tts_isnull. */
typedef void (*RowFunction) (TupleTableSlot *slot, void *arg);

/*
 * Runs sql under the active snapshot, streaming; its result must have exactly
 * the given column types.  params may be NULL.  SPI must be connected.
 */
extern void query_stream(const char *sql, ParamListInfo params, int n_columns, const Oid *types,
						 RowFunction row, void *arg);

/* The same for a kept plan. */
extern void query_stream_plan(SPIPlanPtr plan, ParamListInfo params, int n_columns,
							  const Oid *types, RowFunction row, void *arg);

/* A list of one parameter. */
extern ParamListInfo query_one_param(Oid type, Datum value);

/* Rows that the planner expects of a query. */
extern double query_estimate(const char *sql);

#endif							/* PG_QUERY_H */
