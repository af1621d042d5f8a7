/*
 * test_faults.c: every method of the table, with every choice of its parameters, when things go wrong.
 *
 * A life is all that is ever done with a model: ratings, genres, terms and groups are loaded, the method is trained, the
 * model is opened and answers. It is lived again and again, and each time one more allocation succeeds before one fails (or
 * before all fail), one more poll passes before a cancel, or a little more memory is allowed. What must come out is always
 * the right status with a message, or the same answers; and the owner can free all of it.
 */
#include <math.h>
#include <string.h>

#include "core/method.h"
#include "test_env.h"
#include "test_set.h"
#include "unit.h"

#define N_ROWS 90
#define N_USERS 14
#define N_COURSES 9
#define N_GENRES 3
#define N_GROUPS 3
#define MAX_FAULTS 5000

/* One method with parameters, and what its model answers when nothing goes wrong. */
typedef struct Subject
{
	const Method *method;
	char		lines[300];		/* "name=value", or empty */
	float		scores[N_COURSES];
} Subject;

/* Gives courses genres, and terms; users groups. */
static RecsysStatus
add_side_information(Env *env, TrainingSet *set)
{
	static const char *const words[] = {"data", "science", "python", "web"};
	StringTable names;
	TermsBuilder terms;

	TRY(strings_init(env, &names));
	for (int g = 0; g < N_GENRES; g++)
		TRY(strings_add(env, &names, words[g], strlen(words[g])));
	TRY(trainingset_set_genres(env, set, &names));
	TRY(terms_init(env, &terms));
	for (int32_t c = 0; c < N_COURSES; c++)
	{
		matrix_row(&set->genres, c)[c % N_GENRES] = 1;
		for (int w = 0; w < 2; w++)
			TRY(terms_add(env, &terms, c, words[(c + w) % 4], strlen(words[(c + w) % 4]), 1));
	}
	TRY(terms_finish(env, &terms, set));
	TRY(strings_init(env, &set->groups));
	for (int g = 0; g < N_GROUPS; g++)
		TRY(strings_add(env, &set->groups, words[g], strlen(words[g])));
	set->user_group = env_alloc(env, (size_t) set->users.n_keys, sizeof(int32_t));
	if (set->user_group == NULL)
		return env->status;
	for (int64_t u = 0; u < set->users.n_keys; u++)
		set->user_group[u] = (int32_t) (u % N_GROUPS);
	return RECSYS_OK;
}

/* Ratings with times, and everything that a method may need. */
static RecsysStatus
load(Env *env, TrainingSet *set)
{
	TestRow    *rows = test_rows(3, N_ROWS, N_USERS, N_COURSES);
	TestShape	shape = {KEY_NUMBER, KEY_BYTES, true, false};
	RecsysStatus status = test_set_build(env, shape, rows, N_ROWS, N_COURSES, set);

	free(rows);
	TRY(status);
	TRY(add_side_information(env, set));
	return trainingset_fingerprint(env, set);
}

/* The parameters of the subject. */
static RecsysStatus
read_params(Env *env, const Subject *subject, void **params)
{
	const ParamTable *table = &subject->method->params;

	*params = env_alloc_zero(env, 1, table->size);
	if (*params == NULL)
		return env->status;
	TRY(params_set_defaults(env, table, *params));
	return params_read(env, table, *params, subject->lines, strlen(subject->lines));
}

/* Scores for the user with the first key, as a session would serve them. */
static RecsysStatus
answer(Env *env, const TrainingSet *set, const void *bytes, size_t length, float *scores)
{
	Recommender rec;
	History		history = {
		.n = (int32_t) csr_row_length(&set->by_user, 0),
		.courses = set->by_user.indexes,
		.ratings = set->by_user.values,
		.times = set->by_user.times,
		.group = 0
	};
	void	   *scratch;

	TRY(recommender_open(env, &rec, bytes, length));
	scratch = env_alloc_zero(env, 1, recommender_scratch_size(&rec));
	if (scratch == NULL)
		return env->status;
	CHECK_EQ_INT(rec.n_courses, N_COURSES);
	rec.method->score(&rec, &history, scratch, scores);
	return RECSYS_OK;
}

/* A whole life. */
static RecsysStatus
live(Env *env, const Subject *subject, float *scores)
{
	TrainingSet set;
	void	   *params;
	void	   *bytes;
	size_t		length;

	TRY(load(env, &set));
	TRY(read_params(env, subject, &params));
	TRY(recommender_train(env, subject->method, params, &set, &bytes, &length));
	return answer(env, &set, bytes, length, scores);
}

/* Has nothing gone wrong in this Env: was the fault to come only later? */
static bool
was_spared(const TestEnv *seen)
{
	return (seen->fail_after < 0 || seen->n_allocs <= seen->fail_after) &&
		(seen->fail_once < 0 || seen->n_allocs <= seen->fail_once) &&
		(seen->interrupt_after < 0 || seen->n_polls <= seen->interrupt_after);
}

/* Lives and frees all. RECSYS_OK only without a fault, and then the subject's answers; else there is a message. */
static RecsysStatus
live_and_check(Env *env, const Subject *subject)
{
	float		scores[N_COURSES];
	RecsysStatus status = live(env, subject, scores);

	if (status == RECSYS_OK)
		CHECK(was_spared(test_env_of(env)) && memcmp(scores, subject->scores, sizeof(scores)) == 0);
	else
		CHECK(status == env->status && env->error[0] != '\0');
	env_free_all(env);
	test_env_done(env);
	return status;
}

