/*
 * fingerprint.c
 *		One hash of all data that training reads.
 *
 * Two sets with the same fingerprint give the same model, so a training run may
 * be skipped.  Everything is in key order already, so the order in which the
 * rows arrived does not matter.  Each array is hashed with its length in front:
 * what moves from one to the next changes the hash.
 */
#include "core/rng.h"
#include "core/trainingset.h"

/* Bytes hashed between two looks at the cancel flag. */
#define POLL_BYTES (INT64_C(1) << 22)

/* Hashes count items of one array, and how many there are; items may be NULL when count is 0. */
static RecsysStatus
hash_array(Env *env, const void *items, int64_t count, size_t size, uint64_t *hash)
{
	const char *bytes = items;
	int64_t		left = count * (int64_t) size;

	*hash = hash_combine(*hash, (uint64_t) count);
	while (left > 0)
	{
		int64_t		piece = left < POLL_BYTES ? left : POLL_BYTES;

		if (env_interrupted(env))
			return env->status;
		*hash = hash_bytes64(bytes, (size_t) piece, *hash);
		bytes += piece;
		left -= piece;
	}
	return RECSYS_OK;
}

/* Hashes a table of strings; one without memory is the same as an empty one. */
static RecsysStatus
hash_strings(Env *env, const StringTable *table, uint64_t *hash)
{
	TRY(hash_array(env, table->offsets, table->n == 0 ? 0 : (int64_t) table->n + 1,
				   sizeof(int64_t), hash));
	return hash_array(env, table->bytes, table->n == 0 ? 0 : table->offsets[table->n], 1, hash);
}

/* Hashes the keys of a map, in key order. */
static RecsysStatus
hash_keys(Env *env, const IdMap *map, uint64_t *hash)
{
	*hash = hash_combine(*hash, (uint64_t) map->kind);
	if (map->kind == KEY_NUMBER)
		return hash_array(env, map->numbers, map->n_keys, sizeof(int64_t), hash);
	return hash_strings(env, &map->strings, hash);
}

/* Hashes a sparse matrix. */
static RecsysStatus
hash_csr(Env *env, const Csr *csr, uint64_t *hash)
{
	int64_t		n_times = csr->times == NULL ? 0 : csr->n_entries;

	TRY(hash_array(env, csr->offsets, csr->n_rows == 0 ? 0 : (int64_t) csr->n_rows + 1,
				   sizeof(int64_t), hash));
	TRY(hash_array(env, csr->indexes, csr->n_entries, sizeof(int32_t), hash));
	TRY(hash_array(env, csr->values, csr->n_entries, sizeof(float), hash));
	return hash_array(env, csr->times, n_times, sizeof(int64_t), hash);
}

/* One hash of everything that a method can read; by_course holds nothing new. */
RecsysStatus
trainingset_fingerprint(Env *env, TrainingSet *set)
{
	uint64_t	hash = (uint64_t) set->summary.implicit;
	int64_t		n_groups = set->user_group == NULL ? 0 : set->users.n_keys;

	TRY(hash_keys(env, &set->users, &hash));
	TRY(hash_keys(env, &set->courses, &hash));
	TRY(hash_csr(env, &set->by_user, &hash));
	TRY(hash_strings(env, &set->genre_names, &hash));
	TRY(hash_array(env, set->genres.data, set->genres.n_rows * set->genres.n_cols, sizeof(float),
				   &hash));
	TRY(hash_csr(env, &set->terms, &hash));
	TRY(hash_strings(env, &set->words, &hash));
	TRY(hash_array(env, set->user_group, n_groups, sizeof(int32_t), &hash));
	TRY(hash_strings(env, &set->groups, &hash));
	set->summary.fingerprint = hash;
	return RECSYS_OK;
}
