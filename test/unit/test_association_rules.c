/*
 * test_association_rules.c: the method against rules that are counted plainly.
 */
#include "core/methods/methods.h"
#include "random_set.h"

#define MAX_RULES 20000

/* One variant of the method, as lines of parameters and as what they mean. */
typedef struct Variant
{
	const char *lines;
	double		min_support;
	double		min_confidence;
	int			max_len;
	bool		sum;
	bool		ageing;
} Variant;

static const Variant variants[] = {
	{"", .01, .1, 2, false, false},
	{"min_support=0.1\nmin_confidence=0.4\n", .1, .4, 2, false, false},
	{"min_support=0.1\nmax_len=3\n", .1, .1, 3, false, false},
	{"min_support=0.1\nmax_len=3\naggregate=sum\n", .1, .1, 3, true, false},
	{"min_support=0.1\nmax_len=3\nhalf_life=172800\n", .1, .1, 3, false, true},
	{"min_support=0.15\nmax_len=4\naggregate=sum\nhalf_life=172800\n", .15, .1, 4, true, true},
};

#define N_VARIANTS ((int) (sizeof(variants) / sizeof(variants[0])))

/* Courses liked by each user, as bits; of at most 32 courses. */
static uint32_t *
liked_courses(const TrainingSet *set)
{
	const Csr  *csr = &set->by_user;
	uint32_t   *liked = calloc((size_t) csr->n_rows, sizeof(uint32_t));

	for (int32_t u = 0; u < csr->n_rows; u++)
		for (int64_t e = csr->offsets[u]; e < csr->offsets[u + 1]; e++)
			if (csr->values[e] > 0)
				liked[u] |= UINT32_C(1) << csr->indexes[e];
	return liked;
}

/* Users who like all these courses. */
static int
count_users(const TrainingSet *set, const uint32_t *liked, uint32_t courses)
{
	int			n = 0;

	for (int32_t u = 0; u < set->by_user.n_rows; u++)
		n += (liked[u] & courses) == courses;
	return n;
}

/* Number of bits. */
static int
count_bits(uint32_t bits)
{
	int			n = 0;

	for (; bits != 0; bits &= bits - 1)
		n++;
	return n;
}

/* A rule found plainly. */
typedef struct PlainRule
{
	uint32_t	antecedents;
	int			consequent;
	double		confidence;
} PlainRule;

/* All rules of a variant, by trying every set of courses. */
static int
plain_rules(const TrainingSet *set, const Variant *v, PlainRule *rules)
{
	int			n_courses = set->by_user.n_cols;
	uint32_t   *liked = liked_courses(set);
	double		n_users = set->by_user.n_rows;
	int			n = 0;

	for (uint32_t courses = 1; courses < UINT32_C(1) << n_courses; courses++)
	{
		int			both = count_bits(courses) >= 2 && count_bits(courses) <= v->max_len ?
			count_users(set, liked, courses) : 0;

		for (int c = 0; c < n_courses && both > 0 && both / n_users >= v->min_support; c++)
		{
			PlainRule	rule = {courses & ~(UINT32_C(1) << c), c, 0};

			if (rule.antecedents == courses)
				continue;
			rule.confidence = (double) both / count_users(set, liked, rule.antecedents);
			if (rule.confidence >= v->min_confidence && n < MAX_RULES)
				rules[n++] = rule;
		}
	}
	CHECK(n < MAX_RULES);
	free(liked);
	return n;
}

/* Least weight by age of the antecedents in a history; 0 when one is not liked or not there. */
static double
plain_weight(const TrainingSet *set, const Variant *v, const History *history, uint32_t antecedents)
{
	double		weight = INFINITY;
	uint32_t	found = 0;

	for (int32_t h = 0; h < history->n; h++)
	{
		uint32_t	bit = UINT32_C(1) << history->courses[h];

		if (history->ratings[h] <= 0 || !(antecedents & bit))
			continue;
		found |= bit;
		weight = fmin(weight, plain_age(set, history->times[h], v->ageing ? HALF_LIFE : NAN));
	}
	return found == antecedents ? weight : 0;
}

