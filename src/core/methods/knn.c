/*
 * knn.c
 *		Neighbourhoods: courses like those that you took, or what people like you took.
 *
 * Item-based (the default): training keeps for every course the table_size most
 * similar courses, whatever the similarity (similarity.h).
 *
 *		score(c)   = sum over the user's courses j of rating_j * age_j * sim(j, c) / |row j|
 *		predict(c) = center_c + scale_c * mean of (rating_j - center_j) / scale_j,
 *					 weighted by sim(c, j), over the `neighbors` courses of the user that
 *					 are most similar to c
 *
 * |row j| is the Euclidean length of j's row in the table (1 with normalize
 * false): a course that is much like many others would drown the rest.  The sum
 * is not divided by the number of terms: a mean would put a course with a single
 * lucky neighbour first.  A rating below 0 subtracts; a course whose total is not
 * positive has no score.  predict looks in the row of c, so only among its
 * table_size most similar courses, and gives NAN when the user rated none.
 *
 * MovieLens 100k, nDCG@10, a random quarter held out (popularity .251) and the
 * first official fold (popularity .325), table_size 400:
 *
 *					bm25		tfidf		cosine		jaccard
 *	quarter			.444		.430		.410		.387
 *	u1				.530		.522		.508		.484
 *	not normalized	.431, .514	.416, .506	.397, .491	.376, .465
 *
 * Ratings as weights or 1 for each row differ by .002 at most.  min_support 1 to
 * 5 makes no difference to bm25, shrinkage only harms it.  The measures over
 * common ratings alone (pearson to msd) and lift rank below popularity: they are
 * for predicting ratings, where pearson_baseline with shrinkage 100 has RMSE .921
 * over the five official folds and bm25 .931.  User-based, the held-out quarter
 * gives .435 with tfidf, .433 with cosine and .406 with bm25.
 *
 * Deshpande and Karypis, "Item-based top-N recommendation algorithms" (2004);
 * Sarwar et al. (2001); Koren, "Factor in the neighbors" (2010) for rating =
 * baseline.  User-based: see knn_users.c; Herlocker et al. (1999).
 *
 * Training takes sum over users of (number of their courses)^2 steps and
 * 8 bytes * courses * table_size; a score reads one row per course of the user.
 */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "core/baseline.h"
#include "core/knn_common.h"
#include "core/methods/methods.h"
#include "core/methods/support.h"
#include "core/neighbors.h"
#include "core/vector.h"

/* Entries of the next row asked for in advance: 16 cache lines. */
#define PREFETCH_ENTRIES 128

static const ParamDef knn_params[] = {
	{"neighbors", "k K max_nbrs num_neighbours n_neighbors", PARAM_INT,
		offsetof(KnnParams, neighbors), "40", 1, 10000, NULL,
	"Most similar courses of the user (or users, when user_based) that an answer is made of."},
	{"table_size", NULL, PARAM_INT, offsetof(KnnParams, table_size), "400", 1, 100000, NULL,
	"Similar courses kept per course when item-based; never fewer than neighbors."},
	{"similarity", "similarity_type metric", PARAM_CHOICE, offsetof(KnnParams, similarity),
		"bm25", 0, 0, SIMILARITY_CHOICES,
	"How alike two courses are by their ratings, or two users (for those, tfidf ranks best)."},
	{"user_based", NULL, PARAM_BOOL, offsetof(KnnParams, user_based), "false", 0, 0, NULL,
	"Compare users, not courses; the model then holds the rows of all users."},
	{"min_support", NULL, PARAM_INT, offsetof(KnnParams, min_support), "2", 1, 1000000000, NULL,
	"Least number of common ratings for two courses or users to be similar at all."},
	{"shrinkage", "shrink damping", PARAM_FLOAT, offsetof(KnnParams, shrinkage), "0", 0, 1e9, NULL,
	"Similarities from n common ratings are multiplied by n / (n + shrinkage)."},
	{"rating", NULL, PARAM_CHOICE, offsetof(KnnParams, rating), "baseline", 0, 0,
		"raw centred zscore baseline",
	"What a predicted rating is a weighted mean of; has no effect on recommendations."},
	{"normalize", NULL, PARAM_BOOL, offsetof(KnnParams, normalize), "true", 0, 0, NULL,
	"Give every course of the user the same pull on the score; item-based only."},
};

