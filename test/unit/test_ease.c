/*
 * test_ease.c: method ease against the equations that define its weights, solved and checked plainly.
 */
#include "core/methods/methods.h"
#include "random_set.h"

/* One variant of the method, as lines of parameters and as what they mean. */
typedef struct Variant
{
	const char *lines;
	double		regularization;
	bool		binary;
	bool		ageing;
} Variant;

static const Variant variants[] = {
	{"", 500, true, false},
	{"regularization=0.5\n", 0.5, true, false},
	{"regularization=20\nbinary=false\n", 20, false, false},
	{"regularization=3\nhalf_life=172800\n", 3, true, true},
	{"regularization=3\nhalf_life=172800\nbinary=false\n", 3, false, true},
};

#define N_VARIANTS ((int) (sizeof(variants) / sizeof(variants[0])))

/* x of a rating of a time. */
static double
plain_preference(const TrainingSet *set, const Variant *variant, float rating, int64_t time)
{
	double		x = variant->binary ? rating > 0 : rating;

	return x * plain_age(set, time, variant->ageing ? HALF_LIFE : NAN);
}

/* X, users x courses. */
static double *
plain_matrix(const TrainingSet *set, const Variant *variant)
{
	const Csr  *csr = &set->by_user;
	double	   *x = calloc((size_t) csr->n_rows * csr->n_cols, sizeof(double));

	for (int32_t u = 0; u < csr->n_rows; u++)
		for (int64_t e = csr->offsets[u]; e < csr->offsets[u + 1]; e++)
			x[u * csr->n_cols + csr->indexes[e]] =
				plain_preference(set, variant, csr->values[e],
								 csr->times == NULL ? TIME_OLDEST : csr->times[e]);
	return x;
}

/* Square roots of the diagonal of the inverse, as the model has them. */
static const float *
model_deviations(Env *env, const TestModel *model)
{
	int64_t		n = model->rec.n_courses;
	int64_t		one = 1;
	const void *deviations = NULL;

	CHECK_EQ_INT(model_get(env, &model->rec.model, "deviations", SECTION_FLOAT, &n, &one, &deviations),
				 RECSYS_OK);
	return deviations;
}

/* The weights of a dense model, n x n; of the Env. */
static const float *
model_weights(Env *env, const TestModel *model)
{
	int64_t		n = model->rec.n_courses;
	const float *d = model_deviations(env, model);
	const void *correlations = NULL;
	float	   *weights = env_alloc(env, (size_t) (n * n), sizeof(float));

	CHECK_EQ_INT(model_get(env, &model->rec.model, "correlations", SECTION_FLOAT, &n, &n,
						   &correlations), RECSYS_OK);
	for (int64_t i = 0; i < n; i++)
		for (int64_t j = 0; j < n; j++)
		{
			float		r = ((const float *) correlations)[i * n + j];

			CHECK(r == ((const float *) correlations)[j * n + i]);
			weights[i * n + j] = r * d[i] / d[j];
		}
	return weights;
}

/*
 * The weights are where the objective is least: its derivative, X'X B + regularization B - X'X, is zero but
 * for the diagonal, where B is.
 */
static void
check_optimal(Env *env, const TrainingSet *set, const Variant *variant, const TestModel *model)
{
	int			n = model->rec.n_courses;
	const float *b = model_weights(env, model);
	double	   *x = plain_matrix(set, variant);
	double	   *gram = calloc((size_t) n * n, sizeof(double));

	for (int u = 0; u < set->by_user.n_rows; u++)
		for (int i = 0; i < n; i++)
			for (int j = 0; j < n; j++)
				gram[i * n + j] += x[u * n + i] * x[u * n + j];
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
		{
			double		derivative = variant->regularization * b[i * n + j] - gram[i * n + j];

			for (int k = 0; k < n; k++)
				derivative += gram[i * n + k] * b[k * n + j];
			if (i == j)
				CHECK(b[i * n + j] == 0);
			else
				CHECK_NEAR(derivative, 0, 1e-4 * (1 + gram[i * n + i]));
		}
	free(x);
	free(gram);
}

