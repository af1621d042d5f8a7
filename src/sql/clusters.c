/*
 * clusters.c
 *		Clusters of users, components of vectors, courses on a plane.
 */
#include "postgres.h"

#include "pg/args.h"
#include "pg/clusters.h"
#include "pg/compat.h"
#include "pg/multivariate.h"
#include "pg/projection.h"

RECSYS_FUNCTION(recsys_user_clusters);

/* user_clusters(model) */
Datum
recsys_user_clusters(PG_FUNCTION_ARGS)
{
	Call		call;

	call_begin_rows(&call, fcinfo);
	user_cluster_rows(&call, required_text(fcinfo, 0, "model"));
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_cluster_courses);

/* cluster_courses(model) */
Datum
recsys_cluster_courses(PG_FUNCTION_ARGS)
{
	Call		call;

	call_begin_rows(&call, fcinfo);
	cluster_course_rows(&call, required_text(fcinfo, 0, "model"));
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_project_courses);

/* project_courses(model) */
Datum
recsys_project_courses(PG_FUNCTION_ARGS)
{
	Call		call;

	call_begin_rows(&call, fcinfo);
	project_course_rows(&call, required_text(fcinfo, 0, "model"));
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_pca);

/* pca(vectors, n_components, standardize) */
Datum
recsys_pca(PG_FUNCTION_ARGS)
{
	Call		call;

	call_begin_rows(&call, fcinfo);
	require_arg(fcinfo, 1, "n_components");
	require_arg(fcinfo, 2, "standardize");
	pca_rows(&call, required_text(fcinfo, 0, "vectors"), PG_GETARG_FLOAT8(1), PG_GETARG_BOOL(2));
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_kmeans);

/* kmeans(vectors, n_clusters, random_state, standardize, n_init) */
Datum
recsys_kmeans(PG_FUNCTION_ARGS)
{
	Call		call;

	call_begin_rows(&call, fcinfo);
	require_arg(fcinfo, 2, "random_state");
	require_arg(fcinfo, 3, "standardize");
	require_arg(fcinfo, 4, "n_init");
	kmeans_rows(&call, required_text(fcinfo, 0, "vectors"), required_count(fcinfo, 1, "n_clusters"),
				PG_GETARG_INT32(2), PG_GETARG_BOOL(3), PG_GETARG_INT32(4));
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_kmeans_elbow);

/* kmeans_elbow(vectors, k_min, k_max, random_state, standardize) */
Datum
recsys_kmeans_elbow(PG_FUNCTION_ARGS)
{
	Call		call;

	call_begin_rows(&call, fcinfo);
	require_arg(fcinfo, 3, "random_state");
	require_arg(fcinfo, 4, "standardize");
	kmeans_elbow_rows(&call, required_text(fcinfo, 0, "vectors"),
					  required_count(fcinfo, 1, "k_min"), required_count(fcinfo, 2, "k_max"),
					  PG_GETARG_INT32(3), PG_GETARG_BOOL(4));
	call_end(&call);
	return (Datum) 0;
}
