/*
 * test_mf.c: method mf against its loss written out over all pairs, and that loss's numerical gradient.
 *
 * The file of the method is a part of this one, under another name, so that single steps can be taken.
 */
#define method_mf mf_inside
#include "../../src/core/methods/mf.c"
#undef method_mf

#include "random_set.h"

extern const Method method_mf;

#define TERMS 6

/* The last loss logged of each term, and how many iterations there were. */
static const char *const term_names[TERMS] = {"observed", "unobserved", "regularization", "gravity", "holdout",
"total"};
static double logged[TERMS];
static int	last_iteration;

/* Keeps a loss. */
static void
keep_loss(int iteration, const char *term, double value, void *ctx)
{
	int			known = 0;

	(void) ctx;
	for (int t = 0; t < TERMS; t++)
		if (strcmp(term, term_names[t]) == 0)
		{
			logged[t] = value;
			known++;
		}
	CHECK_EQ_INT(known, 1);
	last_iteration = iteration;
}

/* The terms of the loss, pair by pair; w, h: factors of users and courses. */
static void
plain_loss(const TrainingSet *set, const MfParams *params, const double *w, const double *h, double *terms)
{
	const Csr  *csr = &set->by_user;
	int			k = (int) params->factors;
	double		weights = 0;
	double		n_held = 0;

	memset(terms, 0, TERMS * sizeof(double));
	for (int u = 0; u < csr->n_rows; u++)
	{
		int64_t		e = csr->offsets[u];

		for (int c = 0; c < csr->n_cols; c++)
		{
			double		product = 0;

			for (int i = 0; i < k; i++)
				product += w[u * k + i] * h[c * k + i];
			terms[3] += product * product;
			if (e < csr->offsets[u + 1] && csr->indexes[e] == c)
			{
				double		error = csr->values[e] - product;

				if (params->holdout > 0 && holds_out(params, set, u, c))
				{
					terms[4] += error * error;
					terms[1] += product * product;
					n_held++;
				}
				else
				{
					terms[0] += plain_age(set, csr->times[e], params->common.half_life) * error * error;
					weights += plain_age(set, csr->times[e], params->common.half_life);
				}
				e++;
			}
			else
				terms[1] += product * product;
		}
	}
	for (int i = 0; i < csr->n_rows * k; i++)
		terms[2] += w[i] * w[i] / csr->n_rows;
	for (int i = 0; i < csr->n_cols * k; i++)
		terms[2] += h[i] * h[i] / csr->n_cols;
	terms[0] /= weights;
	terms[1] *= params->unobserved_weight / weights;
	terms[2] *= params->regularization;
	terms[3] *= params->gravity / csr->n_rows / csr->n_cols;
	if (n_held > 0)
		terms[4] /= n_held;
	terms[5] = terms[0] + terms[1] + terms[2] + terms[3];
}

/* Total loss. */
static double
plain_total(const TrainingSet *set, const MfParams *params, const double *w, const double *h)
{
	double		terms[TERMS];

	plain_loss(set, params, w, h, terms);
	return terms[5];
}

/* A copy in double. */
static double *
as_doubles(const float *x, int n)
{
	double	   *copy = malloc((size_t) n * sizeof(double) + 1);

	for (int i = 0; i < n; i++)
		copy[i] = x[i];
	return copy;
}

/* One side's step is -rate x numerical gradient; x: the factors of that side, being one of w and h. */
static void
check_step(const TrainingSet *set, const MfParams *params, const MfFit *fit, const MfSide *side, double *w,
		   double *h, double *x)
{
	int			n = side->ratings->n_rows * fit->k;

	for (int i = 0; i < n; i++)
	{
		double		value = x[i];
		double		gradient;

		x[i] = value + 1e-4;
		gradient = plain_total(set, params, w, h);
		x[i] = value - 1e-4;
		gradient = (gradient - plain_total(set, params, w, h)) / 2e-4;
		x[i] = value;
		CHECK_NEAR((side->now[i] - side->next[i]) / fit->rate, gradient, 1e-4 * (1 + fabs(gradient)));
	}
}

