/*
 * svd_common.h
 *		Factors of courses and users learnt from observed ratings: what the solvers
 *		of method svd (svd_sgd.c, svd_implicit.c, svd_als.c), its fold-in
 *		(svd_ridge.c) and methods/svd.c share.
 *
 *		rating of c by u = mean + deviation (b_u + b_c + x_u . q_c)
 *		x_u = p_u,  or with implicit terms  p_u + |N_u|^(-1/2) sum over j in N_u of y_j
 *
 * N_u are the courses that u rated.  mean and deviation are those of all ratings,
 * so that parameters mean the same on a scale of 1 to 5 and of 0 to 100.  With
 * e = (rating - mean) / deviation - b_u - b_c - x_u . q_c and w the weight of a
 * rating by its age (1 without half-life), every solver minimises
 *
 *		sum over ratings of w (e^2 + reg (b_u^2 + |p_u|^2 + b_c^2 + |q_c|^2))
 *		+ reg_y sum over ratings, and over the j in N_u of each, of w |y_j|^2
 *
 * The regularisation counts once a rating, so a user with twice the ratings is
 * held twice as hard: that is what a step of stochastic gradient descent does, and
 * what "weighted-lambda" alternating least squares does (Zhou et al., 2008).
 */
#ifndef CORE_SVD_COMMON_H
#define CORE_SVD_COMMON_H

#include "core/svd_kernels.h"
#include "core/trainingset.h"

#define SVD_FACTORS_MAX 512

typedef enum SvdSolver
{
	SVD_SGD,
	SVD_ALS
} SvdSolver;

/* What the solvers are told. */
typedef struct SvdOptions
{
	int			factors;
	int			iterations;
	double		learning_rate;	/* of the first epoch; it falls linearly to 0 */
	double		regularization; /* reg, above 0 */
	double		implicit_regularization;	/* reg_y */
	double		init_std_dev;
	double		tolerance;		/* als: least relative gain of a sweep that another one follows */
	double		half_life;		/* seconds; NAN: ratings do not age */
	uint64_t	random_state;
} SvdOptions;

/*
 * What they find.  A row has `stride` floats: the factors, a 1 (which makes the bias
 * one more factor for the fold-in), zeros.  While gradient descent runs there is a 0 in
 * place of the 1: svd_finish_rows.
 */
typedef struct SvdFactors
{
	int			factors;
	int			stride;
	double		mean;
	double		deviation;		/* 1 when all ratings are equal */
	float	   *user_bias;
	float	   *user_factors;	/* p_u; freed before the model is written */
	float	   *course_bias;
	float	   *course_factors; /* q_c; zero for courses without ratings, and so is the bias */
	float	   *implicit;		/* y_c, or NULL */
} SvdFactors;

/* Factors rounded up to what the kernels take at a time. */
static inline int
svd_width(int factors)
{
	return (factors + SGD_LANES - 1) / SGD_LANES * SGD_LANES;
}

/* Floats of a row: factors and the 1, rounded up to lines of the cache. */
static inline int
svd_stride(int factors)
{
	return (factors + 16) / 16 * 16;
}

/* A rating as the solvers see it. */
static inline float
svd_target(const SvdFactors *model, float rating)
{
	return (float) ((rating - model->mean) / model->deviation);
}

/* Allocates everything; factors of courses are random, the rest is zero. */
extern RecsysStatus svd_init(Env *env, const TrainingSet *set, const SvdOptions *options,
							 bool implicit, SvdFactors *model);
extern void svd_free_users(Env *env, SvdFactors *model);

/*
 * Fails with RECSYS_NOT_CONVERGED when a loss is not finite or a hundred times that of predicting the
 * mean; logs it otherwise.  Losses are means over the weights of all ratings.
 */
extern RecsysStatus svd_log(Env *env, const SvdOptions *options, int iteration, double squared_error,
							double penalty);

/* The rows of one side while gradient descent runs. */
typedef struct SvdRows
{
	int32_t		n;
	int			stride;
	float	   *rows;
	float	   *scale;			/* of each row: it stands for scale x row; NULL: 1 each */
	float	   *bias;			/* of each row, or NULL */
	float	   *weights;		/* of all ratings of each row */
} SvdRows;

/* Multiplies the rows by their scales and puts the 1 in. */
extern RecsysStatus svd_finish_rows(Env *env, const SvdRows *side, int factors);

/* Fills weights[n_rows]: sum of the weights by age of each row's ratings. */
extern RecsysStatus svd_row_weights(Env *env, const Csr *ratings, int64_t last_time,
									double half_life, float *weights);

/* *sum += sum over rows of weight (|scale row|^2 + bias^2), on several threads. */
extern RecsysStatus svd_penalty(Env *env, const SvdRows *side, double *sum);

/* Stochastic gradient descent on several threads. */
extern RecsysStatus svd_fit_sgd(Env *env, const TrainingSet *set, const SvdOptions *options,
								SvdFactors *model);

/* Bytes that it takes beside the rows and biases; ages: half_life and times are there. */
extern double svd_sgd_bytes(int64_t n_users, int64_t n_courses, int64_t n_ratings, int factors,
							bool ages);

/* The same with implicit terms, on one thread. */
extern RecsysStatus svd_fit_implicit(Env *env, const TrainingSet *set, const SvdOptions *options,
									 SvdFactors *model);

/* Alternating least squares. */
extern RecsysStatus svd_fit_als(Env *env, const TrainingSet *set, const SvdOptions *options,
								SvdFactors *model);

#endif							/* CORE_SVD_COMMON_H */
