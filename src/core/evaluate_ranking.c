/*
 * evaluate_ranking.c
 *		Lists for the users who can be ranked for, by the method and by popularity.
 *
 * Blocks of users are scored on the threads, each user into a place of its own;
 * then the block is added up in the order of the users.  One user takes one score
 * of all courses, two lists and two passes for the AUC.  With diversity, the list of
 * the method is chosen as an answer is; that of popularity, and the AUC, stay.
 */
#include <stdlib.h>
#include <string.h>

#include "core/answer.h"
#include "core/evaluate_parts.h"
#include "core/parallel.h"
#include "core/topk.h"

/* Metrics of one user, which stand together. */
#define FIRST_OF_USER METRIC_PRECISION
#define N_OF_USER (METRIC_DIVERSITY - METRIC_PRECISION + 1)

/* Who ranks. */
enum
{
	BY_METHOD,
	BY_POPULARITY,
	N_RANKERS
};

/* Scratch of one thread. */
typedef struct Worker
{
	void	   *scratch;
	float	   *scores;			/* per course */
	uint8_t    *allowed;		/* per course: a candidate for the user */
	TopkItem   *heap;
	Ranked	   *ranked;			/* n_ranked */
	DiversityRoom room;			/* of diversity; its scores are others than those above */
	Relevant   *relevant;		/* of the user */
	float	   *gains;
	float	   *auc_relevant;	/* scores */
	float	   *auc_others;
} Worker;

/* What is added up. */
typedef struct Totals
{
	double		sums[N_OF_USER];
	int64_t		users[N_OF_USER];	/* who have a value */
	int64_t    *lists;			/* per course: lists it is in */
} Totals;

/* The whole job. */
typedef struct Ranking
{
	const Measuring *measuring;
	int			k;				/* rows of a list: options->k, at most the number of courses */
	AnswerOptions answer;		/* how the list of the method is made */
	int			n_ranked;		/* courses that it is chosen from */
	bool		fill;			/* complete lists by popularity */
	uint8_t    *candidates;		/* per course: has a training row */
	int64_t		n_candidates;
	float	   *norms;			/* per course: length of its vector for diversity */
	int32_t    *users;			/* to rank for */
	int32_t		n_users;
	int64_t		n_relevant;		/* held-out rows of theirs that count */
	int64_t		first;			/* of the block, in users */
	double	   *values;			/* EVALUATE_BLOCK x N_RANKERS x N_OF_USER */
	int32_t    *lists;			/* EVALUATE_BLOCK x N_RANKERS x k */
	int		   *n_lists;		/* EVALUATE_BLOCK x N_RANKERS */
	Worker	   *workers;
	Totals		totals[N_RANKERS];
	ParallelStop stop;			/* of a long choice */
} Ranking;

/* ---------------------------------------------------------------- users and candidates */

/* Held-out rows of a user that count. */
static int64_t
count_relevant(const Measuring *measuring, int32_t user)
{
	const Csr  *test = &measuring->fold->test;
	int64_t		n = 0;

	for (int64_t i = test->offsets[user]; i < test->offsets[user + 1]; i++)
		n += is_relevant(measuring->options, test->values[i]);
	return n;
}

/* Sorts users into those to rank for, cold ones, and those without a relevant row. */
static RecsysStatus
choose_users(Env *env, Ranking *ranking, Measured *measured)
{
	const Fold *fold = ranking->measuring->fold;

	ranking->users = env_alloc(env, (size_t) fold->test.n_rows, sizeof(int32_t));
	if (ranking->users == NULL)
		return env->status;
	for (int32_t u = 0; u < fold->test.n_rows; u++)
	{
		int64_t		rows = csr_row_length(&fold->test, u);
		int64_t		relevant = count_relevant(ranking->measuring, u);
		Metric		missing = fold_history(fold, u).n == 0 ? METRIC_COLD_USERS :
			METRIC_USERS_WITHOUT_RELEVANT;

		if (rows == 0)
			continue;
		if (missing == METRIC_COLD_USERS || relevant == 0)
		{
			measured->users[missing]++;
			measured->ratings[missing] += rows;
			continue;
		}
		ranking->users[ranking->n_users++] = u;
		ranking->n_relevant += relevant;
	}
	measured->values[METRIC_COLD_USERS] = (double) measured->users[METRIC_COLD_USERS];
	measured->values[METRIC_USERS_WITHOUT_RELEVANT] =
		(double) measured->users[METRIC_USERS_WITHOUT_RELEVANT];
	return RECSYS_OK;
}

