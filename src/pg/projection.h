/*
 * projection.h
 *		project_courses: the courses of a model on a plane.
 */
#ifndef PG_PROJECTION_H
#define PG_PROJECTION_H

#include "pg/call.h"

extern void project_course_rows(Call *call, const char *model);

#endif							/* PG_PROJECTION_H */
