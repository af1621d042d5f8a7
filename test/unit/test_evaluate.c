/*
 * test_evaluate.c: an evaluation worked out by hand, predictions against a model used by itself, folds and
 * baselines, warnings and refusals, diversity, all methods on drawn folds, threads, memory, cancel.
 */
#include "core/diversity.h"
#include "core/evaluate.h"
#include "core/methods/methods.h"
#include "test_method.h"

#define CLOSE 1e-6

static const TestShape plain = {KEY_NUMBER, KEY_NUMBER, false, false};

/* Courses A to D are 1 to 4; what each user has, and what is held out, in the example. */
static const TestRow learned[] = {
	{1, 1, 5, 0}, {1, 2, 4, 0}, {2, 1, 4, 0}, {2, 3, 2, 0}, {3, 1, 3, 0}, {4, 2, 3, 0}, {4, 4, 1, 0}
};
static const TestRow held_out[] = {
	{1, 4, 5, 0}, {1, 9, 3, 0}, {2, 2, 4, 0}, {3, 3, 2, 0}, {3, 4, 4, 0}, {9, 1, 5, 0}
};

/* A set of plain rows; ends the program on failure. */
static void
build(Env *env, TestShape shape, const TestRow *rows, int n, TrainingSet *set)
{
	if (test_set_build(env, shape, rows, n, 0, set) != RECSYS_OK)
		abort();
}

/* Two genres: A none, B (1, 0), C (1, 1), D (0, 1). */
static void
add_genres(Env *env, TrainingSet *set)
{
	static const float weights[4][2] = {{0, 0}, {1, 0}, {1, 1}, {0, 1}};
	StringTable names;

	if (strings_init(env, &names) != RECSYS_OK || strings_add(env, &names, "x", 1) != RECSYS_OK ||
		strings_add(env, &names, "y", 1) != RECSYS_OK ||
		trainingset_set_genres(env, set, &names) != RECSYS_OK)
		abort();
	memcpy(set->genres.data, weights, sizeof(weights));
	strings_free(env, &names);
}

/* The example: what is learned, with genres, and what is held out. */
static void
build_example(Env *env, TrainingSet *set, TrainingSet *test)
{
	build(env, plain, learned, 7, set);
	add_genres(env, set);
	build(env, plain, held_out, 6, test);
}

/* Value, baseline and number of users of a metric. */
static void
check_row(const Evaluation *evaluation, Metric metric, double value, double baseline, int users)
{
	const EvaluationRow *row = evaluation_find(evaluation, metric, ALL_FOLDS);

	CHECK(row != NULL);
	if (row == NULL)
		return;
	if (!(fabs(row->value - value) <= CLOSE) || !(fabs(row->baseline - baseline) <= CLOSE))
		UNIT_FAIL("%s is %.9g with baseline %.9g, expected %.9g with %.9g", metric_infos[metric].name,
				  row->value, row->baseline, value, baseline);
	CHECK_EQ_INT(row->users, users);
	CHECK_EQ_INT(row->k, metric_infos[metric].at_k ? 2 : 0);
	CHECK(isnan(row->std));
}

/* Evaluates a method with its defaults on a held-out table; ends the program on failure. */
static Evaluation
evaluate_table(Env *env, const Method *method, const TrainingSet *set, const TrainingSet *test,
			   EvaluateOptions options)
{
	SplitSpec	spec = split_defaults(set);
	Evaluation	evaluation;

	if (evaluate(env, method, test_method_params(env, method, ""), set, test, &spec, &options,
				 &evaluation) != RECSYS_OK)
	{
		printf("# %s\n", env->error);
		abort();
	}
	return evaluation;
}

/*
 * By popularity (A 3 rows, B 2, C 1, D 1), lists of two. User 1 gets C, D and holds D and the unknown
 * course 9; user 2 gets B, D and holds B; user 3 gets B, C and holds C and D; user 9 is unknown.
 *
 *				user 1			user 2		user 3			mean
 *	precision	.5				.5			.5				.5
 *	capped		1/2				1/1			1/2				2/3
 *	recall		1/2				1/1			1/2				2/3
 *	ndcg		.63092975/1.63092975 = .38685281	1	.38685281	.59123521
 *	map			(1/2)/2			1			(1/2)/2			.5
 *	mrr			.5				1			.5				2/3
 *	auc			tie .5			1			B wins twice: 0	.5
 *	novelty		2, 2: 2			1, 2: 1.5	1, 2: 1.5		5/3		shares B 1/2, C 1/4, D 1/4
 *	diversity	1 - cos(C, D) = .29289322	1	1 - cos(B, C) = .29289322	.52859548
 *
 * B, C and D are in two lists each, A in none: coverage 3/4, gini (-3 x 0 - 2 + 2 + 3 x 2) / (4 x 6) = .25,
 * share of the rows (2 + 1 + 1) / 7.
 */
