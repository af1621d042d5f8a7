/*
 * test_evaluate_movielens.c: evaluation of MovieLens 100k against figures that are known otherwise: those
 * of test_knn_movielens.c, the published errors of the trivial baselines on the official folds, and
 * popularity and knn with a quarter held out; see test_movielens.h.
 */
#include "core/evaluate.h"
#include "core/methods/methods.h"
#include "test_movielens.h"

/* Evaluates; ends the program on failure. */
static Evaluation
run(Env *env, const Method *method, const char *lines, const TrainingSet *set, const TrainingSet *test,
	SplitSpec spec, unsigned groups)
{
	EvaluateOptions options = {10, NAN, false, groups, 0};
	Evaluation	evaluation;

	if (evaluate(env, method, test_method_params(env, method, lines), set, test, &spec, &options,
				 &evaluation) != RECSYS_OK)
	{
		printf("# %s\n", env->error);
		abort();
	}
	return evaluation;
}

/* Value of a metric over all folds. */
static double
value_of(const Evaluation *evaluation, Metric metric)
{
	return evaluation_find(evaluation, metric, ALL_FOLDS)->value;
}

/* The first fold as a held-out table: nDCG and RMSE as in test_knn_movielens.c, which computes them itself. */
static void
test_first_fold(void)
{
	Env		   *env = test_env();
	TrainingSet *set = movielens_set(env, "u1.base", false);
	TrainingSet *test = movielens_set(env, "u1.test", false);
	SplitSpec	spec = split_defaults(set);
	Evaluation	got;

	env->n_threads = 2;
	got = run(env, &method_knn, "", set, test, spec, METRICS_RANKING);
	CHECK_NEAR(value_of(&got, METRIC_NDCG), 0.5296, 0.0005);
	CHECK_NEAR(evaluation_find(&got, METRIC_NDCG, ALL_FOLDS)->baseline, 0.3254, 0.0005);
	CHECK_EQ_INT(evaluation_find(&got, METRIC_NDCG, ALL_FOLDS)->users, 459);
	got = run(env, &method_knn, "similarity=pearson_baseline\nshrinkage=100\nrating=baseline\n", set, test,
			  spec, METRICS_RATING);
	CHECK_NEAR(value_of(&got, METRIC_RMSE), 0.936, 0.004);
	test_method_done(env);
}

/* Mean RMSE and MAE of the baselines over the official folds. */
static void
test_baselines(void)
{
	static const struct
	{
		Baseline	baseline;
		double		rmse;
		double		mae;
	}			known[] = {
		{BASELINE_GLOBAL_MEAN, 1.1256, 0.9447},
		{BASELINE_USER_MEAN, 1.0437, 0.8362},
		{BASELINE_COURSE_MEAN, 1.0246, 0.8174},
		{BASELINE_BIAS, 0.9457, 0.7499},
	};
	Env		   *env = test_env();
	Evaluation	folds[5];
	Evaluation	mean;

	env->n_threads = 2;
	for (int f = 0; f < 5; f++)
	{
		MovielensSplit split = movielens_fold(env, f + 1);
		TrainingSet *test = movielens_set_of(env, split.test, false);

		folds[f] = run(env, &method_knn, "", split.set, test, split_defaults(split.set), METRICS_RATING);
		free(split.test.rows);
	}
	CHECK_EQ_INT(evaluate_mean(env, 5, folds, &mean), RECSYS_OK);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
	{
		CHECK_NEAR(evaluation_find(&mean, METRIC_RMSE, ALL_FOLDS)->baselines[known[i].baseline],
				   known[i].rmse, 0.0001);
		CHECK_NEAR(evaluation_find(&mean, METRIC_MAE, ALL_FOLDS)->baselines[known[i].baseline],
				   known[i].mae, 0.0001);
	}
	CHECK(strcmp(evaluation_find(&mean, METRIC_RMSE, ALL_FOLDS)->baseline_method, "bias") == 0);
	CHECK(value_of(&mean, METRIC_RMSE) < 0.9457);
	test_method_done(env);
}

/* A quarter held out, of all rows and of each course: popular .25, knn at least .44. */
static void
test_quarter(void)
{
	static const SplitStrategy strategies[] = {SPLIT_RANDOM, SPLIT_COURSE};
	Env		   *env = test_env();
	TrainingSet *set = movielens_set(env, "u.data", false);

	env->n_threads = 2;
	for (int s = 0; s < 2; s++)
	{
		SplitSpec	spec = {strategies[s], 0.25, 1, 1, false, 42};
		Evaluation	got = run(env, &method_knn, "", set, NULL, spec, METRICS_RANKING);

		printf("# nDCG@10: knn %.4f, popular %.4f\n", value_of(&got, METRIC_NDCG),
			   evaluation_find(&got, METRIC_NDCG, ALL_FOLDS)->baseline);
		CHECK(value_of(&got, METRIC_NDCG) >= 0.44);
		CHECK_NEAR(value_of(&got, METRIC_NDCG), 0.447, 0.01);
		CHECK_NEAR(evaluation_find(&got, METRIC_NDCG, ALL_FOLDS)->baseline, 0.25, 0.01);
	}
	test_method_done(env);
}

/* The last fifth in time: of 301 users asked for, 109 have a history. */
static void
test_time(void)
{
	Env		   *env = test_env();
	TrainingSet *set = movielens_set(env, "u.data", true);
	Evaluation	got = run(env, &method_popular, "", set, NULL, split_defaults(set), METRICS_RANKING);

	CHECK_EQ_INT(evaluation_find(&got, METRIC_NDCG, ALL_FOLDS)->users, 109);
	CHECK_NEAR(value_of(&got, METRIC_COLD_USERS), 301 - 109, 0);
	test_method_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	if (!movielens_present())
		return 0;
	RUN(test_first_fold);
	RUN(test_baselines);
	RUN(test_quarter);
	RUN(test_time);
	return unit_done();
}
