/*
 * test_params.c: parameters found, set, refused, formatted and stored.
 */
#include "param_table.h"

/* A method's parameters with one of every type. */
typedef struct SampleParams
{
	CommonParams common;
	int64_t		neighbors;
	double		shrinkage;
	double		threshold;		/* may be null */
	double		rate;			/* no upper limit */
	int			similarity;
	double		window;
	ParamRange	ngrams;
	ParamRange	any_range;		/* no limits of its own */
	int64_t		any_int;
	double		trees;			/* may be null */
	char		column[PARAM_TEXT_SIZE];	/* may be null */
	char		prefix[PARAM_TEXT_SIZE];
	bool		normalize;
} SampleParams;

#define OFFSET(field) .offset = offsetof(SampleParams, field)
#define SENTENCE .description = "Something."

static const ParamDef sample_defs[] = {
	{.name = "neighbors", .aliases = "k n_neighbors", .type = PARAM_INT, OFFSET(neighbors),
		.default_text = "40", .min = 1, .max = 10000, SENTENCE},
	{.name = "shrinkage", .type = PARAM_FLOAT, OFFSET(shrinkage),
		.default_text = "0.1", .min = 0, .max = 1e6, SENTENCE},
	{.name = "threshold", .type = PARAM_FLOAT, OFFSET(threshold),
		.default_text = "null", .min = -INFINITY, .max = 1, SENTENCE},
	{.name = "rate", .type = PARAM_FLOAT, OFFSET(rate),
		.default_text = "1e-07", .min = 0, .max = INFINITY, SENTENCE},
	{.name = "similarity", .aliases = "metric", .type = PARAM_CHOICE, OFFSET(similarity),
		.default_text = "pearson", .choices = "cosine pearson msd", SENTENCE},
	{.name = "window", .type = PARAM_INTERVAL, OFFSET(window),
		.default_text = "2592000", .min = 1, .max = 1e9, SENTENCE},
	{.name = "ngrams", .type = PARAM_RANGE, OFFSET(ngrams),
		.default_text = "[1,3]", .min = 1, .max = 5, SENTENCE},
	{.name = "any_range", .type = PARAM_RANGE, OFFSET(any_range),
		.default_text = "[-2147483647,2147483647]", .min = -INFINITY, .max = INFINITY, SENTENCE},
	{.name = "any_int", .type = PARAM_INT, OFFSET(any_int),
		.default_text = "-9007199254740992", .min = -INFINITY, .max = INFINITY, SENTENCE},
	{.name = "trees", .type = PARAM_COUNT, OFFSET(trees),
		.default_text = "null", .min = 1, .max = 100, SENTENCE},
	{.name = "attribute", .type = PARAM_TEXT, OFFSET(column), .default_text = "null", SENTENCE},
	{.name = "prefix", .type = PARAM_TEXT, OFFSET(prefix), .default_text = "a = b", SENTENCE},
	{.name = "normalize", .type = PARAM_BOOL, OFFSET(normalize), .default_text = "true", SENTENCE},
};

#define N_SAMPLE ((int) (sizeof(sample_defs) / sizeof(sample_defs[0])))

static const ParamTable sample_table = {"sample", sample_defs, N_SAMPLE, sizeof(SampleParams)};

/* A number as a user wrote it. */
static ParamInput
number(double value)
{
	return (ParamInput) {.type = PARAM_INPUT_NUMBER, .number = value};
}

/* A text as a user wrote it. */
static ParamInput
text(const char *value)
{
	return (ParamInput) {.type = PARAM_INPUT_TEXT, .text = value, .length = strlen(value)};
}

/* An array of two numbers as a user wrote it. */
static ParamInput
pair(double low, double high)
{
	return (ParamInput) {.type = PARAM_INPUT_NUMBERS, .numbers = {low, high}, .n_numbers = 2};
}

/* true or false, and null, as a user wrote them. */
static const ParamInput input_true = {.type = PARAM_INPUT_BOOL, .boolean = true};
static const ParamInput input_false = {.type = PARAM_INPUT_BOOL};
static const ParamInput input_null = {.type = PARAM_INPUT_NULL};

