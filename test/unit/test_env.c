/*
 * test_env.c: counted memory, error text, callbacks.
 */
#include "test_env.h"

/* Blocks are aligned, writable to the last byte, counted, and freed in any order. */
static void
test_blocks(void)
{
	Env		   *env = test_env();
	char	   *blocks[100];

	for (int i = 0; i < 100; i++)
	{
		blocks[i] = env_alloc(env, (size_t) i, 3);
		CHECK(blocks[i] != NULL && (uintptr_t) blocks[i] % 64 == 0);
		memset(blocks[i], i, (size_t) i * 3);
	}
	CHECK_EQ_INT(env->memory_used, 99 * 100 / 2 * 3 + 100 * ENV_BLOCK_OVERHEAD);
	for (int i = 0; i < 100; i++)
	{
		int			j = i * 37 % 100;	/* 37 and 100 have no common factor: every block once */

		for (int byte = 0; byte < j * 3; byte++)
			CHECK_EQ_INT(blocks[j][byte], j);
		env_free(env, blocks[j]);
	}
	env_free(env, NULL);
	CHECK_EQ_INT(env->memory_peak, 99 * 100 / 2 * 3 + 100 * ENV_BLOCK_OVERHEAD);
	test_env_done(env);
}

/* Zeroed blocks are zero. */
static void
test_zero(void)
{
	Env		   *env = test_env();
	unsigned char *block = env_alloc_zero(env, 1000, 1);

	for (int i = 0; i < 1000; i++)
		CHECK_EQ_INT(block[i], 0);
	env_free(env, block);
	test_env_done(env);
}

/* Resizing keeps the contents, in place when the block has room; a failure keeps the old block. */
static void
test_resize(void)
{
	Env		   *env = test_env();
	int		   *block = env_resize(env, NULL, 1, sizeof(int));
	int		   *same;

	for (int n = 0; n < 2000; n++)
	{
		block = env_resize(env, block, (size_t) n + 1, sizeof(int));
		CHECK(block != NULL && (uintptr_t) block % 64 == 0);
		block[n] = n;
	}
	for (int n = 0; n < 2000; n++)
		CHECK_EQ_INT(block[n], n);
	same = env_resize(env, block, 10, sizeof(int));
	CHECK(same == block);
	test_env_fail_after(env, 0);
	CHECK(env_resize(env, block, 100000, sizeof(int)) == NULL);
	CHECK_EQ_INT(env->status, RECSYS_NO_MEMORY);
	CHECK(env_resize(env, block, SIZE_MAX, sizeof(int)) == NULL);
	CHECK_EQ_INT(env->status, RECSYS_OVER_LIMIT);
	CHECK_EQ_INT(block[9], 9);
	env_free(env, block);
	test_env_done(env);
}

/* The limit is exact, and its error says how much is needed. */
static void
test_limit(void)
{
	Env		   *env = test_env();
	void	   *block;

	env->memory_limit = 1024 * 1024;
	CHECK_EQ_INT(env_reserve(env, 1024 * 1024), RECSYS_OK);
	CHECK_EQ_INT(env_reserve(env, 1024 * 1024 + 1), RECSYS_OVER_LIMIT);
	CHECK_EQ_INT(env_reserve(env, SIZE_MAX), RECSYS_OVER_LIMIT);
	block = env_alloc(env, 1024 * 1024 - ENV_BLOCK_OVERHEAD, 1);
	CHECK(block != NULL);
	CHECK(env_alloc(env, 512 * 1024, 1) == NULL);
	CHECK_EQ_INT(env->status, RECSYS_OVER_LIMIT);
	CHECK(strcmp(env->error, "memory required exceeds the limit") == 0);
	CHECK(strcmp(env->detail, "This needs at least 1.5 MB; the limit is 1.0 MB.") == 0);
	CHECK(env->hint[0] == '\0');
	CHECK_EQ_INT(env_reserve(env, SIZE_MAX), RECSYS_OVER_LIMIT);
	CHECK_EQ_INT(test_env_of(env)->n_allocs, 1);
	env_free(env, block);
	test_env_done(env);
}

