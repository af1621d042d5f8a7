/*
 * svd_kernels.c
 *		The hot loops of stochastic gradient descent for method svd.
 *
 * A step waits for its dot product before it can write, and the next step of the same user for that.
 * So two ratings of a user are taken together: with G = q1 . q2, the second error follows from
 * numbers from before the first step,
 *
 *		p' . q2 = k1 p . q2 + rate1 e1 G
 *
 * and one wait serves two steps.  The pass that moves the three rows also makes the dot products of
 * the user's next two ratings.  The result is that of one step after the other, but for rounding.
 *
 * A whole block is one call, because a call through the table of instruction sets costs as much as
 * a tenth of a step.
 */
#include "core/svd_kernels.h"

#include <stddef.h>

#include "core/vector.h"

/* A row is multiplied by its scale when that has become so small. */
#define SCALE_MIN 1e-6f

#define INLINE static inline __attribute__((always_inline))

typedef float Vector __attribute__((vector_size(SGD_LANES * sizeof(float)), aligned(4), may_alias));

/* Dot products of a user and two courses, all without their scales. */
typedef struct PairDots
{
	float		user_first;
	float		user_second;
	float		first_second;
} PairDots;

/* How far the rows move: row += factor x other row. */
typedef struct PairMoves
{
	float		user_first;		/* of the user, along the first course */
	float		first_user;		/* of the first course, along the user */
	float		user_second;	/* along the user that the first step made, and of it */
	float		second_user;
} PairMoves;

/* Floats of a row as a vector. */
INLINE const Vector *
vector_at(const float *row)
{
	return (const Vector *) row;
}

/* Sum of the lanes. */
INLINE float
sum_lanes(const Vector *v)
{
	float		sum = 0;

	for (int lane = 0; lane < SGD_LANES; lane++)
		sum += (*v)[lane];
	return sum;
}

/* Floats before the first even number of vectors: 0 or SGD_LANES. */
INLINE int
odd_lanes(int width)
{
	return width / SGD_LANES % 2 * SGD_LANES;
}

/* Sum of x[i] y[i], in two chains of additions. */
INLINE float
dot_rows(const float *restrict x, const float *restrict y, int width)
{
	Vector		sums[2] = {0};
	int			odd = odd_lanes(width);

	if (odd > 0)
		sums[0] = *vector_at(x) * *vector_at(y);
	for (int i = odd; i < width; i += 2 * SGD_LANES)
		for (int half = 0; half < 2; half++)
			sums[half] += *vector_at(x + i + half * SGD_LANES) *
				*vector_at(y + i + half * SGD_LANES);
	sums[0] += sums[1];
	return sum_lanes(&sums[0]);
}

/* The dot products of a pair, in two chains of additions each. */
INLINE void
dot_pair(const float *restrict p, const float *restrict q1, const float *restrict q2, int width,
		 PairDots *dots)
{
	Vector		sums[3][2] = {0};
	int			odd = odd_lanes(width);

	if (odd > 0)
	{
		sums[0][0] = *vector_at(p) * *vector_at(q1);
		sums[1][0] = *vector_at(p) * *vector_at(q2);
		sums[2][0] = *vector_at(q1) * *vector_at(q2);
	}
	for (int i = odd; i < width; i += 2 * SGD_LANES)
		for (int half = 0; half < 2; half++)
		{
			Vector		x = *vector_at(p + i + half * SGD_LANES);
			Vector		y = *vector_at(q1 + i + half * SGD_LANES);
			Vector		z = *vector_at(q2 + i + half * SGD_LANES);

			sums[0][half] += x * y;
			sums[1][half] += x * z;
			sums[2][half] += y * z;
		}
	for (int i = 0; i < 3; i++)
		sums[i][0] += sums[i][1];
	dots->user_first = sum_lanes(&sums[0][0]);
	dots->user_second = sum_lanes(&sums[1][0]);
	dots->first_second = sum_lanes(&sums[2][0]);
}

