/*
 * estimators.c
 *		Regressors and classifiers: what is common to them.
 *
 * Who does the work:
 *
 *		linear, ridge					estimators_linear.c, in this process
 *		logistic, linear_svc			estimators_liblinear.c  \ in a process of
 *		the kinds of trees				estimators_xgboost.c    / its own: child.c
 *
 * Rows with equal targets need nobody: the estimator is that target.
 */
#include "core/estimators.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/estimators_parts.h"
#include "core/trees.h"

#define POLL_VALUES (INT64_C(1) << 20)
#define MAX_DEPTH 64

const char *const estimator_names[N_ESTIMATORS] = {
	"linear", "ridge", "logistic", "linear_svc", "decision_tree", "bagging", "random_forest",
	"gradient_boosting"
};

/* Is it a sum of weights and features? */
static bool
is_linear(EstimatorKind kind)
{
	return kind <= ESTIMATOR_LINEAR_SVC;
}

/* Is it fitted in this process? */
static bool
is_least_squares(EstimatorKind kind)
{
	return kind == ESTIMATOR_LINEAR || kind == ESTIMATOR_RIDGE;
}

/* Is the sum a log-odds, for which the probability stands? */
static bool
is_log_odds(const Estimator *estimator)
{
	return estimator->classify &&
		(is_linear(estimator->kind) || estimator->kind == ESTIMATOR_GRADIENT_BOOSTING);
}

/* Can the kind do what is asked? */
static bool
fits_task(EstimatorKind kind, bool classify)
{
	return is_least_squares(kind) ? !classify : !is_linear(kind) || classify;
}

/* Are the numbers of the trees in range? */
static bool
good_tree_numbers(const EstimatorSpec *spec)
{
	return spec->max_depth >= 1 && spec->max_depth <= MAX_DEPTH && spec->min_leaf >= 1 &&
		(spec->kind == ESTIMATOR_DECISION_TREE ||
		 (spec->n_estimators >= 1 && spec->subsample > 0.0 && spec->subsample <= 1.0)) &&
		(spec->kind != ESTIMATOR_RANDOM_FOREST ||
		 (spec->max_features > 0.0 && spec->max_features <= 1.0)) &&
		(spec->kind != ESTIMATOR_GRADIENT_BOOSTING ||
		 (spec->learning_rate > 0.0 && isfinite(spec->learning_rate)));
}

/* Refuses what no library should see. */
static RecsysStatus
check_spec(Env *env, const EstimatorSpec *spec)
{
	const char *name;

	if ((unsigned) spec->kind >= N_ESTIMATORS)
		return env_fail(env, RECSYS_BAD_ARGUMENT, "unknown estimator: %d", (int) spec->kind);
	name = estimator_names[spec->kind];
	if (!fits_task(spec->kind, spec->classify))
		return env_fail(env, RECSYS_BAD_ARGUMENT, "estimator \"%s\" does not do %s", name,
						spec->classify ? "classification" : "regression");
	if (!(spec->regularization >= 0.0 && isfinite(spec->regularization)) ||
		(!is_linear(spec->kind) && !good_tree_numbers(spec)))
		return env_fail(env, RECSYS_BAD_ARGUMENT, "parameters of estimator \"%s\" are out of range", name);
	return RECSYS_OK;
}

/* Are target and weight of a row as they should be? */
static bool
good_row(const EstimatorRows *rows, int64_t row, bool classify)
{
	float		t = rows->targets[row];
	double		v = row_weight(rows, row);

	return isfinite(t) && (!classify || t == 0.0f || t == 1.0f) && v > 0.0 && isfinite(v);
}

/* Refuses rows with what is not finite. */
static RecsysStatus
check_rows(Env *env, const EstimatorRows *rows, bool classify)
{
	if (rows->n < 1 || rows->n_features < 1)
		return env_fail(env, RECSYS_BAD_DATA, "an estimator needs at least one row and one feature");
	if (rows->n > INT_MAX)
		return env_fail(env, RECSYS_OVER_LIMIT, "an estimator takes at most %d rows", INT_MAX);
	for (int64_t i = 0, polled = 0; i < rows->n; i++, polled += rows->n_features)
	{
		const float *x = rows->features + i * rows->n_features;
		bool		good = good_row(rows, i, classify);

		for (int j = 0; j < rows->n_features; j++)
			good = good && isfinite(x[j]);
		if (!good)
			return env_fail(env, RECSYS_BAD_DATA, "row %lld of an estimator cannot be used", (long long) i);
		if (polled >= POLL_VALUES)
		{
			if (env_interrupted(env))
				return env->status;
			polled = 0;
		}
	}
	return RECSYS_OK;
}

