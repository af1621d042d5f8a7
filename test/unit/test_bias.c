/*
 * test_bias.c: method bias against plain versions of what its file promises.
 */
#include "core/baseline.h"
#include "core/methods/methods.h"
#include "random_set.h"

static const char *const variants[] = {"", "solver=lbfgs\n", "half_life=172800\n",
	"solver=lbfgs\nhalf_life=172800\nreg_user=3\nreg_course=0.5\n"};

#define N_VARIANTS ((int) (sizeof(variants) / sizeof(variants[0])))

/* The loss of the whole set at a point, by the formula. */
static double
plain_loss(const TrainingSet *set, bool ages, double reg_user, double reg_course, double alpha,
		   const double *users, const double *courses)
{
	double		loss = 0;

	for (int32_t u = 0; u < set->by_user.n_rows; u++)
	{
		loss += reg_user * users[u] * users[u];
		for (int64_t e = set->by_user.offsets[u]; e < set->by_user.offsets[u + 1]; e++)
			loss += plain_age(set, set->by_user.times[e], ages ? HALF_LIFE : NAN) *
				pow(set->by_user.values[e] - alpha - users[u] -
					courses[set->by_user.indexes[e]], 2);
	}
	for (int32_t c = 0; c < set->by_course.n_rows; c++)
		loss += reg_course * courses[c] * courses[c];
	return loss;
}

/* Moves one number to where the parabola through three losses is lowest. */
static void
lower(double *x, const TrainingSet *set, bool ages, double reg_user, double reg_course,
	  double *alpha, double *users, double *courses)
{
	double		at = *x;
	double		loss[3];

	for (int i = 0; i < 3; i++)
	{
		*x = at + i - 1;
		loss[i] = plain_loss(set, ages, reg_user, reg_course, *alpha, users, courses);
	}
	*x = at;
	if (loss[0] - 2 * loss[1] + loss[2] > 1e-9)
		*x += (loss[0] - loss[2]) / 2 / (loss[0] - 2 * loss[1] + loss[2]);
}

/* The smallest loss, number by number, and the scores that follow, against the method. */
static void
check_variant(const char *lines, bool ages, double reg_user, double reg_course, bool moves_alpha)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 5, 150, 20, 12, false);
	double		alpha = set->summary.mean;
	double		users[20] = {0};
	double		courses[12] = {0};
	char		text[200];
	TestModel	model;

	for (int sweep = 0; sweep < 60; sweep++)
	{
		for (int c = 0; c < 12; c++)
			lower(&courses[c], set, ages, reg_user, reg_course, &alpha, users, courses);
		for (int u = 0; u < set->by_user.n_rows; u++)
			lower(&users[u], set, ages, reg_user, reg_course, &alpha, users, courses);
		if (moves_alpha)
			lower(&alpha, set, ages, reg_user, reg_course, &alpha, users, courses);
	}
	snprintf(text, sizeof(text), "%smin_ratings=0\ntolerance=0\n", lines);
	model = test_method_open(env, &method_bias, text, set);
	for (int32_t u = 0; u < set->by_user.n_rows; u++)
	{
		History		history = test_method_history(set, u);

		test_method_score(env, &model, history);
		test_method_reasons(&model, history);
		for (int32_t c = 0; c < 12; c++)
		{
			double		expected = alpha + users[u] + courses[c];

			CHECK_NEAR(model.scores[c], expected, 2e-4);
			CHECK_NEAR(method_bias.predict(&model.rec, &history, c, model.scratch), expected, 2e-4);
		}
	}
	test_method_done(env);
}

/* Both solvers, without and with ageing. */
static void
test_oracle(void)
{
	check_variant(variants[0], false, 15, 10, false);
	check_variant(variants[1], false, 15, 10, true);
	check_variant(variants[2], true, 15, 10, false);
	check_variant(variants[3], true, 3, 0.5, true);
}

/* A new user's bias is the exact step; no ratings, no score. */
static void
test_fold_in(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 6, 300, 40, 15, false);
	TestModel	model = test_method_open(env, &method_bias, "reg_user=4\nmin_ratings=12\n", set);
	int32_t		courses[] = {2, 5};
	float		ratings[] = {5, 1};
	History		history = {.n = 2, .courses = courses, .ratings = ratings, .group = -1};
	History		nobody = {.group = -1};
	double		base[2];
	double		bias;

	for (int i = 0; i < 2; i++)
		base[i] = method_bias.predict(&model.rec, &nobody, courses[i], model.scratch);
	bias = (5 - base[0] + 1 - base[1]) / (4 + 2);
	for (int i = 0; i < 2; i++)
		CHECK_NEAR(method_bias.predict(&model.rec, &history, courses[i], model.scratch),
				   base[i] + bias, 1e-5);
	test_method_score(env, &model, history);
	for (int32_t c = 0; c < 15; c++)
		CHECK((model.scores[c] == NO_OPINION) == (model.rec.course_counts[c] < 12));
	test_method_reasons(&model, history);
	test_method_score(env, &model, nobody);
	for (int32_t c = 0; c < 15; c++)
		CHECK(model.scores[c] == NO_OPINION);
	test_method_done(env);
}

