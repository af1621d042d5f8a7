/*
 * test_parallel.c: chunks on several threads; run under ThreadSanitizer too.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "core/parallel.h"
#include "test_env.h"

#define MAX_WORKERS 8

/* What the chunk functions below see and note down. */
typedef struct Probe
{
	int64_t		n;
	int64_t		chunk;
	unsigned char *seen;		/* per item: times computed */
	int64_t		items[MAX_WORKERS]; /* per worker: items computed, without any lock */
	int64_t		fail_from;		/* chunks from this one on fail ... */
	int64_t		fail_every;		/* ... that are a multiple of this */
	atomic_int	ready;			/* workers that have started a chunk */
	atomic_int	signals_open;	/* chunks run by a thread with an open signal */
	pthread_t	leader;
} Probe;

/* Sleeps for a millisecond. */
static void
sleep_a_little(void)
{
	struct timespec millisecond = {0, 1000000};

	nanosleep(&millisecond, NULL);
}

/* Counts the items of a chunk. */
static RecsysStatus
count_items(void *arg, int64_t begin, int64_t end, int worker)
{
	Probe	   *probe = arg;
	int64_t		number = begin / probe->chunk;

	CHECK(begin % probe->chunk == 0 && begin < end && end <= probe->n && worker < MAX_WORKERS);
	for (int64_t i = begin; i < end; i++)
		probe->seen[i]++;
	probe->items[worker] += end - begin;
	if (probe->fail_every > 0 && number >= probe->fail_from && number % probe->fail_every == 0)
		return number == probe->fail_from ? RECSYS_SINGULAR : RECSYS_NOT_CONVERGED;
	return RECSYS_OK;
}

/* Every item is computed once, with any number of threads and size of chunk. */
static void
check_coverage(int n_threads, int64_t n, int64_t chunk)
{
	Env		   *env = test_env();
	Probe		probe = {.n = n, .chunk = chunk};
	int64_t		total = 0;

	env->n_threads = n_threads;
	probe.seen = calloc((size_t) n + 1, 1);
	CHECK_EQ_INT(parallel_for(env, n, chunk, count_items, &probe, true), RECSYS_OK);
	for (int64_t i = 0; i < n; i++)
		CHECK_EQ_INT(probe.seen[i], 1);
	for (int i = 0; i < MAX_WORKERS; i++)
	{
		total += probe.items[i];
		CHECK(i < parallel_workers(env, n, chunk) || probe.items[i] == 0);
	}
	CHECK_EQ_INT(total, n);
	CHECK(test_env_of(env)->phase == PHASE_FITTING && test_env_of(env)->iteration == n &&
		  test_env_of(env)->of == n);
	free(probe.seen);
	test_env_done(env);
}

/* Odd sizes of range and chunk. */
static void
test_coverage(void)
{
	static const int64_t chunks[] = {1, 7, 100, 5000, INT64_MAX};

	for (int n_threads = 0; n_threads <= MAX_WORKERS; n_threads += n_threads < 3 ? 1 : 5)
		for (int i = 0; i < 5; i++)
		{
			check_coverage(n_threads, 0, chunks[i]);
			check_coverage(n_threads, 1, chunks[i]);
			check_coverage(n_threads, 1000, chunks[i]);
		}
}

/* No more workers than chunks, never none. */
static void
test_workers(void)
{
	Env		   *env = test_env();

	env->n_threads = 4;
	CHECK_EQ_INT(parallel_workers(env, 0, 10), 1);
	CHECK_EQ_INT(parallel_workers(env, 10, 10), 1);
	CHECK_EQ_INT(parallel_workers(env, 11, 10), 2);
	CHECK_EQ_INT(parallel_workers(env, 1000, 10), 4);
	CHECK_EQ_INT(parallel_workers(env, INT64_MAX, 1), 4);
	env->n_threads = 0;
	CHECK_EQ_INT(parallel_workers(env, 1000, 10), 1);
	test_env_done(env);
}

/* Notes which threads run; the first chunk of each waits until the other one runs too. */
static RecsysStatus
meet(void *arg, int64_t begin, int64_t end, int worker)
{
	Probe	   *probe = arg;
	sigset_t	mask;

	(void) begin;
	(void) end;
	if (probe->items[worker]++ == 0)
		atomic_fetch_add(&probe->ready, 1);
	for (int i = 0; i < 10000 && atomic_load(&probe->ready) < 2; i++)
		sleep_a_little();
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	CHECK((worker == 0) == (bool) pthread_equal(pthread_self(), probe->leader));
	if (worker > 0 && (!sigismember(&mask, SIGTERM) || !sigismember(&mask, SIGUSR1)))
		atomic_fetch_add(&probe->signals_open, 1);
	return RECSYS_OK;
}

/* Two threads do run at once; signals are blocked in the new one and untouched in the leader. */
static void
test_threads(void)
{
	Env		   *env = test_env();
	Probe		probe = {.leader = pthread_self()};
	sigset_t	mask;

	env->n_threads = 2;
	CHECK_EQ_INT(parallel_for(env, 20, 1, meet, &probe, false), RECSYS_OK);
	CHECK_EQ_INT(probe.ready, 2);
	CHECK_EQ_INT(probe.signals_open, 0);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	CHECK(!sigismember(&mask, SIGTERM));
	CHECK_EQ_INT(test_env_of(env)->n_progress, 0);
	test_env_done(env);
}