/* Sums up weights and targets; true if all targets are equal. */
static bool
measure_targets(EstimatorFit *fit)
{
	const EstimatorRows *rows = fit->rows;
	bool		equal = true;

	fit->weight_sum = fit->mean = 0.0;
	for (int64_t i = 0; i < rows->n; i++)
	{
		fit->weight_sum += row_weight(rows, i);
		fit->mean += row_weight(rows, i) * rows->targets[i];
		equal = equal && rows->targets[i] == rows->targets[0];
	}
	fit->mean /= fit->weight_sum;
	return equal;
}

/* One tree of one leaf, of value 0. */
static RecsysStatus
constant_tree(Env *env, Estimator *estimator)
{
	int32_t    *zero = env_alloc_zero(env, 2, sizeof(int32_t));
	int32_t    *leaf = env_alloc(env, 1, sizeof(int32_t));
	float	   *value = env_alloc_zero(env, 1, sizeof(float));

	if (zero == NULL || leaf == NULL || value == NULL)
		return env->status;
	*leaf = -1;
	estimator->n_trees = estimator->n_nodes = 1;
	estimator->roots = zero;
	estimator->features = leaf;
	estimator->thresholds = value;
	estimator->children = zero + 1;
	return RECSYS_OK;
}

/* What gives the same for every row. */
static RecsysStatus
fit_constant(Env *env, const EstimatorRows *rows, Estimator *estimator)
{
	double		target = rows->targets[0];

	estimator->intercept = is_log_odds(estimator) ? (target > 0.5 ? CERTAIN : -CERTAIN) : target;
	if (!is_linear(estimator->kind))
		return constant_tree(env, estimator);
	estimator->weights = env_alloc_zero(env, (size_t) rows->n_features, sizeof(float));
	return estimator->weights != NULL ? RECSYS_OK : env->status;
}

/* The arrays of trees, which lie in what the process has sent. */
static RecsysStatus
unpack_trees(Env *env, const char *bytes, size_t length, Estimator *estimator)
{
	const TreesHeader *header = (const TreesHeader *) bytes;
	const int32_t *arrays = (const int32_t *) (header + 1);

	if (length < sizeof(*header) || header->n_trees < 1 || header->n_nodes < header->n_trees ||
		length != sizeof(*header) + 4 * ((size_t) header->n_trees + 3 * (size_t) header->n_nodes))
		return env_fail(env, RECSYS_EXTERNAL, "trees of an estimator have the wrong length");
	estimator->intercept = header->intercept;
	estimator->n_trees = header->n_trees;
	estimator->n_nodes = header->n_nodes;
	estimator->roots = arrays;
	estimator->features = arrays + header->n_trees;
	estimator->thresholds = (const float *) (estimator->features + header->n_nodes);
	estimator->children = estimator->features + 2 * (size_t) header->n_nodes;
	return RECSYS_OK;
}

/* Intercept and weights, which lie in what the process has sent. */
static RecsysStatus
unpack_linear(Env *env, const char *bytes, size_t length, Estimator *estimator)
{
	if (length != sizeof(double) + (size_t) estimator->n_features * sizeof(float))
		return env_fail(env, RECSYS_EXTERNAL, "weights of an estimator have the wrong length");
	memcpy(&estimator->intercept, bytes, sizeof(double));
	estimator->weights = (const float *) (bytes + sizeof(double));
	return RECSYS_OK;
}

/* Fits in a process of its own. */
static RecsysStatus
fit_in_process(Env *env, EstimatorFit *fit, Estimator *estimator)
{
	EstimatorKind kind = fit->spec->kind;
	char		what[64];
	ChildJob	job = {.what = what, .arg = fit,
		.loss_term = fit->spec->classify ? "log_loss" : "rmse",
	.run = is_linear(kind) ? liblinear_run : xgboost_run};
	void	   *bytes;
	size_t		length;

	snprintf(what, sizeof(what), "estimator \"%s\"", estimator_names[kind]);
	TRY(child_run(env, &job, &bytes, &length));
	return is_linear(kind) ? unpack_linear(env, bytes, length, estimator)
		: unpack_trees(env, bytes, length, estimator);
}