/* Terms and steps of one setting at random factors. */
static void
check_gradient(const char *lines, bool dislikes)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 5, 90, 11, 8, dislikes);
	MfParams   *params = test_method_params(env, &method_mf, lines);
	MfFit		fit = {0};
	MfLoss		loss;
	double		terms[TERMS];
	double	   *w;
	double	   *h;

	env->loss = keep_loss;
	memset(logged, 0, sizeof(logged));
	CHECK_EQ_INT(fit_init(env, params, set, &fit), RECSYS_OK);
	w = as_doubles(fit.users.now, set->by_user.n_rows * fit.k);
	h = as_doubles(fit.courses.now, set->by_course.n_rows * fit.k);
	CHECK_EQ_INT(compute_step(env, params, &fit, &loss), RECSYS_OK);
	CHECK_EQ_INT(log_loss(env, params, &fit, 0, &loss), RECSYS_OK);
	plain_loss(set, params, w, h, terms);
	for (int t = 0; t < TERMS; t++)
		CHECK_NEAR(logged[t], terms[t], 1e-5 * (1 + fabs(terms[t])));
	CHECK(fit.held.n_entries > 0 ? terms[4] > 0 : params->holdout == 0);
	check_step(set, params, &fit, &fit.users, w, h, w);
	check_step(set, params, &fit, &fit.courses, w, h, h);
	free(w);
	free(h);
	test_method_done(env);
}

/* Every term, alone and together. */
static void
test_gradient(void)
{
	const char *start = "factors=3\ninit_std_dev=0.8\nlearning_rate=1\n";
	static const char *const settings[] = {
		"regularization=0\n", "regularization=0.3\n", "regularization=0\ngravity=2\n",
		"regularization=0\nunobserved_weight=0.3\n", "regularization=0\nunobserved_weight=1\n",
		"regularization=0.1\nholdout=0.3\n", "regularization=0\nhalf_life=172800\n",
		"regularization=0.2\ngravity=0.5\nunobserved_weight=0.1\nholdout=0.2\nhalf_life=172800\n"
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
	{
		char		lines[300];

		snprintf(lines, sizeof(lines), "%s%s", start, settings[i]);
		check_gradient(lines, i % 2 == 1);
	}
}

/* The user's part of the total at u times W, with the courses of the model and the ridge of the header. */
static double
user_loss(const TestModel *model, const TrainingSet *set, int user, double pairs, double ridge, const double *u)
{
	const MfParams *params = model->rec.params;
	const Csr  *csr = &set->by_user;
	int64_t		e = csr->offsets[user];
	double		loss = 0;

	for (int c = 0; c < csr->n_cols; c++)
	{
		const float *v = ((const MfState *) model->rec.state)->courses.factors + c * params->factors;
		double		product = 0;

		for (int i = 0; i < params->factors; i++)
			product += u[i] * v[i];
		loss += pairs * product * product;
		if (e < csr->offsets[user + 1] && csr->indexes[e] == c)
		{
			loss += plain_age(set, csr->times[e], params->common.half_life) * pow(csr->values[e] - product, 2) -
				params->unobserved_weight * product * product;
			e++;
		}
	}
	for (int i = 0; i < params->factors; i++)
		loss += ridge * u[i] * u[i];
	return loss;
}

/* The fold-in is where the numerical gradient of the user's part is 0; scores and predictions are its products. */
static void
check_serving(const char *lines)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 8, 200, 20, 14, false);
	TestModel	model = test_method_open(env, &method_mf, lines, set);
	const MfParams *params = model.rec.params;
	const Csr  *csr = &set->by_user;
	double		weight = 0;
	double		pairs;
	double		ridge;
	int			k = (int) params->factors;

	for (int64_t e = 0; e < csr->n_entries; e++)
		weight += plain_age(set, csr->times[e], params->common.half_life);
	pairs = params->unobserved_weight + params->gravity * weight / csr->n_rows / csr->n_cols;
	ridge = weight * fmax(params->regularization / csr->n_rows,
						  0.5 / (params->learning_rate * (double) params->iterations));
	for (int user = 0; user < csr->n_rows; user++)
	{
		History		history = test_method_history(set, user);
		float		out[21] = {0};
		double		u[20];

		CHECK_EQ_INT(method_mf.user_vector(&model.rec, &history, model.scratch, out), k);
		for (int i = 0; i < k; i++)
			u[i] = out[i];
		for (int i = 0; i < k; i++)
		{
			double		gradient;

			u[i] += 1e-3;
			gradient = user_loss(&model, set, user, pairs, ridge, u);
			u[i] -= 2e-3;
			gradient -= user_loss(&model, set, user, pairs, ridge, u);
			u[i] += 1e-3;
			CHECK_NEAR(gradient / 2e-3, 0, 5e-3);
		}
		test_method_score(env, &model, history);
		test_method_reasons(&model, history);
		for (int c = 0; c < csr->n_cols; c++)
		{
			double		rating = method_mf.predict(&model.rec, &history, c, model.scratch);
			double		product = 0;

			for (int i = 0; i < k; i++)
				product += u[i] * ((const MfState *) model.rec.state)->courses.factors[c * k + i];
			test_method_scratch(&model);
			CHECK_NEAR(rating, product, 1e-4);
			if (model.rec.course_counts[c] >= params->min_ratings)
				CHECK_NEAR(model.scores[c], product, 1e-4);
			else
				CHECK(model.scores[c] == NO_OPINION);
		}
	}
	test_method_done(env);
}

