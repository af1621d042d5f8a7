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

-- Methods that learn classes of ratings are evaluated by the classes that are asked for, so there is a model of each relevance.
CREATE FUNCTION school.learns_classes(method text) RETURNS boolean STABLE LANGUAGE sql AS
	$$ SELECT EXISTS (SELECT FROM recsys_method_params(learns_classes.method) WHERE param = 'relevance') $$;
CREATE FUNCTION school.oracle_model(method text, relevance float8) RETURNS text STABLE LANGUAGE sql AS
	$$ SELECT 'oracle ' || method || CASE WHEN school.learns_classes(method) THEN coalesce(' ' || relevance, '') ELSE '' END $$;

CREATE FUNCTION school.part(split school.split) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE school.learn, school.held, school.now;
	EXECUTE format('INSERT INTO school.held SELECT user_id, course_id, rating, rated_at FROM school.drawn WHERE %s', split.held);
	EXECUTE format('INSERT INTO school.learn SELECT user_id, course_id, rating, rated_at FROM school.drawn WHERE NOT (%s) AND NOT (%s)',
		split.held, split.history);
	INSERT INTO school.now SELECT * FROM school.learn;
	PERFORM train_model('oracle ' || method, method, dataset => 'now') FROM recsys_methods();
	PERFORM train_model(school.oracle_model(method, 4), method, '{"relevance": 4}', 'now') FROM recsys_methods()
		WHERE school.learns_classes(method);
	EXECUTE format('INSERT INTO school.now SELECT user_id, course_id, rating, rated_at FROM school.drawn WHERE NOT (%s) AND (%s)',
		split.held, split.history);
END $$;

-- ------------------------------------------------------------ the oracle

-- Values of a method for the parts at hand, by the formulas of the documentation, from what the model answers.
CREATE FUNCTION school.oracle(method text, k int, relevance float8, predicts boolean, options jsonb)
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
	FROM asker a CROSS JOIN candidate LEFT JOIN LATERAL recommend_courses(a.user_id, school.oracle_model(method, relevance), k,
			candidates => ids, options => options) r ON true
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
	SELECT user_id, rating::float8 AS a, predict_rating(user_id, course_id, school.oracle_model(method, relevance)) AS p FROM school.held WHERE predicts
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
WHERE predicts AND (metric <> 'accuracy' OR relevance IS NOT NULL AND NOT school.learns_classes(method)) $$;

