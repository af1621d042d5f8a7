/*
 * fuzz_aggregate.c: states of the aggregates over vectors, honest ones and any bytes.
 *
 * The input is a script over a few states: start one, take its bytes from the input, change some,
 * cut it, add a vector, merge two, compute a result. Every state lies in memory of just its length,
 * four bytes off the alignment of a double, as in a bytea. Checked: a function reads and writes
 * within the state and the result, refuses what the header does not fit, and leaves a state that
 * can be read.
 */
#include <string.h>

#include "core/vecstate.h"
#include "fuzz.h"

#define N_STATES 3
#define MAX_DIMS 12
#define OFFSET 4				/* bytes before the state */

typedef struct State
{
	char	   *memory;
	size_t		length;
} State;

/* Called by the tested functions; a state must not change under them, so there is nothing to do. */
static void
poll(void)
{
}

/* The bytes of a state. */
static void *
state_data(const State *state)
{
	return state->memory + OFFSET;
}

/* Memory for a state of another length. */
static void
resize_state(State *state, size_t length)
{
	free(state->memory);
	state->memory = malloc(OFFSET + length);
	FUZZ_CHECK(state->memory != NULL);
	memset(state->memory, 0, OFFSET + length);
	state->length = length;
}

/* A kind that there is, now and then one that there is not. */
static VecStateKind
take_kind(FuzzInput *input)
{
	uint8_t		kind = fuzz_byte(input);

	return (VecStateKind) (kind < 250 ? 1 + kind % 3 : kind - 248);
}

/* The state of no vectors; sizes beyond the limit are refused before memory is needed. */
static void
start_state(State *state, FuzzInput *input)
{
	VecStateKind kind = take_kind(input);
	uint32_t	dims = (uint32_t) fuzz_integer(input);
	uint64_t	length = vecstate_bytes(kind, dims);

	if (length > VECSTATE_MAX_BYTES)
		FUZZ_CHECK(vecstate_init(NULL, kind, dims) == VECSTATE_TOO_LARGE);
	dims %= MAX_DIMS;
	resize_state(state, (size_t) vecstate_bytes(kind, dims));
	FUZZ_CHECK(vecstate_init(state_data(state), kind, dims) == VECSTATE_OK);
}

/* Bytes of the input as a state. */
static void
load_state(State *state, FuzzInput *input)
{
	size_t		length;
	const char *bytes = fuzz_bytes(input, (size_t) fuzz_below(input, 700), &length);

	resize_state(state, length);
	memcpy(state_data(state), bytes, length);
}

/* Another header field or another double; the length stays. */
static void
change_state(State *state, FuzzInput *input)
{
	double		number = fuzz_number(input);
	int64_t		integer = fuzz_integer(input);
	bool		header = fuzz_byte(input) % 2 == 0;
	size_t		size = header ? (size_t) 1 << fuzz_below(input, 4) : sizeof(double);
	size_t		at = header ? (size_t) fuzz_below(input, 20) : 20 + 8 * (size_t) fuzz_below(input, 100);

	if (at + size <= state->length)
		memcpy((char *) state_data(state) + at, header ? (void *) &integer : (void *) &number, size);
}

/* A state that is some bytes shorter or longer than it was. */
static void
cut_state(State *state, FuzzInput *input)
{
	State		old = *state;
	size_t		length = state->length + (size_t) fuzz_below(input, 41);

	length = length < 20 ? 0 : length - 20;
	state->memory = NULL;
	resize_state(state, length);
	memcpy(state_data(state), state_data(&old), length < old.length ? length : old.length);
	free(old.memory);
}

/* What a function did to a state: after success it can be read. */
static void
check_state(const State *state, VecStateStatus status)
{
	VecStateInfo info;

	FUZZ_CHECK(status >= VECSTATE_OK && status <= VECSTATE_TOO_FEW);
	if (status == VECSTATE_OK)
		FUZZ_CHECK(vecstate_read(state_data(state), state->length, &info) == VECSTATE_OK);
}