/* Setting works and the value then formats as expected. */
static void
check_set(const char *name, ParamInput input, const char *expected)
{
	Env		   *env = test_env();
	SampleParams params;
	char		formatted[PARAM_TEXT_SIZE] = "";

	CHECK(params_set_defaults(env, &sample_table, &params) == RECSYS_OK);
	if (params_set(env, &sample_table, &params, name, strlen(name), &input) != RECSYS_OK)
		UNIT_FAIL("%s: %s", name, env->error);
	params_format(params_find(&sample_table, name, strlen(name)), &params, formatted,
				  sizeof(formatted));
	if (strcmp(formatted, expected) != 0)
		UNIT_FAIL("%s is %s, expected %s", name, formatted, expected);
	test_env_done(env);
}

/* Setting fails with this message and hint, and changes nothing. */
static void
check_refused(const char *name, ParamInput input, const char *error, const char *hint)
{
	Env		   *env = test_env();
	SampleParams params;
	SampleParams before;

	CHECK(params_set_defaults(env, &sample_table, &params) == RECSYS_OK);
	memcpy(&before, &params, sizeof(params));
	CHECK_EQ_INT(params_set(env, &sample_table, &params, name, strlen(name), &input),
				 RECSYS_BAD_ARGUMENT);
	if (strcmp(env->error, error) != 0)
		UNIT_FAIL("error is %s, expected %s", env->error, error);
	if (strcmp(env->hint, hint) != 0)
		UNIT_FAIL("hint is %s, expected %s", env->hint, hint);
	CHECK(memcmp(&before, &params, sizeof(params)) == 0);
	test_env_done(env);
}

/* The common parameters alone and the sample table pass what every table must. */
static void
test_tables(void)
{
	ParamTable	common = {.method = "none", .size = sizeof(CommonParams)};

	check_param_table(&common);
	check_param_table(&sample_table);
}

/* A name that two parameters have is noticed, among names, aliases and the common ones. */
static void
test_duplicate_names(void)
{
	static const ParamDef defs[] = {{.name = "seed"}, {.name = "a", .aliases = "b verbose"}, {.name = "b"}};
	ParamTable	table = {.method = "none", .own = defs, .n_own = 3};

	CHECK_EQ_INT(count_param_name(&table, "seed", 4), 2);
	CHECK_EQ_INT(count_param_name(&table, "verbose", 7), 2);
	CHECK_EQ_INT(count_param_name(&table, "b", 1), 2);
	CHECK_EQ_INT(count_param_name(&table, "a", 1), 1);
}

/* Defaults of the common parameters. */
static void
test_common_defaults(void)
{
	Env		   *env = test_env();
	SampleParams params;

	memset(&params, 0xff, sizeof(params));
	CHECK(params_set_defaults(env, &sample_table, &params) == RECSYS_OK);
	CHECK_EQ_INT(params.common.random_state, 42);
	CHECK(isnan(params.common.half_life));
	CHECK_EQ_INT(params.common.cold_start, COLD_START_POPULAR);
	CHECK_EQ_INT(params.common.keep_versions, 2);
	CHECK(!params.common.verbose);
	CHECK_EQ_INT(params.similarity, 1);
	CHECK(params.ngrams.low == 1 && params.ngrams.high == 3);
	CHECK(strcmp(params.prefix, "a = b") == 0 && params.column[0] == '\0');
	test_env_done(env);
}

/* Names and aliases are found, parts of them are not. */
static void
test_find(void)
{
	CHECK(params_find(&sample_table, "seed", 4) == &common_params[0]);
	CHECK(params_find(&sample_table, "random_state", 12) == &common_params[0]);
	CHECK(params_find(&sample_table, "k", 1) == &sample_defs[0]);
	CHECK(params_find(&sample_table, "n_neighbors", 11) == &sample_defs[0]);
	CHECK(params_find(&sample_table, "n_neighborsXX", 11) == &sample_defs[0]);
	CHECK(params_find(&sample_table, "n_neighbor", 10) == NULL);
	CHECK(params_find(&sample_table, "k n_neighbors", 13) == NULL);
	CHECK(params_find(&sample_table, "Neighbors", 9) == NULL);
	CHECK(params_find(&sample_table, "", 0) == NULL);
	CHECK(params_find(&sample_table, " ", 1) == NULL);
	CHECK(params_def(&sample_table, -1) == NULL);
	CHECK(params_def(&sample_table, N_COMMON_PARAMS) == &sample_defs[0]);
	CHECK(params_def(&sample_table, N_COMMON_PARAMS + N_SAMPLE) == NULL);
}

