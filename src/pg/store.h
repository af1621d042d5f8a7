/*
 * store.h
 *		Versions of models in recsys_model and recsys_model_data.
 */
#ifndef PG_STORE_H
#define PG_STORE_H

#include "utils/uuid.h"

#include "core/trainingset.h"

#define STORE_CHUNK_BYTES (1024 * 1024) /* of a model in one row */

/* What is known of a model before a new version is added. */
typedef struct ModelHead
{
	bool		exists;
	char	   *owner;
	int			newest;			/* highest version */
	int			published;		/* version, or 0 */
} ModelHead;

/* A version to be written. */
typedef struct ModelVersion
{
	const char *model;
	int			version;
	const char *owner;
	const char *method;
	Datum		params;			/* jsonb */
	const char *dataset;
	const Summary *summary;
	double		load_seconds;
	double		fit_seconds;
	double		seconds;
	const char *training_log;	/* JSON array */
	pg_uuid_t	build;			/* identity of the bytes, as store_write gave it */
	size_t		length;
	bool		holds_user_rows;
	const char *trained_by;
} ModelVersion;

/* A version to be read: mostly the published one. */
typedef struct PublishedModel
{
	int			version;
	pg_uuid_t	build;
	char	   *dataset;
	int64		bytes;
	bool		is_native;		/* trained in a database of this one's encoding */
} PublishedModel;

/* All functions need an open SPI connection. */

/* Reads the head; for_update: raises 40001 when a version is newer than the transaction's snapshot. */
extern ModelHead store_head(const char *model, bool for_update);

/* Raises unless the model exists and is the caller's. */
extern ModelHead store_require_owner(const char *model);

/*
 * Is the newest version, published or not, made from the same data with the same parameters?  Only
 * then, newest is filled in.
 */
extern bool store_unchanged(const char *model, const char *method, Datum params,
							const char *dataset, uint64 fingerprint, PublishedModel *newest);

/* Writes the bytes of a version; progress hears how many chunks of n are written.  Returns their identity. */
extern pg_uuid_t store_write(const void *bytes, size_t length,
							 void (*progress) (int chunk, int n, void *arg), void *arg);

/* Writes the row of a version, unpublished. */
extern void store_insert(const ModelVersion *version);
extern void store_publish(const char *model, int version);
extern int	store_rollback(const char *model);
extern void store_prune(const char *model, int keep);
extern void store_drop(const char *model);

/* Finds the published version, under the active snapshot; false when there is none. */
extern bool store_published(const char *model, PublishedModel *published);

/* Raises for a model without a published version: unknown, or none published. */
extern _Noreturn void store_raise_unpublished(const char *model);

/*
 * Copies the bytes of a build, of which there is room for stored->bytes; false
 * when they do not add up.  Under the active snapshot, which must be the one
 * that saw the version: another may have been trained and this one deleted.
 */
extern bool store_read_whole(const PublishedModel *stored, char *bytes);

/* The same; raises when they do not add up. */
extern void store_read(const char *model, const PublishedModel *stored, char *bytes);

#endif							/* PG_STORE_H */
