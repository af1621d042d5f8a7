/*
 * test_svd.c: method svd and its solvers against plain versions of what their files promise.
 */
#include "core/methods/methods.h"
#include "core/svd_common.h"
#include "core/svd_kernels.h"
#include "core/svd_ridge.h"
#include "random_set.h"

#define MAX_UNKNOWNS 20

static const char *const variants[] = {"factors=5\n", "factors=5\nsolver=als\n",
	"factors=5\nimplicit_terms=true\n", "factors=16\nhalf_life=172800\n",
	"factors=3\nhalf_life=172800\nsolver=als\n",
	"factors=20\nhalf_life=172800\nimplicit_terms=true\n"};

#define N_VARIANTS ((int) (sizeof(variants) / sizeof(variants[0])))

/* What the tests tell the solvers. */
static SvdOptions
some_options(int factors)
{
	return (SvdOptions) {.factors = factors, .iterations = 30, .learning_rate = 0.05,
		.regularization = 0.1, .implicit_regularization = 0.02, .init_std_dev = 0.1,
		.tolerance = 0, .half_life = NAN, .random_state = 7};
}

/* ---------------------------------------------------------------- ridge regression */

/* Solves a x = b by elimination with pivots, in place; n unknowns. */
static void
plain_solve(double a[MAX_UNKNOWNS][MAX_UNKNOWNS], double *b, int n)
{
	for (int i = 0; i < n; i++)
	{
		int			pivot = i;
		double		right;

		for (int j = i + 1; j < n; j++)
			pivot = fabs(a[j][i]) > fabs(a[pivot][i]) ? j : pivot;
		for (int k = 0; k < n; k++)
		{
			double		swap = a[i][k];

			a[i][k] = a[pivot][k];
			a[pivot][k] = swap;
		}
		right = b[i];
		b[i] = b[pivot];
		b[pivot] = right;
		for (int j = 0; j < n; j++)
		{
			double		factor = j == i ? 0 : a[j][i] / a[i][i];

			for (int k = 0; k < n; k++)
				a[j][k] -= factor * a[i][k];
			b[j] -= factor * b[i];
		}
	}
	for (int i = 0; i < n; i++)
		b[i] /= a[i][i];
}

/* The ridge regression of svd_ridge.h by its formula. */
static void
plain_ridge(const RidgeSide *side, const RidgeRatings *ratings, double *x)
{
	double		a[MAX_UNKNOWNS][MAX_UNKNOWNS] = {{0}};
	int			m = side->factors + 1;

	memset(x, 0, (size_t) m * sizeof(double));
	for (int64_t i = 0; i < ratings->n; i++)
	{
		const float *row = side->rows + ratings->indexes[i] * side->stride;
		double		weight = ratings->times == NULL || isnan(side->half_life) ? 1 :
			age_weight(ratings->times[i], side->last_time, side->half_life);
		double		target = (ratings->values[i] - side->mean) / side->deviation -
			side->bias[ratings->indexes[i]];

		for (int f = 0; side->shift != NULL && f < side->factors; f++)
			target -= (double) side->shift[f] * row[f];
		for (int j = 0; j < m; j++)
		{
			x[j] += weight * target * row[j];
			a[j][j] += side->regularization * weight;
			for (int k = 0; k < m; k++)
				a[j][k] += weight * row[j] * row[k];
		}
	}
	if (ratings->n > 0 && a[0][0] > 0)
		plain_solve(a, x, m);
}

/* Random rows, ratings and a shift; solved in both forms and by elimination. */
static void
test_ridge(void)
{
	Env		   *env = test_env();
	float		rows[40][16];
	float		bias[40];
	float		shift[16];
	float		values[40];
	int32_t		indexes[40];
	int64_t		times[40];
	Rng			rng;

	rng_seed(&rng, 3, 3);
	for (int i = 0; i < 40; i++)
	{
		for (int f = 0; f < 16; f++)
			rows[i][f] = f == 7 ? 1 : (float) rng_normal(&rng);
		bias[i] = (float) rng_normal(&rng);
		values[i] = (float) (1 + rng_below(&rng, 5));
		indexes[i] = 39 - i;
		times[i] = -(int64_t) rng_below(&rng, 5) * DAY;
		shift[i % 16] = (float) rng_normal(&rng);
	}
	for (int n = 0; n <= 40; n++)
		for (int kind = 0; kind < 4; kind++)
		{
			RidgeSide	side = {7, 16, rows[0], bias, kind & 1 ? shift : NULL, 3, 1.2, 0.1,
			HALF_LIFE, 0, 0};
			RidgeRatings ratings = {n, indexes, values, kind & 2 ? times : NULL};
			RidgeWork	work = ridge_work(7, env_alloc(env, 1, ridge_work(7, NULL).bytes));
			float		got[8];
			double		expected[8];

			ridge_solve(&side, &ratings, &work, got);
			plain_ridge(&side, &ratings, expected);
			for (int f = 0; f < 8; f++)
				CHECK_NEAR(got[f], expected[f], 1e-4);
		}
	env_free_all(env);
	test_env_done(env);
}

