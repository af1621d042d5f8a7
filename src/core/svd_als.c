/*
 * svd_als.c
 *		Alternating least squares on the objective of svd_common.h, without implicit terms.
 *
 * With the courses fixed, the objective falls apart into one ridge regression per
 * user (svd_ridge.h), and the other way round, so no sweep raises it.  Zhou,
 * Wilkinson, Schreiber and Pan, "Large-scale parallel collaborative filtering for
 * the Netflix prize" (2008), with the biases as one more factor.
 *
 * Each row is solved by one thread.  One with so many ratings that a cancel would
 * wait for it is added up in pieces of fixed size by all threads, and the pieces in
 * their order: the bits do not depend on the number of threads.
 *
 * Time of a sweep: ratings x (factors + 1)^2 multiply-adds and (users + courses) x
 * factors^3 / 6, less where rows have fewer ratings than factors.  Memory: the factors,
 * and (factors + 1)^2 floats a thread.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "core/parallel.h"
#include "core/svd_common.h"
#include "core/svd_ridge.h"
#include "core/vector.h"

/* Multiply-adds of a piece of a long row: about a millisecond. */
#define PIECE_WORK (1 << 24)
#define PIECE_MIN 256			/* ratings */
#define PIECES 16				/* added up at a time */
#define CHUNK_ROWS 8
#define LOSS_CHUNK_ROWS 256

/* One half of a sweep: rows to find, and what is known of the other side. */
typedef struct AlsStep
{
	RidgeSide	side;
	const Csr  *ratings;
	float	   *rows;
	float	   *bias;
	char	   *work;			/* of every worker, work_bytes each */
	size_t		work_bytes;
	int64_t		piece;			/* ratings of a piece; longer rows are cut */
	int32_t		row;			/* the one that is cut */
	int64_t		first_piece;	/* of the batch */
	char	   *piece_work;		/* of every piece of a batch; NULL without long rows */
	double		piece_weights[PIECES];
} AlsStep;

/* The ratings of one row. */
static RidgeRatings
row_ratings(const Csr *ratings, int32_t row)
{
	int64_t		begin = ratings->offsets[row];

	return (RidgeRatings) {
		.n = csr_row_length(ratings, row),
		.indexes = ratings->indexes + begin,
		.values = ratings->values + begin,
		.times = ratings->times == NULL ? NULL : ratings->times + begin,
	};
}

/* The solution has the bias where the finished row has its 1. */
static void
take_bias(AlsStep *step, int32_t row)
{
	float	   *values = step->rows + row * step->side.stride;

	step->bias[row] = values[step->side.factors];
	values[step->side.factors] = 1;
}

/* ParallelFunction: solves rows begin .. end - 1, but the long ones. */
static RecsysStatus
solve_rows(void *arg, int64_t begin, int64_t end, int worker)
{
	AlsStep    *step = arg;
	RidgeWork	work = ridge_work(step->side.factors,
								  step->work + (size_t) worker * step->work_bytes);

	for (int32_t row = (int32_t) begin; row < end; row++)
	{
		RidgeRatings ratings = row_ratings(step->ratings, row);

		if (ratings.n > step->piece)
			continue;
		ridge_solve(&step->side, &ratings, &work, step->rows + row * step->side.stride);
		take_bias(step, row);
	}
	return RECSYS_OK;
}

/* Zeroes what ridge_add adds to. */
static void
clear_work(const RidgeWork *work, int factors)
{
	size_t		m = (size_t) factors + 1;

	memset(work->matrix, 0, m * m * sizeof(float));
	memset(work->right, 0, m * sizeof(float));
}

/* ParallelFunction: adds up pieces begin .. end - 1 of the batch. */
static RecsysStatus
add_pieces(void *arg, int64_t begin, int64_t end, int worker)
{
	AlsStep    *step = arg;
	RidgeRatings ratings = row_ratings(step->ratings, step->row);

	(void) worker;
	for (int64_t i = begin; i < end; i++)
	{
		RidgeWork	work = ridge_work(step->side.factors,
									  step->piece_work + (size_t) i * step->work_bytes);
		int64_t		first = (step->first_piece + i) * step->piece;
		int64_t		last = ratings.n - first < step->piece ? ratings.n : first + step->piece;

		clear_work(&work, step->side.factors);
		step->piece_weights[i] = 0;
		ridge_add(&step->side, &ratings, first, last, &work, &step->piece_weights[i]);
	}
	return RECSYS_OK;
}

