/*
 * embedding_regression.c
 *		Ratings estimated from the embeddings of user and course.
 *
 *		predict(c) = e(u, c)
 *		score(c)   = the same, of courses with at least min_ratings ratings
 *
 * e is least squares (estimator linear), the same with a penalty (ridge), or made of trees; see
 * on_embeddings.h for the rest.
 */
#include "core/methods/on_embeddings.h"

static const EstimatorKind estimators[] = {
	ESTIMATOR_RIDGE, ESTIMATOR_LINEAR, ESTIMATOR_DECISION_TREE, ESTIMATOR_BAGGING,
	ESTIMATOR_RANDOM_FOREST, ESTIMATOR_GRADIENT_BOOSTING
};

static const ParamDef embedding_regression_params[] = {
	{.name = "estimator", .type = PARAM_CHOICE, .offset = offsetof(OnParams, estimator),
		.default_text = "ridge",
		.choices = "ridge linear decision_tree bagging random_forest gradient_boosting",
		.description = "What estimates the rating from the features."},
	{.name = "combine", .type = PARAM_CHOICE, .offset = offsetof(OnParams, combine),
		.default_text = "product", .choices = "sum concat product",
		.description = "How the vectors of user and course become one: added, one behind the other, or multiplied "
	"number by number."},
	ON_PARAM_DEFS,
};

/* The estimator of the parameters. */
static EstimatorKind
kind_of(const void *params)
{
	return estimators[((const OnParams *) params)->estimator];
}

/* Constant ratings teach next to nothing. */
static RecsysStatus
embedding_regression_check(Env *env, const TrainingSet *set, const void *params)
{
	TRY(on_check(env, set, params, kind_of(params)));
	return warn_of_equal_ratings(env, set);
}

/* See on_estimate. */
static void
embedding_regression_estimate(const Shape *shape, const void *params, Estimate *estimate)
{
	on_estimate(shape, params, kind_of(params), false, estimate);
}

/* See on_fit. */
static RecsysStatus
embedding_regression_fit(Env *env, const TrainingSet *set, const void *params, ModelWriter *writer)
{
	return on_fit(env, set, params, kind_of(params), false, writer);
}

/* See on_open. */
static RecsysStatus
embedding_regression_open(Env *env, Recommender *rec)
{
	return on_open(env, rec, kind_of(rec->params), false);
}

const Method method_embedding_regression = {
	.name = "embedding_regression",
	.description = "Ratings estimated from the embeddings of user and course, by regression.",
	.objective = OBJECTIVE_RATING,
	.params = {"embedding_regression", embedding_regression_params, N_PARAMS(embedding_regression_params),
	sizeof(OnParams)},
	.personal = true,
	.state_size = sizeof(OnState),
	.parts = on_parts,
	.more_needs = on_more_needs,
	.check = embedding_regression_check,
	.estimate = embedding_regression_estimate,
	.fit = embedding_regression_fit,
	.open = embedding_regression_open,
	.scratch_size = on_scratch_size,
	.score = on_score,
	.predict = on_value,
};
