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

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "pg/compat.h"
#include "pg/registry.h"

static Registry tables;
static uint64 generation = 1;
static uint64 catalog_generation = 1;
static uint64 tables_generation = 0;	/* generation when tables was filled */
static uint64 epoch = 1;				/* of snapshot marks: older ones count no more */

/* Some relation changed, or (InvalidOid) any may have. */
static void
relation_changed(Datum arg, Oid relation)
{
	catalog_generation++;
	if (relation == InvalidOid || relation == tables.dataset_rel || relation == tables.model_rel)
		generation++;
}

/* A schema, a role, a membership, the owner of the database (who is a member of one) or a type changed. */
static void
catalog_changed(Datum arg, int cache, uint32 hash)
{
	catalog_generation++;
}

/* A transaction has ended. */
static void
transaction_ended(XactEvent event, void *arg)
{
	epoch++;
}

/* A subtransaction rolls back; one without an id has changed nothing. */
static void
subtransaction_ended(SubXactEvent event, SubTransactionId id, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB && TransactionIdIsValid(GetCurrentTransactionIdIfAny()))
		epoch++;
}

/* Listens to invalidations and to the end of transactions; once, when the library is loaded. */
void
registry_init(void)
{
	static const int caches[] = {
		NAMESPACEOID, AUTHOID, AUTHMEMROLEMEM, DATABASEOID, TYPEOID, RELNAMENSP
	};

	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	for (int i = 0; i < (int) lengthof(caches); i++)
		CacheRegisterSyscacheCallback(caches[i], catalog_changed, (Datum) 0);
	RegisterXactCallback(transaction_ended, NULL);
	RegisterSubXactCallback(subtransaction_ended, NULL);
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

/*
 * The mark of the active snapshot.  Of the transactions below xmax those that
 * were running can only become fewer, so their number tells which they are.
 */
SnapshotMark
registry_snapshot_mark(void)
{
	Snapshot	snapshot = GetActiveSnapshot();

	return (SnapshotMark) {
		.epoch = epoch,
		.xmax = snapshot->xmax,
		.xcnt = snapshot->xcnt,
		.subxcnt = snapshot->subxcnt,
		.curcid = snapshot->curcid
	};
}

/* May what was read then be used without looking again? */
bool
registry_still_good(uint64 read_generation, const SnapshotMark *mark)
{
	SnapshotMark now;

	if (read_generation == generation)
		return true;
	now = registry_snapshot_mark();
	return mark->epoch == now.epoch && mark->xmax == now.xmax && mark->xcnt == now.xcnt &&
		mark->subxcnt == now.subxcnt && mark->curcid == now.curcid;
}

/* Makes the latest snapshot the active one. */
void
registry_push_latest(void)
{
	PushActiveSnapshot(GetLatestSnapshot());
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
	uint64		before;

	/* Else a transaction that takes no lock for the first time would hear of nothing. */
	AcceptInvalidationMessages();
	before = generation;
	if (schema == tables.schema && tables_generation == generation)
		return;
	tables.schema = InvalidOid;
	tables.dataset_rel = own_table(schema, "recsys_dataset");
	tables.model_rel = own_table(schema, "recsys_model");
	tables.data_rel = own_table(schema, "recsys_model_data");
	tables.evaluation_rel = own_table(schema, "recsys_evaluation");
	tables.owner = relation_owner(tables.model_rel);
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

/*
 * Can the trigger run no code but the owner's?  Only the owner of a table can make a trigger ENABLE ALWAYS;
 * triggers of foreign keys run as the owner of the table that refers; ours may have lost the ALWAYS in a
 * restore, and run nothing else unless they have a condition.
 */
static bool
is_trusted(const Trigger *trigger)
{
	return trigger->tgenabled != TRIGGER_FIRES_ON_ORIGIN || trigger->tgisinternal ||
		(trigger->tgqual == NULL && get_func_namespace(trigger->tgfoid) == tables.schema &&
		 strcmp(get_func_name(trigger->tgfoid), "recsys_invalidate") == 0);
}

/*
 * Whoever has the privilege TRIGGER on a table can put code on it, which would run here under the rights
 * of the table's owner.  The lock keeps new triggers away until the end of the transaction.
 */
static void
check_triggers(Oid table)
{
	Relation	relation = table_open(table, RowExclusiveLock);
	TriggerDesc *triggers = relation->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (!is_trusted(trigger))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("trigger \"%s\" on table \"%s\" is not enabled as ALWAYS",
							trigger->tgname, RelationGetRelationName(relation)),
					 errdetail("It would run under the rights of the owner of extension course_recsys, who may not have made it."),
					 errhint("Drop the trigger and revoke TRIGGER on the table; or, as its owner, use ALTER TABLE ... ENABLE ALWAYS TRIGGER.")));
	}
	table_close(relation, NoLock);
}

/* Runs one statement on the own tables as their owner. */
void
registry_execute(RegistryMode mode, const char *format, int n_args, Oid *types, Datum *values,
				 const char *nulls)
{
	char	   *sql = psprintf(format, quote_identifier(get_namespace_name(tables.schema)));
	Oid			user;
	int			security;
	int			result;
	bool		reads = mode < REGISTRY_WRITE_DATASETS;

	if (mode == REGISTRY_WRITE_DATASETS)
		check_triggers(tables.dataset_rel);
	if (mode == REGISTRY_WRITE_MODELS)
	{
		check_triggers(tables.model_rel);
		check_triggers(tables.data_rel);
	}
	if (mode == REGISTRY_WRITE_EVALUATIONS)
		check_triggers(tables.evaluation_rel);
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(tables.owner, security | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_NOFORCE_RLS);
	if (mode == REGISTRY_READ)
		registry_push_latest();
	else if (mode == REGISTRY_READ_TRANSACTION)
		PushActiveSnapshot(GetTransactionSnapshot());
	result = SPI_execute_with_args(sql, n_args, types, values, nulls, reads, 0);
	if (mode == REGISTRY_READ || mode == REGISTRY_READ_TRANSACTION)
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

/* Locks a table as INSERT, UPDATE and DELETE do. */
void
registry_will_write(Oid relation)
{
	LockRelationOid(relation, RowExclusiveLock);
}

/*
 * Takes the lock on a name in one of the tables until the end of the transaction.  What was committed while it
 * waited is heard of at once, as with locks on relations; what was read before is looked at again.
 */
bool
registry_lock(Oid relation, const char *name, bool exclusive, bool wait)
{
	LOCKTAG		tag;
	LockAcquireResult result;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, relation,
						 hash_bytes((const unsigned char *) name, strlen(name)), LOCK_CLASS);
	result = LockAcquire(&tag, exclusive ? ExclusiveLock : ShareLock, false, !wait);
	/* An advisory lock brings no news by itself. */
	AcceptInvalidationMessages();
	epoch++;
	return result != LOCKACQUIRE_NOT_AVAIL;
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
