-- Row-level security on ratings, users and courses holds in training and in serving, for every function, also
-- after SET ROLE with warm caches and kept plans; and views are read as PostgreSQL reads them.
\ir setup.psql
\ir fixture.psql
SELECT no_plan();
\ir calls.psql

CREATE ROLE course_owner;
CREATE ROLE course_reader;
GRANT USAGE ON SCHEMA recsys, school TO PUBLIC;
GRANT CREATE ON SCHEMA school TO course_owner;
ALTER TABLE school.ratings OWNER TO course_owner;
ALTER TABLE school.courses OWNER TO course_owner;
ALTER TABLE school.users OWNER TO course_owner;
ALTER TABLE school.terms OWNER TO course_owner;
GRANT SELECT ON school.ratings, school.courses, school.users, school.terms TO course_reader;
SELECT drop_dataset('school');
SET LOCAL ROLE course_owner;
SELECT register_dataset('school', 'school.ratings', 'school.courses', time_column => 'rated_at',
	genre_columns => '{white,black}',
	terms => 'school.terms', users => 'school.users', user_feature_columns => '{colour}');
SELECT train_model(method, dataset => 'school') FROM recsys_methods();
RESET ROLE;

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

-- ------------------------------------------------------------ as if the hidden rows were not there

-- For every function and method: what a role sees through policies is what it sees of tables that hold only
-- those rows, with models made from what the trainer saw.
GRANT CREATE ON SCHEMA school TO course_class;
CREATE TABLE school.few_ratings AS SELECT * FROM school.ratings WHERE user_id <= 12;
CREATE TABLE school.few_courses AS SELECT * FROM school.courses WHERE course_id <> 'c05';
CREATE TABLE school.few_users AS SELECT * FROM school.users WHERE id <= 14;
GRANT SELECT ON school.few_ratings, school.few_courses, school.few_users TO course_class;
SET LOCAL ROLE course_class;
SELECT register_dataset('hidden', 'school.ratings', 'school.courses', time_column => 'rated_at',
	genre_columns => '{white,black}', users => 'school.users', user_feature_columns => '{colour}');
SELECT register_dataset('absent', 'school.few_ratings', 'school.few_courses', time_column => 'rated_at',
	genre_columns => '{white,black}', users => 'school.few_users', user_feature_columns => '{colour}');
SELECT train_model('hidden ' || method, method, dataset => 'hidden') FROM recsys_methods();
SELECT train_model('absent ' || method, method, dataset => 'absent') FROM recsys_methods();
SELECT is((SELECT count(*) FROM recsys_models WHERE model LIKE 'hidden %'), (SELECT count(*) FROM recsys_methods()), 'all of them are there');
RESET ROLE;
SELECT is((SELECT count(*) FROM recsys_model h JOIN recsys_model a ON a.model = replace(h.model, 'hidden', 'absent')
	WHERE h.model LIKE 'hidden %' AND (h.fingerprint, h.ratings, h.users, h.courses, h.bytes) = (a.fingerprint, a.ratings, a.users, a.courses, a.bytes)),
	(SELECT count(*) FROM recsys_methods()), 'every method is trained on the visible rows');
SET LOCAL ROLE course_class;

-- The rows of a statement as one text, without seconds and with the names of models and datasets made equal; or its error
CREATE FUNCTION school.answer(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(r::text, E''\n'' ORDER BY r::text) FROM (%s) r',
		replace(statement, '* FROM recsys.training_log', 'iteration, term, value FROM recsys.training_log')) INTO result;
	RETURN regexp_replace(result, 'hidden|absent', 'x', 'g');
EXCEPTION WHEN feature_not_supported THEN
	RETURN SQLSTATE;
END $$;
-- Methods and functions that answer differently from hidden and from absent rows
CREATE FUNCTION school.differing() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT method || ': ' || function FROM recsys_methods(), call WHERE kind = 'answer' AND name <> 'estimate_training'
		AND answer(statement_for(call, 'hidden ' || method, 'hidden'))
			IS DISTINCT FROM answer(statement_for(call, 'absent ' || method, 'absent')) $$;
SELECT is_empty('SELECT differing()', 'hidden rows are as if they were not there, in every function of every method');
RESET ROLE;
SELECT isnt_empty('SELECT differing()', 'which a superuser, who sees them, can tell');
SET LOCAL ROLE course_class;
SELECT is_empty('SELECT differing()', 'and who has the kept plans of the superuser, cannot');
RESET ROLE;

-- ------------------------------------------------------------ policies that change

-- A policy that looks at a setting: of the moment, also in a kept plan
DROP POLICY some_rows ON school.ratings;
CREATE POLICY own_rows ON school.ratings FOR SELECT TO course_class
	USING (user_id = NULLIF(current_setting('school.me', true), '')::int);
