/*
 * recommender.c
 *		Opening a model and using it.
 *
 * Opening costs O(courses), besides what model_open and the method take.  A
 * model may be damaged on purpose, so whatever is used as an index or a bound
 * later is checked here.
 */
#include <stdio.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/baseline.h"
#include "core/method.h"
#include "core/parts.h"
#include "core/sections.h"

/* Longest name of a method that a model may give. */
#define METHOD_NAME_MAX 63

/* Keeps the hashes of users apart from those of lookup tables. */
#define USER_HASH_SEED UINT64_C(0x6a09e667f3bcc909)

/* ---------------------------------------------------------------- opening */

/* Gets an array; *n -1: of any length, which is stored back. */
static RecsysStatus
get_column(Env *env, const Model *model, const char *name, SectionType type, int64_t *n,
		   const void **data)
{
	int64_t		n_cols = 1;

	return model_get(env, model, name, type, n, &n_cols, data);
}

/* Gets an array with a value for each course. */
static RecsysStatus
get_per_course(Env *env, const Recommender *rec, const char *name, SectionType type,
			   const void **data)
{
	int64_t		n = rec->n_courses;

	return get_column(env, &rec->model, name, type, &n, data);
}

/* The name of the method that trained the model, in a buffer of METHOD_NAME_MAX + 1. */
static RecsysStatus
get_method_name(Env *env, const Model *model, char *name)
{
	const void *data;
	int64_t		n = -1;

	TRY(get_column(env, model, "method", SECTION_BYTES, &n, &data));
	if (n < 1 || n > METHOD_NAME_MAX)
		return model_damaged(env, "The name of the method has an impossible length.");
	memcpy(name, data, (size_t) n);
	name[n] = '\0';
	for (int64_t i = 0; i < n; i++)
	{
		if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') ||
			  name[i] == '_'))
			return model_damaged(env, "The name of the method holds an impossible character.");
	}
	return RECSYS_OK;
}

/* Reads the parameters. */
static RecsysStatus
open_params(Env *env, Recommender *rec)
{
	const ParamTable *table = &rec->method->params;
	const void *text;
	int64_t		n = -1;

	TRY(get_column(env, &rec->model, "params", SECTION_BYTES, &n, &text));
	rec->params = env_alloc_zero(env, 1, table->size);
	if (rec->params == NULL)
		return env->status;
	return params_read(env, table, rec->params, text, (size_t) n);
}

/* Could these facts be those of a training set? */
static bool
summary_is_sane(const Summary *summary)
{
	if (summary->n_users < 1 || summary->n_users > INT32_MAX || summary->n_courses < 1 ||
		summary->n_courses > INT32_MAX || summary->n_courses_rated < 1 ||
		summary->n_courses_rated > summary->n_courses || summary->n_ratings < 1 ||
		summary->n_ratings / summary->n_users > summary->n_courses ||
		summary->n_duplicates < 0 || summary->first_time > summary->last_time ||
		summary->implicit < 0 || summary->implicit > 1)
		return false;
	if (!isfinite(summary->min) || !isfinite(summary->max) ||
		!(summary->min <= summary->mean && summary->mean <= summary->max))
		return false;
	for (int i = 0; i < summary->n_scale; i++)
	{
		if (!isfinite(summary->scale[i]) || (i > 0 && summary->scale[i - 1] >= summary->scale[i]))
			return false;
	}
	return true;
}

/* Reads the summary and the number of courses. */
static RecsysStatus
open_summary(Env *env, Recommender *rec)
{
	Summary    *summary = &rec->summary;
	const void *counts_data;
	const void *range_data;
	const void *scale;
	const int64_t *counts;
	const double *range;
	int64_t		n_counts = N_COUNTS;
	int64_t		n_range = 3;
	int64_t		n_scale = -1;

	TRY(get_column(env, &rec->model, "summary.counts", SECTION_INT64, &n_counts, &counts_data));
	TRY(get_column(env, &rec->model, "summary.range", SECTION_DOUBLE, &n_range, &range_data));
	TRY(get_column(env, &rec->model, "summary.scale", SECTION_FLOAT, &n_scale, &scale));
	if (n_scale > SCALE_MAX)
		return model_damaged(env, "The scale of the ratings is too long.");
	counts = counts_data;
	range = range_data;
	summary->n_users = counts[COUNT_USERS];
	summary->n_courses = counts[COUNT_COURSES];
	summary->n_courses_rated = counts[COUNT_COURSES_RATED];
	summary->n_ratings = counts[COUNT_RATINGS];
	summary->n_duplicates = counts[COUNT_DUPLICATES];
	summary->first_time = counts[COUNT_FIRST_TIME];
	summary->last_time = counts[COUNT_LAST_TIME];
	summary->fingerprint = (uint64_t) counts[COUNT_FINGERPRINT];
	summary->implicit = counts[COUNT_IMPLICIT] == 0 ? 0 : counts[COUNT_IMPLICIT] == 1 ? 1 : -1;
	summary->mean = range[0];
	summary->min = range[1];
	summary->max = range[2];
	summary->n_scale = (int) n_scale;
	memcpy(summary->scale, scale, (size_t) n_scale * sizeof(float));
	if (!summary_is_sane(summary))
		return model_damaged(env, "The summary of the ratings contradicts itself.");
	rec->n_courses = (int32_t) summary->n_courses;
	return RECSYS_OK;
}

