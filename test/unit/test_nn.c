/*
 * test_nn.c: method nn: gradients against differences of the loss, fold-ins against plain doubles, the loop
 * over iterations, and what every training promises.
 */
#include "core/blas.h"
#include "core/latent.h"
#include "core/methods/methods.h"
#include "core/nn_dot.h"
#include "core/nn_fold.h"
#include "core/nn_neumf.h"
#include "random_set.h"

#define N_USERS 3
#define N_COURSES 4
#define N_SAMPLES 7
#define STEP 1e-3

/* ------------------------------------------------------------------ gradients */

/* A network on a few samples. */
typedef struct Problem
{
	PairNetwork network;
	PairSamples samples;
	float	   *user_rows;
	float	   *course_rows;
	float	   *dense;
	float	   *work;
	uint64_t	seed;			/* of the dropout */
} Problem;

/* Fills with numbers around 0. */
static float *
random_floats(Env *env, Rng *rng, int64_t n, double size)
{
	float	   *x = env_alloc(env, (size_t) n, sizeof(float));

	for (int64_t i = 0; i < n; i++)
		x[i] = (float) (size * rng_normal(rng));
	return x;
}

/* A problem with random numbers everywhere. */
static Problem
random_problem(Env *env, PairNetwork network, NnObjective objective, double dropout)
{
	static int32_t users[N_SAMPLES] = {0, 1, 1, 2, 0, 1, 2};
	static int32_t courses[N_SAMPLES] = {3, 0, 1, 1, 3, 2, 0};
	Problem		p = {.network = network, .seed = 77};
	float	   *targets;
	float	   *weights;
	Rng			rng;

	rng_seed(&rng, 5, 6);
	p.user_rows = random_floats(env, &rng, N_USERS * network.user_width, 0.5);
	p.course_rows = random_floats(env, &rng, N_COURSES * network.course_width, 0.5);
	p.dense = random_floats(env, &rng, network.n_dense, 0.5);
	p.work = random_floats(env, &rng, network.work_floats, 1);
	targets = random_floats(env, &rng, N_SAMPLES, 1);
	weights = random_floats(env, &rng, N_SAMPLES, 1);
	for (int i = 0; i < N_SAMPLES; i++)
	{
		if (objective == NN_RANKING)
			targets[i] = targets[i] > 0;
		weights[i] = fabsf(weights[i]);
	}
	p.samples = (PairSamples) {
		.n = N_SAMPLES, .objective = objective, .users = users, .courses = courses,
		.targets = targets, .weights = weights, .user_rows = p.user_rows,
		.course_rows = p.course_rows, .dense = p.dense, .decay = 0.03f, .dropout = (float) dropout,
	};
	return p;
}

/* Sum of w |row|^2 over the rows that samples name. */
static double
squares(const float *rows, int width, const int32_t *ids, const float *weights)
{
	double		sum = 0;

	for (int i = 0; i < N_SAMPLES; i++)
		for (int d = 0; d < width; d++)
			sum += (double) weights[i] * pow((double) rows[ids[i] * width + d], 2);
	return sum;
}

/* The objective, with the same dropout every time. */
static double
objective_of(Problem *p)
{
	PairSamples samples = p->samples;
	Rng			rng;

	rng_seed(&rng, p->seed, 0);
	samples.rng = &rng;
	return p->network.run(p->network.arg, &samples, p->work) +
		(double) samples.decay *
		(squares(p->user_rows, p->network.user_width, samples.users, samples.weights) +
		 squares(p->course_rows, p->network.course_width, samples.courses, samples.weights));
}

/* Derivative by one number, from both sides. */
static double
difference(Problem *p, float *x)
{
	float		before = *x;
	double		above;

	*x = before + (float) STEP;
	above = objective_of(p);
	*x = before - (float) STEP;
	above -= objective_of(p);
	*x = before;
	return above / (2 * STEP);
}

/* The sums over samples of the gradients of rows are the derivatives. */
static void
check_rows(Problem *p, float *rows, int n_rows, int width, const int32_t *ids, const float *gradients)
{
	for (int r = 0; r < n_rows; r++)
		for (int d = 0; d < width; d++)
		{
			double		sum = 0;

			for (int i = 0; i < N_SAMPLES; i++)
				if (ids[i] == r)
					sum += (double) gradients[i * width + d];
			CHECK_NEAR(sum, difference(p, &rows[r * width + d]), 3e-3 * (1 + fabs(sum)));
		}
}

