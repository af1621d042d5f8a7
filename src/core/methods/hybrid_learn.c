/*
 * hybrid_learn.c
 *		Weights of the parts of a hybrid, learned on ratings that they were not fitted to.
 *
 * A quarter of the ratings of each course is held out of the training ratings, drawn by
 * the row hashes of split.h (strategy course, seed random_state), and the parts are
 * fitted to the others.  Then, from equal weights on, one part after the other gets
 * the share of the whole, of a fixed grid, that gives the best nDCG@10 over the users
 * with a held-out course that they like, the other parts keeping their proportions, until a
 * round improves nothing: coordinate ascent.  Gains are binary; a rating of 0 or less
 * is no gain.  No part gets less than LEAST_SHARE, so that what only one part has a
 * score for (a course without ratings, by its content) keeps its order.
 *
 * Memory: 4 bytes x (parts + 1) x courses for each user that is asked, of whom as
 * many are taken, evenly spaced, as fit into LEARN_VALUES, at most LEARN_USERS.  Time of
 * a step: one pass over that.  On several threads, users are added up in their order.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/methods/hybrid.h"
#include "core/methods/methods.h"
#include "core/parallel.h"
#include "core/split.h"

#define LEARN_USERS 2000
#define LEARN_VALUES (INT64_C(8) << 20)	/* floats: 32 MB */
#define LEARN_TOP 10			/* courses of a list */
#define LEARN_SHARE 0.25		/* of the ratings that are held out */
#define LEAST_SHARE 0.01		/* of a part in the whole */
#define GRID_STEPS 20			/* shares tried */
#define MAX_ROUNDS 10
#define CHUNK_VALUES 500000		/* read by a thread at a time: about a millisecond */

/* A course that cannot be recommended, in place of its score. */
#define NO_CANDIDATE (-INFINITY)

/* A candidate without a score comes after all that have one. */
#define UNSCORED (-1.0f)

/* What is learned from. */
typedef struct Learning
{
	const Recommender *rec;		/* the hybrid of the fold, of equal weights */
	const Fold *fold;
	int			n_parts;
	int32_t    *users;
	int32_t		n_users;
	float	   *shares;			/* user x (parts + 1) x courses; last: 0, UNSCORED or NO_CANDIDATE */
	char	  **scratch;		/* of each worker */
	float	  **totals;			/* of each worker: n_courses */
	double	   *gains;			/* nDCG of each user */
	const double *weights;		/* to try */
} Learning;

/* ---------------------------------------------------------------- users */

/* Is held-out row e one that a good list has? */
static bool
is_gain(const Fold *fold, int64_t e)
{
	return fold->test.values[e] > 0;
}

/* Held-out rows of a user that count, if the user has others, too. */
static int32_t
count_gains(const Fold *fold, int32_t user)
{
	int32_t		n = 0;

	if (user >= fold->n_users || csr_row_length(&fold->history, user) == 0)
		return 0;
	for (int64_t e = fold->test.offsets[user]; e < fold->test.offsets[user + 1]; e++)
		n += is_gain(fold, e);
	return n;
}

/* Users that are asked, at most. */
static int32_t
most_users(int32_t n_courses, int n_parts)
{
	int64_t		fit = LEARN_VALUES / ((int64_t) (n_parts + 1) * (n_courses > 0 ? n_courses : 1));

	return fit < 1 ? 1 : fit > LEARN_USERS ? LEARN_USERS : (int32_t) fit;
}

/* Users with something to gain, evenly spaced when they are too many. */
static RecsysStatus
choose_users(Env *env, Learning *learning)
{
	const Fold *fold = learning->fold;
	int32_t		most = most_users(learning->rec->n_courses, learning->n_parts);
	int32_t		n = 0;

	learning->users = env_alloc(env, (size_t) fold->n_users, sizeof(int32_t));
	if (learning->users == NULL)
		return env->status;
	for (int32_t u = 0; u < fold->n_users; u++)
	{
		if (u % 1024 == 0 && env_interrupted(env))
			return env->status;
		if (count_gains(fold, u) > 0)
			learning->users[n++] = u;
	}
	learning->n_users = n < most ? n : most;
	for (int32_t i = 0; i < learning->n_users; i++)
		learning->users[i] = learning->users[(int64_t) i * n / learning->n_users];
	return n > 0 ? RECSYS_OK :
		env_fail(env, RECSYS_BAD_DATA, "no user has enough ratings to hold some of them out");
}

