/*
 * estimators_liblinear.c
 *		Logistic regression and the linear support vector classifier, by liblinear; in a process of its own.
 *
 * With y = 1 for class 1 and -1 for class 0, n rows, z the standardised features and f = w z + b, it minimises
 *
 *		logistic:		(1/n) sum log(1 + exp(-y f))		+ lambda / 2 (|w|^2 + (b / B)^2)
 *		linear_svc:		(1/n) sum max(0, 1 - y f)^2			+ lambda / 2 (|w|^2 + (b / B)^2)
 *
 * by trust region Newton steps on the primal problem (Fan, Chang, Hsieh, Wang and Lin, "LIBLINEAR: a library for
 * large linear classification", JMLR 2008).  liblinear's C is 1 / (lambda n).  It knows no free intercept, so B
 * is large: the penalty of the intercept is 10,000 times less than that of a weight.
 *
 * It knows no weights of rows either: rows with weights are drawn in proportion to them, n of n, systematically
 * (the same rows at every fit): row i is taken as often as whole numbers lie in its stretch of the running sum of
 * weights, scaled to n.
 *
 * Memory: 16 bytes a feature of each row.  Time: some ten passes for every Newton step, of which there are mostly
 * fewer than thirty.
 */
#include <limits.h>
#include <stdlib.h>

#include "core/estimators_parts.h"

#define LIBRARY "liblinear.so.4"
#define PACKAGE "liblinear4"

const ChildLibrary liblinear_libraries[] = {{LIBRARY, PACKAGE}, {NULL, NULL}};

#define BIAS 100.0				/* B */
#define TOLERANCE 1e-7			/* of the gradient, relative to that at zero */
#define LEAST_LAMBDA 1e-9		/* C is finite */

#define LIBRARY_BYTES (4 << 20) /* what a process touches of the library, OpenBLAS and its own */

/* Solvers. */
enum
{
	L2R_LR = 0,
	L2R_L2LOSS_SVC = 2
};

/* Versions of which the layout below is known. */
#define OLDEST_VERSION 210
#define NU_VERSION 240			/* and later: struct parameter has further fields */
#define UNKNOWN_VERSION 300

typedef struct FeatureNode
{
	int			index;			/* from 1; -1 ends a row */
	double		value;
} FeatureNode;

typedef struct Problem
{
	int			l;
	int			n;				/* features, with that of the intercept */
	double	   *y;
	FeatureNode **x;
	double		bias;
} Problem;

/* What both layouts begin with. */
#define PARAMETER_HEAD \
	int			solver_type; \
	double		eps; \
	double		C; \
	int			nr_weight; \
	int		   *weight_label; \
	double	   *weight; \
	double		p

typedef struct OldParameter
{
	PARAMETER_HEAD;
	double	   *init_sol;
} OldParameter;

typedef struct NuParameter
{
	PARAMETER_HEAD;
	double		nu;
	double	   *init_sol;
	int			regularize_bias;
} NuParameter;

/* Functions of the library. */
typedef struct Liblinear
{
	const int  *version;
	void	   *(*train) (const Problem *, const void *parameter);
	const char *(*check_parameter) (const Problem *, const void *parameter);
	double		(*get_decfun_coef) (const void *model, int feature, int label);
	double		(*get_decfun_bias) (const void *model, int label);
} Liblinear;

static const ChildSymbol symbols[] =
{
	{"liblinear_version", offsetof(Liblinear, version)},
	{"train", offsetof(Liblinear, train)},
	{"check_parameter", offsetof(Liblinear, check_parameter)},
	{"get_decfun_coef", offsetof(Liblinear, get_decfun_coef)},
	{"get_decfun_bias", offsetof(Liblinear, get_decfun_bias)},
};

/* Takes n rows in proportion to their weights. */
void
draw_by_weight(const EstimatorRows *rows, double weight_sum, int64_t *drawn)
{
	double		sum = 0.0;
	int64_t		n = 0;

	for (int64_t i = 0; i < rows->n && n < rows->n; i++)
	{
		sum += row_weight(rows, i);
		while (n < rows->n && ((double) n + 0.5) / (double) rows->n * weight_sum < sum)
			drawn[n++] = i;
	}
	for (; n < rows->n; n++)
		drawn[n] = rows->n - 1;
}

/* Loads the library; refuses one of an unknown layout. */
static void
load(Child *child, Liblinear *library)
{
	child_load(child, liblinear_libraries, symbols, (int) (sizeof(symbols) / sizeof(symbols[0])), library);
	if (*library->version < OLDEST_VERSION || *library->version >= UNKNOWN_VERSION)
		child_fail(child, RECSYS_UNSUPPORTED, NULL, "Install the package " PACKAGE " of Debian or Ubuntu.",
				   "version %d of the library \"" LIBRARY "\" is not known", *library->version);
}

