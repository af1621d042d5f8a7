/*
 * model_info.c
 *		What is kept with a model besides its data.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "pg/dataset.h"
#include "pg/model_info.h"
#include "pg/registry.h"
#include "pg/store.h"

/* Rows of training_log: of the published version. */
void
training_log_rows(Call *call, const char *model)
{
	Oid			types[] = {TEXTOID, INT4OID};
	Datum		values[2];
	PublishedModel published;
	Dataset    *source;

	SPI_connect();
	registry_push_latest();
	if (!store_published(model, &published))
		store_raise_unpublished(model);
	source = dataset_of_build(&published.build);
	if (source == NULL)
		elog(ERROR, "no dataset of model \"%s\" version %d", model, published.version);
	pin_until(&source->pinned, CurrentMemoryContext);
	pin_discard(&source->pinned);
	dataset_check_select(source);
	values[0] = CStringGetTextDatum(model);
	values[1] = Int32GetDatum(published.version);
	registry_execute(REGISTRY_READ_ACTIVE,
					 "SELECT e.iteration, e.term, e.value, e.seconds FROM %s.recsys_model AS m,"
					 " pg_catalog.jsonb_to_recordset(m.training_log) AS e (iteration pg_catalog.int4,"
					 " term pg_catalog.text, value pg_catalog.float8, seconds pg_catalog.float8)"
					 " WHERE m.model OPERATOR(pg_catalog.=) $1"
					 " AND m.version OPERATOR(pg_catalog.=) $2 ORDER BY 1, 2", 2, types, values, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Datum		row[4];
		bool		nulls[4];

		for (int c = 0; c < 4; c++)
			row[c] = registry_datum(i, c + 1, &nulls[c]);
		call_row(call, row, nulls);
	}
	PopActiveSnapshot();
	SPI_finish();
}
