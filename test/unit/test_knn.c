/*
 * test_knn.c: method knn against plain versions of what its files promise.
 */
#include "core/baseline.h"
#include "core/knn_common.h"
#include "core/methods/methods.h"
#include "plain_similarity.h"
#include "random_set.h"

#define N_SIMILARITIES (SIMILARITY_BM25 + 1)

static const char *const similarity_names[] = {"cosine", "jaccard", "pearson", "pearson_baseline",
"adjusted_cosine", "euclidean", "msd", "lift", "tfidf", "bm25"};
static const char *const rating_names[] = {"raw", "centred", "zscore", "baseline"};

/* The ratings of user u as a history with a key. */
static History
user_history(const TrainingSet *set, int32_t u)
{
	History		history = test_method_history(set, u);

	history.user_hash = user_key_hash(set->users.kind, idmap_key(&set->users, u));
	return history;
}

/* The ratings as a dense matrix, aged or not; rows are users or courses. */
static PlainMatrix
plain_ratings(const TrainingSet *set, bool users, bool ageing)
{
	const Csr  *csr = &set->by_user;
	PlainMatrix m = {users ? csr->n_rows : csr->n_cols, users ? csr->n_cols : csr->n_rows, NULL};

	m.dense = malloc((size_t) m.n_rows * (size_t) m.n_columns * sizeof(float));
	for (int i = 0; i < m.n_rows * m.n_columns; i++)
		m.dense[i] = NAN;
	for (int32_t u = 0; u < csr->n_rows; u++)
		for (int64_t e = csr->offsets[u]; e < csr->offsets[u + 1]; e++)
		{
			int			c = csr->indexes[e];

			m.dense[users ? u * m.n_columns + c : c * m.n_columns + u] =
				csr->values[e] * (float) plain_age(set, csr->times[e], ageing ? HALF_LIFE : NAN);
		}
	return m;
}

/* Sum and number of the values of a row, or of a column. */
static double
plain_sum(const PlainMatrix *m, int i, bool column, double *n)
{
	double		sum = 0;

	*n = 0;
	for (int j = 0; j < (column ? m->n_rows : m->n_columns); j++)
	{
		float		value = column ? cell(m, j, i) : cell(m, i, j);

		if (!isnan(value))
		{
			sum += value;
			(*n)++;
		}
	}
	return sum;
}

/* The weight of one value for a measure; total: sum of all values; base: mean + biases. */
static double
plain_weight(const PlainMatrix *m, Similarity similarity, int row, int column, double total,
			 double base)
{
	double		value = cell(m, row, column);
	double		n;
	double		row_sum = plain_sum(m, row, false, &n);
	double		column_sum = plain_sum(m, column, true, &n);
	double		idf = log(m->n_rows / (1 + n));
	double		length = 0.25 + 0.75 * fmax(row_sum, 0) / (total / m->n_rows);

	switch (similarity)
	{
		case SIMILARITY_JACCARD:
		case SIMILARITY_LIFT:
			return value > 0;
		case SIMILARITY_PEARSON_BASELINE:
			return value - base;
		case SIMILARITY_ADJUSTED_COSINE:
			return value - column_sum / n;
		case SIMILARITY_TFIDF:
			return value > 0 ? sqrt(value) * idf : 0;
		case SIMILARITY_BM25:
			return value > 0 ? value * 2.2 / (1.2 * length + value) * idf : 0;
		default:
			return value;
	}
}

