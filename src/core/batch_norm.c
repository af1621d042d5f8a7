/*
 * batch_norm.c
 *		Batch normalisation.
 */
#include "core/batch_norm.h"

#include <math.h>
#include <string.h>

#include "core/vector.h"

/* Means of the columns. */
static void
column_means(const float *x, int n, int n_units, float *means)
{
	memset(means, 0, (size_t) n_units * sizeof(float));
	for (int i = 0; i < n; i++)
		vector_axpy(1, x + (int64_t) i * n_units, means, n_units);
	vector_scale(1 / (float) n, means, n_units);
}

/* x less the means, and the variances. */
static void
centre(float *x, int n, int n_units, const float *means, float *variances)
{
	memset(variances, 0, (size_t) n_units * sizeof(float));
	for (int i = 0; i < n; i++)
		for (int u = 0; u < n_units; u++)
		{
			float	   *value = x + (int64_t) i * n_units + u;

			*value -= means[u];
			variances[u] += *value * *value;
		}
	vector_scale(1 / (float) n, variances, n_units);
}

/* The first row of y holds the means, and inverse the variances, until they are used. */
void
batch_norm_forward(const BatchNorm *norm, int n, float *x, float *inverse, float *y)
{
	int			n_units = norm->n_units;

	column_means(x, n, n_units, y);
	centre(x, n, n_units, y, inverse);
	for (int u = 0; u < n_units; u++)
	{
		norm->mean[u] += BATCH_NORM_MOMENTUM * (y[u] - norm->mean[u]);
		norm->variance[u] += BATCH_NORM_MOMENTUM * (inverse[u] - norm->variance[u]);
		inverse[u] = 1 / sqrtf(inverse[u] + BATCH_NORM_EPSILON);
	}
	for (int i = 0; i < n; i++)
		for (int u = 0; u < n_units; u++)
		{
			int64_t		at = (int64_t) i * n_units + u;

			x[at] *= inverse[u];
			y[at] = norm->gamma[u] * x[at] + norm->beta[u];
		}
}

/* See the header. */
void
batch_norm_apply(const BatchNorm *norm, int n, float *x)
{
	for (int u = 0; u < norm->n_units; u++)
	{
		float		scale = norm->gamma[u] / sqrtf(norm->variance[u] + BATCH_NORM_EPSILON);

		for (int i = 0; i < n; i++)
		{
			float	   *value = x + (int64_t) i * norm->n_units + u;

			*value = scale * (*value - norm->mean[u]) + norm->beta[u];
		}
	}
}

/*
 * With z normalised: dx = gamma inverse (dy - mean of dy - z mean of (dy z)), the means over
 * the batch.
 */
void
batch_norm_backward(const BatchNorm *norm, int n, const float *normalised, const float *inverse,
					float *dy, float *gamma_gradient, float *beta_gradient, float *sums)
{
	int			n_units = norm->n_units;

	memset(sums, 0, 2 * (size_t) n_units * sizeof(float));
	for (int i = 0; i < n; i++)
		for (int u = 0; u < n_units; u++)
		{
			int64_t		at = (int64_t) i * n_units + u;

			sums[u] += dy[at];
			sums[n_units + u] += dy[at] * normalised[at];
		}
	vector_axpy(1, sums, beta_gradient, n_units);
	vector_axpy(1, sums + n_units, gamma_gradient, n_units);
	vector_scale(1 / (float) n, sums, 2 * n_units);
	for (int i = 0; i < n; i++)
		for (int u = 0; u < n_units; u++)
		{
			int64_t		at = (int64_t) i * n_units + u;

			dy[at] = norm->gamma[u] * inverse[u] *
				(dy[at] - sums[u] - normalised[at] * sums[n_units + u]);
		}
}

/* Each row of the weights and its bias. */
void
batch_norm_merge(const BatchNorm *norm, int n_in, float *numbers)
{
	float	   *biases = numbers + (int64_t) n_in * norm->n_units;

	for (int u = 0; u < norm->n_units; u++)
	{
		float		scale = norm->gamma[u] / sqrtf(norm->variance[u] + BATCH_NORM_EPSILON);

		vector_scale(scale, numbers + (int64_t) u * n_in, n_in);
		biases[u] = scale * (biases[u] - norm->mean[u]) + norm->beta[u];
	}
}
