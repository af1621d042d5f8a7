/*
 * nn_dot.h
 *		The architecture dot of method nn: product of the embeddings of user and
 *		course, plus a bias of each.
 *
 *		output = offset + b_u + b_c + p_u . q_c
 *
 * offset: pairs_offset, which biases would have to learn otherwise.  Dropout is on the products of
 * factors, p_uf q_cf: each is left out with that probability, the others are made larger
 * to keep the mean.
 *
 * The user of the moment: for ratings the exact minimum of the objective, the dropout's part
 * included (svd_ridge.h); for ranking by a search for that of its objective (nn_fold.h).
 */
#ifndef CORE_NN_DOT_H
#define CORE_NN_DOT_H

#include "core/nn_pairs.h"

typedef struct DotNetwork
{
	int			factors;
	float		offset;
} DotNetwork;

/* The network; a row is the factors, then the bias.  dot stays the caller's. */
extern PairNetwork nn_dot_network(const DotNetwork *dot);

/* First numbers of the embeddings. */
extern RecsysStatus nn_dot_draw(Env *env, const DotNetwork *dot, PairTraining *training);

/* b_u + b_c + p_u . q_c, with a mask (or NULL) on the products. */
extern float dot_output(const float *user, const float *course, const float *mask, int factors);

/*
 * Gradients of loss + decay / 2 (|user|^2 + |course|^2) by user and course, given the derivative
 * of the loss by the output.
 */
extern void dot_gradients(const float *user, const float *course, const float *mask, int factors,
						  float derivative, float decay, float *user_gradient,
						  float *course_gradient);

#endif							/* CORE_NN_DOT_H */
