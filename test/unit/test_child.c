/*
 * test_child.c: whatever happens in the process, the caller gets a status, and nothing is left: no descriptor, no
 * process, no change of signals.
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/child.h"
#include "test_env.h"

#define BIG ((size_t) 10 << 20)
#define PIPE 3					/* the descriptor of the process */

extern const char *__asan_default_options(void);

/* AddressSanitizer says no to malloc as the C library does, instead of ending the program. */
const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/* Memory that the processes share. */
typedef struct Shared
{
	volatile sig_atomic_t handled;	/* calls of handlers that must not run in the process */
	volatile pid_t pid;			/* of the process */
} Shared;

static Shared *shared;

/* Open descriptors of this process. */
static int
count_descriptors(void)
{
	DIR		   *directory = opendir("/proc/self/fd");
	int			n = -1;			/* that of the directory */

	for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;)
		n += entry->d_name[0] != '.';
	if (directory != NULL)
		closedir(directory);
	return n;
}

/* Seconds of a clock that never goes back. */
static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

/* Nothing is left of a process: no zombie, no descriptor more than before. */
static void
check_nothing_left(int descriptors)
{
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	CHECK_EQ_INT(count_descriptors(), descriptors);
}

/* Runs a function; the text of a failure stays in env. */
static RecsysStatus
run_in(Env *env, void (*run) (Child *, void *), void *arg, void **result, size_t *length)
{
	ChildJob	job = {.what = "estimator \"test\"", .loss_term = "log_loss", .run = run, .arg = arg};
	int			descriptors = count_descriptors();
	RecsysStatus status = child_run(env, &job, result, length);

	check_nothing_left(descriptors);
	return status;
}

/* Runs a function that must fail with this status, this text in the error, and this in the detail. */
static void
check_failure(void (*run) (Child *, void *), RecsysStatus status, const char *error, const char *detail)
{
	Env		   *env = test_env();
	void	   *result = NULL;
	size_t		length;

	CHECK_EQ_INT(run_in(env, run, NULL, &result, &length), status);
	CHECK(result == NULL);
	if (strstr(env->error, error) == NULL || strstr(env->detail, detail) == NULL)
		UNIT_FAIL("error \"%s\", detail \"%s\"", env->error, env->detail);
	test_env_done(env);
}

/* ---------------------------------------------------------------- what comes back */

/* Reports, and sends the argument, a string, BIG bytes long. */
static void
report_and_echo(Child *child, void *arg)
{
	char	   *big = child_alloc(child, BIG, 1);

	for (int i = 1; i <= 5; i++)
	{
		child_progress(child, i, 5);
		child_loss(child, i, 1.0 / i);
	}
	memset(big, 'x', BIG);
	strcpy(big, arg);
	child_succeed(child, big, BIG);
}

/* The result, however large, and the reports arrive. */
static void
test_result(void)
{
	Env		   *env = test_env();
	char		text[] = "read from the caller's memory";
	void	   *result;
	size_t		length;

	CHECK_EQ_INT(run_in(env, report_and_echo, text, &result, &length), RECSYS_OK);
	CHECK_EQ_INT(length, BIG);
	CHECK(strcmp(result, text) == 0);
	CHECK(((char *) result)[BIG - 1] == 'x');
	CHECK_EQ_INT(test_env_of(env)->n_progress, 5);
	CHECK_EQ_INT(test_env_of(env)->of, 5);
	CHECK_EQ_INT(test_env_of(env)->n_loss, 5);
	CHECK_NEAR(test_env_of(env)->loss, 0.2, 0.0);
	CHECK(strcmp(test_env_of(env)->loss_term, "log_loss") == 0);
	env_free_all(env);
	test_env_done(env);
}

/* Sends nothing. */
static void
succeed_empty(Child *child, void *arg)
{
	(void) arg;
	child_succeed(child, "", 0);
}

/* A result may be empty. */
static void
test_empty_result(void)
{
	Env		   *env = test_env();
	void	   *result;
	size_t		length = 1;

	CHECK_EQ_INT(run_in(env, succeed_empty, NULL, &result, &length), RECSYS_OK);
	CHECK_EQ_INT(length, 0);
	env_free_all(env);
	test_env_done(env);
}

