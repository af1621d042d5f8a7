/*
 * knn_common.h
 *		What the two halves of method knn share: courses compared by their users
 *		(methods/knn.c) and users compared by their courses (knn_users.c).
 */
#ifndef CORE_KNN_COMMON_H
#define CORE_KNN_COMMON_H

#include "core/method.h"
#include "core/similarity.h"
#include "core/topk.h"

/* What a predicted rating is a weighted mean of. */
typedef enum KnnRating
{
	KNN_RAW,					/* ratings */
	KNN_CENTRED,				/* deviations from the mean of the neighbour */
	KNN_ZSCORE,					/* the same in standard deviations of the neighbour */
	KNN_BASELINE				/* deviations from mean + biases */
} KnnRating;

typedef struct KnnParams
{
	CommonParams common;
	int64_t		neighbors;
	int64_t		table_size;
	int			similarity;		/* Similarity */
	bool		user_based;
	int64_t		min_support;
	double		shrinkage;
	int			rating;			/* KnnRating */
	bool		normalize;
} KnnParams;

/* Where the ratings of a row lie: (rating - center) / scale is comparable between rows. */
typedef struct KnnCenters
{
	float	   *center;
	float	   *scale;
	double		overall_scale;	/* for rows whose ratings are all equal */
} KnnCenters;

typedef struct KnnState
{
	/* Users compared with users. */
	SimilarityRule user_rule;
	const float *course_facts;	/* see similarity_column_facts; NULL where weights have none */
	double		mean_row_sum;	/* of the users, see similarity_row_fact */

	/* Item-based. */
	Csr			similarity;		/* courses x courses */
	float	   *row_scale;		/* 1 / length of each row; 1 without normalize */
	KnnCenters	courses;

	/* User-based: every training row. */
	Csr			rows;			/* users x courses, as rated */
	const float *ages;			/* age weight of each entry of rows, or NULL */
	Csr			raters;			/* courses x users, weighed for the similarity */
	RowSize    *sizes;			/* of the weighed rows */
	const int64_t *hashes;		/* salted hash of each user's key */
	uint64_t	salt;
	KnnCenters	users;
} KnnState;

/* Scratch memory, zero between calls. */
typedef struct KnnScratch
{
	void	   *sums;			/* user-based: per training user */
	int32_t    *touched;		/* user-based: training users met */
	TopkItem   *heap;			/* neighbors items */
	float	   *a;				/* n_courses values */
	float	   *b;				/* n_courses values */
	size_t		bytes;			/* in all */
} KnnScratch;

extern KnnScratch knn_scratch(const Recommender *rec, void *memory);

/* Are ratings aged before the similarity is computed? */
extern bool knn_ages(const TrainingSet *set, const KnnParams *params);

/* Sum of all ratings, aged where the similarity ages them. */
extern RecsysStatus knn_total(Env *env, const TrainingSet *set, const KnnParams *params,
							  double *total);

/*
 * Centers of the rows of a matrix for a rating mode; bias of each row is read by
 * KNN_BASELINE only.  Allocates center and scale.
 */
extern RecsysStatus knn_center_rows(Env *env, KnnRating mode, const Csr *rows, double mean,
									const float *bias, KnnCenters *centers);

/* Center and scale of one row of ratings, for all modes but KNN_BASELINE. */
extern void knn_center_row(KnnRating mode, SparseRow row, double overall_scale, float *center,
						   float *scale);

/* knn_users.c: the functions of the method when user_based, and compare for both. */
extern RecsysStatus knn_users_fit(Env *env, const TrainingSet *set, const KnnParams *params,
								  ModelWriter *writer);
extern RecsysStatus knn_users_open(Env *env, Recommender *rec);
extern RecsysStatus knn_user_facts_fit(Env *env, const TrainingSet *set, const KnnParams *params,
									   ModelWriter *writer);
extern RecsysStatus knn_user_facts_open(Env *env, Recommender *rec);
extern void knn_users_score(const Recommender *rec, const History *history, void *memory,
							float *scores);
extern double knn_users_predict(const Recommender *rec, const History *history, int32_t course,
								void *memory);
extern int	knn_users_explain(const Recommender *rec, const History *history, int32_t course,
							  void *memory, Reason *reasons, int max);
extern float knn_users_compare(const Recommender *rec, const History *a, const History *b,
							   void *memory);

#endif							/* CORE_KNN_COMMON_H */
