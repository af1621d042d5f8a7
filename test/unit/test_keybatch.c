/*
 * test_keybatch.c: keys come back as they were added, and failures keep what was there.
 */
#include "core/keybatch.h"
#include "test_env.h"

#define N 700

/* Key i: a number, or i % 23 bytes that depend on i, now and then many; text has room for 5000. */
static Key
make_key(int i, char *text)
{
	Key			key = {.number = (int64_t) i * i - 5000, .bytes = text};

	key.length = i % 100 == 50 ? 5000 : i % 23;
	memset(text, i, (size_t) key.length);
	return key;
}

/* Adds and reads back, twice with the same memory. */
static void
check_kind(KeyKind kind)
{
	Env		   *env = test_env();
	KeyBatch	batch;
	char		text[5000];

	CHECK_EQ_INT(keybatch_init(env, &batch, kind, N), RECSYS_OK);
	for (int round = 0; round < 2; round++)
	{
		int64_t		n_bytes = 0;

		for (int i = 0; i < N; i++)
		{
			Key			key = make_key(i + round, text);

			n_bytes += key.length;
			CHECK_EQ_INT(keybatch_add(env, &batch, key), RECSYS_OK);
			memset(text, 'x', sizeof(text));
		}
		CHECK_EQ_INT(batch.n, N);
		CHECK_EQ_INT(keybatch_bytes(&batch), kind == KEY_BYTES ? n_bytes : 0);
		for (int i = 0; i < N; i++)
		{
			Key			expected = make_key(i + round, text);
			Key			key = keybatch_get(&batch, i);

			if (kind == KEY_NUMBER)
				CHECK_EQ_INT(key.number, expected.number);
			else
				CHECK(key.length == expected.length &&
					  memcmp(key.bytes, expected.bytes, (size_t) key.length) == 0);
		}
		keybatch_clear(&batch);
		CHECK_EQ_INT(keybatch_bytes(&batch), 0);
	}
	keybatch_free(env, &batch);
	test_env_done(env);
}

/* Numbers and strings. */
static void
test_kinds(void)
{
	check_kind(KEY_NUMBER);
	check_kind(KEY_BYTES);
}

/* A key that does not fit into the memory limit, or is too long: the keys before it stay. */
static void
test_failures(void)
{
	static char text[100000];
	volatile int64_t too_long = INT64_C(1) << 31;	/* volatile: the compiler would see it coming */
	Env		   *env = test_env();
	KeyBatch	batch;

	CHECK_EQ_INT(keybatch_init(env, &batch, KEY_BYTES, 5), RECSYS_OK);
	CHECK_EQ_INT(keybatch_add(env, &batch, (Key) {.bytes = "abc", .length = 3}), RECSYS_OK);
	env->memory_limit = env->memory_used + 50000;
	CHECK_EQ_INT(keybatch_add(env, &batch, (Key) {.bytes = text, .length = 100000}), RECSYS_OVER_LIMIT);
	CHECK_EQ_INT(keybatch_add(env, &batch, (Key) {.bytes = text, .length = too_long}),
				 RECSYS_OVER_LIMIT);
	CHECK_EQ_INT(keybatch_add(env, &batch, (Key) {.bytes = text, .length = 10000}), RECSYS_OK);
	CHECK_EQ_INT(batch.n, 2);
	CHECK(memcmp(keybatch_get(&batch, 0).bytes, "abc", 3) == 0);
	CHECK_EQ_INT(keybatch_get(&batch, 1).length, 10000);
	keybatch_free(env, &batch);
	for (int i = 0; i < 2; i++)
	{
		test_env_fail_after(env, i);
		CHECK_EQ_INT(keybatch_init(env, &batch, KEY_BYTES, 5), RECSYS_NO_MEMORY);
		keybatch_free(env, &batch);
	}
	test_env_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_kinds);
	RUN(test_failures);
	return unit_done();
}
