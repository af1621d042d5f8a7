-- The tables under a dataset change while one session keeps models, plans and what it knows of the catalog: every
-- method goes on with the same answers, or says what to do and goes on when that is done.
\ir setup.psql
\ir fixture.psql
SELECT no_plan();

CREATE TABLE school.model AS
	SELECT method AS model, method, '{}'::jsonb AS params FROM recsys_methods()
	UNION ALL SELECT 'aged ' || method, method, '{"half_life": "300 days"}' FROM recsys_methods()
	UNION ALL SELECT 'users knn', 'knn', '{"user_based": true}';
SELECT is(count(t.version), count(*), 'every method is trained') FROM model m, train_model(m.model, m.method, m.params, 'school') t;

-- All that the models answer
CREATE FUNCTION school.answers(OUT model text, OUT answer text) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
	about record;
BEGIN
	FOR about IN SELECT m.model, t.predicts_ratings, t.explains FROM school.model m JOIN recsys_methods() t USING (method) LOOP
		model := about.model;
		SELECT md5(string_agg(r::text, ',' ORDER BY u, rank)) INTO answer
			FROM generate_series(1, 24) u, recommend_courses(u, about.model, 12, false) r;
		SELECT answer || md5(string_agg(r::text, ',' ORDER BY r.user_id::text COLLATE "C", rank)) INTO answer
			FROM recommend_all(about.model) r;
		IF about.predicts_ratings THEN
			SELECT answer || md5(string_agg(predict_rating(u, 'c03', about.model)::text, ',' ORDER BY u)) INTO answer
				FROM generate_series(1, 24) u;
		END IF;
		IF about.explains THEN
			SELECT answer || md5(coalesce(string_agg(r::text, ',' ORDER BY u, ordinality), '')) INTO answer
				FROM generate_series(1, 24) u, explain_recommendation(u, 'c03', about.model) WITH ORDINALITY r;
		END IF;
		RETURN NEXT;
	END LOOP;
END $$;
CREATE TABLE school.answered AS SELECT * FROM answers();
SELECT isnt((SELECT count(DISTINCT answer) FROM answered), 1::bigint, 'answers of the models differ');

-- One test: all models answer as at first.
CREATE FUNCTION school.same(description text) RETURNS text LANGUAGE sql AS $$
	SELECT set_eq('SELECT model, answer FROM school.answers()', 'SELECT model, answer FROM school.answered', description) $$;
