/*
 * vectors.c: SQL functions over two vectors (float8[]) and over two arrays as sets.
 */
#include "postgres.h"

#include "core/vecmath.h"
#include "miscadmin.h"
#include "pg/arrays.h"
#include "pg/compat.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/typcache.h"

RECSYS_FUNCTION(recsys_dot_product);
RECSYS_FUNCTION(recsys_cosine_similarity);
RECSYS_FUNCTION(recsys_euclidean_distance);
RECSYS_FUNCTION(recsys_pearson_correlation);
RECSYS_FUNCTION(recsys_l2_norm);
RECSYS_FUNCTION(recsys_standardize);
RECSYS_FUNCTION(recsys_jaccard_similarity);
RECSYS_FUNCTION(recsys_set_distance);

/* How many elements two sets have. */
typedef struct SetSizes
{
	int			a;
	int			b;
	int			common;			/* in both */
} SetSizes;

/* What the comparator of elements needs. */
typedef struct ElementOrder
{
	FmgrInfo   *compare;
	Oid			collation;
} ElementOrder;

/* Reads the arguments "a" and "b" of equal length. */
static void
get_pair(FunctionCallInfo fcinfo, Vector *a, Vector *b)
{
	*a = vector_from_array(PG_GETARG_ARRAYTYPE_P(0), "a");
	*b = vector_from_array(PG_GETARG_ARRAYTYPE_P(1), "b");
	check_same_length(*a, "a", *b, "b");
}

/* A result that is not finite although all elements are is an overflow, as for PostgreSQL's own float8. */
static double
check_overflow(double result, Vector a, Vector b)
{
	if (unlikely(!isfinite(result)) && vecmath_all_finite(a.values, a.length) &&
		vecmath_all_finite(b.values, b.length))
		float_overflow_error();
	return result;
}

/* dot_product(a, b) */
Datum
recsys_dot_product(PG_FUNCTION_ARGS)
{
	Vector		a,
				b;

	get_pair(fcinfo, &a, &b);
	PG_RETURN_FLOAT8(check_overflow(vecmath_dot(a.values, b.values, a.length), a, b));
}

/* cosine_similarity(a, b) */
Datum
recsys_cosine_similarity(PG_FUNCTION_ARGS)
{
	Vector		a,
				b;
	double		cosine;

	get_pair(fcinfo, &a, &b);
	if (!vecmath_cosine(a.values, b.values, a.length, &cosine))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(cosine);
}

/* euclidean_distance(a, b) */
Datum
recsys_euclidean_distance(PG_FUNCTION_ARGS)
{
	Vector		a,
				b;

	get_pair(fcinfo, &a, &b);
	PG_RETURN_FLOAT8(check_overflow(vecmath_euclidean(a.values, b.values, a.length), a, b));
}

/* pearson_correlation(a, b) */
Datum
recsys_pearson_correlation(PG_FUNCTION_ARGS)
{
	Vector		a,
				b;
	double		correlation;

	get_pair(fcinfo, &a, &b);
	if (!vecmath_pearson(a.values, b.values, a.length, &correlation))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(correlation);
}

/* l2_norm(a) */
Datum
recsys_l2_norm(PG_FUNCTION_ARGS)
{
	Vector		a = vector_from_array(PG_GETARG_ARRAYTYPE_P(0), "a");

	PG_RETURN_FLOAT8(check_overflow(vecmath_norm(a.values, a.length), a, a));
}

/* Raises an error for a negative standard deviation; NaN passes. */
static void
check_stddev(Vector stddev)
{
	for (int i = 0; i < stddev.length; i++)
	{
		if (stddev.values[i] < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("standard deviation must not be negative: %g", stddev.values[i])));
	}
}

