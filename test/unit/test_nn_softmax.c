/*
 * test_nn_softmax.c: architecture softmax of method nn: gradients of all numbers against differences of the loss,
 * targets that are not in their own input, and served scores against plain doubles.
 */
#include "core/blas.h"
#include "core/latent.h"
#include "core/methods/methods.h"
#include "core/nn_softmax.h"
#include "random_set.h"

#define STEP 2e-3

/* Random ratings with times in days, some of them 0 and below; two genres; the last course unrated. */
static TrainingSet *
genre_set(Env *env, uint64_t seed, int n, int n_users, int n_courses, bool genres)
{
	TrainingSet *set = ranking_set(env, seed, n, n_users, n_courses, false);
	StringTable names;

	if (!genres)
		return set;
	if (strings_init(env, &names) != RECSYS_OK || strings_add(env, &names, "a", 1) != RECSYS_OK ||
		strings_add(env, &names, "b", 1) != RECSYS_OK ||
		trainingset_set_genres(env, set, &names) != RECSYS_OK)
		abort();
	for (int32_t c = 0; c < set->by_course.n_rows; c++)
		matrix_row(&set->genres, c)[c % 2] = c % 3 == 0 ? 2 : 1;
	return set;
}

/* A network with random numbers on a batch. */
typedef struct Problem
{
	SoftmaxBatch batch;
	int64_t		rows[12];
	int			n;
} Problem;

/* Rows of the users 0, 1, ..., every part. */
static Problem
random_problem(Env *env, TrainingSet *set, const char *lines)
{
	Problem		p = {.batch = {.set = set, .params = test_method_params(env, &method_nn, lines)}, .n = 12};
	SoftmaxBatch *batch = &p.batch;
	Rng			rng;

	CHECK_EQ_INT(blas_open(env), RECSYS_OK);
	CHECK(softmax_init(batch->params, set->by_course.n_rows, (int) set->genres.n_cols, true, &batch->network));
	batch->network.liked_from = set->summary.mean;
	batch->numbers = env_alloc(env, (size_t) batch->network.n_numbers, sizeof(float));
	batch->gradient = env_alloc(env, (size_t) batch->network.n_numbers, sizeof(float));
	batch->statistics = env_alloc_zero(env, 2 * (size_t) batch->network.n_units, sizeof(float));
	CHECK_EQ_INT(softmax_batch_init(env, batch, 12), RECSYS_OK);
	rng_seed(&rng, 31, 2);
	for (int64_t i = 0; i < batch->network.n_numbers; i++)
		batch->numbers[i] = (float) (0.5 * rng_normal(&rng));
	for (int i = 0; i < 12; i++)
		p.rows[i] = i;
	batch->learn = true;
	batch->stream = 99;
	return p;
}

/* Mean loss of the batch, with the same dropout every time. */
static double
mean_loss(Env *env, Problem *p)
{
	double		loss = 0;
	double		weight = 0;

	memcpy(p->batch.rows, p->rows, sizeof(p->rows));
	p->batch.n = p->n;
	rng_seed(&p->batch.rng, 5, 5);
	CHECK_EQ_INT(softmax_run(env, &p->batch, &loss, &weight), RECSYS_OK);
	return loss / weight;
}

/* Every number of the network. */
static void
check_gradients(const char *lines, bool genres)
{
	Env		   *env = test_env();
	TrainingSet *set = genre_set(env, 4, 60, 3, 12, genres);
	Problem		p = random_problem(env, set, lines);
	int64_t		n = p.batch.network.n_numbers;
	float	   *gradient = env_alloc(env, (size_t) n, sizeof(float));

	(void) mean_loss(env, &p);
	CHECK(p.batch.n > 6);
	memcpy(gradient, p.batch.gradient, (size_t) n * sizeof(float));
	for (int64_t i = 0; i < n; i++)
	{
		float		before = p.batch.numbers[i];
		double		slope;

		p.batch.numbers[i] = before + (float) STEP;
		slope = mean_loss(env, &p);
		p.batch.numbers[i] = before - (float) STEP;
		slope = (slope - mean_loss(env, &p)) / (2 * STEP);
		p.batch.numbers[i] = before;
		if (!(fabs(slope - (double) gradient[i]) <= 4e-3 * (1 + fabs(slope))))
			UNIT_FAIL("%s: number %lld of %lld: gradient %g, difference %g", lines, (long long) i, (long long) n,
					  (double) gradient[i], slope);
	}
	test_method_done(env);
}

/* One and two layers, dropout, half-life, genres. */
static void
test_gradients(void)
{
	check_gradients("arch=softmax\nfactors=3\nlayers=4\n", false);
	check_gradients("arch=softmax\nfactors=3\nlayers=5-4\n", true);
	check_gradients("arch=softmax\nfactors=2\nlayers=6\ndropout=0.3\n", false);
	check_gradients("arch=softmax\nfactors=2\nlayers=4\nhalf_life=172800\n", true);
}