/* ---------------------------------------------------------------- the solvers */

/* The objective of svd_common.h, by its formula, divided by the sum of the weights. */
static double
plain_loss(const TrainingSet *set, const SvdOptions *options, const SvdFactors *model,
		   double *squared_error)
{
	double		loss = 0;
	double		total = 0;

	*squared_error = 0;
	for (int32_t u = 0; u < set->by_user.n_rows; u++)
	{
		double		n = (double) csr_row_length(&set->by_user, u);
		const float *p = model->user_factors + (int64_t) u * model->stride;
		double		z[MAX_UNKNOWNS] = {0};
		double		norms = 0;

		for (int64_t e = set->by_user.offsets[u]; e < set->by_user.offsets[u + 1]; e++)
			for (int f = 0; model->implicit != NULL && f < model->factors; f++)
			{
				double		y = model->implicit[set->by_user.indexes[e] * model->stride + f];

				z[f] += y / sqrt(n);
				norms += y * y;
			}
		for (int64_t e = set->by_user.offsets[u]; e < set->by_user.offsets[u + 1]; e++)
		{
			int32_t		c = set->by_user.indexes[e];
			const float *q = model->course_factors + (int64_t) c * model->stride;
			double		weight = plain_age(set, set->by_user.times[e], options->half_life);
			double		error = (set->by_user.values[e] - model->mean) / model->deviation -
				model->user_bias[u] - model->course_bias[c];
			double		squares = pow(model->user_bias[u], 2) + pow(model->course_bias[c], 2);

			for (int f = 0; f < model->factors; f++)
			{
				error -= (p[f] + z[f]) * q[f];
				squares += (double) p[f] * p[f] + (double) q[f] * q[f];
			}
			*squared_error += weight * error * error;
			loss += weight * (error * error + options->regularization * squares +
							  options->implicit_regularization * norms);
			total += weight;
		}
	}
	*squared_error /= total;
	return loss / total;
}

/* Slope of the loss along one number of the model. */
static double
slope(const TrainingSet *set, const SvdOptions *options, const SvdFactors *model, float *number)
{
	float		at = *number;
	double		ignored;
	double		above;
	double		below;

	*number = at + 0.01f;
	above = plain_loss(set, options, model, &ignored);
	*number = at - 0.01f;
	below = plain_loss(set, options, model, &ignored);
	*number = at;
	return (above - below) / 0.02;
}

/* Alternating least squares ends where the loss is flat, and logs the loss. */
static void
test_als(void)
{
	for (int ages = 0; ages < 2; ages++)
	{
		Env		   *env = test_env();
		TrainingSet *set = random_set(env, 21, 200, 20, 12, false);
		SvdOptions	options = some_options(3);
		SvdFactors	model;
		double		squared_error;
		double		loss;

		options.iterations = 300;
		options.half_life = ages ? HALF_LIFE : NAN;
		CHECK_EQ_INT(svd_fit_als(env, set, &options, &model), RECSYS_OK);
		loss = plain_loss(set, &options, &model, &squared_error);
		CHECK_NEAR(test_env_of(env)->loss, loss - squared_error, 1e-5);
		for (int i = 0; i < 12; i++)
			for (int f = 0; f < 3; f++)
			{
				CHECK_NEAR(slope(set, &options, &model,
								 &model.course_factors[i * model.stride + f]), 0, 2e-4);
				CHECK_NEAR(slope(set, &options, &model,
								 &model.user_factors[i * model.stride + f]), 0, 2e-4);
				CHECK_NEAR(slope(set, &options, &model, &model.course_bias[i]), 0, 2e-4);
				CHECK_NEAR(slope(set, &options, &model, &model.user_bias[i]), 0, 2e-4);
			}
		env_free_all(env);
		test_env_done(env);
	}
}

