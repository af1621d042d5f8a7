/*
 * test_methods.c: the table of all methods.
 */
#include <string.h>

#include "core/method.h"
#include "unit.h"

/* Does the method predict ratings? */
static bool
predicts(const Method *method)
{
	return method->predict != NULL;
}

/* Every method is complete and found by its own name only. */
static void
test_find(void)
{
	for (int i = 0; recsys_methods[i] != NULL; i++)
	{
		const Method *method = recsys_methods[i];

		CHECK(method_find(method->name) == method);
		CHECK(strcmp(method->params.method, method->name) == 0);
		CHECK(method->params.size >= sizeof(CommonParams));
		CHECK(method->description[strlen(method->description) - 1] == '.');
		CHECK(method->estimate != NULL && method->fit != NULL && method->open != NULL &&
			  method->score != NULL);
	}
	CHECK(recsys_methods[0] != NULL);
	CHECK(method_find("") == NULL);
	CHECK(method_find("no_such_method") == NULL);
}

/* All names, or those that pass a test, in quotes; a short buffer holds whole names only. */
static void
test_names(void)
{
	char		all[4096];
	char		some[4096];
	char		quoted[100];
	int			n_some = 0;

	method_names(all, sizeof(all), NULL);
	method_names(some, sizeof(some), predicts);
	for (int i = 0; recsys_methods[i] != NULL; i++)
	{
		snprintf(quoted, sizeof(quoted), "\"%s\"", recsys_methods[i]->name);
		CHECK(strstr(all, quoted) != NULL);
		CHECK((strstr(some, quoted) != NULL) == predicts(recsys_methods[i]));
		n_some += predicts(recsys_methods[i]);
	}
	CHECK((some[0] == '\0') == (n_some == 0));
	for (size_t size = 1; size <= strlen(all) + 1; size++)
	{
		char		text[4096];
		size_t		length;

		method_names(text, size, NULL);
		length = strlen(text);
		CHECK(length < size && strncmp(text, all, length) == 0);
		CHECK(length == 0 || text[length - 1] == '"');
	}
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_find);
	RUN(test_names);
	return unit_done();
}