/* A score is the plain sum of weights; the reasons add up to it; courses that nobody took have none. */
static void
check_scores(Env *env, const TrainingSet *set, const Variant *variant, TestModel *model)
{
	int			n = model->rec.n_courses;
	const float *b = model_weights(env, model);

	for (int32_t u = 0; u < set->by_user.n_rows; u++)
	{
		History		history = test_method_history(set, u);

		test_method_score(env, model, history);
		for (int c = 0; c < n; c++)
		{
			double		expected = 0;

			for (int h = 0; h < history.n; h++)
				expected += b[history.courses[h] * n + c] *
					plain_preference(set, variant, history.ratings[h], history.times[h]);
			if (fabs(expected) < 1e-7)
				continue;		/* the sign of rounding */
			CHECK_SCORE(model->scores[c], expected > 0 ? expected : NO_OPINION);
		}
		CHECK(model->scores[n - 1] == NO_OPINION);
		test_method_reasons(model, history);
	}
}

/* Weights and scores of every variant. */
static void
test_weights(void)
{
	for (int v = 0; v < N_VARIANTS; v++)
	{
		Env		   *env = test_env();
		TrainingSet *set = ranking_set(env, 1 + v, 600, 40, 25, false);
		TestModel	model = test_method_open(env, &method_ease, variants[v].lines, set);

		check_optimal(env, set, &variants[v], &model);
		check_scores(env, set, &variants[v], &model);
		test_method_done(env);
	}
}

/* Two courses by hand: 3 users took both, 1 the first only; lambda 1. X'X + I = (5 3; 3 4), B_01 = 3/5. */
static void
test_by_hand(void)
{
	Env		   *env = test_env();
	TestRow		rows[] = {{1, 0, 5, 0}, {1, 1, 5, 0}, {2, 0, 5, 0}, {2, 1, 1, 0}, {3, 0, 3, 0},
	{3, 1, 3, 0}, {4, 0, 2, 0}};
	TestShape	shape = {KEY_NUMBER, KEY_NUMBER, false, false};
	TrainingSet set;
	TestModel	model;

	CHECK_EQ_INT(test_set_build(env, shape, rows, 7, 2, &set), RECSYS_OK);
	model = test_method_open(env, &method_ease, "regularization=1\n", &set);
	CHECK_NEAR(model_weights(env, &model)[1], 3.0 / 5, 1e-6);
	CHECK_NEAR(model_weights(env, &model)[2], 3.0 / 4, 1e-6);
	CHECK(method_ease.similar(&model.rec, 0, model.scratch, model.scores));
	CHECK(model.scores[0] == NO_OPINION);
	CHECK_NEAR(model.scores[1], 3.0 / sqrt(5 * 4), 1e-6);	/* the same either way */
	method_ease.similar(&model.rec, 1, model.scratch, model.scores);
	CHECK_NEAR(model.scores[0], 3.0 / sqrt(5 * 4), 1e-6);
	test_method_done(env);
}

/* With a table, a course keeps its largest weights on others, and nothing else changes. */
static void
test_table(void)
{
	const int	kept = 4;
	Env		   *env = test_env();
	TrainingSet *set = ranking_set(env, 7, 600, 40, 25, false);
	TestModel	all = test_method_open(env, &method_ease, "regularization=3\n", set);
	TestModel	some = test_method_open(env, &method_ease, "regularization=3\ntable_size=4\n", set);
	const float *b = model_weights(env, &all);
	const float *d = model_deviations(env, &all);
	int			n = all.rec.n_courses;
	Csr			table;

	CHECK_EQ_INT(model_get_csr(env, &some.rec.model, "correlations", n, n, &table), RECSYS_OK);
	for (int i = 0; i < n; i++)
	{
		float		least = INFINITY;
		int			n_larger = 0;

		CHECK_EQ_INT(csr_row_length(&table, i), kept);
		for (int64_t e = table.offsets[i]; e < table.offsets[i + 1]; e++)
		{
			int			j = table.indexes[e];

			CHECK(table.values[e] * d[i] / d[j] == b[i * n + j]);
			least = fminf(least, fabsf(b[i * n + j]));
		}
		for (int j = 0; j < n; j++)
			n_larger += fabsf(b[i * n + j]) > least * 1.00001f;
		CHECK(n_larger < kept);
	}
	for (int32_t u = 0; u < 5; u++)
	{
		test_method_score(env, &some, test_method_history(set, u));
		test_method_reasons(&some, test_method_history(set, u));
	}
	test_method_done(env);
}

