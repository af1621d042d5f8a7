/*
 * metrics_kernels.h
 *		Inner loop of the AUC of a ranking.
 */
#ifndef CORE_METRICS_KERNELS_H
#define CORE_METRICS_KERNELS_H

#include <stdint.h>

/* How many of n scores (none is NaN) are less than x, and how many are equal; n is at most INT32_MAX. */
extern void count_scores(int64_t n, const float *scores, float x, int64_t *less, int64_t *equal);

#endif							/* CORE_METRICS_KERNELS_H */