/* standardize(v, mean, stddev) */
Datum
recsys_standardize(PG_FUNCTION_ARGS)
{
	Vector		v = vector_from_array(PG_GETARG_ARRAYTYPE_P(0), "v");
	Vector		mean = vector_from_array(PG_GETARG_ARRAYTYPE_P(1), "mean");
	Vector		stddev = vector_from_array(PG_GETARG_ARRAYTYPE_P(2), "stddev");
	double	   *values;
	ArrayType  *result;

	check_same_length(v, "v", mean, "mean");
	check_same_length(v, "v", stddev, "stddev");
	check_stddev(stddev);
	result = new_vector_array(v.length, &values);
	vecmath_standardize(v.values, mean.values, stddev.values, v.length, values);
	for (int i = 0; i < v.length; i++)
	{
		if (unlikely(!isfinite(values[i])) && isfinite(v.values[i]) && isfinite(mean.values[i]) &&
			!isnan(stddev.values[i]))
			float_overflow_error();
	}
	PG_RETURN_ARRAYTYPE_P(result);
}

/* The type's default btree comparison, looked up once per call site. */
static TypeCacheEntry *
element_type(FunctionCallInfo fcinfo, Oid type)
{
	TypeCacheEntry *entry = (TypeCacheEntry *) fcinfo->flinfo->fn_extra;

	if (entry == NULL || entry->type_id != type)
	{
		entry = lookup_type_cache(type, TYPECACHE_CMP_PROC_FINFO);
		if (!OidIsValid(entry->cmp_proc_finfo.fn_oid))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_FUNCTION),
					 errmsg("could not identify a comparison function for type %s",
							format_type_be(type)),
					 errhint("Cast the arrays to a type that can be sorted, for example text[].")));
		fcinfo->flinfo->fn_extra = entry;
	}
	return entry;
}

/* qsort comparator of two elements. */
static int
compare_elements(const void *x, const void *y, void *arg)
{
	ElementOrder *order = arg;

	CHECK_FOR_INTERRUPTS();
	return DatumGetInt32(FunctionCall2Coll(order->compare, order->collation,
										   *(const Datum *) x, *(const Datum *) y));
}

/* The distinct elements of an array in order; *size is their number. */
static Datum *
sorted_set(ArrayType *array, const char *name, TypeCacheEntry *type, ElementOrder *order, int *size)
{
	Datum	   *elements;
	int			length,
				kept = 0;

	check_flat_array(array, name);
	deconstruct_array(array, type->type_id, type->typlen, type->typbyval, type->typalign,
					  &elements, NULL, &length);
	qsort_arg(elements, length, sizeof(Datum), compare_elements, order);
	for (int i = 0; i < length; i++)
	{
		if (kept == 0 || compare_elements(&elements[kept - 1], &elements[i], order) != 0)
			elements[kept++] = elements[i];
	}
	*size = kept;
	return elements;
}

/* Sizes of the arguments "a" and "b" as sets, by sorting both and merging. */
static SetSizes
get_set_sizes(FunctionCallInfo fcinfo)
{
	ArrayType  *a_array = PG_GETARG_ARRAYTYPE_P(0);
	ArrayType  *b_array = PG_GETARG_ARRAYTYPE_P(1);
	TypeCacheEntry *type = element_type(fcinfo, ARR_ELEMTYPE(a_array));
	ElementOrder order = {&type->cmp_proc_finfo, PG_GET_COLLATION()};
	SetSizes	sizes = {0, 0, 0};
	Datum	   *a = sorted_set(a_array, "a", type, &order, &sizes.a);
	Datum	   *b = sorted_set(b_array, "b", type, &order, &sizes.b);

	for (int i = 0, j = 0; i < sizes.a && j < sizes.b;)
	{
		int			compared = compare_elements(&a[i], &b[j], &order);

		if (compared == 0)
			sizes.common++;
		if (compared <= 0)
			i++;
		if (compared >= 0)
			j++;
	}
	return sizes;
}

/* jaccard_similarity(a, b): |A and B| / |A or B|, 1 for two empty sets, which are equal */
Datum
recsys_jaccard_similarity(PG_FUNCTION_ARGS)
{
	SetSizes	sizes = get_set_sizes(fcinfo);
	int			either = sizes.a - sizes.common + sizes.b;

	if (either == 0)
		PG_RETURN_FLOAT8(1);
	PG_RETURN_FLOAT8((double) sizes.common / either);
}

/* set_distance(a, b): |A \ B| + |B \ A| */
Datum
recsys_set_distance(PG_FUNCTION_ARGS)
{
	SetSizes	sizes = get_set_sizes(fcinfo);

	PG_RETURN_INT32(sizes.a - sizes.common + sizes.b - sizes.common);
}
