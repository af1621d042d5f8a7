/*
 * dense_layers.h
 *		Fully connected layers with ReLU between them: forward and backward over a
 *		block of samples, by products of matrices.
 *
 * A stack has sizes s_0 - s_1 - ... - s_L.  Its numbers lie one after the other: of each layer
 * the weights (s_l rows of s_l-1), then the biases (s_l).  Blocks are row-major,
 * a row for each sample.  Nothing here allocates; all may be called from chunks of
 * parallel_for after blas_open.
 */
#ifndef CORE_DENSE_LAYERS_H
#define CORE_DENSE_LAYERS_H

#include "core/env.h"
#include "core/rng.h"

#define LAYERS_MAX 8			/* numbers in a list of sizes */
#define LAYER_SIZE_MAX 512

typedef struct LayerSizes
{
	int			n;
	int			sizes[LAYERS_MAX];
} LayerSizes;

/* Reads "64-16-8-4"; false unless it is `least` to LAYERS_MAX sizes of 1 to LAYER_SIZE_MAX. */
extern bool layers_parse(const char *text, int least, LayerSizes *layers);

/* Numbers of the whole stack, and where those of layer l (from 1) begin. */
extern int64_t layers_numbers(const LayerSizes *layers);
extern int64_t layers_offset(const LayerSizes *layers, int l);

/* Largest size. */
extern int	layers_widest(const LayerSizes *layers);

/* Sum of the sizes: floats that the outputs of all layers take for a sample, the input included. */
extern int64_t layers_activations(const LayerSizes *layers);

/* Weights normal with variance 2 / s_l-1 (He et al., 2015), biases 0. */
extern void layers_draw(const LayerSizes *layers, Rng *rng, float *numbers);

/* y (n x n_out) = x (n x n_in) W' + b */
extern void dense_forward(const float *numbers, int n_in, int n_out, const float *x, int n, float *y);

/*
 * Given dy: adds the gradients of weights and biases to gradient, and fills dx unless it is NULL.
 */
extern void dense_backward(const float *numbers, int n_in, int n_out, const float *x, const float *dy,
						   int n, float *gradient, float *dx);

/* The same for one sample, for serving. */
extern void dense_row(const float *numbers, int n_in, int n_out, const float *x, float *y);

/* max(x, 0) in place; dropout leaves each out with this probability and divides the others by the rest. */
extern void relu_forward(float *x, int64_t n, float dropout, Rng *rng);

/* dx of the same from its result x, in place. */
extern void relu_backward(const float *x, float *dx, int64_t n, float dropout);

#endif							/* CORE_DENSE_LAYERS_H */
