/*
 * settings.h
 *		The settings course_recsys.*.
 */
#ifndef PG_SETTINGS_H
#define PG_SETTINGS_H

extern int	recsys_threads;		/* course_recsys.threads; 0: as many as maintenance may use */
extern int	recsys_max_memory;	/* course_recsys.max_memory, kB; -1: maintenance_work_mem */
extern int	recsys_cache_size;	/* course_recsys.cache_size, kB */

extern void settings_define(void);

/* Threads for one job, this backend's included. */
extern int	settings_job_threads(void);

/* Bytes that one job may hold. */
extern Size settings_job_memory(void);

#endif							/* PG_SETTINGS_H */
