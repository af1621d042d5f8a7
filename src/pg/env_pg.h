/*
 * env_pg.h
 *		The server's side of the core's Env: memory, cancel, progress, errors.
 */
#ifndef PG_ENV_PG_H
#define PG_ENV_PG_H

#include "lib/stringinfo.h"
#include "portability/instr_time.h"

#include "core/env.h"
#include "pg/progress.h"

/*
 * One job of the core.  Everything that the core allocates lives in `context`;
 * deleting it ends the job, also after an error.
 */
typedef struct Job
{
	Env			env;
	MemoryContext context;
	instr_time	started;
	bool		verbose;		/* pass NOTICEs on */
	Progress   *progress;		/* shown in recsys_progress; or NULL */
	void	   *owner;			/* of the callbacks, where the job's own are replaced */
	StringInfoData log;			/* training log: JSON array elements, comma-separated */
	int			log_iteration;	/* newest in the log */
	int			log_kept;		/* bytes of the log that stay when another iteration comes */
} Job;

/* A job under the caller's memory context with the limits of the settings. */
extern Job *job_create(const char *name);
extern void job_end(Job *job);

/* Seconds since the job was created. */
extern double job_seconds(const Job *job);

/* Raises what the core reports, unless it is RECSYS_OK. */
extern void env_check(Env *env, RecsysStatus status);

/* A small Env without a limit of its own whose memory is `context`: for serving. */
extern void env_for_context(Env *env, MemoryContext context);

#endif							/* PG_ENV_PG_H */
