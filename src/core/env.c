/*
 * env.c
 *		Counted memory, error text and callbacks of the core.
 *
 * A block lies in a piece of memory from the caller's allocator, which may be
 * aligned to 8 bytes only:
 *
 *		origin  ..gap..  EnvBlock  | data (64-byte aligned) |  ..gap..
 *
 * The two gaps and the EnvBlock take ENV_BLOCK_OVERHEAD bytes together and are
 * counted as used.  All operations take constant time, but for the copying of a
 * block that moves and env_free_all.
 */
#include "core/env.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/checked.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define HIDE_BYTES(start, bytes) ASAN_POISON_MEMORY_REGION(start, bytes)
#define SHOW_BYTES(start, bytes) ASAN_UNPOISON_MEMORY_REGION(start, bytes)
#else
#define HIDE_BYTES(start, bytes) ((void) (start), (void) (bytes))
#define SHOW_BYTES(start, bytes) ((void) (start), (void) (bytes))
#endif

#define BLOCK_ALIGNMENT 64

struct EnvBlock
{
	EnvBlock   *prev;
	EnvBlock   *next;
	char	   *origin;			/* what the allocator gave */
	size_t		total;			/* bytes asked of it */
};

_Static_assert(sizeof(EnvBlock) <= BLOCK_ALIGNMENT && ENV_BLOCK_OVERHEAD == 2 * BLOCK_ALIGNMENT,
			   "header and gaps must fit into the overhead");

/* Data of a block. */
static void *
block_data(EnvBlock *block)
{
	return block + 1;
}

/* Header of the block with this data. */
static EnvBlock *
data_block(void *data)
{
	return (EnvBlock *) data - 1;
}

/* Bytes that the data of a block may grow to without moving. */
static size_t
block_room(EnvBlock *block)
{
	return (size_t) (block->origin + block->total - (char *) block_data(block));
}

/* Makes AddressSanitizer report accesses past the first `bytes` bytes of data. */
static void
guard_block(EnvBlock *block, size_t bytes)
{
	char	   *data = block_data(block);

	SHOW_BYTES(data, bytes);
	HIDE_BYTES(data + bytes, block_room(block) - bytes);
}

/* Prints into text (at most 512 bytes), whole UTF-8 characters only; arguments may be part of text. */
static void __attribute__((format(printf, 3, 0)))
print_text(char *text, size_t size, const char *format, va_list args)
{
	char		buffer[1024];
	int			length = vsnprintf(buffer, sizeof(buffer), format, args);
	size_t		kept = length < 0 ? 0 : (size_t) length;

	if (kept >= size)
	{
		kept = size - 1;
		while (kept > 0 && ((unsigned char) buffer[kept] & 0xC0) == 0x80)
			kept--;
	}
	memcpy(text, buffer, kept);
	text[kept] = '\0';
}

/* Fails for a size that no size_t can hold. */
static RecsysStatus
fail_overflow(Env *env)
{
	return env_fail(env, RECSYS_OVER_LIMIT, "memory required exceeds what can be addressed");
}

/* Product of the two, and total with the overhead of a block; false, having failed, on overflow. */
static bool
block_size(Env *env, size_t count, size_t size, size_t *bytes, size_t *total)
{
	if (checked_mul(count, size, bytes) && checked_add(*bytes, ENV_BLOCK_OVERHEAD, total))
		return true;
	fail_overflow(env);
	return false;
}

/* Would another `bytes` stay within the limit? */
RecsysStatus
env_reserve(Env *env, size_t bytes)
{
	size_t		needed;

	if (!checked_add(env->memory_used, bytes, &needed))
		return fail_overflow(env);
	if (env->memory_limit == 0 || needed <= env->memory_limit)
		return RECSYS_OK;
	env_fail(env, RECSYS_OVER_LIMIT, "memory required exceeds the limit");
	return env_detail(env, "This needs at least %.1f MB; the limit is %.1f MB.",
					  (double) needed / (1024 * 1024), (double) env->memory_limit / (1024 * 1024));
}

/* Links a new block into the list and counts it. */
static void
link_block(Env *env, EnvBlock *block)
{
	block->prev = NULL;
	block->next = env->blocks;
	if (block->next != NULL)
		block->next->prev = block;
	env->blocks = block;
	env->memory_used += block->total;
	if (env->memory_used > env->memory_peak)
		env->memory_peak = env->memory_used;
}

/* Takes a block out of the list. */
static void
unlink_block(Env *env, EnvBlock *block)
{
	if (block->next != NULL)
		block->next->prev = block->prev;
	if (block->prev != NULL)
		block->prev->next = block->next;
	else
		env->blocks = block->next;
}