static void
test_by_hand(void)
{
	Env		   *env = test_env();
	TrainingSet set;
	TrainingSet test;
	Evaluation	got;

	build_example(env, &set, &test);
	got = evaluate_table(env, &method_popular, &set, &test, (EvaluateOptions) {2, NAN, false, 0, 0});
	CHECK_EQ_INT(got.n_rows, METRIC_USERS_WITHOUT_RELEVANT - METRIC_PRECISION + 1);
	check_row(&got, METRIC_PRECISION, 0.5, 0.5, 3);
	check_row(&got, METRIC_PRECISION_CAPPED, 2.0 / 3, 2.0 / 3, 3);
	check_row(&got, METRIC_RECALL, 2.0 / 3, 2.0 / 3, 3);
	check_row(&got, METRIC_NDCG, 0.59123521, 0.59123521, 3);
	check_row(&got, METRIC_MAP, 0.5, 0.5, 3);
	check_row(&got, METRIC_MRR, 2.0 / 3, 2.0 / 3, 3);
	check_row(&got, METRIC_HIT, 1, 1, 3);
	check_row(&got, METRIC_AUC, 0.5, 0.5, 3);
	check_row(&got, METRIC_NOVELTY, 5.0 / 3, 5.0 / 3, 3);
	check_row(&got, METRIC_DIVERSITY, 0.52859548, 0.52859548, 3);
	check_row(&got, METRIC_COVERAGE, 0.75, 0.75, 3);
	check_row(&got, METRIC_GINI, 0.25, 0.25, 3);
	check_row(&got, METRIC_ENROLLMENT_SHARE, 4.0 / 7, 4.0 / 7, 3);
	CHECK_NEAR(evaluation_find(&got, METRIC_COLD_USERS, ALL_FOLDS)->value, 1, 0);
	CHECK_EQ_INT(evaluation_find(&got, METRIC_COLD_USERS, ALL_FOLDS)->ratings, 1);
	CHECK_NEAR(evaluation_find(&got, METRIC_USERS_WITHOUT_RELEVANT, ALL_FOLDS)->value, 0, 0);
	CHECK_EQ_INT(evaluation_find(&got, METRIC_NDCG, ALL_FOLDS)->ratings, 5);
	CHECK(strcmp(evaluation_find(&got, METRIC_NDCG, ALL_FOLDS)->baseline_method, "popular") == 0);
	CHECK(evaluation_find(&got, METRIC_RMSE, ALL_FOLDS) == NULL);
	test_method_done(env);
}

/*
 * Rows count from rating 4, and are worth their rating: user 1 holds D (5) at place 2 of C, D; user 2 holds
 * B (4) at place 1; user 3 holds D (4), which is not in B, C. ndcg (.63092975 + 1 + 0) / 3. From 5 on,
 * user 1 alone is left.
 */
static void
test_relevance(void)
{
	Env		   *env = test_env();
	TrainingSet set;
	TrainingSet test;
	Evaluation	got;

	build_example(env, &set, &test);
	got = evaluate_table(env, &method_popular, &set, &test, (EvaluateOptions) {2, 4, true, 0, 0});
	check_row(&got, METRIC_NDCG, 0.54364325, 0.54364325, 3);
	check_row(&got, METRIC_RECALL, 2.0 / 3, 2.0 / 3, 3);
	got = evaluate_table(env, &method_popular, &set, &test, (EvaluateOptions) {2, 5, false, 0, 0});
	check_row(&got, METRIC_NDCG, 0.63092975, 0.63092975, 1);
	CHECK_NEAR(evaluation_find(&got, METRIC_USERS_WITHOUT_RELEVANT, ALL_FOLDS)->value, 2, 0);
	CHECK_EQ_INT(evaluation_find(&got, METRIC_USERS_WITHOUT_RELEVANT, ALL_FOLDS)->ratings, 3);
	CHECK_EQ_INT(test_env_of(env)->n_warnings, 0);
	got = evaluate_table(env, &method_popular, &set, &test, (EvaluateOptions) {2, 6, false, 0, 0});
	CHECK(isnan(evaluation_find(&got, METRIC_NDCG, ALL_FOLDS)->value));
	CHECK_EQ_INT(evaluation_find(&got, METRIC_NDCG, ALL_FOLDS)->users, 0);
	CHECK_EQ_INT(test_env_of(env)->n_warnings, 1);
	test_method_done(env);
}

