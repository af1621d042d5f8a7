/*
 * test_embedding_movielens.c: accuracy of embedding_regression and embedding_classification on MovieLens 100k; see
 * test_movielens.h.
 *
 * The parameters are the defaults, chosen on parts of the training rows. RECSYS_FOLDS=5 runs all five official
 * folds; alone, the first one, the hardest, has its own bound.
 */
#include "core/evaluate.h"
#include "core/latent.h"
#include "core/methods/on_embeddings.h"
#include "core/out_of_fold.h"
#include "test_movielens.h"

#define RELEVANCE 4

/* Mean RMSE over the folds is at most that. */
static double
rmse(const char *lines)
{
	int			n_folds = movielens_n_folds();
	double		sum = 0;

	for (int fold = 1; fold <= n_folds; fold++)
		sum += movielens_fold_rmse(&method_embedding_regression, lines, fold);
	printf("# %.*s: RMSE %.4f over %d folds\n", (int) strcspn(lines, "\n"), lines, sum / n_folds, n_folds);
	return sum / n_folds;
}

/* Least squares on the products of embeddings are as good as the network that they come from. */
static void
test_regression(void)
{
	double		bound = movielens_n_folds() == 1 ? 0.935 : 0.922;

	CHECK(rmse("estimator=ridge\n") <= bound);
	CHECK(rmse("estimator=gradient_boosting\n") <= bound + 0.005);
	CHECK(rmse("estimator=random_forest\nn_estimators=5\n") <= bound + 0.03);
}

/*
 * An estimator that is fitted on vectors which have seen its rows takes what they have by heart for what they can tell: with
 * all else the same, its error is far larger.
 */
static void
test_out_of_fold(void)
{
	Env		   *env = test_env();
	MovielensSplit split = movielens_fold(env, 1);
	TestModel	model;
	OnState    *state;
	FeatureRows rows = {.n = split.set->by_user.n_entries};
	Estimator	own;
	double		fair;
	double		seen;
	int64_t		r = 0;

	env->n_threads = 2;
	model = test_method_open(env, &method_embedding_regression, "combine=product\n", split.set);
	fair = movielens_rmse(&model, &split);
	state = model.rec.state;
	rows.n_features = state->n_features;
	rows.features = env_alloc(env, (size_t) rows.n, (size_t) rows.n_features * sizeof(float));
	rows.targets = env_alloc(env, (size_t) rows.n, sizeof(float));
	for (int32_t u = 0; u < split.set->by_user.n_rows; u++)
	{
		History		history = test_method_history(split.set, u);
		float		user[100];
		float		course[100];

		CHECK(latent_user(&state->base, &history, model.scratch, user));
		for (int32_t h = 0; h < history.n; h++, r++)
		{
			CHECK(base_course(&state->base, &state->content, history.courses[h], course));
			features_fill(state->combine, state->n_factors, &state->content, user, -1, course, history.courses[h],
						  rows.features + r * rows.n_features);
			rows.targets[r] = history.ratings[h];
		}
	}
	CHECK_EQ_INT(estimator_fit(env, &(EstimatorSpec) {.kind = ESTIMATOR_RIDGE, .regularization = 0.001},
							   &(EstimatorRows) {rows.n, rows.n_features, rows.features, rows.targets, NULL}, &own),
				 RECSYS_OK);
	state->estimator = own;
	seen = movielens_rmse(&model, &split);
	printf("# RMSE %.4f out of fold, %.4f fitted on rows that the vectors have seen\n", fair, seen);
	CHECK(fair + 0.01 < seen);
	free(split.test.rows);
	test_method_done(env);
}

/* Values of one classifier for ratings from 4 on, beside those of the majority. */
static void
check_classifier(const char *lines, double least_accuracy)
{
	static const Metric metrics[] = {METRIC_ACCURACY, METRIC_BER, METRIC_F1, METRIC_MCC, METRIC_CLASS_AUC};
	Env		   *env = test_env();
	EvaluateOptions options = evaluate_defaults();
	MovielensSplit split = movielens_fold(env, 1);
	TrainingSet *test = movielens_set_of(env, split.test, false);
	SplitSpec	spec = split_defaults(split.set);
	Evaluation	got;

	env->n_threads = 2;
	options.groups = METRICS_CLASSIFICATION;
	options.relevance = RELEVANCE;
	CHECK_EQ_INT(evaluate(env, &method_embedding_classification,
						  test_method_params(env, &method_embedding_classification, lines), split.set, test, &spec,
						  &options, &got), RECSYS_OK);
	printf("# %.*s:", (int) strcspn(lines, "\n"), lines);
	for (int m = 0; m < 5; m++)
	{
		const EvaluationRow *row = evaluation_find(&got, metrics[m], ALL_FOLDS);
		double		majority = row->baselines[BASELINE_MAJORITY];

		printf(" %s %.4f (%.4f)", metric_infos[metrics[m]].name, row->value, majority);
		CHECK(metric_infos[metrics[m]].better > 0 ? row->value > majority : row->value < majority);
	}
	printf("\n");
	CHECK(evaluation_find(&got, METRIC_ACCURACY, ALL_FOLDS)->value >= least_accuracy);
	free(split.test.rows);
	test_method_done(env);
}

/* Every classifier beats the majority by every metric. */
static void
test_classification(void)
{
	check_classifier("estimator=logistic\n", 0.69);
	check_classifier("estimator=linear_svc\n", 0.69);
	check_classifier("estimator=decision_tree\n", 0.68);
	check_classifier("estimator=bagging\nn_estimators=5\nmax_depth=8\n", 0.69);
	check_classifier("estimator=random_forest\nn_estimators=5\n", 0.69);
	check_classifier("estimator=gradient_boosting\n", 0.69);
}

/* Runs all tests of this file. */
int
main(void)
{
	if (!movielens_present())
		return 0;
	RUN(test_regression);
	RUN(test_out_of_fold);
	RUN(test_classification);
	return unit_done();
}
