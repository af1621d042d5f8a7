/*
 * parts.c
 *		Methods that are made of other methods.
 */
#include "core/parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/methods/support.h"

/* Bytes of a method's text that a message shows. */
#define SHOWN_BYTES 63

/* While the parts are read. */
typedef struct PartsReader
{
	Env		   *env;
	const char *parameter;
	JsonReader	json;
	MethodPart *parts;
	int			n;				/* parts read before this one */
	bool		is_single;		/* one part, no list */
} PartsReader;

/* ---------------------------------------------------------------- messages */

/* The text is not what is expected where the reader is. */
static RecsysStatus
fail_form(PartsReader *reader)
{
	size_t		length = (size_t) (reader->json.end - reader->json.at);

	env_fail(reader->env, RECSYS_BAD_ARGUMENT, "parameter \"%s\" must be a %s", reader->parameter,
			 reader->is_single ? "method" : "list of methods");
	if (length > 0)
		env_detail(reader->env, "It cannot be read from part %d on, at \"%.*s\".", reader->n + 1,
				   (int) (length < SHOWN_BYTES ? length : SHOWN_BYTES), reader->json.at);
	return env_hint(reader->env, reader->is_single ? PART_HINT : PARTS_HINT);
}

/* Is it no combination of others? */
static bool
is_single(const Method *method)
{
	return method->parts == NULL;
}

/* There is no such method, or it cannot be a part. */
static RecsysStatus
fail_method(PartsReader *reader, const char *name)
{
	Env		   *env = reader->env;
	char		names[sizeof(env->hint) - sizeof("Valid methods are .")];

	if (method_find(name) != NULL)
		env_fail(env, RECSYS_BAD_ARGUMENT, "method \"%s\" in parameter \"%s\" is made of parts itself",
				 name, reader->parameter);
	else
		env_fail(env, RECSYS_BAD_ARGUMENT, "unrecognized recommendation method in parameter \"%s\": \"%.*s\"",
				 reader->parameter, SHOWN_BYTES, name);
	method_names(names, sizeof(names), is_single);
	return env_hint(env, "Valid methods are %s.", names);
}

/* A parameter that every method has stands in a part. */
static RecsysStatus
fail_common(PartsReader *reader, const MethodPart *part, const char *name)
{
	env_fail(reader->env, RECSYS_BAD_ARGUMENT, "parameter \"%s\" cannot be set for part \"%s\" alone",
			 name, part->method->name);
	return env_hint(reader->env, "Set it beside \"%s\": it holds for every part.", reader->parameter);
}

/* ---------------------------------------------------------------- reading */

/* Numbers of an array whose bracket has been read; 0 when there is anything else. */
static bool
read_numbers(PartsReader *reader, ParamInput *input)
{
	input->type = PARAM_INPUT_NUMBERS;
	do
	{
		double		number;

		if (!json_take_number(&reader->json, &number))
			return false;
		if (input->n_numbers < PARAM_INPUT_MAX_NUMBERS)
			input->numbers[input->n_numbers] = number;
		input->n_numbers++;
	} while (json_take(&reader->json, ','));
	return json_take(&reader->json, ']');
}

/* The value of one parameter; text has PARAM_PARTS_SIZE bytes and lives as long as the input. */
static bool
read_value(PartsReader *reader, ParamInput *input, char *text)
{
	JsonReader *json = &reader->json;

	memset(input, 0, sizeof(*input));
	input->type = PARAM_INPUT_NULL;
	if (json_take_word(json, "null"))
		return true;
	input->type = PARAM_INPUT_BOOL;
	input->boolean = json_take_word(json, "true");
	if (input->boolean || json_take_word(json, "false"))
		return true;
	input->type = PARAM_INPUT_TEXT;
	input->text = text;
	if (json_take_string(json, text, PARAM_PARTS_SIZE, &input->length))
		return true;
	if (json_take(json, '['))
		return read_numbers(reader, input);
	input->type = PARAM_INPUT_NUMBER;
	return json_take_number(json, &input->number);
}

/* One `"name": value` of the parameters of a part. */
static RecsysStatus
read_param(PartsReader *reader, MethodPart *part)
{
	static const ParamTable common = {.method = ""};
	char		name[PARAM_PARTS_SIZE];
	char		text[PARAM_PARTS_SIZE];
	size_t		length;
	ParamInput	input;

	if (!json_take_string(&reader->json, name, sizeof(name), &length) ||
		!json_take(&reader->json, ':') || !read_value(reader, &input, text))
		return fail_form(reader);
	if (params_find(&common, name, length) != NULL)
		return fail_common(reader, part, name);
	return params_set(reader->env, &part->method->params, part->params, name, length, &input);
}

