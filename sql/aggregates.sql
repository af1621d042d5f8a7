-- Aggregates over float8[] and ratings.
--
-- All have a bytea state and a combine function that takes NULL on either side, so a parallel plan can split
-- them. Transition and combine functions are not STRICT: rows with a NULL are skipped by the functions
-- themselves. The support functions are revoked from PUBLIC: PostgreSQL lets an aggregate call them by the
-- rights of the aggregate's owner, so everybody can still use the aggregates. Citus checks the rights of the
-- caller instead; where its queries split these aggregates, grant EXECUTE on the support functions to the
-- roles that run them (they check every state that they are given).

CREATE FUNCTION vec_sum_accum(state bytea, v float8[]) RETURNS bytea
	AS 'MODULE_PATHNAME', 'recsys_vec_sum_accum'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 8;
REVOKE ALL ON FUNCTION vec_sum_accum(bytea, float8[]) FROM PUBLIC;
COMMENT ON FUNCTION vec_sum_accum(bytea, float8[]) IS
'transition function of vec_sum and vec_avg';

CREATE FUNCTION vec_stddev_accum(state bytea, v float8[]) RETURNS bytea
	AS 'MODULE_PATHNAME', 'recsys_vec_stddev_accum'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 12;
REVOKE ALL ON FUNCTION vec_stddev_accum(bytea, float8[]) FROM PUBLIC;
COMMENT ON FUNCTION vec_stddev_accum(bytea, float8[]) IS
'transition function of vec_stddev_samp and vec_stddev_pop';

CREATE FUNCTION covariance_accum(state bytea, v float8[]) RETURNS bytea
	AS 'MODULE_PATHNAME', 'recsys_covariance_accum'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 40;
REVOKE ALL ON FUNCTION covariance_accum(bytea, float8[]) FROM PUBLIC;
COMMENT ON FUNCTION covariance_accum(bytea, float8[]) IS
'transition function of covariance_matrix';

CREATE FUNCTION user_profile_accum(state bytea, rating float8, genres float8[]) RETURNS bytea
	AS 'MODULE_PATHNAME', 'recsys_user_profile_accum'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 8;
REVOKE ALL ON FUNCTION user_profile_accum(bytea, float8, float8[]) FROM PUBLIC;
COMMENT ON FUNCTION user_profile_accum(bytea, float8, float8[]) IS
'transition function of user_profile';

CREATE FUNCTION vec_combine(state bytea, other bytea) RETURNS bytea
	AS 'MODULE_PATHNAME', 'recsys_vec_combine'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 8;
REVOKE ALL ON FUNCTION vec_combine(bytea, bytea) FROM PUBLIC;
COMMENT ON FUNCTION vec_combine(bytea, bytea) IS
'combine function of the aggregates over vectors; an invalid state is an error (22P03)';

CREATE FUNCTION vec_sum_final(state bytea) RETURNS float8[]
	AS 'MODULE_PATHNAME', 'recsys_vec_sum_final'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 8;
REVOKE ALL ON FUNCTION vec_sum_final(bytea) FROM PUBLIC;
COMMENT ON FUNCTION vec_sum_final(bytea) IS
'final function of vec_sum and user_profile; an invalid state is an error (22P03)';

CREATE FUNCTION vec_avg_final(state bytea) RETURNS float8[]
	AS 'MODULE_PATHNAME', 'recsys_vec_avg_final'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 8;
REVOKE ALL ON FUNCTION vec_avg_final(bytea) FROM PUBLIC;
COMMENT ON FUNCTION vec_avg_final(bytea) IS
'final function of vec_avg; an invalid state is an error (22P03)';

CREATE FUNCTION vec_stddev_samp_final(state bytea) RETURNS float8[]
	AS 'MODULE_PATHNAME', 'recsys_vec_stddev_samp_final'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 8;
REVOKE ALL ON FUNCTION vec_stddev_samp_final(bytea) FROM PUBLIC;
COMMENT ON FUNCTION vec_stddev_samp_final(bytea) IS
'final function of vec_stddev_samp; an invalid state is an error (22P03)';

CREATE FUNCTION vec_stddev_pop_final(state bytea) RETURNS float8[]
	AS 'MODULE_PATHNAME', 'recsys_vec_stddev_pop_final'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 8;
REVOKE ALL ON FUNCTION vec_stddev_pop_final(bytea) FROM PUBLIC;
COMMENT ON FUNCTION vec_stddev_pop_final(bytea) IS
'final function of vec_stddev_pop; an invalid state is an error (22P03)';

