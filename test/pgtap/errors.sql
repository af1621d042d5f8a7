-- Bad input: each case has its SQLSTATE, a message that names what is wrong, a hint with the fix, and leaves
-- nothing behind (raises() compares the rows of the extension's tables before and after).
\ir setup.psql
\ir fixture.psql
SELECT no_plan();

SELECT train_model('knn', dataset => 'school');
SELECT train_model('popular', dataset => 'school');

-- ------------------------------------------------------------ unknown names

CREATE TABLE school.call (name text, statement text);
INSERT INTO school.call VALUES
	('recommend_courses', $$SELECT * FROM recommend_courses(1, MODEL)$$),
	('recommend_courses of text', $$SELECT * FROM recommend_courses('1', MODEL)$$),
	('recommend_courses of uuid', $$SELECT * FROM recommend_courses(NULL::uuid, MODEL)$$),
	('recommend_for', $$SELECT * FROM recommend_for('{c01}', MODEL)$$),
	('recommend_all', $$SELECT * FROM recommend_all(MODEL)$$),
	('recommend_users', $$SELECT * FROM recommend_users('c01', MODEL)$$),
	('predict_rating', $$SELECT predict_rating(1, 'c01', MODEL)$$),
	('similar_courses', $$SELECT * FROM similar_courses('c01', MODEL)$$),
	('similar_users', $$SELECT * FROM similar_users(1, MODEL)$$),
	('course_factors', $$SELECT * FROM course_factors(MODEL)$$),
	('user_factors', $$SELECT * FROM user_factors(MODEL)$$),
	('explain_recommendation', $$SELECT * FROM explain_recommendation(1, 'c01', MODEL)$$),
	('training_log', $$SELECT * FROM training_log(MODEL)$$),
	('drop_model', $$SELECT drop_model(MODEL)$$),
	('rollback_model', $$SELECT rollback_model(MODEL)$$),
	('publish_model', $$SELECT publish_model(MODEL, 1)$$);
SELECT raises(replace(statement, 'MODEL', '''nonesuch'''), '42704', 'model "nonesuch" does not exist',
	'%train_model()%', name || ': unknown model')
FROM call ORDER BY name;
SELECT raises(replace(statement, 'MODEL', quote_literal(repeat('m', 100))), '42704', 'model "mmm%mmm" does not exist',
	'%train_model()%',
	name || ': a name longer than any model has') FROM call ORDER BY name;
SELECT raises(replace(statement, 'MODEL', 'NULL'), '22004', 'argument "model" must not be null', NULL,
	name || ': NULL model')
FROM call ORDER BY name;

SELECT raises($$SELECT train_model('m', 'knm', dataset => 'school')$$, '22023', '%"knm"%',
	'Valid methods are %"knn"%', 'unknown method');
SELECT raises($$SELECT train_model('knm', dataset => 'school')$$, '22023', '%"knm"%', '%"popular"%',
	'a method is the default of a model''s name');
SELECT raises($$SELECT * FROM recsys_method_params('knm')$$, '22023', '%"knm"%', '%"knn"%',
	'recsys_method_params of an unknown method');
SELECT raises($$SELECT * FROM estimate_training('knm', dataset => 'school')$$, '22023', '%"knm"%', '%"knn"%',
	'estimate_training of an unknown method');
SELECT raises($$SELECT train_model('knn')$$, '42704', 'dataset "default" does not exist', '%register_dataset()%',
	'no default dataset');
SELECT raises(format($$SELECT train_model('knn', dataset => %L)$$, d), '42704',
	'dataset "' || d || '" does not exist', '%register_dataset()%',
	'unknown dataset') FROM unnest(ARRAY['nonesuch', '', repeat('d', 200)]) d;
SELECT raises(format('SELECT * FROM %s(''nonesuch'')', f), '42704', 'dataset "nonesuch" does not exist',
	'%register_dataset()%', f || ': unknown dataset')
FROM unnest('{user_profiles,dataset_genres,dataset_summary,enrollment_histogram,top_courses,keyword_counts,frequent_itemsets,association_rules,drop_dataset}'::text[]) f;
SELECT raises(format('SELECT * FROM %s(NULL)', f), '22004', '%argument "%" must not be null', NULL,
	f || ': NULL dataset')
FROM unnest('{user_profiles,dataset_genres,dataset_summary,enrollment_histogram,top_courses,keyword_counts,frequent_itemsets,association_rules,drop_dataset}'::text[]) f;
SELECT raises($$SELECT publish_model('knn', 7)$$, '42704', 'model "knn" has no version 7', '%recsys_model_versions%',
	'unknown version');
SELECT raises($$SELECT publish_model('knn', NULL)$$, '22004', 'argument "version" must not be null', NULL,
	'NULL version');
SELECT raises(format('SELECT train_model(%L, ''knn'', dataset => ''school'')', name), '42602',
	'name of a model must have 1 to 63 bytes, not %', NULL,
	'the name of a model') FROM unnest(ARRAY['', repeat('m', 64), repeat('ü', 32)]) name;
SELECT raises(format('SELECT train_model(''popular'', %L, dataset => ''school'')', method), '42602',
	'%"' || method || '"%"popular"%', '%another name%', 'a model of a personal method is not named popular: ' || method)
FROM recsys_methods() WHERE method <> 'popular';
SELECT raises(format('SELECT register_dataset(%L, ''ratings'')', name), '42602',
	'name of a dataset must have 1 to 63 bytes, not %', NULL,
	'the name of a dataset') FROM unnest(ARRAY['', repeat('d', 64)]) name;

-- ------------------------------------------------------------ parameters

SELECT raises(format('SELECT train_model(''knn'', params => %L, dataset => ''school'')', p), '22023', m, h,
	'parameters: ' || p)
FROM (VALUES
	('{"neighbours": 3}', '%"neighbours"%"knn"%', '%"neighbors"%'),
	('{"": 3}', '%""%', '%"neighbors"%'),
	('{"neighbors": 0}', '%0 is out of range%"neighbors"%', '%1%10000%'),
	('{"neighbors": 10001}', '%10001 is out of range%"neighbors"%', '%1%10000%'),
	('{"neighbors": 1e400}', '%"neighbors"%', '%1%10000%'),
	('{"neighbors": 1.5}', '%"neighbors" must be an integer%', '%1%10000%'),
	('{"neighbors": "3"}', '%"neighbors" must be an integer%', '%1%10000%'),
	('{"neighbors": null}', '%"neighbors" must not be null%', '%1%10000%'),
	('{"neighbors": [3]}', '%"neighbors" must be an integer%', '%1%10000%'),
	('{"neighbors": {"a": 3}}', '%"neighbors" must be an integer%', '%1%10000%'),
	('{"neighbors": true}', '%"neighbors" must be an integer%', '%1%10000%'),
	('{"shrinkage": -0.1}', '%-0.1 is out of range%"shrinkage"%', '%0%1000000000%'),
	('{"user_based": 1}', '%"user_based" must be true or false%', '%true and false%'),
	('{"user_based": "true"}', '%"user_based" must be true or false%', '%true and false%'),
	('{"similarity": "Cosine"}', '%"Cosine"%"similarity"%', '%"cosine"%'),
	('{"similarity": ""}', '%""%"similarity"%', '%"cosine"%'),
	('{"similarity": 1}', '%"similarity" must be text%', '%"cosine"%'),
	('{"half_life": 0}', '%0 is out of range%"half_life"%', '%"30 days"%'),
	('{"half_life": "-3 days"}', '%-259200 is out of range%"half_life"%', '%"30 days"%'),
	('{"half_life": false}', '%"half_life" must be an interval%', '%"30 days"%'),
	('{"keep_versions": 0}', '%0 is out of range%"keep_versions"%', '%1%1000%'),
	('{"verbose": 3}', '%"verbose" must be true or false%', '%true and false%'),
	('{"cold_start": "average"}', '%"average"%"cold_start"%', '%"popular"%"none"%'),
	('[]', 'argument "params" must be a JSON object', '%{"name": 1}%'),
	('3', 'argument "params" must be a JSON object', '%{"name": 1}%'),
	('"neighbors"', 'argument "params" must be a JSON object', '%{"name": 1}%'),
	('null', 'argument "params" must be a JSON object', '%{"name": 1}%')
) v (p, m, h);
SELECT raises($$SELECT train_model('knn', params => '{"half_life": "soon"}', dataset => 'school')$$, '22007',
	'parameter "half_life" must be an interval, not "soon"', '%"30 days"%', 'an interval that is none');
SELECT raises($$SELECT train_model('knn', params => '{"half_life": "9999999999 years"}', dataset => 'school')$$, '22015',
	'parameter "half_life" must be an interval, not "9999999999 years"', '%"30 days"%', 'an interval beyond the type');
SELECT raises($$SELECT train_model('c', 'course_similarity', params => '{"ngram_range": [2, 1]}', dataset => 'school')$$,
	'22023',
	'%[2, 1]%"ngram_range"%', '%low <= high%', 'a range upside down');
SELECT raises($$SELECT train_model('c', 'course_similarity', params => '{"ngram_range": [1, 4]}', dataset => 'school')$$,
	'22023',
	'%[1, 4]%"ngram_range"%', '%3%', 'a range beyond the end');
SELECT raises($$SELECT train_model('c', 'course_similarity', params => '{"ngram_range": 2}', dataset => 'school')$$,
	'22023',
	'%"ngram_range" must be an array of two integers%', NULL, 'a range that is none');
SELECT raises($$SELECT train_model('c', 'course_similarity', params => '{"text_search_config": "klingon"}', dataset => 'school')$$,
	'42704',
	'%"klingon"%"text_search_config"%', '%\\dF%', 'an unknown text search configuration');
SELECT raises(format($$SELECT train_model('c', 'course_similarity', params => '{"text_search_config": %s}', dataset => 'school')$$,
	to_json(name)), '42704', '%' || name || '%"text_search_config"%', '%\\dF%', 'text search configuration ' || name)
FROM unnest('{pg_catalog.klingon,nowhere.simple,a.b.c.d,.,x y}'::text[]) name;
SELECT lives_ok($$SELECT train_model('c', 'course_similarity', '{"text_search_config": "pg_catalog.english"}', 'school')$$,
	'a text search configuration with its schema');
SELECT raises($$SELECT * FROM estimate_training('knn', '{"neighbours": 3}', 'school')$$, '22023', '%"neighbours"%',
	'%"neighbors"%',
	'estimate_training checks parameters too');
SELECT raises($$SELECT train_model('p', 'popular', '{"score": "trending"}', 'timeless')$$, '22023',
	'%"trending"%times%', '%time_column%',
	'trending without times')
FROM (SELECT register_dataset('timeless', 'ratings')) d;
SELECT raises(format($$SELECT train_model('p', %L, '{"half_life": "1 day"}', 'timeless')$$, method), '22023',
	'%"half_life"%', '%time_column%',
	'half_life without times: ' || method) FROM recsys_methods() WHERE method IN ('popular', 'knn');

-- ------------------------------------------------------------ arguments

SELECT raises(format('SELECT * FROM %s', f), '22023', 'argument "n" must be at least 1, not ' || n, NULL, f)
FROM unnest('{0,-1,-2147483648}'::int[]) n, LATERAL unnest(ARRAY[format('recommend_courses(1, ''knn'', %s)', n),
	format('recommend_for(''{c01}'', ''knn'', %s)', n), format('recommend_all(''knn'', %s)', n),
		format('recommend_users(''c01'', ''knn'', %s)', n),
	format('similar_courses(''c01'', ''knn'', %s)', n), format('similar_users(1, ''knn'', %s)', n),
	format('top_courses(''school'', %s)', n), format('keyword_counts(''school'', %s)', n)]) f;
SELECT raises(format('SELECT * FROM enrollment_histogram(''school'', %s)', n), '22023',
	'argument "bins" must be at least 1, not ' || n, NULL,
	'bins ' || n) FROM unnest('{0,-5}'::int[]) n;

-- Every control argument of every function is refused when NULL, by its name.
CREATE TABLE school.control AS
	SELECT p.oid::regprocedure AS function, p.proname, arg.name AS argument, (SELECT string_agg(CASE
			WHEN a.name = arg.name THEN format('%I => NULL', a.name)
			ELSE format('%I => %s', a.name,
				CASE a.name WHEN 'model' THEN '''knn''' WHEN 'method' THEN '''knn''' WHEN 'dataset' THEN '''school'''
				WHEN 'name' THEN '''school''' WHEN 'ratings' THEN '''school.ratings''' WHEN 'courses' THEN '''{c01}'''
				WHEN 'version' THEN '1' WHEN 'user_id' THEN 'NULL' WHEN 'course_id' THEN '''1''' END
				|| '::' || format_type(a.type, NULL)) END, ', ')
			FROM unnest(p.proargnames[1:p.pronargs], p.proargtypes) WITH ORDINALITY a (name, type, place)
			WHERE a.place <= p.pronargs - p.pronargdefaults OR a.name = arg.name) AS arguments
	FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e',
		unnest(p.proargnames[1:p.pronargs]) arg (name)
	WHERE d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'course_recsys')
		AND p.proname IN ('register_dataset', 'drop_dataset', 'train_model', 'drop_model', 'rollback_model',
			'publish_model', 'training_log',
			'estimate_training', 'recsys_method_params', 'recommend_courses', 'recommend_for', 'recommend_all',
				'recommend_users',
			'predict_rating', 'similar_courses', 'similar_users', 'explain_recommendation', 'course_factors', 'user_factors', 'user_profiles',
				'dataset_genres', 'dataset_summary',
			'enrollment_histogram', 'top_courses', 'keyword_counts', 'frequent_itemsets', 'association_rules')
		-- those that may be NULL
		AND arg.name NOT IN ('max_len', 'user_id', 'course_id', 'candidates', 'exclude', 'threshold', 'measure')
		AND NOT (p.proname = 'recommend_for' AND arg.name = 'ratings')
			AND NOT (p.proname = 'train_model' AND arg.name = 'method')
		AND NOT (p.proname = 'register_dataset'
			AND arg.name NOT IN ('name', 'ratings', 'user_column', 'course_column', 'options'));
