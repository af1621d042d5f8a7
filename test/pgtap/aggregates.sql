-- Aggregates over vectors: values, NULLs, errors, parallel plans, many groups, damaged states, privileges.
\ir setup.psql
SELECT plan(93);

-- Values that can be checked by hand
CREATE TEMPORARY TABLE three (id int, v float8[]);
INSERT INTO three VALUES (1, '{1,10}'), (2, '{2,20}'), (3, '{6,0}');
SELECT is(vec_sum(v), '{9,30}'::float8[], 'sum') FROM three;
SELECT is(vec_avg(v), '{3,10}'::float8[], 'mean') FROM three;
SELECT is(vec_stddev_pop(v)::numeric(10, 6)[], '{2.160247,8.164966}', 'population standard deviation') FROM three;
SELECT is(vec_stddev_samp(v)::numeric(10, 6)[], '{2.645751,10}', 'sample standard deviation') FROM three;
SELECT is(covariance_matrix(v)::numeric(10, 6)[], '{{7,-20},{-20,100}}', 'covariance matrix') FROM three;
SELECT is(user_profile(id, v), '{23,50}'::float8[], 'user profile') FROM three;
SELECT is(user_profile(rating, genres), '{5,3,0}'::float8[], 'user profile of two courses')
FROM (VALUES (3.0, '{1,1,0}'::int[]), (2.0, '{1,0,0}')) AS t (rating, genres);

-- Against PostgreSQL's own aggregates, with a mean that is large against the spread
CREATE TEMPORARY TABLE wide AS
	SELECT i AS id, i % 7 AS g, ARRAY[1e6 + sin(i), cos(i * i), i % 5, 0.1] AS v
	FROM generate_series(1, 1000) i;
CREATE FUNCTION pg_temp.close_to(a float8[], b float8[]) RETURNS boolean LANGUAGE sql AS $$
	SELECT array_dims(a) = array_dims(b) AND bool_and(abs(x - y) <= 1e-9 * greatest(1, abs(y)))
	FROM unnest(a, b) AS u (x, y) $$;
CREATE TEMPORARY TABLE columns AS
	SELECT g, array_agg(s ORDER BY n) AS s, array_agg(a ORDER BY n) AS a, array_agg(ss ORDER BY n) AS ss,
		array_agg(sp ORDER BY n) AS sp
	FROM (SELECT g, n, sum(x) AS s, avg(x) AS a, stddev_samp(x) AS ss, stddev_pop(x) AS sp
		FROM wide, unnest(v) WITH ORDINALITY AS u (x, n) GROUP BY g, n) t
	GROUP BY g;
SELECT is(count(*)::int, 7, 'sum, avg, stddev_samp and stddev_pop, group by group')
FROM (SELECT g, vec_sum(v) AS s, vec_avg(v) AS a, vec_stddev_samp(v) AS ss, vec_stddev_pop(v) AS sp
	FROM wide GROUP BY g) t JOIN columns c USING (g)
WHERE pg_temp.close_to(t.s, c.s) AND pg_temp.close_to(t.a, c.a) AND pg_temp.close_to(t.ss, c.ss)
	AND pg_temp.close_to(t.sp, c.sp);
SELECT ok(pg_temp.close_to(covariance_matrix(v),
	(SELECT array_agg(r ORDER BY i) FROM (SELECT i, array_agg(c ORDER BY j) AS r FROM
		(SELECT i, j, covar_samp(v[i], v[j]) AS c FROM wide, generate_series(1, 4) i, generate_series(1, 4) j
			GROUP BY i, j) t GROUP BY i) u)), 'covar_samp() for every pair')
FROM wide;
SELECT is((vec_stddev_samp(v))[4], 0::float8, 'a constant element has exactly zero deviation') FROM wide;
SELECT ok(pg_temp.close_to(user_profile(g, v),
	(SELECT array_agg(s ORDER BY n) FROM (SELECT n, sum(g * x) AS s
		FROM wide, unnest(v) WITH ORDINALITY AS u (x, n) GROUP BY n) t)), 'sum(rating * genre) for every genre')
