/*
 * evaluate.c
 *		Folds, fits and rows of an evaluation.
 *
 * Each fold, and in it each fit, is a part of the job whose memory is given back
 * as a whole, so that many folds and many parameters take no more than one.
 */
#include "core/evaluate.h"

#include <string.h>

#include "core/diversity.h"
#include "core/evaluate_parts.h"
#include "core/parts.h"

const char *const baseline_names[N_BASELINES] = {
	[BASELINE_GLOBAL_MEAN] = "global_mean",
	[BASELINE_USER_MEAN] = "user_mean",
	[BASELINE_COURSE_MEAN] = "course_mean",
	[BASELINE_BIAS] = "bias",
	[BASELINE_POPULAR] = "popular",
	[BASELINE_MAJORITY] = "majority",
};

/* Lists of ten, any row relevant. */
EvaluateOptions
evaluate_defaults(void)
{
	return (EvaluateOptions) {.k = 10, .relevance = NAN};
}

/* ---------------------------------------------------------------- what to measure */

/* Why the method cannot be asked for ratings of these data; fails. */
static RecsysStatus
refuse_ratings(Env *env, const Method *method, bool predicts)
{
	if (!predicts)
	{
		env_fail(env, RECSYS_BAD_ARGUMENT, "method \"%s\" does not predict ratings", method->name);
		return env_hint(env, "Ask for ranking metrics.");
	}
	env_fail(env, RECSYS_BAD_ARGUMENT, "cannot measure predictions: the dataset has no ratings");
	return env_hint(env, "Ask for ranking metrics, or register the dataset with rating_column.");
}

/* Groups to measure: those asked for, or all that are possible. */
static RecsysStatus
choose_groups(Env *env, const Method *method, const void *params, bool implicit,
			  const EvaluateOptions *options, unsigned *groups)
{
	bool		can_predict;
	bool		predicts;
	bool		cut = !isnan(options->relevance);

	TRY(method_predicts(env, method, params, &can_predict));
	predicts = can_predict && !implicit;
	if (options->groups == 0)
	{
		*groups = METRICS_RANKING | (predicts ? METRICS_RATING : 0u) |
			(predicts && cut ? METRICS_CLASSIFICATION : 0u);
		return RECSYS_OK;
	}
	if ((options->groups & (METRICS_RATING | METRICS_CLASSIFICATION)) && !predicts)
		return refuse_ratings(env, method, can_predict);
	if ((options->groups & METRICS_CLASSIFICATION) && !cut)
	{
		env_fail(env, RECSYS_BAD_ARGUMENT, "classification metrics need relevance");
		return env_hint(env, "Set relevance to the least rating of a positive row.");
	}
	*groups = options->groups;
	return RECSYS_OK;
}

/* Diversity compares courses. */
static RecsysStatus
refuse_diversity(Env *env, const Method *method)
{
	char		names[512];

	method_names(names, sizeof(names), diversity_possible);
	env_fail(env, RECSYS_UNSUPPORTED, "method \"%s\" cannot compare courses for option \"diversity\"",
			 method->name);
	return env_hint(env, "Methods that can are %s.", names);
}

