/*
 * trees.c
 *		Reads the trees of XGBoost's JSON.
 *
 * What is read of the model, whatever else is in it:
 *
 *		{"learner": {"gradient_booster": {"model": {"trees": [
 *			{"left_children": [1, -1, -1], "right_children": [2, -1, -1],
 *			 "split_indices": [0, 0, 0], "split_conditions": [.5, 1.0, 2.0]}, ...]}}}}
 *
 * A node without children is a leaf, and its condition is its value.  Numbers of nodes are given anew, for
 * after pruning XGBoost's are in no order.
 */
#include "core/trees.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"

#define MAX_NODES (INT32_MAX / 4)

/* The arrays of one tree as they are read. */
typedef enum TreeArray
{
	LEFT_CHILDREN,
	RIGHT_CHILDREN,
	SPLIT_INDICES,
	SPLIT_CONDITIONS,
	N_TREE_ARRAYS
} TreeArray;

static const char *const array_names[N_TREE_ARRAYS] = {
	"left_children", "right_children", "split_indices", "split_conditions"
};

/* Numbers of one array; floats are whole in a double. */
typedef struct Numbers
{
	double	   *values;
	int32_t		n;
	int32_t		capacity;
} Numbers;

/* Makes room for one more element of an array of this size; false without memory. */
static bool
grow(void **array, int32_t n, size_t size)
{
	void	   *moved = realloc(*array, (size_t) n * size);

	if (moved == NULL)
		return false;
	*array = moved;
	return true;
}

/* Capacity for at least n elements. */
static int32_t
next_capacity(int32_t n)
{
	return n < 16 ? 16 : n + n / 2;
}

/* Appends a number. */
static TreesStatus
numbers_add(Numbers *numbers, double value)
{
	if (numbers->n >= MAX_NODES)
		return TREES_UNREADABLE;
	if (numbers->n == numbers->capacity)
	{
		int32_t		capacity = next_capacity(numbers->n + 1);

		if (!grow((void **) &numbers->values, capacity, sizeof(double)))
			return TREES_NO_MEMORY;
		numbers->capacity = capacity;
	}
	numbers->values[numbers->n++] = value;
	return TREES_OK;
}

/* Takes a number as the float that was written: strtod, then rounding, could be another one. */
static bool
take_float(JsonReader *reader, double *value)
{
	const char *start;

	json_peek(reader);
	start = reader->at;
	if (!json_take_number(reader, value) || reader->at == reader->end)
		return false;
	*value = strtof(start, NULL);
	return isfinite(*value);
}

/* Takes an array of numbers. */
static TreesStatus
take_numbers(JsonReader *reader, bool floats, Numbers *numbers)
{
	double		value;

	numbers->n = 0;
	if (!json_take(reader, '['))
		return TREES_UNREADABLE;
	if (json_take(reader, ']'))
		return TREES_OK;
	do
	{
		TreesStatus status;

		if (!(floats ? take_float(reader, &value) : json_take_number(reader, &value)))
			return TREES_UNREADABLE;
		status = numbers_add(numbers, value);
		if (status != TREES_OK)
			return status;
	} while (json_take(reader, ','));
	return json_take(reader, ']') ? TREES_OK : TREES_UNREADABLE;
}

/* Moves to the value of a key in the object that comes next. */
static bool
enter_key(JsonReader *reader, const char *wanted)
{
	char		key[64];
	size_t		length;

	if (!json_take(reader, '{'))
		return false;
	do
	{
		if (!json_take_string(reader, key, sizeof(key), &length) || !json_take(reader, ':'))
			return false;
		if (strcmp(key, wanted) == 0)
			return true;
	} while (json_skip(reader) && json_take(reader, ','));
	return false;
}

/* Takes the value of a key of a tree: one of the arrays, or what nobody needs. */
static TreesStatus
take_tree_value(JsonReader *reader, const char *key, Numbers *arrays)
{
	for (int i = 0; i < N_TREE_ARRAYS; i++)
	{
		if (strcmp(key, array_names[i]) == 0)
			return take_numbers(reader, i == SPLIT_CONDITIONS, &arrays[i]);
	}
	return json_skip(reader) ? TREES_OK : TREES_UNREADABLE;
}

/* Takes a tree's arrays. */
static TreesStatus
take_tree(JsonReader *reader, Numbers *arrays)
{
	char		key[64];
	size_t		length;

	for (int i = 0; i < N_TREE_ARRAYS; i++)
		arrays[i].n = 0;
	if (!json_take(reader, '{'))
		return TREES_UNREADABLE;
	do
	{
		TreesStatus status;

		if (!json_take_string(reader, key, sizeof(key), &length) || !json_take(reader, ':'))
			return TREES_UNREADABLE;
		status = take_tree_value(reader, key, arrays);
		if (status != TREES_OK)
			return status;
	} while (json_take(reader, ','));
	return json_take(reader, '}') ? TREES_OK : TREES_UNREADABLE;
}

