/*
 * nn_dot.c
 *		The architecture dot of method nn: see nn_dot.h.
 */
#include "core/nn_dot.h"

#include <math.h>
#include <string.h>

#include "core/latent.h"
#include "core/methods/support.h"
#include "core/nn_fold.h"
#include "core/svd_ridge.h"
#include "core/vector.h"

#define INIT_STD_DEV 0.1

typedef struct DotState
{
	NnState		base;
	RidgeSide	side;			/* the courses */
	double		least_ratings;	/* of a course with a score */
	const float *mean_user;		/* ranking */
	FoldSample	sample;			/* ranking */
} DotState;

_Static_assert(sizeof(DotState) <= NN_STATE_SIZE, "NN_STATE_SIZE is too small");

/* ---------------------------------------------------------------- training */

/* Draws a mask: 0, or what keeps the mean. */
static void
draw_mask(Rng *rng, float dropout, int n, float *mask)
{
	for (int i = 0; i < n; i++)
		mask[i] = rng_uniform(rng) < (double) dropout ? 0 : 1 / (1 - dropout);
}

/* Losses and gradients of some samples. */
static double
run_samples(const void *arg, const PairSamples *samples, float *work)
{
	const DotNetwork *dot = arg;
	int			width = dot->factors + 1;
	float	   *mask = samples->dropout > 0 ? work : NULL;
	double		sum = 0;

	for (int64_t i = 0; i < samples->n; i++)
	{
		const float *user = samples->user_rows + (int64_t) samples->users[i] * width;
		const float *course = samples->course_rows + (int64_t) samples->courses[i] * width;
		float		weight = samples->weights[i];
		float		derivative;
		float		output;

		if (mask != NULL)
			draw_mask(samples->rng, samples->dropout, dot->factors, mask);
		output = dot->offset + dot_output(user, course, mask, dot->factors);
		sum += (double) weight * pair_loss(samples->objective, output, samples->targets[i],
										   &derivative);
		if (samples->user_gradients != NULL)
			dot_gradients(user, course, mask, dot->factors, weight * derivative,
						  2 * weight * samples->decay, samples->user_gradients + i * width,
						  samples->course_gradients + i * width);
	}
	return sum;
}

/* See the header. */
PairNetwork
nn_dot_network(const DotNetwork *dot)
{
	return (PairNetwork) {
		.arg = dot,
		.user_width = dot->factors + 1,
		.course_width = dot->factors + 1,
		.chunk = PAIR_CHUNK,
		.work_floats = dot->factors,
		.run = run_samples,
	};
}

/* Memory of the training; the model is put from it. */
static void
dot_estimate(const Shape *shape, const NnParams *params, Estimate *estimate)
{
	DotNetwork	dot = {.factors = (int) params->factors};
	PairNetwork network = nn_dot_network(&dot);
	double		samples = (double) shape->n_ratings * (1 + pairs_negatives(params));
	double		k = (double) params->factors;

	estimate->bytes = pairs_bytes(shape, params, &network, 4 * (double) shape->n_courses);
	estimate->seconds = 0.01 + (double) params->iterations * samples * (7e-8 + k * 1.5e-9);
	estimate->model_bytes = (double) shape->n_courses * (k + 2) * 4 + (k + 1) * 4 + 16;
}

/* Splits the rows of the courses into biases and factors with a 1 behind them, in place. */
static RecsysStatus
split_biases(Env *env, const Embedding *courses, float *biases)
{
	int			width = courses->width;

	for (int64_t c = 0; c < courses->n_rows; c++)
	{
		float	   *last = courses->rows + c * width + width - 1;

		if (c % 4096 == 0 && env_interrupted(env))
			return env->status;
		biases[c] = *last;
		*last = 1;
	}
	return RECSYS_OK;
}

/* Puts what serving needs. */
static RecsysStatus
put_model(Env *env, PairTraining *training, float offset, ModelWriter *writer)
{
	int64_t		n = training->courses.n_rows;
	float	   *biases = env_alloc(env, (size_t) n, sizeof(float));
	float	   *mean = env_alloc(env, (size_t) training->users.width, sizeof(float));

	if (biases == NULL || mean == NULL)
		return env->status;
	TRY(embedding_mean(env, &training->users, mean));
	TRY(embedding_clear_untrained(env, &training->courses));
	TRY(split_biases(env, &training->courses, biases));
	TRY(fold_put_scale(env, writer, training->mean + (double) offset, training->deviation));
	TRY(model_put(env, writer, "bias", SECTION_FLOAT, n, 1, biases));
	TRY(model_put(env, writer, "mean_user", SECTION_FLOAT, training->users.width, 1, mean));
	return model_put(env, writer, "factors", SECTION_FLOAT, n, training->courses.width,
					 training->courses.rows);
}

