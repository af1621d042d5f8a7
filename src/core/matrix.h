/*
 * matrix.h
 *		Dense row-major float matrix.
 */
#ifndef CORE_MATRIX_H
#define CORE_MATRIX_H

#include "core/env.h"

typedef struct Matrix
{
	int64_t		n_rows;
	int64_t		n_cols;
	float	   *data;			/* n_rows * n_cols, row after row */
} Matrix;

/* All zeros.  0 rows or columns are allowed. */
extern RecsysStatus matrix_init(Env *env, Matrix *matrix, int64_t n_rows, int64_t n_cols);
extern void matrix_free(Env *env, Matrix *matrix);

/* Row i, n_cols floats. */
static inline float *
matrix_row(const Matrix *matrix, int64_t i)
{
	return matrix->data + i * matrix->n_cols;
}

#endif							/* CORE_MATRIX_H */
