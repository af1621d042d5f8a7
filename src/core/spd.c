/*
 * spd.c
 *		Gram matrices and Cholesky decomposition for small n.
 *
 * Both hot loops are the same one: a tile of TILE_ROWS x TILE_COLUMNS sums of
 * products stays in registers while the rows of a panel pass by.  For a Gram
 * matrix the panel holds gathered data rows; for Cholesky it holds PANEL
 * finished columns of L, transposed, whose products are taken from what is left
 * of the matrix (right-looking).  On one AVX2 core at 2.4 GHz a row of
 * 64 floats takes about 90 ns in a Gram matrix, and a system of 64 unknowns 8 us.
 *
 * Vectors of 8 floats are the GCC extension; each instruction set gets its own
 * code (CLONES).
 */
#include "core/spd.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/vector.h"

#define LANES 8					/* floats of a vector */
#define TILE_ROWS 4
#define TILE_VECTORS 2
#define TILE_COLUMNS (TILE_VECTORS * LANES)
#define PANEL 8					/* columns of L finished together */
#define GATHER_FLOATS 4096		/* wanted size of a panel of data rows: half of the L1 cache */
#define GATHER_MOST 32			/* rows in it, at most */
#define GATHER_LEAST 8			/* and at least */

typedef float Vector __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))

/* n rounded up to whole tiles of columns. */
INLINE int
round_to_tiles(int n)
{
	return (n + TILE_COLUMNS - 1) / TILE_COLUMNS * TILE_COLUMNS;
}

/* One tile of c gets sign * the sum over the panel's rows of x[row] y[column]. */
INLINE void
add_tile(const float *x, const float *y, int n_rows, int ld, float sign, float *c, int ldc)
{
	Vector		sums[TILE_ROWS][TILE_VECTORS] = {0};

	for (int r = 0; r < n_rows; r++, x += ld, y += ld)
	{
		for (int i = 0; i < TILE_ROWS; i++)
			for (int v = 0; v < TILE_VECTORS; v++)
				sums[i][v] += x[i] * *(const Vector *) (y + v * LANES);
	}
	for (int i = 0; i < TILE_ROWS; i++)
		for (int v = 0; v < TILE_VECTORS; v++)
			*(Vector *) (c + (size_t) i * (size_t) ldc + v * LANES) += sign * sums[i][v];
}

/* The same for a tile that reaches over the edge of the matrix: only rows x columns of it exist. */
INLINE void
add_edge_tile(const float *x, const float *y, int n_rows, int ld, float sign, float *c, int ldc,
			  int rows, int columns)
{
	float		tile[TILE_ROWS * TILE_COLUMNS] = {0};

	add_tile(x, y, n_rows, ld, sign, tile, TILE_COLUMNS);
	for (int i = 0; i < rows; i++)
		for (int j = 0; j < columns; j++)
			c[(size_t) i * (size_t) ldc + j] += tile[i * TILE_COLUMNS + j];
}

/*
 * Lower triangle of c (m rows) += sign * sum over the panel's rows of x y'.  The rows of x
 * and y are ld floats long, a whole number of tiles that covers m.
 */
INLINE void
add_panel(const float *x, const float *y, int n_rows, int ld, float sign, float *c, int ldc, int m)
{
	for (int i = 0; i < m; i += TILE_ROWS)
	{
		float	   *row = c + (size_t) i * (size_t) ldc;
		int			rows = m - i < TILE_ROWS ? m - i : TILE_ROWS;

		for (int j = 0; j < i + rows; j += TILE_COLUMNS)
		{
			if (rows == TILE_ROWS && j + TILE_COLUMNS <= m)
				add_tile(x + i, y + j, n_rows, ld, sign, row + j, ldc);
			else
				add_edge_tile(x + i, y + j, n_rows, ld, sign, row + j, ldc, rows,
							  m - j < TILE_COLUMNS ? m - j : TILE_COLUMNS);
		}
	}
}

/* Copies data rows into a panel, x as they are and y weighed, both with zeros up to ld. */
INLINE void
gather_rows(const float *const *rows, const float *weights, int n_rows, int n, int ld, float *x,
			float *y)
{
	for (int r = 0; r < n_rows; r++, x += ld, y += ld)
	{
		const float *row = rows[r];
		float		weight = weights == NULL ? 1 : weights[r];

		for (int i = 0; i < n; i++)
		{
			x[i] = row[i];
			y[i] = weight * row[i];
		}
		for (int i = n; i < ld; i++)
			x[i] = y[i] = 0;
	}
}

/* Data rows of a panel. */
INLINE int
gather_count(int ld)
{
	int			n = GATHER_FLOATS / ld;

	return n > GATHER_MOST ? GATHER_MOST : n < GATHER_LEAST ? GATHER_LEAST : n;
}