/* The history of a user in the fold. */
static History
user_history(const Fold *fold, int32_t user)
{
	int64_t		begin = fold->history.offsets[user];

	return (History) {
		.n = (int32_t) csr_row_length(&fold->history, user),
		.courses = fold->history.indexes + begin,
		.ratings = fold->history.values + begin,
		.times = fold->history.times == NULL ? NULL : fold->history.times + begin,
		.has_key = true,
		.user_hash = fold->user_hash[user],
		.group = fold->user_group == NULL ? -1 : fold->user_group[user]
	};
}

/* ---------------------------------------------------------------- shares */

/* Where the shares of part p for user number i begin; p == n_parts: the last row. */
static float *
share_row(const Learning *learning, int64_t i, int p)
{
	return learning->shares + (i * (learning->n_parts + 1) + p) * learning->rec->n_courses;
}

/* Shares of all parts for one user; no opinion adds 0. */
static void
find_user_shares(const Learning *learning, int64_t i, char *scratch)
{
	const Recommender *rec = learning->rec;
	History		history = user_history(learning->fold, learning->users[i]);
	HybridRoom	room = hybrid_room(rec, scratch);
	float	   *base = share_row(learning, i, learning->n_parts);

	for (int32_t c = 0; c < rec->n_courses; c++)
		base[c] = UNSCORED;
	hybrid_mark(&room, &history, 1);
	for (int p = 0; p < learning->n_parts; p++)
	{
		float	   *shares = share_row(learning, i, p);

		hybrid_shares(rec, p, &history, &room, shares);
		for (int32_t c = 0; c < rec->n_courses; c++)
		{
			if (shares[c] > NO_OPINION)
				base[c] = 0;
			else
				shares[c] = 0;
		}
	}
	for (int32_t c = 0; c < rec->n_courses; c++)
		if (room.rated[c] != 0 || rec->course_counts[c] == 0)
			base[c] = NO_CANDIDATE;
	hybrid_mark(&room, &history, 0);
}

/* Some users. */
static RecsysStatus
find_shares(void *arg, int64_t begin, int64_t end, int worker)
{
	const Learning *learning = arg;

	for (int64_t i = begin; i < end; i++)
		find_user_shares(learning, i, learning->scratch[worker]);
	return RECSYS_OK;
}

/* Users that a thread takes at a time. */
static int64_t
chunk_users(const Learning *learning)
{
	int64_t		users = CHUNK_VALUES / ((int64_t) (learning->n_parts + 1) * learning->rec->n_courses);

	return users > 1 ? users : 1;
}

