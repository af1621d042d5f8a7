/*
 * inverse.c
 *		Inverse of a symmetric positive definite matrix by block sweeps.
 *
 * LAPACK's dpotrf and dpotri on 5,000 rows take seconds and hear no cancel
 * meanwhile.  Here the matrix is swept block by block (Gauss-Jordan for a
 * symmetric matrix).  With pivot block k, D = A_kk^-1 by Cholesky, and i, j
 * other blocks:
 *
 *		A_ij = A_ij - A_ik D A_kj,	A_ik = A_ik D,	A_kk = -D
 *
 * After a sweep of every block, A = -(A^-1).  Each sweep is one parallel product
 * of small tiles, n^3 operations in all, as many as Cholesky and inverse have
 * together; only the lower triangle is kept.  No pivoting is needed: every pivot
 * block is a Schur complement of a positive definite matrix (Higham, "Accuracy
 * and Stability of Numerical Algorithms", section 14.4).
 */
#include "core/inverse.h"

#include <string.h>

#include "core/blas.h"
#include "core/parallel.h"

#define BLOCK 256				/* rows of a block; a tile takes 1.7 x 10^7 multiplications */

/* The matrix and the pivot block of the moment. */
typedef struct Sweep
{
	int32_t		n;
	double	   *a;
	int32_t		n_blocks;
	int32_t		pivot;			/* block number */
	double	   *inverse;		/* of the pivot block: BLOCK x BLOCK */
	double	   *panel;			/* n x BLOCK: A_ik as it was */
	double	   *scaled;			/* n x BLOCK: A_ik times the inverse */
} Sweep;

/* Three arrays, each with its overhead. */
double
inverse_bytes(double n)
{
	return (2 * n + BLOCK) * BLOCK * sizeof(double) + 3 * ENV_BLOCK_OVERHEAD;
}

/* First row of a block. */
static int32_t
block_begin(int32_t block)
{
	return block * BLOCK;
}

/* Rows of a block: the last one may be shorter. */
static int32_t
block_rows(const Sweep *sweep, int32_t block)
{
	int32_t		left = sweep->n - block_begin(block);

	return left < BLOCK ? left : BLOCK;
}

/* Element (row, column) of the matrix. */
static double *
cell(const Sweep *sweep, int32_t row, int32_t column)
{
	return sweep->a + (int64_t) row * sweep->n + column;
}

/* Row r of one of the two panels. */
static double *
panel_row(double *panel, int32_t row)
{
	return panel + (int64_t) row * BLOCK;
}

/* Number i of the blocks that are not the pivot. */
static int32_t
other_block(const Sweep *sweep, int64_t i)
{
	return (int32_t) (i < sweep->pivot ? i : i + 1);
}

/* Copies block A_ik between the matrix, where k may come before i or after it, and a panel. */
static void
copy_block(const Sweep *sweep, int32_t block, double *panel, bool to_panel)
{
	int32_t		begin = block_begin(block);
	int32_t		first = block_begin(sweep->pivot);
	int32_t		width = block_rows(sweep, sweep->pivot);

	for (int32_t row = begin; row < begin + block_rows(sweep, block); row++)
		for (int32_t column = 0; column < width; column++)
		{
			double	   *in_panel = panel_row(panel, row) + column;
			double	   *in_matrix = block > sweep->pivot ? cell(sweep, row, first + column)
				: cell(sweep, first + column, row);

			if (to_panel)
				*in_panel = *in_matrix;
			else
				*in_matrix = *in_panel;
		}
}

/* Inverts the pivot block into sweep->inverse, both triangles; false when it is not positive definite. */
static bool
invert_pivot(const Sweep *sweep)
{
	int32_t		first = block_begin(sweep->pivot);
	int32_t		width = block_rows(sweep, sweep->pivot);
	double	   *inverse = sweep->inverse;

	for (int32_t row = 0; row < width; row++)
		memcpy(panel_row(inverse, row), cell(sweep, first + row, first),
			   (size_t) width * sizeof(double));
	if (blas_dpotrf(width, inverse, BLOCK) != 0 || blas_dpotri(width, inverse, BLOCK) != 0)
		return false;
	for (int32_t row = 0; row < width; row++)
		for (int32_t column = 0; column < row; column++)
			panel_row(inverse, column)[row] = panel_row(inverse, row)[column];
	return true;
}

