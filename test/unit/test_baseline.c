/*
 * test_baseline.c: biases against a naive version and against the error published for MovieLens.
 */
#include "core/baseline.h"
#include "test_env.h"
#include "test_set.h"
#include "unit.h"

#define N_USERS 70
#define N_COURSES 20

static const TestShape shape = {KEY_NUMBER, KEY_NUMBER, false, false};

/* The same sweeps over all pairs of a dense matrix (NaN: no rating), in double. */
static void
naive_fit(double mean, double ratings[N_USERS][N_COURSES], double *course_bias, double *user_bias)
{
	for (int sweep = 0; sweep < 10; sweep++)
	{
		for (int c = 0; c < N_COURSES; c++)
		{
			double		sum = 0;
			int			n = 0;

			for (int u = 0; u < N_USERS; u++)
				if (!isnan(ratings[u][c]))
					sum += ratings[u][c] - mean - user_bias[u], n++;
			course_bias[c] = sum / (10 + n);
		}
		for (int u = 0; u < N_USERS; u++)
		{
			double		sum = 0;
			int			n = 0;

			for (int c = 0; c < N_COURSES; c++)
				if (!isnan(ratings[u][c]))
					sum += ratings[u][c] - mean - course_bias[c], n++;
			user_bias[u] = sum / (15 + n);
		}
	}
}

/* Rows with many cells of users x courses, all distinct, and the same as a matrix. */
static int
make_rows(TestRow *rows, double ratings[N_USERS][N_COURSES])
{
	Rng			rng;
	int			n = 0;

	rng_seed(&rng, 8, 0);
	for (int u = 0; u < N_USERS; u++)
	{
		for (int c = 0; c < N_COURSES; c++)
		{
			ratings[u][c] = NAN;
			if (c > 0 && (c == u % N_COURSES || rng_below(&rng, 8) > 0))
			{
				rows[n] = (TestRow) {u, c, (float) (c < 4 ? 1 : 2 + rng_below(&rng, 4)), 0};
				ratings[u][c] = rows[n++].rating;
			}
			else if (c == 1)
			{
				rows[n] = (TestRow) {u, c, 2, 0};	/* every user has a rating */
				ratings[u][c] = 2;
				n++;
			}
		}
	}
	return n;
}

/* All biases agree with the naive version; a course without ratings has none. */
static void
test_oracle(void)
{
	static TestRow rows[N_USERS * N_COURSES];
	static double ratings[N_USERS][N_COURSES];
	double		expected_course[N_COURSES] = {0};
	double		expected_user[N_USERS] = {0};
	float		course_bias[N_COURSES];
	float		user_bias[N_USERS];
	Env		   *env = test_env();
	TrainingSet set;
	int			n = make_rows(rows, ratings);

	CHECK_EQ_INT(test_set_build(env, shape, rows, n, N_COURSES, &set), RECSYS_OK);
	CHECK_EQ_INT(set.by_user.n_rows, N_USERS);
	CHECK_EQ_INT(baseline_fit(env, &set, course_bias, user_bias), RECSYS_OK);
	naive_fit(set.summary.mean, ratings, expected_course, expected_user);
	for (int c = 0; c < N_COURSES; c++)
		CHECK_NEAR(course_bias[c], expected_course[c], 1e-6);
	for (int u = 0; u < N_USERS; u++)
	{
		int64_t		start = set.by_user.offsets[u];

		CHECK_NEAR(user_bias[u], expected_user[u], 1e-6);
		CHECK_NEAR(baseline_user_bias(set.summary.mean, course_bias,
									  (int32_t) csr_row_length(&set.by_user, u),
									  set.by_user.indexes + start, set.by_user.values + start),
				   expected_user[u], 1e-6);
	}
	CHECK(course_bias[0] == 0);
	CHECK(baseline_user_bias(3, course_bias, 0, NULL, NULL) == 0);
	trainingset_free(env, &set);
	test_env_done(env);
}

