-- Content methods on a published catalogue of 307 online courses: rows and scores as plain SQL computes them,
-- and the published counts. Reads the folder ibm-courses of COURSE_RECSYS_DATA; skipped when that is not set.
\ir setup.psql
\set data `printf %s "$COURSE_RECSYS_DATA"`
SELECT :'data' = '' AS no_data \gset
\if :no_data
SELECT '1..0 # SKIP COURSE_RECSYS_DATA is not set';
\quit
\endif
SELECT plan(23);
CREATE SCHEMA golden;
SET LOCAL search_path = golden, recsys, public;

-- The files, as they are. The shell that psql starts knows the folder; \copy itself replaces no variables.
CREATE TABLE courses (
    course_id text PRIMARY KEY, title text, "Database" float8, "Python" float8, "CloudComputing" float8,
    "DataAnalysis" float8, "Containers" float8, "MachineLearning" float8, "ComputerVision" float8,
    "DataScience" float8, "BigData" float8, "Chatbot" float8, "R" float8, "BackendDev" float8,
    "FrontendDev" float8, "Blockchain" float8);
CREATE TABLE ratings (user_id bigint, course_id text, rating float8);
CREATE TABLE words (doc_index int, course_id text, term text, weight float8);
CREATE TABLE published AS SELECT 0::bigint AS user_id, * FROM courses;
ALTER TABLE published DROP course_id, DROP title;
\copy courses FROM PROGRAM 'cat "$COURSE_RECSYS_DATA/ibm-courses/course_genre.csv"' WITH (FORMAT csv, HEADER)
\copy ratings FROM PROGRAM 'cat "$COURSE_RECSYS_DATA/ibm-courses/rs_content_test.csv"' WITH (FORMAT csv, HEADER)
\copy words FROM PROGRAM 'cat "$COURSE_RECSYS_DATA/ibm-courses/courses_bows.csv"' WITH (FORMAT csv, HEADER)
\copy published FROM PROGRAM 'cat "$COURSE_RECSYS_DATA/ibm-courses/user_profile.csv"' WITH (FORMAT csv, HEADER)
SELECT is(ARRAY[count(*), count(DISTINCT user_id), count(DISTINCT course_id)], '{9402,1000,105}',
          '9,402 ratings of 1,000 users on 105 courses') FROM ratings;
SELECT is(ARRAY[(SELECT count(*) FROM courses), (SELECT count(*) FROM words), (SELECT count(*) FROM published)],
          '{307,10366,33901}', '307 courses, 10,366 words, 33,901 published profiles');

-- The same in long form; genres are numbered in the order of the columns.
CREATE TABLE columns AS
SELECT attname, row_number() OVER (ORDER BY attnum) AS ordinal FROM pg_attribute
WHERE attrelid = 'published'::regclass AND attnum > 1 AND NOT attisdropped;
CREATE TABLE genres AS
SELECT course_id, ordinal, value::float8 AS weight
FROM courses c CROSS JOIN jsonb_each_text(to_jsonb(c)) JOIN columns ON attname = key;
CREATE TABLE profiles AS
SELECT user_id, array_agg(value::float8 ORDER BY ordinal) AS profile
FROM published p CROSS JOIN jsonb_each_text(to_jsonb(p)) JOIN columns ON attname = key
WHERE user_id IN (SELECT user_id FROM ratings) GROUP BY 1;
CREATE TABLE terms AS SELECT course_id, term, weight FROM words;
ANALYZE courses, ratings, genres, profiles, terms;

SELECT register_dataset('ibm', 'ratings', 'courses', terms => 'terms',
    genre_columns => (SELECT array_agg(attname ORDER BY ordinal) FROM columns))
\g /dev/null
SELECT is((SELECT ROW(users, courses, ratings)::text FROM train_model('by_genre', 'user_profile', dataset => 'ibm')),
          '(1000,307,9402)', 'user_profile is trained on all users, courses and ratings');
SELECT is((SELECT ROW(users, courses, ratings)::text
           FROM train_model('by_text', 'course_similarity', '{"weighting": "bow"}', 'ibm')),
          '(1000,307,9402)', 'course_similarity is trained on all users, courses and ratings');

-- What plain SQL says: all pairs of a user and a course that the user has not taken, with the score of each,
-- NULL where it is zero. Courses without a score follow by popularity; ties: more ratings first, then course id.
CREATE TABLE unseen AS
SELECT u.user_id, c.course_id, c.popularity
FROM (SELECT DISTINCT user_id FROM ratings) u
CROSS JOIN (SELECT course_id, count(rating) AS popularity FROM courses LEFT JOIN ratings USING (course_id) GROUP BY 1) c
LEFT JOIN ratings r USING (user_id, course_id) WHERE r.rating IS NULL;
ANALYZE unseen;

