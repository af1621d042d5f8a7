/*
 * split.c
 *		Draws folds.
 *
 * Every rating gets a mark that says in which parts it is, on several threads:
 * a draw depends on the hash of its own row, or on its place among the rows of
 * its user or course.  Then the parts are cut out of the whole set by these marks.
 */
#include "core/split.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/md5.h"
#include "core/method.h"
#include "core/parallel.h"

/* In which parts a rating is. */
enum
{
	IN_TRAIN = 1,
	IN_HISTORY = 2,
	IN_TEST = 4,
	IN_BOTH = IN_TRAIN | IN_HISTORY
};

#define HASH_BITS 28
#define HASH_RANGE (UINT32_C(1) << HASH_BITS)

/* Users or courses that a thread draws for at a time: hashes of some hundred rows usually. */
#define CHUNK_ROWS 8

/* Ratings that a thread hashes at a time. */
#define CHUNK_HASHES 8192

/* Ratings that a thread counts the times of at a time. */
#define CHUNK_TIMES (INT64_C(1) << 18)

/* ---------------------------------------------------------------- hashes */

/* Appends a key as text. */
static void
add_key(Md5 *md5, const IdMap *map, int32_t index)
{
	Key			key = idmap_key(map, index);
	char		text[24];

	if (map->kind == KEY_NUMBER)
	{
		key.length = snprintf(text, sizeof(text), "%" PRId64, key.number);
		key.bytes = text;
	}
	md5_add(md5, key.bytes, (size_t) key.length);
}

/* Appends '/' and the seed; the first bits of the digest. */
static uint32_t
finish_hash(Md5 *md5, int64_t random_state)
{
	char		text[24];
	int			length = snprintf(text, sizeof(text), "/%" PRId64, random_state);
	uint8_t		digest[MD5_BYTES];

	md5_add(md5, text, (size_t) length);
	md5_end(md5, digest);
	return (uint32_t) digest[0] << 20 | (uint32_t) digest[1] << 12 | (uint32_t) digest[2] << 4 |
		(uint32_t) digest[3] >> 4;
}

/* Hash of a user or a course. */
static uint32_t
key_draw(const IdMap *map, int32_t index, int64_t random_state)
{
	Md5			md5;

	md5_begin(&md5);
	add_key(&md5, map, index);
	return finish_hash(&md5, random_state);
}

/* Hash of a row. */
uint32_t
split_hash(const TrainingSet *set, int32_t user, int32_t course, int64_t random_state)
{
	Md5			md5;

	md5_begin(&md5);
	add_key(&md5, &set->users, user);
	md5_add(&md5, "/", 1);
	add_key(&md5, &set->courses, course);
	return finish_hash(&md5, random_state);
}

/* ---------------------------------------------------------------- drawing */

/* One row of a user or course, while they are put in order. */
typedef struct Place
{
	int64_t		time;			/* newest first; equal when times do not count */
	uint32_t	hash;			/* then the least */
	int32_t		number;			/* then in key order; of the row among those of its user or course */
} Place;

/* A draw on several threads. */
typedef struct Draw
{
	const TrainingSet *set;
	const SplitSpec *spec;
	int			fold;			/* from 0 */
	int64_t		cut;			/* time: last time that is learned from */
	uint8_t    *marks;			/* of each rating, in the order of by_user */
	Place	  **places;			/* of each worker: as many as the longest row of the matrix */
	uint32_t   *hashes;			/* course: of each rating, in the order of by_course */
} Draw;

/* Is a hash in the part that is held out? */
static bool
hash_is_drawn(const Draw *draw, uint32_t hash)
{
	const SplitSpec *spec = draw->spec;

	if (spec->folds > 1)
		return (int) (((uint64_t) hash * (uint64_t) spec->folds) >> HASH_BITS) == draw->fold;
	return hash < spec->test_size * HASH_RANGE;
}

