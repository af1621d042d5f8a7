/*
 * features.c
 *		What is known of a user and a course, as one row of numbers: see features.h.
 */
#include "core/features.h"

#include <stdlib.h>
#include <string.h>

#include "core/methods/support.h"

/* Rows of a matrix between two polls for interrupts. */
#define POLL_ROWS 4096

/* ---------------------------------------------------------------- names */

/* The bit of a name, 0 when it is none. */
static unsigned
feature_bit(const char *name, size_t length)
{
	const char *known;
	int			known_length;

	for (int i = 0; (known = choice_name(FEATURE_NAMES, i, &known_length)) != NULL; i++)
		if ((size_t) known_length == length && memcmp(known, name, length) == 0)
			return 1u << i;
	return 0;
}

/* Name after name; blanks around a comma do not count. */
unsigned
features_read(const char *text)
{
	unsigned	kinds = 0;

	for (;;)
	{
		size_t		length;
		unsigned	bit;

		text += strspn(text, " ");
		length = strcspn(text, " ,");
		bit = feature_bit(text, length);
		if (bit == 0 || (kinds & bit))
			return 0;
		kinds |= bit;
		text += length;
		text += strspn(text, " ");
		if (*text == '\0')
			return kinds;
		if (*text++ != ',')
			return 0;
	}
}

/* One for one. */
unsigned
features_need(unsigned kinds)
{
	return (kinds & FEATURE_TERMS ? NEEDS_TERMS : 0u) | (kinds & FEATURE_GENRES ? NEEDS_GENRES : 0u) |
		(kinds & FEATURE_ATTRIBUTES ? NEEDS_GROUPS : 0u);
}

/* ---------------------------------------------------------------- the commonest */

/* Something that is counted. */
typedef struct Counted
{
	int64_t		count;
	int32_t		index;			/* in bytewise order */
} Counted;

