/*
 * blas.c
 *		The only caller of OpenBLAS and LAPACK.
 *
 * Four properties of the library shape this file:
 *
 *	- Its threaded build starts threads while it is loaded.  In a server process
 *	  they would run the server's signal handlers.  So it is loaded with
 *	  OPENBLAS_NUM_THREADS=1, which starts none, and with all signals blocked.
 *	- Its serial build has no locks and returns wrong products when two threads
 *	  call it; its OpenMP build forgets in every new thread that it was told to
 *	  use one.  So with these two, and when something else in the process had
 *	  loaded the library before, with settings of its own, every call is made
 *	  under one lock and sets the number of threads to 1 meanwhile.
 *	- All builds have the same file name; which one libopenblas.so.0 is depends on
 *	  the machine (update-alternatives on Debian).  So nothing is linked, and the
 *	  functions are looked up by name after asking the library what it is.
 *
 *	- Each thread inside it works in a buffer of 128 MB of address space, most of
 *	  it never touched, and the library asks for that again and again until it
 *	  gets it.  So a limited process (ulimit -v) would wait for ever: the buffers
 *	  are taken when the library is opened, after looking whether they fit.
 *
 * LAPACK is called by its Fortran symbols, because not every build carries the
 * C interface.  A row-major lower triangle is a column-major upper one, hence
 * "U" in every call.  Fortran passes the length of each character argument at
 * the end.
 */
#include "core/blas.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/parallel.h"

#define LIBRARY "libopenblas.so.0"
#define PARALLEL_PTHREADS 1		/* openblas_get_parallel: 0 serial, 1 pthreads, 2 OpenMP */
#define THREADS_VARIABLE "OPENBLAS_NUM_THREADS"

/* The largest block of blas_*_parallel: 1.3 x 10^8 multiplications. */
#define BLOCK_ROWS 256
#define BLOCK_COLUMNS 512
#define BLOCK_DEPTH 1024

/*
 * What the library maps for one thread at work, and itself with what it depends on: bytes, rounded up.  Newer ones
 * (0.3.29, not yet 0.3.21) map such a buffer also while they are loaded, and ask for it as stubbornly.
 */
#define BUFFER_BYTES ((size_t) 136 << 20)
#define LIBRARY_BYTES (((size_t) 64 << 20) + BUFFER_BYTES)
#define MAX_BUFFERS 64			/* a library is built for at least as many */

/* CBLAS's enumerations. */
enum
{
	ROW_MAJOR = 101,
	NO_TRANSPOSE = 111,
	TRANSPOSE = 112,
	UPPER = 121,
	LOWER = 122,
	NON_UNIT = 131,
	LEFT = 141,
	RIGHT = 142
};

/* The functions of the loaded library. */
typedef struct Library
{
	void		(*sgemm) (int, int, int, int, int, int, float, const float *, int, const float *,
						  int, float, float *, int);
	void		(*dgemm) (int, int, int, int, int, int, double, const double *, int,
						  const double *, int, double, double *, int);
	void		(*ssyrk) (int, int, int, int, int, float, const float *, int, float, float *, int);
	void		(*dsyrk) (int, int, int, int, int, double, const double *, int, double, double *,
						  int);
	void		(*dtrsm) (int, int, int, int, int, int, int, double, const double *, int,
						  double *, int);
	void		(*dtrmm) (int, int, int, int, int, int, int, double, const double *, int,
						  double *, int);
	void		(*spotrf) (const char *, const int *, float *, const int *, int *, size_t);
	void		(*dpotrf) (const char *, const int *, double *, const int *, int *, size_t);
	void		(*spotri) (const char *, const int *, float *, const int *, int *, size_t);
	void		(*dpotri) (const char *, const int *, double *, const int *, int *, size_t);
	void		(*dtrtri) (const char *, const char *, const int *, double *, const int *, int *,
						   size_t, size_t);
	void		(*dlauum) (const char *, const int *, double *, const int *, int *, size_t);
	void		(*dlatrd) (const char *, const int *, const int *, double *, const int *,
						   double *, double *, double *, const int *, size_t);
	void		(*dsyr2k) (int, int, int, int, int, double, const double *, int, const double *,
						   int, double, double *, int);
	void		(*dormtr) (const char *, const char *, const char *, const int *, const int *,
						   const double *, const int *, const double *, double *, const int *,
						   double *, const int *, int *, size_t, size_t, size_t);
	int			(*get_parallel) (void);
	int			(*get_num_threads) (void);
	void		(*set_num_threads) (int);
	void	   *(*memory_alloc) (int);
	void		(*memory_free) (void *);
	int			buffers;		/* mapped by reserve_buffers, for calls to use */
	bool		open;
	bool		locked;			/* calls take the lock of the process */
	int			saved_threads;	/* during a locked call: the setting that it restores */
} Library;

