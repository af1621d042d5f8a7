/*
 * parts.h
 *		Methods that are made of other methods: which ones, with which parameters.
 *
 * A parameter of type PARAM_PARTS is JSON:
 *
 *		["knn", {"method": "als", "params": {"factors": 32}, "name": "als 32"}]
 *
 * A part is the name of a method, or an object with "method", its own "params"
 * and the "name" under which its rows are shown, by default that of the method.
 * Parameters that every method has (random_state, half_life, ...) are those of the
 * whole and hold for every part.  A method of parts cannot be a part.  A parameter of type PARAM_PART is
 * one such part, without the brackets of a list.
 *
 * A combination recommends what its parts recommend (hybrid); another method of parts makes something
 * else of them, such as embeddings.
 */
#ifndef CORE_PARTS_H
#define CORE_PARTS_H

#include "core/method.h"

#define PARTS_HINT \
	"Write it like [\"knn\", {\"method\": \"als\", \"params\": {\"factors\": 32}, \"name\": \"als 32\"}]."

#define PART_HINT "Write it like \"svd\" or {\"method\": \"svd\", \"params\": {\"factors\": 32}}."

/*
 * Reads 2 to METHOD_PARTS_MAX parts; their parameters are allocated from env.
 * RECSYS_BAD_ARGUMENT names what is wrong.  parameter: its name, for messages.
 */
extern RecsysStatus parts_read(Env *env, const char *parameter, const char *text, size_t length,
							   MethodPart *parts, int *n);

/* Could parts_read read it?  Allocates nothing that stays. */
extern RecsysStatus parts_check(Env *env, const char *parameter, const char *text, size_t length);

/* The same of one part, no list. */
extern RecsysStatus part_read(Env *env, const char *parameter, const char *text, size_t length,
							  MethodPart *part);
extern RecsysStatus part_check(Env *env, const char *parameter, const char *text, size_t length);

/* Is it a combination of methods that recommend? */
static inline bool
method_combines(const Method *method)
{
	return method->score_sources != NULL;
}

/* The parts of a method with these parameters; none (*n 0) of a method that is no combination. */
extern RecsysStatus method_parts(Env *env, const Method *method, const void *params,
								 MethodPart *parts, int *n);

/* What a method and its parts read beside the ratings: NEEDS_*. */
extern RecsysStatus method_needs(Env *env, const Method *method, const void *params,
								 unsigned *needs);

/* Does it predict ratings and, when it is a combination, do all its parts? */
extern RecsysStatus method_predicts(Env *env, const Method *method, const void *params,
									bool *predicts);

/* Does a model with these parameters hold rows of users, in a part of it maybe? */
extern RecsysStatus method_stores_user_rows(Env *env, const Method *method, const void *params,
											bool *stores);

/*
 * Trains a part and keeps nothing but its model.  Losses are told with the name of the part; there is
 * no progress, which would count from the start with every part.
 */
extern RecsysStatus part_train(Env *env, const TrainingSet *set, const MethodPart *part, void **bytes,
							   size_t *length);

/* Opens a model of a part; RECSYS_CORRUPT unless it knows the courses, genres and groups of the whole. */
extern RecsysStatus part_open(Env *env, const Recommender *whole, const MethodPart *part, const void *bytes,
							  size_t length, Recommender *rec);

/* Estimate of part_train; model_bytes: of the whole model. */
extern void part_estimate(const Shape *shape, const MethodPart *part, Estimate *estimate);

/* Bytes of what every model holds beside the sections of its method: ids, counts, order. */
extern double common_model_bytes(const Shape *shape);

/* Memory for the parameters of all parts while an estimate is made, which has no Env of its own. */
#define PARTS_ARENA_BYTES 32768

typedef struct PartsArena
{
	size_t		used;			/* of bytes, with what aligns the first block */
	char		bytes[PARTS_ARENA_BYTES];
} PartsArena;

/* An Env whose memory is the arena; nothing need be freed. */
extern Env	parts_arena(PartsArena *arena);

#endif							/* CORE_PARTS_H */
