/*
 * nn_softmax_net.c
 *		Forward and backward through the architecture softmax of method nn: see
 *		nn_softmax.h.
 */
#include <math.h>
#include <string.h>

#include "core/blas.h"
#include "core/methods/support.h"
#include "core/nn_softmax.h"
#include "core/parallel.h"
#include "core/vector.h"

#define CHUNK_ROWS 16			/* rows that a thread sums up or normalises at a time */
#define POLL_ROWS 16

/* What a rating is to a row. */
typedef enum Role
{
	ROLE_NONE,
	ROLE_INPUT,
	ROLE_TARGET
} Role;

/* Places of the sums in the input. */
enum
{
	INPUT_LIKED,
	INPUT_DISLIKED,				/* or genres, when nothing is disliked */
};

/* ---------------------------------------------------------------- shape */

/* The sizes of the layers, behind one for the input. */
static bool
parse_layers(const NnParams *params, int n_in, LayerSizes *layers)
{
	const char *text = params->layers[0] == '\0' ? SOFTMAX_LAYERS : params->layers;
	LayerSizes	given;

	if (!layers_parse(text, 1, &given) || given.n == LAYERS_MAX)
		return false;
	layers->n = given.n + 1;
	layers->sizes[0] = n_in;
	memcpy(layers->sizes + 1, given.sizes, (size_t) given.n * sizeof(int));
	return true;
}

/* See the header. */
bool
softmax_layers_valid(const NnParams *params)
{
	LayerSizes	layers;

	return parse_layers(params, 1, &layers);
}

/* One after the other. */
bool
softmax_init(const NnParams *params, int64_t n_courses, int n_genres, bool dislikes,
			 SoftmaxNetwork *network)
{
	int			n_inputs = 1 + dislikes + (n_genres > 0);
	int64_t		factors = params->factors;

	*network = (SoftmaxNetwork) {.n_courses = (int32_t) n_courses, .factors = (int) factors,
	.n_inputs = n_inputs, .dislikes = dislikes, .n_genres = n_genres};
	if (!parse_layers(params, n_inputs * (int) factors, &network->layers))
		return false;
	network->n_units = layers_activations(&network->layers) - network->layers.sizes[0];
	network->genres = n_courses * factors;
	network->dense = network->genres + n_genres * factors;
	network->norms = network->dense + layers_numbers(&network->layers);
	network->outputs = network->norms + 2 * network->n_units;
	network->biases = network->outputs +
		n_courses * network->layers.sizes[network->layers.n - 1];
	network->n_numbers = network->biases + n_courses;
	return true;
}

/* ---------------------------------------------------------------- memory */

/* Blocks of a batch of so many rows. */
RecsysStatus
softmax_batch_init(Env *env, SoftmaxBatch *batch, int32_t room)
{
	const SoftmaxNetwork *network = &batch->network;
	size_t		n = (size_t) room;
	size_t		widest = (size_t) layers_widest(&network->layers);
	bool		all = true;

	batch->room = room;
	batch->rows = env_alloc(env, n, sizeof(int64_t));
	batch->lengths = env_alloc(env, n, (size_t) network->n_inputs * sizeof(float));
	batch->target_weights = env_alloc(env, n, sizeof(float));
	batch->losses = env_alloc(env, n, sizeof(double));
	batch->inverse = env_alloc(env, (size_t) network->n_units, sizeof(float));
	batch->sums = env_alloc(env, 2 * widest, sizeof(float));
	batch->logits = env_alloc(env, n, (size_t) network->n_courses * sizeof(float));
	batch->delta = env_alloc(env, n, widest * sizeof(float));
	batch->delta_below = env_alloc(env, n, widest * sizeof(float));
	for (int l = 0; l < network->layers.n; l++)
	{
		size_t		bytes = (size_t) network->layers.sizes[l] * sizeof(float);

		batch->activations[l] = env_alloc(env, n, bytes);
		batch->normalised[l] = l == 0 ? NULL : env_alloc(env, n, bytes);
		all = all && batch->activations[l] != NULL && (l == 0 || batch->normalised[l] != NULL);
	}
	if (!all || batch->rows == NULL || batch->lengths == NULL || batch->target_weights == NULL ||
		batch->losses == NULL || batch->inverse == NULL || batch->sums == NULL ||
		batch->logits == NULL || batch->delta == NULL || batch->delta_below == NULL)
		return env->status;
	return RECSYS_OK;
}

/* All of them. */
void
softmax_batch_free(Env *env, SoftmaxBatch *batch)
{
	void	   *blocks[] = {batch->rows, batch->lengths, batch->target_weights, batch->losses,
	batch->inverse, batch->sums, batch->logits, batch->delta, batch->delta_below};

	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
		env_free(env, blocks[i]);
	for (int l = 0; l < batch->network.layers.n; l++)
	{
		env_free(env, batch->activations[l]);
		env_free(env, batch->normalised[l]);
	}
}

