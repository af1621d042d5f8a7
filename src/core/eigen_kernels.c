/*
 * eigen_kernels.c
 *		Inner loop of eigen.h.
 *
 * Rotations mostly come in runs k, k + 1, ...: the second row of one is the
 * first of the next and stays in registers.
 */
#include "core/eigen.h"
#include "core/vector.h"

#define LANES 4					/* doubles of a vector */
#define VECTORS (ROTATION_COLUMNS / LANES)

typedef double Vector __attribute__((vector_size(LANES * sizeof(double)), aligned(8), may_alias));

#define INLINE static inline __attribute__((always_inline))

/* Copies a row. */
INLINE void
move_row(Vector *to, const Vector *from)
{
	for (int v = 0; v < VECTORS; v++)
		to[v] = from[v];
}

/* A row is read and written once in a run. */
CLONES void
rotate_slice(const Rotation *rotations, int64_t n, double *slice)
{
	Vector		second[VECTORS] = {0};
	Vector	   *next = NULL;	/* where second belongs */

	for (int64_t i = 0; i < n; i++)
	{
		Vector	   *row = (Vector *) (slice + (int64_t) rotations[i].k * ROTATION_COLUMNS);
		double		c = rotations[i].c;
		double		s = rotations[i].s;

		if (row != next)
		{
			if (next != NULL)
				move_row(next, second);
			move_row(second, row);
		}
		next = row + VECTORS;
		for (int v = 0; v < VECTORS; v++)
		{
			Vector		below = next[v];

			row[v] = c * second[v] + s * below;
			second[v] = c * below - s * second[v];
		}
	}
	if (next != NULL)
		move_row(next, second);
}
