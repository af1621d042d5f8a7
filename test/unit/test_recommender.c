/*
 * test_recommender.c: training, opening and using models of a small method; damaged models.
 */
#include <stddef.h>

#include "core/baseline.h"
#include "core/method.h"
#include "test_env.h"
#include "test_set.h"
#include "unit.h"

#define N_ROWS 3000
#define N_COURSES 40

static const TestShape number_keys = {KEY_NUMBER, KEY_NUMBER, true, false};
static const TestShape text_keys = {KEY_BYTES, KEY_BYTES, true, false};

/* ------------------------------------------------- a method: sum of ratings + shift */

typedef struct SumParams
{
	CommonParams common;
	double		shift;
} SumParams;

typedef struct SumState
{
	const float *sums;
} SumState;

static const ParamDef sum_params[] = {
	{.name = "shift", .type = PARAM_FLOAT, .offset = offsetof(SumParams, shift),
	.default_text = "0.5", .min = -1000, .max = 1000, .description = "Added to each sum."},
};

/* Refuses a shift of 13. */
static RecsysStatus
sum_check(Env *env, const TrainingSet *set, const void *params)
{
	(void) set;
	if (((const SumParams *) params)->shift == 13)
		return env_fail(env, RECSYS_BAD_ARGUMENT, "no 13");
	return RECSYS_OK;
}

/* One sum a course. */
static RecsysStatus
sum_fit(Env *env, const TrainingSet *set, const void *params, ModelWriter *writer)
{
	float	   *sums = env_alloc_zero(env, (size_t) set->by_course.n_rows, sizeof(float));

	if (sums == NULL)
		return env->status;
	for (int32_t c = 0; c < set->by_course.n_rows; c++)
	{
		for (int64_t i = set->by_course.offsets[c]; i < set->by_course.offsets[c + 1]; i++)
			sums[c] += set->by_course.values[i];
		sums[c] += (float) ((const SumParams *) params)->shift;
	}
	return model_put(env, writer, "test.sums", SECTION_FLOAT, set->by_course.n_rows, 1, sums);
}

/* Points at the sums. */
static RecsysStatus
sum_open(Env *env, Recommender *rec)
{
	SumState   *state = rec->state;
	int64_t		n = rec->n_courses;
	int64_t		n_cols = 1;
	const void *sums;

	TRY(model_get(env, &rec->model, "test.sums", SECTION_FLOAT, &n, &n_cols, &sums));
	state->sums = sums;
	return RECSYS_OK;
}

/* Two floats a course. */
static size_t
sum_scratch_size(const Recommender *rec)
{
	return 2 * sizeof(float) * (size_t) rec->n_courses;
}

/* The sums, whoever asks. */
static void
sum_score(const Recommender *rec, const History *history, void *scratch, float *scores)
{
	(void) history;
	(void) scratch;
	memcpy(scores, ((const SumState *) rec->state)->sums, (size_t) rec->n_courses * sizeof(float));
}

/* Far too high for course 0, far too low for course 1, 3 for course 2, nothing for the others. */
static double
sum_predict(const Recommender *rec, const History *history, int32_t course, void *scratch)
{
	(void) rec;
	(void) history;
	(void) scratch;
	return course == 0 ? 1000 : course == 1 ? -INFINITY : course == 2 ? 3 : NAN;
}

static const Method sum_method = {
	.name = "sum_1", .description = "Sum of the ratings.", .objective = OBJECTIVE_RANKING,
	.params = {"sum_1", sum_params, 1, sizeof(SumParams)}, .state_size = sizeof(SumState),
	.check = sum_check, .fit = sum_fit, .open = sum_open, .scratch_size = sum_scratch_size,
	.score = sum_score, .predict = sum_predict
};

/* ---------------------------------------------------------------- training */

