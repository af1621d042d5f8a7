/*
 * test_als.c: method als against plain versions in double of what its files promise.
 */
#include "core/als_kernels.h"
#include "core/methods/methods.h"
#include "test_method.h"

/* A training set of random ratings, some of them dislikes. */
static TrainingSet *
random_set(Env *env, uint64_t seed, int n, int n_users, int n_courses, TestShape shape)
{
	TestRow    *rows = test_day_rows(seed, n, n_users, n_courses);
	TrainingSet *set;

	test_dislikes(rows, n);
	set = test_set(env, shape, rows, n, n_courses);
	free(rows);
	return set;
}

/* The usual set. */
static TrainingSet *
usual_set(Env *env)
{
	return random_set(env, 5, 900, 80, 30, (TestShape) {KEY_NUMBER, KEY_NUMBER, true, false});
}

/* alpha and lambda in force. */
static const double *
weights_of(Env *env, const TestModel *model)
{
	return test_method_section(env, model, "weights", SECTION_DOUBLE);
}

/* Solves a x = b of n unknowns in place by Gauss with pivots. */
static void
plain_solve(double *a, double *b, int n)
{
	for (int p = 0; p < n; p++)
	{
		int			best = p;
		double		right;

		for (int i = p; i < n; i++)
			if (fabs(a[i * n + p]) > fabs(a[best * n + p]))
				best = i;
		for (int j = 0; j < n; j++)
		{
			double		entry = a[p * n + j];

			a[p * n + j] = a[best * n + j];
			a[best * n + j] = entry;
		}
		right = b[p];
		b[p] = b[best];
		b[best] = right;
		for (int i = 0; i < n; i++)
		{
			double		factor = i == p ? 0 : a[i * n + p] / a[p * n + p];

			for (int j = 0; j < n; j++)
				a[i * n + j] -= factor * a[p * n + j];
			b[i] -= factor * b[p];
		}
	}
	for (int i = 0; i < n; i++)
		b[i] /= a[i * n + i];
}

/* What one row of the problem is made of. */
typedef struct PlainRow
{
	const float *factors;		/* n x k */
	int			n;
	int			k;
	double		alpha;
	double		unobserved;
	double		lambda;
	const double *values;		/* n ratings; NAN where there is none */
} PlainRow;

/* Confidence and preference of entry j. */
static double
plain_confidence(const PlainRow *row, int j, double *preference)
{
	double		value = row->values[j];

	*preference = !isnan(value) && value > 0;
	return row->unobserved + (isnan(value) ? 0 : row->alpha * fabs(value));
}

/* The exact half-step: every entry, rated or not, is visited. */
static void
plain_half_step(const PlainRow *row, double *x)
{
	int			k = row->k;
	double	   *a = calloc((size_t) (k * k), sizeof(double));

	for (int d = 0; d < k; d++)
	{
		a[d * k + d] = row->lambda;
		x[d] = 0;
	}
	for (int j = 0; j < row->n; j++)
	{
		const float *y = row->factors + j * k;
		double		preference;
		double		confidence = plain_confidence(row, j, &preference);

		for (int d = 0; d < k; d++)
		{
			x[d] += confidence * preference * y[d];
			for (int e = 0; e < k; e++)
				a[d * k + e] += confidence * y[d] * y[e];
		}
	}
	plain_solve(a, x, k);
	free(a);
}

/* The part of a row in the objective. */
static double
plain_objective(const PlainRow *row, const double *x)
{
	double		sum = 0;

	for (int d = 0; d < row->k; d++)
		sum += row->lambda * x[d] * x[d];
	for (int j = 0; j < row->n; j++)
	{
		double		preference;
		double		confidence = plain_confidence(row, j, &preference);
		double		error = preference;

		for (int d = 0; d < row->k; d++)
			error -= x[d] * row->factors[j * row->k + d];
		sum += confidence * error * error;
	}
	return sum;
}

/* Aged rating of every course for a history, NAN where there is none. */
static double *
plain_values(const History *history, int n_courses, int64_t last, double half_life)
{
	double	   *values = malloc((size_t) n_courses * sizeof(double));

	for (int c = 0; c < n_courses; c++)
		values[c] = NAN;
	for (int i = 0; i < history->n; i++)
	{
		double		age = history->times == NULL || isnan(half_life) ? 1 :
			history->times[i] == TIME_OLDEST ? 0 :
			pow(0.5, (double) (last - history->times[i]) / 1e6 / half_life);

		values[history->courses[i]] = history->ratings[i] * age;
	}
	return values;
}

