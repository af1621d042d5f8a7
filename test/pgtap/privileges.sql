-- Who may do what: rights on the data, row-level security, owners of datasets and models, hostile search paths.
\ir setup.psql
\ir fixture.psql
SELECT no_plan();

CREATE ROLE course_owner;
CREATE ROLE course_deputy IN ROLE course_owner;
CREATE ROLE course_reader;
CREATE ROLE course_column_reader;
CREATE ROLE course_stranger;
CREATE ROLE course_rival;
GRANT USAGE ON SCHEMA recsys, school TO PUBLIC;
GRANT CREATE ON SCHEMA school TO course_owner;
ALTER TABLE school.ratings OWNER TO course_owner;
ALTER TABLE school.courses OWNER TO course_owner;
ALTER TABLE school.users OWNER TO course_owner;
ALTER TABLE school.terms OWNER TO course_owner;
GRANT SELECT ON school.ratings, school.courses, school.users, school.terms TO course_reader, course_rival;
GRANT SELECT (user_id, course_id, rating, rated_at) ON school.ratings TO course_column_reader;
GRANT SELECT (course_id, title, description, white, black) ON school.courses TO course_column_reader;
GRANT SELECT (id, colour) ON school.users TO course_column_reader;
GRANT SELECT ON school.terms TO course_column_reader;
SELECT drop_dataset('school');

SET LOCAL ROLE course_owner;
SELECT register_dataset('school', 'school.ratings', 'school.courses', time_column => 'rated_at',
	genre_columns => '{white,black}',
	terms => 'school.terms', users => 'school.users', user_feature_columns => '{colour}');
SELECT is((SELECT count(*) FROM train_model(method, dataset => 'school')), 1::bigint, 'the owner trains ' || method)
	FROM recsys_methods();
SELECT is((SELECT array_agg(DISTINCT owner) FROM recsys_models), '{course_owner}', 'and owns the models');
RESET ROLE;

-- ------------------------------------------------------------ answers are for those who may read the data

-- A call of every function of the extension that takes a model or a dataset
CREATE TABLE school.call AS
	SELECT p.oid::regprocedure::text AS function, p.proname::text AS name,
		format('SELECT * FROM recsys.%I(%s)', p.proname, string_agg(
		format('%I => %s', a.name,
			CASE a.name WHEN 'model' THEN '''knn''' WHEN 'method' THEN '''knn''' WHEN 'dataset' THEN '''school'''
			WHEN 'name' THEN '''school''' WHEN 'ratings' THEN '''school.ratings''' WHEN 'courses' THEN '''{c01}'''
			WHEN 'version' THEN '1' WHEN 'user_id' THEN CASE a.type WHEN 'uuid'::regtype THEN 'NULL' ELSE '''1''' END WHEN 'course_id' THEN '''1''' END
			|| '::' || format_type(a.type, NULL)), ', ' ORDER BY place)) AS statement
	FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e',
		unnest(p.proargnames[1:p.pronargs], p.proargtypes) WITH ORDINALITY a (name, type, place)
	WHERE d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'course_recsys')
		AND p.proargnames && '{model,dataset}'
		AND ('model' = ANY (p.proargnames[1:p.pronargs]) OR 'dataset' = ANY (p.proargnames[1:p.pronargs]))
		AND p.proname <> 'recsys_dataset_readable' AND a.place <= greatest(1, p.pronargs - p.pronargdefaults)
	GROUP BY p.oid;
GRANT SELECT ON school.call TO PUBLIC;
SELECT cmp_ok(count(DISTINCT name), '>=', 20::bigint, 'all functions of models and datasets') FROM call;
UPDATE call SET statement = replace(statement, 'train_model(model => ''knn''::text)',
	'train_model(model => ''knn'', dataset => ''school'')');
UPDATE call SET statement = replace(statement, 'estimate_training(method => ''knn''::text)',
	'estimate_training(method => ''knn'', dataset => ''school'')');

