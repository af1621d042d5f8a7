/*
 * factor_sums_kernels.c
 *		Inner loops of factor_sums.h.
 *
 * A tile of columns of the sum stays in registers while the rows pass by, in two parts, so that
 * one addition need not wait for the one before; a block of rows is small enough to be read
 * again for the next tile.
 */
#include "core/factor_sums.h"
#include "core/vector.h"

#define LANES 8					/* floats of a vector */
#define TILE_VECTORS 4
#define BLOCK_ENTRIES 128		/* rows that pass by at a time */
#define AHEAD 12				/* rows asked for in advance: they lie anywhere in memory */
#define LINE_FLOATS 16			/* of a cache line */
#define FETCH_FLOATS 16			/* rows up to this size come in time by themselves */

typedef float Vector __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))

/* The rows that pass by. */
typedef struct Rows
{
	const float *x;
	size_t		k;
	const int32_t *indexes;
	const float *values;
	int64_t		n;				/* added up */
	int64_t		n_known;		/* indexes from the first one to the end */
} Rows;

/* Row e from its column `first` on. */
INLINE const float *
row_at(const Rows *rows, int64_t e, int first)
{
	return rows->x + (size_t) rows->indexes[e] * rows->k + first;
}

/* Asks for the cache lines of row e, if there is one. */
INLINE void
prefetch_row(const Rows *rows, int64_t e)
{
	if (e < rows->n_known)
		for (size_t i = 0; i < rows->k; i += LINE_FLOATS)
			__builtin_prefetch(row_at(rows, e, (int) i));
}

/* sums += value times columns of a row. */
INLINE void
add_row(Vector *sums, int n_vectors, float value, const float *row)
{
	for (int v = 0; v < n_vectors; v++)
		sums[v] += value * *(const Vector *) (row + v * LANES);
}

/* sum += columns first .. first + n_vectors * LANES - 1 of the rows; the first tile asks for rows. */
INLINE void
add_tile(const Rows *rows, int first, int n_vectors, float *sum)
{
	Vector		even[TILE_VECTORS] = {0};
	Vector		odd[TILE_VECTORS] = {0};
	int64_t		e = 0;

	for (; e + 2 <= rows->n; e += 2)
	{
		if (first == 0 && rows->k > FETCH_FLOATS)
		{
			prefetch_row(rows, e + AHEAD);
			prefetch_row(rows, e + AHEAD + 1);
		}
		add_row(even, n_vectors, rows->values[e], row_at(rows, e, first));
		add_row(odd, n_vectors, rows->values[e + 1], row_at(rows, e + 1, first));
	}
	if (e < rows->n)
		add_row(even, n_vectors, rows->values[e], row_at(rows, e, first));
	for (int v = 0; v < n_vectors; v++)
		*(Vector *) (sum + v * LANES) += even[v] + odd[v];
}

/* The last columns, fewer than LANES: a tile that begins earlier, of which only they count. */
INLINE void
add_last_columns(const Rows *rows, int n_columns, float *sum)
{
	float		tile[LANES] = {0};
	int			k = (int) rows->k;

	add_tile(rows, k - LANES, 1, tile);
	for (int i = LANES - n_columns; i < LANES; i++)
		sum[k - LANES + i] += tile[i];
}

/* Rows of fewer than LANES columns. */
INLINE void
add_short_rows(const Rows *rows, float *sum)
{
	for (int64_t e = 0; e < rows->n; e++)
	{
		const float *row = row_at(rows, e, 0);

		for (size_t i = 0; i < rows->k; i++)
			sum[i] += rows->values[e] * row[i];
	}
}

/* Tile by tile, then what is left. */
INLINE void
add_block(const Rows *rows, float *sum)
{
	int			k = (int) rows->k;
	int			i = 0;

	if (k < LANES)
	{
		add_short_rows(rows, sum);
		return;
	}
	for (; i + TILE_VECTORS * LANES <= k; i += TILE_VECTORS * LANES)
		add_tile(rows, i, TILE_VECTORS, sum + i);
	switch ((k - i) / LANES)
	{
		case 3:
			add_tile(rows, i, 3, sum + i);
			break;
		case 2:
			add_tile(rows, i, 2, sum + i);
			break;
		case 1:
			add_tile(rows, i, 1, sum + i);
			break;
	}
	if (k % LANES > 0)
		add_last_columns(rows, k % LANES, sum);
}

/* Block by block. */
CLONES void
factor_sum(const float *restrict x, int k, const int32_t *restrict indexes,
		   const float *restrict values, int64_t n, float *restrict sum)
{
	for (int64_t begin = 0; begin < n; begin += BLOCK_ENTRIES)
	{
		Rows		rows = {x, (size_t) k, indexes + begin, values + begin,
			n - begin < BLOCK_ENTRIES ? n - begin : BLOCK_ENTRIES, n - begin};

		add_block(&rows, sum);
	}
}
