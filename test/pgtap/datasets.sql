-- register_dataset and drop_dataset: defaults, types, relations of every kind, names, tables that change.
\ir setup.psql
\ir fixture.psql
SELECT no_plan();

-- ------------------------------------------------------------ defaults

SELECT register_dataset('default', 'ratings');
SELECT results_eq($$SELECT ratings, courses, users, terms, user_column, course_column, rating_column, time_column, courses_key, title_column,
	description_column, genre_columns, users_key, user_feature_columns FROM recsys_datasets WHERE name = 'default'$$,
	$$VALUES ('school.ratings', NULL::text, NULL::text, NULL::text, 'user_id', 'course_id', 'rating', NULL::text, NULL::text, NULL::text, NULL::text, NULL::text[],
		NULL::text, NULL::text[])$$, 'the ratings alone');
SELECT results_eq($$SELECT ratings, courses, users, time_column, courses_key, title_column, description_column, genre_columns, users_key, user_feature_columns, owner
	FROM recsys_datasets WHERE name = 'school'$$,
	$$VALUES ('school.ratings', 'school.courses', 'school.users', 'rated_at', 'course_id', 'title', 'description', '{white,black}'::text[], 'id', '{colour}'::text[],
		current_user::text COLLATE "default")$$, 'key, title and description of the courses, key of the users');
SELECT is((SELECT model FROM train_model('knn')), 'knn', 'train_model takes the dataset "default"');
SELECT is((SELECT dataset FROM recsys_models), 'default', 'by name');
SELECT drop_model('knn');
CREATE TABLE school.by_id (id text PRIMARY KEY, name text, about text);
SELECT register_dataset('by id', 'ratings', 'by_id');
SELECT results_eq($$SELECT courses_key, title_column, description_column FROM recsys_datasets WHERE name = 'by id'$$,
	'VALUES (''id'', NULL::text, NULL::text)', 'a key of name id; no title, no description');
SELECT register_dataset('by id', 'ratings', 'by_id', title_column => 'name', description_column => 'about',
	courses_key => 'id');
SELECT results_eq($$SELECT courses_key, title_column, description_column FROM recsys_datasets WHERE name = 'by id'$$,
	'VALUES (''id'', ''name'', ''about'')', 'as told');
SELECT register_dataset('by option', 'ratings', users => 'users', options => '{"users_key": "id"}');
SELECT is((SELECT users_key FROM recsys_datasets WHERE name = 'by option'), 'id',
	'the key of the users as told in options');

-- ------------------------------------------------------------ refused

CREATE TABLE school.nokey (number text);
CREATE TABLE school.moneys (user_id int, course_id text, rating money, rated_at time, tags text[], score jsonb,
	flag bool, ch char(3), f float8);