/* Scores, user vector and reasons of a user against the plain half-step. */
static void
check_user(Env *env, TestModel *model, History history, double half_life, double unobserved)
{
	const double *weights = weights_of(env, model);
	const float *factors = test_method_section(env, model, "course_factors", SECTION_FLOAT);
	int			n_courses = model->rec.n_courses;
	int			k;
	double	   *values = plain_values(&history, n_courses, model->rec.summary.last_time, half_life);
	PlainRow	row = {factors, n_courses, 0, weights[0], unobserved, weights[1], values};
	double	   *x;
	float	   *vector;
	double		length = 0;
	int			n;

	method_als.course_vector(&model->rec, 0, &k);
	row.k = k;
	x = malloc((size_t) k * sizeof(double));
	vector = malloc(((size_t) k + 1) * sizeof(float));
	plain_half_step(&row, x);
	for (int d = 0; d < k; d++)
		length += x[d] * x[d];
	test_method_score(env, model, history);
	test_method_reasons(model, history);
	n = method_als.user_vector(&model->rec, &history, model->scratch, vector);
	test_method_scratch(model);
	CHECK_EQ_INT(n, length > 0 ? k : 0);
	for (int d = 0; d < n; d++)
		CHECK_NEAR(vector[d], x[d], 1e-4 * (1 + sqrt(length)));
	for (int c = 0; c < n_courses; c++)
	{
		double		score = 0;
		double		norm = 0;

		for (int d = 0; d < k; d++)
		{
			score += x[d] * factors[c * k + d];
			norm += fabs((double) factors[c * k + d]);
		}
		if (length == 0 || norm == 0)
			CHECK(model->scores[c] == NO_OPINION);
		else
			CHECK_NEAR(model->scores[c], score, 5e-5 * (1 + fabs(score)));
	}
	free(values);
	free(x);
	free(vector);
}

/* The fold-in is the exact half-step, in either number of unknowns, whatever solved the training. */
static void
check_fold_in(const char *lines, double half_life, double unobserved)
{
	Env		   *env = test_env();
	TrainingSet *set = usual_set(env);
	TestModel	model = test_method_open(env, &method_als, lines, set);

	for (int32_t u = 0; u < set->by_user.n_rows; u++)
	{
		History		history = test_method_history(set, u);

		check_user(env, &model, history, half_life, unobserved);
		history.n = history.n < 3 ? history.n : 3;
		check_user(env, &model, history, half_life, unobserved);
	}
	check_user(env, &model, (History) {.group = -1}, half_life, unobserved);
	test_method_done(env);
}

/* Every kind of parameters. */
static void
test_fold_in(void)
{
	check_fold_in("factors=24\n", NAN, 1);
	check_fold_in("factors=8\nsolver=cholesky\n", NAN, 1);
	check_fold_in("factors=33\nregularization=0.5\nalpha=2\nunobserved_weight=0.3\n", NAN, 0.3);
	check_fold_in("factors=40\nsolver=cholesky\nhalf_life=172800\n", 172800, 1);
	check_fold_in("factors=1\niterations=2\nalpha=0\n", NAN, 1);
}

/* The Woodbury identity and the large system give the same, for every number of ratings. */
static void
test_woodbury(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 8, 6000, 200, 100,
								  (TestShape) {KEY_NUMBER, KEY_NUMBER, false, false});
	TestModel	model = test_method_open(env, &method_als, "regularization=3\n", set);
	int32_t		courses[100];
	float		ratings[100];

	for (int n = 0; n <= 64; n += n < 26 ? 1 : 9)
	{
		for (int i = 0; i < n; i++)
		{
			courses[i] = i + n % 7;
			ratings[i] = (float) (i % 5 - 1);
		}
		check_user(env, &model, (History) {.n = n, .courses = courses, .ratings = ratings, .group = -1},
				   NAN, 1);
	}
	test_method_done(env);
}

/* Losses that training reports. */
typedef struct Losses
{
	double		error[200];
	double		penalty[200];
	int			n;
} Losses;

