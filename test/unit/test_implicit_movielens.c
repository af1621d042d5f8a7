/*
 * test_implicit_movielens.c: ranking of methods als, bpr and ease on MovieLens 100k, a quarter of the ratings of
 * each course held out by the hash of split.h; see test_movielens.h.
 *
 * Plain implementations on another draw have nDCG@10 .473 (als, regularization 50 and alpha 10 on binary input),
 * .440 (bpr) and .4825 (ease, regularization 500).
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
	TrainingSet *set = movielens_set(env, "u.data", false);
	SplitSpec	spec;
	double		value = NAN;

	env->n_threads = 2;
	spec = split_defaults(set);
	spec.strategy = SPLIT_COURSE;
	spec.test_size = 0.25;
	options.groups = METRICS_RANKING;
	if (evaluate(env, method, test_method_params(env, method, lines), set, NULL, &spec, &options,
				 &evaluation) != RECSYS_OK)
		printf("# %s\n", env->error);
	else
	{
		row = evaluation_find(&evaluation, METRIC_NDCG, ALL_FOLDS);
		value = row->value;
		*popular = row->baseline;
	}
	printf("# %s %s: nDCG@10 %.4f, popular %.4f\n", method->name, lines, value, *popular);
	test_method_done(env);
	return value;
}

/* Factors by alternating least squares. */
static void
test_als(void)
{
	double		popular = NAN;

	CHECK(ndcg(&method_als, "", &popular) >= 0.46);
	CHECK_NEAR(popular, 0.25, 0.01);
}

/* Factors by pairwise ranking. */
static void
test_bpr(void)
{
	double		popular;

	CHECK(ndcg(&method_bpr, "", &popular) >= 0.43);
}

/* Similarities by a regularized linear model: they nearly double what popular courses reach. */
static void
test_ease(void)
{
	double		popular;

	CHECK(ndcg(&method_ease, "", &popular) >= 0.475);
}

/* A table of 400 of the 1,681 weights of each course of ease loses nothing. */
static void
test_ease_table(void)
{
	double		popular;

	CHECK(ndcg(&method_ease, "table_size=400\n", &popular) >= 0.475);
}

/* Runs all tests of this file. */
int
main(void)
{
	if (!movielens_present())
		return 0;
	RUN(test_als);
	RUN(test_bpr);
	RUN(test_ease);
	RUN(test_ease_table);
	return unit_done();
}
