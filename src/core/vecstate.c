/*
 * vecstate.c: the running state of the aggregates over vectors; vecstate.h has the layout.
 *
 * Doubles are read and written through memcpy, which compilers turn into one move: the bytes of a state
 * that comes out of a row have no alignment to rely on.
 *
 * Standard deviation and covariance share one update, with d = x - mean and n counting the new vector:
 *
 *		comoment[i][j] += d[i] d[j] (n - 1) / n,	mean[i] += d[i] / n
 *
 * and one merge, with d = mean_b - mean_a and n = n_a + n_b:
 *
 *		comoment[i][j] += comoment_b[i][j] + d[i] d[j] n_a n_b / n,		mean[i] += d[i] n_b / n
 *
 * so that the diagonal of a covariance matrix equals the variances bit for bit, a constant element has
 * exactly zero variance, and m2 can never become negative.
 */
#include "core/vecstate.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define MAGIC				0x31535652u /* "RVS1" */
#define HEADER_BYTES		20
#define KIND_OFFSET			4
#define ZERO_OFFSET			6
#define DIMS_OFFSET			8
#define COUNT_OFFSET		12

/* Counts stay exact as doubles, and the sum of two fits into an int64. */
#define MAX_COUNT			((int64_t) 1 << 53)

/* One element of a run of doubles without alignment. */
static inline double
get(const unsigned char *values, size_t i)
{
	double		value;

	memcpy(&value, values + i * sizeof(double), sizeof(double));
	return value;
}

/* Stores one element. */
static inline void
put(unsigned char *values, size_t i, double value)
{
	memcpy(values + i * sizeof(double), &value, sizeof(double));
}

/* Number of pairs (i, j) with j <= i. */
static inline size_t
pairs(size_t dims)
{
	return dims * (dims + 1) / 2;
}

/* A finite value became infinite or NaN by adding something finite. */
static inline bool
overflowed(double before, double added, double after)
{
	return !isfinite(after) && isfinite(before) && isfinite(added);
}

/* Header and doubles; dims (dims + 1) is below 2^64, so only the multiplication by 8 can wrap around. */
uint64_t
vecstate_bytes(VecStateKind kind, uint32_t dims)
{
	uint64_t	doubles = dims;

	if (kind == VECSTATE_MOMENTS)
		doubles += dims;
	else if (kind == VECSTATE_COVARIANCE)
		doubles += (uint64_t) dims * ((uint64_t) dims + 1) / 2;
	if (doubles > (UINT64_MAX - HEADER_BYTES) / sizeof(double))
		return UINT64_MAX;
	return HEADER_BYTES + doubles * sizeof(double);
}

/* Header, then all doubles zero, which is the right start for every kind. */
VecStateStatus
vecstate_init(void *state, VecStateKind kind, uint32_t dims)
{
	unsigned char *bytes = state;
	uint64_t	length = vecstate_bytes(kind, dims);
	uint32_t	magic = MAGIC;
	uint16_t	kind16 = (uint16_t) kind;

	if (length > VECSTATE_MAX_BYTES)
		return VECSTATE_TOO_LARGE;
	memset(bytes, 0, length);
	memcpy(bytes, &magic, sizeof(magic));
	memcpy(bytes + KIND_OFFSET, &kind16, sizeof(kind16));
	memcpy(bytes + DIMS_OFFSET, &dims, sizeof(dims));
	return VECSTATE_OK;
}

/* Every field of the header is checked, then the length that it implies. */
VecStateStatus
vecstate_read(const void *state, size_t length, VecStateInfo *info)
{
	const unsigned char *bytes = state;
	uint32_t	magic,
				dims;
	uint16_t	kind,
				zero;
	int64_t		count;

	if (length > VECSTATE_MAX_BYTES)
		return VECSTATE_TOO_LARGE;
	if (length < HEADER_BYTES)
		return VECSTATE_CORRUPT;
	memcpy(&magic, bytes, sizeof(magic));
	memcpy(&kind, bytes + KIND_OFFSET, sizeof(kind));
	memcpy(&zero, bytes + ZERO_OFFSET, sizeof(zero));
	memcpy(&dims, bytes + DIMS_OFFSET, sizeof(dims));
	memcpy(&count, bytes + COUNT_OFFSET, sizeof(count));
	if (magic != MAGIC || zero != 0 || kind < VECSTATE_SUM || kind > VECSTATE_COVARIANCE)
		return VECSTATE_CORRUPT;
	if (count < 0 || count > MAX_COUNT || vecstate_bytes((VecStateKind) kind, dims) != length)
		return VECSTATE_CORRUPT;
	info->kind = (VecStateKind) kind;
	info->dims = dims;
	info->count = count;
	return VECSTATE_OK;
}