static Losses losses;

/* Env.loss: keeps them. */
static void
keep_loss(int iteration, const char *term, double value, void *ctx)
{
	(void) ctx;
	if (strcmp(term, "weighted_error") == 0)
		losses.error[iteration - 1] = value;
	else if (strcmp(term, "regularization") == 0)
		losses.penalty[iteration - 1] = value;
	else
		UNIT_FAIL("unknown term %s", term);
	losses.n = iteration;
}

/* Trains and returns the objective after the last iteration. */
static double
train_losses(Env *env, const char *lines, TrainingSet *set, TestModel *model)
{
	memset(&losses, 0, sizeof(losses));
	env->loss = keep_loss;
	*model = test_method_open(env, &method_als, lines, set);
	env->loss = NULL;
	return losses.error[losses.n - 1] + losses.penalty[losses.n - 1];
}

/*
 * The objective of a model of n_iterations, by its definition: the users' vectors are the exact
 * half-step from the course vectors of the iteration before, which a shorter training gives; fold_in:
 * they are that model's fold-in, which takes less time than the plain half-step.
 */
static double
plain_total(Env *env, TrainingSet *set, const char *lines, int n_iterations, bool fold_in)
{
	char		text[200];
	TestModel	before;
	TestModel	model;
	const double *weights;
	const float *old_factors;
	const float *factors;
	double		sum = 0;
	int			k;

	snprintf(text, sizeof(text), "%siterations=%d\n", lines, n_iterations - 1);
	before = test_method_open(env, &method_als, text, set);
	snprintf(text, sizeof(text), "%siterations=%d\n", lines, n_iterations);
	model = test_method_open(env, &method_als, text, set);
	weights = weights_of(env, &model);
	old_factors = test_method_section(env, &before, "course_factors", SECTION_FLOAT);
	factors = test_method_section(env, &model, "course_factors", SECTION_FLOAT);
	method_als.course_vector(&model.rec, 0, &k);
	for (int32_t u = 0; u < set->by_user.n_rows; u++)
	{
		History		history = test_method_history(set, u);
		double	   *values = plain_values(&history, model.rec.n_courses, 0, NAN);
		PlainRow	row = {old_factors, model.rec.n_courses, k, weights[0], 1, weights[1], values};
		double	   *x = calloc((size_t) k, sizeof(double));
		float	   *vector = malloc(((size_t) k + 1) * sizeof(float));

		if (!fold_in)
			plain_half_step(&row, x);
		else if (method_als.user_vector(&before.rec, &history, before.scratch, vector) > 0)
			for (int d = 0; d < k; d++)
				x[d] = (double) vector[d];
		row.factors = factors;
		sum += plain_objective(&row, x);
		free(values);
		free(x);
		free(vector);
	}
	for (int i = 0; i < model.rec.n_courses * k; i++)
		sum += weights[1] * factors[i] * factors[i];
	return sum;
}

/* The logged objective is the one of the definition, and never rises; conjugate gradients come as low. */
static void
test_objective(void)
{
	Env		   *env = test_env();
	TrainingSet *set = usual_set(env);
	const char *lines = "factors=6\nsolver=cholesky\ntolerance=0\nregularization=2\n";
	char		text[200];
	TestModel	model;
	double		exact;
	double		cg;

	for (int n = 2; n <= 5; n += 3)
	{
		double		plain = plain_total(env, set, lines, n, false);

		snprintf(text, sizeof(text), "%siterations=%d\n", lines, n);
		exact = train_losses(env, text, set, &model);
		CHECK_EQ_INT(losses.n, n);
		CHECK_NEAR(exact, plain, 1e-5 * plain);
	}
	exact = train_losses(env, "factors=6\nsolver=cholesky\ntolerance=0\niterations=60\nregularization=2\n", set,
						 &model);
	for (int i = 1; i < losses.n; i++)
		CHECK(losses.error[i] + losses.penalty[i] <=
			  (losses.error[i - 1] + losses.penalty[i - 1]) * (1 + 1e-6));
	cg = train_losses(env, "factors=6\nsolver=cg\ntolerance=0\niterations=60\nregularization=2\n", set, &model);
	for (int i = 1; i < losses.n; i++)
		CHECK(losses.error[i] + losses.penalty[i] <=
			  (losses.error[i - 1] + losses.penalty[i - 1]) * (1 + 1e-6));
	CHECK_NEAR(cg, exact, 0.02 * exact);
	test_method_done(env);
}

