/*
 * rng.h
 *		Hashes and pseudo-random numbers, the same on every machine.
 *
 * xoshiro256++ (Blackman and Vigna, 2018) seeded by splitmix64.  A stream per
 * (random_state, purpose) keeps results independent of the order of work:
 * rng_seed(&rng, random_state, user) gives each user a stream of its own.
 * (The last bit of rng_normal is that of log() and sqrt() of the C library.)
 */
#ifndef CORE_RNG_H
#define CORE_RNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct Rng
{
	uint64_t	state[4];
	double		spare;			/* second number of a normal pair */
	int			has_spare;
} Rng;

extern void rng_seed(Rng *rng, uint64_t random_state, uint64_t stream);
extern uint64_t rng_next(Rng *rng);
extern double rng_uniform(Rng *rng);	/* [0, 1) */
extern uint64_t rng_below(Rng *rng, uint64_t n);	/* 0 .. n - 1 without bias; n > 0 */
extern double rng_normal(Rng *rng); /* mean 0, standard deviation 1 */

/* splitmix64's finaliser: a bijection on 64 bits that mixes well. */
static inline uint64_t
hash_u64(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* Order matters: hash_combine(a, b) != hash_combine(b, a). */
static inline uint64_t
hash_combine(uint64_t a, uint64_t b)
{
	return hash_u64(a ^ hash_u64(b));
}

/*
 * Hash of a string of bytes, the same on every byte order.  Not for defence
 * against strings made to collide.
 */
extern uint64_t hash_bytes64(const void *bytes, size_t length, uint64_t seed);

#endif							/* CORE_RNG_H */
