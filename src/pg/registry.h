/*
 * registry.h
 *		The extension's own tables, and the right to use them.
 */
#ifndef PG_REGISTRY_H
#define PG_REGISTRY_H

#include "executor/spi.h"
#include "utils/snapshot.h"

/* Where the extension lives in this database. */
typedef struct Registry
{
	Oid			schema;
	Oid			owner;			/* of the extension's tables */
	Oid			dataset_rel;
	Oid			model_rel;
	Oid			data_rel;
	Oid			evaluation_rel;
} Registry;

/* Called at the start of every entry point: finds the tables beside that function. */
extern void registry_enter(FunctionCallInfo fcinfo);

/* The tables, once entered. */
extern const Registry *registry(void);

/*
 * Rises whenever a row of the tables may have changed.  Whoever caches what it
 * read remembers the generation from before reading.
 */
extern uint64 registry_generation(void);

/*
 * Rises whenever names, columns, types or privileges in the database may have
 * changed: what was found out about a relation at this generation still holds.
 */
extern uint64 registry_catalog_generation(void);

extern void registry_init(void);	/* when the library is loaded */

/*
 * What the active snapshot sees, in short: two equal marks see the same
 * committed transactions and the same changes of their own one.
 */
typedef struct SnapshotMark
{
	uint64		epoch;			/* rises when changes of our own may have been undone, and with locks */
	TransactionId xmax;
	uint32		xcnt;
	int32		subxcnt;
	CommandId	curcid;
} SnapshotMark;

/* The mark of the active snapshot. */
extern SnapshotMark registry_snapshot_mark(void);

/*
 * May what was looked at under `mark`, at `generation`, be used without looking
 * again?  Yes when nothing has changed, and within one snapshot also when
 * something has: a statement is served from one version.
 */
extern bool registry_still_good(uint64 read_generation, const SnapshotMark *mark);

/*
 * Several reads that must fit together: makes the latest snapshot the active
 * one.  PopActiveSnapshot() ends it.
 */
extern void registry_push_latest(void);

/*
 * Runs one statement on the own tables as their owner, within an open SPI
 * connection.  The format's only %s is the schema.  Results are in SPI_processed
 * and SPI_tuptable.
 */
typedef enum RegistryMode
{
	REGISTRY_READ,				/* under the latest snapshot */
	REGISTRY_READ_ACTIVE,		/* under the active snapshot */
	REGISTRY_READ_TRANSACTION,	/* under the transaction's own snapshot */
	REGISTRY_WRITE_DATASETS,	/* a command that sees and makes changes of recsys_dataset */
	REGISTRY_WRITE_MODELS,		/* of recsys_model and recsys_model_data */
	REGISTRY_WRITE_EVALUATIONS	/* of recsys_evaluation */
} RegistryMode;

extern void registry_execute(RegistryMode mode, const char *format, int n_args, Oid *types,
							 Datum *values, const char *nulls);

/* Column `column` (from 1) of result row `row` (from 0), as text; NULL when null. */
extern char *registry_text(uint64 row, int column);
extern Datum registry_datum(uint64 row, int column, bool *isnull);

/*
 * To be called before the first read of a table that will be written in this
 * call, and before registry_lock: a reader that becomes a writer can deadlock
 * with REINDEX.
 */
extern void registry_will_write(Oid relation);

/*
 * Takes the lock on a name in one of the tables until the end of the
 * transaction; false when it must not wait and somebody else has it.  What is
 * opened afterwards is what there is under the lock.
 */
extern bool registry_lock(Oid relation, const char *name, bool exclusive, bool wait);

/* Is the current user that role, a member of it, or superuser?  A role that is gone: superuser only. */
extern bool registry_is_owner(const char *role);

/*
 * Within ereport: the hint of an error for those who are not the owner.  It
 * does not say who is: they may not even see the model or dataset.
 */
extern int	hint_owner(const char *role);

#endif							/* PG_REGISTRY_H */
