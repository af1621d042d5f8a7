-- The extension reads and writes its own tables under its owner. Nobody's code runs meanwhile, whatever there is
-- in the relations of a dataset or is put on the extension's tables; and every error gives the user back.
\ir setup.psql
-- An owner of its own, so that it can be told from whoever calls
DROP EXTENSION course_recsys;
CREATE ROLE course_extension SUPERUSER;
SET LOCAL ROLE course_extension;
CREATE EXTENSION course_recsys SCHEMA recsys;
RESET ROLE;
\ir fixture.psql
SELECT no_plan();
\ir calls.psql

CREATE ROLE course_attacker;
CREATE ROLE course_reader;
GRANT USAGE ON SCHEMA recsys, school TO PUBLIC;
GRANT CREATE ON SCHEMA school TO course_attacker;
GRANT SELECT ON ALL TABLES IN SCHEMA school TO course_attacker, course_reader;

-- ------------------------------------------------------------ code in the relations of a dataset

-- Sequences keep their value when a statement fails. runs: how often code of the attacker ran. alarm: how often
-- it ran as anybody but the caller.
CREATE SEQUENCE school.runs MINVALUE 0;
CREATE SEQUENCE school.alarm MINVALUE 0;
GRANT ALL ON SEQUENCE school.runs, school.alarm TO PUBLIC;
SELECT setval('school.runs', 0), setval('school.alarm', 0);
SET LOCAL school.caller = 'course_attacker';
SET LOCAL ROLE course_attacker;
-- Counts a run, and rings the alarm unless the caller is the current user.
CREATE FUNCTION school.watch() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM nextval('school.runs');
	IF current_user <> current_setting('school.caller') THEN
		PERFORM nextval('school.alarm');
	END IF;
END $$;
-- The value, watched: one run a row
CREATE FUNCTION school.spy(anyelement) RETURNS anyelement LANGUAGE plpgsql STABLE AS $$
BEGIN
	PERFORM school.watch();
	RETURN $1;
