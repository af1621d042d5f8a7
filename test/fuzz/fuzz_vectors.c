/*
 * fuzz_vectors.c: functions over vectors of any doubles, as SQL arrays hold them.
 *
 * The input is two or three vectors of one length. Checked: nothing is read or written outside of
 * them, and a cosine or correlation of finite vectors lies within [-1, 1] and is the same with the
 * vectors exchanged.
 */
#include <math.h>

#include "core/vecmath.h"
#include "fuzz.h"

#define MAX_LENGTH 40

/* A vector in memory of just its size. */
static double *
take_vector(FuzzInput *input, size_t n)
{
	double	   *vector = malloc(n * sizeof(double) + 1);

	FUZZ_CHECK(vector != NULL);
	for (size_t i = 0; i < n; i++)
		vector[i] = fuzz_number(input);
	return vector;
}

/* A similarity of two vectors, as vecmath_cosine and vecmath_pearson. */
typedef bool (*SimilarityFunction) (const double *a, const double *b, size_t n, double *similarity);

/* Bounds and symmetry; without an answer the place for it is left alone. */
static void
check_similarity(SimilarityFunction similarity, const double *a, const double *b, size_t n)
{
	double		forth = 7;
	double		back = 7;
	bool		defined = similarity(a, b, n, &forth);

	FUZZ_CHECK(similarity(b, a, n, &back) == defined);
	FUZZ_CHECK(defined || (forth == 7 && back == 7));
	if (!defined || !vecmath_all_finite(a, n) || !vecmath_all_finite(b, n))
		return;
	FUZZ_CHECK(forth >= -1 && forth <= 1);
	FUZZ_CHECK(fabs(forth - back) <= 1e-9);
}

/* All functions. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzInput	input = {data, size, 0};
	size_t		n = (size_t) fuzz_below(&input, MAX_LENGTH);
	double	   *a = take_vector(&input, n);
	double	   *b = take_vector(&input, n);
	double	   *c = take_vector(&input, n);
	double	   *out = malloc(n * sizeof(double) + 1);

	check_similarity(vecmath_cosine, a, b, n);
	check_similarity(vecmath_pearson, a, b, n);
	(void) vecmath_dot(a, b, n);
	FUZZ_CHECK(!(vecmath_norm(a, n) < 0));
	FUZZ_CHECK(!(vecmath_euclidean(a, b, n) < 0));
	vecmath_standardize(a, b, c, n, out);
	free(out);
	free(c);
	free(b);
	free(a);
	return 0;
}

/* None: every input has a meaning. */
void
fuzz_seeds(FuzzAdd add)
{
	(void) add;
}