CREATE TEMPORARY TABLE temporary_ratings AS TABLE ratings;
CREATE SEQUENCE school.seq;
CREATE INDEX rating_index ON ratings (rating);
CREATE TYPE school.pair AS (user_id int, course_id text, rating int);
SELECT raises('SELECT register_dataset(' || args || ')', state, message, hint, args)
FROM (VALUES
	($$'x', 'ratings', user_column => 'nobody'$$, '42703', '%"nobody"%school.ratings%', '%register_dataset()%'),
	($$'x', 'ratings', course_column => 'nothing'$$, '42703', '%"nothing"%school.ratings%', '%register_dataset()%'),
	($$'x', 'ratings', rating_column => 'stars'$$, '42703', '%"stars"%school.ratings%', '%register_dataset()%'),
	($$'x', 'ratings', time_column => 'at'$$, '42703', '%"at"%school.ratings%', '%register_dataset()%'),
	($$'x', 'ratings', user_column => 'ctid'$$, '42703', '%"ctid"%school.ratings%', '%register_dataset()%'),
	($$'x', 'ratings', 'courses', courses_key => 'code'$$, '42703', '%"code"%school.courses%', '%register_dataset()%'),
	($$'x', 'ratings', 'courses', title_column => 'name'$$, '42703', '%"name"%school.courses%', '%register_dataset()%'),
	($$'x', 'ratings', 'courses', description_column => 'about'$$, '42703', '%"about"%school.courses%',
		'%register_dataset()%'),
	($$'x', 0::oid::regclass$$, '42P01', '%"ratings"%', '%table or view%'),
	($$'x', 'ratings', courses => 0::oid::regclass$$, '42P01', '%"courses"%', '%table or view%'),
	($$'x', 'ratings', terms => 0::oid::regclass$$, '42P01', '%"terms"%', '%table or view%'),
	($$'x', 'ratings', users => 0::oid::regclass$$, '42P01', '%"users"%', '%table or view%'),
	($$'x', 'ratings', 'courses', genre_columns => '{white,black,white}'$$, '42701', 'genre_columns%"white"%more than once',
		'%once%'),
	($$'x', 'ratings', users => 'users', user_feature_columns => '{level,level}'$$, '42701',
		'user_feature_columns%"level"%more than once', '%once%'),
	($$'x', 'ratings', 'courses', genre_columns => '{white,red}'$$, '42703', '%"red"%school.courses%',
		'%register_dataset()%'),
	($$'x', 'ratings', users => 'users', user_feature_columns => '{age}'$$, '42703', '%"age"%school.users%',
		'%register_dataset()%'),
	($$'x', 'ratings', users => 'users', options => '{"users_key": "login"}'$$, '42703', '%"login"%school.users%',
		'%register_dataset()%'),
	($$'x', 'ratings', 'nokey'$$, '42703', '%school.nokey%"course_id"%"id"%', '%courses_key%'),
	($$'x', 'ratings', users => 'nokey'$$, '42703', '%school.nokey%"user_id"%"id"%', '%users_key%'),
	($$'x', 'ratings', terms => 'users'$$, '42703', '%school.users%"course_id"%', '%course_id, term and weight%'),
	($$'x', 'ratings', terms => 'courses'$$, '42703', '%"term"%school.courses%', NULL),
	($$'x', 'moneys'$$, '42804', '%"rating"%school.moneys%money%', '%numeric%'),
	($$'x', 'moneys', rating_column => 'flag'$$, '42804', '%"flag"%school.moneys%boolean%', '%numeric%'),
	($$'x', 'moneys', rating_column => 'course_id'$$, '42804', '%"course_id"%school.moneys%text%', '%numeric%'),
	($$'x', 'moneys', rating_column => 'f', time_column => 'rated_at'$$, '42804',
		'%"rated_at"%school.moneys%time without time zone%', '%timestamptz%'),
	($$'x', 'moneys', rating_column => 'f', time_column => 'f'$$, '42804', '%"f"%school.moneys%double precision%',
		'%seconds since 1970%'),
	($$'x', 'moneys', user_column => 'f', rating_column => NULL$$, '42804', '%"f"%school.moneys%double precision%',
		'%integer, text, varchar or uuid%'),
	($$'x', 'moneys', user_column => 'ch', rating_column => NULL$$, '42804', '%"ch"%school.moneys%character%',
		'%integer, text, varchar or uuid%'),
	($$'x', 'moneys', course_column => 'tags', rating_column => NULL$$, '42804', '%"tags"%school.moneys%text[]%',
		'%integer, text, varchar or uuid%'),
	($$'x', 'moneys', course_column => 'flag', rating_column => NULL$$, '42804', '%"flag"%school.moneys%boolean%',
		'%integer, text, varchar or uuid%'),
	($$'x', 'ratings', 'courses', genre_columns => '{title}'$$, '42804', '%"title"%school.courses%text%',
		'%numeric or boolean%'),
	($$'x', 'ratings', 'moneys', title_column => 'score'$$, '42804', '%"score"%school.moneys%jsonb%', '%text%'),
	($$'x', 'ratings', 'moneys', courses_key => 'user_id'$$, '42804', '%"user_id"%school.moneys%integer%text%', NULL),
	($$'x', 'ratings', users => 'courses', options => '{"users_key": "course_id"}'$$, '42804',
		'%"course_id"%school.courses%text%integer%', NULL),
	($$'x', 'temporary_ratings'$$, '42809', 'temporary relation "temporary_ratings"%', '%Other sessions%'),
	($$'x', 'ratings', 'temporary_ratings'$$, '42809', 'temporary relation "temporary_ratings"%courses%',
		'%Other sessions%'),
	($$'x', 'school.seq'$$, '42809', '"seq"%', '%table%view%'),
	($$'x', 'rating_index'$$, '42809', '"rating_index"%', '%table%view%'),
	($$'x', 'school.pair'$$, '42809', '"pair"%', '%table%view%'),
	($$'x', 'school.nonesuch'$$, '42P01', '%"school.nonesuch"%', NULL),
	($$'x', 4294967295::oid::regclass$$, '42P01', '%4294967295%', NULL),
	($$'x', 'ratings', courses_key => 'course_id'$$, '22023', 'courses_key cannot be given without courses', NULL),
	($$'x', 'ratings', title_column => 'title'$$, '22023', 'title_column cannot be given without courses', NULL),
	($$'x', 'ratings', description_column => 'd'$$, '22023', 'description_column cannot be given without courses',
		NULL),
	($$'x', 'ratings', genre_columns => '{white}'$$, '22023', 'genre_columns cannot be given without courses', NULL),
	($$'x', 'ratings', user_feature_columns => '{colour}'$$, '22023',
		'user_feature_columns cannot be given without users', NULL),
	($$'x', 'ratings', options => '{"users_key": "id"}'$$, '22023', 'users_key cannot be given without users', NULL),
	($$'x', 'ratings', options => '{"speed": "high"}'$$, '22023', '%"speed"%', '%"users_key"%'),
	($$'x', 'ratings', users => 'users', options => '{"users_key": 1}'$$, '22023', '%"users_key" must be a string%',
		NULL),
	($$'x', 'ratings', options => '[]'$$, '22023', 'argument "options" must be a JSON object', NULL),
	($$'x', 'ratings', 'courses', genre_columns => '{white,NULL}'$$, '22004', '%"genre_columns"%null%', NULL),
	($$'x', 'ratings', 'courses', genre_columns => '{{white},{black}}'$$, '2202E', '%"genre_columns"%one dimension%',
		NULL)
) v (args, state, message, hint);
SELECT is_empty($$SELECT * FROM recsys_datasets WHERE name = 'x'$$, 'nothing is registered after an error');

