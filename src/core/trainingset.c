/*
 * trainingset.c
 *		From rows in any order to sorted sparse matrices.
 *
 * Keys get numbers in order of arrival while the rows are stored.  Rows come in
 * batches: the threads look up all keys of a batch, then the caller's thread
 * adds those that are new, few after the first batches.  When all rows are there,
 * the keys are sorted and three counting sorts follow:
 *
 *		rows -> by course, users in any order
 *			 -> by user, courses ascending		(duplicates are now neighbours)
 *			 -> by course, users ascending		(after duplicates are dropped)
 *
 * O(rows + users + courses) time besides the sorting of the keys.  Measured with
 * 10 million rows in random order, 100,000 numeric users and 5,000 courses with
 * text keys on a 2-core virtual machine: 46 ns a row to add, 40 to finish (63 and
 * 75 of processor time).
 */
#include "core/trainingset.h"

#include <string.h>

#include "core/checked.h"
#include "core/countsort.h"
#include "core/parallel.h"

#define N_SORTS 3				/* reported as progress */
#define LOOKUP_ROWS 8192		/* rows that a thread looks up at a time */

/* Entries that a thread drops duplicates of, or sums up, at a time. */
#define CHUNK_ENTRIES (INT64_C(1) << 18)

/* Ratings remembered while they are summed up; see seen_slot. */
#define SEEN_RATINGS 64

/* What a key takes, about: itself twice (the table is copied as it grows), slots, its new number; later half. */
#define KEY_BYTES_ABOUT 64

/* What a short string takes while it waits, about, beside its offset. */
#define WAITING_STRING_ABOUT 16

/* An empty builder. */
RecsysStatus
builder_init(Env *env, TrainingBuilder *builder, KeyKind user_kind, KeyKind course_kind,
			 bool with_times, bool implicit)
{
	memset(builder, 0, sizeof(*builder));
	builder->with_times = with_times;
	builder->implicit = implicit;
	TRY(idmap_init(env, &builder->users, user_kind));
	return idmap_init(env, &builder->courses, course_kind);
}

/* Links a new block for n rows; ratings and times only where they are needed. */
static RecsysStatus
add_block(Env *env, TrainingBuilder *builder, int32_t n)
{
	BuilderBlock *block = env_alloc_zero(env, 1, sizeof(BuilderBlock));

	if (block == NULL)
		return env->status;
	block->first_row = builder->n_rows;
	block->users = env_alloc(env, (size_t) n, sizeof(int32_t));
	block->courses = env_alloc(env, (size_t) n, sizeof(int32_t));
	if (block->users == NULL || block->courses == NULL)
		return env->status;
	if (!builder->implicit)
	{
		block->ratings = env_alloc(env, (size_t) n, sizeof(float));
		if (block->ratings == NULL)
			return env->status;
	}
	if (builder->with_times)
	{
		block->times = env_alloc(env, (size_t) n, sizeof(int64_t));
		if (block->times == NULL)
			return env->status;
	}
	if (builder->last == NULL)
		builder->first = block;
	else
		builder->last->next = block;
	builder->last = block;
	return RECSYS_OK;
}

/* Gives all blocks back. */
static void
free_blocks(Env *env, TrainingBuilder *builder)
{
	while (builder->first != NULL)
	{
		BuilderBlock *block = builder->first;

		builder->first = block->next;
		env_free(env, block->users);
		env_free(env, block->courses);
		env_free(env, block->ratings);
		env_free(env, block->times);
		env_free(env, block);
	}
	builder->last = NULL;
}

/* Looks up the keys of some rows of the batch, without changing the maps. */
static RecsysStatus
look_up_rows(void *arg, int64_t begin, int64_t end, int worker)
{
	const TrainingBuilder *builder = arg;

	(void) worker;
	idmap_find_batch(&builder->users, &builder->user_keys, (int32_t) begin, (int32_t) end,
					 builder->last->users);
	idmap_find_batch(&builder->courses, &builder->course_keys, (int32_t) begin, (int32_t) end,
					 builder->last->courses);
	return RECSYS_OK;
}

