/*
 * clusters.c
 *		What kmeans and kmeans_pca share: users in clusters by their profiles.
 *
 * Training and serving turn ratings into coordinates, and coordinates into a cluster, by the same
 * functions: users whose ratings have not changed are in the cluster that they were trained in.
 */
#include "core/blas.h"
#include "core/methods/clusters.h"

#include <string.h>

#include "core/distance_kernels.h"
#include "core/parallel.h"
#include "core/pca.h"
#include "core/vecmath.h"

#define CHUNK_USERS 256
#define NO_CLUSTER (-1)

/* A row of ratings, of the training set or of a history, with the genres of its courses. */
typedef struct RatedGenres
{
	int64_t		n;
	const int32_t *courses;
	const float *ratings;
	const int64_t *times;		/* or NULL */
	int64_t		last_time;
	double		half_life;
	const float *genres;		/* courses x n_genres */
	int32_t		n_genres;
} RatedGenres;

/* profile = sum of rating x genres; false when that is zero. */
static bool
make_profile(const RatedGenres *rated, double *profile)
{
	bool		any = false;

	memset(profile, 0, (size_t) rated->n_genres * sizeof(double));
	for (int64_t i = 0; i < rated->n; i++)
	{
		const float *genres = rated->genres + (int64_t) rated->courses[i] * rated->n_genres;
		float		age = rated->times == NULL ? 1 :
			age_weight(rated->times[i], rated->last_time, rated->half_life);
		double		weight = (double) rated->ratings[i] * (double) age;

		for (int32_t g = 0; g < rated->n_genres; g++)
			profile[g] += weight * (double) genres[g];
	}
	for (int32_t g = 0; g < rated->n_genres; g++)
		any |= profile[g] != 0;
	return any;
}

/* ---------------------------------------------------------------- training */

/* State of a training run. */
typedef struct ClusterFit
{
	const TrainingSet *set;
	const ClusterParams *params;
	int32_t		n_users;
	int32_t    *user_point;		/* per user: number of the point, or NO_CLUSTER */
	Points		points;			/* profiles, then what is clustered */
	double	   *means;
	double	   *deviations;
	Pca			pca;
	double	   *projected;		/* points x components */
	KMeansResult clusters;
} ClusterFit;

/* Profiles of some users. */
static RecsysStatus
fill_profiles(void *arg, int64_t begin, int64_t end, int worker)
{
	ClusterFit *fit = arg;
	const Csr  *ratings = &fit->set->by_user;

	(void) worker;
	for (int64_t u = begin; u < end; u++)
	{
		int64_t		first = ratings->offsets[u];
		RatedGenres rated = {
			.n = ratings->offsets[u + 1] - first,
			.courses = ratings->indexes + first,
			.ratings = ratings->values + first,
			.times = ratings->times == NULL ? NULL : ratings->times + first,
			.last_time = fit->set->summary.last_time,
			.half_life = fit->params->common.half_life,
			.genres = fit->set->genres.data,
			.n_genres = fit->points.n_dims
		};

		fit->user_point[u] = make_profile(&rated, point(&fit->points, u)) ? 0 : NO_CLUSTER;
	}
	return RECSYS_OK;
}

