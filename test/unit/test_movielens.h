/*
 * test_movielens.h: MovieLens 100k and plain measures of accuracy, for tests against known figures.
 *
 * The data is in COURSE_RECSYS_DATA/movielens-100k; tests are skipped when that is unset. Ratings are held out
 * by the official folds u1 to u5, or as a quarter of the ratings of each film, drawn by a hash. RMSE is that of
 * clipped predictions, nDCG that of the first ten courses with binary gains.
 */
#ifndef TEST_MOVIELENS_H
#define TEST_MOVIELENS_H

#include "core/topk.h"
#include "test_method.h"

#define MOVIELENS_ROWS 100000
#define MOVIELENS_TOP 10

/* Ratings, with times in seconds. */
typedef struct MovielensRows
{
	TestRow    *rows;
	int			n;
} MovielensRows;

/* A training set, and the ratings that were held out, sorted by user. */
typedef struct MovielensSplit
{
	TrainingSet *set;
	MovielensRows test;
} MovielensSplit;

/* Fills scores[n_courses] of a user key: of a method, or anything that is to be compared with it. */
typedef void (*MovielensScore) (TestModel *model, const TrainingSet *set, int64_t user, float *scores);

/* Does COURSE_RECSYS_DATA say where the data is?  Otherwise tells that the whole file is skipped. */
static inline bool
movielens_present(void)
{
	const char *folder = getenv("COURSE_RECSYS_DATA");

	if (folder != NULL && folder[0] != '\0')
		return true;
	printf("1..0 # SKIP COURSE_RECSYS_DATA is not set\n");
	return false;
}

/* How many official folds tests of RMSE take: the first one, the hardest, or all with RECSYS_FOLDS=5. */
static inline int
movielens_n_folds(void)
{
	const char *folds = getenv("RECSYS_FOLDS");

	return folds != NULL && atoi(folds) == 5 ? 5 : 1;
}

/* Opens a file of the data; ends the program when there is none. */
static inline FILE *
movielens_open(const char *file)
{
	char		path[1000];
	FILE	   *in;

	snprintf(path, sizeof(path), "%s/movielens-100k/%s", getenv("COURSE_RECSYS_DATA"), file);
	in = fopen(path, "r");
	if (in == NULL)
	{
		printf("Bail out! cannot read %s\n", path);
		exit(1);
	}
	return in;
}

/* The rows of a file; the caller frees them. */
static inline MovielensRows
movielens_read(const char *file)
{
	MovielensRows read = {calloc(MOVIELENS_ROWS, sizeof(TestRow)), 0};
	FILE	   *in = movielens_open(file);
	long long	user;
	long long	course;
	long long	seconds;
	float		rating;

	while (read.n < MOVIELENS_ROWS &&
		   fscanf(in, "%lld %lld %f %lld", &user, &course, &rating, &seconds) == 4)
		read.rows[read.n++] = (TestRow) {user, course, rating, seconds};
	fclose(in);
	return read;
}

/* A training set of rows, with times or not. */
static inline TrainingSet *
movielens_set_of(Env *env, MovielensRows rows, bool with_times)
{
	return test_set(env, (TestShape) {KEY_NUMBER, KEY_NUMBER, with_times, false}, rows.rows, rows.n, 0);
}

/* A file as a training set. */
static inline TrainingSet *
movielens_set(Env *env, const char *file, bool with_times)
{
	MovielensRows rows = movielens_read(file);
	TrainingSet *set = movielens_set_of(env, rows, with_times);

	free(rows.rows);
	return set;
}

/* Order by user, then film. */
static inline int
movielens_compare_users(const void *a, const void *b)
{
	const TestRow *x = a;
	const TestRow *y = b;

	if (x->user != y->user)
		return x->user < y->user ? -1 : 1;
	return (x->course > y->course) - (x->course < y->course);
}

/* An official fold, 1 .. 5: 80,000 ratings to train on, 20,000 held out. */
static inline MovielensSplit
movielens_fold(Env *env, int fold)
{
	char		file[20];
	MovielensSplit split;

	snprintf(file, sizeof(file), "u%d.base", fold);
	split.set = movielens_set(env, file, false);
	snprintf(file, sizeof(file), "u%d.test", fold);
	split.test = movielens_read(file);
	CHECK_EQ_INT(split.set->summary.n_ratings, 80000);
	CHECK_EQ_INT(split.test.n, 20000);
	qsort(split.test.rows, (size_t) split.test.n, sizeof(TestRow), movielens_compare_users);
	return split;
}

/* Place of a row among those of its film. */
static inline uint64_t
movielens_hash(const TestRow *row)
{
	return hash_combine((uint64_t) row->course, (uint64_t) row->user);
}

/* Order by film, then hash. */
static inline int
movielens_compare_courses(const void *a, const void *b)
{
	const TestRow *x = a;
	const TestRow *y = b;

	if (x->course != y->course)
		return x->course < y->course ? -1 : 1;
	return (movielens_hash(x) > movielens_hash(y)) - (movielens_hash(x) < movielens_hash(y));
}

