/*
 * user_profile.c
 *		Content-based: genres that the user has rated, matched with genres of courses.
 *
 * With the genre vector g(c) of a course, and the rating r of each course of the
 * history times its weight by age,
 *
 *		profile(u) = sum r g(c) over the rated courses c
 *		score(c)   = profile(u) . g(c)				similarity = dot
 *				   = profile(u) . g(c) / (|profile(u)| |g(c)|)	similarity = cosine
 *
 * The profile is Rocchio's relevance feedback (1971) without a starting query: a
 * rating below zero pushes its genres away.  A score of exactly zero means that
 * nothing is known, and so does a zero vector under cosine.  dot prefers courses
 * of many genres, cosine those whose mix of genres is the user's.
 *
 * Nothing is learnt: the model is the genre table, 4 bytes a course and genre.
 * A call costs (courses + history) x genres multiplications.
 *
 * When to use: new courses, which have genres but no ratings; explanations that
 * everybody understands; few users.  It never leaves the genres of the history.
 */
#include "core/methods/methods.h"
#include "core/methods/support.h"

/* Values of the parameter "similarity", in the order of its choices. */
typedef enum ProfileSimilarity
{
	PROFILE_DOT,
	PROFILE_COSINE
} ProfileSimilarity;

typedef struct UserProfileParams
{
	CommonParams common;
	int			similarity;		/* ProfileSimilarity */
	double		threshold;		/* NAN: none */
} UserProfileParams;

typedef struct UserProfileState
{
	int32_t		n_genres;
	const float *genres;		/* n_courses x n_genres */
} UserProfileState;

static const ParamDef user_profile_params[] = {
	{.name = "similarity", .aliases = "name similarity_type metric", .type = PARAM_CHOICE,
		.offset = offsetof(UserProfileParams, similarity),
		.default_text = "dot", .choices = "dot cosine",
		.description = "How a profile is matched with the genres of a course."},
	{.name = "threshold", .aliases = "score_threshold profile_threshold min_sim",
		.type = PARAM_FLOAT, .offset = offsetof(UserProfileParams, threshold),
		.default_text = "null", .min = -1e9, .max = 1e9,
		.description = "Least score of a recommended course; null for none."},
};

/* Nothing is held but the genres, which belong to the training set. */
static void
user_profile_estimate(const Shape *shape, const void *params, Estimate *estimate)
{
	(void) shape;
	(void) params;
	estimate->bytes = 0;
	estimate->seconds = 0;
	estimate->model_bytes = 0;
}

/* The model is the genre table. */
static RecsysStatus
user_profile_fit(Env *env, const TrainingSet *set, const void *params, ModelWriter *writer)
{
	(void) params;
	return model_put(env, writer, "genres", SECTION_FLOAT, set->genres.n_rows, set->genres.n_cols,
					 set->genres.data);
}

/* Finds the genre table; it has one column for each name. */
static RecsysStatus
user_profile_open(Env *env, Recommender *rec)
{
	UserProfileState *state = rec->state;
	int64_t		n_rows = rec->n_courses;
	int64_t		n_cols = rec->genre_names.n;
	const void *data;

	TRY(model_get(env, &rec->model, "genres", SECTION_FLOAT, &n_rows, &n_cols, &data));
	state->n_genres = rec->genre_names.n;
	state->genres = data;
	return check_finite(env, state->genres, n_rows * n_cols, "A genre weight is not finite.");
}

/* Two profiles, for compare. */
static size_t
user_profile_scratch_size(const Recommender *rec)
{
	const UserProfileState *state = rec->state;

	return 2 * (size_t) state->n_genres * sizeof(double);
}

/* Genres of a course. */
static const float *
course_genres(const UserProfileState *state, int32_t course)
{
	return state->genres + (int64_t) course * state->n_genres;
}

/* The same for others. */
static const float *
user_profile_course_genres(const Recommender *rec, int32_t course, int *n)
{
	const UserProfileState *state = rec->state;

	*n = state->n_genres;
	return course_genres(state, course);
}

/* profile += rating x genres over the history. */
static void
add_profile(const Recommender *rec, const History *history, double *profile)
{
	const UserProfileState *state = rec->state;

	for (int32_t i = 0; i < history->n; i++)
	{
		const float *genres = course_genres(state, history->courses[i]);
		double		weight = (double) history->ratings[i] * history_weight(rec, history, i);

		for (int32_t g = 0; g < state->n_genres; g++)
			profile[g] += weight * (double) genres[g];
	}
}

/* Leaves the scratch memory as it was found. */
static void
clear_profile(double *profile, int32_t n)
{
	for (int32_t g = 0; g < n; g++)
		profile[g] = 0;
}

/* Sum of the squares of a profile. */
static double
profile_norm2(const double *profile, int32_t n)
{
	double		sum = 0;

	for (int32_t g = 0; g < n; g++)
		sum += profile[g] * profile[g];
	return sum;
}