static Library library;

/* Where each function of the library goes. */
static const struct
{
	const char *name;
	size_t		offset;
}			symbols[] =
{
	{"cblas_sgemm", offsetof(Library, sgemm)},
	{"cblas_dgemm", offsetof(Library, dgemm)},
	{"cblas_ssyrk", offsetof(Library, ssyrk)},
	{"cblas_dsyrk", offsetof(Library, dsyrk)},
	{"cblas_dtrsm", offsetof(Library, dtrsm)},
	{"cblas_dtrmm", offsetof(Library, dtrmm)},
	{"spotrf_", offsetof(Library, spotrf)},
	{"dpotrf_", offsetof(Library, dpotrf)},
	{"spotri_", offsetof(Library, spotri)},
	{"dpotri_", offsetof(Library, dpotri)},
	{"dtrtri_", offsetof(Library, dtrtri)},
	{"dlauum_", offsetof(Library, dlauum)},
	{"dlatrd_", offsetof(Library, dlatrd)},
	{"cblas_dsyr2k", offsetof(Library, dsyr2k)},
	{"dormtr_", offsetof(Library, dormtr)},
	{"openblas_get_parallel", offsetof(Library, get_parallel)},
	{"openblas_get_num_threads", offsetof(Library, get_num_threads)},
	{"openblas_set_num_threads", offsetof(Library, set_num_threads)},
	{"blas_memory_alloc", offsetof(Library, memory_alloc)},
	{"blas_memory_free", offsetof(Library, memory_free)},
};

/* One attempt to load a file. */
typedef struct Load
{
	const char *file;
	void	   *handle;			/* or NULL */
	bool		present;		/* the process had it before */
} Load;

/* Loads the file, its thread pool held to the calling thread; the environment is as before afterwards. */
static void
load_file(void *arg)
{
	Load	   *load = arg;
	const char *value = getenv(THREADS_VARIABLE);
	char	   *saved = value == NULL ? NULL : strdup(value);

	load->handle = dlopen(load->file, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
	load->present = load->handle != NULL;
	if (load->present || (value != NULL && saved == NULL) || setenv(THREADS_VARIABLE, "1", 1) != 0)
	{
		free(saved);
		return;
	}
	load->handle = dlopen(load->file, RTLD_NOW | RTLD_LOCAL);
	if (saved != NULL)
		setenv(THREADS_VARIABLE, saved, 1);
	else
		unsetenv(THREADS_VARIABLE);
	free(saved);
}

/* Looks every function up; the name of one that is missing, or NULL. */
static const char *
find_symbols(void *handle, Library *found)
{
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++)
	{
		void	   *symbol = dlsym(handle, symbols[i].name);

		if (symbol == NULL)
			return symbols[i].name;
		memcpy((char *) found + symbols[i].offset, &symbol, sizeof(symbol));
	}
	return NULL;
}

/* Says what is missing and how to get it. */
static RecsysStatus
fail_missing(Env *env, const char *file, const char *reason)
{
	env_fail(env, RECSYS_UNSUPPORTED, "could not load OpenBLAS from \"%s\"", file);
	env_detail(env, "%s.", reason != NULL ? reason : "The library cannot be opened");
	return env_hint(env, "Install it on the server, on Debian and Ubuntu with \"apt-get install libopenblas0\".");
}

