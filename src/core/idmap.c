/*
 * idmap.c
 *		External keys to dense indexes.
 *
 * The slots hold indexes only; the keys lie in order of their index in an array
 * or a string table.  So growing reads the keys from front to back and hashes
 * them again: a quarter of the time of adding strings, mostly for the slots, so
 * that keeping 8 bytes of hash a key would gain little.  The slots take 8 to 16
 * bytes a key.
 */
#include "core/idmap.h"

#include <string.h>

#include "core/rng.h"

#define FIRST_KEYS 16
#define GROUP 128				/* keys whose slots are fetched together */
#define POLL_KEYS (1 << 16)		/* keys handled between two looks at the cancel flag */

#if defined(__GNUC__)
#define PREFETCH(address) __builtin_prefetch(address)
#else
#define PREFETCH(address) ((void) (address))
#endif

/* Hash of a key. */
uint64_t
key_hash(KeyKind kind, Key key, uint64_t seed)
{
	if (kind == KEY_NUMBER)
		return hash_u64((uint64_t) key.number ^ (seed == 0 ? 0 : hash_u64(seed)));
	return hash_bytes64(key.bytes, (size_t) key.length, seed);
}

/* Slots for n keys: the power of two that they fill at most half. */
int64_t
idmap_slots_needed(int32_t n_keys)
{
	int64_t		n_slots = 1;

	while (n_slots < 2 * (int64_t) n_keys)
		n_slots *= 2;
	return n_slots;
}

/* Do two strings of this length have the same bytes?  Mostly short: calling memcmp would cost more. */
static inline bool
same_bytes(const char *a, const char *b, int64_t length)
{
	uint64_t	words[2];

	if (length < 8)
	{
		for (int64_t i = 0; i < length; i++)
			if (a[i] != b[i])
				return false;
		return true;
	}
	for (int64_t i = 0; i < length; i += 8)
	{
		/* the last word may overlap the one before */
		int64_t		at = i + 8 <= length ? i : length - 8;

		memcpy(&words[0], a + at, 8);
		memcpy(&words[1], b + at, 8);
		if (words[0] != words[1])
			return false;
	}
	return true;
}

/* Slot of a number with this hash, or the empty one where it would be; -1 in a full table. */
static inline int64_t
number_slot(const int32_t *slots, int64_t n_slots, const int64_t *numbers, uint64_t hash,
			int64_t number)
{
	for (int64_t step = 0; step < n_slots; step++)
	{
		int64_t		slot = (int64_t) ((hash + (uint64_t) step) & (uint64_t) (n_slots - 1));

		if (slots[slot] == IDMAP_NONE || numbers[slots[slot]] == number)
			return slot;
	}
	return -1;
}

/* The same for a string of bytes. */
static inline int64_t
bytes_slot(const int32_t *slots, int64_t n_slots, const StringTable *strings, uint64_t hash,
		   const char *bytes, int64_t length)
{
	for (int64_t step = 0; step < n_slots; step++)
	{
		int64_t		slot = (int64_t) ((hash + (uint64_t) step) & (uint64_t) (n_slots - 1));
		int32_t		known_length;
		const char *known;

		if (slots[slot] == IDMAP_NONE)
			return slot;
		known = strings_get(strings, slots[slot], &known_length);
		if (known_length == length && same_bytes(known, bytes, length))
			return slot;
	}
	return -1;
}

/* Index of a number in a table of the caller, or IDMAP_NONE. */
int32_t
idmap_probe_number(const int32_t *slots, int64_t n_slots, const int64_t *numbers, int64_t number)
{
	int64_t		slot = number_slot(slots, n_slots, numbers, hash_u64((uint64_t) number), number);

	return slot < 0 ? IDMAP_NONE : slots[slot];
}

/* Index of a string of bytes in a table of the caller, or IDMAP_NONE. */
int32_t
idmap_probe_bytes(const int32_t *slots, int64_t n_slots, const StringTable *strings,
				  const char *bytes, int64_t length)
{
	uint64_t	hash = hash_bytes64(bytes, (size_t) length, 0);
	int64_t		slot = bytes_slot(slots, n_slots, strings, hash, bytes, length);

	return slot < 0 ? IDMAP_NONE : slots[slot];
}

/* Slot of a key with this hash in the map, or the empty one where it would be. */
static inline int64_t
hashed_slot(const IdMap *map, Key key, uint64_t hash)
{
	if (map->kind == KEY_NUMBER)
		return number_slot(map->slots, map->n_slots, map->numbers, hash, key.number);
	return bytes_slot(map->slots, map->n_slots, &map->strings, hash, key.bytes, key.length);
}

