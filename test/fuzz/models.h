/*
 * models.h: genuine models of every method, made at run time, and everything that serving does with
 * a model.
 */
#ifndef TEST_FUZZ_MODELS_H
#define TEST_FUZZ_MODELS_H

#include "core/method.h"
#include "fuzz.h"
#include "test_env.h"

/* A finished block, 64-byte aligned. */
typedef struct FuzzModel
{
	const Method *method;
	const char *bytes;
	size_t		length;
} FuzzModel;

/*
 * Models of all methods of recsys_methods on a tiny training set: each method with values of its
 * choices and switches in many combinations, with and without half_life, courses with numbers and
 * with text as keys. Made at the first call.
 */
extern const FuzzModel *fuzz_models(int *n);

/* Gives a small training set genres, words and groups of users: all that a method may need. */
extern void fuzz_add_side_information(Env *env, TrainingSet *set);

/* Sets the choices and switches of a method from a stream of random numbers. */
extern void fuzz_choose_params(const Method *method, void *params, uint64_t seed);

/*
 * Calls every function of an opened model, with histories from input, and checks what each
 * promises: indexes in bounds, sizes, predictions on the scale, scratch memory zero again. honest:
 * a model of this version, which also promises finite scores.
 */
extern void fuzz_serve(Env *env, const Recommender *rec, FuzzInput *input, bool honest);

/* Frees everything of an Env of test_env(), and checks that it knew of everything. */
extern void fuzz_env_done(Env *env);

#endif							/* TEST_FUZZ_MODELS_H */
