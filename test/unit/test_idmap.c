/*
 * test_idmap.c: external keys to dense indexes, against a search through all keys.
 */
#include "core/idmap.h"
#include "core/rng.h"
#include "test_env.h"

#define N 3000

/* A number as a key. */
static Key
number_key(int64_t number)
{
	Key			key = {.number = number};

	return key;
}

/* A string as a key. */
static Key
bytes_key(const char *bytes, int64_t length)
{
	Key			key = {.bytes = bytes, .length = length};

	return key;
}

/* A batch of n numbers, or of their bytes. */
static void
fill_batch(Env *env, KeyBatch *batch, KeyKind kind, const int64_t *numbers, int n)
{
	CHECK_EQ_INT(keybatch_init(env, batch, kind, n), RECSYS_OK);
	for (int i = 0; i < n; i++)
	{
		Key			key = {.number = numbers[i], .bytes = (const char *) &numbers[i], .length = 8};

		CHECK_EQ_INT(keybatch_add(env, batch, key), RECSYS_OK);
	}
}

/* Looks up a batch in two parts and adds what is missing. */
static RecsysStatus
add_numbers(Env *env, IdMap *map, const int64_t *numbers, int n, int32_t *indexes)
{
	KeyBatch	batch;
	RecsysStatus status;

	fill_batch(env, &batch, map->kind, numbers, n);
	idmap_find_batch(map, &batch, 0, n / 3, indexes);
	idmap_find_batch(map, &batch, n / 3, n, indexes);
	status = idmap_add_missing(env, map, &batch, indexes);
	keybatch_free(env, &batch);
	return status;
}

/* Index of the number among the n first ones by looking at all; n when it is new. */
static int32_t
naive_index(const int64_t *numbers, int32_t n, int64_t number)
{
	int32_t		i = 0;

	while (i < n && numbers[i] != number)
		i++;
	return i;
}

/* Numbers with many repetitions, extreme ones among them. */
static void
random_numbers(int64_t *numbers, int n, uint64_t distinct)
{
	Rng			rng;

	rng_seed(&rng, 2, distinct);
	for (int i = 0; i < n; i++)
		numbers[i] = (int64_t) (hash_u64(rng_below(&rng, distinct)) >> (i % 2 * 40));
	numbers[n / 2] = INT64_MIN;
	numbers[n / 3] = INT64_MAX;
	numbers[n / 4] = 0;
	numbers[n / 5] = -1;
}

/* Indexes follow the order of arrival, one at a time or in batches of any size. */
static void
check_arrival(KeyKind kind)
{
	Env		   *env = test_env();
	IdMap		one;
	IdMap		many;
	int64_t		numbers[N];
	int64_t		known[N];
	int32_t		indexes[N];
	int32_t		n_known = 0;

	random_numbers(numbers, N, 700);
	CHECK_EQ_INT(idmap_init(env, &one, KEY_NUMBER), RECSYS_OK);
	CHECK_EQ_INT(idmap_init(env, &many, kind), RECSYS_OK);
	for (int begin = 0, n = 0; begin < N; begin += n, n++)
	{
		n = n < N - begin ? n : N - begin;
		CHECK_EQ_INT(add_numbers(env, &many, numbers + begin, n, indexes + begin), RECSYS_OK);
	}
	for (int i = 0; i < N; i++)
	{
		int32_t		expected = naive_index(known, n_known, numbers[i]);
		int32_t		index;

		CHECK_EQ_INT(idmap_find(&one, number_key(numbers[i])),
					 expected == n_known ? IDMAP_NONE : expected);
		CHECK_EQ_INT(idmap_add(env, &one, number_key(numbers[i]), &index), RECSYS_OK);
		CHECK_EQ_INT(index, expected);
		CHECK_EQ_INT(indexes[i], expected);
		if (expected == n_known)
			known[n_known++] = numbers[i];
		CHECK(idmap_key(&one, index).number == numbers[i]);
		CHECK(one.n_slots >= 2 * (int64_t) one.n_keys);
	}
	CHECK(one.n_keys == n_known && many.n_keys == n_known);
	CHECK_EQ_INT(idmap_find(&one, number_key(12345678987654321)), IDMAP_NONE);
	idmap_free(env, &one);
	idmap_free(env, &many);
	test_env_done(env);
}

/* Both kinds of keys. */
static void
test_arrival(void)
{
	check_arrival(KEY_NUMBER);
	check_arrival(KEY_BYTES);
}

