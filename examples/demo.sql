-- The tour of scripts/demo, over the tables of sample_platform.sql: register the tables once, train, recommend.
CREATE SCHEMA recsys;
CREATE EXTENSION course_recsys SCHEMA recsys;
SET search_path = public, recsys;

-- Where the ratings and the courses are.
SELECT register_dataset('default', 'sample.ratings', 'sample.published_courses',
    time_column => 'enrolled_at',
    genre_columns => '{Database,Python,CloudComputing,DataAnalysis,Containers,MachineLearning,ComputerVision,DataScience,BigData,Chatbot,R,BackendDev,FrontendDev,Blockchain}',
    users => 'sample.users', user_feature_columns => '{age_band,occupation,country}');

-- Learn which courses are taken by the same people.
SELECT * FROM train_model('knn');

-- What next for user 42, who has seven courses on machine learning, Python and computer vision?
SELECT * FROM recommend_courses(42, 'knn', 10);

-- And why the first of them?
SELECT e.* FROM recommend_courses(42, 'knn', 1) AS r, explain_recommendation(42, r.course_id, 'knn') AS e;

-- User 51 has no course yet: the answer is what is popular, and says so.
SELECT * FROM recommend_courses(51, 'knn', 3);

-- He enrols, and the next statement of the same transaction knows it; nothing is trained again.
BEGIN;
INSERT INTO sample.ratings VALUES (51, 'DB101', 3, '2025-01-01');
SELECT * FROM recommend_courses(51, 'knn', 3);
ROLLBACK;