/* All gradients of a network. */
static void
check_gradients(Env *env, PairNetwork network, NnObjective objective, double dropout)
{
	Problem		p = random_problem(env, network, objective, dropout);
	int			user_width = network.user_width;
	int			course_width = network.course_width;
	float	   *user_gradients = env_alloc(env, (size_t) (N_SAMPLES * user_width), sizeof(float));
	float	   *course_gradients = env_alloc(env, (size_t) (N_SAMPLES * course_width), sizeof(float));
	float	   *dense_gradients = env_alloc_zero(env, (size_t) network.n_dense, sizeof(float));
	PairSamples samples = p.samples;
	Rng			rng;

	rng_seed(&rng, p.seed, 0);
	samples.rng = &rng;
	samples.user_gradients = user_gradients;
	samples.course_gradients = course_gradients;
	samples.dense_gradients = dense_gradients;
	(void) network.run(network.arg, &samples, p.work);
	check_rows(&p, p.user_rows, N_USERS, user_width, samples.users, user_gradients);
	check_rows(&p, p.course_rows, N_COURSES, course_width, samples.courses, course_gradients);
	for (int64_t i = 0; i < network.n_dense; i++)
		CHECK_NEAR(dense_gradients[i], difference(&p, &p.dense[i]),
				   3e-3 * (1 + fabs((double) dense_gradients[i])));
}

/* Both losses, with and without dropout. */
static void
test_dot_gradients(void)
{
	Env		   *env = test_env();
	DotNetwork	dot = {5, -0.7f};

	for (int objective = NN_RANKING; objective <= NN_RATING; objective++)
	{
		check_gradients(env, nn_dot_network(&dot), objective, 0);
		check_gradients(env, nn_dot_network(&dot), objective, 0.4);
	}
	test_method_done(env);
}

/* The same, through the dense layers. */
static void
test_neumf_gradients(void)
{
	Env		   *env = test_env();
	NnParams   *params = test_method_params(env, &method_nn, "arch=neumf\n");
	NeumfNetwork neumf = {.factors = 3, .layers = {3, {6, 5, 4}}, .offset = -0.7f};

	CHECK_EQ_INT(blas_open(env), RECSYS_OK);
	for (int objective = NN_RANKING; objective <= NN_RATING; objective++)
	{
		check_gradients(env, nn_neumf_network(params, &neumf), objective, 0);
		check_gradients(env, nn_neumf_network(params, &neumf), objective, 0.4);
	}
	test_method_done(env);
}

/* The loss far from 0 is finite and right. */
static void
test_loss(void)
{
	float		derivative;

	CHECK_NEAR(pair_loss(NN_RANKING, 0, 1, &derivative), log(2), 1e-7);
	CHECK_NEAR(derivative, -0.5, 1e-7);
	CHECK_NEAR(pair_loss(NN_RANKING, 500, 0, &derivative), 500, 1e-4);
	CHECK_NEAR(derivative, 1, 1e-7);
	CHECK_NEAR(pair_loss(NN_RANKING, -500, 0, &derivative), 0, 1e-7);
	CHECK_NEAR(derivative, 0, 1e-7);
	CHECK_NEAR(pair_loss(NN_RATING, 3, 1, &derivative), 4, 1e-7);
	CHECK_NEAR(derivative, 4, 1e-7);
}

/* Losses of many samples are those of each. */
static void
test_losses(void)
{
	float		derivatives[3];

	for (int i = -1200; i <= 1200; i++)
	{
		float		outputs[] = {(float) i / 10, (float) i / 1000, (float) -i / 7};
		static const float targets[] = {0, 1, 1};
		static const float weights[] = {1, 0.5f, 0.25f};
		float		sum = ranking_losses(3, outputs, targets, weights, derivatives);
		double		expected = 0;

		for (int s = 0; s < 3; s++)
		{
			float		derivative;

			expected += (double) weights[s] * pair_loss(NN_RANKING, outputs[s], targets[s], &derivative);
			CHECK_NEAR(derivatives[s], weights[s] * derivative, 1e-6);
		}
		CHECK_NEAR(sum, expected, 1e-6 * (1 + expected));
	}
	CHECK(!isfinite(ranking_losses(1, (float[]) {INFINITY}, (float[]) {0}, (float[]) {1}, derivatives)));
}

/* ------------------------------------------------------------------ the loop */

/* What a made-up network does: its validation loss by iteration, and its only number. */
typedef struct Script
{
	const double *losses;
	float		number;
	int64_t		iterations;		/* made */
	double		last_rate;
} Script;

/* The number becomes the iteration's. */
static RecsysStatus
script_epoch(Env *env, void *arg, int64_t iteration, double rate, double *loss)
{
	Script	   *script = arg;

	(void) env;
	script->number = (float) iteration;
	script->iterations = iteration;
	script->last_rate = rate;
	*loss = script->losses[iteration - 1];
	return RECSYS_OK;
}

/* The loss that the script says. */
static RecsysStatus
script_validate(Env *env, void *arg, double *loss)
{
	Script	   *script = arg;

	(void) env;
	*loss = script->losses[script->iterations - 1];
	return RECSYS_OK;
}

