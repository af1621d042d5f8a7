/*
 * registry.c
 *		The extension's own tables, and the right to use them.
 *
 * The tables are found through the schema of the function that was called,
 * never through the search path, and are used under the rights of their owner,
 * for our own statements only; an error restores the user with the
 * (sub)transaction.  Every name, operator and cast in such a statement is
 * qualified.
 *
 * Sessions hear of changes through relation cache invalidations, which a
 * trigger on the tables sends.  They arrive with the commit, on hot standbys
 * too.  The callback only counts: it may run anywhere.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "pg/compat.h"
#include "pg/registry.h"

static Registry tables;
static uint64 generation = 1;
static uint64 catalog_generation = 1;
static uint64 tables_generation = 0;	/* generation when tables was filled */

/* Some relation changed, or (InvalidOid) any may have. */
static void
relation_changed(Datum arg, Oid relation)
{
	catalog_generation++;
	if (relation == InvalidOid || relation == tables.dataset_rel || relation == tables.model_rel)
		generation++;
}

/* A schema, a role, a membership or a type changed.  The schema may be ours, under another name now. */
static void
catalog_changed(Datum arg, int cache, uint32 hash)
{
	catalog_generation++;
	if (cache == NAMESPACEOID)
		generation++;
}

/* Listens to invalidations; once, when the library is loaded. */
void
registry_init(void)
{
	static const int caches[] = {NAMESPACEOID, AUTHOID, AUTHMEMROLEMEM, TYPEOID, RELNAMENSP};

	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	for (int i = 0; i < (int) lengthof(caches); i++)
		CacheRegisterSyscacheCallback(caches[i], catalog_changed, (Datum) 0);
}

/* Rises whenever names, columns, types or privileges in the database may have changed. */
uint64
registry_catalog_generation(void)
{
	return catalog_generation;
}

/* Rises whenever a row of the tables may have changed. */
uint64
registry_generation(void)
{
	return generation;
}

/* OID of one of the tables. */
static Oid
own_table(Oid schema, const char *name)
{
	Oid			relation = get_relname_relid(name, schema);

	if (!OidIsValid(relation))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"%s\" of extension course_recsys does not exist", name),
				 errhint("Create the extension again.")));
	return relation;
}

/* Owner of a relation. */
static Oid
relation_owner(Oid relation)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relation);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* Called at the start of every entry point: finds the tables beside that function. */
void
registry_enter(FunctionCallInfo fcinfo)
{
	Oid			schema = get_func_namespace(fcinfo->flinfo->fn_oid);
	uint64		before = generation;
	char	   *name;

	if (schema == tables.schema && tables_generation == generation)
		return;
	tables.schema = InvalidOid;
	tables.dataset_rel = own_table(schema, "recsys_dataset");
	tables.model_rel = own_table(schema, "recsys_model");
	tables.data_rel = own_table(schema, "recsys_model_data");
	tables.owner = relation_owner(tables.model_rel);
	name = MemoryContextStrdup(TopMemoryContext, quote_identifier(get_namespace_name(schema)));
	if (tables.schema_name)
		pfree(tables.schema_name);
	tables.schema_name = name;
	tables.schema = schema;
	tables_generation = before;
}

/* The tables, once entered. */
const Registry *
registry(void)
{
	Assert(OidIsValid(tables.schema));
	return &tables;
}

/* Runs one statement on the own tables as their owner. */
void
registry_execute(RegistryMode mode, const char *format, int n_args, Oid *types, Datum *values,
				 const char *nulls)
{
	char	   *sql = psprintf(format, tables.schema_name);
	Oid			user;
	int			security;
	int			result;

	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(tables.owner, security | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_NOFORCE_RLS);
	if (mode == REGISTRY_READ)
		PushActiveSnapshot(GetLatestSnapshot());
	else if (mode == REGISTRY_READ_TRANSACTION)
		PushActiveSnapshot(GetTransactionSnapshot());
	result = SPI_execute_with_args(sql, n_args, types, values, nulls, mode != REGISTRY_WRITE, 0);
	if (mode != REGISTRY_WRITE)
		PopActiveSnapshot();
	SetUserIdAndSecContext(user, security);
	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", sql, SPI_result_code_string(result));
	pfree(sql);
}

/* One value of the result of registry_execute. */
Datum
registry_datum(uint64 row, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);
}

/* One value of the result of registry_execute, as text; NULL when null. */
char *
registry_text(uint64 row, int column)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}

/*
 * An advisory lock of a class that no SQL function takes, with the table's OID in
 * the tag, cannot meet a lock of an application.
 */
#define LOCK_CLASS 3

/* Takes the lock on a name in one of the tables until the end of the transaction. */
bool
registry_lock(Oid relation, const char *name, bool exclusive, bool wait)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, relation,
						 hash_bytes((const unsigned char *) name, strlen(name)), LOCK_CLASS);
	return LockAcquire(&tag, exclusive ? ExclusiveLock : ShareLock, false, !wait) !=
		LOCKACQUIRE_NOT_AVAIL;
}

/* Is the current user that role, a member of it, or superuser? */
bool
registry_is_owner(const char *role)
{
	Oid			owner = get_role_oid(role, true);

	if (!OidIsValid(owner))
		return superuser();
	return has_privs_of_role(GetUserId(), owner);
}

/* Who can do it instead.  A dump may bring models of roles that are not here. */
int
hint_owner(const char *role)
{
	if (OidIsValid(get_role_oid(role, true)))
		return errhint("Only its owner, members of the owner's role and superusers can do that.");
	errdetail("The role that owns it does not exist.");
	return errhint("A superuser can do that, or enter another role in the column \"owner\" of the extension's table.");
}

RECSYS_FUNCTION(recsys_invalidate);

/* Trigger of the own tables: tells every session that rows have changed. */
Datum
recsys_invalidate(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by a trigger", "recsys_invalidate")));
	CacheInvalidateRelcacheByRelid(RelationGetRelid(trigger->tg_relation));
	return PointerGetDatum(NULL);
}
