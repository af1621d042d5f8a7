-- The tastes of the sample platform are strong enough for personal methods to be seen at work: a fifth of the
-- enrolments is held out, and the ten best of recommend_all are compared with it.
\ir setup.psql
SELECT plan(5);

-- The platform without its COMMIT and the VACUUM after it. psql starts the shell where make runs, in the
-- project's root.
\set platform `sed '/^BEGIN;$/d; /^COMMIT;$/,$d' examples/sample_platform.sql`
:platform
CREATE SCHEMA ranking;
SET LOCAL search_path = ranking, recsys, public;

-- The split that test/sql/sample_platform.sql draws. Candidates are the courses with a row in train.
CREATE TABLE split AS
SELECT *, ('x' || left(md5(user_id || '/' || course_id), 7))::bit(28)::int % 5 = 0 AS is_held_out FROM sample.ratings;
CREATE TABLE train AS SELECT user_id, course_id, rating FROM split WHERE NOT is_held_out;
CREATE TABLE held_out AS SELECT user_id, course_id FROM split WHERE is_held_out;
CREATE TABLE courses AS SELECT * FROM sample.courses WHERE course_id IN (SELECT course_id FROM train);
ANALYZE train, held_out, courses;
\ir ndcg.psql
SELECT register_dataset('platform', 'train', 'courses',
    genre_columns => '{Database,Python,CloudComputing,DataAnalysis,Containers,MachineLearning,ComputerVision,DataScience,BigData,Chatbot,R,BackendDev,FrontendDev,Blockchain}',
    users => 'sample.users', user_feature_columns => '{age_band,occupation,country}')
\g /dev/null

SELECT ok(avg(is_held_out::int) BETWEEN .195 AND .205, 'a fifth is held out') FROM split;

-- Personal methods, and what they have to beat
CREATE TABLE models (model text, method text, params jsonb DEFAULT '{}');
INSERT INTO models (model, method) VALUES
('popular', 'popular'), ('knn', 'knn'), ('demographic', 'demographic'),
('user_profile', 'user_profile'), ('course_similarity', 'course_similarity');
INSERT INTO models VALUES ('user_based', 'knn', '{"user_based": true}');
SELECT is(count(*)::int, 6, 'six models of the rows of train')
FROM models m CROSS JOIN LATERAL train_model(m.model, m.method, m.params, 'platform') t
WHERE t.ratings = (SELECT count(*) FROM train);
CREATE TABLE results AS SELECT model, pg_temp.ndcg(model) AS ndcg FROM models;
SELECT diag(format('nDCG@10 of %s: %s', model, round(ndcg::numeric, 4))) FROM results ORDER BY ndcg DESC;

SELECT ok(ndcg BETWEEN .35 AND .45, 'nDCG@10 of popular is from .35 to .45') FROM results WHERE model = 'popular';
SELECT ok(r.ndcg >= 1.35 * popular.ndcg, format('nDCG@10 of %s is at least 1.35 times that', r.model))
FROM results r JOIN results popular ON popular.model = 'popular'
WHERE r.model IN ('knn', 'user_based') ORDER BY r.model;

SELECT * FROM finish();
ROLLBACK;