/* A set of random rows with N_COURSES courses, genres, words and groups. */
static void
make_set(Env *env, TestShape shape, uint64_t shuffle, TrainingSet *set)
{
	TestRow    *rows = test_rows(21, N_ROWS, 100, N_COURSES);
	StringTable genres;

	if (shuffle != 0)
		test_shuffle(rows, N_ROWS, shuffle);
	CHECK_EQ_INT(test_set_build(env, shape, rows, N_ROWS, N_COURSES + 2, set), RECSYS_OK);
	CHECK_EQ_INT(strings_init(env, &genres), RECSYS_OK);
	CHECK_EQ_INT(strings_add(env, &genres, "sql", 3), RECSYS_OK);
	CHECK_EQ_INT(trainingset_set_genres(env, set, &genres), RECSYS_OK);
	CHECK_EQ_INT(strings_init(env, &set->groups), RECSYS_OK);
	CHECK_EQ_INT(strings_add(env, &set->groups, "age=1", 5), RECSYS_OK);
	CHECK_EQ_INT(strings_add(env, &set->groups, "age=2", 5), RECSYS_OK);
	CHECK_EQ_INT(strings_add(env, &set->groups, "age=20", 6), RECSYS_OK);
	set->user_group = env_alloc_zero(env, (size_t) set->users.n_keys, sizeof(int32_t));
	CHECK_EQ_INT(trainingset_fingerprint(env, set), RECSYS_OK);
	free(rows);
}

/* Default parameters with this shift. */
static SumParams
make_params(Env *env, double shift)
{
	SumParams	params;

	CHECK_EQ_INT(params_set_defaults(env, &sum_method.params, &params), RECSYS_OK);
	params.shift = shift;
	return params;
}

/* Trains on a fresh set. */
static RecsysStatus
train(Env *env, const Method *method, TestShape shape, uint64_t shuffle, void **bytes,
	  size_t *length)
{
	SumParams	params = make_params(env, 2.5);
	TrainingSet set;

	make_set(env, shape, shuffle, &set);
	return recommender_train(env, method, &params, &set, bytes, length);
}

/* Summaries are equal, field by field. */
static void
check_summary(const Summary *a, const Summary *b)
{
	CHECK_EQ_INT(a->n_users, b->n_users);
	CHECK_EQ_INT(a->n_courses, b->n_courses);
	CHECK_EQ_INT(a->n_courses_rated, b->n_courses_rated);
	CHECK_EQ_INT(a->n_ratings, b->n_ratings);
	CHECK_EQ_INT(a->n_duplicates, b->n_duplicates);
	CHECK(a->mean == b->mean && a->min == b->min && a->max == b->max);
	CHECK_EQ_INT(a->first_time, b->first_time);
	CHECK_EQ_INT(a->last_time, b->last_time);
	CHECK(a->fingerprint == b->fingerprint && a->fingerprint != 0);
	CHECK_EQ_INT(a->implicit, b->implicit);
	CHECK_EQ_INT(a->n_scale, b->n_scale);
	CHECK(memcmp(a->scale, b->scale, (size_t) b->n_scale * sizeof(float)) == 0);
}

/* All courses, last first, each followed by a key that no course has, as one batch. */
static void
check_find_batch(const TrainingSet *set, const Recommender *rec, Key unknown)
{
	Env		   *env = test_env();
	int32_t		n = rec->n_courses;
	int32_t    *indexes = malloc(2 * (size_t) n * sizeof(int32_t));
	KeyBatch	keys;

	CHECK(keybatch_init(env, &keys, rec->course_kind, 2 * n) == RECSYS_OK);
	for (int32_t c = n - 1; c >= 0; c--)
	{
		CHECK(keybatch_add(env, &keys, idmap_key(&set->courses, c)) == RECSYS_OK);
		CHECK(keybatch_add(env, &keys, unknown) == RECSYS_OK);
	}
	recommender_find_batch(rec, &keys, indexes);
	for (int32_t i = 0; i < n; i++)
	{
		CHECK_EQ_INT(indexes[2 * i], n - 1 - i);
		CHECK_EQ_INT(indexes[2 * i + 1], IDMAP_NONE);
	}
	keybatch_free(env, &keys);
	test_env_done(env);
	free(indexes);
}

