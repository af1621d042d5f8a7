/*
 * fuzz.h: what a fuzz entry is, and how it takes an input apart.
 *
 * An entry is one file fuzz_<what>.c with the function that libFuzzer calls for every input, and
 * one that makes inputs to start from. It must take any bytes; AddressSanitizer, UBSan and
 * FUZZ_CHECK find what is wrong. "make fuzz" links it with driver.c, "make fuzz-long" with clang's
 * libFuzzer.
 */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Calls add for every input to start from; may be none. */
typedef void (*FuzzAdd) (const void *data, size_t size);
extern void fuzz_seeds(FuzzAdd add);

/* A promise of the tested code is broken: stops, so that the input is kept. */
#define FUZZ_CHECK(condition) \
	do { \
		if (!(condition)) \
		{ \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/* An input, taken piece by piece from the front; past its end everything is 0. */
typedef struct FuzzInput
{
	const uint8_t *data;
	size_t		size;
	size_t		at;
} FuzzInput;

/* Is anything left? */
static inline bool
fuzz_more(const FuzzInput *input)
{
	return input->at < input->size;
}

/* The next byte. */
static inline uint8_t
fuzz_byte(FuzzInput *input)
{
	return fuzz_more(input) ? input->data[input->at++] : 0;
}

/* A number below n, at most 65536, from one byte or two. */
static inline int
fuzz_below(FuzzInput *input, int n)
{
	unsigned	value = fuzz_byte(input);

	if (n > 256)
		value |= (unsigned) fuzz_byte(input) << 8;
	return n > 0 ? (int) (value % (unsigned) n) : 0;
}

/* The next at most n bytes as they lie; their number in *taken. */
static inline const char *
fuzz_bytes(FuzzInput *input, size_t n, size_t *taken)
{
	const uint8_t *start = input->data + input->at;
	size_t		left = input->size - input->at;

	*taken = n < left ? n : left;
	input->at += *taken;
	return (const char *) start;
}

/* Integers, floats and doubles: small ones, those at which types end, and any bits. */
extern int64_t fuzz_integer(FuzzInput *input);
extern double fuzz_number(FuzzInput *input);

/* The same, a finite number within +-limit. */
extern double fuzz_number_within(FuzzInput *input, double limit);

#endif							/* TEST_FUZZ_H */
