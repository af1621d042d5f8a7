/*
 * test_clusters.c: the methods kmeans and kmeans_pca by hand and against plain loops.
 */
#include "core/methods/clusters.h"
#include "core/pca.h"
#include "param_table.h"
#include "test_method.h"


static const Method *const methods[] = {&method_kmeans, &method_kmeans_pca};
static const TestShape plain = {KEY_NUMBER, KEY_NUMBER, false, false};
static const TestShape timed = {KEY_NUMBER, KEY_NUMBER, true, false};

/* The history of a visitor. */
static History
taken(int32_t n, const int32_t *courses, const float *ratings)
{
	return (History) {.n = n, .courses = courses, .ratings = ratings, .group = -1};
}

/* Gives the courses of a set n genres with the weights of a function. */
static void
add_genres(Env *env, TrainingSet *set, int n, float (*weight) (int32_t course, int genre))
{
	StringTable names;

	CHECK_EQ_INT(strings_init(env, &names), RECSYS_OK);
	for (int g = 0; g < n; g++)
	{
		char		name[16];

		CHECK_EQ_INT(strings_add(env, &names, name, (size_t) snprintf(name, sizeof(name), "g%03d", g)),
					 RECSYS_OK);
	}
	CHECK_EQ_INT(trainingset_set_genres(env, set, &names), RECSYS_OK);
	for (int32_t c = 0; c < set->genres.n_rows; c++)
		for (int g = 0; g < n; g++)
			matrix_row(&set->genres, c)[g] = weight(c, g);
}

/* Courses 0 and 1 have genre 0, courses 2 and 3 genre 1, course 4 none; genre 2 is of no course. */
static float
two_genres(int32_t course, int genre)
{
	return genre == course / 2 && course < 4;
}

/* Three users of genre 0, two of genre 1, and user 9 who took the course without a genre. */
static const TestRow few[] = {
	{1, 0, 5, 10 * DAY}, {2, 0, 4, 0}, {2, 1, 1, 0}, {3, 1, 5, 10 * DAY}, {3, 4, 1, TIME_OLDEST},
	{7, 2, 5, 0}, {8, 3, 4, 10 * DAY}, {8, 2, 1, 10 * DAY}, {9, 4, 3, 0},
};

/* The few users as a set. */
static void
build_few(Env *env, TestShape shape, TrainingSet *set)
{
	CHECK_EQ_INT(test_set_build(env, shape, few, 9, 6, set), RECSYS_OK);
	add_genres(env, set, 3, two_genres);
}

/* Scores of the six courses for one who took some of them. */
static void
check_scores(Env *env, TestModel *model, History history, const double expected[6])
{
	test_method_score(env, model, history);
	for (int c = 0; c < 6; c++)
		CHECK_SCORE(model->scores[c], expected[c]);
	test_method_reasons(model, history);
}

/* Two clusters: shares of their users; who has no profile has no score. */
static void
test_by_hand(void)
{
	const double none[6] = {NO_OPINION, NO_OPINION, NO_OPINION, NO_OPINION, NO_OPINION, NO_OPINION};
	const double first[6] = {2 / 3.0, 2 / 3.0, NO_OPINION, NO_OPINION, 1 / 3.0, NO_OPINION};
	const double second[6] = {NO_OPINION, NO_OPINION, 1, 0.5, NO_OPINION, NO_OPINION};

	for (int m = 0; m < 2; m++)
		for (int standardize = 0; standardize < 2; standardize++)
		{
			Env		   *env = test_env();
			TrainingSet set;
			TestModel	model;

			build_few(env, plain, &set);
			model = test_method_open(env, methods[m], standardize ? "n_clusters=2\n" :
									 "n_clusters=2\nstandardize=false\n", &set);
			check_scores(env, &model, taken(1, (int32_t[]) {0}, (float[]) {2}), first);
			check_scores(env, &model, taken(2, (int32_t[]) {1, 4}, (float[]) {9, 1}), first);
			check_scores(env, &model, taken(2, (int32_t[]) {0, 3}, (float[]) {1, 5}), second);
			check_scores(env, &model, taken(0, NULL, NULL), none);
			check_scores(env, &model, taken(1, (int32_t[]) {4}, (float[]) {5}), none);
			check_scores(env, &model, taken(1, (int32_t[]) {0}, (float[]) {0}), none);
			check_scores(env, &model, taken(2, (int32_t[]) {0, 1}, (float[]) {3, -3}), none);
			test_method_done(env);
		}
}

