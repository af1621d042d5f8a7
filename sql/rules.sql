-- Frequent item sets and association rules.

CREATE FUNCTION frequent_itemsets(dataset text DEFAULT 'default', min_support float8 DEFAULT 0.01,
    max_len int DEFAULT NULL, algorithm text DEFAULT 'fpgrowth')
    RETURNS TABLE (itemset text[], support float8, count bigint)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000000 ROWS 10000
    SET jit = off
    AS 'MODULE_PATHNAME', 'recsys_frequent_itemsets';
COMMENT ON FUNCTION frequent_itemsets(text, float8, int, text) IS
'sets of at most max_len courses (NULL: any number) that at least a share min_support of the users with ratings have all of; the most frequent first, then the shortest, then by course id; algorithm: fpgrowth or apriori, with the same answer';

CREATE FUNCTION association_rules(dataset text DEFAULT 'default', min_support float8 DEFAULT 0.01,
    metric text DEFAULT 'confidence', min_threshold float8 DEFAULT 0.8, max_len int DEFAULT NULL,
    algorithm text DEFAULT 'fpgrowth')
    RETURNS TABLE (antecedents text[], consequents text[], antecedent_support float8, consequent_support float8,
        support float8, confidence float8, lift float8, leverage float8, conviction float8, zhangs_metric float8,
        jaccard float8, certainty float8, kulczynski float8)
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000000 ROWS 10000
    SET jit = off
    AS 'MODULE_PATHNAME', 'recsys_association_rules';
COMMENT ON FUNCTION association_rules(text, float8, text, float8, int, text) IS
'rules "who has the antecedents has the consequents" of the sets of frequent_itemsets whose metric, any of the columns of numbers, is at least min_threshold; in the order of the sets, then the most antecedents first';
