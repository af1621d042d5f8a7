/*
 * test_features.c: rows of features: names, the commonest words and attributes against plain counts, rows by hand.
 */
#include "core/features.h"
#include "test_method.h"

#define N_COURSES 6

/* Names with commas, blanks around them, in any order. */
static void
test_names(void)
{
	static const char *const wrong[] = {"", ",", "embedding", "embeddings,", ",terms", "terms terms", "terms,terms",
	"embeddings, ,terms", "Terms", "terms;genres", "termsgenres"};

	CHECK_EQ_INT(features_read("embeddings"), FEATURE_EMBEDDINGS);
	CHECK_EQ_INT(features_read(" terms ,embeddings"), FEATURE_TERMS | FEATURE_EMBEDDINGS);
	CHECK_EQ_INT(features_read("attributes, genres,terms , embeddings "), 15);
	for (int i = 0; i < (int) (sizeof(wrong) / sizeof(wrong[0])); i++)
		if (features_read(wrong[i]) != 0)
			UNIT_FAIL("\"%s\" was read", wrong[i]);
	CHECK_EQ_INT(features_need(FEATURE_EMBEDDINGS), 0);
	CHECK_EQ_INT(features_need(15), NEEDS_TERMS | NEEDS_GENRES | NEEDS_GROUPS);
}

/* Courses with words, genres, and users of groups with attributes. */
static TrainingSet *
make_set(Env *env)
{
	static const char *const words[] = {"data", "python", "sql", "web"};
	static const int has[N_COURSES] = {1, 3, 7, 2, 10, 0};	/* bits of words */
	static const char *const groups[] = {"age=25, land=DE", "age=25, land=FR", "age=40, land is null", "land=DE, land=DE, "};
	TestRow    *rows = test_rows(1, 60, 10, N_COURSES);
	TrainingSet *set = test_set(env, (TestShape) {KEY_NUMBER, KEY_NUMBER, false, false}, rows, 60, N_COURSES);
	StringTable names;
	TermsBuilder terms;

	free(rows);
	CHECK_EQ_INT(strings_init(env, &names), RECSYS_OK);
	CHECK_EQ_INT(strings_add(env, &names, "x", 1), RECSYS_OK);
	CHECK_EQ_INT(strings_add(env, &names, "y", 1), RECSYS_OK);
	CHECK_EQ_INT(trainingset_set_genres(env, set, &names), RECSYS_OK);
	CHECK_EQ_INT(terms_init(env, &terms), RECSYS_OK);
	for (int32_t c = 0; c < N_COURSES; c++)
	{
		matrix_row(&set->genres, c)[c % 2] = 1;
		for (int w = 0; w < 4; w++)
			if (has[c] >> w & 1)
				CHECK_EQ_INT(terms_add(env, &terms, c, words[w], strlen(words[w]), (float) (c + w + 1)), RECSYS_OK);
	}
	CHECK_EQ_INT(terms_finish(env, &terms, set), RECSYS_OK);
	CHECK_EQ_INT(strings_init(env, &set->groups), RECSYS_OK);
	for (int g = 0; g < 4; g++)
		CHECK_EQ_INT(strings_add(env, &set->groups, groups[g], strlen(groups[g])), RECSYS_OK);
	set->user_group = env_alloc(env, (size_t) set->users.n_keys, sizeof(int32_t));
	for (int32_t u = 0; u < set->users.n_keys; u++)
		set->user_group[u] = u == 9 ? -1 : u / 2 % 4;
	return set;
}

/*
 * Courses have data 3 times (0, 1, 2), python 4 times (1, 2, 3, 4), sql and web once each: of two words, python comes
 * before data; of three, sql is the third.
 */
static void
test_words(void)
{
	static const float two[N_COURSES][2] = {{0, 1}, {3, 2}, {4, 3}, {5, 0}, {6, 0}, {0, 0}};
	Env		   *env = test_env();
	TrainingSet *set = make_set(env);
	FeatureContent content;

	CHECK_EQ_INT(features_build(env, set, FEATURE_TERMS, 2, &content), RECSYS_OK);
	CHECK_EQ_INT(content.n_course, 2);
	CHECK(memcmp(content.courses, two, sizeof(two)) == 0);
	CHECK_EQ_INT(features_build(env, set, FEATURE_TERMS | FEATURE_GENRES, 3, &content), RECSYS_OK);
	CHECK_EQ_INT(content.n_course, 5);
	for (int32_t c = 0; c < N_COURSES; c++)
	{
		CHECK(memcmp(content.courses + c * 5, two[c], sizeof(two[c])) == 0);
		CHECK_NEAR(content.courses[c * 5 + 2], c == 2 ? 5 : 0, 0);
		CHECK_NEAR(content.courses[c * 5 + 3], c % 2 == 0, 0);
		CHECK_NEAR(content.courses[c * 5 + 4], c % 2 == 1, 0);
	}
	CHECK_EQ_INT(features_build(env, set, FEATURE_TERMS, 100, &content), RECSYS_OK);
	CHECK_EQ_INT(content.n_course, 4);
	test_method_done(env);
}

