/*
 * env_pg.c
 *		The server's side of the core's Env: memory, cancel, progress, errors.
 *
 * The core never longjmps: it sees the cancel flag, unwinds with
 * RECSYS_INTERRUPTED, and env_check() then lets PostgreSQL raise the real
 * error.  All memory of a job is in one context, so no error path frees.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/pmsignal.h"
#include "storage/procsignal.h"
#include "utils/memutils.h"

#include "pg/compat.h"
#include "pg/env_pg.h"
#include "pg/settings.h"

#define LOG_ITERATIONS 2500

/* Core asks for memory; NULL when there is none. */
static void *
pg_env_alloc(size_t bytes, void *ctx)
{
	return MemoryContextAllocExtended((MemoryContext) ctx, bytes,
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
}

/* Core gives memory back. */
static void
pg_env_release(void *block, void *ctx)
{
	pfree(block);
}

/* Answers a barrier, for which another backend waits; false on error, which is then raised by env_check(). */
static bool
answer_barrier(void)
{
	volatile bool answered = true;
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		ProcessProcSignalBarrier();
	}
	PG_CATCH();
	{
		/* The barrier is pending again: whoever checks for interrupts next meets the same error. */
		MemoryContextSwitchTo(context);
		FlushErrorState();
		answered = false;
	}
	PG_END_TRY();
	return answered;
}

/* Was the postmaster killed?  A server in single-user mode has none. */
static bool
postmaster_is_dead(void)
{
	return IsUnderPostmaster && !PostmasterIsAlive();
}

/*
 * Core asks whether to stop.  Barriers are answered on the way: DROP DATABASE, for one, waits until every
 * backend has done so, and a job may compute for minutes.  A job whose postmaster was killed ends, too: until
 * then the server could not be started again.
 */
static bool
pg_env_interrupted(void *ctx)
{
	if (postmaster_is_dead())
		return true;
	if (!InterruptPending)
		return false;
	if (ProcSignalBarrierPending && !answer_barrier())
		return true;
	return QueryCancelPending || ProcDiePending || transaction_timeout_pending();
}

/* As pg_env_alloc, for the Env of a job. */
static void *
job_alloc(size_t bytes, void *ctx)
{
	return pg_env_alloc(bytes, ((Job *) ctx)->context);
}

/* Core reports how far it is. */
static void
job_progress(Phase phase, int64_t iteration, int64_t of, void *ctx)
{
	const Progress *run = ((Job *) ctx)->progress;

	if (run)
		progress_update(run, phase, iteration, of);
}

/*
 * Does the log keep an iteration?  All below LOG_ITERATIONS, then every tenth, every hundredth, ...: a
 * million of them would take gigabytes on their way to jsonb.
 */
static bool
log_keeps(int iteration)
{
	int			step = 1;

	while (iteration / step >= LOG_ITERATIONS)
		step *= 10;
	return iteration % step == 0;
}

/* Before an element of another iteration: drops the newest one if it is not kept. */
static void
start_log_iteration(Job *job, int iteration)
{
	if (iteration == job->log_iteration)
		return;
	if (!log_keeps(job->log_iteration))
	{
		job->log.len = job->log_kept;
		job->log.data[job->log.len] = '\0';
	}
	job->log_kept = job->log.len;
	job->log_iteration = iteration;
}

/* Core reports a term of its objective: one element of the training log, which always has the newest iteration. */
static void
job_loss(int iteration, const char *term, double value, void *ctx)
{
	Job		   *job = ctx;

	start_log_iteration(job, iteration);
	if (job->log.len > 0)
		appendStringInfoChar(&job->log, ',');
	appendStringInfo(&job->log, "{\"iteration\":%d,\"term\":\"%s\",\"value\":%.9g,\"seconds\":%.3f}",
					 iteration, term, value, job_seconds(job));
	if (job->progress)
		progress_loss(job->progress, value);
}