/* A row that is cut into pieces is the ridge regression of all its ratings. */
static void
test_long_rows(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 22, 3000, 600, 3, false);
	SvdOptions	options = some_options(SVD_FACTORS_MAX);
	SvdFactors	model;
	RidgeWork	work = ridge_work(SVD_FACTORS_MAX,
								  env_alloc(env, 1, ridge_work(SVD_FACTORS_MAX, NULL).bytes));
	float		row[SVD_FACTORS_MAX + 1];

	options.iterations = 1;
	env->n_threads = 2;
	CHECK(csr_row_length(&set->by_course, 0) > 257);
	CHECK_EQ_INT(svd_fit_als(env, set, &options, &model), RECSYS_OK);
	for (int32_t c = 0; c < 3; c++)
	{
		int64_t		begin = set->by_course.offsets[c];
		RidgeSide	side = {SVD_FACTORS_MAX, model.stride, model.user_factors, model.user_bias, NULL,
		model.mean, model.deviation, options.regularization, NAN, 0, 0};
		RidgeRatings ratings = {csr_row_length(&set->by_course, c), set->by_course.indexes + begin,
		set->by_course.values + begin, NULL};

		ridge_solve(&side, &ratings, &work, row);
		CHECK_NEAR(row[SVD_FACTORS_MAX], model.course_bias[c], 1e-5);
		for (int f = 0; f < SVD_FACTORS_MAX; f++)
			CHECK_NEAR(row[f], model.course_factors[c * model.stride + f], 1e-5);
	}
	env_free_all(env);
	test_env_done(env);
}

#define KERNEL_USERS 3
#define KERNEL_COURSES 7
#define KERNEL_STRIDE 32
#define KERNEL_ENTRIES 300

/* Users and courses of the kernel, and the same numbers in double, where the bias is the last one. */
typedef struct KernelSides
{
	float		users[KERNEL_USERS][KERNEL_STRIDE];
	float		courses[KERNEL_COURSES][KERNEL_STRIDE];
	float		scale[KERNEL_USERS + KERNEL_COURSES];
	float		bias[KERNEL_USERS + KERNEL_COURSES];
	double		plain[KERNEL_USERS + KERNEL_COURSES][KERNEL_STRIDE + 1];
} KernelSides;

/* Row i, users first. */
static float *
kernel_row(KernelSides *sides, int i)
{
	return i < KERNEL_USERS ? sides->users[i] : sides->courses[i - KERNEL_USERS];
}

/* Random rows with scales from 2e-6, which soon is too small, to 1. */
static void
kernel_start(KernelSides *sides, int factors, Rng *rng)
{
	memset(sides, 0, sizeof(*sides));
	for (int i = 0; i < KERNEL_USERS + KERNEL_COURSES; i++)
	{
		sides->scale[i] = i % 3 == 0 ? 2e-6f : (float) (0.3 + 0.7 * rng_uniform(rng));
		sides->bias[i] = (float) rng_normal(rng) * 0.3f;
		sides->plain[i][KERNEL_STRIDE] = sides->bias[i];
		for (int f = 0; f < factors; f++)
		{
			float		value = (float) rng_normal(rng) * 0.3f / sides->scale[i];

			kernel_row(sides, i)[f] = value;
			sides->plain[i][f] = (double) value * sides->scale[i];
		}
	}
}

/* One step by the formula of svd_kernels.h; its weighted squared error. */
static double
plain_step(KernelSides *sides, SgdEntry entry, double weight)
{
	double	   *p = sides->plain[entry.user];
	double	   *q = sides->plain[KERNEL_USERS + entry.course];
	double		rate = 0.1 * weight;
	double		keep = 1 / (1 + rate * 0.5);
	double		error = entry.target - p[KERNEL_STRIDE] - q[KERNEL_STRIDE];

	for (int f = 0; f < KERNEL_STRIDE; f++)
		error -= p[f] * q[f];
	for (int f = 0; f <= KERNEL_STRIDE; f++)
	{
		double		x = f == KERNEL_STRIDE ? 1 : q[f];
		double		y = f == KERNEL_STRIDE ? 1 : p[f];

		p[f] = keep * p[f] + rate * error * x;
		q[f] = keep * q[f] + rate * error * y;
	}
	return weight * error * error;
}

