/*
 * test_diversity.c: maximal marginal relevance against its definition, naively computed, and numbers by hand.
 */
#include <stdlib.h>

#include "core/diversity.h"
#include "core/rng.h"
#include "test_env.h"

#define N_COURSES 1500
#define N_DIMS 8
#define NEAR 1e-5				/* products of floats: near ties may go either way */

/* The course side of the models under test. */
static float vectors[N_COURSES][N_DIMS];
static bool has_vector[N_COURSES];
static float *alike;			/* size x size */
static int32_t alike_size;
static int	n_compared;			/* calls of test_similar */

/* A vector, or none. */
static const float *
test_vector(const Recommender *rec, int32_t course, int *n)
{
	(void) rec;
	*n = N_DIMS;
	return has_vector[course] ? vectors[course] : NULL;
}

/* A row of the table; it is not symmetric. */
static bool
test_similar(const Recommender *rec, int32_t course, void *scratch, float *scores)
{
	(void) scratch;
	if (alike == NULL)
		return false;
	n_compared++;
	for (int32_t c = 0; c < rec->n_courses; c++)
		scores[c] = alike[course * alike_size + c];
	return true;
}

static const Method by_vectors = {.course_vector = test_vector, .course_genres = test_vector,
.similar = test_similar};
static const Method by_genres = {.course_genres = test_vector, .similar = test_similar};
static const Method by_similar = {.similar = test_similar};
static const Method by_nothing = {.name = "nothing"};

/* The largest value of the table between two courses of the ranking; 1 when none is above 0. */
static double
naive_largest(int n_ranked, const Ranked *ranking)
{
	double		largest = 0;

	for (int i = 0; i < n_ranked; i++)
		for (int j = 0; j < n_ranked; j++)
			if (i != j)
				largest = fmax(largest,
							   (double) alike[ranking[i].course * alike_size + ranking[j].course]);
	return largest > 0 ? largest : 1;
}

/* Similarity of a course to one that is taken, by its definition. */
static double
naive_similarity(DiversitySource source, double largest, int32_t course, int32_t taken)
{
	double		dot = 0;
	double		own = 0;
	double		other = 0;

	if (source == DIVERSITY_SIMILAR)
	{
		double		value = (double) alike[taken * alike_size + course];

		return isnan(value) || value == -INFINITY ? 0 : fmax(-1, value / largest);
	}
	if (!has_vector[course] || !has_vector[taken])
		return 0;
	for (int d = 0; d < N_DIMS; d++)
	{
		dot += (double) vectors[course][d] * (double) vectors[taken][d];
		own += (double) vectors[course][d] * (double) vectors[course][d];
		other += (double) vectors[taken][d] * (double) vectors[taken][d];
	}
	return own > 0 && other > 0 ? dot / sqrt(own) / sqrt(other) : 0;
}

/* Marginal relevance of a course of the ranking, when the first n_chosen rows are taken. */
static double
naive_value(DiversitySource source, double diversity, int n_ranked, const Ranked *ranking,
			int place, int n_chosen, const Ranked *chosen)
{
	double		best = (double) ranking[0].score;
	double		worst = (double) ranking[n_ranked - 1].score;
	double		relevance = best > worst ?
		((double) ranking[place].score - worst) / (best - worst) : 1;
	double		redundancy = -INFINITY;
	double		largest = source == DIVERSITY_SIMILAR ? naive_largest(n_ranked, ranking) : 1;

	if (n_chosen == 0)
		return relevance;
	for (int i = 0; i < n_chosen; i++)
		redundancy = fmax(redundancy, naive_similarity(source, largest,
													   ranking[place].course, chosen[i].course));
	return (1 - diversity) * relevance - diversity * redundancy;
}

/* Is the course among the first n rows? */
static bool
is_chosen(int n, const Ranked *chosen, int32_t course)
{
	for (int i = 0; i < n; i++)
		if (chosen[i].course == course)
			return true;
	return false;
}

