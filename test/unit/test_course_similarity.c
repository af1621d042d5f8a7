/*
 * test_course_similarity.c: bags of words by hand, against plain loops and published numbers.
 */
#include "core/methods/methods.h"
#include "param_table.h"
#include "test_ibm.h"
#include "test_method.h"


static const TestShape plain = {KEY_NUMBER, KEY_NUMBER, false, false};
static const TestShape timed = {KEY_NUMBER, KEY_NUMBER, true, false};

/* A word of a course. */
typedef struct Word
{
	int			course;
	const char *word;
	float		count;
} Word;

/* Course 0: a a b; course 1: a b; course 2: b c c; course 3 has no words; course 4: d. */
static const Word few[] = {
	{0, "a", 2}, {0, "b", 1}, {1, "a", 1}, {1, "b", 1}, {2, "b", 1}, {2, "c", 2}, {4, "d", 1},
	{1, "zero", 0}, {3, "zero", 0},
};

/* A set with ratings of user 1 for courses 0 and 4, at two times. */
static void
build_set(Env *env, TestShape shape, int n_courses, const Word *words, int n, TrainingSet *set)
{
	const TestRow rows[] = {{1, 0, 5, 10 * DAY}, {1, n_courses - 1, 5, 0}};
	TermsBuilder terms;

	CHECK_EQ_INT(test_set_build(env, shape, rows, 2, n_courses, set), RECSYS_OK);
	CHECK_EQ_INT(terms_init(env, &terms), RECSYS_OK);
	for (int i = 0; i < n; i++)
		CHECK_EQ_INT(terms_add(env, &terms, words[i].course, words[i].word, strlen(words[i].word),
							   words[i].count), RECSYS_OK);
	CHECK_EQ_INT(terms_finish(env, &terms, set), RECSYS_OK);
}

/* A model of the five courses. */
static TestModel
open_few(Env *env, TestShape shape, const char *lines)
{
	static TrainingSet set;

	build_set(env, shape, 5, few, 9, &set);
	return test_method_open(env, &method_course_similarity, lines, &set);
}

/* Courses similar to one. */
static void
check_similar(const char *lines, int32_t course, const double expected[5])
{
	Env		   *env = test_env();
	TestModel	model = open_few(env, plain, lines);

	CHECK(method_course_similarity.similar(&model.rec, course, model.scratch, model.scores));
	for (int c = 0; c < 5; c++)
		CHECK_SCORE(model.scores[c], expected[c]);
	test_method_done(env);
}

/* Cosines by hand. */
static void
test_similar(void)
{
	const double s01 = 3 / sqrt(10);
	const double s02 = 1 / 5.0;
	const double s12 = 1 / sqrt(10);
	const double none[5] = {NO_OPINION, NO_OPINION, NO_OPINION, NO_OPINION, NO_OPINION};

	check_similar("weighting=bow\n", 0, (double[]) {NO_OPINION, s01, s02, NO_OPINION, NO_OPINION});
	check_similar("weighting=bow\n", 1, (double[]) {s01, NO_OPINION, s12, NO_OPINION, NO_OPINION});
	check_similar("weighting=bow\n", 3, none);
	check_similar("weighting=bow\n", 4, none);
	/* Only b is left: every course with b is the same. */
	check_similar("weighting=bow\nmin_df=3\n", 0,
				  (double[]) {NO_OPINION, 1, 1, NO_OPINION, NO_OPINION});
	/* Without c, course 2 is b. */
	check_similar("weighting=bow\nmin_df=2\n", 2,
				  (double[]) {1 / sqrt(5), 1 / sqrt(2), NO_OPINION, NO_OPINION, NO_OPINION});
}

