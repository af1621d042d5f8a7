/*
 * factors.h
 *		What factor methods know of courses and users, as rows.
 */
#ifndef PG_FACTORS_H
#define PG_FACTORS_H

#include "pg/call.h"

/* Rows of course_factors and user_factors. */
extern void course_factor_rows(Call *call, const char *model);
extern void user_factor_rows(Call *call, const char *model);

#endif							/* PG_FACTORS_H */
