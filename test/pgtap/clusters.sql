-- Clusters, principal components, courses on a plane: answers against plain SQL, and what is refused.
\ir setup.psql
\ir fixture.psql
SELECT no_plan();

-- ------------------------------------------------------------ the argument "vectors"

CREATE TABLE school.vector AS SELECT i AS id, i % 3 AS blob,
	ARRAY[i % 3 * 10 + (i * 7 % 11) / 10.0, i % 3 * -5 + (i * 5 % 13) / 10.0, 4]::float8[] AS v FROM generate_series(1, 60) i;

SELECT results_eq(format($$SELECT size, inertia::numeric(12, 8) FROM kmeans(%L, 3)$$, query),
	$$SELECT size, inertia::numeric(12, 8) FROM kmeans('SELECT v FROM vector', 3)$$, query)
FROM unnest(ARRAY['SELECT v::numeric[] FROM vector', 'SELECT v FROM vector;', 'WITH w AS (SELECT v FROM vector) SELECT v FROM w -- all of them']) query;
SELECT results_eq($$SELECT size, centroid FROM kmeans('SELECT ARRAY[i, 2 * i]::int[] FROM generate_series(1, 2) i', 2) ORDER BY centroid$$,
	$$VALUES (1::bigint, '{1,2}'::float8[]), (1, '{2,4}')$$, 'integers');
SELECT results_eq($$SELECT size, centroid FROM kmeans('SELECT ARRAY[i, 2 * i]::real[] FROM generate_series(1, 2) i', 2) ORDER BY centroid$$,
	$$VALUES (1::bigint, '{1,2}'::float8[]), (1, '{2,4}')$$, 'real');
SELECT raises(format('SELECT * FROM %s', call), state, message, hint, call || ': ' || query) FROM (VALUES
	('', '42601', '%single SELECT%', NULL), ('SELECT v FROM school.vector; SELECT 1', '42601', '%single SELECT%', NULL),
	('DELETE FROM school.vector RETURNING v', '42601', '%single SELECT%', NULL),
	('SELECT v INTO school.copied FROM school.vector', '42601', '%single SELECT%', NULL),
	('EXPLAIN SELECT v FROM school.vector', '42601', '%single SELECT%', NULL),
	('WITH d AS (DELETE FROM school.vector RETURNING v) SELECT v FROM d', '0A000', '%', NULL),
	('SELECT v FROM school.vector FOR UPDATE', '0A000', '%', NULL),
	('SELECT v FROM school.no_such_table', '42P01', '%no_such_table%', NULL), ('SELEC', '42601', '%SELEC%', NULL),
	('SELECT $1', '42P02', '%', NULL),
	('SELECT', '42804', '%one column%', '%Cast%'), ('SELECT FROM school.vector', '42804', '%one column%', '%Cast%'),
	('SELECT id, v FROM school.vector', '42804', '%one column%', '%Cast%'), ('SELECT id FROM school.vector', '42804', '%one column%', '%Cast%'),
	('SELECT ''{1}''::text[]', '42804', '%one column%', '%Cast%'),
	('SELECT NULL::float8[]', '22004', 'vector of row 1 is null', '%IS NOT NULL%'),
	('VALUES (''{1,2}''::float8[]), (NULL)', '22004', 'vector of row 2 is null', '%IS NOT NULL%'),
	('SELECT ''{1,NULL}''::float8[]', '22004', '%null element%', '%'),
	('VALUES (''{1,2}''::float8[]), (''{1}'')', '2202E', '%row 2 has 1 elements, the first has 2%', NULL),
	('SELECT ''{}''::float8[]', '2202E', '%is empty%', NULL), ('SELECT ''{{1,2}}''::float8[]', '2202E', '%one dimension%', NULL),
	('VALUES (''{1}''::float8[]), (''{NaN}'')', '22000', '%row 2%NaN%', NULL), ('SELECT ''{Infinity}''::real[]', '22000', '%NaN or infinite%', NULL),
	('VALUES (''{1e200}''::float8[]), (''{-1e200}'')', '22000', '%too far apart%', NULL),
	('SELECT v FROM school.vector WHERE false', '22000', '%no rows%', NULL)) bad (query, state, message, hint),
	LATERAL (VALUES (format('pca(%L)', query)), (format('kmeans(%L, 2)', query)), (format('kmeans_elbow(%L, 1, 2)', query))) calls (call);
