/*
 * neighbors.h
 *		For every row of a sparse matrix the most similar other rows.
 *
 * Only rows that share a column are compared: row i walks the columns it has
 * entries in, and each of those columns names the candidates.  Time is
 * sum over columns of (entries in the column)^2, not rows^2.
 *
 * Item-based neighbourhoods have courses as rows and users as columns; rows of
 * words (course_similarity) work the same way.
 *
 * Memory: per thread rows x 16 bytes (48 for the measures over common columns),
 * and 8 bytes per kept neighbour.  The result does not depend on the number of
 * threads: a sum is always taken in column order by one thread.
 */
#ifndef CORE_NEIGHBORS_H
#define CORE_NEIGHBORS_H

#include "core/csr.h"
#include "core/env.h"
#include "core/similarity.h"

typedef struct NeighborOptions
{
	Similarity	similarity;
	int32_t		table_size;		/* neighbours kept per row, at least 1 */
	int32_t		min_support;	/* least number of common columns, at least 1 */
	double		shrinkage;		/* similarity * n / (n + shrinkage); 0: none */
} NeighborOptions;

/*
 * table = rows x rows, similarities > 0 only, per row the table_size best by
 * (similarity, then row number), sorted by index; a row is never its own
 * neighbour.  columns is rows transposed.  The values of both are taken as they
 * are: weigh them before, see similarity.h.  Allocates table; polls interrupts
 * and reports progress.
 */
extern RecsysStatus neighbors_fit(Env *env, const Csr *rows, const Csr *columns,
								  const NeighborOptions *options, Csr *table);

/* Bytes that neighbors_fit holds at its peak, the table included, about. */
extern double neighbors_bytes(double n_rows, const NeighborOptions *options, int n_threads);

#endif							/* CORE_NEIGHBORS_H */
