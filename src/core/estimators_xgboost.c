/*
 * estimators_xgboost.c
 *		Decision tree, bagging, random forest and gradient boosting, by XGBoost; in a process of its own.
 *
 * All trees are grown level by level on features cut into at most MAX_BINS bins ("hist"), by one thread (Chen and
 * Guestrin, "XGBoost: a scalable tree boosting system", KDD 2016).  A split maximises G^2 / (H + lambda) of its
 * two sides, G and H being the sums over the rows of the loss's first and second derivatives.
 *
 *		decision_tree		one tree on squared loss, lambda 0: splits reduce the variance most, which of classes
 *							is Gini's measure; a leaf holds the mean of its targets
 *		bagging				the mean of such trees, each on rows drawn without replacement: every row with
 *							probability `subsample`
 *		random_forest		and at each node another share max_features of the features is looked at
 *		gradient_boosting	trees one after the other, each on the derivatives of the loss at the sum of those
 *							before (squared loss; log loss for classes), its leaves times learning_rate and with
 *							the penalty lambda, which is `regularization`
 *
 * What a sum of trees starts from is the mean of the targets, so a tree without a row gives that.  min_leaf is a
 * bound on H: rows by squared loss; by log loss, where a row has p (1 - p), in units of p = 1/2.  Weights of rows
 * count as so many rows, their mean being 1.
 *
 * Memory: 10 bytes a feature of each row, and 16 bytes a bin for every node of one tree, which is much for deep trees
 * on many features.  Time for a tree: rows x features x depth, and bins x nodes.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/estimators_parts.h"
#include "core/trees.h"

#define MAX_BINS 64
#define LIBRARY_BYTES (7 << 20) /* what a process touches of the library and its own */
#define LEAST_SHARE 1e-6		/* of a class that log loss starts from */

/* What Debian calls it up to version 3.0, and later.  It must be 1.6 at least, which saves trees to a buffer. */
const ChildLibrary xgboost_libraries[] =
{
	{"libxgboost.so.0", "libxgboost0"},
	{"libxgboost.so.3", "libxgboost3"},
	{NULL, NULL}
};

/* Functions of the library; handles are opaque, and a status is 0 or -1. */
typedef struct Xgboost
{
	const char *(*last_error) (void);
	int			(*matrix_create) (const float *, uint64_t rows, uint64_t columns, float missing, void **);
	int			(*matrix_set) (void *matrix, const char *field, const float *, uint64_t n);
	int			(*create) (void *const *matrices, uint64_t n, void **);
	int			(*set) (void *booster, const char *name, const char *value);
	int			(*update) (void *booster, int iteration, void *matrix);
	int			(*evaluate) (void *booster, int iteration, void **matrices, const char **names, uint64_t n,
							 const char **result);
	int			(*save) (void *booster, const char *config, uint64_t *n, const char **bytes);
	int			(*free) (void *booster);
} Xgboost;

static const ChildSymbol symbols[] =
{
	{"XGBGetLastError", offsetof(Xgboost, last_error)},
	{"XGDMatrixCreateFromMat", offsetof(Xgboost, matrix_create)},
	{"XGDMatrixSetFloatInfo", offsetof(Xgboost, matrix_set)},
	{"XGBoosterCreate", offsetof(Xgboost, create)},
	{"XGBoosterSetParam", offsetof(Xgboost, set)},
	{"XGBoosterUpdateOneIter", offsetof(Xgboost, update)},
	{"XGBoosterEvalOneIter", offsetof(Xgboost, evaluate)},
	{"XGBoosterSaveModelToBuffer", offsetof(Xgboost, save)},
	{"XGBoosterFree", offsetof(Xgboost, free)},
};

/* A fit in the process. */
typedef struct Run
{
	Child	   *child;
	const EstimatorFit *fit;
	Xgboost		library;
	const char *file;			/* of the library */
	void	   *matrix;
	float		start;			/* base_score */
	Trees		trees;
} Run;

/* Ends with the library's words when a call has failed. */
static void
check(const Run *run, int status)
{
	char		text[200];

	if (status == 0)
		return;
	snprintf(text, sizeof(text), "%s", run->library.last_error());
	text[strcspn(text, "\n")] = '\0';
	child_fail(run->child, RECSYS_EXTERNAL, NULL, NULL, "library \"%s\" failed: %s", run->file, text);
}

/* Does the loss have log-odds? */
static bool
is_log_loss(const EstimatorSpec *spec)
{
	return spec->kind == ESTIMATOR_GRADIENT_BOOSTING && spec->classify;
}

