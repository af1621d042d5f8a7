/*
 * neighbors_kernels.h
 *		Sums of one row against all candidates: the hot loops of neighbourhoods.
 *
 * A row walks the columns that it has entries in; each column lists the rows
 * (candidates) that share it.  Sums are kept in one array indexed by candidate,
 * zero at the start, and taken in column order.
 */
#ifndef CORE_NEIGHBORS_KERNELS_H
#define CORE_NEIGHBORS_KERNELS_H

#include "core/csr.h"
#include "core/similarity.h"

/* Sum of a pair for SUM_PRODUCTS and SUM_DIFFERENCES; SUM_MOMENTS keeps PairSums. */
typedef struct ProductSum
{
	double		sum;
	int32_t		n;
} ProductSum;

/* Bytes of a candidate's sums. */
static inline size_t
pair_sums_bytes(SumKind kind)
{
	return kind == SUM_MOMENTS ? sizeof(PairSums) : sizeof(ProductSum);
}

/* A row against the candidates low .. high - 1. */
typedef struct PairSearch
{
	SumKind		kind;
	SparseRow	row;
	const Csr  *columns;		/* columns x candidates */
	int32_t		low;
	int32_t		high;
	void	   *sums;			/* of ProductSum or PairSums, one per candidate */
	int32_t    *touched;		/* candidates met, room for high - low; NULL: not wanted */
} PairSearch;

/* Fills sums and touched; returns how many were touched (0 without touched). */
extern int32_t pair_search(const PairSearch *search);

/* The sums of a candidate; n is 0 when it shares no column.  Leaves them zero.  Inline for all pairs. */
static inline PairSums
pair_search_take(const PairSearch *search, int32_t candidate)
{
	PairSums	sums = {0};

	if (search->kind == SUM_MOMENTS)
	{
		PairSums   *pair = (PairSums *) search->sums + candidate;

		sums = *pair;
		*pair = (PairSums) {0};
	}
	else
	{
		ProductSum *pair = (ProductSum *) search->sums + candidate;

		sums.sum = pair->sum;
		sums.n = pair->n;
		*pair = (ProductSum) {0};
	}
	return sums;
}

#endif							/* CORE_NEIGHBORS_KERNELS_H */
