/*
 * nn_kernels.c
 *		The hot loops of the architectures of method nn.
 */
#include <math.h>
#include <stddef.h>

#include "core/nn_dot.h"
#include "core/nn_softmax.h"
#include "core/vector.h"

/* The bias is the last number of a row. */
CLONES float
dot_output(const float *restrict user, const float *restrict course, const float *restrict mask,
		   int factors)
{
	float		sum = 0;

	if (mask == NULL)
		for (int f = 0; f < factors; f++)
			sum += user[f] * course[f];
	else
		for (int f = 0; f < factors; f++)
			sum += mask[f] * user[f] * course[f];
	return sum + user[factors] + course[factors];
}

/* See the header; decay and derivative have the weight in them. */
CLONES void
dot_gradients(const float *restrict user, const float *restrict course, const float *restrict mask,
			  int factors, float derivative, float decay, float *restrict user_gradient,
			  float *restrict course_gradient)
{
	for (int f = 0; f < factors; f++)
	{
		float		slope = mask == NULL ? derivative : derivative * mask[f];

		user_gradient[f] = slope * course[f] + decay * user[f];
		course_gradient[f] = slope * user[f] + decay * course[f];
	}
	user_gradient[factors] = derivative + decay * user[factors];
	course_gradient[factors] = derivative + decay * course[factors];
}

/*
 * exp(x) for x <= 0, to 2e-7 of itself: 2^k times a polynomial (Taylor's, in r = x - k ln 2, |r| <= .35).
 * Loops over it become vectors, loops over expf do not.
 */
static inline __attribute__((always_inline)) float
exp_negative(float x)
{
	float		k = rintf(fmaxf(x, -87) * 1.44269504f);
	float		r = fmaxf(x, -87) - k * 0.693145752f - k * 1.42860677e-6f;
	float		p = 1 + r * (1 + r * (0.5f + r * (0.166666667f + r * (0.0416666667f + r *
						(0.00833333333f + r * 0.00138888889f)))));
	union
	{
		int32_t		bits;
		float		value;
	}			power = {.bits = ((int32_t) k + 127) << 23};

	return p * power.value;
}

/* See nn_softmax.h. */
CLONES double
softmax_row(float *x, int64_t n)
{
	float		most = x[0];
	double		sum = 0;
	float		share;

	for (int64_t i = 1; i < n; i++)
		most = x[i] > most ? x[i] : most;
	for (int64_t i = 0; i < n; i++)
		x[i] = exp_negative(x[i] - most);
	for (int64_t i = 0; i < n; i++)
		sum += (double) x[i];
	share = (float) (1 / sum);
	for (int64_t i = 0; i < n; i++)
		x[i] *= share;
	return (double) most + log(sum);
}
