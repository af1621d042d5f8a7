-- Vector functions over float8[] and set functions over arrays.
-- Pure mathematics: immutable, parallel safe, NULL for a NULL argument. Other number arrays cast to float8[].

CREATE FUNCTION dot_product(a float8[], b float8[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'recsys_dot_product'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 4;
COMMENT ON FUNCTION dot_product(float8[], float8[]) IS
'sum of the products of the elements; 0 for empty arrays. NaN and infinite elements follow float8 arithmetic; a finite result beyond float8 is an error (22003). Arrays that differ in length or have more than one dimension are an error (2202E), and so are null elements (22004)';

CREATE FUNCTION cosine_similarity(a float8[], b float8[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'recsys_cosine_similarity'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 8;
COMMENT ON FUNCTION cosine_similarity(float8[], float8[]) IS
'cosine of the angle between two vectors, from -1 to 1; NULL if one of them is empty or has only zeros, otherwise NaN if an element is NaN or infinite. Arrays that differ in length or have more than one dimension are an error (2202E), and so are null elements (22004)';

CREATE FUNCTION euclidean_distance(a float8[], b float8[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'recsys_euclidean_distance'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 8;
COMMENT ON FUNCTION euclidean_distance(float8[], float8[]) IS
'square root of the sum of squared differences; 0 for empty arrays. NaN and infinite elements follow float8 arithmetic; a finite result beyond float8 is an error (22003). Arrays that differ in length or have more than one dimension are an error (2202E), and so are null elements (22004)';

CREATE FUNCTION pearson_correlation(a float8[], b float8[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'recsys_pearson_correlation'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 12;
COMMENT ON FUNCTION pearson_correlation(float8[], float8[]) IS
'Pearson correlation of the elements, from -1 to 1; NULL if there are fewer than two elements or all elements of one array are equal, otherwise NaN if an element is NaN or infinite. Arrays that differ in length or have more than one dimension are an error (2202E), and so are null elements (22004)';

CREATE FUNCTION l2_norm(a float8[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'recsys_l2_norm'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 4;
COMMENT ON FUNCTION l2_norm(float8[]) IS
'Euclidean length: square root of the sum of squares; 0 for an empty array, NaN if an element is NaN, otherwise infinity if an element is infinite. A finite result beyond float8 is an error (22003). More than one dimension is an error (2202E), and so are null elements (22004)';

CREATE FUNCTION standardize(v float8[], mean float8[], stddev float8[]) RETURNS float8[]
	AS 'MODULE_PATHNAME', 'recsys_standardize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 8;
COMMENT ON FUNCTION standardize(float8[], float8[], float8[]) IS
'(v - mean) / stddev, element by element; where stddev is 0 it divides by 1, so an element that is constant in the data becomes 0. Empty arrays give an empty array. NaN and infinite elements follow float8 arithmetic; a result beyond float8 is an error (22003), and so are a negative stddev (22023), arrays that differ in length or have more than one dimension (2202E) and null elements (22004)';

CREATE FUNCTION jaccard_similarity(a anycompatiblearray, b anycompatiblearray) RETURNS float8
	AS 'MODULE_PATHNAME', 'recsys_jaccard_similarity'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION jaccard_similarity(anycompatiblearray, anycompatiblearray) IS
'elements in both arrays / elements in either, from 0 to 1; duplicates count once, and two empty arrays, being equal, give 1. Elements are equal by the default btree operator class of their type (without one: error 42883) under the collation of the arguments. More than one dimension is an error (2202E), and so are null elements (22004)';

CREATE FUNCTION set_distance(a anycompatiblearray, b anycompatiblearray) RETURNS int
	AS 'MODULE_PATHNAME', 'recsys_set_distance'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION set_distance(anycompatiblearray, anycompatiblearray) IS
'number of elements that are in only one of the two arrays; duplicates count once, and two empty arrays give 0. Elements are equal by the default btree operator class of their type (without one: error 42883) under the collation of the arguments. More than one dimension is an error (2202E), and so are null elements (22004)';
