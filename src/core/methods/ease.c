/*
 * ease.c
 *		Linear effects of every course on every other, in closed form.
 *
 * With x_uc = 1 for a course that the user rated above 0, else 0 (or the rating,
 * with binary false; either times its weight by age), training finds the B with a
 * diagonal of zeros that minimises
 *
 *		|X - X B|^2 + regularization |B|^2
 *
 * The solution is P = (X'X + regularization I)^-1, B_ij = -P_ij / P_jj.
 *
 *		score(c)	= sum over the user's courses j of x_j B_jc
 *		similar		= partial correlation of two courses, R_ij = -P_ij / sqrt(P_ii P_jj)
 *
 * The model holds R, which is symmetric, and d_c = sqrt(P_cc): B_ij = d_i R_ij / d_j.
 * B_jc is what course j adds to c when all other courses are known: unlike a
 * similarity, it does not count the same evidence twice, and it may be negative.
 * A course whose total is not positive has no score.
 *
 * MovieLens 100k, a random quarter held out: see docs/methods.md.
 *
 * Steck, "Embarrassingly shallow autoencoders for sparse data" (2019).
 *
 * Training takes sum over users of (number of their courses)^2 / 2 additions and
 * courses^3 multiplications, 8 bytes * courses^2 (12 below DENSE_COURSES), plus 4
 * a rating.  The model keeps all weights below DENSE_COURSES courses, else for
 * each course the table_size largest weights, by absolute value, that it has on
 * others; a score reads one row per course of the user.
 */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/blas.h"
#include "core/inverse.h"
#include "core/methods/methods.h"
#include "core/methods/support.h"
#include "core/parallel.h"
#include "core/similarity.h"
#include "core/topk.h"
#include "core/vector.h"

#define DENSE_COURSES 2000		/* from here on, not all weights are kept by default */
#define TABLE_SIZE 400			/* weights per course that are kept then */
#define SLICE_RATINGS (INT64_C(1) << 20)	/* of the users added at a time: a row takes 2 ms at most */

typedef struct EaseParams
{
	CommonParams common;
	double		regularization;
	bool		binary;
	int64_t		table_size;		/* 0: see kept_weights */
} EaseParams;

typedef struct EaseState
{
	const float *dense;			/* R, n_courses x n_courses, or NULL */
	Csr			sparse;			/* what is kept of R, when dense is NULL */
	const float *deviations;	/* d_c */
} EaseState;

/* One training run. */
typedef struct Fit
{
	const TrainingSet *set;
	const EaseParams *params;
	int32_t		n;				/* courses */
	float	   *by_user;		/* x of each rating, by user */
	int32_t		user_begin;		/* users of the slice */
	int32_t		user_end;
	double	   *matrix;			/* n x n: Gram matrix, then its inverse */
	float	   *deviations;		/* d_c */
	float	   *dense;			/* n x n: R */
	int32_t		table_size;
	TopkItem   *heaps;			/* table_size of each worker */
	Csr			table;			/* what is kept of R */
} Fit;

static const ParamDef ease_params[] = {
	{.name = "regularization", .aliases = "reg lambda l2", .type = PARAM_FLOAT,
		.offset = offsetof(EaseParams, regularization), .default_text = "500",
		.min = 1e-3, .max = 1e12,
		.description = "Penalty on squared weights: higher trusts only courses with many common users."},
	{.name = "binary", .type = PARAM_BOOL, .offset = offsetof(EaseParams, binary),
		.default_text = "true",
		.description = "Count each rating above 0 as 1; false: use the ratings themselves."},
	{.name = "table_size", .type = PARAM_INT, .offset = offsetof(EaseParams, table_size),
		.default_text = "0", .min = 0, .max = 100000,
		.description = "Weights of each course on others that are kept, the largest; 0: all below 2,000 courses, else 400."},
};

/* Weights of a course that are kept; n: all, in a dense matrix. */
static int32_t
kept_weights(const EaseParams *params, int64_t n)
{
	int64_t		kept = params->table_size;

	if (kept == 0)
		kept = n < DENSE_COURSES ? n : TABLE_SIZE;
	return (int32_t) (kept < n ? kept : n);
}

