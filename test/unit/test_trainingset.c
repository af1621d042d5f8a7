/*
 * test_trainingset.c: loading, sorting and dropping duplicates against a naive version; refusals.
 */
#include "core/trainingset.h"
#include "test_env.h"
#include "test_set.h"
#include "unit.h"

/* Four full batches and a fifth that is not. */
#define N_ROWS (15 * BATCH_ROWS_MIN + 17)

/* Batches of every size, the largest one twice, and several chunks of every step of finishing. */
#define N_ROWS_MANY (3 * BATCH_ROWS_MAX)

static const TestShape numbers = {KEY_NUMBER, KEY_NUMBER, true, false};

/* Key kinds of the comparison that is running, for qsort. */
static TestShape order;

/* Compares two keys of a kind in key order. */
static int
compare_keys(KeyKind kind, int64_t a, int64_t b)
{
	char		a_text[32];
	char		b_text[32];

	if (kind == KEY_NUMBER)
		return (a > b) - (a < b);
	test_key(kind, a, a_text);
	test_key(kind, b, b_text);
	return strcmp(a_text, b_text);
}

/* qsort: by user, course, then the row that counts first. */
static int
compare_by_user(const void *a, const void *b)
{
	const TestRow *x = a;
	const TestRow *y = b;
	int			result = compare_keys(order.user_kind, x->user, y->user);

	if (result == 0)
		result = compare_keys(order.course_kind, x->course, y->course);
	if (result == 0 && order.with_times)
		result = (x->time < y->time) - (x->time > y->time);
	if (result == 0)
		result = (x->rating < y->rating) - (x->rating > y->rating);
	return result;
}

/* qsort: by course, then user. */
static int
compare_by_course(const void *a, const void *b)
{
	const TestRow *x = a;
	const TestRow *y = b;
	int			result = compare_keys(order.course_kind, x->course, y->course);

	return result != 0 ? result : compare_keys(order.user_kind, x->user, y->user);
}

/* Sorts rows by user and keeps the one that counts of each pair; returns how many are left. */
static int
naive_unique(TestRow *rows, int n)
{
	int			left = 0;

	qsort(rows, (size_t) n, sizeof(TestRow), compare_by_user);
	for (int i = 0; i < n; i++)
	{
		if (left == 0 || rows[left - 1].user != rows[i].user ||
			rows[left - 1].course != rows[i].course)
			rows[left++] = rows[i];
	}
	return left;
}

/* Is this the key of the number? */
static bool
key_is(const IdMap *map, int32_t index, int64_t number)
{
	char		text[32];
	Key			expected = test_key(map->kind, number, text);
	Key			key = idmap_key(map, index);

	if (map->kind == KEY_NUMBER)
		return key.number == expected.number;
	return bytes_compare(key.bytes, key.length, expected.bytes, expected.length) == 0;
}

/* Every entry of the matrix is the next of the rows, which are in its order. */
static void
check_matrix(const TrainingSet *set, bool by_user, const TestRow *rows, int n)
{
	const Csr  *csr = by_user ? &set->by_user : &set->by_course;
	int64_t		bad = 0;

	CHECK_EQ_INT(csr->n_entries, n);
	CHECK_EQ_INT(csr->offsets[0], 0);
	CHECK_EQ_INT(csr->offsets[csr->n_rows], n);
	if (csr->n_entries != n)
		return;
	for (int32_t row = 0; row < csr->n_rows; row++)
	{
		for (int64_t i = csr->offsets[row]; i < csr->offsets[row + 1]; i++)
		{
			int32_t		user = by_user ? row : csr->indexes[i];
			int32_t		course = by_user ? csr->indexes[i] : row;

			bad += !key_is(&set->users, user, rows[i].user);
			bad += !key_is(&set->courses, course, rows[i].course);
			bad += csr->values[i] != rows[i].rating;
			bad += csr->times != NULL && csr->times[i] != rows[i].time;
		}
	}
	CHECK_EQ_INT(bad, 0);
}

