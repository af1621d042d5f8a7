/*
 * nn_kernels.c
 *		The hot loops of the architectures of method nn.
 */
#include <math.h>
#include <stddef.h>

#include "core/nn_dot.h"
#include "core/nn_neumf.h"
#include "core/nn_pairs.h"
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
 * Tiles: courses are the lanes of vectors, so no sum runs across them; GROUP outputs are computed together, so
 * that each vector that is read serves as many sums.
 */
#define LANES 8
#define VECTORS (FOLD_TILE / LANES)
#define GROUP 4

typedef float Vector __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))

/*
 * out[g] (a row of a tile each) = start[g] + sum over j < n of weights[g * across + j * along] times row j of x,
 * for n_group <= GROUP of them.
 */
INLINE void
multiply_tile(int n_group, const float *start, const float *weights, int64_t across, int64_t along, int n,
			  const float *x, float *out)
{
	Vector		sums[GROUP][VECTORS] = {0};

	for (int j = 0; j < n; j++)
		for (int v = 0; v < VECTORS; v++)
			for (int g = 0; g < n_group; g++)
				sums[g][v] += weights[g * across + j * along] *
					((const Vector *) (x + (int64_t) j * FOLD_TILE))[v];
	for (int g = 0; g < n_group; g++)
		for (int v = 0; v < VECTORS; v++)
			((Vector *) (out + (int64_t) g * FOLD_TILE))[v] = sums[g][v] + (start == NULL ? 0 : start[g]);
}

/* The same for all n_out outputs. */
INLINE void
multiply_tiles(int n_out, const float *start, const float *weights, int64_t across, int64_t along, int n,
			   const float *x, float *out)
{
	int			o = 0;

	for (; o + GROUP <= n_out; o += GROUP)
		multiply_tile(GROUP, start == NULL ? NULL : start + o, weights + o * across, across, along, n, x,
					  out + (int64_t) o * FOLD_TILE);
	for (; o < n_out; o++)
		multiply_tile(1, start == NULL ? NULL : start + o, weights + o * across, across, along, n, x,
					  out + (int64_t) o * FOLD_TILE);
}

/* See nn_neumf.h. */
CLONES void
neumf_tile_first(int n, const float *const *courses, const float *restrict user, float *restrict y)
{
	for (int o = 0; o < n; o++)
		for (int i = 0; i < FOLD_TILE; i++)
		{
			float		sum = courses[i][o] + user[o];

			y[o * FOLD_TILE + i] = sum > 0 ? sum : 0;
		}
}

/* See nn_neumf.h. */
CLONES void
neumf_tile_layer(const float *numbers, int n_in, int n_out, const float *x, float *y)
{
	multiply_tiles(n_out, numbers + (int64_t) n_in * n_out, numbers, n_in, 1, n_in, x, y);
	for (int o = 0; o < n_out * FOLD_TILE; o++)
		y[o] = y[o] > 0 ? y[o] : 0;
}

/* See nn_neumf.h. */
CLONES void
neumf_tile_layer_back(const float *numbers, int n_in, int n_out, const float *dy, const float *x, float *dx)
{
	multiply_tiles(n_in, NULL, numbers, 1, n_in, n_out, dy, dx);
	for (int j = 0; j < n_in * FOLD_TILE; j++)
		dx[j] = x[j] > 0 ? dx[j] : 0;
}

/* See nn_neumf.h. */
CLONES void
neumf_tile_sums(int n, const float *x, float *sums)
{
	for (int o = 0; o < n; o++)
	{
		float		sum = 0;

		for (int i = 0; i < FOLD_TILE; i++)
			sum += x[o * FOLD_TILE + i];
		sums[o] += sum;
	}
}

/*
 * exp(x) for x <= 0, to 2e-7 of itself: 2^k times a polynomial (Taylor's, in r = x - k ln 2, |r| <= .35).
 * Loops over it become vectors; loops over expf, or fmaxf, do not.
 */
INLINE float
exp_negative(float x)
{
	float		least = x > -87 ? x : -87;
	float		k = rintf(least * 1.44269504f);
	float		r = least - k * 0.693145752f - k * 1.42860677e-6f;
	float		p = 1 + r * (1 + r * (0.5f + r * (0.166666667f + r * (0.0416666667f + r *
						(0.00833333333f + r * 0.00138888889f)))));
	union
	{
		int32_t		bits;
		float		value;
	}			power = {.bits = ((int32_t) k + 127) << 23};

	return p * power.value;
}

/* ln(1 + e) for 0 <= e <= 1, to 1e-7 of itself: 2 artanh(s), s = e / (2 + e), by its series. */
INLINE float
log_one_plus(float e)
{
	float		s = e / (2 + e);
	float		q = s * s;

	return 2 * s * (1 + q * (0.333333333f + q * (0.2f + q * (0.142857143f + q * (0.111111111f + q *
						(0.0909090909f + q * 0.0769230769f))))));
}

/* See nn_pairs.h. */
CLONES float
ranking_losses(int64_t n, const float *restrict outputs, const float *restrict targets,
			   const float *restrict weights, float *restrict derivatives)
{
	float		sum = 0;

	for (int64_t i = 0; i < n; i++)
	{
		float		sign = 1 - 2 * targets[i];
		float		away = sign * outputs[i];
		float		e = exp_negative(-fabsf(away));

		sum += weights[i] * ((away + fabsf(away)) / 2 + log_one_plus(e));
		derivatives[i] = weights[i] * sign * (away > 0 ? 1 : e) / (1 + e);
	}
	return sum;
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
