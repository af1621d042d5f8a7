/*
 * methods.c
 *		The table of all methods.
 */
#include <stdio.h>
#include <string.h>

#include "core/method.h"
#include "core/methods/methods.h"

const Method *const recsys_methods[] = {
	&method_popular,
	&method_demographic,
	&method_user_profile,
	&method_course_similarity,
	&method_kmeans,
	&method_kmeans_pca,
	&method_knn,
	&method_bias,
	&method_svd,
	&method_nmf,
	&method_als,
	&method_mf,
	&method_bpr,
	&method_ease,
	&method_nn,
	&method_embedding_regression,
	&method_embedding_classification,
	&method_association_rules,
	&method_hybrid,
	NULL
};

/* Looks a name up. */
const Method *
method_find(const char *name)
{
	for (int i = 0; recsys_methods[i] != NULL; i++)
	{
		if (strcmp(recsys_methods[i]->name, name) == 0)
			return recsys_methods[i];
	}
	return NULL;
}

/* Appends name after name; what does not fit is left out. */
void
method_names(char *text, size_t size, bool (*test) (const Method *method))
{
	size_t		used = 0;

	text[0] = '\0';
	for (int i = 0; recsys_methods[i] != NULL; i++)
	{
		const char *name = recsys_methods[i]->name;
		const char *comma = used == 0 ? "" : ", ";

		if (test != NULL && !test(recsys_methods[i]))
			continue;
		if (used + strlen(comma) + strlen(name) + 3 > size)
			break;
		used += (size_t) snprintf(text + used, size - used, "%s\"%s\"", comma, name);
	}
}
