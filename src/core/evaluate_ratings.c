/*
 * evaluate_ratings.c
 *		Predictions of the held-out rows, by the method and by the baselines.
 *
 * Predictions are made user by user on several threads into one array for each
 * predictor; the metrics are then sums over these arrays in the order of the rows.
 */
#include "core/evaluate_parts.h"
#include "core/parallel.h"

/* Share of one value, or one class, from which errors say little. */
#define MOSTLY_ONE 0.9

/* The method, then the baselines that predict. */
#define N_PREDICTORS (1 + BASELINE_BIAS + 1)

/* Probability from which a row is called positive. */
#define CALLED_POSITIVE 0.5

/* What the threads share. */
typedef struct Predicting
{
	const Measuring *measuring;
	double		mean;			/* of the training ratings */
	float	   *course_means;
	float	   *columns[N_PREDICTORS];	/* predictions of each held-out row */
	float	   *probabilities;	/* of each held-out row to be positive; NULL: the method tells none */
	double		positive;		/* share of the training ratings that are */
	void	  **scratch;		/* of each worker */
	int64_t		first;			/* user of the block */
} Predicting;

/* Mean training rating of every course; the global mean without one. */
static RecsysStatus
find_course_means(Env *env, Predicting *predicting)
{
	const Csr  *by_course = &predicting->measuring->fold->train.by_course;

	predicting->course_means = env_alloc(env, (size_t) by_course->n_rows, sizeof(float));
	if (predicting->course_means == NULL)
		return env->status;
	for (int32_t c = 0; c < by_course->n_rows; c++)
	{
		int64_t		n = csr_row_length(by_course, c);
		double		sum = 0;

		for (int64_t i = by_course->offsets[c]; i < by_course->offsets[c + 1]; i++)
			sum += (double) by_course->values[i];
		predicting->course_means[c] = (float) (n == 0 ? predicting->mean : sum / (double) n);
	}
	return RECSYS_OK;
}

/* Share of the training ratings that are relevant. */
static double
positive_share(const Measuring *measuring)
{
	const Csr  *by_user = &measuring->fold->train.by_user;
	int64_t		n = 0;

	for (int64_t i = 0; i < by_user->n_entries; i++)
		n += rating_is_relevant(by_user->values[i], measuring->options->relevance);
	return (double) n / (double) by_user->n_entries;
}

/* What classification needs besides. */
static RecsysStatus
prepare_classes(Env *env, Predicting *predicting)
{
	const Measuring *measuring = predicting->measuring;

	if (!(measuring->groups & METRICS_CLASSIFICATION))
		return RECSYS_OK;
	predicting->positive = positive_share(measuring);
	if (measuring->rec->method->probability == NULL)
		return RECSYS_OK;
	predicting->probabilities = env_alloc(env, (size_t) measuring->fold->test.n_entries, sizeof(float));
	return predicting->probabilities == NULL ? env->status : RECSYS_OK;
}

/* Arrays of all rows and scratch of all workers. */
static RecsysStatus
prepare(Env *env, Predicting *predicting)
{
	const Measuring *measuring = predicting->measuring;
	size_t		n = (size_t) measuring->fold->test.n_entries;
	int			n_workers = parallel_workers(env, EVALUATE_BLOCK, 1);

	for (int p = 0; p < N_PREDICTORS; p++)
	{
		predicting->columns[p] = env_alloc(env, n, sizeof(float));
		if (predicting->columns[p] == NULL)
			return env->status;
	}
	predicting->scratch = env_alloc(env, (size_t) n_workers, sizeof(void *));
	if (predicting->scratch == NULL)
		return env->status;
	for (int w = 0; w < n_workers; w++)
	{
		predicting->scratch[w] = env_alloc_zero(env, recommender_scratch_size(measuring->rec), 1);
		if (predicting->scratch[w] == NULL)
			return env->status;
	}
	TRY(prepare_classes(env, predicting));
	return find_course_means(env, predicting);
}

