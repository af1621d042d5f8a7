/*
 * metrics_kernels.c
 *		Comparisons of one score with many, 8 to 16 at a time.
 *
 * For a user with R relevant courses, R passes over the scores of all courses take less time than sorting
 * these: a pass over 5,000 of them is a microsecond.
 */
#include "core/metrics_kernels.h"

#include "core/vector.h"

/* Counts in 32 bits, as wide as the scores. */
CLONES void
count_scores(int64_t n, const float *scores, float x, int64_t *less, int64_t *equal)
{
	int32_t		n_less = 0;
	int32_t		n_equal = 0;

	for (int64_t i = 0; i < n; i++)
	{
		n_less += scores[i] < x;
		n_equal += scores[i] == x;
	}
	*less = n_less;
	*equal = n_equal;
}
