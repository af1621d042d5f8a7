/*
 * test_estimators.c: each estimator against its stated objective, hand-made tables and plain versions.
 *
 * What needs a library is skipped where that is missing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "core/estimators_parts.h"
#include "core/rng.h"
#include "core/trees.h"
#include "test_env.h"

#define BIAS 100.0				/* B of estimators_liblinear.c */
#define MAX_LOSSES 64

extern const char *__asan_default_options(void);

/* AddressSanitizer says no to malloc as the C library does, instead of ending the program. */
const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/* ---------------------------------------------------------------- rows and fits */

/* Rows of a test, in memory of their own. */
typedef struct Table
{
	int			n;
	int			p;
	float	   *x;
	float	   *t;
} Table;

/* A table of random features, standard normal, and targets of 0. */
static Table
random_table(int n, int p, uint64_t seed)
{
	Table		table = {.n = n, .p = p, .x = malloc(sizeof(float) * n * p), .t = calloc(n, sizeof(float))};
	Rng			rng;

	rng_seed(&rng, seed, 0);
	for (int i = 0; i < n * p; i++)
		table.x[i] = (float) rng_normal(&rng);
	return table;
}

/* Gives it back. */
static void
free_table(Table *table)
{
	free(table->x);
	free(table->t);
}

/* Random features, and classes by a plane, some of them flipped. */
static Table
plane_table(int n, int p, double flipped, uint64_t seed)
{
	Table		table = random_table(n, p, seed);
	Rng			rng;

	rng_seed(&rng, seed, 1);
	for (int i = 0; i < n; i++)
	{
		const float *x = table.x + i * p;
		bool		one = 2.0f * x[0] - x[1] + 0.5f > 0.0f;

		table.t[i] = one != (rng_uniform(&rng) < flipped);
	}
	return table;
}

/* Random features, and classes that are 1 where the first two have the same sign. */
static Table
xor_table(int n, int p, uint64_t seed)
{
	Table		table = random_table(n, p, seed);

	for (int i = 0; i < n; i++)
		table.t[i] = (table.x[i * p] > 0.0f) == (table.x[i * p + 1] > 0.0f);
	return table;
}

/* The rows as estimator_fit takes them. */
static EstimatorRows
table_rows(const Table *table)
{
	return (EstimatorRows)
	{
		.n = table->n, .n_features = table->p, .features = table->x, .targets = table->t
	};
}

/* A spec of this kind. */
static EstimatorSpec
make_spec(EstimatorKind kind, bool classify)
{
	return (EstimatorSpec)
	{
		.kind = kind, .classify = classify, .regularization = 0.01, .n_estimators = 20, .max_depth = 4,
		.min_leaf = 1, .learning_rate = 0.3, .subsample = 0.7, .max_features = 0.6, .random_state = 42
	};
}

/* Does the kind do this? */
static bool
does(EstimatorKind kind, bool classify)
{
	return kind <= ESTIMATOR_RIDGE ? !classify : kind > ESTIMATOR_LINEAR_SVC || classify;
}

/* Fits, which must succeed and leave no process. */
static bool
fit(Env *env, const EstimatorSpec *spec, const Table *table, Estimator *estimator)
{
	EstimatorRows rows = table_rows(table);
	RecsysStatus status = estimator_fit(env, spec, &rows, estimator);

	if (status != RECSYS_OK)
		UNIT_FAIL("%s: %s %s %s", estimator_names[spec->kind], env->error, env->detail, env->hint);
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	return status == RECSYS_OK;
}

/* Share of rows of which the class is told. */
static double
accuracy(const Estimator *estimator, const Table *table)
{
	int			right = 0;

	for (int i = 0; i < table->n; i++)
		right += (estimator_value(estimator, table->x + i * table->p) >= 0.5) == (table->t[i] == 1.0f);
	return (double) right / table->n;
}

/* Ends a test's Env with all that was fitted. */
static void
done(Env *env)
{
	env_free_all(env);
	test_env_done(env);
}

/* Fits one kind and tells its accuracy on another table. */
static double
fitted_accuracy(EstimatorKind kind, int max_depth, const Table *learn, const Table *test)
{
	Env		   *env = test_env();
	EstimatorSpec spec = make_spec(kind, true);
	Estimator	estimator;
	double		result = 0.0;

	spec.max_depth = max_depth;
	if (fit(env, &spec, learn, &estimator))
		result = accuracy(&estimator, test);
	done(env);
	return result;
}

/* ---------------------------------------------------------------- least squares */

/* Four points: covariance 1.375, variance 1.25, so the slope is 1.1, and 1.1 / 1.25 with lambda 1/4. */
static void
test_by_hand(void)
{
	float		x[] = {0, 1, 2, 3};
	float		t[] = {1, 3, 2, 5};
	Table		table = {.n = 4, .p = 1, .x = x, .t = t};
	Env		   *env = test_env();
	EstimatorSpec spec = make_spec(ESTIMATOR_LINEAR, false);
	Estimator	estimator;

	if (fit(env, &spec, &table, &estimator))
	{
		CHECK_NEAR(estimator.weights[0], 1.1, 1e-6);
		CHECK_NEAR(estimator.intercept, 1.1, 1e-6);
	}
	spec.kind = ESTIMATOR_RIDGE;
	spec.regularization = 0.25;
	if (fit(env, &spec, &table, &estimator))
	{
		CHECK_NEAR(estimator.weights[0], 0.88, 1e-6);
		CHECK_NEAR(estimator.intercept, 1.43, 1e-6);
	}
	done(env);
}

