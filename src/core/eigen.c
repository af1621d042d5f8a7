/*
 * eigen.c
 *		Eigenvalues and eigenvectors of a symmetric matrix, in steps that can be
 *		interrupted.
 *
 * LAPACK's drivers do all of this in one call, which takes seconds from a few
 * thousand rows on, and a session cannot be cancelled meanwhile.  So the same
 * in parts (Golub and Van Loan, "Matrix Computations", 2013, sections 8.3.1 to
 * 8.3.5):
 *
 *	1. A = Q T Q' with T tridiagonal, by Householder reflections: LAPACK's panels
 *	   of a few columns, each followed by an update of the rest.
 *	2. T = V' diag(values) V by implicit QR steps with Wilkinson's shift.  The
 *	   rotations of many steps are collected and then applied to the rows of V,
 *	   slices of columns in parallel: they do not depend on each other, so the
 *	   bits are the same for every number of threads.
 *	3. The eigenvectors of A are Q times those of T, rows of V in parallel.
 *
 * 4/3 n^3 multiplications and additions for 1, about 5 n^3 for 2 and 2 n^3 for 3; 16 n^2 bytes with the
 * matrix itself.
 */
#include "core/eigen.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/blas.h"
#include "core/parallel.h"

#define PANEL_MAX 32			/* columns that become tridiagonal at a time */
#define PANEL_ELEMENTS 5e7		/* of the rest of the matrix, read between two polls at most */
#define BATCH 64				/* QR steps of full length whose rotations are collected */
#define STEPS_PER_VALUE 40		/* QR steps; about 2 are needed */
#define WORK_ROW 64				/* doubles that dormtr wants for a row, and at all */
#define WORK_FIXED (65 * 64)

typedef struct Eigen
{
	int			n;
	double	   *a;				/* the matrix, then the reflections */
	double	   *tau;			/* of the reflections */
	double	   *d;				/* diagonal of T, then the values */
	double	   *e;				/* beside the diagonal */
	double	   *v;				/* rows: eigenvectors of T */
	int			hi;				/* values behind it are found */
	int64_t		steps;			/* QR steps made */
	Rotation   *rotations;
	int64_t		n_rotations;
	double	   *work;			/* for each worker: a slice of v, later what dormtr needs */
	size_t		work_size;
} Eigen;

/* Allocates; v is the identity. */
static RecsysStatus
eigen_init(Env *env, Eigen *eigen, int n, double *matrix, double *values)
{
	size_t		rows = (size_t) n;

	*eigen = (Eigen) {.n = n, .a = matrix, .d = values, .hi = n - 1};
	eigen->tau = env_alloc_zero(env, rows, sizeof(double));
	eigen->e = env_alloc_zero(env, rows, sizeof(double));
	eigen->v = env_alloc_zero(env, rows, rows * sizeof(double));
	eigen->rotations = env_alloc(env, rows, BATCH * sizeof(Rotation));
	if (eigen->tau == NULL || eigen->e == NULL || eigen->v == NULL || eigen->rotations == NULL)
		return env->status;
	for (size_t i = 0; i < rows; i++)
		eigen->v[i * rows + i] = 1;
	return RECSYS_OK;
}

/* Frees what eigen_init has allocated. */
static void
eigen_free(Env *env, Eigen *eigen)
{
	env_free(env, eigen->tau);
	env_free(env, eigen->e);
	env_free(env, eigen->v);
	env_free(env, eigen->rotations);
}

/* Columns of a panel: so few that a poll comes in time. */
static int
panel_width(double n)
{
	double		width = PANEL_ELEMENTS / (n * n);

	return width < 1 ? 1 : width > PANEL_MAX ? PANEL_MAX : (int) width;
}

/* Step 1. */
static RecsysStatus
make_tridiagonal(Env *env, Eigen *eigen)
{
	int			n = eigen->n;
	int			width = panel_width(n);
	double	   *w = env_alloc(env, (size_t) n, (size_t) width * sizeof(double));
	int			columns;

	if (w == NULL)
		return env->status;
	for (int i = 0; i < n - 1; i += columns)
	{
		int			left = n - i;
		double	   *corner = eigen->a + (size_t) i * (size_t) n + i;

		if (env_interrupted(env))
			return env->status;
		columns = width < left - 1 ? width : left - 1;
		blas_dlatrd(left, columns, corner, n, eigen->e + i, eigen->tau + i, w, left);
		blas_dsyr2k(left - columns, columns, -1, corner + columns, n, w + columns, left, 1,
					corner + (size_t) columns * (size_t) n + columns, n);
	}
	for (int i = 0; i < n; i++)
		eigen->d[i] = eigen->a[(size_t) i * (size_t) n + i];
	env_free(env, w);
	return RECSYS_OK;
}