/*
 * Baselines of the example. Mean 22 / 7 = 3.14285714; users 4.5, 3, 3, 2; courses 4, 3.5, 2, 1. Held out:
 * (1, D) 5, (1, ?) 3, (2, B) 4, (3, C) 2, (3, D) 4, (?, A) 5. Absolute errors:
 *	global_mean	1.857143 .142857 .857143 1.142857 .857143 1.857143	mean 1.11904762
 *	user_mean	.5 1.5 1 1 1 1.857143								mean 1.14285714
 *	course_mean	4 .142857 .5 0 3 1									mean 1.44047619
 */
static void
test_baselines(void)
{
	Env		   *env = test_env();
	TrainingSet set;
	TrainingSet test;
	Evaluation	got;
	const EvaluationRow *row;

	build_example(env, &set, &test);
	got = evaluate_table(env, &method_knn, &set, &test, (EvaluateOptions) {2, NAN, false, METRICS_RATING, 0});
	CHECK_EQ_INT(got.n_rows, METRIC_RMSE_USER + 1);
	row = evaluation_find(&got, METRIC_MAE, ALL_FOLDS);
	CHECK_NEAR(row->baselines[BASELINE_GLOBAL_MEAN], 1.11904762, CLOSE);
	CHECK_NEAR(row->baselines[BASELINE_USER_MEAN], 1.14285714, CLOSE);
	CHECK_NEAR(row->baselines[BASELINE_COURSE_MEAN], 1.44047619, CLOSE);
	CHECK(isnan(row->baselines[BASELINE_POPULAR]));
	CHECK_EQ_INT(row->users, 4);
	CHECK_EQ_INT(row->ratings, 6);
	for (int b = 0; b < BASELINE_POPULAR; b++)
		CHECK(row->baseline <= row->baselines[b]);
	CHECK(row->baseline_method != NULL);
	row = evaluation_find(&got, METRIC_R2, ALL_FOLDS);
	for (int b = 0; b < BASELINE_POPULAR; b++)
		CHECK(row->baseline >= row->baselines[b]);
	test_method_done(env);
}

/* A probability of its own: .6 for course D, else .4. */
static double
likes_last(const Recommender *rec, const History *history, int32_t course, void *scratch)
{
	(void) history;
	(void) scratch;
	return course == rec->n_courses - 1 ? 0.6 : 0.4;
}

/*
 * From rating 4, 3 of 7 training ratings are positive, and (1, D), (2, B), (3, D), (?, A) of those held out. The majority says
 * no: 2 of 6. By the probability, D is called positive, which is right twice; the unknown course has 3/7: accuracy 4 / 6,
 * mcc 4 / 8, and .6 .6 .4 .4 against .43 .4 is an AUC of (4 + 1) / 8. From rating 3, the majority, 5 of 7, says yes.
 */
static void
test_classes(void)
{
	Env		   *env = test_env();
	Method		method = method_bias;
	TrainingSet set;
	TrainingSet test;
	Evaluation	got;
	const EvaluationRow *row;

	method.probability = likes_last;
	build_example(env, &set, &test);
	got = evaluate_table(env, &method, &set, &test, (EvaluateOptions) {2, 4, false, METRICS_CLASSIFICATION, 0});
	row = evaluation_find(&got, METRIC_ACCURACY, ALL_FOLDS);
	CHECK_NEAR(row->value, 4.0 / 6, CLOSE);
	CHECK_NEAR(row->baselines[BASELINE_MAJORITY], 2.0 / 6, CLOSE);
	CHECK_NEAR(evaluation_find(&got, METRIC_MCC, ALL_FOLDS)->value, 0.5, CLOSE);
	CHECK_NEAR(evaluation_find(&got, METRIC_CLASS_AUC, ALL_FOLDS)->value, 0.625, CLOSE);
	CHECK_NEAR(evaluation_find(&got, METRIC_BER, ALL_FOLDS)->baselines[BASELINE_MAJORITY], 0.5, CLOSE);
	got = evaluate_table(env, &method_bias, &set, &test, (EvaluateOptions) {2, 3, false, 0, 0});
	row = evaluation_find(&got, METRIC_F1, ALL_FOLDS);
	CHECK_NEAR(row->baselines[BASELINE_MAJORITY], 10.0 / 11, CLOSE);
	CHECK(isnan(evaluation_find(&got, METRIC_RMSE, ALL_FOLDS)->baselines[BASELINE_MAJORITY]));
	CHECK(isnan(evaluation_find(&got, METRIC_NDCG, ALL_FOLDS)->baselines[BASELINE_MAJORITY]));
	test_method_done(env);
}

/* Two names. */
static void
add_names(Env *env, StringTable *names)
{
	if (strings_init(env, names) != RECSYS_OK || strings_add(env, names, "x", 1) != RECSYS_OK ||
		strings_add(env, names, "y", 1) != RECSYS_OK)
		abort();
}