/* Gradient of (1 / sum v) sum v / 2 (t - w x - b)^2 + lambda / 2 |w s|^2 by w s and b, at the solution. */
static void
check_ridge_gradient(const Table *table, const float *v, double lambda)
{
	Env		   *env = test_env();
	EstimatorSpec spec = make_spec(ESTIMATOR_RIDGE, false);
	EstimatorRows rows = table_rows(table);
	Estimator	estimator;

	rows.weights = v;
	spec.regularization = lambda;
	CHECK_EQ_INT(estimator_fit(env, &spec, &rows, &estimator), RECSYS_OK);
	for (int j = 0; j < table->p; j++)
	{
		double		sum = 0.0, mean = 0.0, square = 0.0, slope = 0.0;

		for (int i = 0; i < table->n; i++)
			sum += v[i], mean += v[i] * table->x[i * table->p + j];
		mean /= sum;
		for (int i = 0; i < table->n; i++)
		{
			double		z = table->x[i * table->p + j] - mean;

			square += v[i] * z * z / sum;
			slope -= v[i] * z * (table->t[i] - estimator_value(&estimator, table->x + i * table->p)) / sum;
		}
		CHECK_NEAR(slope / sqrt(square) + lambda * estimator.weights[j] * sqrt(square), 0.0, 1e-5);
	}
	done(env);
}

/* Features of different scale and mean, weighted rows; several blocks. */
static void
test_ridge_gradient(void)
{
	Table		table = random_table(2500, 7, 3);
	float	   *v = malloc(sizeof(float) * table.n);

	for (int i = 0; i < table.n; i++)
	{
		float	   *x = table.x + i * table.p;

		x[1] = 1e-3f * x[1] + 5.0f;
		x[2] = 1e4f * x[2];
		x[3] += x[0];
		table.t[i] = x[0] + 1e-4f * x[2] - 2.0f * x[4] * x[5];
		v[i] = 0.25f + (float) (i % 7);
	}
	check_ridge_gradient(&table, v, 0.1);
	check_ridge_gradient(&table, v, 1e-4);
	free(v);
	free_table(&table);
}

/* A feature twice, one that is constant, and more features than rows: the rows are met, every weight is finite. */
static void
test_collinear(void)
{
	Env		   *env = test_env();
	Table		table = random_table(10, 30, 4);
	EstimatorSpec spec = make_spec(ESTIMATOR_LINEAR, false);
	Estimator	estimator;

	for (int i = 0; i < table.n; i++)
	{
		table.x[i * table.p + 1] = 2.0f * table.x[i * table.p];
		table.x[i * table.p + 2] = 1e6f;
		table.t[i] = (float) (i * i % 7);
	}
	if (fit(env, &spec, &table, &estimator))
	{
		CHECK_NEAR(estimator.weights[2], 0.0, 0.0);
		for (int i = 0; i < table.n; i++)
			CHECK_NEAR(estimator_value(&estimator, table.x + i * table.p), table.t[i], 1e-4);
	}
	done(env);
	free_table(&table);
}

/* ---------------------------------------------------------------- liblinear */

/* Derivative of the loss by f at y f. */
static double
loss_slope(EstimatorKind kind, double y, double f)
{
	return kind == ESTIMATOR_LOGISTIC ? -y / (1.0 + exp(y * f)) : -2.0 * y * fmax(0.0, 1.0 - y * f);
}

/* Gradient of the objective of estimators_liblinear.c by the weight of feature j (-1: the intercept). */
static double
gradient(const Estimator *estimator, const Table *table, double lambda, int j)
{
	double		mean = 0.0, deviation = 0.0, slope = 0.0, centre = estimator->intercept;

	for (int k = 0; k < table->p; k++)
	{
		double		m = 0.0;

		for (int i = 0; i < table->n; i++)
			m += table->x[i * table->p + k] / table->n;
		centre += estimator->weights[k] * m;
		mean = k == j ? m : mean;
	}
	for (int i = 0; i < table->n && j >= 0; i++)
		deviation += pow(table->x[i * table->p + j] - mean, 2.0) / table->n;
	deviation = sqrt(deviation);
	for (int i = 0; i < table->n; i++)
	{
		const float *x = table->x + i * table->p;
		double		f = estimator->intercept;

		for (int k = 0; k < table->p; k++)
			f += (double) estimator->weights[k] * x[k];
		slope += loss_slope(estimator->kind, table->t[i] > 0.5f ? 1.0 : -1.0, f) *
			(j >= 0 ? (x[j] - mean) / deviation : 1.0) / table->n;
	}
	return j >= 0 ? slope + lambda * estimator->weights[j] * deviation : slope + lambda * centre / (BIAS * BIAS);
}

/* The gradient is 0 at the solution. */
static void
check_liblinear(EstimatorKind kind, double lambda)
{
	Env		   *env = test_env();
	Table		table = plane_table(1500, 5, 0.1, 5);
	EstimatorSpec spec = make_spec(kind, true);
	Estimator	estimator;

	for (int i = 0; i < table.n; i++)
	{
		table.x[i * table.p] = 100.0f * table.x[i * table.p] + 50.0f;
		table.x[i * table.p + 2] += 9.0f;
	}
	spec.regularization = lambda;
	if (fit(env, &spec, &table, &estimator))
	{
		for (int j = -1; j < table.p; j++)
			CHECK_NEAR(gradient(&estimator, &table, lambda, j), 0.0, 2e-5);
		CHECK(lambda > 0.01 || accuracy(&estimator, &table) > 0.85);
	}
	done(env);
	free_table(&table);
}

