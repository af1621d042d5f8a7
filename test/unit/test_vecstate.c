/*
 * test_vecstate.c: aggregate states against two-pass long double results, and against damaged bytes.
 *
 * Every state lies in a block of exactly its length, so that AddressSanitizer sees any access beyond it.
 */
#include "core/vecstate.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "test_number.h"
#include "unit.h"

#define DIMS 3
#define ROWS 50
#define HEADER 20

/* A state in a block of exactly its length. */
typedef struct State
{
	unsigned char *bytes;
	size_t		length;
} State;

static const VecStateKind kinds[] = {VECSTATE_SUM, VECSTATE_MOMENTS, VECSTATE_COVARIANCE};
static const VecStateResult results[] = {
	VECSTATE_RESULT_SUM, VECSTATE_RESULT_MEAN, VECSTATE_RESULT_STDDEV_SAMP, VECSTATE_RESULT_STDDEV_POP,
	VECSTATE_RESULT_COVARIANCE
};

/* Test vectors: elements around 1000, around 0, and constant. */
static void
make_row(size_t row, double *x)
{
	x[0] = 1000 + number(2 * row);
	x[1] = number(2 * row + 1);
	x[2] = 0.1;
}

/* A copy in a block of its own. */
static State
copy_of(State state, size_t length)
{
	State		copy = {malloc(length), length};

	memcpy(copy.bytes, state.bytes, length < state.length ? length : state.length);
	return copy;
}

/* The state of no vectors. */
static State
empty_state(VecStateKind kind, uint32_t dims)
{
	State		state;

	state.length = (size_t) vecstate_bytes(kind, dims);
	state.bytes = malloc(state.length);
	CHECK(vecstate_init(state.bytes, kind, dims) == VECSTATE_OK);
	return state;
}

/* The state of the test vectors from <= row < to. */
static State
state_of(VecStateKind kind, size_t from, size_t to)
{
	State		state = empty_state(kind, DIMS);
	double		x[DIMS];

	for (size_t row = from; row < to; row++)
	{
		make_row(row, x);
		CHECK(vecstate_add(state.bytes, state.length, kind, x, DIMS, NULL) == VECSTATE_OK);
	}
	return state;
}

/* One element of a result; room for a matrix. */
static double
result_at(State state, VecStateResult result, size_t i)
{
	double		values[DIMS * DIMS];

	CHECK(vecstate_finish(state.bytes, state.length, result, values, NULL) == VECSTATE_OK);
	return values[i];
}

/* Sum over the test rows of (x_i - shift_i) (x_j - shift_j). */
static long double
naive_comoment(size_t i, size_t j)
{
	long double mean_i = 0,
				mean_j = 0,
				sum = 0;
	double		x[DIMS];

	for (size_t row = 0; row < ROWS; row++)
	{
		make_row(row, x);
		mean_i += (long double) x[i] / ROWS;
		mean_j += (long double) x[j] / ROWS;
	}
	for (size_t row = 0; row < ROWS; row++)
	{
		make_row(row, x);
		sum += (x[i] - mean_i) * (x[j] - mean_j);
	}
	return sum;
}

/* Checks sums and means of all test rows. */
static void
check_sums(State state)
{
	for (size_t i = 0; i < DIMS; i++)
	{
		long double sum = 0;
		double		x[DIMS];

		for (size_t row = 0; row < ROWS; row++)
		{
			make_row(row, x);
			sum += x[i];
		}
		CHECK_NEAR(result_at(state, VECSTATE_RESULT_SUM, i), sum, 1e-10);
		CHECK_NEAR(result_at(state, VECSTATE_RESULT_MEAN, i), sum / ROWS, 1e-12);
	}
}

/* Checks standard deviations of all test rows; the constant element has exactly 0. */
static void
check_moments(State state)
{
	for (size_t i = 0; i < DIMS - 1; i++)
	{
		long double m2 = naive_comoment(i, i);

		CHECK_NEAR(result_at(state, VECSTATE_RESULT_STDDEV_SAMP, i), sqrtl(m2 / (ROWS - 1)), 1e-12);
		CHECK_NEAR(result_at(state, VECSTATE_RESULT_STDDEV_POP, i), sqrtl(m2 / ROWS), 1e-12);
	}
	CHECK(result_at(state, VECSTATE_RESULT_STDDEV_SAMP, 2) == 0);
}

