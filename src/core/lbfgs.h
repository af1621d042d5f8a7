/*
 * lbfgs.h
 *		Smallest value of a smooth function of many variables, from its gradient.
 *
 * Limited-memory BFGS: Liu and Nocedal, "On the limited memory BFGS method for
 * large scale optimization" (1989).
 */
#ifndef CORE_LBFGS_H
#define CORE_LBFGS_H

#include "core/env.h"

typedef struct LbfgsProblem
{
	int64_t		n;				/* variables, at least 1 */
	int			memory;			/* pairs of steps kept, at least 1; 5 to 10 is usual */
	int			iterations;		/* at most */
	double		tolerance;		/* ends when an iteration gains less than this share of the value */

	/* Value and gradient[n] at x[n]; a value that is not finite is a point to stay away from. */
	RecsysStatus (*evaluate) (Env *env, void *arg, const double *x, double *value,
							  double *gradient);

	/* After each iteration, from 1; may be NULL.  x is that of the last evaluate. */
	RecsysStatus (*report) (Env *env, void *arg, int iteration, double value);
	void	   *arg;
} LbfgsProblem;

/*
 * Moves x[n] downhill and stores the value there.  RECSYS_NOT_CONVERGED when the value at the start is not
 * finite.  Also ends, without an error, when no step lowers the value any more.
 * O(n memory) an iteration besides evaluate, which runs once or twice in most.
 */
extern RecsysStatus lbfgs_minimize(Env *env, const LbfgsProblem *problem, double *x, double *value);

/*
 * The same without an allocation, in a block of lbfgs_bytes; x is the best point so far whenever
 * evaluate fails, which ends the search.
 */
extern RecsysStatus lbfgs_minimize_in(Env *env, const LbfgsProblem *problem, double *block, double *x,
									  double *value);

/* Bytes that either takes. */
extern double lbfgs_bytes(double n, int memory);

#endif							/* CORE_LBFGS_H */