/* The parameters of a part whose method is known: defaults, then what the object says. */
static RecsysStatus
read_params(PartsReader *reader, MethodPart *part)
{
	if (!json_take(&reader->json, '{'))
		return fail_form(reader);
	if (json_take(&reader->json, '}'))
		return RECSYS_OK;
	do
		TRY(read_param(reader, part));
	while (json_take(&reader->json, ','));
	return json_take(&reader->json, '}') ? RECSYS_OK : fail_form(reader);
}

/* The method of that name, its defaults, and its name as that of the part. */
static RecsysStatus
begin_part(PartsReader *reader, const char *name, MethodPart *part)
{
	part->method = method_find(name);
	if (part->method == NULL || !is_single(part->method))
		return fail_method(reader, name);
	part->params = env_alloc_zero(reader->env, 1, part->method->params.size);
	if (part->params == NULL)
		return reader->env->status;
	if (part->name[0] == '\0')
		snprintf(part->name, sizeof(part->name), "%s", name);
	return params_set_defaults(reader->env, &part->method->params, part->params);
}

/* The name that a part is given. */
static RecsysStatus
read_name(PartsReader *reader, MethodPart *part)
{
	size_t		length;

	if (!json_take_string(&reader->json, part->name, sizeof(part->name), &length) || length == 0)
		return fail_form(reader);
	for (size_t i = 0; i < length; i++)
		if ((unsigned char) part->name[i] < 0x20 || part->name[i] == 0x7f)
			return env_fail(reader->env, RECSYS_BAD_ARGUMENT, "name of a part contains a control character");
	return RECSYS_OK;
}

/* One `"key": value` of a part; of "params" only the place is kept, as the method may follow. */
static RecsysStatus
read_key(PartsReader *reader, MethodPart *part, char *method, JsonReader *params)
{
	JsonReader *json = &reader->json;
	char		key[PARAM_PARTS_SIZE];
	size_t		length;

	if (!json_take_string(json, key, sizeof(key), &length) || !json_take(json, ':'))
		return fail_form(reader);
	if (strcmp(key, "method") == 0)
		return json_take_string(json, method, PARAM_PARTS_SIZE, &length) ? RECSYS_OK : fail_form(reader);
	if (strcmp(key, "name") == 0)
		return read_name(reader, part);
	if (strcmp(key, "params") == 0)
	{
		*params = *json;
		return json_skip(json) ? RECSYS_OK : fail_form(reader);
	}
	env_fail(reader->env, RECSYS_BAD_ARGUMENT, "unrecognized key \"%.*s\" in parameter \"%s\"",
			 SHOWN_BYTES, key, reader->parameter);
	return env_hint(reader->env, "A part has \"method\", \"params\" and \"name\".");
}

/* A part that is an object. */
static RecsysStatus
read_object(PartsReader *reader, MethodPart *part)
{
	JsonReader	params = {0};
	JsonReader	after;
	char		method[PARAM_PARTS_SIZE] = "";

	do
		TRY(read_key(reader, part, method, &params));
	while (json_take(&reader->json, ','));
	if (!json_take(&reader->json, '}') || method[0] == '\0')
		return fail_form(reader);
	TRY(begin_part(reader, method, part));
	if (params.at == NULL)
		return RECSYS_OK;
	after = reader->json;
	reader->json = params;
	TRY(read_params(reader, part));
	reader->json = after;
	return RECSYS_OK;
}

/* Every part has a name of its own, and "popular" means what it means everywhere: not personal. */
static RecsysStatus
check_name(PartsReader *reader, const MethodPart *part)
{
	Env		   *env = reader->env;

	for (int i = 0; i < reader->n; i++)
		if (strcmp(reader->parts[i].name, part->name) == 0)
		{
			env_fail(env, RECSYS_BAD_ARGUMENT, "two parts are named \"%s\"", part->name);
			return env_hint(env, "Give one of them another \"name\".");
		}
	if (part->method->personal && strcmp(part->name, "popular") == 0)
	{
		env_fail(env, RECSYS_BAD_ARGUMENT, "a part of method \"%s\" cannot be named \"popular\"",
				 part->method->name);
		return env_hint(env, "The column \"source\" has this value in rows that are not personal.");
	}
	return RECSYS_OK;
}

/* One part. */
static RecsysStatus
read_part(PartsReader *reader)
{
	MethodPart *part = &reader->parts[reader->n];
	char		method[PARAM_PARTS_SIZE];
	size_t		length;

	if (reader->n == METHOD_PARTS_MAX)
		return env_fail(reader->env, RECSYS_BAD_ARGUMENT, "parameter \"%s\" has more than %d parts",
						reader->parameter, METHOD_PARTS_MAX);
	memset(part, 0, sizeof(*part));
	if (json_take(&reader->json, '{'))
		TRY(read_object(reader, part));
	else if (json_take_string(&reader->json, method, sizeof(method), &length))
		TRY(begin_part(reader, method, part));
	else
		return fail_form(reader);
	TRY(check_name(reader, part));
	reader->n++;
	return RECSYS_OK;
}