/* Checks the covariance matrix of all test rows. */
static void
check_covariances(State state)
{
	for (size_t i = 0; i < DIMS; i++)
	{
		for (size_t j = 0; j < DIMS; j++)
			CHECK_NEAR(result_at(state, VECSTATE_RESULT_COVARIANCE, i * DIMS + j),
					   naive_comoment(i, j) / (ROWS - 1), 1e-12);
	}
}

/* Checks whatever results a kind has. */
static void
check_all_rows(State state, VecStateKind kind)
{
	VecStateInfo info;

	CHECK(vecstate_read(state.bytes, state.length, &info) == VECSTATE_OK);
	CHECK_EQ_INT(info.kind, kind);
	CHECK_EQ_INT(info.dims, DIMS);
	CHECK_EQ_INT(info.count, ROWS);
	if (kind == VECSTATE_SUM)
		check_sums(state);
	else if (kind == VECSTATE_MOMENTS)
		check_moments(state);
	else
		check_covariances(state);
}

/* Vector after vector. */
static void
test_add(void)
{
	for (size_t k = 0; k < 3; k++)
	{
		State		state = state_of(kinds[k], 0, ROWS);

		check_all_rows(state, kinds[k]);
		free(state.bytes);
	}
}

/* Any split into two states, empty ones included, merges to the same. */
static void
test_combine(void)
{
	for (size_t k = 0; k < 3; k++)
	{
		for (size_t cut = 0; cut <= ROWS; cut++)
		{
			State		state = state_of(kinds[k], 0, cut);
			State		other = state_of(kinds[k], cut, ROWS);

			CHECK(vecstate_combine(state.bytes, state.length, other.bytes, other.length, NULL) == VECSTATE_OK);
			check_all_rows(state, kinds[k]);
			free(state.bytes);
			free(other.bytes);
		}
	}
}

/* Two states of no vectors merge to one, which goes on like a fresh one. */
static void
test_combine_empty(void)
{
	for (size_t k = 0; k < 3; k++)
	{
		State		state = empty_state(kinds[k], DIMS);
		State		other = empty_state(kinds[k], DIMS);

		CHECK(vecstate_combine(state.bytes, state.length, other.bytes, other.length, NULL) == VECSTATE_OK);
		CHECK(memcmp(state.bytes, other.bytes, state.length) == 0);
		free(state.bytes);
		free(other.bytes);
	}
}

/* Variances on the diagonal equal the squared sums of the standard deviation, bit for bit. */
static void
test_diagonal(void)
{
	State		moments = state_of(VECSTATE_MOMENTS, 0, ROWS);
	State		covariance = state_of(VECSTATE_COVARIANCE, 0, ROWS);

	for (size_t i = 0; i < DIMS; i++)
		CHECK(sqrt(result_at(covariance, VECSTATE_RESULT_COVARIANCE, i * DIMS + i)) ==
			  result_at(moments, VECSTATE_RESULT_STDDEV_SAMP, i));
	free(moments.bytes);
	free(covariance.bytes);
}

/* 10^9 + {4, 7, 13, 16}: variance 30, where squares minus square of the sum would give noise. */
static void
test_stable(void)
{
	const double offsets[] = {4, 7, 13, 16};
	State		state = empty_state(VECSTATE_MOMENTS, 1);

	for (size_t row = 0; row < 4; row++)
	{
		double		x = 1e9 + offsets[row];

		CHECK(vecstate_add(state.bytes, state.length, VECSTATE_MOMENTS, &x, 1, NULL) == VECSTATE_OK);
	}
	CHECK_NEAR(result_at(state, VECSTATE_RESULT_STDDEV_SAMP, 0), sqrt(30), 1e-9);
	free(state.bytes);
}

