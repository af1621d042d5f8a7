/*
 * args.c
 *		Arguments of SQL functions: read, checked, complained about by name.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "pg/args.h"
#include "pg/env_pg.h"

/* Raises unless the argument is given. */
void
require_arg(FunctionCallInfo fcinfo, int i, const char *name)
{
	if (PG_ARGISNULL(i))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
}

/* A text argument as a C string; NULL for null. */
char *
arg_text(FunctionCallInfo fcinfo, int i)
{
	return PG_ARGISNULL(i) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(i));
}

/* A text argument that must be given. */
char *
required_text(FunctionCallInfo fcinfo, int i, const char *name)
{
	require_arg(fcinfo, i, name);
	return arg_text(fcinfo, i);
}

/* A number of rows: at least 1. */
int
required_count(FunctionCallInfo fcinfo, int i, const char *name)
{
	int			n;

	require_arg(fcinfo, i, name);
	n = PG_GETARG_INT32(i);
	if (n < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be at least 1, not %d", name, n)));
	return n;
}

/* The elements of an array argument; NULL for null. */
static Datum *
arg_elements(FunctionCallInfo fcinfo, int i, const char *name, Oid type, int *n)
{
	ArrayType  *array;
	Datum	   *elements;
	bool	   *nulls;
	int16		length;
	bool		by_value;
	char		align;

	*n = 0;
	if (PG_ARGISNULL(i))
		return NULL;
	array = PG_GETARG_ARRAYTYPE_P(i);
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("argument \"%s\" must have one dimension, not %d", name, ARR_NDIM(array))));
	get_typlenbyvalalign(type, &length, &by_value, &align);
	deconstruct_array(array, type, length, by_value, align, &elements, &nulls, n);
	for (int e = 0; e < *n; e++)
		if (nulls[e])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" must not contain nulls", name)));
	return elements;
}

/* The elements of a text[] argument; NULL for null. */
char **
arg_texts(FunctionCallInfo fcinfo, int i, const char *name, int *n)
{
	Datum	   *elements = arg_elements(fcinfo, i, name, TEXTOID, n);
	char	  **texts;

	if (elements == NULL)
		return NULL;
	texts = palloc(sizeof(char *) * (*n + 1));
	for (int e = 0; e < *n; e++)
		texts[e] = TextDatumGetCString(elements[e]);
	return texts;
}

/* The elements of a name[] argument; NULL for null. */
char **
arg_names(FunctionCallInfo fcinfo, int i, const char *name, int *n)
{
	Datum	   *elements = arg_elements(fcinfo, i, name, NAMEOID, n);
	char	  **names;

	if (elements == NULL)
		return NULL;
	names = palloc(sizeof(char *) * (*n + 1));
	for (int e = 0; e < *n; e++)
		names[e] = pstrdup(NameStr(*DatumGetName(elements[e])));
	return names;
}

/* The elements of a float8[] argument; NULL for null. */
double *
arg_numbers(FunctionCallInfo fcinfo, int i, const char *name, int *n)
{
	Datum	   *elements = arg_elements(fcinfo, i, name, FLOAT8OID, n);
	double	   *numbers;

	if (elements == NULL)
		return NULL;
	numbers = palloc(sizeof(double) * (*n + 1));
	for (int e = 0; e < *n; e++)
		numbers[e] = DatumGetFloat8(elements[e]);
	return numbers;
}

/* Declared type of an argument of the called function. */
static Oid
declared_type(FunctionCallInfo fcinfo, int i)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, i);
	Oid		   *types;
	int			n;

	if (type == INT8OID || type == TEXTOID || type == UUIDOID)
		return type;
	(void) get_func_signature(fcinfo->flinfo->fn_oid, &types, &n);
	return types[i];
}

/* A user: bigint, text or uuid. */
UserArg
arg_user_at(FunctionCallInfo fcinfo, int i)
{
	UserArg		user = {.known = !PG_ARGISNULL(i)};

	if (user.known)
	{
		user.type = declared_type(fcinfo, i);
		user.value = PG_GETARG_DATUM(i);
	}
	return user;
}

/* The user a function was called for. */
UserArg
arg_user(FunctionCallInfo fcinfo)
{
	return arg_user_at(fcinfo, 0);
}