/* Scores by rules that were found plainly. */
static void
plain_scores(const TrainingSet *set, const Variant *v, const PlainRule *rules, int n_rules,
			 const History *history, double *scores)
{
	for (int32_t c = 0; c < set->by_user.n_cols; c++)
		scores[c] = 0;
	for (int r = 0; r < n_rules; r++)
	{
		double		value = rules[r].confidence * plain_weight(set, v, history, rules[r].antecedents);
		double	   *score = &scores[rules[r].consequent];

		*score = v->sum ? *score + value : fmax(*score, value);
	}
	for (int32_t c = 0; c < set->by_user.n_cols; c++)
		if (scores[c] == 0)
			scores[c] = NO_OPINION;
}

/* Scores are those of plain rules for every user, and the reasons add up to them. */
static void
test_scores(void)
{
	PlainRule  *rules = calloc(MAX_RULES, sizeof(PlainRule));

	for (int v = 0; v < N_VARIANTS; v++)
	{
		Env		   *env = test_env();
		TrainingSet *set = ranking_set(env, 20 + v, 300, 40, 10, false);
		TestModel	model = test_method_open(env, &method_association_rules, variants[v].lines, set);
		int			n_rules = plain_rules(set, &variants[v], rules);
		ReasonRule	rule;
		double		expected[32];

		CHECK(n_rules > 10);
		CHECK(method_association_rules.rule(&model.rec, n_rules - 1, &rule));
		CHECK(!method_association_rules.rule(&model.rec, n_rules, &rule));
		CHECK(!method_association_rules.rule(&model.rec, -1, &rule));
		for (int32_t u = 0; u < set->by_user.n_rows; u++)
		{
			History		history = test_method_history(set, u);

			plain_scores(set, &variants[v], rules, n_rules, &history, expected);
			test_method_expect(env, &model, history, expected);
		}
		test_method_done(env);
	}
	free(rules);
}

/* By hand: 4 users took both of 0 and 1, 1 took 0 alone, 3 took neither but 2; one disliked 1 and does not count. */
static TrainingSet *
hand_set(Env *env)
{
	TestRow		rows[] = {{1, 0, 5, 0}, {1, 1, 5, 0}, {2, 0, 5, 0}, {2, 1, 1, 0}, {3, 0, 3, 0}, {3, 1, 3, 0},
	{4, 0, 2, 0}, {4, 1, 2, 0}, {5, 0, 2, 0}, {5, 1, -1, 0}, {6, 2, 1, 0}, {7, 2, 1, 0}, {8, 2, 1, 0}};

	return test_set(env, (TestShape) {KEY_NUMBER, KEY_NUMBER, false, false}, rows, 13, 0);
}

/* Every metric of two courses by hand; similarities are lifts, both ways. */
static void
test_by_hand(void)
{
	const struct
	{
		const char *lines;
		double		forth;		/* 0 -> 1: 4 of 5, of 8; s(1) = 4 / 8 */
		double		back;		/* 1 -> 0: 4 of 4 */
	}			cases[] = {{"", .8, 1}, {"metric=lift\n", 1.6, 1.6}, {"metric=leverage\n", .1875, .1875},
	{"metric=jaccard\n", .8, .8}, {"metric=kulczynski\n", .9, .9}, {"metric=certainty\n", .6, 1},
	{"metric=zhangs_metric\n", 1, .75}};

	for (int i = 0; i < (int) (sizeof(cases) / sizeof(cases[0])); i++)
	{
		Env		   *env = test_env();
		TestModel	model = test_method_open(env, &method_association_rules, cases[i].lines, hand_set(env));
		float		liked = 4;
		int32_t		course = 0;
		History		history = {.n = 1,.courses = &course,.ratings = &liked,.group = -1};

		test_method_score(env, &model, history);
		CHECK_NEAR(model.scores[1], cases[i].forth, 1e-6);
		CHECK(model.scores[0] == NO_OPINION && model.scores[2] == NO_OPINION);
		course = 1;
		test_method_score(env, &model, history);
		CHECK_NEAR(model.scores[0], cases[i].back, 1e-6);
		CHECK(method_association_rules.similar(&model.rec, 0, model.scratch, model.scores));
		CHECK(model.scores[0] == NO_OPINION && model.scores[2] == NO_OPINION);
		CHECK_NEAR(model.scores[1], 1.6, 1e-6);
		CHECK(method_association_rules.similar(&model.rec, 1, model.scratch, model.scores));
		CHECK_NEAR(model.scores[0], 1.6, 1e-6);
		liked = 0;				/* a dislike fires nothing */
		test_method_score(env, &model, history);
		CHECK(model.scores[0] == NO_OPINION);
		test_method_done(env);
	}
}

