/*
 * product_kernels.h
 *		Products of one vector with many rows.
 */
#ifndef CORE_PRODUCT_KERNELS_H
#define CORE_PRODUCT_KERNELS_H

#include <stdint.h>

/*
 * products[r] = the product of row r with x, n floats, for n_rows rows that lie stride floats apart.
 * The rows are read once.  A product is the same to the bit wherever its row stands and
 * whatever rows are with it; it may differ from vector_dot in the last bits.
 */
extern void product_rows(const float *rows, int64_t n_rows, int64_t stride, const float *x, int n,
						 float *products);

/* The same of one row. */
static inline float
product_row(const float *row, const float *x, int n)
{
	float		product;

	product_rows(row, 1, 0, x, n, &product);
	return product;
}

#endif							/* CORE_PRODUCT_KERNELS_H */
