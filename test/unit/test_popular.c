/*
 * test_popular.c: the five rankings by hand and against plain loops; times; failures.
 */
#include "core/methods/methods.h"
#include "core/topk.h"
#include "param_table.h"
#include "test_method.h"


static const TestShape plain = {KEY_NUMBER, KEY_NUMBER, false, false};
static const TestShape timed = {KEY_NUMBER, KEY_NUMBER, true, false};

/* Course 0: 5 and 3; course 1: 4, 4, 4; course 2: 1; course 3 has no rating. */
static const TestRow few[] = {
	{1, 0, 5, 0}, {2, 0, 3, -30 * DAY}, {1, 1, 4, -60 * DAY}, {2, 1, 4, -60 * DAY},
	{3, 1, 4, TIME_OLDEST}, {3, 2, 1, TIME_OLDEST},
};

/* Scores of the four courses above with the parameters. */
static void
check_few(TestShape shape, const char *lines, const double expected[4])
{
	Env		   *env = test_env();
	History		nobody = {.group = -1};
	TrainingSet set;
	TestModel	model;

	CHECK_EQ_INT(test_set_build(env, shape, few, 6, 4, &set), RECSYS_OK);
	model = test_method_open(env, &method_popular, lines, &set);
	test_method_expect(env, &model, nobody, expected);
	test_method_done(env);
}

/* Numbers worked out by hand. */
static void
test_by_hand(void)
{
	check_few(plain, "", (double[]) {2, 3, 1, NO_OPINION});
	check_few(plain, "score=mean\n", (double[]) {4, 4, 1, NO_OPINION});
	/* Votes 1, 2, 3: m = 2 at .5; C = (4 + 4 + 1) / 3 = 3. */
	check_few(plain, "score=weighted\npercentile=0.5\n",
			  (double[]) {3.5, 3.6, NO_OPINION, NO_OPINION});
	/* m = 2.8 at .9: (3 x 4 + 2.8 x 3) / 5.8. */
	check_few(plain, "score=weighted\n",
			  (double[]) {NO_OPINION, 20.4 / 5.8, NO_OPINION, NO_OPINION});
	/* m = 1 at 0: all rated courses. */
	check_few(plain, "score=weighted\npercentile=0\n", (double[]) {11.0 / 3, 3.75, 2, NO_OPINION});
	check_few(plain, "score=weighted\npercentile=1\n",
			  (double[]) {NO_OPINION, 3.5, NO_OPINION, NO_OPINION});
}

/* Ages: 0, 30 and 60 days, and a time that is not known, which counts nothing. */
static void
test_ages(void)
{
	check_few(timed, "", (double[]) {2, 3, 1, NO_OPINION});
	check_few(timed, "score=trending\n", (double[]) {1.5, 0.5, NO_OPINION, NO_OPINION});
	check_few(timed, "score=trending\nhalf_life=5184000\n",
			  (double[]) {1 + sqrt(0.5), 1, NO_OPINION, NO_OPINION});
	check_few(timed, "half_life=2592000\n", (double[]) {1.5, 0.5, NO_OPINION, NO_OPINION});
	check_few(timed, "score=mean\nhalf_life=2592000\n",
			  (double[]) {6.5 / 1.5, 4, NO_OPINION, NO_OPINION});
}

/* Without times neither trending nor a half-life is possible. */
static void
test_times_missing(void)
{
	Env		   *env = test_env();
	TrainingSet set;
	TestModel	model;

	CHECK_EQ_INT(test_set_build(env, plain, few, 6, 4, &set), RECSYS_OK);
	CHECK_EQ_INT(test_method_train(env, &method_popular, "score=trending\n", &set, &model),
				 RECSYS_BAD_ARGUMENT);
	CHECK(strcmp(env->error, "parameter \"score\" cannot be \"trending\" without times") == 0);
	CHECK(strcmp(env->hint, "Register the dataset with time_column.") == 0);
	CHECK_EQ_INT(test_method_train(env, &method_popular, "half_life=60\n", &set, &model),
				 RECSYS_BAD_ARGUMENT);
	CHECK(strcmp(env->error, "parameter \"half_life\" needs times") == 0);
	CHECK(strcmp(env->hint, "Register the dataset with time_column.") == 0);
	test_method_done(env);
}

