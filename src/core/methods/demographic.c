/*
 * demographic.c
 *		What people like the user take: popularity within a group of users.
 *
 * Users whose attributes are all equal (age band, country, role) form a group g.
 * A course is scored by the share of the group that took it, drawn to the share
 * p(c) of all users when the group is small:
 *
 *		score(c) = (n_gc + shrinkage p(c)) / (n_g + shrinkage)
 *
 * n_gc is the number of ratings of c by users of g, n_g the number of users of g,
 * p(c) = n_c / users.  This is the posterior mean of a binomial share under a
 * Beta prior with mean p(c) and the weight of `shrinkage` users.  With half_life
 * each rating counts by its age in n_gc and n_c.  A course that nobody took has no
 * score; nor has any course for a user of an unknown group.  The user's own
 * ratings do not matter, only the attributes.
 *
 * Cost: two passes over the ratings, 15 to 30 ns a rating (60 with half_life).  The model has 8
 * bytes for each pair of a group and a course taken in it, 12 a group, 4 a course;
 * training takes 24 bytes a group more.  A call is one pass over the courses.
 *
 * When to use: users without a history whose attributes are known.
 */
#include "core/methods/methods.h"
#include "core/methods/support.h"

typedef struct DemographicParams
{
	CommonParams common;
	double		shrinkage;
} DemographicParams;

typedef struct DemographicState
{
	Csr			counts;			/* groups x courses: n_gc */
	const int32_t *group_users; /* n_g of each group */
	const float *shares;		/* p(c) of each course */
} DemographicState;

/* Counts the groups of one course after the other. */
typedef struct GroupCounter
{
	const TrainingSet *set;
	double		half_life;
	double	   *group_weight;	/* per group: sum of weights in the course */
	int32_t    *last_course;	/* per group: the last course it was met in, or -1 */
	int32_t    *touched;		/* groups met in the course, in order of appearance */
	int32_t		n_touched;
	double		course_weight;	/* sum of weights of all users, with or without a group */
} GroupCounter;

static const ParamDef demographic_params[] = {
	{.name = "shrinkage", .aliases = "shrink damping", .type = PARAM_FLOAT,
		.offset = offsetof(DemographicParams, shrinkage),
		.default_text = "10", .min = 0, .max = 1e9,
		.description = "Weight of the popularity among all users, in users added to the group."},
};

/*
 * Two passes over the ratings.  Each course taken in a group is one pair, so there are no
 * more pairs than ratings.
 */
static void
demographic_estimate(const Shape *shape, const void *params, Estimate *estimate)
{
	const DemographicParams *p = params;
	double		ratings = (double) shape->n_ratings;
	double		courses = (double) shape->n_courses;
	double		groups = (double) shape->n_groups;
	double		pairs = fmin(ratings, groups * courses);

	estimate->model_bytes = 8 * pairs + 4 * courses + 12 * groups;
	estimate->bytes = estimate->model_bytes + 24 * groups;
	estimate->seconds = (isnan(p->common.half_life) ? 20e-9 : 55e-9) * ratings +
		2e-9 * (double) shape->n_users;
}

/* Memory of a counter. */
static RecsysStatus
counter_init(Env *env, GroupCounter *counter, const TrainingSet *set, double half_life)
{
	size_t		n_groups = (size_t) set->groups.n;

	counter->set = set;
	counter->half_life = half_life;
	counter->group_weight = env_alloc(env, n_groups, sizeof(double));
	counter->last_course = env_alloc(env, n_groups, sizeof(int32_t));
	counter->touched = env_alloc(env, n_groups, sizeof(int32_t));
	if (counter->group_weight == NULL || counter->last_course == NULL || counter->touched == NULL)
		return env->status;
	return RECSYS_OK;
}

/* Gives the memory back. */
static void
counter_free(Env *env, GroupCounter *counter)
{
	env_free(env, counter->group_weight);
	env_free(env, counter->last_course);
	env_free(env, counter->touched);
}

/* Forgets the last course of every group, before a pass. */
static void
counter_restart(GroupCounter *counter)
{
	for (int32_t g = 0; g < counter->set->groups.n; g++)
		counter->last_course[g] = -1;
}

