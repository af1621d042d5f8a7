/*
 * evaluation_run.c
 *		One run over folds: what evaluating, comparing and tuning share.
 *
 * Candidates, a method with parameters each, are evaluated on the same folds: the
 * data are read once, as training reads them (as the caller, under one snapshot,
 * within the memory of a job), then each fold is drawn once and every candidate is
 * fitted and asked on it.  Words depend on parameters; candidates that want other
 * words than the one before get them read anew, and the folds drawn anew, which
 * gives the same folds.
 *
 * Nothing is written unless the option "store" says so, so a hot standby can evaluate.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "pg/args.h"
#include "pg/evaluation_run.h"
#include "pg/load_terms.h"
#include "pg/registry.h"

/* ------------------------------------------------------------ arguments */

/* Raises 22023 `unrecognized what: "name"` with a hint. */
void
raise_unrecognized(const char *what, const char *name, const char *valid)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized %s: \"%s\"", what, name),
			 errhint("Valid values are %s.", valid)));
}

/* Appends a quoted name to a list. */
void
append_name(StringInfo list, const char *name, int length)
{
	appendStringInfo(list, "%s\"%.*s\"", list->len > 0 ? ", " : "", length, name);
}

/* The strategy of that name; unknown: error that lists the valid ones. */
static SplitStrategy
find_strategy(const char *name)
{
	StringInfoData names;
	const char *choice;
	int			length;

	initStringInfo(&names);
	for (int i = 0; (choice = choice_name(SPLIT_STRATEGIES, i, &length)) != NULL; i++)
	{
		if ((int) strlen(name) == length && memcmp(name, choice, length) == 0)
			return (SplitStrategy) i;
		append_name(&names, choice, length);
	}
	raise_unrecognized("strategy", name, names.data);
}

/* Name of a strategy. */
static const char *
strategy_name(SplitStrategy strategy)
{
	int			length;
	const char *name = choice_name(SPLIT_STRATEGIES, strategy, &length);

	return pnstrdup(name, length);
}

/* The split that was asked for, or by time where there are times. */
static SplitSpec
choose_split(const EvaluateArgs *args, const Dataset *dataset)
{
	SplitSpec	spec = args->split;

	spec.strategy = args->strategy ? find_strategy(args->strategy) :
		dataset->time_column ? SPLIT_TIME : SPLIT_RANDOM;
	return spec;
}

/* The relation of held-out ratings, readable by the caller; NULL when none was given. */
static const Dataset *
open_test(const EvaluateArgs *args, const Dataset *dataset)
{
	Dataset    *test;

	if (!OidIsValid(args->test))
		return NULL;
	test = dataset_with_ratings(dataset, args->test);
	if (args->store && get_rel_persistence(args->test) == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("an evaluation on temporary relation \"%s\" cannot be stored",
						get_rel_name(args->test)),
				 errhint("Who may read it later depends on the relation; use a permanent one.")));
	dataset_check_select(test);
	return test;
}

/* ------------------------------------------------------------ loading */

/* Are two texts the same but for digits? */
static bool
same_but_digits(const char *a, const char *b)
{
	const char *digits = "0123456789.";

	while (*a != '\0' && *b != '\0')
	{
		a += strspn(a, digits);
		b += strspn(b, digits);
		if (*a != *b)
			return false;
		if (*a != '\0')
		{
			a++;
			b++;
		}
	}
	return *a == *b;
}

/* Shows a warning of the core once, not for every fit. */
static void
warn_once(MessageLevel level, const char *text, void *ctx)
{
	Run		   *run = ((Job *) ctx)->owner;
	MemoryContext old;
	ListCell   *cell;

	if (level != MESSAGE_WARNING)
		return;
	foreach(cell, run->warned)
		if (same_but_digits(lfirst(cell), text))
			return;
	old = MemoryContextSwitchTo(run->job->context);
	run->warned = lappend(run->warned, pstrdup(text));
	MemoryContextSwitchTo(old);
	ereport(WARNING, (errmsg("%s", text)));
}

/* Shows the objective of the fit that runs; thousands of fits are not logged. */
static void
show_loss(int iteration, const char *term, double value, void *ctx)
{
	progress_loss(((Job *) ctx)->progress, value);
}

/* Begins the job and its progress. */
static void
begin_run(Run *run)
{
	strlcpy(run->label, run->args->command, sizeof(run->label));
	progress_start(&run->progress, registry()->dataset_rel, run->label, "", PHASE_LOADING);
	run->job = job_create(run->args->command);
	run->job->progress = &run->progress;
	run->job->owner = run;
	run->job->env.message = warn_once;
	run->job->env.loss = show_loss;
}

