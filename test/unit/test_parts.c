/*
 * test_parts.c: reading which methods a method is made of.
 */
#include <string.h>

#include "core/methods/methods.h"
#include "core/parts.h"
#include "test_env.h"

/* Reads a text with ' for ". */
static RecsysStatus
read_quoted(Env *env, const char *quoted, MethodPart *parts, int *n)
{
	char		text[PARAM_PARTS_SIZE];

	snprintf(text, sizeof(text), "%s", quoted);
	for (char *c = text; *c != '\0'; c++)
		if (*c == '\'')
			*c = '"';
	return parts_read(env, "models", text, strlen(text), parts, n);
}

/* The value of a parameter as text. */
static void
check_param(const MethodPart *part, const char *name, const char *expected)
{
	char		text[PARAM_VALUE_SIZE];

	params_format(params_find(&part->method->params, name, strlen(name)), part->params, text,
				  sizeof(text));
	CHECK(strcmp(text, expected) == 0);
}

/* Names, objects with their keys in any order, values of every type. */
static void
test_read(void)
{
	Env		   *env = test_env();
	MethodPart	parts[METHOD_PARTS_MAX];
	int			n;

	CHECK_EQ_INT(read_quoted(env, "[ 'knn' , {'params': {'factors': 8, 'alpha': 2.5}, 'name': 'small als', 'method': 'als'},"
							 "{'method': 'popular', 'params': {}}, {'method': 'ease', 'params': {'binary': false}},"
							 "{'method': 'course_similarity', 'params': {'ngram_range': [1, 2], 'threshold': null}} ]",
							 parts, &n), RECSYS_OK);
	CHECK_EQ_INT(n, 5);
	CHECK(parts[0].method == &method_knn && strcmp(parts[0].name, "knn") == 0);
	CHECK(parts[1].method == &method_als && strcmp(parts[1].name, "small als") == 0);
	check_param(&parts[1], "factors", "8");
	check_param(&parts[1], "alpha", "2.5");
	check_param(&parts[1], "iterations", params_find(&method_als.params, "iterations", 10)->default_text);
	CHECK(parts[2].method == &method_popular && strcmp(parts[2].name, "popular") == 0);
	check_param(&parts[3], "binary", "false");
	check_param(&parts[4], "ngram_range", "[1,2]");
	env_free_all(env);
	test_env_done(env);
}

/* A text that cannot be read, and a word that the message has to hold. */
typedef struct Bad
{
	const char *text;
	const char *error;
} Bad;

static const Bad bad[] = {
	{"", "must be a list"}, {"'knn'", "must be a list"}, {"{}", "must be a list"}, {"[]", "must be a list"},
	{"[1, 2]", "must be a list"}, {"['knn', 'als'", "must be a list"}, {"['knn', 'als'] x", "must be a list"},
	{"['knn' 'als']", "must be a list"}, {"['knn', {'method': 'als']", "must be a list"},
	{"['knn', {'params': {}}]", "must be a list"}, {"['knn', {}]", "must be a list"},
	{"['knn', {'method': 3}]", "must be a list"}, {"['knn', {'method': 'als', 'params': 3}]", "must be a list"},
	{"['knn', {'method': 'als', 'params': {'factors': {}}}]", "must be a list"},
	{"['knn', {'method': 'als', 'name': ''}]", "must be a list"},
	{"['knn']", "at least two"},
	{"['knn', 'no_such']", "unrecognized recommendation method in parameter \"models\": \"no_such\""},
	{"['knn', 'hybrid']", "\"hybrid\" in parameter \"models\" is made of parts"},
	{"['knn', {'method': 'als', 'weight': 1}]", "unrecognized key \"weight\""},
	{"['knn', {'method': 'als', 'params': {'no_such': 1}}]", "unrecognized parameter \"no_such\" for method \"als\""},
	{"['knn', {'method': 'als', 'params': {'factors': 0}}]", "out of range for parameter \"factors\""},
	{"['knn', {'method': 'als', 'params': {'factors': '8'}}]", "\"factors\" must be an integer"},
	{"['knn', {'method': 'als', 'params': {'random_state': 1}}]", "\"random_state\" cannot be set for part \"als\""},
	{"['knn', {'method': 'als', 'params': {'seed': 1}}]", "\"seed\" cannot be set for part \"als\""},
	{"['knn', 'knn']", "two parts are named \"knn\""},
	{"['als', {'method': 'knn', 'name': 'als'}]", "two parts are named \"als\""},
	{"['als', {'method': 'knn', 'name': 'popular'}]", "cannot be named \"popular\""},
	{"['knn', 'als', 'ease', 'bpr', 'mf', 'svd', 'nmf', 'bias', 'popular']", "more than 8 parts"},
	{"['course_similarity', {'method': 'course_similarity', 'name': 'pairs', 'params': {'ngram_range': [1, 2]}}]",
	"different words"},
};