/* All of them. */
double
softmax_batch_bytes(const SoftmaxNetwork *network, double room)
{
	double		widest = layers_widest(&network->layers);
	double		activations = (double) layers_activations(&network->layers);

	return room * (8 + 4 * network->n_inputs + 4 + 8 + 4 * (double) network->n_courses +
				   8 * widest + 4 * (activations + (double) network->n_units)) +
		4 * (double) network->n_units + 8 * widest +
		(9 + 2 * network->layers.n) * ENV_BLOCK_OVERHEAD;
}

/* ---------------------------------------------------------------- input */

/* Is rating e of the user held out? */
static bool
held_out(const SoftmaxBatch *batch, int64_t user, int64_t e)
{
	return batch->params->validation > 0 &&
		nn_held_out(batch->params, user, batch->set->by_user.indexes[e]);
}

/* What rating e of the user is to a row. */
static Role
role_of(const SoftmaxBatch *batch, int64_t row, int64_t e)
{
	bool		taken = batch->set->by_user.values[e] > 0;
	bool		out = held_out(batch, row / SOFTMAX_PARTS, e);

	if (!batch->learn)
		return !out ? ROLE_INPUT : taken ? ROLE_TARGET : ROLE_NONE;
	if (out)
		return ROLE_NONE;
	if (taken && (int64_t) (hash_combine(batch->stream, (uint64_t) e) % SOFTMAX_PARTS) ==
		row % SOFTMAX_PARTS)
		return ROLE_TARGET;
	return ROLE_INPUT;
}

/* Weight of a rating by its age. */
static float
weight_of(const SoftmaxBatch *batch, int64_t e)
{
	return entry_weight(&batch->set->by_user, e, batch->set->summary.last_time,
						batch->params->common.half_life);
}

/* Place of the sum that a course with this rating is part of. */
static int
input_of(const SoftmaxNetwork *network, float rating)
{
	return network->dislikes && rating < network->liked_from ? INPUT_DISLIKED : INPUT_LIKED;
}

/* Adds weight times the genres of a course to x, or (back) x times them to the gradients of the genres. */
static void
visit_genres(const SoftmaxBatch *batch, int32_t course, float weight, float *x, bool back)
{
	const SoftmaxNetwork *network = &batch->network;
	const float *has = matrix_row(&batch->set->genres, course);

	for (int g = 0; g < network->n_genres; g++)
	{
		int64_t		at = network->genres + (int64_t) g * network->factors;

		if (has[g] != 0 && back)
			vector_axpy(weight * has[g], x, batch->gradient + at, network->factors);
		else if (has[g] != 0)
			vector_axpy(weight * has[g], batch->numbers + at, x, network->factors);
	}
}

/* Adds the courses of a row to its sums x, or (back) x to their gradients; *targets: weight of the targets. */
static void
visit_row(const SoftmaxBatch *batch, int64_t row, float *x, bool back, float *targets)
{
	const SoftmaxNetwork *network = &batch->network;
	const Csr  *by_user = &batch->set->by_user;
	int64_t		user = row / SOFTMAX_PARTS;
	int			factors = network->factors;

	for (int64_t e = by_user->offsets[user]; e < by_user->offsets[user + 1]; e++)
	{
		Role		role = role_of(batch, row, e);
		float		weight = weight_of(batch, e);
		int32_t		course = by_user->indexes[e];
		int			input = input_of(network, by_user->values[e]);
		int64_t		at = (int64_t) course * factors;

		if (role == ROLE_TARGET)
			*targets += weight;
		if (role != ROLE_INPUT)
			continue;
		if (back)
			vector_axpy(weight, x + (int64_t) input * factors, batch->gradient + at, factors);
		else
			vector_axpy(weight, batch->numbers + at, x + (int64_t) input * factors, factors);
		if (network->n_genres > 0 && input == INPUT_LIKED)
			visit_genres(batch, course, weight, x + (int64_t) (network->n_inputs - 1) * factors,
						 back);
	}
}

/* Sums of some rows, divided by their lengths. */
static RecsysStatus
fill_rows(void *arg, int64_t begin, int64_t end, int worker)
{
	const SoftmaxBatch *batch = arg;
	const SoftmaxNetwork *network = &batch->network;
	int			width = network->layers.sizes[0];

	(void) worker;
	memset(batch->activations[0] + begin * width, 0,
		   (size_t) (end - begin) * (size_t) width * sizeof(float));
	for (int64_t i = begin; i < end; i++)
	{
		float	   *x = batch->activations[0] + i * width;

		batch->target_weights[i] = 0;
		visit_row(batch, batch->rows[i], x, false, &batch->target_weights[i]);
		for (int s = 0; s < network->n_inputs; s++)
		{
			float	   *sum = x + (int64_t) s * network->factors;
			float		length = vector_norm(sum, network->factors);

			batch->lengths[i * network->n_inputs + s] = length;
			if (length > 0)
				vector_scale(1 / length, sum, network->factors);
		}
	}
	return RECSYS_OK;
}

