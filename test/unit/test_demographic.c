/*
 * test_demographic.c: popularity within groups by hand and against plain loops.
 */
#include "core/methods/methods.h"
#include "param_table.h"
#include "test_method.h"


static const TestShape plain = {KEY_NUMBER, KEY_NUMBER, false, false};
static const TestShape timed = {KEY_NUMBER, KEY_NUMBER, true, false};

/* Users 1, 2, 3 are group 0, users 4, 5 group 1, user 6 has no group; nobody is in group 2. */
static const int32_t few_groups[] = {0, 0, 0, 1, 1, -1};

/* Course 0 was taken by 1, 2 (thumbs down), 4, course 1 by 3 and 5, course 2 by 6, 3 by nobody. */
static const TestRow few[] = {
	{1, 0, 5, 10 * DAY}, {2, 0, -1, 0}, {4, 0, 4, 10 * DAY}, {3, 1, 0, TIME_OLDEST},
	{5, 1, 3, 0}, {6, 2, 5, 10 * DAY},
};

/* A set whose users, in key order, have the groups 0 .. n_groups - 1, or -1. */
static void
build_set(Env *env, TestShape shape, const TestRow *rows, int n_rows, int n_courses,
		  const int32_t *user_group, int n_groups, TrainingSet *set)
{
	CHECK_EQ_INT(test_set_build(env, shape, rows, n_rows, n_courses, set), RECSYS_OK);
	set->user_group = env_alloc(env, (size_t) set->users.n_keys, sizeof(int32_t));
	memcpy(set->user_group, user_group, (size_t) set->users.n_keys * sizeof(int32_t));
	CHECK_EQ_INT(strings_init(env, &set->groups), RECSYS_OK);
	for (int g = 0; g < n_groups; g++)
	{
		char		name[16];
		int			length = snprintf(name, sizeof(name), "group=%03d", g);

		CHECK_EQ_INT(strings_add(env, &set->groups, name, (size_t) length), RECSYS_OK);
	}
}

/* Scores of the four courses for users of a group; the history does not matter. */
static void
check_few(TestShape shape, const char *lines, int32_t group, const double expected[4])
{
	const int32_t courses[] = {0, 2};
	const float ratings[] = {5, 1};
	Env		   *env = test_env();
	TrainingSet set;
	TestModel	model;

	build_set(env, shape, few, 6, 4, few_groups, 3, &set);
	model = test_method_open(env, &method_demographic, lines, &set);
	for (int n = 0; n <= 2; n++)
	{
		History		history = {.n = n, .courses = courses, .ratings = ratings, .group = group};

		test_method_expect(env, &model, history, expected);
	}
	test_method_done(env);
}

/* Of six users three took course 0, two course 1, one course 2. */
static void
test_by_hand(void)
{
	const double none[4] = {NO_OPINION, NO_OPINION, NO_OPINION, NO_OPINION};

	check_few(plain, "", 0, (double[]) {7.0 / 13, (1 + 10 / 3.0) / 13, 10 / 6.0 / 13, NO_OPINION});
	check_few(plain, "shrinkage=6\n", 1, (double[]) {0.5, 3.0 / 8, 1.0 / 8, NO_OPINION});
	check_few(plain, "shrinkage=0\n", 0, (double[]) {2.0 / 3, 1.0 / 3, 0, NO_OPINION});
	check_few(plain, "shrinkage=1e9\n", 0, (double[]) {0.5, 1 / 3.0, 1 / 6.0, NO_OPINION});
	/* A group without users: the popularity among all; nothing without shrinkage. */
	check_few(plain, "", 2, (double[]) {0.5, 1 / 3.0, 1 / 6.0, NO_OPINION});
	check_few(plain, "shrinkage=0\n", 2, none);
	check_few(plain, "", -1, none);
}

/* Half-life 10 days, now is day 10: ratings of day 0 count half, those of no known time nothing. */
static void
test_ages(void)
{
	const TestRow unknown[] = {{1, 0, 5, 0}, {1, 1, 5, TIME_OLDEST}};
	Env		   *env = test_env();
	TrainingSet set;
	TestModel	model;

	check_few(timed, "half_life=864000\nshrinkage=6\n", 0,
			  (double[]) {(1.5 + 2.5) / 9, 0.5 / 9, 1.0 / 9, NO_OPINION});
	check_few(timed, "half_life=864000\nshrinkage=6\n", 1,
			  (double[]) {(1 + 2.5) / 8, 1.0 / 8, 1.0 / 8, NO_OPINION});
	build_set(env, timed, unknown, 2, 2, few_groups, 1, &set);
	model = test_method_open(env, &method_demographic, "half_life=60\n", &set);
	test_method_score(env, &model, (History) {.group = 0});
	CHECK_SCORE(model.scores[0], 1);
	CHECK(model.scores[1] == NO_OPINION);
	build_set(env, plain, few, 6, 4, few_groups, 3, &set);
	CHECK_EQ_INT(test_method_train(env, &method_demographic, "half_life=60\n", &set, &model),
				 RECSYS_BAD_ARGUMENT);
	test_method_done(env);
}