/* Looking up changes nothing; keys that a batch has twice are added once. */
static void
check_batch(KeyKind kind)
{
	static const int64_t numbers[] = {7, 5, 7, 9, 5, 5, 11};
	static const int32_t found[] = {IDMAP_NONE, 0, IDMAP_NONE, IDMAP_NONE, 0, 0, IDMAP_NONE};
	static const int32_t added[] = {1, 0, 1, 2, 0, 0, 3};
	Env		   *env = test_env();
	IdMap		map;
	KeyBatch	batch;
	int32_t		indexes[7];

	CHECK_EQ_INT(idmap_init(env, &map, kind), RECSYS_OK);
	CHECK_EQ_INT(add_numbers(env, &map, numbers + 1, 1, indexes), RECSYS_OK);
	fill_batch(env, &batch, kind, numbers, 7);
	idmap_find_batch(&map, &batch, 0, 7, indexes);
	CHECK(memcmp(indexes, found, sizeof(found)) == 0);
	CHECK_EQ_INT(map.n_keys, 1);
	test_env_interrupt_after(env, 0);
	CHECK_EQ_INT(idmap_add_missing(env, &map, &batch, indexes), RECSYS_INTERRUPTED);
	test_env_interrupt_after(env, -1);
	CHECK_EQ_INT(idmap_add_missing(env, &map, &batch, indexes), RECSYS_OK);
	CHECK(memcmp(indexes, added, sizeof(added)) == 0);
	CHECK_EQ_INT(map.n_keys, 4);
	keybatch_free(env, &batch);
	idmap_free(env, &map);
	test_env_done(env);
}

/* Both kinds of keys. */
static void
test_batch(void)
{
	check_batch(KEY_NUMBER);
	check_batch(KEY_BYTES);
}

/* A batch larger than the map, all new, then all known. */
static void
test_large_batch(void)
{
	Env		   *env = test_env();
	IdMap		map;
	int64_t    *numbers = malloc(50000 * sizeof(int64_t));
	int32_t    *indexes = malloc(50000 * sizeof(int32_t));

	CHECK_EQ_INT(idmap_init(env, &map, KEY_NUMBER), RECSYS_OK);
	for (int i = 0; i < 50000; i++)
		numbers[i] = (int64_t) i << 32;
	for (int round = 0; round < 2; round++)
	{
		CHECK_EQ_INT(add_numbers(env, &map, numbers, 50000, indexes), RECSYS_OK);
		for (int i = 0; i < 50000; i++)
			CHECK_EQ_INT(indexes[i], i);
	}
	CHECK_EQ_INT(map.n_keys, 50000);
	idmap_free(env, &map);
	free(numbers);
	free(indexes);
	test_env_done(env);
}

/* Text of number i: i % 3 leading "x", so that prefixes occur. */
static int
key_text(int i, char *text, size_t size)
{
	return snprintf(text, size, "%.*s%d", i % 3, "xx", i / 3);
}

/* Strings, among them the empty one, prefixes of each other, and zero bytes. */
static void
test_bytes(void)
{
	Env		   *env = test_env();
	IdMap		map;
	char		text[32];
	int32_t		index;

	CHECK_EQ_INT(idmap_init(env, &map, KEY_BYTES), RECSYS_OK);
	for (int round = 0; round < 2; round++)
	{
		CHECK_EQ_INT(idmap_add(env, &map, bytes_key(NULL, 0), &index), RECSYS_OK);
		CHECK_EQ_INT(index, 0);
		CHECK_EQ_INT(idmap_add(env, &map, bytes_key("0\0", 2), &index), RECSYS_OK);
		CHECK_EQ_INT(index, 1);
		for (int i = 0; i < N; i++)
		{
			CHECK_EQ_INT(idmap_add(env, &map, bytes_key(text, key_text(i, text, sizeof(text))), &index),
						 RECSYS_OK);
			CHECK_EQ_INT(index, i + 2);
		}
	}
	CHECK_EQ_INT(map.n_keys, N + 2);
	CHECK_EQ_INT(idmap_find(&map, bytes_key("x", 1)), IDMAP_NONE);
	CHECK_EQ_INT(idmap_find(&map, bytes_key("0\0", 2)), 1);
	CHECK_EQ_INT(idmap_key(&map, 1).length, 2);
	idmap_free(env, &map);
	test_env_done(env);
}

/* Order of two keys. */
static int
compare_keys(KeyKind kind, Key a, Key b)
{
	if (kind == KEY_NUMBER)
		return (a.number > b.number) - (a.number < b.number);
	return bytes_compare(a.bytes, a.length, b.bytes, b.length);
}

