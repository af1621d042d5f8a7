/*
 * nn_train.c
 *		The loop over iterations of method nn: learning rate, losses, early stopping.
 */
#include <math.h>
#include <string.h>

#include "core/nn.h"

#define BATCHES 100				/* of an iteration, by default, within */
#define BATCH_MIN 64
#define BATCH_MAX 8192

#define COPY_FLOATS INT64_C(1048576)	/* between two polls for interrupts */
#define POLL_ELEMENTS INT64_C(65536)	/* the same, of a shuffle */

/* A hundredth of the data, as far as that makes sense: a step for each few ratings of small data. */
int32_t
nn_batch_size(const NnParams *params, int64_t n)
{
	int64_t		size = isnan(params->batch_size) ? n / BATCHES : (int64_t) params->batch_size;

	if (!isnan(params->batch_size))
		return (int32_t) size;
	return (int32_t) (size < BATCH_MIN ? BATCH_MIN : size > BATCH_MAX ? BATCH_MAX : size);
}

/* What did best on parts of the training rows of MovieLens 100k. */
double
nn_weight_decay(const NnParams *params)
{
	if (!isnan(params->weight_decay))
		return params->weight_decay;
	if (params->arch == NN_SOFTMAX)
		return 0.001;
	return params->objective == NN_RATING ? 0.1 : 0.015;
}

/* By a hash, so that it does not depend on order or number. */
bool
nn_held_out(const NnParams *params, int64_t user, int64_t course)
{
	uint64_t	pair = hash_combine((uint64_t) user, (uint64_t) course);
	uint64_t	hash = hash_combine((uint64_t) params->common.random_state,
									hash_combine(pair, NN_STREAM + NN_DRAW_SPLIT));

	return (double) (hash >> 11) * 0x1.0p-53 < params->validation;
}

/* The learning rate of an iteration, from 1. */
static double
rate_of(const NnTraining *training, int64_t iteration)
{
	const NnParams *params = training->params;
	double		done = (double) (iteration - 1) / (double) training->iterations;

	return params->learning_rate * (1 - done * (1 - params->final_rate));
}

/* Copies the numbers of the blocks, to or from where the best are kept. */
static RecsysStatus
copy_blocks(Env *env, NnTraining *training, bool keep)
{
	for (int b = 0; b < training->n_blocks; b++)
	{
		NnBlock    *block = &training->blocks[b];

		for (int64_t i = 0; i < block->n; i += COPY_FLOATS)
		{
			size_t		bytes = (size_t) (block->n - i < COPY_FLOATS ? block->n - i : COPY_FLOATS) *
				sizeof(float);

			if (env_interrupted(env))
				return env->status;
			if (keep)
				memcpy(block->best + i, block->values + i, bytes);
			else
				memcpy(block->values + i, block->best + i, bytes);
		}
	}
	return RECSYS_OK;
}

/* Memory for the best, when there will be one. */
static RecsysStatus
allocate_best(Env *env, NnTraining *training)
{
	for (int b = 0; b < training->n_blocks && training->validate != NULL; b++)
	{
		NnBlock    *block = &training->blocks[b];

		block->best = env_alloc(env, (size_t) block->n, sizeof(float));
		if (block->best == NULL)
			return env->status;
	}
	return RECSYS_OK;
}

/* The way of Fisher and Yates. */
RecsysStatus
nn_shuffle(Env *env, Rng *rng, int64_t *order, int64_t n)
{
	for (int64_t i = n - 1; i > 0; i--)
	{
		int64_t		j = (int64_t) rng_below(rng, (uint64_t) i + 1);
		int64_t		element = order[i];

		if (i % POLL_ELEMENTS == 0 && env_interrupted(env))
			return env->status;
		order[i] = order[j];
		order[j] = element;
	}
	return RECSYS_OK;
}

/* The error for numbers that left their range. */
static RecsysStatus
fail_diverged(Env *env, int64_t iteration)
{
	env_fail(env, RECSYS_NOT_CONVERGED, "training diverged in iteration %lld",
			 (long long) iteration);
	return env_hint(env, "Lower \"learning_rate\".");
}

/* Every number is finite. */
static RecsysStatus
check_blocks(Env *env, const NnTraining *training, int64_t iteration)
{
	for (int b = 0; b < training->n_blocks; b++)
		for (int64_t i = 0; i < training->blocks[b].n; i++)
		{
			if (i % COPY_FLOATS == 0 && env_interrupted(env))
				return env->status;
			if (!isfinite(training->blocks[b].values[i]))
				return fail_diverged(env, iteration);
		}
	return RECSYS_OK;
}

/* Says how many parameters there are. */
static void
report_parameters(Env *env, const NnTraining *training)
{
	int64_t		n = 0;

	for (int b = 0; b < training->n_blocks; b++)
		n += training->blocks[b].n;
	env_message(env, MESSAGE_NOTICE, "the network has %lld parameters", (long long) n);
	env_loss(env, 1, "parameters", (double) n);
}

/* One iteration; *validation is NAN without held-out rows. */
static RecsysStatus
iterate(Env *env, NnTraining *training, int64_t iteration, double *validation)
{
	double		loss;

	*validation = NAN;
	env_progress(env, PHASE_FITTING, iteration - 1, training->iterations);
	TRY(training->epoch(env, training->arg, iteration, rate_of(training, iteration), &loss));
	if (training->validate != NULL)
		TRY(training->validate(env, training->arg, validation));
	if (!isfinite(loss) || (training->validate != NULL && !isfinite(*validation)))
		return fail_diverged(env, iteration);
	env_loss(env, (int) iteration, "training", loss);
	if (training->validate != NULL)
		env_loss(env, (int) iteration, "validation", *validation);
	return RECSYS_OK;
}

/* See the header. */
RecsysStatus
nn_train(Env *env, NnTraining *training)
{
	double		best = INFINITY;
	int64_t		best_iteration = 0;
	int64_t		i;

	report_parameters(env, training);
	TRY(allocate_best(env, training));
	for (i = 1; i <= training->iterations; i++)
	{
		double		validation;

		TRY(iterate(env, training, i, &validation));
		if (validation < best)
		{
			best = validation;
			best_iteration = i;
			TRY(copy_blocks(env, training, true));
		}
		else if (training->validate != NULL && i - best_iteration >= training->params->patience)
			break;
	}
	if (training->validate != NULL && best_iteration < i)
		TRY(copy_blocks(env, training, false));
	for (int b = 0; b < training->n_blocks; b++)
		env_free(env, training->blocks[b].best);
	env_progress(env, PHASE_FITTING, training->iterations, training->iterations);
	return check_blocks(env, training, best_iteration > 0 ? best_iteration : i - 1);
}
