/*
 * test_out_of_fold.c: rows for an estimator against rows made one by one, and that nothing of a rating is in its own row.
 */
#include "core/blas.h"
#include "core/evaluate_parts.h"
#include "core/latent.h"
#include "core/out_of_fold.h"
#include "random_set.h"

#define FACTORS 3
#define WIDTH (2 * FACTORS + 2)	/* of concat */
#define N_COURSES 12
#define BASE "{\"method\": \"svd\", \"params\": {\"factors\": 3, \"iterations\": 10, \"solver\": \"als\"}}"

/* Each course has a 1 of its own behind the vectors, so that a row tells its course. */
static const float *
identity(void)
{
	static float courses[(N_COURSES + 1) * (N_COURSES + 1)];

	for (int c = 0; c <= N_COURSES; c++)
		courses[c * (N_COURSES + 1) + c] = 1;
	return courses;
}

/* A set, the base model of it, and how rows are made of it. */
typedef struct Bench
{
	Env		   *env;
	TrainingSet *set;
	MethodPart	base;
	FeatureContent content;
	RowsSpec	spec;
	Recommender final;
	FeatureRows rows;
} Bench;

/* Trains the base method on a set. */
static void
train(Env *env, const MethodPart *base, const TrainingSet *set, Recommender *rec)
{
	void	   *bytes;
	size_t		length;

	if (part_train(env, set, base, &bytes, &length) != RECSYS_OK ||
		recommender_open_as(env, rec, base->method, bytes, length) != RECSYS_OK)
	{
		printf("# %s\n", env->error);
		abort();
	}
}

/* Everything but the rows. */
static void
begin(Bench *bench, TrainingSet *set)
{
	bench->set = set;
	CHECK_EQ_INT(part_read(bench->env, "embedding", BASE, strlen(BASE), &bench->base), RECSYS_OK);
	((CommonParams *) bench->base.params)->random_state = 5;
	bench->content = (FeatureContent) {.n_course = N_COURSES + 1, .courses = identity()};
	bench->spec = (RowsSpec) {.base = &bench->base, .combine = COMBINE_CONCAT, .content = &bench->content,
		.relevance = 4, .negatives = 3, .folds = 3, .max_rows = 100000, .random_state = 5, .half_life = NAN};
	train(bench->env, &bench->base, set, &bench->final);
}

/* Courses and one more without ratings; enough ratings for every user. */
static TrainingSet *
make_set(Env *env)
{
	return ranking_set(env, 3, 400, 20, N_COURSES, false);
}

/* The rows. */
static void
make_rows(Bench *bench)
{
	CHECK_EQ_INT(out_of_fold_rows(bench->env, bench->set, &bench->final, &bench->spec, &bench->rows), RECSYS_OK);
}

/* The course of a row. */
static int32_t
course_of(const FeatureRows *rows, int64_t r)
{
	const float *own = rows->features + r * rows->n_features + WIDTH;

	for (int32_t c = 0; c <= N_COURSES; c++)
		if (own[c] == 1)
			return c;
	return -1;
}

/* The products of factors that no rotation changes: of user and course, of each with itself; and both biases. */
static void
invariants(const float *row, double *out)
{
	const float *course = row + FACTORS + 1;

	memset(out, 0, 5 * sizeof(double));
	for (int i = 0; i < FACTORS; i++)
	{
		out[0] += (double) row[i] * (double) course[i];
		out[1] += (double) row[i] * (double) row[i];
		out[2] += (double) course[i] * (double) course[i];
	}
	out[3] = (double) row[FACTORS];
	out[4] = (double) course[FACTORS];
}

/* The invariants of a user with a history and a course in a base model. */
static void
plain_invariants(Env *env, const Recommender *base, const History *history, int32_t course, double *out)
{
	float		row[WIDTH];
	void	   *scratch = env_alloc_zero(env, 1, recommender_scratch_size(base));
	FeatureContent none = {.n_course = 1};

	CHECK(latent_user(base, history, scratch, row));
	CHECK(base_course(base, &none, course, row + FACTORS + 1));
	invariants(row, out);
	env_free(env, scratch);
}

/*
 * The rows in their order are those of the folds drawn by hand: users and courses of a model of the other folds, but
 * for a rotation, and the ratings as targets.
 */
