/*
 * als_kernels.c
 *		One row of implicit least squares.
 *
 * Conjugate gradients go over the row's factors once a step, four rows at a
 * time, so that each load of x and each store of the result serves four.  The
 * first pass makes the residual of the x that they start from.
 */
#include "core/als_kernels.h"

#include <math.h>
#include <string.h>

#include "core/factor_sums.h"
#include "core/spd.h"
#include "core/vector.h"

#define BLOCK 256				/* rows whose addresses and weights are held at a time */
#define GROUP 4					/* rows walked together */
#define LINE_FLOATS 16			/* of a cache line */
#define FEW_PART 3				/* a row is short with up to n_factors / FEW_PART ratings */
#define RESIDUAL_MIN 1e-20f		/* squared length at which conjugate gradients have nothing left to do */

#define INLINE static inline __attribute__((always_inline))

/* Ratings of the longest row that is solved in as many unknowns as it has ratings. */
static int
few_ratings(int n_factors)
{
	return n_factors / FEW_PART;
}

/* System, right side and Cholesky's scratch; the transposed row, its system and right side take less. */
size_t
als_scratch(int n_factors)
{
	size_t		k = (size_t) n_factors;

	return k * k + k + spd_scratch(n_factors);
}

/* d_j of a rating. */
INLINE float
extra_weight(const AlsSide *side, float value)
{
	return side->alpha * fabsf(value);
}

/* c_j p_j of a rating. */
INLINE float
positive_weight(const AlsSide *side, float value)
{
	return value > 0 ? side->unobserved_weight + side->alpha * value : 0;
}

/* Block by block; the right side first, because it asks for the rows in advance. */
double
als_add_row(const AlsSide *side, AlsRow row, float *a, float *b)
{
	const float *rows[BLOCK];
	float		weights[BLOCK];
	float		positives[BLOCK];
	double		sum = 0;

	for (int64_t begin = 0; begin < row.n; begin += BLOCK)
	{
		int			n = row.n - begin < BLOCK ? (int) (row.n - begin) : BLOCK;

		for (int i = 0; i < n; i++)
		{
			float		value = row.values[begin + i];

			rows[i] = side->factors + (int64_t) row.indexes[begin + i] * side->n_factors;
			weights[i] = extra_weight(side, value);
			positives[i] = positive_weight(side, value);
			sum += (double) positives[i];
		}
		factor_sum(side->factors, side->n_factors, row.indexes + begin, positives, n, b);
		gram_add(rows, weights, n, side->n_factors, a, side->n_factors);
	}
	return sum;
}

/* In n_factors unknowns. */
static bool
solve_in_factors(const AlsSide *side, AlsRow row, float *x, double *loss, float *scratch)
{
	int			k = side->n_factors;
	size_t		size = (size_t) k * (size_t) k;
	float	   *a = scratch;
	float	   *b = a + size;
	double		sum;

	memcpy(a, side->gram, size * sizeof(float));
	memset(b, 0, (size_t) k * sizeof(float));
	sum = als_add_row(side, row, a, b);
	memcpy(x, b, (size_t) k * sizeof(float));
	if (!spd_solve(a, k, k, x, b + k))
		return false;
	*loss = sum - (double) vector_dot(b, x, k);
	return true;
}

/* out[d * stride] = (whitener y)_d. */
static void
whiten(const AlsSide *side, const float *y, float *out, int stride)
{
	int			k = side->n_factors;

	for (int d = 0; d < k; d++)
		out[d * stride] = vector_dot(side->whitener + (size_t) d * (size_t) k, y, d + 1);
}

/*
 * In as many unknowns as the row has ratings with d > 0, n.  With W = Y M', M the whitener, gram
 * turns into I and the solution into x = M' W' z, where
 *
 *		z = D^1/2 t,  (I + D^1/2 W W' D^1/2) t = D^-1/2 (c p)
 */
static bool
solve_in_ratings(const AlsSide *side, AlsRow row, float *x, double *loss, float *scratch)
{
	int			k = side->n_factors;
	int			few = few_ratings(k);
	float	   *transposed = scratch;	/* k x n: D^1/2 W, transposed */
	float	   *system = transposed + (size_t) k * (size_t) few;
	float	   *t = system + (size_t) few * (size_t) few;
	float	   *root = t + few;
	float	   *target = root + few;
	int			n = 0;
	double		sum = 0;

	for (int64_t i = 0; i < row.n; i++)
	{
		float		weight = extra_weight(side, row.values[i]);

		if (!(weight > 0))
			continue;
		root[n] = sqrtf(weight);
		target[n] = positive_weight(side, row.values[i]);
		sum += (double) target[n];
		whiten(side, side->factors + (int64_t) row.indexes[i] * k, transposed + n, few);
		n++;
	}
	memset(x, 0, (size_t) k * sizeof(float));
	*loss = sum;
	if (n == 0)
		return true;
	for (int d = 0; d < k; d++)
		for (int i = 0; i < n; i++)
			transposed[(size_t) d * (size_t) few + i] *= root[i];
	memset(system, 0, (size_t) n * (size_t) n * sizeof(float));
	for (int d = 0; d < k; d += BLOCK)
	{
		const float *rows[BLOCK];
		int			count = k - d < BLOCK ? k - d : BLOCK;

		for (int i = 0; i < count; i++)
			rows[i] = transposed + (size_t) (d + i) * (size_t) few;
		gram_add(rows, NULL, count, n, system, n);
	}
	for (int i = 0; i < n; i++)
	{
		system[i * n + i] += 1;
		t[i] = target[i] / root[i];
	}
	if (!spd_solve(system, n, n, t, target + few))
		return false;
	for (int d = 0; d < k; d++)
		vector_axpy(vector_dot(transposed + (size_t) d * (size_t) few, t, n),
					side->whitener + (size_t) d * (size_t) k, x, d + 1);
	for (int64_t i = 0; i < row.n; i++)
		*loss -= (double) positive_weight(side, row.values[i]) *
			(double) vector_dot(side->factors + (int64_t) row.indexes[i] * k, x, k);
	return true;
}