/* Genres, words and groups of users, whatever a method may read. */
static void
add_side(Env *env, TrainingSet *set)
{
	static const char *const words[] = {"sql", "data", "python"};
	StringTable names;
	TermsBuilder terms;

	add_names(env, &names);
	add_names(env, &set->groups);
	if (trainingset_set_genres(env, set, &names) != RECSYS_OK || terms_init(env, &terms) != RECSYS_OK)
		abort();
	strings_free(env, &names);
	for (int32_t c = 0; c < set->courses.n_keys; c++)
	{
		matrix_row(&set->genres, c)[c % 2] = 1;
		if (terms_add(env, &terms, c, words[c % 3], strlen(words[c % 3]), 1) != RECSYS_OK)
			abort();
	}
	set->user_group = env_alloc(env, (size_t) set->users.n_keys, sizeof(int32_t));
	if (set->user_group == NULL || terms_finish(env, &terms, set) != RECSYS_OK)
		abort();
	for (int32_t u = 0; u < set->users.n_keys; u++)
		set->user_group[u] = u % 2;
}

/* A set of random ratings with all that methods read. */
static void
build_random(Env *env, TestShape shape, TrainingSet *set)
{
	TestRow    *rows = test_rows(11, 2500, 70, 30);

	for (int i = 0; i < 2500; i++)
		rows[i].time = i * 7919 % 2500;
	build(env, shape, rows, 2500, set);
	free(rows);
	add_side(env, set);
}

/* RMSE of a model used by itself on the held-out rows of a fold. */
static double
plain_rmse(Env *env, const Method *method, const TrainingSet *set, Fold *fold)
{
	TestModel	model = test_method_open(env, method, "", &fold->train);
	double		squares = 0;

	for (int32_t u = 0; u < fold->test.n_rows; u++)
	{
		History		history = {fold->history.offsets[u + 1] - fold->history.offsets[u],
			fold->history.indexes + fold->history.offsets[u],
			fold->history.values + fold->history.offsets[u], NULL, true,
		user_key_hash(set->users.kind, idmap_key(&set->users, u)), -1};

		for (int64_t i = fold->test.offsets[u]; i < fold->test.offsets[u + 1]; i++)
			squares += pow((double) fold->test.values[i] -
						   recommender_predict(&model.rec, &history, fold->test.indexes[i],
											   model.scratch), 2);
	}
	return sqrt(squares / (double) fold->test.n_entries);
}

/* Folds of every strategy give the RMSE of the method used by itself; all folds give their mean. */
static void
test_predictions(void)
{
	for (int strategy = SPLIT_RANDOM; strategy <= SPLIT_LEAVE_K_OUT; strategy++)
	{
		Env		   *env = test_env();
		SplitSpec	spec = {(SplitStrategy) strategy, 0.3, 3, 2, false, 42};
		EvaluateOptions options = evaluate_defaults();
		double		sum = 0;
		TrainingSet set;
		Evaluation	got;

		build_random(env, plain, &set);
		CHECK_EQ_INT(evaluate(env, &method_knn, test_method_params(env, &method_knn, ""), &set, NULL, &spec,
							  &options, &got), RECSYS_OK);
		for (int f = 1; f <= 3; f++)
		{
			Fold		fold;
			double		rmse;

			CHECK_EQ_INT(split_fold(env, &set, NULL, &spec, f, &fold), RECSYS_OK);
			rmse = plain_rmse(env, &method_knn, &set, &fold);
			CHECK_NEAR(evaluation_find(&got, METRIC_RMSE, f)->value, rmse, 1e-6);
			sum += evaluation_find(&got, METRIC_RMSE, f)->value;
		}
		CHECK_NEAR(evaluation_find(&got, METRIC_RMSE, ALL_FOLDS)->value, sum / 3, 1e-12);
		CHECK(evaluation_find(&got, METRIC_RMSE, ALL_FOLDS)->std > 0);
		CHECK(isnan(evaluation_find(&got, METRIC_RMSE, 2)->std));
		CHECK_EQ_INT(got.n_rows % 4, 0);
		test_method_done(env);
	}
}