/* Only one direction is a rule: similarity has both. */
static void
test_one_direction(void)
{
	Env		   *env = test_env();
	TestModel	model = test_method_open(env, &method_association_rules, "min_confidence=0.9\n", hand_set(env));
	ReasonRule	rule;

	CHECK(method_association_rules.rule(&model.rec, 0, &rule));
	CHECK(rule.n_antecedents == 1 && rule.antecedents[0] == 1 && rule.consequent == 0);
	CHECK(!method_association_rules.rule(&model.rec, 1, &rule));
	method_association_rules.similar(&model.rec, 0, model.scratch, model.scores);
	CHECK_NEAR(model.scores[1], 1.6, 1e-6);
	method_association_rules.similar(&model.rec, 1, model.scratch, model.scores);
	CHECK_NEAR(model.scores[0], 1.6, 1e-6);
	test_method_done(env);
}

/* The rules of a model by value, falling. */
static int
rule_values(Env *env, const TestModel *model, const float **values)
{
	int64_t		n = -1;
	int64_t		one = 1;
	const void *data = NULL;

	CHECK_EQ_INT(model_get(env, &model->rec.model, "values", SECTION_FLOAT, &n, &one, &data), RECSYS_OK);
	*values = data;
	return (int) n;
}

/* With max_rules the best are kept. */
static void
test_max_rules(void)
{
	Env		   *env = test_env();
	TrainingSet *set = ranking_set(env, 5, 1500, 60, 30, false);
	TestModel	all = test_method_open(env, &method_association_rules, "max_len=3\nmin_support=0.05\n", set);
	TestModel	some = test_method_open(env, &method_association_rules,
										"max_len=3\nmin_support=0.05\nmax_rules=100\n", set);
	const float *of_all;
	const float *of_some;
	int			n_all = rule_values(env, &all, &of_all);
	int			n_some = rule_values(env, &some, &of_some);
	float		least = INFINITY;
	int			n_better = 0;
	ReasonRule	rule;

	CHECK(n_all > 300);
	CHECK_EQ_INT(n_some, 100);
	for (int r = 0; r < n_some; r++)
		least = fminf(least, of_some[r]);
	for (int r = 0; r < n_all; r++)
		n_better += of_all[r] > least;
	CHECK(n_better < 100);
	for (int r = 0; all.rec.method->rule(&all.rec, r, &rule); r++)
		for (int i = 1; i < rule.n_antecedents; i++)
			CHECK(rule.antecedents[i - 1] < rule.antecedents[i] && rule.antecedents[i] != rule.consequent);
	test_method_done(env);
}

/* Sets with nearly nothing in them train and answer; no rule at all is a warning. */
static void
test_degenerate(void)
{
	TestRow		one[] = {{1, 0, 5, 0}};
	TestRow		bad[] = {{1, 0, 0, 0}, {1, 1, -3, 0}, {2, 1, 0, 0}};
	TestRow		pair[] = {{1, 0, 4, 0}, {1, 1, 4, 0}};
	TestRow		single[] = {{1, 0, 4, 0}, {2, 1, 4, 0}, {3, 2, 4, 0}};
	struct
	{
		TestRow    *rows;
		int			n;
		const char *lines;
		bool		warns;
	}			cases[] = {{one, 1, "", true}, {bad, 3, "", true}, {pair, 2, "", false},
	{pair, 2, "metric=leverage\n", true}, {pair, 2, "min_support=1\nmax_len=8\n", false}, {single, 3, "", true}};

	for (int i = 0; i < (int) (sizeof(cases) / sizeof(cases[0])); i++)
	{
		Env		   *env = test_env();
		TestShape	shape = {KEY_NUMBER, KEY_NUMBER, false, false};
		TrainingSet set;
		TestModel	model;

		CHECK_EQ_INT(test_set_build(env, shape, cases[i].rows, cases[i].n, 0, &set), RECSYS_OK);
		model = test_method_open(env, &method_association_rules, cases[i].lines, &set);
		CHECK_EQ_INT(test_env_of(env)->n_warnings, cases[i].warns);
		for (int32_t u = 0; u < set.by_user.n_rows; u++)
		{
			test_method_score(env, &model, test_method_history(&set, u));
			test_method_reasons(&model, test_method_history(&set, u));
			for (int32_t c = 0; c < model.rec.n_courses; c++)
				CHECK(cases[i].warns ? model.scores[c] == NO_OPINION : model.scores[c] > 0);
			method_association_rules.similar(&model.rec, 0, model.scratch, model.scores);
		}
		test_method_score(env, &model, (History) {.group = -1});
		CHECK(model.scores[0] == NO_OPINION);
		test_method_done(env);
	}
}

