/*
 * nn_fold.c
 *		The user of the moment for networks without a closed form: see nn_fold.h.
 */
#include "core/nn_fold.h"

#include <math.h>
#include <string.h>

#include "core/lbfgs.h"
#include "core/methods/support.h"
#include "core/nn_pairs.h"

#define FOLD_MEMORY 8			/* pairs of steps that the search keeps */
#define FOLD_TOLERANCE 1e-6

/* Values of the section "scale". */
enum
{
	SCALE_OFFSET,				/* rating, or logit, of an output of 0 */
	SCALE_DEVIATION,
	N_SCALE
};

/* Place number i of n_rated courses is in the sample when the sample's number goes up there. */
RecsysStatus
fold_open_sample(Env *env, const Recommender *rec, int32_t most, FoldSample *sample)
{
	int64_t		n_rated = 0;
	int64_t		place = 0;

	*sample = (FoldSample) {0};
	if (((const NnParams *) rec->params)->objective == NN_RATING)
		return RECSYS_OK;
	for (int32_t c = 0; c < rec->n_courses; c++)
		n_rated += rec->course_counts[c] > 0;
	sample->courses = env_alloc(env, (size_t) most, sizeof(int32_t));
	if (sample->courses == NULL)
		return env->status;
	for (int32_t c = 0; c < rec->n_courses && sample->n < most; c++)
	{
		if (rec->course_counts[c] == 0)
			continue;
		if (n_rated <= most || place * most / n_rated == sample->n)
			sample->courses[sample->n++] = c;
		place++;
	}
	return RECSYS_OK;
}

/* The search for one user. */
typedef struct Search
{
	const FoldIn *fold;
	float	   *x;				/* width */
	float	   *gradient;		/* width */
	double		history_weight; /* what the weight of a row by its age is multiplied by */
	double		other_weight;	/* of a course not taken */
	int			n_evaluations;

	/* The courses that are worked on next. */
	int			n;
	int32_t		courses[FOLD_TILE];
	float		targets[FOLD_TILE];
	float		weights[FOLD_TILE];
	double		loss;
} Search;

/* Losses of the tile, and their derivatives by the outputs. */
static void
lose_tile(Search *search, const float *outputs, float *derivatives)
{
	if (((const NnParams *) search->fold->rec->params)->objective == NN_RANKING)
	{
		search->loss += (double) ranking_losses(FOLD_TILE, outputs, search->targets, search->weights,
												derivatives);
		return;
	}
	for (int i = 0; i < FOLD_TILE; i++)
	{
		search->loss += (double) search->weights[i] *
			pair_loss(NN_RATING, outputs[i], search->targets[i], &derivatives[i]);
		derivatives[i] *= search->weights[i];
	}
}

/* Losses and gradients of the tile; places without a course are filled with the first one, at no weight. */
static void
finish_tile(Search *search)
{
	const FoldNetwork *network = &search->fold->network;
	float		outputs[FOLD_TILE];
	float		derivatives[FOLD_TILE];

	if (search->n == 0)
		return;
	for (int i = search->n; i < FOLD_TILE; i++)
	{
		search->courses[i] = search->courses[0];
		search->targets[i] = search->weights[i] = 0;
	}
	network->outputs(network->arg, search->x, search->courses, outputs);
	lose_tile(search, outputs, derivatives);
	network->gradients(network->arg, search->x, search->courses, derivatives, search->gradient);
	search->n = 0;
}

/* Adds a sample. */
static void
add_sample(Search *search, int32_t course, float target, double weight)
{
	search->courses[search->n] = course;
	search->targets[search->n] = target;
	search->weights[search->n] = (float) weight;
	if (++search->n == FOLD_TILE)
		finish_tile(search);
}

/* Courses of the sample that are not in the history: their number; unless `count`, they are samples. */
static int32_t
visit_others(Search *search, bool count)
{
	const FoldSample *sample = search->fold->sample;
	const History *history = search->fold->history;
	int32_t		h = 0;
	int32_t		n = 0;

	for (int32_t s = 0; s < sample->n; s++)
	{
		while (h < history->n && history->courses[h] < sample->courses[s])
			h++;
		if (h < history->n && history->courses[h] == sample->courses[s])
			continue;
		n++;
		if (!count)
			add_sample(search, sample->courses[s], 0, search->other_weight);
	}
	return n;
}

/* What the output of a row of the history shall be. */
static float
target_of(const FoldIn *fold, float rating)
{
	if (((const NnParams *) fold->rec->params)->objective == NN_RATING)
		return (float) (((double) rating - fold->mean) / fold->deviation);
	return rating > 0 ? 1 : 0;
}

