/*
 * serve.c: everything that serving does with a model.
 *
 * The adapter relies on what is checked here: it reads texts by the indexes of reasons, and gives
 * predictions out as they come.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "core/answer.h"
#include "core/topk.h"
#include "models.h"

#define MAX_REASONS 20
#define MAX_WANTED 16

/* An opened model and the memory to serve from it. */
typedef struct Served
{
	const Recommender *rec;
	char	   *scratch;
	size_t		scratch_size;
	float	   *scores;
	bool		honest;
} Served;

/* A history with memory of its own. */
typedef struct OwnHistory
{
	History		h;
	int32_t    *courses;
	float	   *ratings;
	int64_t    *times;
} OwnHistory;

/* Every call leaves the scratch memory zero, as it found it. */
static void
check_scratch(const Served *served)
{
	for (size_t i = 0; i < served->scratch_size; i++)
		FUZZ_CHECK(served->scratch[i] == 0);
}

/* One more row. */
static void
add_row(OwnHistory *own, int32_t course, float rating, int64_t time)
{
	own->courses[own->h.n] = course;
	own->ratings[own->h.n] = rating;
	own->times[own->h.n++] = time;
}

/*
 * None of the courses, half of them or all but `without`, from the last to the first, rated
 * anyhow, some of them twice.
 */
static void
add_rows(OwnHistory *own, const Recommender *rec, FuzzInput *input, int32_t without)
{
	int			how_many = fuzz_below(input, 4);
	int32_t		n = rec->n_courses < 200 ? rec->n_courses : 200;

	for (int32_t c = n - 1; c >= 0 && how_many > 0; c--)
	{
		if (c == without || (how_many < 3 && fuzz_byte(input) % 2 == 0))
			continue;
		if (how_many == 3)
			add_row(own, c, 3, rec->summary.last_time);
		else
			add_row(own, c, (float) fuzz_number_within(input, RATING_MAX), fuzz_integer(input));
		if (how_many == 1 && fuzz_byte(input) % 2 == 0)
			add_row(own, c, (float) fuzz_number_within(input, RATING_MAX), fuzz_integer(input));
	}
}

/* A history as the adapter makes it from the rows of a table. */
static OwnHistory
make_history(Env *env, const Recommender *rec, FuzzInput *input, int32_t without)
{
	size_t		room = 2 * (size_t) rec->n_courses;
	OwnHistory	own = {.courses = env_alloc(env, room, sizeof(int32_t)),
		.ratings = env_alloc(env, room, sizeof(float)),
		.times = env_alloc(env, room, sizeof(int64_t))};
	bool		with_times = fuzz_byte(input) % 4 != 0;

	FUZZ_CHECK(own.courses != NULL && own.ratings != NULL && own.times != NULL);
	add_rows(&own, rec, input, without);
	own.h.n = history_sort(own.h.n, own.courses, own.ratings, with_times ? own.times : NULL);
	for (int32_t i = 1; i < own.h.n; i++)
		FUZZ_CHECK(own.courses[i - 1] < own.courses[i]);
	own.h.courses = own.courses;
	own.h.ratings = own.ratings;
	own.h.times = with_times ? own.times : NULL;
	own.h.has_key = fuzz_byte(input) % 2 == 0;
	own.h.user_hash = user_key_hash(KEY_NUMBER, (Key) {.number = fuzz_byte(input) * 7 - 12});
	own.h.group = fuzz_below(input, rec->groups.n < 200 ? rec->groups.n + 1 : 200) - 1;
	return own;
}

/* Gives it back. */
static void
free_history(Env *env, OwnHistory *own)
{
	env_free(env, own->courses);
	env_free(env, own->ratings);
	env_free(env, own->times);
}

/* What a call that scored left: scores of a method of this version are not infinite or NaN. */
static void
check_scores(const Served *served)
{
	check_scratch(served);
	for (int32_t c = 0; c < served->rec->n_courses && served->honest; c++)
		FUZZ_CHECK(served->scores[c] == NO_OPINION || isfinite(served->scores[c]));
}

/* Of these rows, best first, diversity keeps each once and the best one first; uses scores. */
static void
check_diversity(const Served *served, int n, Ranked *ranked)
{
	const Recommender *rec = served->rec;
	DiversitySource source = diversity_source(rec, served->scratch, served->scores);
	AnswerOptions options = {.n = MAX_WANTED, .percent = true, .threshold_pct = NAN, .diversity = 0.5};
	DiversityItem items[MAX_WANTED];
	DiversityRoom room = {.rec = rec, .source = source, .items = items, .scratch = served->scratch,
		.scores = served->scores};
	Ranked		before[MAX_WANTED];

	check_scratch(served);
	if (source == DIVERSITY_NONE || n == 0)
		return;
	memcpy(before, ranked, (size_t) n * sizeof(Ranked));
	FUZZ_CHECK(answer_finish(&options, &room, n, ranked) == n);
	check_scratch(served);
	FUZZ_CHECK(ranked[0].course == before[0].course);
	for (int i = 0; i < n; i++)
	{
		int			found = 0;
		float		shown = answer_score(&options, ranked, i);

		for (int k = 0; k < n; k++)
			found += ranked[k].course == before[i].course;
		FUZZ_CHECK(found == 1);
		FUZZ_CHECK(shown == NO_OPINION || (shown >= 0 && shown <= 100));
	}
}

