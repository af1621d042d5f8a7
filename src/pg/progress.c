/*
 * progress.c
 *		What each backend computes, for the view recsys_progress.
 *
 * PostgreSQL gives every backend one slot of 20 integers for progress reports,
 * readable by all and cleared on success and error.  It is used with a command
 * number of our own, which the server's own views do not show.  The names of
 * model and method are packed into integers, 8 bytes each.
 *
 * The slot is also cleared when a subtransaction fails, and taken when another
 * command starts.  Both can happen in code of others while a run goes on: a view
 * of ratings may call a function that catches errors.  So each update of a run
 * looks whether the slot is still its own.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/acl.h"
#include "utils/backend_progress.h"
#include "utils/backend_status.h"
#include "utils/timestamp.h"

#include "pg/progress.h"

#define PROGRESS_COMMAND ((ProgressCommandType) 0x4352)

/* Use of the 20 parameters. */
enum
{
	PARAM_MODEL = 0,			/* 8 integers: 63 bytes and a terminator */
	PARAM_METHOD = 8,			/* 4 integers */
	PARAM_PHASE = 12,			/* plus 1; it comes last, so 0 is a row that is not complete */
	PARAM_ITERATION,
	PARAM_OF,
	PARAM_LOSS,					/* bits of a double */
	PARAM_STARTED				/* TimestampTz */
};

#define MODEL_WORDS 8
#define METHOD_WORDS 4

static const char *const phase_names[] = {
	[PHASE_WAITING] = "waiting",
	[PHASE_LOADING] = "loading",
	[PHASE_PREPARING] = "preparing",
	[PHASE_FITTING] = "fitting",
	[PHASE_SAVING] = "saving",
	[PHASE_SCORING] = "scoring"
};

/* Packs text into consecutive parameters, cut to fit. */
static void
put_text(int param, int words, const char *text)
{
	char		bytes[MODEL_WORDS * 8] = {0};

	strlcpy(bytes, text, words * 8);
	for (int i = 0; i < words; i++)
	{
		int64		word;

		memcpy(&word, bytes + i * 8, 8);
		pgstat_progress_update_param(param + i, word);
	}
}

/* Puts the newest value of the objective into the slot. */
static void
put_loss(double loss)
{
	int64		bits;

	memcpy(&bits, &loss, sizeof(bits));
	pgstat_progress_update_param(PARAM_LOSS, bits);
}

/* Takes the slot; its relation is only there because the slot wants one. */
static void
take_slot(const Progress *run)
{
	pgstat_progress_start_command(PROGRESS_COMMAND, run->relation);
	put_text(PARAM_MODEL, MODEL_WORDS, run->model);
	put_text(PARAM_METHOD, METHOD_WORDS, run->method);
	put_loss(run->loss);
	pgstat_progress_update_param(PARAM_STARTED, run->started);
}

/* Is the slot still that of the run? */
static bool
owns_slot(void)
{
	return MyBEEntry != NULL && MyBEEntry->st_progress_command == PROGRESS_COMMAND;
}

/* Starts reporting. */
void
progress_start(Progress *run, Oid relation, const char *model, const char *method,
			   Phase phase)
{
	*run = (Progress) {
		.relation = relation, .model = model, .method = method, .started = GetCurrentTimestamp(),
		.loss = NAN
	};
	take_slot(run);
	progress_update(run, phase, 0, 0);
}

/* Where the work stands; an `of` of 0 means that the end is not known. */
void
progress_update(const Progress *run, Phase phase, int64_t iteration, int64_t of)
{
	static const int params[] = {PARAM_PHASE, PARAM_ITERATION, PARAM_OF};
	int64		values[] = {phase + 1, iteration, of};

	if (MyBEEntry != NULL && !owns_slot())
		take_slot(run);
	pgstat_progress_update_multi_param(lengthof(params), params, values);
}

/* The newest value of the objective. */
void
progress_loss(Progress *run, double loss)
{
	run->loss = loss;
	put_loss(loss);
}

/* The run has come to something else: other names, no value of the objective yet. */
void
progress_name(Progress *run, const char *model, const char *method)
{
	run->model = model;
	run->method = method;
	run->loss = NAN;
	if (!owns_slot())
		return;					/* the next update takes it again */
	put_text(PARAM_MODEL, MODEL_WORDS, model);
	put_text(PARAM_METHOD, METHOD_WORDS, method);
	put_loss(run->loss);
}

/* Ends reporting; an error does that by itself. */
void
progress_end(void)
{
	pgstat_progress_end_command();
}

/* Number of backends to look at with progress_read. */
int
progress_backends(void)
{
	return pgstat_fetch_stat_numbackends();
}

/* May the caller see what that backend does?  The rule of pg_stat_activity. */
static bool
may_see(const PgBackendStatus *backend)
{
	return has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS) ||
		has_privs_of_role(GetUserId(), backend->st_userid);
}

/* Backend number i (from 1); false when it computes nothing that the caller may see. */
bool
progress_read(int i, ProgressRow *row)
{
#if PG_VERSION_NUM >= 160000
	LocalPgBackendStatus *local = pgstat_get_local_beentry_by_index(i);
#else
	LocalPgBackendStatus *local = pgstat_fetch_stat_local_beentry(i);
#endif
	PgBackendStatus *backend;
	int64		phase;

	if (local == NULL)
		return false;
	backend = &local->backendStatus;
	if (backend->st_progress_command != PROGRESS_COMMAND ||
		backend->st_databaseid != MyDatabaseId || !may_see(backend))
		return false;

	phase = backend->st_progress_param[PARAM_PHASE] - 1;
	if (phase < 0 || phase >= (int64) lengthof(phase_names))
		return false;
	row->pid = backend->st_procpid;
	memcpy(row->model, &backend->st_progress_param[PARAM_MODEL], MODEL_WORDS * 8);
	memcpy(row->method, &backend->st_progress_param[PARAM_METHOD], METHOD_WORDS * 8);
	row->model[MODEL_WORDS * 8 - 1] = '\0';
	row->method[METHOD_WORDS * 8 - 1] = '\0';
	row->phase = phase_names[phase];
	row->iteration = backend->st_progress_param[PARAM_ITERATION];
	row->of = backend->st_progress_param[PARAM_OF];
	memcpy(&row->loss, &backend->st_progress_param[PARAM_LOSS], sizeof(row->loss));
	row->elapsed = (GetCurrentTimestamp() - backend->st_progress_param[PARAM_STARTED]) / 1e6;
	return true;
}