/* Training stops when the objective has settled, and not before. */
static void
test_tolerance(void)
{
	Env		   *env = test_env();
	TrainingSet *set = usual_set(env);
	TestModel	model;
	int			n;

	train_losses(env, "factors=6\niterations=200\ntolerance=0.001\n", set, &model);
	n = losses.n;
	CHECK(n > 2 && n < 200);
	for (int i = 1; i < n; i++)
	{
		double		now = losses.error[i] + losses.penalty[i];
		double		fall = losses.error[i - 1] + losses.penalty[i - 1] - now;

		CHECK((fall < 0.001 * now) == (i == n - 1));
	}
	test_method_done(env);
}

/* What is left to the data: the mean rating adds 10, and multiples of ratings change nothing but rounding. */
static void
test_default_weights(void)
{
	Env		   *env = test_env();
	TestShape	shape = {KEY_NUMBER, KEY_NUMBER, false, false};
	TestRow    *rows = test_rows(3, 500, 40, 20);
	TrainingSet *set = env_alloc_zero(env, 2, sizeof(TrainingSet));
	TestModel	model;
	TestModel	tenfold;
	double		n_users;
	double		n_courses;
	double		share;
	double		wanted;

	CHECK_EQ_INT(test_set_build(env, shape, rows, 500, 0, &set[0]), RECSYS_OK);
	for (int i = 0; i < 500; i++)
		rows[i].rating *= 8;
	CHECK_EQ_INT(test_set_build(env, shape, rows, 500, 0, &set[1]), RECSYS_OK);
	model = test_method_open(env, &method_als, "factors=4\n", &set[0]);
	tenfold = test_method_open(env, &method_als, "factors=4\n", &set[1]);
	n_users = (double) set->summary.n_users;
	n_courses = (double) set->summary.n_courses;
	share = (double) set->summary.n_ratings / n_users / n_courses;
	wanted = fmin(1.6 * sqrt(11 * share * (1 - share)) * (sqrt(n_users) + sqrt(n_courses)),
				  11 * share * sqrt(n_users * n_courses) / 2);
	CHECK_NEAR(weights_of(env, &model)[0] * set->summary.mean, 10, 1e-9);
	CHECK_NEAR(weights_of(env, &model)[1], wanted, 1e-9);
	CHECK_NEAR(weights_of(env, &tenfold)[1], wanted, 1e-9);
	CHECK(memcmp(test_method_section(env, &model, "course_factors", SECTION_FLOAT),
				 test_method_section(env, &tenfold, "course_factors", SECTION_FLOAT),
				 (size_t) model.rec.n_courses * 4 * sizeof(float)) == 0);
	free(rows);
	test_method_done(env);
}

/* Cosines of course vectors and of user vectors. */
static void
test_cosines(void)
{
	Env		   *env = test_env();
	TrainingSet *set = usual_set(env);
	TestModel	model = test_method_open(env, &method_als, "factors=7\n", set);
	float		a[8];
	float		b[8];

	for (int32_t c = 0; c < model.rec.n_courses; c++)
	{
		CHECK(method_als.similar(&model.rec, c, model.scratch, model.scores));
		for (int32_t other = 0; other < model.rec.n_courses; other++)
		{
			int			k;
			const float *x = method_als.course_vector(&model.rec, c, &k);
			const float *y = method_als.course_vector(&model.rec, other, &k);
			double		dot = 0;
			double		xx = 0;
			double		yy = 0;

			for (int d = 0; x != NULL && y != NULL && d < k; d++)
			{
				dot += (double) x[d] * y[d];
				xx += (double) x[d] * x[d];
				yy += (double) y[d] * y[d];
			}
			CHECK_SCORE(model.scores[other], x == NULL || y == NULL ? NO_OPINION : dot / sqrt(xx * yy));
		}
	}
	for (int32_t u = 0; u + 1 < set->by_user.n_rows; u++)
	{
		History		first = test_method_history(set, u);
		History		second = test_method_history(set, u + 1);
		int			n = method_als.user_vector(&model.rec, &first, model.scratch, a);
		int			m = method_als.user_vector(&model.rec, &second, model.scratch, b);
		double		dot = 0;
		double		xx = 0;
		double		yy = 0;

		for (int d = 0; d < 7; d++)
		{
			dot += (double) a[d] * b[d];
			xx += (double) a[d] * a[d];
			yy += (double) b[d] * b[d];
		}
		CHECK_SCORE(method_als.compare(&model.rec, &first, &second, model.scratch),
					n == 0 || m == 0 ? NO_OPINION : dot / sqrt(xx * yy));
		test_method_scratch(&model);
	}
	test_method_done(env);
}

