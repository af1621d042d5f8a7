/*
 * history.c
 *		What a user has rated, right now.
 *
 * The statement runs as the caller (privileges and row-level security hold),
 * under the caller's snapshot (a rating inserted one statement ago counts), with
 * a kept plan whose parameter has the column's type (the index serves it).  The
 * plan is made again when the relation or the type of a column is another one.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "pg/env_pg.h"
#include "pg/history.h"
#include "pg/load.h"
#include "pg/query.h"

#define HISTORY_ROOM 32			/* rows at first */
#define BATCH_KEYS 128			/* courses looked up together, since what they read is rarely in the cache */

/* Carried from row to row. */
typedef struct HistoryFetch
{
	const Dataset *dataset;
	const Recommender *rec;
	const RatingsColumns *columns;
	OwnHistory *history;
	MemoryContext context;		/* of the history */
	Env			env;			/* for keys */
	KeyBatch	keys;			/* of the last rows of history, which h.n does not count yet */
} HistoryFetch;

/* An empty history with room for n rows. */
static OwnHistory *
history_new(int n, bool with_times)
{
	OwnHistory *history = palloc0(sizeof(OwnHistory));

	history->room = Max(n, 1);
	history->courses = palloc(history->room * sizeof(int32_t));
	history->ratings = palloc(history->room * sizeof(float));
	if (with_times)
		history->times = palloc(history->room * sizeof(int64_t));
	history->h.group = -1;
	return history;
}

/* Doubles the room. */
static void
history_grow(OwnHistory *history)
{
	history->room *= 2;
	history->courses = repalloc(history->courses, history->room * sizeof(int32_t));
	history->ratings = repalloc(history->ratings, history->room * sizeof(float));
	if (history->times)
		history->times = repalloc(history->times, history->room * sizeof(int64_t));
}

/* Sorts the rows and drops repeated ones, as training does; points h at them. */
static void
history_finish(OwnHistory *history)
{
	history->h.n = history_sort(history->h.n, history->courses, history->ratings, history->times);
	history->h.courses = history->courses;
	history->h.ratings = history->ratings;
	history->h.times = history->times;
}

/* Finds the courses of the keys that wait; rows of others go. */
static void
find_courses(HistoryFetch *fetch)
{
	OwnHistory *history = fetch->history;
	int32_t		found[BATCH_KEYS];
	int32_t		kept = history->h.n;

	recommender_find_batch(fetch->rec, &fetch->keys, found);
	for (int32_t i = 0; i < fetch->keys.n; i++)
	{
		if (found[i] == IDMAP_NONE)
			continue;
		history->courses[kept] = found[i];
		history->ratings[kept] = history->ratings[history->h.n + i];
		if (history->times)
			history->times[kept] = history->times[history->h.n + i];
		kept++;
	}
	history->h.n = kept;
	keybatch_clear(&fetch->keys);
}

/* One rating of the user. */
static void
fetch_rating(TupleTableSlot *slot, void *arg)
{
	HistoryFetch *fetch = arg;
	OwnHistory *history = fetch->history;
	KeyBuffer	buffer;
	RatingRow	row;
	int			place;

	if (slot->tts_isnull[1])
		raise_null(fetch->dataset, fetch->dataset->ratings, fetch->dataset->course_column);
	row = rating_row(fetch->dataset, fetch->columns, slot->tts_values, slot->tts_isnull);
	if (fetch->keys.n == BATCH_KEYS)
		find_courses(fetch);
	place = history->h.n + fetch->keys.n;
	if (place == history->room)
	{
		MemoryContext old = MemoryContextSwitchTo(fetch->context);

		history_grow(history);
		MemoryContextSwitchTo(old);
	}
	history->ratings[place] = row.rating;
	if (history->times)
		history->times[place] = row.time;
	env_check(&fetch->env, keybatch_add(&fetch->env, &fetch->keys,
										key_from_datum(fetch->columns->types[1],
													   slot->tts_values[1], &buffer)));
}

/* Makes the kept plan of a user's ratings, unless it is there. */
static void
prepare_history(Dataset *dataset, const RatingsColumns *columns)
{
	Oid			arg_type = columns->types[0];
	char	   *sql;

	if (kept_plan_usable(dataset, &dataset->history_plan, columns->relation, columns->stored, columns->n))
		return;
	sql = psprintf("%s WHERE r.%s OPERATOR(pg_catalog.=) $1", ratings_sql(dataset, columns),
				   quote_identifier(dataset->user_column));
	kept_plan_make(&dataset->history_plan, sql, 1, &arg_type, columns->relation, columns->stored,
				   columns->n);
}

/* Carried to the one row of the user's attributes. */
typedef struct GroupFetch
{
	const Dataset *dataset;
	const Recommender *rec;
	int32_t		group;
} GroupFetch;

