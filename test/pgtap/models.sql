-- The life of a model: versions, publishing, rollback, pruning, if_changed; parameters; what the views show.
\ir setup.psql
\ir fixture.psql
SELECT no_plan();

-- versions|published|withdrawn of a model, oldest first
CREATE FUNCTION school.versions(name text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(version || CASE WHEN published THEN ' published' ELSE '' END || CASE WHEN withdrawn THEN ' withdrawn' ELSE '' END, ', ' ORDER BY version)
	FROM recsys_model_versions WHERE model = name $$;

-- ------------------------------------------------------------ train_model

SELECT results_eq($$SELECT model, version, method, users, courses, ratings, seconds >= 0 AND seconds < 60, bytes > 500 FROM train_model('m', 'knn', dataset => 'school')$$,
	$$VALUES ('m', 1, 'knn', 20::bigint, 12, 100::bigint, true, true)$$, 'the row of train_model');
SELECT is(versions('m'), '1 published', 'the first version is published');
SELECT results_eq($$SELECT model, version, owner, method, dataset, users, courses, ratings, duplicates, holds_user_rows, seconds >= 0, bytes > 500,
	published_at IS NOT NULL, trained_at <= clock_timestamp() FROM recsys_models$$,
	$$VALUES ('m', 1, current_user::text COLLATE "default", 'knn', 'school', 20::bigint, 12, 100::bigint, 0::bigint, false, true, true, true, true)$$,
		'recsys_models');
SELECT results_eq($$SELECT model, version, published, withdrawn, load_seconds + fit_seconds <= seconds, build IS NOT NULL FROM recsys_model_versions$$,
	'VALUES (''m'', 1, true, false, true, true)', 'recsys_model_versions');
SELECT is((SELECT bytes FROM recsys_models), (SELECT sum(octet_length(data)) FROM recsys_model_data)::bigint,
	'bytes are the bytes stored');
SELECT is((SELECT params FROM recsys_models),
	(SELECT jsonb_object_agg(param, CASE WHEN default_value IS NULL THEN 'null' WHEN type IN ('choice', 'text')
	THEN to_jsonb(default_value) ELSE default_value::jsonb END) FROM recsys_method_params('knn')),
		'params are stored with all defaults');
SELECT train_model('h', 'knn', '{"half_life": "30 days"}', 'school');
SELECT is((SELECT (params ->> 'half_life')::interval FROM recsys_models WHERE model = 'h'),
	interval '2592000 seconds', 'an interval');
SELECT drop_model('h');
SELECT is((SELECT method FROM train_model('popular', dataset => 'school')), 'popular',
	'the method is by default the name of the model');
SELECT is((SELECT method FROM train_model('popular', NULL, dataset => 'school')), 'popular', 'also when NULL');
SELECT train_model('u', 'knn', '{"user_based": true}', 'school');
SELECT is((SELECT holds_user_rows FROM recsys_models WHERE model = 'u'), true, 'user-based models hold rows of users');
SELECT drop_model('u');
SELECT drop_model('popular');

-- ------------------------------------------------------------ publish, rollback

SELECT is((SELECT version FROM train_model('m', 'popular', dataset => 'school', publish => false)), 2, 'publish false');
SELECT is(versions('m'), '1 published, 2', 'the old version is served');
SELECT is((SELECT source FROM recommend_courses(1, 'm', 1)), 'm', 'indeed');
SELECT publish_model('m', 2);
SELECT is(versions('m'), '1, 2 published', 'publish_model');
SELECT is((SELECT source FROM recommend_courses(1, 'm', 1)), 'popular', 'the new one is served at once');
SELECT is(rollback_model('m'), 1, 'rollback_model gives the version');
SELECT is(versions('m'), '1 published, 2 withdrawn', 'the rolled back one is withdrawn');
SELECT is((SELECT source FROM recommend_courses(1, 'm', 1)), 'm', 'the old one is served at once');
SELECT raises($$SELECT rollback_model('m')$$, '55000', '%"m"%', '%recsys_model_versions%',
	'a withdrawn version is no target');
SELECT publish_model('m', 2);
SELECT is(versions('m'), '1, 2 published', 'a withdrawn version may be published by hand');
SELECT publish_model('m', 2);
SELECT is(rollback_model('m'), 1, 'publishing the published version changes nothing: the target is the same');
SELECT raises($$SELECT publish_model('m', 3)$$, '42704', '%"m"%3%', '%recsys_model_versions%', 'no such version');
SELECT raises($$SELECT publish_model('m', 0)$$, '42704', '%"m"%0%', '%recsys_model_versions%', 'nor 0');
SELECT train_model('fresh', 'knn', dataset => 'school');
SELECT raises($$SELECT rollback_model('fresh')$$, '55000', '%"fresh"%', '%recsys_model_versions%',
	'nothing before the first version');
SELECT train_model('fresh', 'knn', dataset => 'school', publish => false);
SELECT raises($$SELECT rollback_model('fresh')$$, '55000', '%"fresh"%', '%recsys_model_versions%',
	'a version that was never published is no target');
SELECT train_model('hidden', 'knn', dataset => 'school', publish => false);
SELECT raises($$SELECT * FROM recommend_courses(1, 'hidden')$$, '55000', '%"hidden"%', '%publish_model()%',
	'a model without published version does not answer');
SELECT raises($$SELECT rollback_model('hidden')$$, '55000', '%"hidden"%', NULL, 'nor roll back');
SELECT is_empty($$SELECT * FROM recsys_models WHERE model = 'hidden'$$, 'nor is it in recsys_models');
SELECT publish_model('hidden', 1);
SELECT isnt_empty($$SELECT * FROM recommend_courses(1, 'hidden')$$, 'until it is published');

-- ------------------------------------------------------------ keep_versions

SELECT is((SELECT version FROM train_model('m', 'knn', dataset => 'school')), 3, 'versions are not used again');
SELECT is(versions('m'), '1, 3 published', 'of more than two the withdrawn one goes first');
SELECT train_model('m', 'knn', dataset => 'school');
SELECT is(versions('m'), '3, 4 published', 'then the oldest');
SELECT train_model('m', 'knn', dataset => 'school', publish => false);
SELECT is(versions('m'), '3, 4 published, 5', 'never the published one, nor where rollback would go');
SELECT train_model('m', 'knn', dataset => 'school', publish => false);
SELECT is(versions('m'), '3, 4 published, 6', 'the newest unpublished one replaces the other');
SELECT is(rollback_model('m'), 3, 'rollback');
SELECT train_model('m', 'knn', '{"keep_versions": 1}', dataset => 'school');
SELECT is(versions('m'), '3, 7 published', 'keep_versions 1 still keeps the way back');
SELECT alike((SELECT description FROM recsys_method_params('knn') WHERE param = 'keep_versions'),
	'%published%newest%roll back%', 'as its description says');
SELECT train_model('m', 'knn', '{"keep_versions": 5}', dataset => 'school');
SELECT train_model('m', 'knn', '{"keep_versions": 5}', dataset => 'school');
SELECT is(versions('m'), '3, 7, 8, 9 published', 'keep_versions 5');
SELECT is(rollback_model('m'), 8, 'back once');
SELECT is(rollback_model('m'), 7, 'twice');
SELECT is(rollback_model('m'), 3, 'three times');
SELECT raises($$SELECT rollback_model('m')$$, '55000', '%"m"%', NULL, 'to the end');
SELECT is(versions('m'), '3 published, 7 withdrawn, 8 withdrawn, 9 withdrawn', 'all others are withdrawn');
SELECT train_model('m', 'knn', '{"keep_versions": 3}', dataset => 'school');
SELECT is(versions('m'), '3, 9 withdrawn, 10 published', 'withdrawn ones go, the oldest first');
SELECT t.version FROM generate_series(1, 3) n,
	train_model('w', 'knn', '{"keep_versions": 3}', 'school', publish => n > 0) t;
SELECT is(rollback_model('w'), 2, 'version 3 is withdrawn');
SELECT train_model('w', 'knn', '{"keep_versions": 3}', dataset => 'school');
SELECT is(versions('w'), '1, 2, 4 published', 'a withdrawn version goes before an older one that is not');
SELECT is_empty($$SELECT build FROM recsys_model_data EXCEPT SELECT build FROM recsys_model$$,
	'data of pruned versions are gone');
SELECT is_empty($$SELECT build FROM recsys_model EXCEPT SELECT build FROM recsys_model_data$$,
	'data of kept ones are not');
SELECT drop_model('m');
SELECT is(versions('m'), NULL, 'drop_model');
SELECT is_empty($$SELECT build FROM recsys_model_data EXCEPT SELECT build FROM recsys_model$$, 'with its data');
SELECT raises($$SELECT drop_model('m')$$, '42704', '%"m"%', '%train_model()%', 'again');
SELECT raises($$SELECT * FROM recommend_courses(1, 'm')$$, '42704', '%"m"%', '%train_model()%',
	'a dropped model does not answer');
SELECT is((SELECT version FROM train_model('m', 'knn', dataset => 'school')), 1, 'a new life starts with version 1');

-- Nothing is left of a run that is rolled back, and the session serves the old version.
SAVEPOINT before;
SELECT train_model('m', 'popular', dataset => 'school');
SELECT is((SELECT source FROM recommend_courses(1, 'm', 1)), 'popular', 'trained');
ROLLBACK TO before;
SELECT is((SELECT source FROM recommend_courses(1, 'm', 1)), 'm', 'and rolled back');
SELECT is(versions('m'), '1 published', 'without trace');

-- ------------------------------------------------------------ if_changed

SELECT is_empty($$SELECT * FROM train_model('m', 'knn', dataset => 'school', if_changed => true)$$,
	'if_changed: the same data and parameters');
SELECT is_empty($$SELECT * FROM train_model('m', 'knn', '{"k": 40}', dataset => 'school', if_changed => true)$$,
	'a default written out is the same');
CREATE TABLE school.change (id serial, description text, change text);
INSERT INTO change (description, change) VALUES
	('one rating more', $$INSERT INTO ratings VALUES (21, 'c01', 3, now())$$),
	('one rating less', $$DELETE FROM ratings WHERE user_id = 1 AND course_id = 'c01'$$),
	('another rating', $$UPDATE ratings SET rating = rating + 0.5 WHERE user_id = 1 AND course_id = 'c01'$$),
	('another time',
		$$UPDATE ratings SET rated_at = rated_at + interval '1 second' WHERE user_id = 1 AND course_id = 'c01'$$),
	('another user', $$UPDATE ratings SET user_id = 25 WHERE user_id = 1$$),
	('a course more', $$INSERT INTO courses VALUES ('c14', 'Course 14', 'x', true, 0, true)$$),
	('the data are gone', $$DELETE FROM recsys_model_data d USING recsys_model m WHERE d.build = m.build AND m.model = 'm'$$),
	('the data are cut off', $$UPDATE recsys_model_data SET data = substr(data, 1, 1000)$$),
	('the data are longer', $$UPDATE recsys_model_data SET data = data || '\x00'$$),
	('a bit of the data is another', $$UPDATE recsys_model_data SET data = set_bit(data, 8000, 1 - get_bit(data, 8000))$$),
	('the data are of a newer format', $$UPDATE recsys_model_data SET data = set_byte(set_byte(data, 12, 99), 15, 99)$$),
	('the length is absurd', $$UPDATE recsys_model SET bytes = 9223372036854775807$$),
	('the length is negative', $$UPDATE recsys_model SET bytes = -1$$);
-- Whether train_model trains after a change, which is taken back
CREATE FUNCTION school.trains_after(change text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	trained boolean;
BEGIN
	BEGIN
		EXECUTE change;
		trained := EXISTS (SELECT FROM train_model('m', 'knn', dataset => 'school', if_changed => true));
		RAISE EXCEPTION 'back' USING ERRCODE = 'UB001';
	EXCEPTION WHEN SQLSTATE 'UB001' THEN
		RETURN trained;
	END;
END $$;
SELECT ok(trains_after(change), 'if_changed: ' || description) FROM change ORDER BY id;
SELECT ok(NOT trains_after('SELECT 1'), 'if_changed: nothing');
SELECT ok(NOT trains_after($$UPDATE ratings SET rating = rating; CLUSTER ratings USING ratings_user_id_idx$$),
	'if_changed: rows elsewhere in the table');
SELECT ok(NOT trains_after($$UPDATE recsys_model SET published = false WHERE model = 'm'$$),
	'if_changed: the newest version counts when it is not published');
SELECT train_model('stays', 'popular', dataset => 'school');
SELECT train_model('stays', 'knn', dataset => 'school');
SELECT rollback_model('stays');
SELECT is_empty($$SELECT * FROM train_model('stays', 'knn', dataset => 'school', if_changed => true)$$,
	'if_changed: what was rolled back is not trained again');
SELECT is(versions('stays'), '1 published, 2 withdrawn', 'nor served again');
SELECT train_model('stays', 'popular', dataset => 'school', publish => false);
SELECT is_empty($$SELECT * FROM train_model('stays', 'popular', dataset => 'school', publish => false, if_changed => true)$$,
	'if_changed: with publish false');
SELECT isnt_empty($$SELECT * FROM train_model('stays', 'knn', dataset => 'school', if_changed => true)$$,
	'if_changed: an older version does not count');
SELECT isnt_empty($$SELECT * FROM train_model('m', 'knn', '{"neighbors": 7}', 'school', if_changed => true)$$,
	'if_changed: other parameters');
SELECT isnt_empty($$SELECT * FROM train_model('m', 'popular', dataset => 'school', if_changed => true)$$,
	'if_changed: another method');
SELECT register_dataset('same', 'ratings', 'courses', time_column => 'rated_at');
SELECT isnt_empty($$SELECT * FROM train_model('m', 'popular', dataset => 'same', if_changed => true)$$,
	'if_changed: another dataset');
SELECT train_model('profile', 'user_profile', dataset => 'school');
SELECT is_empty($$SELECT * FROM train_model('profile', 'user_profile', dataset => 'school', if_changed => true)$$,
	'if_changed: the same genres');
UPDATE courses SET white = true WHERE course_id = 'c02';
SELECT isnt_empty($$SELECT * FROM train_model('profile', 'user_profile', dataset => 'school', if_changed => true)$$,
	'if_changed: other genres');
SELECT train_model('texts', 'course_similarity', dataset => 'school');
UPDATE courses SET description = 'entirely new' WHERE course_id = 'c02';
SELECT isnt_empty($$SELECT * FROM train_model('texts', 'course_similarity', dataset => 'school', if_changed => true)$$,
	'if_changed: other words');
SELECT train_model('groups', 'demographic', dataset => 'school');
UPDATE users SET colour = 'grey' WHERE id = 1;
SELECT isnt_empty($$SELECT * FROM train_model('groups', 'demographic', dataset => 'school', if_changed => true)$$,
	'if_changed: other attributes');

-- ------------------------------------------------------------ training_log, estimate_training, progress

SELECT is_empty($$SELECT * FROM training_log('m')$$, 'methods that do not iterate have no training log');
SELECT train_model('long', 'mf', '{"iterations": 4321, "tolerance": 0, "factors": 2}', 'school');
SELECT results_eq($$SELECT count(*), max(iteration), count(*) FILTER (WHERE iteration >= 2500 AND iteration % 10 > 0)
	FROM training_log('long') WHERE term = 'observed'$$, 'VALUES (2500 + 183 + 1::bigint, 4321, 1::bigint)',
	'of many iterations, the training log keeps each tenth and the last');
SELECT results_eq(format($$SELECT phase FROM estimate_training(%L, dataset => 'school')$$, method),
	$$VALUES ('load'), ('fit'), ('save'), ('total')$$, 'estimate_training: ' || method)
FROM recsys_methods();
SELECT ok((SELECT bool_and(bytes >= 0 AND seconds >= 0 AND seconds < 60)
	FROM estimate_training(method, dataset => 'school')), 'estimate_training: sane figures for ' || method)
FROM recsys_methods();
SELECT cmp_ok((SELECT bytes FROM estimate_training('knn', '{"table_size": 10}', 'school') WHERE phase = 'fit'), '>=',
	100 * 12::bigint, 'at least the ratings');
SELECT is_empty('SELECT * FROM recsys_progress', 'no training is running');

-- ------------------------------------------------------------ methods and parameters

SELECT results_eq('SELECT method FROM recsys_methods()',
	$$VALUES ('popular'), ('demographic'), ('user_profile'), ('course_similarity'), ('kmeans'), ('kmeans_pca'), ('knn'), ('bias'),
		('svd'), ('nmf'), ('als'), ('mf'), ('bpr'), ('ease'), ('nn'), ('embedding_regression'),
		('embedding_classification'), ('association_rules'), ('hybrid')$$, 'the methods');
SELECT is_empty($$SELECT * FROM recsys_methods() WHERE description !~ '^[A-Z].*\.$' OR objective NOT IN ('ranking', 'rating')$$,
	'described in a sentence');
SELECT is_empty($$
	SELECT m.method, p.* FROM recsys_methods() m, recsys_method_params(m.method) p
	WHERE p.description !~ '^[A-Z].*\.$' OR type NOT IN ('boolean', 'integer', 'float', 'choice', 'interval', 'range', 'text', 'numbers', 'methods', 'method')
		OR (type = 'choice') <> (choices IS NOT NULL) OR type = 'choice' AND default_value <> ALL (choices) OR min_value > max_value$$,
			'and so are the parameters');
SELECT is_empty($$
	SELECT m.method FROM recsys_methods() m, recsys_method_params(m.method) p GROUP BY 1
	HAVING NOT array_agg(p.param) @> '{random_state,half_life,cold_start,keep_versions,verbose}' OR count(*) <> count(DISTINCT p.param)$$,
		'every method has the common ones');

-- A value as JSON
CREATE FUNCTION school.as_json(type text, value text) RETURNS jsonb LANGUAGE sql AS $$
	SELECT CASE WHEN value IS NULL THEN 'null' WHEN type IN ('choice', 'text') THEN to_jsonb(value) ELSE value::jsonb END $$;
-- What training says of a parameter: NULL when it is accepted, also if nothing can be computed with so great a value
CREATE FUNCTION school.verdict(method text, param text, value jsonb, other jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM train_model('verdict', method, other || jsonb_build_object(param, value), 'school');
	RETURN NULL;
EXCEPTION WHEN invalid_parameter_value THEN
	RETURN SQLSTATE;
WHEN data_exception THEN
	RETURN CASE WHEN SQLERRM !~ 'diverged|not finite|no longer finite|out of bounds|could not be computed' THEN SQLERRM END;
END $$;
-- The same, accepted if it is with any value of the method's choices: some parameters go with some of them only
CREATE FUNCTION school.best_verdict(wanted text, param text, value jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text := verdict(wanted, param, value);
	other jsonb;
BEGIN
	FOR other IN SELECT jsonb_build_object(p.param, choice) FROM param p, unnest(p.choices) choice WHERE p.method = wanted LOOP
		EXIT WHEN said IS NULL;
		said := verdict(wanted, param, value, other);
	END LOOP;
	RETURN said;
END $$;
CREATE TABLE school.param AS SELECT m.method, p.* FROM recsys_methods() m, recsys_method_params(m.method) p;
SET LOCAL client_min_messages = error;	-- verbose is one of the parameters
SELECT is(verdict(method, param, as_json(type, default_value)), NULL, format('%s: default of %s', method, param))
	FROM param ORDER BY method, param;
SELECT is(verdict(method, param, to_jsonb(choice)), NULL, format('%s: %s %s', method, param, choice)) FROM param,
	unnest(choices) choice
ORDER BY method, param, choice;
-- min_df leaves no word at its greatest value, n_components are no more than genres: errors of their own
SELECT is(best_verdict(method, param,
	CASE type WHEN 'range' THEN jsonb_build_array(bound, bound) WHEN 'numbers' THEN jsonb_build_array(bound, 1) ELSE to_jsonb(bound) END), NULL,
	format('%s: %s may be %s', method, param, bound))
FROM param, LATERAL (VALUES (min_value), (max_value)) b (bound) WHERE bound IS NOT NULL AND param NOT IN ('min_df', 'n_components')
	ORDER BY method, param, bound;
SELECT is(verdict(method, param,
	CASE type WHEN 'range' THEN jsonb_build_array(least(bound, 3), greatest(bound, 1)) WHEN 'numbers' THEN jsonb_build_array(bound, 1) ELSE to_jsonb(bound) END),
	'22023', format('%s: %s may not be %s', method, param, bound))
FROM param,
	LATERAL (VALUES (min_value - greatest(1, abs(min_value) * 1e-3)),
	(max_value + greatest(1, abs(max_value) * 1e-3))) b (bound) WHERE bound IS NOT NULL
ORDER BY method, param, bound;
SELECT is(verdict(method, param,
	CASE type WHEN 'boolean' THEN '3' WHEN 'choice' THEN 'true' WHEN 'text' THEN '1' ELSE 'true' END::jsonb), '22023',
	format('%s: %s of another type', method, param))
FROM param ORDER BY method, param;
SELECT is(verdict(method, param, 'null'), CASE WHEN default_value IS NULL THEN NULL ELSE '22023' END,
	format('%s: %s null', method, param)) FROM param ORDER BY method, param;

-- Other names of parameters give the same model.
CREATE FUNCTION school.params_of(method text, params jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	PERFORM train_model('alias', method, params, 'school');
	RETURN (SELECT m.params FROM recsys_models m WHERE model = 'alias');
END $$;
SELECT is(params_of(method, jsonb_build_object(alias, value)), params_of(method, jsonb_build_object(param, value)),
	format('%s: %s is %s', method, alias, param))
FROM (VALUES ('knn', 'k', 'neighbors', '7'::jsonb), ('knn', 'K', 'neighbors', '7'),
	('knn', 'n_neighbors', 'neighbors', '7'), ('knn', 'metric', 'similarity', '"jaccard"'),
	('knn', 'shrink', 'shrinkage', '3'), ('demographic', 'damping', 'shrinkage', '3'),
		('user_profile', 'metric', 'similarity', '"cosine"'), ('user_profile', 'min_sim', 'threshold', '2'),
	('course_similarity', 'min_sim', 'threshold', '0.5'),
		('course_similarity', 'tsconfig', 'text_search_config', '"simple"'),
		('popular', 'seed', 'random_state', '7')) a (method, alias, param, value);
SELECT is(params_of('knn', '{"random_state": 9007199254740992}') ->> 'random_state', '9007199254740992',
	'the greatest seed is stored as it is');

-- verbose tells by notices; nothing else does
SELECT lives_ok($$SELECT train_model('v', 'knn', '{"verbose": true}', 'school'); SELECT train_model('v', 'knn', '{"verbose": true}', 'school', if_changed => true)$$,
	'verbose');

-- ------------------------------------------------------------ limits

SET LOCAL course_recsys.max_memory = '1kB';
SELECT raises($$SELECT train_model('big', 'knn', dataset => 'school')$$, '53400', NULL,
	'%"course_recsys.max_memory"%', 'a training set that does not fit');
SET LOCAL course_recsys.max_memory = -1;
CREATE TABLE school.many AS SELECT u AS user_id, (u * 7919 + c * c * 31) % 3000 AS course_id, 3::real AS rating
	FROM generate_series(1, 3000) u, generate_series(1, 20) c;
SELECT register_dataset('many', 'many');
SET LOCAL course_recsys.cache_size = '1MB';
SELECT raises($$SELECT train_model('many', 'knn', '{"min_support": 1}', 'many')$$, '53400',
	'%"many"%course_recsys.cache_size%', '%"course_recsys.cache_size"%', 'a model that no session could cache');
SET LOCAL course_recsys.cache_size = '256MB';
SELECT is((SELECT count(*) > 1 FROM train_model('many', 'knn', '{"min_support": 1}', 'many') t,
	LATERAL (SELECT generate_series(0, bytes / 1048576)) c), true, 'a model of several chunks');
SELECT is((SELECT count(*) FROM recsys_model_data d JOIN recsys_model m USING (build) WHERE m.model = 'many'),
	(SELECT bytes / 1048576 + 1 FROM recsys_models WHERE model = 'many'), 'of 1 MB each');
SELECT is((SELECT count(*) FROM recommend_courses(1, 'many', 500)), 500::bigint, 'which answers');
SELECT register_dataset('unused', 'ratings');
SET LOCAL transaction_read_only = on;
SELECT throws_ok($$SELECT train_model('m', 'knn', dataset => 'school')$$, '25006', NULL,
	'no training in a read-only transaction');
SELECT throws_ok(format('SELECT %s(''m'')', f), '25006', NULL, 'no ' || f)
	FROM unnest('{drop_model,rollback_model}'::text[]) f;
SELECT throws_ok($$SELECT publish_model('m', 1)$$, '25006', NULL, 'no publish_model');
SELECT throws_ok($$SELECT register_dataset('new', 'ratings')$$, '25006', NULL, 'no register_dataset');
SELECT throws_ok($$SELECT drop_dataset('unused')$$, '25006', NULL, 'no drop_dataset');
SELECT lives_ok($$SELECT * FROM recommend_courses(1, 'm'); SELECT * FROM recommend_all('m'); SELECT * FROM recsys_models$$,
	'answers all the same');

SELECT * FROM finish();
ROLLBACK;