/* Fails when the process has no room for so many bytes more.  (volatile: or the compiler leaves both calls out) */
static RecsysStatus
check_room(Env *env, size_t bytes)
{
	void	   *volatile room = malloc(bytes);

	if (room == NULL)
		return env_fail(env, RECSYS_NO_MEMORY, "out of memory");
	free(room);
	return RECSYS_OK;
}

/* Makes the library map the buffers of n threads; it keeps what it is given back. */
static RecsysStatus
reserve_buffers(Env *env, int n)
{
	void	   *buffers[MAX_BUFFERS];
	int			n_taken = 0;

	if (library.locked || n < 1)
		n = 1;
	if (n > MAX_BUFFERS)
		n = MAX_BUFFERS;
	if (n <= library.buffers)
		return RECSYS_OK;
	while (n_taken < n &&
		   (n_taken < library.buffers || check_room(env, BUFFER_BYTES) == RECSYS_OK))
		buffers[n_taken++] = library.memory_alloc(0);
	for (int i = 0; i < n_taken; i++)
		library.memory_free(buffers[i]);
	if (n_taken > library.buffers)
		library.buffers = n_taken;
	return n_taken == n ? RECSYS_OK : env->status;
}

/* Loads the library from a file. */
static RecsysStatus
load_library(Env *env, const char *file)
{
	Load		load = {.file = file};
	Library		found = {0};
	const char *missing;

	TRY(check_room(env, LIBRARY_BYTES));
	parallel_without_signals(load_file, &load);
	if (load.handle == NULL)
		return fail_missing(env, file, dlerror());
	missing = find_symbols(load.handle, &found);
	if (missing != NULL)
	{
		char		reason[128];

		snprintf(reason, sizeof(reason), "It has no function %s", missing);
		dlclose(load.handle);
		return fail_missing(env, file, reason);
	}
	found.locked = load.present || found.get_parallel() != PARALLEL_PTHREADS;
	found.open = true;
	library = found;
	return RECSYS_OK;
}

/* Loads the library unless one is loaded, and takes its buffers. */
RecsysStatus
blas_open_file(Env *env, const char *file)
{
	if (!library.open)
		TRY(load_library(env, file));
	return reserve_buffers(env, env->n_threads);
}

/* Loads the library. */
RecsysStatus
blas_open(Env *env)
{
	return blas_open_file(env, LIBRARY);
}

/* Before each call. */
static void
enter(void)
{
	if (!library.locked)
		return;
	parallel_lock();
	library.saved_threads = library.get_num_threads();
	library.set_num_threads(1);
}

/* After each call. */
static void
leave(void)
{
	if (!library.locked)
		return;
	library.set_num_threads(library.saved_threads);
	parallel_unlock();
}

/* CBLAS's word for a transposition. */
static int
transposition(bool transpose)
{
	return transpose ? TRANSPOSE : NO_TRANSPOSE;
}

/* General product, float. */
void
blas_sgemm(bool ta, bool tb, int m, int n, int k, float alpha, const float *a, int lda,
		   const float *b, int ldb, float beta, float *c, int ldc)
{
	enter();
	library.sgemm(ROW_MAJOR, transposition(ta), transposition(tb), m, n, k, alpha, a, lda, b, ldb,
				  beta, c, ldc);
	leave();
}

/* General product, double. */
void
blas_dgemm(bool ta, bool tb, int m, int n, int k, double alpha, const double *a, int lda,
		   const double *b, int ldb, double beta, double *c, int ldc)
{
	enter();
	library.dgemm(ROW_MAJOR, transposition(ta), transposition(tb), m, n, k, alpha, a, lda, b, ldb,
				  beta, c, ldc);
	leave();
}

/* A product cut into blocks of c, and one slice of its depth. */
typedef struct Blocks
{
	bool		is_double;
	bool		ta;
	bool		tb;
	int			m;
	int			n;
	int			depth_begin;
	int			depth;
	double		alpha;
	double		beta;
	const void *a;
	const void *b;
	void	   *c;
	int			lda;
	int			ldb;
	int			ldc;
} Blocks;