/* Every course has one slot, and a search always ends at an empty one. */
static bool
slots_are_sane(const int32_t *slots, int64_t n_slots, int32_t n_courses)
{
	int64_t		used = 0;

	if (n_slots <= n_courses || (n_slots & (n_slots - 1)) != 0)
		return false;
	for (int64_t i = 0; i < n_slots; i++)
	{
		if (slots[i] < IDMAP_NONE || slots[i] >= n_courses)
			return false;
		used += slots[i] != IDMAP_NONE;
	}
	return used == n_courses;
}

/* Reads the ids of the courses and their lookup table. */
static RecsysStatus
open_courses(Env *env, Recommender *rec)
{
	const void *numbers;
	const void *slots;

	rec->n_course_slots = -1;
	TRY(model_get_strings(env, &rec->model, "course_ids", rec->n_courses, &rec->course_ids));
	TRY(get_column(env, &rec->model, "course_slots", SECTION_INT32, &rec->n_course_slots, &slots));
	rec->course_slots = slots;
	if (!slots_are_sane(rec->course_slots, rec->n_course_slots, rec->n_courses))
		return model_damaged(env, "The lookup table of the courses is invalid.");
	rec->course_kind = KEY_BYTES;
	if (!model_has(&rec->model, "course_numbers"))
		return RECSYS_OK;
	rec->course_kind = KEY_NUMBER;
	TRY(get_per_course(env, rec, "course_numbers", SECTION_INT64, &numbers));
	rec->course_numbers = numbers;
	return RECSYS_OK;
}

/* Do the counts add up, and are order and rank permutations, each the inverse of the other? */
static bool
popularity_is_sane(const Recommender *rec)
{
	int64_t		sum = 0;

	for (int32_t i = 0; i < rec->n_courses; i++)
	{
		int32_t		course = rec->popularity_order[i];

		if (course < 0 || course >= rec->n_courses || rec->popularity_rank[course] != i)
			return false;
		if (rec->course_counts[i] < 0)
			return false;
		sum += rec->course_counts[i];
	}
	return sum == rec->summary.n_ratings;
}

/* Reads counts and order of the courses. */
static RecsysStatus
open_popularity(Env *env, Recommender *rec)
{
	const void *counts;
	const void *order;
	const void *rank;

	TRY(get_per_course(env, rec, "course_counts", SECTION_INT32, &counts));
	TRY(get_per_course(env, rec, "popularity_order", SECTION_INT32, &order));
	TRY(get_per_course(env, rec, "popularity_rank", SECTION_INT32, &rank));
	rec->course_counts = counts;
	rec->popularity_order = order;
	rec->popularity_rank = rank;
	if (!popularity_is_sane(rec))
		return model_damaged(env, "The popularity of the courses is invalid.");
	return RECSYS_OK;
}

/* Reads the biases of the courses. */
static RecsysStatus
open_baseline(Env *env, Recommender *rec)
{
	const void *bias;

	TRY(get_per_course(env, rec, "course_bias", SECTION_FLOAT, &bias));
	rec->course_bias = bias;
	for (int32_t c = 0; c < rec->n_courses; c++)
	{
		if (!isfinite(rec->course_bias[c]))
			return model_damaged(env, "The bias of a course is not a number.");
	}
	return RECSYS_OK;
}

/* Reads all sections of this file, then those of the method; rec->model and rec->method are set. */
static RecsysStatus
open_sections(Env *env, Recommender *rec)
{
	const Method *method = rec->method;

	TRY(open_params(env, rec));
	TRY(method_needs(env, method, rec->params, &rec->needs));
	TRY(method_predicts(env, method, rec->params, &rec->predicts));
	TRY(open_summary(env, rec));
	TRY(open_courses(env, rec));
	TRY(open_popularity(env, rec));
	if (rec->predicts)
		TRY(open_baseline(env, rec));
	if (rec->needs & NEEDS_GENRES)
		TRY(model_get_strings(env, &rec->model, "genre_names", -1, &rec->genre_names));
	if (rec->needs & NEEDS_GROUPS)
		TRY(model_get_strings(env, &rec->model, "groups", -1, &rec->groups));
	rec->state = env_alloc_zero(env, 1, method->state_size);
	if (rec->state == NULL)
		return env->status;
	return method->open(env, rec);
}

