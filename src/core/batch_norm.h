/*
 * batch_norm.h
 *		Batch normalisation: Ioffe and Szegedy, "Batch normalization" (2015).
 *
 *		y = gamma (x - mean) / sqrt(variance + epsilon) + beta
 *
 * for each unit; mean and variance are those of the batch in training, running means of
 * them afterwards.  Blocks are row-major, a row for each sample.
 */
#ifndef CORE_BATCH_NORM_H
#define CORE_BATCH_NORM_H

#include <stdint.h>

#define BATCH_NORM_EPSILON 1e-3f
#define BATCH_NORM_MOMENTUM 0.1f	/* of a new batch in the running means */

/* The units of a layer. */
typedef struct BatchNorm
{
	int			n_units;
	const float *gamma;
	const float *beta;
	float	   *mean;			/* running */
	float	   *variance;
} BatchNorm;

/*
 * Fills y from x (n x n_units), which is overwritten by (x - mean) / sqrt(variance + epsilon), and
 * inverse[n_units] with 1 / sqrt(variance + epsilon); moves the running means.
 */
extern void batch_norm_forward(const BatchNorm *norm, int n, float *x, float *inverse, float *y);

/* y in place of x, by the running means. */
extern void batch_norm_apply(const BatchNorm *norm, int n, float *x);

/*
 * From dy (n x n_units): dx in its place, and adds the gradients of gamma and beta.  normalised and inverse as
 * forward left them; sums has room for 2 n_units.
 */
extern void batch_norm_backward(const BatchNorm *norm, int n, const float *normalised,
								const float *inverse, float *dy, float *gamma_gradient,
								float *beta_gradient, float *sums);

/* Merges the normalisation into the dense layer below it: weights (n_units x n_in), then biases. */
extern void batch_norm_merge(const BatchNorm *norm, int n_in, float *numbers);

#endif							/* CORE_BATCH_NORM_H */
