/*
 * evaluation.c
 *		evaluate_method(), evaluate_model(), compare_methods().
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "pg/args.h"
#include "pg/evaluation_run.h"
#include "pg/serving.h"

/* Held-out ratings that are given need not be drawn. */
static void
check_one_split(const EvaluateArgs *args)
{
	if (OidIsValid(args->test) && (args->strategy != NULL || args->split.folds > 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" cannot be given together with \"%s\"",
						args->strategy ? "strategy" : "folds", "test"),
				 errhint("The table is the only test set; leave \"strategy\" and \"folds\" out, or \"test\" to draw one.")));
}

/* All candidates on every fold of the data. */
static void
evaluate_all(Run *run, Candidate *candidates, int n)
{
	int			count;

	env_check(&run->job->env, split_check(&run->job->env, &run->set, run_held_out(run), &run->spec));
	run->n_fits_all = n * run->spec.folds;
	for (int i = 0; i < n; i += count)
	{
		count = run_change_terms(run, candidates + i, n - i);
		run_folds(run, candidates + i, count, &run->set, run_held_out(run), &run->spec,
				  &run->args->options, false);
	}
}

/* All rows of a candidate: of each fold where there are several, then over all. */
static void
keep_candidate(Run *run, const Candidate *candidate, int n_folds)
{
	for (int f = 0; n_folds > 1 && f < n_folds; f++)
		run_keep(run, candidate, &candidate->folds[f], -1, "");
	run_keep(run, candidate, &candidate->mean, -1, "");
}

/* Evaluates all candidates and keeps all rows. */
static void
evaluate_and_keep(Run *run, Candidate *candidates, int n)
{
	evaluate_all(run, candidates, n);
	for (int i = 0; i < n; i++)
		keep_candidate(run, &candidates[i], run->spec.folds);
}

/* One method with parameters on a dataset. */
static void
evaluate_one(Call *call, const Method *method, const void *params, const Dataset *dataset,
			 const EvaluateArgs *args)
{
	Run			run = {.args = args, .dataset = dataset};
	Candidate	candidate = make_candidate(method, params, args->split.folds);

	check_one_split(args);
	run_prepare(&run);
	run_candidates(call, &run, &candidate, 1, evaluate_and_keep);
}

/* evaluate_method(). */
void
evaluate_method_rows(Call *call, const char *method_name, Datum params, const char *dataset,
					 const EvaluateArgs *args)
{
	const Method *method = required_method(method_name);

	evaluate_one(call, method, parse_params(method, params),
				 dataset_open(dataset, CurrentMemoryContext), args);
}

/* evaluate_model(). */
void
evaluate_model_rows(Call *call, const char *model, const EvaluateArgs *args)
{
	Serving		serving = serving_open(model);

	evaluate_one(call, serving.rec->method, serving.rec->params, serving.dataset, args);
}

/* The methods by name: some, and each once. */
static const Method **
find_methods(char **names, int n)
{
	const Method **methods = palloc(sizeof(Method *) * Max(n, 1));

	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" is empty", "methods"),
				 errhint("Name the methods to compare; recsys_methods() lists them.")));
	for (int i = 0; i < n; i++)
	{
		methods[i] = required_method(names[i]);
		for (int j = 0; j < i; j++)
			if (methods[j] == methods[i])
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("method \"%s\" is given more than once", names[i]),
						 errhint("To compare parameters of one method, use tune_method().")));
	}
	return methods;
}

/* Raises for parameters of a method that is not among the compared ones. */
static void
check_params_keys(Jsonb *params, const Method **methods, int n)
{
	JsonbIterator *iterator = JsonbIteratorInit(&params->root);
	JsonbIteratorToken token;
	JsonbValue	key;

	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		bool		known = token != WJB_KEY;

		for (int i = 0; i < n && !known; i++)
			known = key.val.string.len == (int) strlen(methods[i]->name) &&
				memcmp(key.val.string.val, methods[i]->name, key.val.string.len) == 0;
		if (!known)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"%s\" has parameters of \"%.*s\", which is not among the methods",
							"params", key.val.string.len, key.val.string.val),
					 errhint("Write an object for each method, like '{\"%s\": {\"random_state\": 1}}'.",
							 methods[0]->name)));
	}
}

/* The parameters of one of the compared methods. */
static const void *
compared_params(const Method *method, Jsonb *params)
{
	JsonbValue	name = {.type = jbvString};
	JsonbValue *own;

	name.val.string.val = unconstify(char *, method->name);
	name.val.string.len = strlen(method->name);
	own = findJsonbValueFromContainer(&params->root, JB_FOBJECT, &name);
	if (own == NULL)
		return parse_params(method, DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
	if (own->type != jbvBinary || !JsonContainerIsObject(own->val.binary.data))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the parameters of method \"%s\" must be a JSON object", method->name),
				 errhint("Write them like '{\"%s\": {\"random_state\": 1}}'.", method->name)));
	return parse_params(method, JsonbPGetDatum(JsonbValueToJsonb(own)));
}

/* compare_methods(). */
void
compare_methods_rows(Call *call, char **names, int n, Datum params_json, const char *dataset,
					 const EvaluateArgs *args)
{
	Run			run = {.args = args};
	Jsonb	   *params = required_object(params_json, "params");
	const Method **methods = find_methods(names, n);
	Candidate  *candidates = palloc(sizeof(Candidate) * n);

	check_params_keys(params, methods, n);
	for (int i = 0; i < n; i++)
		candidates[i] = make_candidate(methods[i], compared_params(methods[i], params),
									   args->split.folds);
	check_one_split(args);
	run.dataset = dataset_open(dataset, CurrentMemoryContext);
	run_prepare(&run);
	run_candidates(call, &run, candidates, n, evaluate_and_keep);
}