/* The weighed matrix that a measure compares the rows of. */
static PlainMatrix
plain_weights(Env *env, const TrainingSet *set, Similarity similarity, bool users, bool ageing)
{
	bool		ages = ageing && (similarity == SIMILARITY_COSINE ||
								  similarity == SIMILARITY_TFIDF || similarity == SIMILARITY_BM25);
	PlainMatrix in = plain_ratings(set, users, ages);
	PlainMatrix out = plain_ratings(set, users, ages);
	float	   *course_bias = env_alloc(env, (size_t) set->by_course.n_rows, sizeof(float));
	float	   *user_bias = env_alloc(env, (size_t) set->by_user.n_rows, sizeof(float));
	double		total = 0;

	CHECK_EQ_INT(baseline_fit(env, set, course_bias, user_bias), RECSYS_OK);
	for (int i = 0; i < in.n_rows * in.n_columns; i++)
		total += isnan(in.dense[i]) ? 0 : in.dense[i];
	for (int i = 0; i < in.n_rows; i++)
		for (int j = 0; j < in.n_columns; j++)
		{
			double		base = set->summary.mean + course_bias[users ? j : i] +
				user_bias[users ? i : j];

			if (!isnan(cell(&in, i, j)))
				out.dense[i * in.n_columns + j] = (float) plain_weight(&in, similarity, i, j,
																	   total, base);
		}
	free(in.dense);
	return out;
}

/* A similarity that is not there is NO_OPINION; tiny ones may be rounded away. */
static void
check_similarity(float got, double expected)
{
	if (fabs(expected) < 1e-6)
		CHECK(got == NO_OPINION || fabsf(got) < 2e-6f);
	else
		CHECK_NEAR(got, expected, 2e-4 * (1 + expected));
}

/* All courses with all, by one measure, against the plain formulas. */
static void
check_measure(Env *env, const TrainingSet *set, Similarity similarity, bool ageing)
{
	NeighborOptions options = {similarity, 1000, 2, 1.5};
	PlainMatrix weights = plain_weights(env, set, similarity, false, ageing);
	char		lines[200];
	TestModel	model;

	snprintf(lines, sizeof(lines), "similarity=%s\ntable_size=1000\nshrinkage=1.5\n%s",
			 similarity_names[similarity], ageing ? "half_life=172800\n" : "");
	model = test_method_open(env, &method_knn, lines, (TrainingSet *) set);
	for (int32_t c = 0; c < model.rec.n_courses; c++)
	{
		CHECK(method_knn.similar(&model.rec, c, model.scratch, model.scores));
		for (int32_t other = 0; other < model.rec.n_courses; other++)
			check_similarity(model.scores[other], plain_similarity(&weights, &options, c, other));
	}
	free(weights.dense);
}

/* Every measure, without and with ageing. */
static void
test_measures(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 11, 500, 50, 25, true);

	for (int s = 0; s < N_SIMILARITIES; s++)
	{
		check_measure(env, set, s, false);
		check_measure(env, set, s, true);
	}
	test_method_done(env);
}

/* Users compared by one measure, in both kinds of model. */
static void
check_compare(Env *env, const TrainingSet *set, Similarity similarity, bool user_based)
{
	NeighborOptions options = {similarity, 1000, 2, 1.5};
	PlainMatrix weights = plain_weights(env, set, similarity, true, true);
	char		lines[200];
	TestModel	model;

	snprintf(lines, sizeof(lines),
			 "similarity=%s\nshrinkage=1.5\nhalf_life=172800\nuser_based=%s\n",
			 similarity_names[similarity], user_based ? "true" : "false");
	model = test_method_open(env, &method_knn, lines, (TrainingSet *) set);
	for (int32_t a = 0; a < weights.n_rows; a++)
		for (int32_t b = 0; b < weights.n_rows; b++)
		{
			History		x = user_history(set, a);
			History		y = user_history(set, b);
			float		got = method_knn.compare(&model.rec, &x, &y, model.scratch);

			if (a != b)
				check_similarity(got, plain_similarity(&weights, &options, a, b));
		}
	test_method_scratch(&model);
	free(weights.dense);
}