CREATE FUNCTION covariance_final(state bytea) RETURNS float8[]
	AS 'MODULE_PATHNAME', 'recsys_covariance_final'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 8;
REVOKE ALL ON FUNCTION covariance_final(bytea) FROM PUBLIC;
COMMENT ON FUNCTION covariance_final(bytea) IS
'final function of covariance_matrix; an invalid state is an error (22P03)';

CREATE AGGREGATE vec_sum(v float8[]) (
	SFUNC = vec_sum_accum,
	STYPE = bytea,
	SSPACE = 256,
	COMBINEFUNC = vec_combine,
	FINALFUNC = vec_sum_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE vec_sum(float8[]) IS
'sum, element by element, as a plain float8 sum; NULL without rows, an empty array for empty arrays. NaN and infinite elements follow float8 arithmetic. NULL rows are skipped. Arrays that differ in length or have more than one dimension are an error (2202E), and so are null elements (22004), a result beyond float8 (22003) and a state above 256 MB (54000)';

CREATE AGGREGATE vec_avg(v float8[]) (
	SFUNC = vec_sum_accum,
	STYPE = bytea,
	SSPACE = 256,
	COMBINEFUNC = vec_combine,
	FINALFUNC = vec_avg_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE vec_avg(float8[]) IS
'mean, element by element: vec_sum divided by the number of rows; NULL without rows, an empty array for empty arrays. NaN and infinite elements follow float8 arithmetic. NULL rows are skipped. Arrays that differ in length or have more than one dimension are an error (2202E), and so are null elements (22004), a result beyond float8 (22003) and a state above 256 MB (54000)';

CREATE AGGREGATE vec_stddev_samp(v float8[]) (
	SFUNC = vec_stddev_accum,
	STYPE = bytea,
	SSPACE = 512,
	COMBINEFUNC = vec_combine,
	FINALFUNC = vec_stddev_samp_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE vec_stddev_samp(float8[]) IS
'sample standard deviation (n - 1), element by element, computed with a running mean (Welford), not from sums of squares; NULL for fewer than two rows, an empty array for empty arrays. An element that is NaN or infinite in any row gives NaN. NULL rows are skipped. Arrays that differ in length or have more than one dimension are an error (2202E), and so are null elements (22004), a result beyond float8 (22003) and a state above 256 MB (54000)';

CREATE AGGREGATE vec_stddev_pop(v float8[]) (
	SFUNC = vec_stddev_accum,
	STYPE = bytea,
	SSPACE = 512,
	COMBINEFUNC = vec_combine,
	FINALFUNC = vec_stddev_pop_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE vec_stddev_pop(float8[]) IS
'population standard deviation (n), element by element, computed with a running mean (Welford), not from sums of squares; NULL without rows, an empty array for empty arrays. An element that is NaN or infinite in any row gives NaN. NULL rows are skipped. Arrays that differ in length or have more than one dimension are an error (2202E), and so are null elements (22004), a result beyond float8 (22003) and a state above 256 MB (54000)';

CREATE AGGREGATE covariance_matrix(v float8[]) (
	SFUNC = covariance_accum,
	STYPE = bytea,
	SSPACE = 2048,
	COMBINEFUNC = vec_combine,
	FINALFUNC = covariance_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE covariance_matrix(float8[]) IS
'sample covariances (n - 1) of all pairs of elements, a symmetric matrix with the variances on the diagonal, computed with a running mean (Welford), not from sums of squares; NULL for fewer than two rows, an empty array for empty arrays. An element that is NaN or infinite in any row gives NaN. NULL rows are skipped. Arrays that differ in length or have more than one dimension are an error (2202E), and so are null elements (22004), a result beyond float8 (22003) and a state above 256 MB (54000)';

CREATE AGGREGATE user_profile(rating float8, genres float8[]) (
	SFUNC = user_profile_accum,
	STYPE = bytea,
	SSPACE = 256,
	COMBINEFUNC = vec_combine,
	FINALFUNC = vec_sum_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE user_profile(float8, float8[]) IS
'sum of rating x genres over a user''s courses, as a plain float8 sum; NULL without rows, an empty array for empty arrays. NaN and infinite numbers follow float8 arithmetic. Rows with a NULL rating or genres are skipped. Arrays that differ in length or have more than one dimension are an error (2202E), and so are null elements (22004), a result beyond float8 (22003) and a state above 256 MB (54000)';
