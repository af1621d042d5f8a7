/*
 * aggregates.c: transition, combine and final functions of the aggregates over vectors.
 *
 * The state is a bytea (core/vecstate.h), which PostgreSQL copies, sends between parallel workers and
 * stores like any value; so these functions can also be called by hand with any bytes, and every state is
 * checked before it is used. Called by an aggregate they change the state in place, otherwise a copy.
 */
#include "postgres.h"

#include "core/vecstate.h"
#include "miscadmin.h"
#include "pg/arrays.h"
#include "pg/compat.h"
#include "utils/float.h"

RECSYS_FUNCTION(recsys_vec_sum_accum);
RECSYS_FUNCTION(recsys_vec_stddev_accum);
RECSYS_FUNCTION(recsys_covariance_accum);
RECSYS_FUNCTION(recsys_user_profile_accum);
RECSYS_FUNCTION(recsys_vec_combine);
RECSYS_FUNCTION(recsys_vec_sum_final);
RECSYS_FUNCTION(recsys_vec_avg_final);
RECSYS_FUNCTION(recsys_vec_stddev_samp_final);
RECSYS_FUNCTION(recsys_vec_stddev_pop_final);
RECSYS_FUNCTION(recsys_covariance_final);

/* The bytes of a state within its bytea. */
#define STATE_DATA(state)	((void *) VARDATA(state))
#define STATE_LENGTH(state)	((size_t) (VARSIZE(state) - VARHDRSZ))

/* Lets the user cancel; the state is thrown away with the query. */
static void
poll_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
}

/* A state of these dims does not fit. */
static void
report_too_large(VecStateKind kind, uint32 dims)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("aggregate state for vectors of length %u is too large", dims),
			 errdetail("It needs " UINT64_FORMAT " bytes, the limit is " UINT64_FORMAT " bytes.",
					   (uint64) vecstate_bytes(kind, dims), (uint64) VECSTATE_MAX_BYTES)));
}

/* The bytes are not those of a state, or not of a state of this aggregate. */
static void
report_corrupt(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid vector aggregate state"),
			 errhint("Support functions of an aggregate take only states that the same aggregate has made.")));
}

/* Raises the error of a status other than OK that adding, merging or finishing returned. */
static void
check_status(VecStateStatus status)
{
	if (likely(status == VECSTATE_OK))
		return;
	if (status == VECSTATE_OVERFLOW)
		float_overflow_error();
	report_corrupt();
}

/* Reads the header of a state that must be of this kind. */
static VecStateInfo
read_state(bytea *state, VecStateKind kind)
{
	VecStateInfo info;

	check_status(vecstate_read(STATE_DATA(state), STATE_LENGTH(state), &info));
	if (info.kind != kind)
		report_corrupt();
	return info;
}

/* All vectors of one group must have the same length. */
static void
check_dims(uint32 expected, uint32 dims)
{
	if (unlikely(expected != dims))
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("vectors of one group differ in length: %u and %u", expected, dims)));
}

/*
 * The state of no vectors. It is allocated in the current memory context, from where the executor copies
 * it into that of the aggregate; allocated there, it would stay beside its copy.
 */
static bytea *
new_state(VecStateKind kind, uint32 dims)
{
	uint64		length = vecstate_bytes(kind, dims);
	bytea	   *state;

	if (length > VECSTATE_MAX_BYTES)
		report_too_large(kind, dims);
	state = palloc(VARHDRSZ + length);
	SET_VARSIZE(state, VARHDRSZ + length);
	check_status(vecstate_init(STATE_DATA(state), kind, dims));
	return state;
}

/* The first argument as a state that may be changed. */
static bytea *
writable_state(FunctionCallInfo fcinfo)
{
	if (AggCheckCallContext(fcinfo, NULL))
		return PG_GETARG_BYTEA_P(0);
	return PG_GETARG_BYTEA_P_COPY(0);
}

/* The state to which a vector is added: the first argument, or a new one before the first vector. */
static bytea *
state_for(FunctionCallInfo fcinfo, VecStateKind kind, uint32 dims)
{
	bytea	   *state;

	if (PG_ARGISNULL(0))
		return new_state(kind, dims);
	state = writable_state(fcinfo);
	check_dims(read_state(state, kind).dims, dims);
	return state;
}

