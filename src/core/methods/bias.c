/*
 * bias.c
 *		Ratings as mean + bias of the user + bias of the course.
 *
 *		predict(c) = alpha + b_u + b_c
 *		score(c)   = the same, of courses with at least min_ratings ratings
 *
 * Both solvers look for the smallest value of
 *
 *		sum over ratings of w (r - alpha - b_u - b_c)^2 + reg_user sum b_u^2 + reg_course sum b_c^2
 *
 * w: weight by age.  als fixes alpha at the mean of all ratings and alternates between
 * courses and users (baseline.c; Koren, "Factor in the neighbors", 2010); lbfgs changes
 * everything at once, alpha too (lbfgs.c).  The user's bias is the exact minimum for the
 * ratings of the moment.  The order of the courses is the same for everybody.
 *
 * An iteration takes two to four passes over the ratings.
 */
#include <float.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "core/baseline.h"
#include "core/lbfgs.h"
#include "core/methods/methods.h"
#include "core/methods/support.h"
#include "core/parallel.h"

#define LBFGS_MEMORY 7			/* pairs of steps */
#define CHUNK_ROWS 64			/* rows of one chunk of the loss; popular courses make it long */

typedef enum BiasSolver
{
	BIAS_ALS,
	BIAS_LBFGS
} BiasSolver;

typedef struct BiasParams
{
	CommonParams common;
	int			solver;			/* BiasSolver */
	double		reg_user;
	double		reg_course;
	int64_t		iterations;
	double		tolerance;
	double		min_ratings;	/* NAN: the 90th percentile */
} BiasParams;

typedef struct BiasState
{
	BaselineRule rule;			/* its mean is alpha */
	const float *course_bias;
	double		least_ratings;	/* of a course with a score */
} BiasState;

static const ParamDef bias_params[] = {
	{"solver", NULL, PARAM_CHOICE, offsetof(BiasParams, solver), "als", 0, 0, "als lbfgs",
	"Alternating exact steps, or the quasi-Newton method L-BFGS, which learns alpha too."},
	{"reg_user", "reg_u", PARAM_FLOAT, offsetof(BiasParams, reg_user), "15", 0, 1e9, NULL,
	"Ratings that hold the bias of a user at 0."},
	{"reg_course", "reg_i reg_item", PARAM_FLOAT, offsetof(BiasParams, reg_course), "10", 0, 1e9,
		NULL,
	"Ratings that hold the bias of a course at 0."},
	{"iterations", "n_epochs epochs max_iter maxIter", PARAM_INT, offsetof(BiasParams, iterations),
		"100", 1, 10000, NULL,
	"Iterations at most."},
	{"tolerance", NULL, PARAM_FLOAT, offsetof(BiasParams, tolerance), "1e-06", 0, 1, NULL,
	"Stops when an iteration lowers the loss by less than this share of it."},
	{"min_ratings", NULL, PARAM_FLOAT, offsetof(BiasParams, min_ratings), "null", 0, 1e9, NULL,
	"Ratings that a course needs to be recommended; null: as many as the least of the tenth of the "
	"courses with most."},
};

/* Vectors of doubles, one for each variable, and the floats of the other solver. */
static void
bias_estimate(const Shape *shape, const void *params_in, Estimate *estimate)
{
	const BiasParams *params = params_in;
	double		rows = (double) shape->n_users + (double) shape->n_courses;
	double		passes = params->iterations < 30 ? (double) params->iterations : 30;
	int			n_threads = shape->n_threads > 1 ? shape->n_threads : 1;

	estimate->model_bytes = (double) shape->n_courses * sizeof(float);
	estimate->bytes = estimate->model_bytes + (rows + 1) * 2 * sizeof(double) +
		rows / CHUNK_ROWS * 3 * sizeof(double);
	if (params->solver == BIAS_LBFGS)
		estimate->bytes += lbfgs_bytes(rows + 1, LBFGS_MEMORY) - (rows + 1) * sizeof(double);
	else
		estimate->bytes += (double) shape->n_users * sizeof(float);
	estimate->seconds = 0.01 + passes * (double) shape->n_ratings * 1e-8 / n_threads;
}

/* ---------------------------------------------------------------- the loss */

