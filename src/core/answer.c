/*
 * answer.c
 *		From ranked courses to the rows of an answer.
 *
 * O(rows) beside the ranking and diversity; the same code for one user and for all.
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

/* A pool under diversity. */
int
answer_candidates(const AnswerOptions *options, int32_t n_courses)
{
	if (options->diversity > 0)
		return diversity_pool(options->n, n_courses);
	return options->n < n_courses ? options->n : n_courses;
}

/* Those that diversity chooses among. */
int
answer_items(const AnswerOptions *options, int32_t n_courses)
{
	int			n = answer_candidates(options, n_courses);

	return n < DIVERSITY_MAX_POOL ? n : DIVERSITY_MAX_POOL;
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

/* How many rows at the beginning have a score. */
static int
count_scored(int n_ranked, const Ranked *ranked)
{
	int			n = 0;

	while (n < n_ranked && is_scored(&ranked[n]))
		n++;
	return n;
}

/* Cuts, chooses, counts. */
int
answer_finish(const AnswerOptions *options, const DiversityRoom *room, int n_ranked, Ranked *ranked)
{
	if (!isnan(options->threshold_pct))
		n_ranked = count_above(options->threshold_pct, n_ranked, ranked);
	if (options->diversity > 0)
		diversity_choose(room, options->diversity, options->n, count_scored(n_ranked, ranked), ranked);
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