-- ------------------------------------------------------------ replace and drop

SELECT register_dataset('r', 'ratings', 'courses', genre_columns => '{white}');
SELECT train_model('r', 'user_profile', dataset => 'r');
SELECT is((SELECT count(*) FROM explain_recommendation(1, 'c03', 'r')), 1::bigint, 'one genre');
SELECT lives_ok($$SELECT register_dataset('r', 'ratings', 'courses', genre_columns => '{white,black}', time_column => 'rated_at')$$,
	'other columns under a model');
SELECT is((SELECT genre_columns FROM recsys_datasets WHERE name = 'r'), '{white,black}', 'replaced');
SELECT is((SELECT count(*) FROM recsys_datasets WHERE name = 'r'), 1::bigint, 'not added');
SELECT is((SELECT count(*) FROM explain_recommendation(1, 'c03', 'r')), 1::bigint,
	'the model has its genre until it is trained again');
CREATE VIEW school.renamed AS SELECT user_id AS learner, course_id, user_id AS n, rating FROM ratings;
SELECT raises($$SELECT register_dataset('r', 'renamed', 'courses', user_column => 'learner')$$, '2BP01',
	'%keys%"r"%model "r"%', '%drop_model()%', 'another key column under a model');
SELECT raises($$SELECT register_dataset('r', 'renamed', course_column => 'n', user_column => 'learner')$$, '2BP01',
	'%keys%"r"%model "r"%', '%drop_model()%', 'another type of key under a model');
SELECT raises($$SELECT drop_dataset('r')$$, '2BP01', '%"r"%model "r"%', '%drop_model()%', 'drop_dataset under a model');
SELECT lives_ok($$SELECT drop_model('r'); SELECT register_dataset('r', 'renamed', user_column => 'learner')$$,
	'without models anything may be replaced');
SELECT lives_ok($$SELECT drop_dataset('r')$$, 'drop_dataset');
SELECT is_empty($$SELECT * FROM recsys_datasets WHERE name = 'r'$$, 'it is gone');
SELECT isnt_empty('SELECT * FROM ratings', 'its tables are not');
SELECT raises($$SELECT drop_dataset('r')$$, '42704', '%"r"%', NULL, 'drop_dataset again');

-- ------------------------------------------------------------ relations of every kind

