/*
 * out_of_fold.c
 *		Rows to fit an estimator on, with embeddings that have not seen them: see out_of_fold.h.
 */
#include "core/out_of_fold.h"

#include <math.h>
#include <string.h>

#include "core/blas.h"
#include "core/evaluate_parts.h"
#include "core/latent.h"
#include "core/methods/support.h"
#include "core/parallel.h"
#include "core/procrustes.h"
#include "core/rng.h"
#include "core/split.h"

/* Random numbers of this file. */
#define ROWS_STREAM UINT64_C(0x6f6f66)

/* Keeps the folds apart from those of an evaluation with the same random_state. */
#define FOLD_SEED UINT64_C(0x3c6ef372fe94f82b)

/* Numbers that SQL can hash as well: those of JSON. */
#define SEED_BITS 53

/* Draws of a course that the user has not rated before none is taken. */
#define OTHER_TRIES 100

#define BLOCK_COURSES 1024		/* whose vectors are multiplied at once */
#define CHUNK_USERS 4

/* What the folds share, and one of them. */
typedef struct OutOfFold
{
	const TrainingSet *set;
	const RowsSpec *spec;
	const Recommender *final;
	FeatureRows *rows;
	int			n_factors;
	int32_t    *candidates;		/* courses that others are drawn from: rated ones */
	int32_t		n_candidates;
	Rng			rng;
	int64_t		n_seen;			/* ratings, and how many of them are drawn */
	int64_t		n_drawn;

	const Fold *fold;
	const Recommender *base;
	double	   *rotation;
	float	   *courses;		/* vectors, turned: n_courses x (n_factors + 1) */
	bool	   *known;			/* courses */
	int32_t    *row_courses;	/* of each row of the fold */
	int64_t    *offsets;		/* of the rows of each user */
	char	  **scratch;		/* of each worker: of the base model, then vector, then work */
	size_t		scratch_base;
} OutOfFold;

/* ---------------------------------------------------------------- vectors */

/* Its factors and its bias. */
bool
base_course(const Recommender *base, const FeatureContent *content, int32_t course, float *vector)
{
	const Method *method = base->method;
	int			n;
	const float *factors = method->course_vector(base, course, &n);

	if (factors == NULL)
	{
		memset(vector, 0, ((size_t) n + 1) * sizeof(float));
		return content->n_course > 0;
	}
	memcpy(vector, factors, (size_t) n * sizeof(float));
	vector[n] = method->course_vector_bias == NULL ? 0 : method->course_vector_bias(base, course);
	return true;
}

/* Copies the vectors of up to BLOCK_COURSES courses that both models know; returns how many. */
static int
copy_block(const OutOfFold *work, int32_t *course, double *from, double *to)
{
	int			k = work->n_factors;
	int			n = 0;
	int			unused;

	for (; *course < work->base->n_courses && n < BLOCK_COURSES; ++*course)
	{
		const float *a = work->base->method->course_vector(work->base, *course, &unused);
		const float *b = work->final->method->course_vector(work->final, *course, &unused);

		if (a == NULL || b == NULL)
			continue;
		for (int i = 0; i < k; i++)
		{
			from[(int64_t) n * k + i] = (double) a[i] * work->base->course_counts[*course];
			to[(int64_t) n * k + i] = (double) b[i];
		}
		n++;
	}
	return n;
}

/* The rotation from the model of the fold to the final one. */
static RecsysStatus
find_rotation(Env *env, OutOfFold *work)
{
	int			k = work->n_factors;
	size_t		size = (size_t) k * sizeof(double);
	double	   *products = env_alloc_zero(env, (size_t) k, size);
	double	   *from = env_alloc(env, BLOCK_COURSES, size);
	double	   *to = env_alloc(env, BLOCK_COURSES, size);
	int32_t		course = 0;

	work->rotation = env_alloc(env, (size_t) k, size);
	if (products == NULL || from == NULL || to == NULL || work->rotation == NULL)
		return env->status;
	while (course < work->base->n_courses)
	{
		int			n = copy_block(work, &course, from, to);

		if (env_interrupted(env))
			return env->status;
		TRY(blas_dgemm_parallel(env, true, false, k, k, n, 1, from, k, to, k, 1, products, k));
	}
	env_free(env, from);
	env_free(env, to);
	TRY(procrustes(env, k, products, work->rotation));
	env_free(env, products);
	return RECSYS_OK;
}