/* Sizes that overflow never reach the allocator. */
static void
test_overflow(void)
{
	Env		   *env = test_env();

	CHECK(env_alloc(env, SIZE_MAX / 2, 3) == NULL);
	CHECK_EQ_INT(env->status, RECSYS_OVER_LIMIT);
	env->status = RECSYS_OK;
	CHECK(env_alloc(env, SIZE_MAX, 1) == NULL);
	CHECK_EQ_INT(env->status, RECSYS_OVER_LIMIT);
	CHECK(env_alloc_zero(env, SIZE_MAX, SIZE_MAX) == NULL);
	CHECK_EQ_INT(test_env_of(env)->n_allocs, 0);
	test_env_done(env);
}

/* An allocator without memory gives NULL, a status and a message. */
static void
test_no_memory(void)
{
	Env		   *env = test_env();
	void	   *first;

	test_env_fail_after(env, 1);
	first = env_alloc(env, 1, 100);
	CHECK(first != NULL);
	CHECK(env_alloc(env, 1, 100) == NULL);
	CHECK_EQ_INT(env->status, RECSYS_NO_MEMORY);
	CHECK(strcmp(env->error, "out of memory") == 0);
	CHECK(strcmp(env->detail, "Failed on request of size 100.") == 0);
	env_free_all(env);
	test_env_done(env);
}

/* A part of a job counts against the limit of the whole, gives its memory back, and passes its failure on. */
static void
test_parts(void)
{
	Env		   *env = test_env();
	void	   *kept = env_alloc(env, 100, 1);
	size_t		before = env->memory_used;
	Env			inner;

	env->memory_limit = before + 1000;
	env_enter(env, &inner);
	CHECK(env_alloc(&inner, 500, 1) != NULL);
	CHECK(env_alloc(&inner, 500, 1) == NULL);
	CHECK_EQ_INT(env_leave(env, &inner, inner.status), RECSYS_OVER_LIMIT);
	CHECK_EQ_INT(env->status, RECSYS_OVER_LIMIT);
	CHECK(strstr(env->error, "exceeds the limit") != NULL && env->detail[0] != '\0');
	CHECK_EQ_INT(env->memory_used, before);
	CHECK_EQ_INT(env->memory_peak, before + 500 + ENV_BLOCK_OVERHEAD);
	env_enter(env, &inner);
	CHECK(env_alloc(&inner, 500, 1) != NULL);	/* there is room again */
	CHECK_EQ_INT(env_leave(env, &inner, RECSYS_OK), RECSYS_OK);
	env_free(env, kept);
	test_env_done(env);
}

/* A block that is kept outlives the part, counts once, and is freed with the whole. */
static void
test_keep(void)
{
	Env		   *env = test_env();
	size_t		before = env->memory_used;
	Env			inner;
	char	   *kept;

	env_enter(env, &inner);
	CHECK(env_alloc(&inner, 100, 1) != NULL);
	kept = env_alloc(&inner, 200, 1);
	CHECK(env_alloc(&inner, 300, 1) != NULL);
	strcpy(kept, "kept");
	env_keep(env, &inner, kept);
	CHECK_EQ_INT(env_leave(env, &inner, RECSYS_OK), RECSYS_OK);
	CHECK(strcmp(kept, "kept") == 0);
	CHECK_EQ_INT(env->memory_used, before + 200 + ENV_BLOCK_OVERHEAD);
	CHECK_EQ_INT(env->memory_peak, before + 600 + 3 * ENV_BLOCK_OVERHEAD);
	env_free(env, kept);
	CHECK_EQ_INT(env->memory_used, before);
	test_env_done(env);
}

