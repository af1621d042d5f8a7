/*
 * terms.c
 *		The words of the courses as a sparse matrix, for content methods.
 *
 * Words arrive as (course, word, weight) in any order, 12 bytes each, are
 * numbered bytewise and sorted by two counting sorts, as ratings are (see
 * trainingset.c).  Weights of a word that comes several times in one course are
 * added up, smallest first, so that the sum does not depend on the order of
 * arrival.
 */
#include <stdlib.h>
#include <string.h>

#include "core/trainingset.h"

#define ROOM_AT_START 1024

/* Entries handled between two looks at the cancel flag. */
#define POLL_ENTRIES (INT64_C(1) << 20)

/* No words yet. */
RecsysStatus
terms_init(Env *env, TermsBuilder *terms)
{
	memset(terms, 0, sizeof(*terms));
	return idmap_init(env, &terms->words, KEY_BYTES);
}

/* Doubles the room for entries. */
static RecsysStatus
grow(Env *env, TermsBuilder *terms)
{
	size_t		room = terms->room == 0 ? ROOM_AT_START : (size_t) terms->room * 2;
	int32_t    *courses = env_resize(env, terms->entry_course, room, sizeof(int32_t));
	int32_t    *words;
	float	   *weights;

	if (courses == NULL)
		return env->status;
	terms->entry_course = courses;
	words = env_resize(env, terms->entry_word, room, sizeof(int32_t));
	if (words == NULL)
		return env->status;
	terms->entry_word = words;
	weights = env_resize(env, terms->entry_weight, room, sizeof(float));
	if (weights == NULL)
		return env->status;
	terms->entry_weight = weights;
	terms->room = (int64_t) room;
	return RECSYS_OK;
}

/* Adds a word of a course. */
RecsysStatus
terms_add(Env *env, TermsBuilder *terms, int32_t course, const char *word, size_t length,
		  float weight)
{
	Key			key = {.bytes = word, .length = (int64_t) length};

	if (!isfinite(weight))
		return env_fail(env, RECSYS_BAD_DATA, "weight of a term must be finite");
	if (terms->n_entries == terms->room)
		TRY(grow(env, terms));
	TRY(idmap_add(env, &terms->words, key, &terms->entry_word[terms->n_entries]));
	terms->entry_course[terms->n_entries] = course;
	terms->entry_weight[terms->n_entries] = weight + 0.0f;	/* no -0, see builder_add_rating */
	terms->n_entries++;
	return RECSYS_OK;
}

/* Sorts the entries by word, courses in order of arrival. */
static RecsysStatus
sort_by_word(Env *env, const TermsBuilder *terms, const int32_t *word_new, Csr *by_word)
{
	int64_t    *next = by_word->offsets;

	/* Place every entry from the end of its word's row: the ends become the starts. */
	for (int64_t i = 0; i < terms->n_entries; i++)
	{
		if (i % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		next[word_new[terms->entry_word[i]]]++;
	}
	for (int32_t w = 0; w < by_word->n_rows; w++)
		next[w + 1] += next[w];
	for (int64_t i = terms->n_entries - 1; i >= 0; i--)
	{
		int64_t		to = --next[word_new[terms->entry_word[i]]];

		if (i % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		by_word->indexes[to] = terms->entry_course[i];
		by_word->values[to] = terms->entry_weight[i];
	}
	return RECSYS_OK;
}

/* For qsort: ascending. */
static int
compare_floats(const void *a, const void *b)
{
	float		x = *(const float *) a;
	float		y = *(const float *) b;

	return (x > y) - (x < y);
}

/* Sum that does not depend on the order of the n values; sorts them. */
static float
ordered_sum(float *values, int64_t n)
{
	double		sum = 0;

	qsort(values, (size_t) n, sizeof(float), compare_floats);
	for (int64_t i = 0; i < n; i++)
		sum += values[i];
	return (float) sum;
}

/* Merges the entries of a row with the same column, which are neighbours. */
static RecsysStatus
merge_repeats(Env *env, Csr *csr)
{
	int64_t		from = 0;
	int64_t		to = 0;

	for (int32_t row = 0; row < csr->n_rows; row++)
	{
		int64_t		end = csr->offsets[row + 1];

		csr->offsets[row] = to;
		while (from < end)
		{
			int64_t		last = from + 1;

			while (last < end && csr->indexes[last] == csr->indexes[from])
				last++;
			csr->indexes[to] = csr->indexes[from];
			csr->values[to++] = last == from + 1 ? csr->values[from] :
				ordered_sum(csr->values + from, last - from);
			from = last;
		}
		if (row % 1024 == 0 && env_interrupted(env))
			return env->status;
	}
	csr->offsets[csr->n_rows] = to;
	csr->n_entries = to;
	return RECSYS_OK;
}

/* Hands the words over to the set, in bytewise order, and frees the entries. */
static void
move_words(Env *env, TermsBuilder *terms, TrainingSet *set)
{
	set->words = terms->words.strings;
	memset(&terms->words.strings, 0, sizeof(terms->words.strings));
	idmap_free(env, &terms->words);
	env_free(env, terms->entry_course);
	env_free(env, terms->entry_word);
	env_free(env, terms->entry_weight);
	memset(terms, 0, sizeof(*terms));
}

/* Sorts, merges, moves. */
RecsysStatus
terms_finish(Env *env, TermsBuilder *terms, TrainingSet *set)
{
	int32_t		n_words = terms->words.n_keys;
	int32_t    *word_new = env_alloc(env, (size_t) n_words, sizeof(int32_t));
	Csr			by_word;

	if (word_new == NULL)
		return env->status;
	TRY(idmap_sort(env, &terms->words, word_new));
	TRY(csr_init(env, &by_word, n_words, set->courses.n_keys, terms->n_entries, false));
	TRY(sort_by_word(env, terms, word_new, &by_word));
	env_free(env, word_new);
	move_words(env, terms, set);
	TRY(csr_transpose(env, &by_word, &set->terms));
	csr_free(env, &by_word);
	return merge_repeats(env, &set->terms);
}