/* See the header. */
RecsysStatus
nn_dot_draw(Env *env, const DotNetwork *dot, PairTraining *training)
{
	uint64_t	random_state = (uint64_t) training->params->common.random_state;

	TRY(embedding_draw(env, &training->users, 0, dot->factors, INIT_STD_DEV, random_state,
					   NN_STREAM + NN_DRAW_USERS));
	return embedding_draw(env, &training->courses, 0, dot->factors, INIT_STD_DEV, random_state,
						  NN_STREAM + NN_DRAW_COURSES);
}

/* Trains, and keeps the side of the courses. */
static RecsysStatus
dot_fit(Env *env, const TrainingSet *set, const NnParams *params, ModelWriter *writer)
{
	DotNetwork	dot = {(int) params->factors, pairs_offset(params)};
	PairNetwork network = nn_dot_network(&dot);
	PairTraining training;

	TRY(pairs_init(env, set, params, &network, &training));
	TRY(nn_dot_draw(env, &dot, &training));
	TRY(pairs_train(env, &training));
	TRY(put_model(env, &training, dot.offset, writer));
	pairs_free_batch(env, &training);
	env_free(env, training.users.rows);
	env_free(env, training.dense);
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- opening */

/* The last value of each row is 1, which makes the bias one more factor for the ridge regression. */
static RecsysStatus
check_ones(Env *env, const Recommender *rec, const RidgeSide *side)
{
	for (int32_t c = 0; c < rec->n_courses; c++)
	{
		if (c % 4096 == 0 && env_interrupted(env))
			return env->status;
		if (side->rows[c * side->stride + side->factors] != 1)
			return model_damaged(env, "The factors of a course do not end with 1.");
	}
	return RECSYS_OK;
}

/* Resolves the sections. */
static RecsysStatus
dot_open(Env *env, Recommender *rec)
{
	const NnParams *params = rec->params;
	DotState   *state = rec->state;
	RidgeSide  *side = &state->side;
	int64_t		width = params->factors + 1;

	*side = (RidgeSide) {
		.factors = (int) params->factors,
		.stride = width,
		.regularization = nn_weight_decay(params),
		.dropout = params->dropout,
		.half_life = params->common.half_life,
		.last_time = rec->summary.last_time,
	};
	TRY(fold_get_scale(env, rec, &side->mean, &side->deviation));
	TRY(open_floats(env, rec, "bias", rec->n_courses, 1, &side->bias));
	TRY(open_floats(env, rec, "mean_user", width, 1, &state->mean_user));
	TRY(open_floats(env, rec, "factors", rec->n_courses, width, &side->rows));
	TRY(check_ones(env, rec, side));
	state->least_ratings = fold_least_ratings(rec);
	return fold_open_sample(env, rec, FOLD_COURSES, &state->sample);
}

/* ---------------------------------------------------------------- the user */

/* Scratch memory: the user, then what the fold-in needs. */
typedef struct DotScratch
{
	float	   *user;
	void	   *work;			/* ranking: see fold_bytes */
	RidgeWork	ridge;			/* rating */
	size_t		bytes;
} DotScratch;

/* Cuts scratch memory; memory may be NULL to learn the size. */
static DotScratch
cut_scratch(const Recommender *rec, void *memory)
{
	const NnParams *params = rec->params;
	size_t		row = (((size_t) params->factors + 1) * sizeof(float) + 63) / 64 * 64;
	char	   *rest = memory == NULL ? NULL : (char *) memory + row;
	DotScratch	scratch = {.user = memory, .work = rest};

	if (params->objective == NN_RATING)
		scratch.ridge = ridge_work((int) params->factors, rest);
	scratch.bytes = row + (params->objective == NN_RATING ? scratch.ridge.bytes
						   : fold_bytes((int) params->factors + 1));
	return scratch;
}

/* See cut_scratch. */
static size_t
dot_scratch_size(const Recommender *rec)
{
	return cut_scratch(rec, NULL).bytes;
}

/* Logits of a tile; the row of a course ends with 1. */
static void
tile_outputs(void *arg, const float *x, const int32_t *courses, float *outputs)
{
	const RidgeSide *side = arg;

	for (int i = 0; i < FOLD_TILE; i++)
		outputs[i] = (float) side->mean + side->bias[courses[i]] +
			vector_dot(x, side->rows + courses[i] * side->stride, side->stride);
}

/* Adds their gradients by x, which are the rows. */
static void
tile_gradients(void *arg, const float *x, const int32_t *courses, const float *derivatives, float *g)
{
	const RidgeSide *side = arg;

	(void) x;
	for (int i = 0; i < FOLD_TILE; i++)
		vector_axpy(derivatives[i], side->rows + courses[i] * side->stride, g, side->stride);
}

/*
 * The user of a history into scratch->user, on the scale of the answer: its product with q_c, plus
 * its last number, plus deviation b_c, is the rating or the logit.  False: nothing is known.
 */
static bool
fold_in(const Recommender *rec, const History *history, const DotScratch *scratch)
{
	DotState   *state = rec->state;
	RidgeSide  *side = &state->side;
	RidgeRatings ratings = {history->n, history->courses, history->ratings, history->times};
	FoldIn		fold = {.rec = rec, .history = history, .sample = &state->sample,
	.network = {side->factors + 1, side, NULL, tile_outputs, tile_gradients, NULL}};
	bool		known = history->n > 0;

	if (known && ((const NnParams *) rec->params)->objective == NN_RANKING)
		known = fold_user(&fold, state->mean_user, scratch->work, scratch->user);
	else if (known)
		ridge_solve(side, &ratings, &scratch->ridge, scratch->user);
	if (known)
		vector_scale((float) side->deviation, scratch->user, side->factors + 1);
	scratch->user[side->factors] += (float) side->mean;
	return known;
}

/* The same into out[factors + 1]. */
static int
dot_user_vector(const Recommender *rec, const History *history, void *memory, float *out)
{
	int			factors = ((const DotState *) rec->state)->side.factors;
	DotScratch	scratch = cut_scratch(rec, memory);
	bool		known = fold_in(rec, history, &scratch);

	memcpy(out, scratch.user, ((size_t) factors + 1) * sizeof(float));
	memset(memory, 0, scratch.bytes);
	return known ? factors : 0;
}

/* ---------------------------------------------------------------- serving */

/* deviation b_c */
static float
dot_course_bias(const Recommender *rec, int32_t course)
{
	const DotState *state = rec->state;

	return (float) state->side.deviation * state->side.bias[course];
}

/* Rating or logit of a course for a user's vector. */
static float
answer(const Recommender *rec, const float *user, int32_t course)
{
	const RidgeSide *side = &((const DotState *) rec->state)->side;

	return vector_dot(user, side->rows + course * side->stride, side->stride) +
		dot_course_bias(rec, course);
}

/* Every course that has enough ratings, for the user of the history. */
static void
dot_score(const Recommender *rec, const History *history, void *memory, float *scores)
{
	const DotState *state = rec->state;
	DotScratch	scratch = cut_scratch(rec, memory);
	bool		known = fold_in(rec, history, &scratch);

	for (int32_t c = 0; c < rec->n_courses; c++)
		scores[c] = !known || rec->course_counts[c] < state->least_ratings ? NO_OPINION
			: finish_score((double) answer(rec, scratch.user, c), NAN);
	memset(memory, 0, scratch.bytes);
}

/* NAN when ranking, and when nothing is known of user or course. */
static double
dot_predict(const Recommender *rec, const History *history, int32_t course, void *memory)
{
	const NnParams *params = rec->params;
	DotScratch	scratch = cut_scratch(rec, memory);
	double		rating = NAN;

	if (params->objective == NN_RATING && rec->course_counts[course] > 0 &&
		fold_in(rec, history, &scratch))
		rating = (double) answer(rec, scratch.user, course);
	memset(memory, 0, scratch.bytes);
	return rating;
}

/* The factors of a course; NULL for one that nobody rated. */
static const float *
dot_course_vector(const Recommender *rec, int32_t course, int *n)
{
	const RidgeSide *side = &((const DotState *) rec->state)->side;

	*n = side->factors;
	return rec->course_counts[course] > 0 ? side->rows + course * side->stride : NULL;
}

/* Cosine of the factors. */
static bool
dot_similar(const Recommender *rec, int32_t course, void *memory, float *scores)
{
	(void) memory;
	latent_similar(rec, course, LATENT_COSINE, scores);
	return true;
}

const NnArch nn_dot = {
	.estimate = dot_estimate,
	.fit = dot_fit,
	.open = dot_open,
	.scratch_size = dot_scratch_size,
	.score = dot_score,
	.predict = dot_predict,
	.similar = dot_similar,
	.course_vector = dot_course_vector,
	.user_vector = dot_user_vector,
	.course_vector_bias = dot_course_bias,
};