/* Options of the table; it holds at least as many neighbours as an answer uses. */
static NeighborOptions
table_options(const KnnParams *params)
{
	int64_t		table_size = params->table_size > params->neighbors ? params->table_size
		: params->neighbors;

	return (NeighborOptions) {params->similarity, (int32_t) table_size,
		(int32_t) params->min_support, params->shrinkage};
}

/* Are the ratings copied to be weighed? */
static bool
copies_ratings(const KnnParams *params)
{
	return similarity_weighs(params->similarity) ||
		(similarity_ages(params->similarity) && !isnan(params->common.half_life));
}

/*
 * Comparisons: users share popular courses, which makes the sum of squares of the rows' lengths
 * two to three times that of equal rows; about 2 ns each.
 */
static void
knn_estimate(const Shape *shape, const void *params_in, Estimate *estimate)
{
	const KnnParams *params = params_in;
	NeighborOptions options = table_options(params);
	double		n_users = (double) shape->n_users;
	double		n_courses = (double) shape->n_courses;
	double		n_ratings = (double) shape->n_ratings;
	double		per_user = n_users > 0 ? n_ratings / n_users : 0;
	int			n_threads = shape->n_threads > 1 ? shape->n_threads : 1;
	double		kept = options.table_size < n_courses ? options.table_size : n_courses;

	if (params->user_based)
	{
		estimate->bytes = n_users * 8 + (isnan(params->common.half_life) ? 0 : n_ratings * 4);
		estimate->seconds = 0.1 + n_ratings * 1e-8;
		estimate->model_bytes = n_ratings * 8 + n_users * 16;
		return;
	}
	estimate->bytes = neighbors_bytes(n_courses, &options, n_threads) +
		(copies_ratings(params) ? n_ratings * 8 + (n_users + n_courses) * 4 : 0);
	estimate->seconds = 0.1 + n_ratings * per_user * 2.5 * 2e-9 / n_threads;
	estimate->model_bytes = n_courses * (kept * 8 + 24);
}

/* A copy of a matrix that shares all but its values, which are aged where that is asked for. */
static RecsysStatus
copy_values(Env *env, const TrainingSet *set, const KnnParams *params, const Csr *in, Csr *out)
{
	bool		ages = knn_ages(set, params);

	*out = *in;
	out->values = env_alloc(env, (size_t) in->n_entries, sizeof(float));
	if (out->values == NULL)
		return env->status;
	for (int32_t i = 0; i < in->n_rows; i++)
	{
		if (env_interrupted(env))
			return env->status;
		for (int64_t e = in->offsets[i]; e < in->offsets[i + 1]; e++)
			out->values[e] = in->values[e] *
				(ages ? age_weight(in->times[e], set->summary.last_time,
								   params->common.half_life) : 1);
	}
	return RECSYS_OK;
}

/* Weighs the values of a matrix; by_column: its columns, not its rows, are courses. */
static RecsysStatus
weigh_values(Env *env, Similarity similarity, Csr *matrix, bool by_column,
			 const float *course_facts, const float *user_facts)
{
	for (int32_t i = 0; i < matrix->n_rows; i++)
	{
		if (env_interrupted(env))
			return env->status;
		for (int64_t e = matrix->offsets[i]; e < matrix->offsets[i + 1]; e++)
		{
			int32_t		j = matrix->indexes[e];

			matrix->values[e] = similarity_weigh(similarity, matrix->values[e],
												 course_facts[by_column ? j : i],
												 user_facts[by_column ? i : j]);
		}
	}
	return RECSYS_OK;
}

/* What the weights of the ratings depend on: a fact per course and one per user. */
static RecsysStatus
learn_facts(Env *env, const TrainingSet *set, const KnnParams *params, const Csr *by_course,
			const Csr *by_user, float *course_facts, float *user_facts)
{
	Similarity	similarity = params->similarity;
	double		mean_row_sum;

	TRY(knn_total(env, set, params, &mean_row_sum));
	mean_row_sum /= (double) set->summary.n_courses_rated;
	if (similarity == SIMILARITY_PEARSON_BASELINE)
	{
		TRY(baseline_fit(env, set, course_facts, user_facts));
	}
	else
		similarity_column_facts(similarity, by_user, set->summary.n_courses_rated, NULL,
								user_facts);
	for (int32_t c = 0; c < by_course->n_rows; c++)
		course_facts[c] = similarity_row_fact(similarity, sparse_row(by_course, c),
											  set->summary.mean + course_facts[c], mean_row_sum);
	return RECSYS_OK;
}