/* Room for all this. */
static RecsysStatus
prepare(Env *env, Learning *learning)
{
	size_t		n_courses = (size_t) learning->rec->n_courses;
	size_t		n_users = (size_t) learning->n_users;
	int			n_workers = parallel_workers(env, learning->n_users, 1);

	learning->shares = env_alloc(env, n_users * (size_t) (learning->n_parts + 1),
								 n_courses * sizeof(float));
	learning->gains = env_alloc(env, n_users, sizeof(double));
	learning->scratch = env_alloc(env, (size_t) n_workers, sizeof(char *));
	learning->totals = env_alloc(env, (size_t) n_workers, sizeof(float *));
	if (learning->shares == NULL || learning->gains == NULL || learning->scratch == NULL ||
		learning->totals == NULL)
		return env->status;
	for (int w = 0; w < n_workers; w++)
	{
		learning->scratch[w] = env_alloc_zero(env, 1, recommender_scratch_size(learning->rec));
		learning->totals[w] = env_alloc(env, n_courses, sizeof(float));
		if (learning->scratch[w] == NULL || learning->totals[w] == NULL)
			return env->status;
	}
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- what weights are worth */

/* Is a course among the held-out ones that count? */
static bool
is_hit(const Fold *fold, int32_t user, int32_t course)
{
	int64_t		e = csr_find(&fold->test, user, course);

	return e < fold->test.offsets[user + 1] && fold->test.indexes[e] == course && is_gain(fold, e);
}

/* Weighted sum of the shares of one user. */
static void
add_up(const Learning *learning, int64_t i, float *totals)
{
	int32_t		n = learning->rec->n_courses;

	memcpy(totals, share_row(learning, i, learning->n_parts), (size_t) n * sizeof(float));
	for (int p = 0; p < learning->n_parts; p++)
	{
		const float *shares = share_row(learning, i, p);
		float		weight = (float) learning->weights[p];

		for (int32_t c = 0; c < n; c++)
			totals[c] += weight * shares[c];
	}
}

/* nDCG of the first ten courses of one user. */
static double
user_gain(const Learning *learning, int64_t i, float *totals)
{
	const Recommender *rec = learning->rec;
	int32_t		user = learning->users[i];
	int32_t		n_gains = count_gains(learning->fold, user);
	TopkItem	items[LEARN_TOP];
	Topk		topk;
	double		gain = 0;
	double		best = 0;

	add_up(learning, i, totals);
	topk_init(&topk, items, LEARN_TOP);
	for (int32_t c = 0; c < rec->n_courses; c++)
		if (totals[c] > NO_CANDIDATE)
			topk_offer(&topk, totals[c], rec->popularity_rank[c], c);
	topk_sort(&topk);
	for (int place = 0; place < topk.n; place++)
		gain += is_hit(learning->fold, user, items[place].index) / log2(place + 2);
	for (int place = 0; place < LEARN_TOP && place < n_gains; place++)
		best += 1 / log2(place + 2);
	return gain / best;
}

/* Some users. */
static RecsysStatus
find_gains(void *arg, int64_t begin, int64_t end, int worker)
{
	const Learning *learning = arg;

	for (int64_t i = begin; i < end; i++)
		learning->gains[i] = user_gain(learning, i, learning->totals[worker]);
	return RECSYS_OK;
}

/* Mean over the users. */
static RecsysStatus
measure(Env *env, Learning *learning, const double *weights, double *ndcg)
{
	double		sum = 0;

	learning->weights = weights;
	TRY(parallel_for(env, learning->n_users, chunk_users(learning), find_gains, learning, false));
	for (int32_t i = 0; i < learning->n_users; i++)
		sum += learning->gains[i];
	*ndcg = sum / learning->n_users;
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- search */

/* Part p gets a share of 1, and the others what is left, in their proportions. */
static void
set_share(int n_parts, const double *from, int p, double share, double *weights)
{
	double		others = 0;

	for (int i = 0; i < n_parts; i++)
		others += i == p ? 0 : from[i];
	for (int i = 0; i < n_parts; i++)
		weights[i] = i == p ? share : from[i] / others * (1 - share);
}

/* Number g of the shares that are tried. */
static double
grid_share(int g, int n_parts)
{
	double		share = (double) g / GRID_STEPS;

	return fmin(fmax(share, LEAST_SHARE), 1 - LEAST_SHARE * (n_parts - 1));
}

/* Does every part keep the least share? */
static bool
all_count(int n_parts, const double *weights)
{
	for (int i = 0; i < n_parts; i++)
		if (weights[i] < LEAST_SHARE * (1 - 1e-9))
			return false;
	return true;
}

/* The best share of one part; what is not better than *best by more than rounding does not count. */
static RecsysStatus
improve_part(Env *env, Learning *learning, int p, double *weights, double *best, bool *improved)
{
	size_t		bytes = (size_t) learning->n_parts * sizeof(double);
	double		from[METHOD_PARTS_MAX];
	double		tried[METHOD_PARTS_MAX];

	memcpy(from, weights, bytes);
	for (int g = 0; g <= GRID_STEPS; g++)
	{
		double		ndcg;

		set_share(learning->n_parts, from, p, grid_share(g, learning->n_parts), tried);
		if (!all_count(learning->n_parts, tried))
			continue;
		TRY(measure(env, learning, tried, &ndcg));
		if (ndcg <= *best + 1e-9)
			continue;
		*best = ndcg;
		*improved = true;
		memcpy(weights, tried, bytes);
	}
	return RECSYS_OK;
}

/* Rounds over all parts until nothing improves; each round is logged. */
static RecsysStatus
search(Env *env, Learning *learning, double *weights)
{
	double		best;
	bool		improved = true;

	TRY(measure(env, learning, weights, &best));
	env_loss(env, 0, "ndcg", best);
	for (int round = 1; round <= MAX_ROUNDS && improved; round++)
	{
		improved = false;
		for (int p = 0; p < learning->n_parts; p++)
			TRY(improve_part(env, learning, p, weights, &best, &improved));
		env_loss(env, round, "ndcg", best);
	}
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- learning */

/* The hybrid of the fold, with equal weights; nothing of its fit is told. */
static RecsysStatus
train_on_fold(Env *env, const Fold *fold, const HybridParams *params, int n_parts, Recommender *rec)
{
	HybridParams equal = *params;
	Env			inner;
	RecsysStatus status;
	void	   *bytes;
	size_t		length;

	equal.weights.n = n_parts;
	for (int p = 0; p < n_parts; p++)
		equal.weights.values[p] = 1;
	env_enter(env, &inner);
	inner.loss = NULL;
	inner.message = NULL;
	inner.progress = NULL;
	status = recommender_train(&inner, &method_hybrid, &equal, &fold->train, &bytes, &length);
	if (status == RECSYS_OK)
		env_keep(env, &inner, bytes);
	TRY(env_leave(env, &inner, status));
	return recommender_open(env, rec, bytes, length);
}

/* Holds out, fits, searches. */
static RecsysStatus
learn(Env *env, const TrainingSet *set, const HybridParams *params, int n_parts, double *weights)
{
	SplitSpec	spec = {.strategy = SPLIT_COURSE, .test_size = LEARN_SHARE, .folds = 1, .leave_k = 1,
		.random_state = params->common.random_state};
	Fold		fold;
	Recommender rec;
	Learning	learning = {.rec = &rec, .fold = &fold, .n_parts = n_parts};

	TRY(split_check(env, set, NULL, &spec));
	TRY(split_fold(env, set, NULL, &spec, 1, &fold));
	TRY(train_on_fold(env, &fold, params, n_parts, &rec));
	TRY(choose_users(env, &learning));
	TRY(prepare(env, &learning));
	TRY(parallel_for(env, learning.n_users, 1, find_shares, &learning, false));
	return search(env, &learning, weights);
}

/* Is it the data, or how they were split, that a method cannot use? */
static bool
is_about_data(RecsysStatus status)
{
	return status == RECSYS_BAD_DATA || status == RECSYS_BAD_ARGUMENT || status == RECSYS_SINGULAR ||
		status == RECSYS_NOT_CONVERGED;
}

/* In memory that is given back; data that are too few are no error. */
RecsysStatus
hybrid_learn(Env *env, const TrainingSet *set, const HybridParams *params, const MethodPart *parts,
			 int n_parts, double *weights)
{
	Env			inner;
	RecsysStatus status;

	for (int p = 0; p < n_parts; p++)
		weights[p] = 1.0 / n_parts;
	env_enter(env, &inner);
	status = env_leave(env, &inner, learn(&inner, set, params, n_parts, weights));
	if (is_about_data(status))
	{
		env_message(env, MESSAGE_WARNING, "weights cannot be learned from these data, all parts count the same: %s",
					env->error);
		return RECSYS_OK;
	}
	for (int p = 0; p < n_parts && status == RECSYS_OK; p++)
	{
		char		term[PARAM_TEXT_SIZE + 16];

		snprintf(term, sizeof(term), "weight.%s", parts[p].name);
		env_loss(env, 0, term, weights[p]);
	}
	return status;
}

/* The matrix of shares. */
double
hybrid_learn_bytes(const Shape *shape, int n_parts)
{
	int32_t		most = most_users((int32_t) fmin((double) shape->n_courses, INT32_MAX), n_parts);

	return sizeof(float) * (n_parts + 1.0) * (double) shape->n_courses *
		fmin((double) shape->n_users, most);
}
