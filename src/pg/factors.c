/*
 * factors.c
 *		course_factors and user_factors.
 *
 * A model holds the factors of its courses.  Those of a user are computed from
 * the ratings that the user has now, for all users in blocks on the threads of
 * the job; a block becomes rows when it is done.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/latent.h"
#include "core/parallel.h"
#include "core/vector.h"
#include "pg/arrays.h"
#include "pg/factors.h"
#include "pg/population.h"
#include "pg/titles.h"

#define BLOCK_USERS 512			/* folded in between two emissions */
#define CHUNK_USERS 1			/* handed to a thread at a time: cancel waits for that many */

/* The model, which must have factors. */
static Serving
open_with_factors(const char *model)
{
	Serving		serving = serving_open(model);

	check_factors(&serving, "show factors");
	return serving;
}

/* One course; a course may have no factors, a method no biases. */
static void
emit_course(Call *call, const Recommender *rec, int32_t course)
{
	const Method *method = rec->method;
	int			n;
	const float *vector = method->course_vector(rec, course, &n);
	bool		has_bias = method->course_vector_bias != NULL;
	bool		nulls[] = {false, vector == NULL, !has_bias, vector == NULL};
	Datum		values[4] = {0};

	values[0] = course_id_datum(rec, course);
	if (vector != NULL)
	{
		values[1] = PointerGetDatum(new_real_array(vector, n));
		values[3] = Float4GetDatum(vector_norm(vector, n));
	}
	if (has_bias)
		values[2] = Float4GetDatum(method->course_vector_bias(rec, course));
	call_row(call, values, nulls);
}

/* Rows of course_factors: the courses that are offered now, by id. */
void
course_factor_rows(Call *call, const char *model)
{
	Serving		serving = open_with_factors(model);
	const Recommender *rec = serving.rec;
	Titles	   *titles = titles_new(rec);
	MemoryContext row = AllocSetContextCreate(CurrentMemoryContext, "course_recsys row",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;

	SPI_connect();
	titles_fetch_all(titles, serving.dataset, rec);
	old = MemoryContextSwitchTo(row);
	for (int32_t c = 0; c < rec->n_courses; c++)
	{
		CHECK_FOR_INTERRUPTS();
		if (titles->available[c])
			emit_course(call, rec, c);
		MemoryContextReset(row);
	}
	MemoryContextSwitchTo(old);
	SPI_finish();
}

/* One run over all users. */
typedef struct FoldJob
{
	const Recommender *rec;
	const Population *population;
	void	  **scratch;		/* per worker */
	int			n_factors;
	int64		first;			/* user number of the block's first */
	float	   *vectors;		/* BLOCK_USERS x (n_factors + 1), the bias last */
	bool	   *known;			/* per user of the block: has a vector */
} FoldJob;

/* Folds some users of the block in. */
static RecsysStatus
fold_users(void *arg, int64_t begin, int64_t end, int worker)
{
	FoldJob    *fold = arg;

	for (int64_t i = begin; i < end; i++)
	{
		History		history = population_history(fold->population, (int32_t) (fold->first + i));

		fold->known[i] = latent_user(fold->rec, &history, fold->scratch[worker],
										 fold->vectors + i * (fold->n_factors + 1));
	}
	return RECSYS_OK;
}

/* Number i of the block as a row; of a user of whom nothing is known, the id alone. */
static void
emit_user(Call *call, const FoldJob *fold, int64 i)
{
	const float *vector = fold->vectors + i * (fold->n_factors + 1);
	bool		known = fold->known[i];
	bool		has_bias = known && fold->rec->method->course_vector_bias != NULL;
	bool		nulls[] = {false, !known, !has_bias};
	Datum		values[3] = {0};

	values[0] = CStringGetTextDatum(population_id(fold->population, (int32_t) (fold->first + i)));
	if (known)
		values[1] = PointerGetDatum(new_real_array(vector, fold->n_factors));
	if (has_bias)
		values[2] = Float4GetDatum(vector[fold->n_factors]);
	call_row(call, values, nulls);
}

/* The memory of a run. */
static void
prepare_fold(FoldJob *fold, Job *job)
{
	int			n_workers = parallel_workers(&job->env, BLOCK_USERS, CHUNK_USERS);

	fold->n_factors = latent_count(fold->rec);
	fold->scratch = job_take(job, n_workers, sizeof(void *));
	for (int i = 0; i < n_workers; i++)
		fold->scratch[i] = job_take(job, recommender_scratch_size(fold->rec), 1);
	fold->vectors = job_take(job, (int64) BLOCK_USERS * (fold->n_factors + 1), sizeof(float));
	fold->known = job_take(job, BLOCK_USERS, sizeof(bool));
}

/* Everybody, block by block. */
static void
emit_users(Call *call, FoldJob *fold, Job *job)
{
	int64		n_users = fold->population->n_users;
	MemoryContext rows = AllocSetContextCreate(CurrentMemoryContext, "course_recsys rows",
											   ALLOCSET_DEFAULT_SIZES);

	for (fold->first = 0; fold->first < n_users; fold->first += BLOCK_USERS)
	{
		int64		n = Min(BLOCK_USERS, n_users - fold->first);
		MemoryContext old;

		CHECK_FOR_INTERRUPTS();
		env_progress(&job->env, PHASE_SCORING, fold->first, n_users);
		env_check(&job->env, parallel_for(&job->env, n, CHUNK_USERS, fold_users, fold, false));
		old = MemoryContextSwitchTo(rows);
		for (int64 i = 0; i < n; i++)
			emit_user(call, fold, i);
		MemoryContextSwitchTo(old);
		MemoryContextReset(rows);
	}
}

/* Rows of user_factors: users with ratings in the order of their keys, then the others. */
void
user_factor_rows(Call *call, const char *model)
{
	Serving		serving = open_with_factors(model);
	Progress	progress;
	Job		   *job = population_job_begin(model, &serving, &progress);
	Population	population;
	FoldJob		fold = {.rec = serving.rec, .population = &population};

	SPI_connect();
	population_load(&population, job, &serving, true);
	prepare_fold(&fold, job);
	emit_users(call, &fold, job);
	SPI_finish();
	population_job_end(job);
}