-- How many courses are recommended to the user for a reason of its own: 0 when its ratings are not seen
CREATE FUNCTION school.personal(u int) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM recommend_courses(u, 'knn', 100) WHERE source <> 'popular' $$;
SET LOCAL ROLE course_class;
SET LOCAL school.me = '1';
SELECT is(ARRAY[personal(1) > 0, personal(2) > 0], '{t,f}', 'a policy by a setting: the one user');
SET LOCAL school.me = '2';
SELECT is(ARRAY[personal(1) > 0, personal(2) > 0], '{f,t}', 'then the other');
SELECT results_eq($$SELECT users FROM dataset_summary('school')$$, 'SELECT 1::bigint', 'in analysis, too');
SELECT results_eq($$SELECT users FROM train_model('me', 'popular', dataset => 'school')$$, 'SELECT 1::bigint', 'and in training');
SET LOCAL school.me = '';
SELECT is(ARRAY[personal(1) > 0, personal(2) > 0], '{f,f}', 'then nobody');
RESET ROLE;
ALTER POLICY own_rows ON school.ratings USING (user_id = 1);
SET LOCAL ROLE course_class;
SELECT is(ARRAY[personal(1) > 0, personal(2) > 0], '{t,f}', 'an altered policy');
RESET ROLE;
DROP POLICY own_rows ON school.ratings;
SET LOCAL ROLE course_class;
SELECT is(ARRAY[personal(1) > 0, personal(2) > 0], '{f,f}', 'a dropped policy: no row');
RESET ROLE;
CREATE POLICY all_rows ON school.ratings FOR SELECT TO course_class USING (true);
SET LOCAL ROLE course_class;
SELECT is(ARRAY[personal(1) > 0, personal(2) > 0], '{t,t}', 'another policy: all rows');
RESET ROLE;
CREATE POLICY fewer ON school.ratings AS RESTRICTIVE TO course_class USING (user_id <> 1);
SET LOCAL ROLE course_class;
SELECT is(ARRAY[personal(1) > 0, personal(2) > 0], '{f,t}', 'a restrictive one');
RESET ROLE;
ALTER TABLE school.ratings DISABLE ROW LEVEL SECURITY;
SET LOCAL ROLE course_class;
SELECT is(ARRAY[personal(1) > 0, personal(2) > 0], '{t,t}', 'row-level security switched off');
RESET ROLE;
ALTER TABLE school.ratings ENABLE ROW LEVEL SECURITY;
ALTER ROLE course_class BYPASSRLS;
SET LOCAL ROLE course_class;
SELECT is(ARRAY[personal(1) > 0, personal(2) > 0], '{t,t}', 'a role that bypasses it');
RESET ROLE;
ALTER ROLE course_class NOBYPASSRLS;
SET LOCAL ROLE course_class;
SELECT is(ARRAY[personal(1) > 0, personal(2) > 0], '{f,t}', 'and does no more');
RESET ROLE;
DROP POLICY fewer ON school.ratings;

-- The owner of a table is above its policies, unless they are forced.
CREATE POLICY for_owner ON school.ratings FOR SELECT TO course_owner USING (user_id <= 4);
SET LOCAL ROLE course_owner;
SELECT results_eq($$SELECT users FROM dataset_summary('school')$$, 'SELECT 20::bigint', 'the owner sees all');
SELECT is(personal(5) > 0, true, 'and is served from all');
RESET ROLE;
ALTER TABLE school.ratings FORCE ROW LEVEL SECURITY;
SET LOCAL ROLE course_owner;
SELECT is(ARRAY[personal(4) > 0, personal(5) > 0], '{t,f}', 'FORCE: the owner is served from what the policy shows');
SELECT results_eq($$SELECT users FROM dataset_summary('school')$$, 'SELECT 4::bigint', 'FORCE: sees that much');
SELECT results_eq($$SELECT users FROM train_model('forced', 'knn', dataset => 'school')$$, 'SELECT 4::bigint', 'FORCE: trains on that much');
SELECT is((SELECT count(DISTINCT user_id) FROM recommend_all('knn', 1) WHERE source <> 'popular'), 4::bigint, 'FORCE: recommend_all');
RESET ROLE;
ALTER TABLE school.courses FORCE ROW LEVEL SECURITY;
SET LOCAL ROLE course_owner;
SELECT is_empty($$SELECT * FROM recommend_courses(1, 'knn')$$, 'FORCE on courses, and no policy: no course');
SELECT is_empty($$SELECT * FROM similar_courses('c01', 'knn')$$, 'nor a similar one');
RESET ROLE;
ALTER TABLE school.courses NO FORCE ROW LEVEL SECURITY;
ALTER TABLE school.ratings NO FORCE ROW LEVEL SECURITY;
ALTER TABLE school.users FORCE ROW LEVEL SECURITY;
SET LOCAL ROLE course_owner;
SELECT is((SELECT count(DISTINCT user_id) FROM recommend_all('knn', 1)), 20::bigint, 'FORCE on users: only those with ratings are known');
SELECT is((SELECT string_agg(DISTINCT source, '') FROM recommend_courses(1, 'demographic', 3)), 'popular', 'and no attributes');
RESET ROLE;
ALTER TABLE school.users NO FORCE ROW LEVEL SECURITY;

