/*
 * distance_kernels.c
 *		Squared Euclidean distances: the hot loops of clustering.
 */
#include "core/distance_kernels.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/vector.h"

/*
 * Half of the lanes: what a register of x86-64-v3 holds (a type wider than the registers would be kept in
 * memory).  It needs no more alignment than a double.
 */
typedef double Half __attribute__((vector_size(LANES / 2 * sizeof(double)), aligned(8), may_alias));

/* Of each lane all bits or none, or a number. */
typedef int64_t HalfMask __attribute__((vector_size(LANES / 2 * sizeof(double)), aligned(8), may_alias));

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

/* The two least numbers so far, and where the least one is. */
typedef struct Nearest
{
	double		least;
	double		second;
	int64_t		place;
} Nearest;

/* Takes one more; of equal ones the first place wins. */
static inline __attribute__((always_inline)) void
look_at(Nearest *nearest, double distance, int64_t place)
{
	bool		wins = distance < nearest->least ||
		(distance == nearest->least && place < nearest->place);

	if (wins)
	{
		nearest->second = nearest->least;
		nearest->least = distance;
		nearest->place = place;
	}
	else if (distance < nearest->second)
		nearest->second = distance;
}

/* *to = *from in the lanes where the mask is set. */
static inline __attribute__((always_inline)) void
choose(const HalfMask *mask, const void *from, void *to)
{
	*(HalfMask *) to = (*mask & *(const HalfMask *) from) | (~*mask & *(HalfMask *) to);
}

/* The two least of each lane, then of the lanes and what is left. */
CLONES int32_t
nearest_two(const double *distances, int32_t n, double *least, double *second)
{
	Nearest		nearest = {INFINITY, INFINITY, INT64_MAX};
	Half		leasts = {INFINITY, INFINITY, INFINITY, INFINITY};
	Half		seconds = leasts;
	HalfMask	places = {0, 1, 2, 3};
	HalfMask	place = places;
	int32_t		j = 0;

	for (; j + HALF <= n; j += HALF, place += HALF)
	{
		Half		d = *(const Half *) (distances + j);
		HalfMask	wins = d < leasts;
		HalfMask	between = d < seconds;

		choose(&between, &d, &seconds);
		choose(&wins, &leasts, &seconds);
		choose(&wins, &d, &leasts);
		choose(&wins, &place, &places);
	}
	for (int lane = 0; lane < HALF && j > 0; lane++)
		look_at(&nearest, leasts[lane], places[lane]);
	for (int lane = 0; lane < HALF && j > 0; lane++)
		if (seconds[lane] < nearest.second)
			nearest.second = seconds[lane];
	for (; j < n; j++)
		look_at(&nearest, distances[j], j);
	*least = nearest.least;
	*second = nearest.second;
	return nearest.place < n ? (int32_t) nearest.place : 0;	/* not so when all are NaN */
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