/* Random entries in runs of one user with different courses, from 1 to all of them. */
static void
kernel_entries(SgdEntry *entries, Rng *rng)
{
	int			left = 0;
	int			user = 0;
	int			course = 0;

	for (int i = 0; i < KERNEL_ENTRIES; i++)
	{
		if (left == 0)
		{
			user = (user + 1) % KERNEL_USERS;
			course = (int) rng_below(rng, KERNEL_COURSES);
			left = 1 + (int) rng_below(rng, KERNEL_COURSES);
		}
		entries[i] = (SgdEntry) {user, course, (float) rng_normal(rng)};
		course = (course + 3) % KERNEL_COURSES;
		left--;
	}
}

/* Steps of the kernel, taken in pairs, are those of a plain loop in double. */
static void
test_kernel(void)
{
	static const int factors[] = {5, 10, 24, 31};

	for (int kind = 0; kind < 8; kind++)
	{
		KernelSides sides;
		SgdEntry	entries[KERNEL_ENTRIES];
		float		weights[KERNEL_ENTRIES];
		bool		weighed = kind >= 4;
		double		expected = 0;
		Rng			rng;

		rng_seed(&rng, 4, (uint64_t) kind);
		kernel_start(&sides, factors[kind % 4], &rng);
		kernel_entries(entries, &rng);
		for (int i = 0; i < KERNEL_ENTRIES; i++)
		{
			weights[i] = (float) (i % 5) / 4;
			expected += plain_step(&sides, entries[i], weighed ? weights[i] : 1);
		}
		CHECK_NEAR(sgd_block(&(SgdBlock) {entries, weighed ? weights : NULL, KERNEL_ENTRIES,
				{sides.users[0], sides.scale, sides.bias},
				{sides.courses[0], sides.scale + KERNEL_USERS, sides.bias + KERNEL_USERS},
				svd_width(factors[kind % 4]), KERNEL_STRIDE, 0.1f, 0.5f}), expected, 1e-3);
		for (int i = 0; i < KERNEL_USERS + KERNEL_COURSES; i++)
		{
			CHECK_NEAR(sides.bias[i], sides.plain[i][KERNEL_STRIDE], 1e-5);
			for (int f = 0; f < KERNEL_STRIDE; f++)
				CHECK_NEAR((double) sides.scale[i] * kernel_row(&sides, i)[f], sides.plain[i][f], 1e-5);
		}
	}
}

/* Did every bias of one side move by the sum of its own errors, in one epoch of tiny steps from zero? */
static void
check_epoch(const TrainingSet *set, const SvdOptions *options, const SvdFactors *model,
			const Csr *ratings, const float *bias)
{
	for (int32_t i = 0; i < ratings->n_rows; i++)
	{
		double		sum = 0;

		for (int64_t e = ratings->offsets[i]; e < ratings->offsets[i + 1]; e++)
			sum += plain_age(set, ratings->times[e], options->half_life) *
				(ratings->values[e] - model->mean) / model->deviation;
		CHECK_NEAR(bias[i] / options->learning_rate, sum, 0.02 + 0.005 * fabs(sum));
	}
}

/* In one epoch of tiny steps from zero each rating counts once, on every path and in every stripe of users. */
static void
test_epoch(void)
{
	for (int kind = 0; kind < 5; kind++)
	{
		Env		   *env = test_env();
		TrainingSet *set = kind == 4 ? random_set(env, 23, 30000, 9000, 40, false) :
			random_set(env, 23, 900, 60, 40, false);
		SvdOptions	options = some_options(kind == 4 ? SVD_FACTORS_MAX : 3);
		SvdFactors	model;

		options.iterations = 1;
		options.learning_rate = kind == 4 ? 1e-6 : 1e-5;
		options.init_std_dev = 0;
		options.half_life = kind & 1 ? HALF_LIFE : NAN;
		env->n_threads = 2;
		CHECK_EQ_INT((kind & 2 ? svd_fit_implicit : svd_fit_sgd) (env, set, &options, &model),
					 RECSYS_OK);
		check_epoch(set, &options, &model, &set->by_user, model.user_bias);
		check_epoch(set, &options, &model, &set->by_course, model.course_bias);
		env_free_all(env);
		test_env_done(env);
	}
}

