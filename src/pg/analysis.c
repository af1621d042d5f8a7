/*
 * analysis.c
 *		What the tables of a dataset look like: for dashboards.
 *
 * What SQL does well is one generated statement, run as the caller; profiles go
 * through the loader, so that they are those of the methods.  OPERATOR() has one
 * precedence for all operators, so every compound expression has its parentheses.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "pg/analysis.h"
#include "pg/dataset.h"
#include "pg/env_pg.h"
#include "pg/keys.h"
#include "pg/load.h"
#include "pg/load_terms.h"
#include "pg/query.h"

/* A row of a query becomes a row of the result. */
static void
pass_row(TupleTableSlot *slot, void *arg)
{
	call_row(arg, slot->tts_values, slot->tts_isnull);
}

/* Runs sql, whose columns are those of the function. */
static void
pass_query(Call *call, const char *sql, ParamListInfo params)
{
	int			n = call->desc->natts;
	Oid		   *types = palloc(sizeof(Oid) * n);

	for (int i = 0; i < n; i++)
		types[i] = TupleDescAttr(call->desc, i)->atttypid;
	SPI_connect();
	query_stream(sql, params, n, types, pass_row, call);
	SPI_finish();
}

/* Raises unless the dataset has genres. */
static void
require_genres(const Dataset *dataset)
{
	if (dataset->n_genres == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("dataset \"%s\" has no genres", dataset->name),
				 errhint("Register it with genre_columns.")));
}

/* One user's sums of rating x genre, as float8[]. */
static Datum
profile_array(const TrainingSet *set, int32_t user, double *sums)
{
	int			n = (int) set->genres.n_cols;
	Datum	   *values = palloc(sizeof(Datum) * n);
	ArrayType  *array;

	memset(sums, 0, sizeof(double) * n);
	for (int64 e = set->by_user.offsets[user]; e < set->by_user.offsets[user + 1]; e++)
	{
		const float *genres = matrix_row(&set->genres, set->by_user.indexes[e]);

		for (int g = 0; g < n; g++)
			sums[g] += (double) set->by_user.values[e] * genres[g];
	}
	for (int g = 0; g < n; g++)
		values[g] = Float8GetDatum(sums[g]);
	array = construct_array(values, n, FLOAT8OID, 8, true, TYPALIGN_DOUBLE);
	pfree(values);
	return PointerGetDatum(array);
}

/* user_profiles(): sum of rating x genres of every user with a rating. */
void
user_profile_rows(Call *call, const char *name)
{
	Dataset    *dataset = open_readable(name);
	LoadRequest request = {.needs = NEEDS_GENRES};
	Job		   *job = job_create(name);
	TrainingSet set = {0};
	double	   *sums;

	require_genres(dataset);
	SPI_connect();
	load_training_set(job, dataset, &request, &set);
	sums = palloc(sizeof(double) * set.genres.n_cols);
	for (int32_t u = 0; u < set.by_user.n_rows; u++)
	{
		Key			key = idmap_key(&set.users, u);
		char	   *id = key_text(set.users.kind, key);
		bool		nulls[2] = {false};
		Datum		values[] = {CStringGetTextDatum(id), profile_array(&set, u, sums)};

		CHECK_FOR_INTERRUPTS();
		call_row(call, values, nulls);
		pfree(DatumGetPointer(values[0]));
		pfree(DatumGetPointer(values[1]));
		pfree(id);
	}
	SPI_finish();
	job_end(job);
}

/* A column of the courses as a number, also when it is boolean. */
static char *
genre_expression(const Dataset *dataset, const char *column)
{
	Oid			relid = dataset_relation(dataset, dataset->courses);
	bool		boolean = dataset_column_type(dataset, dataset->courses, relid, column) == BOOLOID;

	(void) dataset_read_type(dataset, dataset->courses, relid, column, genre_read_type);
	return psprintf("c.%s%s::pg_catalog.float8", quote_identifier(column),
					boolean ? "::pg_catalog.int4" : "");
}

