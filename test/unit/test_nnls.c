/*
 * test_nnls.c: coordinate descent against projected gradient descent in double.
 */
#include <stdlib.h>
#include <string.h>

#include "core/nnls.h"
#include "core/rng.h"
#include "unit.h"

#define MOST 40

/* A random problem: G = X'X of n rows, singular when n < k. */
typedef struct Problem
{
	float		gram[MOST * MOST];
	float		b[MOST];
	NnlsProblem nnls;
} Problem;

/* Draws a problem; positive: G and b as of non-negative factors. */
static void
draw(Problem *problem, uint64_t seed, int k, int n, bool positive, float l1, float l2)
{
	double		x[MOST][MOST];
	Rng			rng;

	rng_seed(&rng, seed, 0);
	for (int r = 0; r < n; r++)
		for (int i = 0; i < k; i++)
			x[r][i] = positive ? rng_uniform(&rng) : rng_normal(&rng);
	for (int i = 0; i < k; i++)
	{
		for (int j = 0; j < k; j++)
		{
			double		sum = 0;

			for (int r = 0; r < n; r++)
				sum += x[r][i] * x[r][j];
			problem->gram[i * k + j] = (float) sum;
		}
		problem->b[i] = 0;
		for (int r = 0; r < n; r++)
			problem->b[i] += (float) (x[r][i] * (r % 5 + 1));
	}
	problem->nnls = (NnlsProblem) {k, problem->gram, problem->b, l1, l2};
}

/* The objective in double, and (not NULL) its gradient. */
static double
plain_objective(const NnlsProblem *p, const double *w, double *gradient)
{
	double		value = 0;

	for (int i = 0; i < p->k; i++)
	{
		double		row = 0;

		for (int j = 0; j < p->k; j++)
			row += (double) p->gram[i * p->k + j] * w[j];
		value += w[i] * (0.5 * row - p->b[i] + p->l1 + 0.5 * p->l2 * w[i]);
		if (gradient != NULL)
			gradient[i] = row - p->b[i] + p->l1 + p->l2 * w[i];
	}
	return value;
}

/* The least objective, by projected gradient descent with a step of 1 / trace. */
static double
plain_least(const NnlsProblem *p)
{
	double		w[MOST] = {0};
	double		gradient[MOST];
	double		trace = 0;

	for (int i = 0; i < p->k; i++)
		trace += p->gram[i * p->k + i] + p->l2;
	for (int step = 0; step < 100000; step++)
	{
		plain_objective(p, w, gradient);
		for (int i = 0; i < p->k; i++)
			w[i] = fmax(0, w[i] - gradient[i] / trace);
	}
	return plain_objective(p, w, NULL);
}

/* The objective of an answer of nnls_solve, which has no negative unknown. */
static double
solved_objective(const NnlsProblem *p)
{
	float		w[MOST] = {0};
	double		as_double[MOST];

	nnls_solve(p, w);
	for (int i = 0; i < p->k; i++)
	{
		CHECK(w[i] >= 0);
		as_double[i] = w[i];
	}
	CHECK_NEAR(nnls_objective(p, w), plain_objective(p, as_double, NULL),
			   1e-4 * (1 + fabs(plain_objective(p, as_double, NULL))));
	return plain_objective(p, as_double, NULL);
}

/*
 * The same least objective, for many shapes, with and without penalties, singular too: then the valley is
 * flat, and the tolerance ends the search within .3 %.
 */
static void
test_solve(void)
{
	static const int sizes[] = {1, 2, 7, 16, 33};

	for (int s = 0; s < 5; s++)
		for (int variant = 0; variant < 8; variant++)
		{
			Problem		problem;
			double		least;

			draw(&problem, (uint64_t) (s * 8 + variant), sizes[s],
				 variant & 4 ? sizes[s] / 2 + 1 : sizes[s] + 5, variant & 1, variant & 2 ? 0.5f : 0,
				 variant & 2 ? 0.7f : 0);
			least = plain_least(&problem.nnls);
			CHECK_NEAR(solved_objective(&problem.nnls), least, (variant & 4 ? 3e-3 : 2e-4) * (1 + fabs(least)));
		}
}

