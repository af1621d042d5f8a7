/*
 * trainingset.h
 *		The ratings as the methods see them: dense indexes, both ways sparse.
 *
 * Rows arrive in any order, one at a time, through a builder.  Their keys are
 * looked up batch by batch, on several threads, and they are kept as (user,
 * course, rating[, time]) in blocks until finished: 12 or 20 bytes a row.
 * Finishing renumbers users and courses in key order, so nothing depends on the
 * order of arrival, sorts by two counting sorts, and drops duplicates of a
 * (user, course) pair: the latest time wins, then the largest rating.
 *
 * Memory at the peak: 12 B a row (20 with times) and 8 (16) once more for the
 * first sorted copy, at most 2 B a row for counters; 16 (32) B a row afterwards;
 * up to 13 MB for the batch, more with long text keys; about 64 B a user and a course
 * (a numeric key takes 24 to 40, a uuid as text up to 100).
 *
 * Like every job, a builder that fails is given back by env_free_all().
 */
#ifndef CORE_TRAININGSET_H
#define CORE_TRAININGSET_H

#include <math.h>

#include "core/csr.h"
#include "core/env.h"
#include "core/idmap.h"
#include "core/matrix.h"
#include "core/stringtable.h"

#define SCALE_MAX 16			/* distinct ratings remembered */
#define RATING_MAX 1e12			/* either way: far from where sums of squares leave float */
#define TIME_OLDEST INT64_MIN	/* a NULL time */

/* Can this be a rating?  NaN cannot. */
static inline bool
rating_in_range(double rating)
{
	return rating >= -RATING_MAX && rating <= RATING_MAX;
}

/* Facts about the ratings, stored with every model. */
typedef struct Summary
{
	int64_t		n_users;		/* with at least one rating */
	int64_t		n_courses;		/* rated or not */
	int64_t		n_courses_rated;
	int64_t		n_ratings;		/* without duplicates */
	int64_t		n_duplicates;	/* rows dropped */
	double		mean;			/* of all ratings; 0 when there is none */
	double		min;
	double		max;
	int64_t		first_time;		/* microseconds since 2000-01-01 UTC; TIME_OLDEST without times */
	int64_t		last_time;		/* "now" for half-life and trending */
	uint64_t	fingerprint;	/* hash of all data that training reads */
	int			implicit;		/* no rating column: every row counts 1 */
	int			n_scale;		/* distinct ratings; 0 when more than SCALE_MAX */
	float		scale[SCALE_MAX];	/* ascending */
} Summary;

typedef struct TrainingSet
{
	Summary		summary;
	Csr			by_user;		/* users x courses: rating, time */
	Csr			by_course;		/* courses x users */
	IdMap		users;			/* key of each user, in key order */
	IdMap		courses;		/* key of each course, in key order */

	/* Side information; zero rows, or none, when the dataset has none. */
	Matrix		genres;			/* courses x genres, row = course */
	StringTable genre_names;
	Csr			terms;			/* courses x words: count or weight */
	StringTable words;			/* in bytewise order */
	int32_t    *user_group;		/* per user: number of the group, or -1; NULL without attributes */
	StringTable groups;			/* "age_band=25-34, country=DE", in bytewise order */

	bool		is_subset;		/* courses, genres, terms, groups belong to the set it was cut from */
} TrainingSet;

/* Rows are looked up in batches that double from the first size to the last. */
#define BATCH_ROWS_MIN 4096
#define BATCH_ROWS_MAX 262144
#define BATCH_BYTES_MAX (INT64_C(1) << 24)	/* of text keys; more end a batch too */

/* A batch of rows that has been looked up. */
typedef struct BuilderBlock
{
	struct BuilderBlock *next;
	int64_t		first_row;		/* rows before it */
	int32_t		n;
	int32_t    *users;
	int32_t    *courses;
	float	   *ratings;		/* NULL when implicit */
	int64_t    *times;			/* NULL without times */
} BuilderBlock;

typedef struct TrainingBuilder
{
	IdMap		users;			/* in order of arrival */
	IdMap		courses;
	bool		with_times;
	bool		implicit;
	int64_t		n_rows;			/* in blocks and in the batch */
	BuilderBlock *first;
	BuilderBlock *last;
	KeyBatch	user_keys;		/* of the rows of `last`, which is not looked up yet */
	KeyBatch	course_keys;
} TrainingBuilder;

extern RecsysStatus builder_init(Env *env, TrainingBuilder *builder, KeyKind user_kind,
								 KeyKind course_kind, bool with_times, bool implicit);