static void
test_plain(void)
{
	Bench		bench = {.env = test_env()};
	Env		   *env = bench.env;
	int64_t		r = 0;

	begin(&bench, make_set(env));
	make_rows(&bench);
	CHECK_EQ_INT(bench.rows.n, bench.set->by_user.n_entries);
	CHECK_EQ_INT(bench.rows.n_features, WIDTH + N_COURSES + 1);
	CHECK(bench.rows.weights == NULL);
	for (int f = 1; f <= bench.spec.folds; f++)
	{
		SplitSpec	split = {SPLIT_RANDOM, 0.5, bench.spec.folds, 1, false, out_of_fold_seed(5)};
		Fold		fold;
		Recommender base;

		CHECK_EQ_INT(split_fold(env, bench.set, NULL, &split, f, &fold), RECSYS_OK);
		train(env, &bench.base, &fold.train, &base);
		for (int32_t u = 0; u < fold.test.n_rows; u++)
			for (int64_t e = fold.test.offsets[u]; e < fold.test.offsets[u + 1]; e++, r++)
			{
				History		history = fold_history(&fold, u);
				double		wanted[5];
				double		got[5];

				plain_invariants(env, &base, &history, fold.test.indexes[e], wanted);
				invariants(bench.rows.features + r * bench.rows.n_features, got);
				for (int i = 0; i < 5; i++)
					CHECK_NEAR(got[i], wanted[i], 1e-4 * (1 + fabs(wanted[i])));
				CHECK_EQ_INT(course_of(&bench.rows, r), fold.test.indexes[e]);
				CHECK_NEAR(bench.rows.targets[r], fold.test.values[e], 0);
			}
	}
	CHECK_EQ_INT(r, bench.rows.n);
	test_method_done(env);
}

/* Vectors lie as those of the final model do: nearer than before they were turned, as two solutions may differ by any rotation. */
static void
test_turned(void)
{
	Bench		bench = {.env = test_env()};
	double		away = 0;
	double		length = 0;

	begin(&bench, random_set(bench.env, 8, 2000, 60, N_COURSES, false));
	make_rows(&bench);
	for (int64_t r = 0; r < bench.rows.n; r++)
	{
		const float *course = bench.rows.features + r * bench.rows.n_features + FACTORS + 1;
		float		vector[FACTORS + 1];

		CHECK(base_course(&bench.final, &bench.content, course_of(&bench.rows, r), vector));
		for (int i = 0; i < FACTORS; i++)
		{
			away += pow((double) vector[i] - (double) course[i], 2);
			length += pow((double) vector[i], 2);
		}
	}
	printf("# squared distance %.3f of squared length\n", away / length);
	CHECK(away < 0.8 * length);
	test_method_done(bench.env);
}

/*
 * A rating is not in its own row: with another value it has the same row but for the target, while rows of the
 * same user and course in other folds have others.
 */
static void
test_no_leak(void)
{
	Bench		bench = {.env = test_env()};
	FeatureRows before;
	int64_t		n_changed = 0;
	double		old[5];
	double		new[5];

	begin(&bench, make_set(bench.env));
	make_rows(&bench);
	before = bench.rows;
	for (int64_t r = 0; r < before.n; r += 17)
	{
		Bench		other = {.env = bench.env};
		TrainingSet *set = make_set(bench.env);
		int64_t		entry = -1;

		/* The rating of the row: that of its course, in the fold's order, with the target as value. */
		for (int64_t e = 0; e < set->by_user.n_entries && entry < 0; e++)
			if (set->by_user.indexes[e] == course_of(&before, r) && set->by_user.values[e] == before.targets[r])
				entry = e;
		CHECK(entry >= 0);
		set->by_user.values[entry] += 10;
		for (int64_t e = set->by_course.offsets[set->by_user.indexes[entry]]; ; e++)
			if (set->by_course.indexes[e] == csr_row_of_entry(&set->by_user, entry))
			{
				set->by_course.values[e] += 10;
				break;
			}
		begin(&other, set);
		make_rows(&other);
		CHECK_EQ_INT(other.rows.n, before.n);
		for (int64_t i = 0; i < before.n; i++)
		{
			bool		same = true;

			invariants(before.features + i * before.n_features, old);
			invariants(other.rows.features + i * before.n_features, new);
			for (int k = 0; k < 5; k++)
				same = same && fabs(old[k] - new[k]) <= 1e-4 * (1 + fabs(old[k]));
			if (other.rows.targets[i] != before.targets[i])
				CHECK(same && other.rows.targets[i] == before.targets[i] + 10);
			else
				n_changed += !same;
		}
	}
	CHECK(n_changed > 100);
	test_method_done(bench.env);
}

