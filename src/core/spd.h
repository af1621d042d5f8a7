/*
 * spd.h
 *		Small symmetric positive definite systems: the inner loops of alternating
 *		least squares.
 *
 * A matrix of n rows is row-major with lda >= n floats from one row to the next.
 * Only its lower triangle (column <= row) is read, and of a Gram matrix only that is
 * a result: whole register tiles are written, so what stands above the diagonal, in
 * the first n columns, is lost.
 *
 * Float, 1 <= n <= SPD_MAX.  Any thread may call.  Like vector.h, results differ
 * in the last bits between CPU types, never on one.
 */
#ifndef CORE_SPD_H
#define CORE_SPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPD_MAX 1024

/*
 * a += sum over r of weights[r] rows[r] rows[r]', lower triangle; weights NULL: 1 each.
 * n_rows n^2 / 2 multiply-adds.  Rows need no alignment.
 */
extern void gram_add(const float *const *rows, const float *weights, int64_t n_rows, int n,
					 float *a, int lda);

/* The same of n_rows rows that follow one another in memory. */
extern void gram_add_dense(const float *rows, int64_t n_rows, int n, float *a, int lda);

/* Floats of scratch memory for spd_solve of n unknowns. */
extern size_t spd_scratch(int n);

/*
 * Solves a x = b in place by Cholesky decomposition: b becomes x, a is lost but for the
 * factor U, a = U'U, in its upper triangle.  n^3 / 6 + n^2 multiply-adds.  False, with a and b lost, when a is
 * not positive definite to the precision of a float, or not finite.
 */
extern bool spd_solve(float *a, int n, int lda, float *b, float *scratch);

/* Solves U'U x = b with the factor that spd_solve or spd_factor left. */
extern void spd_substitute(const float *a, int n, int lda, float *b);

/* Only the factor; false as spd_solve. */
extern bool spd_factor(float *a, int n, int lda, float *scratch);

#endif							/* CORE_SPD_H */