/* Names of a list. */
static void
test_choice_name(void)
{
	int			length;

	CHECK(strncmp(choice_name("cosine pearson", 1, &length), "pearson", 7) == 0 && length == 7);
	CHECK(choice_name("cosine pearson", 2, &length) == NULL && length == 0);
	CHECK(choice_name("", 0, &length) == NULL);
	CHECK(choice_name(NULL, 0, &length) == NULL);
}

/* Valid values of every type, at their limits. */
static void
test_set(void)
{
	check_set("neighbors", number(1), "1");
	check_set("k", number(10000), "10000");
	check_set("seed", number(9007199254740992.0), "9007199254740992");
	check_set("seed", number(-9007199254740992.0), "-9007199254740992");
	check_set("shrinkage", number(0.1 + 0.2), "0.30000000000000004");
	check_set("shrinkage", number(5e-324), "4.94065645841247e-324");
	check_set("shrinkage", number(1.0 / 3), "0.3333333333333333");
	check_set("threshold", number(-1e300), "-1e+300");
	check_set("threshold", input_null, "null");
	check_set("rate", number(1.7976931348623157e308), "1.7976931348623157e+308");
	check_set("metric", text("msd"), "msd");
	check_set("half_life", number(86400.5), "86400.5");
	check_set("half_life", input_null, "null");
	check_set("ngrams", pair(1, 1), "[1,1]");
	check_set("any_range", pair(-2147483647, -2147483647), "[-2147483647,-2147483647]");
	check_set("attribute", text("café au lait"), "café au lait");
	check_set("attribute", text("012345678901234567890123456789012345678901234567890123456789012"),
			  "012345678901234567890123456789012345678901234567890123456789012");
	check_set("attribute", text(""), "null");
	check_set("trees", number(50), "50");
	check_set("trees", input_null, "null");
	check_set("attribute", input_null, "null");
	check_set("normalize", input_false, "false");
	check_set("verbose", input_true, "true");
}

/* Unknown names, also one that is cut in the middle of a character in the message. */
static void
test_unknown_name(void)
{
	const char *hint = "Valid parameters are \"neighbors\", \"shrinkage\", \"threshold\", \"rate\", "
		"\"similarity\", \"window\", \"ngrams\", \"any_range\", \"any_int\", \"trees\", \"attribute\", \"prefix\", "
		"\"normalize\", \"random_state\", \"half_life\", \"cold_start\", \"keep_versions\", \"verbose\".";

	check_refused("neighbours", number(1),
				  "unrecognized parameter \"neighbours\" for method \"sample\"", hint);
	check_refused("", number(1), "unrecognized parameter \"\" for method \"sample\"", hint);
	check_refused("12345678901234567890123456789012345678901234567890123456789012é", number(1),
				  "unrecognized parameter \"12345678901234567890123456789012345678901234567890123456789012\""
				  " for method \"sample\"", hint);
}

/* More names than the hint has room for: whole names, then "...". */
static void
test_long_hint(void)
{
	Env		   *env = test_env();
	ParamDef	defs[40];
	ParamTable	table = {.method = "many", .own = defs, .n_own = 40, .size = sizeof(SampleParams)};
	ParamInput	input = number(1);
	SampleParams params;

	for (int i = 0; i < 40; i++)
		defs[i] = sample_defs[0];
	CHECK(params_set(env, &table, &params, "x", 1, &input) == RECSYS_BAD_ARGUMENT);
	CHECK(strlen(env->hint) > 480 && strlen(env->hint) < sizeof(env->hint) - 1);
	CHECK(strcmp(env->hint + strlen(env->hint) - 17, "\"neighbors\", ....") == 0);
	test_env_done(env);
}

