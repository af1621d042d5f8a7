-- Factors of courses and users, of models whose method has them.

CREATE FUNCTION course_factors(model text)
    RETURNS TABLE (course_id text, factors real[], bias real, norm real)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 10000 ROWS 2000
    AS 'MODULE_PATHNAME', 'recsys_course_factors';
COMMENT ON FUNCTION course_factors(text) IS
'the factors of each course that is offered now; bias: added to the product with the factors of any user, NULL when the method has none; norm: Euclidean length of the factors';

CREATE FUNCTION user_factors(model text)
    RETURNS TABLE (user_id text, factors real[], bias real)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000000 ROWS 100000
    SET jit = off
    AS 'MODULE_PATHNAME', 'recsys_user_factors';
COMMENT ON FUNCTION user_factors(text) IS
'the factors of every user of the dataset, from the ratings of this moment; NULL for users without ratings of courses that the model knows';