/* Is the element beside the diagonal nothing next to its neighbours on it? */
static bool
negligible(const Eigen *eigen, int i)
{
	return fabs(eigen->e[i]) <= DBL_EPSILON * (fabs(eigen->d[i]) + fabs(eigen->d[i + 1]));
}

/* Wilkinson's shift: the eigenvalue of the last 2 x 2 block that is nearest to its last element. */
static double
shift(const Eigen *eigen)
{
	const double *d = eigen->d + eigen->hi - 1;
	double		t = eigen->e[eigen->hi - 1];
	double		half = (d[0] - d[1]) / 2;
	double		away = half + copysign(hypot(half, t), half);

	return d[1] - t * (t / away);
}

/* One implicit QR step on the block from lo to hi; its rotations are added to the others. */
static void
qr_step(Eigen *eigen, int lo)
{
	double	   *d = eigen->d;
	double	   *e = eigen->e;
	double		x = d[lo] - shift(eigen);
	double		z = e[lo];

	for (int k = lo; k < eigen->hi; k++)
	{
		double		r = hypot(x, z);
		double		c = r > 0 ? x / r : 1;
		double		s = r > 0 ? z / r : 0;
		double		first = d[k];
		double		beside = e[k];
		double		part = s * (d[k + 1] - first) + 2 * c * beside;

		if (k > lo)
			e[k - 1] = r;
		d[k] = first + s * part;
		d[k + 1] -= s * part;
		e[k] = c * part - beside;
		x = e[k];
		if (k < eigen->hi - 1)
		{
			z = s * e[k + 1];
			e[k + 1] *= c;
		}
		eigen->rotations[eigen->n_rotations++] = (Rotation) {k, c, s};
	}
	eigen->steps++;
}

/* QR steps until BATCH are collected or all values are found. */
static RecsysStatus
collect_steps(Env *env, Eigen *eigen)
{
	int64_t		room = (int64_t) BATCH * eigen->n;

	eigen->n_rotations = 0;
	while (eigen->hi > 0 && eigen->n_rotations + eigen->hi <= room)
	{
		int			lo = eigen->hi;

		while (lo > 0 && !negligible(eigen, lo - 1))
			lo--;
		if (lo == eigen->hi)
			eigen->hi--;
		else if (eigen->steps >= (int64_t) STEPS_PER_VALUE * eigen->n)
			return env_fail(env, RECSYS_NOT_CONVERGED, "could not find the eigenvectors");
		else
			qr_step(eigen, lo);
	}
	return RECSYS_OK;
}

/* Copies a slice of v, which starts at a column, to packed rows, or back. */
static void
copy_slice(const Eigen *eigen, int64_t column, double *packed, bool back)
{
	int64_t		left = eigen->n - column;
	size_t		bytes = sizeof(double) * (size_t) (left < ROTATION_COLUMNS ? left : ROTATION_COLUMNS);

	for (int64_t i = 0; i < eigen->n; i++)
	{
		double	   *row = eigen->v + i * eigen->n + column;

		if (back)
			memcpy(row, packed + i * ROTATION_COLUMNS, bytes);
		else
			memcpy(packed + i * ROTATION_COLUMNS, row, bytes);
	}
}

/* Applies the collected rotations to some slices of v; packed, their rows do not compete for the cache. */
static RecsysStatus
rotate_slices(void *arg, int64_t begin, int64_t end, int worker)
{
	Eigen	   *eigen = arg;
	double	   *packed = eigen->work + (size_t) worker * eigen->work_size;

	for (int64_t i = begin; i < end; i++)
	{
		copy_slice(eigen, i * ROTATION_COLUMNS, packed, false);
		rotate_slice(eigen->rotations, eigen->n_rotations, packed);
		copy_slice(eigen, i * ROTATION_COLUMNS, packed, true);
	}
	return RECSYS_OK;
}

