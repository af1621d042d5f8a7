/*
 * idmap.h
 *		External keys (numbers, or bytes such as text and uuid) to dense
 *		indexes 0 .. n - 1.
 *
 * Open addressing with linear probing over a power of two of slots, at most
 * half full.  Many keys are looked up as a batch, whose slots and keys are
 * fetched in advance: in random order that takes a fifth of the time, because
 * each probe is two cache misses or more.
 */
#ifndef CORE_IDMAP_H
#define CORE_IDMAP_H

#include "core/env.h"
#include "core/keybatch.h"
#include "core/stringtable.h"

#define IDMAP_NONE (-1)

typedef struct IdMap
{
	KeyKind		kind;
	int32_t		n_keys;
	int64_t    *numbers;		/* KEY_NUMBER: key of each index */
	StringTable strings;		/* KEY_BYTES: key of each index */
	int32_t		numbers_room;
	int32_t    *slots;			/* index, or IDMAP_NONE; n_slots of them */
	int64_t		n_slots;		/* power of two */
} IdMap;

/*
 * Adding fails with RECSYS_OVER_LIMIT beyond INT32_MAX keys, and when the map
 * cannot grow.  A map that failed to add may still be searched and freed.
 */
extern RecsysStatus idmap_init(Env *env, IdMap *map, KeyKind kind);
extern void idmap_free(Env *env, IdMap *map);

/* Index of key, added when new. */
extern RecsysStatus idmap_add(Env *env, IdMap *map, Key key, int32_t *index);

/*
 * Indexes of keys begin .. end - 1 of a batch, or IDMAP_NONE.  Only reads the
 * map, so several threads may look up parts of one batch.
 */
extern void idmap_find_batch(const IdMap *map, const KeyBatch *batch, int32_t begin, int32_t end,
							 int32_t *indexes);

/*
 * Adds the keys of the batch whose index is IDMAP_NONE and sets that: what
 * idmap_add would do key by key.  Polls for interrupts.
 */
extern RecsysStatus idmap_add_missing(Env *env, IdMap *map, const KeyBatch *batch,
									  int32_t *indexes);

/* Index of key, or IDMAP_NONE. */
extern int32_t idmap_find(const IdMap *map, Key key);

/*
 * Renumbers the keys in key order: numbers numerically, bytes bytewise.
 * new_index[old] is set for every key (n_keys entries, given by the caller).
 * Slots are then idmap_slots_needed(n_keys) and depend on the keys alone, so
 * they may be stored.  Numbers: radix sort, O(n).  Bytes: merge sort, O(n log n)
 * comparisons (100 k: 60 ms, 3 M: 6 s).  Memory: 12 bytes a key, or 12 and a
 * copy of the bytes.  Polls for interrupts, after which the map may only be
 * freed; after another failure it is as before.
 */
extern RecsysStatus idmap_sort(Env *env, IdMap *map, int32_t *new_index);

/* The key of an index. */
extern Key	idmap_key(const IdMap *map, int32_t index);

/* Hash of a key, the same everywhere; seed 0 is the one of the slots. */
extern uint64_t key_hash(KeyKind kind, Key key, uint64_t seed);

/*
 * A lookup table that lives elsewhere, such as in a model: slots of a power of
 * two, each IDMAP_NONE or the index of a key.  Slots without any IDMAP_NONE are
 * searched once around.
 */
extern int64_t idmap_slots_needed(int32_t n_keys);
extern int32_t idmap_probe_number(const int32_t *slots, int64_t n_slots, const int64_t *numbers,
								  int64_t number);
extern int32_t idmap_probe_bytes(const int32_t *slots, int64_t n_slots, const StringTable *strings,
								 const char *bytes, int64_t length);

#endif							/* CORE_IDMAP_H */