/* Takes out rows that have nothing to learn from. */
static void
drop_rows(SoftmaxBatch *batch)
{
	const SoftmaxNetwork *network = &batch->network;
	int			width = network->layers.sizes[0];
	int32_t		n = 0;

	for (int32_t i = 0; i < batch->n; i++)
	{
		float		length = 0;

		for (int s = 0; s < network->n_inputs; s++)
			length += batch->lengths[i * network->n_inputs + s];
		if (!(length > 0) || !(batch->target_weights[i] > 0))
			continue;
		memmove(batch->activations[0] + (int64_t) n * width,
				batch->activations[0] + (int64_t) i * width, (size_t) width * sizeof(float));
		memmove(batch->lengths + n * network->n_inputs, batch->lengths + i * network->n_inputs,
				(size_t) network->n_inputs * sizeof(float));
		batch->target_weights[n] = batch->target_weights[i];
		batch->rows[n++] = batch->rows[i];
	}
	batch->n = n;
}

/* ---------------------------------------------------------------- layers */

/* The normalisation of layer l, from 1; *first: its first unit among all. */
static BatchNorm
norm_of(const SoftmaxBatch *batch, int l, int64_t *first)
{
	const SoftmaxNetwork *network = &batch->network;
	int			n_units = network->layers.sizes[l];
	const float *norms;

	*first = 0;
	for (int i = 1; i < l; i++)
		*first += network->layers.sizes[i];
	norms = batch->numbers + network->norms + 2 * *first;
	return (BatchNorm) {n_units, norms, norms + n_units, batch->statistics + 2 * *first,
		batch->statistics + 2 * *first + n_units};
}

/* From the input to h. */
static RecsysStatus
run_layers(Env *env, SoftmaxBatch *batch)
{
	const SoftmaxNetwork *network = &batch->network;
	const LayerSizes *layers = &network->layers;

	for (int l = 1; l < layers->n; l++)
	{
		int64_t		first;
		BatchNorm	norm = norm_of(batch, l, &first);
		int64_t		count = (int64_t) batch->n * layers->sizes[l];
		float	   *x = batch->learn ? batch->normalised[l] : batch->activations[l];

		if (env_interrupted(env))
			return env->status;
		dense_forward(batch->numbers + network->dense + layers_offset(layers, l),
					  layers->sizes[l - 1], layers->sizes[l], batch->activations[l - 1], batch->n, x);
		if (batch->learn)
			batch_norm_forward(&norm, batch->n, x, batch->inverse + first, batch->activations[l]);
		else
			batch_norm_apply(&norm, batch->n, x);
		relu_forward(batch->activations[l], count,
					 batch->learn ? (float) batch->params->dropout : 0, &batch->rng);
	}
	return RECSYS_OK;
}

