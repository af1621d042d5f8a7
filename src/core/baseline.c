/*
 * baseline.c
 *		Biases of courses and users by alternating exact steps.
 *
 * With the other side fixed, the objective of baseline.h falls apart into one
 * parabola per course (or user), whose lowest point is
 *
 *		b = sum over its ratings (r - mean - bias of the other side) / (reg + number of ratings)
 *
 * with each rating taken as often as it counts by age.
 *
 * Every bias is summed up by one thread in the order of its row, so the result
 * does not depend on the number of threads.
 */
#include "core/baseline.h"

#include <math.h>
#include <string.h>

#include "core/parallel.h"

/* Rows of one chunk: popular courses make it long, and it should stay below 10 ms. */
#define CHUNK_ROWS 64

/* One half of a sweep. */
typedef struct BiasStep
{
	const Csr  *ratings;		/* a row for each bias to find */
	const BaselineRule *rule;
	double		regularization;
	const float *other;			/* biases of the columns */
	float	   *bias;			/* of the rows: result */
} BiasStep;

/* The lowest point of one parabola; 0 without ratings. */
static double
exact_bias(const BaselineRule *rule, double regularization, const float *other, int64_t n,
		   const int32_t *columns, const float *ratings, const int64_t *times)
{
	double		sum = 0;
	double		weights = 0;

	for (int64_t i = 0; i < n; i++)
	{
		double		weight = times == NULL ? 1 :
			age_weight(times[i], rule->last_time, rule->half_life);

		sum += weight * (ratings[i] - rule->mean - other[columns[i]]);
		weights += weight;
	}
	return weights > 0 ? sum / (regularization + weights) : 0;
}

/* ParallelFunction: the biases of rows begin .. end - 1. */
static RecsysStatus
fit_rows(void *arg, int64_t begin, int64_t end, int worker)
{
	const BiasStep *step = arg;
	const Csr  *csr = step->ratings;

	(void) worker;
	for (int64_t row = begin; row < end; row++)
	{
		int64_t		start = csr->offsets[row];

		step->bias[row] = (float) exact_bias(step->rule, step->regularization, step->other,
											 csr->offsets[row + 1] - start,
											 csr->indexes + start, csr->values + start,
											 csr->times == NULL ? NULL : csr->times + start);
	}
	return RECSYS_OK;
}

/* Both halves. */
RecsysStatus
baseline_sweep(Env *env, const TrainingSet *set, const BaselineRule *rule, float *course_bias,
			   float *user_bias)
{
	BiasStep	courses = {&set->by_course, rule, rule->reg_course, user_bias, course_bias};
	BiasStep	users = {&set->by_user, rule, rule->reg_user, course_bias, user_bias};

	TRY(parallel_for(env, set->by_course.n_rows, CHUNK_ROWS, fit_rows, &courses, false));
	return parallel_for(env, set->by_user.n_rows, CHUNK_ROWS, fit_rows, &users, false);
}

/* The rule of every prediction that nothing better is known for. */
static BaselineRule
default_rule(double mean)
{
	return (BaselineRule) {mean, BASELINE_REG_COURSE, BASELINE_REG_USER, NAN, 0};
}

/* Sweeps from zero. */
RecsysStatus
baseline_fit(Env *env, const TrainingSet *set, float *course_bias, float *user_bias)
{
	BaselineRule rule = default_rule(set->summary.mean);

	memset(user_bias, 0, (size_t) set->by_user.n_rows * sizeof(float));
	for (int sweep = 0; sweep < BASELINE_SWEEPS; sweep++)
		TRY(baseline_sweep(env, set, &rule, course_bias, user_bias));
	return RECSYS_OK;
}

/* The same step for one user. */
double
baseline_exact_user_bias(const BaselineRule *rule, const float *course_bias, int32_t n,
						 const int32_t *courses, const float *ratings, const int64_t *times)
{
	return exact_bias(rule, rule->reg_user, course_bias, n, courses, ratings, times);
}

/* Without ageing. */
double
baseline_user_bias(double mean, const float *course_bias, int32_t n, const int32_t *courses,
				   const float *ratings)
{
	BaselineRule rule = default_rule(mean);

	return baseline_exact_user_bias(&rule, course_bias, n, courses, ratings, NULL);
}
