/*
 * serving.c
 *		Answers for one user, one course or one visitor.
 *
 * recommend: the cached model, the user's ratings of this moment, score, mask,
 * the n best, their titles.  A course that is no longer offered is found out
 * only when its title is looked up; then the ranking is continued, so that
 * there are n rows whenever n courses can be recommended.
 */
#include "postgres.h"

#include <math.h>

#include "executor/spi.h"
#include "utils/builtins.h"

#include "core/latent.h"
#include "core/parts.h"
#include "pg/env_pg.h"
#include "pg/history.h"
#include "pg/serving.h"
#include "pg/titles.h"

#define RULE_REASONS 4096		/* rules that explain one course, at first */

/* Are two names the same, or both not there? */
static bool
same_name(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Do two datasets know users by the same attributes? */
static bool
same_attributes(const Dataset *a, const Dataset *b)
{
	if (!same_name(a->users_key, b->users_key) || a->n_features != b->n_features)
		return false;
	for (int i = 0; i < a->n_features; i++)
		if (strcmp(a->feature_columns[i], b->feature_columns[i]) != 0)
			return false;
	return true;
}

/*
 * A dataset may get other tables while models use it, but what a model knows of
 * keys, ratings and attributes must still mean the same.
 */
static void
check_unchanged(const Serving *serving)
{
	const Dataset *now = serving->dataset;
	const Dataset *then = serving->model->source;

	if ((now->courses == NULL || then->courses == NULL ||
		 same_name(now->courses_key, then->courses_key)) &&
		(now->rating_column == NULL) == (then->rating_column == NULL) &&
		(!(serving->rec->needs & NEEDS_GROUPS) || same_attributes(now, then)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("dataset \"%s\" has changed since model \"%s\" was trained", now->name,
					serving->model->name),
			 errdetail("It has another key, another kind of ratings or other attributes of users."),
			 errhint("Train the model again.")));
}

/*
 * A model with its dataset, both pinned.  The caller must be able to read what
 * the model was trained on and, if that is something else, what the dataset
 * names now.
 */
Serving
serving_open(const char *model)
{
	Serving		serving;

	serving.model = model_open_cached(model, CurrentMemoryContext);
	serving.rec = &serving.model->rec;
	serving.dataset = dataset_open(serving.model->dataset, CurrentMemoryContext);
	dataset_check_select(serving.model->source);
	dataset_check_select(serving.dataset);
	check_unchanged(&serving);
	return serving;
}

/* Raises `method ... cannot ...` with the methods that can. */
void
raise_cannot(const Serving *serving, const char *what, bool (*can) (const Method *method))
{
	char		names[512];

	method_names(names, sizeof(names), can);
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("model \"%s\" of method \"%s\" cannot %s", serving->model->name,
					serving->rec->method->name, what),
			 errhint("Methods that can are %s.", names)));
}

/* The text of the column source; a combination names the part that a scored row comes from. */
const char *
row_source(const Serving *serving, bool scored, int source)
{
	const Method *method = serving->rec->method;

	if (scored && method->source_name != NULL)
		return method->source_name(serving->rec, source);
	return scored && method->personal ? serving->model->name : SOURCE_POPULAR;
}

/* Marks courses by id; ids that the model does not know are passed over. */
static void
mark(const Serving *serving, uint8_t *allowed, char **ids, int n, uint8_t value)
{
	for (int i = 0; i < n; i++)
	{
		int32_t		course = find_course(serving->dataset, serving->rec, ids[i]);

		if (course != IDMAP_NONE)
			allowed[course] = value;
	}
}

/* Which courses may be recommended; NULL when all may. */
static uint8_t *
allowed_courses(const Serving *serving, const History *history, const Selection *selection)
{
	const Recommender *rec = serving->rec;
	uint8_t    *allowed;

	if (selection->candidates == NULL && selection->n_exclude == 0 &&
		(!selection->exclude_seen || history->n == 0))
		return NULL;
	allowed = palloc(rec->n_courses + 1);
	memset(allowed, selection->candidates == NULL, rec->n_courses);
	mark(serving, allowed, selection->candidates, selection->n_candidates, 1);
	mark(serving, allowed, selection->exclude, selection->n_exclude, 0);
	if (selection->exclude_seen)
		for (int i = 0; i < history->n; i++)
			allowed[history->courses[i]] = 0;
	return allowed;
}

