-- Controlled experiments: who sees which variant, and what came of it.

CREATE FUNCTION experiment_variant(
    experiment text,
    user_id bigint,
    variants text[],
    weights float8[] DEFAULT NULL)
    RETURNS text
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10
    AS 'MODULE_PATHNAME', 'recsys_experiment_variant';
COMMENT ON FUNCTION experiment_variant(text, bigint, text[], float8[]) IS
'the variant of an experiment that a user sees: always the same one, drawn by the md5 hash of experiment and user, by weights or with equal shares. NULL for a NULL user';

CREATE FUNCTION experiment_variant(
    experiment text,
    user_id text,
    variants text[],
    weights float8[] DEFAULT NULL)
    RETURNS text
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10
    AS 'MODULE_PATHNAME', 'recsys_experiment_variant';
COMMENT ON FUNCTION experiment_variant(text, text, text[], float8[]) IS
'the variant of an experiment that a user sees: always the same one, drawn by the md5 hash of experiment and user, by weights or with equal shares. NULL for a NULL user';

CREATE FUNCTION experiment_variant(
    experiment text,
    user_id uuid,
    variants text[],
    weights float8[] DEFAULT NULL)
    RETURNS text
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10
    AS 'MODULE_PATHNAME', 'recsys_experiment_variant';
COMMENT ON FUNCTION experiment_variant(text, uuid, text[], float8[]) IS
'the variant of an experiment that a user sees: always the same one, drawn by the md5 hash of experiment and user, by weights or with equal shares. NULL for a NULL user';

CREATE FUNCTION experiment_report(
    exposures regclass,
    experiment text DEFAULT NULL,
    control text DEFAULT NULL,
    variant_column name DEFAULT 'variant',
    user_column name DEFAULT 'user_id',
    outcome_column name DEFAULT 'converted',
    experiment_column name DEFAULT 'experiment',
    confidence float8 DEFAULT 0.95)
    RETURNS TABLE (variant text, n bigint, conversions bigint, rate float8, lift float8, p_value float8,
        ci_low float8, ci_high float8)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000000 ROWS 10
    SET jit = off
    AS 'MODULE_PATHNAME', 'recsys_experiment_report';
COMMENT ON FUNCTION experiment_report(regclass, text, text, name, name, name, name, float8) IS
'users, conversions and their rate of each variant in a table of exposures, the control first; of the others the lift over the control, the p value of the two-proportion z test (pooled) and Newcombe''s interval of the difference of the rates';

