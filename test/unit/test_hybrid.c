/*
 * test_hybrid.c: method hybrid against plain combinations of its parts, trained alone.
 */
#include "core/methods/methods.h"
#include "param_table.h"
#include "random_set.h"

#define N_PARTS 3
#define N_COURSES 20

/* Parts that take little to train. */
#define SMALL "models=[{\"method\": \"als\", \"params\": {\"factors\": 4, \"iterations\": 2}}, \"bias\"]\n"

#define PARTS "models=[\"knn\", {\"method\": \"als\", \"params\": {\"factors\": 4, \"iterations\": 3}}, \"popular\"]\n"

/* Parts, alone and together, and what each part alone says of one user. */
typedef struct Trio
{
	Env		   *env;
	TrainingSet *set;
	TestModel	parts[N_PARTS];
	TestModel	whole;
	float	   *scores[N_PARTS];	/* of the user */
	uint8_t	   *sources;
} Trio;

/* Trains the parts alone and the hybrid with these lines more. */
static Trio
make_trio(const char *lines)
{
	char		all[1000];
	Trio		trio = {.env = test_env()};
	Env		   *env = trio.env;

	trio.set = random_set(env, 5, 150, 30, N_COURSES, true);
	trio.parts[0] = test_method_open(env, &method_knn, "", trio.set);
	trio.parts[1] = test_method_open(env, &method_als, "factors=4\niterations=3\n", trio.set);
	trio.parts[2] = test_method_open(env, &method_popular, "", trio.set);
	snprintf(all, sizeof(all), "%s%s", PARTS, lines);
	trio.whole = test_method_open(env, &method_hybrid, all, trio.set);
	trio.sources = env_alloc_zero(env, N_COURSES, 1);
	CHECK_EQ_INT(trio.whole.rec.n_courses, N_COURSES);
	return trio;
}

/* Scores of the parts and of the hybrid, with its sources, which score says, too. */
static void
score_trio(Trio *trio, History history)
{
	float		alone[N_COURSES];

	for (int p = 0; p < N_PARTS; p++)
	{
		test_method_score(trio->env, &trio->parts[p], history);
		trio->scores[p] = trio->parts[p].scores;
	}
	test_method_score(trio->env, &trio->whole, history);
	memcpy(alone, trio->whole.scores, sizeof(alone));
	method_hybrid.score_sources(&trio->whole.rec, &history, trio->whole.scratch, trio->whole.scores,
								trio->sources);
	test_method_scratch(&trio->whole);
	CHECK(memcmp(alone, trio->whole.scores, sizeof(alone)) == 0);
}

/* Is the course in the history? */
static bool
is_rated(const History *history, int32_t course)
{
	for (int32_t h = 0; h < history->n; h++)
		if (history->courses[h] == course)
			return true;
	return false;
}

/* 1 + how many courses, rated ones not counted, are before this one by the scores of a part. */
static int
place_of(const Trio *trio, const History *history, int p, int32_t course)
{
	const float *scores = trio->scores[p];
	const int32_t *rank = trio->whole.rec.popularity_rank;
	int			place = 1;

	for (int32_t c = 0; c < N_COURSES; c++)
		place += scores[c] > NO_OPINION && !is_rated(history, c) &&
			(scores[c] > scores[course] || (scores[c] == scores[course] && rank[c] < rank[course]));
	return place;
}

/* Where the score of a course lies between the least and the greatest of the courses that are not rated. */
static double
scaled_of(const Trio *trio, const History *history, int p, int32_t course)
{
	const float *scores = trio->scores[p];
	double		least = INFINITY;
	double		most = -INFINITY;

	for (int32_t c = 0; c < N_COURSES; c++)
		if (scores[c] > NO_OPINION && !is_rated(history, c))
		{
			least = fmin(least, (double) scores[c]);
			most = fmax(most, (double) scores[c]);
		}
	if (most == least)
		return 1;
	return fmin(fmax(((double) scores[course] - least) / (most - least), 0), 1);
}

