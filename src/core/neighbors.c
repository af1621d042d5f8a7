/*
 * neighbors.c
 *		The table of most similar rows.
 *
 * The work is cut into tasks: one row against a range of candidates, at most
 * about TASK_WORK additions, so that even a row that nearly every column has an
 * entry in (a course that everybody takes) is done in steps of some
 * milliseconds, between which the caller's wish to stop is seen.  (Every task of
 * a row walks all its columns, about 30 ns each when they are short: a course with
 * a million raters has steps of 35 ms.)  A task writes
 * its best candidates into a place of its own in the arrays of the table; at the
 * end the tasks of a row are merged and the gaps closed.
 */
#include "core/neighbors.h"

#include <stdlib.h>
#include <string.h>

#include "core/neighbors_kernels.h"
#include "core/parallel.h"
#include "core/topk.h"

#define TASK_WORK (INT64_C(1) << 22)	/* additions: about 8 ms */
#define MOMENTS_COST 3			/* of one addition of moments, in others */

/* One row against the candidates low .. high - 1. */
typedef struct Task
{
	int32_t		row;
	int32_t		low;
	int32_t		high;
	int32_t		n;				/* kept */
	int64_t		work;			/* additions, about */
	int64_t		place;			/* of its first result in the arrays of the table */
} Task;

/* Memory of one thread. */
typedef struct Worker
{
	void	   *sums;			/* per candidate */
	int32_t    *candidates;		/* met by a task, then only the similar ones, ascending */
	float	   *similarities;	/* of these */
} Worker;

typedef struct Fit
{
	const Csr  *rows;
	const Csr  *columns;
	SimilarityRule rule;
	int32_t		table_size;
	RowSize    *sizes;			/* per row */
	int64_t    *work;			/* per row: additions */
	Task	   *tasks;			/* in the order of rows, then candidates */
	int64_t		n_tasks;
	Worker	   *workers;
	Csr		   *table;
} Fit;

/* Sizes and work of a chunk of rows. */
static RecsysStatus
measure_rows(void *arg, int64_t begin, int64_t end, int worker)
{
	Fit		   *fit = arg;

	(void) worker;
	for (int32_t i = (int32_t) begin; i < end; i++)
	{
		SparseRow	row = sparse_row(fit->rows, i);

		fit->sizes[i] = similarity_row_size(row);
		fit->work[i] = 0;
		for (int64_t e = 0; e < row.n; e++)
			fit->work[i] += csr_row_length(fit->columns, row.indexes[e]);
	}
	return RECSYS_OK;
}

/* Number of tasks for a row. */
static int64_t
row_tasks(const Fit *fit, int32_t i)
{
	bool		moments = similarity_sums(fit->rule.similarity) == SUM_MOMENTS;
	int64_t		n = 1 + fit->work[i] / (moments ? TASK_WORK / MOMENTS_COST : TASK_WORK);

	return n < fit->rows->n_rows ? n : fit->rows->n_rows;
}

/* Most results of a task. */
static int64_t
task_room(const Fit *fit, const Task *task)
{
	int64_t		room = task->high - task->low;

	if (room > task->work)
		room = task->work;
	return room < fit->table_size ? room : fit->table_size;
}

/* Cuts all rows into tasks and gives each its place; *room = places in all. */
static RecsysStatus
plan_tasks(Env *env, Fit *fit, int64_t *room)
{
	int32_t		n_rows = fit->rows->n_rows;
	Task	   *task;

	fit->n_tasks = 0;
	for (int32_t i = 0; i < n_rows; i++)
		fit->n_tasks += row_tasks(fit, i);
	fit->tasks = task = env_alloc(env, (size_t) fit->n_tasks, sizeof(Task));
	if (task == NULL)
		return env->status;
	*room = 0;
	for (int32_t i = 0; i < n_rows; i++)
	{
		int64_t		n = row_tasks(fit, i);

		for (int64_t t = 0; t < n; t++, task++)
		{
			*task = (Task) {.row = i,.low = (int32_t) (n_rows * t / n),
				.high = (int32_t) (n_rows * (t + 1) / n),.work = fit->work[i],.place = *room};
			*room += task_room(fit, task);
		}
	}
	return RECSYS_OK;
}