/* A target is not in the input that it is told from: its embedding does not change the row's loss by itself. */
static void
test_targets(void)
{
	Env		   *env = test_env();
	TrainingSet *set = genre_set(env, 4, 60, 3, 12, false);
	Problem		p = random_problem(env, set, "arch=softmax\nfactors=3\nlayers=4\n");
	const Csr  *by_user = &set->by_user;
	int			n_targets = 0;

	for (int64_t row = 0; row < 12; row++)
	{
		p.n = 1;
		p.rows[0] = row;
		memset(p.batch.gradient, 0, (size_t) p.batch.network.n_numbers * sizeof(float));
		(void) mean_loss(env, &p);
		for (int64_t e = by_user->offsets[row / SOFTMAX_PARTS];
			 p.batch.n == 1 && e < by_user->offsets[row / SOFTMAX_PARTS + 1]; e++)
		{
			int32_t		course = by_user->indexes[e];
			bool		target = p.batch.logits[course] < 0;

			n_targets += target;
			if (target)
				CHECK(p.batch.gradient[(int64_t) course * 3] == 0);
			CHECK(!target || by_user->values[e] > 0);
		}
	}
	CHECK(n_targets > 10);
	test_method_done(env);
}

/* exp over its range; rows that are large or all equal. */
static void
test_softmax_row(void)
{
	float		x[50];
	float		y[3] = {1000, 1000, -1000};
	double		sum = 0;

	for (int i = 0; i < 50; i++)
	{
		x[i] = (float) (-2.0 * i + 3);
		sum += exp(-2.0 * i + 3);
	}
	CHECK_NEAR(softmax_row(x, 50), log(sum), 1e-6);
	for (int i = 0; i < 40; i++)
		CHECK_NEAR(x[i] / (exp(-2.0 * i + 3) / sum), 1, 1e-5);
	CHECK_NEAR(softmax_row(y, 3), 1000 + log(2), 1e-9);
	CHECK_NEAR(y[0], 0.5, 1e-7);
	CHECK_NEAR(y[2], 0, 1e-30);
}

/* Divides a sum by its length. */
static void
plain_unit(double *x, int n)
{
	double		squares = 0;

	for (int i = 0; i < n; i++)
		squares += x[i] * x[i];
	for (int i = 0; i < n && squares > 0; i++)
		x[i] /= sqrt(squares);
}

/* h of a history for 3 factors and layers 5-4, from the sections. */
static void
plain_user(Env *env, const TestModel *model, const TrainingSet *set, History history, double half_life,
		   double *h)
{
	const float *embeddings = test_method_section(env, model, "embeddings", SECTION_FLOAT);
	const float *genres = test_method_section(env, model, "genre_sums", SECTION_FLOAT);
	const float *dense = test_method_section(env, model, "dense", SECTION_FLOAT);
	double		x[9] = {0};
	double		first[5];

	for (int i = 0; i < history.n; i++)
	{
		int			c = history.courses[i];
		double		weight = plain_age(set, history.times[i], half_life);
		bool		liked = history.ratings[i] >= set->summary.mean;

		for (int f = 0; f < 3; f++)
		{
			x[f + (liked ? 0 : 3)] += weight * (double) embeddings[c * 3 + f];
			x[f + 6] += liked ? weight * (double) genres[c * 3 + f] : 0;
		}
	}
	for (int s = 0; s < 3; s++)
		plain_unit(x + 3 * s, 3);
	for (int o = 0; o < 5; o++)
	{
		first[o] = (double) dense[45 + o];
		for (int i = 0; i < 9; i++)
			first[o] += (double) dense[o * 9 + i] * x[i];
		first[o] = fmax(first[o], 0);
	}
	for (int o = 0; o < 4; o++)
	{
		h[o] = (double) dense[50 + 20 + o];
		for (int i = 0; i < 5; i++)
			h[o] += (double) dense[50 + o * 5 + i] * first[i];
		h[o] = fmax(h[o], 0);
	}
}

/* Scores are outputs; vectors of users and courses have that product. */
static void
check_served(const char *more, double half_life)
{
	Env		   *env = test_env();
	TrainingSet *set = genre_set(env, 8, 400, 30, 20, true);
	char		lines[200];
	TestModel	model;

	snprintf(lines, sizeof(lines), "arch=softmax\nfactors=3\nlayers=5-4\niterations=4\n%s", more);
	model = test_method_open(env, &method_nn, lines, set);
	for (int32_t u = 0; u < set->by_user.n_rows; u++)
	{
		History		history = test_method_history(set, u);
		const float *outputs = test_method_section(env, &model, "outputs", SECTION_FLOAT);
		const float *biases = test_method_section(env, &model, "biases", SECTION_FLOAT);
		double		h[4];
		float		vector[5];

		plain_user(env, &model, set, history, half_life, h);
		CHECK(latent_user(&model.rec, &history, model.scratch, vector));
		test_method_scratch(&model);
		for (int i = 0; i < 4; i++)
			CHECK_NEAR(vector[i], h[i], 1e-4 * (1 + fabs(h[i])));
		test_method_score(env, &model, history);
		for (int32_t c = 0; c < model.rec.n_courses; c++)
		{
			double		expected = (double) biases[c];

			for (int i = 0; i < 4; i++)
				expected += h[i] * (double) outputs[c * 4 + i];
			if (model.rec.course_counts[c] == 0)
				CHECK(model.scores[c] == NO_OPINION);
			else
				CHECK_NEAR(model.scores[c], expected, 1e-3 * (1 + fabs(expected)));
		}
	}
	test_method_done(env);
}

