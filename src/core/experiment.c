/*
 * experiment.c
 *		Controlled experiments: drawing variants, comparing proportions.
 *
 * With p1, p2 the proportions of control and variant, n1, n2 their users, p the
 * proportion of both together, and z the quantile of the normal distribution:
 *
 *		z test		(p2 - p1) / sqrt(p (1 - p) (1 / n1 + 1 / n2))
 *		Wilson		(p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n) = l, u
 *		Newcombe	p2 - p1 - sqrt((p2 - l2)^2 + (u1 - p1)^2) to
 *					p2 - p1 + sqrt((u2 - p2)^2 + (p1 - l1)^2)
 */
#include <math.h>
#include <string.h>

#include "core/experiment.h"
#include "core/md5.h"

#define MAX_Z 40.0				/* erfc is 0 before that */
#define BISECTIONS 100			/* more than a double has bits */

/* The first 52 bits of the digest, which a double holds exactly. */
double
experiment_draw(const char *experiment, const char *user)
{
	Md5			md5;
	uint8_t		digest[MD5_BYTES];
	uint64_t	bits = 0;

	md5_begin(&md5);
	md5_add(&md5, experiment, strlen(experiment));
	md5_add(&md5, "/", 1);
	md5_add(&md5, user, strlen(user));
	md5_end(&md5, digest);
	for (int i = 0; i < 7; i++)
		bits = bits << 8 | digest[i];
	return ldexp((double) (bits >> 4), -52);
}

/* Weight of a variant. */
static double
weight_of(const double *weights, int i)
{
	return weights == NULL ? 1 : weights[i];
}

/* The last sum is the total, added up in the same order; past it is the last one with a weight. */
int
experiment_choose(double u, int n_variants, const double *weights)
{
	double		total = 0;
	double		sum = 0;
	int			last = 0;

	for (int i = 0; i < n_variants; i++)
		total += weight_of(weights, i);
	for (int i = 0; i < n_variants; i++)
	{
		sum += weight_of(weights, i);
		if (u * total < sum)
			return i;
		if (weight_of(weights, i) > 0)
			last = i;
	}
	return last;
}

/* Share of the users who converted. */
static double
proportion(Trial trial)
{
	return (double) trial.conversions / (double) trial.n;
}

/* Probability that a normal variable is farther from 0 than z. */
static double
both_tails(double z)
{
	return erfc(z / sqrt(2));
}

/* The z that a normal variable stays within with this probability: by bisection. */
static double
normal_bound(double confidence)
{
	double		low = 0;
	double		high = MAX_Z;

	for (int i = 0; i < BISECTIONS; i++)
	{
		double		middle = (low + high) / 2;

		if (both_tails(middle) > 1 - confidence)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

/* Two-sided p value of the z test. */
static double
z_test(Trial a, Trial b)
{
	double		n_a = (double) a.n;
	double		n_b = (double) b.n;
	double		pooled = ((double) a.conversions + (double) b.conversions) / (n_a + n_b);
	double		variance = pooled * (1 - pooled) * (1 / n_a + 1 / n_b);

	if (!(variance > 0))
		return 1;
	return both_tails(fabs(proportion(a) - proportion(b)) / sqrt(variance));
}

/* Score interval of one proportion; the ends of 0 and 1 are exact. */
static void
wilson(Trial trial, double z, double *low, double *high)
{
	double		n = (double) trial.n;
	double		p = proportion(trial);
	double		centre = p + z * z / (2 * n);
	double		half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n));

	*low = trial.conversions == 0 ? 0 : (centre - half) / (1 + z * z / n);
	*high = trial.conversions == trial.n ? 1 : (centre + half) / (1 + z * z / n);
}

/* See the head of the file. */
TrialComparison
experiment_compare(Trial control, Trial variant, double confidence)
{
	double		z = normal_bound(confidence);
	double		p1 = proportion(control);
	double		p2 = proportion(variant);
	double		l1, u1, l2, u2;
	TrialComparison result;

	wilson(control, z, &l1, &u1);
	wilson(variant, z, &l2, &u2);
	result.lift = control.conversions == 0 ? NAN : p2 / p1 - 1;
	result.p_value = z_test(control, variant);
	result.ci_low = p2 - p1 - hypot(p2 - l2, u1 - p1);
	result.ci_high = p2 - p1 + hypot(u2 - p2, p1 - l1);
	return result;
}
