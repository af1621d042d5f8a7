/*
 * silhouette.h
 *		How well clusters are apart.
 *
 * Silhouette of a point: (b - a) / max(a, b), a being its mean distance to the other points of its
 * cluster, b the least mean distance to the points of another cluster; 0 when it is alone in its cluster.
 * From -1 to 1 (Rousseeuw, "Silhouettes", 1987).  All pairs are compared: beyond SILHOUETTE_SAMPLE points,
 * those of a sample of that size, drawn once for a random_state.
 *
 * O(m^2 d) time for m points, 8 (d + 1) bytes a point of the sample.
 */
#ifndef CORE_SILHOUETTE_H
#define CORE_SILHOUETTE_H

#include "core/points.h"

#define SILHOUETTE_SAMPLE 10000

/* Mean silhouette of labelled points (0 .. n_clusters - 1); NAN with fewer than two clusters in use. */
extern RecsysStatus silhouette(Env *env, const Points *points, const int32_t *labels,
							   int32_t n_clusters, int64_t random_state, double *mean);

#endif							/* CORE_SILHOUETTE_H */