FROM wide;
SELECT is(standardize('{3,10}', vec_avg(v), vec_stddev_pop(v)), '{0,0}'::float8[], 'standardize by aggregates')
FROM three;

-- Argument types that cast to float8[]
SELECT is(vec_sum(v::real[]), '{9,30}'::float8[], 'real[]') FROM three;
SELECT is(vec_sum(v::int[]), '{9,30}'::float8[], 'int[]') FROM three;
SELECT is(vec_avg(v::numeric[]), '{3,10}'::float8[], 'numeric[]') FROM three;
SELECT is(vec_sum('{1,2}'), '{3,6}'::float8[], 'untyped literal') FROM three;
SELECT is(user_profile('2', '{1,2}'), '{6,12}'::float8[], 'untyped literals') FROM three;
SELECT is(user_profile(2::smallint, v::bigint[]), '{18,60}'::float8[], 'smallint and bigint[]') FROM three;

-- No rows, NULL rows, few rows
SELECT is(vec_sum(v), NULL, 'no rows: sum') FROM three WHERE false;
SELECT is(vec_avg(v), NULL, 'no rows: mean') FROM three WHERE false;
SELECT is(vec_stddev_samp(v), NULL, 'no rows: sample deviation') FROM three WHERE false;
SELECT is(vec_stddev_pop(v), NULL, 'no rows: population deviation') FROM three WHERE false;
SELECT is(covariance_matrix(v), NULL, 'no rows: covariances') FROM three WHERE false;
SELECT is(user_profile(id, v), NULL, 'no rows: profile') FROM three WHERE false;
SELECT is(vec_sum(NULL::float8[]), NULL, 'only NULL rows: sum') FROM three;
SELECT is(covariance_matrix(NULL::float8[]), NULL, 'only NULL rows: covariances') FROM three;
SELECT is(user_profile(NULL::float8, v), NULL, 'only NULL ratings') FROM three;
SELECT is(vec_avg(v), '{2}'::float8[], 'NULL rows do not count')
FROM (VALUES (NULL::float8[]), ('{1}'), (NULL), ('{3}'), (NULL)) AS t (v);
SELECT is(vec_stddev_pop(v), '{1}'::float8[], 'NULL rows do not count in deviations')
FROM (VALUES (NULL::float8[]), ('{1}'), (NULL), ('{3}'), (NULL)) AS t (v);
SELECT is(user_profile(r, v), '{2}'::float8[], 'rows with a NULL rating or NULL genres are skipped')
FROM (VALUES (NULL::float8, '{9}'::float8[]), (5, NULL), (2, '{1}'), (NULL, NULL)) AS t (r, v);
SELECT is(vec_stddev_samp(v), NULL, 'one row: no sample deviation') FROM three WHERE id = 1;
SELECT is(vec_stddev_pop(v), '{0,0}'::float8[], 'one row: population deviation 0') FROM three WHERE id = 1;
SELECT is(covariance_matrix(v), NULL, 'one row: no covariances') FROM three WHERE id = 1;
SELECT is(vec_sum('{}'), '{}'::float8[], 'empty arrays: empty sum') FROM three;
SELECT is(covariance_matrix('{}'), '{}'::float8[], 'empty arrays: empty matrix') FROM three;