/* Threads, memory, cancel and estimate. */
static void
test_training(void)
{
	const char *const lines[] = {"", "max_len=3\nmin_support=0.1\n", "max_rules=300\nmetric=lift\n"};

	for (int i = 0; i < 3; i++)
	{
		Env		   *env = test_env();
		TrainingSet *set = ranking_set(env, 9, 6000, 300, 100, i == 0);
		TrainingSet *small = ranking_set(env, 9, 600, 40, 20, false);

		test_method_promises(env, &method_association_rules, lines[i], set, small, 0.3);
		test_method_done(env);
	}
}

/* Too many sets for the memory are told with the parameters to change. */
static void
test_limit(void)
{
	Env		   *env = test_env();
	TrainingSet *set = ranking_set(env, 11, 3000, 80, 100, false);
	TestModel	model;

	env->memory_limit = env->memory_used + 300000;
	CHECK_EQ_INT(test_method_train(env, &method_association_rules, "max_len=6\n", set, &model),
				 RECSYS_OVER_LIMIT);
	CHECK(strstr(env->hint, "min_support") != NULL && strstr(env->hint, "max_len") != NULL);
	env->memory_limit = 0;
	test_method_done(env);
}

/* A number of a section changed in place is found when the model is opened. */
static RecsysStatus
forge_int(Env *env, TestModel *model, const char *section, int64_t at, int32_t value)
{
	Model		opened;
	int64_t		n_rows = -1;
	int64_t		n_cols = -1;
	const void *data;
	int32_t		before;
	RecsysStatus status;

	CHECK_EQ_INT(model_open(env, &opened, model->bytes, model->length), RECSYS_OK);
	CHECK_EQ_INT(model_get(env, &opened, section, SECTION_INT32, &n_rows, &n_cols, &data), RECSYS_OK);
	before = ((int32_t *) data)[at];
	((int32_t *) data)[at] = value;
	status = test_method_reopen(env, model);
	((int32_t *) data)[at] = before;
	test_method_reopen(env, model);
	return status;
}

/* Damage that the checksum does not show. */
static void
test_forged(void)
{
	Env		   *env = test_env();
	TrainingSet *set = ranking_set(env, 12, 600, 40, 25, false);
	TestModel	model = test_method_open(env, &method_association_rules, "max_len=3\nmin_support=0.1\n", set);
	const int32_t bad[] = {-2, 26, INT32_MIN, INT32_MAX};

	for (int i = 0; i < 4; i++)
	{
		CHECK_EQ_INT(forge_int(env, &model, "antecedents", 0, bad[i]), RECSYS_CORRUPT);
		CHECK_EQ_INT(forge_int(env, &model, "antecedents", 1, bad[i]), RECSYS_CORRUPT);
		CHECK_EQ_INT(forge_int(env, &model, "consequents", 2, bad[i]), RECSYS_CORRUPT);
	}
	CHECK_EQ_INT(forge_int(env, &model, "antecedents", 0, -1), RECSYS_CORRUPT);
	CHECK_EQ_INT(forge_int(env, &model, "consequents", 2, -1), RECSYS_CORRUPT);
	CHECK_EQ_INT(test_method_forge(env, &model, "values", SECTION_FLOAT, 3, 0), RECSYS_CORRUPT);
	test_method_finite(env, &model, "values", SECTION_FLOAT, 3);
	test_method_finite(env, &model, "lifts", SECTION_FLOAT, 3);
	test_method_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_by_hand);
	RUN(test_one_direction);
	RUN(test_scores);
	RUN(test_max_rules);
	RUN(test_degenerate);
	RUN(test_training);
	RUN(test_limit);
	RUN(test_forged);
	return unit_done();
}
