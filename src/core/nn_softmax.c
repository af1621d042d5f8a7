/*
 * nn_softmax.c
 *		The architecture softmax of method nn, training and serving: see nn_softmax.h.
 */
#include "core/nn_softmax.h"

#include <math.h>
#include <string.h>

#include "core/adam.h"
#include "core/blas.h"
#include "core/latent.h"
#include "core/methods/support.h"
#include "core/nn_fold.h"
#include "core/parallel.h"
#include "core/vector.h"

#define INIT_STD_DEV 0.1
#define ROWS_MAX 4096			/* of a batch */
#define LOGITS_MAX (INT64_C(1) << 24)	/* of a batch */
#define CHUNK_NUMBERS INT64_C(65536)	/* stepped by one thread at a time */
#define POLL_ROWS INT64_C(65536)

/* Values of the section "inputs". */
enum
{
	INPUTS_LIKED_FROM,
	INPUTS_DISLIKES,
	INPUTS_GENRES,
	N_INPUTS
};

/* ---------------------------------------------------------------- training */

typedef struct SoftmaxTraining
{
	SoftmaxBatch batch;
	Adam	   *adam;
	float	   *moments;		/* 2 x n_numbers, in chunks: see adam_step */
	int64_t		steps;
	float		rate;			/* of the step */
	float		decay;			/* 2 weight_decay */
	int64_t    *order;			/* all rows */
	int64_t		n_rows;
} SoftmaxTraining;

/* Rows of a batch: as asked for, within what memory and patience allow. */
static int32_t
batch_room(const NnParams *params, int64_t n_rows, int64_t n_courses)
{
	int64_t		room = nn_batch_size(params, n_rows);
	int64_t		most = LOGITS_MAX / n_courses;

	if (most > ROWS_MAX)
		most = ROWS_MAX;
	if (room > most)
		room = most;
	if (room > n_rows)
		room = n_rows;
	return (int32_t) (room < 1 ? 1 : room);
}

/* Steps some numbers; the penalty is part of the gradient. */
static RecsysStatus
step_numbers(void *arg, int64_t begin, int64_t end, int worker)
{
	const SoftmaxTraining *training = arg;
	float	   *numbers = training->batch.numbers + begin;
	float	   *gradient = training->batch.gradient + begin;

	(void) worker;
	vector_axpy(training->decay, numbers, gradient, end - begin);
	adam_step(numbers, training->moments + 2 * begin, gradient, end - begin, training->rate);
	return RECSYS_OK;
}

/* Rows begin .. of the order, as many as a batch has room for. */
static int64_t
take_rows(SoftmaxTraining *training, int64_t begin)
{
	SoftmaxBatch *batch = &training->batch;
	int64_t		left = training->n_rows - begin;

	batch->n = (int32_t) (left < batch->room ? left : batch->room);
	memcpy(batch->rows, training->order + begin, (size_t) batch->n * sizeof(int64_t));
	return batch->n;
}

/* One iteration; *loss: the mean over targets. */
static RecsysStatus
softmax_epoch(Env *env, void *arg, int64_t iteration, double rate, double *loss)
{
	SoftmaxTraining *training = arg;
	SoftmaxBatch *batch = &training->batch;
	uint64_t	random_state = (uint64_t) batch->params->common.random_state;
	double		weight = 0;

	*loss = 0;
	training->adam->rate = (float) rate;
	rng_seed(&batch->rng, random_state,
			 hash_combine(NN_STREAM + NN_DRAW_ORDER, (uint64_t) iteration));
	TRY(nn_shuffle(env, &batch->rng, training->order, training->n_rows));
	batch->learn = true;
	batch->stream = hash_combine(random_state,
								 hash_combine(NN_STREAM + NN_DRAW_SAMPLES, (uint64_t) iteration));
	for (int64_t begin = 0; begin < training->n_rows;)
	{
		begin += take_rows(training, begin);
		TRY(softmax_run(env, batch, loss, &weight));
		if (batch->n == 0)
			continue;
		training->rate = adam_rate(training->adam, ++training->steps);
		TRY(parallel_for(env, batch->network.n_numbers, CHUNK_NUMBERS, step_numbers, training,
						 false));
	}
	*loss = weight > 0 ? *loss / weight : 0;
	return RECSYS_OK;
}

