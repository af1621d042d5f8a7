/*
 * dataset_register.c
 *		register_dataset() and drop_dataset(): every check at once, so that a
 *		registered dataset can be trained on.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"

#include "pg/args.h"
#include "pg/dataset.h"
#include "pg/registry.h"

typedef Oid (*ReadType) (Oid type);

/* Qualified, quoted name of a relation that can be read. */
char *
relation_readable_name(Oid relid, const char *what)
{
	char	   *name = get_rel_name(relid);
	char		kind;

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	kind = get_rel_relkind(relid);
	if (kind != RELKIND_RELATION && kind != RELKIND_VIEW && kind != RELKIND_MATVIEW &&
		kind != RELKIND_PARTITIONED_TABLE && kind != RELKIND_FOREIGN_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" cannot be used for %s", name, what),
				 errhint("Use a table, view, materialized view or foreign table.")));
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), name);
}

/* The same of a relation that can be a source; InvalidOid gives NULL. */
static char *
source_name(Oid relid, const char *what)
{
	char	   *name = relid == InvalidOid ? NULL : relation_readable_name(relid, what);

	if (relid == InvalidOid)
		return NULL;
	if (get_rel_persistence(relid) == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("temporary relation \"%s\" cannot be used for %s", get_rel_name(relid),
						what),
				 errhint("Other sessions must see the same data.")));
	return name;
}

/* Two keys that the database calls equal must be one key here, where bytes are compared. */
static void
check_collation(const char *relation, Oid relid, const char *column, AttrNumber attnum)
{
	Oid			type,
				collation;
	int32		typmod;

	get_atttypetypmodcoll(relid, attnum, &type, &typmod, &collation);
	if (OidIsValid(collation) && !get_collation_isdeterministic(collation))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" of relation %s has a nondeterministic collation and cannot be a key",
						column, relation),
				 errhint("Register a view that gives the column another collation.")));
}

/* Raises unless the column exists and has a type that can serve; what: "user key" and the like. */
static Oid
check_column(const char *relation, Oid relid, const char *column, ReadType read_type,
			 const char *what, const char *valid)
{
	AttrNumber	attnum = get_attnum(relid, column);
	Oid			type;

	if (attnum <= InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation %s does not exist", column, relation),
				 errhint("Name the column of the %s in register_dataset().", what)));
	type = get_atttype(relid, attnum);
	if (!OidIsValid(read_type(getBaseType(type))))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of relation %s has type %s and cannot be the %s", column,
						relation, format_type_be(type), what),
				 errhint("The type of a %s must be %s.", what, valid)));
	if (read_type == key_read_type)
		check_collation(relation, relid, column, attnum);
	return getBaseType(type);
}

#define KEY_TYPES "an integer, text, varchar or uuid"
#define NUMBER_TYPES "numeric"
#define TIME_TYPES "timestamptz, timestamp, date or an integer (seconds since 1970)"
#define TEXT_TYPES "text or a built-in type that is shown as text"

/* Name of an existing column among two; raises when there is neither. */
static char *
default_key(const char *relation, Oid relid, char *first, char *second, const char *hint)
{
	if (get_attnum(relid, first) > InvalidAttrNumber)
		return first;
	if (get_attnum(relid, second) > InvalidAttrNumber)
		return second;
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("relation %s has neither a column \"%s\" nor a column \"%s\"", relation, first,
					second),
			 errhint("%s", hint)));
}

/* Keys of two relations that are compared must be of one kind. */
static void
check_same_kind(const char *relation, const char *column, Oid type, Oid ratings_type)
{
	if (key_kind(key_read_type(type)) != key_kind(key_read_type(ratings_type)) ||
		(type == UUIDOID) != (ratings_type == UUIDOID))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of relation %s has type %s, but the ratings have %s", column,
						relation, format_type_be(type), format_type_be(ratings_type))));
}

