/*
 * knn_users.c
 *		Users compared by the courses they rated: the user-based half of knn.
 *
 * This is the one kind of model that keeps rows of users: all training rows,
 * with the hash of each user's key, salted by random_state and the data, and no
 * key.  At call time the live history is compared with every stored user who
 * shares a course; the caller's own stored row, known by its hash, is skipped,
 * so that an outdated copy of the caller is never a neighbour.
 *
 *		score(c)   = sum over the nearest users of similarity * rating of c
 *		predict(c) = weighted mean over the nearest of the users who rated c
 *
 * Time of a call: ratings of the courses in the history.  Memory: the rows in
 * the model (8 bytes a rating), their transpose built when it is opened (8 more),
 * and 20 bytes of scratch a user (52 for pearson and its relatives).
 */
#include <math.h>
#include <string.h>

#include "core/baseline.h"
#include "core/knn_common.h"
#include "core/methods/support.h"
#include "core/neighbors_kernels.h"
#include "core/rng.h"

/* Age weight of every entry of a matrix with times. */
static RecsysStatus
make_ages(Env *env, const TrainingSet *set, double half_life, float **ages)
{
	const Csr  *rows = &set->by_user;

	*ages = env_alloc(env, (size_t) rows->n_entries, sizeof(float));
	if (*ages == NULL)
		return env->status;
	for (int32_t u = 0; u < rows->n_rows; u++)
	{
		if (env_interrupted(env))
			return env->status;
		for (int64_t e = rows->offsets[u]; e < rows->offsets[u + 1]; e++)
			(*ages)[e] = entry_weight(rows, e, set->summary.last_time, half_life);
	}
	return RECSYS_OK;
}

/* Hash by which the model knows a user. */
static uint64_t
salted(uint64_t salt, uint64_t user_hash)
{
	return hash_combine(salt, user_hash);
}

/* The hash of each training user. */
static RecsysStatus
put_hashes(Env *env, const TrainingSet *set, const KnnParams *params, ModelWriter *writer)
{
	int32_t		n = set->by_user.n_rows;
	int64_t    *salt = env_alloc(env, 1, sizeof(int64_t));
	int64_t    *hashes = env_alloc(env, (size_t) n, sizeof(int64_t));

	if (salt == NULL || hashes == NULL)
		return env->status;
	*salt = (int64_t) hash_combine((uint64_t) params->common.random_state,
								   set->summary.fingerprint);
	for (int32_t u = 0; u < n; u++)
		hashes[u] = (int64_t) salted((uint64_t) *salt,
									 user_key_hash(set->users.kind, idmap_key(&set->users, u)));
	TRY(model_put(env, writer, "salt", SECTION_INT64, 1, 1, salt));
	return model_put(env, writer, "user_hashes", SECTION_INT64, n, 1, hashes);
}

/* Stores the rows of all users. */
RecsysStatus
knn_users_fit(Env *env, const TrainingSet *set, const KnnParams *params, ModelWriter *writer)
{
	float	   *ages;

	TRY(model_put_csr(env, writer, "ratings", &set->by_user));
	TRY(put_hashes(env, set, params, writer));
	if (isnan(params->common.half_life) || set->by_user.times == NULL)
		return RECSYS_OK;
	TRY(make_ages(env, set, params->common.half_life, &ages));
	return model_put(env, writer, "ages", SECTION_FLOAT, set->by_user.n_entries, 1, ages);
}

/* Stores what weights of a user's ratings depend on, if anything. */
RecsysStatus
knn_user_facts_fit(Env *env, const TrainingSet *set, const KnnParams *params, ModelWriter *writer)
{
	int32_t		n = set->by_course.n_rows;
	double	   *mean_row_sum = env_alloc(env, 1, sizeof(double));
	float	   *facts;

	if (mean_row_sum == NULL)
		return env->status;
	TRY(knn_total(env, set, params, mean_row_sum));
	*mean_row_sum /= (double) set->summary.n_users;
	TRY(model_put(env, writer, "mean_user_sum", SECTION_DOUBLE, 1, 1, mean_row_sum));
	if (!similarity_weighs(params->similarity) ||
		params->similarity == SIMILARITY_PEARSON_BASELINE)
		return RECSYS_OK;
	facts = env_alloc(env, (size_t) n, sizeof(float));
	if (facts == NULL)
		return env->status;
	similarity_column_facts(params->similarity, &set->by_course, set->summary.n_users, NULL, facts);
	return model_put(env, writer, "course_facts", SECTION_FLOAT, n, 1, facts);
}

