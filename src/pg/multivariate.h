/*
 * multivariate.h
 *		pca, kmeans and kmeans_elbow: of the vectors of a query.
 */
#ifndef PG_MULTIVARIATE_H
#define PG_MULTIVARIATE_H

#include "pg/call.h"

extern void pca_rows(Call *call, const char *query, double n_components, bool standardize);
extern void kmeans_rows(Call *call, const char *query, int n_clusters, int random_state,
						bool standardize, int n_init);
extern void kmeans_elbow_rows(Call *call, const char *query, int k_min, int k_max,
							  int random_state, bool standardize);

#endif							/* PG_MULTIVARIATE_H */
