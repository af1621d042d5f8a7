/*
 * mf.c
 *		Matrix factorization by gradient descent, each term of the loss on its own.
 *
 * With a_uc the rating of course c by user u, w_uc its weight by age (1 without
 * half_life), W the sum of the weights, and u, v the factors of the N users and
 * the M courses:
 *
 *		observed		1/W sum over ratings w_uc (a_uc - u.v)^2
 *		unobserved		unobserved_weight / W sum over the other pairs (u.v)^2
 *		regularization	regularization (1/N sum |u|^2 + 1/M sum |v|^2)
 *		gravity			gravity / (N M) sum over all pairs (u.v)^2
 *		total			their sum, which is minimised
 *
 * Full-batch gradient descent from normal numbers with standard deviation
 * init_std_dev: each iteration adds -learning_rate x gradient to all factors at
 * once.  Every term goes into the training log, and "holdout", the mean squared
 * error of the ratings that were drawn for it (a share of `holdout`, by a hash
 * of the keys of user and course) and are not trained on.  Iteration i of the log
 * is the loss after i steps.  It ends early when the total of two iterations
 * differs by less than `tolerance` of it.
 *
 * The sums over all pairs are never made: sum (u.v)^2 = sum over users of u' V'V u.
 * Hu, Koren and Volinsky, "Collaborative filtering for implicit feedback
 * datasets" (2008), for the unobserved pairs; Pan and Scholz, "Mind the gaps"
 * (2009), for the same sums.
 *
 * A user at call time, n ratings: the u that minimises the total with the
 * courses fixed, a system of k equations:
 *
 *		(sum (w - unobserved_weight) v v' + p V'V + q I) u = sum w a v
 *		p = unobserved_weight + gravity W / (N M),	q = W max(regularization / N, 1 / (2 learning_rate iterations))
 *
 * Descent on 1/2 |Xu - a|^2 that stops after t steps shrinks u about as a ridge of
 * 1 / (learning_rate t) does (Ali, Kolter and Tibshirani, "A continuous-time view
 * of early stopping for least squares", 2019); the loss here has no 1/2, so half
 * of that.  Without it, a model without regularization would fit every new user
 * exactly, noise and all.
 *
 *		predict(c) = u . v_c
 *		score(c)   = the same, among the courses with at least min_ratings ratings
 *
 * Both are linear in the ratings, so that a score is the sum of a part of each of them:
 * that is its explanation.
 *
 * An iteration takes 4 n k multiply-adds, and (N + M) k^2 3/2 more with gravity or
 * unobserved_weight; memory is 8 (N + M) k bytes, and 16 bytes a rating with holdout.
 */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "core/factor_sums.h"
#include "core/latent.h"
#include "core/methods/methods.h"
#include "core/methods/support.h"
#include "core/parallel.h"
#include "core/product_kernels.h"
#include "core/rng.h"
#include "core/spd.h"
#include "core/vector.h"

#define CHUNK_ROWS 64			/* rows moved by one thread at a time */
#define MOST_LOGGED 7000		/* iterations of the longest training that the log keeps */
#define GATHER 128				/* ratings of a history added up at a time */

typedef struct MfParams
{
	CommonParams common;
	int64_t		factors;
	double		init_std_dev;
	double		learning_rate;	/* NAN: see default_rate */
	int64_t		iterations;
	double		tolerance;
	double		regularization; /* NAN: see default_regularization */
	double		gravity;
	double		unobserved_weight;
	double		holdout;
	double		min_ratings;	/* NAN: percentile */
} MfParams;

typedef struct MfState
{
	int			k;
	LatentCourses courses;
	const float *gram;			/* k x k, of all courses; lower triangle is read */
	const double *numbers;		/* N_NUMBERS */
} MfState;

/* Values of the section "fold_in": p and q of the header. */
enum
{
	NUMBER_PAIRS,
	NUMBER_RIDGE,
	N_NUMBERS
};

/* The losses of one state of the factors. */
typedef struct MfLoss
{
	double		observed;
	double		unobserved;
	double		regularization;
	double		gravity;
	double		total;
} MfLoss;

/* Sums of one chunk of users. */
typedef struct MfSums
{
	double		errors;			/* w (a - u.v)^2 over the ratings */
	double		products;		/* (u.v)^2 over the ratings */
	double		pairs;			/* (u.v)^2 over all pairs */
	double		squares;		/* |u|^2 */
} MfSums;

