/*
 * test_nmf.c: method nmf against plain versions on dense matrices in double.
 *
 * The file of the method is a part of this one, under another name, so that the factors of the users,
 * which no model holds, can be compared as well.
 */
#define method_nmf nmf_inside
#include "../../src/core/methods/nmf.c"
#undef method_nmf

#include "random_set.h"

extern const Method method_nmf;

#define MAX_LOSSES 1000

/* The losses logged by a training. */
static double losses[MAX_LOSSES];
static int	n_losses;

/* Keeps a loss. */
static void
keep_loss(int iteration, const char *term, double value, void *ctx)
{
	(void) ctx;
	CHECK_EQ_INT(iteration, n_losses + 1);
	CHECK(strcmp(term, "objective") == 0);
	if (n_losses < MAX_LOSSES)
		losses[n_losses++] = value;
}

/* The cells as the objective sees them: weight 0 for one that does not count. */
typedef struct Dense
{
	int			n_users;
	int			n_courses;
	double	   *value;
	double	   *weight;
	double		mean;
} Dense;

/* The cells of a set. */
static Dense
dense_cells(const TrainingSet *set, bool missing, bool ageing)
{
	const Csr  *csr = &set->by_user;
	Dense		d = {csr->n_rows, csr->n_cols, NULL, NULL, 0};
	double		offset = set->summary.min < 0 ? set->summary.min : 0;
	double		weights = 0;
	int			n = d.n_users * d.n_courses;

	d.value = calloc((size_t) n, sizeof(double));
	d.weight = calloc((size_t) n, sizeof(double));
	for (int i = 0; i < n; i++)
		d.weight[i] = !missing;
	for (int u = 0; u < d.n_users; u++)
		for (int64_t e = csr->offsets[u]; e < csr->offsets[u + 1]; e++)
		{
			int			i = u * d.n_courses + csr->indexes[e];
			double		age = plain_age(set, csr->times[e], ageing ? HALF_LIFE : NAN);

			d.value[i] = missing ? csr->values[e] - offset : age * fmax(0, csr->values[e]);
			d.weight[i] = missing ? age : 1;
		}
	for (int i = 0; i < n; i++)
	{
		d.mean += d.weight[i] * d.value[i];
		weights += d.weight[i];
	}
	d.mean /= weights;
	return d;
}

/* Frees it. */
static void
dense_free(Dense *d)
{
	free(d->value);
	free(d->weight);
}

/* One half of an iteration on rows of own: coordinate descent as the header of nmf.c has it. */
static void
plain_half(const Dense *d, bool users, int k, double l1, double l2, double *own, const double *other)
{
	int			n = users ? d->n_users : d->n_courses;
	int			m = users ? d->n_courses : d->n_users;

	for (int r = 0; r < n; r++)
		for (int s = 0; s < k; s++)
		{
			double		gradient = 0;
			double		curvature = 0;
			double		cells = 0;

			for (int c = 0; c < m; c++)
			{
				int			cell = users ? r * m + c : c * n + r;
				double		product = 0;

				for (int i = 0; i < k; i++)
					product += own[r * k + i] * other[c * k + i];
				gradient += d->weight[cell] * (product - d->value[cell]) * other[c * k + s];
				curvature += d->weight[cell] * other[c * k + s] * other[c * k + s];
				cells += d->weight[cell];
			}
			gradient += cells * (l1 + l2 * own[r * k + s]);
			curvature += cells * l2;
			if (curvature > 0)
				own[r * k + s] = fmax(0, own[r * k + s] - gradient / curvature);
		}
}

/* The penalty of one side. */
static double
plain_penalty(const Dense *d, bool users, int k, double l1, double l2, const double *own)
{
	int			n = users ? d->n_users : d->n_courses;
	int			m = users ? d->n_courses : d->n_users;
	double		penalty = 0;

	for (int r = 0; r < n; r++)
	{
		double		cells = 0;

		for (int c = 0; c < m; c++)
			cells += d->weight[users ? r * m + c : c * n + r];
		for (int s = 0; s < k; s++)
			penalty += cells * own[r * k + s] * (l1 + 0.5 * l2 * own[r * k + s]);
	}
	return penalty;
}

