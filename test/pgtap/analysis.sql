-- Functions over a dataset against plain SQL.
\ir setup.psql
\ir fixture.psql
SELECT no_plan();

SELECT register_dataset('bare', 'ratings', rating_column => NULL);
SELECT register_dataset('words', 'ratings', 'courses', terms => 'terms');

-- ------------------------------------------------------------ user_profiles, dataset_genres

SELECT results_eq($$SELECT user_id, profile FROM user_profiles('school') ORDER BY user_id$$,
	$$SELECT r.user_id::text, ARRAY[sum(r.rating * c.white::int), sum(r.rating * c.black)::float8] FROM ratings r JOIN courses c USING (course_id) GROUP BY 1 ORDER BY 1$$,
	'user_profiles: sum of rating x genres');
SELECT results_eq($$SELECT user_id, profile FROM user_profiles('school') ORDER BY user_id$$,
	$$SELECT user_id::text, user_profile(rating::float8, ARRAY[white::int, black]::float8[]) FROM ratings JOIN courses USING (course_id) GROUP BY 1 ORDER BY 1$$,
	'as the aggregate user_profile');
SELECT results_eq($$SELECT course_id, score FROM recommend_courses(1, 'p', 100) WHERE score IS NOT NULL ORDER BY 1$$,
	$$SELECT course_id, dot_product(profile, ARRAY[white::int, black]::float8[]) FROM user_profiles('school'), courses
		WHERE user_id = '1' AND course_id NOT IN (SELECT course_id FROM ratings WHERE user_id = 1) ORDER BY 1$$,
	'and their product with the genres of a course is the score of user_profile')
FROM train_model('p', 'user_profile', dataset => 'school');
SELECT results_eq($$SELECT * FROM dataset_genres('school')$$,
	$$VALUES (1, 'white', 6::bigint), (2, 'black', 6)$$, 'dataset_genres');
UPDATE courses SET black = NULL WHERE course_id = 'c02';
UPDATE courses SET black = 0.5, white = true WHERE course_id = 'c04';
SELECT results_eq($$SELECT * FROM dataset_genres('school')$$,
	$$SELECT 1, 'white', count(*) FILTER (WHERE white) FROM courses UNION ALL SELECT 2, 'black', count(*) FILTER (WHERE black <> 0) FROM courses$$,
	'a NULL genre is none, a part of one is one');
SELECT results_eq($$SELECT user_id, profile FROM user_profiles('school') ORDER BY user_id$$,
	$$SELECT r.user_id::text, ARRAY[sum(r.rating * c.white::int), sum(r.rating * coalesce(c.black, 0))::float8] FROM ratings r JOIN courses c USING (course_id) GROUP BY 1 ORDER BY 1$$,
	'in profiles too');
SELECT raises(format('SELECT * FROM %s(''bare'')', f), '55000', 'dataset "bare" has no genres', '%genre_columns%',
	f || ' without genres') FROM unnest('{user_profiles,dataset_genres}'::text[]) f;

-- ------------------------------------------------------------ dataset_summary

SELECT results_eq($$SELECT users, courses, courses_rated, ratings, mean, min, max, round(sparsity::numeric, 10), first, last FROM dataset_summary('school')$$,
	$$SELECT count(DISTINCT user_id), (SELECT count(*) FROM courses), count(DISTINCT course_id), count(*), avg(rating), min(rating)::float8, max(rating)::float8,
		round(1 - count(*) / (count(DISTINCT user_id) * (SELECT count(*) FROM courses))::numeric, 10), min(rated_at), max(rated_at) FROM ratings$$,
			'dataset_summary');
SELECT results_eq($$SELECT users, courses, courses_rated, ratings, mean, min, max, first, last FROM dataset_summary('bare')$$,
	$$SELECT 20::bigint, 12::bigint, 12::bigint, 100::bigint, 1::float8, 1::float8, 1::float8, NULL::timestamptz, NULL::timestamptz$$,
		'without ratings, times and courses');
CREATE TABLE school.timed (user_id int, course_id int, rating int, stamp timestamp, day date, seconds bigint);
INSERT INTO timed VALUES (1, 1, 3, '2024-05-01 12:00', '2024-05-01', 1714564800),
	(2, 1, 4, '2024-05-03 12:00', '2024-05-03', 1714737600), (2, 3, 4, NULL, NULL, NULL);