/* Turns the keys of the batch into indexes, which are in the order of arrival. */
static RecsysStatus
look_up_batch(Env *env, TrainingBuilder *builder)
{
	int32_t		n = builder->user_keys.n;

	if (n == 0)
		return RECSYS_OK;
	TRY(parallel_for(env, n, LOOKUP_ROWS, look_up_rows, builder, false));
	TRY(idmap_add_missing(env, &builder->users, &builder->user_keys, builder->last->users));
	TRY(idmap_add_missing(env, &builder->courses, &builder->course_keys, builder->last->courses));
	keybatch_clear(&builder->user_keys);
	keybatch_clear(&builder->course_keys);
	return RECSYS_OK;
}

/* Ends a batch and begins the next one, which is twice as large until it is BATCH_ROWS_MAX. */
RecsysStatus
builder_next_batch(Env *env, TrainingBuilder *builder)
{
	int32_t		room = builder->user_keys.room;

	TRY(look_up_batch(env, builder));
	if (room < BATCH_ROWS_MAX)
	{
		room = room == 0 ? BATCH_ROWS_MIN : 2 * room;
		keybatch_free(env, &builder->user_keys);
		keybatch_free(env, &builder->course_keys);
		TRY(keybatch_init(env, &builder->user_keys, builder->users.kind, room));
		TRY(keybatch_init(env, &builder->course_keys, builder->courses.kind, room));
	}
	return add_block(env, builder, room);
}

/* Adds a course that may have no rating. */
RecsysStatus
builder_add_course(Env *env, TrainingBuilder *builder, Key course)
{
	int32_t		index;

	return idmap_add(env, &builder->courses, course, &index);
}

/* Moves a map of the builder into the set, in key order; *new_index is a block of the Env. */
static RecsysStatus
take_keys(Env *env, IdMap *from, IdMap *to, int32_t **new_index)
{
	*new_index = env_alloc(env, (size_t) from->n_keys, sizeof(int32_t));
	if (*new_index == NULL)
		return env->status;
	TRY(idmap_sort(env, from, *new_index));
	*to = *from;
	memset(from, 0, sizeof(*from));
	return RECSYS_OK;
}

/* What sorting the rows by course needs. */
typedef struct RowSort
{
	const TrainingBuilder *builder;
	const int32_t *user_new;
	const int32_t *course_new;
	Csr		   *by_course;
} RowSort;

/* Counts the courses of some rows of one block. */
static void
count_block(const RowSort *sort, const BuilderBlock *block, int64_t begin, int64_t end,
			int64_t *counts)
{
	for (int64_t i = begin; i < end; i++)
		counts[sort->course_new[block->courses[i]]]++;
}

/* Puts some rows of one block where next says, and moves next on. */
static void
place_block(const RowSort *sort, const BuilderBlock *block, int64_t begin, int64_t end,
			int64_t *next)
{
	Csr		   *by_course = sort->by_course;

	for (int64_t i = begin; i < end; i++)
	{
		int64_t		to = next[sort->course_new[block->courses[i]]]++;

		by_course->indexes[to] = sort->user_new[block->users[i]];
		by_course->values[to] = block->ratings != NULL ? block->ratings[i] : 1.0f;
		if (block->times != NULL)
			by_course->times[to] = block->times[i];
	}
}

/* Calls function for the parts of all blocks that hold rows begin .. end - 1. */
static void
visit_blocks(const RowSort *sort, int64_t begin, int64_t end, int64_t *counters,
			 void (*function) (const RowSort *sort, const BuilderBlock *block, int64_t begin,
							   int64_t end, int64_t *counters))
{
	for (const BuilderBlock *block = sort->builder->first; block != NULL; block = block->next)
	{
		int64_t		first = begin - block->first_row;
		int64_t		past = end - block->first_row;

		if (past <= 0)
			break;
		if (first < block->n)
			function(sort, block, first > 0 ? first : 0, past < block->n ? past : block->n, counters);
	}
}

/* Counts the courses of some rows. */
static void
count_rows(void *arg, int64_t begin, int64_t end, int64_t *counts)
{
	visit_blocks(arg, begin, end, counts, count_block);
}

/* Places some rows. */
static void
place_rows(void *arg, int64_t begin, int64_t end, int64_t *next)
{
	visit_blocks(arg, begin, end, next, place_block);
}

