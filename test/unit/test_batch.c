/*
 * test_batch.c: answers about many users are those about each, to the bit, for every method.
 */
#include "core/batch.h"
#include "core/latent.h"
#include "core/methods/methods.h"
#include "core/parallel.h"
#include "core/vector.h"
#include "test_method.h"

#define N_USERS 80				/* more than one chunk */
#define N_COURSES 60
#define N_ROWS 1500
#define N_GENRES 3

/* ---------------------------------------------------------------- a method whose scores nearly tie */

#define TIES_FACTORS 33

typedef struct TiesState
{
	LatentCourses courses;
} TiesState;

/*
 * Three groups of courses, each larger than the last; within one, rows differ in their last bits only, so
 * that rounding decides. Every fifth course is all zero.
 */
static RecsysStatus
ties_fit(Env *env, const TrainingSet *set, const void *params, ModelWriter *writer)
{
	int32_t		n = set->by_course.n_rows;
	float	   *factors = env_alloc(env, (size_t) n * TIES_FACTORS, sizeof(float));
	Rng			rng;

	(void) params;
	for (int32_t c = 0; c < n; c++)
	{
		rng_seed(&rng, 9, 0);
		for (int f = 0; f < TIES_FACTORS; f++)
			factors[c * TIES_FACTORS + f] = c % 5 == 4 ? 0 :
				(float) (rng_normal(&rng) * (1 + c % 3) *
						 (1 + 1e-7 * (double) ((c * 7 + f * 3) % 11)));
	}
	return model_put(env, writer, "factors", SECTION_FLOAT, n, TIES_FACTORS, factors);
}

/* Nothing is estimated. */
static void
ties_estimate(const Shape *shape, const void *params, Estimate *estimate)
{
	(void) shape;
	(void) params;
	memset(estimate, 0, sizeof(*estimate));
}

/* A row; courses that are a multiple of 7 have none. */
static const float *
ties_course_vector(const Recommender *rec, int32_t course, int *n)
{
	*n = TIES_FACTORS;
	return course % 7 == 0 ? NULL :
		latent_course(&((const TiesState *) rec->state)->courses, course);
}

/* Biases that differ less than rounding does. */
static float
ties_bias(const Recommender *rec, int32_t course)
{
	(void) rec;
	return 1e-6f * (float) (course % 3);
}

/* Finds the factors, and what each course adds to a product. */
static RecsysStatus
ties_open(Env *env, Recommender *rec)
{
	int64_t		n = rec->n_courses;
	int64_t		k = TIES_FACTORS;
	const void *data;
	float	   *added = env_alloc(env, (size_t) rec->n_courses, sizeof(float));

	if (added == NULL)
		return env->status;
	for (int32_t c = 0; c < rec->n_courses; c++)
		added[c] = c % 7 == 0 ? NO_OPINION : ties_bias(rec, c);
	TRY(model_get(env, &rec->model, "factors", SECTION_FLOAT, &n, &k, &data));
	((TiesState *) rec->state)->courses = (LatentCourses) {data, TIES_FACTORS, added};
	return RECSYS_OK;
}

/* Random, the same for the same history; users with one course have none. */
static int
ties_user_vector(const Recommender *rec, const History *history, void *scratch, float *out)
{
	Rng			rng;

	(void) rec;
	(void) scratch;
	if (history->n < 2)
		return 0;
	rng_seed(&rng, (uint64_t) history->courses[0], (uint64_t) history->n);
	for (int f = 0; f < TIES_FACTORS; f++)
		out[f] = (float) rng_normal(&rng);
	out[TIES_FACTORS] = 0.5f;
	return TIES_FACTORS;
}

/* No opinion where the product is not positive. */
static float
ties_score_vector(const Recommender *rec, const float *user_vector, int32_t course)
{
	int			n;
	const float *own = ties_course_vector(rec, course, &n);
	float		score;

	if (own == NULL)
		return NO_OPINION;
	score = vector_dot(own, user_vector, n) + ties_bias(rec, course) + user_vector[n];
	return score > 0 ? score : NO_OPINION;
}

