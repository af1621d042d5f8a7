/*
 * nn_fold.c
 *		The user of the moment for networks without a closed form: see nn_fold.h.
 */
#include "core/nn_fold.h"

#include <math.h>
#include <string.h>

#include "core/adam.h"
#include "core/methods/support.h"
#include "core/nn_pairs.h"

/* Values of the section "scale". */
enum
{
	SCALE_OFFSET,				/* rating, or logit, of an output of 0 */
	SCALE_DEVIATION,
	N_SCALE
};

/* Place number i of n_rated courses is in the sample when the sample's number goes up there. */
RecsysStatus
fold_open_sample(Env *env, const Recommender *rec, FoldSample *sample)
{
	int64_t		n_rated = 0;
	int64_t		place = 0;

	*sample = (FoldSample) {0};
	if (((const NnParams *) rec->params)->objective == NN_RATING)
		return RECSYS_OK;
	for (int32_t c = 0; c < rec->n_courses; c++)
		n_rated += rec->course_counts[c] > 0;
	sample->courses = env_alloc(env, FOLD_COURSES, sizeof(int32_t));
	if (sample->courses == NULL)
		return env->status;
	for (int32_t c = 0; c < rec->n_courses && sample->n < FOLD_COURSES; c++)
	{
		if (rec->course_counts[c] == 0)
			continue;
		if (n_rated <= FOLD_COURSES || place * FOLD_COURSES / n_rated == sample->n)
			sample->courses[sample->n++] = c;
		place++;
	}
	return RECSYS_OK;
}

/* Courses of the sample that are not in the history; with g, their gradients are added. */
static int32_t
visit_others(const Fold *fold, const float *x, double weight, float *g)
{
	const History *history = fold->history;
	int32_t		h = 0;
	int32_t		n = 0;

	for (int32_t s = 0; s < fold->sample->n; s++)
	{
		int32_t		course = fold->sample->courses[s];

		while (h < history->n && history->courses[h] < course)
			h++;
		if (h < history->n && history->courses[h] == course)
			continue;
		n++;
		if (g != NULL)
			fold->add(fold->arg, x, course, 0, weight, g);
	}
	return n;
}

/* Gradient of the mean over the samples of the history and those that go with them. */
static void
user_gradient(void *arg, const float *x, float *g)
{
	const Fold *fold = arg;
	const NnParams *params = fold->rec->params;
	const History *history = fold->history;
	double		per = 1 + pairs_negatives(params);
	int32_t		n_others = visit_others(fold, x, 0, NULL);

	for (int f = 0; f < fold->width; f++)
		g[f] = 2 * (float) nn_weight_decay(params) * x[f];
	for (int32_t h = 0; h < history->n; h++)
		fold->add(fold->arg, x, history->courses[h], history->ratings[h] > 0 ? 1 : 0,
				  (double) history_weight(fold->rec, history, h) / fold->weight / per, g);
	if (n_others > 0)
		(void) visit_others(fold, x, (per - 1) / per / n_others, g);
}

/* See the header. */
bool
fold_user(Fold *fold, const float *mean_user, float *x, float *work)
{
	fold->weight = 0;
	for (int32_t h = 0; h < fold->history->n; h++)
		fold->weight += (double) history_weight(fold->rec, fold->history, h);
	if (!(fold->weight > 0))
		return false;
	memcpy(x, mean_user, (size_t) fold->width * sizeof(float));
	fold_steps(fold->width, x, fold->rate, user_gradient, fold, work);
	return true;
}

/* Moments start at 0. */
void
fold_steps(int n, float *x, double first_rate, FoldGradient gradient, void *arg, float *work)
{
	float	   *moments = work + n;
	double		power1 = 1;
	double		power2 = 1;

	memset(moments, 0, 2 * (size_t) n * sizeof(float));
	for (int step = 0; step < NN_FOLD_STEPS; step++)
	{
		double		rate = first_rate * (1 - (double) step / NN_FOLD_STEPS);

		power1 *= (double) ADAM_BETA1;
		power2 *= (double) ADAM_BETA2;
		gradient(arg, x, work);
		adam_step(x, moments, work, n, (float) (rate * sqrt(1 - power2) / (1 - power1)));
	}
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

/* A number that is not finite is damage. */
RecsysStatus
fold_get_floats(Env *env, const Recommender *rec, const char *name, int64_t n_rows, int64_t n_cols,
				const float **values)
{
	const void *data;

	TRY(model_get(env, &rec->model, name, SECTION_FLOAT, &n_rows, &n_cols, &data));
	*values = data;
	return check_finite(env, data, n_rows * n_cols, "A number of the network is not finite.");
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
