/*
 * titles.c
 *		Which courses may be shown now, and their titles.
 *
 * The relation of courses may be a view such as "published courses": a course
 * that is not in it, or that row-level security hides, is not shown.  Without
 * such a relation every course is available and none has a title.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/uuid.h"

#include "pg/keys.h"
#include "pg/query.h"
#include "pg/titles.h"

/* Carried from row to row. */
typedef struct TitlesFetch
{
	Titles	   *titles;
	const Recommender *rec;
	Oid			key_type;
	bool		with_title;
	MemoryContext context;
} TitlesFetch;

/* The arrays are not cleared as a whole: most callers look a few courses up. */
Titles *
titles_new(const Recommender *rec)
{
	Titles	   *titles = palloc(sizeof(Titles));

	titles->available = palloc(sizeof(bool) * (rec->n_courses + 1));
	titles->titles = palloc(sizeof(char *) * ((Size) rec->n_courses + 1));
	return titles;
}

/* One course that is there. */
static void
fetch_title(TupleTableSlot *slot, void *arg)
{
	TitlesFetch *fetch = arg;
	KeyBuffer	buffer;
	int32_t		course;

	if (slot->tts_isnull[0])
		return;
	course = recommender_find(fetch->rec, key_from_datum(fetch->key_type, slot->tts_values[0],
														 &buffer));
	if (course == IDMAP_NONE)
		return;
	fetch->titles->available[course] = true;
	if (fetch->with_title && !slot->tts_isnull[1])
	{
		MemoryContext old = MemoryContextSwitchTo(fetch->context);

		fetch->titles->titles[course] = TextDatumGetCString(slot->tts_values[1]);
		MemoryContextSwitchTo(old);
	}
}

/* SELECT c.key[, c.title] FROM courses AS c */
static char *
titles_query(const Dataset *dataset, Oid key_type)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	append_column(&sql, "c", dataset->courses_key, key_type);
	if (dataset->title_column)
	{
		appendStringInfoString(&sql, ", ");
		append_column(&sql, "c", dataset->title_column, TEXTOID);
	}
	appendStringInfo(&sql, " FROM %s AS c", dataset->courses);
	return sql.data;
}

/* The key of a course as a value of the column; false when the column cannot hold it. */
static bool
course_datum(const Recommender *rec, int32_t course, Oid key_type, Datum *value)
{
	int32_t		length;
	const char *id = strings_get(&rec->course_ids, course, &length);

	switch (key_type)
	{
		case INT2OID:
			*value = Int16GetDatum((int16) rec->course_numbers[course]);
			return rec->course_numbers[course] == (int16) rec->course_numbers[course];
		case INT4OID:
			*value = Int32GetDatum((int32) rec->course_numbers[course]);
			return rec->course_numbers[course] == (int32) rec->course_numbers[course];
		case INT8OID:
			*value = Int64GetDatum(rec->course_numbers[course]);
			return true;
		case UUIDOID:
			*value = DirectFunctionCall1(uuid_in, CStringGetDatum(pnstrdup(id, length)));
			return true;
		default:
			*value = PointerGetDatum(cstring_to_text_with_len(id, length));
			return true;
	}
}

/* The keys of some courses as an array of the column's type. */
static Datum
course_array(const Recommender *rec, const int32_t *courses, int n, Oid key_type)
{
	Datum	   *values = palloc(sizeof(Datum) * (n + 1));
	int			filled = 0;
	int16		length;
	bool		by_value;
	char		align;

	for (int i = 0; i < n; i++)
		if (course_datum(rec, courses[i], key_type, &values[filled]))
			filled++;
	get_typlenbyvalalign(key_type, &length, &by_value, &align);
	return PointerGetDatum(construct_array(values, filled, key_type, length, by_value, align));
}

/* Read type of the key of the courses now; raises when it no longer fits the model, or the title its use. */
static Oid
current_key_type(const Dataset *dataset, const Recommender *rec, Oid relid)
{
	if (dataset->title_column)
		(void) dataset_read_type(dataset, dataset->courses, relid, dataset->title_column,
								 text_read_type);
	return dataset_key_type(dataset, dataset->courses, relid, dataset->courses_key,
							rec->course_kind);
}

/* Starts a look-up; false when there is no relation of courses, so that all are available and none has a title. */
static bool
begin_fetch(TitlesFetch *fetch, Titles *titles, const Dataset *dataset, const Recommender *rec,
			Oid *relid)
{
	if (dataset->courses == NULL)
		return false;
	*relid = dataset_relation(dataset, dataset->courses);
	fetch->titles = titles;
	fetch->rec = rec;
	fetch->key_type = current_key_type(dataset, rec, *relid);
	fetch->with_title = dataset->title_column != NULL;
	fetch->context = CurrentMemoryContext;
	return true;
}

/* Looks these courses up, as the caller. */
void
titles_fetch(Titles *titles, Dataset *dataset, const Recommender *rec, const int32_t *courses,
			 int n)
{
	TitlesFetch fetch;
	Oid			relid,
				array_type,
				types[2];

	for (int i = 0; i < n; i++)
	{
		titles->available[courses[i]] = dataset->courses == NULL;
		titles->titles[courses[i]] = NULL;
	}
	if (!begin_fetch(&fetch, titles, dataset, rec, &relid))
		return;
	array_type = get_array_type(fetch.key_type);
	types[0] = fetch.key_type;
	types[1] = TEXTOID;
	if (!kept_plan_usable(dataset, &dataset->courses_plan, relid, &fetch.key_type, 1))
		kept_plan_make(&dataset->courses_plan,
					   psprintf("%s WHERE c.%s OPERATOR(pg_catalog.=) ANY ($1)",
								titles_query(dataset, fetch.key_type),
								quote_identifier(dataset->courses_key)),
					   1, &array_type, relid, &fetch.key_type, 1);
	query_stream_plan(dataset->courses_plan.plan,
					  query_one_param(array_type, course_array(rec, courses, n, fetch.key_type)),
					  fetch.with_title ? 2 : 1, types, fetch_title, &fetch);
}

/* Looks one course up; IDMAP_NONE is never available. */
bool
titles_available(Dataset *dataset, const Recommender *rec, int32_t course)
{
	Titles	   *titles;

	if (course == IDMAP_NONE)
		return false;
	titles = titles_new(rec);
	titles_fetch(titles, dataset, rec, &course, 1);
	return titles->available[course];
}

/* Looks all courses up. */
void
titles_fetch_all(Titles *titles, Dataset *dataset, const Recommender *rec)
{
	TitlesFetch fetch;
	Oid			relid,
				types[2];

	memset(titles->available, dataset->courses == NULL, sizeof(bool) * rec->n_courses);
	memset(titles->titles, 0, sizeof(char *) * rec->n_courses);
	if (!begin_fetch(&fetch, titles, dataset, rec, &relid))
		return;
	types[0] = fetch.key_type;
	types[1] = TEXTOID;
	query_stream(titles_query(dataset, fetch.key_type), NULL, fetch.with_title ? 2 : 1, types,
				 fetch_title, &fetch);
}
