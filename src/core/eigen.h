/*
 * eigen.h
 *		Eigenvalues and eigenvectors of a symmetric matrix, in steps that can be
 *		interrupted.
 */
#ifndef CORE_EIGEN_H
#define CORE_EIGEN_H

#include "core/env.h"

/*
 * matrix (n x n, row-major): all of a symmetric matrix before, its orthonormal
 * eigenvectors in the rows afterwards; values[n]: the eigenvalues, ascending.
 * RECSYS_NOT_CONVERGED when elements are not finite.  Needs blas_open.
 */
extern RecsysStatus eigen_symmetric(Env *env, int n, double *matrix, double *values);

/* Bytes that it holds at its peak beside the matrix and the values. */
extern double eigen_bytes(double n);

/* Turns rows k and k + 1 of a matrix: a, b become c a + s b, c b - s a. */
typedef struct Rotation
{
	int32_t		k;
	double		c;
	double		s;
} Rotation;

#define ROTATION_COLUMNS 16		/* of a slice */

/* The inner loop: applies rotations one after the other to rows of ROTATION_COLUMNS. */
extern void rotate_slice(const Rotation *rotations, int64_t n, double *slice);

#endif							/* CORE_EIGEN_H */
