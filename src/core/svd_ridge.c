/*
 * svd_ridge.c
 *		One row of the model svd, given the other side: a ridge regression.
 */
#include "core/svd_ridge.h"

#include <math.h>
#include <string.h>

#include "core/spd.h"
#include "core/trainingset.h"
#include "core/vector.h"

/* Takes count * size bytes, at a 64-byte boundary. */
static void *
take(char *memory, size_t *bytes, size_t count, size_t size)
{
	void	   *part = memory == NULL ? NULL : memory + *bytes;

	*bytes += (count * size + 63) / 64 * 64;
	return part;
}

/* One part after the other. */
RidgeWork
ridge_work(int factors, void *memory)
{
	size_t		m = (size_t) factors + 1;
	RidgeWork	work = {0};

	work.matrix = take(memory, &work.bytes, m * m, sizeof(float));
	work.right = take(memory, &work.bytes, m, sizeof(float));
	work.solver = take(memory, &work.bytes, spd_scratch((int) m), sizeof(float));
	work.rows = take(memory, &work.bytes, m, sizeof(float *));
	work.weights = take(memory, &work.bytes, m, sizeof(float));
	return work;
}

/* The factors and the 1 of the row that rating i names. */
static inline const float *
rated_row(const RidgeSide *side, const RidgeRatings *ratings, int64_t i)
{
	return side->rows + ratings->indexes[i] * side->stride;
}

/* What is left of a rating for (p, b) to explain. */
float
ridge_target(const RidgeSide *side, const RidgeRatings *ratings, int64_t i)
{
	double		target = (ratings->values[i] - side->mean) / side->deviation -
		side->bias[ratings->indexes[i]];

	if (side->shift != NULL)
		target -= vector_dot(side->shift, rated_row(side, ratings, i), side->factors);
	return (float) target;
}

/* Weight by age. */
float
ridge_weight(const RidgeSide *side, const RidgeRatings *ratings, int64_t i)
{
	return ratings->times == NULL ? 1 :
		age_weight(ratings->times[i], side->last_time, side->half_life);
}

/* Batches of as many ratings as there is room for rows. */
void
ridge_add(const RidgeSide *side, const RidgeRatings *ratings, int64_t begin, int64_t end,
		  const RidgeWork *work, double *weight)
{
	int			m = side->factors + 1;

	while (begin < end)
	{
		int			n = end - begin < m ? (int) (end - begin) : m;

		for (int i = 0; i < n; i++)
		{
			work->rows[i] = rated_row(side, ratings, begin + i);
			work->weights[i] = ridge_weight(side, ratings, begin + i);
			vector_axpy(work->weights[i] * ridge_target(side, ratings, begin + i), work->rows[i],
						work->right, m);
			*weight += work->weights[i];
		}
		gram_add(work->rows, work->weights, n, m, work->matrix, m);
		begin += n;
	}
}

/* The ridge makes the matrix positive definite, unless rounding eats it. */
bool
ridge_factor(const RidgeSide *side, const RidgeWork *work, double weight)
{
	int			m = side->factors + 1;
	float		ridge = (float) (side->regularization * weight);
	float		spread = (float) (1 / (1 - side->dropout));

	for (int i = 0; i < m; i++)
	{
		float	   *diagonal = &work->matrix[(size_t) i * (size_t) m + (size_t) i];

		*diagonal = *diagonal * (i < side->factors ? spread : 1) + ridge;
	}
	return spd_factor(work->matrix, m, m, work->solver);
}

/* Of a system that floats cannot solve, the row is zero: nothing is known. */
void
ridge_finish(const RidgeSide *side, const RidgeWork *work, double weight, float *row)
{
	int			m = side->factors + 1;

	memset(row, 0, (size_t) m * sizeof(float));
	if (!(weight > 0) || !ridge_factor(side, work, weight))
		return;
	spd_substitute(work->matrix, m, m, work->right);
	memcpy(row, work->right, (size_t) m * sizeof(float));
}

/* The second form: one equation for each of fewer than m ratings. */
static void
solve_dual(const RidgeSide *side, const RidgeRatings *ratings, const RidgeWork *work, float *row)
{
	int			m = side->factors + 1;
	int			n = (int) ratings->n;
	double		total = 0;

	memset(row, 0, (size_t) m * sizeof(float));
	for (int i = 0; i < n; i++)
	{
		float		weight = ridge_weight(side, ratings, i);

		total += weight;
		work->weights[i] = sqrtf(weight);
		work->rows[i] = rated_row(side, ratings, i);
		work->right[i] = work->weights[i] * ridge_target(side, ratings, i);
		for (int j = 0; j <= i; j++)
			work->matrix[i * n + j] = work->weights[i] * work->weights[j] *
				vector_dot(work->rows[i], work->rows[j], m);
	}
	for (int i = 0; i < n; i++)
		work->matrix[i * n + i] += (float) (side->regularization * total);
	if (!(total > 0) || !spd_solve(work->matrix, n, n, work->right, work->solver))
		return;
	for (int i = 0; i < n; i++)
		vector_axpy(work->weights[i] * work->right[i], work->rows[i], row, m);
}

/* Whichever form is smaller. */
void
ridge_solve(const RidgeSide *side, const RidgeRatings *ratings, const RidgeWork *work, float *row)
{
	size_t		m = (size_t) side->factors + 1;
	double		weight = 0;

	if (ratings->n < (int64_t) m && !(side->dropout > 0))
	{
		solve_dual(side, ratings, work, row);
		return;
	}
	memset(work->matrix, 0, m * m * sizeof(float));
	memset(work->right, 0, m * sizeof(float));
	ridge_add(side, ratings, 0, ratings->n, work, &weight);
	ridge_finish(side, work, weight, row);
}
