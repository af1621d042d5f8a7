/*
 * on_embeddings.h
 *		What embedding_regression and embedding_classification share: an estimator on top of embeddings.
 *
 *		row(u, c) = features of the vectors of u and c in the base model, of the course and of the user
 *		e(u, c)   = estimator(row(u, c))
 *
 * Features: features.h; estimators: estimators.h.  The base model, a whole one, is trained on all ratings; the
 * estimator on rows whose vectors come from models that have not seen them: out_of_fold.h.  At call
 * time the user is folded into the base model, so that a row is made of the ratings of the moment.
 *
 * Learnt from the ratings (objective = rating): e estimates the rating, or the probability that it is in
 * the class, and courses need min_ratings to be ranked.  Learnt from who rated what (objective = ranking,
 * classification only): e grows with the probability that the course is taken.  That is also what is learnt
 * when all ratings are of one class.
 *
 * The model: the base model as one section, the content of courses and groups, the estimator, and in "facts"
 * the objective and the mean ratings of both classes.
 *
 * Cost: the base model folds + 1 times, then the estimator; memory: the rows, 4 bytes a number.  A call folds
 * the user in and asks the estimator once a course.
 */
#ifndef CORE_METHODS_ON_EMBEDDINGS_H
#define CORE_METHODS_ON_EMBEDDINGS_H

#include <stddef.h>

#include "core/estimators.h"
#include "core/features.h"
#include "core/methods/methods.h"
#include "core/methods/support.h"

/* Values of the parameter "objective", in the order of its choices. */
typedef enum OnObjective
{
	ON_RATING,
	ON_RANKING
} OnObjective;

/* The parameters of both methods; regression has no objective, relevance, negatives. */
typedef struct OnParams
{
	CommonParams common;
	int			estimator;		/* number in the choices of the method */
	int			combine;		/* FeatureCombine */
	int			objective;		/* OnObjective */
	char		features[PARAM_TEXT_SIZE];
	int64_t		max_features;
	double		relevance;		/* NAN: above the mean */
	int64_t		negatives;
	int64_t		folds;
	int64_t		max_rows;
	double		min_ratings;	/* NAN: see open */
	double		regularization; /* NAN: that of the estimator, as for all below */
	double		n_estimators;
	double		max_depth;
	double		min_leaf;
	double		learning_rate;
	double		subsample;
	double		max_share;
	char		text_search_config[PARAM_TEXT_SIZE];	/* applied by the loader */
	char		embedding[PARAM_PARTS_SIZE];	/* empty: nn, of what the estimator is to learn */
} OnParams;

