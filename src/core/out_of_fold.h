/*
 * out_of_fold.h
 *		Rows to fit an estimator on, with embeddings that have not seen them.
 *
 * The embedding of a user is made of the user's ratings, and that of a course of the course's.  An estimator
 * fitted on rows whose own ratings are in both learns to read the rating out of them, and has nothing to read
 * when it is asked for another.  So the ratings are cut into folds, by the row hashes of split.h with a seed of
 * their own, and for each fold
 *
 *	- a base model is trained on the other folds,
 *	- the user of a row is folded in from the user's ratings in the other folds,
 *	- vectors are turned onto those of the model of all ratings, which serves, by the rotation of
 *	  procrustes.h that brings the course vectors closest to its own, each weighted by its ratings.  Biases
 *	  stay, and so do the products of users and courses.
 *
 * (The factors of nmf are no more than close to a rotation of each other; the nearest one is taken.)
 *
 * A row is left out when nothing is known of its user or its course without it.  With more than max_rows rows,
 * so many are drawn, each set of rows being as likely as any other.
 *
 * Targets: the rating; or 1 when the rating is in the class and 0 when it is not; or, to tell what is taken, 1
 * for a rating in the class, and 0 for the others and for `negatives` courses for each row which the user has not rated.
 */
#ifndef CORE_OUT_OF_FOLD_H
#define CORE_OUT_OF_FOLD_H

#include "core/features.h"
#include "core/parts.h"

/* What the target of a row is. */
typedef enum RowTarget
{
	TARGET_RATING,
	TARGET_CLASS,
	TARGET_TAKEN
} RowTarget;

/* How rows are made. */
typedef struct RowsSpec
{
	const MethodPart *base;
	FeatureCombine combine;
	const FeatureContent *content;
	RowTarget	target;
	double		relevance;		/* a rating is in the class from here on */
	int			negatives;		/* TARGET_TAKEN: for each rating */
	int			folds;
	int64_t		max_rows;
	int64_t		random_state;
	double		half_life;		/* weights by age; NAN: none */
} RowsSpec;

/* Rows; blocks of the Env. */
typedef struct FeatureRows
{
	int64_t		n;
	int			n_features;
	float	   *features;
	float	   *targets;
	float	   *weights;		/* NULL without half_life */
} FeatureRows;

/*
 * What is known of one user of a base model: n_factors + 1 numbers, and then of each course.  A course
 * without a vector has zeros; false when there is no content either.
 */
extern bool base_course(const Recommender *base, const FeatureContent *content, int32_t course,
						float *vector);

/* Is the rating in the class? */
static inline bool
rating_in_class(const RowsSpec *spec, float rating)
{
	return rating >= (float) spec->relevance;
}

/*
 * Makes the rows of a set.  final: the base model of all of it.  There may be none (n 0), when there are too few
 * ratings for it.
 */
extern RecsysStatus out_of_fold_rows(Env *env, const TrainingSet *set, const Recommender *final,
									 const RowsSpec *spec, FeatureRows *rows);

/* The seed of the row hashes that the folds are drawn by. */
extern int64_t out_of_fold_seed(int64_t random_state);

/* Rows that are made at most of so many ratings. */
extern int64_t out_of_fold_count(const RowsSpec *spec, int64_t n_ratings);

/* Bytes at the peak, the rows included; and of the rows alone. */
extern double out_of_fold_bytes(const Shape *shape, const RowsSpec *spec, int n_factors, int n_features,
								double *rows_bytes);

/* Seconds. */
extern double out_of_fold_seconds(const Shape *shape, const RowsSpec *spec, int n_features);

#endif							/* CORE_OUT_OF_FOLD_H */