/* Every course is found by key and by id, and has its count; others are not found. */
static void
check_courses(const Recommender *rec, const TrainingSet *set)
{
	Key			unknown = {.number = 987654, .bytes = "987654", .length = 6};

	CHECK_EQ_INT(rec->n_courses, set->courses.n_keys);
	CHECK_EQ_INT(rec->course_kind, set->courses.kind);
	for (int32_t c = 0; c < rec->n_courses; c++)
	{
		int32_t		length;
		const char *id = strings_get(&rec->course_ids, c, &length);

		CHECK_EQ_INT(recommender_find(rec, idmap_key(&set->courses, c)), c);
		CHECK_EQ_INT(recommender_find_text(rec, id, length), c);
		CHECK_EQ_INT(rec->course_counts[c], csr_row_length(&set->by_course, c));
	}
	CHECK_EQ_INT(recommender_find(rec, unknown), IDMAP_NONE);
	CHECK_EQ_INT(recommender_find_text(rec, "987654", 6), IDMAP_NONE);
	check_find_batch(set, rec, unknown);
}

/* More ratings first, then the lower index; ranks are places. */
static void
check_popularity(const Recommender *rec)
{
	for (int32_t i = 0; i < rec->n_courses; i++)
	{
		int32_t		course = rec->popularity_order[i];
		int32_t		before = i == 0 ? course : rec->popularity_order[i - 1];

		CHECK_EQ_INT(rec->popularity_rank[course], i);
		CHECK(i == 0 || rec->course_counts[before] > rec->course_counts[course] ||
			  (rec->course_counts[before] == rec->course_counts[course] && before < course));
	}
}

/* What was trained is there after opening. */
static void
check_round_trip(TestShape shape)
{
	Env		   *env = test_env();
	SumParams	params = make_params(env, 2.5);
	TrainingSet set;
	Recommender rec;
	void	   *bytes;
	size_t		length;
	float		scores[N_COURSES + 2];

	make_set(env, shape, 0, &set);
	CHECK_EQ_INT(recommender_train(env, &sum_method, &params, &set, &bytes, &length), RECSYS_OK);
	CHECK_EQ_INT(recommender_open_as(env, &rec, &sum_method, bytes, length), RECSYS_OK);
	CHECK(rec.method == &sum_method);
	CHECK_NEAR(((SumParams *) rec.params)->shift, 2.5, 0);
	check_summary(&rec.summary, &set.summary);
	check_courses(&rec, &set);
	check_popularity(&rec);
	CHECK_EQ_INT(recommender_scratch_size(&rec), 2 * sizeof(float) * (N_COURSES + 2));
	rec.method->score(&rec, NULL, NULL, scores);
	CHECK_NEAR(scores[0] - 2.5, rec.course_counts[0] * 3, rec.course_counts[0] * 2);
	CHECK_EQ_INT(rec.groups.n, 0);
	CHECK_EQ_INT(rec.genre_names.n, 0);
	env_free_all(env);
	test_env_done(env);
}

/* Both kinds of keys. */
static void
test_round_trip(void)
{
	check_round_trip(number_keys);
	check_round_trip(text_keys);
}

/* Only the shown form of a number is an id. */
static void
test_find_text(void)
{
	static const char *const bad[] = {"", "07", "+7", " 7", "7 ", "7x", "x", "-", "-0",
	"99999999999999999999", "77777777777777777777777777777777777777777"};
	Env		   *env = test_env();
	Recommender rec;
	void	   *bytes;
	size_t		length;

	CHECK_EQ_INT(train(env, &sum_method, number_keys, 0, &bytes, &length), RECSYS_OK);
	CHECK_EQ_INT(recommender_open_as(env, &rec, &sum_method, bytes, length), RECSYS_OK);
	CHECK_EQ_INT(recommender_find_text(&rec, "7", 1), 7);
	CHECK_EQ_INT(recommender_find_text(&rec, "7\0", 2), IDMAP_NONE);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_EQ_INT(recommender_find_text(&rec, bad[i], (int64_t) strlen(bad[i])), IDMAP_NONE);
	env_free_all(env);
	test_env_done(env);
}

