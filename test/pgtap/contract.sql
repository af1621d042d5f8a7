-- What every method promises, with every value of its choice and boolean parameters: one suite over recsys_methods().
\ir setup.psql
\ir fixture.psql
SELECT no_plan();

-- ------------------------------------------------------------ the models under test

\ir variants.psql
SELECT cmp_ok(count(*), '>=', 62::bigint, 'every choice is a model of its own') FROM variant;

SELECT is((SELECT count(*) FROM train_model(v.model, v.method, v.params, 'school')), 1::bigint, v.model || ': trains')
FROM variant v ORDER BY model;

-- Users of every kind: in training, only in the table of users, nowhere, unknown visitor
CREATE TABLE school.anybody AS SELECT generate_series(1, 24) AS user_id UNION ALL SELECT unnest('{999,NULL}'::int[]);
CREATE VIEW school.seen AS SELECT user_id, array_agg(course_id ORDER BY course_id) AS courses FROM school.ratings
	GROUP BY 1;
CREATE TABLE school.counts AS SELECT c.course_id, c.title, count(r) AS n
	FROM school.courses c LEFT JOIN school.ratings r USING (course_id) GROUP BY 1, 2;

-- ------------------------------------------------------------ the answer

-- Methods that estimate ratings rank by those, and only courses with many; clusters are of several users.
SELECT never('personal AND finds_courses', $$
	(SELECT p.user_id, r.course_id FROM pupils p, recommend_courses(p.user_id, MODEL, 2) r WHERE is_own(r.source, MODEL)
	EXCEPT SELECT user_id, course_id FROM wanted)
	UNION ALL
	(SELECT user_id, course_id FROM wanted
	EXCEPT SELECT p.user_id, r.course_id FROM pupils p, recommend_courses(p.user_id, MODEL, 2) r WHERE is_own(r.source, MODEL))
	$$, 'users get the courses of their colour');
SELECT never('objective = ''rating''', $$
	SELECT p.user_id, r.course_id FROM pupils p, recommend_courses(p.user_id, MODEL, 100) r,
		(SELECT min(rating), max(rating) FROM ratings) s
	WHERE is_own(r.source, MODEL)
		AND abs(least(greatest(r.score, s.min), s.max) - predict_rating(p.user_id, r.course_id, MODEL)) > 1e-5
	UNION ALL
	SELECT p.user_id, NULL FROM pupils p LEFT JOIN LATERAL recommend_courses(p.user_id, MODEL, 100, false) r
		ON is_own(r.source, MODEL) GROUP BY 1 HAVING count(r) = 0
	$$, 'the score is the predicted rating before it is cut to the scale');
SELECT never('true', $$
	SELECT a.user_id, n, count(r.rank)
	FROM anybody a CROSS JOIN unnest('{1,2,5,100}'::int[]) AS n
		LEFT JOIN seen s USING (user_id) LEFT JOIN LATERAL recommend_courses(a.user_id, MODEL, n) r ON true
	GROUP BY a.user_id, n, s.courses HAVING count(r.rank) <> least(n, 12 - coalesce(cardinality(s.courses), 0))
		OR array_agg(r.rank ORDER BY r.rank) <> array(SELECT generate_series(1, count(r.rank)::int))
	$$, 'n rows whenever n courses are left, with ranks from 1');
SELECT never('true', $$
	SELECT user_id, r.course_id FROM seen, recommend_courses(user_id, MODEL, 100) r WHERE r.course_id = ANY (courses)
	$$, 'no course that the user has');
SELECT never('true', $$
	SELECT user_id FROM anybody, recommend_courses(user_id, MODEL, 100, exclude_seen => false) r
	GROUP BY 1 HAVING count(DISTINCT r.course_id) <> 12
	$$, 'all courses without exclude_seen');
SELECT never('true', $$
	SELECT * FROM (
		SELECT a.user_id, r.*, c.n, c.title AS real_title, lag(r.score) OVER w AS score1, lag(c.n) OVER w AS n1,
			lag(r.course_id) OVER w AS id1
		FROM anybody a, recommend_courses(a.user_id, MODEL, 100, exclude_seen => false) r
			JOIN counts c USING (course_id) WINDOW w AS (PARTITION BY a.user_id ORDER BY r.rank)) r
	WHERE r.title IS DISTINCT FROM real_title OR rank > 1 AND (
		score1 IS NULL AND score IS NOT NULL OR score > score1
		OR (score = score1 OR score IS NULL AND score1 IS NULL) AND (n > n1 OR n = n1 AND course_id < id1))
	$$, 'best score first, then popular ones; ties by more ratings, then by id; titles');
