/*
 * split.h
 *		Which ratings a method may learn from, and which it is asked for.
 *
 * A fold is what one fit and its test need: the training set of the rows that
 * are not held out, the rows of each user that are known when the user asks
 * (the histories), and the held-out rows.  Nothing is read again: the parts are
 * cut out of one training set.
 *
 * Every draw is by a hash that SQL can compute as well.  With keys as text,
 *
 *		h(x) = the first 28 bits of md5(x), a number 0 .. 2^28 - 1
 *		row hash  = h(user || '/' || course || '/' || random_state)
 *		user hash = h(user || '/' || random_state)
 *		course hash = h(course || '/' || random_state)
 *
 *		('x' || left(md5(user_id || '/' || course_id || '/' || 42), 7))::bit(28)::int
 *
 * "Share s of" means hash < s * 2^28, fold f (from 1) of F means hash * F / 2^28
 * (rounded down) = f - 1.  Places are by ascending hash, ties by key order.
 *
 *	random		a share of all rows
 *	user		a share of the users: none of their rows is learned from; a share of their rows is held
 *				out, the others are their histories (strong generalisation)
 *	course		of each course with n rows, the floor(test_size * n + .5) first ones by row hash; with
 *				folds, row number i (from 0) of a course is in fold (i + course hash) % F + 1
 *	leave_k_out	of each user, the leave_k first rows by row hash (latest: by descending time, then row
 *				hash); with folds, fold f gets places (f - 1) leave_k .. f leave_k - 1; users who
 *				would keep no row are only learned from
 *	time		all rows after the time at place ceil((1 - test_size) n) of all rows by time
 *
 * With folds, test_size is not used but by `user`, for the rows of a held-out user.  A held-out table
 * (test != NULL) has one fold and no strategy: its pairs of user and course are removed from what
 * is learned; unknown users and courses stay in the held-out part.
 *
 * Time O(rows log(rows of a user or course)), a hash takes about .2 us; memory: the
 * fold's own matrices, at most 24 bytes a row (48 with times), and 1 byte a row while it is drawn.
 */
#ifndef CORE_SPLIT_H
#define CORE_SPLIT_H

#include "core/trainingset.h"

typedef enum SplitStrategy
{
	SPLIT_RANDOM,
	SPLIT_USER,
	SPLIT_COURSE,
	SPLIT_LEAVE_K_OUT,
	SPLIT_TIME
} SplitStrategy;

/* Names in the order of the enum, for choice_name(). */
#define SPLIT_STRATEGIES "random user course leave_k_out time"

#define SPLIT_FOLDS_MAX 100

typedef struct SplitSpec
{
	SplitStrategy strategy;
	double		test_size;		/* share held out, 0 < test_size < 1 */
	int			folds;			/* 1 .. SPLIT_FOLDS_MAX; more than 1 only for random, user, course and
								 * leave_k_out without latest */
	int			leave_k;		/* leave_k_out: rows held out of each user, at least 1 */
	bool		latest;			/* leave_k_out: the newest rows instead of drawn ones */
	int64_t		random_state;
} SplitSpec;

/* random, test_size .2, one fold, leave_k 1, random_state 42; time when the set has times. */
extern SplitSpec split_defaults(const TrainingSet *set);

/*
 * One fold.  Users are numbered as in the whole set; users of the held-out table
 * whom it does not have follow.  Courses likewise.
 */
typedef struct Fold
{
	TrainingSet train;			/* to fit; its users are those with a row in it, all courses stay */
	Csr			history;		/* users x courses of the set: known of a user at call time */
	Csr			test;			/* users x courses: held out; rows and columns with the unknown ones */
	int32_t		n_users;		/* of the whole set */
	int32_t		n_courses;
	bool		implicit;		/* ratings are all 1: of the set, or of the held-out table */
	uint64_t   *user_hash;		/* user_key_hash() of each user of the whole set */
	const int32_t *user_group;	/* of the whole set, n_users of them, or NULL */
} Fold;

/*
 * RECSYS_BAD_ARGUMENT: the spec is not possible (out of range, folds of a split
 * that has none, time or latest without times), or the keys of the held-out table
 * are of another kind than those of the set.
 */
extern RecsysStatus split_check(Env *env, const TrainingSet *set, const TrainingSet *test,
								const SplitSpec *spec);

/*
 * Draws fold number `number` (from 1); test is the held-out table, loaded as a
 * training set of its own with keys of the same kinds, or NULL to draw by spec.
 * RECSYS_BAD_DATA when nothing is held out or nothing is left to learn from.
 * set must outlive the fold: side information is shared.
 */
extern RecsysStatus split_fold(Env *env, const TrainingSet *set, const TrainingSet *test,
							   const SplitSpec *spec, int number, Fold *fold);

extern void fold_free(Env *env, Fold *fold);

/* The row hash of user u and course c of the set, as above. */
extern uint32_t split_hash(const TrainingSet *set, int32_t user, int32_t course,
						   int64_t random_state);

#endif							/* CORE_SPLIT_H */