/* Sets the number of vectors; false when there are too many to count. */
static bool
set_count(unsigned char *state, int64_t count)
{
	memcpy(state + COUNT_OFFSET, &count, sizeof(count));
	return count <= MAX_COUNT;
}

/* sum[i] += weight x[i]; false on overflow. */
static bool
add_to_sum(unsigned char *sums, double weight, const double *x, size_t dims)
{
	bool		fits = true;

	for (size_t i = 0; i < dims; i++)
	{
		double		before = get(sums, i);
		double		after = before + weight * x[i];

		if (!isfinite(after) && isfinite(before) && isfinite(x[i]) && isfinite(weight))
			fits = false;
		put(sums, i, after);
	}
	return fits;
}

/* Welford's update of mean and m2 with the n-th vector; false on overflow. */
static bool
add_to_moments(unsigned char *mean, const double *x, size_t dims, double n)
{
	unsigned char *m2 = mean + dims * sizeof(double);
	double		factor = (n - 1) / n;
	bool		fits = true;

	for (size_t i = 0; i < dims; i++)
	{
		double		deviation = x[i] - get(mean, i);
		double		before = get(m2, i);
		double		after = before + factor * deviation * deviation;

		if (overflowed(before, x[i], after))
			fits = false;
		put(mean, i, get(mean, i) + deviation / n);
		put(m2, i, after);
	}
	return fits;
}

/* The same for all pairs of elements; the means are moved after all deviations have been used. */
static bool
add_to_covariance(unsigned char *mean, const double *x, size_t dims, double n, VecStatePoll poll)
{
	unsigned char *row = mean + dims * sizeof(double);
	double		factor = (n - 1) / n;
	bool		fits = true;

	for (size_t i = 0; i < dims; i++)
	{
		double		scaled = factor * (x[i] - get(mean, i));
		double		variance = get(row, i);

		if (poll != NULL)
			poll();
		for (size_t j = 0; j <= i; j++)
			put(row, j, get(row, j) + scaled * (x[j] - get(mean, j)));
		if (overflowed(variance, x[i], get(row, i)))
			fits = false;
		row += (i + 1) * sizeof(double);
	}
	for (size_t i = 0; i < dims; i++)
		put(mean, i, get(mean, i) + (x[i] - get(mean, i)) / n);
	return fits;
}

/* Reads a state that must have this kind and these dims. */
static VecStateStatus
read_as(const void *state, size_t length, VecStateKind kind, uint32_t dims, VecStateInfo *info)
{
	VecStateStatus status = vecstate_read(state, length, info);

	if (status == VECSTATE_OK && (info->kind != kind || info->dims != dims))
		return VECSTATE_MISMATCH;
	return status;
}

/* Adds weight times a vector; only a sum has a weight other than 1. */
static VecStateStatus
add(void *state, size_t length, VecStateKind kind, double weight, const double *vector, uint32_t dims,
	VecStatePoll poll)
{
	unsigned char *bytes = state;
	VecStateInfo info;
	VecStateStatus status = read_as(state, length, kind, dims, &info);
	double		n;
	bool		fits;

	if (status != VECSTATE_OK)
		return status;
	n = (double) (info.count + 1);
	if (kind == VECSTATE_SUM)
		fits = add_to_sum(bytes + HEADER_BYTES, weight, vector, dims);
	else if (kind == VECSTATE_MOMENTS)
		fits = add_to_moments(bytes + HEADER_BYTES, vector, dims, n);
	else
		fits = add_to_covariance(bytes + HEADER_BYTES, vector, dims, n, poll);
	return set_count(bytes, info.count + 1) && fits ? VECSTATE_OK : VECSTATE_OVERFLOW;
}

