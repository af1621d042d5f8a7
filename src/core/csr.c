/*
 * csr.c
 *		Sparse matrix in compressed rows.
 */
#include "core/csr.h"

#include <string.h>

#include "core/checked.h"

#define POLL_ENTRIES (INT64_C(1) << 20) /* entries between two looks at the cancel flag */

/* Bytes of csr_init, with what the Env adds for each block. */
bool
csr_bytes(int32_t n_rows, int64_t n_entries, bool with_times, size_t *bytes)
{
	size_t		entry = sizeof(int32_t) + sizeof(float) + (with_times ? sizeof(int64_t) : 0);
	size_t		rest = ((size_t) n_rows + 1) * sizeof(int64_t) + (with_times ? 4 : 3) * ENV_BLOCK_OVERHEAD;
	size_t		entries;

	return n_rows >= 0 && n_entries >= 0 && (uint64_t) n_entries <= SIZE_MAX &&
		checked_mul((size_t) n_entries, entry, &entries) && checked_add(entries, rest, bytes);
}

/* Allocates the arrays, after a look at the limit for all of them together. */
RecsysStatus
csr_init(Env *env, Csr *csr, int32_t n_rows, int32_t n_cols, int64_t n_entries, bool with_times)
{
	size_t		bytes;

	memset(csr, 0, sizeof(*csr));
	if (!csr_bytes(n_rows, n_entries, with_times, &bytes))
		return env_fail(env, RECSYS_OVER_LIMIT, "sparse matrix of %lld entries is too large",
						(long long) n_entries);
	TRY(env_reserve(env, bytes));
	csr->offsets = env_alloc_zero(env, (size_t) n_rows + 1, sizeof(int64_t));
	csr->indexes = env_alloc(env, (size_t) n_entries, sizeof(int32_t));
	csr->values = env_alloc(env, (size_t) n_entries, sizeof(float));
	if (with_times)
		csr->times = env_alloc(env, (size_t) n_entries, sizeof(int64_t));
	if (csr->offsets == NULL || csr->indexes == NULL || csr->values == NULL ||
		(with_times && csr->times == NULL))
	{
		csr_free(env, csr);
		return env->status;
	}
	csr->n_rows = n_rows;
	csr->n_cols = n_cols;
	csr->n_entries = n_entries;
	return RECSYS_OK;
}

/* Frees the arrays and leaves an empty matrix. */
void
csr_free(Env *env, Csr *csr)
{
	env_free(env, csr->offsets);
	env_free(env, csr->indexes);
	env_free(env, csr->values);
	env_free(env, csr->times);
	memset(csr, 0, sizeof(*csr));
}

/* Sets the offsets of out to the first entry of each column of in. */
static RecsysStatus
count_columns(Env *env, const Csr *in, Csr *out)
{
	for (int64_t i = 0; i < in->n_entries; i++)
	{
		if (i % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		out->offsets[in->indexes[i] + 1]++;
	}
	for (int32_t col = 0; col < in->n_cols; col++)
		out->offsets[col + 1] += out->offsets[col];
	return RECSYS_OK;
}

/* Moves one row of in to the places that out's offsets point at, and advances those. */
static void
place_row(const Csr *in, Csr *out, int32_t row)
{
	for (int64_t i = in->offsets[row]; i < in->offsets[row + 1]; i++)
	{
		int64_t		place = out->offsets[in->indexes[i]]++;

		out->indexes[place] = row;
		out->values[place] = in->values[i];
		if (out->times != NULL)
			out->times[place] = in->times[i];
	}
}

/* Moves all rows; rows in order make the columns of out ascend. */
static RecsysStatus
place_rows(Env *env, const Csr *in, Csr *out)
{
	int64_t		polled = 0;

	for (int32_t row = 0; row < in->n_rows; row++)
	{
		if (in->offsets[row] >= polled + POLL_ENTRIES)
		{
			polled = in->offsets[row];
			if (env_interrupted(env))
				return env->status;
		}
		place_row(in, out, row);
	}
	/* each offset now points at the end of its row: the start of the next */
	memmove(out->offsets + 1, out->offsets, (size_t) in->n_cols * sizeof(int64_t));
	out->offsets[0] = 0;
	return RECSYS_OK;
}

/* out = in transposed. */
RecsysStatus
csr_transpose(Env *env, const Csr *in, Csr *out)
{
	RecsysStatus status;

	TRY(csr_init(env, out, in->n_cols, in->n_rows, in->n_entries, in->times != NULL));
	status = count_columns(env, in, out);
	if (status == RECSYS_OK)
		status = place_rows(env, in, out);
	if (status != RECSYS_OK)
		csr_free(env, out);
	return status;
}