/* One side: users or courses. */
typedef struct MfSide
{
	const Csr  *ratings;		/* a row for each of the side */
	float	   *weights;		/* of each entry, or NULL */
	float	   *now;			/* factors */
	float	   *next;			/* after the step */
	float	   *gram;			/* of now, when pairs count */
	MfSums	   *sums;			/* per chunk */
} MfSide;

/* A training. */
typedef struct MfFit
{
	int			k;
	double		weight;			/* W */
	double		rate;			/* learning rate */
	double		regularization;
	double		unobserved_weight;
	double		pairs;			/* p / W of the header */
	Csr			kept[2];		/* with holdout: the other ratings, by user and by course */
	Csr			held;			/* with holdout: those, by user */
	double	   *held_errors;	/* per chunk of users */
	MfSide		users;
	MfSide		courses;
} MfFit;

/* A step of one side. */
typedef struct MfStep
{
	const MfFit *fit;
	const MfSide *side;
	const MfSide *other;
	double		decay;			/* regularization / rows of the side */
} MfStep;

static const ParamDef mf_params[] = {
	{"factors", "n_factors rank embedding_size embedding_dim k", PARAM_INT,
		offsetof(MfParams, factors), "5", 1, FACTORS_MOST, NULL,
	"Numbers that describe every course and every user."},
	{"init_std_dev", "init_stddev scale_factor", PARAM_FLOAT, offsetof(MfParams, init_std_dev),
		"0.05", 1e-6, 1000, NULL, "Standard deviation of the first factors."},
	{"learning_rate", "lr_all stepsize lr", PARAM_FLOAT, offsetof(MfParams, learning_rate),
		"null", 1e-12, 1e12, NULL,
	"Step of each iteration; null: half of what the user or course with most ratings bears."},
	{"iterations", "n_epochs epochs max_iter num_iterations", PARAM_INT,
		offsetof(MfParams, iterations), "2000", 1, 100000, NULL, "Most steps."},
	{"tolerance", "tol", PARAM_FLOAT, offsetof(MfParams, tolerance), "0.000001", 0, 1, NULL,
	"Stop when a step changes the loss by less than this part of it."},
	{"regularization", "reg_all lambda lambda_reg regularization_coeff", PARAM_FLOAT,
		offsetof(MfParams, regularization), "null", 0, 1e12, NULL,
	"Weight of the mean squared length of the factors; null: .02 times the largest rating."},
	{"gravity", "gravity_coeff", PARAM_FLOAT, offsetof(MfParams, gravity), "0", 0, 1e12, NULL,
	"Weight of the mean squared product over all pairs of a user and a course."},
	{"unobserved_weight", "w0", PARAM_FLOAT, offsetof(MfParams, unobserved_weight), "0", 0, 1,
		NULL, "Weight of a pair without a rating, which counts as a rating of 0."},
	{"holdout", NULL, PARAM_FLOAT, offsetof(MfParams, holdout), "0", 0, 0.9, NULL,
	"Share of the ratings that is not trained on; the training log shows the error on it."},
	{"min_ratings", NULL, PARAM_FLOAT, offsetof(MfParams, min_ratings), "null", 0, 1e9, NULL,
	"Ratings that a course needs to be recommended; null: as many as the least of the tenth of "
	"the courses with most."},
};

/* Do the products of all pairs count? */
static bool
counts_pairs(const MfParams *params)
{
	return params->gravity > 0 || params->unobserved_weight > 0;
}

/*
 * The factors of one row after the step; adds to its sums.  gradient has room for k floats
 * and gets half of the negative gradient.
 */
static void
move_row(const MfStep *step, int64_t row, float *gradient, MfSums *sums)
{
	const MfFit *fit = step->fit;
	const MfSide *side = step->side;
	const Csr  *csr = side->ratings;
	int			k = fit->k;
	const float *own = side->now + (size_t) row * (size_t) k;
	float	   *next = side->next + (size_t) row * (size_t) k;
	double		scale = 1 / fit->weight;

	memset(gradient, 0, (size_t) k * sizeof(float));
	for (int64_t e = csr->offsets[row]; e < csr->offsets[row + 1]; e++)
	{
		const float *other = step->other->now + (size_t) csr->indexes[e] * (size_t) k;
		double		weight = side->weights == NULL ? 1 : side->weights[e];
		double		product = vector_dot(own, other, k);
		double		error = csr->values[e] - product;

		sums->errors += weight * error * error;
		sums->products += product * product;
		vector_axpy((float) (scale * (weight * error + fit->unobserved_weight * product)), other,
					gradient, k);
	}
	sums->squares += vector_dot(own, own, k);
	vector_axpy((float) -step->decay, own, gradient, k);
	for (int i = 0; i < k && fit->pairs > 0; i++)
	{
		float		pull = vector_dot(step->other->gram + (size_t) i * (size_t) k, own, k);

		sums->pairs += own[i] * pull;
		gradient[i] -= (float) (fit->pairs * pull);
	}
	for (int i = 0; i < k; i++)
		next[i] = own[i] + (float) (2 * fit->rate * gradient[i]);
}

