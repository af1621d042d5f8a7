/*
 * diversity.h
 *		Rows that are good and unlike each other: maximal marginal relevance.
 *
 * Carbonell, Goldstein, "The use of MMR, diversity-based reranking for reordering
 * documents and producing summaries" (SIGIR 1998).  From a pool of the best
 * courses, row by row the one is taken that has the greatest
 *
 *		(1 - diversity) relevance(c) - diversity max of similarity(c, s)
 *
 * over the courses s that are taken already; ties go to the one that ranks
 * higher.  relevance is the score, scaled to 0 .. 1 between the worst and the
 * best of the pool (the paper's similarity to the query has that range; scores
 * have any), 1 when they are all equal.  The first row is the best course.
 *
 * similarity is the cosine of the course vectors of the model, -1 .. 1, 0 for a
 * course without one; for methods without vectors, that of the genres that the
 * model holds; else what the method calls similar, divided by the largest such
 * value between two courses of the pool (some have any range), not below -1, 0
 * where the method has no opinion.
 *
 * Cost, of P courses in the pool and n rows: n P / 2 products of vectors, or
 * P + n calls of `similar`.  Every comparison is made once: a course keeps the
 * largest similarity to what has been taken.  Memory: P items, given by the
 * caller.  1,000 rows of 100,000 courses may take a quarter of a second, so it asks
 * before each row, and before each such call, whether to go on.
 */
#ifndef CORE_DIVERSITY_H
#define CORE_DIVERSITY_H

#include "core/method.h"
#include "core/parallel.h"

#define DIVERSITY_MIN_POOL 100
#define DIVERSITY_MAX_POOL 1000 /* rows behind these keep the order of their scores */

/* What courses are compared by. */
typedef enum DiversitySource
{
	DIVERSITY_NONE,				/* the model cannot compare courses */
	DIVERSITY_VECTORS,
	DIVERSITY_GENRES,
	DIVERSITY_SIMILAR
} DiversitySource;

/* One course of the pool. */
typedef struct DiversityItem
{
	Ranked		ranked;
	const float *vector;		/* or NULL */
	int			n;				/* of the vector */
	float		norm;
	double		relevance;
	double		redundancy;		/* largest similarity to a course that is taken */
	bool		taken;
} DiversityItem;

/* What a choice needs, of one thread. */
typedef struct DiversityRoom
{
	const Recommender *rec;
	DiversitySource source;
	DiversityItem *items;		/* as many as courses to choose from, at most DIVERSITY_MAX_POOL */
	void	   *scratch;		/* of the method, and n_courses floats; both for DIVERSITY_SIMILAR only */
	float	   *scores;
	ParallelStop *stop;			/* or NULL: it is never given up */
	int			worker;			/* number of the thread */
} DiversityRoom;

/* Could models of the method compare courses?  For hints. */
extern bool diversity_possible(const Method *method);

/* What this model compares courses by; scratch is that of the method, room has n_courses values. */
extern DiversitySource diversity_source(const Recommender *rec, void *scratch, float *room);

/* Courses that n rows are chosen from: max(10 n, 100), at most 1,000 unless n is more. */
extern int	diversity_pool(int n, int32_t n_courses);

/*
 * Chooses n of the n_ranked courses (best first, all with a score) and puts them, in their order, at
 * the beginning of ranked; what is behind them is undefined.  Given up, it leaves any of these courses
 * there, some of them twice.  Runs in a thread.
 */
extern void diversity_choose(const DiversityRoom *room, double diversity, int n, int n_ranked,
							 Ranked *ranked);

#endif							/* CORE_DIVERSITY_H */