/* Blocks in one row of blocks. */
static int64_t
blocks_across(const Blocks *blocks)
{
	return ((int64_t) blocks->n - 1) / BLOCK_COLUMNS + 1;
}

/* Where op(x) (row, column) lies: elements from the start of x. */
static size_t
element(bool transpose, int64_t row, int64_t column, int ld)
{
	return (size_t) (transpose ? column * ld + row : row * ld + column);
}

/* Computes one block of c. */
static void
multiply_block(const Blocks *s, int64_t number)
{
	int64_t		row = number / blocks_across(s) * BLOCK_ROWS;
	int64_t		column = number % blocks_across(s) * BLOCK_COLUMNS;
	int			rows = s->m - row < BLOCK_ROWS ? (int) (s->m - row) : BLOCK_ROWS;
	int			columns = s->n - column < BLOCK_COLUMNS ? (int) (s->n - column) : BLOCK_COLUMNS;
	size_t		a = element(s->ta, row, s->depth_begin, s->lda);
	size_t		b = element(s->tb, s->depth_begin, column, s->ldb);
	size_t		c = element(false, row, column, s->ldc);

	if (s->is_double)
		blas_dgemm(s->ta, s->tb, rows, columns, s->depth, s->alpha, (const double *) s->a + a,
				   s->lda, (const double *) s->b + b, s->ldb, s->beta, (double *) s->c + c, s->ldc);
	else
		blas_sgemm(s->ta, s->tb, rows, columns, s->depth, (float) s->alpha,
				   (const float *) s->a + a, s->lda, (const float *) s->b + b, s->ldb,
				   (float) s->beta, (float *) s->c + c, s->ldc);
}

/* Computes some blocks of c. */
static RecsysStatus
multiply_blocks(void *arg, int64_t begin, int64_t end, int worker)
{
	(void) worker;
	for (int64_t i = begin; i < end; i++)
		multiply_block(arg, i);
	return RECSYS_OK;
}

/* Computes the product slice by slice of its depth k, the blocks of a slice in parallel. */
static RecsysStatus
multiply_parallel(Env *env, Blocks *blocks, int k)
{
	int64_t		n_blocks;

	if (blocks->m <= 0 || blocks->n <= 0)
		return RECSYS_OK;
	n_blocks = (((int64_t) blocks->m - 1) / BLOCK_ROWS + 1) * blocks_across(blocks);
	do
	{
		int			left = k - blocks->depth_begin;

		blocks->depth = left < BLOCK_DEPTH ? left : BLOCK_DEPTH;
		TRY(parallel_for(env, n_blocks, 1, multiply_blocks, blocks, false));
		blocks->depth_begin += blocks->depth;
		blocks->beta = 1.0;
	} while (blocks->depth_begin < k);
	return RECSYS_OK;
}

/* General product on all threads, float. */
RecsysStatus
blas_sgemm_parallel(Env *env, bool ta, bool tb, int m, int n, int k, float alpha, const float *a,
					int lda, const float *b, int ldb, float beta, float *c, int ldc)
{
	Blocks		blocks = {.is_double = false, .ta = ta, .tb = tb, .m = m, .n = n, .alpha = alpha,
	.beta = beta, .a = a, .b = b, .c = c, .lda = lda, .ldb = ldb, .ldc = ldc};

	return multiply_parallel(env, &blocks, k);
}

/* General product on all threads, double. */
RecsysStatus
blas_dgemm_parallel(Env *env, bool ta, bool tb, int m, int n, int k, double alpha, const double *a,
					int lda, const double *b, int ldb, double beta, double *c, int ldc)
{
	Blocks		blocks = {.is_double = true, .ta = ta, .tb = tb, .m = m, .n = n, .alpha = alpha,
	.beta = beta, .a = a, .b = b, .c = c, .lda = lda, .ldb = ldb, .ldc = ldc};

	return multiply_parallel(env, &blocks, k);
}

