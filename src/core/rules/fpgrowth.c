/*
 * fpgrowth.c
 *		FP-Growth: frequent item sets from a prefix tree of the baskets.
 *
 * Han, Pei, Yin, "Mining frequent patterns without candidate generation" (2000).
 *
 * Baskets that begin with the same frequent items share the nodes of these in
 * the FP-tree; a node counts its baskets, and the header table links the nodes
 * of each item.  The sets whose rarest item is x are found in the conditional
 * tree of x: the paths above its nodes, without the items that are not frequent
 * together with x; and so on within that tree.  A tree that is one path needs no
 * further trees: every combination of its items is frequent, with the count of
 * its lowest node.  Nor does a set that is one item short of max_len: the counts
 * of the paths are the answer.
 *
 * The trees of a set and of all sets that it extends lie in one array, one behind
 * the other, and there is no recursion: a basket of 100,000 courses is no danger
 * for the stack.
 *
 * Time: the lengths of all paths of all conditional trees.  Memory: 16 bytes a
 * node, at most one for each rating of a frequent course in the first tree, and
 * 8 a rating for the table by which children are found; conditional trees are
 * smaller than the tree that they come from.
 */
#include <string.h>

#include "core/rules/itemsets.h"

#define NO_NODE (-1)
#define POLL_STEPS INT64_C(65536)	/* nodes walked between two polls: below a millisecond */
#define SLOTS_AT_ONCE (INT64_C(1) << 20)

typedef struct FpNode
{
	int32_t		item;			/* row of the header table of the tree */
	int32_t		count;			/* baskets */
	int32_t		parent;
	int32_t		next;			/* of the same item */
} FpNode;

/* Row of a header table: an item of a tree, the most frequent of all baskets first. */
typedef struct FpItem
{
	int32_t		item;			/* of the baskets */
	int32_t		count;			/* baskets of the tree that hold it */
	int32_t		head;			/* its last node */
} FpItem;

typedef struct FpTree
{
	int64_t		first_node;
	int64_t		first_item;		/* of its header table */
	int32_t		n_items;
	int32_t		todo;			/* items whose sets are still to be found */
} FpTree;

typedef struct FpGrowth
{
	Env		   *env;
	const Baskets *baskets;
	int32_t		max_len;
	ItemsetFunction function;
	void	   *arg;
	int64_t		steps;			/* since the last poll */

	FpNode	   *nodes;			/* of all trees */
	int64_t		n_nodes;
	int64_t		nodes_room;
	FpItem	   *items;			/* header tables of all trees */
	int64_t		n_items;
	int64_t		items_room;
	FpTree	   *trees;			/* of all baskets, then one for each item of the set */
	int64_t		n_trees;
	int64_t		trees_room;

	int32_t    *slots;			/* children of the tree that is being built, by hash */
	int64_t		slots_room;
	int64_t		n_slots;		/* in use */
	int32_t    *counts;			/* per row of a header table: baskets; zero between uses */
	int32_t    *rows;			/* per row: its row in the conditional tree, or -1 */
	int32_t    *path;			/* rows of a path */
	int32_t    *set;			/* items of the set */
	int32_t		length;			/* of the set */
} FpGrowth;

/* Counts work; from time to time it asks whether to stop. */
static RecsysStatus
work(FpGrowth *fp, int64_t steps)
{
	fp->steps += steps;
	if (fp->steps < POLL_STEPS)
		return RECSYS_OK;
	fp->steps = 0;
	return env_interrupted(fp->env) ? fp->env->status : RECSYS_OK;
}

/* Hands over the set with its count. */
static RecsysStatus
emit(FpGrowth *fp, int32_t length, int32_t count)
{
	TRY(work(fp, length + 16));
	return fp->function(fp->env, fp->arg, fp->set, length, count);
}

/* ---------------------------------------------------------------- trees */