/* Every failure clears the detail and hint of the one before; parts of it may be quoted. */
static void
test_messages(void)
{
	Env		   *env = test_env();

	CHECK_EQ_INT(env_fail(env, RECSYS_BAD_DATA, "bad \"%s\"", "x"), RECSYS_BAD_DATA);
	CHECK_EQ_INT(env_detail(env, "Row %d.", 7), RECSYS_BAD_DATA);
	CHECK_EQ_INT(env_hint(env, "Fix %s.", "it"), RECSYS_BAD_DATA);
	CHECK(strcmp(env->error, "bad \"x\"") == 0);
	CHECK(strcmp(env->detail, "Row 7.") == 0);
	CHECK(strcmp(env->hint, "Fix it.") == 0);
	env_fail(env, RECSYS_CORRUPT, "model: %s, %s", env->error, env->detail);
	CHECK(strcmp(env->error, "model: bad \"x\", Row 7.") == 0);
	CHECK(env->detail[0] == '\0' && env->hint[0] == '\0');
	CHECK_EQ_INT(env->status, RECSYS_CORRUPT);
	test_env_done(env);
}

/* A long text is cut before the character that does not fit, not inside it. */
static void
test_long_messages(void)
{
	Env		   *env = test_env();
	char		text[600];

	memset(text, 'a', sizeof(text));
	text[599] = '\0';
	env_fail(env, RECSYS_BAD_DATA, "%s", text);
	CHECK_EQ_INT(strlen(env->error), 255);
	memcpy(text + 253, "\xE2\x82\xAC", 3);	/* a euro sign, its last byte beyond the end */
	env_fail(env, RECSYS_BAD_DATA, "%s", text);
	CHECK_EQ_INT(strlen(env->error), 253);
	memcpy(text + 252, "\xE2\x82\xAC" "a", 4);	/* fits exactly */
	env_fail(env, RECSYS_BAD_DATA, "%s", text);
	CHECK_EQ_INT(strlen(env->error), 255);
	test_env_done(env);
}

/* Interrupts, progress, loss and messages reach the callbacks. */
static void
test_callbacks(void)
{
	Env		   *env = test_env();
	TestEnv    *seen = test_env_of(env);

	test_env_interrupt_after(env, 2);
	CHECK(!env_interrupted(env) && !env_interrupted(env));
	CHECK_EQ_INT(env->status, RECSYS_OK);
	CHECK(env_interrupted(env));
	CHECK_EQ_INT(env->status, RECSYS_INTERRUPTED);
	CHECK(strcmp(env->error, "interrupted") == 0);
	env_progress(env, PHASE_FITTING, 3, 20);
	CHECK(seen->n_progress == 1 && seen->phase == PHASE_FITTING && seen->iteration == 3 &&
		  seen->of == 20);
	env_loss(env, 3, "data", 0.5);
	CHECK(seen->n_loss == 1 && seen->loss == 0.5 && strcmp(seen->loss_term, "data") == 0);
	env->loss_prefix = "als";
	env_loss(env, 3, "data", 0.5);
	CHECK(seen->n_loss == 2 && strcmp(seen->loss_term, "als.data") == 0);
	env_message(env, MESSAGE_WARNING, "%d rows", 9);
	CHECK(seen->n_warnings == 1 && seen->n_notices == 0 && strcmp(seen->message, "9 rows") == 0);
	test_env_done(env);
}

/* All callbacks but those for memory may be missing. */
static void
test_no_callbacks(void)
{
	Env		   *env = test_env();

	env->interrupted = NULL;
	env->progress = NULL;
	env->loss = NULL;
	env->message = NULL;
	CHECK(!env_interrupted(env));
	env_progress(env, PHASE_FITTING, 1, 1);
	env_loss(env, 1, "data", 1);
	env_message(env, MESSAGE_NOTICE, "nobody reads this");
	test_env_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_blocks);
	RUN(test_zero);
	RUN(test_resize);
	RUN(test_limit);
	RUN(test_overflow);
	RUN(test_no_memory);
	RUN(test_parts);
	RUN(test_keep);
	RUN(test_messages);
	RUN(test_long_messages);
	RUN(test_callbacks);
	RUN(test_no_callbacks);
	return unit_done();
}
