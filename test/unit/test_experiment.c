/*
 * test_experiment.c: drawing variants against its definition and chance, comparing proportions against published
 * figures and formulas.
 */
#include <stdio.h>

#include "core/experiment.h"
#include "unit.h"

#define N_USERS 100000

/* The text of a user's number. */
static const char *
user_text(int user)
{
	static char text[16];

	snprintf(text, sizeof(text), "%d", user);
	return text;
}

/*
 * printf 'home page/42' | md5sum begins with 3441f33f84de0, the 13 digits that count; an empty experiment and
 * user are the digest of "/".
 */
static void
test_draw(void)
{
	CHECK_NEAR(experiment_draw("home page", "42"), 0x3441f33f84de0 / 4503599627370496.0, 0);
	CHECK_NEAR(experiment_draw("", ""), 0x6666cd76f9695 / 4503599627370496.0, 0);
	CHECK(experiment_draw("a", "b") != experiment_draw("b", "a"));
}

/* Where the boundaries are, with equal weights and others. */
static void
test_choose(void)
{
	static const double weights[] = {0, 1, 0, 2, 0, 1, 0};
	double		last = nextafter(1, 0);

	CHECK_EQ_INT(experiment_choose(0, 2, NULL), 0);
	CHECK_EQ_INT(experiment_choose(nextafter(0.5, 0), 2, NULL), 0);
	CHECK_EQ_INT(experiment_choose(0.5, 2, NULL), 1);
	CHECK_EQ_INT(experiment_choose(last, 2, NULL), 1);
	CHECK_EQ_INT(experiment_choose(last, 1, NULL), 0);
	CHECK_EQ_INT(experiment_choose(0, 7, weights), 1);
	CHECK_EQ_INT(experiment_choose(0.2499, 7, weights), 1);
	CHECK_EQ_INT(experiment_choose(0.25, 7, weights), 3);
	CHECK_EQ_INT(experiment_choose(0.75, 7, weights), 5);
	CHECK_EQ_INT(experiment_choose(last, 7, weights), 5);
}

/* Sum of (observed - expected)^2 / expected. */
static double
chi_square(int n, const double *observed, const double *expected)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		sum += (observed[i] - expected[i]) * (observed[i] - expected[i]) / expected[i];
	return sum;
}

/*
 * Shares are those of the weights: with 5 variants chi-square has 4 degrees of freedom, so that it exceeds x by
 * chance with probability exp(-x/2) (1 + x/2), which is below 1e-6 from 33.4 on.
 */
static void
test_shares(void)
{
	static const double weights[] = {1, 2, 3, 0.5, 3.5};
	double		observed[5] = {0};
	double		expected[5];

	for (int u = 0; u < N_USERS; u++)
		observed[experiment_choose(experiment_draw("shares", user_text(u)), 5, weights)]++;
	for (int i = 0; i < 5; i++)
		expected[i] = N_USERS * weights[i] / 10;
	CHECK(exp(-33.4 / 2) * (1 + 33.4 / 2) < 1e-6);
	CHECK(chi_square(5, observed, expected) < 33.4);
}

/*
 * What a user sees in one experiment says nothing of another one, however alike their names are: in a table of 2
 * x 2 with all sums fixed at a half, chi-square has 3 degrees of freedom; it exceeds x with probability
 * erfc(sqrt(x/2)) + sqrt(2x/pi) exp(-x/2), below 1e-6 from 30.7 on.
 */
static void
test_independence(void)
{
	double		observed[4] = {0};
	double		expected[4] = {N_USERS / 4.0, N_USERS / 4.0, N_USERS / 4.0, N_USERS / 4.0};

	for (int u = 0; u < N_USERS; u++)
		observed[2 * experiment_choose(experiment_draw("test 1", user_text(u)), 2, NULL) +
				 experiment_choose(experiment_draw("test 2", user_text(u)), 2, NULL)]++;
	CHECK(erfc(sqrt(30.7 / 2)) + sqrt(2 * 30.7 / acos(-1)) * exp(-30.7 / 2) < 1e-6);
	CHECK(chi_square(4, observed, expected) < 30.7);
}