/* The sum of weights times shares of the parts that have a score, NO_OPINION when none has. */
static void
check_sum(const Trio *trio, const History *history, const double *weights, double constant)
{
	for (int32_t c = 0; c < N_COURSES; c++)
	{
		double		sum = NO_OPINION;
		double		most = -1;
		int			source = -1;

		for (int p = 0; p < N_PARTS; p++)
		{
			double		share;

			if (trio->scores[p][c] == NO_OPINION)
				continue;
			share = weights[p] * (isnan(constant) ? scaled_of(trio, history, p, c) :
								  1 / (constant + place_of(trio, history, p, c)));
			sum = sum == NO_OPINION ? share : sum + share;
			if (share > most + 1e-7)
				source = p;
			else if (share > most - 1e-7)
				source = -1;	/* rounding decides */
			most = fmax(most, share);
		}
		CHECK_SCORE(trio->whole.scores[c], sum);
		if (sum > NO_OPINION && source >= 0)
			CHECK_EQ_INT(trio->sources[c], source);
	}
}

/* All users, and one without ratings. */
static void
check_all_sums(const char *lines, const double *weights, double constant)
{
	Trio		trio = make_trio(lines);

	for (int32_t u = -1; u < trio.set->by_user.n_rows; u++)
	{
		History		history = {.group = -1};

		if (u >= 0)
			history = test_method_history(trio.set, u);
		score_trio(&trio, history);
		check_sum(&trio, &history, weights, constant);
		test_method_reasons(&trio.whole, history);
	}
	test_method_done(trio.env);
}

/* weighted and rank_fusion are their formulas; weights are brought to add up to 1. */
static void
test_sums(void)
{
	const double weights[] = {0.5, 0.375, 0.125};

	check_all_sums("weights=[4,3,1]\n", weights, NAN);
	check_all_sums("strategy=rank_fusion\nweights=[4,3,1]\n", weights, 60);
	check_all_sums("strategy=rank_fusion\nweights=[4,3,1]\nrank_constant=0\n", weights, 0);
}

/* switching: all of the first part with a score for a course that is not rated. */
static void
test_switching(void)
{
	Trio		trio = make_trio("strategy=switching\n");

	for (int32_t u = -1; u < trio.set->by_user.n_rows; u++)
	{
		History		history = {.group = -1};
		int			first = 2;

		if (u >= 0)
			history = test_method_history(trio.set, u);
		score_trio(&trio, history);
		for (int p = 2; p >= 0; p--)
			for (int32_t c = 0; c < N_COURSES; c++)
				if (trio.scores[p][c] > NO_OPINION && !is_rated(&history, c))
					first = p;
		CHECK(u >= 0 || first == 2);
		for (int32_t c = 0; c < N_COURSES; c++)
		{
			CHECK(trio.whole.scores[c] == trio.scores[first][c]);
			CHECK(trio.whole.scores[c] == NO_OPINION || trio.sources[c] == first);
		}
		test_method_reasons(&trio.whole, history);
	}
	test_method_done(trio.env);
}

/* The course of a part's list that comes next, of those without a place that are rated or not; -1: none. */
static int32_t
next_course(const Trio *trio, const History *history, int p, bool rated, const int *places)
{
	const float *scores = trio->scores[p];
	const int32_t *rank = trio->whole.rec.popularity_rank;
	int32_t		best = -1;

	for (int32_t c = 0; c < N_COURSES; c++)
		if (scores[c] > NO_OPINION && places[c] == 0 && is_rated(history, c) == rated &&
			(best < 0 || scores[c] > scores[best] || (scores[c] == scores[best] && rank[c] < rank[best])))
			best = c;
	return best;
}

/* Places by taking from the lists in turn, or list after list. */
static void
check_places(const Trio *trio, const History *history, bool in_turn)
{
	int			places[N_COURSES] = {0};
	int			sources[N_COURSES] = {0};
	int			place = 0;

	for (int rated = 0; rated <= 1; rated++)
		for (bool found = true; found;)
		{
			found = false;
			for (int p = 0; p < N_PARTS; p++)
			{
				int32_t		c = next_course(trio, history, p, rated, places);

				if (c < 0)
					continue;
				places[c] = ++place;
				sources[c] = p;
				found = true;
				p -= !in_turn;	/* the same list again */
			}
		}
	for (int32_t c = 0; c < N_COURSES; c++)
	{
		CHECK_SCORE(trio->whole.scores[c], places[c] == 0 ? NO_OPINION : 1.0 / places[c]);
		CHECK(places[c] == 0 || trio->sources[c] == sources[c]);
	}
}

