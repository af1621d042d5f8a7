/*
 * nn_neumf.c
 *		The architecture neumf of method nn, training and serving: see nn_neumf.h.
 */
#include "core/nn_neumf.h"

#include <math.h>
#include <string.h>

#include "core/blas.h"
#include "core/latent.h"
#include "core/methods/support.h"
#include "core/vector.h"

#define INIT_STD_DEV 0.1
#define POLL_COURSES 64
#define FOLD_PRODUCTS (INT64_C(1) << 23)	/* multiply-adds of the courses not taken, forward */
#define FOLD_COURSES_MIN 256

typedef struct NeumfState
{
	NnState		base;
	NeumfSide	side;
	double		mean;			/* of ratings: rating = mean + deviation output */
	double		deviation;
	double		least_ratings;	/* of a course with a score */
	const float *mean_user;
	FoldSample	sample;			/* ranking */
} NeumfState;

_Static_assert(sizeof(NeumfState) <= NN_STATE_SIZE, "NN_STATE_SIZE is too small");

/* ---------------------------------------------------------------- training */

/* Numbers of the sections of the courses. */
static double
course_numbers(const NeumfNetwork *neumf)
{
	return neumf->factors + 1 + neumf->layers.sizes[1];
}

/* Memory of the training; what the model holds of courses comes beside it. */
static void
neumf_estimate(const Shape *shape, const NnParams *params, Estimate *estimate)
{
	double		samples = (double) shape->n_ratings * (1 + pairs_negatives(params));
	NeumfNetwork neumf;
	PairNetwork network;
	double		model;

	*estimate = (Estimate) {0};
	if (!neumf_init(params, &neumf))
		return;
	network = nn_neumf_network(params, &neumf);
	model = 4 * (double) shape->n_courses * course_numbers(&neumf) + 4 * (double) network.user_width;
	estimate->bytes = pairs_bytes(shape, params, &network, model);
	estimate->seconds = 0.01 + (double) params->iterations * samples *
		(1.7e-7 + (double) network.n_dense * 2.5e-10 + network.user_width * 3.3e-9) /
		(shape->n_threads > 1 ? shape->n_threads : 1);
	estimate->model_bytes = model + 4 * (double) network.n_dense + 16;
	estimate->library_bytes = BLAS_LIBRARY_BYTES;
}

/* Biases start at 0. */
RecsysStatus
nn_neumf_draw(Env *env, const NeumfNetwork *neumf, PairTraining *training)
{
	uint64_t	random_state = (uint64_t) training->params->common.random_state;
	Embedding  *tables[] = {&training->users, &training->courses};
	LayerSizes	output = {2, {neumf_last(neumf), 1}};
	Rng			rng;

	for (int i = 0; i < 2; i++)
	{
		uint64_t	stream = NN_STREAM + (i == 0 ? NN_DRAW_USERS : NN_DRAW_COURSES);

		TRY(embedding_draw(env, tables[i], 0, neumf->factors, INIT_STD_DEV, random_state, stream));
		TRY(embedding_draw(env, tables[i], neumf->factors + 1, neumf_width(neumf), INIT_STD_DEV,
						   random_state, hash_combine(stream, 1)));
	}
	rng_seed(&rng, random_state, NN_STREAM + NN_DRAW_LAYERS);
	layers_draw(&neumf->layers, &rng, training->dense);
	layers_draw(&output, &rng, training->dense + layers_numbers(&neumf->layers));
	return RECSYS_OK;
}

/* What serving needs of the courses. */
typedef struct CourseSections
{
	float	   *factors;
	float	   *bias;
	float	   *first;
} CourseSections;

/* Fills them for each course. */
static RecsysStatus
fill_courses(Env *env, const NeumfNetwork *neumf, const PairTraining *training,
			 const CourseSections *sections)
{
	const LayerSizes *layers = &neumf->layers;
	int			half = neumf_half(neumf);
	int			k = neumf->factors;
	int			n_out = layers->sizes[1];
	const float *biases = training->dense + (int64_t) layers->sizes[0] * n_out;
	float		b = neumf->offset + training->dense[neumf_n_dense(neumf) - 1];

	for (int64_t c = 0; c < training->courses.n_rows; c++)
	{
		const float *row = training->courses.rows + c * neumf_width(neumf);

		if (c % POLL_COURSES == 0 && env_interrupted(env))
			return env->status;
		memcpy(sections->factors + c * k, row, (size_t) k * sizeof(float));
		sections->bias[c] = row[k] + b;
		for (int o = 0; o < n_out; o++)
			sections->first[c * n_out + o] = biases[o] +
				vector_dot(training->dense + (int64_t) o * layers->sizes[0] + half, row + k + 1, half);
	}
	return RECSYS_OK;
}