/* The words that a part reads, as far as its parameters say; none: empty. */
static void
describe_terms(const MethodPart *part, char *text, size_t size)
{
	static const char *const names[] = {"ngram_range", "text_search_config"};
	size_t		used = 0;

	text[0] = '\0';
	for (int i = 0; i < 2; i++)
	{
		const ParamDef *def = params_find(&part->method->params, names[i], strlen(names[i]));

		if (def != NULL && used + 1 < size)
			used += (size_t) params_format(def, part->params, text + used, size - used);
	}
}

/* The words are read once, for all parts. */
static RecsysStatus
check_terms(PartsReader *reader)
{
	char		first[2 * PARAM_VALUE_SIZE] = "";

	for (int i = 0; i < reader->n; i++)
	{
		char		own[2 * PARAM_VALUE_SIZE];

		describe_terms(&reader->parts[i], own, sizeof(own));
		if (own[0] != '\0' && first[0] != '\0' && strcmp(own, first) != 0)
		{
			env_fail(reader->env, RECSYS_BAD_ARGUMENT, "parts of parameter \"%s\" read different words",
					 reader->parameter);
			return env_hint(reader->env,
							"Give all of them the same \"ngram_range\" and \"text_search_config\".");
		}
		if (own[0] != '\0')
			memcpy(first, own, sizeof(first));
	}
	return RECSYS_OK;
}

/* Control characters would break the lines of params_write. */
static RecsysStatus
check_characters(PartsReader *reader)
{
	for (const char *c = reader->json.at; c < reader->json.end; c++)
		if ((unsigned char) *c < 0x20)
			return fail_form(reader);
	return RECSYS_OK;
}

/* Nothing but blanks is left. */
static bool
is_at_end(PartsReader *reader)
{
	return json_peek(&reader->json) == '\0' && reader->json.at == reader->json.end;
}

/* A list of parts and nothing else. */
RecsysStatus
parts_read(Env *env, const char *parameter, const char *text, size_t length, MethodPart *parts,
		   int *n)
{
	PartsReader reader = {env, parameter, {text, text + length}, parts, 0, false};

	*n = 0;
	TRY(check_characters(&reader));
	if (!json_take(&reader.json, '['))
		return fail_form(&reader);
	do
		TRY(read_part(&reader));
	while (json_take(&reader.json, ','));
	if (!json_take(&reader.json, ']') || !is_at_end(&reader))
		return fail_form(&reader);
	if (reader.n < 2)
	{
		env_fail(env, RECSYS_BAD_ARGUMENT, "parameter \"%s\" must have at least two parts", parameter);
		return env_hint(env, PARTS_HINT);
	}
	*n = reader.n;
	return check_terms(&reader);
}

/* A part and nothing else. */
RecsysStatus
part_read(Env *env, const char *parameter, const char *text, size_t length, MethodPart *part)
{
	PartsReader reader = {env, parameter, {text, text + length}, part, 0, true};

	TRY(check_characters(&reader));
	TRY(read_part(&reader));
	return is_at_end(&reader) ? RECSYS_OK : fail_form(&reader);
}

/* Reads into memory that is given back. */
RecsysStatus
part_check(Env *env, const char *parameter, const char *text, size_t length)
{
	MethodPart	part;
	Env			inner;

	env_enter(env, &inner);
	return env_leave(env, &inner, part_read(&inner, parameter, text, length, &part));
}

/* Reads into memory that is given back. */
RecsysStatus
parts_check(Env *env, const char *parameter, const char *text, size_t length)
{
	MethodPart	parts[METHOD_PARTS_MAX];
	Env			inner;
	int			n;

	env_enter(env, &inner);
	return env_leave(env, &inner, parts_read(&inner, parameter, text, length, parts, &n));
}

/* ---------------------------------------------------------------- what parts make of a method */

/* Asks the method. */
RecsysStatus
method_parts(Env *env, const Method *method, const void *params, MethodPart *parts, int *n)
{
	*n = 0;
	return method->parts == NULL ? RECSYS_OK : method->parts(env, params, parts, n);
}

/* Reads the parts into memory that is given back; what stays valid is which methods they are. */
static RecsysStatus
look_at_parts(Env *env, const Method *method, const void *params, MethodPart *parts, int *n)
{
	Env			inner;

	env_enter(env, &inner);
	return env_leave(env, &inner, method_parts(&inner, method, params, parts, n));
}