/* ParallelFunction: moves rows begin .. end - 1. */
static RecsysStatus
move_rows(void *arg, int64_t begin, int64_t end, int worker)
{
	const MfStep *step = arg;
	MfSums		sums = {0};
	float		gradient[FACTORS_MOST];

	(void) worker;
	for (int64_t row = begin; row < end; row++)
		move_row(step, row, gradient, &sums);
	step->side->sums[begin / CHUNK_ROWS] = sums;
	return RECSYS_OK;
}

/* Chunks of a side. */
static int64_t
n_chunks(int64_t n_rows)
{
	return (n_rows + CHUNK_ROWS - 1) / CHUNK_ROWS;
}

/* Moves one side; *sums: of all its rows before the step. */
static RecsysStatus
move_side(Env *env, const MfFit *fit, const MfSide *side, const MfSide *other, MfSums *sums)
{
	int64_t		n = side->ratings->n_rows;
	MfStep		step = {fit, side, other, fit->regularization / (double) n};

	*sums = (MfSums) {0};
	TRY(parallel_for(env, n, CHUNK_ROWS, move_rows, &step, false));
	for (int64_t c = 0; c < n_chunks(n); c++)
	{
		sums->errors += side->sums[c].errors;
		sums->products += side->sums[c].products;
		sums->pairs += side->sums[c].pairs;
		sums->squares += side->sums[c].squares;
	}
	return RECSYS_OK;
}

/* ParallelFunction: squared errors of the ratings held out from users begin .. end - 1. */
static RecsysStatus
add_held_errors(void *arg, int64_t begin, int64_t end, int worker)
{
	const MfFit *fit = arg;
	size_t		k = (size_t) fit->k;
	double		errors = 0;

	(void) worker;
	for (int64_t u = begin; u < end; u++)
		for (int64_t e = fit->held.offsets[u]; e < fit->held.offsets[u + 1]; e++)
		{
			double		error = fit->held.values[e] -
				vector_dot(fit->users.now + (size_t) u * k,
						   fit->courses.now + (size_t) fit->held.indexes[e] * k, fit->k);

			errors += error * error;
		}
	fit->held_errors[begin / CHUNK_ROWS] = errors;
	return RECSYS_OK;
}

/* Logs the mean squared error of the ratings held out. */
static RecsysStatus
log_holdout(Env *env, MfFit *fit, int iteration)
{
	int64_t		n = fit->users.ratings->n_rows;
	double		errors = 0;

	if (fit->held.n_entries == 0)
		return RECSYS_OK;
	TRY(parallel_for(env, n, CHUNK_ROWS, add_held_errors, fit, false));
	for (int64_t c = 0; c < n_chunks(n); c++)
		errors += fit->held_errors[c];
	env_loss(env, iteration, "holdout", errors / (double) fit->held.n_entries);
	return RECSYS_OK;
}

/* The terms of the loss from the sums of both sides. */
static MfLoss
loss_of(const MfParams *params, const MfFit *fit, const MfSums *users, const MfSums *courses)
{
	double		n_users = fit->users.ratings->n_rows;
	double		n_courses = fit->courses.ratings->n_rows;
	MfLoss		loss = {0};

	loss.observed = users->errors / fit->weight;
	loss.unobserved = params->unobserved_weight * (users->pairs - users->products) / fit->weight;
	loss.regularization = fit->regularization *
		(users->squares / n_users + courses->squares / n_courses);
	loss.gravity = params->gravity * users->pairs / n_users / n_courses;
	loss.total = loss.observed + loss.unobserved + loss.regularization + loss.gravity;
	return loss;
}

/* Logs the terms. */
static RecsysStatus
log_loss(Env *env, const MfParams *params, MfFit *fit, int iteration, const MfLoss *loss)
{
	env_loss(env, iteration, "observed", loss->observed);
	if (params->unobserved_weight > 0)
		env_loss(env, iteration, "unobserved", loss->unobserved);
	env_loss(env, iteration, "regularization", loss->regularization);
	env_loss(env, iteration, "gravity", loss->gravity);
	TRY(log_holdout(env, fit, iteration));
	env_loss(env, iteration, "total", loss->total);
	return RECSYS_OK;
}