/* Courses that somebody in the training part has. */
static RecsysStatus
choose_candidates(Env *env, Ranking *ranking)
{
	const Recommender *rec = ranking->measuring->rec;

	ranking->candidates = env_alloc(env, (size_t) rec->n_courses, 1);
	if (ranking->candidates == NULL)
		return env->status;
	for (int32_t c = 0; c < rec->n_courses; c++)
	{
		ranking->candidates[c] = rec->course_counts[c] > 0;
		ranking->n_candidates += ranking->candidates[c];
	}
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- diversity */

/* Product of the genres of two courses. */
static double
genre_product(const Matrix *genres, int32_t a, int32_t b)
{
	const float *x = matrix_row(genres, a);
	const float *y = matrix_row(genres, b);
	double		sum = 0;

	for (int64_t i = 0; i < genres->n_cols; i++)
		sum += (double) x[i] * (double) y[i];
	return sum;
}

/* Product of the words of two courses. */
static double
term_product(const Csr *terms, int32_t a, int32_t b)
{
	int64_t		i = terms->offsets[a];
	int64_t		j = terms->offsets[b];
	double		sum = 0;

	while (i < terms->offsets[a + 1] && j < terms->offsets[b + 1])
	{
		if (terms->indexes[i] == terms->indexes[j])
			sum += (double) terms->values[i++] * (double) terms->values[j++];
		else if (terms->indexes[i] < terms->indexes[j])
			i++;
		else
			j++;
	}
	return sum;
}

/* Product of what is known of two courses. */
static double
course_product(const TrainingSet *set, int32_t a, int32_t b)
{
	return set->genres.n_cols > 0 ? genre_product(&set->genres, a, b) :
		term_product(&set->terms, a, b);
}

/* Lengths of the courses' vectors; none when neither genres nor words are known. */
static RecsysStatus
find_norms(Env *env, Ranking *ranking)
{
	const TrainingSet *set = &ranking->measuring->fold->train;
	int32_t		n = set->by_course.n_rows;

	if (set->genres.n_cols == 0 && set->terms.n_entries == 0)
		return RECSYS_OK;
	ranking->norms = env_alloc(env, (size_t) n, sizeof(float));
	if (ranking->norms == NULL)
		return env->status;
	for (int32_t c = 0; c < n; c++)
	{
		if (c % 4096 == 0 && env_interrupted(env))
			return env->status;
		ranking->norms[c] = (float) sqrt(course_product(set, c, c));
	}
	return RECSYS_OK;
}

/* 1 - mean cosine of two courses of a list; a course of which nothing is known is like none. */
static double
list_diversity(const Ranking *ranking, int n, const int32_t *list)
{
	const TrainingSet *set = &ranking->measuring->fold->train;
	double		sum = 0;

	if (ranking->norms == NULL || n < 2)
		return NAN;
	for (int i = 0; i < n; i++)
		for (int j = 0; j < i; j++)
		{
			double		norms = (double) ranking->norms[list[i]] * (double) ranking->norms[list[j]];

			if (norms > 0)
				sum += course_product(set, list[i], list[j]) / norms;
		}
	return 1 - sum / (0.5 * n * (n - 1));
}

/* Mean surprise of a list: how few users have its courses. */
static double
list_novelty(const Recommender *rec, int n, const int32_t *list)
{
	double		users = (double) rec->summary.n_users;
	double		sum = 0;

	for (int i = 0; i < n; i++)
		sum -= log2((double) rec->course_counts[list[i]] / users);
	return n == 0 ? NAN : sum / n;
}

/* ---------------------------------------------------------------- one user */

/* qsort: descending gains. */
static int
compare_gains(const void *a, const void *b)
{
	float		x = *(const float *) a;
	float		y = *(const float *) b;

	return (x < y) - (x > y);
}

/* Relevant rows of the user, ascending, and their gains, descending; returns how many. */
static int32_t
take_relevant(const Measuring *measuring, int32_t user, Worker *worker)
{
	const Csr  *test = &measuring->fold->test;
	int32_t		n = 0;

	for (int64_t i = test->offsets[user]; i < test->offsets[user + 1]; i++)
	{
		float		rating = test->values[i];
		float		gain = !measuring->options->graded ? 1 : rating > 0 ? rating : 0;

		if (!is_relevant(measuring->options, rating))
			continue;
		worker->gains[n] = gain;
		worker->relevant[n++] = (Relevant) {test->indexes[i], gain};
	}
	if (measuring->options->graded)
		qsort(worker->gains, (size_t) n, sizeof(float), compare_gains);
	return n;
}

/* AUC of the scores over the candidates of the user. */
static double
user_auc(const Ranking *ranking, const Worker *worker, int32_t n_relevant)
{
	int32_t		n_courses = ranking->measuring->rec->n_courses;
	int32_t		next = 0;
	int64_t		n_mine = 0;
	int64_t		n_others = 0;

	for (int32_t c = 0; c < n_courses; c++)
	{
		bool		mine = next < n_relevant && worker->relevant[next].course == c;
		float		score = isnan(worker->scores[c]) ? NO_OPINION : worker->scores[c];

		next += mine;
		if (!worker->allowed[c])
			continue;
		if (mine)
			worker->auc_relevant[n_mine++] = score;
		else
			worker->auc_others[n_others++] = score;
	}
	return metrics_auc(n_mine, worker->auc_relevant, n_others, worker->auc_others);
}

/* The list of the method. */
static int
method_list(const Ranking *ranking, const Worker *worker, int32_t *list)
{
	RankOptions options = {ranking->n_ranked, NAN, ranking->fill, worker->allowed};
	int			n = recommender_rank(ranking->measuring->rec, worker->scores, &options,
									 worker->heap, worker->ranked);

	n = answer_finish(&ranking->answer, &worker->room, n, worker->ranked);
	for (int i = 0; i < n; i++)
		list[i] = worker->ranked[i].course;
	return n;
}

/* The list of the most popular candidates. */
static int
popular_list(const Ranking *ranking, const Worker *worker, int32_t *list)
{
	const Recommender *rec = ranking->measuring->rec;
	int			n = 0;

	for (int32_t i = 0; i < rec->n_courses && n < ranking->k; i++)
		if (worker->allowed[rec->popularity_order[i]])
			list[n++] = rec->popularity_order[i];
	return n;
}

/* All metrics of one list and the scores behind it. */
static void
measure_list(const Ranking *ranking, const Worker *worker, int32_t n_relevant, int n_list,
			 const int32_t *list, double *of_user)
{
	double		values[N_METRICS];

	metrics_list(ranking->measuring->options->k, n_list, list, n_relevant, worker->relevant,
				 worker->gains, values);
	values[METRIC_AUC] = user_auc(ranking, worker, n_relevant);
	values[METRIC_NOVELTY] = list_novelty(ranking->measuring->rec, n_list, list);
	values[METRIC_DIVERSITY] = list_diversity(ranking, n_list, list);
	memcpy(of_user, values + FIRST_OF_USER, N_OF_USER * sizeof(double));
}

/* Ranks for user number i of the block. */
static void
rank_user(Ranking *ranking, int64_t i, Worker *worker)
{
	const Measuring *measuring = ranking->measuring;
	const Recommender *rec = measuring->rec;
	int32_t		user = ranking->users[ranking->first + i];
	History		history = fold_history(measuring->fold, user);
	int32_t		n_relevant = take_relevant(measuring, user, worker);

	memcpy(worker->allowed, ranking->candidates, (size_t) rec->n_courses);
	for (int32_t h = 0; h < history.n; h++)
		worker->allowed[history.courses[h]] = 0;
	rec->method->score(rec, &history, worker->scratch, worker->scores);
	for (int r = 0; r < N_RANKERS; r++)
	{
		int64_t		at = i * N_RANKERS + r;
		int32_t    *list = ranking->lists + at * ranking->k;

		for (int32_t c = 0; r == BY_POPULARITY && c < rec->n_courses; c++)
			worker->scores[c] = (float) rec->course_counts[c];
		ranking->n_lists[at] = r == BY_METHOD ? method_list(ranking, worker, list) :
			popular_list(ranking, worker, list);
		measure_list(ranking, worker, n_relevant, ranking->n_lists[at], list,
					 ranking->values + at * N_OF_USER);
	}
}

/* Ranks for some users of the block. */
static RecsysStatus
rank_users(void *arg, int64_t begin, int64_t end, int worker)
{
	Ranking    *ranking = arg;

	for (int64_t i = begin; i < end; i++)
		rank_user(ranking, i, &ranking->workers[worker]);
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- all users */

/* Scratch of one thread, for a user with at most n_held_out rows. */
static RecsysStatus
prepare_worker(Env *env, const Ranking *ranking, size_t n_held_out, Worker *worker)
{
	const Recommender *rec = ranking->measuring->rec;
	size_t		n_courses = (size_t) rec->n_courses;
	size_t		n_ranked = (size_t) ranking->n_ranked;

	worker->scratch = env_alloc_zero(env, recommender_scratch_size(rec), 1);
	worker->scores = env_alloc(env, n_courses, sizeof(float));
	worker->allowed = env_alloc(env, n_courses, 1);
	worker->heap = env_alloc(env, n_ranked, sizeof(TopkItem));
	worker->ranked = env_alloc(env, n_ranked, sizeof(Ranked));
	worker->relevant = env_alloc(env, n_held_out, sizeof(Relevant));
	worker->gains = env_alloc(env, n_held_out, sizeof(float));
	worker->auc_relevant = env_alloc(env, n_held_out, sizeof(float));
	worker->auc_others = env_alloc(env, n_courses, sizeof(float));
	if (worker->scratch == NULL || worker->scores == NULL || worker->allowed == NULL ||
		worker->heap == NULL || worker->ranked == NULL || worker->relevant == NULL ||
		worker->gains == NULL || worker->auc_relevant == NULL || worker->auc_others == NULL)
		return env->status;
	return RECSYS_OK;
}

/* What one thread needs for diversity. */
static RecsysStatus
prepare_room(Env *env, Ranking *ranking, Worker *worker)
{
	const Recommender *rec = ranking->measuring->rec;
	size_t		n_items = (size_t) answer_items(&ranking->answer, rec->n_courses);

	worker->room = (DiversityRoom) {.rec = rec, .scratch = worker->scratch, .stop = &ranking->stop,
		.worker = (int) (worker - ranking->workers)};
	worker->room.items = env_alloc(env, n_items, sizeof(DiversityItem));
	worker->room.scores = env_alloc(env, (size_t) rec->n_courses, sizeof(float));
	if (worker->room.items == NULL || worker->room.scores == NULL)
		return env->status;
	worker->room.source = diversity_source(rec, worker->scratch, worker->room.scores);
	if (worker->room.source != DIVERSITY_NONE)
		return RECSYS_OK;
	env_fail(env, RECSYS_UNSUPPORTED, "method \"%s\" cannot compare courses with these parameters",
			 rec->method->name);
	return env_hint(env, "Leave out \"user_based\", or the option \"diversity\".");
}

/* Most held-out rows of a user. */
static int64_t
most_held_out(const Csr *test)
{
	int64_t		most = 0;

	for (int32_t u = 0; u < test->n_rows; u++)
		most = csr_row_length(test, u) > most ? csr_row_length(test, u) : most;
	return most;
}

/* All memory of the job. */
static RecsysStatus
prepare(Env *env, Ranking *ranking)
{
	const Measuring *measuring = ranking->measuring;
	size_t		n_courses = (size_t) measuring->rec->n_courses;
	size_t		n_held_out = (size_t) most_held_out(&measuring->fold->test);
	int			n_workers = parallel_workers(env, EVALUATE_BLOCK, 1);

	ranking->values = env_alloc(env, EVALUATE_BLOCK * N_RANKERS * N_OF_USER, sizeof(double));
	ranking->lists = env_alloc(env, (size_t) EVALUATE_BLOCK * N_RANKERS * (size_t) ranking->k,
							   sizeof(int32_t));
	ranking->n_lists = env_alloc(env, EVALUATE_BLOCK * N_RANKERS, sizeof(int));
	ranking->workers = env_alloc_zero(env, (size_t) n_workers, sizeof(Worker));
	if (ranking->values == NULL || ranking->lists == NULL || ranking->n_lists == NULL ||
		ranking->workers == NULL)
		return env->status;
	for (int r = 0; r < N_RANKERS; r++)
	{
		ranking->totals[r].lists = env_alloc_zero(env, n_courses, sizeof(int64_t));
		if (ranking->totals[r].lists == NULL)
			return env->status;
	}
	for (int w = 0; w < n_workers; w++)
	{
		TRY(prepare_worker(env, ranking, n_held_out, &ranking->workers[w]));
		if (ranking->answer.diversity > 0)
			TRY(prepare_room(env, ranking, &ranking->workers[w]));
	}
	return RECSYS_OK;
}

/* Adds the results of one list to the totals of its ranker. */
static void
add_list(const Ranking *ranking, int64_t at, Totals *totals)
{
	const double *values = ranking->values + at * N_OF_USER;
	const int32_t *list = ranking->lists + at * ranking->k;

	for (int m = 0; m < N_OF_USER; m++)
		if (!isnan(values[m]))
		{
			totals->sums[m] += values[m];
			totals->users[m]++;
		}
	for (int i = 0; i < ranking->n_lists[at]; i++)
		totals->lists[list[i]]++;
}

/* Ranks for all users, block by block. */
static RecsysStatus
rank_all(Env *env, Ranking *ranking)
{
	for (ranking->first = 0; ranking->first < ranking->n_users; ranking->first += EVALUATE_BLOCK)
	{
		int64_t		left = ranking->n_users - ranking->first;
		int64_t		n = left < EVALUATE_BLOCK ? left : EVALUATE_BLOCK;

		env_progress(env, PHASE_SCORING, ranking->first, ranking->n_users);
		TRY(parallel_for(env, n, 1, rank_users, ranking, false));
		for (int64_t at = 0; at < n * N_RANKERS; at++)
			add_list(ranking, at, &ranking->totals[at % N_RANKERS]);
	}
	return RECSYS_OK;
}

/* Values of all lists of one ranker; its counts are lost. */
static void
conclude(const Ranking *ranking, Totals *totals, double *values)
{
	const Recommender *rec = ranking->measuring->rec;
	int64_t		listed = 0;
	int64_t		rows = 0;
	int64_t		n = 0;

	for (int m = 0; m < N_OF_USER; m++)
		values[FIRST_OF_USER + m] = totals->users[m] == 0 ? NAN :
			totals->sums[m] / (double) totals->users[m];
	for (int32_t c = 0; c < rec->n_courses; c++)
	{
		int64_t		lists = totals->lists[c];

		listed += lists > 0;
		rows += lists > 0 ? rec->course_counts[c] : 0;
		if (ranking->candidates[c])
			totals->lists[n++] = lists;
	}
	values[METRIC_COVERAGE] = (double) listed / (double) ranking->n_candidates;
	values[METRIC_ENROLLMENT_SHARE] = (double) rows / (double) rec->summary.n_ratings;
	values[METRIC_GINI] = metrics_gini(n, totals->lists);
}

/* Puts the values of both rankers and what they are over. */
static void
report(Ranking *ranking, Measured *measured)
{
	for (int m = METRIC_PRECISION; m <= METRIC_ENROLLMENT_SHARE; m++)
	{
		measured->users[m] = ranking->n_users;
		measured->ratings[m] = ranking->n_relevant;
	}
	for (int m = 0; m < N_OF_USER; m++)
		measured->users[FIRST_OF_USER + m] = ranking->totals[BY_METHOD].users[m];
	conclude(ranking, &ranking->totals[BY_METHOD], measured->values);
	conclude(ranking, &ranking->totals[BY_POPULARITY], measured->baselines[BASELINE_POPULAR]);
}

/* Chooses, ranks, adds up. */
RecsysStatus
measure_ranking(Env *env, const Measuring *measuring, Measured *measured)
{
	const CommonParams *common = measuring->rec->params;
	int			k = measuring->options->k;
	Ranking		ranking = {.measuring = measuring,
		.k = k < measuring->rec->n_courses ? k : measuring->rec->n_courses,
		.fill = common->cold_start == COLD_START_POPULAR, .stop = {.env = env}};

	ranking.answer = (AnswerOptions) {.n = ranking.k, .threshold_pct = NAN,
		.diversity = measuring->options->diversity};
	ranking.n_ranked = answer_candidates(&ranking.answer, measuring->rec->n_courses);
	TRY(choose_users(env, &ranking, measured));
	if (ranking.n_users == 0)
	{
		env_message(env, MESSAGE_WARNING, "no user has both a row to learn from and a relevant held-out "
					"row: there are no ranking metrics");
		return RECSYS_OK;
	}
	TRY(choose_candidates(env, &ranking));
	TRY(find_norms(env, &ranking));
	TRY(prepare(env, &ranking));
	TRY(rank_all(env, &ranking));
	report(&ranking, measured);
	return RECSYS_OK;
}
