/*
 * test_embedding.c: methods embedding_regression and embedding_classification: estimates against plain ones, classes, degenerate
 * data, refusals, forged models, and what every training promises.  The rows that are learnt from: test_out_of_fold.c.
 */
#include "core/evaluate.h"
#include "core/latent.h"
#include "core/methods/on_embeddings.h"
#include "core/out_of_fold.h"
#include "param_table.h"
#include "random_set.h"

#define REGRESSION (&method_embedding_regression)
#define CLASSIFICATION (&method_embedding_classification)

/* A base model that takes little to train. */
#define SMALL "embedding={\"method\": \"svd\", \"params\": {\"factors\": 3, \"iterations\": 4, \"solver\": \"als\"}}\n"

#define SMALL_TREES "max_depth=3\nmin_leaf=2\n"

/* The tables are in order. */
static void
test_tables(void)
{
	check_param_table(&method_embedding_regression.params);
	check_param_table(&method_embedding_classification.params);
}

/* Genres, words and groups of users. */
static void
add_side(Env *env, TrainingSet *set)
{
	static const char *const words[] = {"data", "sql", "web"};
	StringTable names;
	TermsBuilder terms;

	CHECK_EQ_INT(strings_init(env, &names), RECSYS_OK);
	CHECK_EQ_INT(strings_init(env, &set->groups), RECSYS_OK);
	CHECK_EQ_INT(terms_init(env, &terms), RECSYS_OK);
	for (int i = 0; i < 3; i++)
	{
		char		group[30];
		int			length = snprintf(group, sizeof(group), "age=%d, land=%s", i, words[i]);

		CHECK_EQ_INT(strings_add(env, &names, words[i], strlen(words[i])), RECSYS_OK);
		CHECK_EQ_INT(strings_add(env, &set->groups, group, (size_t) length), RECSYS_OK);
	}
	CHECK_EQ_INT(trainingset_set_genres(env, set, &names), RECSYS_OK);
	for (int32_t c = 0; c < set->courses.n_keys; c++)
	{
		matrix_row(&set->genres, c)[c % 3] = 1;
		CHECK_EQ_INT(terms_add(env, &terms, c, words[c / 2 % 3], strlen(words[c / 2 % 3]), 1), RECSYS_OK);
	}
	CHECK_EQ_INT(terms_finish(env, &terms, set), RECSYS_OK);
	set->user_group = env_alloc(env, (size_t) set->users.n_keys, sizeof(int32_t));
	for (int32_t u = 0; u < set->users.n_keys; u++)
		set->user_group[u] = u % 4 - 1;
}

/* The linear sum of one row, made number by number; as a probability when it is a classifier. */
static double
plain_value(const OnState *state, const float *user, const float *course, const double *content, int n_content)
{
	const Estimator *estimator = &state->estimator;
	int			k = state->n_factors;
	double		sum = estimator->intercept;
	int			at = 0;

	for (int i = 0; i <= k; i++)
	{
		double		u = (double) user[i];
		double		c = (double) course[i];

		if (state->combine == COMBINE_SUM)
			sum += (double) estimator->weights[at++] * (u + c);
		else if (state->combine == COMBINE_PRODUCT && i < k)
			sum += (double) estimator->weights[at++] * u * c;
		else if (state->combine == COMBINE_PRODUCT)
		{
			sum += (double) estimator->weights[at++] * u;
			sum += (double) estimator->weights[at++] * c;
		}
		else
			sum += (double) estimator->weights[at++] * u + (double) estimator->weights[k + 1 + i] * c;
	}
	at += state->combine == COMBINE_CONCAT ? k + 1 : 0;
	for (int i = 0; i < n_content; i++)
		sum += (double) estimator->weights[at++] * content[i];
	CHECK_EQ_INT(at, estimator->n_features);
	return estimator->classify ? 1 / (1 + exp(-sum)) : sum;
}