/* The mean over folds takes the baseline with the best mean, not the one that is best most often. */
static void
test_mean(void)
{
	Env		   *env = test_env();
	EvaluationRow rows[2];
	Evaluation	folds[2] = {{&rows[0], 1}, {&rows[1], 1}};
	Evaluation	mean;

	for (int f = 0; f < 2; f++)
	{
		rows[f] = (EvaluationRow) {.metric = METRIC_RMSE, .value = 1 + f, .users = 10, .ratings = 100,
		.fold = f + 1};
		for (int b = 0; b < N_BASELINES; b++)
			rows[f].baselines[b] = NAN;
		rows[f].baselines[BASELINE_USER_MEAN] = f == 0 ? 0.9 : 3;
		rows[f].baselines[BASELINE_BIAS] = 1;
	}
	CHECK_EQ_INT(evaluate_mean(env, 2, folds, &mean), RECSYS_OK);
	CHECK_EQ_INT(mean.n_rows, 1);
	CHECK_NEAR(mean.rows[0].value, 1.5, 0);
	CHECK_NEAR(mean.rows[0].std, sqrt(0.5), 1e-12);
	CHECK_NEAR(mean.rows[0].baseline, 1, 0);
	CHECK(strcmp(mean.rows[0].baseline_method, "bias") == 0);
	CHECK_EQ_INT(mean.rows[0].users, 20);
	CHECK_EQ_INT(mean.rows[0].ratings, 200);
	CHECK_EQ_INT(mean.rows[0].fold, ALL_FOLDS);
	CHECK_EQ_INT(evaluate_mean(env, 0, folds, &mean), RECSYS_BAD_ARGUMENT);
	test_method_done(env);
}

/* Evaluates with a spec of its own and gives the status. */
static RecsysStatus
try_evaluate(Env *env, const Method *method, const TrainingSet *set, EvaluateOptions options)
{
	SplitSpec	spec = {SPLIT_RANDOM, 0.3, 1, 1, false, 42};
	Evaluation	evaluation;

	return evaluate(env, method, test_method_params(env, method, ""), set, NULL, &spec, &options, &evaluation);
}

/* Implicit data and methods that do not predict are not asked for ratings, and refuse when they are. */
static void
test_refusals(void)
{
	static const TestShape implicit = {KEY_NUMBER, KEY_NUMBER, false, true};
	Env		   *env = test_env();
	EvaluateOptions options = evaluate_defaults();
	TrainingSet set;
	TrainingSet counted;

	build_random(env, plain, &set);
	build_random(env, implicit, &counted);
	options.relevance = 3;
	CHECK_EQ_INT(try_evaluate(env, &method_knn, &set, options), RECSYS_OK);
	CHECK_EQ_INT(try_evaluate(env, &method_knn, &counted, (EvaluateOptions) {10, NAN, false, 0, 0}), RECSYS_OK);
	CHECK_EQ_INT(test_env_of(env)->n_warnings, 0);
	options.groups = METRICS_RATING;
	CHECK_EQ_INT(try_evaluate(env, &method_knn, &counted, options), RECSYS_BAD_ARGUMENT);
	CHECK(strstr(env->error, "no ratings") != NULL);
	CHECK_EQ_INT(try_evaluate(env, &method_popular, &set, options), RECSYS_BAD_ARGUMENT);
	CHECK(strstr(env->error, "\"popular\"") != NULL);
	options = (EvaluateOptions) {10, NAN, false, METRICS_CLASSIFICATION, 0};
	CHECK_EQ_INT(try_evaluate(env, &method_knn, &set, options), RECSYS_BAD_ARGUMENT);
	options = (EvaluateOptions) {0, NAN, false, 0, 0};
	CHECK_EQ_INT(try_evaluate(env, &method_knn, &set, options), RECSYS_BAD_ARGUMENT);
	options.k = EVALUATE_K_MAX + 1;
	CHECK_EQ_INT(try_evaluate(env, &method_knn, &set, options), RECSYS_BAD_ARGUMENT);
	options = (EvaluateOptions) {10, INFINITY, false, 0, 0};
	CHECK_EQ_INT(try_evaluate(env, &method_knn, &set, options), RECSYS_BAD_ARGUMENT);
	for (int i = 0; i < 3; i++)
	{
		options = (EvaluateOptions) {.k = 10, .relevance = NAN, .diversity = (double[]) {-0.1, 1.1, NAN}[i]};
		CHECK_EQ_INT(try_evaluate(env, &method_knn, &set, options), RECSYS_BAD_ARGUMENT);
	}
	set.user_group = NULL;
	CHECK_EQ_INT(try_evaluate(env, &method_demographic, &set, evaluate_defaults()), RECSYS_BAD_DATA);
	test_method_done(env);
}

