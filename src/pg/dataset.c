/*
 * dataset.c
 *		Datasets in use: cached rows of recsys_dataset, their relations resolved
 *		by name at each use, and the rights to read them.
 *
 * (Registering and dropping is in dataset_register.c.)
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "pg/compat.h"
#include "pg/dataset.h"
#include "pg/registry.h"
#include "pg/view_rights.h"

/* The session's cache: by name. */
typedef struct CacheSlot
{
	char		name[NAMEDATALEN];	/* must be first */
	uint64		generation;		/* of the registry when it was last checked */
	SnapshotMark mark;			/* of the snapshot that last used it */
	Dataset    *dataset;
} CacheSlot;

static HTAB *cache = NULL;

/* Types in which columns are read, by the type that they are stored as. */
Oid
key_read_type(Oid type)
{
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case TEXTOID:
		case UUIDOID:
			return type;
		case VARCHAROID:
			return TEXTOID;
		default:
			return InvalidOid;
	}
}

/* Ratings, genre flags and weights of words. */
Oid
rating_read_type(Oid type)
{
	switch (type)
	{
		case FLOAT4OID:
			return FLOAT4OID;
		case FLOAT8OID:
		case NUMERICOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return FLOAT8OID;
		default:
			return InvalidOid;
	}
}

/* Times of ratings. */
Oid
time_read_type(Oid type)
{
	switch (type)
	{
		case TIMESTAMPTZOID:
		case TIMESTAMPOID:
		case DATEOID:
			return type;
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return INT8OID;
		default:
			return InvalidOid;
	}
}

/* Titles, descriptions, words and attributes: built-in types whose text says what they are. */
Oid
text_read_type(Oid type)
{
	switch (type)
	{
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case NAMEOID:
		case CHAROID:
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case DATEOID:
		case UUIDOID:
			return TEXTOID;
		default:
			return type_is_enum(type) ? TEXTOID : InvalidOid;
	}
}

/* Genre columns may also be boolean. */
Oid
genre_read_type(Oid type)
{
	return type == BOOLOID ? FLOAT8OID : rating_read_type(type);
}

/* How the core holds keys of that type. */
KeyKind
key_kind(Oid read_type)
{
	return read_type == TEXTOID || read_type == UUIDOID ? KEY_BYTES : KEY_NUMBER;
}

/* Qualified name of a read type, for casts. */
const char *
type_sql_name(Oid read_type)
{
	switch (read_type)
	{
		case INT2OID:
			return "pg_catalog.int2";
		case INT4OID:
			return "pg_catalog.int4";
		case INT8OID:
			return "pg_catalog.int8";
		case TEXTOID:
			return "pg_catalog.text";
		case UUIDOID:
			return "pg_catalog.uuid";
		case FLOAT4OID:
			return "pg_catalog.float4";
		case FLOAT8OID:
			return "pg_catalog.float8";
		case TIMESTAMPTZOID:
			return "pg_catalog.timestamptz";
		case TIMESTAMPOID:
			return "pg_catalog.timestamp";
		case DATEOID:
			return "pg_catalog.date";
	}
	elog(ERROR, "unexpected type %u", read_type);
}

/* Appends alias."column"::pg_catalog.type. */
void
append_column(StringInfo sql, const char *alias, const char *column, Oid read_type)
{
	appendStringInfo(sql, "%s.%s::%s", alias, quote_identifier(column), type_sql_name(read_type));
}

/* What is known about the relations, emptied when the catalog has changed. */
Resolved *
dataset_resolved(const Dataset *dataset)
{
	Resolved   *resolved = dataset->resolved;

	if (resolved->generation != registry_catalog_generation())
	{
		memset(resolved, 0, sizeof(*resolved));
		resolved->generation = registry_catalog_generation();
	}
	return resolved;
}

/* The stored names of its relations; NULL where it has none. */
void
dataset_sources(const Dataset *dataset, const char **names)
{
	names[RELATION_RATINGS] = dataset->ratings;
	names[RELATION_COURSES] = dataset->courses;
	names[RELATION_USERS] = dataset->users;
	names[RELATION_TERMS] = dataset->terms;
}

/* A stored name, taken apart. */
static RangeVar *
relation_name(const char *relation)
{
	return makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(relation)));
}

/* Finds a relation by the stored name, for a look at its definition; InvalidOid when it is not there. */
Oid
dataset_find_relation(const char *relation)
{
	RangeVar   *name = relation_name(relation);
	Oid			schema = get_namespace_oid(name->schemaname, true);

	return OidIsValid(schema) ? get_relname_relid(name->relname, schema) : InvalidOid;
}