/* Four courses have words: idf of a is ln(5 / 3) + 1, of b ln(5 / 4) + 1, of c ln(5 / 2) + 1. */
static void
test_tfidf(void)
{
	const double a = log(5.0 / 3) + 1;
	const double b = log(5.0 / 4) + 1;
	const double c = log(5.0 / 2) + 1;
	const double n0 = sqrt(4 * a * a + b * b);
	const double n1 = sqrt(a * a + b * b);
	const double n2 = sqrt(b * b + 4 * c * c);

	check_similar("", 0, (double[]) {NO_OPINION, (2 * a * a + b * b) / (n0 * n1),
	b * b / (n0 * n2), NO_OPINION, NO_OPINION});
	check_similar("weighting=tfidf\n", 2, (double[]) {b * b / (n0 * n2), b * b / (n1 * n2),
	NO_OPINION, NO_OPINION, NO_OPINION});
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

/* Courses 1 and 2 taken: the largest similarity, or the mean of both. */
static void
test_by_hand(void)
{
	const int32_t courses[] = {1, 2};
	const float ratings[] = {5, 0.5f};
	History		history = {.n = 2, .courses = courses, .ratings = ratings, .group = -1};
	const double s01 = 3 / sqrt(10);
	const double s12 = 1 / sqrt(10);

	check_few(plain, "weighting=bow\n", history,
			  (double[]) {s01, s12, s12, NO_OPINION, NO_OPINION});
	check_few(plain, "weighting=bow\naggregate=mean\n", history,
			  (double[]) {(s01 + 0.2) / 2, s12 / 2, s12 / 2, NO_OPINION, NO_OPINION});
	check_few(plain, "weighting=bow\nthreshold=0.5\n", history,
			  (double[]) {s01, NO_OPINION, NO_OPINION, NO_OPINION, NO_OPINION});
	check_few(plain, "weighting=bow\naggregate=mean\nmin_sim=0.5\n", history,
			  (double[]) {(s01 + 0.2) / 2, NO_OPINION, NO_OPINION, NO_OPINION, NO_OPINION});
}

/* Thumbs down and zeros do not count, not even in the mean; nor does a history of nothing else. */
static void
test_signs(void)
{
	const int32_t courses[] = {1, 2, 4};
	const float ratings[] = {-1, 5, 0};
	const float down[] = {-1, 0, -3};
	History		mixed = {.n = 3, .courses = courses, .ratings = ratings, .group = -1};
	History		none = {.n = 3, .courses = courses, .ratings = down, .group = -1};
	History		empty = {.group = -1};
	const double nothing[5] = {NO_OPINION, NO_OPINION, NO_OPINION, NO_OPINION, NO_OPINION};
	const double s12 = 1 / sqrt(10);

	check_few(plain, "weighting=bow\naggregate=mean\n", mixed,
			  (double[]) {0.2, s12, NO_OPINION, NO_OPINION, NO_OPINION});
	check_few(plain, "weighting=bow\n", none, nothing);
	check_few(plain, "weighting=bow\naggregate=mean\n", none, nothing);
	check_few(plain, "", empty, nothing);
	check_few(plain, "aggregate=mean\n", empty, nothing);
}

/* Half-life of 10 days, the newest rating of the training set is of day 10. */
static void
test_ages(void)
{
	const int32_t courses[] = {1, 2};
	const float ratings[] = {5, 5};
	const int64_t times[] = {0, 12 * DAY};
	const int64_t unknown[] = {0, TIME_OLDEST};
	History		history = {.n = 2, .courses = courses, .ratings = ratings, .times = times,
	.group = -1};
	const double s01 = 3 / sqrt(10);
	const double s12 = 1 / sqrt(10);
	Env		   *env = test_env();
	TrainingSet set;
	TestModel	model;

	check_few(timed, "weighting=bow\nhalf_life=864000\n", history,
			  (double[]) {s01 / 2, s12, s12 / 2, NO_OPINION, NO_OPINION});
	check_few(timed, "weighting=bow\nhalf_life=864000\naggregate=mean\n", history,
			  (double[]) {(s01 / 2 + 0.2) / 2, s12 / 2, s12 / 4, NO_OPINION, NO_OPINION});
	history.times = unknown;
	check_few(timed, "weighting=bow\nhalf_life=864000\n", history,
			  (double[]) {s01 / 2, NO_OPINION, s12 / 2, NO_OPINION, NO_OPINION});
	build_set(env, plain, 5, few, 9, &set);
	CHECK_EQ_INT(test_method_train(env, &method_course_similarity, "half_life=60\n", &set, &model),
				 RECSYS_BAD_ARGUMENT);
	test_method_done(env);
}

/* Of two taken courses that are equally similar, the first explains. */
static void
test_ties(void)
{
	const Word	words[] = {{0, "a", 1}, {1, "a", 1}, {2, "a", 1}, {2, "b", 1}};
	const int32_t courses[] = {0, 1};
	const float ratings[] = {1, 1};
	History		history = {.n = 2, .courses = courses, .ratings = ratings, .group = -1};
	Env		   *env = test_env();
	TrainingSet set;
	TestModel	model;
	Reason		reasons[4];

	build_set(env, plain, 3, words, 4, &set);
	model = test_method_open(env, &method_course_similarity, "", &set);
	CHECK_EQ_INT(method_course_similarity.explain(&model.rec, &history, 2, NULL, reasons, 4), 1);
	CHECK_EQ_INT(reasons[0].kind, REASON_COURSE);
	CHECK_EQ_INT(reasons[0].index, 0);
	test_method_done(env);
}

/* Counts of n_words words in every course, made up. */
static Word *
random_words(int n_courses, int n_words, int n, char (*names)[16])
{
	Word	   *words = calloc((size_t) n, sizeof(Word));
	Rng			rng;

	rng_seed(&rng, 9, 0);
	for (int w = 0; w < n_words; w++)
		snprintf(names[w], 16, "w%d", w);
	for (int i = 0; i < n; i++)
	{
		double		u = rng_uniform(&rng);

		words[i].course = (int) rng_below(&rng, (uint64_t) n_courses);
		words[i].word = names[(int) (u * u * n_words)];
		words[i].count = (float) (1 + rng_below(&rng, 3));
	}
	return words;
}

/* Cosine of two courses from dense vectors; idf 1 for bow. */
static double
naive_similarity(const TrainingSet *set, const double *idf, int32_t a, int32_t b)
{
	double		sums[3] = {0};

	for (int32_t w = 0; w < set->terms.n_cols; w++)
	{
		double		x = 0;
		double		y = 0;

		for (int64_t e = set->terms.offsets[a]; e < set->terms.offsets[a + 1]; e++)
			x = set->terms.indexes[e] == w ? (double) set->terms.values[e] * idf[w] : x;
		for (int64_t e = set->terms.offsets[b]; e < set->terms.offsets[b + 1]; e++)
			y = set->terms.indexes[e] == w ? (double) set->terms.values[e] * idf[w] : y;
		sums[0] += x * y;
		sums[1] += x * x;
		sums[2] += y * y;
	}
	return sums[0] > 0 ? sums[0] / sqrt(sums[1] * sums[2]) : NO_OPINION;
}

/* Inverse document frequencies, or ones; 0 for words in fewer than min_df courses. */
static void
naive_idf(const TrainingSet *set, bool tfidf, int min_df, double *idf)
{
	int			n = 0;

	for (int32_t c = 0; c < set->terms.n_rows; c++)
		n += csr_row_length(&set->terms, c) > 0;
	for (int32_t w = 0; w < set->terms.n_cols; w++)
	{
		int			df = 0;

		for (int64_t e = 0; e < set->terms.n_entries; e++)
			df += set->terms.indexes[e] == w;
		idf[w] = df < min_df ? 0 : tfidf ? log((1.0 + n) / (1.0 + df)) + 1 : 1;
	}
}

/* All pairs of 60 courses, both weightings; a table_size below that does not matter. */
static void
test_naive(void)
{
	enum
	{
		N_COURSES = 60,
		N_WORDS = 50
	};
	static const char *const lines[] = {"weighting=bow\ntable_size=3\n",
	"weighting=tfidf\nmin_df=4\n"};
	Env		   *env = test_env();
	char		names[N_WORDS][16];
	Word	   *words = random_words(N_COURSES, N_WORDS, 500, names);
	TrainingSet set;

	build_set(env, plain, N_COURSES, words, 500, &set);
	for (int tfidf = 0; tfidf <= 1; tfidf++)
	{
		TestModel	model = test_method_open(env, &method_course_similarity, lines[tfidf], &set);
		double		idf[N_WORDS];

		naive_idf(&set, tfidf, tfidf ? 4 : 1, idf);
		for (int32_t a = 0; a < N_COURSES; a++)
		{
			method_course_similarity.similar(&model.rec, a, model.scratch, model.scores);
			for (int32_t b = 0; b < N_COURSES; b++)
				CHECK_SCORE(model.scores[b],
							a == b ? NO_OPINION : naive_similarity(&set, idf, a, b));
		}
	}
	free(words);
	test_method_done(env);
}

/* With more than 2,000 courses a row has the table_size most similar ones; ties by course id. */
static void
test_table_size(void)
{
	enum
	{
		N_COURSES = 2001
	};
	Env		   *env = test_env();
	Word	   *words = calloc(N_COURSES + 1, sizeof(Word));
	TrainingSet set;
	TestModel	model;

	for (int c = 0; c < N_COURSES; c++)
		words[c] = (Word) {c, "all", 1};
	words[N_COURSES] = (Word) {0, "own", 1};
	build_set(env, plain, N_COURSES, words, N_COURSES + 1, &set);
	model = test_method_open(env, &method_course_similarity, "weighting=bow\ntable_size=5\n", &set);
	method_course_similarity.similar(&model.rec, 2, model.scratch, model.scores);
	for (int c = 0; c < N_COURSES; c++)
		CHECK_SCORE(model.scores[c], c == 1 || (c >= 3 && c <= 6) ? 1 : NO_OPINION);
	free(words);
	test_method_done(env);
}

/* No word is left. */
static void
test_nothing_left(void)
{
	Env		   *env = test_env();
	TrainingSet set;
	TestModel	model;

	build_set(env, plain, 5, few, 9, &set);
	CHECK_EQ_INT(test_method_train(env, &method_course_similarity, "min_df=4\n", &set, &model),
				 RECSYS_BAD_DATA);
	CHECK(strcmp(env->error, "no word occurs in at least 4 courses") == 0);
	test_method_done(env);
}

/* Rows and users of unseen courses with a similarity of .6 or more, by the parameters. */
static void
count_published(Env *env, TrainingSet *set, const char *lines, int *n_rows, int *n_users)
{
	TestModel	model = test_method_open(env, &method_course_similarity, lines, set);

	*n_rows = *n_users = 0;
	for (int32_t u = 0; u < set->users.n_keys; u++)
	{
		History		history = test_method_history(set, u);
		int			before = *n_rows;

		test_method_score(env, &model, history);
		for (int32_t i = 0; i < history.n; i++)
			model.scores[history.courses[i]] = NO_OPINION;
		for (int32_t c = 0; c < set->courses.n_keys; c++)
			*n_rows += model.scores[c] != NO_OPINION;
		*n_users += *n_rows > before;
	}
}

/* Published: similarity .088889 of two courses; 11,377 recommendations for 983 users. */
static void
test_published(void)
{
	Env		   *env = test_env();
	TrainingSet set;
	TestModel	model;
	int			n_rows;
	int			n_users;

	ibm_load(env, &set);
	model = test_method_open(env, &method_course_similarity, "weighting=bow\n", &set);
	method_course_similarity.similar(&model.rec, ibm_course(&set, "ML0201EN"), model.scratch,
									 model.scores);
	CHECK_NEAR(model.scores[ibm_course(&set, "ML0122EN")], 0.088889, 5e-7);
	count_published(env, &set, "weighting=bow\nthreshold=0.6\n", &n_rows, &n_users);
	CHECK_EQ_INT(n_rows, 11377);
	CHECK_EQ_INT(n_users, 983);
	test_method_done(env);
}

/* One course; threads, cancel, memory, estimate. */
static void
test_limits(void)
{
	enum
	{
		N_COURSES = 300,
		N_WORDS = 200
	};
	Env		   *env = test_env();
	char		names[N_WORDS][16];
	Word	   *words = random_words(N_COURSES, N_WORDS, 6000, names);
	const Word	alone = {0, "a", 1};
	TrainingSet set;
	TrainingSet one;			/* small */
	TestModel	model;

	build_set(env, plain, 1, &alone, 1, &one);
	model = test_method_open(env, &method_course_similarity, "", &one);
	CHECK(test_method_score(env, &model, test_method_history(&one, 0))[0] == NO_OPINION);
	build_set(env, plain, N_COURSES, words, 6000, &set);
	test_method_threads(env, &method_course_similarity, "", &set);
	test_method_estimate(env, &method_course_similarity, "", &set, 0.5);
	build_set(env, plain, 5, few, 9, &one);
	test_method_interrupts(env, &method_course_similarity, "", &one);
	test_method_memory(env, &method_course_similarity, "", &one);
	free(words);
	test_method_done(env);
}

/* Names, defaults, ranges and texts of the parameters make sense. */
static void
test_params(void)
{
	check_param_table(&method_course_similarity.params);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN_ALONE(test_params);
	RUN_ALONE(test_similar);
	RUN_ALONE(test_tfidf);
	RUN_ALONE(test_by_hand);
	RUN_ALONE(test_signs);
	RUN_ALONE(test_ages);
	RUN_ALONE(test_ties);
	RUN_ALONE(test_naive);
	RUN_ALONE(test_table_size);
	RUN_ALONE(test_nothing_left);
	RUN_IBM(test_published);
	RUN_ALONE(test_limits);
	return unit_done();
}