/* A course with more ratings than one thread takes is solved in parts, to the same result. */
static void
test_long_rows(void)
{
	Env		   *env = test_env();
	int			n_users = 6000;
	int			n = 2 * n_users;
	TestRow    *rows = calloc((size_t) n, sizeof(TestRow));
	TrainingSet *set = env_alloc_zero(env, 1, sizeof(TrainingSet));
	const char *lines = "factors=160\niterations=2\nregularization=5\nalpha=2\nsolver=cholesky\n";
	TestModel	model;

	for (int i = 0; i < n; i++)
		rows[i] = (TestRow) {i / 2, i % 2 == 0 ? 0 : 1 + i / 2 % 50, (float) (i % 3), 0};
	if (test_set_build(env, (TestShape) {KEY_NUMBER, KEY_NUMBER, false, false}, rows, n, 0, set) !=
		RECSYS_OK)
		abort();
	/* (6000 + 80) * 160^2 is more than 4 * 2^25, 4000 * 160^2 is not: see als.c */
	train_losses(env, lines, set, &model);
	CHECK_NEAR(losses.error[1] + losses.penalty[1], plain_total(env, set,
			"factors=160\nregularization=5\nalpha=2\nsolver=cholesky\n", 2, true),
			   1e-4 * losses.error[1]);
	free(rows);
	test_method_done(env);
}

/* Data of which little can be learnt: finite answers or none, never a failure. */
static void
check_degenerate(const TestRow *rows, int n, int n_courses, const char *lines, bool implicit)
{
	Env		   *env = test_env();
	TrainingSet set;
	TestModel	model;

	if (test_set_build(env, (TestShape) {KEY_NUMBER, KEY_NUMBER, false, implicit}, rows, n, n_courses,
					   &set) != RECSYS_OK || trainingset_fingerprint(env, &set) != RECSYS_OK)
		abort();
	model = test_method_open(env, &method_als, lines, &set);
	for (int32_t u = 0; u < set.by_user.n_rows; u++)
	{
		History		history = test_method_history(&set, u);

		check_user(env, &model, history, NAN, 1);
		for (int32_t c = 0; c < model.rec.n_courses; c++)
			CHECK(model.scores[c] == NO_OPINION || isfinite(model.scores[c]));
	}
	test_method_done(env);
}

/* One row, one user, one course, one rating each, equal ratings, only dislikes, unrated courses. */
static void
test_degenerate(void)
{
	static const char *const variants[] = {"", "factors=40\nsolver=cholesky\n", "factors=3\n", "factors=7\nsolver=cg\n"};
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
	for (int v = 0; v < 4; v++)
	{
		check_degenerate(one_user, 1, 0, variants[v], false);
		check_degenerate(one_user, 5, 9, variants[v], false);
		check_degenerate(one_course, 5, 0, variants[v], false);
		check_degenerate(one_each, 5, 0, variants[v], false);
		check_degenerate(one_each, 5, 7, variants[v], true);
		check_degenerate(dislikes, 5, 0, variants[v], false);
		check_degenerate(full, 25, 6, variants[v], true);
	}
}

/* Ratings as large as they may be, and a regularisation of nothing, end in an answer or a clear error. */
static void
test_extremes(void)
{
	Env		   *env = test_env();
	TrainingSet *set = usual_set(env);
	TestModel	model;
	RecsysStatus status;

	status = test_method_train(env, &method_als, "regularization=0\nunobserved_weight=0\nsolver=cholesky\n",
							   set, &model);
	CHECK_EQ_INT(status, RECSYS_NOT_CONVERGED);
	CHECK(strstr(env->hint, "regularization") != NULL);
	for (int64_t e = 0; e < set->by_user.n_entries; e++)
	{
		set->by_user.values[e] *= 2e11f;
		set->by_course.values[e] *= 2e11f;
	}
	status = test_method_train(env, &method_als, "", set, &model);
	CHECK_EQ_INT(status, RECSYS_OK);
	status = test_method_train(env, &method_als, "alpha=1000000\n", set, &model);
	CHECK(status == RECSYS_OK || status == RECSYS_NOT_CONVERGED);
	test_method_done(env);
}

