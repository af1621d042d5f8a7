-- What a DBA sees of models: sizes, counts, times and the trainer, compared with the data; for every method.
\ir setup.psql
\ir fixture.psql
SELECT no_plan();

-- A rating twice, and a rating of a course that is not in the relation of courses
INSERT INTO school.ratings SELECT user_id, course_id, rating - 1, rated_at - interval '1 day' FROM school.ratings WHERE user_id = 1;
INSERT INTO school.ratings VALUES (2, 'gone', 3, '2024-01-01');
CREATE ROLE watching_owner;
CREATE ROLE watching_trainer IN ROLE watching_owner;
GRANT USAGE ON SCHEMA school, recsys TO watching_owner;
GRANT SELECT ON ALL TABLES IN SCHEMA school TO watching_owner;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA school TO watching_owner;

-- ------------------------------------------------------------ what train_model said is what the views show

CREATE TABLE school.trained AS SELECT t.* FROM recsys_methods() m, train_model(m.method || '!', m.method, dataset => 'school') t;
SELECT train_model(m.method || '!', m.method, dataset => 'school', publish => false) FROM recsys_methods() m;

SELECT is((SELECT count(*) FROM trained), (SELECT count(*) FROM recsys_methods()), 'every method is trained');
SELECT results_eq($$SELECT model, version, method, users, courses, ratings, seconds, bytes FROM recsys_models ORDER BY 1$$,
	$$SELECT model, version, method, users, courses, ratings, seconds, bytes FROM trained ORDER BY 1$$,
	'recsys_models has the row that train_model returned');
SELECT results_eq($$SELECT model, version, published_at, owner, method, params, dataset, users, courses, ratings,
		duplicates, seconds, bytes, holds_user_rows, trained_at, trained_by FROM recsys_models ORDER BY 1$$,
	$$SELECT model, version, published_at, owner, method, params, dataset, users, courses, ratings,
		duplicates, seconds, bytes, holds_user_rows, trained_at, trained_by FROM recsys_model_versions WHERE published ORDER BY 1$$,
	'recsys_models is recsys_model_versions, where published');
SELECT results_eq($$SELECT model, string_agg(version || CASE WHEN published THEN ' published' ELSE '' END, ', ' ORDER BY version)
		FROM recsys_model_versions GROUP BY 1 ORDER BY 1$$,
	$$SELECT method || '!', '1 published, 2' FROM recsys_methods() ORDER BY 1$$, 'kept versions, and which is served');

-- ------------------------------------------------------------ and it is true

SELECT is_empty($$
	SELECT v.model, v.version, v.bytes, d.bytes FROM recsys_model_versions v LEFT JOIN (
		SELECT build, sum(octet_length(data)) AS bytes, count(*) AS chunks, max(chunk) AS last
		FROM recsys_model_data GROUP BY 1) d USING (build)
	WHERE v.bytes IS DISTINCT FROM d.bytes OR d.chunks <> (v.bytes + 1048575) / 1048576 OR d.last <> d.chunks - 1
	$$, 'bytes are those that are stored, in chunks of 1 MB');
SELECT is_empty($$
	SELECT v.model, v.version, r.* FROM recsys_model_versions v, (
		SELECT count(*) AS n, count(DISTINCT user_id) AS users, count(DISTINCT (user_id, course_id)) AS ratings FROM ratings) r
	WHERE (v.users, v.ratings, v.duplicates) IS DISTINCT FROM (r.users, r.ratings, r.n - r.ratings)
		OR v.courses <> (SELECT count(*) FROM (SELECT course_id FROM ratings UNION SELECT course_id FROM courses) c)
	$$, 'users, ratings, repeated ratings and courses are those of the tables');
SELECT is_empty($$
	SELECT model, version, load_seconds, fit_seconds, seconds FROM recsys_model_versions
	WHERE NOT (load_seconds > 0 AND fit_seconds > 0 AND seconds > load_seconds + fit_seconds AND seconds < 60)
	$$, 'seconds of loading, of fitting, and of all, which has the writing besides');
SELECT is_empty($$
	SELECT model, version, trained_at, published_at FROM recsys_model_versions
	WHERE NOT (trained_at BETWEEN now() AND clock_timestamp()) OR published <> (published_at IS NOT NULL)
		OR published_at NOT BETWEEN trained_at AND clock_timestamp()
	$$, 'trained, then published, in this transaction');
