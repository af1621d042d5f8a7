/*
 * params.c
 *		Parameter tables: finding, setting, formatting, storing.
 *
 * There is one way in for every value: set_value(), which checks a ParamInput
 * against a definition.  What a user writes arrives there as it is; defaults and
 * stored text are first turned into a ParamInput by read_input().
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/params.h"
#include "core/parts.h"

#define MAX_EXACT_INTEGER 9007199254740992.0	/* 2^53: doubles hold all integers up to here */
#define MAX_INTERVAL 3155760000.0	/* 100 years */
#define SHOWN_BYTES 63			/* of a user's text in a message */
#define NUMBER_SIZE 32			/* bytes of a formatted double */

const ParamDef common_params[N_COMMON_PARAMS] = {
	{
		.name = "random_state", .aliases = "seed",
		.type = PARAM_INT, .offset = offsetof(CommonParams, random_state),
		.default_text = "42", .min = -MAX_EXACT_INTEGER, .max = MAX_EXACT_INTEGER,
		.description = "Seed of everything random: the same seed and data give the same model.",
	},
	{
		.name = "half_life",
		.type = PARAM_INTERVAL, .offset = offsetof(CommonParams, half_life),
		.default_text = "null", .min = 1, .max = MAX_INTERVAL,
		.description = "Age at which a rating counts half; null: old and new ratings count the same.",
	},
	{
		.name = "cold_start",
		.type = PARAM_CHOICE, .offset = offsetof(CommonParams, cold_start),
		.default_text = "popular", .choices = "popular none",
		.description = "What users get for whom there is no personal answer: popular courses, or none.",
	},
	{
		.name = "keep_versions",
		.type = PARAM_INT, .offset = offsetof(CommonParams, keep_versions),
		.default_text = "2", .min = 1, .max = 1000,
		.description = "Versions to keep; the published one, the newest and the one to roll back to always stay.",
	},
	{
		.name = "verbose",
		.type = PARAM_BOOL, .offset = offsetof(CommonParams, verbose),
		.default_text = "false",
		.description = "Report in a notice what was trained, from what, and how long it took.",
	},
};

/* ---------------------------------------------------------------- names */

/* Walks to name number i. */
const char *
choice_name(const char *choices, int i, int *length)
{
	const char *name = choices != NULL ? choices : "";

	for (;; i--)
	{
		name += strspn(name, " ");
		*length = (int) strcspn(name, " ");
		if (*length == 0)
			return NULL;
		if (i == 0)
			return name;
		name += *length;
	}
}

/* Position of a name in a list separated by spaces, or -1. */
static int
choice_find(const char *choices, const char *name, size_t length)
{
	int			choice_length;
	const char *choice;

	for (int i = 0; (choice = choice_name(choices, i, &choice_length)) != NULL; i++)
	{
		if ((size_t) choice_length == length && memcmp(choice, name, length) == 0)
			return i;
	}
	return -1;
}

/* Definition i: first the common ones, then those of the method. */
const ParamDef *
params_def(const ParamTable *table, int i)
{
	if (i < 0)
		return NULL;
	if (i < N_COMMON_PARAMS)
		return &common_params[i];
	i -= N_COMMON_PARAMS;
	return i < table->n_own ? &table->own[i] : NULL;
}

/* Position of the definition with this name or alias, or -1. */
static int
find_index(const ParamTable *table, const char *name, size_t length)
{
	const ParamDef *def;

	for (int i = 0; (def = params_def(table, i)) != NULL; i++)
	{
		if ((strlen(def->name) == length && memcmp(def->name, name, length) == 0) ||
			choice_find(def->aliases, name, length) >= 0)
			return i;
	}
	return -1;
}

/* The definition with this name or alias. */
const ParamDef *
params_find(const ParamTable *table, const char *name, size_t length)
{
	return params_def(table, find_index(table, name, length));
}

/* ---------------------------------------------------------------- numbers as text */

