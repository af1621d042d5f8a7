/*
 * itemsets.c
 *		Baskets for the miners, and the sets that they find, in order.
 */
#include "core/rules/itemsets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/countsort.h"

#define POLL_ENTRIES INT64_C(65536)
#define ITEMSET_BLOCK_MAX (INT64_C(1) << 20)

struct ItemsetBlock
{
	ItemsetBlock *next;
	int64_t		used;
	int64_t		room;
	int32_t		courses[];
};

/* ---------------------------------------------------------------- baskets */

/* Rounding of min_support * n must not decide: .07 * 100 is more than 7. */
int32_t
itemsets_least_count(int32_t n, double min_support)
{
	int32_t		count = (int32_t) (min_support * n);

	while (count > 1 && (double) (count - 1) / n >= min_support)
		count--;
	while (count < 1 || (double) count / n < min_support)
		count++;
	return count;
}

/* Does the rating make its course part of the basket? */
static inline bool
counts_as_taken(const ItemsetOptions *options, float rating)
{
	return !options->liked || rating > 0;
}

/* Baskets that hold each course. */
static RecsysStatus
count_courses(Env *env, const Csr *by_user, const ItemsetOptions *options, int32_t *counts)
{
	for (int64_t e = 0; e < by_user->n_entries; e++)
	{
		if (e % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		counts[by_user->indexes[e]] += counts_as_taken(options, by_user->values[e]);
	}
	return RECSYS_OK;
}

/* Sorting courses by their counts, the largest first. */
typedef struct CourseOrder
{
	const int32_t *counts;
	int32_t		most;			/* largest count */
	int32_t    *courses;		/* sorted */
} CourseOrder;

/* For countsort. */
static void
count_order(void *arg, int64_t begin, int64_t end, int64_t *counts)
{
	const CourseOrder *order = arg;

	for (int64_t c = begin; c < end; c++)
		counts[order->most - order->counts[c]]++;
}

/* For countsort. */
static void
place_order(void *arg, int64_t begin, int64_t end, int64_t *next)
{
	const CourseOrder *order = arg;

	for (int64_t c = begin; c < end; c++)
		order->courses[next[order->most - order->counts[c]]++] = (int32_t) c;
}

/* All courses by falling count, ties by course; courses has room for them. */
static RecsysStatus
order_courses(Env *env, const int32_t *counts, int32_t n, int32_t *courses)
{
	CourseOrder order = {.counts = counts,.courses = courses};
	CountSort	sort = {.n = n,.count = count_order,.place = place_order,.arg = &order};
	int64_t    *offsets;

	for (int32_t c = 0; c < n; c++)
		order.most = counts[c] > order.most ? counts[c] : order.most;
	sort.n_cols = order.most + 1;
	offsets = env_alloc(env, (size_t) sort.n_cols + 1, sizeof(int64_t));
	if (offsets == NULL)
		return env->status;
	TRY(countsort(env, &sort, offsets));
	env_free(env, offsets);
	return RECSYS_OK;
}

/* Numbers the frequent courses; item_of[course] is the item, or -1. */
static RecsysStatus
choose_items(Env *env, const int32_t *counts, int32_t n_courses, Baskets *baskets, int32_t *item_of)
{
	baskets->courses = env_alloc(env, (size_t) n_courses, sizeof(int32_t));
	if (baskets->courses == NULL)
		return env->status;
	TRY(order_courses(env, counts, n_courses, baskets->courses));
	while (baskets->n_items < n_courses &&
		   counts[baskets->courses[baskets->n_items]] >= baskets->least_count)
		baskets->n_items++;
	baskets->counts = env_alloc(env, (size_t) baskets->n_items, sizeof(int32_t));
	if (baskets->counts == NULL)
		return env->status;
	memset(item_of, 0xff, (size_t) n_courses * sizeof(int32_t));
	for (int32_t i = 0; i < baskets->n_items; i++)
	{
		baskets->counts[i] = counts[baskets->courses[i]];
		item_of[baskets->courses[i]] = i;
	}
	return RECSYS_OK;
}

/* Orders numbers. */
static int
compare_numbers(const void *a, const void *b)
{
	int32_t		x = *(const int32_t *) a;
	int32_t		y = *(const int32_t *) b;

	return (x > y) - (x < y);
}

/* Sorts a few numbers. */
static void
sort_numbers(int32_t *numbers, int64_t n)
{
	if (n > 16)
	{
		qsort(numbers, (size_t) n, sizeof(int32_t), compare_numbers);
		return;
	}
	for (int64_t i = 1; i < n; i++)
	{
		int32_t		number = numbers[i];
		int64_t		at = i;

		for (; at > 0 && numbers[at - 1] > number; at--)
			numbers[at] = numbers[at - 1];
		numbers[at] = number;
	}
}

/* Fills the baskets with items. */
static RecsysStatus
fill_baskets(Env *env, const Csr *by_user, const ItemsetOptions *options, const int32_t *item_of,
			 Baskets *baskets)
{
	int64_t		n = 0;

	baskets->offsets[0] = 0;
	for (int32_t u = 0; u < baskets->n; u++)
	{
		for (int64_t e = by_user->offsets[u]; e < by_user->offsets[u + 1]; e++)
		{
			int32_t		item = item_of[by_user->indexes[e]];

			if (e % POLL_ENTRIES == 0 && env_interrupted(env))
				return env->status;
			if (item >= 0 && counts_as_taken(options, by_user->values[e]))
				baskets->items[n++] = item;
		}
		sort_numbers(baskets->items + baskets->offsets[u], n - baskets->offsets[u]);
		baskets->offsets[u + 1] = n;
	}
	return RECSYS_OK;
}

/* Counts courses, numbers the frequent ones, writes the baskets. */
RecsysStatus
baskets_init(Env *env, const TrainingSet *set, const ItemsetOptions *options, Baskets *baskets)
{
	int32_t		n_courses = set->by_user.n_cols;
	int32_t    *counts = env_alloc_zero(env, (size_t) n_courses, sizeof(int32_t));
	int32_t    *item_of = env_alloc(env, (size_t) n_courses, sizeof(int32_t));
	int64_t		n_entries = 0;

	memset(baskets, 0, sizeof(*baskets));
	if (counts == NULL || item_of == NULL)
		return env->status;
	baskets->n = set->by_user.n_rows;
	baskets->least_count = itemsets_least_count(baskets->n, options->min_support);
	TRY(count_courses(env, &set->by_user, options, counts));
	TRY(choose_items(env, counts, n_courses, baskets, item_of));
	for (int32_t i = 0; i < baskets->n_items; i++)
		n_entries += baskets->counts[i];
	baskets->offsets = env_alloc(env, (size_t) baskets->n + 1, sizeof(int64_t));
	baskets->items = env_alloc(env, (size_t) n_entries, sizeof(int32_t));
	if (baskets->offsets == NULL || baskets->items == NULL)
		return env->status;
	TRY(fill_baskets(env, &set->by_user, options, item_of, baskets));
	env_free(env, counts);
	env_free(env, item_of);
	return RECSYS_OK;
}

/* Gives the memory back. */
void
baskets_free(Env *env, Baskets *baskets)
{
	env_free(env, baskets->courses);
	env_free(env, baskets->counts);
	env_free(env, baskets->offsets);
	env_free(env, baskets->items);
	memset(baskets, 0, sizeof(*baskets));
}

/* The algorithms by name. */
ItemsetMiner
itemsets_miner(const char *name)
{
	if (strcmp(name, "fpgrowth") == 0)
		return fpgrowth;
	if (strcmp(name, "apriori") == 0)
		return apriori;
	return NULL;
}

/* Doubles. */
void *
itemsets_grow(Env *env, void *array, int64_t *room, int64_t needed, size_t size)
{
	int64_t		wanted = *room * 2 > needed ? *room * 2 : needed;

	if (needed <= *room)
		return array;
	array = env_resize(env, array, (size_t) wanted, size);
	if (array != NULL)
		*room = wanted;
	return array;
}

/* ---------------------------------------------------------------- sets in memory */

/* Collects what a miner finds. */
typedef struct Collector
{
	Itemsets   *itemsets;
	const Baskets *baskets;
} Collector;

/* Room for n courses at a place that stays. */
static int32_t *
take_courses(Env *env, Itemsets *itemsets, int32_t n)
{
	ItemsetBlock *block = itemsets->blocks;

	if (block == NULL || block->room - block->used < n)
	{
		int64_t		room = block == NULL ? ITEMSET_BLOCK : block->room * 2;

		room = room > ITEMSET_BLOCK_MAX ? ITEMSET_BLOCK_MAX : room;
		room = room < n ? n : room;
		block = env_alloc(env, sizeof(ItemsetBlock) + (size_t) room * sizeof(int32_t), 1);
		if (block == NULL)
			return NULL;
		block->next = itemsets->blocks;
		block->used = 0;
		block->room = room;
		itemsets->blocks = block;
	}
	block->used += n;
	return block->courses + block->used - n;
}

/* Keeps one set. */
static RecsysStatus
collect(Env *env, void *arg, const int32_t *items, int32_t n, int32_t count)
{
	Collector  *collector = arg;
	Itemsets   *itemsets = collector->itemsets;
	int32_t    *courses;

	if (itemsets->n == INT32_MAX)
		return env_fail(env, RECSYS_OVER_LIMIT, "too many frequent item sets");
	itemsets->sets = itemsets_grow(env, itemsets->sets, &itemsets->room, itemsets->n + 1,
								   sizeof(Itemset));
	courses = take_courses(env, itemsets, n);
	if (itemsets->sets == NULL || courses == NULL)
		return env->status;
	for (int32_t i = 0; i < n; i++)
		courses[i] = collector->baskets->courses[items[i]];
	sort_numbers(courses, n);
	itemsets->sets[itemsets->n++] = (Itemset) {courses, n, count};
	return RECSYS_OK;
}

/* Which of two sets comes first? */
static int
compare_sets(const Itemset *a, const Itemset *b)
{
	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	for (int32_t i = 0; i < a->n; i++)
		if (a->courses[i] != b->courses[i])
			return a->courses[i] < b->courses[i] ? -1 : 1;
	return 0;
}

/* Merges from[begin .. middle - 1] and from[middle .. end - 1], both in order, into to. */
static RecsysStatus
merge_sets(Env *env, const Itemset *from, Itemset *to, int64_t begin, int64_t middle, int64_t end)
{
	int64_t		left = begin;
	int64_t		right = middle;

	for (int64_t i = begin; i < end; i++)
	{
		if (i % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		if (right == end || (left < middle && compare_sets(&from[left], &from[right]) < 0))
			to[i] = from[left++];
		else
			to[i] = from[right++];
	}
	return RECSYS_OK;
}

/* Merge sort, which can be interrupted, as qsort cannot. */
static RecsysStatus
sort_sets(Env *env, Itemsets *itemsets)
{
	Itemset    *to = env_alloc(env, (size_t) itemsets->n, sizeof(Itemset));

	if (to == NULL)
		return env->status;
	for (int64_t width = 1; width < itemsets->n; width *= 2)
	{
		Itemset    *from = itemsets->sets;

		for (int64_t begin = 0; begin < itemsets->n; begin += 2 * width)
		{
			int64_t		middle = begin + width < itemsets->n ? begin + width : itemsets->n;
			int64_t		end = middle + width < itemsets->n ? middle + width : itemsets->n;

			TRY(merge_sets(env, from, to, begin, middle, end));
		}
		itemsets->sets = to;
		to = from;
	}
	itemsets->room = itemsets->n;
	env_free(env, to);
	return RECSYS_OK;
}

/* The three steps. */
static RecsysStatus
mine(Env *env, const TrainingSet *set, const ItemsetOptions *options, ItemsetMiner miner,
	 Itemsets *itemsets)
{
	Baskets		baskets;
	Collector	collector = {itemsets, &baskets};

	TRY(baskets_init(env, set, options, &baskets));
	TRY(miner(env, &baskets, options->max_len, collect, &collector));
	baskets_free(env, &baskets);
	return sort_sets(env, itemsets);
}

/* Mines; too many sets are the user's to avoid. */
RecsysStatus
itemsets_mine(Env *env, const TrainingSet *set, const ItemsetOptions *options, ItemsetMiner miner,
			  Itemsets *itemsets)
{
	RecsysStatus status;

	memset(itemsets, 0, sizeof(*itemsets));
	itemsets->n_baskets = set->by_user.n_rows;
	status = mine(env, set, options, miner, itemsets);
	if (status == RECSYS_OVER_LIMIT)
		env_hint(env, "Raise min_support or lower max_len, so that fewer item sets are frequent, or increase the setting \"course_recsys.max_memory\".");
	return status;
}

/* Gives the memory back. */
void
itemsets_free(Env *env, Itemsets *itemsets)
{
	while (itemsets->blocks != NULL)
	{
		ItemsetBlock *block = itemsets->blocks;

		itemsets->blocks = block->next;
		env_free(env, block);
	}
	env_free(env, itemsets->sets);
	env_free(env, itemsets->slots);
	memset(itemsets, 0, sizeof(*itemsets));
}

/* Where the search for a set begins. */
static int64_t
first_slot(const Itemsets *itemsets, const int32_t *courses, int32_t n)
{
	uint64_t	hash = (uint64_t) n;

	for (int32_t i = 0; i < n; i++)
		hash = (hash ^ (uint64_t) courses[i]) * UINT64_C(0x9e3779b97f4a7c15) ^ hash >> 29;
	return (int64_t) ((hash >> 32) * (uint64_t) itemsets->n_slots >> 32);
}

/* Open addressing, half full. */
RecsysStatus
itemsets_index(Env *env, Itemsets *itemsets)
{
	itemsets->n_slots = 2 * itemsets->n + 1;
	itemsets->slots = env_alloc(env, (size_t) itemsets->n_slots, sizeof(int32_t));
	if (itemsets->slots == NULL)
		return env->status;
	memset(itemsets->slots, 0xff, (size_t) itemsets->n_slots * sizeof(int32_t));
	for (int64_t i = 0; i < itemsets->n; i++)
	{
		int64_t		slot = first_slot(itemsets, itemsets->sets[i].courses, itemsets->sets[i].n);

		if (i % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		while (itemsets->slots[slot] >= 0)
			slot = slot + 1 == itemsets->n_slots ? 0 : slot + 1;
		itemsets->slots[slot] = (int32_t) i;
	}
	return RECSYS_OK;
}

/* Looks a set up. */
int32_t
itemsets_count(const Itemsets *itemsets, const int32_t *courses, int32_t n)
{
	int64_t		slot = first_slot(itemsets, courses, n);

	for (; itemsets->slots[slot] >= 0; slot = slot + 1 == itemsets->n_slots ? 0 : slot + 1)
	{
		const Itemset *set = &itemsets->sets[itemsets->slots[slot]];

		if (set->n == n && memcmp(set->courses, courses, (size_t) n * sizeof(int32_t)) == 0)
			return set->count;
	}
	return 0;
}
