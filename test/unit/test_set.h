/*
 * test_set.h: training sets for the unit tests, from plain arrays of rows.
 */
#ifndef TEST_SET_H
#define TEST_SET_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "core/trainingset.h"
#include "test_env.h"

#define DAY INT64_C(86400000000)	/* in microseconds, as times are */
#define HALF_LIFE 172800.0		/* two days, in seconds */

/* A rating before it has indexes. */
typedef struct TestRow
{
	int64_t		user;
	int64_t		course;
	float		rating;
	int64_t		time;
} TestRow;

/* How rows become a set. */
typedef struct TestShape
{
	KeyKind		user_kind;		/* KEY_BYTES: the number as text "k<number>" */
	KeyKind		course_kind;
	bool		with_times;
	bool		implicit;
} TestShape;

/* A number as a key of the kind; text has room for 32 bytes. */
static inline Key
test_key(KeyKind kind, int64_t number, char *text)
{
	Key			key = {.number = number};

	if (kind == KEY_BYTES)
	{
		key.length = snprintf(text, 32, "k%lld", (long long) number);
		key.bytes = text;
	}
	return key;
}

/* Adds rows to a builder. */
static inline RecsysStatus
test_set_add(Env *env, TrainingBuilder *builder, const TestRow *rows, int n)
{
	for (int i = 0; i < n; i++)
	{
		char		user[32];
		char		course[32];

		TRY(builder_add_rating(env, builder, test_key(builder->users.kind, rows[i].user, user),
							   test_key(builder->courses.kind, rows[i].course, course),
							   rows[i].rating, rows[i].time));
	}
	return RECSYS_OK;
}

/* A set of rows, with courses 0 .. n_courses - 1 there in any case. */
static inline RecsysStatus
test_set_build(Env *env, TestShape shape, const TestRow *rows, int n, int n_courses,
			   TrainingSet *set)
{
	TrainingBuilder *builder = env_alloc(env, 1, sizeof(TrainingBuilder));

	if (builder == NULL)
		return env->status;
	TRY(builder_init(env, builder, shape.user_kind, shape.course_kind, shape.with_times,
					 shape.implicit));
	for (int c = 0; c < n_courses; c++)
	{
		char		text[32];

		TRY(builder_add_course(env, builder, test_key(shape.course_kind, c, text)));
	}
	TRY(test_set_add(env, builder, rows, n));
	TRY(builder_finish(env, builder, set));
	env_free(env, builder);
	return RECSYS_OK;
}

/* n random rows: ratings 1 to 5, few distinct times, low courses popular, many duplicates. */
static inline TestRow *
test_rows(uint64_t seed, int n, int n_users, int n_courses)
{
	TestRow    *rows = calloc((size_t) n + 1, sizeof(TestRow));
	Rng			rng;

	rng_seed(&rng, seed, 0);
	for (int i = 0; i < n; i++)
	{
		double		u = rng_uniform(&rng);

		rows[i].user = (int64_t) rng_below(&rng, (uint64_t) n_users) * 7 - n_users;
		rows[i].course = (int64_t) (u * u * n_courses);	/* low numbers are popular */
		rows[i].rating = (float) (1 + rng_below(&rng, 5));
		rows[i].time = rng_below(&rng, 10) == 0 ? TIME_OLDEST : (int64_t) rng_below(&rng, 4);
	}
	return rows;
}

/* The same with times in days. */
static inline TestRow *
test_day_rows(uint64_t seed, int n, int n_users, int n_courses)
{
	TestRow    *rows = test_rows(seed, n, n_users, n_courses);

	for (int i = 0; i < n; i++)
		if (rows[i].time != TIME_OLDEST)
			rows[i].time *= DAY;
	return rows;
}

/* Ratings of 1 and 2 become -1 and 0. */
static inline void
test_dislikes(TestRow *rows, int n)
{
	for (int i = 0; i < n; i++)
		if (rows[i].rating <= 2)
			rows[i].rating -= 2;
}

/* A set of rows in memory of the Env, ready to train on; ends the program on failure. */
static inline TrainingSet *
test_set(Env *env, TestShape shape, const TestRow *rows, int n, int n_courses)
{
	TrainingSet *set = env_alloc_zero(env, 1, sizeof(TrainingSet));

	if (set == NULL || test_set_build(env, shape, rows, n, n_courses, set) != RECSYS_OK ||
		trainingset_fingerprint(env, set) != RECSYS_OK)
	{
		printf("# %s\n", env->error);
		abort();
	}
	return set;
}

/* Weight by age of a time; half_life in seconds, NAN: none. */
static inline double
plain_age(const TrainingSet *set, int64_t time, double half_life)
{
	if (isnan(half_life))
		return 1;
	return time == TIME_OLDEST ? 0 :
		pow(0.5, (double) (set->summary.last_time - time) / 1e6 / half_life);
}

/* Brings rows into another order. */
static inline void
test_shuffle(TestRow *rows, int n, uint64_t seed)
{
	Rng			rng;

	rng_seed(&rng, seed, 1);
	for (int i = n - 1; i > 0; i--)
	{
		int			j = (int) rng_below(&rng, (uint64_t) i + 1);
		TestRow		row = rows[i];

		rows[i] = rows[j];
		rows[j] = row;
	}
}

#endif							/* TEST_SET_H */