/* Newcombe (1998), table II, method 10, 95 %: differences of control and variant in four decimals. */
static void
test_newcombe(void)
{
	static const struct
	{
		Trial		variant;
		Trial		control;
		double		low;
		double		high;
	}			cases[] = {
		{{70, 56}, {80, 48}, 0.0524, 0.3339},
		{{10, 9}, {10, 3}, 0.1705, 0.8090},
		{{7, 6}, {7, 2}, 0.0582, 0.8062},
		{{56, 5}, {29, 0}, -0.0381, 0.1926},
		{{10, 0}, {20, 0}, -0.1611, 0.2775},
		{{10, 0}, {10, 0}, -0.2775, 0.2775},
		{{10, 10}, {20, 0}, 0.6791, 1.0000},
		{{10, 10}, {10, 0}, 0.6075, 1.0000},
	};

	for (int i = 0; i < (int) (sizeof(cases) / sizeof(cases[0])); i++)
	{
		TrialComparison got = experiment_compare(cases[i].control, cases[i].variant, 0.95);

		CHECK_NEAR(got.ci_low, cases[i].low, 0.00005);
		CHECK_NEAR(got.ci_high, cases[i].high, 0.00005);
	}
}

/*
 * Agresti, "An introduction to categorical data analysis", heart attacks under placebo (189 of 11,034) and
 * aspirin (104 of 11,037): chi-square, the square of z, is 25.01. By hand: p = 293 / 22071, z^2 = 25.0139,
 * p value 5.69e-7, lift .009422857 / .017128874 - 1 = -.449885.
 */
static void
test_z(void)
{
	Trial		placebo = {11034, 189};
	Trial		aspirin = {11037, 104};
	TrialComparison got = experiment_compare(placebo, aspirin, 0.95);
	TrialComparison back = experiment_compare(aspirin, placebo, 0.95);

	CHECK_NEAR(got.p_value, 5.692e-7, 0.001e-7);
	CHECK_NEAR(got.lift, -0.449885, 1e-6);
	CHECK_NEAR(back.p_value, got.p_value, 1e-15);
	CHECK_NEAR(back.ci_low, -got.ci_high, 1e-12);
	CHECK_NEAR(back.ci_high, -got.ci_low, 1e-12);
	CHECK_NEAR(experiment_compare(placebo, placebo, 0.95).p_value, 1, 0);
}

/* Nobody, everybody; any confidence; very many users. */
static void
test_degenerate(void)
{
	TrialComparison got = experiment_compare((Trial) {5, 0}, (Trial) {9, 0}, 0.95);
	double		width = 0;

	CHECK(isnan(got.lift));
	CHECK_EQ_INT(got.p_value, 1);
	got = experiment_compare((Trial) {5, 5}, (Trial) {9, 9}, 0.95);
	CHECK_EQ_INT(got.lift, 0);
	CHECK_EQ_INT(got.p_value, 1);
	got = experiment_compare((Trial) {1, 0}, (Trial) {1, 1}, 0.95);
	CHECK(got.ci_low >= -1 && got.ci_high <= 1);
	for (int i = 0; i < 6; i++)
	{
		static const double confidences[] = {1e-9, 0.5, 0.9, 0.99, 0.999999, 1 - 1e-15};
		double		wider;

		got = experiment_compare((Trial) {40, 12}, (Trial) {50, 20}, confidences[i]);
		wider = got.ci_high - got.ci_low;
		CHECK(wider > width && got.ci_low >= -1 && got.ci_high <= 1);
		width = wider;
	}
	got = experiment_compare((Trial) {INT64_MAX, 1}, (Trial) {INT64_MAX, INT64_MAX}, 0.95);
	CHECK_EQ_INT(got.p_value, 0);
	CHECK_NEAR(got.ci_low, 1, 1e-9);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN_ALONE(test_draw);
	RUN_ALONE(test_choose);
	RUN_ALONE(test_shares);
	RUN_ALONE(test_independence);
	RUN_ALONE(test_newcombe);
	RUN_ALONE(test_z);
	RUN_ALONE(test_degenerate);
	return unit_done();
}
