-- Frequent item sets and association rules against plain SQL, a lecture's baskets, and the method's answers.
\ir setup.psql
\ir fixture.psql
SELECT no_plan();

-- ------------------------------------------------------------ frequent_itemsets

-- Sets of one to three courses by plain joins: every row counts, thumbs down too
CREATE VIEW school.plain_sets AS
	WITH sets AS (
		SELECT ARRAY[course_id] AS itemset, user_id FROM school.ratings
		UNION ALL
		SELECT ARRAY[a.course_id, b.course_id], user_id FROM school.ratings a JOIN school.ratings b USING (user_id)
		WHERE a.course_id < b.course_id
		UNION ALL
		SELECT ARRAY[a.course_id, b.course_id, c.course_id], user_id
		FROM school.ratings a JOIN school.ratings b USING (user_id) JOIN school.ratings c USING (user_id)
		WHERE a.course_id < b.course_id AND b.course_id < c.course_id)
	SELECT itemset, count(DISTINCT user_id) / 20.0::float8 AS support, count(DISTINCT user_id) AS count FROM sets GROUP BY 1;
SELECT results_eq(format($$SELECT itemset, support, count FROM frequent_itemsets('school', %s, 3, %L)$$, s, a),
	format($$SELECT itemset, support, count FROM plain_sets WHERE support >= %s
		ORDER BY count DESC, cardinality(itemset), itemset::text COLLATE "C"$$, s),
	format('%s, min_support %s: as plain SQL, in order', a, s))
FROM unnest('{0.01,0.1,0.15,0.3,0.45}'::float8[]) s, unnest('{fpgrowth,apriori}'::text[]) a;
SELECT results_eq($$SELECT * FROM frequent_itemsets('school', 0.1)$$, $$SELECT * FROM frequent_itemsets('school', 0.1, NULL, 'apriori')$$,
	'sets of any length by both algorithms');
SELECT cmp_ok((SELECT max(cardinality(itemset)) FROM frequent_itemsets('school', 0.05)), '>', 3, 'longer ones are among them');
SELECT results_eq($$SELECT * FROM frequent_itemsets('school', 0.1, 1)$$,
	$$SELECT * FROM frequent_itemsets('school', 0.1) WHERE cardinality(itemset) = 1$$, 'max_len 1');
SELECT is_empty($$SELECT * FROM frequent_itemsets('school', 1)$$, 'no course is everybody''s');
SELECT results_eq($$SELECT * FROM frequent_itemsets('school')$$, $$SELECT * FROM frequent_itemsets('school', 0.01, NULL, 'fpgrowth')$$,
	'defaults');

-- Five baskets of a lecture, from a view without ratings; an onion bought twice is one onion.
CREATE TABLE school.receipt (number int, goods text[]);
INSERT INTO school.receipt VALUES (1, '{Milk,Onion,Nutmeg,Kidney Beans,Eggs,Yogurt}'),
	(2, '{Dill,Onion,Nutmeg,Kidney Beans,Eggs,Yogurt}'), (3, '{Milk,Apple,Kidney Beans,Eggs}'),
	(4, '{Milk,Unicorn,Corn,Kidney Beans,Yogurt}'), (5, '{Corn,Onion,Onion,Kidney Beans,Ice cream,Eggs}');
CREATE VIEW school.basket AS SELECT number AS user_id, course_id FROM school.receipt, unnest(goods) AS course_id;
SELECT register_dataset('baskets', 'basket', rating_column => NULL);
SELECT results_eq(format('SELECT itemset, support FROM frequent_itemsets(''baskets'', 0.6, algorithm => %L)', a), $$VALUES
	('{Kidney Beans}'::text[], 1::float8), ('{Eggs}', 0.8), ('{Eggs,Kidney Beans}', 0.8), ('{Milk}', 0.6), ('{Onion}', 0.6),
	('{Yogurt}', 0.6), ('{Eggs,Onion}', 0.6), ('{Kidney Beans,Milk}', 0.6), ('{Kidney Beans,Onion}', 0.6),
	('{Kidney Beans,Yogurt}', 0.6), ('{Eggs,Kidney Beans,Onion}', 0.6)$$, 'the 11 sets of the lecture: ' || a)
FROM unnest('{fpgrowth,apriori}'::text[]) a;
SELECT results_eq($$SELECT itemset, count FROM frequent_itemsets('baskets', 1)$$, $$VALUES ('{Kidney Beans}'::text[], 5::bigint)$$,
	'min_support 1');

