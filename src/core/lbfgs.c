/*
 * lbfgs.c
 *		Smallest value of a smooth function of many variables, from its gradient.
 *
 * The direction is that of the two-loop recursion (Nocedal and Wright, Numerical
 * Optimization, algorithm 7.4), with the inverse Hessian that it starts from scaled
 * by s'y / y'y of the last step.  The line search brackets and halves until both
 * Wolfe conditions hold: the value falls enough (Armijo), and the slope has flattened,
 * which keeps s'y positive (Lewis and Overton, "Nonsmooth optimization via quasi-Newton
 * methods", 2013, section 2.1; it needs no assumption but that the function is bounded
 * below).
 */
#include "core/lbfgs.h"

#include <math.h>
#include <string.h>

#define ARMIJO 1e-4				/* share of the promised fall that a step must reach */
#define CURVATURE 0.9			/* share of the slope that may be left */
#define SEARCH_MAX 40			/* steps tried on one line */

typedef struct Lbfgs
{
	const LbfgsProblem *problem;
	double	   *x;
	double	   *gradient;
	double		value;
	double	   *direction;
	double	   *next_x;
	double	   *next_gradient;
	double		next_value;
	double	   *steps;			/* s, a row each of the last `memory` iterations, in a ring */
	double	   *changes;		/* y, of the gradient */
	double	   *curvature;		/* s'y of each */
	double	   *share;			/* alpha of the two loops */
	int			n_kept;
	int			newest;			/* place in the ring */
} Lbfgs;

