/*
 * baseline.c
 *		Biases of courses and users by alternating exact steps.
 *
 * With the other side fixed, the objective of baseline.h falls apart into one
 * parabola per course (or user), whose lowest point is
 *
 *		b = sum over its ratings (r - mean - bias of the other side) / (reg + number of ratings)
 *
 * Every bias is summed up by one thread in the order of its row, so the result
 * does not depend on the number of threads.
 */
#include "core/baseline.h"

#include <string.h>

#include "core/parallel.h"

/* Rows of one chunk: popular courses make it long, and it should stay below 10 ms. */
#define CHUNK_ROWS 64

/* One half of a sweep. */
typedef struct BiasStep
{
	const Csr  *ratings;		/* a row for each bias to find */
	double		mean;
	double		regularization;
	const float *other;			/* biases of the columns */
	float	   *bias;			/* of the rows: result */
} BiasStep;

/* The lowest point of one parabola; 0 without ratings. */
static double
exact_bias(double mean, double regularization, const float *other, int64_t n,
		   const int32_t *columns, const float *ratings)
{
	double		sum = 0;

	for (int64_t i = 0; i < n; i++)
		sum += ratings[i] - mean - other[columns[i]];
	return n == 0 ? 0 : sum / (regularization + (double) n);
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

		step->bias[row] = (float) exact_bias(step->mean, step->regularization, step->other,
											 csr->offsets[row + 1] - start,
											 csr->indexes + start, csr->values + start);
	}
	return RECSYS_OK;
}

/* Sweeps from zero, courses first. */
RecsysStatus
baseline_fit(Env *env, const TrainingSet *set, float *course_bias, float *user_bias)
{
	double		mean = set->summary.mean;
	BiasStep	courses = {&set->by_course, mean, BASELINE_REG_COURSE, user_bias, course_bias};
	BiasStep	users = {&set->by_user, mean, BASELINE_REG_USER, course_bias, user_bias};

	memset(user_bias, 0, (size_t) set->by_user.n_rows * sizeof(float));
	for (int sweep = 0; sweep < BASELINE_SWEEPS; sweep++)
	{
		TRY(parallel_for(env, set->by_course.n_rows, CHUNK_ROWS, fit_rows, &courses, false));
		TRY(parallel_for(env, set->by_user.n_rows, CHUNK_ROWS, fit_rows, &users, false));
	}
	return RECSYS_OK;
}

/* The same step for one user. */
double
baseline_user_bias(double mean, const float *course_bias, int32_t n, const int32_t *courses,
				   const float *ratings)
{
	return exact_bias(mean, BASELINE_REG_USER, course_bias, n, courses, ratings);
}
