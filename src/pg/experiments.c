/*
 * experiments.c
 *		Reports of experiments from the caller's tables.
 *
 * One generated statement, run as the caller, counts the users of each variant
 * and those with an outcome; the mathematics is in core/experiment.c.  Users,
 * variants and experiments are compared as text, byte by byte.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/experiment.h"
#include "pg/dataset.h"
#include "pg/experiments.h"
#include "pg/query.h"

/* One variant. */
typedef struct VariantCount
{
	char	   *name;
	Trial		trial;
} VariantCount;

/* What the statement returns, collected. */
typedef struct Counts
{
	const char *relation;
	const ReportArgs *args;
	MemoryContext context;
	VariantCount *variants;		/* in the order of their names */
	int			n;
	int			room;
	int64		repeated;		/* users with more than one variant */
} Counts;

/* Type of a column of the exposures, domains looked through; missing: error. */
static Oid
column_type(const char *relation, Oid relid, const char *column, const char *argument)
{
	AttrNumber	attnum = get_attnum(relid, column);

	if (attnum <= InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation %s does not exist", column, relation),
				 errhint("Name the column in %s.", argument)));
	return getBaseType(get_atttype(relid, attnum));
}

/* Raises for a column whose type cannot serve. */
static void
raise_type(const char *relation, Oid type, const char *column, const char *argument,
		   const char *valid)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" of relation %s has type %s and cannot be %s", column, relation,
					format_type_be(type), argument),
			 errhint("The type of %s must be %s.", argument, valid)));
}

/* A column as text that is compared byte by byte. */
static char *
text_expression(const char *relation, Oid relid, const char *column, const char *argument)
{
	Oid			type = column_type(relation, relid, column, argument);

	if (!OidIsValid(text_read_type(type)))
		raise_type(relation, type, column, argument, "text or a built-in type that is shown as text");
	return psprintf("(e.%s::pg_catalog.text) COLLATE pg_catalog.\"C\"", quote_identifier(column));
}

/* Has a row an outcome?  True, or a number above zero; NaN is none. */
static char *
outcome_expression(const char *relation, Oid relid, const char *column)
{
	Oid			type = column_type(relation, relid, column, "outcome_column");
	char	   *number;

	if (type == BOOLOID)
		return psprintf("e.%s::pg_catalog.bool", quote_identifier(column));
	if (!OidIsValid(rating_read_type(type)))
		raise_type(relation, type, column, "outcome_column", "boolean or numeric");
	number = psprintf("e.%s::pg_catalog.float8", quote_identifier(column));
	return psprintf("((%s OPERATOR(pg_catalog.>) 0::pg_catalog.float8) AND"
					" (%s OPERATOR(pg_catalog.<>) 'NaN'::pg_catalog.float8))", number, number);
}

/* The statement: variant, users, of these converted, rows without a user, users with several variants. */
static char *
report_query(const ReportArgs *args, const char *relation)
{
	Oid			relid = args->exposures;
	char	   *variant = text_expression(relation, relid, args->variant_column, "variant_column");
	char	   *user = text_expression(relation, relid, args->user_column, "user_column");
	char	   *outcome = outcome_expression(relation, relid, args->outcome_column);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "WITH x AS MATERIALIZED (SELECT %s AS variant, %s AS member,"
					 " pg_catalog.bool_or(%s) AS converted FROM %s AS e", variant, user, outcome,
					 relation);
	if (args->experiment)
		appendStringInfo(&sql, " WHERE %s OPERATOR(pg_catalog.=) $1",
						 text_expression(relation, relid, args->experiment_column,
										 "experiment_column"));
	appendStringInfoString(&sql, " GROUP BY 1, 2) SELECT x.variant, pg_catalog.count(*),"
						   " pg_catalog.count(*) FILTER (WHERE x.converted),"
						   " pg_catalog.count(*) FILTER (WHERE x.member IS NULL),"
						   " (SELECT pg_catalog.count(*) FROM (SELECT FROM x GROUP BY x.member"
						   " HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1::pg_catalog.int8) AS r)"
						   " FROM x GROUP BY x.variant ORDER BY x.variant");
	return sql.data;
}

/* Raises for a null in a column that says who saw what. */
static void
raise_null(const Counts *counts, const char *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("column \"%s\" of relation %s contains nulls", column, counts->relation),
			 errhint("Report on a view that leaves these rows out.")));
}

