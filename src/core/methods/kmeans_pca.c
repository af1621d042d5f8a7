/*
 * kmeans_pca.c
 *		Users in clusters by the principal components of their profiles.
 *
 * As kmeans, but in the space of the components with the most variance: genres that come together count
 * once, and what hardly varies not at all.  The formulas are in clusters.h, the components in core/pca.h.
 *
 * Cost: that of kmeans with components in place of genres, and genres^2 steps a user for the covariances.
 * The model has genres x components numbers more.
 *
 * When to use: with many genres that overlap.
 */
#include "core/methods/clusters.h"

static const ParamDef kmeans_pca_params[] = {
	CLUSTER_PARAM_DEFS,
	{.name = "n_components", .aliases = "pca_variance components_param", .type = PARAM_FLOAT,
		.offset = offsetof(ClusterParams, n_components),
		.default_text = "0.9", .min = 1e-6, .max = 4096,
		.description = "Principal components: below 1, as many as hold this share of the variance; from 1, "
	"so many."},
};

const Method method_kmeans_pca = {
	.name = "kmeans_pca",
	.description = "As kmeans, on the principal components of the profiles.",
	.objective = OBJECTIVE_RANKING,
	.params = {"kmeans_pca", kmeans_pca_params, N_PARAMS(kmeans_pca_params), sizeof(ClusterParams)},
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
