/*
 * bpr.c
 *		Bayesian personalised ranking: courses taken before courses not taken.
 *
 * Vectors x of users, y and biases b of courses minimise, over users u, courses i
 * that u took (rating > 0) and courses j that u did not,
 *
 *		sum of weight_ui (-ln sigmoid(s_ui - s_uj)) + regularization on what is touched
 *
 *		s_uc = x_u . y_c + b_c
 *
 * by stochastic gradient descent: a taken course is drawn with replacement, then
 * one that was not taken, each of those alike.  An iteration is as many draws as there
 * are ratings.
 *
 * On several threads the result is that of one: users are cut into blocks, in each
 * iteration courses are dealt into as many blocks at random, and a thread works on one
 * block of users with one block of courses that no other has at that time (as in
 * Gemulla et al., "Large-scale matrix factorization with distributed stochastic
 * gradient descent", 2011).  Both courses of a triple come from one block; over the
 * iterations every pair of courses meets.  No update is lost and none depends on timing.
 *
 * The user of a score: FOLD_EPOCHS passes over the courses of the history in a seeded
 * order, with drawn courses that are not in it, from x = 0, the courses frozen.
 *
 * Rendle et al., "BPR: Bayesian personalized ranking from implicit feedback" (2009).
 * An iteration takes about 9 factors multiply-adds a rating; memory 4 (users +
 * courses) * factors + 8 ratings bytes.
 */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "core/bpr_kernels.h"
#include "core/latent.h"
#include "core/methods/methods.h"
#include "core/methods/support.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "core/vector.h"

#define FACTORS_MAX 512
#define INIT_STD_DEV 0.1
#define BLOCKS_MAX 16
#define BLOCK_COURSES 64		/* fewest courses of a block */
#define BLOCK_RATINGS 20000		/* a block of users by a block of courses has as many, or so */
#define SLICE_DRAWS 32768		/* between two polls for interrupts: some milliseconds */
#define OTHER_TRIES 20			/* draws of a course not taken before the triple is given up */
#define FOLD_EPOCHS 20

/* Streams of random numbers. */
enum
{
	STREAM_USERS = 1,
	STREAM_COURSES,
	STREAM_DEAL,
	STREAM_DRAWS,
	STREAM_FOLD
};

typedef struct BprParams
{
	CommonParams common;
	int64_t		factors;
	int64_t		iterations;
	double		learning_rate;
	double		regularization;
	double		tolerance;
} BprParams;

/* An opened model. */
typedef struct BprState
{
	LatentCourses courses;
	const float *biases;
	int32_t    *candidates;		/* courses that somebody took, which alone are drawn and scored */
	int32_t		n_candidates;
} BprState;

static const ParamDef bpr_params[] = {
	{"factors", "n_factors rank n_components embedding_size k", PARAM_INT,
		offsetof(BprParams, factors), "64", 1, FACTORS_MAX, NULL,
	"Length of the vectors."},
	{"iterations", "n_epochs epochs max_iter maxIter", PARAM_INT, offsetof(BprParams, iterations),
		"100", 1, 100000, NULL,
	"Passes over as many draws as there are ratings, at most."},
	{"learning_rate", "lr_all stepsize lr", PARAM_FLOAT, offsetof(BprParams, learning_rate),
		"0.02", 1e-9, 10, NULL,
	"Length of a step, in training and for the user of a score."},
	{"regularization", "reg_all regParam lambda lambda_reg", PARAM_FLOAT,
		offsetof(BprParams, regularization), "0.02", 0, 100, NULL,
	"Share of the learning rate by which what a step touches shrinks."},
	{"tolerance", "tol", PARAM_FLOAT, offsetof(BprParams, tolerance), "0", 0, 1, NULL,
	"Training ends when an iteration lowers the estimated loss by less than this share of it; 0: it runs to the end."},
};

/* ---------------------------------------------------------------- training */

/* A rating that can be drawn: the place of a course among the ratings of a user. */
typedef struct Positive
{
	int32_t		user;
	int32_t		place;
} Positive;