/* Adds a vector, of the length that the state has or another one. */
static void
add_vector(State *state, FuzzInput *input)
{
	VecStateInfo info = {VECSTATE_SUM, 0, 0};
	VecStateKind kind;
	uint32_t	dims;
	double	   *vector;
	bool		weighted = fuzz_byte(input) % 4 == 0;
	VecStateStatus status;

	(void) vecstate_read(state_data(state), state->length, &info);
	kind = fuzz_byte(input) % 16 == 0 ? take_kind(input) : info.kind;
	dims = fuzz_byte(input) % 16 == 0 ? (uint32_t) fuzz_below(input, MAX_DIMS) : info.dims;
	vector = malloc(dims * sizeof(double) + 1);
	for (uint32_t i = 0; i < dims; i++)
		vector[i] = fuzz_number(input);
	if (weighted)
		status = vecstate_add_weighted(state_data(state), state->length, fuzz_number(input), vector,
									   dims);
	else
		status = vecstate_add(state_data(state), state->length, kind, vector, dims, poll);
	check_state(state, status);
	free(vector);
}

/* Merges a state into another one, or into a copy of itself. */
static void
merge_states(State *state, const State *other)
{
	State		copy = {NULL, 0};

	resize_state(&copy, other->length);
	memcpy(state_data(&copy), state_data(other), other->length);
	check_state(state, vecstate_combine(state_data(state), state->length, state_data(&copy),
										copy.length, poll));
	free(copy.memory);
}

/* Computes a result into memory of its size. */
static void
finish_state(const State *state, FuzzInput *input)
{
	VecStateResult result = (VecStateResult) fuzz_below(input, VECSTATE_RESULT_COVARIANCE + 1);
	VecStateInfo info;
	size_t		n;
	double	   *values;
	VecStateStatus status;

	if (vecstate_read(state_data(state), state->length, &info) != VECSTATE_OK)
		info.dims = 0;
	n = result == VECSTATE_RESULT_COVARIANCE ? (size_t) info.dims * info.dims : info.dims;
	values = malloc(n * sizeof(double) + 1);
	status = vecstate_finish(state_data(state), state->length, result, values,
							 fuzz_byte(input) % 2 == 0 ? poll : NULL);
	FUZZ_CHECK(status >= VECSTATE_OK && status <= VECSTATE_TOO_FEW);
	for (size_t i = 0; status == VECSTATE_OK && i < n; i++)
		FUZZ_CHECK(vecstate_kind_of(result) != VECSTATE_MOMENTS || !(values[i] < 0));
	free(values);
}

/* One step of the script. */
static void
run_step(State *states, FuzzInput *input)
{
	State	   *state = &states[fuzz_below(input, N_STATES)];

	switch (fuzz_below(input, 10))
	{
		case 0:
			start_state(state, input);
			break;
		case 1:
			load_state(state, input);
			break;
		case 2:
			change_state(state, input);
			break;
		case 3:
			cut_state(state, input);
			break;
		case 4:
			merge_states(state, &states[fuzz_below(input, N_STATES)]);
			break;
		case 5:
			finish_state(state, input);
			break;
		default:
			add_vector(state, input);
			break;
	}
}

/* Runs the script. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	State		states[N_STATES] = {{NULL, 0}};
	FuzzInput	input = {data, size, 0};

	for (int i = 0; i < N_STATES; i++)
		resize_state(&states[i], 0);
	for (int i = 0; i < 200 && fuzz_more(&input); i++)
		run_step(states, &input);
	for (int i = 0; i < N_STATES; i++)
		free(states[i].memory);
	return 0;
}

/* Start, add some, merge, finish: for each kind. */
void
fuzz_seeds(FuzzAdd add)
{
	for (uint8_t kind = 0; kind < 3; kind++)
	{
		uint8_t		script[] = {
			0, 0, kind, 51, 1, 0, kind, 51, 0, 6, 1, 1, 1, 50, 60, 70, 0, 6, 1, 1, 1, 41, 52, 63,
			1, 7, 1, 1, 1, 80, 90, 40,
			0, 4, 1, 0, 5, (uint8_t) (2 * kind), 0, 0, 5, (uint8_t) (2 * kind + 1), 0
		};

		add(script, sizeof(script));
	}
}