/* Largest count first, then index. */
static int
compare_counted(const void *a, const void *b)
{
	const Counted *x = a;
	const Counted *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

/*
 * columns[i]: the place of thing number i among the most that are kept, else -1; *n_kept: how many are.  What is
 * never counted is not kept.
 */
static RecsysStatus
keep_commonest(Env *env, int32_t n, Counted *counted, int64_t most, int32_t *columns, int32_t *n_kept)
{
	if (env_interrupted(env))
		return env->status;
	qsort(counted, (size_t) n, sizeof(Counted), compare_counted);
	*n_kept = 0;
	for (int32_t i = 0; i < n; i++)
	{
		bool		kept = i < most && counted[i].count > 0;

		columns[counted[i].index] = kept ? i : -1;
		*n_kept += kept;
	}
	return RECSYS_OK;
}

/* Counters of n things, and room for their columns. */
static RecsysStatus
begin_counting(Env *env, int32_t n, Counted **counted, int32_t **columns)
{
	*counted = env_alloc(env, (size_t) n, sizeof(Counted));
	*columns = env_alloc(env, (size_t) n, sizeof(int32_t));
	if (*counted == NULL || *columns == NULL)
		return env->status;
	for (int32_t i = 0; i < n; i++)
		(*counted)[i] = (Counted) {0, i};
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- courses */

/* Columns of the words that most courses have. */
static RecsysStatus
choose_words(Env *env, const TrainingSet *set, int64_t most, int32_t **columns, int32_t *n_words)
{
	Counted    *counted;

	TRY(begin_counting(env, set->words.n, &counted, columns));
	for (int64_t e = 0; e < set->terms.n_entries; e++)
	{
		if (e % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		counted[set->terms.indexes[e]].count++;
	}
	TRY(keep_commonest(env, set->words.n, counted, most, *columns, n_words));
	env_free(env, counted);
	return RECSYS_OK;
}

/* Words, then genres, of one course. */
static void
fill_course(const TrainingSet *set, unsigned kinds, const int32_t *columns, int32_t n_words,
			int32_t course, float *numbers)
{
	if (kinds & FEATURE_TERMS)
		for (int64_t e = set->terms.offsets[course]; e < set->terms.offsets[course + 1]; e++)
			if (columns[set->terms.indexes[e]] >= 0)
				numbers[columns[set->terms.indexes[e]]] = set->terms.values[e];
	if (kinds & FEATURE_GENRES)
		memcpy(numbers + n_words, matrix_row(&set->genres, course),
			   (size_t) set->genres.n_cols * sizeof(float));
}

/* The numbers of all courses. */
static RecsysStatus
build_courses(Env *env, const TrainingSet *set, unsigned kinds, int64_t most, FeatureContent *content)
{
	int32_t		n_courses = set->by_course.n_rows;
	int32_t    *columns = NULL;
	int32_t		n_words = 0;
	float	   *numbers;

	if (kinds & FEATURE_TERMS)
		TRY(choose_words(env, set, most, &columns, &n_words));
	content->n_course = n_words + (kinds & FEATURE_GENRES ? (int) set->genres.n_cols : 0);
	numbers = env_alloc_zero(env, (size_t) n_courses, (size_t) content->n_course * sizeof(float));
	if (numbers == NULL)
		return env->status;
	for (int32_t c = 0; c < n_courses; c++)
	{
		if (c % POLL_ROWS == 0 && env_interrupted(env))
			return env->status;
		fill_course(set, kinds, columns, n_words, c, numbers + (int64_t) c * content->n_course);
	}
	content->courses = numbers;
	env_free(env, columns);
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- groups */

/* The attributes of all groups: entry after entry, by group. */
typedef struct Attributes
{
	IdMap		names;			/* "country=DE" */
	int32_t    *entries;		/* attribute of each entry */
	int64_t    *offsets;		/* of each group */
	int64_t		n_entries;
} Attributes;

/* Length of the first attribute of a text. */
static int32_t
attribute_length(const char *text, int32_t length)
{
	for (int32_t i = 0; i + 1 < length; i++)
		if (text[i] == ',' && text[i + 1] == ' ')
			return i;
	return length;
}

/* Attributes of one group. */
static RecsysStatus
split_group(Env *env, const StringTable *groups, int32_t group, Attributes *attributes)
{
	int32_t		length;
	const char *text = strings_get(groups, group, &length);

	while (length > 0)
	{
		int32_t		n = attribute_length(text, length);
		Key			key = {.bytes = text, .length = n};

		if (n > 0)
			TRY(idmap_add(env, &attributes->names, key, &attributes->entries[attributes->n_entries++]));
		n = n + 2 < length ? n + 2 : length;
		text += n;
		length -= n;
	}
	attributes->offsets[group + 1] = attributes->n_entries;
	return RECSYS_OK;
}

/* Attributes of all groups, in bytewise order. */
static RecsysStatus
split_groups(Env *env, const StringTable *groups, Attributes *attributes)
{
	int64_t		most = groups->n;
	int32_t    *renumbered;

	/* Every attribute but a group's first one has a comma before it. */
	for (int64_t i = 0; groups->n > 0 && i < groups->offsets[groups->n]; i++)
		most += groups->bytes[i] == ',';
	attributes->entries = env_alloc(env, (size_t) most, sizeof(int32_t));
	attributes->offsets = env_alloc_zero(env, (size_t) groups->n + 1, sizeof(int64_t));
	if (attributes->entries == NULL || attributes->offsets == NULL)
		return env->status;
	TRY(idmap_init(env, &attributes->names, KEY_BYTES));
	for (int32_t g = 0; g < groups->n; g++)
	{
		if (g % POLL_ROWS == 0 && env_interrupted(env))
			return env->status;
		TRY(split_group(env, groups, g, attributes));
	}
	renumbered = env_alloc(env, (size_t) attributes->names.n_keys, sizeof(int32_t));
	if (renumbered == NULL)
		return env->status;
	TRY(idmap_sort(env, &attributes->names, renumbered));
	for (int64_t e = 0; e < attributes->n_entries; e++)
		attributes->entries[e] = renumbered[attributes->entries[e]];
	env_free(env, renumbered);
	return RECSYS_OK;
}

/* Columns of the attributes that most users of the set have. */
static RecsysStatus
choose_attributes(Env *env, const TrainingSet *set, const Attributes *attributes, int64_t most,
				  int32_t **columns, int32_t *n_kept)
{
	Counted    *counted;

	TRY(begin_counting(env, attributes->names.n_keys, &counted, columns));
	for (int32_t u = 0; u < set->by_user.n_rows; u++)
	{
		int32_t		group = set->user_group[u];

		if (u % POLL_ROWS == 0 && env_interrupted(env))
			return env->status;
		for (int64_t e = group < 0 ? 0 : attributes->offsets[group];
			 group >= 0 && e < attributes->offsets[group + 1]; e++)
			counted[attributes->entries[e]].count++;
	}
	TRY(keep_commonest(env, attributes->names.n_keys, counted, most, *columns, n_kept));
	env_free(env, counted);
	return RECSYS_OK;
}

/* Order of columns. */
static int
compare_columns(const void *a, const void *b)
{
	int32_t		x = *(const int32_t *) a;
	int32_t		y = *(const int32_t *) b;

	return (x > y) - (x < y);
}

/* Groups x attributes that are kept, from the columns of all; an attribute may stand in a group twice. */
static RecsysStatus
fill_attributes(Env *env, const Attributes *attributes, int32_t n_groups, const int32_t *columns,
				int32_t n_kept, Csr *csr)
{
	int64_t		n = 0;

	TRY(csr_init(env, csr, n_groups, n_kept, attributes->n_entries, false));
	for (int32_t g = 0; g < n_groups; g++)
	{
		int64_t		begin = n;
		int64_t		distinct = n;

		if (g % POLL_ROWS == 0 && env_interrupted(env))
			return env->status;
		for (int64_t e = attributes->offsets[g]; e < attributes->offsets[g + 1]; e++)
			if (columns[attributes->entries[e]] >= 0)
				csr->indexes[n++] = columns[attributes->entries[e]];
		qsort(csr->indexes + begin, (size_t) (n - begin), sizeof(int32_t), compare_columns);
		for (int64_t e = begin; e < n; e++)
			if (e == begin || csr->indexes[e] != csr->indexes[e - 1])
				csr->indexes[distinct++] = csr->indexes[e];
		n = distinct;
		csr->offsets[g + 1] = n;
	}
	for (int64_t e = 0; e < n; e++)
		csr->values[e] = 1;
	csr->n_entries = n;
	return RECSYS_OK;
}

/* The attributes of all groups. */
static RecsysStatus
build_attributes(Env *env, const TrainingSet *set, int64_t most, Csr *csr)
{
	Attributes	attributes = {.n_entries = 0};
	int32_t    *columns;
	int32_t		n_kept;

	TRY(split_groups(env, &set->groups, &attributes));
	TRY(choose_attributes(env, set, &attributes, most, &columns, &n_kept));
	TRY(fill_attributes(env, &attributes, set->groups.n, columns, n_kept, csr));
	env_free(env, columns);
	env_free(env, attributes.entries);
	env_free(env, attributes.offsets);
	idmap_free(env, &attributes.names);
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- all of it */

/* Courses, then groups. */
RecsysStatus
features_build(Env *env, const TrainingSet *set, unsigned kinds, int64_t max_features,
			   FeatureContent *content)
{
	memset(content, 0, sizeof(*content));
	if (kinds & (FEATURE_TERMS | FEATURE_GENRES))
		TRY(build_courses(env, set, kinds, max_features, content));
	return kinds & FEATURE_ATTRIBUTES ? build_attributes(env, set, max_features, &content->attributes) :
		RECSYS_OK;
}

/* What there is. */
RecsysStatus
features_put(Env *env, ModelWriter *writer, int32_t n_courses, unsigned kinds,
			 const FeatureContent *content)
{
	if (kinds & (FEATURE_TERMS | FEATURE_GENRES))
		TRY(model_put(env, writer, "content", SECTION_FLOAT, n_courses, content->n_course,
					  content->courses));
	return kinds & FEATURE_ATTRIBUTES ? model_put_csr(env, writer, "attributes", &content->attributes) :
		RECSYS_OK;
}

/* Of any width; what else it must fit is checked by the caller: the estimator. */
RecsysStatus
features_open(Env *env, const Recommender *rec, unsigned kinds, FeatureContent *content)
{
	int64_t		n_courses = rec->n_courses;
	int64_t		n_course = -1;
	const void *data;

	memset(content, 0, sizeof(*content));
	if (kinds & (FEATURE_TERMS | FEATURE_GENRES))
	{
		TRY(model_get(env, &rec->model, "content", SECTION_FLOAT, &n_courses, &n_course, &data));
		if (n_course > INT32_MAX / 2)
			return model_damaged(env, "There are too many numbers of a course.");
		content->n_course = (int) n_course;
		content->courses = data;
		TRY(check_finite(env, data, n_courses * n_course, "A number of a course is not finite."));
	}
	return kinds & FEATURE_ATTRIBUTES ?
		model_get_csr(env, &rec->model, "attributes", rec->groups.n, -1, &content->attributes) :
		RECSYS_OK;
}

/* ---------------------------------------------------------------- rows */

/* Numbers that the vectors give. */
static int
embedding_features(FeatureCombine combine, int n_factors)
{
	if (combine == COMBINE_CONCAT)
		return 2 * n_factors + 2;
	return combine == COMBINE_SUM ? n_factors + 1 : n_factors + 2;
}

/* All together. */
int
features_count(FeatureCombine combine, int n_factors, const FeatureContent *content)
{
	return embedding_features(combine, n_factors) + content->n_course + content->attributes.n_cols;
}

/* Two vectors with their biases behind them as one. */
static void
combine_vectors(FeatureCombine combine, int n, const float *user, const float *course, float *row)
{
	for (int i = 0; i < n; i++)
		row[i] = combine == COMBINE_SUM ? user[i] + course[i] :
			combine == COMBINE_PRODUCT ? user[i] * course[i] : user[i];
	if (combine == COMBINE_SUM)
		row[n] = user[n] + course[n];
	else if (combine == COMBINE_PRODUCT)
	{
		row[n] = user[n];
		row[n + 1] = course[n];
	}
	else
	{
		row[n] = user[n];
		memcpy(row + n + 1, course, ((size_t) n + 1) * sizeof(float));
	}
}

/* Vectors, course, user. */
void
features_fill(FeatureCombine combine, int n_factors, const FeatureContent *content, const float *user,
			  int32_t group, const float *course, int32_t number, float *row)
{
	const Csr  *attributes = &content->attributes;

	combine_vectors(combine, n_factors, user, course, row);
	row += embedding_features(combine, n_factors);
	if (content->n_course > 0)
		memcpy(row, content->courses + (int64_t) number * content->n_course,
			   (size_t) content->n_course * sizeof(float));
	row += content->n_course;
	if (attributes->n_cols == 0)
		return;
	memset(row, 0, (size_t) attributes->n_cols * sizeof(float));
	for (int64_t e = group < 0 ? 0 : attributes->offsets[group];
		 group >= 0 && e < attributes->offsets[group + 1]; e++)
		row[attributes->indexes[e]] = attributes->values[e];
}
