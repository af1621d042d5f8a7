/*
 * test_neighbors.c: the table of most similar rows against plain formulas on a dense matrix.
 */
#include "core/csr.h"
#include "core/neighbors.h"
#include "core/rng.h"
#include "plain_similarity.h"
#include "test_env.h"
#include "unit.h"

#define N_SIMILARITIES (SIMILARITY_BM25 + 1)

/* A matrix both ways; a cell that is NAN has no entry. */
typedef struct Data
{
	PlainMatrix plain;
	Csr			rows;
	Csr			columns;
} Data;

/* Values 1 to 5 in about `percent` of the cells, low rows fuller; every seventh row empty. */
static Data
random_data(Env *env, uint64_t seed, int n_rows, int n_columns, int percent)
{
	size_t		n_cells = (size_t) n_rows * (size_t) n_columns;
	Data		data = {.plain = {n_rows, n_columns, calloc(n_cells, sizeof(float))}};
	size_t		n = 0;
	size_t		e = 0;
	Rng			rng;

	rng_seed(&rng, seed, 0);
	for (int i = 0; i < n_rows * n_columns; i++)
	{
		int			row = i / n_columns;
		bool		filled = (int) rng_below(&rng, 100) < (row == 0 ? 95 : percent) &&
			(row % 7 != 6 || percent == 100);

		data.plain.dense[i] = filled ? (float) (1 + rng_below(&rng, 5)) : NAN;
		n += filled;
	}
	if (csr_init(env, &data.rows, n_rows, n_columns, (int64_t) n, false) != RECSYS_OK)
		abort();
	for (int row = 0; row < n_rows; row++)
	{
		for (int column = 0; column < n_columns; column++)
		{
			float		value = cell(&data.plain, row, column);

			if (isnan(value))
				continue;
			data.rows.indexes[e] = column;
			data.rows.values[e++] = value;
		}
		data.rows.offsets[row + 1] = (int64_t) e;
	}
	if (csr_transpose(env, &data.rows, &data.columns) != RECSYS_OK)
		abort();
	return data;
}

/* Frees it. */
static void
free_data(Env *env, Data *data)
{
	free(data->plain.dense);
	csr_free(env, &data->rows);
	csr_free(env, &data->columns);
}

/* How many rows are better neighbours of x than y is, by more than rounding. */
static int
plain_better(const PlainMatrix *data, const NeighborOptions *options, int x, int y, bool ties)
{
	double		own = plain_similarity(data, options, x, y);
	int			n = 0;

	for (int other = 0; other < data->n_rows; other++)
	{
		double		value = plain_similarity(data, options, x, other);

		n += value > own * (1 + 1e-6) || (ties && other < y && value >= own * (1 - 1e-6));
	}
	return n;
}

/* Row x of the table: right values, and the best ones. */
static void
check_row(const Data *data, const NeighborOptions *options, const Csr *table, int x)
{
	int			n_similar = 0;
	int64_t		n = csr_row_length(table, x);
	const int32_t *indexes = table->indexes + table->offsets[x];

	for (int y = 0; y < data->plain.n_rows; y++)
		n_similar += plain_similarity(&data->plain, options, x, y) > 0;
	CHECK_EQ_INT(n, n_similar < options->table_size ? n_similar : options->table_size);
	for (int64_t e = 0; e < n; e++)
	{
		double		expected = plain_similarity(&data->plain, options, x, indexes[e]);

		CHECK(e == 0 || indexes[e - 1] < indexes[e]);
		CHECK(expected > 0);
		CHECK_NEAR(table->values[table->offsets[x] + e], expected, 1e-6 * (1 + expected));
		if (n_similar > options->table_size)
			CHECK(plain_better(&data->plain, options, x, indexes[e], false) < options->table_size);
	}
}

/* All rows. */
static void
check_table(Env *env, const Data *data, const NeighborOptions *options)
{
	Csr			table;

	CHECK_EQ_INT(neighbors_fit(env, &data->rows, &data->columns, options, &table), RECSYS_OK);
	CHECK_EQ_INT(table.n_rows, data->plain.n_rows);
	CHECK_EQ_INT(table.n_entries, table.offsets[data->plain.n_rows]);
	for (int x = 0; x < data->plain.n_rows; x++)
		check_row(data, options, &table, x);
	csr_free(env, &table);
}

