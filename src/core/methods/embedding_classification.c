/*
 * embedding_classification.c
 *		Whether a course is liked, or taken, from the embeddings of user and course.
 *
 * There are two classes.  objective = rating: ratings of at least `relevance` (by default: above the mean of
 * all ratings), and the others.
 *
 *		probability(c) = e(u, c)
 *		score(c)	   = the same, of courses with at least min_ratings ratings
 *		predict(c)	   = e m_1 + (1 - e) m_0, m the mean rating of the class in training
 *
 * objective = ranking: courses that the user rated with at least `relevance` (by default: above 0), and
 * `negatives` courses for each rating that the user has not rated.  score(c) = e(u, c); it says nothing of
 * ratings.  The same is learnt when all ratings are of one class.
 *
 * The values of e of linear_svc grow with the probability and are cut right, but are none.  See
 * on_embeddings.h for the rest.
 */
#include "core/methods/on_embeddings.h"

static const EstimatorKind estimators[] = {
	ESTIMATOR_LOGISTIC, ESTIMATOR_LINEAR_SVC, ESTIMATOR_DECISION_TREE, ESTIMATOR_BAGGING,
	ESTIMATOR_RANDOM_FOREST, ESTIMATOR_GRADIENT_BOOSTING
};

static const ParamDef embedding_classification_params[] = {
	{.name = "estimator", .aliases = "classifier", .type = PARAM_CHOICE, .offset = offsetof(OnParams, estimator),
		.default_text = "logistic",
		.choices = "logistic linear_svc decision_tree bagging random_forest gradient_boosting",
		.description = "What tells the classes from the features."},
	{.name = "combine", .type = PARAM_CHOICE, .offset = offsetof(OnParams, combine),
		.default_text = "product", .choices = "sum concat product",
		.description = "How the vectors of user and course become one: added, one behind the other, or multiplied "
	"number by number."},
	{.name = "objective", .type = PARAM_CHOICE, .offset = offsetof(OnParams, objective),
		.default_text = "rating", .choices = "rating ranking",
		.description = "What is learnt: which ratings are high, or which courses are taken."},
	{.name = "relevance", .type = PARAM_FLOAT, .offset = offsetof(OnParams, relevance),
		.default_text = "null", .min = -RATING_MAX, .max = RATING_MAX,
		.description = "Ratings from here on are the class; null: above the mean, or with objective ranking above 0."},
	{.name = "negatives", .aliases = "num_negatives", .type = PARAM_INT, .offset = offsetof(OnParams, negatives),
		.default_text = "4", .min = 1, .max = 100,
		.description = "Objective ranking: random courses that the user has not rated for each rating."},
	ON_PARAM_DEFS,
};

/* The estimator of the parameters. */
static EstimatorKind
kind_of(const void *params)
{
	return estimators[((const OnParams *) params)->estimator];
}

/* See on_check. */
static RecsysStatus
embedding_classification_check(Env *env, const TrainingSet *set, const void *params)
{
	return on_check(env, set, params, kind_of(params));
}

/* See on_estimate. */
static void
embedding_classification_estimate(const Shape *shape, const void *params, Estimate *estimate)
{
	on_estimate(shape, params, kind_of(params), true, estimate);
}

/* See on_fit. */
static RecsysStatus
embedding_classification_fit(Env *env, const TrainingSet *set, const void *params, ModelWriter *writer)
{
	return on_fit(env, set, params, kind_of(params), true, writer);
}

/* See on_open. */
static RecsysStatus
embedding_classification_open(Env *env, Recommender *rec)
{
	return on_open(env, rec, kind_of(rec->params), true);
}

/* NAN also when who rated what was learnt. */
static double
embedding_classification_probability(const Recommender *rec, const History *history, int32_t course,
									 void *scratch)
{
	return ((const OnState *) rec->state)->taken ? NAN : on_value(rec, history, course, scratch);
}

/* The expected rating. */
static double
embedding_classification_predict(const Recommender *rec, const History *history, int32_t course,
								 void *scratch)
{
	const OnState *state = rec->state;
	double		p = embedding_classification_probability(rec, history, course, scratch);

	return state->means[0] + p * (state->means[1] - state->means[0]);
}

const Method method_embedding_classification = {
	.name = "embedding_classification",
	.description = "Whether a course is liked, or taken, from the embeddings of user and course, by a classifier.",
	.objective = OBJECTIVE_RANKING,
	.params = {"embedding_classification", embedding_classification_params,
	N_PARAMS(embedding_classification_params), sizeof(OnParams)},
	.personal = true,
	.state_size = sizeof(OnState),
	.parts = on_parts,
	.more_needs = on_more_needs,
	.check = embedding_classification_check,
	.estimate = embedding_classification_estimate,
	.fit = embedding_classification_fit,
	.open = embedding_classification_open,
	.scratch_size = on_scratch_size,
	.score = on_score,
	.predict = embedding_classification_predict,
	.probability = embedding_classification_probability,
};
