/*
 * test_split.c: every strategy against a naive version that counts, for each row, the rows before it;
 * subsets of a training set against a set built from the rows alone; refusals; memory and cancel.
 */
#include "core/method.h"
#include "core/split.h"
#include "test_env.h"
#include "test_set.h"
#include "unit.h"

#define N_ROWS 1500
#define N_USERS 60
#define N_COURSES 40
#define RANGE 268435456.0		/* 2^28 */

/* Parts of a fold that a row may be in. */
enum
{
	TRAIN = 1,
	HISTORY = 2,
	TEST = 4
};

static const TestShape shapes[] = {
	{KEY_NUMBER, KEY_NUMBER, true, false},
	{KEY_BYTES, KEY_NUMBER, true, false},
	{KEY_NUMBER, KEY_BYTES, true, true},
};

/* A set of random rows. */
static void
make_set(Env *env, TestShape shape, TrainingSet *set)
{
	TestRow    *rows = test_rows(7, N_ROWS, N_USERS, N_COURSES);

	if (test_set_build(env, shape, rows, N_ROWS, N_COURSES + 2, set) != RECSYS_OK)
		abort();
	free(rows);
}

/* Where a column is in a row of a matrix, or -1. */
static int64_t
find_column(const Csr *csr, int32_t row, int32_t column)
{
	for (int64_t i = csr->offsets[row]; i < csr->offsets[row + 1]; i++)
		if (csr->indexes[i] == column)
			return i;
	return -1;
}

/* Is entry i of by_user of the set the same as entry j of a part? */
static bool
same_entry(const Csr *a, int64_t i, const Csr *b, int64_t j)
{
	return a->values[i] == b->values[j] && (a->times == NULL || a->times[i] == b->times[j]);
}

/* The parts that have entry i, of user u, with its rating and time. */
static int
parts_of(const TrainingSet *set, const Fold *fold, int32_t u, int64_t i)
{
	const Csr  *csr = &set->by_user;
	int32_t		course = csr->indexes[i];
	int32_t		user = idmap_find(&fold->train.users, idmap_key(&set->users, u));
	int64_t		in_train = user == IDMAP_NONE ? -1 :
		find_column(&fold->train.by_user, user, course);
	int64_t		in_history = find_column(&fold->history, u, course);
	int64_t		in_test = find_column(&fold->test, u, course);
	int			parts = 0;

	if (in_train >= 0 && same_entry(csr, i, &fold->train.by_user, in_train))
		parts |= TRAIN;
	if (in_history >= 0 && same_entry(csr, i, &fold->history, in_history))
		parts |= HISTORY;
	if (in_test >= 0 && same_entry(csr, i, &fold->test, in_test))
		parts |= TEST;
	return parts;
}

/* Draws a fold, or ends the program. */
static Fold
draw(Env *env, const TrainingSet *set, const SplitSpec *spec, int number)
{
	Fold		fold;

	if (split_fold(env, set, NULL, spec, number, &fold) != RECSYS_OK)
	{
		printf("# %s\n", env->error);
		abort();
	}
	return fold;
}

/* The hash of entry i, of user u. */
static uint32_t
row_hash(const TrainingSet *set, int32_t u, int64_t i, const SplitSpec *spec)
{
	return split_hash(set, u, set->by_user.indexes[i], spec->random_state);
}

/* What a strategy says of entry i of user u: the parts that it is in. */
typedef int (*Oracle) (const TrainingSet *set, const SplitSpec *spec, int number, int32_t u, int64_t i);

/* random: the hash alone decides. */
static int
oracle_random(const TrainingSet *set, const SplitSpec *spec, int number, int32_t u, int64_t i)
{
	double		share = row_hash(set, u, i, spec) / RANGE;
	bool		held_out = spec->folds > 1 ? (int) (share * spec->folds) == number - 1 :
		share < spec->test_size;

	return held_out ? TEST : TRAIN | HISTORY;
}

/* How many rows of the same course come before this one. */
static int
place_in_course(const TrainingSet *set, const SplitSpec *spec, int32_t u, int64_t i)
{
	int32_t		course = set->by_user.indexes[i];
	uint32_t	mine = row_hash(set, u, i, spec);
	int			before = 0;

	for (int32_t v = 0; v < set->users.n_keys; v++)
	{
		int64_t		j = find_column(&set->by_user, v, course);

		if (j >= 0 && (row_hash(set, v, j, spec) < mine || (row_hash(set, v, j, spec) == mine && v < u)))
			before++;
	}
	return before;
}

