/*
 * metrics.h
 *		How good predictions and lists are: one written definition for each metric.
 *
 * Rating metrics, pooled over n held-out rows, a actual, p predicted:
 *
 *	rmse		sqrt(mean (p - a)^2)
 *	mae, mse	mean |p - a|, mean (p - a)^2
 *	r2			1 - sum (p - a)^2 / sum (a - mean a)^2; none when all a are equal
 *	rmse_user	mean over users of the RMSE of their rows
 *
 * Classification: a row is positive when a >= relevance, called positive when
 * p >= relevance, or, p being a probability, when p >= 1/2; TP, FP, FN, TN count rows.
 * 0 / 0 is no value, unless said.
 *
 *	accuracy		(TP + TN) / n
 *	ber				balanced error rate, (FN / (TP + FN) + FP / (FP + TN)) / 2
 *	f1				2 TP / (2 TP + FP + FN)
 *	class_precision	TP / (TP + FP)
 *	class_recall	TP / (TP + FN)
 *	mcc				(TP TN - FP FN) / sqrt((TP + FP) (TP + FN) (TN + FP) (TN + FN)); 0 when all rows are
 *					called the same but are not
 *	class_auc		share of pairs of a positive and a negative row in which the positive one has the
 *					larger p; equal p count half
 *
 * Ranking, of one user: a list L of at most k courses, hits h_i (1 when the
 * course at place i, from 1, is relevant), R relevant held-out courses, whether or
 * not they can be recommended; then the mean over users.
 *
 *	precision			sum h_i / k
 *	precision_capped	sum h_i / min(k, R)
 *	recall				sum h_i / R
 *	ndcg				sum g_i h_i / log2(i + 1) over the same of the best possible list; gain g_i = 1, or the
 *						rating, where negative ratings count 0
 *	map					sum h_i (hits up to i / i) / min(k, R)
 *	mrr					1 / place of the first hit; 0 without
 *	hit					1 when there is a hit
 *	auc					over the whole ranking, not the list: share of pairs of a relevant and another
 *						candidate in which the relevant one scores higher; equal scores, no opinion being
 *						the least, count half; users without such a pair are left out
 *	novelty				mean of -log2(share of the training users who have the course) over L
 *	diversity			1 - mean cosine of two different courses of L, by genres, or words where there are no
 *						genres; of lists of two and more
 *
 * Ranking, of all lists together: n_c = how many of them course c is in,
 *
 *	coverage			share of the candidate courses with n_c > 0
 *	gini				sum (2 i - n - 1) n_(i) / (n sum n_c), candidates by ascending n_c, i from 1
 *	enrollment_share	share of all training rows that belong to courses with n_c > 0
 */
#ifndef CORE_METRICS_H
#define CORE_METRICS_H

#include "core/env.h"

/* All metrics, in the order in which they are listed. */
typedef enum Metric
{
	METRIC_RMSE,
	METRIC_MAE,
	METRIC_MSE,
	METRIC_R2,
	METRIC_RMSE_USER,
	METRIC_ACCURACY,
	METRIC_BER,
	METRIC_F1,
	METRIC_CLASS_PRECISION,
	METRIC_CLASS_RECALL,
	METRIC_MCC,
	METRIC_CLASS_AUC,
	METRIC_PRECISION,
	METRIC_PRECISION_CAPPED,
	METRIC_RECALL,
	METRIC_NDCG,
	METRIC_MAP,
	METRIC_MRR,
	METRIC_HIT,
	METRIC_AUC,
	METRIC_NOVELTY,
	METRIC_DIVERSITY,
	METRIC_COVERAGE,
	METRIC_GINI,
	METRIC_ENROLLMENT_SHARE,
	METRIC_COLD_USERS,			/* count: users with held-out rows but no row in their history */
	METRIC_USERS_WITHOUT_RELEVANT,	/* count: with a history, but no relevant held-out row */
	N_METRICS
} Metric;

/* Groups of metrics. */
enum
{
	METRICS_RATING = 1,			/* rmse .. rmse_user: methods that predict, ratings that are not implicit */
	METRICS_CLASSIFICATION = 2, /* accuracy .. class_auc: the same, and relevance given */
	METRICS_RANKING = 4			/* the others */
};

typedef struct MetricInfo
{
	const char *name;
	unsigned	group;			/* METRICS_* */
	bool		at_k;			/* of lists of k courses */
	int			better;			/* 1: larger is better, -1: smaller, 0: neither */
} MetricInfo;

extern const MetricInfo metric_infos[N_METRICS];

/* By name; -1 when there is none. */
extern int	metric_find(const char *name, size_t length);

/*
 * Fills values[METRIC_RMSE .. METRIC_RMSE_USER] from n rows in the order of their users;
 * offsets has n_users + 1 entries, users without rows are skipped.  NAN: no value.
 */
extern void metrics_rating(int32_t n_users, const int64_t *offsets, const float *actual,
						   const float *predicted, double *values);

/* Is a rating positive?  Compared as float, which ratings are: 3.3 is at least 3.3. */
static inline bool
rating_is_relevant(float rating, double relevance)
{
	return rating >= (float) relevance;
}

/*
 * Fills values[METRIC_ACCURACY .. METRIC_CLASS_AUC]; rows are called positive when predicted >= cut.
 * Allocates and frees 16 bytes a row; O(n).
 */
extern RecsysStatus metrics_classification(Env *env, int64_t n, const float *actual,
										   const float *predicted, double relevance,
										   double cut, double *values);

/* A held-out course of a user; relevant ones only. */
typedef struct Relevant
{
	int32_t		course;
	float		gain;			/* 1, or the rating */
} Relevant;

/*
 * Fills values[METRIC_PRECISION .. METRIC_HIT] of one list.  relevant: n_relevant
 * of them, courses ascending and distinct, at least one; gains_sorted: the same
 * gains, descending.
 */
extern void metrics_list(int k, int n_list, const int32_t *list, int32_t n_relevant,
						 const Relevant *relevant, const float *gains_sorted, double *values);

/*
 * METRIC_AUC of one user: scores of n_relevant relevant candidates against n_others other ones, none of
 * them NaN.  NAN when either is empty.  O(n_relevant * n_others) comparisons, many at a time.
 */
extern double metrics_auc(int64_t n_relevant, const float *relevant, int64_t n_others,
						  const float *others);

/* METRIC_GINI of n counts, sorted here in place; NAN when they are all 0. */
extern double metrics_gini(int64_t n, int64_t *counts);

/* Mean and sample standard deviation (n - 1) of the values that are not NAN; NAN where undefined. */
extern void metrics_mean(int n, const double *values, double *mean, double *std);

#endif							/* CORE_METRICS_H */