/* The loss of what is held out, told from all the rest: one row for each user. */
static RecsysStatus
softmax_validate(Env *env, void *arg, double *loss)
{
	SoftmaxTraining *training = arg;
	SoftmaxBatch *batch = &training->batch;
	int64_t		n_users = batch->set->by_user.n_rows;
	double		weight = 0;

	*loss = 0;
	batch->learn = false;
	for (int64_t begin = 0; begin < n_users; begin += batch->room)
	{
		batch->n = (int32_t) (n_users - begin < batch->room ? n_users - begin : batch->room);
		for (int32_t i = 0; i < batch->n; i++)
			batch->rows[i] = (begin + i) * SOFTMAX_PARTS;
		TRY(softmax_run(env, batch, loss, &weight));
	}
	*loss = weight > 0 ? *loss / weight : 0;
	return RECSYS_OK;
}

/* Is there a rating to validate by? */
static RecsysStatus
find_held_out(Env *env, const SoftmaxBatch *batch, bool *found)
{
	const Csr  *by_user = &batch->set->by_user;

	*found = false;
	for (int32_t u = 0; u < by_user->n_rows && batch->params->validation > 0; u++)
	{
		if (u % 1024 == 0 && env_interrupted(env))
			return env->status;
		for (int64_t e = by_user->offsets[u]; e < by_user->offsets[u + 1] && !*found; e++)
			*found = by_user->values[e] > 0 && nn_held_out(batch->params, u, by_user->indexes[e]);
	}
	return RECSYS_OK;
}

/* What lasts through the training. */
static RecsysStatus
allocate_training(Env *env, SoftmaxTraining *training)
{
	SoftmaxBatch *batch = &training->batch;
	size_t		n_numbers = (size_t) batch->network.n_numbers;

	batch->numbers = env_alloc_zero(env, n_numbers, sizeof(float));
	batch->gradient = env_alloc(env, n_numbers, sizeof(float));
	batch->statistics = env_alloc_zero(env, 2 * (size_t) batch->network.n_units, sizeof(float));
	training->moments = env_alloc_zero(env, n_numbers, 2 * sizeof(float));
	training->adam = env_alloc(env, 1, sizeof(Adam));
	training->order = env_alloc(env, (size_t) training->n_rows, sizeof(int64_t));
	if (batch->numbers == NULL || batch->gradient == NULL || batch->statistics == NULL ||
		training->moments == NULL || training->adam == NULL || training->order == NULL)
		return env->status;
	for (int64_t i = 0; i < training->n_rows; i++)
		training->order[i] = i;
	adam_init(training->adam);
	return RECSYS_OK;
}

/* Normal numbers, with a look at the cancel flag. */
static RecsysStatus
draw_normal(Env *env, Rng *rng, double std_dev, int64_t n, float *x)
{
	for (int64_t i = 0; i < n; i++)
	{
		if (i % POLL_ROWS == 0 && env_interrupted(env))
			return env->status;
		x[i] = (float) (std_dev * rng_normal(rng));
	}
	return RECSYS_OK;
}

/* First numbers: random, gamma 1, and biases by which popular courses are probable. */
static RecsysStatus
draw_numbers(Env *env, SoftmaxBatch *batch)
{
	const SoftmaxNetwork *network = &batch->network;
	const Csr  *by_course = &batch->set->by_course;
	float	   *norms = batch->numbers + network->norms;
	float	   *variances = batch->statistics;
	Rng			rng;

	rng_seed(&rng, (uint64_t) batch->params->common.random_state, NN_STREAM + NN_DRAW_LAYERS);
	TRY(draw_normal(env, &rng, INIT_STD_DEV, network->dense, batch->numbers));
	layers_draw(&network->layers, &rng, batch->numbers + network->dense);
	TRY(draw_normal(env, &rng, INIT_STD_DEV, network->biases - network->outputs,
					batch->numbers + network->outputs));
	for (int l = 1; l < network->layers.n; l++)
	{
		int			n_units = network->layers.sizes[l];

		for (int u = 0; u < n_units; u++)
			norms[u] = variances[n_units + u] = 1;
		norms += 2 * n_units;
		variances += 2 * n_units;
	}
	for (int32_t c = 0; c < network->n_courses; c++)
		batch->numbers[network->biases + c] =
			logf(((float) csr_row_length(by_course, c) + 0.5f) / (float) by_course->n_entries);
	return RECSYS_OK;
}