/* A training run. */
typedef struct BprFit
{
	const BprParams *params;
	const TrainingSet *set;
	float	   *user_factors;
	float	   *course_factors;
	float	   *course_biases;
	int32_t    *dealt;			/* courses with a rating > 0, block after block */
	int32_t		n_dealt;
	uint8_t    *course_block;	/* block of each course */
	int			n_blocks;
	int32_t		user_starts[BLOCKS_MAX + 1];
	Positive   *positives;		/* by block of users, then of courses; room as by_user */
	int64_t		starts[BLOCKS_MAX][BLOCKS_MAX + 1];
	double		losses[BLOCKS_MAX];
	int64_t		draws[BLOCKS_MAX];
	int64_t		iteration;
	int			round;			/* block of users u works with block (u + round) % n_blocks of courses */
	int64_t		slice;
} BprFit;

/* A stream of numbers for a purpose, an iteration and whatever else tells draws apart. */
static void
seed_stream(Rng *rng, int64_t random_state, int purpose, int64_t a, int64_t b)
{
	rng_seed(rng, (uint64_t) random_state,
			 hash_combine(hash_combine((uint64_t) purpose, (uint64_t) a), (uint64_t) b));
}

/* Blocks of users, and of courses: by the data alone, so that threads change nothing. */
static int
count_blocks(const BprFit *fit)
{
	double		by_ratings = sqrt((double) fit->set->summary.n_ratings / BLOCK_RATINGS);
	int			by_courses = fit->n_dealt / BLOCK_COURSES;
	int			n = by_ratings < BLOCKS_MAX ? (int) by_ratings : BLOCKS_MAX;

	n = n < by_courses ? n : by_courses;
	return n < 1 ? 1 : n;
}

/* Cuts the users into blocks with about as many ratings each. */
static void
cut_users(BprFit *fit)
{
	const Csr  *ratings = &fit->set->by_user;
	int32_t		u = 0;

	for (int b = 0; b < fit->n_blocks; b++)
	{
		fit->user_starts[b] = u;
		while (u < ratings->n_rows &&
			   ratings->offsets[u] < ratings->n_entries / fit->n_blocks * (b + 1))
			u++;
	}
	fit->user_starts[fit->n_blocks] = ratings->n_rows;
}

/* Finds the courses that somebody took. */
static RecsysStatus
find_candidates(Env *env, const Csr *by_course, int32_t *candidates, int32_t *n)
{
	*n = 0;
	for (int32_t c = 0; c < by_course->n_rows; c++)
	{
		int64_t		e = by_course->offsets[c];

		if (c % 1024 == 0 && env_interrupted(env))
			return env->status;
		while (e < by_course->offsets[c + 1] && !(by_course->values[e] > 0))
			e++;
		if (e < by_course->offsets[c + 1])
			candidates[(*n)++] = c;
	}
	return RECSYS_OK;
}

/* First candidate of a block. */
static int32_t
block_start(const BprFit *fit, int block)
{
	return (int32_t) ((int64_t) fit->n_dealt * block / fit->n_blocks);
}

/* Deals the courses into blocks at random. */
static void
deal_courses(BprFit *fit)
{
	Rng			rng;

	seed_stream(&rng, fit->params->common.random_state, STREAM_DEAL, fit->iteration, 0);
	for (int32_t i = fit->n_dealt - 1; i > 0; i--)
	{
		int32_t		j = (int32_t) rng_below(&rng, (uint64_t) i + 1);
		int32_t		course = fit->dealt[i];

		fit->dealt[i] = fit->dealt[j];
		fit->dealt[j] = course;
	}
	for (int b = 0; b < fit->n_blocks; b++)
		for (int32_t i = block_start(fit, b); i < block_start(fit, b + 1); i++)
			fit->course_block[fit->dealt[i]] = (uint8_t) b;
}