/* Adds one rating of a course to the group of its user. */
static void
count_rating(GroupCounter *counter, int32_t course, int32_t group, double weight)
{
	counter->course_weight += weight;
	if (group < 0)
		return;
	if (counter->last_course[group] != course)
	{
		counter->last_course[group] = course;
		counter->touched[counter->n_touched++] = group;
		counter->group_weight[group] = 0;
	}
	counter->group_weight[group] += weight;
}

/* Counts the ratings of one course. */
static RecsysStatus
count_course(Env *env, GroupCounter *counter, int32_t course)
{
	const TrainingSet *set = counter->set;
	const Csr  *ratings = &set->by_course;

	counter->n_touched = 0;
	counter->course_weight = 0;
	for (int64_t e = ratings->offsets[course]; e < ratings->offsets[course + 1]; e++)
	{
		if (e % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		count_rating(counter, course, set->user_group[ratings->indexes[e]],
					 entry_weight(ratings, e, set->summary.last_time, counter->half_life));
	}
	return RECSYS_OK;
}

/* First pass: shares[c] = p(c), row_lengths[g] = courses taken in the group. */
static RecsysStatus
measure_rows(Env *env, GroupCounter *counter, float *shares, int64_t *row_lengths)
{
	const TrainingSet *set = counter->set;

	counter_restart(counter);
	for (int32_t c = 0; c < set->by_course.n_rows; c++)
	{
		TRY(count_course(env, counter, c));
		shares[c] = (float) (counter->course_weight / set->by_user.n_rows);
		for (int32_t i = 0; i < counter->n_touched; i++)
			row_lengths[counter->touched[i]]++;
	}
	return RECSYS_OK;
}

/* Second pass: n_gc into counts; next[g] is where row g goes on.  Courses come in order. */
static RecsysStatus
fill_rows(Env *env, GroupCounter *counter, Csr *counts, int64_t *next)
{
	counter_restart(counter);
	for (int32_t c = 0; c < counts->n_cols; c++)
	{
		TRY(count_course(env, counter, c));
		for (int32_t i = 0; i < counter->n_touched; i++)
		{
			int32_t		group = counter->touched[i];
			int64_t		e = next[group]++;

			counts->indexes[e] = c;
			counts->values[e] = (float) counter->group_weight[group];
		}
	}
	return RECSYS_OK;
}

/* shares[c] and the matrix of n_gc. */
static RecsysStatus
count_groups(Env *env, GroupCounter *counter, float *shares, Csr *counts)
{
	int32_t		n_groups = counter->set->groups.n;
	int64_t    *rows = env_alloc_zero(env, (size_t) n_groups, sizeof(int64_t));
	int64_t		n_entries = 0;

	if (rows == NULL)
		return env->status;
	TRY(measure_rows(env, counter, shares, rows));
	for (int32_t g = 0; g < n_groups; g++)
		n_entries += rows[g];
	TRY(csr_init(env, counts, n_groups, counter->set->by_course.n_rows, n_entries, false));
	for (int32_t g = 0; g < n_groups; g++)
	{
		counts->offsets[g + 1] = counts->offsets[g] + rows[g];
		rows[g] = counts->offsets[g];
	}
	TRY(fill_rows(env, counter, counts, rows));
	env_free(env, rows);
	return RECSYS_OK;
}

/* group_users[g] += users of each group who have a rating. */
static RecsysStatus
count_group_users(Env *env, const TrainingSet *set, int32_t *group_users)
{
	for (int32_t u = 0; u < set->by_user.n_rows; u++)
	{
		if (u % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		if (set->user_group[u] >= 0 && csr_row_length(&set->by_user, u) > 0)
			group_users[set->user_group[u]]++;
	}
	return RECSYS_OK;
}

/* Counts the ratings of each group. */
static RecsysStatus
demographic_fit(Env *env, const TrainingSet *set, const void *params, ModelWriter *writer)
{
	const DemographicParams *p = params;
	int32_t		n_courses = set->by_course.n_rows;
	float	   *shares = env_alloc(env, (size_t) n_courses, sizeof(float));
	int32_t    *group_users = env_alloc_zero(env, (size_t) set->groups.n, sizeof(int32_t));
	GroupCounter counter;
	Csr			counts;

	if (shares == NULL || group_users == NULL)
		return env->status;
	TRY(count_group_users(env, set, group_users));
	TRY(counter_init(env, &counter, set, p->common.half_life));
	TRY(count_groups(env, &counter, shares, &counts));
	counter_free(env, &counter);
	TRY(model_put_csr(env, writer, "group_counts", &counts));
	TRY(model_put(env, writer, "group_users", SECTION_INT32, set->groups.n, 1, group_users));
	return model_put(env, writer, "shares", SECTION_FLOAT, n_courses, 1, shares);
}

/* Finds the counts. */
static RecsysStatus
demographic_open(Env *env, Recommender *rec)
{
	DemographicState *state = rec->state;
	int64_t		n_groups = rec->groups.n;
	int64_t		n_courses = rec->n_courses;
	int64_t		one = 1;
	const void *data;

	TRY(model_get_csr(env, &rec->model, "group_counts", rec->groups.n, rec->n_courses,
					  &state->counts));
	TRY(model_get(env, &rec->model, "group_users", SECTION_INT32, &n_groups, &one, &data));
	state->group_users = data;
	for (int32_t g = 0; g < rec->groups.n; g++)
		if (state->group_users[g] < 0)
			return model_damaged(env, "A group has a negative number of users.");
	TRY(model_get(env, &rec->model, "shares", SECTION_FLOAT, &n_courses, &one, &data));
	state->shares = data;
	return check_finite(env, state->shares, n_courses, "The share of a course is not finite.");
}

/* n_g + shrinkage, or 0 when the group says nothing at all. */
static double
group_divisor(const Recommender *rec, int32_t group)
{
	const DemographicParams *params = rec->params;
	const DemographicState *state = rec->state;

	if (group < 0 || group >= rec->groups.n)
		return 0;
	return state->group_users[group] + params->shrinkage;
}

/* What all users add to the score of a course. */
static double
overall_part(const Recommender *rec, int32_t course, double divisor)
{
	const DemographicParams *params = rec->params;
	const DemographicState *state = rec->state;

	return params->shrinkage * (double) state->shares[course] / divisor;
}

/* Scores by the group of the user: first as if it had taken nothing, then what it took. */
static void
demographic_score(const Recommender *rec, const History *history, void *scratch, float *scores)
{
	const DemographicState *state = rec->state;
	const Csr  *counts = &state->counts;
	double		divisor = group_divisor(rec, history->group);

	(void) scratch;
	for (int32_t c = 0; c < rec->n_courses; c++)
		scores[c] = divisor > 0 && state->shares[c] > 0 ?
			finish_score(overall_part(rec, c, divisor), NAN) : NO_OPINION;
	if (divisor <= 0)
		return;
	for (int64_t e = counts->offsets[history->group]; e < counts->offsets[history->group + 1]; e++)
	{
		int32_t		course = counts->indexes[e];

		if (state->shares[course] > 0)
			scores[course] = finish_score((double) counts->values[e] / divisor +
										  overall_part(rec, course, divisor), NAN);
	}
}

/* The part of the group and the part of all users. */
static int
demographic_explain(const Recommender *rec, const History *history, int32_t course, void *scratch,
					Reason *reasons, int max)
{
	const DemographicState *state = rec->state;
	double		divisor = group_divisor(rec, history->group);
	Reason		own = {REASON_GROUP, history->group, 0};
	Reason		overall = {REASON_POPULARITY, 0, 0};
	int			n = 0;

	(void) scratch;
	if (divisor <= 0 || !(state->shares[course] > 0))
		return 0;
	own.weight = (float) ((double) entry_value(&state->counts, history->group, course) / divisor);
	overall.weight = (float) overall_part(rec, course, divisor);
	if (own.weight > 0)
		n = add_reason(reasons, n, max, own);
	if (overall.weight > 0)
		n = add_reason(reasons, n, max, overall);
	return n;
}

const Method method_demographic = {
	.name = "demographic",
	.description = "Courses that users with the same attributes take.",
	.objective = OBJECTIVE_RANKING,
	.params = {"demographic", demographic_params, N_PARAMS(demographic_params),
	sizeof(DemographicParams)},
	.needs = NEEDS_GROUPS,
	.personal = true,
	.state_size = sizeof(DemographicState),
	.check = check_half_life,
	.estimate = demographic_estimate,
	.fit = demographic_fit,
	.open = demographic_open,
	.score = demographic_score,
	.explain = demographic_explain,
};