END $$;
-- "Immutable" functions of constants run while planning.
CREATE FUNCTION school.spy_early(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	PERFORM school.watch();
	RETURN $1;
END $$;
CREATE TYPE school.shade AS ENUM ('white', 'black');
-- The cast of the attacker's type to text
CREATE FUNCTION school.shade_text(school.shade) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM school.watch();
	RETURN enum_out($1);
END $$;
CREATE CAST (school.shade AS text) WITH FUNCTION school.shade_text(school.shade) AS IMPLICIT;
-- Equality of the attacker's type
CREATE FUNCTION school.same_shade(school.shade, school.shade) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM school.watch();
	RETURN $1::text COLLATE "C" = $2::text;
END $$;
CREATE OPERATOR school.= (LEFTARG = school.shade, RIGHTARG = school.shade, FUNCTION = school.same_shade);
CREATE DOMAIN school.person AS int CHECK (school.spy(VALUE) IS NOT NULL);

CREATE TABLE school.real_ratings AS SELECT user_id, course_id, rating, rated_at FROM school.ratings;
CREATE INDEX ON school.real_ratings (school.spy_early(user_id));
ALTER TABLE school.real_ratings ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY spies ON school.real_ratings USING (school.spy(user_id) > 0);
CREATE VIEW school.spying_ratings AS SELECT school.spy(user_id)::school.person AS user_id, course_id, school.spy(rating) AS rating, rated_at
	FROM school.real_ratings WHERE school.spy_early(1) = 1 AND school.spy(true);
CREATE VIEW school.spying_courses AS SELECT course_id, school.spy(CASE WHEN white THEN 'white' ELSE 'black' END)::school.shade AS title,
	school.spy(description) AS description, school.spy(white) AS white, school.spy(black) AS black FROM school.courses;
CREATE VIEW school.spying_users AS SELECT id::school.person, colour::school.shade FROM school.users WHERE school.spy(true);
CREATE VIEW school.spying_terms AS SELECT course_id, school.spy(term) AS term, school.spy(weight) AS weight FROM school.terms;
GRANT SELECT ON school.spying_ratings, school.spying_courses, school.spying_users, school.spying_terms TO course_reader;
SELECT register_dataset('spies', 'school.spying_ratings', 'school.spying_courses', time_column => 'rated_at',
	genre_columns => '{white,black}', users => 'school.spying_users', user_feature_columns => '{colour}');
SELECT register_dataset('spies words', 'school.spying_ratings', 'school.spying_courses', terms => 'school.spying_terms');
RESET ROLE;

-- One test: this role trains and asks everything; the attacker's code ran as that role and nobody else.
CREATE FUNCTION school.spied_on(who name) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	c record;
	before bigint;
	runs bigint := 0;
	failed text[] := '{}';
	idle text[] := '{}';
BEGIN
	PERFORM set_config('school.caller', who, true), set_config('role', who, true);
	FOR c IN
		SELECT format('SELECT train_model(%L, %L, dataset => ''spies'')', who || ' ' || method, method) AS statement, true AS must FROM recsys_methods()
		UNION ALL SELECT format('SELECT train_model(%L, ''course_similarity'', dataset => ''spies words'')', who || ' words'), true
		UNION ALL SELECT format('SELECT train_model(%L, ''knn'', dataset => ''spies'', if_changed => true)', who || ' knn'), true
		UNION ALL SELECT format('SELECT train_model(%L, ''knn'', ''{"user_based": true}'', dataset => ''spies'')', who || ' knn'), true
		UNION ALL SELECT format('SELECT rollback_model(%1$L); SELECT publish_model(%1$L, 2)', who || ' knn'), false
		UNION ALL SELECT statement_for(call, who || ' ' || method, 'spies'), false FROM call, recsys_methods() WHERE kind IN ('answer', 'ask')
		UNION ALL SELECT 'SELECT * FROM keyword_counts(''spies words'')', true
		UNION ALL SELECT 'SELECT count(*) FROM recsys_models', false
		UNION ALL SELECT format('SELECT drop_model(%L)', who || ' ' || method), false FROM recsys_methods()
	LOOP
		before := nextval('school.runs');
		BEGIN
			EXECUTE c.statement;
		EXCEPTION WHEN feature_not_supported THEN
			NULL;
		WHEN OTHERS THEN
			failed := failed || (c.statement || ': ' || SQLERRM);
		END;
		IF nextval('school.runs') > before + 1 THEN
			runs := runs + 1;
		ELSIF c.must THEN
			idle := idle || c.statement;
		END IF;
	END LOOP;
	PERFORM set_config('role', 'none', true);
	RETURN is(failed || idle || CASE WHEN runs > 40 THEN '{}' ELSE ARRAY[runs || ' statements ran code'] END, '{}',
			who || ' calls everything, and the code of the dataset runs')
		|| E'\n' || is((SELECT last_value FROM school.alarm), 0::bigint, 'as ' || who || ' only');
END $$;
SELECT spied_on('course_attacker');
SELECT spied_on('course_reader');
SELECT spied_on(session_user);

-- ------------------------------------------------------------ code on the extension's own tables

CREATE ROLE course_granted;
GRANT ALL ON ALL TABLES IN SCHEMA recsys TO course_granted;
GRANT SELECT ON ALL TABLES IN SCHEMA school TO course_granted;
GRANT CREATE ON SCHEMA school TO course_granted;
SELECT train_model('knn', dataset => 'school');
SELECT train_model('knn', dataset => 'school');
SET LOCAL school.caller = 'course_granted';
SET LOCAL ROLE course_granted;
-- A trigger that is watched, and changes nothing
CREATE FUNCTION school.trap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM school.watch();
	RETURN COALESCE(NEW, OLD);
END $$;
-- A condition that is watched, and always true
CREATE FUNCTION school.trap_when() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM school.watch();
	RETURN true;
END $$;
RESET ROLE;

-- One test: with this trigger in place, which the role with all privileges has made, its table (that of the datasets,
-- or those of the models) is not written, by anybody, and the trigger's code does not run.
CREATE FUNCTION school.trapped(definition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	c record;
	good boolean := true;
BEGIN
	BEGIN
		PERFORM set_config('role', 'course_granted', true);
		EXECUTE definition;
		FOR c IN SELECT who, statement FROM unnest('{course_granted,none}'::text[]) who, unnest(ARRAY[
				'SELECT train_model(''new'', ''knn'', dataset => ''school'')', 'SELECT register_dataset(''new'', ''school.ratings'')',
				CASE WHEN who = 'none' THEN 'SELECT rollback_model(''knn'')' END,
				CASE WHEN who = 'none' THEN 'SELECT publish_model(''knn'', 1)' END,
				CASE WHEN who = 'none' THEN 'SELECT drop_model(''knn'')' END]) statement
				WHERE (statement LIKE '%register_dataset%') = (definition LIKE '%recsys\_dataset %') LOOP
			PERFORM set_config('role', c.who, true);
			BEGIN
				EXECUTE c.statement;
				good := false;
			EXCEPTION WHEN OTHERS THEN
				good := good AND SQLSTATE = '42501'
					AND SQLERRM LIKE 'trigger "trap" on table "recsys\_%" is not enabled as ALWAYS';
			END;
		END LOOP;
		RAISE EXCEPTION USING ERRCODE = 'ZZ000';
	EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
		NULL;
	END;
	RETURN ok(good AND (SELECT last_value FROM school.alarm) = 0, definition);
END $$;
SELECT trapped(format('CREATE TRIGGER trap %s ON recsys.%s FOR EACH %s EXECUTE FUNCTION school.trap()', event, t, level))
FROM unnest('{recsys_dataset,recsys_model,recsys_model_data}'::text[]) t,
	unnest('{BEFORE INSERT OR UPDATE OR DELETE,AFTER INSERT OR UPDATE OR DELETE}'::text[]) event, unnest('{ROW,STATEMENT}'::text[]) level;
SELECT trapped('CREATE TRIGGER trap BEFORE INSERT ON recsys.recsys_model FOR EACH ROW WHEN (school.trap_when()) EXECUTE FUNCTION suppress_redundant_updates_trigger()');
GRANT EXECUTE ON FUNCTION recsys_invalidate TO course_granted;
SELECT trapped('CREATE TRIGGER trap AFTER INSERT ON recsys.recsys_model FOR EACH ROW WHEN (school.trap_when()) EXECUTE FUNCTION recsys.recsys_invalidate()');
SELECT trapped('CREATE CONSTRAINT TRIGGER trap AFTER INSERT ON recsys.recsys_model DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION school.trap()');
SELECT trapped('CREATE TRIGGER trap AFTER INSERT ON recsys.recsys_model REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION school.trap()');

-- What is left needs the owner of the table.
SET LOCAL ROLE course_granted;
CREATE TRIGGER trap BEFORE INSERT ON recsys.recsys_model FOR EACH ROW EXECUTE FUNCTION school.trap();
SELECT throws_ok(statement, '42501', NULL, statement) FROM unnest(ARRAY[
	'ALTER TABLE recsys.recsys_model ENABLE ALWAYS TRIGGER trap',
	'CREATE RULE trap AS ON INSERT TO recsys.recsys_model DO ALSO SELECT school.trap_when()',
	'CREATE POLICY trap ON recsys.recsys_model USING (school.trap_when())',
	'CREATE INDEX ON recsys.recsys_model ((school.trap_when()))',
	'ALTER TABLE recsys.recsys_model ADD CHECK (school.trap_when())',
	'ALTER TABLE recsys.recsys_model ALTER withdrawn SET DEFAULT school.trap_when()',
	'CREATE TABLE school.heir () INHERITS (recsys.recsys_model)',
	'CREATE STATISTICS school.trap ON (school.trap_when()), model FROM recsys.recsys_model',
	'CREATE OR REPLACE FUNCTION recsys.recsys_invalidate() RETURNS trigger LANGUAGE plpgsql AS $f$BEGIN RETURN NULL; END$f$',
	'CREATE FUNCTION recsys.recommend_courses(int, text) RETURNS int LANGUAGE sql AS ''SELECT 1''',
	'CREATE OPERATOR CLASS school.trap DEFAULT FOR TYPE text USING btree AS STORAGE text',
	'CREATE EVENT TRIGGER trap ON ddl_command_start EXECUTE FUNCTION school.trap()',
	'CREATE FUNCTION school.own() RETURNS int LANGUAGE c AS ''course_recsys'', ''recsys_drop_model''']) statement;
RESET ROLE;
SELECT raises($$SELECT train_model('knn', dataset => 'school')$$, '42501', 'trigger "trap" on table "recsys_model"%', '%revoke TRIGGER%',
	'a planted trigger stops training');
SELECT isnt_empty($$SELECT * FROM recommend_courses(1, 'knn')$$, 'not serving');
ALTER TABLE recsys_model DISABLE TRIGGER trap;
SELECT lives_ok($$SELECT train_model('knn', dataset => 'school')$$, 'until the owner disables it');
DROP TRIGGER trap ON recsys_model;
SELECT lives_ok($$SELECT train_model('knn', dataset => 'school')$$, 'or drops it');
SELECT is((SELECT last_value FROM school.alarm), 0::bigint, 'its code never ran');

-- What a restore with --disable-triggers leaves: the extension's own triggers are ALWAYS no more.
ALTER TABLE recsys_model DISABLE TRIGGER ALL;
ALTER TABLE recsys_model ENABLE TRIGGER ALL;
SELECT is((SELECT tgenabled FROM pg_trigger WHERE tgname = 'recsys_model_change'), 'O', 'all triggers of the table enabled once more');
SELECT lives_ok($$SELECT train_model('knn', dataset => 'school')$$, 'the extension''s own are no strangers');
ALTER TABLE recsys_model ENABLE ALWAYS TRIGGER recsys_model_change, ENABLE ALWAYS TRIGGER recsys_model_truncate;

-- A foreign key needs only REFERENCES. What it does is done by the owner of the table that refers.
SET LOCAL ROLE course_granted;
CREATE TABLE school.fan (build uuid REFERENCES recsys.recsys_model (build) ON DELETE CASCADE);
INSERT INTO school.fan SELECT build FROM recsys.recsys_model WHERE model = 'knn';
CREATE TRIGGER trap BEFORE DELETE ON school.fan FOR EACH ROW EXECUTE FUNCTION school.trap();
RESET ROLE;
SELECT setval('school.runs', 0);
SELECT drop_model('knn');
SELECT is((SELECT count(*) FROM school.fan), 0::bigint, 'a model is dropped with the rows that refer to it');
SELECT cmp_ok((SELECT last_value FROM school.runs), '>', 0::bigint, 'their trigger runs');
SELECT is((SELECT last_value FROM school.alarm), 0::bigint, 'as the owner of those rows');
DROP TABLE school.fan;

-- ------------------------------------------------------------ a schema in the place of the extension's

SELECT train_model('knn', dataset => 'school');
SELECT count(*) FROM training_log('knn');
ALTER SCHEMA recsys RENAME TO recsys_moved;
GRANT CREATE ON DATABASE :"DBNAME" TO course_attacker;
SET LOCAL school.caller = 'nobody';
SET LOCAL ROLE course_attacker;
CREATE SCHEMA recsys;
CREATE VIEW recsys.recsys_model AS SELECT school.trap_when() AS model;
CREATE VIEW recsys.recsys_dataset AS SELECT school.trap_when() AS model;
CREATE VIEW recsys.recsys_model_data AS SELECT school.trap_when() AS model;
GRANT USAGE ON SCHEMA recsys TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA recsys TO PUBLIC;
RESET ROLE;
SELECT lives_ok($$SELECT * FROM recsys_moved.training_log('knn')$$, 'the schema is renamed under a session');
SELECT isnt_empty($$SELECT * FROM recsys_moved.recommend_courses(1, 'knn')$$, 'which is served');
SELECT isnt_empty($$SELECT * FROM recsys_moved.train_model('knn', dataset => 'school')$$, 'and trains');
SELECT is((SELECT last_value FROM school.alarm), 0::bigint, 'with the tables of the extension, not those of a new schema of the old name');
DROP SCHEMA recsys CASCADE;
ALTER SCHEMA recsys_moved RENAME TO recsys;

-- ------------------------------------------------------------ an error gives the user back

SET LOCAL school.fault = '';
-- Definer: only superusers cancel the session of a superuser.
CREATE FUNCTION school.cancel() RETURNS boolean LANGUAGE sql SECURITY DEFINER AS 'SELECT pg_cancel_backend(pg_backend_pid())';
-- 1; or fails in the way that the setting school.fault says, when it names this place
CREATE FUNCTION school.fault(place text) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('school.fault') = place || ' error' THEN
		RAISE EXCEPTION 'fault in %', place USING ERRCODE = 'ZZ001';
	ELSIF current_setting('school.fault') = place || ' division' THEN
		RETURN 1 / length('');
	ELSIF current_setting('school.fault') = place || ' cancel' THEN
		PERFORM school.cancel();
		PERFORM pg_sleep(10);
	ELSIF current_setting('school.fault') = place || ' sleep' THEN
		PERFORM pg_sleep(10);
	ELSIF current_setting('school.fault') = place || ' null' THEN
		RETURN NULL;
	ELSIF current_setting('school.fault') = place || ' caught' THEN
		BEGIN
			PERFORM drop_model('knn');
		EXCEPTION WHEN insufficient_privilege THEN
			RETURN 1;
		END;
		RETURN NULL;
	END IF;
	RETURN 1;
END $$;
CREATE VIEW school.faulty_ratings AS SELECT user_id * school.fault('key') AS user_id, course_id, rating * school.fault('ratings') AS rating FROM school.ratings;
CREATE VIEW school.faulty_courses AS SELECT course_id, title || left('', school.fault('title')) AS title,
	description || left('', school.fault('description')) AS description,
	white, black * school.fault('genre') AS black FROM school.courses;
CREATE VIEW school.faulty_users AS SELECT id, colour || left('', school.fault('users')) AS colour FROM school.users;
CREATE VIEW school.faulty_terms AS SELECT course_id, term || left('', school.fault('terms')) AS term, weight FROM school.terms;
-- A fault while a row of the extension's tables is written; the place is the table
CREATE FUNCTION school.fault_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM school.fault(TG_TABLE_NAME);
	RETURN COALESCE(NEW, OLD);
END $$;
CREATE TRIGGER fault BEFORE INSERT OR UPDATE OR DELETE ON recsys_model FOR EACH ROW EXECUTE FUNCTION school.fault_row();
CREATE TRIGGER fault BEFORE INSERT OR DELETE ON recsys_model_data FOR EACH ROW EXECUTE FUNCTION school.fault_row();
CREATE TRIGGER fault BEFORE INSERT OR UPDATE OR DELETE ON recsys_dataset FOR EACH ROW EXECUTE FUNCTION school.fault_row();
ALTER TABLE recsys_model ENABLE ALWAYS TRIGGER fault;
ALTER TABLE recsys_model_data ENABLE ALWAYS TRIGGER fault;
ALTER TABLE recsys_dataset ENABLE ALWAYS TRIGGER fault;
CREATE ROLE course_trainer;
CREATE ROLE course_other;
GRANT SELECT ON ALL TABLES IN SCHEMA school TO course_trainer;
SET LOCAL ROLE course_trainer;
SELECT register_dataset('faulty', 'school.faulty_ratings', 'school.faulty_courses', genre_columns => '{white,black}',
	users => 'school.faulty_users', user_feature_columns => '{colour}');
SELECT register_dataset('faulty words', 'school.faulty_ratings', 'school.faulty_courses', terms => 'school.faulty_terms');
SELECT train_model(method || ' faulty', method, dataset => 'faulty') FROM recsys_methods();
SELECT train_model('knn faulty', 'knn', dataset => 'faulty');
SELECT train_model('words faulty', 'course_similarity', dataset => 'faulty words');
RESET ROLE;

-- What is wrong with the current user, who should be this role in a session of a superuser; NULL: nothing
CREATE FUNCTION school.harm(who name) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	IF current_user <> who THEN
		RETURN 'user is ' || current_user;
	END IF;
	BEGIN
		PERFORM FROM recsys.recsys_model_data;
		RETURN 'may read the models';
	EXCEPTION WHEN insufficient_privilege THEN
		NULL;
	END;
	-- Refused while a "security-restricted operation" lasts
	CREATE TEMP TABLE probe ();
	DROP TABLE probe;
	-- Refused while a "security-definer function" lasts
	PERFORM set_config('role', 'course_other', true);
	IF current_user <> 'course_other' THEN
		RETURN 'cannot become another';
	END IF;
	PERFORM set_config('role', who, true);
	RETURN NULL;
END $$;

-- One test: the statement fails there and so; the current user is who it was and may do what it may.
CREATE FUNCTION school.fails(place text, kind text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text := 'no error';
	before text := stored_rows();
BEGIN
	PERFORM set_config('school.fault', place || ' ' || kind, true);
	BEGIN
		EXECUTE statement;
	EXCEPTION WHEN query_canceled OR OTHERS THEN
		state := SQLSTATE;
	END;
	PERFORM set_config('school.fault', '', true);
	RETURN is(ARRAY[state, harm('course_trainer'), stored_rows()], ARRAY[CASE kind WHEN 'error' THEN 'ZZ001'
			WHEN 'division' THEN '22012' WHEN 'null' THEN '22004' ELSE '57014' END, NULL, before],
		format('%s in %s: %s', kind, place, statement));
END $$;
SET LOCAL ROLE course_trainer;
SELECT is(harm('course_trainer'), NULL, 'the check itself');
-- While loading, for every method; cancelled, and with an error
SELECT fails('ratings', kind, format('SELECT train_model(%L, %L, dataset => ''faulty'')', method || ' faulty', method))
FROM recsys_methods(), unnest('{error,cancel}'::text[]) kind;
SELECT fails(place, kind, statement) FROM unnest('{error,division,cancel}'::text[]) kind, (VALUES
	('key', 'SELECT train_model(''knn faulty'', ''knn'', dataset => ''faulty'')'),
	('genre', 'SELECT train_model(''user_profile faulty'', ''user_profile'', dataset => ''faulty'')'),
	('description', 'SELECT train_model(''course_similarity faulty'', ''course_similarity'', dataset => ''faulty'')'),
	('terms', 'SELECT train_model(''words faulty'', ''course_similarity'', dataset => ''faulty words'')'),
	('users', 'SELECT train_model(''demographic faulty'', ''demographic'', dataset => ''faulty'')'),
	('ratings', 'SELECT * FROM recommend_courses(1, ''knn faulty'')'), ('title', 'SELECT * FROM recommend_courses(1, ''knn faulty'')'),
	('users', 'SELECT * FROM recommend_courses(1, ''demographic faulty'')'), ('ratings', 'SELECT * FROM recommend_all(''knn faulty'')'),
	('title', 'SELECT * FROM similar_courses(''c01'', ''knn faulty'')'), ('ratings', 'SELECT predict_rating(1, ''c01'', ''knn faulty'')'),
	('ratings', 'SELECT * FROM explain_recommendation(1, ''c01'', ''knn faulty'')'), ('ratings', 'SELECT * FROM user_profiles(''faulty'')'),
	('ratings', 'SELECT * FROM dataset_summary(''faulty'')'), ('title', 'SELECT * FROM keyword_counts(''faulty'')'),
-- while the extension's tables are written under its owner
	('recsys_model', 'SELECT train_model(''knn faulty'', ''knn'', dataset => ''faulty'')'),
	('recsys_model_data', 'SELECT train_model(''knn faulty'', ''knn'', dataset => ''faulty'')'),
	('recsys_model', 'SELECT publish_model(''knn faulty'', 1)'), ('recsys_model', 'SELECT rollback_model(''knn faulty'')'),
	('recsys_model', 'SELECT drop_model(''knn faulty'')'), ('recsys_model_data', 'SELECT drop_model(''knn faulty'')'),
	('recsys_dataset', 'SELECT register_dataset(''faulty'', ''school.faulty_ratings'')'),
	('recsys_dataset', 'SELECT register_dataset(''fresh'', ''school.faulty_ratings'')')) p (place, statement);
SELECT fails('ratings', 'null', 'SELECT train_model(''knn faulty'', ''knn'', dataset => ''faulty'')');
SELECT fails('ratings', 'null', 'SELECT * FROM recommend_courses(1, ''knn faulty'')');
SELECT drop_model('words faulty');
SELECT fails('recsys_dataset', 'error', 'SELECT drop_dataset(''faulty words'')');
-- The time runs out: in the data, and while the extension's tables are written.
SET LOCAL statement_timeout = '100ms';
SELECT fails('ratings', 'sleep', 'SELECT train_model(''knn faulty'', ''knn'', dataset => ''faulty'')');
SELECT fails('title', 'sleep', 'SELECT * FROM recommend_courses(1, ''knn faulty'')');
SELECT fails('recsys_model_data', 'sleep', 'SELECT train_model(''knn faulty'', ''knn'', dataset => ''faulty'')');
SELECT fails('recsys_model', 'sleep', 'SELECT publish_model(''knn faulty'', 1)');
SET LOCAL statement_timeout = 0;
-- A function of the data catches an error of ours while we run.
SET LOCAL school.fault = 'ratings caught';
SELECT is((SELECT ratings FROM train_model('knn faulty', 'knn', dataset => 'faulty')), (SELECT count(*) FROM school.ratings),
	'an error of ours that a function in the ratings catches: training goes on');
SELECT isnt_empty($$SELECT * FROM recommend_courses(1, 'knn faulty')$$, 'serving, too');
SET LOCAL school.fault = '';
SELECT is(harm('course_trainer'), NULL, 'and the user is who it was');
SELECT isnt_empty($$SELECT * FROM train_model('knn faulty', 'knn', dataset => 'faulty')$$, 'and the next training works');
RESET ROLE;

-- In a security-restricted operation, where the caller is the owner of a materialized view
GRANT CREATE ON SCHEMA school TO course_trainer;
SET LOCAL ROLE course_trainer;
CREATE MATERIALIZED VIEW school.materialized AS SELECT r.* FROM recommend_courses(1, 'knn faulty', 3) r WITH NO DATA;
RESET ROLE;
REVOKE SELECT ON school.faulty_ratings FROM course_trainer;
SELECT throws_ok('REFRESH MATERIALIZED VIEW school.materialized', '42501', NULL, 'a materialized view of a role that has lost the ratings, refreshed by a superuser');
GRANT SELECT ON school.faulty_ratings TO course_trainer;
SELECT lives_ok('REFRESH MATERIALIZED VIEW school.materialized', 'of one that has them');

SELECT * FROM finish();
ROLLBACK;