/* Both losses, weak and strong penalties. */
static void
test_liblinear(void)
{
	for (int kind = ESTIMATOR_LOGISTIC; kind <= ESTIMATOR_LINEAR_SVC; kind++)
	{
		check_liblinear((EstimatorKind) kind, 1e-4);
		check_liblinear((EstimatorKind) kind, 0.1);
		check_liblinear((EstimatorKind) kind, 10.0);
	}
}

/* Rows are drawn n of n, each as often as its weight says, give or take one. */
static void
test_draw(void)
{
	enum
	{
		N = 1000
	};
	float		v[N];
	int64_t		drawn[N];
	double		sum = 0.0;
	EstimatorRows rows = {.n = N, .weights = v};

	for (int i = 0; i < N; i++)
		sum += v[i] = i % 10 == 0 ? 5.0f : 0.5f;
	draw_by_weight(&rows, sum, drawn);
	for (int i = 0, at = 0; i < N; i++)
	{
		int			before = at;

		while (at < N && drawn[at] == i)
			at++;
		CHECK(fabs(at - before - v[i] * N / sum) <= 1.0);
		CHECK(i < N - 1 || at == N);
	}
	rows.weights = NULL;
	draw_by_weight(&rows, N, drawn);
	for (int i = 0; i < N; i++)
		CHECK_EQ_INT(drawn[i], i);
}

/* Weights move what linear_svc and logistic learn; where they leave one class, that one is told. */
static void
test_weights(void)
{
	float		x[] = {0, 1, 0, 1, 0, 1, 0, 1};
	float		t[] = {0, 1, 0, 1, 1, 0, 1, 0};
	float		first[] = {9, 9, 9, 9, 1, 1, 1, 1};
	float		last[] = {1, 1, 1, 1, 9, 9, 9, 9};
	float		alone[] = {1e-6f, 1e6f, 1e-6f, 1e6f, 1e6f, 1e-6f, 1e6f, 1e-6f};
	float	   *weights[] = {first, last, alone};

	for (int kind = ESTIMATOR_LOGISTIC; kind <= ESTIMATOR_LINEAR_SVC; kind++)
		for (int i = 0; i < 3; i++)
		{
			Env		   *env = test_env();
			EstimatorSpec spec = make_spec((EstimatorKind) kind, true);
			EstimatorRows rows = {.n = 8, .n_features = 1, .features = x, .targets = t, .weights = weights[i]};
			Estimator	estimator;
			double		by_zero;
			double		by_one;

			CHECK_EQ_INT(estimator_fit(env, &spec, &rows, &estimator), RECSYS_OK);
			by_zero = estimator_value(&estimator, &x[0]);
			by_one = estimator_value(&estimator, &x[1]);
			CHECK(i == 2 ? by_zero > 0.99 && by_one > 0.99 : i == 0 ? by_one > by_zero : by_one < by_zero);
			done(env);
		}
}

/* ---------------------------------------------------------------- trees */

/* The best split of 1 1 1 1 5 5 9 9 is before the first 5, the next before the first 9; leaves are means. */
static void
test_known_tree(void)
{
	float		x[] = {1, 7, 2, 7, 3, 7, 4, 7, 5, 7, 6, 7, 7, 7, 8, 7};
	float		t[] = {1, 1, 1, 1, 5, 5, 9, 9};
	Table		table = {.n = 8, .p = 2, .x = x, .t = t};
	EstimatorSpec spec = make_spec(ESTIMATOR_DECISION_TREE, false);

	for (int depth = 1; depth <= 3; depth++)
	{
		Env		   *env = test_env();
		Estimator	estimator;

		spec.max_depth = depth;
		if (fit(env, &spec, &table, &estimator))
		{
			CHECK_EQ_INT(estimator.n_trees, 1);
			CHECK_EQ_INT(estimator.n_nodes, depth == 1 ? 3 : 5);
			CHECK_EQ_INT(estimator.features[0], 0);
			CHECK(estimator.thresholds[0] > 4.0f && estimator.thresholds[0] <= 5.0f);
			for (int i = 0; i < 8; i++)
				CHECK_NEAR(estimator_value(&estimator, x + 2 * i), depth == 1 && i > 3 ? 7.0 : t[i], 1e-5);
		}
		done(env);
	}
}

/* min_leaf holds; a tree that cannot be split gives the mean, not 0. */
static void
test_min_leaf(void)
{
	float		x[] = {1, 2, 3, 4, 5, 6};
	float		t[] = {9, 1, 1, 1, 1, 1};
	Table		table = {.n = 6, .p = 1, .x = x, .t = t};
	EstimatorSpec spec = make_spec(ESTIMATOR_DECISION_TREE, false);
	Env		   *env = test_env();
	Estimator	estimator;

	spec.min_leaf = 3;
	if (fit(env, &spec, &table, &estimator))
	{
		CHECK_NEAR(estimator_value(&estimator, &x[0]), 11.0 / 3.0, 1e-5);
		CHECK_NEAR(estimator_value(&estimator, &x[5]), 1.0, 1e-5);
	}
	spec.min_leaf = 50;
	if (fit(env, &spec, &table, &estimator))
		CHECK_NEAR(estimator_value(&estimator, &x[0]), 14.0 / 6.0, 1e-5);
	done(env);
}

