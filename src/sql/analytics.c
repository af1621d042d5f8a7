/*
 * analytics.c
 *		What the tables of a dataset look like.
 */
#include "postgres.h"

#include "pg/analysis.h"
#include "pg/args.h"
#include "pg/compat.h"

RECSYS_FUNCTION(recsys_user_profiles);

/* user_profiles(dataset) */
Datum
recsys_user_profiles(PG_FUNCTION_ARGS)
{
	Call		call;

	call_begin_rows(&call, fcinfo);
	user_profile_rows(&call, required_text(fcinfo, 0, "dataset"));
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_dataset_genres);

/* dataset_genres(dataset) */
Datum
recsys_dataset_genres(PG_FUNCTION_ARGS)
{
	Call		call;

	call_begin_rows(&call, fcinfo);
	dataset_genre_rows(&call, required_text(fcinfo, 0, "dataset"));
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_dataset_summary);

/* dataset_summary(dataset) */
Datum
recsys_dataset_summary(PG_FUNCTION_ARGS)
{
	Call		call;

	call_begin_rows(&call, fcinfo);
	dataset_summary_rows(&call, required_text(fcinfo, 0, "dataset"));
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_enrollment_histogram);

/* enrollment_histogram(dataset, bins) */
Datum
recsys_enrollment_histogram(PG_FUNCTION_ARGS)
{
	Call		call;

	call_begin_rows(&call, fcinfo);
	enrollment_histogram_rows(&call, required_text(fcinfo, 0, "dataset"),
							  required_count(fcinfo, 1, "bins"));
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_top_courses);

/* top_courses(dataset, n) */
Datum
recsys_top_courses(PG_FUNCTION_ARGS)
{
	Call		call;

	call_begin_rows(&call, fcinfo);
	top_course_rows(&call, required_text(fcinfo, 0, "dataset"), required_count(fcinfo, 1, "n"));
	call_end(&call);
	return (Datum) 0;
}

RECSYS_FUNCTION(recsys_keyword_counts);

/* keyword_counts(dataset, n) */
Datum
recsys_keyword_counts(PG_FUNCTION_ARGS)
{
	Call		call;

	call_begin_rows(&call, fcinfo);
	keyword_count_rows(&call, required_text(fcinfo, 0, "dataset"), required_count(fcinfo, 1, "n"));
	call_end(&call);
	return (Datum) 0;
}