/* Scores and predictions of a linear model for every user, against plain sums of the base model's vectors. */
static void
check_linear(const Method *method, const char *combine, bool with_content)
{
	char		lines[500];
	Env		   *env = test_env();
	TrainingSet *set = ranking_set(env, 4, 500, 30, 12, false);
	TestModel	model;
	OnState    *state;
	void	   *scratch;

	add_side(env, set);
	snprintf(lines, sizeof(lines), SMALL "combine=%s\nmin_ratings=20\n%s", combine,
			 with_content ? "features=embeddings,genres,attributes\n" : "");
	model = test_method_open(env, method, lines, set);
	state = model.rec.state;
	scratch = env_alloc_zero(env, 1, recommender_scratch_size(&state->base));
	for (int32_t u = 0; u < set->users.n_keys; u++)
	{
		History		history = test_method_history(set, u);
		float		user[4];

		CHECK(latent_user(&state->base, &history, scratch, user));
		test_method_score(env, &model, history);
		for (int32_t c = 0; c < set->courses.n_keys; c++)
		{
			double		content[16] = {0};
			int			n_content = with_content ? 3 + state->content.attributes.n_cols : 0;
			float		course[4];
			bool		known = base_course(&state->base, &state->content, c, course);
			double		value;
			double		predicted = method->predict(&model.rec, &history, c, model.scratch);

			content[c % 3] = 1;
			for (int i = 0; with_content && i < state->content.attributes.n_cols; i++)
				content[3 + i] = history.group >= 0 ? entry_value(&state->content.attributes, history.group, i) : 0;
			value = plain_value(state, user, course, content, n_content);
			test_method_scratch(&model);
			CHECK(known == (with_content || csr_row_length(&set->by_course, c) > 0));
			CHECK_SCORE(model.scores[c], known && csr_row_length(&set->by_course, c) >= 20 ? value : NO_OPINION);
			if (!known)
				CHECK(isnan(predicted));
			else if (method == REGRESSION)
				CHECK_NEAR(predicted, value, 1e-4);
			else
			{
				CHECK_NEAR(method->probability(&model.rec, &history, c, model.scratch), value, 1e-5);
				CHECK_NEAR(predicted, state->means[0] + value * (state->means[1] - state->means[0]), 1e-4);
			}
		}
	}
	test_method_done(env);
}

/* All ways to combine. */
static void
test_linear(void)
{
	static const char *const combine[] = {"sum", "concat", "product"};

	for (int i = 0; i < 3; i++)
		for (int content = 0; content < 2; content++)
		{
			check_linear(REGRESSION, combine[i], content);
			check_linear(CLASSIFICATION, combine[i], content);
		}
}

/* Trees are asked with the row of the pair: what they say is what the estimator of the model says of it. */
static void
test_trees(void)
{
	static const char *const estimators[] = {"decision_tree", "bagging", "random_forest", "gradient_boosting"};

	for (int i = 0; i < 8; i++)
	{
		const Method *method = i % 2 == 0 ? REGRESSION : CLASSIFICATION;
		char		lines[500];
		Env		   *env = test_env();
		TrainingSet *set = ranking_set(env, 4, 500, 30, 12, false);
		History		history = test_method_history(set, 3);
		TestModel	model;
		OnState    *state;
		float		user[4];
		double		least = INFINITY;
		double		most = -INFINITY;

		snprintf(lines, sizeof(lines), SMALL SMALL_TREES "min_ratings=0\nestimator=%s\n%s", estimators[i / 2],
				 i / 2 == 0 ? "" : "n_estimators=3\n");
		model = test_method_open(env, method, lines, set);
		state = model.rec.state;
		CHECK(state->estimator.n_trees == (i / 2 == 0 ? 1 : 3));
		CHECK(latent_user(&state->base, &history, model.scratch, user));
		test_method_score(env, &model, history);
		for (int32_t c = 0; c < 12; c++)
		{
			float		course[4];
			float		row[5];

			if (!base_course(&state->base, &state->content, c, course))
				continue;
			features_fill(COMBINE_PRODUCT, 3, &state->content, user, -1, course, c, row);
			CHECK_SCORE(model.scores[c], estimator_value(&state->estimator, row));
			least = fmin(least, (double) model.scores[c]);
			most = fmax(most, (double) model.scores[c]);
		}
		CHECK(most > least);
		CHECK(method == REGRESSION || (least >= 0 && most <= 1));
		test_method_done(env);
	}
}

/*
 * Who likes odd courses likes no even ones. Product tells them apart, also for somebody new; sum and linear cannot, and order
 * the courses alike for everybody.
 */