/* mixed and ladder. */
static void
test_places(void)
{
	const char *const lines[] = {"strategy=mixed\n", "strategy=ladder\n"};

	for (int s = 0; s < 2; s++)
	{
		Trio		trio = make_trio(lines[s]);

		for (int32_t u = -1; u < trio.set->by_user.n_rows; u++)
		{
			History		history = {.group = -1};

			if (u >= 0)
				history = test_method_history(trio.set, u);
			score_trio(&trio, history);
			check_places(&trio, &history, s == 0);
			test_method_reasons(&trio.whole, history);
		}
		test_method_done(trio.env);
	}
}

/* The prediction is the weighted mean of the parts, or of those that have one. */
static void
test_predict(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 6, 200, 30, N_COURSES, false);
	TestModel	knn = test_method_open(env, &method_knn, "", set);
	TestModel	bias = test_method_open(env, &method_bias, "", set);
	TestModel	both = test_method_open(env, &method_hybrid, "models=[\"knn\", \"bias\"]\nweights=[3,1]\n", set);
	TestModel	one = test_method_open(env, &method_hybrid, "models=[\"knn\", \"als\"]\nweights=[3,1]\n", set);
	int			n_means = 0;

	CHECK(both.rec.predicts && !one.rec.predicts);
	for (int32_t u = 0; u < set->by_user.n_rows; u++)
		for (int32_t c = 0; c < N_COURSES; c++)
		{
			History		history = test_method_history(set, u);
			double		a = method_knn.predict(&knn.rec, &history, c, knn.scratch);
			double		b = method_bias.predict(&bias.rec, &history, c, bias.scratch);
			double		expected = isnan(a) ? b : isnan(b) ? a : 0.75 * a + 0.25 * b;
			double		got = method_hybrid.predict(&both.rec, &history, c, both.scratch);

			if (is_rated(&history, c))
				continue;
			test_method_scratch(&both);
			CHECK(isnan(got) == isnan(expected));
			if (!isnan(got))
				CHECK_NEAR(got, expected, 1e-9);
			n_means += !isnan(a) && !isnan(b);
		}
	CHECK(n_means > 50);
	test_method_done(env);
}

/* The weights of a model. */
static const double *
weights_of(Env *env, const TestModel *model, int n)
{
	int64_t		n_rows = n;
	int64_t		n_cols = 1;
	const void *weights = NULL;

	CHECK_EQ_INT(model_get(env, &model->rec.model, "weights", SECTION_DOUBLE, &n_rows, &n_cols, &weights),
				 RECSYS_OK);
	return weights;
}

/* Users take the courses of their half: a part that knows that gets most weight, one that draws lots the least. */
static void
test_learn(void)
{
	Env		   *env = test_env();
	TestRow    *rows = calloc(1200, sizeof(TestRow));
	Rng			rng;
	TrainingSet *set;
	TestModel	model;
	const double *weights;

	rng_seed(&rng, 3, 0);
	for (int i = 0; i < 1200; i++)
	{
		int64_t		user = (int64_t) rng_below(&rng, 60);

		rows[i] = (TestRow) {user, (int64_t) (2 * rng_below(&rng, 40)) + user % 2, 4, 0};
	}
	set = test_set(env, (TestShape) {KEY_NUMBER, KEY_NUMBER, false, false}, rows, 1200, 80);
	model = test_method_open(env, &method_hybrid,
							 "models=[{\"method\": \"popular\", \"params\": {\"score\": \"random\"}}, \"knn\"]\n", set);
	weights = weights_of(env, &model, 2);
	CHECK_NEAR(weights[0] + weights[1], 1, 1e-12);
	CHECK(weights[0] >= 0.01 - 1e-12 && weights[0] < 0.5 && weights[1] > 0.5);
	CHECK(test_env_of(env)->n_loss > 3);
	CHECK_EQ_INT(test_env_of(env)->n_warnings, 0);
	free(rows);
	test_method_done(env);
}

