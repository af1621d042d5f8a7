/*
 * load.c
 *		From the user's tables to a training set.
 *
 * Every relation is read by one streamed statement, as the caller, under one
 * snapshot: ratings, keys of the courses, then what the method needs (genres,
 * words, attributes of users).  Before the ratings are read, the planner's
 * guess of their number is held against the memory limit; when the guess says
 * no, the rows are counted, so that a table that does not fit is refused
 * before anything is allocated.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "core/parts.h"
#include "pg/keys.h"
#include "pg/load.h"
#include "pg/load_terms.h"
#include "pg/query.h"

#define PROGRESS_ROWS 1024		/* rows between two reports */

/* Which words a method without parts reads, if it says so. */
static void
request_words(LoadRequest *request, const Method *method, const void *params)
{
	const ParamDef *def;

	if ((def = params_find(&method->params, "ngram_range", strlen("ngram_range"))) != NULL)
	{
		const ParamRange *range = (const ParamRange *) ((const char *) params + def->offset);

		request->ngram_low = range->low;
		request->ngram_high = range->high;
	}
	if ((def = params_find(&method->params, "text_search_config",
						   strlen("text_search_config"))) != NULL)
		request->text_search_config = (const char *) params + def->offset;
}

/* What a method with these parameters reads; parts of it that read words read the same ones. */
LoadRequest
load_request(const Method *method, const void *params)
{
	LoadRequest request = {.ngram_low = 1, .ngram_high = 1};
	MethodPart	parts[METHOD_PARTS_MAX];
	int			n;
	Env			env;

	env_for_context(&env, CurrentMemoryContext);
	env_check(&env, method_needs(&env, method, params, &request.needs));
	env_check(&env, method_parts(&env, method, params, parts, &n));
	request_words(&request, method, params);
	for (int i = 0; i < n; i++)
		request_words(&request, parts[i].method, parts[i].params);
	return request;
}

/* Raises for a null key of a relation of the dataset. */
void
raise_null(const Dataset *dataset, const char *relation, const char *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("column \"%s\" of relation %s of dataset \"%s\" contains null", column, relation,
					dataset->name),
			 errhint("Delete such rows, declare the column NOT NULL, or register a view without them.")));
}

/* Looks a column up; -1 when the dataset has none. */
static int
add_column(RatingsColumns *columns, const Dataset *dataset, const char *column,
		   Oid (*read_type) (Oid))
{
	int			i = columns->n;

	if (column == NULL)
		return -1;
	columns->stored[i] = dataset_column_type(dataset, dataset->ratings, columns->relation, column);
	columns->types[i] = dataset_read_type(dataset, dataset->ratings, columns->relation, column,
										  read_type);
	return columns->n++;
}

/* The columns of the ratings as they are now. */
RatingsColumns
ratings_columns(const Dataset *dataset)
{
	Oid			relation = dataset_relation(dataset, dataset->ratings);
	RatingsColumns columns = dataset_resolved(dataset)->ratings;

	if (columns.n > 0)
		return columns;
	columns.relation = relation;
	add_column(&columns, dataset, dataset->user_column, key_read_type);
	add_column(&columns, dataset, dataset->course_column, key_read_type);
	columns.rating = add_column(&columns, dataset, dataset->rating_column, rating_read_type);
	columns.time = add_column(&columns, dataset, dataset->time_column, time_read_type);
	dataset_resolved(dataset)->ratings = columns;
	return columns;
}

/* SELECT user, course[, rating][, time] FROM ratings AS r */
char *
ratings_sql(const Dataset *dataset, const RatingsColumns *columns)
{
	const char *const names[] = {
		dataset->user_column, dataset->course_column, dataset->rating_column, dataset->time_column
	};
	StringInfoData sql;
	int			n = 0;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	for (int i = 0; i < (int) lengthof(names); i++)
	{
		if (names[i] == NULL)
			continue;
		if (n > 0)
			appendStringInfoString(&sql, ", ");
		append_column(&sql, "r", names[i], columns->types[n++]);
	}
	appendStringInfo(&sql, " FROM %s AS r", dataset->ratings);
	return sql.data;
}

