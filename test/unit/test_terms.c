/*
 * test_terms.c: the term matrix against a naive version.
 */
#include "core/trainingset.h"
#include "test_env.h"
#include "test_set.h"
#include "unit.h"

#define N_COURSES 30
#define N_WORDS 40
#define N_ENTRIES 3000

/* One word of a course; words[word] is its text. */
typedef struct Entry
{
	int32_t		course;
	int			word;
	float		weight;
} Entry;

/* A set of N_COURSES courses. */
static void
build_set(Env *env, TrainingSet *set)
{
	TestShape	shape = {KEY_NUMBER, KEY_NUMBER, false, false};
	TestRow		row = {1, 1, 1, 0};

	CHECK_EQ_INT(test_set_build(env, shape, &row, 1, N_COURSES, set), RECSYS_OK);
}

/* Text of a word: not in the order of the numbers, one of them empty. */
static int
word_text(int word, char *text)
{
	return word == 0 ? 0 : snprintf(text, 32, "%c%d", 'z' - word % 7, word);
}

/* Adds entries to a set. */
static RecsysStatus
add_terms(Env *env, TrainingSet *set, const Entry *entries, int n)
{
	TermsBuilder terms;

	TRY(terms_init(env, &terms));
	for (int i = 0; i < n; i++)
	{
		char		text[32];
		int			length = word_text(entries[i].word, text);

		TRY(terms_add(env, &terms, entries[i].course, text, (size_t) length, entries[i].weight));
	}
	return terms_finish(env, &terms, set);
}

/* Random entries; weights whose sum depends on the order of adding. */
static void
random_entries(Entry *entries)
{
	Rng			rng;

	rng_seed(&rng, 5, 0);
	for (int i = 0; i < N_ENTRIES; i++)
	{
		entries[i].course = (int32_t) rng_below(&rng, N_COURSES);
		entries[i].word = (int) rng_below(&rng, N_WORDS);
		entries[i].weight = (float) (rng_uniform(&rng) * pow(10, (double) rng_below(&rng, 12)));
	}
}

/* Number of the word that has this text. */
static int
word_of(const StringTable *words, int32_t index)
{
	int32_t		length;
	const char *bytes = strings_get(words, index, &length);

	for (int word = 0; word < N_WORDS; word++)
	{
		char		text[32];

		if (word_text(word, text) == length && memcmp(text, bytes, (size_t) length) == 0)
			return word;
	}
	return -1;
}

/* Words ascend, columns ascend, and each weight is the sum of its entries. */
static void
test_oracle(void)
{
	static double sums[N_COURSES][N_WORDS];
	static Entry entries[N_ENTRIES];
	Env		   *env = test_env();
	TrainingSet set;

	build_set(env, &set);
	random_entries(entries);
	CHECK_EQ_INT(add_terms(env, &set, entries, N_ENTRIES), RECSYS_OK);
	for (int i = 0; i < N_ENTRIES; i++)
		sums[entries[i].course][entries[i].word] += entries[i].weight;
	CHECK_EQ_INT(set.terms.n_rows, N_COURSES);
	CHECK_EQ_INT(set.terms.n_cols, N_WORDS);
	CHECK_EQ_INT(set.words.n, N_WORDS);
	for (int32_t c = 0; c < N_COURSES; c++)
	{
		for (int64_t i = set.terms.offsets[c]; i < set.terms.offsets[c + 1]; i++)
		{
			int			word = word_of(&set.words, set.terms.indexes[i]);

			CHECK(i == set.terms.offsets[c] || set.terms.indexes[i] > set.terms.indexes[i - 1]);
			CHECK_NEAR(set.terms.values[i], sums[c][word], 1e-6 * sums[c][word]);
			sums[c][word] = 0;
		}
		for (int word = 0; word < N_WORDS; word++)
			CHECK_NEAR(sums[c][word], 0, 0);
	}
	for (int32_t w = 1; w < N_WORDS; w++)
	{
		int32_t		a_length;
		int32_t		b_length;
		const char *a = strings_get(&set.words, w - 1, &a_length);
		const char *b = strings_get(&set.words, w, &b_length);

		CHECK(bytes_compare(a, a_length, b, b_length) < 0);
	}
	trainingset_free(env, &set);
	test_env_done(env);
}