/* Mean rating of a history; the global mean of an empty one. */
static double
user_mean(const History *history, double otherwise)
{
	double		sum = 0;

	for (int32_t i = 0; i < history->n; i++)
		sum += (double) history->ratings[i];
	return history->n == 0 ? otherwise : sum / history->n;
}

/* Probability that a held-out row is positive: of the method or, where that knows nothing, of any row. */
static double
probability(const Predicting *predicting, const History *history, int32_t course, void *scratch)
{
	const Recommender *rec = predicting->measuring->rec;
	double		p = NAN;

	if (course != IDMAP_NONE)
		p = rec->method->probability(rec, history, course, scratch);
	return isnan(p) ? predicting->positive : p;
}

/* Predicts the held-out rows of one user. */
static void
predict_user(const Predicting *predicting, int32_t user, void *scratch)
{
	const Recommender *rec = predicting->measuring->rec;
	const Fold *fold = predicting->measuring->fold;
	History		history = fold_history(fold, user);
	float		mean = (float) user_mean(&history, predicting->mean);
	float	   *const *column = predicting->columns;
	float	   *const *baseline = column + 1;

	for (int64_t i = fold->test.offsets[user]; i < fold->test.offsets[user + 1]; i++)
	{
		int32_t		course = fold->test.indexes[i];

		if (course >= fold->n_courses)
			course = IDMAP_NONE;
		column[0][i] = (float) recommender_predict(rec, &history, course, scratch);
		if (predicting->probabilities != NULL)
			predicting->probabilities[i] = (float) probability(predicting, &history, course, scratch);
		baseline[BASELINE_GLOBAL_MEAN][i] = (float) predicting->mean;
		baseline[BASELINE_USER_MEAN][i] = mean;
		baseline[BASELINE_COURSE_MEAN][i] = course == IDMAP_NONE ? (float) predicting->mean :
			predicting->course_means[course];
		baseline[BASELINE_BIAS][i] = (float) recommender_baseline(rec, &history, course);
	}
}

/* Predicts for some users of the block. */
static RecsysStatus
predict_users(void *arg, int64_t begin, int64_t end, int worker)
{
	const Predicting *predicting = arg;

	for (int64_t i = begin; i < end; i++)
		predict_user(predicting, (int32_t) (predicting->first + i), predicting->scratch[worker]);
	return RECSYS_OK;
}

/* Predicts for all users, block by block. */
static RecsysStatus
predict_all(Env *env, Predicting *predicting)
{
	int64_t		n_users = predicting->measuring->fold->test.n_rows;

	for (predicting->first = 0; predicting->first < n_users; predicting->first += EVALUATE_BLOCK)
	{
		int64_t		left = n_users - predicting->first;

		env_progress(env, PHASE_SCORING, predicting->first, n_users);
		TRY(parallel_for(env, left < EVALUATE_BLOCK ? left : EVALUATE_BLOCK, 1, predict_users,
						 predicting, false));
	}
	return RECSYS_OK;
}

/* Classification of the rows by an array of values, positive from the cut on. */
static RecsysStatus
measure_classes(Env *env, const Measuring *measuring, const float *predicted, double cut, double *values)
{
	const Csr  *test = &measuring->fold->test;

	if (env_interrupted(env))
		return env->status;
	return metrics_classification(env, test->n_entries, test->values, predicted,
								  measuring->options->relevance, cut, values);
}

/* Every row in the class that most training ratings are in; column is overwritten. */
static RecsysStatus
measure_majority(Env *env, const Predicting *predicting, float *column, double *values)
{
	int64_t		n = predicting->measuring->fold->test.n_entries;

	for (int64_t i = 0; i < n; i++)
		column[i] = predicting->positive >= CALLED_POSITIVE ? 1 : 0;
	return measure_classes(env, predicting->measuring, column, CALLED_POSITIVE, values);
}

