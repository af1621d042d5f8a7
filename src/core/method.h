/*
 * method.h
 *		The interface of every recommendation method.
 *
 * A model holds the course side only.  What a user is gets computed at call
 * time from the user's ratings of that moment, the History.  Loading, storing,
 * caching, the seen-filter, top-n, cold start, evaluation, batch and
 * explanation are written once, above this interface.
 *
 * To add a method: one file in core/methods that defines a Method, and one line
 * in methods.c.
 */
#ifndef CORE_METHOD_H
#define CORE_METHOD_H

#include "core/env.h"
#include "core/idmap.h"
#include "core/model.h"
#include "core/params.h"
#include "core/trainingset.h"

/* score[c] of a course about which the method has nothing to say. */
#define NO_OPINION (-INFINITY)

typedef enum Objective
{
	OBJECTIVE_RANKING,			/* score orders courses by how likely they are taken */
	OBJECTIVE_RATING			/* trained to estimate ratings */
} Objective;

/* What a method reads beside the ratings. */
enum
{
	NEEDS_GENRES = 1,			/* genre columns of the courses: required */
	NEEDS_TERMS = 2,			/* bag of words, or descriptions: required */
	NEEDS_GROUPS = 4,			/* attributes of the users: required, also when serving */
	USES_GENRES = 8				/* genre columns of the courses, when there are any */
};

/* A user's ratings now: course indexes ascending and distinct. */
typedef struct History
{
	int32_t		n;
	const int32_t *courses;
	const float *ratings;
	const int64_t *times;		/* or NULL */
	bool		has_key;		/* of a user of the dataset, not of a visitor */
	uint64_t	user_hash;		/* user_key_hash of the key, when has_key; see stores_user_rows */
	int32_t		group;			/* NEEDS_GROUPS: number in the model's groups, or -1 */
} History;

typedef enum ReasonKind
{
	REASON_COURSE,				/* index: a course of the history */
	REASON_GENRE,				/* index: a genre of the model */
	REASON_GROUP,				/* index: a group of users */
	REASON_CLUSTER,				/* index: a cluster, from 0 */
	REASON_POPULARITY,			/* index: unused */
	REASON_RULE,				/* index: a rule of the model, see Method.rule */
	REASON_PART					/* index: a part of a combination, see source_name */
} ReasonKind;

typedef struct Reason
{
	ReasonKind	kind;
	int32_t		index;
	float		weight;			/* share in the score; the weights of all reasons add up to it */
} Reason;

/* Who has all antecedents takes the consequent: courses of a model. */
typedef struct ReasonRule
{
	int32_t		n_antecedents;	/* at least 1 */
	const int32_t *antecedents; /* ascending; owned by the model */
	int32_t		consequent;
} ReasonRule;

/* Size of a training run before it starts. */
typedef struct Shape
{
	int64_t		n_users;
	int64_t		n_courses;
	int64_t		n_ratings;
	int64_t		n_terms;		/* entries of the term matrix, about; 0 without */
	int			n_threads;
	int64_t		n_genres;		/* 0 without */
	int64_t		n_groups;		/* of users by their attributes, about; 0 without */
} Shape;

typedef struct Estimate
{
	double		bytes;			/* held by fit at its peak, without the training set */
	double		seconds;		/* rough */
	double		model_bytes;	/* of the sections of the method */
	double		library_bytes;	/* of libraries that it opens, which stay */
	double		n_losses;		/* values that are logged, where they are very many */
} Estimate;

typedef struct Recommender Recommender;

/* The courses that users of a cluster took, in the order of courses. */
typedef struct ClusterCourses
{
	int32_t		n_clusters;		/* of the model */
	int32_t		n;
	const int32_t *courses;
	const int32_t *enrollments; /* ratings in training by users of the cluster */
} ClusterCourses;

/* Methods that a method can be made of. */
#define METHOD_PARTS_MAX 8

/* One of the methods that a method is made of. */
typedef struct MethodPart
{
	const struct Method *method;
	void	   *params;			/* of that method */
	char		name[PARAM_TEXT_SIZE];	/* of this part: the source of its rows */
} MethodPart;

