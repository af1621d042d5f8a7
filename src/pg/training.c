/*
 * training.c
 *		train_model(): check, lock, load, fit, save as the next version, publish.
 *
 * All of it happens in the caller's transaction, so readers see the old version
 * until commit and a failed or cancelled run leaves nothing.  What is checked
 * without the lock is checked again under it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "core/parts.h"
#include "pg/args.h"
#include "pg/dataset.h"
#include "pg/env_pg.h"
#include "pg/load.h"
#include "pg/progress.h"
#include "pg/query.h"
#include "pg/registry.h"
#include "pg/serving.h"
#include "pg/settings.h"
#include "pg/store.h"
#include "pg/training.h"

/* One run. */
typedef struct Training
{
	const TrainArgs *args;
	const Method *method;
	void	   *params;
	Datum		params_json;
	Dataset    *dataset;
	Job		   *job;
	TrainingSet set;
	double		load_seconds;
	double		fit_seconds;
	void	   *bytes;
	size_t		length;
	ModelVersion version;
	Progress	progress;
} Training;

/* Raises unless the model is new or the caller's. */
static ModelHead
check_owner(const char *model, bool locked)
{
	ModelHead	head = store_head(model, locked);

	if (head.exists && !registry_is_owner(head.owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of model \"%s\"", model),
				 hint_owner(head.owner)));
	return head;
}

/* Reads the data as of now: under one snapshot, taken after all locks. */
static void
load(Training *t)
{
	LoadRequest request = load_request(t->method, t->params);

	lock_sources(t->dataset);
	PushActiveSnapshot(GetTransactionSnapshot());
	load_training_set(t->job, t->dataset, &request, &t->set);
	PopActiveSnapshot();
	t->load_seconds = job_seconds(t->job);
}

/* A model that no session could cache is refused here rather than when it is served. */
static void
check_cacheable(const Training *t)
{
	if (t->length > (size_t) recsys_cache_size * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("model \"%s\" of %zu bytes exceeds course_recsys.cache_size", t->args->model,
						t->length),
				 errdetail("The setting is %d kB.", recsys_cache_size),
				 errhint("Increase the setting \"course_recsys.cache_size\", or choose parameters that give a smaller model.")));
}

/* Learns. */
static void
fit(Training *t)
{
	Env		   *env = &t->job->env;

	env_progress(env, PHASE_FITTING, 0, 0);
	env_check(env, recommender_train(env, t->method, t->params, &t->set, &t->bytes, &t->length));
	t->fit_seconds = job_seconds(t->job) - t->load_seconds;
	check_cacheable(t);
}

/* So many chunks of n are written. */
static void
saving(int chunk, int n, void *arg)
{
	progress_update(arg, PHASE_SAVING, chunk, n);
}

/* Writes the next version; publishes and prunes. */
static void
save(Training *t, const ModelHead *head)
{
	const TrainArgs *args = t->args;
	const CommonParams *common = t->params;
	pg_uuid_t	build = store_write(t->bytes, t->length, saving, &t->progress);
	bool		stores_user_rows;

	env_check(&t->job->env, method_stores_user_rows(&t->job->env, t->method, t->params,
													&stores_user_rows));
	t->version = (ModelVersion) {
		.model = args->model,
		.version = head->newest + 1,
		.owner = head->exists ? head->owner : GetUserNameFromId(GetUserId(), false),
		.trained_by = GetUserNameFromId(GetUserId(), false),
		.method = t->method->name,
		.params = t->params_json,
		.dataset = t->dataset->name,
		.summary = &t->set.summary,
		.load_seconds = t->load_seconds,
		.fit_seconds = t->fit_seconds,
		.seconds = job_seconds(t->job),
		.training_log = psprintf("[%s]", t->job->log.data),
		.build = build,
		.length = t->length,
		.holds_user_rows = stores_user_rows
	};
	store_insert(&t->version);
	if (args->publish)
		store_publish(args->model, t->version.version);
	store_prune(args->model, (int) common->keep_versions);
}