/* Gives the rows to the library. */
static void
create_matrix(Run *run)
{
	const EstimatorRows *rows = run->fit->rows;
	uint64_t	n = (uint64_t) rows->n;

	check(run, run->library.matrix_create(rows->features, n, (uint64_t) rows->n_features, NAN, &run->matrix));
	check(run, run->library.matrix_set(run->matrix, "label", rows->targets, n));
	if (rows->weights != NULL)
	{
		float	   *weights = child_alloc(run->child, n, sizeof(float));
		double		mean = run->fit->weight_sum / (double) n;

		for (uint64_t i = 0; i < n; i++)
			weights[i] = (float) (rows->weights[i] / mean);
		check(run, run->library.matrix_set(run->matrix, "weight", weights, n));
		free(weights);
	}
}

/* Sets a parameter to a text. */
static void
set_text(const Run *run, void *booster, const char *name, const char *value)
{
	check(run, run->library.set(booster, name, value));
}

/* Sets a parameter to a number; nine digits give every float back. */
static void
set_number(const Run *run, void *booster, const char *name, double value)
{
	char		text[32];

	snprintf(text, sizeof(text), "%.9g", value);
	set_text(run, booster, name, text);
}

/* Random numbers of tree i: any 31 bits. */
static int
tree_seed(const EstimatorSpec *spec, int i)
{
	return (int) (((uint64_t) spec->random_state + (uint64_t) i) & INT32_MAX);
}

/* A booster with the parameters that all kinds have. */
static void *
create_booster(const Run *run, int i)
{
	const EstimatorSpec *spec = run->fit->spec;
	bool		boosting = spec->kind == ESTIMATOR_GRADIENT_BOOSTING;
	void	   *booster;

	check(run, run->library.create(&run->matrix, 1, &booster));
	set_text(run, booster, "verbosity", "0");
	set_number(run, booster, "nthread", 1);
	set_text(run, booster, "tree_method", "hist");
	set_number(run, booster, "max_bin", MAX_BINS);
	set_text(run, booster, "objective", is_log_loss(spec) ? "binary:logistic" : "reg:squarederror");
	set_text(run, booster, "eval_metric", is_log_loss(spec) ? "logloss" : "rmse");
	set_number(run, booster, "base_score", run->start);
	set_number(run, booster, "max_depth", spec->max_depth);
	set_number(run, booster, "min_child_weight", spec->min_leaf * (is_log_loss(spec) ? 0.25 : 1.0));
	set_number(run, booster, "learning_rate", boosting ? spec->learning_rate : 1.0);
	set_number(run, booster, "lambda", boosting ? spec->regularization : 0.0);
	set_number(run, booster, "subsample", spec->kind == ESTIMATOR_DECISION_TREE ? 1.0 : spec->subsample);
	set_number(run, booster, "colsample_bynode",
			   spec->kind == ESTIMATOR_RANDOM_FOREST ? spec->max_features : 1.0);
	set_number(run, booster, "seed", tree_seed(spec, i));
	return booster;
}

/* Takes the trees of a booster and frees it. */
static void
take_trees(Run *run, void *booster)
{
	uint64_t	length;
	const char *text;
	TreesStatus status;

	check(run, run->library.save(booster, "{\"format\": \"json\"}", &length, &text));
	status = trees_append_json(&run->trees, text, length);
	if (status == TREES_NO_MEMORY)
		child_fail_memory(run->child);
	if (status != TREES_OK)
		child_fail(run->child, RECSYS_EXTERNAL, NULL, "Install the package of Debian or Ubuntu.",
				   "trees of the library \"%s\" cannot be read", run->file);
	check(run, run->library.free(booster));
}

/* One tree after the other, each for itself. */
static void
grow_forest(Run *run)
{
	const EstimatorSpec *spec = run->fit->spec;
	int			n = spec->kind == ESTIMATOR_DECISION_TREE ? 1 : spec->n_estimators;

	for (int i = 0; i < n; i++)
	{
		void	   *booster = create_booster(run, i);

		check(run, run->library.update(booster, 0, run->matrix));
		take_trees(run, booster);
		child_progress(run->child, i + 1, n);
	}
}

/* Reports the loss on the rows, which the library tells as "[0]	train-rmse:0.123". */
static void
report_loss(const Run *run, void *booster, int iteration)
{
	void	   *matrix = run->matrix;
	const char *name = "train";
	const char *text;
	const char *colon;

	check(run, run->library.evaluate(booster, iteration, &matrix, &name, 1, &text));
	colon = strrchr(text, ':');
	if (colon != NULL)
		child_loss(run->child, iteration + 1, strtod(colon + 1, NULL));
}