/* What the genres of each course add to the input. */
static RecsysStatus
put_genres(Env *env, const SoftmaxBatch *batch, ModelWriter *writer)
{
	const SoftmaxNetwork *network = &batch->network;
	int			factors = network->factors;
	float	   *sums;

	if (network->n_genres == 0)
		return RECSYS_OK;
	sums = env_alloc_zero(env, (size_t) network->n_courses, (size_t) factors * sizeof(float));
	if (sums == NULL)
		return env->status;
	for (int64_t c = 0; c < network->n_courses; c++)
	{
		if (c % 256 == 0 && env_interrupted(env))
			return env->status;
		for (int g = 0; g < network->n_genres; g++)
			vector_axpy(matrix_row(&batch->set->genres, c)[g],
						batch->numbers + network->genres + (int64_t) g * factors,
						sums + c * factors, factors);
	}
	return model_put(env, writer, "genre_sums", SECTION_FLOAT, network->n_courses, factors, sums);
}

/* Puts what serving needs; the normalisation becomes part of the layers. */
static RecsysStatus
put_model(Env *env, SoftmaxBatch *batch, ModelWriter *writer)
{
	const SoftmaxNetwork *network = &batch->network;
	const LayerSizes *layers = &network->layers;
	int64_t		n = network->n_courses;
	float	   *norms = batch->numbers + network->norms;
	float	   *statistics = batch->statistics;
	double	   *inputs = env_alloc(env, N_INPUTS, sizeof(double));

	if (inputs == NULL)
		return env->status;
	for (int l = 1; l < layers->n; l++)
	{
		int			n_units = layers->sizes[l];
		BatchNorm	norm = {n_units, norms, norms + n_units, statistics, statistics + n_units};

		batch_norm_merge(&norm, layers->sizes[l - 1],
						 batch->numbers + network->dense + layers_offset(layers, l));
		norms += 2 * n_units;
		statistics += 2 * n_units;
	}
	inputs[INPUTS_LIKED_FROM] = network->liked_from;
	inputs[INPUTS_DISLIKES] = network->dislikes;
	inputs[INPUTS_GENRES] = network->n_genres > 0;
	TRY(model_put(env, writer, "inputs", SECTION_DOUBLE, N_INPUTS, 1, inputs));
	TRY(model_put(env, writer, "embeddings", SECTION_FLOAT, n, network->factors, batch->numbers));
	TRY(put_genres(env, batch, writer));
	TRY(model_put(env, writer, "dense", SECTION_FLOAT, layers_numbers(layers), 1,
				  batch->numbers + network->dense));
	TRY(model_put(env, writer, "outputs", SECTION_FLOAT, n, layers->sizes[layers->n - 1],
				  batch->numbers + network->outputs));
	return model_put(env, writer, "biases", SECTION_FLOAT, n, 1, batch->numbers + network->biases);
}

/* The loop over iterations; the running means belong to what is kept of the best one. */
static RecsysStatus
train(Env *env, SoftmaxTraining *training)
{
	SoftmaxBatch *batch = &training->batch;
	NnTraining	loop = {
		.params = batch->params,
		.iterations = batch->params->iterations,
		.arg = training,
		.epoch = softmax_epoch,
		.blocks = {
			{batch->numbers, batch->network.n_numbers, NULL},
			{batch->statistics, 2 * batch->network.n_units, NULL},
		},
		.n_blocks = 2,
	};
	bool		validate;

	TRY(find_held_out(env, batch, &validate));
	loop.validate = validate ? softmax_validate : NULL;
	return nn_train(env, &loop);
}

/* Trains; what the model points to stays. */
static RecsysStatus
softmax_fit(Env *env, const TrainingSet *set, const NnParams *params, ModelWriter *writer)
{
	SoftmaxTraining training = {.batch = {.set = set, .params = params}};
	SoftmaxBatch *batch = &training.batch;
	int64_t		n_courses = set->by_course.n_rows;

	if (!softmax_init(params, n_courses, (int) set->genres.n_cols,
					  set->summary.min < set->summary.max, &batch->network))
		return env_fail(env, RECSYS_BAD_ARGUMENT, "parameter \"layers\" is no list of sizes");
	batch->network.liked_from = set->summary.mean;
	training.decay = 2 * (float) nn_weight_decay(params);
	training.n_rows = (int64_t) set->by_user.n_rows * SOFTMAX_PARTS;
	TRY(blas_open(env));
	TRY(allocate_training(env, &training));
	TRY(softmax_batch_init(env, batch, batch_room(params, training.n_rows, n_courses)));
	TRY(draw_numbers(env, batch));
	TRY(train(env, &training));
	TRY(put_model(env, batch, writer));
	softmax_batch_free(env, batch);
	env_free(env, batch->gradient);
	env_free(env, batch->statistics);
	env_free(env, training.moments);
	env_free(env, training.adam);
	env_free(env, training.order);
	return RECSYS_OK;
}