-- Not the owner's: what changes models
CREATE VIEW school.asking AS SELECT * FROM school.call
	WHERE name NOT IN ('train_model', 'drop_model', 'rollback_model', 'publish_model');
GRANT SELECT ON school.asking TO PUBLIC;
SET LOCAL ROLE course_stranger;
SELECT raises(statement, '42501', 'permission denied for relation school.ratings of dataset "school"', '%SELECT%',
	'a stranger: ' || function)
FROM asking ORDER BY function;
SELECT raises(statement, '42501',
	CASE name WHEN 'train_model' THEN 'permission denied for relation school.ratings%' ELSE 'must be owner of model "knn"' END,
	CASE name WHEN 'train_model' THEN NULL ELSE 'Only its owner%' END,
	'a stranger: ' || function) FROM call WHERE statement NOT IN (SELECT statement FROM asking) ORDER BY function;
SELECT raises($$SELECT train_model('mine', 'knn', dataset => 'school')$$, '42501',
	'permission denied for relation school.ratings%', NULL, 'a stranger trains no model');
SELECT raises($$SELECT register_dataset('mine', 'school.ratings')$$, '42501', 'permission denied for relation school.ratings of dataset "mine"',
	NULL, 'a stranger registers no dataset');
SELECT raises($$SELECT drop_dataset('school')$$, '42501', 'must be owner of dataset "school"', NULL,
	'a stranger drops no dataset');
SELECT is((SELECT count(*) FROM recsys.recsys_models) + (SELECT count(*) FROM recsys.recsys_model_versions)
	+ (SELECT count(*) FROM recsys.recsys_datasets), 0::bigint, 'a stranger sees no models and datasets');
SELECT ok(NOT recsys_dataset_readable('school') AND NOT recsys_dataset_readable('nonesuch'),
	'nor whether there are any');
RESET ROLE;

SET LOCAL ROLE course_owner;
SELECT lives_ok(statement, 'the owner: ' || function) FROM asking ORDER BY function;
SET LOCAL ROLE course_deputy;
SELECT lives_ok(statement, 'a member of the owner: ' || function) FROM asking ORDER BY function;
SET LOCAL ROLE course_reader;
SELECT lives_ok(statement, 'a reader: ' || function) FROM asking ORDER BY function;
SET LOCAL ROLE course_column_reader;
SELECT lives_ok(statement, 'a reader of columns: ' || function) FROM asking ORDER BY function;
SELECT is((SELECT count(*) FROM recsys.recsys_models), 5::bigint, 'a reader of columns sees the models');
SELECT is((SELECT array_agg(name) FROM recsys.recsys_datasets), '{school}', 'and the dataset');
RESET ROLE;