SELECT cmp_ok(count(*), '>=', 80::bigint, 'control arguments of all functions') FROM control;
SELECT raises(format('SELECT * FROM %I(%s)', proname, arguments), '22004',
	format('argument "%s" must not be null', argument), NULL,
	format('%s: NULL %s', function, argument)) FROM control ORDER BY function::text, argument;

SELECT raises($$SELECT * FROM similar_courses('c01', 'knn', measure => 'Cosine')$$, '22023', 'unrecognized measure: "Cosine"',
	'Valid measures are "cosine", "dot"%', 'measure of similar_courses');
SELECT raises($$SELECT * FROM recommend_courses(1, 'knn', candidates => '{c01,NULL}')$$, '22004',
	'%"candidates"%null%', NULL, 'NULL among candidates');
SELECT raises($$SELECT * FROM recommend_courses(1, 'knn', exclude => '{NULL}')$$, '22004', '%"exclude"%null%', NULL,
	'NULL among exclude');
SELECT raises($$SELECT * FROM recommend_courses(1, 'knn', candidates => '{{c01},{c02}}')$$, '2202E',
	'%"candidates"%one dimension%', NULL,
	'candidates of two dimensions');
SELECT raises($$SELECT * FROM recommend_courses(1, 'knn', threshold => 'NaN')$$, '22023', '%"threshold"%NaN%', NULL,
	'threshold NaN');
