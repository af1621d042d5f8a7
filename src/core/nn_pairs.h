/*
 * nn_pairs.h
 *		Training of networks whose samples are pairs of a user and a course.
 *
 * objective = rating: the samples are the ratings; target: (rating - mean) / deviation,
 * loss e^2, e = output - target.
 *
 * objective = ranking: each rating is a sample with target 1 when it is above 0, else
 * 0; with it come `negatives` samples of courses that the user has not rated, drawn
 * anew in every iteration, with target 0.  Loss: -ln of the probability of the
 * target, which is sigmoid(output) for 1.
 *
 * Either is multiplied by the weight of the rating by its age, and so is the penalty
 * weight_decay (|x|^2 + |y|^2) that every sample adds for the vectors x and y of its
 * user and course.
 *
 * An iteration shuffles the ratings and takes batch after batch: samples are drawn
 * and their gradients computed in chunks of a fixed size, on several threads, each chunk with
 * random numbers of its own; then users, courses and the numbers that all samples share
 * (dense layers) make one step of Adam each.  Chunks are added up in their order, so threads do
 * not change the result.  Gradients of the shared numbers are kept for PAIR_WAVE chunks at a time,
 * so that memory does not grow with the batch.
 */
#ifndef CORE_NN_PAIRS_H
#define CORE_NN_PAIRS_H

#include "core/embedding.h"
#include "core/nn.h"
#include "core/rng.h"

#define NN_NEGATIVES 4

/* Samples of a chunk. */
typedef struct PairSamples
{
	int32_t		n;
	int			objective;		/* NnObjective */
	const int32_t *users;
	const int32_t *courses;
	const float *targets;
	const float *weights;		/* by age */
	const float *user_rows;		/* the embeddings, all of them */
	const float *course_rows;
	const float *dense;			/* the shared numbers */
	float		decay;			/* weight_decay */
	float		dropout;		/* 0 when validating */
	Rng		   *rng;			/* for the dropout */
	float	   *user_gradients; /* of each sample; NULL: only the loss is wanted */
	float	   *course_gradients;
	float	   *dense_gradients;	/* of the chunk, zero at the start */
} PairSamples;

/* What an architecture is to this file. */
typedef struct PairNetwork
{
	const void *arg;
	int			user_width;
	int			course_width;
	int64_t		n_dense;		/* numbers that all samples share */
	float		dense_decay;	/* penalty of their squares, for each sample */
	int			chunk;			/* samples, at most PAIR_CHUNK; those of one rating stay together */
	int64_t		work_floats;	/* for a chunk */

	/* Fills the gradients (of the sum of losses) and returns the sum of losses without penalties. */
	double		(*run) (const void *arg, const PairSamples *samples, float *work);
} PairNetwork;

#define PAIR_CHUNK 512
#define PAIR_WAVE 64			/* chunks */

typedef struct PairTraining
{
	const TrainingSet *set;
	const NnParams *params;
	const PairNetwork *network;
	int			negatives;		/* a rating */
	double		mean;			/* of the ratings; 0 when ranking */
	double		deviation;
	Embedding	users;
	Embedding	courses;
	float	   *dense;			/* n_dense */
	float	   *dense_moments;	/* 2 n_dense */
	int64_t		dense_steps;
	Adam	   *adam;
	int32_t    *candidates;		/* courses that negatives are drawn from: rated ones */
	int32_t		n_candidates;
	int32_t    *entry_user;		/* of each rating */
	int64_t    *order;			/* ratings: to train on, shuffled, then held out */
	int64_t		n_train;
	int64_t		n_held_out;
	int32_t		batch_ratings;

	/* The batch. */
	int32_t		chunk_ratings;
	int64_t		n_chunks;		/* at most */
	int32_t    *sample_users;
	int32_t    *sample_courses;
	float	   *targets;
	float	   *weights;
	float	   *user_gradients;
	float	   *course_gradients;
	float	   *dense_gradients;	/* of the batch, then of each chunk of a wave */
	float	   *work;			/* of each worker */
	double	   *losses;			/* of each chunk */
	double	   *loss_weights;
} PairTraining;

/* Allocates; embeddings and dense numbers are zero. */
extern RecsysStatus pairs_init(Env *env, const TrainingSet *set, const NnParams *params,
							   const PairNetwork *network, PairTraining *training);

/* Trains. */
extern RecsysStatus pairs_train(Env *env, PairTraining *training);

/* Frees all but the rows of the embeddings and the dense numbers. */
extern void pairs_free_batch(Env *env, PairTraining *training);

/* Bytes at the peak, when `after` are allocated after pairs_train and before pairs_free_batch. */
extern double pairs_bytes(const Shape *shape, const NnParams *params, const PairNetwork *network,
						  double after);

/* Most samples of a chunk: as `chunk` says, but all of one rating. */
extern int	pairs_chunk(const NnParams *params, int chunk);

/* negatives in force. */
extern int	pairs_negatives(const NnParams *params);

/* What is added to outputs: when ranking the logarithm of the odds of a sample to be of a course taken, else 0. */
extern float pairs_offset(const NnParams *params);

/* Loss of an output and its derivative. */
extern double pair_loss(int objective, float output, float target, float *derivative);

/* The same for n samples of objective ranking, times their weights; targets are 0 or 1.  Returns the sum. */
extern float ranking_losses(int64_t n, const float *outputs, const float *targets, const float *weights,
							float *derivatives);

#endif							/* CORE_NN_PAIRS_H */