/* Sets from which nothing can be held out: equal weights, a warning, and answers. */
static void
test_degenerate(void)
{
	TestRow		one[] = {{1, 0, 5, 0}};
	TestRow		bad[] = {{1, 0, 0, 0}, {1, 1, -3, 0}, {2, 1, 0, 0}};
	TestRow		single[] = {{1, 0, 4, 0}, {2, 1, 4, 0}, {3, 2, 4, 0}};
	struct
	{
		TestRow    *rows;
		int			n;
	}			sets[] = {{one, 1}, {bad, 3}, {single, 3}};
	const char *const lines[] = {"", "strategy=rank_fusion\n", "strategy=switching\n", "strategy=mixed\n",
	"strategy=ladder\n"};

	for (int i = 0; i < 3; i++)
		for (int s = 0; s < 5; s++)
		{
			Env		   *env = test_env();
			TestShape	shape = {KEY_NUMBER, KEY_NUMBER, false, false};
			TrainingSet set;
			TestModel	model;

			CHECK_EQ_INT(test_set_build(env, shape, sets[i].rows, sets[i].n, 0, &set), RECSYS_OK);
			model = test_method_open(env, &method_hybrid, lines[s], &set);
			CHECK(weights_of(env, &model, 2)[0] == 0.5);
			if (s < 2)
				CHECK(strstr(test_env_of(env)->message, "weights cannot be learned") != NULL);
			for (int32_t u = 0; u < set.by_user.n_rows; u++)
			{
				test_method_score(env, &model, test_method_history(&set, u));
				test_method_reasons(&model, test_method_history(&set, u));
			}
			test_method_score(env, &model, (History) {.group = -1});
			test_method_done(env);
		}
}

/* Threads, memory, cancel and estimate: with learned weights, with given ones, with a part that is large. */
static void
test_training(void)
{
	const struct
	{
		const char *lines;
		double		least_part;
	}			cases[] = {
		{"", 0.3},				/* knn alone is estimated no better */
		{SMALL, 0.5}, {SMALL "strategy=rank_fusion\nweights=[1,2]\n", 0.5},
		{"models=[\"ease\", \"bias\"]\nstrategy=ladder\n", 0.6}
	};

	for (int i = 0; i < 4; i++)
	{
		Env		   *env = test_env();
		TrainingSet *set = random_set(env, 9, 3000, 80, 300, false);
		TrainingSet *small = random_set(env, 9, 100, 12, 10, false);

		test_method_threads(env, &method_hybrid, cases[i].lines, set);
		test_method_estimate(env, &method_hybrid, cases[i].lines, set, cases[i].least_part);
		if (i == 1 || i == 3)
		{
			test_method_memory(env, &method_hybrid, cases[i].lines, small);
			test_method_interrupts(env, &method_hybrid, cases[i].lines, small);
		}
		test_method_done(env);
	}
}

/* What the parameter weights is after so many numbers were given for it; "" when they are refused. */
static void
check_weights(const double *numbers, int n, const char *expected)
{
	Env		   *env = test_env();
	void	   *params = test_method_params(env, &method_hybrid, "");
	void	   *again = test_method_params(env, &method_hybrid, "");
	ParamInput	input = {.type = PARAM_INPUT_NUMBERS, .n_numbers = n};
	char		text[PARAM_VALUE_SIZE] = "";
	char		line[PARAM_VALUE_SIZE + 16];
	RecsysStatus status;

	for (int i = 0; i < n && i < PARAM_INPUT_MAX_NUMBERS; i++)
		input.numbers[i] = numbers[i];
	status = params_set(env, &method_hybrid.params, params, "weights", 7, &input);
	if (status == RECSYS_OK)
		params_format(params_find(&method_hybrid.params, "weights", 7), params, text, sizeof(text));
	CHECK(strcmp(text, expected) == 0);
	snprintf(line, sizeof(line), "weights=%s\n", text);
	if (status == RECSYS_OK)
		CHECK_EQ_INT(params_read(env, &method_hybrid.params, again, line, strlen(line)), RECSYS_OK);
	CHECK(memcmp(params, again, method_hybrid.params.size) == 0);
	test_method_done(env);
}

/* The table of parameters, and numbers: as many as there may be, each within the range. */
static void
test_params(void)
{
	const double numbers[] = {0.1, 1e6, 0, 1.0 / 3, 5, 6, 7, 8, 9};
	const double bad[] = {1, -1};
	const double inf[] = {INFINITY};

	check_param_table(&method_hybrid.params);
	check_weights(numbers, 1, "[0.1]");
	check_weights(numbers, 8, "[0.1,1000000,0,0.3333333333333333,5,6,7,8]");
	check_weights(numbers, 9, "");
	check_weights(numbers, 0, "");
	check_weights(bad, 2, "");
	check_weights(inf, 1, "");
}