/* Fingerprint of the entries in the order given. */
static uint64_t
fingerprint_of(const Entry *entries)
{
	Env		   *env = test_env();
	TrainingSet set;
	uint64_t	fingerprint;

	build_set(env, &set);
	CHECK_EQ_INT(add_terms(env, &set, entries, N_ENTRIES), RECSYS_OK);
	CHECK_EQ_INT(trainingset_fingerprint(env, &set), RECSYS_OK);
	fingerprint = set.summary.fingerprint;
	trainingset_free(env, &set);
	test_env_done(env);
	return fingerprint;
}

/* The order of arrival leaves no trace, not even in the last bit of a sum. */
static void
test_arrival_order(void)
{
	static Entry entries[N_ENTRIES];
	uint64_t	first;

	random_entries(entries);
	first = fingerprint_of(entries);
	for (int i = 0; i < N_ENTRIES / 2; i++)
	{
		Entry		entry = entries[i];

		entries[i] = entries[N_ENTRIES - 1 - i];
		entries[N_ENTRIES - 1 - i] = entry;
	}
	CHECK(fingerprint_of(entries) == first);
}

/* Three weights whose sum in double is 0 or 1, as they come: always the same. */
static void
test_repeated_weights(void)
{
	static const float weights[] = {1e30f, 1, -1e30f};

	for (int first = 0; first < 3; first++)
	{
		for (int step = 1; step < 3; step++)
		{
			Entry		entries[] = {{2, 1, weights[first]}, {2, 1, weights[(first + step) % 3]},
			{2, 1, weights[(first + 2 * step) % 3]}};
			Env		   *env = test_env();
			TrainingSet set;

			build_set(env, &set);
			CHECK_EQ_INT(add_terms(env, &set, entries, 3), RECSYS_OK);
			CHECK_EQ_INT(set.terms.n_entries, 1);
			CHECK_NEAR(set.terms.values[0], 0, 0);
			trainingset_free(env, &set);
			test_env_done(env);
		}
	}
}

/* No words at all, and weights that are not numbers. */
static void
test_edges(void)
{
	Entry		bad = {0, 1, NAN};
	Env		   *env = test_env();
	TrainingSet set;

	build_set(env, &set);
	CHECK_EQ_INT(add_terms(env, &set, NULL, 0), RECSYS_OK);
	CHECK_EQ_INT(set.terms.n_entries, 0);
	CHECK_EQ_INT(set.words.n, 0);
	CHECK_EQ_INT(trainingset_fingerprint(env, &set), RECSYS_OK);
	CHECK_EQ_INT(add_terms(env, &set, &bad, 1), RECSYS_BAD_DATA);
	CHECK(strcmp(env->error, "weight of a term must be finite") == 0);
	env_free_all(env);
	test_env_done(env);
}

/* Failed allocations and stops end the job and leave nothing. */
static void
test_failures(void)
{
	static Entry entries[N_ENTRIES];
	RecsysStatus status[2] = {RECSYS_NO_MEMORY, RECSYS_INTERRUPTED};

	random_entries(entries);
	for (int kind = 0; kind < 2; kind++)
	{
		RecsysStatus expected = status[kind];

		for (int n = 0; status[kind] == expected && n < 1000; n++)
		{
			Env		   *env = test_env();
			TrainingSet set;

			build_set(env, &set);
			if (kind == 0)
				test_env_fail_after(env, n);
			else
				test_env_interrupt_after(env, n);
			status[kind] = add_terms(env, &set, entries, N_ENTRIES);
			CHECK(n > 0 || status[kind] == expected);
			env_free_all(env);
			test_env_done(env);
		}
		CHECK_EQ_INT(status[kind], RECSYS_OK);
	}
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_oracle);
	RUN(test_arrival_order);
	RUN(test_repeated_weights);
	RUN(test_edges);
	RUN(test_failures);
	return unit_done();
}