/* From the gradient of h down to that of the input, in delta. */
static RecsysStatus
run_layers_back(Env *env, SoftmaxBatch *batch)
{
	const SoftmaxNetwork *network = &batch->network;
	const LayerSizes *layers = &network->layers;

	for (int l = layers->n - 1; l >= 1; l--)
	{
		int64_t		first;
		BatchNorm	norm = norm_of(batch, l, &first);
		int64_t		at = network->dense + layers_offset(layers, l);
		float	   *gamma = batch->gradient + network->norms + 2 * first;
		float	   *delta = batch->delta;

		if (env_interrupted(env))
			return env->status;
		relu_backward(batch->activations[l], delta, (int64_t) batch->n * layers->sizes[l],
					  (float) batch->params->dropout);
		batch_norm_backward(&norm, batch->n, batch->normalised[l], batch->inverse + first, delta,
							gamma, gamma + layers->sizes[l], batch->sums);
		dense_backward(batch->numbers + at, layers->sizes[l - 1], layers->sizes[l],
					   batch->activations[l - 1], delta, batch->n, batch->gradient + at,
					   batch->delta_below);
		batch->delta = batch->delta_below;
		batch->delta_below = delta;
	}
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- output */

/* Losses of some rows; their logits become the gradients by them, times the weight of the targets. */
static RecsysStatus
lose_rows(void *arg, int64_t begin, int64_t end, int worker)
{
	const SoftmaxBatch *batch = arg;
	const Csr  *by_user = &batch->set->by_user;
	int64_t		n_courses = batch->network.n_courses;

	(void) worker;
	for (int64_t i = begin; i < end; i++)
	{
		int64_t		row = batch->rows[i];
		int64_t		user = row / SOFTMAX_PARTS;
		float	   *logits = batch->logits + i * n_courses;

		vector_axpy(1, batch->numbers + batch->network.biases, logits, n_courses);
		batch->losses[i] = 0;
		for (int64_t e = by_user->offsets[user]; e < by_user->offsets[user + 1]; e++)
			if (role_of(batch, row, e) == ROLE_TARGET)
				batch->losses[i] -= (double) (weight_of(batch, e) * logits[by_user->indexes[e]]);
		batch->losses[i] += (double) batch->target_weights[i] * softmax_row(logits, n_courses);
		vector_scale(batch->target_weights[i], logits, n_courses);
		for (int64_t e = by_user->offsets[user]; e < by_user->offsets[user + 1]; e++)
			if (role_of(batch, row, e) == ROLE_TARGET)
				logits[by_user->indexes[e]] -= weight_of(batch, e);
	}
	return RECSYS_OK;
}

/* Logits, losses, and their sums. */
static RecsysStatus
run_output(Env *env, SoftmaxBatch *batch, double *loss, double *weight)
{
	const SoftmaxNetwork *network = &batch->network;
	int			last = network->layers.sizes[network->layers.n - 1];

	TRY(blas_sgemm_parallel(env, false, true, batch->n, network->n_courses, last, 1,
							batch->activations[network->layers.n - 1], last,
							batch->numbers + network->outputs, last, 0, batch->logits,
							network->n_courses));
	TRY(parallel_for(env, batch->n, CHUNK_ROWS, lose_rows, batch, false));
	for (int32_t i = 0; i < batch->n; i++)
	{
		*loss += batch->losses[i];
		*weight += (double) batch->target_weights[i];
	}
	return RECSYS_OK;
}

/* Gradients of outputs and biases, and of h, in delta. */
static RecsysStatus
run_output_back(Env *env, SoftmaxBatch *batch)
{
	const SoftmaxNetwork *network = &batch->network;
	int			last = network->layers.sizes[network->layers.n - 1];
	int			n_courses = network->n_courses;

	for (int32_t i = 0; i < batch->n; i++)
		vector_axpy(1, batch->logits + (int64_t) i * n_courses, batch->gradient + network->biases,
					n_courses);
	TRY(blas_sgemm_parallel(env, true, false, n_courses, last, batch->n, 1, batch->logits, n_courses,
							batch->activations[network->layers.n - 1], last, 0,
							batch->gradient + network->outputs, last));
	return blas_sgemm_parallel(env, false, false, batch->n, last, n_courses, 1, batch->logits,
							   n_courses, batch->numbers + network->outputs, last, 0, batch->delta,
							   last);
}

/* From the gradient of the normalised sums (delta) to those of the embeddings, row after row. */
static RecsysStatus
run_input_back(Env *env, SoftmaxBatch *batch)
{
	const SoftmaxNetwork *network = &batch->network;
	int			width = network->layers.sizes[0];
	int			factors = network->factors;
	float		unused = 0;

	for (int64_t i = 0; i < batch->n; i++)
	{
		float	   *dx = batch->delta + i * width;
		const float *x = batch->activations[0] + i * width;

		if (i % POLL_ROWS == 0 && env_interrupted(env))
			return env->status;
		for (int s = 0; s < network->n_inputs; s++)
		{
			float		length = batch->lengths[i * network->n_inputs + s];
			float	   *part = dx + (int64_t) s * factors;

			vector_axpy(-vector_dot(part, x + (int64_t) s * factors, factors),
						x + (int64_t) s * factors, part, factors);
			vector_scale(length > 0 ? 1 / length : 0, part, factors);
		}
		visit_row(batch, batch->rows[i], dx, true, &unused);
	}
	return RECSYS_OK;
}

/* See the header. */
RecsysStatus
softmax_run(Env *env, SoftmaxBatch *batch, double *loss, double *weight)
{
	double		before = *weight;

	TRY(parallel_for(env, batch->n, CHUNK_ROWS, fill_rows, batch, false));
	drop_rows(batch);
	if (batch->n == 0)
		return RECSYS_OK;
	TRY(run_layers(env, batch));
	TRY(run_output(env, batch, loss, weight));
	if (!batch->learn)
		return RECSYS_OK;
	vector_scale((float) (1 / (*weight - before)), batch->logits,
				 (int64_t) batch->n * batch->network.n_courses);
	memset(batch->gradient, 0, (size_t) batch->network.n_numbers * sizeof(float));
	TRY(run_output_back(env, batch));
	TRY(run_layers_back(env, batch));
	return run_input_back(env, batch);
}
