/*
 * experiment.h
 *		Controlled experiments: who sees which variant, and what came of it.
 *
 * A variant is drawn by hash, so that no table of assignments is needed, every
 * application computes the same, and experiments are independent of each other:
 *
 *		u = first 52 bits of md5(experiment / user) x 2^-52, 0 <= u < 1
 *		variant = the first i with u (w_1 + ... + w_n) < w_1 + ... + w_i
 *
 * Two proportions p = conversions / n are compared by the z test with the pooled
 * proportion, and their difference gets Newcombe's hybrid score interval, which
 * holds its level where the usual (Wald) interval does not: small groups, few
 * conversions.  Wilson, "Probable inference, the law of succession, and
 * statistical inference" (1927); Newcombe, "Interval estimation for the
 * difference between independent proportions: comparison of eleven methods",
 * Statistics in Medicine 17 (1998), method 10.
 */
#ifndef CORE_EXPERIMENT_H
#define CORE_EXPERIMENT_H

#include <stdint.h>

/* Where in 0 .. 1 a user stands in an experiment; 1 is excluded. */
extern double experiment_draw(const char *experiment, const char *user);

/* The variant at u; weights (NULL: all the same) are not negative, and their sum is finite and positive. */
extern int	experiment_choose(double u, int n_variants, const double *weights);

/* Users of a variant, at least 1, and those who did what was hoped for. */
typedef struct Trial
{
	int64_t		n;
	int64_t		conversions;
} Trial;

/* A variant beside the control. */
typedef struct TrialComparison
{
	double		lift;			/* p / p_control - 1; NAN when the control has no conversion */
	double		p_value;		/* two-sided; 1 when both have none, or both all */
	double		ci_low;			/* of p - p_control */
	double		ci_high;
} TrialComparison;

/* Compares, with the interval at this confidence (between 0 and 1). */
extern TrialComparison experiment_compare(Trial control, Trial variant, double confidence);

#endif							/* CORE_EXPERIMENT_H */
