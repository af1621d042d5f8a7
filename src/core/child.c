/*
 * child.c
 *		Runs a function in a process of its own.
 *
 * The process is forked with all signals blocked and takes the default actions before it unblocks them: no
 * handler of the server runs in it.  SIGINT is ignored, for Ctrl-C and a cancel go to the whole process
 * group, and the caller decides what they mean.  A library that calls exit() would run what the server has
 * registered with atexit, which cleans up shared memory: our own handler, registered last and so run first,
 * ends the process.
 *
 * It sends records, each a header and `length` bytes:
 *
 *		RECORD_PROGRESS		iteration of `of`
 *		RECORD_LOSS			iteration, value
 *		RECORD_FAILURE		a Failure
 *		RECORD_RESULT		the result; the last one
 *
 * The caller reads them, asking env whether to stop whenever CHILD_POLL_MS pass, or a signal arrives.  It
 * kills the process and waits for its end in every case: after the last record there is nothing to wait for.
 */
#include "core/child.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "core/checked.h"

#define PIPE_DESCRIPTOR 3		/* of the process; 0, 1, 2 are /dev/null */
#define PIECE_BYTES ((size_t) 1 << 20)	/* of one read or write */

/*
 * In which a library and what it needs find place.  liblinear needs a BLAS, which may be OpenBLAS, and that waits for
 * ever for a buffer of 128 MB: see blas.c.
 */
#define LIBRARY_ROOM ((size_t) 200 << 20)

/* C++: void (*std::set_new_handler(void (*)()))() */
#define SET_NEW_HANDLER "_ZSt15set_new_handlerPFvvE"

typedef enum RecordType
{
	RECORD_PROGRESS = 1,
	RECORD_LOSS,
	RECORD_FAILURE,
	RECORD_RESULT
} RecordType;

/* What goes before the bytes of each record. */
typedef struct Record
{
	int64_t		type;
	int64_t		iteration;
	int64_t		of;
	double		value;
	uint64_t	length;
} Record;

/* The text of child_fail. */
typedef struct Failure
{
	RecsysStatus status;
	char		error[256];
	char		detail[256];
	char		hint[512];
} Failure;

struct Child
{
	const ChildJob *job;
	pid_t		parent;
	size_t		memory_left;	/* bytes that env had left; 0: no limit */
};

/* The process that runs, seen from the caller; pid 0: none. */
static struct
{
	pid_t		pid;
	int			descriptor;
}			running;

/* In the process: itself, for what is called without arguments. */
static Child *this_child;

/* ---------------------------------------------------------------- in the process */

/* Sends bytes; without a reader there is nothing left to do. */
static void
send_bytes(const void *bytes, size_t n)
{
	const char *at = bytes;

	while (n > 0)
	{
		ssize_t		sent = write(PIPE_DESCRIPTOR, at, n < PIECE_BYTES ? n : PIECE_BYTES);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			_exit(EXIT_FAILURE);
		at += sent;
		n -= (size_t) sent;
	}
}

/* Reports how far the job is. */
void
child_progress(Child *child, int64_t iteration, int64_t of)
{
	Record		record = {.type = RECORD_PROGRESS, .iteration = iteration, .of = of};

	(void) child;
	send_bytes(&record, sizeof(record));
}

/* Reports the objective after an iteration. */
void
child_loss(Child *child, int iteration, double value)
{
	Record		record = {.type = RECORD_LOSS, .iteration = iteration, .value = value};

	(void) child;
	send_bytes(&record, sizeof(record));
}

/* Sends the result and ends. */
void
child_succeed(Child *child, const void *bytes, size_t length)
{
	Record		record = {.type = RECORD_RESULT, .length = length};

	(void) child;
	send_bytes(&record, sizeof(record));
	send_bytes(bytes, length);
	_exit(EXIT_SUCCESS);
}

/* Sends a failure and ends. */
void
child_fail(Child *child, RecsysStatus status, const char *detail, const char *hint,
		   const char *format,...)
{
	Failure		failure = {.status = status};
	Record		record = {.type = RECORD_FAILURE, .length = sizeof(failure)};
	va_list		args;

	(void) child;
	va_start(args, format);
	vsnprintf(failure.error, sizeof(failure.error), format, args);
	va_end(args);
	snprintf(failure.detail, sizeof(failure.detail), "%s", detail != NULL ? detail : "");
	snprintf(failure.hint, sizeof(failure.hint), "%s", hint != NULL ? hint : "");
	send_bytes(&record, sizeof(record));
	send_bytes(&failure, sizeof(failure));
	_exit(EXIT_FAILURE);
}