/* Looks a stored name up and locks the relation. */
static Oid
lookup_relation(const Dataset *dataset, const char *relation)
{
	Oid			relid = RangeVarGetRelid(relation_name(relation), AccessShareLock, true);

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation %s of dataset \"%s\" does not exist", relation, dataset->name),
				 errhint("Create the relation again, or register the dataset with another one and train its models again.")));
	return relid;
}

/*
 * One of its relations by the stored name; missing: error that names the dataset.
 * It is locked as the statement that will read it does, until the end of the
 * transaction: what is found out about it holds then, though another session
 * may be replacing it.
 */
Oid
dataset_relation(const Dataset *dataset, const char *relation)
{
	const char *names[N_SOURCES];
	int			i = 0;
	Oid			relid;

	dataset_sources(dataset, names);
	while (names[i] != relation)
		i++;
	relid = dataset_resolved(dataset)->relids[i];
	if (OidIsValid(relid))
	{
		LockRelationOid(relid, AccessShareLock);
		/* The lock may have brought news of the catalog. */
		if (dataset_resolved(dataset)->relids[i] == relid)
			return relid;
		UnlockRelationOid(relid, AccessShareLock);
	}
	relid = lookup_relation(dataset, relation);
	/* So may the lookup, which looks again itself. */
	dataset_resolved(dataset)->relids[i] = relid;
	return relid;
}

/* Raises for a column whose type cannot serve. */
static void
raise_type(const Dataset *dataset, const char *relation, const char *column, Oid stored)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" of relation %s of dataset \"%s\" now has type %s", column,
					relation, dataset->name, format_type_be(stored)),
			 errhint("Change the type back, or register the dataset with another column and train its models again.")));
}

/* Type of a column, domains looked through; missing: error. */
Oid
dataset_column_type(const Dataset *dataset, const char *relation, Oid relid, const char *column)
{
	AttrNumber	attnum = get_attnum(relid, column);

	if (attnum <= InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation %s of dataset \"%s\" does not exist", column,
						relation, dataset->name),
				 errhint("Add the column again, or register the dataset with another one.")));
	return getBaseType(get_atttype(relid, attnum));
}

/* Type in which a column is read now; missing, or of a type that cannot serve: error. */
Oid
dataset_read_type(const Dataset *dataset, const char *relation, Oid relid, const char *column,
				  Oid (*read_type) (Oid))
{
	Oid			stored = dataset_column_type(dataset, relation, relid, column);
	Oid			type = read_type(stored);

	if (!OidIsValid(type))
		raise_type(dataset, relation, column, stored);
	return type;
}

/* The same for a key that is compared with keys of this kind. */
Oid
dataset_key_type(const Dataset *dataset, const char *relation, Oid relid, const char *column,
				 KeyKind kind)
{
	Oid			type = dataset_read_type(dataset, relation, relid, column, key_read_type);

	if (key_kind(type) != kind)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of relation %s of dataset \"%s\" now has type %s", column,
						relation, dataset->name,
						format_type_be(dataset_column_type(dataset, relation, relid, column))),
				 errhint("Change the type back, or give this key the same type in all relations of the dataset and train its models again.")));
	return type;
}

