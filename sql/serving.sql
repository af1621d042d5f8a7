-- Serving.  Functions of one user come with user_id as bigint, text and uuid, functions of one course
-- with course_id as text and bigint.  They read tables as the caller: STABLE, never in a parallel worker.

CREATE FUNCTION recsys_rows_support(internal) RETURNS internal
    LANGUAGE C STRICT VOLATILE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'recsys_rows_support';
COMMENT ON FUNCTION recsys_rows_support(internal) IS
'planner support: a constant n is the number of rows to expect';
REVOKE ALL ON FUNCTION recsys_rows_support(internal) FROM PUBLIC;

CREATE FUNCTION recsys_user_rows_support(internal) RETURNS internal
    LANGUAGE C STRICT VOLATILE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'recsys_user_rows_support';
COMMENT ON FUNCTION recsys_user_rows_support(internal) IS
'planner support: a constant n is the number of rows to expect of each user';
REVOKE ALL ON FUNCTION recsys_user_rows_support(internal) FROM PUBLIC;

CREATE FUNCTION recommend_courses(
    user_id bigint,
    model text,
    n int DEFAULT 10,
    exclude_seen boolean DEFAULT true,
    candidates text[] DEFAULT NULL,
    exclude text[] DEFAULT NULL,
    threshold float8 DEFAULT NULL,
    options jsonb DEFAULT '{}')
    RETURNS TABLE (rank int, course_id text, title text, score float8, source text)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10 SUPPORT recsys_rows_support
    AS 'MODULE_PATHNAME', 'recsys_recommend_courses';
COMMENT ON FUNCTION recommend_courses(bigint, text, int, boolean, text[], text[], float8, jsonb) IS
'the n best courses for a user, from the ratings that the user has at this moment. A NULL user is an unknown visitor; rows without a personal score follow by popularity, with source popular, unless a threshold is given';

CREATE FUNCTION recommend_courses(
    user_id text,
    model text,
    n int DEFAULT 10,
    exclude_seen boolean DEFAULT true,
    candidates text[] DEFAULT NULL,
    exclude text[] DEFAULT NULL,
    threshold float8 DEFAULT NULL,
    options jsonb DEFAULT '{}')
    RETURNS TABLE (rank int, course_id text, title text, score float8, source text)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10 SUPPORT recsys_rows_support
    AS 'MODULE_PATHNAME', 'recsys_recommend_courses';
COMMENT ON FUNCTION recommend_courses(text, text, int, boolean, text[], text[], float8, jsonb) IS
'the n best courses for a user, from the ratings that the user has at this moment. A NULL user is an unknown visitor; rows without a personal score follow by popularity, with source popular, unless a threshold is given';

CREATE FUNCTION recommend_courses(
    user_id uuid,
    model text,
    n int DEFAULT 10,
    exclude_seen boolean DEFAULT true,
    candidates text[] DEFAULT NULL,
    exclude text[] DEFAULT NULL,
    threshold float8 DEFAULT NULL,
    options jsonb DEFAULT '{}')
    RETURNS TABLE (rank int, course_id text, title text, score float8, source text)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10 SUPPORT recsys_rows_support
    AS 'MODULE_PATHNAME', 'recsys_recommend_courses';
COMMENT ON FUNCTION recommend_courses(uuid, text, int, boolean, text[], text[], float8, jsonb) IS
'the n best courses for a user, from the ratings that the user has at this moment. A NULL user is an unknown visitor; rows without a personal score follow by popularity, with source popular, unless a threshold is given';

CREATE FUNCTION recommend_for(
    courses text[],
    model text,
    n int DEFAULT 10,
    ratings float8[] DEFAULT NULL,
    candidates text[] DEFAULT NULL,
    exclude text[] DEFAULT NULL,
    threshold float8 DEFAULT NULL,
    options jsonb DEFAULT '{}')
    RETURNS TABLE (rank int, course_id text, title text, score float8, source text)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10 SUPPORT recsys_rows_support
    AS 'MODULE_PATHNAME', 'recsys_recommend_for';
COMMENT ON FUNCTION recommend_for(text[], text, int, float8[], text[], text[], float8, jsonb) IS
'the n best courses for a visitor who has taken these courses; ratings default to the best rating of the training data, unknown courses are ignored';

