/*
 * recommend.c
 *		Serving: recommend_*, predict_rating, similar_*, explain_recommendation.
 */
#include "postgres.h"

#include <math.h>

#include "pg/args.h"
#include "pg/call.h"
#include "pg/compat.h"
#include "pg/population.h"
#include "pg/serving.h"

/* Positions of the arguments that recommend_courses, recommend_for and recommend_all share. */
typedef struct SelectionArgs
{
	int			n;
	int			exclude_seen;	/* -1: none; so are the others */
	int			candidates;
	int			exclude;
	int			threshold;
	int			options;
} SelectionArgs;

/* How scores are shown, in the order of the choices. */
#define SCORE_SCALES "raw percent"

/* Reads the object of options into what it says of the answer. */
static void
read_answer_options(Datum options, AnswerOptions *answer)
{
	int			scale = 0;
	double		threshold_pct = NAN;
	double		diversity = 0;
	const OptionDef defs[] = {
		{.name = "score_scale", .type = OPTION_CHOICE, .target = &scale, .choices = SCORE_SCALES},
		{.name = "threshold_pct", .type = OPTION_NUMBER, .target = &threshold_pct,
			.min = 0, .max = 100},
		{.name = "diversity", .type = OPTION_NUMBER, .target = &diversity, .min = 0, .max = 1}
	};

	options_read(options, defs, lengthof(defs));
	answer->percent = scale > 0;
	answer->threshold_pct = (float) threshold_pct;
	answer->diversity = diversity;
}

/* Reads and checks them. */
static Selection
arg_selection(FunctionCallInfo fcinfo, SelectionArgs at)
{
	Selection	selection = {.exclude_seen = true, .threshold = NAN};

	selection.answer.n = required_count(fcinfo, at.n, "n");
	if (at.exclude_seen >= 0)
	{
		require_arg(fcinfo, at.exclude_seen, "exclude_seen");
		selection.exclude_seen = PG_GETARG_BOOL(at.exclude_seen);
	}
	if (at.candidates >= 0)
		selection.candidates = arg_texts(fcinfo, at.candidates, "candidates",
										 &selection.n_candidates);
	if (at.exclude >= 0)
		selection.exclude = arg_texts(fcinfo, at.exclude, "exclude", &selection.n_exclude);
	if (!PG_ARGISNULL(at.threshold))
	{
		selection.threshold = PG_GETARG_FLOAT8(at.threshold);
		if (isnan(selection.threshold))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"%s\" must not be NaN", "threshold")));
	}
	require_arg(fcinfo, at.options, "options");
	read_answer_options(PG_GETARG_DATUM(at.options), &selection.answer);
	return selection;
}

RECSYS_FUNCTION(recsys_recommend_courses);

/* recommend_courses(user_id, model, n, exclude_seen, candidates, exclude, threshold, options) */
Datum
recsys_recommend_courses(PG_FUNCTION_ARGS)
{
	static const SelectionArgs at = {2, 3, 4, 5, 6, 7};
	Call		call;
	UserArg		user;
	Selection	selection;

	call_begin_rows(&call, fcinfo);
	user = arg_user(fcinfo);
	selection = arg_selection(fcinfo, at);
	recommend_rows(&call, required_text(fcinfo, 1, "model"), &user, &selection);
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_recommend_for);

/* recommend_for(courses, model, n, ratings, candidates, exclude, threshold, options) */
Datum
recsys_recommend_for(PG_FUNCTION_ARGS)
{
	static const SelectionArgs at = {2, -1, 4, 5, 6, 7};
	Call		call;
	Selection	selection;
	char	  **courses;
	double	   *ratings;
	int			n_courses,
				n_ratings;

	call_begin_rows(&call, fcinfo);
	require_arg(fcinfo, 0, "courses");
	courses = arg_texts(fcinfo, 0, "courses", &n_courses);
	ratings = arg_numbers(fcinfo, 3, "ratings", &n_ratings);
	if (ratings && n_ratings != n_courses)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("arguments \"courses\" and \"ratings\" have different lengths: %d and %d",
						n_courses, n_ratings)));
	for (int i = 0; i < n_ratings; i++)
		if (!rating_in_range(ratings[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"%s\" must hold numbers between %g and %g", "ratings", -RATING_MAX,
							RATING_MAX)));
	selection = arg_selection(fcinfo, at);
	recommend_visitor_rows(&call, required_text(fcinfo, 1, "model"), courses, n_courses, ratings,
						   &selection);
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_recommend_all);

/* recommend_all(model, n, exclude_seen, threshold, options) */
Datum
recsys_recommend_all(PG_FUNCTION_ARGS)
{
	static const SelectionArgs at = {1, 2, -1, -1, 3, 4};
	Call		call;
	Selection	selection;

	call_begin_rows(&call, fcinfo);
	selection = arg_selection(fcinfo, at);
	recommend_all_rows(&call, required_text(fcinfo, 0, "model"), &selection);
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_recommend_users);

/* recommend_users(course_id, model, n, strategy) */
Datum
recsys_recommend_users(PG_FUNCTION_ARGS)
{
	Call		call;
	char	   *course,
			   *model,
			   *strategy;
	int			n;

	call_begin_rows(&call, fcinfo);
	course = arg_course(fcinfo, 0);
	model = required_text(fcinfo, 1, "model");
	n = required_count(fcinfo, 2, "n");
	strategy = required_text(fcinfo, 3, "strategy");
	if (course)
		recommend_user_rows(&call, model, course, n, strategy);
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_predict_rating);

/* predict_rating(user_id, course_id, model) */
Datum
recsys_predict_rating(PG_FUNCTION_ARGS)
{
	Call		call;
	UserArg		user;
	char	   *course,
			   *model;
	double		rating = 0;

	call_begin(&call, fcinfo);
	user = arg_user(fcinfo);
	course = arg_course(fcinfo, 1);
	model = required_text(fcinfo, 2, "model");
	if (course)
		rating = predict_for(model, &user, course);
	call_end(&call);
	if (course == NULL)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(rating);
}

RECSYS_FUNCTION(recsys_similar_courses);

/* similar_courses(course_id, model, n, measure) */
Datum
recsys_similar_courses(PG_FUNCTION_ARGS)
{
	Call		call;
	char	   *course,
			   *model;
	int			n;

	call_begin_rows(&call, fcinfo);
	course = arg_course(fcinfo, 0);
	model = required_text(fcinfo, 1, "model");
	n = required_count(fcinfo, 2, "n");
	if (course)
		similar_course_rows(&call, model, course, n, arg_text(fcinfo, 3));
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_similar_users);

/* similar_users(user_id, model, n) */
Datum
recsys_similar_users(PG_FUNCTION_ARGS)
{
	Call		call;
	UserArg		user;
	char	   *model;
	int			n;

	call_begin_rows(&call, fcinfo);
	user = arg_user(fcinfo);
	model = required_text(fcinfo, 1, "model");
	n = required_count(fcinfo, 2, "n");
	similar_user_rows(&call, model, &user, n);
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_explain_recommendation);

/* explain_recommendation(user_id, course_id, model) */
Datum
recsys_explain_recommendation(PG_FUNCTION_ARGS)
{
	Call		call;
	UserArg		user;
	char	   *course,
			   *model;

	call_begin_rows(&call, fcinfo);
	user = arg_user(fcinfo);
	course = arg_course(fcinfo, 1);
	model = required_text(fcinfo, 2, "model");
	if (course)
		explain_rows(&call, model, &user, course);
	call_end(&call);
	return (Datum) 0;
}