/* The result row. */
static void
add_row(Call *call, const Training *t)
{
	const ModelVersion *v = &t->version;
	bool		nulls[8] = {false};
	Datum		values[] = {
		CStringGetTextDatum(v->model), Int32GetDatum(v->version), CStringGetTextDatum(v->method),
		Int64GetDatum(v->summary->n_users), Int32GetDatum((int32) v->summary->n_courses),
		Int64GetDatum(v->summary->n_ratings), Float8GetDatum(v->seconds),
		Int64GetDatum((int64) v->length)
	};

	call_row(call, values, nulls);
}

/* Raises for a name under which personal rows could not be told from those placed by popularity. */
static void
check_model_name(const char *model, const Method *method)
{
	if (method->personal && strcmp(model, SOURCE_POPULAR) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("a model of method \"%s\" cannot be named \"%s\"", method->name, model),
				 errdetail("The column \"source\" has this value in rows that are not personal."),
				 errhint("Choose another name, such as \"%s\".", method->name)));
}

/* Says what was trained, from what, and how long it took. */
static void
notice_trained(const Training *t)
{
	const ModelVersion *v = &t->version;
	const Summary *summary = v->summary;

	ereport(NOTICE,
			(errmsg("trained model \"%s\" version %d from %lld ratings of %lld courses by %lld users",
					v->model, v->version, (long long) summary->n_ratings,
					(long long) summary->n_courses_rated, (long long) summary->n_users),
			 errdetail("Repeated ratings dropped: %lld. Loading took %.3f s, fitting %.3f s. The model has %zu bytes.",
					   (long long) summary->n_duplicates, v->load_seconds, v->fit_seconds,
					   v->length)));
}

/* Everything that can be refused without looking at data. */
static void
check_arguments(Training *t)
{
	const TrainArgs *args = t->args;

	PreventCommandIfReadOnly("train_model()");
	check_object_name("model", args->model);
	t->method = args->method ? required_method(args->method) : method_of_model(args->model);
	check_model_name(args->model, t->method);
	t->params = parse_params(t->method, args->params);
	t->params_json = params_to_jsonb(t->method, t->params);
	t->dataset = dataset_open(args->dataset, CurrentMemoryContext);
	dataset_check_select(t->dataset);
}

/* Did opening a model tell that it is damaged, or cannot be read here?  Raises all other failures. */
static bool
opened(Env *env, RecsysStatus status)
{
	if (status == RECSYS_CORRUPT || status == RECSYS_NEWER_FORMAT || status == RECSYS_UNSUPPORTED)
		return false;
	env_check(env, status);
	return true;
}

/* Could these bytes be served?  A model that is damaged is to be trained again. */
static bool
is_whole(const PublishedModel *stored)
{
	MemoryContext context;
	Env			env;
	Recommender rec;
	char	   *bytes;
	bool		whole;

	if (!stored->is_native || stored->bytes < 0 || stored->bytes > (int64) recsys_cache_size * 1024)
		return false;
	context = AllocSetContextCreate(CurrentMemoryContext, "course_recsys stored model",
									ALLOCSET_DEFAULT_SIZES);
	env_for_context(&env, context);
	if ((bytes = env_alloc(&env, stored->bytes, 1)) == NULL)
		env_check(&env, env.status);
	registry_push_latest();
	whole = store_read_whole(stored, bytes) &&
		opened(&env, recommender_open(&env, &rec, bytes, stored->bytes));
	PopActiveSnapshot();
	MemoryContextDelete(context);
	return whole;
}

/* Is the newest version what training would give, and whole? */
static bool
up_to_date(const Training *t)
{
	PublishedModel newest;

	return store_unchanged(t->args->model, t->method->name, t->params_json, t->dataset->name,
						   t->set.summary.fingerprint, &newest) &&
		is_whole(&newest);
}