/* A row of weight 3 is as three rows. */
static void
test_tree_weights(void)
{
	float		x[] = {1, 2, 3, 4, 1, 2, 3, 4, 1, 1, 1, 1};
	float		t[] = {5, 2, 8, 1, 5, 2, 8, 1, 5, 5, 5, 5};
	float		v[] = {3, 1, 1, 1, 3, 1, 1, 1};
	EstimatorRows weighted = {.n = 8, .n_features = 1, .features = x, .targets = t, .weights = v};
	Table		repeated = {.n = 12, .p = 1, .x = x, .t = t};
	EstimatorSpec spec = make_spec(ESTIMATOR_DECISION_TREE, false);
	Env		   *env = test_env();
	Estimator	a;
	Estimator	b;

	spec.max_depth = 1;
	CHECK_EQ_INT(estimator_fit(env, &spec, &weighted, &a), RECSYS_OK);
	if (fit(env, &spec, &repeated, &b))
	{
		for (int i = 0; i < 4; i++)
			CHECK_NEAR(estimator_value(&a, &x[i]), estimator_value(&b, &x[i]), 1e-5);
	}
	done(env);
}

/* What is 1 where two signs agree is for trees, not for planes; the first split gains nothing, so they are deep. */
static void
test_xor(void)
{
	Table		learn = xor_table(1000, 2, 6);
	Table		test = xor_table(1000, 2, 7);

	for (int kind = ESTIMATOR_DECISION_TREE; kind <= ESTIMATOR_GRADIENT_BOOSTING; kind++)
	{
		double		share = fitted_accuracy((EstimatorKind) kind, 10, &learn, &test);

		if (share < 0.9)
			UNIT_FAIL("%s: %.3f", estimator_names[kind], share);
	}
	CHECK(fitted_accuracy(ESTIMATOR_LOGISTIC, 1, &learn, &test) < 0.65);
	free_table(&learn);
	free_table(&test);
}

/* With 15 % of the classes wrong, every kind comes near 85 %, far from the majority; forests beat a tree. */
static void
test_noise(void)
{
	Table		learn = plane_table(2000, 6, 0.15, 8);
	Table		test = plane_table(4000, 6, 0.15, 9);
	double		ones = 0.0;
	double		tree;

	for (int i = 0; i < test.n; i++)
		ones += test.t[i] / test.n;
	CHECK(fmax(ones, 1.0 - ones) < 0.65);
	tree = fitted_accuracy(ESTIMATOR_DECISION_TREE, 4, &learn, &test);
	for (int kind = ESTIMATOR_LOGISTIC; kind < N_ESTIMATORS; kind++)
		CHECK(fitted_accuracy((EstimatorKind) kind, 4, &learn, &test) > 0.75);
	CHECK(fitted_accuracy(ESTIMATOR_BAGGING, 4, &learn, &test) > tree);
	free_table(&learn);
	free_table(&test);
}

/* The losses of a run. */
typedef struct Losses
{
	int			n;
	double		values[MAX_LOSSES];
	char		term[32];
} Losses;

static Losses losses;

/* Keeps a loss. */
static void
keep_loss(int iteration, const char *term, double value, void *ctx)
{
	(void) ctx;
	CHECK_EQ_INT(iteration, losses.n + 1);
	if (losses.n < MAX_LOSSES)
		losses.values[losses.n++] = value;
	snprintf(losses.term, sizeof(losses.term), "%s", term);
}

/* Loss of boosting over the rows it was fitted on. */
static double
plain_loss(const Estimator *estimator, const Table *table)
{
	double		sum = 0.0;

	for (int i = 0; i < table->n; i++)
	{
		double		value = estimator_value(estimator, table->x + i * table->p);

		sum += estimator->classify ? -log(table->t[i] == 1.0f ? value : 1.0 - value) : pow(table->t[i] - value, 2);
	}
	return estimator->classify ? sum / table->n : sqrt(sum / table->n);
}

/* Every round without subsampling lowers the loss on the rows, and the last is that of the model. */
static void
test_boosting(void)
{
	Table		table = xor_table(500, 4, 10);

	for (int classify = 0; classify < 2; classify++)
	{
		Env		   *env = test_env();
		EstimatorSpec spec = make_spec(ESTIMATOR_GRADIENT_BOOSTING, classify == 1);
		Estimator	estimator;

		losses.n = 0;
		env->loss = keep_loss;
		spec.subsample = 1.0;
		if (fit(env, &spec, &table, &estimator))
		{
			CHECK_EQ_INT(losses.n, spec.n_estimators);
			CHECK_EQ_INT(estimator.n_trees, spec.n_estimators);
			CHECK(strcmp(losses.term, classify ? "log_loss" : "rmse") == 0);
			for (int i = 1; i < losses.n; i++)
				CHECK(losses.values[i] < losses.values[i - 1]);
			CHECK_NEAR(plain_loss(&estimator, &table), losses.values[losses.n - 1], 1e-5);
			CHECK_EQ_INT(test_env_of(env)->iteration, spec.n_estimators);
		}
		done(env);
	}
	free_table(&table);
}

