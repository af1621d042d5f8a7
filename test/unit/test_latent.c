/*
 * test_latent.c: factors of a made-up method against hand-checked numbers, and of every method against its scores.
 */
#include <math.h>
#include <stdlib.h>

#include "core/latent.h"
#include "test_method.h"
#include "unit.h"

#define N_COURSES 4
#define N_FACTORS 2

/* ---------------------------------------------------------------- a method with known factors */

/* Of courses 0 .. 3: course 1 has length 0, course 3 no factors. */
static const float course_factors[N_COURSES][N_FACTORS] = {{3, 4}, {0, 0}, {-4, 3}, {9, 9}};

/* The course's row. */
static const float *
known_course_vector(const Recommender *rec, int32_t course, int *n)
{
	(void) rec;
	*n = N_FACTORS;
	return course == 3 ? NULL : course_factors[course];
}

/* Sum of the factors of the courses taken; a user of course 3 alone is unknown; the bias is left alone. */
static int
known_user_vector(const Recommender *rec, const History *history, void *scratch, float *out)
{
	int			known = 0;

	(void) scratch;
	for (int32_t h = 0; h < history->n; h++)
	{
		int			n;
		const float *vector = known_course_vector(rec, history->courses[h], &n);

		for (int f = 0; vector != NULL && f < n; f++)
			out[f] += vector[f];
		known += vector != NULL;
	}
	return known > 0 ? N_FACTORS : 0;
}

static const Method known_method = {
	.name = "known", .course_vector = known_course_vector, .user_vector = known_user_vector
};

/* By cosine and dot, with courses of length 0 and without factors. */
static void
test_similar(void)
{
	Recommender rec = {.method = &known_method, .n_courses = N_COURSES};
	float		scores[N_COURSES];

	CHECK(method_has_factors(&known_method));
	CHECK_EQ_INT(latent_count(&rec), N_FACTORS);
	latent_similar(&rec, 0, LATENT_DOT, scores);
	CHECK(scores[0] == 25 && scores[1] == 0 && scores[2] == 0 && scores[3] == NO_OPINION);
	latent_similar(&rec, 0, LATENT_COSINE, scores);
	CHECK_NEAR(scores[0], 1, 1e-6);
	CHECK(scores[1] == NO_OPINION && scores[2] == 0 && scores[3] == NO_OPINION);
	latent_similar(&rec, 1, LATENT_COSINE, scores);
	for (int c = 0; c < N_COURSES; c++)
		CHECK(scores[c] == NO_OPINION);
	latent_similar(&rec, 3, LATENT_DOT, scores);
	for (int c = 0; c < N_COURSES; c++)
		CHECK(scores[c] == NO_OPINION);
}

/* Factors and bias of users; nothing of an empty history or of a user that the method does not know. */
static void
test_user(void)
{
	Recommender rec = {.method = &known_method, .n_courses = N_COURSES};
	int32_t		both[] = {0, 2};
	int32_t		none[] = {3};
	float		ratings[] = {1, 1};
	History		history = {.n = 2, .courses = both, .ratings = ratings};
	float		out[N_FACTORS + 1] = {7, 7, 7};

	CHECK(latent_user(&rec, &history, NULL, out));
	CHECK(out[0] == -1 && out[1] == 7 && out[2] == 0);
	history.n = 0;
	CHECK(!latent_user(&rec, &history, NULL, out));
	history = (History) {.n = 1, .courses = none, .ratings = ratings};
	CHECK(!latent_user(&rec, &history, NULL, out));
}

/* ---------------------------------------------------------------- every method with factors */

/* What the factors make of a course; NAN when it has none. */
static double
product(const Recommender *rec, const float *user, int32_t course)
{
	const Method *method = rec->method;
	int			n;
	const float *vector = method->course_vector(rec, course, &n);
	double		sum;

	if (vector == NULL)
		return NAN;
	sum = method->course_vector_bias == NULL ? 0 : (double) method->course_vector_bias(rec, course);
	for (int f = 0; f < n; f++)
		sum += (double) vector[f] * (double) user[f];
	return sum;
}

/* What the method itself makes of a course: its score, or what it predicts; NAN when nothing. */
static double
opinion(TestModel *model, const History *history, int32_t course)
{
	const Method *method = model->rec.method;
	double		value = method->objective == OBJECTIVE_RATING
		? method->predict(&model->rec, history, course, model->scratch)
		: (double) model->scores[course];

	return isfinite(value) ? value : NAN;
}

/* Is the course in the history? */
static bool
has_taken(const History *history, int32_t course)
{
	for (int32_t h = 0; h < history->n; h++)
		if (history->courses[h] == course)
			return true;
	return false;
}

/* For any two courses that the user has not taken, the larger product has the larger opinion; returns the pairs. */
static int
check_order(TestModel *model, const History *history, const float *user)
{
	int			n_pairs = 0;

	for (int32_t a = 0; a < model->rec.n_courses; a++)
		for (int32_t b = 0; b < a; b++)
		{
			double		by_factors = product(&model->rec, user, a) - product(&model->rec, user, b);
			double		by_method = opinion(model, history, a) - opinion(model, history, b);

			if (has_taken(history, a) || has_taken(history, b) || isnan(by_factors) || isnan(by_method))
				continue;
			n_pairs++;
			if (fabs(by_factors) > 1e-4 && fabs(by_method) > 1e-4)
				CHECK((by_factors > 0) == (by_method > 0));
		}
	return n_pairs;
}

/* All users of a random set, with the method's defaults. */
static void
check_method(const Method *method)
{
	Env		   *env = test_env();
	TestShape	shape = {KEY_NUMBER, KEY_NUMBER, false, false};
	TestRow    *rows = test_rows(5, 1200, 60, 25);
	TrainingSet set;
	TestModel	model;
	float	   *user;
	int			n_pairs = 0;

	CHECK_EQ_INT(test_set_build(env, shape, rows, 1200, 26, &set), RECSYS_OK);
	model = test_method_open(env, method, "", &set);
	user = env_alloc(env, (size_t) latent_count(&model.rec) + 1, sizeof(float));
	CHECK(latent_count(&model.rec) > 0);
	for (int32_t u = 0; u < set.by_user.n_rows; u++)
	{
		History		history = test_method_history(&set, u);

		CHECK(latent_user(&model.rec, &history, model.scratch, user));
		test_method_scratch(&model);
		test_method_score(env, &model, history);
		n_pairs += check_order(&model, &history, user);
	}
	CHECK(n_pairs > 1000);
	free(rows);
	test_method_done(env);
}

/* Methods that have one of the functions have both; factors order the courses as the method does. */
static void
test_all_methods(void)
{
	for (int i = 0; recsys_methods[i] != NULL; i++)
	{
		const Method *method = recsys_methods[i];

		CHECK((method->course_vector == NULL) == (method->user_vector == NULL));
		CHECK(method->course_vector_bias == NULL || method_has_factors(method));
		if (method_has_factors(method))
			check_method(method);
	}
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_similar);
	RUN(test_user);
	RUN(test_all_methods);
	return unit_done();
}