/* Fails in words. */
static void
fail_in_words(Child *child, void *arg)
{
	(void) arg;
	child_fail(child, RECSYS_BAD_DATA, "The detail.", "The hint.", "row %d is bad", 7);
}

/* Status and text of a failure arrive. */
static void
test_failure(void)
{
	Env		   *env = test_env();
	void	   *result;
	size_t		length;

	CHECK_EQ_INT(run_in(env, fail_in_words, NULL, &result, &length), RECSYS_BAD_DATA);
	CHECK(strcmp(env->error, "row 7 is bad") == 0);
	CHECK(strcmp(env->detail, "The detail.") == 0);
	CHECK(strcmp(env->hint, "The hint.") == 0);
	test_env_done(env);
}

/* ---------------------------------------------------------------- bad ends */

/* A handler that must not run in the process. */
static void
handle(int number)
{
	(void) number;
	shared->handled++;
}

/* What the server registers for its own end. */
static void
at_exit(void)
{
	if (getpid() == shared->pid)
		shared->handled++;
}

/* Ends as a library may that gives up. */
static void
call_exit(Child *child, void *arg)
{
	(void) child, (void) arg;
	shared->pid = getpid();
	exit(3);
}

/* Ends as an exception does that nobody catches. */
static void
call_abort(Child *child, void *arg)
{
	(void) child, (void) arg;
	abort();
}

/* Writes where nothing is. */
static void
crash(Child *child, void *arg)
{
	(void) child, (void) arg;
	raise(SIGSEGV);
}

/* Ends as by the kernel when memory runs out. */
static void
be_killed(Child *child, void *arg)
{
	(void) child, (void) arg;
	raise(SIGKILL);
}

/* Forgets the result. */
static void
return_early(Child *child, void *arg)
{
	(void) child, (void) arg;
}

/* Sends what is no record. */
static void
send_garbage(Child *child, void *arg)
{
	char		bytes[4096];

	(void) child, (void) arg;
	memset(bytes, 0x5a, sizeof(bytes));
	if (write(PIPE, bytes, sizeof(bytes)) > 0)
		pause();
}

/* Sends the beginning of a record. */
static void
send_half(Child *child, void *arg)
{
	(void) child, (void) arg;
	if (write(PIPE, "half", 4) > 0)
		_exit(EXIT_SUCCESS);
}

/* Closes everything and stays. */
static void
close_and_hang(Child *child, void *arg)
{
	(void) child, (void) arg;
	close(PIPE);
	for (;;)
		pause();
}

/* Each bad end is a failure with a status of its own. */
static void
test_bad_ends(void)
{
	check_failure(call_abort, RECSYS_EXTERNAL, "process of estimator \"test\" crashed", "Signal 6");
	check_failure(crash, RECSYS_EXTERNAL, "process of estimator \"test\" crashed", "Signal 11");
	check_failure(be_killed, RECSYS_NO_MEMORY, "process of estimator \"test\" was killed", "no memory left");
	check_failure(return_early, RECSYS_EXTERNAL, "ended without a result", "status is 1");
	check_failure(send_garbage, RECSYS_EXTERNAL, "sent what cannot be read", "");
	check_failure(send_half, RECSYS_EXTERNAL, "ended without a result", "status is 0");
	check_failure(close_and_hang, RECSYS_NO_MEMORY, "was killed", "");
}

/* exit() in the process runs nothing that the caller has registered. */
static void
test_exit(void)
{
	shared->handled = 0;
	check_failure(call_exit, RECSYS_EXTERNAL, "ended without a result", "status is 1");
	CHECK_EQ_INT(shared->handled, 0);
	shared->pid = 0;
}

/* ---------------------------------------------------------------- signals and descriptors */

/* Gets a cancel, then an order to end for which the caller has a handler. */
static void
get_signals(Child *child, void *arg)
{
	(void) arg;
	raise(SIGINT);
	child_progress(child, 1, 1);
	raise(SIGTERM);
	child_succeed(child, "", 0);
}

