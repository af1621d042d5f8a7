/*
 * test_points.h: points for the tests of clustering and of principal components.
 */
#ifndef TEST_POINTS_H
#define TEST_POINTS_H

#include <string.h>

#include "core/points.h"
#include "core/rng.h"
#include "test_env.h"
#include "unit.h"

/* n points around n_blobs places, normally distributed with standard deviation `spread`. */
static inline Points
test_blobs(Env *env, uint64_t seed, int64_t n, int32_t n_dims, int n_blobs, double spread)
{
	Points		points = {n, n_dims, env_alloc(env, (size_t) n * (size_t) n_dims, sizeof(double))};
	Rng			rng;

	for (int64_t i = 0; i < n; i++)
	{
		rng_seed(&rng, seed, 1 + (uint64_t) i % (uint64_t) n_blobs);
		for (int32_t g = 0; g < n_dims; g++)
			point(&points, i)[g] = 10 * rng_uniform(&rng);
		rng_seed(&rng, seed, 1000 + (uint64_t) i);
		for (int32_t g = 0; g < n_dims; g++)
			point(&points, i)[g] += spread * rng_normal(&rng);
	}
	return points;
}

/* n points with small integers as coordinates: many are copies, many are equally far. */
static inline Points
test_grid(Env *env, uint64_t seed, int64_t n, int32_t n_dims, int side)
{
	Points		points = {n, n_dims, env_alloc(env, (size_t) n * (size_t) n_dims, sizeof(double))};
	Rng			rng;

	rng_seed(&rng, seed, 0);
	for (int64_t i = 0; i < n * n_dims; i++)
		points.values[i] = (double) rng_below(&rng, (uint64_t) side);
	return points;
}

/* Squared distance of two points. */
static inline double
test_distance(const double *a, const double *b, int32_t n_dims)
{
	double		sum = 0;

	for (int32_t g = 0; g < n_dims; g++)
		sum += (a[g] - b[g]) * (a[g] - b[g]);
	return sum;
}

#endif							/* TEST_POINTS_H */