/* With more users than a stripe has, too, the threads do not change a bit, nor do more of them than groups. */
static void
test_stripes(void)
{
	static const int n_threads[] = {1, 2, 20};
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 31, 20000, 9000, 40, false);
	SvdOptions	options = some_options(SVD_FACTORS_MAX);
	SvdFactors	models[3];

	options.iterations = 2;
	CHECK(9000 * (int64_t) svd_stride(SVD_FACTORS_MAX) * (int64_t) sizeof(float) > 2 << 23);
	for (int i = 0; i < 3; i++)
	{
		env->n_threads = n_threads[i];
		CHECK_EQ_INT(svd_fit_sgd(env, set, &options, &models[i]), RECSYS_OK);
		CHECK(memcmp(models[0].course_bias, models[i].course_bias, 40 * sizeof(float)) == 0);
		CHECK(memcmp(models[0].course_factors, models[i].course_factors,
					 (size_t) (40 * models[0].stride) * sizeof(float)) == 0);
	}
	env_free_all(env);
	test_env_done(env);
}

/* Descent ends near the loss of alternating least squares, and with implicit terms below it. */
static void
test_descent(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 24, 900, 60, 40, false);
	SvdOptions	options = some_options(4);
	SvdFactors	als;
	SvdFactors	sgd;
	SvdFactors	implicit;
	double		losses[3];
	double		ignored;

	options.iterations = 400;
	CHECK_EQ_INT(svd_fit_als(env, set, &options, &als), RECSYS_OK);
	CHECK_EQ_INT(svd_fit_sgd(env, set, &options, &sgd), RECSYS_OK);
	CHECK_EQ_INT(svd_fit_implicit(env, set, &options, &implicit), RECSYS_OK);
	losses[0] = plain_loss(set, &options, &als, &ignored);
	losses[1] = plain_loss(set, &options, &sgd, &ignored);
	losses[2] = plain_loss(set, &options, &implicit, &ignored);
	printf("# losses: als %.4f, sgd %.4f, implicit %.4f\n", losses[0], losses[1], losses[2]);
	CHECK_NEAR(losses[1], losses[0], 0.02);
	CHECK(losses[2] < losses[0] + 0.005);
	env_free_all(env);
	test_env_done(env);
}

/* SVD++ of one user, whose order is that of its ratings, step by step in double. */
static void
test_implicit_steps(void)
{
	Env		   *env = test_env();
	TestRow		rows[6];
	TrainingSet set;
	SvdOptions	options = some_options(2);
	SvdFactors	start;
	SvdFactors	model;
	double		p[3];
	double		q[6][3];
	double		y[6][2] = {{0}};

	for (int i = 0; i < 6; i++)
		rows[i] = (TestRow) {1, i, (float) (1 + i % 4), 0};
	CHECK_EQ_INT(test_set_build(env, (TestShape) {KEY_NUMBER, KEY_NUMBER, false, false}, rows, 6, 6,
								&set), RECSYS_OK);
	CHECK_EQ_INT(svd_init(env, &set, &options, true, &start), RECSYS_OK);
	for (int f = 0; f < 2; f++)
	{
		p[f] = start.user_factors[f];
		for (int c = 0; c < 6; c++)
			q[c][f] = start.course_factors[c * start.stride + f];
	}
	p[2] = 0;
	for (int c = 0; c < 6; c++)
		q[c][2] = 0;
	for (int epoch = 0; epoch < options.iterations; epoch++)
	{
		double		rate = options.learning_rate * (1 - (double) epoch / options.iterations);
		double		keep = 1 / (1 + rate * options.regularization);
		double		z[2] = {0};
		double		total[2] = {0};

		for (int c = 0; c < 6; c++)
			for (int f = 0; f < 2; f++)
				z[f] += y[c][f] / sqrt(6);
		for (int c = 0; c < 6; c++)
		{
			double		error = (rows[c].rating - start.mean) / start.deviation - p[2] - q[c][2];

			for (int f = 0; f < 2; f++)
				error -= (p[f] + z[f]) * q[c][f];
			p[2] = keep * p[2] + rate * error;
			q[c][2] = keep * q[c][2] + rate * error;
			for (int f = 0; f < 2; f++)
			{
				double		old = p[f];

				total[f] += error * q[c][f];
				p[f] = keep * p[f] + rate * error * q[c][f];
				q[c][f] = keep * q[c][f] + rate * error * (old + z[f]);
			}
		}
		for (int c = 0; c < 6; c++)
			for (int f = 0; f < 2; f++)
				y[c][f] = (y[c][f] + rate * total[f] / sqrt(6)) /
					(1 + rate * options.implicit_regularization * 6);
	}
	CHECK_EQ_INT(svd_fit_implicit(env, &set, &options, &model), RECSYS_OK);
	CHECK_NEAR(model.user_bias[0], p[2], 1e-5);
	for (int c = 0; c < 6; c++)
	{
		CHECK_NEAR(model.course_bias[c], q[c][2], 1e-5);
		for (int f = 0; f < 2; f++)
		{
			CHECK_NEAR(model.course_factors[c * model.stride + f], q[c][f], 1e-5);
			CHECK_NEAR(model.implicit[c * model.stride + f], y[c][f], 1e-5);
		}
	}
	env_free_all(env);
	test_env_done(env);
}

