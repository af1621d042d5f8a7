/*
 * metrics.c
 *		Formulas of metrics.h, over plain arrays.
 */
#include "core/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/countsort.h"
#include "core/metrics_kernels.h"

const MetricInfo metric_infos[N_METRICS] = {
	[METRIC_RMSE] = {"rmse", METRICS_RATING, false, -1},
	[METRIC_MAE] = {"mae", METRICS_RATING, false, -1},
	[METRIC_MSE] = {"mse", METRICS_RATING, false, -1},
	[METRIC_R2] = {"r2", METRICS_RATING, false, 1},
	[METRIC_RMSE_USER] = {"rmse_user", METRICS_RATING, false, -1},
	[METRIC_ACCURACY] = {"accuracy", METRICS_CLASSIFICATION, false, 1},
	[METRIC_BER] = {"ber", METRICS_CLASSIFICATION, false, -1},
	[METRIC_F1] = {"f1", METRICS_CLASSIFICATION, false, 1},
	[METRIC_CLASS_PRECISION] = {"class_precision", METRICS_CLASSIFICATION, false, 1},
	[METRIC_CLASS_RECALL] = {"class_recall", METRICS_CLASSIFICATION, false, 1},
	[METRIC_MCC] = {"mcc", METRICS_CLASSIFICATION, false, 1},
	[METRIC_CLASS_AUC] = {"class_auc", METRICS_CLASSIFICATION, false, 1},
	[METRIC_PRECISION] = {"precision", METRICS_RANKING, true, 1},
	[METRIC_PRECISION_CAPPED] = {"precision_capped", METRICS_RANKING, true, 1},
	[METRIC_RECALL] = {"recall", METRICS_RANKING, true, 1},
	[METRIC_NDCG] = {"ndcg", METRICS_RANKING, true, 1},
	[METRIC_MAP] = {"map", METRICS_RANKING, true, 1},
	[METRIC_MRR] = {"mrr", METRICS_RANKING, true, 1},
	[METRIC_HIT] = {"hit", METRICS_RANKING, true, 1},
	[METRIC_AUC] = {"auc", METRICS_RANKING, false, 1},
	[METRIC_NOVELTY] = {"novelty", METRICS_RANKING, true, 1},
	[METRIC_DIVERSITY] = {"diversity", METRICS_RANKING, true, 1},
	[METRIC_COVERAGE] = {"coverage", METRICS_RANKING, true, 1},
	[METRIC_GINI] = {"gini", METRICS_RANKING, true, -1},
	[METRIC_ENROLLMENT_SHARE] = {"enrollment_share", METRICS_RANKING, true, 1},
	[METRIC_COLD_USERS] = {"cold_users", METRICS_RANKING, false, 0},
	[METRIC_USERS_WITHOUT_RELEVANT] = {"users_without_relevant", METRICS_RANKING, false, 0},
};

/* By name. */
int
metric_find(const char *name, size_t length)
{
	for (int m = 0; m < N_METRICS; m++)
		if (strlen(metric_infos[m].name) == length && memcmp(metric_infos[m].name, name, length) == 0)
			return m;
	return -1;
}

/* a / b, or NAN when b is 0. */
static double
ratio(double a, double b)
{
	return b == 0 ? NAN : a / b;
}

/* ---------------------------------------------------------------- ratings */

/* Sum of (a - mean of a)^2. */
static double
spread(int64_t n, const float *actual)
{
	double		mean = 0;
	double		sum = 0;

	for (int64_t i = 0; i < n; i++)
		mean += (double) actual[i] / (double) n;
	for (int64_t i = 0; i < n; i++)
		sum += ((double) actual[i] - mean) * ((double) actual[i] - mean);
	return sum;
}

/* Are all n ratings the same? */
static bool
all_equal(int64_t n, const float *actual)
{
	for (int64_t i = 1; i < n; i++)
		if (actual[i] != actual[0])
			return false;
	return true;
}

/* Errors of all rows, summed up by user, then over users. */
void
metrics_rating(int32_t n_users, const int64_t *offsets, const float *actual,
			   const float *predicted, double *values)
{
	double		n = (double) offsets[n_users];
	double		squares = 0;
	double		sizes = 0;
	double		user_errors = 0;
	int64_t		users = 0;

	for (int32_t u = 0; u < n_users; u++)
	{
		double		user_squares = 0;

		for (int64_t i = offsets[u]; i < offsets[u + 1]; i++)
		{
			double		error = (double) predicted[i] - (double) actual[i];

			user_squares += error * error;
			sizes += fabs(error);
		}
		if (offsets[u + 1] == offsets[u])
			continue;
		squares += user_squares;
		user_errors += sqrt(user_squares / (double) (offsets[u + 1] - offsets[u]));
		users++;
	}
	values[METRIC_MSE] = ratio(squares, n);
	values[METRIC_RMSE] = sqrt(values[METRIC_MSE]);
	values[METRIC_MAE] = ratio(sizes, n);
	values[METRIC_R2] = all_equal(offsets[n_users], actual) ? NAN :
		1 - squares / spread(offsets[n_users], actual);
	values[METRIC_RMSE_USER] = ratio(user_errors, (double) users);
}