/* The columns of the ratings; returns the types of the keys. */
static void
check_ratings(const DatasetArgs *args, const char *name, Oid *user_type, Oid *course_type)
{
	*user_type = check_column(name, args->ratings, args->user_column, key_read_type,
							  "user key", KEY_TYPES);
	*course_type = check_column(name, args->ratings, args->course_column, key_read_type,
								"course key", KEY_TYPES);
	if (args->rating_column)
		check_column(name, args->ratings, args->rating_column, rating_read_type, "rating",
					 NUMBER_TYPES);
	if (args->time_column)
		check_column(name, args->ratings, args->time_column, time_read_type, "time", TIME_TYPES);
}

/* Fills in and checks the columns of the courses. */
static void
check_courses(DatasetArgs *args, const char *name, Oid course_type)
{
	Oid			type;

	if (args->courses_key == NULL)
		args->courses_key = default_key(name, args->courses, args->course_column, "id",
										"Name the key of the courses in courses_key.");
	type = check_column(name, args->courses, args->courses_key, key_read_type, "course key",
						KEY_TYPES);
	check_same_kind(name, args->courses_key, type, course_type);
	if (args->title_column == NULL && get_attnum(args->courses, "title") > InvalidAttrNumber)
		args->title_column = "title";
	if (args->description_column == NULL &&
		get_attnum(args->courses, "description") > InvalidAttrNumber)
		args->description_column = "description";
	if (args->title_column)
		check_column(name, args->courses, args->title_column, text_read_type, "title", TEXT_TYPES);
	if (args->description_column)
		check_column(name, args->courses, args->description_column, text_read_type, "description",
					 TEXT_TYPES);
	for (int i = 0; i < args->n_genres; i++)
		check_column(name, args->courses, args->genre_columns[i], genre_read_type, "genre",
					 "numeric or boolean");
}

/* The bag of words: (course, term, weight). */
static void
check_terms(const DatasetArgs *args, const char *name, Oid course_type)
{
	char	   *key = default_key(name, args->terms, args->course_column, "course_id",
								  "Columns of a bag of words are course_id, term and weight.");

	check_same_kind(name, key, check_column(name, args->terms, key, key_read_type, "course key",
											KEY_TYPES), course_type);
	check_column(name, args->terms, "term", text_read_type, "term", TEXT_TYPES);
	check_column(name, args->terms, "weight", rating_read_type, "weight", NUMBER_TYPES);
}

/* The users and their attributes; returns the name of their key. */
static char *
check_users(const DatasetArgs *args, const char *name, char *users_key, Oid user_type)
{
	if (users_key == NULL)
		users_key = default_key(name, args->users, args->user_column, "id",
								"Name the key of the users in options, as {\"users_key\": \"...\"}.");
	check_same_kind(name, users_key, check_column(name, args->users, users_key, key_read_type,
												  "user key", KEY_TYPES), user_type);
	for (int i = 0; i < args->n_features; i++)
		check_column(name, args->users, args->feature_columns[i], text_read_type, "attribute",
					 TEXT_TYPES);
	return users_key;
}

/* Columns that make no sense without their relation. */
static void
check_orphans(const DatasetArgs *args)
{
	const char *orphan = NULL;
	const char *relation = "courses";

	if (!OidIsValid(args->courses))
	{
		if (args->courses_key)
			orphan = "courses_key";
		else if (args->title_column)
			orphan = "title_column";
		else if (args->description_column)
			orphan = "description_column";
		else if (args->n_genres > 0)
			orphan = "genre_columns";
	}
	if (orphan == NULL && !OidIsValid(args->users) && args->n_features > 0)
	{
		orphan = "user_feature_columns";
		relation = "users";
	}
	if (orphan)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s cannot be given without %s", orphan, relation)));
}

/* Raises for a column that is named more than once. */
static void
check_distinct(const char *argument, char **columns, int n)
{
	for (int i = 0; i < n; i++)
		for (int j = 0; j < i; j++)
			if (strcmp(columns[i], columns[j]) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("%s names column \"%s\" more than once", argument, columns[i]),
						 errhint("Name every column once.")));
}

/* A model that uses the dataset, or NULL; whose it is. */
static char *
using_model(const char *dataset, char **owner)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(dataset)};

	registry_execute(REGISTRY_READ,
					 "SELECT m.model, m.owner FROM %s.recsys_model AS m"
					 " WHERE m.dataset OPERATOR(pg_catalog.=) $1 ORDER BY 1 LIMIT 1",
					 1, types, values, NULL);
	if (SPI_processed == 0)
		return NULL;
	*owner = registry_text(0, 2);
	return registry_text(0, 1);
}

