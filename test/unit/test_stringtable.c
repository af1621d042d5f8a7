/*
 * test_stringtable.c: tables of byte strings.
 */
#include "core/stringtable.h"
#include "test_env.h"

/* String i of the table is this one. */
static bool
is_string(const StringTable *table, int32_t i, const char *bytes, int32_t length)
{
	int32_t		got_length;
	const char *got = strings_get(table, i, &got_length);

	return got_length == length && (length == 0 || memcmp(got, bytes, (size_t) length) == 0);
}

/* Many strings of many lengths, zero bytes and the empty string included, keep their contents. */
static void
test_add(void)
{
	Env		   *env = test_env();
	StringTable table;
	char		text[32];

	CHECK_EQ_INT(strings_init(env, &table), RECSYS_OK);
	CHECK_EQ_INT(strings_add(env, &table, NULL, 0), RECSYS_OK);
	CHECK_EQ_INT(strings_add(env, &table, "a\0b", 3), RECSYS_OK);
	for (int i = 2; i < 5000; i++)
		CHECK_EQ_INT(strings_add(env, &table, text, (size_t) snprintf(text, sizeof(text), "s%d", i * i)),
					 RECSYS_OK);
	CHECK_EQ_INT(table.n, 5000);
	CHECK(is_string(&table, 0, "", 0));
	CHECK(is_string(&table, 1, "a\0b", 3));
	for (int i = 2; i < 5000; i++)
		CHECK(is_string(&table, i, text, snprintf(text, sizeof(text), "s%d", i * i)));
	strings_free(env, &table);
	test_env_done(env);
}

/* After a reservation nothing is allocated any more. */
static void
test_reserve(void)
{
	Env		   *env = test_env();
	StringTable table;
	int64_t		allocs;

	CHECK_EQ_INT(strings_init(env, &table), RECSYS_OK);
	CHECK_EQ_INT(strings_reserve(env, &table, 1000, 3000), RECSYS_OK);
	allocs = test_env_of(env)->n_allocs;
	for (int i = 0; i < 1000; i++)
		CHECK_EQ_INT(strings_add(env, &table, "abc", 3), RECSYS_OK);
	CHECK_EQ_INT(test_env_of(env)->n_allocs, allocs);
	CHECK_EQ_INT(strings_reserve(env, &table, INT32_MAX, 1), RECSYS_OVER_LIMIT);
	CHECK_EQ_INT(strings_reserve(env, &table, 1, INT64_MAX), RECSYS_OVER_LIMIT);
	CHECK_EQ_INT(strings_add(env, &table, "x", (size_t) INT32_MAX + 1), RECSYS_OVER_LIMIT);
	CHECK_EQ_INT(table.n, 1000);
	strings_free(env, &table);
	test_env_done(env);
}

/* A table that cannot grow says so and keeps what it has. */
static void
test_no_memory(void)
{
	Env		   *env = test_env();
	StringTable table;
	RecsysStatus status = RECSYS_OK;
	int			added = 0;

	CHECK_EQ_INT(strings_init(env, &table), RECSYS_OK);
	test_env_fail_after(env, 3);
	while (added < 10000 && (status = strings_add(env, &table, "abcd", 4)) == RECSYS_OK)
		added++;
	CHECK_EQ_INT(status, RECSYS_NO_MEMORY);
	CHECK_EQ_INT(table.n, added);
	CHECK(added > 0 && is_string(&table, added - 1, "abcd", 4));
	test_env_fail_after(env, 0);
	strings_free(env, &table);
	CHECK_EQ_INT(strings_init(env, &table), RECSYS_NO_MEMORY);
	test_env_done(env);
}

/* Bytes compare as unsigned numbers, a prefix comes first. */
static void
test_compare(void)
{
	CHECK(bytes_compare("a", 1, "b", 1) < 0);
	CHECK(bytes_compare("b", 1, "a", 1) > 0);
	CHECK(bytes_compare("abc", 3, "abc", 3) == 0);
	CHECK(bytes_compare("ab", 2, "abc", 3) < 0);
	CHECK(bytes_compare("abc", 3, "ab", 2) > 0);
	CHECK(bytes_compare("a", 1, "a\0", 2) < 0);
	CHECK(bytes_compare("\x7f", 1, "\x80", 1) < 0);
	CHECK(bytes_compare(NULL, 0, "a", 1) < 0);
	CHECK(bytes_compare(NULL, 0, NULL, 0) == 0);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_add);
	RUN(test_reserve);
	RUN(test_no_memory);
	RUN(test_compare);
	return unit_done();
}