typedef struct Method
{
	const char *name;
	const char *description;	/* one sentence */
	Objective	objective;
	ParamTable	params;
	unsigned	needs;			/* NEEDS_*, USES_* */
	bool		personal;		/* the score depends on the user */
	size_t		state_size;		/* of the struct that open fills */

	/* Does a model with these parameters hold rows of users?  NULL: none ever does. */
	bool		(*stores_user_rows) (const void *params);

	/* What it reads with these parameters beside `needs`: NEEDS_*; NULL: nothing. */
	unsigned	(*more_needs) (const void *params);

	/*
	 * Methods made of others, else NULL.  Which ones, by the parameters: fills at most
	 * METHOD_PARTS_MAX parts (parts.h).
	 */
	RecsysStatus (*parts) (Env *env, const void *params, MethodPart *parts, int *n);

	/*
	 * Methods whose parts all recommend (method_combines), else both NULL.  As score; sources[c]: number
	 * of the part that the score of course c comes from, if it has one.
	 */
	void		(*score_sources) (const Recommender *rec, const History *history, void *scratch,
								  float *scores, uint8_t *sources);

	/* The name of a part. */
	const char *(*source_name) (const Recommender *rec, int source);

	/* Parameters that contradict each other or the data; may be NULL. */
	RecsysStatus (*check) (Env *env, const TrainingSet *set, const void *params);

	void		(*estimate) (const Shape *shape, const void *params, Estimate *estimate);

	/* Learns from set; puts its sections.  What it puts stays allocated until the Env is freed. */
	RecsysStatus (*fit) (Env *env, const TrainingSet *set, const void *params, ModelWriter *writer);

	/* Resolves and checks its sections into rec->state (state_size zero bytes). */
	RecsysStatus (*open) (Env *env, Recommender *rec);

	/* Bytes of scratch memory that the functions below need; may be NULL for none. */
	size_t		(*scratch_size) (const Recommender *rec);

	/* Fills scores[n_courses].  Must not allocate.  Scratch is zero at the start and left zero. */
	void		(*score) (const Recommender *rec, const History *history, void *scratch,
						  float *scores);

	/*
	 * Estimated rating of a course (index >= 0) by the user, not clipped; NULL when the method
	 * cannot.  NAN: no better than the baseline, which the caller then uses.  The history never
	 * holds the course itself.
	 */
	double		(*predict) (const Recommender *rec, const History *history, int32_t course,
							void *scratch);

	/*
	 * Methods that learn two classes of ratings, else NULL: the probability that the rating of a
	 * course is at least the parameter "relevance", which such a method has.  NAN: unknown.  Otherwise
	 * as predict.
	 */
	double		(*probability) (const Recommender *rec, const History *history, int32_t course,
								void *scratch);

	/* Similarity of every course to one, NO_OPINION where there is none; NULL when it cannot. */
	bool		(*similar) (const Recommender *rec, int32_t course, void *scratch, float *scores);

	/* Why score() says what it says of a course: at most max reasons, any order; NULL when it cannot. */
	int			(*explain) (const Recommender *rec, const History *history, int32_t course,
							void *scratch, Reason *reasons, int max);

	/* Similarity of two users by their ratings, or NO_OPINION; NULL when it cannot. */
	float		(*compare) (const Recommender *rec, const History *a, const History *b,
							void *scratch);

	/*
	 * Methods with factors, else all three NULL.  The factors of a course (owned by the model; *n: how
	 * many), NULL for a course that has none, and of the user, by the fold-in of score.  Their dot
	 * product, plus both biases, orders the courses as score does (OBJECTIVE_RATING: as predict does).
	 * A model whose score is no such product has 0 factors (latent.h).
	 */
	const float *(*course_vector) (const Recommender *rec, int32_t course, int *n);

	/*
	 * Fills out with the user's factors and returns how many there are, the n of course_vector; 0 when
	 * nothing is known of the user.  out has room for one more: out[n] is 0 and may be set to the
	 * user's bias.
	 */
	int			(*user_vector) (const Recommender *rec, const History *history, void *scratch,
								float *out);

	/* What a course adds to the dot product whoever the user is; NULL: nothing. */
	float		(*course_vector_bias) (const Recommender *rec, int32_t course);

	/* Methods that hold genres, else NULL: those of a course (owned by the model; *n: how many). */
	const float *(*course_genres) (const Recommender *rec, int32_t course, int *n);

	/*
	 * For answers about all users (batch.h); both or neither, and only where score is this product.
	 * score_vector is the score of one course for a user_vector, to the bit what score says.
	 * score_block is the same for all courses and several users, row after row (user_vectors has
	 * latent_count + 1 values a row, scores n_courses): but for rounding and for scores that are
	 * no opinion because of their value.  It may call OpenBLAS: latent_score_block.
	 */
	float		(*score_vector) (const Recommender *rec, const float *user_vector, int32_t course);
	void		(*score_block) (const Recommender *rec, const float *user_vectors, int n_users,
								float *scores);

	/* Methods with clusters, else both NULL: the cluster of a user, from 0, or -1, with the distance to it. */
	int32_t		(*user_cluster) (const Recommender *rec, const History *history, void *scratch,
								 double *distance);

	/* The courses of a cluster from 0; there is a cluster 0. */
	void		(*cluster_courses) (const Recommender *rec, int32_t cluster, ClusterCourses *courses);

	/* Methods whose reasons are rules, else NULL: rule number index, from 0; false past the last one. */
	bool		(*rule) (const Recommender *rec, int32_t index, ReasonRule *rule);
} Method;

/* All methods, ended by NULL, in the order in which they are listed to users. */
extern const Method *const recsys_methods[];

/* By name (exact); NULL when there is none. */
extern const Method *method_find(const char *name);

/* `"popular", "knn"`, ...: the methods that pass the test (NULL: all), for hints. */
extern void method_names(char *text, size_t size, bool (*test) (const Method *method));

