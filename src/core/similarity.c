/*
 * similarity.c
 *		Weights, sums and formulas of the similarity measures.
 */
#include "core/similarity.h"

#include <math.h>

/* Products for cosines and counts, differences for distances, moments over C for the rest. */
SumKind
similarity_sums(Similarity similarity)
{
	switch (similarity)
	{
		case SIMILARITY_EUCLIDEAN:
		case SIMILARITY_MSD:
			return SUM_DIFFERENCES;
		case SIMILARITY_PEARSON:
		case SIMILARITY_PEARSON_BASELINE:
		case SIMILARITY_ADJUSTED_COSINE:
			return SUM_MOMENTS;
		default:
			return SUM_PRODUCTS;
	}
}

/* True where the weight of a value is not the value itself. */
bool
similarity_weighs(Similarity similarity)
{
	switch (similarity)
	{
		case SIMILARITY_COSINE:
		case SIMILARITY_PEARSON:
		case SIMILARITY_EUCLIDEAN:
		case SIMILARITY_MSD:
			return false;
		default:
			return true;
	}
}

/* Ageing makes sense where a value is an amount, not where it is a point on a scale. */
bool
similarity_ages(Similarity similarity)
{
	return similarity == SIMILARITY_COSINE || similarity == SIMILARITY_TFIDF ||
		similarity == SIMILARITY_BM25;
}

/* Mean of a row's values; 0 without any. */
static double
row_mean(SparseRow row)
{
	double		sum = 0;

	for (int64_t e = 0; e < row.n; e++)
		sum += row.values[e];
	return row.n > 0 ? sum / (double) row.n : 0;
}

/* The mean for adjusted_cosine, the bias for pearson_baseline, the idf for tfidf and bm25, else 0. */
void
similarity_column_facts(Similarity similarity, const Csr *columns, int64_t n_rows,
						const float *bias, float *facts)
{
	for (int32_t c = 0; similarity_weighs(similarity) && c < columns->n_rows; c++)
	{
		if (similarity == SIMILARITY_PEARSON_BASELINE)
			facts[c] = bias[c];
		else if (similarity == SIMILARITY_ADJUSTED_COSINE)
			facts[c] = (float) row_mean(sparse_row(columns, c));
		else if (similarity == SIMILARITY_TFIDF || similarity == SIMILARITY_BM25)
			facts[c] = (float) (log((double) n_rows) - log1p((double) csr_row_length(columns, c)));
		else
			facts[c] = 0;
	}
}

/* The base for pearson_baseline, the relative length for bm25; others have none. */
float
similarity_row_fact(Similarity similarity, SparseRow row, double base, double mean_row_sum)
{
	double		sum = row_mean(row) * (double) row.n;

	if (similarity == SIMILARITY_PEARSON_BASELINE)
		return (float) base;
	if (similarity == SIMILARITY_BM25)
		return (float) (1 - BM25_B + (mean_row_sum > 0 ? BM25_B * fmax(sum, 0) / mean_row_sum : 0));
	return 0;
}

/* Ratings of 0 and below (thumbs down) weigh nothing in the measures that count. */
float
similarity_weigh(Similarity similarity, float value, float row_fact, float column_fact)
{
	switch (similarity)
	{
		case SIMILARITY_JACCARD:
		case SIMILARITY_LIFT:
			return value > 0;
		case SIMILARITY_PEARSON_BASELINE:
		case SIMILARITY_ADJUSTED_COSINE:
			return value - row_fact - column_fact;
		case SIMILARITY_TFIDF:
			return value > 0 ? sqrtf(value) * column_fact : 0;
		case SIMILARITY_BM25:
			return value > 0 ? value * (float) (BM25_K1 + 1) /
				((float) BM25_K1 * row_fact + value) * column_fact : 0;
		default:
			return value;
	}
}

/* Sum of squares and Euclidean length. */
RowSize
similarity_row_size(SparseRow row)
{
	double		squares = 0;

	for (int64_t e = 0; e < row.n; e++)
		squares += (double) row.values[e] * row.values[e];
	return (RowSize) {squares, sqrt(squares)};
}

/* Adds one common column. */
static void
pair_add(SumKind kind, PairSums *sums, double x, double y)
{
	sums->n++;
	sums->sum += kind == SUM_DIFFERENCES ? (x - y) * (x - y) : x * y;
	sums->x += x;
	sums->y += y;
	sums->xx += x * x;
	sums->yy += y * y;
}

/* Both rows are sorted: one walk along both. */
PairSums
similarity_pair_sums(SumKind kind, SparseRow x, SparseRow y)
{
	PairSums	sums = {0};
	int64_t		a = 0;
	int64_t		b = 0;

	while (a < x.n && b < y.n)
	{
		if (x.indexes[a] < y.indexes[b])
			a++;
		else if (x.indexes[a] > y.indexes[b])
			b++;
		else
		{
			pair_add(kind, &sums, x.values[a], y.values[b]);
			a++;
			b++;
		}
	}
	return sums;
}
