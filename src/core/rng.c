/*
 * rng.c
 *		Pseudo-random numbers and the hash of byte strings.
 *
 * D. Blackman, S. Vigna, "Scrambled linear pseudorandom number generators",
 * 2018 (xoshiro256++); G. Steele, D. Lea, C. Flood, "Fast splittable
 * pseudorandom number generators", 2014 (splitmix64); D. Lemire, "Fast random
 * integer generation in an interval", 2019; G. Marsaglia, T. Bray, "A
 * convenient method for generating normal variables", 1964.  The hash mixes with
 * products of 128 bits, as wyhash does (Wang Yi, 2019).
 */
#include "core/rng.h"

#include <math.h>

/* Odd numbers without a pattern: the first 128 bits of the fraction of pi, last bits set. */
#define HASH_KEY_A UINT64_C(0x243f6a8885a308d3)
#define HASH_KEY_B UINT64_C(0x13198a2e03707345)

#define GOLDEN_GAMMA UINT64_C(0x9e3779b97f4a7c15)	/* step of splitmix64 */

/* Bits of x rotated to the left by 0 < n < 64. */
static inline uint64_t
rotate_left(uint64_t x, int n)
{
	return (x << n) | (x >> (64 - n));
}

/* Starts stream number `stream` of random_state: four steps of splitmix64. */
void
rng_seed(Rng *rng, uint64_t random_state, uint64_t stream)
{
	uint64_t	start = hash_combine(random_state, stream);

	for (uint64_t i = 0; i < 4; i++)
		rng->state[i] = hash_u64(start + i * GOLDEN_GAMMA);
	rng->spare = 0;
	rng->has_spare = 0;
}

/* The next 64 bits. */
uint64_t
rng_next(Rng *rng)
{
	uint64_t   *s = rng->state;
	uint64_t	result = rotate_left(s[0] + s[3], 23) + s[0];
	uint64_t	shifted = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = rotate_left(s[3], 45);
	return result;
}

/* Multiple of 2^-53 in [0, 1). */
double
rng_uniform(Rng *rng)
{
	return (double) (rng_next(rng) >> 11) * 0x1.0p-53;
}

/* 0 .. n - 1 for n < 2^32: high half of a product, redrawn where the low half is uneven (Lemire). */
static uint64_t
below_32(Rng *rng, uint32_t n)
{
	uint64_t	product = (rng_next(rng) >> 32) * n;

	if ((uint32_t) product < n)
	{
		uint32_t	uneven = (0 - n) % n;

		while ((uint32_t) product < uneven)
			product = (rng_next(rng) >> 32) * n;
	}
	return product >> 32;
}

/* 0 .. n - 1, all equally likely. */
uint64_t
rng_below(Rng *rng, uint64_t n)
{
	uint64_t	uneven;
	uint64_t	x;

	if (n <= UINT32_MAX)
		return below_32(rng, (uint32_t) n);
	uneven = (0 - n) % n;
	do
		x = rng_next(rng);
	while (x < uneven);
	return x % n;
}

/* Normal number by the polar method, which yields two; the second is kept for the next call. */
double
rng_normal(Rng *rng)
{
	double		x;
	double		y;
	double		square;
	double		factor;

	if (rng->has_spare)
	{
		rng->has_spare = 0;
		return rng->spare;
	}
	do
	{
		x = 2 * rng_uniform(rng) - 1;
		y = 2 * rng_uniform(rng) - 1;
		square = x * x + y * y;
	} while (square >= 1 || square == 0);
	factor = sqrt(-2 * log(square) / square);
	rng->spare = y * factor;
	rng->has_spare = 1;
	return x * factor;
}

/* 4 bytes as a little-endian number; compilers make one load of it. */
static inline uint64_t
read_4(const unsigned char *bytes)
{
	return (uint64_t) bytes[0] | (uint64_t) bytes[1] << 8 | (uint64_t) bytes[2] << 16 |
		(uint64_t) bytes[3] << 24;
}

/* 8 bytes as a little-endian number. */
static inline uint64_t
read_8(const unsigned char *bytes)
{
	return (uint64_t) bytes[0] | (uint64_t) bytes[1] << 8 | (uint64_t) bytes[2] << 16 |
		(uint64_t) bytes[3] << 24 | (uint64_t) bytes[4] << 32 | (uint64_t) bytes[5] << 40 |
		(uint64_t) bytes[6] << 48 | (uint64_t) bytes[7] << 56;
}

/* 0 to 8 bytes as a little-endian number; parts may overlap, where they agree. */
static inline uint64_t
read_up_to_8(const unsigned char *bytes, size_t n)
{
	if (n >= 8)
		return read_8(bytes);
	if (n >= 4)
		return read_4(bytes) | read_4(bytes + n - 4) << (8 * (n - 4));
	if (n == 0)
		return 0;
	return (uint64_t) bytes[0] | (uint64_t) bytes[n / 2] << (8 * (n / 2)) |
		(uint64_t) bytes[n - 1] << (8 * (n - 1));
}

/* Mixes two words: the exclusive or of the two halves of their product. */
static inline uint64_t
fold(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
	unsigned __int128 product = (unsigned __int128) a * b;

	return (uint64_t) product ^ (uint64_t) (product >> 64);
#else
	uint64_t	low = (a & UINT32_MAX) * (b & UINT32_MAX);
	uint64_t	middle = (a >> 32) * (b & UINT32_MAX) + (low >> 32);
	uint64_t	other = (a & UINT32_MAX) * (b >> 32) + (middle & UINT32_MAX);
	uint64_t	high = (a >> 32) * (b >> 32) + (middle >> 32) + (other >> 32);

	return high ^ (other << 32 | (low & UINT32_MAX));
#endif
}

/* Folds 16 bytes at a time into a state that starts from seed and length; zeros fill the last 16. */
uint64_t
hash_bytes64(const void *bytes, size_t length, uint64_t seed)
{
	const unsigned char *next = bytes;
	uint64_t	hash = fold(seed ^ HASH_KEY_A, (uint64_t) length ^ HASH_KEY_B);

	for (; length > 16; length -= 16, next += 16)
		hash = fold(read_8(next) ^ HASH_KEY_A, read_8(next + 8) ^ hash);
	if (length > 8)
		hash = fold(read_8(next) ^ HASH_KEY_A, read_up_to_8(next + 8, length - 8) ^ hash);
	else
		hash = fold(read_up_to_8(next, length) ^ HASH_KEY_A, hash);
	return hash_u64(hash);
}
