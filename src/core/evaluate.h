/*
 * evaluate.h
 *		Trains a method on a part of the ratings and asks it for the others.
 *
 * The method is fitted on the fold's training part alone and used through its
 * model bytes, so what is measured is what would be served: histories are folded
 * in at call time.  Ranking: every course with a training row that is not in the
 * user's history is a candidate; courses without a score follow by popularity, as
 * when serving (unless cold_start is none).  Beside every value stands the best
 * trivial baseline of the same fold:
 *
 *	rating, classification	global_mean, user_mean, course_mean, bias
 *	classification			majority
 *	ranking					popular
 *
 * Metrics and formulas: metrics.h; splits: split.h.  Ranking metrics are means
 * over the users with at least one row in their history and one relevant
 * held-out row; the others are counted in the rows cold_users and
 * users_without_relevant.  Rating metrics are over all held-out rows: a user
 * or course without training rows is predicted as when serving.
 *
 * Users are scored block by block on the threads of the Env, never users x
 * courses at once: memory is that of the fold and of one fit at a time, and for
 * each held-out row 5 floats, to classify 7.  The result is the same for every number of threads.
 *
 * A method that learns two classes of ratings (Method.probability) calls a row positive when its
 * probability is at least 1/2, any other one when its prediction is at least relevance.  It
 * learns the classes that are asked for: its parameter relevance, when null, becomes that of the
 * evaluation.
 *
 * Messages (env_message, warnings): one value has more than 90 % of the ratings,
 * all ratings are equal, no user could be ranked for, no row could be predicted.
 */
#ifndef CORE_EVALUATE_H
#define CORE_EVALUATE_H

#include "core/method.h"
#include "core/metrics.h"
#include "core/split.h"

#define EVALUATE_K_MAX 1000

typedef struct EvaluateOptions
{
	int			k;				/* length of the lists, 1 .. EVALUATE_K_MAX */
	double		relevance;		/* a held-out row counts from this rating; NAN: any row */
	bool		graded;			/* ndcg: the rating is the gain, not 1 */
	unsigned	groups;			/* METRICS_*; 0: all that the method and the data allow */
	double		diversity;		/* 0 .. 1: lists are chosen as answers with this diversity (answer.h) */
} EvaluateOptions;

/* k 10, any row relevant, binary, all groups, lists by score. */
extern EvaluateOptions evaluate_defaults(void);

/* The trivial baselines. */
typedef enum Baseline
{
	BASELINE_GLOBAL_MEAN,		/* mean of the training ratings */
	BASELINE_USER_MEAN,			/* of the user's history; without one the global mean */
	BASELINE_COURSE_MEAN,		/* of the course's training ratings; without any the global mean */
	BASELINE_BIAS,				/* mean + bias of the user + bias of the course, see baseline.h */
	BASELINE_POPULAR,			/* candidates by their number of training rows */
	BASELINE_MAJORITY,			/* every row in the class that most training ratings are in */
	N_BASELINES
} Baseline;

extern const char *const baseline_names[N_BASELINES];

/* Of a row: all folds together. */
#define ALL_FOLDS (-1)

/* One value. */
typedef struct EvaluationRow
{
	Metric		metric;			/* metric_infos[] has its name */
	int			k;				/* 0: the metric is not of lists of k */
	double		value;			/* NAN: not defined for these data */
	double		std;			/* over the folds, n - 1; NAN but for all of several folds */
	double		baseline;		/* best trivial baseline, NAN: none */
	const char *baseline_method;	/* its name (constant text), NULL: none */
	double		baselines[N_BASELINES]; /* all of them, NAN where one has no value */
	int64_t		users;			/* that the value is over */
	int64_t		ratings;		/* held-out rows that the value is over */
	int			fold;			/* from 1, or ALL_FOLDS */
} EvaluationRow;

/* Rows by fold (several folds: each, then all; one fold: all only), then in the order of Metric. */
typedef struct Evaluation
{
	EvaluationRow *rows;		/* block of the Env */
	int			n_rows;
} Evaluation;

/*
 * Fails unless the options are within their limits, and the method fits them: RECSYS_UNSUPPORTED for
 * diversity with a method that cannot compare courses.
 */
extern RecsysStatus evaluate_check(Env *env, const Method *method, const EvaluateOptions *options);

/*
 * Evaluates one method.  params: as for recommender_train; test: a held-out
 * table as a training set of its own, or NULL to draw folds by spec.
 *
 * RECSYS_BAD_ARGUMENT: what split_check and evaluate_check say; a method that learns other classes than
 * asked for; groups that ask an implicit data set or a method that does not predict for ratings, or for
 * classes without relevance.
 * Other errors are those of the method.  Everything but the rows has been given
 * back when it returns, also on failure.
 */
extern RecsysStatus evaluate(Env *env, const Method *method, const void *params,
							 const TrainingSet *set, const TrainingSet *test,
							 const SplitSpec *spec, const EvaluateOptions *options,
							 Evaluation *evaluation);

/*
 * The same on one fold that was drawn already, for several methods or parameters
 * on the same rows; rows have fold = number.  fold->train is a training set in its own
 * right: tuning evaluates on it with folds of its own (and another random_state,
 * because equal hashes would draw nothing), then the best on the fold.
 */
extern RecsysStatus evaluate_fold(Env *env, const Method *method, const void *params,
								  const Fold *fold, int number, const EvaluateOptions *options,
								  Evaluation *evaluation);

/*
 * Means over folds: n evaluations with the same metrics become rows of fold
 * ALL_FOLDS; users and ratings are added up, the baseline is the one with the best mean.
 */
extern RecsysStatus evaluate_mean(Env *env, int n, const Evaluation *folds, Evaluation *mean);

/* The row of a metric and fold; NULL when there is none. */
extern const EvaluationRow *evaluation_find(const Evaluation *evaluation, Metric metric, int fold);

#endif							/* CORE_EVALUATE_H */