/* Every row has the greatest value of those left, and comes before equal ones; to within `near`. */
static void
check_choice(DiversitySource source, double diversity, int n, int n_ranked, const Ranked *ranking,
			 const Ranked *chosen, double near)
{
	for (int row = 0; row < n; row++)
	{
		double		value = NAN;
		double		before = -INFINITY;
		double		behind = -INFINITY;

		for (int place = 0; place < n_ranked; place++)
		{
			double		own;

			if (is_chosen(row, chosen, ranking[place].course))
				continue;
			own = naive_value(source, diversity, n_ranked, ranking, place, row, chosen);
			if (ranking[place].course == chosen[row].course)
			{
				CHECK(ranking[place].score == chosen[row].score);
				value = own;
			}
			else if (isnan(value))
				before = fmax(before, own);
			else
				behind = fmax(behind, own);
		}
		if (!(value > before - near && value >= behind - near))
			UNIT_FAIL("row %d has %.9g; before it %.9g, behind it %.9g", row, value, before, behind);
	}
}

/* A ranking of n courses in some order: best first, some tied. */
static void
make_ranking(Rng *rng, int n, int32_t n_courses, Ranked *ranking)
{
	float		score = 5;
	int32_t		step = 7;		/* prime to every n_courses that is used */

	for (int i = 0; i < n; i++)
	{
		ranking[i] = (Ranked) {(int32_t) (((int64_t) i * step + 3) % n_courses), score, 0};
		score -= 0.25f * (float) rng_below(rng, 4);
	}
}

/* Chooses and checks. */
static void
check_model(const Recommender *rec, DiversitySource source, double diversity, int n, int n_ranked,
			const Ranked *ranking, double near)
{
	int			pool = n_ranked < DIVERSITY_MAX_POOL ? n_ranked : DIVERSITY_MAX_POOL;
	int			n_chosen = n < pool ? n : pool;
	Ranked	   *chosen = malloc(sizeof(Ranked) * (size_t) (n_ranked + 1));
	DiversityItem *items = malloc(sizeof(DiversityItem) * (size_t) (pool + 1));
	float	   *scores = malloc(sizeof(float) * (size_t) rec->n_courses);
	DiversityRoom room = {.rec = rec, .source = source, .items = items, .scores = scores};

	for (int i = 0; i < n_ranked; i++)
		chosen[i] = ranking[i];
	CHECK_EQ_INT(diversity_source(rec, NULL, scores), source);
	diversity_choose(&room, diversity, n, n_ranked, chosen);
	check_choice(source, diversity, n_chosen, pool, ranking, chosen, near);
	for (int i = pool; i < n_ranked; i++)
		CHECK(chosen[i].course == ranking[i].course && chosen[i].score == ranking[i].score);
	free(chosen);
	free(items);
	free(scores);
}

/* Random vectors, some missing, some all zero. */
static void
test_vectors(void)
{
	static const double diversities[] = {0.01, 0.3, 0.5, 0.9, 1};
	Recommender rec = {.method = &by_vectors, .n_courses = 60};
	Rng			rng;

	rng_seed(&rng, 3, 0);
	for (int i = 0; i < 400; i++)
	{
		Ranked		ranking[60];
		int			n_ranked = 1 + (int) rng_below(&rng, 60);

		for (int c = 0; c < rec.n_courses; c++)
		{
			has_vector[c] = rng_below(&rng, 10) > 0;
			for (int d = 0; d < N_DIMS; d++)
				vectors[c][d] = c % 9 == 4 ? 0 : (float) rng_normal(&rng);
		}
		rec.method = i % 2 == 0 ? &by_vectors : &by_genres;
		make_ranking(&rng, n_ranked, rec.n_courses, ranking);
		check_model(&rec, i % 2 == 0 ? DIVERSITY_VECTORS : DIVERSITY_GENRES,
					diversities[rng_below(&rng, 5)], 1 + (int) rng_below(&rng, 70), n_ranked, ranking,
					NEAR);
	}
}

/* Axes, whose cosines are 0 or 1: many exact ties. */
static void
test_ties(void)
{
	Recommender rec = {.method = &by_vectors, .n_courses = 40};
	Rng			rng;

	rng_seed(&rng, 4, 0);
	for (int i = 0; i < 300; i++)
	{
		Ranked		ranking[40];

		for (int c = 0; c < rec.n_courses; c++)
		{
			has_vector[c] = true;
			for (int d = 0; d < N_DIMS; d++)
				vectors[c][d] = 0;
			vectors[c][rng_below(&rng, 3)] = (float) (1 << rng_below(&rng, 4));
		}
		for (int r = 0; r < 40; r++)
			ranking[r] = (Ranked) {39 - r, (float) (4 - r / 9), 0};
		check_model(&rec, DIVERSITY_VECTORS, i % 2 == 0 ? 0.5 : 1, 12, 40, ranking, 0);
	}
}

