/*
 * test_method.h: trains and opens one method on a small training set, for the tests of the methods.
 *
 * Everything belongs to the Env: end a test with test_method_done(env).
 */
#ifndef TEST_METHOD_H
#define TEST_METHOD_H

#include <string.h>

#include "core/method.h"
#include "test_env.h"
#include "test_set.h"
#include "unit.h"

/* Tolerance of scores, which are floats of moderate size. */
#define SCORE_TOLERANCE 1e-5

/* A trained model, opened. */
typedef struct TestModel
{
	void	   *bytes;
	size_t		length;
	Recommender rec;
	void	   *scratch;
	size_t		scratch_size;
	float	   *scores;			/* room for all courses */
} TestModel;

/* Parameters of a method: the defaults, then "name=value" lines. */
static inline void *
test_method_params(Env *env, const Method *method, const char *lines)
{
	void	   *params = env_alloc_zero(env, 1, method->params.size);

	if (params == NULL ||
		params_set_defaults(env, &method->params, params) != RECSYS_OK ||
		params_read(env, &method->params, params, lines, strlen(lines)) != RECSYS_OK)
	{
		printf("# %s\n", env->error);
		abort();
	}
	return params;
}

/* Trains. */
static inline RecsysStatus
test_method_train(Env *env, const Method *method, const char *lines, TrainingSet *set,
				  TestModel *model)
{
	memset(model, 0, sizeof(*model));
	return recommender_train(env, method, test_method_params(env, method, lines), set,
							 &model->bytes, &model->length);
}

/* Trains and opens; ends the program when that fails. */
static inline TestModel
test_method_open(Env *env, const Method *method, const char *lines, TrainingSet *set)
{
	TestModel	model;

	if (test_method_train(env, method, lines, set, &model) != RECSYS_OK ||
		recommender_open(env, &model.rec, model.bytes, model.length) != RECSYS_OK)
	{
		printf("# %s\n", env->error);
		abort();
	}
	model.scratch_size = recommender_scratch_size(&model.rec);
	model.scratch = env_alloc_zero(env, 1, model.scratch_size);
	model.scores = env_alloc(env, (size_t) model.rec.n_courses, sizeof(float));
	return model;
}

/* The scratch memory is zero, as every call has to leave it. */
static inline void
test_method_scratch(const TestModel *model)
{
	for (size_t i = 0; i < model->scratch_size; i++)
		if (((const char *) model->scratch)[i] != 0)
		{
			UNIT_FAIL("scratch memory was left dirty at byte %zu", i);
			return;
		}
}

/* Score of every course for a history, into model->scores; nothing is allocated. */
static inline const float *
test_method_score(Env *env, TestModel *model, History history)
{
	int64_t		n_allocs = test_env_of(env)->n_allocs;

	for (int32_t c = 0; c < model->rec.n_courses; c++)
		model->scores[c] = NAN;
	model->rec.method->score(&model->rec, &history, model->scratch, model->scores);
	CHECK_EQ_INT(test_env_of(env)->n_allocs, n_allocs);
	test_method_scratch(model);
	return model->scores;
}

/* The ratings of user u of the set. */
static inline History
test_method_history(const TrainingSet *set, int32_t u)
{
	int64_t		begin = set->by_user.offsets[u];

	return (History) {
		.n = (int32_t) csr_row_length(&set->by_user, u),
		.courses = set->by_user.indexes + begin,
		.ratings = set->by_user.values + begin,
		.times = set->by_user.times == NULL ? NULL : set->by_user.times + begin,
		.has_key = true,
		.group = set->user_group == NULL ? -1 : set->user_group[u],
	};
}

/* A score, where the oracle says NO_OPINION by -INFINITY. */
#define CHECK_SCORE(got, expected) \
	do { \
		if ((expected) == NO_OPINION || (got) == NO_OPINION) \
			CHECK((got) == NO_OPINION && (expected) == NO_OPINION); \
		else \
			CHECK_NEAR(got, expected, SCORE_TOLERANCE * (1 + fabs((double) (expected)))); \
	} while (0)