/* A model of always the same ratings in a catalogue of n_courses, with the scores of a user. */
static TestModel
catalogue_model(Env *env, int n_courses, const char *lines, TrainingSet *set)
{
	TestRow    *rows = test_rows(18, 300, 40, 12);
	TestModel	model;

	CHECK_EQ_INT(test_set_build(env, (TestShape) {KEY_NUMBER, KEY_NUMBER, true, false}, rows, 300,
								n_courses, set), RECSYS_OK);
	free(rows);
	CHECK_EQ_INT(trainingset_fingerprint(env, set), RECSYS_OK);
	model = test_method_open(env, &method_knn, lines, set);
	test_method_score(env, &model, user_history(set, 3));
	return model;
}

/* Courses that nobody rated change nothing between the others, by any measure. */
static void
test_unrated(void)
{
	for (int i = 0; i < 2 * N_SIMILARITIES; i++)
	{
		Env		   *env = test_env();
		char		lines[80];
		TrainingSet sets[2];
		TestModel	rated;
		TestModel	all;

		snprintf(lines, sizeof(lines), "similarity=%s\nuser_based=%s\n",
				 similarity_names[i / 2], i % 2 == 0 ? "false" : "true");
		rated = catalogue_model(env, 12, lines, &sets[0]);
		all = catalogue_model(env, 70, lines, &sets[1]);
		CHECK_EQ_INT(sets[1].summary.n_courses_rated, 12);
		for (int c = 0; c < 12; c++)
			CHECK(rated.scores[c] == all.scores[c]);
		test_method_done(env);
	}
}

/* Every measure between users. */
static void
test_compare(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 12, 400, 30, 25, false);

	for (int s = 0; s < N_SIMILARITIES; s++)
	{
		check_compare(env, set, s, false);
		check_compare(env, set, s, true);
	}
	test_method_done(env);
}

/* Similarity of two courses in the table of a model, 0 for none. */
static double
table_value(TestModel *model, int32_t row, int32_t column)
{
	float	   *scores = malloc((size_t) model->rec.n_courses * sizeof(float));
	float		value;

	method_knn.similar(&model->rec, row, model->scratch, scores);
	value = scores[column];
	free(scores);
	return value == NO_OPINION ? 0 : value;
}

/* Euclidean length of a row of the table. */
static double
table_length(TestModel *model, int32_t row)
{
	double		sum = 0;

	for (int32_t c = 0; c < model->rec.n_courses; c++)
		sum += pow(table_value(model, row, c), 2);
	return sqrt(sum);
}

/* The score of a course, term by term. */
static double
plain_score(TestModel *model, const TrainingSet *set, History history, int32_t course,
			bool normalize)
{
	double		sum = 0;

	for (int32_t h = 0; h < history.n; h++)
	{
		int32_t		other = history.courses[h];
		double		similarity = table_value(model, other, course);

		if (similarity > 0)
			sum += history.ratings[h] * plain_age(set, history.times[h], HALF_LIFE) * similarity /
				(normalize ? table_length(model, other) : 1);
	}
	return sum > 1e-9 ? sum : NO_OPINION;
}

/* Scores and reasons of the item-based half. */
static void
test_score(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 13, 300, 40, 30, true);

	for (int normalize = 0; normalize < 2; normalize++)
	{
		TestModel	model = test_method_open(env, &method_knn, normalize
			? "half_life=172800\ntable_size=8\nneighbors=5\n"
			: "half_life=172800\ntable_size=8\nneighbors=5\nnormalize=false\n", set);

		for (int32_t u = 0; u < 12; u++)
		{
			History		history = user_history(set, u);

			test_method_score(env, &model, history);
			for (int32_t c = 0; c < model.rec.n_courses; c++)
				CHECK_SCORE(model.scores[c], plain_score(&model, set, history, c, normalize));
			test_method_reasons(&model, history);
		}
	}
	test_method_done(env);
}

/* Mean (or mean + bias) and deviation of a row of ratings under a mode. */
static double
plain_center(const PlainMatrix *m, int row, KnnRating mode, double baseline)
{
	double		n;
	double		sum = plain_sum(m, row, false, &n);

	if (mode == KNN_RAW || mode == KNN_BASELINE)
		return mode == KNN_RAW ? 0 : baseline;
	return n > 0 ? sum / n : 0;
}

