/*
 * hybrid.h
 *		What the files of the method hybrid share: hybrid.c (the method),
 *		hybrid_combine.c (one ranking out of several), hybrid_learn.c (weights).
 */
#ifndef CORE_METHODS_HYBRID_H
#define CORE_METHODS_HYBRID_H

#include "core/method.h"
#include "core/topk.h"

/* Values of the parameter "strategy", in the order of its choices. */
typedef enum HybridStrategy
{
	HYBRID_WEIGHTED,
	HYBRID_RANK_FUSION,
	HYBRID_SWITCHING,
	HYBRID_MIXED,
	HYBRID_LADDER
} HybridStrategy;

typedef struct HybridParams
{
	CommonParams common;
	int			strategy;		/* HybridStrategy */
	double		rank_constant;
	ParamNumbers weights;		/* of each part; none: learned */
	char		models[PARAM_PARTS_SIZE];
} HybridParams;

/* An opened model. */
typedef struct HybridState
{
	int			n_parts;
	HybridStrategy strategy;
	MethodPart	parts[METHOD_PARTS_MAX];
	Recommender recs[METHOD_PARTS_MAX];
	double		weights[METHOD_PARTS_MAX];	/* add up to 1 */
} HybridState;

/* Scratch memory, cut into what a strategy needs; zero at the start and in the end. */
typedef struct HybridRoom
{
	void	   *part;			/* scratch of a part, one after the other */
	float	   *scores;			/* per course: of a part */
	float	   *best;			/* per course: largest share of a part, until now */
	uint8_t    *rated;			/* per course: in the history */
	uint8_t    *sources;		/* per course, for callers that do not ask for them */
	TopkItem   *heap;			/* per course, where places count */
	int32_t    *lists;			/* parts x courses, where lists are merged: best first */
	size_t		size;			/* bytes of all this */
} HybridRoom;

/* Do weights count? */
static inline bool
hybrid_is_weighted(int strategy)
{
	return strategy == HYBRID_WEIGHTED || strategy == HYBRID_RANK_FUSION;
}

/* The room that begins at scratch, which may be NULL to learn the size. */
extern HybridRoom hybrid_room(const Recommender *rec, char *scratch);

/* Marks the courses of a history as rated, or takes the marks away again. */
extern void hybrid_mark(const HybridRoom *room, const History *history, uint8_t mark);

/*
 * weighted, rank_fusion: what part p says of every course, made comparable with what the others say, before
 * its weight; NO_OPINION where it says nothing.  The history is marked.  Leaves room->part and heap dirty
 * no more than it found them.
 */
extern void hybrid_shares(const Recommender *rec, int p, const History *history,
						  const HybridRoom *room, float *shares);

/* Scores of all courses and, unless sources is NULL, the part that each comes from. */
extern void hybrid_combine(const Recommender *rec, const History *history, void *scratch,
						   float *scores, uint8_t *sources);

/* shares[p]: what part p adds to the score of a course; NAN: nothing.  They add up to it. */
extern void hybrid_course_shares(const Recommender *rec, const History *history, int32_t course,
								 void *scratch, double *shares);

/*
 * Learns weights[n_parts], which add up to 1, on a part of the ratings that is held out.  Equal weights with
 * a warning when there is nothing to learn from.
 */
extern RecsysStatus hybrid_learn(Env *env, const TrainingSet *set, const HybridParams *params,
								 const MethodPart *parts, int n_parts, double *weights);

/* Bytes that hybrid_learn takes beside its models. */
extern double hybrid_learn_bytes(const Shape *shape, int n_parts);

#endif							/* CORE_METHODS_HYBRID_H */