/* Memory of the training, and about twice the multiply-adds of the output forward and back. */
static void
softmax_estimate(const Shape *shape, const NnParams *params, Estimate *estimate)
{
	double		courses = (double) shape->n_courses;
	double		rows = (double) shape->n_users * SOFTMAX_PARTS;
	SoftmaxNetwork network;
	double		numbers;
	double		sums;

	*estimate = (Estimate) {0};
	if (shape->n_courses < 1 || shape->n_users < 1 ||
		!softmax_init(params, shape->n_courses, (int) shape->n_genres, true, &network))
		return;
	numbers = (double) network.n_numbers;
	sums = shape->n_genres > 0 ? 4 * courses * (double) params->factors : 0;
	estimate->bytes = 16 * numbers + 8 * rows + sizeof(Adam) + 8 * (double) network.n_units +
		softmax_batch_bytes(&network, batch_room(params, (int64_t) rows, shape->n_courses)) +
		fmax(params->validation > 0 ? 4 * numbers : 0, sums) + 8 * ENV_BLOCK_OVERHEAD;
	estimate->seconds = 0.01 + (double) params->iterations * rows * courses *
		(network.layers.sizes[network.layers.n - 1] * 4e-10 + 1e-8) /
		(shape->n_threads > 1 ? shape->n_threads : 1);
	estimate->library_bytes = BLAS_LIBRARY_BYTES;
	estimate->model_bytes = 4 * (numbers - 2 * (double) network.n_units) + sums;
}

/* ---------------------------------------------------------------- serving */

typedef struct SoftmaxState
{
	NnState		base;
	SoftmaxNetwork network;
	double		least_ratings;
	const float *embeddings;
	const float *genre_sums;	/* or NULL */
	const float *dense;
	const float *outputs;
	const float *biases;
} SoftmaxState;

_Static_assert(sizeof(SoftmaxState) <= NN_STATE_SIZE, "NN_STATE_SIZE is too small");

/* Length of h. */
static int
last_size(const SoftmaxNetwork *network)
{
	return network->layers.sizes[network->layers.n - 1];
}

/* The shape of the network, from what the model says of its input. */
static RecsysStatus
open_network(Env *env, const Recommender *rec, SoftmaxNetwork *network)
{
	int64_t		n = N_INPUTS;
	int64_t		one = 1;
	const void *data;
	const double *inputs;

	TRY(model_get(env, &rec->model, "inputs", SECTION_DOUBLE, &n, &one, &data));
	inputs = data;
	if (!isfinite(inputs[INPUTS_LIKED_FROM]))
		return model_damaged(env, "The least rating that is liked is not finite.");
	for (int i = INPUTS_DISLIKES; i < N_INPUTS; i++)
		if (inputs[i] != 0 && inputs[i] != 1)
			return model_damaged(env, "The inputs of the network are invalid.");
	if (!softmax_init(rec->params, rec->n_courses, inputs[INPUTS_GENRES] != 0,
					  inputs[INPUTS_DISLIKES] != 0, network))
		return model_damaged(env, "The list of layers is invalid.");
	network->liked_from = inputs[INPUTS_LIKED_FROM];
	return RECSYS_OK;
}

/* Resolves the sections. */
static RecsysStatus
softmax_open(Env *env, Recommender *rec)
{
	SoftmaxState *state = rec->state;
	SoftmaxNetwork *network = &state->network;
	int64_t		n = rec->n_courses;

	TRY(open_network(env, rec, network));
	TRY(open_floats(env, rec, "embeddings", n, network->factors, &state->embeddings));
	if (network->n_genres > 0)
		TRY(open_floats(env, rec, "genre_sums", n, network->factors, &state->genre_sums));
	TRY(open_floats(env, rec, "dense", layers_numbers(&network->layers), 1, &state->dense));
	TRY(open_floats(env, rec, "outputs", n, last_size(network), &state->outputs));
	TRY(open_floats(env, rec, "biases", n, 1, &state->biases));
	state->least_ratings = fold_least_ratings(rec);
	return RECSYS_OK;
}

/* Two rows of the widest layer. */
static size_t
softmax_scratch_size(const Recommender *rec)
{
	const SoftmaxState *state = rec->state;

	return 2 * (size_t) layers_widest(&state->network.layers) * sizeof(float);
}

