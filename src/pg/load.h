/*
 * load.h
 *		From the user's tables to a training set.
 */
#ifndef PG_LOAD_H
#define PG_LOAD_H

#include "core/method.h"
#include "pg/dataset.h"
#include "pg/env_pg.h"

/* What to read beside the ratings. */
typedef struct LoadRequest
{
	unsigned	needs;			/* NEEDS_* */
	int			ngram_low;		/* words that form a term, from .. to */
	int			ngram_high;
	const char *text_search_config;
	bool		may_be_empty;	/* no rating at all is no error: the set then has no user */
} LoadRequest;

/* The dataset, readable by the caller, with the columns of the ratings as they should be. */
extern Dataset *open_readable(const char *name);

/* What a method with these parameters reads. */
extern LoadRequest load_request(const Method *method, const void *params);

/* Locks all that will be read; before the snapshot is taken.  SPI must be connected. */
extern void lock_sources(const Dataset *dataset);

/* Streams everything in, under the active snapshot, as the caller.  SPI must be connected. */
extern void load_training_set(Job *job, const Dataset *dataset, const LoadRequest *request,
							  TrainingSet *set);

/* The columns of the ratings as they are now; types that no longer serve are errors. */
extern RatingsColumns ratings_columns(const Dataset *dataset);

/* So many ratings of these columns; how many users and courses is not known. */
extern TrainingShape training_shape(const RatingsColumns *columns, int64 n_rows);

/* SELECT user, course[, rating][, time] FROM ratings AS r */
extern char *ratings_sql(const Dataset *dataset, const RatingsColumns *columns);

/* One rating: checked values. */
typedef struct RatingRow
{
	float		rating;			/* 1 when the dataset is implicit */
	int64		time;			/* TIME_OLDEST when there is none */
} RatingRow;

extern RatingRow rating_row(const Dataset *dataset, const RatingsColumns *columns,
							const Datum *values, const bool *nulls);

/* Raises for a null key of a relation of the dataset. */
extern _Noreturn void raise_null(const Dataset *dataset, const char *relation, const char *column);

/* Appends the text of one attribute to a group: "age_band=25-34, country=DE". */
extern void append_attribute(StringInfo group, const char *column, const char *value);

/* SELECT list of a user's attributes: u.f1::text, ... */
extern void append_attributes(StringInfo sql, const Dataset *dataset);

#endif							/* PG_LOAD_H */
