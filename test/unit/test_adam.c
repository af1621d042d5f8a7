/*
 * test_adam.c: the optimiser Adam, and tables of vectors that step by it, against plain doubles.
 */
#include "core/embedding.h"
#include "core/rng.h"
#include "test_env.h"

#define N 37
#define N_ROWS 11
#define WIDTH 5
#define N_SAMPLES 40

/* One number and its moments. */
typedef struct Plain
{
	double		x;
	double		m;
	double		v;
	int			t;
} Plain;

/* The paper's algorithm 1. */
static void
plain_step(Plain *p, double g, double rate)
{
	p->t++;
	p->m = 0.9 * p->m + 0.1 * g;
	p->v = 0.999 * p->v + 0.001 * g * g;
	p->x -= rate * (p->m / (1 - pow(0.9, p->t))) / (sqrt(p->v / (1 - pow(0.999, p->t))) + 1e-8);
}

/* Many steps with random gradients; the first one is of the length of the rate. */
static void
test_steps(void)
{
	Env		   *env = test_env();
	Adam	   *adam = env_alloc(env, 1, sizeof(Adam));
	float		x[N];
	float		moments[2 * N] = {0};
	float		gradient[N];
	Plain		plain[N] = {{0}};
	Rng			rng;

	rng_seed(&rng, 1, 1);
	adam_init(adam);
	adam->rate = 0.01f;
	for (int i = 0; i < N; i++)
		plain[i].x = x[i] = (float) rng_normal(&rng);
	for (int t = 1; t <= 300; t++)
	{
		double		before = (double) x[0];

		for (int i = 0; i < N; i++)
		{
			gradient[i] = (float) (rng_normal(&rng) * (i + 1));
			plain_step(&plain[i], (double) gradient[i], 0.01);
		}
		adam_step(x, moments, gradient, N, adam_rate(adam, t));
		if (t == 1)
			CHECK_NEAR(fabs((double) x[0] - before), 0.01, 1e-5);
		for (int i = 0; i < N; i++)
			CHECK_NEAR(x[i], plain[i].x, 1e-4);
	}
	CHECK_NEAR(adam_rate(adam, ADAM_STEPS), 0.01, 1e-9);
	CHECK_NEAR(adam_rate(adam, ADAM_STEPS - 1), 0.01, 3e-6);
	env_free_all(env);
	test_env_done(env);
}

/* Numbers of a table, plainly: rows that no sample names stay. */
static void
plain_batch(Plain plain[N_ROWS][WIDTH], const int32_t *ids, int n, const float *gradients, double rate)
{
	for (int r = 0; r < N_ROWS; r++)
	{
		double		sum[WIDTH] = {0};
		bool		named = false;

		for (int i = 0; i < n; i++)
			for (int d = 0; ids[i] == r && d < WIDTH; d++)
			{
				sum[d] += (double) gradients[i * WIDTH + d];
				named = true;
			}
		for (int d = 0; named && d < WIDTH; d++)
			plain_step(&plain[r][d], sum[d], rate);
	}
}

/* Batches of random samples. */
static void
test_table(void)
{
	Env		   *env = test_env();
	Adam	   *adam = env_alloc(env, 1, sizeof(Adam));
	static Plain plain[N_ROWS][WIDTH];
	float		gradients[N_SAMPLES * WIDTH];
	int32_t		ids[N_SAMPLES];
	float		mean[WIDTH];
	Embedding	table;
	Rng			rng;

	adam_init(adam);
	adam->rate = 0.02f;
	rng_seed(&rng, 2, 1);
	CHECK_EQ_INT(embedding_init(env, &table, N_ROWS, WIDTH, N_SAMPLES), RECSYS_OK);
	CHECK_EQ_INT(embedding_draw(env, &table, 0, WIDTH - 1, 0.5, 3, 4), RECSYS_OK);
	for (int i = 0; i < N_ROWS * WIDTH; i++)
		plain[i / WIDTH][i % WIDTH].x = (double) table.rows[i];
	CHECK(table.rows[0] != table.rows[WIDTH] && table.rows[WIDTH - 1] == 0);
	for (int batch = 0; batch < 20; batch++)
	{
		int			n = 1 + (int) rng_below(&rng, N_SAMPLES);

		for (int i = 0; i < n; i++)
			ids[i] = (int32_t) rng_below(&rng, N_ROWS - 1);	/* the last row is never named */
		for (int i = 0; i < n * WIDTH; i++)
			gradients[i] = (float) rng_normal(&rng);
		plain_batch(plain, ids, n, gradients, 0.02);
		CHECK_EQ_INT(embedding_step(env, &table, adam, ids, n, gradients), RECSYS_OK);
	}
	for (int i = 0; i < N_ROWS * WIDTH; i++)
		CHECK_NEAR(table.rows[i], plain[i / WIDTH][i % WIDTH].x, 1e-5);
	CHECK_EQ_INT(embedding_mean(env, &table, mean), RECSYS_OK);
	for (int d = 0; d < WIDTH; d++)
	{
		double		sum = 0;

		for (int r = 0; r < N_ROWS - 1; r++)
			sum += (double) table.rows[r * WIDTH + d];
		CHECK_NEAR(mean[d], sum / (N_ROWS - 1), 1e-6);
	}
	CHECK(table.rows[(N_ROWS - 1) * WIDTH] != 0);
	CHECK_EQ_INT(embedding_clear_untrained(env, &table), RECSYS_OK);
	CHECK(table.rows[(N_ROWS - 1) * WIDTH] == 0 && table.rows[0] != 0);
	env_free_all(env);
	test_env_done(env);
}

/* A large batch gives the same bits on 1 and on 4 threads. */
static void
test_threads(void)
{
	enum
	{
		ROWS = 30000, SAMPLES = 50000, COLUMNS = 9
	};
	Env		   *env = test_env();
	Adam	   *adam = env_alloc(env, 1, sizeof(Adam));
	int32_t    *ids = env_alloc(env, SAMPLES, sizeof(int32_t));
	float	   *gradients = env_alloc(env, SAMPLES * COLUMNS, sizeof(float));
	Embedding	tables[2];

	adam_init(adam);
	adam->rate = 0.1f;
	for (int i = 0; i < 2; i++)
	{
		Rng			rng;
		size_t		before = env->memory_used;

		rng_seed(&rng, 5, 1);
		for (int s = 0; s < SAMPLES; s++)
			ids[s] = (int32_t) rng_below(&rng, ROWS);
		for (int s = 0; s < SAMPLES * COLUMNS; s++)
			gradients[s] = (float) rng_normal(&rng);
		CHECK_EQ_INT(embedding_init(env, &tables[i], ROWS, COLUMNS, SAMPLES), RECSYS_OK);
		CHECK_NEAR((double) (env->memory_used - before), embedding_bytes(ROWS, COLUMNS, SAMPLES), 1000);
		env->n_threads = i == 0 ? 1 : 4;
		CHECK_EQ_INT(embedding_step(env, &tables[i], adam, ids, SAMPLES, gradients), RECSYS_OK);
	}
	CHECK(memcmp(tables[0].rows, tables[1].rows, ROWS * COLUMNS * sizeof(float)) == 0);
	env_free_all(env);
	test_env_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_steps);
	RUN(test_table);
	RUN(test_threads);
	return unit_done();
}