/* dataset_genres(): the genres in the order of profiles, with their courses. */
void
dataset_genre_rows(Call *call, const char *name)
{
	Dataset    *dataset = open_readable(name);
	StringInfoData sql;

	require_genres(dataset);
	initStringInfo(&sql);
	for (int g = 0; g < dataset->n_genres; g++)
		appendStringInfo(&sql, "%sSELECT %d, %s::pg_catalog.text,"
						 " pg_catalog.count(*) FILTER (WHERE %s OPERATOR(pg_catalog.<>) 0.0::pg_catalog.float8)"
						 " FROM %s AS c",
						 g > 0 ? " UNION ALL " : "", g + 1,
						 quote_literal_cstr(dataset->genre_columns[g]),
						 genre_expression(dataset, dataset->genre_columns[g]), dataset->courses);
	appendStringInfoString(&sql, " ORDER BY 1");
	pass_query(call, sql.data, NULL);
}

/* The ratings' time as timestamptz, or null. */
static char *
time_expression(const Dataset *dataset)
{
	Oid			relid = dataset_relation(dataset, dataset->ratings);
	const char *column;
	Oid			type;

	if (dataset->time_column == NULL)
		return "NULL::pg_catalog.timestamptz";
	column = quote_identifier(dataset->time_column);
	type = dataset_column_type(dataset, dataset->ratings, relid, dataset->time_column);
	if (type == TIMESTAMPTZOID)
		return psprintf("r.%s::pg_catalog.timestamptz", column);
	if (type == TIMESTAMPOID || type == DATEOID)
		return psprintf("pg_catalog.timezone('UTC'::pg_catalog.text, r.%s::pg_catalog.timestamp)",
						column);
	return psprintf("pg_catalog.to_timestamp(r.%s::pg_catalog.float8)", column);
}

/* dataset_summary(). */
void
dataset_summary_rows(Call *call, const char *name)
{
	Dataset    *dataset = open_readable(name);
	char	   *rating = dataset->rating_column ?
		psprintf("r.%s::pg_catalog.float8", quote_identifier(dataset->rating_column)) :
		"1::pg_catalog.float8";
	const char *user = quote_identifier(dataset->user_column);
	const char *course = quote_identifier(dataset->course_column);
	char	   *courses = dataset->courses ?
		psprintf("(SELECT pg_catalog.count(*) FROM %s AS c)", dataset->courses) : "s.courses_rated";

	pass_query(call,
			   psprintf("SELECT s.users, n.courses, s.courses_rated, s.ratings, s.mean, s.min, s.max,"
						" CASE WHEN s.ratings OPERATOR(pg_catalog.>) 0::pg_catalog.int8 THEN"
						" 1::pg_catalog.float8 OPERATOR(pg_catalog.-) (s.ratings::pg_catalog.float8"
						" OPERATOR(pg_catalog./) (s.users::pg_catalog.float8"
						" OPERATOR(pg_catalog.*) n.courses::pg_catalog.float8)) END,"
						" s.first, s.last"
						" FROM (SELECT pg_catalog.count(DISTINCT r.%s) AS users,"
						" pg_catalog.count(DISTINCT r.%s) AS courses_rated,"
						" pg_catalog.count(*) AS ratings, pg_catalog.avg(%s) AS mean,"
						" pg_catalog.min(%s) AS min, pg_catalog.max(%s) AS max,"
						" pg_catalog.min(%s) AS first, pg_catalog.max(%s) AS last"
						" FROM %s AS r) AS s,"
						" LATERAL (SELECT GREATEST(%s, s.courses_rated) AS courses) AS n",
						user, course, rating, rating, rating, time_expression(dataset),
						time_expression(dataset), dataset->ratings, courses), NULL);
}

/* enrollment_histogram(): how many users have how many courses, in bins of equal width. */
void
enrollment_histogram_rows(Call *call, const char *name, int bins)
{
	Dataset    *dataset = open_readable(name);

	pass_query(call,
			   psprintf("WITH n AS (SELECT pg_catalog.count(*)::pg_catalog.int4 AS n FROM %s AS r"
						" GROUP BY r.%s),"
						" w AS (SELECT pg_catalog.max(n.n) AS high, GREATEST(1,"
						" pg_catalog.ceil(pg_catalog.max(n.n)::pg_catalog.float8"
						" OPERATOR(pg_catalog./) $1::pg_catalog.float8)::pg_catalog.int4) AS width FROM n),"
						" h AS (SELECT (n.n OPERATOR(pg_catalog.-) 1) OPERATOR(pg_catalog./) w.width AS bin,"
						" pg_catalog.count(*) AS users FROM n, w GROUP BY 1),"
						" b AS (SELECT pg_catalog.generate_series(1, w.high, w.width) AS low, w.width FROM w)"
						" SELECT b.low, (b.low OPERATOR(pg_catalog.+) b.width) OPERATOR(pg_catalog.-) 1,"
						" COALESCE(h.users, 0::pg_catalog.int8) FROM b LEFT JOIN h ON h.bin"
						" OPERATOR(pg_catalog.=) ((b.low OPERATOR(pg_catalog.-) 1)"
						" OPERATOR(pg_catalog./) b.width) ORDER BY 1",
						dataset->ratings, quote_identifier(dataset->user_column)),
			   query_one_param(INT4OID, Int32GetDatum(bins)));
}