/* Fold-in with every term; without regularization the ridge is that of early stopping. */
static void
test_serving(void)
{
	check_serving("factors=4\nregularization=0.1\nlearning_rate=3\niterations=200\nmin_ratings=9\n");
	check_serving("factors=4\nregularization=0\nlearning_rate=3\niterations=50\nmin_ratings=0\n");
	check_serving("factors=4\nregularization=0.05\ngravity=0.5\nlearning_rate=2\niterations=200\nmin_ratings=0\n");
	check_serving("factors=4\nregularization=0.05\nunobserved_weight=0.4\nlearning_rate=1\niterations=200\nmin_ratings=0\n");
	check_serving("factors=20\nregularization=0.1\nhalf_life=172800\nlearning_rate=1\niterations=100\nmin_ratings=0\n");
}

/* A user's own factors at the end of the descent are those of the fold-in. */
static void
test_own_factors(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 8, 200, 20, 14, false);
	TestModel	model = test_method_open(env, &method_mf,
										 "factors=3\nregularization=0.2\niterations=20000\ntolerance=0\ngravity=0.1\n",
										 set);
	MfFit		fit = {0};

	CHECK_EQ_INT(fit_init(env, model.rec.params, set, &fit), RECSYS_OK);
	CHECK_EQ_INT(descend(env, model.rec.params, &fit), RECSYS_OK);
	for (int u = 0; u < set->by_user.n_rows; u++)
	{
		History		history = test_method_history(set, u);
		float		out[4];

		CHECK_EQ_INT(method_mf.user_vector(&model.rec, &history, model.scratch, out), 3);
		for (int i = 0; i < 3; i++)
			CHECK_NEAR(out[i], fit.users.now[u * 3 + i], 1e-3);
	}
	test_method_done(env);
}

/* The loss falls with the default learning rate, stops by the tolerance, and runs on without one. */
static void
test_descent(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 6, 900, 60, 30, false);

	env->loss = keep_loss;
	test_method_open(env, &method_mf, "iterations=5000\ntolerance=0.00001\n", set);
	CHECK(last_iteration > 20 && last_iteration < 5000);
	CHECK(logged[5] < 2);		/* at first: mean squared rating 11 */
	test_method_open(env, &method_mf, "iterations=50\ntolerance=0\n", set);
	CHECK_EQ_INT(last_iteration, 50);
	test_method_done(env);
}

/* Steps that are too long end with an error that names the parameter. */
static void
test_divergence(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 6, 900, 60, 30, false);
	TestModel	model;

	CHECK_EQ_INT(test_method_train(env, &method_mf, "learning_rate=1e9\n", set, &model), RECSYS_NOT_CONVERGED);
	CHECK(strstr(env->hint, "\"learning_rate\"") != NULL);
	test_method_done(env);
}

/* The ratings held out are about the share asked for, not trained on, and the same for every order of rows. */
static void
test_holdout(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 6, 3000, 200, 60, false);
	MfParams   *params = test_method_params(env, &method_mf, "holdout=0.25\n");
	MfFit		fit = {0};
	int64_t		n = set->by_user.n_entries;

	CHECK_EQ_INT(fit_init(env, params, set, &fit), RECSYS_OK);
	CHECK_NEAR((double) fit.held.n_entries, 0.25 * (double) n, 3 * sqrt(0.25 * 0.75 * (double) n));
	CHECK_EQ_INT(fit.held.n_entries + fit.kept[0].n_entries, n);
	for (int32_t u = 0; u < fit.held.n_rows; u++)
		for (int64_t e = fit.held.offsets[u]; e < fit.held.offsets[u + 1]; e++)
		{
			CHECK(entry_value(&set->by_user, u, fit.held.indexes[e]) == fit.held.values[e]);
			CHECK(entry_value(&fit.kept[0], u, fit.held.indexes[e]) == 0);
			CHECK(entry_value(&fit.kept[1], fit.held.indexes[e], u) == 0);
		}
	test_method_done(env);
}

/* Scores and predictions are finite, whatever the data. */
static void
check_degenerate(const TestRow *rows, int n, int n_courses, bool implicit)
{
	static const char *const lines[] = {"", "regularization=0\nmin_ratings=0\n", "gravity=1\nunobserved_weight=1\n"};

	for (int i = 0; i < 3; i++)
	{
		Env		   *env = test_env();
		TrainingSet *set = small_set(env, rows, n, n_courses, implicit);
		TestModel	model = test_method_open(env, &method_mf, lines[i], set);

		for (int u = 0; u <= set->by_user.n_rows; u++)
		{
			History		history = {.group = -1};

			if (u < set->by_user.n_rows)
				history = test_method_history(set, u);
			test_method_score(env, &model, history);
			for (int c = 0; c < model.rec.n_courses; c++)
			{
				CHECK(model.scores[c] == NO_OPINION || isfinite(model.scores[c]));
				CHECK(isfinite(recommender_predict(&model.rec, &history, c, model.scratch)));
				CHECK(history.n > 0 || model.scores[c] == NO_OPINION);
			}
		}
		test_method_done(env);
	}
}