/* A table of the method's own: any range, not symmetric, without an opinion in places. */
static void
test_similar_table(void)
{
	static const float some[] = {NO_OPINION, NAN, 0, 0.25f, 0.5f, 0.75f, 1, 4, -0.5f, -8};
	Recommender rec = {.method = &by_similar, .n_courses = 30};
	Rng			rng;

	rng_seed(&rng, 5, 0);
	alike_size = rec.n_courses;
	alike = malloc(sizeof(float) * 30 * 30);
	for (int i = 0; i < 300; i++)
	{
		Ranked		ranking[30];

		for (int e = 0; e < 30 * 30; e++)
		{
			float		value = some[rng_below(&rng, 10)];

			alike[e] = isfinite(value) ? value * (i % 3 == 0 ? 1 : i % 3 == 1 ? 4096 : -1) : value;
		}
		for (int r = 0; r < 30; r++)
			ranking[r] = (Ranked) {(r * 7) % 30, (float) (16 - r / 2), 0};
		ranking[29].score = 0;
		check_model(&rec, DIVERSITY_SIMILAR, i % 2 == 0 ? 0.5 : 0.75, 1 + (int) rng_below(&rng, 30),
					30, ranking, 0);
	}
	free(alike);
	alike = NULL;
}

/*
 * By hand, diversity 0.5. Relevance 1, 0.9, 0.5, 0 of courses on the axes x, x, y, x: after the first, x has
 * (0.9 - 1) / 2 = -0.05 and y 0.25, so y comes second; then x before the worse x.
 */
static void
test_hand(void)
{
	static const float scores[] = {12, 11, 7, 2};
	static const int axes[] = {0, 0, 1, 0};
	static const int32_t expected[] = {0, 2, 1, 3};
	Recommender rec = {.method = &by_vectors, .n_courses = 4};
	DiversityItem items[4];
	DiversityRoom room = {.rec = &rec, .source = DIVERSITY_VECTORS, .items = items};
	Ranked		ranked[4];

	for (int c = 0; c < 4; c++)
	{
		has_vector[c] = true;
		for (int d = 0; d < N_DIMS; d++)
			vectors[c][d] = d == axes[c] ? 1 : 0;
		ranked[c] = (Ranked) {c, scores[c], 0};
	}
	diversity_choose(&room, 0.5, 4, 4, ranked);
	for (int r = 0; r < 4; r++)
	{
		CHECK_EQ_INT(ranked[r].course, expected[r]);
		CHECK_NEAR(ranked[r].score, scores[expected[r]], 0);
	}
}

/* More rows than a pool may have: those behind it stay where they are. */
static void
test_long(void)
{
	Recommender rec = {.method = &by_vectors, .n_courses = N_COURSES};
	Ranked	   *ranked = malloc(sizeof(Ranked) * N_COURSES);
	DiversityItem *items = malloc(sizeof(DiversityItem) * DIVERSITY_MAX_POOL);
	DiversityRoom room = {.rec = &rec, .source = DIVERSITY_VECTORS, .items = items};
	bool		seen[N_COURSES] = {false};
	Rng			rng;

	rng_seed(&rng, 6, 0);
	for (int c = 0; c < N_COURSES; c++)
	{
		has_vector[c] = true;
		for (int d = 0; d < N_DIMS; d++)
			vectors[c][d] = (float) rng_normal(&rng);
		ranked[c] = (Ranked) {c, (float) (N_COURSES - c), 0};
	}
	diversity_choose(&room, 0.9, N_COURSES, N_COURSES, ranked);
	CHECK_EQ_INT(ranked[0].course, 0);
	CHECK(ranked[1].course != 1);
	for (int r = 0; r < N_COURSES; r++)
	{
		CHECK(!seen[ranked[r].course]);
		CHECK_EQ_INT(ranked[r].course >= DIVERSITY_MAX_POOL, r >= DIVERSITY_MAX_POOL);
		CHECK(r < DIVERSITY_MAX_POOL || ranked[r].course == r);
		seen[ranked[r].course] = true;
	}
	free(ranked);
	free(items);
}

