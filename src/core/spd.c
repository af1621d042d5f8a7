/*
 * spd.c
 *		Gram matrices and Cholesky decomposition for small n.
 *
 * Both hot loops are the same one: a tile of TILE_ROWS x TILE_COLUMNS sums of
 * products stays in registers while the rows of a panel pass by.  For a Gram
 * matrix the panel holds gathered data rows; for Cholesky it holds PANEL
 * finished rows of U, whose products are taken from what is left of the matrix
 * (right-looking).  U goes to the upper triangle, so its rows stay in one piece.
 * On one AVX2 core at 2.4 GHz a row of 64 floats takes about 70 ns in a Gram
 * matrix, and a system of 64 unknowns 4 us.
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
#define PANEL 8					/* rows of U finished together */
#define GATHER_FLOATS 4096		/* wanted size of a panel of data rows: half of the L1 cache */
#define GATHER_MOST 32			/* rows in it, at most */
#define GATHER_LEAST 8			/* and at least */

#define QUAD 4					/* floats of a vector of the smallest instruction set */
#ifdef __clang__
#define SHUFFLE(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#else
#define SHUFFLE(a, b, i, j, k, l) __builtin_shuffle(a, b, (QuadIndexes) {i, j, k, l})
#endif

typedef float Quad __attribute__((vector_size(QUAD * sizeof(float)), aligned(4), may_alias));
typedef int QuadIndexes __attribute__((vector_size(QUAD * sizeof(int))));
typedef float Vector __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

#define UNROLLED _Pragma("GCC unroll 8")	/* arrays of vectors stay in registers only so */
#define ROLLED _Pragma("GCC unroll 1")	/* unrolled, sums do not stay in registers */
#define INLINE static inline __attribute__((always_inline))