/* Orders indexes. */
static int
compare_index(const void *a, const void *b)
{
	int32_t		x = *(const int32_t *) a;
	int32_t		y = *(const int32_t *) b;

	return (x > y) - (x < y);
}

/* Writes the table_size best of the worker's n candidates to the arrays of the table; returns how many. */
static int32_t
write_best(const Fit *fit, const Worker *worker, int32_t n, int64_t place)
{
	int32_t    *indexes = fit->table->indexes + place;
	float	   *values = fit->table->values + place;
	float		threshold = 0;
	int32_t		n_equal = 0;
	int32_t		n_kept = 0;

	if (n > fit->table_size)
		threshold = topk_threshold(worker->similarities, n, fit->table_size, &n_equal);
	for (int32_t i = 0; i < n; i++)
	{
		float		similarity = worker->similarities[i];

		if (similarity > threshold || (similarity == threshold && n_equal-- > 0))
		{
			indexes[n_kept] = worker->candidates[i];
			values[n_kept++] = similarity;
		}
	}
	return n_kept;
}

/*
 * Keeps the candidates that are similar to the row; n_met of them are listed, or (-1) all of low .. high - 1
 * are looked at.  Clears their sums.  Returns how many are kept.
 */
static int32_t
keep_similar(const Fit *fit, const PairSearch *search, int32_t row, int32_t n_met,
			 const Worker *worker)
{
	int32_t		n = n_met < 0 ? search->high - search->low : n_met;
	int32_t		n_similar = 0;

	for (int32_t i = 0; i < n; i++)
	{
		int32_t		candidate = n_met < 0 ? search->low + i : worker->candidates[i];
		PairSums	sums = pair_search_take(search, candidate);
		float		similarity = (float) similarity_value(&fit->rule, &sums, fit->sizes[row],
														  fit->sizes[candidate]);

		worker->candidates[n_similar] = candidate;
		worker->similarities[n_similar] = similarity;
		n_similar += similarity > 0 && candidate != row;
	}
	return n_similar;
}

/* With little work the candidates met are listed, otherwise all are looked at: O(work) anyway. */
static void
run_task(const Fit *fit, Task *task, const Worker *worker)
{
	bool		listed = task->work < task->high - task->low;
	PairSearch	search = {similarity_sums(fit->rule.similarity), sparse_row(fit->rows, task->row),
		fit->columns, task->low, task->high, worker->sums, listed ? worker->candidates : NULL};
	int32_t		n_met = pair_search(&search);
	int32_t		n_similar;

	if (listed)
		qsort(worker->candidates, (size_t) n_met, sizeof(int32_t), compare_index);
	n_similar = keep_similar(fit, &search, task->row, listed ? n_met : -1, worker);
	task->n = write_best(fit, worker, n_similar, task->place);
}

/* A chunk of tasks. */
static RecsysStatus
run_tasks(void *arg, int64_t begin, int64_t end, int worker)
{
	Fit		   *fit = arg;

	for (int64_t t = begin; t < end; t++)
		run_task(fit, &fit->tasks[t], &fit->workers[worker]);
	return RECSYS_OK;
}

/* The table_size best results of the tasks of a row, which are in the order of the candidates. */
static int32_t
merge_tasks(const Fit *fit, const Task *tasks, int64_t n_tasks, int64_t place)
{
	const Worker *worker = &fit->workers[0];
	int32_t		n = 0;

	for (int64_t t = 0; t < n_tasks; n += tasks[t++].n)
	{
		memcpy(worker->candidates + n, fit->table->indexes + tasks[t].place,
			   (size_t) tasks[t].n * sizeof(int32_t));
		memcpy(worker->similarities + n, fit->table->values + tasks[t].place,
			   (size_t) tasks[t].n * sizeof(float));
	}
	return write_best(fit, worker, n, place);
}

