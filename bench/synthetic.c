/*
 * synthetic.c
 *		Made-up ratings with a structure that recommenders can find, the same for the same arguments.
 *
 *		synthetic ratings USERS COURSES RATINGS SEED FILE >TABLE
 *		synthetic points ROWS COLUMNS SEED FILE >TABLE
 *
 * Standard output gets lines for COPY, FILE the same in binary, for numpy.fromfile.
 *
 * ratings: user, course, rating, held_out; in FILE int32, int32, float32, int32.  Every user and course has
 * PLANTED hidden factors.  The number of ratings of a user and the popularity of a course follow power laws.
 * A user meets courses by their popularity and takes one with probability 1 / (1 + exp(-TASTE x.y)), x and y
 * being the hidden factors; the rating is a rounded 3.3 + b_user + b_course + .8 x.y + noise, from 1 to 5.  A
 * tenth of each user's ratings is held out.  A user takes a course once.  When a user has seen half of the
 * catalogue the rest of the user's ratings is left out, so there may be fewer than asked for.
 *
 * points: vectors of a mixture of CLUSTERS round clouds, with columns of different scale; float64 in FILE.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLANTED 8
#define TASTE 6.0
#define CLUSTERS 20

static uint64_t state;			/* of the random numbers */

/* A block of zeros, or the end of the program. */
static void *
take(size_t n, size_t size)
{
	void	   *block = calloc(n, size);

	if (block == NULL)
	{
		fputs("synthetic: out of memory\n", stderr);
		exit(1);
	}
	return block;
}

/* 64 random bits (splitmix64). */
static uint64_t
next_bits(void)
{
	uint64_t	x = state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* Uniform in (0, 1). */
static double
uniform(void)
{
	return ((double) (next_bits() >> 11) + 0.5) / 9007199254740992.0;
}

/* Standard normal (Box and Muller). */
static double
normal(void)
{
	return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform());
}

/* n normal numbers of this deviation. */
static float *
normals(int64_t n, double deviation)
{
	float	   *numbers = take((size_t) n, sizeof(float));

	for (int64_t i = 0; i < n; i++)
		numbers[i] = (float) (deviation * normal());
	return numbers;
}

/* The hidden side of the data. */
typedef struct World
{
	int32_t		n_users;
	int32_t		n_courses;
	float	   *user_factors;
	float	   *course_factors;
	float	   *user_bias;
	float	   *course_bias;
	double	   *popularity;		/* of courses, cumulated, ends at 1 */
	int32_t    *wanted;			/* ratings of each user */
} World;

/* Popularity of courses by a power law, dealt out at random. */
static double *
cumulated_popularity(int32_t n)
{
	double	   *weight = take((size_t) n, sizeof(double));
	double		sum = 0;

	for (int32_t c = 0; c < n; c++)
		weight[c] = pow(c + 10, -0.8);
	for (int32_t c = n - 1; c > 0; c--)
	{
		int32_t		other = (int32_t) (next_bits() % (uint64_t) (c + 1));
		double		kept = weight[c];

		weight[c] = weight[other];
		weight[other] = kept;
	}
	for (int32_t c = 0; c < n; c++)
		sum = weight[c] += sum;
	for (int32_t c = 0; c < n; c++)
		weight[c] /= sum;
	return weight;
}

/* Ratings of each user: a power law, scaled so that they add up, from 2 to half of the courses. */
static int32_t *
wanted_ratings(int32_t n_users, int32_t n_courses, int64_t n_ratings)
{
	int32_t    *wanted = take((size_t) n_users, sizeof(int32_t));
	double	   *weight = take((size_t) n_users, sizeof(double));
	double		sum = 0;

	for (int32_t u = 0; u < n_users; u++)
		sum += weight[u] = pow(uniform(), -0.55);
	for (int32_t u = 0; u < n_users; u++)
	{
		double		share = weight[u] / sum * (double) n_ratings;

		wanted[u] = (int32_t) fmax(2, fmin(share + 0.5, n_courses / 2));
	}
	free(weight);
	return wanted;
}

/* Draws the hidden side. */
static World
make_world(int32_t n_users, int32_t n_courses, int64_t n_ratings)
{
	World		world = {.n_users = n_users, .n_courses = n_courses};

	world.course_factors = normals((int64_t) n_courses * PLANTED, 1);
	world.user_factors = normals((int64_t) n_users * PLANTED, 1 / sqrt(PLANTED));
	world.course_bias = normals(n_courses, 0.4);
	world.user_bias = normals(n_users, 0.4);
	world.popularity = cumulated_popularity(n_courses);
	world.wanted = wanted_ratings(n_users, n_courses, n_ratings);
	return world;
}

