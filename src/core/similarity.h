/*
 * similarity.h
 *		How alike two rows of ratings are.
 *
 * A measure is three steps, written once and used for training (all pairs of
 * courses), for serving (a history against stored users) and for comparing two
 * users: weigh the values, sum over the common columns, apply a formula.
 *
 *	measure				weight of value v			formula, C = common columns
 *	cosine				v							sum xy / (|x| |y|), norms over all entries
 *	jaccard				1 where v > 0, else 0		sum xy / (|x|^2 + |y|^2 - sum xy): shared / in either
 *	pearson				v							correlation over C, means over C
 *	pearson_baseline	v - mean - b_row - b_col	sum xy / sqrt(sum xx sum yy) over C,
 *													shrunk by (n - 1) / (n - 1 + shrinkage)
 *	adjusted_cosine		v - mean of the column		sum xy / sqrt(sum xx sum yy) over C
 *	euclidean			v							1 / (1 + sqrt(sum (x - y)^2))
 *	msd					v							1 / (1 + mean of (x - y)^2)
 *	lift				1 where v > 0, else 0		N sum xy / (|x|^2 |y|^2), N = columns with an entry
 *	tfidf				sqrt(v) idf					as cosine
 *	bm25				v (K1 + 1) / (K1 L + v) idf	sum xy
 *
 * idf of a column = ln(rows) - ln(1 + entries in it); L of a row = 1 - B + B *
 * (sum of the row / mean sum of a row).  Rows without an entry, such as courses
 * that nobody rated yet, do not count: a longer catalogue changes nothing between
 * the rated ones.  All but pearson_baseline are shrunk by n / (n + shrinkage),
 * n = |C|.
 *
 * Koren, "Factor in the neighbors" (2010) for pearson_baseline; Sarwar et al.,
 * "Item-based collaborative filtering recommendation algorithms" (2001) for
 * adjusted_cosine; Robertson and Zaragoza, "The probabilistic relevance
 * framework" (2009) for BM25.
 */
#ifndef CORE_SIMILARITY_H
#define CORE_SIMILARITY_H

#include <math.h>

#include "core/csr.h"
#include "core/env.h"

typedef enum Similarity
{
	SIMILARITY_COSINE,
	SIMILARITY_JACCARD,
	SIMILARITY_PEARSON,
	SIMILARITY_PEARSON_BASELINE,
	SIMILARITY_ADJUSTED_COSINE,
	SIMILARITY_EUCLIDEAN,
	SIMILARITY_MSD,
	SIMILARITY_LIFT,
	SIMILARITY_TFIDF,
	SIMILARITY_BM25
} Similarity;

/* The same, as choices of a parameter. */
#define SIMILARITY_CHOICES \
	"cosine jaccard pearson pearson_baseline adjusted_cosine euclidean msd lift tfidf bm25"

#define BM25_K1 1.2
#define BM25_B 0.75

/* Variances below this share of the sum of squares are rounding, not variance. */
#define SIMILARITY_NO_VARIANCE 1e-9

/* Which sums over the common columns a measure needs. */
typedef enum SumKind
{
	SUM_PRODUCTS,				/* n and sum xy */
	SUM_DIFFERENCES,			/* n and sum (x - y)^2 */
	SUM_MOMENTS					/* n, sum x, y, xx, yy and xy */
} SumKind;

/* Sums over the columns that two rows have in common. */
typedef struct PairSums
{
	double		sum;			/* xy, or (x - y)^2 */
	double		x;
	double		y;
	double		xx;
	double		yy;
	int32_t		n;
} PairSums;

/* What a formula needs of one row. */
typedef struct RowSize
{
	double		squares;		/* their sum; of weights 1 and 0, how many are 1 */
	double		norm;			/* Euclidean length */
} RowSize;

/* A measure with its guards against chance. */
typedef struct SimilarityRule
{
	Similarity	similarity;
	int32_t		min_support;	/* fewer common columns: 0 */
	double		shrinkage;
	double		n_columns;		/* N of lift */
} SimilarityRule;

/* Some entries of a row: columns ascending, values weighed. */
typedef struct SparseRow
{
	int64_t		n;
	const int32_t *indexes;
	const float *values;
} SparseRow;

