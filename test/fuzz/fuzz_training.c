/*
 * fuzz_training.c: any rows as a training set, and a model of one of the methods from it.
 *
 * The input gives kinds of keys, rows of user, course, rating and time, courses without a rating,
 * words and weights of genres, the method and its choices. Checked: only known errors; the set is
 * sorted and adds up; a model that was trained opens, and everything that it is asked has a finite
 * answer. Some inputs let an allocation or a poll fail.
 */
#include <string.h>

#include "models.h"
#include "test_set.h"

#define MAX_FUZZ_ROWS 200

/* What the first bytes of the input say. */
typedef struct Plan
{
	TestShape	shape;
	int			method;			/* counted around recsys_methods */
	int			fault;			/* which allocation or poll fails; 0: none */
	uint64_t	params_seed;
	bool		plain_side;		/* genres and words of every set, not from the input */
} Plan;

/* Reads the plan. */
static Plan
take_plan(FuzzInput *input)
{
	Plan		plan;
	int			shape = fuzz_byte(input);

	plan.shape = (TestShape) {shape & 1 ? KEY_BYTES : KEY_NUMBER, shape & 2 ? KEY_BYTES : KEY_NUMBER,
	(shape & 4) == 0, (shape & 24) == 24};
	plan.plain_side = (shape & 32) == 0;
	plan.method = fuzz_byte(input);
	plan.fault = fuzz_byte(input);
	plan.params_seed = fuzz_byte(input);
	return plan;
}

/* A key: few numbers, so that they meet again, and bytes of the input as text. */
static Key
take_key(KeyKind kind, FuzzInput *input)
{
	uint8_t		choice = fuzz_byte(input);
	Key			key = {.number = choice < 224 ? choice % 12 : fuzz_integer(input)};
	size_t		length;

	if (kind == KEY_BYTES)
	{
		key.bytes = fuzz_bytes(input, choice % 4, &length);
		key.length = (int64_t) length;
	}
	return key;
}

/* Rows, and courses without any. */
static RecsysStatus
add_rows(Env *env, const Plan *plan, TrainingBuilder *builder, FuzzInput *input)
{
	int			n = fuzz_below(input, MAX_FUZZ_ROWS);

	for (int i = 0; i < n && fuzz_more(input); i++)
	{
		Key			course = take_key(plan->shape.course_kind, input);

		if (fuzz_byte(input) % 16 == 0)
			TRY(builder_add_course(env, builder, course));
		else
			TRY(builder_add_rating(env, builder, take_key(plan->shape.user_kind, input), course,
								   (float) fuzz_number_within(input, RATING_MAX), fuzz_integer(input)));
	}
	return RECSYS_OK;
}

/* Words with any weights that the loader takes, and any finite weights of genres. */
static RecsysStatus
add_hostile_side(Env *env, TrainingSet *set, FuzzInput *input)
{
	TermsBuilder terms;
	int			n = fuzz_below(input, 40);

	fuzz_add_side_information(env, set);
	for (int32_t c = 0; c < set->genres.n_rows; c++)
		for (int32_t g = 0; g < set->genres.n_cols; g++)
			matrix_row(&set->genres, c)[g] = (float) fuzz_number_within(input, 3e38);
	csr_free(env, &set->terms);
	strings_free(env, &set->words);
	TRY(terms_init(env, &terms));
	for (int i = 0; i < n; i++)
	{
		size_t		length;
		const char *word = fuzz_bytes(input, (size_t) fuzz_below(input, 3), &length);

		TRY(terms_add(env, &terms, fuzz_below(input, set->courses.n_keys), word, length,
					  (float) fabs(fuzz_number_within(input, 3e38))));
	}
	TRY(terms_finish(env, &terms, set));
	return trainingset_fingerprint(env, set);
}

/* Rows of a matrix ascend without repeating, and no value is NaN or infinite. */
static void
check_matrix(const Csr *matrix)
{
	FUZZ_CHECK(matrix->offsets[0] == 0 && matrix->offsets[matrix->n_rows] == matrix->n_entries);
	for (int32_t row = 0; row < matrix->n_rows; row++)
		for (int64_t e = matrix->offsets[row]; e < matrix->offsets[row + 1]; e++)
		{
			FUZZ_CHECK(matrix->indexes[e] >= 0 && matrix->indexes[e] < matrix->n_cols);
			FUZZ_CHECK(e == matrix->offsets[row] || matrix->indexes[e - 1] < matrix->indexes[e]);
			FUZZ_CHECK(isfinite(matrix->values[e]));
		}
}