/* ---------------------------------------------------------------- the method */

/* A section of floats of a model. */
static const float *
section(Env *env, const TestModel *model, const char *name)
{
	int64_t		n_rows = -1;
	int64_t		n_cols = -1;
	const void *data;

	CHECK_EQ_INT(model_get(env, &model->rec.model, name, SECTION_FLOAT, &n_rows, &n_cols, &data),
				 RECSYS_OK);
	return data;
}

/* Expected ratings of all courses by a user, from the sections and the plain ridge regression. */
static void
plain_ratings(Env *env, const TestModel *model, const TrainingSet *set, const History *history,
			  int factors, double half_life, double *ratings)
{
	const float *rows = section(env, model, "factors");
	const float *implicit = model_has(&model->rec.model, "implicit") ?
		section(env, model, "implicit") : NULL;
	float		z[MAX_UNKNOWNS] = {0};
	double		x[MAX_UNKNOWNS];
	double		squares = 0;
	RidgeSide	side = {factors, factors + 1, rows, section(env, model, "bias"), z,
		set->summary.mean, 0, 0.1, half_life, set->summary.last_time, 0};
	RidgeRatings given = {history->n, history->courses, history->ratings, history->times};

	for (int64_t e = 0; e < set->by_user.n_entries; e++)
		squares += pow(set->by_user.values[e] - set->summary.mean, 2);
	side.deviation = sqrt(squares / (double) set->by_user.n_entries);
	for (int32_t h = 0; h < history->n; h++)
		for (int f = 0; implicit != NULL && f < factors; f++)
			z[f] += implicit[history->courses[h] * factors + f] / sqrtf((float) history->n);
	plain_ridge(&side, &given, x);
	for (int32_t c = 0; c < model->rec.n_courses; c++)
	{
		ratings[c] = side.bias[c] + x[factors];
		for (int f = 0; f < factors; f++)
			ratings[c] += (x[f] + (double) z[f]) * rows[c * (factors + 1) + f];
		ratings[c] = side.mean + side.deviation * ratings[c];
	}
}

/* Score, prediction and factors of one user agree with the plain ratings; reasons add up. */
static void
check_user(Env *env, TestModel *model, const TrainingSet *set, History history, int factors,
		   double half_life)
{
	double		expected[40];
	float		user[MAX_UNKNOWNS];
	int			n;

	plain_ratings(env, model, set, &history, factors, half_life, expected);
	test_method_score(env, model, history);
	test_method_reasons(model, history);
	CHECK_EQ_INT(method_svd.user_vector(&model->rec, &history, model->scratch, user), factors);
	test_method_scratch(model);
	for (int32_t c = 0; c < model->rec.n_courses; c++)
	{
		const float *course = method_svd.course_vector(&model->rec, c, &n);
		double		rating = set->summary.mean + (double) user[factors] +
			(double) method_svd.course_vector_bias(&model->rec, c);

		CHECK_NEAR(method_svd.predict(&model->rec, &history, c, model->scratch), expected[c], 2e-4);
		test_method_scratch(model);
		CHECK((model->scores[c] == NO_OPINION) == (model->rec.course_counts[c] < 5));
		CHECK((course == NULL) == (model->rec.course_counts[c] == 0));
		if (model->scores[c] != NO_OPINION)
			CHECK_NEAR(model->scores[c], expected[c], 2e-4);
		for (int f = 0; course != NULL && f < n; f++)
			rating += (double) user[f] * course[f];
		CHECK_NEAR(rating, expected[c], 2e-4);
	}
}