/* Functions of XGBoost, for what the library itself says. */
typedef struct Booster
{
	int			(*matrix_create) (const float *, uint64_t, uint64_t, float, void **);
	int			(*matrix_set) (void *, const char *, const float *, uint64_t);
	int			(*create) (void *const *, uint64_t, void **);
	int			(*set) (void *, const char *, const char *);
	int			(*update) (void *, int, void *);
	int			(*save) (void *, const char *, uint64_t *, const char **);
	int			(*predict) (void *, void *, int, unsigned, int, uint64_t *, const float **);
} Booster;

static const ChildSymbol booster_symbols[] = {
	{"XGDMatrixCreateFromMat", offsetof(Booster, matrix_create)},
	{"XGDMatrixSetFloatInfo", offsetof(Booster, matrix_set)},
	{"XGBoosterCreate", offsetof(Booster, create)},
	{"XGBoosterSetParam", offsetof(Booster, set)},
	{"XGBoosterUpdateOneIter", offsetof(Booster, update)},
	{"XGBoosterSaveModelToBuffer", offsetof(Booster, save)},
	{"XGBoosterPredict", offsetof(Booster, predict)},
};

/* Rows that lie on thresholds of the trees: row i has that of node i in its place. */
static void
put_on_thresholds(Table *table, const Trees *trees)
{
	for (int i = 0; i < table->n; i++)
	{
		int32_t		node = i % trees->n_nodes;

		if (trees->features[node] >= 0)
			table->x[i * table->p + trees->features[node]] = trees->thresholds[node];
	}
}

/* In the process: grows 10 trees, and sends the largest difference between the library's sums and ours. */
static void
compare_with_library(Child *child, void *arg)
{
	Table	   *table = arg;
	Table		other = random_table(2000, table->p, 12);
	Booster		library;
	Trees		trees = {0};
	void	   *matrix, *booster;
	uint64_t	n;
	const char *text;
	const float *sums;
	double		worst = 0.0;

	child_load(child, xgboost_libraries, booster_symbols, 7, &library);
	library.matrix_create(table->x, table->n, table->p, NAN, &matrix);
	library.matrix_set(matrix, "label", table->t, table->n);
	library.create(&matrix, 1, &booster);
	library.set(booster, "tree_method", "hist");
	library.set(booster, "base_score", "0");
	library.set(booster, "gamma", "0.01");
	for (int i = 0; i < 10; i++)
		library.update(booster, i, matrix);
	library.save(booster, "{\"format\": \"json\"}", &n, &text);
	if (trees_append_json(&trees, text, n) != TREES_OK || trees.n_trees != 10 || trees.n_nodes < 100)
		child_fail(child, RECSYS_CORRUPT, NULL, NULL, "%d trees", trees.n_trees);
	put_on_thresholds(&other, &trees);
	library.matrix_create(other.x, other.n, other.p, NAN, &matrix);
	library.predict(booster, matrix, 0, 0, 0, &n, &sums);
	for (int i = 0; i < other.n; i++)
	{
		double		sum = 0.0;

		for (int k = 0; k < trees.n_trees; k++)
			sum += tree_value(trees.features, trees.thresholds, trees.children, trees.roots[k],
							  other.x + i * other.p);
		worst = fmax(worst, fabs(sum - sums[i]));
	}
	child_succeed(child, &worst, sizeof(worst));
}

/* Our trees say what the library's say, also on thresholds. */
static void
test_same_as_library(void)
{
	Env		   *env = test_env();
	Table		table = random_table(3000, 5, 11);
	ChildJob	job = {.what = "the test", .run = compare_with_library, .arg = &table};
	void	   *result;
	size_t		length;

	for (int i = 0; i < table.n; i++)
		table.t[i] = sinf(3.0f * table.x[i * 5]) + table.x[i * 5 + 1] * table.x[i * 5 + 2];
	CHECK_EQ_INT(child_run(env, &job, &result, &length), RECSYS_OK);
	if (env->status == RECSYS_OK)
		CHECK_NEAR(*(double *) result, 0.0, 1e-5);
	done(env);
	free_table(&table);
}

/* Texts that are no trees are refused, all of them, and every beginning of a right one. */
static void
test_bad_json(void)
{
	static const char good[] = "{\"learner\":{\"gradient_booster\":{\"model\":{\"x\":[1],\"trees\":[{"
		"\"left_children\":[1,-1,-1],\"right_children\":[2,-1,-1],\"split_conditions\":[5E-1,1,2],"
		"\"split_indices\":[3,0,0]}]}}}}";
	const char *const changes[] = {"[1,-1,-1]", "[0,-1,-1]", "[1,-1,-1]", "[3,-1,-1]", "[1,-1,-1]", "[1,-1]",
		"[1,-1,-1]", "[1,0,0]", "[3,0,0]", "[-3,0,0]", "5E-1", "1E99", "[1,-1,-1]", "[]", "trees", "leaves"};
	Trees		trees = {0};
	float		x[4] = {0, 0, 0, 0.5f};

	CHECK_EQ_INT(trees_append_json(&trees, good, sizeof(good) - 1), TREES_OK);
	CHECK_EQ_INT(trees.n_nodes, 3);
	CHECK_NEAR(tree_value(trees.features, trees.thresholds, trees.children, 0, x), 2.0, 0.0);
	x[3] = 0.4999f;
	CHECK_NEAR(tree_value(trees.features, trees.thresholds, trees.children, 0, x), 1.0, 0.0);
	trees_free(&trees);
	for (size_t n = 0; n < sizeof(good) - 6; n++)
	{
		char	   *beginning = malloc(n + 1);

		memcpy(beginning, good, n);
		CHECK_EQ_INT(trees_append_json(&trees, beginning, n), TREES_UNREADABLE);
		free(beginning);
		trees_free(&trees);
	}
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i += 2)
	{
		char		text[512];
		const char *at = strstr(good, changes[i]);

		snprintf(text, sizeof(text), "%.*s%s%s", (int) (at - good), good, changes[i + 1], at + strlen(changes[i]));
		if (trees_append_json(&trees, text, strlen(text)) != TREES_UNREADABLE)
			UNIT_FAIL("read: %s", text);
		trees_free(&trees);
	}
}

