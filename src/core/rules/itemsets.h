/*
 * itemsets.h
 *		Frequent item sets: courses that many users have together.
 *
 * A basket is what one user has taken, each course once.  The support of a set
 * of courses is the share of all baskets that hold the whole set; a set is
 * frequent when its support is at least min_support.  Whatever a frequent set
 * holds is frequent, too, which both algorithms live on:
 *
 *		fpgrowth	Han, Pei, Yin, "Mining frequent patterns without candidate generation" (2000)
 *		apriori		Agrawal, Srikant, "Fast algorithms for mining association rules" (1994)
 *
 * They give the same sets with the same counts.  Neither builds a matrix of
 * users and courses: baskets are rows of the training set without the courses
 * that are not frequent.  How many sets there are cannot be told before: up to
 * 2^n - 1 for n courses.  Miners hand each to a function and keep none, so their
 * memory is bounded by the ratings (and, for apriori, by the sets of two lengths
 * that follow each other); that of an Itemsets by the sets, 16 bytes and 4 for
 * each course of one.  What would pass the limit of the Env is RECSYS_OVER_LIMIT.
 */
#ifndef CORE_RULES_ITEMSETS_H
#define CORE_RULES_ITEMSETS_H

#include "core/env.h"
#include "core/trainingset.h"

#define ANY_LENGTH INT32_MAX	/* max_len without a limit */
#define ITEMSET_BLOCK INT64_C(16384)	/* courses that an Itemsets first has room for */

typedef struct ItemsetOptions
{
	double		min_support;	/* above 0, at most 1 */
	int32_t		max_len;		/* courses of a set, at least 1, or ANY_LENGTH */
	bool		liked;			/* only ratings above 0 count; else every one does */
} ItemsetOptions;

/* The users' frequent courses as items, numbered from the most frequent one, 0, ties by course. */
typedef struct Baskets
{
	int32_t		n;				/* users, those without a frequent course too */
	int32_t		least_count;	/* baskets that hold a frequent set */
	int32_t		n_items;		/* frequent courses */
	int32_t    *courses;		/* per item */
	int32_t    *counts;			/* per item: baskets that hold it */
	int64_t    *offsets;		/* basket u is items[offsets[u]] .. items[offsets[u + 1] - 1] */
	int32_t    *items;			/* ascending within a basket */
} Baskets;

/* Least number of n baskets whose share of them, as a double, is at least min_support; at least 1. */
extern int32_t itemsets_least_count(int32_t n, double min_support);

/* Reads the ratings three times; 4 bytes for each rating of a frequent course, 8 a user. */
extern RecsysStatus baskets_init(Env *env, const TrainingSet *set, const ItemsetOptions *options,
								 Baskets *baskets);
extern void baskets_free(Env *env, Baskets *baskets);

/* Is told of a frequent set: n distinct items in any order, and how many baskets hold them. */
typedef RecsysStatus (*ItemsetFunction) (Env *env, void *arg, const int32_t *items, int32_t n,
										 int32_t count);

/*
 * Calls the function for every frequent set of at most max_len items, each once, in an order that
 * depends on the baskets alone.  A status other than RECSYS_OK ends it.
 */
typedef RecsysStatus (*ItemsetMiner) (Env *env, const Baskets *baskets, int32_t max_len,
									  ItemsetFunction function, void *arg);
extern RecsysStatus fpgrowth(Env *env, const Baskets *baskets, int32_t max_len,
							 ItemsetFunction function, void *arg);
extern RecsysStatus apriori(Env *env, const Baskets *baskets, int32_t max_len,
							ItemsetFunction function, void *arg);

/* By name; NULL when there is none. */
extern ItemsetMiner itemsets_miner(const char *name);

#define ITEMSET_MINERS "\"fpgrowth\" and \"apriori\""	/* for hints */

typedef struct Itemset
{
	const int32_t *courses;		/* ascending */
	int32_t		n;
	int32_t		count;			/* baskets that hold it */
} Itemset;

typedef struct ItemsetBlock ItemsetBlock;

/* Sets in memory: the most frequent first, then the shortest, then in the order of their courses. */
typedef struct Itemsets
{
	int32_t		n_baskets;
	int64_t		n;
	Itemset    *sets;
	int64_t		room;			/* of sets */
	ItemsetBlock *blocks;		/* hold the courses */
	int32_t    *slots;			/* for itemsets_count: numbers of sets, by hash */
	int64_t		n_slots;
} Itemsets;

/* Baskets, sets, order.  A failure for lack of memory tells which options to change. */
extern RecsysStatus itemsets_mine(Env *env, const TrainingSet *set, const ItemsetOptions *options,
								  ItemsetMiner miner, Itemsets *itemsets);
extern void itemsets_free(Env *env, Itemsets *itemsets);

/* Prepares for itemsets_count: 8 bytes a set. */
extern RecsysStatus itemsets_index(Env *env, Itemsets *itemsets);

/* Baskets that hold these courses, which ascend; 0 when they are not one of the sets. */
extern int32_t itemsets_count(const Itemsets *itemsets, const int32_t *courses, int32_t n);

/*
 * The array with room for `needed` elements of `size` bytes: as it is, or with *room at least doubled.
 * NULL on failure.
 */
extern void *itemsets_grow(Env *env, void *array, int64_t *room, int64_t needed, size_t size);

#endif							/* CORE_RULES_ITEMSETS_H */