/* A course by popularity. */
static int32_t
draw_course(const World *world)
{
	double		place = uniform();
	int32_t		low = 0;
	int32_t		high = world->n_courses - 1;

	while (low < high)
	{
		int32_t		middle = low + (high - low) / 2;

		if (world->popularity[middle] < place)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* How much the user likes the course. */
static double
affinity(const World *world, int32_t user, int32_t course)
{
	const float *x = world->user_factors + (int64_t) user * PLANTED;
	const float *y = world->course_factors + (int64_t) course * PLANTED;
	double		sum = 0;

	for (int f = 0; f < PLANTED; f++)
		sum += (double) x[f] * (double) y[f];
	return sum;
}

/* Writes one rating both ways. */
static void
write_rating(const World *world, FILE *binary, int32_t user, int32_t course, double liking)
{
	double		value = 3.3 + world->user_bias[user] + world->course_bias[course] + 0.8 * liking +
		0.5 * normal();
	float		rating = (float) fmax(1, fmin(5, round(value)));
	int32_t		held_out = next_bits() % 10 == 0;

	printf("%" PRId32 "\tc%" PRId32 "\t%g\t%c\n", user, course, (double) rating, held_out ? 't' : 'f');
	fwrite(&user, sizeof(user), 1, binary);
	fwrite(&course, sizeof(course), 1, binary);
	fwrite(&rating, sizeof(rating), 1, binary);
	fwrite(&held_out, sizeof(held_out), 1, binary);
}

/* The ratings of one user; met has a byte per course, zero before and after. */
static void
write_user(const World *world, FILE *binary, int32_t user, uint8_t *met)
{
	int32_t		n_met = 0;
	int32_t		n_taken = 0;

	while (n_taken < world->wanted[user] && n_met < world->n_courses / 2)
	{
		int32_t		course = draw_course(world);
		double		liking;

		if (met[course])
			continue;
		met[course] = 1;
		n_met++;
		liking = affinity(world, user, course);
		if (uniform() > 1 / (1 + exp(-TASTE * liking)))
			continue;
		write_rating(world, binary, user, course, liking);
		n_taken++;
	}
	memset(met, 0, (size_t) world->n_courses);
}

/* The mode "ratings". */
static void
write_ratings(int32_t n_users, int32_t n_courses, int64_t n_ratings, FILE *binary)
{
	World		world = make_world(n_users, n_courses, n_ratings);
	uint8_t    *met = take((size_t) n_courses, 1);

	for (int32_t u = 0; u < n_users; u++)
		write_user(&world, binary, u, met);
}

/* The mode "points". */
static void
write_points(int64_t n_rows, int n_columns, FILE *binary)
{
	float	   *centers = normals((int64_t) CLUSTERS * n_columns, 2);

	for (int64_t i = 0; i < n_rows; i++)
	{
		const float *center = centers + (int64_t) (next_bits() % CLUSTERS) * n_columns;

		for (int c = 0; c < n_columns; c++)
		{
			double		value = (float) ((c + 1) * ((double) center[c] + normal()));

			printf("%s%.9g", c == 0 ? "{" : ",", value);
			fwrite(&value, sizeof(value), 1, binary);
		}
		puts("}");
	}
}

/* A number of at least 1. */
static int64_t
number(const char *text)
{
	long long	value = strtoll(text, NULL, 10);

	if (value < 1)
	{
		fprintf(stderr, "synthetic: not a positive number: %s\n", text);
		exit(2);
	}
	return value;
}

/* Reads the arguments. */
int
main(int argc, char **argv)
{
	int			is_ratings = argc == 7 && strcmp(argv[1], "ratings") == 0;
	FILE	   *binary;

	if (!is_ratings && !(argc == 6 && strcmp(argv[1], "points") == 0))
	{
		fputs("usage: synthetic ratings USERS COURSES RATINGS SEED FILE\n"
			  "       synthetic points ROWS COLUMNS SEED FILE\n", stderr);
		return 2;
	}
	binary = fopen(argv[argc - 1], "wb");
	if (binary == NULL)
	{
		perror(argv[argc - 1]);
		return 1;
	}
	state = (uint64_t) number(argv[argc - 2]);
	if (is_ratings)
		write_ratings((int32_t) number(argv[2]), (int32_t) number(argv[3]), number(argv[4]), binary);
	else
		write_points(number(argv[2]), (int) number(argv[3]), binary);
	if (fclose(binary) != 0 || fflush(stdout) != 0 || ferror(stdout))
	{
		perror("synthetic");
		return 1;
	}
	return 0;
}