/* Adds one piece to the whole. */
static void
add_piece(const AlsStep *step, int piece, const RidgeWork *whole)
{
	size_t		m = (size_t) step->side.factors + 1;
	RidgeWork	work = ridge_work(step->side.factors,
								  step->piece_work + (size_t) piece * step->work_bytes);

	vector_axpy(1, work.matrix, whole->matrix, (int64_t) (m * m));
	vector_axpy(1, work.right, whole->right, (int64_t) m);
}

/* Solves one long row. */
static RecsysStatus
solve_long_row(Env *env, AlsStep *step)
{
	int64_t		n = csr_row_length(step->ratings, step->row);
	int64_t		n_pieces = (n - 1) / step->piece + 1;
	RidgeWork	whole = ridge_work(step->side.factors, step->work);
	double		weight = 0;

	clear_work(&whole, step->side.factors);
	for (step->first_piece = 0; step->first_piece < n_pieces; step->first_piece += PIECES)
	{
		int64_t		left = n_pieces - step->first_piece;
		int			count = left < PIECES ? (int) left : PIECES;

		TRY(parallel_for(env, count, 1, add_pieces, step, false));
		for (int i = 0; i < count; i++)
		{
			add_piece(step, i, &whole);
			weight += step->piece_weights[i];
		}
	}
	ridge_finish(&step->side, &whole, weight, step->rows + step->row * step->side.stride);
	take_bias(step, step->row);
	return RECSYS_OK;
}

/* Half a sweep. */
static RecsysStatus
solve_side(Env *env, AlsStep *step)
{
	TRY(parallel_for(env, step->ratings->n_rows, CHUNK_ROWS, solve_rows, step, false));
	if (step->piece_work == NULL)
		return RECSYS_OK;
	for (step->row = 0; step->row < step->ratings->n_rows; step->row++)
	{
		if (step->row % LOSS_CHUNK_ROWS == 0 && env_interrupted(env))
			return env->status;
		if (csr_row_length(step->ratings, step->row) > step->piece)
			TRY(solve_long_row(env, step));
	}
	return RECSYS_OK;
}

/* Is there a row that has to be cut? */
static RecsysStatus
find_long_rows(Env *env, const Csr *ratings, int64_t piece, bool *found)
{
	*found = false;
	for (int32_t row = 0; row < ratings->n_rows; row++)
	{
		if (row % LOSS_CHUNK_ROWS == 0 && env_interrupted(env))
			return env->status;
		*found |= csr_row_length(ratings, row) > piece;
	}
	return RECSYS_OK;
}

/* One side as it is seen from the other. */
static RidgeSide
other_side(const TrainingSet *set, const SvdOptions *options, const SvdFactors *model,
		   const float *rows, const float *bias)
{
	return (RidgeSide) {
		.factors = model->factors,
		.stride = model->stride,
		.rows = rows,
		.bias = bias,
		.mean = model->mean,
		.deviation = model->deviation,
		.regularization = options->regularization,
		.half_life = options->half_life,
		.last_time = set->summary.last_time,
	};
}

/* Memory for the threads, and for pieces when a row is long. */
static RecsysStatus
init_step(Env *env, int factors, AlsStep *step)
{
	int			m = factors + 1;
	int			n_workers = env->n_threads > 1 ? env->n_threads : 1;
	bool		has_long_rows;

	step->work_bytes = ridge_work(factors, NULL).bytes;
	step->piece = PIECE_WORK / (m * m / 2 + 1);
	step->piece = step->piece > PIECE_MIN ? step->piece : PIECE_MIN;
	step->work = env_alloc(env, (size_t) n_workers, step->work_bytes);
	if (step->work == NULL)
		return env->status;
	TRY(find_long_rows(env, step->ratings, step->piece, &has_long_rows));
	if (!has_long_rows)
		return RECSYS_OK;
	step->piece_work = env_alloc(env, PIECES, step->work_bytes);
	return step->piece_work == NULL ? env->status : RECSYS_OK;
}

/* Gives the memory of init_step back. */
static void
free_step(Env *env, AlsStep *step)
{
	env_free(env, step->work);
	env_free(env, step->piece_work);
}

/* Errors and weights of the ratings of some users. */
typedef struct LossPass
{
	const AlsStep *users;
	double	   *partial;		/* three per chunk: squared errors, penalty, weight */
} LossPass;

