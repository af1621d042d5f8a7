/*
 * train.c
 *		From a training set to the bytes of a model.
 *
 * Beside what the method learns, every model gets the sections of sections.h.
 * They depend on the data and the parameters alone: no clock time, no trace of
 * the order of arrival or of the number of threads.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/baseline.h"
#include "core/method.h"
#include "core/parts.h"
#include "core/sections.h"

/* Does the set have what the method reads beside the ratings? */
static RecsysStatus
check_needs(Env *env, const Method *method, const void *params, const TrainingSet *set)
{
	unsigned	needs = method->needs | (method->more_needs == NULL ? 0 : method->more_needs(params));

	if ((needs & NEEDS_GENRES) && set->genres.n_cols == 0)
	{
		env_fail(env, RECSYS_BAD_DATA, "method \"%s\" needs genres", method->name);
		env_hint(env, "Register the dataset with genre_columns.");
		return env->status;
	}
	if ((needs & NEEDS_TERMS) && set->words.n == 0)
	{
		env_fail(env, RECSYS_BAD_DATA, "method \"%s\" needs terms", method->name);
		env_hint(env, "Register the dataset with terms or with a description column.");
		return env->status;
	}
	if ((needs & NEEDS_GROUPS) && set->user_group == NULL)
	{
		env_fail(env, RECSYS_BAD_DATA, "method \"%s\" needs attributes of users", method->name);
		env_hint(env, "Register the dataset with users and user_feature_columns.");
		return env->status;
	}
	return RECSYS_OK;
}

/* Puts one array of n values. */
static RecsysStatus
put_column(Env *env, ModelWriter *writer, const char *name, SectionType type, int64_t n,
		   const void *data)
{
	return model_put(env, writer, name, type, n, 1, data);
}

/* Puts the name of the method and its parameters. */
static RecsysStatus
put_method(Env *env, ModelWriter *writer, const Method *method, const void *params)
{
	char	   *text = NULL;
	size_t		length = 0;

	TRY(params_write(env, &method->params, params, &text, &length));
	TRY(put_column(env, writer, "method", SECTION_BYTES, (int64_t) strlen(method->name),
				   method->name));
	return put_column(env, writer, "params", SECTION_BYTES, (int64_t) length, text);
}

/* Puts the summary, field by field: a struct would store its padding. */
static RecsysStatus
put_summary(Env *env, ModelWriter *writer, const Summary *summary)
{
	int64_t    *counts = env_alloc(env, N_COUNTS, sizeof(int64_t));
	double	   *range = env_alloc(env, 3, sizeof(double));

	if (counts == NULL || range == NULL)
		return env->status;
	counts[COUNT_USERS] = summary->n_users;
	counts[COUNT_COURSES] = summary->n_courses;
	counts[COUNT_COURSES_RATED] = summary->n_courses_rated;
	counts[COUNT_RATINGS] = summary->n_ratings;
	counts[COUNT_DUPLICATES] = summary->n_duplicates;
	counts[COUNT_FIRST_TIME] = summary->first_time;
	counts[COUNT_LAST_TIME] = summary->last_time;
	counts[COUNT_FINGERPRINT] = (int64_t) summary->fingerprint;
	counts[COUNT_IMPLICIT] = summary->implicit;
	range[0] = summary->mean;
	range[1] = summary->min;
	range[2] = summary->max;
	TRY(put_column(env, writer, "summary.counts", SECTION_INT64, N_COUNTS, counts));
	TRY(put_column(env, writer, "summary.range", SECTION_DOUBLE, 3, range));
	return put_column(env, writer, "summary.scale", SECTION_FLOAT, summary->n_scale,
					  summary->scale);
}

/* Numbers as decimal text. */
static RecsysStatus
number_texts(Env *env, const IdMap *courses, StringTable *texts)
{
	TRY(strings_init(env, texts));
	for (int32_t c = 0; c < courses->n_keys; c++)
	{
		char		text[32];
		int			length = snprintf(text, sizeof(text), "%" PRId64, courses->numbers[c]);

		TRY(strings_add(env, texts, text, (size_t) length));
	}
	return RECSYS_OK;
}

/* Puts the ids of the courses and how to find them. */
static RecsysStatus
put_courses(Env *env, ModelWriter *writer, const IdMap *courses)
{
	StringTable texts = courses->strings;

	if (courses->kind == KEY_NUMBER)
	{
		TRY(number_texts(env, courses, &texts));
		TRY(put_column(env, writer, "course_numbers", SECTION_INT64, courses->n_keys,
					   courses->numbers));
	}
	TRY(model_put_strings(env, writer, "course_ids", &texts));
	return put_column(env, writer, "course_slots", SECTION_INT32, courses->n_slots,
					  courses->slots);
}