/* Wrong types, each with what would be right. */
static void
test_wrong_type(void)
{
	const char *integers = "Valid values are between 1 and 10000.";
	const char *choices = "Valid values are \"cosine\", \"pearson\", \"msd\".";
	const char *pairs = "Write [low, high] with 1 <= low <= high <= 5.";
	const char *seconds = "Write text such as \"30 days\", "
		"or a number of seconds between 1 and 1000000000.";
	ParamInput	three = pair(1, 2);

	three.n_numbers = 3;
	check_refused("neighbors", number(1.5), "parameter \"neighbors\" must be an integer", integers);
	check_refused("neighbors", text("5"), "parameter \"neighbors\" must be an integer", integers);
	check_refused("k", input_true, "parameter \"neighbors\" must be an integer", integers);
	check_refused("neighbors", pair(1, 2), "parameter \"neighbors\" must be an integer", integers);
	check_refused("neighbors", number(NAN), "parameter \"neighbors\" must be an integer", integers);
	check_refused("rate", text("x"), "parameter \"rate\" must be a number",
				  "Valid values are 0 and greater.");
	check_refused("rate", number(INFINITY), "parameter \"rate\" must be a number",
				  "Valid values are 0 and greater.");
	check_refused("similarity", number(1), "parameter \"similarity\" must be text", choices);
	check_refused("window", text("30 days"), "parameter \"window\" must be an interval", seconds);
	check_refused("ngrams", number(1), "parameter \"ngrams\" must be an array of two integers", pairs);
	check_refused("ngrams", three, "parameter \"ngrams\" must be an array of two integers", pairs);
	check_refused("ngrams", pair(1, 2.5), "parameter \"ngrams\" must be an array of two integers", pairs);
	check_refused("ngrams", pair(NAN, 2), "parameter \"ngrams\" must be an array of two integers", pairs);
	check_refused("trees", number(50.5), "parameter \"trees\" must be an integer",
				  "Valid values are between 1 and 100.");
	check_refused("attribute", number(1), "parameter \"attribute\" must be text",
				  "Write 1 to 63 bytes of text.");
	check_refused("verbose", number(1), "parameter \"verbose\" must be true or false",
				  "Valid values are true and false.");
	check_refused("neighbors", input_null, "parameter \"neighbors\" must not be null", integers);
	check_refused("window", input_null, "parameter \"window\" must not be null", seconds);
	check_refused("prefix", text(""), "parameter \"prefix\" must not be null",
				  "Write 1 to 63 bytes of text.");
	check_refused("normalize", input_null, "parameter \"normalize\" must not be null",
				  "Valid values are true and false.");
}

/* Values of the right type that are out of range, with the range. */
static void
test_out_of_range(void)
{
	const char *pairs = "Write [low, high] with 1 <= low <= high <= 5.";
	const char *exact = "Valid values are between -9007199254740992 and 9007199254740992.";

	check_refused("neighbors", number(0), "value 0 is out of range for parameter \"neighbors\"",
				  "Valid values are between 1 and 10000.");
	check_refused("neighbors", number(10001), "value 10001 is out of range for parameter \"neighbors\"",
				  "Valid values are between 1 and 10000.");
	check_refused("any_int", number(1e300),
				  "value 1e+300 is out of range for parameter \"any_int\"", exact);
	check_refused("any_int", number(9007199254740994.0),
				  "value 9007199254740994 is out of range for parameter \"any_int\"", exact);
	check_refused("shrinkage", number(-1e-9), "value -1e-09 is out of range for parameter \"shrinkage\"",
				  "Valid values are between 0 and 1000000.");
	check_refused("threshold", number(1.5), "value 1.5 is out of range for parameter \"threshold\"",
				  "Valid values are 1 and less.");
	check_refused("half_life", number(0), "value 0 is out of range for parameter \"half_life\"",
				  "Write text such as \"30 days\", or a number of seconds between 1 and 3155760000.");
	check_refused("ngrams", pair(0, 2), "value [0, 2] is out of range for parameter \"ngrams\"", pairs);
	check_refused("ngrams", pair(1, 6), "value [1, 6] is out of range for parameter \"ngrams\"", pairs);
	check_refused("ngrams", pair(3, 2), "value [3, 2] is out of range for parameter \"ngrams\"", pairs);
	check_refused("any_range", pair(0, 1e10),
				  "value [0, 10000000000] is out of range for parameter \"any_range\"",
				  "Write [low, high] with -2147483647 <= low <= high <= 2147483647.");
}