/* Takes the step. */
static void
swap_factors(MfSide *side)
{
	float	   *now = side->now;

	side->now = side->next;
	side->next = now;
}

/* Computes the next factors of both sides, and the loss of the present ones. */
static RecsysStatus
compute_step(Env *env, const MfParams *params, MfFit *fit, MfLoss *loss)
{
	MfSums		users;
	MfSums		courses;

	if (fit->pairs > 0)
	{
		TRY(factor_gram(env, fit->users.now, fit->users.ratings->n_rows, fit->k, fit->users.gram));
		TRY(factor_gram(env, fit->courses.now, fit->courses.ratings->n_rows, fit->k,
						fit->courses.gram));
	}
	TRY(move_side(env, fit, &fit->users, &fit->courses, &users));
	TRY(move_side(env, fit, &fit->courses, &fit->users, &courses));
	*loss = loss_of(params, fit, &users, &courses);
	if (isfinite(loss->total))
		return RECSYS_OK;
	env_fail(env, RECSYS_NOT_CONVERGED, "training diverged: the loss is no longer finite");
	return env_hint(env, "Lower the parameter \"learning_rate\", or leave it out.");
}

/* Steps until the loss hardly changes. */
static RecsysStatus
descend(Env *env, const MfParams *params, MfFit *fit)
{
	double		before = INFINITY;

	for (int64_t i = 0;; i++)
	{
		MfLoss		loss;

		env_progress(env, PHASE_FITTING, i, params->iterations);
		TRY(compute_step(env, params, fit, &loss));
		TRY(log_loss(env, params, fit, (int) i, &loss));
		if (i == params->iterations || fabs(before - loss.total) < params->tolerance * loss.total)
			return RECSYS_OK;
		before = loss.total;
		swap_factors(&fit->users);
		swap_factors(&fit->courses);
	}
}

/* Is the rating of this user and course held out? */
static bool
holds_out(const MfParams *params, const TrainingSet *set, int32_t user, int32_t course)
{
	uint64_t	users = key_hash(set->users.kind, idmap_key(&set->users, user), 0);
	uint64_t	courses = key_hash(set->courses.kind, idmap_key(&set->courses, course), 0);
	uint64_t	hash = hash_combine((uint64_t) params->common.random_state,
									hash_combine(users, courses));

	return (double) (hash >> 11) * 0x1p-53 < params->holdout;
}

/* Copies the entries of by_user that are held out, or that are not; out has room for all. */
static RecsysStatus
copy_part(Env *env, const MfParams *params, const TrainingSet *set, bool held, Csr *out)
{
	const Csr  *in = &set->by_user;
	int64_t		n = 0;

	for (int32_t u = 0; u < in->n_rows; u++)
	{
		for (int64_t e = in->offsets[u]; e < in->offsets[u + 1]; e++)
		{
			if (e % POLL_ENTRIES == 0 && env_interrupted(env))
				return env->status;
			if (holds_out(params, set, u, in->indexes[e]) != held)
				continue;
			out->indexes[n] = in->indexes[e];
			out->values[n] = in->values[e];
			if (out->times != NULL)
				out->times[n] = in->times[e];
			n++;
		}
		out->offsets[u + 1] = n;
	}
	out->n_entries = n;
	return RECSYS_OK;
}

/* Ratings that are held out. */
static RecsysStatus
count_held(Env *env, const MfParams *params, const TrainingSet *set, int64_t *n)
{
	const Csr  *in = &set->by_user;

	*n = 0;
	for (int32_t u = 0; u < in->n_rows; u++)
		for (int64_t e = in->offsets[u]; e < in->offsets[u + 1]; e++)
		{
			if (e % POLL_ENTRIES == 0 && env_interrupted(env))
				return env->status;
			*n += holds_out(params, set, u, in->indexes[e]);
		}
	return RECSYS_OK;
}

/* The ratings to train on, both ways, and those that are held out. */
static RecsysStatus
split_ratings(Env *env, const MfParams *params, const TrainingSet *set, MfFit *fit)
{
	const Csr  *in = &set->by_user;
	bool		with_times = in->times != NULL && !isnan(params->common.half_life);
	int64_t		n_held;

	fit->users.ratings = &set->by_user;
	fit->courses.ratings = &set->by_course;
	if (params->holdout == 0)
		return RECSYS_OK;
	TRY(count_held(env, params, set, &n_held));
	if (n_held == in->n_entries)
	{
		env_fail(env, RECSYS_BAD_DATA, "no rating is left to train on");
		return env_hint(env, "Lower the parameter \"holdout\".");
	}
	TRY(csr_init(env, &fit->held, in->n_rows, in->n_cols, n_held, false));
	TRY(copy_part(env, params, set, true, &fit->held));
	TRY(csr_init(env, &fit->kept[0], in->n_rows, in->n_cols, in->n_entries - n_held, with_times));
	TRY(copy_part(env, params, set, false, &fit->kept[0]));
	TRY(csr_transpose(env, &fit->kept[0], &fit->kept[1]));
	fit->users.ratings = &fit->kept[0];
	fit->courses.ratings = &fit->kept[1];
	return RECSYS_OK;
}

