-- The sample platform: its size, its shape, what is planted in it, and its checksum.
-- psql reads the script relative to the directory where make runs, the project's root.
\set ECHO none
\i examples/sample_platform.sql
\set ECHO all
SET timezone = 'UTC';
SET datestyle = 'ISO';

-- What the script leaves: tables, their keys, one view, no work table and no function.
SELECT relname, relkind FROM pg_class
WHERE relnamespace = 'sample'::regnamespace AND relkind <> 't' ORDER BY relname COLLATE "C";
SELECT count(*) AS functions FROM pg_proc WHERE pronamespace = 'sample'::regnamespace;

-- Sizes
SELECT (SELECT count(*) FROM sample.users) AS users, (SELECT count(*) FROM sample.courses) AS courses,
       (SELECT count(*) FROM sample.ratings) AS ratings, (SELECT count(*) FROM sample.exposures) AS exposures,
       (SELECT count(*) FROM sample.published_courses) AS published;

-- Courses: how many are taken, the most popular one, what the top 20 hold
SELECT count(*) AS taken, max(n) AS most_popular, min(n) AS least_popular,
       round(100 * sum(n) FILTER (WHERE place <= 20) / sum(n), 1) AS top_20_percent
FROM (SELECT count(*) AS n, row_number() OVER (ORDER BY count(*) DESC) AS place
      FROM sample.ratings GROUP BY course_id) c;

-- Learners: with one course, with fewer than ten, with audited courses only; people without any
SELECT count(*) AS learners, count(*) FILTER (WHERE n = 1) AS one_course,
       round(100.0 * count(*) FILTER (WHERE n < 10) / count(*), 1) AS under_10_percent, max(n) AS most,
       count(*) FILTER (WHERE highest = 2) AS audited_only,
       (SELECT count(*) FROM sample.users u
        WHERE NOT EXISTS (SELECT FROM sample.ratings r WHERE r.user_id = u.user_id)) AS no_course
FROM (SELECT count(*) AS n, max(rating) AS highest FROM sample.ratings GROUP BY user_id) l;

-- Ratings
SELECT rating, round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS percent
FROM sample.ratings GROUP BY rating ORDER BY rating;

-- Times: within 2024, and no enrolment before the course's release
SELECT min(enrolled_at) >= '2024-01-01' AND max(enrolled_at) < '2025-01-01' AS within_2024,
       count(*) FILTER (WHERE enrolled_at < released) AS before_release
FROM sample.ratings JOIN sample.courses USING (course_id);

-- Catalogue: unpublished courses have few enrolments or none; some without enrolments came late
SELECT count(*) FILTER (WHERE NOT published) AS unpublished,
       count(*) FILTER (WHERE NOT published AND n > 0) AS unpublished_taken,
       max(n) FILTER (WHERE NOT published) AS most_enrolments,
       count(*) FILTER (WHERE n IS NULL AND released >= '2024-10-01') AS late,
       count(*) FILTER (WHERE title LIKE '%(2nd edition)') AS second_editions,
       count(DISTINCT title) AS titles, count(DISTINCT description) AS descriptions,
       count(*) FILTER (WHERE title || description ~ '[{}]') AS unfilled
FROM sample.courses LEFT JOIN (SELECT course_id, count(*) AS n FROM sample.ratings GROUP BY 1) r USING (course_id);

-- Courses per genre
SELECT sum("Database"::int) AS database, sum("Python"::int) AS python, sum("CloudComputing"::int) AS cloud,
       sum("DataAnalysis"::int) AS analysis, sum("Containers"::int) AS containers, sum("MachineLearning"::int) AS ml,
       sum("ComputerVision"::int) AS vision, sum("DataScience"::int) AS science, sum("BigData"::int) AS big_data,
       sum("Chatbot"::int) AS chatbot, sum("R"::int) AS r, sum("BackendDev"::int) AS back, sum("FrontendDev"::int) AS front,
       sum("Blockchain"::int) AS blockchain
FROM sample.courses;

-- Prerequisites: who has the second course of a chain mostly has the first, more often than others
-- do, and took it before
WITH first AS (SELECT *, left(course_id, 3) AS subject FROM sample.ratings WHERE course_id LIKE '__101'),
     second AS (SELECT *, left(course_id, 3) AS subject FROM sample.ratings WHERE course_id LIKE '__102'),
     share AS (SELECT subject, count(*) / 33901.0 AS share FROM first GROUP BY subject),
     pair AS (
         SELECT subject, count(*) AS with_second, count(f.user_id) AS with_both,
                count(*) FILTER (WHERE f.enrolled_at < s.enrolled_at) AS in_order
         FROM second s LEFT JOIN first f USING (user_id, subject) GROUP BY subject)
SELECT subject, with_second, round(1.0 * with_both / with_second, 2) AS confidence,
       round(with_both / (with_second * share), 1) AS lift, round(1.0 * in_order / with_both, 2) AS in_order
FROM pair JOIN share USING (subject) ORDER BY subject COLLATE "C";

