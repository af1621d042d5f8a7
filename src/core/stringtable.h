/*
 * stringtable.h
 *		A growing table of byte strings: course ids, genre names, words.
 *
 * Strings are numbered from 0 in the order added and kept one behind the other
 * in one buffer; they may hold any bytes and are not terminated.
 */
#ifndef CORE_STRINGTABLE_H
#define CORE_STRINGTABLE_H

#include "core/env.h"

typedef struct StringTable
{
	int32_t		n;
	int64_t    *offsets;		/* n + 1 used; string i is bytes[offsets[i]] .. bytes[offsets[i + 1]] */
	char	   *bytes;
	int32_t		offsets_room;	/* entries allocated */
	int64_t		bytes_room;		/* bytes allocated */
} StringTable;

extern RecsysStatus strings_init(Env *env, StringTable *table);
extern void strings_free(Env *env, StringTable *table);

/* Makes room for n more strings of `bytes` bytes together. */
extern RecsysStatus strings_reserve(Env *env, StringTable *table, int32_t n, int64_t bytes);

/*
 * Appends a copy; its number is table->n - 1 afterwards.  The string must not
 * lie in the table itself.  At most INT32_MAX - 1 strings of INT32_MAX bytes.
 */
extern RecsysStatus strings_add(Env *env, StringTable *table, const char *bytes, size_t length);

/* String i, not terminated. */
static inline const char *
strings_get(const StringTable *table, int32_t i, int32_t *length)
{
	*length = (int32_t) (table->offsets[i + 1] - table->offsets[i]);
	return table->bytes + table->offsets[i];
}

/* Bytewise order, a shorter prefix first: <0, 0, >0. */
extern int	bytes_compare(const char *a, int64_t a_length, const char *b, int64_t b_length);

#endif							/* CORE_STRINGTABLE_H */