/* What the loss is of.  A point x is alpha, then the biases of the users, then of the courses. */
typedef struct LossPass
{
	const TrainingSet *set;
	const BiasParams *params;
	const double *x;
	double	   *gradient;
	double	   *partial;		/* three per chunk of users: squared errors, sum of errors, weights */
	double		sums[3];
	double		penalty;
} LossPass;

/* Half of the gradient of one row, less its penalty; sums of its errors are added to partial unless NULL. */
static double
row_gradient(const LossPass *pass, const Csr *ratings, int64_t row, double bias,
			 const double *other, double *partial)
{
	int64_t		last_time = pass->set->summary.last_time;
	double		sum = 0;

	for (int64_t e = ratings->offsets[row]; e < ratings->offsets[row + 1]; e++)
	{
		double		weight = entry_weight(ratings, e, last_time, pass->params->common.half_life);
		double		error = ratings->values[e] - pass->x[0] - bias - other[ratings->indexes[e]];

		sum -= weight * error;
		if (partial == NULL)
			continue;
		partial[0] += weight * error * error;
		partial[1] += weight * error;
		partial[2] += weight;
	}
	return sum;
}

/* ParallelFunction: the gradient of users begin .. end - 1. */
static RecsysStatus
user_gradients(void *arg, int64_t begin, int64_t end, int worker)
{
	const LossPass *pass = arg;
	int64_t		n_users = pass->set->by_user.n_rows;
	const double *users = pass->x + 1;

	(void) worker;
	for (int64_t u = begin; u < end; u++)
		pass->gradient[1 + u] = 2 * (pass->params->reg_user * users[u] +
									 row_gradient(pass, &pass->set->by_user, u, users[u],
												  users + n_users,
												  pass->partial + begin / CHUNK_ROWS * 3));
	return RECSYS_OK;
}

/* ParallelFunction: the same of courses. */
static RecsysStatus
course_gradients(void *arg, int64_t begin, int64_t end, int worker)
{
	const LossPass *pass = arg;
	const double *users = pass->x + 1;
	const double *courses = users + pass->set->by_user.n_rows;
	double	   *gradient = pass->gradient + 1 + pass->set->by_user.n_rows;

	(void) worker;
	for (int64_t c = begin; c < end; c++)
		gradient[c] = 2 * (pass->params->reg_course * courses[c] +
						   row_gradient(pass, &pass->set->by_course, c, courses[c], users, NULL));
	return RECSYS_OK;
}

/* Sum of the squares of n numbers. */
static double
sum_squares(const double *values, int64_t n)
{
	double		sum = 0;

	for (int64_t i = 0; i < n; i++)
		sum += values[i] * values[i];
	return sum;
}

/* evaluate of LbfgsProblem: value and gradient at x. */
static RecsysStatus
evaluate(Env *env, void *arg, const double *x, double *value, double *gradient)
{
	LossPass   *pass = arg;
	int64_t		n_users = pass->set->by_user.n_rows;
	int64_t		n_courses = pass->set->by_course.n_rows;
	int64_t		n_chunks = (n_users - 1) / CHUNK_ROWS + 1;

	pass->x = x;
	pass->gradient = gradient;
	memset(pass->partial, 0, (size_t) n_chunks * 3 * sizeof(double));
	memset(pass->sums, 0, sizeof(pass->sums));
	TRY(parallel_for(env, n_users, CHUNK_ROWS, user_gradients, pass, false));
	TRY(parallel_for(env, n_courses, CHUNK_ROWS, course_gradients, pass, false));
	for (int64_t i = 0; i < n_chunks * 3; i++)
		pass->sums[i % 3] += pass->partial[i];
	pass->penalty = pass->params->reg_user * sum_squares(x + 1, n_users) +
		pass->params->reg_course * sum_squares(x + 1 + n_users, n_courses);
	gradient[0] = -2 * pass->sums[1];
	*value = pass->sums[0] + pass->penalty;
	return RECSYS_OK;
}