/* Bytes that the process takes whatever the rows are: what it cannot do with less. */
static double
least_process_bytes(const EstimatorSpec *spec, double n_rows, double n_features)
{
	return n_rows * n_features * (is_linear(spec->kind) ? 16.0 : 8.0);
}

/* Would so many more bytes stay within the limit? */
static RecsysStatus
reserve(Env *env, double bytes)
{
	return env_reserve(env, bytes < (double) SIZE_MAX ? (size_t) bytes : SIZE_MAX);
}

/* Fits what has different targets. */
static RecsysStatus
fit_kind(Env *env, EstimatorFit *fit, Estimator *estimator)
{
	const EstimatorRows *rows = fit->rows;
	double		needed = least_process_bytes(fit->spec, (double) rows->n, rows->n_features);

	if (is_linear(estimator->kind))
		TRY(fit_standardise(env, fit));
	if (is_least_squares(estimator->kind))
		return least_squares_fit(env, fit, estimator);
	TRY(reserve(env, needed));
	return fit_in_process(env, fit, estimator);
}

/* Has a process load the library, unless one has been able to already. */
static RecsysStatus
try_library(Env *env, EstimatorKind kind)
{
	static bool seen[2];
	bool		linear = is_linear(kind);
	char		what[64];
	ChildJob	job = {.what = what, .run = linear ? liblinear_try : xgboost_try};
	void	   *nothing;
	size_t		length;

	if (seen[linear])
		return RECSYS_OK;
	snprintf(what, sizeof(what), "estimator \"%s\"", estimator_names[kind]);
	TRY(child_run(env, &job, &nothing, &length));
	env_free(env, nothing);
	seen[linear] = true;
	return RECSYS_OK;
}

/* Memory first, which takes no process. */
RecsysStatus
estimator_ready(Env *env, const EstimatorSpec *spec, int64_t n_rows, int n_features)
{
	double		rows = (double) n_rows * (n_features + 1.0) * sizeof(float);

	TRY(check_spec(env, spec));
	if (is_least_squares(spec->kind))
		return reserve(env, rows);
	TRY(reserve(env, rows + least_process_bytes(spec, (double) n_rows, n_features)));
	return try_library(env, spec->kind);
}

/* Are intercept, weights, thresholds and leaves finite?  Asks env now and then whether to stop. */
static RecsysStatus
check_numbers(Env *env, const Estimator *estimator, bool *finite)
{
	bool		linear = estimator->n_trees == 0;
	const float *numbers = linear ? estimator->weights : estimator->thresholds;
	int32_t		n = linear ? estimator->n_features : estimator->n_nodes;

	*finite = isfinite(estimator->intercept);
	for (int32_t i = 0; i < n && *finite; i++)
	{
		if (i % POLL_VALUES == 0 && env_interrupted(env))
			return env->status;
		*finite = isfinite(numbers[i]);
	}
	return RECSYS_OK;
}

/* Fits. */
RecsysStatus
estimator_fit(Env *env, const EstimatorSpec *spec, const EstimatorRows *rows, Estimator *estimator)
{
	EstimatorFit fit = {.spec = spec, .rows = rows};
	bool		finite;

	TRY(check_spec(env, spec));
	TRY(check_rows(env, rows, spec->classify));
	*estimator = (Estimator) {.kind = spec->kind, .classify = spec->classify, .n_features = rows->n_features};
	if (measure_targets(&fit))
		return fit_constant(env, rows, estimator);
	TRY(fit_kind(env, &fit, estimator));
	env_free(env, fit.means);
	env_free(env, fit.scales);
	TRY(check_numbers(env, estimator, &finite));
	if (finite)
		return RECSYS_OK;
	env_fail(env, RECSYS_NOT_CONVERGED, "estimator \"%s\" has no finite weights", estimator_names[spec->kind]);
	return env_hint(env, "The features or targets are too far apart in size for single precision.");
}