/* Ranks what is in scores: every course once at most, in order. */
static void
check_ranking(Env *env, const Served *served, FuzzInput *input)
{
	const Recommender *rec = served->rec;
	RankOptions options = {.n = fuzz_below(input, MAX_WANTED + 1),.threshold = NAN,
		.fill = fuzz_byte(input) % 2 == 0};
	TopkItem	heap[MAX_WANTED];
	Ranked		ranked[MAX_WANTED];
	uint8_t    *taken = env_alloc_zero(env, (size_t) rec->n_courses, 1);
	int			n;

	FUZZ_CHECK(taken != NULL);
	if (fuzz_byte(input) % 4 == 0)
		options.threshold = (float) fuzz_number(input);
	n = recommender_rank(rec, served->scores, &options, heap, ranked);
	FUZZ_CHECK(n >= 0 && n <= options.n && n <= rec->n_courses);
	for (int i = 0; i < n; i++)
	{
		FUZZ_CHECK(ranked[i].course >= 0 && ranked[i].course < rec->n_courses);
		FUZZ_CHECK(!taken[ranked[i].course]);
		taken[ranked[i].course] = 1;
		FUZZ_CHECK(!isnan(ranked[i].score));
		FUZZ_CHECK(i == 0 || ranked[i].score <= ranked[i - 1].score);
	}
	check_diversity(served, n, ranked);
	env_free(env, taken);
}

/* Clusters of a model that has some. */
static int32_t
count_clusters(const Recommender *rec)
{
	ClusterCourses courses;

	rec->method->cluster_courses(rec, 0, &courses);
	return courses.n_clusters;
}

/* A user's cluster and the courses of all clusters are of the model. */
static void
check_clusters(const Served *served, const History *history)
{
	const Recommender *rec = served->rec;
	double		distance;
	int32_t		cluster = rec->method->user_cluster(rec, history, served->scratch, &distance);
	ClusterCourses courses;

	check_scratch(served);
	FUZZ_CHECK(cluster >= -1 && cluster < count_clusters(rec));
	for (int32_t k = 0; k < count_clusters(rec); k++)
	{
		rec->method->cluster_courses(rec, k, &courses);
		for (int32_t i = 0; i < courses.n; i++)
			FUZZ_CHECK(courses.courses[i] >= 0 && courses.courses[i] < rec->n_courses &&
					   courses.enrollments[i] >= 0);
	}
}

/* Rules of a model that has some; the courses of each are of the model. */
static int32_t
count_rules(const Recommender *rec)
{
	ReasonRule	rule;
	int32_t		n = 0;

	for (; rec->method->rule(rec, n, &rule); n++)
	{
		FUZZ_CHECK(rule.n_antecedents > 0);
		FUZZ_CHECK(rule.consequent >= 0 && rule.consequent < rec->n_courses);
		for (int32_t i = 0; i < rule.n_antecedents; i++)
			FUZZ_CHECK(rule.antecedents[i] >= 0 && rule.antecedents[i] < rec->n_courses);
	}
	return n;
}

/* Every index of a reason is one of the model. */
static void
check_reasons(const Served *served, const History *history, int32_t course)
{
	const Recommender *rec = served->rec;
	Reason		reasons[MAX_REASONS];
	int			sizes[] = {0, 1, MAX_REASONS};

	for (int s = 0; s < 3; s++)
	{
		int			n = rec->method->explain(rec, history, course, served->scratch, reasons, sizes[s]);

		check_scratch(served);
		FUZZ_CHECK(n >= 0 && n <= sizes[s]);
		for (int i = 0; i < n; i++)
		{
			int32_t		end = reasons[i].kind == REASON_COURSE ? rec->n_courses :
				reasons[i].kind == REASON_GENRE ? rec->genre_names.n :
				reasons[i].kind == REASON_GROUP ? rec->groups.n :
				reasons[i].kind == REASON_CLUSTER ? count_clusters(rec) :
				reasons[i].kind == REASON_RULE ? count_rules(rec) :
				reasons[i].kind == REASON_PART ? METHOD_PARTS_MAX : 1;

			FUZZ_CHECK(reasons[i].index >= 0 && reasons[i].index < end);
			FUZZ_CHECK(!served->honest || isfinite(reasons[i].weight));
		}
	}
}

