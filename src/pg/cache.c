/*
 * cache.c
 *		Models that this session has used, ready to score.
 *
 * Keyed by name; what is cached is identified by its build, since a version
 * number can come back after a rollback of its transaction.  When the registry's
 * generation has risen, the published row is read again under the latest
 * snapshot (under the caller's, an old model could be marked fresh and served
 * for ever), and the bytes only when the build is another one.  The generation
 * remembered is the one from before reading.  All that is read of a version is
 * read under one snapshot: a moment later it may have been deleted.
 *
 * Within one snapshot of the caller, that is within one statement or one
 * transaction of REPEATABLE READ, a model that was used stays the same: a
 * statement that calls many times does not mix versions.
 *
 * The least recently used models go when the budget course_recsys.cache_size is
 * exceeded, counting all that an opened model holds.  A new model is complete
 * before it takes the old one's place.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "lib/ilist.h"
#include "mb/pg_wchar.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "pg/cache.h"
#include "pg/env_pg.h"
#include "pg/registry.h"
#include "pg/settings.h"
#include "pg/store.h"

#define POLL_TEXTS 65536		/* texts checked between two looks at the cancel flag */

typedef struct CacheSlot
{
	char		name[NAMEDATALEN];	/* must be first */
	uint64		generation;		/* of the registry when it was last checked */
	SnapshotMark mark;			/* of the snapshot that last used it */
	CachedModel *model;
} CacheSlot;

static HTAB *cache = NULL;
static uint64 tick = 0;

/* Refuses a model that the cache could not hold. */
static void
check_fits(const char *name, const PublishedModel *published)
{
	if (published->bytes > (int64) recsys_cache_size * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("model \"%s\" of %lld bytes exceeds course_recsys.cache_size", name,
						(long long) published->bytes),
				 errdetail("The setting is %d kB.", recsys_cache_size),
				 errhint("Increase the setting \"course_recsys.cache_size\".")));
}

/* Takes a model out of the cache, if it is there. */
static void
forget(const char *name)
{
	CacheSlot  *slot = hash_search(cache, name, HASH_FIND, NULL);
	CachedModel *model = slot ? slot->model : NULL;

	(void) hash_search(cache, name, HASH_REMOVE, NULL);
	if (model)
		pin_discard(&model->pinned);
}

/* Takes models out, the least recently used first, until `needed` bytes fit into the budget. */
static void
make_room(Size needed)
{
	for (;;)
	{
		HASH_SEQ_STATUS scan;
		CacheSlot  *slot;
		CachedModel *oldest = NULL;
		Size		total = needed;

		hash_seq_init(&scan, cache);
		while ((slot = hash_seq_search(&scan)) != NULL)
		{
			total += MemoryContextMemAllocated(slot->model->pinned.context, true);
			if (oldest == NULL || slot->model->last_used < oldest->last_used)
				oldest = slot->model;
		}
		if (oldest == NULL || total <= (Size) recsys_cache_size * 1024)
			return;
		forget(oldest->name);
	}
}

/* Says in an error which model it was that could not be loaded. */
static void
load_context(void *arg)
{
	const CachedModel *model = arg;

	errcontext("loading model \"%s\" version %d", model->name, model->version);
}

/* The source has a context of its own. */
static void
drop_source(Pinned *object)
{
	pin_discard(&((CachedModel *) object)->source->pinned);
}

/* Is it text in every encoding? */
static bool
is_ascii(const char *text, int32 length)
{
	for (int32 i = 0; i < length; i++)
		if (text[i] == '\0' || IS_HIGHBIT_SET(text[i]))
			return false;
	return true;
}

/* Raises unless all strings of a table are text in the encoding of the database; what says whose they are. */
static void
check_texts(Env *env, const StringTable *table, const char *what, bool is_native)
{
	for (int32_t i = 0; i < table->n; i++)
	{
		int32_t		length;
		const char *text = strings_get(table, i, &length);

		if (i % POLL_TEXTS == 0 && env_interrupted(env))
			env_check(env, env->status);
		if (is_native ? pg_verifymbstr(text, length, true) : is_ascii(text, length))
			continue;
		env_fail(env, RECSYS_CORRUPT, "model data is not valid text in the encoding of the database");
		if (is_native)
			env_detail(env, "Number %d of its %s is not valid in encoding \"%s\".", i + 1, what,
					   GetDatabaseEncodingName());
		else
			env_detail(env, "Number %d of its %s is in the encoding of another database.", i + 1,
					   what);
		env_hint(env, "Train the model again. A dump that is restored into a database of another "
				 "encoding does not convert models.");
		env_check(env, env->status);
	}
}

/* The texts that are handed out as they lie in the model. */
static void
check_all_texts(Env *env, const Recommender *rec, bool is_native)
{
	check_texts(env, &rec->course_ids, "course ids", is_native);
	check_texts(env, &rec->genre_names, "genres", is_native);
	check_texts(env, &rec->groups, "groups of users", is_native);
}