/* Every measure, with and without guards, on sparse and on fuller rows. */
static void
test_measures(void)
{
	Env		   *env = test_env();
	Data		sparse = random_data(env, 1, 60, 40, 6);
	Data		full = random_data(env, 2, 30, 25, 60);

	for (int s = 0; s < N_SIMILARITIES; s++)
		for (int guard = 0; guard < 4; guard++)
		{
			NeighborOptions options = {s, guard == 3 ? 5 : 1000, guard == 1 ? 3 : 1,
			guard >= 2 ? 2.5 : 0};

			check_table(env, &sparse, &options);
			check_table(env, &full, &options);
		}
	free_data(env, &sparse);
	free_data(env, &full);
	test_env_done(env);
}

/* Equal similarities: the lower rows are kept. */
static void
test_ties(void)
{
	Env		   *env = test_env();
	Data		data = random_data(env, 3, 20, 12, 100);
	NeighborOptions options = {SIMILARITY_JACCARD, 4, 1, 0};
	Csr			table;

	for (int i = 0; i < data.rows.n_entries; i++)
		data.rows.values[i] = data.columns.values[i] = 1;
	for (int i = 0; i < 20 * 12; i++)
		data.plain.dense[i] = isnan(data.plain.dense[i]) ? NAN : 1;
	CHECK_EQ_INT(neighbors_fit(env, &data.rows, &data.columns, &options, &table), RECSYS_OK);
	for (int x = 1; x < 20; x++)
		for (int e = 0; e < 4; e++)
		{
			int			y = table.indexes[table.offsets[x] + e];

			CHECK(plain_better(&data.plain, &options, x, y, true) < 4);
		}
	csr_free(env, &table);
	free_data(env, &data);
	test_env_done(env);
}

/* Equal tables, byte for byte. */
static void
check_equal(const Csr *a, const Csr *b)
{
	CHECK_EQ_INT(a->n_entries, b->n_entries);
	CHECK(memcmp(a->offsets, b->offsets, ((size_t) a->n_rows + 1) * 8) == 0);
	CHECK(memcmp(a->indexes, b->indexes, (size_t) a->n_entries * 4) == 0);
	CHECK(memcmp(a->values, b->values, (size_t) a->n_entries * 4) == 0);
}

/* The number of threads changes nothing. */
static void
test_threads(void)
{
	Env		   *env = test_env();
	Data		data = random_data(env, 4, 300, 200, 8);

	for (int i = 0; i < data.rows.n_entries; i++)
		data.rows.values[i] *= 0.37f;
	csr_free(env, &data.columns);
	CHECK_EQ_INT(csr_transpose(env, &data.rows, &data.columns), RECSYS_OK);
	for (int s = 0; s < N_SIMILARITIES; s++)
	{
		NeighborOptions options = {s, 20, 2, 1};
		Csr			one;
		Csr			many;

		env->n_threads = 1;
		CHECK_EQ_INT(neighbors_fit(env, &data.rows, &data.columns, &options, &one), RECSYS_OK);
		env->n_threads = 4;
		CHECK_EQ_INT(neighbors_fit(env, &data.rows, &data.columns, &options, &many), RECSYS_OK);
		check_equal(&one, &many);
		csr_free(env, &one);
		csr_free(env, &many);
	}
	free_data(env, &data);
	test_env_done(env);
}

/* Rows with so many common columns that each is worked on in several steps. */
static void
test_long_rows(void)
{
	Env		   *env = test_env();
	Data		data = random_data(env, 5, 30, 160000, 100);
	NeighborOptions options = {SIMILARITY_COSINE, 7, 1, 0};
	Csr			whole;
	Csr			table;

	CHECK_EQ_INT(neighbors_fit(env, &data.rows, &data.columns, &options, &table), RECSYS_OK);
	CHECK(test_env_of(env)->n_progress > 0);
	CHECK(test_env_of(env)->of > 30);
	for (int e = 0; e < table.n_entries; e += 5)
	{
		int			x = e / 7;

		CHECK_NEAR(table.values[e],
				   plain_formula(&data.plain, SIMILARITY_COSINE, x, table.indexes[e]), 1e-6);
	}
	options.table_size = 29;
	CHECK_EQ_INT(neighbors_fit(env, &data.rows, &data.columns, &options, &whole), RECSYS_OK);
	CHECK_EQ_INT(whole.n_entries, 30 * 29);
	for (int x = 0; x < 30; x++)
	{
		float		least = 2;
		int			n_better = 0;

		CHECK_EQ_INT(csr_row_length(&table, x), 7);
		for (int e = 0; e < 7; e++)
			least = fminf(least, table.values[x * 7 + e]);
		for (int e = 0; e < 29; e++)
			n_better += whole.values[x * 29 + e] > least;
		CHECK(n_better < 7);
	}
	csr_free(env, &table);
	csr_free(env, &whole);
	free_data(env, &data);
	test_env_done(env);
}