/* Allocates the work of so many doubles for each worker of a parallel_for. */
static RecsysStatus
alloc_work(Env *env, Eigen *eigen, int64_t items, int64_t chunk, size_t size)
{
	size_t		workers = (size_t) parallel_workers(env, items, chunk);

	eigen->work_size = size;
	eigen->work = env_alloc_zero(env, workers, size * sizeof(double));
	return eigen->work == NULL ? env->status : RECSYS_OK;
}

/* Step 2. */
static RecsysStatus
make_diagonal(Env *env, Eigen *eigen)
{
	int64_t		slices = (eigen->n + ROTATION_COLUMNS - 1) / ROTATION_COLUMNS;

	TRY(alloc_work(env, eigen, slices, 1, (size_t) eigen->n * ROTATION_COLUMNS));
	while (eigen->hi > 0)
	{
		if (env_interrupted(env))
			return env->status;
		TRY(collect_steps(env, eigen));
		TRY(parallel_for(env, slices, 1, rotate_slices, eigen, false));
	}
	env_free(env, eigen->work);
	return RECSYS_OK;
}

/* Q times some rows of v. */
static RecsysStatus
reflect_rows(void *arg, int64_t begin, int64_t end, int worker)
{
	Eigen	   *eigen = arg;

	blas_dormtr(eigen->n, (int) (end - begin), eigen->a, eigen->n, eigen->tau,
				eigen->v + begin * eigen->n, eigen->n,
				eigen->work + (size_t) worker * eigen->work_size, (int) eigen->work_size);
	return RECSYS_OK;
}

/* Rows of v that one call of dormtr reflects. */
static int
rows_at_once(double n)
{
	int			rows = 2 * panel_width(n);

	return rows < n ? rows : (int) n;
}

/* Step 3. */
static RecsysStatus
transform_back(Env *env, Eigen *eigen)
{
	int			rows = rows_at_once(eigen->n);

	TRY(alloc_work(env, eigen, eigen->n, rows, (size_t) rows * WORK_ROW + WORK_FIXED));
	TRY(parallel_for(env, eigen->n, rows, reflect_rows, eigen, false));
	env_free(env, eigen->work);
	return RECSYS_OK;
}

/* A value and where its vector is. */
typedef struct Place
{
	double		value;
	int			row;
} Place;

/* Ascending; of equal values, the first row first. */
static int
compare_places(const void *left, const void *right)
{
	const Place *a = left;
	const Place *b = right;

	if (a->value != b->value)
		return a->value < b->value ? -1 : 1;
	return a->row - b->row;
}

/* Values in order, and their vectors into the matrix. */
static RecsysStatus
put_in_order(Env *env, Eigen *eigen)
{
	size_t		n = (size_t) eigen->n;
	Place	   *places = env_alloc(env, n, sizeof(Place));

	if (places == NULL)
		return env->status;
	for (size_t i = 0; i < n; i++)
		places[i] = (Place) {eigen->d[i], (int) i};
	qsort(places, n, sizeof(Place), compare_places);
	for (size_t i = 0; i < n; i++)
	{
		eigen->d[i] = places[i].value;
		memcpy(eigen->a + i * n, eigen->v + (size_t) places[i].row * n, n * sizeof(double));
	}
	env_free(env, places);
	return RECSYS_OK;
}

/* The three steps. */
RecsysStatus
eigen_symmetric(Env *env, int n, double *matrix, double *values)
{
	Eigen		eigen;

	TRY(eigen_init(env, &eigen, n, matrix, values));
	TRY(make_tridiagonal(env, &eigen));
	TRY(make_diagonal(env, &eigen));
	TRY(transform_back(env, &eigen));
	TRY(put_in_order(env, &eigen));
	eigen_free(env, &eigen);
	return RECSYS_OK;
}

/* v, the rotations, and a panel, or later the work of one thread. */
double
eigen_bytes(double n)
{
	double		panel = n * panel_width(n);
	double		slice = n * ROTATION_COLUMNS;
	double		work = (double) rows_at_once(n) * WORK_ROW + WORK_FIXED;

	return 8 * n * n + n * (16 + BATCH * sizeof(Rotation)) +
		8 * fmax(panel, fmax(slice, work)) + 5 * ENV_BLOCK_OVERHEAD;
}
