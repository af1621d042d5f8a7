-- What the planner expects of functions that return rows, and the plans that follow from it.
\ir setup.psql
\ir fixture.psql
SELECT no_plan();

-- The plan of a statement, as JSON
CREATE FUNCTION school.plan_of(statement text, options text DEFAULT '') RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (' || options || 'FORMAT json) ' || statement INTO plan;
	RETURN plan -> 0 -> 'Plan';
END $$;

-- All its nodes, the upper ones first
CREATE FUNCTION school.nodes_of(plan jsonb) RETURNS SETOF jsonb LANGUAGE sql AS $$
	WITH RECURSIVE node AS (
		SELECT plan AS node
		UNION ALL
		SELECT jsonb_array_elements(node -> 'Plans') FROM node)
	SELECT node - 'Plans' FROM node $$;

-- ------------------------------------------------------------ every function that says how many

-- A call of each with NULL for what comes before the number of rows, N
CREATE TABLE school.counting AS
	SELECT p.oid::regprocedure::text AS function, p.prorows,
		format('SELECT * FROM %I(%sN)', p.proname,
			(SELECT coalesce(string_agg(format('NULL::%s, ', format_type(type, NULL)), '' ORDER BY i), '')
			FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (type, i) WHERE i < n.position)) AS call
	FROM pg_proc p CROSS JOIN LATERAL (SELECT min(i) AS position
			FROM unnest(p.proargnames[:p.pronargs]) WITH ORDINALITY AS a (name, i) WHERE name IN ('n', 'bins')) n
	WHERE p.proretset AND p.oid IN (SELECT objid FROM pg_depend WHERE classid = 'pg_proc'::regclass AND deptype = 'e'
		AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'course_recsys')) AND n.position IS NOT NULL;

SELECT cmp_ok((SELECT count(*) FROM counting), '>=', 15::bigint, 'functions with a number of rows');
SELECT is((plan_of(replace(call, 'N)', wanted || ')')) ->> 'Plan Rows')::float8,
	(least(wanted, 1000) * CASE WHEN function LIKE 'recommend_all(%' THEN 10000 ELSE 1 END)::float8,
	format('%s: %s rows are expected', function, wanted))
FROM counting, unnest('{1,7,100000}'::int[]) AS wanted ORDER BY function, wanted;
SELECT is((plan_of(replace(call, 'N)', unknown || ')')) ->> 'Plan Rows')::float4, prorows,
	format('%s: those of its definition for %s', function, unknown))
FROM counting, unnest('{(SELECT 7),"NULL",0,-1}'::text[]) AS unknown ORDER BY function, unknown;

-- An argument of a prepared statement is unknown in a plan for all values, known in one for this value.
PREPARE few AS SELECT * FROM recommend_courses(1::bigint, 'knn', $1);
SET LOCAL plan_cache_mode = force_generic_plan;
SELECT is(plan_of('EXECUTE few(3)') ->> 'Plan Rows', '10', 'a generic plan expects the default');
SET LOCAL plan_cache_mode = force_custom_plan;
SELECT is(plan_of('EXECUTE few(3)') ->> 'Plan Rows', '3', 'a custom plan knows the argument');

-- ------------------------------------------------------------ joins

CREATE TABLE school.member AS SELECT i AS id, 'Member ' || i AS name FROM generate_series(1, 20000) AS i;
ALTER TABLE school.member ADD PRIMARY KEY (id);
CREATE TABLE school.course AS SELECT i AS id, 'Course ' || i AS title FROM generate_series(1, 20000) AS i;
ALTER TABLE school.course ADD PRIMARY KEY (id);
CREATE TABLE school.invited AS SELECT i * 500 AS id FROM generate_series(1, 40) AS i;
ANALYZE school.member, school.course, school.invited;
-- Ratings of few, by few: what a call costs does not matter here
CREATE TABLE school.few AS SELECT u AS user_id, c * 100 AS course_id, 3 AS rating
	FROM generate_series(500, 5000, 500) AS u, generate_series(1, 20) AS c WHERE (u / 500 + c) % 3 > 0;
SELECT register_dataset('few', 'few');
SELECT train_model('few', 'popular', dataset => 'few');

-- A few users: the courses are looked up by their index, once for each row.
CREATE TABLE school.plan AS SELECT plan_of($$
	SELECT m.name, c.title FROM member m CROSS JOIN LATERAL recommend_courses(m.id, 'few', 5) r
		JOIN course c ON c.id = r.course_id::int WHERE m.id IN (1, 2, 3)$$) AS plan;
SELECT is((SELECT plan ->> 'Plan Rows' FROM plan), '15', 'three users of five rows each');
SELECT is((SELECT string_agg(node ->> 'Node Type', ' ' ORDER BY node ->> 'Node Type') FROM plan, nodes_of(plan) AS node
	WHERE node ->> 'Relation Name' IS NOT NULL), 'Index Scan Index Scan', 'both tables are read by their index');
SELECT is((SELECT count(*) FROM plan, nodes_of(plan) AS node WHERE node ->> 'Node Type' LIKE 'Hash%'), 0::bigint,
	'nothing is hashed');

-- All users: no lookup a row.
UPDATE plan SET plan = plan_of($$
	SELECT m.name, c.title FROM member m CROSS JOIN LATERAL recommend_courses(m.id, 'few', 5) r
		JOIN course c ON c.id = r.course_id::int$$);
SELECT is((SELECT plan ->> 'Plan Rows' FROM plan), '100000', 'all users of five rows each');
SELECT is((SELECT count(*) FROM plan, nodes_of(plan) AS node WHERE node ->> 'Node Type' = 'Hash Join'), 1::bigint,
	'the courses are hashed');

-- The rows of the function multiply what joins later: so users are selected first, and there is one call for each.
UPDATE plan SET plan = plan_of($$
	SELECT m.name, r.course_id FROM member m CROSS JOIN LATERAL recommend_courses(m.id, 'few', 5) r
		JOIN invited i ON i.id = m.id$$, 'ANALYZE, TIMING off, ');
SELECT is((SELECT node ->> 'Actual Loops' FROM plan, nodes_of(plan) AS node WHERE node ->> 'Node Type' = 'Function Scan'),
	'40', 'a call for each user who is left');
SELECT is((SELECT (plan ->> 'Plan Rows')::numeric FROM plan), (SELECT (plan ->> 'Actual Rows')::numeric FROM plan),
	'as many rows as expected');

-- Users without a row stay, and are expected to.
SELECT is(plan_of($$SELECT * FROM member m LEFT JOIN LATERAL recommend_courses(m.id, 'few', 2) r ON true$$) ->> 'Plan Rows',
	'40000', 'LEFT JOIN LATERAL');

SELECT * FROM finish();
ROLLBACK;