/* Choices are matched exactly; text is limited in length and free of control characters. */
static void
test_bad_text(void)
{
	const char *choices = "Valid values are \"cosine\", \"pearson\", \"msd\".";

	check_refused("similarity", text("foo"), "unrecognized value \"foo\" for parameter \"similarity\"",
				  choices);
	check_refused("metric", text("Cosine"), "unrecognized value \"Cosine\" for parameter \"similarity\"",
				  choices);
	check_refused("similarity", text(""), "unrecognized value \"\" for parameter \"similarity\"", choices);
	check_refused("similarity", text("cosine "),
				  "unrecognized value \"cosine \" for parameter \"similarity\"",
				  choices);
	check_refused("attribute", text("0123456789012345678901234567890123456789012345678901234567890123"),
				  "value of parameter \"attribute\" is too long", "");
	check_refused("attribute", text("a\nneighbors=1"),
				  "value of parameter \"attribute\" contains a control character", "");
	check_refused("attribute", text("\x7f"),
				  "value of parameter \"attribute\" contains a control character", "");
	check_refused("attribute", text("null"), "invalid value \"null\" for parameter \"attribute\"",
				  "Write null without quotes, or leave the parameter out.");
}

/* A short buffer gets what fits, terminated. */
static void
test_format_short(void)
{
	Env		   *env = test_env();
	SampleParams params;
	char		out[4];

	CHECK(params_set_defaults(env, &sample_table, &params) == RECSYS_OK);
	CHECK_EQ_INT(params_format(&sample_defs[4], &params, out, sizeof(out)), 3);
	CHECK(strcmp(out, "pea") == 0);
	test_env_done(env);
}

/* A struct of no default value is written and read back to the same bytes. */
static void
test_write_read(void)
{
	Env		   *env = test_env();
	SampleParams params;
	SampleParams again;
	char	   *stored;
	size_t		length;

	CHECK(params_set_defaults(env, &sample_table, &params) == RECSYS_OK);
	params.common = (CommonParams) {.random_state = -7, .half_life = 0x1.123456789abcdp+20,
		.cold_start = COLD_START_NONE, .keep_versions = 3, .verbose = true};
	params.shrinkage = 0x1.fffffffffffffp+10;
	params.threshold = -0x1.fffffffffffffp+1023;
	params.ngrams = (ParamRange) {2, 5};
	strcpy(params.column, "x=y,[1] \"null\"");
	CHECK(params_write(env, &sample_table, &params, &stored, &length) == RECSYS_OK);
	CHECK(strncmp(stored, "random_state=-7\nhalf_life=", 26) == 0 && stored[length - 1] == '\n');
	CHECK(params_read(env, &sample_table, &again, stored, length) == RECSYS_OK);
	CHECK_EQ_INT(again.common.random_state, -7);
	CHECK(again.common.half_life == params.common.half_life && again.common.verbose);
	CHECK_EQ_INT(again.common.cold_start, COLD_START_NONE);
	CHECK_EQ_INT(again.common.keep_versions, 3);
	CHECK(memcmp((char *) &params + sizeof(CommonParams), (char *) &again + sizeof(CommonParams),
				 sizeof(SampleParams) - sizeof(CommonParams)) == 0);
	env_free_all(env);
	test_env_done(env);
}

/* Reads stored text from a block of exactly its length, so that the sanitizer sees a step beyond it. */
static RecsysStatus
read_stored(Env *env, SampleParams *params, const char *stored, size_t length)
{
	char	   *copy = env_alloc(env, length, 1);
	RecsysStatus status;

	memcpy(copy, stored, length);
	status = params_read(env, &sample_table, params, copy, length);
	env_free(env, copy);
	return status;
}

/* Missing lines keep the default, older names are taken. */
static void
test_read_partly(void)
{
	Env		   *env = test_env();
	SampleParams params;

	memset(&params, 0xff, sizeof(params));
	CHECK(read_stored(env, &params, "", 0) == RECSYS_OK);
	CHECK_EQ_INT(params.neighbors, 40);
	CHECK(read_stored(env, &params, "k=7\nngrams=[2,2]\n", 17) == RECSYS_OK);
	CHECK_EQ_INT(params.neighbors, 7);
	CHECK(params.ngrams.low == 2 && params.ngrams.high == 2);
	CHECK_EQ_INT(params.common.random_state, 42);
	test_env_done(env);
}