/* No sweep raises the objective; at the optimum the violation is as good as 0. */
static void
test_sweeps(void)
{
	Problem		problem;
	float		w[MOST];
	double		before;
	double		violation = 0;
	double		first = 0;

	draw(&problem, 99, 20, 30, true, 0.1f, 0.2f);
	for (int i = 0; i < 20; i++)
		w[i] = (float) (i % 3);
	before = nnls_objective(&problem.nnls, w);
	for (int sweep = 0; sweep < 2000; sweep++)
	{
		double		now;

		violation = nnls_sweep(&problem.nnls, w);
		if (sweep == 0)
			first = violation;
		now = nnls_objective(&problem.nnls, w);
		CHECK(now <= before + 1e-5 * fabs(before));
		before = now;
	}
	CHECK(violation < 1e-4 * first);
}

/* By hand: min 1/2 (2 w^2) - 6 w + w + 1/2 w^2 has its lowest point at 5 / 3; a negative pull leaves 0. */
static void
test_by_hand(void)
{
	float		gram[4] = {2, 0, 0, 0};
	float		b[2] = {6, 3};
	float		w[2] = {0, 7};
	NnlsProblem problem = {1, gram, b, 1, 1};

	CHECK_NEAR(nnls_sweep(&problem, w), 5, 1e-6);
	CHECK_NEAR(w[0], 5 / 3.0, 1e-6);
	CHECK_NEAR(nnls_sweep(&problem, w), 0, 1e-6);
	b[0] = -6;
	nnls_sweep(&problem, w);
	CHECK(w[0] == 0);
	CHECK(nnls_sweep(&problem, w) == 0);
	problem = (NnlsProblem) {2, gram, b, 0, 0};
	nnls_sweep(&problem, w);
	CHECK(w[1] == 7);			/* no curvature, no move */
}

/* A block of n problems against one after the other; the last unknown has no curvature when flat. */
static void
check_block(int k, int n, bool flat)
{
	Problem		problem;
	NnlsProblem each;
	float		b[NNLS_BLOCK * MOST];
	float		w[NNLS_BLOCK * MOST];
	float		alone[NNLS_BLOCK * MOST];
	float		scratch[2 * NNLS_BLOCK * MOST];

	draw(&problem, (uint64_t) (k * 100 + n), k, MOST, true, 0.1f, flat ? 0 : 0.2f);
	for (int i = 0; flat && i < k; i++)
		problem.gram[i * k + k - 1] = problem.gram[(k - 1) * k + i] = 0;
	for (int i = 0; i < n * k; i++)
	{
		b[i] = problem.nnls.b[i % k] * (float) (i % 7 - 2);
		w[i] = alone[i] = (float) (i % 3);
	}
	problem.nnls.b = b;
	each = problem.nnls;
	for (int sweep = 0; sweep < 3; sweep++)
	{
		double		violation = nnls_sweep_block(&problem.nnls, n, w, scratch);
		double		expected = 0;

		for (int r = 0; r < n; r++)
		{
			each.b = b + r * k;
			expected += nnls_sweep(&each, alone + r * k);
		}
		CHECK_NEAR(violation, expected, 1e-4 * expected + 1e-3);
		for (int i = 0; i < n * k; i++)
			CHECK_NEAR(w[i], alone[i], 1e-3 * alone[i] + 1e-4);
	}
}

/* Full and partly filled blocks. */
static void
test_block(void)
{
	for (int n = 1; n <= NNLS_BLOCK; n += n < 3 ? 1 : 5)
	{
		check_block(1, n, false);
		check_block(5, n, true);
		check_block(16, n, false);
		check_block(MOST, n, true);
	}
	check_block(24, NNLS_BLOCK, false);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_by_hand);
	RUN(test_solve);
	RUN(test_sweeps);
	RUN(test_block);
	return unit_done();
}
