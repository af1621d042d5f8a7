/*
 * json.c
 *		A reader of short JSON texts, token by token.
 */
#include "core/json.h"

#include <stdlib.h>
#include <string.h>

#define NUMBER_SIZE 32			/* bytes of a number, terminated */

/* Moves past white space. */
static void
skip_space(JsonReader *reader)
{
	while (reader->at < reader->end && strchr(" \t\r\n", *reader->at) != NULL && *reader->at != '\0')
		reader->at++;
}

/* The next character. */
char
json_peek(JsonReader *reader)
{
	skip_space(reader);
	return reader->at < reader->end ? *reader->at : '\0';
}

/* One character. */
bool
json_take(JsonReader *reader, char wanted)
{
	if (json_peek(reader) != wanted || reader->at == reader->end)
		return false;
	reader->at++;
	return true;
}

/* One word. */
bool
json_take_word(JsonReader *reader, const char *word)
{
	size_t		length = strlen(word);

	skip_space(reader);
	if ((size_t) (reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0)
		return false;
	reader->at += length;
	return true;
}

/* Value of a hexadecimal digit, or -1. */
static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What follows "\u", four digits of which the first two are 0, of an ASCII character; -1 for any other. */
static int
read_unicode(const char *at, const char *end)
{
	int			code = 0;

	if (end - at < 4)
		return -1;
	for (int i = 0; i < 4; i++)
	{
		int			digit = hex_digit(at[i]);

		if (digit < 0)
			return -1;
		code = code * 16 + digit;
	}
	return code < 0x80 ? code : -1;
}

/* The character of an escape whose backslash has been read; -1 when there is no such escape. */
static int
read_escape(const char **at, const char *end)
{
	static const char names[] = "\"\\/bfnrt";
	static const char values[] = "\"\\/\b\f\n\r\t";
	const char *found;
	int			code;

	if (*at == end)
		return -1;
	if (**at == 'u')
	{
		code = read_unicode(*at + 1, end);
		*at += 5;
		return code;
	}
	found = **at == '\0' ? NULL : strchr(names, **at);
	(*at)++;
	return found == NULL ? -1 : values[found - names];
}

/* Up to the closing quote. */
bool
json_take_string(JsonReader *reader, char *text, size_t size, size_t *length)
{
	const char *at;

	if (json_peek(reader) != '"')
		return false;
	*length = 0;
	for (at = reader->at + 1; at < reader->end && *at != '"';)
	{
		int			c = (unsigned char) *at++;

		if (c == '\\')
			c = read_escape(&at, reader->end);
		else if (c < 0x20)
			return false;
		if (c < 0 || *length + 1 >= size)
			return false;
		text[(*length)++] = (char) c;
	}
	if (at >= reader->end)
		return false;
	text[*length] = '\0';
	reader->at = at + 1;
	return true;
}

/* Whatever looks like a number and is one. */
bool
json_take_number(JsonReader *reader, double *number)
{
	char		text[NUMBER_SIZE];
	size_t		length = 0;
	char	   *end;

	skip_space(reader);
	while (reader->at + length < reader->end && reader->at[length] != '\0' &&
		   strchr("0123456789+-.eE", reader->at[length]) != NULL)
	{
		if (length + 1 == sizeof(text))
			return false;
		text[length] = reader->at[length];
		length++;
	}
	text[length] = '\0';
	*number = strtod(text, &end);
	if (length == 0 || end != text + length)
		return false;
	reader->at += length;
	return true;
}

/* End of a string that begins at `at`; NULL when it has none. */
static const char *
string_end(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++)
		if (*at == '\\')
			at++;
	return at < end ? at + 1 : NULL;
}

/* From the opening bracket to the one that closes it; else up to the next comma or bracket. */
bool
json_skip(JsonReader *reader)
{
	const char *at;
	int			depth = 0;

	if (json_peek(reader) == '\0')
		return false;
	for (at = reader->at; at < reader->end; at++)
	{
		if (*at == '"')
		{
			at = string_end(at, reader->end);
			if (at == NULL)
				return false;
			at--;
		}
		else if (*at == '[' || *at == '{')
			depth++;
		else if ((*at == ',' || *at == ']' || *at == '}') && depth == 0)
			break;
		else if (*at == ']' || *at == '}')
			depth--;
	}
	if (depth > 0 || at == reader->at)
		return false;
	reader->at = at;
	return true;
}
