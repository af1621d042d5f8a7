/*
 * answer.c
 *		From ranked courses to the rows of an answer.
 *
 * O(rows) beside the ranking; the same code for one user and for all.
 */
#include <math.h>

#include "core/answer.h"

/* Is there a score at all? */
static bool
is_scored(const Ranked *row)
{
	return row->score != NO_OPINION;
}

/* See the head of answer.h. */
float
percent_of_best(float score, float best)
{
	if (score == best)
		return 100;
	if (!(best > 0) || !(score > 0))
		return 0;
	return (float) (100 * ((double) score / (double) best));
}

/* A threshold asks for scores. */
bool
answer_may_fill(const AnswerOptions *options)
{
	return isnan(options->threshold_pct);
}

/* How many of the rows, best first, reach the threshold. */
static int
count_above(float threshold_pct, int n_ranked, const Ranked *ranked)
{
	int			n = 0;

	while (n < n_ranked && is_scored(&ranked[n]) &&
		   percent_of_best(ranked[n].score, ranked[0].score) >= threshold_pct)
		n++;
	return n;
}

/* What the options leave of the ranking. */
int
answer_finish(const AnswerOptions *options, int n_ranked, Ranked *ranked)
{
	if (!isnan(options->threshold_pct))
		n_ranked = count_above(options->threshold_pct, n_ranked, ranked);
	return n_ranked < options->n ? n_ranked : options->n;
}

/* The first row has the best score. */
float
answer_score(const AnswerOptions *options, const Ranked *rows, int row)
{
	if (!options->percent || !is_scored(&rows[row]))
		return rows[row].score;
	return percent_of_best(rows[row].score, rows[0].score);
}
