/*
 * test_dense_layers.c: dense layers and batch normalisation: values against plain sums, gradients against
 * differences.
 */
#include "core/batch_norm.h"
#include "core/blas.h"
#include "core/dense_layers.h"
#include "test_env.h"

#define N 6
#define N_IN 5
#define N_OUT 4
#define STEP 1e-2

/* Normal numbers. */
static void
fill(Rng *rng, float *x, int n)
{
	for (int i = 0; i < n; i++)
		x[i] = (float) rng_normal(rng);
}

/* Lists that are right and lists that are not. */
static void
test_parse(void)
{
	static const char *const bad[] = {"", "-", "64-", "-64", "64--16", "0", "16-0", "513", "99999999999999999999",
	"64,16", "a", "64 16", "1-2-3-4-5-6-7-8-9"};
	LayerSizes	layers;

	CHECK(layers_parse("64-16-8-4", 2, &layers));
	CHECK(layers.n == 4 && layers.sizes[0] == 64 && layers.sizes[3] == 4);
	CHECK_EQ_INT(layers_numbers(&layers), 65 * 16 + 17 * 8 + 9 * 4);
	CHECK_EQ_INT(layers_offset(&layers, 2), 65 * 16);
	CHECK_EQ_INT(layers_widest(&layers), 64);
	CHECK_EQ_INT(layers_activations(&layers), 92);
	CHECK(layers_parse("512", 1, &layers) && layers.n == 1);
	CHECK(!layers_parse("512", 2, &layers));
	CHECK(layers_parse("1-2-3-4-5-6-7-8", 1, &layers));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (layers_parse(bad[i], 1, &layers))
			UNIT_FAIL("\"%s\" was taken for a list", bad[i]);
}

/* sum of (y * weights), y of a layer. */
static double
weighted(const float *numbers, const float *x, const float *weights)
{
	double		sum = 0;

	for (int i = 0; i < N; i++)
		for (int o = 0; o < N_OUT; o++)
		{
			double		y = (double) numbers[N_IN * N_OUT + o];

			for (int d = 0; d < N_IN; d++)
				y += (double) numbers[o * N_IN + d] * (double) x[i * N_IN + d];
			sum += y * (double) weights[i * N_OUT + o];
		}
	return sum;
}

/* Forward is that sum; backward, which is linear, its differences; one row is the same. */
static void
test_dense(void)
{
	Env		   *env = test_env();
	float		numbers[(N_IN + 1) * N_OUT];
	float		x[N * N_IN];
	float		y[N * N_OUT];
	float		row[N_OUT];
	float		dy[N * N_OUT];
	float		dx[N * N_IN];
	float		gradient[(N_IN + 1) * N_OUT] = {0};
	double		sum = 0;
	Rng			rng;

	CHECK_EQ_INT(blas_open(env), RECSYS_OK);
	rng_seed(&rng, 1, 2);
	fill(&rng, numbers, (N_IN + 1) * N_OUT);
	fill(&rng, x, N * N_IN);
	fill(&rng, dy, N * N_OUT);
	dense_forward(numbers, N_IN, N_OUT, x, N, y);
	for (int i = 0; i < N * N_OUT; i++)
		sum += (double) y[i] * (double) dy[i];
	CHECK_NEAR(sum, weighted(numbers, x, dy), 1e-4);
	dense_backward(numbers, N_IN, N_OUT, x, dy, N, gradient, dx);
	for (int i = 0; i < (N_IN + 1) * N_OUT; i++)
	{
		double		before = weighted(numbers, x, dy);

		numbers[i] += 1;
		CHECK_NEAR(gradient[i], weighted(numbers, x, dy) - before, 1e-4);
		numbers[i] -= 1;
	}
	for (int i = 0; i < N * N_IN; i++)
	{
		double		before = weighted(numbers, x, dy);

		x[i] += 1;
		CHECK_NEAR(dx[i], weighted(numbers, x, dy) - before, 1e-4);
		x[i] -= 1;
	}
	for (int i = 0; i < N; i++)
	{
		dense_row(numbers, N_IN, N_OUT, x + i * N_IN, row);
		for (int o = 0; o < N_OUT; o++)
			CHECK_NEAR(row[o], y[i * N_OUT + o], 1e-5);
	}
	env_free_all(env);
	test_env_done(env);
}

/* What is below 0 and what is left out is 0 both ways; the mean stays. */
static void
test_relu(void)
{
	enum
	{
		MANY = 20000
	};
	float	   *x = calloc(MANY, sizeof(float));
	float	   *dx = calloc(MANY, sizeof(float));
	double		sum = 0;
	int			n_zero = 0;
	Rng			rng;

	rng_seed(&rng, 3, 4);
	for (int i = 0; i < MANY; i++)
	{
		x[i] = i % 2 == 0 ? -1 : 3;
		dx[i] = 1;
	}
	relu_forward(x, MANY, 0.25f, &rng);
	relu_backward(x, dx, MANY, 0.25f);
	for (int i = 0; i < MANY; i++)
	{
		CHECK(x[i] == 0 || (i % 2 == 1 && fabsf(x[i] - 4) < 1e-5f));
		CHECK(x[i] == 0 ? dx[i] == 0 : fabsf(dx[i] - 4.0f / 3) < 1e-5f);
		sum += (double) x[i];
		n_zero += i % 2 == 1 && x[i] == 0;
	}
	CHECK_NEAR(sum / MANY, 1.5, 0.03);
	CHECK_NEAR((double) n_zero / (MANY / 2), 0.25, 0.02);
	free(x);
	free(dx);
}