/* May the current user SELECT these columns of a relation?  NULL names are skipped. */
static bool
columns_granted(Oid relid, const char *const *columns, int n)
{
	bool		is_missing = false;

	if (pg_class_aclcheck_ext(relid, GetUserId(), ACL_SELECT, &is_missing) == ACLCHECK_OK)
		return true;
	if (is_missing)
		return false;
	for (int i = 0; i < n; i++)
	{
		AttrNumber	attnum;

		if (columns[i] == NULL)
			continue;
		attnum = get_attnum(relid, columns[i]);
		if (attnum <= InvalidAttrNumber ||
			pg_attribute_aclcheck(relid, attnum, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
			return false;
	}
	return true;
}

/* May the current user reach a relation, SELECT these columns of it, and read what it reads? */
static bool
columns_selectable(Oid relid, const char *const *columns, int n)
{
	Oid			schema = get_rel_namespace(relid);

	return OidIsValid(schema) &&
		pg_namespace_aclcheck(schema, GetUserId(), ACL_USAGE) == ACLCHECK_OK &&
		columns_granted(relid, columns, n) &&
		(get_rel_relkind(relid) != RELKIND_VIEW || view_sources_selectable(relid));
}

/* The first of the relations, which are those of the dataset, that the current user may not read, or NULL. */
static const char *
first_unreadable(const Dataset *d, const Oid *relids)
{
	const char *ratings[] = {d->user_column, d->course_column, d->rating_column, d->time_column};
	const char *courses[] = {d->courses_key, d->title_column, d->description_column};
	const char *users[] = {d->users_key};
	const char *terms[] = {d->course_column, "term", "weight"};

	if (!columns_selectable(relids[RELATION_RATINGS], ratings, lengthof(ratings)))
		return d->ratings;
	if (d->courses &&
		(!columns_selectable(relids[RELATION_COURSES], courses, lengthof(courses)) ||
		 !columns_selectable(relids[RELATION_COURSES], (const char *const *) d->genre_columns, d->n_genres)))
		return d->courses;
	if (d->users &&
		(!columns_selectable(relids[RELATION_USERS], users, lengthof(users)) ||
		 !columns_selectable(relids[RELATION_USERS], (const char *const *) d->feature_columns, d->n_features)))
		return d->users;
	if (d->terms && get_attnum(relids[RELATION_TERMS], d->course_column) == InvalidAttrNumber)
		terms[0] = "course_id";
	if (d->terms && !columns_selectable(relids[RELATION_TERMS], terms, lengthof(terms)))
		return d->terms;
	return NULL;
}

/* Raises unless the current user may SELECT all that a model of this dataset is made from. */
void
dataset_check_select(const Dataset *dataset)
{
	const char *relations[N_SOURCES];
	Oid			relids[N_SOURCES];
	const char *relation;
	uint64		generation;

	if (dataset_resolved(dataset)->reader == GetUserId())
		return;
	dataset_sources(dataset, relations);
	for (int i = 0; i < N_SOURCES; i++)
		relids[i] = relations[i] ? dataset_relation(dataset, relations[i]) : InvalidOid;
	generation = registry_catalog_generation();
	relation = first_unreadable(dataset, relids);
	if (relation)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for relation %s of dataset \"%s\"", relation,
						dataset->name),
				 errhint("Answers of a model are for roles that may SELECT the data it was trained on.")));
	/* News that came while checking may have taken a right that was found before. */
	if (generation == registry_catalog_generation())
		dataset_resolved(dataset)->reader = GetUserId();
}

/* The same as a question, without waiting for locks; a dataset whose relations are gone is nobody's. */
bool
dataset_readable(const Dataset *dataset)
{
	const char *relations[N_SOURCES];
	Oid			relids[N_SOURCES] = {InvalidOid};

	dataset_sources(dataset, relations);
	for (int i = 0; i < N_SOURCES; i++)
	{
		if (relations[i] == NULL)
			continue;
		relids[i] = dataset_find_relation(relations[i]);
		if (!OidIsValid(relids[i]))
			return false;
	}
	return first_unreadable(dataset, relids) == NULL;
}

/* Frees the plans that were replaced, unless a call that began before this one may be executing them. */
static void
free_retired_plans(Dataset *dataset)
{
	ListCell   *cell;

	if (dataset->pinned.pins > 1)
		return;
	foreach(cell, dataset->retired_plans)
		SPI_freeplan(lfirst(cell));
	list_free(dataset->retired_plans);
	dataset->retired_plans = NIL;
}

/* Retires the plan of a statement whose relation or column types differ now. */
bool
kept_plan_usable(Dataset *dataset, KeptPlan *kept, Oid relation, const Oid *types, int n_types)
{
	MemoryContext old;

	if (kept->plan == NULL)
		return false;
	if (kept->relation == relation && kept->n_types == n_types &&
		memcmp(kept->types, types, n_types * sizeof(Oid)) == 0)
		return true;
	old = MemoryContextSwitchTo(dataset->pinned.context);
	dataset->retired_plans = lappend(dataset->retired_plans, kept->plan);
	MemoryContextSwitchTo(old);
	kept->plan = NULL;
	free_retired_plans(dataset);
	return false;
}

/* Prepares a statement and keeps it. */
void
kept_plan_make(KeptPlan *kept, const char *sql, int n_args, Oid *arg_types, Oid relation,
			   const Oid *types, int n_types)
{
	SPIPlanPtr	plan = SPI_prepare(sql, n_args, arg_types);

	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare \"%s\": %s", sql, SPI_result_code_string(SPI_result));
	Assert(n_types <= KEPT_PLAN_TYPES);
	kept->relation = relation;
	memcpy(kept->types, types, n_types * sizeof(Oid));
	kept->n_types = n_types;
	kept->plan = plan;
}