/* The id of a course as text. */
Datum
course_id_datum(const Recommender *rec, int32_t course)
{
	int32_t		length;
	const char *id = strings_get(&rec->course_ids, course, &length);

	return PointerGetDatum(cstring_to_text_with_len(id, length));
}

/* A course as a row; score: as it is shown, or NO_OPINION. */
static void
add_recommendation(Call *call, const Serving *serving, int rank, const Ranked *row, float score,
				   const char *title)
{
	bool		scored = score != NO_OPINION;
	bool		nulls[] = {false, false, title == NULL, !scored, false};
	Datum		values[] = {
		Int32GetDatum(rank), course_id_datum(serving->rec, row->course),
		title ? CStringGetTextDatum(title) : (Datum) 0,
		scored ? score_datum(score) : (Datum) 0,
		CStringGetTextDatum(row_source(serving, scored, row->source))
	};

	call_row(call, values, nulls);
}

/*
 * The options->n best courses among those that are offered now, with their titles: ranks on until there
 * are that many or no course is left; sources: of a combination, else NULL.  Returns how many there are.
 */
static int
collect_best(const Serving *serving, const float *scores, const uint8_t *sources,
			 RankOptions options, Titles *titles, Ranked *best)
{
	const Recommender *rec = serving->rec;
	int			wanted = options.n;
	int			looked_at = 0,
				n_best = 0;

	for (; n_best < wanted; options.n = Min(options.n * 2 + 16, rec->n_courses))
	{
		TopkItem   *heap = palloc(sizeof(TopkItem) * options.n);
		Ranked	   *ranked = palloc(sizeof(Ranked) * options.n);
		int32_t    *courses = palloc(sizeof(int32_t) * options.n);
		int			n = recommender_rank(rec, scores, &options, heap, ranked);

		for (int i = looked_at; i < n; i++)
		{
			courses[i] = ranked[i].course;
			ranked[i].source = sources ? sources[ranked[i].course] : 0;
		}
		if (n > looked_at)
			titles_fetch(titles, serving->dataset, rec, courses + looked_at, n - looked_at);
		for (int i = looked_at; i < n && n_best < wanted; i++)
			if (titles->available[ranked[i].course])
				best[n_best++] = ranked[i];
		looked_at = n;
		if (n < options.n || options.n == rec->n_courses)
			break;
	}
	return n_best;
}

/*
 * Ranks what is offered now, and emits the rows that the options ask for.  room: NULL without diversity; its
 * scores may be the same array, for these have been used when it is.
 */
static void
emit_best(Call *call, const Serving *serving, const float *scores, const uint8_t *sources,
		  RankOptions options, const AnswerOptions *answer, const DiversityRoom *room)
{
	const Recommender *rec = serving->rec;
	Titles	   *titles = titles_new(rec);
	Ranked	   *rows;
	int			n;

	options.n = answer_candidates(answer, rec->n_courses);
	rows = palloc(sizeof(Ranked) * options.n);
	n = collect_best(serving, scores, sources, options, titles, rows);
	n = answer_finish(answer, room, n, rows);
	if (room)
		env_check(room->stop->env, room->stop->env->status);
	for (int i = 0; i < n; i++)
		add_recommendation(call, serving, i + 1, &rows[i], answer_score(answer, rows, i),
						   titles->titles[rows[i].course]);
}

/* Raises for a model of a method that can compare courses, but not so trained. */
static _Noreturn void
raise_user_based(const Serving *serving)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("model \"%s\" cannot compare courses", serving->model->name),
			 errdetail("It was trained with \"user_based\"."),
			 errhint("Train a model of method \"%s\" without it.", serving->rec->method->name)));
}

/* What sees that a query is cancelled. */
static ParallelStop *
poll_interrupts(void)
{
	ParallelStop *stop = palloc0(sizeof(ParallelStop));

	stop->env = palloc(sizeof(Env));
	env_for_context(stop->env, CurrentMemoryContext);
	return stop;
}