/* Raises for a rating that is no number, or too large a one. */
static void
raise_bad_rating(const Dataset *dataset)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("column \"%s\" of relation %s of dataset \"%s\" contains a rating that is not finite or out of range",
					dataset->rating_column, dataset->ratings, dataset->name),
			 errhint("Ratings that are NaN or beyond %g cannot be used.", RATING_MAX)));
}

/* Rating and time of one row, checked; inline for the loop over all ratings. */
static inline RatingRow
read_rating_row(const Dataset *dataset, const RatingsColumns *columns, const Datum *values,
				const bool *nulls)
{
	RatingRow	row = {1, TIME_OLDEST};
	int			rating = columns->rating;

	if (rating >= 0)
	{
		if (unlikely(nulls[rating]))
			raise_null(dataset, dataset->ratings, dataset->rating_column);
		row.rating = columns->types[rating] == FLOAT4OID ? DatumGetFloat4(values[rating]) :
			(float) rating_from_datum(columns->types[rating], values[rating]);
		if (unlikely(!rating_in_range(row.rating)))
			raise_bad_rating(dataset);
	}
	if (columns->time >= 0 && !nulls[columns->time])
		row.time = time_from_datum(columns->types[columns->time], values[columns->time], dataset);
	return row;
}

/* Rating and time of one row, checked. */
RatingRow
rating_row(const Dataset *dataset, const RatingsColumns *columns, const Datum *values, const bool *nulls)
{
	return read_rating_row(dataset, columns, values, nulls);
}

/* As key_from_datum, with the usual types inline for the loop over all ratings. */
static inline Key
read_key(Oid read_type, Datum value, KeyBuffer *buffer)
{
	Key			key = {0};

	if (read_type == INT4OID)
		key.number = DatumGetInt32(value);
	else if (read_type == INT8OID)
		key.number = DatumGetInt64(value);
	else if (read_type == TEXTOID && !VARATT_IS_COMPRESSED(DatumGetPointer(value)) &&
			 !VARATT_IS_EXTERNAL(DatumGetPointer(value)))
	{
		key.bytes = VARDATA_ANY(DatumGetPointer(value));
		key.length = VARSIZE_ANY_EXHDR(DatumGetPointer(value));
	}
	else
		key = key_from_datum(read_type, value, buffer);
	return key;
}

/* Carried from row to row. */
typedef struct RatingsLoad
{
	Job		   *job;
	const Dataset *dataset;
	RatingsColumns columns;
	char	   *sql;
	TrainingBuilder builder;
	int64		n_rows;
	int64		n_expected;
} RatingsLoad;

/* Tells how many rows are read; once they are more than expected, the end is not known. */
static void
report_rows(RatingsLoad *load)
{
	env_progress(&load->job->env, PHASE_LOADING, load->n_rows,
				 load->n_rows <= load->n_expected ? load->n_expected : 0);
}

/* One rating arrives. */
static void
load_rating(TupleTableSlot *slot, void *arg)
{
	RatingsLoad *load = arg;
	const Datum *values = slot->tts_values;
	const bool *nulls = slot->tts_isnull;
	KeyBuffer	user_buffer,
				course_buffer;
	RatingRow	row;
	RecsysStatus status;

	if (unlikely(nulls[0]))
		raise_null(load->dataset, load->dataset->ratings, load->dataset->user_column);
	if (unlikely(nulls[1]))
		raise_null(load->dataset, load->dataset->ratings, load->dataset->course_column);
	row = read_rating_row(load->dataset, &load->columns, values, nulls);
	status = builder_add_rating(&load->job->env, &load->builder,
								read_key(load->columns.types[0], values[0], &user_buffer),
								read_key(load->columns.types[1], values[1], &course_buffer),
								row.rating, row.time);
	if (unlikely(status != RECSYS_OK))
		env_check(&load->job->env, status);
	if (++load->n_rows % PROGRESS_ROWS == 0)
		report_rows(load);
}

/* So many ratings of these columns; how many users and courses is not known. */
TrainingShape
training_shape(const RatingsColumns *columns, int64 n_rows)
{
	return (TrainingShape) {
		.n_rows = n_rows,
		.user_kind = key_kind(columns->types[0]),
		.course_kind = key_kind(columns->types[1]),
		.with_times = columns->time >= 0,
		.implicit = columns->rating < 0
	};
}

/* The result of a count(*). */
static void
take_count(TupleTableSlot *slot, void *arg)
{
	*(int64 *) arg = DatumGetInt64(slot->tts_values[0]);
}