/* Score by score. */
static void
ties_score(const Recommender *rec, const History *history, void *scratch, float *scores)
{
	float		vector[TIES_FACTORS + 1];
	bool		known = ties_user_vector(rec, history, scratch, vector) > 0;

	for (int32_t c = 0; c < rec->n_courses; c++)
		scores[c] = known ? ties_score_vector(rec, vector, c) : NO_OPINION;
}

/* All at once. */
static void
ties_score_block(const Recommender *rec, const float *user_vectors, int n_users, float *scores)
{
	latent_score_block(&((const TiesState *) rec->state)->courses, rec->n_courses, user_vectors,
					   n_users, scores);
}

static const Method method_ties = {
	.name = "ties",
	.description = "Nearly equal scores.",
	.params = {"ties", NULL, 0, sizeof(CommonParams)},
	.personal = true,
	.state_size = sizeof(TiesState),
	.estimate = ties_estimate,
	.fit = ties_fit,
	.open = ties_open,
	.score = ties_score,
	.course_vector = ties_course_vector,
	.user_vector = ties_user_vector,
	.course_vector_bias = ties_bias,
	.score_vector = ties_score_vector,
	.score_block = ties_score_block,
};

/* ---------------------------------------------------------------- the test */

/* A table of strings x0, x1, ... */
static void
make_strings(Env *env, StringTable *table, int n)
{
	CHECK_EQ_INT(strings_init(env, table), RECSYS_OK);
	for (int i = 0; i < n; i++)
	{
		char		text[16];

		CHECK_EQ_INT(strings_add(env, table, text,
								 (size_t) snprintf(text, sizeof(text), "x%d", i)), RECSYS_OK);
	}
}

/* Ratings with all side information that a method may need; n_courses 0 .. with some unrated. */
static TrainingSet *
make_set(Env *env, int n_courses)
{
	TrainingSet *set = env_alloc_zero(env, 1, sizeof(TrainingSet));
	TestShape	shape = {KEY_NUMBER, KEY_NUMBER, true, false};
	TestRow    *rows = test_day_rows(3, N_ROWS, N_USERS, n_courses);
	StringTable names;
	TermsBuilder terms;

	CHECK_EQ_INT(test_set_build(env, shape, rows, N_ROWS, n_courses + 2, set), RECSYS_OK);
	make_strings(env, &names, N_GENRES);
	CHECK_EQ_INT(trainingset_set_genres(env, set, &names), RECSYS_OK);
	CHECK_EQ_INT(terms_init(env, &terms), RECSYS_OK);
	for (int32_t c = 0; c < set->genres.n_rows; c++)
	{
		char		word[16];
		size_t		length = (size_t) snprintf(word, sizeof(word), "w%d", c % 9);

		matrix_row(&set->genres, c)[c % N_GENRES] = 1;
		CHECK_EQ_INT(terms_add(env, &terms, c, word, length, 1), RECSYS_OK);
	}
	CHECK_EQ_INT(terms_finish(env, &terms, set), RECSYS_OK);
	set->user_group = env_alloc(env, (size_t) set->by_user.n_rows, sizeof(int32_t));
	make_strings(env, &set->groups, 2);
	for (int32_t u = 0; u < set->by_user.n_rows; u++)
		set->user_group[u] = u % 2;
	CHECK_EQ_INT(trainingset_fingerprint(env, set), RECSYS_OK);
	free(rows);
	return set;
}

/* What is asked of a model. */
typedef struct Question
{
	int			n;
	bool		exclude_seen;
	float		threshold;
	bool		fill;
	int			n_threads;
} Question;

/* One run over all users. */
typedef struct Run
{
	Batch		batch;
	const TrainingSet *set;
	Ranked	   *ranked;
	int		   *n_ranked;
	float	   *course_scores;
} Run;

/* The history of user number i; the last three users have none, and one course. */
static History
user_history(const TrainingSet *set, int64_t i)
{
	History		history = {.group = -1};

	if (i < set->by_user.n_rows)
	{
		history = test_method_history(set, (int32_t) i);
		history.user_hash = user_key_hash(KEY_NUMBER, idmap_key(&set->users, (int32_t) i));
	}
	else if (i > set->by_user.n_rows)
	{
		history = test_method_history(set, (int32_t) (i - set->by_user.n_rows));
		history.n = 1;
		history.has_key = false;
	}
	return history;
}

