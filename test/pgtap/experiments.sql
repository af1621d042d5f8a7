-- experiment_variant and experiment_report.
\ir setup.psql
\ir fixture.psql
SELECT no_plan();

-- ------------------------------------------------------------ variants

-- What the documents say, in SQL: the first 13 hexadecimal digits of the hash as a fraction
CREATE FUNCTION school.drawn(experiment text, user_id text, variants text[], weights float8[]) RETURNS text LANGUAGE sql AS $$
	SELECT variant FROM (SELECT place, variant, weight, sum(weight) OVER (ORDER BY place) AS reached, sum(weight) OVER () AS total
		FROM unnest(variants, weights) WITH ORDINALITY v (variant, weight, place)) w
	WHERE ('x' || left(md5(experiment || '/' || user_id), 13))::bit(52)::bigint / 2.0::float8 ^ 52 * total < reached
	ORDER BY place LIMIT 1 $$;
SELECT is_empty($$SELECT e, u FROM unnest('{home page,Übung,""}'::text[]) e, generate_series(-3, 500) u
	WHERE experiment_variant(e, u, '{a,b,c}') IS DISTINCT FROM drawn(e, u::text, '{a,b,c}', '{1,1,1}')
	UNION ALL SELECT e, u FROM unnest('{home page,x}'::text[]) e, generate_series(1, 500) u
	WHERE experiment_variant(e, u, '{a,b,c,d}', '{0,2.5,1,0.25}') IS DISTINCT FROM drawn(e, u::text, '{a,b,c,d}', '{0,2.5,1,0.25}')$$,
	'variants are those that anybody can compute');
SELECT is_empty($$SELECT u FROM generate_series(-5, 300) u WHERE experiment_variant('e', u, '{a,b,c}') <> experiment_variant('e', u::text, '{a,b,c}')$$,
	'a number and its text are one user');
SELECT is_empty($$SELECT u FROM generate_series(1, 300) i, LATERAL (SELECT md5(i::text)::uuid AS u) u
	WHERE experiment_variant('e', u, '{a,b,c}') <> experiment_variant('e', u::text, '{a,b,c}')$$, 'a uuid and its text, too');
SELECT is(experiment_variant('home page', 42, '{old,new}'), 'old', 'the example of the documents: md5 begins with 3441');
SELECT is(experiment_variant('home page', '42', '{only}'), 'only', 'one variant');
SELECT is(array_agg(experiment_variant('e', u, '{a,b,c}', '{0,3,0}')), array_fill('b'::text, '{50}'), 'weight 0 is never drawn')
FROM generate_series(1, 50) u;
-- 20,000 users, shares .1, .2, .7: chi-square has 2 degrees of freedom and exceeds x with probability exp(-x / 2), 1e-6 for 27.7
SELECT cmp_ok((SELECT sum((n - 20000 * share) ^ 2 / (20000 * share)) FROM (
		SELECT experiment_variant('shares', u, '{a,b,c}', '{1,2,7}') AS variant, count(*) AS n FROM generate_series(1, 20000) u GROUP BY 1) d
		JOIN (VALUES ('a', 0.1), ('b', 0.2), ('c', 0.7)) s (variant, share) USING (variant)), '<', 27.7, 'shares are those of the weights');
SELECT is(experiment_variant('e', NULL::bigint, '{a,b}'), NULL, 'no user, no variant');
SELECT is(array_agg(DISTINCT provolatile::text || proparallel::text || proisstrict::text), '{isfalse}', 'immutable, parallel safe, and a NULL is not passed over')
FROM pg_proc WHERE proname = 'experiment_variant';
SELECT raises(format('SELECT experiment_variant(%s)', arguments), state, message, hint, arguments) FROM (VALUES
	($$NULL, 1, '{a}'$$, '22004', 'argument "experiment" must not be null', NULL), ($$'e', 1, NULL$$, '22004', 'argument "variants" must not be null', NULL),
	($$'e', 1, '{a,NULL}'$$, '22004', '%"variants"%nulls%', NULL), ($$'e', 1, '{a,b}', '{1,NULL}'$$, '22004', '%"weights"%nulls%', NULL),
	($$'e', 1, '{}'$$, '22023', '%"variants" must not be empty', NULL), ($$'e', NULL::text, '{}'$$, '22023', '%"variants" must not be empty', NULL),
	($$'e', 1, '{{a},{b}}'$$, '2202E', '%"variants"%one dimension%', NULL), ($$'e', 1, '{b,a,b}'$$, '22023', '%"b" is given more than once', '%weight%'),
	($$'e', 1, '{a,b}', '{1}'$$, '2202E', '%different lengths: 2 and 1', NULL), ($$'e', 1, '{a,b}', '{}'$$, '2202E', '%different lengths: 2 and 0', NULL),
	($$'e', 1, '{a,b}', '{1,-0.5}'$$, '22023', '%zero or more, not -0.5', NULL), ($$'e', 1, '{a,b}', '{1,NaN}'$$, '22023', '%zero or more, not %', NULL),
	($$'e', 1, '{a,b}', '{0,0}'$$, '22023', '%positive, finite sum, not 0', NULL), ($$'e', 1, '{a,b}', '{1,Infinity}'$$, '22023', '%positive, finite sum%', NULL),
	($$'e', 1, '{a,b}', '{1e308,1e308}'$$, '22023', '%positive, finite sum%', NULL)) v (arguments, state, message, hint);

