-- Vector and set functions: values, argument types, undefined results, errors.
\ir setup.psql
SELECT plan(94);

-- Values that can be checked by hand
SELECT is(dot_product('{1,2,3}', '{4,5,6}'), 32::float8, 'dot product');
SELECT is(dot_product('{1,2,3,4,5,6,7,8,9}', '{1,1,1,1,1,1,1,1,1}'), 45::float8, 'dot product of nine elements');
SELECT is(cosine_similarity('{1,0}', '{1,1}')::numeric(10, 9), 0.707106781, 'cosine of 45 degrees');
SELECT is(cosine_similarity('{0.1,0.2,0.7}', '{0.1,0.2,0.7}'), 1::float8, 'cosine with itself is exactly 1');
SELECT is(cosine_similarity('{1,2}', '{-2,-4}'), -1::float8, 'cosine of opposite directions');
SELECT is(euclidean_distance('{1,1}', '{4,5}'), 5::float8, 'distance 3-4-5');
SELECT is(pearson_correlation('{1,2,3}', '{5,7,9}'), 1::float8, 'correlation of a line');
SELECT is(pearson_correlation('{1,2,3,4}', '{4,3,2,1}'), -1::float8, 'correlation of a falling line');
SELECT is(l2_norm('{3,4}'), 5::float8, 'norm 3-4-5');
SELECT is(standardize('{5,7,9}', '{1,7,8}', '{2,1,0.5}'), '{2,0,2}'::float8[], 'standardize');

-- The same numbers as PostgreSQL's own aggregates over the unnested arrays
CREATE TEMPORARY TABLE pairs AS
	SELECT i AS id, array_agg(sin(i * 7 + j)) AS a, array_agg(cos(i + j * j)) AS b
	FROM generate_series(1, 50) i, generate_series(1, 30) j WHERE j <= i GROUP BY i;
CREATE TEMPORARY TABLE expected AS
	SELECT id, sum(x * y) AS dot, sqrt(sum(x * x)) AS norm, sqrt(sum((x - y) ^ 2)) AS distance,
		sum(x * y) / sqrt(sum(x * x) * sum(y * y)) AS cosine, corr(x, y) AS pearson
	FROM pairs, unnest(a, b) AS u (x, y) GROUP BY id;
SELECT is(count(*)::int, 50, 'dot, norm, distance and cosine as computed by SQL')
FROM pairs JOIN expected USING (id)
WHERE abs(dot_product(a, b) - dot) < 1e-12 AND abs(l2_norm(a) - norm) < 1e-12
	AND abs(euclidean_distance(a, b) - distance) < 1e-12 AND abs(cosine_similarity(a, b) - cosine) < 1e-12;
SELECT is(count(*)::int, 49, 'correlation as computed by corr()')
FROM pairs JOIN expected USING (id)
WHERE abs(pearson_correlation(a, b) - pearson) < 1e-12;

-- Argument types that cast to float8[]
SELECT is(dot_product('{1,2}'::real[], '{3,4}'::real[]), 11::float8, 'real[]');
SELECT is(dot_product('{1,2}'::int[], '{3,4}'::bigint[]), 11::float8, 'int[] and bigint[]');
SELECT is(dot_product('{1,2}'::smallint[], ARRAY[3,4]), 11::float8, 'smallint[] and ARRAY[]');
SELECT is(cosine_similarity('{1,2}'::numeric[], ARRAY[1.0,2]), 1::float8, 'numeric[] and ARRAY[]');
SELECT is(euclidean_distance('{1,1}', ARRAY[4,5]::real[]), 5::float8, 'untyped literal with real[]');
SELECT is(pearson_correlation('{1,2,3}'::int[], '{5,7,9}'), 1::float8, 'int[] with untyped literal');
SELECT is(l2_norm('{3,4}'::int[]), 5::float8, 'norm of int[]');
SELECT is(standardize('{5}'::int[], '{1}'::numeric[], '{2}'::real[]), '{2}'::float8[], 'standardize of mixed types');
SELECT is(dot_product('[0:1]={1,2}'::float8[], '[7:8]={3,4}'::float8[]), 11::float8, 'subscripts may start anywhere');
CREATE TEMPORARY TABLE had_null (v float8[]);
INSERT INTO had_null VALUES ('{1,NULL}');
UPDATE had_null SET v[2] = 2;
SELECT is(dot_product(v, '{3,4}'), 11::float8, 'array that keeps the null bitmap of a former element') FROM had_null;
SELECT is(dot_product(array_remove('{1,NULL,2}'::float8[], NULL), '{3,4}'), 11::float8, 'array whose null element was removed');

