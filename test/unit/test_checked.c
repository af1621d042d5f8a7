/*
 * test_checked.c: checked sizes at their limits.
 */
#include "core/checked.h"
#include "unit.h"

/* Sums up to SIZE_MAX fit, one more does not and leaves the result alone. */
static void
test_add(void)
{
	size_t		sum = 7;

	CHECK(checked_add(2, 3, &sum) && sum == 5);
	CHECK(checked_add(SIZE_MAX, 0, &sum) && sum == SIZE_MAX);
	CHECK(checked_add(SIZE_MAX - 1, 1, &sum) && sum == SIZE_MAX);
	sum = 7;
	CHECK(!checked_add(SIZE_MAX, 1, &sum) && sum == 7);
	CHECK(!checked_add(1, SIZE_MAX, &sum) && sum == 7);
}

/* Products up to SIZE_MAX fit; zero on either side always does. */
static void
test_mul(void)
{
	size_t		half = SIZE_MAX / 2;
	size_t		product = 7;

	CHECK(checked_mul(6, 7, &product) && product == 42);
	CHECK(checked_mul(0, SIZE_MAX, &product) && product == 0);
	CHECK(checked_mul(SIZE_MAX, 0, &product) && product == 0);
	CHECK(checked_mul(half, 2, &product) && product == SIZE_MAX - 1);
	product = 7;
	CHECK(!checked_mul(half + 1, 2, &product) && product == 7);
	CHECK(!checked_mul(2, half + 1, &product) && product == 7);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_add);
	RUN(test_mul);
	return unit_done();
}