SELECT train_model('knn', dataset => 'school');
CREATE TABLE school.answers AS SELECT u.id, r.rank, r.course_id, r.score FROM users u,
	recommend_courses(u.id, 'knn', 5) r;
CREATE VIEW school.ratings_view AS SELECT * FROM ratings;
CREATE MATERIALIZED VIEW school.ratings_matview AS SELECT * FROM ratings;
CREATE TABLE school.ratings_parts (LIKE ratings) PARTITION BY HASH (user_id);
CREATE TABLE school.ratings_part0 PARTITION OF ratings_parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE school.ratings_part1 PARTITION OF ratings_parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO ratings_parts SELECT * FROM ratings;
CREATE TABLE school.ratings_parent (LIKE ratings);
CREATE TABLE school.ratings_child () INHERITS (ratings_parent);
INSERT INTO ratings_parent SELECT * FROM ratings WHERE user_id < 10;
INSERT INTO ratings_child SELECT * FROM ratings WHERE user_id >= 10;
CREATE UNLOGGED TABLE school.ratings_unlogged AS TABLE ratings;
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
CREATE FOREIGN TABLE school.ratings_foreign (user_id int, course_id text, rating real) SERVER nowhere;
CREATE DOMAIN school.stars AS numeric(3, 1) CHECK (value BETWEEN -1 AND 10);
CREATE DOMAIN school.moment AS timestamp;
CREATE TABLE school.ratings_domains (user_id int, course_id text, rating school.stars, rated_at school.moment);
INSERT INTO ratings_domains SELECT user_id, course_id, rating, rated_at AT TIME ZONE 'UTC' FROM ratings;
CREATE TABLE school.ratings_dates AS SELECT user_id, course_id, rating::numeric, rated_at::date FROM ratings;
CREATE TABLE school.ratings_seconds AS SELECT user_id, course_id, rating::float8,
	extract(epoch FROM rated_at)::bigint AS rated_at FROM ratings;
CREATE TABLE school.ratings_smallint AS SELECT user_id, course_id, (rating * 2)::smallint AS rating,
	extract(epoch FROM rated_at)::int AS rated_at FROM ratings;
SELECT results_eq(format($$
	SELECT u.id, r.rank, r.course_id, r.score FROM register_dataset(%1$L, 'school.ratings_%1$s', 'courses', time_column => 'rated_at'),
		train_model(%1$L, 'knn', dataset => %1$L), users u, recommend_courses(u.id, %1$L, 5) r ORDER BY 1, 2$$, kind),
	'SELECT * FROM answers ORDER BY 1, 2', 'ratings: ' || kind)
FROM unnest('{view,matview,parts,parent,unlogged,domains,dates,seconds}'::text[]) kind;
SELECT lives_ok($$SELECT register_dataset('smallint', 'ratings_smallint', 'courses', time_column => 'rated_at'); SELECT train_model('smallint', 'knn', dataset => 'smallint')$$,
	'whole numbers');
SELECT is((SELECT max(predict_rating(id, 'c01', 'smallint')) <= 12 FROM users), true, 'on their scale');
SELECT lives_ok($$SELECT register_dataset('foreign', 'ratings_foreign')$$, 'a foreign table');
SELECT throws_ok($$SELECT train_model('foreign', 'knn', dataset => 'foreign')$$, '55000', NULL,
	'whose wrapper speaks for itself');
CREATE VIEW school.ratings_broken AS SELECT user_id, course_id, (1 / (rating * 0)::int)::real AS rating FROM ratings;
SELECT register_dataset('broken', 'ratings_broken');
SELECT raises($$SELECT train_model('broken', 'knn', dataset => 'broken')$$, '22012', NULL, NULL,
	'an error inside a view is the view''s');

-- ------------------------------------------------------------ odd names

