/*
 * score_kernels.h
 *		Passes over the scores of all courses.
 */
#ifndef CORE_SCORE_KERNELS_H
#define CORE_SCORE_KERNELS_H

#include <stdint.h>

/* scores[c] = added[c] + own for n courses. */
extern void scores_start(float *scores, const float *added, float own, int32_t n);

/* scores[c] += added[c] for n courses; what is then no finite number becomes NO_OPINION, -INFINITY. */
extern void scores_finish(float *scores, const float *added, int32_t n);

/* The first course from `begin` on with a score of at least `least`; `end` when there is none. */
extern int32_t scores_next(const float *scores, int32_t begin, int32_t end, float least);

#endif							/* CORE_SCORE_KERNELS_H */