/* The rating of a pair in the set; false when there is none. */
static bool
naive_rating(const TrainingSet *set, int32_t u, int32_t c, double *rating)
{
	for (int64_t e = set->by_user.offsets[u]; e < set->by_user.offsets[u + 1]; e++)
		if (set->by_user.indexes[e] == c)
		{
			*rating = (double) set->by_user.values[e];
			return true;
		}
	return false;
}

/* Votes and mean of each course, user by user; NAN for the mean without votes. */
static void
naive_votes(const TrainingSet *set, int *votes, double *means)
{
	for (int32_t c = 0; c < set->courses.n_keys; c++)
	{
		double		rating;
		double		sum = 0;

		votes[c] = 0;
		for (int32_t u = 0; u < set->users.n_keys; u++)
			if (naive_rating(set, u, c, &rating))
			{
				votes[c]++;
				sum += rating;
			}
		means[c] = sum / votes[c];
	}
}

/* The k-th smallest positive count, from 0. */
static int
naive_order_statistic(const int *votes, int n, int k)
{
	for (int value = 1;; value++)
	{
		int			n_up_to = 0;

		for (int c = 0; c < n; c++)
			n_up_to += votes[c] > 0 && votes[c] <= value;
		if (n_up_to > k)
			return value;
	}
}

/* The weighted mean of every course by the formula. */
static void
naive_weighted(const int *votes, const double *means, int n, double percentile, double *scores)
{
	int			n_rated = 0;
	double		sum = 0;
	double		m;
	int			k;

	for (int c = 0; c < n; c++)
		if (votes[c] > 0)
		{
			n_rated++;
			sum += means[c];
		}
	k = (int) floor(percentile * (n_rated - 1));
	m = naive_order_statistic(votes, n, k);
	if (k < n_rated - 1)
		m += (percentile * (n_rated - 1) - k) * (naive_order_statistic(votes, n, k + 1) - m);
	for (int c = 0; c < n; c++)
		scores[c] = votes[c] > 0 && votes[c] >= m ?
			votes[c] / (votes[c] + m) * means[c] + m / (votes[c] + m) * (sum / n_rated) :
			NO_OPINION;
}

/* Random ratings with zeros and thumbs down, three rankings against the loops. */
static void
test_naive(void)
{
	enum
	{
		N_COURSES = 40
	};
	Env		   *env = test_env();
	TestRow    *rows = test_rows(5, 300, 30, N_COURSES);
	History		nobody = {.group = -1};
	int			votes[N_COURSES];
	double		means[N_COURSES];
	double		weighted[N_COURSES];
	TrainingSet set;
	TestModel	count;
	TestModel	mean;
	TestModel	bayes;

	for (int i = 0; i < 300; i++)
		rows[i].rating -= 3;
	CHECK_EQ_INT(test_set_build(env, plain, rows, 300, N_COURSES, &set), RECSYS_OK);
	naive_votes(&set, votes, means);
	naive_weighted(votes, means, N_COURSES, 0.73, weighted);
	count = test_method_open(env, &method_popular, "score=count\n", &set);
	mean = test_method_open(env, &method_popular, "score=mean\n", &set);
	bayes = test_method_open(env, &method_popular, "score=weighted\npercentile=0.73\n", &set);
	test_method_score(env, &count, nobody);
	test_method_score(env, &mean, nobody);
	test_method_score(env, &bayes, nobody);
	for (int c = 0; c < N_COURSES; c++)
	{
		CHECK_SCORE(count.scores[c], votes[c] > 0 ? votes[c] : NO_OPINION);
		CHECK_SCORE(mean.scores[c], votes[c] > 0 ? means[c] : NO_OPINION);
		CHECK_SCORE(bayes.scores[c], weighted[c]);
	}
	free(rows);
	test_method_done(env);
}

/* Random scores of courses 0 .. n - 1, of which course 0 has a rating. */
static void
random_scores(KeyKind kind, int n, const char *lines, float *scores)
{
	Env		   *env = test_env();
	TestShape	shape = {KEY_NUMBER, kind, false, false};
	TestRow		row = {1, 0, 5, 0};
	TrainingSet set;
	TestModel	model;

	CHECK_EQ_INT(test_set_build(env, shape, &row, 1, n, &set), RECSYS_OK);
	model = test_method_open(env, &method_popular, lines, &set);
	test_method_score(env, &model, (History) {.group = -1});
	for (int c = 0; c < n; c++)
	{
		char		text[32];

		scores[c] = model.scores[recommender_find(&model.rec, test_key(kind, c, text))];
	}
	test_method_done(env);
}