/* The objective over all cells. */
static double
plain_objective(const Dense *d, int k, double l1, double l2, const double *w, const double *h)
{
	double		value = plain_penalty(d, true, k, l1, l2, w) + plain_penalty(d, false, k, l1, l2, h);

	for (int u = 0; u < d->n_users; u++)
		for (int c = 0; c < d->n_courses; c++)
		{
			double		error = d->value[u * d->n_courses + c];

			for (int i = 0; i < k; i++)
				error -= w[u * k + i] * h[c * k + i];
			value += 0.5 * d->weight[u * d->n_courses + c] * error * error;
		}
	return value;
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

/* Floats as large as the doubles, to a tolerance. */
static void
check_same(const float *got, const double *expected, int n)
{
	for (int i = 0; i < n; i++)
		CHECK_NEAR(got[i], expected[i], 2e-3 * (1 + fabs(expected[i])));
}

/* Three iterations of the method and of the plain version from the same start: same factors, same objective. */
static void
check_iterations(const char *lines, bool missing, bool ageing, bool dislikes)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 5, 260, 23, 14, dislikes);
	NmfParams  *params = test_method_params(env, &method_nmf, lines);
	Dense		d = dense_cells(set, missing, ageing);
	NmfFit		fit = {0};
	int			k = (int) params->factors;
	double		regularization = params->regularization;
	double	   *w;
	double	   *h;

	env->loss = keep_loss;
	n_losses = 0;
	CHECK_EQ_INT(fit_init(env, params, set, &fit), RECSYS_OK);
	w = as_doubles(fit.users.own, d.n_users * k);
	h = as_doubles(fit.courses.own, d.n_courses * k);
	CHECK_EQ_INT(iterate(env, params, &fit), RECSYS_OK);
	CHECK_EQ_INT(n_losses, 3);
	if (isnan(regularization))
		regularization = (missing ? 0.04 : 0.2) * d.mean;
	CHECK_NEAR(fit.regularization, regularization, 1e-6);
	for (int i = 0; i < n_losses; i++)
	{
		double		l1 = regularization * params->l1_ratio;
		double		expected;

		plain_half(&d, true, k, l1, regularization - l1, w, h);
		plain_half(&d, false, k, l1, regularization - l1, h, w);
		expected = plain_objective(&d, k, l1, regularization - l1, w, h);
		CHECK_NEAR(losses[i], expected, 1e-4 * expected);
	}
	check_same(fit.users.own, w, d.n_users * k);
	check_same(fit.courses.own, h, d.n_courses * k);
	free(w);
	free(h);
	dense_free(&d);
	test_method_done(env);
}

/* Every mode and penalty. */
static void
test_iterations(void)
{
	check_iterations("iterations=3\nfactors=4\nregularization=0\n", false, false, false);
	check_iterations("iterations=3\nfactors=4\n", false, false, true);
	check_iterations("iterations=3\nfactors=7\nregularization=0.02\nl1_ratio=0.4\n", false, false, false);
	check_iterations("iterations=3\nfactors=4\nhalf_life=172800\n", false, true, false);
	check_iterations("iterations=3\nfactors=4\nunobserved=missing\n", true, false, false);
	check_iterations("iterations=3\nfactors=3\nunobserved=missing\nregularization=0.2\nl1_ratio=0.5\n", true,
					 false, true);
	check_iterations("iterations=3\nfactors=4\nunobserved=missing\nhalf_life=172800\n", true, true, true);
}

/* The objective never rises, and the last iteration is the first that meets the tolerance. */
static void
check_descent(const char *lines, bool stops)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 6, 900, 60, 30, false);

	env->loss = keep_loss;
	n_losses = 0;
	test_method_open(env, &method_nmf, lines, set);
	CHECK(stops ? n_losses < 400 : n_losses == 400);
	CHECK(n_losses > 5);
	for (int i = 1; i < n_losses; i++)
		if (!(losses[i] <= losses[i - 1] + 1e-5 * losses[0]))
			UNIT_FAIL("%s: iteration %d raises the objective from %.9g to %.9g", lines, i + 1, losses[i - 1],
					  losses[i]);
	test_method_done(env);
}

/* Descent in every mode. */
static void
test_descent(void)
{
	check_descent("iterations=400\nfactors=5\ntolerance=0.01\n", true);
	check_descent("iterations=400\nfactors=5\nregularization=0\ntolerance=0\n", false);
	check_descent("iterations=400\nfactors=5\nregularization=0.05\nl1_ratio=1\ntolerance=0\n", false);
	check_descent("iterations=400\nfactors=5\nunobserved=missing\ntolerance=0.01\n", true);
	check_descent("iterations=400\nfactors=40\nunobserved=missing\ntolerance=0\n", false);
}