/* One shape: set and naive version agree. */
static void
check_shape(TestShape shape, int n, int n_users, int n_courses)
{
	Env		   *env = test_env();
	TestRow    *rows = test_rows(42, n, n_users, n_courses);
	TrainingSet set;
	int			left;

	order = shape;
	CHECK_EQ_INT(test_set_build(env, shape, rows, n, n_courses, &set), RECSYS_OK);
	left = naive_unique(rows, n);
	check_matrix(&set, true, rows, left);
	qsort(rows, (size_t) left, sizeof(TestRow), compare_by_course);
	check_matrix(&set, false, rows, left);
	CHECK(left < n);
	CHECK_EQ_INT(set.summary.n_ratings, left);
	CHECK_EQ_INT(set.summary.n_duplicates, n - left);
	CHECK((set.by_user.times != NULL) == shape.with_times);
	trainingset_free(env, &set);
	test_env_done(env);
	free(rows);
}

/* All kinds of keys, with and without times, agree with the naive version. */
static void
test_oracle(void)
{
	for (int i = 0; i < 8; i++)
	{
		TestShape	shape = {i & 1 ? KEY_BYTES : KEY_NUMBER, i & 2 ? KEY_BYTES : KEY_NUMBER, i & 4, false};

		check_shape(shape, 5000, 200, 60);
		check_shape(shape, 300, 4, 3);
	}
	check_shape(numbers, N_ROWS, 5000, 300);
	check_shape(numbers, N_ROWS_MANY, 5000, 3000);
}

/* Two arrays have the same bytes; both may be NULL. */
static bool
same_bytes(const void *a, const void *b, size_t length)
{
	return (a == NULL) == (b == NULL) && (a == NULL || memcmp(a, b, length) == 0);
}

/* Two keys of one kind are the same. */
static bool
same_key(Key a, Key b)
{
	return a.number == b.number && bytes_compare(a.bytes, a.length, b.bytes, b.length) == 0;
}

/* Two matrices have the same bytes. */
static bool
same_csr(const Csr *a, const Csr *b)
{
	size_t		n = (size_t) a->n_entries;

	return a->n_rows == b->n_rows && a->n_cols == b->n_cols && a->n_entries == b->n_entries &&
		same_bytes(a->offsets, b->offsets, ((size_t) a->n_rows + 1) * sizeof(int64_t)) &&
		same_bytes(a->indexes, b->indexes, n * sizeof(int32_t)) &&
		same_bytes(a->values, b->values, n * sizeof(float)) &&
		same_bytes(a->times, b->times, n * sizeof(int64_t));
}

/* Two sets have the same bytes. */
static void
check_same(Env *env, TrainingSet *a, TrainingSet *b)
{
	CHECK(same_csr(&a->by_user, &b->by_user));
	CHECK(same_csr(&a->by_course, &b->by_course));
	for (int32_t u = 0; u < a->users.n_keys && u < b->users.n_keys; u++)
		CHECK(same_key(idmap_key(&a->users, u), idmap_key(&b->users, u)));
	for (int32_t c = 0; c < a->courses.n_keys && c < b->courses.n_keys; c++)
		CHECK(same_key(idmap_key(&a->courses, c), idmap_key(&b->courses, c)));
	CHECK_EQ_INT(trainingset_fingerprint(env, a), RECSYS_OK);
	CHECK_EQ_INT(trainingset_fingerprint(env, b), RECSYS_OK);
	CHECK(a->summary.fingerprint == b->summary.fingerprint);
	CHECK(memcmp(&a->summary, &b->summary, sizeof(Summary)) == 0);
}

/* The order of arrival leaves no trace. */
static void
test_arrival_order(void)
{
	TestShape	shape = {KEY_NUMBER, KEY_BYTES, true, false};
	Env		   *env = test_env();
	TestRow    *rows = test_rows(7, N_ROWS, 3000, 200);
	TrainingSet a;
	TrainingSet b;

	CHECK_EQ_INT(test_set_build(env, shape, rows, N_ROWS, 0, &a), RECSYS_OK);
	test_shuffle(rows, N_ROWS, 1);
	CHECK_EQ_INT(test_set_build(env, shape, rows, N_ROWS, 0, &b), RECSYS_OK);
	check_same(env, &a, &b);
	trainingset_free(env, &a);
	trainingset_free(env, &b);
	test_env_done(env);
	free(rows);
}

