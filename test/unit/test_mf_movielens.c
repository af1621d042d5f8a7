/*
 * test_mf_movielens.c: method mf on MovieLens 100k: the losses of a published exercise in matrix
 * factorization, and the fold-in beside the optimiser's own factors.
 *
 * The file of the method is a part of this one, under another name, for the latter.
 */
#define method_mf mf_inside
#include "../../src/core/methods/mf.c"
#undef method_mf

#include "test_movielens.h"

extern const Method method_mf;

#define TERMS 5

/* The last loss logged of each term. */
static const char *const term_names[TERMS] = {"observed", "regularization", "gravity", "holdout", "total"};
static double logged[TERMS];

/* Keeps a loss. */
static void
keep_loss(int iteration, const char *term, double value, void *ctx)
{
	(void) iteration;
	(void) ctx;
	for (int t = 0; t < TERMS; t++)
		if (strcmp(term, term_names[t]) == 0)
			logged[t] = value;
}

/* Trains on all ratings but the tenth that is held out. */
static void
train_all(const char *lines)
{
	Env		   *env = test_env();
	TrainingSet *set = movielens_set(env, "u.data", false);

	env->n_threads = 2;
	env->loss = keep_loss;
	test_method_open(env, &method_mf, lines, set);
	printf("# observed %.4f, regularization %.4f, gravity %.4f, held out %.4f\n", logged[0], logged[1], logged[2],
		   logged[3]);
	test_method_done(env);
}

/* 30 factors, no penalty: train error .356. */
static void
test_plain(void)
{
	train_all("factors=30\ninit_std_dev=0.05\nlearning_rate=10\niterations=1000\nholdout=0.1\nregularization=0\n");
	CHECK_NEAR(logged[0], 0.356, 0.01);
	CHECK_NEAR(logged[3], 0.98, 0.05);
}

/* 35 factors with both penalties: 1.00, .853 and 1.315. */
static void
test_penalties(void)
{
	train_all("factors=35\ninit_std_dev=0.05\nlearning_rate=20\niterations=2000\nholdout=0.1\nregularization=0.1\n"
			  "gravity=1\n");
	CHECK_NEAR(logged[0], 1.00, 0.01);
	CHECK_NEAR(logged[1], 0.853, 0.01);
	CHECK_NEAR(logged[2], 1.315, 0.01);
	CHECK_NEAR(logged[3], 2.475, 0.1);
}

/* Held-out error of the optimiser's own factors; the baseline where a course has no rating. */
static double
own_rmse(const TestModel *model, const MfFit *fit, const MovielensSplit *split)
{
	size_t		k = (size_t) fit->k;
	double		squares = 0;

	for (int i = 0; i < split->test.n; i++)
	{
		const TestRow *row = split->test.rows + i;
		int32_t		u = idmap_find(&split->set->users, (Key) {.number = row->user});
		History		history = movielens_history(split->set, row->user);
		int32_t		course = recommender_find(&model->rec, (Key) {.number = row->course});
		double		rating = recommender_baseline(&model->rec, &history, course);

		if (course != IDMAP_NONE)
			rating = vector_dot(fit->users.now + (size_t) u * k, fit->courses.now + (size_t) course * k, fit->k);
		squares += pow(fmin(5, fmax(1, rating)) - row->rating, 2);
	}
	return sqrt(squares / split->test.n);
}

/* The fold-in and the optimiser's own factors on the first official fold. */
static void
check_fold_in(const char *lines, double most_rmse, double tolerance)
{
	Env		   *env = test_env();
	MovielensSplit split = movielens_fold(env, 1);
	TestModel	model;
	MfFit		fit = {0};
	double		fold_in;
	double		own;

	env->n_threads = 2;
	model = test_method_open(env, &method_mf, lines, split.set);
	CHECK_EQ_INT(fit_init(env, model.rec.params, split.set, &fit), RECSYS_OK);
	CHECK_EQ_INT(descend(env, model.rec.params, &fit), RECSYS_OK);
	fold_in = movielens_rmse(&model, &split);
	own = own_rmse(&model, &fit, &split);
	printf("# RMSE u1: %.4f, with the optimiser's own factors %.4f\n", fold_in, own);
	CHECK(fold_in <= most_rmse);
	CHECK(fold_in <= own + tolerance);
	free(split.test.rows);
	test_method_done(env);
}

/* With the defaults as good as the own factors; without regularization hardly worse. */
static void
test_fold_in(void)
{
	check_fold_in("", 0.98, 0.003);
	check_fold_in("factors=30\nlearning_rate=10\nregularization=0\niterations=1000\n", 1.05, 0.005);
}

/* Runs all tests of this file. */
int
main(void)
{
	if (!movielens_present())
		return 0;
	RUN(test_plain);
	RUN(test_penalties);
	RUN(test_fold_in);
	return unit_done();
}
