/*
 * keys.c
 *		User and course keys: between SQL values, the core and text.
 *
 * The argument is converted to the column's type, never the column to the
 * argument's, so that the index on the column serves the query.
 */
#include "postgres.h"

#include <limits.h>

#include "catalog/pg_type.h"
#include "common/int.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "pg/keys.h"
#include "pg/load.h"

/* Seconds from 1970-01-01 to 2000-01-01. */
#define EPOCH_SHIFT ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

/* Lower-case text of a uuid, with dashes. */
static void
uuid_text(const pg_uuid_t *uuid, char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < UUID_LEN; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*text++ = '-';
		*text++ = digits[uuid->data[i] >> 4];
		*text++ = digits[uuid->data[i] & 15];
	}
	*text = '\0';
}

/* A non-null value of a key's read type as the core's key. */
Key
key_from_datum(Oid read_type, Datum value, KeyBuffer *buffer)
{
	Key			key = {0};
	text	   *string;

	switch (read_type)
	{
		case INT2OID:
			key.number = DatumGetInt16(value);
			break;
		case INT4OID:
			key.number = DatumGetInt32(value);
			break;
		case INT8OID:
			key.number = DatumGetInt64(value);
			break;
		case TEXTOID:
			string = DatumGetTextPP(value);
			key.bytes = VARDATA_ANY(string);
			key.length = VARSIZE_ANY_EXHDR(string);
			break;
		case UUIDOID:
			uuid_text(DatumGetUUIDP(value), buffer->text);
			key.bytes = buffer->text;
			key.length = UUID_TEXT_SIZE - 1;
			break;
		default:
			elog(ERROR, "unexpected key type %u", read_type);
	}
	return key;
}

/* The key as text. */
char *
key_text(KeyKind kind, Key key)
{
	if (kind == KEY_NUMBER)
		return psprintf(INT64_FORMAT, key.number);
	return pnstrdup(key.bytes, key.length);
}

/* A rating from a non-null value of its read type. */
double
rating_from_datum(Oid read_type, Datum value)
{
	return read_type == FLOAT4OID ? DatumGetFloat4(value) : DatumGetFloat8(value);
}

/* Raises for a time that has no place on the axis. */
static void
raise_bad_time(const Dataset *dataset)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("column \"%s\" of relation %s of dataset \"%s\" contains a time that is infinite or out of range",
					dataset->time_column, dataset->ratings, dataset->name),
			 errhint("Replace such times by null, which counts as the oldest time, or register a view without them.")));
}

/* A time from a non-null value of its read type; timestamp and date are taken as UTC. */
int64
time_from_datum(Oid read_type, Datum value, const Dataset *dataset)
{
	int64		seconds,
				result;

	switch (read_type)
	{
		case TIMESTAMPTZOID:
		case TIMESTAMPOID:
			result = DatumGetTimestamp(value);
			if (TIMESTAMP_NOT_FINITE(result))
				raise_bad_time(dataset);
			return result;
		case DATEOID:
			if (DATE_NOT_FINITE(DatumGetDateADT(value)))
				raise_bad_time(dataset);
			seconds = (int64) DatumGetDateADT(value) * SECS_PER_DAY;
			break;
		default:
			if (pg_sub_s64_overflow(DatumGetInt64(value), EPOCH_SHIFT, &seconds))
				raise_bad_time(dataset);
			break;
	}
	if (pg_mul_s64_overflow(seconds, USECS_PER_SEC, &result) || result == PG_INT64_MIN)
		raise_bad_time(dataset);
	return result;
}

/* A number as a value of an integer type; false when the type cannot hold it. */
static bool
number_to_type(int64 number, Oid read_type, Datum *value)
{
	switch (read_type)
	{
		case INT2OID:
			*value = Int16GetDatum((int16) number);
			return number >= SHRT_MIN && number <= SHRT_MAX;
		case INT4OID:
			*value = Int32GetDatum((int32) number);
			return number >= PG_INT32_MIN && number <= PG_INT32_MAX;
		case INT8OID:
			*value = Int64GetDatum(number);
			return true;
		case TEXTOID:
			*value = CStringGetTextDatum(psprintf(INT64_FORMAT, number));
			return true;
	}
	return false;
}

