/*
 * test_movielens.h: the ratings of MovieLens 100k, for tests against known figures.
 *
 * They are in COURSE_RECSYS_DATA/movielens-100k; tests are skipped when that is unset.
 */
#ifndef TEST_MOVIELENS_H
#define TEST_MOVIELENS_H

#include <stdio.h>
#include <stdlib.h>

#include "test_set.h"

#define MOVIELENS_ROWS 100000

/* The folder of all data, or NULL after having told that the test is skipped. */
static inline const char *
movielens_folder(void)
{
	const char *folder = getenv("COURSE_RECSYS_DATA");

	if (folder != NULL && folder[0] != '\0')
		return folder;
	printf("1..0 # SKIP COURSE_RECSYS_DATA is not set\n");
	return NULL;
}

/* The rows of a file; the caller frees them. Ends the program when there is no such file. */
static inline TestRow *
movielens_rows(const char *file, int *n)
{
	TestRow    *rows = calloc(MOVIELENS_ROWS, sizeof(TestRow));
	char		path[1000];
	FILE	   *in;
	long long	user;
	long long	course;
	long long	seconds;
	float		rating;

	snprintf(path, sizeof(path), "%s/movielens-100k/%s", getenv("COURSE_RECSYS_DATA"), file);
	in = fopen(path, "r");
	if (in == NULL)
	{
		printf("Bail out! cannot read %s\n", path);
		exit(1);
	}
	for (*n = 0; *n < MOVIELENS_ROWS &&
		 fscanf(in, "%lld %lld %f %lld", &user, &course, &rating, &seconds) == 4; (*n)++)
		rows[*n] = (TestRow) {user, course, rating, seconds};
	fclose(in);
	return rows;
}

/* A file as a training set of the Env, with times (seconds) or not. Ends the program on failure. */
static inline void
movielens_set(Env *env, const char *file, bool with_times, TrainingSet *set)
{
	TestShape	shape = {KEY_NUMBER, KEY_NUMBER, with_times, false};
	int			n;
	TestRow    *rows = movielens_rows(file, &n);

	if (test_set_build(env, shape, rows, n, 0, set) != RECSYS_OK)
		abort();
	free(rows);
}

#endif							/* TEST_MOVIELENS_H */