SELECT never('true', $$
	SELECT user_id, r.* FROM anybody a, recommend_courses(a.user_id, MODEL, 100) r
	WHERE CASE WHEN r.score IS NULL OR MODEL LIKE 'popular%' THEN r.source <> 'popular' ELSE NOT is_own(r.source, MODEL) END
	$$, 'the source of a row without a personal score is popular, of the others the model or the part of it');
SELECT never('true', $$
	SELECT r.* FROM recommend_courses(999, MODEL, 100) r WHERE source <> 'popular'
	UNION ALL (SELECT * FROM recommend_courses(999, MODEL, 100) EXCEPT SELECT * FROM recommend_courses(NULL::int, MODEL, 100))
	UNION ALL (SELECT * FROM recommend_courses(NULL::int, MODEL, 100) EXCEPT SELECT * FROM recommend_courses(999, MODEL, 100))
	$$, 'an unknown user and a NULL user get the same popular courses');
SELECT never('personal', $$
	SELECT r.* FROM recommend_courses(999, MODEL, 100) r
		JOIN (SELECT course_id, row_number() OVER (ORDER BY n DESC, course_id) AS place FROM counts) c USING (course_id)
	WHERE r.rank <> place OR r.score IS NOT NULL
	$$, 'popular means most ratings');

-- ------------------------------------------------------------ candidates, exclude, threshold

SELECT never('true', $$
	SELECT user_id FROM anybody a, LATERAL (
		SELECT array_agg(row(course_id, title, score, source)::text ORDER BY rank)
			FILTER (WHERE course_id IN ('c01', 'c02', 'c06', 'c07', 'c11') AND course_id NOT IN ('c06')) AS wanted
		FROM recommend_courses(a.user_id, MODEL, 100)) w, LATERAL (
		SELECT array_agg(row(course_id, title, score, source)::text ORDER BY rank) AS got
		FROM recommend_courses(a.user_id, MODEL, 100, candidates => '{c11,c07,nothing,c06,c02,c01,c01}',
			exclude => '{c06,c12,unknown}')) g
	WHERE wanted IS DISTINCT FROM got
	$$, 'candidates and exclude take rows out and change nothing else');
SELECT never('true', $$
	SELECT * FROM anybody a, recommend_courses(a.user_id, MODEL, 100, candidates => '{}')
	$$, 'no candidates, no rows');
SELECT never('true', $$
	SELECT a.user_id FROM anybody a, LATERAL (
		SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY score) AS least
		FROM recommend_courses(a.user_id, MODEL, 100)) t, LATERAL (
		SELECT array_agg(r::text ORDER BY rank) FILTER (WHERE score >= least) AS wanted
		FROM recommend_courses(a.user_id, MODEL, 100) r) w, LATERAL (
		SELECT array_agg(r::text ORDER BY rank) AS got
		FROM recommend_courses(a.user_id, MODEL, 100, threshold => coalesce(least, 0)) r) g
	WHERE wanted IS DISTINCT FROM got
	$$, 'a threshold keeps the scores from there up, and nothing is filled in');

-- ------------------------------------------------------------ options: how scores are shown