/* Nor does the number of threads; kinds of keys are mixed. */
static void
test_threads(void)
{
	static const int n_threads[] = {1, 2, 5};
	TestRow    *rows = test_rows(5, N_ROWS_MANY, 9000, 400);

	for (int i = 0; i < 2; i++)
	{
		TestShape	shape = {i ? KEY_NUMBER : KEY_BYTES, i ? KEY_BYTES : KEY_NUMBER, i, false};
		Env		   *env = test_env();
		TrainingSet sets[3];

		for (int k = 0; k < 3; k++)
		{
			env->n_threads = n_threads[k];
			CHECK_EQ_INT(test_set_build(env, shape, rows, N_ROWS_MANY, 7, &sets[k]), RECSYS_OK);
			if (k > 0)
				check_same(env, &sets[0], &sets[k]);
		}
		for (int k = 0; k < 3; k++)
			trainingset_free(env, &sets[k]);
		test_env_done(env);
	}
	free(rows);
}

/* Batches that are just full, and one row less or more; keys repeat within each. */
static void
test_batches(void)
{
	for (int extra = -1; extra <= 1; extra++)
	{
		check_shape((TestShape) {KEY_NUMBER, KEY_BYTES, true, false}, BATCH_ROWS_MIN + extra, 70, 60);
		check_shape((TestShape) {KEY_BYTES, KEY_NUMBER, false, false}, 3 * BATCH_ROWS_MIN + extra, 80, 50);
	}
}

/* Long keys end a batch before its rows do. */
static void
test_long_keys(void)
{
	enum
	{
		LENGTH = 10000,
		N = BATCH_ROWS_MIN
	};
	static char text[LENGTH];
	Env		   *env = test_env();
	TrainingBuilder builder;
	TrainingSet set;

	memset(text, 'x', LENGTH);
	CHECK_EQ_INT(builder_init(env, &builder, KEY_NUMBER, KEY_BYTES, false, true), RECSYS_OK);
	for (int i = 0; i < N; i++)
	{
		Key			course = {.bytes = text, .length = LENGTH - i % 5};

		text[LENGTH - 10] = (char) ('a' + i % 2);
		CHECK_EQ_INT(builder_add_rating(env, &builder, (Key) {.number = i}, course, 1, 0), RECSYS_OK);
	}
	CHECK(env->memory_peak < 4 * (size_t) BATCH_BYTES_MAX);
	CHECK_EQ_INT(builder_finish(env, &builder, &set), RECSYS_OK);
	CHECK_EQ_INT(set.users.n_keys, N);
	CHECK_EQ_INT(set.courses.n_keys, 10);
	for (int i = 0; i < N; i++)
	{
		int32_t		length;
		const char *course = strings_get(&set.courses.strings, set.by_user.indexes[i], &length);

		CHECK(length == LENGTH - i % 5 && course[LENGTH - 10] == 'a' + i % 2);
	}
	trainingset_free(env, &set);
	test_env_done(env);
}

/* The latest time wins, no time is the oldest, then the largest rating; -0 is 0. */
static void
test_duplicates(void)
{
	TestRow		rows[] = {{1, 1, 5, 10}, {1, 1, 2, 30}, {1, 1, 3, 30}, {1, 1, 4, 20},
	{1, 2, 5, TIME_OLDEST}, {1, 2, 1, -5}, {2, 1, -0.0f, 1}, {2, 1, 0.0f, 1}};
	TestShape	without_times = {KEY_NUMBER, KEY_NUMBER, false, false};
	Env		   *env = test_env();
	TrainingSet set;

	CHECK_EQ_INT(test_set_build(env, numbers, rows, 8, 0, &set), RECSYS_OK);
	CHECK_EQ_INT(set.summary.n_ratings, 3);
	CHECK_EQ_INT(set.summary.n_duplicates, 5);
	CHECK_NEAR(set.by_user.values[0], 3, 0);
	CHECK_EQ_INT(set.by_user.times[0], 30);
	CHECK_NEAR(set.by_user.values[1], 1, 0);
	CHECK(!signbit(set.by_user.values[2]));
	trainingset_free(env, &set);

	CHECK_EQ_INT(test_set_build(env, without_times, rows, 8, 0, &set), RECSYS_OK);
	CHECK_NEAR(set.by_user.values[0], 5, 0);
	CHECK_NEAR(set.by_user.values[1], 5, 0);
	trainingset_free(env, &set);
	test_env_done(env);
}