/* Sum of a[i] b[i], in order. */
static double
dot(const double *a, const double *b, int64_t n)
{
	double		sum = 0;

	for (int64_t i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/* y += factor x. */
static void
add(double factor, const double *x, double *y, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		y[i] += factor * x[i];
}

/* Four vectors of n, two more for each pair, and its two numbers. */
double
lbfgs_bytes(double n, int memory)
{
	return (n * (4 + 2 * (double) memory) + 2 * (double) memory) * sizeof(double);
}

/* Cuts the block. */
static void
cut_block(Lbfgs *state, double *block)
{
	int64_t		n = state->problem->n;
	int			memory = state->problem->memory;

	state->gradient = block;
	state->direction = block + n;
	state->next_x = block + 2 * n;
	state->next_gradient = block + 3 * n;
	state->steps = block + 4 * n;
	state->changes = state->steps + memory * n;
	state->curvature = state->changes + memory * n;
	state->share = state->curvature + memory;
}

/* Row of the pair that is `age` iterations old. */
static int
ring_place(const Lbfgs *state, int age)
{
	return (state->newest - age + state->problem->memory) % state->problem->memory;
}

/* direction = - H gradient. */
static RecsysStatus
find_direction(Env *env, Lbfgs *state)
{
	int64_t		n = state->problem->n;
	double	   *d = state->direction;

	for (int64_t i = 0; i < n; i++)
		d[i] = -state->gradient[i];
	for (int age = 0; age < state->n_kept; age++)
	{
		int			k = ring_place(state, age);

		if (env_interrupted(env))
			return env->status;
		state->share[k] = dot(state->steps + k * n, d, n) / state->curvature[k];
		add(-state->share[k], state->changes + k * n, d, n);
	}
	if (state->n_kept > 0)
	{
		const double *y = state->changes + state->newest * n;
		double		scale = state->curvature[state->newest] / dot(y, y, n);

		for (int64_t i = 0; i < n; i++)
			d[i] *= scale;
	}
	for (int age = state->n_kept - 1; age >= 0; age--)
	{
		int			k = ring_place(state, age);
		double		share = dot(state->changes + k * n, d, n) / state->curvature[k];

		if (env_interrupted(env))
			return env->status;
		add(state->share[k] - share, state->steps + k * n, d, n);
	}
	return RECSYS_OK;
}

/* Evaluates at x + step * direction; *slope: along the direction. */
static RecsysStatus
try_step(Env *env, Lbfgs *state, double step, double *slope)
{
	const LbfgsProblem *problem = state->problem;

	if (env_interrupted(env))
		return env->status;
	memcpy(state->next_x, state->x, (size_t) problem->n * sizeof(double));
	add(step, state->direction, state->next_x, problem->n);
	TRY(problem->evaluate(env, problem->arg, state->next_x, &state->next_value,
						  state->next_gradient));
	*slope = dot(state->next_gradient, state->direction, problem->n);
	return RECSYS_OK;
}

/* Finds a step that satisfies both conditions; *found is false when there is none that gains. */
static RecsysStatus
search_line(Env *env, Lbfgs *state, double step, bool *found)
{
	double		slope = dot(state->gradient, state->direction, state->problem->n);
	double		low = 0;
	double		high = INFINITY;

	*found = false;
	if (!(slope < 0))
		return RECSYS_OK;
	for (int i = 0; i < SEARCH_MAX && !*found; i++)
	{
		double		next_slope = 0;

		TRY(try_step(env, state, step, &next_slope));
		if (!(state->next_value <= state->value + ARMIJO * step * slope) || isnan(next_slope))
			high = step;
		else if (next_slope < CURVATURE * slope)
			low = step;
		else
			*found = true;
		if (!*found)
			step = isinf(high) ? 2 * low : (low + high) / 2;
	}
	return RECSYS_OK;
}

/* Moves to the point found and keeps the pair. */
static void
accept(Lbfgs *state)
{
	int64_t		n = state->problem->n;
	int			k = (state->newest + 1) % state->problem->memory;
	double	   *s = state->steps + k * n;
	double	   *y = state->changes + k * n;

	for (int64_t i = 0; i < n; i++)
	{
		s[i] = state->next_x[i] - state->x[i];
		y[i] = state->next_gradient[i] - state->gradient[i];
		state->x[i] = state->next_x[i];
		state->gradient[i] = state->next_gradient[i];
	}
	state->value = state->next_value;
	state->curvature[k] = dot(s, y, n);
	if (!(state->curvature[k] > 0))
		return;					/* rounding: the pair says nothing */
	state->newest = k;
	if (state->n_kept < state->problem->memory)
		state->n_kept++;
}

/* Direction, line, next; *going is false at the end. */
static RecsysStatus
iterate(Env *env, Lbfgs *state, int iteration, bool *going)
{
	const LbfgsProblem *problem = state->problem;
	double		before = state->value;
	double		first;
	bool		found = false;

	TRY(find_direction(env, state));
	/* Without a pair, nothing tells how far to go: start with a step of length 1 at most. */
	first = state->n_kept > 0 ? 1 :
		1 / fmax(1, sqrt(dot(state->gradient, state->gradient, problem->n)));
	TRY(search_line(env, state, first, &found));
	*going = found;
	if (!found)
		return RECSYS_OK;
	accept(state);
	if (problem->report != NULL)
		TRY(problem->report(env, problem->arg, iteration, state->value));
	*going = before - state->value >= problem->tolerance * fabs(state->value);
	return RECSYS_OK;
}

/* From x downhill. */
RecsysStatus
lbfgs_minimize_in(Env *env, const LbfgsProblem *problem, double *block, double *x, double *value)
{
	Lbfgs		state = {.problem = problem, .x = x};
	bool		going = true;

	cut_block(&state, block);
	TRY(problem->evaluate(env, problem->arg, x, &state.value, state.gradient));
	if (!isfinite(state.value))
		return env_fail(env, RECSYS_NOT_CONVERGED, "the value at the start is not finite");
	for (int i = 1; i <= problem->iterations && going; i++)
		TRY(iterate(env, &state, i, &going));
	*value = state.value;
	return RECSYS_OK;
}

/* In a block of its own. */
RecsysStatus
lbfgs_minimize(Env *env, const LbfgsProblem *problem, double *x, double *value)
{
	double	   *block = env_alloc(env, 1, (size_t) lbfgs_bytes((double) problem->n, problem->memory));

	if (block == NULL)
		return env->status;
	TRY(lbfgs_minimize_in(env, problem, block, x, value));
	env_free(env, block);
	return RECSYS_OK;
}
