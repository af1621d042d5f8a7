/*
 * store.c
 *		Versions of models in recsys_model and recsys_model_data.
 *
 * A model's bytes are rows of at most 1 MB: ordinary heap data, so it is in the
 * transaction, in the WAL, in dumps and on standbys without further work.
 * Versions are never reused: the newest one is never pruned, so the next number
 * is always higher than any before.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "pg/registry.h"
#include "pg/store.h"


/* Runs a statement with the model's name as $1 and a version as $2. */
static void
execute(RegistryMode mode, const char *format, const char *model, int version)
{
	Oid			types[] = {TEXTOID, INT4OID};
	Datum		values[] = {CStringGetTextDatum(model), Int32GetDatum(version)};

	registry_execute(mode, format, 2, types, values, NULL);
}

/* One int of the result; 0 for null. */
static int
result_int(int column)
{
	bool		isnull;
	Datum		value = registry_datum(0, column, &isnull);

	return isnull ? 0 : DatumGetInt32(value);
}

#define HEAD_QUERY \
	"SELECT pg_catalog.min(m.owner), pg_catalog.max(m.version)," \
	" pg_catalog.max(m.version) FILTER (WHERE m.published)," \
	" pg_catalog.max(m.published_at)::pg_catalog.text" \
	" FROM %s.recsys_model AS m WHERE m.model OPERATOR(pg_catalog.=) $1"

/* Reads the head; for_update: raises when a version is newer than the transaction's snapshot. */
ModelHead
store_head(const char *model, bool for_update)
{
	ModelHead	head;
	char	   *published_at;

	execute(REGISTRY_READ, HEAD_QUERY, model, 0);
	head.owner = registry_text(0, 1);
	head.exists = head.owner != NULL;
	head.newest = result_int(2);
	head.published = result_int(3);
	published_at = registry_text(0, 4);

	if (for_update && IsolationUsesXactSnapshot())
	{
		char	   *seen;

		execute(REGISTRY_READ_TRANSACTION, HEAD_QUERY, model, 0);
		seen = registry_text(0, 4);
		if (result_int(2) != head.newest || result_int(3) != head.published ||
			(seen == NULL) != (published_at == NULL) ||
			(seen && strcmp(seen, published_at) != 0))
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not serialize access due to concurrent change of model \"%s\"",
							model),
					 errhint("Retry the transaction.")));
	}
	return head;
}

/* Raises for a model that is not there. */
static void
raise_unknown(const char *model)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("model \"%s\" does not exist", model),
			 errhint("Train it with train_model(); the view recsys_models lists those that there are.")));
}

/* Raises unless the model exists and is the caller's. */
ModelHead
store_require_owner(const char *model)
{
	ModelHead	head = store_head(model, true);

	if (!head.exists)
		raise_unknown(model);
	if (!registry_is_owner(head.owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of model \"%s\"", model),
				 hint_owner(head.owner)));
	return head;
}

/* What read_version reads of recsys_model AS m. */
#define VERSION_COLUMNS \
	"m.version, m.build, m.dataset, m.bytes," \
	" m.encoding OPERATOR(pg_catalog.=) pg_catalog.getdatabaseencoding()::pg_catalog.text"

/* Reads a version off the row of the result: version, build, dataset, bytes. */
static void
read_version(PublishedModel *stored)
{
	bool		isnull;

	stored->version = result_int(1);
	stored->build = *DatumGetUUIDP(registry_datum(0, 2, &isnull));
	stored->dataset = registry_text(0, 3);
	stored->bytes = DatumGetInt64(registry_datum(0, 4, &isnull));
	stored->is_native = DatumGetBool(registry_datum(0, 5, &isnull));
}

/*
 * Is the newest version, published or not, made from the same data with the same parameters?  "verbose"
 * changes no model.
 */
