/*
 * test_nmf_movielens.c: accuracy of method nmf on MovieLens 100k, see test_movielens.h.
 *
 * A plain reference implementation has nDCG@10 .435 on the held-out quarter and RMSE .9357 over the five
 * folds. The parameters are the defaults, which were chosen inside training parts only.
 *
 * The file of the method is a part of this one, under another name: the optimiser's own factors of the
 * users are compared with the fold-in.
 */
#define method_nmf nmf_inside
#include "../../src/core/methods/nmf.c"
#undef method_nmf

#include "test_movielens.h"

extern const Method method_nmf;

/* A training that kept its factors, and the offset of its ratings. */
static NmfFit kept;

/* Scores by the optimiser's own factors. */
static void
own_score(TestModel *model, const TrainingSet *set, int64_t user, float *scores)
{
	int32_t		u = idmap_find(&set->users, (Key) {.number = user});
	int			k = kept.courses.objective.k;

	for (int32_t c = 0; c < model->rec.n_courses; c++)
		scores[c] = vector_dot(kept.users.own + (size_t) u * (size_t) k,
							   kept.courses.own + (size_t) c * (size_t) k, k);
}

/* Trains once more, and keeps all factors. */
static void
keep_factors(Env *env, const TestModel *model, const TrainingSet *set)
{
	memset(&kept, 0, sizeof(kept));
	CHECK_EQ_INT(fit_init(env, model->rec.params, set, &kept), RECSYS_OK);
	CHECK_EQ_INT(iterate(env, model->rec.params, &kept), RECSYS_OK);
}

/* Unobserved zero: ranks far better than popularity, and as well for a new user as for a trained one. */
static void
test_ranking(void)
{
	Env		   *env = test_env();
	MovielensSplit split = movielens_quarter(env);
	TestModel	model;
	double		ndcg;
	double		own;
	double		popular;

	env->n_threads = 2;
	model = test_method_open(env, &method_nmf, "", split.set);
	keep_factors(env, &model, split.set);
	popular = movielens_ndcg(&model, &split, movielens_popular_score);
	ndcg = movielens_ndcg(&model, &split, movielens_method_score);
	own = movielens_ndcg(&model, &split, own_score);
	printf("# nDCG@10: nmf %.4f, with the optimiser's own factors %.4f, popular %.4f\n", ndcg, own, popular);
	CHECK_NEAR(popular, 0.25, 0.01);
	CHECK(ndcg >= 0.46);
	CHECK_NEAR(ndcg, own, 0.005);
	free(split.test.rows);
	test_method_done(env);
}

/* Mean error over the folds. */
static void
test_rmse(void)
{
	int			n = movielens_n_folds();
	double		sum = 0;

	for (int fold = 1; fold <= n; fold++)
		sum += movielens_fold_rmse(&method_nmf, "unobserved=missing\n", fold);
	printf("# RMSE u1 .. u%d: %.4f\n", n, sum / n);
	CHECK(sum / n <= (n == 1 ? 0.93 : 0.925));
}

/* Unobserved missing: the fold-in predicts as well as the optimiser's own factors. */
static void
test_fold_in(void)
{
	Env		   *env = test_env();
	MovielensSplit split = movielens_fold(env, 1);
	TestModel	model;
	double		fold_in;
	double		squares = 0;

	env->n_threads = 2;
	model = test_method_open(env, &method_nmf, "unobserved=missing\n", split.set);
	keep_factors(env, &model, split.set);
	fold_in = movielens_rmse(&model, &split);
	for (int i = 0; i < split.test.n; i++)
	{
		const TestRow *row = split.test.rows + i;
		History		history = movielens_history(split.set, row->user);
		int32_t		course = recommender_find(&model.rec, (Key) {.number = row->course});
		double		rating = recommender_baseline(&model.rec, &history, course);

		if (course != IDMAP_NONE)
			own_score(&model, split.set, row->user, model.scores);
		if (course != IDMAP_NONE && model.scores[course] > 0)
			rating = model.scores[course];
		squares += pow(fmin(5, fmax(1, rating)) - row->rating, 2);
	}
	printf("# RMSE u1: %.4f, with the optimiser's own factors %.4f\n", fold_in, sqrt(squares / split.test.n));
	CHECK_NEAR(fold_in, sqrt(squares / split.test.n), 0.003);
	free(split.test.rows);
	test_method_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	if (!movielens_present())
		return 0;
	RUN(test_ranking);
	RUN(test_rmse);
	RUN(test_fold_in);
	return unit_done();
}
