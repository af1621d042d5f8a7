/*
 * pca.h
 *		Principal components: the directions in which points vary most.
 *
 * The components are the eigenvectors of the covariance matrix C = X'X / (n - 1) of centred points, by
 * descending eigenvalue; an eigenvalue is the variance along its component, and the eigenvalues add up to
 * the sum of the variances of all coordinates (Jolliffe, "Principal Component Analysis", 2002).  Points
 * that were divided by their population deviation (by n) before have n / (n - 1) on the diagonal of C.
 *
 * Signs: the loading of greatest absolute value, the first of equal ones, is positive.
 *
 * O(n d^2 + d^3) time, by BLAS and eigen.c; 24 d^2 bytes, no copy of the points.
 */
#ifndef CORE_PCA_H
#define CORE_PCA_H

#include "core/points.h"

#define PCA_MAX_DIMS 4096		/* coordinates */

typedef struct Pca
{
	int32_t		n_components;	/* kept */
	int32_t		n_dims;
	double	   *components;		/* n_dims x n_dims, row = component, the most variance first */
	double	   *variances;		/* of all n_dims components */
	double		total;			/* sum of all variances; 0 when all points are the same */
} Pca;

/*
 * Components of centred points; those of one point have no variance.  n_components: at least 1: so many; below 1: as many as it
 * takes for this share of the total variance, at least one.  RECSYS_BAD_ARGUMENT for a count that is no
 * integer or beyond the number of coordinates, and for a share that is not above 0;
 * RECSYS_OVER_LIMIT beyond PCA_MAX_DIMS; RECSYS_UNSUPPORTED without OpenBLAS.
 */
extern RecsysStatus pca_fit(Env *env, const Points *points, double n_components, Pca *pca);

/* out[j] = component j . x, for the components kept. */
extern void pca_project(int32_t n_components, int32_t n_dims, const double *components,
						const double *x, double *out);

/* Is this a valid n_components of points with n_dims coordinates?  Fails as pca_fit does. */
extern RecsysStatus pca_check_components(Env *env, double n_components, int32_t n_dims);

/* Bytes held by pca_fit at its peak, its result included. */
extern double pca_bytes(double n_dims);

#endif							/* CORE_PCA_H */
