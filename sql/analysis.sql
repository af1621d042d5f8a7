-- What the tables of a dataset look like: for dashboards.

CREATE FUNCTION user_profiles(dataset text DEFAULT 'default')
    RETURNS TABLE (user_id text, profile float8[])
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000000 ROWS 100000
    SET jit = off
    AS 'MODULE_PATHNAME', 'recsys_user_profiles';
COMMENT ON FUNCTION user_profiles(text) IS
'sum of rating x genres over the courses of each user with a rating, in the order of dataset_genres()';

CREATE FUNCTION dataset_genres(dataset text DEFAULT 'default')
    RETURNS TABLE (ordinal int, genre text, courses bigint)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 10000 ROWS 20
    AS 'MODULE_PATHNAME', 'recsys_dataset_genres';
COMMENT ON FUNCTION dataset_genres(text) IS
'the genres in the order of profiles, with the number of courses that have them';

CREATE FUNCTION dataset_summary(dataset text DEFAULT 'default')
    RETURNS TABLE (users bigint, courses bigint, courses_rated bigint, ratings bigint, mean float8,
        min float8, max float8, sparsity float8, first timestamptz, last timestamptz)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000000 ROWS 1
    SET jit = off
    AS 'MODULE_PATHNAME', 'recsys_dataset_summary';
COMMENT ON FUNCTION dataset_summary(text) IS
'size of a dataset, of the rows as they are: repeated ones, and those that training refuses, count too; sparsity is
1 - ratings / (users x courses)';

CREATE FUNCTION enrollment_histogram(dataset text DEFAULT 'default', bins int DEFAULT 20)
    RETURNS TABLE (low int, high int, users bigint)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000000 ROWS 20 SUPPORT recsys_rows_support
    SET jit = off
    AS 'MODULE_PATHNAME', 'recsys_enrollment_histogram';
COMMENT ON FUNCTION enrollment_histogram(text, int) IS
'number of users by their number of courses, in at most so many bins of equal width';

CREATE FUNCTION top_courses(dataset text DEFAULT 'default', n int DEFAULT 20)
    RETURNS TABLE (rank int, course_id text, title text, enrollments bigint, share float8,
        cumulative_share float8)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000000 ROWS 20 SUPPORT recsys_rows_support
    SET jit = off
    AS 'MODULE_PATHNAME', 'recsys_top_courses';
COMMENT ON FUNCTION top_courses(text, int) IS
'the courses with most ratings, and their share of all';

CREATE FUNCTION keyword_counts(dataset text DEFAULT 'default', n int DEFAULT 50)
    RETURNS TABLE (word text, courses bigint, occurrences bigint)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 100000 ROWS 50 SUPPORT recsys_rows_support
    SET jit = off
    AS 'MODULE_PATHNAME', 'recsys_keyword_counts';
COMMENT ON FUNCTION keyword_counts(text, int) IS
'the words in most courses: from the bag of words, or else from titles and descriptions in English';
