/*
 * nn_neumf_net.c
 *		The architecture neumf of method nn, losses and gradients of a chunk of samples:
 *		see nn_neumf.h.
 *
 * The samples are the rows of products of matrices (dense_layers.h); what dot shares, products
 * of embeddings and biases, is computed by its kernels.
 */
#include "core/nn_neumf.h"

#include <string.h>

#include "core/nn_dot.h"
#include "core/vector.h"

#define CHUNK_PRODUCTS (INT64_C(1) << 24)	/* multiply-adds of a chunk, forward: some milliseconds */
#define CHUNK_MIN 16

/* An odd first size cannot be shared by user and course. */
bool
neumf_init(const NnParams *params, NeumfNetwork *neumf)
{
	const char *text = params->layers[0] == '\0' ? NEUMF_LAYERS : params->layers;
	const LayerSizes *layers = &neumf->layers;

	neumf->factors = (int) params->factors;
	neumf->offset = pairs_offset(params);
	neumf->dense_decay = (float) (NEUMF_DENSE_DECAY * nn_weight_decay(params));
	return layers_parse(text, 2, &neumf->layers) && layers->sizes[0] % 2 == 0 &&
		layers_numbers(layers) - layers_offset(layers, 2) <= NEUMF_UPPER_MAX;
}

/* Memory for a chunk. */
typedef struct Work
{
	float	   *outputs[LAYERS_MAX];	/* of each layer, the input first */
	float	   *delta;			/* gradient by the outputs of a layer */
	float	   *delta_below;
} Work;

/* Cuts it, for as many samples as there are. */
static Work
cut_work(const NeumfNetwork *neumf, int64_t n, float *memory)
{
	Work		work;

	for (int l = 0; l < neumf->layers.n; l++)
	{
		work.outputs[l] = memory;
		memory += n * neumf->layers.sizes[l];
	}
	work.delta = memory;
	work.delta_below = memory + n * layers_widest(&neumf->layers);
	return work;
}

/* Numbers of the user, and of the course, of sample i. */
static const float *
user_of(const NeumfNetwork *neumf, const PairSamples *samples, int64_t i)
{
	return samples->user_rows + (int64_t) samples->users[i] * neumf_width(neumf);
}

/* See user_of. */
static const float *
course_of(const NeumfNetwork *neumf, const PairSamples *samples, int64_t i)
{
	return samples->course_rows + (int64_t) samples->courses[i] * neumf_width(neumf);
}

/* The rows (s, t) of the samples, then the dense layers. */
static void
run_layers(const NeumfNetwork *neumf, const PairSamples *samples, const Work *work)
{
	const LayerSizes *layers = &neumf->layers;
	int			half = neumf_half(neumf);
	int			begin = neumf->factors + 1;

	for (int64_t i = 0; i < samples->n; i++)
	{
		float	   *input = work->outputs[0] + i * layers->sizes[0];

		memcpy(input, user_of(neumf, samples, i) + begin, (size_t) half * sizeof(float));
		memcpy(input + half, course_of(neumf, samples, i) + begin, (size_t) half * sizeof(float));
	}
	for (int l = 1; l < layers->n; l++)
	{
		dense_forward(samples->dense + layers_offset(layers, l), layers->sizes[l - 1],
					  layers->sizes[l], work->outputs[l - 1], samples->n, work->outputs[l]);
		relu_forward(work->outputs[l], (int64_t) samples->n * layers->sizes[l], samples->dropout,
					 samples->rng);
	}
}

/* The output's part of the gradients of sample i: products, biases, w and b, and by h. */
static void
output_gradients(const NeumfNetwork *neumf, const PairSamples *samples, int64_t i, float derivative,
				 const Work *work)
{
	int			width = neumf_width(neumf);
	int			last = neumf_last(neumf);
	int64_t		w = layers_numbers(&neumf->layers);
	const float *h = work->outputs[neumf->layers.n - 1] + i * last;

	dot_gradients(user_of(neumf, samples, i), course_of(neumf, samples, i), NULL, neumf->factors,
				  derivative, 2 * samples->weights[i] * samples->decay,
				  samples->user_gradients + i * width, samples->course_gradients + i * width);
	for (int d = 0; d < last; d++)
	{
		work->delta[i * last + d] = derivative * samples->dense[w + d];
		samples->dense_gradients[w + d] += derivative * h[d];
	}
	samples->dense_gradients[w + last] += derivative;
}