/* Replaces the values of both matrices by their weights for the similarity. */
static RecsysStatus
weigh_ratings(Env *env, const TrainingSet *set, const KnnParams *params, Csr *by_course,
			  Csr *by_user)
{
	float	   *course_facts = env_alloc_zero(env, (size_t) by_course->n_rows, sizeof(float));
	float	   *user_facts = env_alloc_zero(env, (size_t) by_user->n_rows, sizeof(float));

	if (course_facts == NULL || user_facts == NULL)
		return env->status;
	TRY(copy_values(env, set, params, &set->by_course, by_course));
	TRY(copy_values(env, set, params, &set->by_user, by_user));
	if (similarity_weighs(params->similarity))
	{
		TRY(learn_facts(env, set, params, by_course, by_user, course_facts, user_facts));
		TRY(weigh_values(env, params->similarity, by_course, false, course_facts, user_facts));
		TRY(weigh_values(env, params->similarity, by_user, true, course_facts, user_facts));
	}
	env_free(env, course_facts);
	env_free(env, user_facts);
	return RECSYS_OK;
}

/* Means and deviations of the courses, for the modes that need them. */
static RecsysStatus
put_centers(Env *env, const TrainingSet *set, const KnnParams *params, ModelWriter *writer)
{
	KnnCenters	centers;
	int32_t		n = set->by_course.n_rows;

	if (params->rating == KNN_RAW || params->rating == KNN_BASELINE)
		return RECSYS_OK;
	TRY(knn_center_rows(env, params->rating, &set->by_course, set->summary.mean, NULL, &centers));
	TRY(model_put(env, writer, "course_center", SECTION_FLOAT, n, 1, centers.center));
	return model_put(env, writer, "course_scale", SECTION_FLOAT, n, 1, centers.scale);
}

/* Item-based: the table and the centers. */
static RecsysStatus
fit_courses(Env *env, const TrainingSet *set, const KnnParams *params, ModelWriter *writer)
{
	NeighborOptions options = table_options(params);
	Csr			by_course = set->by_course;
	Csr			by_user = set->by_user;
	Csr			table;

	if (copies_ratings(params))
		TRY(weigh_ratings(env, set, params, &by_course, &by_user));
	TRY(neighbors_fit(env, &by_course, &by_user, &options, &table));
	if (copies_ratings(params))
	{
		env_free(env, by_course.values);
		env_free(env, by_user.values);
	}
	TRY(model_put_csr(env, writer, "similarity", &table));
	return put_centers(env, set, params, writer);
}

/* Either half, and what comparing two users needs. */
static RecsysStatus
knn_fit(Env *env, const TrainingSet *set, const void *params_in, ModelWriter *writer)
{
	const KnnParams *params = params_in;

	TRY(knn_user_facts_fit(env, set, params, writer));
	return params->user_based ? knn_users_fit(env, set, params, writer)
		: fit_courses(env, set, params, writer);
}

/* Centers that need no ratings: 0, or mean + bias. */
static RecsysStatus
make_centers(Env *env, const Recommender *rec, KnnCenters *centers)
{
	const KnnParams *params = rec->params;
	size_t		n = (size_t) rec->n_courses;

	centers->center = env_alloc(env, n, sizeof(float));
	centers->scale = env_alloc(env, n, sizeof(float));
	if (centers->center == NULL || centers->scale == NULL)
		return env->status;
	for (int32_t c = 0; c < rec->n_courses; c++)
	{
		centers->center[c] = params->rating == KNN_RAW ? 0 :
			(float) (rec->summary.mean + rec->course_bias[c]);
		centers->scale[c] = 1;
	}
	return RECSYS_OK;
}

/* Centers of the courses: stored, or from the biases that every model has. */
static RecsysStatus
open_centers(Env *env, Recommender *rec)
{
	const KnnParams *params = rec->params;
	KnnCenters *centers = &((KnnState *) rec->state)->courses;
	int64_t		one = 1;
	int64_t		n = rec->n_courses;
	const void *center;
	const void *scale;

	if (params->rating == KNN_RAW || params->rating == KNN_BASELINE)
		return make_centers(env, rec, centers);
	TRY(model_get(env, &rec->model, "course_center", SECTION_FLOAT, &n, &one, &center));
	TRY(model_get(env, &rec->model, "course_scale", SECTION_FLOAT, &n, &one, &scale));
	centers->center = (float *) center;
	centers->scale = (float *) scale;
	TRY(check_finite(env, center, n, "The mean rating of a course is not finite."));
	return check_finite(env, scale, n, "The deviation of a course is not finite.");
}

