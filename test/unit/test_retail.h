/*
 * test_retail.h: 315 baskets of nine goods from a teaching data set as a training set: basket u is line u, a good is
 * numbered by its place in goods. Read from the folder retail of COURSE_RECSYS_DATA; skipped when that is not set.
 */
#ifndef TEST_RETAIL_H
#define TEST_RETAIL_H

#include <stdlib.h>
#include <string.h>

#include "test_set.h"
#include "unit.h"

#define RETAIL_ROWS 2300

/* In alphabetical order. */
static const char *const goods[] = {"Bagel", "Bread", "Cheese", "Diaper", "Eggs", "Meat", "Milk", "Pencil", "Wine"};

/* Runs a test that needs the data, or reports it as skipped. */
#define RUN_RETAIL(test) \
	do { \
		if (getenv("COURSE_RECSYS_DATA") != NULL) \
			RUN(test); \
		else \
			printf("ok %d - %s # SKIP COURSE_RECSYS_DATA is not set\n", ++unit_tests, #test); \
	} while (0)

/* Number of a good. */
static inline int
good_number(const char *name)
{
	for (int g = 0; g < 9; g++)
		if (strcmp(goods[g], name) == 0)
			return g;
	printf("# unknown good %s\n", name);
	abort();
}

/* The baskets. */
static inline TrainingSet *
retail_set(Env *env)
{
	char		path[1024];
	char		line[256];
	static TestRow rows[RETAIL_ROWS];
	int			n = 0;
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/retail/retail_dataset.csv", getenv("COURSE_RECSYS_DATA"));
	file = fopen(path, "r");
	for (int u = 0; file != NULL && fgets(line, sizeof(line), file) != NULL; u++)
		for (char *good = strtok(line, ",\r\n"); good != NULL; good = strtok(NULL, ",\r\n"))
			if (n < RETAIL_ROWS)
				rows[n++] = (TestRow) {u, good_number(good), 1, 0};
	if (file == NULL || n == RETAIL_ROWS)
	{
		printf("# %s cannot be read\n", path);
		abort();
	}
	fclose(file);
	return test_set(env, (TestShape) {KEY_NUMBER, KEY_NUMBER, false, true}, rows, n, 0);
}

#endif							/* TEST_RETAIL_H */
