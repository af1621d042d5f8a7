/*
 * svd_kernels.h
 *		The hot loops of stochastic gradient descent for method svd.
 */
#ifndef CORE_SVD_KERNELS_H
#define CORE_SVD_KERNELS_H

#include <stdint.h>

/* A rating. */
typedef struct SgdEntry
{
	int32_t		user;
	int32_t		course;
	float		target;
} SgdEntry;

/* What one block of ratings is descended with. */
typedef struct SgdBlock
{
	const SgdEntry *entries;
	const float *weights;		/* of the entries; NULL: 1 each */
	int64_t		n;
	float	   *user_rows;		/* factors, zeros up to width, then the bias */
	float	   *course_rows;
	int			width;			/* a multiple of 16 */
	int			stride;			/* floats from row to row */
	float		rate;
	float		regularization;
} SgdBlock;

/*
 * One step for every entry, in their order; with e the error before the step:
 *
 *		b += rate w (e - reg b),  p += rate w (e q - reg p),  q += rate w (e p - reg q)
 *
 * p and q from before the step.  Returns the sum of w e^2.
 */
extern double sgd_block(const SgdBlock *block);

/*
 * One rating of a user with implicit terms: the user's vector is p + z, z does not
 * change, and total += w e q (before the step).  Returns e, given base = target - biases.
 */
typedef struct SgdStep
{
	float	   *p;
	const float *z;
	float	   *total;
	int			width;
	float		rate;			/* times the weight of the rating */
	float		weight;
	float		regularization;
} SgdStep;

extern float sgd_step_implicit(const SgdStep *step, float base, float *q);

#endif							/* CORE_SVD_KERNELS_H */