/*
 * Reads ratings, genres (for the diversity of lists) and all else that a candidate
 * needs but words; the snapshot stays for the words.
 */
static void
load(Run *run, const Candidate *candidates, int n)
{
	LoadRequest request = {.needs = NEEDS_GENRES};
	LoadRequest nothing = {.needs = 0};

	for (int i = 0; i < n; i++)
		request.needs |= candidates[i].request.needs & ~NEEDS_TERMS;
	lock_sources(run->dataset);
	if (run->test_source)
		lock_sources(run->test_source);
	PushActiveSnapshot(GetTransactionSnapshot());
	load_training_set(run->job, run->dataset, &request, &run->set);
	if (run->test_source)
		load_training_set(run->job, run->test_source, &nothing, &run->test_set);
}

/* Held-out ratings as the core takes them. */
const TrainingSet *
run_held_out(const Run *run)
{
	return run->test_source ? &run->test_set : NULL;
}

/* Do two candidates want the same words? */
static bool
same_terms(const LoadRequest *a, const LoadRequest *b)
{
	return a->ngram_low == b->ngram_low && a->ngram_high == b->ngram_high &&
		(a->text_search_config == b->text_search_config ||
		 (a->text_search_config && b->text_search_config &&
		  strcmp(a->text_search_config, b->text_search_config) == 0));
}

/*
 * Has the set the words that the candidate wants?  Words also tell how diverse lists
 * are, so one that wants none is evaluated without, whoever came before.
 */
static bool
has_terms(const Run *run, const Candidate *candidate)
{
	if (!(candidate->request.needs & NEEDS_TERMS))
		return run->terms == NULL;
	return run->terms && same_terms(run->terms, &candidate->request);
}

/* Forgets the words of the set. */
static void
drop_terms(Run *run)
{
	if (run->terms == NULL)
		return;
	csr_free(&run->job->env, &run->set.terms);
	strings_free(&run->job->env, &run->set.words);
	run->terms = NULL;
}

/* Gives the set the words that the first candidate wants; returns how many want the same. */
int
run_change_terms(Run *run, const Candidate *candidates, int n)
{
	int			count = 1;

	if (!has_terms(run, &candidates[0]))
	{
		drop_terms(run);
		if (candidates[0].request.needs & NEEDS_TERMS)
		{
			load_terms(run->job, run->dataset, &candidates[0].request, &run->set);
			run->terms = &candidates[0].request;
		}
	}
	while (count < n && has_terms(run, &candidates[count]))
		count++;
	return count;
}

/* ------------------------------------------------------------ evaluating */

/* Says which fit begins. */
static void
show_fit(Run *run, const Candidate *candidate)
{
	run->n_fits++;
	if (run->n_fits_all > 1)
		snprintf(run->label, sizeof(run->label), "%s %d/%d", run->args->command, run->n_fits,
				 run->n_fits_all);
	progress_name(&run->progress, run->label, candidate->method->name);
}

/* Warns of parameters with which a method finds no result; the others go on. */
static void
warn_failed(const Candidate *candidate, const Env *env)
{
	Jsonb	   *params = DatumGetJsonbP(params_to_jsonb(candidate->method, candidate->params));

	ereport(WARNING,
			(errmsg("method \"%s\" gives no result with some parameters: %s", candidate->method->name,
					env->error),
			 errdetail("The parameters are %s.",
					   JsonbToCString(NULL, &params->root, VARSIZE(params))),
			 env->hint[0] ? errhint("%s", env->hint) : 0));
}

/* One candidate on one fold. */
static void
evaluate_candidate(Run *run, Candidate *candidate, const Fold *fold, int number,
				   const EvaluateOptions *options, bool may_fail)
{
	Env		   *env = &run->job->env;
	RecsysStatus status;

	show_fit(run, candidate);
	if (candidate->failed)
		return;
	status = evaluate_fold(env, candidate->method, candidate->params, fold, number, options,
						   &candidate->folds[number - 1]);
	candidate->failed = may_fail && (status == RECSYS_NOT_CONVERGED || status == RECSYS_SINGULAR);
	if (candidate->failed)
		warn_failed(candidate, env);
	else
		env_check(env, status);
}