/* course, one fold: a share of the rows of each course. */
static int
oracle_course(const TrainingSet *set, const SplitSpec *spec, int number, int32_t u, int64_t i)
{
	double		n = (double) csr_row_length(&set->by_course, set->by_user.indexes[i]);

	(void) number;
	return place_in_course(set, spec, u, i) < floor(spec->test_size * n + 0.5) ? TEST : TRAIN | HISTORY;
}

/* leave_k_out: k rows of each user who has more than all folds hold out. */
static int
oracle_leave(const TrainingSet *set, const SplitSpec *spec, int number, int32_t u, int64_t i)
{
	const Csr  *csr = &set->by_user;
	int			first = (number - 1) * spec->leave_k;
	int			before = 0;

	if (csr_row_length(csr, u) <= spec->leave_k * spec->folds)
		return TRAIN | HISTORY;
	for (int64_t j = csr->offsets[u]; j < csr->offsets[u + 1]; j++)
	{
		bool		older = spec->latest && csr->times[j] < csr->times[i];
		bool		newer = spec->latest && csr->times[j] > csr->times[i];

		before += newer || (!older && row_hash(set, u, j, spec) < row_hash(set, u, i, spec));
	}
	return before >= first && before < first + spec->leave_k ? TEST : TRAIN | HISTORY;
}

/* time: less than the share that is kept comes at or before it? then it is after the cut. */
static int
oracle_time(const TrainingSet *set, const SplitSpec *spec, int number, int32_t u, int64_t i)
{
	const int64_t *times = set->by_user.times;
	int64_t		n = set->by_user.n_entries;
	int64_t		earlier = 0;

	(void) number, (void) u;
	for (int64_t j = 0; j < n; j++)
		earlier += times[j] < times[i];
	return earlier >= ceil((1 - spec->test_size) * (double) n) ? TEST : TRAIN | HISTORY;
}

/* A fold is what the oracle says, on 1 and 3 threads. */
static void
check_fold(const TrainingSet *set, SplitSpec spec, int number, Oracle oracle)
{
	for (int threads = 1; threads <= 3; threads += 2)
	{
		Env		   *env = test_env();
		Fold		fold;
		int64_t		bad = 0;

		env->n_threads = threads;
		fold = draw(env, set, &spec, number);
		for (int32_t u = 0; u < set->users.n_keys; u++)
			for (int64_t i = set->by_user.offsets[u]; i < set->by_user.offsets[u + 1]; i++)
				bad += parts_of(set, &fold, u, i) != oracle(set, &spec, number, u, i);
		CHECK_EQ_INT(bad, 0);
		CHECK_EQ_INT(fold.train.by_user.n_entries + fold.test.n_entries, set->by_user.n_entries);
		CHECK_EQ_INT(fold.history.n_entries, fold.train.by_user.n_entries);
		fold_free(env, &fold);
		test_env_done(env);
	}
}

/* The hash is the one of the docs: SELECT ('x' || left(md5('7/3/42'), 7))::bit(28)::int. */
static void
test_hash(void)
{
	TestRow		row = {7, 3, 1, 0};
	TestRow		negative = {-12, 3, 1, 0};
	TestShape	texts = {KEY_BYTES, KEY_BYTES, false, false};
	Env		   *env = test_env();
	TrainingSet set;

	CHECK_EQ_INT(test_set_build(env, shapes[0], &row, 1, 0, &set), RECSYS_OK);
	CHECK_EQ_INT(split_hash(&set, 0, 0, 42), 31138844);
	trainingset_free(env, &set);
	CHECK_EQ_INT(test_set_build(env, shapes[0], &negative, 1, 0, &set), RECSYS_OK);
	CHECK_EQ_INT(split_hash(&set, 0, 0, 42), 4682108);
	trainingset_free(env, &set);
	CHECK_EQ_INT(test_set_build(env, texts, &row, 1, 0, &set), RECSYS_OK);
	CHECK_EQ_INT(split_hash(&set, 0, 0, 42), 54954335);
	CHECK_EQ_INT(split_hash(&set, 0, 0, -5), 188967223);
	trainingset_free(env, &set);
	test_env_done(env);
}