/* Merges, closes the gaps and sets the offsets. */
static RecsysStatus
finish_table(Env *env, Fit *fit)
{
	Csr		   *table = fit->table;
	int64_t		end = 0;

	for (int64_t t = 0; t < fit->n_tasks;)
	{
		const Task *task = &fit->tasks[t];
		int64_t		n_tasks = row_tasks(fit, task->row);

		if (env_interrupted(env))
			return env->status;
		if (n_tasks > 1)
			end += merge_tasks(fit, task, n_tasks, end);
		else
		{
			memmove(table->indexes + end, table->indexes + task->place, (size_t) task->n * 4);
			memmove(table->values + end, table->values + task->place, (size_t) task->n * 4);
			end += task->n;
		}
		table->offsets[task->row + 1] = end;
		t += n_tasks;
	}
	table->n_entries = end;
	return RECSYS_OK;
}

/* Memory for n workers. */
static RecsysStatus
init_workers(Env *env, Fit *fit, int n)
{
	size_t		n_rows = (size_t) fit->rows->n_rows;
	size_t		sums_bytes = pair_sums_bytes(similarity_sums(fit->rule.similarity));

	fit->workers = env_alloc_zero(env, (size_t) n, sizeof(Worker));
	for (int w = 0; fit->workers != NULL && w < n; w++)
	{
		Worker	   *worker = &fit->workers[w];

		worker->sums = env_alloc_zero(env, n_rows, sums_bytes);
		worker->candidates = env_alloc(env, n_rows, sizeof(int32_t));
		worker->similarities = env_alloc(env, n_rows, sizeof(float));
		if (worker->sums == NULL || worker->candidates == NULL || worker->similarities == NULL)
			return env->status;
	}
	return fit->workers == NULL ? env->status : RECSYS_OK;
}

/* Frees what only the fit needed; on failure the owner of the Env does. */
static void
free_fit(Env *env, Fit *fit, int n_workers)
{
	for (int w = 0; w < n_workers; w++)
	{
		env_free(env, fit->workers[w].sums);
		env_free(env, fit->workers[w].candidates);
		env_free(env, fit->workers[w].similarities);
	}
	env_free(env, fit->workers);
	env_free(env, fit->tasks);
	env_free(env, fit->work);
	env_free(env, fit->sizes);
}

/* Measure, plan, run, finish. */
RecsysStatus
neighbors_fit(Env *env, const Csr *rows, const Csr *columns, const NeighborOptions *options,
			  Csr *table)
{
	int32_t		n_rows = rows->n_rows;
	int32_t		table_size = options->table_size < n_rows ? options->table_size : n_rows;
	Fit			fit = {.rows = rows,.columns = columns,.table = table,.table_size = table_size,
		.rule = {options->similarity, options->min_support, options->shrinkage, columns->n_rows}};
	int64_t		room = 0;
	int			n_workers;

	fit.sizes = env_alloc(env, (size_t) n_rows, sizeof(RowSize));
	fit.work = env_alloc(env, (size_t) n_rows, sizeof(int64_t));
	if (fit.sizes == NULL || fit.work == NULL)
		return env->status;
	TRY(parallel_for(env, n_rows, 1, measure_rows, &fit, false));
	TRY(plan_tasks(env, &fit, &room));
	TRY(csr_init(env, table, n_rows, n_rows, room, false));
	n_workers = parallel_workers(env, fit.n_tasks, 1);
	TRY(init_workers(env, &fit, n_workers));
	TRY(parallel_for(env, fit.n_tasks, 1, run_tasks, &fit, true));
	TRY(finish_table(env, &fit));
	free_fit(env, &fit, n_workers);
	return RECSYS_OK;
}

/* As if every row had one task and a full table. */
double
neighbors_bytes(double n_rows, const NeighborOptions *options, int n_threads)
{
	double		kept = options->table_size < n_rows ? options->table_size : n_rows;
	double		sums = (double) pair_sums_bytes(similarity_sums(options->similarity));
	double		per_row = sizeof(RowSize) + 2 * sizeof(int64_t) + sizeof(Task);
	double		per_thread = n_rows * (sums + sizeof(int32_t) + sizeof(float));

	return n_rows * (per_row + kept * 8) + (n_threads > 1 ? n_threads : 1) * per_thread;
}