/* Nothing, one course, infinite scores, vectors beyond floats. */
static void
test_degenerate(void)
{
	Recommender rec = {.method = &by_vectors, .n_courses = 3};
	DiversityItem items[3];
	DiversityRoom room = {.rec = &rec, .source = DIVERSITY_VECTORS, .items = items};
	Ranked		ranked[3] = {{2, INFINITY, 0}, {0, 1, 0}, {1, 1, 0}};

	for (int c = 0; c < 3; c++)
	{
		has_vector[c] = true;
		for (int d = 0; d < N_DIMS; d++)
			vectors[c][d] = 3e38f;
	}
	diversity_choose(&room, 0.5, 3, 0, ranked);
	CHECK_EQ_INT(ranked[0].course, 2);
	diversity_choose(&room, 0.5, 3, 1, ranked);
	CHECK_EQ_INT(ranked[0].course, 2);
	diversity_choose(&room, 1, 3, 3, ranked);
	CHECK_EQ_INT(ranked[0].course, 2);
	CHECK_EQ_INT(ranked[1].course, 0);
	CHECK_EQ_INT(ranked[2].course, 1);
	CHECK(ranked[0].score == INFINITY);
}

/*
 * Given up after some polls: few courses have been compared, and rows are courses of the pool. Threads that may
 * not ask learn it from the one that may.
 */
static void
test_stop(void)
{
	enum {N = 300};
	Env		   *env = test_env();
	Recommender rec = {.method = &by_similar, .n_courses = N};
	ParallelStop stop = {.env = env};
	DiversityItem items[N];
	float		scores[N];
	DiversityRoom room = {.rec = &rec, .source = DIVERSITY_SIMILAR, .items = items, .scores = scores, .stop = &stop};

	alike = calloc(N * N, sizeof(float));
	alike_size = N;
	for (int polls = -1; polls < 700; polls += polls < 0 ? 1 : 233)
		for (int worker = 0; worker < 2; worker++)
		{
			Ranked		ranked[N];

			for (int c = 0; c < N; c++)
				ranked[c] = (Ranked) {c, (float) (N - c), 0};
			test_env_interrupt_after(env, polls);
			atomic_store(&stop.stopped, worker == 1 && polls >= 0);
			n_compared = 0;
			room.worker = worker;
			diversity_choose(&room, 0.5, N, N, ranked);
			CHECK_EQ_INT(n_compared, polls < 0 || (worker == 0 && polls > 2 * N) ? 2 * N - 1 :
						 worker == 0 ? polls : 0);
			for (int c = 0; c < N; c++)
				CHECK(ranked[c].course >= 0 && ranked[c].course < N);
		}
	free(alike);
	alike = NULL;
	test_env_done(env);
}

/* Sizes of the pool, and what a model is compared by. */
static void
test_sources(void)
{
	Recommender rec = {.method = &by_nothing, .n_courses = 1};
	float		room[1];

	CHECK_EQ_INT(diversity_pool(1, 5000), 100);
	CHECK_EQ_INT(diversity_pool(10, 5000), 100);
	CHECK_EQ_INT(diversity_pool(11, 5000), 110);
	CHECK_EQ_INT(diversity_pool(500, 5000), 1000);
	CHECK_EQ_INT(diversity_pool(1200, 5000), 1200);
	CHECK_EQ_INT(diversity_pool(INT32_MAX, 5000), 5000);
	CHECK_EQ_INT(diversity_pool(10, 40), 40);
	CHECK(!diversity_possible(rec.method));
	CHECK_EQ_INT(diversity_source(&rec, NULL, room), DIVERSITY_NONE);
	rec.method = &by_similar;
	CHECK(diversity_possible(rec.method));
	CHECK_EQ_INT(diversity_source(&rec, NULL, room), DIVERSITY_NONE);
	rec.method = &by_genres;
	CHECK(diversity_possible(rec.method));
	CHECK_EQ_INT(diversity_source(&rec, NULL, room), DIVERSITY_GENRES);
	rec.method = &by_vectors;
	CHECK_EQ_INT(diversity_source(&rec, NULL, room), DIVERSITY_VECTORS);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN_ALONE(test_hand);
	RUN_ALONE(test_vectors);
	RUN_ALONE(test_ties);
	RUN_ALONE(test_similar_table);
	RUN_ALONE(test_long);
	RUN_ALONE(test_degenerate);
	RUN_ALONE(test_stop);
	RUN_ALONE(test_sources);
	return unit_done();
}
