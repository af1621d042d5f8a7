/*
 * serving.h
 *		Answers for one user, one course or one visitor.
 */
#ifndef PG_SERVING_H
#define PG_SERVING_H

#include "core/answer.h"
#include "core/method.h"
#include "pg/cache.h"
#include "pg/call.h"
#include "pg/dataset.h"
#include "pg/keys.h"

/* A model with its dataset, both pinned, readable by the caller. */
typedef struct Serving
{
	CachedModel *model;
	const Recommender *rec;
	Dataset    *dataset;
} Serving;

extern Serving serving_open(const char *model);

/* The column source of rows that are not personal. */
#define SOURCE_POPULAR "popular"

/* What may be recommended, and how many rows are shown how. */
typedef struct Selection
{
	AnswerOptions answer;
	bool		exclude_seen;
	char	  **candidates;		/* NULL: all courses */
	int			n_candidates;
	char	  **exclude;
	int			n_exclude;
	double		threshold;		/* NAN: none */
} Selection;

/* Rows of recommend_courses and recommend_for. */
extern void recommend_rows(Call *call, const char *model, const UserArg *user,
						   const Selection *selection);
extern void recommend_visitor_rows(Call *call, const char *model, char **courses, int n_courses,
								   const double *ratings, const Selection *selection);

/*
 * What an answer needs of a thread, in CurrentMemoryContext; NULL without diversity.  scratch and scores, from
 * score_room, are used by it.  Raises 0A000 when the model cannot compare courses.
 */
extern DiversityRoom *answer_room(const Serving *serving, const AnswerOptions *options, void *scratch,
							   float *scores);

/* The id of a course of the model as text. */
extern Datum course_id_datum(const Recommender *rec, int32_t course);

/* Is a scored row of this model personal, or popularity?  The text of the column source. */
extern const char *row_source(const Serving *serving, bool scored, int source);

/* Rows of similar_courses; measure: "cosine" or "dot" of the courses' factors, or NULL for the method's own. */
extern void similar_course_rows(Call *call, const char *model, const char *course, int n,
								const char *measure);

/* predict_rating; the course may be unknown. */
extern double predict_for(const char *model, const UserArg *user, const char *course);

/* Rows of explain_recommendation. */
extern void explain_rows(Call *call, const char *model, const UserArg *user, const char *course);

/* Raises 0A000 `method ... cannot ...` with the methods that can. */
extern _Noreturn void raise_cannot(const Serving *serving, const char *what,
								   bool (*can) (const Method *method));

/* Raises the same unless the model has factors. */
extern void check_factors(const Serving *serving, const char *what);

#endif							/* PG_SERVING_H */
