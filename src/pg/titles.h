/*
 * titles.h
 *		Which courses may be shown now, and their titles.
 */
#ifndef PG_TITLES_H
#define PG_TITLES_H

#include "core/method.h"
#include "pg/dataset.h"

/* Per course of the model; only entries of courses that were looked up say anything. */
typedef struct Titles
{
	bool	   *available;		/* is in the relation of courses */
	char	  **titles;			/* NULL when it has none */
} Titles;

/* Nothing looked up yet. */
extern Titles *titles_new(const Recommender *rec);

/* Looks these courses up, as the caller.  SPI must be connected. */
extern void titles_fetch(Titles *titles, Dataset *dataset, const Recommender *rec,
						 const int32_t *courses, int n);

/* Is there such a course, and is it offered now?  SPI must be connected. */
extern bool titles_available(Dataset *dataset, const Recommender *rec, int32_t course);

/* Looks all courses up. */
extern void titles_fetch_all(Titles *titles, Dataset *dataset, const Recommender *rec);

#endif							/* PG_TITLES_H */