/* Adds n keys; those of a seed are the same set in another order. */
static void
fill_map(Env *env, IdMap *map, KeyKind kind, int n, uint64_t distinct, uint64_t seed)
{
	int32_t		index;
	int64_t		numbers[N];
	char		text[32];

	CHECK_EQ_INT(idmap_init(env, map, kind), RECSYS_OK);
	if (n >= 10)
		random_numbers(numbers, n, distinct);
	else
		memset(numbers, 0, sizeof(numbers));
	for (int i = 0; i < n; i++)
	{
		int64_t		number = numbers[((uint64_t) i + seed) % (uint64_t) n];
		Key			key = number_key(number);

		if (kind == KEY_BYTES)
			key = bytes_key(text, key_text((int) (number & 4095), text, sizeof(text)));
		CHECK_EQ_INT(idmap_add(env, map, key, &index), RECSYS_OK);
	}
}

/* Sorts a map and compares it with what it was before; two orders of arrival end in the same bytes. */
static void
check_sort(KeyKind kind, int n, uint64_t distinct)
{
	Env		   *env = test_env();
	IdMap		before;
	IdMap		map;
	IdMap		other;
	int32_t		new_index[N];

	fill_map(env, &before, kind, n, distinct, 0);
	fill_map(env, &map, kind, n, distinct, 0);
	fill_map(env, &other, kind, n, distinct, 77);
	CHECK_EQ_INT(idmap_sort(env, &other, new_index), RECSYS_OK);
	CHECK_EQ_INT(idmap_sort(env, &map, new_index), RECSYS_OK);
	CHECK_EQ_INT(map.n_keys, before.n_keys);
	for (int32_t old = 0; old < before.n_keys; old++)
	{
		Key			key = idmap_key(&before, old);

		CHECK(compare_keys(kind, key, idmap_key(&map, new_index[old])) == 0);
		CHECK_EQ_INT(idmap_find(&map, key), new_index[old]);
	}
	for (int32_t i = 1; i < map.n_keys; i++)
		CHECK(compare_keys(kind, idmap_key(&map, i - 1), idmap_key(&map, i)) < 0);
	CHECK_EQ_INT(map.n_slots, idmap_slots_needed(map.n_keys));
	CHECK(map.n_slots == other.n_slots &&
		  memcmp(map.slots, other.slots, (size_t) map.n_slots * sizeof(int32_t)) == 0);
	idmap_free(env, &before);
	idmap_free(env, &map);
	idmap_free(env, &other);
	test_env_done(env);
}

/* Numbers of all sizes and signs, small ones, strings; few keys, one, none. */
static void
test_sort(void)
{
	check_sort(KEY_NUMBER, N, 1000000);
	check_sort(KEY_NUMBER, N, 300);
	check_sort(KEY_BYTES, N, 1000000);
	check_sort(KEY_BYTES, 50, 1000);
	check_sort(KEY_NUMBER, 1, 1);
	check_sort(KEY_BYTES, 1, 1);
	check_sort(KEY_NUMBER, 0, 1);
	check_sort(KEY_BYTES, 0, 1);
}

/* A sorted map grows again. */
static void
test_add_after_sort(void)
{
	Env		   *env = test_env();
	IdMap		map;
	int32_t		new_index[N];
	int32_t		index;

	fill_map(env, &map, KEY_NUMBER, 0, 1, 0);
	CHECK_EQ_INT(idmap_sort(env, &map, new_index), RECSYS_OK);
	for (int i = 0; i < 100; i++)
	{
		CHECK_EQ_INT(idmap_add(env, &map, number_key(100 - i), &index), RECSYS_OK);
		CHECK_EQ_INT(index, i);
	}
	CHECK_EQ_INT(idmap_sort(env, &map, new_index), RECSYS_OK);
	CHECK_EQ_INT(idmap_find(&map, number_key(1)), 0);
	CHECK_EQ_INT(new_index[0], 99);
	idmap_free(env, &map);
	test_env_done(env);
}

/* Tables of the caller: found, not found, full, empty. */
static void
test_probe(void)
{
	int64_t		numbers[] = {5, -7};
	int32_t		full[] = {0, 1};
	int32_t		empty[] = {IDMAP_NONE};
	int64_t		offsets[] = {0, 1, 3};
	char		bytes[] = "abc";
	StringTable strings = {.n = 2, .offsets = offsets, .bytes = bytes};

	CHECK_EQ_INT(idmap_probe_number(full, 2, numbers, 5), 0);
	CHECK_EQ_INT(idmap_probe_number(full, 2, numbers, -7), 1);
	CHECK_EQ_INT(idmap_probe_number(full, 2, numbers, 6), IDMAP_NONE);
	CHECK_EQ_INT(idmap_probe_number(empty, 1, numbers, 5), IDMAP_NONE);
	CHECK_EQ_INT(idmap_probe_number(NULL, 0, NULL, 5), IDMAP_NONE);
	CHECK_EQ_INT(idmap_probe_bytes(full, 2, &strings, "a", 1), 0);
	CHECK_EQ_INT(idmap_probe_bytes(full, 2, &strings, "bc", 2), 1);
	CHECK_EQ_INT(idmap_probe_bytes(full, 2, &strings, "b", 1), IDMAP_NONE);
	CHECK_EQ_INT(idmap_probe_bytes(empty, 1, &strings, "a", 1), IDMAP_NONE);
	CHECK(idmap_slots_needed(0) == 1 && idmap_slots_needed(1) == 2 && idmap_slots_needed(5) == 16);
	CHECK(idmap_slots_needed(INT32_MAX) == INT64_C(1) << 32);
}

