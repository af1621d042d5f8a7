/*
 * test_svd_movielens.c: accuracy of methods bias and svd on MovieLens 100k.
 *
 * See test_movielens.h for the data. The bounds are for the mean over the official folds u1 to u5, which
 * RECSYS_FOLDS=5 runs; alone, the first fold, the hardest, has its own. The parameters are the defaults,
 * chosen on a tenth of each fold's training rows.
 */
#include "core/methods/methods.h"
#include "core/svd_common.h"
#include "core/svd_ridge.h"
#include "test_movielens.h"

/* Sum of the squared errors of the clipped scores of one user, which are ratings; rows are its held-out ones. */
static double
user_errors(Env *env, TestModel *model, const TrainingSet *set, const TestRow *rows, int n)
{
	History		history = movielens_history(set, rows[0].user);
	double		squares = 0;

	test_method_score(env, model, history);
	for (int i = 0; i < n; i++)
	{
		int32_t		course = recommender_find(&model->rec, (Key) {.number = rows[i].course});
		double		rating = history.n == 0 || course == IDMAP_NONE ?
			recommender_predict(&model->rec, &history, course, model->scratch) :
			fmin(fmax(model->scores[course], 1), 5);

		squares += pow(rating - rows[i].rating, 2);
	}
	return squares;
}

/* RMSE on one official fold, with one fold-in a user; lines: with min_ratings 0. */
static double
fold_rmse(const Method *method, const char *lines, int fold)
{
	Env		   *env = test_env();
	MovielensSplit split = movielens_fold(env, fold);
	MovielensRows test = split.test;
	TestModel	model;
	double		squares = 0;

	env->n_threads = 2;
	model = test_method_open(env, method, lines, split.set);
	for (int i = 0, end; i < test.n; i = end)
	{
		for (end = i; end < test.n && test.rows[end].user == test.rows[i].user; end++)
			continue;
		squares += user_errors(env, &model, split.set, test.rows + i, end - i);
	}
	free(test.rows);
	test_method_done(env);
	return sqrt(squares / test.n);
}

/* Mean error over the folds is at most that. */
static void
check_rmse(const Method *method, const char *lines, double most_first, double most_mean)
{
	int			n_folds = movielens_n_folds();
	double		sum = 0;
	char		text[200];

	snprintf(text, sizeof(text), "%smin_ratings=0\n", lines);
	for (int fold = 1; fold <= n_folds; fold++)
		sum += fold_rmse(method, text, fold);
	printf("# %s %.*s: RMSE %.4f over %d folds\n", method->name, (int) strcspn(lines, "\n"), lines,
		   sum / n_folds, n_folds);
	CHECK(sum / n_folds <= (n_folds == 1 ? most_first : most_mean));
}

/* Both solvers find the usual baseline. */
static void
test_bias(void)
{
	check_rmse(&method_bias, "", 0.9620, 0.9477);
	check_rmse(&method_bias, "solver=lbfgs\n", 0.9620, 0.9477);
}

/* Factors. */
static void
test_svd(void)
{
	check_rmse(&method_svd, "", 0.932, 0.917);
	/* Fewer factors when time is short. */
	check_rmse(&method_svd, movielens_n_folds() == 1 ? "solver=als\nfactors=16\n" : "solver=als\n", 0.940,
			   0.918);
	check_rmse(&method_svd, "implicit_terms=true\n", 0.923, 0.908);
}

/* The rating that a row of the user (factors, bias) gives a course. */
static double
rating_of(const SvdFactors *model, const float *user, double bias, int32_t course)
{
	const float *row = model->course_factors + (int64_t) course * model->stride;
	double		rating = bias + (double) model->course_bias[course];

	for (int f = 0; f < model->factors; f++)
		rating += (double) user[f] * row[f];
	return fmin(fmax(model->mean + model->deviation * rating, 1), 5);
}

/* z of a user, zero without implicit terms. */
static void
sum_implicit(const SvdFactors *model, const RidgeRatings *ratings, float *z)
{
	for (int f = 0; f < model->factors; f++)
	{
		z[f] = 0;
		for (int64_t i = 0; model->implicit != NULL && i < ratings->n; i++)
			z[f] += model->implicit[ratings->indexes[i] * model->stride + f] /
				sqrtf((float) ratings->n);
	}
}