/* The matrix and the ratings; then either what the inverse needs, or the kept weights. */
static void
ease_estimate(const Shape *shape, const void *params_in, Estimate *estimate)
{
	const EaseParams *params = params_in;
	double		n = (double) shape->n_courses;
	double		n_ratings = (double) shape->n_ratings;
	double		kept = kept_weights(params, shape->n_courses);
	double		per_user = shape->n_users > 0 ? n_ratings / (double) shape->n_users : 0;
	int			n_threads = shape->n_threads > 1 ? shape->n_threads : 1;
	double		weights = kept == n ? 4 * n * n : 8 * n * kept + 8 * n;
	double		during = inverse_bytes(n);
	double		after = weights + (kept == n ? 0 : kept * n_threads * sizeof(TopkItem));

	if (during < n_ratings * sizeof(float))
		during = n_ratings * sizeof(float);
	estimate->bytes = 8 * n * n + 4 * n + (during > after ? during : after);
	estimate->library_bytes = BLAS_LIBRARY_BYTES;
	estimate->seconds = 0.1 + (n * n * n / 3e10 + n_ratings * per_user * 1.5e-9) / n_threads;
	estimate->model_bytes = weights + 4 * n;
}

/* x of a rating. */
static inline float
preference(const EaseParams *params, float rating)
{
	if (!params->binary)
		return rating;
	return rating > 0 ? 1 : 0;
}

/* x of entry e of the training ratings, by user or by course. */
static inline float
entry_preference(const Fit *fit, const Csr *ratings, int64_t e)
{
	return preference(fit->params, ratings->values[e]) *
		entry_weight(ratings, e, fit->set->summary.last_time, fit->params->common.half_life);
}

/* x of row h of a history. */
static inline float
history_preference(const Recommender *rec, const History *history, int32_t h)
{
	return preference(rec->params, history->ratings[h]) * history_weight(rec, history, h);
}

/* x of a chunk of the ratings. */
static RecsysStatus
weigh_ratings(void *arg, int64_t begin, int64_t end, int worker)
{
	Fit		   *fit = arg;

	(void) worker;
	for (int64_t e = begin; e < end; e++)
		fit->by_user[e] = entry_preference(fit, &fit->set->by_user, e);
	return RECSYS_OK;
}

/* Adds the users of the slice to some rows of the Gram matrix, up to the diagonal. */
static RecsysStatus
add_rows(void *arg, int64_t begin, int64_t end, int worker)
{
	const Fit  *fit = arg;
	const Csr  *by_course = &fit->set->by_course;
	const Csr  *by_user = &fit->set->by_user;

	(void) worker;
	for (int32_t i = (int32_t) begin; i < end; i++)
	{
		double	   *row = fit->matrix + (int64_t) i * fit->n;
		int64_t		e = csr_find(by_course, i, fit->user_begin);

		for (; e < by_course->offsets[i + 1] && by_course->indexes[e] < fit->user_end; e++)
		{
			double		x = entry_preference(fit, by_course, e);
			int64_t		f = by_user->offsets[by_course->indexes[e]];

			for (; by_user->indexes[f] < i; f++)
				row[by_user->indexes[f]] += x * fit->by_user[f];
			row[i] += x * fit->by_user[f];
		}
	}
	return RECSYS_OK;
}

/* Lower triangle of X'X + regularization I, slice by slice of the users. */
static RecsysStatus
gram_matrix(Env *env, Fit *fit)
{
	const Csr  *by_user = &fit->set->by_user;

	TRY(parallel_for(env, by_user->n_entries, POLL_ENTRIES, weigh_ratings, fit, false));
	for (fit->user_begin = 0; fit->user_begin < by_user->n_rows; fit->user_begin = fit->user_end)
	{
		int64_t		last = by_user->offsets[fit->user_begin] + SLICE_RATINGS;

		fit->user_end = fit->user_begin + 1;
		while (fit->user_end < by_user->n_rows && by_user->offsets[fit->user_end + 1] <= last)
			fit->user_end++;
		TRY(parallel_for(env, fit->n, 1, add_rows, fit, false));
		env_progress(env, PHASE_FITTING, by_user->offsets[fit->user_end], by_user->n_entries);
	}
	for (int32_t c = 0; c < fit->n; c++)
		fit->matrix[(int64_t) c * fit->n + c] += fit->params->regularization;
	return RECSYS_OK;
}

/* Sets some rows of the matrix to zero. */
static RecsysStatus
clear_rows(void *arg, int64_t begin, int64_t end, int worker)
{
	const Fit  *fit = arg;

	(void) worker;
	memset(fit->matrix + begin * fit->n, 0, (size_t) (end - begin) * fit->n * sizeof(double));
	return RECSYS_OK;
}

/* The matrix of all pairs of courses, checked against the limit before anything is computed. */
static RecsysStatus
allocate_matrix(Env *env, Fit *fit)
{
	fit->matrix = env_alloc(env, (size_t) fit->n, (size_t) fit->n * sizeof(double));
	if (fit->matrix != NULL)
		return parallel_for(env, fit->n, 1, clear_rows, fit, false);
	if (env->status == RECSYS_OVER_LIMIT)
		env_hint(env, "Increase the setting \"course_recsys.max_memory\", or train on fewer courses: \"ease\" needs 8 bytes for every pair of courses.");
	return env->status;
}