static void
test_taste(void)
{
	TestRow		rows[40 * 12];
	int			n = 0;
	const float ratings[] = {5, 1};
	const int32_t courses[] = {1, 2};

	for (int u = 0; u < 40; u++)
		for (int c = 0; c < 12; c++)
			if ((u * 7 + c * 5) % 3 != 0)
				rows[n++] = (TestRow) {u, c, (u + c) % 2 == 0 ? 5 : 1, 0};
	for (int i = 0; i < 3; i++)
	{
		const Method *method = i == 0 ? REGRESSION : CLASSIFICATION;
		Env		   *env = test_env();
		TestModel	model = test_method_open(env, method, i == 2 ? SMALL "objective=ranking\nrelevance=3\n" :
											 SMALL "min_ratings=0\n", small_set(env, rows, n, 12, false));
		const float *scores = test_method_score(env, &model, (History) {2, courses, ratings, NULL, false, 0, -1});

		for (int32_t c = 4; c < 12; c += 2)
			CHECK(scores[c + 1] > scores[c]);
		if (i == 1)
			CHECK(scores[5] > 0.5f && scores[6] < 0.5f);
		test_method_done(env);
	}
	{
		Env		   *env = test_env();
		TestModel	model = test_method_open(env, REGRESSION, SMALL "combine=sum\nmin_ratings=0\n",
											 small_set(env, rows, n, 12, false));
		float		first[12];

		memcpy(first, test_method_score(env, &model, (History) {2, courses, ratings, NULL, false, 0, -1}), sizeof(first));
		test_method_score(env, &model, (History) {2, courses, (float[]) {1, 5}, NULL, false, 0, -1});
		for (int32_t c = 1; c < 12; c++)
			CHECK_NEAR(model.scores[c] - model.scores[0], first[c] - first[0], 1e-3);
		test_method_done(env);
	}
}

/* The facts of a model: learnt who rated what, mean ratings of the others and of the class. */
static const double *
facts_of(Env *env, const TestModel *model)
{
	int64_t		n = 3;
	int64_t		n_cols = 1;
	const void *data = NULL;

	CHECK_EQ_INT(model_get(env, &model->rec.model, "facts", SECTION_DOUBLE, &n, &n_cols, &data), RECSYS_OK);
	return data;
}

/* The class: from relevance on, or above the mean, 3; with one class only, courses that are rated against others. */
static void
test_classes(void)
{
	static const TestRow rows[] = {{1, 0, 5, 0}, {1, 1, 3, 0}, {1, 2, 1, 0}, {2, 0, 4, 0}, {2, 1, 3, 0}, {2, 2, 2, 0}};
	static const TestRow same[] = {{1, 0, 3, 0}, {1, 1, 3, 0}, {1, 2, 3, 0}, {2, 0, 3, 0}, {2, 3, 3, 0}, {2, 2, 3, 0}};
	static const struct
	{
		const char *lines;
		bool		taken;
		double		others;
		double		class;
	}			cases[] = {
		{SMALL, false, 9.0 / 4, 9.0 / 2}, {SMALL "relevance=3\n", false, 3.0 / 2, 15.0 / 4},
		{SMALL "relevance=4.5\n", false, 13.0 / 5, 5}, {SMALL "relevance=9\n", true, 3, 3},
		{SMALL "objective=ranking\n", true, 3, 3}, {SMALL "objective=ranking\nrelevance=4\n", true, 9.0 / 4, 9.0 / 2}
	};

	for (int i = 0; i < 6; i++)
	{
		Env		   *env = test_env();
		TestModel	model = test_method_open(env, CLASSIFICATION, cases[i].lines, small_set(env, rows, 6, 3, false));
		History		history = test_method_history(small_set(env, rows, 6, 3, false), 0);

		CHECK_NEAR(facts_of(env, &model)[0], cases[i].taken, 0);
		CHECK_NEAR(facts_of(env, &model)[1], cases[i].others, 1e-6);
		CHECK_NEAR(facts_of(env, &model)[2], cases[i].class, 1e-6);
		CHECK(isnan(method_embedding_classification.probability(&model.rec, &history, 0, model.scratch)) == cases[i].taken);
		CHECK(isnan(method_embedding_classification.predict(&model.rec, &history, 0, model.scratch)) == cases[i].taken);
		test_method_done(env);
	}
	for (int implicit = 0; implicit < 2; implicit++)
	{
		Env		   *env = test_env();
		TestModel	model = test_method_open(env, CLASSIFICATION, SMALL, small_set(env, same, 6, 4, implicit));

		CHECK_NEAR(facts_of(env, &model)[0], 1, 0);
		test_method_done(env);
	}
}

