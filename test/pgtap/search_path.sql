-- A hostile search path: before pg_catalog, a schema with an operator for every operator of pg_catalog, a function
-- for every function, and types, tables and functions by the names of ours. Whatever of it is run, fails with
-- an error of its own. No statement of the extension runs any, also while it is created in a schema full of it.
\ir setup.psql
\ir fixture.psql
SELECT no_plan();
\ir calls.psql

-- ------------------------------------------------------------ traps

CREATE TABLE school.planted (kind text, name text, definition text, probe text);

-- Can a function in plpgsql have an argument or a result of this type?
CREATE FUNCTION school.plantable(oid) RETURNS boolean LANGUAGE sql STABLE AS $$
	SELECT typtype IN ('b', 'c', 'd', 'e', 'r', 'm') OR typname IN ('anyelement', 'anyarray', 'anynonarray', 'anyenum', 'anyrange',
		'anymultirange', 'anycompatible', 'anycompatiblearray', 'anycompatiblenonarray', 'anycompatiblerange', 'anycompatiblemultirange')
	FROM pg_type WHERE oid = $1 $$;

-- The functions, aggregates included, and operators of pg_catalog, and the functions of the extension. probe: an
-- expression that must fall into the trap; NULL where the types of constants would be open.
INSERT INTO school.planted
	SELECT CASE n.nspname WHEN 'pg_catalog' THEN 'function' ELSE 'own function' END, p.proname,
		format('CREATE FUNCTION %%1$I.%I(%s) RETURNS %s%s LANGUAGE plpgsql AS %%2$L', p.proname, a.arguments,
			CASE WHEN p.proretset THEN 'SETOF ' END, format_type(p.prorettype, NULL)),
		CASE WHEN COALESCE(a.concrete, true) THEN format('%I(%s)', p.proname, a.nulls) END
	FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace CROSS JOIN LATERAL (
		SELECT bool_and(plantable(t)) AS good, bool_and(typtype <> 'p') AS concrete,
			string_agg(CASE WHEN p.provariadic <> 0 AND place = p.pronargs THEN 'VARIADIC ' ELSE '' END || format_type(t, NULL), ', ' ORDER BY place) AS arguments,
			string_agg(CASE WHEN p.provariadic <> 0 AND place = p.pronargs THEN 'VARIADIC ' ELSE '' END
				|| format('NULL::pg_catalog.%I', typname), ', ' ORDER BY place) AS nulls
		FROM unnest(p.proargtypes) WITH ORDINALITY u (t, place) JOIN pg_type ON pg_type.oid = t) a
	WHERE n.nspname IN ('pg_catalog', 'recsys') AND COALESCE(a.good, true)
		AND (plantable(p.prorettype) OR p.prorettype IN ('record'::regtype, 'void'::regtype));
INSERT INTO school.planted
	SELECT 'operator', oprname, format('CREATE FUNCTION %%1$I.operator_%s(%s) RETURNS %s LANGUAGE plpgsql AS %%2$L; '
			'CREATE OPERATOR %%1$I.%s (%sRIGHTARG = %s, FUNCTION = %%1$I.operator_%1$s)', o.oid,
			concat_ws(', ', format_type(NULLIF(oprleft, 0), NULL), format_type(oprright, NULL)), format_type(oprresult, NULL), replace(oprname, '%', '%%'),
			CASE WHEN oprleft <> 0 THEN format('LEFTARG = %s, ', format_type(oprleft, NULL)) END, format_type(oprright, NULL)),
		CASE WHEN r.typtype <> 'p' AND COALESCE(l.typtype, 'b') <> 'p' THEN concat_ws(' ', CASE WHEN oprleft <> 0 THEN format('NULL::pg_catalog.%I', l.typname) END, oprname,
			format('NULL::pg_catalog.%I', r.typname)) END
	FROM pg_operator o JOIN pg_type r ON r.oid = oprright LEFT JOIN pg_type l ON l.oid = oprleft
	WHERE oprnamespace = 'pg_catalog'::regnamespace AND plantable(oprright) AND (oprleft = 0 OR plantable(oprleft)) AND plantable(oprresult);