SELECT raises($$SELECT * FROM recommend_courses(1, 'knn', options => '{"fast": true}')$$, '22023', '%"fast"%',
	'%"score_scale", "threshold_pct", "diversity"%', 'unknown option');
SELECT train_model('people', 'knn', '{"user_based": true}', 'school');
SELECT train_model('most taken', 'popular', dataset => 'school');
SELECT raises(format('SELECT * FROM %s, options => ''{"diversity": 0.1}'')', format(call, model)), '0A000', message, hint, format(call, model))
FROM unnest('{"recommend_courses(1, %L","recommend_for(''{c01}'', %L","recommend_all(%L"}'::text[]) call, (VALUES
	('people', '%"people"%cannot compare courses', '%"knn" without it%'),
	('most taken', '%"popular"%cannot compare courses%"diversity"%', '%"als"%')) m (model, message, hint);
SELECT raises(format('SELECT * FROM %s, options => %L)', call, options), '22023', message, hint, call || options)
FROM (VALUES ('recommend_courses(1, ''knn'''), ('recommend_for(''{c01}'', ''knn'''), ('recommend_all(''knn''')) c (call), (VALUES
	('{"score_scale": "minmax"}', '%"score_scale"%"minmax"%', '%"raw", "percent"%'),
	('{"score_scale": "Percent"}', '%"score_scale"%"Percent"%', '%"raw", "percent"%'),
	('{"score_scale": ""}', '%"score_scale"%""%', '%"raw", "percent"%'),
	('{"score_scale": 1}', '%"score_scale"%string%', '%"raw", "percent"%'),
	('{"score_scale": null}', '%"score_scale"%string%', '%"raw", "percent"%'),
	('{"threshold_pct": -0.1}', '%"threshold_pct"%from 0 to 100%-0.1%', NULL),
	('{"threshold_pct": 100.5}', '%"threshold_pct"%from 0 to 100%100.5%', NULL),
	('{"threshold_pct": 1e400}', '%"threshold_pct"%from 0 to 100%', NULL),
	('{"threshold_pct": "50"}', '%"threshold_pct"%number from 0 to 100%', NULL),
	('{"threshold_pct": [50]}', '%"threshold_pct"%number from 0 to 100%', NULL),
	('{"diversity": 1.01}', '%"diversity"%from 0 to 1%1.01%', NULL),
	('{"diversity": -1}', '%"diversity"%from 0 to 1%-1%', NULL),
	('{"diversity": "high"}', '%"diversity"%number from 0 to 1%', NULL),
	('{"threshold_pct": null}', '%"threshold_pct"%number from 0 to 100%', NULL)) o (options, message, hint);
