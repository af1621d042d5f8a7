-- A dataset that gets other tables or columns while models use it: what a model was trained on stays guarded,
-- and what it knows of keys, ratings and attributes is never applied to something else.
\ir setup.psql
\ir fixture.psql
SELECT no_plan();

CREATE ROLE course_alice;
CREATE ROLE course_bob;
GRANT USAGE ON SCHEMA school, recsys, public TO course_alice, course_bob;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA school TO course_alice, course_bob;
CREATE TABLE school.secret AS TABLE school.ratings;
CREATE SCHEMA alice AUTHORIZATION course_alice;

-- ------------------------------------------------------------ a model is for those who may read what it was made from

GRANT SELECT ON school.secret TO course_alice, course_bob;
SET LOCAL ROLE course_alice;
SELECT register_dataset('d', 'school.secret');
SET LOCAL ROLE course_bob;
SELECT train_model('secret', 'knn', dataset => 'd');
RESET ROLE;
REVOKE SELECT ON school.secret FROM course_alice;
SET LOCAL ROLE course_alice;
CREATE TABLE alice.r (user_id int, course_id text, rating real);
SELECT register_dataset('d', 'alice.r');
SELECT raises(format($$SELECT * FROM %s$$, call), '42501', '%school.secret%', NULL, 'after pointing the dataset elsewhere: ' || call)
FROM unnest(ARRAY['similar_courses(''c01'', ''secret'')', 'recommend_courses(1, ''secret'')',
	'recommend_for(''{c01}'', ''secret'')', 'recommend_all(''secret'')', 'recommend_users(''c01'', ''secret'')',
	'predict_rating(1, ''c01'', ''secret'')', 'similar_users(1, ''secret'')',
	'explain_recommendation(1, ''c01'', ''secret'')', 'training_log(''secret'')']) AS call;
SELECT is((SELECT count(*) FROM recsys_models WHERE model = 'secret'), 0::bigint, 'nor is it listed');
SET LOCAL ROLE course_bob;
SELECT raises($$SELECT * FROM recommend_courses(1, 'secret')$$, '42501', '%alice%', NULL,
	'and who may not read the new tables gets no answer about them');
RESET ROLE;

-- One column of the ratings is not enough to register them.
GRANT SELECT (course_id) ON school.secret TO course_alice;
SET LOCAL ROLE course_alice;
SELECT raises($$SELECT register_dataset('one', 'school.secret')$$, '42501', '%school.secret%"one"%', NULL,
	'a dataset with columns that its owner may not read');
RESET ROLE;

-- Rights are those of the role that asks, not of one that asked before in the session.
GRANT SELECT ON school.ratings, school.courses, school.users TO course_bob;
SELECT train_model('knn', dataset => 'school');
SET LOCAL ROLE course_bob;
SELECT isnt_empty($$SELECT * FROM recommend_courses(1, 'knn')$$, 'a reader gets answers');
RESET ROLE;
REVOKE USAGE ON SCHEMA school FROM course_bob;
SELECT isnt_empty($$SELECT * FROM recommend_courses(1, 'knn')$$, 'a superuser after that');
-- (assertions of the fixture live in the closed schema: these are pgTAP's own)
SET LOCAL ROLE course_bob;
SELECT throws_ok($$SELECT * FROM recommend_courses(1, 'knn')$$, '42501', NULL, 'but no more the role that cannot reach the schema');
RESET ROLE;

-- ------------------------------------------------------------ keys, ratings and attributes still mean the same

CREATE TABLE school.slugs AS SELECT course_id, 'z' || course_id AS slug, title FROM school.courses;
SELECT register_dataset('k', 'school.ratings', 'school.slugs', time_column => 'rated_at');
SELECT train_model('k', 'knn', dataset => 'k');
SELECT raises($$SELECT register_dataset('k', 'school.ratings', 'school.slugs', courses_key => 'slug')$$, '2BP01',
	'%keys%"k"%model "k"%', '%drop_model()%', 'another key of the courses under a model');
SELECT lives_ok($$SELECT register_dataset('k', 'school.ratings', 'school.courses', time_column => 'rated_at')$$,
	'another relation with the same key');
SELECT isnt_empty($$SELECT * FROM recommend_courses(1, 'k') WHERE source = 'k'$$, 'goes on with the model');
SELECT register_dataset('k', 'school.ratings', 'school.courses', rating_column => NULL);
SELECT raises($$SELECT * FROM recommend_courses(1, 'k')$$, '55000', '%"k"%changed%model "k"%', '%Train%',
	'a model of ratings, and rows that only count');
SELECT lives_ok($$SELECT train_model('k', 'knn', dataset => 'k'); SELECT * FROM recommend_courses(1, 'k')$$,
	'until it is trained again');

CREATE TABLE school.people AS SELECT id, 1000 + id AS number, colour, level FROM school.users;
SELECT register_dataset('a', 'school.ratings', users => 'school.people', user_feature_columns => '{colour}');
SELECT train_model('a', 'demographic', dataset => 'a');
SELECT train_model('ak', 'knn', dataset => 'a');
SELECT raises($$SELECT register_dataset('a', 'school.ratings', users => 'school.people', user_feature_columns => '{colour}', options => '{"users_key": "number"}')$$,
	'2BP01', '%keys%"a"%', '%drop_model()%', 'another key of the users under a model');
SELECT register_dataset('a', 'school.ratings', users => 'school.people', user_feature_columns => '{level}');
SELECT raises($$SELECT * FROM recommend_courses(1, 'a')$$, '55000', '%"a"%changed%model "a"%', '%Train%',
	'a model of other attributes');
SELECT isnt_empty($$SELECT * FROM recommend_courses(1, 'ak') WHERE source = 'ak'$$, 'models without attributes go on');

-- A user is the same user whatever the type of the key: the own row never is a neighbour.
CREATE TABLE school.own AS TABLE school.ratings;
SELECT register_dataset('own', 'school.own');
SELECT train_model('own', 'knn', '{"user_based": true, "min_support": 1}', dataset => 'own');
CREATE TEMP TABLE before AS SELECT predict_rating(u, c, 'own') AS rating FROM generate_series(1, 20) u, unnest('{c01,c02,c03,c04}'::text[]) c;
ALTER TABLE school.own ALTER user_id TYPE text;
SELECT results_eq($$SELECT predict_rating(u, c, 'own') FROM generate_series(1, 20) u, unnest('{c01,c02,c03,c04}'::text[]) c$$,
	'SELECT rating FROM before', 'user-based knn after the user key became text');

-- ------------------------------------------------------------ keys that the database calls equal

SELECT count(*) > 0 AS icu FROM pg_collation WHERE collprovider = 'i' \gset
\if :icu
CREATE COLLATION school.nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE school.nocase_ratings (user_id text COLLATE school.nocase, course_id text, rating real);
SELECT raises($$SELECT register_dataset('nocase', 'school.nocase_ratings')$$, '0A000', '%"user_id"%nondeterministic%',
	'%view%', 'a key with a nondeterministic collation');
\endif

SELECT * FROM finish();
ROLLBACK;