/* Calls for one block of users: counts (positives NULL) or places its ratings > 0 by block of courses. */
static void
visit_positives(const BprFit *fit, int block, int64_t *counts, Positive *positives)
{
	const Csr  *ratings = &fit->set->by_user;

	for (int32_t u = fit->user_starts[block]; u < fit->user_starts[block + 1]; u++)
		for (int64_t e = ratings->offsets[u]; e < ratings->offsets[u + 1]; e++)
		{
			int			b = fit->course_block[ratings->indexes[e]];

			if (!(ratings->values[e] > 0))
				continue;
			if (positives != NULL)
				positives[counts[b]] = (Positive) {u, (int32_t) (e - ratings->offsets[u])};
			counts[b]++;
		}
}

/* Sorts the ratings of one block of users by block of courses. */
static RecsysStatus
sort_positives(void *arg, int64_t begin, int64_t end, int worker)
{
	BprFit	   *fit = arg;
	int64_t    *starts = fit->starts[begin];
	int64_t		counts[BLOCKS_MAX] = {0};
	int64_t		at = fit->set->by_user.offsets[fit->user_starts[begin]];

	(void) end;
	(void) worker;
	visit_positives(fit, (int) begin, counts, NULL);
	for (int b = 0; b < fit->n_blocks; b++)
	{
		starts[b] = at;
		at += counts[b];
		counts[b] = starts[b];
	}
	starts[fit->n_blocks] = at;
	visit_positives(fit, (int) begin, counts, fit->positives);
	return RECSYS_OK;
}

/* Weight of a rating by its age. */
static float
positive_weight(const BprFit *fit, int64_t e)
{
	return entry_weight(&fit->set->by_user, e, fit->set->summary.last_time,
						fit->params->common.half_life);
}

/* A course of the block that the user did not take; -1 when none is found. */
static int32_t
draw_other(const BprFit *fit, Rng *rng, int block, int32_t user)
{
	int32_t		first = block_start(fit, block);
	uint64_t	n = (uint64_t) (block_start(fit, block + 1) - first);

	for (int i = 0; i < OTHER_TRIES; i++)
	{
		int32_t		course = fit->dealt[first + (int32_t) rng_below(rng, n)];

		if (!(entry_value(&fit->set->by_user, user, course) > 0))
			return course;
	}
	return -1;
}

/* One draw and its step; adds to *loss and *draws. */
static void
draw_step(BprFit *fit, Rng *rng, Positive positive, int block, BprStep *step, double *loss,
		  int64_t *draws)
{
	int64_t		e = fit->set->by_user.offsets[positive.user] + positive.place;
	int32_t		taken = fit->set->by_user.indexes[e];
	int32_t		other = draw_other(fit, rng, block, positive.user);
	int64_t		k = step->n_factors;

	if (other < 0)
		return;
	step->weight = positive_weight(fit, e);
	*loss += bpr_step(step, fit->user_factors + positive.user * k, fit->course_factors + taken * k,
					  fit->course_factors + other * k, &fit->course_biases[taken],
					  &fit->course_biases[other]);
	(*draws)++;
}

/* A slice of the draws of one block of users with its block of courses of this round. */
static RecsysStatus
draw_slice(void *arg, int64_t begin, int64_t end, int worker)
{
	BprFit	   *fit = arg;
	int			block = (int) ((begin + fit->round) % fit->n_blocks);
	int64_t		first = fit->starts[begin][block];
	int64_t		n = fit->starts[begin][block + 1] - first;
	int64_t		left = n - fit->slice * SLICE_DRAWS;
	BprStep		step = {.n_factors = (int) fit->params->factors,
		.learning_rate = (float) fit->params->learning_rate,
		.regularization = (float) fit->params->regularization};
	Rng			rng;

	(void) end;
	(void) worker;
	left = left < SLICE_DRAWS ? left : SLICE_DRAWS;
	seed_stream(&rng, fit->params->common.random_state, STREAM_DRAWS,
				fit->iteration * BLOCKS_MAX + begin, fit->round + fit->slice * BLOCKS_MAX);
	for (int64_t i = 0; i < left; i++)
		draw_step(fit, &rng, fit->positives[first + (int64_t) rng_below(&rng, (uint64_t) n)], block,
				  &step, &fit->losses[begin], &fit->draws[begin]);
	return RECSYS_OK;
}

