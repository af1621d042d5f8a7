/*
 * nn.h
 *		What the architectures of method nn share: parameters, the loop over
 *		iterations, and the interface that methods/nn.c calls them by.
 */
#ifndef CORE_NN_H
#define CORE_NN_H

#include "core/method.h"
#include "core/rng.h"

#define NN_FACTORS_MAX 512
#define NN_STREAM UINT64_C(0x6e6e)	/* random numbers of method nn: streams NN_STREAM + purpose */

typedef enum NnArchName
{
	NN_DOT,
	NN_NEUMF,
	NN_SOFTMAX
} NnArchName;

typedef enum NnObjective
{
	NN_RANKING,					/* which courses are taken */
	NN_RATING					/* how they are rated */
} NnObjective;

typedef struct NnParams
{
	CommonParams common;
	int			arch;			/* NnArchName */
	int			objective;		/* NnObjective */
	int64_t		factors;
	char		layers[PARAM_TEXT_SIZE];	/* empty: those of the architecture */
	double		dropout;
	double		weight_decay;	/* NAN: see nn_weight_decay */
	double		learning_rate;
	double		final_rate;
	double		batch_size;		/* NAN: see nn_batch_size */
	int64_t		iterations;
	double		negatives;		/* NAN: NN_NEGATIVES when ranking */
	double		validation;
	int64_t		patience;
	double		min_ratings;	/* NAN: see fold_least_ratings */
} NnParams;

/* Purposes of random numbers. */
enum
{
	NN_DRAW_USERS,
	NN_DRAW_COURSES,
	NN_DRAW_LAYERS,
	NN_DRAW_ORDER,
	NN_DRAW_SAMPLES,
	NN_DRAW_VALIDATION,
	NN_DRAW_SPLIT
};

/* Samples of a batch for so many ratings (or other units), within what memory is kept for. */
extern int32_t nn_batch_size(const NnParams *params, int64_t n);

/* weight_decay in force. */
extern double nn_weight_decay(const NnParams *params);

/* Is rating (user, course) kept for validation? */
extern bool nn_held_out(const NnParams *params, int64_t user, int64_t course);

/* Numbers that training changes. */
typedef struct NnBlock
{
	float	   *values;
	int64_t		n;
	float	   *best;			/* copy of the best iteration so far, or NULL */
} NnBlock;

#define NN_BLOCKS_MAX 4

/* What the loop calls. */
typedef struct NnTraining
{
	const NnParams *params;
	int64_t		iterations;		/* at most */
	void	   *arg;
	RecsysStatus (*epoch) (Env *env, void *arg, int64_t iteration, double rate, double *loss);
	RecsysStatus (*validate) (Env *env, void *arg, double *loss);	/* NULL: nothing is held out */
	NnBlock		blocks[NN_BLOCKS_MAX];
	int			n_blocks;
} NnTraining;

/*
 * Iterates to the end, or until the validation loss has not fallen for `patience` iterations; leaves the blocks
 * as they were after the iteration whose validation loss was least.  Reports the number of parameters and the
 * losses.  RECSYS_NOT_CONVERGED when a loss or a number is not finite.
 */
extern RecsysStatus nn_train(Env *env, NnTraining *training);

/* Puts n elements in another order, any being as likely. */
extern RecsysStatus nn_shuffle(Env *env, Rng *rng, int64_t *order, int64_t n);

/*
 * An architecture: the functions of Method that depend on it, with the same meaning.  One whose score
 * is no product of vectors has a course_vector that says so (n = 0), and none of what comes after it.
 */
typedef struct NnArch
{
	void		(*estimate) (const Shape *shape, const NnParams *params, Estimate *estimate);
	RecsysStatus (*fit) (Env *env, const TrainingSet *set, const NnParams *params,
						 ModelWriter *writer);
	RecsysStatus (*open) (Env *env, Recommender *rec);
	size_t		(*scratch_size) (const Recommender *rec);
	void		(*score) (const Recommender *rec, const History *history, void *scratch,
						  float *scores);
	double		(*predict) (const Recommender *rec, const History *history, int32_t course,
							void *scratch);
	bool		(*similar) (const Recommender *rec, int32_t course, void *scratch, float *scores);
	const float *(*course_vector) (const Recommender *rec, int32_t course, int *n);
	int			(*user_vector) (const Recommender *rec, const History *history, void *scratch,
								float *out);
	float		(*course_vector_bias) (const Recommender *rec, int32_t course);
} NnArch;

/* rec->state of an nn model starts with its architecture. */
typedef struct NnState
{
	const NnArch *arch;
} NnState;

#define NN_STATE_SIZE 512		/* at least the largest of the architectures' own */

extern const NnArch nn_dot;
extern const NnArch nn_neumf;
extern const NnArch nn_softmax;

#endif							/* CORE_NN_H */