/* Same bytes for any number of threads and any order of arrival; other parameters, other bytes. */
static void
test_deterministic(void)
{
	Env		   *env = test_env();
	void	   *a;
	void	   *b;
	size_t		a_length;
	size_t		b_length;
	SumParams	params = make_params(env, 3);
	TrainingSet set;

	CHECK_EQ_INT(train(env, &sum_method, text_keys, 0, &a, &a_length), RECSYS_OK);
	env->n_threads = 4;
	CHECK_EQ_INT(train(env, &sum_method, text_keys, 77, &b, &b_length), RECSYS_OK);
	CHECK(a_length == b_length && memcmp(a, b, a_length) == 0);
	make_set(env, text_keys, 0, &set);
	CHECK_EQ_INT(recommender_train(env, &sum_method, &params, &set, &b, &b_length), RECSYS_OK);
	CHECK(a_length != b_length || memcmp(a, b, a_length) != 0);
	env_free_all(env);
	test_env_done(env);
}

/* What a method needs is checked before it fits, and what it stores is there. */
static void
test_needs(void)
{
	static const char *const messages[] = {"method \"sum_1\" needs genres",
	"method \"sum_1\" needs terms", "method \"sum_1\" needs attributes of users"};
	Env		   *env = test_env();
	Method		method = sum_method;
	SumParams	params = make_params(env, 0);
	TestRow		row = {1, 1, 1, 0};
	TrainingSet set;
	Recommender rec;
	void	   *bytes;
	size_t		length;

	CHECK_EQ_INT(test_set_build(env, number_keys, &row, 1, 0, &set), RECSYS_OK);
	for (int i = 0; i < 3; i++)
	{
		method.needs = 1u << i;
		CHECK_EQ_INT(recommender_train(env, &method, &params, &set, &bytes, &length),
					 RECSYS_BAD_DATA);
		CHECK(strcmp(env->error, messages[i]) == 0);
		CHECK(strncmp(env->hint, "Register the dataset with ", 26) == 0);
	}
	method.needs = NEEDS_GENRES | NEEDS_GROUPS;
	CHECK_EQ_INT(train(env, &method, number_keys, 0, &bytes, &length), RECSYS_OK);
	CHECK_EQ_INT(recommender_open_as(env, &rec, &method, bytes, length), RECSYS_OK);
	CHECK_EQ_INT(rec.genre_names.n, 1);
	CHECK_EQ_INT(recommender_find_group(&rec, "age=1", 5), 0);
	CHECK_EQ_INT(recommender_find_group(&rec, "age=2", 5), 1);
	CHECK_EQ_INT(recommender_find_group(&rec, "age=20", 6), 2);
	CHECK_EQ_INT(recommender_find_group(&rec, "age=", 4), -1);
	CHECK_EQ_INT(recommender_find_group(&rec, "age=200", 7), -1);
	CHECK_EQ_INT(recommender_find_group(&rec, "", 0), -1);
	params.shift = 13;
	CHECK_EQ_INT(recommender_train(env, &sum_method, &params, &set, &bytes, &length),
				 RECSYS_BAD_ARGUMENT);
	env_free_all(env);
	test_env_done(env);
}

