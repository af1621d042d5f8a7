/*
 * recommend_all.c
 *		Answers that look at all users: recommend_all, recommend_users,
 *		similar_users.
 *
 * Users are scored in blocks on the threads of the job; a block's answers are
 * kept in arrays and become rows when it is done, so memory does not grow with
 * users times courses.
 */
#include "postgres.h"

#include <math.h>

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/parallel.h"
#include "core/rng.h"
#include "core/topk.h"
#include "pg/history.h"
#include "pg/population.h"
#include "pg/titles.h"

#define BLOCK_USERS 512			/* scored between two emissions */
#define CHUNK_USERS 1			/* handed to a thread at a time: cancel waits for that many */

/* Scratch of one thread. */
typedef struct Worker
{
	void	   *scratch;
	float	   *scores;
	uint8_t    *allowed;
	TopkItem   *heap;
} Worker;

/* One job over all users. */
typedef struct BatchJob
{
	const Serving *serving;
	const Population *population;
	int			n;				/* rows wanted of each user */
	bool		exclude_seen;
	float		threshold;
	bool		fill;
	const uint8_t *available;	/* per course */
	int32_t		course;			/* recommend_users: the course */
	const History *self;		/* similar_users: the user */
	Worker	   *workers;
	int64		first;			/* user number of the block's first */
	Ranked	   *ranked;			/* BLOCK_USERS x n */
	int		   *n_ranked;
	float	   *values;			/* per user of the block: a score */
} BatchJob;

/* What each thread needs. */
static void
prepare_workers(BatchJob *batch, Job *job)
{
	const Recommender *rec = batch->serving->rec;
	int			n = parallel_workers(&job->env, BLOCK_USERS, CHUNK_USERS);

	batch->workers = job_take(job, n, sizeof(Worker));
	for (int i = 0; i < n; i++)
	{
		batch->workers[i].scratch = job_take(job, recommender_scratch_size(rec), 1);
		batch->workers[i].scores = job_take(job, rec->n_courses, sizeof(float));
		batch->workers[i].allowed = job_take(job, rec->n_courses, 1);
		batch->workers[i].heap = job_take(job, Max(batch->n, 1), sizeof(TopkItem));
	}
	batch->values = job_take(job, BLOCK_USERS, sizeof(float));
}

/* Ranks courses for some users of the block. */
static RecsysStatus
rank_users(void *arg, int64_t begin, int64_t end, int worker_number)
{
	BatchJob   *batch = arg;
	const Recommender *rec = batch->serving->rec;
	Worker	   *worker = &batch->workers[worker_number];
	RankOptions options = {
		.n = batch->n, .threshold = batch->threshold, .fill = batch->fill, .allowed = worker->allowed
	};

	for (int64_t i = begin; i < end; i++)
	{
		History		history = population_history(batch->population, (int32_t) (batch->first + i));

		memcpy(worker->allowed, batch->available, rec->n_courses);
		for (int h = 0; batch->exclude_seen && h < history.n; h++)
			worker->allowed[history.courses[h]] = 0;
		rec->method->score(rec, &history, worker->scratch, worker->scores);
		batch->n_ranked[i] = recommender_rank(rec, worker->scores, &options, worker->heap,
											  batch->ranked + i * batch->n);
	}
	return RECSYS_OK;
}

/* Scores one course for some users of the block. */
static RecsysStatus
score_users(void *arg, int64_t begin, int64_t end, int worker_number)
{
	BatchJob   *batch = arg;
	const Recommender *rec = batch->serving->rec;
	Worker	   *worker = &batch->workers[worker_number];

	for (int64_t i = begin; i < end; i++)
	{
		History		history = population_history(batch->population, (int32_t) (batch->first + i));

		rec->method->score(rec, &history, worker->scratch, worker->scores);
		batch->values[i] = worker->scores[batch->course];
	}
	return RECSYS_OK;
}

/* Compares some users of the block with one. */
static RecsysStatus
compare_users(void *arg, int64_t begin, int64_t end, int worker_number)
{
	BatchJob   *batch = arg;
	const Recommender *rec = batch->serving->rec;

	for (int64_t i = begin; i < end; i++)
	{
		History		history = population_history(batch->population, (int32_t) (batch->first + i));

		batch->values[i] = history.user_hash == batch->self->user_hash ? NO_OPINION :
			rec->method->compare(rec, batch->self, &history, batch->workers[worker_number].scratch);
	}
	return RECSYS_OK;
}