SELECT is_empty($$
	SELECT v.model, v.version, s.source FROM recsys_model_versions v JOIN recsys_model s USING (build)
		JOIN recsys_dataset d ON d.name = v.dataset WHERE s.source IS DISTINCT FROM to_jsonb(d)
	$$, 'a version keeps the dataset that it was trained on');

-- Writing is in the seconds: a table of chunks that takes long says so.
CREATE FUNCTION school.slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.2); RETURN NEW; END';
CREATE TRIGGER slow BEFORE INSERT ON recsys_model_data FOR EACH ROW EXECUTE FUNCTION school.slow();
ALTER TABLE recsys_model_data ENABLE ALWAYS TRIGGER slow;
SELECT train_model('slow', 'popular', dataset => 'school');
DROP TRIGGER slow ON recsys_model_data;
SELECT cmp_ok((SELECT seconds - load_seconds - fit_seconds FROM recsys_model_versions WHERE model = 'slow'), '>=', 0.2::float8,
	'seconds less loading and fitting is writing');

-- ------------------------------------------------------------ what a session holds of them

CREATE TABLE school.many AS SELECT u AS user_id, c AS course_id, 1 + (u * c) % 5 AS rating
	FROM generate_series(1, 1000) AS u, generate_series(1, 30) AS c;
SELECT register_dataset('many', 'school.many');
SELECT train_model('many ' || i, 'knn', '{"user_based": true}', 'many') FROM generate_series(1, 4) AS i;
CREATE VIEW school.held AS SELECT count(*) AS models, coalesce(sum(total_bytes), 0) AS bytes
	FROM pg_backend_memory_contexts WHERE name = 'course_recsys model';
SELECT count(*) FROM generate_series(1, 4) AS i, recommend_courses(1::bigint, 'many ' || i);
SELECT cmp_ok((SELECT models FROM held), '>=', 4::bigint, 'a session keeps the models that it has used');
SELECT is((SELECT count(*) FROM pg_backend_memory_contexts WHERE name = 'course_recsys model' AND ident = 'many 4'), 1::bigint,
	'their memory is known by name');
SELECT cmp_ok((SELECT bytes FROM held), '>', (SELECT sum(bytes) FROM recsys_models WHERE model LIKE 'many %'),
	'in memory they are more than their bytes');
SET LOCAL course_recsys.cache_size = '1.5MB';
SELECT train_model('many 5', 'knn', '{"user_based": true}', 'many');
SELECT count(*) FROM recommend_courses(1::bigint, 'many 5');
SELECT cmp_ok((SELECT bytes FROM held), '<=', 1572864::numeric, 'cache_size is what they take in memory');
SELECT cmp_ok((SELECT models FROM held), '>=', 2::bigint, 'and there is more than one of them');
RESET course_recsys.cache_size;

-- ------------------------------------------------------------ by whom

SELECT results_eq('SELECT DISTINCT owner, trained_by FROM recsys_model_versions',
	$$VALUES (current_user::text COLLATE "default", current_user::text COLLATE "default")$$, 'owner and trainer are who trained first');
SET LOCAL ROLE watching_owner;
SELECT train_model('ours', 'popular', dataset => 'school');
SET LOCAL ROLE watching_trainer;
SELECT train_model('ours', 'popular', dataset => 'school');
SELECT results_eq($$SELECT version, owner, trained_by FROM recsys_model_versions WHERE model = 'ours' ORDER BY version$$,
	$$VALUES (1, 'watching_owner', 'watching_owner'), (2, 'watching_owner', 'watching_trainer')$$,
	'the owner stays; the trainer is who trained the version');
RESET ROLE;
CREATE FUNCTION school.as_owner() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = recsys, pg_temp AS
	$$SELECT version FROM train_model('ours', 'popular', dataset => 'school')$$;
ALTER FUNCTION school.as_owner() OWNER TO watching_owner;
SELECT is(as_owner(), 3, 'a function of the owner trains');
SELECT is((SELECT trained_by FROM recsys_models WHERE model = 'ours'), 'watching_owner',
	'the trainer is the role whose rights decided what was read');

-- ------------------------------------------------------------ a dataset that has lost its table

DROP TABLE school.ratings CASCADE;
SELECT is_empty($$SELECT model FROM recsys_models WHERE dataset = 'school'$$, 'versions of a dataset that does not resolve are not shown');
SELECT is((SELECT count(*) FROM recsys_model WHERE published AND NOT recsys_dataset_readable(dataset)),
	(SELECT count(*) FROM recsys_methods()) + 2, 'but found in the table by who may read it');

SELECT * FROM finish();
ROLLBACK;