/* Every mistake is named, and nothing of a check stays. */
static void
test_bad(void)
{
	for (int i = 0; i < (int) (sizeof(bad) / sizeof(bad[0])); i++)
	{
		Env		   *env = test_env();
		MethodPart	parts[METHOD_PARTS_MAX];
		int			n;

		if (read_quoted(env, bad[i].text, parts, &n) != RECSYS_BAD_ARGUMENT ||
			strstr(env->error, bad[i].error) == NULL)
			UNIT_FAIL("%s: %s", bad[i].text, env->error);
		env_free_all(env);
		test_env_done(env);
	}
}

/* One part without a list, and what is not one. */
static void
test_single(void)
{
	static const char *const wrong[] = {"", "[\"svd\"]", "svd", "\"svd\" x", "{\"method\": \"svd\"", "1", "\"no_such\"",
	"\"hybrid\""};
	static const char right[] = " {\"method\": \"svd\", \"params\": {\"factors\": 8}} ";
	Env		   *env = test_env();
	MethodPart	part;
	size_t		used;

	CHECK_EQ_INT(part_read(env, "embedding", "\"als\"", 5, &part), RECSYS_OK);
	CHECK(part.method == &method_als);
	CHECK_EQ_INT(part_read(env, "embedding", right, strlen(right), &part), RECSYS_OK);
	CHECK(part.method == &method_svd);
	check_param(&part, "factors", "8");
	used = env->memory_used;
	CHECK_EQ_INT(part_check(env, "embedding", right, strlen(right)), RECSYS_OK);
	for (int i = 0; i < (int) (sizeof(wrong) / sizeof(wrong[0])); i++)
	{
		if (part_check(env, "embedding", wrong[i], strlen(wrong[i])) != RECSYS_BAD_ARGUMENT ||
			strstr(env->error, "embedding") == NULL)
			UNIT_FAIL("%s: %s", wrong[i], env->error);
		CHECK(strstr(env->error, "must be a list") == NULL);
	}
	CHECK_EQ_INT(env->memory_used, used);
	env_free_all(env);
	test_env_done(env);
}

/* What the parts make of the whole. */
static void
test_whole(void)
{
	Env		   *env = test_env();
	void	   *params = env_alloc_zero(env, 1, method_hybrid.params.size);
	const char *lines[] = {"models=[\"knn\", \"svd\"]\n", "models=[\"knn\", \"user_profile\", \"demographic\"]\n",
	"models=[\"als\", {\"method\": \"knn\", \"params\": {\"user_based\": true}}]\n"};
	const unsigned needs[] = {0, NEEDS_GENRES | NEEDS_GROUPS, 0};
	const bool	predicts[] = {true, false, false};
	const bool	stores[] = {false, false, true};

	for (int i = 0; i < 3; i++)
	{
		unsigned	found;
		bool		can;
		bool		rows;
		size_t		used;

		CHECK_EQ_INT(params_read(env, &method_hybrid.params, params, lines[i], strlen(lines[i])), RECSYS_OK);
		used = env->memory_used;
		CHECK_EQ_INT(method_needs(env, &method_hybrid, params, &found), RECSYS_OK);
		CHECK_EQ_INT(method_predicts(env, &method_hybrid, params, &can), RECSYS_OK);
		CHECK_EQ_INT(method_stores_user_rows(env, &method_hybrid, params, &rows), RECSYS_OK);
		CHECK(found == needs[i] && can == predicts[i] && rows == stores[i]);
		CHECK_EQ_INT(env->memory_used, used);
	}
	env_free_all(env);
	test_env_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_read);
	RUN(test_bad);
	RUN(test_single);
	RUN(test_whole);
	return unit_done();
}