/*
 * Users 0 1 8 are of group 0, 2 3 of 1, 4 5 of 2, 6 7 of 3, 9 of none: age=25 has 5 users, land=DE 5 and more by its
 * double, land=FR and age=40 and "land is null" 2 each.
 */
static void
test_attributes(void)
{
	Env		   *env = test_env();
	TrainingSet *set = make_set(env);
	FeatureContent content;
	float		row[20];
	const float user[] = {2, 3, 10};
	const float course[] = {5, 7, 100};

	CHECK_EQ_INT(set->users.n_keys, 10);
	CHECK_EQ_INT(features_build(env, set, FEATURE_ATTRIBUTES, 3, &content), RECSYS_OK);
	CHECK_EQ_INT(content.n_course, 0);
	CHECK_EQ_INT(content.attributes.n_rows, 4);
	CHECK_EQ_INT(content.attributes.n_cols, 3);
	CHECK_EQ_INT(features_count(COMBINE_SUM, 2, &content), 6);
	/* land=DE (7 times), age=25 (5), then age=40 before the two others of 2 users. */
	features_fill(COMBINE_SUM, 2, &content, user, 0, course, 0, row);
	CHECK(memcmp(row, (float[]) {7, 10, 110, 1, 1, 0}, 6 * sizeof(float)) == 0);
	features_fill(COMBINE_SUM, 2, &content, user, 1, course, 0, row);
	CHECK(memcmp(row + 3, (float[]) {0, 1, 0}, 3 * sizeof(float)) == 0);
	features_fill(COMBINE_SUM, 2, &content, user, 2, course, 0, row);
	CHECK(memcmp(row + 3, (float[]) {0, 0, 1}, 3 * sizeof(float)) == 0);
	features_fill(COMBINE_SUM, 2, &content, user, 3, course, 0, row);
	CHECK(memcmp(row + 3, (float[]) {1, 0, 0}, 3 * sizeof(float)) == 0);
	features_fill(COMBINE_SUM, 2, &content, user, -1, course, 0, row);
	CHECK(memcmp(row + 3, (float[]) {0, 0, 0}, 3 * sizeof(float)) == 0);
	test_method_done(env);
}

/* Every way to combine, with content behind it. */
static void
test_fill(void)
{
	const float courses[] = {0, 0, 8, 9};
	FeatureContent content = {.n_course = 2, .courses = courses};
	const float user[] = {2, 3, 10};
	const float course[] = {5, 7, 100};
	float		row[8];

	CHECK_EQ_INT(features_count(COMBINE_SUM, 2, &content), 5);
	features_fill(COMBINE_SUM, 2, &content, user, -1, course, 1, row);
	CHECK(memcmp(row, (float[]) {7, 10, 110, 8, 9}, 5 * sizeof(float)) == 0);
	CHECK_EQ_INT(features_count(COMBINE_CONCAT, 2, &content), 8);
	features_fill(COMBINE_CONCAT, 2, &content, user, -1, course, 1, row);
	CHECK(memcmp(row, (float[]) {2, 3, 10, 5, 7, 100, 8, 9}, 8 * sizeof(float)) == 0);
	CHECK_EQ_INT(features_count(COMBINE_PRODUCT, 2, &content), 6);
	features_fill(COMBINE_PRODUCT, 2, &content, user, -1, course, 0, row);
	CHECK(memcmp(row, (float[]) {10, 21, 10, 100, 0, 0}, 6 * sizeof(float)) == 0);
}

/* No memory at any allocation, a cancel at any poll. */
static void
test_failures(void)
{
	Env		   *env = test_env();
	TrainingSet *set = make_set(env);
	FeatureContent content;
	RecsysStatus status = RECSYS_NO_MEMORY;
	int			n = 0;

	for (; n < 100 && status == RECSYS_NO_MEMORY; n++)
	{
		test_env_fail_after(env, n);
		status = features_build(env, set, 15, 100, &content);
	}
	CHECK(n > 5 && status == RECSYS_OK);
	test_env_fail_after(env, -1);
	status = RECSYS_INTERRUPTED;
	for (n = 0; n < 100 && status == RECSYS_INTERRUPTED; n++)
	{
		test_env_interrupt_after(env, n);
		status = features_build(env, set, 15, 100, &content);
	}
	CHECK(n > 3 && status == RECSYS_OK);
	test_env_interrupt_after(env, -1);
	test_method_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_names);
	RUN(test_words);
	RUN(test_attributes);
	RUN(test_fill);
	RUN(test_failures);
	return unit_done();
}