SELECT raises($$SELECT * FROM recommend_courses(1, 'knn', options => '[1]')$$, '22023', '%"options"%object%', NULL,
	'options that are no object');
SELECT raises($$SELECT * FROM recommend_for('{c01,c02}', 'knn', ratings => '{5}')$$, '2202E',
	'%"courses"%"ratings"%2 and 1%', NULL,
	'fewer ratings than courses');
SELECT raises(format($$SELECT * FROM recommend_for('{c01}', 'knn', ratings => '{%s}')$$, r), '22023',
	'%"ratings"%between%', NULL, r || ' as a rating')
FROM unnest('{NaN,Infinity,-Infinity,1e300}'::text[]) r;
SELECT raises($$SELECT * FROM recommend_for('{c01}', 'knn', ratings => '{NULL}')$$, '22004', '%"ratings"%null%', NULL,
	'NULL as a rating');
SELECT raises($$SELECT * FROM recommend_for('{NULL}', 'knn')$$, '22004', '%"courses"%null%', NULL, 'NULL as a course');
SELECT raises($$SELECT * FROM recommend_users('c01', 'knn', 3, 'best')$$, '22023', '%"best"%',
	'%"score"%"active"%"random"%', 'unknown strategy');
SELECT raises($$SELECT rank FROM (SELECT recommend_courses(1, 'knn', 0)) r (rank)$$, '22023', '%"n"%', NULL,
	'in a SELECT list');

-- ------------------------------------------------------------ ratings

CREATE TABLE school.bad (user_id int, course_id text, rating float8, rated_at timestamptz);
SELECT register_dataset('bad', 'bad', 'courses', time_column => 'rated_at', genre_columns => '{black}');
SELECT raises($$SELECT train_model('m', 'knn', dataset => 'bad')$$, '22000', '%no ratings%school.bad%"bad"%',
	'%row-level security%', 'an empty table');
