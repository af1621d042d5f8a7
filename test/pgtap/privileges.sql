-- Who may do what: rights on the data, owners of datasets and models, the extension's own tables.
\ir setup.psql
-- The owner of the extension was a superuser when it was created, and is none any more: rights of nobody come
-- from what its owner may do.
DROP EXTENSION course_recsys;
CREATE ROLE course_extension SUPERUSER;
SET LOCAL ROLE course_extension;
-- Default privileges of a careless site
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC;
CREATE ROLE course_reporting;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO course_reporting;
CREATE EXTENSION course_recsys SCHEMA recsys;
RESET ROLE;
ALTER ROLE course_extension NOSUPERUSER;
GRANT USAGE ON SCHEMA recsys TO course_extension;
\ir fixture.psql
SELECT no_plan();
\ir calls.psql

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

CREATE VIEW school.asking AS SELECT function, name, school.statement_for(call, school.able_method(name)) AS statement
	FROM school.call WHERE kind = 'answer';
GRANT SELECT ON school.asking TO PUBLIC;

-- One test: every function of every method refuses the current user, and no view of the extension shows
-- anything of the models and datasets.
CREATE FUNCTION school.refuses_all(who text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	c record;
	found bigint;
	answered text[] := '{}';
BEGIN
	FOR c IN SELECT function, statement_for(call, method) AS statement FROM school.call, recsys_methods() WHERE kind = 'answer' LOOP
		BEGIN
			EXECUTE c.statement;
			answered := answered || c.statement;
		EXCEPTION WHEN insufficient_privilege THEN
			NULL;
		END;
	END LOOP;
	FOR c IN SELECT objid::regclass AS view FROM pg_depend JOIN pg_class v ON v.oid = objid WHERE relkind = 'v'
			AND classid = 'pg_class'::regclass AND deptype = 'e' AND v.relnamespace = 'recsys'::regnamespace LOOP
		EXECUTE format('SELECT count(*) FROM %s', c.view) INTO found;
		IF found > 0 THEN
			answered := answered || c.view::text;
		END IF;
	END LOOP;
	FOR c IN SELECT statement_for(call, 'knn') AS statement FROM school.call WHERE name = 'recsys_dataset_readable'
			UNION ALL SELECT format('SELECT * FROM recsys.recsys_model_readable(%L)', build) FROM school.build LOOP
		EXECUTE replace(c.statement, '*', 'count(*)') || ' r WHERE r' INTO found;
		IF found > 0 THEN
			answered := answered || c.statement;
		END IF;
	END LOOP;
	RETURN is(answered, '{}', 'no answers: ' || who);
END $$;

-- One test: every function of every method answers the current user, or cannot do that at all.
CREATE FUNCTION school.answers_all(who text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	c record;
	refused text[] := '{}';
BEGIN
	FOR c IN SELECT function, statement_for(call, method) AS statement FROM school.call, recsys_methods() WHERE kind = 'answer' LOOP
		BEGIN
			EXECUTE c.statement;
		EXCEPTION WHEN feature_not_supported THEN
			NULL;
		WHEN OTHERS THEN
			refused := refused || (c.statement || ': ' || SQLERRM);
		END;
	END LOOP;
	IF (SELECT count(*) FROM recsys_models) <> (SELECT count(*) FROM recsys_methods()) THEN
		refused := refused || 'recsys_models'::text;
	END IF;
	RETURN is(refused, '{}', 'answers: ' || who);
END $$;
CREATE TABLE school.build AS SELECT build FROM recsys_model_versions;
GRANT SELECT ON school.build TO PUBLIC;

-- Who may read some of it only
CREATE ROLE course_catalogue;
GRANT SELECT ON school.courses, school.users, school.terms TO course_catalogue;
CREATE ROLE course_shelf;
GRANT SELECT ON school.ratings, school.users, school.terms TO course_shelf;
CREATE ROLE course_half;
GRANT SELECT ON school.courses, school.users, school.terms TO course_half;
GRANT SELECT (user_id, course_id) ON school.ratings TO course_half;
CREATE ROLE course_writer;
GRANT INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON ALL TABLES IN SCHEMA school TO course_writer;
CREATE ROLE course_distant NOINHERIT IN ROLE course_owner;
SELECT answers_all('a superuser');
SET LOCAL ROLE course_owner;
SELECT answers_all('the owner');
SET LOCAL ROLE course_deputy;
SELECT answers_all('a member of the owner''s role');
SET LOCAL ROLE course_reader;
SELECT answers_all('a reader');
SET LOCAL ROLE course_column_reader;
SELECT answers_all('a reader of the columns');
SET LOCAL ROLE course_stranger;
SELECT refuses_all('a role without any right');
SET LOCAL ROLE course_catalogue;
SELECT refuses_all('courses, but no ratings');
SET LOCAL ROLE course_shelf;
SELECT refuses_all('ratings, but no courses');
SET LOCAL ROLE course_half;
SELECT refuses_all('some columns of the ratings');
SET LOCAL ROLE course_writer;
SELECT refuses_all('all rights but SELECT');
SET LOCAL ROLE course_distant;
SELECT refuses_all('a member that does not inherit');
SET LOCAL ROLE course_owner;
SELECT answers_all('that has become the owner');
RESET ROLE;
-- The owner of the extension can read its tables as tables, but gets no answer by a function.
SET LOCAL ROLE course_extension;
SELECT refuses_all('the owner of the extension');
SELECT raises($$SELECT train_model('knn', dataset => 'school')$$, '42501', '%school.ratings%', NULL, 'nor does it train');
SELECT raises($$SELECT drop_model('knn')$$, '42501', 'must be owner%', NULL, 'or drop by the function');
RESET ROLE;

-- What a member of pg_read_all_data may read, and no more when it is none
CREATE ROLE course_auditor IN ROLE pg_read_all_data;
SET LOCAL ROLE course_auditor;
SELECT answers_all('a member of pg_read_all_data');
RESET ROLE;
REVOKE pg_read_all_data FROM course_auditor;
SET LOCAL ROLE course_auditor;
SELECT refuses_all('a former member of pg_read_all_data');
RESET ROLE;

-- A grant that is rolled back, after it has been used
CREATE FUNCTION school.granted_for_a_moment() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	GRANT SELECT ON school.ratings, school.courses, school.users, school.terms TO course_stranger;
	PERFORM set_config('role', 'course_stranger', true);
	SELECT count(*) INTO n FROM recsys.similar_courses('c01', 'knn');
	RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
	RETURN n;
END $$;
SELECT cmp_ok(granted_for_a_moment(), '>', 0::bigint, 'a grant holds at once');
SET LOCAL ROLE course_stranger;
SELECT refuses_all('a grant that was rolled back');
RESET ROLE;
-- Who owns the database is a member of pg_database_owner, as long.
CREATE ROLE course_landlord;
SELECT register_dataset('bare', 'school.ratings');
SELECT train_model('bare', 'knn', dataset => 'bare');
GRANT SELECT ON school.ratings, school.courses, school.users, school.terms TO pg_database_owner;
ALTER DATABASE :"DBNAME" OWNER TO course_landlord;
SET LOCAL ROLE course_landlord;
SELECT isnt_empty($$SELECT * FROM recommend_for('{c01}', 'bare')$$, 'the owner of the database: an answer that reads no table');
RESET ROLE;
ALTER DATABASE :"DBNAME" OWNER TO CURRENT_USER;
SET LOCAL ROLE course_landlord;
SELECT throws_ok($$SELECT * FROM recommend_for('{c01}', 'bare')$$, '42501', NULL, 'which its former owner gets no more');
SELECT refuses_all('the former owner of the database');
RESET ROLE;
SELECT drop_model('bare'), drop_dataset('bare');
-- A superuser, as long
CREATE ROLE course_chief SUPERUSER;
SET LOCAL ROLE course_chief;
SELECT answers_all('another superuser');
RESET ROLE;
ALTER ROLE course_chief NOSUPERUSER;
SET LOCAL ROLE course_chief;
SELECT refuses_all('a former superuser');
RESET ROLE;

-- The statement that tries a function that changes something
CREATE FUNCTION school.change(name text) RETURNS text LANGUAGE sql AS $$
	SELECT CASE $1 WHEN 'train_model' THEN 'SELECT * FROM train_model(''knn'', dataset => ''school'')'
		ELSE statement_for(min(call), able_method($1)) END FROM school.call c WHERE c.name = $1 $$;
SET LOCAL ROLE course_stranger;
SELECT raises(statement, '42501', 'permission denied for relation school.ratings of dataset "school"', '%SELECT%',
	'a stranger: ' || function)
FROM asking ORDER BY function;
SELECT raises(statement, '42501',
	CASE WHEN name IN ('train_model', 'register_dataset') THEN 'permission denied for relation school.ratings%' ELSE 'must be owner of %' END,
	CASE WHEN name IN ('train_model', 'register_dataset') THEN NULL ELSE 'Only its owner%' END,
	'a stranger: ' || name) FROM (SELECT name, change(name) AS statement FROM call WHERE kind = 'change') c ORDER BY name;
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
SELECT is((SELECT count(*) FROM recsys.recsys_models), (SELECT count(*) FROM recsys_methods()),
	'a reader of columns sees the models');
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
SELECT is_empty($$SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'recsys'::regnamespace AND (prosecdef OR proleakproof)$$,
	'no function is SECURITY DEFINER or LEAKPROOF');
-- A cheap function in a condition would run before the rights are looked at, if the views were no barriers.
CREATE SEQUENCE school.leaked MINVALUE 0;
SELECT setval('school.leaked', 0);
GRANT ALL ON SEQUENCE school.leaked TO PUBLIC;
-- Counts the names that it was shown
CREATE FUNCTION school.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$BEGIN PERFORM nextval('school.leaked'); RETURN true; END$$;
SET LOCAL ROLE course_stranger;
SELECT is_empty('SELECT * FROM recsys.recsys_models WHERE school.leak(model)', 'recsys_models is a barrier');
SELECT is_empty('SELECT * FROM recsys.recsys_model_versions WHERE school.leak(model)', 'recsys_model_versions, too');
SELECT is_empty('SELECT * FROM recsys.recsys_datasets WHERE school.leak(name)', 'and recsys_datasets');
RESET ROLE;
SELECT is((SELECT last_value FROM school.leaked), 0::bigint, 'no name has leaked');
SET LOCAL ROLE course_owner;
SELECT throws_ok(format(statement, t), '42501', NULL, format(statement, t)) FROM unnest('{recsys_dataset,recsys_model,recsys_model_data}'::text[]) t,
	unnest('{INSERT INTO recsys.%I DEFAULT VALUES,DELETE FROM recsys.%I,TRUNCATE recsys.%I,
		LOCK TABLE recsys.%I,ALTER TABLE recsys.%I DISABLE TRIGGER ALL,DROP TABLE recsys.%I,
		"CREATE TRIGGER x BEFORE INSERT ON recsys.%I FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"}'::text[]) statement;
SELECT throws_ok(statement, '42501', NULL, statement) FROM unnest(ARRAY['UPDATE recsys.recsys_model SET owner = ''course_rival''',
	'UPDATE recsys.recsys_models SET owner = ''course_rival''', 'UPDATE recsys.recsys_datasets SET ratings = ''x''',
	'DELETE FROM recsys.recsys_model_versions', 'LOCK TABLE recsys.recsys_models']) statement;
RESET ROLE;
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

-- ------------------------------------------------------------ names

-- Owners are names: a later role of the same name owns what the earlier one left.
CREATE ROLE course_namesake;
GRANT SELECT ON school.ratings, school.courses, school.users, school.terms TO course_namesake;
SET LOCAL ROLE course_namesake;
SELECT train_model('named', 'popular', dataset => 'school');
RESET ROLE;
DROP OWNED BY course_namesake;
DROP ROLE course_namesake;
CREATE ROLE course_namesake;
SET LOCAL ROLE course_namesake;
SELECT throws_ok($$SELECT * FROM training_log('named')$$, '42501', NULL, 'a role of the name of an owner: no answer without SELECT');
SELECT lives_ok($$SELECT drop_model('named')$$, 'but it owns');
RESET ROLE;
-- Rights on data go by name, too.
CREATE TABLE school.gone AS SELECT user_id, course_id, rating FROM school.ratings;
SELECT register_dataset('gone', 'school.gone');
SELECT train_model('gone', 'knn', dataset => 'gone');
DROP TABLE school.gone;
GRANT CREATE ON SCHEMA school TO course_namesake;
SELECT throws_ok($$SELECT * FROM similar_courses('c01', 'gone')$$, '42P01', NULL, 'no answers from a model whose tables are gone');
SELECT is((SELECT count(*) FROM recsys_models WHERE model = 'gone'), 0::bigint, 'nor is it listed');
SET LOCAL ROLE course_namesake;
CREATE TABLE school.gone (user_id int, course_id text, rating real);
SELECT isnt_empty($$SELECT * FROM similar_courses('c01', 'gone')$$, 'until somebody makes a table of that name, and may SELECT it');
RESET ROLE;

-- ------------------------------------------------------------ rights on the extension's tables that somebody has been given

SELECT is(ARRAY[has_table_privilege('course_reporting', 'recsys_model_data', 'SELECT'), has_table_privilege('course_reporting', 'recsys_model_data', 'INSERT')],
	'{t,f}', 'default privileges give to the roles that they name');
CREATE ROLE course_keeper;
GRANT SELECT ON recsys_dataset, recsys_model, recsys_model_data TO course_keeper;
SET LOCAL ROLE course_keeper;
SELECT isnt_empty('SELECT * FROM recsys_model_data', 'who may read the tables, may dump them');
SELECT refuses_all('but gets no answers');
RESET ROLE;
GRANT UPDATE (owner) ON recsys_model TO course_keeper;
SET LOCAL ROLE course_keeper;
UPDATE recsys_model SET owner = 'course_keeper' WHERE model = 'knn';
SELECT lives_ok($$SELECT rollback_model('knn')$$, 'who may write them, owns');
RESET ROLE;
SET LOCAL ROLE course_owner;
SELECT raises($$SELECT publish_model('knn', 2)$$, '42501', 'must be owner%', NULL, 'at once');
RESET ROLE;

-- All functions are revoked with the schema.
REVOKE USAGE ON SCHEMA recsys FROM PUBLIC;
SET LOCAL ROLE course_reader;
SELECT throws_ok($$SELECT * FROM recsys.recommend_courses(1, 'knn')$$, '42501', 'permission denied for schema recsys', 'no USAGE, no function');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
