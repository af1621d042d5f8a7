/*
 * trees.h
 *		Binary trees of decisions in flat arrays, and how to get them from XGBoost's JSON.
 *
 * The nodes of one tree follow one another, its root first; the children of a node come after it, the
 * right one after the left one.  So a walk ends after at most as many steps as the tree has nodes.
 */
#ifndef CORE_TREES_H
#define CORE_TREES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Trees
{
	int32_t		n_trees;
	int32_t		n_nodes;		/* of all trees */
	int32_t		trees_capacity;
	int32_t		nodes_capacity;
	int32_t    *roots;			/* first node of each tree */
	int32_t    *features;		/* of each node; -1: a leaf */
	float	   *thresholds;		/* x < threshold goes left; of a leaf: its value */
	int32_t    *children;		/* the left child of each node; of a leaf: 0 */
} Trees;

typedef enum TreesStatus
{
	TREES_OK,
	TREES_NO_MEMORY,
	TREES_UNREADABLE			/* not what XGBoost writes */
} TreesStatus;

/*
 * Appends all trees of a model that XGBoost saved as JSON; floats are exact.  trees begins zeroed and its
 * arrays are from malloc; trees_free frees them, also after a failure.
 */
extern TreesStatus trees_append_json(Trees *trees, const char *text, size_t length);
extern void trees_free(Trees *trees);

/* Value of the leaf that x falls into. */
static inline float
tree_value(const int32_t *features, const float *thresholds, const int32_t *children, int32_t root,
		   const float *x)
{
	int32_t		node = root;

	while (features[node] >= 0)
		node = children[node] + (x[features[node]] < thresholds[node] ? 0 : 1);
	return thresholds[node];
}

#endif							/* CORE_TREES_H */