/* A chunk of users. */
static RecsysStatus
run_users(void *arg, int64_t begin, int64_t end, int worker)
{
	Run		   *run = arg;
	History		histories[BATCH_USERS];

	for (int64_t i = begin; i < end; i++)
	{
		histories[i - begin] = user_history(run->set, i);
		run->course_scores[i] = batch_score_course(&run->batch, worker, &histories[i - begin], 5);
	}
	batch_rank(&run->batch, worker, (int) (end - begin), histories,
			   run->ranked + begin * run->batch.n, run->n_ranked + begin);
	return RECSYS_OK;
}

/* The same for one user, as one call of recommend_courses does it. */
static void
check_user(Env *env, TestModel *model, const Run *run, int64_t i)
{
	const Recommender *rec = &model->rec;
	History		history = user_history(run->set, i);
	uint8_t    *allowed = env_alloc(env, (size_t) rec->n_courses, 1);
	TopkItem   *heap = env_alloc(env, (size_t) run->batch.n, sizeof(TopkItem));
	Ranked	   *expected = env_alloc(env, (size_t) run->batch.n, sizeof(Ranked));
	RankOptions options = {run->batch.n, run->batch.threshold, run->batch.fill, allowed};
	const Ranked *got = run->ranked + i * run->batch.n;
	int			n;

	memcpy(allowed, run->batch.available, (size_t) rec->n_courses);
	for (int32_t h = 0; run->batch.exclude_seen && h < history.n; h++)
		allowed[history.courses[h]] = 0;
	rec->method->score(rec, &history, model->scratch, model->scores);
	CHECK(memcmp(&run->course_scores[i], &model->scores[5], sizeof(float)) == 0);
	n = recommender_rank(rec, model->scores, &options, heap, expected);
	CHECK_EQ_INT(run->n_ranked[i], n);
	for (int r = 0; r < n; r++)
		if (got[r].course != expected[r].course ||
			memcmp(&got[r].score, &expected[r].score, sizeof(float)) != 0)
		{
			UNIT_FAIL("%s: row %d of user %d is course %d with %.9g, expected %d with %.9g",
					  rec->method->name, r, (int) i, got[r].course, (double) got[r].score,
					  expected[r].course, (double) expected[r].score);
			break;
		}
	env_free(env, allowed);
	env_free(env, heap);
	env_free(env, expected);
}

/* All users of the set, and some more, under one question. */
static void
check_question(Env *env, TestModel *model, const TrainingSet *set, const Question *question)
{
	const Recommender *rec = &model->rec;
	int64_t		n_users = set->by_user.n_rows + 4;
	uint8_t    *available = env_alloc(env, (size_t) rec->n_courses, 1);
	Run			run = {.set = set};

	for (int32_t c = 0; c < rec->n_courses; c++)
		available[c] = c % 11 != 3;
	run.batch.rec = rec;
	run.batch.n = question->n < rec->n_courses ? question->n : rec->n_courses;
	run.batch.exclude_seen = question->exclude_seen;
	run.batch.threshold = question->threshold;
	run.batch.fill = question->fill;
	run.batch.available = available;
	env->n_threads = question->n_threads;
	CHECK_EQ_INT(batch_prepare(env, &run.batch, n_users), RECSYS_OK);
	CHECK_EQ_INT(run.batch.vector_size > 0, rec->method->score_block != NULL);
	run.ranked = env_alloc(env, (size_t) (n_users * run.batch.n), sizeof(Ranked));
	run.n_ranked = env_alloc(env, (size_t) n_users, sizeof(int));
	run.course_scores = env_alloc(env, (size_t) n_users, sizeof(float));
	CHECK_EQ_INT(parallel_for(env, n_users, run.batch.chunk, run_users, &run, false), RECSYS_OK);
	for (int64_t i = 0; i < n_users; i++)
		check_user(env, model, &run, i);
	env->n_threads = 1;
}

