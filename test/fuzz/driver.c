/*
 * driver.c: runs a fuzz entry without libFuzzer: mutates inputs and keeps those that reach code
 * that none reached before.
 *
 *		fuzz_model						mutates for FUZZ_SECONDS (4) from FUZZ_SEED (1); prints TAP
 *		fuzz_model FILE...				runs each file once, such as one that failed
 *		fuzz_model -w DIRECTORY			writes the inputs to start from, for libFuzzer
 *
 * Starts from fuzz_seeds() and the files in FUZZ_CORPUS. An input that fails, or takes more than
 * ten seconds, is left in the file fuzz_model.failed beside the program, which ends by a signal.
 *
 * New code is noticed through __sanitizer_cov_trace_pc(), which -fsanitize-coverage=trace-pc makes
 * gcc call at every edge of src/core. One seed gives one sequence of inputs; how many of them fit
 * into the time depends on the machine.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/rng.h"
#include "fuzz.h"

#define MAX_SIZE 16384			/* bytes of an input */
#define MAX_INPUTS 4096
#define MAP_SIZE (1 << 16)

typedef struct Input
{
	uint8_t    *data;
	size_t		size;
} Input;

static Input corpus[MAX_INPUTS];
static int	n_corpus;
static uint8_t seen[MAP_SIZE];	/* edges reached, by a hash of their address */
static int	n_seen;
static Input current;			/* for the handler of signals */
static char failed_file[1024];
static const char *write_directory;
static int	n_written;

/* What gcc calls at every edge; the address it returns to tells which. */
__attribute__((no_sanitize_address, no_sanitize_undefined))
void		__sanitizer_cov_trace_pc(void);
void
__sanitizer_cov_trace_pc(void)
{
	uint64_t	address = (uint64_t) (uintptr_t) __builtin_return_address(0);
	uint8_t    *place = &seen[address * UINT64_C(0x9e3779b97f4a7c15) >> 48];

	n_seen += *place == 0;
	*place = 1;
}

/* A sanitizer that has found something shall raise SIGABRT. */
extern const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return "abort_on_error=1:allocator_may_return_null=1:detect_leaks=1";
}

/* The same for UBSan. */
extern const char *__ubsan_default_options(void);
const char *
__ubsan_default_options(void)
{
	return "abort_on_error=1:print_stacktrace=1";
}

/* Keeps the input that failed, and ends as the signal would have. */
static void
keep_failed(int signal_number)
{
	static const char text[] = "input kept in ";
	int			file = open(failed_file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	ssize_t		written = write(file, current.data, current.size);

	written += write(STDERR_FILENO, text, sizeof(text) - 1);
	written += write(STDERR_FILENO, failed_file, strlen(failed_file));
	written += write(STDERR_FILENO, "\n", 1);
	signal(signal_number, SIG_DFL);
	raise(written < 0 ? SIGKILL : signal_number);
}

/* FuzzAdd: runs one input, from memory of exactly its size, so that reading beyond it is noticed. */
static void
run_input(const void *data, size_t size)
{
	current.data = malloc(size > 0 ? size : 1);
	current.size = size;
	memcpy(current.data, data, size);
	alarm(10);
	(void) LLVMFuzzerTestOneInput(current.data, size);
	alarm(0);
	free(current.data);
}

/* FuzzAdd: one more input to mutate, or to write; a full corpus loses one of the middle. */
static void
add_input(const void *data, size_t size)
{
	Input	   *input = &corpus[n_corpus < MAX_INPUTS ? n_corpus++ : MAX_INPUTS / 2];

	if (size > MAX_SIZE)
		size = MAX_SIZE;
	free(input->data);
	input->data = malloc(size > 0 ? size : 1);
	input->size = size;
	memcpy(input->data, data, size);
}

/* FuzzAdd: writes an input into a file of its own. */
static void
write_input(const void *data, size_t size)
{
	char		name[512];
	FILE	   *file;

	snprintf(name, sizeof(name), "%s/seed-%04d", write_directory, n_written++);
	file = fopen(name, "wb");
	if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0)
	{
		perror(name);
		exit(1);
	}
}

/* Hands the contents of a file on. */
static void
read_file(const char *name, FuzzAdd add)
{
	static uint8_t bytes[1 << 20];
	FILE	   *file = fopen(name, "rb");
	size_t		size;

	if (file == NULL)
	{
		perror(name);
		exit(1);
	}
	size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	add(bytes, size);
}

