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

/* Factors of every course and user of the model. */
extern int	latent_count(const Recommender *rec);

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

/*
 * For score_block: scores = user_vectors x factors', plus both biases.  factors has
 * latent_count values a row, stride apart; a course without factors (course_vector) or with
 * fewer than min_ratings ratings gets NO_OPINION.  Needs blas_open.
 */
extern void latent_score_block(const Recommender *rec, const float *factors, int stride,
							   double min_ratings, const float *user_vectors, int n_users,
							   float *scores);

#endif							/* CORE_LATENT_H */