/* One variant arrives. */
static void
add_variant(TupleTableSlot *slot, void *arg)
{
	Counts	   *counts = arg;
	MemoryContext old;

	if (slot->tts_isnull[0])
		raise_null(counts, counts->args->variant_column);
	if (DatumGetInt64(slot->tts_values[3]) > 0)
		raise_null(counts, counts->args->user_column);
	old = MemoryContextSwitchTo(counts->context);
	if (counts->n == counts->room)
	{
		counts->room *= 2;
		counts->variants = repalloc(counts->variants, sizeof(VariantCount) * counts->room);
	}
	counts->variants[counts->n++] = (VariantCount) {
		.name = TextDatumGetCString(slot->tts_values[0]),
		.trial = {DatumGetInt64(slot->tts_values[1]), DatumGetInt64(slot->tts_values[2])}
	};
	counts->repeated = DatumGetInt64(slot->tts_values[4]);
	MemoryContextSwitchTo(old);
}

/* Runs the statement. */
static void
count_variants(Counts *counts)
{
	static const Oid types[] = {TEXTOID, INT8OID, INT8OID, INT8OID, INT8OID};
	const ReportArgs *args = counts->args;
	ParamListInfo params = NULL;

	counts->context = CurrentMemoryContext;
	counts->room = 8;
	counts->variants = palloc(sizeof(VariantCount) * counts->room);
	if (args->experiment)
		params = query_one_param(TEXTOID, CStringGetTextDatum(args->experiment));
	SPI_connect();
	query_stream(report_query(args, counts->relation), params, lengthof(types), types, add_variant,
				 counts);
	SPI_finish();
}

/* Position of the control: the one that was named, or the first. */
static int
find_control(const Counts *counts)
{
	const char *control = counts->args->control;
	StringInfoData names;

	if (control == NULL)
		return 0;
	for (int i = 0; i < counts->n; i++)
		if (strcmp(counts->variants[i].name, control) == 0)
			return i;
	initStringInfo(&names);
	for (int i = 0; i < counts->n && i < 20; i++)
		appendStringInfo(&names, "%s\"%s\"", i > 0 ? ", " : "", counts->variants[i].name);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("control variant \"%s\" has no exposure", control),
			 counts->n > 0 ? errhint("Variants with exposures are %s.", names.data) :
			 errhint("There are no exposures at all.")));
}

/* One variant as a row; the control is compared with nothing. */
static void
emit_variant(Call *call, const Counts *counts, int i, int control)
{
	const VariantCount *own = &counts->variants[i];
	bool		nulls[] = {false, false, false, false, i == control, i == control, i == control,
	i == control};
	Datum		values[8] = {
		CStringGetTextDatum(own->name), Int64GetDatum(own->trial.n),
		Int64GetDatum(own->trial.conversions),
		Float8GetDatum((double) own->trial.conversions / (double) own->trial.n)
	};

	if (i != control)
	{
		TrialComparison comparison = experiment_compare(counts->variants[control].trial,
														own->trial, counts->args->confidence);

		nulls[4] = isnan(comparison.lift);
		values[4] = Float8GetDatum(comparison.lift);
		values[5] = Float8GetDatum(comparison.p_value);
		values[6] = Float8GetDatum(comparison.ci_low);
		values[7] = Float8GetDatum(comparison.ci_high);
	}
	call_row(call, values, nulls);
}

/* Rows of experiment_report: the control, then the others by name. */
void
experiment_report_rows(Call *call, const ReportArgs *args)
{
	Counts		counts = {.args = args};
	int			control;

	LockRelationOid(args->exposures, AccessShareLock);
	counts.relation = relation_readable_name(args->exposures, "exposures");
	count_variants(&counts);
	control = find_control(&counts);
	if (counts.repeated > 0)
		ereport(WARNING,
				(errmsg("users with exposures to more than one variant: " INT64_FORMAT,
						counts.repeated),
				 errdetail("They count in each of their variants, whose differences are blurred by them."),
				 errhint("Report on a view that leaves these users out, or keeps their first variant.")));
	if (counts.n > 0)
		emit_variant(call, &counts, control, control);
	for (int i = 0; i < counts.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (i != control)
			emit_variant(call, &counts, i, control);
	}
}
