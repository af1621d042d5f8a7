/*
 * association_rules.c
 *		Rules "who has A and B takes C", read off what users have together.
 *
 * Training finds the frequent sets of courses that users rated above 0 (FP-Growth,
 * see rules/itemsets.h) and keeps the rules with one consequent whose confidence
 * is at least min_confidence and whose metric, value(rule), is above 0:
 *
 *		score(c) = max		value(rule)		over the rules A -> c whose antecedents A the user
 *				   sum							has all rated above 0
 *		similar  = lift of the rule a -> b or b -> a, which is the same both ways
 *
 * With half_life the value of a rule counts as much as the oldest of its
 * antecedents; all ratings count alike in training.
 *
 * Agrawal, Srikant, "Fast algorithms for mining association rules" (1994); Han,
 * Pei, Yin, "Mining frequent patterns without candidate generation" (2000).
 *
 * Memory to train: 28 bytes a rating, 24 bytes or more a frequent set, of which there
 * is no telling before, and up to 60 a rule.  The model has 16 bytes a rule, 4 more for
 * each antecedent beyond one, of at most max_rules rules: of those with the highest
 * values, ties by the support of the rule.  A call reads the rules whose first
 * antecedent the user has; similar reads all.
 */
#include <float.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "core/countsort.h"
#include "core/methods/methods.h"
#include "core/methods/support.h"
#include "core/rules/rules.h"
#include "core/topk.h"

#define NO_COURSE (-1)			/* in a row of antecedents: there are no more */

/* Values of the parameter "aggregate", in the order of its choices. */
typedef enum RuleAggregate
{
	AGGREGATE_MAX,
	AGGREGATE_SUM
} RuleAggregate;

typedef struct RulesParams
{
	CommonParams common;
	double		min_support;
	double		min_confidence;
	int64_t		max_len;
	int			metric;			/* position in metrics */
	int			aggregate;		/* RuleAggregate */
	int64_t		max_rules;
} RulesParams;

typedef struct RulesState
{
	int32_t		n_rules;
	int32_t		width;			/* antecedents of a rule, at most */
	const int32_t *antecedents; /* n_rules x width: courses, ascending, then NO_COURSE */
	const int32_t *consequents; /* per rule */
	const float *values;		/* per rule: its metric, above 0 */
	const float *lifts;			/* per rule */
	const int64_t *first_rules; /* of course c as first antecedent: from [c] to [c + 1] - 1 */
} RulesState;

/* The choices of "metric".  Conviction, which may be infinite, would order as certainty does. */
static const Measure metrics[] = {MEASURE_CONFIDENCE, MEASURE_LIFT, MEASURE_LEVERAGE, MEASURE_ZHANG,
MEASURE_JACCARD, MEASURE_CERTAINTY, MEASURE_KULCZYNSKI};

static const ParamDef rules_params[] = {
	{.name = "min_support", .type = PARAM_FLOAT, .offset = offsetof(RulesParams, min_support),
		.default_text = "0.01", .min = 1e-9, .max = 1,
		.description = "Least share of the users who have all courses of a rule."},
	{.name = "min_confidence", .aliases = "min_threshold", .type = PARAM_FLOAT,
		.offset = offsetof(RulesParams, min_confidence), .default_text = "0.1", .min = 0, .max = 1,
		.description = "Least share of the users with the antecedents who have the consequent, too."},
	{.name = "max_len", .type = PARAM_INT, .offset = offsetof(RulesParams, max_len),
		.default_text = "2", .min = 2, .max = 8,
		.description = "Most courses of a rule, with its consequent."},
	{.name = "metric", .type = PARAM_CHOICE, .offset = offsetof(RulesParams, metric),
		.default_text = "confidence",
		.choices = "confidence lift leverage zhangs_metric jaccard certainty kulczynski",
		.description = "What a rule is worth."},
	{.name = "aggregate", .type = PARAM_CHOICE, .offset = offsetof(RulesParams, aggregate),
		.default_text = "max", .choices = "max sum",
		.description = "Score from the rules that lead to a course: the best one, or all added up."},
	{.name = "max_rules", .type = PARAM_INT, .offset = offsetof(RulesParams, max_rules),
		.default_text = "1000000", .min = 1, .max = 1e8,
		.description = "Most rules that are kept: those of the highest metric."},
};