/* Opens a block of a method that may be missing in the table. */
RecsysStatus
recommender_open_as(Env *env, Recommender *rec, const Method *method, const void *bytes,
					size_t length)
{
	char		name[METHOD_NAME_MAX + 1];

	memset(rec, 0, sizeof(*rec));
	TRY(model_open(env, &rec->model, bytes, length));
	TRY(get_method_name(env, &rec->model, name));
	rec->method = method != NULL ? method : method_find(name);
	if (rec->method == NULL || strcmp(rec->method->name, name) != 0)
	{
		env_fail(env, RECSYS_NEWER_FORMAT,
				 "model was trained by method \"%s\", which this version does not have", name);
		return env_hint(env, "Update the extension, or train the model by another method.");
	}
	return open_sections(env, rec);
}

/* Opens a block. */
RecsysStatus
recommender_open(Env *env, Recommender *rec, const void *bytes, size_t length)
{
	return recommender_open_as(env, rec, NULL, bytes, length);
}

/* ---------------------------------------------------------------- using */

/* Looks a key up in the table of the model. */
int32_t
recommender_find(const Recommender *rec, Key key)
{
	if (rec->course_kind == KEY_NUMBER)
		return idmap_probe_number(rec->course_slots, rec->n_course_slots, rec->course_numbers,
								  key.number);
	return idmap_probe_bytes(rec->course_slots, rec->n_course_slots, &rec->course_ids, key.bytes,
							 key.length);
}

/* As the map of the training set that the table comes from. */
void
recommender_find_batch(const Recommender *rec, const KeyBatch *keys, int32_t *indexes)
{
	IdMap		map = {.kind = rec->course_kind, .n_keys = rec->n_courses,
		.numbers = (int64_t *) rec->course_numbers, .strings = rec->course_ids,
		.slots = (int32_t *) rec->course_slots, .n_slots = rec->n_course_slots};

	idmap_find_batch(&map, keys, 0, keys->n, indexes);
}

/* Looks an id up; of numbers, only the form in which they are shown counts ("7", not "07"). */
int32_t
recommender_find_text(const Recommender *rec, const char *id, int64_t length)
{
	Key			key = {.bytes = id, .length = length};
	char		number[32];
	const char *shown;
	int32_t		shown_length;
	int32_t		course;

	if (rec->course_kind == KEY_BYTES)
		return recommender_find(rec, key);
	if (length < 1 || length >= (int64_t) sizeof(number))
		return IDMAP_NONE;
	memcpy(number, id, (size_t) length);
	number[length] = '\0';
	key.number = strtoll(number, NULL, 10);
	course = recommender_find(rec, key);
	if (course == IDMAP_NONE)
		return IDMAP_NONE;
	shown = strings_get(&rec->course_ids, course, &shown_length);
	return bytes_compare(shown, shown_length, id, length) == 0 ? course : IDMAP_NONE;
}

/* Binary search: groups are in bytewise order. */
int32_t
recommender_find_group(const Recommender *rec, const char *text, int64_t length)
{
	int32_t		low = 0;
	int32_t		high = rec->groups.n - 1;

	while (low <= high)
	{
		int32_t		middle = low + (high - low) / 2;
		int32_t		group_length;
		const char *group = strings_get(&rec->groups, middle, &group_length);
		int			order = bytes_compare(text, length, group, group_length);

		if (order == 0)
			return middle;
		if (order < 0)
			high = middle - 1;
		else
			low = middle + 1;
	}
	return -1;
}

/* Asks the method. */
size_t
recommender_scratch_size(const Recommender *rec)
{
	return rec->method->scratch_size == NULL ? 0 : rec->method->scratch_size(rec);
}

/* A hash with a seed of its own. */
uint64_t
user_key_hash(KeyKind kind, Key key)
{
	char		text[24];

	if (kind == KEY_NUMBER)
	{
		key.length = snprintf(text, sizeof(text), "%" PRId64, key.number);
		key.bytes = text;
	}
	return key_hash(KEY_BYTES, key, USER_HASH_SEED);
}

/* Into the range of the ratings seen in training. */
static double
clip_rating(const Summary *summary, double rating)
{
	return fmin(fmax(rating, summary->min), summary->max);
}

/* The method's estimate, or else the baseline. */
double
recommender_predict(const Recommender *rec, const History *history, int32_t course, void *scratch)
{
	double		rating = NAN;

	if (course != IDMAP_NONE)
		rating = rec->method->predict(rec, history, course, scratch);
	if (isnan(rating))
		return recommender_baseline(rec, history, course);
	return clip_rating(&rec->summary, rating);
}

/* The user's bias comes from the history of this moment. */
double
recommender_baseline(const Recommender *rec, const History *history, int32_t course)
{
	double		mean = rec->summary.mean;
	double		user_bias = baseline_user_bias(mean, rec->course_bias, history->n,
											   history->courses, history->ratings);
	double		course_bias = course == IDMAP_NONE ? 0 : rec->course_bias[course];

	return clip_rating(&rec->summary, mean + user_bias + course_bias);
}