/* Row i of a matrix. */
static inline SparseRow
sparse_row(const Csr *csr, int32_t i)
{
	int64_t		begin = csr->offsets[i];

	return (SparseRow) {csr_row_length(csr, i), csr->indexes + begin, csr->values + begin};
}

extern SumKind similarity_sums(Similarity similarity);

/* Do values have to be weighed at all? */
extern bool similarity_weighs(Similarity similarity);

/* Are values multiplied by their age weight first? */
extern bool similarity_ages(Similarity similarity);

/*
 * facts[n_columns]: what the weight of a value depends on in its column.
 * columns holds the values before weighing; n_rows is the number of rows that
 * have an entry; bias is the column's share of the
 * baseline, read by pearson_baseline only.  0 where there is no such fact; nothing is
 * done for a measure that does not weigh: see similarity_weighs.
 */
extern void similarity_column_facts(Similarity similarity, const Csr *columns, int64_t n_rows,
									const float *bias, float *facts);

/*
 * The same for a row, from its values before weighing; base = mean + bias of
 * the row (pearson_baseline), mean_row_sum = sum of all values / rows that have
 * an entry (bm25).
 */
extern float similarity_row_fact(Similarity similarity, SparseRow row, double base,
								 double mean_row_sum);

/* The weight of a value. */
extern float similarity_weigh(Similarity similarity, float value, float row_fact,
							  float column_fact);

extern RowSize similarity_row_size(SparseRow row);

/* Sums over the common columns of two rows by merging; O(x.n + y.n). */
extern PairSums similarity_pair_sums(SumKind kind, SparseRow x, SparseRow y);

/* sum / sqrt(xx yy), 0 when one side is 0. */
static inline double
similarity_normalized(double sum, double xx, double yy)
{
	return xx > 0 && yy > 0 ? sum / sqrt(xx * yy) : 0;
}

/* Correlation over the common columns; 0 when one side is constant there. */
static inline double
similarity_correlation(const PairSums *sums)
{
	double		n = sums->n;
	double		var_x = n * sums->xx - sums->x * sums->x;
	double		var_y = n * sums->yy - sums->y * sums->y;

	if (var_x <= SIMILARITY_NO_VARIANCE * n * sums->xx || var_y <= SIMILARITY_NO_VARIANCE * n * sums->yy)
		return 0;
	return similarity_normalized(n * sums->sum - sums->x * sums->y, var_x, var_y);
}

/* The formula of the measure, not shrunk. */
static inline double
similarity_formula(const SimilarityRule *rule, const PairSums *sums, RowSize x, RowSize y)
{
	double		n = sums->n;

	switch (rule->similarity)
	{
		case SIMILARITY_COSINE:
		case SIMILARITY_TFIDF:
			return x.norm > 0 && y.norm > 0 ? sums->sum / (x.norm * y.norm) : 0;
		case SIMILARITY_JACCARD:
			return sums->sum / (x.squares + y.squares - sums->sum);
		case SIMILARITY_PEARSON:
			return similarity_correlation(sums);
		case SIMILARITY_PEARSON_BASELINE:
		case SIMILARITY_ADJUSTED_COSINE:
			return similarity_normalized(sums->sum, sums->xx, sums->yy);
		case SIMILARITY_EUCLIDEAN:
			return 1 / (1 + sqrt(sums->sum));
		case SIMILARITY_MSD:
			return 1 / (1 + sums->sum / n);
		case SIMILARITY_LIFT:
			return sums->sum * rule->n_columns / (x.squares * y.squares);
		case SIMILARITY_BM25:
			return sums->sum;
	}
	return 0;
}

/* The similarity, or 0 when it is not positive or has too little support; inline for all pairs. */
static inline double
similarity_value(const SimilarityRule *rule, const PairSums *sums, RowSize x, RowSize y)
{
	double		n = sums->n;
	double		value;

	if (sums->n < rule->min_support || sums->n < 1)
		return 0;
	value = similarity_formula(rule, sums, x, y);
	if (!(value > 0))
		return 0;
	if (rule->shrinkage > 0)
	{
		double		support = rule->similarity == SIMILARITY_PEARSON_BASELINE ? n - 1 : n;

		value *= support / (support + rule->shrinkage);
	}
	return value;
}

#endif							/* CORE_SIMILARITY_H */
