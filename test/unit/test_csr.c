/*
 * test_csr.c: sparse matrices and their transposition.
 */
#include "core/csr.h"
#include "core/rng.h"
#include "test_env.h"

/* A random matrix: each entry is there with the given probability. */
static void
random_csr(Env *env, Csr *csr, int32_t n_rows, int32_t n_cols, double density, bool with_times)
{
	Rng			rng;
	int64_t		n = 0;

	rng_seed(&rng, 1, 0);
	CHECK_EQ_INT(csr_init(env, csr, n_rows, n_cols, (int64_t) n_rows * n_cols, with_times), RECSYS_OK);
	for (int32_t row = 0; row < n_rows; row++)
	{
		for (int32_t col = 0; col < n_cols; col++)
		{
			if (rng_uniform(&rng) >= density)
				continue;
			csr->indexes[n] = col;
			csr->values[n] = (float) (row * 1000 + col);
			if (with_times)
				csr->times[n] = (int64_t) row * 100000 + col;
			n++;
		}
		csr->offsets[row + 1] = n;
	}
	csr->n_entries = n;
}

/* Position of an entry, by reading the whole row; -1 when there is none. */
static int64_t
find_entry(const Csr *csr, int32_t row, int32_t col)
{
	for (int64_t i = csr->offsets[row]; i < csr->offsets[row + 1]; i++)
		if (csr->indexes[i] == col)
			return i;
	return -1;
}

/* out is in transposed, by looking up each possible entry in both. */
static void
check_transposed(const Csr *in, const Csr *out)
{
	CHECK(out->n_rows == in->n_cols && out->n_cols == in->n_rows);
	CHECK_EQ_INT(out->n_entries, in->n_entries);
	CHECK_EQ_INT(out->offsets[0], 0);
	CHECK_EQ_INT(out->offsets[out->n_rows], in->n_entries);
	for (int32_t row = 0; row < in->n_rows; row++)
		for (int32_t col = 0; col < in->n_cols; col++)
		{
			int64_t		a = find_entry(in, row, col);
			int64_t		b = find_entry(out, col, row);

			CHECK((a < 0) == (b < 0));
			if (a < 0 || b < 0)
				continue;
			CHECK(in->values[a] == out->values[b]);
			CHECK(in->times == NULL || in->times[a] == out->times[b]);
		}
	for (int32_t row = 0; row < out->n_rows; row++)
		for (int64_t i = out->offsets[row] + 1; i < out->offsets[row + 1]; i++)
			CHECK(out->indexes[i - 1] < out->indexes[i]);
}

/* Transposes a random matrix and checks the result. */
static void
transpose_random(int32_t n_rows, int32_t n_cols, double density, bool with_times)
{
	Env		   *env = test_env();
	Csr			in;
	Csr			out;

	random_csr(env, &in, n_rows, n_cols, density, with_times);
	CHECK_EQ_INT(csr_transpose(env, &in, &out), RECSYS_OK);
	CHECK((out.times != NULL) == with_times);
	check_transposed(&in, &out);
	csr_free(env, &in);
	csr_free(env, &out);
	CHECK(out.offsets == NULL && out.n_entries == 0);
	test_env_done(env);
}

/* Sparse, dense, empty, with and without times, wide and tall. */
static void
test_transpose(void)
{
	transpose_random(30, 50, 0.1, true);
	transpose_random(50, 30, 0.1, false);
	transpose_random(7, 9, 1, true);
	transpose_random(7, 9, 0, false);
	transpose_random(1, 100, 0.5, true);
	transpose_random(100, 1, 0.5, false);
	transpose_random(0, 5, 1, false);
	transpose_random(5, 0, 1, true);
}

/* csr_bytes is exactly what csr_init takes; nothing is allocated that exceeds the limit. */
static void
test_bytes(void)
{
	Env		   *env = test_env();
	Csr			csr;
	size_t		bytes;

	for (int with_times = 0; with_times < 2; with_times++)
	{
		CHECK(csr_bytes(10, 1000, with_times, &bytes));
		env->memory_limit = bytes;
		CHECK_EQ_INT(csr_init(env, &csr, 10, 20, 1000, with_times), RECSYS_OK);
		CHECK_EQ_INT(csr_row_length(&csr, 9), 0);
		CHECK_EQ_INT(env->memory_used, bytes);
		csr_free(env, &csr);
		env->memory_limit = bytes - 1;
		test_env_of(env)->n_allocs = 0;
		CHECK_EQ_INT(csr_init(env, &csr, 10, 20, 1000, with_times), RECSYS_OVER_LIMIT);
		CHECK_EQ_INT(test_env_of(env)->n_allocs, 0);
	}
	CHECK(!csr_bytes(10, INT64_MAX / 2, false, &bytes));
	CHECK(!csr_bytes(10, -1, false, &bytes));
	CHECK(!csr_bytes(-1, 10, false, &bytes));
	CHECK_EQ_INT(csr_init(env, &csr, 10, 20, INT64_MAX, true), RECSYS_OVER_LIMIT);
	test_env_done(env);
}

/* Every allocation may fail, and every poll may stop: the output is then empty and nothing is left. */
static void
test_failures(void)
{
	Env		   *env = test_env();
	Csr			in;
	Csr			out;
	RecsysStatus status = RECSYS_INTERRUPTED;

	random_csr(env, &in, 1100, 1100, 1, true);
	for (int i = 0; i < 5; i++)
	{
		test_env_fail_after(env, i);
		CHECK_EQ_INT(csr_transpose(env, &in, &out), RECSYS_NO_MEMORY);
		CHECK(out.offsets == NULL && out.times == NULL);
	}
	test_env_fail_after(env, -1);
	for (int i = 0; status == RECSYS_INTERRUPTED; i++)
	{
		test_env_interrupt_after(env, i);
		status = csr_transpose(env, &in, &out);
		CHECK(status == RECSYS_OK || out.offsets == NULL);
		CHECK(status == RECSYS_INTERRUPTED || i > 8);	/* 1.21 M entries are five pieces */
	}
	CHECK_EQ_INT(status, RECSYS_OK);
	csr_free(env, &in);
	csr_free(env, &out);
	test_env_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_transpose);
	RUN(test_bytes);
	RUN(test_failures);
	return unit_done();
}
