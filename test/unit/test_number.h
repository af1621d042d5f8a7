/*
 * test_number.h: random numbers for the unit tests.
 */
#ifndef TEST_NUMBER_H
#define TEST_NUMBER_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/rng.h"

/* A number in [-1, 1) that depends on the seed alone (splitmix64). */
static inline double
number(uint64_t seed)
{
	uint64_t	z = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return ldexp((double) (z >> 11), -52) - 1;
}

/* n random floats with mean 0 and deviation 1, in a block of exactly that size; the caller frees it. */
static inline float *
random_floats(uint64_t seed, int64_t n)
{
	float	   *values = malloc((size_t) n * sizeof(float));
	Rng			rng;

	rng_seed(&rng, seed, 7);
	for (int64_t i = 0; i < n; i++)
		values[i] = (float) rng_normal(&rng);
	return values;
}

#endif							/* TEST_NUMBER_H */