SELECT is((SELECT count(*) FROM vector), 60::bigint, 'nothing was written');
SELECT raises(format('SELECT * FROM %s', call), '22004', '%must not be null%', NULL, call)
FROM unnest(ARRAY['pca(NULL)', 'pca(''SELECT v FROM vector'', NULL)', 'pca(''SELECT v FROM vector'', 1, NULL)', 'kmeans(NULL, 2)',
	'kmeans(''SELECT v FROM vector'', NULL)', 'kmeans(''SELECT v FROM vector'', 2, n_init => NULL)', 'kmeans_elbow(''SELECT v FROM vector'', 1, NULL)',
	'kmeans(''SELECT v FROM vector'', 2, NULL)', 'user_clusters(NULL)', 'cluster_courses(NULL)', 'project_courses(NULL)']) call;
SELECT raises(format('SELECT * FROM %s', call), '22023', '%', NULL, call)
FROM unnest(ARRAY['pca(''SELECT v FROM vector'', 0)', 'pca(''SELECT v FROM vector'', 4)', 'pca(''SELECT v FROM vector'', 1.5)',
	'pca(''SELECT v FROM vector'', ''NaN'')', 'kmeans(''SELECT v FROM vector'', 0)',
	'kmeans_elbow(''SELECT v FROM vector'', 3, 2)', 'kmeans_elbow(''SELECT v FROM vector'', 0, 2)']) call;
SELECT raises(format('SELECT * FROM %s', call), '22023', message, NULL, call) FROM (VALUES
	('kmeans(''SELECT v FROM vector'', 61)', '%"n_clusters" must be at most the number of vectors, 60, not 61'),
	('kmeans(''SELECT v FROM vector'', 2147483647)', '%60, not 2147483647'),
	('kmeans_elbow(''SELECT v FROM vector'', 1, 61)', '%"k_max" must be at most the number of vectors, 60, not 61'),
	('kmeans_elbow(''SELECT v FROM vector'', 2147483647, 2147483647)', '%60, not 2147483647'),
	('kmeans(''SELECT v FROM vector'', 2, n_init => 0)', '%"n_init" must be between 1 and 1000, not 0'),
	('kmeans(''SELECT v FROM vector'', 20, n_init => 1001)', '%"n_init" must be between 1 and 1000, not 1001'),
	('kmeans(''SELECT v FROM vector'', 20, n_init => 2147483647)', '%"n_init" must be between 1 and 1000, not 2147483647')) bad (call, message);
SELECT is((SELECT array_agg(max_value) FROM recsys_methods(), recsys_method_params(method) WHERE param = 'n_init'), '{1000,1000}', 'as many starts in training');
SELECT is((SELECT count(*) FROM kmeans('SELECT v FROM vector', 60, n_init => 1000)), 60::bigint, 'as many clusters as vectors, the most starts');
SELECT is((SELECT count(*) FROM kmeans_elbow('SELECT ARRAY[i % 2]::int[] FROM generate_series(1, 9) i', 1, 9)), 9::bigint, 'more clusters than distinct vectors may be asked for');
SELECT raises($$SELECT * FROM pca('SELECT v FROM vector LIMIT 1')$$, '22000', '%two vectors%', NULL, 'components of one vector');