/* SIGINT is the caller's; SIGTERM ends the process without the caller's handler; masks are as before. */
static void
test_signals(void)
{
	Env		   *env = test_env();
	struct sigaction action = {.sa_handler = handle};
	struct sigaction before;
	sigset_t	blocked;
	sigset_t	after;
	void	   *result;
	size_t		length;

	shared->handled = 0;
	sigaction(SIGTERM, &action, &before);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR2);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	CHECK_EQ_INT(run_in(env, get_signals, NULL, &result, &length), RECSYS_EXTERNAL);
	CHECK(strstr(env->detail, "Signal 15") != NULL);
	CHECK_EQ_INT(test_env_of(env)->n_progress, 1);
	CHECK_EQ_INT(shared->handled, 0);
	sigprocmask(SIG_SETMASK, NULL, &after);
	CHECK(sigismember(&after, SIGUSR2) == 1 && sigismember(&after, SIGTERM) == 1 &&
		  sigismember(&after, SIGINT) == 0);
	sigemptyset(&blocked);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	sigaction(SIGTERM, &before, NULL);
	test_env_done(env);
}

/* Tells its descriptors, what it prints going nowhere. */
static void
tell_descriptors(Child *child, void *arg)
{
	int			n = count_descriptors();

	(void) arg;
	printf("not ok - this goes nowhere\n");
	fflush(stdout);
	child_succeed(child, &n, sizeof(n));
}

/* It holds nothing of the caller's: the standard ones and the pipe. */
static void
test_descriptors(void)
{
	Env		   *env = test_env();
	int			more[2];
	void	   *result;
	size_t		length;

	CHECK_EQ_INT(pipe(more), 0);
	fflush(stdout);
	CHECK_EQ_INT(run_in(env, tell_descriptors, NULL, &result, &length), RECSYS_OK);
	CHECK_EQ_INT(*(int *) result, 4);
	close(more[0]);
	close(more[1]);
	env_free_all(env);
	test_env_done(env);
}

/* Without a descriptor left, it does not start. */
static void
test_no_descriptor(void)
{
	struct rlimit before;
	struct rlimit few;
	Env		   *env = test_env();
	ChildJob	job = {.what = "estimator \"test\"", .run = succeed_empty};
	void	   *result;
	size_t		length;

	getrlimit(RLIMIT_NOFILE, &before);
	few = before;
	few.rlim_cur = 4;
	setrlimit(RLIMIT_NOFILE, &few);
	CHECK_EQ_INT(child_run(env, &job, &result, &length), RECSYS_NO_MEMORY);
	setrlimit(RLIMIT_NOFILE, &before);
	CHECK(strstr(env->error, "could not start the process of estimator \"test\"") != NULL);
	test_env_done(env);
}

/* ---------------------------------------------------------------- cancel */

/* Computes for ever. */
static void
hang(Child *child, void *arg)
{
	volatile bool computing = true;

	(void) arg;
	child_progress(child, 1, 2);
	shared->pid = getpid();
	while (computing)
		;
}

/* Hangs with a full pipe. */
static void
report_for_ever(Child *child, void *arg)
{
	(void) arg;
	for (int i = 0;; i++)
		child_progress(child, i, 0);
}

/* A cancel is seen while nothing comes, and while very much comes. */
static void
test_cancel(void)
{
	void		(*const jobs[]) (Child *, void *) = {hang, report_for_ever};

	for (int i = 0; i < 2; i++)
	{
		Env		   *env = test_env();
		void	   *result;
		size_t		length;
		double		start;

		test_env_interrupt_after(env, 5);
		start = seconds();
		CHECK_EQ_INT(run_in(env, jobs[i], NULL, &result, &length), RECSYS_INTERRUPTED);
		if (seconds() - start > 1.0)
			UNIT_FAIL("a cancel took %.3f s", seconds() - start);
		test_env_done(env);
	}
	shared->pid = 0;
}

/* Stops asking after 20 ms. */
static bool
interrupted_later(void *ctx)
{
	return seconds() > *(double *) ctx;
}

