/*
 * params.h
 *		Parameter tables: what a method can be told, and what it was told.
 *
 * A method describes its parameters in a table of ParamDef and keeps their
 * values in a struct that starts with CommonParams.  Parsing, defaults, ranges,
 * the list shown by recsys_method_params() and the text stored with a model all
 * come from that table, so a default is written down once.
 */
#ifndef CORE_PARAMS_H
#define CORE_PARAMS_H

#include "core/env.h"

typedef enum ParamType
{
	PARAM_BOOL,					/* bool */
	PARAM_INT,					/* int64_t; at most 2^53 either way, like all numbers of JSON */
	PARAM_FLOAT,				/* double; NAN is null */
	PARAM_COUNT,				/* double, a whole number; NAN is null */
	PARAM_CHOICE,				/* int: position in choices */
	PARAM_INTERVAL,				/* double, seconds; NAN is null */
	PARAM_RANGE,				/* ParamRange: two integers, low <= high */
	PARAM_TEXT,					/* char[PARAM_TEXT_SIZE], terminated; empty is null, "null" refused */
	PARAM_NUMBERS,				/* ParamNumbers; none is null */
	PARAM_PARTS,				/* char[PARAM_PARTS_SIZE], terminated: methods as JSON, see parts.h */
	PARAM_PART					/* the same of one method; empty is null */
} ParamType;

#define PARAM_TEXT_SIZE 64		/* bytes of a PARAM_TEXT value, terminated */
#define PARAM_PARTS_SIZE 1024	/* of a PARAM_PARTS or PARAM_PART value, terminated */
#define PARAM_VALUE_SIZE PARAM_PARTS_SIZE	/* of any formatted value, terminated */
#define PARAM_NUMBERS_MAX 8		/* of a PARAM_NUMBERS value */

typedef struct ParamRange
{
	int32_t		low;
	int32_t		high;
} ParamRange;

typedef struct ParamNumbers
{
	int64_t		n;
	double		values[PARAM_NUMBERS_MAX];
} ParamNumbers;

typedef struct ParamDef
{
	const char *name;
	const char *aliases;		/* other names, separated by spaces, or NULL */
	ParamType	type;
	size_t		offset;			/* of the value in the struct of parameters */
	const char *default_text;	/* as params_format writes it; "null" makes null a valid value */
	double		min;			/* of a number, of all of several, or of both ends of a range; -INFINITY: none */
	double		max;			/* INFINITY: none */
	const char *choices;		/* PARAM_CHOICE: names separated by spaces */
	const char *description;	/* one sentence, shown to users */
} ParamDef;

/* Known to every method; first member of every struct of parameters. */
typedef struct CommonParams
{
	int64_t		random_state;	/* seed of everything random */
	double		half_life;		/* seconds after which a rating counts half; NAN: never */
	int			cold_start;		/* ColdStart */
	int64_t		keep_versions;	/* versions of the model kept */
	bool		verbose;		/* NOTICEs while training */
} CommonParams;

/* What a user gets for whom the method has no personal answer. */
typedef enum ColdStart
{
	COLD_START_POPULAR,			/* courses in order of popularity */
	COLD_START_NONE				/* nothing */
} ColdStart;

#define N_COMMON_PARAMS 5
extern const ParamDef common_params[N_COMMON_PARAMS];

/* The parameters of one method: the common table, then its own. */
typedef struct ParamTable
{
	const char *method;			/* for messages */
	const ParamDef *own;		/* may be NULL when n_own is 0 */
	int			n_own;
	size_t		size;			/* of the struct of parameters */
} ParamTable;

/* One value as a user wrote it. */
typedef enum ParamInputType
{
	PARAM_INPUT_NULL,
	PARAM_INPUT_BOOL,
	PARAM_INPUT_NUMBER,
	PARAM_INPUT_TEXT,
	PARAM_INPUT_NUMBERS,		/* an array of numbers */
	PARAM_INPUT_JSON			/* of a PARAM_PARTS or PARAM_PART: any JSON but null, as text */
} ParamInputType;

#define PARAM_INPUT_MAX_NUMBERS PARAM_NUMBERS_MAX

typedef struct ParamInput
{
	ParamInputType type;
	bool		boolean;
	double		number;
	const char *text;			/* not terminated */
	size_t		length;			/* of text */
	double		numbers[PARAM_INPUT_MAX_NUMBERS];
	int			n_numbers;		/* of the array, also when that is more than fit above */
} ParamInput;

/* Is a value of this type given as JSON? */
static inline bool
param_is_json(ParamType type)
{
	return type == PARAM_PARTS || type == PARAM_PART;
}

/* Definition i of the table, common ones first; NULL past the end. */
extern const ParamDef *params_def(const ParamTable *table, int i);

/* By name or alias; NULL when there is none. */
extern const ParamDef *params_find(const ParamTable *table, const char *name, size_t length);

/* Every parameter to its default; params has table->size bytes. */
extern RecsysStatus params_set_defaults(Env *env, const ParamTable *table, void *params);

/*
 * Sets one.  RECSYS_BAD_ARGUMENT when the name is not known (the hint lists the
 * valid ones), the type is wrong (the message says which is right), or the value
 * is out of range (the hint gives the range or the choices); nothing is set then.
 * An interval is given in seconds, as a number.
 */
extern RecsysStatus params_set(Env *env, const ParamTable *table, void *params,
							   const char *name, size_t length, const ParamInput *input);

/*
 * The value as text: true, 40, 0.5, cosine, 2592000 (an interval, in seconds),
 * [1,3], null, ["als", "knn"].  Numbers have the fewest digits (15 to 17 are tried)
 * that read back to the same value.  PARAM_VALUE_SIZE bytes are always enough.  Returns the
 * length; always terminated.
 */
extern int	params_format(const ParamDef *def, const void *params, char *text, size_t size);

/* All parameters as "name=value" lines, as a model stores them; block of the Env. */
extern RecsysStatus params_write(Env *env, const ParamTable *table, const void *params,
								 char **text, size_t *length);

/*
 * Reads such lines into all of params; anything else is RECSYS_CORRUPT, also a
 * value out of range, an unknown name or one that comes twice.  A missing name
 * gets its default, an alias is taken, so that older models can still be read.
 */
extern RecsysStatus params_read(Env *env, const ParamTable *table, void *params,
								const char *text, size_t length);

/* Name number i of a list separated by spaces; NULL past the end. */
extern const char *choice_name(const char *choices, int i, int *length);

#endif							/* CORE_PARAMS_H */