/* A weighted sum by hand. */
static void
test_weighted(void)
{
	const double genres[] = {1, 0, 2};
	State		state = empty_state(VECSTATE_SUM, DIMS);

	CHECK(vecstate_add_weighted(state.bytes, state.length, 3, genres, DIMS) == VECSTATE_OK);
	CHECK(vecstate_add_weighted(state.bytes, state.length, -0.5, genres, DIMS) == VECSTATE_OK);
	CHECK(result_at(state, VECSTATE_RESULT_SUM, 0) == 2.5);
	CHECK(result_at(state, VECSTATE_RESULT_SUM, 1) == 0);
	CHECK(result_at(state, VECSTATE_RESULT_SUM, 2) == 5);
	free(state.bytes);
}

/* Vectors without elements make states without doubles. */
static void
test_no_dims(void)
{
	for (size_t k = 0; k < 3; k++)
	{
		State		state = empty_state(kinds[k], 0);
		double		x = 0;

		CHECK_EQ_INT(state.length, HEADER);
		CHECK(vecstate_add(state.bytes, state.length, kinds[k], &x, 0, NULL) == VECSTATE_OK);
		CHECK(vecstate_add(state.bytes, state.length, kinds[k], &x, 0, NULL) == VECSTATE_OK);
		for (size_t r = 0; r < 5; r++)
			CHECK(vecstate_finish(state.bytes, state.length, results[r], &x, NULL) ==
				  (vecstate_kind_of(results[r]) == kinds[k] ? VECSTATE_OK : VECSTATE_MISMATCH));
		free(state.bytes);
	}
}

/* Without a vector nothing is defined; with one, nothing that divides by count - 1. */
static void
test_too_few(void)
{
	double		values[DIMS * DIMS];

	for (size_t r = 0; r < 5; r++)
	{
		VecStateResult result = results[r];
		bool		sample = result == VECSTATE_RESULT_STDDEV_SAMP || result == VECSTATE_RESULT_COVARIANCE;
		State		none = state_of(vecstate_kind_of(result), 0, 0);
		State		one = state_of(vecstate_kind_of(result), 0, 1);

		CHECK(vecstate_finish(none.bytes, none.length, result, values, NULL) == VECSTATE_TOO_FEW);
		CHECK(vecstate_finish(one.bytes, one.length, result, values, NULL) ==
			  (sample ? VECSTATE_TOO_FEW : VECSTATE_OK));
		free(none.bytes);
		free(one.bytes);
	}
}

/* Other kinds and dims are refused and change nothing. */
static void
test_mismatch(void)
{
	const double x[DIMS + 1] = {1, 2, 3, 4};
	State		sum = state_of(VECSTATE_SUM, 0, 2);
	State		moments = state_of(VECSTATE_MOMENTS, 0, 2);
	State		longer = empty_state(VECSTATE_SUM, DIMS + 1);
	State		before = copy_of(sum, sum.length);

	CHECK(vecstate_add(sum.bytes, sum.length, VECSTATE_MOMENTS, x, DIMS, NULL) == VECSTATE_MISMATCH);
	CHECK(vecstate_add(sum.bytes, sum.length, VECSTATE_SUM, x, DIMS + 1, NULL) == VECSTATE_MISMATCH);
	CHECK(vecstate_add_weighted(moments.bytes, moments.length, 1, x, DIMS) == VECSTATE_MISMATCH);
	CHECK(vecstate_combine(sum.bytes, sum.length, moments.bytes, moments.length, NULL) == VECSTATE_MISMATCH);
	CHECK(vecstate_combine(sum.bytes, sum.length, longer.bytes, longer.length, NULL) == VECSTATE_MISMATCH);
	CHECK(memcmp(sum.bytes, before.bytes, sum.length) == 0);
	free(sum.bytes);
	free(moments.bytes);
	free(longer.bytes);
	free(before.bytes);
}

