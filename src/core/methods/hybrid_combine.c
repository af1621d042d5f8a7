/*
 * hybrid_combine.c
 *		One ranking out of the scores of several methods, for one user.
 *
 * See hybrid.c for the strategies.  Every part scores all courses, one part after
 * the other; what is merged by place is sorted by a heap, O(courses log courses).
 */
#include <math.h>
#include <string.h>

#include "core/methods/hybrid.h"

#define ALIGNMENT 64

/* ---------------------------------------------------------------- scratch memory */

/* Takes n x size bytes of the scratch memory; NULL while only the size is wanted. */
static void *
take(char *scratch, size_t *used, size_t n, size_t size)
{
	void	   *taken = scratch == NULL ? NULL : scratch + *used;

	*used += (n * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	return taken;
}

/* The most scratch memory that a part needs. */
static size_t
part_scratch(const HybridState *state)
{
	size_t		most = 0;

	for (int p = 0; p < state->n_parts; p++)
	{
		size_t		size = recommender_scratch_size(&state->recs[p]);

		most = size > most ? size : most;
	}
	return most;
}

/* What the strategy needs, one after the other. */
HybridRoom
hybrid_room(const Recommender *rec, char *scratch)
{
	const HybridState *state = rec->state;
	size_t		n = (size_t) rec->n_courses;
	bool		merges = state->strategy == HYBRID_MIXED || state->strategy == HYBRID_LADDER;
	bool		places = merges || state->strategy == HYBRID_RANK_FUSION;
	HybridRoom	room = {0};

	room.part = take(scratch, &room.size, part_scratch(state), 1);
	room.scores = take(scratch, &room.size, n, sizeof(float));
	room.best = take(scratch, &room.size, n, sizeof(float));
	room.rated = take(scratch, &room.size, n, 1);
	room.sources = take(scratch, &room.size, n, 1);
	room.heap = take(scratch, &room.size, places ? n : 0, sizeof(TopkItem));
	room.lists = take(scratch, &room.size, merges ? n * (size_t) state->n_parts : 0, sizeof(int32_t));
	return room;
}

/* Leaves the room as it was found; that of the parts is clean already. */
static void
clear_room(const Recommender *rec, const HybridRoom *room)
{
	const HybridState *state = rec->state;
	size_t		n = (size_t) rec->n_courses;

	memset(room->scores, 0, n * sizeof(float));
	memset(room->best, 0, n * sizeof(float));
	memset(room->sources, 0, n);
	if (state->strategy == HYBRID_RANK_FUSION)
		memset(room->heap, 0, n * sizeof(TopkItem));
	if (state->strategy == HYBRID_MIXED || state->strategy == HYBRID_LADDER)
	{
		memset(room->heap, 0, n * sizeof(TopkItem));
		memset(room->lists, 0, n * (size_t) state->n_parts * sizeof(int32_t));
	}
}

/* Sets the marks of the history. */
void
hybrid_mark(const HybridRoom *room, const History *history, uint8_t mark)
{
	for (int32_t h = 0; h < history->n; h++)
		room->rated[history->courses[h]] = mark;
}

/* Scores of a part; a score that is not a number is no opinion. */
static void
score_part(const HybridState *state, int p, const History *history, const HybridRoom *room,
		   float *scores)
{
	const Recommender *part = &state->recs[p];

	part->method->score(part, history, room->part, scores);
	for (int32_t c = 0; c < part->n_courses; c++)
		if (!(scores[c] > NO_OPINION))
			scores[c] = NO_OPINION;
}

/* ---------------------------------------------------------------- shares */

/* Least and greatest score of the courses that are not rated, or of all; false when there is none. */
static bool
score_range(int32_t n, const uint8_t *rated, const float *scores, double *least, double *most)
{
	*least = INFINITY;
	*most = -INFINITY;
	for (int32_t c = 0; c < n; c++)
		if (scores[c] > NO_OPINION && (rated == NULL || rated[c] == 0))
		{
			*least = fmin(*least, (double) scores[c]);
			*most = fmax(*most, (double) scores[c]);
		}
	return *least <= *most || (rated != NULL && score_range(n, NULL, scores, least, most));
}

/* To 0 .. 1, in place; rated courses beyond are cut. */
static void
scale_scores(int32_t n, const uint8_t *rated, float *scores)
{
	double		least;
	double		most;

	if (!score_range(n, rated, scores, &least, &most))
		return;
	for (int32_t c = 0; c < n; c++)
		if (scores[c] > NO_OPINION)
			scores[c] = most > least ?
				(float) fmin(fmax(((double) scores[c] - least) / (most - least), 0), 1) : 1;
}

/* Sorts the courses that have a score, best first, into heap; returns how many there are. */
static int
sort_courses(const Recommender *rec, const float *scores, TopkItem *heap)
{
	Topk		topk;

	topk_init(&topk, heap, rec->n_courses);
	for (int32_t c = 0; c < rec->n_courses; c++)
		if (scores[c] > NO_OPINION)
			topk_offer(&topk, scores[c], rec->popularity_rank[c], c);
	topk_sort(&topk);
	return topk.n;
}

/* To 1 / (constant + place), in place; places are counted among the courses that are not rated. */
static void
fuse_places(const Recommender *rec, const HybridRoom *room, double constant, float *scores)
{
	int			n = sort_courses(rec, scores, room->heap);
	int32_t		place = 1;

	for (int i = 0; i < n; i++)
	{
		int32_t		course = room->heap[i].index;

		scores[course] = (float) (1 / (constant + place));
		place += room->rated[course] == 0;
	}
}

/* By the strategy. */
void
hybrid_shares(const Recommender *rec, int p, const History *history, const HybridRoom *room,
			  float *shares)
{
	const HybridParams *params = rec->params;
	const HybridState *state = rec->state;

	score_part(state, p, history, room, shares);
	if (state->strategy == HYBRID_RANK_FUSION)
		fuse_places(rec, room, params->rank_constant, shares);
	else
		scale_scores(rec->n_courses, room->rated, shares);
}

/* ---------------------------------------------------------------- strategies */

/* Weighted sum of the shares; the source is the part that adds most. */
static void
add_shares(const Recommender *rec, const History *history, const HybridRoom *room, float *scores,
		   uint8_t *sources)
{
	const HybridState *state = rec->state;

	for (int p = 0; p < state->n_parts; p++)
	{
		hybrid_shares(rec, p, history, room, room->scores);
		for (int32_t c = 0; c < rec->n_courses; c++)
		{
			float		share = (float) state->weights[p] * room->scores[c];

			if (room->scores[c] == NO_OPINION)
				continue;
			if (scores[c] == NO_OPINION || share > room->best[c])
			{
				room->best[c] = share;
				sources[c] = (uint8_t) p;
			}
			scores[c] = scores[c] == NO_OPINION ? share : scores[c] + share;
		}
	}
}

/* Does any course that is not rated have a score? */
static bool
has_answer(int32_t n, const uint8_t *rated, const float *scores)
{
	for (int32_t c = 0; c < n; c++)
		if (scores[c] > NO_OPINION && rated[c] == 0)
			return true;
	return false;
}

/* The first part that has an answer; the last one, if none has. */
static void
switch_parts(const Recommender *rec, const History *history, const HybridRoom *room, float *scores,
			 uint8_t *sources)
{
	const HybridState *state = rec->state;
	int			p = 0;

	for (; p < state->n_parts; p++)
	{
		score_part(state, p, history, room, scores);
		if (p == state->n_parts - 1 || has_answer(rec->n_courses, room->rated, scores))
			break;
	}
	memset(sources, p, (size_t) rec->n_courses);
}

/* Lists that are merged. */
typedef struct Merge
{
	const Recommender *rec;
	const HybridRoom *room;
	int			lengths[METHOD_PARTS_MAX];
	int			next[METHOD_PARTS_MAX]; /* entry of each list to look at */
	int32_t		place;			/* of the last course placed, from 1 */
	float	   *scores;
	uint8_t    *sources;
} Merge;

/* Every part's courses, best first. */
static void
make_lists(Merge *merge, const History *history)
{
	const Recommender *rec = merge->rec;
	const HybridState *state = rec->state;

	for (int p = 0; p < state->n_parts; p++)
	{
		int32_t    *list = merge->room->lists + (int64_t) p * rec->n_courses;

		score_part(state, p, history, merge->room, merge->room->scores);
		merge->lengths[p] = sort_courses(rec, merge->room->scores, merge->room->heap);
		for (int i = 0; i < merge->lengths[p]; i++)
			list[i] = merge->room->heap[i].index;
	}
}

/* Places the next course of a list that has no place yet, rated or not as wanted; false at the end of the list. */
static bool
place_next(Merge *merge, int p, uint8_t rated)
{
	const int32_t *list = merge->room->lists + (int64_t) p * merge->rec->n_courses;

	while (merge->next[p] < merge->lengths[p])
	{
		int32_t		course = list[merge->next[p]++];

		if (merge->room->rated[course] != rated || merge->scores[course] > NO_OPINION)
			continue;
		merge->scores[course] = 1 / (float) ++merge->place;
		merge->sources[course] = (uint8_t) p;
		return true;
	}
	return false;
}

/* In turn, one course of each list (mixed), or list after list (ladder); rated courses come last. */
static void
merge_lists(const Recommender *rec, const History *history, const HybridRoom *room, float *scores,
			uint8_t *sources)
{
	const HybridState *state = rec->state;
	Merge		merge = {.rec = rec, .room = room, .scores = scores, .sources = sources};

	make_lists(&merge, history);
	for (uint8_t rated = 0; rated <= 1; rated++)
	{
		int			n_open = state->n_parts;

		memset(merge.next, 0, sizeof(merge.next));
		while (n_open > 0)
		{
			n_open = 0;
			for (int p = 0; p < state->n_parts; p++)
			{
				bool		placed = place_next(&merge, p, rated);

				n_open += placed;
				while (placed && state->strategy == HYBRID_LADDER)
					placed = place_next(&merge, p, rated);
			}
		}
	}
}

/* By the strategy; scores are NO_OPINION, the history is marked. */
static void
combine(const Recommender *rec, const History *history, const HybridRoom *room, float *scores,
		uint8_t *sources)
{
	const HybridState *state = rec->state;

	for (int32_t c = 0; c < rec->n_courses; c++)
		scores[c] = NO_OPINION;
	if (state->strategy == HYBRID_SWITCHING)
		switch_parts(rec, history, room, scores, sources);
	else if (hybrid_is_weighted(state->strategy))
		add_shares(rec, history, room, scores, sources);
	else
		merge_lists(rec, history, room, scores, sources);
}

/* Between marking the history and clearing the room. */
void
hybrid_combine(const Recommender *rec, const History *history, void *scratch, float *scores,
			   uint8_t *sources)
{
	HybridRoom	room = hybrid_room(rec, scratch);

	hybrid_mark(&room, history, 1);
	combine(rec, history, &room, scores, sources != NULL ? sources : room.sources);
	hybrid_mark(&room, history, 0);
	clear_room(rec, &room);
}

/* Of weighted parts, each its own; else all comes from the source (room.best holds the scores: unused there). */
void
hybrid_course_shares(const Recommender *rec, const History *history, int32_t course, void *scratch,
					 double *shares)
{
	const HybridState *state = rec->state;
	HybridRoom	room = hybrid_room(rec, scratch);

	for (int p = 0; p < state->n_parts; p++)
		shares[p] = NAN;
	hybrid_mark(&room, history, 1);
	if (!hybrid_is_weighted(state->strategy))
	{
		combine(rec, history, &room, room.best, room.sources);
		if (room.best[course] > NO_OPINION)
			shares[room.sources[course]] = (double) room.best[course];
	}
	for (int p = 0; p < state->n_parts && hybrid_is_weighted(state->strategy); p++)
	{
		hybrid_shares(rec, p, history, &room, room.scores);
		if (room.scores[course] > NO_OPINION)
			shares[p] = (double) ((float) state->weights[p] * room.scores[course]);
	}
	hybrid_mark(&room, history, 0);
	clear_room(rec, &room);
}
