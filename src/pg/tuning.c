/*
 * tuning.c
 *		tune_method(): which parameters are best, told without the test ratings.
 *
 * The outer fold has the test ratings: those of a table, or a part that is drawn. All
 * combinations are evaluated, by the one metric that decides, on folds of its
 * training part; then the best one is fitted on the whole training part and
 * asked for the test ratings.  The inner folds are drawn with random_state + 1: with the
 * same number they would hold out nothing, because the rows with these hashes
 * are held out already.
 */
#include "postgres.h"

#include <math.h>

#include "pg/args.h"
#include "pg/evaluation_run.h"
#include "pg/grid.h"

#define VALIDATION_PREFIX "validation_"

/* Can a metric choose? */
static bool
can_choose(int metric)
{
	return metric_infos[metric].better != 0;
}

/* The metric that decides; unknown, or one that cannot choose: error that lists those that can. */
static Metric
deciding_metric(const char *name, const Method *method, const Dataset *dataset)
{
	StringInfoData names;
	int			metric;

	if (name == NULL)
		return method->objective == OBJECTIVE_RATING && dataset->rating_column ? METRIC_RMSE :
			METRIC_NDCG;
	metric = metric_find(name, strlen(name));
	if (metric >= 0 && can_choose(metric))
		return (Metric) metric;
	initStringInfo(&names);
	for (int i = 0; i < N_METRICS; i++)
		if (can_choose(i))
			append_name(&names, metric_infos[i].name, strlen(metric_infos[i].name));
	raise_unrecognized("metric", name, names.data);
}

/* Value of a candidate by the deciding metric, larger is better; NAN: none. */
static double
goodness(const Candidate *candidate, Metric metric)
{
	const EvaluationRow *row = candidate->failed ? NULL :
		evaluation_find(&candidate->mean, metric, ALL_FOLDS);

	return row ? row->value * metric_infos[metric].better : NAN;
}

/* One combination in the order of merit. */
typedef struct Place
{
	int			candidate;
	double		goodness;
} Place;

/* The best first, those without a value last; equal ones in the order of the grid. */
static int
compare_places(const void *a, const void *b)
{
	const Place *x = a,
			   *y = b;

	if (isnan(x->goodness) != isnan(y->goodness))
		return isnan(x->goodness) ? 1 : -1;
	if (x->goodness != y->goodness && !isnan(x->goodness))
		return x->goodness > y->goodness ? -1 : 1;
	return x->candidate < y->candidate ? -1 : 1;
}

/* Draws the fold that has the test ratings. */
static void
draw_outer(Run *run, Fold *fold)
{
	Env		   *env = &run->job->env;

	env_check(env, split_fold(env, &run->set, run_held_out(run), &run->spec, 1, fold));
}

/* All combinations on folds of the training part, by the deciding metric. */
static void
validate_all(Run *run, Candidate *candidates, int n)
{
	Env		   *env = &run->job->env;
	SplitSpec	inner = run->spec;
	EvaluateOptions options = run->args->options;
	int			count;

	inner.folds = run->args->split.folds;
	inner.random_state++;
	options.groups = metric_infos[run->metric].group;
	for (int i = 0; i < n; i += count)
	{
		Fold		outer;

		count = run_change_terms(run, candidates + i, n - i);
		draw_outer(run, &outer);
		env_check(env, split_check(env, &outer.train, NULL, &inner));
		run_folds(run, candidates + i, count, &outer.train, NULL, &inner, &options, true);
		fold_free(env, &outer);
	}
}

/* A row for a combination that gave no result: all null. */
static void
keep_failed(Run *run, const Candidate *candidate)
{
	EvaluationRow row = {
		.metric = run->metric, .k = metric_infos[run->metric].at_k ? run->args->options.k : 0,
		.value = NAN, .std = NAN, .baseline = NAN, .fold = ALL_FOLDS
	};
	Evaluation	evaluation = {.rows = &row, .n_rows = 1};

	run_keep(run, candidate, &evaluation, run->metric, VALIDATION_PREFIX);
}

/* Keeps a row for each combination, the best first; returns the best. */
static const Candidate *
keep_validation(Run *run, const Candidate *candidates, int n)
{
	Place	   *places = palloc(sizeof(Place) * n);

	for (int i = 0; i < n; i++)
		places[i] = (Place) {i, goodness(&candidates[i], run->metric)};
	qsort(places, n, sizeof(Place), compare_places);
	if (isnan(places[0].goodness))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("metric \"%s\" has no value for any combination of parameters",
						metric_infos[run->metric].name),
				 errhint("Heed the warnings, hold out more ratings, or tune by another metric.")));
	for (int i = 0; i < n; i++)
	{
		const Candidate *candidate = &candidates[places[i].candidate];

		if (candidate->failed)
			keep_failed(run, candidate);
		else
			run_keep(run, candidate, &candidate->mean, run->metric, VALIDATION_PREFIX);
	}
	return &candidates[places[0].candidate];
}

/* The best combination, fitted on all of the training part, on the test ratings. */
static void
test_best(Run *run, const Candidate *best)
{
	Candidate	refit = make_candidate(best->method, best->params, 1);

	(void) run_change_terms(run, &refit, 1);
	run_folds(run, &refit, 1, &run->set, run_held_out(run), &run->spec, &run->args->options, false);
	run_keep(run, &refit, &refit.mean, -1, "");
}

/* Chooses on the training part, then tests. */
static void
tune(Run *run, Candidate *candidates, int n)
{
	Env		   *env = &run->job->env;

	env_check(env, split_check(env, &run->set, run_held_out(run), &run->spec));
	run->n_fits_all = n * run->args->split.folds + 1;
	validate_all(run, candidates, n);
	test_best(run, keep_validation(run, candidates, n));
}

/* tune_method(). */
void
tune_method_rows(Call *call, const char *method_name, Datum grid_json, const char *dataset,
				 const EvaluateArgs *args)
{
	const Method *method = required_method(method_name);
	Grid		grid = grid_read(method, grid_json, args->samples, (int) args->split.random_state);
	Candidate  *candidates = palloc(sizeof(Candidate) * grid.n);
	Run			run = {.args = args, .dataset = dataset_open(dataset, CurrentMemoryContext)};

	run.metric = deciding_metric(args->metric, method, run.dataset);
	for (int i = 0; i < grid.n; i++)
		candidates[i] = make_candidate(method, grid.params[i], args->split.folds);
	run_prepare(&run);
	run.spec.folds = 1;
	run_candidates(call, &run, candidates, grid.n, tune);
}