/* ---------------------------------------------------------------- training */

/* One training run. */
typedef struct Fit
{
	const RulesParams *params;
	int32_t		width;			/* antecedents of a rule, at most */
	Topk		best;			/* index: a row below */
	int64_t		items_room;
	int32_t    *rows;			/* antecedents, then the consequent: width + 1 courses a rule */
	int64_t		rows_room;		/* courses */
	float	   *lifts;			/* per row */
	int64_t		lifts_room;
	int32_t		n_offered;
} Fit;

/*
 * Frequent sets of k courses, about: were all users alike, each would hold C(courses a user, k)
 * sets, of which 1 / min_support fit in; as courses are not alike, every course more halves that.
 */
static double
expected_sets(const Shape *shape, const RulesParams *params, int k)
{
	double		n_users = shape->n_users > 0 ? (double) shape->n_users : 1;
	double		per_user = (double) shape->n_ratings / n_users;
	double		of_user = 1;
	double		of_courses = 1;

	for (int i = 0; i < k; i++)
	{
		of_user *= fmax(per_user - i, 0) / (i + 1) * (i > 0 ? 0.5 : 1);
		of_courses *= fmax((double) shape->n_courses - i, 0) / (i + 1);
	}
	return fmin(of_courses, of_user / params->min_support);
}

/* The most of mining, finding rules, and writing them; the number of frequent sets is a guess. */
static void
rules_estimate(const Shape *shape, const void *params_in, Estimate *estimate)
{
	const RulesParams *params = params_in;
	double		n_ratings = (double) shape->n_ratings;
	double		n_courses = (double) shape->n_courses;
	double		width = (double) (params->max_len - 1);
	double		set_bytes = 4 * (double) ITEMSET_BLOCK;
	double		n_sets = 0;
	double		n_rules = 0;
	double		mining;
	double		finding;
	double		writing;

	for (int k = 1; k <= params->max_len; k++)
	{
		double		n = expected_sets(shape, params, k);

		n_sets += n;
		n_rules += k > 1 ? k * n : 0;
		set_bytes += 4 * k * n;
	}
	n_rules = fmin(n_rules, (double) params->max_rules);
	estimate->model_bytes = n_rules * (12 + 4 * width) + 8 * n_courses;
	mining = 28 * n_ratings + 8 * (double) shape->n_users + 12 * n_courses + 32 * n_sets + set_bytes;
	finding = 24 * n_sets + set_bytes + 1.5 * n_rules * (20 + 4 * width);
	writing = n_rules * (44 + 8 * width) + 16 * n_courses;
	estimate->bytes = fmax(mining, fmax(finding, writing));
	estimate->seconds = 150e-9 * n_ratings + 1e-6 * n_sets + 500e-9 * n_rules;
}

/* Makes room for one row more. */
static RecsysStatus
grow_rows(Env *env, Fit *fit)
{
	int64_t		n = (int64_t) fit->best.n + 1;

	fit->best.items = itemsets_grow(env, fit->best.items, &fit->items_room, n, sizeof(TopkItem));
	fit->rows = itemsets_grow(env, fit->rows, &fit->rows_room, n * (fit->width + 1), sizeof(int32_t));
	fit->lifts = itemsets_grow(env, fit->lifts, &fit->lifts_room, n, sizeof(float));
	if (fit->best.items == NULL || fit->rows == NULL || fit->lifts == NULL)
		return env->status;
	return RECSYS_OK;
}