/* With a half-life of 10 days: a rating of day 0 counts half, one of no known time nothing. */
static void
test_ages(void)
{
	const double first[6] = {1.5 / 3, 1.5 / 3, NO_OPINION, NO_OPINION, NO_OPINION, NO_OPINION};
	Env		   *env = test_env();
	TrainingSet set;
	TestModel	model;
	ClusterCourses courses;
	int64_t		old = TIME_OLDEST;
	History		history = taken(1, (int32_t[]) {0}, (float[]) {5});

	build_few(env, timed, &set);
	model = test_method_open(env, &method_kmeans, "n_clusters=2\nhalf_life=864000\n", &set);
	check_scores(env, &model, history, first);
	history.times = &old;
	test_method_score(env, &model, history);
	for (int c = 0; c < 6; c++)
		CHECK(model.scores[c] == NO_OPINION);
	method_kmeans.cluster_courses(&model.rec, 0, &courses);
	CHECK_EQ_INT(courses.n, 3);	/* counted whatever their age */
	CHECK_EQ_INT(courses.enrollments[0], 2);
	CHECK_EQ_INT(courses.enrollments[1], 2);
	CHECK_EQ_INT(courses.enrollments[2], 1);
	build_few(env, plain, &set);
	CHECK_EQ_INT(test_method_train(env, &method_kmeans, "half_life=60\n", &set, &model),
				 RECSYS_BAD_ARGUMENT);
	test_method_done(env);
}

/* Random genres, about half of them 0. */
static float
random_genre(int32_t course, int genre)
{
	uint64_t	hash = hash_combine((uint64_t) course, (uint64_t) genre);

	return hash % 2 == 0 ? 0 : (float) (hash % 7);
}

/* A set with random ratings and genres; some courses have no genre. */
static TrainingSet *
random_set(Env *env, uint64_t seed, int n_rows, int n_users, int n_courses, int n_genres)
{
	TrainingSet *set = env_alloc(env, 1, sizeof(TrainingSet));
	TestRow    *rows = test_rows(seed, n_rows, n_users, n_courses);

	CHECK_EQ_INT(test_set_build(env, timed, rows, n_rows, n_courses, set), RECSYS_OK);
	add_genres(env, set, n_genres, random_genre);
	memset(matrix_row(&set->genres, 3), 0, (size_t) n_genres * sizeof(float));
	free(rows);
	return set;
}

/* Profile of a user by the formula. */
static bool
naive_profile(const TrainingSet *set, int32_t u, double *profile)
{
	bool		any = false;

	for (int64_t g = 0; g < set->genres.n_cols; g++)
	{
		profile[g] = 0;
		for (int64_t e = set->by_user.offsets[u]; e < set->by_user.offsets[u + 1]; e++)
			profile[g] += (double) set->by_user.values[e] *
				(double) matrix_row(&set->genres, set->by_user.indexes[e])[g];
		any |= profile[g] != 0;
	}
	return any;
}

/* Cluster of a profile, with the numbers of the model, and the squared distance. */
static int
naive_cluster(const ClusterState *state, const double *profile, double *distance)
{
	int			best = -1;

	for (int k = 0; k < state->n_clusters; k++)
	{
		double		sum = 0;

		for (int a = 0; a < state->n_axes; a++)
		{
			double		x = 0;

			for (int g = 0; g < state->n_genres; g++)
				if (state->components == NULL ? g == a : true)
					x += (state->components == NULL ? 1 : state->components[a * state->n_genres + g]) *
						(profile[g] - state->means[g]) / state->deviations[g];
			sum += (x - state->columns[a * state->lanes + k]) * (x - state->columns[a * state->lanes + k]);
		}
		if (best < 0 || sum < *distance)
		{
			best = k;
			*distance = sum;
		}
	}
	return best;
}

