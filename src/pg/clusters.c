/*
 * clusters.c
 *		user_clusters and cluster_courses: of models whose method has clusters.
 *
 * A model holds the clusters and what was taken in them.  Which cluster a user is
 * in is computed from the ratings that the user has now.  Clusters are numbered
 * from 1 in SQL.
 */
#include "postgres.h"

#include <math.h>

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "pg/clusters.h"
#include "pg/population.h"
#include "pg/titles.h"

#define PROGRESS_USERS 4096		/* between two reports */

/* Has it clusters? */
static bool
has_clusters(const Method *method)
{
	return method->user_cluster != NULL;
}

/* The model, whose method must have clusters. */
static Serving
open_with_clusters(const char *model)
{
	Serving		serving = serving_open(model);

	if (!has_clusters(serving.rec->method))
		raise_cannot(&serving, "show clusters", has_clusters);
	return serving;
}

/* One user; without a cluster when the ratings say nothing. */
static void
emit_user(Call *call, const Recommender *rec, const Population *population, int32_t user,
		  void *scratch)
{
	History		history = population_history(population, user);
	double		distance;
	int32_t		cluster = rec->method->user_cluster(rec, &history, scratch, &distance);
	bool		nulls[] = {false, cluster < 0, cluster < 0};
	Datum		values[] = {
		CStringGetTextDatum(population_id(population, user)), Int32GetDatum(cluster + 1),
		Float8GetDatum(distance)
	};

	call_row(call, values, nulls);
}

/* Rows of user_clusters: users with ratings, in the order of their keys. */
void
user_cluster_rows(Call *call, const char *model)
{
	Serving		serving = open_with_clusters(model);
	Progress	progress;
	Job		   *job = population_job_begin(model, &serving, &progress);
	void	   *scratch = job_take(job, recommender_scratch_size(serving.rec), 1);
	MemoryContext row = AllocSetContextCreate(CurrentMemoryContext, "course_recsys row",
											  ALLOCSET_DEFAULT_SIZES);
	Population	population;
	MemoryContext old;

	SPI_connect();
	population_load(&population, job, &serving, false);
	old = MemoryContextSwitchTo(row);
	for (int32_t u = 0; u < population.n_users; u++)
	{
		CHECK_FOR_INTERRUPTS();
		if (u % PROGRESS_USERS == 0)
			env_progress(&job->env, PHASE_SCORING, u, population.n_users);
		emit_user(call, serving.rec, &population, u, scratch);
		MemoryContextReset(row);
	}
	MemoryContextSwitchTo(old);
	SPI_finish();
	population_job_end(job);
}

/* A course in a cluster, for sorting. */
typedef struct RankedCourse
{
	int32_t		course;
	int32_t		enrollments;
	int32_t		popularity_rank;
} RankedCourse;

/* Most enrolments first, then the more popular course, then by id. */
static int
compare_courses(const void *a, const void *b)
{
	const RankedCourse *x = a;
	const RankedCourse *y = b;

	if (x->enrollments != y->enrollments)
		return x->enrollments > y->enrollments ? -1 : 1;
	return (x->popularity_rank > y->popularity_rank) - (x->popularity_rank < y->popularity_rank);
}

/* The courses of a cluster that are offered now, sorted; returns how many. */
static int
rank_courses(const Recommender *rec, const ClusterCourses *courses, const Titles *titles,
			 RankedCourse *ranked)
{
	int			n = 0;

	for (int32_t i = 0; i < courses->n; i++)
		if (titles->available[courses->courses[i]])
			ranked[n++] = (RankedCourse) {courses->courses[i], courses->enrollments[i],
				rec->popularity_rank[courses->courses[i]]};
	qsort(ranked, n, sizeof(RankedCourse), compare_courses);
	return n;
}

/* One course of a cluster. */
static void
emit_course(Call *call, const Recommender *rec, int32_t cluster, int rank,
			const RankedCourse *ranked, const char *title)
{
	bool		nulls[] = {false, false, false, title == NULL, false};
	Datum		values[] = {
		Int32GetDatum(cluster + 1), Int32GetDatum(rank), course_id_datum(rec, ranked->course),
		title ? CStringGetTextDatum(title) : (Datum) 0, Int64GetDatum(ranked->enrollments)
	};

	call_row(call, values, nulls);
}

/* Rows of cluster_courses: cluster after cluster, the most taken courses first. */
void
cluster_course_rows(Call *call, const char *model)
{
	Serving		serving = open_with_clusters(model);
	const Recommender *rec = serving.rec;
	Titles	   *titles = titles_new(rec);
	RankedCourse *ranked = palloc(sizeof(RankedCourse) * rec->n_courses);
	MemoryContext row = AllocSetContextCreate(CurrentMemoryContext, "course_recsys row",
											  ALLOCSET_DEFAULT_SIZES);
	ClusterCourses courses = {.n_clusters = 1};
	MemoryContext old;

	SPI_connect();
	titles_fetch_all(titles, serving.dataset, rec);
	old = MemoryContextSwitchTo(row);
	for (int32_t k = 0; k < courses.n_clusters; k++)
	{
		int			n;

		rec->method->cluster_courses(rec, k, &courses);
		n = rank_courses(rec, &courses, titles, ranked);
		for (int i = 0; i < n; i++)
		{
			CHECK_FOR_INTERRUPTS();
			emit_course(call, rec, k, i + 1, &ranked[i], titles->titles[ranked[i].course]);
			MemoryContextReset(row);
		}
	}
	MemoryContextSwitchTo(old);
	SPI_finish();
}
