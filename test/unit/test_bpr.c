/*
 * test_bpr.c: method bpr: its steps against numerical gradients, what it learns, and the promises of
 * every method.
 */
#include "core/bpr_kernels.h"
#include "core/methods/methods.h"
#include "test_method.h"

/* Random ratings with times, some of them dislikes. */
static TrainingSet *
random_set(Env *env, uint64_t seed, int n, int n_users, int n_courses)
{
	TestRow    *rows = test_day_rows(seed, n, n_users, n_courses);
	TrainingSet *set;

	for (int i = 0; i < n; i++)
		if (rows[i].rating < 2)
			rows[i].rating = (float) (i % 2 - 1);
	set = test_set(env, (TestShape) {KEY_NUMBER, KEY_NUMBER, true, false}, rows, n, n_courses);
	free(rows);
	return set;
}

/* -ln sigmoid of a triple; values: x, taken, other (3 each), both biases. */
static double
plain_loss(const double *values)
{
	double		d = values[9] - values[10];

	for (int i = 0; i < 3; i++)
		d += values[i] * (values[3 + i] - values[6 + i]);
	return log(1 + exp(-d));
}

/* A step follows the gradient of the loss and of regularization / 2 times the squared lengths. */
static void
test_step(void)
{
	Rng			rng;

	rng_seed(&rng, 1, 1);
	for (int turn = 0; turn < 50; turn++)
	{
		BprStep		step = {3, 1e-2f, 0.3f, (float) (1 + turn % 3) / 2};
		double		before[11];
		float		after[11];
		float		user[3];

		for (int i = 0; i < 11; i++)
			after[i] = (float) (before[i] = (float) rng_normal(&rng));
		memcpy(user, after, sizeof(user));
		CHECK_NEAR(bpr_step(&step, after, after + 3, after + 6, after + 9, after + 10),
				   plain_loss(before), 1e-6);
		bpr_user_step(&step, user, (float[]) {(float) before[3], (float) before[4], (float) before[5]},
					  (float[]) {(float) before[6], (float) before[7], (float) before[8]},
					  (float) (before[9] - before[10]));
		for (int i = 0; i < 11; i++)
		{
			double		value = before[i];
			double		high;
			double		low;

			before[i] = value + 1e-5;
			high = plain_loss(before);
			before[i] = value - 1e-5;
			low = plain_loss(before);
			before[i] = value;
			CHECK_NEAR(after[i], value - 1e-2 * ((double) step.weight * (high - low) / 2e-5 + 0.3 * value),
					   1e-6);
		}
		for (int i = 0; i < 3; i++)
			CHECK_NEAR(user[i], after[i], 1e-6);
	}
}

/* No difference is too large for the loss. */
static void
test_step_extremes(void)
{
	BprStep		step = {1, 0.1f, 0, 1};
	float		values[3] = {100, 100, -100};
	float		biases[2] = {0, 0};

	CHECK_NEAR(bpr_step(&step, &values[0], &values[1], &values[2], &biases[0], &biases[1]), 0, 1e-9);
	CHECK_NEAR(bpr_step(&step, &values[0], &values[2], &values[1], &biases[0], &biases[1]), 20000, 100);
	for (int i = 0; i < 3; i++)
		CHECK(isfinite(values[i]));
}

/* 4 groups of users take courses of their own; one course of each group is left out for each user. */
static TrainingSet *
group_set(Env *env, int n_users, int per_group)
{
	int			n = 0;
	TestRow    *rows = calloc((size_t) (n_users * per_group), sizeof(TestRow));
	TrainingSet *set;

	for (int u = 0; u < n_users; u++)
		for (int i = 0; i < per_group; i++)
			if (i != u / 4 % per_group)
				rows[n++] = (TestRow) {u, u % 4 * per_group + i, 3, 0};
	set = test_set(env, (TestShape) {KEY_NUMBER, KEY_NUMBER, false, false}, rows, n, 4 * per_group);
	free(rows);
	return set;
}

/* The course left out is the best of those that a user has not taken. */
static void
test_groups(void)
{
	Env		   *env = test_env();
	TrainingSet *set = group_set(env, 80, 6);
	TestModel	model = test_method_open(env, &method_bpr, "factors=8\n", set);

	for (int32_t u = 0; u < 80; u++)
	{
		int			wanted = u % 4 * 6 + u / 4 % 6;

		test_method_score(env, &model, test_method_history(set, u));
		for (int c = 0; c < 24; c++)
			if (c != wanted && c / 6 != u % 4)
				CHECK(model.scores[wanted] > model.scores[c]);
	}
	test_method_done(env);
}