/* Has the user taken the course? */
static bool
has_taken(const Population *population, int32_t user, int32_t course)
{
	for (int64 e = population->offsets[user]; e < population->offsets[user + 1]; e++)
		if (population->courses[e] == course)
			return true;
	return false;
}

/* The rows of one user. */
static void
emit_user(Call *call, const BatchJob *batch, int64 i, const Titles *titles)
{
	const Recommender *rec = batch->serving->rec;
	Datum		user = CStringGetTextDatum(population_id(batch->population, batch->first + i));

	for (int r = 0; r < batch->n_ranked[i]; r++)
	{
		const Ranked *ranked = &batch->ranked[i * batch->n + r];
		const char *title = titles->titles[ranked->course];
		bool		scored = ranked->score != NO_OPINION;
		int32_t		length;
		const char *id = strings_get(&rec->course_ids, ranked->course, &length);
		bool		nulls[] = {false, false, false, title == NULL, !scored, false};
		Datum		values[] = {
			user, Int32GetDatum(r + 1), PointerGetDatum(cstring_to_text_with_len(id, length)),
			title ? CStringGetTextDatum(title) : (Datum) 0,
			scored ? score_datum(ranked->score) : (Datum) 0,
			CStringGetTextDatum(row_source(batch->serving, scored))
		};

		call_row(call, values, nulls);
	}
}

/* Runs a function over all users, block by block. */
static int64
run_block(BatchJob *batch, Job *job, ParallelFunction function)
{
	int64		n = Min(BLOCK_USERS, batch->population->n_users - batch->first);

	CHECK_FOR_INTERRUPTS();
	env_progress(&job->env, PHASE_SCORING, batch->first, batch->population->n_users);
	env_check(&job->env, parallel_for(&job->env, n, CHUNK_USERS, function, batch, false));
	return n;
}

/* Emits everybody's recommendations. */
static void
emit_all(Call *call, BatchJob *batch, Job *job, const Titles *titles)
{
	MemoryContext rows = AllocSetContextCreate(CurrentMemoryContext, "course_recsys rows",
											   ALLOCSET_DEFAULT_SIZES);

	batch->ranked = job_take(job, (int64) BLOCK_USERS * Max(batch->n, 1), sizeof(Ranked));
	batch->n_ranked = job_take(job, BLOCK_USERS, sizeof(int));
	for (batch->first = 0; batch->first < batch->population->n_users; batch->first += BLOCK_USERS)
	{
		int64		n = run_block(batch, job, rank_users);
		MemoryContext old = MemoryContextSwitchTo(rows);

		for (int64 i = 0; i < n; i++)
			emit_user(call, batch, i, titles);
		MemoryContextSwitchTo(old);
		MemoryContextReset(rows);
	}
}

/* Rows of recommend_all. */
void
recommend_all_rows(Call *call, const char *model, const Selection *selection)
{
	Serving		serving = serving_open(model);
	const CommonParams *common = serving.rec->params;
	Progress	progress;
	Job		   *job = population_job_begin(model, &serving, &progress);
	Population	population;
	Titles	   *titles;
	BatchJob	batch = {
		.serving = &serving,
		.population = &population,
		.n = Min(selection->n, serving.rec->n_courses),
		.exclude_seen = selection->exclude_seen,
		.threshold = (float) selection->threshold,
		.fill = common->cold_start == COLD_START_POPULAR
	};

	SPI_connect();
	titles = titles_new(serving.rec);
	titles_fetch_all(titles, serving.dataset, serving.rec);
	batch.available = (const uint8_t *) titles->available;
	population_load(&population, job, &serving, true);
	prepare_workers(&batch, job);
	emit_all(call, &batch, job, titles);
	SPI_finish();
	population_job_end(job);
}

/* The best users, best first, as rows rank, user_id, score. */
static void
emit_users(Call *call, const Population *population, Topk *best, bool with_score)
{
	topk_sort(best);
	for (int i = 0; i < best->n; i++)
	{
		bool		nulls[] = {false, false, !with_score};
		Datum		values[] = {
			Int32GetDatum(i + 1),
			CStringGetTextDatum(population_id(population, best->items[i].index)),
			with_score ? score_datum(best->items[i].score) : (Datum) 0
		};

		call_row(call, values, nulls);
	}
}

/* How recommend_users ranks. */
typedef enum Strategy
{
	STRATEGY_SCORE,
	STRATEGY_ACTIVE,
	STRATEGY_RANDOM
} Strategy;