/* What an answer needs of a thread. */
DiversityRoom *
answer_room(const Serving *serving, const AnswerOptions *options, void *scratch, float *scores)
{
	const Recommender *rec = serving->rec;
	DiversityRoom *room;

	if (options->diversity <= 0)
		return NULL;
	if (!diversity_possible(rec->method))
		raise_cannot(serving, "compare courses for option \"diversity\"", diversity_possible);
	room = palloc(sizeof(DiversityRoom));
	*room = (DiversityRoom) {
		.rec = rec, .source = diversity_source(rec, scratch, scores),
		.items = palloc(sizeof(DiversityItem) * answer_items(options, rec->n_courses)),
		.scratch = scratch, .scores = scores, .stop = poll_interrupts()
	};
	if (room->source == DIVERSITY_NONE)
		raise_user_based(serving);
	return room;
}

/* Scores a history and emits the best courses. */
static void
recommend(Call *call, const Serving *serving, const History *history, const Selection *selection)
{
	const Recommender *rec = serving->rec;
	const CommonParams *common = rec->params;
	ScoreRoom  *room = score_room(serving->model, call->context);
	RankOptions options = {
		.threshold = (float) selection->threshold,
		.fill = common->cold_start == COLD_START_POPULAR && answer_may_fill(&selection->answer),
		.allowed = allowed_courses(serving, history, selection)
	};
	DiversityRoom *choice = answer_room(serving, &selection->answer, room->scratch, room->scores);
	uint8_t    *sources = NULL;

	if (rec->method->score_sources)
	{
		sources = palloc0(rec->n_courses);
		rec->method->score_sources(rec, history, room->scratch, room->scores, sources);
	}
	else
		rec->method->score(rec, history, room->scratch, room->scores);
	emit_best(call, serving, room->scores, sources, options, &selection->answer, choice);
}

/* Rows of recommend_courses. */
void
recommend_rows(Call *call, const char *model, const UserArg *user, const Selection *selection)
{
	Serving		serving = serving_open(model);
	OwnHistory *history;

	SPI_connect();
	history = history_fetch(serving.dataset, serving.rec, user);
	recommend(call, &serving, &history->h, selection);
	SPI_finish();
}

/* Rows of recommend_for. */
void
recommend_visitor_rows(Call *call, const char *model, char **courses, int n_courses,
					   const double *ratings, const Selection *selection)
{
	Serving		serving = serving_open(model);
	OwnHistory *history = history_of_courses(serving.dataset, serving.rec, courses, n_courses,
											 ratings);

	SPI_connect();
	recommend(call, &serving, &history->h, selection);
	SPI_finish();
}

/* Can it compare courses? */
static bool
can_similar(const Method *method)
{
	return method->similar != NULL;
}

/* The measure of that name. */
static LatentMeasure
parse_measure(const char *name)
{
	if (strcmp(name, "cosine") == 0)
		return LATENT_COSINE;
	if (strcmp(name, "dot") == 0)
		return LATENT_DOT;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized measure: \"%s\"", name),
			 errhint("Valid measures are \"cosine\", \"dot\", and NULL for that of the method.")));
}

/* Some models of a method with factors have none. */
void
check_factors(const Serving *serving, const char *what)
{
	if (!method_has_factors(serving->rec->method))
		raise_cannot(serving, what, method_has_factors);
	if (!model_has_factors(serving->rec))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" of method \"%s\" cannot %s", serving->model->name,
						serving->rec->method->name, what),
				 errdetail("With these parameters its scores are no products of factors of users and courses."),
				 errhint("Train it with another \"arch\".")));
}

/* Raises unless the model can compare courses by the measure. */
static void
check_comparable(const Serving *serving, const char *measure)
{
	const Method *method = serving->rec->method;

	if (measure == NULL)
	{
		if (method->similar == NULL)
			raise_cannot(serving, "compare courses", can_similar);
		return;
	}
	(void) parse_measure(measure);
	check_factors(serving, "compare courses by their factors");
}

/* Similarity of all courses to one: of their factors by a measure, or (NULL) the method's own. */
static void
compare_courses(const Serving *serving, int32_t course, const char *measure, ScoreRoom *room)
{
	const Recommender *rec = serving->rec;

	if (measure != NULL)
		latent_similar(rec, course, parse_measure(measure), room->scores);
	else if (!rec->method->similar(rec, course, room->scratch, room->scores))
		raise_user_based(serving);
}