/* A course: text, or bigint as text; NULL for null. */
char *
arg_course(FunctionCallInfo fcinfo, int i)
{
	if (PG_ARGISNULL(i))
		return NULL;
	if (declared_type(fcinfo, i) == INT8OID)
		return psprintf(INT64_FORMAT, PG_GETARG_INT64(i));
	return arg_text(fcinfo, i);
}

/* Names of models and datasets have 1 to 63 bytes. */
void
check_object_name(const char *kind, const char *name)
{
	if (name[0] == '\0' || strlen(name) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("name of a %s must have 1 to %d bytes, not %zu", kind, NAMEDATALEN - 1,
						strlen(name))));
}

/* A regclass argument; InvalidOid for null.  0, which is a regclass too, is refused. */
Oid
arg_relation(FunctionCallInfo fcinfo, int i, const char *name)
{
	if (PG_ARGISNULL(i))
		return InvalidOid;
	if (!OidIsValid(PG_GETARG_OID(i)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("argument \"%s\" is OID 0, which is no relation", name),
				 errhint("Name a table or view; to_regclass() gives null for one that does not exist.")));
	return PG_GETARG_OID(i);
}

/* Raises unless the value is a JSON object. */
Jsonb *
required_object(Datum value, const char *name)
{
	Jsonb	   *object = DatumGetJsonbP(value);

	if (!JB_ROOT_IS_OBJECT(object))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be a JSON object", name),
				 errhint("Write it like '{\"name\": 1}'.")));
	return object;
}

/* A JSON number as a double; out of range is infinite. */
static double
json_number(Numeric number)
{
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
											  NumericGetDatum(number)));
}

/* The names of options for a hint: what, then "a", "b". */
static int
hint_options(const OptionDef *defs, int n)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < n; i++)
		appendStringInfo(&names, "%s\"%s\"", i > 0 ? ", " : "", defs[i].name);
	return n == 1 ? errhint("The valid option is %s.", names.data) :
		errhint("Valid options are %s.", names.data);
}

/* The option of that name; raises with the list of valid ones. */
static const OptionDef *
find_option(const JsonbValue *key, const OptionDef *defs, int n)
{
	for (int i = 0; i < n; i++)
		if (key->val.string.len == (int) strlen(defs[i].name) &&
			memcmp(key->val.string.val, defs[i].name, key->val.string.len) == 0)
			return &defs[i];
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized option \"%.*s\"", key->val.string.len, key->val.string.val),
			 hint_options(defs, n)));
}

/* Raises for an option of another type. */
static void
raise_option_type(const OptionDef *def, const char *type)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" must be %s", def->name, type)));
}

/* A whole number within the range of the option. */
static int
option_int(const OptionDef *def, const JsonbValue *value)
{
	double		number = value->type == jbvNumeric ? json_number(value->val.numeric) : -1;

	if (!(number >= def->min && number <= def->max) || number != (int) number)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be a whole number from %d to %d", def->name, def->min,
						def->max)));
	return (int) number;
}

/* A number within the range of the option. */
static double
option_number(const OptionDef *def, const JsonbValue *value)
{
	double		number;

	if (value->type != jbvNumeric)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be a number from %d to %d", def->name, def->min,
						def->max)));
	number = json_number(value->val.numeric);
	if (!(number >= def->min && number <= def->max))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be a number from %d to %d, not %g", def->name,
						def->min, def->max, number)));
	return number;
}

/* The valid values of an option, for a hint. */
static int
hint_choices(const OptionDef *def)
{
	StringInfoData names;
	const char *name;
	int			length;

	initStringInfo(&names);
	for (int i = 0; (name = choice_name(def->choices, i, &length)) != NULL; i++)
		appendStringInfo(&names, "%s\"%.*s\"", i > 0 ? ", " : "", length, name);
	return errhint("Valid values are %s.", names.data);
}

/* Position of a value among the choices of the option. */
static int
option_choice(const OptionDef *def, const JsonbValue *value)
{
	const char *name;
	int			length;

	if (value->type != jbvString)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be a string", def->name), hint_choices(def)));
	for (int i = 0; (name = choice_name(def->choices, i, &length)) != NULL; i++)
		if (value->val.string.len == length && memcmp(value->val.string.val, name, length) == 0)
			return i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized value of option \"%s\": \"%.*s\"", def->name,
					value->val.string.len, value->val.string.val),
			 hint_choices(def)));
}