/* Keys ascend without repeating, and each is found where it is. */
static void
check_keys(const IdMap *map)
{
	for (int32_t i = 0; i < map->n_keys; i++)
	{
		Key			key = idmap_key(map, i);
		Key			before = idmap_key(map, i > 0 ? i - 1 : 0);

		FUZZ_CHECK(idmap_find(map, key) == i);
		if (i > 0 && map->kind == KEY_NUMBER)
			FUZZ_CHECK(before.number < key.number);
		else if (i > 0)
			FUZZ_CHECK(bytes_compare(before.bytes, before.length, key.bytes, key.length) < 0);
	}
}

/* A finished set is what trainingset.h says. */
static void
check_set(const TrainingSet *set)
{
	check_matrix(&set->by_user);
	check_matrix(&set->by_course);
	FUZZ_CHECK(set->by_user.n_entries == set->by_course.n_entries);
	FUZZ_CHECK(set->summary.n_ratings == set->by_user.n_entries);
	FUZZ_CHECK(set->by_user.n_rows == set->users.n_keys);
	FUZZ_CHECK(set->by_course.n_rows == set->courses.n_keys);
	FUZZ_CHECK(set->summary.n_courses == set->courses.n_keys);
	check_keys(&set->users);
	check_keys(&set->courses);
}

/* Builds the set with all that methods need. */
static RecsysStatus
build_set(Env *env, const Plan *plan, FuzzInput *input, TrainingSet *set)
{
	TrainingBuilder *builder = env_alloc(env, 1, sizeof(TrainingBuilder));

	if (builder == NULL)
		return env->status;
	TRY(builder_init(env, builder, plan->shape.user_kind, plan->shape.course_kind, plan->shape.with_times,
					 plan->shape.implicit));
	TRY(add_rows(env, plan, builder, input));
	TRY(builder_finish(env, builder, set));
	check_set(set);
	if (plan->plain_side)
		fuzz_add_side_information(env, set);
	else
		TRY(add_hostile_side(env, set, input));
	check_matrix(&set->terms);
	return RECSYS_OK;
}

/* Trains and opens. */
static RecsysStatus
train(Env *env, const Plan *plan, const TrainingSet *set, Recommender *rec)
{
	int			n_methods = 0;
	const Method *method;
	void	   *params;
	void	   *bytes;
	size_t		length;

	while (recsys_methods[n_methods] != NULL)
		n_methods++;
	method = recsys_methods[plan->method % n_methods];
	params = env_alloc(env, 1, method->params.size);
	if (params == NULL)
		return env->status;
	TRY(params_set_defaults(env, &method->params, params));
	fuzz_choose_params(method, params, plan->params_seed);
	TRY(recommender_train(env, method, params, set, &bytes, &length));
	return recommender_open(env, rec, bytes, length);
}

/* The same while some allocation or poll fails. */
static void
train_with_fault(Env *env, const Plan *plan, const TrainingSet *set)
{
	Recommender rec;
	RecsysStatus status;

	test_env_fail_after(env, plan->fault % 2 == 0 ? plan->fault / 2 : -1);
	test_env_interrupt_after(env, plan->fault % 2 == 0 ? -1 : plan->fault / 2);
	status = train(env, plan, set, &rec);
	FUZZ_CHECK(status == RECSYS_OK || status == RECSYS_NO_MEMORY || status == RECSYS_INTERRUPTED);
	test_env_fail_after(env, -1);
	test_env_interrupt_after(env, -1);
}

/* Builds the set, trains, serves; some inputs train once more with a fault. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Env		   *env = test_env();
	FuzzInput	input = {data, size, 0};
	Plan		plan = take_plan(&input);
	TrainingSet set;
	Recommender rec;
	RecsysStatus status = build_set(env, &plan, &input, &set);

	if (status == RECSYS_OK)
	{
		status = train(env, &plan, &set, &rec);
		FUZZ_CHECK(status == RECSYS_OK || status == RECSYS_BAD_ARGUMENT || status == RECSYS_BAD_DATA);
		if (status == RECSYS_OK && plan.fault > 0)
			train_with_fault(env, &plan, &set);
		if (status == RECSYS_OK)
			fuzz_serve(env, &rec, &input, true);
	}
	else
		FUZZ_CHECK(status == RECSYS_BAD_DATA);
	fuzz_env_done(env);
	return 0;
}

/* Rows of each kind of key for each of some methods and values of their parameters. */
void
fuzz_seeds(FuzzAdd add)
{
	Rng			rng;

	rng_seed(&rng, 11, 0);
	for (int i = 0; i < 200; i++)
	{
		uint8_t		input[400];

		for (size_t k = 0; k < sizeof(input); k++)
			input[k] = (uint8_t) (30 + rng_below(&rng, 120));
		input[0] = (uint8_t) rng_below(&rng, 64);
		input[1] = (uint8_t) i;
		input[2] = 0;
		input[3] = (uint8_t) (i / 5);
		add(input, 40 + (size_t) rng_below(&rng, sizeof(input) - 40));
	}
}
