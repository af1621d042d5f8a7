/*
 * args.h
 *		Arguments of SQL functions: read, checked, complained about by name.
 */
#ifndef PG_ARGS_H
#define PG_ARGS_H

#include "fmgr.h"
#include "utils/jsonb.h"

#include "core/method.h"
#include "core/params.h"
#include "pg/keys.h"

/* Raises `argument "%s" must not be null` unless it is given. */
extern void require_arg(FunctionCallInfo fcinfo, int i, const char *name);

/* A text argument as a C string; NULL for null. */
extern char *arg_text(FunctionCallInfo fcinfo, int i);
extern char *required_text(FunctionCallInfo fcinfo, int i, const char *name);

/* A number of rows: at least 1. */
extern int	required_count(FunctionCallInfo fcinfo, int i, const char *name);

/* The elements of a text[] argument; null elements are errors.  NULL for null. */
extern char **arg_texts(FunctionCallInfo fcinfo, int i, const char *name, int *n);

/* The elements of a name[] argument. */
extern char **arg_names(FunctionCallInfo fcinfo, int i, const char *name, int *n);

/* The user a function was called for: its first argument, bigint, text or uuid. */
extern UserArg arg_user(FunctionCallInfo fcinfo);

/* The same, of another argument. */
extern UserArg arg_user_at(FunctionCallInfo fcinfo, int i);

/* A course: text, or bigint as text; NULL for null. */
extern char *arg_course(FunctionCallInfo fcinfo, int i);

/* The elements of a float8[] argument; nulls are errors.  NULL for null. */
extern double *arg_numbers(FunctionCallInfo fcinfo, int i, const char *name, int *n);

/* A regclass argument; InvalidOid for null.  0, which is a regclass too, is refused. */
extern Oid	arg_relation(FunctionCallInfo fcinfo, int i, const char *name);

/* Names of models and datasets have 1 to 63 bytes. */
extern void check_object_name(const char *kind, const char *name);

/* A jsonb argument that must be an object. */
extern Jsonb *required_object(Datum value, const char *name);

/* One key that an options object may have. */
typedef enum OptionType
{
	OPTION_TEXT,				/* char * */
	OPTION_BOOL,				/* bool */
	OPTION_INT,					/* int */
	OPTION_NUMBER,				/* double */
	OPTION_CHOICE				/* int: position in choices */
} OptionType;

typedef struct OptionDef
{
	const char *name;
	OptionType	type;
	void	   *target;			/* set when the key is there */
	int			min;			/* OPTION_INT, OPTION_NUMBER */
	int			max;
	const char *choices;		/* OPTION_CHOICE: names separated by spaces */
} OptionDef;

/* Reads an options object.  Unknown keys are errors that list the valid ones. */
extern void options_read(Datum options, const OptionDef *defs, int n);

/*
 * The one text value that an options object may hold; NULL when it is not
 * there.  Unknown keys are errors.
 */
extern char *options_text(Datum options, const char *key);

/* The method of that name; raises with the list of valid ones. */
extern const Method *required_method(const char *name);

/* The method that a model is named after, when none was given; raises with the list of valid ones. */
extern const Method *method_of_model(const char *model);

/* Parses a jsonb object into the parameters of a method; palloc'd. */
extern void *parse_params(const Method *method, Datum params);

/* The parameters as a jsonb object, defaults resolved. */
extern Datum params_to_jsonb(const Method *method, const void *params);

#endif							/* PG_ARGS_H */
