/*
 * unit.h: the few macros of the unit tests.
 *
 * A test is a function without arguments; main() runs each with RUN() (RUN_ALONE() when it starts no thread) and
 * returns unit_done(). Output is TAP ("ok 1 - name"), so that prove can run the binaries. A failed check is
 * reported and the test goes on.
 */
#ifndef TEST_UNIT_H
#define TEST_UNIT_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

/* Is this ThreadSanitizer?  It is slow: what has one thread, where no race is, need not run. */
#ifdef __SANITIZE_THREAD__
#define UNIT_RACES_ONLY true
#else
#define UNIT_RACES_ONLY false
#endif

/* Tests run, tests failed, and failed checks of the running test. */
static int	unit_tests, unit_failed, unit_bad_checks;

/* Counts a failed check; the caller has printed what was wrong. */
#define UNIT_FAIL(...) \
	(unit_bad_checks++, printf("# %s:%d: ", __FILE__, __LINE__), printf(__VA_ARGS__), (void) putchar('\n'))

/* The condition holds. */
#define CHECK(condition) \
	do { if (!(condition)) UNIT_FAIL("not true: %s", #condition); } while (0)

/* Two integers are equal. */
#define CHECK_EQ_INT(got, expected) \
	do { \
		long long	got_ = (long long) (got), expected_ = (long long) (expected); \
		if (got_ != expected_) \
			UNIT_FAIL("%s is %lld, expected %lld", #got, got_, expected_); \
	} while (0)

/* Two numbers differ by at most tolerance; a NaN on either side fails. */
#define CHECK_NEAR(got, expected, tolerance) \
	do { \
		double		got_ = (double) (got), expected_ = (double) (expected); \
		if (!(fabs(got_ - expected_) <= (tolerance))) \
			UNIT_FAIL("%s is %.17g, expected %.17g", #got, got_, expected_); \
	} while (0)

/* Runs one test function and prints its TAP line. */
#define RUN(test) unit_run(test, #test)

static inline void
unit_run(void (*test) (void), const char *name)
{
	unit_bad_checks = 0;
	test();
	unit_tests++;
	if (unit_bad_checks > 0)
		unit_failed++;
	printf("%s %d - %s\n", unit_bad_checks > 0 ? "not ok" : "ok", unit_tests, name);
	fflush(stdout);
}

/* The same of a test that starts no thread. */
#define RUN_ALONE(test) (UNIT_RACES_ONLY ? (void) (test) : unit_run(test, #test))

/* Prints the plan; the exit status of main(). No test at all is a failure. */
static inline int
unit_done(void)
{
	printf("1..%d\n", unit_tests);
	return unit_failed > 0 || unit_tests == 0;
}

#endif							/* TEST_UNIT_H */