SET LOCAL timezone = 'America/New_York';
SELECT results_eq(format($$SELECT first, last FROM register_dataset(%1$L, 'timed', time_column => %1$L), dataset_summary(%1$L)$$,
	col),
	format($$VALUES (%L::timestamptz, %L::timestamptz)$$, first, last),
		'times of type ' || col || ' are UTC in every time zone')
FROM (VALUES ('stamp', '2024-05-01 12:00+00', '2024-05-03 12:00+00'),
	('day', '2024-05-01 00:00+00', '2024-05-03 00:00+00'),
	('seconds', '2024-05-01 12:00+00', '2024-05-03 12:00+00')) v (col, first, last);
-- Rows that training refuses are described as they are.
CREATE TABLE school.raw (user_id int, course_id text, rating float8, rated_at timestamptz);
INSERT INTO raw VALUES (1, 'c01', 'NaN', '-infinity'), (1, 'c02', 2, 'infinity'), (NULL, 'c01', 1, NULL);
SELECT register_dataset('raw', 'raw', time_column => 'rated_at');
SELECT results_eq($$SELECT users, courses, ratings, mean, min, max, first, last FROM dataset_summary('raw')$$,
	$$VALUES (1::bigint, 2::bigint, 3::bigint, 'NaN'::float8, 1::float8, 'NaN'::float8, '-infinity'::timestamptz, 'infinity'::timestamptz)$$,
	'NaN, infinite times and null keys are shown');
SELECT alike(obj_description('dataset_summary'::regproc), '%as they are%', 'as the comment says');
SELECT raises($$UPDATE raw SET rating = CASE course_id WHEN 'c01' THEN 1e300 ELSE 1 END; SELECT * FROM dataset_summary('raw')$$, '22003', NULL, NULL,
	'ratings so far apart that the squares of the differences leave float8');
CREATE TABLE school.empty (LIKE ratings);
SELECT register_dataset('empty', 'empty', 'courses', genre_columns => '{white}');
SELECT results_eq($$SELECT * FROM dataset_summary('empty')$$,
	$$SELECT 0::bigint, 12::bigint, 0::bigint, 0::bigint, NULL::float8, NULL::float8, NULL::float8, NULL::float8, NULL::timestamptz,
	NULL::timestamptz$$, 'an empty dataset');
SELECT is_empty($$SELECT * FROM top_courses('empty')$$, 'has no top courses');
SELECT is_empty($$SELECT * FROM enrollment_histogram('empty')$$, 'and no histogram');

-- ------------------------------------------------------------ enrollment_histogram

-- Users with 1 to 30 courses: user u has u
CREATE TABLE school.steps AS SELECT u AS user_id, c AS course_id, 1 AS rating FROM generate_series(1, 30) u,
	generate_series(1, u) c;
INSERT INTO steps SELECT u, 1, 1 FROM generate_series(101, 107) u;
SELECT register_dataset('steps', 'steps');
SELECT results_eq(format($$SELECT low, high, users FROM enrollment_histogram('steps', %s)$$, bins), format($$
	WITH n AS (SELECT count(*)::int AS n FROM steps GROUP BY user_id),
	w AS (SELECT ceil(max(n) / %1$s::float8)::int AS width, max(n) AS most FROM n)
	SELECT low, low + width - 1, (SELECT count(*) FROM n WHERE n BETWEEN low AND low + width - 1) FROM w, generate_series(1, most, width) low$$,
		bins), 'histogram of ' || bins || ' bins')
FROM unnest('{1,2,7,20,29,30,31,1000}'::int[]) bins;
SELECT is((SELECT sum(users) FROM enrollment_histogram('steps')), 37::numeric, 'every user is counted once');
SELECT cmp_ok((SELECT count(*) FROM enrollment_histogram('steps')), '<=', 20::bigint, 'at most 20 bins by default');
SELECT results_eq($$SELECT * FROM enrollment_histogram('school')$$,
	$$VALUES (1, 1, 0::bigint), (2, 2, 0), (3, 3, 0), (4, 4, 0), (5, 5, 20)$$, 'bins of one course');

-- ------------------------------------------------------------ top_courses

