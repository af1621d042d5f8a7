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

#include "core/batch.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "core/topk.h"
#include "pg/history.h"
#include "pg/population.h"
#include "pg/titles.h"

#define BLOCK_USERS 512			/* scored between two emissions */
#define CHUNK_CHOICES 1			/* users that a thread chooses for at a time */

/* One job over all users. */
typedef struct BatchJob
{
	Batch		batch;			/* what is asked of each user */
	const Serving *serving;
	const Population *population;
	int32_t		course;			/* recommend_users: the course */
	const History *self;		/* similar_users: the user */
	int64		first;			/* user number of the block's first */
	Ranked	   *ranked;			/* BLOCK_USERS x n */
	int		   *n_ranked;
	AnswerOptions answer;		/* recommend_all: how rows are chosen and shown */
	DiversityRoom *rooms;		/* of each thread that chooses; NULL: nothing to choose */
	ParallelStop stop;			/* of a long choice */
	float	   *values;			/* per user of the block: a score */
} BatchJob;

/* What each thread needs, and the block. */
static void
prepare(BatchJob *all, Job *job)
{
	all->batch.rec = all->serving->rec;
	env_check(&job->env, batch_prepare(&job->env, &all->batch, BLOCK_USERS));
	all->values = job_take(job, BLOCK_USERS, sizeof(float));
}

/* History of user i of the block. */
static History
block_history(const BatchJob *all, int64 i)
{
	return population_history(all->population, (int32_t) (all->first + i));
}

/* Ranks courses for some users of the block. */
static RecsysStatus
rank_users(void *arg, int64_t begin, int64_t end, int worker)
{
	BatchJob   *all = arg;
	History		histories[BATCH_USERS];

	for (int64_t i = begin; i < end; i++)
		histories[i - begin] = block_history(all, i);
	batch_rank(&all->batch, worker, (int) (end - begin), histories,
			   all->ranked + begin * all->batch.n, all->n_ranked + begin);
	return RECSYS_OK;
}

/* Makes answers of the rankings of some users of the block. */
static RecsysStatus
finish_users(void *arg, int64_t begin, int64_t end, int worker)
{
	BatchJob   *all = arg;

	for (int64_t i = begin; i < end; i++)
		all->n_ranked[i] = answer_finish(&all->answer, all->rooms ? &all->rooms[worker] : NULL,
										 all->n_ranked[i], all->ranked + i * all->batch.n);
	return RECSYS_OK;
}

/* Room for each thread that chooses among candidates, like the one that is given; NULL: none of them does. */
static void
prepare_rooms(BatchJob *all, Job *job, const DiversityRoom *first)
{
	const Recommender *rec = all->serving->rec;
	int			n_workers = parallel_workers(&job->env, BLOCK_USERS, CHUNK_CHOICES);

	if (first == NULL)
		return;
	all->stop.env = &job->env;
	all->rooms = job_take(job, n_workers, sizeof(DiversityRoom));
	for (int i = 0; i < n_workers; i++)
	{
		all->rooms[i] = *first;
		all->rooms[i].stop = &all->stop;
		all->rooms[i].worker = i;
		all->rooms[i].items = job_take(job, answer_items(&all->answer, rec->n_courses),
									   sizeof(DiversityItem));
		if (first->source != DIVERSITY_SIMILAR)
			continue;
		all->rooms[i].scratch = job_take(job, recommender_scratch_size(rec), 1);
		all->rooms[i].scores = job_take(job, rec->n_courses, sizeof(float));
	}
}

/* Scores one course for some users of the block. */
static RecsysStatus
score_users(void *arg, int64_t begin, int64_t end, int worker)
{
	BatchJob   *all = arg;

	for (int64_t i = begin; i < end; i++)
	{
		History		history = block_history(all, i);

		all->values[i] = batch_score_course(&all->batch, worker, &history, all->course);
	}
	return RECSYS_OK;
}