-- ------------------------------------------------------------ reports

-- Heart attacks under placebo and aspirin (Agresti, "An introduction to categorical data analysis": chi-square 25.01),
-- as two rows a user, and other experiments; and an example of Newcombe (1998, table II): .0524 to .3339
CREATE TABLE school.seen AS
	SELECT 'aspirin' AS experiment, CASE WHEN n <= 11034 THEN 'placebo' ELSE 'aspirin' END AS variant, n AS user_id,
		part = 2 AND CASE WHEN n <= 11034 THEN n <= 189 ELSE n <= 11034 + 104 END AS converted
	FROM generate_series(1, 22071) n, generate_series(1, 2) part
	UNION ALL SELECT 'newcombe', CASE WHEN n <= 80 THEN 'a' ELSE 'b' END, n, CASE WHEN n <= 80 THEN n <= 48 ELSE n <= 136 END
	FROM generate_series(1, 150) n
	UNION ALL SELECT 'none', v, ascii(v), NULL FROM unnest('{x,y,Y}'::text[]) v;
SELECT results_eq($$SELECT variant, n, conversions, rate::numeric(9, 8), lift::numeric(9, 6), (p_value * 1e7)::numeric(9, 3), ci_low::numeric(9, 4), ci_high::numeric(9, 4)
	FROM experiment_report('school.seen', 'aspirin', 'placebo')$$,
	$$VALUES ('placebo', 11034::bigint, 189::bigint, 0.01712887, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric),
		('aspirin', 11037, 104, 0.00942285, -0.449885, 5.692, -0.0108, -0.0047)$$, 'a textbook''s figures, users counted once');
SELECT results_eq($$SELECT variant, n, conversions, ci_low::numeric(9, 4), ci_high::numeric(9, 4) FROM experiment_report('school.seen', 'newcombe')$$,
	$$VALUES ('a', 80::bigint, 48::bigint, NULL::numeric, NULL::numeric), ('b', 70, 56, 0.0524, 0.3339)$$, 'Newcombe''s; the first variant is the control');
SELECT cmp_ok((SELECT ci_low FROM experiment_report('school.seen', 'newcombe', confidence => 0.99) WHERE variant = 'b'), '<', 0.0524::float8,
	'more confidence, wider interval');
SELECT results_eq($$SELECT variant, n, conversions, rate, lift, p_value, ci_low::numeric(9, 6), ci_high::numeric(9, 6) FROM experiment_report('school.seen', 'none', 'x')$$,
	$$VALUES ('x', 1::bigint, 0::bigint, 0::float8, NULL::float8, NULL::float8, NULL::numeric, NULL::numeric),
		('Y', 1, 0, 0, NULL, 1, -0.793451, 0.793451), ('y', 1, 0, 0, NULL, 1, -0.793451, 0.793451)$$, 'no conversion at all: no lift; variants bytewise');
SELECT is_empty($$SELECT * FROM experiment_report('school.seen', 'nothing')$$, 'no exposure, no row');

CREATE SEQUENCE school.control_seq;

-- Other names and types; a view; a temporary table
CREATE TABLE school.shown (who uuid, "What it was" varchar, bought numeric, test int);
INSERT INTO school.shown SELECT md5(n::text)::uuid, CASE n % 2 WHEN 0 THEN 'B' ELSE 'A' END, CASE WHEN n % 5 < n % 2 + 1 THEN n END, 7 FROM generate_series(1, 100) n;
CREATE VIEW school.shown_view AS SELECT who AS user_id, "What it was" AS variant, bought > 0 AS converted FROM school.shown;
CREATE TEMP TABLE shown_here AS SELECT who AS user_id, "What it was" AS variant, coalesce(bought, 'NaN')::float8 AS converted, NULL AS experiment FROM school.shown;
SELECT results_eq($$SELECT * FROM experiment_report('school.shown', '7', 'A', 'What it was', 'who', 'bought', 'test')$$, $$SELECT * FROM experiment_report('school.shown_view')$$,
	'uuid, varchar, numeric and a number of the experiment');
SELECT results_eq($$SELECT * FROM experiment_report('shown_here')$$, $$SELECT * FROM experiment_report('school.shown_view')$$, 'a temporary table; NaN is no outcome');
SELECT results_eq($$SELECT variant, n, conversions FROM experiment_report('school.shown_view')$$, $$VALUES ('A', 50::bigint, 20::bigint), ('B', 50, 10)$$, 'counts');

