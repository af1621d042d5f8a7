/*
 * compat.h
 *		Differences between the supported versions of PostgreSQL (14 to 18).
 */
#ifndef PG_COMPAT_H
#define PG_COMPAT_H

#include "fmgr.h"

/*
 * RECSYS_FUNCTION(name) declares an SQL-callable C function.  The library is built with hidden
 * symbols, which PG_FUNCTION_INFO_V1 undoes by itself only from PostgreSQL 16 on.
 */
#define RECSYS_FUNCTION(name) \
	_Pragma("GCC visibility push(default)") \
	PG_FUNCTION_INFO_V1(name); \
	_Pragma("GCC visibility pop") \
	extern Datum name(PG_FUNCTION_ARGS)

#endif							/* PG_COMPAT_H */