/* Weights of He et al. have the variance 2 / inputs. */
static void
test_draw(void)
{
	LayerSizes	layers = {3, {200, 100, 7}};
	float	   *numbers = calloc((size_t) layers_numbers(&layers), sizeof(float));
	double		squares = 0;
	Rng			rng;

	rng_seed(&rng, 5, 6);
	layers_draw(&layers, &rng, numbers);
	for (int i = 0; i < 20000; i++)
		squares += pow((double) numbers[i], 2);
	CHECK_NEAR(squares / 20000, 2.0 / 200, 1e-3);
	CHECK(numbers[20000] == 0 && numbers[20099] == 0 && numbers[20100] != 0);
	free(numbers);
}

/* A normalisation with its numbers. */
typedef struct Norm
{
	float		gamma[N_OUT];
	float		beta[N_OUT];
	float		mean[N_OUT];
	float		variance[N_OUT];
} Norm;

/* sum of y * weights after the plain normalisation of a batch. */
static double
weighted_norm(const Norm *norm, const float *x, const float *weights)
{
	double		sum = 0;

	for (int u = 0; u < N_OUT; u++)
	{
		double		mean = 0;
		double		variance = 0;

		for (int i = 0; i < N; i++)
			mean += (double) x[i * N_OUT + u] / N;
		for (int i = 0; i < N; i++)
			variance += pow((double) x[i * N_OUT + u] - mean, 2) / N;
		for (int i = 0; i < N; i++)
			sum += (double) weights[i * N_OUT + u] *
				((double) norm->gamma[u] * ((double) x[i * N_OUT + u] - mean) /
				 sqrt(variance + (double) BATCH_NORM_EPSILON) + (double) norm->beta[u]);
	}
	return sum;
}

/* Derivative of it by a number. */
static double
slope(const Norm *norm, const float *x, const float *weights, float *number)
{
	float		before = *number;
	double		above;

	*number = before + (float) STEP;
	above = weighted_norm(norm, x, weights);
	*number = before - (float) STEP;
	above -= weighted_norm(norm, x, weights);
	*number = before;
	return above / (2 * STEP);
}

/* Values, gradients of everything, running means, and the merger with the layer below. */
static void
test_batch_norm(void)
{
	Norm		n = {.variance = {1, 1, 1, 1}};
	BatchNorm	norm = {N_OUT, n.gamma, n.beta, n.mean, n.variance};
	float		x[N * N_OUT];
	float		normalised[N * N_OUT];
	float		y[N * N_OUT];
	float		dy[N * N_OUT];
	float		weights[N * N_OUT];
	float		inverse[N_OUT];
	float		sums[2 * N_OUT];
	float		gamma_gradient[N_OUT] = {0};
	float		beta_gradient[N_OUT] = {0};
	double		sum = 0;
	Rng			rng;

	rng_seed(&rng, 7, 8);
	fill(&rng, x, N * N_OUT);
	fill(&rng, weights, N * N_OUT);
	fill(&rng, n.gamma, N_OUT);
	fill(&rng, n.beta, N_OUT);
	memcpy(normalised, x, sizeof(x));
	memcpy(dy, weights, sizeof(dy));
	batch_norm_forward(&norm, N, normalised, inverse, y);
	for (int i = 0; i < N * N_OUT; i++)
		sum += (double) y[i] * (double) weights[i];
	CHECK_NEAR(sum, weighted_norm(&n, x, weights), 1e-4);
	batch_norm_backward(&norm, N, normalised, inverse, dy, gamma_gradient, beta_gradient, sums);
	for (int i = 0; i < N * N_OUT; i++)
		CHECK_NEAR(dy[i], slope(&n, x, weights, &x[i]), 2e-3);
	for (int u = 0; u < N_OUT; u++)
	{
		double		mean = 0;

		CHECK_NEAR(gamma_gradient[u], slope(&n, x, weights, &n.gamma[u]), 2e-3);
		CHECK_NEAR(beta_gradient[u], slope(&n, x, weights, &n.beta[u]), 2e-3);
		for (int i = 0; i < N; i++)
			mean += (double) x[i * N_OUT + u] / N;
		CHECK_NEAR(n.mean[u], 0.1 * mean, 1e-6);
	}
}

/* Merging gives what applying gives. */
static void
test_merge(void)
{
	Norm		n;
	BatchNorm	norm = {N_OUT, n.gamma, n.beta, n.mean, n.variance};
	float		numbers[(N_IN + 1) * N_OUT];
	float		x[N_IN];
	float		y[N_OUT];
	float		merged[N_OUT];
	Rng			rng;

	rng_seed(&rng, 9, 8);
	fill(&rng, numbers, (N_IN + 1) * N_OUT);
	fill(&rng, x, N_IN);
	fill(&rng, n.gamma, N_OUT);
	fill(&rng, n.beta, N_OUT);
	fill(&rng, n.mean, N_OUT);
	for (int u = 0; u < N_OUT; u++)
		n.variance[u] = 0.2f * (float) (u + 1);
	dense_row(numbers, N_IN, N_OUT, x, y);
	batch_norm_apply(&norm, 1, y);
	batch_norm_merge(&norm, N_IN, numbers);
	dense_row(numbers, N_IN, N_OUT, x, merged);
	for (int u = 0; u < N_OUT; u++)
		CHECK_NEAR(merged[u], y[u], 1e-5);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_parse);
	RUN(test_dense);
	RUN(test_relu);
	RUN(test_draw);
	RUN(test_batch_norm);
	RUN(test_merge);
	return unit_done();
}
