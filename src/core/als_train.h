/*
 * als_train.h
 *		Alternating least squares on several threads.
 *
 * Finds vectors x of users and y of courses that minimise the objective of
 * als_kernels.h over all pairs:
 *
 *		sum over all pairs of c (p - x . y)^2 + regularization (sum |x|^2 + sum |y|^2)
 *
 * An iteration solves for all users with the courses given, then the other way
 * round.  Half-steps by Cholesky are exact; by conjugate gradients they start from
 * the solution of the iteration before.  The objective falls either way.
 *
 * An iteration takes ratings * factors^2 multiply-adds by Cholesky, about 16 ratings *
 * factors + 8 (users + courses) factors^2 by conjugate gradients.
 */
#ifndef CORE_ALS_TRAIN_H
#define CORE_ALS_TRAIN_H

#include "core/als_kernels.h"
#include "core/csr.h"
#include "core/env.h"

/* What training is told. */
typedef struct AlsOptions
{
	int			factors;
	int64_t		iterations;		/* at most */
	bool		cg;				/* conjugate gradients, else Cholesky */
	double		regularization;
	double		alpha;
	double		unobserved_weight;
	double		tolerance;		/* least relative gain of an iteration that another one follows */
	uint64_t	random_state;
} AlsOptions;

/* What it finds: all that the half-step of a user needs.  Stays allocated. */
typedef struct AlsFactors
{
	float	   *courses;		/* n_courses x factors */
	float	   *gram;			/* factors x factors: see AlsSide */
	float	   *whitener;
} AlsFactors;

/*
 * Trains on the same ratings by user and by course, whose values are given apart (aged).  Logs both parts of
 * the objective.  RECSYS_NOT_CONVERGED when a system is singular to the precision of a float.
 */
extern RecsysStatus als_train(Env *env, const AlsOptions *options, const Csr *by_user,
							  const float *user_values, const Csr *by_course,
							  const float *course_values, AlsFactors *model);

/* Bytes that als_train holds at its peak for n_rows users and courses. */
extern double als_train_bytes(double n_rows, int factors, int n_threads);

#endif							/* CORE_ALS_TRAIN_H */