/* ---------------------------------------------------------------- all kinds */

/* Are two estimators the same to the bit? */
static bool
same(const Estimator *a, const Estimator *b)
{
	size_t		n = (size_t) a->n_nodes * 4;

	if (a->intercept != b->intercept || a->n_trees != b->n_trees || a->n_nodes != b->n_nodes)
		return false;
	if (a->n_trees == 0)
		return memcmp(a->weights, b->weights, (size_t) a->n_features * 4) == 0;
	return memcmp(a->roots, b->roots, (size_t) a->n_trees * 4) == 0 && memcmp(a->features, b->features, n) == 0 &&
		memcmp(a->thresholds, b->thresholds, n) == 0 && memcmp(a->children, b->children, n) == 0;
}

/* The same bytes again, also with more workers; others with another random_state where there is chance. */
static void
test_deterministic(void)
{
	Table		table = plane_table(1500, 6, 0.1, 13);

	for (int kind = 0; kind < N_ESTIMATORS; kind++)
	{
		Env		   *env = test_env();
		EstimatorSpec spec = make_spec((EstimatorKind) kind, !does((EstimatorKind) kind, false));
		Estimator	first;
		Estimator	second;

		if (fit(env, &spec, &table, &first))
		{
			env->n_threads = 4;
			CHECK(fit(env, &spec, &table, &second) && same(&first, &second));
			spec.random_state++;
			CHECK(fit(env, &spec, &table, &second) && same(&first, &second) == (kind <= ESTIMATOR_DECISION_TREE));
		}
		done(env);
	}
	free_table(&table);
}

/* Equal targets, with no library: the target for every row. */
static void
test_constant(void)
{
	Table		table = random_table(20, 3, 14);

	for (int kind = 0; kind < N_ESTIMATORS; kind++)
		for (int classify = 0; classify < 2; classify++)
			for (int target = 0; target < 2; target++)
			{
				Env		   *env = test_env();
				EstimatorSpec spec = make_spec((EstimatorKind) kind, classify == 1);
				Estimator	estimator;
				float		value = classify ? (float) target : (float) target + 3.25f;

				for (int i = 0; i < table.n; i++)
					table.t[i] = value;
				if (does((EstimatorKind) kind, classify == 1) && fit(env, &spec, &table, &estimator))
					CHECK_NEAR(estimator_value(&estimator, table.x), value, 1e-8);
				CHECK_EQ_INT(test_env_of(env)->n_polls, 0);
				done(env);
			}
	free_table(&table);
}

/* One or two rows, one feature or forty, constant features: an answer between the targets. */
static void
test_degenerate(void)
{
	for (int kind = 0; kind < N_ESTIMATORS; kind++)
		for (int n = 1; n <= 5; n += 2)
			for (int p = 1; p <= 40; p += 39)
				for (int constant = 0; constant < 2; constant++)
				{
					Env		   *env = test_env();
					Table		table = random_table(n, p, 15);
					EstimatorSpec spec = make_spec((EstimatorKind) kind, !does((EstimatorKind) kind, false));
					Estimator	estimator;

					for (int i = 0; i < n; i++)
						table.t[i] = i == 0;
					for (int i = 0; i < n * p && constant; i++)
						table.x[i] = 0.1f;
					if (fit(env, &spec, &table, &estimator))
					{
						double		value = estimator_value(&estimator, table.x);

						CHECK(value >= -0.01 && value <= 1.01);
					}
					done(env);
					free_table(&table);
				}
}

/* Expects a failure to fit. */
static void
check_refused(const EstimatorSpec *spec, const EstimatorRows *rows, RecsysStatus status, const char *text)
{
	Env		   *env = test_env();
	Estimator	estimator;

	CHECK_EQ_INT(estimator_fit(env, spec, rows, &estimator), status);
	if (strstr(env->error, text) == NULL)
		UNIT_FAIL("error \"%s\"", env->error);
	done(env);
}