/* Some blocks of the pivot's column: kept as they were in the panel, multiplied by the inverse in the matrix. */
static RecsysStatus
scale_blocks(void *arg, int64_t begin, int64_t end, int worker)
{
	const Sweep *sweep = arg;
	int32_t		width = block_rows(sweep, sweep->pivot);

	(void) worker;
	for (int64_t i = begin; i < end; i++)
	{
		int32_t		block = other_block(sweep, i);
		int32_t		row = block_begin(block);

		copy_block(sweep, block, sweep->panel, true);
		blas_dgemm(false, false, block_rows(sweep, block), width, width, 1,
				   panel_row(sweep->panel, row), BLOCK, sweep->inverse, BLOCK, 0,
				   panel_row(sweep->scaled, row), BLOCK);
		copy_block(sweep, block, sweep->scaled, false);
	}
	return RECSYS_OK;
}

/* The pair of numbers behind number t of (0, 0), (1, 0), (1, 1), (2, 0), ... */
static void
triangle_pair(int64_t t, int64_t *i, int64_t *j)
{
	*i = 0;
	while ((*i + 1) * (*i + 2) / 2 <= t)
		(*i)++;
	*j = t - *i * (*i + 1) / 2;
}

/* Subtracts the product from some tiles of the lower triangle. */
static RecsysStatus
update_tiles(void *arg, int64_t begin, int64_t end, int worker)
{
	const Sweep *sweep = arg;
	int32_t		width = block_rows(sweep, sweep->pivot);

	(void) worker;
	for (int64_t t = begin; t < end; t++)
	{
		int64_t		i;
		int64_t		j;
		int32_t		row;
		int32_t		column;

		triangle_pair(t, &i, &j);
		row = block_begin(other_block(sweep, i));
		column = block_begin(other_block(sweep, j));
		blas_dgemm(false, true, block_rows(sweep, other_block(sweep, i)),
				   block_rows(sweep, other_block(sweep, j)), width, -1,
				   panel_row(sweep->scaled, row), BLOCK, panel_row(sweep->panel, column), BLOCK, 1,
				   cell(sweep, row, column), sweep->n);
	}
	return RECSYS_OK;
}

/* Sweeps the pivot block. */
static RecsysStatus
sweep_block(Env *env, Sweep *sweep)
{
	int64_t		n_others = sweep->n_blocks - 1;
	int32_t		first = block_begin(sweep->pivot);
	int32_t		width = block_rows(sweep, sweep->pivot);

	if (env_interrupted(env))
		return env->status;
	if (!invert_pivot(sweep))
		return env_fail(env, RECSYS_SINGULAR, "matrix is not positive definite");
	TRY(parallel_for(env, n_others, 1, scale_blocks, sweep, false));
	TRY(parallel_for(env, n_others * (n_others + 1) / 2, 1, update_tiles, sweep, false));
	for (int32_t row = 0; row < width; row++)
		for (int32_t column = 0; column < width; column++)
			*cell(sweep, first + row, first + column) = -panel_row(sweep->inverse, row)[column];
	return RECSYS_OK;
}

/* Turns the sign of some tiles and copies them to the other side of the diagonal. */
static RecsysStatus
mirror_tiles(void *arg, int64_t begin, int64_t end, int worker)
{
	const Sweep *sweep = arg;

	(void) worker;
	for (int64_t t = begin; t < end; t++)
	{
		int64_t		i;
		int64_t		j;
		int32_t		first;
		int32_t		last;

		triangle_pair(t, &i, &j);
		first = block_begin((int32_t) i);
		last = first + block_rows(sweep, (int32_t) i);
		for (int32_t row = first; row < last; row++)
			for (int32_t column = block_begin((int32_t) j);
				 column < block_begin((int32_t) j) + BLOCK && column <= row; column++)
				*cell(sweep, row, column) = *cell(sweep, column, row) = -*cell(sweep, row, column);
	}
	return RECSYS_OK;
}

/* Sweeps all blocks. */
RecsysStatus
inverse_spd(Env *env, int32_t n, double *a)
{
	Sweep		sweep = {.n = n, .a = a, .n_blocks = (n + BLOCK - 1) / BLOCK};

	sweep.inverse = env_alloc(env, BLOCK, BLOCK * sizeof(double));
	sweep.panel = env_alloc(env, (size_t) n, BLOCK * sizeof(double));
	sweep.scaled = env_alloc(env, (size_t) n, BLOCK * sizeof(double));
	if (sweep.inverse == NULL || sweep.panel == NULL || sweep.scaled == NULL)
		return env->status;
	for (; sweep.pivot < sweep.n_blocks; sweep.pivot++)
		TRY(sweep_block(env, &sweep));
	TRY(parallel_for(env, (int64_t) sweep.n_blocks * (sweep.n_blocks + 1) / 2, 1, mirror_tiles,
					 &sweep, false));
	env_free(env, sweep.inverse);
	env_free(env, sweep.panel);
	env_free(env, sweep.scaled);
	return RECSYS_OK;
}