/* Panel by panel. */
CLONES void
gram_add(const float *const *rows, const float *weights, int64_t n_rows, int n, float *a, int lda)
{
	float		x[GATHER_LEAST * SPD_MAX] __attribute__((aligned(64)));
	float		y[GATHER_LEAST * SPD_MAX] __attribute__((aligned(64)));
	int			ld = round_to_tiles(n);
	int			most = gather_count(ld);

	for (int64_t r = 0; r < n_rows; r += most)
	{
		int			count = n_rows - r < most ? (int) (n_rows - r) : most;

		gather_rows(rows + r, weights == NULL ? NULL : weights + r, count, n, ld, x, y);
		add_panel(x, y, count, ld, 1, a, lda, n);
	}
}

/* Through pointers, a panel at a time. */
void
gram_add_dense(const float *rows, int64_t n_rows, int n, float *a, int lda)
{
	const float *pointers[GATHER_MOST];

	for (int64_t r = 0; r < n_rows; r += GATHER_MOST)
	{
		int			count = n_rows - r < GATHER_MOST ? (int) (n_rows - r) : GATHER_MOST;

		for (int i = 0; i < count; i++)
			pointers[i] = rows + (r + i) * n;
		gram_add(pointers, NULL, count, n, a, lda);
	}
}

/* Floats from one row of Cholesky's panel to the next: PANEL columns, then tiles. */
INLINE int
panel_stride(int n)
{
	return PANEL + round_to_tiles(n) + TILE_COLUMNS;
}

/* The panel and the diagonal as it was. */
size_t
spd_scratch(int n)
{
	return (size_t) (PANEL * panel_stride(n) + n);
}

/* Copies columns first .. first + width - 1 from the diagonal down into the panel's rows. */
INLINE void
load_panel(const float *a, int n, int lda, int first, int width, float *panel, int stride)
{
	for (int i = first; i < n; i++)
		for (int p = 0; p < width; p++)
			panel[p * stride + i - first] = a[(size_t) i * (size_t) lda + first + p];
	for (int p = 0; p < width; p++)
		memset(panel + p * stride + n - first, 0,
			   (size_t) (stride - (n - first)) * sizeof(float));
}

/* Copies the panel back below the diagonal. */
INLINE void
store_panel(float *a, int n, int lda, int first, int width, const float *panel, int stride)
{
	for (int i = first; i < n; i++)
		for (int p = 0; p < width && first + p <= i; p++)
			a[(size_t) i * (size_t) lda + first + p] = panel[p * stride + i - first];
}

/* Turns width columns, the rows of the panel, into columns of L; length floats each. */
INLINE bool
factor_panel(float *panel, int stride, int width, int length, const float *diagonal)
{
	for (int p = 0; p < width; p++)
	{
		float	   *row = panel + p * stride;
		float		pivot = row[p];
		float		scale;

		if (!(pivot > FLT_EPSILON * diagonal[p]) || !(pivot <= FLT_MAX))
			return false;
		scale = 1 / sqrtf(pivot);
		for (int i = p; i < length; i++)
			row[i] *= scale;
		for (int q = p + 1; q < width; q++)
		{
			float	   *below = panel + q * stride;
			float		factor = row[q];

			for (int i = q; i < length; i++)
				below[i] -= factor * row[i];
		}
	}
	return true;
}

/* Right-looking Cholesky, PANEL columns at a time. */
CLONES bool
spd_factor(float *a, int n, int lda, float *scratch)
{
	int			stride = panel_stride(n);
	float	   *panel = scratch;
	float	   *diagonal = scratch + PANEL * stride;

	for (int i = 0; i < n; i++)
		diagonal[i] = a[(size_t) i * (size_t) lda + i];
	for (int first = 0; first < n; first += PANEL)
	{
		int			width = n - first < PANEL ? n - first : PANEL;
		int			next = first + width;

		load_panel(a, n, lda, first, width, panel, stride);
		if (!factor_panel(panel, stride, width, n - first, diagonal + first))
			return false;
		store_panel(a, n, lda, first, width, panel, stride);
		add_panel(panel + width, panel + width, width, stride, -1,
				  a + (size_t) next * (size_t) lda + next, lda, n - next);
	}
	return true;
}

/* Forward by dot products with the rows of L, backward by taking them away. */
CLONES void
spd_substitute(const float *a, int n, int lda, float *b)
{
	for (int i = 0; i < n; i++)
	{
		const float *row = a + (size_t) i * (size_t) lda;
		float		sum = 0;

		for (int j = 0; j < i; j++)
			sum += row[j] * b[j];
		b[i] = (b[i] - sum) / row[i];
	}
	for (int i = n - 1; i >= 0; i--)
	{
		const float *row = a + (size_t) i * (size_t) lda;
		float		x = b[i] / row[i];

		b[i] = x;
		for (int j = 0; j < i; j++)
			b[j] -= x * row[j];
	}
}

/* Factor, then substitute. */
bool
spd_solve(float *a, int n, int lda, float *b, float *scratch)
{
	if (!spd_factor(a, n, lda, scratch))
		return false;
	spd_substitute(a, n, lda, b);
	return true;
}