/* random, course, leave_k_out and time, all kinds of keys. */
static void
test_strategies(void)
{
	for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++)
	{
		Env		   *env = test_env();
		TrainingSet set;
		SplitSpec	spec = {.test_size = 0.3, .folds = 1, .leave_k = 2, .random_state = 42};

		make_set(env, shapes[s], &set);
		spec.strategy = SPLIT_RANDOM;
		check_fold(&set, spec, 1, oracle_random);
		spec.strategy = SPLIT_COURSE;
		check_fold(&set, spec, 1, oracle_course);
		spec.strategy = SPLIT_TIME;
		check_fold(&set, spec, 1, oracle_time);
		spec.strategy = SPLIT_LEAVE_K_OUT;
		check_fold(&set, spec, 1, oracle_leave);
		spec.latest = true;
		check_fold(&set, spec, 1, oracle_leave);
		spec = (SplitSpec) {.strategy = SPLIT_RANDOM, .test_size = 0.5, .folds = 3, .leave_k = 3};
		check_fold(&set, spec, 2, oracle_random);
		spec.strategy = SPLIT_LEAVE_K_OUT;
		check_fold(&set, spec, 3, oracle_leave);
		trainingset_free(env, &set);
		test_env_done(env);
	}
}

/* The share that is held out is about test_size, and another random_state draws other rows. */
static void
test_shares(void)
{
	Env		   *env = test_env();
	TrainingSet set;
	SplitSpec	spec = {.strategy = SPLIT_RANDOM, .test_size = 0.25, .folds = 1, .leave_k = 1};
	Fold		a;
	Fold		b;
	int64_t		both = 0;

	make_set(env, shapes[0], &set);
	a = draw(env, &set, &spec, 1);
	spec.random_state = 1;
	b = draw(env, &set, &spec, 1);
	CHECK_NEAR((double) a.test.n_entries / (double) set.by_user.n_entries, 0.25, 0.03);
	for (int32_t u = 0; u < a.test.n_rows; u++)
		for (int64_t i = a.test.offsets[u]; i < a.test.offsets[u + 1]; i++)
			both += find_column(&b.test, u, a.test.indexes[i]) >= 0;
	CHECK_NEAR((double) both / (double) a.test.n_entries, 0.25, 0.06);
	fold_free(env, &a);
	fold_free(env, &b);
	trainingset_free(env, &set);
	test_env_done(env);
}

/* Folds hold out every row once; each course is spread evenly. */
static void
test_folds(void)
{
	static const SplitStrategy strategies[] = {SPLIT_RANDOM, SPLIT_COURSE};
	Env		   *env = test_env();
	TrainingSet set;

	make_set(env, shapes[1], &set);
	for (int s = 0; s < 2; s++)
	{
		SplitSpec	spec = {.strategy = strategies[s], .test_size = 0.2, .folds = 4, .leave_k = 1};
		int64_t		held_out = 0;
		int64_t		twice = 0;
		Fold		folds[4];

		for (int f = 0; f < 4; f++)
		{
			folds[f] = draw(env, &set, &spec, f + 1);
			held_out += folds[f].test.n_entries;
			for (int32_t c = 0; s == 1 && c < set.by_course.n_rows; c++)
			{
				int64_t		n = csr_row_length(&set.by_course, c);
				int64_t		kept = csr_row_length(&folds[f].train.by_course, c);

				CHECK(n - kept == n / 4 || n - kept == n / 4 + 1);
			}
			for (int32_t u = 0; u < set.users.n_keys; u++)
				for (int64_t i = folds[f].test.offsets[u]; i < folds[f].test.offsets[u + 1]; i++)
					for (int g = 0; g < f; g++)
						twice += find_column(&folds[g].test, u, folds[f].test.indexes[i]) >= 0;
		}
		CHECK_EQ_INT(held_out, set.by_user.n_entries);
		CHECK_EQ_INT(twice, 0);
		for (int f = 0; f < 4; f++)
			fold_free(env, &folds[f]);
	}
	trainingset_free(env, &set);
	test_env_done(env);
}

/* user: nobody of the held-out users is learned from; folds hold out every user once. */
static void
test_users(void)
{
	Env		   *env = test_env();
	SplitSpec	spec = {.strategy = SPLIT_USER, .test_size = 0.4, .folds = 3, .leave_k = 1};
	int			drawn[N_USERS] = {0};
	TrainingSet set;

	make_set(env, shapes[0], &set);
	for (int f = 1; f <= 3; f++)
	{
		Fold		fold = draw(env, &set, &spec, f);

		for (int32_t u = 0; u < set.users.n_keys; u++)
		{
			bool		learned = idmap_find(&fold.train.users, idmap_key(&set.users, u)) != IDMAP_NONE;
			int64_t		bad = 0;

			drawn[u] += !learned;
			for (int64_t i = set.by_user.offsets[u]; i < set.by_user.offsets[u + 1]; i++)
			{
				bool		asked = row_hash(&set, u, i, &spec) < 0.4 * RANGE;

				bad += parts_of(&set, &fold, u, i) != (learned ? TRAIN | HISTORY : asked ? TEST : HISTORY);
			}
			CHECK_EQ_INT(bad, 0);
		}
		fold_free(env, &fold);
	}
	for (int32_t u = 0; u < set.users.n_keys; u++)
		CHECK_EQ_INT(drawn[u], 1);
	trainingset_free(env, &set);
	test_env_done(env);
}