/* Users, counts and scores of every cluster by plain loops over all users. */
static void
check_naive(Env *env, TestModel *model, const TrainingSet *set)
{
	const ClusterState *state = model->rec.state;
	int32_t		n_courses = model->rec.n_courses;
	int64_t    *users = calloc((size_t) state->n_clusters, sizeof(int64_t));
	int64_t    *counts = calloc((size_t) (state->n_clusters * n_courses), sizeof(int64_t));
	double		profile[20];
	double		squared = 0;
	double		distance;

	for (int32_t u = 0; u < set->users.n_keys; u++)
	{
		History		history = test_method_history(set, u);
		int			expected = naive_profile(set, u, profile) ? naive_cluster(state, profile, &squared) : -1;

		CHECK_EQ_INT(model->rec.method->user_cluster(&model->rec, &history, model->scratch, &distance),
					 expected);
		if (expected < 0)
			continue;
		CHECK_NEAR(distance, sqrt(squared), 1e-9);
		users[expected]++;
		for (int32_t i = 0; i < history.n; i++)
			counts[expected * n_courses + history.courses[i]]++;
	}
	for (int32_t k = 0; k < state->n_clusters; k++)
		CHECK_EQ_INT(state->users[k], users[k]);
	for (int32_t u = 0; u < set->users.n_keys; u += 7)
	{
		History		history = test_method_history(set, u);
		int			k = model->rec.method->user_cluster(&model->rec, &history, model->scratch, &distance);

		test_method_score(env, model, history);
		for (int32_t c = 0; c < n_courses; c++)
			CHECK_SCORE(model->scores[c], k >= 0 && counts[k * n_courses + c] > 0 ?
						(double) counts[k * n_courses + c] / (double) users[k] : NO_OPINION);
		test_method_reasons(model, history);
	}
	free(users);
	free(counts);
}

/* Random ratings: who trained a cluster is served by it. */
static void
test_naive(void)
{
	static const char *const lines[] = {"n_clusters=7\n", "n_clusters=9\nstandardize=false\nn_init=2\n",
	"n_clusters=1\n"};

	for (int m = 0; m < 2; m++)
		for (int i = 0; i < 3; i++)
		{
			Env		   *env = test_env();
			TrainingSet *set = random_set(env, 31, 900, 200, 40, 6);
			TestModel	model = test_method_open(env, methods[m], lines[i], set);

			CHECK(((const ClusterState *) model.rec.state)->n_axes <= 6);
			check_naive(env, &model, set);
			test_method_done(env);
		}
}

/* Means and deviations are those of the profiles; components as many as asked for. */
static void
test_transform(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 32, 900, 200, 40, 6);
	TestModel	model = test_method_open(env, &method_kmeans_pca, "n_components=2\n", set);
	const ClusterState *state = model.rec.state;
	double		sums[6] = {0};
	double		squares[6] = {0};
	double		profile[6];
	int			n = 0;

	for (int32_t u = 0; u < set->users.n_keys; u++)
	{
		if (!naive_profile(set, u, profile))
			continue;
		n++;
		for (int g = 0; g < 6; g++)
		{
			sums[g] += profile[g];
			squares[g] += profile[g] * profile[g];
		}
	}
	for (int g = 0; g < 6; g++)
	{
		CHECK_NEAR(state->means[g], sums[g] / n, 1e-9);
		CHECK_NEAR(state->deviations[g], sqrt(squares[g] / n - sums[g] / n * sums[g] / n), 1e-8);
	}
	CHECK_EQ_INT(state->n_axes, 2);
	CHECK_EQ_INT(test_method_train(env, &method_kmeans_pca, "n_components=7\n", set, &model),
				 RECSYS_BAD_ARGUMENT);
	CHECK_EQ_INT(test_method_train(env, &method_kmeans_pca, "n_components=1.5\n", set, &model),
				 RECSYS_BAD_ARGUMENT);
	test_method_done(env);
}