/* Runs the loop; returns its status. */
static RecsysStatus
run_script(Env *env, Script *script, bool validate, double final_rate)
{
	NnParams   *params = test_method_params(env, &method_nn, "patience=2\nlearning_rate=0.5\n");
	NnTraining	training = {.params = params, .iterations = 6, .arg = script, .epoch = script_epoch,
		.validate = validate ? script_validate : NULL, .blocks = {{&script->number, 1, NULL}},
	.n_blocks = 1};

	params->final_rate = final_rate;
	return nn_train(env, &training);
}

/* Ends when two iterations were no better, with the best; the rate falls; a loss that is no number is an error. */
static void
test_loop(void)
{
	static const double dip[] = {5, 3, 4, 3.5, 1, 1};
	static const double falling[] = {5, 4, 3, 2, 1, 0.5};
	static const double broken[] = {5, 4, NAN, 2, 1, 0.5};
	Env		   *env = test_env();
	Script		script = {.losses = dip};

	CHECK_EQ_INT(run_script(env, &script, true, 0), RECSYS_OK);
	CHECK_EQ_INT(script.iterations, 4);
	CHECK(script.number == 2);
	CHECK_NEAR(script.last_rate, 0.25, 1e-12);
	script = (Script) {.losses = falling};
	CHECK_EQ_INT(run_script(env, &script, true, 1), RECSYS_OK);
	CHECK(script.iterations == 6 && script.number == 6 && script.last_rate == 0.5);
	script = (Script) {.losses = dip};
	CHECK_EQ_INT(run_script(env, &script, false, 0), RECSYS_OK);
	CHECK(script.iterations == 6 && script.number == 6);
	script = (Script) {.losses = broken};
	CHECK_EQ_INT(run_script(env, &script, false, 0), RECSYS_NOT_CONVERGED);
	CHECK(strstr(env->hint, "learning_rate") != NULL);
	test_method_done(env);
}

/* Parameters are counted; losses of both kinds are reported; held-out ratings are a share. */
static void
test_log(void)
{
	Env		   *env = test_env();
	TrainingSet *set = ranking_set(env, 3, 4000, 60, 40, false);
	TestModel	model;
	NnParams   *params = test_method_params(env, &method_nn, "validation=0.2\n");
	int			held_out = 0;
	char		expected[100];

	CHECK_EQ_INT(test_method_train(env, &method_nn, "iterations=3\n", set, &model), RECSYS_OK);
	snprintf(expected, sizeof(expected), "the network has %lld parameters",
			 (long long) (set->summary.n_users + set->summary.n_courses) * 17);
	CHECK(strcmp(test_env_of(env)->message, expected) == 0);
	CHECK_EQ_INT(test_env_of(env)->n_loss, 4);
	CHECK(strcmp(test_env_of(env)->loss_term, "training") == 0);
	CHECK_EQ_INT(test_method_train(env, &method_nn, "iterations=3\nvalidation=0.2\n", set, &model),
				 RECSYS_OK);
	CHECK_EQ_INT(test_env_of(env)->n_loss, 11);
	CHECK(strcmp(test_env_of(env)->loss_term, "validation") == 0);
	for (int i = 0; i < 10000; i++)
		held_out += nn_held_out(params, i % 100, i / 100);
	CHECK_NEAR(held_out, 2000, 150);
	test_method_done(env);
}

/* ------------------------------------------------------------------ the user */

/* Offset and deviation of a model. */
static const double *
scale_of(Env *env, const TestModel *model)
{
	int64_t		n_rows = -1;
	int64_t		n_cols = -1;
	const void *data = NULL;

	CHECK_EQ_INT(model_get(env, &model->rec.model, "scale", SECTION_DOUBLE, &n_rows, &n_cols, &data),
				 RECSYS_OK);
	return data;
}

/* Derivative by number d of the user's x[k + 1] of the mean loss over all dropouts plus the penalty. */
static double
rating_slope(Env *env, const TestModel *model, History history, const double *x, int k, int d, double decay,
			 double dropout, double half_life, const TrainingSet *set)
{
	const float *factors = test_method_section(env, model, "factors", SECTION_FLOAT);
	const float *bias = test_method_section(env, model, "bias", SECTION_FLOAT);
	const double *scale = scale_of(env, model);
	double		slope = 0;

	for (int h = 0; h < history.n; h++)
	{
		const float *q = factors + history.courses[h] * (k + 1);
		double		weight = plain_age(set, history.times[h], half_life);
		double		error = x[k] + (double) bias[history.courses[h]] -
			((double) history.ratings[h] - scale[0]) / scale[1];

		for (int f = 0; f < k; f++)
			error += x[f] * (double) q[f];
		slope += weight * (error * (double) q[d] + decay * x[d]);
		if (d < k)
			slope += weight * dropout / (1 - dropout) * x[d] * pow((double) q[d], 2);
	}
	return slope;
}

