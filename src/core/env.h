/*
 * env.h
 *		The seam between the core and whoever runs it.
 *
 * The core never calls PostgreSQL.  Everything that it needs from outside
 * (memory, a look at the cancel flag, somewhere to report progress) comes in
 * through one struct of callbacks.  The server fills it in pg/env_pg.c, the
 * unit tests fill it with malloc.
 *
 * Errors are values.  A function that can fail returns a RecsysStatus, or NULL
 * for an allocation; the text for people is left in the Env by env_fail() and
 * the status in env->status, so that "return env->status" passes it on.
 *
 * Memory belongs to the Env: every block is counted against memory_limit
 * before it is requested and is linked to the Env, so a job that fails half way
 * just returns, and its owner frees everything with env_free_all().
 *
 * Only the thread that owns the Env may call any function of this file.
 */
#ifndef CORE_ENV_H
#define CORE_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum RecsysStatus
{
	RECSYS_OK = 0,
	RECSYS_BAD_ARGUMENT,		/* a parameter is wrong */
	RECSYS_BAD_DATA,			/* the ratings or courses cannot be used */
	RECSYS_NO_MEMORY,			/* the system has no memory left */
	RECSYS_OVER_LIMIT,			/* would exceed env->memory_limit, or a fixed limit */
	RECSYS_SINGULAR,			/* a system of equations has no single solution */
	RECSYS_NOT_CONVERGED,		/* no usable result after the last iteration */
	RECSYS_CORRUPT,				/* bytes that claim to be a model are not one */
	RECSYS_NEWER_FORMAT,		/* a model written by a newer version */
	RECSYS_UNSUPPORTED,			/* this method cannot do that */
	RECSYS_EXTERNAL,			/* a library failed */
	RECSYS_INTERRUPTED			/* the caller asked to stop */
} RecsysStatus;

/* What a job is doing; shown in the view recsys_progress. */
typedef enum Phase
{
	PHASE_WAITING,				/* for the lock of the model */
	PHASE_LOADING,				/* courses, then ratings; iteration counts ratings */
	PHASE_PREPARING,			/* sorting, courses, genres, terms, attributes */
	PHASE_FITTING,
	PHASE_SAVING,
	PHASE_SCORING				/* all users, one after the other */
} Phase;

typedef enum MessageLevel
{
	MESSAGE_NOTICE,				/* shown when the user asked for verbose */
	MESSAGE_WARNING
} MessageLevel;

typedef struct EnvBlock EnvBlock;

typedef struct Env
{
	/* Callbacks; ctx is passed on untouched.  All but alloc and release may be NULL. */
	void	   *(*alloc) (size_t bytes, void *ctx); /* NULL when out of memory */
	void		(*release) (void *block, void *ctx);
	bool		(*interrupted) (void *ctx); /* a flag read, cheap */
	void		(*progress) (Phase phase, int64_t iteration, int64_t of, void *ctx);
	void		(*loss) (int iteration, const char *term, double value, void *ctx);
	void		(*message) (MessageLevel level, const char *text, void *ctx);
	void	   *ctx;

	const char *loss_prefix;	/* before the terms of losses, with a dot between; NULL: none */
	int			n_threads;		/* threads to use, this one included; 0 means 1 */
	size_t		memory_limit;	/* bytes; 0 means no limit */
	size_t		memory_used;	/* bytes held now */
	size_t		memory_peak;	/* most bytes ever held */

	EnvBlock   *blocks;			/* all live blocks */
	RecsysStatus status;		/* of the last failure */
	char		error[256];		/* primary message: lower case, no full stop */
	char		detail[256];	/* full sentence, or empty */
	char		hint[512];		/* full sentence, or empty */
} Env;

/*
 * Memory.  Blocks are 64-byte aligned.  count * size is checked for overflow
 * and against the limit before anything is requested; NULL on failure, with
 * env->status RECSYS_NO_MEMORY or RECSYS_OVER_LIMIT.  A count of 0 gives a
 * valid block.  ENV_BLOCK_OVERHEAD bytes a block are counted on top of what was
 * asked for.
 *
 * env_resize copies the block when it grows (both are held meanwhile) and keeps
 * it, at its old size, when it shrinks.  On failure the old block stays valid.
 */
#define ENV_BLOCK_OVERHEAD 128

extern void *env_alloc(Env *env, size_t count, size_t size);
extern void *env_alloc_zero(Env *env, size_t count, size_t size);
extern void *env_resize(Env *env, void *block, size_t count, size_t size);	/* block may be NULL */
extern void env_free(Env *env, void *block);	/* block may be NULL */
extern void env_free_all(Env *env);

/*
 * A part of a job whose memory is given back as a whole.  inner is a copy that
 * goes on counting against the same limit; until env_leave only inner may be
 * used.  env_leave frees all its blocks, copies the text of a failure and the
 * peak, and returns status.  (If the caller's callbacks leave by longjmp, the
 * blocks of inner go with the memory of whoever allocates.)
 */
extern void env_enter(const Env *outer, Env *inner);
extern RecsysStatus env_leave(Env *outer, Env *inner, RecsysStatus status);

/* Makes a block of inner one of outer, which outlives the part. */
extern void env_keep(Env *outer, Env *inner, void *block);

/* Would another `bytes` stay within the limit?  Fails like env_alloc if not. */
extern RecsysStatus env_reserve(Env *env, size_t bytes);

/* Records status and message; returns status.  Clears detail and hint. */
extern RecsysStatus env_fail(Env *env, RecsysStatus status, const char *format,...)
			__attribute__((format(printf, 3, 4)));
extern RecsysStatus env_detail(Env *env, const char *format,...)
			__attribute__((format(printf, 2, 3)));
extern RecsysStatus env_hint(Env *env, const char *format,...)
			__attribute__((format(printf, 2, 3)));

/* True once the caller wants to stop; env->status is then RECSYS_INTERRUPTED. */
extern bool env_interrupted(Env *env);

extern void env_progress(Env *env, Phase phase, int64_t iteration, int64_t of);
extern void env_loss(Env *env, int iteration, const char *term, double value);
extern void env_message(Env *env, MessageLevel level, const char *format,...)
			__attribute__((format(printf, 3, 4)));

/* Passes a failure on: TRY(csr_transpose(env, &a, &b)); */
#define TRY(call) \
	do { \
		RecsysStatus try_status_ = (call); \
		if (try_status_ != RECSYS_OK) \
			return try_status_; \
	} while (0)

#endif							/* CORE_ENV_H */
