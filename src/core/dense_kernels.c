/*
 * dense_kernels.c
 *		The hot loops of dense layers beside the products: see dense_layers.h.
 */
#include "core/dense_layers.h"
#include "core/vector.h"

/* What is left out becomes 0, as what is below it. */
CLONES void
relu_forward(float *x, int64_t n, float dropout, Rng *rng)
{
	for (int64_t i = 0; i < n; i++)
		x[i] = x[i] > 0 ? x[i] : 0;
	for (int64_t i = 0; dropout > 0 && i < n; i++)
		x[i] = rng_uniform(rng) < (double) dropout ? 0 : x[i] / (1 - dropout);
}

/* What became 0 passes nothing. */
CLONES void
relu_backward(const float *restrict x, float *restrict dx, int64_t n, float dropout)
{
	float		kept = 1 / (1 - dropout);

	for (int64_t i = 0; i < n; i++)
		dx[i] = x[i] > 0 ? dx[i] * kept : 0;
}
