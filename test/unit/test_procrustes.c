/*
 * test_procrustes.c: the nearest rotation: known ones are found again, nothing else is nearer, what has no length is
 * completed.
 */
#include <math.h>
#include <string.h>

#include "core/blas.h"
#include "core/procrustes.h"
#include "core/rng.h"
#include "test_env.h"
#include "unit.h"

#define MOST 12

/* A matrix of normal numbers. */
static void
draw(Rng *rng, int rows, int n, double *matrix)
{
	for (int i = 0; i < rows * n; i++)
		matrix[i] = rng_normal(rng);
}

/* out = a' b of two matrices of `rows` rows. */
static void
multiply(int rows, int n, const double *a, const double *b, double *out)
{
	memset(out, 0, (size_t) (n * n) * sizeof(double));
	for (int r = 0; r < rows; r++)
		for (int i = 0; i < n; i++)
			for (int j = 0; j < n; j++)
				out[i * n + j] += a[r * n + i] * b[r * n + j];
}

/* Sum of |a_r R - b_r|^2. */
static double
distance(int rows, int n, const double *a, const double *rotation, const double *b)
{
	double		sum = 0;

	for (int r = 0; r < rows; r++)
		for (int j = 0; j < n; j++)
		{
			double		turned = 0;

			for (int i = 0; i < n; i++)
				turned += a[r * n + i] * rotation[i * n + j];
			sum += pow(turned - b[r * n + j], 2);
		}
	return sum;
}

/* R' R is the identity. */
static void
check_orthogonal(int n, const double *rotation)
{
	double		product[MOST * MOST];

	multiply(n, n, rotation, rotation, product);
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			CHECK_NEAR(product[i * n + j], i == j, 1e-9);
}

/* A random orthogonal matrix: planes turned one after the other, one axis mirrored. */
static void
draw_rotation(Rng *rng, int n, double *rotation)
{
	memset(rotation, 0, (size_t) (n * n) * sizeof(double));
	for (int i = 0; i < n; i++)
		rotation[i * n + i] = i == 0 ? -1 : 1;
	for (int i = 0; i < n; i++)
		for (int j = i + 1; j < n; j++)
		{
			double		angle = 6.3 * rng_uniform(rng);

			for (int r = 0; r < n; r++)
			{
				double		x = rotation[r * n + i];
				double		y = rotation[r * n + j];

				rotation[r * n + i] = cos(angle) * x + sin(angle) * y;
				rotation[r * n + j] = cos(angle) * y - sin(angle) * x;
			}
		}
}

/* b = a R. */
static void
turn(int rows, int n, const double *a, const double *rotation, double *b)
{
	for (int r = 0; r < rows; r++)
		for (int j = 0; j < n; j++)
		{
			b[r * n + j] = 0;
			for (int i = 0; i < n; i++)
				b[r * n + j] += a[r * n + i] * rotation[i * n + j];
		}
}

/* Vectors turned by a rotation are turned back, also when they are very long or short. */
static void
test_known(void)
{
	static const double scales[] = {1, 1e-120, 1e120};
	Env		   *env = test_env();
	Rng			rng;

	rng_seed(&rng, 1, 0);
	CHECK_EQ_INT(blas_open(env), RECSYS_OK);
	for (int n = 1; n <= MOST; n++)
		for (int s = 0; s < 3; s++)
		{
			double		a[40 * MOST];
			double		b[40 * MOST];
			double		wanted[MOST * MOST];
			double		products[MOST * MOST];
			double		rotation[MOST * MOST];

			draw(&rng, 40, n, a);
			draw_rotation(&rng, n, wanted);
			turn(40, n, a, wanted, b);
			multiply(40, n, a, b, products);
			for (int i = 0; i < n * n; i++)
				products[i] *= scales[s];
			CHECK_EQ_INT(procrustes(env, n, products, rotation), RECSYS_OK);
			for (int i = 0; i < n * n; i++)
				CHECK_NEAR(rotation[i], wanted[i], 1e-7);
			check_orthogonal(n, rotation);
		}
	env_free_all(env);
	test_env_done(env);
}