/*
 * The parts that every model has: course ids with their lookup table, the
 * summary, popularity, the baseline, the parameters.
 */
struct Recommender
{
	const Method *method;
	Model		model;
	void	   *params;			/* method->params.size bytes */
	void	   *state;			/* method->state_size bytes */
	unsigned	needs;			/* NEEDS_* of the method and its parts */
	bool		predicts;		/* ratings: the method, and all its parts */
	Summary		summary;
	int32_t		n_courses;
	KeyKind		course_kind;
	const int64_t *course_numbers;	/* KEY_NUMBER: key of each course */
	StringTable course_ids;		/* as text, in key order */
	const int32_t *course_slots;	/* for course_find */
	int64_t		n_course_slots;
	const int32_t *course_counts;	/* ratings of each course */
	const int32_t *popularity_order;	/* courses, most ratings first, then by id */
	const int32_t *popularity_rank; /* place of each course in that order */
	const float *course_bias;	/* models that predict: mean + bias = expected rating; else NULL */
	StringTable genre_names;	/* NEEDS_GENRES: in the order of the genre columns */
	StringTable groups;			/* NEEDS_GROUPS: "age_band=25-34, country=DE", in bytewise order */
};

/* Index of a course by its key in the table, or by its id as text; IDMAP_NONE when unknown. */
extern int32_t recommender_find(const Recommender *rec, Key key);

/* The same for every key of a batch: indexes[keys->n]; faster, as memory is fetched in advance. */
extern void recommender_find_batch(const Recommender *rec, const KeyBatch *keys, int32_t *indexes);
extern int32_t recommender_find_text(const Recommender *rec, const char *id, int64_t length);

/* Number of a group of users by its text; -1 when the model does not know it. */
extern int32_t recommender_find_group(const Recommender *rec, const char *text, int64_t length);

/*
 * Fails unless the parameters fit the data: RECSYS_BAD_DATA when the set lacks what
 * the method needs.
 */
extern RecsysStatus recommender_check(Env *env, const Method *method, const void *params,
									  const TrainingSet *set);

/*
 * Trains: checks parameters against the data, fits, adds the common sections
 * and returns the finished block (owned by the Env).  The fingerprint, which the
 * model keeps, is set before: trainingset_fingerprint.
 */
extern RecsysStatus recommender_train(Env *env, const Method *method, const void *params,
									  const TrainingSet *set, void **bytes, size_t *length);

/*
 * Opens a block, which must be 64-byte aligned and outlive rec; params and state
 * are allocated from env and live as long as it.  Everything that is used as an
 * index later is checked: RECSYS_CORRUPT.  RECSYS_NEWER_FORMAT when there is no
 * such method.
 */
extern RecsysStatus recommender_open(Env *env, Recommender *rec, const void *bytes, size_t length);

/* The same for a method that need not be in recsys_methods, such as one of a test. */
extern RecsysStatus recommender_open_as(Env *env, Recommender *rec, const Method *method,
										const void *bytes, size_t length);

/* Scratch for score, predict, ... of this recommender: bytes, to be zeroed once. */
extern size_t recommender_scratch_size(const Recommender *rec);

/* Hash by which a model that stores user rows knows a user: of the key as text, whatever its type. */
extern uint64_t user_key_hash(KeyKind kind, Key key);

/*
 * Ranking: the best of scores, then (fill) the rest by popularity.
 */
typedef struct RankOptions
{
	int			n;				/* rows wanted */
	float		threshold;		/* least score; NAN: none */
	bool		fill;			/* complete with popular courses that have no score; not with a
								 * threshold */
	const uint8_t *allowed;		/* per course: may be recommended; NULL: all */
} RankOptions;

typedef struct Ranked
{
	int32_t		course;
	float		score;			/* NO_OPINION: placed by popularity */
	int			source;			/* set by batch_rank: as in sources of score_sources, else 0 */
} Ranked;

/*
 * Best first, ties by more ratings, then course id.  A score of NaN is no
 * opinion.  Returns how many rows there are.  heap and ranked have room for
 * options->n items, or for n_courses when that is less.
 */
struct TopkItem;
extern int	recommender_rank(const Recommender *rec, const float *scores, const RankOptions *options,
							 struct TopkItem *heap, Ranked *ranked);

/*
 * Estimated rating on the observed scale, total: mean + biases where the method
 * has no opinion or the course is IDMAP_NONE.  history holds no row of course.
 * Only for models that predict, as recommender_baseline.
 */
extern double recommender_predict(const Recommender *rec, const History *history, int32_t course,
								  void *scratch);

/* mean + b_u + b_c of the baseline; course may be IDMAP_NONE. */
extern double recommender_baseline(const Recommender *rec, const History *history, int32_t course);

/*
 * Sorts by course and drops duplicates like the training set does (latest time,
 * then largest rating); times may be NULL.  Returns the number left.
 */
extern int32_t history_sort(int32_t n, int32_t *courses, float *ratings, int64_t *times);

#endif							/* CORE_METHOD_H */