/* What keys of a type are compared as: numbers, bytes, or uuid; 0 for other types. */
static char
key_class(Oid type)
{
	Oid			read_type = key_read_type(type);

	if (!OidIsValid(read_type))
		return 0;
	return read_type == UUIDOID ? 'u' : key_kind(read_type) == KEY_NUMBER ? 'n' : 'b';
}

/* The same by the name that recsys_dataset has. */
static char
named_class(const char *name)
{
	static const Oid types[] = {INT2OID, INT4OID, INT8OID, TEXTOID, VARCHAROID, UUIDOID};

	for (int i = 0; i < (int) lengthof(types); i++)
		if (strcmp(name, format_type_be(types[i])) == 0)
			return key_class(types[i]);
	return 0;
}

/*
 * Are keys of this type compared as those of the registered column are now?  As it was when it was
 * registered, if the relation is gone; a column that is gone was renamed.
 */
static bool
same_class(const Dataset *old, const char *column, const char *registered, Oid type)
{
	Oid			relid = dataset_find_relation(old->ratings);
	AttrNumber	attnum;

	if (!OidIsValid(relid))
		return named_class(registered) == key_class(type);
	attnum = get_attnum(relid, column);
	return attnum <= InvalidAttrNumber ||
		key_class(getBaseType(get_atttype(relid, attnum))) == key_class(type);
}

/* Is the key another column?  One that was renamed in its relation is the same, under its new name. */
static bool
other_column(const char *relation, const char *registered, const char *column)
{
	Oid			relid;

	if (registered == NULL || column == NULL || strcmp(registered, column) == 0)
		return false;
	relid = dataset_find_relation(relation);
	return !OidIsValid(relid) || get_attnum(relid, registered) > InvalidAttrNumber;
}

/* Would the registered row know users and courses by other keys? */
static bool
keys_differ(const DatasetArgs *args, Oid user_type, Oid course_type, const char *users_key,
			const char *old_user_type, const char *old_course_type)
{
	const Dataset *old = dataset_open(args->name, CurrentMemoryContext);

	return other_column(old->ratings, old->user_column, args->user_column) ||
		other_column(old->ratings, old->course_column, args->course_column) ||
		other_column(old->courses, old->courses_key, args->courses_key) ||
		other_column(old->users, old->users_key, users_key) ||
		!same_class(old, old->user_column, old_user_type, user_type) ||
		!same_class(old, old->course_column, old_course_type, course_type);
}

/* An equal name must be the caller's own, and keep its keys while models use it. */
static void
check_replace(const DatasetArgs *args, Oid user_type, Oid course_type, const char *users_key)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(args->name)};
	char	   *model,
			   *owner;

	registry_execute(REGISTRY_READ,
					 "SELECT d.owner, d.user_type, d.course_type"
					 " FROM %s.recsys_dataset AS d WHERE d.name OPERATOR(pg_catalog.=) $1",
					 lengthof(types), types, values, NULL);
	if (SPI_processed == 0)
		return;
	owner = registry_text(0, 1);
	if (!registry_is_owner(owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of dataset \"%s\"", args->name),
				 hint_owner(owner)));
	if (!keys_differ(args, user_type, course_type, users_key, registry_text(0, 2),
					 registry_text(0, 3)))
		return;
	model = using_model(args->name, &owner);
	if (model)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot change the keys of dataset \"%s\" because model \"%s\" uses it",
						args->name, model),
				 errhint("Have role \"%s\" drop the model with drop_model() first, or register another dataset.",
						 owner)));
}

/* Text or null, as a parameter of the INSERT. */
static void
put_text(Datum *value, char *null, const char *text)
{
	*null = text ? ' ' : 'n';
	*value = text ? CStringGetTextDatum(text) : (Datum) 0;
}

/* text[] or null. */
static void
put_texts(Datum *value, char *null, char **texts, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * (n + 1));

	for (int i = 0; i < n; i++)
		elements[i] = CStringGetTextDatum(texts[i]);
	*null = n > 0 ? ' ' : 'n';
	*value = n > 0 ?
		PointerGetDatum(construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT)) : (Datum) 0;
}

