/*
 * test_user_profile.c: profiles by hand, against plain loops and published recommendations.
 */
#include "core/methods/methods.h"
#include "param_table.h"
#include "test_ibm.h"
#include "test_method.h"

#define N_GENRES 3

static const TestShape plain = {KEY_NUMBER, KEY_NUMBER, false, false};
static const TestShape timed = {KEY_NUMBER, KEY_NUMBER, true, false};

/* Genres of courses 0 .. 4; course 3 has none. */
static const float genres[5][N_GENRES] = {{1, 0, 0}, {1, 1, 0}, {0, 1, 1}, {0, 0, 0}, {0, 0, 2}};

/* A set of rows with n genres; weights[c * n + g]. */
static void
build_set(Env *env, TestShape shape, const TestRow *rows, int n_rows, int n_courses, int n,
		  const float *weights, TrainingSet *set)
{
	StringTable names;

	CHECK_EQ_INT(test_set_build(env, shape, rows, n_rows, n_courses, set), RECSYS_OK);
	CHECK_EQ_INT(strings_init(env, &names), RECSYS_OK);
	for (char name = 'a'; name < 'a' + n; name++)
		CHECK_EQ_INT(strings_add(env, &names, &name, 1), RECSYS_OK);
	CHECK_EQ_INT(trainingset_set_genres(env, set, &names), RECSYS_OK);
	memcpy(set->genres.data, weights, (size_t) n_courses * (size_t) n * sizeof(float));
}

/* A model of the five courses. */
static TestModel
open_few(Env *env, TestShape shape, const char *lines)
{
	static TrainingSet set;
	const TestRow rows[] = {{1, 0, 5, 10 * DAY}, {2, 4, 3, 0}};

	build_set(env, shape, rows, 2, 5, N_GENRES, &genres[0][0], &set);
	return test_method_open(env, &method_user_profile, lines, &set);
}

/* Scores of the five courses. */
static void
check_few(TestShape shape, const char *lines, History history, const double expected[5])
{
	Env		   *env = test_env();
	TestModel	model = open_few(env, shape, lines);

	test_method_expect(env, &model, history, expected);
	test_method_done(env);
}

/* Courses 0 (rated 2) and 1 (rated 3): the profile is (5, 3, 0), its norm the root of 34. */
static void
test_by_hand(void)
{
	const int32_t courses[] = {0, 1};
	const float ratings[] = {2, 3};
	const float fraction = 0.7f;
	History		history = {.n = 2, .courses = courses, .ratings = ratings, .group = -1};
	History		one = {.n = 1, .courses = courses, .ratings = &fraction, .group = -1};

	check_few(plain, "", history, (double[]) {5, 8, 3, NO_OPINION, NO_OPINION});
	check_few(plain, "threshold=5\n", history,
			  (double[]) {5, 8, NO_OPINION, NO_OPINION, NO_OPINION});
	check_few(plain, "score_threshold=5.1\n", history,
			  (double[]) {NO_OPINION, 8, NO_OPINION, NO_OPINION, NO_OPINION});
	check_few(plain, "threshold=0.7\n", one,
			  (double[]) {0.7, 0.7, NO_OPINION, NO_OPINION, NO_OPINION});
	check_few(plain, "similarity=cosine\n", history,
			  (double[]) {5 / sqrt(34), 8 / sqrt(68), 3 / sqrt(68), NO_OPINION, NO_OPINION});
}

/* Thumbs down take away; ratings of zero, courses without genres and no history say nothing. */
static void
test_signs(void)
{
	const int32_t courses[] = {1, 2, 3};
	const float ratings[] = {2, -2, 5};
	const float zeros[] = {0, 0, 0};
	History		mixed = {.n = 3, .courses = courses, .ratings = ratings, .group = -1};
	History		zero = {.n = 3, .courses = courses, .ratings = zeros, .group = -1};
	History		without = {.n = 1, .courses = courses + 2, .ratings = ratings, .group = -1};
	History		empty = {.group = -1};
	const double none[5] = {NO_OPINION, NO_OPINION, NO_OPINION, NO_OPINION, NO_OPINION};

	/* The profile is (2, 0, -2). */
	check_few(plain, "", mixed, (double[]) {2, 2, -2, NO_OPINION, -4});
	check_few(plain, "threshold=-2\n", mixed, (double[]) {2, 2, -2, NO_OPINION, NO_OPINION});
	check_few(plain, "", zero, none);
	check_few(plain, "similarity=cosine\n", zero, none);
	check_few(plain, "", without, none);
	check_few(plain, "", empty, none);
	check_few(plain, "similarity=cosine\n", empty, none);
}