/* Trains under the lock; false when there was nothing to do. */
static bool
train_locked(Training *t)
{
	const TrainArgs *args = t->args;
	ModelHead	head;

	/* What was read before the lock may have changed while waiting for it. */
	registry_lock(registry()->dataset_rel, args->dataset, false, true);
	t->dataset = dataset_open_for_update(args->dataset, CurrentMemoryContext);
	SPI_connect();
	(void) check_owner(args->model, true);
	load(t);
	if (args->if_changed && up_to_date(t))
	{
		SPI_finish();
		return false;
	}
	fit(t);
	/* A function in the relations read may have trained this very model: the lock is this session's. */
	head = check_owner(args->model, true);
	save(t, &head);
	SPI_finish();
	return true;
}

/* train_model(). */
void
train_model_rows(Call *call, const TrainArgs *args)
{
	Training	t = {.args = args};
	const CommonParams *common;

	check_arguments(&t);
	registry_will_write(registry()->model_rel);
	registry_will_write(registry()->data_rel);
	SPI_connect();
	(void) check_owner(args->model, false);
	SPI_finish();

	common = t.params;
	progress_start(&t.progress, registry()->model_rel, args->model, t.method->name, PHASE_WAITING);
	if (registry_lock(registry()->model_rel, args->model, true, args->wait))
	{
		t.job = job_create(args->model);
		t.job->verbose = common->verbose;
		t.job->progress = &t.progress;
		if (train_locked(&t))
		{
			add_row(call, &t);
			if (common->verbose)
				notice_trained(&t);
		}
		else if (common->verbose)
			ereport(NOTICE,
					(errmsg("model \"%s\" is up to date", args->model)));
		job_end(t.job);
	}
	else if (common->verbose)
		ereport(NOTICE,
				(errmsg("model \"%s\" is being trained by another session", args->model)));
	progress_end();
}

/* Locks a model and checks that it is the caller's; SPI is connected afterwards. */
static ModelHead
begin_change(const char *command, const char *model)
{
	PreventCommandIfReadOnly(command);
	registry_will_write(registry()->model_rel);
	registry_will_write(registry()->data_rel);
	SPI_connect();
	(void) store_require_owner(model);
	registry_lock(registry()->model_rel, model, true, true);
	return store_require_owner(model);
}

/* drop_model(). */
void
drop_model_versions(const char *model)
{
	(void) begin_change("drop_model()", model);
	store_drop(model);
	SPI_finish();
}

/* rollback_model(). */
int
rollback_model_version(const char *model)
{
	int			version;

	(void) begin_change("rollback_model()", model);
	version = store_rollback(model);
	SPI_finish();
	return version;
}

/* publish_model(); a version that is published already stays as it is. */
void
publish_model_version(const char *model, int version)
{
	ModelHead	head = begin_change("publish_model()", model);

	if (head.published != version)
		store_publish(model, version);
	SPI_finish();
}

/* One row of an estimate. */
static void
add_estimate(Call *call, const char *phase, double bytes, double seconds)
{
	bool		nulls[3] = {false};
	Datum		values[] = {
		CStringGetTextDatum(phase), Int64GetDatum((int64) Min(bytes, 9e18)), Float8GetDatum(seconds)
	};

	call_row(call, values, nulls);
}

/* Rows that the planner expects for the groups of users by their attributes. */
static int64
planned_groups(const Dataset *dataset)
{
	StringInfoData sql;

	if (dataset->users == NULL || dataset->n_features == 0)
		return 0;
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	append_attributes(&sql, dataset);
	appendStringInfo(&sql, " FROM %s AS u GROUP BY ", dataset->users);
	append_attributes(&sql, dataset);
	return (int64) query_estimate(sql.data);
}

/* Seconds to read, sort and write, from measured rates. */
#define LOAD_SECONDS_PER_RATING 150e-9
#define SAVE_SECONDS_PER_BYTE 10e-9

#define SAVE_BYTES_PER_LOSS 1400	/* of a logged value, while it becomes jsonb */
#define SAVE_COPIES 4				/* of a chunk of the model, on its way into the table */
#define SESSION_BYTES (2 << 20)		/* of code, caches and buffers that a training is the first to use */

