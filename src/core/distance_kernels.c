/*
 * distance_kernels.c
 *		Squared Euclidean distances: the hot loops of clustering.
 */
#include "core/distance_kernels.h"

#include <math.h>
#include <string.h>

#include "core/vector.h"

/* LANES doubles; in memory they need no alignment beyond that of a double. */
typedef double Lanes __attribute__((vector_size(LANES * sizeof(double)), aligned(8), may_alias));

/* Transposes. */
void
distance_columns(const double *rows, int64_t n, int32_t n_dims, double *columns)
{
	int64_t		n_columns = whole_lanes(n);

	memset(columns, 0, (size_t) (n_columns * n_dims) * sizeof(double));
	for (int64_t i = 0; i < n; i++)
		for (int32_t g = 0; g < n_dims; g++)
			columns[g * n_columns + i] = rows[i * n_dims + g];
}

/* One to many. */
CLONES void
distances_to_columns(const double *x, int32_t n_dims, const double *columns, int64_t n, double *out)
{
	for (int64_t j = 0; j < n; j += LANES)
	{
		const double *column = columns + j;
		Lanes		sum = {0};

		for (int32_t g = 0; g < n_dims; g++, column += n)
		{
			Lanes		difference = x[g] - *(const Lanes *) column;

			sum += difference * difference;
		}
		*(Lanes *) (out + j) = sum;
	}
}

/* One to one. */
CLONES double
distance_between(const double *a, const double *b, int32_t n_dims)
{
	double		sum = 0;

	for (int32_t g = 0; g < n_dims; g++)
	{
		double		difference = a[g] - b[g];

		sum += difference * difference;
	}
	return sum;
}

/* One pass. */
int32_t
nearest_two(const double *distances, int32_t n, double *least, double *second)
{
	int32_t		nearest = 0;

	*least = distances[0];
	*second = INFINITY;
	for (int32_t j = 1; j < n; j++)
	{
		if (distances[j] < *least)
		{
			*second = *least;
			*least = distances[j];
			nearest = j;
		}
		else if (distances[j] < *second)
			*second = distances[j];
	}
	return nearest;
}

/* Distances, cut, added. */
CLONES void
add_limited_distances(const double *x, int32_t n_dims, const double *columns, int64_t n,
					  double limit, double *out, double *sums)
{
	distances_to_columns(x, n_dims, columns, n, out);
	for (int64_t j = 0; j < n; j++)
		sums[j] += out[j] < limit ? out[j] : limit;
}

/* Roots. */
CLONES double
sum_of_roots(const double *squares, int64_t n)
{
	double		sum = 0;

	for (int64_t j = 0; j < n; j++)
		sum += sqrt(squares[j]);
	return sum;
}
