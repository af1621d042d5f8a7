/*
 * checked.h: sizes that cannot wrap around.
 *
 * Every size that depends on data (rows x columns x bytes) is computed with these two, so that a huge
 * table gives an error and never a buffer that is too small.
 */
#ifndef CORE_CHECKED_H
#define CORE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* *sum = a + b; false, with *sum untouched, when that does not fit into a size_t. */
static inline bool
checked_add(size_t a, size_t b, size_t *sum)
{
	if (a > SIZE_MAX - b)
		return false;
	*sum = a + b;
	return true;
}

/* *product = a * b; false, with *product untouched, when that does not fit into a size_t. */
static inline bool
checked_mul(size_t a, size_t b, size_t *product)
{
	if (b != 0 && a > SIZE_MAX / b)
		return false;
	*product = a * b;
	return true;
}

#endif							/* CORE_CHECKED_H */
