/*
 * history.h
 *		What a user has rated, right now.
 */
#ifndef PG_HISTORY_H
#define PG_HISTORY_H

#include "core/method.h"
#include "pg/dataset.h"
#include "pg/keys.h"

/* A history with arrays of its own. */
typedef struct OwnHistory
{
	History		h;				/* points into the arrays */
	int32_t    *courses;
	float	   *ratings;
	int64_t    *times;			/* NULL when the dataset has none */
	int			room;
} OwnHistory;

/* Raises when the ratings no longer have the kind of course keys that the model knows. */
extern void check_course_kind(const Dataset *dataset, const Recommender *rec,
							  const RatingsColumns *columns);

/*
 * Reads the user's ratings by one indexed statement, as the caller, and, for
 * methods that want them, the user's attributes.  Courses that the model does
 * not know are left out.  SPI must be connected.
 */
extern OwnHistory *history_fetch(Dataset *dataset, const Recommender *rec, const UserArg *user);

/* A visitor's history: these courses, with these ratings or (NULL) the best rating of all. */
extern OwnHistory *history_of_courses(const Dataset *dataset, const Recommender *rec,
									  char **courses, int n, const double *ratings);

/* Takes one course out, if it is there: nobody's rating explains or predicts itself. */
extern void history_remove(OwnHistory *history, int32_t course);

#endif							/* PG_HISTORY_H */