/* Counts, mean, range, scale and times, by hand. */
static void
test_summary(void)
{
	TestRow		rows[] = {{1, 10, 2, 100}, {1, 20, 3, 50}, {2, 10, 4.5f, -7}, {3, 10, 2, TIME_OLDEST}};
	Env		   *env = test_env();
	TrainingSet set;

	CHECK_EQ_INT(test_set_build(env, numbers, rows, 4, 3, &set), RECSYS_OK);
	CHECK_EQ_INT(set.summary.n_users, 3);
	CHECK_EQ_INT(set.summary.n_courses, 5);
	CHECK_EQ_INT(set.summary.n_courses_rated, 2);
	CHECK_EQ_INT(set.summary.n_ratings, 4);
	CHECK_EQ_INT(set.summary.n_duplicates, 0);
	CHECK_NEAR(set.summary.mean, 11.5 / 4, 1e-12);
	CHECK_NEAR(set.summary.min, 2, 0);
	CHECK_NEAR(set.summary.max, 4.5, 0);
	CHECK_EQ_INT(set.summary.first_time, -7);
	CHECK_EQ_INT(set.summary.last_time, 100);
	CHECK_EQ_INT(set.summary.implicit, 0);
	CHECK_EQ_INT(set.summary.n_scale, 3);
	CHECK(set.summary.scale[0] == 2 && set.summary.scale[1] == 3 && set.summary.scale[2] == 4.5f);
	trainingset_free(env, &set);
	test_env_done(env);
}

/* Number of the scale when n distinct ratings come in descending order. */
static int
scale_of(int n)
{
	TestRow		rows[SCALE_MAX + 2];
	Env		   *env = test_env();
	TrainingSet set;
	int			n_scale;

	for (int i = 0; i < n; i++)
		rows[i] = (TestRow) {i, 1, (float) (n - i), TIME_OLDEST};
	CHECK_EQ_INT(test_set_build(env, numbers, rows, n, 0, &set), RECSYS_OK);
	n_scale = set.summary.n_scale;
	for (int i = 0; i < n_scale; i++)
		CHECK_NEAR(set.summary.scale[i], i + 1, 0);
	CHECK_EQ_INT(set.summary.last_time, TIME_OLDEST);
	trainingset_free(env, &set);
	test_env_done(env);
	return n_scale;
}

/* A scale is kept up to its limit. */
static void
test_scale(void)
{
	CHECK_EQ_INT(scale_of(1), 1);
	CHECK_EQ_INT(scale_of(SCALE_MAX), SCALE_MAX);
	CHECK_EQ_INT(scale_of(SCALE_MAX + 1), 0);
	CHECK_EQ_INT(scale_of(SCALE_MAX + 2), 0);
}

/* Ratings that are all different: range and mean of all of them, no scale. */
static void
test_many_ratings(void)
{
	enum
	{
		N = 5001
	};
	static TestRow rows[N];
	Env		   *env = test_env();
	TrainingSet set;

	for (int i = 0; i < N; i++)
		rows[i] = (TestRow) {i, i % 7, (float) (i * 1234 % N - 2500) / 8, i};
	CHECK_EQ_INT(test_set_build(env, numbers, rows, N, 0, &set), RECSYS_OK);
	CHECK_NEAR(set.summary.min, -2500.0 / 8, 0);
	CHECK_NEAR(set.summary.max, 2500.0 / 8, 0);
	CHECK_NEAR(set.summary.mean, 0, 1e-12);
	CHECK_EQ_INT(set.summary.n_scale, 0);
	trainingset_free(env, &set);
	test_env_done(env);
}

/* Implicit: every row counts 1, whatever rating is passed. */
static void
test_implicit(void)
{
	TestShape	shape = {KEY_NUMBER, KEY_NUMBER, false, true};
	TestRow		rows[] = {{1, 1, NAN, 0}, {1, 2, 5, 0}, {2, 1, INFINITY, 0}, {1, 1, 3, 0}};
	Env		   *env = test_env();
	TrainingSet set;

	CHECK_EQ_INT(test_set_build(env, shape, rows, 4, 0, &set), RECSYS_OK);
	CHECK_EQ_INT(set.summary.n_ratings, 3);
	CHECK_EQ_INT(set.summary.implicit, 1);
	for (int i = 0; i < 3; i++)
		CHECK(set.by_user.values[i] == 1 && set.by_course.values[i] == 1);
	CHECK_NEAR(set.summary.mean, 1, 0);
	CHECK_EQ_INT(set.summary.n_scale, 1);
	trainingset_free(env, &set);
	test_env_done(env);
}