/* report of LbfgsProblem: the terms of the loss, in means over the ratings. */
static RecsysStatus
report(Env *env, void *arg, int iteration, double value)
{
	const LossPass *pass = arg;
	double		weights = fmax(pass->sums[2], DBL_MIN);

	if (!isfinite(value))
	{
		env_fail(env, RECSYS_NOT_CONVERGED, "training diverged in iteration %d", iteration);
		return env_hint(env, "Raise reg_user (now %g) or reg_course (now %g).",
						pass->params->reg_user, pass->params->reg_course);
	}
	env_progress(env, PHASE_FITTING, iteration, pass->params->iterations);
	env_loss(env, iteration, "squared_error", pass->sums[0] / weights);
	env_loss(env, iteration, "regularization", pass->penalty / weights);
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- training */

/* half_life needs times; equal ratings teach next to nothing. */
static RecsysStatus
bias_check(Env *env, const TrainingSet *set, const void *params)
{
	TRY(check_half_life(env, set, params));
	return warn_of_equal_ratings(env, set);
}

/* What both solvers start from and end with. */
typedef struct BiasFit
{
	LossPass	loss;
	int64_t		n;				/* variables */
	double	   *x;
	float	   *course_bias;	/* the result beside x[0] */
} BiasFit;

/* Sweeps in floats; x and a gradient, which is not used, are for the loss. */
static RecsysStatus
fit_als(Env *env, const BaselineRule *rule, BiasFit *fit)
{
	const TrainingSet *set = fit->loss.set;
	int64_t		n_users = set->by_user.n_rows;
	float	   *user_bias = env_alloc_zero(env, (size_t) n_users, sizeof(float));
	double	   *gradient = env_alloc(env, (size_t) fit->n, sizeof(double));
	double		before = INFINITY;

	if (user_bias == NULL || gradient == NULL)
		return env->status;
	for (int i = 1; i <= fit->loss.params->iterations; i++)
	{
		double		value = 0;

		TRY(baseline_sweep(env, set, rule, fit->course_bias, user_bias));
		for (int64_t u = 0; u < n_users; u++)
			fit->x[1 + u] = user_bias[u];
		for (int64_t c = 0; c < set->by_course.n_rows; c++)
			fit->x[1 + n_users + c] = fit->course_bias[c];
		TRY(evaluate(env, &fit->loss, fit->x, &value, gradient));
		TRY(report(env, &fit->loss, i, value));
		if (before - value < fit->loss.params->tolerance * value)
			break;
		before = value;
	}
	env_free(env, user_bias);
	env_free(env, gradient);
	return RECSYS_OK;
}

/* All variables at once. */
static RecsysStatus
fit_lbfgs(Env *env, BiasFit *fit)
{
	LbfgsProblem problem = {
		.n = fit->n,
		.memory = LBFGS_MEMORY,
		.iterations = (int) fit->loss.params->iterations,
		.tolerance = fit->loss.params->tolerance,
		.evaluate = evaluate,
		.report = report,
		.arg = &fit->loss,
	};
	const TrainingSet *set = fit->loss.set;
	double		value;

	TRY(lbfgs_minimize(env, &problem, fit->x, &value));
	for (int64_t c = 0; c < set->by_course.n_rows; c++)
		fit->course_bias[c] = (float) fit->x[1 + set->by_user.n_rows + c];
	return RECSYS_OK;
}

/* Allocates; x is the mean without biases. */
static RecsysStatus
init_fit(Env *env, const TrainingSet *set, const BiasParams *params, BiasFit *fit)
{
	size_t		n_chunks = (size_t) (set->by_user.n_rows - 1) / CHUNK_ROWS + 1;

	*fit = (BiasFit) {.loss = {.set = set, .params = params},
		.n = 1 + (int64_t) set->by_user.n_rows + set->by_course.n_rows};
	fit->loss.partial = env_alloc(env, n_chunks, 3 * sizeof(double));
	fit->x = env_alloc_zero(env, (size_t) fit->n, sizeof(double));
	fit->course_bias = env_alloc_zero(env, (size_t) set->by_course.n_rows, sizeof(float));
	if (fit->loss.partial == NULL || fit->x == NULL || fit->course_bias == NULL)
		return env->status;
	fit->x[0] = set->summary.mean;
	return RECSYS_OK;
}

/* The rule of the parameters. */
static BaselineRule
rule_of(const BiasParams *params, double alpha, int64_t last_time)
{
	return (BaselineRule) {alpha, params->reg_course, params->reg_user, params->common.half_life,
		last_time};
}

/* Solves, and keeps alpha and the biases of the courses. */
static RecsysStatus
bias_fit(Env *env, const TrainingSet *set, const void *params_in, ModelWriter *writer)
{
	const BiasParams *params = params_in;
	BaselineRule rule = rule_of(params, set->summary.mean, set->summary.last_time);
	double	   *alpha = env_alloc(env, 1, sizeof(double));
	BiasFit		fit;

	if (alpha == NULL)
		return env->status;
	TRY(init_fit(env, set, params, &fit));
	if (params->solver == BIAS_LBFGS)
		TRY(fit_lbfgs(env, &fit));
	else
		TRY(fit_als(env, &rule, &fit));
	*alpha = fit.x[0];
	env_free(env, fit.loss.partial);
	env_free(env, fit.x);
	TRY(model_put(env, writer, "alpha", SECTION_DOUBLE, 1, 1, alpha));
	return model_put(env, writer, "bias", SECTION_FLOAT, set->by_course.n_rows, 1,
					 fit.course_bias);
}

/* ---------------------------------------------------------------- serving */

/* Resolves the sections. */
static RecsysStatus
bias_open(Env *env, Recommender *rec)
{
	const BiasParams *params = rec->params;
	BiasState  *state = rec->state;
	int64_t		one = 1;
	int64_t		n = rec->n_courses;
	const void *alpha;
	const void *bias;

	TRY(model_get(env, &rec->model, "alpha", SECTION_DOUBLE, &one, &one, &alpha));
	TRY(model_get(env, &rec->model, "bias", SECTION_FLOAT, &n, &one, &bias));
	if (!isfinite(*(const double *) alpha))
		return model_damaged(env, "The mean of the ratings is not finite.");
	state->rule = rule_of(params, *(const double *) alpha, rec->summary.last_time);
	state->course_bias = bias;
	state->least_ratings = least_ratings(rec, params->min_ratings);
	return check_finite(env, bias, n, "The bias of a course is not finite.");
}

/* Bias of the user of a history. */
static double
user_bias(const BiasState *state, const History *history)
{
	return baseline_exact_user_bias(&state->rule, state->course_bias, history->n,
									history->courses, history->ratings, history->times);
}

/* Predicted ratings of the courses that have enough ratings. */
static void
bias_score(const Recommender *rec, const History *history, void *scratch, float *scores)
{
	const BiasState *state = rec->state;
	double		base = state->rule.mean + user_bias(state, history);

	(void) scratch;
	for (int32_t c = 0; c < rec->n_courses; c++)
		scores[c] = history->n > 0 && rec->course_counts[c] >= state->least_ratings ?
			finish_score(base + (double) state->course_bias[c], NAN) : NO_OPINION;
}

/* The sum. */
static double
bias_predict(const Recommender *rec, const History *history, int32_t course, void *scratch)
{
	const BiasState *state = rec->state;

	(void) scratch;
	return state->rule.mean + user_bias(state, history) + (double) state->course_bias[course];
}

/* alpha + b_c for everybody, and the part of b_u that each rating of the user has. */
static int
bias_explain(const Recommender *rec, const History *history, int32_t course, void *scratch,
			 Reason *reasons, int max)
{
	const BiasState *state = rec->state;
	const BaselineRule *rule = &state->rule;
	double		weights = 0;
	int			n = 0;

	(void) scratch;
	if (history->n == 0 || !(rec->course_counts[course] >= state->least_ratings))
		return 0;
	for (int32_t h = 0; h < history->n; h++)
		weights += history_weight(rec, history, h);
	for (int32_t h = 0; h < history->n && weights > 0; h++)
	{
		int32_t		rated = history->courses[h];
		double		part = history_weight(rec, history, h) / (rule->reg_user + weights) *
			(history->ratings[h] - rule->mean - state->course_bias[rated]);

		n = add_reason(reasons, n, max, (Reason) {REASON_COURSE, rated, (float) part});
	}
	return add_reason(reasons, n, max, (Reason) {REASON_POPULARITY, 0,
		(float) (rule->mean + (double) state->course_bias[course])});
}

const Method method_bias = {
	.name = "bias",
	.description = "Ratings as mean, bias of the user and bias of the course.",
	.objective = OBJECTIVE_RATING,
	.params = {"bias", bias_params, N_PARAMS(bias_params), sizeof(BiasParams)},
	.personal = true,
	.state_size = sizeof(BiasState),
	.check = bias_check,
	.estimate = bias_estimate,
	.fit = bias_fit,
	.open = bias_open,
	.score = bias_score,
	.predict = bias_predict,
	.explain = bias_explain,
};