/* Puts what serving needs. */
static RecsysStatus
put_model(Env *env, const NeumfNetwork *neumf, PairTraining *training, ModelWriter *writer)
{
	int64_t		n = training->courses.n_rows;
	int			n_first = neumf->layers.sizes[1];
	float	   *mean = env_alloc(env, (size_t) training->users.width, sizeof(float));
	CourseSections sections = {
		.factors = env_alloc(env, (size_t) n, (size_t) neumf->factors * sizeof(float)),
		.bias = env_alloc(env, (size_t) n, sizeof(float)),
		.first = env_alloc(env, (size_t) n, (size_t) n_first * sizeof(float)),
	};

	if (mean == NULL || sections.factors == NULL || sections.bias == NULL || sections.first == NULL)
		return env->status;
	TRY(embedding_mean(env, &training->users, mean));
	TRY(embedding_clear_untrained(env, &training->courses));
	TRY(fill_courses(env, neumf, training, &sections));
	TRY(fold_put_scale(env, writer, training->mean, training->deviation));
	TRY(model_put(env, writer, "bias", SECTION_FLOAT, n, 1, sections.bias));
	TRY(model_put(env, writer, "mean_user", SECTION_FLOAT, training->users.width, 1, mean));
	TRY(model_put(env, writer, "dense", SECTION_FLOAT, neumf_n_dense(neumf), 1, training->dense));
	TRY(model_put(env, writer, "factors", SECTION_FLOAT, n, neumf->factors, sections.factors));
	return model_put(env, writer, "first_layer", SECTION_FLOAT, n, n_first, sections.first);
}