/* The reasons of every course add up to its score; no reason where there is no score. */
static inline void
test_method_reasons(TestModel *model, History history)
{
	const Method *method = model->rec.method;
	Reason		reasons[100];

	for (int32_t c = 0; c < model->rec.n_courses; c++)
	{
		int			n = method->explain(&model->rec, &history, c, model->scratch, reasons, 100);
		double		sum = 0;

		test_method_scratch(model);
		for (int i = 0; i < n; i++)
			sum += (double) reasons[i].weight;
		if (model->scores[c] == NO_OPINION)
			CHECK_EQ_INT(n, 0);
		else
			CHECK_SCORE(sum, model->scores[c]);
		CHECK_EQ_INT(method->explain(&model->rec, &history, c, model->scratch, reasons, 0), 0);
	}
}

/* Scores of all courses are the expected ones, and so are the sums of the reasons. */
static inline void
test_method_expect(Env *env, TestModel *model, History history, const double *expected)
{
	test_method_score(env, model, history);
	for (int32_t c = 0; c < model->rec.n_courses; c++)
		CHECK_SCORE(model->scores[c], expected[c]);
	test_method_reasons(model, history);
}

/* 1, 2 and 5 threads give the same bytes. */
static inline void
test_method_threads(Env *env, const Method *method, const char *lines, TrainingSet *set)
{
	TestModel	one;
	TestModel	many;

	env->n_threads = 1;
	CHECK_EQ_INT(test_method_train(env, method, lines, set, &one), RECSYS_OK);
	for (int threads = 2; threads <= 5; threads += 3)
	{
		env->n_threads = threads;
		CHECK_EQ_INT(test_method_train(env, method, lines, set, &many), RECSYS_OK);
		CHECK(one.length == many.length && memcmp(one.bytes, many.bytes, one.length) == 0);
	}
	env->n_threads = 1;
}

/* A cancel at any poll stops the training with the right status; later it runs through. */
static inline void
test_method_interrupts(Env *env, const Method *method, const char *lines, TrainingSet *set)
{
	void	   *params = test_method_params(env, method, lines);
	RecsysStatus status = RECSYS_INTERRUPTED;
	void	   *bytes;
	size_t		length;
	int			n = 0;

	if (UNIT_RACES_ONLY)
		return;
	for (; n < 10000 && status == RECSYS_INTERRUPTED; n++)
	{
		test_env_interrupt_after(env, n);
		status = recommender_train(env, method, params, set, &bytes, &length);
	}
	CHECK(n > 1);
	CHECK_EQ_INT(status, RECSYS_OK);
	test_env_interrupt_after(env, -1);
}

/* No memory at any allocation, and a low limit, stop the training with the right status. */
static inline void
test_method_memory(Env *env, const Method *method, const char *lines, TrainingSet *set)
{
	void	   *params = test_method_params(env, method, lines);
	RecsysStatus status = RECSYS_NO_MEMORY;
	void	   *bytes;
	size_t		length;
	int			n = 0;

	if (UNIT_RACES_ONLY)
		return;
	for (; n < 10000 && status == RECSYS_NO_MEMORY; n++)
	{
		test_env_fail_after(env, n);
		status = recommender_train(env, method, params, set, &bytes, &length);
	}
	CHECK(n > 1);
	CHECK_EQ_INT(status, RECSYS_OK);
	test_env_fail_after(env, -1);
	env->memory_limit = env->memory_used + 256;
	CHECK_EQ_INT(recommender_train(env, method, params, set, &bytes, &length), RECSYS_OVER_LIMIT);
	env->memory_limit = 0;
}