/* A score is the product of the factors, with what user and course add. */
static void
check_product(const Recommender *rec, const float *user, int32_t course, float score)
{
	int			n;
	const float *factors = rec->method->course_vector(rec, course, &n);
	double		product = (double) user[n] + rec->method->course_vector_bias(rec, course);

	for (int f = 0; factors != NULL && f < n; f++)
		product += (double) user[f] * (double) factors[f];
	if (factors != NULL && score != NO_OPINION)
		CHECK_NEAR(score, product, 1e-4 * (1 + fabs(product)));
}

/* The user of the moment is where the objective is least, and scores are products with its vector. */
static void
check_rating_users(const char *lines, double dropout, double half_life)
{
	Env		   *env = test_env();
	TrainingSet *set = ranking_set(env, 11, 900, 40, 30, false);
	char		text[300];
	TestModel	model;
	float		vector[6];

	snprintf(text, sizeof(text), "objective=rating\nfactors=5\niterations=4\nweight_decay=0.05\n"
			 "min_ratings=0\n%s", lines);
	model = test_method_open(env, &method_nn, text, set);
	for (int32_t u = 0; u < set->by_user.n_rows; u += 3)
	{
		History		history = test_method_history(set, u);
		const double *scale = scale_of(env, &model);
		double		x[6];

		CHECK(latent_user(&model.rec, &history, model.scratch, vector));
		test_method_scratch(&model);
		for (int d = 0; d <= 5; d++)
			x[d] = ((double) vector[d] - (d == 5 ? scale[0] : 0)) / scale[1];
		for (int d = 0; d <= 5; d++)
			CHECK_NEAR(rating_slope(env, &model, history, x, 5, d, 0.05, dropout, half_life, set), 0, 2e-4);
		test_method_score(env, &model, history);
		for (int32_t c = 0; c < model.rec.n_courses; c++)
		{
			double		rating = recommender_predict(&model.rec, &history, c, model.scratch);

			test_method_scratch(&model);
			check_product(&model.rec, vector, c, model.scores[c]);
			if (model.rec.course_counts[c] > 0)
				CHECK_NEAR(rating, fmin(fmax((double) model.scores[c], set->summary.min), set->summary.max), 1e-5);
		}
	}
	test_method_done(env);
}

/* With dropout and with half-life, too. */
static void
test_rating_users(void)
{
	check_rating_users("", 0, NAN);
	check_rating_users("dropout=0.3\n", 0.3, NAN);
	check_rating_users("half_life=172800\n", 0, HALF_LIFE);
}

/* A user of a model for ranking, in plain doubles. */
typedef struct PlainUser
{
	const TestModel *model;
	History		history;
	const float *factors;
	const float *bias;
	double		offset;
	int			k;
	double		decay;
} PlainUser;

/* Probability of a course to be taken less the target. */
static double
plain_error(const PlainUser *p, const double *x, int32_t course, double target)
{
	double		logit = p->offset + (double) p->bias[course];

	for (int f = 0; f <= p->k; f++)
		logit += x[f] * (double) p->factors[course * (p->k + 1) + f];
	return 1 / (1 + exp(-logit)) - target;
}

/* Derivative by x[f] of the mean over the samples that training would draw, and of the penalty. */
static double
ranking_slope(const PlainUser *p, const double *x, int f)
{
	double		sum = 2 * p->decay * x[f];
	int			n = p->model->rec.n_courses;
	int			n_others = 0;

	for (int32_t c = 0; c < n; c++)
	{
		bool		taken = false;

		for (int h = 0; h < p->history.n; h++)
			taken = taken || p->history.courses[h] == c;
		n_others += !taken && p->model->rec.course_counts[c] > 0;
	}
	for (int32_t c = 0; c < n; c++)
	{
		double		target = -1;
		double		weight = 0.75 / n_others;
		double		row = (double) p->factors[c * (p->k + 1) + f];

		for (int h = 0; h < p->history.n; h++)
			if (p->history.courses[h] == c)
			{
				target = p->history.ratings[h] > 0;
				weight = 0.25 / p->history.n;
			}
		if (target >= 0 || p->model->rec.course_counts[c] > 0)
			sum += weight * plain_error(p, x, c, fmax(target, 0)) * row;
	}
	return sum;
}