/* profile . genres, and the sum of the squares of the genres. */
static double
profile_dot(const double *profile, const float *genres, int32_t n, double *norm2)
{
	double		dot = 0;

	*norm2 = 0;
	for (int32_t g = 0; g < n; g++)
	{
		dot += profile[g] * (double) genres[g];
		*norm2 += (double) genres[g] * (double) genres[g];
	}
	return dot;
}

/* Score of a course, threshold applied; *divisor is what the dot product was divided by. */
static float
profile_score(const Recommender *rec, const double *profile, double own_norm2, int32_t course,
			  double *divisor)
{
	const UserProfileParams *params = rec->params;
	const UserProfileState *state = rec->state;
	double		norm2;
	double		dot = profile_dot(profile, course_genres(state, course), state->n_genres, &norm2);

	*divisor = params->similarity == PROFILE_COSINE ? sqrt(own_norm2) * sqrt(norm2) : 1;
	if (dot == 0 || *divisor == 0)
		return NO_OPINION;
	return finish_score(dot / *divisor, params->threshold);
}

/* Scores every course against the profile of the history. */
static void
user_profile_score(const Recommender *rec, const History *history, void *scratch, float *scores)
{
	const UserProfileState *state = rec->state;
	double	   *profile = scratch;
	double		norm2;
	double		divisor;

	add_profile(rec, history, profile);
	norm2 = profile_norm2(profile, state->n_genres);
	for (int32_t c = 0; c < rec->n_courses; c++)
		scores[c] = profile_score(rec, profile, norm2, c, &divisor);
	clear_profile(profile, state->n_genres);
}

/* Cosine of the genres of two courses. */
static bool
user_profile_similar(const Recommender *rec, int32_t course, void *scratch, float *scores)
{
	const UserProfileState *state = rec->state;
	const float *genres = course_genres(state, course);
	double	   *profile = scratch;
	double		own_norm2;
	double		norm2;

	for (int32_t g = 0; g < state->n_genres; g++)
		profile[g] = genres[g];
	own_norm2 = profile_norm2(profile, state->n_genres);
	for (int32_t c = 0; c < rec->n_courses; c++)
	{
		double		dot = profile_dot(profile, course_genres(state, c), state->n_genres, &norm2);
		double		divisor = sqrt(own_norm2) * sqrt(norm2);

		scores[c] = c == course || divisor == 0 ? NO_OPINION : finish_score(dot / divisor, NAN);
	}
	clear_profile(profile, state->n_genres);
	return true;
}

/* The part of each genre in the score. */
static int
user_profile_explain(const Recommender *rec, const History *history, int32_t course, void *scratch,
					 Reason *reasons, int max)
{
	const UserProfileState *state = rec->state;
	const float *genres = course_genres(state, course);
	double	   *profile = scratch;
	double		divisor;
	float		score;
	int			n = 0;

	add_profile(rec, history, profile);
	score = profile_score(rec, profile, profile_norm2(profile, state->n_genres), course, &divisor);
	for (int32_t g = 0; g < state->n_genres && score != NO_OPINION; g++)
	{
		double		product = profile[g] * (double) genres[g];
		Reason		reason = {REASON_GENRE, g, (float) (product / divisor)};

		if (product != 0)
			n = add_reason(reasons, n, max, reason);
	}
	clear_profile(profile, state->n_genres);
	return n;
}

/* Cosine of the profiles of two users. */
static float
user_profile_compare(const Recommender *rec, const History *a, const History *b, void *scratch)
{
	const UserProfileState *state = rec->state;
	int32_t		n = state->n_genres;
	double	   *profile_a = scratch;
	double	   *profile_b = profile_a + n;
	double		dot = 0;
	double		divisor;

	add_profile(rec, a, profile_a);
	add_profile(rec, b, profile_b);
	for (int32_t g = 0; g < n; g++)
		dot += profile_a[g] * profile_b[g];
	divisor = sqrt(profile_norm2(profile_a, n)) * sqrt(profile_norm2(profile_b, n));
	clear_profile(profile_a, 2 * n);
	return divisor == 0 ? NO_OPINION : finish_score(dot / divisor, NAN);
}

const Method method_user_profile = {
	.name = "user_profile",
	.description = "Courses whose genres match the genres of the courses that the user rated.",
	.objective = OBJECTIVE_RANKING,
	.params = {"user_profile", user_profile_params, N_PARAMS(user_profile_params),
	sizeof(UserProfileParams)},
	.needs = NEEDS_GENRES,
	.personal = true,
	.state_size = sizeof(UserProfileState),
	.check = check_half_life,
	.estimate = user_profile_estimate,
	.fit = user_profile_fit,
	.open = user_profile_open,
	.scratch_size = user_profile_scratch_size,
	.score = user_profile_score,
	.similar = user_profile_similar,
	.explain = user_profile_explain,
	.compare = user_profile_compare,
	.course_genres = user_profile_course_genres,
};