/* What each course's row is multiplied by in a score. */
static RecsysStatus
open_row_scale(Env *env, Recommender *rec)
{
	const KnnParams *params = rec->params;
	KnnState   *state = rec->state;

	state->row_scale = env_alloc(env, (size_t) rec->n_courses, sizeof(float));
	if (state->row_scale == NULL)
		return env->status;
	for (int32_t c = 0; c < rec->n_courses; c++)
	{
		double		norm = similarity_row_size(sparse_row(&state->similarity, c)).norm;

		state->row_scale[c] = params->normalize && norm > 0 ? (float) (1 / norm) : 1;
	}
	return RECSYS_OK;
}

/* Either half. */
static RecsysStatus
knn_open(Env *env, Recommender *rec)
{
	const KnnParams *params = rec->params;
	KnnState   *state = rec->state;

	TRY(knn_user_facts_open(env, rec));
	if (params->user_based)
		return knn_users_open(env, rec);
	TRY(model_get_csr(env, &rec->model, "similarity", rec->n_courses, rec->n_courses,
					  &state->similarity));
	TRY(open_row_scale(env, rec));
	return open_centers(env, rec);
}

/* See knn_scratch. */
static size_t
knn_scratch_size(const Recommender *rec)
{
	return knn_scratch(rec, NULL).bytes;
}

/* What the row of the history's course h is multiplied by. */
static inline float
row_weight(const Recommender *rec, const History *history, int32_t h)
{
	const KnnState *state = rec->state;

	return history->ratings[h] * history_weight(rec, history, h) *
		state->row_scale[history->courses[h]];
}

/* Asks for the start of a row of the table while another one is read: rows lie anywhere in memory. */
static void
prefetch_row(const Csr *table, int32_t course)
{
	int64_t		begin = table->offsets[course];

	for (int64_t e = begin; e < begin + PREFETCH_ENTRIES && e < table->offsets[course + 1]; e += 16)
	{
		__builtin_prefetch(&table->indexes[e]);
		__builtin_prefetch(&table->values[e]);
	}
}

/* Adds up the rows of the history's courses. */
static void
knn_score(const Recommender *rec, const History *history, void *scratch, float *scores)
{
	const KnnParams *params = rec->params;
	const Csr  *table = &((const KnnState *) rec->state)->similarity;

	if (params->user_based)
	{
		knn_users_score(rec, history, scratch, scores);
		return;
	}
	memset(scores, 0, (size_t) rec->n_courses * sizeof(float));
	for (int32_t h = 0; h < history->n; h++)
	{
		SparseRow	row = sparse_row(table, history->courses[h]);

		if (h + 1 < history->n)
			prefetch_row(table, history->courses[h + 1]);
		vector_scatter(row_weight(rec, history, h), row.indexes, row.values, row.n, scores);
	}
	keep_positive_scores(rec->n_courses, scores);
}

/* The entries of the history in a course's row, best first; index: place in the history. */
static Topk
nearest_rated(const Recommender *rec, const History *history, int32_t course, TopkItem *heap)
{
	const KnnParams *params = rec->params;
	SparseRow	row = sparse_row(&((const KnnState *) rec->state)->similarity, course);
	int64_t		e = 0;
	Topk		best;

	topk_init(&best, heap, (int) params->neighbors);
	for (int32_t h = 0; h < history->n; h++)
	{
		while (e < row.n && row.indexes[e] < history->courses[h])
			e++;
		if (e < row.n && row.indexes[e] == history->courses[h])
			topk_offer(&best, row.values[e], history->courses[h], h);
	}
	topk_sort(&best);
	return best;
}

/* Weighted mean over the most similar courses that the user rated. */
static double
predict_by_courses(const Recommender *rec, const History *history, int32_t course, void *memory)
{
	const KnnParams *params = rec->params;
	const KnnCenters *centers = &((const KnnState *) rec->state)->courses;
	KnnScratch	scratch = knn_scratch(rec, memory);
	Topk		best = nearest_rated(rec, history, course, scratch.heap);
	double		bias = params->rating != KNN_BASELINE ? 0 :
		baseline_user_bias(rec->summary.mean, rec->course_bias, history->n, history->courses,
						   history->ratings);
	double		sum = 0;
	double		weights = 0;

	for (int i = 0; i < best.n; i++)
	{
		int32_t		h = best.items[i].index;
		int32_t		other = history->courses[h];

		sum += best.items[i].score * (history->ratings[h] - bias - centers->center[other]) /
			centers->scale[other];
		weights += best.items[i].score;
	}
	memset(best.items, 0, (size_t) best.n * sizeof(TopkItem));
	if (!(weights > 0))
		return NAN;
	return centers->center[course] + bias + centers->scale[course] * sum / weights;
}