SELECT results_eq($$SELECT rank, course_id, title, enrollments, share::numeric(12, 10), cumulative_share::numeric(12, 10) FROM top_courses('school', 5)$$,
	$$SELECT * FROM (SELECT (row_number() OVER w)::int AS rank, course_id, title, n, (n / sum(n) OVER ())::numeric(12, 10), (sum(n) OVER w / sum(n) OVER ())::numeric(12, 10)
		FROM (SELECT course_id, title, count(*) AS n FROM ratings JOIN courses USING (course_id) GROUP BY 1, 2) t WINDOW w AS (ORDER BY n DESC, course_id)) t WHERE rank <= 5$$,
	'top_courses: ties by id');
SELECT is((SELECT count(*) FROM top_courses('school', 100)), 12::bigint, 'all of them');
SELECT is((SELECT max(cumulative_share) FROM top_courses('school', 100)), 1::float8, 'have all ratings');
SELECT is((SELECT count(*) FROM top_courses('steps')), 20::bigint, '20 by default');
SELECT results_eq($$SELECT course_id FROM top_courses('steps', 4)$$, $$VALUES ('1'), ('2'), ('3'), ('4')$$,
	'by number');
CREATE TABLE school.ties AS SELECT 1 AS user_id, c AS course_id, 1 AS rating FROM generate_series(1, 12) c;
SELECT register_dataset('ties', 'ties');
SELECT results_eq($$SELECT course_id FROM top_courses('ties', 12)$$, $$SELECT generate_series(1, 12)::text$$,
	'ties of numbers are in the order of numbers');
CREATE TABLE school.letters AS SELECT 1 AS user_id, c AS course_id, 1 AS rating FROM unnest('{b,A,a,B,_,Z}'::text[]) c;
SELECT register_dataset('letters', 'letters');
SELECT results_eq($$SELECT course_id FROM top_courses('letters')$$,
	$$SELECT c FROM unnest('{A,B,Z,_,a,b}'::text[]) c$$, 'ties of texts are in the order of bytes');
SELECT results_eq($$SELECT r.course_id FROM recommend_courses(2, 'letters', 10) r$$,
	$$SELECT c FROM unnest('{A,B,Z,_,a,b}'::text[]) c$$, 'as in recommendations')
FROM train_model('letters', 'popular', dataset => 'letters');
SELECT is((SELECT count(title) FROM top_courses('bare')), 0::bigint, 'no titles without courses');
DELETE FROM courses WHERE course_id = 'c01';
SELECT is((SELECT title FROM top_courses('school', 100) WHERE course_id = 'c01'), NULL, 'nor of a course that is gone');
SELECT is((SELECT enrollments FROM top_courses('school', 100) WHERE course_id = 'c01'),
	(SELECT count(*) FROM ratings WHERE course_id = 'c01'), 'which is counted all the same');

-- ------------------------------------------------------------ keyword_counts

SELECT results_eq($$SELECT * FROM keyword_counts('words', 7)$$,
	$$SELECT term, count(*), sum(weight)::bigint FROM terms GROUP BY 1 ORDER BY 2 DESC, 3 DESC, term COLLATE "C" LIMIT 7$$,
		'keyword_counts of a bag of words');
SELECT results_eq($$SELECT * FROM keyword_counts('school', 100)$$,
	$$SELECT word, ndoc::bigint, nentry::bigint FROM ts_stat('SELECT to_tsvector(''pg_catalog.english'', title || '' '' || description) FROM school.courses')
		ORDER BY 2 DESC, 3 DESC, word COLLATE "C"$$, 'of titles and descriptions, as ts_stat');
SELECT is_empty($$SELECT * FROM keyword_counts('school', 100) WHERE word IN ('and', 'with')$$, 'without stop words');
SELECT is((SELECT count(*) FROM keyword_counts('school', 3)), 3::bigint, 'n words');
UPDATE courses SET description = NULL, title = NULL WHERE course_id = 'c02';
SELECT lives_ok($$SELECT * FROM keyword_counts('school')$$, 'a course without text');
SELECT raises($$SELECT * FROM keyword_counts('bare')$$, '55000', 'dataset "bare" has no words', '%terms%description%',
	'no words');

SELECT * FROM finish();
ROLLBACK;