/* Sizes at the limit, and sizes that would wrap around. */
static void
test_sizes(void)
{
	unsigned char untouched = 7;

	CHECK_EQ_INT(vecstate_bytes(VECSTATE_SUM, 14), HEADER + 14 * 8);
	CHECK_EQ_INT(vecstate_bytes(VECSTATE_MOMENTS, 14), HEADER + 28 * 8);
	CHECK_EQ_INT(vecstate_bytes(VECSTATE_COVARIANCE, 14), HEADER + (14 + 105) * 8);
	CHECK_EQ_INT(vecstate_bytes(VECSTATE_SUM, UINT32_MAX), HEADER + (uint64_t) UINT32_MAX * 8);
	CHECK(vecstate_bytes(VECSTATE_COVARIANCE, UINT32_MAX) == UINT64_MAX);
	CHECK(vecstate_bytes(VECSTATE_COVARIANCE, 8189) <= VECSTATE_MAX_BYTES);
	CHECK(vecstate_bytes(VECSTATE_COVARIANCE, 8200) > VECSTATE_MAX_BYTES);
	CHECK(vecstate_init(&untouched, VECSTATE_COVARIANCE, 8200) == VECSTATE_TOO_LARGE);
	CHECK(vecstate_init(&untouched, VECSTATE_SUM, 33554430) == VECSTATE_TOO_LARGE);
	CHECK_EQ_INT(untouched, 7);
}

/* Two vectors of one element; the status of adding the second. */
static VecStateStatus
add_two(VecStateKind kind, double x, double y, State *state)
{
	*state = empty_state(kind, 1);
	CHECK(vecstate_add(state->bytes, state->length, kind, &x, 1, NULL) == VECSTATE_OK);
	return vecstate_add(state->bytes, state->length, kind, &y, 1, NULL);
}

/* Finite numbers that leave the range are an error, by adding and by merging. */
static void
test_overflow(void)
{
	const double second[] = {DBL_MAX, -DBL_MAX, -DBL_MAX};
	double		first = DBL_MAX;

	for (size_t k = 0; k < 3; k++)
	{
		State		state,
					other = empty_state(kinds[k], 1);

		CHECK(add_two(kinds[k], first, second[k], &state) == VECSTATE_OVERFLOW);
		free(state.bytes);
		state = empty_state(kinds[k], 1);
		CHECK(vecstate_add(state.bytes, state.length, kinds[k], &first, 1, NULL) == VECSTATE_OK);
		CHECK(vecstate_add(other.bytes, other.length, kinds[k], &second[k], 1, NULL) == VECSTATE_OK);
		CHECK(vecstate_combine(state.bytes, state.length, other.bytes, other.length, NULL) == VECSTATE_OVERFLOW);
		free(state.bytes);
		free(other.bytes);
	}
}

/* Sums of infinite numbers follow IEEE arithmetic and are no error. */
static void
test_infinite_sum(void)
{
	State		state;

	CHECK(add_two(VECSTATE_SUM, INFINITY, 1, &state) == VECSTATE_OK);
	CHECK(result_at(state, VECSTATE_RESULT_SUM, 0) == INFINITY);
	free(state.bytes);
	CHECK(add_two(VECSTATE_SUM, INFINITY, -INFINITY, &state) == VECSTATE_OK);
	CHECK(isnan(result_at(state, VECSTATE_RESULT_MEAN, 0)));
	free(state.bytes);
}

/* Checks that only the deviations that involve element 1 are NaN. */
static void
check_second_is_nan(State moments, State covariance)
{
	for (size_t i = 0; i < DIMS; i++)
	{
		CHECK(isnan(result_at(moments, VECSTATE_RESULT_STDDEV_SAMP, i)) == (i == 1));
		for (size_t j = 0; j < DIMS; j++)
			CHECK(isnan(result_at(covariance, VECSTATE_RESULT_COVARIANCE, i * DIMS + j)) ==
				  (i == 1 || j == 1));
	}
}