/* Weight of every rating of a side by its age; none without a half-life. */
static RecsysStatus
side_weights(Env *env, const MfParams *params, const TrainingSet *set, MfSide *side)
{
	const Csr  *csr = side->ratings;

	if (isnan(params->common.half_life) || csr->times == NULL)
		return RECSYS_OK;
	side->weights = env_alloc(env, (size_t) csr->n_entries, sizeof(float));
	if (side->weights == NULL)
		return env->status;
	for (int64_t e = 0; e < csr->n_entries; e++)
	{
		if (e % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		side->weights[e] = entry_weight(csr, e, set->summary.last_time, params->common.half_life);
	}
	return RECSYS_OK;
}

/* Fills x with the first factors. */
static RecsysStatus
draw_factors(Env *env, const MfParams *params, uint64_t stream, float *x, int64_t n)
{
	Rng			rng;

	rng_seed(&rng, (uint64_t) params->common.random_state, stream);
	for (int64_t i = 0; i < n; i++)
	{
		if (i % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		x[i] = (float) (params->init_std_dev * rng_normal(&rng));
	}
	return RECSYS_OK;
}

/* Weights, memory and first factors of one side. */
static RecsysStatus
side_init(Env *env, const MfParams *params, const TrainingSet *set, uint64_t stream, MfSide *side)
{
	size_t		n = (size_t) side->ratings->n_rows;
	size_t		k = (size_t) params->factors;

	TRY(side_weights(env, params, set, side));
	side->now = env_alloc(env, n * k, sizeof(float));
	side->next = env_alloc(env, n * k, sizeof(float));
	side->gram = env_alloc(env, k * k, sizeof(float));
	side->sums = env_alloc(env, (size_t) n_chunks((int64_t) n), sizeof(MfSums));
	if (side->now == NULL || side->next == NULL || side->gram == NULL || side->sums == NULL)
		return env->status;
	return draw_factors(env, params, stream, side->now, (int64_t) (n * k));
}

/* Sum of the weights. */
static double
total_weight(const MfSide *side)
{
	double		weight = 0;

	if (side->weights == NULL)
		return (double) side->ratings->n_entries;
	for (int64_t e = 0; e < side->ratings->n_entries; e++)
		weight += side->weights[e];
	return weight;
}

/* Most ratings of one row. */
static int64_t
longest_row(const Csr *csr)
{
	int64_t		most = 0;

	for (int32_t r = 0; r < csr->n_rows; r++)
		if (csr_row_length(csr, r) > most)
			most = csr_row_length(csr, r);
	return most;
}

/* The largest rating either way. */
static double
rating_size(const Summary *summary)
{
	return fmax(fabs(summary->min), fabs(summary->max));
}

/* Squared lengths of factors grow with the ratings, their squared errors with the ratings' squares. */
static double
default_regularization(const Summary *summary)
{
	return 0.02 * rating_size(summary);
}

/*
 * Half of a stable step.  Half the curvature along the factors of a row with m of the n
 * ratings, of a side with R rows and S on the other side, is about
 *
 *		m / n s + regularization / R + (unobserved_weight S / W + gravity / R) s
 *
 * where s is the squared length of the other side's rows: about the size of the ratings, since
 * two factors of length l make a product of l^2, or what it is at the start.
 */
static double
default_rate(const MfParams *params, const Summary *summary, const MfFit *fit)
{
	double		n_users = fit->users.ratings->n_rows;
	double		n_courses = fit->courses.ratings->n_rows;
	double		most = (double) longest_row(fit->users.ratings);
	double		s = fmax(rating_size(summary),
						 fit->k * params->init_std_dev * params->init_std_dev);

	most = fmax(most, (double) longest_row(fit->courses.ratings));
	return 0.5 / (most / (double) fit->users.ratings->n_entries * s +
				  (fit->regularization + params->gravity * s) / fmin(n_users, n_courses) +
				  params->unobserved_weight * fmax(n_users, n_courses) / fit->weight * s);
}

/* Everything before the first step. */
static RecsysStatus
fit_init(Env *env, const MfParams *params, const TrainingSet *set, MfFit *fit)
{
	int64_t		n_users = set->by_user.n_rows;

	fit->k = (int) params->factors;
	TRY(split_ratings(env, params, set, fit));
	TRY(side_init(env, params, set, 1, &fit->users));
	TRY(side_init(env, params, set, 2, &fit->courses));
	fit->held_errors = env_alloc(env, (size_t) n_chunks(n_users), sizeof(double));
	if (fit->held_errors == NULL)
		return env->status;
	fit->weight = total_weight(&fit->users);
	if (!(fit->weight > 0))
	{
		env_fail(env, RECSYS_BAD_DATA, "all ratings are too old to count");
		return env_hint(env, "Raise the parameter \"half_life\".");
	}
	fit->regularization = isnan(params->regularization) ? default_regularization(&set->summary)
		: params->regularization;
	fit->rate = isnan(params->learning_rate) ? default_rate(params, &set->summary, fit)
		: params->learning_rate;
	fit->unobserved_weight = params->unobserved_weight;
	fit->pairs = params->unobserved_weight / fit->weight +
		params->gravity / (double) n_users / (double) set->by_course.n_rows;
	return RECSYS_OK;
}

/* Frees all but the factors of the courses and their Gram matrix. */
static void
fit_free(Env *env, MfFit *fit)
{
	MfSide	   *sides[] = {&fit->users, &fit->courses};

	for (int i = 0; i < 2; i++)
	{
		csr_free(env, &fit->kept[i]);
		env_free(env, sides[i]->weights);
		env_free(env, sides[i]->next);
		env_free(env, sides[i]->sums);
	}
	csr_free(env, &fit->held);
	env_free(env, fit->held_errors);
	env_free(env, fit->users.now);
	env_free(env, fit->users.gram);
}

/* Puts the factors of the courses and what the fold-in needs. */
static RecsysStatus
put_model(Env *env, const MfParams *params, const TrainingSet *set, MfFit *fit,
		  ModelWriter *writer)
{
	double	   *numbers = env_alloc(env, N_NUMBERS, sizeof(double));
	int64_t		n = set->by_course.n_rows;
	double		stopping = 0.5 / fit->rate / (double) params->iterations;

	if (numbers == NULL)
		return env->status;
	TRY(factor_gram(env, fit->courses.now, n, fit->k, fit->courses.gram));
	numbers[NUMBER_PAIRS] = fit->weight * fit->pairs;
	numbers[NUMBER_RIDGE] = fit->weight *
		fmax(fit->regularization / set->by_user.n_rows, stopping);
	TRY(model_put(env, writer, "course_factors", SECTION_FLOAT, n, fit->k, fit->courses.now));
	TRY(model_put(env, writer, "gram", SECTION_FLOAT, fit->k, fit->k, fit->courses.gram));
	return model_put(env, writer, "fold_in", SECTION_DOUBLE, N_NUMBERS, 1, numbers);
}

/* Trains. */
static RecsysStatus
mf_fit(Env *env, const TrainingSet *set, const void *params_in, ModelWriter *writer)
{
	const MfParams *params = params_in;
	MfFit		fit = {0};

	TRY(fit_init(env, params, set, &fit));
	TRY(descend(env, params, &fit));
	fit_free(env, &fit);
	return put_model(env, params, set, &fit, writer);
}

/* Multiply-adds of the header; gathered ones wait for memory. */
static void
mf_estimate(const Shape *shape, const void *params_in, Estimate *estimate)
{
	const MfParams *params = params_in;
	double		k = (double) params->factors;
	double		rows = (double) shape->n_users + (double) shape->n_courses;
	double		n = (double) shape->n_ratings;
	double		most = (double) (shape->n_users > shape->n_courses ? shape->n_users
								 : shape->n_courses);
	int			n_threads = shape->n_threads > 1 ? shape->n_threads : 1;
	bool		aged = !isnan(params->common.half_life);

	estimate->model_bytes = 4 * k * ((double) shape->n_courses + k) + 8 * N_NUMBERS;
	estimate->bytes = 8 * k * (rows + k) + rows / CHUNK_ROWS * (double) sizeof(MfSums) +
		(double) shape->n_users / CHUNK_ROWS * 8 +
		(counts_pairs(params) ? factor_gram_bytes((int64_t) most, (int) params->factors) : 0) +
		(aged ? 8 * n : 0) +
		(params->holdout > 0 ? n * (16 - 8 * params->holdout) + 8 * (2 * rows + most) +
		 (aged ? 16 * n : 0) : 0);
	estimate->n_losses = fmin((double) params->iterations, MOST_LOGGED) *
		(4 + (params->unobserved_weight > 0) + (params->holdout > 0));
	estimate->seconds = (double) params->iterations / n_threads *
		(n * (k * 3e-10 + 2e-8) + (counts_pairs(params) ? rows * k * k * 3e-10 : 0));
}

/* Courses with too few ratings have no score. */
static RecsysStatus
open_courses(Env *env, const Recommender *rec, LatentCourses *courses)
{
	double		least = least_ratings(rec, ((const MfParams *) rec->params)->min_ratings);
	float	   *added = env_alloc(env, (size_t) rec->n_courses, sizeof(float));

	if (added == NULL)
		return env->status;
	for (int32_t c = 0; c < rec->n_courses; c++)
		added[c] = rec->course_counts[c] < least ? NO_OPINION : 0;
	courses->added = added;
	return RECSYS_OK;
}

/* Finds and checks the sections. */
static RecsysStatus
mf_open(Env *env, Recommender *rec)
{
	MfState    *state = rec->state;
	int64_t		k = ((const MfParams *) rec->params)->factors;
	int64_t		n_numbers = N_NUMBERS;
	int64_t		one = 1;
	const void *numbers;

	state->k = state->courses.n_factors = (int) k;
	TRY(open_floats(env, rec, "course_factors", rec->n_courses, k, &state->courses.factors));
	TRY(open_floats(env, rec, "gram", k, k, &state->gram));
	TRY(model_get(env, &rec->model, "fold_in", SECTION_DOUBLE, &n_numbers, &one, &numbers));
	state->numbers = numbers;
	for (int i = 0; i < N_NUMBERS; i++)
		if (!isfinite(state->numbers[i]))
			return model_damaged(env, "A number of the objective is not finite.");
	return open_courses(env, rec, &state->courses);
}

/* The user's factors, the system of equations and what solving takes. */
static size_t
mf_scratch_size(const Recommender *rec)
{
	const MfState *state = rec->state;
	size_t		k = (size_t) state->k;

	return (k + k * k + spd_scratch(state->k)) * sizeof(float);
}

/* a += sum (w - unobserved_weight) v v' over the history. */
static void
add_products(const Recommender *rec, const History *history, float *a)
{
	const MfParams *params = rec->params;
	const MfState *state = rec->state;
	const float *rows[GATHER];
	float		weights[GATHER];

	for (int32_t begin = 0; begin < history->n; begin += GATHER)
	{
		int32_t		n = history->n - begin < GATHER ? history->n - begin : GATHER;

		for (int32_t i = 0; i < n; i++)
		{
			rows[i] = latent_course(&state->courses, history->courses[begin + i]);
			weights[i] = (float) (history_weight(rec, history, begin + i) -
								  params->unobserved_weight);
		}
		gram_add(rows, weights, n, state->k, a, state->k);
	}
}

/*
 * Solves the user's equations for the right side u[k], in place; scratch behind the first k
 * floats is left zero.  False: they have no solution.
 */
static bool
solve(const Recommender *rec, const History *history, void *scratch, float *u)
{
	const MfState *state = rec->state;
	size_t		k = (size_t) state->k;
	float	   *a = (float *) scratch + k;
	float	   *solver = a + k * k;
	bool		solved;

	for (size_t i = 0; i < k; i++)
	{
		for (size_t j = 0; j <= i; j++)
			a[i * k + j] = (float) state->numbers[NUMBER_PAIRS] * state->gram[i * k + j];
		a[i * k + i] += (float) state->numbers[NUMBER_RIDGE];
	}
	add_products(rec, history, a);
	solved = spd_solve(a, state->k, state->k, u, solver);
	memset(a, 0, (k * k + spd_scratch(state->k)) * sizeof(float));
	return solved;
}

/* What row h of the history weighs on the right side. */
static inline float
row_value(const Recommender *rec, const History *history, int32_t h)
{
	return history_weight(rec, history, h) * history->ratings[h];
}

/* Fills u[k] with the factors of a user; scratch behind the first k floats is left zero. */
static bool
fold_in(const Recommender *rec, const History *history, void *scratch, float *u)
{
	const MfState *state = rec->state;
	float		values[GATHER];

	memset(u, 0, (size_t) state->k * sizeof(float));
	if (history->n == 0)
		return false;
	for (int32_t begin = 0; begin < history->n; begin += GATHER)
	{
		int32_t		n = history->n - begin < GATHER ? history->n - begin : GATHER;

		for (int32_t i = 0; i < n; i++)
			values[i] = row_value(rec, history, begin + i);
		factor_sum(state->courses.factors, state->k, history->courses + begin, values, n, u);
	}
	return solve(rec, history, scratch, u);
}

/* Score of one course for a user's factors. */
static float
mf_score_vector(const Recommender *rec, const float *user_vector, int32_t course)
{
	return latent_score_course(&((const MfState *) rec->state)->courses, user_vector, course);
}

/* Courses with enough ratings, by their product. */
static void
mf_score(const Recommender *rec, const History *history, void *scratch, float *scores)
{
	const MfState *state = rec->state;
	float	   *u = scratch;
	bool		known = fold_in(rec, history, scratch, u);

	latent_score(&state->courses, rec->n_courses, known ? u : NULL, scores);
	memset(u, 0, (size_t) state->k * sizeof(float));
}

/* NAN without a history, and for a course that nobody rated: its factors are still those drawn. */
static double
mf_predict(const Recommender *rec, const History *history, int32_t course, void *scratch)
{
	const MfState *state = rec->state;
	float	   *u = scratch;
	double		rating = NAN;

	if (rec->course_counts[course] > 0 && fold_in(rec, history, scratch, u))
		rating = product_row(latent_course(&state->courses, course), u, state->k);
	memset(u, 0, (size_t) state->k * sizeof(float));
	return rating;
}

/*
 * With A the matrix of the user's equations, score(c) = sum over the history of
 * (v_c' A^-1 v_j) w_j a_j: one system with v_c on the right side.
 */
static int
mf_explain(const Recommender *rec, const History *history, int32_t course, void *scratch,
		   Reason *reasons, int max)
{
	const MfState *state = rec->state;
	float	   *u = scratch;
	int			n = 0;

	if (history->n == 0 || state->courses.added[course] == NO_OPINION)
		return 0;
	memcpy(u, latent_course(&state->courses, course), (size_t) state->k * sizeof(float));
	if (solve(rec, history, scratch, u))
		for (int32_t h = 0; h < history->n; h++)
			if (history->ratings[h] > 0)
				n = add_reason(reasons, n, max, (Reason) {REASON_COURSE, history->courses[h],
											 row_value(rec, history, h) *
											 product_row(latent_course(&state->courses, history->courses[h]), u, state->k)});
	memset(u, 0, (size_t) state->k * sizeof(float));
	return n;
}

/* Cosine of the factors. */
static bool
mf_similar(const Recommender *rec, int32_t course, void *scratch, float *scores)
{
	(void) scratch;
	latent_similar(rec, course, LATENT_COSINE, scores);
	return true;
}

/* A row of the factor matrix; none for a course that nobody rated. */
static const float *
mf_course_vector(const Recommender *rec, int32_t course, int *n)
{
	const MfState *state = rec->state;

	*n = state->k;
	return rec->course_counts[course] > 0 ? latent_course(&state->courses, course) : NULL;
}

/* The fold-in. */
static int
mf_user_vector(const Recommender *rec, const History *history, void *scratch, float *out)
{
	const MfState *state = rec->state;

	return fold_in(rec, history, scratch, out) ? state->k : 0;
}

/* One product for several users. */
static void
mf_score_block(const Recommender *rec, const float *user_vectors, int n_users, float *scores)
{
	latent_score_block(&((const MfState *) rec->state)->courses, rec->n_courses, user_vectors,
					   n_users, scores);
}

/* Ratings that hardly vary say nothing, unless the pairs without one count as well. */
static RecsysStatus
mf_check(Env *env, const TrainingSet *set, const void *params)
{
	TRY(check_half_life(env, set, params));
	return counts_pairs(params) ? RECSYS_OK : warn_of_equal_ratings(env, set);
}

const Method method_mf = {
	.name = "mf",
	.description = "Factors of courses and users by gradient descent, each term of the loss logged.",
	.objective = OBJECTIVE_RATING,
	.params = {"mf", mf_params, N_PARAMS(mf_params), sizeof(MfParams)},
	.personal = true,
	.state_size = sizeof(MfState),
	.check = mf_check,
	.estimate = mf_estimate,
	.fit = mf_fit,
	.open = mf_open,
	.scratch_size = mf_scratch_size,
	.score = mf_score,
	.predict = mf_predict,
	.similar = mf_similar,
	.explain = mf_explain,
	.course_vector = mf_course_vector,
	.user_vector = mf_user_vector,
	.score_vector = mf_score_vector,
	.score_block = mf_score_block,
};
