-- Methods embedding_regression and embedding_classification: parameters, features, classes; what all methods promise is in contract.sql.
\ir setup.psql
\ir fixture.psql
SELECT no_plan();

-- ------------------------------------------------------------ parameters

SELECT is((SELECT count(*) FROM train_model('e', 'embedding_classification', '{"embedding": {"params": {"factors": 4}, "method": "svd"},
	"features": "embeddings, genres"}', 'school')), 1::bigint, 'trains');
SELECT is((SELECT jsonb_build_array(params -> 'embedding', params -> 'features', params -> 'estimator', params -> 'n_estimators', params -> 'relevance')
	FROM recsys_models WHERE model = 'e'), '[{"method": "svd", "params": {"factors": 4}}, "embeddings, genres", "logistic", null, null]',
	'parameters are stored as they were given');
SELECT is_empty($$SELECT * FROM train_model('e', 'embedding_classification', '{"embedding": {"method": "svd", "params": {"factors": 4}},
	"features": "embeddings, genres"}', 'school', if_changed => true)$$, 'the same again is no change');
SELECT is((SELECT count(*) FROM train_model('d', 'embedding_regression', dataset => 'school')), 1::bigint, 'trains');
SELECT is((SELECT params -> 'embedding' FROM recsys_models WHERE model = 'd'), 'null', 'the default base is null');
SELECT is((SELECT count(*) FROM train_model('n', 'embedding_regression', '{"embedding": "nmf"}', 'school')), 1::bigint, 'trains');
SELECT is((SELECT params -> 'embedding' FROM recsys_models WHERE model = 'n'), '"nmf"', 'a base by its name');
SELECT results_eq($$SELECT param, type, default_value FROM recsys_method_params('embedding_regression') LIMIT 4$$,
	$$VALUES ('estimator', 'choice', 'ridge'), ('combine', 'choice', 'product'), ('embedding', 'method', NULL), ('features', 'text', 'embeddings')$$,
	'the parameters');

CREATE TABLE mistake (params jsonb, message text, hint text);
INSERT INTO mistake VALUES
	('{"embedding": ["svd"]}', 'parameter "embedding" must be a method', 'Write it like "svd" or {"method": %'),
	('{"embedding": 7}', 'parameter "embedding" must be a method', 'Write it like "svd" or {"method": %'),
	('{"embedding": true}', 'parameter "embedding" must be a method', 'Write it like "svd" or {"method": %'),
	('{"embedding": {"params": {}}}', 'parameter "embedding" must be a method', 'Write it like "svd" or {"method": %'),
	('{"embedding": "none"}', 'unrecognized recommendation method in parameter "embedding": "none"', 'Valid methods are %"svd"%'),
	('{"embedding": "hybrid"}', 'method "hybrid" in parameter "embedding" is made of parts itself', 'Valid methods are %"svd"%'),
	('{"embedding": "embedding_regression"}', 'method "embedding_regression" in parameter "embedding" is made of parts itself', NULL),
	('{"embedding": "knn"}', 'method "knn" in parameter "embedding" has no factors',
		'Methods that have are "svd", "nmf", "als", "mf", "bpr", "nn".'),
	('{"embedding": {"method": "nn", "params": {"arch": "neumf"}}}', 'method "nn" in parameter "embedding" has no factors with these parameters',
		'Give it others%'),
	('{"embedding": {"method": "svd", "params": {"factor": 4}}}', 'unrecognized parameter "factor" for method "svd"', NULL),
	('{"embedding": {"method": "svd", "params": {"half_life": "3 days"}}}', 'parameter "half_life" cannot be set for part "svd" alone',
		'Set it beside "embedding"%'),
	('{"embedding": {"method": "nn", "params": {"objective": "rating", "negatives": 3}}}',
		'parameter "negatives" cannot be used with objective "rating"', NULL),
	('{"features": "genres"}', 'parameter "features" is not a list of features: "genres"', 'Write "embeddings"%'),
	('{"features": "embeddings,words"}', 'parameter "features" is not a list of features: "embeddings,words"', 'Write "embeddings"%'),
	('{"features": ["embeddings"]}', 'parameter "features" must be text', NULL),
	('{"estimator": "linear_svm"}', 'unrecognized value "linear_svm" for parameter "estimator"', NULL),
	('{"max_depth": 21}', 'value 21 is out of range for parameter "max_depth"', NULL),
	('{"max_depth": 2.5}', 'parameter "max_depth" must be an integer', 'Valid values are between 1 and 20.'),
	('{"learning_rate": 0.1}', 'parameter "learning_rate" cannot be used with estimator "%"', 'Leave out "learning_rate", %'),
	('{"estimator": "decision_tree", "n_estimators": 5}', 'parameter "n_estimators" cannot be used with estimator "decision_tree"', NULL),
	('{"folds": 1}', 'value 1 is out of range for parameter "folds"', NULL);
SELECT raises(format('SELECT * FROM train_model(''wrong'', %L, %L, ''school'')', method, params), '22023', message, hint, method || ': ' || message)
FROM mistake, unnest('{embedding_regression,embedding_classification}'::text[]) method ORDER BY message, params, method;
SELECT raises($$SELECT * FROM train_model('wrong', 'hybrid', '{"models": ["knn", "embedding_regression"]}', 'school')$$, '22023',
	'method "embedding_regression" in parameter "models" is made of parts itself', NULL, 'no part of a hybrid');

SELECT register_dataset('bare', 'school.ratings');
SELECT raises(format($$SELECT * FROM train_model('wrong', 'embedding_regression', '{"features": "embeddings,%s"}', 'bare')$$, feature), '22000', message,
	'Register the dataset with %', feature || ' of a dataset without')
FROM (VALUES ('genres', 'method "embedding_regression" needs genres'), ('terms', '%needs terms%'),
	('attributes', 'method "embedding_regression" needs attributes of users')) v (feature, message);

-- ------------------------------------------------------------ features

-- A course that nobody rated is estimated by what it is, or not at all.
INSERT INTO school.courses SELECT (jsonb_populate_record(c, '{"course_id": "c99", "title": "New"}')).* FROM school.courses c WHERE course_id = 'c01';
SELECT train_model('with', 'embedding_regression', '{"features": "embeddings,genres,terms,attributes", "min_ratings": 0}', 'school');
SELECT train_model('without', 'embedding_regression', '{"min_ratings": 0}', 'school');
SELECT is((SELECT count(score) FROM recommend_courses(1, 'with', 100) WHERE course_id = 'c99'), 1::bigint, 'a new course by its genres and words');
SELECT is((SELECT count(score) FROM recommend_courses(1, 'without', 100) WHERE course_id = 'c99'), 0::bigint, 'not by its embedding');
SELECT results_eq($$SELECT term, value FROM training_log('with') WHERE term IN ('features', 'rows') ORDER BY term$$,
	$$SELECT 'features', (18 + 2 + (SELECT count(DISTINCT lexeme) FROM school.courses, unnest(to_tsvector('english', title || ' ' || description))) + 2)::float8
	UNION ALL SELECT 'rows', count(*)::float8 FROM school.ratings$$, 'two vectors of 16 with biases, two genres, the words and two colours');
SELECT is((SELECT value FROM training_log(model) WHERE term = 'rows'), 50::float8, 'rows are drawn when there are more')
FROM train_model('few', 'embedding_regression', '{"max_rows": 50}', 'school');

-- ------------------------------------------------------------ classes

SELECT is_empty($$
	SELECT metric, value, baseline, baseline_method, users, ratings
	FROM evaluate_method('embedding_classification', '{"relevance": 4}', 'school', relevance => 4, random_state => 7)
	EXCEPT SELECT metric, value, baseline, baseline_method, users, ratings FROM evaluate_method('embedding_classification', '{}', 'school', relevance => 4, random_state => 7)$$,
	'an evaluation with a relevance learns these classes');
SELECT raises($$SELECT * FROM evaluate_method('embedding_classification', '{"relevance": 3}', 'school', relevance => 4)$$, '22023',
	'relevance 4 of the evaluation is not the parameter "relevance" 3 of method "embedding_classification"', 'Leave the parameter out%',
	'and no others');
SELECT is_empty($$
	SELECT m.method, e.* FROM unnest('{svd,embedding_regression,embedding_classification}'::text[]) AS m (method),
		evaluate_method(m.method, '{}', 'school', relevance => 4, strategy => 'random', random_state => 7) e
	WHERE metric = 'ber' AND (baseline > 0.5 OR baseline_method IS NULL) OR metric IN ('rmse', 'ndcg') AND baseline_method = 'majority'$$,
	'the majority is among the baselines of classes only');
SELECT register_dataset('taken', 'school.ratings', 'school.courses', rating_column => NULL);
SET LOCAL client_min_messages = notice;
SELECT is((SELECT count(*) FROM train_model('taken', 'embedding_classification', dataset => 'taken')), 1::bigint, 'implicit rows: what is taken');
SET LOCAL client_min_messages = warning;
SELECT cmp_ok((SELECT count(*) FROM recommend_courses(1, 'taken', 3) WHERE score > 0), '=', 3::bigint, 'and that ranks');

SELECT * FROM finish();
ROLLBACK;
