/*
 * test_rng.c: random numbers and hashes: fixed values, distributions, independence of streams.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "unit.h"

/* The generator's first numbers from the state 1, 2, 3, 4, worked out by hand for the first two. */
static void
test_xoshiro(void)
{
	Rng			rng = {.state = {1, 2, 3, 4}};

	/* rotl(1 + 4, 23) + 1; then the state is 7, 0, 262146, 6 * 2^45 */
	CHECK(rng_next(&rng) == (UINT64_C(5) << 23) + 1);
	CHECK(rng.state[0] == 7 && rng.state[1] == 0 && rng.state[2] == 262146 &&
		  rng.state[3] == UINT64_C(6) << 45);
	/* 7 + 6 * 2^45, rotated: 7 * 2^23 + 6 * 2^68, of which 6 * 2^4 wraps around */
	CHECK(rng_next(&rng) == (UINT64_C(7) << 23) + 96 + 7);
}

/* splitmix64's published outputs for seed 0 are the mixer at multiples of its step. */
static void
test_splitmix(void)
{
	CHECK(hash_u64(0) == UINT64_C(0xe220a8397b1dcdaf));
	CHECK(hash_u64(UINT64_C(0x9e3779b97f4a7c15)) == UINT64_C(0x6e789e6aa1b965f4));
	CHECK(hash_combine(1, 2) != hash_combine(2, 1));
}

/* The same seed repeats, another stream or state does not. */
static void
test_streams(void)
{
	Rng			a;
	Rng			b;
	int			same_stream = 0;
	int			same_state = 0;

	rng_seed(&a, 42, 7);
	rng_seed(&b, 42, 7);
	for (int i = 0; i < 1000; i++)
		CHECK(rng_next(&a) == rng_next(&b));
	for (int i = 0; i < 1000; i++)
	{
		rng_seed(&a, 42, (uint64_t) i);
		rng_seed(&b, 42, (uint64_t) i + 1);
		same_stream += rng_next(&a) == rng_next(&b);
		rng_seed(&b, 43, (uint64_t) i);
		rng_seed(&a, 42, (uint64_t) i);
		same_state += rng_next(&a) == rng_next(&b);
	}
	CHECK_EQ_INT(same_stream, 0);
	CHECK_EQ_INT(same_state, 0);
}

/* First numbers of neighbouring streams are as uniform as those of one stream. */
static void
test_uniform(void)
{
	Rng			rng;
	double		sum = 0;
	double		squares = 0;
	int			n = 100000;

	for (int i = 0; i < n; i++)
	{
		double		x;

		rng_seed(&rng, 1, (uint64_t) i);
		x = rng_uniform(&rng);
		CHECK(x >= 0 && x < 1);
		sum += x;
		squares += x * x;
	}
	CHECK_NEAR(sum / n, 0.5, 0.005);
	CHECK_NEAR(squares / n, 1.0 / 3, 0.005);
}

/* Each of n values comes equally often: chi-square below its mean plus five standard deviations. */
static void
check_even(uint64_t n, uint64_t bucket)
{
	Rng			rng;
	double		counts[64] = {0};
	double		chi_square = 0;
	int			buckets = (int) (n / bucket);
	double		expected = 100000.0 / buckets;

	rng_seed(&rng, 3, n);
	for (int i = 0; i < 100000; i++)
	{
		uint64_t	x = rng_below(&rng, n);

		CHECK(x < n);
		counts[x / bucket]++;
	}
	for (int i = 0; i < buckets; i++)
		chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
	CHECK(chi_square < buckets - 1 + 5 * sqrt(2.0 * (buckets - 1)));
}

/* Small, even, and huge ranges; a plain modulo would fail where 2^32 or 2^64 is 1.5 n. */
static void
test_below(void)
{
	Rng			rng;

	check_even(3, 1);
	check_even(64, 1);
	check_even(50, 1);
	check_even(UINT64_C(3) * 954437176, UINT64_C(954437176));	/* 2^32 / 1.5 */
	check_even(UINT64_C(3) << 62, UINT64_C(1) << 62);
	check_even(UINT64_C(3) << 40, UINT64_C(1) << 40);
	rng_seed(&rng, 0, 0);
	for (int i = 0; i < 100; i++)
		CHECK_EQ_INT(rng_below(&rng, 1), 0);
}