/* ---------------------------------------------------------------- classes */

/* Rows by truth and call. */
typedef struct Confusion
{
	double		tp;
	double		fp;
	double		fn;
	double		tn;
} Confusion;

/* Counts. */
static Confusion
confuse(int64_t n, const float *actual, const float *predicted, double relevance, double cut)
{
	Confusion	c = {0};

	for (int64_t i = 0; i < n; i++)
	{
		bool		positive = rating_is_relevant(actual[i], relevance);
		bool		called = predicted[i] >= (float) cut;

		if (positive)
			*(called ? &c.tp : &c.fn) += 1;
		else
			*(called ? &c.fp : &c.tn) += 1;
	}
	return c;
}

/* Correlation of truth and call; see metrics.h for the limits. */
static double
matthews(Confusion c)
{
	double		positive = c.tp + c.fn;
	double		negative = c.fp + c.tn;
	double		called = c.tp + c.fp;
	double		not_called = c.fn + c.tn;

	if (positive == 0 || negative == 0)
		return NAN;
	if (called == 0 || not_called == 0)
		return 0;
	return (c.tp * c.tn - c.fp * c.fn) / sqrt(positive) / sqrt(negative) / sqrt(called) /
		sqrt(not_called);
}

/* A prediction as an integer of the same order, with the truth in its last bit. */
static uint64_t
sortable(float predicted, bool positive)
{
	uint32_t	bits;
	float		number = predicted + 0.0f;	/* -0 becomes 0 */

	memcpy(&bits, &number, sizeof(bits));
	bits = bits >> 31 ? ~bits : bits | UINT32_C(1) << 31;
	return (uint64_t) bits << 1 | positive;
}

#define DIGIT_BITS 16

/* One pass of the sort of predictions. */
typedef struct DigitSort
{
	const uint64_t *from;
	uint64_t   *to;
	int			shift;			/* of the digit */
} DigitSort;

/* Digit of a number. */
static inline uint32_t
digit(const DigitSort *sort, int64_t i)
{
	return (uint32_t) (sort->from[i] >> sort->shift) & ((UINT32_C(1) << DIGIT_BITS) - 1);
}

/* Counts digits. */
static void
count_digits(void *arg, int64_t begin, int64_t end, int64_t *counts)
{
	for (int64_t i = begin; i < end; i++)
		counts[digit(arg, i)]++;
}

/* Moves numbers to where their digits go. */
static void
place_digits(void *arg, int64_t begin, int64_t end, int64_t *next)
{
	const DigitSort *sort = arg;

	for (int64_t i = begin; i < end; i++)
		sort->to[next[digit(sort, i)]++] = sort->from[i];
}

/* Sorts n predictions by their 32 bits: low half, then high half; spare has the same size. */
static RecsysStatus
sort_predictions(Env *env, int64_t n, uint64_t *numbers, uint64_t *spare)
{
	DigitSort	pass = {.from = numbers, .to = spare, .shift = 1};
	CountSort	sort = {.n = n, .n_cols = 1 << DIGIT_BITS, .count = count_digits,
					.place = place_digits, .arg = &pass};
	int64_t    *offsets = env_alloc(env, (size_t) sort.n_cols + 1, sizeof(int64_t));

	if (offsets == NULL)
		return env->status;
	TRY(countsort(env, &sort, offsets));
	pass = (DigitSort) {.from = spare, .to = numbers, .shift = 1 + DIGIT_BITS};
	TRY(countsort(env, &sort, offsets));
	env_free(env, offsets);
	return RECSYS_OK;
}

/* Share of pairs in the right order, from sorted predictions: a positive row beats those before it. */
static double
sorted_auc(int64_t n, const uint64_t *sorted)
{
	double		won = 0;		/* pairs, ties half */
	double		positives = 0;
	double		negatives = 0;

	for (int64_t i = 0, end; i < n; i = end)
	{
		double		ties[2] = {0, 0};	/* negative and positive rows of one prediction */

		for (end = i; end < n && sorted[end] >> 1 == sorted[i] >> 1; end++)
			ties[sorted[end] & 1] += 1;
		won += ties[1] * (negatives + ties[0] / 2);
		negatives += ties[0];
		positives += ties[1];
	}
	return ratio(won, positives * negatives);
}

/* Area under the ROC curve of the predictions. */
static RecsysStatus
class_auc(Env *env, int64_t n, const float *actual, const float *predicted, double relevance,
		  double *auc)
{
	uint64_t   *numbers = env_alloc(env, (size_t) n, sizeof(uint64_t));
	uint64_t   *spare = env_alloc(env, (size_t) n, sizeof(uint64_t));

	if (numbers == NULL || spare == NULL)
		return env->status;
	for (int64_t i = 0; i < n; i++)
		numbers[i] = sortable(predicted[i], rating_is_relevant(actual[i], relevance));
	TRY(sort_predictions(env, n, numbers, spare));
	*auc = sorted_auc(n, numbers);
	env_free(env, numbers);
	env_free(env, spare);
	return RECSYS_OK;
}

