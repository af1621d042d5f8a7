/*
 * multivariate.c
 *		pca, kmeans and kmeans_elbow: of the vectors of a query.
 */
#include "postgres.h"

#include <math.h>

#include "core/kmeans.h"
#include "core/pca.h"
#include "core/silhouette.h"
#include "pg/arrays.h"
#include "pg/env_pg.h"
#include "pg/multivariate.h"
#include "pg/population.h"
#include "pg/vector_query.h"

/* As the methods kmeans and kmeans_pca by default. */
#define KMEANS_ITERATIONS 300
#define KMEANS_TOLERANCE 1e-4
#define KMEANS_STARTS 10

/* The vectors of a query, and what was done to them. */
typedef struct Vectors
{
	Job		   *job;
	Points		points;
	double	   *means;			/* subtracted */
	double	   *deviations;		/* divided by; NULL: not */
} Vectors;

/* Loads vectors; centres them, and divides them by their deviations when asked to. */
static Vectors
load_vectors(const char *name, const char *query, bool standardize)
{
	Vectors		v = {.job = job_create(name)};
	Env		   *env = &v.job->env;
	double	   *deviations;

	vector_query(v.job, query, &v.points);
	v.means = job_take(v.job, v.points.n_dims, sizeof(double));
	deviations = job_take(v.job, v.points.n_dims, sizeof(double));
	env_check(env, points_moments(env, &v.points, v.means, deviations));
	v.deviations = standardize ? deviations : NULL;
	env_check(env, points_standardize(env, &v.points, v.means, v.deviations));
	return v;
}

/* A float8[] of n numbers. */
static Datum
number_array(const double *numbers, int n)
{
	double	   *values;
	ArrayType  *array = new_vector_array(n, &values);

	memcpy(values, numbers, sizeof(double) * n);
	return PointerGetDatum(array);
}

/* Rows of pca: the components kept. */
void
pca_rows(Call *call, const char *query, double n_components, bool standardize)
{
	Vectors		v = load_vectors("pca", query, standardize);
	Pca			pca;

	if (v.points.n < 2)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("principal components need at least two vectors")));
	env_check(&v.job->env, pca_fit(&v.job->env, &v.points, n_components, &pca));
	for (int j = 0; j < pca.n_components; j++)
	{
		bool		nulls[] = {false, false, pca.total == 0, false};
		Datum		values[] = {
			Int32GetDatum(j + 1), Float8GetDatum(pca.variances[j]),
			Float8GetDatum(pca.variances[j] / pca.total),
			number_array(pca.components + (Size) j * pca.n_dims, pca.n_dims)
		};

		call_row(call, values, nulls);
	}
	job_end(v.job);
}

/* What kmeans is told. */
static KMeansOptions
kmeans_options(int n_clusters, int random_state, int n_init)
{
	KMeansOptions options = {
		.n_clusters = n_clusters,
		.n_init = n_init,
		.n_swaps = KMEANS_SWAPS,
		.max_iterations = KMEANS_ITERATIONS,
		.tolerance = KMEANS_TOLERANCE,
		.random_state = random_state
	};

	return options;
}

/* Raises when more clusters are wanted than there are vectors. */
static void
check_clusters(const Vectors *v, const char *argument, int n_clusters)
{
	if (n_clusters > v->points.n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be at most the number of vectors, " INT64_FORMAT ", not %d",
						argument, v->points.n, n_clusters)));
}

/* Raises unless the number of starts is one that ends. */
static void
check_starts(int n_init)
{
	if (n_init < 1 || n_init > KMEANS_MAX_STARTS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"n_init\" must be between 1 and %d, not %d", KMEANS_MAX_STARTS,
						n_init)));
}

/* A centroid in the units of the vectors. */
static Datum
centroid_array(const Vectors *v, const double *centroid)
{
	double	   *values;
	ArrayType  *array = new_vector_array(v->points.n_dims, &values);

	for (int g = 0; g < v->points.n_dims; g++)
		values[g] = centroid[g] * (v->deviations ? v->deviations[g] : 1) + v->means[g];
	return PointerGetDatum(array);
}

/* Rows of kmeans: the clusters. */
void
kmeans_rows(Call *call, const char *query, int n_clusters, int random_state, bool standardize,
			int n_init)
{
	KMeansOptions options = kmeans_options(n_clusters, random_state, n_init);
	KMeansResult result;
	Vectors		v;

	check_starts(n_init);
	v = load_vectors("kmeans", query, standardize);
	check_clusters(&v, "n_clusters", n_clusters);
	env_check(&v.job->env, kmeans(&v.job->env, &v.points, &options, &result));
	for (int c = 0; c < result.n_clusters; c++)
	{
		bool		nulls[4] = {false};
		Datum		values[] = {
			Int32GetDatum(c + 1), Int64GetDatum(result.sizes[c]),
			centroid_array(&v, result.centroids + (Size) c * v.points.n_dims),
			Float8GetDatum(result.inertias[c])
		};

		call_row(call, values, nulls);
	}
	job_end(v.job);
}

/* The memory of a result. */
static void
free_result(Env *env, KMeansResult *result)
{
	env_free(env, result->centroids);
	env_free(env, result->sizes);
	env_free(env, result->inertias);
	env_free(env, result->labels);
}

/* One number of clusters. */
static void
emit_elbow(Call *call, Vectors *v, int n_clusters, int random_state)
{
	Env		   *env = &v->job->env;
	KMeansOptions options = kmeans_options(n_clusters, random_state, KMEANS_STARTS);
	KMeansResult result;
	double		mean;
	bool		nulls[3] = {false};
	Datum		values[3];

	env_check(env, kmeans(env, &v->points, &options, &result));
	env_check(env, silhouette(env, &v->points, result.labels, result.n_clusters, random_state,
							  &mean));
	values[0] = Int32GetDatum(n_clusters);
	values[1] = Float8GetDatum(result.inertia);
	values[2] = Float8GetDatum(mean);
	nulls[2] = isnan(mean);
	call_row(call, values, nulls);
	free_result(env, &result);
}

/* Rows of kmeans_elbow: every number of clusters from k_min to k_max. */
void
kmeans_elbow_rows(Call *call, const char *query, int k_min, int k_max, int random_state,
				  bool standardize)
{
	Vectors		v;

	if (k_max < k_min)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"k_max\" must not be less than \"k_min\"")));
	v = load_vectors("kmeans_elbow", query, standardize);
	check_clusters(&v, "k_max", k_max);
	for (int64 k = k_min; k <= k_max; k++)
		emit_elbow(call, &v, (int) k, random_state);
	job_end(v.job);
}