/* The input of a history into x, which is zero; false when it is empty. */
static bool
fill_input(const Recommender *rec, const History *history, float *x)
{
	const SoftmaxState *state = rec->state;
	const SoftmaxNetwork *network = &state->network;
	int			factors = network->factors;
	float	   *genres = x + (int64_t) (network->n_inputs - 1) * factors;
	bool		any = false;

	for (int32_t h = 0; h < history->n; h++)
	{
		float		weight = history_weight(rec, history, h);
		int64_t		at = (int64_t) history->courses[h] * factors;
		bool		disliked = network->dislikes && history->ratings[h] < network->liked_from;

		vector_axpy(weight, state->embeddings + at, x + (disliked ? factors : 0), factors);
		if (state->genre_sums != NULL && !disliked)
			vector_axpy(weight, state->genre_sums + at, genres, factors);
	}
	for (int s = 0; s < network->n_inputs; s++)
	{
		float	   *sum = x + (int64_t) s * factors;
		float		length = vector_norm(sum, factors);

		any = any || length > 0;
		if (length > 0)
			vector_scale(1 / length, sum, factors);
	}
	return any;
}

/* h of a history, somewhere in the scratch memory; NULL when nothing is known. */
static const float *
find_user(const Recommender *rec, const History *history, void *memory)
{
	const SoftmaxState *state = rec->state;
	const LayerSizes *layers = &state->network.layers;
	float	   *x = memory;
	float	   *y = x + layers_widest(layers);

	if (!fill_input(rec, history, x))
		return NULL;
	for (int l = 1; l < layers->n; l++)
	{
		float	   *below = x;

		dense_row(state->dense + layers_offset(layers, l), layers->sizes[l - 1], layers->sizes[l],
				  x, y);
		relu_forward(y, layers->sizes[l], 0, NULL);
		x = y;
		y = below;
	}
	return x;
}

/* The output of a course for h. */
static float
course_score(const Recommender *rec, const float *user_vector, int32_t course)
{
	const SoftmaxState *state = rec->state;
	int			n = last_size(&state->network);

	if (rec->course_counts[course] < state->least_ratings)
		return NO_OPINION;
	return finish_score((double) (vector_dot(user_vector, state->outputs + (int64_t) course * n, n) +
								  state->biases[course]), NAN);
}

/* Every course. */
static void
softmax_score(const Recommender *rec, const History *history, void *memory, float *scores)
{
	const float *user = find_user(rec, history, memory);

	for (int32_t c = 0; c < rec->n_courses; c++)
		scores[c] = user == NULL ? NO_OPINION : course_score(rec, user, c);
	memset(memory, 0, softmax_scratch_size(rec));
}

/* It estimates no ratings. */
static double
softmax_predict(const Recommender *rec, const History *history, int32_t course, void *memory)
{
	(void) rec;
	(void) history;
	(void) course;
	(void) memory;
	return NAN;
}

/* Outputs of a course; NULL for one that nobody rated. */
static const float *
softmax_course_vector(const Recommender *rec, int32_t course, int *n)
{
	const SoftmaxState *state = rec->state;

	*n = last_size(&state->network);
	return rec->course_counts[course] > 0 ? state->outputs + (int64_t) course * *n : NULL;
}

/* h */
static int
softmax_user_vector(const Recommender *rec, const History *history, void *memory, float *out)
{
	const SoftmaxState *state = rec->state;
	int			n = last_size(&state->network);
	const float *user = find_user(rec, history, memory);

	if (user != NULL)
		memcpy(out, user, (size_t) n * sizeof(float));
	out[n] = 0;
	memset(memory, 0, softmax_scratch_size(rec));
	return user != NULL ? n : 0;
}

/* b_c */
static float
softmax_course_bias(const Recommender *rec, int32_t course)
{
	return ((const SoftmaxState *) rec->state)->biases[course];
}

/* Cosine of the outputs. */
static bool
softmax_similar(const Recommender *rec, int32_t course, void *memory, float *scores)
{
	(void) memory;
	latent_similar(rec, course, LATENT_COSINE, scores);
	return true;
}

const NnArch nn_softmax = {
	.estimate = softmax_estimate,
	.fit = softmax_fit,
	.open = softmax_open,
	.scratch_size = softmax_scratch_size,
	.score = softmax_score,
	.predict = softmax_predict,
	.similar = softmax_similar,
	.course_vector = softmax_course_vector,
	.user_vector = softmax_user_vector,
	.course_vector_bias = softmax_course_bias,
};
