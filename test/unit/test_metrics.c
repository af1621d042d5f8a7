/*
 * test_metrics.c: every metric against numbers worked out by hand.
 */
#include <stdlib.h>
#include <string.h>

#include "core/metrics.h"
#include "test_env.h"
#include "unit.h"

#define CLOSE 1e-7

/*
 * Rows of three users, of whom the second has none: errors -.5, 1, 0 and -2.
 * mse = (.25 + 1 + 0 + 4) / 4 = 1.3125; mae = 3.5 / 4; mean rating 3.5, spread .25 + 2.25 + 2.25 + .25 = 5,
 * so r2 = 1 - 5.25 / 5; users: sqrt(1.25 / 3) = .64549722 and 2, mean 1.32274861.
 */
static void
test_rating(void)
{
	static const int64_t offsets[] = {0, 3, 3, 4};
	static const float actual[] = {4, 2, 5, 3};
	static const float predicted[] = {3.5f, 3, 5, 1};
	double		values[N_METRICS];

	metrics_rating(3, offsets, actual, predicted, values);
	CHECK_NEAR(values[METRIC_MSE], 1.3125, CLOSE);
	CHECK_NEAR(values[METRIC_RMSE], 1.14564392, CLOSE);
	CHECK_NEAR(values[METRIC_MAE], 0.875, CLOSE);
	CHECK_NEAR(values[METRIC_R2], -0.05, CLOSE);
	CHECK_NEAR(values[METRIC_RMSE_USER], 1.32274861, CLOSE);
}

/* Constant ratings have errors but no r2; no rows have nothing. */
static void
test_rating_limits(void)
{
	static const int64_t offsets[] = {0, 2};
	static const int64_t none[] = {0, 0};
	static const float actual[] = {0.1f, 0.1f};
	static const float predicted[] = {0.1f, 0.3f};
	double		values[N_METRICS];

	metrics_rating(1, offsets, actual, predicted, values);
	CHECK_NEAR(values[METRIC_MAE], 0.1, CLOSE);
	CHECK(isnan(values[METRIC_R2]));
	metrics_rating(1, none, actual, predicted, values);
	CHECK(isnan(values[METRIC_RMSE]) && isnan(values[METRIC_RMSE_USER]) && isnan(values[METRIC_MAE]));
}

/* Values of a classification. */
static void
classify(int n, const float *actual, const float *predicted, double relevance, double *values)
{
	Env		   *env = test_env();

	CHECK_EQ_INT(metrics_classification(env, n, actual, predicted, relevance, relevance, values), RECSYS_OK);
	test_env_done(env);
}

/*
 * Cut at 4: TP (5 as 4.5), (4 as 4); FN (4 as 3.5), (5 as 3.5); FP (3 as 4.2); TN three.
 * accuracy 5 / 8; ber (2/4 + 1/4) / 2; f1 4 / 7; mcc (6 - 2) / sqrt(3 x 4 x 4 x 5) = .25819889.
 * AUC: 4.5 beats all 4 others, 4 beats 3, each 3.5 beats 2 and ties one: (4 + 3 + 2.5 + 2.5) / 16.
 */
static void
test_classes(void)
{
	static const float actual[] = {5, 4, 4, 3, 2, 5, 1, 3};
	static const float predicted[] = {4.5f, 3.5f, 4, 4.2f, 1, 3.5f, 3.5f, 2};
	double		values[N_METRICS];

	classify(8, actual, predicted, 4, values);
	CHECK_NEAR(values[METRIC_ACCURACY], 0.625, CLOSE);
	CHECK_NEAR(values[METRIC_BER], 0.375, CLOSE);
	CHECK_NEAR(values[METRIC_F1], 4.0 / 7, CLOSE);
	CHECK_NEAR(values[METRIC_CLASS_PRECISION], 2.0 / 3, CLOSE);
	CHECK_NEAR(values[METRIC_CLASS_RECALL], 0.5, CLOSE);
	CHECK_NEAR(values[METRIC_MCC], 0.25819889, CLOSE);
	CHECK_NEAR(values[METRIC_CLASS_AUC], 0.75, CLOSE);
}