/* Keys in order, and by_course with its users in order of arrival; frees what the builder holds. */
static RecsysStatus
sort_rows(Env *env, TrainingBuilder *builder, TrainingSet *set)
{
	int32_t    *user_new;
	int32_t    *course_new;
	RowSort		rows = {.builder = builder, .by_course = &set->by_course};
	CountSort	sort = {.n = builder->n_rows, .count = count_rows, .place = place_rows, .arg = &rows};

	keybatch_free(env, &builder->user_keys);
	keybatch_free(env, &builder->course_keys);
	TRY(take_keys(env, &builder->users, &set->users, &user_new));
	TRY(take_keys(env, &builder->courses, &set->courses, &course_new));
	rows.user_new = user_new;
	rows.course_new = course_new;
	sort.n_cols = set->courses.n_keys;
	TRY(csr_init(env, &set->by_course, set->courses.n_keys, set->users.n_keys, builder->n_rows,
				 builder->with_times));
	TRY(countsort(env, &sort, set->by_course.offsets));
	free_blocks(env, builder);
	env_free(env, user_new);
	env_free(env, course_new);
	return RECSYS_OK;
}

/* Of two rows of one user and course: does entry a count, and not b? */
static bool
entry_wins(const Csr *csr, int64_t a, int64_t b)
{
	if (csr->times != NULL && csr->times[a] != csr->times[b])
		return csr->times[a] > csr->times[b];
	return csr->values[a] > csr->values[b];
}

/* Moves n entries towards the front. */
static void
move_entries(Csr *csr, int64_t from, int64_t to, int64_t n)
{
	memmove(csr->indexes + to, csr->indexes + from, (size_t) n * sizeof(int32_t));
	memmove(csr->values + to, csr->values + from, (size_t) n * sizeof(float));
	if (csr->times != NULL)
		memmove(csr->times + to, csr->times + from, (size_t) n * sizeof(int64_t));
}

/* Copies entry `from` over entry `to`. */
static inline void
copy_entry(Csr *csr, int64_t from, int64_t to)
{
	csr->indexes[to] = csr->indexes[from];
	csr->values[to] = csr->values[from];
	if (csr->times != NULL)
		csr->times[to] = csr->times[from];
}

/* Dropping duplicates: chunks of rows are done by themselves, then the gaps behind them closed. */
typedef struct Unique
{
	Csr		   *csr;
	int64_t		chunk;			/* rows */
	int64_t    *kept;			/* entries of each chunk */
} Unique;

/*
 * Keeps one of all entries of a row with the same column; they are neighbours.
 * The first row of a chunk stays where it is: the chunk before reads its offset.
 */
static RecsysStatus
unique_rows(void *arg, int64_t begin, int64_t end, int worker)
{
	Unique	   *unique = arg;
	Csr		   *csr = unique->csr;
	int64_t		from = csr->offsets[begin];
	int64_t		to = from;

	(void) worker;
	for (int64_t row = begin; row < end; row++)
	{
		int64_t		start = to;
		int64_t		row_end = csr->offsets[row + 1];

		for (; from < row_end; from++)
		{
			if (to == start || csr->indexes[to - 1] != csr->indexes[from])
				copy_entry(csr, from, to++);
			else if (entry_wins(csr, from, to - 1))
				copy_entry(csr, from, to - 1);
		}
		if (row > begin)
			csr->offsets[row] = start;
	}
	unique->kept[begin / unique->chunk] = to - csr->offsets[begin];
	return RECSYS_OK;
}

/* Moves the chunks together. */
static RecsysStatus
close_gaps(Env *env, const Unique *unique)
{
	Csr		   *csr = unique->csr;
	int64_t		to = 0;

	for (int64_t begin = 0; begin < csr->n_rows; begin += unique->chunk)
	{
		int64_t		end = csr->n_rows - begin < unique->chunk ? csr->n_rows : begin + unique->chunk;
		int64_t		from = csr->offsets[begin];
		int64_t		kept = unique->kept[begin / unique->chunk];

		if (env_interrupted(env))
			return env->status;
		if (from > to)
		{
			move_entries(csr, from, to, kept);
			for (int64_t row = begin; row < end; row++)
				csr->offsets[row] -= from - to;
		}
		to += kept;
	}
	csr->offsets[csr->n_rows] = to;
	csr->n_entries = to;
	return RECSYS_OK;
}

