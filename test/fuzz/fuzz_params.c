/*
 * fuzz_params.c: names and values of parameters, as a user writes them and as a model stores them.
 *
 * The input chooses a method and either is the text that a model stores, or says which parameters
 * are set to what: names and aliases from the table or any bytes, values of any type. Checked: a
 * refused value changes nothing and says why; what was taken reads back the same, through the text
 * form, byte for byte.
 */
#include <string.h>

#include "models.h"

/* A name: of the table, an alias, or any bytes. */
static const char *
take_name(const ParamTable *table, FuzzInput *input, size_t *length)
{
	const ParamDef *def = params_def(table, fuzz_below(input, N_COMMON_PARAMS + table->n_own));
	int			alias_length;
	const char *alias = choice_name(def->aliases, fuzz_below(input, 4), &alias_length);

	if (fuzz_byte(input) % 8 == 0)
		return fuzz_bytes(input, fuzz_byte(input), length);
	if (alias != NULL)
	{
		*length = (size_t) alias_length;
		return alias;
	}
	*length = strlen(def->name);
	return def->name;
}

/* A value of any type; texts are choices of the parameter, or any bytes. */
static ParamInput
take_value(const ParamDef *def, FuzzInput *input)
{
	ParamInput	value = {.type = (ParamInputType) fuzz_below(input, PARAM_INPUT_JSON + 1)};
	int			length;
	const char *choice = choice_name(def == NULL ? NULL : def->choices, fuzz_below(input, 12), &length);

	value.boolean = fuzz_byte(input) % 2 == 1;
	value.number = fuzz_number(input);
	value.n_numbers = fuzz_below(input, PARAM_INPUT_MAX_NUMBERS + 3);
	for (int i = 0; i < PARAM_INPUT_MAX_NUMBERS && i < value.n_numbers; i++)
		value.numbers[i] = fuzz_number(input);
	if (choice != NULL && fuzz_byte(input) % 4 != 0)
	{
		value.text = choice;
		value.length = (size_t) length;
	}
	else
		value.text = fuzz_bytes(input, fuzz_byte(input), &value.length);
	return value;
}

/* A message is there, whole, and fits. */
static void
check_message(const Env *env)
{
	FUZZ_CHECK(env->error[0] != '\0');
	FUZZ_CHECK(memchr(env->error, '\0', sizeof(env->error)) != NULL);
	FUZZ_CHECK(memchr(env->detail, '\0', sizeof(env->detail)) != NULL);
	FUZZ_CHECK(memchr(env->hint, '\0', sizeof(env->hint)) != NULL);
}

/* What the parameters are as text gives the same parameters. */
static void
check_text_form(Env *env, const ParamTable *table, const void *params)
{
	void	   *again = env_alloc(env, 1, table->size);
	const ParamDef *def;
	char	   *text;
	size_t		length;

	FUZZ_CHECK(params_write(env, table, params, &text, &length) == RECSYS_OK);
	FUZZ_CHECK(params_read(env, table, again, text, length) == RECSYS_OK);
	FUZZ_CHECK(memcmp(again, params, table->size) == 0);
	for (int i = 0; (def = params_def(table, i)) != NULL; i++)
	{
		char		value[PARAM_VALUE_SIZE];
		char		cut[3];

		FUZZ_CHECK((size_t) params_format(def, params, value, sizeof(value)) == strlen(value));
		FUZZ_CHECK((size_t) params_format(def, params, cut, sizeof(cut)) == strlen(cut));
	}
}

/* Sets parameter after parameter. */
static void
set_params(Env *env, const ParamTable *table, FuzzInput *input)
{
	void	   *params = env_alloc(env, 1, table->size);
	void	   *before = env_alloc(env, 1, table->size);

	FUZZ_CHECK(params_set_defaults(env, table, params) == RECSYS_OK);
	for (int i = 0; i < 20 && fuzz_more(input); i++)
	{
		size_t		length;
		const char *name = take_name(table, input, &length);
		ParamInput	value = take_value(params_find(table, name, length), input);
		RecsysStatus status;

		memcpy(before, params, table->size);
		status = params_set(env, table, params, name, length, &value);
		FUZZ_CHECK(status == RECSYS_OK || status == RECSYS_BAD_ARGUMENT);
		if (status != RECSYS_OK)
		{
			check_message(env);
			FUZZ_CHECK(memcmp(before, params, table->size) == 0);
		}
	}
	check_text_form(env, table, params);
}

/* Reads the rest of the input as the text of a model. */
static void
read_params(Env *env, const ParamTable *table, FuzzInput *input)
{
	void	   *params = env_alloc(env, 1, table->size);
	size_t		length;
	const char *text = fuzz_bytes(input, input->size, &length);
	RecsysStatus status = params_read(env, table, params, text, length);

	FUZZ_CHECK(status == RECSYS_OK || status == RECSYS_CORRUPT);
	if (status == RECSYS_OK)
		check_text_form(env, table, params);
	else
		check_message(env);
}

/* One method, one of the two ways. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Env		   *env = test_env();
	FuzzInput	input = {data, size, 0};
	int			n_methods = 0;
	int			choice = fuzz_byte(&input);

	while (recsys_methods[n_methods] != NULL)
		n_methods++;
	(choice % 2 == 0 ? read_params : set_params)
		(env, &recsys_methods[choice / 2 % n_methods]->params, &input);
	fuzz_env_done(env);
	return 0;
}

/* The text of each method's defaults; and some bytes that set parameters. */
void
fuzz_seeds(FuzzAdd add)
{
	for (int m = 0; recsys_methods[m] != NULL; m++)
	{
		const ParamTable *table = &recsys_methods[m]->params;
		Env		   *env = test_env();
		void	   *params = env_alloc(env, 1, table->size);
		char	   *text;
		size_t		length;
		char		input[2048];

		FUZZ_CHECK(params_set_defaults(env, table, params) == RECSYS_OK);
		FUZZ_CHECK(params_write(env, table, params, &text, &length) == RECSYS_OK);
		FUZZ_CHECK(length < sizeof(input));
		input[0] = (char) (2 * m);
		memcpy(input + 1, text, length);
		add(input, length + 1);
		input[0] = (char) (2 * m + 1);
		add(input, length + 1);
		fuzz_env_done(env);
	}
}