/* Compares some users of the block with one. */
static RecsysStatus
compare_users(void *arg, int64_t begin, int64_t end, int worker)
{
	BatchJob   *all = arg;
	const Recommender *rec = all->serving->rec;

	for (int64_t i = begin; i < end; i++)
	{
		History		history = block_history(all, i);

		all->values[i] = history.user_hash == all->self->user_hash ? NO_OPINION :
			rec->method->compare(rec, all->self, &history, all->batch.workers[worker].scratch);
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
emit_user(Call *call, const BatchJob *all, int64 i, const Titles *titles)
{
	const Recommender *rec = all->serving->rec;
	const Ranked *rows = &all->ranked[i * all->batch.n];
	Datum		user = CStringGetTextDatum(population_id(all->population, all->first + i));

	for (int r = 0; r < all->n_ranked[i]; r++)
	{
		const char *title = titles->titles[rows[r].course];
		float		score = answer_score(&all->answer, rows, r);
		bool		scored = score != NO_OPINION;
		int32_t		length;
		const char *id = strings_get(&rec->course_ids, rows[r].course, &length);
		bool		nulls[] = {false, false, false, title == NULL, !scored, false};
		Datum		values[] = {
			user, Int32GetDatum(r + 1), PointerGetDatum(cstring_to_text_with_len(id, length)),
			title ? CStringGetTextDatum(title) : (Datum) 0,
			scored ? score_datum(score) : (Datum) 0,
			CStringGetTextDatum(row_source(all->serving, scored, rows[r].source))
		};

		call_row(call, values, nulls);
	}
}

/* Runs a function over the users of the block; returns how many there are. */
static int64
run_block(BatchJob *all, Job *job, ParallelFunction function)
{
	int64		n = Min(BLOCK_USERS, all->population->n_users - all->first);

	CHECK_FOR_INTERRUPTS();
	env_progress(&job->env, PHASE_SCORING, all->first, all->population->n_users);
	env_check(&job->env, parallel_for(&job->env, n, all->batch.chunk, function, all, false));
	return n;
}

/* Ranks for the users of the block and chooses their rows; returns how many users there are. */
static int64
answer_block(BatchJob *all, Job *job)
{
	int64		n = run_block(all, job, rank_users);

	if (all->rooms == NULL)
		(void) finish_users(all, 0, n, 0);
	else
		env_check(&job->env, parallel_for(&job->env, n, CHUNK_CHOICES, finish_users, all, false));
	return n;
}

/* Emits everybody's recommendations. */
static void
emit_all(Call *call, BatchJob *all, Job *job, const Titles *titles)
{
	MemoryContext rows = AllocSetContextCreate(CurrentMemoryContext, "course_recsys rows",
											   ALLOCSET_DEFAULT_SIZES);

	all->ranked = job_take(job, (int64) BLOCK_USERS * Max(all->batch.n, 1), sizeof(Ranked));
	all->n_ranked = job_take(job, BLOCK_USERS, sizeof(int));
	for (all->first = 0; all->first < all->population->n_users; all->first += BLOCK_USERS)
	{
		int64		n = answer_block(all, job);
		MemoryContext old = MemoryContextSwitchTo(rows);

		for (int64 i = 0; i < n; i++)
			emit_user(call, all, i, titles);
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
	ScoreRoom  *scores = score_room(serving.model, call->context);
	DiversityRoom *room = answer_room(&serving, &selection->answer, scores->scratch, scores->scores);
	Progress	progress;
	Job		   *job = population_job_begin(model, &serving, &progress);
	Population	population;
	Titles	   *titles;
	BatchJob	all = {
		.batch = {
			.n = answer_candidates(&selection->answer, serving.rec->n_courses),
			.exclude_seen = selection->exclude_seen,
			.threshold = (float) selection->threshold,
			.fill = common->cold_start == COLD_START_POPULAR && answer_may_fill(&selection->answer)
		},
		.answer = selection->answer,
		.serving = &serving,
		.population = &population
	};

	SPI_connect();
	titles = titles_new(serving.rec);
	titles_fetch_all(titles, serving.dataset, serving.rec);
	all.batch.available = (const uint8_t *) titles->available;
	population_load(&population, job, &serving, true);
	prepare(&all, job);
	prepare_rooms(&all, job, room);
	emit_all(call, &all, job, titles);
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
invitation_score(const BatchJob *all, Strategy strategy, int64 i)
{
	const CommonParams *common = all->serving->rec->params;
	int32_t		user = (int32_t) (all->first + i);
	History		history = population_history(all->population, user);

	if (has_taken(all->population, user, all->course))
		return NO_OPINION;
	switch (strategy)
	{
		case STRATEGY_SCORE:
			return all->values[i];
		case STRATEGY_ACTIVE:
			return history.n;
		case STRATEGY_RANDOM:
			break;
	}
	return (float) (hash_combine(common->random_state, history.user_hash) >> 40);
}

/* Offers every user's rank value to `best`, block by block. */
static void
rank_invitations(BatchJob *all, Job *job, Strategy strategy, Topk *best)
{
	int64		n_users = all->population->n_users;

	for (all->first = 0; all->first < n_users; all->first += BLOCK_USERS)
	{
		int64		block = Min(BLOCK_USERS, n_users - all->first);

		CHECK_FOR_INTERRUPTS();
		if (strategy == STRATEGY_SCORE)
			run_block(all, job, score_users);
		for (int64 i = 0; i < block; i++)
		{
			float		score = invitation_score(all, strategy, i);

			if (score > NO_OPINION)
				topk_offer(best, score, (int32_t) (all->first + i), (int32_t) (all->first + i));
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
	BatchJob	all = {.serving = &serving, .population = &population};

	all.course = find_course(serving.dataset, serving.rec, course);
	SPI_connect();
	if (titles_available(serving.dataset, serving.rec, all.course))
	{
		population_load(&population, job, &serving, true);
		prepare(&all, job);
		n = Min(n, population.n_users);
		topk_init(&best, job_take(job, n, sizeof(TopkItem)), n);
		rank_invitations(&all, job, strategy, &best);
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
	BatchJob	all = {.serving = &serving, .population = &population};

	if (serving.rec->method->compare == NULL)
		raise_cannot(&serving, "compare users", can_compare);
	SPI_connect();
	self = history_fetch(serving.dataset, serving.rec, user);
	all.self = &self->h;
	if (self->h.n > 0)
	{
		population_load(&population, job, &serving, false);
		prepare(&all, job);
		n = Min(n, population.n_users);
		topk_init(&best, job_take(job, n, sizeof(TopkItem)), n);
		for (all.first = 0; all.first < population.n_users; all.first += BLOCK_USERS)
		{
			int64		block = run_block(&all, job, compare_users);

			for (int64 i = 0; i < block; i++)
				if (all.values[i] > NO_OPINION)
					topk_offer(&best, all.values[i], (int32_t) (all.first + i),
							   (int32_t) (all.first + i));
		}
		emit_users(call, &population, &best, true);
	}
	SPI_finish();
	population_job_end(job);
}