/* The user of the moment for ranking is where the user's objective is least. */
static void
test_ranking_users(void)
{
	Env		   *env = test_env();
	TrainingSet *set = ranking_set(env, 12, 300, 30, 30, false);
	TestModel	model = test_method_open(env, &method_nn,
										 "factors=4\niterations=4\nnegatives=3\nweight_decay=0.02\n", set);

	for (int32_t u = 0; u < set->by_user.n_rows; u++)
	{
		PlainUser	plain = {&model, test_method_history(set, u), test_method_section(env, &model, "factors", SECTION_FLOAT),
		test_method_section(env, &model, "bias", SECTION_FLOAT), scale_of(env, &model)[0], 4, 0.02};
		double		x[5];
		float		vector[5];

		CHECK(latent_user(&model.rec, &plain.history, model.scratch, vector));
		test_method_scratch(&model);
		for (int f = 0; f < 5; f++)
			x[f] = (double) vector[f] - (f == 4 ? log(1.0 / 3) : 0);
		for (int f = 0; f < 5; f++)
			CHECK_NEAR(ranking_slope(&plain, x, f), 0, 1e-3);
		test_method_score(env, &model, plain.history);
		for (int32_t c = 0; c < model.rec.n_courses; c++)
			check_product(&model.rec, vector, c, model.scores[c]);
		CHECK(model.scores[model.rec.n_courses - 1] == NO_OPINION);
		CHECK(isnan(method_nn.predict(&model.rec, &plain.history, 0, model.scratch)));
	}
	test_method_done(env);
}

/* ------------------------------------------------------------------ the user of neumf */

#define NEUMF_USER 6			/* numbers: 2 factors, a bias, half of 6 */

/* A user of a model with 2 factors and the layers 6-5-3. */
typedef struct PlainNeumf
{
	const TestModel *model;
	History		history;
	NeumfSide	side;
	double		mean;
	double		deviation;
	bool		rating;
} PlainNeumf;

/* The sections of the model. */
static PlainNeumf
plain_neumf(Env *env, const TestModel *model, History history)
{
	const NnParams *params = model->rec.params;
	PlainNeumf	plain = {.model = model, .history = history, .mean = scale_of(env, model)[0],
	.deviation = scale_of(env, model)[1], .rating = params->objective == NN_RATING};

	CHECK(neumf_init(params, &plain.side.network));
	plain.side.dense = test_method_section(env, model, "dense", SECTION_FLOAT);
	plain.side.factors = test_method_section(env, model, "factors", SECTION_FLOAT);
	plain.side.bias = test_method_section(env, model, "bias", SECTION_FLOAT);
	plain.side.first = test_method_section(env, model, "first_layer", SECTION_FLOAT);
	return plain;
}

/* Output of a course for x. */
static double
neumf_output(const PlainNeumf *p, const double *x, int32_t course)
{
	const float *d = p->side.dense;
	const float *w = d + 35 + 18;
	double		sum = x[2] + (double) p->side.bias[course];
	double		layer[5];

	for (int f = 0; f < 2; f++)
		sum += x[f] * (double) p->side.factors[course * 2 + f];
	for (int o = 0; o < 5; o++)
	{
		layer[o] = (double) p->side.first[course * 5 + o];
		for (int j = 0; j < 3; j++)
			layer[o] += (double) d[o * 6 + j] * x[3 + j];
		layer[o] = fmax(layer[o], 0);
	}
	for (int o = 0; o < 3; o++)
	{
		double		h = (double) d[35 + 15 + o];

		for (int j = 0; j < 5; j++)
			h += (double) d[35 + o * 5 + j] * layer[j];
		sum += (double) w[o] * fmax(h, 0);
	}
	return sum;
}

/* Loss of a course with a rating, or (0) of one not taken. */
static double
neumf_loss(const PlainNeumf *p, const double *x, int32_t course, double rating)
{
	double		output = neumf_output(p, x, course);

	if (p->rating)
		return pow(output - (rating - p->mean) / p->deviation, 2);
	return log1p(exp(rating > 0 ? -output : output));
}

/* The user's objective: the mean over its samples, and the penalty. */
static double
neumf_objective(const PlainNeumf *p, const double *x)
{
	double		sum = 0;
	double		others = 0;
	int			n_others = 0;

	for (int h = 0; h < p->history.n; h++)
		sum += neumf_loss(p, x, p->history.courses[h], (double) p->history.ratings[h]) / p->history.n;
	for (int32_t c = 0; !p->rating && c < p->model->rec.n_courses; c++)
	{
		bool		taken = p->model->rec.course_counts[c] == 0;

		for (int h = 0; h < p->history.n; h++)
			taken = taken || p->history.courses[h] == c;
		if (taken)
			continue;
		others += neumf_loss(p, x, c, 0);
		n_others++;
	}
	if (!p->rating)
		sum = 0.2 * sum + (n_others > 0 ? 0.8 * others / n_others : 0);
	for (int f = 0; f < NEUMF_USER; f++)
		sum += 0.03 * x[f] * x[f];
	return sum;
}