/* Keeps a rule if it is one of the best so far. */
static RecsysStatus
keep_rule(Env *env, void *arg, const Rule *rule)
{
	Fit		   *fit = arg;
	TopkItem	item = {.score = (float) rule_measure(metrics[fit->params->metric], &rule->counts),
	.rank = fit->n_offered};
	int32_t    *row;

	if (!(item.score > 0))
		return RECSYS_OK;
	fit->n_offered += fit->n_offered < INT32_MAX;
	if (fit->best.n == fit->best.k && !topk_better(item, fit->best.items[0]))
		return RECSYS_OK;
	item.index = fit->best.n;
	if (fit->best.n == fit->best.k)
		item.index = fit->best.items[0].index;
	else
		TRY(grow_rows(env, fit));
	row = fit->rows + (int64_t) item.index * (fit->width + 1);
	for (int32_t i = 0; i < fit->width; i++)
		row[i] = i < rule->n_antecedents ? rule->antecedents[i] : NO_COURSE;
	row[fit->width] = rule->consequents[0];
	fit->lifts[item.index] = (float) rule_measure(MEASURE_LIFT, &rule->counts);
	topk_offer(&fit->best, item.score, item.rank, item.index);
	return RECSYS_OK;
}

/* Finds the rules. */
static RecsysStatus
find_rules(Env *env, const TrainingSet *set, Fit *fit)
{
	ItemsetOptions options = {.min_support = fit->params->min_support,
		.max_len = (int32_t) fit->params->max_len,.liked = true};
	RuleOptions wanted = {.metric = MEASURE_CONFIDENCE,.min_threshold = fit->params->min_confidence,
	.max_consequents = 1};
	Itemsets	itemsets;

	TRY(itemsets_mine(env, set, &options, fpgrowth, &itemsets));
	for (int64_t i = 0; i < itemsets.n; i++)
		if (itemsets.sets[i].n - 1 > fit->width)
			fit->width = itemsets.sets[i].n - 1;
	env_loss(env, 1, "item sets", (double) itemsets.n);
	topk_init(&fit->best, NULL, (int) fit->params->max_rules);
	TRY(itemsets_index(env, &itemsets));
	TRY(rules_generate(env, &itemsets, &wanted, keep_rule, fit));
	itemsets_free(env, &itemsets);
	env_loss(env, 1, "rules", fit->best.n);
	return RECSYS_OK;
}

/* Sorting rules by one column of their rows. */
typedef struct RuleSort
{
	const Fit  *fit;
	int32_t		column;
	const int32_t *from;		/* rules */
	int32_t    *to;
} RuleSort;

/* What a rule is sorted by: shorter rules come first. */
static inline int32_t
sort_key(const RuleSort *sort, int64_t i)
{
	return sort->fit->rows[(int64_t) sort->from[i] * (sort->fit->width + 1) + sort->column] + 1;
}

/* For countsort. */
static void
count_rules(void *arg, int64_t begin, int64_t end, int64_t *counts)
{
	const RuleSort *sort = arg;

	for (int64_t i = begin; i < end; i++)
		counts[sort_key(sort, i)]++;
}

/* For countsort. */
static void
place_rules(void *arg, int64_t begin, int64_t end, int64_t *next)
{
	const RuleSort *sort = arg;

	for (int64_t i = begin; i < end; i++)
		sort->to[next[sort_key(sort, i)]++] = sort->from[i];
}

/*
 * The rules in the order of their antecedents, then of their consequents: column after column, from
 * the last one.  first_rules gets where the rules of each first antecedent begin.
 */
static RecsysStatus
sort_rules(Env *env, const Fit *fit, int32_t n_courses, int32_t **order, int64_t *first_rules)
{
	int32_t    *from = env_alloc(env, (size_t) fit->best.n, sizeof(int32_t));
	int32_t    *to = env_alloc(env, (size_t) fit->best.n, sizeof(int32_t));
	int64_t    *offsets = env_alloc(env, (size_t) n_courses + 2, sizeof(int64_t));

	if (from == NULL || to == NULL || offsets == NULL)
		return env->status;
	for (int32_t r = 0; r < fit->best.n; r++)
		from[r] = r;
	for (int32_t column = fit->width; column >= 0; column--)
	{
		RuleSort	rules = {fit, column, from, to};
		CountSort	sort = {fit->best.n, n_courses + 1, count_rules, place_rules, &rules};
		int32_t    *sorted = to;

		TRY(countsort(env, &sort, offsets));
		to = from;
		from = sorted;
	}
	memcpy(first_rules, offsets + 1, ((size_t) n_courses + 1) * sizeof(int64_t));
	*order = from;
	env_free(env, to);
	env_free(env, offsets);
	return RECSYS_OK;
}