-- Numbers are in the order of numbers; a share that is no exact double means what it says.
CREATE TABLE school.hundred AS SELECT u AS user_id, c AS course_id FROM generate_series(1, 100) u, unnest('{2,10}'::int[]) c WHERE u <= 7 OR c = 10;
SELECT register_dataset('hundred', 'hundred', rating_column => NULL);
SELECT results_eq($$SELECT itemset, count FROM frequent_itemsets('hundred', 0.07)$$,
	$$VALUES ('{10}'::text[], 100::bigint), ('{2}', 7), ('{2,10}', 7)$$, '7 of 100 are .07');

-- Nothing, one user
CREATE TABLE school.nobody (LIKE school.ratings);
SELECT register_dataset('nobody', 'nobody');
SELECT is_empty(format($$SELECT * FROM %s('nobody')$$, f), 'an empty dataset has none: ' || f)
FROM unnest('{frequent_itemsets,association_rules}'::text[]) f;
INSERT INTO school.nobody VALUES (1, 'a', 3), (1, 'b', -1), (1, 'b', 2);
SELECT results_eq($$SELECT itemset, support, count FROM frequent_itemsets('nobody')$$,
	$$VALUES ('{a}'::text[], 1::float8, 1::bigint), ('{b}', 1, 1), ('{a,b}', 1, 1)$$, 'one basket');

-- ------------------------------------------------------------ association_rules

CREATE TABLE school.every_rule AS SELECT * FROM association_rules('school', 0.05, 'support', 0);
SELECT is((SELECT count(*) FROM every_rule),
	(SELECT sum(2 ^ cardinality(itemset) - 2)::bigint FROM frequent_itemsets('school', 0.05)), 'every cut of every set is a rule');
SELECT is_empty($$
	SELECT r.* FROM every_rule r, LATERAL (
		SELECT count(*) FILTER (WHERE courses @> antecedents) / 20.0::float8 AS a, count(*) FILTER (WHERE courses @> consequents) / 20.0::float8 AS c,
			count(*) FILTER (WHERE courses @> (antecedents || consequents)) / 20.0::float8 AS ac
		FROM (SELECT array_agg(course_id) AS courses FROM school.ratings GROUP BY user_id) u) s
	WHERE antecedents && consequents OR abs(antecedent_support - a) + abs(consequent_support - c) + abs(support - ac) > 1e-12
		OR abs(confidence - ac / a) > 1e-12 OR abs(lift - ac / a / c) > 1e-12 OR abs(leverage - (ac - a * c)) > 1e-12
		OR CASE WHEN confidence = 1 THEN conviction <> 'Infinity' ELSE abs(conviction - (1 - c) / (1 - ac / a)) > 1e-10 END
		OR abs(zhangs_metric - coalesce((ac - a * c) / nullif(greatest(ac * (1 - a), a * (c - ac)), 0), 0)) > 1e-10
		OR abs(jaccard - ac / (a + c - ac)) > 1e-12 OR abs(certainty - coalesce((ac / a - c) / nullif(1 - c, 0), 0)) > 1e-12
		OR abs(kulczynski - (ac / a + ac / c) / 2) > 1e-12
	$$, 'every measure is its formula');
SELECT set_eq(format($$SELECT * FROM association_rules('school', 0.05, %L, 0.4)$$, column_name),
	format('SELECT * FROM every_rule WHERE %I >= 0.4', column_name), 'metric ' || column_name)
FROM unnest('{antecedent_support,consequent_support,support,confidence,lift,leverage,conviction,zhangs_metric,jaccard,certainty,kulczynski}'::text[]) column_name;
SELECT set_eq($$SELECT * FROM association_rules('school', 0.05, 'conviction', 'Infinity')$$,
	$$SELECT * FROM every_rule WHERE confidence = 1$$, 'rules without exception have an infinite conviction');
SELECT set_eq($$SELECT * FROM association_rules('school', 0.05, 'support', 0, 3)$$,
	$$SELECT * FROM every_rule WHERE cardinality(antecedents || consequents) <= 3$$, 'max_len takes rules out and changes none');
SELECT results_eq($$SELECT * FROM association_rules('school', 0.1)$$,
	$$SELECT * FROM association_rules('school', 0.1, 'confidence', 0.8, NULL, 'apriori')$$, 'both algorithms; defaults');