-- One test for each model: no answer, but this error, whose hint says what to do.
CREATE FUNCTION school.all_raise(state text, message text, hint text, description text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT raises(format('SELECT * FROM recommend_courses(1, %L)', model), state, message, hint, description || ': ' || model)
	FROM school.model ORDER BY model $$;

-- ------------------------------------------------------------ the ratings are replaced

CREATE TABLE school.kept AS TABLE ratings;
DROP TABLE ratings;
SELECT all_raise('42P01', '%school.ratings%"school"%', '%Create the relation again%', 'dropped');
CREATE TABLE school.ratings AS TABLE kept;
SELECT same('created again');
SAVEPOINT s;
DROP TABLE ratings;
CREATE TABLE school.ratings (course_id varchar(9), more int, user_id bigint, rating numeric, rated_at timestamptz);
INSERT INTO ratings SELECT course_id, 7, user_id, rating, rated_at FROM kept;
SELECT same('created again with other types, in another order');
ROLLBACK TO s;
SELECT same('which was rolled back');
SAVEPOINT s;
DROP TABLE ratings;
CREATE TABLE school.ratings AS SELECT user_id, course_id, rated_at FROM kept;
SELECT all_raise('42703', '%"rating"%school.ratings%"school"%', '%Add the column again%', 'created again without a column');
ALTER TABLE ratings ADD rating real;
SELECT all_raise('22004', '%"rating"%school.ratings%"school"%contains null%', '%Delete such rows%', 'the column is there, but empty');
UPDATE ratings r SET rating = k.rating FROM kept k WHERE (k.user_id, k.course_id) = (r.user_id, r.course_id);
SELECT same('and filled');
ROLLBACK TO s;
TRUNCATE ratings;
SELECT is((SELECT string_agg(DISTINCT r.source, '') FROM model m, recommend_courses(1, m.model) r WHERE m.method <> 'demographic'),
	'popular', 'truncated: everybody is a new user');
INSERT INTO ratings TABLE kept;
SELECT same('filled again');
CREATE TABLE school.ratings_new (LIKE kept);
INSERT INTO ratings_new TABLE kept;
ALTER TABLE ratings RENAME TO ratings_old;
ALTER TABLE ratings_new RENAME TO ratings;
SELECT same('swapped by rename');
CREATE SCHEMA stage;
CREATE TABLE stage.ratings (user_id int, course_id text, rated_at timestamptz, rating float8);
INSERT INTO stage.ratings SELECT user_id, course_id, rated_at, rating FROM kept;
DROP TABLE ratings;
ALTER TABLE stage.ratings SET SCHEMA school;
SELECT same('swapped by SET SCHEMA');
ALTER TABLE school.ratings SET SCHEMA stage;
SELECT all_raise('42P01', '%school.ratings%"school"%', '%Create the relation again%', 'moved to another schema');
ALTER SCHEMA school RENAME TO away;
ALTER SCHEMA away RENAME TO school;
ALTER TABLE stage.ratings SET SCHEMA school;
SELECT same('schemas and tables back');

-- A relation of that name elsewhere is not the one that was registered.
CREATE TEMP TABLE ratings AS SELECT user_id, 'c01'::text AS course_id, 5::real AS rating, rated_at FROM kept;
CREATE TEMP TABLE courses AS SELECT course_id, 'Planted'::text AS title FROM school.courses;
CREATE TABLE public.ratings AS TABLE pg_temp.ratings;
SET LOCAL search_path = recsys, pg_temp, public, school;
SELECT same('tables of that name in other schemas');
ALTER TABLE school.ratings RENAME TO hidden;
SELECT all_raise('42P01', '%school.ratings%"school"%', '%Create the relation again%', 'nor are they used when it is gone');
ALTER TABLE school.hidden RENAME TO ratings;
SELECT raises($$SELECT register_dataset('temporary', 'pg_temp.ratings')$$, '42809', '%temporary%"ratings"%', '%Other sessions%',
	'a temporary table cannot be registered');
CREATE TEMP VIEW over_temporary AS SELECT * FROM pg_temp.ratings;
SELECT raises($$SELECT register_dataset('temporary', 'over_temporary')$$, '42809', '%temporary%', '%Other sessions%',
	'nor a view of one');
SET LOCAL search_path = recsys, public, school;
DROP TABLE public.ratings;
DROP TABLE pg_temp.courses;
DROP TABLE pg_temp.ratings CASCADE;

-- ------------------------------------------------------------ other kinds of relations

DROP TABLE ratings;
CREATE VIEW school.ratings AS SELECT * FROM kept;
SELECT same('a view');
CREATE OR REPLACE VIEW school.ratings AS SELECT * FROM kept WHERE user_id > 0;
SELECT same('the view replaced');
DROP VIEW ratings;
CREATE MATERIALIZED VIEW school.ratings AS SELECT * FROM kept WITH NO DATA;
SELECT raises($$SELECT * FROM recommend_courses(1, 'knn')$$, '55000', '%"ratings"%not been populated%', '%REFRESH MATERIALIZED VIEW%',
	'a materialized view without data');
REFRESH MATERIALIZED VIEW ratings;
SELECT same('refreshed');
DELETE FROM kept WHERE user_id = 1;
SELECT same('rows gone below the materialized view');
REFRESH MATERIALIZED VIEW ratings;
SELECT is((SELECT string_agg(DISTINCT source, '') FROM recommend_courses(1, 'knn')), 'popular', 'seen when it is refreshed');
DROP MATERIALIZED VIEW ratings;
CREATE UNLOGGED TABLE school.ratings (LIKE ratings_old);
INSERT INTO ratings TABLE ratings_old;
SELECT same('an unlogged table');
ALTER TABLE ratings SET LOGGED;
SELECT same('made a logged one');
DROP TABLE ratings;
CREATE TABLE school.ratings (LIKE ratings_old) PARTITION BY RANGE (user_id);
CREATE TABLE school.low PARTITION OF ratings FOR VALUES FROM (1) TO (10);
CREATE TABLE school.high PARTITION OF ratings FOR VALUES FROM (10) TO (100);
INSERT INTO ratings TABLE ratings_old;
SELECT same('a partitioned table');
ALTER TABLE ratings DETACH PARTITION low;
SELECT is((SELECT string_agg(DISTINCT source, '') FROM recommend_courses(1, 'knn')), 'popular', 'a partition detached: its users are new');
ALTER TABLE ratings ATTACH PARTITION low FOR VALUES FROM (1) TO (10);
SELECT same('and attached');
DROP TABLE low;
CREATE TABLE school.low PARTITION OF ratings FOR VALUES FROM (1) TO (10);
INSERT INTO low SELECT * FROM ratings_old WHERE user_id < 10;
SELECT same('dropped and made again');
DROP TABLE ratings;
CREATE TABLE school.ratings (LIKE ratings_old);
CREATE TABLE school.child () INHERITS (ratings);
INSERT INTO child TABLE ratings_old;
SELECT same('a table whose rows are in a child');
ALTER TABLE child NO INHERIT ratings;
SELECT is((SELECT string_agg(DISTINCT source, '') FROM recommend_courses(1, 'knn')), 'popular', 'the child leaves');
DROP TABLE ratings;
CREATE TYPE school.ratings AS (user_id int, course_id text, rating real, rated_at timestamptz);
SELECT raises($$SELECT * FROM recommend_courses(1, 'knn')$$, '42809', '%ratings%', NULL, 'a type of that name is no table');
DROP TYPE school.ratings;
CREATE TABLE school.ratings AS TABLE ratings_old;
SELECT same('a table again');

-- ------------------------------------------------------------ other types

ALTER TABLE ratings ALTER user_id TYPE bigint;
SELECT same('user key int to bigint');
SELECT lives_ok($$SELECT register_dataset('school', 'school.ratings', 'school.courses', time_column => 'rated_at',
	genre_columns => '{white,black}', users => 'school.users', user_feature_columns => '{colour}')$$,
	'registered again after that');
SELECT same('which changes nothing');
ALTER TABLE ratings ALTER rating TYPE numeric;
SELECT same('rating real to numeric');
ALTER TABLE ratings ALTER rating TYPE float8;
SELECT same('rating numeric to float8');
SAVEPOINT s;
ALTER TABLE ratings ALTER rating TYPE int;
SELECT lives_ok(format('SELECT * FROM recommend_courses(1, %L)', model), 'rating float8 to int: ' || model) FROM model;
SELECT is(count(t.version), count(*), 'and trained') FROM model m, train_model(m.model, m.method, m.params, 'school') t;
ALTER TABLE ratings ALTER rating TYPE text;
SELECT all_raise('42804', '%"rating"%school.ratings%"school"%text%', '%Change the type back%', 'rating made text');
ROLLBACK TO s;
SELECT same('rating as before');
ALTER TABLE ratings ALTER rated_at TYPE timestamp USING rated_at AT TIME ZONE 'UTC';
SELECT same('time timestamptz to timestamp');
ALTER TABLE ratings ALTER rated_at TYPE date;
SELECT same('time timestamp to date');
ALTER TABLE ratings ALTER rated_at TYPE int USING extract(epoch FROM rated_at)::int;
SELECT same('time date to seconds');
ALTER TABLE ratings ALTER user_id TYPE text;
ALTER TABLE users ALTER id TYPE text;
SELECT same('user key bigint to text');
CREATE DOMAIN school.learner AS text;
ALTER TABLE ratings ALTER user_id TYPE learner;
SELECT same('user key text to a domain');

-- A key of another kind: the user is somebody else, who gets the same by their new key.
CREATE FUNCTION school.as_uuid(id text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$SELECT lpad(id, 32, '0')::uuid$$;
CREATE TABLE school.before AS SELECT m.model, u, array_agg(r::text ORDER BY rank) AS answer
	FROM model m, generate_series(1, 24) u, recommend_courses(u, m.model, 12) r WHERE m.model <> 'users knn' GROUP BY 1, 2;
SAVEPOINT s;
ALTER TABLE ratings ALTER user_id TYPE uuid USING as_uuid(user_id);
ALTER TABLE users ALTER id TYPE uuid USING as_uuid(id);
SELECT set_eq($$SELECT m.model, u, array_agg(r::text ORDER BY rank) FROM school.model m, generate_series(1, 24) u,
	recommend_courses(school.as_uuid(u::text), m.model, 12) r WHERE m.model <> 'users knn' GROUP BY 1, 2$$, 'TABLE school.before',
	'user key text to uuid');
SELECT all_raise('42804', '%"user_id"%bigint%uuid%', '%Pass it as uuid%', 'asked by the old key');
ROLLBACK TO s;
SELECT same('the old keys');

-- A course key of another kind is another course: trained again, models know the new ones.
DROP VIEW wanted, places;
CREATE FUNCTION school.course_number(id text) RETURNS int LANGUAGE sql IMMUTABLE AS $$SELECT substr(id, 2)::int$$;
SAVEPOINT s;
ALTER TABLE ratings ALTER course_id TYPE int USING course_number(course_id);
SELECT all_raise('42804', '%"course_id"%school.ratings%"school"%integer%', '%Change the type back%train its models again%',
	'course key of the ratings made a number');
ALTER TABLE courses ALTER course_id TYPE int USING course_number(course_id);
SELECT all_raise('42804', '%"course_id"%school.ratings%"school"%integer%', '%train its models again%', 'of the courses, too');
SELECT is(count(t.version), count(*), 'they are trained') FROM model m, train_model(m.model, m.method, m.params, 'school') t;
SELECT is((SELECT count(DISTINCT m.model) FROM model m, recommend_courses(1, m.model, 12, false) r WHERE r.course_id = '3'), (SELECT count(*) FROM model),
	'and recommend the new ids');
SELECT lives_ok($$SELECT register_dataset('school', 'school.ratings', 'school.courses', time_column => 'rated_at',
	genre_columns => '{white,black}', users => 'school.users', user_feature_columns => '{colour}')$$, 'registered again');
ALTER TABLE ratings ALTER course_id TYPE bigint;
ALTER TABLE courses ALTER course_id TYPE smallint;
SELECT is((SELECT count(DISTINCT m.model) FROM model m, recommend_courses(1, m.model, 12, false) r WHERE r.course_id = '3'), (SELECT count(*) FROM model),
	'course keys of other widths');
ROLLBACK TO s;
SELECT same('the old courses');
CREATE TABLE school.numbered AS SELECT user_id, course_number(course_id) AS course_id, rating FROM ratings;
SELECT raises($$SELECT register_dataset('school', 'school.numbered')$$, '2BP01', '%keys%"school"%model%', '%drop_model()%',
	'other ratings with a course key of another kind under models');

-- ------------------------------------------------------------ courses and users

ALTER TABLE courses RENAME TO courses_old;
SELECT all_raise('42P01', '%school.courses%"school"%', '%Create the relation again%', 'courses renamed');
CREATE VIEW school.courses AS SELECT * FROM courses_old WHERE published OR true;
SELECT same('a view in place of the courses');
DROP VIEW courses;
CREATE MATERIALIZED VIEW school.courses AS SELECT * FROM courses_old;
SELECT same('a materialized view in place of the courses');
DROP MATERIALIZED VIEW courses;
ALTER TABLE courses_old RENAME TO courses;
ALTER TABLE courses RENAME course_id TO id;
SELECT all_raise('42703', '%"course_id"%school.courses%"school"%', '%Add the column again%', 'key of the courses renamed');
ALTER TABLE courses RENAME id TO course_id;
ALTER TABLE courses ALTER title TYPE varchar(40), ALTER course_id TYPE varchar(40);
SELECT same('courses with other types');
ALTER TABLE courses DROP description, DROP black;
SELECT same('columns that only training reads are gone');
SELECT raises($$SELECT * FROM train_model('user_profile', dataset => 'school')$$, '42703', '%"black"%school.courses%', '%Add the column again%',
	'but training says so');
ALTER TABLE courses DROP title;
SELECT all_raise('42703', '%"title"%school.courses%"school"%', '%Add the column again%', 'title dropped');
ALTER TABLE courses ADD title text;
UPDATE courses SET title = 'Course ' || course_number(course_id);
SELECT same('and added');
ALTER TABLE users RENAME TO users_old;
SELECT all_raise('42P01', '%school.users%"school"%', '%Create the relation again%', 'users renamed');
CREATE TABLE school.users AS SELECT id::varchar(9), level, colour::varchar(10) FROM users_old;
SELECT same('users made again with other types');
CREATE TYPE school.colour AS ENUM ('black', 'white');
ALTER TABLE users ALTER colour TYPE colour USING colour::colour;
SELECT same('an attribute made an enum');
ALTER TABLE users DROP colour CASCADE;
SELECT raises($$SELECT * FROM recommend_courses(1, 'demographic')$$, '42703', '%"colour"%school.users%"school"%', '%Add the column again%',
	'an attribute dropped');
ALTER TABLE users ADD colour text;
UPDATE users SET colour = CASE id::int % 2 WHEN 1 THEN 'white' ELSE 'black' END;
SELECT same('and added');

ALTER TABLE ratings RENAME user_id TO learner;
SELECT all_raise('42703', '%"user_id"%school.ratings%"school"%', '%register the dataset with another one%', 'user key renamed');
SELECT register_dataset('school', 'school.ratings', 'school.courses', user_column => 'learner', time_column => 'rated_at',
	users => 'school.users', user_feature_columns => '{colour}', options => '{"users_key": "id"}');
SELECT same('registered with the new name');
ALTER TABLE ratings RENAME learner TO user_id;
SELECT lives_ok($$SELECT register_dataset('school', 'school.ratings', 'school.courses', time_column => 'rated_at',
	users => 'school.users', user_feature_columns => '{colour}')$$, 'and with the old one');
SELECT same('which is there again');
ALTER TABLE courses RENAME course_id TO code;
SELECT register_dataset('school', 'school.ratings', 'school.courses', courses_key => 'code', time_column => 'rated_at',
	users => 'school.users', user_feature_columns => '{colour}');
SELECT all_raise('55000', '%"school"%changed%', '%Train the model again%', 'key of the courses under another name');
ALTER TABLE courses RENAME code TO course_id;
SELECT register_dataset('school', 'school.ratings', 'school.courses', time_column => 'rated_at',
	users => 'school.users', user_feature_columns => '{colour}');
SELECT same('and under the old one');

-- ------------------------------------------------------------ while a call runs

-- A view of courses that puts other tables in the place of its own and calls us again: the outer call goes on with the
-- statement that it is executing.
CREATE SCHEMA twin;
CREATE TABLE twin.ratings AS SELECT user_id, course_id, rating, rated_at FROM school.ratings WHERE user_id = '2';
CREATE TABLE twin.courses AS SELECT * FROM school.courses;
CREATE SEQUENCE public.calls;
CREATE FUNCTION public.swap() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF nextval('public.calls') = 1 THEN
		ALTER SCHEMA school RENAME TO away;
		ALTER SCHEMA twin RENAME TO school;
		FOR i IN 1..3 LOOP
			PERFORM * FROM recommend_courses(2, 'swapping', 3);
		END LOOP;
	END IF;
	RETURN true;
END $$;
CREATE VIEW school.calling AS SELECT course_id, title FROM school.courses WHERE public.swap();
CREATE VIEW twin.calling AS SELECT course_id, 'Twin ' || title AS title FROM twin.courses;
SELECT register_dataset('swapping', 'school.ratings', 'school.courses');
SELECT train_model('swapping', 'knn', dataset => 'swapping');
SELECT register_dataset('swapping', 'school.ratings', 'school.calling');
SELECT results_eq($$SELECT count(*), bool_or(title LIKE 'Twin%') FROM recommend_courses(1, 'swapping', 4)$$, 'VALUES (4::bigint, false)',
	'the tables are swapped while a call runs');
SELECT results_eq($$SELECT count(*), bool_and(title LIKE 'Twin%') FROM recommend_courses(2, 'swapping', 4)$$, 'VALUES (4::bigint, true)',
	'the next call reads the others');
ALTER SCHEMA school RENAME TO twin;
ALTER SCHEMA away RENAME TO school;
SELECT isnt_empty($$SELECT * FROM recommend_courses(1, 'swapping', 4)$$, 'and back');

-- ------------------------------------------------------------ the registered columns

SELECT register_dataset('school', 'school.ratings', 'school.courses', users => 'school.users', user_feature_columns => '{colour}');
SELECT lives_ok(format('SELECT * FROM recommend_courses(1, %L)', model), 'registered without times: ' || model) FROM model;
SELECT raises($$SELECT * FROM train_model('aged knn', 'knn', '{"half_life": "300 days"}', 'school')$$, '22023', '%half_life%times%', NULL,
	'training by age without times');

-- ------------------------------------------------------------ schemas of the extension

SELECT raises($$ALTER EXTENSION course_recsys SET SCHEMA stage$$, '0A000', '%does not support SET SCHEMA%', NULL, 'ALTER EXTENSION SET SCHEMA');
SELECT train_model('cold', 'knn', dataset => 'school');
ALTER SCHEMA recsys RENAME TO renamed;
SET LOCAL search_path = renamed, public, school;
SELECT results_eq($$SELECT version FROM train_model('later', 'popular', dataset => 'school')$$, 'SELECT 1', 'schema renamed: training');
SELECT isnt_empty($$SELECT * FROM recommend_courses(1, 'cold')$$, 'a model that was not yet used');
SELECT isnt_empty($$SELECT * FROM recommend_courses(1, 'knn')$$, 'a model that was');
SELECT results_eq($$SELECT count(*) FROM recsys_models$$, $$SELECT count(*) + 3 FROM model$$, 'the view of models');
ALTER SCHEMA renamed RENAME TO recsys;
SET LOCAL search_path = recsys, public, school;
SELECT isnt_empty($$SELECT * FROM recommend_courses(1, 'later')$$, 'and back');

DROP EXTENSION course_recsys CASCADE;
CREATE EXTENSION course_recsys SCHEMA stage;
SET LOCAL search_path = stage, public, school;
SELECT throws_ok($$SELECT * FROM recommend_courses(1, 'knn')$$, '42704', NULL, 'dropped and created in another schema: no model');
SELECT register_dataset('school', 'school.ratings', 'school.courses');
SELECT results_eq($$SELECT version FROM train_model('knn', dataset => 'school')$$, 'SELECT 1', 'a new one');
SELECT isnt_empty($$SELECT * FROM recommend_courses(1, 'knn')$$, 'is served');

SELECT * FROM finish();
ROLLBACK;
