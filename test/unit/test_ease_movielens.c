/*
 * test_ease_movielens.c: ranking of method ease on MovieLens 100k, a quarter of the ratings of each course
 * held out by the hash of split.h.
 *
 * Reads COURSE_RECSYS_DATA/movielens-100k; skipped when that is unset. A plain numpy version on another draw
 * has nDCG@10 .4825 with regularization 500.
 */
#include "core/evaluate.h"
#include "core/methods/methods.h"
#include "test_method.h"
#include "test_movielens.h"

/* nDCG@10 of a method with parameters; *popular: that of the popular courses. */
static double
ndcg(const Method *method, const char *lines, double *popular)
{
	Env		   *env = test_env();
	EvaluateOptions options = evaluate_defaults();
	const EvaluationRow *row;
	Evaluation	evaluation;
	TrainingSet set;
	SplitSpec	spec;
	double		value = NAN;

	env->n_threads = 2;
	movielens_set(env, "u.data", false, &set);
	spec = split_defaults(&set);
	spec.strategy = SPLIT_COURSE;
	spec.test_size = 0.25;
	options.groups = METRICS_RANKING;
	if (evaluate(env, method, test_method_params(env, method, lines), &set, NULL, &spec, &options,
				 &evaluation) != RECSYS_OK)
		printf("# %s\n", env->error);
	else
	{
		row = evaluation_find(&evaluation, METRIC_NDCG, ALL_FOLDS);
		value = row->value;
		*popular = row->baseline;
	}
	printf("# %s: nDCG@10 %.4f, popular %.4f\n", lines, value, *popular);
	test_method_done(env);
	return value;
}

/* The defaults reach the reference; they nearly double what popular courses reach. */
static void
test_ranking(void)
{
	double		popular = NAN;

	CHECK(ndcg(&method_ease, "", &popular) >= 0.475);
	CHECK_NEAR(popular, 0.25, 0.01);
}

/* A table of 400 of the 1,681 weights of each course loses nothing. */
static void
test_table(void)
{
	double		popular;

	CHECK(ndcg(&method_ease, "table_size=400\n", &popular) >= 0.475);
}

/* Runs all tests of this file. */
int
main(void)
{
	if (movielens_folder() == NULL)
		return 0;
	RUN(test_ranking);
	RUN(test_table);
	return unit_done();
}