/* Moves the profiles that are not zero together and numbers them. */
static RecsysStatus
drop_empty_profiles(Env *env, ClusterFit *fit)
{
	int32_t		n = 0;

	for (int32_t u = 0; u < fit->n_users; u++)
	{
		if (u % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		if (fit->user_point[u] == NO_CLUSTER)
			continue;
		memmove(point(&fit->points, n), point(&fit->points, u),
				(size_t) fit->points.n_dims * sizeof(double));
		fit->user_point[u] = n++;
	}
	fit->points.n = n;
	if (n > 0)
		return RECSYS_OK;
	env_fail(env, RECSYS_BAD_DATA, "no user has a course with a genre");
	return env_hint(env, "Register the dataset with genre_columns that are not 0 for the rated courses. "
					"Ratings of 0, and those too old for \"half_life\", do not count.");
}

/* The profiles of all users. */
static RecsysStatus
make_profiles(Env *env, ClusterFit *fit)
{
	size_t		n_genres = (size_t) fit->set->genres.n_cols;

	fit->n_users = fit->set->by_user.n_rows;
	fit->points.n = fit->n_users;
	fit->points.n_dims = (int32_t) n_genres;
	fit->points.values = env_alloc(env, (size_t) fit->n_users, n_genres * sizeof(double));
	fit->user_point = env_alloc(env, (size_t) fit->n_users, sizeof(int32_t));
	fit->means = env_alloc(env, n_genres, sizeof(double));
	fit->deviations = env_alloc(env, n_genres, sizeof(double));
	if (fit->points.values == NULL || fit->user_point == NULL || fit->means == NULL ||
		fit->deviations == NULL)
		return env->status;
	TRY(parallel_for(env, fit->n_users, CHUNK_USERS, fill_profiles, fit, true));
	return drop_empty_profiles(env, fit);
}

/* Coordinates of some points on the components. */
static RecsysStatus
project_points(void *arg, int64_t begin, int64_t end, int worker)
{
	ClusterFit *fit = arg;
	int32_t		n = fit->pca.n_components;

	(void) worker;
	for (int64_t i = begin; i < end; i++)
		pca_project(n, fit->points.n_dims, fit->pca.components, point(&fit->points, i),
					fit->projected + i * n);
	return RECSYS_OK;
}

/* The points on their principal components. */
static RecsysStatus
project(Env *env, ClusterFit *fit)
{
	TRY(pca_fit(env, &fit->points, fit->params->n_components, &fit->pca));
	fit->projected = env_alloc(env, (size_t) fit->points.n,
							   (size_t) fit->pca.n_components * sizeof(double));
	if (fit->projected == NULL)
		return env->status;
	TRY(parallel_for(env, fit->points.n, CHUNK_USERS, project_points, fit, false));
	env_free(env, fit->points.values);
	fit->points.values = fit->projected;
	fit->points.n_dims = fit->pca.n_components;
	return RECSYS_OK;
}

/*
 * Profiles to what is clustered.  Without standardize and components they stay as they are: their means
 * are stored as 0, all deviations as 1.
 */
static RecsysStatus
transform(Env *env, ClusterFit *fit)
{
	bool		with_pca = fit->params->n_components > 0;

	TRY(points_moments(env, &fit->points, fit->means, fit->deviations));
	for (int32_t g = 0; g < fit->points.n_dims && !fit->params->standardize; g++)
	{
		fit->deviations[g] = 1;
		if (!with_pca)
			fit->means[g] = 0;
	}
	TRY(points_standardize(env, &fit->points, fit->means, fit->deviations));
	return with_pca ? project(env, fit) : RECSYS_OK;
}

/* The clusters to be made of n users. */
static int32_t
wanted_clusters(const ClusterParams *params, double n)
{
	if (params->n_clusters > 0)
		return (int32_t) params->n_clusters;
	return (int32_t) fmax(1, fmin(CLUSTERS_AUTOMATIC, sqrt(n) / 2));
}

/* Clusters the points; says so when there are fewer clusters than asked for. */
static RecsysStatus
cluster_points(Env *env, ClusterFit *fit)
{
	const ClusterParams *params = fit->params;
	KMeansOptions options = {
		.n_clusters = wanted_clusters(params, (double) fit->points.n),
		.n_init = (int32_t) params->n_init,
		.n_swaps = KMEANS_SWAPS,
		.max_iterations = (int32_t) params->iterations,
		.tolerance = params->tolerance,
		.random_state = params->common.random_state
	};

	TRY(kmeans(env, &fit->points, &options, &fit->clusters));
	if (fit->clusters.n_clusters < options.n_clusters)
		env_message(env, MESSAGE_NOTICE, "%d clusters instead of %d: there are no more distinct profiles",
					(int) fit->clusters.n_clusters, (int) options.n_clusters);
	return RECSYS_OK;
}

/* Counts the courses of one cluster after the other. */
typedef struct CourseCounter
{
	const ClusterFit *fit;
	int32_t    *members;		/* users, cluster after cluster */
	int64_t    *begins;			/* first member of each cluster, and their number */
	double	   *weights;		/* per course: n_kc of the cluster */
	int32_t    *ratings;		/* per course: ratings in the cluster */
} CourseCounter;

/* Memory of a counter. */
static RecsysStatus
counter_init(Env *env, CourseCounter *counter, const ClusterFit *fit)
{
	size_t		n_courses = (size_t) fit->set->by_course.n_rows;

	counter->fit = fit;
	counter->members = env_alloc(env, (size_t) fit->points.n, sizeof(int32_t));
	counter->begins = env_alloc_zero(env, (size_t) fit->clusters.n_clusters + 2, sizeof(int64_t));
	counter->weights = env_alloc(env, n_courses, sizeof(double));
	counter->ratings = env_alloc(env, n_courses, sizeof(int32_t));
	if (counter->members == NULL || counter->begins == NULL || counter->weights == NULL ||
		counter->ratings == NULL)
		return env->status;
	return RECSYS_OK;
}

/* Gives the memory back. */
static void
counter_free(Env *env, CourseCounter *counter)
{
	env_free(env, counter->members);
	env_free(env, counter->begins);
	env_free(env, counter->weights);
	env_free(env, counter->ratings);
}

/* Sorts the users by cluster. */
static void
sort_members(CourseCounter *counter)
{
	const ClusterFit *fit = counter->fit;

	for (int64_t i = 0; i < fit->points.n; i++)
		counter->begins[fit->clusters.labels[i] + 2]++;
	for (int32_t c = 2; c <= fit->clusters.n_clusters; c++)
		counter->begins[c] += counter->begins[c - 1];
	for (int32_t u = 0; u < fit->n_users; u++)
		if (fit->user_point[u] != NO_CLUSTER)
			counter->members[counter->begins[fit->clusters.labels[fit->user_point[u]] + 1]++] = u;
}

/* Counts the ratings of a cluster's users. */
static RecsysStatus
count_cluster(Env *env, CourseCounter *counter, int32_t cluster)
{
	const TrainingSet *set = counter->fit->set;
	const Csr  *ratings = &set->by_user;
	double		half_life = counter->fit->params->common.half_life;
	int32_t		n_courses = set->by_course.n_rows;
	int64_t		n = 0;

	memset(counter->weights, 0, (size_t) n_courses * sizeof(double));
	memset(counter->ratings, 0, (size_t) n_courses * sizeof(int32_t));
	for (int64_t m = counter->begins[cluster]; m < counter->begins[cluster + 1]; m++)
	{
		int32_t		u = counter->members[m];

		for (int64_t e = ratings->offsets[u]; e < ratings->offsets[u + 1]; e++)
		{
			if (n++ % POLL_ENTRIES == 0 && env_interrupted(env))
				return env->status;
			counter->weights[ratings->indexes[e]] +=
				(double) entry_weight(ratings, e, set->summary.last_time, half_life);
			counter->ratings[ratings->indexes[e]]++;
		}
	}
	return RECSYS_OK;
}

/* First pass: how many courses each cluster has, into the offsets of counts. */
static RecsysStatus
measure_counts(Env *env, CourseCounter *counter, int64_t *offsets)
{
	int32_t		n_courses = counter->fit->set->by_course.n_rows;

	offsets[0] = 0;
	for (int32_t k = 0; k < counter->fit->clusters.n_clusters; k++)
	{
		TRY(count_cluster(env, counter, k));
		offsets[k + 1] = offsets[k];
		for (int32_t c = 0; c < n_courses; c++)
			offsets[k + 1] += counter->ratings[c] > 0;
	}
	return RECSYS_OK;
}

/* Second pass: the counts. */
static RecsysStatus
fill_counts(Env *env, CourseCounter *counter, Csr *counts, int32_t *enrollments)
{
	int64_t		n = 0;

	for (int32_t k = 0; k < counts->n_rows; k++)
	{
		TRY(count_cluster(env, counter, k));
		for (int32_t c = 0; c < counts->n_cols; c++)
		{
			if (counter->ratings[c] == 0)
				continue;
			counts->indexes[n] = c;
			counts->values[n] = (float) counter->weights[c];
			enrollments[n++] = counter->ratings[c];
		}
	}
	return RECSYS_OK;
}

/* Puts the counts of the courses in each cluster. */
static RecsysStatus
put_counts(Env *env, const ClusterFit *fit, ModelWriter *writer)
{
	int32_t		k = fit->clusters.n_clusters;
	int64_t    *offsets = env_alloc(env, (size_t) k + 1, sizeof(int64_t));
	int32_t    *enrollments;
	CourseCounter counter;
	Csr			counts;

	if (offsets == NULL)
		return env->status;
	TRY(counter_init(env, &counter, fit));
	sort_members(&counter);
	TRY(measure_counts(env, &counter, offsets));
	TRY(csr_init(env, &counts, k, fit->set->by_course.n_rows, offsets[k], false));
	memcpy(counts.offsets, offsets, ((size_t) k + 1) * sizeof(int64_t));
	enrollments = env_alloc(env, (size_t) offsets[k], sizeof(int32_t));
	if (enrollments == NULL)
		return env->status;
	TRY(fill_counts(env, &counter, &counts, enrollments));
	counter_free(env, &counter);
	TRY(model_put_csr(env, writer, "cluster_counts", &counts));
	TRY(model_put(env, writer, "cluster_enrollments", SECTION_INT32, offsets[k], 1, enrollments));
	env_free(env, offsets);
	return RECSYS_OK;
}

/* Puts the centroids, in columns, and the number of users of each. */
static RecsysStatus
put_centroids(Env *env, const ClusterFit *fit, ModelWriter *writer)
{
	int32_t		k = fit->clusters.n_clusters;
	int32_t		n_axes = fit->points.n_dims;
	int64_t		lanes = whole_lanes(k);
	double	   *columns = env_alloc(env, (size_t) n_axes, (size_t) lanes * sizeof(double));
	int32_t    *users = env_alloc(env, (size_t) k, sizeof(int32_t));

	if (columns == NULL || users == NULL)
		return env->status;
	distance_columns(fit->clusters.centroids, k, n_axes, columns);
	for (int32_t c = 0; c < k; c++)
		users[c] = (int32_t) fit->clusters.sizes[c];
	TRY(model_put(env, writer, "centroids", SECTION_DOUBLE, n_axes, lanes, columns));
	return model_put(env, writer, "cluster_users", SECTION_INT32, k, 1, users);
}

/* Profiles, coordinates, clusters, counts. */
RecsysStatus
clusters_fit(Env *env, const TrainingSet *set, const void *params, ModelWriter *writer)
{
	ClusterFit	fit = {.set = set, .params = params};
	int64_t		n_genres = set->genres.n_cols;

	TRY(make_profiles(env, &fit));
	TRY(transform(env, &fit));
	TRY(cluster_points(env, &fit));
	env_free(env, fit.points.values);
	TRY(model_put(env, writer, "genres", SECTION_FLOAT, set->genres.n_rows, n_genres,
				  set->genres.data));
	TRY(model_put(env, writer, "means", SECTION_DOUBLE, n_genres, 1, fit.means));
	TRY(model_put(env, writer, "deviations", SECTION_DOUBLE, n_genres, 1, fit.deviations));
	if (fit.params->n_components > 0)
		TRY(model_put(env, writer, "components", SECTION_DOUBLE, fit.pca.n_components, n_genres,
					  fit.pca.components));
	TRY(put_centroids(env, &fit, writer));
	TRY(put_counts(env, &fit, writer));
	env_free(env, fit.user_point);
	env_free(env, fit.clusters.labels);
	env_free(env, fit.clusters.centroids);
	return RECSYS_OK;
}

/* n_components must fit the genres; a half-life needs times. */
RecsysStatus
clusters_check(Env *env, const TrainingSet *set, const void *params)
{
	const ClusterParams *p = params;

	if (p->n_components > 0)
		TRY(pca_check_components(env, p->n_components, (int32_t) set->genres.n_cols));
	return check_half_life(env, set, params);
}

/* Components that a share of the variance takes are not known here: as many as there are genres. */
void
clusters_estimate(const Shape *shape, const void *params, Estimate *estimate)
{
	const ClusterParams *p = params;
	bool		with_pca = p->n_components > 0;
	double		users = (double) shape->n_users;
	double		genres = fmax(1, (double) shape->n_genres);
	double		axes = with_pca ? fmin(genres, p->n_components < 1 ? genres : p->n_components) : genres;
	double		k = fmin(users, wanted_clusters(p, users));
	double		pairs = fmin((double) shape->n_ratings, k * (double) shape->n_courses);
	double		points = 8 * users * axes;

	estimate->model_bytes = 8 * (axes * (k + 8) + 2 * genres + (with_pca ? axes * genres : 0)) +
		4 * k + 12 * pairs + 4 * genres * (double) shape->n_courses;
	estimate->bytes = fmax(points + kmeans_bytes(users, axes, k), with_pca ?
						   points + 8 * users * genres : 0) +
		4 * users + 16 * genres + (with_pca ? 8 * genres * (genres + 1) : 0);
	estimate->bytes = fmax(estimate->bytes, 12 * users + 12 * pairs + 24 * k +
						   12 * (double) shape->n_courses + 8 * axes * (2 * k + 8) + 16 * genres);
	estimate->library_bytes = with_pca ? BLAS_LIBRARY_BYTES : 0;
	estimate->seconds = (double) p->n_init * users * axes * k * 1.6e-8 / shape->n_threads +
		4e-9 * (double) shape->n_ratings * genres;
}

/* ---------------------------------------------------------------- opening */

/* A section of doubles, all finite and at least `least`. */
static RecsysStatus
get_doubles(Env *env, const Model *model, const char *name, int64_t *n_rows, int64_t *n_cols,
			double least, const double **values)
{
	const void *data;

	TRY(model_get(env, model, name, SECTION_DOUBLE, n_rows, n_cols, &data));
	*values = data;
	for (int64_t i = 0; i < *n_rows * *n_cols; i++)
	{
		if (i % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		if (!isfinite((*values)[i]) || (*values)[i] < least)
			return model_damaged(env, "A number of the clusters is impossible.");
	}
	return RECSYS_OK;
}

/* What turns a history into coordinates. */
static RecsysStatus
open_profile(Env *env, const Recommender *rec, ClusterState *state)
{
	int64_t		n_rows = rec->n_courses;
	int64_t		n_genres = rec->genre_names.n;
	int64_t		one = 1;
	int64_t		n_axes = -1;
	const void *data;

	TRY(model_get(env, &rec->model, "genres", SECTION_FLOAT, &n_rows, &n_genres, &data));
	state->n_genres = state->n_axes = rec->genre_names.n;
	state->genres = data;
	TRY(check_finite(env, state->genres, n_rows * n_genres, "A genre weight is not finite."));
	TRY(get_doubles(env, &rec->model, "means", &n_genres, &one, -INFINITY, &state->means));
	TRY(get_doubles(env, &rec->model, "deviations", &n_genres, &one, 0, &state->deviations));
	if (((const ClusterParams *) rec->params)->n_components > 0)
	{
		TRY(get_doubles(env, &rec->model, "components", &n_axes, &n_genres, -INFINITY,
						&state->components));
		if (n_axes < 1 || n_axes > n_genres)
			return model_damaged(env, "The number of principal components is impossible.");
		state->n_axes = (int32_t) n_axes;
	}
	return RECSYS_OK;
}

/* The clusters and their users. */
static RecsysStatus
open_centroids(Env *env, const Recommender *rec, ClusterState *state)
{
	int64_t		n_clusters = -1;
	int64_t		n_axes = state->n_axes;
	int64_t		one = 1;
	const void *data;

	TRY(model_get(env, &rec->model, "cluster_users", SECTION_INT32, &n_clusters, &one, &data));
	if (n_clusters < 1 || n_clusters > INT32_MAX - LANES)
		return model_damaged(env, "The number of clusters is impossible.");
	state->users = data;
	state->n_clusters = (int32_t) n_clusters;
	state->lanes = whole_lanes(n_clusters);
	for (int32_t k = 0; k < state->n_clusters; k++)
		if (state->users[k] < 0)
			return model_damaged(env, "A cluster has a negative number of users.");
	return get_doubles(env, &rec->model, "centroids", &n_axes, &state->lanes, -INFINITY,
					   &state->columns);
}

/* Finds and checks the sections. */
RecsysStatus
clusters_open(Env *env, Recommender *rec)
{
	ClusterState *state = rec->state;
	int64_t		n_entries;
	int64_t		one = 1;
	const void *data;

	TRY(open_profile(env, rec, state));
	TRY(open_centroids(env, rec, state));
	TRY(model_get_csr(env, &rec->model, "cluster_counts", state->n_clusters, rec->n_courses,
					  &state->counts));
	n_entries = state->counts.n_entries;
	TRY(model_get(env, &rec->model, "cluster_enrollments", SECTION_INT32, &n_entries, &one, &data));
	state->enrollments = data;
	for (int64_t e = 0; e < n_entries; e++)
	{
		if (e % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		if (state->enrollments[e] < 0)
			return model_damaged(env, "A course has a negative number of users in a cluster.");
	}
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- serving */

/* Profile, coordinates on the components, distances. */
size_t
clusters_scratch_size(const Recommender *rec)
{
	const ClusterState *state = rec->state;

	return ((size_t) state->n_genres + (size_t) state->n_axes + (size_t) state->lanes) *
		sizeof(double);
}

/* The cluster of a profile, which is overwritten. */
static int32_t
nearest_cluster(const ClusterState *state, double *profile, double *distance)
{
	double	   *projected = profile + state->n_genres;
	double	   *distances = projected + state->n_axes;
	const double *x = profile;
	double		least;
	double		second;
	int32_t		cluster;

	vecmath_standardize(profile, state->means, state->deviations, (size_t) state->n_genres, profile);
	if (state->components != NULL)
	{
		pca_project(state->n_axes, state->n_genres, state->components, profile, projected);
		x = projected;
	}
	distances_to_columns(x, state->n_axes, state->columns, state->lanes, distances);
	cluster = nearest_two(distances, state->n_clusters, &least, &second);
	*distance = sqrt(least);
	return cluster;
}

/* The cluster of a user by the ratings of now, or NO_CLUSTER, and the distance to its centroid. */
int32_t
clusters_of_user(const Recommender *rec, const History *history, void *scratch, double *distance)
{
	const ClusterState *state = rec->state;
	const CommonParams *common = rec->params;
	RatedGenres rated = {
		.n = history->n,
		.courses = history->courses,
		.ratings = history->ratings,
		.times = history->times,
		.last_time = rec->summary.last_time,
		.half_life = common->half_life,
		.genres = state->genres,
		.n_genres = state->n_genres
	};
	int32_t		cluster = NO_CLUSTER;

	*distance = NAN;
	if (make_profile(&rated, scratch))
		cluster = nearest_cluster(state, scratch, distance);
	memset(scratch, 0, clusters_scratch_size(rec));
	return cluster;
}

/* Score of a course with this many ratings in the cluster. */
static float
cluster_score(const ClusterState *state, int32_t cluster, float count)
{
	if (!(count > 0) || state->users[cluster] < 1)
		return NO_OPINION;
	return finish_score((double) count / state->users[cluster], NAN);
}

/* The shares of the user's cluster. */
void
clusters_score(const Recommender *rec, const History *history, void *scratch, float *scores)
{
	const ClusterState *state = rec->state;
	double		distance;
	int32_t		cluster = clusters_of_user(rec, history, scratch, &distance);

	for (int32_t c = 0; c < rec->n_courses; c++)
		scores[c] = NO_OPINION;
	if (cluster == NO_CLUSTER)
		return;
	for (int64_t e = state->counts.offsets[cluster]; e < state->counts.offsets[cluster + 1]; e++)
		scores[state->counts.indexes[e]] = cluster_score(state, cluster, state->counts.values[e]);
}

/* One reason: the cluster. */
int
clusters_explain(const Recommender *rec, const History *history, int32_t course, void *scratch,
				 Reason *reasons, int max)
{
	const ClusterState *state = rec->state;
	double		distance;
	Reason		reason = {REASON_CLUSTER, clusters_of_user(rec, history, scratch, &distance), 0};

	if (reason.index == NO_CLUSTER)
		return 0;
	reason.weight = cluster_score(state, reason.index, entry_value(&state->counts, reason.index, course));
	if (reason.weight == NO_OPINION)
		return 0;
	return add_reason(reasons, 0, max, reason);
}

/* Row of the genre table. */
const float *
clusters_course_genres(const Recommender *rec, int32_t course, int *n)
{
	const ClusterState *state = rec->state;

	*n = state->n_genres;
	return state->genres + (int64_t) course * state->n_genres;
}

/* The courses taken in a cluster. */
void
clusters_courses(const Recommender *rec, int32_t cluster, ClusterCourses *courses)
{
	const ClusterState *state = rec->state;
	int64_t		begin = state->counts.offsets[cluster];

	courses->n_clusters = state->n_clusters;
	courses->n = (int32_t) (state->counts.offsets[cluster + 1] - begin);
	courses->courses = state->counts.indexes + begin;
	courses->enrollments = state->enrollments + begin;
}
