-- The extension's own tables.  They are read and written by its functions only, under the
-- extension's owner; users see them through the views of the other files.

CREATE TABLE recsys_dataset (
    name                 text PRIMARY KEY,
    owner                text NOT NULL,
    ratings              text NOT NULL,
    courses              text,
    users                text,
    terms                text,
    user_column          text NOT NULL,
    course_column        text NOT NULL,
    rating_column        text,
    time_column          text,
    courses_key          text,
    title_column         text,
    description_column   text,
    genre_columns        text[],
    users_key            text,
    user_feature_columns text[],
    user_type            text NOT NULL,
    course_type          text NOT NULL,
    options              jsonb NOT NULL DEFAULT '{}',
    registered_at        timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE recsys_dataset IS 'Registered datasets: names of the tables and columns that models are trained on';
COMMENT ON COLUMN recsys_dataset.owner IS 'role that may replace and drop the dataset';
COMMENT ON COLUMN recsys_dataset.user_type IS 'type of the user column when it was registered';
COMMENT ON COLUMN recsys_dataset.course_type IS 'type of the course column when it was registered';

CREATE TABLE recsys_model (
    model           text NOT NULL,
    version         int NOT NULL,
    build           uuid NOT NULL UNIQUE,
    published       boolean NOT NULL,
    published_at    timestamptz,
    withdrawn       boolean NOT NULL DEFAULT false,
    owner           text NOT NULL,
    method          text NOT NULL,
    params          jsonb NOT NULL,
    dataset         text NOT NULL,
    source          jsonb NOT NULL,
    users           bigint NOT NULL,
    courses         int NOT NULL,
    ratings         bigint NOT NULL,
    duplicates      bigint NOT NULL,
    fingerprint     bigint NOT NULL,
    load_seconds    float8 NOT NULL,
    fit_seconds     float8 NOT NULL,
    seconds         float8 NOT NULL,
    training_log    jsonb NOT NULL,
    bytes           bigint NOT NULL,
    holds_user_rows boolean NOT NULL,
    trained_at      timestamptz NOT NULL,
    trained_by      text NOT NULL,
    encoding        text NOT NULL DEFAULT pg_catalog.getdatabaseencoding(),
    PRIMARY KEY (model, version)
);
CREATE UNIQUE INDEX recsys_model_published ON recsys_model (model) WHERE published;
COMMENT ON TABLE recsys_model IS 'Kept versions of all models, without their data';
COMMENT ON COLUMN recsys_model.build IS 'identity of the trained bytes; caches are keyed by it';
COMMENT ON COLUMN recsys_model.source IS 'the row of recsys_dataset that the model was trained on: whoever may not read those tables gets no answer';
COMMENT ON COLUMN recsys_model.withdrawn IS 'rolled back: never a target of rollback_model again';
COMMENT ON COLUMN recsys_model.seconds IS 'loading, fitting and writing the data, after the lock was there';
COMMENT ON COLUMN recsys_model.trained_by IS 'role whose rights and row-level security decided what training read';
COMMENT ON COLUMN recsys_model.encoding IS 'of the database that it was trained in, and so of the texts within the data';
COMMENT ON COLUMN recsys_model.fingerprint IS 'hash of all data that training read';

CREATE TABLE recsys_model_data (
    build uuid NOT NULL,
    chunk int NOT NULL,
    data  bytea NOT NULL,
    PRIMARY KEY (build, chunk)
);
ALTER TABLE recsys_model_data ALTER COLUMN data SET STORAGE EXTERNAL;
COMMENT ON TABLE recsys_model_data IS 'Trained models in chunks of 1 MB';

CREATE TABLE recsys_evaluation (
    evaluation   uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    owner        text NOT NULL,
    evaluated_at timestamptz NOT NULL,
    command      text NOT NULL,
    dataset      text NOT NULL,
    source       jsonb NOT NULL,
    test         text,
    strategy     text,
    test_size    float8,
    folds        int NOT NULL,
    relevance    float8,
    random_state int NOT NULL,
    options      jsonb NOT NULL,
    seconds      float8 NOT NULL,
    results      jsonb NOT NULL
);
COMMENT ON TABLE recsys_evaluation IS 'Stored evaluations, one row a call';
COMMENT ON COLUMN recsys_evaluation.owner IS 'role that evaluated and may delete it; its rights and row-level security decided what was read';
COMMENT ON COLUMN recsys_evaluation.command IS 'function that was called';
COMMENT ON COLUMN recsys_evaluation.source IS 'the row of recsys_dataset as it was: whoever may not read those tables does not see the evaluation';
COMMENT ON COLUMN recsys_evaluation.test IS 'relation of the held-out ratings; null when a split was drawn';
COMMENT ON COLUMN recsys_evaluation.options IS 'options of the call, but for store';
COMMENT ON COLUMN recsys_evaluation.results IS 'the rows of the answer, as an array of objects';

-- Default privileges of the site may give PUBLIC more.
REVOKE ALL ON recsys_dataset, recsys_model, recsys_model_data, recsys_evaluation FROM PUBLIC;

-- The rows go where pg_dump takes the database; the definitions come with the extension.
SELECT pg_catalog.pg_extension_config_dump('recsys_dataset', '');
SELECT pg_catalog.pg_extension_config_dump('recsys_model', '');
SELECT pg_catalog.pg_extension_config_dump('recsys_model_data', '');
SELECT pg_catalog.pg_extension_config_dump('recsys_evaluation', '');

-- Sessions cache datasets and models.  Any change of these rows, also by hand, by a restore or by a
-- logical subscriber, tells every session to look again.
CREATE FUNCTION recsys_invalidate() RETURNS trigger
    LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'recsys_invalidate';
COMMENT ON FUNCTION recsys_invalidate() IS 'Trigger of the extension''s tables: makes every session look at datasets and models again';
REVOKE ALL ON FUNCTION recsys_invalidate() FROM PUBLIC;

CREATE TRIGGER recsys_dataset_change AFTER INSERT OR UPDATE OR DELETE ON recsys_dataset
    FOR EACH ROW EXECUTE FUNCTION recsys_invalidate();
CREATE TRIGGER recsys_dataset_truncate AFTER TRUNCATE ON recsys_dataset
    FOR EACH STATEMENT EXECUTE FUNCTION recsys_invalidate();
CREATE TRIGGER recsys_model_change AFTER INSERT OR UPDATE OR DELETE ON recsys_model
    FOR EACH ROW EXECUTE FUNCTION recsys_invalidate();
CREATE TRIGGER recsys_model_truncate AFTER TRUNCATE ON recsys_model
    FOR EACH STATEMENT EXECUTE FUNCTION recsys_invalidate();
ALTER TABLE recsys_dataset ENABLE ALWAYS TRIGGER recsys_dataset_change;
ALTER TABLE recsys_dataset ENABLE ALWAYS TRIGGER recsys_dataset_truncate;
ALTER TABLE recsys_model ENABLE ALWAYS TRIGGER recsys_model_change;
ALTER TABLE recsys_model ENABLE ALWAYS TRIGGER recsys_model_truncate;
