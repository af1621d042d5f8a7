/*
 * bpr_kernels.h
 *		One step of stochastic gradient descent for Bayesian personalised ranking.
 *
 * The loss of a triple (user, course taken, course not taken) is
 *
 *		-ln sigmoid(d),  d = x . (taken - other) + taken_bias - other_bias
 */
#ifndef CORE_BPR_KERNELS_H
#define CORE_BPR_KERNELS_H

/* How far a step goes. */
typedef struct BprStep
{
	int			n_factors;
	float		learning_rate;
	float		regularization;
	float		weight;			/* of the triple: multiplies its loss */
} BprStep;

/* Moves all three vectors and both biases; returns the loss before the move, without the weight. */
extern double bpr_step(const BprStep *step, float *x, float *taken, float *other,
					   float *taken_bias, float *other_bias);

/* The same with the courses frozen: only x moves. */
extern void bpr_user_step(const BprStep *step, float *x, const float *taken, const float *other,
						  float bias_difference);

#endif							/* CORE_BPR_KERNELS_H */