/* The user's factors by projected gradient descent on the plain problem with the model's course factors. */
static void
plain_fold_in(const Dense *d, int u, int k, double l1, double l2, const double *h, double *w)
{
	double		step = 0;

	for (int i = 0; i < d->n_courses * k; i++)
		step += h[i] * h[i];
	step = 1 / (step + l2 * d->n_courses);
	for (int i = 0; i < k; i++)
		w[i] = 0;
	for (int t = 0; t < 20000; t++)
	{
		double		gradient[16] = {0};

		for (int c = 0; c < d->n_courses; c++)
		{
			double		weight = d->weight[u * d->n_courses + c];
			double		error = -d->value[u * d->n_courses + c];

			for (int i = 0; i < k; i++)
				error += w[i] * h[c * k + i];
			for (int i = 0; i < k; i++)
				gradient[i] += weight * (error * h[c * k + i] + l1 + l2 * w[i]);
		}
		for (int i = 0; i < k; i++)
			w[i] = fmax(0, w[i] - step * gradient[i]);
	}
}

/* Scores, predictions and the user's vector of a model, for all users. */
static void
check_serving(const char *lines, bool missing, bool ageing, bool dislikes)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 8, 200, 20, 14, dislikes);
	TestModel	model = test_method_open(env, &method_nmf, lines, set);
	const NmfParams *params = model.rec.params;
	Dense		d = dense_cells(set, missing, ageing);
	int			k = (int) params->factors;
	double		offset = missing && dislikes ? -2 : 0;
	double	   *h = calloc((size_t) (d.n_courses * k), sizeof(double));
	double		w[16];
	int			n_scored = 0;

	for (int c = 0; c < d.n_courses; c++)
		for (int i = 0; i < k; i++)
			h[c * k + i] = method_nmf.course_vector(&model.rec, c, &(int) {0})[i];
	for (int u = 0; u < d.n_users; u++)
	{
		History		history = test_method_history(set, u);
		const float *scores = test_method_score(env, &model, history);

		plain_fold_in(&d, u, k, params->regularization * params->l1_ratio,
					  params->regularization * (1 - params->l1_ratio), h, w);
		for (int c = 0; c < d.n_courses; c++)
		{
			double		product = 0;
			double		rating = method_nmf.predict(&model.rec, &history, c, model.scratch);

			test_method_scratch(&model);
			for (int i = 0; i < k; i++)
				product += w[i] * h[c * k + i];
			if (!missing)
				CHECK(isnan(rating));
			else if (product > 1e-3)
				CHECK_NEAR(rating, product + offset, 2e-3 * (1 + fabs(product)));
			if (product < 1e-3 || (missing && model.rec.course_counts[c] < params->min_ratings))
				CHECK(scores[c] == NO_OPINION || fabsf(scores[c]) < 2e-3);
			else
			{
				CHECK_NEAR(scores[c], product + offset, 2e-3 * (1 + fabs(product)));
				n_scored++;
			}
		}
	}
	CHECK(n_scored > 50);
	free(h);
	dense_free(&d);
	test_method_done(env);
}

/* Fold-in in every mode. */
static void
test_serving(void)
{
	check_serving("factors=4\nregularization=0.01\n", false, false, true);
	check_serving("factors=4\nregularization=0.01\nl1_ratio=0.5\nhalf_life=172800\n", false, true, false);
	check_serving("factors=4\nunobserved=missing\nregularization=0.2\nmin_ratings=8\n", true, false, true);
	check_serving("factors=4\nunobserved=missing\nregularization=0.2\nl1_ratio=0.3\nmin_ratings=0\nhalf_life=172800\n",
				  true, true, false);
}

/* The fold-in of a training history is where the optimiser left the user's own factors. */
static void
test_own_factors(void)
{
	static const char *const lines[] = {
		"factors=4\nregularization=0.01\niterations=3000\ntolerance=0\n",
		"factors=4\nregularization=0.1\nunobserved=missing\niterations=3000\ntolerance=0\n"
	};

	for (int i = 0; i < 2; i++)
	{
		Env		   *env = test_env();
		TrainingSet *set = random_set(env, 8, 200, 20, 14, false);
		TestModel	model = test_method_open(env, &method_nmf, lines[i], set);
		const NmfParams *params = model.rec.params;
		NmfFit		fit = {0};

		CHECK_EQ_INT(fit_init(env, params, set, &fit), RECSYS_OK);
		CHECK_EQ_INT(iterate(env, params, &fit), RECSYS_OK);
		for (int u = 0; u < set->by_user.n_rows; u++)
		{
			History		history = test_method_history(set, u);
			float		out[5];

			CHECK_EQ_INT(method_nmf.user_vector(&model.rec, &history, model.scratch, out), 4);
			for (int s = 0; s < 4; s++)
				CHECK_NEAR(out[s], fit.users.own[u * 4 + s], 5e-3 * (1 + out[s]));
		}
		test_method_done(env);
	}
}

