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
 * whole and hold for every part.  A method of parts cannot be a part.
 */
#ifndef CORE_PARTS_H
#define CORE_PARTS_H

#include "core/method.h"

#define PARTS_HINT \
	"Write it like [\"knn\", {\"method\": \"als\", \"params\": {\"factors\": 32}, \"name\": \"als 32\"}]."

/*
 * Reads 2 to METHOD_PARTS_MAX parts; their parameters are allocated from env.
 * RECSYS_BAD_ARGUMENT names what is wrong.  parameter: its name, for messages.
 */
extern RecsysStatus parts_read(Env *env, const char *parameter, const char *text, size_t length,
							   MethodPart *parts, int *n);

/* Could parts_read read it?  Allocates nothing that stays. */
extern RecsysStatus parts_check(Env *env, const char *parameter, const char *text, size_t length);

/* The parts of a method with these parameters; none (*n 0) of a method that is no combination. */
extern RecsysStatus method_parts(Env *env, const Method *method, const void *params,
								 MethodPart *parts, int *n);

/* What a method and its parts read beside the ratings: NEEDS_*. */
extern RecsysStatus method_needs(Env *env, const Method *method, const void *params,
								 unsigned *needs);

/* Does it predict ratings, and so do all its parts? */
extern RecsysStatus method_predicts(Env *env, const Method *method, const void *params,
									bool *predicts);

/* Does a model with these parameters hold rows of users, in a part of it maybe? */
extern RecsysStatus method_stores_user_rows(Env *env, const Method *method, const void *params,
											bool *stores);

#endif							/* CORE_PARTS_H */
