/*
 * sections.h
 *		The sections that every model has beside those of its method; written by
 *		train.c, read by recommender.c.
 *
 * n is the number of courses:
 *
 *		method				bytes		name of the method
 *		params				bytes		see params_write
 *		summary.counts		int64		positions below
 *		summary.range		double		mean, min, max
 *		summary.scale		float		distinct ratings, when few
 *		course_ids			strings		n ids as text, in key order
 *		course_numbers		int64		n keys, when they are numbers
 *		course_slots		int32		lookup table of the keys, see idmap.h
 *		course_counts		int32		n numbers of ratings
 *		popularity_order	int32		n courses, most ratings first
 *		popularity_rank		int32		n places in that order
 *		course_bias			float		n biases; methods that predict
 *		genre_names			strings		methods that need genres
 *		groups				strings		methods that need groups
 */
#ifndef CORE_SECTIONS_H
#define CORE_SECTIONS_H

/* Positions in summary.counts. */
enum
{
	COUNT_USERS,
	COUNT_COURSES,
	COUNT_COURSES_RATED,
	COUNT_RATINGS,
	COUNT_DUPLICATES,
	COUNT_FIRST_TIME,
	COUNT_LAST_TIME,
	COUNT_FINGERPRINT,
	COUNT_IMPLICIT,
	N_COUNTS
};

#endif							/* CORE_SECTIONS_H */
