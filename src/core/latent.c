/*
 * latent.c
 *		Latent factors of courses and users, whatever method learned them.
 */
#include "core/latent.h"

#include <math.h>
#include <string.h>

#include "core/blas.h"
#include "core/product_kernels.h"
#include "core/score_kernels.h"
#include "core/vector.h"

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

/* Without courses there is nothing that tells. */
bool
model_has_factors(const Recommender *rec)
{
	return method_has_factors(rec->method) && (rec->n_courses == 0 || latent_count(rec) > 0);
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

/* Cosine of two vectors, the length of one of which is given; NO_OPINION when no float holds it. */
static float
cosine(const float *a, const float *b, float b_norm, int n)
{
	double		lengths = (double) vector_norm(a, n) * (double) b_norm;
	float		result = (float) ((double) vector_dot(a, b, n) / lengths);

	return lengths > 0 && isfinite(result) ? result : NO_OPINION;
}

/* Measures the one, then the other. */
float
latent_cosine(const float *a, const float *b, int n)
{
	return cosine(a, b, vector_norm(b, n), n);
}

/* One product for each course. */
void
latent_similar(const Recommender *rec, int32_t course, LatentMeasure measure, float *scores)
{
	int			n;
	const float *vector = rec->method->course_vector(rec, course, &n);
	float		norm = vector == NULL ? 0 : vector_norm(vector, n);

	for (int32_t c = 0; c < rec->n_courses; c++)
	{
		const float *own = rec->method->course_vector(rec, c, &n);

		if (vector == NULL || own == NULL)
			scores[c] = NO_OPINION;
		else
			scores[c] = measure == LATENT_DOT ? vector_dot(own, vector, n)
				: cosine(own, vector, norm, n);
	}
}

/* All courses at once. */
void
latent_score(const LatentCourses *courses, int32_t n_courses, const float *user, float *scores)
{
	if (user == NULL)
	{
		for (int32_t c = 0; c < n_courses; c++)
			scores[c] = NO_OPINION;
		return;
	}
	product_rows(courses->factors, n_courses, courses->n_factors, user, courses->n_factors, scores);
	scores_finish(scores, courses->added, n_courses);
}

/* The same steps for one. */
float
latent_score_course(const LatentCourses *courses, const float *user, int32_t course)
{
	float		score = product_row(latent_course(courses, course), user, courses->n_factors);

	scores_finish(&score, courses->added + course, 1);
	return score;
}

/* What is added, then one product on top of it. */
void
latent_score_block(const LatentCourses *courses, int32_t n_courses, const float *user_vectors,
				   int n_users, float *scores)
{
	int			n = courses->n_factors;

	for (int64_t u = 0; u < n_users; u++)
		scores_start(scores + u * n_courses, courses->added, user_vectors[u * (n + 1) + n],
					 n_courses);
	blas_sgemm(false, true, n_users, n_courses, n, 1, user_vectors, n + 1, courses->factors, n, 1,
			   scores, n_courses);
}
