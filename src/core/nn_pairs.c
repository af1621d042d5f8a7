/*
 * nn_pairs.c
 *		Training of networks whose samples are pairs of a user and a course.
 */
#include "core/nn_pairs.h"

#include <math.h>
#include <string.h>

#include "core/parallel.h"
#include "core/vector.h"

#define POLL_RATINGS INT64_C(65536)	/* of the leader, between two polls for interrupts */
#define OTHER_TRIES 16			/* draws for a course that the user has not rated */

/* Rows of samples that one batch works on. */
typedef struct Batch
{
	PairTraining *training;
	int64_t		first;			/* in order */
	int64_t		n;				/* ratings */
	int64_t		wave;			/* first rating of the wave, from `first` on */
	uint64_t	stream;			/* of random numbers */
	bool		learn;
} Batch;

/* See the header. */
int
pairs_negatives(const NnParams *params)
{
	if (params->objective == NN_RATING)
		return 0;
	return isnan(params->negatives) ? NN_NEGATIVES : (int) params->negatives;
}

/* Of 1 + negatives samples, one is of a course taken. */
float
pairs_offset(const NnParams *params)
{
	return params->objective == NN_RATING ? 0 : -logf((float) pairs_negatives(params));
}

/* log1p(exp(-|x|)) does not overflow. */
double
pair_loss(int objective, float output, float target, float *derivative)
{
	float		away;

	if (objective == NN_RATING)
	{
		float		error = output - target;

		*derivative = 2 * error;
		return (double) error * (double) error;
	}
	*derivative = 1 / (1 + expf(-output)) - target;
	away = target > 0.5f ? -output : output;
	return (double) ((away > 0 ? away : 0) + log1pf(expf(-fabsf(output))));
}

/* ---------------------------------------------------------------- what is trained on */

/* Users of the ratings, and the ratings in two parts. */
static RecsysStatus
list_ratings(Env *env, PairTraining *training)
{
	const Csr  *by_user = &training->set->by_user;
	int64_t		last = by_user->n_entries;

	for (int32_t u = 0; u < by_user->n_rows; u++)
		for (int64_t e = by_user->offsets[u]; e < by_user->offsets[u + 1]; e++)
		{
			if (e % POLL_RATINGS == 0 && env_interrupted(env))
				return env->status;
			training->entry_user[e] = u;
			if (nn_held_out(training->params, u, by_user->indexes[e]))
				training->order[--last] = e;
			else
				training->order[training->n_train++] = e;
		}
	training->n_held_out = by_user->n_entries - last;
	if (training->n_train == 0)
	{
		training->n_train = training->n_held_out;
		training->n_held_out = 0;
	}
	return RECSYS_OK;
}

/* Courses that somebody rated. */
static void
list_candidates(PairTraining *training)
{
	const Csr  *by_course = &training->set->by_course;

	for (int32_t c = 0; c < by_course->n_rows; c++)
		if (csr_row_length(by_course, c) > 0)
			training->candidates[training->n_candidates++] = c;
}