-- One missing right is enough.
CREATE FUNCTION school.answers_without(revoke text, role text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	c record;
	answered text[] := '{}';
BEGIN
	EXECUTE 'REVOKE ' || revoke || ' FROM ' || role;
	EXECUTE 'SET LOCAL ROLE ' || role;
	FOR c IN SELECT * FROM school.asking LOOP
		BEGIN
			EXECUTE c.statement;
			answered := answered || c.function;
		EXCEPTION WHEN insufficient_privilege THEN
			NULL;
		END;
	END LOOP;
	IF EXISTS (SELECT FROM recsys.recsys_models UNION ALL SELECT FROM recsys.recsys_model_versions) THEN
		answered := answered || 'views'::text;
	END IF;
	RESET ROLE;
	EXECUTE 'GRANT ' || revoke || ' TO ' || role;
	RETURN NEXT is(answered, '{}', 'no answers without ' || revoke);
END $$;
SELECT answers_without(r, 'course_column_reader')
	FROM unnest('{SELECT (user_id) ON school.ratings,SELECT (rating) ON school.ratings,SELECT (rated_at) ON school.ratings,
	SELECT (course_id) ON school.ratings,SELECT (course_id) ON school.courses,SELECT (title) ON school.courses,SELECT (description) ON school.courses,
	SELECT (white) ON school.courses,SELECT (colour) ON school.users,SELECT (id) ON school.users,SELECT ON school.terms}'::text[]) r;
SELECT answers_without(r, 'course_reader')
	FROM unnest('{SELECT ON school.ratings,SELECT ON school.courses,SELECT ON school.users,SELECT ON school.terms}'::text[]) r;
REVOKE USAGE ON SCHEMA school FROM PUBLIC;
GRANT USAGE ON SCHEMA school TO course_owner;
SET LOCAL ROLE course_reader;
SELECT throws_ok($$SELECT * FROM recsys.recommend_courses(1, 'knn')$$, '42501', NULL,
	'nor without USAGE on the schema');
SELECT is((SELECT count(*) FROM recsys.recsys_models), 0::bigint, 'nor are models seen');
RESET ROLE;
GRANT USAGE ON SCHEMA school TO PUBLIC;

-- The same session, one role after the other: nothing is remembered of the other's rights.
SET LOCAL ROLE course_reader;
SELECT lives_ok($$SELECT * FROM recommend_courses(1, 'knn')$$, 'a reader asks');
SET LOCAL ROLE course_stranger;
SELECT throws_ok($$SELECT * FROM recommend_courses(1, 'knn')$$, '42501', NULL, 'then a stranger');
SET LOCAL ROLE course_reader;
SELECT lives_ok($$SELECT * FROM recommend_courses(1, 'knn')$$, 'then the reader again');
RESET ROLE;
REVOKE SELECT ON school.ratings FROM course_reader;
SET LOCAL ROLE course_reader;
SELECT throws_ok($$SELECT * FROM recommend_courses(1, 'knn')$$, '42501', NULL, 'who has lost the right meanwhile');
RESET ROLE;
GRANT SELECT ON school.ratings TO course_reader;

-- A view reads as its owner, as any view does.
CREATE VIEW school.for_all AS SELECT * FROM recommend_courses(1, 'knn', 3);
CREATE FUNCTION school.for_all_definer() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$SELECT count(*) FROM recsys.recommend_courses(1, 'knn', 3)$$;
GRANT SELECT ON school.for_all TO PUBLIC;
SET LOCAL ROLE course_stranger;
SELECT throws_ok('SELECT * FROM school.for_all', '42501', NULL, 'functions in a view run as the reader');
SELECT is(school.for_all_definer(), 3::bigint, 'a SECURITY DEFINER function answers for its owner');
SELECT is(current_user, 'course_stranger', 'and the user is who it was');
RESET ROLE;

-- ------------------------------------------------------------ owners

SET LOCAL ROLE course_rival;
SELECT raises($$SELECT register_dataset('school', 'school.ratings')$$, '42501', 'must be owner of dataset "school"',
	NULL, 'no other replaces the dataset');
SELECT raises($$SELECT drop_dataset('school')$$, '42501', 'must be owner of dataset "school"', 'Only its owner%',
	'or drops it');
SELECT raises($$SELECT train_model('knn', dataset => 'school')$$, '42501', 'must be owner of model "knn"', 'Only its owner%',
	'or retrains the model');
SELECT raises($$SELECT train_model('knn', 'popular', dataset => 'school', publish => false)$$, '42501',
	'must be owner of model "knn"', 'Only its owner%', 'not even unpublished');
SELECT raises($$SELECT train_model('knn', dataset => 'school', if_changed => true)$$, '42501',
	'must be owner of model "knn"', 'Only its owner%', 'not even if unchanged');
SELECT raises($$SELECT publish_model('knn', 1)$$, '42501', 'must be owner of model "knn"', 'Only its owner%', 'or publishes');
SELECT raises($$SELECT rollback_model('knn')$$, '42501', 'must be owner of model "knn"', 'Only its owner%', 'or rolls back');
SELECT raises($$SELECT drop_model('knn')$$, '42501', 'must be owner of model "knn"', 'Only its owner%', 'or drops it');
SELECT lives_ok($$SELECT train_model('rival', 'knn', dataset => 'school')$$,
	'a reader trains a model of its own on the dataset');
SELECT lives_ok($$SELECT register_dataset('rival', 'school.ratings')$$, 'and registers a dataset of its own');
SELECT is((SELECT owner FROM recsys_models WHERE model = 'rival'), 'course_rival', 'and owns it');
RESET ROLE;
SET LOCAL ROLE course_owner;
SELECT raises($$SELECT drop_model('rival')$$, '42501', 'must be owner of model "rival"', NULL,
	'the owner of a dataset does not own the models of others');
SELECT raises($$SELECT drop_dataset('school')$$, '2BP01', '%"school"%', '%drop_model()%',
	'and cannot drop it under them');
SET LOCAL ROLE course_deputy;
SELECT lives_ok($$SELECT train_model('knn', dataset => 'school')$$, 'a member of the owner retrains');
SELECT is((SELECT owner FROM recsys_models WHERE model = 'knn'), 'course_owner', 'and the owner stays');
SELECT lives_ok($$SELECT rollback_model('knn'); SELECT publish_model('knn', 2)$$, 'rolls back and publishes');
SELECT lives_ok($$SELECT register_dataset('school', 'school.ratings', 'school.courses', time_column => 'rated_at', genre_columns => '{white,black}',
	terms => 'school.terms', users => 'school.users', user_feature_columns => '{colour}')$$, 'replaces the dataset');
SELECT is((SELECT owner FROM recsys_datasets WHERE name = 'school'), 'course_owner', 'whose owner stays');
RESET ROLE;
SELECT lives_ok($$SELECT drop_model('rival'); SELECT drop_dataset('rival')$$,
	'a superuser drops what belongs to others');
-- A dropped role owns nothing: its models are a superuser's.
CREATE ROLE course_leaver;
GRANT SELECT ON school.ratings, school.courses, school.users, school.terms TO course_leaver;
SET LOCAL ROLE course_leaver;
SELECT train_model('left', 'popular', dataset => 'school');
RESET ROLE;
DROP OWNED BY course_leaver;
DROP ROLE course_leaver;
SET LOCAL ROLE course_owner;
SELECT raises($$SELECT drop_model('left')$$, '42501', 'must be owner of model "left"', NULL,
	'the model of a dropped role is not anybody''s');
RESET ROLE;
SELECT lives_ok($$SELECT drop_model('left')$$, 'but a superuser''s');

-- ------------------------------------------------------------ the extension's own tables

SELECT is_empty($$
	SELECT c.relname, p.privilege FROM pg_class c, unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) p (privilege)
	WHERE c.relnamespace = 'recsys'::regnamespace AND c.relkind = 'r' AND has_table_privilege('course_owner', c.oid, privilege)$$,
	'nobody has rights on the tables');