/* What is out of range or not finite never reaches a library. */
static void
test_refused(void)
{
	Table		table = plane_table(20, 2, 0.0, 16);
	EstimatorRows rows = table_rows(&table);
	EstimatorSpec spec = make_spec(ESTIMATOR_RANDOM_FOREST, true);
	EstimatorSpec bad[] = {spec, spec, spec, spec, spec, spec, spec};
	float		v[20];

	bad[0].max_depth = 0;
	bad[1].min_leaf = 0;
	bad[2].n_estimators = 0;
	bad[3].subsample = 1.5;
	bad[4].max_features = NAN;
	bad[5].regularization = -1.0;
	bad[6].max_depth = 1000;
	for (int i = 0; i < 7; i++)
		check_refused(&bad[i], &rows, RECSYS_BAD_ARGUMENT, "\"random_forest\" are out of range");
	spec.kind = ESTIMATOR_RIDGE;
	check_refused(&spec, &rows, RECSYS_BAD_ARGUMENT, "\"ridge\" does not do classification");
	spec = make_spec(ESTIMATOR_LOGISTIC, false);
	check_refused(&spec, &rows, RECSYS_BAD_ARGUMENT, "\"logistic\" does not do regression");
	spec.classify = true;
	for (int i = 0; i < 20; i++)
		v[i] = 1.0f;
	rows.weights = v;
	v[7] = 0.0f;
	check_refused(&spec, &rows, RECSYS_BAD_DATA, "row 7 of");
	rows.weights = NULL;
	table.t[3] = 0.5f;
	check_refused(&spec, &rows, RECSYS_BAD_DATA, "row 3 of");
	table.t[3] = 1.0f;
	table.x[5] = NAN;
	check_refused(&spec, &rows, RECSYS_BAD_DATA, "row 2 of");
	rows.n = 0;
	check_refused(&spec, &rows, RECSYS_BAD_DATA, "at least one row");
	free_table(&table);
}

/* Features as large and as small as floats are give finite answers or a failure in words. */
static void
test_extreme_features(void)
{
	for (int kind = 0; kind < N_ESTIMATORS; kind++)
	{
		Env		   *env = test_env();
		Table		table = plane_table(50, 3, 0.1, 17);
		EstimatorRows rows = table_rows(&table);
		EstimatorSpec spec = make_spec((EstimatorKind) kind, !does((EstimatorKind) kind, false));
		Estimator	estimator;
		RecsysStatus status;

		for (int i = 0; i < table.n; i++)
		{
			table.x[i * 3] *= 1e37f;
			table.x[i * 3 + 1] *= 1e-37f;
		}
		status = estimator_fit(env, &spec, &rows, &estimator);
		CHECK(status == RECSYS_OK || status == RECSYS_NOT_CONVERGED);
		if (status == RECSYS_OK)
			CHECK(isfinite(estimator_value(&estimator, table.x)));
		done(env);
		free_table(&table);
	}
}

/* ---------------------------------------------------------------- models */

/* Bytes of a model with this estimator, opened. */
static RecsysStatus
store_and_open(Env *env, const Estimator *estimator, Estimator *opened)
{
	ModelWriter writer;
	Model		model;
	void	   *bytes;
	size_t		length;

	model_begin(&writer);
	TRY(estimator_put(env, &writer, estimator));
	TRY(model_finish(env, &writer, &bytes, &length));
	TRY(model_open(env, &model, bytes, length));
	return estimator_open(env, &model, opened);
}

/* What is stored comes back. */
static void
test_stored(void)
{
	Table		table = plane_table(300, 3, 0.1, 18);

	for (int kind = 0; kind < N_ESTIMATORS; kind++)
	{
		Env		   *env = test_env();
		EstimatorSpec spec = make_spec((EstimatorKind) kind, !does((EstimatorKind) kind, false));
		Estimator	estimator;
		Estimator	opened;

		if (fit(env, &spec, &table, &estimator))
		{
			CHECK_EQ_INT(store_and_open(env, &estimator, &opened), RECSYS_OK);
			CHECK(same(&estimator, &opened) && opened.kind == estimator.kind &&
				  opened.classify == estimator.classify && opened.n_features == 3);
		}
		done(env);
	}
	free_table(&table);
}

/* A number that is wrong in many ways. */
static int32_t
bad_number(Rng *rng, int32_t good)
{
	const int32_t choices[] = {-2, -1, 0, 1,
		(int32_t) ((uint32_t) good + 1), (int32_t) ((uint32_t) good - 1),
		1000, INT32_MAX, INT32_MIN, good ^ 0x40};

	return choices[rng_below(rng, 10)];
}

/* Trees made by hand, some numbers of which are then changed. */
static void
test_forged(void)
{
	Rng			rng;
	int			n_opened = 0;

	rng_seed(&rng, 19, 0);
	for (int round = 0; round < 3000; round++)
	{
		int32_t		numbers[] = {0, 5, 0, 1, -1, -1, -1, 1, -1, -1, 1, 3, 0, 0, 0, 6, 0, 0};
		float		thresholds[] = {0.5f, 0.0f, 1.0f, 2.0f, 3.0f, -0.5f, 5.0f, 6.0f};
		float		x[2] = {(float) rng_normal(&rng), (float) rng_normal(&rng)};
		Env		   *env = test_env();
		Estimator	estimator = {.kind = ESTIMATOR_BAGGING, .n_features = 2, .n_trees = 2, .n_nodes = 8,
			.roots = numbers, .features = numbers + 2, .thresholds = thresholds, .children = numbers + 10};
		Estimator	opened;
		RecsysStatus status;

		for (uint64_t i = rng_below(&rng, 3); i > 0; i--)
		{
			uint64_t	at = rng_below(&rng, 18);

			numbers[at] = bad_number(&rng, numbers[at]);
		}
		if (rng_below(&rng, 10) == 0)
			thresholds[rng_below(&rng, 8)] = NAN;
		if (rng_below(&rng, 10) == 0)
			estimator.kind = (EstimatorKind) bad_number(&rng, N_ESTIMATORS);
		status = store_and_open(env, &estimator, &opened);
		CHECK(status == RECSYS_OK || status == RECSYS_CORRUPT);
		if (status == RECSYS_OK)
		{
			CHECK(isfinite(estimator_value(&opened, x)));
			n_opened++;
		}
		done(env);
	}
	printf("# %d of 3000 forged models are trees\n", n_opened);
	CHECK(n_opened > 500 && n_opened < 2500);
}