/* Standard deviation, that of all ratings for a row without any. */
static double
plain_scale(const PlainMatrix *m, int row, KnnRating mode)
{
	double		sum[2] = {0};
	double		squares[2] = {0};
	double		n[2] = {0};
	double		deviation[2];

	if (mode != KNN_ZSCORE)
		return 1;
	for (int i = 0; i < m->n_rows; i++)
		for (int j = 0; j < m->n_columns; j++)
			for (int own = 0; own < 2; own++)
				if (!isnan(cell(m, i, j)) && (!own || i == row))
				{
					sum[own] += cell(m, i, j);
					squares[own] += pow(cell(m, i, j), 2);
					n[own]++;
				}
	for (int own = 0; own < 2; own++)
		deviation[own] = sqrt(fmax(0, squares[own] / n[own] - pow(sum[own] / n[own], 2)));
	return deviation[1] > 1e-5 ? deviation[1] : deviation[0];
}

/* A neighbour in a prediction. */
typedef struct PlainNeighbor
{
	double		similarity;
	int			row;
} PlainNeighbor;

/* Most similar first, then the lower row. */
static int
compare_neighbors(const void *a, const void *b)
{
	const PlainNeighbor *x = a;
	const PlainNeighbor *y = b;

	if (x->similarity != y->similarity)
		return x->similarity > y->similarity ? -1 : 1;
	return x->row - y->row;
}

/*
 * Prediction for (row, column) from the k most similar other rows with an entry in the column.
 * bias[row]: that of the rows; other: that of the column and the mean.
 */
static double
plain_predict(const PlainMatrix *m, const float *similarities, int row, int column, int k,
			  KnnRating mode, const float *bias, double other)
{
	PlainNeighbor neighbors[200];
	int			n = 0;
	double		sum = 0;
	double		weights = 0;

	for (int i = 0; i < m->n_rows; i++)
		if (i != row && !isnan(cell(m, i, column)) && similarities[i] > 0)
			neighbors[n++] = (PlainNeighbor) {similarities[i], i};
	qsort(neighbors, (size_t) n, sizeof(PlainNeighbor), compare_neighbors);
	for (int i = 0; i < n && i < k; i++)
	{
		int			r = neighbors[i].row;

		sum += neighbors[i].similarity *
			(cell(m, r, column) - plain_center(m, r, mode, other + bias[r])) /
			plain_scale(m, r, mode);
		weights += neighbors[i].similarity;
	}
	if (weights == 0)
		return NAN;
	return plain_center(m, row, mode, other + bias[row]) +
		plain_scale(m, row, mode) * sum / weights;
}

/* Equal, or both without an answer. */
static void
check_prediction(double got, double expected)
{
	if (isnan(expected) || isnan(got))
		CHECK(isnan(expected) && isnan(got));
	else
		CHECK_NEAR(got, expected, 1e-4 * (1 + fabs(expected)));
}

/* Predicted ratings of the item-based half for one mode. */
static void
check_predict_courses(Env *env, TrainingSet *set, KnnRating mode)
{
	PlainMatrix ratings = plain_ratings(set, false, false);
	char		lines[200];
	TestModel	model;

	snprintf(lines, sizeof(lines), "similarity=cosine\nneighbors=4\nrating=%s\n",
			 rating_names[mode]);
	model = test_method_open(env, &method_knn, lines, set);
	for (int32_t u = 0; u < 15; u++)
		for (int32_t c = 0; c < model.rec.n_courses; c++)
		{
			History		history = user_history(set, u);
			double		user = baseline_user_bias(set->summary.mean, model.rec.course_bias,
												  history.n, history.courses, history.ratings);

			method_knn.similar(&model.rec, c, model.scratch, model.scores);
			check_prediction(method_knn.predict(&model.rec, &history, c, model.scratch),
							 plain_predict(&ratings, model.scores, c, u, 4, mode,
										   model.rec.course_bias, set->summary.mean + user));
		}
	test_method_scratch(&model);
	free(ratings.dense);
}