/* All together. */
RecsysStatus
method_needs(Env *env, const Method *method, const void *params, unsigned *needs)
{
	MethodPart	parts[METHOD_PARTS_MAX];
	int			n;

	*needs = method->needs | (method->more_needs == NULL ? 0 : method->more_needs(params));
	TRY(look_at_parts(env, method, params, parts, &n));
	for (int i = 0; i < n; i++)
		*needs |= parts[i].method->needs;
	return RECSYS_OK;
}

/* One part of a combination that does not is enough. */
RecsysStatus
method_predicts(Env *env, const Method *method, const void *params, bool *predicts)
{
	MethodPart	parts[METHOD_PARTS_MAX];
	int			n;

	*predicts = method->predict != NULL;
	if (!method_combines(method))
		return RECSYS_OK;
	TRY(look_at_parts(env, method, params, parts, &n));
	for (int i = 0; i < n; i++)
		*predicts = *predicts && parts[i].method->predict != NULL;
	return RECSYS_OK;
}

/* Asks the method or, with their parameters, its parts. */
static RecsysStatus
ask_for_user_rows(Env *env, const Method *method, const void *params, bool *stores)
{
	MethodPart	parts[METHOD_PARTS_MAX];
	int			n;

	*stores = method->stores_user_rows != NULL && method->stores_user_rows(params);
	TRY(method_parts(env, method, params, parts, &n));
	for (int i = 0; i < n; i++)
		*stores = *stores || (parts[i].method->stores_user_rows != NULL &&
							  parts[i].method->stores_user_rows(parts[i].params));
	return RECSYS_OK;
}

/* One part that does is enough. */
RecsysStatus
method_stores_user_rows(Env *env, const Method *method, const void *params, bool *stores)
{
	Env			inner;

	env_enter(env, &inner);
	return env_leave(env, &inner, ask_for_user_rows(&inner, method, params, stores));
}

/* ---------------------------------------------------------------- parts as models */

/* In memory that is given back. */
RecsysStatus
part_train(Env *env, const TrainingSet *set, const MethodPart *part, void **bytes, size_t *length)
{
	Env			inner;
	RecsysStatus status;

	env_enter(env, &inner);
	inner.loss_prefix = part->name;
	inner.progress = NULL;
	status = recommender_train(&inner, part->method, part->params, set, bytes, length);
	if (status == RECSYS_OK)
		env_keep(env, &inner, *bytes);
	return env_leave(env, &inner, status);
}

/* Indexes of courses, genres and groups are those of the whole. */
RecsysStatus
part_open(Env *env, const Recommender *whole, const MethodPart *part, const void *bytes, size_t length,
		  Recommender *rec)
{
	TRY(recommender_open_as(env, rec, part->method, bytes, length));
	if (rec->n_courses != whole->n_courses ||
		((rec->needs & NEEDS_GENRES) && rec->genre_names.n != whole->genre_names.n) ||
		((rec->needs & NEEDS_GROUPS) && rec->groups.n != whole->groups.n))
		return model_damaged(env, "A part knows other courses, genres or groups than the whole.");
	return RECSYS_OK;
}

/* Id, slot, count, order, rank, bias. */
double
common_model_bytes(const Shape *shape)
{
	return 4096 + 80 * (double) shape->n_courses;
}

/* At the end, the sections are there twice. */
void
part_estimate(const Shape *shape, const MethodPart *part, Estimate *estimate)
{
	double		model_bytes;

	memset(estimate, 0, sizeof(*estimate));
	part->method->estimate(shape, part->params, estimate);
	model_bytes = estimate->model_bytes + common_model_bytes(shape);
	if (part->method->needs & NEEDS_GENRES)
		model_bytes += sizeof(float) * (double) shape->n_courses * (double) shape->n_genres;
	estimate->bytes = fmax(estimate->bytes,
						   estimate->model_bytes + common_model_bytes(shape) + model_bytes);
	estimate->model_bytes = model_bytes;
}

/* Takes the next bytes; NULL when there are not enough. */
static void *
arena_alloc(size_t bytes, void *ctx)
{
	PartsArena *arena = ctx;
	char	   *taken = arena->bytes + arena->used;

	if (bytes > PARTS_ARENA_BYTES - arena->used)
		return NULL;
	arena->used += (bytes + 63) / 64 * 64;
	return taken;
}

/* Nothing: the arena goes as a whole. */
static void
arena_release(void *block, void *ctx)
{
	(void) block;
	(void) ctx;
}

/* Blocks are aligned here: a compiler's sanitizer may put the arena anywhere on the stack (gcc 13). */
Env
parts_arena(PartsArena *arena)
{
	arena->used = (64 - (uintptr_t) arena->bytes % 64) % 64;
	return (Env) {.alloc = arena_alloc, .release = arena_release, .ctx = arena};
}
