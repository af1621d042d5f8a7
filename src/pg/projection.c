/*
 * projection.c
 *		project_courses: the courses of a model on a plane.
 *
 * The factors of the courses that are offered now, centred, on their first two
 * principal components: the plane on which they lie farthest apart.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/latent.h"
#include "core/pca.h"
#include "core/vector.h"
#include "pg/population.h"
#include "pg/projection.h"
#include "pg/titles.h"

/* The courses on the plane. */
typedef struct Projection
{
	const Recommender *rec;
	const Titles *titles;
	int32_t    *courses;		/* that are offered and have factors */
	Points		points;			/* their factors, centred */
	double	   *components;		/* 2 x factors */
} Projection;

/* Factors of the courses that are offered. */
static void
collect_courses(Projection *p, Job *job)
{
	const Recommender *rec = p->rec;

	p->points.n_dims = latent_count(rec);
	p->courses = job_take(job, rec->n_courses, sizeof(int32_t));
	p->points.values = job_take(job, rec->n_courses, sizeof(double) * p->points.n_dims);
	for (int32_t c = 0; c < rec->n_courses; c++)
	{
		int			n;
		const float *vector = rec->method->course_vector(rec, c, &n);

		if (vector == NULL || !p->titles->available[c])
			continue;
		for (int i = 0; i < n; i++)
			point(&p->points, p->points.n)[i] = vector[i];
		p->courses[p->points.n++] = c;
	}
}

/* Centres the factors and finds the plane; of a single course, or a single factor, a part of it is 0. */
static void
find_plane(Projection *p, Job *job)
{
	int32_t		n_dims = p->points.n_dims;
	double	   *moments = job_take(job, 2 * (int64) n_dims, sizeof(double));
	int			n_axes = Min(2, n_dims);
	Pca			pca;

	p->components = job_take(job, 2 * (int64) n_dims, sizeof(double));
	env_check(&job->env, points_moments(&job->env, &p->points, moments, moments + n_dims));
	env_check(&job->env, points_standardize(&job->env, &p->points, moments, NULL));
	if (p->points.n < 2)
		return;
	env_check(&job->env, pca_fit(&job->env, &p->points, n_axes, &pca));
	memcpy(p->components, pca.components, sizeof(double) * n_axes * n_dims);
}

/* One course. */
static void
emit_course(Call *call, const Projection *p, int64 i)
{
	int32_t		course = p->courses[i];
	const char *title = p->titles->titles[course];
	bool		nulls[] = {false, title == NULL, false, false, false, false};
	double		plane[2];
	int			n;
	const float *vector = p->rec->method->course_vector(p->rec, course, &n);
	Datum		values[6];

	pca_project(2, n, p->components, point(&p->points, i), plane);
	values[0] = course_id_datum(p->rec, course);
	values[1] = title ? CStringGetTextDatum(title) : (Datum) 0;
	values[2] = Float8GetDatum(plane[0]);
	values[3] = Float8GetDatum(plane[1]);
	values[4] = Float4GetDatum(vector_norm(vector, n));
	values[5] = Int64GetDatum(p->rec->course_counts[course]);
	call_row(call, values, nulls);
}

/* All of them, by id. */
static void
emit_courses(Call *call, const Projection *p)
{
	MemoryContext row = AllocSetContextCreate(CurrentMemoryContext, "course_recsys row",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(row);

	for (int64 i = 0; i < p->points.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		emit_course(call, p, i);
		MemoryContextReset(row);
	}
	MemoryContextSwitchTo(old);
}

/* Rows of project_courses. */
void
project_course_rows(Call *call, const char *model)
{
	Serving		serving = serving_open(model);
	Job		   *job = job_create(model);
	Titles	   *titles = titles_new(serving.rec);
	Projection	projection = {.rec = serving.rec, .titles = titles};

	check_factors(&serving, "project courses");
	SPI_connect();
	titles_fetch_all(titles, serving.dataset, serving.rec);
	SPI_finish();
	collect_courses(&projection, job);
	if (projection.points.n > 0)
		find_plane(&projection, job);
	emit_courses(call, &projection);
	job_end(job);
}