SELECT results_eq($$SELECT antecedents, consequents, support, confidence FROM association_rules('baskets', 0.6, 'confidence', 0.7, 3)$$, $$VALUES
	('{Eggs}'::text[], '{Kidney Beans}'::text[], 0.8::float8, 1::float8), ('{Kidney Beans}', '{Eggs}', 0.8, 0.8),
	('{Eggs}', '{Onion}', 0.6, 0.75), ('{Onion}', '{Eggs}', 0.6, 1), ('{Milk}', '{Kidney Beans}', 0.6, 1),
	('{Onion}', '{Kidney Beans}', 0.6, 1), ('{Yogurt}', '{Kidney Beans}', 0.6, 1),
	('{Eggs,Kidney Beans}', '{Onion}', 0.6, 0.75), ('{Eggs,Onion}', '{Kidney Beans}', 0.6, 1),
	('{Kidney Beans,Onion}', '{Eggs}', 0.6, 1), ('{Eggs}', '{Kidney Beans,Onion}', 0.6, 0.75),
	('{Onion}', '{Eggs,Kidney Beans}', 0.6, 1)$$, 'the rules of the lecture: in the order of the sets, most antecedents first');

-- ------------------------------------------------------------ published numbers

\set data `printf %s "$COURSE_RECSYS_DATA"`
SELECT :'data' <> '' AS has_data \gset
\if :has_data
CREATE TABLE school.line (number serial, a text, b text, c text, d text, e text, f text, g text);
\copy school.line (a, b, c, d, e, f, g) FROM PROGRAM 'cat "$COURSE_RECSYS_DATA/retail/retail_dataset.csv"' WITH (FORMAT csv)
CREATE VIEW school.retail AS SELECT number AS user_id, good AS course_id
	FROM school.line, unnest(ARRAY[a, b, c, d, e, f, g]) AS good WHERE good IS NOT NULL;
SELECT register_dataset('retail', 'retail', rating_column => NULL);
SELECT is((SELECT count(*) FROM frequent_itemsets('retail', 0.2, algorithm => a)), 33::bigint, 'retail: 33 sets, ' || a)
FROM unnest('{fpgrowth,apriori}'::text[]) a;
SELECT is((SELECT count(*) FROM association_rules('retail', 0.2, min_threshold => 0.6)), 14::bigint, 'retail: 14 rules');
SELECT results_eq($$SELECT support::numeric(7, 6), confidence::numeric(7, 6), lift::numeric(7, 6), leverage::numeric(7, 6), conviction::numeric(7, 6)
	FROM association_rules('retail', 0.2, min_threshold => 0.6) WHERE antecedents = '{Bagel}' AND consequents = '{Bread}'$$,
	$$VALUES (0.279365, 0.656716, 1.301042, 0.064641, 1.442650)$$, 'retail: Bagel -> Bread');
\endif

-- ------------------------------------------------------------ errors

SELECT raises(format('SELECT * FROM %s(''school'', min_support => %L)', f, s), '22023',
	'argument "min_support" must be above 0 and at most 1, not %', '%share of the users%', format('%s: min_support %s', f, s))
FROM unnest('{frequent_itemsets,association_rules}'::text[]) f, unnest('{0,-0.1,1.0001,20,NaN,Infinity}'::float8[]) s;
SELECT raises(format('SELECT * FROM %s(''school'', max_len => %s)', f, n), '22023',
	'argument "max_len" must be at least 1, not ' || n, NULL, format('%s: max_len %s', f, n))
FROM unnest('{frequent_itemsets,association_rules}'::text[]) f, unnest('{0,-1}'::int[]) n;
SELECT raises(format('SELECT * FROM %s(''school'', algorithm => %L)', f, a), '22023',
	format('unrecognized algorithm: "%s"', a), '%"fpgrowth" and "apriori"%', format('%s: algorithm %s', f, a))
FROM unnest('{frequent_itemsets,association_rules}'::text[]) f, unnest('{eclat,FPGROWTH,""}'::text[]) a;
SELECT raises(format('SELECT * FROM association_rules(''school'', metric => %L)', m), '22023',
	format('unrecognized metric: "%s"', m), '%"confidence", "lift"%"kulczynski"%', 'metric ' || m)
FROM unnest('{Lift,cosine,"","antecedent support"}'::text[]) m;
SELECT raises($$SELECT * FROM association_rules('school', min_threshold => 'NaN')$$, '22023',
	'argument "min_threshold" must not be NaN', NULL, 'min_threshold NaN');
SELECT raises(format('SELECT * FROM %s(''school'', %s => NULL)', f, a), '22004', format('argument "%s" must not be null', a), NULL,
	format('%s: NULL %s', f, a))