/* Constant ratings, nearly constant ones, and nearly one class are told; lists longer than the catalogue work. */
static void
test_warnings(void)
{
	enum {N = 400};
	Env		   *env = test_env();
	TestRow		rows[N];
	TrainingSet set;

	for (int share = 0; share < 2; share++)
	{
		for (int i = 0; i < N; i++)
			rows[i] = (TestRow) {i / 10, i % 10 + i / 10 % 3, i % 40 < 2 * share ? 2 : 3, 0};
		build(env, plain, rows, N, &set);
		test_env_of(env)->n_warnings = 0;
		CHECK_EQ_INT(try_evaluate(env, &method_knn, &set, (EvaluateOptions) {1000, NAN, false, 0, 0}),
					 RECSYS_OK);
		CHECK_EQ_INT(test_env_of(env)->n_warnings, 1);
		CHECK_EQ_INT(try_evaluate(env, &method_knn, &set,
								  (EvaluateOptions) {10, 2.5, false, METRICS_CLASSIFICATION, 0}), RECSYS_OK);
		CHECK(strstr(test_env_of(env)->message, "one class") != NULL);
		CHECK_EQ_INT(test_env_of(env)->n_warnings, share == 0 ? 3 : 2);
	}
	test_method_done(env);
}

/* Every method is evaluated on a fold of every strategy; a value is missing only where there are no users. */
static void
test_all_methods(void)
{
	for (int strategy = SPLIT_RANDOM; strategy <= SPLIT_TIME; strategy++)
	{
		Env		   *env = test_env();
		TestShape	shape = {KEY_BYTES, KEY_BYTES, true, false};
		SplitSpec	spec = {(SplitStrategy) strategy, 0.3, 1, 1, strategy == SPLIT_LEAVE_K_OUT, 42};
		EvaluateOptions options = {5, 3, true, 0, 0};
		TrainingSet set;
		Fold		fold;

		build_random(env, shape, &set);
		CHECK_EQ_INT(split_fold(env, &set, NULL, &spec, 1, &fold), RECSYS_OK);
		for (int m = 0; recsys_methods[m] != NULL; m++)
		{
			const Method *method = recsys_methods[m];
			Evaluation	got;

			CHECK_EQ_INT(evaluate_fold(env, method, test_method_params(env, method, ""), &fold, 1, &options,
									   &got), RECSYS_OK);
			for (int r = 0; r < got.n_rows; r++)
				CHECK(!isnan(got.rows[r].value) || got.rows[r].users == 0);
			CHECK(evaluation_find(&got, METRIC_NDCG, 1)->value > 0);
		}
		test_method_done(env);
	}
}

/*
 * User 1 has course 1 of genre x and gets two of 2 and 3 (1, 0), 4 (1, 1), 5 (.5, 1), which score 5, 5, 5, 2.5;
 * 4 is held out. With diversity d, behind course 2 the others are worth 1 - d - d, 1 - d - .707 d, -.447 d:
 *
 *	d		list	ndcg					diversity
 *	0		2, 3	0						0
 *	.5		2, 4	1 / log2(3)				1 - 1 / sqrt(2)
 *	1		2, 5	0						1 - .5 / sqrt(1.25)
 */
static void
test_diversity(void)
{
	static const TestRow rows[] = {{1, 1, 5, 0}, {2, 2, 1, 0}, {2, 3, 1, 0}, {2, 4, 1, 0}, {2, 5, 1, 0}};
	static const TestRow wanted[] = {{1, 4, 5, 0}};
	static const float weights[5][2] = {{1, 0}, {1, 0}, {1, 0}, {1, 1}, {0.5, 1}};
	static const double values[3][2] = {{0, 0}, {0.630929754, 0.292893219}, {0, 0.552786405}};
	Env		   *env = test_env();
	TrainingSet set;
	TrainingSet test;

	build(env, plain, rows, 5, &set);
	add_genres(env, &set);
	memcpy(set.genres.data, weights, sizeof(weights));
	build(env, plain, wanted, 1, &test);
	for (int i = 0; i < 3; i++)
	{
		EvaluateOptions options = {.k = 2, .relevance = NAN, .diversity = 0.5 * i};
		Evaluation	got = evaluate_table(env, &method_user_profile, &set, &test, options);

		check_row(&got, METRIC_NDCG, values[i][0], 0, 1);
		check_row(&got, METRIC_DIVERSITY, values[i][1], 0, 1);
		check_row(&got, METRIC_AUC, 2.0 / 3, 0.5, 1);
	}
	test_method_done(env);
}

