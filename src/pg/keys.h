/*
 * keys.h
 *		User and course keys: between SQL values, the core and text.
 */
#ifndef PG_KEYS_H
#define PG_KEYS_H

#include "core/method.h"
#include "pg/dataset.h"

#define UUID_TEXT_SIZE 37		/* with terminator */

/* Room for a key whose bytes are made, not pointed to. */
typedef struct KeyBuffer
{
	char		text[UUID_TEXT_SIZE];
} KeyBuffer;

/*
 * A non-null value of a key's read type as the core's key.  uuid becomes its
 * text.  The bytes point into the value or the buffer.
 */
extern Key	key_from_datum(Oid read_type, Datum value, KeyBuffer *buffer);

/* The key as text; palloc'd. */
extern char *key_text(KeyKind kind, Key key);

/*
 * A rating, or a time in microseconds since 2000-01-01 UTC, from a non-null value of its read type.
 * A time that is infinite or out of range is an error that names its column.
 */
extern double rating_from_datum(Oid read_type, Datum value);
extern int64 time_from_datum(Oid read_type, Datum value, const Dataset *dataset);

/*
 * The user a function was called for.  An unknown visitor (null) has no key.
 */
typedef struct UserArg
{
	bool		known;			/* has a key; false for null and for keys that the column cannot hold */
	Oid			type;			/* int8, text or uuid: what the function was called with */
	Datum		value;
} UserArg;

/* The argument as a value of the column's read type; false when no row can have it. */
extern bool user_arg_convert(const UserArg *user, Oid read_type, Datum *value);

/*
 * The course that a caller means by a text, in any form that the type of the
 * key takes: " 07" is 7, a uuid may be in upper case; text is compared byte by
 * byte.  IDMAP_NONE when the model does not know it or it cannot be a key.
 */
extern int32_t find_course(const Dataset *dataset, const Recommender *rec, const char *text);

#endif							/* PG_KEYS_H */
