/*
 * keybatch.h
 *		External keys: one, and many that wait to be looked up together.
 *
 * A batch holds copies of keys in the order added: a number takes 8 bytes, a
 * string 8 and its own.  Adding is inline, because it is done for every rating.
 */
#ifndef CORE_KEYBATCH_H
#define CORE_KEYBATCH_H

#include <string.h>

#include "core/env.h"

typedef enum KeyKind
{
	KEY_NUMBER,					/* int64 */
	KEY_BYTES
} KeyKind;

typedef struct Key
{
	int64_t		number;			/* KEY_NUMBER */
	const char *bytes;			/* KEY_BYTES */
	int64_t		length;
} Key;

typedef struct KeyBatch
{
	KeyKind		kind;
	int32_t		n;
	int32_t		room;			/* keys */
	int64_t    *numbers;		/* KEY_NUMBER: the keys */
	int64_t    *offsets;		/* KEY_BYTES: key i is bytes[offsets[i]] .. bytes[offsets[i + 1] - 1] */
	char	   *bytes;
	int64_t		bytes_room;
} KeyBatch;

/* An empty batch with room for that many keys; a number of bytes is made room for as they come. */
extern RecsysStatus keybatch_init(Env *env, KeyBatch *batch, KeyKind kind, int32_t room);
extern void keybatch_free(Env *env, KeyBatch *batch);

/* Makes room for `length` more bytes. */
extern RecsysStatus keybatch_grow_bytes(Env *env, KeyBatch *batch, int64_t length);

/* Adds a copy of the key; there must be room for a key (n < room). */
static inline RecsysStatus
keybatch_add(Env *env, KeyBatch *batch, Key key)
{
	if (batch->kind == KEY_NUMBER)
		batch->numbers[batch->n] = key.number;
	else
	{
		int64_t		start = batch->offsets[batch->n];

		if (key.length > batch->bytes_room - start)
			TRY(keybatch_grow_bytes(env, batch, key.length));
		if (key.length > 0)
			memcpy(batch->bytes + start, key.bytes, (size_t) key.length);
		batch->offsets[batch->n + 1] = start + key.length;
	}
	batch->n++;
	return RECSYS_OK;
}

/* Key i; its bytes lie in the batch. */
static inline Key
keybatch_get(const KeyBatch *batch, int32_t i)
{
	Key			key = {0};

	if (batch->kind == KEY_NUMBER)
		key.number = batch->numbers[i];
	else
	{
		key.bytes = batch->bytes + batch->offsets[i];
		key.length = batch->offsets[i + 1] - batch->offsets[i];
	}
	return key;
}

/* Empties the batch; its memory stays. */
static inline void
keybatch_clear(KeyBatch *batch)
{
	batch->n = 0;
}

/* Bytes of the strings in the batch. */
static inline int64_t
keybatch_bytes(const KeyBatch *batch)
{
	return batch->kind == KEY_BYTES ? batch->offsets[batch->n] : 0;
}

#endif							/* CORE_KEYBATCH_H */
