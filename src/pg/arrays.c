/*
 * arrays.c: float8[] arguments as checked vectors, and results as float8[].
 */
#include "postgres.h"

#include "pg/arrays.h"

#include "catalog/pg_type.h"
#include "pg/compat.h"

/* One message for each condition, wherever an array comes from. */
int
check_flat_array(ArrayType *array, const char *name)
{
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("array \"%s\" must have one dimension, not %d", name, ARR_NDIM(array))));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("array \"%s\" contains a null element", name),
				 errhint("Drop null elements with array_remove(%s, NULL), or replace them with array_replace(%s, NULL, ...).",
						 name, name)));
	return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
}

/* ARR_DATA_PTR with both offsets of one type; the macro mixes signed and unsigned. */
static double *
double_elements(ArrayType *array)
{
	Size		offset = ARR_OVERHEAD_NONULLS(ARR_NDIM(array));

	if (ARR_HASNULL(array))
		offset = (Size) array->dataoffset;
	return (double *) ((char *) array + offset);
}

/* Without NULLs the elements of a float8[] are a C array. */
Vector
vector_from_array(ArrayType *array, const char *name)
{
	Vector		vector;

	if (ARR_ELEMTYPE(array) != FLOAT8OID)
		elog(ERROR, "array \"%s\" has element type %u", name, ARR_ELEMTYPE(array));
	vector.length = check_flat_array(array, name);
	vector.values = double_elements(array);
	return vector;
}

/* The message gives both lengths. */
void
check_same_length(Vector a, const char *a_name, Vector b, const char *b_name)
{
	if (a.length != b.length)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("arrays \"%s\" and \"%s\" differ in length: %d and %d",
						a_name, b_name, a.length, b.length)));
}

/*
 * An array of numbers of this type and size, all lower bounds 1, its elements not set; sizes are below 2^27, so
 * their product fits.
 */
static ArrayType *
new_number_array(Oid type, int type_size, int ndim, int size)
{
	Size		items = ndim == 1 ? (Size) size : (Size) size * size;
	Size		bytes = ARR_OVERHEAD_NONULLS(ndim) + items * type_size;
	ArrayType  *array = palloc(bytes);

	SET_VARSIZE(array, bytes);
	array->ndim = ndim;
	array->dataoffset = 0;		/* no null bitmap */
	array->elemtype = type;
	for (int i = 0; i < ndim; i++)
	{
		ARR_DIMS(array)[i] = size;
		ARR_LBOUND(array)[i] = 1;
	}
	return array;
}

/* An empty array has no dimension at all. */
ArrayType *
new_vector_array(int length, double **values)
{
	ArrayType  *array = new_number_array(FLOAT8OID, sizeof(double), length > 0 ? 1 : 0, length);

	*values = double_elements(array);
	return array;
}

/* Copies the values. */
ArrayType *
new_real_array(const float *values, int length)
{
	ArrayType  *array = new_number_array(FLOAT4OID, sizeof(float), length > 0 ? 1 : 0, length);

	if (length > 0)
		memcpy((char *) array + ARR_OVERHEAD_NONULLS(1), values, (Size) length * sizeof(float));
	return array;
}

/* Square. */
ArrayType *
new_matrix_array(int size, double **values)
{
	ArrayType  *array = new_number_array(FLOAT8OID, sizeof(double), size > 0 ? 2 : 0, size);

	*values = double_elements(array);
	return array;
}