/* The biases of the baseline are in every model already. */
RecsysStatus
knn_user_facts_open(Env *env, Recommender *rec)
{
	const KnnParams *params = rec->params;
	KnnState   *state = rec->state;
	int64_t		one = 1;
	int64_t		n_courses = rec->n_courses;
	const void *data;

	state->user_rule = (SimilarityRule) {params->similarity, (int32_t) params->min_support,
		params->shrinkage, (int32_t) rec->summary.n_courses_rated};
	TRY(model_get(env, &rec->model, "mean_user_sum", SECTION_DOUBLE, &one, &one, &data));
	state->mean_row_sum = *(const double *) data;
	if (!isfinite(state->mean_row_sum))
		return model_damaged(env, "The mean sum of a user's ratings is not finite.");
	if (params->similarity == SIMILARITY_PEARSON_BASELINE)
		state->course_facts = rec->course_bias;
	else if (similarity_weighs(params->similarity))
	{
		TRY(model_get(env, &rec->model, "course_facts", SECTION_FLOAT, &n_courses, &one, &data));
		state->course_facts = data;
		return check_finite(env, data, n_courses, "The weight of a course is not finite.");
	}
	return RECSYS_OK;
}

/* mean + bias of the user. */
static double
user_base(const Recommender *rec, int64_t n, const int32_t *courses, const float *ratings)
{
	return rec->summary.mean + baseline_user_bias(rec->summary.mean, rec->course_bias,
												  (int32_t) n, courses, ratings);
}

/* Weighs a user's ratings for the similarity; values holds them aged and is overwritten. */
static void
weigh_user(const Recommender *rec, SparseRow ratings, float *values)
{
	const KnnState *state = rec->state;
	Similarity	similarity = state->user_rule.similarity;
	SparseRow	aged = {ratings.n, ratings.indexes, values};
	double		base = 0;
	float		row_fact;

	if (!similarity_weighs(similarity))
		return;
	if (similarity == SIMILARITY_PEARSON_BASELINE)
		base = user_base(rec, ratings.n, ratings.indexes, ratings.values);
	row_fact = similarity_row_fact(similarity, aged, base, state->mean_row_sum);
	for (int64_t e = 0; e < ratings.n; e++)
		values[e] = similarity_weigh(similarity, values[e], row_fact,
									 state->course_facts[ratings.indexes[e]]);
}

/* The history as a row, and the same weighed for the similarity into values. */
static SparseRow
weigh_history(const Recommender *rec, const History *history, float *values)
{
	const KnnParams *params = rec->params;
	bool		ages = similarity_ages(params->similarity);
	SparseRow	ratings = {history->n, history->courses, history->ratings};

	for (int32_t h = 0; h < history->n; h++)
		values[h] = history->ratings[h] * (ages ? history_weight(rec, history, h) : 1);
	weigh_user(rec, ratings, values);
	return (SparseRow) {history->n, history->courses, values};
}

/* Weighs all stored rows into values and measures them. */
static RecsysStatus
weigh_rows(Env *env, Recommender *rec, float *values)
{
	KnnState   *state = rec->state;
	const Csr  *rows = &state->rows;
	bool		ages = state->ages != NULL && similarity_ages(state->user_rule.similarity);

	for (int32_t u = 0; u < rows->n_rows; u++)
	{
		SparseRow	row = sparse_row(rows, u);
		float	   *row_values = values + rows->offsets[u];

		if (env_interrupted(env))
			return env->status;
		for (int64_t e = rows->offsets[u]; e < rows->offsets[u + 1]; e++)
			values[e] = rows->values[e] * (ages ? state->ages[e] : 1);
		weigh_user(rec, row, row_values);
		state->sizes[u] = similarity_row_size((SparseRow) {row.n, row.indexes, row_values});
	}
	return RECSYS_OK;
}

/* Builds what the search needs: sizes and raters. */
static RecsysStatus
index_rows(Env *env, Recommender *rec)
{
	KnnState   *state = rec->state;
	Csr			weighed = state->rows;

	state->sizes = env_alloc(env, (size_t) state->rows.n_rows, sizeof(RowSize));
	weighed.values = env_alloc(env, (size_t) state->rows.n_entries, sizeof(float));
	if (state->sizes == NULL || weighed.values == NULL)
		return env->status;
	TRY(weigh_rows(env, rec, weighed.values));
	TRY(csr_transpose(env, &weighed, &state->raters));
	env_free(env, weighed.values);
	return RECSYS_OK;
}