/* Either half. */
static double
knn_predict(const Recommender *rec, const History *history, int32_t course, void *scratch)
{
	const KnnParams *params = rec->params;

	return params->user_based ? knn_users_predict(rec, history, course, scratch)
		: predict_by_courses(rec, history, course, scratch);
}

/* The course's row; a user-based model has no similarity of courses. */
static bool
knn_similar(const Recommender *rec, int32_t course, void *scratch, float *scores)
{
	const KnnParams *params = rec->params;
	SparseRow	row;

	(void) scratch;
	if (params->user_based)
		return false;
	for (int32_t c = 0; c < rec->n_courses; c++)
		scores[c] = NO_OPINION;
	row = sparse_row(&((const KnnState *) rec->state)->similarity, course);
	for (int64_t e = 0; e < row.n; e++)
		scores[row.indexes[e]] = row.values[e];
	return true;
}

/* The terms of the score's sum, those of disliked courses with their minus. */
static int
knn_explain(const Recommender *rec, const History *history, int32_t course, void *scratch,
			Reason *reasons, int max)
{
	const KnnParams *params = rec->params;
	const Csr  *table = &((const KnnState *) rec->state)->similarity;
	double		total = 0;
	int			n = 0;

	if (params->user_based)
		return knn_users_explain(rec, history, course, scratch, reasons, max);
	for (int32_t h = 0; h < history->n; h++)
	{
		float		part = row_weight(rec, history, h) *
			entry_value(table, history->courses[h], course);

		total += part;
		if (part != 0)
			n = add_reason(reasons, n, max, (Reason) {REASON_COURSE, history->courses[h], part});
	}
	return total > 0 ? n : 0;
}

/* Only a model that compares users holds their rows. */
static bool
knn_stores_user_rows(const void *params)
{
	return ((const KnnParams *) params)->user_based;
}

/* Does the measure look at how ratings differ, not at how large they are or that they are there? */
static bool
compares_opinions(Similarity similarity)
{
	switch (similarity)
	{
		case SIMILARITY_PEARSON:
		case SIMILARITY_PEARSON_BASELINE:
		case SIMILARITY_ADJUSTED_COSINE:
		case SIMILARITY_EUCLIDEAN:
		case SIMILARITY_MSD:
			return true;
		case SIMILARITY_COSINE:
		case SIMILARITY_JACCARD:
		case SIMILARITY_LIFT:
		case SIMILARITY_TFIDF:
		case SIMILARITY_BM25:
			break;
	}
	return false;
}

/* Warns when parameters that learn from differences between ratings meet ratings that are nearly all equal. */
static RecsysStatus
warn_of_equal_opinions(Env *env, const TrainingSet *set, const KnnParams *params)
{
	bool		by_opinion = compares_opinions((Similarity) params->similarity);
	float		rating;
	double		share;

	if (!by_opinion && params->rating != KNN_CENTRED && params->rating != KNN_ZSCORE)
		return RECSYS_OK;
	TRY(majority_rating(env, &set->by_user, &rating, &share));
	if (share > EQUAL_RATINGS)
		env_message(env, MESSAGE_WARNING,
					"%.1f %% of the ratings are %g: there is next to nothing that parameter \"%s\" could learn from how they differ",
					100 * share, (double) rating, by_opinion ? "similarity" : "rating");
	return RECSYS_OK;
}

/* Refuses a half-life without times; warns of ratings that hardly vary. */
static RecsysStatus
knn_check(Env *env, const TrainingSet *set, const void *params)
{
	TRY(check_half_life(env, set, params));
	return warn_of_equal_opinions(env, set, params);
}

const Method method_knn = {
	.name = "knn",
	.description = "Courses similar to those that the user took, or taken by similar users.",
	.objective = OBJECTIVE_RANKING,
	.params = {"knn", knn_params, N_PARAMS(knn_params), sizeof(KnnParams)},
	.personal = true,
	.stores_user_rows = knn_stores_user_rows,
	.state_size = sizeof(KnnState),
	.check = knn_check,
	.estimate = knn_estimate,
	.fit = knn_fit,
	.open = knn_open,
	.scratch_size = knn_scratch_size,
	.score = knn_score,
	.predict = knn_predict,
	.similar = knn_similar,
	.explain = knn_explain,
	.compare = knn_users_compare,
};