/* A constant call knows nothing: AUC .5, mcc 0, ber .5. One class only: no ber, mcc, AUC. */
static void
test_class_limits(void)
{
	static const float actual[] = {3, 3, 3, 2};
	static const float constant[] = {2.9f, 2.9f, 2.9f, 2.9f};
	double		values[N_METRICS];

	classify(4, actual, constant, 2.5, values);
	CHECK_NEAR(values[METRIC_ACCURACY], 0.75, CLOSE);
	CHECK_NEAR(values[METRIC_CLASS_AUC], 0.5, CLOSE);
	CHECK_NEAR(values[METRIC_MCC], 0, CLOSE);
	CHECK_NEAR(values[METRIC_BER], 0.5, CLOSE);
	classify(4, actual, constant, 1, values);
	CHECK_NEAR(values[METRIC_ACCURACY], 1, CLOSE);
	CHECK(isnan(values[METRIC_BER]) && isnan(values[METRIC_MCC]) && isnan(values[METRIC_CLASS_AUC]));
	classify(4, actual, constant, 2.9, values);	/* 2.9 as a float is less than 2.9 */
	CHECK_NEAR(values[METRIC_CLASS_RECALL], 1, CLOSE);
	classify(4, actual, constant, 5, values);
	CHECK(isnan(values[METRIC_F1]) && isnan(values[METRIC_CLASS_PRECISION]));
}

/* The AUC of many rows with ties, negative predictions and zeros of both signs is that of counting pairs. */
static void
test_class_auc(void)
{
	enum {N = 700};
	float		actual[N];
	float		predicted[N];
	double		values[N_METRICS];
	double		won = 0;
	double		pairs = 0;

	for (int i = 0; i < N; i++)
	{
		actual[i] = (float) (i * 7 % 5);
		predicted[i] = (float) (i * 31 % 41 - 20) / 8 * (i % 3 == 0 ? 1e-3f : -1.0f) + 0.01f * actual[i];
		if (i % 9 == 0)
			predicted[i] = i % 2 == 0 ? 0.0f : -0.0f;
	}
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++)
			if (actual[i] >= 3 && actual[j] < 3)
			{
				pairs++;
				won += predicted[i] > predicted[j] ? 1 : predicted[i] == predicted[j] ? 0.5 : 0;
			}
	classify(N, actual, predicted, 3, values);
	CHECK_NEAR(values[METRIC_CLASS_AUC], won / pairs, 1e-12);
}

/*
 * Hits at places 2 and 5 of 5; 3 relevant courses. ndcg = (.63092975 + .38685281) / (1 + .63092975 + .5)
 * = .47762371; map = (1/2 + 2/5) / 3.
 */
static void
test_list(void)
{
	static const int32_t list[] = {7, 3, 9, 1, 5};
	static const Relevant relevant[] = {{3, 1}, {5, 1}, {8, 1}};
	static const float gains[] = {1, 1, 1};
	double		values[N_METRICS];

	metrics_list(5, 5, list, 3, relevant, gains, values);
	CHECK_NEAR(values[METRIC_PRECISION], 0.4, CLOSE);
	CHECK_NEAR(values[METRIC_PRECISION_CAPPED], 2.0 / 3, CLOSE);
	CHECK_NEAR(values[METRIC_RECALL], 2.0 / 3, CLOSE);
	CHECK_NEAR(values[METRIC_NDCG], 0.47762371, CLOSE);
	CHECK_NEAR(values[METRIC_MAP], 0.3, CLOSE);
	CHECK_NEAR(values[METRIC_MRR], 0.5, CLOSE);
	CHECK_NEAR(values[METRIC_HIT], 1, CLOSE);
}

/* Gains 2, 4 and 5: (2 x .63092975 + 4 x .38685281) / (5 + 4 x .63092975 + 2 x .5) = .32958275. */
static void
test_graded(void)
{
	static const int32_t list[] = {7, 3, 9, 1, 5};
	static const Relevant relevant[] = {{3, 2}, {5, 4}, {8, 5}};
	static const Relevant worthless[] = {{3, 0}};
	static const float gains[] = {5, 4, 2};
	double		values[N_METRICS];

	metrics_list(5, 5, list, 3, relevant, gains, values);
	CHECK_NEAR(values[METRIC_NDCG], 0.32958275, CLOSE);
	CHECK_NEAR(values[METRIC_RECALL], 2.0 / 3, CLOSE);
	metrics_list(5, 5, list, 1, worthless, &worthless[0].gain, values);
	CHECK(isnan(values[METRIC_NDCG]));
}