/* Half-life of 10 days: a rating of 10 days before the newest of the training set counts half. */
static void
test_ages(void)
{
	const int32_t courses[] = {0, 1, 2};
	const float ratings[] = {2, 3, 4};
	const int64_t times[] = {0, 11 * DAY, TIME_OLDEST};
	History		history = {.n = 3, .courses = courses, .ratings = ratings, .times = times,
	.group = -1};
	Env		   *env = test_env();
	TrainingSet set;
	TestModel	model;

	/* The profile is (1 + 3, 3, 0). */
	check_few(timed, "half_life=864000\n", history, (double[]) {4, 7, 3, NO_OPINION, NO_OPINION});
	check_few(timed, "", history, (double[]) {5, 12, 11, NO_OPINION, 8});
	build_set(env, plain, (TestRow[]) {{1, 0, 5, 0}}, 1, 1, 1, (float[]) {1}, &set);
	CHECK_EQ_INT(test_method_train(env, &method_user_profile, "half_life=60\n", &set, &model),
				 RECSYS_BAD_ARGUMENT);
	test_method_done(env);
}

/* Similar courses by the angle of their genres, without itself and those without genres. */
static void
test_similar(void)
{
	Env		   *env = test_env();
	TestModel	model = open_few(env, plain, "");
	const double expected[5] = {sqrt(0.5), NO_OPINION, 0.5, NO_OPINION, 0};

	CHECK(method_user_profile.similar(&model.rec, 1, model.scratch, model.scores));
	for (int c = 0; c < 5; c++)
		CHECK_SCORE(model.scores[c], expected[c]);
	test_method_scratch(&model);
	method_user_profile.similar(&model.rec, 3, model.scratch, model.scores);
	for (int c = 0; c < 5; c++)
		CHECK(model.scores[c] == NO_OPINION);
	test_method_done(env);
}

/* Users by the angle of their profiles. */
static void
test_compare(void)
{
	Env		   *env = test_env();
	TestModel	model = open_few(env, plain, "");
	const int32_t courses[] = {0, 1, 2, 3};
	const float ratings[] = {2, 3, 1, 5};
	History		a = {.n = 2, .courses = courses, .ratings = ratings, .group = -1};
	History		b = {.n = 1, .courses = courses + 2, .ratings = ratings + 2, .group = -1};
	History		zero = {.n = 1, .courses = courses + 3, .ratings = ratings + 3, .group = -1};

	CHECK_SCORE(method_user_profile.compare(&model.rec, &a, &a, model.scratch), 1);
	CHECK_SCORE(method_user_profile.compare(&model.rec, &a, &b, model.scratch), 3 / sqrt(68));
	CHECK(method_user_profile.compare(&model.rec, &a, &zero, model.scratch) == NO_OPINION);
	CHECK(method_user_profile.compare(&model.rec, &zero, &b, model.scratch) == NO_OPINION);
	test_method_scratch(&model);
	test_method_done(env);
}

/* With room for one reason only, the heaviest is given. */
static void
test_few_reasons(void)
{
	Env		   *env = test_env();
	TestModel	model = open_few(env, plain, "");
	const int32_t courses[] = {0, 1};
	const float ratings[] = {2, 3};
	History		history = {.n = 2, .courses = courses, .ratings = ratings, .group = -1};
	Reason		reason;

	CHECK_EQ_INT(method_user_profile.explain(&model.rec, &history, 1, model.scratch, &reason, 1),
				 1);
	CHECK_EQ_INT(reason.kind, REASON_GENRE);
	CHECK_EQ_INT(reason.index, 0);
	CHECK_SCORE(reason.weight, 5);
	test_method_done(env);
}