/* Kept plans are not in the dataset's memory. */
static void
drop_plans(Pinned *object)
{
	Dataset    *dataset = (Dataset *) object;
	KeptPlan   *plans[] = {&dataset->history_plan, &dataset->courses_plan, &dataset->group_plan};

	for (int i = 0; i < (int) lengthof(plans); i++)
		if (plans[i]->plan)
			SPI_freeplan(plans[i]->plan);
	free_retired_plans(dataset);
}

/* A text[] of the result row as C strings. */
static char **
strings_of_array(int column, int *n)
{
	bool		isnull;
	Datum		array = registry_datum(0, column, &isnull);
	Datum	   *elements;
	char	  **strings;

	*n = 0;
	if (isnull)
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, n);
	strings = palloc(sizeof(char *) * (*n + 1));
	for (int i = 0; i < *n; i++)
		strings[i] = TextDatumGetCString(elements[i]);
	return strings;
}

/* The columns of recsys_dataset that fill_dataset reads, in its order. */
#define DATASET_COLUMNS \
	"d::pg_catalog.text, d.name, d.owner, d.ratings, d.courses, d.users, d.terms, d.user_column, " \
	"d.course_column, d.rating_column, d.time_column, d.courses_key, d.title_column, " \
	"d.description_column, d.users_key, d.genre_columns, d.user_feature_columns"

/* Builds a Dataset, in the current memory context, from the result row. */
static void
fill_dataset(Dataset *dataset)
{
	char	  **fields[] = {
		&dataset->image, &dataset->name, &dataset->owner, &dataset->ratings, &dataset->courses,
		&dataset->users, &dataset->terms, &dataset->user_column, &dataset->course_column,
		&dataset->rating_column, &dataset->time_column, &dataset->courses_key,
		&dataset->title_column, &dataset->description_column, &dataset->users_key
	};

	for (int i = 0; i < (int) lengthof(fields); i++)
	{
		char	   *value = registry_text(0, i + 1);

		*fields[i] = value ? pstrdup(value) : NULL;
	}
	dataset->genre_columns = strings_of_array(lengthof(fields) + 1, &dataset->n_genres);
	dataset->feature_columns = strings_of_array(lengthof(fields) + 2, &dataset->n_features);
}

/* Finds the row; the number of rows found is left in SPI_processed. */
static void
select_dataset(RegistryMode mode, const char *name)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(name)};

	registry_execute(mode,
					 "SELECT " DATASET_COLUMNS " FROM %s.recsys_dataset AS d"
					 " WHERE d.name OPERATOR(pg_catalog.=) $1", 1, types, values, NULL);
}

/* A new Dataset from the result row, in a context of its own. */
static Dataset *
load_dataset(void)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "course_recsys dataset",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Dataset    *dataset = palloc0(sizeof(Dataset));

	fill_dataset(dataset);
	dataset->resolved = palloc0(sizeof(Resolved));
	dataset->pinned.context = context;
	dataset->pinned.drop = drop_plans;
	MemoryContextSwitchTo(old);
	MemoryContextSetParent(context, TopMemoryContext);
	return dataset;
}

/* The dataset that a build was trained on, as it was then. */
Dataset *
dataset_of_build(const pg_uuid_t *build)
{
	Oid			types[] = {UUIDOID};
	Datum		values[] = {UUIDPGetDatum(build)};

	registry_execute(REGISTRY_READ_ACTIVE,
					 "SELECT " DATASET_COLUMNS " FROM %1$s.recsys_model AS m,"
					 " pg_catalog.jsonb_populate_record(NULL::%1$s.recsys_dataset, m.source) AS d"
					 " WHERE m.build OPERATOR(pg_catalog.=) $1", 1, types, values, NULL);
	return SPI_processed > 0 ? load_dataset() : NULL;
}

/* A dataset outside the cache, which is discarded with the call: may the current user read it? */
static bool
source_readable(Dataset *source)
{
	pin_until(&source->pinned, CurrentMemoryContext);
	pin_discard(&source->pinned);
	return dataset_readable(source);
}

/*
 * May the current user SELECT all that an evaluation was made from: the dataset
 * as it was then and, as far as their columns were read, the held-out ratings?
 */