/* Every variant, for users of the set with a part of their ratings, and for nobody. */
static void
test_fold_in(void)
{
	static const int factors[] = {5, 5, 5, 16, 3, 19};

	for (int i = 0; i < N_VARIANTS; i++)
	{
		Env		   *env = test_env();
		TrainingSet *set = random_set(env, 25, 700, 50, 40, false);
		double		half_life = strstr(variants[i], "half_life") != NULL ? HALF_LIFE : NAN;
		char		lines[200];
		TestModel	model;
		History		nobody = {.group = -1};
		float		user[MAX_UNKNOWNS];

		snprintf(lines, sizeof(lines), "%smin_ratings=5\nfactors=%d\n",
				 strchr(variants[i], '\n') + 1, factors[i]);
		model = test_method_open(env, &method_svd, lines, set);
		for (int32_t u = 0; u < set->by_user.n_rows; u++)
		{
			History		history = test_method_history(set, u);

			history.n = u % 3 == 0 ? 1 : history.n;
			check_user(env, &model, set, history, factors[i], half_life);
		}
		test_method_score(env, &model, nobody);
		for (int32_t c = 0; c < 40; c++)
		{
			CHECK(model.scores[c] == NO_OPINION);
			CHECK(isfinite(method_svd.predict(&model.rec, &nobody, c, model.scratch)));
		}
		test_method_reasons(&model, nobody);
		CHECK_EQ_INT(method_svd.user_vector(&model.rec, &nobody, model.scratch, user), 0);
		test_method_done(env);
	}
}

/* Similar courses: the cosine of the factors; a course without ratings is like no other. */
static void
test_similar(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 26, 300, 50, 30, false);
	TestModel	model = test_method_open(env, &method_svd, "factors=4\n", set);
	const float *rows = section(env, &model, "factors");

	for (int32_t c = 0; c < 30; c++)
	{
		CHECK(method_svd.similar(&model.rec, c, model.scratch, model.scores));
		for (int32_t other = 0; other < 30; other++)
		{
			double		product = 0;
			double		a = 0;
			double		b = 0;

			for (int f = 0; f < 4; f++)
			{
				product += (double) rows[c * 5 + f] * rows[other * 5 + f];
				a += pow(rows[c * 5 + f], 2);
				b += pow(rows[other * 5 + f], 2);
			}
			if (model.rec.course_counts[c] == 0 || model.rec.course_counts[other] == 0)
				CHECK(model.scores[other] == NO_OPINION);
			else
				CHECK_NEAR(model.scores[other], product / sqrt(a * b), 1e-5);
		}
	}
	test_method_done(env);
}

/* Threads, memory, interrupts, estimate, for every variant. */
static void
test_promises(void)
{
	for (int i = 0; i < N_VARIANTS; i++)
	{
		Env		   *env = test_env();
		TrainingSet *set = random_set(env, 27, 4000, 300, 100, false);
		TrainingSet *small = random_set(env, 28, 60, 10, 8, false);
		char		lines[200];

		test_method_threads(env, &method_svd, variants[i], set);
		test_method_estimate(env, &method_svd, variants[i], set, 0.8);
		CHECK_EQ_INT(test_env_of(env)->n_loss % 2, 0);
		snprintf(lines, sizeof(lines), "%siterations=3\n", variants[i]);
		test_method_memory(env, &method_svd, lines, small);
		test_method_interrupts(env, &method_svd, lines, small);
		test_method_done(env);
	}
}

/* Another seed gives another model, but for the same one. */
static void
test_random_state(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 29, 300, 50, 30, false);

	for (int i = 0; i < 3; i++)
	{
		TestModel	models[2];
		char		lines[200];

		snprintf(lines, sizeof(lines), "%srandom_state=43\n", variants[i]);
		models[0] = test_method_open(env, &method_svd, variants[i], set);
		models[1] = test_method_open(env, &method_svd, lines, set);
		CHECK(memcmp(section(env, &models[0], "factors"), section(env, &models[1], "factors"), 20) != 0);
	}
	test_method_done(env);
}