/* Limits first. */
RecsysStatus
evaluate_check(Env *env, const Method *method, const EvaluateOptions *options)
{
	if (options->k < 1 || options->k > EVALUATE_K_MAX)
		return env_fail(env, RECSYS_BAD_ARGUMENT, "k must be between 1 and %d", EVALUATE_K_MAX);
	if (isinf(options->relevance))
		return env_fail(env, RECSYS_BAD_ARGUMENT, "relevance must be finite");
	if (!(options->diversity >= 0 && options->diversity <= 1))
		return env_fail(env, RECSYS_BAD_ARGUMENT, "diversity must be between 0 and 1");
	if (options->diversity > 0 && !diversity_possible(method))
		return refuse_diversity(env, method);
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- rows */

/* Is metric value a better than b, which is no value yet when it is NAN? */
static bool
is_better(Metric metric, double a, double b)
{
	if (isnan(a) || isnan(b))
		return !isnan(a);
	return metric_infos[metric].better < 0 ? a < b : a > b;
}

/* Sets the best of the row's baselines. */
static void
choose_baseline(EvaluationRow *row)
{
	row->baseline = NAN;
	row->baseline_method = NULL;
	for (int b = 0; b < N_BASELINES; b++)
		if (is_better(row->metric, row->baselines[b], row->baseline))
		{
			row->baseline = row->baselines[b];
			row->baseline_method = baseline_names[b];
		}
}

/* The row of one metric of one fold. */
static EvaluationRow
make_row(const Measured *measured, Metric metric, int k, int fold)
{
	EvaluationRow row = {
		.metric = metric,
		.k = metric_infos[metric].at_k ? k : 0,
		.value = measured->values[metric],
		.std = NAN,
		.users = measured->users[metric],
		.ratings = measured->ratings[metric],
		.fold = fold
	};

	for (int b = 0; b < N_BASELINES; b++)
		row.baselines[b] = measured->baselines[b][metric];
	choose_baseline(&row);
	return row;
}

/* The rows of the groups that were measured. */
static RecsysStatus
make_rows(Env *env, const Measured *measured, unsigned groups, int k, int fold,
		  Evaluation *evaluation)
{
	evaluation->n_rows = 0;
	evaluation->rows = env_alloc(env, N_METRICS, sizeof(EvaluationRow));
	if (evaluation->rows == NULL)
		return env->status;
	for (int m = 0; m < N_METRICS; m++)
		if (metric_infos[m].group & groups)
			evaluation->rows[evaluation->n_rows++] = make_row(measured, (Metric) m, k, fold);
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- classes */

/*
 * A method that learns two classes learns those that are asked for.  params: replaced by a copy when
 * that has to be said.
 */
static RecsysStatus
ask_for_classes(Env *env, const Method *method, const EvaluateOptions *options, const void **params)
{
	const ParamDef *def = params_find(&method->params, "relevance", strlen("relevance"));
	double		own;
	char	   *copy;

	if (method->probability == NULL || def == NULL || isnan(options->relevance))
		return RECSYS_OK;
	own = *(const double *) ((const char *) *params + def->offset);
	if (!isnan(own) && (float) own != (float) options->relevance)
	{
		env_fail(env, RECSYS_BAD_ARGUMENT,
				 "relevance %g of the evaluation is not the parameter \"relevance\" %g of method \"%s\"",
				 options->relevance, own, method->name);
		return env_hint(env, "Leave the parameter out: the method then learns what it is evaluated by.");
	}
	copy = env_alloc(env, 1, method->params.size);
	if (copy == NULL)
		return env->status;
	memcpy(copy, *params, method->params.size);
	*(double *) (copy + def->offset) = options->relevance;
	*params = copy;
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- folds */

/* No value anywhere yet. */
static void
begin_measured(Measured *measured)
{
	memset(measured, 0, sizeof(*measured));
	for (int m = 0; m < N_METRICS; m++)
	{
		measured->values[m] = NAN;
		for (int b = 0; b < N_BASELINES; b++)
			measured->baselines[b][m] = NAN;
	}
}

/* Trains on the training part, opens the bytes as a server would, into rec, and measures. */
static RecsysStatus
train_and_measure(Env *env, const Method *method, const void *params, const Measuring *measuring,
				  Recommender *rec, Measured *measured)
{
	void	   *bytes;
	size_t		length;

	TRY(ask_for_classes(env, method, measuring->options, &params));
	TRY(recommender_train(env, method, params, &measuring->fold->train, &bytes, &length));
	TRY(recommender_open_as(env, rec, method, bytes, length));
	if (measuring->groups & (METRICS_RATING | METRICS_CLASSIFICATION))
		TRY(measure_ratings(env, measuring, measured));
	if (measuring->groups & METRICS_RANKING)
		TRY(measure_ranking(env, measuring, measured));
	return RECSYS_OK;
}

/* One fit on one fold, in memory of its own. */
RecsysStatus
evaluate_fold(Env *env, const Method *method, const void *params, const Fold *fold, int number,
			  const EvaluateOptions *options, Evaluation *evaluation)
{
	Recommender rec;
	Measuring	measuring = {.rec = &rec, .fold = fold, .options = options};
	Measured	measured;
	Env			inner;

	memset(evaluation, 0, sizeof(*evaluation));
	TRY(evaluate_check(env, method, options));
	TRY(choose_groups(env, method, params, fold->implicit, options, &measuring.groups));
	begin_measured(&measured);
	env_enter(env, &inner);
	inner.loss = NULL;			/* the training log is for models that are kept */
	TRY(env_leave(env, &inner,
				  train_and_measure(&inner, method, params, &measuring, &rec, &measured)));
	return make_rows(env, &measured, measuring.groups, options->k, number, evaluation);
}

/* Draws one fold and evaluates on it; rows has room for N_METRICS. */
static RecsysStatus
draw_and_evaluate(Env *env, const Method *method, const void *params, const TrainingSet *set,
				  const TrainingSet *test, const SplitSpec *spec, int number,
				  const EvaluateOptions *options, EvaluationRow *rows, int *n_rows)
{
	Fold		fold;
	Evaluation	evaluation;

	TRY(split_fold(env, set, test, spec, number, &fold));
	TRY(evaluate_fold(env, method, params, &fold, number, options, &evaluation));
	memcpy(rows, evaluation.rows, (size_t) evaluation.n_rows * sizeof(EvaluationRow));
	*n_rows = evaluation.n_rows;
	return RECSYS_OK;
}

/* Evaluates all folds, each in memory of its own; folds has room for n times N_METRICS rows. */
static RecsysStatus
evaluate_folds(Env *env, const Method *method, const void *params, const TrainingSet *set,
			   const TrainingSet *test, const SplitSpec *spec, const EvaluateOptions *options,
			   int n, Evaluation *folds)
{
	for (int f = 0; f < n; f++)
	{
		Env			inner;

		env_enter(env, &inner);
		TRY(env_leave(env, &inner,
					  draw_and_evaluate(&inner, method, params, set, test, spec, f + 1, options,
										folds[f].rows, &folds[f].n_rows)));
	}
	return RECSYS_OK;
}

/* Mean of one metric, row number r of every fold. */
static EvaluationRow
mean_row(int n, const Evaluation *folds, int r)
{
	EvaluationRow row = folds[0].rows[r];
	double		values[SPLIT_FOLDS_MAX];
	double		unused;

	row.fold = ALL_FOLDS;
	row.users = row.ratings = 0;
	for (int f = 0; f < n; f++)
	{
		values[f] = folds[f].rows[r].value;
		row.users += folds[f].rows[r].users;
		row.ratings += folds[f].rows[r].ratings;
	}
	metrics_mean(n, values, &row.value, &row.std);
	for (int b = 0; b < N_BASELINES; b++)
	{
		for (int f = 0; f < n; f++)
			values[f] = folds[f].rows[r].baselines[b];
		metrics_mean(n, values, &row.baselines[b], &unused);
	}
	choose_baseline(&row);
	return row;
}

/* Row by row. */
RecsysStatus
evaluate_mean(Env *env, int n, const Evaluation *folds, Evaluation *mean)
{
	memset(mean, 0, sizeof(*mean));
	if (n < 1 || n > SPLIT_FOLDS_MAX)
		return env_fail(env, RECSYS_BAD_ARGUMENT, "folds must be between 1 and %d", SPLIT_FOLDS_MAX);
	mean->rows = env_alloc(env, (size_t) folds[0].n_rows, sizeof(EvaluationRow));
	if (mean->rows == NULL)
		return env->status;
	mean->n_rows = folds[0].n_rows;
	for (int r = 0; r < mean->n_rows; r++)
		mean->rows[r] = mean_row(n, folds, r);
	return RECSYS_OK;
}

/* Puts the rows of several folds before their means. */
static RecsysStatus
join_rows(Env *env, int n, const Evaluation *folds, Evaluation *evaluation)
{
	size_t		n_rows = (size_t) folds[0].n_rows;
	Evaluation	mean;

	TRY(evaluate_mean(env, n, folds, &mean));
	if (n == 1)
	{
		*evaluation = mean;
		return RECSYS_OK;
	}
	evaluation->rows = env_alloc(env, ((size_t) n + 1) * n_rows, sizeof(EvaluationRow));
	if (evaluation->rows == NULL)
	{
		env_free(env, mean.rows);
		return env->status;
	}
	for (int f = 0; f <= n; f++)
		memcpy(evaluation->rows + (size_t) f * n_rows, f < n ? folds[f].rows : mean.rows,
			   n_rows * sizeof(EvaluationRow));
	evaluation->n_rows = (n + 1) * folds[0].n_rows;
	env_free(env, mean.rows);
	return RECSYS_OK;
}

/* All folds, then their means; folds and rows have room for n. */
static RecsysStatus
evaluate_into(Env *env, const Method *method, const void *params, const TrainingSet *set,
			  const TrainingSet *test, const SplitSpec *spec, const EvaluateOptions *options,
			  int n, Evaluation *folds, EvaluationRow *rows, Evaluation *evaluation)
{
	if (folds == NULL || rows == NULL)
		return env->status;
	for (int f = 0; f < n; f++)
		folds[f] = (Evaluation) {rows + f * N_METRICS, 0};
	TRY(evaluate_folds(env, method, params, set, test, spec, options, n, folds));
	return join_rows(env, n, folds, evaluation);
}

/* Checks, evaluates, and frees what the folds took. */
RecsysStatus
evaluate(Env *env, const Method *method, const void *params, const TrainingSet *set,
		 const TrainingSet *test, const SplitSpec *spec, const EvaluateOptions *options,
		 Evaluation *evaluation)
{
	int			n = test != NULL ? 1 : spec->folds;
	Evaluation *folds;
	EvaluationRow *rows;
	RecsysStatus status;

	memset(evaluation, 0, sizeof(*evaluation));
	TRY(split_check(env, set, test, spec));
	folds = env_alloc(env, (size_t) n, sizeof(Evaluation));
	rows = env_alloc(env, (size_t) n * N_METRICS, sizeof(EvaluationRow));
	status = evaluate_into(env, method, params, set, test, spec, options, n, folds, rows, evaluation);
	env_free(env, folds);
	env_free(env, rows);
	return status;
}

/* A linear search: there are few rows. */
const EvaluationRow *
evaluation_find(const Evaluation *evaluation, Metric metric, int fold)
{
	for (int r = 0; r < evaluation->n_rows; r++)
		if (evaluation->rows[r].metric == metric && evaluation->rows[r].fold == fold)
			return &evaluation->rows[r];
	return NULL;
}