/* Predicted ratings of the user-based half for one mode; the caller's own row is no neighbour. */
static void
check_predict_users(Env *env, TrainingSet *set, KnnRating mode)
{
	NeighborOptions options = {SIMILARITY_MSD, 1000, 1, 2};
	PlainMatrix ratings = plain_ratings(set, true, false);
	float	   *bias = env_alloc(env, (size_t) ratings.n_rows, sizeof(float));
	float	   *similarities = env_alloc(env, (size_t) ratings.n_rows, sizeof(float));
	char		lines[200];
	TestModel	model;

	snprintf(lines, sizeof(lines), "user_based=true\nsimilarity=msd\nmin_support=1\nshrinkage=2\n"
			 "neighbors=4\nrating=%s\n", rating_names[mode]);
	model = test_method_open(env, &method_knn, lines, set);
	for (int32_t u = 0; u < ratings.n_rows; u++)
	{
		History		h = user_history(set, u);

		bias[u] = (float) baseline_user_bias(set->summary.mean, model.rec.course_bias, h.n,
											 h.courses, h.ratings);
	}
	for (int32_t u = 0; u < 15; u++)
	{
		History		history = user_history(set, u);

		for (int32_t v = 0; v < ratings.n_rows; v++)
			similarities[v] = (float) plain_similarity(&ratings, &options, u, v);
		for (int32_t c = 0; c < model.rec.n_courses; c++)
			check_prediction(method_knn.predict(&model.rec, &history, c, model.scratch),
							 plain_predict(&ratings, similarities, u, c, 4, mode, bias,
										   set->summary.mean + model.rec.course_bias[c]));
	}
	test_method_scratch(&model);
	free(ratings.dense);
}

/* Both halves, every mode. */
static void
test_predict(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 14, 400, 40, 30, false);

	for (int mode = 0; mode < 4; mode++)
	{
		check_predict_courses(env, set, mode);
		check_predict_users(env, set, mode);
	}
	test_method_done(env);
}

/* Scores of the user-based half: the nearest users' ratings, times similarity, times age. */
static void
plain_user_scores(const TrainingSet *set, const PlainMatrix *weights, int32_t user, bool skip_own,
				  int k, double *scores)
{
	NeighborOptions options = {SIMILARITY_COSINE, 1000, 1, 0};
	PlainMatrix aged = plain_ratings(set, true, true);
	PlainNeighbor neighbors[200];
	int			n = 0;

	for (int v = 0; v < weights->n_rows; v++)
	{
		double		similarity = v == user ? (skip_own ? 0 : 1) :
			plain_similarity(weights, &options, user, v);

		if (similarity > 0)
			neighbors[n++] = (PlainNeighbor) {(float) similarity, v};
	}
	qsort(neighbors, (size_t) n, sizeof(PlainNeighbor), compare_neighbors);
	for (int c = 0; c < weights->n_columns; c++)
	{
		scores[c] = 0;
		for (int i = 0; i < n && i < k; i++)
			if (!isnan(cell(&aged, neighbors[i].row, c)))
				scores[c] += neighbors[i].similarity * cell(&aged, neighbors[i].row, c);
		if (scores[c] <= 0)
			scores[c] = NO_OPINION;
	}
	free(aged.dense);
}

