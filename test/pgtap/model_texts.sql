-- Texts of a model that are not valid in the encoding of the database are refused, as by a dump that was restored into a
-- database of another encoding, which does not convert models.
\ir setup.psql
SELECT plan(18);

CREATE SCHEMA shop;
CREATE TABLE shop.ratings AS SELECT u AS user_id, c AS course_id, 1 AS rating
	FROM generate_series(1, 4) u, unnest(ARRAY[U&'caf\00e9', 'tea']) c;
CREATE TABLE shop.courses AS SELECT DISTINCT course_id AS id, 1 AS U&"cr\00e8me" FROM shop.ratings;
CREATE TABLE shop.users AS SELECT u AS id, U&'Besan\00e7on' AS city FROM generate_series(1, 4) u;
SELECT register_dataset('shop', 'shop.ratings', 'shop.courses', genre_columns => ARRAY[U&'cr\00e8me'],
	users => 'shop.users', user_feature_columns => '{city}')
\g /dev/null

-- CRC-32C of bytes, bit by bit.
CREATE FUNCTION shop.crc32c(bytes bytea) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	crc bigint := 4294967295;
BEGIN
	FOR i IN 0 .. length(bytes) - 1 LOOP
		crc := crc # get_byte(bytes, i);
		FOR bit IN 1 .. 8 LOOP
			crc := CASE WHEN crc & 1 = 1 THEN (crc >> 1) # 2197175160 ELSE crc >> 1 END;
		END LOOP;
	END LOOP;
	RETURN crc # 4294967295;
END $$;

-- The bytes with their own checksum, 28 to 31, made right.
CREATE FUNCTION shop.seal(bytes bytea) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
	crc bigint;
BEGIN
	bytes := overlay(bytes placing '\x00000000' from 29);
	crc := shop.crc32c(bytes);
	FOR i IN 0 .. 3 LOOP
		bytes := set_byte(bytes, 28 + i, (crc >> 8 * i & 255)::int);
	END LOOP;
	RETURN bytes;
END $$;

-- Trains a model, then replaces a text in its bytes by one of the same length; it has not been served before.
CREATE FUNCTION shop.forge(name text, method text, text_from text, text_to bytea) RETURNS void LANGUAGE sql AS $$
	SELECT recsys.train_model(name, method, dataset => 'shop');
	UPDATE recsys.recsys_model_data d
	SET data = shop.seal(overlay(data placing text_to from position(convert_to(text_from, 'UTF8') IN data)))
	FROM recsys.recsys_model m WHERE m.model = name AND d.build = m.build;
$$;

SELECT is(shop.crc32c('123456789'), 3808858755, 'the checksum of the standard''s example');
SELECT shop.forge('same', 'popular', U&'caf\00e9', convert_to(U&'caf\00e9', 'UTF8'))
\g /dev/null
SELECT set_eq($$SELECT course_id FROM recommend_courses(9, 'same')$$, ARRAY[U&'caf\00e9', 'tea'], 'the text as it was');
SELECT shop.forge('other', 'popular', U&'caf\00e9', convert_to('cafes', 'UTF8'))
\g /dev/null
SELECT is_empty($$SELECT * FROM recommend_courses(9, 'other') WHERE course_id NOT IN ('cafes', 'tea')$$, 'another valid text');

SELECT shop.forge('latin1', 'popular', U&'caf\00e9', '\x636166e92e');
SELECT shop.forge('zero', 'popular', U&'caf\00e9', '\x63616600c3');
SELECT shop.forge('cut', 'popular', 'tea', '\x7465c3');
SELECT shop.forge('genre', 'user_profile', U&'cr\00e8me', '\x6372e86d65ff');
SELECT shop.forge('group', 'demographic', U&'Besan\00e7on', '\x426573616ee76f6e20')
\g /dev/null

-- An error whatever the model is asked, each time.
CREATE FUNCTION shop.refused(model text, what text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN NEXT throws_ok(format('SELECT * FROM recommend_courses(1, %L)', model), 'XX001',
		'model data is not valid text in the encoding of the database', what);
	RETURN NEXT throws_ok(format('SELECT * FROM explain_recommendation(1, ''tea'', %L)', model), 'XX001',
		'model data is not valid text in the encoding of the database', what || ': explain');
END $$;
SELECT shop.refused('latin1', 'a course in LATIN1');
SELECT shop.refused('zero', 'a course with a zero byte');
SELECT shop.refused('cut', 'a course that ends within a character');
SELECT shop.refused('genre', 'a genre in LATIN1');
SELECT shop.refused('group', 'a group of users in LATIN1');

-- Every byte is some character in LATIN1: there, only the encoding of the database that trained a model tells.
SELECT train_model('foreign', 'popular', dataset => 'shop')
\g /dev/null
UPDATE recsys_model SET encoding = 'SQL_ASCII' WHERE model = 'foreign';
SELECT shop.refused('foreign', 'a model of another encoding');
SELECT isnt_empty($$SELECT * FROM train_model('foreign', 'popular', dataset => 'shop', if_changed => true)$$,
	'is trained again though the data are the same');
DELETE FROM shop.ratings WHERE course_id <> 'tea';
DELETE FROM shop.courses WHERE id <> 'tea';
SELECT train_model('ascii', 'popular', dataset => 'shop')
\g /dev/null
UPDATE recsys_model SET encoding = 'SQL_ASCII' WHERE model = 'ascii';
SELECT isnt_empty($$SELECT * FROM recommend_courses(9, 'ascii')$$, 'text that is the same in all encodings is served');

SELECT lives_ok($$SELECT train_model('latin1', 'popular', dataset => 'shop'); SELECT * FROM recommend_courses(1, 'latin1')$$,
	'training again repairs the model');

SELECT * FROM finish();
ROLLBACK;
