/*
 * blas.h
 *		Dense products, factorisations and eigenvectors, by OpenBLAS.
 *
 * The library is loaded at the first blas_open() of a process, not before: a
 * session that only serves never pays for it.  It runs in the calling thread
 * only; parallelism is ours, by parallel_for over blocks (blas_*_parallel), so
 * that bits do not depend on the number of threads and no thread stays behind.
 *
 * All matrices are row-major; lda, ldb, ldc are elements from one row to the
 * next.  "Lower" is the triangle with column <= row, diagonal included; the
 * other one is neither read nor written.
 *
 * Everything but blas_open may be called from the chunks of parallel_for, and
 * only after blas_open has succeeded in this process.  A call cannot be
 * interrupted: keep one below 10^8 multiplications or so.
 */
#ifndef CORE_BLAS_H
#define CORE_BLAS_H

#include "core/env.h"

#define BLAS_LIBRARY_BYTES (5 << 20)	/* about what is touched of the library in a process that opens it */

/*
 * Loads the library unless it is loaded, and has it map the buffers of the
 * Env's threads, 128 MB of address space each.  RECSYS_UNSUPPORTED, with the
 * package to install as the hint, when it is missing or lacks a function;
 * RECSYS_NO_MEMORY when there is no room.  Only from the thread that owns the
 * Env, never inside parallel_for.
 */
extern RecsysStatus blas_open(Env *env);

/* The same with another file than libopenblas.so.0; without effect once a library is loaded. */
extern RecsysStatus blas_open_file(Env *env, const char *file);

/* c = alpha op(a) op(b) + beta c; op(a) is m x k and op(b) k x n, op transposes when asked to. */
extern void blas_sgemm(bool ta, bool tb, int m, int n, int k, float alpha, const float *a, int lda,
					   const float *b, int ldb, float beta, float *c, int ldc);
extern void blas_dgemm(bool ta, bool tb, int m, int n, int k, double alpha, const double *a,
					   int lda, const double *b, int ldb, double beta, double *c, int ldc);

/*
 * The same on all threads of the Env, in blocks whose size depends on m, n and k
 * alone, with a look at the interrupt flag between them.  c is undefined after
 * a failure.
 */
extern RecsysStatus blas_sgemm_parallel(Env *env, bool ta, bool tb, int m, int n, int k,
										float alpha, const float *a, int lda, const float *b,
										int ldb, float beta, float *c, int ldc);
extern RecsysStatus blas_dgemm_parallel(Env *env, bool ta, bool tb, int m, int n, int k,
										double alpha, const double *a, int lda, const double *b,
										int ldb, double beta, double *c, int ldc);

/* Lower triangle of c (n x n) = alpha a a' + beta c, a being n x k; transpose: a' a, a being k x n. */
extern void blas_ssyrk(bool transpose, int n, int k, float alpha, const float *a, int lda,
					   float beta, float *c, int ldc);
extern void blas_dsyrk(bool transpose, int n, int k, double alpha, const double *a, int lda,
					   double beta, double *c, int ldc);

/*
 * Triangular products and solutions, t being lower triangular and b m x n:
 * right: b = b op(t)^-1 (t is n x n); else b = op(t)^-1 b (t is m x m).
 * trmm multiplies instead of solving.
 */
extern void blas_dtrsm(bool right, bool transpose, int m, int n, const double *t, int ldt,
					   double *b, int ldb);
extern void blas_dtrmm(bool right, bool transpose, int m, int n, const double *t, int ldt,
					   double *b, int ldb);

/*
 * Cholesky factor of the lower triangle, in place: a = l l'.  0, or the number
 * (from 1) of the leading minor that is not positive.
 */
extern int	blas_spotrf(int n, float *a, int lda);
extern int	blas_dpotrf(int n, double *a, int lda);

/* Lower triangle of the inverse from the factor that potrf left; 0, or the zero on the diagonal. */
extern int	blas_spotri(int n, float *a, int lda);
extern int	blas_dpotri(int n, double *a, int lda);

/* Inverse of a lower triangular matrix, and l' l of one, in place. */
extern int	blas_dtrtri(int n, double *a, int lda);
extern int	blas_dlauum(int n, double *a, int lda);

/*
 * Householder reflections that make the first `columns` rows and columns of a
 * symmetric matrix tridiagonal; the upper triangle is read, and its first rows
 * become the reflections, with their factors in tau, the diagonal in its place
 * and what is beside it in e.  w: `columns` rows of n, with which the rest of
 * the matrix is to be updated (blas_dsyr2k).  columns < n.
 */
extern void blas_dlatrd(int n, int columns, double *a, int lda, double *e, double *tau, double *w,
						int ldw);

/* Upper triangle of c (n x n) = alpha (a' b + b' a) + beta c, a and b being k x n. */
extern void blas_dsyr2k(int n, int k, double alpha, const double *a, int lda, const double *b,
						int ldb, double beta, double *c, int ldc);

/* Rows of c (m x n) = those of c times the reflections of blas_dlatrd, each row being a vector.  lwork: 64 m + 65 * 64. */
extern void blas_dormtr(int n, int m, const double *a, int lda, const double *tau, double *c,
						int ldc, double *work, int lwork);

#endif							/* CORE_BLAS_H */