/* Adds one vector. */
VecStateStatus
vecstate_add(void *state, size_t length, VecStateKind kind, const double *vector, uint32_t dims,
			 VecStatePoll poll)
{
	return add(state, length, kind, 1, vector, dims, poll);
}

/* Adds a multiple of a vector to a sum. */
VecStateStatus
vecstate_add_weighted(void *state, size_t length, double weight, const double *vector, uint32_t dims)
{
	return add(state, length, VECSTATE_SUM, weight, vector, dims, NULL);
}

/* sum[i] += other[i]; false on overflow. */
static bool
merge_sums(unsigned char *sums, const unsigned char *other, size_t dims)
{
	bool		fits = true;

	for (size_t i = 0; i < dims; i++)
	{
		double		before = get(sums, i);
		double		after = before + get(other, i);

		if (overflowed(before, get(other, i), after))
			fits = false;
		put(sums, i, after);
	}
	return fits;
}

/* Moves the means towards those of the other state, which holds the given share of all vectors. */
static void
merge_means(unsigned char *mean, const unsigned char *other, size_t dims, double share)
{
	for (size_t i = 0; i < dims; i++)
		put(mean, i, get(mean, i) + (get(other, i) - get(mean, i)) * share);
}

/* Chan's merge of mean and m2; factor is n_a n_b / n. False on overflow. */
static bool
merge_moments(unsigned char *mean, const unsigned char *other, size_t dims, double factor)
{
	unsigned char *m2 = mean + dims * sizeof(double);
	const unsigned char *other_m2 = other + dims * sizeof(double);
	bool		fits = true;

	for (size_t i = 0; i < dims; i++)
	{
		double		deviation = get(other, i) - get(mean, i);
		double		before = get(m2, i);
		double		after = before + (get(other_m2, i) + factor * deviation * deviation);

		if (overflowed(before, get(other_m2, i), after))
			fits = false;
		put(m2, i, after);
	}
	return fits;
}

/* The same for all pairs of elements. */
static bool
merge_covariances(unsigned char *mean, const unsigned char *other, size_t dims, double factor,
				  VecStatePoll poll)
{
	unsigned char *row = mean + dims * sizeof(double);
	const unsigned char *other_row = other + dims * sizeof(double);
	bool		fits = true;

	for (size_t i = 0; i < dims; i++)
	{
		double		scaled = factor * (get(other, i) - get(mean, i));
		double		variance = get(row, i);

		if (poll != NULL)
			poll();
		for (size_t j = 0; j <= i; j++)
		{
			double		deviation = get(other, j) - get(mean, j);

			put(row, j, get(row, j) + (get(other_row, j) + scaled * deviation));
		}
		if (overflowed(variance, get(other_row, i), get(row, i)))
			fits = false;
		row += (i + 1) * sizeof(double);
		other_row += (i + 1) * sizeof(double);
	}
	return fits;
}

/* Merges the doubles of two states; the other one has vectors. */
static bool
merge_doubles(unsigned char *values, int64_t count, const unsigned char *other, const VecStateInfo *info,
			  VecStatePoll poll)
{
	double		share = (double) info->count / (double) (count + info->count);
	double		factor = (double) count * share;
	bool		fits;

	if (info->kind == VECSTATE_SUM)
		return merge_sums(values, other, info->dims);
	if (info->kind == VECSTATE_MOMENTS)
		fits = merge_moments(values, other, info->dims, factor);
	else
		fits = merge_covariances(values, other, info->dims, factor, poll);
	merge_means(values, other, info->dims, share);
	return fits;
}