-- Variants of experiment_variant, reported
CREATE TABLE school.round AS SELECT u AS user_id, experiment_variant('round', u, '{control,test}') AS variant, u % 7 = 0 AS converted FROM generate_series(1, 1000) u;
SELECT is((SELECT sum(n) FROM experiment_report('school.round')), 1000::numeric, 'from the draw to the report');
SELECT results_eq($$SELECT variant, n, conversions FROM experiment_report('school.round')$$,
	$$SELECT variant, count(*), count(*) FILTER (WHERE converted) FROM school.round GROUP BY 1 ORDER BY 1$$, 'with the numbers of a plain count');

-- Users with more than one variant are told of
CREATE FUNCTION school.warned(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	SET LOCAL client_min_messages = error;
	RETURN QUERY EXECUTE statement;
END $$;
INSERT INTO school.round SELECT user_id, CASE variant WHEN 'test' THEN 'control' ELSE 'test' END, true FROM school.round WHERE user_id <= 3;
SELECT is(warned($$SELECT sum(n)::text FROM experiment_report('school.round')$$), '1003', 'users of two variants count in both');

SELECT raises(format('SELECT * FROM experiment_report(%s)', arguments), state, message, hint, arguments) FROM (VALUES
	($$NULL$$, '22004', 'argument "exposures" must not be null', NULL), ($$0$$, '42P01', '%"exposures"%OID 0%', NULL), ($$1$$, '42P01', '%OID 1 %', NULL),
	($$'school.seen', 'aspirin', 'sugar'$$, '22023', 'control variant "sugar" has no exposure', '%"aspirin", "placebo"%'),
	($$'school.seen', 'nothing', 'sugar'$$, '22023', 'control variant "sugar" has no exposure', '%no exposures%'),
	($$'school.seen', variant_column => NULL$$, '22004', 'argument "variant_column" must not be null', NULL),
	($$'school.seen', user_column => NULL$$, '22004', 'argument "user_column" must not be null', NULL),
	($$'school.seen', outcome_column => NULL$$, '22004', 'argument "outcome_column" must not be null', NULL),
	($$'school.seen', experiment_column => NULL$$, '22004', 'argument "experiment_column" must not be null', NULL),
	($$'school.seen', confidence => NULL$$, '22004', 'argument "confidence" must not be null', NULL),
	($$'school.seen', confidence => 1$$, '22023', '%"confidence"%between 0 and 1, not 1', '%0.95%'), ($$'school.seen', confidence => 0$$, '22023', '%"confidence"%not 0', NULL),
	($$'school.seen', confidence => 'NaN'$$, '22023', '%"confidence"%', NULL), ($$'school.seen', confidence => 95$$, '22023', '%"confidence"%not 95', NULL),
	($$'school.seen', variant_column => 'arm'$$, '42703', '%"arm"%school.seen%', '%variant_column%'),
	($$'school.shown'$$, '42703', '%"variant"%', '%variant_column%'),
	($$'school.shown_view', 'x'$$, '42703', '%"experiment"%', '%experiment_column%'),
	($$'school.seen', outcome_column => 'variant'$$, '42804', '%"variant"%text%outcome_column%', '%boolean or numeric%'),
	($$'school.seen', user_column => 'ctid'$$, '42703', '%"ctid"%', NULL),
	($$'school.control_seq'$$, '42809', '%"control_seq" cannot be used for exposures', NULL)) v (arguments, state, message, hint);
INSERT INTO school.seen VALUES ('lost', NULL, 1, true), ('nobody', 'a', NULL, true);
SELECT raises($$SELECT * FROM experiment_report('school.seen', 'lost')$$, '22004', '%"variant"%school.seen%nulls', '%view%', 'a row without a variant');
SELECT raises($$SELECT * FROM experiment_report('school.seen', 'nobody')$$, '22004', '%"user_id"%school.seen%nulls', '%view%', 'a row without a user');

-- ------------------------------------------------------------ rights

CREATE ROLE course_reporter;
GRANT USAGE ON SCHEMA school, recsys TO course_reporter;
SET LOCAL ROLE course_reporter;
SELECT throws_ok($$SELECT * FROM recsys.experiment_report('school.seen', 'newcombe')$$, '42501', NULL, 'nobody reports what they may not read');
RESET ROLE;
GRANT SELECT (variant, user_id, experiment) ON school.seen TO course_reporter;
SET LOCAL ROLE course_reporter;
SELECT throws_ok($$SELECT * FROM recsys.experiment_report('school.seen', 'newcombe')$$, '42501', NULL, 'nor without one of the columns');
RESET ROLE;
GRANT SELECT (converted) ON school.seen TO course_reporter;
ALTER TABLE school.seen ENABLE ROW LEVEL SECURITY;
CREATE POLICY even ON school.seen TO course_reporter USING (user_id % 2 = 0);
SET LOCAL ROLE course_reporter;
SELECT results_eq($$SELECT variant, n, conversions FROM recsys.experiment_report('school.seen', 'newcombe')$$,
	$$VALUES ('a', 40::bigint, 24::bigint), ('b', 35, 28)$$, 'and policies leave out what the caller may not see');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
