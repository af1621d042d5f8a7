/*
 * vector_query.c
 *		Vectors that a query returns, as points.
 *
 * The query is the caller's own and runs with the caller's rights, like any other
 * that the caller might send.  Rows are streamed into blocks, which are counted
 * against the memory of the job, and put together at the end.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "tcop/cmdtag.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"

#include "pg/arrays.h"
#include "pg/population.h"
#include "pg/query.h"
#include "pg/vector_query.h"

#define BLOCK_VALUES 65536		/* elements of a block, about */
#define ARGUMENT "vectors"		/* the name of the query for people */

/* Rows as they arrive. */
typedef struct VectorBlock
{
	struct VectorBlock *next;
	int64		n_rows;
	double	   *values;
} VectorBlock;

typedef struct VectorLoad
{
	Job		   *job;
	Oid			element_type;
	int32_t		n_dims;			/* of the first vector; 0 before it */
	int64		block_rows;		/* room of a block */
	int64		n_rows;
	VectorBlock *first;
	VectorBlock *last;
	MemoryContext row;			/* reset after each row */
} VectorLoad;

/* Raises unless the plan is one SELECT; returns its result type. */
static TupleDesc
check_plan(SPIPlanPtr plan)
{
	List	   *sources = SPI_plan_get_plan_sources(plan);
	CachedPlanSource *source = list_length(sources) == 1 ? linitial(sources) : NULL;

	if (source == NULL || source->commandTag != CMDTAG_SELECT || source->resultDesc == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("argument \"" ARGUMENT "\" must be a single SELECT statement")));
	return source->resultDesc;
}

/* Raises unless the result is one column of arrays of numbers; returns its type. */
static Oid
check_column(TupleDesc desc, Oid *element_type)
{
	Oid			type = desc->natts > 0 ? TupleDescAttr(desc, 0)->atttypid : InvalidOid;

	*element_type = desc->natts == 1 ? get_element_type(getBaseType(type)) : InvalidOid;
	switch (*element_type)
	{
		case FLOAT8OID:
		case FLOAT4OID:
		case NUMERICOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return type;
	}
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("query \"" ARGUMENT "\" must return one column of type double precision[]"),
			 desc->natts == 0 ? errdetail("It returns no column.") :
			 errdetail("It returns %d columns, the first of type %s.", desc->natts,
					   format_type_be(type)),
			 errhint("Cast the column: SELECT ...::double precision[].")));
}

/* An element as a double. */
static double
element_number(Datum value, Oid type)
{
	switch (type)
	{
		case FLOAT4OID:
			return DatumGetFloat4(value);
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		case INT8OID:
			return (double) DatumGetInt64(value);
		case NUMERICOID:
			return DatumGetFloat8(DirectFunctionCall1(numeric_float8, value));
		default:
			return DatumGetFloat8(value);
	}
}

/* The elements of a vector into values. */
static void
copy_elements(ArrayType *array, Oid type, int n, double *values)
{
	Datum	   *elements;
	int16		length;
	bool		by_value;
	char		align;

	if (type == FLOAT8OID)
	{
		memcpy(values, vector_from_array(array, ARGUMENT).values, sizeof(double) * n);
		return;
	}
	get_typlenbyvalalign(type, &length, &by_value, &align);
	deconstruct_array(array, type, length, by_value, align, &elements, NULL, &n);
	for (int i = 0; i < n; i++)
		values[i] = element_number(elements[i], type);
}

/* Raises unless the vector has elements, as many as the first one. */
static void
check_length(VectorLoad *load, int n)
{
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("vector of row " INT64_FORMAT " is empty", load->n_rows + 1)));
	if (load->n_dims == 0)
	{
		load->n_dims = n;
		load->block_rows = BLOCK_VALUES / n + 1;
	}
	if (n != load->n_dims)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("vectors differ in length: row " INT64_FORMAT " has %d elements, the first has %d",
						load->n_rows + 1, n, load->n_dims)));
}

/* Room for another row. */
static double *
next_row(VectorLoad *load)
{
	VectorBlock *block = load->last;

	if (block == NULL || block->n_rows == load->block_rows)
	{
		block = job_take(load->job, 1, sizeof(VectorBlock));
		block->values = job_take(load->job, load->block_rows, sizeof(double) * load->n_dims);
		if (load->last)
			load->last->next = block;
		else
			load->first = block;
		load->last = block;
	}
	return block->values + block->n_rows++ * load->n_dims;
}

/* One row of the query. */
static void
add_vector(TupleTableSlot *slot, void *arg)
{
	VectorLoad *load = arg;
	MemoryContext old = MemoryContextSwitchTo(load->row);
	ArrayType  *array;
	double	   *values;
	int			n;

	if (slot->tts_isnull[0])
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("vector of row " INT64_FORMAT " is null", load->n_rows + 1),
				 errhint("Leave such rows out with WHERE ... IS NOT NULL.")));
	array = DatumGetArrayTypeP(slot->tts_values[0]);
	n = check_flat_array(array, ARGUMENT);
	check_length(load, n);
	values = next_row(load);
	copy_elements(array, load->element_type, n, values);
	for (int i = 0; i < n; i++)
		if (!isfinite(values[i]))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("vector of row " INT64_FORMAT " has an element that is NaN or infinite",
							load->n_rows + 1)));
	load->n_rows++;
	MemoryContextSwitchTo(old);
	MemoryContextReset(load->row);
}

/* The blocks as one array; they are given back on the way. */
static void
join_blocks(VectorLoad *load, Points *points)
{
	double	   *values = env_alloc(&load->job->env, load->n_rows, sizeof(double) * load->n_dims);

	if (values == NULL)
		env_check(&load->job->env, load->job->env.status);
	points->n = load->n_rows;
	points->n_dims = load->n_dims;
	points->values = values;
	for (VectorBlock *block = load->first, *next; block != NULL; block = next)
	{
		Size		n = block->n_rows * load->n_dims;

		memcpy(values, block->values, sizeof(double) * n);
		values += n;
		next = block->next;
		env_free(&load->job->env, block->values);
		env_free(&load->job->env, block);
	}
}

/* Prepares, checks, streams. */
void
vector_query(Job *job, const char *query, Points *points)
{
	VectorLoad	load = {.job = job};
	SPIPlanPtr	plan;
	Oid			type;

	load.row = AllocSetContextCreate(CurrentMemoryContext, "course_recsys row",
									 ALLOCSET_DEFAULT_SIZES);
	SPI_connect();
	plan = SPI_prepare(query, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", query, SPI_result_code_string(SPI_result));
	type = check_column(check_plan(plan), &load.element_type);
	query_stream_plan(plan, NULL, 1, &type, add_vector, &load);
	SPI_finish();
	if (load.n_rows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("query \"" ARGUMENT "\" returns no rows")));
	join_blocks(&load, points);
}