/* Sum of the lanes. */
INLINE float
sum_lanes(Vector v)
{
	return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

/* n rounded up to whole tiles of columns. */
INLINE int
round_to_tiles(int n)
{
	return (n + TILE_COLUMNS - 1) / TILE_COLUMNS * TILE_COLUMNS;
}

/* A tile of c, n_vectors wide, gets sign * the sum over the panel's rows of x[row] y[column]. */
INLINE void
add_tile(const float *x, const float *y, int n_rows, int ld, float sign, float *c, int ldc,
		 int n_vectors)
{
	Vector		sums[TILE_ROWS][TILE_VECTORS] = {0};

ROLLED
	for (int r = 0; r < n_rows; r++, x += ld, y += ld)
	{
		for (int i = 0; i < TILE_ROWS; i++)
			for (int v = 0; v < n_vectors; v++)
				sums[i][v] += x[i] * *(const Vector *) (y + v * LANES);
	}
	for (int i = 0; i < TILE_ROWS; i++)
		for (int v = 0; v < n_vectors; v++)
			*(Vector *) (c + (size_t) i * (size_t) ldc + v * LANES) += sign * sums[i][v];
}

/* The same for a tile that reaches over the edge of the matrix: only rows x columns of it exist. */
INLINE void
add_edge_tile(const float *x, const float *y, int n_rows, int ld, float sign, float *c, int ldc,
			  int rows, int columns)
{
	float		tile[TILE_ROWS * TILE_COLUMNS] = {0};

	add_tile(x, y, n_rows, ld, sign, tile, TILE_COLUMNS, TILE_VECTORS);
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
				add_tile(x + i, y + j, n_rows, ld, sign, row + j, ldc, TILE_VECTORS);
			else if (rows == TILE_ROWS && j + LANES == m)
				add_tile(x + i, y + j, n_rows, ld, sign, row + j, ldc, 1);
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

/* Writes QUAD rows of QUAD floats, lda apart, as columns, ld apart. */
INLINE void
transpose_quad(const float *rows, int lda, float *columns, int ld)
{
	Quad		a = *(const Quad *) rows;
	Quad		b = *(const Quad *) (rows + lda);
	Quad		c = *(const Quad *) (rows + 2 * (size_t) lda);
	Quad		d = *(const Quad *) (rows + 3 * (size_t) lda);
	Quad		ac_low = SHUFFLE(a, c, 0, 4, 1, 5);
	Quad		ac_high = SHUFFLE(a, c, 2, 6, 3, 7);
	Quad		bd_low = SHUFFLE(b, d, 0, 4, 1, 5);
	Quad		bd_high = SHUFFLE(b, d, 2, 6, 3, 7);

	*(Quad *) columns = SHUFFLE(ac_low, bd_low, 0, 4, 1, 5);
	*(Quad *) (columns + ld) = SHUFFLE(ac_low, bd_low, 2, 6, 3, 7);
	*(Quad *) (columns + 2 * ld) = SHUFFLE(ac_high, bd_high, 0, 4, 1, 5);
	*(Quad *) (columns + 3 * ld) = SHUFFLE(ac_high, bd_high, 2, 6, 3, 7);
}

/*
 * Copies PANEL columns from the diagonal down, length rows, into the panel's rows, with zeros behind them.
 * Columns that the matrix does not have are those of a unit matrix.
 */
INLINE void
load_panel(const float *a, int lda, int length, float *panel, int stride)
{
	int			width = length < PANEL ? length : PANEL;
	int			i = 0;

	for (; width == PANEL && i + QUAD <= length; i += QUAD)
		for (int p = 0; p < PANEL; p += QUAD)
			transpose_quad(a + (size_t) i * (size_t) lda + p, lda, panel + p * stride + i, stride);
	for (; i < length; i++)
		for (int p = 0; p < width; p++)
			panel[p * stride + i] = a[(size_t) i * (size_t) lda + p];
	for (int p = 0; p < PANEL; p++)
		memset(panel + p * stride + length, 0, (size_t) (stride - length) * sizeof(float));
	for (int p = width; p < PANEL; p++)
	{
		memset(panel + p * stride, 0, (size_t) length * sizeof(float));
		panel[p * stride + p] = 1;
	}
}

/* Copies the panel's rows, from the diagonal on, into those of the upper triangle. */
INLINE void
store_panel(float *a, int lda, int length, const float *panel, int stride)
{
	for (int p = 0; p < PANEL && p < length; p++)
		memcpy(a + (size_t) p * (size_t) lda + p, panel + p * stride + p,
			   (size_t) (length - p) * sizeof(float));
}

/*
 * Factors the first PANEL columns of the panel and keeps them in `factors`, the inverse of the diagonal in
 * `scales`.  What stands left of the diagonal is never read.
 */
INLINE bool
factor_diagonal(float *panel, int stride, const float *diagonal, int n, float *factors,
				float *scales)
{
	Vector		rows[PANEL];

	for (int p = 0; p < PANEL; p++)
		rows[p] = *(const Vector *) (panel + p * stride);
UNROLLED
	for (int p = 0; p < PANEL; p++)
	{
		float		pivot = rows[p][p];
		float		before = p < n ? diagonal[p] : 1;

		if (!(pivot > FLT_EPSILON * before) || !(pivot <= FLT_MAX))
			return false;
		scales[p] = 1 / sqrtf(pivot);
		rows[p] *= scales[p];
UNROLLED
		for (int q = p + 1; q < PANEL; q++)
			rows[q] -= rows[p][q] * rows[p];
		*(Vector *) (panel + p * stride) = *(Vector *) (factors + p * PANEL) = rows[p];
	}
	return true;
}

/* The other columns of the panel, LANES at a time. */
INLINE void
solve_panel(float *panel, int stride, int length, const float *factors, const float *scales)
{
	for (int i = PANEL; i < length; i += LANES)
	{
		Vector		rows[PANEL];

		for (int p = 0; p < PANEL; p++)
			rows[p] = *(const Vector *) (panel + p * stride + i);
UNROLLED
		for (int p = 0; p < PANEL; p++)
		{
			rows[p] *= scales[p];
UNROLLED
			for (int q = p + 1; q < PANEL; q++)
				rows[q] -= factors[p * PANEL + q] * rows[p];
			*(Vector *) (panel + p * stride + i) = rows[p];
		}
	}
}

/* Right-looking Cholesky, PANEL columns at a time: a = U'U, U left in the upper triangle. */
CLONES bool
spd_factor(float *a, int n, int lda, float *scratch)
{
	int			stride = panel_stride(n);
	float	   *panel = scratch;
	float	   *diagonal = scratch + PANEL * stride;
	float		factors[PANEL * PANEL];
	float		scales[PANEL];

	for (int i = 0; i < n; i++)
		diagonal[i] = a[(size_t) i * (size_t) lda + i];
	for (int first = 0; first < n; first += PANEL)
	{
		float	   *corner = a + (size_t) first * (size_t) lda + first;
		int			length = n - first;

		load_panel(corner, lda, length, panel, stride);
		if (!factor_diagonal(panel, stride, diagonal + first, length, factors, scales))
			return false;
		solve_panel(panel, stride, length, factors, scales);
		store_panel(corner, lda, length, panel, stride);
		add_panel(panel + PANEL, panel + PANEL, PANEL, stride, -1,
				  corner + PANEL * (size_t) lda + PANEL, lda, length - PANEL);
	}
	return true;
}

/* Inverses of the first width entries of the diagonal: their divisions need not wait for one another. */
INLINE void
invert_diagonal(const float *corner, int lda, int width, float *scales)
{
	for (int p = 0; p < width; p++)
		scales[p] = 1 / corner[(size_t) p * ((size_t) lda + 1)];
}

/* Solves for PANEL unknowns, n of them in the matrix, from their rows on: U'z = b, and takes them out of the rest. */
INLINE void
substitute_forward(const float *corner, int lda, int length, float *restrict b)
{
	int			width = length < PANEL ? length : PANEL;
	float		scales[PANEL];

	invert_diagonal(corner, lda, width, scales);
	for (int p = 0; p < width; p++)
	{
		const float *row = corner + (size_t) p * (size_t) lda;

		b[p] *= scales[p];
		for (int q = p + 1; q < width; q++)
			b[q] -= b[p] * row[q];
	}
	for (int j = PANEL; j < length; j++)
	{
		float		sum = 0;

UNROLLED
		for (int p = 0; p < PANEL; p++)
			sum += b[p] * corner[(size_t) p * (size_t) lda + (size_t) j];
		b[j] -= sum;
	}
}

/* The same upwards, when all unknowns behind are known: U x = z. */
INLINE void
substitute_backward(const float *corner, int lda, int length, float *b)
{
	int			width = length < PANEL ? length : PANEL;
	Vector		sums[PANEL] = {0};
	float		scales[PANEL];
	int			j = PANEL;

	invert_diagonal(corner, lda, width, scales);
	for (; j + LANES <= length; j += LANES)
UNROLLED
		for (int p = 0; p < PANEL; p++)
			sums[p] += *(const Vector *) (corner + (size_t) p * (size_t) lda + (size_t) j) *
				*(const Vector *) (b + j);
	for (int p = width - 1; p >= 0; p--)
	{
		const float *row = corner + (size_t) p * (size_t) lda;
		float		sum = sum_lanes(sums[p]);

		for (int i = j; i < length; i++)
			sum += row[i] * b[i];
		for (int q = width - 1; q > p; q--)
			sum += row[q] * b[q];
		b[p] = (b[p] - sum) * scales[p];
	}
}

/* PANEL unknowns at a time. */
CLONES void
spd_substitute(const float *a, int n, int lda, float *b)
{
	for (int first = 0; first < n; first += PANEL)
		substitute_forward(a + (size_t) first * (size_t) lda + first, lda, n - first, b + first);
	for (int first = (n - 1) / PANEL * PANEL; first >= 0; first -= PANEL)
		substitute_backward(a + (size_t) first * (size_t) lda + first, lda, n - first, b + first);
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