/* Refuses a table that cannot fit, before reading it. */
static void
check_size(RatingsLoad *load)
{
	static const Oid types[] = {INT8OID};
	Env		   *env = &load->job->env;
	TrainingShape shape = training_shape(&load->columns, (int64) query_estimate(load->sql));
	size_t		bytes;
	size_t		held;

	load->n_expected = shape.n_rows;
	if (trainingset_bytes(&shape, &bytes, &held) && env_reserve(env, bytes) == RECSYS_OK)
		return;
	query_stream(psprintf("SELECT pg_catalog.count(*) FROM %s AS r", load->dataset->ratings), NULL,
				 1, types, take_count, &load->n_expected);
	shape.n_rows = load->n_expected;
	if (!trainingset_bytes(&shape, &bytes, &held))
		bytes = SIZE_MAX;
	env_check(env, env_reserve(env, bytes));
}

/* A query of the courses: their key, then more columns. */
typedef struct CoursesQuery
{
	StringInfoData sql;
	Oid			key_type;
} CoursesQuery;

/* Begins SELECT c.key, with keys of a kind; the caller appends columns and then " FROM ...". */
static void
courses_query(const Dataset *dataset, KeyKind kind, CoursesQuery *query)
{
	Oid			relid = dataset_relation(dataset, dataset->courses);

	query->key_type = dataset_key_type(dataset, dataset->courses, relid, dataset->courses_key, kind);
	initStringInfo(&query->sql);
	appendStringInfoString(&query->sql, "SELECT ");
	append_column(&query->sql, "c", dataset->courses_key, query->key_type);
}

/* Carried from course to course. */
typedef struct CoursesLoad
{
	Job		   *job;
	const Dataset *dataset;
	Oid			key_type;
	TrainingBuilder *builder;	/* while only keys are read */
	int64		n_added;
	TrainingSet *set;			/* afterwards */
} CoursesLoad;

/* The key of a row of courses. */
static Key
course_key(CoursesLoad *load, TupleTableSlot *slot, KeyBuffer *buffer)
{
	if (slot->tts_isnull[0])
		raise_null(load->dataset, load->dataset->courses, load->dataset->courses_key);
	return key_from_datum(load->key_type, slot->tts_values[0], buffer);
}

/* One course, rated or not. */
static void
load_course(TupleTableSlot *slot, void *arg)
{
	CoursesLoad *load = arg;
	KeyBuffer	buffer;
	Key			key = course_key(load, slot, &buffer);

	env_check(&load->job->env, builder_add_course(&load->job->env, load->builder, key));
	load->n_added++;
	if (load->builder->courses.n_keys != load->n_added)
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("course \"%s\" is in relation %s of dataset \"%s\" more than once",
						key_text(load->builder->courses.kind, key), load->dataset->courses,
						load->dataset->name)));
}

/* Keys of all courses, first of all: so a repeated one is seen. */
static void
load_courses(Job *job, const Dataset *dataset, TrainingBuilder *builder)
{
	CoursesQuery query;
	CoursesLoad load = {.job = job, .dataset = dataset, .builder = builder};

	if (dataset->courses == NULL)
		return;
	courses_query(dataset, builder->courses.kind, &query);
	load.key_type = query.key_type;
	appendStringInfo(&query.sql, " FROM %s AS c", dataset->courses);
	query_stream(query.sql.data, NULL, 1, &query.key_type, load_course, &load);
}

/* Ratings and courses; false when there is no rating, which must be allowed. */
static bool
load_ratings(Job *job, const Dataset *dataset, const LoadRequest *request, TrainingSet *set)
{
	RatingsLoad load = {.job = job, .dataset = dataset};
	Env		   *env = &job->env;

	load.columns = ratings_columns(dataset);
	load.sql = ratings_sql(dataset, &load.columns);
	report_rows(&load);
	check_size(&load);
	report_rows(&load);
	env_check(env, builder_init(env, &load.builder, key_kind(load.columns.types[0]),
								key_kind(load.columns.types[1]), load.columns.time >= 0,
								load.columns.rating < 0));
	load_courses(job, dataset, &load.builder);
	query_stream(load.sql, NULL, load.columns.n, load.columns.types, load_rating, &load);
	if (load.n_rows == 0 && request->may_be_empty)
		return false;
	if (load.n_rows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there are no ratings in relation %s of dataset \"%s\"", dataset->ratings,
						dataset->name),
				 errhint("You may be seeing none of them because of row-level security.")));
	env_progress(env, PHASE_PREPARING, 0, 0);
	env_check(env, builder_finish(env, &load.builder, set));
	return true;
}

