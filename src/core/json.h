/*
 * json.h
 *		A reader of short JSON texts (RFC 8259), token by token.
 *
 * Nothing is allocated and nothing is built: whoever reads knows what should
 * come.  All functions skip white space first; one that says false has not moved.
 */
#ifndef CORE_JSON_H
#define CORE_JSON_H

#include <stdbool.h>
#include <stddef.h>

typedef struct JsonReader
{
	const char *at;
	const char *end;
} JsonReader;

/* The character that comes next, '\0' at the end: '"', '[', '{', ... tell what it is. */
extern char json_peek(JsonReader *reader);

/* Takes a character, such as '[' or ','. */
extern bool json_take(JsonReader *reader, char wanted);

/* Takes a word: true, false, null. */
extern bool json_take_word(JsonReader *reader, const char *word);

/*
 * Takes a string, terminated in text, which has room for size bytes.  False also when it does not fit,
 * or holds an escape for a character above U+007F, which no writer needs in UTF-8.
 */
extern bool json_take_string(JsonReader *reader, char *text, size_t size, size_t *length);

extern bool json_take_number(JsonReader *reader, double *number);

/* Takes a value of whatever kind; what is in an array or object need not be right. */
extern bool json_skip(JsonReader *reader);

#endif							/* CORE_JSON_H */