/* By default, the courses at the 90th percentile of ratings and above have a score. */
static void
test_min_ratings(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 7, 2000, 100, 40, false);
	TestModel	model = test_method_open(env, &method_bias, "", set);
	int			n_scored = 0;
	int32_t		least = INT32_MAX;
	int32_t		most = 0;

	test_method_score(env, &model, test_method_history(set, 0));
	for (int32_t c = 0; c < 40; c++)
	{
		int32_t		n = model.rec.course_counts[c];

		if (model.scores[c] != NO_OPINION)
		{
			n_scored++;
			least = n < least ? n : least;
		}
		else
			most = n > most ? n : most;
	}
	CHECK(n_scored >= 4 && n_scored <= 6 && least > most);
	test_method_done(env);
}

/* Threads, memory, interrupts, estimate, for every variant. */
static void
test_promises(void)
{
	for (int i = 0; i < N_VARIANTS; i++)
	{
		Env		   *env = test_env();
		TrainingSet *set = random_set(env, 8, 3000, 300, 100, false);
		TrainingSet *small = random_set(env, 9, 60, 10, 8, false);

		test_method_threads(env, &method_bias, variants[i], set);
		test_method_estimate(env, &method_bias, variants[i], set, 0.8);
		CHECK(test_env_of(env)->n_loss > 2);
		test_method_memory(env, &method_bias, variants[i], small);
		test_method_interrupts(env, &method_bias, variants[i], small);
		test_method_done(env);
	}
}

/* One rating; equal ratings; dislikes; huge ratings: finite scores, equal ratings warned of. */
static void
test_degenerate(void)
{
	static const TestRow one[] = {{1, 1, 4, 0}};
	static const TestRow equal[] = {{1, 1, 3, 0}, {1, 2, 3, 0}, {2, 1, 3, 0}, {3, 0, 3, 0}};
	static const TestRow mixed[] = {{1, 1, -1e12f, 0}, {1, 2, 0, 0}, {2, 1, 1e12f, 0}, {3, 0, -5, 0}};
	static const struct
	{
		const TestRow *rows;
		int			n;
	}			sets[] = {{one, 1}, {equal, 4}, {mixed, 4}};

	for (int s = 0; s < 3; s++)
		for (int i = 0; i < 2; i++)
		{
			Env		   *env = test_env();
			TrainingSet set;
			TestModel	model;

			CHECK_EQ_INT(test_set_build(env, (TestShape) {KEY_NUMBER, KEY_NUMBER, true, false},
										sets[s].rows, sets[s].n, 4, &set), RECSYS_OK);
			CHECK_EQ_INT(trainingset_fingerprint(env, &set), RECSYS_OK);
			model = test_method_open(env, &method_bias, variants[i], &set);
			CHECK_EQ_INT(test_env_of(env)->n_warnings, s < 2);
			for (int32_t c = 0; c < 4; c++)
			{
				History		history = test_method_history(&set, 0);
				double		rating = method_bias.predict(&model.rec, &history, c, model.scratch);

				CHECK(isfinite(rating));
				if (s < 2)
					CHECK_NEAR(rating, set.summary.mean, 1e-5);
			}
			test_method_done(env);
		}
}

/* Models with numbers that no training writes are refused; half_life needs times. */
static void
test_refused(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 10, 60, 10, 8, false);
	TestModel	model = test_method_open(env, &method_bias, "", set);
	TestRow		row = {1, 1, 4, 0};
	TrainingSet timeless;

	CHECK_EQ_INT(test_method_forge(env, &model, "bias", SECTION_FLOAT, 3, NAN), RECSYS_CORRUPT);
	CHECK_EQ_INT(test_method_forge(env, &model, "bias", SECTION_FLOAT, 3, 0), RECSYS_OK);
	CHECK_EQ_INT(test_method_forge(env, &model, "alpha", SECTION_DOUBLE, 0, INFINITY), RECSYS_CORRUPT);
	CHECK_EQ_INT(test_set_build(env, (TestShape) {KEY_NUMBER, KEY_NUMBER, false, false}, &row, 1, 2,
								&timeless), RECSYS_OK);
	CHECK_EQ_INT(test_method_train(env, &method_bias, "half_life=86400\n", &timeless, &model),
				 RECSYS_BAD_ARGUMENT);
	test_method_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN_ALONE(test_oracle);
	RUN_ALONE(test_fold_in);
	RUN_ALONE(test_min_ratings);
	RUN(test_promises);
	RUN_ALONE(test_degenerate);
	RUN_ALONE(test_refused);
	return unit_done();
}