/* The genre weights of one course. */
static void
load_genre_row(TupleTableSlot *slot, void *arg)
{
	CoursesLoad *load = arg;
	KeyBuffer	buffer;
	int32_t		course = idmap_find(&load->set->courses, course_key(load, slot, &buffer));
	float	   *row;

	if (course == IDMAP_NONE)
		return;
	row = matrix_row(&load->set->genres, course);
	for (int64 g = 0; g < load->set->genres.n_cols; g++)
	{
		if (slot->tts_isnull[g + 1])
			continue;
		row[g] = (float) DatumGetFloat8(slot->tts_values[g + 1]);
		if (!isfinite(row[g]))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("column \"%s\" of relation %s of dataset \"%s\" contains a weight that is not finite",
							load->dataset->genre_columns[g], load->dataset->courses,
							load->dataset->name),
					 errhint("Replace NaN and infinity by numbers, or by null, which counts 0.")));
	}
}

/* The genre matrix; a null weight is 0. */
static void
load_genres(Job *job, const Dataset *dataset, TrainingSet *set)
{
	CoursesQuery query;
	CoursesLoad load = {.job = job, .dataset = dataset, .set = set};
	StringTable names;
	Oid			relid = dataset_relation(dataset, dataset->courses);
	Oid		   *types = palloc(sizeof(Oid) * (dataset->n_genres + 1));

	courses_query(dataset, set->courses.kind, &query);
	load.key_type = types[0] = query.key_type;
	env_check(&job->env, strings_init(&job->env, &names));
	for (int g = 0; g < dataset->n_genres; g++)
	{
		const char *column = dataset->genre_columns[g];
		bool		boolean = dataset_column_type(dataset, dataset->courses, relid, column) == BOOLOID;

		(void) dataset_read_type(dataset, dataset->courses, relid, column, genre_read_type);
		appendStringInfo(&query.sql, ", c.%s%s::pg_catalog.float8", quote_identifier(column),
						 boolean ? "::pg_catalog.int4" : "");
		types[g + 1] = FLOAT8OID;
		env_check(&job->env, strings_add(&job->env, &names, column, strlen(column)));
	}
	appendStringInfo(&query.sql, " FROM %s AS c", dataset->courses);
	env_check(&job->env, trainingset_set_genres(&job->env, set, &names));
	query_stream(query.sql.data, NULL, dataset->n_genres + 1, types, load_genre_row, &load);
}

/* Appends one attribute to a group. */
void
append_attribute(StringInfo group, const char *column, const char *value)
{
	if (group->len > 0)
		appendStringInfoString(group, ", ");
	if (value)
		appendStringInfo(group, "%s=%s", column, value);
	else
		appendStringInfo(group, "%s is null", column);
}

/* SELECT list of a user's attributes. */
void
append_attributes(StringInfo sql, const Dataset *dataset)
{
	Oid			relid = dataset_relation(dataset, dataset->users);

	for (int i = 0; i < dataset->n_features; i++)
	{
		const char *column = dataset->feature_columns[i];

		if (i > 0)
			appendStringInfoString(sql, ", ");
		append_column(sql, "u", column,
					  dataset_read_type(dataset, dataset->users, relid, column, text_read_type));
	}
}

/* Carried from user to user. */
typedef struct GroupsLoad
{
	Job		   *job;
	const Dataset *dataset;
	TrainingSet *set;
	Oid			key_type;
	IdMap		groups;			/* in order of arrival */
	StringInfoData text;
} GroupsLoad;