/* Sets one option. */
static void
set_option(const OptionDef *def, const JsonbValue *value)
{
	switch (def->type)
	{
		case OPTION_TEXT:
			if (value->type != jbvString)
				raise_option_type(def, "a string");
			*(char **) def->target = pnstrdup(value->val.string.val, value->val.string.len);
			break;
		case OPTION_BOOL:
			if (value->type != jbvBool)
				raise_option_type(def, "true or false");
			*(bool *) def->target = value->val.boolean;
			break;
		case OPTION_INT:
			*(int *) def->target = option_int(def, value);
			break;
		case OPTION_NUMBER:
			*(double *) def->target = option_number(def, value);
			break;
		case OPTION_CHOICE:
			*(int *) def->target = option_choice(def, value);
			break;
	}
}

/* Reads an options object; targets of options that are not there stay as they are. */
void
options_read(Datum options, const OptionDef *defs, int n)
{
	Jsonb	   *object = required_object(options, "options");
	JsonbIterator *iterator = JsonbIteratorInit(&object->root);
	JsonbIteratorToken token;
	JsonbValue	key,
				value;

	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		const OptionDef *def;

		if (token != WJB_KEY)
			continue;
		def = find_option(&key, defs, n);
		(void) JsonbIteratorNext(&iterator, &value, true);
		set_option(def, &value);
	}
}

/* The one text value that an options object may hold; NULL when it is not there. */
char *
options_text(Datum options, const char *key)
{
	char	   *text = NULL;
	OptionDef	def = {.name = key, .type = OPTION_TEXT, .target = &text};

	options_read(options, &def, 1);
	return text;
}

/* The method of that name; raises with the list of valid ones. */
const Method *
required_method(const char *name)
{
	const Method *method = method_find(name);
	char		names[512];

	if (method == NULL)
	{
		method_names(names, sizeof(names), NULL);
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized recommendation method: \"%s\"", name),
				 errhint("Valid methods are %s.", names)));
	}
	return method;
}

/* The method that a model is named after; raises with a word on where the method goes. */
const Method *
method_of_model(const char *model)
{
	const Method *method = method_find(model);
	char		names[512];

	if (method == NULL)
	{
		method_names(names, sizeof(names), NULL);
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized recommendation method: \"%s\"", model),
				 errdetail("Without a method, the name of the model is taken for one."),
				 errhint("Name the method in the second argument. Valid methods are %s.", names)));
	}
	return method;
}

/* The interval that is being read. */
typedef struct IntervalText
{
	const char *parameter;
	const char *text;
} IntervalText;

/* While interval_in runs: its errors speak of the parameter. */
static void
interval_error(void *arg)
{
	const IntervalText *input = arg;

	if (ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_DATA_EXCEPTION)
		return;
	errmsg("parameter \"%s\" must be an interval, not \"%s\"", input->parameter, input->text);
	errhint("Write text such as \"30 days\", or a number of seconds.");
}

/* The text of a parameter as an interval, in seconds. */
static double
interval_seconds(const char *parameter, const char *text, size_t length)
{
	IntervalText input = {parameter, pnstrdup(text, length)};
	ErrorContextCallback context = {error_context_stack, interval_error, &input};
	Interval   *interval;

	error_context_stack = &context;
	interval = DatumGetIntervalP(DirectFunctionCall3(interval_in, CStringGetDatum(input.text),
													 ObjectIdGetDatum(InvalidOid),
													 Int32GetDatum(-1)));
	error_context_stack = context.previous;
	return interval->time / 1e6 + interval->day * (double) SECS_PER_DAY +
		interval->month * (double) DAYS_PER_MONTH * SECS_PER_DAY;
}