/* A state without vectors adds nothing; two of them would divide by zero. */
VecStateStatus
vecstate_combine(void *state, size_t length, const void *other, size_t other_length, VecStatePoll poll)
{
	unsigned char *bytes = state;
	const unsigned char *other_bytes = other;
	VecStateInfo info,
				other_info;
	VecStateStatus status = vecstate_read(other, other_length, &other_info);
	bool		fits;

	if (status == VECSTATE_OK)
		status = read_as(state, length, other_info.kind, other_info.dims, &info);
	if (status != VECSTATE_OK || other_info.count == 0)
		return status;
	fits = merge_doubles(bytes + HEADER_BYTES, info.count, other_bytes + HEADER_BYTES, &other_info, poll);
	return set_count(bytes, info.count + other_info.count) && fits ? VECSTATE_OK : VECSTATE_OVERFLOW;
}

/* The kind that a result is computed from. */
VecStateKind
vecstate_kind_of(VecStateResult result)
{
	switch (result)
	{
		case VECSTATE_RESULT_SUM:
		case VECSTATE_RESULT_MEAN:
			return VECSTATE_SUM;
		case VECSTATE_RESULT_STDDEV_SAMP:
		case VECSTATE_RESULT_STDDEV_POP:
			return VECSTATE_MOMENTS;
		case VECSTATE_RESULT_COVARIANCE:
			break;
	}
	return VECSTATE_COVARIANCE;
}

/*
 * values[i] = sqrt(m2[i] / divisor); false for a negative m2, which no aggregate writes. Once a vector had
 * an element that is not finite, its m2 is infinite or NaN, depending on the order of the rows; the answer is
 * NaN for both.
 */
static bool
finish_stddev(const unsigned char *mean, size_t dims, double divisor, double *values)
{
	for (size_t i = 0; i < dims; i++)
	{
		double		m2 = get(mean, dims + i);

		if (m2 < 0)
			return false;
		values[i] = isfinite(m2) ? sqrt(m2 / divisor) : NAN;
	}
	return true;
}

/* A covariance; NaN, as for m2, when one of the two elements has no finite variance. */
static double
covariance_at(const unsigned char *comoments, size_t i, size_t j, double divisor)
{
	if (!isfinite(get(comoments, pairs(i) + i)) || !isfinite(get(comoments, pairs(j) + j)))
		return NAN;
	return get(comoments, pairs(i) + j) / divisor;
}

/* Both halves of the symmetric matrix; false for a negative variance, which no aggregate writes. */
static bool
finish_covariance(const unsigned char *mean, size_t dims, double divisor, double *values,
				  VecStatePoll poll)
{
	const unsigned char *comoments = mean + dims * sizeof(double);

	for (size_t i = 0; i < dims; i++)
	{
		if (poll != NULL)
			poll();
		if (get(comoments, pairs(i) + i) < 0)
			return false;
		for (size_t j = 0; j <= i; j++)
		{
			double		covariance = covariance_at(comoments, i, j, divisor);

			values[i * dims + j] = covariance;
			values[j * dims + i] = covariance;
		}
	}
	return true;
}

/* One pass over the doubles. */
VecStateStatus
vecstate_finish(const void *state, size_t length, VecStateResult result, double *values, VecStatePoll poll)
{
	const unsigned char *doubles;
	bool		sample = result == VECSTATE_RESULT_STDDEV_SAMP || result == VECSTATE_RESULT_COVARIANCE;
	VecStateInfo info;
	VecStateStatus status = vecstate_read(state, length, &info);
	double		divisor;
	bool		valid = true;

	if (status != VECSTATE_OK)
		return status;
	if (info.kind != vecstate_kind_of(result))
		return VECSTATE_MISMATCH;
	if (info.count < (sample ? 2 : 1))
		return VECSTATE_TOO_FEW;
	doubles = (const unsigned char *) state + HEADER_BYTES;
	divisor = (double) (sample ? info.count - 1 : info.count);
	if (info.kind == VECSTATE_MOMENTS)
		valid = finish_stddev(doubles, info.dims, divisor, values);
	else if (info.kind == VECSTATE_COVARIANCE)
		valid = finish_covariance(doubles, info.dims, divisor, values, poll);
	else
	{
		if (result == VECSTATE_RESULT_SUM)
			divisor = 1;
		for (size_t i = 0; i < info.dims; i++)
			values[i] = get(doubles, i) / divisor;
	}
	return valid ? VECSTATE_OK : VECSTATE_CORRUPT;
}