CREATE FUNCTION recommend_all(
    model text,
    n int DEFAULT 10,
    exclude_seen boolean DEFAULT true,
    threshold float8 DEFAULT NULL,
    options jsonb DEFAULT '{}')
    RETURNS TABLE (user_id text, rank int, course_id text, title text, score float8, source text)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000000 ROWS 100000 SUPPORT recsys_user_rows_support
    SET jit = off
    AS 'MODULE_PATHNAME', 'recsys_recommend_all';
COMMENT ON FUNCTION recommend_all(text, int, boolean, float8, jsonb) IS
'recommend_courses for every user of the dataset: those with ratings and those of the relation of users';

CREATE FUNCTION recommend_users(
    course_id text,
    model text,
    n int DEFAULT 10,
    strategy text DEFAULT 'score')
    RETURNS TABLE (rank int, user_id text, score float8)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000000 ROWS 10 SUPPORT recsys_rows_support
    SET jit = off
    AS 'MODULE_PATHNAME', 'recsys_recommend_users';
COMMENT ON FUNCTION recommend_users(text, text, int, text) IS
'whom to invite to a course: users who have not taken it, by the score of the model (score), by their number of ratings (active), or drawn (random)';

CREATE FUNCTION recommend_users(
    course_id bigint,
    model text,
    n int DEFAULT 10,
    strategy text DEFAULT 'score')
    RETURNS TABLE (rank int, user_id text, score float8)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000000 ROWS 10 SUPPORT recsys_rows_support
    SET jit = off
    AS 'MODULE_PATHNAME', 'recsys_recommend_users';
COMMENT ON FUNCTION recommend_users(bigint, text, int, text) IS
'whom to invite to a course: users who have not taken it, by the score of the model (score), by their number of ratings (active), or drawn (random)';

CREATE FUNCTION predict_rating(
    user_id bigint,
    course_id text,
    model text)
    RETURNS float8
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000
    AS 'MODULE_PATHNAME', 'recsys_predict_rating';
COMMENT ON FUNCTION predict_rating(bigint, text, text) IS
'estimated rating on the scale of the training data, from the other ratings of the user; never NULL except for a NULL course';

CREATE FUNCTION predict_rating(
    user_id bigint,
    course_id bigint,
    model text)
    RETURNS float8
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000
    AS 'MODULE_PATHNAME', 'recsys_predict_rating';
COMMENT ON FUNCTION predict_rating(bigint, bigint, text) IS
'estimated rating on the scale of the training data, from the other ratings of the user; never NULL except for a NULL course';

CREATE FUNCTION predict_rating(
    user_id text,
    course_id text,
    model text)
    RETURNS float8
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000
    AS 'MODULE_PATHNAME', 'recsys_predict_rating';
COMMENT ON FUNCTION predict_rating(text, text, text) IS
'estimated rating on the scale of the training data, from the other ratings of the user; never NULL except for a NULL course';

CREATE FUNCTION predict_rating(
    user_id text,
    course_id bigint,
    model text)
    RETURNS float8
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000
    AS 'MODULE_PATHNAME', 'recsys_predict_rating';
COMMENT ON FUNCTION predict_rating(text, bigint, text) IS
'estimated rating on the scale of the training data, from the other ratings of the user; never NULL except for a NULL course';

CREATE FUNCTION predict_rating(
    user_id uuid,
    course_id text,
    model text)
    RETURNS float8
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000
    AS 'MODULE_PATHNAME', 'recsys_predict_rating';
COMMENT ON FUNCTION predict_rating(uuid, text, text) IS
'estimated rating on the scale of the training data, from the other ratings of the user; never NULL except for a NULL course';

CREATE FUNCTION predict_rating(
    user_id uuid,
    course_id bigint,
    model text)
    RETURNS float8
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000
    AS 'MODULE_PATHNAME', 'recsys_predict_rating';
COMMENT ON FUNCTION predict_rating(uuid, bigint, text) IS
'estimated rating on the scale of the training data, from the other ratings of the user; never NULL except for a NULL course';

CREATE FUNCTION similar_courses(
    course_id text,
    model text,
    n int DEFAULT 10,
    measure text DEFAULT NULL)
    RETURNS TABLE (rank int, course_id text, title text, similarity float8)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10 SUPPORT recsys_rows_support
    AS 'MODULE_PATHNAME', 'recsys_similar_courses';
COMMENT ON FUNCTION similar_courses(text, text, int, text) IS
'the n courses most similar to one, by the measure of the method or by cosine or dot of their factors; no rows for an unknown course';