/* Ends the process for want of memory. */
static _Noreturn void
fail_memory(void)
{
	char		detail[256];

	if (this_child->memory_left == 0)
		child_fail(this_child, RECSYS_NO_MEMORY, NULL, NULL, "out of memory");
	snprintf(detail, sizeof(detail), "The process of %s may take %.1f MB.", this_child->job->what,
			 (double) this_child->memory_left / (1024 * 1024));
	child_fail(this_child, RECSYS_OVER_LIMIT, detail, NULL, "memory required exceeds the limit");
}

/* For memory that was asked for elsewhere. */
void
child_fail_memory(Child *child)
{
	(void) child;
	fail_memory();
}

/* Counts as env_alloc does, but fails by ending. */
void *
child_alloc(Child *child, size_t count, size_t size)
{
	size_t		bytes;
	void	   *block;

	(void) child;
	if (!checked_mul(count, size, &bytes))
		fail_memory();
	block = malloc(bytes > 0 ? bytes : 1);
	if (block == NULL)
		fail_memory();
	return block;
}

/* Bytes of data that the process has mapped, as RLIMIT_DATA counts them; 0 where that is not known. */
static size_t
data_bytes(void)
{
	FILE	   *file = fopen("/proc/self/statm", "r");
	unsigned long long pages;
	int			n;

	if (file == NULL)
		return 0;
	n = fscanf(file, "%*s %*s %*s %*s %*s %llu", &pages);
	fclose(file);
	return n == 1 ? (size_t) pages * (size_t) sysconf(_SC_PAGESIZE) : 0;
}

/* Lowers the soft limit on data to what is used and what is left. */
void
child_limit_memory(Child *child)
{
	size_t		used = data_bytes();
	size_t		most;
	struct rlimit limit;

	if (child->memory_left == 0 || used == 0 || !checked_add(used, child->memory_left, &most) ||
		getrlimit(RLIMIT_DATA, &limit) != 0)
		return;
	if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > most)
		limit.rlim_cur = most;
	setrlimit(RLIMIT_DATA, &limit);
}

/* Says what is missing and how to get it. */
static _Noreturn void
fail_missing(Child *child, const ChildLibrary *libraries, const char *file, const char *reason)
{
	char		detail[256];
	char		hint[256];
	int			length = snprintf(hint, sizeof(hint), "Install it on the server, on Debian and Ubuntu with");

	snprintf(detail, sizeof(detail), "%s.", reason != NULL ? reason : "The library cannot be opened");
	for (const ChildLibrary *library = libraries; library->file != NULL; library++)
		length += snprintf(hint + length, sizeof(hint) - (size_t) length, "%s \"apt-get install %s\"%s",
						   library == libraries ? "" : " or", library->package,
						   library[1].file == NULL ? "." : "");
	child_fail(child, RECSYS_UNSUPPORTED, detail, hint, "%s needs the library \"%s\"", child->job->what,
			   file);
}

/* Ends the process when it has little room left.  (volatile: or the compiler leaves both calls out) */
static void
check_room(Child *child, size_t bytes)
{
	void	   *volatile room = malloc(bytes);

	if (room == NULL)
		child_fail(child, RECSYS_NO_MEMORY, NULL, NULL, "out of memory");
	free(room);
}

/* Has memory that C++ cannot get end the process; libraries in C have no such function. */
static void
handle_new(void *library)
{
	void	   *symbol = dlsym(library, SET_NEW_HANDLER);
	void	   *(*set_handler) (void (*) (void));

	if (symbol == NULL)
		return;
	memcpy(&set_handler, &symbol, sizeof(symbol));
	set_handler(fail_memory);
}

/* Opens the first of the libraries that there is; without any, says why not the first. */
static void *
open_first(Child *child, const ChildLibrary *libraries, const char **file)
{
	char		reason[200] = "";

	for (const ChildLibrary *library = libraries; library->file != NULL; library++)
	{
		void	   *opened = dlopen(library->file, RTLD_NOW | RTLD_LOCAL);
		const char *error = opened == NULL ? dlerror() : NULL;

		*file = library->file;
		if (opened != NULL)
			return opened;
		if (library == libraries && error != NULL)
			snprintf(reason, sizeof(reason), "%s", error);
	}
	fail_missing(child, libraries, libraries->file, reason[0] != '\0' ? reason : NULL);
}

