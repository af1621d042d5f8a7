/*
 * estimators.h
 *		Regressors and classifiers on rows of features: what stands on top of embeddings.
 *
 * A row is n_features floats x with a target t.  Regression estimates t; classification (t is 0 or
 * 1) estimates the probability that t is 1.
 *
 * Least squares (linear, ridge) are solved here, with OpenBLAS.  All others are fitted by a library in a
 * process of its own, which ends with the fit: whatever the library allocates, throws, starts or calls ends
 * with it, and a cancelled fit is killed.  What is kept is plain numbers, read by this file alone: a model
 * is used where no library is installed.  The objective of each is at the head of its estimators_*.c.
 */
#ifndef CORE_ESTIMATORS_H
#define CORE_ESTIMATORS_H

#include "core/env.h"
#include "core/model.h"

typedef enum EstimatorKind
{
	ESTIMATOR_LINEAR,			/* regression: least squares */
	ESTIMATOR_RIDGE,			/* regression: least squares with a penalty */
	ESTIMATOR_LOGISTIC,			/* classification: logistic regression (liblinear) */
	ESTIMATOR_LINEAR_SVC,		/* classification: squared hinge loss (liblinear); not calibrated */
	ESTIMATOR_DECISION_TREE,	/* one CART tree (XGBoost) */
	ESTIMATOR_BAGGING,			/* mean of trees on drawn rows (XGBoost) */
	ESTIMATOR_RANDOM_FOREST,	/* and drawn features at every split (XGBoost) */
	ESTIMATOR_GRADIENT_BOOSTING /* sum of trees (XGBoost) */
} EstimatorKind;

#define N_ESTIMATORS (ESTIMATOR_GRADIENT_BOOSTING + 1)

/* How to fit. */
typedef struct EstimatorSpec
{
	EstimatorKind kind;
	bool		classify;
	double		regularization; /* ridge (loss: half the squared error), logistic, linear_svc: lambda of loss +
								 * lambda / 2 |w|^2, mean loss over the rows, features standardised, intercept
								 * free but for 1 / 10,000 of lambda in liblinear; boosting: lambda of the leaves */
	int			n_estimators;	/* trees: bagging, random_forest, gradient_boosting */
	int			max_depth;		/* of a tree */
	int			min_leaf;		/* rows in a leaf, at least; boosting of classes counts 4 p (1 - p) for a row */
	double		learning_rate;	/* gradient_boosting */
	double		subsample;		/* probability that a row is drawn for a tree, without replacement; not
								 * decision_tree */
	double		max_features;	/* share of the features looked at per split: random_forest */
	int64_t		random_state;
} EstimatorSpec;

/* Rows to fit on. */
typedef struct EstimatorRows
{
	int64_t		n;
	int			n_features;
	const float *features;		/* n x n_features, row after row; finite */
	const float *targets;		/* finite; 0 or 1 to classify */
	const float *weights;		/* of the rows, above 0; NULL: all 1.  Only their ratios count.  logistic and
								 * linear_svc draw n rows in proportion to them, the same at every fit */
} EstimatorRows;

/* A fitted estimator; its arrays belong to an Env, or to a model that is open. */
typedef struct Estimator
{
	EstimatorKind kind;
	bool		classify;
	int			n_features;
	double		intercept;		/* linear ones; with trees: what their sum starts from */
	const float *weights;		/* linear ones: n_features; else NULL */
	int32_t		n_trees;		/* 0: linear */
	int32_t		n_nodes;		/* of all trees */
	const int32_t *roots;		/* node that each tree begins with */
	const int32_t *features;	/* of each node; -1: a leaf */
	const float *thresholds;	/* x < threshold goes left; of a leaf: its value */
	const int32_t *children;	/* left child of each node, above the node itself; the right one follows it */
} Estimator;

/* "linear", "ridge", ..., by EstimatorKind. */
extern const char *const estimator_names[N_ESTIMATORS];

/*
 * Fits.  The arrays of *estimator are blocks of env, or lie in one.  The same rows and spec give the same
 * bytes.  When all targets are equal, every kind gives that target (a probability: within 10^-8 of it)
 * without a library.  Reports progress by trees and the loss of boosting after every tree.
 *
 * RECSYS_BAD_ARGUMENT when the kind does not do what spec->classify asks, or a number of spec is out of
 * range; RECSYS_BAD_DATA when a row holds what is not finite, or there is none; RECSYS_UNSUPPORTED with a
 * hint what to install where the library is missing; RECSYS_OVER_LIMIT when the process needs more memory
 * than env has left; RECSYS_NOT_CONVERGED when the result is not finite; and what child.h lists.
 *
 * Forks: the process must have no second thread, and what env calls must not wait for children.
 */
extern RecsysStatus estimator_fit(Env *env, const EstimatorSpec *spec, const EstimatorRows *rows,
								  Estimator *estimator);

/*
 * Fails at once for what estimator_fit would fail for when all else has been computed: a spec out of
 * range, rows that take more memory than env has left, a library that is not there (a process tries).
 */
extern RecsysStatus estimator_ready(Env *env, const EstimatorSpec *spec, int64_t n_rows, int n_features);

/*
 * Bytes held at the peak of estimator_fit, that of its process included, and of the model sections; seconds.
 * Of trees the most that they may take: all full, all features with many values.  On random numbers the peak
 * was .8 to 1.1 of this up to a depth of 10, and .4 at 12, where trees are far from full.
 */
extern void estimator_estimate(const EstimatorSpec *spec, int64_t n_rows, int n_features,
							   double *bytes, double *model_bytes, double *seconds);

/*
 * The estimate for one row: the target, or the value that grows with the probability of 1 and is at
 * least .5 where 1 is the class (linear_svc: the logistic function of the margin).
 */
extern double estimator_value(const Estimator *estimator, const float *x);

/* Sections "estimator_*" of a model. */
extern RecsysStatus estimator_put(Env *env, ModelWriter *writer, const Estimator *estimator);

/* Checks everything that is used as an index: RECSYS_CORRUPT. */
extern RecsysStatus estimator_open(Env *env, const Model *model, Estimator *estimator);

#endif							/* CORE_ESTIMATORS_H */
