/*
 * analysis.h
 *		What the tables of a dataset look like: for dashboards.
 */
#ifndef PG_ANALYSIS_H
#define PG_ANALYSIS_H

#include "pg/call.h"

extern void user_profile_rows(Call *call, const char *dataset);
extern void dataset_genre_rows(Call *call, const char *dataset);
extern void dataset_summary_rows(Call *call, const char *dataset);
extern void enrollment_histogram_rows(Call *call, const char *dataset, int bins);
extern void top_course_rows(Call *call, const char *dataset, int n);
extern void keyword_count_rows(Call *call, const char *dataset, int n);

#endif							/* PG_ANALYSIS_H */