/* Threads, memory, interrupts and the estimate, for each way to train. */
static void
test_training(void)
{
	static const char *const variants[] = {"iterations=2\nfactors=33\n", "iterations=2\nfactors=10\n",
		"iterations=2\nfactors=33\nsolver=cholesky\n", "iterations=2\nfactors=16\nhalf_life=100000\n"};
	Env		   *env = test_env();
	TrainingSet *set = usual_set(env);
	TrainingSet *large = random_set(env, 2, 40000, 3000, 400,
									(TestShape) {KEY_NUMBER, KEY_NUMBER, true, false});

	for (int v = 0; v < 4; v++)
	{
		test_method_threads(env, &method_als, variants[v], set);
		test_method_interrupts(env, &method_als, variants[v], set);
		test_method_memory(env, &method_als, variants[v], set);
		test_method_estimate(env, &method_als, variants[v], large, 0.8);
	}
	test_method_threads(env, &method_als, "iterations=1\nfactors=64\n", large);
	test_method_done(env);
}

/* Numbers that no training writes are refused. */
static void
test_forged(void)
{
	Env		   *env = test_env();
	TrainingSet *set = usual_set(env);
	TestModel	model = test_method_open(env, &method_als, "factors=5\n", set);

	CHECK_EQ_INT(test_method_forge(env, &model, "course_factors", SECTION_FLOAT, 7, NAN), RECSYS_CORRUPT);
	CHECK_EQ_INT(test_method_forge(env, &model, "course_factors", SECTION_FLOAT, 7, 1), RECSYS_OK);
	CHECK_EQ_INT(test_method_forge(env, &model, "gram", SECTION_FLOAT, 0, INFINITY), RECSYS_CORRUPT);
	CHECK_EQ_INT(test_method_forge(env, &model, "gram", SECTION_FLOAT, 0, 9), RECSYS_OK);
	CHECK_EQ_INT(test_method_forge(env, &model, "whitener", SECTION_FLOAT, 24, NAN), RECSYS_CORRUPT);
	CHECK_EQ_INT(test_method_forge(env, &model, "whitener", SECTION_FLOAT, 24, 1), RECSYS_OK);
	CHECK_EQ_INT(test_method_forge(env, &model, "weights", SECTION_DOUBLE, 0, -1), RECSYS_CORRUPT);
	CHECK_EQ_INT(test_method_forge(env, &model, "weights", SECTION_DOUBLE, 0, 1e300), RECSYS_CORRUPT);
	CHECK_EQ_INT(test_method_forge(env, &model, "weights", SECTION_DOUBLE, 0, 1), RECSYS_OK);
	test_method_done(env);
}

/* A Gram matrix that is not positive definite leaves no opinion. */
static void
test_forged_gram(void)
{
	Env		   *env = test_env();
	TrainingSet *set = usual_set(env);
	TestModel	model = test_method_open(env, &method_als, "factors=5\n", set);

	CHECK_EQ_INT(test_method_forge(env, &model, "gram", SECTION_FLOAT, 0, -1e30), RECSYS_OK);
	test_method_score(env, &model, test_method_history(set, 0));
	for (int32_t c = 0; c < model.rec.n_courses; c++)
		CHECK(model.scores[c] == NO_OPINION);
	test_method_reasons(&model, test_method_history(set, 0));
	test_method_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN_ALONE(test_fold_in);
	RUN_ALONE(test_woodbury);
	RUN_ALONE(test_objective);
	RUN_ALONE(test_tolerance);
	RUN_ALONE(test_default_weights);
	RUN_ALONE(test_cosines);
	RUN_ALONE(test_long_rows);
	RUN_ALONE(test_degenerate);
	RUN_ALONE(test_extremes);
	RUN(test_training);
	RUN_ALONE(test_forged);
	RUN_ALONE(test_forged_gram);
	return unit_done();
}