/* Errors of the solver's own users and of the folded-in ones, on the held-out rows of the first fold. */
static void
check_fold_in(RecsysStatus (*fit) (Env *, const TrainingSet *, const SvdOptions *, SvdFactors *))
{
	Env		   *env = test_env();
	MovielensSplit split = movielens_fold(env, 1);
	MovielensRows test = split.test;
	TrainingSet *set = split.set;
	SvdOptions	options = {64, 40, 0.02, 0.1, 0.01, 0.1, 1e-4, NAN, 42};	/* the defaults */
	RidgeWork	work = ridge_work(64, env_alloc(env, 1, ridge_work(64, NULL).bytes));
	SvdFactors	model;
	double		own = 0;
	double		folded = 0;
	float		z[65];
	float		user[65];
	float		trained[65];
	int64_t		known = -1;		/* whose vectors these are */

	CHECK_EQ_INT(fit(env, set, &options, &model), RECSYS_OK);
	for (int i = 0; i < test.n; i++)
	{
		int32_t		u = idmap_find(&set->users, (Key) {.number = test.rows[i].user});
		int32_t		c = idmap_find(&set->courses, (Key) {.number = test.rows[i].course});
		History		history = movielens_history(set, test.rows[i].user);
		RidgeRatings ratings = {history.n, history.courses, history.ratings, NULL};
		RidgeSide	side = {64, model.stride, model.course_factors, model.course_bias, z, model.mean,
		model.deviation, options.regularization, NAN, 0, 0};

		if (u == IDMAP_NONE || c == IDMAP_NONE)
			continue;
		if (test.rows[i].user != known)
		{
			sum_implicit(&model, &ratings, z);
			ridge_solve(&side, &ratings, &work, user);
		}
		for (int f = 0; test.rows[i].user != known && f < 64; f++)
		{
			user[f] += z[f];
			trained[f] = model.user_factors[(int64_t) u * model.stride + f] + z[f];
		}
		known = test.rows[i].user;
		own += pow(rating_of(&model, trained, (double) model.user_bias[u], c) - test.rows[i].rating, 2);
		folded += pow(rating_of(&model, user, (double) user[64], c) - test.rows[i].rating, 2);
	}
	own = sqrt(own / test.n);
	folded = sqrt(folded / test.n);
	printf("# RMSE of trained users %.4f, folded in %.4f\n", own, folded);
	CHECK_NEAR(folded, own, 0.003);
	free(test.rows);
	env_free_all(env);
	test_env_done(env);
}

/* The solvers by gradient descent; alternating least squares, whose users are folded in, when there is time. */
static void
test_fold_in(void)
{
	check_fold_in(svd_fit_sgd);
	check_fold_in(svd_fit_implicit);
	if (movielens_n_folds() == 5)
		check_fold_in(svd_fit_als);
}

/* By predicted rating: worse than by popularity (.25 on this split), and far worse without min_ratings. */
static void
test_ranking(void)
{
	static const char *const lines[] = {"", "min_ratings=0\n", "implicit_terms=true\n"};
	int			n = movielens_n_folds() == 5 ? 4 : 2;
	double		ndcg[4] = {0};

	for (int i = 0; i < n; i++)
	{
		Env		   *env = test_env();
		MovielensSplit split = movielens_quarter(env);
		TestModel	model = i == 3 ? test_method_open(env, &method_bias, "", split.set) :
			test_method_open(env, &method_svd, lines[i], split.set);

		ndcg[i] = movielens_ndcg(&model, &split, movielens_method_score);
		free(split.test.rows);
		test_method_done(env);
	}
	printf("# nDCG@10: svd %.4f, without min_ratings %.4f\n", ndcg[0], ndcg[1]);
	CHECK(ndcg[0] > 1.5 * ndcg[1] && ndcg[0] > 0.15);
	if (n == 4)
	{
		printf("# nDCG@10: svd with implicit_terms %.4f, bias %.4f\n", ndcg[2], ndcg[3]);
		CHECK(ndcg[2] > 0.15 && ndcg[3] > 0.1);
	}
}

/* Runs all tests of this file. */
int
main(void)
{
	if (!movielens_present())
		return 0;
	RUN(test_bias);
	RUN(test_svd);
	RUN(test_fold_in);
	RUN(test_ranking);
	return unit_done();
}
