/*
 * nn_softmax.h
 *		The architecture softmax of method nn: from the courses that a user has taken to
 *		probabilities of all courses, as in the candidate generation of Covington, Adams
 *		and Sargin, "Deep neural networks for YouTube recommendations" (2016).
 *
 * A course has an embedding e (factors), a genre f.  The input of a user is, one after the other and each
 * divided by its length,
 *
 *		the sum of e of the courses liked
 *		the sum of e of the courses disliked		when the ratings are not all equal
 *		the sum of f of the genres of those liked	when the dataset has genres
 *
 * weighted by the age of ratings.  Liked: rated at least the mean of all ratings.  The input
 * goes through dense layers, each with batch normalisation and ReLU, to h, and
 *
 *		score(c) = h . o_c + b_c,  probability(c) = exp(score(c)) / sum of exp(score)
 *
 * Training: in every iteration the ratings of each user are dealt at random into PARTS
 * parts.  Each part above 0 becomes the target of one row, whose input is the other
 * parts: a course never is in the input that it is to be told from.  Loss:
 * -ln of the probability of the targets, the mean over targets by weight, plus weight_decay times
 * the sum of the squares of all numbers.  A batch is so many rows.
 *
 * The user at call time is the same function of the history: nothing is searched for.
 */
#ifndef CORE_NN_SOFTMAX_H
#define CORE_NN_SOFTMAX_H

#include "core/batch_norm.h"
#include "core/dense_layers.h"
#include "core/nn.h"

#define SOFTMAX_LAYERS "64"
#define SOFTMAX_PARTS 4
#define SOFTMAX_INPUTS 3		/* sums of a user, at most */

/* What is learnt, and where it lies in the vector of all numbers. */
typedef struct SoftmaxNetwork
{
	int32_t		n_courses;
	int			factors;
	int			n_inputs;
	bool		dislikes;
	int			n_genres;
	double		liked_from;		/* least rating that is liked */
	LayerSizes	layers;			/* the input first */
	int64_t		embeddings;		/* n_courses x factors */
	int64_t		genres;			/* n_genres x factors */
	int64_t		dense;
	int64_t		norms;			/* gamma, then beta, of each layer */
	int64_t		outputs;		/* n_courses x last size */
	int64_t		biases;			/* n_courses */
	int64_t		n_numbers;
	int64_t		n_units;		/* of all layers but the input */
} SoftmaxNetwork;

/* The network for data of a shape; false: the list of layers is none. */
extern bool softmax_init(const NnParams *params, int64_t n_courses, int n_genres, bool dislikes,
						 SoftmaxNetwork *network);

/* Do the parameters have a list of layers that can be used? */
extern bool softmax_layers_valid(const NnParams *params);

/* Memory for a batch. */
typedef struct SoftmaxBatch
{
	const TrainingSet *set;
	const NnParams *params;
	SoftmaxNetwork network;
	float	   *numbers;		/* n_numbers */
	float	   *gradient;		/* n_numbers */
	float	   *statistics;		/* running means, then variances, of all units */
	int32_t		room;			/* rows */
	int32_t		n;				/* rows of this batch */
	int64_t    *rows;			/* user * SOFTMAX_PARTS + part */
	uint64_t	stream;			/* by which parts are dealt */
	bool		learn;			/* else the targets are what is held out */
	Rng			rng;			/* for the dropout */
	float	   *lengths;		/* room x n_inputs: of the sums */
	float	   *target_weights; /* of each row */
	double	   *losses;			/* of each row */
	float	   *activations[LAYERS_MAX];	/* of each layer, the input first */
	float	   *normalised[LAYERS_MAX];	/* of each layer from 1 */
	float	   *inverse;		/* of all units */
	float	   *sums;			/* 2 x widest */
	float	   *logits;			/* room x n_courses, then their gradient */
	float	   *delta;			/* room x widest */
	float	   *delta_below;
} SoftmaxBatch;

extern RecsysStatus softmax_batch_init(Env *env, SoftmaxBatch *batch, int32_t room);
extern void softmax_batch_free(Env *env, SoftmaxBatch *batch);
extern double softmax_batch_bytes(const SoftmaxNetwork *network, double room);

/*
 * Losses of the rows, added up, and the weight of their targets; when it is there to learn, the gradient
 * of their mean without the penalty.  Rows without input or without target are taken out.
 */
extern RecsysStatus softmax_run(Env *env, SoftmaxBatch *batch, double *loss, double *weight);

/* In place: probabilities; returns the logarithm of the sum of exp. */
extern double softmax_row(float *x, int64_t n);

#endif							/* CORE_NN_SOFTMAX_H */