/* Lines that are no numbers. */
static void
test_bad_lines(void)
{
	const char *const lines[] = {"weights=[]\n", "weights=[1,]\n", "weights=[,1]\n", "weights=1\n",
	"weights=[1\n", "weights=[1,2,3,4,5,6,7,8,9]\n", "weights=[a]\n", "weights=[1,2]3\n",
	"models=[\"als\"]\n", "models=\n", "models=null\n"};

	for (int i = 0; i < (int) (sizeof(lines) / sizeof(lines[0])); i++)
	{
		Env		   *env = test_env();
		void	   *params = test_method_params(env, &method_hybrid, "");

		CHECK_EQ_INT(params_read(env, &method_hybrid.params, params, lines[i], strlen(lines[i])), RECSYS_CORRUPT);
		test_method_done(env);
	}
}

/* Contradictions, named. */
static void
test_errors(void)
{
	const struct
	{
		const char *lines;
		RecsysStatus status;
		const char *error;
	}			cases[] = {
		{"weights=[1,2,3]\n", RECSYS_BAD_ARGUMENT, "must have 2 numbers, not 3"},
		{"weights=[0,0]\n", RECSYS_BAD_ARGUMENT, "must not be all 0"},
		{"strategy=switching\nweights=[1,2]\n", RECSYS_BAD_ARGUMENT, "no meaning for this \"strategy\""},
		{"models=[\"knn\", \"user_profile\"]\n", RECSYS_BAD_DATA, "method \"user_profile\" needs genres"},
		{"models=[\"knn\", \"demographic\"]\n", RECSYS_BAD_DATA, "method \"demographic\" needs attributes"},
	};

	for (int i = 0; i < (int) (sizeof(cases) / sizeof(cases[0])); i++)
	{
		Env		   *env = test_env();
		TrainingSet *set = random_set(env, 9, 100, 12, 10, false);
		TestModel	model;

		CHECK_EQ_INT(test_method_train(env, &method_hybrid, cases[i].lines, set, &model), cases[i].status);
		if (strstr(env->error, cases[i].error) == NULL)
			UNIT_FAIL("%s: %s", cases[i].lines, env->error);
		test_method_done(env);
	}
}

/* Opens a model after byte `at` of a section was changed and the checksum of the whole made right. */
static RecsysStatus
open_changed(Env *env, TestModel *model, const char *section, int64_t at)
{
	int64_t		n_rows = -1;
	int64_t		n_cols = -1;
	const void *data;
	RecsysStatus status;

	CHECK_EQ_INT(model_get(env, &model->rec.model, section, SECTION_BYTES, &n_rows, &n_cols, &data), RECSYS_OK);
	((char *) data)[at] ^= 1;
	status = test_method_reopen(env, model);
	((char *) data)[at] ^= 1;
	return status;
}

/* Damage that the checksum does not show. */
static void
test_forged(void)
{
	const double bad[] = {NAN, -0.5, 1.5, 0};
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 12, 300, 40, 25, false);
	TestModel	model = test_method_open(env, &method_hybrid, "weights=[1,1]\n", set);

	for (int i = 0; i < 4; i++)
	{
		CHECK_EQ_INT(test_method_forge(env, &model, "weights", SECTION_DOUBLE, 0, bad[i]), RECSYS_CORRUPT);
		CHECK_EQ_INT(test_method_forge(env, &model, "weights", SECTION_DOUBLE, 0, 0.5), RECSYS_OK);
	}
	CHECK_EQ_INT(open_changed(env, &model, "part.0", 0), RECSYS_CORRUPT);
	CHECK_EQ_INT(open_changed(env, &model, "part.1", 1000), RECSYS_CORRUPT);
	CHECK_EQ_INT(open_changed(env, &model, "params", 2), RECSYS_CORRUPT);
	test_method_done(env);
}

/* A part that is a model of another method than the parameters say is not taken for the part. */
static void
test_other_part(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 12, 300, 40, 25, false);
	TestModel	model = test_method_open(env, &method_hybrid, "weights=[1,1]\n", set);

	/* "als" in the parameters becomes "bpr", which the part is not. */
	for (char *c = model.bytes; c < (char *) model.bytes + model.length - 12; c++)
		if (memcmp(c, "models=[\"als\"", 13) == 0)
			memcpy(c + 9, "bpr", 3);
	CHECK_EQ_INT(test_method_reopen(env, &model), RECSYS_NEWER_FORMAT);
	test_method_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_sums);
	RUN(test_switching);
	RUN(test_places);
	RUN(test_predict);
	RUN_ALONE(test_learn);
	RUN(test_degenerate);
	RUN(test_params);
	RUN(test_bad_lines);
	RUN(test_errors);
	RUN(test_forged);
	RUN(test_other_part);
	RUN(test_training);
	return unit_done();
}