/* The user that the fold-in finds. */
static void
fold_neumf(Env *env, const PlainNeumf *p, double *x)
{
	NeumfTile	tile;
	void	   *memory = env_alloc_zero(env, 1, neumf_cut_tile(&p->side, NULL, &tile));
	void	   *work = env_alloc(env, 1, fold_bytes(NEUMF_USER));
	FoldSample	sample;
	float		user[NEUMF_USER];
	FoldIn		fold = {.rec = &p->model->rec, .history = &p->history, .sample = &sample,
	.mean = p->mean, .deviation = p->deviation};

	CHECK_EQ_INT(fold_open_sample(env, &p->model->rec, FOLD_COURSES, &sample), RECSYS_OK);
	neumf_cut_tile(&p->side, memory, &tile);
	fold.network = neumf_fold_network(&tile);
	CHECK(fold_user(&fold, test_method_section(env, p->model, "mean_user", SECTION_FLOAT), work, user));
	for (int f = 0; f < NEUMF_USER; f++)
		x[f] = (double) user[f];
}

/* What a step along an axis gains at most, as a part of the objective; the start was worse. */
static double
gain_left(Env *env, const PlainNeumf *p, double *x)
{
	const float *mean = test_method_section(env, p->model, "mean_user", SECTION_FLOAT);
	double		value = neumf_objective(p, x);
	double		least = value;
	double		start[NEUMF_USER];

	for (int f = 0; f < NEUMF_USER; f++)
		start[f] = (double) mean[f];
	CHECK(value < neumf_objective(p, start));
	for (int f = 0; f < NEUMF_USER; f++)
		for (int sign = -1; sign <= 1; sign += 2)
		{
			double		before = x[f];

			x[f] += 0.03 * sign;
			least = fmin(least, neumf_objective(p, x));
			x[f] = before;
		}
	return (value - least) / value;
}

/*
 * Users are about where their objective is least (the search is bounded, and an edge of a ReLU can stop it), and
 * scores are the plain outputs for them.
 */
static void
check_neumf_users(const char *lines)
{
	Env		   *env = test_env();
	TrainingSet *set = ranking_set(env, 13, 300, 30, 30, false);
	char		text[200];
	double		gains = 0;
	TestModel	model;

	snprintf(text, sizeof(text), "arch=neumf\nfactors=2\nlayers=6-5-3\nweight_decay=0.03\n"
			 "iterations=5\n%s", lines);
	model = test_method_open(env, &method_nn, text, set);
	for (int32_t u = 0; u < set->by_user.n_rows; u++)
	{
		PlainNeumf	plain = plain_neumf(env, &model, test_method_history(set, u));
		double		x[NEUMF_USER];

		fold_neumf(env, &plain, x);
		gains += gain_left(env, &plain, x);
		test_method_score(env, &model, plain.history);
		for (int32_t c = 0; c < model.rec.n_courses; c++)
		{
			double		expected = plain.mean + plain.deviation * neumf_output(&plain, x, c);
			double		rating = method_nn.predict(&model.rec, &plain.history, c, model.scratch);

			test_method_scratch(&model);
			if (plain.rating || model.rec.course_counts[c] > 0)
				CHECK_NEAR(model.scores[c], expected, 1e-4 * (1 + fabs(expected)));
			else
				CHECK(model.scores[c] == NO_OPINION);
			if (plain.rating && model.rec.course_counts[c] > 0)
				CHECK_NEAR(rating, expected, 1e-4 * (1 + fabs(expected)));
			else
				CHECK(isnan(rating));
		}
	}
	CHECK(gains / set->by_user.n_rows < 2e-3);
	test_method_done(env);
}

/* Both objectives. */
static void
test_neumf_users(void)
{
	check_neumf_users("");
	check_neumf_users("objective=rating\nmin_ratings=0\n");
}

/* When there are more courses than a fold-in looks at, some at equal distances stand for all. */
static void
test_fold_sample(void)
{
	Env		   *env = test_env();
	TrainingSet *set = ranking_set(env, 13, 300, 30, 30, false);
	TestModel	model = test_method_open(env, &method_nn, "iterations=1\n", set);
	TestModel	rating = test_method_open(env, &method_nn, "iterations=1\nobjective=rating\n", set);
	FoldSample	sample;
	int			n_rated = 0;

	for (int32_t c = 0; c < model.rec.n_courses; c++)
		n_rated += model.rec.course_counts[c] > 0;
	CHECK_EQ_INT(fold_open_sample(env, &model.rec, 10, &sample), RECSYS_OK);
	CHECK_EQ_INT(sample.n, 10);
	for (int i = 1; i < sample.n; i++)
		CHECK(sample.courses[i] - sample.courses[i - 1] >= 2 && sample.courses[i] - sample.courses[i - 1] <= 4);
	CHECK_EQ_INT(fold_open_sample(env, &model.rec, 40, &sample), RECSYS_OK);
	CHECK_EQ_INT(sample.n, n_rated);
	CHECK_EQ_INT(fold_open_sample(env, &rating.rec, 10, &sample), RECSYS_OK);
	CHECK_EQ_INT(sample.n, 0);
	test_method_done(env);
}

