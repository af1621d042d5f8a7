-- Clusters of users, principal components of vectors, courses on a plane.

CREATE FUNCTION user_clusters(model text)
    RETURNS TABLE (user_id text, cluster int, distance float8)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000000 ROWS 100000
    SET jit = off
    AS 'MODULE_PATHNAME', 'recsys_user_clusters';
COMMENT ON FUNCTION user_clusters(text) IS
'the cluster of every user with ratings, from the ratings of this moment, and the distance to its centre; both NULL for a user whose ratings say nothing of genres';

CREATE FUNCTION cluster_courses(model text)
    RETURNS TABLE (cluster int, rank int, course_id text, title text, enrollments bigint)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 10000 ROWS 2000
    AS 'MODULE_PATHNAME', 'recsys_cluster_courses';
COMMENT ON FUNCTION cluster_courses(text) IS
'the courses that the users of each cluster took in training and that are offered now, most taken first';

CREATE FUNCTION project_courses(model text)
    RETURNS TABLE (course_id text, title text, x float8, y float8, norm real, enrollments bigint)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 10000 ROWS 2000
    AS 'MODULE_PATHNAME', 'recsys_project_courses';
COMMENT ON FUNCTION project_courses(text) IS
'the courses that are offered now on the plane of the first two principal components of their factors; norm: Euclidean length of the factors';

CREATE FUNCTION pca(vectors text, n_components float8 DEFAULT 0.9, standardize boolean DEFAULT true)
    RETURNS TABLE (component int, explained_variance float8, explained_variance_ratio float8, loadings float8[])
    LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 10
    SET jit = off
    AS 'MODULE_PATHNAME', 'recsys_pca';
COMMENT ON FUNCTION pca(text, float8, boolean) IS
'principal components of the vectors that a query returns: one SELECT of one float8[] column, run with the rights of the caller; n_components: from 1, so many; below 1, as many as hold this share of the variance';

CREATE FUNCTION kmeans(vectors text, n_clusters int, random_state int DEFAULT 42, standardize boolean DEFAULT true,
    n_init int DEFAULT 10)
    RETURNS TABLE (cluster int, size bigint, centroid float8[], inertia float8)
    LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 10
    SET jit = off
    AS 'MODULE_PATHNAME', 'recsys_kmeans';
COMMENT ON FUNCTION kmeans(text, int, int, boolean, int) IS
'k-means clusters of the vectors that a query returns: one SELECT of one float8[] column, run with the rights of the caller; the best of n_init starts, the largest cluster first; centroid: in the units of the vectors; inertia: sum of squared distances to the centroid, of standardized vectors with standardize';

CREATE FUNCTION kmeans_elbow(vectors text, k_min int, k_max int, random_state int DEFAULT 42,
    standardize boolean DEFAULT true)
    RETURNS TABLE (n_clusters int, inertia float8, silhouette float8)
    LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000000 ROWS 10
    SET jit = off
    AS 'MODULE_PATHNAME', 'recsys_kmeans_elbow';
COMMENT ON FUNCTION kmeans_elbow(text, int, int, int, boolean) IS
'inertia and mean silhouette of k-means for every number of clusters from k_min to k_max; vectors: as in kmeans; beyond 10,000 vectors the silhouette is that of a sample of so many, and it is NULL for one cluster';