/* ParallelFunction: one chunk of users. */
static RecsysStatus
add_losses(void *arg, int64_t begin, int64_t end, int worker)
{
	const LossPass *pass = arg;
	const AlsStep *users = pass->users;
	int			factors = users->side.factors;
	double	   *sums = pass->partial + begin / LOSS_CHUNK_ROWS * 3;

	(void) worker;
	for (int32_t u = (int32_t) begin; u < end; u++)
	{
		RidgeRatings ratings = row_ratings(users->ratings, u);
		const float *row = users->rows + u * users->side.stride;
		double		norm = vector_norm(row, factors);
		double		squares = norm * norm + (double) users->bias[u] * users->bias[u];

		for (int64_t i = 0; i < ratings.n; i++)
		{
			const float *other = users->side.rows + ratings.indexes[i] * users->side.stride;
			double		weight = ridge_weight(&users->side, &ratings, i);
			double		error = ridge_target(&users->side, &ratings, i) - users->bias[u] -
				vector_dot(row, other, factors);
			double		other_norm = vector_norm(other, factors);
			double		other_bias = users->side.bias[ratings.indexes[i]];

			sums[0] += weight * error * error;
			sums[1] += weight * (squares + other_norm * other_norm + other_bias * other_bias);
			sums[2] += weight;
		}
	}
	return RECSYS_OK;
}

/* The objective, in means over the weights of the ratings; its penalty counts once a rating. */
static RecsysStatus
measure_loss(Env *env, const SvdOptions *options, const AlsStep *users, int iteration,
			 double *loss)
{
	int64_t		n_chunks = ((int64_t) users->ratings->n_rows - 1) / LOSS_CHUNK_ROWS + 1;
	LossPass	pass = {users, env_alloc_zero(env, (size_t) n_chunks * 3, sizeof(double))};
	double		sums[3] = {0};

	if (pass.partial == NULL)
		return env->status;
	TRY(parallel_for(env, users->ratings->n_rows, LOSS_CHUNK_ROWS, add_losses, &pass, false));
	for (int64_t i = 0; i < n_chunks * 3; i++)
		sums[i % 3] += pass.partial[i];
	env_free(env, pass.partial);
	sums[2] = fmax(sums[2], DBL_MIN);
	sums[0] /= sums[2];
	sums[1] *= options->regularization / sums[2];
	*loss = sums[0] + sums[1];
	return svd_log(env, options, iteration, sums[0], sums[1]);
}

/* Sweeps, users first, until one gains less than the tolerance. */
static RecsysStatus
sweep(Env *env, const SvdOptions *options, AlsStep *users, AlsStep *courses)
{
	double		before = INFINITY;

	for (int i = 0; i < options->iterations; i++)
	{
		double		loss = 0;

		env_progress(env, PHASE_FITTING, i, options->iterations);
		TRY(solve_side(env, users));
		TRY(solve_side(env, courses));
		TRY(measure_loss(env, options, users, i + 1, &loss));
		if (before - loss < options->tolerance * loss)
			break;
		before = loss;
	}
	env_progress(env, PHASE_FITTING, options->iterations, options->iterations);
	return RECSYS_OK;
}

/* Sets the 1 of every row; of courses without ratings too. */
static void
set_ones(const SvdFactors *model, int32_t n, float *rows)
{
	for (int32_t i = 0; i < n; i++)
		rows[(int64_t) i * model->stride + model->factors] = 1;
}

/* From random courses. */
RecsysStatus
svd_fit_als(Env *env, const TrainingSet *set, const SvdOptions *options, SvdFactors *model)
{
	AlsStep		users = {.ratings = &set->by_user};
	AlsStep		courses = {.ratings = &set->by_course};

	TRY(svd_init(env, set, options, false, model));
	set_ones(model, set->by_course.n_rows, model->course_factors);
	users.side = other_side(set, options, model, model->course_factors, model->course_bias);
	users.rows = model->user_factors;
	users.bias = model->user_bias;
	courses.side = other_side(set, options, model, model->user_factors, model->user_bias);
	courses.rows = model->course_factors;
	courses.bias = model->course_bias;
	TRY(init_step(env, model->factors, &users));
	TRY(init_step(env, model->factors, &courses));
	TRY(sweep(env, options, &users, &courses));
	free_step(env, &users);
	free_step(env, &courses);
	return RECSYS_OK;
}
