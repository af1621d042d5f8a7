/*
 * embedding.h
 *		Tables of vectors, one for each user or course, learnt by mini-batch Adam.
 *
 * A batch is n samples that each name a row of the table and have a gradient for it.
 * Only rows that are named step, once a batch, by the sum of their gradients; the
 * steps of a row are counted by itself, so that a seldom row is corrected as in its
 * own first steps.  The sum runs in the order of samples whatever the number of
 * threads.  A batch takes O(n width), not O(rows).
 */
#ifndef CORE_EMBEDDING_H
#define CORE_EMBEDDING_H

#include "core/adam.h"
#include "core/env.h"

typedef struct Embedding
{
	int64_t		n_rows;
	int			width;
	float	   *rows;			/* n_rows x width */
	float	   *moments;		/* of each row 2 x width: see adam_step */
	int32_t    *steps;			/* of each row */
	int32_t    *first;			/* of each row: first sample that names it, or -1 */
	int32_t    *next;			/* of each sample: next one that names its row, or -1 */
	int32_t    *touched;		/* rows that are named */
	int32_t		n_touched;
} Embedding;

/* Zeros, for batches of at most n_samples. */
extern RecsysStatus embedding_init(Env *env, Embedding *table, int64_t n_rows, int width,
								   int32_t n_samples);

/* Normal numbers in columns begin .. end - 1 of each row, from a stream of its own. */
extern RecsysStatus embedding_draw(Env *env, Embedding *table, int begin, int end,
								   double std_dev, uint64_t random_state, uint64_t stream);

/* One step of the rows that ids[n] name; gradients is n x width and is overwritten. */
extern RecsysStatus embedding_step(Env *env, Embedding *table, const Adam *adam,
								   const int32_t *ids, int32_t n, float *gradients);

/* mean[width] of all rows that have made a step; zeros when none has. */
extern RecsysStatus embedding_mean(Env *env, const Embedding *table, float *mean);

/* Sets rows that have made no step to 0. */
extern RecsysStatus embedding_clear_untrained(Env *env, Embedding *table);

/* Frees all but the rows. */
extern void embedding_free_training(Env *env, Embedding *table);

/* Bytes held. */
extern double embedding_bytes(double n_rows, double width, double n_samples);

#endif							/* CORE_EMBEDDING_H */