/* The number of threads leaves no trace, and a stop is obeyed. */
static void
test_threads(void)
{
	static float biases[3][1000 + 2000];
	TestRow    *rows = test_rows(4, 30000, 1000, 500);
	TestShape	with_times = {KEY_NUMBER, KEY_NUMBER, true, false};
	Env		   *env = test_env();
	TrainingSet set;

	CHECK_EQ_INT(test_set_build(env, with_times, rows, 30000, 0, &set), RECSYS_OK);
	for (int i = 0; i < 3; i++)
	{
		env->n_threads = i == 0 ? 1 : 2 * i;
		CHECK_EQ_INT(baseline_fit(env, &set, biases[i], biases[i] + 1000), RECSYS_OK);
		CHECK(memcmp(biases[i], biases[0], sizeof(biases[0])) == 0);
	}
	CHECK(biases[0][0] != 0);
	test_env_interrupt_after(env, 0);
	CHECK_EQ_INT(baseline_fit(env, &set, biases[0], biases[0] + 1000), RECSYS_INTERRUPTED);
	trainingset_free(env, &set);
	test_env_done(env);
	free(rows);
}

/* Reads a file of user, item, rating, time; returns the number of rows, at most max. */
static int
read_movielens(const char *folder, const char *name, TestRow *rows, int max)
{
	char		path[4096];
	FILE	   *file;
	long long	user;
	long long	course;
	long long	time;
	int			n = 0;

	snprintf(path, sizeof(path), "%s/movielens-100k/%s", folder, name);
	file = fopen(path, "r");
	CHECK(file != NULL);
	if (file == NULL)
		return 0;
	while (n < max && fscanf(file, "%lld %lld %f %lld", &user, &course, &rows[n].rating, &time) == 4)
	{
		rows[n].user = user;
		rows[n].course = course;
		rows[n++].time = time;
	}
	fclose(file);
	return n;
}

/* Adds up the errors of clipped predictions of n rows. */
static void
add_errors(const TrainingSet *set, const float *course_bias, const float *user_bias,
		   const TestRow *rows, int n, double *squares, double *absolutes)
{
	for (int i = 0; i < n; i++)
	{
		int32_t		u = idmap_find(&set->users, (Key) {.number = rows[i].user});
		int32_t		c = idmap_find(&set->courses, (Key) {.number = rows[i].course});
		double		estimate = set->summary.mean + (u < 0 ? 0 : user_bias[u]) +
			(c < 0 ? 0 : course_bias[c]);
		double		error = rows[i].rating - fmin(fmax(estimate, 1), 5);

		*squares += error * error;
		*absolutes += fabs(error);
	}
}

/* Mean error over the five official folds: RMSE .9457, MAE .7499. */
static void
test_movielens(void)
{
	static TestRow rows[100000];
	const char *folder = getenv("COURSE_RECSYS_DATA");
	double		rmse = 0;
	double		mae = 0;

	for (int fold = 1; fold <= 5; fold++)
	{
		Env		   *env = test_env();
		TrainingSet set;
		float		course_bias[2000];
		float		user_bias[1000];
		double		squares = 0;
		double		absolutes = 0;
		char		name[32];
		int			n;

		snprintf(name, sizeof(name), "u%d.base", fold);
		n = read_movielens(folder, name, rows, 100000);
		CHECK_EQ_INT(n, 80000);
		CHECK_EQ_INT(test_set_build(env, shape, rows, n, 0, &set), RECSYS_OK);
		CHECK(set.users.n_keys <= 1000 && set.courses.n_keys <= 2000);
		CHECK_EQ_INT(baseline_fit(env, &set, course_bias, user_bias), RECSYS_OK);
		snprintf(name, sizeof(name), "u%d.test", fold);
		n = read_movielens(folder, name, rows, 100000);
		CHECK_EQ_INT(n, 20000);
		add_errors(&set, course_bias, user_bias, rows, n, &squares, &absolutes);
		rmse += sqrt(squares / n) / 5;
		mae += absolutes / n / 5;
		trainingset_free(env, &set);
		test_env_done(env);
	}
	printf("# RMSE %.5f, MAE %.5f\n", rmse, mae);
	CHECK_NEAR(rmse, 0.9457, 6e-5);
	CHECK_NEAR(mae, 0.7499, 6e-5);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_oracle);
	RUN(test_threads);
	if (getenv("COURSE_RECSYS_DATA") != NULL)
		RUN(test_movielens);
	else
		printf("ok %d - test_movielens # skip COURSE_RECSYS_DATA is not set\n", ++unit_tests);
	return unit_done();
}