/* No rows, courses or not, are refused; so are ratings that are not numbers. */
static void
test_bad_data(void)
{
	TestRow		bad[] = {
		{1, 1, NAN, 0}, {1, 1, INFINITY, 0}, {1, 1, -INFINITY, 0}, {1, 1, 1.1e12f, 0}
	};
	Env		   *env = test_env();
	TrainingSet set;

	CHECK_EQ_INT(test_set_build(env, numbers, NULL, 0, 5, &set), RECSYS_BAD_DATA);
	CHECK(strcmp(env->error, "there are no ratings") == 0);
	for (int i = 0; i < 4; i++)
	{
		CHECK_EQ_INT(test_set_build(env, numbers, bad + i, 1, 0, &set), RECSYS_BAD_DATA);
		CHECK(strcmp(env->error, "rating must be finite and at most 1e+12") == 0);
	}
	env_free_all(env);
	test_env_done(env);
}

/* The smallest set. */
static void
test_one(void)
{
	TestRow		row = {INT64_MIN, INT64_MAX, -3, TIME_OLDEST};
	Env		   *env = test_env();
	TrainingSet set;

	CHECK_EQ_INT(test_set_build(env, numbers, &row, 1, 0, &set), RECSYS_OK);
	CHECK_EQ_INT(set.by_user.n_rows, 1);
	CHECK_EQ_INT(set.by_course.n_rows, 1);
	CHECK(key_is(&set.users, 0, INT64_MIN) && key_is(&set.courses, 0, INT64_MAX));
	CHECK_NEAR(set.summary.mean, -3, 0);
	trainingset_free(env, &set);
	test_env_done(env);
}

/* Any memory limit below the peak is refused, in the middle of a batch too; nothing stays. */
static void
check_limits(TestShape shape, const TestRow *rows, size_t peak)
{
	for (int i = 1; i < 16; i++)
	{
		Env		   *env = test_env();
		TrainingSet set;

		env->memory_limit = i < 15 ? peak * (size_t) i / 15 : peak - 1;
		CHECK_EQ_INT(test_set_build(env, shape, rows, N_ROWS, 0, &set), RECSYS_OVER_LIMIT);
		env_free_all(env);
		test_env_done(env);
	}
}

/* The peak is a limit, and below the estimate. */
static void
check_memory(TestShape shape)
{
	TestRow    *rows = test_rows(3, N_ROWS, 2000, 100);
	Env		   *env = test_env();
	TrainingSet set;
	TrainingShape expected = {N_ROWS, 0, 0, shape.user_kind, shape.course_kind, true, false};
	size_t		peak;
	size_t		bytes;
	size_t		held;

	CHECK_EQ_INT(test_set_build(env, shape, rows, N_ROWS, 0, &set), RECSYS_OK);
	peak = env->memory_peak;
	expected.n_users = set.users.n_keys;
	expected.n_courses = set.courses.n_keys;
	CHECK(trainingset_bytes(&expected, &bytes, &held));
	CHECK(peak <= bytes + sizeof(TrainingBuilder) + 65536);
	CHECK(bytes < 2 * peak);
	CHECK_NEAR((double) held, (double) env->memory_used, 0.2 * (double) env->memory_used);
	trainingset_free(env, &set);
	test_env_done(env);
	check_limits(shape, rows, peak);
	free(rows);
}

/* Numbers and text, and sizes that no machine has. */
static void
test_memory_limit(void)
{
	TestShape	text = {KEY_BYTES, KEY_BYTES, true, false};
	TrainingShape rows = {.n_rows = INT64_MAX, .n_users = 1, .n_courses = 1, .with_times = true};
	TrainingShape users = {.n_rows = 1, .n_users = INT64_C(1) << 31, .n_courses = 1};
	size_t		bytes;
	size_t		held;

	check_memory(numbers);
	check_memory(text);
	CHECK(!trainingset_bytes(&rows, &bytes, &held));
	CHECK(!trainingset_bytes(&users, &bytes, &held));
}

/* Every allocation may fail. */
static void
test_no_memory(void)
{
	TestRow    *rows = test_rows(3, 2000, 500, 100);
	TestShape	shape = {KEY_BYTES, KEY_BYTES, true, false};
	TrainingSet set;
	RecsysStatus status = RECSYS_NO_MEMORY;

	for (int n = 0; status == RECSYS_NO_MEMORY && n < 1000; n++)
	{
		Env		   *env = test_env();

		test_env_fail_after(env, n);
		status = test_set_build(env, shape, rows, 2000, 0, &set);
		CHECK(n > 10 || status == RECSYS_NO_MEMORY);
		env_free_all(env);
		test_env_done(env);
	}
	CHECK_EQ_INT(status, RECSYS_OK);
	free(rows);
}

