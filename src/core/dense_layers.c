/*
 * dense_layers.c
 *		Fully connected layers with ReLU between them.
 */
#include "core/dense_layers.h"

#include <math.h>
#include <string.h>

#include "core/blas.h"
#include "core/vector.h"

/* A size, and what follows it; 0 when there is none. */
static int
parse_size(const char **text)
{
	int			size = 0;

	while (**text >= '0' && **text <= '9' && size <= LAYER_SIZE_MAX)
		size = size * 10 + *(*text)++ - '0';
	return size <= LAYER_SIZE_MAX ? size : 0;
}

/* Sizes with a hyphen between them. */
bool
layers_parse(const char *text, int least, LayerSizes *layers)
{
	layers->n = 0;
	for (;;)
	{
		int			size = parse_size(&text);

		if (size == 0 || layers->n == LAYERS_MAX)
			return false;
		layers->sizes[layers->n++] = size;
		if (*text == '\0')
			return layers->n >= least;
		if (*text++ != '-')
			return false;
	}
}

/* Up to layer l. */
int64_t
layers_offset(const LayerSizes *layers, int l)
{
	int64_t		n = 0;

	for (int i = 1; i < l; i++)
		n += (int64_t) (layers->sizes[i - 1] + 1) * layers->sizes[i];
	return n;
}

/* Behind the last layer. */
int64_t
layers_numbers(const LayerSizes *layers)
{
	return layers_offset(layers, layers->n);
}

/* Of any layer, the input included. */
int
layers_widest(const LayerSizes *layers)
{
	int			widest = 0;

	for (int i = 0; i < layers->n; i++)
		widest = layers->sizes[i] > widest ? layers->sizes[i] : widest;
	return widest;
}

/* See the header. */
int64_t
layers_activations(const LayerSizes *layers)
{
	int64_t		n = 0;

	for (int i = 0; i < layers->n; i++)
		n += layers->sizes[i];
	return n;
}

/* Layer by layer. */
void
layers_draw(const LayerSizes *layers, Rng *rng, float *numbers)
{
	for (int l = 1; l < layers->n; l++)
	{
		int64_t		n_weights = (int64_t) layers->sizes[l - 1] * layers->sizes[l];
		double		std_dev = sqrt(2.0 / layers->sizes[l - 1]);

		for (int64_t i = 0; i < n_weights; i++)
			numbers[i] = (float) (std_dev * rng_normal(rng));
		memset(numbers + n_weights, 0, (size_t) layers->sizes[l] * sizeof(float));
		numbers += n_weights + layers->sizes[l];
	}
}

/* One product; the biases are what it is added to. */
void
dense_forward(const float *numbers, int n_in, int n_out, const float *x, int n, float *y)
{
	const float *biases = numbers + (int64_t) n_in * n_out;

	for (int i = 0; i < n; i++)
		memcpy(y + (int64_t) i * n_out, biases, (size_t) n_out * sizeof(float));
	blas_sgemm(false, true, n, n_out, n_in, 1, x, n_in, numbers, n_in, 1, y, n_out);
}

/* Two products. */
void
dense_backward(const float *numbers, int n_in, int n_out, const float *x, const float *dy, int n,
			   float *gradient, float *dx)
{
	blas_sgemm(true, false, n_out, n_in, n, 1, dy, n_out, x, n_in, 1, gradient, n_in);
	for (int i = 0; i < n; i++)
		vector_axpy(1, dy + (int64_t) i * n_out, gradient + (int64_t) n_in * n_out, n_out);
	if (dx != NULL)
		blas_sgemm(false, false, n, n_in, n_out, 1, dy, n_out, numbers, n_in, 0, dx, n_in);
}

/* One dot product for each output. */
void
dense_row(const float *numbers, int n_in, int n_out, const float *x, float *y)
{
	const float *biases = numbers + (int64_t) n_in * n_out;

	for (int o = 0; o < n_out; o++)
		y[o] = biases[o] + vector_dot(numbers + (int64_t) o * n_in, x, n_in);
}
