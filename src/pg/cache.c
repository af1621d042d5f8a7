/*
 * cache.c
 *		Models that this session has used, ready to score.
 *
 * Keyed by name; what is cached is identified by its build, since a version
 * number can come back after a rollback of its transaction.  When the registry's
 * generation has risen, the published row is read again under the latest
 * snapshot (under the caller's, an old model could be marked fresh and served
 * for ever), and the bytes only when the build is another one.  The generation
 * remembered is the one from before reading.
 *
 * The least recently used models go when the budget course_recsys.cache_size is
 * exceeded.  A new model is complete before it takes the old one's place.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "lib/ilist.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "pg/cache.h"
#include "pg/env_pg.h"
#include "pg/registry.h"
#include "pg/settings.h"
#include "pg/store.h"

typedef struct CacheSlot
{
	char		name[NAMEDATALEN];	/* must be first */
	uint64		generation;
	uint64		last_used;		/* tick */
	CachedModel *model;			/* NULL while being filled */
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

/* Takes models out until `needed` bytes fit into the budget. */
static void
make_room(Size needed)
{
	for (;;)
	{
		HASH_SEQ_STATUS scan;
		CacheSlot  *slot,
				   *oldest = NULL;
		Size		total = needed;

		hash_seq_init(&scan, cache);
		while ((slot = hash_seq_search(&scan)) != NULL)
		{
			if (slot->model == NULL)
				continue;
			total += slot->model->bytes;
			if (oldest == NULL || slot->last_used < oldest->last_used)
				oldest = slot;
		}
		if (oldest == NULL || total <= (Size) recsys_cache_size * 1024)
			return;
		pin_discard(&oldest->model->pinned);
		oldest->model = NULL;
	}
}

/* Reads and opens a model, in a context of its own. */
static CachedModel *
load_model(const char *name, const PublishedModel *published)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "course_recsys model",
												  ALLOCSET_DEFAULT_SIZES);
	CachedModel *model = MemoryContextAllocZero(context, sizeof(CachedModel));
	Env		   *env = &model->env;
	char	   *bytes;

	model->pinned.context = context;
	model->name = MemoryContextStrdup(context, name);
	model->dataset = MemoryContextStrdup(context, published->dataset);
	model->version = published->version;
	model->build = published->build;
	model->bytes = published->bytes;
	env_for_context(env, context);
	if ((bytes = env_alloc(env, Max(published->bytes, 0), 1)) == NULL)
		env_check(env, env->status);
	store_read(name, published, bytes);
	env_check(env, recommender_open(env, &model->rec, bytes, published->bytes));
	if ((model->scratch = env_alloc_zero(env, recommender_scratch_size(&model->rec), 1)) == NULL ||
		(model->scores = env_alloc(env, model->rec.n_courses, sizeof(float))) == NULL)
		env_check(env, env->status);
	MemoryContextSetParent(context, TopMemoryContext);
	return model;
}

/* Takes out a model that is not there, and raises the error. */
static void
forget(CacheSlot *slot)
{
	char	   *name = pstrdup(slot->name);

	if (slot->model)
		pin_discard(&slot->model->pinned);
	hash_search(cache, name, HASH_REMOVE, NULL);
	store_raise_unpublished(name);
}

/* Looks at the published row again; loads it when it is another build. */
static void
refresh(CacheSlot *slot)
{
	uint64		before = registry_generation();
	PublishedModel published;

	SPI_connect();
	if (!store_find_published(slot->name, &published))
		forget(slot);
	if (slot->model == NULL ||
		memcmp(&slot->model->build, &published.build, sizeof(pg_uuid_t)) != 0)
	{
		CachedModel *fresh,
				   *old = slot->model;

		check_fits(slot->name, &published);
		make_room(Max(published.bytes, 0));
		old = slot->model;		/* make_room may have taken it */
		fresh = load_model(slot->name, &published);
		slot->model = fresh;
		if (old)
			pin_discard(&old->pinned);
	}
	slot->generation = before;
	SPI_finish();
}

/* The published version of a model, pinned until the context is reset. */
CachedModel *
model_open_cached(const char *name, MemoryContext until)
{
	CacheSlot  *slot;
	bool		found;

	if (strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" does not exist", name)));
	if (cache == NULL)
	{
		HASHCTL		info = {.keysize = NAMEDATALEN, .entrysize = sizeof(CacheSlot)};

		cache = hash_create("course_recsys models", 16, &info, HASH_ELEM | HASH_STRINGS);
	}
	slot = hash_search(cache, name, HASH_ENTER, &found);
	if (!found)
	{
		slot->model = NULL;
		slot->generation = 0;
	}
	slot->last_used = ++tick;
	if (slot->model == NULL || slot->generation != registry_generation())
		refresh(slot);
	pin_until(&slot->model->pinned, until);
	return slot->model;
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