/* Candidates on every fold of a set. */
void
run_folds(Run *run, Candidate *candidates, int n, const TrainingSet *set, const TrainingSet *test,
		  const SplitSpec *spec, const EvaluateOptions *options, bool may_fail)
{
	Env		   *env = &run->job->env;

	for (int f = 1; f <= spec->folds; f++)
	{
		Fold		fold;

		env_progress(env, PHASE_PREPARING, 0, 0);
		env_check(env, split_fold(env, set, test, spec, f, &fold));
		for (int i = 0; i < n; i++)
			evaluate_candidate(run, &candidates[i], &fold, f, options, may_fail);
		fold_free(env, &fold);
	}
	for (int i = 0; i < n; i++)
		if (!candidates[i].failed)
			env_check(env, evaluate_mean(env, spec->folds, candidates[i].folds, &candidates[i].mean));
}

/* A candidate, with room for the rows of its folds. */
Candidate
make_candidate(const Method *method, const void *params, int n_folds)
{
	return (Candidate) {
		.method = method,
		.params = params,
		.request = load_request(method, params),
		.folds = palloc0(sizeof(Evaluation) * n_folds)
	};
}

/* ------------------------------------------------------------ answering */

/* Keeps the rows of one evaluation for the answer; prefix: before the names of metrics. */
void
run_keep(Run *run, const Candidate *candidate, const Evaluation *evaluation, int metric,
		  const char *prefix)
{
	Datum		params = params_to_jsonb(candidate->method, candidate->params);

	for (int i = 0; i < evaluation->n_rows; i++)
	{
		const EvaluationRow *row = &evaluation->rows[i];

		if (metric >= 0 && (int) row->metric != metric)
			continue;
		if (run->n_rows == run->room)
		{
			run->room = Max(64, run->room * 2);
			run->rows = run->rows ? repalloc(run->rows, sizeof(ResultRow) * run->room) :
				palloc(sizeof(ResultRow) * run->room);
		}
		run->rows[run->n_rows++] = (ResultRow) {
			.method = candidate->method,
			.params = params,
			.metric = psprintf("%s%s", prefix, metric_infos[row->metric].name),
			.value = *row
		};
	}
}

/* Adds the rows to the result of the call. */
static void
emit_rows(Call *call, const Run *run)
{
	for (int i = 0; i < run->n_rows; i++)
	{
		const ResultRow *row = &run->rows[i];
		const EvaluationRow *v = &row->value;
		bool		nulls[] = {
			false, false, false, v->k == 0, isnan(v->value), isnan(v->std), isnan(v->baseline),
			v->baseline_method == NULL, false, false, v->fold == ALL_FOLDS
		};
		Datum		values[] = {
			CStringGetTextDatum(row->method->name), row->params, CStringGetTextDatum(row->metric),
			Int32GetDatum(v->k), Float8GetDatum(v->value), Float8GetDatum(v->std),
			Float8GetDatum(v->baseline),
			v->baseline_method ? CStringGetTextDatum(v->baseline_method) : (Datum) 0,
			Int64GetDatum(v->users), Int64GetDatum(v->ratings), Int32GetDatum(v->fold)
		};

		call_row(call, values, nulls);
	}
}

/* Writes the rows to recsys_evaluation. */
static void
store_rows(const Run *run, bool is_drawn)
{
	StoredEvaluation stored = {
		.command = run->args->command,
		.dataset = run->dataset->name,
		.test = run->test_source ? run->test_source->ratings : NULL,
		.strategy = is_drawn ? strategy_name(run->spec.strategy) : NULL,
		.split = &run->spec,
		.relevance = run->args->options.relevance,
		.options = run->args->given_options,
		.seconds = job_seconds(run->job),
		.rows = run->rows,
		.n_rows = run->n_rows
	};

	evaluation_store(&stored);
}

/* What all four functions do before the data are read. */
void
run_prepare(Run *run)
{
	if (run->args->store)
	{
		PreventCommandIfReadOnly(psprintf("%s() with the option \"store\"", run->args->command));
		registry_will_write(registry()->evaluation_rel);
	}
	dataset_check_select(run->dataset);
	run->spec = choose_split(run->args, run->dataset);
	run->test_source = open_test(run->args, run->dataset);
}

/* Loads, evaluates, answers. */
void
run_candidates(Call *call, Run *run, Candidate *candidates, int n,
			   void (*evaluate) (Run *run, Candidate *candidates, int n))
{
	begin_run(run);
	for (int i = 0; i < n; i++)
		env_check(&run->job->env, evaluate_check(&run->job->env, candidates[i].method,
												 &run->args->options));
	SPI_connect();
	load(run, candidates, n);
	evaluate(run, candidates, n);
	PopActiveSnapshot();
	emit_rows(call, run);
	if (run->args->store)
		store_rows(run, run->test_source == NULL || run->args->strategy != NULL);
	SPI_finish();
	job_end(run->job);
	progress_end();
}