/* One element that is not finite, in any of four rows, added one by one or merged from two halves. */
static void
test_not_finite(void)
{
	const double odd[] = {NAN, INFINITY, -INFINITY};

	for (size_t position = 0; position < 24; position++)
	{
		bool		merged = position >= 12;
		State		moments[2] = {empty_state(VECSTATE_MOMENTS, DIMS), empty_state(VECSTATE_MOMENTS, DIMS)};
		State		covariance[2] = {
			empty_state(VECSTATE_COVARIANCE, DIMS), empty_state(VECSTATE_COVARIANCE, DIMS)
		};

		for (size_t row = 0; row < 4; row++)
		{
			size_t		half = merged ? row / 2 : 0;
			double		x[DIMS];

			make_row(row, x);
			x[2] = (double) row;
			if (row == position / 3 % 4)
				x[1] = odd[position % 3];
			CHECK(vecstate_add(moments[half].bytes, moments[half].length, VECSTATE_MOMENTS,
							   x, DIMS, NULL) == VECSTATE_OK);
			CHECK(vecstate_add(covariance[half].bytes, covariance[half].length, VECSTATE_COVARIANCE,
							   x, DIMS, NULL) == VECSTATE_OK);
		}
		CHECK(vecstate_combine(moments[0].bytes, moments[0].length,
							   moments[1].bytes, moments[1].length, NULL) == VECSTATE_OK);
		CHECK(vecstate_combine(covariance[0].bytes, covariance[0].length,
							   covariance[1].bytes, covariance[1].length, NULL) == VECSTATE_OK);
		check_second_is_nan(moments[0], covariance[0]);
		for (size_t half = 0; half < 2; half++)
		{
			free(moments[half].bytes);
			free(covariance[half].bytes);
		}
	}
}

/* Runs every function that takes bytes; no status is expected, only that none reads or writes beyond. */
static void
use_everywhere(State state)
{
	const double x[DIMS] = {1, 2, 3};
	double		values[DIMS * DIMS];

	for (size_t k = 0; k < 3; k++)
	{
		State		good = state_of(kinds[k], 0, 3);
		State		damaged = copy_of(state, state.length);

		(void) vecstate_combine(good.bytes, good.length, damaged.bytes, damaged.length, NULL);
		(void) vecstate_combine(damaged.bytes, damaged.length, good.bytes, good.length, NULL);
		(void) vecstate_add(damaged.bytes, damaged.length, kinds[k], x, DIMS, NULL);
		(void) vecstate_add_weighted(damaged.bytes, damaged.length, 2, x, DIMS);
		free(good.bytes);
		free(damaged.bytes);
	}
	for (size_t r = 0; r < 5; r++)
	{
		VecStateInfo info;

		if (vecstate_read(state.bytes, state.length, &info) == VECSTATE_OK && info.dims <= DIMS)
			(void) vecstate_finish(state.bytes, state.length, results[r], values, NULL);
	}
}

/* Every other length is corrupt. */
static void
test_wrong_length(void)
{
	VecStateInfo info;

	for (size_t k = 0; k < 3; k++)
	{
		State		state = state_of(kinds[k], 0, 3);

		for (size_t length = 0; length <= state.length + 9; length++)
		{
			State		cut = copy_of(state, length);

			CHECK(vecstate_read(cut.bytes, length, &info) ==
				  (length == state.length ? VECSTATE_OK : VECSTATE_CORRUPT));
			use_everywhere(cut);
			free(cut.bytes);
		}
		CHECK(vecstate_read(state.bytes, (size_t) VECSTATE_MAX_BYTES + 1, &info) == VECSTATE_TOO_LARGE);
		free(state.bytes);
	}
}

/* Every flipped bit: in magic, kind and dims it is noticed; in the rest it does no harm. */
static void
test_flipped_bits(void)
{
	VecStateInfo info;

	for (size_t k = 0; k < 3; k++)
	{
		State		state = state_of(kinds[k], 0, 3);

		for (size_t bit = 0; bit < state.length * 8; bit++)
		{
			state.bytes[bit / 8] ^= (unsigned char) (1 << bit % 8);
			if (bit / 8 < 12)
				CHECK(vecstate_read(state.bytes, state.length, &info) == VECSTATE_CORRUPT);
			use_everywhere(state);
			state.bytes[bit / 8] ^= (unsigned char) (1 << bit % 8);
		}
		free(state.bytes);
	}
}