/* Why: the group's part and everybody's, by name. */
static void
test_reasons(void)
{
	Env		   *env = test_env();
	TrainingSet set;
	TestModel	model;
	Reason		reasons[3];
	History		history = {.group = 1};

	build_set(env, plain, few, 6, 4, few_groups, 3, &set);
	model = test_method_open(env, &method_demographic, "shrink=6\n", &set);
	CHECK_EQ_INT(method_demographic.explain(&model.rec, &history, 0, NULL, reasons, 3), 2);
	CHECK_EQ_INT(reasons[0].kind, REASON_GROUP);
	CHECK_EQ_INT(reasons[0].index, 1);
	CHECK_SCORE(reasons[0].weight, 1.0 / 8);
	CHECK_EQ_INT(reasons[1].kind, REASON_POPULARITY);
	CHECK_SCORE(reasons[1].weight, 3.0 / 8);
	/* Nobody of the group took course 2. */
	CHECK_EQ_INT(method_demographic.explain(&model.rec, &history, 2, NULL, reasons, 3), 1);
	CHECK_EQ_INT(reasons[0].kind, REASON_POPULARITY);
	CHECK_EQ_INT(method_demographic.explain(&model.rec, &history, 0, NULL, reasons, 1), 1);
	CHECK_EQ_INT(reasons[0].kind, REASON_POPULARITY);
	test_method_done(env);
}

/* Score by the formula, user by user. */
static double
naive_score(const TrainingSet *set, int32_t group, int32_t course, double shrinkage)
{
	int			n_gc = 0;
	int			n_g = 0;
	int			n_c = 0;

	for (int32_t u = 0; u < set->users.n_keys; u++)
	{
		n_g += set->user_group[u] == group;
		for (int64_t e = set->by_user.offsets[u]; e < set->by_user.offsets[u + 1]; e++)
			if (set->by_user.indexes[e] == course)
			{
				n_c++;
				n_gc += set->user_group[u] == group;
			}
	}
	return n_c == 0 ? NO_OPINION :
		(n_gc + shrinkage * n_c / set->users.n_keys) / (n_g + shrinkage);
}

/* Random ratings, users in five groups or none. */
static void
test_naive(void)
{
	enum
	{
		N_COURSES = 30,
		N_USERS = 60,
		N_GROUPS = 5
	};
	Env		   *env = test_env();
	TestRow    *rows = test_rows(21, 300, N_USERS, N_COURSES);
	int32_t		user_group[N_USERS];
	TrainingSet set;
	TestModel	model;

	for (int u = 0; u < N_USERS; u++)
		user_group[u] = u * u % 7 % (N_GROUPS + 1) - 1;
	build_set(env, plain, rows, 300, N_COURSES, user_group, N_GROUPS, &set);
	model = test_method_open(env, &method_demographic, "shrinkage=2.5\n", &set);
	for (int32_t g = 0; g < N_GROUPS; g++)
	{
		test_method_score(env, &model, (History) {.group = g});
		for (int32_t c = 0; c < N_COURSES; c++)
			CHECK_SCORE(model.scores[c], naive_score(&set, g, c, 2.5));
	}
	free(rows);
	test_method_done(env);
}

/* One course; nobody with a known group; threads, cancel, memory, estimate. */
static void
test_limits(void)
{
	enum
	{
		N_USERS = 500
	};
	const TestRow row = {1, 0, 5, 0};
	const int32_t unknown = -1;
	Env		   *env = test_env();
	TestRow    *rows = test_rows(22, 3000, N_USERS, 2000);
	int32_t		user_group[N_USERS];
	TrainingSet one;
	TrainingSet set;
	TestModel	model;

	build_set(env, plain, &row, 1, 1, &unknown, 0, &one);
	model = test_method_open(env, &method_demographic, "", &one);
	CHECK(test_method_score(env, &model, (History) {.group = -1})[0] == NO_OPINION);
	CHECK(test_method_score(env, &model, (History) {.group = 0})[0] == NO_OPINION);
	for (int u = 0; u < N_USERS; u++)
		user_group[u] = u % 400;
	build_set(env, timed, rows, 3000, 2000, user_group, 400, &set);
	test_method_threads(env, &method_demographic, "half_life=1\n", &set);
	test_method_interrupts(env, &method_demographic, "", &set);
	test_method_memory(env, &method_demographic, "", &set);
	test_method_estimate(env, &method_demographic, "", &set, 0.5);
	free(rows);
	test_method_done(env);
}

/* Names, defaults, ranges and texts of the parameters make sense. */
static void
test_params(void)
{
	check_param_table(&method_demographic.params);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_params);
	RUN(test_by_hand);
	RUN(test_ages);
	RUN(test_reasons);
	RUN(test_naive);
	RUN(test_limits);
	return unit_done();
}