/* Most slices that any block of this round has. */
static int64_t
count_slices(const BprFit *fit)
{
	int64_t		most = 0;

	for (int u = 0; u < fit->n_blocks; u++)
	{
		int			block = (u + fit->round) % fit->n_blocks;
		int64_t		n = fit->starts[u][block + 1] - fit->starts[u][block];

		most = n > most ? n : most;
	}
	return (most + SLICE_DRAWS - 1) / SLICE_DRAWS;
}

/* One iteration; *loss is the mean over its draws, 0 without any. */
static RecsysStatus
iterate(Env *env, BprFit *fit, double *loss)
{
	int64_t		draws = 0;

	*loss = 0;
	memset(fit->losses, 0, sizeof(fit->losses));
	memset(fit->draws, 0, sizeof(fit->draws));
	deal_courses(fit);
	TRY(parallel_for(env, fit->n_blocks, 1, sort_positives, fit, false));
	for (fit->round = 0; fit->round < fit->n_blocks; fit->round++)
	{
		int64_t		n_slices = count_slices(fit);

		for (fit->slice = 0; fit->slice < n_slices; fit->slice++)
			TRY(parallel_for(env, fit->n_blocks, 1, draw_slice, fit, false));
	}
	for (int b = 0; b < fit->n_blocks; b++)
	{
		*loss += fit->losses[b];
		draws += fit->draws[b];
	}
	*loss = draws > 0 ? *loss / (double) draws : 0;
	return RECSYS_OK;
}

/* Fails because numbers grew out of bounds. */
static RecsysStatus
fail_diverged(Env *env, int64_t iteration)
{
	env_fail(env, RECSYS_NOT_CONVERGED, "factors grew out of bounds in iteration %lld",
			 (long long) iteration);
	return env_hint(env, "Lower \"learning_rate\".");
}

/* Sum of squares of n values, polling for interrupts. */
static RecsysStatus
sum_squares(Env *env, const float *values, int64_t n, double *sum)
{
	for (int64_t i = 0; i < n; i += POLL_ENTRIES)
	{
		int64_t		count = n - i < POLL_ENTRIES ? n - i : POLL_ENTRIES;

		if (env_interrupted(env))
			return env->status;
		*sum += pow((double) vector_norm(values + i, count), 2);
	}
	return RECSYS_OK;
}

/* Iterates until the loss stays, or to the end. */
static RecsysStatus
run_iterations(Env *env, BprFit *fit)
{
	const BprParams *params = fit->params;
	int64_t		k = params->factors;
	double		before = INFINITY;

	for (fit->iteration = 1; fit->iteration <= params->iterations; fit->iteration++)
	{
		double		squares = 0;
		double		loss;

		env_progress(env, PHASE_FITTING, fit->iteration - 1, params->iterations);
		TRY(iterate(env, fit, &loss));
		TRY(sum_squares(env, fit->user_factors, fit->set->by_user.n_rows * k, &squares));
		TRY(sum_squares(env, fit->course_factors, fit->set->by_course.n_rows * k, &squares));
		TRY(sum_squares(env, fit->course_biases, fit->set->by_course.n_rows, &squares));
		if (!isfinite(loss) || !isfinite(squares))
			return fail_diverged(env, fit->iteration);
		env_loss(env, (int) fit->iteration, "ranking_loss", loss);
		env_loss(env, (int) fit->iteration, "squared_lengths", squares);
		if (params->tolerance > 0 && before - loss < params->tolerance * loss)
			break;
		before = loss;
	}
	env_progress(env, PHASE_FITTING, params->iterations, params->iterations);
	return RECSYS_OK;
}

/* Random vectors, each from a stream of its own; those of courses that nobody took stay zero. */
static RecsysStatus
init_factors(Env *env, const BprFit *fit, int purpose, int32_t n, const int32_t *which,
			 float *factors)
{
	int64_t		k = fit->params->factors;

	for (int32_t i = 0; i < n; i++)
	{
		int64_t		row = which == NULL ? i : which[i];
		Rng			rng;

		if (i % 64 == 0 && env_interrupted(env))
			return env->status;
		seed_stream(&rng, fit->params->common.random_state, purpose, row, 0);
		for (int64_t d = 0; d < k; d++)
			factors[row * k + d] = (float) (INIT_STD_DEV * rng_normal(&rng));
	}
	return RECSYS_OK;
}