/* Counts below 0 or above 2^53 are corrupt; two that add up to more are an overflow. */
static void
test_counts(void)
{
	const int64_t counts[] = {-1, INT64_MIN, INT64_MAX, ((int64_t) 1 << 53) + 1};
	const double x[DIMS] = {1, 2, 3};
	int64_t		largest = (int64_t) 1 << 53;
	State		state = state_of(VECSTATE_MOMENTS, 0, 3);
	State		other = state_of(VECSTATE_MOMENTS, 0, 3);
	VecStateInfo info;

	for (size_t i = 0; i < 4; i++)
	{
		memcpy(state.bytes + 12, &counts[i], sizeof(int64_t));
		CHECK(vecstate_read(state.bytes, state.length, &info) == VECSTATE_CORRUPT);
	}
	memcpy(state.bytes + 12, &largest, sizeof(int64_t));
	CHECK(vecstate_read(state.bytes, state.length, &info) == VECSTATE_OK);
	CHECK(vecstate_combine(other.bytes, other.length, state.bytes, state.length, NULL) == VECSTATE_OVERFLOW);
	CHECK(vecstate_add(state.bytes, state.length, VECSTATE_MOMENTS, x, DIMS, NULL) == VECSTATE_OVERFLOW);
	free(state.bytes);
	free(other.bytes);
}

/* A negative sum of squares was written by nobody. */
static void
test_negative_variance(void)
{
	const double minus = -1;
	double		values[DIMS * DIMS];
	State		moments = state_of(VECSTATE_MOMENTS, 0, 3);
	State		covariance = state_of(VECSTATE_COVARIANCE, 0, 3);

	memcpy(moments.bytes + HEADER + DIMS * sizeof(double), &minus, sizeof(double));
	memcpy(covariance.bytes + HEADER + (DIMS + 5) * sizeof(double), &minus, sizeof(double));
	CHECK(vecstate_finish(moments.bytes, moments.length, VECSTATE_RESULT_STDDEV_POP, values, NULL) ==
		  VECSTATE_CORRUPT);
	CHECK(vecstate_finish(covariance.bytes, covariance.length, VECSTATE_RESULT_COVARIANCE, values, NULL) ==
		  VECSTATE_CORRUPT);
	free(moments.bytes);
	free(covariance.bytes);
}

/* Random bytes behind a valid magic, in lengths around those of real states. */
static void
test_random_bytes(void)
{
	for (uint64_t round = 0; round < 20000; round++)
	{
		State		state = state_of(kinds[round % 3], 0, 2);
		State		damaged = copy_of(state, state.length);

		for (size_t i = 4; i < damaged.length; i++)
		{
			if (number(round * 1000 + i) > 0.8)
				damaged.bytes[i] = (unsigned char) (int) (128 * (1 + number(round * 1000 + 500 + i)));
		}
		use_everywhere(damaged);
		free(state.bytes);
		free(damaged.bytes);
	}
}

/* Rows of matrices that were announced. */
static int	polls;

/* Counts a call. */
static void
count_poll(void)
{
	polls++;
}

/* The caller may interrupt at every row of a matrix. */
static void
test_poll(void)
{
	const double x[DIMS] = {1, 2, 3};
	double		values[DIMS * DIMS];
	State		state = state_of(VECSTATE_COVARIANCE, 0, 3);
	State		other = state_of(VECSTATE_COVARIANCE, 0, 3);

	polls = 0;
	CHECK(vecstate_add(state.bytes, state.length, VECSTATE_COVARIANCE, x, DIMS, count_poll) == VECSTATE_OK);
	CHECK_EQ_INT(polls, DIMS);
	CHECK(vecstate_combine(state.bytes, state.length, other.bytes, other.length, count_poll) == VECSTATE_OK);
	CHECK_EQ_INT(polls, 2 * DIMS);
	CHECK(vecstate_finish(state.bytes, state.length, VECSTATE_RESULT_COVARIANCE, values,
						  count_poll) == VECSTATE_OK);
	CHECK_EQ_INT(polls, 3 * DIMS);
	free(state.bytes);
	free(other.bytes);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_add);
	RUN(test_combine);
	RUN(test_combine_empty);
	RUN(test_diagonal);
	RUN(test_stable);
	RUN(test_weighted);
	RUN(test_no_dims);
	RUN(test_too_few);
	RUN(test_mismatch);
	RUN(test_sizes);
	RUN(test_overflow);
	RUN(test_infinite_sum);
	RUN(test_not_finite);
	RUN(test_wrong_length);
	RUN(test_flipped_bits);
	RUN(test_counts);
	RUN(test_negative_variance);
	RUN(test_random_bytes);
	RUN(test_poll);
	return unit_done();
}
