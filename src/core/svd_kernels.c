/*
 * svd_kernels.c
 *		The hot loops of stochastic gradient descent for method svd.
 *
 * Rows are multiples of 16 floats, so the loops over 16 become vector code
 * without a rest.  A whole block is one call, because a call through the table
 * of instruction sets costs as much as a tenth of a step.
 */
#include "core/svd_kernels.h"

#include <stddef.h>

#include "core/vector.h"

#define LANES 16				/* floats taken together */
#define AHEAD 6					/* entries whose rows are asked for in advance */
#define LINE_FLOATS 16			/* floats of a cache line */

#define INLINE static inline __attribute__((always_inline))

/* Sum of x[i] y[i]. */
INLINE float
dot_rows(const float *restrict x, const float *restrict y, int width)
{
	float		sums[LANES] = {0};
	float		sum = 0;

	for (int i = 0; i < width; i += LANES)
		for (int lane = 0; lane < LANES; lane++)
			sums[lane] += x[i + lane] * y[i + lane];
	for (int lane = 0; lane < LANES; lane++)
		sum += sums[lane];
	return sum;
}

/* p = keep p + step q and q = keep q + step p, both with the old values. */
INLINE void
step_rows(float *restrict p, float *restrict q, int width, float keep, float step)
{
	for (int i = 0; i < width; i += LANES)
		for (int lane = 0; lane < LANES; lane++)
		{
			float		x = p[i + lane];
			float		y = q[i + lane];

			p[i + lane] = keep * x + step * y;
			q[i + lane] = keep * y + step * x;
		}
}

/* Asks for a row that will be needed. */
INLINE void
prefetch_row(const float *row, int width)
{
	for (int i = 0; i <= width; i += LINE_FLOATS)
		__builtin_prefetch(row + i, 1);
}

/* Entry by entry. */
CLONES double
sgd_block(const SgdBlock *block)
{
	const SgdEntry *entries = block->entries;
	int			width = block->width;
	int64_t		stride = block->stride;
	double		sum = 0;

	for (int64_t i = 0; i < block->n; i++)
	{
		SgdEntry	entry = entries[i];
		float		weight = block->weights == NULL ? 1 : block->weights[i];
		float		rate = block->rate * weight;
		float		keep = 1 - rate * block->regularization;
		float	   *p = block->user_rows + entry.user * stride;
		float	   *q = block->course_rows + entry.course * stride;
		float		error;

		if (i + AHEAD < block->n)
		{
			prefetch_row(block->course_rows + entries[i + AHEAD].course * stride, width);
			if (entries[i + AHEAD].user != entries[i + AHEAD - 1].user)
				prefetch_row(block->user_rows + entries[i + AHEAD].user * stride, width);
		}
		error = entry.target - p[width] - q[width] - dot_rows(p, q, width);
		p[width] = keep * p[width] + rate * error;
		q[width] = keep * q[width] + rate * error;
		step_rows(p, q, width, keep, rate * error);
		sum += (double) weight * error * error;
	}
	return sum;
}

/* One step with a part of the user's vector held. */
CLONES float
sgd_step_implicit(const SgdStep *step, float base, float *restrict q)
{
	float	   *restrict p = step->p;
	float	   *restrict total = step->total;
	const float *restrict z = step->z;
	float		keep = 1 - step->rate * step->regularization;
	float		error = base - dot_rows(p, q, step->width) - dot_rows(z, q, step->width);
	float		move = step->rate * error;

	for (int i = 0; i < step->width; i++)
	{
		float		x = p[i];
		float		y = q[i];

		p[i] = keep * x + move * y;
		q[i] = keep * y + move * (x + z[i]);
		total[i] += step->weight * error * y;
	}
	return error;
}