/* Allocates and fills what a run needs. */
static RecsysStatus
init_fit(Env *env, BprFit *fit)
{
	const TrainingSet *set = fit->set;
	size_t		k = (size_t) fit->params->factors;
	size_t		n_users = (size_t) set->by_user.n_rows;
	size_t		n_courses = (size_t) set->by_course.n_rows;

	fit->course_factors = env_alloc_zero(env, n_courses * k, sizeof(float));
	fit->course_biases = env_alloc_zero(env, n_courses, sizeof(float));
	fit->user_factors = env_alloc(env, n_users * k, sizeof(float));
	fit->dealt = env_alloc(env, n_courses, sizeof(int32_t));
	fit->course_block = env_alloc_zero(env, n_courses, 1);
	fit->positives = env_alloc(env, (size_t) set->by_user.n_entries, sizeof(Positive));
	if (fit->course_factors == NULL || fit->course_biases == NULL || fit->user_factors == NULL ||
		fit->dealt == NULL || fit->course_block == NULL || fit->positives == NULL)
		return env->status;
	TRY(find_candidates(env, &set->by_course, fit->dealt, &fit->n_dealt));
	fit->n_blocks = count_blocks(fit);
	cut_users(fit);
	TRY(init_factors(env, fit, STREAM_USERS, set->by_user.n_rows, NULL, fit->user_factors));
	return init_factors(env, fit, STREAM_COURSES, fit->n_dealt, fit->dealt, fit->course_factors);
}

/* Runs, and keeps the course side. */
static RecsysStatus
bpr_fit(Env *env, const TrainingSet *set, const void *params, ModelWriter *writer)
{
	BprFit		fit = {.params = params, .set = set};
	int64_t		n_courses = set->by_course.n_rows;

	TRY(init_fit(env, &fit));
	TRY(run_iterations(env, &fit));
	env_free(env, fit.user_factors);
	env_free(env, fit.dealt);
	env_free(env, fit.course_block);
	env_free(env, fit.positives);
	TRY(model_put(env, writer, "course_factors", SECTION_FLOAT, n_courses, fit.params->factors,
				  fit.course_factors));
	return model_put(env, writer, "course_biases", SECTION_FLOAT, n_courses, 1, fit.course_biases);
}

/* See the header; about 30 ns a draw, and 1 ns more for each factor. */
static void
bpr_estimate(const Shape *shape, const void *params_in, Estimate *estimate)
{
	const BprParams *params = params_in;
	double		k = (double) params->factors;
	double		n_courses = (double) shape->n_courses;
	double		n_ratings = (double) shape->n_ratings;
	int			n_threads = shape->n_threads > 1 ? shape->n_threads : 1;

	estimate->bytes = ((double) shape->n_users + n_courses) * k * 4 + n_courses * 9 + 8 * n_ratings +
		2048;
	estimate->seconds = 0.05 + (double) params->iterations * n_ratings * (30 + k) * 2.6e-9 / n_threads;
	estimate->model_bytes = n_courses * (k + 1) * 4;
}

/* ---------------------------------------------------------------- serving */

/* Lists the courses that were trained: the vectors of the others have length 0. */
static RecsysStatus
open_courses(Env *env, const Recommender *rec, BprState *state)
{
	const LatentCourses *courses = &state->courses;
	float	   *added = env_alloc(env, (size_t) rec->n_courses, sizeof(float));

	state->candidates = env_alloc(env, (size_t) rec->n_courses, sizeof(int32_t));
	if (added == NULL || state->candidates == NULL)
		return env->status;
	for (int32_t c = 0; c < rec->n_courses; c++)
	{
		bool		trained = vector_norm(latent_course(courses, c), courses->n_factors) > 0;

		added[c] = trained ? state->biases[c] : NO_OPINION;
		if (trained)
			state->candidates[state->n_candidates++] = c;
	}
	state->courses.added = added;
	return RECSYS_OK;
}

