/*
 * adam_kernels.c
 *		The hot loop of the optimiser Adam.
 */
#include <math.h>

#include "core/adam.h"
#include "core/vector.h"

/* See adam.h. */
CLONES void
adam_step(float *restrict x, float *restrict moments, const float *restrict gradient, int64_t n,
		  float rate)
{
	float	   *restrict first = moments;
	float	   *restrict second = moments + n;

	for (int64_t i = 0; i < n; i++)
	{
		float		m = ADAM_BETA1 * first[i] + (1 - ADAM_BETA1) * gradient[i];
		float		v = ADAM_BETA2 * second[i] + (1 - ADAM_BETA2) * gradient[i] * gradient[i];

		first[i] = m;
		second[i] = v;
		x[i] -= rate * m / (sqrtf(v) + ADAM_EPSILON);
	}
}