/* Rows of similar_courses. */
void
similar_course_rows(Call *call, const char *model, const char *course_id, int n,
					const char *measure)
{
	Serving		serving = serving_open(model);
	const Recommender *rec = serving.rec;
	int32_t		course = find_course(serving.dataset, rec, course_id);
	ScoreRoom  *room = score_room(serving.model, call->context);
	RankOptions options = {.threshold = NAN, .fill = false};
	AnswerOptions answer = ANSWER_RAW(n);
	uint8_t    *allowed;

	check_comparable(&serving, measure);
	if (course == IDMAP_NONE)
		return;
	compare_courses(&serving, course, measure, room);
	allowed = palloc(rec->n_courses);
	memset(allowed, 1, rec->n_courses);
	allowed[course] = 0;
	options.allowed = allowed;
	SPI_connect();
	if (titles_available(serving.dataset, rec, course))
		emit_best(call, &serving, room->scores, NULL, options, &answer, NULL);
	SPI_finish();
}

/* Can it estimate ratings?  Of a combination, it depends on the parts. */
static bool
can_predict(const Method *method)
{
	return method->predict != NULL && !method_combines(method);
}

/* predict_rating: from the user's other ratings. */
double
predict_for(const char *model, const UserArg *user, const char *course_id)
{
	Serving		serving = serving_open(model);
	const Recommender *rec = serving.rec;
	ScoreRoom  *room = score_room(serving.model, CurrentMemoryContext);
	int32_t		course = find_course(serving.dataset, rec, course_id);
	OwnHistory *history;
	double		rating;

	if (!rec->predicts)
		raise_cannot(&serving, "predict ratings", can_predict);
	SPI_connect();
	history = history_fetch(serving.dataset, rec, user);
	history_remove(history, course);
	rating = recommender_predict(rec, &history->h, course, room->scratch);
	SPI_finish();
	return rating;
}

/* Can it explain? */
static bool
can_explain(const Method *method)
{
	return method->explain != NULL;
}