/* A probability is one, or is not known; of a damaged model it may be any number. */
static void
check_probability(const Served *served, const History *history, int32_t course)
{
	double		p = served->rec->method->probability(served->rec, history, course, served->scratch);

	FUZZ_CHECK(!served->honest || isnan(p) || (p >= 0 && p <= 1));
	check_scratch(served);
}

/* A prediction is a number on the scale of the ratings, whatever the model holds. */
static void
check_prediction(const Served *served, const History *history, int32_t course)
{
	const Summary *summary = &served->rec->summary;
	double		rating = recommender_predict(served->rec, history, course, served->scratch);

	check_scratch(served);
	FUZZ_CHECK(rating >= summary->min && rating <= summary->max);
}

/* All that is asked about one course, the history being without it. */
static void
check_course(Env *env, const Served *served, FuzzInput *input, int32_t course)
{
	const Method *method = served->rec->method;
	OwnHistory	own = make_history(env, served->rec, input, course);

	if (served->rec->predicts)
		check_prediction(served, &own.h, course);
	if (method->probability != NULL && course != IDMAP_NONE)
		check_probability(served, &own.h, course);
	if (method->explain != NULL && course != IDMAP_NONE)
		check_reasons(served, &own.h, course);
	if (method->similar != NULL && course != IDMAP_NONE &&
		method->similar(served->rec, course, served->scratch, served->scores))
	{
		check_scores(served);
		check_ranking(env, served, input);
	}
	free_history(env, &own);
}

/* A user: scores, ranking, and the comparison with another user. */
static void
check_user(Env *env, const Served *served, FuzzInput *input)
{
	const Method *method = served->rec->method;
	OwnHistory	a = make_history(env, served->rec, input, IDMAP_NONE);
	OwnHistory	b = make_history(env, served->rec, input, IDMAP_NONE);

	method->score(served->rec, &a.h, served->scratch, served->scores);
	check_scores(served);
	check_ranking(env, served, input);
	if (method->user_cluster != NULL)
		check_clusters(served, &a.h);
	if (method->compare != NULL)
	{
		float		value = method->compare(served->rec, &a.h, &b.h, served->scratch);

		check_scratch(served);
		FUZZ_CHECK(!served->honest || value == NO_OPINION || isfinite(value));
	}
	free_history(env, &a);
	free_history(env, &b);
}

/* Reads all strings of a table, as the adapter does; returns their bytes added up. */
static unsigned
read_strings(const StringTable *table)
{
	unsigned	sum = 0;

	for (int32_t i = 0; i < table->n; i++)
	{
		int32_t		length;
		const char *text = strings_get(table, i, &length);

		FUZZ_CHECK(length >= 0);
		for (int32_t k = 0; k < length; k++)
			sum += (unsigned char) text[k];
	}
	return sum;
}

/* Ids of courses and groups are found or not, never outside of the model. */
static void
check_names(const Recommender *rec, FuzzInput *input)
{
	volatile unsigned sum = read_strings(&rec->course_ids) + read_strings(&rec->genre_names) +
		read_strings(&rec->groups);
	size_t		n_bytes;
	const char *bytes = fuzz_bytes(input, 4, &n_bytes);
	Key			key = {.number = fuzz_integer(input),.bytes = bytes,.length = (int64_t) n_bytes};
	int32_t		found = recommender_find(rec, key);

	(void) sum;
	FUZZ_CHECK(found >= IDMAP_NONE && found < rec->n_courses);
	found = recommender_find_text(rec, bytes, (int64_t) n_bytes);
	FUZZ_CHECK(found >= IDMAP_NONE && found < rec->n_courses);
	found = recommender_find_group(rec, bytes, (int64_t) n_bytes);
	FUZZ_CHECK(found >= -1 && found < rec->groups.n);
	for (int32_t c = 0; c < rec->n_courses; c++)
	{
		int32_t		length;
		const char *id = strings_get(&rec->course_ids, c, &length);

		found = recommender_find_text(rec, id, length);
		FUZZ_CHECK(found >= IDMAP_NONE && found < rec->n_courses);
	}
}

/* Names, users, courses. */
void
fuzz_serve(Env *env, const Recommender *rec, FuzzInput *input, bool honest)
{
	size_t		scratch_size = recommender_scratch_size(rec);
	Served		served = {.rec = rec,.honest = honest,.scratch = env_alloc_zero(env, scratch_size, 1),
	.scratch_size = scratch_size,.scores = env_alloc(env, (size_t) rec->n_courses, sizeof(float))};

	if (served.scratch == NULL || served.scores == NULL)
		return;					/* over the limit */
	check_names(rec, input);
	for (int i = 0; i < 3; i++)
		check_user(env, &served, input);
	for (int32_t c = IDMAP_NONE; c < rec->n_courses && c < 5; c++)
		check_course(env, &served, input, c);
}