/* Moments of the normal distribution: 0, 1, 0, 3, and 4.55 % beyond two standard deviations. */
static void
test_normal(void)
{
	Rng			rng;
	double		moments[5] = {0};
	int			beyond = 0;
	int			n = 400000;

	rng_seed(&rng, 5, 0);
	for (int i = 0; i < n; i++)
	{
		double		x = rng_normal(&rng);

		beyond += fabs(x) > 2;
		for (int power = 1; power <= 4; power++)
			moments[power] += pow(x, power) / n;
	}
	CHECK_NEAR(moments[1], 0, 0.01);
	CHECK_NEAR(moments[2], 1, 0.01);
	CHECK_NEAR(moments[3], 0, 0.03);
	CHECK_NEAR(moments[4], 3, 0.06);
	CHECK_NEAR((double) beyond / n, 0.0455, 0.002);
}

/* Exclusive or of both halves of a product, digit by digit to the base 2^16. */
static uint64_t
naive_fold(uint64_t a, uint64_t b)
{
	uint64_t	digits[8] = {0};
	uint64_t	result = 0;

	for (int i = 0; i < 4; i++)
	{
		for (int j = 0; j < 4; j++)
			digits[i + j] += (a >> (16 * i) & 0xFFFF) * (b >> (16 * j) & 0xFFFF);
	}
	for (int i = 0; i < 8; i++)
	{
		if (i < 7)
			digits[i + 1] += digits[i] >> 16;
		result ^= (digits[i] & 0xFFFF) << (16 * (i % 4));
	}
	return result;
}

/* A naive statement of the hash: pairs of little-endian words, filled with zeros. */
static uint64_t
naive_hash(const unsigned char *bytes, size_t length, uint64_t seed)
{
	const uint64_t key = UINT64_C(0x243f6a8885a308d3);
	uint64_t	hash = naive_fold(seed ^ key, length ^ UINT64_C(0x13198a2e03707345));

	for (size_t start = 0; start == 0 || start < length; start += 16)
	{
		uint64_t	words[2] = {0};

		for (size_t i = start; i < length && i < start + 16; i++)
			words[(i - start) / 8] += (uint64_t) bytes[i] * (UINT64_C(1) << (8 * ((i - start) % 8)));
		hash = naive_fold(words[0] ^ key, words[1] ^ hash);
	}
	return hash_u64(hash);
}

/* Every length, at every alignment, from a buffer without a byte to spare. */
static void
test_hash_bytes(void)
{
	for (size_t length = 0; length < 40; length++)
	{
		unsigned char *bytes = malloc(length + 1);

		for (size_t i = 0; i <= length; i++)
			bytes[i] = (unsigned char) (200 + 7 * i);
		CHECK(hash_bytes64(bytes + 1, length, 9) == naive_hash(bytes + 1, length, 9));
		CHECK(hash_bytes64(bytes, length, 9) != hash_bytes64(bytes, length, 8));
		CHECK(hash_bytes64(bytes, length, 9) != hash_bytes64(bytes, length + 1, 9));
		free(bytes);
	}
	CHECK(hash_bytes64("a\0", 2, 0) != hash_bytes64("a", 1, 0));
	/* stored in models: must never change; computed with integers of any size */
	CHECK(hash_bytes64("", 0, 0) == UINT64_C(0xabafab2541be8e4e));
	CHECK(hash_bytes64("course-00906", 12, 0) == UINT64_C(0x1ffbd2f976c9560a));
	CHECK(hash_bytes64("The quick brown fox jumps over the lazy dog", 43, 0) ==
		  UINT64_C(0x4e6f7761448a3bae));
}

/* Ten thousand similar strings fill the low 10 bits evenly and differ in all 64. */
static void
test_hash_spread(void)
{
	double		counts[1024] = {0};
	double		chi_square = 0;
	uint64_t	all_or = 0;
	uint64_t	all_and = UINT64_MAX;
	char		text[32];

	for (int i = 0; i < 10240; i++)
	{
		uint64_t	hash = hash_bytes64(text, (size_t) snprintf(text, sizeof(text), "course-%d", i), 0);

		counts[hash % 1024]++;
		all_or |= hash;
		all_and &= hash;
	}
	for (int i = 0; i < 1024; i++)
		chi_square += (counts[i] - 10) * (counts[i] - 10) / 10;
	CHECK(chi_square < 1023 + 5 * sqrt(2.0 * 1023));
	CHECK(all_or == UINT64_MAX && all_and == 0);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_xoshiro);
	RUN(test_splitmix);
	RUN(test_streams);
	RUN(test_uniform);
	RUN(test_below);
	RUN(test_normal);
	RUN(test_hash_bytes);
	RUN(test_hash_spread);
	return unit_done();
}