/* The user's attributes as a group of the model. */
static void
fetch_group_row(TupleTableSlot *slot, void *arg)
{
	GroupFetch *fetch = arg;
	StringInfoData name;

	initStringInfo(&name);
	for (int i = 0; i < fetch->dataset->n_features; i++)
	{
		char	   *value = NULL;

		if (!slot->tts_isnull[i])
			value = TextDatumGetCString(slot->tts_values[i]);
		append_attribute(&name, fetch->dataset->feature_columns[i], value);
	}
	fetch->group = recommender_find_group(fetch->rec, name.data, name.len);
	pfree(name.data);
}

/* Group of the user; -1 when there is none. */
static int32_t
fetch_group(Dataset *dataset, const Recommender *rec, const UserArg *user)
{
	GroupFetch	fetch = {dataset, rec, -1};
	Oid			relid,
				stored,
				key_type,
			   *types;
	Datum		value;

	if (dataset->users == NULL || dataset->n_features == 0)
		return -1;
	relid = dataset_relation(dataset, dataset->users);
	stored = dataset_column_type(dataset, dataset->users, relid, dataset->users_key);
	key_type = dataset_read_type(dataset, dataset->users, relid, dataset->users_key, key_read_type);
	if (!user_arg_convert(user, key_type, &value))
		return -1;
	if (!kept_plan_usable(dataset, &dataset->group_plan, relid, &stored, 1))
	{
		StringInfoData sql;

		initStringInfo(&sql);
		appendStringInfoString(&sql, "SELECT ");
		append_attributes(&sql, dataset);
		appendStringInfo(&sql, " FROM %s AS u WHERE u.%s OPERATOR(pg_catalog.=) $1", dataset->users,
						 quote_identifier(dataset->users_key));
		kept_plan_make(&dataset->group_plan, sql.data, 1, &key_type, relid, &stored, 1);
	}
	types = palloc(sizeof(Oid) * dataset->n_features);
	for (int i = 0; i < dataset->n_features; i++)
		types[i] = dataset_read_type(dataset, dataset->users, relid, dataset->feature_columns[i],
									 text_read_type);
	query_stream_plan(dataset->group_plan.plan, query_one_param(key_type, value),
					  dataset->n_features, types, fetch_group_row, &fetch);
	return fetch.group;
}

/* Raises when the ratings no longer have the kind of course keys that the model knows. */
void
check_course_kind(const Dataset *dataset, const Recommender *rec, const RatingsColumns *columns)
{
	if (key_kind(columns->types[1]) != rec->course_kind)
		(void) dataset_key_type(dataset, dataset->ratings, columns->relation,
								dataset->course_column, rec->course_kind);
}

/* Reads the user's ratings and, for methods that want them, the user's attributes. */
OwnHistory *
history_fetch(Dataset *dataset, const Recommender *rec, const UserArg *user)
{
	OwnHistory *history;
	RatingsColumns columns = ratings_columns(dataset);
	KeyBuffer	buffer;
	Datum		value;
	HistoryFetch fetch = {dataset, rec, &columns, NULL, CurrentMemoryContext, {0}, {0}};

	check_course_kind(dataset, rec, &columns);
	fetch.history = history = history_new(HISTORY_ROOM, columns.time >= 0);
	if (user->known && user_arg_convert(user, columns.types[0], &value))
	{
		prepare_history(dataset, &columns);
		env_for_context(&fetch.env, CurrentMemoryContext);
		env_check(&fetch.env, keybatch_init(&fetch.env, &fetch.keys, rec->course_kind, BATCH_KEYS));
		query_stream_plan(dataset->history_plan.plan, query_one_param(columns.types[0], value),
						  columns.n, columns.types, fetch_rating, &fetch);
		find_courses(&fetch);
		history->h.has_key = true;
		history->h.user_hash = user_key_hash(key_kind(columns.types[0]),
											 key_from_datum(columns.types[0], value, &buffer));
		if (rec->needs & NEEDS_GROUPS)
			history->h.group = fetch_group(dataset, rec, user);
	}
	history_finish(history);
	return history;
}

/* A visitor's history. */
OwnHistory *
history_of_courses(const Dataset *dataset, const Recommender *rec, char **courses, int n,
				   const double *ratings)
{
	OwnHistory *history = history_new(n, false);

	for (int i = 0; i < n; i++)
	{
		int32_t		course = find_course(dataset, rec, courses[i]);

		if (course == IDMAP_NONE)
			continue;
		history->courses[history->h.n] = course;
		history->ratings[history->h.n] = (float) (ratings ? ratings[i] : rec->summary.max);
		history->h.n++;
	}
	history_finish(history);
	return history;
}

/* Takes one course out, if it is there. */
void
history_remove(OwnHistory *history, int32_t course)
{
	int			kept = 0;

	for (int i = 0; i < history->h.n; i++)
	{
		if (history->courses[i] == course)
			continue;
		history->courses[kept] = history->courses[i];
		history->ratings[kept] = history->ratings[i];
		if (history->times)
			history->times[kept] = history->times[i];
		kept++;
	}
	history->h.n = kept;
}