/* With noise, no other orthogonal matrix near by or far away brings them closer. */
static void
test_nearest(void)
{
	Env		   *env = test_env();
	Rng			rng;

	rng_seed(&rng, 2, 0);
	CHECK_EQ_INT(blas_open(env), RECSYS_OK);
	for (int n = 2; n <= 6; n++)
	{
		double		a[20 * MOST];
		double		b[20 * MOST];
		double		products[MOST * MOST];
		double		rotation[MOST * MOST];
		double		other[MOST * MOST];

		draw(&rng, 20, n, a);
		draw(&rng, 20, n, b);
		multiply(20, n, a, b, products);
		CHECK_EQ_INT(procrustes(env, n, products, rotation), RECSYS_OK);
		check_orthogonal(n, rotation);
		for (int t = 0; t < 200; t++)
		{
			draw_rotation(&rng, n, other);
			CHECK(distance(20, n, a, rotation, b) <= distance(20, n, a, other, b));
			memcpy(other, rotation, sizeof(other));
			for (int r = 0; r < n; r++)
			{
				double		x = rotation[r * n];
				double		y = rotation[r * n + 1 + t % (n - 1)];

				other[r * n] = x * cos(0.001 * t) + y * sin(0.001 * t);
				other[r * n + 1 + t % (n - 1)] = y * cos(0.001 * t) - x * sin(0.001 * t);
			}
			CHECK(distance(20, n, a, rotation, b) <= distance(20, n, a, other, b) + 1e-9);
		}
	}
	env_free_all(env);
	test_env_done(env);
}

/*
 * Fewer rows than directions: what the rows say is found, the rest is some rotation. Nothing at all stays where it is; what
 * is not finite is refused.
 */
static void
test_deficient(void)
{
	Env		   *env = test_env();
	Rng			rng;
	double		rotation[MOST * MOST];
	double		products[MOST * MOST] = {0};

	rng_seed(&rng, 3, 0);
	CHECK_EQ_INT(blas_open(env), RECSYS_OK);
	for (int rows = 1; rows < 8; rows++)
	{
		double		a[MOST * MOST];
		double		b[MOST * MOST];
		double		wanted[MOST * MOST];

		draw(&rng, rows, 8, a);
		draw_rotation(&rng, 8, wanted);
		turn(rows, 8, a, wanted, b);
		multiply(rows, 8, a, b, products);
		CHECK_EQ_INT(procrustes(env, 8, products, rotation), RECSYS_OK);
		check_orthogonal(8, rotation);
		CHECK_NEAR(distance(rows, 8, a, rotation, b), 0, 1e-9);
	}
	memset(products, 0, sizeof(products));
	CHECK_EQ_INT(procrustes(env, 5, products, rotation), RECSYS_OK);
	for (int i = 0; i < 25; i++)
		CHECK_NEAR(rotation[i], i % 6 == 0, 1e-12);
	products[3 * 5 + 3] = 2;
	CHECK_EQ_INT(procrustes(env, 5, products, rotation), RECSYS_OK);
	for (int i = 0; i < 25; i++)
		CHECK_NEAR(rotation[i], i % 6 == 0, 1e-12);
	products[1] = NAN;
	CHECK_EQ_INT(procrustes(env, 5, products, rotation), RECSYS_NOT_CONVERGED);
	env_free_all(env);
	test_env_done(env);
}

/* A row times the matrix. */
static void
test_turn(void)
{
	static const double rotation[] = {0, 1, -1, 0};
	float		x[2] = {3, 4};
	double		work[2];

	procrustes_turn(2, rotation, x, work);
	CHECK_NEAR(x[0], -4, 0);
	CHECK_NEAR(x[1], 3, 0);
}

/* No memory and cancel; the bytes held are those told. */
static void
test_failures(void)
{
	Env		   *env = test_env();
	RecsysStatus status = RECSYS_NO_MEMORY;
	double		products[MOST * MOST];
	double		rotation[MOST * MOST];
	Rng			rng;
	int			n = 0;

	rng_seed(&rng, 4, 0);
	draw(&rng, MOST, MOST, products);
	CHECK_EQ_INT(blas_open(env), RECSYS_OK);
	env->memory_peak = env->memory_used;
	CHECK_EQ_INT(procrustes(env, MOST, products, rotation), RECSYS_OK);
	CHECK((double) env->memory_peak <= procrustes_bytes(MOST) + 1024);
	CHECK_EQ_INT(env->memory_used, 0);
	for (; n < 100 && status == RECSYS_NO_MEMORY; n++)
	{
		test_env_fail_after(env, n);
		status = procrustes(env, MOST, products, rotation);
	}
	CHECK(n > 5 && status == RECSYS_OK);
	test_env_fail_after(env, -1);
	test_env_interrupt_after(env, 1);
	CHECK_EQ_INT(procrustes(env, MOST, products, rotation), RECSYS_INTERRUPTED);
	env_free_all(env);
	test_env_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_known);
	RUN(test_nearest);
	RUN(test_deficient);
	RUN(test_turn);
	RUN(test_failures);
	return unit_done();
}
