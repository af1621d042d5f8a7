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
	char	   *schema_name;	/* quoted */
	Oid			owner;			/* of the extension's tables */
	Oid			dataset_rel;
	Oid			model_rel;
	Oid			data_rel;
} Registry;

/* Called at the start of every entry point: finds the tables beside that function. */
extern void registry_enter(FunctionCallInfo fcinfo);

/* The tables, once entered. */
extern const Registry *registry(void);

/*
 * Rises whenever a row of the tables, or the name of their schema, may have changed.  Whoever caches what it
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
 * Runs one statement on the own tables as their owner, within an open SPI
 * connection.  The format's only %s is the schema.  read: under the latest
 * snapshot; else as a command that sees and makes changes.  Results are in
 * SPI_processed and SPI_tuptable.
 */
typedef enum RegistryMode
{
	REGISTRY_READ,
	REGISTRY_READ_TRANSACTION,	/* under the transaction's own snapshot */
	REGISTRY_WRITE
} RegistryMode;

extern void registry_execute(RegistryMode mode, const char *format, int n_args, Oid *types,
							 Datum *values, const char *nulls);

/* Column `column` (from 1) of result row `row` (from 0), as text; NULL when null. */
extern char *registry_text(uint64 row, int column);
extern Datum registry_datum(uint64 row, int column, bool *isnull);

/*
 * Takes the lock on a name in one of the tables until the end of the
 * transaction; false when it must not wait and somebody else has it.
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