/* Predictions are clipped; the baseline stands in where there is none. */
static void
test_predict(void)
{
	int32_t		courses[] = {3, 5};
	float		ratings[] = {5, 4};
	History		history = {.n = 2, .courses = courses, .ratings = ratings};
	History		empty = {.n = 0};
	Env		   *env = test_env();
	Recommender rec;
	void	   *bytes;
	size_t		length;
	double		user_bias;

	CHECK_EQ_INT(train(env, &sum_method, number_keys, 0, &bytes, &length), RECSYS_OK);
	CHECK_EQ_INT(recommender_open_as(env, &rec, &sum_method, bytes, length), RECSYS_OK);
	CHECK_NEAR(recommender_predict(&rec, &history, 0, NULL), 5, 0);
	CHECK_NEAR(recommender_predict(&rec, &history, 1, NULL), 1, 0);
	CHECK_NEAR(recommender_predict(&rec, &history, 2, NULL), 3, 0);
	user_bias = (5 - rec.summary.mean - rec.course_bias[3] + 4 - rec.summary.mean -
				 rec.course_bias[5]) / (15 + 2);
	CHECK_NEAR(recommender_predict(&rec, &history, 6, NULL),
			   rec.summary.mean + user_bias + rec.course_bias[6], 1e-12);
	CHECK_NEAR(recommender_predict(&rec, &history, IDMAP_NONE, NULL), rec.summary.mean + user_bias,
			   1e-12);
	CHECK_NEAR(recommender_predict(&rec, &empty, 6, NULL), rec.summary.mean + rec.course_bias[6],
			   1e-12);
	CHECK_NEAR(recommender_predict(&rec, &empty, IDMAP_NONE, NULL), rec.summary.mean, 0);
	ratings[0] = 1e6f;
	CHECK_NEAR(recommender_baseline(&rec, &history, 6), 5, 0);
	CHECK(rec.course_bias[N_COURSES + 1] == 0 && rec.course_bias[0] != 0);
	env_free_all(env);
	test_env_done(env);
}

/* Users are known by a hash of their own. */
static void
test_user_hash(void)
{
	Key			one = {.number = 1, .bytes = "1", .length = 1};
	Key			two = {.number = 2, .bytes = "2", .length = 1};

	for (int kind = KEY_NUMBER; kind <= KEY_BYTES; kind++)
	{
		CHECK(user_key_hash(kind, one) == user_key_hash(kind, one));
		CHECK(user_key_hash(kind, one) != user_key_hash(kind, two));
		CHECK(user_key_hash(kind, one) != key_hash(kind, one, 0));
	}
}

/* ---------------------------------------------------------------- damaged models */

/* Any one damaged byte, and any shorter length, is refused. */
static void
test_damaged_bytes(void)
{
	Env		   *env = test_env();
	Recommender rec;
	void	   *bytes;
	size_t		length;
	int			accepted = 0;

	CHECK_EQ_INT(train(env, &sum_method, text_keys, 0, &bytes, &length), RECSYS_OK);
	for (size_t i = 0; i < length; i += i < 2048 ? 1 : 7)
	{
		((unsigned char *) bytes)[i] ^= 0x41;
		accepted += recommender_open_as(env, &rec, &sum_method, bytes, length) == RECSYS_OK;
		((unsigned char *) bytes)[i] ^= 0x41;
	}
	for (size_t i = 0; i < length; i += 64)
		accepted += recommender_open_as(env, &rec, &sum_method, bytes, i) == RECSYS_OK;
	CHECK_EQ_INT(accepted, 0);
	CHECK_EQ_INT(recommender_open_as(env, &rec, &sum_method, bytes, length), RECSYS_OK);
	env_free_all(env);
	test_env_done(env);
}

static const struct
{
	const char *name;
	SectionType type;
}			sections[] = {
	{"method", SECTION_BYTES}, {"params", SECTION_BYTES}, {"summary.counts", SECTION_INT64},
	{"summary.range", SECTION_DOUBLE}, {"summary.scale", SECTION_FLOAT},
	{"course_numbers", SECTION_INT64}, {"course_ids.offsets", SECTION_INT64},
	{"course_ids.bytes", SECTION_BYTES}, {"course_slots", SECTION_INT32},
	{"course_counts", SECTION_INT32}, {"popularity_order", SECTION_INT32},
	{"popularity_rank", SECTION_INT32}, {"course_bias", SECTION_FLOAT}, {"test.sums", SECTION_FLOAT}
};

#define N_SECTIONS ((int) (sizeof(sections) / sizeof(sections[0])))

