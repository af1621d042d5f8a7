/*
 * latent.c
 *		Latent factors of courses and users, whatever method learned them.
 */
#include <string.h>

#include "core/latent.h"
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
	return norm > 0 && other_norm > 0 ? vector_dot(own, other, n) / (norm * other_norm) : NO_OPINION;
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
