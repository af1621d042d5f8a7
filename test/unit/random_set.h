/*
 * random_set.h: training sets of random ratings for the tests of the methods that predict ratings, and what
 * such methods promise on them.
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
