/*
 * test_implicit_movielens.c: ranking of methods als and bpr with their defaults on MovieLens 100k, a quarter of
 * the ratings of each course held out by the hash of split.h.
 *
 * Reads COURSE_RECSYS_DATA/movielens-100k; skipped when that is unset. Plain implementations on another draw
 * have nDCG@10 .473 (als, regularization 50 and alpha 10 on binary input) and .440 (bpr).
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

/* Runs all tests of this file. */
int
main(void)
{
	if (movielens_folder() == NULL)
		return 0;
	RUN(test_als);
	RUN(test_bpr);
	return unit_done();
}