/* Of many rows exactly max_rows are drawn, all of them rows that there are; another seed draws others. */
static void
test_drawn(void)
{
	Bench		bench = {.env = test_env()};
	FeatureRows all;
	FeatureRows some;
	int64_t		at = 0;

	begin(&bench, make_set(bench.env));
	make_rows(&bench);
	all = bench.rows;
	bench.spec.max_rows = all.n / 2;
	make_rows(&bench);
	some = bench.rows;
	CHECK_EQ_INT(some.n, all.n / 2);
	for (int64_t r = 0; r < some.n; r++, at++)
	{
		while (at < all.n && memcmp(all.features + at * all.n_features, some.features + r * all.n_features,
									(size_t) all.n_features * sizeof(float)) != 0)
			at++;
		CHECK(at < all.n && all.targets[at] == some.targets[r]);
	}
	bench.spec.max_rows = 1;
	make_rows(&bench);
	CHECK_EQ_INT(bench.rows.n, 1);
	test_method_done(bench.env);
}

/* Classes from the relevance on; with negatives, three courses for each rating that the user has not rated. */
static void
test_classes(void)
{
	Bench		bench = {.env = test_env()};
	FeatureRows ratings;
	int64_t		n = 0;

	begin(&bench, make_set(bench.env));
	make_rows(&bench);
	ratings = bench.rows;
	bench.spec.target = TARGET_CLASS;
	make_rows(&bench);
	CHECK_EQ_INT(bench.rows.n, ratings.n);
	for (int64_t r = 0; r < ratings.n; r++)
		CHECK_NEAR(bench.rows.targets[r], ratings.targets[r] >= 4, 0);
	bench.spec.target = TARGET_TAKEN;
	make_rows(&bench);
	CHECK(bench.rows.n > ratings.n && bench.rows.n <= 4 * ratings.n);
	CHECK_EQ_INT(out_of_fold_count(&bench.spec, ratings.n), 4 * ratings.n);
	for (int64_t r = 0, at = 0; r < bench.rows.n; r++)
	{
		bool		is_rating = at < ratings.n &&
			memcmp(ratings.features + at * ratings.n_features, bench.rows.features + r * ratings.n_features,
				   (size_t) ratings.n_features * sizeof(float)) == 0;

		if (is_rating)
			CHECK_NEAR(bench.rows.targets[r], ratings.targets[at++] >= 4, 0);
		else
		{
			CHECK_NEAR(bench.rows.targets[r], 0, 0);
			CHECK(course_of(&bench.rows, r) < N_COURSES);	/* one that somebody rated */
			n++;
		}
	}
	CHECK_EQ_INT(n, bench.rows.n - ratings.n);
	test_method_done(bench.env);
}

/* A course or user that is known by the row alone has none, but for the content of the course. */
static void
test_unknown(void)
{
	static const TestRow rows[] = {{1, 0, 1, 0}, {1, 1, 5, 0}, {1, 2, 3, 0}, {1, 3, 4, 0}, {2, 0, 2, 0}, {2, 1, 4, 0},
	{2, 2, 3, 0}, {2, 4, 4, 0}, {3, 0, 5, 0}};
	Bench		bench = {.env = test_env()};
	FeatureContent none = {0};
	int			alone = 0;

	begin(&bench, small_set(bench.env, rows, 9, N_COURSES + 1, false));
	make_rows(&bench);
	CHECK_EQ_INT(bench.rows.n, 8);	/* but for user 3 */
	for (int64_t r = 0; r < bench.rows.n; r++)
		if (course_of(&bench.rows, r) >= 3)
		{
			const float *course = bench.rows.features + r * bench.rows.n_features + FACTORS + 1;

			for (int i = 0; i <= FACTORS; i++)
				CHECK_NEAR(course[i], 0, 0);
			alone++;
		}
	CHECK_EQ_INT(alone, 2);
	bench.spec.content = &none;
	make_rows(&bench);
	CHECK_EQ_INT(bench.rows.n, 6);
	test_method_done(bench.env);
}