/* All metrics of one array of predictions. */
static RecsysStatus
measure_column(Env *env, const Measuring *measuring, const float *predicted, double *values)
{
	const Csr  *test = &measuring->fold->test;

	if (env_interrupted(env))
		return env->status;
	if (measuring->groups & METRICS_RATING)
		metrics_rating(test->n_rows, test->offsets, test->values, predicted, values);
	if (measuring->groups & METRICS_CLASSIFICATION)
		TRY(measure_classes(env, measuring, predicted, measuring->options->relevance, values));
	return RECSYS_OK;
}

/* Share of the commonest of the ratings that are in the scale of the training part; 0 without a scale. */
static double
commonest_share(const Fold *fold)
{
	const Summary *summary = &fold->train.summary;
	int64_t		counts[SCALE_MAX] = {0};
	int64_t		most = 0;

	for (int64_t i = 0; i < fold->test.n_entries; i++)
		for (int s = 0; s < summary->n_scale; s++)
			counts[s] += fold->test.values[i] == summary->scale[s];
	for (int s = 0; s < summary->n_scale; s++)
		most = counts[s] > most ? counts[s] : most;
	return (double) most / (double) fold->test.n_entries;
}

/* Share of the larger class. */
static double
class_share(const Csr *test, double relevance)
{
	int64_t		positive = 0;
	double		share;

	for (int64_t i = 0; i < test->n_entries; i++)
		positive += rating_is_relevant(test->values[i], relevance);
	share = (double) positive / (double) test->n_entries;
	return share > 0.5 ? share : 1 - share;
}

/* Tells when the figures cannot say much. */
static void
warn(Env *env, const Measuring *measuring)
{
	const Fold *fold = measuring->fold;
	double		share = commonest_share(fold);

	if (fold->train.summary.min == fold->train.summary.max)
		env_message(env, MESSAGE_WARNING,
					"all ratings that are learned from are %g: there is nothing to predict",
					fold->train.summary.min);
	else if ((measuring->groups & METRICS_RATING) && share > MOSTLY_ONE)
		env_message(env, MESSAGE_WARNING, "%.1f %% of the held-out ratings are equal: "
					"compare the errors with the baseline", 100 * share);
	if (!(measuring->groups & METRICS_CLASSIFICATION))
		return;
	share = class_share(&fold->test, measuring->options->relevance);
	if (share > MOSTLY_ONE)
		env_message(env, MESSAGE_WARNING, "%.1f %% of the held-out ratings are of one class: "
					"accuracy and f1 say little, look at ber, mcc and class_auc", 100 * share);
}

/* Counts of the rows that the values are over. */
static void
count_rows(const Fold *fold, Measured *measured)
{
	int64_t		users = 0;

	for (int32_t u = 0; u < fold->test.n_rows; u++)
		users += csr_row_length(&fold->test, u) > 0;
	for (int m = METRIC_RMSE; m <= METRIC_CLASS_AUC; m++)
	{
		measured->users[m] = users;
		measured->ratings[m] = fold->test.n_entries;
	}
}

/* Predicts, then measures every predictor. */
RecsysStatus
measure_ratings(Env *env, const Measuring *measuring, Measured *measured)
{
	Predicting	predicting = {.measuring = measuring,
	.mean = measuring->fold->train.summary.mean};

	warn(env, measuring);
	TRY(prepare(env, &predicting));
	TRY(predict_all(env, &predicting));
	TRY(measure_column(env, measuring, predicting.columns[0], measured->values));
	for (int b = BASELINE_GLOBAL_MEAN; b <= BASELINE_BIAS; b++)
		TRY(measure_column(env, measuring, predicting.columns[1 + b], measured->baselines[b]));
	if (predicting.probabilities != NULL)
		TRY(measure_classes(env, measuring, predicting.probabilities, CALLED_POSITIVE, measured->values));
	if (measuring->groups & METRICS_CLASSIFICATION)
		TRY(measure_majority(env, &predicting, predicting.columns[0],
							 measured->baselines[BASELINE_MAJORITY]));
	count_rows(measuring->fold, measured);
	return RECSYS_OK;
}
