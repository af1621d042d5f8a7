/*
 * settings.c
 *		The settings course_recsys.*: threads, memory of a training run, cache.
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "utils/guc.h"

#include "pg/settings.h"

#define THREADS_MAX 256

int			recsys_threads = 0;
int			recsys_max_memory = -1;
int			recsys_cache_size = 256 * 1024;

/* Registers the settings; called once when the library is loaded. */
void
settings_define(void)
{
	DefineCustomIntVariable("course_recsys.threads",
							"Sets the number of threads that one call may use.",
							"0 means max_parallel_maintenance_workers + 1.",
							&recsys_threads, 0, 0, THREADS_MAX,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("course_recsys.max_memory",
							"Sets the memory that one training run may hold.",
							"-1 means maintenance_work_mem.",
							&recsys_max_memory, -1, -1, INT_MAX,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("course_recsys.cache_size",
							"Sets the memory in which a session keeps models that it has used.",
							NULL,
							&recsys_cache_size, 256 * 1024, 1024, INT_MAX,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
#if PG_VERSION_NUM >= 150000
	MarkGUCPrefixReserved("course_recsys");
#else
	EmitWarningsOnPlaceholders("course_recsys");
#endif
}

/* Threads for one job, this backend's included. */
int
settings_job_threads(void)
{
	int			threads = recsys_threads;

	if (threads == 0)
		threads = max_parallel_maintenance_workers + 1;
	return Min(threads, THREADS_MAX);
}

/* Bytes that one job may hold; never 0, which means no limit to the core. */
Size
settings_job_memory(void)
{
	int			kilobytes = recsys_max_memory >= 0 ? recsys_max_memory : maintenance_work_mem;

	return Max((Size) kilobytes * 1024, 1);
}