/* A training set of few rows. */
static void
make_small(Env *env, const TestRow *rows, int n, TrainingSet *set)
{
	TestShape	shape = {KEY_NUMBER, KEY_NUMBER, false, false};

	if (test_set_build(env, shape, rows, n, 0, set) != RECSYS_OK)
		abort();
}

/* A held-out table: known pairs leave the training part, unknown users and courses come last. */
static void
test_table(void)
{
	static const TestRow rows[] = {{1, 10, 5, 0}, {1, 20, 4, 0}, {2, 10, 3, 0}, {3, 30, 2, 0}};
	static const TestRow held_out[] = {
		{1, 5, 1, 0}, {1, 20, 2, 0}, {1, 30, 3, 0}, {0, 10, 4, 0}, {9, 99, 5, 0}, {3, 30, 1, 0}
	};
	Env		   *env = test_env();
	TrainingSet set;
	TrainingSet test;
	SplitSpec	spec;
	Fold		fold;

	make_small(env, rows, 4, &set);
	make_small(env, held_out, 6, &test);
	spec = split_defaults(&set);
	CHECK_EQ_INT(split_fold(env, &set, &test, &spec, 1, &fold), RECSYS_OK);
	/* Users 1, 2, 3 have indexes 0, 1, 2; users 0 and 9 get 3 and 4; courses 5 and 99 get 3 and 4. */
	CHECK_EQ_INT(fold.test.n_rows, 5);
	CHECK_EQ_INT(fold.test.n_cols, 5);
	CHECK_EQ_INT(fold.test.n_entries, 6);
	CHECK_EQ_INT(csr_row_length(&fold.test, 0), 3);
	CHECK_EQ_INT(fold.test.indexes[0], 1);	/* course 20 */
	CHECK_EQ_INT(fold.test.indexes[1], 2);	/* course 30 */
	CHECK_EQ_INT(fold.test.indexes[2], 3);	/* course 5 */
	CHECK_NEAR(fold.test.values[0], 2, 0);
	CHECK_NEAR(fold.test.values[2], 1, 0);
	CHECK_EQ_INT(csr_row_length(&fold.test, 1), 0);
	CHECK_EQ_INT(fold.test.indexes[fold.test.offsets[3]], 0);	/* user 0, course 10 */
	CHECK_EQ_INT(fold.test.indexes[fold.test.offsets[4]], 4);	/* user 9, course 99 */
	/* (1, 20) and (3, 30) are not learned from; user 3 has nothing left. */
	CHECK_EQ_INT(fold.train.by_user.n_entries, 2);
	CHECK_EQ_INT(fold.train.users.n_keys, 2);
	CHECK_EQ_INT(fold.train.courses.n_keys, 3);
	CHECK_EQ_INT(fold.train.summary.n_courses_rated, 1);
	CHECK_NEAR(fold.train.summary.mean, 4, 1e-9);
	CHECK_EQ_INT(csr_row_length(&fold.history, 2), 0);
	CHECK(fold.user_hash[1] == user_key_hash(KEY_NUMBER, (Key) {.number = 2}));
	fold_free(env, &fold);
	trainingset_free(env, &set);
	trainingset_free(env, &test);
	test_env_done(env);
}

/* Two matrices are equal. */
static void
check_same_csr(const Csr *a, const Csr *b)
{
	CHECK_EQ_INT(a->n_rows, b->n_rows);
	CHECK_EQ_INT(a->n_entries, b->n_entries);
	if (a->n_rows != b->n_rows || a->n_entries != b->n_entries)
		return;
	CHECK(memcmp(a->offsets, b->offsets, ((size_t) a->n_rows + 1) * sizeof(int64_t)) == 0);
	CHECK(memcmp(a->indexes, b->indexes, (size_t) a->n_entries * sizeof(int32_t)) == 0);
	CHECK(memcmp(a->values, b->values, (size_t) a->n_entries * sizeof(float)) == 0);
	CHECK(memcmp(a->times, b->times, (size_t) a->n_entries * sizeof(int64_t)) == 0);
}

