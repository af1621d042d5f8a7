-- How good a method is: fitted on a part of the ratings, asked for the others.

CREATE FUNCTION evaluate_method(
    method text,
    params jsonb DEFAULT '{}',
    dataset text DEFAULT 'default',
    test regclass DEFAULT NULL,
    strategy text DEFAULT NULL,
    test_size float8 DEFAULT 0.2,
    folds int DEFAULT 1,
    k int DEFAULT 10,
    relevance float8 DEFAULT NULL,
    random_state int DEFAULT 42,
    options jsonb DEFAULT '{}')
    RETURNS TABLE (method text, params jsonb, metric text, k int, value float8, std float8,
        baseline float8, baseline_method text, users bigint, ratings bigint, fold int)
    LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 25
    SET jit = off
    AS 'MODULE_PATHNAME', 'recsys_evaluate_method';
COMMENT ON FUNCTION evaluate_method(text, jsonb, text, regclass, text, float8, int, int, float8, int, jsonb) IS
'fits a method on a part of the ratings and measures its answers on the others, beside the best trivial baseline. fold is null over all folds';

CREATE FUNCTION evaluate_model(
    model text,
    test regclass DEFAULT NULL,
    strategy text DEFAULT NULL,
    test_size float8 DEFAULT 0.2,
    folds int DEFAULT 1,
    k int DEFAULT 10,
    relevance float8 DEFAULT NULL,
    random_state int DEFAULT 42,
    options jsonb DEFAULT '{}')
    RETURNS TABLE (method text, params jsonb, metric text, k int, value float8, std float8,
        baseline float8, baseline_method text, users bigint, ratings bigint, fold int)
    LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 25
    SET jit = off
    AS 'MODULE_PATHNAME', 'recsys_evaluate_model';
COMMENT ON FUNCTION evaluate_model(text, regclass, text, float8, int, int, float8, int, jsonb) IS
'the same for the method and parameters of a model, on its dataset as it is now; the model itself has seen the ratings, so they are fitted anew';

CREATE FUNCTION compare_methods(
    methods text[],
    params jsonb DEFAULT '{}',
    dataset text DEFAULT 'default',
    test regclass DEFAULT NULL,
    strategy text DEFAULT NULL,
    test_size float8 DEFAULT 0.2,
    folds int DEFAULT 1,
    k int DEFAULT 10,
    relevance float8 DEFAULT NULL,
    random_state int DEFAULT 42,
    options jsonb DEFAULT '{}')
    RETURNS TABLE (method text, params jsonb, metric text, k int, value float8, std float8,
        baseline float8, baseline_method text, users bigint, ratings bigint, fold int)
    LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 100
    SET jit = off
    AS 'MODULE_PATHNAME', 'recsys_compare_methods';
COMMENT ON FUNCTION compare_methods(text[], jsonb, text, regclass, text, float8, int, int, float8, int, jsonb) IS
'the same for several methods on the same splits; params has an object for each method that shall not have its defaults';

CREATE FUNCTION tune_method(
    method text,
    grid jsonb,
    dataset text DEFAULT 'default',
    test regclass DEFAULT NULL,
    strategy text DEFAULT NULL,
    test_size float8 DEFAULT 0.2,
    folds int DEFAULT 1,
    k int DEFAULT 10,
    relevance float8 DEFAULT NULL,
    random_state int DEFAULT 42,
    metric text DEFAULT NULL,
    options jsonb DEFAULT '{}')
    RETURNS TABLE (method text, params jsonb, metric text, k int, value float8, std float8,
        baseline float8, baseline_method text, users bigint, ratings bigint, fold int)
    LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 100
    SET jit = off
    AS 'MODULE_PATHNAME', 'recsys_tune_method';
COMMENT ON FUNCTION tune_method(text, jsonb, text, regclass, text, float8, int, int, float8, int, text, jsonb) IS
'tries combinations of parameters on a validation part of the training ratings: one row validation_METRIC each, best first; then the best, refitted on all training ratings, on the test ratings: the rows of evaluate_method';

CREATE FUNCTION drop_evaluation(evaluation uuid) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000
    AS 'MODULE_PATHNAME', 'recsys_drop_evaluation';
COMMENT ON FUNCTION drop_evaluation(uuid) IS 'deletes a stored evaluation';

CREATE FUNCTION recsys_evaluation_readable(evaluation uuid) RETURNS boolean
    LANGUAGE C STABLE PARALLEL UNSAFE COST 100
    AS 'MODULE_PATHNAME', 'recsys_evaluation_readable';
COMMENT ON FUNCTION recsys_evaluation_readable(uuid) IS
'whether the current user may SELECT all that this evaluation was made from';

CREATE VIEW recsys_evaluations WITH (security_barrier) AS
    SELECT e.evaluation, e.evaluated_at, e.owner, e.command, e.dataset, e.test, e.strategy, e.test_size,
        e.folds, e.relevance, e.random_state, e.options, e.seconds, r.method, r.params, r.metric, r.k, r.value, r.std,
        r.baseline, r.baseline_method, r.users, r.ratings, r.fold
    FROM recsys_evaluation e,
        pg_catalog.jsonb_to_recordset(e.results) AS r (method text, params jsonb, metric text, k int,
            value float8, std float8, baseline float8, baseline_method text, users bigint,
            ratings bigint, fold int)
    WHERE recsys_evaluation_readable(e.evaluation);
COMMENT ON VIEW recsys_evaluations IS
'the rows of stored evaluations of data that the current user may read';
REVOKE ALL ON recsys_evaluations FROM PUBLIC;
GRANT SELECT ON recsys_evaluations TO PUBLIC;