/* All files of a directory, which may be missing, in the order of their names. */
static void
read_directory(const char *name, FuzzAdd add)
{
	struct dirent **entries;
	int			n = name == NULL ? 0 : scandir(name, &entries, NULL, alphasort);

	for (int i = 0; i < n; i++)
	{
		char		path[1024];

		snprintf(path, sizeof(path), "%s/%s", name, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			read_file(path, add);
		free(entries[i]);
	}
	if (n > 0)
		free(entries);
}

/* Puts a number of 1, 2, 4 or 8 bytes where something may end. */
static void
put_number(Rng *rng, uint8_t *data, size_t size)
{
	static const int64_t ends[] = {
		0, 1, -1, 2, 7, 63, 64, 65, 127, 128, 255, 256, 32767, 65535, 65536,
		INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN
	};
	size_t		width = (size_t) 1 << rng_below(rng, 4);
	int64_t		number = ends[rng_below(rng, sizeof(ends) / sizeof(ends[0]))];
	size_t		at = (size_t) rng_below(rng, size);

	if (rng_below(rng, 2) == 0)
		at -= at % width;
	for (size_t i = 0; i < width && at + i < size; i++)
		data[at + i] = (uint8_t) ((uint64_t) number >> (8 * i));
}

/* Moves, repeats, removes or inserts a run of bytes; returns the new size. */
static size_t
change_run(Rng *rng, uint8_t *data, size_t size)
{
	size_t		from = (size_t) rng_below(rng, size);
	size_t		n = 1 + (size_t) rng_below(rng, size - from < 64 ? size - from : 64);
	size_t		to = (size_t) rng_below(rng, size);

	switch (rng_below(rng, 3))
	{
		case 0:					/* copy over */
			n = n < size - to ? n : size - to;
			memmove(data + to, data + from, n);
			return size;
		case 1:					/* remove */
			memmove(data + from, data + from + n, size - from - n);
			return size - n;
		default:				/* insert */
			n = n < MAX_SIZE - size ? n : MAX_SIZE - size;
			memmove(data + to + n, data + to, size - to);
			for (size_t i = 0; i < n; i++)
				data[to + i] = (uint8_t) rng_next(rng);
			return size + n;
	}
}

/* Goes on with the end of another input; returns the new size. */
static size_t
join(Rng *rng, uint8_t *data, size_t size)
{
	const Input *other = &corpus[rng_below(rng, (uint64_t) n_corpus)];
	size_t		from = (size_t) rng_below(rng, other->size + 1);
	size_t		at = (size_t) rng_below(rng, size + 1);
	size_t		n = other->size - from < MAX_SIZE - at ? other->size - from : MAX_SIZE - at;

	memcpy(data + at, other->data + from, n);
	return at + n;
}

/* One change; returns the new size. */
static size_t
mutate(Rng *rng, uint8_t *data, size_t size)
{
	uint64_t	choice = size == 0 ? 5 : rng_below(rng, 6);

	if (choice == 0)
		data[rng_below(rng, size)] ^= (uint8_t) (1 << rng_below(rng, 8));
	else if (choice == 1)
		data[rng_below(rng, size)] = (uint8_t) rng_next(rng);
	else if (choice == 2)
		put_number(rng, data, size);
	else if (choice <= 4)
		return change_run(rng, data, size);
	else
		return join(rng, data, size);
	return size;
}

/* Mutates until the time is over; returns the number of inputs run. */
static int64_t
mutate_for(double seconds, uint64_t seed)
{
	static uint8_t data[MAX_SIZE];
	time_t		start = time(NULL);
	int64_t		n_runs = 0;
	Rng			rng;

	rng_seed(&rng, seed, 0);
	for (int i = 0; i < n_corpus; i++, n_runs++)
		run_input(corpus[i].data, corpus[i].size);
	for (; difftime(time(NULL), start) < seconds; n_runs++)
	{
		const Input *parent = &corpus[rng_below(&rng, (uint64_t) n_corpus)];
		int			before = n_seen;
		size_t		size = parent->size;

		memcpy(data, parent->data, size);
		for (uint64_t n = 1 + rng_below(&rng, 4); n > 0; n--)
			size = mutate(&rng, data, size);
		run_input(data, size);
		if (n_seen > before)
			add_input(data, size);
	}
	return n_runs;
}

/* A number from the environment, or its default. */
static long
setting(const char *name, long otherwise)
{
	const char *text = getenv(name);

	return text == NULL || text[0] == '\0' ? otherwise : atol(text);
}

/* Runs the entry as the arguments say; see the top. */
int
main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *entry = slash == NULL ? argv[0] : slash + 1;
	long		seconds = setting("FUZZ_SECONDS", 4);
	int64_t		n_runs;

	snprintf(failed_file, sizeof(failed_file), "%s.failed", argv[0]);
	signal(SIGABRT, keep_failed);
	signal(SIGALRM, keep_failed);
	if (argc == 3 && strcmp(argv[1], "-w") == 0)
	{
		write_directory = argv[2];
		fuzz_seeds(write_input);
		read_directory(getenv("FUZZ_CORPUS"), write_input);
		return 0;
	}
	for (int i = 1; i < argc; i++)
		read_file(argv[i], run_input);
	if (argc > 1)
		return 0;
	add_input("", 0);
	fuzz_seeds(add_input);
	read_directory(getenv("FUZZ_CORPUS"), add_input);
	n_runs = mutate_for((double) seconds, (uint64_t) setting("FUZZ_SEED", 1));
	printf("ok 1 - %s: %lld inputs in %ld s reached %d edges\n1..1\n", entry, (long long) n_runs,
		   seconds, n_seen);
	for (int i = 0; i < n_corpus; i++)
		free(corpus[i].data);
	return 0;
}
