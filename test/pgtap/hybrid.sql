-- Method hybrid: what is special about a model that is made of others.
\ir setup.psql
\ir fixture.psql
SELECT no_plan();

-- ------------------------------------------------------------ parameters

SELECT is((SELECT params - '{random_state,half_life,cold_start,keep_versions,verbose}'::text[] FROM recsys_models WHERE model = 'h'),
	NULL, 'no model yet');
SELECT is((SELECT count(*) FROM train_model('h', 'hybrid', '{"models": ["knn", {"name": "a", "params": {"factors": 8}, "method": "als"}],
	"weights": [3, 1.5]}', 'school')), 1::bigint, 'trains');
SELECT is((SELECT params - '{random_state,half_life,cold_start,keep_versions,verbose}'::text[] FROM recsys_models WHERE model = 'h'),
	'{"models": ["knn", {"name": "a", "method": "als", "params": {"factors": 8}}], "weights": [3, 1.5], "strategy": "weighted",
	"rank_constant": 60}', 'parameters are stored as they were given');
SELECT is_empty($$SELECT * FROM train_model('h', 'hybrid', '{"models": ["knn", {"method": "als", "params": {"factors": 8}, "name": "a"}],
	"weights": [3, 1.5]}', 'school', if_changed => true)$$, 'the same again is no change');
SELECT results_eq($$SELECT param, type, default_value FROM recsys_method_params('hybrid') LIMIT 4$$,
	$$VALUES ('models', 'methods', '["als", "knn"]'), ('strategy', 'choice', 'weighted'), ('weights', 'numbers', NULL),
	('rank_constant', 'float', '60')$$, 'the parameters');

CREATE TABLE mistake (params jsonb, message text, hint text);
INSERT INTO mistake VALUES
	('{"models": "knn"}', 'parameter "models" must be a list of methods', 'Write it like ["knn", %'),
	('{"models": null}', 'parameter "models" must not be null', 'Write it like ["knn", %'),
	('{"models": 7}', 'parameter "models" must be a list of methods', 'Write it like ["knn", %'),
	('{"models": {"method": "knn"}}', 'parameter "models" must be a list of methods', 'Write it like ["knn", %'),
	('{"models": ["knn"]}', 'parameter "models" must have at least two parts', 'Write it like ["knn", %'),
	('{"models": ["knn", "none"]}', 'unrecognized recommendation method in parameter "models": "none"', 'Valid methods are %"knn"%'),
	('{"models": ["knn", "hybrid"]}', 'method "hybrid" in parameter "models" is made of parts itself', 'Valid methods are %"knn"%'),
	('{"models": ["knn", {"method": "als", "params": {"factor": 3}}]}', 'unrecognized parameter "factor" for method "als"',
		'Valid parameters are "factors"%'),
	('{"models": ["knn", {"method": "als", "params": {"factors": "many"}}]}', 'parameter "factors" must be an integer', NULL),
	('{"models": ["knn", {"method": "als", "params": {"half_life": "3 days"}}]}',
		'parameter "half_life" cannot be set for part "als" alone', 'Set it beside "models"%'),
	('{"models": ["knn", {"method": "als", "version": 2}]}', 'unrecognized key "version" in parameter "models"', NULL),
	('{"models": ["knn", "knn"]}', 'two parts are named "knn"', 'Give one of them another "name".'),
	('{"weights": [1]}', 'parameter "weights" must have 2 numbers, not 1', NULL),
	('{"weights": []}', 'parameter "weights" must be an array of 1 to 8 numbers', NULL),
	('{"weights": [1, "2"]}', 'parameter "weights" must be an array of 1 to 8 numbers', NULL),
	('{"weights": [1, -2]}', 'value -2 is out of range for parameter "weights"', NULL),
	('{"weights": [0, 0]}', 'parameter "weights" must not be all 0', 'Give null to learn them.'),
	('{"strategy": "mixed", "weights": [1, 1]}', 'parameter "weights" has no meaning%', NULL),
	('{"strategy": "best"}', 'unrecognized value "best" for parameter "strategy"', NULL),
	(jsonb_build_object('models', '["knn", "als"]'::jsonb || jsonb_build_array(repeat('x', 2000))),
		'value of parameter "models" is too long', NULL);
SELECT raises(format('SELECT * FROM train_model(''wrong'', ''hybrid'', %L, ''school'')', params), '22023', message, hint, message)
FROM mistake ORDER BY message, params;
SELECT raises($$SELECT * FROM train_model('wrong', 'hybrid', '{"models": ["knn", "demographic"]}', 'plain')$$, '42704', NULL, NULL,
	'no such dataset');

-- ------------------------------------------------------------ rows

SELECT results_eq($$SELECT DISTINCT source FROM recommend_courses(1, 'h', 100) WHERE score IS NOT NULL ORDER BY 1$$,
	$$VALUES ('a'), ('knn')$$, 'a row names its part by the name that it was given');
SELECT raises($$SELECT predict_rating(1, 'c01', 'h')$$, '0A000', 'model "h" of method "hybrid" cannot predict ratings', NULL,
	'als predicts no ratings, so the whole does not');
SELECT is((SELECT count(*) FROM train_model('p', 'hybrid', '{"models": ["knn", "bias"], "weights": [1, 0]}', 'school')), 1::bigint, 'trains');
SELECT is((SELECT count(*) FROM train_model('k', 'knn', dataset => 'school')), 1::bigint, 'trains');
SELECT is_empty($$SELECT p.user_id, c.course_id FROM pupils p, courses c
	WHERE abs(predict_rating(p.user_id, c.course_id, 'p') - predict_rating(p.user_id, c.course_id, 'k')) > 1e-6$$,
	'predictions by parts that predict, with their weights');
SELECT is((SELECT count(DISTINCT metric) FROM evaluate_method('hybrid', '{"models": ["knn", "bias"]}', 'school')
	WHERE metric IN ('rmse', 'ndcg')), 2::bigint, 'and so they are evaluated');
SELECT is((SELECT count(*) FROM evaluate_method('hybrid', dataset => 'school') WHERE metric = 'rmse'), 0::bigint, 'but not those of als');
SELECT is_empty($$SELECT e.because FROM recommend_courses(1, 'h', 100) r, explain_recommendation(1, r.course_id, 'h') e
	WHERE r.score > 0 AND e.kind <> 'course' AND e.because NOT IN ('a', 'knn', 'popularity')$$,
	'reasons are those of the parts, or the parts');

-- ------------------------------------------------------------ no ratings yet

-- A new course of the white ones, and a new one of no colour; and users without ratings
INSERT INTO school.courses VALUES ('c13', 'Course 13', 'snow', true, 0, true), ('c14', 'Course 14', 'nothing', false, 0, true);
SELECT is((SELECT count(*) FROM train_model('ladder', 'hybrid', '{"strategy": "ladder", "models": ["knn", "user_profile", "kmeans",
	{"name": "charts", "method": "popular", "params": {"score": "weighted", "percentile": 0.5}},
	{"name": "luck", "method": "popular", "params": {"score": "random"}}]}', 'school')), 1::bigint, 'trains');
SELECT is((SELECT count(*) FROM train_model('k', 'knn', dataset => 'school')), 1::bigint, 'trains');
SELECT results_eq($$SELECT score IS NULL, source FROM recommend_courses(1, 'k', 100) WHERE course_id = 'c13'$$,
	$$VALUES (true, 'popular')$$, 'knn knows nothing of a new course');
SELECT results_eq($$SELECT score IS NULL, source FROM recommend_courses(1, 'ladder', 100) WHERE course_id = 'c13'$$,
	$$VALUES (false, 'user_profile')$$, 'the ladder places it by its content');
SELECT results_eq($$SELECT source FROM recommend_courses(1, 'ladder', 100) WHERE course_id = 'c14'$$,
	$$VALUES ('luck')$$, 'and one of which nothing is known by chance');
SELECT results_eq($$SELECT DISTINCT first_value(source) OVER (PARTITION BY s ORDER BY rank DESC) FROM (
	SELECT source = 'knn' AS s, rank, source FROM recommend_courses(1, 'ladder', 2)) r$$, $$VALUES ('knn')$$, 'personal rows come first');
SELECT results_eq($$SELECT source FROM recommend_courses(21, 'ladder', 100) WHERE score IS NOT NULL ORDER BY rank$$,
	$$SELECT source FROM recommend_courses(NULL::int, 'ladder', 100) WHERE score IS NOT NULL ORDER BY rank$$, 'users without ratings are visitors');
SELECT results_eq($$SELECT source, count(*) > 0 FROM recommend_courses(21, 'ladder', 100) GROUP BY 1 ORDER BY min(rank)$$,
	$$VALUES ('charts', true), ('luck', true)$$, 'who get the charts, then chance');
SELECT is_empty($$(SELECT u.id::text, r.* FROM users u, recommend_courses(u.id, 'ladder', 100) r
	EXCEPT SELECT * FROM recommend_all('ladder', 100))
	UNION ALL (SELECT * FROM recommend_all('ladder', 100)
	EXCEPT SELECT u.id::text, r.* FROM users u, recommend_courses(u.id, 'ladder', 100) r)$$, 'recommend_all has the same sources');
SELECT is_empty($$SELECT * FROM recommend_all('ladder', 100) WHERE score IS NULL$$, 'everything has a place');
SELECT is((SELECT count(*) FROM train_model('w', 'hybrid', '{"models": ["knn", "user_profile"]}', 'school')), 1::bigint, 'trains');
SELECT results_eq($$SELECT score > 0, source FROM recommend_courses(1, 'w', 100) WHERE course_id = 'c13'$$,
	$$VALUES (true, 'user_profile')$$, 'so does a weighted hybrid, with learned weights, too');
SELECT is_empty($$SELECT p.user_id FROM pupils p WHERE
	(SELECT score FROM recommend_courses(p.user_id, 'w', 100) WHERE course_id = 'c13') IS NOT NULL IS DISTINCT FROM p.white
	AND (SELECT score FROM recommend_courses(p.user_id, 'w', 100) WHERE course_id = 'c13') > 0$$, 'for those who like its colour');

-- ------------------------------------------------------------ inside evaluation and tuning

SELECT is((SELECT count(DISTINCT fold) FROM evaluate_method('hybrid', dataset => 'school', strategy => 'random', folds => 3)
	WHERE metric = 'ndcg' AND fold IS NOT NULL), 3::bigint, 'refitted in every fold');
SELECT is((SELECT count(DISTINCT params) FROM tune_method('hybrid', '{"strategy": ["weighted", "rank_fusion"],
	"models": [["knn", "als"], ["knn", "popular"]], "weights": [[1, 1], [1, 3]]}', 'school', strategy => 'random')
	WHERE metric LIKE 'validation%'), 8::bigint, 'a grid over parts and weights');
SELECT is((SELECT count(*) FROM training_log('w') WHERE term IN ('ndcg', 'weight.knn', 'weight.user_profile')) >= 3, true,
	'the log says which weights were learned');
SELECT is((SELECT count(*) > 0 FROM estimate_training('hybrid', '{}', 'school') WHERE phase = 'fit' AND bytes > 0), true, 'estimated');
SELECT is((SELECT stores_user_rows FROM recsys_methods() WHERE method = 'hybrid'), true, 'parts may hold rows of users');
SELECT * FROM finish();
ROLLBACK;
