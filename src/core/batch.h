/*
 * batch.h
 *		Answers about many users: the same as one by one, but faster.
 *
 * Where a method's score is a product of two vectors (score_block), the courses
 * are scored for a block of users by one matrix product.  A product of matrices
 * rounds differently than one of vectors, so it only finds the candidates: all
 * courses that may be among the n best, whatever the rounding.  They are scored
 * again one by one (score_vector), and these scores rank.  Rows, order and scores
 * are therefore what score and recommender_rank give, to the bit.
 *
 * Other methods, users without a vector, and a server without OpenBLAS: user by
 * user.
 *
 * Memory: of each thread 4 bytes x courses for at most BATCH_USERS users, fewer
 * when there are many courses.
 */
#ifndef CORE_BATCH_H
#define CORE_BATCH_H

#include "core/method.h"
#include "core/topk.h"

#define BATCH_USERS 64			/* of a chunk, at most */

/* Scratch of one thread. */
typedef struct BatchWorker
{
	void	   *scratch;		/* of the method */
	float	   *vectors;		/* chunk x vector_size */
	float	   *scores;			/* chunk x n_courses */
	uint8_t    *sources;		/* n_courses, of a method that names sources; else NULL */
	uint8_t    *allowed;		/* n_courses */
	TopkItem   *heap;			/* n */
} BatchWorker;

typedef struct Batch
{
	const Recommender *rec;
	int			n;				/* rows wanted of each user, at most n_courses */
	bool		exclude_seen;
	float		threshold;		/* as in RankOptions */
	bool		fill;
	const uint8_t *available;	/* per course: may be recommended to anybody */

	int			chunk;			/* users that a thread takes at a time */
	int			vector_size;	/* factors + 1; 0: user by user */
	double		longest;		/* length of the longest course vector */
	double		largest_bias;	/* of a course, absolute */
	BatchWorker *workers;
} Batch;

/*
 * Prepares for n_users users at most, after the caller has set the first six
 * members (for batch_score_course rec alone).  Loads OpenBLAS if that helps.
 */
extern RecsysStatus batch_prepare(Env *env, Batch *batch, int64_t n_users);

/*
 * Ranks for at most batch->chunk users: ranked has n rows for each, n_ranked says how
 * many are filled.  Runs in a thread.
 */
extern void batch_rank(const Batch *batch, int worker, int n_users, const History *histories,
					   Ranked *ranked, int *n_ranked);

/* Score of one course for a user, as score says it.  Runs in a thread. */
extern float batch_score_course(const Batch *batch, int worker, const History *history,
								int32_t course);

#endif							/* CORE_BATCH_H */