/* The rules' columns in their order. */
typedef struct Columns
{
	int32_t    *antecedents;
	int32_t    *consequents;
	float	   *values;
	float	   *lifts;
	int64_t    *first_rules;
} Columns;

/* Room for them. */
static RecsysStatus
allocate_columns(Env *env, const Fit *fit, int32_t n_courses, Columns *columns)
{
	size_t		n = (size_t) fit->best.n;

	columns->antecedents = env_alloc(env, n * (size_t) fit->width, sizeof(int32_t));
	columns->consequents = env_alloc(env, n, sizeof(int32_t));
	columns->values = env_alloc(env, n, sizeof(float));
	columns->lifts = env_alloc(env, n, sizeof(float));
	columns->first_rules = env_alloc(env, (size_t) n_courses + 1, sizeof(int64_t));
	if (columns->antecedents == NULL || columns->consequents == NULL || columns->values == NULL ||
		columns->lifts == NULL || columns->first_rules == NULL)
		return env->status;
	return RECSYS_OK;
}

/* Writes the rules in their order. */
static RecsysStatus
fill_columns(Env *env, const Fit *fit, int32_t n_courses, Columns *columns)
{
	int32_t    *order = NULL;
	float	   *by_row = env_alloc(env, (size_t) fit->best.n, sizeof(float));

	if (by_row == NULL)
		return env->status;
	TRY(sort_rules(env, fit, n_courses, &order, columns->first_rules));
	for (int32_t i = 0; i < fit->best.n; i++)
		by_row[fit->best.items[i].index] = fit->best.items[i].score;
	for (int64_t r = 0; r < fit->best.n; r++)
	{
		const int32_t *row = fit->rows + (int64_t) order[r] * (fit->width + 1);

		if (r % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		memcpy(columns->antecedents + r * fit->width, row, (size_t) fit->width * sizeof(int32_t));
		columns->consequents[r] = row[fit->width];
		columns->values[r] = by_row[order[r]];
		columns->lifts[r] = fit->lifts[order[r]];
	}
	env_free(env, by_row);
	env_free(env, order);
	return RECSYS_OK;
}

/* Puts the rules. */
static RecsysStatus
put_rules(Env *env, Fit *fit, int32_t n_courses, ModelWriter *writer)
{
	Columns		columns;
	int64_t		n = fit->best.n;

	TRY(allocate_columns(env, fit, n_courses, &columns));
	TRY(fill_columns(env, fit, n_courses, &columns));
	env_free(env, fit->best.items);
	env_free(env, fit->rows);
	env_free(env, fit->lifts);
	TRY(model_put(env, writer, "antecedents", SECTION_INT32, n, fit->width, columns.antecedents));
	TRY(model_put(env, writer, "consequents", SECTION_INT32, n, 1, columns.consequents));
	TRY(model_put(env, writer, "values", SECTION_FLOAT, n, 1, columns.values));
	TRY(model_put(env, writer, "lifts", SECTION_FLOAT, n, 1, columns.lifts));
	return model_put(env, writer, "first_rules", SECTION_INT64, (int64_t) n_courses + 1, 1,
					 columns.first_rules);
}

/* Item sets, rules, model. */
static RecsysStatus
rules_fit(Env *env, const TrainingSet *set, const void *params, ModelWriter *writer)
{
	Fit			fit = {.params = params,.width = 1};

	TRY(find_rules(env, set, &fit));
	if (fit.best.n == 0)
		env_message(env, MESSAGE_WARNING,
					"no rule has the support %g and the confidence %g: there will be no personal answers",
					fit.params->min_support, fit.params->min_confidence);
	return put_rules(env, &fit, set->by_user.n_cols, writer);
}

/* ---------------------------------------------------------------- opening */

/* Are the antecedents of a rule courses, ascending, the first one this, without the consequent? */
static bool
rule_is_sane(const RulesState *state, int32_t n_courses, int32_t r, int32_t first)
{
	const int32_t *row = state->antecedents + (int64_t) r * state->width;
	int32_t		consequent = state->consequents[r];

	if (row[0] != first || consequent < 0 || consequent >= n_courses || consequent == first)
		return false;
	for (int32_t i = 1; i < state->width && row[i] != NO_COURSE; i++)
		if (row[i] <= row[i - 1] || row[i] >= n_courses || row[i] == consequent)
			return false;
	return isfinite(state->values[r]) && state->values[r] > 0 && isfinite(state->lifts[r]) &&
		state->lifts[r] > 0;
}

/* Checks everything that is used as an index, and that values are numbers. */
static RecsysStatus
check_rules(Env *env, const Recommender *rec)
{
	const RulesState *state = rec->state;

	if (state->first_rules[0] != 0 || state->first_rules[rec->n_courses] != state->n_rules)
		return model_damaged(env, "The rules do not begin or end where they should.");
	for (int32_t c = 0; c < rec->n_courses; c++)
	{
		if (state->first_rules[c] > state->first_rules[c + 1] ||
			state->first_rules[c + 1] > state->n_rules)
			return model_damaged(env, "The rules of a course are out of order.");
		for (int64_t r = state->first_rules[c]; r < state->first_rules[c + 1]; r++)
		{
			if (r % POLL_ENTRIES == 0 && env_interrupted(env))
				return env->status;
			if (!rule_is_sane(state, rec->n_courses, (int32_t) r, c))
				return model_damaged(env, "A rule is invalid.");
		}
	}
	return RECSYS_OK;
}

/* Finds the rules. */
static RecsysStatus
rules_open(Env *env, Recommender *rec)
{
	RulesState *state = rec->state;
	int64_t		n = -1;
	int64_t		width = -1;
	int64_t		one = 1;
	int64_t		n_firsts = (int64_t) rec->n_courses + 1;
	const void *antecedents;
	const void *consequents;
	const void *values;
	const void *lifts;
	const void *first_rules;

	TRY(model_get(env, &rec->model, "antecedents", SECTION_INT32, &n, &width, &antecedents));
	if (n > INT32_MAX || width < 1 || width > INT32_MAX)
		return model_damaged(env, "The rules have an impossible number of antecedents.");
	TRY(model_get(env, &rec->model, "consequents", SECTION_INT32, &n, &one, &consequents));
	TRY(model_get(env, &rec->model, "values", SECTION_FLOAT, &n, &one, &values));
	TRY(model_get(env, &rec->model, "lifts", SECTION_FLOAT, &n, &one, &lifts));
	TRY(model_get(env, &rec->model, "first_rules", SECTION_INT64, &n_firsts, &one, &first_rules));
	*state = (RulesState) {(int32_t) n, (int32_t) width, antecedents, consequents, values, lifts,
	first_rules};
	return check_rules(env, rec);
}

/* ---------------------------------------------------------------- serving */

/* A weight for each course. */
static size_t
rules_scratch_size(const Recommender *rec)
{
	return (size_t) rec->n_courses * sizeof(float);
}

/* Notes the weights of the courses that the user has; clear: back to zero. */
static void
note_history(const Recommender *rec, const History *history, bool clear, float *weights)
{
	for (int32_t h = 0; h < history->n; h++)
	{
		bool		liked = history->ratings[h] > 0;

		weights[history->courses[h]] = liked && !clear ? history_weight(rec, history, h) : 0;
	}
}

/* What a rule counts for the user: its value by the age of its antecedents; 0 when not all are there. */
static inline float
fired_value(const RulesState *state, const float *weights, int64_t r)
{
	const int32_t *row = state->antecedents + r * state->width;
	float		weight = weights[row[0]];

	for (int32_t i = 1; i < state->width && row[i] != NO_COURSE; i++)
		weight = fminf(weight, weights[row[i]]);
	return weight * state->values[r];
}

/* Fires the rules of every course that the user has. */
static void
rules_score(const Recommender *rec, const History *history, void *scratch, float *scores)
{
	const RulesParams *params = rec->params;
	const RulesState *state = rec->state;

	note_history(rec, history, false, scratch);
	memset(scores, 0, (size_t) rec->n_courses * sizeof(float));
	for (int32_t h = 0; h < history->n; h++)
	{
		int32_t		first = history->courses[h];

		if (((const float *) scratch)[first] == 0)
			continue;
		for (int64_t r = state->first_rules[first]; r < state->first_rules[first + 1]; r++)
		{
			float		value = fired_value(state, scratch, r);
			float	   *score = &scores[state->consequents[r]];

			*score = params->aggregate == AGGREGATE_SUM ? *score + value : fmaxf(*score, value);
		}
	}
	keep_positive_scores(rec->n_courses, scores);
	note_history(rec, history, true, scratch);
}

/* The lifts of the rules between two courses. */
static bool
rules_similar(const Recommender *rec, int32_t course, void *scratch, float *scores)
{
	const RulesState *state = rec->state;

	(void) scratch;
	for (int32_t c = 0; c < rec->n_courses; c++)
		scores[c] = NO_OPINION;
	for (int64_t r = 0; r < state->n_rules; r++)
	{
		const int32_t *row = state->antecedents + r * state->width;

		if (state->width > 1 && row[1] != NO_COURSE)
			continue;
		if (row[0] == course)
			scores[state->consequents[r]] = state->lifts[r];
		if (state->consequents[r] == course)
			scores[row[0]] = state->lifts[r];
	}
	return true;
}

/* Antecedents of a rule. */
static int32_t
count_antecedents(const RulesState *state, int64_t r)
{
	const int32_t *row = state->antecedents + r * state->width;
	int32_t		n = 0;

	while (n < state->width && row[n] != NO_COURSE)
		n++;
	return n;
}

/* The best rule, of equal ones the first with the fewest antecedents; or all. */
static int
rules_explain(const Recommender *rec, const History *history, int32_t course, void *scratch,
			  Reason *reasons, int max)
{
	const RulesParams *params = rec->params;
	const RulesState *state = rec->state;
	Reason		best = {REASON_RULE, -1, 0};
	int			n = 0;

	note_history(rec, history, false, scratch);
	for (int32_t h = 0; h < history->n; h++)
	{
		int32_t		first = history->courses[h];

		for (int64_t r = state->first_rules[first]; r < state->first_rules[first + 1]; r++)
		{
			Reason		reason = {REASON_RULE, (int32_t) r, 0};

			if (state->consequents[r] != course)
				continue;
			reason.weight = fired_value(state, scratch, r);
			if (params->aggregate == AGGREGATE_SUM)
				n = reason.weight > 0 ? add_reason(reasons, n, max, reason) : n;
			else if (reason.weight > best.weight ||
					 (reason.weight == best.weight && best.index >= 0 &&
					  count_antecedents(state, r) < count_antecedents(state, best.index)))
				best = reason;
		}
	}
	note_history(rec, history, true, scratch);
	if (best.index >= 0)
		n = add_reason(reasons, n, max, best);
	return n;
}

/* A rule of the model. */
static bool
rules_rule(const Recommender *rec, int32_t index, ReasonRule *rule)
{
	const RulesState *state = rec->state;

	if (index < 0 || index >= state->n_rules)
		return false;
	rule->n_antecedents = count_antecedents(state, index);
	rule->antecedents = state->antecedents + (int64_t) index * state->width;
	rule->consequent = state->consequents[index];
	return true;
}

const Method method_association_rules = {
	.name = "association_rules",
	.description = "Courses that rules lead to from the courses that the user took.",
	.objective = OBJECTIVE_RANKING,
	.params = {"association_rules", rules_params, N_PARAMS(rules_params), sizeof(RulesParams)},
	.personal = true,
	.state_size = sizeof(RulesState),
	.check = check_half_life,
	.estimate = rules_estimate,
	.fit = rules_fit,
	.open = rules_open,
	.scratch_size = rules_scratch_size,
	.score = rules_score,
	.similar = rules_similar,
	.explain = rules_explain,
	.rule = rules_rule,
};
