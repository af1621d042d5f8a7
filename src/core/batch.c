/*
 * batch.c
 *		Answers about many users.
 *
 * How far apart can the two products be?  A sum of k float products, in any order,
 * fused or not, differs from the exact one by at most g = k 2^-24 / (1 - k 2^-24)
 * times the sum of the absolute products, which is at most |u| |v| (Higham,
 * "Accuracy and Stability of Numerical Algorithms", section 3.1).  So two ways of
 * computing one score differ by 2 g |u| |v|; and a course can only be among the n
 * best if its score by block is at most 4 g |u| |v| below the n-th best by block.
 * A few more roundings, of biases and offsets, are covered by ROUNDINGS.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "core/batch.h"
#include "core/blas.h"
#include "core/latent.h"
#include "core/parallel.h"
#include "core/score_kernels.h"
#include "core/vector.h"

#define BLOCK_SCORES (INT64_C(1) << 19)	/* of a chunk, at most: 2 MB */
#define ROUNDINGS 8				/* beside the product itself */

/* Can the method score by blocks? */
static bool
scores_blocks(const Method *method)
{
	return method->score_block != NULL && method->score_vector != NULL &&
		method_has_factors(method);
}

/* Users scored at a time; depends on the model alone. */
static int
chunk_users(const Recommender *rec)
{
	int64_t		users = BLOCK_SCORES / (rec->n_courses > 0 ? rec->n_courses : 1);

	return users > BATCH_USERS ? BATCH_USERS : users > 1 ? (int) users : 1;
}

/* Longest vector and largest bias of a course. */
static RecsysStatus
measure_courses(Env *env, Batch *batch)
{
	const Recommender *rec = batch->rec;

	for (int32_t c = 0; c < rec->n_courses; c++)
	{
		int			n;
		const float *vector = rec->method->course_vector(rec, c, &n);

		if (c % 4096 == 0 && env_interrupted(env))
			return env->status;
		if (vector == NULL)
			continue;
		batch->longest = fmax(batch->longest, (double) vector_norm(vector, n));
		if (rec->method->course_vector_bias != NULL)
			batch->largest_bias = fmax(batch->largest_bias,
									   fabs((double) rec->method->course_vector_bias(rec, c)));
	}
	return RECSYS_OK;
}

/* Scratch of one thread. */
static RecsysStatus
prepare_worker(Env *env, const Batch *batch, BatchWorker *worker)
{
	size_t		n_courses = (size_t) batch->rec->n_courses;
	size_t		chunk = (size_t) batch->chunk;

	worker->scratch = env_alloc_zero(env, recommender_scratch_size(batch->rec), 1);
	worker->vectors = env_alloc_zero(env, chunk * (size_t) batch->vector_size, sizeof(float));
	worker->scores = env_alloc_zero(env, chunk * n_courses, sizeof(float));
	worker->allowed = env_alloc_zero(env, n_courses, 1);
	worker->heap = env_alloc_zero(env, (size_t) batch->n, sizeof(TopkItem));
	if (batch->rec->method->score_sources != NULL)
	{
		worker->sources = env_alloc_zero(env, n_courses, 1);
		if (worker->sources == NULL)
			return env->status;
	}
	if (worker->scratch == NULL || worker->vectors == NULL || worker->scores == NULL ||
		worker->allowed == NULL || worker->heap == NULL)
		return env->status;
	return RECSYS_OK;
}

/* Chooses the way and allocates. */
RecsysStatus
batch_prepare(Env *env, Batch *batch, int64_t n_users)
{
	int			n_workers;

	batch->chunk = 1;
	batch->vector_size = 0;
	if (scores_blocks(batch->rec->method) && blas_open(env) == RECSYS_OK)
	{
		batch->chunk = chunk_users(batch->rec);
		batch->vector_size = latent_count(batch->rec) + 1;
		TRY(measure_courses(env, batch));
	}
	n_workers = parallel_workers(env, n_users, batch->chunk);
	batch->workers = env_alloc_zero(env, (size_t) n_workers, sizeof(BatchWorker));
	if (batch->workers == NULL)
		return env->status;
	for (int i = 0; i < n_workers; i++)
		TRY(prepare_worker(env, batch, &batch->workers[i]));
	return RECSYS_OK;
}

/* Options of recommender_rank for a worker's user. */
static RankOptions
rank_options(const Batch *batch, const BatchWorker *worker)
{
	return (RankOptions) {batch->n, batch->threshold, batch->fill, worker->allowed};
}

/* Which courses may be recommended to a user. */
static void
allow(const Batch *batch, BatchWorker *worker, const History *history)
{
	memcpy(worker->allowed, batch->available, (size_t) batch->rec->n_courses);
	for (int32_t h = 0; batch->exclude_seen && h < history->n; h++)
		worker->allowed[history->courses[h]] = 0;
}

/* Ranks for one user by the scores of the method. */
static int
rank_alone(const Batch *batch, BatchWorker *worker, const History *history, float *scores,
		   Ranked *ranked)
{
	RankOptions options = rank_options(batch, worker);
	const Method *method = batch->rec->method;
	int			n;

	if (worker->sources == NULL)
		method->score(batch->rec, history, worker->scratch, scores);
	else
		method->score_sources(batch->rec, history, worker->scratch, scores, worker->sources);
	n = recommender_rank(batch->rec, scores, &options, worker->heap, ranked);
	for (int i = 0; i < n && worker->sources != NULL; i++)
		ranked[i].source = worker->sources[ranked[i].course];
	return n;
}

