/*
 * test_matrix.c: dense matrices.
 */
#include "core/matrix.h"
#include "test_env.h"

/* A new matrix is zero, its rows lie one behind the other. */
static void
test_rows(void)
{
	Env		   *env = test_env();
	Matrix		matrix;

	CHECK_EQ_INT(matrix_init(env, &matrix, 3, 5), RECSYS_OK);
	CHECK(matrix.n_rows == 3 && matrix.n_cols == 5);
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 5; j++)
		{
			CHECK(matrix_row(&matrix, i)[j] == 0);
			matrix_row(&matrix, i)[j] = (float) (10 * i + j);
		}
	CHECK(matrix.data[0] == 0 && matrix.data[5] == 10 && matrix.data[14] == 24);
	matrix_free(env, &matrix);
	CHECK(matrix.data == NULL && matrix.n_rows == 0);
	test_env_done(env);
}

/* Empty matrices are matrices. */
static void
test_empty(void)
{
	Env		   *env = test_env();
	Matrix		matrix;

	CHECK_EQ_INT(matrix_init(env, &matrix, 0, 5), RECSYS_OK);
	CHECK(matrix.data != NULL && matrix.n_cols == 5);
	matrix_free(env, &matrix);
	CHECK_EQ_INT(matrix_init(env, &matrix, 5, 0), RECSYS_OK);
	CHECK(matrix.n_rows == 5);
	matrix_free(env, &matrix);
	test_env_done(env);
}

/* Sizes that overflow or exceed the limit fail and leave an empty matrix. */
static void
test_too_large(void)
{
	Env		   *env = test_env();
	Matrix		matrix;

	CHECK_EQ_INT(matrix_init(env, &matrix, INT64_MAX, 3), RECSYS_OVER_LIMIT);
	CHECK_EQ_INT(matrix_init(env, &matrix, INT64_MAX / 2, 1), RECSYS_OVER_LIMIT);
	CHECK_EQ_INT(matrix_init(env, &matrix, -1, 1), RECSYS_OVER_LIMIT);
	env->memory_limit = 1000;
	CHECK_EQ_INT(matrix_init(env, &matrix, 100, 10), RECSYS_OVER_LIMIT);
	CHECK(matrix.data == NULL && matrix.n_rows == 0);
	CHECK_EQ_INT(test_env_of(env)->n_allocs, 0);
	test_env_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_rows);
	RUN(test_empty);
	RUN(test_too_large);
	return unit_done();
}
