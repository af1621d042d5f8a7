/*
 * product_kernels.c
 *		Products of one vector with many rows.
 *
 * GROUP rows are walked together, with their sums in registers: eight independent
 * chains of additions, and each load of x serves all rows.  The last group repeats
 * its last row, so that one code computes every product and rounds it in one way.
 */
#include "core/product_kernels.h"

#include "core/vector.h"

/*
 * The compiler makes several codes of the one, and may not reorder the sums of each as it likes (gcc 11 did).  They
 * are vectors as they are written.
 */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize ("no-associative-math")
#endif

#define GROUP 4					/* rows walked together */
#define LANES 8					/* floats of a vector */
#define VECTORS 2				/* sums of a row */
#define STEP (VECTORS * LANES)	/* floats of a row at a time: one cache line */
#define AHEAD 512				/* floats: so far in advance lines are asked for; the processor alone stops
								 * at every page */

typedef float Vector __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))

/* Sum of the lanes. */
INLINE float
sum_lanes(Vector v)
{
	return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

/* Products of GROUP rows with x. */
INLINE void
multiply_group(const float *const *rows, const float *x, int n, float *products)
{
	Vector		sums[GROUP][VECTORS] = {0};
	int			i = 0;

	for (; i + STEP <= n; i += STEP)
	{
		for (int g = 0; g < GROUP; g++)
			__builtin_prefetch(rows[g] + i + AHEAD);
		for (int v = 0; v < VECTORS; v++)
			for (int g = 0; g < GROUP; g++)
				sums[g][v] += *(const Vector *) (rows[g] + i + v * LANES) *
					*(const Vector *) (x + i + v * LANES);
	}
	for (; i + LANES <= n; i += LANES)
		for (int g = 0; g < GROUP; g++)
			sums[g][0] += *(const Vector *) (rows[g] + i) * *(const Vector *) (x + i);
	for (int g = 0; g < GROUP; g++)
		products[g] = sum_lanes(sums[g][0] + sums[g][1]);
	for (; i < n; i++)
		for (int g = 0; g < GROUP; g++)
			products[g] += rows[g][i] * x[i];
}

/* Group by group. */
CLONES void
product_rows(const float *rows, int64_t n_rows, int64_t stride, const float *x, int n,
			 float *products)
{
	for (int64_t first = 0; first < n_rows; first += GROUP)
	{
		const float *group[GROUP];
		float		sums[GROUP];

		for (int64_t g = 0; g < GROUP; g++)
			group[g] = rows + (first + g < n_rows ? first + g : n_rows - 1) * stride;
		multiply_group(group, x, n, sums);
		for (int64_t g = 0; g < GROUP && first + g < n_rows; g++)
			products[first + g] = sums[g];
	}
}