-- NaN, infinity, range
SELECT is(vec_sum(v), '{NaN,Infinity,NaN}'::float8[], 'sum follows float8 arithmetic')
FROM (VALUES ('{NaN,Infinity,Infinity}'::float8[]), ('{1,1,-Infinity}')) AS t (v);
SELECT is(vec_stddev_pop(v), '{NaN,NaN,NaN,1}'::float8[], 'deviations of NaN and infinity are NaN')
FROM (VALUES ('{NaN,Infinity,3,1}'::float8[]), ('{1,1,-Infinity,3}')) AS t (v);
SELECT is(covariance_matrix(v), '{{NaN,NaN},{NaN,2}}'::float8[], 'covariances of infinity are NaN')
FROM (VALUES ('{1,1}'::float8[]), ('{Infinity,3}')) AS t (v);
SELECT throws_ok($$SELECT vec_sum(v) FROM (VALUES ('{1.7e308}'::float8[]), ('{1.7e308}')) AS t (v)$$,
	'22003', 'value out of range: overflow', 'sum overflows');
SELECT throws_ok($$SELECT vec_stddev_samp(v) FROM (VALUES ('{1e200}'::float8[]), ('{-1e200}')) AS t (v)$$,
	'22003', 'value out of range: overflow', 'deviations overflow');
SELECT throws_ok($$SELECT covariance_matrix(v) FROM (VALUES ('{1e200}'::float8[]), ('{-1e200}')) AS t (v)$$,
	'22003', 'value out of range: overflow', 'covariances overflow');
SELECT throws_ok($$SELECT user_profile(1e200, '{1e200}')$$, '22003', 'value out of range: overflow', 'profile overflows');

-- Errors
SELECT throws_ok(format($$SELECT %s(v) FROM (VALUES ('{1,2,3}'::float8[]), ('{1,2}')) AS t (v)$$, aggregate),
	'2202E', 'vectors of one group differ in length: 3 and 2', aggregate || ': lengths')
FROM unnest('{vec_sum,vec_avg,vec_stddev_samp,vec_stddev_pop,covariance_matrix}'::text[]) AS a (aggregate);
SELECT throws_ok($$SELECT user_profile(1, v) FROM (VALUES ('{}'::float8[]), ('{1,2}')) AS t (v)$$,
	'2202E', 'vectors of one group differ in length: 0 and 2', 'profile: lengths');
SELECT throws_ok(format($$SELECT %s('{1,NULL}')$$, aggregate),
	'22004', 'array "v" contains a null element', aggregate || ': null element')
FROM unnest('{vec_sum,vec_stddev_pop,covariance_matrix}'::text[]) AS a (aggregate);
SELECT throws_ok($$SELECT user_profile(1, '{NULL}')$$, '22004', 'array "genres" contains a null element', 'profile: null element');
SELECT throws_ok($$SELECT vec_avg('{{1,2}}')$$, '2202E', 'array "v" must have one dimension, not 2', 'two dimensions');
SELECT throws_ok($$SELECT user_profile(1, '{{1,2}}')$$, '2202E', 'array "genres" must have one dimension, not 2', 'profile: two dimensions');

-- State and detail of the error that a statement raises; 'none' without one
CREATE FUNCTION pg_temp.error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text;
	detail text;
BEGIN
	EXECUTE statement;
	RETURN 'none';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' ', state, nullif(detail, ''));
END $$;
SELECT is(pg_temp.error_of('SELECT covariance_matrix(array_fill(1::float8, ARRAY[8200]))'),
	'54000 It needs 269058420 bytes, the limit is 268435456 bytes.', 'a state above the limit names need and limit');

-- FILTER, ORDER BY, windows: a running aggregate goes on with a state that has been finished
SELECT is(vec_sum(v ORDER BY id) FILTER (WHERE id > 1), '{8,20}'::float8[], 'FILTER and ORDER BY') FROM three;
SELECT is(array_agg(s::text ORDER BY id), '{"{1,10}","{3,30}","{9,30}"}'::text[], 'running sum')
FROM (SELECT id, vec_sum(v) OVER (ORDER BY id) AS s FROM three) t;
SELECT is(array_agg(s::text ORDER BY id), '{"{0,0}","{0.5,5}","{2,10}"}'::text[], 'moving deviation')
FROM (SELECT id, vec_stddev_pop(v) OVER (ORDER BY id ROWS 1 PRECEDING) AS s FROM three) t;

