/*
 * csr.c
 *		Sparse matrix in compressed rows.
 */
#include "core/csr.h"

#include <string.h>

#include "core/checked.h"
#include "core/countsort.h"

/* Entries looked at between two questions whether to stop. */
#define POLL_ENTRIES (INT64_C(1) << 18)

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

/* The two matrices of a transposition. */
typedef struct Transposition
{
	const Csr  *in;
	Csr		   *out;
} Transposition;

/* Counts the columns of some entries. */
static void
count_columns(void *arg, int64_t begin, int64_t end, int64_t *counts)
{
	const Csr  *in = ((Transposition *) arg)->in;

	for (int64_t i = begin; i < end; i++)
		counts[in->indexes[i]]++;
}

/* By binary search. */
int32_t
csr_row_of_entry(const Csr *csr, int64_t i)
{
	int32_t		low = 0;
	int32_t		high = csr->n_rows - 1;

	while (low < high)
	{
		int32_t		middle = low + (high - low) / 2;

		if (csr->offsets[middle + 1] <= i)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* By binary search. */
int64_t
csr_find(const Csr *csr, int32_t row, int32_t column)
{
	int64_t		low = csr->offsets[row];
	int64_t		high = csr->offsets[row + 1];

	while (low < high)
	{
		int64_t		middle = low + (high - low) / 2;

		if (csr->indexes[middle] < column)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Moves some entries; rows in order make the columns of out ascend. */
static void
place_entries(void *arg, int64_t begin, int64_t end, int64_t *next)
{
	const Csr  *in = ((Transposition *) arg)->in;
	Csr		   *out = ((Transposition *) arg)->out;

	for (int32_t row = csr_row_of_entry(in, begin); begin < end; row++)
	{
		int64_t		row_end = in->offsets[row + 1] < end ? in->offsets[row + 1] : end;

		for (; begin < row_end; begin++)
		{
			int64_t		place = next[in->indexes[begin]]++;

			out->indexes[place] = row;
			out->values[place] = in->values[begin];
			if (out->times != NULL)
				out->times[place] = in->times[begin];
		}
	}
}

/* Transposes into arrays that are there. */
RecsysStatus
csr_transpose_into(Env *env, const Csr *in, Csr *out)
{
	Transposition both = {in, out};
	CountSort	sort = {in->n_entries, in->n_cols, count_columns, place_entries, &both};

	out->n_entries = in->n_entries;
	return countsort(env, &sort, out->offsets);
}

/* out = in transposed. */
RecsysStatus
csr_transpose(Env *env, const Csr *in, Csr *out)
{
	RecsysStatus status;

	TRY(csr_init(env, out, in->n_cols, in->n_rows, in->n_entries, in->times != NULL));
	status = csr_transpose_into(env, in, out);
	if (status != RECSYS_OK)
		csr_free(env, out);
	return status;
}

/* How many entries have one of the bits. */
static RecsysStatus
count_marked(Env *env, int64_t n, const uint8_t *marks, uint8_t bits, int64_t *count)
{
	*count = 0;
	for (int64_t i = 0; i < n; i++)
	{
		if (i % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		*count += (marks[i] & bits) != 0;
	}
	return RECSYS_OK;
}

/* Copies the marked entries, row after row. */
RecsysStatus
csr_filter(Env *env, const Csr *in, const uint8_t *marks, uint8_t bits, Csr *out)
{
	int64_t		count;
	int64_t		to = 0;

	TRY(count_marked(env, in->n_entries, marks, bits, &count));
	TRY(csr_init(env, out, in->n_rows, in->n_cols, count, in->times != NULL));
	for (int32_t row = 0; row < in->n_rows; row++)
	{
		for (int64_t i = in->offsets[row]; i < in->offsets[row + 1]; i++)
		{
			if (i % POLL_ENTRIES == 0 && env_interrupted(env))
				return env->status;
			if ((marks[i] & bits) == 0)
				continue;
			out->indexes[to] = in->indexes[i];
			out->values[to] = in->values[i];
			if (in->times != NULL)
				out->times[to] = in->times[i];
			to++;
		}
		out->offsets[row + 1] = to;
	}
	return RECSYS_OK;
}
