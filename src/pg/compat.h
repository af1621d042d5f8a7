/*
 * compat.h: differences between the PostgreSQL versions; the only file that asks for the version.
 *
 * Include it after postgres.h.
 */
#ifndef PG_COMPAT_H
#define PG_COMPAT_H

#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"

#if PG_VERSION_NUM < 140000
#error "course_recsys needs PostgreSQL 14 or later"
#endif

/* VARSIZE, VARDATA and SET_VARSIZE left postgres.h in 16. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* Has transaction_timeout, new in 17, expired? */
static inline bool
transaction_timeout_pending(void)
{
#if PG_VERSION_NUM >= 170000
	return TransactionTimeoutPending;
#else
	return false;
#endif
}

/* One function for all kinds of objects since 16. */
#if PG_VERSION_NUM >= 160000
#include "catalog/pg_namespace_d.h"
#define pg_namespace_aclcheck(schema, role, mode) \
	object_aclcheck(NamespaceRelationId, schema, role, mode)
#endif

/* May the relations of a query, its subqueries left out, be read by those who would read them? */
static inline bool
query_permitted(Query *query)
{
#if PG_VERSION_NUM >= 160000
	return ExecCheckPermissions(query->rtable, query->rteperminfos, false);
#else
	return ExecCheckRTPerms(query->rtable, false);
#endif
}

/*
 * Declares a function that SQL calls, and its version record. The library hides its symbols by default,
 * and before 16 PG_FUNCTION_INFO_V1 does not ask for visibility. Write a semicolon after it.
 */
#define RECSYS_FUNCTION(name) \
	_Pragma("GCC visibility push(default)") \
	PG_FUNCTION_INFO_V1(name); \
	_Pragma("GCC visibility pop") \
	extern Datum name(PG_FUNCTION_ARGS)

#endif							/* PG_COMPAT_H */
