/*
 * diversity.c
 *		Maximal marginal relevance.
 */
#include <float.h>
#include <math.h>

#include "core/diversity.h"
#include "core/latent.h"
#include "core/vector.h"

/* By vectors, by genres, or by its own measure. */
bool
diversity_possible(const Method *method)
{
	return method->course_vector != NULL || method->course_genres != NULL ||
		method->similar != NULL;
}

/* Vectors first.  Some models of a method that can compare courses cannot: only a call tells. */
DiversitySource
diversity_source(const Recommender *rec, void *scratch, float *room)
{
	const Method *method = rec->method;

	if (method->course_vector != NULL && latent_count(rec) > 0)
		return DIVERSITY_VECTORS;
	if (method->course_genres != NULL)
		return DIVERSITY_GENRES;
	if (method->similar != NULL && method->similar(rec, 0, scratch, room))
		return DIVERSITY_SIMILAR;
	return DIVERSITY_NONE;
}

/* Ten candidates a row, within limits. */
int
diversity_pool(int n, int32_t n_courses)
{
	int64_t		pool = INT64_C(10) * n;

	if (pool < DIVERSITY_MIN_POOL)
		pool = DIVERSITY_MIN_POOL;
	if (pool > DIVERSITY_MAX_POOL)
		pool = n > DIVERSITY_MAX_POOL ? n : DIVERSITY_MAX_POOL;
	return pool < n_courses ? (int) pool : n_courses;
}

/* One choice while it is made. */
typedef struct Choice
{
	const DiversityRoom *room;	/* its scores: similarities of the method to one course */
	double		diversity;
	int			pool;			/* items in use */
	double		largest;		/* similarity of the method within the pool; 1 when none is above 0 */
} Choice;

/* Infinite scores count as the largest float. */
static double
finite_score(float score)
{
	return fmin(fmax((double) score, -(double) FLT_MAX), (double) FLT_MAX);
}

/* The vector of an item and its length. */
static void
set_vector(const Choice *choice, DiversityItem *item)
{
	const Recommender *rec = choice->room->rec;

	item->vector = NULL;
	if (choice->room->source == DIVERSITY_VECTORS)
		item->vector = rec->method->course_vector(rec, item->ranked.course, &item->n);
	else if (choice->room->source == DIVERSITY_GENRES)
		item->vector = rec->method->course_genres(rec, item->ranked.course, &item->n);
	item->norm = item->vector == NULL ? 0 : vector_norm(item->vector, item->n);
}

/* The pool as items, nothing taken. */
static void
fill_items(const Choice *choice, const Ranked *ranked)
{
	double		best = finite_score(ranked[0].score);
	double		worst = finite_score(ranked[choice->pool - 1].score);

	for (int i = 0; i < choice->pool; i++)
	{
		DiversityItem *item = &choice->room->items[i];

		item->ranked = ranked[i];
		item->taken = false;
		item->redundancy = -INFINITY;
		item->relevance = best > worst ?
			(finite_score(ranked[i].score) - worst) / (best - worst) : 1;
		set_vector(choice, item);
	}
}

/* Similarities of the method to one course, into room. */
static void
compare_all(const Choice *choice, const DiversityItem *item)
{
	const DiversityRoom *room = choice->room;

	(void) room->rec->method->similar(room->rec, item->ranked.course, room->scratch, room->scores);
}

/* Does nobody wait for the result any more? */
static bool
gives_up(const Choice *choice)
{
	return choice->room->stop != NULL &&
		parallel_should_stop(choice->room->stop, choice->room->worker);
}

/* Finds the largest similarity of the method between two courses of the pool. */
static void
measure_similarities(Choice *choice)
{
	float		largest = 0;

	for (int i = 0; i < choice->pool && !gives_up(choice); i++)
	{
		compare_all(choice, &choice->room->items[i]);
		for (int j = 0; j < choice->pool; j++)
		{
			float		similarity = choice->room->scores[choice->room->items[j].ranked.course];

			if (j != i && similarity > largest)
				largest = similarity;
		}
	}
	choice->largest = largest > 0 ? (double) largest : 1;
}

/* Within -1 .. 1; what is no number, or no opinion, says nothing. */
static double
clip_similarity(double similarity)
{
	if (isnan(similarity) || similarity == (double) NO_OPINION)
		return 0;
	return fmin(fmax(similarity, -1), 1);
}

/* Cosine of two items. */
static double
item_cosine(const DiversityItem *a, const DiversityItem *b)
{
	double		lengths = (double) a->norm * (double) b->norm;

	if (!(lengths > 0) || !isfinite(lengths))
		return 0;
	return clip_similarity((double) vector_dot(a->vector, b->vector, a->n) / lengths);
}

/* Tells the items that are left about a course that was taken. */
static void
add_redundancy(const Choice *choice, const DiversityItem *taken)
{
	if (choice->room->source == DIVERSITY_SIMILAR)
		compare_all(choice, taken);
	for (int i = 0; i < choice->pool; i++)
	{
		DiversityItem *item = &choice->room->items[i];
		double		similarity;

		if (item->taken)
			continue;
		similarity = choice->room->source != DIVERSITY_SIMILAR ? item_cosine(item, taken) :
			clip_similarity((double) choice->room->scores[item->ranked.course] / choice->largest);
		item->redundancy = fmax(item->redundancy, similarity);
	}
}

/* The item to take next; one is left. */
static DiversityItem *
next_item(const Choice *choice, bool is_first)
{
	DiversityItem *best = NULL;
	double		best_value = 0;

	for (int i = 0; i < choice->pool; i++)
	{
		DiversityItem *item = &choice->room->items[i];
		double		value;

		if (item->taken)
			continue;
		value = is_first ? item->relevance : (1 - choice->diversity) * item->relevance -
			choice->diversity * item->redundancy;
		if (best == NULL || value > best_value)
		{
			best = item;
			best_value = value;
		}
	}
	return best;
}

/* Takes one course after the other; the last one need not tell the others. */
void
diversity_choose(const DiversityRoom *room, double diversity, int n, int n_ranked, Ranked *ranked)
{
	Choice		choice = {.room = room, .diversity = diversity,
		.pool = n_ranked < DIVERSITY_MAX_POOL ? n_ranked : DIVERSITY_MAX_POOL};
	int			n_chosen = n < choice.pool ? n : choice.pool;

	if (choice.pool == 0)
		return;
	fill_items(&choice, ranked);
	if (room->source == DIVERSITY_SIMILAR)
		measure_similarities(&choice);
	for (int i = 0; i < n_chosen && !gives_up(&choice); i++)
	{
		DiversityItem *item = next_item(&choice, i == 0);

		item->taken = true;
		ranked[i] = item->ranked;
		if (i + 1 < n_chosen)
			add_redundancy(&choice, item);
	}
}