/* Each allocation fails: once, and with all that follow. */
static void
check_allocations(const Subject *subject, int n_threads)
{
	for (int once = 0; once < 2; once++)
	{
		RecsysStatus status = RECSYS_NO_MEMORY;
		int			n = 0;

		for (; n < MAX_FAULTS && status == RECSYS_NO_MEMORY; n++)
		{
			Env		   *env = test_env();

			env->n_threads = n_threads;
			*(once ? &test_env_of(env)->fail_once : &test_env_of(env)->fail_after) = n;
			status = live_and_check(env, subject);
		}
		if (status != RECSYS_OK || n < 20)
			UNIT_FAIL("%s %s: status %d after failure of allocation %d, %s", subject->method->name, subject->lines,
					  (int) status, n, once ? "once" : "and all that follow");
	}
}

/* Each poll for interrupts stops. */
static void
check_interrupts(const Subject *subject)
{
	RecsysStatus status = RECSYS_INTERRUPTED;
	int			n = 0;

	for (; n < MAX_FAULTS && status == RECSYS_INTERRUPTED; n++)
	{
		Env		   *env = test_env();

		test_env_interrupt_after(env, n);
		status = live_and_check(env, subject);
	}
	if (status != RECSYS_OK || n < 2)
		UNIT_FAIL("%s %s: status %d after a cancel at poll %d", subject->method->name, subject->lines, (int) status, n);
}

/* Ever more memory is allowed, up to what the life takes without a limit. */
static void
check_limits(const Subject *subject, size_t peak)
{
	size_t		limit = 256;

	for (; limit < peak; limit += 512)
	{
		Env		   *env = test_env();
		float		scores[N_COURSES];
		RecsysStatus status;

		env->memory_limit = limit;
		status = live(env, subject, scores);
		if (status != RECSYS_OVER_LIMIT || env->memory_peak > limit || strstr(env->detail, "the limit is") == NULL)
			UNIT_FAIL("%s %s: status %d with a limit of %zu, %zu were taken", subject->method->name, subject->lines,
					  (int) status, limit, env->memory_peak);
		env_free_all(env);
		test_env_done(env);
	}
	{
		Env		   *env = test_env();

		env->memory_limit = peak;
		CHECK_EQ_INT(live_and_check(env, subject), RECSYS_OK);
	}
}

/* All faults of one subject. */
static void
check_subject(Subject *subject)
{
	Env		   *env = test_env();
	size_t		peak;

	CHECK_EQ_INT(live(env, subject, subject->scores), RECSYS_OK);
	peak = env->memory_peak;
	env_free_all(env);
	test_env_done(env);
	check_allocations(subject, 1);
	check_interrupts(subject);
	check_limits(subject, peak);
}

/* A part that takes little. */
#define SMALL_PART "{\"method\": \"als\", \"params\": {\"factors\": 2, \"iterations\": 1}}"

/* A method with its defaults, but few iterations, and parts that are small: more of them are more of the same. */
static Subject
default_subject(const Method *method)
{
	Subject		subject = {.method = method};

	if (params_find(&method->params, "iterations", strlen("iterations")) != NULL)
		snprintf(subject.lines, sizeof(subject.lines), "iterations=2\n");
	if (params_find(&method->params, "models", strlen("models")) != NULL)
		snprintf(subject.lines, sizeof(subject.lines), "models=[\"bias\", " SMALL_PART "]\n");
	if (params_find(&method->params, "embedding", strlen("embedding")) != NULL)
		snprintf(subject.lines, sizeof(subject.lines),
				 "embedding=" SMALL_PART "\nfolds=2\n");
	return subject;
}

/* Calls the check for every value of a parameter that has few. */
static void
check_values(const Method *method, const ParamDef *def)
{
	Subject		subject = default_subject(method);
	size_t		used = strlen(subject.lines);
	const char *name;
	int			length;

	if (def->type == PARAM_CHOICE)
	{
		for (int i = 0; (name = choice_name(def->choices, i, &length)) != NULL; i++)
		{
			snprintf(subject.lines + used, sizeof(subject.lines) - used, "%s=%.*s\n", def->name, length,
					 name);
			check_subject(&subject);
		}
	}
	else if (def->type == PARAM_BOOL)
	{
		snprintf(subject.lines + used, sizeof(subject.lines) - used, "%s=%s\n", def->name,
				 strcmp(def->default_text, "true") == 0 ? "false" : "true");
		check_subject(&subject);
	}
}

/* Is it the choice of an estimator?  Most fork for every fit: what goes wrong there is in test_estimators.c and test_child.c. */
static bool
is_estimator(const ParamDef *def)
{
	return strcmp(def->name, "estimator") == 0;
}

/* Every method with its defaults, and with every choice. */
static void
test_all_methods(void)
{
	for (int i = 0; recsys_methods[i] != NULL; i++)
	{
		const Method *method = recsys_methods[i];
		Subject		defaults = default_subject(method);
		const ParamDef *def;

		check_subject(&defaults);
		for (int p = N_COMMON_PARAMS; (def = params_def(&method->params, p)) != NULL; p++)
			if (!is_estimator(def))
				check_values(method, def);
	}
}

/* The defaults on several threads, whose bookkeeping needs memory, too. */
static void
test_threads(void)
{
	for (int i = 0; recsys_methods[i] != NULL; i++)
	{
		Subject		subject = default_subject(recsys_methods[i]);
		Env		   *env = test_env();

		env->n_threads = 3;
		CHECK_EQ_INT(live(env, &subject, subject.scores), RECSYS_OK);
		env_free_all(env);
		test_env_done(env);
		check_allocations(&subject, 3);
	}
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN_ALONE(test_all_methods);
	RUN(test_threads);
	return unit_done();
}