-- NULL arguments
SELECT is(dot_product(NULL, '{1}'), NULL, 'NULL a');
SELECT is(cosine_similarity('{1}', NULL), NULL, 'NULL b');
SELECT is(standardize('{1}', NULL, '{1}'), NULL, 'NULL mean');
SELECT is(jaccard_similarity(NULL::int[], '{1}'), NULL, 'NULL set');

-- Empty arrays and undefined results
SELECT is(dot_product('{}', '{}'), 0::float8, 'empty: dot product is 0');
SELECT is(euclidean_distance('{}', '{}'), 0::float8, 'empty: distance is 0');
SELECT is(l2_norm('{}'), 0::float8, 'empty: norm is 0');
SELECT is(cosine_similarity('{}', '{}'), NULL, 'empty: no cosine');
SELECT is(pearson_correlation('{}', '{}'), NULL, 'empty: no correlation');
SELECT is(standardize('{}', '{}', '{}'), '{}'::float8[], 'empty: standardize gives an empty array');
SELECT is(array_ndims(standardize('{}', '{}', '{}')), NULL, 'which is PostgreSQL''s empty array');
SELECT is(cosine_similarity('{0,0}', '{1,2}'), NULL, 'zero vector: no cosine');
SELECT is(cosine_similarity('{1,2}', '{0,-0}'), NULL, 'zero vector on the other side: no cosine');
SELECT is(pearson_correlation('{NaN}', '{2}'), NULL, 'one element: no correlation');
SELECT is(pearson_correlation('{0.1,0.1,0.1}', '{1,2,3}'), NULL, 'constant elements: no correlation');
SELECT is(pearson_correlation('{1,2,3}', '{7,7,7}'), NULL, 'constant elements on the other side');
SELECT is(standardize('{7,9}', '{7,8}', '{0,0}'), '{0,1}'::float8[], 'zero stddev divides by 1');

-- NaN and infinity
SELECT is(dot_product('{1,NaN}', '{1,1}'), 'NaN'::float8, 'dot product with NaN');
SELECT is(dot_product('{1,Infinity}', '{1,-1}'), '-Infinity'::float8, 'dot product with infinity');
SELECT is(dot_product('{Infinity,Infinity}', '{1,-1}'), 'NaN'::float8, 'infinity minus infinity');
SELECT is(cosine_similarity('{1,NaN}', '{1,1}'), 'NaN'::float8, 'cosine with NaN');
SELECT is(cosine_similarity('{1,Infinity}', '{1,1}'), 'NaN'::float8, 'cosine with infinity');
SELECT is(cosine_similarity('{0,0}', '{NaN,1}'), NULL, 'no cosine with a zero vector, NaN or not');
SELECT is(euclidean_distance('{1,Infinity}', '{1,1}'), 'Infinity'::float8, 'distance with infinity');
SELECT is(l2_norm('{1,-Infinity}'), 'Infinity'::float8, 'norm with infinity');
SELECT is(l2_norm('{NaN,Infinity}'), 'NaN'::float8, 'norm with NaN and infinity');
SELECT is(pearson_correlation('{1,2,NaN}', '{1,2,3}'), 'NaN'::float8, 'correlation with NaN');
SELECT is(standardize('{NaN,Infinity,1}', '{0,0,0}', '{1,1,Infinity}'), '{NaN,Infinity,0}'::float8[], 'standardize with NaN and infinity');

