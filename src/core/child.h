/*
 * child.h
 *		Runs a function in a process of its own, for libraries that must not run in a server process:
 *		they may throw, abort, exit, print, start threads, or compute for minutes without looking up.
 *
 * The process is a fork of the caller.  It reads the caller's memory as it was, writes to a pipe, and ends
 * by _exit: the caller's handlers of signals and of exit never run in it, and it holds no descriptor of the
 * caller.  It is killed when the caller wants to stop, and ends when the caller does.  The caller must have
 * no second thread.
 *
 * What runs in the process calls no function of env.h; what it needs is below.
 */
#ifndef CORE_CHILD_H
#define CORE_CHILD_H

#include "core/env.h"

/* The process, seen from inside. */
typedef struct Child Child;

typedef struct ChildJob
{
	const char *what;			/* for messages: whose process it is, as in estimator "ridge" */
	const char *loss_term;		/* of child_loss */
	void		(*run) (Child *child, void *arg);	/* called in the process; ends with child_succeed */
	void	   *arg;
} ChildJob;

/*
 * Runs the job.  *result is a block of env with the bytes that it gave.  Looks at the cancel flag every
 * CHILD_POLL_MS.  Whatever happens, the process is gone afterwards.  Failures: that of child_fail;
 * RECSYS_INTERRUPTED; RECSYS_NO_MEMORY when no process could be started or somebody else killed it, as
 * the kernel does when memory runs out; RECSYS_EXTERNAL when it ended in another way without a result.
 */
#define CHILD_POLL_MS 20

extern RecsysStatus child_run(Env *env, const ChildJob *job, void **result, size_t *length);

/* A function of a library, and where in a struct its address goes. */
typedef struct ChildSymbol
{
	const char *name;
	size_t		offset;
} ChildSymbol;

/* A file of a library, and the package of Debian or Ubuntu that has it; the name differs between their releases. */
typedef struct ChildLibrary
{
	const char *file;
	const char *package;
} ChildLibrary;

/*
 * Loads a library, the first that there is of a list that a file NULL ends, then sees to it that the process takes
 * no more memory than env had left: from then on memory that cannot be had ends the process, also inside a library
 * in C++, and child_run fails.  Returns the name of the file.  RECSYS_UNSUPPORTED, naming the packages to
 * install, when the library or a symbol is missing.
 */
extern const char *child_load(Child *child, const ChildLibrary *libraries, const ChildSymbol *symbols, int n,
							  void *functions);

/* Memory; never NULL, for without it the process ends and child_run fails.  Nobody needs to free it. */
extern void *child_alloc(Child *child, size_t count, size_t size);

/* Ends the process as child_alloc does without memory. */
extern _Noreturn void child_fail_memory(Child *child);

/* The process takes at most what env had left from now on; child_load does it. */
extern void child_limit_memory(Child *child);

/* The caller reports these through its env. */
extern void child_progress(Child *child, int64_t iteration, int64_t of);
extern void child_loss(Child *child, int iteration, double value);

/* Ends the process with its result. */
extern _Noreturn void child_succeed(Child *child, const void *bytes, size_t length);

/* Ends the process with a failure of child_run; detail and hint are full sentences or NULL. */
extern _Noreturn void child_fail(Child *child, RecsysStatus status, const char *detail,
								 const char *hint, const char *format,...)
			__attribute__((format(printf, 5, 6)));

#endif							/* CORE_CHILD_H */
