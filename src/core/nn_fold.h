/*
 * nn_fold.h
 *		The user of the moment for ranking by networks without a closed form.
 *
 * From the mean of the trained users, NN_FOLD_STEPS steps of Adam down the gradient of
 * the user's own objective, over all of its samples at once and with everything else
 * frozen.  The same rows give the same user.
 *
 * The objective is the mean over the samples of nn_pairs.h, without dropout.  The courses
 * not taken are not drawn: up to FOLD_COURSES of all rated courses, at equal distances,
 * stand for them, so that a call takes bounded time.
 */
#ifndef CORE_NN_FOLD_H
#define CORE_NN_FOLD_H

#include "core/nn.h"

#define NN_FOLD_STEPS 20
#define FOLD_COURSES 512

/* Courses that stand for those not taken, ascending. */
typedef struct FoldSample
{
	int32_t    *courses;
	int32_t		n;
} FoldSample;

/* Rated courses at equal distances. */
extern RecsysStatus fold_open_sample(Env *env, const Recommender *rec, FoldSample *sample);

/* One user's problem. */
typedef struct Fold
{
	const Recommender *rec;
	const History *history;
	const FoldSample *sample;
	int			width;			/* numbers of a user */
	double		rate;			/* of the first step; falls to 0 linearly */
	void	   *arg;
	/* Adds weight times the gradient of the loss of one sample to g. */
	void		(*add) (void *arg, const float *x, int32_t course, float target, double weight,
						float *g);
	double		weight;			/* of the history; set by fold_user */
} Fold;

/*
 * Moves x[width] from the mean user to the user; work has 3 width floats and is left dirty.  False when no row of
 * the history counts.
 */
extern bool fold_user(Fold *fold, const float *mean_user, float *x, float *work);

/* The steps alone, down any gradient, from where x[n] is. */
typedef void (*FoldGradient) (void *arg, const float *x, float *g);
extern void fold_steps(int n, float *x, double rate, FoldGradient gradient, void *arg, float *work);

/* Sections of a model: finite floats; offset and deviation of the output, the latter above 0. */
extern RecsysStatus fold_get_floats(Env *env, const Recommender *rec, const char *name,
									int64_t n_rows, int64_t n_cols, const float **values);
extern RecsysStatus fold_get_scale(Env *env, const Recommender *rec, double *offset,
								   double *deviation);

/* min_ratings in force. */
extern double fold_least_ratings(const Recommender *rec);

/* Puts offset and deviation. */
extern RecsysStatus fold_put_scale(Env *env, ModelWriter *writer, double offset, double deviation);

#endif							/* CORE_NN_FOLD_H */
