/*
 * test_bpr_movielens.c: the fold-in of method bpr against the user vectors that training itself ends with, by
 * ranking on the first official fold of MovieLens 100k.
 *
 * A model has no user vectors, so this file includes the method's own and keeps what its training frees.
 * Reads COURSE_RECSYS_DATA/movielens-100k; skipped when that is unset.
 */
#define method_bpr method_bpr_inside
#include "core/methods/bpr.c"
#undef method_bpr

#include "core/topk.h"
#include "test_method.h"
#include "test_movielens.h"

#define TOP 10

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

/* nDCG with binary gains of the TOP best that user u has not taken. */
static double
user_ndcg(const Recommender *rec, const TrainingSet *set, int32_t u, const float *scores,
		  const uint8_t *relevant, int n_relevant)
{
	uint8_t    *allowed = malloc((size_t) rec->n_courses);
	RankOptions options = {TOP, NAN, true, allowed};
	TopkItem	heap[TOP];
	Ranked		ranked[TOP];
	double		gain = 0;
	double		best = 0;
	int			n;

	memset(allowed, 1, (size_t) rec->n_courses);
	for (int64_t e = set->by_user.offsets[u]; e < set->by_user.offsets[u + 1]; e++)
		allowed[set->by_user.indexes[e]] = 0;
	n = recommender_rank(rec, scores, &options, heap, ranked);
	for (int i = 0; i < n; i++)
		gain += relevant[ranked[i].course] / log2(i + 2);
	for (int i = 0; i < TOP && i < n_relevant; i++)
		best += 1 / log2(i + 2);
	free(allowed);
	return gain / best;
}

/* Scores of user u by the vector of the training. */
static void
trained_scores(const Recommender *rec, int32_t u, float *scores)
{
	int64_t		k = inside.params->factors;

	for (int32_t c = 0; c < rec->n_courses; c++)
		scores[c] = vector_dot(inside.user_factors + u * k, inside.course_factors + c * k, k) +
			inside.course_biases[c];
}

/* Mean nDCG over the users of the held-out rows, which are sorted by user: by fold-in, and trained. */
static void
compare_vectors(TestModel *model, const TrainingSet *set, const TestRow *rows, int n, double *folded,
				double *trained)
{
	uint8_t    *relevant = calloc((size_t) model->rec.n_courses, 1);
	int			n_users = 0;

	for (int i = 0, end; i < n; i = end)
	{
		int32_t		u = idmap_find(&set->users, (Key) {.number = rows[i].user});
		History		history = test_method_history(set, u);

		memset(relevant, 0, (size_t) model->rec.n_courses);
		for (end = i; end < n && rows[end].user == rows[i].user; end++)
		{
			int32_t		c = recommender_find(&model->rec, (Key) {.number = rows[end].course});

			if (c != IDMAP_NONE)
				relevant[c] = 1;
		}
		model->rec.method->score(&model->rec, &history, model->scratch, model->scores);
		*folded += user_ndcg(&model->rec, set, u, model->scores, relevant, end - i);
		trained_scores(&model->rec, u, model->scores);
		*trained += user_ndcg(&model->rec, set, u, model->scores, relevant, end - i);
		n_users++;
	}
	*folded /= n_users;
	*trained /= n_users;
	free(relevant);
}

/* The fold-in ranks no worse than the trained vectors, but for .005. */
static void
test_fold_in(void)
{
	Env		   *env = test_env();
	Method		method = method_bpr_inside;
	TrainingSet set;
	TestModel	model = {0};
	double		folded = 0;
	double		trained = 0;
	int			n;
	TestRow    *rows = movielens_rows("u1.test", &n);
	void	   *params = test_method_params(env, &method, "iterations=50\n");

	method.fit = fit_and_keep;
	movielens_set(env, "u1.base", false, &set);
	CHECK_EQ_INT(trainingset_fingerprint(env, &set), RECSYS_OK);
	if (recommender_train(env, &method, params, &set, &model.bytes, &model.length) != RECSYS_OK ||
		recommender_open_as(env, &model.rec, &method, model.bytes, model.length) != RECSYS_OK)
		abort();
	model.scratch = env_alloc_zero(env, 1, recommender_scratch_size(&model.rec));
	model.scores = env_alloc(env, (size_t) model.rec.n_courses, sizeof(float));
	compare_vectors(&model, &set, rows, n, &folded, &trained);
	printf("# nDCG@%d: fold-in %.4f, trained %.4f\n", TOP, folded, trained);
	CHECK(folded >= trained - 0.005);
	CHECK(trained > 0.4);
	free(rows);
	test_method_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	if (movielens_folder() == NULL)
		return 0;
	RUN(test_fold_in);
	return unit_done();
}