/* Fewer users than factors, one rating, equal ratings, huge ones: finite numbers; equal ones are warned of. */
static void
test_degenerate(void)
{
	static const TestRow one[] = {{1, 1, 4, 0}};
	static const TestRow equal[] = {{1, 1, 3, 0}, {1, 2, 3, 0}, {2, 1, 3, 0}, {3, 0, 3, 0}};
	static const TestRow mixed[] = {{1, 1, -1e12f, 0}, {1, 2, 0, 0}, {2, 1, 1e12f, 0}, {3, 0, -5, 0}};
	static const TestRow one_course[] = {{1, 1, 1, 0}, {2, 1, 5, 0}, {3, 1, 2, 0}, {4, 1, 0, 0}};
	static const struct
	{
		const TestRow *rows;
		int			n;
	}			sets[] = {{one, 1}, {equal, 4}, {mixed, 4}, {one_course, 4}};

	for (int s = 0; s < 4; s++)
		for (int i = 0; i < N_VARIANTS; i++)
		{
			Env		   *env = test_env();
			TrainingSet set;
			TestModel	model;
			History		history;

			CHECK_EQ_INT(test_set_build(env, (TestShape) {KEY_NUMBER, KEY_NUMBER, true, s == 1},
										sets[s].rows, sets[s].n, 4, &set), RECSYS_OK);
			CHECK_EQ_INT(trainingset_fingerprint(env, &set), RECSYS_OK);
			model = test_method_open(env, &method_svd, variants[i], &set);
			CHECK_EQ_INT(test_env_of(env)->n_warnings, s < 2);
			history = test_method_history(&set, 0);
			test_method_score(env, &model, history);
			test_method_reasons(&model, history);
			for (int32_t c = 0; c < 4; c++)
			{
				double		rating = method_svd.predict(&model.rec, &history, c, model.scratch);

				CHECK(isfinite(rating));
				if (s < 2)
					CHECK_NEAR(rating, set.summary.mean, 0.02);
			}
			test_method_done(env);
		}
}

/* Parameters that contradict each other, a step that is too long, and forged models are refused. */
static void
test_refused(void)
{
	Env		   *env = test_env();
	TrainingSet *set = random_set(env, 30, 3000, 30, 100, false);
	TestModel	model;

	CHECK_EQ_INT(test_method_train(env, &method_svd, "solver=als\nimplicit_terms=true\n", set,
								   &model), RECSYS_BAD_ARGUMENT);
	CHECK_EQ_INT(test_method_train(env, &method_svd, "learning_rate=1\ninit_std_dev=10\n", set,
								   &model), RECSYS_NOT_CONVERGED);
	CHECK(strstr(env->hint, "learning_rate") != NULL);
	model = test_method_open(env, &method_svd, "factors=2\nimplicit_terms=true\n", set);
	CHECK_EQ_INT(test_method_forge(env, &model, "bias", SECTION_FLOAT, 3, NAN), RECSYS_CORRUPT);
	CHECK_EQ_INT(test_method_forge(env, &model, "bias", SECTION_FLOAT, 3, 0), RECSYS_OK);
	CHECK_EQ_INT(test_method_forge(env, &model, "implicit", SECTION_FLOAT, 3, INFINITY),
				 RECSYS_CORRUPT);
	CHECK_EQ_INT(test_method_forge(env, &model, "implicit", SECTION_FLOAT, 3, 0), RECSYS_OK);
	CHECK_EQ_INT(test_method_forge(env, &model, "factors", SECTION_FLOAT, 2, 0.5), RECSYS_CORRUPT);
	CHECK_EQ_INT(test_method_forge(env, &model, "factors", SECTION_FLOAT, 2, 1), RECSYS_OK);
	CHECK_EQ_INT(test_method_forge(env, &model, "range", SECTION_DOUBLE, 1, 0), RECSYS_CORRUPT);
	test_method_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN_ALONE(test_ridge);
	RUN_ALONE(test_als);
	RUN(test_long_rows);
	RUN_ALONE(test_kernel);
	RUN(test_epoch);
	RUN(test_stripes);
	RUN_ALONE(test_descent);
	RUN_ALONE(test_implicit_steps);
	RUN_ALONE(test_fold_in);
	RUN_ALONE(test_similar);
	RUN(test_promises);
	RUN_ALONE(test_random_state);
	RUN_ALONE(test_degenerate);
	RUN_ALONE(test_refused);
	return unit_done();
}
