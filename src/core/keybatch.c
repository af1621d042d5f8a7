/*
 * keybatch.c
 *		Many keys that wait to be looked up together.
 */
#include "core/keybatch.h"

#define FIRST_BYTES 1024

/* An empty batch. */
RecsysStatus
keybatch_init(Env *env, KeyBatch *batch, KeyKind kind, int32_t room)
{
	memset(batch, 0, sizeof(*batch));
	batch->kind = kind;
	batch->room = room;
	if (kind == KEY_NUMBER)
	{
		batch->numbers = env_alloc(env, (size_t) room, sizeof(int64_t));
		return batch->numbers == NULL ? env->status : RECSYS_OK;
	}
	batch->offsets = env_alloc(env, (size_t) room + 1, sizeof(int64_t));
	if (batch->offsets == NULL)
		return env->status;
	batch->offsets[0] = 0;
	return keybatch_grow_bytes(env, batch, FIRST_BYTES);
}

/* Frees all and leaves a batch that must not be used. */
void
keybatch_free(Env *env, KeyBatch *batch)
{
	env_free(env, batch->numbers);
	env_free(env, batch->offsets);
	env_free(env, batch->bytes);
	memset(batch, 0, sizeof(*batch));
}

/* Makes room for more bytes, twice as many as before at least. */
RecsysStatus
keybatch_grow_bytes(Env *env, KeyBatch *batch, int64_t length)
{
	int64_t		used = batch->offsets[batch->n];
	int64_t		room = 2 * batch->bytes_room;
	char	   *bytes;

	if (length > INT32_MAX)
		return env_fail(env, RECSYS_OVER_LIMIT, "string of %lld bytes is too long",
						(long long) length);
	if (room < used + length)
		room = used + length;
	bytes = env_resize(env, batch->bytes, (size_t) room, 1);
	if (bytes == NULL)
		return env->status;
	batch->bytes = bytes;
	batch->bytes_room = room;
	return RECSYS_OK;
}
