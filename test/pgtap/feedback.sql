-- Thumbs up and down, data that only say who took what, and old ratings that count less: what every method makes of
-- them, with every value of its choice and boolean parameters.
\ir setup.psql
\ir fixture.psql
\ir variants.psql
SELECT no_plan();
SET LOCAL client_min_messages = error;	-- constant ratings warn

-- Names of models, which have at most 63 bytes: something short for the dataset, then the variant
CREATE FUNCTION school.at(dataset text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT left(md5(dataset), 3) || ' ' $$;

-- Trains a variant on a dataset; NULL, or why not
CREATE FUNCTION school.try(dataset text, v school.variant, more jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text;
	hint text;
BEGIN
	PERFORM train_model(at(dataset) || v.model, v.method, v.params || more, dataset);
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, hint = PG_EXCEPTION_HINT;
	RETURN state || ' ' || SQLERRM || ' | ' || hint;
END $$;

-- Is this the source of a personal row of the model of that dataset?
CREATE FUNCTION school.is_own_of(source text, dataset text, model text) RETURNS boolean STABLE LANGUAGE sql AS $$
	SELECT is_own(replace(source, at(dataset), ''), model) $$;

-- What holds of the answers of a model whatever the data are
CREATE FUNCTION school.unsound(dataset text, name text, users int[], low float8, high float8) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format($q$
		SELECT format('%%s: %%s rows', u, count(r)) FROM unnest($1) u LEFT JOIN LATERAL recommend_courses(u, %1$L, 3, false) r ON true
		GROUP BY u HAVING count(r) <> 3
		UNION ALL
		SELECT format('%%s: score %%s of %%s', u, r.score, r.course_id) FROM unnest($1) u, recommend_courses(u, %1$L, 100) r
		WHERE r.score IN ('NaN', 'Infinity', '-Infinity')$q$, at(dataset) || name) USING users;
	IF (SELECT predicts_ratings FROM school.variant v WHERE v.model = name) THEN
		RETURN QUERY EXECUTE format($q$
			SELECT format('%%s: rating %%s of %%s', u, predict_rating(u, c, %1$L), c)
			FROM unnest($1) u, unnest('{c01,c02,c13,c14,w1,w8,nothing}'::text[]) c
			WHERE NOT coalesce(predict_rating(u, c, %1$L) BETWEEN $2 AND $3, false)$q$, at(dataset) || name) USING users, low, high;
	END IF;
END $$;

-- ------------------------------------------------------------ thumbs

-- The checkerboard with thumbs, and for each colour a course (c13 white, c14 black) that eight of the ten users of the
-- colour have thumbed down and nobody liked. Users 17 to 20 do not know it. 31 and 32 have only thumbs down and only zeros.
CREATE TABLE school.catalogue AS SELECT course_id, title, description, white, black FROM school.courses
	UNION ALL VALUES ('c13', 'Disliked', 'grey dust topic13', false, 0), ('c14', 'Disliked, too', 'grey dust topic14', false, 0);
CREATE TABLE school.thumbs AS
	SELECT user_id, course_id, sign(rating)::real AS rating, rated_at FROM school.ratings
	UNION ALL
	SELECT user_id, CASE WHEN white THEN 'c13' ELSE 'c14' END, -1, '2024-02-01' FROM school.pupils WHERE k <= 8
	UNION ALL
	SELECT 31, course_id, -1, '2024-02-01' FROM school.courses WHERE course_id IN ('c01', 'c03', 'c04')
	UNION ALL
	SELECT 32, course_id, 0, '2024-02-01' FROM school.courses WHERE course_id IN ('c01', 'c03', 'c04');
CREATE TABLE school.asking AS
	SELECT user_id, course_id AS liked, CASE WHEN user_id % 2 = 1 THEN 'c13' ELSE 'c14' END AS disliked
	FROM school.wanted WHERE user_id >= 17;
SELECT register_dataset('thumbs', 'school.thumbs', 'school.catalogue', time_column => 'rated_at', genre_columns => '{white,black}',
	users => 'school.users', user_feature_columns => '{colour}');
SELECT is(try('thumbs', v), NULL, model || ': trains on thumbs') FROM variant v ORDER BY model;

SELECT never('true', $$SELECT * FROM unsound('thumbs', MODEL, '{1,2,17,20,22,31,32,999,NULL}', -1, 1)$$,
	'thumbs: a full answer for everybody, finite scores, predictions from -1 to 1');
-- Counting methods count a thumbs down as one rating (see the next test); a fifth held out is too much of so few.
SELECT never($$personal AND by_ratings AND method NOT LIKE 'kmeans%' AND objective = 'ranking' AND NOT params ? 'validation'$$, $$
	SELECT a.*, g.score AS good, b.score AS bad FROM asking a
		LEFT JOIN recommend_courses(a.user_id, at('thumbs') || MODEL, 100) g ON g.course_id = liked
		LEFT JOIN recommend_courses(a.user_id, at('thumbs') || MODEL, 100) b ON b.course_id = disliked
	WHERE b.score >= coalesce(g.score, '-Infinity')
	$$, 'what neighbours liked comes before what they thumbed down');
SELECT never($$method LIKE 'kmeans%' OR method = 'demographic'$$, $$
	SELECT user_id FROM asking a WHERE NOT EXISTS (SELECT FROM recommend_courses(a.user_id, at('thumbs') || MODEL, 2) WHERE course_id = disliked)
	$$, 'a thumbs down is a rating like any other when counting, as documented');
SELECT never($$params = '{}' AND personal AND by_ratings AND finds_courses$$, $$
	SELECT user_id, liked FROM asking EXCEPT
	SELECT a.user_id, r.course_id FROM asking a, recommend_courses(a.user_id, at('thumbs') || MODEL, 2) r WHERE is_own_of(r.source, 'thumbs', MODEL)
	$$, 'the liked courses of the colour come first');
SELECT never('predicts_ratings AND params = ''{}'' OR objective = ''rating''', $$
	SELECT * FROM asking WHERE predict_rating(user_id, liked, at('thumbs') || MODEL) <= predict_rating(user_id, disliked, at('thumbs') || MODEL)
	$$, 'a liked course has the better prediction');
SELECT never('explains', $$
	SELECT t.user_id, r.course_id, e.because FROM thumbs t, recommend_courses(t.user_id, at('thumbs') || MODEL, 3) r,
		explain_recommendation(t.user_id, r.course_id, at('thumbs') || MODEL) e
	WHERE t.rating <= 0 AND e.kind = 'course' AND e.because = t.course_id
	UNION ALL
	SELECT t.user_id, r.course_id, e.because FROM thumbs t, recommend_courses(t.user_id, at('thumbs') || MODEL, 3) r,
		explain_recommendation(t.user_id, r.course_id, at('thumbs') || MODEL) e
	WHERE t.rating <= 0 AND e.kind = 'rule' AND e.because LIKE '%' || t.course_id || '%->%'
	$$, 'what was thumbed down or rated 0 is no reason');
SELECT never('true', $$
	SELECT t.* FROM thumbs t, recommend_courses(t.user_id, at('thumbs') || MODEL, 100) r WHERE r.course_id = t.course_id
	$$, 'what was thumbed down counts as seen');

-- ------------------------------------------------------------ nothing but thumbs down, nothing but zeros

CREATE TABLE school.down AS SELECT user_id, course_id, -1::real AS rating, rated_at FROM school.thumbs;
CREATE TABLE school.zero AS SELECT user_id, course_id, 0::real AS rating, rated_at FROM school.thumbs;
SELECT register_dataset(name, 'school.' || name, 'school.catalogue', time_column => 'rated_at', genre_columns => '{white,black}',
	users => 'school.users', user_feature_columns => '{colour}') FROM unnest('{down,zero}'::name[]) name;
CREATE TABLE school.tried AS SELECT d AS dataset, v.model, try(d, v) AS error FROM variant v, unnest('{down,zero}'::text[]) d;
SELECT is(error, NULL, model || ': trains on ratings that are all ' || dataset)
FROM tried WHERE error !~ '^(22000|22023|55000) .* \| .' OR error IS NULL ORDER BY dataset, model;
SELECT never(format('model IN (SELECT model FROM school.tried WHERE dataset = %L AND error IS NULL)', d), format($$
	SELECT * FROM unsound(%L, MODEL, '{1,2,17,22,31,999}', %s, %s)$$, d, low, high), 'all ' || d || ': a full answer for everybody, finite scores')
FROM (VALUES ('down', -1, -1), ('zero', 0, 0)) v (d, low, high);

-- ------------------------------------------------------------ implicit data

CREATE TABLE school.taken AS SELECT user_id, course_id, rated_at FROM school.thumbs WHERE rating > 0;
CREATE TABLE school.ones AS SELECT user_id, course_id, 1::real AS rating, rated_at FROM school.taken;
SELECT register_dataset(name, 'school.' || name, 'school.catalogue', rating_column => rating, time_column => 'rated_at',
	genre_columns => '{white,black}', users => 'school.users', user_feature_columns => '{colour}')
FROM (VALUES ('taken'::name, NULL::name), ('ones', 'rating')) v (name, rating);
SELECT is(try(d, v), NULL, format('%s: trains on %s', model, d)) FROM variant v, unnest('{taken,ones}'::text[]) d ORDER BY d, model;
SELECT never('true', $$SELECT * FROM unsound('taken', MODEL, '{1,2,17,22,31,999}', 1, 1)$$,
	'implicit: a full answer for everybody, finite scores, every prediction is 1');
SELECT never('true', $$
	SELECT u, a.*, b.* FROM generate_series(1, 24) u,
		LATERAL (SELECT array_agg((rank, course_id, score, replace(source, at('taken'), ''))::text ORDER BY rank) AS rows
			FROM recommend_courses(u, at('taken') || MODEL, 100)) a,
		LATERAL (SELECT array_agg((rank, course_id, score, replace(source, at('ones'), ''))::text ORDER BY rank) AS rows
			FROM recommend_courses(u, at('ones') || MODEL, 100)) b
	WHERE a.rows IS DISTINCT FROM b.rows
	$$, 'implicit: what the same rows rated 1 give');
SELECT never($$params = '{}' AND personal AND by_ratings AND finds_courses$$, $$
	SELECT user_id, liked FROM asking EXCEPT
	SELECT a.user_id, r.course_id FROM asking a, recommend_courses(a.user_id, at('taken') || MODEL, 2) r WHERE is_own_of(r.source, 'taken', MODEL)
	$$, 'implicit: the courses of the colour come first');

-- ------------------------------------------------------------ evaluation of both

CREATE TABLE school.measured AS SELECT v.model, v.predicts_ratings, d, e.*
	FROM variant v, unnest('{thumbs,taken}'::text[]) d, evaluate_method(v.method, v.params, d, strategy => 'random', relevance => 1) e;
SELECT never('true', $$
	SELECT d, metric, value FROM school.measured WHERE model = MODEL AND value IN ('NaN', 'Infinity', '-Infinity')
	UNION ALL SELECT d, 'ndcg', NULL FROM unnest('{thumbs,taken}'::text[]) d WHERE NOT EXISTS (
		SELECT FROM school.measured m WHERE m.d = d.d AND model = MODEL AND metric = 'ndcg' AND value BETWEEN 0 AND 1)
	UNION ALL SELECT d, metric, value FROM school.measured
		WHERE model = MODEL AND metric IN ('rmse', 'mae', 'accuracy') AND (d = 'taken' OR NOT predicts_ratings)
	UNION ALL SELECT 'thumbs', metric, NULL FROM unnest('{rmse,accuracy}'::text[]) metric, school.variant v
		WHERE v.model = MODEL AND v.predicts_ratings AND NOT EXISTS (SELECT FROM school.measured m
			WHERE m.d = 'thumbs' AND m.model = MODEL AND m.metric = metric.metric AND m.value >= 0)
	$$, 'is evaluated on thumbs and on implicit data, where there are no ratings to predict');

-- ------------------------------------------------------------ half_life

SELECT bag_eq($$SELECT method FROM recsys_methods()$$,
	$$SELECT method FROM recsys_methods() m, recsys_method_params(m.method) WHERE param = 'half_life'$$,
	'every method has half_life: the tests below show what each does with it');

-- Of each colour, three courses that 20 users take now; 8 and 6 that ten of them took long ago; 9 and 7 that the other ten
-- take now. In `moods` the same users rate 8 and 9: 8 was loved and is disliked, 9 was disliked and is loved.
CREATE TABLE school.aged_courses AS
	SELECT c || n AS course_id, CASE c WHEN 'w' THEN 'snow and milk' ELSE 'coal and ink' END || ' topic' || c || n AS description,
		c = 'w' AS white, c = 'b' AS black
	FROM unnest('{w,b}'::text[]) c, unnest('{1,2,3,6,7,8,9}'::int[]) n;
CREATE TABLE school.aged_users AS SELECT id, CASE WHEN id <= 20 OR id = 50 THEN 'white' ELSE 'black' END AS colour
	FROM generate_series(1, 60) id;
CREATE TABLE school.aged AS
	SELECT u AS user_id, CASE WHEN u <= 20 THEN 'w' ELSE 'b' END || n AS course_id, 5::real AS rating,
		CASE WHEN n IN (6, 8) THEN timestamptz '2022-06-01 00:00+00' ELSE '2024-06-01 00:00+00' END AS rated_at
	FROM generate_series(1, 40) u, unnest(ARRAY[1, 2, 3, 8 + u % 2, 7 - u % 2]) n;
CREATE TABLE school.moods AS
	SELECT user_id, course_id, 2 + (user_id + ascii(substr(course_id, 2))) % 3 AS rating, rated_at FROM school.aged WHERE course_id ~ '[123]'
	UNION ALL
	SELECT u, CASE WHEN u <= 20 THEN 'w' ELSE 'b' END || n, CASE WHEN (n = 8) = (u % 2 = 0) THEN 5 ELSE 1 END,
		CASE WHEN u % 2 = 0 THEN timestamptz '2022-06-01 00:00+00' ELSE '2024-06-01 00:00+00' END
	FROM generate_series(1, 40) u, unnest('{8,9}'::int[]) n;
CREATE TABLE school.moment AS SELECT user_id, course_id, rating, timestamptz '2024-06-01 00:00+00' AS rated_at FROM school.moods;
CREATE TABLE school.day AS SELECT user_id, course_id, rating, timestamptz '2024-06-01 00:00+00' + user_id * interval '30 minutes' AS rated_at
	FROM school.moods;
CREATE TABLE school.never AS SELECT user_id, course_id, rating, NULL::timestamptz AS rated_at FROM school.moods;
SELECT register_dataset(name, 'school.' || source, 'school.aged_courses', time_column => times, genre_columns => '{white,black}',
	users => 'school.aged_users', user_feature_columns => '{colour}')
FROM (VALUES ('aged', 'aged', 'rated_at'::name), ('moods', 'moods', 'rated_at'), ('moment', 'moment', 'rated_at'),
	('moment halved', 'moment', 'rated_at'), ('day', 'day', 'rated_at'), ('day halved', 'day', 'rated_at'),
	('tiny', 'moods', 'rated_at'), ('never', 'never', 'rated_at'), ('timeless', 'moods', NULL)) v (name, source, times);

SELECT is(try(d, v, '{"half_life": "30 days"}'), NULL, format('%s: trains with half_life on %s', model, d))
FROM variant v, unnest('{aged,moods}'::text[]) d ORDER BY d, model;
-- They come after training: 50 takes white courses, 60 took black ones long ago and takes white ones.
INSERT INTO school.aged SELECT 50, 'w' || n, 5, '2024-06-01 00:00+00' FROM generate_series(1, 3) n
	UNION ALL SELECT 60, c || n, 5, CASE c WHEN 'w' THEN timestamptz '2024-06-01 00:00+00' ELSE '2022-06-01 00:00+00' END
	FROM unnest('{w,b}'::text[]) c, generate_series(1, 2) n;
CREATE VIEW school.effect AS
	SELECT v.*, o.old, o.new, p.past, p.present,
		CASE WHEN v.predicts_ratings THEN predict_rating(1, 'w8', at('moods') || model) END AS loved,
		CASE WHEN v.predicts_ratings THEN predict_rating(1, 'w9', at('moods') || model) END AS loves
	FROM variant v,
		LATERAL (SELECT max(score) FILTER (WHERE course_id = 'w8') AS old, max(score) FILTER (WHERE course_id = 'w9') AS new
			FROM recommend_courses(50, at('aged') || model, 100)) o,
		LATERAL (SELECT max(score) FILTER (WHERE course_id = 'b3') AS past, max(score) FILTER (WHERE course_id = 'w3') AS present
			FROM recommend_courses(60, at('aged') || model, 100)) p;
SELECT is_empty($$
	SELECT model, old, new, past, present, loved, loves FROM effect WHERE params = '{}' AND NOT coalesce(old < new - 1e-6, false)
		AND NOT coalesce(past < present - 1e-6 AND by_ratings, false) AND NOT coalesce(loved < loves - 1e-6, false)$$,
	'half_life changes the answers of every method');
SELECT is_empty($$
	SELECT model, old, new FROM effect WHERE old > new + 1e-6 * abs(new) AND NOT params @> '{"score": "random"}'$$,
	'what was loved long ago never comes before what is loved now');
-- (User-based, a user who shares anything recent is a neighbour with all their courses.)
SELECT is_empty($$
	SELECT model, past, present FROM effect WHERE past >= coalesce(present, '-Infinity') AND personal AND by_ratings
		AND objective = 'ranking' AND NOT params @> '{"user_based": true}'$$,
	'what resembles what the user loved long ago comes after what resembles the loves of now');
SELECT is_empty($$SELECT model, loved, loves FROM effect WHERE loved >= loves AND (objective = 'rating'
	OR params @> '{"unobserved": "missing"}' OR params @> '{"objective": "rating"}')$$,
	'predictions follow the present mood');

-- Ratings of one moment; of a day, when a half-life of 100 years makes no difference; and of no time at all
CREATE VIEW school.bare AS SELECT model FROM school.variant WHERE NOT params ? 'half_life' AND NOT params @> '{"score": "trending"}';
SELECT is(coalesce(try(d, v), try(d || ' halved', v, jsonb_build_object('half_life', half_life))), NULL,
	format('%s: trains with and without half_life on a %s', model, d))
FROM variant v JOIN bare USING (model), (VALUES ('moment', '30 days'), ('day', '100 years')) d (d, half_life) ORDER BY d, model;
SELECT never('model IN (SELECT model FROM bare)', $$
	SELECT u, b.rows, h.rows FROM unnest('{1,2,21,50,NULL}'::int[]) u,
		LATERAL (SELECT array_agg((rank, course_id, round(score::numeric, 4))::text ORDER BY rank) AS rows
			FROM recommend_courses(u, at('moment') || MODEL, 100)) b,
		LATERAL (SELECT array_agg((rank, course_id, round(score::numeric, 4))::text ORDER BY rank) AS rows
			FROM recommend_courses(u, at('moment halved') || MODEL, 100)) h
	WHERE b.rows IS DISTINCT FROM h.rows
	$$, 'half_life changes nothing among ratings of one moment');
-- (To a hundredth, as descent magnifies. The bar of `weighted` lies at the counts of half of the courses here; trees jump.)
SELECT never($$model IN (SELECT model FROM bare) AND NOT params @> '{"score": "weighted"}' AND NOT params ? 'estimator'$$, $$
	SELECT u, course_id, b, h FROM unnest('{1,2,21,50,NULL}'::int[]) u, LATERAL (
		SELECT course_id, b.score, h.score FROM recommend_courses(u, at('day') || MODEL, 100) b
			FULL JOIN recommend_courses(u, at('day halved') || MODEL, 100) h USING (course_id)) r (course_id, b, h)
	WHERE abs(b - h) > 1e-2 * greatest(1, abs(b)) OR (b IS NULL) <> (h IS NULL)
	$$, 'a half-life of 100 years changes nothing within a day');

-- Half-lives that leave nothing of most ratings, or of all; no times
CREATE TABLE school.tried_ages AS SELECT dataset, v.model, try(dataset, v, jsonb_build_object('half_life', half_life)) AS error
	FROM variant v, (VALUES ('tiny', '1 second'), ('never', '30 days')) d (dataset, half_life);
SELECT is(error, NULL, format('%s: trains with half_life on %s', model, dataset))
FROM tried_ages WHERE error !~ '^(22000|22023|55000) .* \| .' OR error IS NULL ORDER BY dataset, model;
SELECT never(format('model IN (SELECT model FROM school.tried_ages WHERE dataset = %L AND error IS NULL)', d), format($$
	SELECT * FROM unsound(%L, MODEL, '{1,2,21,50,60,NULL}', 1, 5)$$, d), d || ': a full answer for everybody, finite scores')
FROM unnest('{tiny,never}'::text[]) d;
SELECT alike(try('timeless', v, '{"half_life": "30 days"}'), '22023 parameter "% times | Register the dataset with time_column.', model || ': half_life needs times')
FROM variant v ORDER BY model;

SELECT * FROM finish();
ROLLBACK;