-- Scores are floats, shown by their shortest decimals
CREATE FUNCTION school.percent(score float8, best float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN score IS NULL THEN NULL WHEN score = best THEN 100 WHEN score <= 0 OR best <= 0 THEN 0
		ELSE (100 * (score::real::float8 / best::real::float8))::real::text::float8 END $$;
CREATE VIEW school.option AS SELECT options, options ->> 'score_scale' = 'percent' AS percent,
		coalesce((options ->> 'threshold_pct')::float8, -1) AS least
	FROM unnest('{"{}","{\"score_scale\": \"raw\"}","{\"score_scale\": \"percent\"}","{\"threshold_pct\": 0}",
		"{\"threshold_pct\": 60, \"score_scale\": \"percent\"}","{\"threshold_pct\": 100}"}'::jsonb[]) AS options;
SELECT never('true', $$
	SELECT a.user_id, o.options FROM anybody a, school.option o, LATERAL (
		SELECT array_agg((r.rank, r.course_id, r.title, r.shown, r.source)::text ORDER BY rank)
			FILTER (WHERE least < 0 OR percent >= least) AS wanted
		FROM (SELECT r.*, percent(score, max(score) OVER ()),
				CASE WHEN o.percent THEN percent(score, max(score) OVER ()) ELSE score END AS shown
			FROM recommend_courses(a.user_id, MODEL, 7, candidates => '{c01,c02,c04,c05,c07,c08,c11,c12}') r) r) w, LATERAL (
		SELECT array_agg(r::text ORDER BY rank) AS got
		FROM recommend_courses(a.user_id, MODEL, 7, candidates => '{c01,c02,c04,c05,c07,c08,c11,c12}', options => o.options) r) g
	WHERE wanted IS DISTINCT FROM got
	$$, 'score_scale changes the scores, threshold_pct takes rows out and fills none in');
SELECT never('true', $$
	WITH one AS (SELECT options, u.id::text AS user_id, r.*
		FROM school.option, school.users u, recommend_courses(u.id, MODEL, 4, options => options) r),
	every AS (SELECT options, r.* FROM school.option, recommend_all(MODEL, 4, options => options) r)
	(SELECT * FROM one EXCEPT SELECT * FROM every) UNION ALL (SELECT * FROM every EXCEPT SELECT * FROM one)
	$$, 'recommend_all has the rows of recommend_courses under every option');

-- ------------------------------------------------------------ options: diversity

SELECT throws_ok(format('SELECT * FROM %s, options => ''{"diversity": 0.5}'')', format(call, model)), '0A000', NULL,
	model || ': diversity without vectors, genres or similar courses, ' || split_part(call, '(', 1))
FROM variant, unnest('{"recommend_courses(1, %L","recommend_all(%L"}'::text[]) call WHERE NOT compares ORDER BY model, call;
SELECT never('true', $$
	(SELECT * FROM recommend_all(MODEL, 5, options => '{"diversity": 0}') EXCEPT SELECT * FROM recommend_all(MODEL, 5))
	UNION ALL (SELECT * FROM recommend_all(MODEL, 5) EXCEPT SELECT * FROM recommend_all(MODEL, 5, options => '{"diversity": 0}'))
	$$, 'no diversity is the default');
SELECT never('compares', $$
	WITH o AS (SELECT unnest('{"{\"diversity\": 0.4}","{\"diversity\": 1, \"score_scale\": \"percent\"}",
		"{\"diversity\": 0.7, \"threshold_pct\": 50}"}'::jsonb[]) AS options),
	one AS (SELECT options, u.id::text AS user_id, r.* FROM o, school.users u, recommend_courses(u.id, MODEL, 4, options => options) r),
	every AS (SELECT options, r.* FROM o, recommend_all(MODEL, 4, options => options) r)
	(SELECT * FROM one EXCEPT SELECT * FROM every) UNION ALL (SELECT * FROM every EXCEPT SELECT * FROM one)
	$$, 'recommend_all has the rows of recommend_courses under diversity');
SELECT never('compares', $$
	SELECT a.user_id FROM anybody a, LATERAL (
		SELECT array_agg((course_id, score)::text ORDER BY course_id COLLATE "C") AS wanted, array_agg(course_id ORDER BY rank) AS places
		FROM recommend_courses(a.user_id, MODEL, 100, exclude_seen => false)) w, LATERAL (
		SELECT array_agg((course_id, score)::text ORDER BY course_id COLLATE "C") AS got, array_agg(course_id ORDER BY rank) AS chosen,
			array_agg(score IS NULL ORDER BY rank) AS unscored
		FROM recommend_courses(a.user_id, MODEL, 100, exclude_seen => false, options => '{"diversity": 0.8}')) g
	WHERE wanted <> got OR places[1] <> chosen[1] OR array_position(unscored, true) < array_position(unscored, false)
		OR places[array_position(unscored, true):] <> chosen[array_position(unscored, true):]
	$$, 'of all courses diversity changes only the order of those with a score behind the best one');
-- Each row has the greatest marginal relevance of what was left, by the vectors that course_factors shows
SELECT never('has_factors', $$
	WITH vectors AS MATERIALIZED (SELECT course_id, factors::float8[] AS v FROM course_factors(MODEL)),
	scored AS (SELECT u, r.course_id, r.score, min(r.score) OVER (PARTITION BY u) AS worst, max(r.score) OVER (PARTITION BY u) AS best
		FROM unnest('{1,2,7}'::int[]) u, recommend_courses(u, MODEL, 100) r WHERE r.score IS NOT NULL),
	pool AS MATERIALIZED (SELECT u, course_id, v, CASE WHEN best > worst THEN (score - worst) / (best - worst) ELSE 1 END AS relevance
		FROM scored JOIN vectors USING (course_id)),
	chosen AS MATERIALIZED (SELECT u, r.rank, r.course_id, v FROM unnest('{1,2,7}'::int[]) u,
			recommend_courses(u, MODEL, 4, options => '{"diversity": 0.6}') r JOIN vectors USING (course_id) WHERE r.score IS NOT NULL),
	marginal AS (SELECT c.u, c.rank, p.course_id = c.course_id AS is_chosen, 0.4 * p.relevance - 0.6 * (
			SELECT max(coalesce(cosine_similarity(p.v, s.v), 0)) FROM chosen s WHERE s.u = c.u AND s.rank < c.rank) AS value
		FROM chosen c JOIN pool p USING (u) WHERE c.rank > 1
			AND NOT EXISTS (SELECT FROM chosen s WHERE s.u = c.u AND s.rank < c.rank AND s.course_id = p.course_id))
	SELECT u, rank FROM marginal GROUP BY 1, 2 HAVING max(value) FILTER (WHERE is_chosen) < max(value) - 1e-4
		OR bool_or(is_chosen) IS NOT TRUE
	$$, 'diversity is maximal marginal relevance');

-- ------------------------------------------------------------ all users, users of a course

SELECT never('true', $$
	WITH one AS (SELECT n, seen, t, u.id::text AS user_id, r.*
		FROM unnest('{1,3,100}'::int[]) n, unnest('{f,t}'::boolean[]) seen, unnest('{NULL,1}'::float8[]) t, school.users u,
			recommend_courses(u.id, MODEL, n, seen, threshold => t) r),
	every AS (SELECT n, seen, t, r.*
		FROM unnest('{1,3,100}'::int[]) n, unnest('{f,t}'::boolean[]) seen, unnest('{NULL,1}'::float8[]) t,
			recommend_all(MODEL, n, seen, t) r)
	(SELECT * FROM one EXCEPT SELECT * FROM every) UNION ALL (SELECT * FROM every EXCEPT SELECT * FROM one)
	$$, 'recommend_all is recommend_courses for every user, rated or not');
SELECT never('true', $$
	WITH one AS (SELECT course_id, u.id::text AS user_id, r.score FROM school.users u, recommend_courses(u.id, MODEL, 100) r
		WHERE score IS NOT NULL),
	users AS (SELECT c.course_id, r.user_id, r.score FROM school.courses c, recommend_users(c.course_id, MODEL, 100) r)
	(SELECT * FROM one EXCEPT SELECT * FROM users) UNION ALL (SELECT * FROM users EXCEPT SELECT * FROM one)
	$$, 'recommend_users has the scores of recommend_courses');
SELECT never('true', $$
	SELECT * FROM (SELECT c.course_id, r.*, lag(score) OVER w AS score1, row_number() OVER w AS place
		FROM school.courses c, recommend_users(c.course_id, MODEL, 5) r WINDOW w AS (PARTITION BY course_id ORDER BY r.rank)) r
	WHERE score > score1 OR rank <> place OR rank > 5
	$$, 'recommend_users: best first, at most n');
SELECT never('true', $$
	SELECT s, r.user_id FROM unnest('{active,random}'::text[]) s, recommend_users('c05', MODEL, 100, s) r
	GROUP BY 1, 2 HAVING count(*) > 1 OR EXISTS (SELECT FROM school.ratings WHERE user_id = r.user_id::int AND course_id = 'c05')
	UNION ALL
	SELECT s, count(*)::text FROM unnest('{active,random}'::text[]) s, recommend_users('c05', MODEL, 100, s)
	GROUP BY 1 HAVING count(*) <> (SELECT count(*) FROM school.users
		WHERE id NOT IN (SELECT user_id FROM school.ratings WHERE course_id = 'c05'))
	UNION ALL
	SELECT 'not ' || score, user_id FROM recommend_users('c05', MODEL, 100, 'active')
	WHERE score <> (SELECT count(*) FROM school.ratings r WHERE r.user_id = recommend_users.user_id::int)
	$$, 'recommend_users, active and random: who has not taken it');

-- ------------------------------------------------------------ ratings of this transaction

CREATE TABLE school.before AS SELECT v.model, u, r.* FROM variant v, unnest('{24,500}'::int[]) u,
	recommend_courses(u, v.model, 3) r;
-- At the newest time of the training data, so that half_life takes them in full, as it takes those of recommend_for.
INSERT INTO school.ratings SELECT u, c, rating, (SELECT max(rated_at) FROM school.ratings)
	FROM (VALUES (500, 'c01', 4), (500, 'c03', 4.5), (500, 'c05', 5), (24, 'c02', 4), (24, 'c04', 4.5),
		(24, 'c06', 5)) v (u, c, rating);
SELECT never('by_ratings AND finds_courses', $$
	SELECT u FROM unnest('{24,500}'::int[]) u, recommend_courses(u, MODEL, 3) r
	GROUP BY u HAVING array_agg(r.course_id ORDER BY r.course_id) <>
		CASE u WHEN 500 THEN '{c07,c09,c11}' ELSE '{c08,c10,c12}'::text[] END OR bool_or(NOT is_own(r.source, MODEL))
	$$, 'personal rows for users who were not in training, from ratings of this transaction');
SELECT never('by_ratings', $$
	SELECT b.u FROM before b, recommend_courses(b.u, MODEL, 3) r
	WHERE b.model = MODEL AND b.rank = r.rank AND b.course_id = r.course_id
	GROUP BY b.u HAVING count(*) = 3
	$$, 'the answer was another one before');
SELECT never($$method = 'demographic'$$, $$
	SELECT * FROM recommend_courses(24, MODEL, 3) WHERE course_id NOT IN ('c08', 'c10', 'c12')
	$$, 'a user without ratings has a group');
SELECT never('true', $$
	WITH own AS (SELECT * FROM recommend_courses(500, MODEL, 100)),
	visitor AS (SELECT * FROM recommend_for('{c05,c01,nothing,c03}', MODEL, 100, '{5,4,1,4.5}'))
	(SELECT * FROM own EXCEPT SELECT * FROM visitor) UNION ALL (SELECT * FROM visitor EXCEPT SELECT * FROM own)
	$$, 'recommend_for is recommend_courses of a user with these rows');
SELECT never('true', $$
	WITH given AS (SELECT r.* FROM (SELECT max(rating)::float8 AS m FROM school.ratings) m, recommend_for('{c05,c01}', MODEL, 100,
			ARRAY[m, m], candidates => '{c07,c09,c02}', exclude => '{c09}') r),
	defaults AS (SELECT * FROM recommend_for('{c05,c01}', MODEL, 100, candidates => '{c07,c09,c02}', exclude => '{c09}'))
	(SELECT * FROM given EXCEPT SELECT * FROM defaults) UNION ALL (SELECT * FROM defaults EXCEPT SELECT * FROM given)
	$$, 'recommend_for rates with the best rating unless told otherwise');
SELECT never('explains', $$
	SELECT r.*, e.total FROM recommend_courses(500, MODEL, 100) r, LATERAL (
		SELECT sum(weight) AS total FROM explain_recommendation(500, r.course_id, MODEL)) e
	WHERE r.score IS NOT NULL AND (e.total IS NULL OR abs(e.total - r.score) > 1e-5 * greatest(1, abs(r.score)))
	$$, 'the weights of an explanation add up to the score');
DELETE FROM school.ratings WHERE user_id IN (24, 500);
SELECT never('true', $$
	SELECT model, u, rank, course_id, title, score, source FROM before WHERE model = MODEL EXCEPT
	SELECT MODEL, u, r.* FROM unnest('{24,500}'::int[]) u, recommend_courses(u, MODEL, 3) r
	$$, 'deleted ratings are forgotten');

-- ------------------------------------------------------------ explanations

SELECT never('explains', $$
	SELECT r.user_id, r.course_id, e.* FROM school.ratings r, school.courses c, explain_recommendation(r.user_id, c.course_id, MODEL) e
	WHERE r.rating < 0 AND e.because = r.course_id
	$$, 'a disliked course is no reason');
SELECT never('explains', $$
	SELECT p.user_id, c.course_id, e.* FROM pupils p CROSS JOIN school.courses c
		CROSS JOIN explain_recommendation(p.user_id, c.course_id, MODEL) e LEFT JOIN school.courses t ON t.course_id = e.because
	WHERE e.title IS DISTINCT FROM CASE WHEN e.kind = 'course' THEN t.title END OR e.because IS NULL OR e.weight IS NULL
		OR e.kind NOT IN ('course', 'genre', 'cluster', 'popularity', 'rule', 'model')
		OR e.kind = 'rule' AND e.because NOT LIKE '% -> ' || c.course_id
		OR e.kind = 'course' AND e.because NOT IN (SELECT course_id FROM school.ratings WHERE user_id = p.user_id)
	$$, 'reasons are titled, and are courses of the user');
SELECT never('explains', $$
	SELECT * FROM explain_recommendation(1, 'nothing', MODEL)
	UNION ALL SELECT * FROM explain_recommendation(1, NULL::text, MODEL)
	$$, 'nothing explains an unknown or NULL course');

-- ------------------------------------------------------------ predicted ratings

SELECT never('predicts_ratings', $$
	SELECT a.user_id, c, predict_rating(a.user_id, c, MODEL)
	FROM anybody a, unnest('{c01,c02,c03,c04,c05,c06,c07,c08,c09,c10,c11,c12,nothing}'::text[]) c
	WHERE NOT coalesce(predict_rating(a.user_id, c, MODEL) BETWEEN -1 AND 6, false)
	$$, 'a prediction for everybody and every course, on the scale of the ratings');
SELECT never('predicts_ratings', $$SELECT 1 WHERE predict_rating(1, NULL::text, MODEL) IS NOT NULL$$,
	'no prediction for a NULL course');
SELECT never('predicts_ratings', $$
	SELECT w.user_id, w.course_id FROM wanted w WHERE predict_rating(w.user_id, w.course_id, MODEL) <= 1
	$$, 'a course of the colour is predicted to be liked');
SELECT raises(format('SELECT predict_rating(1, ''c01'', %L)', model), '0A000',
	format('model "%s" of method "%s" cannot predict ratings', model, method), 'Methods that can are %"knn"%',
	model || ': cannot predict, and says which methods can')
FROM variant WHERE NOT predicts_ratings ORDER BY model;

-- Predictions and explanations do not use the row itself.
CREATE TABLE school.own_row AS
	SELECT v.model, v.predicts_ratings, r.*,
		CASE WHEN v.predicts_ratings THEN predict_rating(r.user_id, r.course_id, v.model) END AS predicted,
		(SELECT array_agg(e::text ORDER BY e::text)
			FROM explain_recommendation(r.user_id, r.course_id, v.model) e) AS why
	FROM variant v JOIN school.ratings r ON r.user_id IN (1, 2) WHERE v.explains;
CREATE FUNCTION school.own_row_differs(name text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	o school.own_row;
BEGIN
	FOR o IN SELECT * FROM school.own_row WHERE model = name LOOP
		DELETE FROM school.ratings WHERE user_id = o.user_id AND course_id = o.course_id;
		IF o.predicts_ratings AND predict_rating(o.user_id, o.course_id, name) IS DISTINCT FROM o.predicted
			OR (SELECT array_agg(e::text ORDER BY e::text) FROM explain_recommendation(o.user_id, o.course_id, name) e)
				IS DISTINCT FROM o.why THEN
			RETURN NEXT o::text;
		END IF;
		INSERT INTO school.ratings VALUES (o.user_id, o.course_id, o.rating, o.rated_at);
	END LOOP;
END $$;
SELECT never('explains', 'SELECT * FROM own_row_differs(MODEL)', 'predictions and reasons do not use the row itself');

-- ------------------------------------------------------------ similar courses and users

-- (A table of few similar courses may have one direction without the other.)
SELECT never($$finds_similar AND NOT params ? 'table_size'$$, $$
	WITH s AS (SELECT c.course_id AS a, s.course_id AS b, s.similarity, s.title FROM school.courses c, similar_courses(c.course_id, MODEL, 100) s)
	SELECT s.*, t.similarity AS reverse FROM s LEFT JOIN s t ON t.a = s.b AND t.b = s.a
	WHERE t.similarity IS DISTINCT FROM s.similarity OR s.a = s.b OR s.title <> 'Course ' || ltrim(substr(s.b, 2), '0')
	$$, 'similarities are symmetric; no course is listed as its own neighbour');
SELECT never('finds_similar', $$
	SELECT c.course_id, s.* FROM school.places c, similar_courses(c.course_id, MODEL, 1) s JOIN school.places o USING (course_id)
	WHERE o.white <> c.white OR s.rank > 1
	$$, 'the most similar course has the same colour');
SELECT never('finds_similar', $$
	SELECT * FROM similar_courses('nothing', MODEL) UNION ALL SELECT * FROM similar_courses(NULL::text, MODEL)
	$$, 'nothing is similar to an unknown or NULL course');
SELECT raises(format('SELECT * FROM similar_courses(''c01'', %L)', model), '0A000',
	format('model "%s"%% cannot compare courses', model), '%"knn"%',
		model || ': cannot compare courses, and says what can')
FROM variant WHERE NOT finds_similar ORDER BY model;
SELECT never($$method IN ('knn', 'user_profile', 'als', 'bpr')$$, $$
	SELECT p.user_id, s.* FROM pupils p, similar_users(p.user_id, MODEL, 3) s
	WHERE s.user_id::int % 2 <> p.user_id % 2 OR s.user_id::int = p.user_id OR s.rank > 3
	UNION ALL SELECT 999, s.* FROM similar_users(999, MODEL) s UNION ALL SELECT NULL, s.* FROM similar_users(NULL::int, MODEL) s
	$$, 'similar users have the same colour; none for users without ratings');
SELECT never($$method IN ('knn', 'user_profile', 'als', 'bpr')$$, $$
	WITH s AS (SELECT p.user_id::text AS a, s.user_id AS b, s.similarity FROM pupils p, similar_users(p.user_id, MODEL, 100) s)
	SELECT s.*, t.similarity AS reverse FROM s LEFT JOIN s t ON t.a = s.b AND t.b = s.a
	WHERE t.similarity IS NULL OR abs(t.similarity - s.similarity) > 1e-6
	$$, 'similarities of users are symmetric');
-- Those that compare users, in the order of recsys_methods()
CREATE FUNCTION school.compares(model text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM similar_users(1, model);
	RETURN true;
EXCEPTION WHEN feature_not_supported THEN
	RETURN false;
END $$;
CREATE TABLE school.comparing AS SELECT method, place FROM recsys_methods() WITH ORDINALITY m (method, description, objective,
	predicts_ratings, finds_similar, explains, stores_user_rows, has_factors, place) WHERE compares(method);
SELECT set_has('SELECT method FROM comparing', $$VALUES ('knn'), ('user_profile')$$, 'users are compared by knn and by profiles');
SELECT raises(format('SELECT * FROM similar_users(1, %L)', model), '0A000',
	format('model "%s" of method "%s" cannot compare users', model, method),
	(SELECT format('Methods that can are %s.', string_agg(format('"%s"', method), ', ' ORDER BY place)) FROM comparing),
	model || ': cannot compare users, and says which methods can')
FROM variant WHERE method NOT IN (SELECT method FROM comparing) ORDER BY model;

-- ------------------------------------------------------------ factors

SELECT never('has_factors', $$
	WITH f AS (SELECT * FROM course_factors(MODEL))
	(SELECT course_id FROM f EXCEPT ALL SELECT course_id FROM school.courses)
	UNION ALL (SELECT course_id FROM school.courses EXCEPT ALL SELECT course_id FROM f)
	UNION ALL SELECT course_id FROM f WHERE cardinality(factors) <> (SELECT max(cardinality(factors)) FROM f)
		OR (factors IS NULL) <> (norm IS NULL) OR abs(norm - l2_norm(factors)) > 1e-5 * greatest(1, norm)
	$$, 'factors of every course, equally many, with their length');
SELECT never('has_factors', $$
	WITH f AS (SELECT * FROM user_factors(MODEL)),
	everybody AS (SELECT id::text AS user_id, EXISTS (SELECT FROM school.ratings r WHERE r.user_id = u.id) AS rated FROM school.users u)
	SELECT user_id FROM f FULL JOIN everybody USING (user_id)
	WHERE (factors IS NOT NULL) IS DISTINCT FROM rated
		OR cardinality(factors) <> (SELECT max(cardinality(factors)) FROM course_factors(MODEL))
	$$, 'factors of every user; NULL of those without ratings');
SELECT never('has_factors', $$
	WITH product AS (SELECT u.user_id, c.course_id,
			dot_product(u.factors, c.factors) + coalesce(u.bias, 0) + coalesce(c.bias, 0) AS product,
			CASE WHEN (SELECT objective FROM variant WHERE model = MODEL) = 'rating'
				THEN predict_rating(u.user_id, c.course_id, MODEL) ELSE r.score END AS opinion
		FROM user_factors(MODEL) u CROSS JOIN course_factors(MODEL) c
			LEFT JOIN LATERAL recommend_courses(u.user_id, MODEL, 100) r USING (course_id)
		WHERE u.factors IS NOT NULL AND NOT EXISTS (SELECT FROM school.ratings o
			WHERE o.user_id::text = u.user_id AND o.course_id = c.course_id))
	SELECT * FROM product a JOIN product b USING (user_id)
	WHERE a.product > b.product + 1e-4 AND a.opinion < b.opinion - 1e-4
	$$, 'the products of the factors order the courses as the method does');
SELECT never('has_factors', $$
	SELECT m, a.course_id, s.course_id, similarity FROM unnest('{cosine,dot}'::text[]) m, course_factors(MODEL) a
		LEFT JOIN LATERAL similar_courses(a.course_id, MODEL, 100, m) s ON true LEFT JOIN course_factors(MODEL) b ON b.course_id = s.course_id
	WHERE abs(similarity - CASE m WHEN 'dot' THEN dot_product(a.factors, b.factors)
		ELSE cosine_similarity(a.factors, b.factors) END) > 1e-5 * greatest(1, abs(similarity))
		OR a.course_id = b.course_id OR similarity IS NULL AND a.norm > 0
	$$, 'similar_courses by cosine and dot is that of the factors');
SELECT never('has_factors', $$
	WITH few AS MATERIALIZED (SELECT set_config('course_recsys.threads', '1', true), array_agg(f::text) AS all FROM user_factors(MODEL) f),
	many AS MATERIALIZED (SELECT set_config('course_recsys.threads', '5', true), array_agg(f::text) AS all FROM user_factors(MODEL) f)
	SELECT FROM few, many WHERE few.all IS DISTINCT FROM many.all
	$$, 'the same factors of users on 1 and on 5 threads');
SELECT raises(format(call, model), '0A000', format('model "%s" of method "%s" cannot ' || what, model, method),
	'Methods that can are ' || coalesce((SELECT string_agg(format('"%s"', method), ', ' ORDER BY place)
		FROM recsys_methods() WITH ORDINALITY m (method, d, o, p, f, e, s, has_factors, place) WHERE has_factors), '') || '.',
	model || ': cannot ' || what || ', and says which methods can')
FROM variant, (VALUES ('SELECT * FROM course_factors(%L)', 'show factors'), ('SELECT * FROM user_factors(%L)', 'show factors'),
	('SELECT * FROM similar_courses(''c01'', %L, measure => ''dot'')', 'compare courses by their factors')) v (call, what)
WHERE NOT has_factors AND params = '{}' ORDER BY model, call;

-- A model of a method with factors that has none
SELECT raises(format(call, model), '0A000', format('model "%s" of method "%s" cannot ' || what, model, method), '%"arch"%',
	model || ': has no factors and cannot ' || what)
FROM variant, (VALUES ('SELECT * FROM course_factors(%L)', 'show factors'), ('SELECT * FROM user_factors(%L)', 'show factors'),
	('SELECT * FROM project_courses(%L)', 'project courses'),
	('SELECT * FROM similar_courses(''c01'', %L, measure => ''dot'')', 'compare courses by their factors')) v (call, what)
WHERE params @> '{"arch": "neumf"}' ORDER BY model, call;

-- ------------------------------------------------------------ the same bytes

-- The stored bytes of a new version of the model, which is not kept
CREATE FUNCTION school.trained_bytes(v school.variant, dataset text, threads int) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
	bytes bytea;
BEGIN
	PERFORM set_config('course_recsys.threads', threads::text, true);
	PERFORM train_model('bytes', v.method, v.params, dataset);
	SELECT string_agg(data, '' ORDER BY chunk) INTO bytes FROM recsys_model_data
		WHERE build = (SELECT build FROM recsys_model WHERE model = 'bytes' AND published);
	PERFORM drop_model('bytes');
	RETURN bytes;
END $$;
CREATE TABLE school.shuffled AS SELECT * FROM school.ratings ORDER BY md5(user_id || course_id);
CREATE TABLE school.shuffled_courses AS SELECT * FROM school.courses ORDER BY md5(course_id);
CREATE TABLE school.shuffled_users AS SELECT * FROM school.users ORDER BY md5(id::text);
SELECT register_dataset('shuffled', 'shuffled', 'shuffled_courses', time_column => 'rated_at',
	genre_columns => '{white,black}', users => 'shuffled_users', user_feature_columns => '{colour}');
SELECT ok(octet_length(one) > 500 AND one = all_of AND one = five AND one = other,
	v.model || ': equal bytes for 1, 2 and 5 threads and for rows in another order')
FROM variant v, LATERAL (SELECT trained_bytes(v, 'school', 1) AS one, trained_bytes(v, 'school', 2) AS all_of,
	trained_bytes(v, 'school', 5) AS five, trained_bytes(v, 'shuffled', 2) AS other) b ORDER BY model;
SELECT isnt(trained_bytes(v, 'school', 1), trained_bytes(w, 'school', 1), 'other parameters, other bytes')
FROM variant v, variant w WHERE v.model = 'knn similarity=cosine' AND w.model = 'knn similarity=jaccard';

-- ------------------------------------------------------------ cold_start none

SELECT is((SELECT count(*) FROM train_model('none ' || method, method, '{"cold_start": "none"}', 'school')), 1::bigint,
	method || ' with cold_start none') FROM recsys_methods() ORDER BY method;
SELECT is_empty(format($$
	WITH filled AS (SELECT u.id, r.rank, r.course_id, r.score FROM school.users u, recommend_courses(u.id, %L, 100) r
		WHERE score IS NOT NULL),
	scored AS (SELECT u.id, r.rank, r.course_id, r.score FROM school.users u, recommend_courses(u.id, %L, 100) r)
	(SELECT * FROM filled EXCEPT SELECT * FROM scored) UNION ALL (SELECT * FROM scored EXCEPT SELECT * FROM filled)$$,
	method, 'none ' || method), method || ' with cold_start none: the scored rows alone')
FROM recsys_methods() ORDER BY method;

-- ------------------------------------------------------------ threads

SELECT is(count(*), 1::bigint, 'after all that, the session has no thread but its own') FROM pg_ls_dir('/proc/self/task');

SELECT * FROM finish();
ROLLBACK;