/* top_courses(): the most rated courses with their share of all ratings. */
void
top_course_rows(Call *call, const char *name, int n)
{
	Dataset    *dataset = open_readable(name);
	const char *course = quote_identifier(dataset->course_column);
	char	   *title = "NULL::pg_catalog.text";

	if (dataset->courses && dataset->title_column)
	{
		(void) dataset_read_type(dataset, dataset->courses,
								 dataset_relation(dataset, dataset->courses),
								 dataset->title_column, text_read_type);
		title = psprintf("(SELECT pg_catalog.min(c.%s::pg_catalog.text) FROM %s AS c"
						 " WHERE c.%s OPERATOR(pg_catalog.=) t.course)",
						 quote_identifier(dataset->title_column), dataset->courses,
						 quote_identifier(dataset->courses_key));
	}
	pass_query(call,
			   psprintf("WITH t AS (SELECT r.%s AS course, pg_catalog.count(*) AS n FROM %s AS r"
						" GROUP BY r.%s),"
						" o AS (SELECT pg_catalog.row_number() OVER w AS rank, t.course, t.n,"
						" t.n::pg_catalog.float8 OPERATOR(pg_catalog./)"
						" pg_catalog.sum(t.n) OVER ()::pg_catalog.float8 AS share,"
						" pg_catalog.sum(t.n) OVER w::pg_catalog.float8 OPERATOR(pg_catalog./)"
						" pg_catalog.sum(t.n) OVER ()::pg_catalog.float8 AS cumulative FROM t"
						" WINDOW w AS (ORDER BY t.n DESC, t.course%s))"
						" SELECT t.rank::pg_catalog.int4, t.course::pg_catalog.text, %s, t.n, t.share,"
						" t.cumulative FROM o AS t WHERE t.rank OPERATOR(pg_catalog.<=)"
						" $1::pg_catalog.int8 ORDER BY t.rank",
						course, dataset->ratings, course,
						key_kind(key_read_type(dataset_column_type(dataset, dataset->ratings,
																   dataset_relation(dataset,
																					dataset->ratings),
																   dataset->course_column)))
						== KEY_BYTES ? "::pg_catalog.text COLLATE pg_catalog.\"C\"" : "", title),
			   query_one_param(INT4OID, Int32GetDatum(n)));
}

/* The words of all courses, as a query with the columns word and occurrences, one row a course. */
static char *
words_query(const Dataset *dataset)
{
	StringInfoData sql;

	if (dataset->terms)
		return psprintf("SELECT t.term::pg_catalog.text AS word, t.weight::pg_catalog.float8 AS n"
						" FROM %s AS t", dataset->terms);
	if (dataset->description_column == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("dataset \"%s\" has no words", dataset->name),
				 errhint("Register it with terms or with a description column.")));
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT v.lexeme AS word,"
					 " pg_catalog.array_length(v.positions, 1)::pg_catalog.float8 AS n"
					 " FROM %s AS c, pg_catalog.unnest(", dataset->courses);
	append_course_text(&sql, dataset, "'pg_catalog.english'::pg_catalog.regconfig");
	appendStringInfoString(&sql, ") AS v");
	return sql.data;
}

/* keyword_counts(): the words in most courses. */
void
keyword_count_rows(Call *call, const char *name, int n)
{
	Dataset    *dataset = open_readable(name);

	pass_query(call,
			   psprintf("SELECT w.word, pg_catalog.count(*),"
						" pg_catalog.round(pg_catalog.sum(w.n))::pg_catalog.int8"
						" FROM (%s) AS w GROUP BY w.word"
						" ORDER BY 2 DESC, 3 DESC, w.word COLLATE pg_catalog.\"C\""
						" LIMIT $1::pg_catalog.int8", words_query(dataset)),
			   query_one_param(INT4OID, Int32GetDatum(n)));
}