/* Rows weigh by age; one whose time is not known counts nothing and is left out. */
static void
test_weights(void)
{
	Bench		bench = {.env = test_env()};
	TrainingSet *set = random_set(bench.env, 3, 300, 20, N_COURSES + 1, false);
	int64_t		n = 0;
	double		sum = 0;
	double		wanted = 0;

	begin(&bench, set);
	bench.spec.half_life = HALF_LIFE;
	make_rows(&bench);
	for (int64_t e = 0; e < set->by_user.n_entries; e++)
	{
		double		weight = plain_age(set, set->by_user.times[e], HALF_LIFE);

		n += weight > 0;
		wanted += weight;
	}
	CHECK(n < set->by_user.n_entries);
	CHECK_EQ_INT(bench.rows.n, n);
	for (int64_t r = 0; r < bench.rows.n; r++)
		sum += (double) bench.rows.weights[r];
	CHECK_NEAR(sum, wanted, 1e-4);
	test_method_done(bench.env);
}

/* Too few ratings: no rows, and no error. */
static void
test_few(void)
{
	static const TestRow one[] = {{1, 0, 5, 0}};
	static const TestRow apart[] = {{1, 0, 4, 0}, {2, 1, 5, 0}, {3, 2, 3, 0}};
	Env		   *env = test_env();

	for (int i = 0; i < 2; i++)
	{
		Bench		bench = {.env = env};

		begin(&bench, small_set(env, i == 0 ? one : apart, i == 0 ? 1 : 3, N_COURSES + 1, false));
		make_rows(&bench);
		CHECK_EQ_INT(bench.rows.n, 0);
	}
	test_method_done(env);
}

/* Threads do not change a bit. */
static void
test_threads(void)
{
	Bench		bench = {.env = test_env()};
	FeatureRows one;

	begin(&bench, random_set(bench.env, 9, 1500, 90, N_COURSES, false));
	make_rows(&bench);
	one = bench.rows;
	for (int threads = 2; threads <= 5; threads += 3)
	{
		bench.env->n_threads = threads;
		make_rows(&bench);
		CHECK_EQ_INT(bench.rows.n, one.n);
		CHECK(memcmp(bench.rows.features, one.features, (size_t) (one.n * one.n_features) * sizeof(float)) == 0);
		CHECK(memcmp(bench.rows.targets, one.targets, (size_t) one.n * sizeof(float)) == 0);
	}
	test_method_done(bench.env);
}

/* The memory is that told. */
static void
test_bytes(void)
{
	static const RowTarget targets[] = {TARGET_RATING, TARGET_TAKEN};

	for (int i = 0; i < 4; i++)
	{
		Bench		bench = {.env = test_env()};
		Env		   *env = bench.env;
		TrainingSet *set = random_set(env, 9, 6000, 200, N_COURSES + 1, false);
		Shape		shape = {set->summary.n_users, set->summary.n_courses, set->summary.n_ratings, 0, 1, 0, 0};
		size_t		before;
		double		rows_bytes;
		double		wanted;
		double		peak;

		begin(&bench, set);
		bench.spec.target = targets[i % 2];
		bench.spec.max_rows = i < 2 ? 100000 : 1000;
		wanted = out_of_fold_bytes(&shape, &bench.spec, FACTORS, WIDTH + N_COURSES + 1, &rows_bytes);
		before = env->memory_used;
		env->memory_peak = before;
		make_rows(&bench);
		peak = (double) (env->memory_peak - before);
		if (peak > wanted + 4096 || peak < 0.8 * wanted)
			UNIT_FAIL("took %.0f bytes, estimated %.0f", peak, wanted);
		CHECK((double) (env->memory_used - before) <= rows_bytes + 3 * ENV_BLOCK_OVERHEAD);
		test_method_done(env);
	}
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN_ALONE(test_plain);
	RUN_ALONE(test_turned);
	RUN_ALONE(test_no_leak);
	RUN_ALONE(test_drawn);
	RUN_ALONE(test_classes);
	RUN_ALONE(test_unknown);
	RUN_ALONE(test_weights);
	RUN_ALONE(test_few);
	RUN(test_threads);
	RUN_ALONE(test_bytes);
	return unit_done();
}