/* The vectors of all courses of the fold's model, turned. */
static RecsysStatus
turn_courses(Env *env, OutOfFold *work)
{
	int			k = work->n_factors;
	size_t		n_courses = (size_t) work->base->n_courses;
	double	   *room = env_alloc(env, (size_t) k, sizeof(double));

	work->courses = env_alloc(env, n_courses, ((size_t) k + 1) * sizeof(float));
	work->known = env_alloc(env, n_courses, sizeof(bool));
	if (room == NULL || work->courses == NULL || work->known == NULL)
		return env->status;
	for (int32_t c = 0; c < work->base->n_courses; c++)
	{
		float	   *vector = work->courses + (int64_t) c * (k + 1);

		if (c % BLOCK_COURSES == 0 && env_interrupted(env))
			return env->status;
		work->known[c] = base_course(work->base, work->spec->content, c, vector);
		procrustes_turn(k, work->rotation, vector, room);
	}
	env_free(env, room);
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- which rows */

/* Ratings that are drawn, at most. */
static int64_t
most_ratings(const RowsSpec *spec, int64_t n_ratings)
{
	int64_t		most = spec->max_rows / (1 + (spec->target == TARGET_TAKEN ? spec->negatives : 0));

	return most < 1 ? 1 : most < n_ratings ? most : n_ratings;
}

/* Each with its negatives. */
int64_t
out_of_fold_count(const RowsSpec *spec, int64_t n_ratings)
{
	return most_ratings(spec, n_ratings) * (1 + (spec->target == TARGET_TAKEN ? spec->negatives : 0));
}

/* Is the next rating drawn?  Of those left, as many are as are still wanted. */
static bool
draw_rating(OutOfFold *work)
{
	int64_t		n = work->set->by_user.n_entries;
	int64_t		wanted = most_ratings(work->spec, n) - work->n_drawn;
	double		left = (double) (n - work->n_seen++);
	bool		drawn = rng_uniform(&work->rng) * left < (double) wanted;

	work->n_drawn += drawn;
	return drawn;
}

/* A course that the user has not rated; IDMAP_NONE when none is found. */
static int32_t
draw_other(OutOfFold *work, int32_t user)
{
	const Csr  *by_user = &work->set->by_user;

	for (int i = 0; i < OTHER_TRIES; i++)
	{
		int32_t		course = work->candidates[rng_below(&work->rng, (uint64_t) work->n_candidates)];
		int64_t		e = csr_find(by_user, user, course);

		if (e == by_user->offsets[user + 1] || by_user->indexes[e] != course)
			return course;
	}
	return IDMAP_NONE;
}

/* Adds a row of the fold, whose first one is row number `first`; its features come later. */
static void
add_row(OutOfFold *work, int64_t first, int32_t course, double target, float weight)
{
	FeatureRows *rows = work->rows;

	work->row_courses[rows->n - first] = course;
	rows->targets[rows->n] = (float) target;
	if (rows->weights != NULL)
		rows->weights[rows->n] = weight;
	rows->n++;
}

/* Adds the rows of one held-out rating. */
static void
add_rating(OutOfFold *work, int64_t first, int32_t user, int64_t e)
{
	const RowsSpec *spec = work->spec;
	const Csr  *test = &work->fold->test;
	float		weight = entry_weight(test, e, work->set->summary.last_time, spec->half_life);
	float		rating = test->values[e];

	if (!draw_rating(work) || !(weight > 0))
		return;
	add_row(work, first, test->indexes[e],
			spec->target == TARGET_RATING ? (double) rating : rating_in_class(spec, rating), weight);
	for (int i = 0; spec->target == TARGET_TAKEN && i < spec->negatives; i++)
	{
		int32_t		other = draw_other(work, user);

		if (other != IDMAP_NONE)
			add_row(work, first, other, 0, weight);
	}
}

/* The rows of the fold, by user. */
static RecsysStatus
choose_rows(Env *env, OutOfFold *work, int64_t first)
{
	const Csr  *test = &work->fold->test;
	int64_t		most = out_of_fold_count(work->spec, work->set->by_user.n_entries) - first;
	int64_t		room = out_of_fold_count(work->spec, test->n_entries);

	work->row_courses = env_alloc(env, (size_t) (room < most ? room : most), sizeof(int32_t));
	work->offsets = env_alloc(env, (size_t) test->n_rows + 1, sizeof(int64_t));
	if (work->row_courses == NULL || work->offsets == NULL)
		return env->status;
	for (int32_t u = 0; u < test->n_rows; u++)
	{
		if (u % BLOCK_COURSES == 0 && env_interrupted(env))
			return env->status;
		work->offsets[u] = work->rows->n;
		for (int64_t e = test->offsets[u]; e < test->offsets[u + 1]; e++)
			add_rating(work, first, u, e);
	}
	work->offsets[test->n_rows] = work->rows->n;
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- features */

/* Fills the features of row r, a course for a user; a row about which nothing is known gets no target. */
static void
fill_row(const OutOfFold *work, int64_t first, int64_t r, const float *user, int32_t group)
{
	FeatureRows *rows = work->rows;
	int32_t		course = work->row_courses[r - first];

	if (user == NULL || !work->known[course])
		rows->targets[r] = NAN;
	else
		features_fill(work->spec->combine, work->n_factors, work->spec->content, user, group,
					  work->courses + (int64_t) course * (work->n_factors + 1), course,
					  rows->features + r * rows->n_features);
}

/* The rows of some users. */
static RecsysStatus
fill_users(void *arg, int64_t begin, int64_t end, int worker)
{
	const OutOfFold *work = arg;
	char	   *scratch = work->scratch[worker];
	float	   *vector = (float *) (scratch + work->scratch_base);
	double	   *room = (double *) (vector + (work->n_factors + 16) / 16 * 16);
	int64_t		first = work->offsets[0];

	for (int32_t u = (int32_t) begin; u < end; u++)
	{
		History		history = fold_history(work->fold, u);
		bool		known = work->offsets[u] < work->offsets[u + 1] &&
			latent_user(work->base, &history, scratch, vector);

		if (known)
			procrustes_turn(work->n_factors, work->rotation, vector, room);
		for (int64_t r = work->offsets[u]; r < work->offsets[u + 1]; r++)
			fill_row(work, first, r, known ? vector : NULL, history.group);
	}
	return RECSYS_OK;
}

/* Scratch memory for each worker. */
static RecsysStatus
prepare_scratch(Env *env, OutOfFold *work)
{
	int			n_workers = parallel_workers(env, work->fold->test.n_rows, CHUNK_USERS);
	size_t		k = (size_t) work->n_factors;
	size_t		vector = (k + 16) / 16 * 16 * sizeof(float);

	work->scratch_base = (recommender_scratch_size(work->base) + 63) / 64 * 64;
	work->scratch = env_alloc(env, (size_t) n_workers, sizeof(char *));
	if (work->scratch == NULL)
		return env->status;
	for (int w = 0; w < n_workers; w++)
	{
		work->scratch[w] = env_alloc_zero(env, work->scratch_base + vector + k * sizeof(double), 1);
		if (work->scratch[w] == NULL)
			return env->status;
	}
	return RECSYS_OK;
}

/* Takes the rows from `first` on that have no target out. */
static RecsysStatus
drop_unknown(Env *env, FeatureRows *rows, int64_t first)
{
	size_t		width = (size_t) rows->n_features * sizeof(float);
	int64_t		n = first;

	for (int64_t r = first; r < rows->n; r++)
	{
		if (r % BLOCK_COURSES == 0 && env_interrupted(env))
			return env->status;
		if (isnan(rows->targets[r]))
			continue;
		memmove(rows->features + n * rows->n_features, rows->features + r * rows->n_features, width);
		rows->targets[n] = rows->targets[r];
		if (rows->weights != NULL)
			rows->weights[n] = rows->weights[r];
		n++;
	}
	rows->n = n;
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- folds */

/* The base model without the fold, open. */
static RecsysStatus
train_base(Env *env, OutOfFold *work, Recommender *base)
{
	void	   *bytes;
	size_t		length;

	TRY(part_train(env, &work->fold->train, work->spec->base, &bytes, &length));
	TRY(part_open(env, work->final, work->spec->base, bytes, length, base));
	work->base = base;
	return latent_count(base) == work->n_factors ? RECSYS_OK :
		env_fail(env, RECSYS_BAD_DATA, "models of parts of the ratings have fewer factors");
}

/* A number of SEED_BITS bits. */
int64_t
out_of_fold_seed(int64_t random_state)
{
	return (int64_t) (hash_combine((uint64_t) random_state, FOLD_SEED) >> (64 - SEED_BITS));
}

/* The rows of one fold. */
static RecsysStatus
make_fold(Env *env, OutOfFold *work, int number)
{
	SplitSpec	split = {.strategy = SPLIT_RANDOM, .test_size = 0.5, .folds = work->spec->folds,
		.leave_k = 1, .random_state = out_of_fold_seed(work->spec->random_state)};
	int64_t		first = work->rows->n;
	Fold		fold;
	Recommender base;

	TRY(split_fold(env, work->set, NULL, &split, number, &fold));
	work->fold = &fold;
	TRY(train_base(env, work, &base));
	TRY(find_rotation(env, work));
	TRY(turn_courses(env, work));
	TRY(choose_rows(env, work, first));
	TRY(prepare_scratch(env, work));
	TRY(parallel_for(env, fold.test.n_rows, CHUNK_USERS, fill_users, work, false));
	return drop_unknown(env, work->rows, first);
}

/* In memory that is given back; a fold from which nothing can be learned has no rows. */
static RecsysStatus
add_fold(Env *env, OutOfFold *work, int number)
{
	int64_t		first = work->rows->n;
	Env			inner;
	RecsysStatus status;

	env_enter(env, &inner);
	inner.loss = NULL;
	inner.message = NULL;
	status = env_leave(env, &inner, make_fold(&inner, work, number));
	if (status != RECSYS_BAD_DATA && status != RECSYS_SINGULAR)
		return status;
	work->rows->n = first;
	return RECSYS_OK;
}

/* Courses that somebody rated. */
static RecsysStatus
list_candidates(Env *env, OutOfFold *work)
{
	const Csr  *by_course = &work->set->by_course;

	work->candidates = env_alloc(env, (size_t) by_course->n_rows, sizeof(int32_t));
	if (work->candidates == NULL)
		return env->status;
	for (int32_t c = 0; c < by_course->n_rows; c++)
		if (csr_row_length(by_course, c) > 0)
			work->candidates[work->n_candidates++] = c;
	return RECSYS_OK;
}

/* Room for all rows. */
static RecsysStatus
allocate_rows(Env *env, const TrainingSet *set, const RowsSpec *spec, FeatureRows *rows)
{
	size_t		room = (size_t) out_of_fold_count(spec, set->by_user.n_entries);

	rows->targets = env_alloc(env, room, sizeof(float));
	if (!isnan(spec->half_life))
		rows->weights = env_alloc(env, room, sizeof(float));
	rows->features = env_alloc(env, room, (size_t) rows->n_features * sizeof(float));
	return rows->features == NULL || rows->targets == NULL ||
		(rows->weights == NULL && !isnan(spec->half_life)) ? env->status : RECSYS_OK;
}

/* Fold by fold; progress counts them. */
RecsysStatus
out_of_fold_rows(Env *env, const TrainingSet *set, const Recommender *final, const RowsSpec *spec,
				 FeatureRows *rows)
{
	OutOfFold	work = {.set = set, .spec = spec, .final = final, .rows = rows,
		.n_factors = latent_count(final)};

	*rows = (FeatureRows) {.n_features = features_count(spec->combine, work.n_factors, spec->content)};
	TRY(blas_open(env));
	TRY(allocate_rows(env, set, spec, rows));
	TRY(list_candidates(env, &work));
	rng_seed(&work.rng, (uint64_t) spec->random_state, ROWS_STREAM);
	for (int f = 1; f <= spec->folds; f++)
	{
		TRY(add_fold(env, &work, f));
		env_progress(env, PHASE_FITTING, f + 1, spec->folds + 2);
	}
	env_free(env, work.candidates);
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- estimates */

/* Rows, and beside them one fold: its ratings and, one after the other, its model and the features. */
double
out_of_fold_bytes(const Shape *shape, const RowsSpec *spec, int n_factors, int n_features,
				  double *rows_bytes)
{
	double		rows = (double) out_of_fold_count(spec, shape->n_ratings);
	double		ratings = (double) shape->n_ratings;
	double		users = (double) shape->n_users;
	double		courses = (double) shape->n_courses;
	double		k = n_factors;
	double		fold = 42 * ratings + 72 * users + 24 * courses;	/* with times */
	Shape		part = *shape;
	Estimate	base;
	double		after;

	part.n_ratings = shape->n_ratings - shape->n_ratings / spec->folds;
	part_estimate(&part, spec->base, &base);
	after = base.model_bytes + 8 * k * k + courses * (4 * (k + 1) + 1) +
		fmax(procrustes_bytes(k) + 8 * k * k, 8 * users + 4 * rows / spec->folds);
	*rows_bytes = rows * (4 * n_features + (isnan(spec->half_life) ? 4 : 8));
	return *rows_bytes + 4 * courses + fold + fmax(base.bytes, after);
}

/* The models of the folds, and users and rows; times measured on a core of 3 GHz. */
double
out_of_fold_seconds(const Shape *shape, const RowsSpec *spec, int n_features)
{
	double		rows = (double) out_of_fold_count(spec, shape->n_ratings);
	Shape		part = *shape;
	Estimate	base;

	part.n_ratings = shape->n_ratings - shape->n_ratings / spec->folds;
	part_estimate(&part, spec->base, &base);
	return spec->folds * (base.seconds + 5e-7 * (double) shape->n_ratings + 2e-5 * (double) shape->n_users) +
		rows * n_features * 2e-9;
}