/* A course that may have no rating. */
extern RecsysStatus builder_add_course(Env *env, TrainingBuilder *builder, Key course);

/* For builder_add_rating: looks up the keys of the batch, and makes room for another. */
extern RecsysStatus builder_next_batch(Env *env, TrainingBuilder *builder);

/*
 * A rating; time is ignored without times, rating when implicit.  A rating that
 * is not in range is RECSYS_BAD_DATA.  Inline, because passing two keys to a
 * function takes as long as all of this.
 */
static inline RecsysStatus
builder_add_rating(Env *env, TrainingBuilder *builder, Key user, Key course, float rating,
				   int64_t time)
{
	BuilderBlock *block;

	if (!builder->implicit && !rating_in_range(rating))
		return env_fail(env, RECSYS_BAD_DATA, "rating must be finite and at most %g", RATING_MAX);
	if (builder->user_keys.n == builder->user_keys.room ||
		keybatch_bytes(&builder->user_keys) >= BATCH_BYTES_MAX ||
		keybatch_bytes(&builder->course_keys) >= BATCH_BYTES_MAX)
		TRY(builder_next_batch(env, builder));
	TRY(keybatch_add(env, &builder->user_keys, user));
	TRY(keybatch_add(env, &builder->course_keys, course));
	block = builder->last;
	if (block->ratings != NULL)
		block->ratings[block->n] = rating + 0.0f;	/* -0 becomes 0: equal ratings, equal bytes */
	if (block->times != NULL)
		block->times[block->n] = time;
	block->n++;
	builder->n_rows++;
	return RECSYS_OK;
}

/*
 * Turns the rows into a training set and frees the builder.  No rows at all is
 * RECSYS_BAD_DATA.  O(rows + keys log keys).  Side information is added afterwards, by index.
 */
extern RecsysStatus builder_finish(Env *env, TrainingBuilder *builder, TrainingSet *set);

/*
 * Side information.  Genre weights are written straight into set->genres by the
 * caller after trainingset_set_genres.
 */
extern RecsysStatus trainingset_set_genres(Env *env, TrainingSet *set, const StringTable *names);

/* One word of a course; words of one course may repeat, their weights are added up. */
typedef struct TermsBuilder
{
	IdMap		words;			/* in order of arrival */
	int32_t    *entry_course;
	int32_t    *entry_word;
	float	   *entry_weight;
	int64_t		n_entries;
	int64_t		room;
} TermsBuilder;

extern RecsysStatus terms_init(Env *env, TermsBuilder *terms);
extern RecsysStatus terms_add(Env *env, TermsBuilder *terms, int32_t course, const char *word,
							  size_t length, float weight);

/* Moves the words into the set, numbered bytewise, and frees the builder. */
extern RecsysStatus terms_finish(Env *env, TermsBuilder *terms, TrainingSet *set);

/* Sets summary.fingerprint: a hash of keys, ratings, times, genres, terms and groups. */
extern RecsysStatus trainingset_fingerprint(Env *env, TrainingSet *set);

extern void trainingset_free(Env *env, TrainingSet *set);

/*
 * The set of some ratings: those whose mark has one of the bits, in the order of
 * set->by_user.  Users without a rating are left out, the others stay in their
 * order; all courses stay, with their indexes.  What is known of courses is
 * shared, so set must outlive the subset.  The summary is that of the rows, without
 * a fingerprint (0).  No rating at all is RECSYS_BAD_DATA.
 *
 * Memory: 16 bytes a row (32 with times) and the users' keys; at the peak what
 * sorting them takes more, as for the whole set.
 */
extern RecsysStatus trainingset_subset(Env *env, const TrainingSet *set, const uint8_t *marks,
									   uint8_t bits, TrainingSet *subset);

/* Ratings that are to be loaded. */
typedef struct TrainingShape
{
	int64_t		n_rows;
	int64_t		n_users;
	int64_t		n_courses;
	KeyKind		user_kind;
	KeyKind		course_kind;
	bool		with_times;
	bool		implicit;
} TrainingShape;

/* Bytes of loading them at its peak, and of the training set that is held then; false on overflow. */
extern bool trainingset_bytes(const TrainingShape *shape, size_t *peak, size_t *held);

/* Weight of something of age last - time (microseconds) under a half-life in seconds; NAN: 1. */
static inline float
age_weight(int64_t time, int64_t last, double half_life)
{
	if (isnan(half_life))
		return 1;
	if (time == TIME_OLDEST)
		return 0;
	if (time >= last)
		return 1;
	return (float) exp2(-((double) last - (double) time) / 1e6 / half_life);
}

#endif							/* CORE_TRAININGSET_H */