/* Time from the moment of a cancel to the return: the least of some runs, for the machine may be busy. */
static void
test_cancel_time(void)
{
	double		least = 1.0;

	for (int i = 0; i < 5 && least > 0.05; i++)
	{
		Env		   *env = test_env();
		void	   *ctx = env->ctx;
		double		moment = seconds() + 0.1;
		ChildJob	job = {.what = "estimator \"test\"", .run = hang};
		void	   *result;
		size_t		length;

		env->interrupted = interrupted_later;
		env->progress = NULL;
		env->ctx = &moment;
		CHECK_EQ_INT(child_run(env, &job, &result, &length), RECSYS_INTERRUPTED);
		least = fmin(least, seconds() - moment);
		env->ctx = ctx;
		test_env_done(env);
	}
	printf("# a cancel returns after %.1f ms\n", least * 1e3);
	CHECK(least <= 0.1);
	shared->pid = 0;
}

/* The result's memory is missing: the process ends all the same. */
static void
test_no_memory_for_result(void)
{
	Env		   *env = test_env();
	char		text[] = "x";
	void	   *result;
	size_t		length;

	test_env_fail_after(env, 0);
	CHECK_EQ_INT(run_in(env, report_and_echo, text, &result, &length), RECSYS_NO_MEMORY);
	test_env_done(env);
	env = test_env();
	env->memory_limit = BIG / 2;
	CHECK_EQ_INT(run_in(env, report_and_echo, text, &result, &length), RECSYS_OVER_LIMIT);
	test_env_done(env);
}

static jmp_buf left;

/* A callback that does not come back. */
static void
leave(Phase phase, int64_t iteration, int64_t of, void *ctx)
{
	(void) phase, (void) iteration, (void) of, (void) ctx;
	longjmp(left, 1);
}

/* A process that a callback has left behind ends with the next one. */
static void
test_left_behind(void)
{
	Env		   *env = test_env();
	int			descriptors = count_descriptors();
	ChildJob	job = {.what = "estimator \"test\"", .run = hang};
	void	   *result;
	size_t		length;

	env->progress = leave;
	if (setjmp(left) == 0)
	{
		child_run(env, &job, &result, &length);
		UNIT_FAIL("the callback came back");
	}
	CHECK_EQ_INT(count_descriptors(), descriptors + 1);
	job.run = succeed_empty;
	CHECK_EQ_INT(child_run(env, &job, &result, &length), RECSYS_OK);
	check_nothing_left(descriptors);
	shared->pid = 0;
	env_free_all(env);
	test_env_done(env);
}

/* A process that ends without its caller's doing anything ends its own process. */
static void
test_dead_caller(void)
{
	double		until = seconds() + 20.0;
	pid_t		caller;
	pid_t		ended = 0;

	shared->pid = 0;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	caller = fork();
	if (caller == 0)
	{
		Env		   *env = test_env();
		ChildJob	job = {.what = "estimator \"test\"", .run = hang};
		void	   *result;
		size_t		length;

		child_run(env, &job, &result, &length);
		_exit(0);
	}
	while (shared->pid == 0 && seconds() < until)
		usleep(1000);
	kill(caller, SIGKILL);
	waitpid(caller, NULL, 0);
	while ((ended = waitpid(-1, NULL, WNOHANG)) == 0 && seconds() < until)
		usleep(1000);
	CHECK(ended > 0 && ended == shared->pid);
	if (ended != shared->pid)
		kill(shared->pid, SIGKILL);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	shared->pid = 0;
}

/* ---------------------------------------------------------------- memory and libraries */

/* Takes as many MB as it is told to and uses them. */
static void
take_memory(Child *child, void *arg)
{
	child_limit_memory(child);
	for (int i = 0; i < *(int *) arg; i++)
		memset(child_alloc(child, 1 << 20, 1), 1, 1 << 20);
	child_succeed(child, "", 0);
}

/* What env has left is what the process may take. */
static void
test_memory_limit(void)
{
	int			few = 20;
	int			many = 200;
	Env		   *env = test_env();
	void	   *result;
	size_t		length;

	env->memory_limit = (size_t) 100 << 20;
	CHECK_EQ_INT(run_in(env, take_memory, &few, &result, &length), RECSYS_OK);
	CHECK_EQ_INT(run_in(env, take_memory, &many, &result, &length), RECSYS_OVER_LIMIT);
	CHECK(strstr(env->detail, "estimator \"test\" may take 100.0 MB") != NULL);
	env->memory_limit = 0;
	CHECK_EQ_INT(run_in(env, take_memory, &many, &result, &length), RECSYS_OK);
	env_free_all(env);
	test_env_done(env);
}