/* Mean and deviation of the ratings, which targets are measured by. */
static RecsysStatus
measure_ratings(Env *env, PairTraining *training)
{
	const Csr  *by_user = &training->set->by_user;
	double		squares = 0;

	training->deviation = 1;
	if (training->params->objective == NN_RANKING)
		return RECSYS_OK;
	training->mean = training->set->summary.mean;
	for (int64_t e = 0; e < by_user->n_entries; e++)
	{
		if (e % POLL_RATINGS == 0 && env_interrupted(env))
			return env->status;
		squares += pow((double) by_user->values[e] - training->mean, 2);
	}
	if (training->set->summary.max > training->set->summary.min)
		training->deviation = sqrt(squares / (double) by_user->n_entries);
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- memory */

/* Ratings of a batch, given how many there are. */
static int32_t
batch_ratings(const NnParams *params, int64_t n_ratings)
{
	int			per = 1 + pairs_negatives(params);
	int64_t		ratings = nn_batch_size(params, n_ratings * per) / per;

	if (ratings > n_ratings)
		ratings = n_ratings;
	return (int32_t) (ratings < 1 ? 1 : ratings);
}

/* Ratings of a chunk of so many samples. */
static int32_t
chunk_ratings(const NnParams *params, int chunk)
{
	int32_t		ratings = chunk / (1 + pairs_negatives(params));

	return ratings < 1 ? 1 : ratings;
}

/* See the header. */
int
pairs_chunk(const NnParams *params, int chunk)
{
	return chunk_ratings(params, chunk) * (1 + pairs_negatives(params));
}

/* Chunks that gradients of shared numbers are kept for. */
static int64_t
wave_chunks(int64_t n_chunks)
{
	return n_chunks < PAIR_WAVE ? n_chunks : PAIR_WAVE;
}

/* Most workers of a batch. */
static int
batch_workers(int n_threads, int64_t n_chunks)
{
	int64_t		threads = n_threads > 1 ? n_threads : 1;

	return (int) (threads < n_chunks ? threads : n_chunks);
}

/* What a batch needs. */
static RecsysStatus
allocate_batch(Env *env, PairTraining *training)
{
	const PairNetwork *network = training->network;
	size_t		n = (size_t) training->batch_ratings * (size_t) (1 + training->negatives);
	size_t		chunks = (size_t) training->n_chunks;
	size_t		workers = (size_t) parallel_workers(env, training->batch_ratings,
													training->chunk_ratings);

	training->sample_users = env_alloc(env, n, sizeof(int32_t));
	training->sample_courses = env_alloc(env, n, sizeof(int32_t));
	training->targets = env_alloc(env, n, sizeof(float));
	training->weights = env_alloc(env, n, sizeof(float));
	training->user_gradients = env_alloc(env, n, (size_t) network->user_width * sizeof(float));
	training->course_gradients = env_alloc(env, n, (size_t) network->course_width * sizeof(float));
	training->dense_gradients = env_alloc(env, 1 + (size_t) wave_chunks(training->n_chunks),
										  (size_t) network->n_dense * sizeof(float));
	training->work = env_alloc(env, workers, (size_t) network->work_floats * sizeof(float));
	training->losses = env_alloc(env, chunks, sizeof(double));
	training->loss_weights = env_alloc(env, chunks, sizeof(double));
	if (training->sample_users == NULL || training->sample_courses == NULL ||
		training->targets == NULL || training->weights == NULL ||
		training->user_gradients == NULL || training->course_gradients == NULL ||
		training->dense_gradients == NULL || training->work == NULL ||
		training->losses == NULL || training->loss_weights == NULL)
		return env->status;
	return RECSYS_OK;
}

/* What lasts through the training. */
static RecsysStatus
allocate_training(Env *env, PairTraining *training)
{
	const TrainingSet *set = training->set;
	size_t		n_dense = (size_t) training->network->n_dense;
	size_t		n_ratings = (size_t) set->by_user.n_entries;

	training->adam = env_alloc(env, 1, sizeof(Adam));
	training->dense = env_alloc_zero(env, n_dense, sizeof(float));
	training->dense_moments = env_alloc_zero(env, n_dense, 2 * sizeof(float));
	training->candidates = env_alloc(env, (size_t) set->by_course.n_rows, sizeof(int32_t));
	training->entry_user = env_alloc(env, n_ratings, sizeof(int32_t));
	training->order = env_alloc(env, n_ratings, sizeof(int64_t));
	if (training->adam == NULL || training->dense == NULL || training->dense_moments == NULL ||
		training->candidates == NULL || training->entry_user == NULL || training->order == NULL)
		return env->status;
	adam_init(training->adam);
	return RECSYS_OK;
}

/* Everything but the first numbers of embeddings and layers. */
RecsysStatus
pairs_init(Env *env, const TrainingSet *set, const NnParams *params, const PairNetwork *network,
		   PairTraining *training)
{
	int32_t		n_samples;

	*training = (PairTraining) {.set = set, .params = params, .network = network};
	training->negatives = pairs_negatives(params);
	training->batch_ratings = batch_ratings(params, set->by_user.n_entries);
	training->chunk_ratings = chunk_ratings(params, network->chunk);
	training->n_chunks = (training->batch_ratings - 1) / training->chunk_ratings + 1;
	n_samples = training->batch_ratings * (1 + training->negatives);
	TRY(allocate_training(env, training));
	TRY(allocate_batch(env, training));
	TRY(embedding_init(env, &training->users, set->by_user.n_rows, network->user_width,
					   n_samples));
	TRY(embedding_init(env, &training->courses, set->by_course.n_rows, network->course_width,
					   n_samples));
	TRY(list_ratings(env, training));
	list_candidates(training);
	return measure_ratings(env, training);
}

/* The rows are what was learnt. */
void
pairs_free_batch(Env *env, PairTraining *training)
{
	void	   *blocks[] = {training->sample_users, training->sample_courses, training->targets,
		training->weights, training->user_gradients, training->course_gradients,
		training->dense_gradients, training->work, training->losses, training->loss_weights,
		training->adam, training->dense_moments, training->candidates, training->entry_user,
	training->order};

	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
		env_free(env, blocks[i]);
	embedding_free_training(env, &training->users);
	embedding_free_training(env, &training->courses);
}

/* The blocks of pairs_init, and the copies of the best. */
double
pairs_bytes(const Shape *shape, const NnParams *params, const PairNetwork *network, double after)
{
	double		users = (double) shape->n_users;
	double		courses = (double) shape->n_courses;
	double		ratings = batch_ratings(params, shape->n_ratings);
	double		samples = ratings * (1 + pairs_negatives(params));
	double		chunks = ceil(ratings / chunk_ratings(params, network->chunk));
	double		dense = (double) network->n_dense;
	double		workers = batch_workers(shape->n_threads, (int64_t) chunks);
	double		widths = network->user_width + network->course_width;
	double		numbers = users * network->user_width + courses * network->course_width + dense;

	return embedding_bytes(users, network->user_width, samples) +
		embedding_bytes(courses, network->course_width, samples) +
		samples * (16 + widths * 4) + chunks * 16 +
		4 * dense * (4 + (double) wave_chunks((int64_t) chunks)) +
		workers * (double) network->work_floats * 4 + sizeof(Adam) +
		4 * courses + 12 * (double) shape->n_ratings +
		fmax(params->validation > 0 ? 4 * numbers : 0, after) + 24 * ENV_BLOCK_OVERHEAD;
}

/* ---------------------------------------------------------------- a batch */

/* Another course than those that the user rated; -1 when none is found. */
static int32_t
draw_other(const PairTraining *training, Rng *rng, int32_t user)
{
	const Csr  *by_user = &training->set->by_user;

	for (int i = 0; i < OTHER_TRIES; i++)
	{
		int32_t		course = training->candidates[rng_below(rng, (uint64_t) training->n_candidates)];
		int64_t		e = csr_find(by_user, user, course);

		if (e == by_user->offsets[user + 1] || by_user->indexes[e] != course)
			return course;
	}
	return -1;
}

/* Weight of a rating by its age. */
static float
rating_weight(const PairTraining *training, int64_t e)
{
	const TrainingSet *set = training->set;

	return set->by_user.times == NULL ? 1 :
		age_weight(set->by_user.times[e], set->summary.last_time, training->params->common.half_life);
}

/* Fills sample s with rating e, and the samples behind it with other courses. */
static void
fill_samples(const PairTraining *training, int64_t e, Rng *rng, int64_t s)
{
	float		rating = training->set->by_user.values[e];
	int32_t		user = training->entry_user[e];
	float		weight = rating_weight(training, e);

	for (int i = 0; i <= training->negatives; i++)
	{
		int32_t		other = i == 0 ? -1 : draw_other(training, rng, user);
		bool		is_rating = i == 0 || other < 0;

		training->sample_users[s + i] = user;
		training->sample_courses[s + i] = is_rating ? training->set->by_user.indexes[e] : other;
		training->weights[s + i] = i > 0 && other < 0 ? 0 : weight;
		training->targets[s + i] = 0;
	}
	if (training->params->objective == NN_RATING)
		training->targets[s] = (float) ((rating - training->mean) / training->deviation);
	else
		training->targets[s] = rating > 0 ? 1 : 0;
}

/* The samples of a chunk as the network sees them. */
static PairSamples
chunk_samples(const Batch *batch, int64_t begin, int64_t end, Rng *rng)
{
	const PairTraining *training = batch->training;
	int			per = 1 + training->negatives;
	int64_t		s = begin * per;
	PairSamples samples = {
		.n = (int32_t) ((end - begin) * per),
		.objective = training->params->objective,
		.users = training->sample_users + s,
		.courses = training->sample_courses + s,
		.targets = training->targets + s,
		.weights = training->weights + s,
		.user_rows = training->users.rows,
		.course_rows = training->courses.rows,
		.dense = training->dense,
		.decay = (float) nn_weight_decay(training->params),
	};

	if (batch->learn)
	{
		samples.dropout = (float) training->params->dropout;
		samples.rng = rng;
		samples.user_gradients = training->user_gradients + s * training->network->user_width;
		samples.course_gradients = training->course_gradients + s * training->network->course_width;
		samples.dense_gradients = training->dense_gradients + training->network->n_dense *
			(1 + (begin - batch->wave) / training->chunk_ratings);
	}
	return samples;
}

/* Draws the samples of some ratings of the wave, and computes losses and gradients. */
static RecsysStatus
run_chunk(void *arg, int64_t begin_in_wave, int64_t end_in_wave, int worker)
{
	const Batch *batch = arg;
	const PairTraining *training = batch->training;
	const PairNetwork *network = training->network;
	int64_t		begin = batch->wave + begin_in_wave;
	int64_t		end = batch->wave + end_in_wave;
	int64_t		chunk = begin / training->chunk_ratings;
	double		weight = 0;
	PairSamples samples;
	Rng			rng;

	rng_seed(&rng, hash_combine((uint64_t) training->params->common.random_state, batch->stream),
			 (uint64_t) (batch->first + begin));
	for (int64_t i = begin; i < end; i++)
		fill_samples(training, training->order[batch->first + i], &rng,
					 i * (1 + training->negatives));
	samples = chunk_samples(batch, begin, end, &rng);
	if (batch->learn)
		memset(samples.dense_gradients, 0, (size_t) network->n_dense * sizeof(float));
	training->losses[chunk] = network->run(network->arg, &samples,
										   training->work + worker * network->work_floats);
	for (int32_t i = 0; i < samples.n; i++)
		weight += (double) samples.weights[i];
	training->loss_weights[chunk] = weight;
	return RECSYS_OK;
}

/* Runs the samples of a batch, wave after wave. */
static RecsysStatus
run_waves(Env *env, Batch *batch)
{
	const PairTraining *training = batch->training;
	int64_t		n_dense = training->network->n_dense;
	int64_t		most = wave_chunks(training->n_chunks) * training->chunk_ratings;
	float	   *sums = training->dense_gradients;

	memset(sums, 0, (size_t) n_dense * sizeof(float));
	for (batch->wave = 0; batch->wave < batch->n; batch->wave += most)
	{
		int64_t		n = batch->n - batch->wave < most ? batch->n - batch->wave : most;

		TRY(parallel_for(env, n, training->chunk_ratings, run_chunk, batch, false));
		for (int64_t c = 0; batch->learn && c * training->chunk_ratings < n; c++)
			vector_axpy(1, sums + (1 + c) * n_dense, sums, n_dense);
	}
	return RECSYS_OK;
}

/* One step of the numbers that all samples of the batch share. */
static void
step_dense(PairTraining *training, double weight)
{
	int64_t		n_dense = training->network->n_dense;

	if (n_dense == 0)
		return;
	vector_axpy(2 * (float) weight * training->network->dense_decay, training->dense,
				training->dense_gradients, n_dense);
	training->dense_steps++;
	adam_step(training->dense, training->dense_moments, training->dense_gradients, n_dense,
			  adam_rate(training->adam, training->dense_steps));
}

/* Runs a batch, adds its losses up, and steps when it is there to learn. */
static RecsysStatus
run_batch(Env *env, Batch *batch, double *loss, double *weight)
{
	PairTraining *training = batch->training;
	int64_t		n_chunks = (batch->n - 1) / training->chunk_ratings + 1;
	int32_t		n_samples = (int32_t) batch->n * (1 + training->negatives);
	double		before = *weight;

	TRY(run_waves(env, batch));
	for (int64_t c = 0; c < n_chunks; c++)
	{
		*loss += training->losses[c];
		*weight += training->loss_weights[c];
	}
	if (!batch->learn)
		return RECSYS_OK;
	step_dense(training, *weight - before);
	TRY(embedding_step(env, &training->users, training->adam, training->sample_users, n_samples,
					   training->user_gradients));
	return embedding_step(env, &training->courses, training->adam, training->sample_courses,
						  n_samples, training->course_gradients);
}

/* Ratings begin .. end - 1 of the order, batch by batch; *loss: the mean. */
static RecsysStatus
run_range(Env *env, PairTraining *training, int64_t begin, int64_t end, uint64_t stream, bool learn,
		  double *loss)
{
	Batch		batch = {.training = training, .stream = stream, .learn = learn};
	double		weight = 0;

	*loss = 0;
	for (batch.first = begin; batch.first < end; batch.first += batch.n)
	{
		batch.n = end - batch.first < training->batch_ratings ? end - batch.first
			: training->batch_ratings;
		TRY(run_batch(env, &batch, loss, &weight));
	}
	*loss = weight > 0 ? *loss / weight : 0;
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- iterations */

/* Another order of the ratings that are trained on. */
static RecsysStatus
shuffle(Env *env, PairTraining *training, int64_t iteration)
{
	Rng			rng;

	rng_seed(&rng, (uint64_t) training->params->common.random_state,
			 hash_combine(NN_STREAM + NN_DRAW_ORDER, (uint64_t) iteration));
	return nn_shuffle(env, &rng, training->order, training->n_train);
}

/* One iteration. */
static RecsysStatus
pairs_epoch(Env *env, void *arg, int64_t iteration, double rate, double *loss)
{
	PairTraining *training = arg;

	TRY(shuffle(env, training, iteration));
	training->adam->rate = (float) rate;
	return run_range(env, training, 0, training->n_train,
					 hash_combine(NN_STREAM + NN_DRAW_SAMPLES, (uint64_t) iteration), true, loss);
}

/* The loss of what is held out, with the same other courses every time. */
static RecsysStatus
pairs_validate(Env *env, void *arg, double *loss)
{
	PairTraining *training = arg;

	return run_range(env, training, training->n_train, training->n_train + training->n_held_out,
					 NN_STREAM + NN_DRAW_VALIDATION, false, loss);
}

/* See nn_train. */
RecsysStatus
pairs_train(Env *env, PairTraining *training)
{
	NnTraining	loop = {
		.params = training->params,
		.iterations = training->params->iterations,
		.arg = training,
		.epoch = pairs_epoch,
		.validate = training->n_held_out > 0 ? pairs_validate : NULL,
		.blocks = {
			{training->users.rows, training->users.n_rows * training->users.width, NULL},
			{training->courses.rows, training->courses.n_rows * training->courses.width, NULL},
			{training->dense, training->network->n_dense, NULL},
		},
		.n_blocks = 3,
	};

	return nn_train(env, &loop);
}