/* The objective and its gradient; fails when there were evaluations enough. */
static RecsysStatus
evaluate_user(Env *env, void *arg, const double *x, double *value, double *gradient)
{
	Search	   *search = arg;
	const FoldIn *fold = search->fold;
	const FoldNetwork *network = &fold->network;
	double		decay = nn_weight_decay(fold->rec->params);

	(void) env;
	if (search->n_evaluations++ == FOLD_EVALUATIONS)
		return RECSYS_NOT_CONVERGED;
	for (int f = 0; f < network->width; f++)
		search->x[f] = (float) x[f];
	memset(search->gradient, 0, (size_t) network->width * sizeof(float));
	search->loss = 0;
	if (network->begin != NULL)
		network->begin(network->arg, search->x);
	for (int32_t h = 0; h < fold->history->n; h++)
		add_sample(search, fold->history->courses[h], target_of(fold, fold->history->ratings[h]),
				   search->history_weight * (double) history_weight(fold->rec, fold->history, h));
	(void) visit_others(search, false);
	finish_tile(search);
	if (network->end != NULL)
		network->end(network->arg, search->gradient);
	*value = search->loss;
	for (int f = 0; f < network->width; f++)
	{
		*value += decay * x[f] * x[f];
		gradient[f] = (double) search->gradient[f] + 2 * decay * x[f];
	}
	return RECSYS_OK;
}

/* The point, its copy and gradient in floats, and what the search takes. */
size_t
fold_bytes(int width)
{
	return (size_t) lbfgs_bytes(width, FOLD_MEMORY) + 2 * (size_t) width * sizeof(double);
}

/* Shares of the weight: `negatives` parts for the others, one for the history. */
static bool
share_weights(Search *search)
{
	const FoldIn *fold = search->fold;
	double		per = 1 + pairs_negatives(fold->rec->params);
	int32_t		n_others = visit_others(search, true);
	double		weight = 0;

	for (int32_t h = 0; h < fold->history->n; h++)
		weight += (double) history_weight(fold->rec, fold->history, h);
	search->history_weight = 1 / weight / per;
	search->other_weight = n_others > 0 ? (per - 1) / per / n_others : 0;
	return weight > 0;
}

/* See the header. */
bool
fold_user(const FoldIn *fold, const float *mean_user, void *work, float *x)
{
	int			width = fold->network.width;
	double	   *at = work;
	Search		search = {.fold = fold, .x = (float *) (at + width)};
	LbfgsProblem problem = {.n = width, .memory = FOLD_MEMORY, .iterations = FOLD_EVALUATIONS,
	.tolerance = FOLD_TOLERANCE, .evaluate = evaluate_user, .arg = &search};
	Env			none = {0};
	double		value;

	search.gradient = search.x + width;
	if (!share_weights(&search))
		return false;
	for (int f = 0; f < width; f++)
		at[f] = (double) mean_user[f];
	/* Ended early, it leaves the best point so far. */
	(void) lbfgs_minimize_in(&none, &problem, at + 2 * width, at, &value);
	for (int f = 0; f < width; f++)
		x[f] = (float) at[f];
	return true;
}

/* Ranking says nothing of courses that nobody rated. */
double
fold_least_ratings(const Recommender *rec)
{
	const NnParams *params = rec->params;

	if (params->objective == NN_RATING)
		return least_ratings(rec, params->min_ratings);
	return isnan(params->min_ratings) ? 1 : fmax(1, params->min_ratings);
}

/* Both numbers of the section. */
RecsysStatus
fold_get_scale(Env *env, const Recommender *rec, double *offset, double *deviation)
{
	int64_t		n = N_SCALE;
	int64_t		one = 1;
	const void *data;
	const double *scale;

	TRY(model_get(env, &rec->model, "scale", SECTION_DOUBLE, &n, &one, &data));
	scale = data;
	if (!isfinite(scale[SCALE_OFFSET]) || !isfinite(scale[SCALE_DEVIATION]) ||
		!(scale[SCALE_DEVIATION] > 0))
		return model_damaged(env, "The scale of the output is impossible.");
	*offset = scale[SCALE_OFFSET];
	*deviation = scale[SCALE_DEVIATION];
	return RECSYS_OK;
}

/* Both numbers of the section. */
RecsysStatus
fold_put_scale(Env *env, ModelWriter *writer, double offset, double deviation)
{
	double	   *scale = env_alloc(env, N_SCALE, sizeof(double));

	if (scale == NULL)
		return env->status;
	scale[SCALE_OFFSET] = offset;
	scale[SCALE_DEVIATION] = deviation;
	return model_put(env, writer, "scale", SECTION_DOUBLE, N_SCALE, 1, scale);
}