/* Keeps one of all entries with the same row and column. */
static RecsysStatus
drop_duplicates(Env *env, Csr *csr)
{
	/* rows that have about CHUNK_ENTRIES */
	int64_t		chunk = (int64_t) ((double) CHUNK_ENTRIES * csr->n_rows / (double) csr->n_entries) + 1;
	Unique		unique = {.csr = csr, .chunk = chunk};

	unique.kept = env_alloc(env, (size_t) (csr->n_rows / chunk + 1), sizeof(int64_t));
	if (unique.kept == NULL)
		return env->status;
	TRY(parallel_for(env, csr->n_rows, chunk, unique_rows, &unique, false));
	TRY(close_gaps(env, &unique));
	env_free(env, unique.kept);
	return RECSYS_OK;
}

/* Puts a rating into the sorted scale; more than SCALE_MAX of them make n_scale SCALE_MAX + 1. */
static void
scale_add(Summary *summary, float rating)
{
	int			i = 0;

	while (i < summary->n_scale && summary->scale[i] < rating)
		i++;
	if (i < summary->n_scale && summary->scale[i] == rating)
		return;
	if (summary->n_scale < SCALE_MAX)
	{
		memmove(&summary->scale[i + 1], &summary->scale[i],
				(size_t) (summary->n_scale - i) * sizeof(float));
		summary->scale[i] = rating;
	}
	summary->n_scale++;
}

/* Place of a rating in a table of SEEN_RATINGS. */
static inline int
seen_slot(float rating)
{
	uint32_t	bits;

	memcpy(&bits, &rating, sizeof(bits));
	return (int) ((bits * UINT32_C(0x9e3779b1)) >> 26);
}

/* Sum (in place of the mean), range and scale of some ratings, at least one. */
static void
summarise_ratings(const float *ratings, int64_t n, Summary *summary)
{
	double		sum = 0;
	float		seen[SEEN_RATINGS]; /* ratings that minimum, maximum and scale know */

	summary->min = summary->max = ratings[0];
	for (int i = 0; i < SEEN_RATINGS; i++)
		seen[i] = NAN;
	for (int64_t i = 0; i < n; i++)
	{
		float		rating = ratings[i];
		int			slot = seen_slot(rating);

		sum += rating;
		if (seen[slot] == rating)
			continue;
		seen[slot] = rating;
		summary->min = rating < summary->min ? rating : summary->min;
		summary->max = rating > summary->max ? rating : summary->max;
		if (summary->n_scale <= SCALE_MAX)
			scale_add(summary, rating);
	}
	summary->mean = sum;
}

/* Puts a time into the range of times. */
static inline void
time_add(Summary *summary, int64_t time)
{
	if (time == TIME_OLDEST)
		return;
	if (summary->first_time == TIME_OLDEST || time < summary->first_time)
		summary->first_time = time;
	if (time > summary->last_time)
		summary->last_time = time;
}

/* The entries to sum up, and a summary of each chunk of them. */
typedef struct Parts
{
	const Csr  *csr;
	Summary    *parts;
} Parts;

/* Summary of a chunk of entries. */
static RecsysStatus
summarise_part(void *arg, int64_t begin, int64_t end, int worker)
{
	const Csr  *csr = ((Parts *) arg)->csr;
	Summary    *part = &((Parts *) arg)->parts[begin / CHUNK_ENTRIES];

	(void) worker;
	part->first_time = part->last_time = TIME_OLDEST;
	summarise_ratings(csr->values + begin, end - begin, part);
	if (csr->times != NULL)
		for (int64_t i = begin; i < end; i++)
			time_add(part, csr->times[i]);
	return RECSYS_OK;
}

/* Adds a part to the whole, of which `mean` is still a sum. */
static void
add_part(Summary *summary, const Summary *part)
{
	summary->mean += part->mean;
	summary->min = fmin(summary->min, part->min);
	summary->max = fmax(summary->max, part->max);
	time_add(summary, part->first_time);
	time_add(summary, part->last_time);
	if (part->n_scale > SCALE_MAX)
		summary->n_scale = part->n_scale;
	for (int i = 0; i < part->n_scale && summary->n_scale <= SCALE_MAX; i++)
		scale_add(summary, part->scale[i]);
}