/* The same for a key whose hash is not known yet. */
static int64_t
map_slot(const IdMap *map, Key key)
{
	return hashed_slot(map, key, key_hash(map->kind, key, 0));
}

/* The key of an index. */
Key
idmap_key(const IdMap *map, int32_t index)
{
	Key			key = {0};
	int32_t		length;

	if (map->kind == KEY_NUMBER)
		key.number = map->numbers[index];
	else
	{
		key.bytes = strings_get(&map->strings, index, &length);
		key.length = length;
	}
	return key;
}

/* Puts all (distinct) keys of the map into empty slots, in order of their index. */
static RecsysStatus
fill_slots(Env *env, const IdMap *map, int32_t *slots, int64_t n_slots)
{
	for (int64_t slot = 0; slot < n_slots; slot++)
		slots[slot] = IDMAP_NONE;
	for (int32_t index = 0; index < map->n_keys; index++)
	{
		uint64_t	slot = key_hash(map->kind, idmap_key(map, index), 0) & (uint64_t) (n_slots - 1);

		if (index % POLL_KEYS == 0 && env_interrupted(env))
			return env->status;
		while (slots[slot] != IDMAP_NONE)
			slot = (slot + 1) & (uint64_t) (n_slots - 1);
		slots[slot] = index;
	}
	return RECSYS_OK;
}

/* Replaces the slots by n_slots new ones. */
static RecsysStatus
resize_slots(Env *env, IdMap *map, int64_t n_slots)
{
	int32_t    *slots = env_alloc(env, (size_t) n_slots, sizeof(int32_t));

	if (slots == NULL)
		return env->status;
	if (fill_slots(env, map, slots, n_slots) != RECSYS_OK)
	{
		env_free(env, slots);
		return env->status;
	}
	env_free(env, map->slots);
	map->slots = slots;
	map->n_slots = n_slots;
	return RECSYS_OK;
}

/* Makes room for `needed` numbers, half more than before at least. */
static RecsysStatus
grow_numbers(Env *env, IdMap *map, int32_t needed)
{
	int64_t		room = (int64_t) map->numbers_room + map->numbers_room / 2;
	int64_t    *numbers;

	room = room < needed ? needed : room > INT32_MAX ? INT32_MAX : room;
	numbers = env_resize(env, map->numbers, (size_t) room, sizeof(int64_t));
	if (numbers == NULL)
		return env->status;
	map->numbers = numbers;
	map->numbers_room = (int32_t) room;
	return RECSYS_OK;
}

/* Makes room for n more keys, so that adding them moves no slot. */
static RecsysStatus
reserve_keys(Env *env, IdMap *map, int32_t n)
{
	int64_t		n_slots;

	if (map->n_keys > INT32_MAX - n)
	{
		env_fail(env, RECSYS_OVER_LIMIT, "too many distinct keys");
		return env_detail(env, "At most %d are possible.", INT32_MAX);
	}
	if (map->kind == KEY_NUMBER && map->n_keys + n > map->numbers_room)
		TRY(grow_numbers(env, map, map->n_keys + n));
	n_slots = idmap_slots_needed(map->n_keys + n);
	if (n_slots > map->n_slots)
		return resize_slots(env, map, n_slots);
	return RECSYS_OK;
}

/* An empty map. */
RecsysStatus
idmap_init(Env *env, IdMap *map, KeyKind kind)
{
	memset(map, 0, sizeof(*map));
	map->kind = kind;
	if (kind == KEY_BYTES)
		TRY(strings_init(env, &map->strings));
	return reserve_keys(env, map, FIRST_KEYS);
}

/* Frees everything and leaves a map that must not be used. */
void
idmap_free(Env *env, IdMap *map)
{
	env_free(env, map->numbers);
	env_free(env, map->slots);
	strings_free(env, &map->strings);
	memset(map, 0, sizeof(*map));
}

/* Index of key, or IDMAP_NONE. */
int32_t
idmap_find(const IdMap *map, Key key)
{
	return map->slots[map_slot(map, key)];
}