-- Types, and configurations and collations that are named in statements
INSERT INTO school.planted SELECT 'type', typname, format('CREATE DOMAIN %%1$I.%I AS pg_catalog.bytea', typname)
	FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'd') AND typcategory <> 'A';
INSERT INTO school.planted SELECT 'configuration', cfgname, format('CREATE TEXT SEARCH CONFIGURATION %%1$I.%I (COPY = pg_catalog.simple)', cfgname)
	FROM pg_ts_config WHERE cfgnamespace = 'pg_catalog'::regnamespace;
INSERT INTO school.planted SELECT 'collation', c, format('CREATE COLLATION %%1$I.%I FROM pg_catalog."POSIX"', c) FROM unnest('{C,POSIX,default}'::text[]) c;
-- Relations of the extension, of the catalog and of the dataset
INSERT INTO school.planted SELECT 'relation', relname, format('CREATE VIEW %%1$I.%I AS SELECT 0 AS junk WHERE false', relname)
	FROM pg_class WHERE relkind IN ('r', 'v') AND relnamespace::regnamespace::text IN ('recsys', 'school', 'pg_catalog')
		AND relname NOT IN (SELECT name FROM school.planted WHERE kind = 'type');

-- Lays the traps of these kinds in a schema; returns how many.
CREATE FUNCTION school.plant(schema name, kinds text[]) RETURNS bigint LANGUAGE plpgsql SET check_function_bodies = off AS $$
DECLARE
	-- No expression in it: every function with one would keep a plan, and ROLLBACK would look at all of them.
	body text := 'BEGIN RAISE SQLSTATE ''ZZ666''; END';
	p record;
	n bigint := 0;
BEGIN
	FOR p IN SELECT definition FROM school.planted WHERE kind = ANY (kinds) LOOP
		EXECUTE format(p.definition, schema, body);
		n := n + 1;
	END LOOP;
	RETURN n;
END $$;
CREATE SCHEMA evil;
SELECT cmp_ok(plant('evil', '{function,own function,operator,type,configuration,collation,relation}'), '>', 3000::bigint, 'traps are laid');
-- pg_temp is searched even before pg_catalog, for tables and types.
SELECT lives_ok(format('CREATE TEMP TABLE %I (junk int)', name), 'a temporary ' || name) FROM planted
	WHERE kind = 'relation' AND name ~ '^recsys_|^ratings|^courses|^users|^terms';

-- A statement under that search path: its value, or the error. No operator and no function is used in here.
CREATE FUNCTION school.under_attack(statement text) RETURNS text LANGUAGE plpgsql
	SET search_path = evil, pg_temp, pg_catalog, recsys, public AS $$
DECLARE
	result pg_catalog.text;
BEGIN
	EXECUTE statement INTO result;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