/* The bias of every stored user, or NULL for the modes that have no use for it. */
static RecsysStatus
stored_biases(Env *env, const Recommender *rec, float **bias)
{
	const KnnParams *params = rec->params;
	const KnnState *state = rec->state;

	*bias = NULL;
	if (params->rating != KNN_BASELINE)
		return RECSYS_OK;
	*bias = env_alloc(env, (size_t) state->rows.n_rows, sizeof(float));
	if (*bias == NULL)
		return env->status;
	for (int32_t u = 0; u < state->rows.n_rows; u++)
	{
		SparseRow	row = sparse_row(&state->rows, u);

		if (env_interrupted(env))
			return env->status;
		(*bias)[u] = (float) baseline_user_bias(rec->summary.mean, rec->course_bias,
												(int32_t) row.n, row.indexes, row.values);
	}
	return RECSYS_OK;
}

/* Finds the rows in the model and prepares the search. */
RecsysStatus
knn_users_open(Env *env, Recommender *rec)
{
	const KnnParams *params = rec->params;
	KnnState   *state = rec->state;
	int64_t		one = 1;
	int64_t		n_users;
	int64_t		n_entries;
	const void *data;
	float	   *bias;

	TRY(model_get_csr(env, &rec->model, "ratings", -1, rec->n_courses, &state->rows));
	n_users = state->rows.n_rows;
	n_entries = state->rows.n_entries;
	TRY(model_get(env, &rec->model, "user_hashes", SECTION_INT64, &n_users, &one, &data));
	state->hashes = data;
	TRY(model_get(env, &rec->model, "salt", SECTION_INT64, &one, &one, &data));
	state->salt = (uint64_t) *(const int64_t *) data;
	if (model_has(&rec->model, "ages"))
	{
		TRY(model_get(env, &rec->model, "ages", SECTION_FLOAT, &n_entries, &one, &data));
		state->ages = data;
		TRY(check_finite(env, data, n_entries, "The age of a rating is not finite."));
	}
	TRY(index_rows(env, rec));
	TRY(stored_biases(env, rec, &bias));
	TRY(knn_center_rows(env, params->rating, &state->rows, rec->summary.mean, bias,
						&state->users));
	env_free(env, bias);
	return RECSYS_OK;
}

/* Offers a stored user, unless it is the caller, and clears the sums. */
static void
offer_user(const Recommender *rec, const History *history, const PairSearch *search, RowSize size,
		   int32_t user, Topk *best)
{
	const KnnState *state = rec->state;
	PairSums	sums = pair_search_take(search, user);
	float		similarity;

	if (sums.n == 0 || (history->has_key && (uint64_t) state->hashes[user] ==
						salted(state->salt, history->user_hash)))
		return;
	similarity = (float) similarity_value(&state->user_rule, &sums, size, state->sizes[user]);
	if (similarity > 0)
		topk_offer(best, similarity, user, user);
}

/* The stored users most similar to the history, best first: all, or those who rated a course. */
static Topk
nearest_users(const Recommender *rec, const History *history, int32_t course,
			  const KnnScratch *scratch)
{
	const KnnParams *params = rec->params;
	const KnnState *state = rec->state;
	SparseRow	row = weigh_history(rec, history, scratch->a);
	RowSize		size = similarity_row_size(row);
	PairSearch	search = {similarity_sums(params->similarity), row, &state->raters, 0,
		state->rows.n_rows, scratch->sums, scratch->touched};
	int32_t		n_touched = pair_search(&search);
	Topk		best;

	topk_init(&best, scratch->heap, (int) params->neighbors);
	if (course == IDMAP_NONE)
		for (int32_t t = 0; t < n_touched; t++)
			offer_user(rec, history, &search, size, scratch->touched[t], &best);
	else
		for (int64_t e = state->raters.offsets[course]; e < state->raters.offsets[course + 1]; e++)
			offer_user(rec, history, &search, size, state->raters.indexes[e], &best);
	for (int32_t t = 0; t < n_touched; t++)
		(void) pair_search_take(&search, scratch->touched[t]);
	memset(scratch->touched, 0, (size_t) n_touched * sizeof(int32_t));
	memset(scratch->a, 0, (size_t) history->n * sizeof(float));
	topk_sort(&best);
	return best;
}

/* Leaves the heap zero again. */
static void
clear_heap(Topk *best)
{
	memset(best->items, 0, (size_t) best->n * sizeof(TopkItem));
}

/* What entry e of the stored rows counts in a score. */
static double
stored_weight(const KnnState *state, int64_t e)
{
	return (double) state->rows.values[e] * (state->ages != NULL ? state->ages[e] : 1);
}

/* Entry of a course in a stored row, or -1. */
static int64_t
find_entry(const Csr *rows, int32_t row, int32_t course)
{
	int64_t		entry = csr_find(rows, row, course);

	return entry < rows->offsets[row + 1] && rows->indexes[entry] == course ? entry : -1;
}

