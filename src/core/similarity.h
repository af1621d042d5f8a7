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
 *	jaccard				-							|C| / (|X| + |Y| - |C|)
 *	pearson				v							correlation over C, means over C
 *	pearson_baseline	v - mean - b_row - b_col	sum xy / sqrt(sum xx sum yy) over C,
 *													shrunk by (n - 1) / (n - 1 + shrinkage)
 *	adjusted_cosine		v - mean of the column		sum xy / sqrt(sum xx sum yy) over C
 *	euclidean			v							1 / (1 + sqrt(sum (x - y)^2))
 *	msd					v							1 / (1 + mean of (x - y)^2)
 *	lift				-							|C| N / (|X| |Y|), N = columns
 *	tfidf				sqrt(v) idf					as cosine
 *	bm25				v (K1 + 1) / (K1 L + v) idf	sum xy
 *
 * idf of a column = ln(rows) - ln(1 + entries in it); L of a row = 1 - B + B *
 * (sum of the row / mean sum of a row).  All but pearson_baseline are shrunk by
 * n / (n + shrinkage), n = |C|.
 *
 * Koren, "Factor in the neighbors" (2010) for pearson_baseline; Sarwar et al.,
 * "Item-based collaborative filtering recommendation algorithms" (2001) for
 * adjusted_cosine; Robertson and Zaragoza, "The probabilistic relevance
 * framework" (2009) for BM25.
 */
#ifndef CORE_SIMILARITY_H
#define CORE_SIMILARITY_H

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
#define SIMILARITY_CHOICES "cosine jaccard pearson pearson_baseline adjusted_cosine euclidean msd " \
	"lift tfidf bm25"

#endif							/* CORE_SIMILARITY_H */