/* Marks rows begin .. end - 1 of by_user whose own hash decides. */
static RecsysStatus
draw_random(void *arg, int64_t begin, int64_t end, int worker)
{
	const Draw *draw = arg;
	const Csr  *csr = &draw->set->by_user;

	(void) worker;
	for (int32_t u = (int32_t) begin; u < end; u++)
		for (int64_t i = csr->offsets[u]; i < csr->offsets[u + 1]; i++)
		{
			uint32_t	hash = split_hash(draw->set, u, csr->indexes[i], draw->spec->random_state);

			draw->marks[i] = hash_is_drawn(draw, hash) ? IN_TEST : IN_BOTH;
		}
	return RECSYS_OK;
}

/* Of drawn users a share of the rows is held out and the rest is history; others are learned from. */
static RecsysStatus
draw_users(void *arg, int64_t begin, int64_t end, int worker)
{
	const Draw *draw = arg;
	const Csr  *csr = &draw->set->by_user;
	int64_t		state = draw->spec->random_state;

	(void) worker;
	for (int32_t u = (int32_t) begin; u < end; u++)
	{
		bool		drawn = hash_is_drawn(draw, key_draw(&draw->set->users, u, state));

		for (int64_t i = csr->offsets[u]; i < csr->offsets[u + 1]; i++)
		{
			if (!drawn)
				draw->marks[i] = IN_BOTH;
			else if (split_hash(draw->set, u, csr->indexes[i], state) <
					 draw->spec->test_size * HASH_RANGE)
				draw->marks[i] = IN_TEST;
			else
				draw->marks[i] = IN_HISTORY;
		}
	}
	return RECSYS_OK;
}

/* Holds out what came after the cut. */
static RecsysStatus
draw_times(void *arg, int64_t begin, int64_t end, int worker)
{
	const Draw *draw = arg;
	const Csr  *csr = &draw->set->by_user;

	(void) worker;
	for (int64_t i = csr->offsets[begin]; i < csr->offsets[end]; i++)
		draw->marks[i] = csr->times[i] > draw->cut ? IN_TEST : IN_BOTH;
	return RECSYS_OK;
}