/* No genre at all. */
static float
no_genre(int32_t course, int genre)
{
	(void) course;
	(void) genre;
	return 0;
}

/* The same for every course and genre. */
static float
same_genre(int32_t course, int genre)
{
	(void) course;
	(void) genre;
	return 1;
}

/* One user, users who are all the same, one distinct profile, none at all. */
static void
test_degenerate(void)
{
	const TestRow rows[] = {{1, 0, 5, 0}, {2, 1, 5, 0}, {3, 1, 5, 0}, {4, 2, -5, 0}};

	for (int m = 0; m < 2; m++)
		for (int n = 1; n <= 4; n++)
		{
			Env		   *env = test_env();
			TrainingSet set;
			TestModel	model;

			CHECK_EQ_INT(test_set_build(env, plain, rows, n, 3, &set), RECSYS_OK);
			add_genres(env, &set, 2, same_genre);
			model = test_method_open(env, methods[m], "n_clusters=20\n", &set);
			CHECK_EQ_INT(((const ClusterState *) model.rec.state)->n_clusters, n == 4 ? 2 : 1);
			test_method_score(env, &model, test_method_history(&set, 0));
			CHECK_SCORE(model.scores[0], 1.0 / (n < 3 ? n : 3));
			test_method_reasons(&model, test_method_history(&set, 0));
			add_genres(env, &set, 2, no_genre);
			CHECK_EQ_INT(test_method_train(env, methods[m], "", &set, &model), RECSYS_BAD_DATA);
			CHECK(env->hint[0] != '\0');
			test_method_done(env);
		}
}

/* Threads, cancel, memory, estimates: as for every method. */
static void
test_contract(void)
{
	static const char *const lines[] = {"n_init=2\nn_clusters=5\n",
	"n_init=1\nn_clusters=12\nstandardize=false\nhalf_life=172800\n"};
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 33, 9000, 1500, 60, 5);
	TrainingSet *small = random_set(env, 34, 300, 50, 20, 3);

	for (int m = 0; m < 2; m++)
		for (int i = 0; i < 2; i++)
		{
			test_method_promises(env, methods[m], lines[i], set, small, 0.8);
		}
	CHECK(test_env_of(env)->n_loss > 0);
	test_method_done(env);
}

/* Numbers that cannot be are found when the model is opened. */
static void
test_forged(void)
{
	static const char *const doubles[] = {"means", "deviations", "components", "centroids"};
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 35, 300, 50, 20, 3);

	for (int i = 0; i < 4; i++)
	{
		TestModel	model = test_method_open(env, &method_kmeans_pca, "n_clusters=3\n", set);

		CHECK_EQ_INT(test_method_forge(env, &model, doubles[i], SECTION_DOUBLE, 0, NAN), RECSYS_CORRUPT);
		CHECK_EQ_INT(test_method_forge(env, &model, doubles[i], SECTION_DOUBLE, 0, -1),
					 i == 1 ? RECSYS_CORRUPT : RECSYS_OK);
	}
	for (int i = 0; i < 2; i++)
	{
		TestModel	model = test_method_open(env, &method_kmeans, "n_clusters=3\n", set);

		CHECK_EQ_INT(test_method_forge(env, &model, i == 0 ? "genres" : "cluster_counts.values",
									   SECTION_FLOAT, 0, INFINITY), RECSYS_CORRUPT);
	}
	test_method_done(env);
}

/* Names, defaults, ranges and texts of the parameters make sense. */
static void
test_params(void)
{
	check_param_table(&method_kmeans.params);
	check_param_table(&method_kmeans_pca.params);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN_ALONE(test_params);
	RUN_ALONE(test_by_hand);
	RUN_ALONE(test_ages);
	RUN_ALONE(test_naive);
	RUN_ALONE(test_transform);
	RUN_ALONE(test_degenerate);
	RUN(test_contract);
	RUN_ALONE(test_forged);
	return unit_done();
}