/* The least failing chunk decides, with every number of threads, and the rest is not started. */
static void
test_failure(void)
{
	for (int n_threads = 1; n_threads <= 4; n_threads++)
		for (int repeat = 0; repeat < 50; repeat++)
		{
			Env		   *env = test_env();
			Probe		probe = {.n = 100000, .chunk = 10, .fail_from = 60, .fail_every = 3};

			env->n_threads = n_threads;
			probe.seen = calloc((size_t) probe.n, 1);
			CHECK_EQ_INT(parallel_for(env, probe.n, probe.chunk, count_items, &probe, false),
						 RECSYS_SINGULAR);
			CHECK_EQ_INT(env->status, RECSYS_SINGULAR);
			CHECK(strcmp(env->error, "could not compute items 600 to 609") == 0);
			for (int64_t i = 0; i < 610; i++)
				CHECK_EQ_INT(probe.seen[i], 1);
			if (n_threads == 1)
				CHECK_EQ_INT(probe.seen[610], 0);
			free(probe.seen);
			test_env_done(env);
		}
}

/* Takes a millisecond. */
static RecsysStatus
slow_chunk(void *arg, int64_t begin, int64_t end, int worker)
{
	Probe	   *probe = arg;

	(void) begin;
	(void) end;
	probe->items[worker]++;
	sleep_a_little();
	return RECSYS_OK;
}

/* An interrupt stops all workers after their chunk; all threads are joined. */
static void
test_interrupt(void)
{
	for (int n_threads = 1; n_threads <= 4; n_threads++)
	{
		Env		   *env = test_env();
		Probe		probe = {.n = 100000};
		int64_t		chunks = 0;

		env->n_threads = n_threads;
		test_env_interrupt_after(env, 5);
		CHECK_EQ_INT(parallel_for(env, probe.n, 1, slow_chunk, &probe, true), RECSYS_INTERRUPTED);
		CHECK_EQ_INT(probe.items[0], 5);
		for (int i = 0; i < MAX_WORKERS; i++)
			chunks += probe.items[i];
		CHECK(chunks < probe.n / 10);
		test_env_done(env);
	}
}

#if defined(__GLIBC__)
/* Where no thread can be started (no memory for a stack this large), the leader does all the work. */
static void
test_no_threads(void)
{
	Env		   *env = test_env();
	Probe		probe = {.n = 1000, .chunk = 10};
	pthread_attr_t before;
	pthread_attr_t attr;
	int			refused;

	env->n_threads = 4;
	probe.seen = calloc((size_t) probe.n, 1);
	pthread_getattr_default_np(&before);
	pthread_getattr_default_np(&attr);
	pthread_attr_setstacksize(&attr, (size_t) 1 << 47);
	refused = pthread_setattr_default_np(&attr);
	CHECK_EQ_INT(refused, 0);
	CHECK_EQ_INT(parallel_for(env, probe.n, probe.chunk, count_items, &probe, false), RECSYS_OK);
	pthread_setattr_default_np(&before);
	CHECK_EQ_INT(probe.items[0], 1000);
	for (int64_t i = 0; i < probe.n; i++)
		CHECK_EQ_INT(probe.seen[i], 1);
	free(probe.seen);
	test_env_done(env);
}
#endif

/* Without memory for its bookkeeping the call fails before any chunk. */
static void
test_no_memory(void)
{
	Env		   *env = test_env();
	Probe		probe = {.n = 100};

	env->n_threads = 2;
	test_env_fail_after(env, 0);
	CHECK_EQ_INT(parallel_for(env, probe.n, 1, slow_chunk, &probe, false), RECSYS_NO_MEMORY);
	CHECK_EQ_INT(probe.items[0] + probe.items[1], 0);
	test_env_done(env);
}

/* Adds 1 / (i + 1) in the partial sum of each chunk. */
static RecsysStatus
harmonic_chunk(void *arg, int64_t begin, int64_t end, int worker)
{
	double	   *partial = arg;

	(void) worker;
	for (int64_t i = begin; i < end; i++)
		partial[begin / 64] += 1.0 / (double) (i + 1);
	return RECSYS_OK;
}

/* A reduction by chunks has the same bits for every number of threads. */
static void
test_reduction(void)
{
	double		expected = 0;

	for (int n_threads = 1; n_threads <= 5; n_threads++)
	{
		Env		   *env = test_env();
		double		partial[157] = {0};
		double		sum = 0;

		env->n_threads = n_threads;
		CHECK_EQ_INT(parallel_for(env, 10000, 64, harmonic_chunk, partial, false), RECSYS_OK);
		for (int i = 0; i < 157; i++)
			sum += partial[i];
		if (n_threads == 1)
			expected = sum;
		CHECK(memcmp(&sum, &expected, sizeof(sum)) == 0);
		test_env_done(env);
	}
	CHECK_NEAR(expected, 9.787606036044382, 1e-12);	/* harmonic number 10000 */
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_coverage);
	RUN(test_workers);
	RUN(test_threads);
	RUN(test_failure);
	RUN(test_interrupt);
#if defined(__GLIBC__)
	RUN(test_no_threads);
#endif
	RUN(test_no_memory);
	RUN(test_reduction);
	return unit_done();
}
