/*
 * test_movielens_rows.h: MovieLens 100k for the golden tests of the methods.
 *
 * Reads COURSE_RECSYS_DATA/movielens-100k: the official folds u1 to u5 for the error of predictions, and a
 * quarter of the ratings of each film, drawn by a hash, for the quality of rankings.
 */
#ifndef TEST_MOVIELENS_ROWS_H
#define TEST_MOVIELENS_ROWS_H

#include "core/topk.h"
#include "test_method.h"

#define MOVIELENS_MAX_ROWS 100000
#define MOVIELENS_TOP 10

/* Ratings. */
typedef struct MovielensRows
{
	TestRow    *rows;
	int			n;
} MovielensRows;

/* Does COURSE_RECSYS_DATA say where the data is?  Otherwise the whole file is skipped. */
static inline bool
movielens_present(void)
{
	const char *folder = getenv("COURSE_RECSYS_DATA");

	if (folder != NULL && folder[0] != '\0')
		return true;
	printf("1..0 # SKIP COURSE_RECSYS_DATA is not set\n");
	return false;
}

/* The rows of a file of the data set; the caller frees them. */
static inline MovielensRows
movielens_read(const char *file)
{
	MovielensRows read = {calloc(MOVIELENS_MAX_ROWS, sizeof(TestRow)), 0};
	char		path[1000];
	FILE	   *in;
	long long	user;
	long long	course;
	float		rating;

	snprintf(path, sizeof(path), "%s/movielens-100k/%s", getenv("COURSE_RECSYS_DATA"), file);
	in = fopen(path, "r");
	if (in == NULL)
	{
		printf("Bail out! cannot read %s\n", path);
		exit(1);
	}
	while (read.n < MOVIELENS_MAX_ROWS &&
		   fscanf(in, "%lld %lld %f %*d", &user, &course, &rating) == 3)
		read.rows[read.n++] = (TestRow) {user, course, rating, 0};
	fclose(in);
	return read;
}

/* Place of a row among those of its film. */
static inline uint64_t
movielens_hash(const TestRow *row)
{
	return hash_combine((uint64_t) row->course, (uint64_t) row->user);
}

/* Order by film, then hash. */
static inline int
movielens_compare(const void *a, const void *b)
{
	const TestRow *x = a;
	const TestRow *y = b;

	if (x->course != y->course)
		return x->course < y->course ? -1 : 1;
	return (movielens_hash(x) > movielens_hash(y)) - (movielens_hash(x) < movielens_hash(y));
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

/* Splits off the first quarter of each film; both parts end up sorted by user. */
static inline void
movielens_quarter(MovielensRows all, MovielensRows *train, MovielensRows *test)
{
	*train = (MovielensRows) {calloc((size_t) all.n, sizeof(TestRow)), 0};
	*test = (MovielensRows) {calloc((size_t) all.n, sizeof(TestRow)), 0};
	qsort(all.rows, (size_t) all.n, sizeof(TestRow), movielens_compare);
	for (int begin = 0, end; begin < all.n; begin = end)
	{
		int			n_test;

		for (end = begin; end < all.n && all.rows[end].course == all.rows[begin].course; end++)
			continue;
		n_test = (int) (0.25 * (end - begin) + 0.5);
		for (int i = begin; i < end; i++)
		{
			MovielensRows *part = i < begin + n_test ? test : train;

			part->rows[part->n++] = all.rows[i];
		}
	}
	qsort(test->rows, (size_t) test->n, sizeof(TestRow), movielens_compare_users);
}

/* A training set of rows. */
static inline void
movielens_set(Env *env, MovielensRows rows, TrainingSet *set)
{
	TestShape	shape = {KEY_NUMBER, KEY_NUMBER, false, false};

	if (test_set_build(env, shape, rows.rows, rows.n, 0, set) != RECSYS_OK ||
		trainingset_fingerprint(env, set) != RECSYS_OK)
		abort();
}

/* Training history of a user key; empty when it was not trained on. */
static inline History
movielens_history(const TrainingSet *set, int64_t user)
{
	int32_t		u = idmap_find(&set->users, (Key) {.number = user});

	return u == IDMAP_NONE ? (History) {.group = -1} : test_method_history(set, u);
}

/* RMSE of the clipped predictions of rows. */
static inline double
movielens_rmse(TestModel *model, const TrainingSet *set, MovielensRows test)
{
	double		squares = 0;

	for (int i = 0; i < test.n; i++)
	{
		History		history = movielens_history(set, test.rows[i].user);
		int32_t		course = recommender_find(&model->rec, (Key) {.number = test.rows[i].course});
		double		rating = recommender_predict(&model->rec, &history, course, model->scratch);

		squares += pow(rating - test.rows[i].rating, 2);
	}
	return sqrt(squares / test.n);
}

/* RMSE on one official fold, 1 .. 5. */
static inline double
movielens_fold_rmse(const Method *method, const char *lines, int fold)
{
	Env		   *env = test_env();
	char		file[20];
	MovielensRows train;
	MovielensRows test;
	TrainingSet set;
	TestModel	model;
	double		rmse;

	snprintf(file, sizeof(file), "u%d.base", fold);
	train = movielens_read(file);
	snprintf(file, sizeof(file), "u%d.test", fold);
	test = movielens_read(file);
	movielens_set(env, train, &set);
	env->n_threads = 2;
	model = test_method_open(env, method, lines, &set);
	rmse = movielens_rmse(&model, &set, test);
	free(train.rows);
	free(test.rows);
	test_method_done(env);
	return rmse;
}

/* nDCG with binary gains of the first for one user, whose held-out courses are marked. */
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

/* Fills scores[n_courses] of a user: of the method, or anything that is to be compared with it. */
typedef void (*MovielensScore) (TestModel *model, const TrainingSet *set, int64_t user, float *scores);

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

/* Mean nDCG over the users with a training and a held-out row; test is sorted by user. */
static inline double
movielens_ndcg(TestModel *model, const TrainingSet *set, MovielensRows test, MovielensScore score)
{
	size_t		n_courses = (size_t) model->rec.n_courses;
	uint8_t    *allowed = malloc(n_courses);
	uint8_t    *relevant = malloc(n_courses);
	double		sum = 0;
	int			n_users = 0;

	for (int i = 0, end; i < test.n; i = end)
	{
		History		history = movielens_history(set, test.rows[i].user);

		memset(allowed, 1, n_courses);
		memset(relevant, 0, n_courses);
		for (int h = 0; h < history.n; h++)
			allowed[history.courses[h]] = 0;
		for (end = i; end < test.n && test.rows[end].user == test.rows[i].user; end++)
		{
			int32_t		course = recommender_find(&model->rec, (Key) {.number = test.rows[end].course});

			if (course != IDMAP_NONE)
				relevant[course] = 1;
		}
		if (history.n == 0)
			continue;
		score(model, set, test.rows[i].user, model->scores);
		sum += movielens_user_ndcg(model, model->scores, allowed, relevant, end - i);
		n_users++;
	}
	free(allowed);
	free(relevant);
	return sum / n_users;
}

#endif							/* TEST_MOVIELENS_ROWS_H */
