/*
 * history.c
 *		The ratings of one user, as read from the table.
 */
#include "core/method.h"

/* One rating of a history. */
typedef struct HistoryRow
{
	int32_t		course;
	float		rating;
	int64_t		time;			/* 0 without times */
} HistoryRow;

/* Reads row i. */
static HistoryRow
get_row(const int32_t *courses, const float *ratings, const int64_t *times, int32_t i)
{
	HistoryRow	row = {courses[i], ratings[i], times == NULL ? 0 : times[i]};

	return row;
}

/* Writes row i. */
static void
set_row(int32_t *courses, float *ratings, int64_t *times, int32_t i, HistoryRow row)
{
	courses[i] = row.course;
	ratings[i] = row.rating;
	if (times != NULL)
		times[i] = row.time;
}

/* By course; of one course, the row that counts first. */
static bool
row_before(HistoryRow a, HistoryRow b)
{
	if (a.course != b.course)
		return a.course < b.course;
	if (a.time != b.time)
		return a.time > b.time;
	return a.rating > b.rating;
}

/*
 * Shell sort: in place, without memory for indexes, and an insertion sort for
 * the few rows that most users have.  Gaps as Tokuda's (1992), about 2.25 times
 * the next smaller one.  It need not be stable, because rows that compare equal
 * are equal.
 */
static void
sort_rows(int32_t n, int32_t *courses, float *ratings, int64_t *times)
{
	static const int32_t gaps[] = {
		1147718700, 510097200, 226709866, 100759940, 44782196, 19903198, 8845866, 3931496, 1747331,
		776591, 345152, 153401, 68178, 30301, 13467, 5985, 2660, 1182, 525, 233, 103, 46, 20, 9, 4,
		1
	};

	for (size_t g = 0; g < sizeof(gaps) / sizeof(gaps[0]); g++)
	{
		int32_t		gap = gaps[g];

		for (int32_t i = gap; i < n; i++)
		{
			HistoryRow	row = get_row(courses, ratings, times, i);
			int32_t		to = i;

			for (; to >= gap; to -= gap)
			{
				HistoryRow	other = get_row(courses, ratings, times, to - gap);

				if (!row_before(row, other))
					break;
				set_row(courses, ratings, times, to, other);
			}
			set_row(courses, ratings, times, to, row);
		}
	}
}

/* Sorts, then keeps the first row of each course. */
int32_t
history_sort(int32_t n, int32_t *courses, float *ratings, int64_t *times)
{
	int32_t		left = 0;

	sort_rows(n, courses, ratings, times);
	for (int32_t i = 0; i < n; i++)
	{
		if (left == 0 || courses[left - 1] != courses[i])
			set_row(courses, ratings, times, left++, get_row(courses, ratings, times, i));
	}
	return left;
}