/* Every third user goes, and some rows of the others: as if the set was built from what is left. */
static void
test_subset(void)
{
	Env		   *env = test_env();
	uint8_t    *marks;
	TestRow    *rows = calloc(N_ROWS, sizeof(TestRow));
	int			n = 0;
	TrainingSet set;
	TrainingSet subset;
	TrainingSet built;

	make_set(env, shapes[0], &set);
	set.user_group = env_alloc(env, (size_t) set.users.n_keys, sizeof(int32_t));
	marks = calloc((size_t) set.by_user.n_entries, 1);
	for (int32_t u = 0; u < set.users.n_keys; u++)
	{
		set.user_group[u] = u % 5;
		for (int64_t i = set.by_user.offsets[u]; u % 3 != 0 && i < set.by_user.offsets[u + 1]; i++)
		{
			marks[i] = i % 4 == 0 ? 1 : 2;
			if (marks[i] == 2)
				rows[n++] = (TestRow) {set.users.numbers[u], set.courses.numbers[set.by_user.indexes[i]],
				set.by_user.values[i], set.by_user.times[i]};
		}
	}
	CHECK_EQ_INT(trainingset_subset(env, &set, marks, 2, &subset), RECSYS_OK);
	CHECK_EQ_INT(test_set_build(env, shapes[0], rows, n, N_COURSES + 2, &built), RECSYS_OK);
	check_same_csr(&subset.by_user, &built.by_user);
	check_same_csr(&subset.by_course, &built.by_course);
	CHECK(memcmp(&subset.summary, &built.summary, sizeof(Summary)) == 0);
	CHECK_EQ_INT(subset.users.n_keys, built.users.n_keys);
	for (int32_t u = 0; u < built.users.n_keys; u++)
	{
		int32_t		before = idmap_find(&set.users, idmap_key(&built.users, u));

		CHECK_EQ_INT(subset.users.numbers[u], built.users.numbers[u]);
		CHECK_EQ_INT(subset.user_group[u], before % 5);
	}
	CHECK(subset.courses.numbers == set.courses.numbers);
	memset(marks, 1, (size_t) set.by_user.n_entries);
	trainingset_free(env, &subset);
	trainingset_free(env, &built);
	CHECK_EQ_INT(trainingset_subset(env, &set, marks, 2, &subset), RECSYS_BAD_DATA);
	env_free_all(env);
	test_env_done(env);
	free(marks);
	free(rows);
}

/* A spec is refused with the status; nothing is left behind but what the Env frees. */
static void
check_refused(const TrainingSet *set, const TrainingSet *test, SplitSpec spec, RecsysStatus status)
{
	Env		   *env = test_env();
	Fold		fold;

	CHECK_EQ_INT(split_fold(env, set, test, &spec, 1, &fold), status);
	CHECK(env->error[0] != '\0');
	env_free_all(env);
	test_env_done(env);
}

/* There are as many folds as the spec says; a held-out table has one. */
static void
test_numbers(void)
{
	static const TestRow one[] = {{1, 1, 1, 0}};
	SplitSpec	spec = {SPLIT_RANDOM, 0.2, 3, 1, false, 42};
	Env		   *env = test_env();
	TrainingSet set;
	TrainingSet test;
	Fold		fold;

	make_set(env, shapes[0], &set);
	make_small(env, one, 1, &test);
	CHECK_EQ_INT(split_fold(env, &set, NULL, &spec, 0, &fold), RECSYS_BAD_ARGUMENT);
	CHECK_EQ_INT(split_fold(env, &set, NULL, &spec, 4, &fold), RECSYS_BAD_ARGUMENT);
	CHECK_EQ_INT(split_fold(env, &set, &test, &spec, 2, &fold), RECSYS_BAD_ARGUMENT);
	trainingset_free(env, &set);
	trainingset_free(env, &test);
	test_env_done(env);
}