/* A user of the dataset does not meet the own stored row; a visitor with the same ratings does. */
static void
test_users(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 15, 400, 40, 30, false);
	PlainMatrix weights = plain_weights(env, set, SIMILARITY_COSINE, true, true);
	TestModel	model = test_method_open(env, &method_knn, "user_based=true\nsimilarity=cosine\n"
										 "min_support=1\nneighbors=6\nhalf_life=172800\n", set);
	double		expected[30];

	for (int32_t u = 0; u < weights.n_rows; u++)
		for (int own = 0; own < 2; own++)
		{
			History		history = user_history(set, u);

			history.has_key = own;
			if (plain_size(&weights, u, true) == 0)
				continue;
			plain_user_scores(set, &weights, u, own, 6, expected);
			test_method_score(env, &model, history);
			for (int32_t c = 0; c < model.rec.n_courses; c++)
				CHECK_SCORE(model.scores[c], expected[c]);
			test_method_reasons(&model, history);
		}
	CHECK(!method_knn.similar(&model.rec, 0, model.scratch, model.scores));
	free(weights.dense);
	test_method_done(env);
}

/* Trains on hand-made rows. */
static TestModel
tiny_model(Env *env, const TestRow *rows, int n, int n_courses, const char *lines,
		   TrainingSet *set)
{
	*set = *test_set(env, (TestShape) {KEY_NUMBER, KEY_NUMBER, false, false}, rows, n, n_courses);
	return test_method_open(env, &method_knn, lines, set);
}

/* Hand-checked: three users, cosine. */
static void
test_by_hand(void)
{
	static const TestRow rows[] = {{1, 0, 3, 0}, {1, 1, 4, 0}, {2, 0, 4, 0}, {2, 1, 3, 0},
	{3, 1, 5, 0}, {3, 2, 1, 0}};
	Env		   *env = test_env();
	TrainingSet set;
	TestModel	model = tiny_model(env, rows, 6, 3, "similarity=cosine\nmin_support=1\n", &set);
	float		three = 3;
	int32_t		zero = 0;
	History		history = {.n = 1,.courses = &zero,.ratings = &three,.group = -1};

	/* 0 and 1: (3 * 4 + 4 * 3) / (5 * sqrt(50)); 1 and 2: 5 / sqrt(50); 0 and 2: none */
	method_knn.similar(&model.rec, 1, model.scratch, model.scores);
	CHECK_NEAR(model.scores[0], 24 / (5 * sqrt(50)), 1e-6);
	CHECK_NEAR(model.scores[2], 5 / sqrt(50), 1e-6);
	CHECK(model.scores[1] == NO_OPINION);
	test_method_score(env, &model, history);
	CHECK_NEAR(model.scores[1], 3, 1e-6);	/* the only entry of row 0, at unit length */
	CHECK(model.scores[0] == NO_OPINION && model.scores[2] == NO_OPINION);
	model = test_method_open(env, &method_knn,
							 "similarity=cosine\nmin_support=1\nnormalize=false\n", &set);
	test_method_score(env, &model, history);
	CHECK_NEAR(model.scores[1], 3 * 24 / (5 * sqrt(50)), 1e-6);
	test_method_done(env);
}

/* All scores are numbers or NO_OPINION, predictions numbers or NAN, scratch memory is left clean. */
static void
check_sane(Env *env, TestModel *model, const TrainingSet *set)
{
	History		none = {.group = -1};

	test_method_score(env, model, none);
	for (int32_t c = 0; c < model->rec.n_courses; c++)
	{
		CHECK(model->scores[c] == NO_OPINION);
		CHECK(isnan(method_knn.predict(&model->rec, &none, c, model->scratch)));
		CHECK_EQ_INT(method_knn.explain(&model->rec, &none, c, model->scratch, NULL, 0), 0);
	}
	CHECK(method_knn.compare(&model->rec, &none, &none, model->scratch) == NO_OPINION);
	for (int32_t u = 0; u < set->by_user.n_rows; u++)
	{
		test_method_score(env, model, user_history(set, u));
		for (int32_t c = 0; c < model->rec.n_courses; c++)
			CHECK(model->scores[c] == NO_OPINION || isfinite(model->scores[c]));
		test_method_reasons(model, user_history(set, u));
	}
}