/* Whichever has fewer steps. */
bool
als_exact(const AlsSide *side, AlsRow row, float *x, double *loss, float *scratch)
{
	return row.n <= few_ratings(side->n_factors) ? solve_in_ratings(side, row, x, loss, scratch)
		: solve_in_factors(side, row, x, loss, scratch);
}

/* Sum of products. */
INLINE float
dot(const float *a, const float *b, int n)
{
	float		sum = 0;

	for (int i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/* y += alpha x. */
INLINE void
add(float alpha, const float *restrict x, float *restrict y, int n)
{
	for (int i = 0; i < n; i++)
		y[i] += alpha * x[i];
}

/* Products of GROUP rows with x. */
INLINE void
dot_group(const float *const *rows, const float *x, int n, float *products)
{
	float		p0 = 0;
	float		p1 = 0;
	float		p2 = 0;
	float		p3 = 0;

	for (int i = 0; i < n; i++)
	{
		p0 += rows[0][i] * x[i];
		p1 += rows[1][i] * x[i];
		p2 += rows[2][i] * x[i];
		p3 += rows[3][i] * x[i];
	}
	products[0] = p0;
	products[1] = p1;
	products[2] = p2;
	products[3] = p3;
}

/* out += sum of weights x rows, of GROUP rows. */
INLINE void
add_group(const float *const *rows, const float *weights, int n, float *restrict out)
{
	const float *restrict r0 = rows[0];
	const float *restrict r1 = rows[1];
	const float *restrict r2 = rows[2];
	const float *restrict r3 = rows[3];

	for (int i = 0; i < n; i++)
		out[i] += weights[0] * r0[i] + weights[1] * r1[i] + weights[2] * r2[i] +
			weights[3] * r3[i];
}

/* out += factor * gram x. */
INLINE void
add_gram(const AlsSide *side, float factor, const float *x, float *out)
{
	int			k = side->n_factors;
	int			i = 0;

	for (; i + GROUP <= k; i += GROUP)
	{
		const float *rows[GROUP];
		float		weights[GROUP];

		for (int g = 0; g < GROUP; g++)
		{
			rows[g] = side->gram + (size_t) (i + g) * (size_t) k;
			weights[g] = factor * x[i + g];
		}
		add_group(rows, weights, k, out);
	}
	for (; i < k; i++)
		add(factor * x[i], side->gram + (size_t) i * (size_t) k, out, k);
}

/* Asks for the vectors of the group after the next: they lie anywhere in memory. */
INLINE void
prefetch_group(const AlsSide *side, AlsRow row, int64_t begin)
{
	int64_t		end = begin + GROUP < row.n ? begin + GROUP : row.n;

	for (int64_t i = begin; i < end; i++)
	{
		const float *vector = side->factors + (int64_t) row.indexes[i] * side->n_factors;

		for (int d = 0; d < side->n_factors; d += LINE_FLOATS)
			__builtin_prefetch(vector + d);
	}
}

/*
 * out += sum over the row of (start ? c p - d y.x : d y.x) y; to start with x.  Returns the sum of
 * c p (1 - y.x).
 */
INLINE double
add_ratings(const AlsSide *side, AlsRow row, bool start, const float *x, float *out)
{
	int			k = side->n_factors;
	double		sum = 0;

	for (int64_t begin = 0; begin < row.n; begin += GROUP)
	{
		const float *rows[GROUP];
		float		products[GROUP];
		int			n = row.n - begin < GROUP ? (int) (row.n - begin) : GROUP;

		if (start)
			prefetch_group(side, row, begin + 2 * GROUP);
		/* A group at the end repeats its first row with weight 0. */
		for (int g = 0; g < GROUP; g++)
			rows[g] = side->factors + (int64_t) row.indexes[begin + (g < n ? g : 0)] * k;
		dot_group(rows, x, k, products);
		for (int g = 0; g < GROUP; g++)
		{
			float		value = g < n ? row.values[begin + g] : 0;
			float		weight = extra_weight(side, value) * products[g];

			if (start)
			{
				float		positive = positive_weight(side, value);

				sum += (double) (positive * (1 - products[g]));
				weight = positive - weight;
			}
			products[g] = weight;
		}
		add_group(rows, products, k, out);
	}
	return sum;
}

/* Hestenes and Stiefel (1952). */
CLONES void
als_cg(const AlsSide *side, AlsRow row, int steps, float *x, double *loss, float *scratch)
{
	int			k = side->n_factors;
	float	   *residual = scratch;
	float	   *direction = residual + k;
	float	   *product = direction + k;
	float		size;

	memset(residual, 0, (size_t) k * sizeof(float));
	add_gram(side, -1, x, residual);
	*loss = add_ratings(side, row, true, x, residual);
	*loss -= (double) dot(x, residual, k);
	memcpy(direction, residual, (size_t) k * sizeof(float));
	size = dot(residual, residual, k);
	for (int step = 0; step < steps && size > RESIDUAL_MIN; step++)
	{
		float		length;
		float		before = size;

		memset(product, 0, (size_t) k * sizeof(float));
		add_gram(side, 1, direction, product);
		add_ratings(side, row, false, direction, product);
		length = size / dot(direction, product, k);
		*loss -= (double) (length * size);
		add(length, direction, x, k);
		add(-length, product, residual, k);
		size = dot(residual, residual, k);
		for (int i = 0; i < k; i++)
			direction[i] = residual[i] + size / before * direction[i];
	}
}