/* What cannot be split. */
static void
test_refusals(void)
{
	static const TestRow one_each[] = {{1, 1, 1, 0}, {2, 2, 2, 0}};
	SplitSpec	good = {SPLIT_RANDOM, 0.2, 1, 1, false, 42};
	Env		   *env = test_env();
	TrainingSet set;
	TrainingSet timeless;
	TrainingSet texts;
	SplitSpec	bad;

	make_set(env, shapes[0], &set);
	make_set(env, shapes[1], &texts);
	make_small(env, one_each, 2, &timeless);
	CHECK_EQ_INT(split_defaults(&set).strategy, SPLIT_TIME);
	CHECK_EQ_INT(split_defaults(&timeless).strategy, SPLIT_RANDOM);
	bad = good, bad.test_size = 0;
	check_refused(&set, NULL, bad, RECSYS_BAD_ARGUMENT);
	bad = good, bad.test_size = NAN;
	check_refused(&set, NULL, bad, RECSYS_BAD_ARGUMENT);
	bad = good, bad.folds = SPLIT_FOLDS_MAX + 1;
	check_refused(&set, NULL, bad, RECSYS_BAD_ARGUMENT);
	bad = good, bad.leave_k = 0;
	check_refused(&set, NULL, bad, RECSYS_BAD_ARGUMENT);
	bad = good, bad.strategy = SPLIT_TIME;
	check_refused(&timeless, NULL, bad, RECSYS_BAD_ARGUMENT);
	bad.folds = 2;
	check_refused(&set, NULL, bad, RECSYS_BAD_ARGUMENT);
	bad = good, bad.strategy = SPLIT_LEAVE_K_OUT;
	check_refused(&timeless, NULL, bad, RECSYS_BAD_DATA);	/* one row each: nothing can be held out */
	check_refused(&timeless, &timeless, good, RECSYS_BAD_DATA); /* nothing is left */
	check_refused(&set, &texts, good, RECSYS_BAD_ARGUMENT);
	trainingset_free(env, &set);
	trainingset_free(env, &texts);
	trainingset_free(env, &timeless);
	test_env_done(env);
}

/* Equal times: nothing comes after the cut. */
static void
test_equal_times(void)
{
	static const TestRow rows[] = {{1, 1, 1, 5}, {2, 2, 2, 5}, {3, 1, 1, TIME_OLDEST}};
	SplitSpec	spec = {SPLIT_TIME, 0.2, 1, 1, false, 42};
	Env		   *env = test_env();
	TrainingSet set;

	CHECK_EQ_INT(test_set_build(env, shapes[0], rows, 3, 0, &set), RECSYS_OK);
	check_refused(&set, NULL, spec, RECSYS_BAD_DATA);
	spec.test_size = 0.9;		/* the row without a time is all that is kept */
	check_fold(&set, spec, 1, oracle_time);
	trainingset_free(env, &set);
	test_env_done(env);
}

/* Any allocation may fail, and a cancel may come at any poll. */
static void
test_failures(void)
{
	static const SplitStrategy strategies[] = {SPLIT_USER, SPLIT_COURSE, SPLIT_TIME};
	Env		   *env = test_env();
	TrainingSet set;

	make_set(env, shapes[1], &set);
	for (int s = 0; s < 4; s++)
	{
		SplitSpec	spec = {strategies[s % 3], 0.3, 1, 1, false, 42};
		const TrainingSet *test = s == 3 ? &set : NULL;
		RecsysStatus done = s == 3 ? RECSYS_BAD_DATA : RECSYS_OK;	/* all rows are held out */

		for (int kind = 0; kind < 2; kind++)
		{
			RecsysStatus failed = kind == 0 ? RECSYS_NO_MEMORY : RECSYS_INTERRUPTED;
			RecsysStatus status = failed;
			int			n = 0;

			for (; n < 1000 && status == failed; n++)
			{
				Env			inner;
				Fold		fold;

				env_enter(env, &inner);
				(kind == 0 ? test_env_fail_after : test_env_interrupt_after) (env, n);
				status = split_fold(&inner, &set, test, &spec, 1, &fold);
				CHECK_EQ_INT(env_leave(env, &inner, status), status);
			}
			test_env_fail_after(env, -1);
			test_env_interrupt_after(env, -1);
			CHECK_EQ_INT(status, done);
			CHECK(n > 3);
		}
	}
	trainingset_free(env, &set);
	test_env_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN_ALONE(test_hash);
	RUN(test_strategies);
	RUN_ALONE(test_shares);
	RUN_ALONE(test_folds);
	RUN_ALONE(test_users);
	RUN_ALONE(test_table);
	RUN_ALONE(test_subset);
	RUN_ALONE(test_numbers);
	RUN_ALONE(test_refusals);
	RUN_ALONE(test_equal_times);
	RUN_ALONE(test_failures);
	return unit_done();
}
