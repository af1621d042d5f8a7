/*
 * test_lbfgs.c: L-BFGS on functions with a known smallest value.
 */
#include "core/lbfgs.h"

#include <math.h>

#include "test_env.h"
#include "unit.h"

#define N 50

/* What the functions below were asked. */
typedef struct Asked
{
	int			evaluations;
	int			iterations;
	double		last;			/* value of the last iteration reported */
	bool		rises;			/* a reported value was above the one before */
} Asked;

/* Rosenbrock's function in n variables: the smallest value, 0, is at 1, 1, ... at the end of a bent valley. */
static RecsysStatus
rosenbrock(Env *env, void *arg, const double *x, double *value, double *gradient)
{
	(void) env;
	((Asked *) arg)->evaluations++;
	*value = 0;
	for (int i = 0; i < N; i++)
		gradient[i] = 0;
	for (int i = 0; i + 1 < N; i++)
	{
		double		bend = x[i + 1] - x[i] * x[i];

		*value += 100 * bend * bend + (1 - x[i]) * (1 - x[i]);
		gradient[i] += -400 * x[i] * bend - 2 * (1 - x[i]);
		gradient[i + 1] += 200 * bend;
	}
	return RECSYS_OK;
}

/* Sum of (i + 1) (x_i - i)^2, plus 3. */
static RecsysStatus
quadratic(Env *env, void *arg, const double *x, double *value, double *gradient)
{
	(void) env;
	((Asked *) arg)->evaluations++;
	*value = 3;
	for (int i = 0; i < N; i++)
	{
		*value += (i + 1) * (x[i] - i) * (x[i] - i);
		gradient[i] = 2 * (i + 1) * (x[i] - i);
	}
	return RECSYS_OK;
}

/* x_0 - log x_0 and squares of the others: infinite at 0, not a number below. */
static RecsysStatus
barrier(Env *env, void *arg, const double *x, double *value, double *gradient)
{
	(void) env;
	((Asked *) arg)->evaluations++;
	*value = x[0] - log(x[0]);
	gradient[0] = 1 - 1 / x[0];
	for (int i = 1; i < N; i++)
	{
		*value += x[i] * x[i];
		gradient[i] = 2 * x[i];
	}
	return RECSYS_OK;
}

/* Counts. */
static RecsysStatus
report(Env *env, void *arg, int iteration, double value)
{
	Asked	   *asked = arg;

	(void) env;
	CHECK_EQ_INT(iteration, asked->iterations + 1);
	asked->rises |= asked->iterations > 0 && value > asked->last;
	asked->iterations = iteration;
	asked->last = value;
	return RECSYS_OK;
}

/* A problem of N variables with that function. */
static LbfgsProblem
problem_of(RecsysStatus (*evaluate) (Env *, void *, const double *, double *, double *),
		   Asked *asked)
{
	return (LbfgsProblem) {N, 5, 1000, 0, evaluate, report, asked};
}

/* Finds the end of the valley, never going up. */
static void
test_rosenbrock(void)
{
	Env		   *env = test_env();
	Asked		asked = {0};
	LbfgsProblem problem = problem_of(rosenbrock, &asked);
	double		x[N];
	double		value;

	for (int i = 0; i < N; i++)
		x[i] = i % 2 == 0 ? -1.2 : 1;
	CHECK_EQ_INT(lbfgs_minimize(env, &problem, x, &value), RECSYS_OK);
	CHECK_NEAR(value, 0, 1e-10);
	for (int i = 0; i < N; i++)
		CHECK_NEAR(x[i], 1, 1e-5);
	CHECK(!asked.rises && asked.last == value);
	CHECK(asked.iterations < 500 && asked.evaluations < 2 * asked.iterations);
	CHECK(env->memory_peak <= lbfgs_bytes(N, 5) + 1000);
	test_env_done(env);
}