/* Implicit rows: what users have taken scores above what they have not. */
static void
test_implicit(void)
{
	TestRow		rows[40 * 12];
	int			n = 0;
	double		own = 0;
	double		others = 0;
	Env		   *env = test_env();
	TestModel	model;
	TrainingSet *set;

	for (int u = 0; u < 40; u++)
		for (int c = 0; c < 12; c++)
			if ((u + c) % 2 == 0 && (u * 7 + c * 5) % 3 != 0)
				rows[n++] = (TestRow) {u, c, 1, 0};
	set = small_set(env, rows, n, 12, true);
	model = test_method_open(env, CLASSIFICATION, "", set);
	for (int32_t u = 0; u < 40; u++)
	{
		test_method_score(env, &model, test_method_history(set, u));
		for (int32_t c = 0; c < 12; c++)
			*((u + c) % 2 == 0 ? &own : &others) += (double) model.scores[c];
	}
	CHECK(own > 1.5 * others);
	test_method_done(env);
}

/* Any base with factors, any features. */
static void
test_bases(void)
{
	static const char *const bases[] = {"als", "svd", "bpr", "mf", "nmf", "nn"};

	for (int i = 0; i < 6; i++)
		for (int m = 0; m < 2; m++)
		{
			char		lines[300];
			Env		   *env = test_env();
			TrainingSet *set = ranking_set(env, 6, 300, 25, 12, false);
			TestModel	model;

			add_side(env, set);
			snprintf(lines, sizeof(lines), "embedding={\"method\": \"%s\", \"params\": {\"factors\": 4}}\nmin_ratings=0\n"
					 "features=attributes,terms,embeddings,genres\nmax_features=2\n", bases[i]);
			model = test_method_open(env, m == 0 ? REGRESSION : CLASSIFICATION, lines, set);
			CHECK_EQ_INT(((OnState *) model.rec.state)->n_features, 6 + 2 + 3 + 2);
			CHECK_EQ_INT(model.rec.needs & (NEEDS_TERMS | NEEDS_GENRES | NEEDS_GROUPS),
						 NEEDS_TERMS | NEEDS_GENRES | NEEDS_GROUPS);
			test_method_score(env, &model, test_method_history(set, 1));
			for (int32_t c = 0; c <= 12; c++)
				CHECK(isfinite(model.scores[c]));	/* course 12, that nobody rated, by its words and genres */
			test_method_score(env, &model, (History) {.group = 1});
			for (int32_t c = 0; c <= 12; c++)
				CHECK(model.scores[c] == NO_OPINION);
			test_method_done(env);
		}
}

/* Sets from which nothing can be learned give a model, and a warning that says so. */
static void
test_degenerate(void)
{
	static const TestRow one[] = {{1, 0, 5, 0}};
	static const TestRow bad[] = {{1, 0, 0, 0}, {1, 1, -3, 0}, {2, 1, 0, 0}};
	static const TestRow single[] = {{1, 0, 4, 0}, {2, 1, 5, 0}, {3, 2, 4, 0}};
	static const TestRow *const sets[] = {one, bad, single};
	static const int n[] = {1, 3, 3};
	static const char *const lines[] = {SMALL, SMALL "estimator=gradient_boosting\n", SMALL "half_life=86400\n"};

	for (int i = 0; i < 18; i++)
	{
		const Method *method = i / 9 == 0 ? REGRESSION : CLASSIFICATION;
		Env		   *env = test_env();
		TrainingSet *set = test_set(env, (TestShape) {KEY_NUMBER, KEY_NUMBER, true, false}, sets[i % 3], n[i % 3], 3);
		TestModel	model = test_method_open(env, method, lines[i / 3 % 3], set);

		if (i % 3 != 1)
			CHECK(strstr(test_env_of(env)->message, "too few ratings") != NULL);
		for (int32_t u = 0; u < set->by_user.n_rows; u++)
		{
			History		history = test_method_history(set, u);

			test_method_score(env, &model, history);
			for (int32_t c = 0; c < 3; c++)
				CHECK(isfinite(recommender_predict(&model.rec, &history, c, model.scratch)));
		}
		test_method_score(env, &model, (History) {.group = -1});
		test_method_done(env);
	}
}

/* Equal ratings are worth a warning when they are to be estimated, once. */
static void
test_warnings(void)
{
	static const TestRow same[] = {{1, 0, 3, 0}, {1, 1, 3, 0}, {1, 2, 3, 0}, {2, 0, 3, 0}, {2, 1, 3, 0}, {2, 2, 3, 0}};
	Env		   *env = test_env();

	test_method_open(env, REGRESSION, SMALL, small_set(env, same, 6, 3, false));
	CHECK_EQ_INT(test_env_of(env)->n_warnings, 1);
	test_method_open(env, CLASSIFICATION, SMALL, small_set(env, same, 6, 3, false));
	CHECK_EQ_INT(test_env_of(env)->n_warnings, 1);
	test_method_done(env);
}

