/*
 * vecstate.h: the running state of the aggregates over vectors, as bytes that describe themselves.
 *
 * A state is what an aggregate keeps between rows and what parallel workers (or the nodes of a cluster)
 * send to be merged. It is one flat run of bytes, so that it can live in a bytea:
 *
 *		offset	 0	uint32	magic; a machine of the other byte order reads another number
 *				 4	uint16	kind (VecStateKind)
 *				 6	uint16	zero
 *				 8	uint32	dims, the length of the vectors
 *				12	int64	count, the number of vectors seen
 *				20			doubles, as many as kind and dims say
 *
 *		kind			doubles							merged by
 *		SUM				sum[dims]						addition
 *		MOMENTS			mean[dims], m2[dims]			Chan, Golub and LeVeque (1979)
 *		COVARIANCE		mean[dims], comoment[i][j] of	the same, for pairs
 *						j <= i, row by row
 *
 * m2 is the sum of squared deviations from the mean. Mean and deviations are updated row by row (Welford
 * 1962), never as "sum of squares minus square of sum", which loses everything when the mean is large.
 * Sums are plain double sums.
 *
 * The functions take bytes from anywhere: every one checks magic, kind, dims, count and the exact length
 * before it reads or writes a double. They allocate nothing and need no alignment. Adding a vector or
 * merging costs O(dims), for COVARIANCE O(dims^2).
 */
#ifndef CORE_VECSTATE_H
#define CORE_VECSTATE_H

#include <stddef.h>
#include <stdint.h>

/* No state is larger; longer vectors are refused before anything is allocated. */
#define VECSTATE_MAX_BYTES	((uint64_t) 256 * 1024 * 1024)

typedef enum VecStateStatus
{
	VECSTATE_OK,
	VECSTATE_CORRUPT,			/* not the bytes of a state */
	VECSTATE_MISMATCH,			/* another kind or other dims than asked for */
	VECSTATE_TOO_LARGE,			/* above VECSTATE_MAX_BYTES */
	VECSTATE_OVERFLOW,			/* finite vectors gave a sum or count beyond its range */
	VECSTATE_TOO_FEW			/* the result is not defined for so few vectors */
} VecStateStatus;

typedef enum VecStateKind
{
	VECSTATE_SUM = 1,
	VECSTATE_MOMENTS = 2,
	VECSTATE_COVARIANCE = 3
} VecStateKind;

/* What can be computed from a state; one double per element of the vectors, dims x dims for a matrix. */
typedef enum VecStateResult
{
	VECSTATE_RESULT_SUM,		/* of kind SUM */
	VECSTATE_RESULT_MEAN,		/* of kind SUM */
	VECSTATE_RESULT_STDDEV_SAMP,	/* of kind MOMENTS, divides by count - 1 */
	VECSTATE_RESULT_STDDEV_POP, /* of kind MOMENTS, divides by count */
	VECSTATE_RESULT_COVARIANCE	/* of kind COVARIANCE, divides by count - 1; symmetric, row-major */
} VecStateResult;

/* The header of a state. */
typedef struct VecStateInfo
{
	VecStateKind kind;
	uint32_t	dims;			/* length of the vectors */
	int64_t		count;			/* vectors seen */
} VecStateInfo;

/*
 * Called once for each row of a matrix, so about every 10 us, and NULL if nobody wants to interrupt. It need
 * not return: the functions hold nothing that would have to be released, but the state is then of no use.
 */
typedef void (*VecStatePoll) (void);

/* Bytes of a state; UINT64_MAX stands for more than that. Compare with VECSTATE_MAX_BYTES. */
extern uint64_t vecstate_bytes(VecStateKind kind, uint32_t dims);

/* Writes the state of no vectors into vecstate_bytes(kind, dims) bytes. TOO_LARGE writes nothing. */
extern VecStateStatus vecstate_init(void *state, VecStateKind kind, uint32_t dims);

/* Checks a state of any kind and reads its header. CORRUPT and TOO_LARGE leave *info alone. */
extern VecStateStatus vecstate_read(const void *state, size_t length, VecStateInfo *info);

/*
 * Adds one vector. CORRUPT, MISMATCH and TOO_LARGE leave the state alone; after OVERFLOW it is of no use.
 * A NaN or infinite element is no overflow: sums follow IEEE arithmetic, deviations and covariances become NaN.
 */
extern VecStateStatus vecstate_add(void *state, size_t length, VecStateKind kind,
								   const double *vector, uint32_t dims, VecStatePoll poll);

/* Adds weight x vector to a state of kind SUM; otherwise as vecstate_add(). */
extern VecStateStatus vecstate_add_weighted(void *state, size_t length, double weight,
											const double *vector, uint32_t dims);

/*
 * Merges the vectors of another state into this one; both must have the same kind and dims and not overlap.
 * Errors as with vecstate_add().
 */
extern VecStateStatus vecstate_combine(void *state, size_t length, const void *other, size_t other_length,
									   VecStatePoll poll);

/* The kind that a result is computed from. */
extern VecStateKind vecstate_kind_of(VecStateResult result);

/*
 * Computes a result. TOO_FEW: no vector yet, or fewer than two where count - 1 is the divisor; then, and
 * after CORRUPT, MISMATCH and TOO_LARGE, values is of no use.
 */
extern VecStateStatus vecstate_finish(const void *state, size_t length, VecStateResult result,
									  double *values, VecStatePoll poll);

#endif							/* CORE_VECSTATE_H */