/* A list shorter than k, one longer than R, an empty one. */
static void
test_list_limits(void)
{
	static const int32_t list[] = {8, 2};
	static const Relevant relevant[] = {{3, 1}, {5, 1}, {8, 1}};
	static const float gains[] = {1, 1, 1};
	double		values[N_METRICS];

	metrics_list(5, 1, list, 3, relevant, gains, values);
	CHECK_NEAR(values[METRIC_PRECISION], 0.2, CLOSE);	/* of 5 places, though there is one course */
	CHECK_NEAR(values[METRIC_PRECISION_CAPPED], 1.0 / 3, CLOSE);
	CHECK_NEAR(values[METRIC_MAP], 1.0 / 3, CLOSE);
	metrics_list(1, 1, list, 3, relevant, gains, values);
	CHECK_NEAR(values[METRIC_PRECISION_CAPPED], 1, CLOSE);
	CHECK_NEAR(values[METRIC_MAP], 1, CLOSE);
	CHECK_NEAR(values[METRIC_NDCG], 1, CLOSE);
	CHECK_NEAR(values[METRIC_RECALL], 1.0 / 3, CLOSE);
	metrics_list(5, 0, list, 3, relevant, gains, values);
	for (int m = METRIC_PRECISION; m <= METRIC_HIT; m++)
		CHECK_NEAR(values[m], 0, 0);
}

/* .9 beats 4 others; each .4 beats .1 and no opinion and ties .4: (4 + 2.5 + 2.5) / 12. */
static void
test_auc(void)
{
	static const float relevant[] = {0.4f, 0.9f, 0.4f};
	static const float silent[] = {-INFINITY, -INFINITY};
	static const float others[] = {0.5f, 0.4f, 0.1f, -INFINITY};

	CHECK_NEAR(metrics_auc(3, relevant, 4, others), 0.75, CLOSE);
	CHECK_NEAR(metrics_auc(2, silent, 4, others), 1.0 / 8, CLOSE);	/* two ties of eight pairs */
	CHECK(isnan(metrics_auc(0, relevant, 4, others)));
	CHECK(isnan(metrics_auc(3, relevant, 0, others)));
}

/* All lists hold one of three courses: (-2 x 0 + 0 x 0 + 2 x 4) / (3 x 4); equal counts: 0. */
static void
test_gini(void)
{
	int64_t		one[] = {4, 0, 0};
	int64_t		equal[] = {3, 3, 3};
	int64_t		none[] = {0, 0};

	CHECK_NEAR(metrics_gini(3, one), 2.0 / 3, CLOSE);
	CHECK_NEAR(metrics_gini(3, equal), 0, CLOSE);
	CHECK(isnan(metrics_gini(2, none)));
}

/* Mean and standard deviation leave out what has no value. */
static void
test_mean(void)
{
	static const double values[] = {1, NAN, 3};
	double		mean;
	double		std;

	metrics_mean(3, values, &mean, &std);
	CHECK_NEAR(mean, 2, CLOSE);
	CHECK_NEAR(std, 1.41421356, CLOSE);
	metrics_mean(1, values, &mean, &std);
	CHECK_NEAR(mean, 1, CLOSE);
	CHECK(isnan(std));
	metrics_mean(1, values + 1, &mean, &std);
	CHECK(isnan(mean) && isnan(std));
}

/* Names are distinct, complete and found. */
static void
test_names(void)
{
	for (int m = 0; m < N_METRICS; m++)
	{
		CHECK(metric_infos[m].name != NULL);
		if (metric_infos[m].name != NULL)
			CHECK_EQ_INT(metric_find(metric_infos[m].name, strlen(metric_infos[m].name)), m);
	}
	CHECK_EQ_INT(metric_find("rms", 3), -1);
	CHECK_EQ_INT(metric_find("", 0), -1);
}

/* Every failing allocation and every cancel ends a classification. */
static void
test_failures(void)
{
	static const float actual[] = {5, 1, 4};
	static const float predicted[] = {4, 2, 3};
	double		values[N_METRICS];
	RecsysStatus status = RECSYS_NO_MEMORY;
	Env		   *env = test_env();
	int			n = 0;

	for (; n < 100 && status == RECSYS_NO_MEMORY; n++)
	{
		test_env_fail_after(env, n);
		status = metrics_classification(env, 3, actual, predicted, 3, 3, values);
	}
	CHECK_EQ_INT(status, RECSYS_OK);
	CHECK(n > 3);
	test_env_fail_after(env, -1);
	test_env_interrupt_after(env, 0);
	CHECK_EQ_INT(metrics_classification(env, 3, actual, predicted, 3, 3, values), RECSYS_INTERRUPTED);
	env_free_all(env);
	test_env_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_rating);
	RUN(test_rating_limits);
	RUN(test_classes);
	RUN(test_class_limits);
	RUN(test_class_auc);
	RUN(test_list);
	RUN(test_graded);
	RUN(test_list_limits);
	RUN(test_auc);
	RUN(test_gini);
	RUN(test_mean);
	RUN(test_names);
	RUN(test_failures);
	return unit_done();
}
