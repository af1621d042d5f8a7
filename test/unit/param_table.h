/*
 * param_table.h: what must hold for the parameter table of every method.
 */
#ifndef PARAM_TABLE_H
#define PARAM_TABLE_H

#include "core/params.h"
#include "test_env.h"

/* Bytes of a value in the struct of parameters. */
static inline size_t
param_value_size(ParamType type)
{
	static const size_t sizes[] = {
		[PARAM_BOOL] = sizeof(bool), [PARAM_INT] = sizeof(int64_t), [PARAM_FLOAT] = sizeof(double),
		[PARAM_COUNT] = sizeof(double),
		[PARAM_CHOICE] = sizeof(int), [PARAM_INTERVAL] = sizeof(double),
		[PARAM_RANGE] = sizeof(ParamRange), [PARAM_TEXT] = PARAM_TEXT_SIZE,
		[PARAM_NUMBERS] = sizeof(ParamNumbers), [PARAM_PARTS] = PARAM_PARTS_SIZE,
		[PARAM_PART] = PARAM_PARTS_SIZE
	};

	return sizes[type];
}

/* How often a name occurs among the names and aliases of a table. */
static inline int
count_param_name(const ParamTable *table, const char *name, size_t length)
{
	const ParamDef *def;
	const char *alias;
	int			alias_length;
	int			n = 0;

	for (int i = 0; (def = params_def(table, i)) != NULL; i++)
	{
		n += strlen(def->name) == length && memcmp(def->name, name, length) == 0;
		for (int a = 0; (alias = choice_name(def->aliases, a, &alias_length)) != NULL; a++)
			n += (size_t) alias_length == length && memcmp(alias, name, length) == 0;
	}
	return n;
}

/* A name has only lower-case letters, digits and underscores, occurs once, and leads to its definition. */
static inline void
check_param_name(const ParamTable *table, const ParamDef *def, const char *name, size_t length)
{
	size_t		n_valid = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

	if (length == 0 || n_valid < length || count_param_name(table, name, length) != 1 ||
		params_find(table, name, length) != def)
		UNIT_FAIL("bad name \"%.*s\" of parameter %s", (int) length, name, def->name);
}

/* Value i lies in the struct, behind the common ones, aligned, and overlaps no other. */
static inline void
check_param_place(const ParamTable *table, int i)
{
	const ParamDef *def = params_def(table, i);
	const ParamDef *other;
	size_t		end = def->offset + param_value_size(def->type);

	CHECK(def->offset % (def->type == PARAM_TEXT || param_is_json(def->type) ? 1 :
						 def->type == PARAM_RANGE ? sizeof(int32_t) :
						 def->type == PARAM_NUMBERS ? sizeof(double) :
						 param_value_size(def->type)) == 0);
	CHECK(i < N_COMMON_PARAMS || def->offset >= sizeof(CommonParams));
	CHECK(end <= table->size);
	for (int j = 0; j < i; j++)
	{
		other = params_def(table, j);
		if (def->offset < other->offset + param_value_size(other->type) && other->offset < end)
			UNIT_FAIL("%s and %s overlap", def->name, other->name);
	}
}

/* The default is valid and written as params_format writes it; the rest of the definition makes sense. */
static inline void
check_param_def(const ParamDef *def, const void *params)
{
	char		text[PARAM_VALUE_SIZE];
	size_t		length = strlen(def->description);
	int			formatted = params_format(def, params, text, sizeof(text));

	if (strcmp(text, def->default_text) != 0)
		UNIT_FAIL("default of %s is %s, formatted %s", def->name, def->default_text, text);
	CHECK_EQ_INT(formatted, strlen(text));
	CHECK(def->min <= def->max);
	CHECK((def->type == PARAM_CHOICE) == (def->choices != NULL));
	CHECK(length > 1 && def->description[length - 1] == '.');
}

/* All of the above, and the text form of the defaults reads back to the same bytes. */
static inline void
check_param_table(const ParamTable *table)
{
	Env		   *env = test_env();
	char	   *params = env_alloc_zero(env, table->size, 1);
	char	   *again = env_alloc_zero(env, table->size, 1);
	const ParamDef *def;
	char	   *text = NULL;
	size_t		length = 0;

	CHECK_EQ_INT(params_set_defaults(env, table, params), RECSYS_OK);
	for (int i = 0; (def = params_def(table, i)) != NULL; i++)
	{
		int			alias_length;
		const char *alias;

		check_param_name(table, def, def->name, strlen(def->name));
		for (int a = 0; (alias = choice_name(def->aliases, a, &alias_length)) != NULL; a++)
			check_param_name(table, def, alias, (size_t) alias_length);
		check_param_place(table, i);
		check_param_def(def, params);
	}
	CHECK_EQ_INT(params_write(env, table, params, &text, &length), RECSYS_OK);
	CHECK_EQ_INT(params_read(env, table, again, text, length), RECSYS_OK);
	CHECK(memcmp(params, again, table->size) == 0);
	env_free_all(env);
	test_env_done(env);
}

#endif							/* PARAM_TABLE_H */
