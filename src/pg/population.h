/*
 * population.h
 *		All users of a dataset with their ratings of now, in a model's numbering.
 */
#ifndef PG_POPULATION_H
#define PG_POPULATION_H

#include "core/method.h"
#include "pg/env_pg.h"
#include "pg/serving.h"

typedef struct Population
{
	TrainingSet set;			/* as loaded */
	int32_t		n_users;		/* users with ratings, then users without */
	int64_t    *offsets;		/* n_users + 1, into the arrays below */
	int32_t    *courses;		/* numbers of the model */
	float	   *ratings;
	int64_t    *times;			/* or NULL */
	int32_t    *groups;			/* per user, of the model; NULL when the method wants none */
	IdMap		others;			/* users of the relation of users who have no rating, in key order */
} Population;

/* A job over all users, shown in recsys_progress; it ends with its memory, the population's included. */
extern Job *population_job_begin(const char *model, const Serving *serving, Progress *progress);
extern void population_job_end(Job *job);

/* n x size zeroed bytes of the job; over its limit: error. */
extern void *job_take(Job *job, int64 n, Size size);

/*
 * Loads within the job's memory.  with_others: also users without ratings.
 * SPI must be connected.
 */
extern void population_load(Population *population, Job *job, const Serving *serving,
							bool with_others);

/* The history of one user. */
extern History population_history(const Population *population, int32_t user);

/* Key of one user, and as text. */
extern Key	population_key(const Population *population, int32_t user);
extern char *population_id(const Population *population, int32_t user);

/* Rows of recommend_all, recommend_users and similar_users. */
extern void recommend_all_rows(Call *call, const char *model, const Selection *selection);
extern void recommend_user_rows(Call *call, const char *model, const char *course, int n,
								const char *strategy);
extern void similar_user_rows(Call *call, const char *model, const UserArg *user, int n);

#endif							/* PG_POPULATION_H */
