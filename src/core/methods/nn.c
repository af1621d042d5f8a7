/*
 * nn.c
 *		Embeddings of users and courses learnt by mini-batch Adam.
 *
 * arch = dot (nn_dot.h): product of the embeddings of user and course plus a bias
 * of each, from the ratings (objective = rating) or from who rated what (ranking).
 *
 * arch = neumf (nn_neumf.h): dot, joined with a dense path from a second pair of embeddings.
 *
 * arch = softmax (nn_softmax.h): from the courses taken through dense layers to
 * probabilities of all courses.
 *
 * A model holds the courses and the layers, not the users: how a user becomes a vector at call
 * time is told with each architecture.
 *
 * Optimiser: adam.h.  Samples, losses and batches of pairs: nn_pairs.h.  Iterations
 * and early stopping: nn_train.c.
 */
#include <math.h>
#include <stddef.h>

#include "core/methods/methods.h"
#include "core/methods/support.h"
#include "core/nn.h"
#include "core/nn_neumf.h"
#include "core/nn_softmax.h"

static const ParamDef nn_params[] = {
	{"arch", NULL, PARAM_CHOICE, offsetof(NnParams, arch), "dot", 0, 0, "dot neumf softmax",
	"Architecture: dot is the product of two embeddings plus biases; neumf adds what dense layers make of "
	"two more embeddings; softmax goes from the courses taken to probabilities of all courses."},
	{"objective", NULL, PARAM_CHOICE, offsetof(NnParams, objective), "ranking", 0, 0,
		"ranking rating",
	"What is learnt: which courses are taken, or how they are rated."},
	{"factors", "embedding_size n_factors rank k", PARAM_INT, offsetof(NnParams, factors), "16", 1,
		NN_FACTORS_MAX, NULL,
	"Length of an embedding."},
	{"layers", NULL, PARAM_TEXT, offsetof(NnParams, layers), "null", 0, 0, NULL,
	"Sizes of the dense layers with hyphens between them; null: 64-16-8-4 for neumf, where the first one is that of "
	"the two embeddings, 64 for softmax."},
	{"dropout", NULL, PARAM_FLOAT, offsetof(NnParams, dropout), "0", 0, 0.9, NULL,
	"Share of the products of factors (dot), or of the outputs of dense layers, left out at random in training."},
	{"weight_decay", "l2 regularization reg lambda", PARAM_FLOAT, offsetof(NnParams, weight_decay),
		"null", 1e-9, 1000, NULL,
	"Penalty of the squared embeddings and biases for each sample of their user or course; null: "
	"0.1 for ratings, 0.015 for ranking, 0.001 for softmax."},
	{"learning_rate", "lr eta", PARAM_FLOAT, offsetof(NnParams, learning_rate), "0.01", 1e-6, 1, NULL,
	"Step of the first iteration."},
	{"final_rate", NULL, PARAM_FLOAT, offsetof(NnParams, final_rate), "0", 0, 1, NULL,
	"Part of the learning rate that it falls to, linearly; 1: it stays."},
	{"batch_size", NULL, PARAM_COUNT, offsetof(NnParams, batch_size), "null", 1, 1048576, NULL,
	"Samples between two steps; null: a hundredth of all, at least 64, at most 8,192."},
	{"iterations", "n_epochs epochs max_iter", PARAM_INT, offsetof(NnParams, iterations), "20", 1,
		100000, NULL,
	"Most passes over the ratings."},
	{"negatives", "num_negatives", PARAM_COUNT, offsetof(NnParams, negatives), "null", 1, 100, NULL,
	"Ranking: random courses that the user has not rated for each rating; null: 4."},
	{"validation", NULL, PARAM_FLOAT, offsetof(NnParams, validation), "0", 0, 0.5, NULL,
	"Share of the ratings that is not learnt from, to stop in time; 0: all iterations are made."},
	{"patience", NULL, PARAM_INT, offsetof(NnParams, patience), "3", 1, 100000, NULL,
	"Iterations without a smaller validation loss after which training stops."},
	{"min_ratings", NULL, PARAM_FLOAT, offsetof(NnParams, min_ratings), "null", 0, 1e9, NULL,
	"Ratings that a course needs to be recommended; null: one, or with objective rating as many as the "
	"least of the tenth of the courses with most."},
};

static const NnArch *const architectures[] = {
	[NN_DOT] = &nn_dot,
	[NN_NEUMF] = &nn_neumf,
	[NN_SOFTMAX] = &nn_softmax,
};

/* The architecture of a model. */
static inline const NnArch *
arch_of(const Recommender *rec)
{
	return ((const NnState *) rec->state)->arch;
}

