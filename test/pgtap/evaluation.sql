-- Evaluation: splits drawn again in SQL, values computed again in SQL from the answers of a model that was trained on
-- the training part, shapes, errors, rights, storing. Over all methods and strategies.
\ir setup.psql
\ir fixture.psql
SELECT no_plan();

-- ------------------------------------------------------------ splits, as documented

CREATE FUNCTION school.h(text) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT ('x' || left(md5($1), 7))::bit(28)::int $$;

-- A split: the arguments that draw it, and which rows are held out: a condition on row r with its places
CREATE TABLE school.split (name text PRIMARY KEY, strategy text, fold int, folds int NOT NULL DEFAULT 1,
	options jsonb NOT NULL DEFAULT '{}', held text NOT NULL, history text NOT NULL DEFAULT 'false');
INSERT INTO school.split (name, strategy, held) VALUES
	('random', 'random', 'h < 0.3 * 2^28'),
	('course', 'course', 'in_course <= floor(0.3 * of_course + 0.5)'),
	('time', 'time', 'rated_at > (SELECT percentile_disc(0.7) WITHIN GROUP (ORDER BY rated_at) FROM school.ratings)');
INSERT INTO school.split (name, strategy, held, options) VALUES
	('leave one out', 'leave_k_out', 'in_user <= 1 AND of_user > 1', '{}'),
	('leave two out', 'leave_k_out', 'in_user <= 2 AND of_user > 2', '{"leave_k": 2}'),
	('leave the last out', 'leave_k_out', 'from_end <= 1', '{"latest": true}');
INSERT INTO school.split (name, strategy, held, history) VALUES
	('user', 'user', 'u < 0.3 * 2^28 AND h < 0.3 * 2^28', 'u < 0.3 * 2^28');
INSERT INTO school.split (name, strategy, fold, folds, held, history)
	SELECT 'random, fold ' || f, 'random', f, 3, format('h::bigint * 3 >> 28 = %s - 1', f), 'false' FROM generate_series(1, 3) f
	UNION ALL
	SELECT 'course, fold ' || f, 'course', f, 3, format('(in_course - 1 + c::bigint) %% 3 = %s - 1', f), 'false' FROM generate_series(1, 3) f
	UNION ALL
	SELECT 'user, fold ' || f, 'user', f, 3, format('u::bigint * 3 >> 28 = %s - 1 AND h < 0.3 * 2^28', f),
		format('u::bigint * 3 >> 28 = %s - 1', f) FROM generate_series(1, 3) f
	UNION ALL
	SELECT 'leave one out, fold ' || f, 'leave_k_out', f, 3, format('in_user = %s AND of_user > 3', f), 'false' FROM generate_series(1, 3) f;

CREATE VIEW school.drawn AS
	SELECT *, row_number() OVER (PARTITION BY course_id ORDER BY h, user_id) AS in_course, count(*) OVER (PARTITION BY course_id) AS of_course,
		row_number() OVER (PARTITION BY user_id ORDER BY h, course_id) AS in_user, count(*) OVER (PARTITION BY user_id) AS of_user,
		row_number() OVER (PARTITION BY user_id ORDER BY rated_at DESC, h, course_id) AS from_end
	FROM (SELECT *, h(user_id || '/' || course_id || '/7'), h(user_id || '/7') AS u, h(course_id || '/7') AS c FROM school.ratings) r;

-- The parts of the split at hand; `now` has what is known of users when they ask.
CREATE TABLE school.learn (LIKE school.ratings);
CREATE TABLE school.held (LIKE school.ratings);
CREATE TABLE school.now (LIKE school.ratings);
SELECT register_dataset('now', 'school.now', 'school.courses', time_column => 'rated_at', genre_columns => '{white,black}',
	users => 'school.users', user_feature_columns => '{colour}');

CREATE FUNCTION school.part(split school.split) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE school.learn, school.held, school.now;
	EXECUTE format('INSERT INTO school.held SELECT user_id, course_id, rating, rated_at FROM school.drawn WHERE %s', split.held);
	EXECUTE format('INSERT INTO school.learn SELECT user_id, course_id, rating, rated_at FROM school.drawn WHERE NOT (%s) AND NOT (%s)',
		split.held, split.history);
	INSERT INTO school.now SELECT * FROM school.learn;
	PERFORM train_model('oracle ' || method, method, dataset => 'now') FROM recsys_methods();
	EXECUTE format('INSERT INTO school.now SELECT user_id, course_id, rating, rated_at FROM school.drawn WHERE NOT (%s) AND (%s)',
		split.held, split.history);
END $$;

-- ------------------------------------------------------------ the oracle

-- Values of a method for the parts at hand, by the formulas of the documentation, from what the model answers.
CREATE FUNCTION school.oracle(method text, k int, relevance float8, predicts boolean)
	RETURNS TABLE (metric text, value float8, users bigint, ratings bigint) LANGUAGE sql AS $$