/* Matrices without rows, columns or entries. */
static void
test_empty(void)
{
	Env		   *env = test_env();
	NeighborOptions options = {SIMILARITY_COSINE, 10, 1, 0};

	for (int n = 0; n < 6; n++)
	{
		Data		data = random_data(env, 6, n % 3, n / 3 * 4, 0);
		Csr			table;

		for (int i = 0; i < data.rows.n_entries; i++)
			data.rows.values[i] = data.columns.values[i] = 0;
		CHECK_EQ_INT(neighbors_fit(env, &data.rows, &data.columns, &options, &table), RECSYS_OK);
		CHECK_EQ_INT(table.n_rows, n % 3);
		CHECK_EQ_INT(table.n_entries, 0);
		csr_free(env, &table);
		free_data(env, &data);
	}
	test_env_done(env);
}

/* A cancel at any poll, and a failure of any allocation, end with the right status. */
static void
test_stops(void)
{
	Env		   *env = test_env();
	Data		data = random_data(env, 7, 40, 30, 20);
	NeighborOptions options = {SIMILARITY_MSD, 10, 1, 0};
	RecsysStatus status = RECSYS_INTERRUPTED;
	Csr			table;
	int			n = 0;

	for (; n < 1000 && status == RECSYS_INTERRUPTED; n++)
	{
		test_env_interrupt_after(env, n);
		status = neighbors_fit(env, &data.rows, &data.columns, &options, &table);
	}
	CHECK_EQ_INT(status, RECSYS_OK);
	CHECK(n > 40);
	test_env_interrupt_after(env, -1);
	status = RECSYS_NO_MEMORY;
	for (n = 0; n < 100 && status == RECSYS_NO_MEMORY; n++)
	{
		test_env_fail_after(env, n);
		status = neighbors_fit(env, &data.rows, &data.columns, &options, &table);
	}
	CHECK_EQ_INT(status, RECSYS_OK);
	CHECK(n > 5);
	test_env_fail_after(env, -1);
	free(data.plain.dense);
	env_free_all(env);
	test_env_done(env);
}

/* A limit below the need is refused; what is estimated is enough and not far off. */
static void
test_memory(void)
{
	Env		   *env = test_env();
	Data		data = random_data(env, 8, 400, 100, 15);
	NeighborOptions options = {SIMILARITY_COSINE, 100, 1, 0};
	size_t		before = env->memory_used;
	double		estimate = neighbors_bytes(400, &options, 1);
	double		peak;
	Csr			table;

	env->memory_limit = before + (size_t) (estimate / 2);
	CHECK_EQ_INT(neighbors_fit(env, &data.rows, &data.columns, &options, &table),
				 RECSYS_OVER_LIMIT);
	env->memory_limit = env->memory_used + (size_t) estimate + 16 * ENV_BLOCK_OVERHEAD;
	env->memory_peak = before = env->memory_used;
	CHECK_EQ_INT(neighbors_fit(env, &data.rows, &data.columns, &options, &table), RECSYS_OK);
	peak = (double) (env->memory_peak - before);
	CHECK(peak > estimate * 0.7);
	free(data.plain.dense);
	env_free_all(env);
	test_env_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN_ALONE(test_measures);
	RUN_ALONE(test_ties);
	RUN(test_threads);
	RUN_ALONE(test_long_rows);
	RUN_ALONE(test_empty);
	RUN_ALONE(test_stops);
	RUN_ALONE(test_memory);
	return unit_done();
}
