/*
 * parallel.h
 *		Runs one function over chunks of 0 .. n - 1 on several threads.
 *
 * The threads are plain pthreads with every signal blocked, started for the
 * call and joined before it returns; the calling thread works too, and alone
 * polls for interrupts, between its chunks.  A chunk function gets its range,
 * its worker number (for scratch memory prepared by the caller) and must not
 * use the Env: no allocation, no message.  It may fail by returning a status;
 * the first failure (by chunk number) ends the run.  Its status is returned,
 * the same for every number of threads; the text of env_fail names the items
 * only, and a caller whose chunks can fail words its own.
 *
 * A thread that cannot be started is no error: the others do its work.
 *
 * Results must not depend on which worker ran a chunk.  Chunks have a fixed
 * size, so a reduction that keeps one partial result per chunk and adds them up
 * in chunk order gives the same bits for every number of threads.
 */
#ifndef CORE_PARALLEL_H
#define CORE_PARALLEL_H

#include <stdatomic.h>

#include "core/env.h"

typedef RecsysStatus (*ParallelFunction) (void *arg, int64_t begin, int64_t end, int worker);

/* Most workers that parallel_for will use for n items, 1 .. env->n_threads; they count from 0. */
extern int	parallel_workers(const Env *env, int64_t n, int64_t chunk);

/*
 * Calls function(arg, begin, end, worker) for every chunk of `chunk` items.
 * chunk is at least 1; it should take less than 10 ms, so that a cancel is seen
 * in time.  After an interrupt or a failure, some chunks have not run.
 * progress: report items done as PHASE_FITTING, or not.
 */
extern RecsysStatus parallel_for(Env *env, int64_t n, int64_t chunk, ParallelFunction function,
								 void *arg, bool progress);

/* For chunks that may take longer than that: the wish to stop, as the leader sees it in the middle of a chunk. */
typedef struct ParallelStop
{
	Env		   *env;
	atomic_bool stopped;		/* by the leader, for the others */
} ParallelStop;

/*
 * Shall the worker give up its chunk?  Whatever it leaves undone then: parallel_for returns
 * RECSYS_INTERRUPTED.  Outside of parallel_for, a worker 0 asks for itself.
 */
extern bool parallel_should_stop(ParallelStop *stop, int worker);

/*
 * Calls function(arg) with every signal blocked, for a library that may start
 * threads: they inherit the mask, and no handler of the caller runs in them.
 */
extern void parallel_without_signals(void (*function) (void *arg), void *arg);

/* One lock of the process, for a library that must not be called by two threads at once. */
extern void parallel_lock(void);
extern void parallel_unlock(void);

#endif							/* CORE_PARALLEL_H */