/* Trains, and keeps the side of the courses and the layers. */
static RecsysStatus
neumf_fit(Env *env, const TrainingSet *set, const NnParams *params, ModelWriter *writer)
{
	NeumfNetwork neumf;
	PairNetwork network;
	PairTraining training;

	if (!neumf_init(params, &neumf))
		return env_fail(env, RECSYS_BAD_ARGUMENT, "parameter \"layers\" is no list of sizes");
	network = nn_neumf_network(params, &neumf);
	TRY(blas_open(env));
	TRY(pairs_init(env, set, params, &network, &training));
	TRY(nn_neumf_draw(env, &neumf, &training));
	TRY(pairs_train(env, &training));
	TRY(put_model(env, &neumf, &training, writer));
	pairs_free_batch(env, &training);
	env_free(env, training.users.rows);
	env_free(env, training.courses.rows);
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- opening */

/* Courses not taken that a fold-in looks at: fewer, the larger the layers. */
static int32_t
sample_courses(const NeumfNetwork *neumf)
{
	int64_t		upper = layers_numbers(&neumf->layers) - layers_offset(&neumf->layers, 2);
	int64_t		n = FOLD_PRODUCTS / (upper + neumf->factors);

	return (int32_t) (n > FOLD_COURSES ? FOLD_COURSES : n < FOLD_COURSES_MIN ? FOLD_COURSES_MIN : n);
}

/* Resolves the sections. */
static RecsysStatus
neumf_open(Env *env, Recommender *rec)
{
	NeumfState *state = rec->state;
	NeumfSide  *side = &state->side;
	NeumfNetwork *neumf = &side->network;
	int64_t		n = rec->n_courses;

	if (!neumf_init(rec->params, neumf))
		return model_damaged(env, "The list of layers is invalid.");
	TRY(fold_get_scale(env, rec, &state->mean, &state->deviation));
	TRY(open_floats(env, rec, "bias", n, 1, &side->bias));
	TRY(open_floats(env, rec, "mean_user", neumf_width(neumf), 1, &state->mean_user));
	TRY(open_floats(env, rec, "dense", neumf_n_dense(neumf), 1, &side->dense));
	TRY(open_floats(env, rec, "factors", n, neumf->factors, &side->factors));
	TRY(open_floats(env, rec, "first_layer", n, neumf->layers.sizes[1], &side->first));
	state->least_ratings = fold_least_ratings(rec);
	return fold_open_sample(env, rec, sample_courses(neumf), &state->sample);
}

/* ---------------------------------------------------------------- serving */

/* Scratch memory. */
typedef struct NeumfScratch
{
	float	   *user;
	NeumfTile	tile;
	void	   *work;			/* see fold_bytes */
	size_t		bytes;
} NeumfScratch;

/* Cuts scratch memory; memory may be NULL to learn the size. */
static NeumfScratch
cut_scratch(const Recommender *rec, void *memory)
{
	const NeumfState *state = rec->state;
	int			width = neumf_width(&state->side.network);
	size_t		row = ((size_t) width * sizeof(float) + 63) / 64 * 64;
	NeumfScratch scratch = {.user = memory};

	scratch.bytes = row;
	scratch.bytes += neumf_cut_tile(&state->side, memory == NULL ? NULL : (char *) memory + row,
									&scratch.tile);
	scratch.work = memory == NULL ? NULL : (char *) memory + scratch.bytes;
	scratch.bytes += fold_bytes(width);
	return scratch;
}

/* See cut_scratch. */
static size_t
neumf_scratch_size(const Recommender *rec)
{
	return cut_scratch(rec, NULL).bytes;
}

/* The user of a history, ready for tiles of courses; false when nothing is known. */
static bool
fold_in(const Recommender *rec, const History *history, NeumfScratch *scratch)
{
	const NeumfState *state = rec->state;
	FoldNetwork network = neumf_fold_network(&scratch->tile);
	FoldIn		fold = {.rec = rec, .history = history, .sample = &state->sample,
	.network = network, .mean = state->mean, .deviation = state->deviation};

	if (!fold_user(&fold, state->mean_user, scratch->work, scratch->user))
		return false;
	network.begin(network.arg, scratch->user);
	return true;
}

/* Ratings or logits of FOLD_TILE courses for the user of fold_in. */
static void
answer(const Recommender *rec, NeumfScratch *scratch, const int32_t *courses, double *answers)
{
	const NeumfState *state = rec->state;
	FoldNetwork network = neumf_fold_network(&scratch->tile);
	float		outputs[FOLD_TILE];

	network.outputs(network.arg, scratch->user, courses, outputs);
	for (int i = 0; i < FOLD_TILE; i++)
		answers[i] = state->mean + state->deviation * (double) outputs[i];
}

/* Scores of the courses first .. first + FOLD_TILE - 1, as far as there are so many. */
static void
score_tile(const Recommender *rec, NeumfScratch *scratch, int32_t first, float *scores)
{
	const NeumfState *state = rec->state;
	int32_t		courses[FOLD_TILE];
	double		answers[FOLD_TILE];

	for (int i = 0; i < FOLD_TILE; i++)
		courses[i] = first + i < rec->n_courses ? first + i : first;
	answer(rec, scratch, courses, answers);
	for (int i = 0; i < FOLD_TILE && first + i < rec->n_courses; i++)
		scores[first + i] = rec->course_counts[first + i] < state->least_ratings ? NO_OPINION
			: finish_score(answers[i], NAN);
}

/* Every course that has enough ratings. */
static void
neumf_score(const Recommender *rec, const History *history, void *memory, float *scores)
{
	NeumfScratch scratch = cut_scratch(rec, memory);
	bool		known = fold_in(rec, history, &scratch);

	for (int32_t c = 0; c < rec->n_courses; c++)
		if (!known)
			scores[c] = NO_OPINION;
		else if (c % FOLD_TILE == 0)
			score_tile(rec, &scratch, c, scores);
	memset(memory, 0, scratch.bytes);
}

/* NAN when ranking, and when nothing is known of user or course. */
static double
neumf_predict(const Recommender *rec, const History *history, int32_t course, void *memory)
{
	const NnParams *params = rec->params;
	NeumfScratch scratch = cut_scratch(rec, memory);
	double		answers[FOLD_TILE] = {NAN};
	int32_t		courses[FOLD_TILE];

	for (int i = 0; i < FOLD_TILE; i++)
		courses[i] = course;
	if (params->objective == NN_RATING && rec->course_counts[course] > 0 &&
		fold_in(rec, history, &scratch))
		answer(rec, &scratch, courses, answers);
	memset(memory, 0, scratch.bytes);
	return answers[0];
}

/* The factors of a course in the product path; NULL for one that nobody rated. */
static const float *
product_factors(const Recommender *rec, int32_t course)
{
	const NeumfSide *side = &((const NeumfState *) rec->state)->side;

	return rec->course_counts[course] > 0 ?
		side->factors + (int64_t) course * side->network.factors : NULL;
}

/* Cosine of these. */
static bool
neumf_similar(const Recommender *rec, int32_t course, void *memory, float *scores)
{
	int			n = ((const NeumfState *) rec->state)->side.network.factors;
	const float *own = product_factors(rec, course);

	(void) memory;
	for (int32_t c = 0; c < rec->n_courses; c++)
	{
		const float *other = product_factors(rec, c);

		scores[c] = own == NULL || other == NULL ? NO_OPINION : latent_cosine(other, own, n);
	}
	return true;
}

/* The score is no product of a user's and a course's vector. */
static const float *
neumf_course_vector(const Recommender *rec, int32_t course, int *n)
{
	(void) rec;
	(void) course;
	*n = 0;
	return NULL;
}

const NnArch nn_neumf = {
	.estimate = neumf_estimate,
	.fit = neumf_fit,
	.open = neumf_open,
	.scratch_size = neumf_scratch_size,
	.score = neumf_score,
	.predict = neumf_predict,
	.similar = neumf_similar,
	.course_vector = neumf_course_vector,
};