CREATE FUNCTION similar_courses(
    course_id bigint,
    model text,
    n int DEFAULT 10,
    measure text DEFAULT NULL)
    RETURNS TABLE (rank int, course_id text, title text, similarity float8)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10 SUPPORT recsys_rows_support
    AS 'MODULE_PATHNAME', 'recsys_similar_courses';
COMMENT ON FUNCTION similar_courses(bigint, text, int, text) IS
'the n courses most similar to one, by the measure of the method or by cosine or dot of their factors; no rows for an unknown course';

CREATE FUNCTION similar_users(
    user_id bigint,
    model text,
    n int DEFAULT 10)
    RETURNS TABLE (rank int, user_id text, similarity float8)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000000 ROWS 10 SUPPORT recsys_rows_support
    SET jit = off
    AS 'MODULE_PATHNAME', 'recsys_similar_users';
COMMENT ON FUNCTION similar_users(bigint, text, int) IS
'the n users whose present ratings are most similar; reads the ratings of all';

CREATE FUNCTION similar_users(
    user_id text,
    model text,
    n int DEFAULT 10)
    RETURNS TABLE (rank int, user_id text, similarity float8)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000000 ROWS 10 SUPPORT recsys_rows_support
    SET jit = off
    AS 'MODULE_PATHNAME', 'recsys_similar_users';
COMMENT ON FUNCTION similar_users(text, text, int) IS
'the n users whose present ratings are most similar; reads the ratings of all';

CREATE FUNCTION similar_users(
    user_id uuid,
    model text,
    n int DEFAULT 10)
    RETURNS TABLE (rank int, user_id text, similarity float8)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000000 ROWS 10 SUPPORT recsys_rows_support
    SET jit = off
    AS 'MODULE_PATHNAME', 'recsys_similar_users';
COMMENT ON FUNCTION similar_users(uuid, text, int) IS
'the n users whose present ratings are most similar; reads the ratings of all';

CREATE FUNCTION explain_recommendation(
    user_id bigint,
    course_id text,
    model text)
    RETURNS TABLE (because text, title text, kind text, weight float8)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10
    AS 'MODULE_PATHNAME', 'recsys_explain_recommendation';
COMMENT ON FUNCTION explain_recommendation(bigint, text, text) IS
'why the model gives a course its score for a user: courses, genres, user groups or popularity, the largest weight first';

CREATE FUNCTION explain_recommendation(
    user_id bigint,
    course_id bigint,
    model text)
    RETURNS TABLE (because text, title text, kind text, weight float8)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10
    AS 'MODULE_PATHNAME', 'recsys_explain_recommendation';
COMMENT ON FUNCTION explain_recommendation(bigint, bigint, text) IS
'why the model gives a course its score for a user: courses, genres, user groups or popularity, the largest weight first';

CREATE FUNCTION explain_recommendation(
    user_id text,
    course_id text,
    model text)
    RETURNS TABLE (because text, title text, kind text, weight float8)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10
    AS 'MODULE_PATHNAME', 'recsys_explain_recommendation';
COMMENT ON FUNCTION explain_recommendation(text, text, text) IS
'why the model gives a course its score for a user: courses, genres, user groups or popularity, the largest weight first';

CREATE FUNCTION explain_recommendation(
    user_id text,
    course_id bigint,
    model text)
    RETURNS TABLE (because text, title text, kind text, weight float8)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10
    AS 'MODULE_PATHNAME', 'recsys_explain_recommendation';
COMMENT ON FUNCTION explain_recommendation(text, bigint, text) IS
'why the model gives a course its score for a user: courses, genres, user groups or popularity, the largest weight first';

CREATE FUNCTION explain_recommendation(
    user_id uuid,
    course_id text,
    model text)
    RETURNS TABLE (because text, title text, kind text, weight float8)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10
    AS 'MODULE_PATHNAME', 'recsys_explain_recommendation';
COMMENT ON FUNCTION explain_recommendation(uuid, text, text) IS
'why the model gives a course its score for a user: courses, genres, user groups or popularity, the largest weight first';

CREATE FUNCTION explain_recommendation(
    user_id uuid,
    course_id bigint,
    model text)
    RETURNS TABLE (because text, title text, kind text, weight float8)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10
    AS 'MODULE_PATHNAME', 'recsys_explain_recommendation';
COMMENT ON FUNCTION explain_recommendation(uuid, bigint, text) IS
'why the model gives a course its score for a user: courses, genres, user groups or popularity, the largest weight first';

