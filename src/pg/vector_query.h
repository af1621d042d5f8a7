/*
 * vector_query.h
 *		Vectors that a query returns, as points.
 */
#ifndef PG_VECTOR_QUERY_H
#define PG_VECTOR_QUERY_H

#include "core/points.h"
#include "pg/env_pg.h"

/*
 * Runs a query as the caller, read-only, and reads its vectors into the job's
 * memory.  It must be one SELECT with one column: an array of numbers (float8,
 * real, numeric, or integers), of the same length in all rows.  Errors:
 *		42601	more than one statement, or none, or one that is no SELECT
 *		42804	another number of columns, or another type
 *		22004	a vector, or an element, is NULL
 *		2202E	a vector is empty, has more than one dimension, or another length
 *		22000	an element is NaN or infinite; no rows at all
 *		0A000	it would write
 */
extern void vector_query(Job *job, const char *query, Points *points);

#endif							/* PG_VECTOR_QUERY_H */