/* Cosines of the course factors; nothing like a course without ratings. */
static void
test_similar(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 9, 200, 20, 40, false);
	TestModel	model = test_method_open(env, &method_nmf, "factors=6\n", set);

	for (int c = 0; c < 40; c++)
	{
		CHECK(method_nmf.similar(&model.rec, c, model.scratch, model.scores));
		for (int other = 0; other < 40; other++)
		{
			if (model.rec.course_counts[c] == 0 || model.rec.course_counts[other] == 0)
				CHECK(model.scores[other] == NO_OPINION);
			else if (other != c && model.scores[other] != NO_OPINION)
				CHECK(model.scores[other] > 0 && model.scores[other] <= 1.00001f);
		}
	}
	test_method_done(env);
}

/* Scores are never NaN or below 0, and predictions finite or NaN, whatever the data. */
static void
check_degenerate(const TestRow *rows, int n, int n_courses, bool implicit)
{
	static const char *const lines[] = {"", "unobserved=missing\n", "regularization=0\n",
	"unobserved=missing\nregularization=0\nmin_ratings=0\n", "l1_ratio=1\n"};

	for (int i = 0; i < 5; i++)
	{
		Env		   *env = test_env();
		TrainingSet *set = small_set(env, rows, n, n_courses, implicit);
		TestModel	model = test_method_open(env, &method_nmf, lines[i], set);
		double		least = set->summary.min < 0 ? set->summary.min : 0;

		for (int u = 0; u <= set->by_user.n_rows; u++)
		{
			History		history = {.group = -1};

			if (u < set->by_user.n_rows)
				history = test_method_history(set, u);
			test_method_score(env, &model, history);
			for (int c = 0; c < model.rec.n_courses; c++)
			{
				double		rating = recommender_predict(&model.rec, &history, c, model.scratch);

				CHECK(model.scores[c] == NO_OPINION || (isfinite(model.scores[c]) && model.scores[c] >= least));
				CHECK(isfinite(rating));
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
	static const TestRow large[] = {{1, 0, 1e12f, 0}, {1, 1, -1e12f, 0}, {2, 1, 1e12f, 0}, {2, 2, 1, 0}};

	check_degenerate(one, 1, 1, false);
	check_degenerate(one, 1, 5, false);
	check_degenerate(each, 3, 4, false);
	check_degenerate(each, 3, 4, true);
	check_degenerate(user, 3, 3, false);
	check_degenerate(course, 3, 1, false);
	check_degenerate(zeros, 3, 3, false);
	check_degenerate(negative, 3, 2, false);
	check_degenerate(thumbs, 5, 3, false);
	check_degenerate(large, 4, 3, false);
}

/* Constant ratings are worth a warning where only the ratings count, and none where every pair does. */
static void
test_warnings(void)
{
	check_warnings(&method_nmf, "unobserved=missing\n", "");
}

/* Training with everything that can happen to it. */
static void
test_contract(void)
{
	static const char *const lines[] = {"iterations=2\n", "iterations=2\nunobserved=missing\n",
	"iterations=2\nhalf_life=172800\nl1_ratio=0.5\n", "iterations=2\nhalf_life=172800\nunobserved=missing\n"};

	check_promises(&method_nmf, lines, 4);
}

/* A number that is not finite is found when the model is opened. */
static void
test_damaged(void)
{
	for (int at = 0; at < 2; at++)
	{
		check_damaged(&method_nmf, "", "course_factors", SECTION_FLOAT, at);
		check_damaged(&method_nmf, "", "gram", SECTION_FLOAT, at);
		check_damaged(&method_nmf, "", "objective", SECTION_DOUBLE, at);
	}
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN_ALONE(test_iterations);
	RUN_ALONE(test_descent);
	RUN_ALONE(test_serving);
	RUN_ALONE(test_own_factors);
	RUN_ALONE(test_similar);
	RUN_ALONE(test_degenerate);
	RUN_ALONE(test_warnings);
	RUN(test_contract);
	RUN_ALONE(test_damaged);
	return unit_done();
}
