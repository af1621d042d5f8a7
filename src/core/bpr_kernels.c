/*
 * bpr_kernels.c
 *		One step of stochastic gradient descent for Bayesian personalised ranking.
 */
#include "core/bpr_kernels.h"

#include <math.h>

#include "core/vector.h"

/* x . (a - b). */
static inline __attribute__((always_inline)) float
difference(const float *x, const float *a, const float *b, int n)
{
	float		sum = 0;

	for (int i = 0; i < n; i++)
		sum += x[i] * (a[i] - b[i]);
	return sum;
}

/* Derivative of -ln sigmoid(d), with its sign turned: 1 - sigmoid(d). */
static inline float
gradient(float d)
{
	return 1 / (1 + expf(d));
}

/* All from the values before the step. */
CLONES double
bpr_step(const BprStep *step, float *restrict x, float *restrict taken, float *restrict other,
		 float *taken_bias, float *other_bias)
{
	int			n = step->n_factors;
	float		d = difference(x, taken, other, n) + *taken_bias - *other_bias;
	float		rate = step->learning_rate;
	float		keep = 1 - rate * step->regularization;
	float		move = rate * step->weight * gradient(d);

	for (int i = 0; i < n; i++)
	{
		float		user = x[i];
		float		gap = taken[i] - other[i];

		x[i] = keep * user + move * gap;
		taken[i] = keep * taken[i] + move * user;
		other[i] = keep * other[i] - move * user;
	}
	*taken_bias = keep * *taken_bias + move;
	*other_bias = keep * *other_bias - move;
	return d > 0 ? log1p(exp(-(double) d)) : log1p(exp((double) d)) - (double) d;
}

/* The user's third of it. */
CLONES void
bpr_user_step(const BprStep *step, float *restrict x, const float *restrict taken,
			  const float *restrict other, float bias_difference)
{
	int			n = step->n_factors;
	float		d = difference(x, taken, other, n) + bias_difference;
	float		keep = 1 - step->learning_rate * step->regularization;
	float		move = step->learning_rate * step->weight * gradient(d);

	for (int i = 0; i < n; i++)
		x[i] = keep * x[i] + move * (taken[i] - other[i]);
}