/* The score that the median user gives to the best course: a threshold that cuts lists. */
static float
middle_score(TestModel *model, const TrainingSet *set)
{
	const Recommender *rec = &model->rec;
	History		history = user_history(set, 7);
	float		best = 0;

	rec->method->score(rec, &history, model->scratch, model->scores);
	for (int32_t c = 0; c < rec->n_courses; c++)
		if (c % 4 == 0 && model->scores[c] > best)
			best = model->scores[c];
	return best;
}

/* Every question about one model. */
static void
check_model(Env *env, TestModel *model, const TrainingSet *set)
{
	float		threshold = middle_score(model, set);
	const Question questions[] = {
		{1, true, NAN, true, 1}, {10, true, NAN, true, 3}, {10, false, NAN, true, 1},
		{10, true, NAN, false, 2}, {1000000, true, NAN, true, 2}, {10, true, threshold, true, 2},
		{3, false, threshold, true, 1}, {40, true, 0, true, 2},
	};

	for (int q = 0; q < (int) (sizeof(questions) / sizeof(questions[0])); q++)
		check_question(env, model, set, &questions[q]);
}

/* Every method with its defaults; those that score by blocks also with the second of their choices. */
static void
test_methods(void)
{
	for (int i = 0; recsys_methods[i] != NULL; i++)
	{
		const Method *method = recsys_methods[i];
		const ParamDef *def;
		char		lines[200] = "";

		for (int p = N_COMMON_PARAMS - 1; p < N_COMMON_PARAMS ||
			 (method->score_block != NULL && params_def(&method->params, p) != NULL); p++)
		{
			Env		   *env = test_env();
			TrainingSet *set = make_set(env, N_COURSES);
			const char *name = NULL;
			int			length = 0;
			TestModel	model;

			def = params_def(&method->params, p);
			if (p >= N_COMMON_PARAMS && def->type == PARAM_CHOICE)
				name = choice_name(def->choices, 1, &length);
			if (p >= N_COMMON_PARAMS && name != NULL)
				snprintf(lines, sizeof(lines), "%s=%.*s\n", def->name, length, name);
			if (p < N_COMMON_PARAMS || name != NULL)
			{
				model = test_method_open(env, method, lines, set);
				check_model(env, &model, set);
			}
			test_method_done(env);
		}
	}
}

/* Scores that differ by rounding only, with many courses and with few. */
static void
test_ties(void)
{
	for (int n_courses = 60; n_courses <= 1800; n_courses *= 30)
	{
		Env		   *env = test_env();
		TrainingSet *set = make_set(env, n_courses);
		TestModel	model;

		CHECK_EQ_INT(test_method_train(env, &method_ties, "", set, &model), RECSYS_OK);
		CHECK_EQ_INT(recommender_open_as(env, &model.rec, &method_ties, model.bytes, model.length),
					 RECSYS_OK);
		model.scratch = env_alloc_zero(env, 1, recommender_scratch_size(&model.rec));
		model.scores = env_alloc(env, (size_t) model.rec.n_courses, sizeof(float));
		check_model(env, &model, set);
		test_method_done(env);
	}
}

/* No memory at any allocation is the right status. */
static void
test_memory(void)
{
	RecsysStatus status = RECSYS_NO_MEMORY;
	int			n = 0;

	for (; n < 100 && status != RECSYS_OK; n++)
	{
		Env		   *env = test_env();
		TrainingSet *set = make_set(env, N_COURSES);
		TestModel	model = test_method_open(env, &method_knn, "", set);
		Batch		batch = {.rec = &model.rec, .n = 10};

		env->n_threads = 2;
		test_env_fail_after(env, n);
		status = batch_prepare(env, &batch, 100);
		CHECK(status == RECSYS_OK || status == RECSYS_NO_MEMORY);
		test_method_done(env);
	}
	CHECK(n > 5 && status == RECSYS_OK);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_methods);
	RUN(test_ties);
	RUN_ALONE(test_memory);
	return unit_done();
}