/* Rows that cannot be held are refused before the base model is trained. */
static void
test_too_many_rows(void)
{
	for (int m = 0; m < 2; m++)
	{
		Env		   *env = test_env();
		TrainingSet *set = ranking_set(env, 4, 2000, 30, 20, false);
		TestModel	model;

		env->memory_limit = env->memory_used + (size_t) set->summary.n_ratings * 8;
		CHECK_EQ_INT(test_method_train(env, m == 0 ? REGRESSION : CLASSIFICATION, SMALL, set, &model), RECSYS_OVER_LIMIT);
		CHECK_EQ_INT(test_env_of(env)->n_loss, 0);
		CHECK(strstr(env->hint, "lower the parameter \"max_rows\"") != NULL);
		test_method_done(env);
	}
}

/* What is refused, and why. */
static void
test_refused(void)
{
	static const struct
	{
		const char *lines;
		RecsysStatus status;
		const char *error;
	}			cases[] = {
		{"features=genre\n", RECSYS_BAD_ARGUMENT, "not a list of features: \"genre\""},
		{"features=embeddings,word\n", RECSYS_BAD_ARGUMENT, "not a list of features"},
		{"features=embeddings,genres\n", RECSYS_BAD_DATA, "needs genres"},
		{"features=embeddings,terms\n", RECSYS_BAD_DATA, "needs terms"},
		{"features=embeddings,attributes\n", RECSYS_BAD_DATA, "needs attributes of users"},
		{"embedding=\"knn\"\n", RECSYS_BAD_ARGUMENT, "method \"knn\" in parameter \"embedding\" has no factors"},
		{"embedding={\"method\": \"nn\", \"params\": {\"arch\": \"neumf\", \"iterations\": 1}}\n", RECSYS_BAD_ARGUMENT,
		"method \"nn\" in parameter \"embedding\" has no factors with these parameters"},
		{"half_life=3600\n", RECSYS_BAD_ARGUMENT, "needs times"},
		{"max_depth=3\n", RECSYS_BAD_ARGUMENT, "parameter \"max_depth\" cannot be used with estimator"},
		{"estimator=decision_tree\nn_estimators=9\n", RECSYS_BAD_ARGUMENT,
		"parameter \"n_estimators\" cannot be used with estimator \"decision_tree\""},
		{"estimator=bagging\nsplit_features=0.5\n", RECSYS_BAD_ARGUMENT, "parameter \"split_features\" cannot be used"},
		{"estimator=bagging\nregularization=1\n", RECSYS_BAD_ARGUMENT, "parameter \"regularization\" cannot be used"},
		{"embedding={\"method\": \"svd\", \"params\": {\"implicit_terms\": true, \"solver\": \"als\"}}\n",
		RECSYS_BAD_ARGUMENT, "implicit_terms"},
	};

	for (int i = 0; i < (int) (sizeof(cases) / sizeof(cases[0])); i++)
		for (int m = 0; m < 2; m++)
		{
			Env		   *env = test_env();
			TestRow    *rows = test_rows(2, 100, 10, 8);
			TrainingSet *set = small_set(env, rows, 100, 8, false);
			TestModel	model;

			free(rows);
			CHECK_EQ_INT(test_method_train(env, m == 0 ? REGRESSION : CLASSIFICATION, cases[i].lines, set, &model),
						 cases[i].status);
			if (strstr(env->error, cases[i].error) == NULL)
				UNIT_FAIL("%s: %s", cases[i].lines, env->error);
			CHECK(env->hint[0] != '\0');
			test_method_done(env);
		}
}