bool
store_unchanged(const char *model, const char *method, Datum params, const char *dataset,
				uint64 fingerprint, PublishedModel *newest)
{
	Oid			types[] = {TEXTOID, TEXTOID, JSONBOID, TEXTOID, INT8OID};
	Datum		values[] = {
		CStringGetTextDatum(model), CStringGetTextDatum(method), params,
		CStringGetTextDatum(dataset), Int64GetDatum((int64) fingerprint)
	};

	registry_execute(REGISTRY_READ,
					 "SELECT " VERSION_COLUMNS " FROM %1$s.recsys_model AS m"
					 " WHERE m.model OPERATOR(pg_catalog.=) $1 AND m.version OPERATOR(pg_catalog.=)"
					 " (SELECT pg_catalog.max(n.version) FROM %1$s.recsys_model AS n"
					 " WHERE n.model OPERATOR(pg_catalog.=) $1)"
					 " AND m.method OPERATOR(pg_catalog.=) $2"
					 " AND (m.params OPERATOR(pg_catalog.-) 'verbose'::pg_catalog.text)"
					 " OPERATOR(pg_catalog.=) ($3 OPERATOR(pg_catalog.-) 'verbose'::pg_catalog.text)"
					 " AND m.dataset OPERATOR(pg_catalog.=) $4"
					 " AND m.fingerprint OPERATOR(pg_catalog.=) $5",
					 5, types, values, NULL);
	if (SPI_processed == 0)
		return false;
	read_version(newest);
	return true;
}

/* A random (version 4) uuid. */
static void
make_uuid(pg_uuid_t *uuid)
{
	if (!pg_strong_random(uuid->data, UUID_LEN))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
	uuid->data[6] = (uuid->data[6] & 0x0f) | 0x40;
	uuid->data[8] = (uuid->data[8] & 0x3f) | 0x80;
}

/* One piece of the bytes, as bytea. */
static bytea *
make_chunk(const char *bytes, size_t length)
{
	bytea	   *chunk = palloc(VARHDRSZ + length);

	SET_VARSIZE(chunk, VARHDRSZ + length);
	memcpy(VARDATA(chunk), bytes, length);
	return chunk;
}

/* Writes the bytes of a version; the row that names them comes later, since it says how long that took. */
pg_uuid_t
store_write(const void *bytes, size_t length, void (*progress) (int chunk, int n, void *arg),
			void *arg)
{
	int			n_chunks = (int) ((length + STORE_CHUNK_BYTES - 1) / STORE_CHUNK_BYTES);
	pg_uuid_t	build;

	make_uuid(&build);
	for (int i = 0; i < n_chunks; i++)
	{
		size_t		offset = (size_t) i * STORE_CHUNK_BYTES;
		bytea	   *chunk = make_chunk((const char *) bytes + offset,
									   Min(STORE_CHUNK_BYTES, length - offset));
		Oid			types[] = {UUIDOID, INT4OID, BYTEAOID};
		Datum		values[] = {UUIDPGetDatum(&build), Int32GetDatum(i), PointerGetDatum(chunk)};

		progress(i, n_chunks, arg);
		registry_execute(REGISTRY_WRITE_MODELS,
						 "INSERT INTO %s.recsys_model_data (build, chunk, data)"
						 " VALUES ($1, $2, $3)", 3, types, values, NULL);
		pfree(chunk);
	}
	progress(n_chunks, n_chunks, arg);
	return build;
}

