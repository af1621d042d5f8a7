/*
 * random_set.h: training sets of random ratings for the tests of the methods, and what methods that predict
 * ratings promise on them.
 */
#ifndef RANDOM_SET_H
#define RANDOM_SET_H

#include "test_method.h"

/* Random ratings with times in days; with dislikes some of them are negative. */
static inline TrainingSet *
random_set(Env *env, uint64_t seed, int n, int n_users, int n_courses, bool dislikes)
{
	TestRow    *rows = test_day_rows(seed, n, n_users, n_courses);
	TrainingSet *set;

	for (int i = 0; dislikes && i < n; i++)
		if (rows[i].rating == 1)
			rows[i].rating = -2;
	set = test_set(env, (TestShape) {KEY_NUMBER, KEY_NUMBER, true, false}, rows, n, n_courses);
	free(rows);
	return set;
}

/* The same for methods that rank: some ratings 0 and below, and one course more that nobody rated. */
static inline TrainingSet *
ranking_set(Env *env, uint64_t seed, int n, int n_users, int n_courses, bool implicit)
{
	TestRow    *rows = test_day_rows(seed, n, n_users, n_courses);
	TrainingSet *set;

	test_dislikes(rows, n);
	set = test_set(env, (TestShape) {KEY_NUMBER, KEY_NUMBER, true, implicit}, rows, n, n_courses + 1);
	free(rows);
	return set;
}

/* A set of hand-written rows. */
static inline TrainingSet *
small_set(Env *env, const TestRow *rows, int n, int n_courses, bool implicit)
{
	return test_set(env, (TestShape) {KEY_NUMBER, KEY_NUMBER, false, implicit}, rows, n, n_courses);
}

/*
 * Constant ratings are worth a warning where only the ratings count (lines), and none where every pair does
 * (pairs).
 */
static inline void
check_warnings(const Method *method, const char *lines, const char *pairs)
{
	static const TestRow same[] = {{1, 0, 3, 0}, {1, 1, 3, 0}, {2, 0, 3, 0}, {2, 1, 3, 0}};
	static const TestRow other[] = {{1, 0, 3, 0}, {1, 1, 1, 0}, {2, 0, 3, 0}, {2, 1, 2, 0}};
	Env		   *env = test_env();

	test_method_open(env, method, lines, small_set(env, other, 4, 2, false));
	test_method_open(env, method, pairs, small_set(env, same, 4, 2, false));
	CHECK_EQ_INT(test_env_of(env)->n_warnings, 0);
	test_method_open(env, method, lines, small_set(env, same, 4, 2, false));
	CHECK_EQ_INT(test_env_of(env)->n_warnings, 1);
	CHECK(strstr(test_env_of(env)->message, "100.0 % of the ratings are 3:") != NULL);
	test_method_done(env);
}

/* What every training promises, with each of n settings of the parameters. */
static inline void
check_promises(const Method *method, const char *const *lines, int n)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 12, 3000, 400, 90, false);
	TrainingSet *small = random_set(env, 13, 300, 70, 15, false);

	for (int i = 0; i < n; i++)
		test_method_promises(env, method, lines[i], set, small, 0.8);
	test_method_done(env);
}

/* Number `at` of a section that is not finite is found when the model is opened. */
static inline void
check_damaged(const Method *method, const char *lines, const char *section, SectionType type, int64_t at)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 3, 200, 20, 10, false);
	TestModel	model = test_method_open(env, method, lines, set);

	test_method_finite(env, &model, section, type, at);
	test_method_done(env);
}

#endif							/* RANDOM_SET_H */