/* What the planner knows of the data: for tables that were analysed, close to the truth. */
static Shape
planned_shape(const Dataset *dataset, int threads)
{
	Shape		shape = {.n_threads = threads, .n_genres = dataset->n_genres};
	const char *user = quote_identifier(dataset->user_column);
	const char *course = quote_identifier(dataset->course_column);

	shape.n_ratings = (int64) query_estimate(psprintf("SELECT r.%s FROM %s AS r", user,
													  dataset->ratings));
	shape.n_users = (int64) query_estimate(psprintf("SELECT r.%s FROM %s AS r GROUP BY r.%s", user,
													dataset->ratings, user));
	shape.n_courses = (int64) query_estimate(psprintf("SELECT r.%s FROM %s AS r GROUP BY r.%s",
													  course, dataset->ratings, course));
	if (dataset->courses)
		shape.n_courses = Max(shape.n_courses,
							  (int64) query_estimate(psprintf("SELECT c.%s FROM %s AS c",
															  quote_identifier(dataset->courses_key),
															  dataset->courses)));
	shape.n_groups = planned_groups(dataset);
	if (dataset->terms)
		shape.n_terms = (int64) query_estimate(psprintf("SELECT t.term FROM %s AS t",
														dataset->terms));
	else if (dataset->description_column)
		shape.n_terms = shape.n_courses * 50;	/* words of a description, about */
	return shape;
}

/* Bytes of loading at its peak, and of the training set; as many as there can be when too many to count. */
static void
planned_bytes(const RatingsColumns *columns, const Shape *shape, double *peak, double *held)
{
	TrainingShape expected = training_shape(columns, shape->n_ratings);
	size_t		peak_bytes;
	size_t		held_bytes;

	expected.n_users = shape->n_users;
	expected.n_courses = shape->n_courses;
	if (!trainingset_bytes(&expected, &peak_bytes, &held_bytes))
		peak_bytes = held_bytes = SIZE_MAX;
	*peak = peak_bytes;
	*held = (double) held_bytes + shape->n_terms * (double) (sizeof(int32_t) + sizeof(float));
}

/*
 * estimate_training(): load, fit, save and total, which is the peak.  What was learnt is there twice when it is saved.
 */
void
estimate_training_rows(Call *call, const char *method_name, Datum params_json,
					   const char *dataset_name)
{
	const Method *method = required_method(method_name);
	void	   *params = parse_params(method, params_json);
	Dataset    *dataset = dataset_open(dataset_name, CurrentMemoryContext);
	Estimate	estimate = {0};
	Shape		shape;
	RatingsColumns columns;
	double		load_bytes,
				held_bytes,
				fit_bytes,
				save_bytes;
	double		load_seconds,
				save_seconds;

	dataset_check_select(dataset);
	columns = ratings_columns(dataset);
	SPI_connect();
	shape = planned_shape(dataset, settings_job_threads());
	SPI_finish();
	method->estimate(&shape, params, &estimate);
	planned_bytes(&columns, &shape, &load_bytes, &held_bytes);
	fit_bytes = held_bytes + estimate.bytes;
	save_bytes = held_bytes + 2 * estimate.model_bytes + estimate.n_losses * SAVE_BYTES_PER_LOSS +
		SAVE_COPIES * Min(estimate.model_bytes, STORE_CHUNK_BYTES);
	load_seconds = shape.n_ratings * LOAD_SECONDS_PER_RATING;
	save_seconds = estimate.model_bytes * SAVE_SECONDS_PER_BYTE;
	add_estimate(call, "load", load_bytes, load_seconds);
	add_estimate(call, "fit", fit_bytes, estimate.seconds);
	add_estimate(call, "save", save_bytes, save_seconds);
	add_estimate(call, "total", SESSION_BYTES + estimate.library_bytes + Max(load_bytes, Max(fit_bytes, save_bytes)),
				 load_seconds + estimate.seconds + save_seconds);
}