/* Scores are dot products with the user's vector plus biases; cosines are cosines. */
static void
test_products(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 4, 900, 60, 30);
	TestModel	model = test_method_open(env, &method_bpr, "factors=7\niterations=5\n", set);
	float		x[8];
	int			k;

	for (int32_t u = 0; u < set->by_user.n_rows; u++)
	{
		History		history = test_method_history(set, u);
		int			n = method_bpr.user_vector(&model.rec, &history, model.scratch, x);
		float		self = method_bpr.compare(&model.rec, &history, &history, model.scratch);

		test_method_score(env, &model, history);
		CHECK(n == 7 && x[7] == 0);
		CHECK_NEAR(self, 1, 1e-5);
		for (int32_t c = 0; c < model.rec.n_courses; c++)
		{
			const float *y = method_bpr.course_vector(&model.rec, c, &k);
			double		score = (double) method_bpr.course_vector_bias(&model.rec, c);

			CHECK_EQ_INT(k, 7);
			for (int d = 0; y != NULL && d < 7; d++)
				score += (double) x[d] * y[d];
			CHECK_SCORE(model.scores[c], y == NULL ? NO_OPINION : score);
		}
	}
	CHECK(method_bpr.similar(&model.rec, 0, model.scratch, model.scores));
	for (int32_t c = 0; c < model.rec.n_courses; c++)
	{
		const float *a = method_bpr.course_vector(&model.rec, 0, &k);
		const float *b = method_bpr.course_vector(&model.rec, c, &k);
		double		dot = 0;
		double		aa = 0;
		double		bb = 0;

		for (int d = 0; a != NULL && b != NULL && d < 7; d++)
		{
			dot += (double) a[d] * b[d];
			aa += (double) a[d] * a[d];
			bb += (double) b[d] * b[d];
		}
		CHECK_SCORE(model.scores[c], b == NULL ? NO_OPINION : dot / sqrt(aa * bb));
	}
	test_method_done(env);
}

/* Losses that training reports. */
static double first_loss;
static double last_loss;
static int	n_losses;

/* Env.loss: keeps the first and the last. */
static void
keep_loss(int iteration, const char *term, double value, void *ctx)
{
	(void) ctx;
	CHECK(isfinite(value) && value >= 0);
	if (strcmp(term, "ranking_loss") == 0)
	{
		first_loss = iteration == 1 ? value : first_loss;
		last_loss = value;
		n_losses = iteration;
	}
	else if (strcmp(term, "squared_lengths") != 0)
		UNIT_FAIL("unknown term %s", term);
}

/* The loss starts near ln 2, falls, and ends the training when it stays. */
static void
test_loss(void)
{
	Env		   *env = test_env();
	TrainingSet *set = group_set(env, 80, 6);
	TestModel	model;

	env->loss = keep_loss;
	CHECK_EQ_INT(test_method_train(env, &method_bpr, "iterations=30\nfactors=8\n", set, &model), RECSYS_OK);
	CHECK_EQ_INT(n_losses, 30);
	CHECK_NEAR(first_loss, log(2), 0.1);
	CHECK(last_loss < 0.5 * first_loss);
	CHECK_EQ_INT(test_method_train(env, &method_bpr, "iterations=300\nfactors=8\ntolerance=0.02\n", set, &model),
				 RECSYS_OK);
	CHECK(n_losses >= 2 && n_losses < 300);
	CHECK_EQ_INT(test_method_train(env, &method_bpr, "learning_rate=10\nregularization=100\n", set, &model),
				 RECSYS_NOT_CONVERGED);
	CHECK(strstr(env->hint, "learning_rate") != NULL);
	test_method_done(env);
}