/* Core has something to tell the user. */
static void
job_message(MessageLevel level, const char *text, void *ctx)
{
	if (level == MESSAGE_WARNING)
		ereport(WARNING, (errmsg("%s", text)));
	else if (((Job *) ctx)->verbose)
		ereport(NOTICE, (errmsg("%s", text)));
}

/* A job under the caller's memory context with the limits of the settings. */
Job *
job_create(const char *name)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "course_recsys job",
												  ALLOCSET_DEFAULT_SIZES);
	Job		   *job = MemoryContextAllocZero(context, sizeof(Job));
	MemoryContext old;

	MemoryContextSetIdentifier(context, MemoryContextStrdup(context, name));
	job->context = context;
	job->env.alloc = job_alloc;
	job->env.release = pg_env_release;
	job->env.interrupted = pg_env_interrupted;
	job->env.progress = job_progress;
	job->env.loss = job_loss;
	job->env.message = job_message;
	job->env.ctx = job;
	job->env.n_threads = settings_job_threads();
	job->env.memory_limit = settings_job_memory();
	INSTR_TIME_SET_CURRENT(job->started);

	old = MemoryContextSwitchTo(context);
	initStringInfo(&job->log);
	MemoryContextSwitchTo(old);
	return job;
}

/* Ends a job and frees all that it held. */
void
job_end(Job *job)
{
	MemoryContextDelete(job->context);
}

/* Seconds since the job was created. */
double
job_seconds(const Job *job)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, job->started);
	return INSTR_TIME_GET_DOUBLE(now);
}

/* A small Env without a limit of its own whose memory is `context`: for serving. */
void
env_for_context(Env *env, MemoryContext context)
{
	memset(env, 0, sizeof(*env));
	env->alloc = pg_env_alloc;
	env->release = pg_env_release;
	env->interrupted = pg_env_interrupted;
	env->ctx = context;
	env->n_threads = 1;
}

/* The errcode of each status of the core. */
static int
status_errcode(RecsysStatus status)
{
	switch (status)
	{
		case RECSYS_OK:
			break;
		case RECSYS_BAD_ARGUMENT:
			return ERRCODE_INVALID_PARAMETER_VALUE;
		case RECSYS_BAD_DATA:
		case RECSYS_SINGULAR:
		case RECSYS_NOT_CONVERGED:
			return ERRCODE_DATA_EXCEPTION;
		case RECSYS_NO_MEMORY:
			return ERRCODE_OUT_OF_MEMORY;
		case RECSYS_OVER_LIMIT:
			return ERRCODE_CONFIGURATION_LIMIT_EXCEEDED;
		case RECSYS_CORRUPT:
			return ERRCODE_DATA_CORRUPTED;
		case RECSYS_NEWER_FORMAT:
		case RECSYS_UNSUPPORTED:
			return ERRCODE_FEATURE_NOT_SUPPORTED;
		case RECSYS_EXTERNAL:
			return ERRCODE_EXTERNAL_ROUTINE_EXCEPTION;
		case RECSYS_INTERRUPTED:
			return ERRCODE_QUERY_CANCELED;
	}
	return ERRCODE_INTERNAL_ERROR;
}

/* Raises what the core reports, unless it is RECSYS_OK. */
void
env_check(Env *env, RecsysStatus status)
{
	if (status == RECSYS_OK)
		return;
	if (status == RECSYS_INTERRUPTED)
	{
		CHECK_FOR_INTERRUPTS();
		if (postmaster_is_dead())
			ereport(FATAL,
					(errcode(ERRCODE_ADMIN_SHUTDOWN),
					 errmsg("terminating connection due to unexpected postmaster exit")));
	}
	if (status == RECSYS_OVER_LIMIT && env->hint[0] == '\0')
		env_hint(env, "Increase the setting \"course_recsys.max_memory\"; -1 means \"maintenance_work_mem\".");
	ereport(ERROR,
			(errcode(status_errcode(status)),
			 errmsg("%s", env->error),
			 env->detail[0] ? errdetail("%s", env->detail) : 0,
			 env->hint[0] ? errhint("%s", env->hint) : 0));
}