-- Range
SELECT is(l2_norm('{3e200,4e200}')::numeric / 5e200::numeric, 1::numeric, 'squares beyond float8, norm within');
SELECT is(euclidean_distance('{3e-200,0}', '{0,4e-200}')::text, '5e-200', 'squares below float8, distance within');
SELECT is(cosine_similarity('{1e300,1e300}', '{1e-300,1e-300}'), 1::float8, 'cosine of a huge and a tiny vector');
SELECT throws_ok($$SELECT dot_product('{1e200}', '{1e200}')$$, '22003', 'value out of range: overflow', 'dot product overflows');
SELECT throws_ok($$SELECT dot_product('{1e200,1e200}', '{1e200,-1e200}')$$, '22003', 'value out of range: overflow', 'a partial sum overflows');
SELECT throws_ok($$SELECT l2_norm('{1.7e308,1.7e308}')$$, '22003', 'value out of range: overflow', 'norm overflows');
SELECT throws_ok($$SELECT euclidean_distance('{1.7e308}', '{-1.7e308}')$$, '22003', 'value out of range: overflow', 'distance overflows');
SELECT throws_ok($$SELECT standardize('{1e300}', '{0}', '{1e-300}')$$, '22003', 'value out of range: overflow', 'standardize overflows');

-- Errors
SELECT throws_ok($$SELECT dot_product('{1,2,3}', '{1,2}')$$, '2202E', 'arrays "a" and "b" differ in length: 3 and 2', 'dot product: lengths');
SELECT throws_ok($$SELECT cosine_similarity('{}', '{1}')$$, '2202E', 'arrays "a" and "b" differ in length: 0 and 1', 'cosine: lengths');
SELECT throws_ok($$SELECT euclidean_distance('{1}', '{1,2}')$$, '2202E', 'arrays "a" and "b" differ in length: 1 and 2', 'distance: lengths');
SELECT throws_ok($$SELECT pearson_correlation('{1}', '{1,2}')$$, '2202E', 'arrays "a" and "b" differ in length: 1 and 2', 'correlation: lengths');
SELECT throws_ok($$SELECT standardize('{1}', '{1,2}', '{1}')$$, '2202E', 'arrays "v" and "mean" differ in length: 1 and 2', 'standardize: length of mean');
SELECT throws_ok($$SELECT standardize('{1}', '{1}', '{1,2}')$$, '2202E', 'arrays "v" and "stddev" differ in length: 1 and 2', 'standardize: length of stddev');
SELECT throws_ok($$SELECT standardize('{1}', '{1}', '{-0.5}')$$, '22023', 'standard deviation must not be negative: -0.5', 'standardize: negative stddev');
SELECT throws_ok($$SELECT dot_product('{1,NULL}', '{1,2}')$$, '22004', 'array "a" contains a null element', 'null element in a');
SELECT throws_ok($$SELECT pearson_correlation('{1,2}', '{NULL,2}')$$, '22004', 'array "b" contains a null element', 'null element in b');
SELECT throws_ok($$SELECT l2_norm('{NULL}')$$, '22004', 'array "a" contains a null element', 'null element of norm');
SELECT throws_ok($$SELECT standardize('{1}', '{1}', '{NULL}')$$, '22004', 'array "stddev" contains a null element', 'null element in stddev');
SELECT throws_ok($$SELECT dot_product('{{1,2},{3,4}}', '{1,2,3,4}')$$, '2202E', 'array "a" must have one dimension, not 2', 'two dimensions');
SELECT throws_ok($$SELECT cosine_similarity('{1}', '{{{1}}}')$$, '2202E', 'array "b" must have one dimension, not 3', 'three dimensions');
SELECT throws_ok($$SELECT l2_norm('{{1}}')$$, '2202E', 'array "a" must have one dimension, not 2', 'norm of two dimensions');