/* Count * size bytes, not set. */
void *
env_alloc(Env *env, size_t count, size_t size)
{
	size_t		bytes;
	size_t		total;
	char	   *origin;
	uintptr_t	aligned;
	EnvBlock   *block;

	if (!block_size(env, count, size, &bytes, &total) ||
		env_reserve(env, total) != RECSYS_OK)
		return NULL;
	origin = env->alloc(total, env->ctx);
	if (origin == NULL)
	{
		env_fail(env, RECSYS_NO_MEMORY, "out of memory");
		env_detail(env, "Failed on request of size %zu.", bytes);
		return NULL;
	}
	aligned = ((uintptr_t) origin + ENV_BLOCK_OVERHEAD - 1) & ~(uintptr_t) (BLOCK_ALIGNMENT - 1);
	block = data_block(origin + (aligned - (uintptr_t) origin));
	block->origin = origin;
	block->total = total;
	link_block(env, block);
	guard_block(block, bytes);
	return block_data(block);
}

/* Count * size bytes of zero. */
void *
env_alloc_zero(Env *env, size_t count, size_t size)
{
	void	   *data = env_alloc(env, count, size);

	if (data != NULL)
		memset(data, 0, count * size);
	return data;
}

/* Keeps the block when the new size fits into it, else moves it; see env.h. */
void *
env_resize(Env *env, void *data, size_t count, size_t size)
{
	EnvBlock   *block;
	size_t		bytes;
	size_t		total;
	size_t		room;
	void	   *moved;

	if (data == NULL)
		return env_alloc(env, count, size);
	if (!block_size(env, count, size, &bytes, &total))
		return NULL;
	block = data_block(data);
	room = block_room(block);
	if (bytes <= room)
	{
		guard_block(block, bytes);
		return data;
	}
	moved = env_alloc(env, count, size);
	if (moved == NULL)
		return NULL;
	SHOW_BYTES(data, room);
	memcpy(moved, data, room);
	env_free(env, data);
	return moved;
}

/* Takes a block out of the list and gives it back. */
void
env_free(Env *env, void *data)
{
	EnvBlock   *block;

	if (data == NULL)
		return;
	block = data_block(data);
	unlink_block(env, block);
	env->memory_used -= block->total;
	SHOW_BYTES(block->origin, block->total);
	env->release(block->origin, env->ctx);
}

/* Frees every block. */
void
env_free_all(Env *env)
{
	while (env->blocks != NULL)
		env_free(env, block_data(env->blocks));
}

/* The same Env without blocks. */
void
env_enter(const Env *outer, Env *inner)
{
	*inner = *outer;
	inner->blocks = NULL;
}

/* Frees the part's blocks; what it has to tell goes to the whole. */
RecsysStatus
env_leave(Env *outer, Env *inner, RecsysStatus status)
{
	env_free_all(inner);
	outer->memory_peak = inner->memory_peak;
	outer->status = inner->status;
	memcpy(outer->error, inner->error, sizeof(outer->error));
	memcpy(outer->detail, inner->detail, sizeof(outer->detail));
	memcpy(outer->hint, inner->hint, sizeof(outer->hint));
	return status;
}

/* inner, which counts what outer holds, has counted it already. */
void
env_keep(Env *outer, Env *inner, void *data)
{
	EnvBlock   *block = data_block(data);

	unlink_block(inner, block);
	link_block(outer, block);
}

/* Records a failure. */
RecsysStatus
env_fail(Env *env, RecsysStatus status, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	print_text(env->error, sizeof(env->error), format, args);
	va_end(args);
	env->status = status;
	env->detail[0] = '\0';
	env->hint[0] = '\0';
	return status;
}

/* Adds the detail of the failure just recorded; returns its status. */
RecsysStatus
env_detail(Env *env, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	print_text(env->detail, sizeof(env->detail), format, args);
	va_end(args);
	return env->status;
}

/* Adds the hint of the failure just recorded; returns its status. */
RecsysStatus
env_hint(Env *env, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	print_text(env->hint, sizeof(env->hint), format, args);
	va_end(args);
	return env->status;
}

/* Asks the caller whether to stop, and records it. */
bool
env_interrupted(Env *env)
{
	if (env->interrupted == NULL || !env->interrupted(env->ctx))
		return false;
	env_fail(env, RECSYS_INTERRUPTED, "interrupted");
	return true;
}

/* Tells the caller how far the job is. */
void
env_progress(Env *env, Phase phase, int64_t iteration, int64_t of)
{
	if (env->progress != NULL)
		env->progress(phase, iteration, of, env->ctx);
}

/* Tells the caller one term of the objective after an iteration. */
void
env_loss(Env *env, int iteration, const char *term, double value)
{
	char		name[128];

	if (env->loss == NULL)
		return;
	if (env->loss_prefix != NULL)
	{
		snprintf(name, sizeof(name), "%s.%s", env->loss_prefix, term);
		term = name;
	}
	env->loss(iteration, term, value, env->ctx);
}

/* Passes a message for the user on. */
void
env_message(Env *env, MessageLevel level, const char *format,...)
{
	char		text[512];
	va_list		args;

	if (env->message == NULL)
		return;
	va_start(args, format);
	print_text(text, sizeof(text), format, args);
	va_end(args);
	env->message(level, text, env->ctx);
}
