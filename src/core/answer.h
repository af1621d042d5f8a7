/*
 * answer.h
 *		From ranked courses to the rows of an answer.
 *
 * First those below threshold_pct are left out, then diversity chooses among the
 * others that have a score; courses without one follow as they were ranked.
 *
 * Percent of the best: the first row of an answer has 100, a row with score s
 * under a best score b > 0 has 100 s / b, and 0 when s is negative.  Of a best
 * score that is zero or negative there are no shares: the rows that tie with it
 * have 100, all others 0.  So the percentage is always from 0 to 100 and never
 * contradicts the order of the rows.
 */
#ifndef CORE_ANSWER_H
#define CORE_ANSWER_H

#include "core/diversity.h"

typedef struct AnswerOptions
{
	int			n;				/* rows wanted, at least 1 */
	bool		percent;		/* scores are shown as percent of the best */
	float		threshold_pct;	/* rows below this percent of the best are left out; NAN: none */
	double		diversity;		/* 0 .. 1, see diversity.h; 0: rows by score */
} AnswerOptions;

/* What is shown of scores when nothing is asked for. */
#define ANSWER_RAW(rows) {.n = (rows), .threshold_pct = NAN}

/* Score in percent of the best one; neither is NO_OPINION. */
extern float percent_of_best(float score, float best);

/* May courses without a score complete the answer?  Not under any threshold. */
extern bool answer_may_fill(const AnswerOptions *options);

/* Courses to rank for an answer: more than its rows where it chooses among them. */
extern int	answer_candidates(const AnswerOptions *options, int32_t n_courses);

/* Items of a DiversityRoom. */
extern int	answer_items(const AnswerOptions *options, int32_t n_courses);

/*
 * Makes an answer of the n_ranked best courses, as recommender_rank gives them: the rows are the
 * first of ranked.  Returns how many there are.  room may be NULL without diversity.  Runs in a thread.
 */
extern int	answer_finish(const AnswerOptions *options, const DiversityRoom *room, int n_ranked,
						  Ranked *ranked);

/*
 * Score of a row of the answer as it is shown; NO_OPINION where it has none.  The first row is the best
 * one under diversity, too.
 */
extern float answer_score(const AnswerOptions *options, const Ranked *rows, int row);

#endif							/* CORE_ANSWER_H */