/* Writes the row of a version, unpublished. */
void
store_insert(const ModelVersion *v)
{
	Oid			types[] = {
		TEXTOID, INT4OID, UUIDOID, TEXTOID, TEXTOID, JSONBOID, TEXTOID, INT8OID, INT4OID, INT8OID,
		INT8OID, INT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, TEXTOID, INT8OID, BOOLOID, TIMESTAMPTZOID,
		TEXTOID
	};
	Datum		values[] = {
		CStringGetTextDatum(v->model), Int32GetDatum(v->version), UUIDPGetDatum(&v->build),
		CStringGetTextDatum(v->owner), CStringGetTextDatum(v->method), v->params,
		CStringGetTextDatum(v->dataset), Int64GetDatum(v->summary->n_users),
		Int32GetDatum((int32) v->summary->n_courses), Int64GetDatum(v->summary->n_ratings),
		Int64GetDatum(v->summary->n_duplicates), Int64GetDatum((int64) v->summary->fingerprint),
		Float8GetDatum(v->load_seconds), Float8GetDatum(v->fit_seconds), Float8GetDatum(v->seconds),
		CStringGetTextDatum(v->training_log), Int64GetDatum((int64) v->length),
		BoolGetDatum(v->holds_user_rows), TimestampTzGetDatum(GetCurrentTimestamp()),
		CStringGetTextDatum(v->trained_by)
	};

	registry_execute(REGISTRY_WRITE_MODELS,
					 "INSERT INTO %1$s.recsys_model (model, version, build, published, owner, method,"
					 " params, dataset, source, users, courses, ratings, duplicates, fingerprint,"
					 " load_seconds, fit_seconds, seconds, training_log, bytes, holds_user_rows,"
					 " trained_at, trained_by) VALUES ($1, $2, $3, false, $4, $5, $6, $7,"
					 " (SELECT pg_catalog.to_jsonb(d) FROM %1$s.recsys_dataset AS d"
					 " WHERE d.name OPERATOR(pg_catalog.=) $7), $8, $9, $10, $11, $12,"
					 " $13, $14, $15, $16::pg_catalog.jsonb, $17, $18, $19, $20)",
					 lengthof(types), types, values, NULL);
}

/* Makes a version the one that is served. */
void
store_publish(const char *model, int version)
{
	execute(REGISTRY_WRITE_MODELS,
			"UPDATE %s.recsys_model AS m SET published = false"
			" WHERE m.model OPERATOR(pg_catalog.=) $1 AND m.published"
			" AND m.version OPERATOR(pg_catalog.<>) $2", model, version);
	/* A clock that was set back must not change the order of publications. */
	execute(REGISTRY_WRITE_MODELS,
			"UPDATE %1$s.recsys_model AS m SET published = true, withdrawn = false,"
			" published_at = GREATEST(pg_catalog.clock_timestamp(),"
			" (SELECT pg_catalog.max(o.published_at) FROM %1$s.recsys_model AS o"
			" WHERE o.model OPERATOR(pg_catalog.=) $1)"
			" OPERATOR(pg_catalog.+) '1 microsecond'::pg_catalog.interval)"
			" WHERE m.model OPERATOR(pg_catalog.=) $1 AND m.version OPERATOR(pg_catalog.=) $2",
			model, version);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" has no version %d", model, version),
				 errhint("The view recsys_model_versions lists the versions that are kept.")));
}

/* Where rollback_model goes: published before the current one and not withdrawn. */
#define TARGET_QUERY \
	"(SELECT t.version FROM %1$s.recsys_model AS t, %1$s.recsys_model AS c" \
	" WHERE t.model OPERATOR(pg_catalog.=) $1 AND c.model OPERATOR(pg_catalog.=) $1" \
	" AND c.published AND NOT t.published AND NOT t.withdrawn" \
	" AND t.published_at OPERATOR(pg_catalog.<) c.published_at" \
	" ORDER BY t.published_at DESC LIMIT 1)"

/* Withdraws the published version in favour of the one before; returns the latter. */
int
store_rollback(const char *model)
{
	ModelHead	head = store_head(model, false);
	int			target;

	execute(REGISTRY_READ, "SELECT " TARGET_QUERY, model, 0);
	target = result_int(1);
	if (target == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no earlier version to roll back to", model),
				 errhint("The view recsys_model_versions lists the versions that are kept.")));
	execute(REGISTRY_WRITE_MODELS,
			"UPDATE %s.recsys_model AS m SET withdrawn = true"
			" WHERE m.model OPERATOR(pg_catalog.=) $1 AND m.version OPERATOR(pg_catalog.=) $2",
			model, head.published);
	store_publish(model, target);
	return target;
}