/* The attributes of one user. */
static void
load_group_row(TupleTableSlot *slot, void *arg)
{
	GroupsLoad *load = arg;
	const Dataset *dataset = load->dataset;
	KeyBuffer	buffer;
	int32_t		user;
	Key			group;

	if (slot->tts_isnull[0])
		raise_null(dataset, dataset->users, dataset->users_key);
	user = idmap_find(&load->set->users, key_from_datum(load->key_type, slot->tts_values[0], &buffer));
	if (user == IDMAP_NONE)
		return;
	resetStringInfo(&load->text);
	for (int i = 0; i < dataset->n_features; i++)
	{
		char	   *value = slot->tts_isnull[i + 1] ? NULL :
			TextDatumGetCString(slot->tts_values[i + 1]);

		append_attribute(&load->text, dataset->feature_columns[i], value);
		if (value)
			pfree(value);
	}
	group = (Key) {.bytes = load->text.data, .length = load->text.len};
	env_check(&load->job->env,
			  idmap_add(&load->job->env, &load->groups, group, &load->set->user_group[user]));
}

/* Renumbers the groups bytewise and hands them over. */
static void
finish_groups(GroupsLoad *load)
{
	Env		   *env = &load->job->env;
	TrainingSet *set = load->set;
	int32_t    *renumbered = env_alloc(env, load->groups.n_keys, sizeof(int32_t));

	if (renumbered == NULL)
		env_check(env, env->status);
	env_check(env, idmap_sort(env, &load->groups, renumbered));
	for (int32_t u = 0; u < set->by_user.n_rows; u++)
		if (set->user_group[u] >= 0)
			set->user_group[u] = renumbered[set->user_group[u]];
	set->groups = load->groups.strings;
	env_free(env, renumbered);
}

/* Which users have the same attributes. */
static void
load_groups(Job *job, const Dataset *dataset, TrainingSet *set)
{
	GroupsLoad	load = {.job = job, .dataset = dataset, .set = set};
	Oid			relid = dataset_relation(dataset, dataset->users);
	Oid		   *types = palloc(sizeof(Oid) * (dataset->n_features + 1));
	StringInfoData sql;

	load.key_type = dataset_key_type(dataset, dataset->users, relid, dataset->users_key,
									 set->users.kind);
	types[0] = load.key_type;
	for (int i = 0; i < dataset->n_features; i++)
		types[i + 1] = TEXTOID;
	initStringInfo(&load.text);
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	append_column(&sql, "u", dataset->users_key, load.key_type);
	appendStringInfoString(&sql, ", ");
	append_attributes(&sql, dataset);
	appendStringInfo(&sql, " FROM %s AS u", dataset->users);

	set->user_group = env_alloc(&job->env, set->by_user.n_rows, sizeof(int32_t));
	if (set->user_group == NULL)
		env_check(&job->env, job->env.status);
	for (int32_t u = 0; u < set->by_user.n_rows; u++)
		set->user_group[u] = -1;
	env_check(&job->env, idmap_init(&job->env, &load.groups, KEY_BYTES));
	query_stream(sql.data, NULL, dataset->n_features + 1, types, load_group_row, &load);
	finish_groups(&load);
}

/*
 * Locks all that will be read, what is below views included.  A table that another session is filling
 * again after TRUNCATE would seem empty under a snapshot from before the wait for its lock.
 */
void
lock_sources(const Dataset *dataset)
{
	const char *relations[N_SOURCES];

	dataset_sources(dataset, relations);
	for (int i = 0; i < N_SOURCES; i++)
	{
		if (relations[i] == NULL)
			continue;
		(void) dataset_relation(dataset, relations[i]);
		(void) query_estimate(psprintf("SELECT FROM %s AS r", relations[i]));
	}
}

/* The dataset, readable by the caller, with the columns of the ratings as they should be. */
Dataset *
open_readable(const char *name)
{
	Dataset    *dataset = dataset_open(name, CurrentMemoryContext);

	dataset_check_select(dataset);
	(void) ratings_columns(dataset);
	return dataset;
}

/* Streams everything in, under the active snapshot, as the caller. */
void
load_training_set(Job *job, const Dataset *dataset, const LoadRequest *request, TrainingSet *set)
{
	if (!load_ratings(job, dataset, request, set))
		return;
	if ((request->needs & (NEEDS_GENRES | USES_GENRES)) && dataset->n_genres > 0)
		load_genres(job, dataset, set);
	if (request->needs & NEEDS_TERMS)
		load_terms(job, dataset, request, set);
	if ((request->needs & NEEDS_GROUPS) && dataset->n_features > 0)
		load_groups(job, dataset, set);
	env_check(&job->env, trainingset_fingerprint(&job->env, set));
}
