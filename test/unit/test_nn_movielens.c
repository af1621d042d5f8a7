/*
 * test_nn_movielens.c: accuracy of method nn on MovieLens 100k; see test_movielens.h.
 *
 * The parameters are the defaults, chosen on parts of the training rows. RECSYS_FOLDS=5 runs all five official
 * folds; alone, the first one, the hardest, has its own bound.
 */
#include "core/evaluate.h"
#include "core/methods/methods.h"
#include "core/nn_dot.h"
#include "core/nn_neumf.h"
#include "core/vector.h"
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

/* The same, joined with dense layers. */
static void
test_neumf(void)
{
	check_rmse("arch=neumf\nobjective=rating\n", 0.935, 0.922);
	CHECK(ndcg("arch=neumf\n") >= 0.44);
}

/* ------------------------------------------------------------------ folded in, or trained */

/* What the optimiser knows and a model does not: users; and what outputs are computed by. */
typedef struct Trained
{
	PairTraining training;
	NeumfSide	side;			/* neumf */
	NeumfTile	tile;
	double		mean;			/* of ratings */
	double		deviation;
} Trained;

static Trained trained;

/* Scores of dot by the user's trained vector, with what the model has of the courses. */
static void
score_dot(TestModel *model, const TrainingSet *set, int64_t user, float *scores)
{
	int32_t		u = idmap_find(&set->users, (Key) {.number = user});
	int			width = trained.training.users.width;

	for (int32_t c = 0; c < model->rec.n_courses; c++)
	{
		int			n;
		const float *factors = method_nn.course_vector(&model->rec, c, &n);

		scores[c] = NO_OPINION;
		if (factors != NULL)
			scores[c] = vector_dot(factors, trained.training.users.rows + (int64_t) u * width, n) +
				method_nn.course_vector_bias(&model->rec, c);
	}
}

/* The same of neumf. */
static void
score_neumf(TestModel *model, const TrainingSet *set, int64_t user, float *scores)
{
	int32_t		u = idmap_find(&set->users, (Key) {.number = user});
	const float *x = trained.training.users.rows + (int64_t) u * trained.training.users.width;
	FoldNetwork network = neumf_fold_network(&trained.tile);

	network.begin(network.arg, x);
	for (int32_t c = 0; c < model->rec.n_courses; c++)
	{
		int32_t		courses[FOLD_TILE];
		float		outputs[FOLD_TILE];

		for (int i = 0; i < FOLD_TILE; i++)
			courses[i] = c;
		network.outputs(network.arg, x, courses, outputs);
		scores[c] = model->rec.course_counts[c] > 0 ? outputs[0] : NO_OPINION;
	}
}

/* Trains dot once more, as the method does, to have the users. */
static void
train_dot(Env *env, const TrainingSet *set, const NnParams *params)
{
	DotNetwork	dot = {(int) params->factors, pairs_offset(params)};
	PairNetwork network = nn_dot_network(&dot);

	CHECK_EQ_INT(pairs_init(env, set, params, &network, &trained.training), RECSYS_OK);
	CHECK_EQ_INT(nn_dot_draw(env, &dot, &trained.training), RECSYS_OK);
	CHECK_EQ_INT(pairs_train(env, &trained.training), RECSYS_OK);
}

/* Trains neumf once more; outputs are from the sections of the model. */
static void
train_neumf(Env *env, const TrainingSet *set, const TestModel *model)
{
	const NnParams *params = model->rec.params;
	const double *scale = test_method_section(env, model, "scale", SECTION_DOUBLE);
	NeumfSide  *side = &trained.side;
	PairNetwork network;

	CHECK(neumf_init(params, &side->network));
	network = nn_neumf_network(params, &side->network);
	CHECK_EQ_INT(pairs_init(env, set, params, &network, &trained.training), RECSYS_OK);
	CHECK_EQ_INT(nn_neumf_draw(env, &side->network, &trained.training), RECSYS_OK);
	CHECK_EQ_INT(pairs_train(env, &trained.training), RECSYS_OK);
	trained.mean = scale[0];
	trained.deviation = scale[1];
	side->dense = test_method_section(env, model, "dense", SECTION_FLOAT);
	side->factors = test_method_section(env, model, "factors", SECTION_FLOAT);
	side->bias = test_method_section(env, model, "bias", SECTION_FLOAT);
	side->first = test_method_section(env, model, "first_layer", SECTION_FLOAT);
	CHECK(memcmp(side->dense, trained.training.dense, sizeof(float)) == 0);
	neumf_cut_tile(side, env_alloc_zero(env, 1, neumf_cut_tile(side, NULL, &trained.tile)), &trained.tile);
}

/* Users of the moment rank about as well as those that were trained. */
static void
check_ranking_users(const char *lines)
{
	Env		   *env = test_env();
	MovielensSplit split = movielens_quarter(env);
	bool		is_dot = lines[0] == '\0';
	TestModel	model;
	double		folded_in;
	double		by_training;

	env->n_threads = 2;
	model = test_method_open(env, &method_nn, lines, split.set);
	if (is_dot)
		train_dot(env, split.set, model.rec.params);
	else
		train_neumf(env, split.set, &model);
	folded_in = movielens_ndcg(&model, &split, movielens_method_score);
	by_training = movielens_ndcg(&model, &split, is_dot ? score_dot : score_neumf);
	printf("# nn %s: nDCG@10 of users folded in %.4f, trained %.4f\n", is_dot ? "dot" : "neumf", folded_in,
		   by_training);
	CHECK(folded_in >= by_training - 0.005);
	free(split.test.rows);
	test_method_done(env);
}

/* Both architectures. */
static void
test_ranking_users(void)
{
	check_ranking_users("");
	check_ranking_users("arch=neumf\n");
}

/* RMSE by the trained users, whose rows follow each other in the held-out ratings. */
static double
trained_rmse(TestModel *model, const MovielensSplit *split)
{
	double		squares = 0;

	for (int i = 0; i < split->test.n; i++)
	{
		const TestRow *row = split->test.rows + i;
		int32_t		course = recommender_find(&model->rec, (Key) {.number = row->course});
		History		nobody = {.group = -1};
		double		rating = recommender_baseline(&model->rec, &nobody, course);

		if (i == 0 || row->user != row[-1].user)
			score_neumf(model, split->set, row->user, model->scores);
		if (course != IDMAP_NONE && model->scores[course] > NO_OPINION)
			rating = trained.mean + trained.deviation * (double) model->scores[course];
		squares += pow(fmin(fmax(rating, 1), 5) - (double) row->rating, 2);
	}
	return sqrt(squares / split->test.n);
}

/* Ratings by users of the moment are about as good as by those that were trained. */
static void
test_rating_users(void)
{
	Env		   *env = test_env();
	MovielensSplit split = movielens_fold(env, 1);
	TestModel	model;
	double		folded_in;
	double		by_training;

	env->n_threads = 2;
	model = test_method_open(env, &method_nn, "arch=neumf\nobjective=rating\n", split.set);
	train_neumf(env, split.set, &model);
	folded_in = movielens_rmse(&model, &split);
	by_training = trained_rmse(&model, &split);
	printf("# nn neumf: RMSE of users folded in %.4f, trained %.4f\n", folded_in, by_training);
	CHECK(folded_in <= by_training + 0.003);
	free(split.test.rows);
	test_method_done(env);
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
	RUN(test_neumf);
	RUN(test_ranking_users);
	RUN(test_rating_users);
	RUN(test_softmax);
	return unit_done();
}