-- With the rights of the caller, and the rows that row-level security shows
CREATE ROLE cluster_asker;
GRANT USAGE ON SCHEMA school, recsys TO cluster_asker;
SET LOCAL ROLE cluster_asker;
SELECT throws_ok($$SELECT * FROM kmeans('SELECT v FROM school.vector', 3)$$, '42501', NULL, 'no SELECT, no clusters');
SELECT throws_ok($$SELECT * FROM pca('SELECT v FROM school.vector')$$, '42501', NULL, 'no components');
RESET ROLE;
GRANT SELECT ON school.vector TO cluster_asker;
CREATE POLICY two_blobs ON school.vector USING (blob > 0);
ALTER TABLE school.vector ENABLE ROW LEVEL SECURITY;
SET LOCAL ROLE cluster_asker;
SELECT is((SELECT sum(size) FROM kmeans('SELECT v FROM school.vector', 3)), 40::numeric, 'rows that the caller may see');
RESET ROLE;
SET LOCAL course_recsys.max_memory = 64;
SELECT raises($$SELECT * FROM kmeans('SELECT ARRAY[i]::float8[] FROM generate_series(1, 100000) i', 2)$$, '53400', '%', '%max_memory%', 'memory is limited');
RESET course_recsys.max_memory;

-- ------------------------------------------------------------ kmeans, kmeans_elbow, pca

SELECT results_eq($$SELECT cluster, size FROM kmeans('SELECT v FROM vector WHERE blob > 0 OR id < 30', 3)$$,
	$$VALUES (1, 20::bigint), (2, 20), (3, 9)$$, 'the largest cluster first');
CREATE TABLE school.standard AS SELECT v, blob, scaled, CASE WHEN scaled THEN standardize(v, mean, deviation) ELSE v END AS s
	FROM vector, (SELECT vec_avg(v) AS mean, vec_stddev_pop(v) AS deviation FROM vector) m, (VALUES (true), (false)) o (scaled);
SELECT results_eq(format($$SELECT size, centroid[1]::numeric(12, 9), centroid[2]::numeric(12, 9), centroid[3], inertia::numeric(12, 8)
		FROM kmeans('SELECT v FROM vector', 3, standardize => %s) ORDER BY 2$$, scaled),
	format($$SELECT count(*), (vec_avg(v))[1]::numeric(12, 9), (vec_avg(v))[2]::numeric(12, 9), 4::float8, sum(euclidean_distance(s, m) ^ 2)::numeric(12, 8)
		FROM standard JOIN (SELECT blob, vec_avg(s) AS m FROM standard WHERE scaled = %s GROUP BY 1) b USING (blob) WHERE scaled = %1$s GROUP BY blob ORDER BY 2$$, scaled),
	'sizes, means and inertias of three blobs, standardize ' || scaled) FROM (VALUES ('true'), ('false')) o (scaled);
SELECT results_eq($$SELECT * FROM kmeans('SELECT v FROM vector', 5)$$, $$SELECT * FROM kmeans('SELECT v FROM vector', 5, 42, true, 10)$$, 'defaults');
SELECT is((SELECT count(*) FROM kmeans('SELECT ARRAY[i % 4]::int[] FROM generate_series(1, 50) i', 9)), 4::bigint, 'no more clusters than distinct vectors');
SELECT results_eq($$SELECT n_clusters, inertia FROM kmeans_elbow('SELECT v FROM vector', 1, 6)$$,
	$$SELECT k, (SELECT sum(inertia ORDER BY cluster) FROM kmeans('SELECT v FROM vector', k)) FROM generate_series(1, 6) k$$, 'kmeans_elbow: the inertia of kmeans');
