/*
 * cache.h
 *		Models that this session has used, ready to score.
 */
#ifndef PG_CACHE_H
#define PG_CACHE_H

#include "utils/uuid.h"

#include "core/method.h"
#include "core/topk.h"
#include "pg/dataset.h"
#include "pg/pin.h"

typedef struct CachedModel
{
	Pinned		pinned;			/* must be first */
	Env			env;			/* its memory is the pinned context */
	char	   *name;
	char	   *dataset;
	Dataset    *source;			/* the dataset as it was when the model was trained */
	int			version;
	pg_uuid_t	build;
	uint64		last_used;		/* tick of the cache */
	Recommender rec;
	bool		scratch_taken;	/* a call uses the members below; an inner call takes its own */
	void	   *scratch;		/* zero between calls */
	float	   *scores;			/* n_courses */
} CachedModel;

/*
 * The published version of a model, pinned until the context is reset.
 * Unknown, unpublished, damaged or too large: error.
 */
extern CachedModel *model_open_cached(const char *name, MemoryContext until);

/* Room to score in for one call: that of the model, or new when an outer call has it. */
typedef struct ScoreRoom
{
	CachedModel *owner;			/* to give it back to, or NULL */
	void	   *scratch;
	float	   *scores;
} ScoreRoom;

extern ScoreRoom *score_room(CachedModel *model, MemoryContext until);

#endif							/* PG_CACHE_H */