/* Moves the rows of a pair. */
INLINE void
move_pair(float *restrict p, float *restrict q1, float *restrict q2, int width, PairMoves move)
{
	for (int i = 0; i < width; i += SGD_LANES)
	{
		Vector		x = *vector_at(p + i);
		Vector		y = *vector_at(q1 + i);
		Vector		z = *vector_at(q2 + i);

		*(Vector *) (q1 + i) = y + move.first_user * x;
		x += move.user_first * y;
		*(Vector *) (q2 + i) = z + move.second_user * x;
		*(Vector *) (p + i) = x + move.user_second * z;
	}
}

/* The same, and the dot products of the moved user and the next two courses. */
INLINE void
move_pair_and_dot(float *restrict p, float *restrict q1, float *restrict q2,
				  const float *restrict next1, const float *restrict next2, int width,
				  PairMoves move, PairDots *dots)
{
	Vector		sums[3] = {0};

	for (int i = 0; i < width; i += SGD_LANES)
	{
		Vector		x = *vector_at(p + i);
		Vector		y = *vector_at(q1 + i);
		Vector		z = *vector_at(q2 + i);
		Vector		a = *vector_at(next1 + i);
		Vector		b = *vector_at(next2 + i);

		*(Vector *) (q1 + i) = y + move.first_user * x;
		x += move.user_first * y;
		*(Vector *) (q2 + i) = z + move.second_user * x;
		x += move.user_second * z;
		*(Vector *) (p + i) = x;
		sums[0] += x * a;
		sums[1] += x * b;
		sums[2] += a * b;
	}
	dots->user_first = sum_lanes(&sums[0]);
	dots->user_second = sum_lanes(&sums[1]);
	dots->first_second = sum_lanes(&sums[2]);
}

/* Multiplies a row by its scale. */
static __attribute__((noinline)) void
unscale_row(float *row, float *scale, int width)
{
	vector_scale(*scale, row, width);
	*scale = 1;
}

/* The row of a user or course that is about to be used. */
INLINE float *
row_of(const SgdBlock *block, const SgdSide *side, int32_t index)
{
	float	   *row = side->rows + (int64_t) index * block->stride;

	if (side->scale[index] < SCALE_MIN)
		unscale_row(row, &side->scale[index], block->width);
	return row;
}

/* Weight of entry i. */
INLINE float
weight_of(const SgdBlock *block, int64_t i)
{
	return block->weights == NULL ? 1 : block->weights[i];
}

/*
 * Errors of entries i and i + 1, moves of the rows; steps biases and scales.  Divisions and products
 * that do not need the errors come first: they are done while the dot products are not there yet.
 */
INLINE double
step_pair(const SgdBlock *block, int64_t i, PairDots dots, PairMoves *move)
{
	const SgdEntry *entry = block->entries + i;
	float		weight1 = weight_of(block, i);
	float		weight2 = weight_of(block, i + 1);
	float		rate1 = block->rate * weight1;
	float		rate2 = block->rate * weight2;
	float		keep1 = sgd_keep(rate1, block->regularization);
	float		keep2 = sgd_keep(rate2, block->regularization);
	float	   *scale = &block->users.scale[entry[0].user];
	float	   *scale1 = &block->courses.scale[entry[0].course];
	float	   *scale2 = &block->courses.scale[entry[1].course];
	float	   *bias = &block->users.bias[entry[0].user];
	float	   *bias1 = &block->courses.bias[entry[0].course];
	float	   *bias2 = &block->courses.bias[entry[1].course];
	float		between = keep1 * *scale;	/* scale of the user after the first step */
	float		after = keep2 * between;
	float		after1 = keep1 * *scale1;
	float		after2 = keep2 * *scale2;
	float		user_first = rate1 * *scale1 / between;
	float		first_user = rate1 * *scale / after1;
	float		user_second = rate2 * *scale2 / after;
	float		second_user = rate2 * between / after2;
	float		base2 = entry[1].target - keep1 * *bias - *bias2 -
		between * *scale2 * dots.user_second;
	float		slope = rate1 + between * *scale2 * user_first * dots.first_second;
	float		error1 = entry[0].target - *bias - *bias1 - *scale * *scale1 * dots.user_first;
	float		error2 = base2 - slope * error1;

	*move = (PairMoves) {user_first * error1, first_user * error1, user_second * error2,
	second_user * error2};
	*scale = after;
	*scale1 = after1;
	*scale2 = after2;
	*bias = keep2 * (keep1 * *bias + rate1 * error1) + rate2 * error2;
	*bias1 = keep1 * *bias1 + rate1 * error1;
	*bias2 = keep2 * *bias2 + rate2 * error2;
	return (double) weight1 * error1 * error1 + (double) weight2 * error2 * error2;
}

