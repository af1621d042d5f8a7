/*
 * load_terms.h
 *		The words of the courses.
 */
#ifndef PG_LOAD_TERMS_H
#define PG_LOAD_TERMS_H

#include "pg/load.h"

/*
 * From the dataset's bag of words when it has one, else from title and
 * description through PostgreSQL's text search; neither: no words.
 */
extern void load_terms(Job *job, const Dataset *dataset, const LoadRequest *request,
					   TrainingSet *set);

/* The column of the bag of words that holds the course. */
extern const char *terms_key(const Dataset *dataset, Oid relid);

/* Appends to_tsvector(config, title || ' ' || description) of c. */
extern void append_course_text(StringInfo sql, const Dataset *dataset, const char *config);

#endif							/* PG_LOAD_TERMS_H */
