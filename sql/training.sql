-- Training, and the life of a model.

CREATE FUNCTION train_model(
    model text,
    method text DEFAULT NULL,
    params jsonb DEFAULT '{}',
    dataset text DEFAULT 'default',
    publish boolean DEFAULT true,
    if_changed boolean DEFAULT false,
    wait boolean DEFAULT true)
    RETURNS TABLE (model text, version int, method text, users bigint, courses int,
        ratings bigint, seconds float8, bytes bigint)
    LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 1
    SET jit = off
    AS 'MODULE_PATHNAME', 'recsys_train_model';
COMMENT ON FUNCTION train_model(text, text, jsonb, text, boolean, boolean, boolean) IS
'trains a model, stores it as the next version and, unless publish is false, serves it from commit on. No row when if_changed finds nothing new, or when wait is false and another session trains it';

CREATE FUNCTION drop_model(model text) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000
    AS 'MODULE_PATHNAME', 'recsys_drop_model';
COMMENT ON FUNCTION drop_model(text) IS 'deletes all versions of a model';

CREATE FUNCTION rollback_model(model text) RETURNS int
    LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000
    AS 'MODULE_PATHNAME', 'recsys_rollback_model';
COMMENT ON FUNCTION rollback_model(text) IS
'withdraws the published version and serves the one published before it; returns its number';

CREATE FUNCTION publish_model(model text, version int) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000
    AS 'MODULE_PATHNAME', 'recsys_publish_model';
COMMENT ON FUNCTION publish_model(text, int) IS 'serves this version of the model from commit on';

CREATE FUNCTION training_log(model text)
    RETURNS TABLE (iteration int, term text, value float8, seconds float8)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 100
    AS 'MODULE_PATHNAME', 'recsys_training_log';
COMMENT ON FUNCTION training_log(text) IS
'loss by iteration of the published version; no rows for methods that do not iterate';

CREATE FUNCTION estimate_training(
    method text,
    params jsonb DEFAULT '{}',
    dataset text DEFAULT 'default')
    RETURNS TABLE (phase text, bytes bigint, seconds float8)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 4
    AS 'MODULE_PATHNAME', 'recsys_estimate_training';
COMMENT ON FUNCTION estimate_training(text, jsonb, text) IS
'memory and, roughly, time of a training run, from what the planner knows of the tables';

CREATE FUNCTION recsys_methods()
    RETURNS TABLE (method text, description text, objective text, predicts_ratings boolean,
        finds_similar boolean, explains boolean, stores_user_rows boolean, has_factors boolean)
    LANGUAGE C STABLE PARALLEL SAFE COST 100 ROWS 20
    AS 'MODULE_PATHNAME', 'recsys_list_methods';
COMMENT ON FUNCTION recsys_methods() IS 'the recommendation methods and what they can do';

CREATE FUNCTION recsys_method_params(method text)
    RETURNS TABLE (param text, type text, default_value text, min_value float8, max_value float8,
        choices text[], description text)
    LANGUAGE C STABLE PARALLEL SAFE COST 100 ROWS 15
    AS 'MODULE_PATHNAME', 'recsys_list_method_params';
COMMENT ON FUNCTION recsys_method_params(text) IS
'the parameters of a method: its own first, then those that every method has';

CREATE FUNCTION recsys_progress_rows()
    RETURNS TABLE (pid int, model text, method text, phase text, iteration bigint, "of" bigint,
        loss float8, elapsed float8)
    LANGUAGE C VOLATILE PARALLEL RESTRICTED COST 100 ROWS 1
    AS 'MODULE_PATHNAME', 'recsys_progress_rows';
COMMENT ON FUNCTION recsys_progress_rows() IS 'the rows of the view recsys_progress';

CREATE VIEW recsys_progress AS
    SELECT p.pid, p.model, p.method, p.phase, p.iteration, p."of", p.loss, p.elapsed
    FROM recsys_progress_rows() p;
COMMENT ON VIEW recsys_progress IS
'training runs, and calls that look at all users, of this database that the current user may see; elapsed is in seconds';
REVOKE ALL ON recsys_progress FROM PUBLIC;
GRANT SELECT ON recsys_progress TO PUBLIC;

CREATE FUNCTION recsys_model_readable(build uuid) RETURNS boolean
    LANGUAGE C STABLE PARALLEL UNSAFE COST 100
    AS 'MODULE_PATHNAME', 'recsys_model_readable';
COMMENT ON FUNCTION recsys_model_readable(uuid) IS
'whether the current user may SELECT all that this version of a model was trained on';

CREATE VIEW recsys_model_versions WITH (security_barrier) AS
    SELECT m.model, m.version, m.published, m.published_at, m.withdrawn, m.owner, m.method, m.params,
        m.dataset, m.users, m.courses, m.ratings, m.duplicates, m.load_seconds, m.fit_seconds,
        m.seconds, m.bytes, m.holds_user_rows, m.trained_at, m.trained_by, m.build
    FROM recsys_model m
    WHERE recsys_model_readable(m.build);
COMMENT ON VIEW recsys_model_versions IS
'all kept versions of the models whose datasets the current user may read';
REVOKE ALL ON recsys_model_versions FROM PUBLIC;
GRANT SELECT ON recsys_model_versions TO PUBLIC;

CREATE VIEW recsys_models WITH (security_barrier) AS
    SELECT v.model, v.version, v.published_at, v.owner, v.method, v.params, v.dataset, v.users,
        v.courses, v.ratings, v.duplicates, v.seconds, v.bytes, v.holds_user_rows, v.trained_at, v.trained_by
    FROM recsys_model_versions v
    WHERE v.published;
COMMENT ON VIEW recsys_models IS
'the published version of each model whose dataset the current user may read';
REVOKE ALL ON recsys_models FROM PUBLIC;
GRANT SELECT ON recsys_models TO PUBLIC;