/* The unchanged first argument, for a row that does not count. */
static Datum
skip_row(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/* Adds the vector in the second argument. */
static Datum
accumulate(FunctionCallInfo fcinfo, VecStateKind kind)
{
	Vector		v;
	bytea	   *state;

	if (PG_ARGISNULL(1))
		return skip_row(fcinfo);
	v = vector_from_array(PG_GETARG_ARRAYTYPE_P(1), "v");
	state = state_for(fcinfo, kind, v.length);
	check_status(vecstate_add(STATE_DATA(state), STATE_LENGTH(state), kind, v.values, v.length,
							  poll_interrupts));
	PG_RETURN_BYTEA_P(state);
}

/* Transition function of vec_sum and vec_avg. */
Datum
recsys_vec_sum_accum(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, VECSTATE_SUM);
}

/* Transition function of vec_stddev_samp and vec_stddev_pop. */
Datum
recsys_vec_stddev_accum(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, VECSTATE_MOMENTS);
}

/* Transition function of covariance_matrix. */
Datum
recsys_covariance_accum(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, VECSTATE_COVARIANCE);
}

/* Transition function of user_profile: adds rating x genres. */
Datum
recsys_user_profile_accum(PG_FUNCTION_ARGS)
{
	Vector		genres;
	bytea	   *state;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return skip_row(fcinfo);
	genres = vector_from_array(PG_GETARG_ARRAYTYPE_P(2), "genres");
	state = state_for(fcinfo, VECSTATE_SUM, genres.length);
	check_status(vecstate_add_weighted(STATE_DATA(state), STATE_LENGTH(state), PG_GETARG_FLOAT8(1),
									   genres.values, genres.length));
	PG_RETURN_BYTEA_P(state);
}

/* Combine function of all aggregates; a NULL on either side is a worker that saw no vector. */
Datum
recsys_vec_combine(PG_FUNCTION_ARGS)
{
	bytea	   *state,
			   *other;
	VecStateInfo other_info;

	if (PG_ARGISNULL(1))
		return skip_row(fcinfo);
	other = PG_GETARG_BYTEA_P(1);
	check_status(vecstate_read(STATE_DATA(other), STATE_LENGTH(other), &other_info));
	if (PG_ARGISNULL(0))
		PG_RETURN_BYTEA_P(other);
	state = writable_state(fcinfo);
	check_dims(read_state(state, other_info.kind).dims, other_info.dims);
	check_status(vecstate_combine(STATE_DATA(state), STATE_LENGTH(state),
								  STATE_DATA(other), STATE_LENGTH(other), poll_interrupts));
	PG_RETURN_BYTEA_P(state);
}

/* Computes a result from the state in the first argument, which is not NULL. */
static Datum
finish(FunctionCallInfo fcinfo, VecStateResult result)
{
	bytea	   *state = PG_GETARG_BYTEA_P(0);
	VecStateInfo info = read_state(state, vecstate_kind_of(result));
	VecStateStatus status;
	ArrayType  *array;
	double	   *values;

	if (result == VECSTATE_RESULT_COVARIANCE)
		array = new_matrix_array(info.dims, &values);
	else
		array = new_vector_array(info.dims, &values);
	status = vecstate_finish(STATE_DATA(state), STATE_LENGTH(state), result, values, poll_interrupts);
	if (status == VECSTATE_TOO_FEW)
		PG_RETURN_NULL();
	check_status(status);
	PG_RETURN_ARRAYTYPE_P(array);
}

/* Final function of vec_sum and user_profile. */
Datum
recsys_vec_sum_final(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, VECSTATE_RESULT_SUM);
}

/* Final function of vec_avg. */
Datum
recsys_vec_avg_final(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, VECSTATE_RESULT_MEAN);
}

/* Final function of vec_stddev_samp. */
Datum
recsys_vec_stddev_samp_final(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, VECSTATE_RESULT_STDDEV_SAMP);
}

/* Final function of vec_stddev_pop. */
Datum
recsys_vec_stddev_pop_final(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, VECSTATE_RESULT_STDDEV_POP);
}

/* Final function of covariance_matrix. */
Datum
recsys_covariance_final(PG_FUNCTION_ARGS)
{
	return finish(fcinfo, VECSTATE_RESULT_COVARIANCE);
}