-- sum over the taken courses of rating x genres, dotted with the genres of the course
CREATE TABLE expected_profile AS
SELECT user_id, ordinal, sum(rating * weight) AS weight FROM ratings JOIN genres USING (course_id) GROUP BY 1, 2;
CREATE TABLE expected_by_genre AS
SELECT user_id, course_id, score, row_number() OVER (
           PARTITION BY user_id ORDER BY score DESC NULLS LAST, popularity DESC, course_id COLLATE "C")::int AS rank
FROM unseen LEFT JOIN (
         SELECT user_id, course_id, nullif(sum(p.weight * g.weight), 0) AS score
         FROM expected_profile p JOIN genres g USING (ordinal) WHERE g.weight <> 0 GROUP BY 1, 2) s
     USING (user_id, course_id);

-- max over the taken courses of the cosine of two bags of words; float4 is what models are made of
CREATE TABLE expected_cosine AS
WITH norms AS (SELECT course_id, sqrt(sum(weight ^ 2)) AS norm FROM terms GROUP BY 1)
SELECT a.course_id AS taken, b.course_id, (sum(a.weight * b.weight) / (n.norm * m.norm))::float4 AS cosine
FROM terms a JOIN terms b ON b.term = a.term AND b.course_id <> a.course_id
JOIN norms n ON n.course_id = a.course_id JOIN norms m ON m.course_id = b.course_id
GROUP BY a.course_id, b.course_id, n.norm, m.norm;
CREATE TABLE expected_by_text AS
SELECT user_id, course_id, score, row_number() OVER (
           PARTITION BY user_id ORDER BY score DESC NULLS LAST, popularity DESC, course_id COLLATE "C")::int AS rank
FROM unseen LEFT JOIN (
         SELECT r.user_id, e.course_id, max(e.cosine) AS score
         FROM ratings r JOIN expected_cosine e ON e.taken = r.course_id GROUP BY 1, 2) s
     USING (user_id, course_id);

-- Every rank of every user.
CREATE TABLE got_by_genre AS SELECT user_id::bigint, rank, course_id, score, source FROM recommend_all('by_genre', 307);
CREATE TABLE got_by_text AS SELECT user_id::bigint, rank, course_id, score, source FROM recommend_all('by_text', 307);
ANALYZE expected_by_genre, expected_by_text, got_by_genre, got_by_text;
SELECT is((SELECT count(*) FROM got_by_genre), 307000 - 9402::bigint, 'user_profile ranks all courses not taken');
SELECT is_empty($$
SELECT * FROM got_by_genre g FULL JOIN expected_by_genre e USING (user_id, rank)
WHERE (g.course_id, g.score, g.source) IS DISTINCT FROM
      (e.course_id, e.score, CASE WHEN e.score IS NULL THEN 'popular' ELSE 'by_genre' END) LIMIT 10 $$,
'user_profile: courses, order, scores and sources are those of plain SQL');
SELECT is((SELECT count(*) FROM got_by_text), 307000 - 9402::bigint, 'course_similarity ranks all courses not taken');
SELECT is_empty($$
SELECT * FROM got_by_text g FULL JOIN expected_by_text e USING (user_id, rank)
WHERE (g.course_id, g.source, abs(g.score - e.score) < 1e-6) IS DISTINCT FROM
      (e.course_id, CASE WHEN e.score IS NULL THEN 'popular' ELSE 'by_text' END,
       CASE WHEN e.score IS NOT NULL THEN true END) LIMIT 10 $$,
'course_similarity: courses, order, scores and sources are those of plain SQL');

-- With a threshold: the head of the same lists, and as many rows as were published.
SELECT is(ARRAY[count(*), count(DISTINCT user_id)], '{64330,982}', 'user_profile from 10: 64,330 rows for 982 users')
FROM recommend_all('by_genre', 307, threshold => 10);
SELECT is_empty($$
(SELECT user_id, rank, course_id FROM recommend_all('by_genre', 307, threshold => 10)
 EXCEPT SELECT user_id::text, rank, course_id FROM expected_by_genre WHERE score >= 10)
UNION ALL (SELECT user_id::text, rank, course_id FROM expected_by_genre WHERE score >= 10
 EXCEPT SELECT user_id, rank, course_id FROM recommend_all('by_genre', 307, threshold => 10)) $$,
'user_profile from 10: the rows of plain SQL');
SELECT is(ARRAY[count(*), count(DISTINCT user_id)], '{11377,983}',
          'course_similarity from .6: 11,377 rows for 983 users')
