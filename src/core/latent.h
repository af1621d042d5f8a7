/*
 * latent.h
 *		Latent factors of courses and users, whatever method learned them.
 */
#ifndef CORE_LATENT_H
#define CORE_LATENT_H

#include "core/method.h"

/* How the factors of two courses are compared. */
typedef enum LatentMeasure
{
	LATENT_COSINE,
	LATENT_DOT
} LatentMeasure;

/* Has the method factors?  The functions below are only for models of one that has. */
extern bool method_has_factors(const Method *method);

/* Factors of every course and user of the model; 0 where the score of this model is no product of factors. */
extern int	latent_count(const Recommender *rec);

/* Has the model factors? */
extern bool model_has_factors(const Recommender *rec);

/*
 * Fills out (room for latent_count + 1) with the factors of the user and, behind
 * them, the bias.  Returns false when nothing is known of the user.
 */
extern bool latent_user(const Recommender *rec, const History *history, void *scratch,
							float *out);

/*
 * Similarity of every course to one; NO_OPINION for a course without factors and,
 * by the cosine, for one whose factors are all 0.  O(courses x factors).
 */
extern void latent_similar(const Recommender *rec, int32_t course, LatentMeasure measure,
							float *scores);

/* Cosine of two vectors; NO_OPINION when one of them has no length. */
extern float latent_cosine(const float *a, const float *b, int n);

/* Courses of a method whose score is the product of factors, plus what the course adds. */
typedef struct LatentCourses
{
	const float *factors;		/* a row each */
	int			n_factors;
	const float *added;			/* by each: its bias; NO_OPINION: it has no score */
} LatentCourses;

/* The factors of one course. */
static inline const float *
latent_course(const LatentCourses *courses, int32_t course)
{
	return courses->factors + (int64_t) course * courses->n_factors;
}

/*
 * Scores of all courses for a user's n_factors factors, NULL when nothing is known of the user;
 * NO_OPINION where no float holds one.
 */
extern void latent_score(const LatentCourses *courses, int32_t n_courses, const float *user,
						 float *scores);

/* Score of one course, to the bit what latent_score says: for score_vector. */
extern float latent_score_course(const LatentCourses *courses, const float *user, int32_t course);

/*
 * For score_block: the same up to rounding, but for products that no float holds, for several users,
 * n_factors + 1 floats each, the last of which is added.  Needs blas_open.
 */
extern void latent_score_block(const LatentCourses *courses, int32_t n_courses,
							   const float *user_vectors, int n_users, float *scores);

#endif							/* CORE_LATENT_H */