/* What the nearest users took, weighted by their similarity. */
void
knn_users_score(const Recommender *rec, const History *history, void *memory, float *scores)
{
	const KnnState *state = rec->state;
	KnnScratch	scratch = knn_scratch(rec, memory);
	Topk		best = nearest_users(rec, history, IDMAP_NONE, &scratch);

	memset(scores, 0, (size_t) rec->n_courses * sizeof(float));
	for (int i = 0; i < best.n; i++)
	{
		int32_t		user = best.items[i].index;

		for (int64_t e = state->rows.offsets[user]; e < state->rows.offsets[user + 1]; e++)
			scores[state->rows.indexes[e]] +=
				(float) (best.items[i].score * stored_weight(state, e));
	}
	keep_positive_scores(rec->n_courses, scores);
	clear_heap(&best);
}

/* Center and scale of the caller. */
static void
center_history(const Recommender *rec, const History *history, float *center, float *scale)
{
	const KnnParams *params = rec->params;
	const KnnState *state = rec->state;
	SparseRow	row = {history->n, history->courses, history->ratings};

	if (params->rating != KNN_BASELINE)
		knn_center_row(params->rating, row, state->users.overall_scale, center, scale);
	else
	{
		*center = (float) user_base(rec, row.n, row.indexes, row.values);
		*scale = 1;
	}
}

/* What the nearest of the course's raters made of it, in terms of the caller's scale. */
double
knn_users_predict(const Recommender *rec, const History *history, int32_t course, void *memory)
{
	const KnnParams *params = rec->params;
	const KnnState *state = rec->state;
	KnnScratch	scratch = knn_scratch(rec, memory);
	Topk		best = nearest_users(rec, history, course, &scratch);
	double		bias = params->rating == KNN_BASELINE ? rec->course_bias[course] : 0;
	double		sum = 0;
	double		weights = 0;
	float		center;
	float		scale;

	for (int i = 0; i < best.n; i++)
	{
		int32_t		user = best.items[i].index;
		double		rating = state->rows.values[find_entry(&state->rows, user, course)];

		sum += best.items[i].score * (rating - bias - state->users.center[user]) /
			state->users.scale[user];
		weights += best.items[i].score;
	}
	clear_heap(&best);
	if (!(weights > 0))
		return NAN;
	center_history(rec, history, &center, &scale);
	return center + bias + scale * sum / weights;
}

/* Courses that the history and a stored row have in common; adds share to each of them. */
static int
common_courses(const History *history, SparseRow row, float share, float *shares)
{
	int			n = 0;
	int64_t		e = 0;

	for (int32_t h = 0; h < history->n; h++)
	{
		while (e < row.n && row.indexes[e] < history->courses[h])
			e++;
		if (e < row.n && row.indexes[e] == history->courses[h])
		{
			shares[h] += share;
			n++;
		}
	}
	return n;
}

/* A neighbour's part in the score is owed evenly to the courses that make it a neighbour. */
int
knn_users_explain(const Recommender *rec, const History *history, int32_t course, void *memory,
				  Reason *reasons, int max)
{
	const KnnState *state = rec->state;
	KnnScratch	scratch = knn_scratch(rec, memory);
	Topk		best = nearest_users(rec, history, IDMAP_NONE, &scratch);
	double		total = 0;
	int			n = 0;

	for (int i = 0; i < best.n; i++)
	{
		SparseRow	row = sparse_row(&state->rows, best.items[i].index);
		int64_t		entry = find_entry(&state->rows, best.items[i].index, course);

		if (entry >= 0)
		{
			double		part = best.items[i].score * stored_weight(state, entry);
			int			common = common_courses(history, row, 0, scratch.a);

			common_courses(history, row, (float) (part / common), scratch.a);
			total += part;
		}
	}
	for (int32_t h = 0; total > 0 && h < history->n; h++)
		n = add_reason(reasons, n, max, (Reason) {REASON_COURSE, history->courses[h],
					   scratch.a[h]});
	memset(scratch.a, 0, (size_t) history->n * sizeof(float));
	clear_heap(&best);
	return n;
}

/* The model's measure between two histories. */
float
knn_users_compare(const Recommender *rec, const History *a, const History *b, void *memory)
{
	const KnnState *state = rec->state;
	KnnScratch	scratch = knn_scratch(rec, memory);
	SparseRow	x = weigh_history(rec, a, scratch.a);
	SparseRow	y = weigh_history(rec, b, scratch.b);
	PairSums	sums = similarity_pair_sums(similarity_sums(state->user_rule.similarity), x, y);
	double		value = similarity_value(&state->user_rule, &sums, similarity_row_size(x),
										 similarity_row_size(y));

	memset(scratch.a, 0, (size_t) a->n * sizeof(float));
	memset(scratch.b, 0, (size_t) b->n * sizeof(float));
	return value > 0 ? (float) value : NO_OPINION;
}