FROM recommend_all('by_text', 307, threshold => .6);
SELECT is_empty($$
(SELECT user_id, rank, course_id FROM recommend_all('by_text', 307, threshold => .6)
 EXCEPT SELECT user_id::text, rank, course_id FROM expected_by_text WHERE score >= .6::float4)
UNION ALL (SELECT user_id::text, rank, course_id FROM expected_by_text WHERE score >= .6::float4
 EXCEPT SELECT user_id, rank, course_id FROM recommend_all('by_text', 307, threshold => .6)) $$,
'course_similarity from .6: the rows of plain SQL');

-- The published profiles, dotted with the genres; they lack some audited courses of 123 of the users.
SELECT is(ARRAY[count(*), count(DISTINCT user_id)], '{53411,864}', 'published profiles: 53,411 rows for 864 users')
FROM unseen JOIN profiles USING (user_id)
JOIN (SELECT course_id, array_agg(weight ORDER BY ordinal) AS genres FROM genres GROUP BY 1) g USING (course_id)
WHERE dot_product(profile, genres) >= 10;
SELECT is(ARRAY[count(*) FILTER (WHERE u.profile = p.profile), count(*) FILTER (WHERE u.profile <> p.profile)],
          '{877,123}', 'user_profiles() equals 877 of the published profiles')
FROM user_profiles('ibm') u JOIN profiles p ON p.user_id::text = u.user_id;
SELECT is_empty($$
SELECT u.user_id FROM user_profiles('ibm') u
FULL JOIN (SELECT user_id::text, array_agg(weight ORDER BY ordinal) AS profile FROM expected_profile GROUP BY 1) e
    USING (user_id)
WHERE u.profile IS DISTINCT FROM e.profile $$, 'user_profiles() equals the sums of plain SQL for all users');

-- Similar courses
SELECT is((SELECT round(similarity::numeric, 6) FROM similar_courses('ML0201EN', 'by_text', 306)
           WHERE course_id = 'ML0122EN'), .088889, 'similarity of ML0201EN and ML0122EN');
SELECT is_empty($$
SELECT * FROM courses c CROSS JOIN LATERAL similar_courses(c.course_id, 'by_text', 306) s
FULL JOIN expected_cosine e ON e.taken = c.course_id AND e.course_id = s.course_id
WHERE (abs(s.similarity - e.cosine) < 1e-6) IS NOT TRUE LIMIT 10 $$,
'similar_courses of every course: the cosines of plain SQL');

-- All published profiles: components and clusters. scikit-learn 1.9.1 on the same vectors, KMeans(20, n_init=10):
-- inertia 142,593.9, 142,453.5 and 142,405.0 with random_state 42, 0 and 1.
CREATE TABLE vectors AS
SELECT array_agg(value::float8 ORDER BY ordinal) AS v
FROM (SELECT row_number() OVER () AS number, p.* FROM published p) p CROSS JOIN jsonb_each_text(to_jsonb(p)) JOIN columns ON attname = key
GROUP BY number;
SELECT is((SELECT count(*) FROM pca('SELECT v FROM vectors', 0.8)), 7::bigint, '7 components for 80 % of the variance');
SELECT is((SELECT count(*) FROM pca('SELECT v FROM vectors', 0.9)), 9::bigint, '9 components for 90 % of the variance');
SELECT results_eq($$SELECT explained_variance::numeric(9, 6) FROM pca('SELECT v FROM vectors', 3)$$, ARRAY[4.026077,2.457410,1.582626]::numeric(9, 6)[],
    'the variances that scikit-learn finds');
SELECT cmp_ok((SELECT sum(inertia) FROM kmeans('SELECT v FROM vectors', 20)), '<=', 142593.9 * 1.002::float8,
    'the inertia of 20 clusters from 10 starts is within .2 % of what scikit-learn reaches, or below');
SELECT is((SELECT sum(explained_variance)::numeric(9, 6) FROM pca('SELECT v FROM vectors', 14)), (14 * 33901 / 33900.0)::numeric(9, 6),
    'covariance diagonal of standardized vectors: 1.000029');
SELECT is((SELECT (covariance_matrix(standardize(v, mean, deviation)))[3][3]::numeric(9, 6)
           FROM vectors, (SELECT vec_avg(v) AS mean, vec_stddev_pop(v) AS deviation FROM vectors) m), 1.000029, 'the same by the aggregate');

SELECT * FROM finish();
ROLLBACK;