/* All from the confusion matrix, and the AUC. */
RecsysStatus
metrics_classification(Env *env, int64_t n, const float *actual, const float *predicted,
					   double relevance, double cut, double *values)
{
	Confusion	c = confuse(n, actual, predicted, relevance, cut);

	values[METRIC_ACCURACY] = ratio(c.tp + c.tn, (double) n);
	values[METRIC_BER] = (ratio(c.fn, c.tp + c.fn) + ratio(c.fp, c.fp + c.tn)) / 2;
	values[METRIC_F1] = ratio(2 * c.tp, 2 * c.tp + c.fp + c.fn);
	values[METRIC_CLASS_PRECISION] = ratio(c.tp, c.tp + c.fp);
	values[METRIC_CLASS_RECALL] = ratio(c.tp, c.tp + c.fn);
	values[METRIC_MCC] = matthews(c);
	return class_auc(env, n, actual, predicted, relevance, &values[METRIC_CLASS_AUC]);
}

/* ---------------------------------------------------------------- lists */

/* The entry of a course, or NULL. */
static const Relevant *
find_relevant(int32_t n, const Relevant *relevant, int32_t course)
{
	int32_t		low = 0;
	int32_t		high = n - 1;

	while (low <= high)
	{
		int32_t		middle = low + (high - low) / 2;

		if (relevant[middle].course == course)
			return &relevant[middle];
		if (relevant[middle].course < course)
			low = middle + 1;
		else
			high = middle - 1;
	}
	return NULL;
}

/* Gain of the best list: NAN when nothing can be gained. */
static double
best_gain(int k, int32_t n_relevant, const float *gains_sorted)
{
	double		best = 0;

	for (int i = 0; i < k && i < n_relevant; i++)
		best += (double) gains_sorted[i] / log2(i + 2);
	return best > 0 ? best : NAN;
}

/* One pass over the list. */
void
metrics_list(int k, int n_list, const int32_t *list, int32_t n_relevant,
			 const Relevant *relevant, const float *gains_sorted, double *values)
{
	double		capped = k < n_relevant ? k : n_relevant;
	double		hits = 0;
	double		gain = 0;
	double		precisions = 0;
	double		first = 0;

	for (int i = 0; i < n_list; i++)
	{
		const Relevant *hit = find_relevant(n_relevant, relevant, list[i]);

		if (hit == NULL)
			continue;
		hits++;
		gain += (double) hit->gain / log2(i + 2);
		precisions += hits / (i + 1);
		if (first == 0)
			first = 1.0 / (i + 1);
	}
	values[METRIC_PRECISION] = hits / k;
	values[METRIC_PRECISION_CAPPED] = hits / capped;
	values[METRIC_RECALL] = hits / n_relevant;
	values[METRIC_NDCG] = gain / best_gain(k, n_relevant, gains_sorted);
	values[METRIC_MAP] = precisions / capped;
	values[METRIC_MRR] = first;
	values[METRIC_HIT] = hits > 0;
}

/* Pairs that each relevant score wins or ties. */
double
metrics_auc(int64_t n_relevant, const float *relevant, int64_t n_others, const float *others)
{
	double		won = 0;

	for (int64_t i = 0; i < n_relevant; i++)
	{
		int64_t		less;
		int64_t		equal;

		count_scores(n_others, others, relevant[i], &less, &equal);
		won += (double) less + (double) equal / 2;
	}
	return ratio(won, (double) n_relevant * (double) n_others);
}

/* qsort: ascending counts. */
static int
compare_counts(const void *a, const void *b)
{
	int64_t		x = *(const int64_t *) a;
	int64_t		y = *(const int64_t *) b;

	return (x > y) - (x < y);
}

/* From the sorted counts. */
double
metrics_gini(int64_t n, int64_t *counts)
{
	double		weighted = 0;
	double		sum = 0;

	qsort(counts, (size_t) n, sizeof(int64_t), compare_counts);
	for (int64_t i = 0; i < n; i++)
	{
		weighted += (double) (2 * (i + 1) - n - 1) * (double) counts[i];
		sum += (double) counts[i];
	}
	return ratio(weighted, (double) n * sum);
}

/* Two passes. */
void
metrics_mean(int n, const double *values, double *mean, double *std)
{
	double		sum = 0;
	double		squares = 0;
	int			count = 0;

	for (int i = 0; i < n; i++)
		if (!isnan(values[i]))
		{
			sum += values[i];
			count++;
		}
	*mean = ratio(sum, count);
	for (int i = 0; i < n; i++)
		if (!isnan(values[i]))
			squares += (values[i] - *mean) * (values[i] - *mean);
	*std = count < 2 ? NAN : sqrt(squares / (count - 1));
}