/* qsort: the order of places, in which no two are equal. */
static int
compare_places(const void *a, const void *b)
{
	const Place *x = a;
	const Place *y = b;

	if (x->time != y->time)
		return x->time > y->time ? -1 : 1;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

/* Hashes of some ratings in the order of by_course: a popular course alone would keep a thread too long. */
static RecsysStatus
hash_entries(void *arg, int64_t begin, int64_t end, int worker)
{
	Draw	   *draw = arg;
	const Csr  *csr = &draw->set->by_course;
	int32_t		course = csr_row_of_entry(csr, begin);

	(void) worker;
	for (int64_t i = begin; i < end; i++)
	{
		while (csr->offsets[course + 1] <= i)
			course++;
		draw->hashes[i] = split_hash(draw->set, csr->indexes[i], course, draw->spec->random_state);
	}
	return RECSYS_OK;
}

/* Is place number `place` of the n rows of a course held out?  start: the hash of the course. */
static bool
course_place_is_drawn(const Draw *draw, int64_t place, int64_t n, uint32_t start)
{
	const SplitSpec *spec = draw->spec;

	if (spec->folds > 1)
		return (place + (int64_t) start) % spec->folds == draw->fold;
	return place < (int64_t) floor(spec->test_size * (double) n + 0.5);
}

/* The rows of each course in the order of their hashes: the first ones are held out. */
static RecsysStatus
draw_courses(void *arg, int64_t begin, int64_t end, int worker)
{
	const Draw *draw = arg;
	const TrainingSet *set = draw->set;
	Place	   *places = draw->places[worker];

	for (int32_t c = (int32_t) begin; c < end; c++)
	{
		const int32_t *users = set->by_course.indexes + set->by_course.offsets[c];
		const uint32_t *hashes = draw->hashes + set->by_course.offsets[c];
		int64_t		n = csr_row_length(&set->by_course, c);
		uint32_t	start = key_draw(&set->courses, c, draw->spec->random_state);

		for (int32_t i = 0; i < n; i++)
			places[i] = (Place) {0, hashes[i], i};
		qsort(places, (size_t) n, sizeof(Place), compare_places);
		for (int64_t i = 0; i < n; i++)
		{
			int64_t		entry = csr_find(&set->by_user, users[places[i].number], c);

			draw->marks[entry] = course_place_is_drawn(draw, i, n, start) ? IN_TEST : IN_BOTH;
		}
	}
	return RECSYS_OK;
}

/* The rows of each user in order: leave_k of them are held out, when some are left. */
static RecsysStatus
draw_leave_k(void *arg, int64_t begin, int64_t end, int worker)
{
	const Draw *draw = arg;
	const SplitSpec *spec = draw->spec;
	const Csr  *csr = &draw->set->by_user;
	Place	   *places = draw->places[worker];
	int64_t		first = (int64_t) draw->fold * spec->leave_k;

	for (int32_t u = (int32_t) begin; u < end; u++)
	{
		int64_t		start = csr->offsets[u];
		int64_t		n = csr_row_length(csr, u);
		int64_t		past = first + spec->leave_k;

		memset(draw->marks + start, IN_BOTH, (size_t) n);
		if (n <= (int64_t) spec->folds * spec->leave_k)
			continue;
		for (int32_t i = 0; i < n; i++)
			places[i] = (Place) {spec->latest ? csr->times[start + i] : 0,
				split_hash(draw->set, u, csr->indexes[start + i], spec->random_state), i};
		qsort(places, (size_t) n, sizeof(Place), compare_places);
		for (int64_t i = first; i < past; i++)
			draw->marks[start + places[i].number] = IN_TEST;
	}
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- the cut in time */

/* Counts ratings that are not after a time. */
typedef struct TimeCount
{
	const int64_t *times;
	int64_t		cut;
	int64_t    *counts;			/* of each chunk */
} TimeCount;

/* Counts those of a chunk. */
static RecsysStatus
count_times(void *arg, int64_t begin, int64_t end, int worker)
{
	TimeCount  *count = arg;
	int64_t		n = 0;

	(void) worker;
	for (int64_t i = begin; i < end; i++)
		n += count->times[i] <= count->cut;
	count->counts[begin / CHUNK_TIMES] = n;
	return RECSYS_OK;
}

/*
 * The earliest time that has at least `wanted` ratings up to it, by bisection:
 * at most 64 passes over the times and no memory, instead of sorting them.
 */
static RecsysStatus
find_cut(Env *env, const TrainingSet *set, int64_t wanted, int64_t *cut)
{
	int64_t		n = set->by_user.n_entries;
	int64_t		n_chunks = (n - 1) / CHUNK_TIMES + 1;
	TimeCount	count = {.times = set->by_user.times};
	int64_t		low = TIME_OLDEST;	/* ratings without a time come first of all */
	int64_t		high = set->summary.last_time;

	count.counts = env_alloc(env, (size_t) n_chunks, sizeof(int64_t));
	if (count.counts == NULL)
		return env->status;
	while (low < high)
	{
		int64_t		up_to = 0;

		count.cut = low + (int64_t) (((uint64_t) high - (uint64_t) low) / 2);
		TRY(parallel_for(env, n, CHUNK_TIMES, count_times, &count, false));
		for (int64_t i = 0; i < n_chunks; i++)
			up_to += count.counts[i];
		if (up_to >= wanted)
			high = count.cut;
		else
			low = count.cut + 1;
	}
	env_free(env, count.counts);
	*cut = low;
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- marks of all ratings */

/* Most entries of a row. */
static int64_t
longest_row(const Csr *csr)
{
	int64_t		longest = 0;

	for (int32_t i = 0; i < csr->n_rows; i++)
		longest = csr_row_length(csr, i) > longest ? csr_row_length(csr, i) : longest;
	return longest;
}

/* Draws over the rows of a matrix with places for each worker. */
static RecsysStatus
draw_in_order(Env *env, Draw *draw, const Csr *csr, ParallelFunction function)
{
	int			n_workers = parallel_workers(env, csr->n_rows, 1);
	int64_t		longest = longest_row(csr);

	draw->places = env_alloc_zero(env, (size_t) n_workers, sizeof(Place *));
	if (draw->places == NULL)
		return env->status;
	for (int w = 0; w < n_workers; w++)
	{
		draw->places[w] = env_alloc(env, (size_t) longest, sizeof(Place));
		if (draw->places[w] == NULL)
			return env->status;
	}
	TRY(parallel_for(env, csr->n_rows, 1, function, draw, false));
	for (int w = 0; w < n_workers; w++)
		env_free(env, draw->places[w]);
	env_free(env, draw->places);
	return RECSYS_OK;
}

/* Draws among the rows of each course, after all hashes. */
static RecsysStatus
draw_by_course(Env *env, Draw *draw)
{
	const Csr  *by_course = &draw->set->by_course;

	draw->hashes = env_alloc(env, (size_t) by_course->n_entries, sizeof(uint32_t));
	if (draw->hashes == NULL)
		return env->status;
	TRY(parallel_for(env, by_course->n_entries, CHUNK_HASHES, hash_entries, draw, false));
	TRY(draw_in_order(env, draw, by_course, draw_courses));
	env_free(env, draw->hashes);
	return RECSYS_OK;
}

/* Draws by the strategy. */
static RecsysStatus
draw_marks(Env *env, Draw *draw)
{
	const TrainingSet *set = draw->set;
	int32_t		n_users = set->by_user.n_rows;
	double		kept = 1 - draw->spec->test_size;

	switch (draw->spec->strategy)
	{
		case SPLIT_RANDOM:
			return parallel_for(env, n_users, CHUNK_ROWS, draw_random, draw, false);
		case SPLIT_USER:
			return parallel_for(env, n_users, CHUNK_ROWS, draw_users, draw, false);
		case SPLIT_COURSE:
			return draw_by_course(env, draw);
		case SPLIT_LEAVE_K_OUT:
			return draw_in_order(env, draw, &set->by_user, draw_leave_k);
		case SPLIT_TIME:
			TRY(find_cut(env, set, (int64_t) ceil(kept * (double) set->by_user.n_entries),
						 &draw->cut));
			return parallel_for(env, n_users, CHUNK_ROWS, draw_times, draw, false);
	}
	return env_fail(env, RECSYS_BAD_ARGUMENT, "unrecognized split strategy");
}

/* ---------------------------------------------------------------- a held-out table */

/* Where each key of one map is in another; those it does not have follow, in order. */
static RecsysStatus
match_keys(Env *env, const IdMap *known, const IdMap *keys, int32_t **indexes, int32_t *n_all)
{
	*n_all = known->n_keys;
	*indexes = env_alloc(env, (size_t) keys->n_keys, sizeof(int32_t));
	if (*indexes == NULL)
		return env->status;
	for (int32_t i = 0; i < keys->n_keys; i++)
	{
		if (i % 4096 == 0 && env_interrupted(env))
			return env->status;
		(*indexes)[i] = idmap_find(known, idmap_key(keys, i));
		if ((*indexes)[i] != IDMAP_NONE)
			continue;
		if (*n_all == INT32_MAX)
			return env_fail(env, RECSYS_OVER_LIMIT, "held-out table has too many keys");
		(*indexes)[i] = (*n_all)++;
	}
	return RECSYS_OK;
}

/* Copies the entries of one user whose course is known, or not, to `to`; returns where they end. */
static int64_t
copy_held_out(const Csr *from, int32_t user, const int32_t *courses, int32_t n_known, bool known,
			  Csr *out, int64_t to)
{
	for (int64_t i = from->offsets[user]; i < from->offsets[user + 1]; i++)
	{
		int32_t		course = courses[from->indexes[i]];

		if ((course < n_known) != known)
			continue;
		out->indexes[to] = course;
		out->values[to] = from->values[i];
		if (out->times != NULL)
			out->times[to] = from->times[i];
		to++;
	}
	return to;
}

/*
 * Puts the table's rows in the order of the users and courses of the set.  Keys of
 * both are in the same order, so known ones ascend by themselves and unknown ones too.
 */
static RecsysStatus
place_held_out(Env *env, const TrainingSet *set, const TrainingSet *test, const int32_t *users,
			   const int32_t *courses, Csr *out)
{
	const Csr  *from = &test->by_user;
	int32_t		n_known = set->courses.n_keys;
	int32_t    *from_user = env_alloc(env, (size_t) out->n_rows, sizeof(int32_t));
	int64_t		to = 0;

	if (from_user == NULL)
		return env->status;
	for (int32_t u = 0; u < out->n_rows; u++)
		from_user[u] = IDMAP_NONE;
	for (int32_t u = 0; u < from->n_rows; u++)
		from_user[users[u]] = u;
	for (int32_t u = 0; u < out->n_rows; u++)
	{
		if (u % 4096 == 0 && env_interrupted(env))
			return env->status;
		if (from_user[u] != IDMAP_NONE)
		{
			to = copy_held_out(from, from_user[u], courses, n_known, true, out, to);
			to = copy_held_out(from, from_user[u], courses, n_known, false, out, to);
		}
		out->offsets[u + 1] = to;
	}
	env_free(env, from_user);
	return RECSYS_OK;
}

/* Takes the pairs of the held-out part out of what is learned. */
static void
mark_held_out(const TrainingSet *set, const Csr *test, uint8_t *marks)
{
	const Csr  *by_user = &set->by_user;

	memset(marks, IN_BOTH, (size_t) by_user->n_entries);
	for (int32_t u = 0; u < by_user->n_rows; u++)
	{
		int64_t		entry = by_user->offsets[u];

		for (int64_t i = test->offsets[u]; i < test->offsets[u + 1]; i++)
		{
			while (entry < by_user->offsets[u + 1] && by_user->indexes[entry] < test->indexes[i])
				entry++;
			if (entry < by_user->offsets[u + 1] && by_user->indexes[entry] == test->indexes[i])
				marks[entry] = IN_TEST;
		}
	}
}

/* The held-out part from a table. */
static RecsysStatus
take_table(Env *env, const TrainingSet *set, const TrainingSet *test, uint8_t *marks, Fold *fold)
{
	int32_t    *users;
	int32_t    *courses;
	int32_t		n_users;
	int32_t		n_courses;

	TRY(match_keys(env, &set->users, &test->users, &users, &n_users));
	TRY(match_keys(env, &set->courses, &test->courses, &courses, &n_courses));
	TRY(csr_init(env, &fold->test, n_users, n_courses, test->by_user.n_entries,
				 test->by_user.times != NULL));
	TRY(place_held_out(env, set, test, users, courses, &fold->test));
	mark_held_out(set, &fold->test, marks);
	env_free(env, users);
	env_free(env, courses);
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- folds */

/* Random, or by time where there are times. */
SplitSpec
split_defaults(const TrainingSet *set)
{
	return (SplitSpec) {
		.strategy = set->by_user.times != NULL ? SPLIT_TIME : SPLIT_RANDOM,
		.test_size = 0.2,
		.folds = 1,
		.leave_k = 1,
		.random_state = 42
	};
}

/* Numbers within their ranges? */
static RecsysStatus
check_ranges(Env *env, const SplitSpec *spec)
{
	if (!(spec->test_size > 0 && spec->test_size < 1))
		return env_fail(env, RECSYS_BAD_ARGUMENT, "test_size must be greater than 0 and less than 1");
	if (spec->folds < 1 || spec->folds > SPLIT_FOLDS_MAX)
		return env_fail(env, RECSYS_BAD_ARGUMENT, "folds must be between 1 and %d", SPLIT_FOLDS_MAX);
	if (spec->leave_k < 1 || spec->leave_k > INT32_MAX / SPLIT_FOLDS_MAX)
		return env_fail(env, RECSYS_BAD_ARGUMENT, "leave_k must be between 1 and %d",
						INT32_MAX / SPLIT_FOLDS_MAX);
	return RECSYS_OK;
}

/* What does not go together. */
static RecsysStatus
check_times(Env *env, const TrainingSet *set, const SplitSpec *spec)
{
	bool		by_time = spec->strategy == SPLIT_TIME ||
		(spec->strategy == SPLIT_LEAVE_K_OUT && spec->latest);

	if (by_time && set->by_user.times == NULL)
	{
		env_fail(env, RECSYS_BAD_ARGUMENT, "cannot split by time: the dataset has no times");
		return env_hint(env, "Register the dataset with time_column, or split at random.");
	}
	if (by_time && spec->folds > 1)
	{
		env_fail(env, RECSYS_BAD_ARGUMENT, "a split by time has one fold");
		return env_hint(env, "Set folds to 1, or split at random.");
	}
	return RECSYS_OK;
}

/* Checks a spec against the data. */
RecsysStatus
split_check(Env *env, const TrainingSet *set, const TrainingSet *test, const SplitSpec *spec)
{
	if (test == NULL)
	{
		TRY(check_ranges(env, spec));
		return check_times(env, set, spec);
	}
	if (test->users.kind != set->users.kind || test->courses.kind != set->courses.kind)
	{
		env_fail(env, RECSYS_BAD_ARGUMENT, "held-out table has keys of another type");
		return env_hint(env, "Give its columns of users and courses the types of the dataset's.");
	}
	return RECSYS_OK;
}

/* Hashes by which models that store rows of users know them. */
static RecsysStatus
hash_users(Env *env, const TrainingSet *set, Fold *fold)
{
	fold->user_hash = env_alloc_zero(env, (size_t) fold->n_users, sizeof(uint64_t));
	if (fold->user_hash == NULL)
		return env->status;
	for (int32_t u = 0; u < fold->n_users; u++)
	{
		if (u % 4096 == 0 && env_interrupted(env))
			return env->status;
		fold->user_hash[u] = user_key_hash(set->users.kind, idmap_key(&set->users, u));
	}
	return RECSYS_OK;
}

/* Cuts the parts; the held-out one of a table is there already. */
static RecsysStatus
cut_parts(Env *env, const TrainingSet *set, const TrainingSet *test, const uint8_t *marks,
		  Fold *fold)
{
	if (test == NULL)
		TRY(csr_filter(env, &set->by_user, marks, IN_TEST, &fold->test));
	if (fold->test.n_entries == 0)
	{
		env_fail(env, RECSYS_BAD_DATA, "no rating is held out");
		return env_hint(env, "Hold out more, or split by another strategy.");
	}
	TRY(csr_filter(env, &set->by_user, marks, IN_HISTORY, &fold->history));
	TRY(trainingset_subset(env, set, marks, IN_TRAIN, &fold->train));
	return hash_users(env, set, fold);
}

/* Draws or takes the marks, then cuts. */
RecsysStatus
split_fold(Env *env, const TrainingSet *set, const TrainingSet *test, const SplitSpec *spec,
		   int number, Fold *fold)
{
	uint8_t    *marks;

	memset(fold, 0, sizeof(*fold));
	TRY(split_check(env, set, test, spec));
	if (number < 1 || number > (test != NULL ? 1 : spec->folds))
		return env_fail(env, RECSYS_BAD_ARGUMENT, "there is no fold %d", number);
	fold->n_users = set->users.n_keys;
	fold->n_courses = set->courses.n_keys;
	fold->user_group = set->user_group;
	fold->implicit = set->summary.implicit || (test != NULL && test->summary.implicit);
	marks = env_alloc(env, (size_t) set->by_user.n_entries, 1);
	if (marks == NULL)
		return env->status;
	if (test != NULL)
		TRY(take_table(env, set, test, marks, fold));
	else
	{
		Draw		draw = {.set = set, .spec = spec, .fold = number - 1, .marks = marks};

		TRY(draw_marks(env, &draw));
	}
	TRY(cut_parts(env, set, test, marks, fold));
	env_free(env, marks);
	return RECSYS_OK;
}

/* Gives everything back. */
void
fold_free(Env *env, Fold *fold)
{
	trainingset_free(env, &fold->train);
	csr_free(env, &fold->history);
	csr_free(env, &fold->test);
	env_free(env, fold->user_hash);
	memset(fold, 0, sizeof(*fold));
}