/* Down the layers, from the last one to (s, t), whose gradients are in delta then. */
static void
layer_gradients(const NeumfNetwork *neumf, const PairSamples *samples, Work *work)
{
	const LayerSizes *layers = &neumf->layers;

	for (int l = layers->n - 1; l >= 1; l--)
	{
		int64_t		at = layers_offset(layers, l);
		float	   *delta = work->delta;

		relu_backward(work->outputs[l], delta, (int64_t) samples->n * layers->sizes[l],
					  samples->dropout);
		dense_backward(samples->dense + at, layers->sizes[l - 1], layers->sizes[l],
					   work->outputs[l - 1], delta, samples->n, samples->dense_gradients + at,
					   work->delta_below);
		work->delta = work->delta_below;
		work->delta_below = delta;
	}
}

/* Gradients of s and t: what came down, and the penalty. */
static void
input_gradients(const NeumfNetwork *neumf, const PairSamples *samples, const Work *work)
{
	int			half = neumf_half(neumf);
	int			width = neumf_width(neumf);
	int			begin = neumf->factors + 1;

	for (int64_t i = 0; i < samples->n; i++)
	{
		const float *delta = work->delta + i * 2 * half;
		float		decay = 2 * samples->weights[i] * samples->decay;
		float	   *user = samples->user_gradients + i * width + begin;
		float	   *course = samples->course_gradients + i * width + begin;

		memcpy(user, delta, (size_t) half * sizeof(float));
		memcpy(course, delta + half, (size_t) half * sizeof(float));
		vector_axpy(decay, user_of(neumf, samples, i) + begin, user, half);
		vector_axpy(decay, course_of(neumf, samples, i) + begin, course, half);
	}
}

/* Losses and gradients of some samples. */
static double
run_samples(const void *arg, const PairSamples *samples, float *memory)
{
	const NeumfNetwork *neumf = arg;
	Work		work = cut_work(neumf, samples->n, memory);
	int			last = neumf_last(neumf);
	const float *w = samples->dense + layers_numbers(&neumf->layers);
	double		sum = 0;

	run_layers(neumf, samples, &work);
	for (int64_t i = 0; i < samples->n; i++)
	{
		const float *h = work.outputs[neumf->layers.n - 1] + i * last;
		float		derivative;
		float		output = neumf->offset + w[last] + vector_dot(w, h, last) +
			dot_output(user_of(neumf, samples, i), course_of(neumf, samples, i), NULL,
					   neumf->factors);

		sum += (double) samples->weights[i] * pair_loss(samples->objective, output,
														samples->targets[i], &derivative);
		if (samples->user_gradients != NULL)
			output_gradients(neumf, samples, i, samples->weights[i] * derivative, &work);
	}
	if (samples->user_gradients != NULL)
	{
		layer_gradients(neumf, samples, &work);
		input_gradients(neumf, samples, &work);
	}
	return sum;
}

/* Samples of a chunk: fewer, the larger the layers, so that a cancel is seen in time. */
static int
chunk_samples(const NeumfNetwork *neumf)
{
	int64_t		n = CHUNK_PRODUCTS / neumf_n_dense(neumf);

	return n > PAIR_CHUNK ? PAIR_CHUNK : n < CHUNK_MIN ? CHUNK_MIN : (int) n;
}

/* See the header. */
PairNetwork
nn_neumf_network(const NnParams *params, const NeumfNetwork *neumf)
{
	int			chunk = chunk_samples(neumf);

	return (PairNetwork) {
		.arg = neumf,
		.user_width = neumf_width(neumf),
		.course_width = neumf_width(neumf),
		.n_dense = neumf_n_dense(neumf),
		.dense_decay = neumf->dense_decay,
		.chunk = chunk,
		.work_floats = pairs_chunk(params, chunk) *
			(layers_activations(&neumf->layers) + 2 * (int64_t) layers_widest(&neumf->layers)),
		.run = run_samples,
	};
}