/* Finds the sections. */
static RecsysStatus
bpr_open(Env *env, Recommender *rec)
{
	BprState   *state = rec->state;
	int64_t		k = ((const BprParams *) rec->params)->factors;

	state->courses.n_factors = (int) k;
	TRY(open_floats(env, rec, "course_factors", rec->n_courses, k, &state->courses.factors));
	TRY(open_floats(env, rec, "course_biases", rec->n_courses, 1, &state->biases));
	return open_courses(env, rec, state);
}

/* The vector of a course; NULL for one that nobody took. */
static const float *
bpr_course_vector(const Recommender *rec, int32_t course, int *n)
{
	const LatentCourses *courses = &((const BprState *) rec->state)->courses;

	*n = courses->n_factors;
	return courses->added[course] > NO_OPINION ? latent_course(courses, course) : NULL;
}

/* Bytes: two vectors of users, the order of the courses taken, and which those are. */
static size_t
bpr_scratch_size(const Recommender *rec)
{
	size_t		k = (size_t) ((const BprParams *) rec->params)->factors;

	return 2 * k * sizeof(float) + (size_t) rec->n_courses * (sizeof(int32_t) + 1);
}

/* Draws a course that is not marked; -1 when none is found. */
static int32_t
draw_unmarked(const BprState *state, Rng *rng, const uint8_t *marked)
{
	for (int i = 0; i < OTHER_TRIES; i++)
	{
		int32_t		course = state->candidates[rng_below(rng, (uint64_t) state->n_candidates)];

		if (!marked[course])
			return course;
	}
	return -1;
}

/* Steps over the n taken rows of the history in order, each against a course that is not marked. */
static void
fold_epoch(const Recommender *rec, const History *history, const int32_t *order, int32_t n,
		   const uint8_t *marked, Rng *rng, float *x)
{
	const BprParams *params = rec->params;
	const BprState *state = rec->state;
	BprStep		step = {.n_factors = state->courses.n_factors,
		.learning_rate = (float) params->learning_rate,
		.regularization = (float) params->regularization};

	for (int32_t i = 0; i < n; i++)
	{
		int32_t		taken = history->courses[order[i]];
		int32_t		other = draw_unmarked(state, rng, marked);

		if (other < 0)
			continue;
		step.weight = history_weight(rec, history, order[i]);
		bpr_user_step(&step, x, latent_course(&state->courses, taken),
					  latent_course(&state->courses, other), state->biases[taken] - state->biases[other]);
	}
}

/* Brings n numbers into a random order. */
static void
shuffle(Rng *rng, int32_t *order, int32_t n)
{
	for (int32_t i = n - 1; i > 0; i--)
	{
		int32_t		j = (int32_t) rng_below(rng, (uint64_t) i + 1);
		int32_t		entry = order[i];

		order[i] = order[j];
		order[j] = entry;
	}
}

/* The user's vector into x, which is zero; false when nothing trained was taken. */
static bool
fold_in(const Recommender *rec, const History *history, int32_t *order, uint8_t *marked, float *x)
{
	const BprState *state = rec->state;
	int32_t		n = 0;
	Rng			rng;

	for (int32_t i = 0; i < history->n; i++)
		if (history->ratings[i] > 0 && state->courses.added[history->courses[i]] > NO_OPINION)
		{
			order[n++] = i;
			marked[history->courses[i]] = 1;
		}
	seed_stream(&rng, ((const BprParams *) rec->params)->common.random_state, STREAM_FOLD, 0, 0);
	for (int epoch = 0; epoch < FOLD_EPOCHS; epoch++)
	{
		shuffle(&rng, order, n);
		fold_epoch(rec, history, order, n, marked, &rng, x);
	}
	for (int32_t i = 0; i < history->n; i++)
		marked[history->courses[i]] = 0;
	memset(order, 0, (size_t) n * sizeof(int32_t));
	return n > 0;
}