/* Fewest of 15 to 17 digits that read back to the same double; text has NUMBER_SIZE bytes. */
static void
format_number(double value, char *text)
{
	for (int digits = 15; digits <= 17; digits++)
	{
		snprintf(text, NUMBER_SIZE, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			return;
	}
}

/* A decimal number, all of the text; false for anything else that strtod takes (hex, inf, spaces). */
static bool
parse_number(const char *text, size_t length, double *value)
{
	char		copy[NUMBER_SIZE];
	char	   *end;

	if (length == 0 || length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (strspn(copy, "0123456789+-.eE") != length)
		return false;
	*value = strtod(copy, &end);
	return end == copy + length;
}

/* "[1,3]" to two numbers. */
static bool
parse_range(const char *text, size_t length, double *low, double *high)
{
	const char *comma = memchr(text, ',', length);
	const char *end = text + length;

	if (comma == NULL || text[0] != '[' || end[-1] != ']')
		return false;
	return parse_number(text + 1, (size_t) (comma - text) - 1, low) &&
		parse_number(comma + 1, (size_t) (end - comma) - 2, high);
}

/* "[0.5,0.25]" to one and more numbers, at most PARAM_INPUT_MAX_NUMBERS; how many, or 0 for any other text. */
static int
parse_numbers(const char *text, size_t length, double *numbers)
{
	const char *end = text + length;
	int			n = 0;

	if (length < 2 || text[0] != '[' || end[-1] != ']')
		return 0;
	for (text++; text <= end && n < PARAM_INPUT_MAX_NUMBERS; n++)
	{
		const char *comma = memchr(text, ',', (size_t) (end - text));
		const char *stop = comma != NULL ? comma : end - 1;

		if (!parse_number(text, (size_t) (stop - text), &numbers[n]))
			return 0;
		if (comma == NULL)
			return n + 1;
		text = comma + 1;
	}
	return 0;
}

/* ---------------------------------------------------------------- messages */

/* Bytes of a user's text to show: not too many, and no half of a UTF-8 character. */
static int
shown_length(const char *text, size_t length)
{
	if (length <= SHOWN_BYTES)
		return (int) length;
	length = SHOWN_BYTES;
	while (length > 0 && ((unsigned char) text[length] & 0xc0) == 0x80)
		length--;
	return (int) length;
}

/* Appends `"name"` to a list; what does not fit is left out, with "..." at the end. */
static void
append_quoted(char *list, size_t size, const char *name, int length)
{
	size_t		used = strlen(list);

	if (used >= 3 && strcmp(list + used - 3, "...") == 0)
		return;
	if (used + (size_t) length + sizeof(", \"\", ...") > size)
		snprintf(list + used, size - used, ", ...");
	else
		snprintf(list + used, size - used, "%s\"%.*s\"", used > 0 ? ", " : "", length, name);
}

/* Appends the names of n definitions. */
static void
append_names(char *list, size_t size, const ParamDef *defs, int n)
{
	for (int i = 0; i < n; i++)
		append_quoted(list, size, defs[i].name, (int) strlen(defs[i].name));
}

/* Is it one number without a fraction? */
static bool
is_whole(const ParamDef *def)
{
	return def->type == PARAM_INT || def->type == PARAM_COUNT;
}

/* Is the value one number? */
static bool
is_number(const ParamDef *def)
{
	return is_whole(def) || def->type == PARAM_FLOAT || def->type == PARAM_INTERVAL;
}

/* Least and greatest valid number: those of the definition, within what the type can hold. */
static void
get_bounds(const ParamDef *def, double *min, double *max)
{
	double		type_max = INFINITY;

	if (is_whole(def))
		type_max = MAX_EXACT_INTEGER;
	else if (def->type == PARAM_RANGE)
		type_max = INT32_MAX;
	*min = fmax(def->min, -type_max);
	*max = fmin(def->max, type_max);
}

/* Hint with the valid numbers. */
static void
hint_numbers(Env *env, const ParamDef *def)
{
	double		min;
	double		max;
	char		min_text[NUMBER_SIZE];
	char		max_text[NUMBER_SIZE];

	get_bounds(def, &min, &max);
	format_number(min, min_text);
	format_number(max, max_text);
	if (def->type == PARAM_RANGE)
		env_hint(env, "Write [low, high] with %s <= low <= high <= %s.", min_text, max_text);
	else if (def->type == PARAM_INTERVAL)
		env_hint(env, "Write text such as \"30 days\", or a number of seconds between %s and %s.",
				 min_text, max_text);
	else if (isfinite(min) && isfinite(max))
		env_hint(env, "Valid values are between %s and %s.", min_text, max_text);
	else if (isfinite(min))
		env_hint(env, "Valid values are %s and greater.", min_text);
	else if (isfinite(max))
		env_hint(env, "Valid values are %s and less.", max_text);
}

/* Hint with the choices. */
static void
hint_choices(Env *env, const ParamDef *def)
{
	char		list[sizeof(env->hint) - sizeof("Valid values are .")] = "";
	const char *name;
	int			length;

	for (int i = 0; (name = choice_name(def->choices, i, &length)) != NULL; i++)
		append_quoted(list, sizeof(list), name, length);
	env_hint(env, "Valid values are %s.", list);
}

/* Hint with what a definition allows. */
static void
hint_valid(Env *env, const ParamDef *def)
{
	switch (def->type)
	{
		case PARAM_BOOL:
			env_hint(env, "Valid values are true and false.");
			break;
		case PARAM_CHOICE:
			hint_choices(env, def);
			break;
		case PARAM_TEXT:
			env_hint(env, "Write 1 to %d bytes of text.", PARAM_TEXT_SIZE - 1);
			break;
		case PARAM_PARTS:
			env_hint(env, PARTS_HINT);
			break;
		case PARAM_PART:
			env_hint(env, PART_HINT);
			break;
		default:
			hint_numbers(env, def);
			break;
	}
}

/* The value has the wrong type. */
static RecsysStatus
fail_type(Env *env, const ParamDef *def)
{
	static const char *const wanted[] = {
		[PARAM_BOOL] = "true or false",
		[PARAM_INT] = "an integer",
		[PARAM_FLOAT] = "a number",
		[PARAM_COUNT] = "an integer",
		[PARAM_CHOICE] = "text",
		[PARAM_INTERVAL] = "an interval",
		[PARAM_RANGE] = "an array of two integers",
		[PARAM_TEXT] = "text",
		[PARAM_NUMBERS] = "an array of 1 to 8 numbers",
		[PARAM_PARTS] = "a list of methods",
		[PARAM_PART] = "a method"
	};

	env_fail(env, RECSYS_BAD_ARGUMENT, "parameter \"%s\" must be %s", def->name,
			 wanted[def->type]);
	hint_valid(env, def);
	return env->status;
}

/* The value, as text, is outside its range. */
static RecsysStatus
fail_range(Env *env, const ParamDef *def, const char *value)
{
	env_fail(env, RECSYS_BAD_ARGUMENT, "value %s is out of range for parameter \"%s\"", value,
			 def->name);
	hint_valid(env, def);
	return env->status;
}

/* There is no such parameter. */
static RecsysStatus
fail_unknown(Env *env, const ParamTable *table, const char *name, size_t length)
{
	char		list[sizeof(env->hint) - sizeof("Valid parameters are .")] = "";

	/* The method's own come first: should the list not fit, the common ones are missing. */
	append_names(list, sizeof(list), table->own, table->n_own);
	append_names(list, sizeof(list), common_params, N_COMMON_PARAMS);
	env_fail(env, RECSYS_BAD_ARGUMENT, "unrecognized parameter \"%.*s\" for method \"%s\"",
			 shown_length(name, length), name, table->method);
	return env_hint(env, "Valid parameters are %s.", list);
}

/* ---------------------------------------------------------------- setting */

/* May the parameter be null? */
static bool
is_nullable(const ParamDef *def)
{
	return strcmp(def->default_text, "null") == 0;
}

/* Sets to null. */
static RecsysStatus
set_null(Env *env, const ParamDef *def, void *value)
{
	if (is_nullable(def))
	{
		if (is_number(def) && def->type != PARAM_INT)
		{
			*(double *) value = NAN;
			return RECSYS_OK;
		}
		if (def->type == PARAM_TEXT)
		{
			memset(value, 0, PARAM_TEXT_SIZE);
			return RECSYS_OK;
		}
		if (param_is_json(def->type))
		{
			memset(value, 0, PARAM_PARTS_SIZE);
			return RECSYS_OK;
		}
		if (def->type == PARAM_NUMBERS)
		{
			memset(value, 0, sizeof(ParamNumbers));
			return RECSYS_OK;
		}
	}
	env_fail(env, RECSYS_BAD_ARGUMENT, "parameter \"%s\" must not be null", def->name);
	hint_valid(env, def);
	return env->status;
}

/* Sets one number. */
static RecsysStatus
set_number(Env *env, const ParamDef *def, void *value, double number)
{
	double		min;
	double		max;
	char		text[NUMBER_SIZE];

	if (!isfinite(number) || (is_whole(def) && number != floor(number)))
		return fail_type(env, def);
	get_bounds(def, &min, &max);
	if (number < min || number > max)
	{
		format_number(number, text);
		return fail_range(env, def, text);
	}
	if (def->type == PARAM_INT)
		*(int64_t *) value = (int64_t) number;
	else
		*(double *) value = number;
	return RECSYS_OK;
}

/* Sets a PARAM_RANGE. */
static RecsysStatus
set_range(Env *env, const ParamDef *def, ParamRange *value, double low, double high)
{
	double		min;
	double		max;
	char		low_text[NUMBER_SIZE];
	char		high_text[NUMBER_SIZE];
	char		text[2 * NUMBER_SIZE + 4];

	if (!isfinite(low) || !isfinite(high) || low != floor(low) || high != floor(high))
		return fail_type(env, def);
	get_bounds(def, &min, &max);
	if (low < min || high > max || low > high)
	{
		format_number(low, low_text);
		format_number(high, high_text);
		snprintf(text, sizeof(text), "[%s, %s]", low_text, high_text);
		return fail_range(env, def, text);
	}
	value->low = (int32_t) low;
	value->high = (int32_t) high;
	return RECSYS_OK;
}

/* Sets a PARAM_CHOICE; upper and lower case differ. */
static RecsysStatus
set_choice(Env *env, const ParamDef *def, int *value, const char *text, size_t length)
{
	int			i = choice_find(def->choices, text, length);

	if (i < 0)
	{
		env_fail(env, RECSYS_BAD_ARGUMENT, "unrecognized value \"%.*s\" for parameter \"%s\"",
				 shown_length(text, length), text, def->name);
		hint_choices(env, def);
		return env->status;
	}
	*value = i;
	return RECSYS_OK;
}

/* Sets a PARAM_TEXT.  Control characters would break the lines of params_write. */
static RecsysStatus
set_string(Env *env, const ParamDef *def, char *value, const char *text, size_t length)
{
	if (length == 0)
		return set_null(env, def, value);
	if (length >= PARAM_TEXT_SIZE)
	{
		env_fail(env, RECSYS_BAD_ARGUMENT, "value of parameter \"%s\" is too long", def->name);
		return env_detail(env, "It has %zu bytes; at most %d are possible.", length,
						  PARAM_TEXT_SIZE - 1);
	}
	if (length == 4 && memcmp(text, "null", 4) == 0)
	{
		env_fail(env, RECSYS_BAD_ARGUMENT, "invalid value \"null\" for parameter \"%s\"",
				 def->name);
		return env_hint(env, "Write null without quotes, or leave the parameter out.");
	}
	for (size_t i = 0; i < length; i++)
	{
		if ((unsigned char) text[i] < 0x20 || text[i] == 0x7f)
		{
			env_fail(env, RECSYS_BAD_ARGUMENT,
					 "value of parameter \"%s\" contains a control character", def->name);
			return env_detail(env, "Byte %zu is 0x%02x.", i + 1, (unsigned char) text[i]);
		}
	}
	memset(value, 0, PARAM_TEXT_SIZE);
	memcpy(value, text, length);
	return RECSYS_OK;
}

/* Sets a PARAM_NUMBERS. */
static RecsysStatus
set_numbers(Env *env, const ParamDef *def, ParamNumbers *value, const ParamInput *input)
{
	ParamNumbers numbers = {.n = input->n_numbers};

	if (input->n_numbers < 1 || input->n_numbers > PARAM_NUMBERS_MAX)
		return fail_type(env, def);
	for (int i = 0; i < input->n_numbers; i++)
		TRY(set_number(env, def, &numbers.values[i], input->numbers[i]));
	*value = numbers;
	return RECSYS_OK;
}

/* Sets a PARAM_PARTS or PARAM_PART. */
static RecsysStatus
set_parts(Env *env, const ParamDef *def, char *value, const char *text, size_t length)
{
	if (length >= PARAM_PARTS_SIZE)
	{
		env_fail(env, RECSYS_BAD_ARGUMENT, "value of parameter \"%s\" is too long", def->name);
		return env_detail(env, "It has %zu bytes; at most %d are possible.", length,
						  PARAM_PARTS_SIZE - 1);
	}
	TRY(def->type == PARAM_PART ? part_check(env, def->name, text, length) :
		parts_check(env, def->name, text, length));
	memset(value, 0, PARAM_PARTS_SIZE);
	memcpy(value, text, length);
	return RECSYS_OK;
}

/* Sets one value: the only way in. */
static RecsysStatus
set_value(Env *env, const ParamDef *def, void *params, const ParamInput *input)
{
	static const ParamInputType wanted[] = {
		[PARAM_BOOL] = PARAM_INPUT_BOOL,
		[PARAM_INT] = PARAM_INPUT_NUMBER,
		[PARAM_FLOAT] = PARAM_INPUT_NUMBER,
		[PARAM_COUNT] = PARAM_INPUT_NUMBER,
		[PARAM_CHOICE] = PARAM_INPUT_TEXT,
		[PARAM_INTERVAL] = PARAM_INPUT_NUMBER,
		[PARAM_RANGE] = PARAM_INPUT_NUMBERS,
		[PARAM_TEXT] = PARAM_INPUT_TEXT,
		[PARAM_NUMBERS] = PARAM_INPUT_NUMBERS,
		[PARAM_PARTS] = PARAM_INPUT_JSON,
		[PARAM_PART] = PARAM_INPUT_JSON
	};
	void	   *value = (char *) params + def->offset;

	if (input->type == PARAM_INPUT_NULL)
		return set_null(env, def, value);
	if (input->type != wanted[def->type] ||
		(def->type == PARAM_RANGE && input->n_numbers != 2))
		return fail_type(env, def);
	switch (def->type)
	{
		case PARAM_BOOL:
			*(bool *) value = input->boolean;
			return RECSYS_OK;
		case PARAM_CHOICE:
			return set_choice(env, def, value, input->text, input->length);
		case PARAM_RANGE:
			return set_range(env, def, value, input->numbers[0], input->numbers[1]);
		case PARAM_TEXT:
			return set_string(env, def, value, input->text, input->length);
		case PARAM_NUMBERS:
			return set_numbers(env, def, value, input);
		case PARAM_PARTS:
		case PARAM_PART:
			return set_parts(env, def, value, input->text, input->length);
		default:
			return set_number(env, def, value, input->number);
	}
}

/* Finds the parameter and sets it. */
RecsysStatus
params_set(Env *env, const ParamTable *table, void *params, const char *name, size_t length,
		   const ParamInput *input)
{
	const ParamDef *def = params_find(table, name, length);

	if (def == NULL)
		return fail_unknown(env, table, name, length);
	return set_value(env, def, params, input);
}

/*
 * Text of params_format as an input.  What does not have the form of its type
 * stays text, and is refused as such by set_value.
 */
static ParamInput
read_input(const ParamDef *def, const char *text, size_t length)
{
	ParamInput	input = {.type = PARAM_INPUT_TEXT, .text = text, .length = length};

	if (length == 4 && memcmp(text, "null", 4) == 0)
		input.type = PARAM_INPUT_NULL;
	else if (def->type == PARAM_BOOL && choice_find("false true", text, length) >= 0)
	{
		input.type = PARAM_INPUT_BOOL;
		input.boolean = length == 4;
	}
	else if (def->type == PARAM_RANGE &&
			 parse_range(text, length, &input.numbers[0], &input.numbers[1]))
	{
		input.type = PARAM_INPUT_NUMBERS;
		input.n_numbers = 2;
	}
	else if (def->type == PARAM_NUMBERS &&
			 (input.n_numbers = parse_numbers(text, length, input.numbers)) > 0)
		input.type = PARAM_INPUT_NUMBERS;
	else if (param_is_json(def->type))
		input.type = PARAM_INPUT_JSON;
	else if (is_number(def) && parse_number(text, length, &input.number))
		input.type = PARAM_INPUT_NUMBER;
	return input;
}

/* Zeroes the struct, gaps too, and reads the default of every definition. */
RecsysStatus
params_set_defaults(Env *env, const ParamTable *table, void *params)
{
	const ParamDef *def;

	memset(params, 0, table->size);
	for (int i = 0; (def = params_def(table, i)) != NULL; i++)
	{
		ParamInput	input = read_input(def, def->default_text, strlen(def->default_text));

		TRY(set_value(env, def, params, &input));
	}
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- text form */

/* Formats a double, NAN as null. */
static int
format_nullable(double value, char *text, size_t size)
{
	char		number[NUMBER_SIZE];

	if (isnan(value))
		return snprintf(text, size, "null");
	format_number(value, number);
	return snprintf(text, size, "%s", number);
}

/* Formats several numbers, none as null. */
static int
format_numbers(const ParamNumbers *numbers, char *text, size_t size)
{
	char		all[PARAM_NUMBERS_MAX * (NUMBER_SIZE + 1) + 2];
	char		number[NUMBER_SIZE];
	int			length = 0;

	if (numbers->n == 0)
		return snprintf(text, size, "null");
	for (int i = 0; i < numbers->n; i++)
	{
		format_number(numbers->values[i], number);
		length += snprintf(all + length, sizeof(all) - (size_t) length, "%c%s", i == 0 ? '[' : ',',
						   number);
	}
	return snprintf(text, size, "%s]", all);
}

/* Formats without minding that the text may have been cut: the length it would have. */
static int
format_value(const ParamDef *def, const void *value, char *text, size_t size)
{
	const ParamRange *range = value;
	const char *string = value;
	int			length;

	switch (def->type)
	{
		case PARAM_BOOL:
			return snprintf(text, size, "%s", *(const bool *) value ? "true" : "false");
		case PARAM_INT:
			return snprintf(text, size, "%lld", (long long) *(const int64_t *) value);
		case PARAM_CHOICE:
			string = choice_name(def->choices, *(const int *) value, &length);
			return snprintf(text, size, "%.*s", length, string != NULL ? string : "");
		case PARAM_RANGE:
			return snprintf(text, size, "[%d,%d]", (int) range->low, (int) range->high);
		case PARAM_TEXT:
		case PARAM_PARTS:
		case PARAM_PART:
			return snprintf(text, size, "%s", string[0] != '\0' ? string : "null");
		case PARAM_NUMBERS:
			return format_numbers(value, text, size);
		default:
			return format_nullable(*(const double *) value, text, size);
	}
}

/* Formats a value; the length is what is there, terminator apart. */
int
params_format(const ParamDef *def, const void *params, char *text, size_t size)
{
	int			length = format_value(def, (const char *) params + def->offset, text, size);

	return (size_t) length < size ? length : (int) size - 1;
}

/* Bytes that the formatted value of a definition takes at most, terminated. */
static size_t
value_room(const ParamDef *def)
{
	return param_is_json(def->type) || def->type == PARAM_NUMBERS ? PARAM_VALUE_SIZE : PARAM_TEXT_SIZE;
}

/* Writes a line for every definition. */
RecsysStatus
params_write(Env *env, const ParamTable *table, const void *params, char **text, size_t *length)
{
	const ParamDef *def;
	size_t		room = 1;
	size_t		used = 0;
	char	   *block;

	for (int i = 0; (def = params_def(table, i)) != NULL; i++)
		room += strlen(def->name) + value_room(def) + sizeof("=\n");
	block = env_alloc(env, room, 1);
	if (block == NULL)
		return env->status;
	for (int i = 0; (def = params_def(table, i)) != NULL; i++)
	{
		char		value[PARAM_VALUE_SIZE];

		params_format(def, params, value, sizeof(value));
		used += (size_t) snprintf(block + used, room - used, "%s=%s\n", def->name, value);
	}
	*text = block;
	*length = used;
	return RECSYS_OK;
}

/* Reads one line, without its end; seen[i]: definition i had its line. */
static RecsysStatus
read_line(Env *env, const ParamTable *table, void *params, bool *seen, const char *line,
		  size_t length)
{
	const char *equals = memchr(line, '=', length);
	int			i = equals != NULL ? find_index(table, line, (size_t) (equals - line)) : -1;
	ParamInput	input;

	if (i < 0 || seen[i])
		return RECSYS_CORRUPT;
	seen[i] = true;
	input = read_input(params_def(table, i), equals + 1, length - (size_t) (equals + 1 - line));
	return set_value(env, params_def(table, i), params, &input);
}

/* Reads all lines; the first bad one ends it. */
static RecsysStatus
read_lines(Env *env, const ParamTable *table, void *params, bool *seen, const char *text,
		   size_t length)
{
	const char *end = text + length;

	for (int number = 1; text < end; number++)
	{
		const char *line_end = memchr(text, '\n', (size_t) (end - text));
		RecsysStatus status = line_end == NULL ? RECSYS_CORRUPT :
			read_line(env, table, params, seen, text, (size_t) (line_end - text));

		if (status == RECSYS_NO_MEMORY || status == RECSYS_OVER_LIMIT)
			return status;
		if (status != RECSYS_OK)
		{
			env_fail(env, RECSYS_CORRUPT, "parameters of the model are damaged");
			env_hint(env, "Train the model again, or restore it from a backup.");
			return env_detail(env, "Line %d is not valid.", number);
		}
		text = line_end + 1;
	}
	return RECSYS_OK;
}

/* Defaults first, then what the lines say. */
RecsysStatus
params_read(Env *env, const ParamTable *table, void *params, const char *text, size_t length)
{
	bool	   *seen = env_alloc_zero(env, (size_t) N_COMMON_PARAMS + (size_t) table->n_own,
									  sizeof(bool));
	RecsysStatus status;

	if (seen == NULL)
		return env->status;
	status = params_set_defaults(env, table, params);
	if (status == RECSYS_OK)
		status = read_lines(env, table, params, seen, text, length);
	env_free(env, seen);
	return status;
}