/* What it takes. */
void
estimator_estimate(const EstimatorSpec *spec, int64_t n_rows, int n_features, double *bytes,
				   double *model_bytes, double *seconds)
{
	double		n = (double) n_rows;
	double		p = n_features;

	if (is_least_squares(spec->kind))
		least_squares_estimate(n, p, bytes, seconds);
	else if (is_linear(spec->kind))
		liblinear_estimate(n, p, bytes, seconds);
	else
		xgboost_estimate(spec, n, p, bytes, seconds);
	*model_bytes = is_linear(spec->kind) ? 4.0 * p : xgboost_model_bytes(spec, n);
}

/* The weighted sum of features, or the sum or mean of the trees' leaves, from the intercept. */
static double
estimator_sum(const Estimator *estimator, const float *x)
{
	double		sum = 0.0;

	for (int32_t i = 0; i < estimator->n_trees; i++)
		sum += tree_value(estimator->features, estimator->thresholds, estimator->children,
						  estimator->roots[i], x);
	if (estimator->n_trees > 0 && estimator->kind != ESTIMATOR_GRADIENT_BOOSTING)
		sum /= estimator->n_trees;
	if (estimator->n_trees == 0)
	{
		for (int j = 0; j < estimator->n_features; j++)
			sum += (double) estimator->weights[j] * x[j];
	}
	return estimator->intercept + sum;
}

/* Estimate for one row. */
double
estimator_value(const Estimator *estimator, const float *x)
{
	double		sum = estimator_sum(estimator, x);

	return is_log_odds(estimator) ? 1.0 / (1.0 + exp(-sum)) : sum;
}

/* ---------------------------------------------------------------- model sections */

/* Positions in the section "estimator_shape". */
enum
{
	SHAPE_KIND,
	SHAPE_CLASSIFY,
	SHAPE_FEATURES,
	SHAPE_TREES,
	SHAPE_NODES,
	N_SHAPE
};

/* Puts the arrays of trees. */
static RecsysStatus
put_trees(Env *env, ModelWriter *writer, const Estimator *estimator)
{
	int64_t		n = estimator->n_nodes;

	TRY(model_put(env, writer, "estimator_roots", SECTION_INT32, estimator->n_trees, 1, estimator->roots));
	TRY(model_put(env, writer, "estimator_features", SECTION_INT32, n, 1, estimator->features));
	TRY(model_put(env, writer, "estimator_thresholds", SECTION_FLOAT, n, 1, estimator->thresholds));
	return model_put(env, writer, "estimator_children", SECTION_INT32, n, 1, estimator->children);
}

/* Puts the sections. */
RecsysStatus
estimator_put(Env *env, ModelWriter *writer, const Estimator *estimator)
{
	int32_t    *shape = env_alloc(env, N_SHAPE, sizeof(int32_t));
	double	   *intercept = env_alloc(env, 1, sizeof(double));

	if (shape == NULL || intercept == NULL)
		return env->status;
	shape[SHAPE_KIND] = (int32_t) estimator->kind;
	shape[SHAPE_CLASSIFY] = estimator->classify;
	shape[SHAPE_FEATURES] = estimator->n_features;
	shape[SHAPE_TREES] = estimator->n_trees;
	shape[SHAPE_NODES] = estimator->n_nodes;
	*intercept = estimator->intercept;
	TRY(model_put(env, writer, "estimator_shape", SECTION_INT32, N_SHAPE, 1, shape));
	TRY(model_put(env, writer, "estimator_intercept", SECTION_DOUBLE, 1, 1, intercept));
	if (estimator->n_trees > 0)
		return put_trees(env, writer, estimator);
	return model_put(env, writer, "estimator_weights", SECTION_FLOAT, estimator->n_features, 1,
					 estimator->weights);
}

/* Fails for a section that cannot be used. */
static RecsysStatus
fail_damaged(Env *env, const char *section)
{
	return model_damaged(env, "Section \"estimator_%s\" holds what cannot be.", section);
}

/* A section of n rows of 4 bytes. */
static RecsysStatus
get_column(Env *env, const Model *model, const char *name, SectionType type, int64_t n, const void **data)
{
	int64_t		one = 1;

	return model_get(env, model, name, type, &n, &one, data);
}

