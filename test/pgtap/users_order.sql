-- Users who are only in the relation of users come in key order, with their own attributes, whatever the order of its rows.
\ir setup.psql
SELECT plan(4);

CREATE SCHEMA shop;
CREATE TABLE shop.people (user_id int, city text);
INSERT INTO shop.people SELECT i, CASE WHEN i % 2 = 0 THEN 'even' ELSE 'odd' END FROM generate_series(12, 1, -1) i;
CREATE TABLE shop.ratings AS
	SELECT u AS user_id, CASE WHEN u % 2 = 0 THEN 'e' ELSE 'o' END AS course_id, 1 AS rating FROM generate_series(3, 6) u;
SELECT register_dataset('shop', 'shop.ratings', users => 'shop.people', user_feature_columns => '{city}');
SELECT train_model('demographic', dataset => 'shop', params => '{"shrinkage": 0}');

SELECT results_eq($$SELECT DISTINCT ON (n) user_id::int FROM recommend_all('demographic', 1, exclude_seen => false) WITH ORDINALITY
		AS r (user_id, rank, course_id, title, score, source, n) ORDER BY n$$,
	'VALUES (3), (4), (5), (6), (1), (2), (7), (8), (9), (10), (11), (12)', 'recommend_all: rated users, then the others, each in key order');
SELECT is_empty($$SELECT * FROM recommend_all('demographic', 1, exclude_seen => false)
	WHERE course_id <> CASE WHEN user_id::int % 2 = 0 THEN 'e' ELSE 'o' END OR score <> 1$$, 'everybody has the attributes of his row');
SELECT results_eq($$SELECT user_id::int FROM recommend_users('o', 'demographic', 3)$$, 'VALUES (1), (7), (9)',
	'recommend_users: equal scores in key order');
SELECT results_eq($$SELECT user_id::int FROM recommend_users('o', 'demographic', 4, 'active')$$, 'VALUES (4), (6), (1), (2)',
	'recommend_users: equal activity in key order');

SELECT * FROM finish();
ROLLBACK;
