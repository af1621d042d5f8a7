/*
 * latent.c
 *		Latent factors of courses and users, whatever method learned them.
 */
#include <string.h>

#include "core/blas.h"
#include "core/latent.h"
#include "core/vector.h"

#define COURSES_AT_ONCE 256

/* The three functions come together, the bias of courses apart. */
bool
method_has_factors(const Method *method)
{
	return method->course_vector != NULL && method->user_vector != NULL;
}

/* Every course tells the number, also one without factors. */
int
latent_count(const Recommender *rec)
{
	int			n = 0;

	if (rec->n_courses > 0)
		rec->method->course_vector(rec, 0, &n);
	return n;
}

/* An empty history says nothing of anybody, whatever a method makes of it. */
bool
latent_user(const Recommender *rec, const History *history, void *scratch, float *out)
{
	if (history->n == 0)
		return false;
	memset(out, 0, ((size_t) latent_count(rec) + 1) * sizeof(float));
	return rec->method->user_vector(rec, history, scratch, out) > 0;
}

/* Similarity of one course to another, whose length is given. */
static float
course_similarity(const Recommender *rec, int32_t course, const float *other, float other_norm,
				  LatentMeasure measure)
{
	int			n;
	const float *own = rec->method->course_vector(rec, course, &n);
	float		norm;

	if (own == NULL)
		return NO_OPINION;
	if (measure == LATENT_DOT)
		return vector_dot(own, other, n);
	norm = vector_norm(own, n);
	return norm > 0 && other_norm > 0 ? vector_dot(own, other, n) / norm / other_norm : NO_OPINION;
}

/* One product for each course. */
void
latent_similar(const Recommender *rec, int32_t course, LatentMeasure measure, float *scores)
{
	int			n;
	const float *vector = rec->method->course_vector(rec, course, &n);
	float		norm = vector == NULL ? 0 : vector_norm(vector, n);

	for (int32_t c = 0; c < rec->n_courses; c++)
		scores[c] = vector == NULL ? NO_OPINION
			: course_similarity(rec, c, vector, norm, measure);
}

/* Adds the biases to the scores of some courses, and takes out those that have none. */
static void
finish_block(const Recommender *rec, int32_t begin, int32_t end, double min_ratings,
			 const float *user_vectors, int n_users, float *scores)
{
	const Method *method = rec->method;
	float		added[COURSES_AT_ONCE];
	int			n = 0;

	for (int32_t c = begin; c < end; c++)
	{
		bool		known = method->course_vector(rec, c, &n) != NULL &&
			!(rec->course_counts[c] < min_ratings);

		added[c - begin] = !known ? NO_OPINION :
			method->course_vector_bias == NULL ? 0 : method->course_vector_bias(rec, c);
	}
	for (int u = 0; u < n_users; u++)
	{
		float	   *row = scores + (int64_t) u * rec->n_courses;
		float		own = user_vectors[(int64_t) u * (n + 1) + n];

		for (int32_t c = begin; c < end; c++)
			row[c] += own + added[c - begin];
	}
}

/* One product, then one pass over its result. */
void
latent_score_block(const Recommender *rec, const float *factors, int stride,
				   double min_ratings, const float *user_vectors, int n_users, float *scores)
{
	int			n = latent_count(rec);

	blas_sgemm(false, true, n_users, rec->n_courses, n, 1, user_vectors, n + 1, factors, stride, 0,
			   scores, rec->n_courses);
	for (int32_t c = 0; c < rec->n_courses; c += COURSES_AT_ONCE)
		finish_block(rec, c, rec->n_courses - c < COURSES_AT_ONCE ? rec->n_courses
					 : c + COURSES_AT_ONCE, min_ratings, user_vectors, n_users, scores);
}
