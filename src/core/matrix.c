/*
 * matrix.c
 *		Dense row-major float matrix.
 */
#include "core/matrix.h"

#include <string.h>

#include "core/checked.h"

/* A matrix of zeros. */
RecsysStatus
matrix_init(Env *env, Matrix *matrix, int64_t n_rows, int64_t n_cols)
{
	size_t		entries;

	memset(matrix, 0, sizeof(*matrix));
	if (n_rows < 0 || n_cols < 0 || !checked_mul((size_t) n_rows, (size_t) n_cols, &entries) ||
		entries > INT64_MAX)
		return env_fail(env, RECSYS_OVER_LIMIT, "matrix of %lld rows and %lld columns is too large",
						(long long) n_rows, (long long) n_cols);
	matrix->data = env_alloc_zero(env, entries, sizeof(float));
	if (matrix->data == NULL)
		return env->status;
	matrix->n_rows = n_rows;
	matrix->n_cols = n_cols;
	return RECSYS_OK;
}

/* Frees the data and leaves an empty matrix. */
void
matrix_free(Env *env, Matrix *matrix)
{
	env_free(env, matrix->data);
	memset(matrix, 0, sizeof(*matrix));
}
