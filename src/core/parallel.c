/*
 * parallel.c
 *		Chunks of a range on several threads.
 *
 * Chunks are handed out in ascending order by one atomic counter, and a chunk
 * that was handed out is always finished.  So when one fails, all before it have
 * run, and the least failing chunk is the same whatever the threads did.
 */
#include "core/parallel.h"

#include <pthread.h>
#include <signal.h>

#define NO_FAILURE INT64_MAX
#define STATUS_BITS 8			/* of a failure: chunk number above, status below */

static pthread_mutex_t process_lock = PTHREAD_MUTEX_INITIALIZER;

/* One call of parallel_for, shared by its workers. */
typedef struct Run
{
	int64_t		n;
	int64_t		chunk;
	int64_t		n_chunks;
	ParallelFunction function;
	void	   *arg;
	atomic_int_least64_t next;	/* chunk to hand out */
	atomic_int_least64_t done;	/* chunks finished */
	atomic_int_least64_t failure;	/* least failing chunk with its status, or NO_FAILURE */
	atomic_bool stop;			/* hand out no more */
} Run;

/* A worker beside the leader. */
typedef struct Worker
{
	Run		   *run;
	int			number;
	pthread_t	thread;
} Worker;

/* Number of chunks of n items. */
static int64_t
count_chunks(int64_t n, int64_t chunk)
{
	return n <= 0 ? 0 : (n - 1) / chunk + 1;
}

/* As many workers as threads, but no more than chunks. */
int
parallel_workers(const Env *env, int64_t n, int64_t chunk)
{
	int64_t		n_chunks = count_chunks(n, chunk);
	int			n_threads = env->n_threads > 1 ? env->n_threads : 1;

	return n_chunks < n_threads ? (n_chunks > 1 ? (int) n_chunks : 1) : n_threads;
}

/* Remembers the failure of a chunk unless an earlier one failed too. */
static void
record_failure(Run *run, int64_t number, RecsysStatus status)
{
	int64_t		failure = (number << STATUS_BITS) | (int64_t) status;
	int64_t		known = atomic_load(&run->failure);

	while (failure < known && !atomic_compare_exchange_weak(&run->failure, &known, failure))
		continue;
	atomic_store(&run->stop, true);
}

/* First and last + 1 item of a chunk. */
static void
chunk_range(const Run *run, int64_t number, int64_t *begin, int64_t *end)
{
	*begin = number * run->chunk;
	*end = run->n - *begin < run->chunk ? run->n : *begin + run->chunk;
}

/* Runs the next chunk, if there is one. */
static bool
run_next_chunk(Run *run, int worker)
{
	int64_t		number;
	int64_t		begin;
	int64_t		end;
	RecsysStatus status;

	if (atomic_load(&run->stop))
		return false;
	number = atomic_fetch_add(&run->next, 1);
	if (number >= run->n_chunks)
		return false;
	chunk_range(run, number, &begin, &end);
	status = run->function(run->arg, begin, end, worker);
	if (status != RECSYS_OK)
		record_failure(run, number, status);
	atomic_fetch_add(&run->done, 1);
	return true;
}

/* Body of a thread. */
static void *
worker_main(void *arg)
{
	Worker	   *worker = arg;

	while (run_next_chunk(worker->run, worker->number))
		continue;
	return NULL;
}

/* Starts up to n threads with all signals blocked, so that the caller's handlers never run in them. */
static int
start_workers(Run *run, Worker *workers, int n)
{
	sigset_t	all;
	sigset_t	before;
	int			started = 0;

	sigfillset(&all);
	if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
		return 0;
	while (started < n)
	{
		workers[started].run = run;
		workers[started].number = started + 1;
		if (pthread_create(&workers[started].thread, NULL, worker_main, &workers[started]) != 0)
			break;
		started++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started;
}

/* Tells how many items are finished. */
static void
report(Env *env, Run *run)
{
	int64_t		done = atomic_load(&run->done);

	env_progress(env, PHASE_FITTING, done < run->n_chunks ? done * run->chunk : run->n, run->n);
}

/* The leader's share: works as worker 0, and looks at the cancel flag before each chunk. */
static bool
lead(Env *env, Run *run, bool progress)
{
	do
	{
		if (env_interrupted(env))
		{
			atomic_store(&run->stop, true);
			return false;
		}
		if (progress)
			report(env, run);
	} while (run_next_chunk(run, 0));
	return true;
}

/* Turns the least failure, if any, into the result. */
static RecsysStatus
run_result(Env *env, Run *run)
{
	int64_t		failure = atomic_load(&run->failure);
	int64_t		begin;
	int64_t		end;

	if (failure == NO_FAILURE)
		return RECSYS_OK;
	chunk_range(run, failure >> STATUS_BITS, &begin, &end);
	return env_fail(env, (RecsysStatus) (failure & ((1 << STATUS_BITS) - 1)),
					"could not compute items %lld to %lld", (long long) begin, (long long) end - 1);
}

/* Runs function over all chunks. */
RecsysStatus
parallel_for(Env *env, int64_t n, int64_t chunk, ParallelFunction function, void *arg, bool progress)
{
	Run			run = {.n = n, .chunk = chunk, .n_chunks = count_chunks(n, chunk),
					.function = function, .arg = arg};
	int			n_extra = parallel_workers(env, n, chunk) - 1;
	Worker	   *workers = NULL;
	bool		complete;
	int			started = 0;

	atomic_init(&run.next, 0);
	atomic_init(&run.done, 0);
	atomic_init(&run.failure, NO_FAILURE);
	atomic_init(&run.stop, false);
	if (n_extra > 0)
	{
		workers = env_alloc(env, (size_t) n_extra, sizeof(Worker));
		if (workers == NULL)
			return env->status;
		started = start_workers(&run, workers, n_extra);
	}
	complete = lead(env, &run, progress);
	for (int i = 0; i < started; i++)
		pthread_join(workers[i].thread, NULL);
	env_free(env, workers);
	if (!complete)
		return env->status;
	if (progress)
		report(env, &run);
	return run_result(env, &run);
}

/* Only the leader may ask. */
bool
parallel_should_stop(ParallelStop *stop, int worker)
{
	if (worker == 0 && env_interrupted(stop->env))
		atomic_store(&stop->stopped, true);
	return atomic_load_explicit(&stop->stopped, memory_order_relaxed);
}

/* Calls a function with every signal blocked (pthread_sigmask cannot fail with these arguments). */
void
parallel_without_signals(void (*function) (void *arg), void *arg)
{
	sigset_t	all;
	sigset_t	before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	function(arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Takes the lock of the process. */
void
parallel_lock(void)
{
	pthread_mutex_lock(&process_lock);
}

/* Gives the lock of the process back. */
void
parallel_unlock(void)
{
	pthread_mutex_unlock(&process_lock);
}