-- A parallel plan gives what a serial one gives. Three elements, so that states travel in short form, too
CREATE TABLE many AS
	SELECT i AS id, i % 1000 AS g, i % 5 AS rating, ARRAY[i % 3, i % 10, i % 100]::float8[] AS v
	FROM generate_series(1, 200000) i;
ANALYZE many;
CREATE TEMPORARY TABLE serial AS
	SELECT vec_sum(v) AS s, vec_avg(v) AS a, user_profile(rating, v) AS p, vec_stddev_samp(v) AS ss,
		vec_stddev_pop(v) AS sp, covariance_matrix(v) AS c FROM many;
CREATE TEMPORARY TABLE serial_groups AS
	SELECT g, vec_sum(v) AS s, vec_stddev_pop(v) AS sp FROM many GROUP BY g;
CREATE FUNCTION pg_temp.plan_of(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN ' || statement;
END $$;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
SELECT ok(bool_or(line LIKE '%Partial Aggregate%'), 'the plan of ' || aggregate || ' is split')
FROM unnest('{vec_sum(v),vec_avg(v),vec_stddev_samp(v),vec_stddev_pop(v),covariance_matrix(v),"user_profile(rating, v)"}'::text[])
	AS a (aggregate), LATERAL pg_temp.plan_of('SELECT ' || aggregate || ' FROM many') AS line
GROUP BY aggregate ORDER BY aggregate;
SELECT results_eq('SELECT vec_sum(v), vec_avg(v), user_profile(rating, v) FROM many',
	'SELECT s, a, p FROM serial', 'parallel: sums of whole numbers are equal');
SELECT ok(pg_temp.close_to(vec_stddev_samp(v), (SELECT ss FROM serial))
	AND pg_temp.close_to(vec_stddev_pop(v), (SELECT sp FROM serial))
	AND pg_temp.close_to(covariance_matrix(v), (SELECT c FROM serial)), 'parallel: deviations are equal to 1e-9')
FROM many;
CREATE FUNCTION pg_temp.grouped() RETURNS text IMMUTABLE LANGUAGE sql AS
	$$SELECT 'SELECT g, vec_sum(v) AS s, vec_stddev_pop(v) AS sp FROM many GROUP BY g'$$;
SELECT ok(bool_or(line LIKE '%Partial HashAggregate%'), 'a grouped plan is split')
FROM pg_temp.plan_of(pg_temp.grouped()) AS line;
CREATE TEMPORARY TABLE parallel_groups (g int, s float8[], sp float8[]);
DO $$ DECLARE r record; BEGIN FOR r IN EXECUTE pg_temp.grouped() LOOP
	INSERT INTO parallel_groups VALUES (r.g, r.s, r.sp); END LOOP; END $$;
SELECT is(count(*)::int, 1000, 'parallel groups equal serial groups')
FROM parallel_groups p JOIN serial_groups q USING (g)
WHERE p.s = q.s AND pg_temp.close_to(p.sp, q.sp);

-- 100,000 groups: each state is kept once
SET LOCAL max_parallel_workers_per_gather = 0;
SET LOCAL work_mem = '256MB';
SET LOCAL enable_sort = off;
CREATE FUNCTION pg_temp.peak_kilobytes(statement text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || statement INTO plan;
	RETURN jsonb_path_query_first(plan, '$.**."Peak Memory Usage"');
END $$;
SELECT cmp_ok(pg_temp.peak_kilobytes(
		'SELECT id % 100000, vec_sum(ARRAY[id,1,2,3,4,5,6,7,8,9,10,11,12,13]) FROM many GROUP BY 1'),
	'<', 100000 * 600 / 1024, '100,000 groups of 14 elements take less than 600 bytes each, of which 272 are the state');
SELECT is(count(*)::int, 100000, '100,000 groups have the right sums')
FROM (SELECT id % 100000 AS g, vec_sum(ARRAY[id, 1]) AS s FROM many GROUP BY 1) t
WHERE s = ARRAY[CASE g WHEN 0 THEN 300000 ELSE 2 * g + 100000 END, 2]::float8[];

-- Support functions called by hand
CREATE TEMPORARY TABLE states AS
	SELECT 'vec_sum' AS name, vec_sum_accum(vec_sum_accum(NULL, '{1,2}'), '{3,5}') AS state
	UNION ALL SELECT 'vec_stddev', vec_stddev_accum(vec_stddev_accum(NULL, '{1,2}'), '{3,5}')
	UNION ALL SELECT 'covariance', covariance_accum(covariance_accum(NULL, '{1,2}'), '{3,5}')
	UNION ALL SELECT 'user_profile', user_profile_accum(user_profile_accum(NULL, 1, '{1,2}'), 2, '{3,5}');
SELECT is(vec_sum_final(state), '{4,7}'::float8[], 'states by hand') FROM states WHERE name = 'vec_sum';
SELECT is(vec_sum_final(vec_combine(state::text::bytea, state::text::bytea)), '{8,14}'::float8[],
	'states survive text output and input') FROM states WHERE name = 'vec_sum';
SELECT is(vec_sum_final(vec_combine(NULL, state)), '{4,7}'::float8[], 'combine takes NULL on the left')
FROM states WHERE name = 'vec_sum';
SELECT is(vec_sum_final(vec_combine(state, NULL)), '{4,7}'::float8[], 'combine takes NULL on the right')
FROM states WHERE name = 'vec_sum';
SELECT is(vec_combine(NULL, NULL), NULL, 'combine takes NULL on both sides');
-- A state this long lies in the table in the form in which functions use it without a copy.
CREATE TEMPORARY TABLE stored AS SELECT vec_sum_accum(NULL, array_fill(1, ARRAY[50])) AS state;
CREATE TEMPORARY TABLE stored_before AS SELECT md5(state) AS sum FROM stored;
SELECT is(md5(vec_sum_accum(state, array_fill(2, ARRAY[50]))),
	md5(user_profile_accum(vec_sum_accum(NULL, array_fill(-1, ARRAY[50])), 4, array_fill(1, ARRAY[50]))),
	'two vectors add up in one way or the other') FROM stored;
SELECT is(vec_sum_final(vec_combine(state, state)), array_fill(2::float8, ARRAY[50]), 'a state combines with itself')
FROM stored;
SELECT is(md5(state), sum, 'calls by hand leave their argument alone') FROM stored, stored_before;
SELECT throws_ok($$SELECT vec_sum_final(state) FROM states WHERE name = 'covariance'$$,
	'22P03', 'invalid vector aggregate state', 'state of another aggregate: final');
SELECT throws_ok($$SELECT covariance_final(vec_sum_accum(NULL, array_fill(1, ARRAY[20000])))$$,
	'22P03', 'invalid vector aggregate state', 'long state of another aggregate: no huge result is allocated');
SELECT throws_ok($$SELECT vec_stddev_accum(state, '{1,2}') FROM states WHERE name = 'vec_sum'$$,
	'22P03', 'invalid vector aggregate state', 'state of another aggregate: transition');
SELECT throws_ok($$SELECT vec_combine(a.state, b.state) FROM states a, states b WHERE a.name = 'vec_sum' AND b.name = 'covariance'$$,
	'22P03', 'invalid vector aggregate state', 'states of two aggregates: combine');
SELECT throws_ok($$SELECT vec_combine(state, vec_sum_accum(NULL, '{1,2,3}')) FROM states WHERE name = 'vec_sum'$$,
	'2202E', 'vectors of one group differ in length: 2 and 3', 'states of two lengths: combine');

-- Every damaged state through every function that takes it: the error, or 'none'
CREATE FUNCTION pg_temp.damaged(length_only boolean) RETURNS TABLE (name text, at int, call text, error text)
LANGUAGE plpgsql AS $$
DECLARE
	good record;
	bad bytea;
BEGIN
	FOR good IN SELECT * FROM states LOOP
		FOR i IN 0 .. length(good.state) - 1 LOOP
			bad := CASE WHEN length_only THEN substr(good.state, 1, i)
				ELSE set_byte(good.state, i, get_byte(good.state, i) # 255) END;
			FOREACH call IN ARRAY ARRAY[
				good.name || CASE good.name WHEN 'user_profile' THEN '_accum(%1$L, 1, ''{1,2}'')'
					ELSE '_accum(%1$L, ''{1,2}'')' END,
				CASE good.name WHEN 'covariance' THEN 'covariance_final(%1$L)' WHEN 'vec_stddev'
					THEN 'vec_stddev_samp_final(%1$L), vec_stddev_pop_final(%1$L)'
					ELSE 'vec_sum_final(%1$L), vec_avg_final(%1$L)' END,
				'vec_combine(%1$L, %2$L)', 'vec_combine(%2$L, %1$L)', 'vec_combine(NULL, %1$L)']
			LOOP
				name := good.name;
				at := i;
				error := pg_temp.error_of('SELECT ' || format(call, bad, good.state));
				RETURN NEXT;
			END LOOP;
		END LOOP;
	END LOOP;
END $$;
SELECT results_eq('SELECT error, count(*) FROM pg_temp.damaged(true) GROUP BY 1',
	'SELECT ''22P03''::text, 5 * sum(length(state)) FROM states', 'every truncated state is refused by every function');
CREATE TEMPORARY TABLE flipped AS SELECT * FROM pg_temp.damaged(false);
SELECT is_empty($$SELECT * FROM flipped WHERE at < 12 AND error <> '22P03'$$, 'every flipped byte of magic, kind and dims is refused');
SELECT is_empty($$SELECT * FROM flipped WHERE error NOT IN ('none', '22P03', '22003')$$, 'every other flipped byte gives a value or a clear error');
SELECT is(count(*), (SELECT 5 * sum(length(state)) FROM states), 'every byte was flipped for every function') FROM flipped;
SELECT throws_ok($$SELECT vec_combine(state || '\x00', state) FROM states WHERE name = 'vec_sum'$$,
	'22P03', 'invalid vector aggregate state', 'a byte too many is refused');

-- Privileges: the aggregates are for everybody, their support functions are not
CREATE ROLE recsys_test_learner;
GRANT USAGE ON SCHEMA recsys TO recsys_test_learner;
GRANT SELECT ON many TO recsys_test_learner;
SET LOCAL max_parallel_workers_per_gather = 2;
SET LOCAL ROLE recsys_test_learner;
SELECT is((vec_sum(v))[1], 200001::float8, 'an ordinary role may aggregate, in parallel') FROM many;
SELECT is(array_length(covariance_matrix(v), 2), 3, 'and compute covariances') FROM many;
SELECT throws_ok($$SELECT vec_sum_accum(NULL, '{1}')$$, '42501', 'permission denied for function vec_sum_accum', 'but not call a transition function');
RESET ROLE;
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p
	JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension e ON d.refobjid = e.oid AND e.extname = 'course_recsys'
	WHERE p.oid IN (SELECT unnest(ARRAY[aggtransfn, aggcombinefn, aggfinalfn]) FROM pg_aggregate)
		AND has_function_privilege('recsys_test_learner', p.oid, 'EXECUTE')$$,
	'no support function is open to PUBLIC');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p
	JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension e ON d.refobjid = e.oid AND e.extname = 'course_recsys'
	LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid
	WHERE (p.prokind = 'a' AND (a.aggcombinefn = 0 OR a.aggtranstype <> 'bytea'::regtype OR p.proparallel <> 's'))
		OR obj_description(p.oid, 'pg_proc') IS NULL$$,
	'every aggregate can be split, every function has a comment');

SELECT * FROM finish();
ROLLBACK;
