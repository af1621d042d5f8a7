/*
 * trainingset.c
 *		From rows in any order to sorted sparse matrices.
 *
 * Keys get numbers in order of arrival while the rows are stored; when all are
 * there, the keys are sorted and three counting sorts follow:
 *
 *		rows -> by course, users in any order	(frees the rows block by block)
 *			 -> by user, courses ascending		(duplicates are now neighbours)
 *			 -> by course, users ascending		(after duplicates are dropped)
 *
 * O(rows + users + courses) time besides the sorting of the keys.  Measured with
 * 10 million rows in random order, 100,000 numeric users and 5,000 courses on
 * one 2-core virtual machine: 75 ns a row to add (45 with numeric courses), 70 to
 * finish, 20 a counting sort; 50 to finish when the memory is in huge pages,
 * because the sorts write to thousands of places at once.
 */
#include "core/trainingset.h"

#include <string.h>

#include "core/checked.h"

/* Entries handled between two looks at the cancel flag. */
#define POLL_ENTRIES (INT64_C(1) << 20)

/* Ratings remembered while they are summed up; see seen_slot. */
#define SEEN_RATINGS 64

/* What a key takes, about: itself twice (the table is copied as it grows), slots, its new number. */
#define KEY_BYTES_ABOUT 64

_Static_assert(BUILDER_BLOCK_ROWS % BUILDER_BATCH == 0, "a batch must not straddle two blocks");

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

