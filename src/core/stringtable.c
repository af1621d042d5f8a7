/*
 * stringtable.c
 *		A growing table of byte strings.
 *
 * Both buffers grow by half, so adding a string takes constant time a byte on
 * average, and a table takes at most 1.5 times its contents, 2.5 times while it
 * is moved.
 */
#include "core/stringtable.h"

#include <string.h>

#define FIRST_STRINGS 16
#define FIRST_BYTES 256

/* An empty table. */
RecsysStatus
strings_init(Env *env, StringTable *table)
{
	memset(table, 0, sizeof(*table));
	TRY(strings_reserve(env, table, FIRST_STRINGS, FIRST_BYTES));
	table->offsets[0] = 0;
	return RECSYS_OK;
}

/* Frees the buffers; the table may be used again after strings_init. */
void
strings_free(Env *env, StringTable *table)
{
	env_free(env, table->offsets);
	env_free(env, table->bytes);
	memset(table, 0, sizeof(*table));
}

/* Room to ask for when `needed` do not fit into `room`: half more than before, at most max. */
static int64_t
grown_room(int64_t room, int64_t needed, int64_t max)
{
	int64_t		grown = room < max - room / 2 ? room + room / 2 : max;

	return grown > needed ? grown : needed;
}

/* Grows the offsets to hold `needed` entries. */
static RecsysStatus
grow_offsets(Env *env, StringTable *table, int64_t needed)
{
	int64_t		room = grown_room(table->offsets_room, needed, INT32_MAX);
	int64_t    *offsets = env_resize(env, table->offsets, (size_t) room, sizeof(int64_t));

	if (offsets == NULL)
		return env->status;
	table->offsets = offsets;
	table->offsets_room = (int32_t) room;
	return RECSYS_OK;
}

/* Grows the buffer of bytes to hold `needed`. */
static RecsysStatus
grow_bytes(Env *env, StringTable *table, int64_t needed)
{
	int64_t		room = grown_room(table->bytes_room, needed, INT64_MAX);
	char	   *bytes = env_resize(env, table->bytes, (size_t) room, 1);

	if (bytes == NULL)
		return env->status;
	table->bytes = bytes;
	table->bytes_room = room;
	return RECSYS_OK;
}

/* Makes room for n more strings of `bytes` bytes together. */
RecsysStatus
strings_reserve(Env *env, StringTable *table, int32_t n, int64_t bytes)
{
	int64_t		offsets_needed = (int64_t) table->n + n + 1;
	int64_t		bytes_used = table->n > 0 ? table->offsets[table->n] : 0;

	if (offsets_needed > INT32_MAX || bytes > INT64_MAX - bytes_used)
		return env_fail(env, RECSYS_OVER_LIMIT, "too many distinct strings");
	if (offsets_needed > table->offsets_room)
		TRY(grow_offsets(env, table, offsets_needed));
	if (bytes_used + bytes > table->bytes_room)
		TRY(grow_bytes(env, table, bytes_used + bytes));
	return RECSYS_OK;
}

/* Appends a copy of a string. */
RecsysStatus
strings_add(Env *env, StringTable *table, const char *bytes, size_t length)
{
	if (length > INT32_MAX)
		return env_fail(env, RECSYS_OVER_LIMIT, "string of %zu bytes is too long", length);
	TRY(strings_reserve(env, table, 1, (int64_t) length));
	if (length > 0)
		memcpy(table->bytes + table->offsets[table->n], bytes, length);
	table->offsets[table->n + 1] = table->offsets[table->n] + (int64_t) length;
	table->n++;
	return RECSYS_OK;
}

/* Bytewise order, a shorter prefix first. */
int
bytes_compare(const char *a, int64_t a_length, const char *b, int64_t b_length)
{
	int64_t		common = a_length < b_length ? a_length : b_length;
	int			order = common > 0 ? memcmp(a, b, (size_t) common) : 0;

	if (order != 0)
		return order;
	return (a_length > b_length) - (a_length < b_length);
}