/* Collects an array of numbers; anything else in it makes n_numbers -1. */
static void
read_numbers(JsonbContainer *array, ParamInput *input)
{
	JsonbIterator *iterator = JsonbIteratorInit(array);
	JsonbIteratorToken token;
	JsonbValue	value;

	input->type = PARAM_INPUT_NUMBERS;
	input->n_numbers = 0;
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM || input->n_numbers < 0)
			continue;
		if (value.type != jbvNumeric)
			input->n_numbers = -1;
		else if (input->n_numbers++ < PARAM_INPUT_MAX_NUMBERS)
			input->numbers[input->n_numbers - 1] = json_number(value.val.numeric);
	}
	if (input->n_numbers < 0)
		input->n_numbers = 0;
}

/* A JSON value as text, in the one form that jsonb has for it. */
static void
read_json(const JsonbValue *value, ParamInput *input)
{
	Jsonb	   *json = JsonbValueToJsonb((JsonbValue *) value);

	input->type = PARAM_INPUT_JSON;
	input->text = JsonbToCString(NULL, &json->root, VARSIZE(json));
	input->length = strlen(input->text);
}

/* A JSON value as the core takes it. */
static void
read_input(const JsonbValue *value, const ParamDef *def, ParamInput *input)
{
	memset(input, 0, sizeof(*input));
	if (def && param_is_json(def->type) && value->type != jbvNull)
	{
		read_json(value, input);
		return;
	}
	switch (value->type)
	{
		case jbvNull:
			input->type = PARAM_INPUT_NULL;
			return;
		case jbvBool:
			input->type = PARAM_INPUT_BOOL;
			input->boolean = value->val.boolean;
			return;
		case jbvNumeric:
			input->type = PARAM_INPUT_NUMBER;
			input->number = json_number(value->val.numeric);
			return;
		case jbvString:
			if (def && def->type == PARAM_INTERVAL)
			{
				input->type = PARAM_INPUT_NUMBER;
				input->number = interval_seconds(def->name, value->val.string.val,
												 value->val.string.len);
				return;
			}
			input->type = PARAM_INPUT_TEXT;
			input->text = value->val.string.val;
			input->length = value->val.string.len;
			return;
		default:
			if (value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data))
				read_numbers(value->val.binary.data, input);
			else
				input->type = PARAM_INPUT_NUMBERS;	/* an object: no type takes no numbers */
	}
}

/* Raises for a parameter that came before, under whatever name. */
static void
check_once(List **seen, const ParamDef *def)
{
	if (list_member_ptr(*seen, def))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"%s\" is given more than once", def->name),
				 errdetail("Other names of it are \"%s\".", def->aliases),
				 errhint("Give it under one name.")));
	*seen = lappend(*seen, (void *) def);
}

/* Parses a jsonb object into the parameters of a method. */
void *
parse_params(const Method *method, Datum params)
{
	Jsonb	   *object = required_object(params, "params");
	JsonbIterator *iterator = JsonbIteratorInit(&object->root);
	JsonbIteratorToken token;
	JsonbValue	key,
				value;
	void	   *result = palloc0(method->params.size);
	List	   *seen = NIL;
	Env			env;

	env_for_context(&env, CurrentMemoryContext);
	env_check(&env, params_set_defaults(&env, &method->params, result));
	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		const ParamDef *def;
		ParamInput	input;

		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&iterator, &value, true);
		def = params_find(&method->params, key.val.string.val, key.val.string.len);
		if (def)
			check_once(&seen, def);
		read_input(&value, def, &input);
		env_check(&env, params_set(&env, &method->params, result, key.val.string.val,
								   key.val.string.len, &input));
	}
	return result;
}

/* The parameters as a jsonb object, defaults resolved. */
Datum
params_to_jsonb(const Method *method, const void *params)
{
	StringInfoData json;
	const ParamDef *def;

	initStringInfo(&json);
	for (int i = 0; (def = params_def(&method->params, i)) != NULL; i++)
	{
		char		value[PARAM_VALUE_SIZE];

		params_format(def, params, value, sizeof(value));
		appendStringInfo(&json, "%c\"%s\":", i == 0 ? '{' : ',', def->name);
		if ((def->type == PARAM_CHOICE || def->type == PARAM_TEXT) && strcmp(value, "null") != 0)
			escape_json(&json, value);
		else if (def->type == PARAM_INTERVAL && strcmp(value, "null") != 0)
			appendStringInfo(&json, "\"%s seconds\"", value);
		else
			appendStringInfoString(&json, value);
	}
	appendStringInfoChar(&json, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}