/* How far below the n-th best score by block one of the n best can be. */
static double
rounding_margin(const Batch *batch, const float *vector, double score)
{
	int			n = batch->vector_size - 1;
	double		unit = (n + ROUNDINGS) * (double) FLT_EPSILON / 2;
	double		size = (double) vector_norm(vector, n) * batch->longest +
		fabs((double) vector[n]) + batch->largest_bias + fabs(score);

	return 4 * unit / (1 - unit) * size;
}

/*
 * Ranks the courses with a score by block from `least` on by their exact scores.  Returns how many rows
 * there are; *n_opinions: candidates with an opinion.
 */
static int
rank_candidates(const Batch *batch, const BatchWorker *worker, const float *vector, float least,
				const float *scores, Ranked *ranked, int32_t *n_opinions)
{
	const Recommender *rec = batch->rec;
	Topk		best;

	*n_opinions = 0;
	topk_init(&best, worker->heap, batch->n);
	for (int32_t c = scores_next(scores, 0, rec->n_courses, least); c < rec->n_courses;
		 c = scores_next(scores, c + 1, rec->n_courses, least))
	{
		float		score;

		if (!worker->allowed[c])
			continue;
		score = rec->method->score_vector(rec, vector, c);
		if (!(score > NO_OPINION))
			continue;
		(*n_opinions)++;
		if (!(score < batch->threshold))
			topk_offer(&best, score, rec->popularity_rank[c], c);
	}
	topk_sort(&best);
	for (int i = 0; i < best.n; i++)
		ranked[i] = (Ranked) {best.items[i].index, best.items[i].score, 0};
	return best.n;
}

/*
 * Ranks for one user, whose scores by block are given.  When n courses have a score, the candidates
 * are enough, unless too many of them turn out to be no opinion; else all courses are scored one by one.
 */
static int
rank_by_block(const Batch *batch, BatchWorker *worker, const History *history,
			  const float *vector, float *scores, Ranked *ranked)
{
	RankOptions any = {batch->n, NAN, false, worker->allowed};
	int			n = recommender_rank(batch->rec, scores, &any, worker->heap, ranked);
	int32_t		n_opinions = 0;

	if (n > 0 && n == batch->n)
	{
		double		last = (double) ranked[n - 1].score;
		double		least = last - rounding_margin(batch, vector, last);

		/* The next float below: rounding may not leave anything out. */
		n = rank_candidates(batch, worker, vector, nextafterf((float) least, -INFINITY), scores,
							ranked, &n_opinions);
	}
	return n_opinions >= batch->n ? n : rank_alone(batch, worker, history, scores, ranked);
}

/* Vectors of all users of the chunk, scores by one product, then user by user. */
static void
rank_block(const Batch *batch, BatchWorker *worker, int n_users, const History *histories,
		   Ranked *ranked, int *n_ranked)
{
	const Recommender *rec = batch->rec;
	bool		known[BATCH_USERS];

	memset(worker->vectors, 0, (size_t) n_users * (size_t) batch->vector_size * sizeof(float));
	for (int u = 0; u < n_users; u++)
		known[u] = latent_user(rec, &histories[u], worker->scratch,
							   worker->vectors + (int64_t) u * batch->vector_size);
	rec->method->score_block(rec, worker->vectors, n_users, worker->scores);
	for (int u = 0; u < n_users; u++)
	{
		float	   *scores = worker->scores + (int64_t) u * rec->n_courses;
		Ranked	   *own = ranked + (int64_t) u * batch->n;

		allow(batch, worker, &histories[u]);
		n_ranked[u] = !known[u] ? rank_alone(batch, worker, &histories[u], scores, own)
			: rank_by_block(batch, worker, &histories[u],
							worker->vectors + (int64_t) u * batch->vector_size, scores, own);
	}
}

/* By block where there are blocks. */
void
batch_rank(const Batch *batch, int number, int n_users, const History *histories,
		   Ranked *ranked, int *n_ranked)
{
	BatchWorker *worker = &batch->workers[number];

	if (batch->vector_size > 0)
	{
		rank_block(batch, worker, n_users, histories, ranked, n_ranked);
		return;
	}
	for (int u = 0; u < n_users; u++)
	{
		allow(batch, worker, &histories[u]);
		n_ranked[u] = rank_alone(batch, worker, &histories[u], worker->scores,
								 ranked + (int64_t) u * batch->n);
	}
}

/* One product where score is one. */
float
batch_score_course(const Batch *batch, int number, const History *history, int32_t course)
{
	const Recommender *rec = batch->rec;
	BatchWorker *worker = &batch->workers[number];

	if (batch->vector_size > 0 && latent_user(rec, history, worker->scratch, worker->vectors))
		return rec->method->score_vector(rec, worker->vectors, course);
	rec->method->score(rec, history, worker->scratch, worker->scores);
	return worker->scores[course];
}