/* R_ij; the diagonal is 0. */
static inline float
correlation(const Fit *fit, int32_t i, int32_t j)
{
	if (i == j)
		return 0;
	return (float) (-fit->matrix[(int64_t) i * fit->n + j] /
					((double) fit->deviations[i] * (double) fit->deviations[j]));
}

/* Some rows of R. */
static RecsysStatus
dense_rows(void *arg, int64_t begin, int64_t end, int worker)
{
	const Fit  *fit = arg;

	(void) worker;
	for (int32_t i = (int32_t) begin; i < end; i++)
		for (int32_t j = 0; j < fit->n; j++)
			fit->dense[(int64_t) i * fit->n + j] = correlation(fit, i, j);
	return RECSYS_OK;
}

/* Orders items by index. */
static int
compare_index(const void *a, const void *b)
{
	int32_t		x = ((const TopkItem *) a)->index;
	int32_t		y = ((const TopkItem *) b)->index;

	return (x > y) - (x < y);
}

/* Some rows of R, where the weights are largest. */
static RecsysStatus
sparse_rows(void *arg, int64_t begin, int64_t end, int worker)
{
	const Fit  *fit = arg;

	for (int32_t i = (int32_t) begin; i < end; i++)
	{
		int64_t		place = (int64_t) i * fit->table_size;
		Topk		best;

		topk_init(&best, fit->heaps + (int64_t) worker * fit->table_size, fit->table_size);
		for (int32_t j = 0; j < fit->n; j++)
			if (i != j)
				topk_offer(&best, fabsf(correlation(fit, i, j)) / fit->deviations[j], j, j);
		qsort(best.items, (size_t) best.n, sizeof(TopkItem), compare_index);
		for (int b = 0; b < best.n; b++)
		{
			fit->table.indexes[place + b] = best.items[b].index;
			fit->table.values[place + b] = correlation(fit, i, best.items[b].index);
		}
	}
	return RECSYS_OK;
}

/* The model keeps the largest weights. */
static RecsysStatus
put_sparse(Env *env, Fit *fit, ModelWriter *writer)
{
	int			n_workers = parallel_workers(env, fit->n, 1);

	TRY(csr_init(env, &fit->table, fit->n, fit->n, (int64_t) fit->n * fit->table_size, false));
	fit->heaps = env_alloc(env, (size_t) n_workers * (size_t) fit->table_size, sizeof(TopkItem));
	if (fit->heaps == NULL)
		return env->status;
	for (int32_t i = 0; i <= fit->n; i++)
		fit->table.offsets[i] = (int64_t) i * fit->table_size;
	TRY(parallel_for(env, fit->n, 1, sparse_rows, fit, false));
	env_free(env, fit->heaps);
	return model_put_csr(env, writer, "correlations", &fit->table);
}

/* The model keeps all weights. */
static RecsysStatus
put_dense(Env *env, Fit *fit, ModelWriter *writer)
{
	fit->dense = env_alloc(env, (size_t) fit->n, (size_t) fit->n * sizeof(float));
	if (fit->dense == NULL)
		return env->status;
	TRY(parallel_for(env, fit->n, 1, dense_rows, fit, false));
	return model_put(env, writer, "correlations", SECTION_FLOAT, fit->n, fit->n, fit->dense);
}

/* Square roots of the inverse's diagonal. */
static RecsysStatus
put_deviations(Env *env, Fit *fit, ModelWriter *writer)
{
	fit->deviations = env_alloc(env, (size_t) fit->n, sizeof(float));
	if (fit->deviations == NULL)
		return env->status;
	for (int32_t c = 0; c < fit->n; c++)
	{
		fit->deviations[c] = (float) sqrt(fit->matrix[(int64_t) c * fit->n + c]);
		if (!(fit->deviations[c] > 0) || !isfinite(fit->deviations[c]))
		{
			env_fail(env, RECSYS_NOT_CONVERGED, "weights of method \"ease\" are not finite");
			return env_hint(env, "Increase \"regularization\".");
		}
	}
	return model_put(env, writer, "deviations", SECTION_FLOAT, fit->n, 1, fit->deviations);
}

/* Inverts X'X + regularization I. */
static RecsysStatus
invert(Env *env, Fit *fit)
{
	RecsysStatus status = inverse_spd(env, fit->n, fit->matrix);

	if (status == RECSYS_SINGULAR)
	{
		env_fail(env, status, "could not solve for the weights of method \"ease\"");
		env_detail(env, "The ratings are too large for the regularization %g.",
				   fit->params->regularization);
		return env_hint(env, "Increase \"regularization\".");
	}
	return status;
}

