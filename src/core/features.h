/*
 * features.h
 *		What is known of a user and a course, as one row of numbers.
 *
 * With u and c, k factors each and the bias behind them, a row begins with
 *
 *		sum			u_i + c_i for all k + 1
 *		concat		u, then c: 2 k + 2
 *		product		u_i c_i of the factors, then both biases: k + 2
 *
 * A linear function of sum or concat is one number of the user plus one of the course: it orders the
 * courses alike for everybody.  Behind that come, when asked for,
 *
 *		terms		of the course: the weights of the words that most courses have
 *		genres		of the course
 *		attributes	of the user: 1 for each "attribute=value" of the group, of those that most users have
 *
 * Ties among words and attributes go by bytewise order.
 */
#ifndef CORE_FEATURES_H
#define CORE_FEATURES_H

#include "core/method.h"

/* How two vectors become one; values of the parameter "combine" in the order of its choices. */
typedef enum FeatureCombine
{
	COMBINE_SUM,
	COMBINE_CONCAT,
	COMBINE_PRODUCT
} FeatureCombine;

/* What a row is made of; bits. */
enum
{
	FEATURE_EMBEDDINGS = 1,
	FEATURE_TERMS = 2,
	FEATURE_GENRES = 4,
	FEATURE_ATTRIBUTES = 8
};

/* How they are written in a parameter, in the order of the bits. */
#define FEATURE_NAMES "embeddings terms genres attributes"

/* Bits of names with commas between them; 0 when a name is not one of these, is there twice, or there is none. */
extern unsigned features_read(const char *text);

/* NEEDS_* of these bits. */
extern unsigned features_need(unsigned kinds);

/* What the rows of a model have beside the vectors. */
typedef struct FeatureContent
{
	int			n_course;		/* numbers of a course */
	const float *courses;		/* n_courses x n_course */
	Csr			attributes;		/* groups x attributes; without groups 0 x 0 */
} FeatureContent;

/* Reads what the bits ask for out of the set; at most max_features words, and as many attributes. */
extern RecsysStatus features_build(Env *env, const TrainingSet *set, unsigned kinds, int64_t max_features,
								   FeatureContent *content);

/* Sections "content" and "attributes.*" of a model, those that there are by the bits. */
extern RecsysStatus features_put(Env *env, ModelWriter *writer, int32_t n_courses, unsigned kinds,
								 const FeatureContent *content);
extern RecsysStatus features_open(Env *env, const Recommender *rec, unsigned kinds,
								  FeatureContent *content);

/* Numbers of a row. */
extern int	features_count(FeatureCombine combine, int n_factors, const FeatureContent *content);

/*
 * Fills a row.  user and course have n_factors + 1 numbers; group: of the user, or -1; number: of the
 * course.
 */
extern void features_fill(FeatureCombine combine, int n_factors, const FeatureContent *content,
						  const float *user, int32_t group, const float *course, int32_t number,
						  float *row);

#endif							/* CORE_FEATURES_H */