/* An empty tree of at most n_nodes nodes without items behind the others. */
static RecsysStatus
begin_tree(FpGrowth *fp, int64_t n_nodes)
{
	fp->n_slots = 2 * n_nodes + 1;
	fp->slots = itemsets_grow(fp->env, fp->slots, &fp->slots_room, fp->n_slots, sizeof(int32_t));
	fp->trees = itemsets_grow(fp->env, fp->trees, &fp->trees_room, fp->n_trees + 1, sizeof(FpTree));
	if (fp->slots == NULL || fp->trees == NULL)
		return fp->env->status;
	for (int64_t s = 0; s < fp->n_slots; s += SLOTS_AT_ONCE)
	{
		int64_t		n = fp->n_slots - s < SLOTS_AT_ONCE ? fp->n_slots - s : SLOTS_AT_ONCE;

		TRY(work(fp, n / 16));
		memset(fp->slots + s, 0xff, (size_t) n * sizeof(int32_t));
	}
	fp->trees[fp->n_trees++] = (FpTree) {.first_node = fp->n_nodes,.first_item = fp->n_items};
	return RECSYS_OK;
}

/* The tree that was begun last. */
static FpTree *
last_tree(FpGrowth *fp)
{
	return &fp->trees[fp->n_trees - 1];
}

/* Frees the room of the last tree. */
static void
drop_tree(FpGrowth *fp)
{
	fp->n_nodes = last_tree(fp)->first_node;
	fp->n_items = last_tree(fp)->first_item;
	fp->n_trees--;
}

/* Adds a row to the header table of the last tree. */
static RecsysStatus
add_item(FpGrowth *fp, int32_t item, int32_t count)
{
	fp->items = itemsets_grow(fp->env, fp->items, &fp->items_room, fp->n_items + 1, sizeof(FpItem));
	if (fp->items == NULL)
		return fp->env->status;
	fp->items[fp->n_items++] = (FpItem) {item, count, NO_NODE};
	last_tree(fp)->todo = ++last_tree(fp)->n_items;
	return RECSYS_OK;
}

/* The slot of the child of parent with this item, or the one where it belongs. */
static int32_t *
child_slot(const FpGrowth *fp, int32_t parent, int32_t item)
{
	uint64_t	hash = ((uint64_t) (uint32_t) parent << 32 | (uint32_t) item) *
		UINT64_C(0x9e3779b97f4a7c15);
	int64_t		slot;

	hash ^= hash >> 32;
	hash *= UINT64_C(0xd6e8feb86659fd93);
	slot = (int64_t) ((hash >> 32) * (uint64_t) fp->n_slots >> 32);
	while (fp->slots[slot] != NO_NODE && (fp->nodes[fp->slots[slot]].parent != parent ||
										  fp->nodes[fp->slots[slot]].item != item))
		slot = slot + 1 == fp->n_slots ? 0 : slot + 1;
	return &fp->slots[slot];
}

/* Adds a node to the last tree, whose place in the table is known. */
static RecsysStatus
add_node(FpGrowth *fp, int32_t parent, int32_t item, int32_t *slot)
{
	FpItem	   *row = &fp->items[last_tree(fp)->first_item + item];

	if (fp->n_nodes == INT32_MAX)
		return env_fail(fp->env, RECSYS_OVER_LIMIT, "too many nodes in the tree of item sets");
	fp->nodes = itemsets_grow(fp->env, fp->nodes, &fp->nodes_room, fp->n_nodes + 1, sizeof(FpNode));
	if (fp->nodes == NULL)
		return fp->env->status;
	fp->nodes[fp->n_nodes] = (FpNode) {item, 0, parent, row->head};
	*slot = row->head = (int32_t) fp->n_nodes++;
	return RECSYS_OK;
}

/* Adds n rows of the header table, ascending, as a path of `count` baskets to the last tree. */
static RecsysStatus
add_path(FpGrowth *fp, const int32_t *path, int64_t n, int32_t count)
{
	int32_t		node = NO_NODE;

	TRY(work(fp, n));
	for (int64_t i = 0; i < n; i++)
	{
		int32_t    *slot = child_slot(fp, node, path[i]);

		if (*slot == NO_NODE)
			TRY(add_node(fp, node, path[i], slot));
		node = *slot;
		fp->nodes[node].count += count;
	}
	return RECSYS_OK;
}