/*
 * Courses by descending count, then index: a counting sort over counts.
 * starts has room for the largest count + 2 and is zero.
 */
static void
order_by_count(int32_t n, const int32_t *counts, int32_t most, int32_t *starts, int32_t *order,
			   int32_t *rank)
{
	for (int32_t c = 0; c < n; c++)
		starts[most - counts[c] + 1]++;
	for (int32_t i = 0; i < most; i++)
		starts[i + 1] += starts[i];
	for (int32_t c = 0; c < n; c++)
	{
		rank[c] = starts[most - counts[c]]++;
		order[rank[c]] = c;
	}
}

/* Puts the number of ratings of each course and the order that follows from it. */
static RecsysStatus
put_popularity(Env *env, ModelWriter *writer, const Csr *by_course)
{
	int32_t		n = by_course->n_rows;
	int32_t    *counts = env_alloc(env, (size_t) n, sizeof(int32_t));
	int32_t    *order = env_alloc(env, (size_t) n, sizeof(int32_t));
	int32_t    *rank = env_alloc(env, (size_t) n, sizeof(int32_t));
	int32_t    *starts;
	int32_t		most = 0;

	if (counts == NULL || order == NULL || rank == NULL)
		return env->status;
	for (int32_t c = 0; c < n; c++)
	{
		counts[c] = (int32_t) csr_row_length(by_course, c); /* at most one a user */
		most = counts[c] > most ? counts[c] : most;
	}
	starts = env_alloc_zero(env, (size_t) most + 2, sizeof(int32_t));
	if (starts == NULL)
		return env->status;
	order_by_count(n, counts, most, starts, order, rank);
	env_free(env, starts);
	TRY(put_column(env, writer, "course_counts", SECTION_INT32, n, counts));
	TRY(put_column(env, writer, "popularity_order", SECTION_INT32, n, order));
	return put_column(env, writer, "popularity_rank", SECTION_INT32, n, rank);
}

/* Puts the course biases of the baseline. */
static RecsysStatus
put_baseline(Env *env, ModelWriter *writer, const TrainingSet *set)
{
	float	   *course_bias = env_alloc(env, (size_t) set->by_course.n_rows, sizeof(float));
	float	   *user_bias = env_alloc(env, (size_t) set->by_user.n_rows, sizeof(float));

	if (course_bias == NULL || user_bias == NULL)
		return env->status;
	TRY(baseline_fit(env, set, course_bias, user_bias));
	env_free(env, user_bias);
	return put_column(env, writer, "course_bias", SECTION_FLOAT, set->by_course.n_rows,
					  course_bias);
}

/* Puts all sections of this file. */
static RecsysStatus
put_common(Env *env, ModelWriter *writer, const Method *method, const void *params,
		   const TrainingSet *set)
{
	unsigned	needs;
	bool		predicts;

	TRY(method_needs(env, method, params, &needs));
	TRY(method_predicts(env, method, params, &predicts));
	TRY(put_method(env, writer, method, params));
	TRY(put_summary(env, writer, &set->summary));
	TRY(put_courses(env, writer, &set->courses));
	TRY(put_popularity(env, writer, &set->by_course));
	if (predicts)
		TRY(put_baseline(env, writer, set));
	if (needs & NEEDS_GENRES)
		TRY(model_put_strings(env, writer, "genre_names", &set->genre_names));
	if (needs & NEEDS_GROUPS)
		TRY(model_put_strings(env, writer, "groups", &set->groups));
	return RECSYS_OK;
}

/* What it needs, and what it asks of its parameters; a method of parts asks for these. */
RecsysStatus
recommender_check(Env *env, const Method *method, const void *params, const TrainingSet *set)
{
	TRY(check_needs(env, method, params, set));
	return method->check == NULL ? RECSYS_OK : method->check(env, set, params);
}

/* Checks, fits, adds the common sections. */
RecsysStatus
recommender_train(Env *env, const Method *method, const void *params, const TrainingSet *set,
				  void **bytes, size_t *length)
{
	ModelWriter writer;

	TRY(recommender_check(env, method, params, set));
	model_begin(&writer);
	TRY(method->fit(env, set, params, &writer));
	TRY(put_common(env, &writer, method, params, set));
	return model_finish(env, &writer, bytes, length);
}
