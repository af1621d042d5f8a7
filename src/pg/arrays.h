/*
 * arrays.h: float8[] arguments as checked vectors, and results as float8[].
 *
 * A vector is an array of at most one dimension without NULLs. It may be empty, and where its subscripts
 * start does not matter. Errors name the argument:
 *		2202E array_subscript_error		more than one dimension, lengths that differ
 *		22004 null_value_not_allowed	a NULL element
 */
#ifndef PG_ARRAYS_H
#define PG_ARRAYS_H

#include "postgres.h"

#include "utils/array.h"

/* The elements of an argument; they live as long as the array. */
typedef struct Vector
{
	const double *values;
	int			length;
} Vector;

/* Raises an error unless the array has at most one dimension and no NULL; returns its length. */
extern int	check_flat_array(ArrayType *array, const char *name);

/* Reads a float8[]; name is that of the argument in error messages. */
extern Vector vector_from_array(ArrayType *array, const char *name);

/* Raises an error unless both vectors have the same length. */
extern void check_same_length(Vector a, const char *a_name, Vector b, const char *b_name);

/* A float8[] of the given length, '{}' for 0; *values points to its elements, to be filled. */
extern ArrayType *new_vector_array(int length, double **values);

/* A real[] of these values, '{}' for none. */
extern ArrayType *new_real_array(const float *values, int length);

/* A float8[][] of size x size, '{}' for 0; *values points to its elements row by row, to be filled. */
extern ArrayType *new_matrix_array(int size, double **values);

#endif							/* PG_ARRAYS_H */