-- What a model has learned from rows that the reader may not see: it is shown to those who may SELECT the table.
DROP POLICY all_rows ON school.ratings;
CREATE POLICY all_courses ON school.courses FOR SELECT TO course_class USING (true);
SET LOCAL ROLE course_class;
SELECT isnt_empty($$SELECT * FROM similar_courses('c01', 'knn')$$,
	'a model learns from what its trainer saw, and answers those who may SELECT, whatever rows they see');
RESET ROLE;

-- ------------------------------------------------------------ views

ALTER TABLE school.ratings DISABLE ROW LEVEL SECURITY;
ALTER TABLE school.courses DISABLE ROW LEVEL SECURITY;
ALTER TABLE school.users DISABLE ROW LEVEL SECURITY;
CREATE ROLE course_lecturer;
GRANT CREATE ON SCHEMA school TO course_lecturer;
CREATE ROLE course_viewer;
GRANT SELECT ON school.courses, school.users, school.terms TO course_viewer;

-- A view's reader needs no right on its tables, but its owner does: when the owner has lost it, the view cannot
-- be read, and what was learned from it is shown to nobody, the owner included.
GRANT SELECT ON school.ratings TO course_lecturer;
SET LOCAL ROLE course_lecturer;
CREATE VIEW school.seen WITH (security_barrier) AS SELECT * FROM school.ratings WHERE user_id <= 10;
CREATE VIEW school.seen_again AS SELECT * FROM school.seen;
GRANT SELECT ON school.seen, school.seen_again TO course_viewer;
RESET ROLE;
SET LOCAL ROLE course_viewer;
SELECT register_dataset('view', 'school.seen_again', 'school.courses', time_column => 'rated_at',
	genre_columns => '{white,black}', users => 'school.users', user_feature_columns => '{colour}');
SELECT is((SELECT users FROM train_model('view ' || method, method, dataset => 'view')), 10::bigint,
	'a view over a view, a barrier, over a table that the trainer may not read: ' || method) FROM recsys_methods();
RESET ROLE;

-- Answers of the functions that read no rating, too; those that cannot do it at all say so after that.
CREATE FUNCTION school.answering() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	c record;
BEGIN
	FOR c IN SELECT statement_for(call, 'view ' || method, 'view') AS statement FROM school.call, recsys_methods() WHERE kind = 'answer' LOOP
		BEGIN
			EXECUTE c.statement;
			RETURN NEXT c.statement;
		EXCEPTION WHEN insufficient_privilege THEN
			NULL;
		WHEN feature_not_supported THEN
			RETURN NEXT c.statement;
		END;
	END LOOP;
	RETURN QUERY SELECT 'recsys_models: ' || model FROM recsys_models WHERE dataset = 'view'
		UNION ALL SELECT 'recsys_datasets: ' || name FROM recsys_datasets WHERE name = 'view';
END $$;
SET LOCAL ROLE course_viewer;
SELECT cmp_ok((SELECT count(*) FROM answering()), '>', 100::bigint, 'its reader gets all answers');
RESET ROLE;
REVOKE SELECT ON school.ratings FROM course_lecturer;
SET LOCAL ROLE course_viewer;
SELECT is_empty('SELECT answering()', 'none when the owner of the view has lost the table');
RESET ROLE;
SELECT is_empty('SELECT answering()', 'nor a superuser, who cannot read the view either');
GRANT SELECT ON school.ratings TO course_lecturer;
REVOKE SELECT ON school.seen FROM course_viewer;
SET LOCAL ROLE course_viewer;
SELECT cmp_ok((SELECT count(*) FROM answering()), '>', 100::bigint, 'all again: the view between is the other owner''s to read');
RESET ROLE;
-- The right may be lost in any part of the view, and views may be made to go in circles.
CREATE TABLE school.banned (user_id int);
GRANT SELECT ON school.banned TO course_lecturer;
SET LOCAL ROLE course_lecturer;
CREATE OR REPLACE VIEW school.seen_again AS
	WITH v AS (SELECT * FROM school.seen) SELECT s.user_id, s.course_id, s.rating, s.rated_at FROM (SELECT * FROM v) s
	WHERE NOT EXISTS (SELECT FROM school.banned b WHERE b.user_id = s.user_id);
