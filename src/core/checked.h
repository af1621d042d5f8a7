/*
 * checked.h
 *		Sizes that cannot wrap around.
 */
#ifndef CORE_CHECKED_H
#define CORE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>

/* *sum = a + b; false when that does not fit. */
static inline bool
checked_add(size_t a, size_t b, size_t *sum)
{
	return !__builtin_add_overflow(a, b, sum);
}

/* *product = a * b; false when that does not fit. */
static inline bool
checked_mul(size_t a, size_t b, size_t *product)
{
	return !__builtin_mul_overflow(a, b, product);
}

#endif							/* CORE_CHECKED_H */