/* Fewer users than factors, one rating each, constant, unrated, one user, one course, zero, negative, implicit. */
static void
test_degenerate(void)
{
	static const TestRow one[] = {{1, 0, 3, 0}};
	static const TestRow each[] = {{1, 0, 3, 0}, {2, 1, 3, 0}, {3, 2, 3, 0}};
	static const TestRow user[] = {{1, 0, 1, 0}, {1, 1, 5, 0}, {1, 2, 2, 0}};
	static const TestRow course[] = {{1, 0, 1, 0}, {2, 0, 5, 0}, {3, 0, 2, 0}};
	static const TestRow zeros[] = {{1, 0, 0, 0}, {2, 1, 0, 0}, {2, 0, 0, 0}};
	static const TestRow negative[] = {{1, 0, -1, 0}, {2, 1, -1, 0}, {2, 0, -3, 0}};
	static const TestRow thumbs[] = {{1, 0, 1, 0}, {1, 1, -1, 0}, {2, 1, 1, 0}, {2, 0, -1, 0}, {3, 2, 1, 0}};

	check_degenerate(one, 1, 1, false);
	check_degenerate(one, 1, 5, false);
	check_degenerate(each, 3, 4, false);
	check_degenerate(each, 3, 4, true);
	check_degenerate(user, 3, 3, false);
	check_degenerate(course, 3, 1, false);
	check_degenerate(zeros, 3, 3, false);
	check_degenerate(negative, 3, 2, false);
	check_degenerate(thumbs, 5, 3, false);
}

/* No rating left to train on, by holdout or by age, is said. */
static void
test_nothing_left(void)
{
	static const TestRow one[] = {{1, 0, 3, TIME_OLDEST}};
	Env		   *env = test_env();
	TrainingSet *set = env_alloc_zero(env, 1, sizeof(TrainingSet));
	TestShape	shape = {KEY_NUMBER, KEY_NUMBER, true, false};
	TestModel	model;
	int			n_refused = 0;

	CHECK_EQ_INT(test_set_build(env, shape, one, 1, 1, set), RECSYS_OK);
	for (int seed = 0; seed < 20; seed++)
	{
		char		lines[50];

		snprintf(lines, sizeof(lines), "random_state=%d\nholdout=0.9\n", seed);
		if (test_method_train(env, &method_mf, lines, set, &model) == RECSYS_BAD_DATA)
			n_refused += strstr(env->hint, "\"holdout\"") != NULL;
	}
	CHECK(n_refused > 10 && n_refused < 20);
	CHECK_EQ_INT(test_method_train(env, &method_mf, "half_life=86400\n", set, &model), RECSYS_BAD_DATA);
	CHECK(strstr(env->hint, "\"half_life\"") != NULL);
	test_method_done(env);
}

/* Constant ratings are worth a warning where only the ratings count, and none where every pair does. */
static void
test_warnings(void)
{
	check_warnings(&method_mf, "", "unobserved_weight=0.1\n");
}

/* Training with everything that can happen to it. */
static void
test_contract(void)
{
	static const char *const lines[] = {"iterations=2\n", "iterations=2\nholdout=0.2\n",
		"iterations=2\ngravity=1\nunobserved_weight=0.1\nfactors=20\n",
	"iterations=2\nhalf_life=172800\nholdout=0.2\n"};

	check_promises(&method_mf, lines, 4);
}

/* A number that is not finite is found when the model is opened. */
static void
test_damaged(void)
{
	for (int at = 0; at < 2; at++)
	{
		check_damaged(&method_mf, "iterations=5\n", "course_factors", SECTION_FLOAT, at);
		check_damaged(&method_mf, "iterations=5\n", "gram", SECTION_FLOAT, at);
		check_damaged(&method_mf, "iterations=5\n", "fold_in", SECTION_DOUBLE, at);
	}
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN_ALONE(test_gradient);
	RUN_ALONE(test_serving);
	RUN_ALONE(test_own_factors);
	RUN_ALONE(test_descent);
	RUN_ALONE(test_divergence);
	RUN_ALONE(test_holdout);
	RUN_ALONE(test_degenerate);
	RUN_ALONE(test_nothing_left);
	RUN_ALONE(test_warnings);
	RUN(test_contract);
	RUN_ALONE(test_damaged);
	return unit_done();
}
