/*
 * estimators_parts.h
 *		What the files estimators_*.c share.
 */
#ifndef CORE_ESTIMATORS_PARTS_H
#define CORE_ESTIMATORS_PARTS_H

#include "core/child.h"
#include "core/estimators.h"

/* Log-odds of a class that has no other beside it. */
#define CERTAIN 20.0

/* A fit, as its parts and its process see it. */
typedef struct EstimatorFit
{
	const EstimatorSpec *spec;
	const EstimatorRows *rows;
	double		weight_sum;		/* of the rows */
	double		mean;			/* weighted, of the targets */
	double	   *means;			/* linear ones: of each feature */
	double	   *scales;			/* 1 / standard deviation; 0 of a feature that does not vary */
} EstimatorFit;

/* Weight of a row. */
static inline double
row_weight(const EstimatorRows *rows, int64_t row)
{
	return rows->weights != NULL ? rows->weights[row] : 1.0;
}

/* Feature j of a row, standardised. */
static inline double
standard_feature(const EstimatorFit *fit, int64_t row, int j)
{
	return (fit->rows->features[row * fit->rows->n_features + j] - fit->means[j]) * fit->scales[j];
}

/* Sets means and scales, in blocks of env. */
extern RecsysStatus fit_standardise(Env *env, EstimatorFit *fit);

/* Weights on features as they are, from those on standardised ones; returns the intercept. */
extern double fit_unstandardise(const EstimatorFit *fit, const double *standard, double intercept,
								float *weights);

/* linear, ridge: the weights are a block of env. */
extern RecsysStatus least_squares_fit(Env *env, const EstimatorFit *fit, Estimator *estimator);
extern void least_squares_estimate(double n_rows, double n_features, double *bytes, double *seconds);

/*
 * In the process.  liblinear_run (logistic, linear_svc) gives a double, the intercept, and n_features
 * floats, the weights.  xgboost_run gives a TreesHeader and then the arrays of Estimator in their order.
 * arg: an EstimatorFit.
 */
typedef struct TreesHeader
{
	int32_t		n_trees;
	int32_t		n_nodes;
	double		intercept;
} TreesHeader;

extern const ChildLibrary liblinear_libraries[];
extern const ChildLibrary xgboost_libraries[];
extern void liblinear_run(Child *child, void *arg);
extern void liblinear_try(Child *child, void *arg);	/* loads the library, gives nothing; so does xgboost_try */
extern void liblinear_estimate(double n_rows, double n_features, double *bytes, double *seconds);
extern void xgboost_run(Child *child, void *arg);
extern void xgboost_try(Child *child, void *arg);
extern void xgboost_estimate(const EstimatorSpec *spec, double n_rows, double n_features, double *bytes,
							 double *seconds);
extern double xgboost_model_bytes(const EstimatorSpec *spec, double n_rows);

/* The rows that are taken when each counts as one: see estimators_liblinear.c.  Sets n of them. */
extern void draw_by_weight(const EstimatorRows *rows, double weight_sum, int64_t *drawn);

#endif							/* CORE_ESTIMATORS_PARTS_H */
