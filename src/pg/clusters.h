/*
 * clusters.h
 *		user_clusters and cluster_courses: of models whose method has clusters.
 */
#ifndef PG_CLUSTERS_H
#define PG_CLUSTERS_H

#include "pg/call.h"

extern void user_cluster_rows(Call *call, const char *model);
extern void cluster_course_rows(Call *call, const char *model);

#endif							/* PG_CLUSTERS_H */
