-- Serving beyond the methods: kinds of keys, LATERAL, repeated ratings, datasets of every shape, availability.
\ir setup.psql
\ir fixture.psql
SELECT no_plan();

SELECT train_model('knn', dataset => 'school');
CREATE TABLE school.answers AS SELECT u.id, r.* FROM school.users u, recommend_courses(u.id, 'knn', 5) r;

-- ------------------------------------------------------------ LATERAL

SELECT results_eq(
	$$SELECT u.id, r.* FROM school.users u LEFT JOIN LATERAL recommend_courses(u.id, 'knn', 5) r ON true ORDER BY u.id, r.rank$$,
	'SELECT * FROM answers ORDER BY id, rank', 'LEFT JOIN LATERAL over all users');
SELECT results_eq(
	$$SELECT u.id, count(r) FROM (VALUES (1), (NULL), (999)) u (id) LEFT JOIN LATERAL recommend_courses(u.id, 'knn', 5, candidates => '{c01,c03}') r
		ON r.score IS NOT NULL GROUP BY 1 ORDER BY 1$$, 'VALUES (1, 1::bigint), (999, 0), (NULL, 0)',
			'users without a row stay');
SELECT results_eq($$SELECT (recommend_courses(1, 'knn', 5)).*$$,
	'SELECT rank, course_id, title, score, source FROM answers WHERE id = 1',
	'in a SELECT list');
SELECT results_eq($$SELECT c.id, count(s) FROM (VALUES ('c01'), ('nothing'), (NULL)) c (id)
	LEFT JOIN LATERAL similar_courses(c.id, 'knn', 2) s ON true GROUP BY 1 ORDER BY 1$$,
	$$VALUES ('c01', 2::bigint), ('nothing', 0), (NULL, 0)$$, 'courses without a row stay');

-- ------------------------------------------------------------ options

SELECT results_eq($$SELECT rank, course_id, title, score::numeric(9, 4), source FROM recommend_for('{c01}', 'knn', 3, options => '{"score_scale": "percent"}')$$,
	$$SELECT rank, course_id, title, (100 * score / max(score) OVER ())::numeric(9, 4), source FROM recommend_for('{c01}', 'knn', 3)$$,
	'recommend_for: percent of the best score of the answer');
SELECT results_eq($$SELECT * FROM recommend_for('{c01}', 'knn', 12, options => '{"threshold_pct": 90}')$$,
	$$SELECT rank, course_id, title, score, source FROM (SELECT *, max(score) OVER () AS best FROM recommend_for('{c01}', 'knn', 12)) r
		WHERE score >= 0.9 * best$$, 'recommend_for: a share of it as threshold');
-- The best course of all is withdrawn for a moment: shares are those of what is offered
SAVEPOINT withdrawn;
UPDATE school.courses SET published = false WHERE course_id = (SELECT course_id FROM recommend_courses(1, 'knn', 1));
SELECT train_model('all courses', 'knn', dataset => 'school');
CREATE VIEW school.published AS SELECT * FROM school.courses WHERE published;
SELECT register_dataset('school', 'school.ratings', 'school.published', time_column => 'rated_at',
	genre_columns => '{white,black}', users => 'school.users', user_feature_columns => '{colour}');
SELECT results_eq($$SELECT score FROM recommend_courses(1, 'all courses', 1, options => '{"score_scale": "percent"}')$$,
	'VALUES (100::float8)', 'the best course that is offered has 100 percent');
SELECT results_eq($$SELECT user_id, rank, course_id, score FROM recommend_all('all courses', 3, options => '{"score_scale": "percent"}') ORDER BY 1, 2$$,
	$$SELECT u.id::text, rank, course_id, score FROM school.users u,
		recommend_courses(u.id, 'all courses', 3, options => '{"score_scale": "percent"}') ORDER BY 1, 2$$, 'in recommend_all, too');
ROLLBACK TO withdrawn;

-- ------------------------------------------------------------ plans know n

