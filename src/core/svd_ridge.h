/*
 * svd_ridge.h
 *		One row of the model svd, given the other side: a ridge regression.
 *
 * With the rows z_i = (factors, 1) of the other side, t_i the normalised rating less
 * the bias of the other side and less shift . factors, w_i the weight by age, the
 * (p, b) of smallest
 *
 *		sum over i of w_i (t_i - (p, b) . z_i)^2 + reg (sum of w_i) |(p, b)|^2
 *
 * It is a half-step of alternating least squares, and the fold-in of a user from the
 * ratings of the moment: p and b minimise the objective of svd_common.h exactly, with all else
 * fixed.  Solved in the smaller of the number of ratings n and of factors + 1 = m:
 *
 *		(Z'WZ + reg sum w I) x = Z'W t			n m^2 / 2 + m^3 / 6 multiply-adds
 *		x = Z'S (S Z Z' S + reg sum w I)^-1 S t	n^2 m / 2 + n^3 / 6, S = W^(1/2)
 *
 * With dropout (method nn) the loss is its mean over all ways to leave out each product of factors p_f z_f with
 * probability d and to divide the others by 1 - d: the diagonal of Z'WZ times 1 / (1 - d), but for
 * the last number.  Then always in the first form.
 */
#ifndef CORE_SVD_RIDGE_H
#define CORE_SVD_RIDGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

/* The side that is fixed. */
typedef struct RidgeSide
{
	int			factors;
	int64_t		stride;
	const float *rows;			/* factors, then a 1 */
	const float *bias;
	const float *shift;			/* `factors` floats, or NULL */
	double		mean;
	double		deviation;
	double		regularization;
	double		half_life;		/* seconds, or NAN */
	int64_t		last_time;
	double		dropout;		/* of the products of factors; 0: none */
} RidgeSide;

/* Ratings that each name a row of it. */
typedef struct RidgeRatings
{
	int64_t		n;
	const int32_t *indexes;
	const float *values;
	const int64_t *times;		/* or NULL */
} RidgeRatings;

/* Memory for one solution. */
typedef struct RidgeWork
{
	float	   *matrix;			/* m x m */
	float	   *right;			/* m */
	float	   *solver;			/* for spd_solve */
	const float **rows;			/* m */
	float	   *weights;		/* m */
	size_t		bytes;			/* in all */
} RidgeWork;

/* Cuts memory, at a 64-byte boundary, into its parts; memory may be NULL to learn the size. */
extern RidgeWork ridge_work(int factors, void *memory);

/* Fills row[factors + 1] with (p, b); zeros without ratings.  Leaves the work memory dirty. */
extern void ridge_solve(const RidgeSide *side, const RidgeRatings *ratings, const RidgeWork *work,
						float *row);

/*
 * The two halves of the first form, for many ratings: adds the ratings begin .. end - 1 to
 * matrix, right and *weight, which start at zero; then solves into row.
 */
extern void ridge_add(const RidgeSide *side, const RidgeRatings *ratings, int64_t begin, int64_t end,
					  const RidgeWork *work, double *weight);
extern void ridge_finish(const RidgeSide *side, const RidgeWork *work, double weight, float *row);

/* Adds reg * weight to the diagonal and leaves the Cholesky factor in matrix; false when singular. */
extern bool ridge_factor(const RidgeSide *side, const RidgeWork *work, double weight);

/* t_i and w_i of one rating. */
extern float ridge_target(const RidgeSide *side, const RidgeRatings *ratings, int64_t i);
extern float ridge_weight(const RidgeSide *side, const RidgeRatings *ratings, int64_t i);

#endif							/* CORE_SVD_RIDGE_H */