WITH candidate AS (
	SELECT array_agg(DISTINCT course_id) AS ids FROM school.learn
), asker AS (
	SELECT h.user_id, count(*) FILTER (WHERE relevance IS NULL OR rating >= relevance) AS relevant,
		EXISTS (SELECT FROM school.now n WHERE n.user_id = h.user_id) AS known
	FROM school.held h GROUP BY 1
), list AS (
	SELECT a.user_id, a.relevant, r.rank, r.course_id, h.course_id IS NOT NULL AS hit,
		count(h.course_id) OVER (PARTITION BY a.user_id ORDER BY r.rank) AS hits
	FROM asker a CROSS JOIN candidate LEFT JOIN LATERAL recommend_courses(a.user_id, 'oracle ' || method, k, candidates => ids) r ON true
		LEFT JOIN school.held h ON h.user_id = a.user_id AND h.course_id = r.course_id AND (relevance IS NULL OR h.rating >= relevance)
	WHERE a.known AND a.relevant > 0
), one AS (
	SELECT user_id, count(*) FILTER (WHERE hit) / k::float8 AS "precision",
		count(*) FILTER (WHERE hit) / least(k, relevant)::float8 AS precision_capped,
		count(*) FILTER (WHERE hit) / relevant::float8 AS recall,
		coalesce(sum(ln(2) / ln(rank + 1::float8)) FILTER (WHERE hit), 0)
			/ (SELECT sum(ln(2) / ln(i + 1::float8)) FROM generate_series(1, least(k, relevant)) i) AS ndcg,
		coalesce(sum(hits / rank::float8) FILTER (WHERE hit), 0) / least(k, relevant) AS map,
		coalesce(1 / min(rank) FILTER (WHERE hit)::float8, 0) AS mrr, max(hit::int)::float8 AS hit,
		(SELECT avg(-log(2, (SELECT count(*) FROM school.learn l WHERE l.course_id = t.course_id)::numeric
			/ (SELECT count(DISTINCT l.user_id) FROM school.learn l))) FROM list t WHERE t.user_id = list.user_id)::float8 AS novelty
	FROM list GROUP BY user_id, relevant
), ranking AS (
	SELECT v.metric, avg(v.value) AS value, count(*) AS users
	FROM one, LATERAL (VALUES ('precision', "precision"), ('precision_capped', precision_capped), ('recall', recall),
		('ndcg', ndcg), ('map', map), ('mrr', mrr), ('hit', hit), ('novelty', novelty)) v (metric, value) GROUP BY 1
	UNION ALL
	SELECT 'coverage', count(DISTINCT course_id)::float8 / cardinality(ids), count(DISTINCT user_id)
	FROM list, candidate GROUP BY ids
	UNION ALL
	SELECT 'enrollment_share', (SELECT count(*) FROM school.learn WHERE course_id IN (SELECT course_id FROM list))::float8
		/ (SELECT count(*) FROM school.learn), (SELECT count(DISTINCT user_id) FROM list)
	UNION ALL
	SELECT 'cold_users', count(*), NULL FROM asker WHERE NOT known
	UNION ALL
	SELECT 'users_without_relevant', count(*), NULL FROM asker WHERE known AND relevant = 0
), predicted AS (
	SELECT user_id, rating::float8 AS a, predict_rating(user_id, course_id, 'oracle ' || method) AS p FROM school.held WHERE predicts
), error AS (
	SELECT v.metric, v.value FROM (SELECT sqrt(avg((p - a) ^ 2)), avg(abs(p - a)), avg((p - a) ^ 2),
			1 - sum((p - a) ^ 2) / nullif(sum(a ^ 2) - sum(a) ^ 2 / count(*), 0),
			(SELECT avg(rmse) FROM (SELECT sqrt(avg((p - a) ^ 2)) AS rmse FROM predicted GROUP BY user_id) u),
			avg(((a >= relevance) = (p >= relevance))::int)::float8
		FROM predicted) e (rmse, mae, mse, r2, rmse_user, accuracy),
		LATERAL (VALUES ('rmse', rmse), ('mae', mae), ('mse', mse), ('r2', r2), ('rmse_user', rmse_user), ('accuracy', accuracy)) v (metric, value)
)
SELECT metric, value, users, NULL FROM ranking
UNION ALL
SELECT metric, value, (SELECT count(DISTINCT user_id) FROM predicted), (SELECT count(*) FROM predicted) FROM error
WHERE predicts AND (metric <> 'accuracy' OR relevance IS NOT NULL) $$;

-- Where evaluation and oracle differ; nowhere.
CREATE FUNCTION school.differences(split school.split, k int, relevance float8)
	RETURNS TABLE (method text, metric text, evaluated float8, expected float8) LANGUAGE sql AS $$
	SELECT m.method, o.metric, e.value, o.value
	FROM recsys_methods() m CROSS JOIN LATERAL school.oracle(m.method, k, relevance, m.predicts_ratings) o
		LEFT JOIN LATERAL (SELECT * FROM evaluate_method(m.method, '{}', 'school', strategy => split.strategy, test_size => 0.3,
			folds => split.folds, k => k, relevance => relevance, random_state => 7, options => split.options) e
			WHERE e.fold IS NOT DISTINCT FROM split.fold) e ON e.metric = o.metric
	WHERE e.metric IS NULL OR abs(e.value - o.value) > 1e-5 OR (e.value IS NULL) <> (o.value IS NULL)
		OR e.users <> o.users OR e.ratings <> o.ratings $$;

CREATE FUNCTION school.same(s school.split) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM school.part(s);
	RETURN NEXT cmp_ok((SELECT count(*) FROM school.held), '>', 0::bigint, s.name || ': rows are held out');
	RETURN NEXT is_empty(format('SELECT * FROM school.differences(%L, 3, NULL)', s), s.name || ': evaluation is what the model answers');
	IF s.fold IS NULL THEN
		RETURN NEXT is_empty(format('SELECT * FROM school.differences(%L, 10, 4)', s), s.name || ': with a relevance of 4 and longer lists');
	END IF;
END $$;
SELECT same(s) FROM split s WHERE fold IS NULL OR fold = 2 ORDER BY name;