FROM (VALUES ('frequent_itemsets', 'min_support'), ('frequent_itemsets', 'algorithm'), ('association_rules', 'min_support'),
	('association_rules', 'algorithm'), ('association_rules', 'metric'), ('association_rules', 'min_threshold')) v (f, a);
CREATE TABLE school.long AS SELECT 1 AS user_id, c AS course_id FROM generate_series(1, 300) c;
SELECT register_dataset('long', 'long', rating_column => NULL);
SET LOCAL course_recsys.max_memory = '64MB';
SELECT raises(format('SELECT count(*) FROM %s(''long'', algorithm => %L)', f, a), '53400', 'memory required exceeds the limit',
	'Raise min_support or lower max_len%', format('%s: more sets than memory, %s', f, a))
FROM unnest('{frequent_itemsets,association_rules}'::text[]) f, unnest('{fpgrowth,apriori}'::text[]) a;
SELECT is((SELECT count(*) FROM frequent_itemsets('long', max_len => 2)), (300 + 300 * 299 / 2)::bigint, 'and fewer after that');
SELECT raises($$SELECT train_model('r', 'association_rules', '{"max_len": 8}', 'long')$$, '53400', 'memory required exceeds the limit',
	'Raise min_support or lower max_len%', 'the same in training');

-- ------------------------------------------------------------ the method

CREATE VIEW school.liked_ratings AS SELECT user_id, course_id, rating FROM school.ratings WHERE rating > 0;
SELECT register_dataset('liked', 'liked_ratings');
CREATE TABLE school.thirty AS SELECT 1 AS user_id, c AS course_id FROM generate_series(1, 30) c;
SELECT register_dataset('thirty', 'thirty', rating_column => NULL);
SELECT train_model('rules', 'association_rules', dataset => 'school');
CREATE TABLE school.liked_rule AS SELECT * FROM association_rules('liked', 0.01, 'confidence', 0.1, 2);
SELECT is_empty($$
	SELECT p.user_id, c.course_id, r.score, best.value
	FROM pupils p CROSS JOIN school.courses c LEFT JOIN LATERAL recommend_courses(p.user_id, 'rules', 100) r USING (course_id)
		LEFT JOIN LATERAL (SELECT max(confidence) AS value FROM liked_rule
			WHERE consequents = ARRAY[c.course_id] AND antecedents <@ array(
				SELECT course_id FROM school.ratings WHERE user_id = p.user_id AND rating > 0)) best ON true
	WHERE NOT EXISTS (SELECT FROM school.ratings o WHERE o.user_id = p.user_id AND o.course_id = c.course_id)
		AND (r.score IS NULL AND best.value IS NOT NULL OR abs(r.score - best.value) > 1e-6)
	$$, 'the score is the best confidence of a rule of courses rated above 0');
SELECT results_eq($$SELECT because, title, kind, weight FROM explain_recommendation(1, 'c01', 'rules')$$, $$
	SELECT format('%s -> c01', antecedents[1]), NULL::text, 'rule', confidence::float4::text::float8
	FROM liked_rule
	WHERE consequents = '{c01}' AND antecedents[1] IN (SELECT course_id FROM school.ratings WHERE user_id = 1 AND rating > 0 AND course_id <> 'c01')
	ORDER BY confidence DESC, antecedents LIMIT 1$$, 'explained by the rule');
SELECT results_eq($$SELECT course_id, similarity::numeric(10, 5) FROM similar_courses('c01', 'rules', 100) ORDER BY course_id$$, $$
	SELECT DISTINCT consequents[1], lift::numeric(10, 5) FROM liked_rule
	WHERE antecedents = '{c01}' ORDER BY 1$$, 'similar courses by lift');
SELECT is((SELECT count(*) FROM train_model('long', 'association_rules', '{"max_len": 3, "aggregate": "sum", "max_rules": 100000}', 'thirty')),
	1::bigint, 'a model of long rules');
SELECT is((SELECT count(*) FROM explain_recommendation(1, '30', 'long')), (29 + 29 * 28 / 2)::bigint, 'all rules that add up to a score are shown');
SELECT ok((SELECT abs(sum(weight) - 29 - 29 * 14) < 1e-3 FROM explain_recommendation(1, '30', 'long')), 'and their weights do');
SELECT set_has($$SELECT because FROM explain_recommendation(1, '30', 'long')$$, $$VALUES ('2 -> 30'), ('2, 10 -> 30')$$,
	'antecedents are in the order of courses');

SELECT * FROM finish();
ROLLBACK;