/* From 2,000 courses on, a model keeps 400 weights for each; below, all. */
static void
test_default_table(void)
{
	const int	sizes[] = {1998, 1999};	/* and one more course that is not rated */

	for (int s = 0; s < 2; s++)
	{
		Env		   *env = test_env();
		TrainingSet *set = ranking_set(env, 8, 5000, 300, sizes[s], true);
		TestModel	model = test_method_open(env, &method_ease, "", set);
		Csr			table;

		if (s == 0)
			CHECK(model.length > (size_t) 1999 * 1999 * sizeof(float));
		else
		{
			CHECK_EQ_INT(model_get_csr(env, &model.rec.model, "correlations", 2000, 2000, &table), RECSYS_OK);
			CHECK_EQ_INT(table.n_entries, 2000 * 400);
		}
		test_method_score(env, &model, test_method_history(set, 3));
		test_method_done(env);
	}
}

/* Sets with nearly nothing in them train and answer. */
static void
test_degenerate(void)
{
	TestRow		one[] = {{1, 0, 5, 0}};
	TestRow		bad[] = {{1, 0, 0, 0}, {1, 1, -3, 0}, {2, 1, 0, 0}};
	TestRow		huge[] = {{1, 0, 1e12f, 0}, {1, 1, -1e12f, 0}, {2, 1, 1e12f, 0}};
	TestRow		single[] = {{1, 0, 4, 0}, {2, 1, 4, 0}, {3, 2, 4, 0}};
	struct
	{
		TestRow    *rows;
		int			n;
		const char *lines;
	}			cases[] = {{one, 1, ""}, {bad, 3, ""}, {bad, 3, "binary=false\n"},
	{huge, 3, "binary=false\n"}, {single, 3, ""}, {single, 3, "table_size=1\n"}};

	for (int i = 0; i < (int) (sizeof(cases) / sizeof(cases[0])); i++)
	{
		Env		   *env = test_env();
		TestShape	shape = {KEY_NUMBER, KEY_NUMBER, false, false};
		TrainingSet set;
		TestModel	model;

		CHECK_EQ_INT(test_set_build(env, shape, cases[i].rows, cases[i].n, 0, &set), RECSYS_OK);
		model = test_method_open(env, &method_ease, cases[i].lines, &set);
		for (int32_t u = 0; u < set.by_user.n_rows; u++)
		{
			test_method_score(env, &model, test_method_history(&set, u));
			for (int32_t c = 0; c < model.rec.n_courses; c++)
				CHECK(model.scores[c] == NO_OPINION || (model.scores[c] > 0 && isfinite(model.scores[c])));
		}
		test_method_score(env, &model, (History) {.group = -1});
		CHECK(model.scores[0] == NO_OPINION);
		test_method_done(env);
	}
}

/* Threads, memory, cancel and estimate, for both forms of the model. */
static void
test_training(void)
{
	const char *const lines[] = {"", "table_size=5\n", "half_life=172800\nbinary=false\n"};

	for (int i = 0; i < 3; i++)
	{
		Env		   *env = test_env();
		TrainingSet *set = ranking_set(env, 9, 3000, 80, 300, false);
		TrainingSet *small = ranking_set(env, 9, 600, 40, 30, false);

		test_method_threads(env, &method_ease, lines[i], set);
		test_method_memory(env, &method_ease, lines[i], set);
		test_method_interrupts(env, &method_ease, lines[i], small);
		test_method_estimate(env, &method_ease, lines[i], set, 0.8);
		test_method_done(env);
	}
}

