/*
 * csr.h
 *		Sparse matrix in compressed rows.
 *
 * Row i is entries offsets[i] .. offsets[i + 1] - 1; within a row the column
 * indexes ascend and are distinct.  times is NULL when there are none.
 */
#ifndef CORE_CSR_H
#define CORE_CSR_H

#include "core/env.h"

typedef struct Csr
{
	int32_t		n_rows;
	int32_t		n_cols;
	int64_t		n_entries;
	int64_t    *offsets;		/* n_rows + 1 */
	int32_t    *indexes;		/* n_entries, column of each entry */
	float	   *values;			/* n_entries */
	int64_t    *times;			/* n_entries, or NULL */
} Csr;

/* Allocates all arrays; offsets are zero, the rest is not set. */
extern RecsysStatus csr_init(Env *env, Csr *csr, int32_t n_rows, int32_t n_cols,
							 int64_t n_entries, bool with_times);
extern void csr_free(Env *env, Csr *csr);

/* Bytes that csr_init would take; false when that overflows. */
extern bool csr_bytes(int32_t n_rows, int64_t n_entries, bool with_times, size_t *bytes);

/* out = in transposed, rows sorted; one counting sort (see countsort.h for time and memory). */
extern RecsysStatus csr_transpose(Env *env, const Csr *in, Csr *out);

/*
 * The same into a matrix of the right shape with room for the entries, whose own
 * entries are lost: memory that is there already is faster than new memory.
 */
extern RecsysStatus csr_transpose_into(Env *env, const Csr *in, Csr *out);

/*
 * out = the entries of in whose mark has one of the bits; marks has a byte for
 * each entry.  Polls for interrupts.
 */
extern RecsysStatus csr_filter(Env *env, const Csr *in, const uint8_t *marks, uint8_t bits,
							   Csr *out);

/* The row that entry i is in. */
extern int32_t csr_row_of_entry(const Csr *csr, int64_t i);

/* First entry of the row whose column is not below this one; the end of the row when there is none. */
extern int64_t csr_find(const Csr *csr, int32_t row, int32_t column);

/* Number of entries in row i. */
static inline int64_t
csr_row_length(const Csr *csr, int32_t i)
{
	return csr->offsets[i + 1] - csr->offsets[i];
}

#endif							/* CORE_CSR_H */