/* Score of a course pair by pair: sum of rating x (genres . genres), without a profile. */
static double
naive_dot(const TrainingSet *set, History history, int32_t course)
{
	double		sum = 0;

	for (int32_t i = 0; i < history.n; i++)
		for (int64_t g = 0; g < set->genres.n_cols; g++)
			sum += (double) history.ratings[i] *
				(double) matrix_row(&set->genres, history.courses[i])[g] *
				(double) matrix_row(&set->genres, course)[g];
	return sum;
}

/* Random sets of random genres. */
static void
test_naive(void)
{
	enum
	{
		N_COURSES = 30,
		N = 7
	};
	Env		   *env = test_env();
	TestRow    *rows = test_rows(11, 200, 20, N_COURSES);
	float		weights[N_COURSES * N];
	TrainingSet set;
	TestModel	model;
	Rng			rng;

	rng_seed(&rng, 3, 0);
	for (int i = 0; i < N_COURSES * N; i++)
		weights[i] = (float) rng_below(&rng, 3);
	build_set(env, plain, rows, 200, N_COURSES, N, weights, &set);
	model = test_method_open(env, &method_user_profile, "", &set);
	for (int32_t u = 0; u < set.users.n_keys; u++)
	{
		History		history = test_method_history(&set, u);

		test_method_score(env, &model, history);
		for (int32_t c = 0; c < N_COURSES; c++)
		{
			double		score = naive_dot(&set, history, c);

			CHECK_SCORE(model.scores[c], score == 0 ? NO_OPINION : score);
		}
		test_method_reasons(&model, history);
	}
	free(rows);
	test_method_done(env);
}

/* Published: 64,330 unseen courses with a score of 10 or more, for 982 of 1,000 users. */
static void
test_published(void)
{
	Env		   *env = test_env();
	TrainingSet set;
	TestModel	model;
	int			n_rows = 0;
	int			n_users = 0;

	ibm_load(env, &set);
	model = test_method_open(env, &method_user_profile, "threshold=10\n", &set);
	for (int32_t u = 0; u < set.users.n_keys; u++)
	{
		History		history = test_method_history(&set, u);
		int			before = n_rows;

		test_method_score(env, &model, history);
		for (int32_t i = 0; i < history.n; i++)
			model.scores[history.courses[i]] = NO_OPINION;
		for (int32_t c = 0; c < set.courses.n_keys; c++)
			n_rows += model.scores[c] != NO_OPINION;
		n_users += n_rows > before;
	}
	CHECK_EQ_INT(n_rows, 64330);
	CHECK_EQ_INT(n_users, 982);
	test_method_done(env);
}

/* One course and one genre; threads, cancel, memory, estimate. */
static void
test_limits(void)
{
	Env		   *env = test_env();
	const TestRow row = {1, 0, 5, 0};
	TrainingSet set;
	TestModel	model;

	build_set(env, plain, &row, 1, 1, 1, (float[]) {2}, &set);
	model = test_method_open(env, &method_user_profile, "", &set);
	CHECK_SCORE(test_method_score(env, &model, test_method_history(&set, 0))[0], 20);
	test_method_promises(env, &method_user_profile, "", &set, &set, 0);
	test_method_done(env);
}

/* A genre weight that is not a number is found when the model is opened. */
static void
test_damaged(void)
{
	Env		   *env = test_env();
	const TestRow row = {1, 0, 5, 0};
	TrainingSet set;
	TestModel	model;

	build_set(env, plain, &row, 1, 1, 1, (float[]) {NAN}, &set);
	CHECK_EQ_INT(test_method_train(env, &method_user_profile, "", &set, &model), RECSYS_OK);
	CHECK_EQ_INT(recommender_open(env, &model.rec, model.bytes, model.length), RECSYS_CORRUPT);
	CHECK(strcmp(env->detail, "A genre weight is not finite.") == 0);
	test_method_done(env);
}

/* Names, defaults, ranges and texts of the parameters make sense. */
static void
test_params(void)
{
	check_param_table(&method_user_profile.params);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_params);
	RUN(test_by_hand);
	RUN(test_signs);
	RUN(test_ages);
	RUN(test_similar);
	RUN(test_compare);
	RUN(test_few_reasons);
	RUN(test_naive);
	RUN_IBM(test_published);
	RUN(test_limits);
	RUN(test_damaged);
	return unit_done();
}
