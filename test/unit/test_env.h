/*
 * test_env.h: an Env on malloc for the unit tests.
 *
 *		Env *env = test_env();
 *		...
 *		test_env_done(env);
 *
 * test_env_done() fails the test when a block was not freed. A test that makes a job fail half way calls
 * env_free_all() before it, as the owner of a job does. env->memory_limit and env->n_threads may be set.
 */
#ifndef TEST_ENV_H
#define TEST_ENV_H

#include <stdlib.h>
#include <string.h>

#include "core/env.h"
#include "unit.h"

/* The Env, what was seen of it, and what it shall be told. */
typedef struct TestEnv
{
	Env			env;
	int64_t		n_allocs;		/* blocks requested */
	int64_t		n_live;			/* blocks not given back */
	int64_t		n_polls;		/* questions whether to stop */
	int64_t		n_progress;		/* progress reports, and the last of them */
	Phase		phase;
	int64_t		iteration;
	int64_t		of;
	int64_t		n_loss;			/* loss reports, and the last of them */
	double		loss;
	char		loss_term[64];
	int64_t		n_notices;		/* messages, and the last of them */
	int64_t		n_warnings;
	char		message[512];
	bool		interrupt;		/* stop now */
	int64_t		interrupt_after;	/* polls answered with no before the first yes; -1: no limit */
	int64_t		fail_after;		/* allocations that succeed before all fail; -1: no limit */
	int64_t		fail_once;		/* number of the one allocation that fails, from 0; -1: none */
} TestEnv;

/* The counters and switches of an Env of test_env(). */
static inline TestEnv *
test_env_of(Env *env)
{
	return env->ctx;
}

/* Memory from malloc, aligned to 8 bytes but not to 16; fails when told to. */
static inline void *
test_env_alloc(size_t bytes, void *ctx)
{
	TestEnv    *test = ctx;
	int64_t		number = test->n_allocs++;
	char	   *block;

	if ((test->fail_after >= 0 && number >= test->fail_after) || number == test->fail_once)
		return NULL;
	block = malloc(bytes + 8);
	if (block == NULL)
		return NULL;
	test->n_live++;
	return block + 8;
}

/* Gives back memory of test_env_alloc. */
static inline void
test_env_release(void *block, void *ctx)
{
	TestEnv    *test = ctx;

	test->n_live--;
	free((char *) block - 8);
}

/* Answers the poll for interrupts. */
static inline bool
test_env_interrupted(void *ctx)
{
	TestEnv    *test = ctx;

	test->n_polls++;
	return test->interrupt || (test->interrupt_after >= 0 && test->n_polls > test->interrupt_after);
}

/* Counts and keeps a progress report. */
static inline void
test_env_progress(Phase phase, int64_t iteration, int64_t of, void *ctx)
{
	TestEnv    *test = ctx;

	test->n_progress++;
	test->phase = phase;
	test->iteration = iteration;
	test->of = of;
}

/* Counts and keeps a loss report. */
static inline void
test_env_loss(int iteration, const char *term, double value, void *ctx)
{
	TestEnv    *test = ctx;

	(void) iteration;
	test->n_loss++;
	test->loss = value;
	snprintf(test->loss_term, sizeof(test->loss_term), "%s", term);
}

/* Counts and keeps a message. */
static inline void
test_env_message(MessageLevel level, const char *text, void *ctx)
{
	TestEnv    *test = ctx;

	if (level == MESSAGE_WARNING)
		test->n_warnings++;
	else
		test->n_notices++;
	snprintf(test->message, sizeof(test->message), "%s", text);
}

/* A fresh Env: one thread, no limit, never interrupted. */
static inline Env *
test_env(void)
{
	TestEnv    *test = calloc(1, sizeof(TestEnv));

	if (test == NULL)
		abort();
	test->interrupt_after = -1;
	test->fail_after = -1;
	test->fail_once = -1;
	test->env.alloc = test_env_alloc;
	test->env.release = test_env_release;
	test->env.interrupted = test_env_interrupted;
	test->env.progress = test_env_progress;
	test->env.loss = test_env_loss;
	test->env.message = test_env_message;
	test->env.ctx = test;
	test->env.n_threads = 1;
	return &test->env;
}

/* From now on, the next n polls say go on and all later ones stop; -1: never stop. */
static inline void
test_env_interrupt_after(Env *env, int64_t n)
{
	test_env_of(env)->interrupt_after = n < 0 ? -1 : test_env_of(env)->n_polls + n;
}

/* From now on, the next n allocations succeed and all later ones fail; -1: never fail. */
static inline void
test_env_fail_after(Env *env, int64_t n)
{
	test_env_of(env)->fail_after = n < 0 ? -1 : test_env_of(env)->n_allocs + n;
}

/* Checks that every block was freed, and ends the Env. */
static inline void
test_env_done(Env *env)
{
	CHECK(env->blocks == NULL);
	CHECK_EQ_INT(env->memory_used, 0);
	env_free_all(env);
	CHECK_EQ_INT(test_env_of(env)->n_live, 0);
	free(test_env_of(env));
}

#endif							/* TEST_ENV_H */