/* The score is no product of factors, and nothing says so; courses are compared all the same. */
static void
test_neumf_vectors(void)
{
	Env		   *env = test_env();
	TrainingSet *set = ranking_set(env, 13, 300, 30, 30, false);
	TestModel	model = test_method_open(env, &method_nn, "arch=neumf\niterations=1\n", set);
	TestModel	dot = test_method_open(env, &method_nn, "iterations=1\n", set);
	History		history = test_method_history(set, 0);
	float		vector[1];

	CHECK(model_has_factors(&dot.rec) && !model_has_factors(&model.rec));
	CHECK(!latent_user(&model.rec, &history, model.scratch, vector));
	test_method_scratch(&model);
	CHECK(method_nn.similar(&model.rec, 3, model.scratch, model.scores));
	CHECK_NEAR(model.scores[3], 1, 1e-6);
	CHECK(model.scores[30] == NO_OPINION);
	test_method_done(env);
}

/* ------------------------------------------------------------------ two tastes */

/* Users and courses are odd or even; a user has taken most courses of its kind and none of the other. */
static TrainingSet *
two_tastes(Env *env)
{
	TestRow		rows[400];
	int			n = 0;

	for (int u = 0; u < 20; u++)
		for (int c = u % 2; c < 16; c += 2)
			if ((u / 2 * 3 + c / 2) % 8 >= 2)
				rows[n++] = (TestRow) {u, c, (float) (3 + (u + c) % 3), 0};
	return test_set(env, (TestShape) {KEY_NUMBER, KEY_NUMBER, false, false}, rows, n, 0);
}

/* The courses of the own kind come first; similar courses are of one kind. */
static void
check_tastes(const char *lines)
{
	Env		   *env = test_env();
	TrainingSet *set = two_tastes(env);
	TestModel	model = test_method_open(env, &method_nn, lines, set);

	for (int32_t u = 0; u < 20; u++)
	{
		double		own = INFINITY;
		double		other = -INFINITY;

		test_method_score(env, &model, test_method_history(set, u));
		for (int32_t c = 0; c < 16; c++)
			if (c % 2 == u % 2)
				own = fmin(own, (double) model.scores[c]);
			else
				other = fmax(other, (double) model.scores[c]);
		if (own <= other)
			UNIT_FAIL("%s: user %d: %g is not above %g", lines, u, own, other);
	}
	for (int32_t c = 0; c < 16; c++)
	{
		CHECK(method_nn.similar(&model.rec, c, model.scratch, model.scores));
		for (int32_t o = 0; o < 16; o++)
			if (o % 2 != c % 2)
				CHECK(model.scores[o] < model.scores[(c + 2) % 16]);
	}
	test_method_done(env);
}

/* Ranking finds what ratings do not show. */
static void
test_tastes(void)
{
	check_tastes("");
	check_tastes("arch=neumf\n");
	check_tastes("arch=softmax\n");
}

/* ------------------------------------------------------------------ everything else */

/* Parameters that say nothing together. */
static void
test_contradictions(void)
{
	static const struct
	{
		const char *lines;
		const char *name;
	}			cases[] = {
		{"objective=rating\nnegatives=3\n", "\"negatives\""},
		{"layers=64-8\n", "\"layers\""},
		{"arch=neumf\nlayers=64\n", "\"layers\""},
		{"arch=neumf\nlayers=63-8\n", "\"layers\""},
		{"arch=neumf\nlayers=64-x\n", "\"layers\""},
		{"arch=neumf\nlayers=64-256-64\n", "\"layers\""},
		{"half_life=5\n", "\"half_life\""},
	};
	Env		   *env = test_env();
	TestRow		row = {1, 1, 1, 0};
	TrainingSet *set = test_set(env, (TestShape) {KEY_NUMBER, KEY_NUMBER, false, false}, &row, 1, 0);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		TestModel	model;

		CHECK_EQ_INT(test_method_train(env, &method_nn, cases[i].lines, set, &model),
					 RECSYS_BAD_ARGUMENT);
		if (strstr(env->error, cases[i].name) == NULL || env->hint[0] == '\0')
			UNIT_FAIL("%s: %s (%s)", cases[i].lines, env->error, env->hint);
	}
	test_method_done(env);
}