/* Puts the parts together, in order: the sum must not depend on the threads. */
static void
add_parts(Summary *summary, const Summary *parts, int64_t n_parts, int64_t n_entries)
{
	summary->min = INFINITY;
	summary->max = -INFINITY;
	summary->first_time = summary->last_time = TIME_OLDEST;
	for (int64_t i = 0; i < n_parts; i++)
		add_part(summary, &parts[i]);
	if (summary->n_scale > SCALE_MAX)
	{
		summary->n_scale = 0;
		memset(summary->scale, 0, sizeof(summary->scale));
	}
	/* Rounding must not push the mean of equal ratings out of their range. */
	summary->mean = fmin(fmax(summary->mean / (double) n_entries, summary->min), summary->max);
}

/* Mean, range, scale and times of all entries, at least one. */
static RecsysStatus
summarise_entries(Env *env, const Csr *csr, Summary *summary)
{
	int64_t		n_parts = (csr->n_entries - 1) / CHUNK_ENTRIES + 1;
	Parts		parts = {.csr = csr};

	parts.parts = env_alloc_zero(env, (size_t) n_parts, sizeof(Summary));
	if (parts.parts == NULL)
		return env->status;
	TRY(parallel_for(env, csr->n_entries, CHUNK_ENTRIES, summarise_part, &parts, false));
	add_parts(summary, parts.parts, n_parts, csr->n_entries);
	env_free(env, parts.parts);
	return RECSYS_OK;
}

/* Everything of the summary but the fingerprint. */
static RecsysStatus
summarise(Env *env, TrainingSet *set, int64_t n_rows, bool implicit)
{
	Summary    *summary = &set->summary;

	summary->n_users = set->users.n_keys;
	summary->n_courses = set->courses.n_keys;
	for (int32_t c = 0; c < set->by_course.n_rows; c++)
		summary->n_courses_rated += csr_row_length(&set->by_course, c) > 0;
	summary->n_ratings = set->by_user.n_entries;
	summary->n_duplicates = n_rows - set->by_user.n_entries;
	summary->implicit = implicit;
	return summarise_entries(env, &set->by_user, summary);
}

/* Sorts, drops duplicates, counts. */
RecsysStatus
builder_finish(Env *env, TrainingBuilder *builder, TrainingSet *set)
{
	memset(set, 0, sizeof(*set));
	if (builder->n_rows == 0)
		return env_fail(env, RECSYS_BAD_DATA, "there are no ratings");
	TRY(look_up_batch(env, builder));
	env_progress(env, PHASE_PREPARING, 0, N_SORTS);
	TRY(sort_rows(env, builder, set));
	env_progress(env, PHASE_PREPARING, 1, N_SORTS);
	TRY(csr_transpose(env, &set->by_course, &set->by_user));
	TRY(drop_duplicates(env, &set->by_user));
	env_progress(env, PHASE_PREPARING, 2, N_SORTS);
	TRY(csr_transpose_into(env, &set->by_user, &set->by_course));
	env_progress(env, PHASE_PREPARING, 3, N_SORTS);
	return summarise(env, set, builder->n_rows, builder->implicit);
}

/* Room for the genre weights of all courses, all 0, and a copy of the names. */
RecsysStatus
trainingset_set_genres(Env *env, TrainingSet *set, const StringTable *names)
{
	TRY(strings_init(env, &set->genre_names));
	for (int32_t i = 0; i < names->n; i++)
	{
		int32_t		length;
		const char *name = strings_get(names, i, &length);

		TRY(strings_add(env, &set->genre_names, name, (size_t) length));
	}
	return matrix_init(env, &set->genres, set->courses.n_keys, names->n);
}

/* Gives everything back. */
void
trainingset_free(Env *env, TrainingSet *set)
{
	csr_free(env, &set->by_user);
	csr_free(env, &set->by_course);
	idmap_free(env, &set->users);
	env_free(env, set->user_group);
	if (!set->is_subset)
	{
		idmap_free(env, &set->courses);
		matrix_free(env, &set->genres);
		strings_free(env, &set->genre_names);
		csr_free(env, &set->terms);
		strings_free(env, &set->words);
		strings_free(env, &set->groups);
	}
	memset(set, 0, sizeof(*set));
}