/* Reads and opens a model, in a context of its own. */
static CachedModel *
load_model(const char *name, const PublishedModel *published)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "course_recsys model",
												  ALLOCSET_DEFAULT_SIZES);
	CachedModel *model = MemoryContextAllocZero(context, sizeof(CachedModel));
	Env		   *env = &model->env;
	ErrorContextCallback callback = {error_context_stack, load_context, model};
	char	   *bytes;

	model->pinned.context = context;
	model->name = MemoryContextStrdup(context, name);
	MemoryContextSetIdentifier(context, model->name);
	model->dataset = MemoryContextStrdup(context, published->dataset);
	model->version = published->version;
	model->build = published->build;
	error_context_stack = &callback;
	env_for_context(env, context);
	if ((bytes = env_alloc(env, Max(published->bytes, 0), 1)) == NULL)
		env_check(env, env->status);
	store_read(name, published, bytes);
	env_check(env, recommender_open(env, &model->rec, bytes, published->bytes));
	check_all_texts(env, &model->rec, published->is_native);
	if ((model->scratch = env_alloc_zero(env, recommender_scratch_size(&model->rec), 1)) == NULL ||
		(model->scores = env_alloc(env, model->rec.n_courses, sizeof(float))) == NULL)
		env_check(env, env->status);
	error_context_stack = callback.previous;
	if ((model->source = dataset_of_build(&published->build)) == NULL)
		elog(ERROR, "no dataset of model \"%s\" version %d", name, published->version);
	model->pinned.drop = drop_source;
	MemoryContextSetParent(context, TopMemoryContext);
	return model;
}

/* Puts a model into the cache in place of an older one. */
static void
put(CachedModel *model, uint64 generation)
{
	CacheSlot  *slot;

	forget(model->name);
	slot = hash_search(cache, model->name, HASH_ENTER, NULL);
	slot->model = model;
	slot->generation = generation;
}

/* Looks at the published row again; loads it when it is another build than `cached`. */
static CachedModel *
refresh(const char *name, CachedModel *cached)
{
	uint64		before = registry_generation();
	PublishedModel published;
	CacheSlot  *slot;

	SPI_connect();
	registry_push_latest();
	if (!store_published(name, &published))
	{
		forget(name);
		store_raise_unpublished(name);
	}
	if (cached == NULL || memcmp(&cached->build, &published.build, sizeof(pg_uuid_t)) != 0)
	{
		check_fits(name, &published);
		make_room(Max(published.bytes, 0));
		cached = load_model(name, &published);
		/* Opened, a model may take more than its bytes. */
		make_room(MemoryContextMemAllocated(cached->pinned.context, true));
		put(cached, before);
	}
	else
	{
		slot = hash_search(cache, name, HASH_FIND, NULL);
		slot->generation = before;
	}
	PopActiveSnapshot();
	SPI_finish();
	return cached;
}

/* The published version of a model, pinned until the context is reset. */
CachedModel *
model_open_cached(const char *name, MemoryContext until)
{
	CacheSlot  *slot;
	CachedModel *model;

	if (cache == NULL)
	{
		HASHCTL		info = {.keysize = NAMEDATALEN, .entrysize = sizeof(CacheSlot)};

		cache = hash_create("course_recsys models", 16, &info, HASH_ELEM | HASH_STRINGS);
	}
	/* A longer name, which the table would cut off, is nobody's. */
	slot = strlen(name) < NAMEDATALEN ? hash_search(cache, name, HASH_FIND, NULL) : NULL;
	model = slot ? slot->model : NULL;
	if (model == NULL || !registry_still_good(slot->generation, &slot->mark))
	{
		model = refresh(name, model);
		slot = hash_search(cache, name, HASH_FIND, NULL);
	}
	slot->mark = registry_snapshot_mark();
	model->last_used = ++tick;
	pin_until(&model->pinned, until);
	return model;
}

/* Gives the room back to the model. */
static void
return_room(void *arg)
{
	((ScoreRoom *) arg)->owner->scratch_taken = false;
}

/* Room to score in for one call; the model must be pinned until then, too. */
ScoreRoom *
score_room(CachedModel *model, MemoryContext until)
{
	ScoreRoom  *room = MemoryContextAllocZero(until, sizeof(ScoreRoom));
	MemoryContextCallback *callback;

	if (model->scratch_taken)
	{
		room->scratch = MemoryContextAllocExtended(until, recommender_scratch_size(&model->rec) + 1,
												   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		room->scores = MemoryContextAllocExtended(until, (Size) model->rec.n_courses *
												  sizeof(float) + 1, MCXT_ALLOC_HUGE);
		return room;
	}
	model->scratch_taken = true;
	room->owner = model;
	room->scratch = model->scratch;
	room->scores = model->scores;
	callback = MemoryContextAlloc(until, sizeof(*callback));
	callback->func = return_room;
	callback->arg = room;
	MemoryContextRegisterResetCallback(until, callback);
	return room;
}