/* fit alone takes no more memory than estimated, and no less than the given part of that. */
static inline void
test_method_estimate(Env *env, const Method *method, const char *lines, TrainingSet *set,
					 double least_part)
{
	void	   *params = test_method_params(env, method, lines);
	Shape		shape = {set->summary.n_users, set->summary.n_courses, set->summary.n_ratings,
	set->terms.n_entries, 1, set->genres.n_cols, set->groups.n};
	Estimate	estimate;
	ModelWriter writer;
	size_t		before = env->memory_used;
	double		peak;

	if (UNIT_RACES_ONLY)
		return;
	method->estimate(&shape, params, &estimate);
	CHECK(estimate.seconds >= 0);
	CHECK(estimate.model_bytes <= estimate.bytes || method->needs == NEEDS_GENRES);
	env->memory_peak = before;
	model_begin(&writer);
	CHECK_EQ_INT(method->fit(env, set, params, &writer), RECSYS_OK);
	peak = (double) (env->memory_peak - before);
	if (peak > estimate.bytes + 4096 || peak < least_part * estimate.bytes)
		UNIT_FAIL("%s took %.0f bytes, estimated %.0f", method->name, peak, estimate.bytes);
}

/* What every training promises; the small set is trained on again and again. */
static inline void
test_method_promises(Env *env, const Method *method, const char *lines, TrainingSet *set,
					 TrainingSet *small, double least_part)
{
	test_method_threads(env, method, lines, set);
	test_method_estimate(env, method, lines, set, least_part);
	test_method_memory(env, method, lines, small);
	test_method_interrupts(env, method, lines, small);
}

/* The numbers of a section of a model. */
static inline const void *
test_method_section(Env *env, const TestModel *model, const char *name, SectionType type)
{
	int64_t		n_rows = -1;
	int64_t		n_cols = -1;
	const void *data = NULL;

	CHECK_EQ_INT(model_get(env, &model->rec.model, name, type, &n_rows, &n_cols, &data), RECSYS_OK);
	return data;
}

/* What opening says of a model whose bytes were changed in place, once the checksum is made right. */
static inline RecsysStatus
test_method_reopen(Env *env, TestModel *model)
{
	char	   *bytes = model->bytes;
	uint32_t	checksum = 0;
	Recommender rec;

	memcpy(bytes + 28, &checksum, sizeof(checksum));	/* its place in the header, see model.h */
	checksum = crc32c(0, bytes, model->length);
	memcpy(bytes + 28, &checksum, sizeof(checksum));
	return recommender_open(env, &rec, bytes, model->length);
}

/*
 * What opening says of the model with value `at` of a section of numbers changed in place and the
 * checksum made right.
 */
static inline RecsysStatus
test_method_forge(Env *env, TestModel *model, const char *section, SectionType type, int64_t at,
				  double value)
{
	int64_t		n_rows = -1;
	int64_t		n_cols = -1;
	const void *data;
	Model		opened;

	CHECK_EQ_INT(model_open(env, &opened, model->bytes, model->length), RECSYS_OK);
	CHECK_EQ_INT(model_get(env, &opened, section, type, &n_rows, &n_cols, &data), RECSYS_OK);
	CHECK(at < n_rows * n_cols);
	if (type == SECTION_FLOAT)
		((float *) data)[at] = (float) value;
	else
		((double *) data)[at] = value;
	return test_method_reopen(env, model);
}

/* Number `at` of a section may be any finite one; else opening the model fails. */
static inline void
test_method_finite(Env *env, TestModel *model, const char *section, SectionType type, int64_t at)
{
	static const double bad[] = {NAN, INFINITY, -INFINITY};

	for (int i = 0; i < 3; i++)
		if (test_method_forge(env, model, section, type, at, bad[i]) != RECSYS_CORRUPT)
			UNIT_FAIL("%s: %g in section %s", model->rec.method->name, bad[i], section);
	if (test_method_forge(env, model, section, type, at, 0.5) != RECSYS_OK)
		UNIT_FAIL("%s: no 0.5 in section %s", model->rec.method->name, section);
}

/* Frees everything. */
static inline void
test_method_done(Env *env)
{
	env_free_all(env);
	test_env_done(env);
}

#endif							/* TEST_METHOD_H */