/* Takes the users without a row out of by_user, and out of the keys and groups that the subset gets. */
static RecsysStatus
keep_users(Env *env, const TrainingSet *set, TrainingSet *subset)
{
	Csr		   *by_user = &subset->by_user;

	TRY(idmap_init(env, &subset->users, set->users.kind));
	if (set->user_group != NULL)
	{
		subset->user_group = env_alloc(env, (size_t) set->users.n_keys, sizeof(int32_t));
		if (subset->user_group == NULL)
			return env->status;
	}
	for (int32_t u = 0; u < set->users.n_keys; u++)
	{
		int32_t		index;

		if (u % 4096 == 0 && env_interrupted(env))
			return env->status;
		if (csr_row_length(by_user, u) == 0)
			continue;
		TRY(idmap_add(env, &subset->users, idmap_key(&set->users, u), &index));
		by_user->offsets[index + 1] = by_user->offsets[u + 1];	/* index <= u: already read */
		if (set->user_group != NULL)
			subset->user_group[index] = set->user_group[u];
	}
	by_user->n_rows = subset->users.n_keys;
	return RECSYS_OK;
}

/* Shares what is known of courses and cuts the rest. */
RecsysStatus
trainingset_subset(Env *env, const TrainingSet *set, const uint8_t *marks, uint8_t bits,
				   TrainingSet *subset)
{
	*subset = *set;
	subset->is_subset = true;
	subset->user_group = NULL;
	memset(&subset->summary, 0, sizeof(subset->summary));
	memset(&subset->by_course, 0, sizeof(subset->by_course));
	TRY(csr_filter(env, &set->by_user, marks, bits, &subset->by_user));
	if (subset->by_user.n_entries == 0)
		return env_fail(env, RECSYS_BAD_DATA, "there are no ratings to learn from");
	TRY(keep_users(env, set, subset));
	TRY(csr_transpose(env, &subset->by_user, &subset->by_course));
	return summarise(env, subset, subset->by_user.n_entries, set->summary.implicit != 0);
}

/* Bytes of a key that waits. */
static size_t
waiting_bytes(KeyKind kind)
{
	return kind == KEY_NUMBER ? sizeof(int64_t) : sizeof(int64_t) + WAITING_STRING_ABOUT;
}

/* Bytes of the rows in blocks, and with the keys of the last batch; false on overflow. */
static bool
builder_bytes(const TrainingShape *shape, size_t *blocks, size_t *with_keys)
{
	size_t		n = (size_t) shape->n_rows;
	size_t		row = 2 * sizeof(int32_t) + (shape->implicit ? 0 : sizeof(float)) +
		(shape->with_times ? sizeof(int64_t) : 0);
	size_t		last = n < BATCH_ROWS_MAX ? n + BATCH_ROWS_MIN : BATCH_ROWS_MAX;
	size_t		waiting = waiting_bytes(shape->user_kind) + waiting_bytes(shape->course_kind);

	return checked_mul(n, row, blocks) && checked_add(*blocks, last * row, blocks) &&
		checked_add(*blocks, last * waiting, with_keys);
}

/* The larger of two sizes. */
static size_t
larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/*
 * Three moments may be the peak: blocks and the keys of the last batch, blocks and
 * the first sorted copy, or two sorted copies.
 */
bool
trainingset_bytes(const TrainingShape *shape, size_t *peak, size_t *held)
{
	int64_t		n = shape->n_rows;
	size_t		blocks;
	size_t		with_keys;
	size_t		by_course;
	size_t		by_user;
	size_t		keys;
	size_t		counters;

	if (n < 0 || shape->n_users > INT32_MAX || shape->n_courses > INT32_MAX)
		return false;
	if (!builder_bytes(shape, &blocks, &with_keys) ||
		!csr_bytes((int32_t) shape->n_courses, n, shape->with_times, &by_course) ||
		!csr_bytes((int32_t) shape->n_users, n, shape->with_times, &by_user) ||
		!checked_mul((size_t) shape->n_users + (size_t) shape->n_courses, KEY_BYTES_ABOUT, &keys))
		return false;
	counters = larger(countsort_bytes(n, (int32_t) shape->n_courses),
					  countsort_bytes(n, (int32_t) shape->n_users));
	return checked_add(by_user, by_course, held) && checked_add(*held, keys / 2, held) &&
		checked_add(larger(blocks, by_user), by_course, peak) &&
		checked_add(*peak, counters, peak) &&
		checked_add(larger(*peak, with_keys), keys, peak);
}