/* A stop is obeyed at every poll of building and hashing, and there are some. */
static void
test_interrupts(void)
{
	TestRow    *rows = test_rows(3, N_ROWS, 2000, 100);
	RecsysStatus status = RECSYS_INTERRUPTED;
	int			n = 0;

	for (; status == RECSYS_INTERRUPTED && n < 1000; n++)
	{
		Env		   *env = test_env();
		TrainingSet set;

		test_env_interrupt_after(env, n);
		env->n_threads = 1 + n % 2;
		status = test_set_build(env, numbers, rows, N_ROWS, 0, &set);
		if (status == RECSYS_OK)
			status = trainingset_fingerprint(env, &set);
		if (status == RECSYS_OK)
			CHECK(test_env_of(env)->phase == PHASE_PREPARING &&
				  test_env_of(env)->n_progress > 0);
		env_free_all(env);
		test_env_done(env);
	}
	CHECK_EQ_INT(status, RECSYS_OK);
	CHECK(n > 25);
	free(rows);
}

/* A set with all kinds of side information, one of which may differ. */
static uint64_t
fingerprint_with(int change)
{
	TestRow		rows[] = {{1, 0, 3, 5}, {2, 1, 4, 6}};
	Env		   *env = test_env();
	TrainingSet set;
	TermsBuilder terms;
	StringTable genres;
	uint64_t	fingerprint;

	rows[1].user += change == 1;
	rows[1].course += change == 2;
	rows[1].rating += change == 3;
	rows[1].time += change == 4;
	CHECK_EQ_INT(test_set_build(env, numbers, rows, 2, change == 5 ? 4 : 3, &set), RECSYS_OK);
	CHECK_EQ_INT(strings_init(env, &genres), RECSYS_OK);
	CHECK_EQ_INT(strings_add(env, &genres, change == 6 ? "sql" : "web", 3), RECSYS_OK);
	CHECK_EQ_INT(trainingset_set_genres(env, &set, &genres), RECSYS_OK);
	matrix_row(&set.genres, 2)[0] = change == 7 ? 1 : 2;
	CHECK_EQ_INT(terms_init(env, &terms), RECSYS_OK);
	CHECK_EQ_INT(terms_add(env, &terms, change == 8, change == 9 ? "a" : "b", 1,
						   change == 10 ? 1 : 2), RECSYS_OK);
	CHECK_EQ_INT(terms_finish(env, &terms, &set), RECSYS_OK);
	set.user_group = env_alloc_zero(env, 2, sizeof(int32_t));
	set.user_group[1] = change == 11 ? 0 : -1;
	CHECK_EQ_INT(strings_init(env, &set.groups), RECSYS_OK);
	CHECK_EQ_INT(strings_add(env, &set.groups, change == 12 ? "x" : "y", 1), RECSYS_OK);
	set.summary.implicit = change == 13;
	CHECK_EQ_INT(trainingset_fingerprint(env, &set), RECSYS_OK);
	fingerprint = set.summary.fingerprint;
	strings_free(env, &genres);
	trainingset_free(env, &set);
	test_env_done(env);
	return fingerprint;
}

/* Every kind of change changes the fingerprint; no change does not. */
static void
test_fingerprint(void)
{
	uint64_t	seen[14];

	CHECK(fingerprint_with(0) == fingerprint_with(0));
	for (int i = 0; i < 14; i++)
	{
		seen[i] = fingerprint_with(i);
		for (int j = 0; j < i; j++)
			CHECK(seen[i] != seen[j]);
	}
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_oracle);
	RUN(test_arrival_order);
	RUN(test_threads);
	RUN(test_batches);
	RUN(test_long_keys);
	RUN(test_duplicates);
	RUN(test_summary);
	RUN(test_scale);
	RUN(test_many_ratings);
	RUN(test_implicit);
	RUN(test_bad_data);
	RUN(test_one);
	RUN(test_memory_limit);
	RUN(test_no_memory);
	RUN(test_interrupts);
	RUN(test_fingerprint);
	return unit_done();
}