/* Definitions that both tables end with. */
#define ON_PARAM_DEFS \
	{.name = "embedding", .aliases = "base", .type = PARAM_PART, .offset = offsetof(OnParams, embedding), \
		.default_text = "null", \
		.description = "The method with factors that the vectors come from, with its own parameters; null: nn."}, \
	{.name = "features", .type = PARAM_TEXT, .offset = offsetof(OnParams, features), \
		.default_text = "embeddings", \
		.description = "What a row is made of: embeddings and, with commas between them, terms, genres and " \
	"attributes of the user."}, \
	{.name = "max_features", .type = PARAM_INT, .offset = offsetof(OnParams, max_features), \
		.default_text = "100", .min = 1, .max = 10000, \
		.description = "Features terms, attributes: at most so many words, and values, the commonest."}, \
	{.name = "text_search_config", .aliases = "tokenizer tsconfig", .type = PARAM_TEXT, \
		.offset = offsetof(OnParams, text_search_config), .default_text = "english", \
		.description = "Feature terms: text search configuration that turns descriptions into words."}, \
	{.name = "folds", .aliases = "cv", .type = PARAM_INT, .offset = offsetof(OnParams, folds), \
		.default_text = "5", .min = 2, .max = 20, \
		.description = "Parts of the ratings; the rows of one are made by a base model of the others."}, \
	{.name = "max_rows", .type = PARAM_INT, .offset = offsetof(OnParams, max_rows), \
		.default_text = "200000", .min = 1, .max = 10000000, \
		.description = "Rows that the estimator is fitted on, at most; of more, so many are drawn."}, \
	{.name = "min_ratings", .type = PARAM_FLOAT, .offset = offsetof(OnParams, min_ratings), \
		.default_text = "null", .min = 0, .max = 1e9, \
		.description = "Ratings that a course needs to be recommended; null: as many as the least of the tenth " \
	"of the courses with most, or, learning who rated what, one."}, \
	{.name = "regularization", .aliases = "reg lambda l2", .type = PARAM_FLOAT, \
		.offset = offsetof(OnParams, regularization), .default_text = "null", .min = 0, .max = 1e6, \
		.description = "Penalty of the squared weights of ridge, logistic and linear_svc, or of the leaves of " \
	"gradient_boosting; null: see docs."}, \
	{.name = "n_estimators", .aliases = "n_trees", .type = PARAM_COUNT, \
		.offset = offsetof(OnParams, n_estimators), .default_text = "null", .min = 1, .max = 10000, \
		.description = "Trees of bagging, random_forest and gradient_boosting; null: see docs."}, \
	{.name = "max_depth", .type = PARAM_COUNT, .offset = offsetof(OnParams, max_depth), \
		.default_text = "null", .min = 1, .max = 20, \
		.description = "Depth of a tree at most; null: see docs."}, \
	{.name = "min_leaf", .aliases = "min_samples_leaf", .type = PARAM_COUNT, \
		.offset = offsetof(OnParams, min_leaf), .default_text = "null", .min = 1, .max = 1e6, \
		.description = "Rows in a leaf of a tree at least; null: see docs."}, \
	{.name = "learning_rate", .aliases = "eta", .type = PARAM_FLOAT, \
		.offset = offsetof(OnParams, learning_rate), .default_text = "null", .min = 1e-4, .max = 1, \
		.description = "Estimator gradient_boosting: how much of each tree is added; null: 0.1."}, \
	{.name = "subsample", .type = PARAM_FLOAT, .offset = offsetof(OnParams, subsample), \
		.default_text = "null", .min = 0.01, .max = 1, \
		.description = "Share of the rows drawn for each tree of bagging, random_forest and gradient_boosting; " \
	"null: see docs."}, \
	{.name = "split_features", .type = PARAM_FLOAT, .offset = offsetof(OnParams, max_share), \
		.default_text = "null", .min = 0.01, .max = 1, \
		.description = "Estimator random_forest: share of the features looked at for a split; null: 0.33."}

/* The functions of a Method, the same for both. */
extern RecsysStatus on_parts(Env *env, const void *params, MethodPart *parts, int *n);
extern unsigned on_more_needs(const void *params);
extern size_t on_scratch_size(const Recommender *rec);
extern void on_score(const Recommender *rec, const History *history, void *scratch, float *scores);

/* The same, for an estimator that the method has chosen. */
extern RecsysStatus on_check(Env *env, const TrainingSet *set, const OnParams *params, EstimatorKind kind);
extern void on_estimate(const Shape *shape, const OnParams *params, EstimatorKind kind, bool classify,
						Estimate *estimate);
extern RecsysStatus on_fit(Env *env, const TrainingSet *set, const OnParams *params, EstimatorKind kind,
						   bool classify, ModelWriter *writer);
extern RecsysStatus on_open(Env *env, Recommender *rec, EstimatorKind kind, bool classify);

/* The estimate for one course; NAN when nothing is known of user or course. */
extern double on_value(const Recommender *rec, const History *history, int32_t course, void *scratch);

/* A model that is open. */
typedef struct OnState
{
	Recommender base;
	FeatureContent content;
	FeatureCombine combine;
	int			n_factors;
	int			n_features;
	Estimator	estimator;
	bool		taken;			/* learnt who rated what */
	double		means[2];		/* ratings of the classes */
	double		least_ratings;
} OnState;

#endif							/* CORE_METHODS_ON_EMBEDDINGS_H */