-- Methods whose models can compare courses, as diversity wants
CREATE FUNCTION school.compares(method text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM recommend_courses(1, 'oracle ' || method, options => '{"diversity": 0.5}');
	RETURN true;
EXCEPTION WHEN feature_not_supported THEN
	RETURN false;
END $$;
SELECT part(s) FROM split s WHERE name = 'random';
CREATE TABLE school.comparing AS SELECT method, place FROM recsys_methods() WITH ORDINALITY m (method, description, objective,
	predicts_ratings, finds_similar, explains, stores_user_rows, has_factors, place) WHERE compares(method);
SELECT set_has('SELECT method FROM comparing', $$VALUES ('knn'), ('als'), ('user_profile')$$, 'courses are compared by knn, by factors, by genres');

-- Where evaluation and oracle differ; nowhere.
CREATE FUNCTION school.differences(split school.split, k int, relevance float8, asked jsonb DEFAULT '{}')
	RETURNS TABLE (method text, metric text, evaluated float8, expected float8) LANGUAGE sql AS $$
	SELECT m.method, o.metric, e.value, o.value
	FROM recsys_methods() m CROSS JOIN LATERAL school.oracle(m.method, k, relevance, m.predicts_ratings, asked) o
		LEFT JOIN LATERAL (SELECT * FROM evaluate_method(m.method, '{}', 'school', strategy => split.strategy, test_size => 0.3,
			folds => split.folds, k => k, relevance => relevance, random_state => 7, options => split.options || asked) e
			WHERE e.fold IS NOT DISTINCT FROM split.fold) e ON e.metric = o.metric
	WHERE (asked = '{}' OR m.method IN (SELECT method FROM school.comparing)) AND (e.metric IS NULL OR abs(e.value - o.value) > 1e-5 OR (e.value IS NULL) <> (o.value IS NULL)
		OR e.users <> o.users OR e.ratings <> o.ratings) $$;

CREATE FUNCTION school.same(s school.split) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM school.part(s);
	RETURN NEXT cmp_ok((SELECT count(*) FROM school.held), '>', 0::bigint, s.name || ': rows are held out');
	RETURN NEXT is_empty(format('SELECT * FROM school.differences(%L, 3, NULL)', s), s.name || ': evaluation is what the model answers');
	IF s.fold IS NULL THEN
		RETURN NEXT is_empty(format('SELECT * FROM school.differences(%L, 10, 4)', s), s.name || ': with a relevance of 4 and longer lists');
	END IF;
	IF s.name IN ('random', 'user, fold 2') THEN
		RETURN NEXT is_empty(format('SELECT * FROM school.differences(%L, 3, NULL, %L)', s, '{"diversity": 0.7}'), s.name || ': with diversity');
	END IF;
END $$;
SELECT same(s) FROM split s WHERE fold IS NULL OR fold = 2 ORDER BY name;

-- ------------------------------------------------------------ a table of held-out ratings

-- All metrics of the same rows, drawn and given, to the ninth digit (unknown users are added up last)
CREATE FUNCTION school.digits(float8) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT round($1::numeric, 9) $$;
CREATE TABLE school.drawn_answer AS
	SELECT s.name, e.* FROM split s, recsys_methods() m, evaluate_method(m.method, '{}', 'school', strategy => s.strategy, test_size => 0.3,
		k => 3, relevance => 4, random_state => 7, options => s.options) e WHERE s.fold IS NULL AND s.strategy <> 'user';
SELECT is((SELECT count(DISTINCT (name, method)) FROM drawn_answer), (SELECT 6 * count(*) FROM recsys_methods()),
	'every method answers under every strategy');
SELECT is((SELECT count(*) FROM drawn_answer GROUP BY name, method ORDER BY 1 LIMIT 1), 15::bigint,
	'every method has all ranking metrics');

CREATE FUNCTION school.same_as_table(s school.split) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM school.part(s);
	RETURN is_empty(format($q$
		SELECT metric, digits(value), digits(baseline), baseline_method, users, ratings FROM drawn_answer WHERE name = %1$L
		EXCEPT SELECT metric, digits(value), digits(baseline), baseline_method, users, ratings
		FROM recsys_methods() m, evaluate_method(m.method, '{}', 'now', test => 'held', k => 3, relevance => 4)$q$, s.name),
		s.name || ': the same as a table of its rows');
END $$;
SELECT same_as_table(s) FROM split s WHERE fold IS NULL AND strategy <> 'user' ORDER BY name;

-- The dataset may hold the rows as well: they are not learned from. Neither are they with other ratings.
SELECT part(s) FROM split s WHERE name = 'random';
CREATE TABLE school.held_other AS SELECT user_id, course_id, rating * 0 + 5 AS rating FROM school.held;
SELECT is_empty($$SELECT metric, digits(value), digits(baseline), users FROM recsys_methods() m, evaluate_method(m.method, '{}', 'school', test => 'held')
	EXCEPT SELECT metric, digits(value), digits(baseline), users FROM recsys_methods() m, evaluate_method(m.method, '{}', 'now', test => 'held')$$,
	'held-out rows within the dataset are removed from what is learned');
SET LOCAL client_min_messages = error;
SELECT is_empty($$SELECT metric, digits(value) FROM recsys_methods() m, evaluate_method(m.method, '{}', 'school', test => 'held_other') WHERE k > 0
	EXCEPT SELECT metric, digits(value) FROM recsys_methods() m, evaluate_method(m.method, '{}', 'now', test => 'held') WHERE k > 0$$,
	'also where they have other ratings');
SET LOCAL client_min_messages = warning;

-- Unknown users and courses, a user without history, other types, a temporary table, a view
CREATE TEMP TABLE strange AS SELECT user_id::bigint, course_id::varchar, rating::numeric FROM school.held
	UNION ALL VALUES (999, 'c01', 5), (998, 'nowhere', 3), (1, 'nowhere', 4), (21, 'c05', 2);
CREATE TEMP VIEW held_view AS SELECT rating, course_id, user_id, 'x' AS other FROM pg_temp.strange;
SELECT results_eq($$SELECT metric, value FROM evaluate_method('knn', '{}', 'now', test => 'strange')
	WHERE metric IN ('cold_users', 'users_without_relevant')$$, $$VALUES ('cold_users', 3::float8), ('users_without_relevant', 0)$$,
	'unknown users, and users without ratings, are counted');
SELECT is((SELECT ratings FROM evaluate_method('knn', '{}', 'now', test => 'strange') WHERE metric = 'rmse'), count(*),
	'and their ratings are predicted') FROM strange;
SELECT is_empty($$SELECT metric, value, baseline FROM evaluate_method('knn', '{}', 'now', test => 'strange')
	EXCEPT SELECT metric, value, baseline FROM evaluate_method('knn', '{}', 'now', test => 'held_view')$$, 'a view of them is the same');
SELECT cmp_ok(a.value, '<', b.value, 'a held-out course that nobody can recommend counts in recall')
FROM evaluate_method('knn', '{}', 'now', test => 'strange', k => 100) a, evaluate_method('knn', '{}', 'now', test => 'held', k => 100) b
WHERE a.metric = 'recall' AND b.metric = 'recall';

-- ------------------------------------------------------------ folds, baselines

CREATE TABLE school.folded AS SELECT * FROM evaluate_method('knn', '{}', 'school', strategy => 'random', folds => 4, relevance => 4, random_state => 7);
SELECT results_eq($$SELECT DISTINCT fold FROM folded ORDER BY 1$$, '{1,2,3,4,NULL}'::int[], 'each fold, then all of them');
SELECT is_empty($$SELECT * FROM folded WHERE fold IS NOT NULL AND std IS NOT NULL$$, 'one fold has no deviation');
SELECT is_empty($$SELECT f.metric FROM folded a JOIN (SELECT metric, avg(value) AS value, stddev_samp(value) AS std, sum(users) AS users,
			sum(ratings) AS ratings, avg(baseline) AS baseline, min(baseline_method) AS method FROM folded WHERE fold IS NOT NULL GROUP BY 1) f USING (metric)
	WHERE a.fold IS NULL AND (digits(a.value) <> digits(f.value) OR digits(a.std) <> digits(f.std) OR a.users <> f.users OR a.ratings <> f.ratings
		OR a.baseline_method = 'popular' AND digits(a.baseline) <> digits(f.baseline))$$, 'all folds: mean, deviation, sums');
SELECT is((SELECT sum(ratings) FROM folded WHERE metric = 'rmse' AND fold IS NOT NULL), (SELECT count(*) FROM school.ratings)::numeric,
	'folds hold out every row once');
SELECT is_empty($$SELECT metric, fold FROM evaluate_method('popular', '{}', 'school', strategy => 'random', folds => 4, relevance => 4, random_state => 7) p
	JOIN folded f USING (metric, fold) WHERE digits(p.value) <> digits(f.baseline) AND p.k > 0$$, 'the baseline of ranking is popular');
SELECT part(s) FROM split s WHERE name = 'random';
SELECT cmp_ok((SELECT abs(baseline - least_error) FROM evaluate_method('knn', '{}', 'now', test => 'held') WHERE metric = metric_name), '<', 1e-6::float8,
	metric_name || ': the best of four trivial predictions')
FROM (SELECT unnest('{rmse,mae}'::text[]) AS metric_name, unnest(ARRAY[min(rmse), min(mae)]) AS least_error FROM (
	SELECT b, sqrt(avg((v - rating) ^ 2)) AS rmse, avg(abs(v - rating)) AS mae
	FROM (SELECT rating, course_id, user_id FROM held) h,
		LATERAL (SELECT (SELECT avg(rating) FROM learn) AS g, (SELECT avg(rating) FROM learn l WHERE l.user_id = h.user_id) AS u,
			(SELECT avg(rating) FROM learn l WHERE l.course_id = h.course_id) AS c) m,
		LATERAL (VALUES ('global', g), ('user', coalesce(u, g)), ('course', coalesce(c, g))) x (b, v) GROUP BY 1
	UNION ALL
	-- The bias of the model: a knn without neighbours, which answers with its baseline
	SELECT 'bias', sqrt(avg((p - rating) ^ 2)), avg(abs(p - rating)) FROM (SELECT rating, predict_rating(user_id, course_id, 'lonely') AS p
		FROM held, (SELECT train_model('lonely', 'knn', '{"min_support": 1000}', 'now')) t) p) b) e;

-- ------------------------------------------------------------ diversity

CREATE TABLE school.diverse AS SELECT d, e.* FROM unnest('{0,0.5,1}'::float8[]) d, comparing c, evaluate_method(c.method, '{}', 'school',
	strategy => 'random', test_size => 0.3, k => 3, random_state => 7, options => jsonb_build_object('diversity', d)) e;
SELECT is_empty($$SELECT method, metric, value, baseline FROM diverse WHERE d = 0 EXCEPT SELECT e.method, metric, value, baseline
	FROM comparing c, evaluate_method(c.method, '{}', 'school', strategy => 'random', test_size => 0.3, k => 3, random_state => 7) e$$,
	'no diversity is the default');
SELECT is_empty($$SELECT method, metric, count(DISTINCT (value, baseline)) FROM diverse WHERE k IS NULL OR metric = 'auc' GROUP BY 1, 2
	HAVING count(DISTINCT (value, baseline)) > 1$$, 'diversity changes neither errors nor the AUC');
SELECT is_empty($$SELECT method, metric FROM diverse WHERE k > 0 GROUP BY 1, 2 HAVING count(DISTINCT baseline) > 1$$, 'nor the baseline');
SELECT cmp_ok(avg(value) FILTER (WHERE d = 1), '>', avg(value) FILTER (WHERE d = 0), 'lists are more diverse on the whole')
FROM diverse WHERE metric = 'diversity';
SELECT cmp_ok(avg(value) FILTER (WHERE d = 1), '<', avg(value) FILTER (WHERE d = 0), 'and hit less')
FROM diverse WHERE metric = 'ndcg';
SELECT is((SELECT array_agg(e::text) FROM compare_methods('{knn,als}', dataset => 'school', options => '{"diversity": 0.3}') e),
	(SELECT array_agg(e::text) FROM unnest('{knn,als}'::text[]) m, evaluate_method(m, dataset => 'school', options => '{"diversity": 0.3}') e),
	'compare_methods has diversity');
SELECT is((SELECT max(value) FROM tune_method('als', '{}', 'school', strategy => 'random', random_state => 7, options => '{"diversity": 0.8}')
		WHERE metric = 'ndcg'), (SELECT value FROM evaluate_method('als', '{}', 'school', strategy => 'random', random_state => 7,
		options => '{"diversity": 0.8}') WHERE metric = 'ndcg'), 'so has tune_method');

-- ------------------------------------------------------------ models, comparisons

SELECT is((SELECT count(*) FROM train_model('mine', 'knn', '{"neighbors": 3, "shrinkage": 5}', 'school')), 1::bigint, 'a model');
SELECT results_eq($$SELECT * FROM evaluate_model('mine', strategy => 'course', folds => 2, k => 3)$$,
	$$SELECT * FROM evaluate_method('knn', '{"neighbors": 3, "shrinkage": 5}', 'school', strategy => 'course', folds => 2, k => 3)$$,
	'evaluate_model has the method and parameters of the model');
SELECT isnt((SELECT params FROM evaluate_model('mine') LIMIT 1), (SELECT params FROM evaluate_method('knn', dataset => 'school') LIMIT 1),
	'which the column params shows');
SELECT is((SELECT params FROM evaluate_model('mine') LIMIT 1), (SELECT params FROM recsys_models WHERE model = 'mine'), 'as recsys_models does');
SELECT results_eq($$SELECT * FROM evaluate_model('mine', options => '{"diversity": 0.4}')$$,
	$$SELECT * FROM evaluate_method('knn', '{"neighbors": 3, "shrinkage": 5}', 'school', options => '{"diversity": 0.4}')$$, 'with diversity, too');
CREATE TABLE school.own_params AS SELECT jsonb_object_agg(method, '{"random_state": 5}'::jsonb) AS params
	FROM recsys_methods() WHERE method LIKE '%o%';
SELECT is_empty(format($$(SELECT c::text FROM compare_methods(%1$L, %2$L, 'school', k => 3) c EXCEPT SELECT e::text FROM recsys_methods() m,
	evaluate_method(m.method, coalesce(%2$L::jsonb -> m.method, '{}'), 'school', k => 3) e)$$, (SELECT array_agg(method ORDER BY method) FROM recsys_methods()),
	params), 'compare_methods is evaluate_method for each method') FROM own_params;
SELECT is((SELECT array_agg(DISTINCT params -> 'random_state') FROM compare_methods(ARRAY(SELECT method FROM recsys_methods()), params, 'school')
	WHERE method LIKE '%o%'), '{5}'::jsonb[], 'each with its parameters') FROM own_params;
SET LOCAL course_recsys.threads = 1;
CREATE TABLE school.one_thread AS SELECT e::text FROM recsys_methods() m, evaluate_method(m.method, '{}', 'school', strategy => 'course', folds => 3) e;
SET LOCAL course_recsys.threads = 4;
SELECT is_empty($$SELECT e FROM one_thread EXCEPT SELECT e::text FROM recsys_methods() m,
	evaluate_method(m.method, '{}', 'school', strategy => 'course', folds => 3) e$$, 'the same bytes with four threads as with one');
RESET course_recsys.threads;

-- ------------------------------------------------------------ tuning

CREATE TABLE school.tuned AS SELECT row_number() OVER () AS nr, t.*
	FROM tune_method('knn', '{"neighbors": [1, 2, 3], "shrinkage": [0, 10], "similarity": "jaccard"}', 'school', strategy => 'random',
		test_size => 0.3, k => 3, random_state => 7) t;
SELECT is((SELECT count(*) FROM tuned WHERE metric = 'validation_ndcg'), 6::bigint, 'a row for every combination');
SELECT is((SELECT count(DISTINCT (params -> 'neighbors', params -> 'shrinkage')) FROM tuned), 6::bigint, 'each once');
SELECT is((SELECT array_agg(DISTINCT params ->> 'similarity') FROM tuned), '{jaccard}', 'a single value is that of all');
SELECT is((SELECT array_agg(value ORDER BY nr) FROM tuned WHERE metric = 'validation_ndcg'),
	(SELECT array_agg(value ORDER BY value DESC) FROM tuned WHERE metric = 'validation_ndcg'), 'the best first');
SELECT is_empty($$SELECT method, params, metric, k, value, baseline FROM tuned WHERE metric NOT LIKE 'validation%'
	EXCEPT SELECT method, params, metric, k, value, baseline FROM evaluate_method('knn', (SELECT params FROM tuned WHERE nr = 1), 'school',
		strategy => 'random', test_size => 0.3, k => 3, random_state => 7)$$, 'then what evaluate_method says of the best');
SELECT part(s) FROM split s WHERE name = 'random';
SELECT is_empty($$SELECT params, digits(value), users FROM tuned WHERE metric = 'validation_ndcg'
	EXCEPT SELECT t.params, digits(e.value), e.users FROM tuned t, evaluate_method('knn', t.params, 'now', strategy => 'random', test_size => 0.3,
		k => 3, random_state => 8) e WHERE t.metric = 'validation_ndcg' AND e.metric = 'ndcg'$$,
	'validation holds out rows of the training part, drawn with random_state + 1');
SELECT results_eq($$SELECT params, metric, digits(value), users FROM tune_method('knn', '{"neighbors": [1, 2, 3], "shrinkage": [0, 10], "similarity": "jaccard"}',
		'now', test => 'held', strategy => 'random', test_size => 0.3, k => 3, random_state => 7)$$,
	'SELECT params, metric, digits(value), users FROM tuned ORDER BY nr', 'a table of held-out ratings: the strategy draws the validation');
SELECT is((SELECT count(*) FROM tune_method('knn', '{"neighbors": [1, 2]}', 'school', strategy => 'random', folds => 3, metric => 'mae') WHERE metric LIKE 'valid%'
	AND metric = 'validation_mae' AND std IS NOT NULL), 2::bigint, 'folds are those of the validation');
SELECT ok(array_agg(value) = array_agg(value ORDER BY value), 'an error is best when it is least')
	FROM tune_method('knn', '{"neighbors": [1, 2, 5]}', 'school', strategy => 'random', metric => 'rmse') WHERE metric = 'validation_rmse';
CREATE FUNCTION school.sampled(n int, seed int) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg((params -> 'neighbors')::text || '/' || (params -> 'shrinkage'), ' ' ORDER BY params) FROM tune_method('knn',
		'{"neighbors": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "shrinkage": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]}', 'school', strategy => 'leave_k_out',
		random_state => seed, options => jsonb_build_object('samples', n)) WHERE metric = 'validation_ndcg' $$;
SELECT is(sampled(8, 1), sampled(8, 1), 'a random part of the grid: the same for the same seed');
SELECT isnt(sampled(8, 1), sampled(8, 2), 'another for another');
SELECT is((SELECT count(DISTINCT combination) FROM regexp_split_to_table(sampled(60, 3), ' ') combination), 60::bigint, 'no combination twice');
SELECT is((SELECT count(*) FROM tune_method('knn', '{"neighbors": [1, 2]}', 'school', options => '{"samples": 50}') WHERE metric LIKE 'val%'), 2::bigint,
	'a grid that is smaller than the samples is tried whole');
SELECT is((SELECT count(*) FROM tune_method('knn', '{}', 'school') WHERE metric LIKE 'val%'), 1::bigint, 'an empty grid has the defaults');
SELECT is((SELECT count(DISTINCT params -> 'ngram_range') FROM tune_method('course_similarity', '{"ngram_range": [[1, 1], [1, 2], [1, 1]], "min_df": [1, 2]}',
	'school') WHERE metric LIKE 'val%'), 2::bigint, 'a parameter may itself be an array');
SELECT is_empty($$SELECT t.params FROM tune_method('course_similarity', '{"ngram_range": [[1, 1], [1, 3], [2, 2]]}', 'now', strategy => 'random') t,
		evaluate_method('course_similarity', t.params, 'now', strategy => 'random') e
	WHERE t.metric = e.metric AND t.metric NOT LIKE 'val%' AND t.value <> e.value$$, 'words are read as each combination wants them');
SET LOCAL client_min_messages = error;
SELECT is((SELECT count(*) FROM tune_method(method, jsonb_build_object('learning_rate', ARRAY[default_value::float8, max_value]), 'school', strategy => 'random')
	WHERE metric LIKE 'val%'), 2::bigint, method || ': steps that are too large end their combination, not the tuning')
FROM recsys_methods() m, recsys_method_params(m.method) p WHERE p.param = 'learning_rate' AND p.default_value <> 'null';
SET LOCAL client_min_messages = warning;

-- ------------------------------------------------------------ errors

SELECT raises(replace($$SELECT * FROM evaluate_method('knn', dataset => 'school', $$ || args || ')', '$$', ''), state, message, hint, args) FROM (VALUES
	($$strategy => 'weekly'$$, '22023', 'unrecognized strategy: "weekly"', '%"random", "user", "course", "leave_k_out", "time"%'),
	($$strategy => 'random '$$, '22023', 'unrecognized strategy%', NULL),
	($$strategy => ''$$, '22023', 'unrecognized strategy%', NULL),
	($$test_size => 0$$, '22023', 'argument "test_size" must be%', NULL),
	($$test_size => 1$$, '22023', 'argument "test_size" must be%', NULL),
	($$test_size => 'NaN'$$, '22023', 'argument "test_size" must be%', NULL),
	($$test_size => NULL$$, '22004', '%"test_size"%', NULL),
	($$folds => 0$$, '22023', '%"folds"%at least 1%', NULL),
	($$folds => 101$$, '22023', '%"folds"%at most 100%', NULL),
	($$folds => 2147483647$$, '22023', '%"folds"%', NULL),
	($$folds => NULL$$, '22004', '%"folds"%', NULL),
	($$folds => 2$$, '22023', '%by time%', '%folds%'),
	($$strategy => 'leave_k_out', folds => 2, options => '{"latest": true}'$$, '22023', NULL, NULL),
	($$k => 0$$, '22023', '%"k"%', NULL),
	($$k => 1001$$, '22023', '%"k"%', NULL),
	($$k => NULL$$, '22004', '%"k"%', NULL),
	($$relevance => 'NaN'$$, '22023', '%"relevance"%', NULL),
	($$relevance => 'infinity'$$, '22023', '%"relevance"%', NULL),
	($$random_state => NULL$$, '22004', '%"random_state"%', NULL),
	($$params => NULL$$, '22004', '%"params"%', NULL),
	($$params => '{"no_such": 1}'$$, '22023', '%"no_such"%', NULL),
	($$options => NULL$$, '22004', '%"options"%', NULL),
	($$options => '[]'$$, '22023', '%"options"%object%', NULL),
	($$options => '{"no_such": 1}'$$, '22023', 'unrecognized option "no_such"', '%"store", "leave_k", "latest", "graded", "diversity"%'),
	($$options => '{"samples": 1}'$$, '22023', 'unrecognized option "samples"', NULL),
	($$options => '{"store": 1}'$$, '22023', 'option "store" must be true or false', NULL),
	($$options => '{"diversity": 1.01}'$$, '22023', 'option "diversity" must be%', NULL),
	($$options => '{"diversity": -0.1}'$$, '22023', 'option "diversity" must be%', NULL),
	($$options => '{"diversity": "much"}'$$, '22023', 'option "diversity" must be%', NULL),
	($$options => '{"diversity": null}'$$, '22023', 'option "diversity" must be%', NULL),
	($$options => '{"diversity": 0.5}', params => '{"user_based": true}'$$, '0A000', 'method "knn" cannot compare courses with these parameters', '%user_based%'),
	($$options => '{"graded": null}'$$, '22023', 'option "graded" must be%', NULL),
	($$options => '{"leave_k": 0}'$$, '22023', 'option "leave_k" must be%', NULL),
	($$options => '{"leave_k": 1.5}'$$, '22023', 'option "leave_k" must be%', NULL),
	($$options => '{"leave_k": 1e99}'$$, '22023', 'option "leave_k" must be%', NULL),
	($$options => '{"leave_k": 100}', strategy => 'leave_k_out'$$, '22000', '%held out%', NULL),
	($$test => 'held', strategy => 'random'$$, '22023', '%"strategy"%"test"%', NULL),
	($$test => 'held', folds => 2$$, '22023', '%"folds"%"test"%', NULL),
	($$test => 0$$, '42P01', '%"test"%', NULL),
	($$test => 'school.users'$$, '42703', '%"user_id"%school.users%', '%"user_id", "course_id", "rating"%'),
	($$test => 'school.ratings_user_id_idx'$$, '42809', NULL, NULL),
	($$test => 'school.ratings'$$, '22000', NULL, NULL)) v (args, state, message, hint);
SELECT raises(format($$SELECT * FROM evaluate_method(%L, dataset => 'school', options => '{"diversity": 0.5}')$$, method), '0A000',
	format('method "%s" cannot compare courses for option "diversity"', method),
	(SELECT format('Methods that can are %s.', string_agg(format('"%s"', method), ', ' ORDER BY place)) FROM comparing), method || ': no diversity')
FROM recsys_methods() WHERE method NOT IN (SELECT method FROM comparing);
SELECT raises($$SELECT * FROM compare_methods('{knn,popular}', dataset => 'school', options => '{"diversity": 0.5}')$$, '0A000', '%"popular"%', NULL,
	'one of the methods cannot compare courses');
SELECT raises($$SELECT * FROM evaluate_method('nonesuch', dataset => 'school')$$, '22023', '%"nonesuch"%', '%"knn"%', 'unknown method');
SELECT raises($$SELECT * FROM evaluate_method(NULL, dataset => 'school')$$, '22004', '%"method"%', NULL, 'null method');
SELECT raises($$SELECT * FROM evaluate_method('knn', dataset => 'nonesuch')$$, '42704', '%"nonesuch"%', NULL, 'unknown dataset');
SELECT raises($$SELECT * FROM evaluate_model('nonesuch')$$, '42704', '%"nonesuch"%', NULL, 'unknown model');
SELECT raises($$SELECT * FROM compare_methods(NULL, dataset => 'school')$$, '22004', '%"methods"%', NULL, 'null methods');
SELECT raises($$SELECT * FROM compare_methods('{}', dataset => 'school')$$, '22023', '%"methods"%empty%', NULL, 'no methods');
SELECT raises($$SELECT * FROM compare_methods('{knn,NULL}', dataset => 'school')$$, '22004', '%"methods"%', NULL, 'a null method');
SELECT raises($$SELECT * FROM compare_methods('{{knn},{popular}}', dataset => 'school')$$, '2202E', '%"methods"%', NULL, 'two dimensions');
SELECT raises($$SELECT * FROM compare_methods('{knn,nonesuch}', dataset => 'school')$$, '22023', '%"nonesuch"%', '%"knn"%', 'an unknown one');
SELECT raises($$SELECT * FROM compare_methods('{knn,knn}', dataset => 'school')$$, '22023', '%"knn"%more than once', '%tune_method%', 'one twice');
SELECT raises($$SELECT * FROM compare_methods('{knn}', '{"popular": {}}', 'school')$$, '22023', '%"popular"%', NULL, 'parameters of another');
SELECT raises($$SELECT * FROM compare_methods('{knn}', '{"knn": [1]}', 'school')$$, '22023', '%"knn"%object', NULL, 'parameters that are none');
SELECT raises($$SELECT * FROM compare_methods('{knn}', '{"knn": {"no_such": 1}}', 'school')$$, '22023', '%"no_such"%', NULL, 'an unknown parameter');
SELECT raises(format('SELECT * FROM tune_method(''knn'', %s)', args), state, message, hint, args) FROM (VALUES
	($$NULL, 'school'$$, '22004', '%"grid"%', NULL),
	($$'[1]', 'school'$$, '22023', '%"grid"%object%', NULL),
	($$'{"neighbors": []}', 'school'$$, '22023', '%"neighbors"%no values', NULL),
	($$'{"no_such": [1]}', 'school'$$, '22023', '%"no_such"%', NULL),
	($$'{"neighbors": [1, 0]}', 'school'$$, '22023', '%"neighbors"%', NULL),
	($$'{"neighbors": [1, [2]]}', 'school'$$, '22023', '%"neighbors"%', NULL),
	($$'{"neighbors": [{"a": 1}]}', 'school'$$, '22023', '%"neighbors"%', NULL),
	($$'{"neighbors": [1], "k": [1]}', 'school'$$, '22023', '%"neighbors"%more than once', NULL),
	($$'{"neighbors": [1]}', 'school', metric => 'nonesuch'$$, '22023', 'unrecognized metric: "nonesuch"', '%"rmse"%"ndcg"%'),
	($$'{"neighbors": [1]}', 'school', metric => 'users_without_relevant'$$, '22023', 'unrecognized metric%', '%"rmse"%"ndcg"%'),
	($$'{"neighbors": [1]}', 'school', metric => 'accuracy'$$, '22023', '%relevance%', NULL),
	($$'{"neighbors": [1]}', 'school', options => '{"samples": 0}'$$, '22023', 'option "samples"%1 to 1000', NULL),
	($$'{"neighbors": [1]}', 'school', options => '{"samples": 1001}'$$, '22023', 'option "samples"%1 to 1000', NULL)) v (args, state, message, hint);
SELECT raises(format($$SELECT * FROM tune_method('knn', '{"neighbors": %1$s, "shrinkage": %1$s}', 'school')$$, list), '54000', '%more than 1000%', '%samples%',
	'too many combinations') FROM (SELECT jsonb_agg(i) AS list FROM generate_series(1, 32) i) l;
SELECT raises(format($$SELECT * FROM tune_method('knn', '{"neighbors": %1$s, "table_size": %1$s, "shrinkage": %1$s, "min_support": %1$s, "random_state": %1$s, "keep_versions": %1$s}',
	'school')$$, list), '54000', '%more than 1000%', '%samples%', 'more than 2^63') FROM (SELECT jsonb_agg(i) AS list FROM generate_series(1, 2000) i) l;
SELECT raises($$SELECT * FROM tune_method('popular', '{}', 'school', metric => 'rmse')$$, '22023', NULL, NULL, 'a method that does not predict, tuned by its error');

-- Values in the table of held-out ratings are checked as those of the dataset.
CREATE TABLE school.bad (user_id int, course_id text, rating float8);
SELECT raises($$SELECT * FROM evaluate_method('knn', dataset => 'school', test => 'school.bad')$$, '22000', 'there are no ratings in relation school.bad%',
	NULL, 'an empty table');
CREATE FUNCTION school.bad_row(row_text text, state text, message text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE school.bad;
	EXECUTE 'INSERT INTO school.bad VALUES ' || row_text;
	RETURN raises($q$SELECT * FROM evaluate_method('knn', dataset => 'school', test => 'school.bad')$q$, state, message, NULL, 'a held-out row ' || row_text);
END $$;
SELECT bad_row('(NULL, ''c01'', 1)', '22004', '%"user_id"%school.bad%');
SELECT bad_row('(1, NULL, 1)', '22004', '%"course_id"%school.bad%');
SELECT bad_row('(1, ''c01'', NULL)', '22004', '%"rating"%school.bad%');
SELECT bad_row('(1, ''c01'', ''NaN'')', '22000', '%"rating"%school.bad%');
SELECT bad_row('(1, ''c01'', ''infinity'')', '22000', '%"rating"%school.bad%');
ALTER TABLE school.bad ALTER user_id TYPE text;
SELECT raises($$SELECT * FROM evaluate_method('knn', dataset => 'school', test => 'school.bad')$$, '42804', '%"user_id"%school.bad%text%', NULL,
	'a key of another type');
ALTER TABLE school.bad ALTER user_id TYPE int USING user_id::int, ALTER rating TYPE text;
SELECT raises($$SELECT * FROM evaluate_method('knn', dataset => 'school', test => 'school.bad')$$, '42804', '%"rating"%school.bad%text%', NULL,
	'a rating that is no number');

SET LOCAL course_recsys.max_memory = '100kB';
SELECT raises($$SELECT * FROM evaluate_method('knn', dataset => 'school')$$, '53400', NULL, '%course_recsys.max_memory%', 'data beyond the limit of memory');
RESET course_recsys.max_memory;

-- ------------------------------------------------------------ data with little in them

CREATE TABLE school.enrolled AS SELECT user_id, course_id FROM school.ratings;
SELECT register_dataset('implicit', 'school.enrolled', rating_column => NULL);
SELECT is_empty($$SELECT * FROM evaluate_method('knn', dataset => 'implicit') WHERE metric IN ('rmse', 'mae', 'accuracy')$$, 'implicit ratings have no error');
SELECT isnt_empty($$SELECT * FROM evaluate_method('knn', dataset => 'implicit') WHERE metric = 'ndcg' AND value > 0$$, 'but a ranking');
SELECT raises($$SELECT * FROM tune_method('knn', '{}', 'implicit', metric => 'rmse')$$, '22023', NULL, NULL, 'tuning by an error that there is none of');
CREATE TABLE school.enrolled_some AS SELECT user_id, course_id FROM school.held;
SELECT is((SELECT count(*) FROM evaluate_method('knn', dataset => 'implicit', test => 'school.enrolled_some') WHERE metric = 'recall' AND value > 0), 1::bigint,
	'held-out rows of implicit ratings need no rating');
-- One user; users who come once; one course; equal ratings
CREATE TABLE school.few (user_id int, course_id text, rating real);
SELECT register_dataset('few', 'school.few');
CREATE FUNCTION school.few_rows(rows text, what text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	m record;
	odd text[] := '{}';
	state text;
BEGIN
	TRUNCATE school.few;
	EXECUTE 'INSERT INTO school.few ' || rows;
	FOR m IN SELECT method, strategy FROM recsys_methods(), unnest('{random,user,course,leave_k_out}'::text[]) strategy LOOP
		BEGIN
			PERFORM * FROM evaluate_method(m.method, dataset => 'few', strategy => m.strategy, test_size => 0.4);
		EXCEPTION WHEN data_exception OR object_not_in_prerequisite_state THEN
			NULL;
		WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE;
			odd := odd || format('%s, %s: %s %s', m.method, m.strategy, state, SQLERRM);
		END;
	END LOOP;
	RETURN NEXT is(odd, '{}', what || ': an answer or an error that says why');
END $$;
SET LOCAL client_min_messages = error;
SELECT few_rows('SELECT 1, i::text, i FROM generate_series(1, 20) i', 'one user');
SELECT few_rows('SELECT i, (i % 5)::text, i % 3 FROM generate_series(1, 20) i', 'users who come once');
SELECT few_rows('SELECT i, ''only'', i % 3 FROM generate_series(1, 20) i', 'one course');
SELECT few_rows('SELECT i % 7, (i / 7)::text, 3 FROM generate_series(1, 50) i', 'equal ratings');
SELECT few_rows('VALUES (1, ''a'', 1)', 'one rating');
SELECT few_rows('SELECT i % 7, (i / 7)::text, -i FROM generate_series(1, 50) i', 'negative ratings');
-- No user with a history: values are null, users are counted.
CREATE TABLE school.newcomers AS SELECT 1000 + i AS user_id, 'c01'::text AS course_id, 4 AS rating FROM generate_series(1, 5) i;
SELECT results_eq($$SELECT value, users FROM evaluate_method('knn', dataset => 'school', test => 'school.newcomers') WHERE metric = 'ndcg'$$,
	'VALUES (NULL::float8, 0::bigint)', 'nobody to rank for: no value');
SELECT is((SELECT value FROM evaluate_method('knn', dataset => 'school', test => 'school.newcomers') WHERE metric = 'cold_users'), 5::float8, 'but counted');
SELECT few_rows('SELECT i, (i % 2)::text, 1 FROM generate_series(1, 10) i', 'one rating each');
SELECT raises($$SELECT * FROM tune_method('knn', '{"neighbors": [1, 2]}', 'few', strategy => 'leave_k_out')$$, '22000', NULL, NULL,
	'tuning where nothing can be held out of the training part');
SET LOCAL client_min_messages = warning;

-- ------------------------------------------------------------ storing

SELECT is((SELECT count(*) FROM recsys_evaluations), 0::bigint, 'nothing is stored unasked');
CREATE TABLE school.answer AS SELECT * FROM evaluate_method('knn', '{"neighbors": 5}', 'school', strategy => 'random', folds => 2, relevance => 3.5,
	random_state => -5, options => '{"store": true, "graded": true, "diversity": 0.25}');
SELECT bag_eq('SELECT method, params, metric, k, value, std, baseline, baseline_method, users, ratings, fold FROM recsys_evaluations', 'SELECT * FROM answer',
	'what is stored is the answer, to the last digit');
SELECT results_eq($$SELECT DISTINCT command, owner, dataset, test, strategy, test_size, folds, relevance, random_state, options, seconds > 0, evaluated_at <= clock_timestamp()
	FROM recsys_evaluations$$, $$VALUES ('evaluate_method', current_user::text COLLATE "default", 'school', NULL::text, 'random', 0.2::float8, 2, 3.5::float8, -5, '{"graded": true, "diversity": 0.25}'::jsonb, true, true)$$,
	'and how it came about');
CREATE TABLE school.stored AS
	SELECT 'tune_method' AS command, t::text FROM tune_method('knn', '{"neighbors": [1, 2]}', 'now', test => 'held', options => '{"store": true}') t
	UNION ALL
	SELECT 'compare_methods', c::text FROM compare_methods('{knn,popular}', dataset => 'now', options => '{"store": true}') c
	UNION ALL
	SELECT 'evaluate_model', e::text FROM evaluate_model('mine', options => '{"store": true}') e;
SELECT bag_eq($$SELECT command, row(method, params, metric, k, value, std, baseline, baseline_method, users, ratings, fold)::text FROM recsys_evaluations
	WHERE command <> 'evaluate_method'$$, 'SELECT * FROM stored', 'all four functions store');
SELECT results_eq($$SELECT DISTINCT command, dataset, test, strategy, relevance FROM recsys_evaluations WHERE command <> 'evaluate_method' ORDER BY 1$$,
	$$VALUES ('compare_methods', 'now', NULL, 'time', NULL::float8), ('evaluate_model', 'school', NULL, 'time', NULL),
	('tune_method', 'now', 'school.held', NULL, NULL)$$, 'with the table or the strategy that was taken');
SELECT raises($$SELECT * FROM evaluate_method('knn', dataset => 'now', test => 'strange', options => '{"store": true}')$$, '42809', '%temporary%', NULL,
	'what was measured on a temporary table is not stored');

-- Who may see and delete it
CREATE ROLE evaluation_owner;
CREATE ROLE evaluation_reader;
CREATE ROLE evaluation_stranger;
GRANT USAGE ON SCHEMA recsys, school TO PUBLIC;
GRANT SELECT ON school.ratings, school.courses, school.users TO evaluation_owner, evaluation_reader;
GRANT SELECT (user_id, course_id, rating) ON school.held TO evaluation_owner;
SET LOCAL ROLE evaluation_owner;
SELECT is((SELECT count(*) FROM evaluate_method('popular', dataset => 'school', test => 'school.held', options => '{"store": true}') WHERE metric = 'ndcg'), 1::bigint,
	'columns of the held-out ratings are enough');
SELECT is((SELECT count(DISTINCT evaluation) FROM recsys_evaluations WHERE dataset = 'school'), 3::bigint, 'an owner sees what may be read');
SELECT is((SELECT count(DISTINCT evaluation) FROM recsys_evaluations WHERE dataset = 'now'), 0::bigint, 'and nothing of another dataset');
SET LOCAL ROLE evaluation_reader;
SELECT is((SELECT count(DISTINCT evaluation) FROM recsys_evaluations), 2::bigint, 'a reader of the dataset does not see what was made of other held-out ratings');
SELECT raises($$SELECT * FROM evaluate_method('popular', dataset => 'school', test => 'school.held')$$, '42501', '%school.held%', NULL, 'nor evaluates on them');
SET LOCAL ROLE evaluation_stranger;
SELECT is((SELECT count(*) FROM recsys_evaluations), 0::bigint, 'a stranger sees nothing');
SELECT raises('SELECT * FROM recsys_evaluation', '42501', NULL, NULL, 'nor reads the table');
RESET ROLE;
SELECT evaluation AS stored FROM recsys_evaluations WHERE owner = 'evaluation_owner' LIMIT 1 \gset
SET LOCAL ROLE evaluation_reader;
SELECT raises(format('SELECT drop_evaluation(%L)', :'stored'), '42501', 'must be owner of evaluation%', 'Only its owner%', 'who does not own it does not delete it');
SET LOCAL ROLE evaluation_owner;
SELECT lives_ok(format('SELECT drop_evaluation(%L)', :'stored'), 'the owner deletes it');
SELECT raises(format('SELECT drop_evaluation(%L)', :'stored'), '42704', 'evaluation%does not exist', '%recsys_evaluations%', 'once');
SELECT raises('SELECT drop_evaluation(NULL)', '22004', '%"evaluation"%', NULL, 'a null evaluation');
RESET ROLE;
SELECT lives_ok('SELECT drop_evaluation(evaluation) FROM (SELECT DISTINCT evaluation FROM recsys_evaluations) e', 'many at once');
SELECT is((SELECT count(*) FROM recsys_evaluation), 0::bigint, 'are gone');

-- Row-level security: who sees half of the ratings evaluates on that half.
ALTER TABLE school.ratings ENABLE ROW LEVEL SECURITY;
CREATE POLICY half ON school.ratings FOR SELECT TO evaluation_reader USING (user_id <= 10);
CREATE VIEW school.first_half AS SELECT * FROM school.ratings WHERE user_id <= 10;
SELECT register_dataset('half', 'school.first_half', 'school.courses', time_column => 'rated_at', users => 'school.users',
	user_feature_columns => '{colour}', genre_columns => '{white,black}');
CREATE TABLE school.wanted_half AS SELECT e::text FROM recsys_methods() m, evaluate_method(m.method, dataset => 'half', strategy => 'course') e;
GRANT SELECT ON school.wanted_half TO PUBLIC;
SET LOCAL ROLE evaluation_reader;
SELECT set_eq($$SELECT e::text FROM recsys_methods() m, evaluate_method(m.method, dataset => 'school', strategy => 'course') e$$, 'SELECT * FROM wanted_half',
	'only rows that the caller may see are evaluated');
RESET ROLE;
ALTER TABLE school.ratings DISABLE ROW LEVEL SECURITY;

-- A transaction that may not write evaluates, but does not store.
CREATE FUNCTION school.read_only(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('transaction_read_only', 'on', true);
	EXECUTE statement;
	RAISE SQLSTATE 'ZZ000';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
SELECT is(read_only('SELECT * FROM ' || call), 'ZZ000', call || ' only reads')
FROM unnest(ARRAY[$$evaluate_method('knn', dataset => 'school')$$, $$compare_methods('{knn,popular}', dataset => 'school')$$, $$evaluate_model('mine')$$,
	$$tune_method('knn', '{"neighbors": [1, 2]}', 'school')$$]) call;
SELECT is(read_only($$SELECT * FROM evaluate_method('knn', dataset => 'school', options => '{"store": true}')$$), '25006', 'storing writes');
SELECT is(read_only($$SELECT drop_evaluation('00000000-0000-4000-8000-000000000001')$$), '25006', 'so does deleting');

SELECT * FROM finish();
ROLLBACK;