/* Loads a library and finds its functions. */
const char *
child_load(Child *child, const ChildLibrary *libraries, const ChildSymbol *symbols, int n, void *functions)
{
	const char *file;
	void	   *library;

	check_room(child, LIBRARY_ROOM);
	library = open_first(child, libraries, &file);
	for (int i = 0; i < n; i++)
	{
		void	   *symbol = dlsym(library, symbols[i].name);
		char		reason[128];

		snprintf(reason, sizeof(reason), "It has no symbol %s: it may be too old", symbols[i].name);
		if (symbol == NULL)
			fail_missing(child, libraries, file, reason);
		memcpy((char *) functions + symbols[i].offset, &symbol, sizeof(symbol));
	}
	handle_new(library);
	child_limit_memory(child);
	return file;
}

/* The last handler registered is the first that exit() runs. */
static void
leave_at_exit(void)
{
	_exit(EXIT_FAILURE);
}

/* Default actions for all signals, of which none is blocked; see the head of this file for SIGINT. */
static void
reset_signals(void)
{
	sigset_t	none;

	for (int i = 1; i < NSIG; i++)
		signal(i, i == SIGINT ? SIG_IGN : SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Closes all descriptors from `first` on. */
static void
close_from(int first)
{
	long		n = sysconf(_SC_OPEN_MAX);

#ifdef SYS_close_range
	if (syscall(SYS_close_range, (unsigned) first, ~0U, 0U) == 0)
		return;
#endif
	for (int i = first; i < n; i++)
		close(i);
}

/* Keeps the end of the pipe and nothing else; what a library prints goes nowhere. */
static void
keep_pipe(int pipe_end)
{
	int			nowhere;

	dup2(pipe_end, PIPE_DESCRIPTOR);
	nowhere = open("/dev/null", O_RDWR);
	for (int i = 0; i < PIPE_DESCRIPTOR; i++)
	{
		if (nowhere < 0)
			close(i);
		else
			dup2(nowhere, i);
	}
	close_from(PIPE_DESCRIPTOR + 1);
}

/* No core file of the server's memory: 1 also keeps the kernel from starting a program that collects them. */
static void
forbid_core(void)
{
	struct rlimit limit = {.rlim_cur = 1, .rlim_max = 1};

	if (setrlimit(RLIMIT_CORE, &limit) != 0)
	{
		limit = (struct rlimit) {.rlim_cur = 0, .rlim_max = 0};
		setrlimit(RLIMIT_CORE, &limit);
	}
}

/* Ends with the parent. */
static void
follow_parent(const Child *child)
{
#ifdef __linux__
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "recsys_fit");
#endif
	if (getppid() != child->parent)
		_exit(EXIT_FAILURE);
}

/* All that happens in the process. */
static _Noreturn void
child_main(Child *child, int pipe_end)
{
	this_child = child;
	if (atexit(leave_at_exit) != 0)
		_exit(EXIT_FAILURE);
	reset_signals();
	follow_parent(child);
	keep_pipe(pipe_end);
	forbid_core();
	setenv("OMP_NUM_THREADS", "1", 1);
	setenv("OPENBLAS_NUM_THREADS", "1", 1);
	child->job->run(child, child->job->arg);
	_exit(EXIT_FAILURE);
}

/* ---------------------------------------------------------------- in the caller */

/* Ends the process, if there is one, and tells how it ended, as waitpid does. */
static int
end_process(void)
{
	int			how = 0;

	if (running.pid == 0)
		return how;
	close(running.descriptor);
	kill(running.pid, SIGKILL);
	while (waitpid(running.pid, &how, 0) < 0 && errno == EINTR)
		continue;
	running.pid = 0;
	return how;
}

/* Fails for what the system did not give. */
static RecsysStatus
fail_start(Env *env, const ChildJob *job, int error)
{
	env_fail(env, RECSYS_NO_MEMORY, "could not start the process of %s", job->what);
	return env_detail(env, "The system says: %s.", strerror(error));
}

/* Forks with all signals blocked in both. */
static pid_t
fork_blocked(sigset_t *before)
{
	sigset_t	all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, before);
	return fork();
}

