/*
 * input.c: numbers out of the bytes of an input.
 *
 * The first byte chooses one of the numbers at which something ends, a small number, or any bits.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "fuzz.h"

static const int64_t integers[] = {
	INT64_MIN, INT64_MIN + 1, INT64_MAX, INT64_MAX - 1, INT32_MIN, INT32_MIN - INT64_C(1),
	INT32_MAX, INT32_MAX + INT64_C(1),
	UINT32_MAX, UINT32_MAX + INT64_C(1), INT64_C(1) << 53, (INT64_C(1) << 53) + 1,
	INT64_C(1) << 60, INT64_C(1) << 61, INT64_C(1) << 62, 63, 64, 65, 127, 128, 255, 256, 1023, 1024, 65535, 65536, 1000000, 1000000000
};

static const double numbers[] = {
	NAN, INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, DBL_MAX, -DBL_MAX, FLT_MIN, FLT_MIN / 2, DBL_MIN, DBL_MIN / 2,
	FLT_EPSILON, 1e-30, 1e12, -1e12, 1.0000001e12, 1e19, -1e19, 9007199254740992.0, 9007199254740993.0,
	2147483647.0, 2147483648.0, -0.0, 0.1, 0.5, 0.9, -0.5, 1e-6, 1e9, 3155760000.0
};

/* Eight bytes, lowest first. */
static uint64_t
any_bits(FuzzInput *input)
{
	uint64_t	bits = 0;

	for (int i = 0; i < 8; i++)
		bits |= (uint64_t) fuzz_byte(input) << (8 * i);
	return bits;
}

/* An integer. */
int64_t
fuzz_integer(FuzzInput *input)
{
	uint8_t		choice = fuzz_byte(input);

	if (choice < sizeof(integers) / sizeof(integers[0]))
		return integers[choice];
	if (choice < 240)
		return (int64_t) choice - 48;
	return (int64_t) any_bits(input);
}

/* A number. */
double
fuzz_number(FuzzInput *input)
{
	uint8_t		choice = fuzz_byte(input);
	uint64_t	bits;
	double		number;

	if (choice < sizeof(numbers) / sizeof(numbers[0]))
		return numbers[choice];
	if (choice < 240)
		return choice - 40;
	bits = any_bits(input);
	memcpy(&number, &bits, sizeof(number));
	return number;
}

/* A finite number of a range: 0 in the place of one that is not. */
double
fuzz_number_within(FuzzInput *input, double limit)
{
	double		number = fuzz_number(input);

	return number >= -limit && number <= limit ? number : 0;
}
