/*
 * clusters.h
 *		What kmeans and kmeans_pca share: users in clusters by their profiles.
 *
 * With the genre vector g(c) of a course, and the rating r of each rated course times its weight by age,
 *
 *		profile(u) = sum r g(c) over the rated courses c			(as user_profile)
 *		x(u) = (profile(u) - means) / deviations					(if standardize)
 *		x(u) = components x(u)										(kmeans_pca)
 *		cluster(u) = the centroid nearest to x(u)
 *		score(c) = n_kc / n_k										for cluster k of the user
 *
 * n_kc is the number of ratings of c by users of cluster k in training (each by its age with half_life),
 * n_k the number of users of k.  A profile of zeros says nothing: such a user belongs to no cluster, in
 * training and in serving, and gets no score.
 *
 * The model: genres (courses x d), means, deviations, components (p x d), centroids, and per cluster its
 * users and the counts of its courses.  Nothing of a user is kept.
 */
#ifndef CORE_METHODS_CLUSTERS_H
#define CORE_METHODS_CLUSTERS_H

#include "core/kmeans.h"
#include "core/methods/methods.h"
#include "core/methods/support.h"

/* The parameters of both methods; kmeans has no n_components: 0. */
typedef struct ClusterParams
{
	CommonParams common;
	int64_t		n_clusters;
	int64_t		n_init;
	int64_t		iterations;
	double		tolerance;
	bool		standardize;
	double		n_components;
} ClusterParams;

/* Clusters without a number: half the square root of the users, at most so many. */
#define CLUSTERS_AUTOMATIC 20

/* Definitions that both tables begin with. */
#define CLUSTER_PARAM_DEFS \
	{.name = "n_clusters", .aliases = "k", .type = PARAM_INT, \
		.offset = offsetof(ClusterParams, n_clusters), \
		.default_text = "0", .min = 0, .max = 100000, \
		.description = "Clusters, at most one for each distinct profile; 0: 20, but no more than half the " \
	"square root of the number of users."}, \
	{.name = "n_init", .type = PARAM_INT, .offset = offsetof(ClusterParams, n_init), \
		.default_text = "10", .min = 1, .max = KMEANS_MAX_STARTS, \
		.description = "Starts by k-means++, of which the best one is kept."}, \
	{.name = "iterations", .aliases = "max_iter n_iter", .type = PARAM_INT, \
		.offset = offsetof(ClusterParams, iterations), \
		.default_text = "300", .min = 1, .max = 100000, \
		.description = "Most iterations of a start."}, \
	{.name = "tolerance", .aliases = "tol", .type = PARAM_FLOAT, \
		.offset = offsetof(ClusterParams, tolerance), \
		.default_text = "0.0001", .min = 0, .max = 1, \
		.description = "A start ends when the squared movements of the centroids are below this share " \
	"of the mean variance of a coordinate."}, \
	{.name = "standardize", .type = PARAM_BOOL, .offset = offsetof(ClusterParams, standardize), \
		.default_text = "true", \
		.description = "Give every genre mean 0 and deviation 1 first."}

typedef struct ClusterState
{
	int32_t		n_genres;
	int32_t		n_axes;			/* coordinates of the centroids: genres, or components */
	int32_t		n_clusters;
	int64_t		lanes;			/* n_clusters in whole lanes of the kernels */
	const float *genres;		/* n_courses x n_genres */
	const double *means;		/* n_genres */
	const double *deviations;	/* n_genres */
	const double *components;	/* n_axes x n_genres, or NULL */
	const double *columns;		/* n_axes x lanes: the centroids */
	const int32_t *users;		/* n_clusters: n_k */
	Csr			counts;			/* clusters x courses: n_kc */
	const int32_t *enrollments; /* of each entry of counts: ratings, whatever their age */
} ClusterState;

/* The functions of a Method, the same for both. */
extern RecsysStatus clusters_check(Env *env, const TrainingSet *set, const void *params);
extern void clusters_estimate(const Shape *shape, const void *params, Estimate *estimate);
extern RecsysStatus clusters_fit(Env *env, const TrainingSet *set, const void *params,
								 ModelWriter *writer);
extern RecsysStatus clusters_open(Env *env, Recommender *rec);
extern size_t clusters_scratch_size(const Recommender *rec);
extern void clusters_score(const Recommender *rec, const History *history, void *scratch,
						   float *scores);
extern int	clusters_explain(const Recommender *rec, const History *history, int32_t course,
							 void *scratch, Reason *reasons, int max);
extern int32_t clusters_of_user(const Recommender *rec, const History *history, void *scratch,
								double *distance);
extern const float *clusters_course_genres(const Recommender *rec, int32_t course, int *n);
extern void clusters_courses(const Recommender *rec, int32_t cluster, ClusterCourses *courses);

#endif							/* CORE_METHODS_CLUSTERS_H */
