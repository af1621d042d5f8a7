/*
 * neighbors_kernels.c
 *		One pass over the columns of a row, a version per kind of sums.
 *
 * The time goes into fetching the columns: they lie far apart, so the first
 * lines of the one after next are requested ahead (a quarter faster).  Walking
 * only candidates > row and mirroring would save another quarter, not half, and
 * need all pairs in memory at once.
 */
#include "core/neighbors_kernels.h"

#define PREFETCH_AHEAD 2		/* columns */
#define PREFETCH_ENTRIES 128	/* of a column */
#define LINE_ENTRIES 16			/* of 4 bytes in 64 */

/* First entry of begin .. end - 1 whose index is not below low. */
static int64_t
first_not_below(const int32_t *indexes, int64_t begin, int64_t end, int32_t low)
{
	while (begin < end)
	{
		int64_t		middle = begin + (end - begin) / 2;

		if (indexes[middle] < low)
			begin = middle + 1;
		else
			end = middle;
	}
	return begin;
}

/* Asks for the start of column c.  Always inline: gcc drops calls of functions without effect. */
static inline __attribute__((always_inline)) void
prefetch_column(const Csr *columns, int32_t c)
{
	int64_t		begin = columns->offsets[c];
	int64_t		end = columns->offsets[c + 1];

	if (end > begin + PREFETCH_ENTRIES)
		end = begin + PREFETCH_ENTRIES;
	for (; begin < end; begin += LINE_ENTRIES)
	{
		__builtin_prefetch(columns->indexes + begin);
		__builtin_prefetch(columns->values + begin);
	}
}

/* Entries begin .. end - 1 of column c that are candidates. */
static inline void
column_range(const PairSearch *search, int32_t c, int64_t *begin, int64_t *end)
{
	const Csr  *columns = search->columns;

	*begin = columns->offsets[c];
	*end = columns->offsets[c + 1];
	if (search->low > 0)
		*begin = first_not_below(columns->indexes, *begin, *end, search->low);
	if (search->high < columns->n_cols)
		*end = first_not_below(columns->indexes, *begin, *end, search->high);
}

/* Adds a common column with values x and y; specialised by constant arguments. */
static inline __attribute__((always_inline)) int32_t
add_pair(SumKind kind, void *sums, int32_t candidate, double x, double y)
{
	if (kind == SUM_MOMENTS)
	{
		PairSums   *pair = (PairSums *) sums + candidate;

		pair->sum += x * y;
		pair->x += x;
		pair->y += y;
		pair->xx += x * x;
		pair->yy += y * y;
		return pair->n++;
	}
	else
	{
		ProductSum *pair = (ProductSum *) sums + candidate;

		pair->sum += kind == SUM_DIFFERENCES ? (x - y) * (x - y) : x * y;
		return pair->n++;
	}
}

/* The loop; kind and listed are constants in every caller. */
static inline __attribute__((always_inline)) int32_t
search_columns(const PairSearch *search, SumKind kind, bool listed)
{
	const Csr  *columns = search->columns;
	SparseRow	row = search->row;
	int32_t		n_touched = 0;

	for (int64_t e = 0; e < row.n; e++)
	{
		double		x = row.values[e];
		int64_t		begin;
		int64_t		end;

		if (e + PREFETCH_AHEAD < row.n)
			prefetch_column(columns, row.indexes[e + PREFETCH_AHEAD]);
		column_range(search, row.indexes[e], &begin, &end);
		for (int64_t f = begin; f < end; f++)
		{
			int32_t		candidate = columns->indexes[f];
			int32_t		before = add_pair(kind, search->sums, candidate, x, columns->values[f]);

			if (listed && before == 0)
				search->touched[n_touched++] = candidate;
		}
	}
	return n_touched;
}

/* Picks the loop. */
int32_t
pair_search(const PairSearch *search)
{
	bool		listed = search->touched != NULL;

	switch (search->kind)
	{
		case SUM_PRODUCTS:
			return listed ? search_columns(search, SUM_PRODUCTS, true)
				: search_columns(search, SUM_PRODUCTS, false);
		case SUM_DIFFERENCES:
			return listed ? search_columns(search, SUM_DIFFERENCES, true)
				: search_columns(search, SUM_DIFFERENCES, false);
		case SUM_MOMENTS:
			return listed ? search_columns(search, SUM_MOMENTS, true)
				: search_columns(search, SUM_MOMENTS, false);
	}
	return 0;
}
