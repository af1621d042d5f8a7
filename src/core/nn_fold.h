/*
 * nn_fold.h
 *		The user of the moment for networks of pairs without a closed form, and what
 *		serving by them shares.
 *
 * The user x is where the user's own objective is least, everything else frozen:
 *
 *		mean over the samples of w loss(output(x, course), target) + weight_decay |x|^2
 *
 * which is its share of the objective of training (nn_pairs.h) without dropout.  The samples are the
 * rows of the history, weighted by age; for ranking `negatives` times their weight goes to the courses
 * not taken: to all rated ones, or when there are more than the network can look at, to so many of
 * them at equal distances.
 *
 * The search is L-BFGS (lbfgs.h) from the mean of the trained users.  With outputs that are
 * linear in x (dot) the objective has one minimum; through layers with ReLU (neumf) the search finds the one
 * that lies downhill.  It ends when a step gains next to nothing, after FOLD_EVALUATIONS
 * evaluations at the latest.  The same rows give the same user.
 *
 * Courses are worked on FOLD_TILE at a time, side by side in the registers of the machine.
 */
#ifndef CORE_NN_FOLD_H
#define CORE_NN_FOLD_H

#include "core/nn.h"

#define FOLD_EVALUATIONS 30
#define FOLD_COURSES 2048		/* most courses that stand for those not taken */
#define FOLD_TILE 16

/* Courses that stand for those not taken, ascending. */
typedef struct FoldSample
{
	int32_t    *courses;
	int32_t		n;
} FoldSample;

/* Up to `most` rated courses at equal distances; none for ratings. */
extern RecsysStatus fold_open_sample(Env *env, const Recommender *rec, int32_t most, FoldSample *sample);

/* What a network is to this file. */
typedef struct FoldNetwork
{
	int			width;			/* numbers of a user */
	void	   *arg;

	/* Before the tiles of one x; may be NULL. */
	void		(*begin) (void *arg, const float *x);

	/* Outputs of FOLD_TILE courses. */
	void		(*outputs) (void *arg, const float *x, const int32_t *courses, float *outputs);

	/* Adds to g[width] the gradients by x of the outputs just computed, times the derivatives by them. */
	void		(*gradients) (void *arg, const float *x, const int32_t *courses,
							  const float *derivatives, float *g);

	/* After the tiles of one x, to complete g; may be NULL. */
	void		(*end) (void *arg, float *g);
} FoldNetwork;

/* One user's problem. */
typedef struct FoldIn
{
	const Recommender *rec;
	const History *history;
	const FoldSample *sample;
	FoldNetwork network;
	double		mean;			/* targets of ratings: (rating - mean) / deviation */
	double		deviation;
} FoldIn;

/* Bytes of memory that fold_user works in. */
extern size_t fold_bytes(int width);

/*
 * Moves x[width] from the mean user to the user; work (fold_bytes, 8-byte aligned) is left dirty.  False
 * when no row of the history counts.
 */
extern bool fold_user(const FoldIn *fold, const float *mean_user, void *work, float *x);

/* A section of a model: offset and deviation of the output, the latter above 0. */
extern RecsysStatus fold_get_scale(Env *env, const Recommender *rec, double *offset,
								   double *deviation);

/* min_ratings in force. */
extern double fold_least_ratings(const Recommender *rec);

/* Puts offset and deviation. */
extern RecsysStatus fold_put_scale(Env *env, ModelWriter *writer, double offset, double deviation);

#endif							/* CORE_NN_FOLD_H */
