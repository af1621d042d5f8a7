/*
 * kmeans.c
 *		Users in clusters of similar profiles; what the cluster takes is recommended.
 *
 * The profile of a user is the sum of rating x genres.  k-means puts the standardised profiles of all
 * users into clusters; a user's cluster is computed at call time, from the ratings of the moment.  The
 * formulas are in clusters.h, the clustering in core/kmeans.h.
 *
 * Cost: n_init starts of some dozen passes over the users, genres x n_clusters steps a user and pass at
 * most; 8 bytes x (genres + 5) a user while training.  The model has 12 bytes for each pair of a cluster
 * and a course taken in it.  A call reads the genres of the user's courses, the centroids, and the row of
 * one cluster.
 *
 * When to use: to name groups of users and to see what they take.
 */
#include "core/methods/clusters.h"

static const ParamDef kmeans_params[] = {CLUSTER_PARAM_DEFS};

const Method method_kmeans = {
	.name = "kmeans",
	.description = "What users with a similar mix of genres take: k-means clusters of user profiles.",
	.objective = OBJECTIVE_RANKING,
	.params = {"kmeans", kmeans_params, N_PARAMS(kmeans_params), sizeof(ClusterParams)},
	.needs = NEEDS_GENRES,
	.personal = true,
	.state_size = sizeof(ClusterState),
	.check = clusters_check,
	.estimate = clusters_estimate,
	.fit = clusters_fit,
	.open = clusters_open,
	.scratch_size = clusters_scratch_size,
	.score = clusters_score,
	.explain = clusters_explain,
	.course_genres = clusters_course_genres,
	.user_cluster = clusters_of_user,
	.cluster_courses = clusters_courses,
};
