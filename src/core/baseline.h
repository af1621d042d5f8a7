/*
 * baseline.h
 *		Rating = mean + bias of the user + bias of the course.
 *
 *		min  sum (r_uc - mean - b_u - b_c)^2 + reg_course sum b_c^2 + reg_user sum b_u^2
 *
 * by alternating exact steps (Koren, "Factor in the neighbors", 2010, section
 * 2.1), 10 sweeps from zero, courses first.  It is what every prediction falls
 * back to, and what knn with rating = baseline centres on.
 */
#ifndef CORE_BASELINE_H
#define CORE_BASELINE_H

#include "core/trainingset.h"

#define BASELINE_SWEEPS 10
#define BASELINE_REG_COURSE 10.0
#define BASELINE_REG_USER 15.0

/* What the biases are weighed against, and how ratings age. */
typedef struct BaselineRule
{
	double		mean;
	double		reg_course;
	double		reg_user;
	double		half_life;		/* seconds; NAN: ratings do not age */
	int64_t		last_time;
} BaselineRule;

/*
 * One sweep: courses given users, then users given courses, each the smallest value of the objective with
 * the squared errors weighed by age.
 */
extern RecsysStatus baseline_sweep(Env *env, const TrainingSet *set, const BaselineRule *rule,
								   float *course_bias, float *user_bias);

/* Bias of a user from n ratings, given the course biases, under a rule; times may be NULL. */
extern double baseline_exact_user_bias(const BaselineRule *rule, const float *course_bias,
									   int32_t n, const int32_t *courses, const float *ratings,
									   const int64_t *times);

/* Fills course_bias[n_courses] and user_bias[n_users]; O(sweeps * ratings). */
extern RecsysStatus baseline_fit(Env *env, const TrainingSet *set, float *course_bias,
								 float *user_bias);

/* The same under the rule of baseline_fit. */
extern double baseline_user_bias(double mean, const float *course_bias, int32_t n,
								 const int32_t *courses, const float *ratings);

#endif							/* CORE_BASELINE_H */
