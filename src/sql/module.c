/*
 * module.c: what PostgreSQL needs to load the library.
 *
 * The magic block tells the server which major version and build options the library was compiled for.
 */
#include "postgres.h"

#include "fmgr.h"

#include "pg/registry.h"
#include "pg/settings.h"

#ifdef PG_MODULE_MAGIC_EXT
PG_MODULE_MAGIC_EXT(.name = "course_recsys", .version = COURSE_RECSYS_VERSION);
#else
PG_MODULE_MAGIC;
#endif

extern PGDLLEXPORT void _PG_init(void);

/* Called when a session loads the library. */
void
_PG_init(void)
{
	settings_define();
	registry_init();
}