-- The same under the usual search path; an error is an error
CREATE FUNCTION school.in_peace(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE statement INTO result;
	RETURN result;
END $$;
SELECT is_empty($$SELECT kind, name, probe FROM planted WHERE probe IS NOT NULL AND under_attack('SELECT ' || probe) IS DISTINCT FROM 'ZZ666'$$,
	'every trap of an operator or function with types of its own works');
SELECT is(under_attack('SELECT pg_catalog.count(*) FROM recsys_model'), '0', 'a table by the name of ours hides ours');
SELECT is(under_attack('SELECT count(*) FROM pg_catalog.pg_class'), '42809', 'an aggregate is hidden by a function');

-- ------------------------------------------------------------ every function

SELECT is(under_attack($$SELECT recsys.register_dataset('attacked', 'school.ratings', 'school.courses', time_column => 'rated_at', genre_columns => '{white,black}',
	users => 'school.users', user_feature_columns => '{colour,level}')$$), '', 'register_dataset');
SELECT is(under_attack($$SELECT recsys.register_dataset('attacked', 'school.ratings', 'school.courses', time_column => 'rated_at', genre_columns => '{white,black}',
	users => 'school.users', user_feature_columns => '{colour,level}')$$), '', 'register_dataset again');
SELECT is(under_attack($$SELECT recsys.register_dataset('attacked words', 'school.ratings', 'school.courses', terms => 'school.terms')$$),
	'', 'register_dataset with words');
SELECT is(under_attack(format($$SELECT model FROM recsys.train_model(%L, %L, dataset => 'attacked')$$,
	'attacked ' || method, method)), 'attacked ' || method, 'train_model ' || method)
FROM recsys_methods();
SELECT is(under_attack($$SELECT model FROM recsys.train_model('attacked words', 'course_similarity', dataset => 'attacked words')$$),
	'attacked words', 'train_model with words');
SELECT is(under_attack($$SELECT version FROM recsys.train_model('attacked knn', 'knn', '{"user_based": true, "half_life": "30 days"}', dataset => 'attacked')$$),
	'2', 'train_model again');
SELECT is(under_attack($$SELECT version FROM recsys.train_model('attacked knn', 'knn', '{"user_based": true, "half_life": "30 days"}', dataset => 'attacked', if_changed => true)$$),
	NULL, 'if_changed');
SELECT is(under_attack($$SELECT version FROM recsys.train_model('attacked knn', 'knn', dataset => 'attacked')$$), '3',
	'train_model prunes');
SELECT is(under_attack($$SELECT recsys.rollback_model('attacked knn')$$), '2', 'rollback_model');
SELECT is(under_attack($$SELECT recsys.publish_model('attacked knn', 3)$$), '', 'publish_model');
-- The words of a model do not depend on the search path either: "english" is that of pg_catalog.
SELECT is(in_peace($$SELECT model FROM train_model('peaceful', 'course_similarity', dataset => 'attacked')$$), 'peaceful', 'train_model in peace');
SELECT is((SELECT fingerprint FROM recsys.recsys_model WHERE model = 'attacked course_similarity'), (SELECT fingerprint FROM recsys.recsys_model WHERE model = 'peaceful'),
	'the same data, words included');

-- An evaluation, stored
CREATE TABLE school.held AS SELECT user_id, course_id, rating FROM school.ratings WHERE user_id % 3 = 0 AND course_id < 'c05';
SELECT is(under_attack($$SELECT pg_catalog.count(*) FROM recsys.tune_method('course_similarity', '{"ngram_range": [[1, 1], [1, 2]]}', 'attacked', 'school.held',
	options => '{"store": true}')$$), in_peace($$SELECT count(*) FROM tune_method('course_similarity', '{"ngram_range": [[1, 1], [1, 2]]}', 'attacked', 'school.held')$$),
	'tune_method on held-out ratings, stored');
SELECT is((SELECT count(DISTINCT evaluation) FROM recsys.recsys_evaluations), 1::bigint, 'and seen');

-- A statement that gives all rows of a call as one text
CREATE FUNCTION school.rows_of(call text) RETURNS text LANGUAGE sql AS $$
	SELECT 'SELECT pg_catalog.string_agg(r::pg_catalog.text, '' '') FROM ' || call || ' AS r' $$;
-- Rows, or the error of a method that cannot do it
CREATE FUNCTION school.in_peace_or_not(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN school.in_peace(statement);
EXCEPTION WHEN feature_not_supported THEN
	RETURN SQLSTATE;
END $$;
SELECT is(under_attack(rows_of(call)), in_peace_or_not(rows_of(call)), call)
FROM (SELECT replace(replace(call, '<model>', quote_literal('attacked ' || method)), '<dataset>', '''attacked''') AS call
		FROM school.call, recsys_methods() WHERE kind IN ('answer', 'ask', 'show') AND call LIKE '%<model>%'
	UNION ALL SELECT replace(call, '<dataset>', '''attacked''') FROM school.call WHERE kind IN ('answer', 'ask', 'show', 'pure', 'relation')
		AND call NOT LIKE '%<model>%' AND call <> '' AND name NOT IN (SELECT proname FROM pg_proc WHERE prokind = 'a' AND pronamespace = 'recsys'::regnamespace)
	UNION ALL SELECT 'recsys.' || format(c, quote_literal('attacked ' || method)) FROM recsys_methods(),
		unnest(ARRAY['recommend_courses(''2'', %s, 3, false)', 'recommend_users(''c01'', %s, 5, ''random'')',
			'recommend_courses(3, %s, candidates => ''{c05,c06,c07}'', exclude => ''{c05}'', threshold => 0.1)']) c
	UNION ALL SELECT 'recsys.' || unnest(ARRAY['similar_courses(''c01'', ''attacked words'')', 'keyword_counts(''attacked words'')', 'dataset_summary(''attacked words'')'])
	UNION ALL SELECT objid::regclass::text FROM pg_depend JOIN pg_class v ON v.oid = objid
		WHERE relkind = 'v' AND classid = 'pg_class'::regclass AND deptype = 'e' AND relnamespace = 'recsys'::regnamespace) calls;
SELECT is(under_attack('SELECT ' || call), in_peace('SELECT ' || call), call) FROM school.call WHERE call <> ''
	AND name IN (SELECT proname FROM pg_proc WHERE prokind = 'a' AND pronamespace = 'recsys'::regnamespace);
SELECT is(under_attack($$SELECT recsys.drop_model('attacked words')$$), '', 'drop_model');
SELECT is(under_attack(format('SELECT recsys.drop_evaluation(%L)', evaluation)), '', 'drop_evaluation') FROM recsys.recsys_evaluation;
SELECT is((SELECT count(*) FROM recsys.recsys_evaluation), 0::bigint, 'drops it');
SELECT is(under_attack($$SELECT recsys.drop_dataset('attacked words')$$), '', 'drop_dataset');

-- Casts between types of PostgreSQL, which no search path could hide, are for superusers.
CREATE ROLE course_attacker;
GRANT CREATE ON SCHEMA evil TO course_attacker;
GRANT USAGE ON SCHEMA evil, school, recsys TO course_attacker;
SET LOCAL ROLE course_attacker;
SELECT throws_ok('CREATE CAST (text AS jsonb) WITH INOUT AS IMPLICIT', '42501', NULL, 'nobody casts text to jsonb in an own way');
RESET ROLE;

-- ------------------------------------------------------------ CREATE EXTENSION among traps

-- What the extension consists of
CREATE TABLE school.member AS
	SELECT CASE e.classid WHEN 'pg_proc'::regclass THEN p.proname ELSE c.relname END AS name,
		CASE WHEN p.oid IS NOT NULL THEN format('CREATE FUNCTION %%I.%I(%s) RETURNS %s LANGUAGE internal AS ''int4in''', p.proname,
				pg_get_function_identity_arguments(p.oid), CASE WHEN p.proretset THEN 'SETOF ' ELSE '' END || format_type(p.prorettype, NULL))
			ELSE format('CREATE TABLE %%I.%I ()', c.relname) END AS definition,
		CASE WHEN p.oid IS NOT NULL THEN format('CREATE FUNCTION %%I.%I(%s) RETURNS int LANGUAGE plpgsql AS ''BEGIN RAISE SQLSTATE ''''ZZ666''''; END''',
			p.proname, concat_ws(', ', (SELECT string_agg(format_type(t, NULL), ', ' ORDER BY place) FROM unnest(p.proargtypes) WITH ORDINALITY u (t, place)),
				'int')) END AS longer
	FROM pg_depend e LEFT JOIN pg_proc p ON e.classid = 'pg_proc'::regclass AND p.oid = e.objid
		LEFT JOIN pg_class c ON e.classid = 'pg_class'::regclass AND c.oid = e.objid
	WHERE e.deptype = 'e' AND e.refclassid = 'pg_extension'::regclass
		AND e.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'course_recsys') AND (p.oid IS NOT NULL OR c.relkind IN ('r', 'v'));
DELETE FROM school.member WHERE definition LIKE '%internal%' AND definition LIKE '%(internal)%';
SELECT cmp_ok((SELECT count(*) FROM school.member), '>', 60::bigint, 'members of the extension');
DROP EXTENSION course_recsys CASCADE;

-- What is there already is never taken over.
CREATE FUNCTION school.created_over(definition text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	CREATE SCHEMA squatted;
	EXECUTE format(definition, 'squatted');
	CREATE EXTENSION course_recsys SCHEMA squatted;
	RETURN 'created';
EXCEPTION WHEN duplicate_function OR duplicate_table OR duplicate_object OR ambiguous_function THEN
	RETURN 'refused';
END $$;
SELECT is((SELECT array_agg(definition) FROM (SELECT * FROM member ORDER BY definition LIKE 'CREATE TABLE%' DESC, md5(definition) LIMIT 16) m
	WHERE created_over(definition) <> 'refused'), NULL, 'an object of the same name and arguments stops CREATE EXTENSION');
SELECT doesnt_match(pg_read_file(c.setting || '/extension/course_recsys--' || x.default_version || '.sql'), 'OR REPLACE|IF NOT EXISTS',
	'and so does any other: the script takes nothing over')
FROM pg_config c, pg_available_extensions x WHERE c.name = 'SHAREDIR' AND x.name = 'course_recsys';
-- A call in the script that could mean two functions is an error, or means ours.
SELECT is((SELECT array_agg(longer) FROM member WHERE name ~ '^recsys_.*(able|rows)$'
	AND created_over(regexp_replace(longer, '\mint\) RETURNS', 'int DEFAULT 1) RETURNS')) <> 'refused'), NULL,
	'so does a function that a call of ours could mean');
SELECT is(created_over('CREATE TABLE %I.something ()'), 'created', 'another object does not');
DROP EXTENSION course_recsys;
DROP SCHEMA squatted CASCADE;

-- Everything else
CREATE SCHEMA hostile AUTHORIZATION course_attacker;
SELECT plant('hostile', '{function,operator,type,configuration,collation}');
SELECT lives_ok(format(longer, 'hostile'), 'planted: a longer ' || name) FROM (SELECT DISTINCT ON (longer) * FROM school.member WHERE longer NOT LIKE '%internal%') m;
SET LOCAL search_path = hostile, pg_catalog;
CREATE EXTENSION course_recsys SCHEMA hostile;
SET LOCAL search_path = recsys, public, school;
SELECT has_extension('hostile', 'course_recsys', 'CREATE EXTENSION in a schema of traps');
SELECT is_empty($$
	SELECT pg_describe_object(d.classid, d.objid, d.objsubid), pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
	FROM pg_depend d JOIN pg_proc p ON d.refclassid = 'pg_proc'::regclass AND p.oid = d.refobjid
	WHERE p.pronamespace = 'hostile'::regnamespace
		AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')
		AND d.classid <> 'pg_operator'::regclass$$, 'no view, aggregate or trigger uses a function that was there before');
SELECT is_empty($$
	SELECT a.attrelid::regclass, a.attname, t.typnamespace::regnamespace FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
	WHERE a.attrelid::regclass::text LIKE 'hostile.recsys\_%' AND t.typnamespace <> 'pg_catalog'::regnamespace$$, 'no column has a type that was there before');
SELECT is_empty($$
	SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_depend e ON e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e'
		JOIN pg_type t ON t.oid = ANY (p.proargtypes || p.prorettype || COALESCE(p.proallargtypes, '{}'))
	WHERE p.pronamespace = 'hostile'::regnamespace AND t.typnamespace <> 'pg_catalog'::regnamespace$$, 'nor an argument');
-- A statement with the hostile schema, where the extension is now, before pg_catalog
CREATE FUNCTION school.at_home(statement text) RETURNS text LANGUAGE plpgsql SET search_path = hostile, pg_catalog AS $$
DECLARE
	result pg_catalog.text;
BEGIN
	EXECUTE statement INTO result;
	RETURN result;
END $$;
SELECT is(at_home($$SELECT hostile.register_dataset('home', 'school.ratings', 'school.courses', time_column => 'rated_at', genre_columns => '{white,black}',
	users => 'school.users', user_feature_columns => '{colour}', options => '{}')$$), '', 'and it works there: register_dataset');
SELECT is(at_home(format($$SELECT model FROM hostile.train_model(%1$L, %1$L, dataset => 'home')$$, method)), method, 'train_model ' || method) FROM hostile.recsys_methods();
SELECT is(at_home($$SELECT course_id FROM hostile.recommend_courses(1::pg_catalog.int8, 'knn', 1, true, NULL, NULL, NULL, '{}')$$), 'c03', 'recommend_courses');
SELECT is(at_home('SELECT pg_catalog.count(*) FROM hostile.recsys_models'), (SELECT count(*)::text FROM hostile.recsys_methods()), 'recsys_models');
SELECT is(at_home('SELECT pg_catalog.count(*) FROM hostile.recsys_progress'), '0', 'recsys_progress');

SELECT * FROM finish();
ROLLBACK;
