/*
 * plain_similarity.h: the similarity measures on a dense matrix, written down as they are defined.
 */
#ifndef PLAIN_SIMILARITY_H
#define PLAIN_SIMILARITY_H

#include <math.h>
#include <stdlib.h>

#include "core/neighbors.h"

/* Values row after row; NAN: no entry. */
typedef struct PlainMatrix
{
	int			n_rows;
	int			n_columns;
	float	   *dense;
} PlainMatrix;

/* The cell of a row and a column. */
static inline float
cell(const PlainMatrix *data, int row, int column)
{
	return data->dense[(size_t) row * (size_t) data->n_columns + (size_t) column];
}

/* Sum of the squares of a row, or its Euclidean length. */
static inline double
plain_size(const PlainMatrix *data, int row, bool length)
{
	double		sum = 0;

	for (int c = 0; c < data->n_columns; c++)
		if (!isnan(cell(data, row, c)))
			sum += pow(cell(data, row, c), 2);
	return length ? sqrt(sum) : sum;
}

/* Mean of a row's values where the other row has one too. */
static inline double
plain_common_mean(const PlainMatrix *data, int row, int other)
{
	double		sum = 0;
	double		n = 0;

	for (int c = 0; c < data->n_columns; c++)
		if (!isnan(cell(data, row, c)) && !isnan(cell(data, other, c)))
		{
			sum += cell(data, row, c);
			n++;
		}
	return n > 0 ? sum / n : 0;
}

/* Sum of (a - mean_a) (b - mean_b) over the common columns of x and y; a and b are x or y. */
static inline double
plain_product(const PlainMatrix *data, int x, int y, int a, int b, double mean_a, double mean_b)
{
	double		sum = 0;

	for (int c = 0; c < data->n_columns; c++)
		if (!isnan(cell(data, x, c)) && !isnan(cell(data, y, c)))
			sum += (cell(data, a, c) - mean_a) * (cell(data, b, c) - mean_b);
	return sum;
}

/* Sum of squared differences over the common columns, and their number. */
static inline double
plain_distance(const PlainMatrix *data, int x, int y, double *n)
{
	double		sum = 0;

	*n = 0;
	for (int c = 0; c < data->n_columns; c++)
		if (!isnan(cell(data, x, c)) && !isnan(cell(data, y, c)))
		{
			sum += pow(cell(data, x, c) - cell(data, y, c), 2);
			(*n)++;
		}
	return sum;
}

/* The formula of a measure, step by step as it is defined. */
static inline double
plain_formula(const PlainMatrix *data, Similarity similarity, int x, int y)
{
	double		n;
	double		distance = plain_distance(data, x, y, &n);
	double		mean_x = similarity == SIMILARITY_PEARSON ? plain_common_mean(data, x, y) : 0;
	double		mean_y = similarity == SIMILARITY_PEARSON ? plain_common_mean(data, y, x) : 0;
	double		xy = plain_product(data, x, y, x, y, mean_x, mean_y);
	double		xx = plain_product(data, x, y, x, x, mean_x, mean_x);
	double		yy = plain_product(data, x, y, y, y, mean_y, mean_y);
	double		size_x = plain_size(data, x, false);
	double		size_y = plain_size(data, y, false);

	switch (similarity)
	{
		case SIMILARITY_COSINE:
		case SIMILARITY_TFIDF:
			return xy / (plain_size(data, x, true) * plain_size(data, y, true));
		case SIMILARITY_JACCARD:
			return xy / (size_x + size_y - xy);
		case SIMILARITY_PEARSON:
		case SIMILARITY_PEARSON_BASELINE:
		case SIMILARITY_ADJUSTED_COSINE:
			return xx > 1e-12 && yy > 1e-12 ? xy / sqrt(xx * yy) : 0;
		case SIMILARITY_EUCLIDEAN:
			return 1 / (1 + sqrt(distance));
		case SIMILARITY_MSD:
			return 1 / (1 + distance / n);
		case SIMILARITY_LIFT:
			return (xy / data->n_columns) / (size_x / data->n_columns * size_y / data->n_columns);
		case SIMILARITY_BM25:
			return xy;
	}
	return NAN;
}

/* With support and shrinkage; 0 for none. */
static inline double
plain_similarity(const PlainMatrix *data, const NeighborOptions *options, int x, int y)
{
	double		n;
	double		value;

	(void) plain_distance(data, x, y, &n);
	if (x == y || n < 1 || n < options->min_support)
		return 0;
	value = plain_formula(data, options->similarity, x, y);
	if (options->similarity == SIMILARITY_PEARSON_BASELINE)
		n--;
	if (options->shrinkage > 0)
		value *= n / (n + options->shrinkage);
	return value > 1e-9 ? value : 0;
}

#endif							/* PLAIN_SIMILARITY_H */