SELECT is((SELECT array_agg(n_clusters ORDER BY silhouette DESC NULLS LAST) FROM kmeans_elbow('SELECT v FROM vector', 1, 5))[1], 3, 'silhouettes find the blobs');
SELECT is((SELECT silhouette FROM kmeans_elbow('SELECT v FROM vector', 1, 1)), NULL, 'one cluster has none');
SELECT results_eq($$SELECT silhouette::numeric(12, 9) FROM kmeans_elbow('SELECT v FROM vector', 3, 3)$$, $$
	SELECT avg((b - a) / greatest(a, b))::numeric(12, 9) FROM (SELECT i.ctid, sum(d) FILTER (WHERE i.blob = j) / 19 AS a, min(d / 20) FILTER (WHERE i.blob <> j) AS b
		FROM standard i, LATERAL (SELECT o.blob AS j, sum(euclidean_distance(i.s, o.s)) AS d FROM standard o WHERE o.scaled GROUP BY 1) p
		WHERE i.scaled GROUP BY 1) x$$, 'silhouette by hand');
SELECT results_eq($$SELECT component, explained_variance::numeric(12, 9), explained_variance_ratio::numeric(12, 9) FROM pca('SELECT v FROM vector', 3, false)$$, $$
	WITH c AS (SELECT covariance_matrix(v) AS m FROM vector), t AS (SELECT m[1][1] AS a, m[1][2] AS b, m[2][2] AS d FROM c),
	e AS (SELECT (a + d + s * sqrt((a - d) ^ 2 + 4 * b ^ 2)) / 2 AS l, a + d AS total FROM t, (VALUES (1), (-1)) s (s))
	SELECT (row_number() OVER (ORDER BY l DESC))::int, l::numeric(12, 9), (l / total)::numeric(12, 9) FROM e UNION ALL VALUES (3, 0, 0) ORDER BY 1$$,
	'pca: the eigenvalues of the covariances');
SELECT is_empty($$SELECT * FROM pca('SELECT v FROM vector', 2) WHERE abs(l2_norm(loadings) - 1) > 1e-12
	OR (SELECT abs(max(x)) < abs(min(x)) FROM unnest(loadings) x)$$, 'loadings of length 1, the greatest of them positive');
SELECT is((SELECT count(*) FROM pca('SELECT v FROM vector', 0.99999)), 2::bigint, 'a share of the variance');
SELECT results_eq($$SELECT explained_variance, explained_variance_ratio FROM pca('VALUES (''{1,2}''::float8[]), (''{1,2}'')')$$,
	$$VALUES (0::float8, NULL::float8)$$, 'vectors that do not vary');

-- ------------------------------------------------------------ user_clusters, cluster_courses

SELECT is(count(*), 2::bigint, 'two models') FROM (VALUES ('kmeans'), ('kmeans_pca')) m (m), train_model(m, params => '{"n_clusters": 3}', dataset => 'school');
CREATE TABLE school.member AS SELECT model, c.* FROM (VALUES ('kmeans'), ('kmeans_pca')) m (model), user_clusters(model) c;
SELECT results_eq(format($$SELECT user_id FROM member WHERE model = %L$$, model), $$SELECT user_id FROM user_profiles('school')$$, model || ': every user with ratings')
	FROM (VALUES ('kmeans'), ('kmeans_pca')) m (model);
SELECT is_empty(format($$SELECT cluster, course_id, enrollments FROM cluster_courses(%L)
	EXCEPT SELECT cluster, course_id, count(*) FROM member m JOIN ratings r ON r.user_id::text = m.user_id WHERE model = %1$L GROUP BY 1, 2$$, model), model || ': enrolments of users of the cluster')
	FROM (VALUES ('kmeans'), ('kmeans_pca')) m (model);
SELECT is((SELECT sum(enrollments) FROM cluster_courses('kmeans')), (SELECT count(*) FROM ratings)::numeric, 'all of them');
SELECT is_empty($$SELECT * FROM (SELECT c.*, t.title AS own, row_number() OVER (PARTITION BY cluster ORDER BY enrollments DESC, n DESC, course_id) AS place
	FROM cluster_courses('kmeans') c JOIN (SELECT course_id, count(*) AS n FROM ratings GROUP BY 1) p USING (course_id) JOIN courses t USING (course_id)) x
	WHERE rank <> place OR title IS DISTINCT FROM own$$, 'ranked, with titles');
