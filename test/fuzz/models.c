/*
 * models.c: genuine models of every method.
 *
 * What is made follows from the tables of the methods and of their parameters, so that a new method
 * is fuzzed without being named here.
 */
#include <string.h>

#include "models.h"
#include "test_set.h"

#define N_USERS 12
#define N_COURSES 9
#define N_ROWS 60
#define N_GENRES 3
#define N_GROUPS 4
#define PER_METHOD 32			/* models of each method and kind of key, at most */
#define MAX_MODELS 2048

static FuzzModel models[MAX_MODELS];
static int	n_models;

/* Frees everything; what leaked is an error. */
void
fuzz_env_done(Env *env)
{
	env_free_all(env);
	FUZZ_CHECK(env->memory_used == 0);
	FUZZ_CHECK(test_env_of(env)->n_live == 0);
	free(test_env_of(env));
}

/* A table of strings prefix0, prefix1, ... */
static void
make_strings(Env *env, StringTable *table, const char *prefix, int n)
{
	FUZZ_CHECK(strings_init(env, table) == RECSYS_OK);
	for (int i = 0; i < n; i++)
	{
		char		text[32];
		int			length = snprintf(text, sizeof(text), "%s%d", prefix, i);

		FUZZ_CHECK(strings_add(env, table, text, (size_t) length) == RECSYS_OK);
	}
}

/* Weights of genres, one of them missing for every third course. */
static void
add_genres(Env *env, TrainingSet *set)
{
	StringTable names;

	make_strings(env, &names, "genre", N_GENRES);
	FUZZ_CHECK(trainingset_set_genres(env, set, &names) == RECSYS_OK);
	for (int32_t c = 0; c < set->genres.n_rows; c++)
		for (int32_t g = 0; g < N_GENRES; g++)
			matrix_row(&set->genres, c)[g] = (float) ((c + g) % 3);
}

/* Words that neighbouring courses share. */
static void
add_words(Env *env, TrainingSet *set)
{
	TermsBuilder terms;

	FUZZ_CHECK(terms_init(env, &terms) == RECSYS_OK);
	for (int32_t c = 0; c < set->courses.n_keys; c++)
		for (int32_t w = 0; w < 3; w++)
		{
			char		word[32];
			int			length = snprintf(word, sizeof(word), "word%d", (int) ((c + w) % 6));

			FUZZ_CHECK(terms_add(env, &terms, c, word, (size_t) length, (float) (w + 1)) == RECSYS_OK);
		}
	FUZZ_CHECK(terms_finish(env, &terms, set) == RECSYS_OK);
}

/* Groups of users, and some users without one. */
static void
add_groups(Env *env, TrainingSet *set)
{
	make_strings(env, &set->groups, "group=", N_GROUPS);
	set->user_group = env_alloc(env, (size_t) set->users.n_keys, sizeof(int32_t));
	FUZZ_CHECK(set->user_group != NULL);
	for (int32_t u = 0; u < set->users.n_keys; u++)
		set->user_group[u] = u % (N_GROUPS + 1) - 1;
}

/* All that a method may need. */
void
fuzz_add_side_information(Env *env, TrainingSet *set)
{
	add_genres(env, set);
	add_words(env, set);
	add_groups(env, set);
	FUZZ_CHECK(trainingset_fingerprint(env, set) == RECSYS_OK);
}

/* Number of the choices of a parameter. */
static int
count_choices(const ParamDef *def)
{
	int			length;
	int			n = 0;

	while (choice_name(def->choices, n, &length) != NULL)
		n++;
	return n;
}

/* Choices and switches at random, and a half-life for every other seed; the rest stays as it is. */
void
fuzz_choose_params(const Method *method, void *params, uint64_t seed)
{
	const ParamDef *def;
	Rng			rng;

	rng_seed(&rng, seed, 0);
	for (int i = N_COMMON_PARAMS; (def = params_def(&method->params, i)) != NULL; i++)
	{
		void	   *value = (char *) params + def->offset;

		if (def->type == PARAM_CHOICE)
			*(int *) value = (int) rng_below(&rng, (uint64_t) count_choices(def));
		else if (def->type == PARAM_BOOL)
			*(bool *) value = rng_below(&rng, 2) == 1;
	}
	((CommonParams *) params)->half_life = seed % 2 == 1 ? 86400 : NAN;
}

/* Trains one model and keeps a copy of its bytes; the same bytes are not kept twice. */
static void
add_model(Env *env, const Method *method, const TrainingSet *set, uint64_t seed)
{
	void	   *params = env_alloc_zero(env, 1, method->params.size);
	FuzzModel  *model = &models[n_models];
	void	   *bytes;
	char	   *copy;

	FUZZ_CHECK(n_models < MAX_MODELS);
	FUZZ_CHECK(params_set_defaults(env, &method->params, params) == RECSYS_OK);
	if (seed > 0)
		fuzz_choose_params(method, params, seed);
	model->method = method;
	if (recommender_train(env, method, params, set, &bytes, &model->length) != RECSYS_OK)
		return;					/* parameters that contradict each other */
	for (int i = 0; i < n_models; i++)
		if (models[i].length == model->length && memcmp(models[i].bytes, bytes, model->length) == 0)
			return;
	copy = aligned_alloc(64, model->length);
	memcpy(copy, bytes, model->length);
	model->bytes = copy;
	n_models++;
}

/* Models of all methods on one training set. */
static void
add_models(KeyKind kind)
{
	TestRow    *rows = test_rows(7, N_ROWS, N_USERS, N_COURSES);

	for (int i = 0; recsys_methods[i] != NULL; i++)
	{
		Env		   *env = test_env();
		int			before = n_models;
		TrainingSet set;

		FUZZ_CHECK(test_set_build(env, (TestShape) {kind, kind, true, false}, rows, N_ROWS, N_COURSES,
								  &set) == RECSYS_OK);
		fuzz_add_side_information(env, &set);
		for (uint64_t seed = 0; seed < PER_METHOD; seed++)
			add_model(env, recsys_methods[i], &set, seed);
		FUZZ_CHECK(n_models > before);
		fuzz_env_done(env);
	}
	free(rows);
}

/* Made once. */
const FuzzModel *
fuzz_models(int *n)
{
	if (n_models == 0)
	{
		add_models(KEY_NUMBER);
		add_models(KEY_BYTES);
	}
	*n = n_models;
	return models;
}
