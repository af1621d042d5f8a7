/*
 * evaluation_store.c
 *		Evaluations in recsys_evaluation.
 *
 * The rows of one answer are one value, a JSON array, so that a stored evaluation
 * is a row with an owner and the definition of the dataset that it read.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "pg/evaluation.h"
#include "pg/registry.h"

/* Appends "name": number with all its digits, or null. */
static void
append_number(StringInfo json, const char *name, double value)
{
	char		text[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(value, text);
	appendStringInfo(json, ", \"%s\": %s", name, isfinite(value) ? text : "null");
}

/* Appends "name": whole number, or null where there is none. */
static void
append_count(StringInfo json, const char *name, int64 value, bool exists)
{
	if (exists)
		appendStringInfo(json, ", \"%s\": " INT64_FORMAT, name, value);
	else
		appendStringInfo(json, ", \"%s\": null", name);
}

/* Appends one row as an object; the names are the columns of the view. */
static void
append_row(StringInfo json, const ResultRow *row)
{
	const EvaluationRow *v = &row->value;
	Jsonb	   *params = DatumGetJsonbP(row->params);

	appendStringInfo(json, "{\"method\": \"%s\", \"params\": %s, \"metric\": \"%s\"", row->method->name,
					 JsonbToCString(NULL, &params->root, VARSIZE(params)), row->metric);
	append_count(json, "k", v->k, v->k > 0);
	append_number(json, "value", v->value);
	append_number(json, "std", v->std);
	append_number(json, "baseline", v->baseline);
	appendStringInfoString(json, ", \"baseline_method\": ");
	if (v->baseline_method)
		escape_json(json, v->baseline_method);
	else
		appendStringInfoString(json, "null");
	append_count(json, "users", v->users, true);
	append_count(json, "ratings", v->ratings, true);
	append_count(json, "fold", v->fold, v->fold != ALL_FOLDS);
	appendStringInfoChar(json, '}');
}

/* All rows as a JSON array. */
static char *
rows_json(const ResultRow *rows, int n)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			appendStringInfoString(&json, ", ");
		append_row(&json, &rows[i]);
	}
	appendStringInfoChar(&json, ']');
	return json.data;
}

/* A text, or null. */
static Datum
optional_text(const char *text, char *null)
{
	*null = text ? ' ' : 'n';
	return text ? CStringGetTextDatum(text) : (Datum) 0;
}

/* Writes the row. */
void
evaluation_store(const StoredEvaluation *e)
{
	Oid			types[] = {
		TEXTOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, FLOAT8OID, INT4OID, FLOAT8OID,
		INT4OID, JSONBOID, FLOAT8OID, TEXTOID
	};
	char		nulls[lengthof(types) + 1] = "             ";
	Datum		values[] = {
		CStringGetTextDatum(GetUserNameFromId(GetUserId(), false)),
		TimestampTzGetDatum(GetCurrentTimestamp()), CStringGetTextDatum(e->command),
		CStringGetTextDatum(e->dataset), optional_text(e->test, &nulls[4]),
		optional_text(e->strategy, &nulls[5]), Float8GetDatum(e->split->test_size),
		Int32GetDatum(e->split->folds), Float8GetDatum(e->relevance),
		Int32GetDatum((int32) e->split->random_state), e->options, Float8GetDatum(e->seconds),
		CStringGetTextDatum(rows_json(e->rows, e->n_rows))
	};

	if (isnan(e->relevance))
		nulls[8] = 'n';
	registry_execute(REGISTRY_WRITE_EVALUATIONS,
					 "INSERT INTO %1$s.recsys_evaluation (owner, evaluated_at, command, dataset, source,"
					 " test, strategy, test_size, folds, relevance, random_state, options, seconds, results)"
					 " VALUES ($1, $2, $3, $4, (SELECT pg_catalog.to_jsonb(d) FROM %1$s.recsys_dataset AS d"
					 " WHERE d.name OPERATOR(pg_catalog.=) $4), $5, $6, $7, $8, $9, $10,"
					 " $11 OPERATOR(pg_catalog.-) 'store'::pg_catalog.text, $12, $13::pg_catalog.jsonb)",
					 lengthof(types), types, values, nulls);
}

/* Raises unless the evaluation exists and is the caller's. */
static void
require_owner(const pg_uuid_t *evaluation)
{
	Oid			types[] = {UUIDOID};
	Datum		values[] = {UUIDPGetDatum(evaluation)};
	const char *id = DatumGetCString(DirectFunctionCall1(uuid_out, values[0]));

	registry_execute(REGISTRY_READ,
					 "SELECT e.owner FROM %s.recsys_evaluation AS e"
					 " WHERE e.evaluation OPERATOR(pg_catalog.=) $1", 1, types, values, NULL);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("evaluation \"%s\" does not exist", id),
				 errhint("The view recsys_evaluations lists those that there are.")));
	if (!registry_is_owner(registry_text(0, 1)))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of evaluation \"%s\"", id),
				 hint_owner(registry_text(0, 1))));
}

/* drop_evaluation(). */
void
evaluation_drop(const pg_uuid_t *evaluation)
{
	Oid			types[] = {UUIDOID};
	Datum		values[] = {UUIDPGetDatum(evaluation)};

	PreventCommandIfReadOnly("drop_evaluation()");
	registry_will_write(registry()->evaluation_rel);
	SPI_connect();
	require_owner(evaluation);
	registry_execute(REGISTRY_WRITE_EVALUATIONS,
					 "DELETE FROM %s.recsys_evaluation AS e"
					 " WHERE e.evaluation OPERATOR(pg_catalog.=) $1", 1, types, values, NULL);
	SPI_finish();
}