/* Bytes of one value. */
static size_t
value_size(SectionType type)
{
	return type == SECTION_BYTES ? 1 : type == SECTION_FLOAT || type == SECTION_INT32 ? 4 : 8;
}

/* Writes a number as a value of the type. */
static void
set_value(SectionType type, void *to, double value)
{
	if (type == SECTION_BYTES)
		*(char *) to = (char) value;
	else if (type == SECTION_FLOAT)
		*(float *) to = (float) value;
	else if (type == SECTION_DOUBLE)
		*(double *) to = value;
	else if (type == SECTION_INT32)
		*(int32_t *) to = (int32_t) value;
	else
		*(int64_t *) to = (int64_t) value;
}

/*
 * What opening says of the model with value number `at` of a section changed, or
 * with -at values more; name NULL: with nothing changed.
 */
static RecsysStatus
open_forged(Env *env, const void *bytes, size_t length, const char *name, int64_t at, double value)
{
	Model		model;
	ModelWriter writer;
	Recommender rec;
	void	   *forged;
	bool		found = name == NULL;

	CHECK_EQ_INT(model_open(env, &model, bytes, length), RECSYS_OK);
	model_begin(&writer);
	for (int i = 0; i < N_SECTIONS; i++)
	{
		SectionType type = sections[i].type;
		int64_t		n = -1;
		int64_t		n_cols = 1;
		const void *data;
		char	   *copy;

		CHECK_EQ_INT(model_get(env, &model, sections[i].name, type, &n, &n_cols, &data), RECSYS_OK);
		copy = env_alloc(env, (size_t) n + 100, value_size(type));
		memcpy(copy, data, (size_t) n * value_size(type));
		if (name != NULL && strcmp(name, sections[i].name) == 0)
		{
			found = at < n;
			if (at >= 0)
				set_value(type, copy + (size_t) at * value_size(type), value);
			for (; at < 0; at++)
				set_value(type, copy + (size_t) n++ * value_size(type), value);
		}
		CHECK_EQ_INT(model_put(env, &writer, sections[i].name, type, n, 1, copy), RECSYS_OK);
	}
	CHECK(found);
	CHECK_EQ_INT(model_finish(env, &writer, &forged, &length), RECSYS_OK);
	return recommender_open_as(env, &rec, &sum_method, forged, length);
}

/* Values that cannot be right are refused although the checksum is. */
static void
test_forged(void)
{
	static const struct
	{
		const char *name;
		int			at;
		double		value;
	}			bad[] = {
		{"method", 0, 'A'}, {"method", 1, 0}, {"params", 0, '='},
		{"summary.counts", 0, 0}, {"summary.counts", 0, 1e12}, {"summary.counts", 1, 41},
		{"summary.counts", 1, -1}, {"summary.counts", 1, 1e10}, {"summary.counts", 2, 43},
		{"summary.counts", 3, 17}, {"summary.counts", 4, -1}, {"summary.counts", 5, 1000},
		{"summary.counts", 8, 2}, {"summary.range", 0, NAN}, {"summary.range", 0, 6},
		{"summary.range", 1, -INFINITY}, {"summary.range", 2, INFINITY},
		{"summary.scale", 1, 1}, {"summary.scale", 0, NAN}, {"course_slots", 0, -2},
		{"course_slots", 0, N_COURSES + 2}, {"course_ids.offsets", 1, 1e6},
		{"course_counts", 0, -1}, {"course_counts", 0, 1e6},
		{"popularity_order", 0, -1}, {"popularity_order", 3, N_COURSES + 2},
		{"popularity_rank", 0, -1}, {"popularity_rank", 0, N_COURSES + 2},
		{"course_bias", 5, NAN}, {"course_bias", 5, INFINITY},
		{"method", -80, 'a'}, {"summary.counts", -1, 0}, {"summary.range", -1, 9},
		{"summary.scale", -20, 9}, {"course_numbers", -1, 99}, {"course_slots", -1, -1},
		{"course_counts", -1, 0}, {"popularity_order", -1, N_COURSES + 2},
		{"popularity_rank", -1, N_COURSES + 2}, {"course_bias", -1, 0}
	};
	Env		   *env = test_env();
	void	   *bytes;
	size_t		length;

	CHECK_EQ_INT(train(env, &sum_method, number_keys, 0, &bytes, &length), RECSYS_OK);
	CHECK_EQ_INT(open_forged(env, bytes, length, NULL, 0, 0), RECSYS_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		RecsysStatus status = open_forged(env, bytes, length, bad[i].name, bad[i].at, bad[i].value);

		if (status != RECSYS_CORRUPT)
			UNIT_FAIL("%s[%d] = %g gives %d", bad[i].name, bad[i].at, bad[i].value, (int) status);
		CHECK(status == RECSYS_CORRUPT && env->hint[0] != '\0');
	}
	CHECK_EQ_INT(open_forged(env, bytes, length, "method", 4, '2'), RECSYS_NEWER_FORMAT);
	CHECK(strcmp(env->error, "model was trained by method \"sum_2\", "
				 "which this version does not have") == 0);
	env_free_all(env);
	test_env_done(env);
}