/* One user, one course, all ratings equal, zero ratings: for every measure, both halves. */
static void
test_degenerate(void)
{
	static const TestRow one_user[] = {{1, 0, 3, 0}, {1, 1, 4, 0}};
	static const TestRow one_course[] = {{1, 0, 3, 0}, {2, 0, 4, 0}};
	static const TestRow equal[] = {{1, 0, 3, 0}, {1, 1, 3, 0}, {2, 0, 3, 0}, {2, 1, 3, 0},
	{3, 1, 3, 0}, {3, 2, 3, 0}};
	static const TestRow zero[] = {{1, 0, 0, 0}, {1, 1, 0, 0}, {2, 0, 0, 0}, {2, 1, 0, 0}};
	static const struct
	{
		const TestRow *rows;
		int			n;
		int			n_courses;
	}			cases[] = {{one_user, 2, 2}, {one_course, 2, 1}, {equal, 6, 4}, {zero, 4, 2}};

	for (int i = 0; i < 4 * N_SIMILARITIES * 4; i++)
	{
		Env		   *env = test_env();
		TrainingSet set;
		char		lines[200];
		TestModel	model;

		snprintf(lines, sizeof(lines),
				 "similarity=%s\nuser_based=%s\nmin_support=1\nshrinkage=%d\nrating=zscore\n",
				 similarity_names[i / 4 % N_SIMILARITIES],
				 i / (4 * N_SIMILARITIES) % 2 == 0 ? "true" : "false",
				 i / (4 * N_SIMILARITIES) / 2);
		model = tiny_model(env, cases[i % 4].rows, cases[i % 4].n, cases[i % 4].n_courses, lines,
						   &set);
		check_sane(env, &model, &set);
		test_method_done(env);
	}
}

/* A user-based model is made of the training set's own rows: fit takes little, the model is large. */
static void
check_users_estimate(Env *env, const char *lines, const TrainingSet *set)
{
	Shape		shape = {set->summary.n_users, set->summary.n_courses, set->summary.n_ratings, .n_threads = 1};
	void	   *params = test_method_params(env, &method_knn, lines);
	size_t		before = env->memory_used;
	Estimate	estimate;
	ModelWriter writer;

	method_knn.estimate(&shape, params, &estimate);
	env->memory_peak = before;
	model_begin(&writer);
	CHECK_EQ_INT(method_knn.fit(env, set, params, &writer), RECSYS_OK);
	CHECK((double) (env->memory_peak - before) <= estimate.bytes + 4096);
	CHECK(estimate.model_bytes >= 8.0 * (double) set->summary.n_ratings);
}

/* Threads, memory, estimates: as for every method. */
static void
test_contract(void)
{
	static const char *const lines[] = {"", "similarity=pearson_baseline\nrating=zscore\n",
		"user_based=true\n", "similarity=cosine\nhalf_life=172800\n",
	"user_based=true\nhalf_life=172800\nsimilarity=tfidf\n"};
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 16, 6000, 300, 120, false);

	for (int i = 0; i < 5; i++)
	{
		test_method_threads(env, &method_knn, lines[i], set);
		test_method_memory(env, &method_knn, lines[i], set);
		if (strstr(lines[i], "user_based") == NULL)
			test_method_estimate(env, &method_knn, lines[i], set, 0.3);
		else
			check_users_estimate(env, lines[i], set);
	}
	test_method_done(env);
}

/* A cancel at every single poll. */
static void
test_interrupts(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 17, 100, 15, 10, false);

	test_method_interrupts(env, &method_knn, "similarity=bm25\nhalf_life=172800\n", set);
	test_method_interrupts(env, &method_knn, "user_based=true\nhalf_life=172800\n", set);
	test_method_done(env);
}