/* Links a new block of rows; ratings and times only where they are needed. */
static RecsysStatus
add_block(Env *env, TrainingBuilder *builder)
{
	BuilderBlock *block = env_alloc_zero(env, 1, sizeof(BuilderBlock));

	if (block == NULL)
		return env->status;
	block->users = env_alloc(env, BUILDER_BLOCK_ROWS, sizeof(int32_t));
	block->courses = env_alloc(env, BUILDER_BLOCK_ROWS, sizeof(int32_t));
	if (block->users == NULL || block->courses == NULL)
		return env->status;
	if (!builder->implicit)
	{
		block->ratings = env_alloc(env, BUILDER_BLOCK_ROWS, sizeof(float));
		if (block->ratings == NULL)
			return env->status;
	}
	if (builder->with_times)
	{
		block->times = env_alloc(env, BUILDER_BLOCK_ROWS, sizeof(int64_t));
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

/* Gives a block back. */
static void
free_block(Env *env, BuilderBlock *block)
{
	env_free(env, block->users);
	env_free(env, block->courses);
	env_free(env, block->ratings);
	env_free(env, block->times);
	env_free(env, block);
}

/* Looks up the users of the newest rows, all of which are in the last block. */
static RecsysStatus
flush_pending(Env *env, TrainingBuilder *builder)
{
	int			n = builder->n_pending;

	builder->n_pending = 0;
	if (n == 0)
		return RECSYS_OK;
	return idmap_add_numbers(env, &builder->users, builder->pending, n,
							 builder->last->users + builder->last->n - n);
}

/* Adds a course that may have no rating. */
RecsysStatus
builder_add_course(Env *env, TrainingBuilder *builder, Key course)
{
	int32_t		index;

	return idmap_add(env, &builder->courses, course, &index);
}

/* Adds a row; numeric users are only noted, see flush_pending. */
RecsysStatus
builder_add_rating(Env *env, TrainingBuilder *builder, Key user, Key course, float rating,
				   int64_t time)
{
	BuilderBlock *block = builder->last;
	int			row;

	if (!builder->implicit && !isfinite(rating))
		return env_fail(env, RECSYS_BAD_DATA, "rating must be finite");
	if (block == NULL || block->n == BUILDER_BLOCK_ROWS)
	{
		TRY(add_block(env, builder));
		block = builder->last;
	}
	row = block->n;
	TRY(idmap_add(env, &builder->courses, course, &block->courses[row]));
	if (builder->users.kind != KEY_NUMBER)
		TRY(idmap_add(env, &builder->users, user, &block->users[row]));
	else
		builder->pending[builder->n_pending++] = user.number;
	if (block->ratings != NULL)
		block->ratings[row] = rating + 0.0f;	/* -0 becomes 0: equal ratings, equal bytes */
	if (block->times != NULL)
		block->times[row] = time;
	block->n++;
	builder->n_rows++;
	return builder->n_pending == BUILDER_BATCH ? flush_pending(env, builder) : RECSYS_OK;
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

/* Sets the offsets of by_course from the courses of all rows. */
static RecsysStatus
count_rows(Env *env, const TrainingBuilder *builder, const int32_t *course_new, Csr *by_course)
{
	int64_t    *offsets = by_course->offsets;

	for (const BuilderBlock *block = builder->first; block != NULL; block = block->next)
	{
		if (env_interrupted(env))
			return env->status;
		for (int i = 0; i < block->n; i++)
			offsets[course_new[block->courses[i]] + 1]++;
	}
	for (int32_t c = 0; c < by_course->n_rows; c++)
		offsets[c + 1] += offsets[c];
	return RECSYS_OK;
}

/* Puts the rows of one block where next says, and moves next on. */
static void
scatter_block(const BuilderBlock *block, const int32_t *user_new, const int32_t *course_new,
			  int64_t *next, Csr *by_course)
{
	for (int i = 0; i < block->n; i++)
	{
		int64_t		to = next[course_new[block->courses[i]]]++;

		by_course->indexes[to] = user_new[block->users[i]];
		by_course->values[to] = block->ratings != NULL ? block->ratings[i] : 1.0f;
		if (block->times != NULL)
			by_course->times[to] = block->times[i];
	}
}

/* Sorts all rows by course, users in order of arrival; frees each block once it is read. */
static RecsysStatus
scatter_rows(Env *env, TrainingBuilder *builder, const int32_t *user_new,
			 const int32_t *course_new, Csr *by_course)
{
	size_t		n_courses = (size_t) by_course->n_rows;
	int64_t    *next = env_alloc(env, n_courses, sizeof(int64_t));
	int64_t		done = 0;

	if (next == NULL)
		return env->status;
	memcpy(next, by_course->offsets, n_courses * sizeof(int64_t));
	while (builder->first != NULL)
	{
		BuilderBlock *block = builder->first;

		if (env_interrupted(env))
			return env->status;
		scatter_block(block, user_new, course_new, next, by_course);
		done += block->n;
		env_progress(env, PHASE_PREPARING, done, builder->n_rows);
		builder->first = block->next;
		free_block(env, block);
	}
	builder->last = NULL;
	env_free(env, next);
	return RECSYS_OK;
}

/* Keys in order, and by_course with its users in order of arrival. */
static RecsysStatus
sort_rows(Env *env, TrainingBuilder *builder, TrainingSet *set)
{
	int32_t    *user_new;
	int32_t    *course_new;

	TRY(take_keys(env, &builder->users, &set->users, &user_new));
	TRY(take_keys(env, &builder->courses, &set->courses, &course_new));
	TRY(csr_init(env, &set->by_course, set->courses.n_keys, set->users.n_keys, builder->n_rows,
				 builder->with_times));
	TRY(count_rows(env, builder, course_new, &set->by_course));
	TRY(scatter_rows(env, builder, user_new, course_new, &set->by_course));
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

/* Copies entry `from` over entry `to`. */
static void
copy_entry(Csr *csr, int64_t from, int64_t to)
{
	csr->indexes[to] = csr->indexes[from];
	csr->values[to] = csr->values[from];
	if (csr->times != NULL)
		csr->times[to] = csr->times[from];
}

/* Keeps one of all entries of a row with the same column; they are neighbours. */
static RecsysStatus
drop_duplicates(Env *env, Csr *csr)
{
	int64_t		from = 0;
	int64_t		to = 0;
	int64_t		polled = 0;

	for (int32_t row = 0; row < csr->n_rows; row++)
	{
		int64_t		start = to;

		for (; from < csr->offsets[row + 1]; from++)
		{
			if (to == start || csr->indexes[to - 1] != csr->indexes[from])
				copy_entry(csr, from, to++);
			else if (entry_wins(csr, from, to - 1))
				copy_entry(csr, from, to - 1);
		}
		csr->offsets[row] = start;
		if (from - polled >= POLL_ENTRIES)
		{
			polled = from;
			if (env_interrupted(env))
				return env->status;
		}
	}
	csr->offsets[csr->n_rows] = to;
	csr->n_entries = to;
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

/* Mean, range and scale of the ratings, in the order of the users. */
static RecsysStatus
summarise_ratings(Env *env, const Csr *by_user, Summary *summary)
{
	double		sum = 0;
	float		seen[SEEN_RATINGS]; /* ratings that minimum, maximum and scale know */

	summary->min = summary->max = by_user->values[0];
	for (int i = 0; i < SEEN_RATINGS; i++)
		seen[i] = NAN;
	for (int64_t i = 0; i < by_user->n_entries; i++)
	{
		float		rating = by_user->values[i];
		int			slot = seen_slot(rating);

		if (i % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		sum += rating;
		if (seen[slot] == rating)
			continue;
		seen[slot] = rating;
		summary->min = rating < summary->min ? rating : summary->min;
		summary->max = rating > summary->max ? rating : summary->max;
		if (summary->n_scale <= SCALE_MAX)
			scale_add(summary, rating);
	}
	if (summary->n_scale > SCALE_MAX)
	{
		summary->n_scale = 0;
		memset(summary->scale, 0, sizeof(summary->scale));
	}
	/* Rounding must not push the mean of equal ratings out of their range. */
	summary->mean = fmin(fmax(sum / (double) by_user->n_entries, summary->min), summary->max);
	return RECSYS_OK;
}

/* Earliest and latest time; rows with TIME_OLDEST have none. */
static RecsysStatus
summarise_times(Env *env, const Csr *by_user, Summary *summary)
{
	summary->first_time = TIME_OLDEST;
	summary->last_time = TIME_OLDEST;
	if (by_user->times == NULL)
		return RECSYS_OK;
	for (int64_t i = 0; i < by_user->n_entries; i++)
	{
		int64_t		time = by_user->times[i];

		if (i % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		if (time == TIME_OLDEST)
			continue;
		if (summary->first_time == TIME_OLDEST || time < summary->first_time)
			summary->first_time = time;
		if (time > summary->last_time)
			summary->last_time = time;
	}
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
	TRY(summarise_ratings(env, &set->by_user, summary));
	return summarise_times(env, &set->by_user, summary);
}

/* Sorts, drops duplicates, counts. */
RecsysStatus
builder_finish(Env *env, TrainingBuilder *builder, TrainingSet *set)
{
	memset(set, 0, sizeof(*set));
	if (builder->n_rows == 0)
		return env_fail(env, RECSYS_BAD_DATA, "there are no ratings");
	TRY(flush_pending(env, builder));
	TRY(sort_rows(env, builder, set));
	TRY(csr_transpose(env, &set->by_course, &set->by_user));
	csr_free(env, &set->by_course);
	TRY(drop_duplicates(env, &set->by_user));
	TRY(csr_transpose(env, &set->by_user, &set->by_course));
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
	idmap_free(env, &set->courses);
	matrix_free(env, &set->genres);
	strings_free(env, &set->genre_names);
	csr_free(env, &set->terms);
	strings_free(env, &set->words);
	env_free(env, set->user_group);
	strings_free(env, &set->groups);
	memset(set, 0, sizeof(*set));
}

/* Bytes of the blocks that n_rows rows fill; false on overflow. */
static bool
blocks_bytes(int64_t n_rows, bool with_times, size_t *bytes)
{
	size_t		row = 2 * sizeof(int32_t) + sizeof(float) + (with_times ? sizeof(int64_t) : 0);
	size_t		n_blocks = (size_t) n_rows / BUILDER_BLOCK_ROWS + 1;

	return checked_mul(n_blocks, BUILDER_BLOCK_ROWS * row, bytes);
}

/* Two moments may be the peak: blocks and the first sorted copy, or both sorted copies. */
bool
trainingset_bytes(int64_t n_rows, int64_t n_users, int64_t n_courses, bool with_times,
				  size_t *bytes)
{
	size_t		blocks;
	size_t		by_course;
	size_t		by_user;
	size_t		keys;

	if (n_users > INT32_MAX || n_courses > INT32_MAX)
		return false;
	if (!blocks_bytes(n_rows, with_times, &blocks) ||
		!csr_bytes((int32_t) n_courses, n_rows, with_times, &by_course) ||
		!csr_bytes((int32_t) n_users, n_rows, with_times, &by_user) ||
		!checked_mul((size_t) n_users + (size_t) n_courses, KEY_BYTES_ABOUT, &keys))
		return false;
	return checked_add(keys, blocks > by_user ? blocks : by_user, bytes) &&
		checked_add(*bytes, by_course, bytes);
}