/* Methods that cannot compare courses refuse; of the others most lists change, and what is told of the scores does not. */
static void
test_diversity_of_all(void)
{
	Env		   *env = test_env();
	TestShape	shape = {KEY_BYTES, KEY_BYTES, true, false};
	SplitSpec	spec = {SPLIT_RANDOM, 0.3, 1, 1, false, 42};
	TrainingSet set;
	Fold		fold;
	int			n_able = 0;
	int			n_changed = 0;

	build_random(env, shape, &set);
	CHECK_EQ_INT(split_fold(env, &set, NULL, &spec, 1, &fold), RECSYS_OK);
	for (int m = 0; recsys_methods[m] != NULL; m++)
	{
		const Method *method = recsys_methods[m];
		EvaluateOptions options = {.k = 5, .relevance = NAN};
		Evaluation	plain_rows;
		Evaluation	got;
		RecsysStatus status;

		CHECK_EQ_INT(evaluate_fold(env, method, test_method_params(env, method, ""), &fold, 1, &options,
								   &plain_rows), RECSYS_OK);
		options.diversity = 0.9;
		status = evaluate_fold(env, method, test_method_params(env, method, ""), &fold, 1, &options, &got);
		if (!diversity_possible(method))
		{
			CHECK_EQ_INT(status, RECSYS_UNSUPPORTED);
			CHECK(strstr(env->error, method->name) != NULL && strstr(env->hint, "\"als\"") != NULL);
			continue;
		}
		CHECK_EQ_INT(status, RECSYS_OK);
		n_able++;
		CHECK(evaluation_find(&got, METRIC_AUC, 1)->value == evaluation_find(&plain_rows, METRIC_AUC, 1)->value);
		CHECK(evaluation_find(&got, METRIC_NDCG, 1)->baseline ==
			  evaluation_find(&plain_rows, METRIC_NDCG, 1)->baseline);
		n_changed += evaluation_find(&got, METRIC_NDCG, 1)->value !=
			evaluation_find(&plain_rows, METRIC_NDCG, 1)->value;
	}
	CHECK(n_able > 5 && n_changed > n_able / 2);
	test_method_done(env);
}

/* Users' attributes reach the method: the favourite of the group is found, which popularity misses. */
static void
test_groups(void)
{
	enum {N = 120};
	Env		   *env = test_env();
	TestRow		rows[N];
	SplitSpec	spec = {SPLIT_USER, 0.5, 1, 1, false, 42};
	EvaluateOptions options = {1, NAN, false, METRICS_RANKING, 0};
	TrainingSet set;
	Evaluation	got;

	for (int i = 0; i < N; i++)	/* user u has courses 1, and 10 or 20 by the parity of u */
		rows[i] = (TestRow) {i / 2, i % 2 == 0 ? 1 : 10 + i / 2 % 2 * 10, 1, 0};
	build(env, plain, rows, N, &set);
	set.user_group = env_alloc(env, (size_t) set.users.n_keys, sizeof(int32_t));
	for (int32_t u = 0; u < set.users.n_keys; u++)
		set.user_group[u] = u % 2;
	CHECK_EQ_INT(strings_init(env, &set.groups), RECSYS_OK);
	CHECK_EQ_INT(strings_add(env, &set.groups, "a=0", 3), RECSYS_OK);
	CHECK_EQ_INT(strings_add(env, &set.groups, "a=1", 3), RECSYS_OK);
	CHECK_EQ_INT(evaluate(env, &method_demographic, test_method_params(env, &method_demographic, ""), &set,
						  NULL, &spec, &options, &got), RECSYS_OK);
	CHECK_NEAR(evaluation_find(&got, METRIC_HIT, ALL_FOLDS)->value, 1, 0);
	CHECK(evaluation_find(&got, METRIC_HIT, ALL_FOLDS)->baseline < 0.9);
	test_method_done(env);
}

/* Without filling, who has no scored course has an empty list, which counts 0. */
static void
test_cold_start(void)
{
	Env		   *env = test_env();
	SplitSpec	spec = {SPLIT_RANDOM, 0.3, 1, 1, false, 42};
	EvaluateOptions options = {30, NAN, false, METRICS_RANKING, 0};
	const char *lines[] = {"min_support=1000000\n", "min_support=1000000\ncold_start=none\n"};
	TrainingSet set;
	Evaluation	got[2];

	build_random(env, plain, &set);
	for (int i = 0; i < 2; i++)
		CHECK_EQ_INT(evaluate(env, &method_knn, test_method_params(env, &method_knn, lines[i]), &set, NULL,
							  &spec, &options, &got[i]), RECSYS_OK);
	CHECK_NEAR(evaluation_find(&got[0], METRIC_NDCG, ALL_FOLDS)->value,
			   evaluation_find(&got[0], METRIC_NDCG, ALL_FOLDS)->baseline, 0);
	CHECK_NEAR(evaluation_find(&got[1], METRIC_NDCG, ALL_FOLDS)->value, 0, 0);
	CHECK_NEAR(evaluation_find(&got[1], METRIC_COVERAGE, ALL_FOLDS)->value, 0, 0);
	CHECK(isnan(evaluation_find(&got[1], METRIC_NOVELTY, ALL_FOLDS)->value));
	test_method_done(env);
}