/* A quadratic with condition number 50, from any memory; the tolerance ends it early. */
static void
test_quadratic(void)
{
	Env		   *env = test_env();

	for (int memory = 1; memory <= 10; memory += 3)
	{
		Asked		asked = {0};
		LbfgsProblem problem = problem_of(quadratic, &asked);
		double		x[N] = {0};
		double		value;
		int			iterations;

		problem.memory = memory;
		CHECK_EQ_INT(lbfgs_minimize(env, &problem, x, &value), RECSYS_OK);
		CHECK_NEAR(value, 3, 1e-9);
		for (int i = 0; i < N; i++)
			CHECK_NEAR(x[i], i, 1e-4);
		iterations = asked.iterations;
		asked = (Asked) {0};
		memset(x, 0, sizeof(x));
		problem.tolerance = 0.01;
		CHECK_EQ_INT(lbfgs_minimize(env, &problem, x, &value), RECSYS_OK);
		CHECK(asked.iterations < iterations && value < 4);
		asked = (Asked) {0};
		memset(x, 0, sizeof(x));
		problem.iterations = 2;
		CHECK_EQ_INT(lbfgs_minimize(env, &problem, x, &value), RECSYS_OK);
		CHECK_EQ_INT(asked.iterations, 2);
	}
	test_env_done(env);
}

/* Points without a finite value are avoided; from one, there is no way. */
static void
test_barrier(void)
{
	Env		   *env = test_env();
	Asked		asked = {0};
	LbfgsProblem problem = problem_of(barrier, &asked);
	double		x[N] = {0.001, 5, -5};
	double		value;

	CHECK_EQ_INT(lbfgs_minimize(env, &problem, x, &value), RECSYS_OK);
	CHECK_NEAR(x[0], 1, 1e-4);
	CHECK_NEAR(value, 1, 1e-8);
	x[0] = -1;
	CHECK_EQ_INT(lbfgs_minimize(env, &problem, x, &value), RECSYS_NOT_CONVERGED);
	env_free_all(env);
	test_env_done(env);
}

/* Interrupts and missing memory stop it. */
static void
test_stops(void)
{
	Env		   *env = test_env();
	Asked		asked = {0};
	LbfgsProblem problem = problem_of(quadratic, &asked);
	double		x[N] = {0};
	double		value;

	problem.report = NULL;
	for (int n = 0; n < 20; n++)
	{
		test_env_interrupt_after(env, n);
		CHECK_EQ_INT(lbfgs_minimize(env, &problem, x, &value), RECSYS_INTERRUPTED);
		env_free_all(env);
		memset(x, 0, sizeof(x));
	}
	test_env_interrupt_after(env, -1);
	test_env_fail_after(env, 0);
	CHECK_EQ_INT(lbfgs_minimize(env, &problem, x, &value), RECSYS_NO_MEMORY);
	env_free_all(env);
	test_env_fail_after(env, -1);
	test_env_done(env);
}

/* A quadratic that fails once it has been asked 8 times. */
static RecsysStatus
quadratic_for_a_while(Env *env, void *arg, const double *x, double *value, double *gradient)
{
	if (((Asked *) arg)->evaluations == 8)
		return RECSYS_NOT_CONVERGED;
	return quadratic(env, arg, x, value, gradient);
}

/* In a block of the caller it allocates nothing, and ended by a failure it leaves the best point so far. */
static void
test_block(void)
{
	Env			none = {0};
	double		block[2000];
	double		before = INFINITY;

	for (int already = 7; already >= 0; already--)
	{
		Asked		asked = {.evaluations = already};
		LbfgsProblem problem = problem_of(quadratic_for_a_while, &asked);
		double		x[N] = {0};
		double		gradient[N];
		double		value;

		problem.report = NULL;
		CHECK(lbfgs_bytes(N, problem.memory) <= (double) sizeof(block));
		CHECK_EQ_INT(lbfgs_minimize_in(&none, &problem, block, x, &value), RECSYS_NOT_CONVERGED);
		CHECK_EQ_INT(quadratic(&none, &asked, x, &value, gradient), RECSYS_OK);
		CHECK(value <= before);
		before = value;
	}
	CHECK_NEAR(before, 0, 3e5);		/* at the start it is 1.5e6 */
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_rosenbrock);
	RUN(test_quadratic);
	RUN(test_barrier);
	RUN(test_stops);
	RUN(test_block);
	return unit_done();
}