RESET ROLE;
SET LOCAL ROLE course_viewer;
SELECT cmp_ok((SELECT count(*) FROM answering()), '>', 100::bigint, 'a view with subqueries');
RESET ROLE;
REVOKE SELECT ON school.banned FROM course_lecturer;
SET LOCAL ROLE course_viewer;
SELECT is_empty('SELECT answering()', 'a right lost in one of them');
RESET ROLE;
GRANT SELECT ON school.banned TO course_lecturer;
SET LOCAL ROLE course_lecturer;
CREATE OR REPLACE VIEW school.seen WITH (security_barrier) AS SELECT * FROM school.seen_again;
RESET ROLE;
SET LOCAL ROLE course_viewer;
SELECT throws_ok($$SELECT * FROM recommend_courses(1, 'view knn')$$, '42P17', NULL, 'views in a circle: the error of reading them');
SELECT lives_ok($$SELECT * FROM recsys_models$$, 'but no error in lists');
RESET ROLE;

-- What only code in the view refuses is not known without running it.
CREATE FUNCTION school.rows_of_caller() RETURNS SETOF school.ratings LANGUAGE plpgsql STABLE AS $$BEGIN RETURN QUERY SELECT * FROM school.ratings; END$$;
CREATE VIEW school.by_function AS SELECT * FROM school.rows_of_caller();
GRANT SELECT ON school.by_function TO course_viewer;
SELECT register_dataset('by function', 'school.by_function');
SELECT train_model('by function', 'knn', dataset => 'by function');
SET LOCAL ROLE course_viewer;
SELECT throws_ok($$SELECT * FROM recommend_courses(1, 'by function')$$, '42501', NULL, 'a function in a view refuses: no answer that reads the view');
SELECT isnt_empty($$SELECT * FROM similar_courses('c01', 'by function')$$, 'but those that do not');
RESET ROLE;

-- security_invoker (PostgreSQL 15): the reader needs the rights on the tables, and its policies hold.
SELECT current_setting('server_version_num')::int >= 150000 AS has_invoker \gset
\if :has_invoker
CREATE OR REPLACE VIEW school.seen WITH (security_barrier) AS SELECT * FROM school.ratings;
CREATE VIEW school.invoker WITH (security_invoker) AS SELECT * FROM school.ratings;
CREATE VIEW school.over_invoker AS SELECT * FROM school.invoker;
GRANT SELECT ON school.invoker, school.over_invoker TO course_viewer;
SELECT drop_model('view ' || method) FROM recsys_methods();
-- Points the dataset to this relation and trains every method
CREATE FUNCTION school.retrain(relation regclass) RETURNS void LANGUAGE sql AS $$
	SELECT register_dataset('view', relation, 'school.courses', time_column => 'rated_at', genre_columns => '{white,black}',
		users => 'school.users', user_feature_columns => '{colour}');
	SELECT train_model('view ' || method, method, dataset => 'view') FROM recsys_methods() $$;
SELECT drop_dataset('view');
SELECT retrain('school.invoker');
SET LOCAL ROLE course_viewer;
SELECT is_empty('SELECT answering()', 'security_invoker: no answer without a right on the table');
RESET ROLE;
GRANT SELECT ON school.ratings TO course_viewer;
SET LOCAL ROLE course_viewer;
SELECT cmp_ok((SELECT count(*) FROM answering()), '>', 100::bigint, 'security_invoker: answers with it');
RESET ROLE;
ALTER TABLE school.ratings ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON school.ratings FOR SELECT TO course_viewer USING (user_id <= 3);
SET LOCAL ROLE course_viewer;
SELECT results_eq($$SELECT users FROM dataset_summary('view')$$, 'SELECT 3::bigint', 'security_invoker: the policies of the reader');
RESET ROLE;
SELECT results_eq($$SELECT users FROM dataset_summary('view')$$, 'SELECT 20::bigint', 'and a superuser''s after that');
SET LOCAL ROLE course_viewer;
SELECT is((SELECT count(DISTINCT user_id) FROM recommend_all('view knn', 1) WHERE source <> 'popular'), 3::bigint, 'and the reader''s again');
RESET ROLE;
ALTER VIEW school.invoker RESET (security_invoker);
SET LOCAL ROLE course_viewer;
SELECT results_eq($$SELECT users FROM dataset_summary('view')$$, 'SELECT 20::bigint', 'an ordinary view: the policies of its owner');
RESET ROLE;
ALTER VIEW school.invoker SET (security_invoker);
REVOKE SELECT ON school.ratings FROM course_viewer;
SET LOCAL ROLE course_viewer;
SELECT is_empty('SELECT answering()', 'security_invoker: the right is gone');
RESET ROLE;
SELECT retrain('school.over_invoker');
SET LOCAL ROLE course_viewer;
SELECT is_empty('SELECT answering()', 'security_invoker below an ordinary view: still the reader''s rights');
RESET ROLE;
\endif

SELECT * FROM finish();
ROLLBACK;