/* 1, 2 and 5 threads give the same bits. */
static void
test_threads(void)
{
	Env		   *env = test_env();
	SplitSpec	spec = {SPLIT_COURSE, 0.3, 2, 1, false, 42};
	EvaluateOptions options = {5, 3, false, 0, 0.5};
	TrainingSet set;
	Evaluation	one;

	build_random(env, plain, &set);
	for (int threads = 1; threads <= 5; threads += threads == 1 ? 1 : 3)
	{
		Evaluation	got;

		env->n_threads = threads;
		CHECK_EQ_INT(evaluate(env, &method_knn, test_method_params(env, &method_knn, ""), &set, NULL, &spec,
							  &options, &got), RECSYS_OK);
		if (threads == 1)
			one = got;
		CHECK_EQ_INT(got.n_rows, one.n_rows);
		for (int r = 0; r < got.n_rows; r++)
			CHECK(memcmp(&got.rows[r].value, &one.rows[r].value, sizeof(double)) == 0 &&
				  memcmp(got.rows[r].baselines, one.rows[r].baselines, sizeof(one.rows[r].baselines)) == 0);
	}
	test_method_done(env);
}

/* Failing allocations, a limit and a cancel end it with the right status and nothing held. */
static void
test_failures(void)
{
	Env		   *env = test_env();
	EvaluateOptions options = {5, 3, false, 0, 0};
	void	   *params = test_method_params(env, &method_knn, "");
	SplitSpec	spec = {SPLIT_RANDOM, 0.3, 2, 1, false, 42};
	TrainingSet set;
	Evaluation	got;
	size_t		before;

	build_random(env, plain, &set);
	before = env->memory_used;
	for (int kind = 0; kind < 2; kind++)
	{
		RecsysStatus failed = kind == 0 ? RECSYS_NO_MEMORY : RECSYS_INTERRUPTED;
		RecsysStatus status = failed;
		int			n = 0;

		for (; n < 10000 && status == failed; n += 1 + n / 16)
		{
			(kind == 0 ? test_env_fail_after : test_env_interrupt_after) (env, n);
			status = evaluate(env, &method_knn, params, &set, NULL, &spec, &options, &got);
			CHECK(status == RECSYS_OK || env->memory_used == before);
			CHECK(status == RECSYS_OK || env->status == failed);
		}
		CHECK_EQ_INT(status, RECSYS_OK);
		CHECK(n > 20);
		test_env_fail_after(env, -1);
		test_env_interrupt_after(env, -1);
		env_free(env, got.rows);
	}
	env->memory_limit = before + 20000;
	CHECK_EQ_INT(evaluate(env, &method_knn, params, &set, NULL, &spec, &options, &got), RECSYS_OVER_LIMIT);
	CHECK_EQ_INT(env->memory_used, before);
	test_method_done(env);
}

/* An evaluation inside the training part of a fold, as tuning does it. */
static void
test_inner(void)
{
	Env		   *env = test_env();
	SplitSpec	spec = {SPLIT_RANDOM, 0.3, 1, 1, false, 42};
	SplitSpec	inner_spec = {SPLIT_RANDOM, 0.3, 2, 1, false, 43};
	EvaluateOptions options = evaluate_defaults();
	TrainingSet set;
	Fold		fold;
	Fold		inner;
	Evaluation	got;

	build_random(env, plain, &set);
	CHECK_EQ_INT(split_fold(env, &set, NULL, &spec, 1, &fold), RECSYS_OK);
	CHECK_EQ_INT(split_fold(env, &fold.train, NULL, &inner_spec, 1, &inner), RECSYS_OK);
	CHECK_EQ_INT(inner.train.by_user.n_entries + inner.test.n_entries, fold.train.by_user.n_entries);
	CHECK_EQ_INT(evaluate(env, &method_knn, test_method_params(env, &method_knn, ""), &fold.train, NULL,
						  &inner_spec, &options, &got), RECSYS_OK);
	CHECK(evaluation_find(&got, METRIC_DIVERSITY, ALL_FOLDS)->value > 0);
	fold_free(env, &inner);
	fold_free(env, &fold);
	test_method_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN_ALONE(test_by_hand);
	RUN_ALONE(test_relevance);
	RUN_ALONE(test_baselines);
	RUN_ALONE(test_classes);
	RUN_ALONE(test_predictions);
	RUN_ALONE(test_mean);
	RUN_ALONE(test_refusals);
	RUN_ALONE(test_warnings);
	RUN_ALONE(test_diversity);
	RUN_ALONE(test_diversity_of_all);
	RUN_ALONE(test_all_methods);
	RUN_ALONE(test_groups);
	RUN_ALONE(test_cold_start);
	RUN(test_threads);
	RUN_ALONE(test_failures);
	RUN_ALONE(test_inner);
	return unit_done();
}