/* A slot more for course 0 makes the lookup table invalid. */
static void
test_forged_slots(void)
{
	Env		   *env = test_env();
	Recommender rec;
	void	   *bytes;
	size_t		length;

	CHECK_EQ_INT(train(env, &sum_method, number_keys, 0, &bytes, &length), RECSYS_OK);
	CHECK_EQ_INT(recommender_open_as(env, &rec, &sum_method, bytes, length), RECSYS_OK);
	for (int64_t i = 0; i < rec.n_course_slots; i++)
		if (rec.course_slots[i] == IDMAP_NONE)
			CHECK_EQ_INT(open_forged(env, bytes, length, "course_slots", i, 0), RECSYS_CORRUPT);
	env_free_all(env);
	test_env_done(env);
}

/* A method that is not in the table cannot be opened by name. */
static void
test_unknown_method(void)
{
	Env		   *env = test_env();
	Recommender rec;
	void	   *bytes;
	size_t		length;

	CHECK_EQ_INT(train(env, &sum_method, number_keys, 0, &bytes, &length), RECSYS_OK);
	CHECK_EQ_INT(recommender_open(env, &rec, bytes, length), RECSYS_NEWER_FORMAT);
	env_free_all(env);
	test_env_done(env);
}

/* Failed allocations and stops end training and opening, and leave nothing. */
static void
test_failures(void)
{
	RecsysStatus status[2] = {RECSYS_NO_MEMORY, RECSYS_INTERRUPTED};

	for (int kind = 0; kind < 2; kind++)
	{
		RecsysStatus expected = status[kind];

		for (int n = 0; status[kind] == expected && n < 1000; n++)
		{
			Env		   *env = test_env();
			SumParams	params = make_params(env, 1);
			TrainingSet set;
			Recommender rec;
			void	   *bytes;
			size_t		length;

			make_set(env, number_keys, 0, &set);
			if (kind == 0)
				test_env_fail_after(env, n);
			else
				test_env_interrupt_after(env, n);
			status[kind] = recommender_train(env, &sum_method, &params, &set, &bytes, &length);
			if (status[kind] == RECSYS_OK)
				status[kind] = recommender_open_as(env, &rec, &sum_method, bytes, length);
			CHECK(n > 0 || status[kind] == expected);
			env_free_all(env);
			test_env_done(env);
		}
		CHECK_EQ_INT(status[kind], RECSYS_OK);
	}
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_round_trip);
	RUN(test_find_text);
	RUN(test_deterministic);
	RUN(test_needs);
	RUN(test_predict);
	RUN(test_user_hash);
	RUN(test_damaged_bytes);
	RUN(test_forged);
	RUN(test_forged_slots);
	RUN(test_unknown_method);
	RUN(test_failures);
	return unit_done();
}