/* Asks for more than there is. */
static void
ask_for_all(Child *child, void *arg)
{
	(void) arg;
	child_alloc(child, SIZE_MAX / 2, 1);
	child_succeed(child, "", 0);
}

/* Asks for more than can be counted. */
static void
overflow(Child *child, void *arg)
{
	(void) arg;
	child_alloc(child, SIZE_MAX / 2, 4);
	child_succeed(child, "", 0);
}

/* C++'s operator new. */
typedef struct New
{
	void	   *(*new) (size_t);
} New;

/* Has C++ ask for more than there is. */
static void
ask_in_cpp(Child *child, void *arg)
{
	static const ChildSymbol symbols[] = {{"_Znwm", offsetof(New, new)}};
	static const ChildLibrary libraries[] = {{"libmissing.so.9", "libmissing9"}, {"libstdc++.so.6", "libstdc++6"}, {NULL, NULL}};
	New			library;

	(void) arg;
	if (strcmp(child_load(child, libraries, symbols, 1, &library), "libstdc++.so.6") != 0)
		child_fail(child, RECSYS_EXTERNAL, NULL, NULL, "not the first library that there is");
	library.new(SIZE_MAX / 4);
	child_succeed(child, "", 0);
}

/* Memory that cannot be had is a failure in words, in C and in C++. */
static void
test_no_memory(void)
{
	check_failure(ask_for_all, RECSYS_NO_MEMORY, "out of memory", "");
	check_failure(overflow, RECSYS_NO_MEMORY, "out of memory", "");
	check_failure(ask_in_cpp, RECSYS_NO_MEMORY, "out of memory", "");
}

/* Loads what is not there. */
static void
load_nothing(Child *child, void *arg)
{
	static const ChildLibrary libraries[] = {{"libmissing.so.9", "libmissing9"}, {"libmissing.so.10", "libmissing10"}, {NULL, NULL}};

	(void) arg;
	child_load(child, libraries, NULL, 0, NULL);
}

/* Loads what has other symbols. */
static void
load_other(Child *child, void *arg)
{
	static const ChildSymbol symbols[] = {{"no_such_function", 0}};
	static const ChildLibrary libraries[] = {{"libm.so.6", "libm"}, {NULL, NULL}};
	void	   *function;

	(void) arg;
	child_load(child, libraries, symbols, 1, &function);
}

/* A library that is missing, or another one, is named, with what to install. */
static void
test_missing_library(void)
{
	Env		   *env = test_env();
	void	   *result;
	size_t		length;

	check_failure(load_other, RECSYS_UNSUPPORTED, "needs the library \"libm.so.6\"", "no symbol no_such_function");
	CHECK_EQ_INT(run_in(env, load_nothing, NULL, &result, &length), RECSYS_UNSUPPORTED);
	CHECK(strcmp(env->error, "estimator \"test\" needs the library \"libmissing.so.9\"") == 0);
	CHECK(strstr(env->detail, "libmissing.so.9: cannot open") == env->detail);
	CHECK(strcmp(env->hint, "Install it on the server, on Debian and Ubuntu with \"apt-get install libmissing9\" "
				 "or \"apt-get install libmissing10\".") == 0);
	test_env_done(env);
}

int
main(void)
{
	shared = mmap(NULL, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || atexit(at_exit) != 0)
		return EXIT_FAILURE;
	RUN(test_result);
	RUN(test_empty_result);
	RUN(test_failure);
	RUN(test_bad_ends);
	RUN(test_exit);
	RUN(test_signals);
	RUN(test_descriptors);
	RUN(test_no_descriptor);
	RUN(test_cancel);
	RUN(test_cancel_time);
	RUN(test_no_memory_for_result);
	RUN(test_left_behind);
	RUN(test_dead_caller);
	RUN(test_memory_limit);
	RUN(test_no_memory);
	RUN(test_missing_library);
	return unit_done();
}