bool
dataset_evaluation_readable(const pg_uuid_t *evaluation)
{
	Oid			types[] = {UUIDOID};
	Datum		values[] = {UUIDPGetDatum(evaluation)};
	static const char *const sources[] = {
		"SELECT e.source WHERE true",
		"SELECT (e.source OPERATOR(pg_catalog.-) '{courses,users,terms,time_column}'::pg_catalog.text[])"
		" OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('ratings', e.test)"
		" WHERE e.test IS NOT NULL"
	};
	bool		readable = true;
	uint64		found = 0;

	SPI_connect();
	for (int i = 0; i < (int) lengthof(sources) && readable; i++)
	{
		char	   *query = psprintf("SELECT " DATASET_COLUMNS " FROM %%1$s.recsys_evaluation AS e,"
									 " LATERAL (%s) AS s (source), pg_catalog.jsonb_populate_record("
									 "NULL::%%1$s.recsys_dataset, s.source) AS d"
									 " WHERE e.evaluation OPERATOR(pg_catalog.=) $1", sources[i]);

		registry_execute(REGISTRY_READ_ACTIVE, query, 1, types, values, NULL);
		found += SPI_processed;
		if (SPI_processed > 0)
			readable = source_readable(load_dataset());
	}
	SPI_finish();
	return readable && found > 0;
}

/* Takes a dataset out of the cache, if it is there. */
static void
forget(const char *name)
{
	CacheSlot  *slot = hash_search(cache, name, HASH_FIND, NULL);
	Dataset    *dataset = slot ? slot->dataset : NULL;

	(void) hash_search(cache, name, HASH_REMOVE, NULL);
	if (dataset)
		pin_discard(&dataset->pinned);
}

/* Reads the row again; replaces the cached dataset only when it has changed.  Unknown: error. */
static Dataset *
refresh(const char *name, Dataset *cached)
{
	uint64		before = registry_generation();
	CacheSlot  *slot;

	SPI_connect();
	select_dataset(REGISTRY_READ, name);
	if (SPI_processed == 0)
	{
		forget(name);
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("dataset \"%s\" does not exist", name),
				 errhint("Register it with register_dataset(); the view recsys_datasets lists those that there are.")));
	}
	if (cached == NULL || strcmp(cached->image, registry_text(0, 1)) != 0)
	{
		cached = load_dataset();
		forget(name);
	}
	slot = hash_search(cache, name, HASH_ENTER, NULL);
	slot->dataset = cached;
	slot->generation = before;
	SPI_finish();
	return cached;
}

/* The dataset, pinned until the context is reset; unknown: error. */
Dataset *
dataset_open(const char *name, MemoryContext until)
{
	CacheSlot  *slot;
	Dataset    *dataset;

	if (cache == NULL)
	{
		HASHCTL		info = {.keysize = NAMEDATALEN, .entrysize = sizeof(CacheSlot)};

		cache = hash_create("course_recsys datasets", 16, &info, HASH_ELEM | HASH_STRINGS);
	}
	/* A longer name, which the table would cut off, is nobody's. */
	slot = strlen(name) < NAMEDATALEN ? hash_search(cache, name, HASH_FIND, NULL) : NULL;
	dataset = slot ? slot->dataset : NULL;
	if (dataset == NULL || !registry_still_good(slot->generation, &slot->mark))
	{
		dataset = refresh(name, dataset);
		slot = hash_search(cache, name, HASH_FIND, NULL);
	}
	slot->mark = registry_snapshot_mark();
	pin_until(&dataset->pinned, until);
	return dataset;
}

/* The same, to be read or changed under the transaction's snapshot: raises when that is older than the dataset. */
Dataset *
dataset_open_for_update(const char *name, MemoryContext until)
{
	Dataset    *dataset = dataset_open(name, until);

	if (!IsolationUsesXactSnapshot())
		return dataset;
	SPI_connect();
	select_dataset(REGISTRY_READ_TRANSACTION, name);
	if (SPI_processed == 0 || strcmp(dataset->image, registry_text(0, 1)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent change of dataset \"%s\"", name),
				 errhint("Retry the transaction.")));
	SPI_finish();
	return dataset;
}

/* Is a dataset of that name registered? */
bool
dataset_exists(const char *name)
{
	bool		exists;

	SPI_connect();
	select_dataset(REGISTRY_READ, name);
	exists = SPI_processed > 0;
	SPI_finish();
	return exists;
}

/* May the current user SELECT all that a build was trained on? */
bool
dataset_build_readable(const pg_uuid_t *build)
{
	Dataset    *source;
	bool		readable = false;

	SPI_connect();
	source = dataset_of_build(build);
	if (source)
		readable = source_readable(source);
	SPI_finish();
	return readable;
}