/* Moves the first quarter of the ratings of each film to test; both have room for all. */
static inline void
movielens_move_quarter(MovielensRows *all, MovielensRows *test)
{
	int			n_kept = 0;

	qsort(all->rows, (size_t) all->n, sizeof(TestRow), movielens_compare_courses);
	for (int begin = 0, end; begin < all->n; begin = end)
	{
		int			n_test;

		for (end = begin; end < all->n && all->rows[end].course == all->rows[begin].course; end++)
			continue;
		n_test = (int) (0.25 * (end - begin) + 0.5);
		memcpy(test->rows + test->n, all->rows + begin, (size_t) n_test * sizeof(TestRow));
		test->n += n_test;
		memmove(all->rows + n_kept, all->rows + begin + n_test,
				(size_t) (end - begin - n_test) * sizeof(TestRow));
		n_kept += end - begin - n_test;
	}
	all->n = n_kept;
	qsort(test->rows, (size_t) test->n, sizeof(TestRow), movielens_compare_users);
}

/* A quarter of the ratings of each film held out. */
static inline MovielensSplit
movielens_quarter(Env *env)
{
	MovielensRows all = movielens_read("u.data");
	MovielensSplit split = {NULL, {calloc((size_t) all.n, sizeof(TestRow)), 0}};

	movielens_move_quarter(&all, &split.test);
	split.set = movielens_set_of(env, all, false);
	free(all.rows);
	return split;
}

/* Training history of a user key; empty when it was not trained on. */
static inline History
movielens_history(const TrainingSet *set, int64_t user)
{
	Key			key = {.number = user};
	int32_t		u = idmap_find(&set->users, key);
	History		history = {.group = -1};

	if (u != IDMAP_NONE)
	{
		history = test_method_history(set, u);
		history.user_hash = user_key_hash(KEY_NUMBER, key);
	}
	return history;
}

/* RMSE of the predictions of the held-out ratings. */
static inline double
movielens_rmse(TestModel *model, const MovielensSplit *split)
{
	double		squares = 0;

	for (int i = 0; i < split->test.n; i++)
	{
		const TestRow *row = split->test.rows + i;
		History		history = movielens_history(split->set, row->user);
		int32_t		course = recommender_find(&model->rec, (Key) {.number = row->course});
		double		rating = recommender_predict(&model->rec, &history, course, model->scratch);

		squares += pow(rating - row->rating, 2);
	}
	return sqrt(squares / split->test.n);
}

/* RMSE of a method on an official fold. */
static inline double
movielens_fold_rmse(const Method *method, const char *lines, int fold)
{
	Env		   *env = test_env();
	MovielensSplit split = movielens_fold(env, fold);
	TestModel	model;
	double		rmse;

	env->n_threads = 2;
	model = test_method_open(env, method, lines, split.set);
	rmse = movielens_rmse(&model, &split);
	free(split.test.rows);
	test_method_done(env);
	return rmse;
}

/* Scores of the method. */
static inline void
movielens_method_score(TestModel *model, const TrainingSet *set, int64_t user, float *scores)
{
	History		history = movielens_history(set, user);

	model->rec.method->score(&model->rec, &history, model->scratch, scores);
}

/* The same popular courses for everybody. */
static inline void
movielens_popular_score(TestModel *model, const TrainingSet *set, int64_t user, float *scores)
{
	(void) set;
	(void) user;
	for (int32_t c = 0; c < model->rec.n_courses; c++)
		scores[c] = (float) model->rec.course_counts[c];
}

/* nDCG of one user with these scores, whose held-out courses are marked. */
static inline double
movielens_user_ndcg(const TestModel *model, const float *scores, const uint8_t *allowed,
					const uint8_t *relevant, int n_relevant)
{
	RankOptions options = {MOVIELENS_TOP, NAN, true, allowed};
	TopkItem	heap[MOVIELENS_TOP];
	Ranked		ranked[MOVIELENS_TOP];
	int			n = recommender_rank(&model->rec, scores, &options, heap, ranked);
	double		gain = 0;
	double		best = 0;

	for (int i = 0; i < n; i++)
		gain += relevant[ranked[i].course] / log2(i + 2);
	for (int i = 0; i < MOVIELENS_TOP && i < n_relevant; i++)
		best += 1 / log2(i + 2);
	return gain / best;
}

/* Mean nDCG over the users with a training and a held-out row. */
static inline double
movielens_ndcg(TestModel *model, const MovielensSplit *split, MovielensScore score)
{
	size_t		n_courses = (size_t) model->rec.n_courses;
	uint8_t    *allowed = malloc(n_courses);
	uint8_t    *relevant = malloc(n_courses);
	const TestRow *rows = split->test.rows;
	double		sum = 0;
	int			n_users = 0;

	for (int i = 0, end; i < split->test.n; i = end)
	{
		History		history = movielens_history(split->set, rows[i].user);

		memset(allowed, 1, n_courses);
		memset(relevant, 0, n_courses);
		for (int h = 0; h < history.n; h++)
			allowed[history.courses[h]] = 0;
		for (end = i; end < split->test.n && rows[end].user == rows[i].user; end++)
		{
			int32_t		course = recommender_find(&model->rec, (Key) {.number = rows[end].course});

			if (course != IDMAP_NONE)
				relevant[course] = 1;
		}
		if (history.n == 0)
			continue;
		score(model, split->set, rows[i].user, model->scores);
		sum += movielens_user_ndcg(model, model->scores, allowed, relevant, end - i);
		n_users++;
	}
	free(allowed);
	free(relevant);
	return sum / n_users;
}

#endif							/* TEST_MOVIELENS_H */