/* An evaluation with a relevance makes the model learn these classes, and refuses others. */
static void
test_evaluated(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 7, 600, 30, 20, false);
	SplitSpec	spec = {SPLIT_RANDOM, 0.3, 1, 1, false, 42};
	EvaluateOptions options = {.k = 5, .relevance = 5, .groups = METRICS_CLASSIFICATION};
	const char *const lines[] = {SMALL, SMALL "relevance=5\n", SMALL "relevance=2\n"};
	Evaluation	got[2];
	Evaluation	other;

	for (int i = 0; i < 2; i++)
		CHECK_EQ_INT(evaluate(env, CLASSIFICATION, test_method_params(env, CLASSIFICATION, lines[i]), set, NULL, &spec,
							  &options, &got[i]), RECSYS_OK);
	for (int r = 0; r < got[0].n_rows; r++)
		CHECK(got[0].rows[r].value == got[1].rows[r].value ||
			  (isnan(got[0].rows[r].value) && isnan(got[1].rows[r].value)));
	CHECK_EQ_INT(evaluate(env, CLASSIFICATION, test_method_params(env, CLASSIFICATION, lines[2]), set, NULL, &spec,
						  &options, &other), RECSYS_BAD_ARGUMENT);
	CHECK(strstr(env->error, "relevance 5 of the evaluation") != NULL);
	options.relevance = NAN;
	options.groups = 0;
	CHECK_EQ_INT(evaluate(env, CLASSIFICATION, test_method_params(env, CLASSIFICATION, lines[2]), set, NULL, &spec,
						  &options, &other), RECSYS_OK);
	test_method_done(env);
}

/* A row that is drawn, by threads, memory, cancel and estimate. */
static void
test_training(void)
{
	static const struct
	{
		const Method *method;
		const char *lines;
	}			cases[] = {
		{REGRESSION, SMALL}, {REGRESSION, SMALL "combine=concat\nfeatures=embeddings,genres,terms,attributes\n"},
		{CLASSIFICATION, SMALL "objective=ranking\n"}, {CLASSIFICATION, SMALL SMALL_TREES "estimator=random_forest\nn_estimators=3\n"},
		{CLASSIFICATION, SMALL "half_life=172800\nmax_rows=500\n"}
	};

	for (int i = 0; i < (int) (sizeof(cases) / sizeof(cases[0])); i++)
	{
		Env		   *env = test_env();
		TrainingSet *set = random_set(env, 9, 6000, 200, 100, false);
		TrainingSet *small = random_set(env, 9, 100, 12, 10, false);

		add_side(env, set);
		add_side(env, small);
		test_method_threads(env, cases[i].method, cases[i].lines, set);
		test_method_estimate(env, cases[i].method, cases[i].lines, set, 0.01);	/* that of libraries is larger */
		if (i == 1 || i == 2)
		{
			test_method_memory(env, cases[i].method, cases[i].lines, small);
			test_method_interrupts(env, cases[i].method, cases[i].lines, small);
		}
		test_method_done(env);
	}
}

/* Facts, content and attributes that are changed. */
static void
test_forged(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 12, 300, 40, 25, false);
	TestModel	model;

	add_side(env, set);
	model = test_method_open(env, CLASSIFICATION, SMALL "features=embeddings,genres,attributes\n", set);
	CHECK_EQ_INT(test_method_forge(env, &model, "facts", SECTION_DOUBLE, 0, 0.5), RECSYS_CORRUPT);
	CHECK_EQ_INT(test_method_forge(env, &model, "facts", SECTION_DOUBLE, 0, NAN), RECSYS_CORRUPT);
	CHECK_EQ_INT(test_method_forge(env, &model, "facts", SECTION_DOUBLE, 0, 1), RECSYS_OK);
	test_method_finite(env, &model, "facts", SECTION_DOUBLE, 1);
	test_method_finite(env, &model, "facts", SECTION_DOUBLE, 2);
	test_method_finite(env, &model, "content", SECTION_FLOAT, 7);
	/* Other parameters want other rows. */
	for (char *c = model.bytes; c < (char *) model.bytes + model.length - 20; c++)
		if (memcmp(c, "embeddings,genres,att", 21) == 0)
			memcpy(c, "embeddings, ", 12);
	CHECK_EQ_INT(test_method_reopen(env, &model), RECSYS_CORRUPT);
	test_method_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN_ALONE(test_tables);
	RUN_ALONE(test_linear);
	RUN_ALONE(test_trees);
	RUN_ALONE(test_taste);
	RUN_ALONE(test_classes);
	RUN_ALONE(test_implicit);
	RUN_ALONE(test_bases);
	RUN_ALONE(test_degenerate);
	RUN_ALONE(test_warnings);
	RUN_ALONE(test_too_many_rows);
	RUN_ALONE(test_refused);
	RUN_ALONE(test_evaluated);
	RUN(test_training);
	RUN_ALONE(test_forged);
	return unit_done();
}
