/*
 * apriori.c
 *		Apriori: frequent item sets length by length.
 *
 * Agrawal, Srikant, "Fast algorithms for mining association rules" (1994).
 *
 * Candidates of length k + 1 are pairs of frequent sets of length k that differ
 * in their last item (join); those with a subset of length k that is not frequent
 * are dropped (prune).  What is left is counted: the baskets that hold the common
 * set are found by intersecting the lists of baskets of its items, and in these
 * baskets every candidate's last item is counted.
 *
 * Sets are written with the rarest item first, so that the first list is the
 * shortest, and stay in lexicographic order of falling items.
 *
 * Time: for each set, the lists of its items and the baskets that hold it; a
 * binary search for each subset of a candidate.  Memory: 4 bytes for each rating
 * of a frequent course, 4 a user, and the frequent sets of two lengths, 4 bytes
 * for each of their items.
 */
#include <string.h>

#include "core/rules/itemsets.h"

#define POLL_STEPS INT64_C(65536)	/* list entries read between two polls: below a millisecond */

/* The frequent sets of one length, one behind the other. */
typedef struct Level
{
	int32_t		length;
	int64_t		n;
	int32_t    *items;			/* n x length */
	int64_t		room;			/* of items */
} Level;

typedef struct Apriori
{
	Env		   *env;
	const Baskets *baskets;
	ItemsetFunction function;
	void	   *arg;
	int64_t		steps;			/* since the last poll */
	int64_t    *list_offsets;	/* baskets that hold item i: lists[list_offsets[i]] .. */
	int32_t    *lists;
	int32_t    *matched;		/* per basket: items of the set, from the first on, in it */
	int32_t    *counts;			/* per item: baskets that hold the set and it; zero between uses */
	int32_t    *candidates;		/* last items of the candidates that extend a set */
	int32_t    *subset;			/* of a candidate */
} Apriori;

/* Counts work; from time to time it asks whether to stop. */
static RecsysStatus
work(Apriori *a, int64_t steps)
{
	a->steps += steps;
	if (a->steps < POLL_STEPS)
		return RECSYS_OK;
	a->steps = 0;
	return env_interrupted(a->env) ? a->env->status : RECSYS_OK;
}

/* ---------------------------------------------------------------- candidates */

/* Orders sets of one length: falling items, the larger first. */
static int
compare_items(const int32_t *a, const int32_t *b, int32_t length)
{
	for (int32_t i = 0; i < length; i++)
		if (a[i] != b[i])
			return a[i] > b[i] ? -1 : 1;
	return 0;
}

/* Is the set frequent? */
static bool
is_frequent(const Level *level, const int32_t *items)
{
	int64_t		low = 0;
	int64_t		high = level->n - 1;

	while (low <= high)
	{
		int64_t		middle = low + (high - low) / 2;
		int			order = compare_items(items, level->items + middle * level->length,
										  level->length);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle - 1;
		else
			low = middle + 1;
	}
	return false;
}

/*
 * Are the subsets of set + last without one of the set's items frequent?  Without the last of
 * them it is one of the two sets that were joined.
 */
static bool
subsets_are_frequent(Apriori *a, const Level *level, const int32_t *set, int32_t last)
{
	int32_t		k = level->length;

	for (int32_t without = 0; without < k - 1; without++)
	{
		memcpy(a->subset, set, (size_t) without * sizeof(int32_t));
		memcpy(a->subset + without, set + without + 1, (size_t) (k - 1 - without) * sizeof(int32_t));
		a->subset[k - 1] = last;
		if (!is_frequent(level, a->subset))
			return false;
	}
	return true;
}