CREATE FUNCTION school.train_with(bad_row text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM school.bad;
	INSERT INTO school.bad SELECT * FROM school.ratings;
	EXECUTE 'INSERT INTO school.bad VALUES ' || bad_row;
	PERFORM train_model('m', 'knn', dataset => 'bad');
END $$;
SELECT raises(format('SELECT train_with(%L)', r), s, m, h, d)
FROM (VALUES
	('(NULL, ''c01'', 1, now())', '22004', '%"user_id"%school.bad%"bad"%null%', '%NOT NULL%', 'NULL user'),
	('(1, NULL, 1, now())', '22004', '%"course_id"%school.bad%"bad"%null%', '%NOT NULL%', 'NULL course'),
	('(1, ''c01'', NULL, now())', '22004', '%"rating"%school.bad%"bad"%null%', '%NOT NULL%', 'NULL rating'),
	('(1, ''c01'', ''NaN'', now())', '22000', '%"rating"%school.bad%"bad"%not finite%', '%NaN%', 'rating NaN'),
	('(1, ''c01'', ''Infinity'', now())', '22000', '%"rating"%school.bad%"bad"%not finite%', '%NaN%',
		'rating infinity'),
	('(1, ''c01'', ''-Infinity'', now())', '22000', '%"rating"%school.bad%"bad"%not finite%', '%NaN%',
		'rating -infinity'),
	('(1, ''c01'', 1e200, now())', '22000', '%"rating"%school.bad%"bad"%not finite%', '%NaN%',
		'a rating beyond any scale'),
	('(1, ''c01'', -1.1e12, now())', '22000', '%"rating"%school.bad%"bad"%out of range%', '%1e+12%',
		'a rating whose squares would leave float'),
	('(1, ''c01'', 1, ''infinity'')', '22008', '%"rated_at"%school.bad%"bad"%infinite%', '%null%', 'time infinity'),
	('(1, ''c01'', 1, ''-infinity'')', '22008', '%"rated_at"%school.bad%"bad"%infinite%', '%null%', 'time -infinity')
) v (r, s, m, h, d);
SELECT lives_ok($$SELECT train_with('(1, ''c01'', 1, NULL)')$$, 'NULL time is the oldest one');
-- The same rows when serving
CREATE FUNCTION school.serve_with(bad_row text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'INSERT INTO school.bad VALUES ' || bad_row;
	PERFORM * FROM recommend_courses(77, 'm');
END $$;
SELECT raises(format('SELECT serve_with(%L)', r), s, m, NULL, 'serving: ' || d)
FROM (VALUES
	('(77, NULL, 1, now())', '22004', '%"course_id"%school.bad%"bad"%null%', 'NULL course'),
	('(77, ''c01'', NULL, now())', '22004', '%"rating"%school.bad%"bad"%null%', 'NULL rating'),
	('(77, ''c01'', ''NaN'', now())', '22000', '%"rating"%school.bad%"bad"%not finite%', 'rating NaN'),
	('(77, ''c01'', 1, ''infinity'')', '22008', '%"rated_at"%school.bad%"bad"%infinite%', 'time infinity')
) v (r, s, m, d);
SELECT raises($$INSERT INTO bad VALUES (NULL, 'c01', 1, now()); SELECT * FROM recommend_all('m')$$, '22004',
	'%"user_id"%school.bad%"bad"%null%', NULL,
	'recommend_all: NULL user');

-- Numbers and times of other types that have no place on the axis
CREATE FUNCTION school.train_type(type_of_rating text, bad_rating text, type_of_time text,
	bad_time text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE school.typed (user_id int, course_id text, rating %s, rated_at %s)', type_of_rating, type_of_time);
	EXECUTE format('INSERT INTO school.typed VALUES (1, ''c01'', 1, NULL), (1, ''c02'', %L, %L)', bad_rating, bad_time);
	PERFORM register_dataset('typed', 'school.typed', time_column => 'rated_at');
	PERFORM train_model('typed', 'popular', dataset => 'typed');
END $$;
SELECT raises(format('SELECT train_type(%L, %L, %L, %L)', a, b, c, d), state, '%school.typed%', NULL,
	format('%s %s, %s %s', a, b, c, d))
FROM (VALUES ('numeric', 'NaN', 'date', '2024-01-01', '22000'), ('real', 'Infinity', 'date', '2024-01-01', '22000'),
	('int', '3', 'date', 'infinity', '22008'),
	('int', '3', 'date', '-infinity', '22008'), ('int', '3', 'timestamp', 'infinity', '22008'),
		('int', '3', 'bigint', '9223372036854775807', '22008'),
	('int', '3', 'bigint', '-9223372036854775808', '22008'), ('int', '3', 'date', '5874897-12-31', '22008')) v (a, b,
		c, d, state);
SELECT raises($$SELECT train_type('numeric', '1e400', 'date', '2024-01-01')$$, '22003', NULL, NULL,
	'a number beyond float8');
SELECT lives_ok($$SELECT train_type('bigint', '1000000000000', 'int', '-2147483648')$$,
	'the greatest and the oldest');

-- Courses and users that cannot be read
CREATE TABLE school.bad_courses AS SELECT course_id, title, black::float8 FROM courses;
SELECT register_dataset('bad', 'ratings', 'bad_courses', genre_columns => '{black}');
SELECT raises($$INSERT INTO bad_courses VALUES ('c01', 'again', 1); SELECT train_model('n', 'user_profile', dataset => 'bad')$$,
	'21000',
	'%"c01"%school.bad_courses%"bad"%more than once%', NULL, 'a course twice');
SELECT raises($$INSERT INTO bad_courses VALUES (NULL, 'none', 1); SELECT train_model('n', 'user_profile', dataset => 'bad')$$,
	'22004',
	'%"course_id"%school.bad_courses%"bad"%null%', NULL, 'a course without a key');
SELECT raises($$UPDATE bad_courses SET black = 'NaN'; SELECT train_model('n', 'user_profile', dataset => 'bad')$$,
	'22000',
	'%"black"%school.bad_courses%"bad"%not finite%', '%null%', 'a genre that is NaN');
CREATE TABLE school.weighted AS SELECT course_id, term, weight::float8 FROM terms;
SELECT raises(format($$SELECT register_dataset('words', 'ratings', 'courses', terms => 'weighted');
	UPDATE weighted SET weight = weight %s; SELECT train_model('w', 'course_similarity', dataset => 'words')$$, change), '22000',
	'%"weight"%school.weighted%"words"%negative or not finite%', '%view%', 'weights of words ' || change)
FROM unnest('{"* -1","+ float8 ''NaN''"}'::text[]) change;
SELECT lives_ok($$UPDATE bad_courses SET black = NULL WHERE course_id = 'c02'; SELECT train_model('n', 'user_profile', dataset => 'bad')$$,
	'a genre that is NULL counts 0');
SELECT raises(format('SELECT train_model(%L, dataset => ''bad'')', method), '22000',
	format('method "%s" needs %%', method), '%Register the dataset with %',
	method || ' without what it needs')
FROM unnest('{demographic,course_similarity}'::text[]) method;
SELECT register_dataset('few', 'ratings');
SELECT raises($$SELECT train_model('user_profile', dataset => 'few')$$, '22000', '%"user_profile" needs genres%',
	'%genre_columns%', 'user_profile without genres');
SELECT raises($$SELECT train_model('c', 'course_similarity', '{"min_df": 1000}', 'school')$$, '22000', NULL,
	'%min_df%', 'min_df leaves no word');

-- ------------------------------------------------------------ tiny data are no error

CREATE TABLE school.tiny (user_id int, course_id text, rating real, rated_at timestamptz);
CREATE TABLE school.tiny_courses AS TABLE courses;
SELECT register_dataset('tiny', 'tiny', 'tiny_courses', time_column => 'rated_at', genre_columns => '{white,black}',
	users => 'users',
	user_feature_columns => '{colour}');
-- Trains every method; the answer for user 1 and for an unknown user must be well-formed.
CREATE FUNCTION school.train_tiny(description text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	m record;
BEGIN
	FOR m IN SELECT method, predicts_ratings FROM recsys_methods() UNION ALL
		SELECT 'knn ' || c, true FROM recsys_method_params('knn') p, unnest(p.choices) c WHERE p.param = 'similarity' LOOP
		BEGIN
			PERFORM train_model('tiny', split_part(m.method, ' ', 1), CASE WHEN m.method LIKE '% %'
				THEN jsonb_build_object('similarity', split_part(m.method, ' ', 2), 'min_support', 1) ELSE '{}' END, 'tiny');
		EXCEPTION WHEN data_exception THEN
			-- Ratings of 0 make profiles of 0, which have no cluster.
			RETURN NEXT ok(m.method LIKE 'kmeans%' AND SQLERRM = 'no user has a course with a genre', format('%s: %s', description, m.method));
			CONTINUE;
		END;
		RETURN NEXT ok((SELECT count(*) FROM recommend_courses(999, 'tiny', 100)) = (SELECT count(*) FROM tiny_courses)
			AND (SELECT count(*) FROM recommend_courses(1, 'tiny', 100, false)) = (SELECT count(*) FROM tiny_courses)
			AND NOT EXISTS (SELECT FROM recommend_courses(1, 'tiny', 100) WHERE score = 'NaN' OR score = 'Infinity' OR score = '-Infinity')
			AND CASE WHEN m.predicts_ratings THEN predict_rating(1, 'c02', 'tiny') BETWEEN (SELECT min(rating) FROM tiny) AND (SELECT max(rating) FROM tiny)
				ELSE true END, format('%s: %s', description, m.method));
	END LOOP;
END $$;
INSERT INTO tiny VALUES (1, 'c01', 3, NULL);
SET LOCAL client_min_messages = error;	-- equal ratings are worth a warning
SELECT train_tiny('one rating');
INSERT INTO tiny VALUES (2, 'c01', 4, now()), (3, 'c01', 5, now());
SELECT train_tiny('one course');
DELETE FROM tiny;
INSERT INTO tiny SELECT 1, course_id, rating, rated_at FROM ratings WHERE user_id = 1;
SELECT train_tiny('one user');
DELETE FROM tiny;
INSERT INTO tiny SELECT user_id, course_id, 3, rated_at FROM ratings;
SELECT train_tiny('all ratings equal');
UPDATE tiny SET rating = -1;
SELECT train_tiny('only dislikes');
UPDATE tiny SET rating = 0;
SELECT train_tiny('all ratings 0');
UPDATE tiny SET rating = 1e12;
SELECT train_tiny('huge ratings');
UPDATE tiny SET rating = 1e-20;
SELECT train_tiny('minute ratings');
SET LOCAL client_min_messages = warning;
UPDATE tiny SET rating = user_id;
UPDATE tiny_courses SET white = false, black = 0;
SELECT train_tiny('courses without genres');
DELETE FROM tiny_courses;
INSERT INTO tiny_courses SELECT 'x' || n, 'X', 'unrelated words', true, 1, true FROM generate_series(1, 5) n;
SELECT train_model('tiny', 'knn', dataset => 'tiny');
SELECT is((SELECT array_agg(course_id ORDER BY rank) FROM recommend_courses(1, 'tiny', 100)), '{x1,x2,x3,x4,x5}',
	'courses without the rated ones: those there are');

-- ------------------------------------------------------------ tables changed after training

SELECT raises($$DROP TABLE ratings CASCADE; SELECT * FROM recommend_courses(1, 'knn')$$, '42P01',
	'%school.ratings%"school"%', '%register%', 'ratings dropped');
SELECT raises($$DROP TABLE courses CASCADE; SELECT * FROM recommend_courses(1, 'knn')$$, '42P01',
	'%school.courses%"school"%', '%register%', 'courses dropped');
SELECT raises($$DROP SCHEMA school CASCADE; SELECT * FROM recsys.recommend_courses(1, 'knn')$$, '42P01',
	'%school.ratings%"school"%', '%register%', 'schema dropped');
SELECT raises($$ALTER TABLE ratings RENAME rating TO stars; SELECT * FROM recommend_courses(1, 'knn')$$, '42703',
	'%"rating"%school.ratings%"school"%', '%register%', 'rating renamed');
SELECT raises($$ALTER TABLE ratings RENAME user_id TO u; SELECT * FROM recommend_courses(1, 'knn')$$, '42703',
	'%"user_id"%school.ratings%"school"%', '%register%', 'user_id renamed');
SELECT raises($$ALTER TABLE ratings ALTER rating TYPE text; SELECT * FROM recommend_courses(1, 'knn')$$, '42804',
	'%"rating"%school.ratings%"school"%text%', '%Change the type back%', 'rating made text');
SELECT raises($$ALTER TABLE ratings ALTER rated_at TYPE text; SELECT * FROM recommend_courses(1, 'knn')$$, '42804',
	'%"rated_at"%school.ratings%"school"%text%', '%Change the type back%', 'time made text');
SELECT raises($$ALTER TABLE courses RENAME course_id TO c; SELECT * FROM recommend_courses(1, 'knn')$$, '42703',
	'%"course_id"%school.courses%"school"%', '%register%', 'key of the courses renamed');
SELECT raises($$ALTER TABLE courses RENAME title TO t; SELECT * FROM recommend_courses(1, 'knn')$$, '42703',
	'%"title"%school.courses%"school"%', '%register%', 'title renamed');
SELECT raises($$ALTER TABLE ratings DROP rating; SELECT train_model('knn', dataset => 'school')$$, '42703',
	'%"rating"%school.ratings%"school"%', '%register%', 'rating dropped: training');
SELECT raises($$ALTER TABLE courses RENAME description TO d; SELECT train_model('c', 'course_similarity', dataset => 'school')$$,
	'42703', '%"description"%school.courses%"school"%', '%register%', 'description renamed: training');
SELECT raises($$ALTER TABLE courses RENAME description TO d; SELECT * FROM keyword_counts('school')$$, '42703',
	'%"description"%school.courses%"school"%', '%register%', 'description renamed: keyword_counts');
SELECT raises($$ALTER TABLE courses RENAME title TO t; SELECT * FROM top_courses('school')$$, '42703',
	'%"title"%school.courses%"school"%', '%register%', 'title renamed: top_courses');
SELECT raises($$ALTER TABLE ratings RENAME user_id TO u; SELECT * FROM enrollment_histogram('school')$$, '42703',
	'%"user_id"%school.ratings%"school"%', '%register%', 'user_id renamed: enrollment_histogram');
SELECT raises($$ALTER TABLE ratings RENAME rating TO s; SELECT * FROM dataset_summary('school')$$, '42703',
	'%"rating"%school.ratings%"school"%', '%register%', 'rating renamed: dataset_summary');
SELECT raises($$ALTER TABLE ratings RENAME course_id TO c; SELECT * FROM estimate_training('knn', dataset => 'school')$$,
	'42703', '%"course_id"%school.ratings%"school"%', '%register%', 'course_id renamed: estimate_training');
SELECT raises($$ALTER TABLE courses DROP black; SELECT train_model('u', 'user_profile', dataset => 'school')$$,
	'42703', '%"black"%school.courses%"school"%', '%register%', 'genre dropped: training');
SELECT raises($$ALTER TABLE courses DROP black; SELECT * FROM dataset_genres('school')$$, '42703',
	'%"black"%school.courses%"school"%', '%register%', 'genre dropped: dataset_genres');
SELECT raises($$ALTER TABLE users DROP colour; SELECT train_model('d', 'demographic', dataset => 'school')$$, '42703',
	'%"colour"%school.users%"school"%', '%register%', 'attribute dropped: training');
SELECT raises($$ALTER TABLE ratings ALTER course_id TYPE int USING substr(course_id, 2)::int; SELECT * FROM recommend_courses(1, 'knn')$$,
	'42804', '%"course_id"%school.ratings%integer%', NULL,
	'course key of the ratings made a number');
SELECT raises($$ALTER TABLE ratings ALTER course_id TYPE int USING substr(course_id, 2)::int; SELECT train_model('knn', dataset => 'school')$$,
	'42804', '%"course_id"%school.courses%text%', NULL,
	'course key of the ratings made a number: training');
SELECT raises($$DROP VIEW places CASCADE; ALTER TABLE courses ALTER course_id TYPE int USING substr(course_id, 2)::int; SELECT * FROM recommend_all('knn')$$,
	'42804', '%"course_id"%school.courses%integer%', NULL,
	'course key of the courses made a number');
SELECT raises($$SELECT register_dataset('x', 'ratings'); SELECT train_model('x', 'knn', dataset => 'x'); ALTER TABLE ratings ALTER course_id TYPE int USING substr(course_id, 2)::int; SELECT * FROM recommend_all('x')$$,
	'42804', '%"course_id"%school.ratings%integer%', NULL, 'course key made a number: recommend_all without courses');
SELECT raises($$ALTER TABLE users ALTER id TYPE text; SELECT train_model('d', 'demographic', dataset => 'school')$$,
	'42804', '%"id"%school.users%text%', NULL, 'key of the users made text');
SELECT raises($$SELECT train_model('d', 'demographic', dataset => 'school'); ALTER TABLE users RENAME colour TO c; SELECT * FROM recommend_courses(1, 'd')$$,
	'42703', '%"colour"%school.users%"school"%', '%register%', 'attribute renamed: serving');
SELECT raises($$SELECT train_model('d', 'demographic', dataset => 'school'); SELECT * FROM recommend_courses(1, 'd'); ALTER TABLE users RENAME colour TO c; SELECT * FROM recommend_courses(1, 'd')$$,
	'42703', '%"colour"%school.users%"school"%', '%register%', 'attribute renamed under a kept plan');
SELECT raises($$ALTER TABLE courses ALTER black TYPE text; SELECT train_model('u', 'user_profile', dataset => 'school')$$,
	'42804', '%"black"%school.courses%"school"%text%', NULL, 'genre made text');
SELECT raises($$ALTER TABLE courses ALTER title TYPE bytea USING title::bytea; SELECT * FROM recommend_courses(1, 'knn')$$,
	'42804', '%"title"%school.courses%"school"%bytea%', NULL, 'title made bytea');

-- ------------------------------------------------------------ damaged models

-- A changed build makes the session read the model again.
CREATE FUNCTION school.serve_damaged(change text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	old uuid := (SELECT build FROM recsys_model WHERE model = 'knn' AND published);
	new uuid := gen_random_uuid();
BEGIN
	UPDATE recsys_model SET build = new WHERE build = old;
	UPDATE recsys_model_data SET build = new WHERE build = old;
	EXECUTE format('UPDATE recsys_model_data SET data = %s WHERE build = %L', change, new);
	PERFORM * FROM recommend_courses(1, 'knn');
END $$;
SELECT lives_ok($$SELECT serve_damaged('data')$$, 'a model under another build');
SELECT raises(format($$SELECT serve_damaged(%L)$$,
	format('set_byte(data, %s, 255 - get_byte(data, %s))', place, place)), 'XX001', 'model data is damaged',
	'Train the model again%', format('byte %s changed', place)) FROM unnest('{0,100,1000,2000}'::int[]) place;
-- Byte 12 is the lowest byte of the format's version.
SELECT raises($$SELECT serve_damaged('set_byte(data, 12, 200)')$$, '0A000', 'model format 200 is newer than %',
	'Update course_recsys, or train the model again.',
	'a model of a newer format');
CREATE FUNCTION school.damage_context() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	context text;
BEGIN
	PERFORM school.serve_damaged('set_byte(data, 100, 255 - get_byte(data, 100))');
EXCEPTION WHEN data_corrupted THEN
	GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
	RETURN context;
END $$;
SELECT matches(damage_context(), 'loading model "knn" version 1', 'the context of the error names model and version');
SELECT raises($$SELECT serve_damaged('substr(data, 1, 1000)')$$, 'XX001', '%"knn"%not complete%',
	'%Train the model again%', 'the end is missing');
SELECT raises($$SELECT serve_damaged('data || data')$$, 'XX001', '%"knn"%not complete%', '%Train the model again%',
	'too long');
SELECT raises($$SELECT serve_damaged('''''')$$, 'XX001', '%"knn"%not complete%', '%Train the model again%', 'empty');
SELECT raises($$SELECT serve_damaged('data'); UPDATE recsys_model SET build = gen_random_uuid() WHERE model = 'knn'; SELECT * FROM recommend_courses(1, 'knn')$$,
	'XX001', '%"knn"%not complete%', '%Train the model again%', 'no data at all');
SELECT raises($$SELECT serve_damaged('data'); UPDATE recsys_model_data SET chunk = chunk + 1; SELECT serve_damaged('data')$$,
	'XX001', '%"knn"%not complete%', '%Train the model again%', 'the first chunk is missing');

SELECT results_eq($$SELECT count(*) FROM recommend_courses(1, 'knn', 5)$$, 'VALUES (5::bigint)',
	'after all this the model still answers');
SELECT is_empty($$SELECT * FROM recsys_progress$$, 'and no training is left running');

-- ------------------------------------------------------------ likely first mistakes

SELECT raises($$SELECT train_model('my_model', dataset => 'school')$$, '22023', '%method%"my_model"%', '%second argument%"knn"%',
	'a model name and no method');
SELECT raises($$SELECT train_model('knn', params => '{"k": 1, "neighbors": 3}', dataset => 'school')$$, '22023',
	'%"neighbors"%more than once%', '%one name%', 'a parameter under two names');
SELECT raises($$SELECT drop_model('no such model')$$, '42704', '%"no such model"%', '%recsys_models%', 'dropping a model that is not there');

SELECT * FROM finish();
ROLLBACK;
