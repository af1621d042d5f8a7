/*
 * test_bpr_movielens.c: the fold-in of method bpr against the user vectors that training itself ends with, by
 * ranking on the first official fold of MovieLens 100k.
 *
 * A model has no user vectors, so this file includes the method's own and keeps what its training frees.
 * See test_movielens.h for the data.
 */
#define method_bpr method_bpr_inside
#include "core/methods/bpr.c"
#undef method_bpr

#include "test_movielens.h"

/* The training run. */
static BprFit inside;

/* Method.fit that keeps the user vectors. */
static RecsysStatus
fit_and_keep(Env *env, const TrainingSet *set, const void *params, ModelWriter *writer)
{
	int64_t		n = set->by_course.n_rows;

	inside = (BprFit) {.params = params, .set = set};
	TRY(init_fit(env, &inside));
	TRY(run_iterations(env, &inside));
	TRY(model_put(env, writer, "course_factors", SECTION_FLOAT, n, inside.params->factors,
				  inside.course_factors));
	return model_put(env, writer, "course_biases", SECTION_FLOAT, n, 1, inside.course_biases);
}

/* Scores of a user by the vector of the training. */
static void
trained_scores(TestModel *model, const TrainingSet *set, int64_t user, float *scores)
{
	int32_t		u = idmap_find(&set->users, (Key) {.number = user});
	int64_t		k = inside.params->factors;

	for (int32_t c = 0; c < model->rec.n_courses; c++)
		scores[c] = vector_dot(inside.user_factors + u * k, inside.course_factors + c * k, k) +
			inside.course_biases[c];
}

/* The fold-in ranks no worse than the trained vectors, but for .005. */
static void
test_fold_in(void)
{
	Env		   *env = test_env();
	Method		method = method_bpr_inside;
	MovielensSplit split = movielens_fold(env, 1);
	TestModel	model = {0};
	void	   *params = test_method_params(env, &method, "iterations=50\n");
	double		folded;
	double		trained;

	method.fit = fit_and_keep;
	if (recommender_train(env, &method, params, split.set, &model.bytes, &model.length) != RECSYS_OK ||
		recommender_open_as(env, &model.rec, &method, model.bytes, model.length) != RECSYS_OK)
		abort();
	model.scratch = env_alloc_zero(env, 1, recommender_scratch_size(&model.rec));
	model.scores = env_alloc(env, (size_t) model.rec.n_courses, sizeof(float));
	folded = movielens_ndcg(&model, &split, movielens_method_score);
	trained = movielens_ndcg(&model, &split, trained_scores);
	printf("# nDCG@%d: fold-in %.4f, trained %.4f\n", MOVIELENS_TOP, folded, trained);
	CHECK(folded >= trained - 0.005);
	CHECK(trained > 0.4);
	free(split.test.rows);
	test_method_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	if (!movielens_present())
		return 0;
	RUN(test_fold_in);
	return unit_done();
}