/* Nothing but ratings > 0 of trained courses makes a vector; a rating of 0 is as good as none. */
static void
test_histories(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 4, 900, 60, 30);
	TestModel	model = test_method_open(env, &method_bpr, "factors=7\niterations=5\n", set);
	int32_t		courses[4] = {1, 3, 5, 7};
	float		ratings[4] = {3, 0, 2, -1};
	float		positive[4] = {3, 2, 0, 0};
	int32_t		taken[2] = {1, 5};
	float		x[8];
	float		y[8];

	test_method_score(env, &model, (History) {.group = -1});
	for (int32_t c = 0; c < model.rec.n_courses; c++)
		CHECK(model.scores[c] == NO_OPINION);
	CHECK_EQ_INT(method_bpr.user_vector(&model.rec, &(History) {1, &courses[3], &ratings[3], .group = -1},
										model.scratch, x), 0);
	CHECK_EQ_INT(method_bpr.user_vector(&model.rec, &(History) {4, courses, ratings, .group = -1},
										model.scratch, x), 7);
	test_method_scratch(&model);
	CHECK_EQ_INT(method_bpr.user_vector(&model.rec, &(History) {2, taken, positive, .group = -1},
										model.scratch, y), 7);
	test_method_scratch(&model);
	for (int i = 0; i < 7; i++)
		CHECK_NEAR(x[i], y[i], 0.3);
	test_method_done(env);
}

/* Data of which little can be learnt: finite answers or none, never a failure. */
static void
check_degenerate(const TestRow *rows, int n, int n_courses, bool implicit)
{
	Env		   *env = test_env();
	TrainingSet *set = test_set(env, (TestShape) {KEY_NUMBER, KEY_NUMBER, false, implicit}, rows, n,
								n_courses);
	TestModel	model = test_method_open(env, &method_bpr, "factors=20\niterations=20\n", set);

	for (int32_t u = 0; u < set->by_user.n_rows; u++)
	{
		test_method_score(env, &model, test_method_history(set, u));
		for (int32_t c = 0; c < model.rec.n_courses; c++)
			CHECK(model.scores[c] == NO_OPINION || isfinite(model.scores[c]));
	}
	test_method_done(env);
}

/* One row, one user, one course, one rating each, only dislikes, everything taken, unrated courses. */
static void
test_degenerate(void)
{
	TestRow		one_user[5];
	TestRow		one_course[5];
	TestRow		one_each[5];
	TestRow		dislikes[5];
	TestRow		full[25];

	for (int i = 0; i < 5; i++)
	{
		one_user[i] = (TestRow) {1, i, 3, 0};
		one_course[i] = (TestRow) {i, 2, (float) i, 0};
		one_each[i] = (TestRow) {i, i, 1, 0};
		dislikes[i] = (TestRow) {i % 2, i, (float) -i, 0};
	}
	for (int i = 0; i < 25; i++)
		full[i] = (TestRow) {i / 5, i % 5, 1, 0};
	check_degenerate(one_user, 1, 0, false);
	check_degenerate(one_user, 5, 9, false);
	check_degenerate(one_course, 5, 0, false);
	check_degenerate(one_each, 5, 0, false);
	check_degenerate(one_each, 5, 7, true);
	check_degenerate(dislikes, 5, 0, false);
	check_degenerate(full, 25, 6, true);
}

/* Threads, memory, interrupts and the estimate; the large set is cut into several blocks. */
static void
test_training(void)
{
	static const char *const variants[] = {"iterations=3\nfactors=9\n",
		"iterations=2\nfactors=16\nhalf_life=100000\ntolerance=0.01\n"};
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 6, 900, 80, 30);
	TrainingSet *large = random_set(env, 2, 200000, 3000, 400);

	for (int v = 0; v < 2; v++)
		test_method_promises(env, &method_bpr, variants[v], large, set, 0.8);
	test_method_done(env);
}

/* Numbers that no training writes are refused. */
static void
test_forged(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 4, 900, 60, 30);
	TestModel	model = test_method_open(env, &method_bpr, "factors=5\niterations=2\n", set);

	CHECK_EQ_INT(test_method_forge(env, &model, "course_factors", SECTION_FLOAT, 7, NAN), RECSYS_CORRUPT);
	CHECK_EQ_INT(test_method_forge(env, &model, "course_factors", SECTION_FLOAT, 7, 1), RECSYS_OK);
	CHECK_EQ_INT(test_method_forge(env, &model, "course_biases", SECTION_FLOAT, 0, INFINITY),
				 RECSYS_CORRUPT);
	CHECK_EQ_INT(test_method_forge(env, &model, "course_biases", SECTION_FLOAT, 0, 9), RECSYS_OK);
	test_method_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN_ALONE(test_step);
	RUN_ALONE(test_step_extremes);
	RUN_ALONE(test_groups);
	RUN_ALONE(test_products);
	RUN_ALONE(test_loss);
	RUN_ALONE(test_histories);
	RUN_ALONE(test_degenerate);
	RUN(test_training);
	RUN_ALONE(test_forged);
	return unit_done();
}