/* Makes room for another n nodes. */
static bool
reserve_nodes(Trees *trees, int32_t n)
{
	int32_t		capacity;

	if (n <= trees->nodes_capacity - trees->n_nodes)
		return true;
	capacity = next_capacity(trees->n_nodes + n);
	if (!grow((void **) &trees->features, capacity, sizeof(int32_t)) ||
		!grow((void **) &trees->thresholds, capacity, sizeof(float)) ||
		!grow((void **) &trees->children, capacity, sizeof(int32_t)))
		return false;
	trees->nodes_capacity = capacity;
	return true;
}

/* Makes room for another tree. */
static bool
reserve_tree(Trees *trees)
{
	int32_t		capacity;

	if (trees->n_trees < trees->trees_capacity)
		return true;
	capacity = next_capacity(trees->n_trees + 1);
	if (!grow((void **) &trees->roots, capacity, sizeof(int32_t)))
		return false;
	trees->trees_capacity = capacity;
	return true;
}

/* Writes node `to` from node `from` of the arrays; the numbers of its children there go to sources. */
static bool
write_node(Trees *trees, const Numbers *arrays, int32_t to, int32_t from, int32_t *sources, int32_t *n)
{
	double		left = arrays[LEFT_CHILDREN].values[from];
	double		right = arrays[RIGHT_CHILDREN].values[from];
	double		feature = arrays[SPLIT_INDICES].values[from];
	int32_t		n_from = arrays[LEFT_CHILDREN].n;

	trees->thresholds[to] = (float) arrays[SPLIT_CONDITIONS].values[from];
	trees->features[to] = -1;
	trees->children[to] = 0;
	if (left == -1)
		return true;
	if (!(left >= 0 && left < n_from && right >= 0 && right < n_from && feature >= 0 &&
		  feature < INT32_MAX) || *n > n_from - 2)
		return false;
	trees->features[to] = (int32_t) feature;
	trees->children[to] = trees->n_nodes + *n;
	sources[(*n)++] = (int32_t) left;
	sources[(*n)++] = (int32_t) right;
	return true;
}

/* Appends the tree of the arrays, level by level.  More nodes than there are means that it is none. */
static TreesStatus
append_tree(Trees *trees, const Numbers *arrays)
{
	int32_t		n_from = arrays[LEFT_CHILDREN].n;
	int32_t    *sources;
	int32_t		n = 1;
	bool		good = true;

	for (int i = 0; i < N_TREE_ARRAYS; i++)
		good = good && arrays[i].n == n_from;
	if (!good || n_from == 0 || n_from > MAX_NODES - trees->n_nodes)
		return TREES_UNREADABLE;
	sources = malloc((size_t) n_from * sizeof(int32_t));
	if (sources == NULL || !reserve_tree(trees) || !reserve_nodes(trees, n_from))
	{
		free(sources);
		return TREES_NO_MEMORY;
	}
	sources[0] = 0;
	for (int32_t i = 0; i < n && good; i++)
		good = write_node(trees, arrays, trees->n_nodes + i, sources[i], sources, &n);
	free(sources);
	if (!good)
		return TREES_UNREADABLE;
	trees->roots[trees->n_trees++] = trees->n_nodes;
	trees->n_nodes += n;
	return TREES_OK;
}

/* Takes the array of trees. */
static TreesStatus
take_trees(JsonReader *reader, Trees *trees, Numbers *arrays)
{
	if (!json_take(reader, '['))
		return TREES_UNREADABLE;
	do
	{
		TreesStatus status = take_tree(reader, arrays);

		if (status == TREES_OK)
			status = append_tree(trees, arrays);
		if (status != TREES_OK)
			return status;
	} while (json_take(reader, ','));
	return json_take(reader, ']') ? TREES_OK : TREES_UNREADABLE;
}

/* Finds the array of trees, and appends each. */
TreesStatus
trees_append_json(Trees *trees, const char *text, size_t length)
{
	JsonReader	reader = {.at = text, .end = text + length};
	Numbers		arrays[N_TREE_ARRAYS] = {{0}};
	TreesStatus status;

	if (!enter_key(&reader, "learner") || !enter_key(&reader, "gradient_booster") ||
		!enter_key(&reader, "model") || !enter_key(&reader, "trees"))
		return TREES_UNREADABLE;
	status = take_trees(&reader, trees, arrays);
	for (int i = 0; i < N_TREE_ARRAYS; i++)
		free(arrays[i].values);
	return status;
}

/* Frees the arrays. */
void
trees_free(Trees *trees)
{
	free(trees->roots);
	free(trees->features);
	free(trees->thresholds);
	free(trees->children);
	memset(trees, 0, sizeof(*trees));
}