/* Sets with next to nothing in them. */
static void
test_degenerate(void)
{
	static const TestRow one[] = {{1, 0, 4, 0}};
	static const TestRow equal[] = {{1, 0, 3, 0}, {1, 1, 3, 0}, {2, 1, 3, 0}, {3, 2, 3, 0}};
	static const TestRow one_course[] = {{1, 0, 3, 0}, {2, 0, 5, 0}, {3, 0, 1, 0}};
	static const TestRow one_user[] = {{1, 0, 3, 0}, {1, 1, 5, 0}, {1, 2, 1, 0}};
	static const TestRow thumbs[] = {{1, 0, -1, 0}, {1, 1, 1, 0}, {2, 0, 1, 0}, {3, 2, 0, 0}, {4, 2, -1, 0}};
	static const TestRow huge[] = {{1, 0, 1e12f, 0}, {1, 1, -1e12f, 0}, {2, 1, 1e12f, 0}};
	const struct
	{
		const TestRow *rows;
		int			n;
	}			cases[] = {{one, 1}, {equal, 4}, {one_course, 3}, {one_user, 3}, {thumbs, 5}, {huge, 3}};
	static const char *const lines[] = {"", "objective=rating\n", "validation=0.5\n",
	"objective=rating\ndropout=0.5\nbatch_size=1\n", "arch=neumf\n",
	"arch=neumf\nobjective=rating\nvalidation=0.3\ndropout=0.3\n"};

	for (int i = 0; i < 6 * 6; i++)
	{
		Env		   *env = test_env();
		TestShape	shape = {KEY_NUMBER, KEY_NUMBER, false, i % 7 == 4};
		TrainingSet *set = test_set(env, shape, cases[i / 6].rows, cases[i / 6].n, 4);
		TestModel	model = test_method_open(env, &method_nn, lines[i % 6], set);

		for (int32_t u = 0; u < set->by_user.n_rows; u++)
		{
			test_method_score(env, &model, test_method_history(set, u));
			for (int32_t c = 0; c < model.rec.n_courses; c++)
				CHECK(model.scores[c] == NO_OPINION || isfinite(model.scores[c]));
			CHECK(model.scores[3] == NO_OPINION);
		}
		test_method_score(env, &model, (History) {.group = -1});
		CHECK(model.scores[0] == NO_OPINION);
		test_method_done(env);
	}
}

/* Threads, memory, cancel and estimate. */
static void
test_promises(void)
{
	static const char *const lines[] = {"iterations=2\n", "objective=rating\niterations=3\nvalidation=0.3\n",
	"iterations=2\nbatch_size=3000\ndropout=0.2\nhalf_life=172800\nfactors=33\n",
	"arch=neumf\niterations=1\nbatch_size=2000\nhalf_life=172800\n",
	"arch=neumf\nobjective=rating\niterations=2\nvalidation=0.2\nlayers=20-10\ndropout=0.1\n",
	"arch=neumf\nfactors=3\nlayers=512-128-64\nnegatives=2\nbatch_size=18000\niterations=1\n"};

	for (int i = 0; i < 6; i++)
	{
		Env		   *env = test_env();
		TrainingSet *set = ranking_set(env, 9, 6000, 300, 200, false);
		TrainingSet *small = ranking_set(env, 9, 150, 20, 20, false);

		test_method_promises(env, &method_nn, lines[i], set, small, 0.8);
		test_method_done(env);
	}
}

/* Damage that the checksum does not show is found when the model is opened. */
static void
test_forged(void)
{
	Env		   *env = test_env();
	TrainingSet *set = ranking_set(env, 12, 600, 40, 25, false);
	TestModel	model = test_method_open(env, &method_nn, "factors=4\n", set);

	test_method_finite(env, &model, "bias", SECTION_FLOAT, 3);
	test_method_finite(env, &model, "mean_user", SECTION_FLOAT, 2);
	test_method_finite(env, &model, "factors", SECTION_FLOAT, 1);
	test_method_finite(env, &model, "scale", SECTION_DOUBLE, 0);
	test_method_finite(env, &model, "scale", SECTION_DOUBLE, 1);
	CHECK_EQ_INT(test_method_forge(env, &model, "scale", SECTION_DOUBLE, 1, 0), RECSYS_CORRUPT);
	CHECK_EQ_INT(test_method_forge(env, &model, "scale", SECTION_DOUBLE, 1, 1), RECSYS_OK);
	CHECK_EQ_INT(test_method_forge(env, &model, "factors", SECTION_FLOAT, 4, 0.5), RECSYS_CORRUPT);
	model = test_method_open(env, &method_nn, "arch=neumf\nfactors=4\niterations=1\n", set);
	test_method_finite(env, &model, "bias", SECTION_FLOAT, 3);
	test_method_finite(env, &model, "dense", SECTION_FLOAT, 3);
	test_method_finite(env, &model, "mean_user", SECTION_FLOAT, 2);
	test_method_finite(env, &model, "factors", SECTION_FLOAT, 1);
	test_method_finite(env, &model, "first_layer", SECTION_FLOAT, 1);
	test_method_finite(env, &model, "scale", SECTION_DOUBLE, 1);
	test_method_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_dot_gradients);
	RUN(test_neumf_gradients);
	RUN(test_loss);
	RUN(test_losses);
	RUN(test_loop);
	RUN(test_log);
	RUN(test_rating_users);
	RUN(test_ranking_users);
	RUN(test_neumf_users);
	RUN(test_fold_sample);
	RUN(test_neumf_vectors);
	RUN(test_tastes);
	RUN(test_contradictions);
	RUN(test_degenerate);
	RUN(test_promises);
	RUN(test_forged);
	return unit_done();
}