/* Fills candidates with the last items of what set number s may be extended to. */
static RecsysStatus
find_candidates(Apriori *a, const Level *level, int64_t s, int32_t *n)
{
	int32_t		k = level->length;
	const int32_t *set = level->items + s * k;

	*n = 0;
	for (int64_t t = s + 1; t < level->n; t++)
	{
		const int32_t *other = level->items + t * k;

		TRY(work(a, k < 8 ? 8 * k : (int64_t) k * k));
		if (memcmp(set, other, (size_t) (k - 1) * sizeof(int32_t)) != 0)
			break;
		if (subsets_are_frequent(a, level, set, other[k - 1]))
			a->candidates[(*n)++] = other[k - 1];
	}
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- counting */

/* Sets matched[u] to the length of the set in the baskets that hold it, to less in others. */
static RecsysStatus
match(Apriori *a, const int32_t *set, int32_t length)
{
	for (int32_t i = 0; i < length; i++)
	{
		int64_t		end = a->list_offsets[set[i] + 1];

		for (int64_t l = a->list_offsets[set[i]]; l < end; l++)
			a->matched[a->lists[l]] += a->matched[a->lists[l]] == i;
		TRY(work(a, end - a->list_offsets[set[i]]));
	}
	return RECSYS_OK;
}

/* Counts the items below the set's last one in the baskets that hold the set; clear: back to zero. */
static RecsysStatus
count_extensions(Apriori *a, const int32_t *set, int32_t length, bool clear)
{
	const Baskets *baskets = a->baskets;
	int32_t		last = set[length - 1];

	for (int64_t l = a->list_offsets[set[0]]; l < a->list_offsets[set[0] + 1]; l++)
	{
		int32_t		u = a->lists[l];
		const int32_t *item = baskets->items + baskets->offsets[u];

		if (a->matched[u] == length)
			for (; *item < last; item++)
				a->counts[*item] = clear ? 0 : a->counts[*item] + 1;
		if (clear)
			a->matched[u] = 0;
		TRY(work(a, 1 + (item - (baskets->items + baskets->offsets[u]))));
	}
	return RECSYS_OK;
}

/* Hands over what is frequent of set + candidates, and keeps it for the next length. */
static RecsysStatus
keep_frequent(Apriori *a, const int32_t *set, int32_t length, int32_t n_candidates, Level *next)
{
	for (int32_t c = 0; c < n_candidates; c++)
	{
		int32_t		count = a->counts[a->candidates[c]];
		int32_t    *items;

		if (count < a->baskets->least_count)
			continue;
		next->items = itemsets_grow(a->env, next->items, &next->room,
									(next->n + 1) * next->length, sizeof(int32_t));
		if (next->items == NULL)
			return a->env->status;
		items = next->items + next->n++ * next->length;
		memcpy(items, set, (size_t) length * sizeof(int32_t));
		items[length] = a->candidates[c];
		TRY(work(a, length + 16));
		TRY(a->function(a->env, a->arg, items, next->length, count));
	}
	return RECSYS_OK;
}

/* Finds the frequent sets that are one item longer. */
static RecsysStatus
next_level(Apriori *a, const Level *level, Level *next)
{
	next->length = level->length + 1;
	for (int64_t s = 0; s < level->n; s++)
	{
		const int32_t *set = level->items + s * level->length;
		int32_t		n_candidates;

		TRY(find_candidates(a, level, s, &n_candidates));
		if (n_candidates == 0)
			continue;
		TRY(match(a, set, level->length));
		TRY(count_extensions(a, set, level->length, false));
		TRY(keep_frequent(a, set, level->length, n_candidates, next));
		TRY(count_extensions(a, set, level->length, true));
	}
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- the run */

/* The frequent courses, the rarest first. */
static RecsysStatus
first_level(Apriori *a, Level *level)
{
	int32_t		n = a->baskets->n_items;

	level->length = 1;
	level->n = level->room = n;
	level->items = env_alloc(a->env, (size_t) n, sizeof(int32_t));
	if (level->items == NULL)
		return a->env->status;
	for (int32_t i = 0; i < n; i++)
	{
		level->items[i] = n - 1 - i;
		TRY(work(a, 16));
		TRY(a->function(a->env, a->arg, level->items + i, 1, a->baskets->counts[n - 1 - i]));
	}
	return RECSYS_OK;
}

/* The lists of baskets of all items. */
static RecsysStatus
make_lists(Apriori *a)
{
	const Baskets *baskets = a->baskets;
	int64_t    *offsets = a->list_offsets;

	for (int32_t i = 0; i < baskets->n_items; i++)
		offsets[i + 1] = offsets[i] + baskets->counts[i];
	for (int32_t u = 0; u < baskets->n; u++)
	{
		for (int64_t e = baskets->offsets[u]; e < baskets->offsets[u + 1]; e++)
			a->lists[offsets[baskets->items[e]]++] = u;
		TRY(work(a, 1 + baskets->offsets[u + 1] - baskets->offsets[u]));
	}
	for (int32_t i = baskets->n_items; i > 0; i--)
		offsets[i] = offsets[i - 1];
	offsets[0] = 0;
	return RECSYS_OK;
}

/* Memory for everything but the levels. */
static RecsysStatus
allocate(Apriori *a)
{
	const Baskets *baskets = a->baskets;
	size_t		n = (size_t) baskets->n_items;

	a->list_offsets = env_alloc_zero(a->env, n + 1, sizeof(int64_t));
	a->lists = env_alloc(a->env, (size_t) baskets->offsets[baskets->n], sizeof(int32_t));
	a->matched = env_alloc_zero(a->env, (size_t) baskets->n, sizeof(int32_t));
	a->counts = env_alloc_zero(a->env, n, sizeof(int32_t));
	a->candidates = env_alloc(a->env, n, sizeof(int32_t));
	a->subset = env_alloc(a->env, n, sizeof(int32_t));
	if (a->list_offsets == NULL || a->lists == NULL || a->matched == NULL || a->counts == NULL ||
		a->candidates == NULL || a->subset == NULL)
		return a->env->status;
	return RECSYS_OK;
}

/* Gives the memory back. */
static void
release(Apriori *a)
{
	env_free(a->env, a->list_offsets);
	env_free(a->env, a->lists);
	env_free(a->env, a->matched);
	env_free(a->env, a->counts);
	env_free(a->env, a->candidates);
	env_free(a->env, a->subset);
}

/* Length after length, until none is left. */
RecsysStatus
apriori(Env *env, const Baskets *baskets, int32_t max_len, ItemsetFunction function, void *arg)
{
	Apriori		a = {.env = env,.baskets = baskets,.function = function,.arg = arg};
	Level		level = {0};

	TRY(allocate(&a));
	TRY(make_lists(&a));
	TRY(first_level(&a, &level));
	while (level.n > 0 && level.length < max_len)
	{
		Level		next = {0};

		TRY(next_level(&a, &level, &next));
		env_free(env, level.items);
		level = next;
	}
	env_free(env, level.items);
	release(&a);
	return RECSYS_OK;
}