/* With half-life, too. */
static void
test_served(void)
{
	check_served("", NAN);
	check_served("half_life=172800\n", HALF_LIFE);
}

/* What is not wanted with softmax, and sets without anything to learn. */
static void
test_limits(void)
{
	static const char *const bad[] = {"objective=rating\n", "negatives=4\n", "layers=0\n", "layers=a\n",
	"layers=1-2-3-4-5-6-7-8\n"};
	static const TestRow one[] = {{1, 0, 4, 0}};
	static const TestRow few[] = {{1, 0, 4, 0}, {2, 0, 1, 0}, {2, 1, 3, 0}};
	static const TestRow thumbs[] = {{1, 0, -1, 0}, {1, 1, 1, 0}, {2, 0, 1, 0}, {3, 2, 0, 0}, {4, 2, -1, 0}};
	Env		   *env = test_env();
	TestShape	shape = {KEY_NUMBER, KEY_NUMBER, false, false};
	TrainingSet *sets[] = {test_set(env, shape, one, 1, 3), test_set(env, shape, few, 3, 3),
	test_set(env, shape, thumbs, 5, 3)};
	char		lines[200];

	for (int i = 0; i < 5; i++)
	{
		TestModel	model;

		snprintf(lines, sizeof(lines), "arch=softmax\n%s", bad[i]);
		if (test_method_train(env, &method_nn, lines, sets[1], &model) != RECSYS_BAD_ARGUMENT ||
			env->hint[0] == '\0')
			UNIT_FAIL("%s: %s", bad[i], env->error);
	}
	for (int i = 0; i < 6; i++)
	{
		TrainingSet *set = sets[i / 2];
		TestModel	model = test_method_open(env, &method_nn, i % 2 == 0 ? "arch=softmax\n" :
											 "arch=softmax\nvalidation=0.5\nbatch_size=1\n", set);

		for (int32_t u = 0; u < set->by_user.n_rows; u++)
		{
			test_method_score(env, &model, test_method_history(set, u));
			for (int32_t c = 0; c < model.rec.n_courses; c++)
				CHECK(model.scores[c] == NO_OPINION || isfinite(model.scores[c]));
		}
		test_method_score(env, &model, (History) {.group = -1});
		CHECK(model.scores[0] == NO_OPINION);
	}
	test_method_done(env);
}

/* Threads, memory, cancel and estimate. */
static void
test_promises(void)
{
	static const char *const lines[] = {"arch=softmax\niterations=2\n",
	"arch=softmax\niterations=2\nvalidation=0.3\nlayers=40-20\ndropout=0.2\nbatch_size=700\n"};

	for (int i = 0; i < 2; i++)
	{
		Env		   *env = test_env();
		TrainingSet *set = genre_set(env, 9, 6000, 300, 700, i == 0);
		TrainingSet *small = genre_set(env, 9, 150, 20, 20, i == 0);

		test_method_promises(env, &method_nn, lines[i], set, small, 0.8);
		test_method_done(env);
	}
}

/* Damage that the checksum does not show is found when the model is opened. */
static void
test_forged(void)
{
	static const char *const sections[] = {"embeddings", "genre_sums", "dense", "outputs", "biases"};
	Env		   *env = test_env();
	TrainingSet *set = genre_set(env, 12, 600, 40, 25, true);
	TestModel	model = test_method_open(env, &method_nn, "arch=softmax\nfactors=4\niterations=1\n", set);

	for (int i = 0; i < 5; i++)
		test_method_finite(env, &model, sections[i], SECTION_FLOAT, 3);
	test_method_finite(env, &model, "inputs", SECTION_DOUBLE, 0);
	CHECK_EQ_INT(test_method_forge(env, &model, "inputs", SECTION_DOUBLE, 1, 0.5), RECSYS_CORRUPT);
	CHECK_EQ_INT(test_method_forge(env, &model, "inputs", SECTION_DOUBLE, 1, 0), RECSYS_CORRUPT);
	CHECK_EQ_INT(test_method_forge(env, &model, "inputs", SECTION_DOUBLE, 1, 1), RECSYS_OK);
	test_method_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_gradients);
	RUN(test_targets);
	RUN(test_softmax_row);
	RUN(test_served);
	RUN(test_limits);
	RUN(test_promises);
	RUN(test_forged);
	return unit_done();
}