/* Index of key, added when new. */
RecsysStatus
idmap_add(Env *env, IdMap *map, Key key, int32_t *index)
{
	int64_t		slot = map_slot(map, key);

	if (map->slots[slot] == IDMAP_NONE)
	{
		int64_t		n_slots = map->n_slots;

		TRY(reserve_keys(env, map, 1));
		if (map->kind == KEY_BYTES)
			TRY(strings_add(env, &map->strings, key.bytes, (size_t) key.length));
		else
			map->numbers[map->n_keys] = key.number;
		if (n_slots != map->n_slots)
			slot = map_slot(map, key);
		map->slots[slot] = map->n_keys++;
	}
	*index = map->slots[slot];
	return RECSYS_OK;
}

/*
 * Looks up at most GROUP keys.  Each step fetches the memory that the next one
 * reads: slots, then the keys that they point at, which for strings takes two.
 */
static void
find_group(const IdMap *map, const KeyBatch *batch, int32_t begin, int32_t n, int32_t *indexes)
{
	uint64_t	hashes[GROUP];
	uint64_t	mask = (uint64_t) (map->n_slots - 1);

	for (int32_t i = 0; i < n; i++)
	{
		hashes[i] = key_hash(map->kind, keybatch_get(batch, begin + i), 0);
		PREFETCH(&map->slots[hashes[i] & mask]);
	}
	for (int32_t i = 0; i < n; i++)
	{
		indexes[i] = map->slots[hashes[i] & mask];
		if (indexes[i] == IDMAP_NONE)
			continue;
		if (map->kind == KEY_NUMBER)
			PREFETCH(&map->numbers[indexes[i]]);
		else
			PREFETCH(&map->strings.offsets[indexes[i]]);
	}
	if (map->kind == KEY_BYTES)
		for (int32_t i = 0; i < n; i++)
			if (indexes[i] != IDMAP_NONE)
				PREFETCH(map->strings.bytes + map->strings.offsets[indexes[i]]);
	for (int32_t i = 0; i < n; i++)
		indexes[i] = map->slots[hashed_slot(map, keybatch_get(batch, begin + i), hashes[i])];
}

/* Looks up a part of a batch. */
void
idmap_find_batch(const IdMap *map, const KeyBatch *batch, int32_t begin, int32_t end,
				 int32_t *indexes)
{
	for (int32_t i = begin; i < end; i += GROUP)
		find_group(map, batch, i, end - i < GROUP ? end - i : GROUP, indexes + i);
}

/* Adds the keys of a batch that were not found. */
RecsysStatus
idmap_add_missing(Env *env, IdMap *map, const KeyBatch *batch, int32_t *indexes)
{
	for (int32_t i = 0; i < batch->n; i++)
	{
		if (i % POLL_KEYS == 0 && env_interrupted(env))
			return env->status;
		if (indexes[i] == IDMAP_NONE)
			TRY(idmap_add(env, map, keybatch_get(batch, i), &indexes[i]));
	}
	return RECSYS_OK;
}

/* Byte number `byte` of a number, whose order as bytes is that of signed numbers. */
static inline int
sort_byte(int64_t number, int byte)
{
	return (int) ((((uint64_t) number ^ (UINT64_C(1) << 63)) >> (8 * byte)) & 0xFF);
}

/* Stable counting sort of `from` into `to` by one byte; *moved is false if it is equal everywhere. */
static RecsysStatus
sort_by_byte(Env *env, const IdMap *map, int byte, const int32_t *from, int32_t *to, bool *moved)
{
	int32_t		starts[257] = {0};

	for (int32_t i = 0; i < map->n_keys; i++)
		starts[sort_byte(map->numbers[i], byte) + 1]++;
	for (int value = 0; value < 256; value++)
	{
		*moved = starts[value + 1] < map->n_keys;
		if (!*moved)
			return RECSYS_OK;
		starts[value + 1] += starts[value];
	}
	for (int32_t i = 0; i < map->n_keys; i++)
	{
		if (i % POLL_KEYS == 0 && env_interrupted(env))
			return env->status;
		to[starts[sort_byte(map->numbers[from[i]], byte)]++] = from[i];
	}
	return RECSYS_OK;
}

/* Radix sort of the indexes in *order by number; the result may end up in *spare, they are swapped. */
static RecsysStatus
sort_numbers(Env *env, const IdMap *map, int32_t **order, int32_t **spare)
{
	for (int byte = 0; byte < 8; byte++)
	{
		int32_t    *sorted = *spare;
		bool		moved;

		TRY(sort_by_byte(env, map, byte, *order, sorted, &moved));
		if (!moved)
			continue;
		*spare = *order;
		*order = sorted;
	}
	return RECSYS_OK;
}

