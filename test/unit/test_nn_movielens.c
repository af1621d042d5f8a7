/*
 * test_nn_movielens.c: accuracy of method nn on MovieLens 100k; see test_movielens.h.
 *
 * The parameters are the defaults, chosen on parts of the training rows. RECSYS_FOLDS=5 runs all five official
 * folds; alone, the first one, the hardest, has its own bound.
 */
#include "core/evaluate.h"
#include "core/methods/methods.h"
#include "test_movielens.h"

/* Mean RMSE over the folds is at most that. */
static void
check_rmse(const char *lines, double most_first, double most_mean)
{
	int			n_folds = movielens_n_folds();
	double		sum = 0;

	for (int fold = 1; fold <= n_folds; fold++)
		sum += movielens_fold_rmse(&method_nn, lines, fold);
	printf("# nn: RMSE %.4f over %d folds\n", sum / n_folds, n_folds);
	CHECK(sum / n_folds <= (n_folds == 1 ? most_first : most_mean));
}

/* nDCG@10 with a quarter of the ratings of each film held out, as in test_implicit_movielens.c. */
static double
ndcg(const char *lines)
{
	Env		   *env = test_env();
	EvaluateOptions options = evaluate_defaults();
	TrainingSet *set = movielens_set(env, "u.data", false);
	SplitSpec	spec = split_defaults(set);
	Evaluation	evaluation;
	double		value = NAN;

	env->n_threads = 2;
	spec.strategy = SPLIT_COURSE;
	spec.test_size = 0.25;
	options.groups = METRICS_RANKING;
	if (evaluate(env, &method_nn, test_method_params(env, &method_nn, lines), set, NULL, &spec,
				 &options, &evaluation) == RECSYS_OK)
		value = evaluation_find(&evaluation, METRIC_NDCG, ALL_FOLDS)->value;
	printf("# nn: nDCG@10 %.4f\n", value);
	test_method_done(env);
	return value;
}

/* Products of embeddings. */
static void
test_dot(void)
{
	check_rmse("objective=rating\n", 0.935, 0.922);
	CHECK(ndcg("") >= 0.45);
}

/* From the courses taken to probabilities of all. */
static void
test_softmax(void)
{
	CHECK(ndcg("arch=softmax\n") >= 0.44);
}

/* Runs all tests of this file. */
int
main(void)
{
	if (!movielens_present())
		return 0;
	RUN(test_dot);
	RUN(test_softmax);
	return unit_done();
}