/* Each tree on what those before have left. */
static void
boost(Run *run)
{
	int			n = run->fit->spec->n_estimators;
	void	   *booster = create_booster(run, 0);

	for (int i = 0; i < n; i++)
	{
		check(run, run->library.update(booster, i, run->matrix));
		report_loss(run, booster, i);
		child_progress(run->child, i + 1, n);
	}
	take_trees(run, booster);
}

/* Copies n elements of 4 bytes to *at and moves it behind them. */
static void
append(char **at, const void *elements, int32_t n)
{
	memcpy(*at, elements, (size_t) n * 4);
	*at += (size_t) n * 4;
}

/* Sends all trees. */
static _Noreturn void
send_trees(const Run *run)
{
	const Trees *trees = &run->trees;
	double		start = run->start;
	TreesHeader header = {.n_trees = trees->n_trees, .n_nodes = trees->n_nodes,
	.intercept = is_log_loss(run->fit->spec) ? -log(1.0 / start - 1.0) : start};
	size_t		length = sizeof(header) + 4 * ((size_t) trees->n_trees + 3 * (size_t) trees->n_nodes);
	char	   *bytes = child_alloc(run->child, length, 1);
	char	   *at = bytes + sizeof(header);

	memcpy(bytes, &header, sizeof(header));
	append(&at, trees->roots, trees->n_trees);
	append(&at, trees->features, trees->n_nodes);
	append(&at, trees->thresholds, trees->n_nodes);
	append(&at, trees->children, trees->n_nodes);
	child_succeed(run->child, bytes, length);
}

/* Loads the library; returns the name of its file. */
static const char *
load(Child *child, Xgboost *library)
{
	return child_load(child, xgboost_libraries, symbols, (int) (sizeof(symbols) / sizeof(symbols[0])), library);
}

/* Loads the library and no more. */
void
xgboost_try(Child *child, void *arg)
{
	Xgboost		library;

	(void) arg;
	load(child, &library);
	child_succeed(child, NULL, 0);
}

/* The job of the process. */
void
xgboost_run(Child *child, void *arg)
{
	Run			run = {.child = child, .fit = arg};
	const EstimatorSpec *spec = run.fit->spec;

	run.file = load(child, &run.library);
	run.start = (float) run.fit->mean;
	if (is_log_loss(spec))
		run.start = (float) fmin(fmax(run.fit->mean, LEAST_SHARE), 1.0 - LEAST_SHARE);
	create_matrix(&run);
	if (spec->kind == ESTIMATOR_GRADIENT_BOOSTING)
		boost(&run);
	else
		grow_forest(&run);
	send_trees(&run);
}

/* Most nodes of one tree. */
static double
tree_nodes(const EstimatorSpec *spec, double n_rows)
{
	double		leaves = floor(n_rows / (spec->min_leaf > 1 ? spec->min_leaf : 1));

	return 2.0 * fmax(1.0, fmin(leaves, ldexp(1.0, spec->max_depth))) - 1.0;
}

/* Trees that are kept. */
static double
count_trees(const EstimatorSpec *spec)
{
	return spec->kind == ESTIMATOR_DECISION_TREE ? 1.0 : spec->n_estimators;
}

/* Roots, and nodes as deep as they may get. */
double
xgboost_model_bytes(const EstimatorSpec *spec, double n_rows)
{
	return count_trees(spec) * (4.0 + 12.0 * tree_nodes(spec, n_rows));
}

/*
 * The matrix and its bins, what boosting keeps of each row, the bins of all nodes of a tree that is full, and some
 * more of them that are held while it grows; passes over the rows, and over the bins of each node.
 */
void
xgboost_estimate(const EstimatorSpec *spec, double n_rows, double n_features, double *bytes, double *seconds)
{
	double		bins = n_features * fmin(MAX_BINS, n_rows);
	double		nodes = tree_nodes(spec, n_rows);
	double		a_row = 10.0 * n_features + (spec->kind == ESTIMATOR_GRADIENT_BOOSTING ? 120.0 : 40.0);
	double		a_tree = 2e-9 * n_rows * n_features * spec->max_depth + 1.3e-8 * bins * nodes;

	*bytes = n_rows * a_row + 16.0 * bins * (nodes + 64.0) + 100.0 * nodes +
		xgboost_model_bytes(spec, n_rows) + LIBRARY_BYTES;
	*seconds = 3.2e-7 * n_rows * n_features + count_trees(spec) * a_tree;
}