CREATE FUNCTION school.planned_rows(statement text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || statement INTO plan;
	RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END $$;
SELECT is(planned_rows($$SELECT * FROM recommend_courses(1, 'knn', 7)$$), 7::float8,
	'a constant n is the number of rows expected');
SELECT is(planned_rows($$SELECT * FROM similar_courses('c01', 'knn', 3)$$), 3::float8, 'similar_courses too');
SELECT is(planned_rows($$SELECT * FROM recommend_for('{c01}', 'knn', 4)$$), 4::float8, 'recommend_for too');
SELECT is(planned_rows($$SELECT * FROM recommend_users('c01', 'knn', 6)$$), 6::float8, 'recommend_users too');
SELECT is(planned_rows($$SELECT * FROM recommend_courses(1, 'knn')$$), 10::float8, 'also when it is the default');
SELECT is(planned_rows($$SELECT * FROM recommend_courses(1, 'knn', 1000000000)$$), 1000::float8,
	'a great n stands for all courses, not for so many rows');
SELECT is(planned_rows($$SELECT * FROM recommend_courses(1, 'knn', (SELECT 7))$$), 10::float8,
	'another n is not known');

-- ------------------------------------------------------------ kinds of user keys

CREATE FUNCTION school.as_uuid(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
	$$SELECT ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid$$;
CREATE DOMAIN school.user_number AS int CHECK (value > 0);
CREATE DOMAIN school.user_name AS varchar(40);
CREATE TABLE school.kind (kind text, type text, key text);
INSERT INTO school.kind VALUES ('smallint', 'smallint', 'user_id::smallint'), ('int', 'int', 'user_id'),
	('bigint', 'bigint', 'user_id::bigint'), ('text', 'text', 'user_id::text'),
		('varchar', 'varchar', 'user_id::varchar(20)'),
	('uuid', 'uuid', 'as_uuid(user_id)'), ('domain_int', 'user_number', 'user_id::user_number'),
	('domain_text', 'user_name', 'user_id::user_name');
-- A table, dataset and model for each kind of key; the users' own table has the same kind.
SELECT lives_ok(format($$
	CREATE TABLE school.ratings_%1$s AS SELECT %2$s AS user_id, course_id, rating, rated_at FROM ratings;
	CREATE TABLE school.users_%1$s AS SELECT %2$s AS id, colour FROM (SELECT id AS user_id, colour FROM users) u;
	SELECT register_dataset(%1$L, 'school.ratings_%1$s', 'courses', time_column => 'rated_at',
		users => 'school.users_%1$s', user_feature_columns => '{colour}');
	SELECT train_model(%1$L, 'knn', dataset => %1$L);
	SELECT train_model('demo_%1$s', 'demographic', dataset => %1$L)$$, kind, key),
	format('user keys of type %s: training', kind)) FROM kind ORDER BY kind;

-- The five best courses of a user as one text, for every way to write the user
CREATE FUNCTION school.best(user_argument text, model text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(course_id || coalesce(score, -1), '','' ORDER BY rank) FROM recommend_courses(%s, %L, 5)',
		user_argument, model) INTO result;
	RETURN result;
END $$;
SELECT is(best(replace(k.argument, 'U', '1'), kind), best('1', 'knn'), format('%s keys, %s', kind, k.argument))
FROM kind, LATERAL (SELECT unnest(CASE WHEN kind = 'uuid'
	THEN ARRAY['as_uuid(U)', 'as_uuid(U)::text', 'upper(as_uuid(U)::text)', '''00000000-0000-4000-8000-000000000001''']
	ELSE ARRAY['U', 'U::bigint', '''U''', '''U''::text'] END)) k (argument) ORDER BY kind, argument;
SELECT is(best(CASE kind WHEN 'uuid' THEN 'as_uuid(1)' ELSE '1' END, 'demo_' || kind), best('1', 'demo_int'),
	kind || ' keys find the attributes') FROM kind WHERE kind <> 'int' ORDER BY kind;
SELECT is((SELECT array_agg(r.user_id ORDER BY r.user_id) FROM recommend_all(kind, 1) r),
	(SELECT array_agg(id::text ORDER BY id::text)
		FROM (SELECT CASE kind WHEN 'uuid' THEN as_uuid(id)::text ELSE id::text END AS id FROM users) u),
	kind || ' keys in recommend_all') FROM kind ORDER BY kind;

SELECT is((SELECT string_agg(DISTINCT source, '') FROM recommend_courses(99999999999999, kind)), 'popular',
	'a number beyond the type is an unknown user, ' || kind) FROM kind WHERE kind <> 'uuid' ORDER BY kind;
SELECT is((SELECT string_agg(DISTINCT source, '') FROM recommend_courses('-40000'::text, kind)), 'popular',
	'so is one written as text, ' || kind) FROM kind WHERE kind IN ('smallint', 'int', 'bigint') ORDER BY kind;
SELECT raises($$SELECT * FROM recommend_courses('00000000-0000-4000-8000-000000000001'::uuid, 'int')$$, '42804',
	'argument "user_id" has type uuid, but %integer%', 'Pass it as integer or as text.', 'a uuid for integer keys');
SELECT raises($$SELECT * FROM recommend_courses(1, 'uuid')$$, '42804', 'argument "user_id" has type bigint, but %uuid%',
	'Pass it as uuid or as text.', 'a number for uuid keys');
SELECT raises($$SELECT * FROM recommend_courses('anna', 'int')$$, '22P02', '%"user_id"%"anna"%', NULL,
	'a name for integer keys');
SELECT raises($$SELECT * FROM recommend_courses('', 'int')$$, '22P02', '%"user_id"%""%', NULL,
	'nothing for integer keys');
SELECT is((SELECT string_agg(DISTINCT source, '') FROM recommend_courses(number, kind)), 'popular',
	format('a number beyond 64 bits is an unknown user: %s, %s', number, kind))
FROM kind, unnest('{99999999999999999999,-99999999999999999999}'::text[]) number
WHERE kind IN ('smallint', 'int', 'bigint') ORDER BY kind, number;
SELECT is(best(quote_literal(number), 'int'), best('1', 'knn'), 'blanks around a number: ' || to_json(number))
FROM unnest(ARRAY[' 1', '1 ', E'\t+01\n']) number;
SELECT raises(format('SELECT * FROM recommend_courses(%L, ''int'')', number), '22P02', '%"user_id"%"' || number || '"%', NULL,
	format('not a number: %L', number)) FROM unnest(ARRAY[' ', '1 1', '- 1', '99999999999999999999x']) number;
SELECT is(best(quote_literal(form), 'uuid'), best('1', 'knn'), 'a form of uuid: ' || form)
FROM unnest(ARRAY['{00000000-0000-4000-8000-000000000001}', '00000000000040008000000000000001',
	'0000-0000-0000-4000-8000-0000-0000-0001', '{00000000000040008000000000000001}']) form;
SELECT raises(format('SELECT * FROM recommend_courses(%L, ''uuid'')', form), '22P02', '%"user_id"%"' || form || '"%', NULL,
	'not a form of uuid: ' || form)
FROM unnest(ARRAY['{00000000000040008000000000000001', '00000000000040008000000000000001}', '{}',
	'0-0000000000040008000000000000001', '00000000000040008000000000000001-', '--00000000000040008000000000000001',
	'00000000-0000--4000-8000-000000000001', '000000000000400080000000000000011']) form;
SELECT raises($$SELECT * FROM recommend_courses('1.5', 'int')$$, '22P02', '%"user_id"%"1.5"%', NULL,
	'a fraction for integer keys');
SELECT raises($$SELECT * FROM recommend_courses('abc', 'uuid')$$, '22P02', '%"user_id"%"abc"%', NULL,
	'too few digits for uuid keys');
SELECT raises($$SELECT * FROM recommend_courses('anna', 'uuid')$$, '22P02', '%"user_id"%"anna"%', NULL,
	'a name for uuid keys');
SELECT raises($$SELECT predict_rating('anna', 'c01', 'int')$$, '22P02', '%"user_id"%"anna"%', NULL,
	'predict_rating says the same');
SELECT raises($$SELECT * FROM similar_users('anna', 'int')$$, '22P02', '%"user_id"%"anna"%', NULL,
	'similar_users says the same');
SELECT raises($$SELECT * FROM explain_recommendation('anna', 'c01', 'int')$$, '22P02', '%"user_id"%"anna"%', NULL,
	'explain_recommendation says the same');
PREPARE untyped AS SELECT course_id FROM recommend_courses($1, 'int', 2) ORDER BY rank;
SELECT results_eq($$EXECUTE untyped('1')$$, 'SELECT course_id FROM answers WHERE id = 1 AND rank <= 2 ORDER BY rank',
	'an untyped parameter');

-- ------------------------------------------------------------ kinds of course keys

CREATE TABLE school.course_kind (kind text, key text);
INSERT INTO school.course_kind VALUES ('c_int', 'substr(course_id, 2)::int'),
	('c_bigint', 'substr(course_id, 2)::bigint'),
	('c_varchar', 'course_id::varchar'), ('c_uuid', 'as_uuid(substr(course_id, 2)::bigint)');
SELECT lives_ok(format($$
	CREATE TABLE school.ratings_%1$s AS SELECT user_id, %2$s AS course_id, rating, rated_at FROM ratings;
	CREATE TABLE school.courses_%1$s AS SELECT %2$s AS id, title FROM courses;
	SELECT register_dataset(%1$L, 'school.ratings_%1$s', 'school.courses_%1$s', time_column => 'rated_at');
	SELECT train_model(%1$L, 'knn', dataset => %1$L)$$, kind, key),
	format('course keys of kind %s: training', kind)) FROM course_kind ORDER BY kind;
SELECT results_eq(format($$SELECT u.id, r.rank, r.title, r.score FROM users u, recommend_courses(u.id, %L, 5) r ORDER BY 1, 2$$,
	kind),
	'SELECT id, rank, title, score FROM answers ORDER BY 1, 2', 'the same courses with keys of kind ' || kind)
		FROM course_kind ORDER BY kind;
SELECT results_eq($$SELECT course_id, title FROM recommend_courses(1, 'c_int', candidates => '{" 03",x,3.0,2,1e0,""}', exclude => '{02}')$$,
	$$VALUES ('3', 'Course 3')$$, 'numbers as candidates and excluded, however written');
-- One course in other forms, which its type takes as the same
CREATE TABLE school.form (model text, form text, shown text);
INSERT INTO school.form VALUES ('c_int', '03', '3'), ('c_int', ' 3 ', '3'), ('c_bigint', '+3', '3'),
	('c_uuid', upper(as_uuid(3)::text), as_uuid(3)::text), ('c_uuid', '{' || replace(as_uuid(3)::text, '-', '') || '}', as_uuid(3)::text),
	('f_uuid', upper('00000000-0000-4000-8000-0000000000ab'), '00000000-0000-4000-8000-0000000000ab');
CREATE TABLE school.f_ratings AS SELECT user_id, CASE course_id WHEN 'c03' THEN as_uuid(171) ELSE as_uuid(substr(course_id, 2)::int) END
	AS course_id, rating FROM ratings;
SELECT register_dataset('f_uuid', 'f_ratings');
SELECT train_model('f_uuid', 'knn', dataset => 'f_uuid');
CREATE FUNCTION school.answer(statement text, model text, course text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(r::text, '';'') FROM (' || statement || ') r', course, model) INTO result;
	RETURN result;
END $$;
SELECT ok(answer(statement, model, shown) IS NOT NULL AND answer(statement, model, form) = answer(statement, model, shown),
	format('%s, course %L: %s', model, form, statement))
FROM form, unnest(ARRAY['SELECT predict_rating(5, %L, %L)', 'SELECT * FROM similar_courses(%L, %L)',
	'SELECT * FROM explain_recommendation(1, %L, %L)', 'SELECT * FROM recommend_users(%L, %L)',
	'SELECT * FROM recommend_for(ARRAY[%L], %L)', 'SELECT * FROM recommend_courses(1, %2$L, candidates => ARRAY[%1$L])',
	'SELECT * FROM recommend_courses(1, %2$L, exclude => ARRAY[%1$L])']) statement ORDER BY model, form, statement;
SELECT is_empty($$SELECT * FROM similar_courses('C03', 'knn')$$, 'text is another course in upper case');
SELECT is_empty(format('SELECT * FROM similar_courses(%L, %L)', form, model), format('%s: %L is no course', model, form))
FROM (VALUES ('c_int', 'x'), ('c_int', '3.0'), ('c_int', ''), ('c_int', '99999999999999999999999999'), ('c_int', '3 3'),
	('c_uuid', '3'), ('c_uuid', '{' || as_uuid(3)::text), ('knn', as_uuid(3)::text), ('knn', repeat('a', 32))) v (model, form);
SELECT results_eq($$SELECT rank, s.course_id, similarity FROM similar_courses(3, 'c_int', 3) s$$,
	$$SELECT rank, s.course_id, similarity FROM similar_courses('3', 'c_int', 3) s$$, 'similar_courses takes a number');
SELECT is(predict_rating(1, 3, 'c_int'), predict_rating(1, '3', 'c_int'), 'predict_rating takes a number');
SELECT is(predict_rating(1, 3, 'c_int'), predict_rating(1, 'c03', 'knn'), 'and gives the same');
SELECT results_eq($$SELECT * FROM explain_recommendation(1, 3, 'c_int')$$,
	$$SELECT * FROM explain_recommendation('1', '3', 'c_int')$$,
	'explain_recommendation takes a number');
SELECT results_eq($$SELECT * FROM recommend_users(3, 'c_int', 3)$$, $$SELECT * FROM recommend_users('3', 'c_int', 3)$$,
	'recommend_users takes a number');

-- Keys with everything in them
CREATE TABLE school.odd_keys AS SELECT n, key
	FROM unnest(ARRAY['', ' ', 'NULL', '{}', '"', '''', E'a\nb', 'курс', 'a,b', '\', repeat('x', 1000),
	'0']) WITH ORDINALITY k (key, n);
CREATE TABLE school.odd AS SELECT u.key AS user_id, c.key AS course_id, 3::real AS rating FROM odd_keys u, odd_keys c
	WHERE (u.n + c.n) % 4 < 3;
SELECT register_dataset('odd', 'odd');
SELECT train_model('odd', 'knn', dataset => 'odd');
SELECT results_eq($$SELECT u.n, r.course_id FROM odd_keys u, recommend_courses(u.key, 'odd', 100) r ORDER BY 1, 2$$,
	$$SELECT u.n, c.key FROM odd_keys u JOIN odd_keys c ON (u.n + c.n) % 4 = 3 ORDER BY 1, 2$$,
		'odd keys of users and courses');
SELECT results_eq($$SELECT r.course_id FROM recommend_courses('no such', 'odd', 100, candidates => (SELECT array_agg(key) FROM odd_keys)) r ORDER BY 1$$,
	'SELECT key FROM odd_keys ORDER BY 1', 'odd candidates');
SELECT results_eq($$SELECT user_id, r.course_id FROM recommend_all('odd', 100) r ORDER BY 1, 2$$,
	$$SELECT u.key, c.key FROM odd_keys u JOIN odd_keys c ON (u.n + c.n) % 4 = 3 ORDER BY 1, 2$$,
		'odd keys in recommend_all');

-- ------------------------------------------------------------ repeated ratings

CREATE TABLE school.twice AS SELECT * FROM ratings;
SELECT register_dataset('twice', 'twice', 'courses', time_column => 'rated_at');
SELECT train_model('once', 'knn', '{"rating": "raw"}', 'twice');
CREATE FUNCTION school.model_bytes(name text) RETURNS bytea LANGUAGE sql AS $$
	SELECT string_agg(data, '' ORDER BY chunk) FROM recsys_model_data
	WHERE build = (SELECT build FROM recsys_model WHERE model = name AND published) $$;
-- An older row with another rating loses; so does one of the same time with a smaller rating, and one without a time.
INSERT INTO school.twice SELECT user_id, course_id, 6, rated_at - interval '1 hour' FROM ratings WHERE user_id <= 10;
INSERT INTO school.twice SELECT user_id, course_id, -1, rated_at FROM ratings WHERE user_id > 10;
INSERT INTO school.twice SELECT user_id, course_id, 6, NULL FROM ratings WHERE user_id = 3;
SELECT train_model('twice', 'knn', '{"rating": "raw"}', 'twice');
SELECT is((SELECT duplicates FROM recsys_model_versions WHERE model = 'twice'), 105::bigint,
	'repeated ratings are counted');
SELECT is((SELECT duplicates FROM recsys_model_versions WHERE model = 'once'), 0::bigint,
	'and none when there is none');
SELECT is((SELECT ratings FROM recsys_models WHERE model = 'twice'), 100::bigint, 'and not as ratings');
SELECT results_eq($$SELECT u.id, r.rank, r.course_id, r.score FROM users u, recommend_courses(u.id, 'twice', 5) r$$,
	$$SELECT u.id, r.rank, r.course_id, r.score FROM users u, recommend_courses(u.id, 'knn', 5) r$$,
	'the latest time wins, then the largest rating: training and serving');
SELECT is(predict_rating(3, 'c05', 'twice'), predict_rating(3, 'c05', 'once'), 'predictions too');
SELECT results_eq($$SELECT * FROM recommend_all('twice', 5) WHERE user_id::int <= 20 ORDER BY user_id, rank$$,
	$$SELECT u.id::text, r.* FROM pupils p JOIN users u ON u.id = p.user_id, recommend_courses(u.id, 'twice', 5) r ORDER BY u.id::text, rank$$,
	'recommend_all too');
INSERT INTO school.twice SELECT user_id, course_id, 3, rated_at + interval '1 hour' FROM ratings WHERE user_id = 1;
SELECT isnt((SELECT score FROM recommend_courses(1, 'twice', 1)), (SELECT score FROM recommend_courses(1, 'knn', 1)),
	'a later row replaces the earlier one');
CREATE TABLE school.timeless AS SELECT user_id, course_id, rating FROM ratings
	UNION ALL SELECT user_id, course_id, rating - 1 FROM ratings;
SELECT register_dataset('timeless', 'timeless', 'courses');
SELECT train_model('timeless', 'knn', dataset => 'timeless');
SELECT results_eq($$SELECT u.id, r.rank, r.course_id, r.score FROM users u, recommend_courses(u.id, 'timeless', 5) r$$,
	$$SELECT u.id, r.rank, r.course_id, r.score FROM users u, recommend_courses(u.id, 'knn', 5) r$$,
	'without times the largest rating wins');

-- ------------------------------------------------------------ implicit, bare, unusual datasets

SELECT register_dataset('implicit', 'ratings', 'courses', rating_column => NULL, genre_columns => '{white,black}');
SELECT train_model('implicit', 'knn', dataset => 'implicit');
SELECT train_model('implicit profile', 'user_profile', dataset => 'implicit');
CREATE TABLE school.ones AS SELECT user_id, course_id, 1 AS rating FROM ratings;
SELECT register_dataset('ones', 'ones', 'courses', genre_columns => '{white,black}');
SELECT train_model('ones', 'knn', dataset => 'ones');
SELECT results_eq($$SELECT u.id, r.rank, r.course_id, r.score FROM users u, recommend_courses(u.id, 'implicit', 5) r$$,
	$$SELECT u.id, r.rank, r.course_id, r.score FROM users u, recommend_courses(u.id, 'ones', 5) r$$,
		'without rating_column every row counts 1');
SELECT results_eq($$SELECT score FROM recommend_courses(1, 'implicit profile', 1)$$, 'VALUES (4::float8)',
	'four white courses score 4');
SELECT is(predict_rating(1, 'c03', 'implicit'), 1::float8, 'the predicted rating of an implicit dataset is 1');
SELECT register_dataset('bare', 'ratings');
SELECT train_model('bare', 'knn', dataset => 'bare');
SELECT results_eq($$SELECT u.id, r.rank, r.course_id, r.title, r.score FROM users u, recommend_courses(u.id, 'bare', 5) r$$,
	$$SELECT u.id, r.rank, r.course_id, NULL::text, r.score FROM users u, recommend_courses(u.id, 'knn', 5) r$$,
	'without courses: no titles, else the same');
SELECT is((SELECT count(DISTINCT user_id) FROM recommend_all('bare', 1)), 20::bigint,
	'without users: those with ratings');
SELECT train_model('bare popular', 'popular', dataset => 'bare');
SELECT is((SELECT count(*) FROM recommend_courses(1, 'bare popular', 100)), 7::bigint,
	'all courses but those that the user has');

-- The bag of words in place of descriptions
SELECT register_dataset('words', 'ratings', 'courses', terms => 'terms');
SELECT train_model('words', 'course_similarity', '{"weighting": "bow"}', 'words');
SELECT is_empty($$
	WITH norm AS (SELECT course_id, sqrt(sum(weight::float8 ^ 2)) AS norm FROM terms GROUP BY 1),
	oracle AS (SELECT a.course_id AS a, b.course_id AS b, sum(a.weight * b.weight) / (na.norm * nb.norm) AS similarity
		FROM terms a JOIN terms b USING (term) JOIN norm na ON na.course_id = a.course_id JOIN norm nb ON nb.course_id = b.course_id
		WHERE a.course_id <> b.course_id GROUP BY 1, 2, na.norm, nb.norm)
	SELECT * FROM oracle FULL JOIN (SELECT c.course_id AS a, s.course_id AS b, s.similarity FROM courses c, similar_courses(c.course_id, 'words', 100) s) s
		USING (a, b) WHERE s.similarity IS NULL OR oracle.similarity IS NULL OR abs(s.similarity - oracle.similarity) > 1e-6$$,
	'similarity of courses is the cosine of their words');

-- ------------------------------------------------------------ availability

CREATE VIEW school.offered AS SELECT course_id, title FROM courses WHERE published;
SELECT register_dataset('offered', 'ratings', 'offered', time_column => 'rated_at');
SELECT train_model('offered', 'knn', dataset => 'offered');
SELECT is_empty($$SELECT u.id, r.* FROM users u, recommend_courses(u.id, 'offered', 100, exclude_seen => false) r WHERE r.course_id = 'c12'$$,
	'a course missing from courses is never recommended');
SELECT is_empty($$SELECT * FROM recommend_all('offered', 100, false) WHERE course_id = 'c12'$$, 'nor by recommend_all');
SELECT is_empty($$SELECT * FROM similar_courses('c10', 'offered', 100) WHERE course_id = 'c12'$$, 'nor called similar');
SELECT is_empty($$SELECT * FROM recommend_for('{c10}', 'offered', 100) WHERE course_id = 'c12'$$, 'nor to a visitor');
SELECT is_empty($$SELECT * FROM recommend_courses(1, 'offered', candidates => '{c12}')$$, 'nor as a candidate');
SELECT is_empty(format($$SELECT * FROM recommend_users('c12', 'offered', 100, %L)$$, strategy),
	'nobody is invited to it by ' || strategy) FROM unnest('{score,active,random}'::text[]) AS strategy;
SELECT isnt_empty($$SELECT * FROM recommend_users('c12', 'knn', 100)$$, 'as happens where it is offered');
SELECT is_empty($$SELECT * FROM similar_courses('c12', 'offered', 100)$$, 'nothing is similar to it');
SELECT isnt_empty($$SELECT * FROM similar_courses('c12', 'knn', 100)$$, 'as happens where it is offered');
SELECT is_empty($$SELECT e.* FROM users u, explain_recommendation(u.id, 'c12', 'offered') e$$, 'nor is it explained');
SELECT isnt_empty($$SELECT e.* FROM users u, explain_recommendation(u.id, 'c12', 'knn') e$$, 'as happens where it is offered');
UPDATE courses SET published = course_id IN ('c01', 'c08', 'c11');
SELECT is_empty($$
	SELECT u.id, n FROM users u CROSS JOIN generate_series(1, 4) n
		LEFT JOIN LATERAL recommend_courses(u.id, 'offered', n) r ON true
	GROUP BY 1, 2 HAVING count(r) <> least(n, 3 - (SELECT count(*) FROM ratings WHERE user_id = u.id AND course_id IN ('c01', 'c08', 'c11')))
	$$, 'n rows whenever n courses are offered, withdrawn since training or not');
SELECT is_empty($$
	WITH one AS (SELECT u.user_id::text, r.* FROM pupils u, recommend_courses(u.user_id, 'offered', 2) r),
	every AS (SELECT * FROM recommend_all('offered', 2))
	(SELECT * FROM one EXCEPT SELECT * FROM every) UNION ALL (SELECT * FROM every EXCEPT SELECT * FROM one)$$,
	'recommend_all agrees');
INSERT INTO courses VALUES ('c13', 'Course 13', '', true, 0, true);
SELECT is_empty($$SELECT * FROM recommend_courses(1, 'offered', 100) WHERE course_id = 'c13'$$,
	'a course that the model does not know yet');
SELECT train_model('offered', 'knn', dataset => 'offered');
SELECT isnt_empty($$SELECT * FROM recommend_courses(1, 'offered', 100) WHERE course_id = 'c13' AND source = 'popular'$$,
	'without a rating it is the last of the popular ones');
SELECT is((SELECT course_id FROM recommend_courses(999, 'offered', 100) ORDER BY rank DESC LIMIT 1), 'c13',
	'indeed the last');
UPDATE courses SET published = false;
SELECT is_empty($$SELECT * FROM recommend_courses(1, 'offered')$$, 'nothing is offered');

-- ------------------------------------------------------------ n without end

SELECT is((SELECT count(*) FROM recommend_courses(1, 'knn', 2147483647)), 7::bigint,
	'recommend_courses with the greatest n');
SELECT is((SELECT count(*) FROM recommend_all('knn', 2147483647)),
	(SELECT sum(12 - (SELECT count(*) FROM ratings WHERE user_id = u.id))::bigint FROM users u), 'recommend_all');
SELECT is((SELECT count(*) FROM similar_users(1, 'knn', 2147483647)),
	(SELECT count(*) FROM similar_users(1, 'knn', 100)), 'similar_users');
SELECT is((SELECT count(*) FROM recommend_users('c01', 'knn', 2147483647)),
	(SELECT count(*) FROM recommend_users('c01', 'knn', 100)), 'recommend_users');
SELECT is((SELECT count(*) FROM similar_courses('c01', 'knn', 2147483647)),
	(SELECT count(*) FROM similar_courses('c01', 'knn', 100)), 'similar_courses');

-- ------------------------------------------------------------ calls within calls

-- The courses are a view that runs a statement for every row, in the middle of serving.
CREATE TABLE school.inner_statement (statement text);
CREATE FUNCTION school.run_inner() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('school.inside', true) IS DISTINCT FROM 'yes' THEN
		PERFORM set_config('school.inside', 'yes', true);
		EXECUTE (SELECT statement FROM school.inner_statement);
		PERFORM set_config('school.inside', 'no', true);
	END IF;
	RETURN true;
END $$;
UPDATE courses SET published = true;
CREATE VIEW school.active AS SELECT course_id, title FROM courses WHERE run_inner();
INSERT INTO inner_statement VALUES ('SELECT 1');
SELECT register_dataset('active', 'ratings', 'active', time_column => 'rated_at');
SELECT train_model('active', 'knn', '{"user_based": true}', 'active');
CREATE TABLE school.calm AS SELECT p.user_id, r.* FROM pupils p, recommend_courses(p.user_id, 'active', 5) r;
-- The rows that differ from the calm ones while the inner statement runs
CREATE FUNCTION school.disturbed(inner_call text) RETURNS SETOF school.calm LANGUAGE plpgsql AS $$
BEGIN
	UPDATE inner_statement SET statement = inner_call;
	RETURN QUERY SELECT * FROM calm EXCEPT SELECT p.user_id, r.* FROM pupils p, recommend_courses(p.user_id, 'active', 5) r;
	RETURN QUERY SELECT * FROM calm EXCEPT SELECT r.user_id::int, r.rank, r.course_id, r.title, r.score, r.source FROM recommend_all('active', 5) r;
END $$;
SELECT is_empty(format('SELECT * FROM disturbed(%L)', statement), 'in the middle: ' || statement)
FROM unnest(ARRAY[$$SELECT * FROM recommend_courses(2, 'active', 3)$$, $$SELECT * FROM recommend_all('active', 3)$$,
	$$SELECT predict_rating(2, 'c01', 'active')$$,
	$$SELECT train_model('active', 'knn', '{"user_based": true}', 'active')$$,
		$$SELECT register_dataset('active', 'ratings', 'active', time_column => 'rated_at')$$,
	$$SELECT drop_model('active'); SELECT train_model('active', 'knn', '{"user_based": true}', 'active')$$]) statement;
UPDATE inner_statement SET statement = $$SELECT drop_model(model) FROM recsys_models WHERE model = 'active'$$;
SELECT results_eq($$SELECT * FROM recommend_courses(1, 'active', 5)$$,
	'SELECT rank, course_id, title, score, source FROM calm WHERE user_id = 1', 'a model dropped while it answers');
SELECT raises($$SELECT * FROM recommend_courses(1, 'active', 5)$$, '42704', '%"active"%', '%train_model()%',
	'and is gone then');
UPDATE inner_statement SET statement = 'SELECT 1 / 0';
SELECT train_model('active', 'knn', '{"user_based": true}', 'offered');
SELECT register_dataset('active', 'ratings', 'active', time_column => 'rated_at');
SELECT raises($$SELECT train_model('failing', 'knn', dataset => 'active')$$, '22012', NULL, NULL,
	'an error in the middle of loading');
UPDATE inner_statement SET statement = 'SELECT 1';
SELECT lives_ok($$SELECT train_model('active', 'knn', '{"user_based": true}', 'active')$$,
	'does not harm what follows');

-- ------------------------------------------------------------ long histories, looked up by parts

CREATE TABLE school.long_ratings AS SELECT n AS user_id, 'k' || c AS course_id, (1 + (n * c) % 5)::real AS rating
	FROM unnest('{1,127,128,129,256,257,300}'::int[]) n, generate_series(1, n) c;
SELECT register_dataset('long', 'long_ratings');
SELECT train_model('long', 'als', '{"factors": 4, "iterations": 2}', 'long');
INSERT INTO school.long_ratings SELECT n, p || c, 3 FROM unnest('{129,257,1000}'::int[]) n, generate_series(1, 140) c,
	unnest('{a,z}'::text[]) p;
CREATE INDEX ON school.long_ratings (user_id, course_id);
SELECT results_eq($$SELECT u.n, r.* FROM unnest('{1,127,128,129,256,257,300,1000}'::int[]) u (n),
		recommend_courses(u.n, 'long', 20, exclude_seen => false) r ORDER BY 1, 2$$,
	$$SELECT user_id::int, rank, course_id, title, score, source FROM recommend_all('long', 20, exclude_seen => false)
		ORDER BY 1, 2$$, 'histories of many rows, with and without courses that the model does not know');

-- ------------------------------------------------------------ cursors

DECLARE answers_cursor SCROLL CURSOR FOR SELECT rank FROM recommend_courses(1, 'knn', 5);
SELECT results_eq('FETCH ALL FROM answers_cursor', 'VALUES (1), (2), (3), (4), (5)', 'a cursor');
SELECT results_eq('FETCH BACKWARD ALL FROM answers_cursor', 'VALUES (5), (4), (3), (2), (1)', 'and back');
CLOSE answers_cursor;

SELECT * FROM finish();
ROLLBACK;