/* Symmetric product, float. */
void
blas_ssyrk(bool transpose, int n, int k, float alpha, const float *a, int lda, float beta,
		   float *c, int ldc)
{
	enter();
	library.ssyrk(ROW_MAJOR, LOWER, transposition(transpose), n, k, alpha, a, lda, beta, c, ldc);
	leave();
}

/* Symmetric product, double. */
void
blas_dsyrk(bool transpose, int n, int k, double alpha, const double *a, int lda, double beta,
		   double *c, int ldc)
{
	enter();
	library.dsyrk(ROW_MAJOR, LOWER, transposition(transpose), n, k, alpha, a, lda, beta, c, ldc);
	leave();
}

/* Solves with a triangular matrix. */
void
blas_dtrsm(bool right, bool transpose, int m, int n, const double *t, int ldt, double *b, int ldb)
{
	enter();
	library.dtrsm(ROW_MAJOR, right ? RIGHT : LEFT, LOWER, transposition(transpose), NON_UNIT, m, n,
				  1.0, t, ldt, b, ldb);
	leave();
}

/* Multiplies by a triangular matrix. */
void
blas_dtrmm(bool right, bool transpose, int m, int n, const double *t, int ldt, double *b, int ldb)
{
	enter();
	library.dtrmm(ROW_MAJOR, right ? RIGHT : LEFT, LOWER, transposition(transpose), NON_UNIT, m, n,
				  1.0, t, ldt, b, ldb);
	leave();
}

/* Cholesky factor, float. */
int
blas_spotrf(int n, float *a, int lda)
{
	int			info = 0;

	enter();
	library.spotrf("U", &n, a, &lda, &info, 1);
	leave();
	return info;
}

/* Cholesky factor, double. */
int
blas_dpotrf(int n, double *a, int lda)
{
	int			info = 0;

	enter();
	library.dpotrf("U", &n, a, &lda, &info, 1);
	leave();
	return info;
}

/* Inverse from the Cholesky factor, float. */
int
blas_spotri(int n, float *a, int lda)
{
	int			info = 0;

	enter();
	library.spotri("U", &n, a, &lda, &info, 1);
	leave();
	return info;
}

/* Inverse from the Cholesky factor, double. */
int
blas_dpotri(int n, double *a, int lda)
{
	int			info = 0;

	enter();
	library.dpotri("U", &n, a, &lda, &info, 1);
	leave();
	return info;
}

/* Inverse of a triangular matrix. */
int
blas_dtrtri(int n, double *a, int lda)
{
	int			info = 0;

	enter();
	library.dtrtri("U", "N", &n, a, &lda, &info, 1, 1);
	leave();
	return info;
}

/* l' l of a triangular matrix: column-major u u'. */
int
blas_dlauum(int n, double *a, int lda)
{
	int			info = 0;

	enter();
	library.dlauum("U", &n, a, &lda, &info, 1);
	leave();
	return info;
}

/* A panel of reflections: column-major, the lower triangle. */
void
blas_dlatrd(int n, int columns, double *a, int lda, double *e, double *tau, double *w, int ldw)
{
	enter();
	library.dlatrd("L", &n, &columns, a, &lda, e, tau, w, &ldw, 1);
	leave();
}

/* Symmetric update of rank 2 k. */
void
blas_dsyr2k(int n, int k, double alpha, const double *a, int lda, const double *b, int ldb,
			double beta, double *c, int ldc)
{
	enter();
	library.dsyr2k(ROW_MAJOR, UPPER, TRANSPOSE, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
	leave();
}

/* Reflects vectors; without memory for LAPACK's blocks it would do the same slower, so info says nothing. */
void
blas_dormtr(int n, int m, const double *a, int lda, const double *tau, double *c, int ldc,
			double *work, int lwork)
{
	int			info = 0;

	enter();
	library.dormtr("L", "L", "N", &n, &m, a, &lda, tau, c, &ldc, work, &lwork, &info, 1, 1, 1);
	leave();
}