/* Chance: uniform, repeatable, another order for another seed, and the same with more courses. */
static void
check_random(KeyKind kind)
{
	static float few_courses[100];
	static float many_courses[2000];
	static float other_seed[2000];
	double		sum = 0;
	double		square_sum = 0;
	int			n_equal = 0;

	random_scores(kind, 100, "score=random\n", few_courses);
	random_scores(kind, 2000, "score=random\n", many_courses);
	random_scores(kind, 2000, "score=random\nrandom_state=7\n", other_seed);
	for (int c = 0; c < 2000; c++)
	{
		CHECK(many_courses[c] >= 0 && many_courses[c] < 1);
		sum += (double) many_courses[c];
		square_sum += (double) many_courses[c] * (double) many_courses[c];
		n_equal += many_courses[c] == other_seed[c];
		if (c < 100)
			CHECK(few_courses[c] == many_courses[c]);
	}
	CHECK_NEAR(sum / 2000, 0.5, 0.03);
	CHECK_NEAR(square_sum / 2000, 1.0 / 3, 0.03);
	CHECK(n_equal < 3);
}

/* Both kinds of keys. */
static void
test_random(void)
{
	check_random(KEY_NUMBER);
	check_random(KEY_BYTES);
}

/* Equal scores are ranked by the number of ratings, then by course id. */
static void
test_ties(void)
{
	Env		   *env = test_env();
	const TestRow rows[] = {{1, 0, 4, 0}, {1, 1, 4, 0}, {2, 2, 4, 0}, {1, 2, 4, 0}};
	RankOptions options = {.n = 3, .threshold = NAN};
	TrainingSet set;
	TestModel	model;
	Ranked		ranked[3];
	TopkItem	heap[3];

	CHECK_EQ_INT(test_set_build(env, plain, rows, 4, 3, &set), RECSYS_OK);
	model = test_method_open(env, &method_popular, "score=mean\n", &set);
	test_method_score(env, &model, (History) {.group = -1});
	CHECK_EQ_INT(recommender_rank(&model.rec, model.scores, &options, heap, ranked), 3);
	CHECK_EQ_INT(ranked[0].course, 2);
	CHECK_EQ_INT(ranked[1].course, 0);
	CHECK_EQ_INT(ranked[2].course, 1);
	test_method_done(env);
}

/* A single course with a single rating. */
static void
test_one_course(void)
{
	Env		   *env = test_env();
	TestRow		row = {1, 0, -2, 5 * DAY};
	const char *const lines[] = {"score=count\n", "score=mean\n", "score=weighted\n",
	"score=trending\n"};
	const double expected[] = {1, -2, -2, 1};
	TrainingSet set;

	CHECK_EQ_INT(test_set_build(env, timed, &row, 1, 1, &set), RECSYS_OK);
	for (int i = 0; i < 4; i++)
	{
		TestModel	model = test_method_open(env, &method_popular, lines[i], &set);

		CHECK_SCORE(test_method_score(env, &model, (History) {.group = -1})[0], expected[i]);
	}
	test_method_done(env);
}

/* Threads, cancel, memory, estimate. */
static void
test_limits(void)
{
	Env		   *env = test_env();
	TestRow    *rows = test_rows(6, 3000, 200, 500);
	TrainingSet set;

	CHECK_EQ_INT(test_set_build(env, timed, rows, 3000, 500, &set), RECSYS_OK);
	test_method_threads(env, &method_popular, "score=weighted\nhalf_life=1\n", &set);
	test_method_interrupts(env, &method_popular, "score=weighted\n", &set);
	test_method_memory(env, &method_popular, "score=weighted\n", &set);
	test_method_estimate(env, &method_popular, "score=weighted\n", &set, 0.9);
	free(rows);
	test_method_done(env);
}

/* Names, defaults, ranges and texts of the parameters make sense. */
static void
test_params(void)
{
	check_param_table(&method_popular.params);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_params);
	RUN(test_by_hand);
	RUN(test_ages);
	RUN(test_times_missing);
	RUN(test_naive);
	RUN(test_random);
	RUN(test_ties);
	RUN(test_one_course);
	RUN(test_limits);
	return unit_done();
}