-- k-means over the profiles by the SQL function is that of the method.
SELECT results_eq($$SELECT cluster, count(*), sum(distance ^ 2)::numeric(12, 8) FROM member WHERE model = 'kmeans' GROUP BY 1 ORDER BY 1$$,
	$$SELECT cluster, size, inertia::numeric(12, 8) FROM kmeans('SELECT profile FROM user_profiles(''school'')', 3)$$, 'sizes and distances are those of kmeans()');
SELECT is_empty($$SELECT r.* FROM member m, LATERAL recommend_courses(m.user_id, 'kmeans', 12, exclude_seen => false) r, cluster_courses('kmeans') c
	WHERE m.model = 'kmeans' AND c.cluster = m.cluster AND c.course_id = r.course_id
	AND r.score <> (c.enrollments::float4 / (SELECT count(*) FROM member n WHERE n.model = 'kmeans' AND n.cluster = m.cluster))::float4::text::float8$$, 'the score is the share of the cluster');
SELECT results_eq($$SELECT DISTINCT e.because, e.kind FROM member m, explain_recommendation(m.user_id, 'c04', 'kmeans') e WHERE m.user_id = '2' AND m.model = 'kmeans'$$,
	$$SELECT cluster::text, 'cluster' FROM user_clusters('kmeans') WHERE user_id = '2'$$, 'explained by the cluster');
-- The ratings of the moment
SELECT lives_ok($$DELETE FROM ratings WHERE user_id = 1; UPDATE ratings SET rating = 0 WHERE user_id = 2$$, 'rows change');
SELECT results_eq($$SELECT user_id, cluster, distance FROM user_clusters('kmeans') WHERE user_id IN ('1', '2')$$,
	$$VALUES ('2', NULL::int, NULL::float8)$$, 'a user without ratings is not listed; one whose ratings say nothing has no cluster');
SELECT raises(format('SELECT * FROM %s(''popular'')', f), '0A000', '%popular%cannot show clusters%', '%"kmeans", "kmeans_pca"%', f)
	FROM unnest('{user_clusters,cluster_courses}'::text[]) f, train_model('popular', dataset => 'school') t;
SELECT raises($$SELECT * FROM project_courses('popular')$$, '0A000', '%cannot project courses%', '%Methods that can%', 'project_courses without factors');

-- ------------------------------------------------------------ project_courses, of every method with factors

CREATE FUNCTION school.check_projection(model text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	CREATE TABLE projected AS SELECT * FROM project_courses(model);
	CREATE TABLE factor AS SELECT f.course_id, f.factors::float8[] AS v, f.norm FROM course_factors(model) f WHERE factors IS NOT NULL;
	RETURN NEXT is_empty('SELECT p.course_id FROM projected p FULL JOIN factor f USING (course_id)
		WHERE p.norm IS DISTINCT FROM f.norm OR p.enrollments <> (SELECT count(*) FROM ratings r WHERE r.course_id = f.course_id)
		OR p.title IS DISTINCT FROM (SELECT title FROM courses c WHERE c.course_id = f.course_id)', model || ': every course, its norm and enrolments');
	RETURN NEXT is((SELECT bool_and(abs(x) < 1e-5 AND abs(y) < 1e-5) FROM (SELECT avg(x) AS x, avg(y) AS y FROM projected) a), true, model || ': centred');
	RETURN NEXT is((SELECT ARRAY[var_samp(x), var_samp(y)]::numeric(12, 6)[] FROM projected),
		(SELECT array_agg(explained_variance ORDER BY component)::numeric(12, 6)[] FROM pca('SELECT v FROM factor', 2, false)), model || ': the variances of the first two components');
	DROP TABLE projected, factor;
END $$;
SELECT check_projection(model) FROM (SELECT method FROM recsys_methods() WHERE has_factors) m, LATERAL (SELECT model FROM train_model('plane ' || method, method, dataset => 'school')) t;

SELECT * FROM finish();
ROLLBACK;