/* The tree of all baskets. */
static RecsysStatus
build_tree(FpGrowth *fp)
{
	const Baskets *baskets = fp->baskets;
	int64_t		n_entries = baskets->offsets[baskets->n];

	fp->nodes = itemsets_grow(fp->env, NULL, &fp->nodes_room, n_entries, sizeof(FpNode));
	if (fp->nodes == NULL)
		return fp->env->status;
	TRY(begin_tree(fp, n_entries));
	for (int32_t i = 0; i < baskets->n_items; i++)
		TRY(add_item(fp, i, baskets->counts[i]));
	for (int32_t u = 0; u < baskets->n; u++)
		TRY(add_path(fp, baskets->items + baskets->offsets[u],
					 baskets->offsets[u + 1] - baskets->offsets[u], 1));
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- conditional trees */

/* Counts the rows above the nodes of row x of the last tree; *n_above: nodes there. */
static RecsysStatus
count_above(FpGrowth *fp, int32_t x, int64_t *n_above)
{
	const FpNode *nodes = fp->nodes;
	int32_t    *counts = fp->counts;

	*n_above = 0;
	for (int32_t n = fp->items[last_tree(fp)->first_item + x].head; n != NO_NODE; n = nodes[n].next)
	{
		int32_t		count = nodes[n].count;
		int64_t		length = 0;

		for (int32_t p = nodes[n].parent; p != NO_NODE; p = nodes[p].parent)
		{
			counts[nodes[p].item] += count;
			length++;
		}
		*n_above += length;
		TRY(work(fp, length + 1));
	}
	return RECSYS_OK;
}

/* Hands over the set with each row that is frequent on the paths: there is room for one item more. */
static RecsysStatus
emit_last(FpGrowth *fp, int32_t x)
{
	const FpItem *items = fp->items + last_tree(fp)->first_item;

	TRY(work(fp, x));
	for (int32_t i = 0; i < x; i++)
	{
		int32_t		count = fp->counts[i];

		fp->counts[i] = 0;
		fp->set[fp->length] = items[i].item;
		if (count >= fp->baskets->least_count)
			TRY(emit(fp, fp->length + 1, count));
	}
	return RECSYS_OK;
}

/* Begins the conditional tree of row x with its header table: rows that are frequent on the paths. */
static RecsysStatus
begin_conditional(FpGrowth *fp, int32_t x, int64_t n_above)
{
	int64_t		first = last_tree(fp)->first_item;

	TRY(begin_tree(fp, n_above));
	TRY(work(fp, x));
	for (int32_t i = 0; i < x; i++)
	{
		int32_t		count = fp->counts[i];

		fp->counts[i] = 0;
		fp->rows[i] = -1;
		if (count < fp->baskets->least_count)
			continue;
		fp->rows[i] = last_tree(fp)->n_items;
		TRY(add_item(fp, fp->items[first + i].item, count));
	}
	return RECSYS_OK;
}

/* Adds the paths above the nodes from `node` on, without rows that are not frequent. */
static RecsysStatus
add_paths_above(FpGrowth *fp, int32_t node)
{
	int32_t		end = fp->baskets->n_items;

	for (int32_t n = node; n != NO_NODE; n = fp->nodes[n].next)
	{
		const FpNode *nodes = fp->nodes;	/* add_path may move them */
		const int32_t *rows = fp->rows;
		int32_t    *path = fp->path;
		int32_t		begin = end;
		int64_t		length = 0;

		for (int32_t p = nodes[n].parent; p != NO_NODE; p = nodes[p].parent)
		{
			int32_t		row = rows[nodes[p].item];

			if (row >= 0)
				path[--begin] = row;
			length++;
		}
		TRY(work(fp, length));
		TRY(add_path(fp, fp->path + begin, end - begin, fp->nodes[n].count));
	}
	return RECSYS_OK;
}

/* Is the last tree one path? */
static bool
is_path(const FpGrowth *fp)
{
	const FpTree *tree = &fp->trees[fp->n_trees - 1];

	if (fp->n_nodes - tree->first_node != tree->n_items)
		return false;
	for (int32_t i = 1; i < tree->n_items; i++)
		if (fp->nodes[fp->items[tree->first_item + i].head].parent !=
			fp->items[tree->first_item + i - 1].head)
			return false;
	return true;
}

/* Hands over the set with every combination of the last tree's items, which are one path. */
static RecsysStatus
emit_combinations(FpGrowth *fp)
{
	const FpTree *tree = last_tree(fp);
	const FpItem *items = fp->items + tree->first_item;
	int32_t    *chosen = fp->path;
	int32_t		n = 0;

	for (int32_t i = 0;;)
	{
		if (i < tree->n_items && fp->length + n < fp->max_len)
		{
			fp->set[fp->length + n] = items[i].item;
			chosen[n++] = i;
			TRY(emit(fp, fp->length + n, items[i].count));
			i++;
		}
		else if (n > 0)
			i = chosen[--n] + 1;
		else
			return RECSYS_OK;
	}
}

/* Finds sets in the last tree by its combinations, or leaves it for item after item. */
static RecsysStatus
finish_tree(FpGrowth *fp)
{
	if (!is_path(fp))
		return RECSYS_OK;
	TRY(emit_combinations(fp));
	last_tree(fp)->todo = 0;
	return RECSYS_OK;
}

/* The set with the next item of the last tree, the rarest first, and what extends it. */
static RecsysStatus
extend(FpGrowth *fp)
{
	int32_t		x = --last_tree(fp)->todo;
	const FpItem *row = &fp->items[last_tree(fp)->first_item + x];
	int32_t		head = row->head;
	int64_t		n_above;

	fp->set[fp->length++] = row->item;
	TRY(emit(fp, fp->length, row->count));
	if (fp->length == fp->max_len)
	{
		fp->length--;
		return RECSYS_OK;
	}
	TRY(count_above(fp, x, &n_above));
	if (fp->length + 1 == fp->max_len)
	{
		TRY(emit_last(fp, x));
		fp->length--;
		return RECSYS_OK;
	}
	TRY(begin_conditional(fp, x, n_above));
	TRY(add_paths_above(fp, head));
	return finish_tree(fp);
}

/* Scratch memory. */
static RecsysStatus
allocate(FpGrowth *fp)
{
	size_t		n = (size_t) fp->baskets->n_items;

	fp->counts = env_alloc_zero(fp->env, n, sizeof(int32_t));
	fp->rows = env_alloc(fp->env, n, sizeof(int32_t));
	fp->path = env_alloc(fp->env, n, sizeof(int32_t));
	fp->set = env_alloc(fp->env, n, sizeof(int32_t));
	if (fp->counts == NULL || fp->rows == NULL || fp->path == NULL || fp->set == NULL)
		return fp->env->status;
	return RECSYS_OK;
}

/* Gives the memory back. */
static void
release(FpGrowth *fp)
{
	env_free(fp->env, fp->nodes);
	env_free(fp->env, fp->items);
	env_free(fp->env, fp->trees);
	env_free(fp->env, fp->slots);
	env_free(fp->env, fp->counts);
	env_free(fp->env, fp->rows);
	env_free(fp->env, fp->path);
	env_free(fp->env, fp->set);
}

/* One tree after the other. */
RecsysStatus
fpgrowth(Env *env, const Baskets *baskets, int32_t max_len, ItemsetFunction function, void *arg)
{
	FpGrowth	fp = {.env = env,.baskets = baskets,.max_len = max_len,.function = function,
	.arg = arg};

	if (baskets->n_items == 0)
		return RECSYS_OK;
	TRY(allocate(&fp));
	TRY(build_tree(&fp));
	TRY(finish_tree(&fp));
	while (fp.n_trees > 0)
	{
		if (fp.n_trees == 1)
			env_progress(env, PHASE_FITTING, baskets->n_items - fp.trees[0].todo, baskets->n_items);
		if (last_tree(&fp)->todo > 0)
		{
			TRY(extend(&fp));
			continue;
		}
		drop_tree(&fp);
		fp.length--;
	}
	release(&fp);
	return RECSYS_OK;
}