/* Writes a row: what varies, the intercept, the end. */
static FeatureNode *
write_row(const EstimatorFit *fit, int64_t row, FeatureNode *node)
{
	int			p = fit->rows->n_features;

	for (int j = 0; j < p; j++)
	{
		double		value = standard_feature(fit, row, j);

		if (value != 0.0)
			*node++ = (FeatureNode) {.index = j + 1, .value = value};
	}
	*node++ = (FeatureNode) {.index = p + 1, .value = BIAS};
	*node++ = (FeatureNode) {.index = -1};
	return node;
}

/* The rows in liblinear's form; rows that are drawn several times are written once. */
static void
write_problem(Child *child, const EstimatorFit *fit, Problem *problem)
{
	int64_t		n = fit->rows->n;
	size_t		width = (size_t) fit->rows->n_features + 2;
	int64_t    *drawn = child_alloc(child, (size_t) n, sizeof(int64_t));
	FeatureNode *nodes = child_alloc(child, (size_t) n * width, sizeof(FeatureNode));

	draw_by_weight(fit->rows, fit->weight_sum, drawn);
	problem->l = (int) n;
	problem->n = fit->rows->n_features + 1;
	problem->bias = BIAS;
	problem->y = child_alloc(child, (size_t) n, sizeof(double));
	problem->x = child_alloc(child, (size_t) n, sizeof(FeatureNode *));
	for (int64_t i = 0; i < n; i++)
	{
		bool		again = i > 0 && drawn[i] == drawn[i - 1];

		problem->y[i] = fit->rows->targets[drawn[i]] > 0.5f ? 1.0 : -1.0;
		problem->x[i] = again ? problem->x[i - 1] : nodes;
		if (!again)
			nodes = write_row(fit, drawn[i], nodes);
	}
	free(drawn);
}

/* Trains.  The library asks malloc for some arrays of rows without a look at the answer: they fit, or it ends here. */
static const void *
train(Child *child, const Liblinear *library, const EstimatorFit *fit, const Problem *problem)
{
	double		lambda = fit->spec->regularization;
	int			solver = fit->spec->kind == ESTIMATOR_LOGISTIC ? L2R_LR : L2R_L2LOSS_SVC;
	double		c = 1.0 / ((lambda > LEAST_LAMBDA ? lambda : LEAST_LAMBDA) * (double) problem->l);
	OldParameter old = {.solver_type = solver, .eps = TOLERANCE, .C = c, .p = 0.1};
	NuParameter nu = {.solver_type = solver, .eps = TOLERANCE, .C = c, .p = 0.1, .nu = 0.5, .regularize_bias = 1};
	const void *parameter = *library->version < NU_VERSION ? (const void *) &old : (const void *) &nu;
	const char *complaint = library->check_parameter(problem, parameter);

	if (complaint != NULL)
		child_fail(child, RECSYS_EXTERNAL, NULL, NULL, "library \"" LIBRARY "\" refuses to fit: %s",
				   complaint);
	free(child_alloc(child, (size_t) problem->l, 64));
	return library->train(problem, parameter);
}

/* Are the drawn rows of one class? */
static bool
one_class(const Problem *problem)
{
	for (int i = 1; i < problem->l; i++)
	{
		if (problem->y[i] != problem->y[0])
			return false;
	}
	return true;
}

/* Sends intercept and weights; of rows of one class, that class. */
static _Noreturn void
send_model(Child *child, const Liblinear *library, const EstimatorFit *fit, const Problem *problem)
{
	bool		constant = one_class(problem);
	const void *model = constant ? NULL : train(child, library, fit, problem);
	size_t		p = (size_t) fit->rows->n_features;
	double	   *standard = child_alloc(child, p, sizeof(double));
	size_t		length = sizeof(double) + p * sizeof(float);
	double	   *result = child_alloc(child, length, 1);
	double		intercept;

	for (size_t j = 0; j < p; j++)
		standard[j] = constant ? 0.0 : library->get_decfun_coef(model, (int) j + 1, 0);
	intercept = constant ? CERTAIN * problem->y[0] : library->get_decfun_bias(model, 0);
	result[0] = fit_unstandardise(fit, standard, intercept, (float *) (result + 1));
	child_succeed(child, result, length);
}

/* The job of the process. */
void
liblinear_run(Child *child, void *arg)
{
	const EstimatorFit *fit = arg;
	Liblinear	library;
	Problem		problem;

	load(child, &library);
	write_problem(child, fit, &problem);
	send_model(child, &library, fit, &problem);
}

/* Loads the library and no more. */
void
liblinear_try(Child *child, void *arg)
{
	Liblinear	library;

	(void) arg;
	load(child, &library);
	child_succeed(child, NULL, 0);
}

/* Nodes of 16 bytes, and the arrays of rows, the solver's included. */
void
liblinear_estimate(double n_rows, double n_features, double *bytes, double *seconds)
{
	*bytes = n_rows * (16.0 * (n_features + 2.0) + 100.0) + LIBRARY_BYTES;
	*seconds = 3e-7 * n_rows * n_features;
}