/* A list of layers that the architecture can use. */
static RecsysStatus
check_layers(Env *env, const NnParams *params)
{
	NeumfNetwork neumf;

	if (params->arch == NN_DOT && params->layers[0] != '\0')
		return fail_unused_param(env, "layers", "arch \"dot\"");
	if (params->arch == NN_DOT || (params->arch == NN_SOFTMAX && softmax_layers_valid(params)) ||
		(params->arch == NN_NEUMF && neumf_init(params, &neumf)))
		return RECSYS_OK;
	env_fail(env, RECSYS_BAD_ARGUMENT, "parameter \"layers\" is not a list of layers: \"%s\"",
			 params->layers);
	if (params->arch == NN_SOFTMAX)
		return env_hint(env, "Write 1 to %d sizes of 1 to %d, such as \"128-64\".", LAYERS_MAX - 1,
						LAYER_SIZE_MAX);
	return env_hint(env, "Write 2 to %d sizes of 1 to %d, such as \"%s\"; the first one is even, and the "
					"layers from the third size on have at most %d weights and biases.",
					LAYERS_MAX, LAYER_SIZE_MAX, NEUMF_LAYERS, NEUMF_UPPER_MAX);
}

/* Parameters of one objective or architecture are errors with another. */
static RecsysStatus
nn_check(Env *env, const TrainingSet *set, const void *params_in)
{
	const NnParams *params = params_in;

	if (params->objective == NN_RATING && !isnan(params->negatives))
		return fail_unused_param(env, "negatives", "objective \"rating\"");
	if (params->arch == NN_SOFTMAX && params->objective == NN_RATING)
	{
		env_fail(env, RECSYS_BAD_ARGUMENT,
				 "parameter \"objective\" cannot be \"rating\" with arch \"softmax\"");
		return env_hint(env, "To learn ratings, use arch \"dot\" or \"neumf\".");
	}
	if (params->arch == NN_SOFTMAX && !isnan(params->negatives))
		return fail_unused_param(env, "negatives", "arch \"softmax\"");
	TRY(check_layers(env, params));
	TRY(check_half_life(env, set, params));
	return params->objective == NN_RATING ? warn_of_equal_ratings(env, set) : RECSYS_OK;
}

/* By architecture. */
static void
nn_estimate(const Shape *shape, const void *params_in, Estimate *estimate)
{
	const NnParams *params = params_in;

	architectures[params->arch]->estimate(shape, params, estimate);
}

/* By architecture. */
static RecsysStatus
nn_fit(Env *env, const TrainingSet *set, const void *params_in, ModelWriter *writer)
{
	const NnParams *params = params_in;

	return architectures[params->arch]->fit(env, set, params, writer);
}

/* Remembers the architecture. */
static RecsysStatus
nn_open(Env *env, Recommender *rec)
{
	const NnParams *params = rec->params;
	const NnArch *arch = architectures[params->arch];

	TRY(arch->open(env, rec));
	((NnState *) rec->state)->arch = arch;
	return RECSYS_OK;
}

/* By architecture. */
static size_t
nn_scratch_size(const Recommender *rec)
{
	return arch_of(rec)->scratch_size(rec);
}

/* By architecture. */
static void
nn_score(const Recommender *rec, const History *history, void *scratch, float *scores)
{
	arch_of(rec)->score(rec, history, scratch, scores);
}

/* By architecture. */
static double
nn_predict(const Recommender *rec, const History *history, int32_t course, void *scratch)
{
	return arch_of(rec)->predict(rec, history, course, scratch);
}

/* By architecture. */
static bool
nn_similar(const Recommender *rec, int32_t course, void *scratch, float *scores)
{
	return arch_of(rec)->similar(rec, course, scratch, scores);
}

/* By architecture. */
static const float *
nn_course_vector(const Recommender *rec, int32_t course, int *n)
{
	return arch_of(rec)->course_vector(rec, course, n);
}

/* By architecture; one without factors has none of a user. */
static int
nn_user_vector(const Recommender *rec, const History *history, void *scratch, float *out)
{
	if (arch_of(rec)->user_vector == NULL)
		return 0;
	return arch_of(rec)->user_vector(rec, history, scratch, out);
}

/* By architecture; see nn_user_vector. */
static float
nn_course_bias(const Recommender *rec, int32_t course)
{
	if (arch_of(rec)->course_vector_bias == NULL)
		return 0;
	return arch_of(rec)->course_vector_bias(rec, course);
}

const Method method_nn = {
	.name = "nn",
	.description = "Embeddings of users and courses learnt by a neural network.",
	.objective = OBJECTIVE_RANKING,
	.params = {"nn", nn_params, N_PARAMS(nn_params), sizeof(NnParams)},
	.needs = USES_GENRES,
	.personal = true,
	.state_size = NN_STATE_SIZE,
	.check = nn_check,
	.estimate = nn_estimate,
	.fit = nn_fit,
	.open = nn_open,
	.scratch_size = nn_scratch_size,
	.score = nn_score,
	.predict = nn_predict,
	.similar = nn_similar,
	.course_vector = nn_course_vector,
	.user_vector = nn_user_vector,
	.course_vector_bias = nn_course_bias,
};