-- Sets
SELECT is(jaccard_similarity('{1,2,3}'::int[], '{2,3,4}'::int[]), 0.5::float8, 'jaccard of integers');
SELECT is(jaccard_similarity('{a,b}', '{b,c,d}'), 0.25::float8, 'jaccard of untyped literals');
SELECT is(jaccard_similarity('{1,1,2}'::int[], '{2,2,2}'), 0.5::float8, 'duplicates count once');
SELECT is(jaccard_similarity('{1,2}'::int[], '{3}'::int[]), 0::float8, 'nothing in common');
SELECT is(jaccard_similarity('{}'::int[], '{}'::int[]), 1::float8, 'two empty sets are equal');
SELECT is(jaccard_similarity('{}'::int[], '{1}'::int[]), 0::float8, 'an empty set and another');
SELECT is(jaccard_similarity('{1,2}'::int[], '{2,3}'::bigint[]), (1 / 3::float8), 'int[] and bigint[]');
SELECT is(set_distance('{1,2,3}'::int[], '{3,4}'::int[]), 3, 'set distance');
SELECT is(set_distance('{5,5,1}'::int[], '{1,5,1}'::int[]), 0, 'equal as sets');
SELECT is(set_distance('{}'::text[], '{}'::text[]), 0, 'two empty sets have distance 0');
SELECT is(set_distance('{}'::text[], '{a,b,a}'::text[]), 2, 'an empty set and another have the distance of its size');
SELECT is(set_distance('{1.0,2.50}'::numeric[], '{1.00,2.5}'::numeric[]), 0, 'numeric equality, not bytes');
SELECT is(set_distance('{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'::uuid[], '{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}'), 0, 'uuid');
CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
SELECT is(set_distance('{Python,SQL}'::text[] COLLATE any_case, '{python,R}'::text[]), 2, 'collation of the arguments');
SELECT is(set_distance('{Python}'::text[] COLLATE "C", '{python}'::text[]), 2, 'another collation');

-- Sets against plain SQL
CREATE TEMPORARY TABLE sets AS
	SELECT i AS id, array_agg(i * j % 17) AS a, array_agg((i + j * 3) % 23) AS b
	FROM generate_series(1, 60) i, generate_series(1, 25) j WHERE j <= i GROUP BY i;
CREATE TEMPORARY TABLE expected_sets AS
	SELECT id, (SELECT count(*) FROM (SELECT unnest(a) INTERSECT SELECT unnest(b)) x) AS common,
		(SELECT count(*) FROM (SELECT unnest(a) UNION SELECT unnest(b)) x) AS either
	FROM sets;
SELECT is(count(*)::int, 60, 'jaccard and distance as computed by INTERSECT and UNION')
FROM sets JOIN expected_sets USING (id)
WHERE jaccard_similarity(a, b) = common::float8 / either AND set_distance(a, b) = either - common;

SELECT throws_ok($$SELECT jaccard_similarity('{1,NULL}'::int[], '{1}')$$, '22004', 'array "a" contains a null element', 'null element in a set');
SELECT throws_ok($$SELECT set_distance('{1}'::int[], '{{1},{2}}')$$, '2202E', 'array "b" must have one dimension, not 2', 'set of two dimensions');
SELECT throws_ok($$SELECT set_distance('{"(0,0)"}'::point[], '{"(0,0)"}')$$, '42883', 'could not identify a comparison function for type point', 'elements without an order');
SELECT throws_ok($$SELECT set_distance('{b,a}'::text[] COLLATE "C", '{a,b}'::text[] COLLATE "POSIX")$$, '42P21', NULL, 'two explicit collations');

-- Declared so that the planner may fold, index and run them in parallel; everybody may call them
SELECT is(string_agg(proname, ',' ORDER BY proname) FILTER (WHERE provolatile = 'i' AND proparallel = 's' AND proisstrict),
	'cosine_similarity,dot_product,euclidean_distance,jaccard_similarity,l2_norm,pearson_correlation,set_distance,standardize',
	'immutable, parallel safe, strict')
FROM pg_proc JOIN pg_depend ON objid = pg_proc.oid AND deptype = 'e' AND pg_depend.classid = 'pg_proc'::regclass
	JOIN pg_extension ON refobjid = pg_extension.oid AND extname = 'course_recsys'
WHERE proname IN ('cosine_similarity', 'dot_product', 'euclidean_distance', 'jaccard_similarity', 'l2_norm',
	'pearson_correlation', 'set_distance', 'standardize');

SELECT * FROM finish();
ROLLBACK;
