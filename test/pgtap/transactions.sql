-- Models in subtransactions that are rolled back, in plpgsql, triggers, cursors, and beside parallel plans: the session
-- that has a model cached serves at every moment what its transaction sees.
\ir setup.psql
\ir fixture.psql
SELECT no_plan();

-- versions|published|withdrawn of a model, oldest first
CREATE FUNCTION school.versions(name text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(version || CASE WHEN published THEN ' published' ELSE '' END || CASE WHEN withdrawn THEN ' withdrawn' ELSE '' END, ', ' ORDER BY version)
	FROM recsys_model_versions WHERE model = name $$;

-- All that a model answers to some users
CREATE FUNCTION school.answer(name text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws(' ', u, course_id, score, source), ',' ORDER BY u, rank)
	FROM unnest('{1,2,13,22}'::int[]) AS u, recommend_courses(u, name, 12) $$;

-- Two models of every method: m_METHOD, of which versions 1 and 2 have learned from different ratings
SELECT train_model('m_' || method, method, dataset => 'school') FROM recsys_methods();
CREATE TABLE school.state AS SELECT method, 'm_' || method AS model, answer('m_' || method) AS first, NULL::text AS second
	FROM recsys_methods();

-- What changes the answer of each method, in ratings, texts, genres or attributes
CREATE FUNCTION school.other_data() RETURNS void LANGUAGE sql AS $$
	UPDATE ratings SET rating = 6 - rating WHERE user_id % 3 = 0 AND rating > 0;
	DELETE FROM ratings WHERE user_id > 12 AND course_id IN ('c01', 'c02', 'c03');
	UPDATE courses SET description = 'snow and coal mixed', black = 0.5 WHERE course_id IN ('c03', 'c04', 'c05', 'c06') $$;

-- The models' answers, whether they are those remembered in `which`
CREATE FUNCTION school.serve(which text, description text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	s school.state;
BEGIN
	FOR s IN SELECT * FROM school.state ORDER BY method LOOP
		RETURN NEXT is(answer(s.model), CASE which WHEN 'first' THEN s.first ELSE s.second END, s.method || ': ' || description);
	END LOOP;
END $$;

-- No memory of a job is held between statements.
CREATE FUNCTION school.no_call_is_open(description text) RETURNS text LANGUAGE sql AS $$
	SELECT is((SELECT count(*) FROM pg_backend_memory_contexts
		WHERE name IN ('course_recsys job', 'course_recsys stored model')), 0::bigint, description) $$;

-- ------------------------------------------------------------ savepoints

SELECT serve('first', 'before');

SAVEPOINT data;
SELECT other_data();
SAVEPOINT trained;
SELECT is(version, 2, t.method || ': trained in a subtransaction')
	FROM recsys_methods() m, train_model('m_' || m.method, m.method, dataset => 'school') t;
UPDATE state SET second = answer(model);
SELECT is_empty($$SELECT method FROM state WHERE first = second$$, 'the new versions answer differently');
ROLLBACK TO data;
SELECT serve('first', 'after ROLLBACK TO the old version is served by the session that served the new one');
SELECT is_empty($$SELECT model, version FROM recsys_model_versions WHERE version <> 1$$, 'no version is left');
SELECT is_empty($$SELECT build FROM recsys_model_data EXCEPT SELECT build FROM recsys_model$$, 'nor data');
SELECT no_call_is_open('nor memory');

-- The same once more and released: the versions get the same numbers, and stay.
SELECT other_data();
SAVEPOINT outer_one;
SAVEPOINT inner_one;
SELECT is(version, 2, t.method || ': the number is given again')
	FROM recsys_methods() m, train_model('m_' || m.method, m.method, dataset => 'school') t;
UPDATE state SET second = answer(model);
RELEASE inner_one;
SELECT serve('second', 'after RELEASE the new version is served');
SAVEPOINT inner_two;
SELECT is(rollback_model(model), 1, model || ': rollback_model') FROM state;
-- The users' ratings are now others than when the first version gave its answers.
UPDATE state SET first = answer(model);
ROLLBACK TO inner_two;
SELECT is_empty($$SELECT model FROM state WHERE versions(model) <> '1, 2 published'$$, 'rollback_model is undone');
SELECT serve('second', 'rollback_model undone: the new version is served');
SELECT publish_model(model, 1) FROM state;
UPDATE state SET first = answer(model);
SELECT is_empty($$SELECT method FROM state WHERE first = second$$, 'publish_model changes the answers');
SAVEPOINT inner_three;
SELECT publish_model(model, 2) FROM state;
SELECT serve('second', 'published again');
ROLLBACK TO inner_three;
SELECT serve('first', 'publish_model undone');
SELECT drop_model(model) FROM state;
SELECT throws_ok(format('SELECT * FROM recommend_courses(1, %L)', model), '42704', NULL, model || ': dropped') FROM state;
SELECT is(version, 1, t.method || ': a new life')
	FROM recsys_methods() m, train_model('m_' || m.method, 'popular', dataset => 'school') t;
SELECT is((SELECT source FROM recommend_courses(1, model, 1)), 'popular', model || ': which answers') FROM state;
ROLLBACK TO inner_three;
SELECT serve('first', 'drop_model and training undone: version 1 is another one again');
SAVEPOINT dataset;
SELECT lives_ok($$SELECT register_dataset('school', 'ratings')$$, 'another dataset under the name');
SELECT throws_ok($$SELECT train_model('m_user_profile', 'user_profile', dataset => 'school')$$, '22000', NULL, 'it has no genres');
ROLLBACK TO dataset;
SELECT serve('first', 'the dataset is what it was');
SELECT lives_ok($$SELECT train_model('m_user_profile', 'user_profile', dataset => 'school', publish => false)$$,
	'and can be trained on');
ROLLBACK TO outer_one;
ROLLBACK TO data;
SELECT is_empty($$SELECT model FROM state WHERE versions(model) <> '1 published'$$, 'all undone');
SELECT serve('first', 'all undone: the first version with the first data');

-- A failed statement in a subtransaction leaves the session's memory and role as they were.
SAVEPOINT failing;
UPDATE ratings SET rating = 'NaN' WHERE user_id = 20;
SELECT throws_ok(format('SELECT train_model(%L, %L, dataset => ''school'')', model, method), '22000', NULL,
	method || ': a run that fails') FROM state;
ROLLBACK TO failing;
SELECT serve('first', 'after runs that failed');
SELECT no_call_is_open('failed runs leave no memory');

-- ------------------------------------------------------------ plpgsql

-- Trains and serves inside an EXCEPTION block, `depth` deep, each of which fails after it.
CREATE FUNCTION school.train_and_fail(depth int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	seen text;
BEGIN
	BEGIN
		PERFORM train_model('m_knn', 'popular', dataset => 'school');
		IF depth > 1 THEN
			PERFORM train_and_fail(depth - 1);
		END IF;
		SELECT source INTO seen FROM recommend_courses(1, 'm_knn', 1);
		RAISE EXCEPTION 'back' USING ERRCODE = 'UB001';
	EXCEPTION WHEN SQLSTATE 'UB001' THEN
		RETURN concat_ws(' then ', seen, (SELECT source FROM recommend_courses(1, 'm_knn', 1)), versions('m_knn'));
	END;
END $$;
SELECT is(train_and_fail(depth), 'popular then m_knn then 1 published', 'an EXCEPTION block, ' || depth || ' deep')
	FROM generate_series(1, 3) AS depth;
SELECT serve('first', 'after EXCEPTION blocks');

-- Subtransactions that end one after another while an outer call holds the model: the pin stays until the call is over.
CREATE VIEW school.nervous_courses AS SELECT c.* FROM courses c WHERE train_and_fail(1) IS NOT NULL;
SELECT register_dataset('nervous', 'ratings', 'nervous_courses');
SELECT train_model('m_nervous', 'popular', dataset => 'nervous');
SELECT is((SELECT count(*) FROM recommend_courses(1, 'm_nervous', 12, exclude_seen => false)), 12::bigint,
	'a view of courses whose function trains in subtransactions that fail');

DO $$
BEGIN
	FOR i IN 1 .. 3 LOOP
		PERFORM train_model('in_do', 'popular', '{"keep_versions": 5}', 'school');
		BEGIN
			PERFORM train_model('in_do', 'knn', '{"keep_versions": 5}', 'school');
			PERFORM * FROM recommend_courses(1, 'in_do');
			RAISE division_by_zero;
		EXCEPTION WHEN division_by_zero THEN
			IF (SELECT DISTINCT source FROM recommend_courses(1, 'in_do', 3)) <> 'popular' THEN
				RAISE 'the wrong version is served';
			END IF;
		END;
	END LOOP;
END $$;
SELECT is(versions('in_do'), '1, 2, 3 published', 'a DO block');

-- A trigger that retrains after each statement, and one that asks the model while the statement runs
CREATE FUNCTION school.retrain() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM train_model('triggered', 'popular', dataset => 'school'); RETURN NULL; END $$;
CREATE FUNCTION school.ask() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM * FROM recommend_courses(NEW.user_id, 'triggered'); RETURN NEW; END $$;
SELECT train_model('triggered', 'popular', dataset => 'school');
CREATE TRIGGER retrain AFTER INSERT OR DELETE ON ratings FOR EACH STATEMENT EXECUTE FUNCTION retrain();
CREATE TRIGGER ask BEFORE INSERT ON ratings FOR EACH ROW EXECUTE FUNCTION ask();
INSERT INTO ratings SELECT u, 'c11', 3, now() FROM generate_series(21, 60) AS u;
SELECT is((SELECT course_id || ' ' || score FROM recommend_courses(NULL::int, 'triggered', 1)),
	(SELECT 'c11 ' || count(*) FROM ratings WHERE course_id = 'c11'), 'a trigger trains on the rows of its statement');
SAVEPOINT triggered;
DELETE FROM ratings WHERE user_id > 24;
SELECT is((SELECT max(version) FROM recsys_model_versions WHERE model = 'triggered'), 3, 'and again');
ROLLBACK TO triggered;
SELECT is(versions('triggered'), '1, 2 published', 'undone with its statement');
SELECT is((SELECT score FROM recommend_courses(NULL::int, 'triggered', 1)),
	(SELECT count(*)::float8 FROM ratings WHERE course_id = 'c11'), 'and the version before is served');

-- ------------------------------------------------------------ cursors

CREATE TABLE school.everything AS SELECT * FROM recommend_all('m_popular', 3);
DECLARE plain SCROLL CURSOR FOR SELECT * FROM recommend_all('m_popular', 3);
MOVE 1 FROM plain;
SAVEPOINT dropped;
SELECT drop_model('m_popular');
SELECT throws_ok($$SELECT * FROM recommend_all('m_popular', 3)$$, '42704', NULL, 'the model is dropped');
CREATE FUNCTION school.rest(name refcursor) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	MOVE ABSOLUTE 0 FROM name;
	LOOP
		FETCH name INTO r;
		EXIT WHEN NOT FOUND;
		RETURN NEXT r;
	END LOOP;
END $$;
SELECT results_eq('SELECT * FROM rest(''plain'') AS t(user_id text, rank int, course_id text, title text, score float8, source text)',
	'SELECT * FROM everything', 'a cursor goes on after its model was dropped');
ROLLBACK TO dropped;
SAVEPOINT opened;
DECLARE inner_cursor SCROLL CURSOR FOR SELECT * FROM recommend_all('m_popular', 3);
FETCH 1 FROM inner_cursor;
ROLLBACK TO opened;
SELECT throws_ok('FETCH inner_cursor', '34000', NULL, 'a cursor of a subtransaction that was rolled back is gone');
CLOSE plain;
SELECT no_call_is_open('closed cursors leave no memory');

-- ------------------------------------------------------------ parallel plans

SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
CREATE TABLE school.numbers AS SELECT i FROM generate_series(1, 20000) AS i;
ANALYZE school.numbers;
CREATE FUNCTION school.plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		plan := plan || line || E'\n';
	END LOOP;
	RETURN plan;
END $$;
SELECT alike(plan_of('SELECT count(*) FROM numbers'), '%Gather%', 'the table is read in parallel');
SELECT unalike(plan_of(q), '%Gather%', 'not beside: ' || q) FROM (VALUES
	($$SELECT count(*) FROM numbers WHERE i < 3 AND (SELECT count(*) FROM recommend_courses(i, 'm_popular', 1)) > 0$$),
	($$SELECT count(*) FROM numbers, train_model('in_parallel', 'popular', dataset => 'school') WHERE i < 3$$)) v(q);
SELECT is((SELECT count(*) FROM numbers, LATERAL recommend_courses(i, 'm_popular', 1) WHERE i < 30), 29::bigint,
	'answers beside a large table');
-- Ratings read in parallel, inside a training run
CREATE TABLE school.many AS SELECT u AS user_id, c AS course_id, 3::real AS rating
	FROM generate_series(1, 400) AS u, generate_series(1, 30) AS c WHERE (u * 7 + c) % 3 = 0;
ANALYZE school.many;
SELECT register_dataset('many', 'many');
SELECT is((SELECT ratings FROM train_model('in_parallel', 'knn', dataset => 'many')), (SELECT count(*) FROM many), 'training');
-- (the setting has another name since PostgreSQL 16)
SELECT set_config(name, 'on', true) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT is((SELECT ratings FROM train_model('in_parallel', 'knn', dataset => 'many')), (SELECT count(*) FROM many),
	'training where plans are made parallel');
SELECT is((SELECT count(*) FROM recommend_courses(1, 'in_parallel')), 10::bigint, 'serving there');

SELECT * FROM finish();
ROLLBACK;