/* The largest weight first; ties by what it is. */
static int
compare_reasons(const void *a, const void *b)
{
	const Reason *x = a;
	const Reason *y = b;

	if (fabsf(x->weight) != fabsf(y->weight))
		return fabsf(x->weight) > fabsf(y->weight) ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

/* Text of a string of the model. */
static Datum
string_datum(const StringTable *table, int32_t i)
{
	int32_t		length;
	const char *bytes = strings_get(table, i, &length);

	return PointerGetDatum(cstring_to_text_with_len(bytes, length));
}

/* A rule as text: "A, B -> C". */
static Datum
rule_datum(const Recommender *rec, int32_t index)
{
	StringInfoData text;
	ReasonRule	rule;
	int32_t		length;
	const char *id;

	if (!rec->method->rule(rec, index, &rule))
		elog(ERROR, "model has no rule %d", index);
	initStringInfo(&text);
	for (int32_t i = 0; i < rule.n_antecedents; i++)
	{
		id = strings_get(&rec->course_ids, rule.antecedents[i], &length);
		appendStringInfo(&text, "%s%.*s", i > 0 ? ", " : "", length, id);
	}
	id = strings_get(&rec->course_ids, rule.consequent, &length);
	appendStringInfo(&text, " -> %.*s", length, id);
	return CStringGetTextDatum(text.data);
}

/* One reason. */
static void
add_reason(Call *call, const Recommender *rec, const Reason *reason, const Titles *titles)
{
	static const char *const kinds[] = {
		[REASON_COURSE] = "course", [REASON_GENRE] = "genre", [REASON_GROUP] = "cluster",
		[REASON_CLUSTER] = "cluster",
		[REASON_POPULARITY] = "popularity", [REASON_RULE] = "rule", [REASON_PART] = "model"
	};
	const char *title = reason->kind == REASON_COURSE ? titles->titles[reason->index] : NULL;
	bool		nulls[] = {false, title == NULL, false, false};
	Datum		values[4];

	switch (reason->kind)
	{
		case REASON_COURSE:
			values[0] = course_id_datum(rec, reason->index);
			break;
		case REASON_GENRE:
			values[0] = string_datum(&rec->genre_names, reason->index);
			break;
		case REASON_GROUP:
			values[0] = string_datum(&rec->groups, reason->index);
			break;
		case REASON_CLUSTER:
			values[0] = CStringGetTextDatum(psprintf("%d", reason->index + 1));
			break;
		case REASON_POPULARITY:
			values[0] = CStringGetTextDatum("popularity");
			break;
		case REASON_RULE:
			values[0] = rule_datum(rec, reason->index);
			break;
		case REASON_PART:
			values[0] = CStringGetTextDatum(rec->method->source_name(rec, reason->index));
			break;
	}
	values[1] = title ? CStringGetTextDatum(title) : (Datum) 0;
	values[2] = CStringGetTextDatum(kinds[reason->kind]);
	values[3] = score_datum(reason->weight);
	call_row(call, values, nulls);
}

/* Courses rated zero or less are no reason to take another one. */
static int
drop_disliked(const History *history, Reason *reasons, int n)
{
	int			kept = 0;

	for (int i = 0; i < n; i++)
	{
		bool		disliked = false;

		for (int h = 0; h < history->n && reasons[i].kind == REASON_COURSE; h++)
			disliked |= history->courses[h] == reasons[i].index && history->ratings[h] <= 0;
		if (!disliked)
			reasons[kept++] = reasons[i];
	}
	return kept;
}

/* Titles of the courses among the reasons; also of those no longer offered if they can be read. */
static Titles *
reason_titles(const Serving *serving, const Reason *reasons, int n)
{
	Titles	   *titles = titles_new(serving->rec);
	int32_t    *courses = palloc(sizeof(int32_t) * (n + 1));
	int			n_courses = 0;

	for (int i = 0; i < n; i++)
		if (reasons[i].kind == REASON_COURSE)
			courses[n_courses++] = reasons[i].index;
	if (n_courses > 0)
		titles_fetch(titles, serving->dataset, serving->rec, courses, n_courses);
	return titles;
}

/*
 * All reasons of the method for a course: courses of the history and genres, the same for two parts of a
 * combination, and as many rules as there may be.
 */
static int
method_reasons(const Recommender *rec, const History *history, int32_t course, void *scratch,
			   Reason **reasons)
{
	int			max = 2 * (history->n + rec->genre_names.n) + RULE_REASONS;
	int			n;

	for (;; max *= 2)
	{
		*reasons = palloc(sizeof(Reason) * max);
		n = rec->method->explain(rec, history, course, scratch, *reasons, max);
		if (n < max)
			return n;
		pfree(*reasons);
	}
}

/* The reasons of the method, or, where it has no opinion, the course's popularity. */
static int
collect_reasons(const Serving *serving, const History *history, int32_t course, void *scratch,
				Reason **reasons)
{
	const Recommender *rec = serving->rec;
	int			n = method_reasons(rec, history, course, scratch, reasons);

	n = drop_disliked(history, *reasons, n);
	if (n == 0 && rec->course_counts[course] > 0)
		(*reasons)[n++] = (Reason) {REASON_POPULARITY, 0, rec->course_counts[course]};
	qsort(*reasons, n, sizeof(Reason), compare_reasons);
	return n;
}

/* Emits why a course that is offered has its score, from the user's other ratings. */
static void
explain(Call *call, const Serving *serving, const UserArg *user, int32_t course)
{
	const Recommender *rec = serving->rec;
	ScoreRoom  *room = score_room(serving->model, call->context);
	OwnHistory *history = history_fetch(serving->dataset, rec, user);
	Reason	   *reasons;
	Titles	   *titles;
	int			n;

	history_remove(history, course);
	n = collect_reasons(serving, &history->h, course, room->scratch, &reasons);
	titles = reason_titles(serving, reasons, n);
	for (int i = 0; i < n; i++)
		add_reason(call, rec, &reasons[i], titles);
}

/* Rows of explain_recommendation; none for a course that is not offered. */
void
explain_rows(Call *call, const char *model, const UserArg *user, const char *course_id)
{
	Serving		serving = serving_open(model);
	const Recommender *rec = serving.rec;
	int32_t		course = find_course(serving.dataset, rec, course_id);

	if (rec->method->explain == NULL)
		raise_cannot(&serving, "explain", can_explain);
	SPI_connect();
	if (titles_available(serving.dataset, rec, course))
		explain(call, &serving, user, course);
	SPI_finish();
}