/* Gram matrix, inverse, weights. */
static RecsysStatus
ease_fit(Env *env, const TrainingSet *set, const void *params, ModelWriter *writer)
{
	Fit			fit = {.set = set, .params = params, .n = set->by_course.n_rows};

	fit.table_size = kept_weights(fit.params, fit.n);
	TRY(blas_open(env));
	TRY(allocate_matrix(env, &fit));
	fit.by_user = env_alloc(env, (size_t) set->by_user.n_entries, sizeof(float));
	if (fit.by_user == NULL)
		return env->status;
	TRY(gram_matrix(env, &fit));
	env_free(env, fit.by_user);
	TRY(invert(env, &fit));
	TRY(put_deviations(env, &fit, writer));
	TRY(fit.table_size == fit.n ? put_dense(env, &fit, writer) : put_sparse(env, &fit, writer));
	env_free(env, fit.matrix);
	return RECSYS_OK;
}

/* Finds the weights in either form. */
static RecsysStatus
ease_open(Env *env, Recommender *rec)
{
	EaseState  *state = rec->state;
	int64_t		n = rec->n_courses;
	int64_t		one = 1;
	const void *data;

	TRY(model_get(env, &rec->model, "deviations", SECTION_FLOAT, &n, &one, &data));
	state->deviations = data;
	TRY(check_finite(env, data, n, "The deviation of a course is not finite."));
	for (int64_t c = 0; c < n; c++)
		if (!(state->deviations[c] > 0))
			return model_damaged(env, "The deviation of a course is not positive.");
	if (kept_weights(rec->params, n) < n)
		return model_get_csr(env, &rec->model, "correlations", rec->n_courses, rec->n_courses,
							 &state->sparse);
	TRY(model_get(env, &rec->model, "correlations", SECTION_FLOAT, &n, &n, &data));
	state->dense = data;
	return check_finite(env, data, n * n, "A correlation is not finite.");
}

/* scores += x * (row of R). */
static void
add_row(const Recommender *rec, int32_t course, float x, float *scores)
{
	const EaseState *state = rec->state;
	SparseRow	row;

	if (state->dense != NULL)
	{
		vector_axpy(x, state->dense + (int64_t) course * rec->n_courses, scores, rec->n_courses);
		return;
	}
	row = sparse_row(&state->sparse, course);
	vector_scatter(x, row.indexes, row.values, row.n, scores);
}

/* Adds up the rows of the history's courses. */
static void
ease_score(const Recommender *rec, const History *history, void *scratch, float *scores)
{
	const EaseState *state = rec->state;

	(void) scratch;
	memset(scores, 0, (size_t) rec->n_courses * sizeof(float));
	for (int32_t h = 0; h < history->n; h++)
		add_row(rec, history->courses[h],
				history_preference(rec, history, h) * state->deviations[history->courses[h]],
				scores);
	for (int32_t c = 0; c < rec->n_courses; c++)
		scores[c] /= state->deviations[c];
	keep_positive_scores(rec->n_courses, scores);
}

/* The course's row. */
static bool
ease_similar(const Recommender *rec, int32_t course, void *scratch, float *scores)
{
	(void) scratch;
	memset(scores, 0, (size_t) rec->n_courses * sizeof(float));
	add_row(rec, course, 1, scores);
	keep_positive_scores(rec->n_courses, scores);
	return true;
}

/* Weight of one course on another. */
static float
stored_weight(const Recommender *rec, int32_t from, int32_t to)
{
	const EaseState *state = rec->state;
	float		stored = state->dense != NULL ? state->dense[(int64_t) from * rec->n_courses + to]
		: entry_value(&state->sparse, from, to);

	return state->deviations[from] * stored / state->deviations[to];
}

/* The terms of the score's sum. */
static int
ease_explain(const Recommender *rec, const History *history, int32_t course, void *scratch,
			 Reason *reasons, int max)
{
	double		total = 0;
	int			n = 0;

	(void) scratch;
	for (int32_t h = 0; h < history->n; h++)
	{
		float		part = history_preference(rec, history, h) *
			stored_weight(rec, history->courses[h], course);

		total += part;
		if (part != 0)
			n = add_reason(reasons, n, max, (Reason) {REASON_COURSE, history->courses[h], part});
	}
	return total > 0 ? n : 0;
}

const Method method_ease = {
	.name = "ease",
	.description = "Linear effect of every course taken on every other, in closed form.",
	.objective = OBJECTIVE_RANKING,
	.params = {"ease", ease_params, N_PARAMS(ease_params), sizeof(EaseParams)},
	.personal = true,
	.state_size = sizeof(EaseState),
	.check = check_half_life,
	.estimate = ease_estimate,
	.fit = ease_fit,
	.open = ease_open,
	.score = ease_score,
	.similar = ease_similar,
	.explain = ease_explain,
};