/* ---------------------------------------------------------------- cancel and memory */

/* Seconds of a clock that never goes back. */
static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

/* When interrupted_later begins to say yes. */
static double moment;

/* Stops from a moment on. */
static bool
interrupted_later(void *ctx)
{
	(void) ctx;
	return seconds() > moment;
}

/* A fit that would take hours is cancelled, and leaves nothing; the least of some times, for the machine may be busy. */
static void
test_cancel(void)
{
	Table		table = plane_table(20000, 10, 0.2, 20);
	EstimatorRows rows = table_rows(&table);
	double		least = 1.0;

	for (int i = 0; i < 6 && (i < 2 || least > 0.1); i++)
	{
		Env		   *env = test_env();
		EstimatorSpec spec = make_spec(i % 2 ? ESTIMATOR_RANDOM_FOREST : ESTIMATOR_GRADIENT_BOOSTING, true);
		Estimator	estimator;

		spec.n_estimators = 1000000;
		env->interrupted = interrupted_later;
		moment = seconds() + 0.3;
		CHECK_EQ_INT(estimator_fit(env, &spec, &rows, &estimator), RECSYS_INTERRUPTED);
		least = fmin(least, seconds() - moment);
		CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
		done(env);
	}
	printf("# a cancel returns after %.1f ms\n", least * 1e3);
	CHECK(least <= 0.1);
	free_table(&table);
}

/*
 * A limit below the rows is seen before anything starts; a later one ends the process.  Not that of XGBoost, whose
 * operator new is AddressSanitizer's here, which ends in its own way or never: test/t/limits.pl tries it.
 */
static void
test_memory_limit(void)
{
	Table		table = plane_table(20000, 20, 0.2, 21);
	EstimatorRows rows = table_rows(&table);

	for (int kind = ESTIMATOR_LOGISTIC; kind < N_ESTIMATORS; kind++)
	{
		EstimatorSpec spec = make_spec((EstimatorKind) kind, true);
		bool		linear = kind <= ESTIMATOR_LINEAR_SVC;
		size_t		least = (size_t) table.n * (size_t) table.p * (linear ? 16 : 8);

		for (int i = 0; i < (linear ? 2 : 1); i++)
		{
			Env		   *env = test_env();
			Estimator	estimator;
			RecsysStatus status;

			env->memory_limit = i == 0 ? least / 2 : least + 10000;
			status = estimator_fit(env, &spec, &rows, &estimator);
			if (status != RECSYS_OVER_LIMIT)
				UNIT_FAIL("%s: status %d, %s %s", estimator_names[kind], status, env->error, env->detail);
			done(env);
		}
	}
	free_table(&table);
}

/* Loads a library and does nothing. */
static void
load_only(Child *child, void *arg)
{
	child_load(child, arg, NULL, 0, NULL);
	child_succeed(child, "", 0);
}

/* Can a process load it? */
static bool
have(const ChildLibrary *library)
{
	Env		   *env = test_env();
	ChildJob	job = {.what = "the test", .run = load_only, .arg = (void *) library};
	void	   *result;
	size_t		length;
	bool		found;

	found = child_run(env, &job, &result, &length) == RECSYS_OK;
	env_free_all(env);
	test_env_done(env);
	return found;
}

/* Runs a test, or says what it needs.  Not under ThreadSanitizer, whose own memory a limited process has no room for. */
static void
run_with(const ChildLibrary *library, void (*test) (void), const char *name)
{
	if (UNIT_RACES_ONLY)
		return;
	if (have(library))
		unit_run(test, name);
	else
		printf("ok %d - %s # skip this needs %s\n", ++unit_tests, name, library->file);
}

int
main(void)
{
	const ChildLibrary *both = have(liblinear_libraries) ? xgboost_libraries : liblinear_libraries;

	RUN(test_by_hand);
	RUN(test_ridge_gradient);
	RUN(test_collinear);
	RUN(test_draw);
	RUN(test_bad_json);
	RUN(test_constant);
	RUN(test_refused);
	RUN(test_forged);
	run_with(liblinear_libraries, test_liblinear, "test_liblinear");
	run_with(liblinear_libraries, test_weights, "test_weights");
	run_with(xgboost_libraries, test_known_tree, "test_known_tree");
	run_with(xgboost_libraries, test_min_leaf, "test_min_leaf");
	run_with(xgboost_libraries, test_tree_weights, "test_tree_weights");
	run_with(xgboost_libraries, test_boosting, "test_boosting");
	run_with(xgboost_libraries, test_same_as_library, "test_same_as_library");
	run_with(xgboost_libraries, test_cancel, "test_cancel");
	run_with(both, test_xor, "test_xor");
	run_with(both, test_noise, "test_noise");
	run_with(both, test_deterministic, "test_deterministic");
	run_with(both, test_degenerate, "test_degenerate");
	run_with(both, test_extreme_features, "test_extreme_features");
	run_with(both, test_stored, "test_stored");
	run_with(both, test_memory_limit, "test_memory_limit");
	return unit_done();
}