/* Anything that params_write would not write is refused. */
static void
test_read_damaged(void)
{
	static const char *const bad[] = {
		"\n", "x", "=", "=\n", "k=1", "k\n", "k=\n", "unknown=1\n", "k=1\n\n", "k=1\nk=1\n", "k=1\nneighbors=1\n",
		"k=0\n", "k=1.5\n", "k= 1\n", "k=1 \n", "k=0x10\n", "k=1e\n", "k=--1\n", "k=nan\n", "k=null\n", "k=1\r\n",
		"k=00000000000000000000000000000000000000001\n", "rate=1e999\n", "rate=inf\n", "rate=\n",
		"normalize=1\n", "normalize=TRUE\n", "normalize=true false\n", "similarity=\n", "similarity=x\n",
		"ngrams=1,3\n", "ngrams=[1,3\n", "ngrams=[1]\n", "ngrams=[,]\n", "ngrams=[\n", "ngrams=,\n", "ngrams=,]\n",
		"ngrams=[1,\n", "ngrams=[1,2,3]\n", "ngrams=[3,1]\n", "ngrams=[1,1e99]\n", "prefix=null\n", "prefix=\n",
		"prefix=0123456789012345678901234567890123456789012345678901234567890123\n", "prefix=\x01\n"
	};
	Env		   *env = test_env();
	SampleParams params;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		if (read_stored(env, &params, bad[i], strlen(bad[i])) != RECSYS_CORRUPT)
			UNIT_FAIL("accepted: %s", bad[i]);
		CHECK(strcmp(env->error, "parameters of the model are damaged") == 0);
	}
	CHECK(read_stored(env, &params, "k=1\0\n", 5) == RECSYS_CORRUPT);
	CHECK(read_stored(env, &params, "k\0=1\n", 5) == RECSYS_CORRUPT);
	CHECK(read_stored(env, &params, "k=1\nrate=x\n", 11) == RECSYS_CORRUPT);
	CHECK(strcmp(env->detail, "Line 2 is not valid.") == 0);
	test_env_done(env);
}

/* Every byte of stored text changed to every other: refused, or read as values that write and read again. */
static void
test_read_every_change(void)
{
	Env		   *env = test_env();
	SampleParams params;
	SampleParams again;
	char	   *stored;
	size_t		length;
	int			n_read = 0;

	CHECK(params_set_defaults(env, &sample_table, &params) == RECSYS_OK);
	CHECK(params_write(env, &sample_table, &params, &stored, &length) == RECSYS_OK);
	for (size_t i = 0; i < length * 256; i++)
	{
		char		kept = stored[i / 256];
		char	   *text_again;
		size_t		length_again;

		stored[i / 256] = (char) (i % 256);
		if (read_stored(env, &params, stored, length) == RECSYS_OK)
		{
			n_read++;
			CHECK(params_write(env, &sample_table, &params, &text_again, &length_again) == RECSYS_OK);
			CHECK(read_stored(env, &again, text_again, length_again) == RECSYS_OK);
			CHECK(memcmp(&params, &again, sizeof(params)) == 0);
			env_free(env, text_again);
		}
		stored[i / 256] = kept;
	}
	CHECK(n_read > (int) length && n_read < (int) length * 256);
	env_free(env, stored);
	test_env_done(env);
}

/* Running out of memory is reported and leaves nothing behind; a wrong default is an error of the table. */
static void
test_failures(void)
{
	Env		   *env = test_env();
	SampleParams params;
	char	   *stored;
	size_t		length;
	ParamDef	bad = sample_defs[0];
	ParamTable	table = {.method = "bad", .own = &bad, .n_own = 1, .size = sizeof(SampleParams)};

	CHECK(params_set_defaults(env, &sample_table, &params) == RECSYS_OK);
	test_env_fail_after(env, 0);
	CHECK(params_write(env, &sample_table, &params, &stored, &length) == RECSYS_NO_MEMORY);
	CHECK(params_read(env, &sample_table, &params, "", 0) == RECSYS_NO_MEMORY);
	bad.default_text = "0";
	CHECK(params_set_defaults(env, &table, &params) == RECSYS_BAD_ARGUMENT);
	test_env_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_tables);
	RUN(test_duplicate_names);
	RUN(test_common_defaults);
	RUN(test_find);
	RUN(test_choice_name);
	RUN(test_set);
	RUN(test_unknown_name);
	RUN(test_long_hint);
	RUN(test_wrong_type);
	RUN(test_out_of_range);
	RUN(test_bad_text);
	RUN(test_format_short);
	RUN(test_write_read);
	RUN(test_read_partly);
	RUN(test_read_damaged);
	RUN(test_read_every_change);
	RUN(test_failures);
	return unit_done();
}