CREATE SCHEMA "Odd ""school""";
CREATE TABLE "Odd ""school"""."Ratings; DROP TABLE x" ("User ID" int, "from" text, "sel""ect" real, "when" timestamptz);
INSERT INTO "Odd ""school"""."Ratings; DROP TABLE x" SELECT * FROM ratings;
CREATE TABLE "Odd ""school"""."Tâble'" ("from" text, "T%s" text, "Déscription" text, "a''b" boolean, "%I$1" int);
INSERT INTO "Odd ""school"""."Tâble'" SELECT course_id, title, description, white, black FROM courses;
CREATE TABLE "Odd ""school"""."Users $1" ("User ID" int, "C o" text);
INSERT INTO "Odd ""school"""."Users $1" SELECT id, colour FROM users;
SELECT lives_ok($$SELECT register_dataset('Odd ''dataset"; %s', '"Odd ""school"""."Ratings; DROP TABLE x"', '"Odd ""school"""."Tâble''"', 'User ID', 'from', 'sel"ect', 'when',
	title_column => 'T%s', description_column => 'Déscription', genre_columns => ARRAY['a''''b', '%I$1'], users => '"Odd ""school"""."Users $1"', user_feature_columns => '{C o}')$$,
	'names with everything in them');
SELECT is((SELECT ratings FROM recsys_datasets WHERE name LIKE 'Odd%'), '"Odd ""school"""."Ratings; DROP TABLE x"',
	'quoted');
SELECT results_eq(format($$SELECT model FROM train_model(%L, %L, dataset => 'Odd ''dataset"; %%s')$$,
	'Odd "' || method || '''', method),
	format('VALUES (%L)', 'Odd "' || method || ''''), method || ' trains') FROM recsys_methods();
SELECT results_eq($$SELECT u.id, r.rank, r.course_id, r.score FROM users u, recommend_courses(u.id, 'Odd "knn''', 5) r$$,
	'SELECT * FROM answers', 'and answers');
SELECT results_eq($$SELECT title FROM recommend_courses(1, 'Odd "knn''', 1)$$, $$VALUES ('Course 3')$$, 'with titles');
SELECT results_eq($$SELECT because FROM explain_recommendation(1, 'c03', 'Odd "user_profile''')$$,
	$$VALUES ('a''''b')$$, 'and genres');
SELECT results_eq($$SELECT because FROM explain_recommendation(1, 'c03', 'Odd "demographic''') WHERE kind = 'cluster'$$,
	$$VALUES ('C o=white')$$, 'and attributes');
SELECT results_eq($$SELECT genre, courses FROM dataset_genres('Odd ''dataset"; %s') ORDER BY ordinal$$,
	$$VALUES ('a''''b', 6::bigint), ('%I$1', 6)$$, 'dataset_genres');
SELECT is((SELECT count(*) FROM recommend_all('Odd "knn''', 1)), 24::bigint, 'recommend_all');
SELECT is((SELECT ratings FROM dataset_summary('Odd ''dataset"; %s')), 100::bigint, 'dataset_summary');
SELECT is((SELECT sum(users)::bigint FROM enrollment_histogram('Odd ''dataset"; %s')), 20::bigint,
	'enrollment_histogram');
SELECT is((SELECT title FROM top_courses('Odd ''dataset"; %s', 1)), (SELECT title FROM top_courses('school', 1)),
	'top_courses');
SELECT isnt_empty($$SELECT * FROM keyword_counts('Odd ''dataset"; %s')$$, 'keyword_counts');
SELECT is((SELECT count(*) FROM user_profiles('Odd ''dataset"; %s')), 20::bigint, 'user_profiles');
SELECT isnt_empty($$SELECT * FROM estimate_training('knn', dataset => 'Odd ''dataset"; %s')$$, 'estimate_training');
ALTER SCHEMA "Odd ""school""" RENAME TO other;
SELECT throws_ok($$SELECT * FROM recommend_courses(1, 'Odd "knn''')$$, '42P01', NULL,
	'a renamed schema is another one');

-- ------------------------------------------------------------ tables that change under kept plans, in one session

-- The answers now are those of before.
CREATE FUNCTION school.same(description text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..7 LOOP			-- more often than a plan takes to become generic
		PERFORM * FROM recommend_courses(1, 'knn', 5);
	END LOOP;
	RETURN NEXT results_eq('SELECT u.id, r.rank, r.course_id, r.score FROM users u, recommend_courses(u.id, ''knn'', 5) r',
		'SELECT * FROM answers', description);
END $$;
SELECT same('before');
DROP VIEW ratings_view, ratings_broken, renamed;
DROP MATERIALIZED VIEW ratings_matview;
ALTER TABLE ratings ALTER user_id TYPE bigint;
SELECT same('user key int to bigint');
SELECT is((SELECT model FROM train_model('again', 'knn', dataset => 'school')), 'again', 'training too');
ALTER TABLE ratings ALTER user_id TYPE text;
SELECT same('user key bigint to text');
ALTER TABLE ratings ALTER user_id TYPE varchar(10);
SELECT same('user key text to varchar');
ALTER TABLE ratings ALTER user_id TYPE smallint USING user_id::smallint;
SELECT same('user key varchar to smallint');
ALTER TABLE ratings ALTER rating TYPE numeric(4, 2);
SELECT same('rating real to numeric');
ALTER TABLE ratings ALTER rating TYPE float8;
SELECT same('rating numeric to float8');
ALTER TABLE ratings ALTER rated_at TYPE timestamp USING rated_at AT TIME ZONE 'UTC';
SELECT same('time timestamptz to timestamp');
ALTER TABLE ratings ALTER rated_at TYPE bigint USING extract(epoch FROM rated_at)::bigint;
SELECT same('time timestamp to bigint');
DROP VIEW places CASCADE;
ALTER TABLE ratings ALTER course_id TYPE varchar(20);
SELECT same('course key of the ratings text to varchar');
ALTER TABLE courses ALTER course_id TYPE varchar(30), ALTER title TYPE varchar(40);
SELECT same('course key of the courses text to varchar');
ALTER TABLE courses ALTER title TYPE char(12);
SELECT is((SELECT title FROM recommend_courses(1, 'knn', 1)), 'Course 3', 'a title of type char has no padding');
DROP TABLE ratings;
SELECT throws_ok($$SELECT * FROM recommend_courses(1, 'knn')$$, '42P01', NULL, 'dropped');
CREATE TABLE school.ratings (rating numeric, extra text, rated_at date, course_id text, user_id bigint);
INSERT INTO ratings SELECT rating, 'x', rated_at, course_id, user_id FROM ratings_dates;
SELECT same('created again, with its columns in another order');
ALTER TABLE ratings RENAME TO old_ratings;
CREATE VIEW school.ratings AS SELECT * FROM old_ratings;
SELECT same('a view in its place');
DROP VIEW ratings;
CREATE TABLE school.ratings (LIKE old_ratings) PARTITION BY RANGE (user_id);
CREATE TABLE school.ratings_all PARTITION OF ratings DEFAULT;
INSERT INTO ratings SELECT * FROM old_ratings;
SELECT same('a partitioned table in its place');
TRUNCATE ratings;
SELECT is((SELECT string_agg(DISTINCT source, '') FROM recommend_courses(1, 'knn')), 'popular',
	'truncated: nobody has a history');
INSERT INTO ratings SELECT * FROM old_ratings;
CREATE TABLE school.new_courses AS SELECT title AS t, course_id, 'New ' || title AS title FROM courses;
DROP TABLE courses CASCADE;
ALTER TABLE new_courses RENAME TO courses;
SELECT same('courses swapped');
SELECT is((SELECT title FROM recommend_courses(1, 'knn', 1)), 'New Course 3', 'with the titles of the new table');
CREATE UNIQUE INDEX ON courses (course_id);
SELECT same('an index more');

-- Replacing the dataset changes what is read in the same session.
CREATE TABLE school.whole AS SELECT user_id::int, course_id::text, rating, rated_at FROM old_ratings;
CREATE VIEW school.half AS SELECT * FROM whole WHERE user_id <> 1;
CREATE VIEW school.named AS SELECT user_id::text, course_id, rating FROM old_ratings;
SELECT raises($$SELECT register_dataset('school', 'named', 'courses')$$, '2BP01',
	'%keys%"school"%model "again"%', '%drop_model()%', 'with keys of another kind than registered');
SELECT lives_ok($$SELECT register_dataset('school', 'old_ratings', 'courses')$$, 'a bigint key in place of an int');
SELECT same('is the same key');
SELECT register_dataset('school', 'half', 'courses', time_column => 'rated_at');
SELECT is((SELECT string_agg(DISTINCT source, '') FROM recommend_courses(1, 'knn')), 'popular',
	'another table of ratings');
SELECT register_dataset('school', 'whole', 'courses', time_column => 'rated_at');
SELECT same('and back');

SELECT * FROM finish();
ROLLBACK;