#define N_VALUES 19

/* Writes the row, over an equal name. */
static void
write_dataset(const DatasetArgs *args, const char *const texts[], int n_texts)
{
	Oid			types[N_VALUES];
	Datum		values[N_VALUES];
	char		nulls[N_VALUES];

	for (int i = 0; i < n_texts; i++)
	{
		types[i] = TEXTOID;
		put_text(&values[i], &nulls[i], texts[i]);
	}
	types[n_texts] = types[n_texts + 1] = TEXTARRAYOID;
	put_texts(&values[n_texts], &nulls[n_texts], args->genre_columns, args->n_genres);
	put_texts(&values[n_texts + 1], &nulls[n_texts + 1], args->feature_columns, args->n_features);
	types[n_texts + 2] = JSONBOID;
	values[n_texts + 2] = args->options;
	nulls[n_texts + 2] = ' ';
	Assert(n_texts + 3 == N_VALUES);

	registry_execute(REGISTRY_WRITE_DATASETS,
					 "INSERT INTO %s.recsys_dataset AS d (name, owner, ratings, courses, users, terms,"
					 " user_column, course_column, rating_column, time_column, courses_key,"
					 " title_column, description_column, users_key, user_type, course_type,"
					 " genre_columns, user_feature_columns, options)"
					 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,"
					 " $17, $18, $19)"
					 " ON CONFLICT (name) DO UPDATE SET ratings = excluded.ratings,"
					 " courses = excluded.courses, users = excluded.users, terms = excluded.terms,"
					 " user_column = excluded.user_column, course_column = excluded.course_column,"
					 " rating_column = excluded.rating_column, time_column = excluded.time_column,"
					 " courses_key = excluded.courses_key, title_column = excluded.title_column,"
					 " description_column = excluded.description_column,"
					 " users_key = excluded.users_key, user_type = excluded.user_type,"
					 " course_type = excluded.course_type, genre_columns = excluded.genre_columns,"
					 " user_feature_columns = excluded.user_feature_columns,"
					 " options = excluded.options, registered_at = pg_catalog.now()",
					 N_VALUES, types, values, nulls);
}

/* The caller must be able to read what it registers. */
static void
check_readable(const DatasetArgs *args, char *ratings, char *courses, char *users, char *terms,
			   char *users_key)
{
	Resolved	resolved = {0};
	Dataset		dataset = {
		.name = args->name, .ratings = ratings, .courses = courses, .users = users, .terms = terms,
		.user_column = args->user_column, .course_column = args->course_column,
		.rating_column = args->rating_column, .time_column = args->time_column,
		.courses_key = args->courses_key, .title_column = args->title_column,
		.description_column = args->description_column,
		.genre_columns = args->genre_columns, .n_genres = args->n_genres,
		.users_key = users_key,
		.feature_columns = args->feature_columns, .n_features = args->n_features,
		.resolved = &resolved
	};

	dataset_check_select(&dataset);
}

/* register_dataset(): checks everything, then writes the row. */
void
dataset_register(DatasetArgs *args)
{
	char	   *ratings,
			   *courses,
			   *users,
			   *terms,
			   *users_key;
	Oid			user_type,
				course_type;

	PreventCommandIfReadOnly("register_dataset()");
	check_object_name("dataset", args->name);
	users_key = options_text(args->options, "users_key");
	check_orphans(args);
	check_distinct("genre_columns", args->genre_columns, args->n_genres);
	check_distinct("user_feature_columns", args->feature_columns, args->n_features);
	if (users_key && !OidIsValid(args->users))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s cannot be given without %s", "users_key", "users")));
	ratings = source_name(args->ratings, "ratings");
	courses = source_name(args->courses, "courses");
	users = source_name(args->users, "users");
	terms = source_name(args->terms, "terms");
	check_ratings(args, ratings, &user_type, &course_type);
	if (courses)
		check_courses(args, courses, course_type);
	if (terms)
		check_terms(args, terms, course_type);
	if (users)
		users_key = check_users(args, users, users_key, user_type);
	check_readable(args, ratings, courses, users, terms, users_key);

	/* Before the lock on the name, too: who may not replace it must not make others wait. */
	registry_will_write(registry()->dataset_rel);
	SPI_connect();
	check_replace(args, user_type, course_type, users_key);
	registry_lock(registry()->dataset_rel, args->name, true, true);
	check_replace(args, user_type, course_type, users_key);
	{
		const char *const texts[] = {
			args->name, GetUserNameFromId(GetUserId(), false), ratings, courses, users, terms,
			args->user_column, args->course_column, args->rating_column, args->time_column,
			args->courses_key, args->title_column, args->description_column, users_key,
			format_type_be(user_type), format_type_be(course_type)
		};

		write_dataset(args, texts, lengthof(texts));
	}
	SPI_finish();
}