/* The one entry i. */
INLINE double
step_single(const SgdBlock *block, int64_t i)
{
	const SgdEntry *entry = block->entries + i;
	float		weight = weight_of(block, i);
	float		rate = block->rate * weight;
	float		keep = sgd_keep(rate, block->regularization);
	float	   *restrict p = row_of(block, &block->users, entry->user);
	float	   *restrict q = row_of(block, &block->courses, entry->course);
	float	   *scale_p = &block->users.scale[entry->user];
	float	   *scale_q = &block->courses.scale[entry->course];
	float	   *bias_p = &block->users.bias[entry->user];
	float	   *bias_q = &block->courses.bias[entry->course];
	float		reach_p = rate * *scale_q / (keep * *scale_p);
	float		reach_q = rate * *scale_p / (keep * *scale_q);
	float		error = entry->target - *bias_p - *bias_q -
		*scale_p * *scale_q * dot_rows(p, q, block->width);
	float		move_p = reach_p * error;
	float		move_q = reach_q * error;

	for (int f = 0; f < block->width; f += SGD_LANES)
	{
		Vector		x = *vector_at(p + f);
		Vector		y = *vector_at(q + f);

		*(Vector *) (p + f) = x + move_p * y;
		*(Vector *) (q + f) = y + move_q * x;
	}
	*scale_p *= keep;
	*scale_q *= keep;
	*bias_p = keep * *bias_p + rate * error;
	*bias_q = keep * *bias_q + rate * error;
	return (double) weight * error * error;
}

/*
 * Pairs from entry *i on, all of one user, as long as two entries are left before end and the user's
 * scale is not too small; *i moves on.  There are two entries at least.
 */
INLINE double
step_pairs(const SgdBlock *block, int64_t *i, int64_t end)
{
	const SgdEntry *entry = block->entries + *i;
	float	   *p = row_of(block, &block->users, entry->user);
	float	   *q1 = row_of(block, &block->courses, entry[0].course);
	float	   *q2 = row_of(block, &block->courses, entry[1].course);
	PairDots	dots;
	PairMoves	move;
	double		sum;

	dot_pair(p, q1, q2, block->width, &dots);
	sum = step_pair(block, *i, dots, &move);
	*i += 2;
	while (*i + 1 < end && block->users.scale[entry->user] >= SCALE_MIN)
	{
		float	   *next1 = row_of(block, &block->courses, block->entries[*i].course);
		float	   *next2 = row_of(block, &block->courses, block->entries[*i + 1].course);

		move_pair_and_dot(p, q1, q2, next1, next2, block->width, move, &dots);
		q1 = next1;
		q2 = next2;
		sum += step_pair(block, *i, dots, &move);
		*i += 2;
	}
	move_pair(p, q1, q2, block->width, move);
	return sum;
}

/* User by user. */
CLONES double
sgd_block(const SgdBlock *block)
{
	double		sum = 0;

	for (int64_t i = 0; i < block->n;)
	{
		int64_t		end = i + 1;

		while (end < block->n && block->entries[end].user == block->entries[i].user)
			end++;
		while (i + 1 < end)
			sum += step_pairs(block, &i, end);
		if (i < end)
			sum += step_single(block, i++);
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
	float		error = base - dot_rows(p, q, step->width) - dot_rows(z, q, step->width);
	float		move = step->rate * error;

	for (int i = 0; i < step->width; i++)
	{
		float		x = p[i];
		float		y = q[i];

		p[i] = step->keep * x + move * y;
		q[i] = step->keep * y + move * (x + z[i]);
		total[i] += step->weight * error * y;
	}
	return error;
}
