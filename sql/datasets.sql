-- Datasets: which tables and columns models are trained on.

CREATE FUNCTION register_dataset(
    name text,
    ratings regclass,
    courses regclass DEFAULT NULL,
    user_column name DEFAULT 'user_id',
    course_column name DEFAULT 'course_id',
    rating_column name DEFAULT 'rating',
    time_column name DEFAULT NULL,
    courses_key name DEFAULT NULL,
    title_column name DEFAULT NULL,
    description_column name DEFAULT NULL,
    genre_columns name[] DEFAULT NULL,
    terms regclass DEFAULT NULL,
    users regclass DEFAULT NULL,
    user_feature_columns name[] DEFAULT NULL,
    options jsonb DEFAULT '{}')
    RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000
    AS 'MODULE_PATHNAME', 'recsys_register_dataset';
COMMENT ON FUNCTION register_dataset(text, regclass, regclass, name, name, name, name, name, name, name, name[], regclass, regclass, name[], jsonb) IS
'registers the tables that models are trained on, in place of an equal name of the same owner; nothing is copied. A rating_column of NULL means that every row counts 1';

CREATE FUNCTION drop_dataset(name text) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000
    AS 'MODULE_PATHNAME', 'recsys_drop_dataset';
COMMENT ON FUNCTION drop_dataset(text) IS
'forgets a dataset, not its tables; refused while models use it';

CREATE FUNCTION recsys_dataset_readable(dataset text) RETURNS boolean
    LANGUAGE C STABLE PARALLEL UNSAFE COST 100
    AS 'MODULE_PATHNAME', 'recsys_dataset_readable';
COMMENT ON FUNCTION recsys_dataset_readable(text) IS
'whether the current user may SELECT all that models of the dataset are made from';

CREATE VIEW recsys_datasets WITH (security_barrier) AS
    SELECT d.name, d.owner, d.ratings, d.courses, d.users, d.terms, d.user_column, d.course_column,
        d.rating_column, d.time_column, d.courses_key, d.title_column, d.description_column,
        d.genre_columns, d.users_key, d.user_feature_columns, d.registered_at
    FROM recsys_dataset d
    WHERE recsys_dataset_readable(d.name);
COMMENT ON VIEW recsys_datasets IS 'datasets whose tables the current user may read';
REVOKE ALL ON recsys_datasets FROM PUBLIC;
GRANT SELECT ON recsys_datasets TO PUBLIC;
