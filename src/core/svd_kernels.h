/*
 * svd_kernels.h
 *		The hot loops of stochastic gradient descent for method svd.
 *
 * The decay of regularisation touches every number of a row at every step.  So a row is held
 * as scale x row: decay is one multiplication of the scale, and a step one multiply-add for
 * each number instead of two.
 */
#ifndef CORE_SVD_KERNELS_H
#define CORE_SVD_KERNELS_H

#include <stdint.h>

#define SGD_LANES 8				/* a width is a multiple of this */

/* A rating. */
typedef struct SgdEntry
{
	int32_t		user;
	int32_t		course;
	float		target;
} SgdEntry;

/* Users or courses. */
typedef struct SgdSide
{
	float	   *rows;			/* factors, then zeros */
	float	   *scale;			/* of each row; 1 at the start */
	float	   *bias;
} SgdSide;

/* What one block of ratings is descended with. */
typedef struct SgdBlock
{
	const SgdEntry *entries;	/* neighbours of the same user have different courses */
	const float *weights;		/* of the entries; NULL: 1 each */
	int64_t		n;
	SgdSide		users;
	SgdSide		courses;
	int			width;			/* floats of a row that are looked at */
	int			stride;			/* floats from row to row */
	float		rate;
	float		regularization;
} SgdBlock;

/*
 * One step for every entry, in their order; with e the error before the step, k = 1 / (1 + rate w reg):
 *
 *		b = k b + rate w e,  p = k p + rate w e q,  q = k q + rate w e p
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
	float		keep;			/* k of it */
} SgdStep;

extern float sgd_step_implicit(const SgdStep *step, float base, float *q);

/* k, which cannot overshoot however large the regularisation is. */
static inline float
sgd_keep(float rate, float regularization)
{
	return 1 / (1 + rate * regularization);
}

#endif							/* CORE_SVD_KERNELS_H */