/* Warnings of a training on 40 ratings of which n_equal are 3 and the others 4. */
static int
warnings_of(const char *lines, int n_equal, bool implicit)
{
	Env		   *env = test_env();
	TestShape	shape = {KEY_NUMBER, KEY_NUMBER, false, implicit};
	TestRow		rows[40];
	TrainingSet *set = env_alloc_zero(env, 1, sizeof(TrainingSet));
	TestModel	model;
	int			n_warnings;

	for (int i = 0; i < 40; i++)
		rows[i] = (TestRow) {i / 4, i % 4, (i * 7) % 40 < n_equal ? 3 : 4, 0};
	CHECK_EQ_INT(test_set_build(env, shape, rows, 40, 4, set), RECSYS_OK);
	CHECK_EQ_INT(test_method_train(env, &method_knn, lines, set, &model), RECSYS_OK);
	n_warnings = test_env_of(env)->n_warnings;
	if (n_warnings > 0 && n_equal == 38 && !implicit)
		CHECK(strstr(test_env_of(env)->message, "95.0 % of the ratings are 3:") != NULL);
	test_method_done(env);
	return n_warnings;
}

/* Ratings that hardly vary are worth one warning, where the parameters make something of how they vary. */
static void
test_warnings(void)
{
	static const char *const vary[] = {
		"similarity=pearson\n", "similarity=pearson_baseline\n", "similarity=adjusted_cosine\n",
		"similarity=euclidean\n", "similarity=msd\n", "rating=centred\n", "rating=zscore\n",
		"similarity=msd\nrating=zscore\n", "user_based=true\nsimilarity=pearson\n"
	};
	static const char *const other[] = {
		"", "similarity=cosine\n", "similarity=jaccard\n", "similarity=lift\n",
		"similarity=tfidf\n", "rating=raw\n", "user_based=true\n"
	};

	for (size_t i = 0; i < sizeof(vary) / sizeof(vary[0]); i++)
	{
		CHECK_EQ_INT(warnings_of(vary[i], 40, false), 1);
		CHECK_EQ_INT(warnings_of(vary[i], 38, false), 1);
		CHECK_EQ_INT(warnings_of(vary[i], 2, false), 1);	/* 95 % are 4 */
		CHECK_EQ_INT(warnings_of(vary[i], 38, true), 1);
		CHECK_EQ_INT(warnings_of(vary[i], 36, false), 0);
		CHECK_EQ_INT(warnings_of(vary[i], 20, false), 0);
	}
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		CHECK_EQ_INT(warnings_of(other[i], 40, false), 0);
}

/* A number that is not finite in any of the method's own sections is found when the model is opened. */
static void
test_damaged(void)
{
	static const struct
	{
		const char *lines;
		const char *section;
		SectionType type;
	}			bad[] = {
		{"rating=zscore\n", "course_center", SECTION_FLOAT}, {"rating=zscore\n", "course_scale", SECTION_FLOAT},
		{"rating=centred\n", "course_center", SECTION_FLOAT}, {"", "course_facts", SECTION_FLOAT},
		{"", "mean_user_sum", SECTION_DOUBLE}, {"", "similarity.values", SECTION_FLOAT},
		{"user_based=true\n", "course_facts", SECTION_FLOAT}, {"user_based=true\nhalf_life=86400\n", "ages", SECTION_FLOAT},
		{"user_based=true\n", "ratings.values", SECTION_FLOAT}, {"user_based=true\n", "mean_user_sum", SECTION_DOUBLE}
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check_damaged(&method_knn, bad[i].lines, bad[i].section, bad[i].type, 0);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN_ALONE(test_measures);
	RUN_ALONE(test_unrated);
	RUN_ALONE(test_compare);
	RUN_ALONE(test_score);
	RUN_ALONE(test_predict);
	RUN_ALONE(test_users);
	RUN_ALONE(test_by_hand);
	RUN_ALONE(test_degenerate);
	RUN(test_contract);
	RUN_ALONE(test_warnings);
	RUN_ALONE(test_damaged);
	RUN_ALONE(test_interrupts);
	return unit_done();
}