/* The strategy of that name. */
static Strategy
parse_strategy(const char *name)
{
	if (strcmp(name, "score") == 0)
		return STRATEGY_SCORE;
	if (strcmp(name, "active") == 0)
		return STRATEGY_ACTIVE;
	if (strcmp(name, "random") == 0)
		return STRATEGY_RANDOM;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized strategy: \"%s\"", name),
			 errhint("Valid strategies are \"score\", \"active\", \"random\".")));
}

/* Rank value of one user under a strategy; NO_OPINION: not to be invited. */
static float
invitation_score(const BatchJob *batch, Strategy strategy, int64 i)
{
	const CommonParams *common = batch->serving->rec->params;
	int32_t		user = (int32_t) (batch->first + i);
	History		history = population_history(batch->population, user);

	if (has_taken(batch->population, user, batch->course))
		return NO_OPINION;
	switch (strategy)
	{
		case STRATEGY_SCORE:
			return batch->values[i];
		case STRATEGY_ACTIVE:
			return history.n;
		case STRATEGY_RANDOM:
			break;
	}
	return (float) (hash_combine(common->random_state, history.user_hash) >> 40);
}

/* Offers every user's rank value to `best`, block by block. */
static void
rank_invitations(BatchJob *batch, Job *job, Strategy strategy, Topk *best)
{
	int64		n_users = batch->population->n_users;

	for (batch->first = 0; batch->first < n_users; batch->first += BLOCK_USERS)
	{
		int64		block = Min(BLOCK_USERS, n_users - batch->first);

		CHECK_FOR_INTERRUPTS();
		if (strategy == STRATEGY_SCORE)
			run_block(batch, job, score_users);
		for (int64 i = 0; i < block; i++)
		{
			float		score = invitation_score(batch, strategy, i);

			if (score > NO_OPINION)
				topk_offer(best, score, (int32_t) (batch->first + i), (int32_t) (batch->first + i));
		}
	}
}

/* Rows of recommend_users: whom to invite to a course; nobody to one that is not offered. */
void
recommend_user_rows(Call *call, const char *model, const char *course, int n,
					const char *strategy_name)
{
	Strategy	strategy = parse_strategy(strategy_name);
	Serving		serving = serving_open(model);
	Progress	progress;
	Job		   *job = population_job_begin(model, &serving, &progress);
	Population	population;
	Topk		best;
	BatchJob	batch = {.serving = &serving, .population = &population};

	batch.course = find_course(serving.dataset, serving.rec, course);
	SPI_connect();
	if (titles_available(serving.dataset, serving.rec, batch.course))
	{
		population_load(&population, job, &serving, true);
		prepare_workers(&batch, job);
		n = Min(n, population.n_users);
		topk_init(&best, job_take(job, n, sizeof(TopkItem)), n);
		rank_invitations(&batch, job, strategy, &best);
		emit_users(call, &population, &best, strategy != STRATEGY_RANDOM);
	}
	SPI_finish();
	population_job_end(job);
}

/* Can it compare users? */
static bool
can_compare(const Method *method)
{
	return method->compare != NULL;
}

/* Rows of similar_users. */
void
similar_user_rows(Call *call, const char *model, const UserArg *user, int n)
{
	Serving		serving = serving_open(model);
	Progress	progress;
	Job		   *job = population_job_begin(model, &serving, &progress);
	Population	population;
	OwnHistory *self;
	Topk		best;
	BatchJob	batch = {.serving = &serving, .population = &population};

	if (serving.rec->method->compare == NULL)
		raise_cannot(&serving, "compare users", can_compare);
	SPI_connect();
	self = history_fetch(serving.dataset, serving.rec, user);
	batch.self = &self->h;
	if (self->h.n > 0)
	{
		population_load(&population, job, &serving, false);
		prepare_workers(&batch, job);
		n = Min(n, population.n_users);
		topk_init(&best, job_take(job, n, sizeof(TopkItem)), n);
		for (batch.first = 0; batch.first < population.n_users; batch.first += BLOCK_USERS)
		{
			int64		block = run_block(&batch, job, compare_users);

			for (int64 i = 0; i < block; i++)
				if (batch.values[i] > NO_OPINION)
					topk_offer(&best, batch.values[i], (int32_t) (batch.first + i),
							   (int32_t) (batch.first + i));
		}
		emit_users(call, &population, &best, true);
	}
	SPI_finish();
	population_job_end(job);
}