/* Is the string of index a before that of index b? */
static bool
string_before(const IdMap *map, int32_t a, int32_t b)
{
	Key			key_a = idmap_key(map, a);
	Key			key_b = idmap_key(map, b);

	return bytes_compare(key_a.bytes, key_a.length, key_b.bytes, key_b.length) < 0;
}

/* Merges from[begin .. middle - 1] and from[middle .. end - 1], both sorted, into to. */
static RecsysStatus
merge_strings(Env *env, const IdMap *map, const int32_t *from, int32_t *to, int64_t begin,
			  int64_t middle, int64_t end)
{
	int64_t		left = begin;
	int64_t		right = middle;

	for (int64_t i = begin; i < end; i++)
	{
		if (i % POLL_KEYS == 0 && env_interrupted(env))
			return env->status;
		if (right == end || (left < middle && !string_before(map, from[right], from[left])))
			to[i] = from[left++];
		else
			to[i] = from[right++];
	}
	return RECSYS_OK;
}

/* Merge sort of the indexes in *order by string; the result may end up in *spare, they are swapped. */
static RecsysStatus
sort_strings(Env *env, const IdMap *map, int32_t **order, int32_t **spare)
{
	for (int64_t width = 1; width < map->n_keys; width *= 2)
	{
		int32_t    *merged = *spare;

		for (int64_t begin = 0; begin < map->n_keys; begin += 2 * width)
		{
			int64_t		middle = begin + width < map->n_keys ? begin + width : map->n_keys;
			int64_t		end = middle + width < map->n_keys ? middle + width : map->n_keys;

			TRY(merge_strings(env, map, *order, merged, begin, middle, end));
		}
		*spare = *order;
		*order = merged;
	}
	return RECSYS_OK;
}

/* Fills sorted with the keys of map in the given order. */
static RecsysStatus
copy_in_order(Env *env, const IdMap *map, const int32_t *order, IdMap *sorted)
{
	memset(sorted, 0, sizeof(*sorted));
	sorted->kind = map->kind;
	if (map->kind == KEY_BYTES)
	{
		TRY(strings_init(env, &sorted->strings));
		TRY(strings_reserve(env, &sorted->strings, map->n_keys, map->strings.offsets[map->n_keys]));
	}
	else
		TRY(grow_numbers(env, sorted, map->n_keys));
	for (int32_t i = 0; i < map->n_keys; i++)
	{
		Key			key = idmap_key(map, order[i]);

		if (i % POLL_KEYS == 0 && env_interrupted(env))
			return env->status;
		if (map->kind == KEY_BYTES)
			TRY(strings_add(env, &sorted->strings, key.bytes, (size_t) key.length));
		else
			sorted->numbers[i] = key.number;
	}
	sorted->n_keys = map->n_keys;
	return RECSYS_OK;
}

/* Exchanges the keys of the map for the sorted ones; the slots, never too few, are filled again. */
static RecsysStatus
replace_keys(Env *env, IdMap *map, const int32_t *order)
{
	IdMap		sorted;
	RecsysStatus status = copy_in_order(env, map, order, &sorted);

	if (status != RECSYS_OK)
	{
		idmap_free(env, &sorted);
		return status;
	}
	sorted.slots = map->slots;
	sorted.n_slots = idmap_slots_needed(map->n_keys);
	map->slots = NULL;
	idmap_free(env, map);
	*map = sorted;
	return fill_slots(env, map, map->slots, map->n_slots);
}

/* Renumbers the keys in key order; new_index is the second buffer of the sort until the end. */
RecsysStatus
idmap_sort(Env *env, IdMap *map, int32_t *new_index)
{
	int32_t    *buffer = env_alloc(env, (size_t) map->n_keys, sizeof(int32_t));
	int32_t    *order = buffer;
	int32_t    *spare = new_index;
	RecsysStatus status = RECSYS_OK;

	if (buffer == NULL)
		return env->status;
	for (int32_t i = 0; i < map->n_keys; i++)
		order[i] = i;
	if (map->kind == KEY_NUMBER)
		status = sort_numbers(env, map, &order, &spare);
	else
		status = sort_strings(env, map, &order, &spare);
	if (order == new_index)
	{
		memcpy(buffer, order, (size_t) map->n_keys * sizeof(int32_t));
		order = buffer;
	}
	if (status == RECSYS_OK)
		status = replace_keys(env, map, order);
	for (int32_t i = 0; i < map->n_keys; i++)
		new_index[order[i]] = i;
	env_free(env, buffer);
	return status;
}
