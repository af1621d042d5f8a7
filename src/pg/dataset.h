/*
 * dataset.h
 *		A registered dataset: whose tables, which columns.
 */
#ifndef PG_DATASET_H
#define PG_DATASET_H

#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/uuid.h"

#include "core/idmap.h"
#include "pg/pin.h"

/* A statement kept for the life of the dataset, and what it was made for. */
#define KEPT_PLAN_TYPES 4
typedef struct KeptPlan
{
	SPIPlanPtr	plan;			/* NULL: not made yet */
	Oid			relation;
	Oid			types[KEPT_PLAN_TYPES]; /* of the columns that it reads */
	int			n_types;
} KeptPlan;

/* The columns user, course[, rating][, time] of the ratings. */
typedef struct RatingsColumns
{
	Oid			relation;
	int			n;				/* 0: not looked up */
	Oid			types[4];		/* read types */
	Oid			stored[4];		/* base types of the columns */
	int			rating;			/* position of the rating, or -1 */
	int			time;			/* position of the time, or -1 */
} RatingsColumns;

/* The relations of a dataset, as indexes of arrays. */
enum
{
	RELATION_RATINGS,
	RELATION_COURSES,
	RELATION_USERS,
	RELATION_TERMS,
	N_SOURCES
};

/* What was found out about the relations, and at which generation of the catalog. */
typedef struct Resolved
{
	Oid			relids[N_SOURCES];	/* InvalidOid: not looked up at this generation */
	uint64		generation;
	Oid			reader;			/* a role that may read all of them, or InvalidOid */
	RatingsColumns ratings;
} Resolved;

typedef struct Dataset
{
	Pinned		pinned;			/* must be first */
	char	   *image;			/* its row as text, to see changes */
	char	   *name;
	char	   *owner;
	char	   *ratings;		/* qualified and quoted; so are courses, users, terms */
	char	   *courses;		/* or NULL; so are users, terms and most columns */
	char	   *users;
	char	   *terms;
	char	   *user_column;
	char	   *course_column;
	char	   *rating_column;
	char	   *time_column;
	char	   *courses_key;
	char	   *title_column;
	char	   *description_column;
	char	  **genre_columns;
	int			n_genres;
	char	   *users_key;
	char	  **feature_columns;
	int			n_features;

	Resolved   *resolved;
	KeptPlan	history_plan;	/* ratings of one user */
	KeptPlan	courses_plan;	/* titles of some courses */
	KeptPlan	group_plan;		/* attributes of one user */
	List	   *retired_plans;	/* replaced ones that an outer call may be executing */
} Dataset;

/* What register_dataset was told; NULL where NULL. */
typedef struct DatasetArgs
{
	char	   *name;
	Oid			ratings;
	Oid			courses;		/* InvalidOid where NULL */
	Oid			users;
	Oid			terms;
	char	   *user_column;
	char	   *course_column;
	char	   *rating_column;
	char	   *time_column;
	char	   *courses_key;
	char	   *title_column;
	char	   *description_column;
	char	  **genre_columns;
	int			n_genres;
	char	  **feature_columns;
	int			n_features;
	Datum		options;		/* jsonb */
} DatasetArgs;

extern void dataset_register(DatasetArgs *args);
extern void dataset_drop(const char *name);

/*
 * The dataset with a relation of held-out ratings in place of its own, and no others; palloc'd.  Raises
 * when the relation has not the columns of the dataset, or other types.
 */
extern Dataset *dataset_with_ratings(const Dataset *dataset, Oid relid);

/* The dataset, pinned until the context is reset; unknown: error. */
extern Dataset *dataset_open(const char *name, MemoryContext until);

/* The same, under its lock; 40001 when the transaction's snapshot sees another definition. */
extern Dataset *dataset_open_for_update(const char *name, MemoryContext until);

/*
 * The dataset that a build was trained on, as it was then; the caller discards
 * it.  NULL: no such build under the active snapshot.  SPI must be connected.
 */
extern Dataset *dataset_of_build(const pg_uuid_t *build);

/* Qualified, quoted name of a relation that can be read; another object: error that says for what. */
extern char *relation_readable_name(Oid relid, const char *what);

/* May the current user SELECT all columns that a model of this dataset is made from?  Raises, or tells. */
extern void dataset_check_select(const Dataset *dataset);
extern bool dataset_readable(const Dataset *dataset);
extern bool dataset_build_readable(const pg_uuid_t *build);
extern bool dataset_evaluation_readable(const pg_uuid_t *evaluation);
extern bool dataset_exists(const char *name);

/* One of its relations by the stored name; missing: error that names the dataset. */
extern Oid	dataset_relation(const Dataset *dataset, const char *relation);

/* The stored names of its relations, N_SOURCES of them; NULL where it has none. */
extern void dataset_sources(const Dataset *dataset, const char **names);

/* A relation by the stored name, unlocked, for a look at its definition; InvalidOid when it is not there. */
extern Oid	dataset_find_relation(const char *relation);

/* What is known about the relations, emptied when the catalog has changed. */
extern Resolved *dataset_resolved(const Dataset *dataset);

/* Type of a column, domains looked through; missing: error. */
extern Oid	dataset_column_type(const Dataset *dataset, const char *relation, Oid relid,
								const char *column);

/*
 * Type in which a column is read now, by one of the functions below; a key must be of the given kind.
 * Missing, or of a type that cannot serve: error that names the dataset.
 */
extern Oid	dataset_read_type(const Dataset *dataset, const char *relation, Oid relid,
							  const char *column, Oid (*read_type) (Oid));
extern Oid	dataset_key_type(const Dataset *dataset, const char *relation, Oid relid,
							 const char *column, KeyKind kind);

/*
 * Types in which columns are read, whatever they are stored as; InvalidOid when
 * the stored type cannot serve.
 */
extern Oid	key_read_type(Oid type);	/* int2, int4, int8, text, uuid */
extern Oid	rating_read_type(Oid type); /* float4, float8 */
extern Oid	genre_read_type(Oid type);	/* float4, float8 */
extern Oid	time_read_type(Oid type);	/* timestamptz, timestamp, date, int8 */
extern Oid	text_read_type(Oid type);	/* text */
extern KeyKind key_kind(Oid read_type);

/* Appends alias."column"::pg_catalog.type. */
extern void append_column(StringInfo sql, const char *alias, const char *column, Oid read_type);
extern const char *type_sql_name(Oid read_type);

/* Retires the plan of a statement whose relation or column types differ now; true when it can be used. */
extern bool kept_plan_usable(Dataset *dataset, KeptPlan *kept, Oid relation, const Oid *types,
							 int n_types);
extern void kept_plan_make(KeptPlan *kept, const char *sql, int n_args, Oid *arg_types,
						   Oid relation, const Oid *types, int n_types);

#endif							/* PG_DATASET_H */
