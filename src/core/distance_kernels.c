/*
 * distance_kernels.c
 *		Squared Euclidean distances: the hot loops of clustering.
 */
#include "core/distance_kernels.h"

#include <math.h>
#include <string.h>

#include "core/vector.h"

/*
 * Half of the lanes: what a register of x86-64-v3 holds (a type wider than the registers would be kept in
 * memory).  It needs no more alignment than a double.
 */
typedef double Half __attribute__((vector_size(LANES / 2 * sizeof(double)), aligned(8), may_alias));

#define HALF (LANES / 2)

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

/* *sum += (x - the coordinate of half of the lanes)^2 */
static inline __attribute__((always_inline)) void
add_squares(double x, const double *column, Half *sum)
{
	Half		difference = x - *(const Half *) column;

	*sum += difference * difference;
}

/* One to many, twice the lanes at a time while there are as many: four sums hide the time of an addition. */
CLONES void
distances_to_columns(const double *x, int32_t n_dims, const double *columns, int64_t n, double *out)
{
	int64_t		j = 0;

	for (; j + 2 * LANES <= n; j += 2 * LANES)
	{
		const double *column = columns + j;
		Half		a = {0};
		Half		b = {0};
		Half		c = {0};
		Half		d = {0};

		for (int32_t g = 0; g < n_dims; g++, column += n)
		{
			add_squares(x[g], column, &a);
			add_squares(x[g], column + HALF, &b);
			add_squares(x[g], column + 2 * HALF, &c);
			add_squares(x[g], column + 3 * HALF, &d);
		}
		*(Half *) (out + j) = a;
		*(Half *) (out + j + HALF) = b;
		*(Half *) (out + j + 2 * HALF) = c;
		*(Half *) (out + j + 3 * HALF) = d;
	}
	for (; j < n; j += LANES)
	{
		const double *column = columns + j;
		Half		a = {0};
		Half		b = {0};

		for (int32_t g = 0; g < n_dims; g++, column += n)
		{
			add_squares(x[g], column, &a);
			add_squares(x[g], column + HALF, &b);
		}
		*(Half *) (out + j) = a;
		*(Half *) (out + j + HALF) = b;
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