/* Deletes what is over `keep`: withdrawn versions first, then the oldest. */
void
store_prune(const char *model, int keep)
{
	execute(REGISTRY_WRITE_MODELS,
			"WITH place AS (SELECT m.build, m.published OR m.version OPERATOR(pg_catalog.=) "
			TARGET_QUERY " OR m.version OPERATOR(pg_catalog.=)"
			" pg_catalog.max(m.version) OVER () AS needed, m.withdrawn, m.version"
			" FROM %1$s.recsys_model AS m WHERE m.model OPERATOR(pg_catalog.=) $1),"
			" ranked AS (SELECT p.build, p.needed, pg_catalog.row_number()"
			" OVER (ORDER BY p.needed IS TRUE DESC, p.withdrawn, p.version DESC) AS n FROM place AS p),"
			" gone AS (DELETE FROM %1$s.recsys_model AS m USING ranked AS r"
			" WHERE m.build OPERATOR(pg_catalog.=) r.build AND r.needed IS NOT TRUE"
			" AND r.n OPERATOR(pg_catalog.>) $2 RETURNING m.build)"
			" DELETE FROM %1$s.recsys_model_data AS d USING gone AS g"
			" WHERE d.build OPERATOR(pg_catalog.=) g.build", model, keep);
}

/* Deletes all versions. */
void
store_drop(const char *model)
{
	execute(REGISTRY_WRITE_MODELS,
			"WITH gone AS (DELETE FROM %1$s.recsys_model AS m"
			" WHERE m.model OPERATOR(pg_catalog.=) $1 RETURNING m.build)"
			" DELETE FROM %1$s.recsys_model_data AS d USING gone AS g"
			" WHERE d.build OPERATOR(pg_catalog.=) g.build", model, 0);
}

/* Finds the published version; false when there is none. */
bool
store_published(const char *model, PublishedModel *published)
{
	execute(REGISTRY_READ_ACTIVE,
			"SELECT " VERSION_COLUMNS " FROM %s.recsys_model AS m"
			" WHERE m.model OPERATOR(pg_catalog.=) $1 AND m.published", model, 0);
	if (SPI_processed == 0)
		return false;
	read_version(published);
	return true;
}

/* Raises for a model without a published version. */
void
store_raise_unpublished(const char *model)
{
	if (!store_head(model, false).exists)
		raise_unknown(model);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("model \"%s\" has no published version", model),
			 errhint("Publish one with publish_model().")));
}

/* Copies the bytes of a build, of which there is room for stored->bytes; false when they do not add up. */
bool
store_read_whole(const PublishedModel *stored, char *bytes)
{
	Oid			types[] = {UUIDOID};
	Datum		values[] = {UUIDPGetDatum(&stored->build)};
	int64		filled = 0;

	registry_execute(REGISTRY_READ_ACTIVE,
					 "SELECT d.chunk, d.data FROM %s.recsys_model_data AS d"
					 " WHERE d.build OPERATOR(pg_catalog.=) $1 ORDER BY d.chunk", 1, types, values,
					 NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		int			number = DatumGetInt32(registry_datum(i, 1, &isnull));
		Datum		value = registry_datum(i, 2, &isnull);
		bytea	   *chunk = DatumGetByteaPP(value);
		int64		length = VARSIZE_ANY_EXHDR(chunk);

		if (number != (int) i || length > stored->bytes - filled)
			return false;
		memcpy(bytes + filled, VARDATA_ANY(chunk), length);
		filled += length;
		if ((Pointer) chunk != DatumGetPointer(value))
			pfree(chunk);
	}
	return filled == stored->bytes;
}

/* The same; raises when they do not add up. */
void
store_read(const char *model, const PublishedModel *stored, char *bytes)
{
	if (!store_read_whole(stored, bytes))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("data of model \"%s\" version %d is not complete", model, stored->version),
				 errhint("Train the model again, or roll back to another version.")));
}