-- Editions: nobody has both
SELECT count(*) AS both_editions
FROM sample.ratings a JOIN sample.ratings b ON b.user_id = a.user_id AND b.course_id = a.course_id || 'v2';

-- Tastes: hold out a fifth by hash of (user, course) and rank, for a tenth of the users, the
-- courses that are left by popularity and by summed cosine similarity to the user's own. nDCG@10
-- over users with rows on both sides.
CREATE TEMP TABLE split AS
SELECT user_id, course_id,
       ('x' || left(md5(user_id || '/' || course_id), 7))::bit(28)::int % 5 = 0 AS held_out FROM sample.ratings;
CREATE TEMP TABLE train AS SELECT user_id, course_id FROM split WHERE NOT held_out;
CREATE TEMP TABLE popularity AS SELECT course_id, count(*) AS n FROM train GROUP BY course_id;
CREATE TEMP TABLE cosine AS
SELECT a.course_id, b.course_id AS other, count(*) / sqrt(p.n * q.n::float8) AS weight
FROM train a JOIN train b ON b.user_id = a.user_id AND b.course_id <> a.course_id
JOIN popularity p ON p.course_id = a.course_id JOIN popularity q ON q.course_id = b.course_id
GROUP BY a.course_id, b.course_id, p.n, q.n;
ANALYZE split, train, popularity, cosine;
WITH personal AS (
    SELECT t.user_id, c.other AS course_id, sum(c.weight) AS score
    FROM train t JOIN cosine c USING (course_id) WHERE t.user_id % 10 = 0 GROUP BY 1, 2
), ranked AS (
    SELECT u.user_id, s.held_out,
           row_number() OVER (PARTITION BY u.user_id ORDER BY p.n DESC, p.course_id COLLATE "C") AS popular_place,
           row_number() OVER (PARTITION BY u.user_id ORDER BY coalesce(k.score, 0) DESC, p.n DESC,
                              p.course_id COLLATE "C") AS personal_place
    FROM (SELECT user_id FROM split WHERE user_id % 10 = 0
          GROUP BY 1 HAVING bool_or(held_out) AND NOT bool_and(held_out)) u
    CROSS JOIN popularity p
    LEFT JOIN split s ON s.user_id = u.user_id AND s.course_id = p.course_id
    LEFT JOIN personal k ON k.user_id = u.user_id AND k.course_id = p.course_id
    WHERE s.held_out IS NOT FALSE
), gains AS (
    SELECT user_id,
           sum(1 / log(2, popular_place + 1)) FILTER (WHERE held_out AND popular_place <= 10) AS popular,
           sum(1 / log(2, personal_place + 1)) FILTER (WHERE held_out AND personal_place <= 10) AS personal,
           (SELECT sum(1 / log(2, i + 1::numeric)) FROM generate_series(1, least(count(held_out), 10)) i) AS ideal
    FROM ranked GROUP BY user_id
), ndcg AS (
    SELECT avg(coalesce(popular, 0) / ideal) AS popular, avg(coalesce(personal, 0) / ideal) AS personal FROM gains
)
SELECT round(popular, 2) AS popular, round(personal, 2) AS item_knn,
       popular BETWEEN .35 AND .45 AS popular_fits, personal >= 1.35 * popular AS taste_is_seen FROM ndcg;

-- Experiment: rates, relative lift, and z of the difference
SELECT round(c.rate, 4) AS control, round(t.rate, 4) AS treatment, round(t.rate / c.rate - 1, 3) AS lift,
       round((t.rate - c.rate) / sqrt(c.rate * (1 - c.rate) / c.n + t.rate * (1 - t.rate) / t.n), 1) AS z
FROM (SELECT count(*) AS n, avg(converted::int) AS rate FROM sample.exposures WHERE variant = 'control') c,
     (SELECT count(*) AS n, avg(converted::int) AS rate FROM sample.exposures WHERE variant = 'treatment') t;

-- The three people that the documents use
SELECT u.user_id, u.name, u.age_band, u.occupation, u.country, r.course_id, c.title, r.rating, r.enrolled_at::date
FROM sample.users u LEFT JOIN sample.ratings r USING (user_id) LEFT JOIN sample.courses c USING (course_id)
WHERE u.user_id IN (7, 42, 51) ORDER BY u.user_id, r.enrolled_at;

-- Every row, bit by bit: the checksum of the script's last comment
SELECT md5(string_agg(sum, ' ' ORDER BY sum COLLATE "C")) AS checksum FROM (
    SELECT md5(string_agg(t::text, E'\n' ORDER BY user_id)) FROM sample.users t UNION ALL
    SELECT md5(string_agg(t::text, E'\n' ORDER BY course_id COLLATE "C")) FROM sample.courses t UNION ALL
    SELECT md5(string_agg(t::text, E'\n' ORDER BY user_id, course_id COLLATE "C")) FROM sample.ratings t UNION ALL
    SELECT md5(string_agg(t::text, E'\n' ORDER BY user_id)) FROM sample.exposures t) AS s (sum);