/* Hashes depend on kind, key and seed. */
static void
test_hash(void)
{
	CHECK(key_hash(KEY_NUMBER, number_key(7), 0) == hash_u64(7));
	CHECK(key_hash(KEY_NUMBER, number_key(7), 1) != key_hash(KEY_NUMBER, number_key(7), 2));
	CHECK(key_hash(KEY_NUMBER, number_key(7), 1) != key_hash(KEY_NUMBER, number_key(6), 1));
	CHECK(key_hash(KEY_BYTES, bytes_key("ab", 2), 0) == hash_bytes64("ab", 2, 0));
	CHECK(key_hash(KEY_BYTES, bytes_key("ab", 2), 1) != key_hash(KEY_BYTES, bytes_key("ab", 2), 2));
}

/* Adds keys until an allocation fails, then sorts with each allocation failing: the map stays whole. */
static void
check_failures(KeyKind kind)
{
	Env		   *env = test_env();
	IdMap		map;
	int32_t		new_index[N];
	RecsysStatus status = RECSYS_OK;
	int32_t		index;
	int32_t		n = 0;

	CHECK_EQ_INT(idmap_init(env, &map, kind), RECSYS_OK);
	test_env_fail_after(env, 6);
	while (n < N && status == RECSYS_OK)
	{
		Key			key = {.number = n, .bytes = (char *) &n, .length = sizeof(n)};

		status = idmap_add(env, &map, key, &index);
		n += status == RECSYS_OK;
	}
	CHECK_EQ_INT(status, RECSYS_NO_MEMORY);
	for (int i = 0; i < (kind == KEY_NUMBER ? 2 : 4); i++)
	{
		test_env_fail_after(env, i);
		CHECK_EQ_INT(idmap_sort(env, &map, new_index), RECSYS_NO_MEMORY);
	}
	for (int32_t i = 0; i < n; i++)
	{
		Key			key = {.number = i, .bytes = (char *) &i, .length = sizeof(i)};

		index = idmap_find(&map, key);
		CHECK(index == i);
	}
	idmap_free(env, &map);
	test_env_done(env);
}

/* Every poll while sorting may stop it; the map can then be freed. */
static void
check_interrupts(KeyKind kind)
{
	RecsysStatus status = RECSYS_INTERRUPTED;
	int			polls = 0;

	for (; status == RECSYS_INTERRUPTED; polls++)
	{
		Env		   *env = test_env();
		IdMap		map;
		int32_t		new_index[N];

		fill_map(env, &map, kind, N, 1000, 0);
		test_env_interrupt_after(env, polls);
		status = idmap_sort(env, &map, new_index);
		CHECK(status == RECSYS_INTERRUPTED || status == RECSYS_OK);
		idmap_free(env, &map);
		test_env_done(env);
	}
	CHECK(polls > 3);
}

/* Failures and interrupts of both kinds of map, and the limit of keys. */
static void
test_failures(void)
{
	Env		   *env = test_env();
	IdMap		map;
	int64_t		number = 5;
	int32_t		index = 9;
	int32_t		missing;
	int32_t		n_keys;

	check_failures(KEY_NUMBER);
	check_failures(KEY_BYTES);
	check_interrupts(KEY_NUMBER);
	check_interrupts(KEY_BYTES);
	fill_map(env, &map, KEY_NUMBER, 0, 1, 0);
	n_keys = map.n_keys;
	map.n_keys = INT32_MAX;
	CHECK_EQ_INT(idmap_add(env, &map, number_key(5), &index), RECSYS_OVER_LIMIT);
	CHECK_EQ_INT(add_numbers(env, &map, &number, 1, &missing), RECSYS_OVER_LIMIT);
	CHECK_EQ_INT(index, 9);
	map.n_keys = n_keys;
	idmap_free(env, &map);
	test_env_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_arrival);
	RUN(test_batch);
	RUN(test_large_batch);
	RUN(test_bytes);
	RUN(test_sort);
	RUN(test_add_after_sort);
	RUN(test_probe);
	RUN(test_hash);
	RUN(test_failures);
	return unit_done();
}