/* Raises for a user_id of a type that the column cannot be compared with. */
static void
raise_mismatch(Oid arg_type, Oid read_type)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("argument \"%s\" has type %s, but the users of the dataset have keys of type %s",
					"user_id", format_type_be(arg_type), format_type_be(read_type)),
			 errhint("Pass it as %s or as text.", format_type_be(read_type))));
}

/* What a text is as a number. */
typedef enum NumberText
{
	NUMBER_NONE,				/* not an integer */
	NUMBER_BEYOND,				/* one of more than 64 bits */
	NUMBER_GOOD
} NumberText;

/* Reads an integer, with blanks around it as in the input of integer columns. */
static NumberText
read_number(const char *text, int64 *number)
{
	char	   *end;

	errno = 0;
	*number = strtoll(text, &end, 10);
	if (end == text)
		return NUMBER_NONE;
	while (isspace((unsigned char) *end))
		end++;
	if (*end != '\0')
		return NUMBER_NONE;
	return errno == ERANGE ? NUMBER_BEYOND : NUMBER_GOOD;
}

/* Text as a number, or an error with the argument's name; false for one that no column can hold. */
static bool
parse_number(const char *text, int64 *number)
{
	NumberText	read = read_number(text, number);

	if (read == NUMBER_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("argument \"%s\" is not an integer: \"%s\"", "user_id", text),
				 errdetail("The users of the dataset have integer keys.")));
	return read == NUMBER_GOOD;
}

/* Will uuid_in take it?  32 digits, a dash after any four of them, braces around them or none. */
static bool
is_uuid(const char *text)
{
	const char *end = *text == '{' ? "}" : "";

	text += strlen(end);
	for (int digits = 0; digits < 2 * UUID_LEN; digits++)
	{
		if (digits > 0 && digits % 4 == 0 && *text == '-')
			text++;
		if (!isxdigit((unsigned char) *text))
			return false;
		text++;
	}
	return strcmp(text, end) == 0;
}

/* Text as a uuid; raises with the argument's name. */
static Datum
parse_uuid(const char *text)
{
	if (!is_uuid(text))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("argument \"%s\" is not a uuid: \"%s\"", "user_id", text),
				 errdetail("The users of the dataset have uuid keys.")));
	return DirectFunctionCall1(uuid_in, CStringGetDatum(text));
}

/* The argument as a value of the column's read type; false when no row can have it. */
bool
user_arg_convert(const UserArg *user, Oid read_type, Datum *value)
{
	int64		number;

	if (user->type == INT8OID)
	{
		if (read_type == UUIDOID)
			raise_mismatch(user->type, read_type);
		return number_to_type(DatumGetInt64(user->value), read_type, value);
	}
	if (user->type == UUIDOID)
	{
		if (read_type != UUIDOID && read_type != TEXTOID)
			raise_mismatch(user->type, read_type);
		*value = user->value;
		if (read_type == TEXTOID)
			*value = CStringGetTextDatum(DatumGetCString(DirectFunctionCall1(uuid_out, user->value)));
		return true;
	}
	*value = user->value;
	if (read_type == UUIDOID)
		*value = parse_uuid(TextDatumGetCString(user->value));
	else if (read_type != TEXTOID)
		return parse_number(TextDatumGetCString(user->value), &number) &&
			number_to_type(number, read_type, value);
	return true;
}

/* A course as the model shows it; the text itself when it cannot be a key of the column. */
static const char *
canonical_course(const Dataset *dataset, const Recommender *rec, const char *text,
				 KeyBuffer *buffer)
{
	int64		number;

	if (rec->course_kind == KEY_NUMBER && read_number(text, &number) == NUMBER_GOOD)
		snprintf(buffer->text, sizeof(buffer->text), INT64_FORMAT, number);
	else if (rec->course_kind == KEY_BYTES && is_uuid(text) &&
			 ratings_columns(dataset).types[1] == UUIDOID)
		uuid_text(DatumGetUUIDP(DirectFunctionCall1(uuid_in, CStringGetDatum(text))), buffer->text);
	else
		return text;
	return buffer->text;
}

/* The course that a caller means. */
int32_t
find_course(const Dataset *dataset, const Recommender *rec, const char *text)
{
	KeyBuffer	buffer;

	text = canonical_course(dataset, rec, text, &buffer);
	return recommender_find_text(rec, text, strlen(text));
}