/* Starts the process. */
static RecsysStatus
start_process(Env *env, const ChildJob *job)
{
	Child		child = {.job = job, .parent = getpid()};
	int			ends[2];
	sigset_t	before;
	pid_t		pid;
	int			error;

	if (env->memory_limit > 0)
		child.memory_left = env->memory_limit > env->memory_used ? env->memory_limit - env->memory_used : 1;
	if (pipe(ends) != 0)
		return fail_start(env, job, errno);
	fcntl(ends[0], F_SETFD, FD_CLOEXEC);
	pid = fork_blocked(&before);
	if (pid == 0)
		child_main(&child, ends[1]);
	error = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(ends[1]);
	if (pid < 0)
	{
		close(ends[0]);
		return fail_start(env, job, error);
	}
	running.pid = pid;
	running.descriptor = ends[0];
	return RECSYS_OK;
}

/* Fails with what is known of a process that sent no last record. */
static RecsysStatus
fail_ended(Env *env, const ChildJob *job)
{
	int			how = end_process();

	if (env_interrupted(env))
		return env->status;
	if (WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL)
	{
		env_fail(env, RECSYS_NO_MEMORY, "process of %s was killed", job->what);
		return env_detail(env, "The system does that when it has no memory left.");
	}
	if (WIFSIGNALED(how))
	{
		env_fail(env, RECSYS_EXTERNAL, "process of %s crashed", job->what);
		return env_detail(env, "Signal %d ended it: %s.", WTERMSIG(how), strsignal(WTERMSIG(how)));
	}
	env_fail(env, RECSYS_EXTERNAL, "process of %s ended without a result", job->what);
	return env_detail(env, "Its exit status is %d.", WIFEXITED(how) ? WEXITSTATUS(how) : -1);
}

/* Waits until there is something to read, or the process has ended. */
static RecsysStatus
wait_readable(Env *env)
{
	struct pollfd event = {.fd = running.descriptor, .events = POLLIN};

	do
	{
		if (env_interrupted(env))
			return env->status;
	} while (poll(&event, 1, CHILD_POLL_MS) <= 0);
	return RECSYS_OK;
}

/* Reads n bytes. */
static RecsysStatus
receive_bytes(Env *env, const ChildJob *job, void *bytes, size_t n)
{
	char	   *at = bytes;

	while (n > 0)
	{
		ssize_t		got;

		TRY(wait_readable(env));
		got = read(running.descriptor, at, n < PIECE_BYTES ? n : PIECE_BYTES);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return fail_ended(env, job);
		at += got;
		n -= (size_t) got;
	}
	return RECSYS_OK;
}

/* Reads what child_fail has sent and fails with it. */
static RecsysStatus
receive_failure(Env *env, const ChildJob *job)
{
	Failure		failure;

	TRY(receive_bytes(env, job, &failure, sizeof(failure)));
	env_fail(env, failure.status, "%s", failure.error);
	env_detail(env, "%s", failure.detail);
	return env_hint(env, "%s", failure.hint);
}

/* Reads the result into a new block. */
static RecsysStatus
receive_result(Env *env, const ChildJob *job, uint64_t n, void **result, size_t *length)
{
	void	   *block = env_alloc(env, n, 1);

	if (block == NULL)
		return env->status;
	if (receive_bytes(env, job, block, n) != RECSYS_OK)
	{
		env_free(env, block);
		return env->status;
	}
	*result = block;
	*length = n;
	return RECSYS_OK;
}

/* Reads records up to the last one. */
static RecsysStatus
receive(Env *env, const ChildJob *job, void **result, size_t *length)
{
	for (;;)
	{
		Record		record;

		TRY(receive_bytes(env, job, &record, sizeof(record)));
		switch ((RecordType) record.type)
		{
			case RECORD_PROGRESS:
				env_progress(env, PHASE_FITTING, record.iteration, record.of);
				break;
			case RECORD_LOSS:
				env_loss(env, (int) record.iteration, job->loss_term, record.value);
				break;
			case RECORD_FAILURE:
				return receive_failure(env, job);
			case RECORD_RESULT:
				return receive_result(env, job, record.length, result, length);
			default:
				return env_fail(env, RECSYS_EXTERNAL, "process of %s sent what cannot be read", job->what);
		}
	}
}

/* A callback of env that left by longjmp may have left a process behind: that one ends first. */
RecsysStatus
child_run(Env *env, const ChildJob *job, void **result, size_t *length)
{
	RecsysStatus status;

	end_process();
	TRY(start_process(env, job));
	status = receive(env, job, result, length);
	end_process();
	return status;
}