/* The estimate holds where ratings, the matrix or the table are what counts. */
static void
test_estimates(void)
{
	const struct
	{
		int			n;
		int			n_users;
		int			n_courses;
		const char *lines;
	}			cases[] = {{200000, 3000, 60, ""}, {20000, 300, 1000, ""},
	{20000, 300, 1000, "table_size=100\n"}, {20000, 300, 1000, "table_size=900\n"}};

	for (int i = 0; i < 4; i++)
	{
		Env		   *env = test_env();
		TrainingSet *set = ranking_set(env, 10, cases[i].n, cases[i].n_users, cases[i].n_courses, false);

		test_method_estimate(env, &method_ease, cases[i].lines, set, 0.8);
		test_method_done(env);
	}
}

/* Too little memory for the matrix is told before anything is computed, with the way out. */
static void
test_limit(void)
{
	Env		   *env = test_env();
	TrainingSet *set = ranking_set(env, 11, 3000, 80, 500, false);
	TestModel	model;

	env->memory_limit = env->memory_used + 500 * 500 * 8;
	CHECK_EQ_INT(test_method_train(env, &method_ease, "", set, &model), RECSYS_OVER_LIMIT);
	CHECK(strstr(env->hint, "8 bytes for every pair of courses") != NULL);
	env->memory_limit = 0;
	test_method_done(env);
}

/* A regularization that is lost in the rounding of huge ratings is an error that says so. */
static void
test_singular(void)
{
	Env		   *env = test_env();
	TestRow		rows[] = {{1, 0, 1e12f, 0}, {1, 1, 1e12f, 0}};
	TestShape	shape = {KEY_NUMBER, KEY_NUMBER, false, false};
	TrainingSet set;
	TestModel	model;

	CHECK_EQ_INT(test_set_build(env, shape, rows, 2, 0, &set), RECSYS_OK);
	CHECK_EQ_INT(test_method_train(env, &method_ease, "binary=false\nregularization=0.001\n", &set,
								   &model), RECSYS_SINGULAR);
	CHECK(strstr(env->hint, "regularization") != NULL);
	test_method_done(env);
}

/* Damage that the checksum does not show is found when the model is opened. */
static void
test_forged(void)
{
	Env		   *env = test_env();
	TrainingSet *set = ranking_set(env, 12, 600, 40, 25, false);
	TestModel	model = test_method_open(env, &method_ease, "", set);

	CHECK_EQ_INT(test_method_forge(env, &model, "correlations", SECTION_FLOAT, 3, 0.5), RECSYS_OK);
	CHECK_EQ_INT(test_method_forge(env, &model, "correlations", SECTION_FLOAT, 3, NAN), RECSYS_CORRUPT);
	CHECK_EQ_INT(test_method_forge(env, &model, "correlations", SECTION_FLOAT, 3, 0), RECSYS_OK);
	CHECK_EQ_INT(test_method_forge(env, &model, "deviations", SECTION_FLOAT, 2, 0), RECSYS_CORRUPT);
	CHECK_EQ_INT(test_method_forge(env, &model, "deviations", SECTION_FLOAT, 2, INFINITY),
				 RECSYS_CORRUPT);
	test_method_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN_ALONE(test_by_hand);
	RUN_ALONE(test_weights);
	RUN_ALONE(test_table);
	RUN_ALONE(test_default_table);
	RUN_ALONE(test_degenerate);
	RUN(test_training);
	RUN_ALONE(test_estimates);
	RUN_ALONE(test_limit);
	RUN_ALONE(test_singular);
	RUN_ALONE(test_forged);
	return unit_done();
}
