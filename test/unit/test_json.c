/*
 * test_json.c: the reader of JSON tokens.
 */
#include <string.h>

#include "core/json.h"
#include "unit.h"

/* A reader of a text. */
static JsonReader
reader_of(const char *text)
{
	return (JsonReader) {text, text + strlen(text)};
}

/* Reads a string that is all of the text. */
static void
check_string(const char *json, const char *expected)
{
	JsonReader	reader = reader_of(json);
	char		text[10];
	size_t		length = 0;
	bool		taken = json_take_string(&reader, text, sizeof(text), &length);

	if (taken != (expected != NULL) ||
		(taken && (length != strlen(expected) || strcmp(text, expected) != 0)))
		UNIT_FAIL("%s is read as %s", json, taken ? text : "no string");
	CHECK(taken ? reader.at == reader.end : reader.at == json + strspn(json, " "));
}

/* Strings with and without escapes; all that is no string, or too long. */
static void
test_strings(void)
{
	check_string("\"\"", "");
	check_string(" \"als\"", "als");
	check_string("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"", "\"\\/\b\f\n\r\tA");
	check_string("\"123456789\"", "123456789");
	check_string("\"1234567890\"", NULL);
	check_string("\"\\u00e9\"", NULL);
	check_string("\"\\u00\"", NULL);
	check_string("\"\\u004g\"", NULL);
	check_string("\"\\x\"", NULL);
	check_string("\"open", NULL);
	check_string("\"open\\\"", NULL);
	check_string("\"\\", NULL);
	check_string("\"a\nb\"", NULL);
	check_string("als", NULL);
	check_string("", NULL);
}

/* Numbers as JSON has them. */
static void
test_numbers(void)
{
	const char *good[] = {"0", "-12", "1.5", "2e3", "1E-2"};
	const double values[] = {0, -12, 1.5, 2000, 0.01};
	const char *bad[] = {"", "abc", "-", "1e", "nan", "inf", "1.2.3",
	"123456789012345678901234567890123"};

	for (int i = 0; i < 5; i++)
	{
		JsonReader	reader = reader_of(good[i]);
		double		number = -1;

		CHECK(json_take_number(&reader, &number));
		CHECK(number == values[i] && reader.at == reader.end);
	}
	for (int i = 0; i < (int) (sizeof(bad) / sizeof(bad[0])); i++)
	{
		JsonReader	reader = reader_of(bad[i]);
		double		number;

		CHECK(!json_take_number(&reader, &number));
		CHECK(reader.at == bad[i]);
	}
}

/* Characters and words, after white space. */
static void
test_tokens(void)
{
	JsonReader	reader = reader_of(" \t\r\n[ true,null ] ");

	CHECK(json_peek(&reader) == '[');
	CHECK(!json_take(&reader, '{'));
	CHECK(json_take(&reader, '['));
	CHECK(!json_take_word(&reader, "false"));
	CHECK(json_take_word(&reader, "true"));
	CHECK(json_take(&reader, ','));
	CHECK(json_take_word(&reader, "null"));
	CHECK(json_take(&reader, ']'));
	CHECK(json_peek(&reader) == '\0' && reader.at == reader.end);
	CHECK(!json_take(&reader, '\0'));
	CHECK(!json_take_word(&reader, "x"));
}

/* What is skipped, and what is left then. */
static void
test_skip(void)
{
	const struct
	{
		const char *json;
		const char *left;		/* NULL: cannot be skipped */
	}			cases[] = {
		{"1, 2", ", 2"}, {"\"a,]\\\"}\", 2", ", 2"}, {"{\"a\": [1, {\"b\": \"}\"}]}, 2", ", 2"},
		{"[]]", "]"}, {"true}", "}"}, {"{\"a\": 1", NULL}, {"\"open", NULL}, {"[\"open]", NULL}, {"", NULL},
		{",", NULL}
	};

	for (int i = 0; i < (int) (sizeof(cases) / sizeof(cases[0])); i++)
	{
		JsonReader	reader = reader_of(cases[i].json);
		bool		skipped = json_skip(&reader);

		CHECK(skipped == (cases[i].left != NULL));
		CHECK(strcmp(reader.at, skipped ? cases[i].left : cases[i].json) == 0);
	}
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_strings);
	RUN(test_numbers);
	RUN(test_tokens);
	RUN(test_skip);
	return unit_done();
}