/* Reads kind and sizes. */
static RecsysStatus
open_shape(Env *env, const Model *model, Estimator *estimator)
{
	const void *data;
	const int32_t *shape;

	TRY(get_column(env, model, "estimator_shape", SECTION_INT32, N_SHAPE, &data));
	shape = data;
	if (shape[SHAPE_KIND] < 0 || shape[SHAPE_KIND] >= N_ESTIMATORS ||
		(shape[SHAPE_CLASSIFY] != 0 && shape[SHAPE_CLASSIFY] != 1) || shape[SHAPE_FEATURES] < 1 ||
		shape[SHAPE_TREES] < 0 || shape[SHAPE_NODES] < shape[SHAPE_TREES] ||
		is_linear((EstimatorKind) shape[SHAPE_KIND]) != (shape[SHAPE_TREES] == 0) ||
		!fits_task((EstimatorKind) shape[SHAPE_KIND], shape[SHAPE_CLASSIFY] == 1))
		return fail_damaged(env, "shape");
	estimator->kind = (EstimatorKind) shape[SHAPE_KIND];
	estimator->classify = shape[SHAPE_CLASSIFY] == 1;
	estimator->n_features = shape[SHAPE_FEATURES];
	estimator->n_trees = shape[SHAPE_TREES];
	estimator->n_nodes = shape[SHAPE_NODES];
	TRY(get_column(env, model, "estimator_intercept", SECTION_DOUBLE, 1, &data));
	estimator->intercept = *(const double *) data;
	return RECSYS_OK;
}

/* Is this a leaf, or does it look at a feature and lead to two later nodes of its tree, which ends before `end`? */
static bool
good_node(const Estimator *estimator, int32_t node, int32_t end)
{
	int32_t		feature = estimator->features[node];
	int32_t		left = estimator->children[node];

	return feature == -1 ||
		(feature >= 0 && feature < estimator->n_features && left > node && left < end - 1);
}

/* Checks the nodes of all trees: a tree ends where the next one begins. */
static RecsysStatus
check_trees(Env *env, const Estimator *estimator)
{
	const int32_t *roots = estimator->roots;

	if (roots[0] != 0)
		return fail_damaged(env, "roots");
	for (int32_t i = 0; i < estimator->n_trees; i++)
	{
		int32_t		end = i + 1 < estimator->n_trees ? roots[i + 1] : estimator->n_nodes;

		if (end <= roots[i] || end > estimator->n_nodes)
			return fail_damaged(env, "roots");
		for (int32_t node = roots[i]; node < end; node++)
		{
			if (node % POLL_VALUES == 0 && env_interrupted(env))
				return env->status;
			if (!good_node(estimator, node, end))
				return fail_damaged(env, "children");
		}
	}
	return RECSYS_OK;
}

/* Finds and checks the arrays of trees. */
static RecsysStatus
open_trees(Env *env, const Model *model, Estimator *estimator)
{
	int64_t		n = estimator->n_nodes;
	const void *roots;
	const void *features;
	const void *thresholds;
	const void *children;

	TRY(get_column(env, model, "estimator_roots", SECTION_INT32, estimator->n_trees, &roots));
	TRY(get_column(env, model, "estimator_features", SECTION_INT32, n, &features));
	TRY(get_column(env, model, "estimator_thresholds", SECTION_FLOAT, n, &thresholds));
	TRY(get_column(env, model, "estimator_children", SECTION_INT32, n, &children));
	estimator->roots = roots;
	estimator->features = features;
	estimator->thresholds = thresholds;
	estimator->children = children;
	return check_trees(env, estimator);
}

/* Finds and checks the sections. */
RecsysStatus
estimator_open(Env *env, const Model *model, Estimator *estimator)
{
	const void *weights;
	bool		finite;

	memset(estimator, 0, sizeof(*estimator));
	TRY(open_shape(env, model, estimator));
	if (estimator->n_trees > 0)
		TRY(open_trees(env, model, estimator));
	else
	{
		TRY(get_column(env, model, "estimator_weights", SECTION_FLOAT, estimator->n_features, &weights));
		estimator->weights = weights;
	}
	TRY(check_numbers(env, estimator, &finite));
	return finite ? RECSYS_OK : fail_damaged(env, estimator->n_trees > 0 ? "thresholds" : "weights");
}
