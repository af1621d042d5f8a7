/*
 * test_ibm.h: a published catalogue of 307 online courses as a training set, for the tests that
 * compare with published numbers. Read from the folder ibm-courses of COURSE_RECSYS_DATA; skipped
 * when that is not set.
 */
#ifndef TEST_IBM_H
#define TEST_IBM_H

#include <stdlib.h>
#include <string.h>

#include "core/trainingset.h"
#include "test_env.h"
#include "unit.h"

#define IBM_GENRES 14
#define IBM_LINE 4096

/* Runs a test that needs the data, or reports it as skipped. */
#define RUN_IBM(test) \
	do { \
		if (getenv("COURSE_RECSYS_DATA") != NULL) \
			RUN(test); \
		else \
			printf("ok %d - %s # SKIP COURSE_RECSYS_DATA is not set\n", ++unit_tests, #test); \
	} while (0)

/* Opens a file of the folder, past its heading. */
static inline FILE *
ibm_open(const char *name)
{
	char		path[IBM_LINE];
	char		heading[IBM_LINE];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/ibm-courses/%s", getenv("COURSE_RECSYS_DATA"), name);
	file = fopen(path, "r");
	if (file == NULL || fgets(heading, sizeof(heading), file) == NULL)
	{
		printf("# cannot read %s\n", path);
		exit(1);
	}
	return file;
}

/* Reads a record: a line, and the next ones while a quoted field is open. */
static inline bool
ibm_record(FILE *file, char *line)
{
	size_t		length = 0;
	bool		quoted = false;

	do
	{
		if (fgets(line + length, (int) (IBM_LINE - length), file) == NULL)
			return false;
		for (; line[length] != '\0'; length++)
			quoted ^= line[length] == '"';
	} while (quoted);
	return true;
}

/* Reads a record and cuts it at its last commas into n fields; the first one holds the rest. */
static inline bool
ibm_line(FILE *file, char *line, char **fields, int n)
{
	if (!ibm_record(file, line))
		return false;
	for (int i = n - 1; i > 0; i--)
	{
		char	   *comma = strrchr(line, ',');

		if (comma == NULL)
			return false;
		*comma = '\0';
		fields[i] = comma + 1;
	}
	fields[0] = line;
	return true;
}

/* A terminated text as a key. */
static inline Key
ibm_key(const char *text)
{
	return (Key) {.bytes = text, .length = (int64_t) strlen(text)};
}

/* Index of a course of the catalogue. */
static inline int32_t
ibm_course(const TrainingSet *set, const char *id)
{
	int32_t		course = idmap_find(&set->courses, ibm_key(id));

	if (course == IDMAP_NONE)
	{
		printf("# no course %s in course_genre.csv\n", id);
		exit(1);
	}
	return course;
}

/* Adds all courses of the catalogue, and the ratings. */
static inline RecsysStatus
ibm_add_rows(Env *env, TrainingBuilder *builder)
{
	char		line[IBM_LINE];
	char	   *fields[IBM_GENRES + 1];
	FILE	   *file = ibm_open("course_genre.csv");

	while (ibm_line(file, line, fields, IBM_GENRES + 1))
	{
		*strchr(fields[0], ',') = '\0'; /* the title follows */
		TRY(builder_add_course(env, builder, ibm_key(fields[0])));
	}
	fclose(file);
	file = ibm_open("rs_content_test.csv");
	while (ibm_line(file, line, fields, 3))
		TRY(builder_add_rating(env, builder, (Key) {.number = atoll(fields[0])}, ibm_key(fields[1]),
							   (float) atof(fields[2]), 0));
	fclose(file);
	return RECSYS_OK;
}

/* Adds the genres; their names do not matter here. */
static inline RecsysStatus
ibm_add_genres(Env *env, TrainingSet *set)
{
	char		line[IBM_LINE];
	char	   *fields[IBM_GENRES + 1];
	FILE	   *file = ibm_open("course_genre.csv");
	StringTable names;

	TRY(strings_init(env, &names));
	for (char name = 'a'; name < 'a' + IBM_GENRES; name++)
		TRY(strings_add(env, &names, &name, 1));
	TRY(trainingset_set_genres(env, set, &names));
	while (ibm_line(file, line, fields, IBM_GENRES + 1))
	{
		*strchr(fields[0], ',') = '\0';
		for (int g = 0; g < IBM_GENRES; g++)
			matrix_row(&set->genres, ibm_course(set, fields[0]))[g] =
				(float) atof(fields[g + 1]);
	}
	fclose(file);
	return RECSYS_OK;
}

/* Adds the bags of words. */
static inline RecsysStatus
ibm_add_terms(Env *env, TrainingSet *set)
{
	char		line[IBM_LINE];
	char	   *fields[4];
	FILE	   *file = ibm_open("courses_bows.csv");
	TermsBuilder terms;

	TRY(terms_init(env, &terms));
	while (ibm_line(file, line, fields, 4))
		TRY(terms_add(env, &terms, ibm_course(set, fields[1]), fields[2], strlen(fields[2]),
					  (float) atof(fields[3])));
	fclose(file);
	return terms_finish(env, &terms, set);
}

/* The catalogue with genres, words and 9,402 ratings of 1,000 users. */
static inline void
ibm_load(Env *env, TrainingSet *set)
{
	TrainingBuilder *builder = env_alloc(env, 1, sizeof(TrainingBuilder));

	if (builder == NULL ||
		builder_init(env, builder, KEY_NUMBER, KEY_BYTES, false, false) != RECSYS_OK ||
		ibm_add_rows(env, builder) != RECSYS_OK ||
		builder_finish(env, builder, set) != RECSYS_OK ||
		ibm_add_genres(env, set) != RECSYS_OK || ibm_add_terms(env, set) != RECSYS_OK)
	{
		printf("# %s\n", env->error);
		exit(1);
	}
	CHECK_EQ_INT(set->summary.n_users, 1000);
	CHECK_EQ_INT(set->summary.n_courses, 307);
	CHECK_EQ_INT(set->summary.n_ratings, 9402);
	CHECK_EQ_INT(set->terms.n_entries, 10366);
}

#endif							/* TEST_IBM_H */