/* The parts of the scratch memory. */
typedef struct BprScratch
{
	float	   *x;
	float	   *other;
	int32_t    *order;
	uint8_t    *marked;
} BprScratch;

/* Cuts the scratch memory. */
static BprScratch
cut_scratch(const Recommender *rec, void *memory)
{
	int			k = ((const BprState *) rec->state)->courses.n_factors;
	float	   *x = memory;
	int32_t    *order = (int32_t *) (x + 2 * k);

	return (BprScratch) {x, x + k, order, (uint8_t *) (order + rec->n_courses)};
}

/* Zeroes the vectors. */
static void
clear_vectors(const Recommender *rec, BprScratch *scratch)
{
	size_t		k = (size_t) ((const BprState *) rec->state)->courses.n_factors;

	memset(scratch->x, 0, 2 * k * sizeof(float));
}

/* Score of one course for a user's factors. */
static float
bpr_score_vector(const Recommender *rec, const float *user_vector, int32_t course)
{
	return latent_score_course(&((const BprState *) rec->state)->courses, user_vector, course);
}

/* Dot products with the user's vector, plus the biases. */
static void
bpr_score(const Recommender *rec, const History *history, void *memory, float *scores)
{
	BprScratch	scratch = cut_scratch(rec, memory);
	bool		known = fold_in(rec, history, scratch.order, scratch.marked, scratch.x);

	latent_score(&((const BprState *) rec->state)->courses, rec->n_courses,
				 known ? scratch.x : NULL, scores);
	clear_vectors(rec, &scratch);
}

/* Cosine of the vectors. */
static bool
bpr_similar(const Recommender *rec, int32_t course, void *scratch, float *scores)
{
	(void) scratch;
	latent_similar(rec, course, LATENT_COSINE, scores);
	return true;
}

/* Cosine of the vectors of two users. */
static float
bpr_compare(const Recommender *rec, const History *a, const History *b, void *memory)
{
	int			k = ((const BprState *) rec->state)->courses.n_factors;
	BprScratch	scratch = cut_scratch(rec, memory);
	float		result = NO_OPINION;

	if (fold_in(rec, a, scratch.order, scratch.marked, scratch.x) &&
		fold_in(rec, b, scratch.order, scratch.marked, scratch.other))
		result = latent_cosine(scratch.x, scratch.other, k);
	clear_vectors(rec, &scratch);
	return result;
}

/* The vector of a user. */
static int
bpr_user_vector(const Recommender *rec, const History *history, void *memory, float *out)
{
	int			k = ((const BprState *) rec->state)->courses.n_factors;
	BprScratch	scratch = cut_scratch(rec, memory);

	memset(out, 0, ((size_t) k + 1) * sizeof(float));
	return fold_in(rec, history, scratch.order, scratch.marked, out) ? k : 0;
}

/* The bias of a course. */
static float
bpr_course_bias(const Recommender *rec, int32_t course)
{
	return ((const BprState *) rec->state)->biases[course];
}

/* One product for several users. */
static void
bpr_score_block(const Recommender *rec, const float *user_vectors, int n_users, float *scores)
{
	latent_score_block(&((const BprState *) rec->state)->courses, rec->n_courses, user_vectors,
					   n_users, scores);
}

const Method method_bpr = {
	.name = "bpr",
	.description = "Factors by Bayesian personalised ranking: courses taken before courses not taken.",
	.objective = OBJECTIVE_RANKING,
	.params = {"bpr", bpr_params, N_PARAMS(bpr_params), sizeof(BprParams)},
	.personal = true,
	.state_size = sizeof(BprState),
	.check = check_half_life,
	.estimate = bpr_estimate,
	.fit = bpr_fit,
	.open = bpr_open,
	.scratch_size = bpr_scratch_size,
	.score = bpr_score,
	.similar = bpr_similar,
	.compare = bpr_compare,
	.course_vector = bpr_course_vector,
	.user_vector = bpr_user_vector,
	.course_vector_bias = bpr_course_bias,
	.score_vector = bpr_score_vector,
	.score_block = bpr_score_block,
};