/* Raises unless a relation of held-out ratings has this column of the dataset. */
static void
require_test_column(const Dataset *dataset, const char *relation, Oid relid, const char *column)
{
	if (get_attnum(relid, column) > InvalidAttrNumber)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" of relation %s does not exist", column, relation),
			 errhint("Held-out ratings have the column names of dataset \"%s\": \"%s\", \"%s\"%s%s%s.",
					 dataset->name, dataset->user_column, dataset->course_column,
					 dataset->rating_column ? ", \"" : "",
					 dataset->rating_column ? dataset->rating_column : "",
					 dataset->rating_column ? "\"" : "")));
}

/* Type of a column of the dataset's ratings. */
static Oid
ratings_type(const Dataset *dataset, const char *column)
{
	return dataset_column_type(dataset, dataset->ratings,
							   dataset_relation(dataset, dataset->ratings), column);
}

/*
 * The dataset with another relation of ratings, and nothing else: held-out
 * ratings, under the same column names, times not needed.  It may be a temporary
 * relation.  Raises when it has not these columns, or other types.
 */
Dataset *
dataset_with_ratings(const Dataset *dataset, Oid relid)
{
	Dataset    *copy = palloc0(sizeof(Dataset));
	DatasetArgs args = {.ratings = relid};
	Oid			user_type,
				course_type;

	copy->name = dataset->name;
	copy->ratings = relation_readable_name(relid, "held-out ratings");
	copy->user_column = args.user_column = dataset->user_column;
	copy->course_column = args.course_column = dataset->course_column;
	copy->rating_column = args.rating_column = dataset->rating_column;
	copy->resolved = palloc0(sizeof(Resolved));
	require_test_column(dataset, copy->ratings, relid, copy->user_column);
	require_test_column(dataset, copy->ratings, relid, copy->course_column);
	if (copy->rating_column)
		require_test_column(dataset, copy->ratings, relid, copy->rating_column);
	check_ratings(&args, copy->ratings, &user_type, &course_type);
	check_same_kind(copy->ratings, copy->user_column, user_type,
					ratings_type(dataset, dataset->user_column));
	check_same_kind(copy->ratings, copy->course_column, course_type,
					ratings_type(dataset, dataset->course_column));
	return copy;
}

/* Raises unless the dataset is the caller's. */
static void
require_owner(const Dataset *dataset)
{
	if (!registry_is_owner(dataset->owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of dataset \"%s\"", dataset->name),
				 hint_owner(dataset->owner)));
}

/* drop_dataset(): refuses while models use it. */
void
dataset_drop(const char *name)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(name)};
	char	   *model,
			   *owner;

	PreventCommandIfReadOnly("drop_dataset()");
	registry_will_write(registry()->dataset_rel);
	require_owner(dataset_open(name, CurrentMemoryContext));
	registry_lock(registry()->dataset_rel, name, true, true);
	require_owner(dataset_open_for_update(name, CurrentMemoryContext));
	SPI_connect();
	model = using_model(name, &owner);
	if (model)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot drop dataset \"%s\" because model \"%s\" uses it", name, model),
				 errhint("Have role \"%s\" drop the model with drop_model() first.", owner)));
	registry_execute(REGISTRY_WRITE_DATASETS,
					 "DELETE FROM %s.recsys_dataset AS d WHERE d.name OPERATOR(pg_catalog.=) $1",
					 1, types, values, NULL);
	SPI_finish();
}
