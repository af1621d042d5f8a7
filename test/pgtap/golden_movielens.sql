-- Method knn on MovieLens 100k, official folds u1 to u5: error of predict_rating, and ranking on the first.
-- Reads the folder movielens-100k of COURSE_RECSYS_DATA; skipped when that is not set.
\ir setup.psql
\set data `printf %s "$COURSE_RECSYS_DATA"`
SELECT :'data' = '' AS no_data \gset
\if :no_data
SELECT '1..0 # SKIP COURSE_RECSYS_DATA is not set';
\quit
\endif
SELECT plan(9);
CREATE SCHEMA golden;
SET LOCAL search_path = golden, recsys, public;

-- The held-out parts of the five folds share no row and together are all ratings, so that the rest of the
-- rows is the training part of a fold. The shell that psql starts knows the folder.
CREATE TABLE folds (file text, user_id int, course_id int, rating float8, rated_at bigint);
\copy folds FROM PROGRAM 'cd "$COURSE_RECSYS_DATA/movielens-100k" && awk "{ print FILENAME \"\t\" \$0 }" u[1-5].test'
SELECT is(ARRAY[count(*), count(DISTINCT (user_id, course_id)), count(DISTINCT file)], '{100000,100000,5}',
          '100,000 ratings in five folds') FROM folds;

CREATE TABLE train (user_id int, course_id int, rating float8, PRIMARY KEY (user_id, course_id));
CREATE TABLE held_out (LIKE train);
\ir ndcg.psql
SELECT register_dataset('movielens', 'train') \g /dev/null

-- Puts one fold into train and held_out.
CREATE FUNCTION pg_temp.use_fold(fold int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE train, held_out;
    INSERT INTO train SELECT user_id, course_id, rating FROM folds WHERE file <> format('u%s.test', fold);
    INSERT INTO held_out SELECT user_id, course_id, rating FROM folds WHERE file = format('u%s.test', fold);
    ANALYZE train, held_out;
END $$;

-- RMSE of predict_rating over the held-out rows of the fold in use, with a model of its other rows. A missing
-- prediction makes it NaN, which is above every bound.
CREATE FUNCTION pg_temp.rmse(params jsonb) RETURNS float8 LANGUAGE plpgsql AS $$
BEGIN
    PERFORM train_model('predictor', 'knn', params, 'movielens');
    RETURN (SELECT sqrt(avg((coalesce(predict_rating(user_id, course_id, 'predictor'), 'NaN') - rating) ^ 2))
            FROM held_out);
END $$;

-- Configurations with the mean RMSE that is known, and how far from it an implementation may be.
CREATE TABLE settings (name text, low float8, high float8, params jsonb);
INSERT INTO settings
SELECT 'user-based, ' || rating, rmse - .004, rmse + .004,
       jsonb_build_object('user_based', true, 'similarity', 'msd', 'neighbors', 40, 'min_support', 1,
                          'shrinkage', 0, 'rating', rating)
FROM (VALUES ('raw', .980), ('centred', .951), ('baseline', .932)) AS known (rating, rmse);
INSERT INTO settings VALUES ('item-based, pearson_baseline', 0, .924,
    '{"similarity": "pearson_baseline", "shrinkage": 100, "rating": "baseline"}');

CREATE TABLE errors (name text, fold int, rmse float8);
DO $$
BEGIN
    FOR fold IN 1 .. 5 LOOP
        PERFORM pg_temp.use_fold(fold);
        INSERT INTO errors SELECT name, fold, pg_temp.rmse(params) FROM settings;
    END LOOP;
END $$;
SELECT collect_tap(
    ok(avg(rmse) BETWEEN low AND high AND count(*) = 5, format('%s: mean RMSE of five folds', name)),
    diag(format('%s: mean RMSE %s of folds %s', name, round(avg(rmse)::numeric, 4),
                string_agg(round(rmse::numeric, 4)::text, ' ' ORDER BY fold))))
FROM settings JOIN errors USING (name) GROUP BY name, low, high ORDER BY name;

-- Ranking on the first fold
SELECT pg_temp.use_fold(1) \g /dev/null
SELECT is((SELECT ratings FROM train_model('item_knn', 'knn', dataset => 'movielens')), 80000::bigint,
          'item_knn is trained on four fifths');
SELECT is((SELECT ratings FROM train_model('popular', dataset => 'movielens')), 80000::bigint,
          'popular is trained on four fifths');
SELECT collect_tap(
    ok(popular BETWEEN .32 AND .33, 'nDCG@10 of popularity is the known .325'),
    ok(knn >= 1.6 * popular, 'nDCG@10 of item-based knn is at least 1.6 times that of popularity'),
    diag(format('nDCG@10: knn %s, popular %s', round(knn::numeric, 4), round(popular::numeric, 4))))
FROM pg_temp.ndcg('item_knn') AS knn, pg_temp.ndcg('popular') AS popular;

SELECT * FROM finish();
ROLLBACK;