SELECT is((SELECT count(*) FROM pg_class WHERE relnamespace = 'recsys'::regnamespace AND relkind = 'r'), 3::bigint,
	'of which there are three');
SELECT is_empty($$
	SELECT c.relname, p.privilege FROM pg_class c, unnest('{INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) p (privilege)
	WHERE c.relnamespace = 'recsys'::regnamespace AND c.relkind = 'v' AND has_table_privilege('course_owner', c.oid, privilege)$$,
	'the views are for reading');
SELECT is_empty($$
	SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'recsys'::regnamespace
		AND (p.prorettype IN ('internal'::regtype, 'trigger'::regtype) OR 'internal'::regtype = ANY (p.proargtypes))
		AND has_function_privilege('course_owner', p.oid, 'EXECUTE')$$, 'functions of the server are not for users');
SELECT is_empty($$SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'recsys'::regnamespace AND prosecdef$$,
	'no function is SECURITY DEFINER');
SET LOCAL ROLE course_owner;
SELECT throws_ok('SELECT * FROM recsys.' || t, '42501', NULL, 'no reading of ' || t)
	FROM unnest('{recsys_model,recsys_dataset,recsys_model_data}'::text[]) t;
RESET ROLE;

-- An error while the extension's own tables are written, as their owner, gives the user back.
CREATE FUNCTION school.refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'refused for %', current_user; END$$;
CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON recsys_model FOR EACH ROW EXECUTE FUNCTION school.refuse();
ALTER TABLE recsys_model ENABLE ALWAYS TRIGGER refuse;
SET LOCAL ROLE course_owner;
SELECT raises($$SELECT train_model('knn', dataset => 'school')$$, 'P0001', 'refused for %', NULL,
	'an error in the middle of a training run');
SELECT raises($$SELECT publish_model('knn', 1)$$, 'P0001', 'refused for %', NULL, 'an error while publishing');
SELECT is(current_user, 'course_owner', 'the user is who it was');
SELECT throws_ok('SELECT * FROM recsys.recsys_model_data', '42501', NULL, 'and may not more than before');
SELECT lives_ok($$SELECT * FROM recommend_courses(1, 'knn')$$, 'and gets answers');
RESET ROLE;
DROP TRIGGER refuse ON recsys_model;

-- ------------------------------------------------------------ row-level security

CREATE ROLE course_class;
GRANT SELECT ON school.ratings, school.courses, school.users, school.terms TO course_class;
GRANT SELECT ON school.pupils, school.wanted TO PUBLIC;
ALTER TABLE school.ratings ENABLE ROW LEVEL SECURITY;
ALTER TABLE school.courses ENABLE ROW LEVEL SECURITY;
ALTER TABLE school.users ENABLE ROW LEVEL SECURITY;
CREATE POLICY some_rows ON school.ratings FOR SELECT TO course_class USING (user_id <= 12);
CREATE POLICY some_rows ON school.courses FOR SELECT TO course_class USING (course_id <> 'c05');
CREATE POLICY some_rows ON school.users FOR SELECT TO course_class USING (id <= 14);
CREATE TABLE school.full_answers AS SELECT u.id, r.* FROM school.users u, recommend_courses(u.id, 'knn', 100) r;
GRANT SELECT ON school.full_answers TO PUBLIC;

SET LOCAL ROLE course_class;
SELECT results_eq($$SELECT course_id FROM recommend_courses(1, 'knn', 2)$$, $$VALUES ('c03'), ('c02')$$,
	'a hidden course is not recommended');
SELECT is_empty($$SELECT * FROM recommend_courses(15, 'knn', 100) WHERE source <> 'popular'$$,
	'hidden ratings do not count');
SELECT is_empty($$SELECT id, r.* FROM generate_series(1, 24) id, recommend_courses(id, 'knn', 100, false) r WHERE course_id = 'c05'$$,
	'for nobody');
SELECT is((SELECT array_agg(DISTINCT user_id::int ORDER BY user_id::int) FROM recommend_all('knn', 1)),
	array(SELECT generate_series(1, 14)), 'recommend_all: visible users');
SELECT is_empty($$
	WITH one AS (SELECT id::text AS user_id, r.* FROM generate_series(1, 14) id, recommend_courses(id, 'knn', 100) r),
	every AS (SELECT * FROM recommend_all('knn', 100))
	(SELECT * FROM one EXCEPT SELECT * FROM every) UNION ALL (SELECT * FROM every EXCEPT SELECT * FROM one)$$,
		'with the same answers');
SELECT is_empty($$SELECT * FROM similar_courses('c03', 'knn', 100) WHERE course_id = 'c05'$$,
	'similar_courses: visible courses');
SELECT is_empty($$SELECT * FROM similar_users(1, 'knn', 100) WHERE user_id::int > 12$$,
	'similar_users: visible ratings');
SELECT is_empty($$SELECT * FROM recommend_users('c01', 'knn', 100) WHERE user_id::int > 14$$,
	'recommend_users: visible users');
SELECT is((SELECT string_agg(DISTINCT source, '') FROM recommend_courses(13, 'demographic', 3)), 'demographic',
	'visible attributes count');
SELECT is((SELECT string_agg(DISTINCT source, '') FROM recommend_courses(15, 'demographic', 3)), 'popular',
	'hidden attributes do not');
SELECT is((SELECT title FROM explain_recommendation(1, 'c03', 'knn') WHERE because = 'c05'), NULL,
	'no title of a hidden course');
SELECT is((SELECT users FROM dataset_summary('school')), 12::bigint, 'dataset_summary: visible rows');
SELECT is((SELECT count(*) FROM user_profiles('school')), 12::bigint, 'user_profiles: visible rows');
SELECT is((SELECT sum(enrollments) FROM top_courses('school')), (SELECT count(*)::numeric FROM ratings),
	'top_courses: visible rows');
SELECT is((SELECT sum(users)::bigint FROM enrollment_histogram('school')), 12::bigint,
	'enrollment_histogram: visible rows');
SELECT results_eq($$SELECT users, courses, ratings FROM train_model('class', 'knn', dataset => 'school')$$,
	'SELECT count(DISTINCT user_id), (SELECT count(*)::int FROM courses) + 1, count(*) FROM ratings',
		'training sees visible rows (and a hidden course through its ratings)');
SET LOCAL row_security = off;
SELECT throws_ok($$SELECT * FROM recommend_courses(1, 'knn')$$, '42501', NULL,
	'row_security off: an error, not other rows');
SELECT throws_ok($$SELECT * FROM train_model('class', 'knn', dataset => 'school')$$, '42501', NULL, 'in training too');
SET LOCAL row_security = on;
RESET ROLE;
-- Kept plans in one session
SELECT results_eq($$SELECT r.* FROM recommend_courses(15, 'knn', 100) r$$,
	$$SELECT rank, course_id, title, score, source FROM full_answers WHERE id = 15$$, 'then a superuser');
SET LOCAL ROLE course_class;
SELECT is_empty($$SELECT * FROM recommend_courses(15, 'knn', 100) WHERE source <> 'popular'$$,
	'then the same role again');
SET LOCAL ROLE course_owner;
SELECT results_eq($$SELECT r.* FROM recommend_courses(15, 'knn', 100) r$$,
	$$SELECT rank, course_id, title, score, source FROM full_answers WHERE id = 15$$, 'then the owner of the table');
SET LOCAL ROLE course_reader;
SELECT is_empty($$SELECT * FROM recommend_courses(15, 'knn', 100)$$, 'a reader whom no policy lets see a course');
SELECT raises($$SELECT train_model('none', 'knn', dataset => 'school')$$, '22000', '%no ratings%',
	'%row-level security%', 'and who cannot train');
RESET ROLE;

-- ------------------------------------------------------------ hostile search path

ALTER TABLE school.ratings DISABLE ROW LEVEL SECURITY;
ALTER TABLE school.courses DISABLE ROW LEVEL SECURITY;
ALTER TABLE school.users DISABLE ROW LEVEL SECURITY;
CREATE SCHEMA evil;
-- Operators of the commonest names and types, aggregates, functions and tables: whoever runs one says so.
CREATE FUNCTION school.plant() RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	t text;
	o text;
	n int := 0;
BEGIN
	FOREACH t IN ARRAY '{int2,int4,int8,float4,float8,numeric,text,name,uuid,timestamptz,timestamp,date,interval,jsonb,bool,regclass,oid}'::text[] LOOP
		EXECUTE format('CREATE FUNCTION evil.op(%1$s, %1$s) RETURNS bool LANGUAGE plpgsql AS $f$BEGIN RAISE EXCEPTION ''evil operator of %1$s''; END$f$', t);
		EXECUTE format('CREATE FUNCTION evil.calc(%1$s, %1$s) RETURNS %1$s LANGUAGE plpgsql AS $f$BEGIN RAISE EXCEPTION ''evil arithmetic of %1$s''; END$f$', t);
		EXECUTE format('CREATE FUNCTION evil.state(%1$s, %1$s) RETURNS %1$s LANGUAGE plpgsql AS $f$BEGIN RAISE EXCEPTION ''evil aggregate of %1$s''; END$f$', t);
		FOREACH o IN ARRAY '{=,<>,<,>,<=,>=,~~}'::text[] LOOP
			EXECUTE format('CREATE OPERATOR evil.%2$s (LEFTARG = %1$s, RIGHTARG = %1$s, FUNCTION = evil.op)', t, o);
			n := n + 1;
		END LOOP;
		FOREACH o IN ARRAY '{+,-,*,/,||}'::text[] LOOP
			EXECUTE format('CREATE OPERATOR evil.%2$s (LEFTARG = %1$s, RIGHTARG = %1$s, FUNCTION = evil.calc)', t, o);
			n := n + 1;
		END LOOP;
		FOREACH o IN ARRAY '{max,min,sum,avg}'::text[] LOOP
			EXECUTE format('CREATE AGGREGATE evil.%2$s (%1$s) (SFUNC = evil.state, STYPE = %1$s)', t, o);
			n := n + 1;
		END LOOP;
		FOREACH o IN ARRAY '{round,ceil,lower,upper,abs,quote_ident,now,float8,int4,int8,text}'::text[] LOOP
			EXECUTE format('CREATE FUNCTION evil.%2$I(%1$s) RETURNS %1$s LANGUAGE plpgsql AS $f$BEGIN RAISE EXCEPTION ''evil %2$s''; END$f$', t, o);
			n := n + 1;
		END LOOP;
		-- Names of types that mean others
		EXECUTE format('CREATE DOMAIN evil.%I AS bytea', t);
	END LOOP;
	CREATE FUNCTION evil.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS $f$BEGIN RAISE EXCEPTION 'evil clock'; END$f$;
	CREATE FUNCTION evil.count_state(int4) RETURNS int4 LANGUAGE plpgsql AS $f$BEGIN RAISE EXCEPTION 'evil count'; END$f$;
	CREATE AGGREGATE evil.count(*) (SFUNC = evil.count_state, STYPE = int4, INITCOND = '0');
	CREATE FUNCTION evil.to_tsvector(regconfig, pg_catalog.text) RETURNS tsvector LANGUAGE plpgsql AS $f$BEGIN RAISE EXCEPTION 'evil words'; END$f$;
	CREATE TABLE evil.recsys_model (model int);
	CREATE TABLE evil.recsys_dataset (name int);
	CREATE TABLE evil.recsys_model_data (build int);
	CREATE TABLE evil.ratings (user_id int);
	CREATE TABLE evil.courses (course_id int);
	CREATE TEXT SEARCH CONFIGURATION evil.english (COPY = pg_catalog.simple);
	RETURN n;
END $$;
SELECT cmp_ok(plant(), '>', 400, 'traps are laid');

-- A statement under that search path: the rows as text, or the error. No operator is used in here.
CREATE FUNCTION school.under_attack(statement text) RETURNS text LANGUAGE plpgsql SET search_path = evil,
	pg_catalog AS $$
DECLARE
	result pg_catalog.text;
BEGIN
	EXECUTE statement INTO result;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END $$;
SELECT matches(under_attack('SELECT 1 = 1'), 'evil operator of int4', 'the trap of an operator works');
SELECT matches(under_attack('SELECT count(*) FROM pg_catalog.pg_class'), 'evil count',
	'the trap of an aggregate works');
SELECT matches(under_attack('SELECT NULLIF(1.0::pg_catalog.float8, 0::pg_catalog.float8)'), 'evil operator of float8',
	'the trap of hidden operators works');
CREATE FUNCTION school.rows_of(call text) RETURNS text LANGUAGE sql AS $$
	SELECT 'SELECT pg_catalog.string_agg(r::pg_catalog.text, '' '') FROM recsys.' || call || ' AS r' $$;
CREATE FUNCTION school.in_peace(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE statement INTO result;
	RETURN result;
END $$;

-- Everything from the start, in that session state
SELECT is(under_attack($$SELECT recsys.register_dataset('attacked', 'school.ratings', 'school.courses', time_column => 'rated_at', genre_columns => '{white,black}',
	users => 'school.users', user_feature_columns => '{colour,level}')$$), '', 'register_dataset');
SELECT is(under_attack($$SELECT recsys.register_dataset('attacked words', 'school.ratings', 'school.courses', terms => 'school.terms')$$),
	'', 'register_dataset with words');
SELECT is(under_attack(format($$SELECT model FROM recsys.train_model(%L, %L, dataset => 'attacked')$$,
	'attacked ' || method, method)), 'attacked ' || method, 'train_model ' || method)
FROM recsys_methods();
SELECT is(under_attack($$SELECT model FROM recsys.train_model('attacked words', 'course_similarity', dataset => 'attacked words')$$),
	'attacked words', 'train_model with words');
SELECT is(under_attack($$SELECT version FROM recsys.train_model('attacked knn', 'knn', '{"user_based": true}', dataset => 'attacked')$$),
	'2', 'train_model again');
SELECT is(under_attack($$SELECT version FROM recsys.train_model('attacked knn', 'knn', '{"user_based": true}', dataset => 'attacked', if_changed => true)$$),
	NULL, 'if_changed');
SELECT is(under_attack($$SELECT version FROM recsys.train_model('attacked knn', 'knn', dataset => 'attacked')$$), '3',
	'train_model prunes');
SELECT is(under_attack($$SELECT recsys.rollback_model('attacked knn')$$), '2', 'rollback_model');
SELECT is(under_attack($$SELECT recsys.publish_model('attacked knn', 3)$$), '', 'publish_model');
SELECT is(under_attack(rows_of(call)), in_peace(rows_of(call)), call)
FROM (SELECT format(c, quote_literal('attacked ' || method)) AS call FROM recsys_methods(),
	unnest(ARRAY['recommend_courses(1, %s)', 'recommend_courses(''2'', %s, 3, false)',
		'recommend_courses(3, %s, candidates => ''{c05,c06,c07}'', exclude => ''{c05}'', threshold => 0.1)',
		'recommend_for(''{c01,c03}'', %s)', 'recommend_all(%s)', 'recommend_users(''c01'', %s)',
		'recommend_users(''c01'', %s, 5, ''random'')', 'explain_recommendation(1, ''c03'', %s)', 'training_log(%s)']) c
	UNION ALL SELECT unnest(ARRAY['predict_rating(1, ''c03'', ''attacked knn'')',
		'similar_courses(''c01'', ''attacked knn'')', 'similar_users(1, ''attacked knn'')',
		'similar_courses(''c01'', ''attacked words'')', 'user_profiles(''attacked'')', 'dataset_genres(''attacked'')',
			'dataset_summary(''attacked'')',
		'enrollment_histogram(''attacked'')', 'top_courses(''attacked'')', 'keyword_counts(''attacked'')',
			'keyword_counts(''attacked words'')',
		'estimate_training(''knn'', dataset => ''attacked'')', 'recsys_methods()', 'recsys_method_params(''knn'')',
			'recsys_models', 'recsys_model_versions', 'recsys_datasets'])) calls;
SELECT is(under_attack($$SELECT recsys.drop_model('attacked words')$$), '', 'drop_model');
SELECT is(under_attack($$SELECT recsys.drop_dataset('attacked words')$$), '', 'drop_dataset');

SELECT * FROM finish();
ROLLBACK;
