-- sample_platform.sql: a course platform to try course_recsys on
--
--     psql -f examples/sample_platform.sql
--
-- makes the schema "sample" in a few seconds and in one transaction; an older one is dropped with
-- everything in it:
--
--     users       34,513 people: 33,901 learners and 612 who have not enrolled in anything
--     courses     307 courses over 14 genres, 126 of them with enrolments
--     ratings     233,306 enrolments in 2024: 3 = completed, 2 = audited
--     exposures   an experiment in January 2025: recommendations shown or not, converted or not
--     published_courses   view: the courses that may be recommended
--
-- Plain SQL for PostgreSQL 14 to 18: no extension, no superuser, no psql command. People, courses
-- and enrolments are invented. Every choice comes from a hash of a key and from integer arithmetic,
-- and every order that matters is total, so that each run on each version makes the same rows; the
-- last comment has their checksum.
--
-- How the shape comes about
--   activity       Section 4 fixes how many learners have how many courses, and with it the total.
--   tastes         Each learner has a main and a second taste out of eight (a specialist has the
--                  same one twice). A taste is a set of genres. A course weighs its demand times its
--                  appeal to the two tastes; the learner takes the n courses with the smallest
--                  hash / weight (sequential Poisson sampling, Ohlsson 1998): heavy courses are
--                  likely, and none is taken twice.
--   prerequisites  28 chains of courses. Nine learners out of ten take a chain from its start: their
--                  k-th place in it goes to its k-th course, and the times of enrolment follow the
--                  chain. The tenth ignores it.
--   editions       Who joins after a second edition has come out gets it instead of the first.
--   experiment     Conversion is .20 in control and .22 in treatment: a relative lift of 10 %.

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL jit = off;                        -- speed only: compiling would cost more than it saves

DROP SCHEMA IF EXISTS sample CASCADE;
CREATE SCHEMA sample;
COMMENT ON SCHEMA sample IS 'An invented course platform to try course_recsys on';

-- The only source of chance: 31 bits of the MD5 of a key, the same everywhere. Never 0, because it
-- is also a factor.
CREATE FUNCTION sample.hash(key text) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
$$ SELECT 1 + ('x' || left(md5('sample platform 481 ' || key), 8))::bit(32)::bigint % 2147483646 $$;


-- 1. Genres ---------------------------------------------------------------------------------------
-- demand: how sought after the genre's courses are. Words: what all descriptions of the genre
-- share.

CREATE TABLE sample.plan_genres (
    genre text PRIMARY KEY, prefix text, demand int, label text, words text[]);

INSERT INTO sample.plan_genres VALUES
('Python',          'PY', 190, 'Python',             '{scripts,functions,packages,notebooks,"clean code"}'),
('DataScience',     'DS', 210, 'data science',       '{questions,experiments,models,evidence,storytelling}'),
('BigData',         'BD', 190, 'big data',           '{clusters,"distributed storage",pipelines,throughput,partitions}'),
('MachineLearning', 'ML', 110, 'machine learning',   '{models,training,features,validation,predictions}'),
('DataAnalysis',    'DA', 100, 'data analysis',      '{spreadsheets,charts,summaries,trends,reports}'),
('CloudComputing',  'CC', 100, 'cloud',              '{services,regions,scaling,billing,availability}'),
('Database',        'DB',  80, 'database',           '{tables,queries,transactions,storage,backups}'),
('Containers',      'CO',  80, 'container',          '{images,registries,clusters,deployments,networking}'),
('R',               'RS',  70, 'R',                  '{vectors,"data frames",packages,plots,statistics}'),
('BackendDev',      'BE', 50, 'back-end',           '{servers,endpoints,requests,queues,logging}'),
('FrontendDev',     'FE',  60, 'front-end',          '{browsers,layouts,components,styles,events}'),
('Chatbot',         'CB',  60, 'conversational AI',  '{dialogues,intents,messages,answers,assistants}'),
('Blockchain',      'BC',  55, 'blockchain',         '{ledgers,blocks,consensus,wallets,signatures}'),
('ComputerVision',  'CV',  45, 'computer vision',    '{images,pixels,cameras,detection,labels}');


-- 2. Courses --------------------------------------------------------------------------------------
-- Four subjects per genre, five courses per subject (forms 1 to 5: introduction, practice, two
-- applications, advanced) and 27 second editions of introductions: 14 x 4 x 5 + 27 = 307.

CREATE TABLE sample.plan_subjects (
    genre text, subject int, title text, name text, also text[],       -- also: its further genres
    topics text[], application1 text, application2 text,
    PRIMARY KEY (genre, subject));

INSERT INTO sample.plan_subjects VALUES
('Python', 1, 'Python Programming', 'Python programming', '{DataScience}',
 '{variables,loops,functions,dictionaries,error handling}', 'Automating Office Work', 'Text Processing'),
('Python', 2, 'Numerical Computing with Python', 'numerical computing with Python', '{DataAnalysis,DataScience}',
 '{arrays,broadcasting,linear algebra,random sampling,vectorised code}', 'Simulating Queues', 'Modelling Epidemics'),
('Python', 3, 'Testing in Python', 'testing in Python', '{BackendDev}',
 '{unit tests,fixtures,mock objects,coverage reports,continuous integration}', 'Legacy Code', 'Property-Based Tests'),
('Python', 4, 'Concurrent Python', 'concurrent Python', '{BackendDev}',
 '{coroutines,event loops,thread pools,locks,task queues}', 'Web Crawling', 'Network Monitoring'),

('DataScience', 1, 'Data Science', 'data science', '{Python}',
 '{research questions,data collection,exploratory plots,simple models,clear conclusions}',
 'Customer Churn', 'Public Health'),
('DataScience', 2, 'Data Science Methodology', 'data science methodology', '{MachineLearning}',
 '{business understanding,data requirements,baseline models,feedback,deployment plans}',
 'Hospital Readmissions', 'Energy Demand'),
('DataScience', 3, 'Experiment Design', 'experiment design', '{DataAnalysis}',
 '{control groups,randomisation,sample sizes,confidence intervals,stopping rules}', 'Pricing Tests', 'Newsletter Tests'),
('DataScience', 4, 'Open Data', 'open data', '{DataAnalysis}',
 '{licences,metadata,census records,record linkage,privacy}', 'City Budgets', 'Air Quality'),

('BigData', 1, 'Big Data', 'big data', '{CloudComputing}',
 '{volume,velocity,distributed files,batch jobs,data lakes}', 'Smart Meters', 'Retail Logs'),
('BigData', 2, 'Hadoop and MapReduce', 'Hadoop and MapReduce', '{Database}',
 '{mappers,reducers,block replication,job scheduling,file formats}', 'Web Archives', 'Genome Data'),
('BigData', 3, 'Spark Programming', 'Spark programming', '{Python,DataScience}',
 '{resilient data sets,data frames,lazy evaluation,shuffles,caching}', 'Recommendation Jobs', 'Log Mining'),
('BigData', 4, 'Stream Processing', 'stream processing', '{BackendDev}',
 '{event streams,time windows,watermarks,message brokers,exactly-once delivery}', 'Sensor Alerts', 'Live Dashboards'),

('MachineLearning', 1, 'Machine Learning with Python', 'machine learning with Python', '{Python,DataScience}',
 '{regression,classification,decision trees,cross-validation,regularisation}', 'Credit Scoring', 'House Prices'),
('MachineLearning', 2, 'Deep Learning with Python', 'deep learning with Python', '{Python,ComputerVision}',
 '{neural networks,backpropagation,activation functions,dropout,learning rates}',
 'Image Recognition', 'Speech Recognition'),
('MachineLearning', 3, 'Recommender Systems', 'recommender systems', '{DataScience}',
 '{ratings,neighbourhoods,latent factors,ranking metrics,cold starts}', 'Online Bookshops', 'Music Playlists'),
('MachineLearning', 4, 'Reinforcement Learning', 'reinforcement learning', '{Python}',
 '{agents,rewards,value functions,policies,exploration}', 'Board Games', 'Traffic Lights'),

('DataAnalysis', 1, 'Data Analysis with Python', 'data analysis with Python', '{Python,DataScience}',
 '{data cleaning,grouping,joins,summary statistics,time series}', 'Bicycle Rentals', 'Sports Results'),
('DataAnalysis', 2, 'Data Visualization', 'data visualization', '{DataScience}',
 '{bar charts,scatter plots,maps,colour scales,dashboards}', 'Election Maps', 'Sales Dashboards'),
('DataAnalysis', 3, 'Spreadsheet Analysis', 'spreadsheet analysis', '{}',
 '{formulas,pivot tables,lookups,charts,data validation}', 'Household Budgets', 'Stock Keeping'),
('DataAnalysis', 4, 'Survey Analysis', 'survey analysis', '{R}',
 '{questionnaires,sampling,weighting,missing answers,cross tables}', 'Employee Surveys', 'Market Research'),

('CloudComputing', 1, 'Cloud Computing', 'cloud computing', '{}',
 '{virtual machines,object storage,virtual networks,identity management,cost control}',
 'Moving a Small Business', 'Disaster Recovery'),
('CloudComputing', 2, 'Serverless Applications', 'serverless applications', '{BackendDev}',
 '{cloud functions,event triggers,cold starts,managed queues,usage limits}', 'Photo Sharing', 'Invoice Processing'),
('CloudComputing', 3, 'Cloud Security', 'cloud security', '{}',
 '{access policies,encryption keys,audit trails,network rules,incident response}', 'Patient Records', 'Online Payments'),
('CloudComputing', 4, 'Infrastructure as Code', 'infrastructure as code', '{Containers}',
 '{templates,modules,state files,drift detection,rollbacks}', 'Test Environments', 'Regional Failover'),

('Database', 1, 'SQL and Relational Databases', 'SQL and relational databases', '{DataAnalysis}',
 '{tables,primary keys,joins,aggregates,indexes}', 'Library Catalogues', 'Order Management'),
('Database', 2, 'PostgreSQL Administration', 'PostgreSQL administration', '{BackendDev}',
 '{roles,vacuum,write-ahead logs,replication,query plans}', 'Zero-Downtime Upgrades', 'Backup Drills'),
('Database', 3, 'Document Databases', 'document databases', '{BackendDev}',
 '{collections,nested documents,schema validation,sharding,text search}', 'Product Catalogues', 'Mobile Profiles'),
('Database', 4, 'Graph Databases', 'graph databases', '{DataScience}',
 '{nodes,edges,path queries,centrality,property graphs}', 'Fraud Rings', 'Family Trees'),

('Containers', 1, 'Docker Containers', 'Docker containers', '{CloudComputing}',
 '{images,layers,volumes,port mapping,build files}', 'Packaging a Web Shop', 'Reproducible Research'),
('Containers', 2, 'Kubernetes', 'Kubernetes', '{CloudComputing,BackendDev}',
 '{pods,services,rolling updates,health checks,resource limits}', 'Seasonal Traffic', 'Stateful Services'),
('Containers', 3, 'Service Meshes', 'service meshes', '{BackendDev}',
 '{sidecars,mutual authentication,traffic splitting,retries,tracing}', 'Canary Releases', 'Fault Injection'),
('Containers', 4, 'Container Security', 'container security', '{CloudComputing}',
 '{image scanning,user namespaces,secrets,signed images,admission rules}', 'Hardening Build Servers', 'Supply Chain Audits'),

('R', 1, 'R Programming', 'R programming', '{DataScience}',
 '{vectors,factors,data frames,apply functions,packages}', 'Weather Records', 'Clinical Notes'),
('R', 2, 'Statistics with R', 'statistics with R', '{DataAnalysis,DataScience}',
 '{distributions,hypothesis tests,linear models,residuals,bootstrapping}', 'Drug Trials', 'School Grades'),
('R', 3, 'Time Series with R', 'time series with R', '{DataAnalysis}',
 '{seasonality,autocorrelation,moving averages,forecast intervals,change points}', 'Tourist Arrivals', 'Power Grids'),
('R', 4, 'Interactive Reports with R', 'interactive reports with R', '{FrontendDev}',
 '{parameterised reports,input controls,reactive plots,themes,publishing}', 'Monthly Figures', 'Field Studies'),

('BackendDev', 1, 'Web Services', 'web services', '{Python}',
 '{routes,status codes,authentication,pagination,rate limits}', 'Ticket Booking', 'Parcel Tracking'),
('BackendDev', 2, 'Microservices with Java', 'microservices with Java', '{Containers}',
 '{service boundaries,configuration,circuit breakers,distributed traces,contract tests}',
 'Splitting a Monolith', 'Bank Transfers'),
('BackendDev', 3, 'Message Queues', 'message queues', '{CloudComputing}',
 '{producers,consumers,acknowledgements,dead letters,back pressure}', 'Email Delivery', 'Order Pipelines'),
('BackendDev', 4, 'Systems Programming in Go', 'systems programming in Go', '{Containers}',
 '{goroutines,channels,interfaces,profiling,static binaries}', 'Command-Line Tools', 'Load Balancers'),

('FrontendDev', 1, 'HTML, CSS and JavaScript', 'HTML, CSS and JavaScript', '{}',
 '{semantic markup,selectors,flexible layouts,event handlers,forms}', 'Portfolio Pages', 'Interactive Quizzes'),
('FrontendDev', 2, 'React Components', 'React components', '{BackendDev}',
 '{props,state,hooks,routing,component tests}', 'Shopping Carts', 'Chat Windows'),
('FrontendDev', 3, 'Web Accessibility', 'web accessibility', '{}',
 '{contrast,keyboard navigation,screen readers,captions,focus order}', 'Public Services', 'Online Exams'),
('FrontendDev', 4, 'Mobile Interfaces', 'mobile interfaces', '{}',
 '{touch gestures,responsive images,offline storage,push messages,usability tests}', 'Travel Guides', 'Fitness Diaries'),

('Chatbot', 1, 'Chatbots', 'chatbots', '{CloudComputing}',
 '{intents,entities,dialogue flows,fallback answers,handover to people}', 'Flower Shop Assistants', 'Library Help Desks'),
('Chatbot', 2, 'Natural Language Processing', 'natural language processing', '{MachineLearning,Python}',
 '{tokens,word vectors,part-of-speech tags,named entities,text classification}', 'Sentiment Analysis', 'Document Search'),
('Chatbot', 3, 'Voice Assistants', 'voice assistants', '{MachineLearning}',
 '{wake words,speech synthesis,slot filling,turn taking,noise reduction}', 'Smart Kitchens', 'Hands-Free Maintenance'),
('Chatbot', 4, 'Conversation Design', 'conversation design', '{FrontendDev}',
 '{personas,sample dialogues,tone of voice,repair strategies,user tests}', 'Bank Hotlines', 'Museum Guides'),

('Blockchain', 1, 'Blockchain', 'blockchain', '{}',
 '{hash functions,distributed ledgers,proof of work,digital signatures,wallets}', 'Food Traceability', 'Land Registers'),
('Blockchain', 2, 'Smart Contracts', 'smart contracts', '{BackendDev}',
 '{contract state,gas costs,token standards,access modifiers,audits}', 'Crowdfunding', 'Digital Tickets'),
('Blockchain', 3, 'Enterprise Ledgers', 'enterprise ledgers', '{CloudComputing}',
 '{permissioned networks,endorsement,private channels,certificates,governance}', 'Trade Finance', 'Spare Parts'),
('Blockchain', 4, 'Digital Identity', 'digital identity', '{}',
 '{verifiable credentials,revocation,selective disclosure,key recovery,trust registries}', 'Student Diplomas', 'Travel Documents'),

('ComputerVision', 1, 'Computer Vision', 'computer vision', '{MachineLearning,Python}',
 '{image filters,edges,feature matching,object detection,segmentation}', 'Plant Diseases', 'Parking Spaces'),
('ComputerVision', 2, 'Convolutional Networks', 'convolutional networks', '{MachineLearning}',
 '{kernels,pooling,transfer learning,data augmentation,residual blocks}', 'Medical Scans', 'Handwriting'),
('ComputerVision', 3, 'Video Analytics', 'video analytics', '{MachineLearning}',
 '{optical flow,object tracking,frame sampling,action recognition,edge devices}', 'Crowd Counting', 'Sports Tracking'),
('ComputerVision', 4, 'Satellite Imagery', 'satellite imagery', '{DataAnalysis}',
 '{spectral bands,georeferencing,cloud masks,change detection,land cover}', 'Crop Yields', 'Coastline Changes');

-- What a form is: how its title and description are put together, its level, its price, its share
-- of the subject's demand, and taken_in: the subjects whose course of this form finds learners.
-- That makes 4 courses with enrolments per genre in subject 1, 4 in subject 2 (one of them a second
-- edition) and 1 in subject 3: 14 x 9 = 126.
-- Slots: {T} title, {s} name, {A} application, {a} the same in lower case, {1} to {5} topics.
CREATE TABLE sample.plan_forms (
    form int PRIMARY KEY, level text, prices int[], share int, taken_in int[], titles text[], descriptions text[]);

INSERT INTO sample.plan_forms VALUES
(1, 'beginner', '{0,0,19}', 100, '{1,2,3}', ARRAY['Introduction to {T}', '{T} for Beginners'], ARRAY[
 'A gentle start into {s}. You learn how {1} and {2} work, try out {3} in guided exercises, and close with a small project on {4}. No previous knowledge is needed.',
 'This course explains {s} from the beginning: {1}, {2} and {3}. Short videos alternate with exercises, and a quiz on {4} shows what you have understood.']),
(2, 'intermediate', '{19,29,39}', 45, '{1,2}', ARRAY['{T} in Practice', 'Hands-On {T}'], ARRAY[
 'Learn {s} by doing. In four labs you build on {1}, improve {2}, and find mistakes in {3}. You should know the basics of {4}.',
 'A lab course for people who have seen {s} before. Each week brings one realistic task: {1} first, then {2}, and finally {3} together with {5}.']),
(3, 'intermediate', '{29,39,49}', 8, '{1,2}', ARRAY['{T}: {A}'], ARRAY[
 'A project course on {a}. Starting from a real situation, you apply {s}, choose between {2} and {3}, and present a result based on {5}.',
 'You follow one case from start to end: {a}. Along the way you practise {s}, use {1} and {4}, and see what {3} can and cannot do.']),
(4, 'intermediate', '{29,39,49}', 0, '{}', ARRAY['{T}: {A}'], ARRAY[
 'Can {s} help with {a}? You plan the work, prepare {1} and {5}, and compare two solutions that differ in {4}.',
 'A short course for teams that work on {a}. It shows which parts of {s} they need, from {2} to {4}, and how to begin with {3}.']),
(5, 'advanced', '{49,79,99}', 17, '{1}', ARRAY['Advanced {T}', 'Mastering {T}'], ARRAY[
 'For experienced learners: {s} in depth. The course compares {2} with {3}, measures the cost of {4}, and ends with a design review of {5}.',
 'Go beyond the basics of {s}. You tune {3}, combine {4} with {5}, and learn from failures around {1}. Plan about six hours a week.']);

-- One row per course. Days count from 1 January 2024. A learner is offered a course from
-- offered_from to offered_until, by the day of joining; weight is the demand before tastes, 0 where
-- nobody enrols.
CREATE TABLE sample.plan_courses AS
WITH editions AS (
    SELECT s.*, f.form, f.level, f.prices, f.share, f.titles, f.descriptions, e.edition,
           s.subject = ANY (f.taken_in) AND (e.edition = 1 OR s.subject = 2) AS taken,
           s.genre || ' ' || s.subject || ' ' || f.form AS key,
           90 + sample.hash('second edition ' || s.genre) % 150 AS change_day,
           CASE WHEN s.subject = 1 AND f.form IN (1, 2, 5) OR s.subject = 2 AND f.form IN (1, 2)
                THEN s.genre || ' ' || s.subject END AS chain
    FROM sample.plan_subjects s
    CROSS JOIN sample.plan_forms f
    CROSS JOIN (VALUES (1), (2)) AS e (edition)
    WHERE e.edition = 1
       OR f.form = 1 AND (s.subject = 2 OR s.subject = 1 AND s.genre <> 'ComputerVision')
)
SELECT (row_number() OVER (ORDER BY g.prefix COLLATE "C", e.subject, e.form, e.edition))::int AS course_no,
       g.prefix || e.subject || '0' || e.form || CASE e.edition WHEN 2 THEN 'v2' ELSE '' END AS course_id,
       e.*, g.demand, g.label, g.words,
       CASE WHEN e.chain IS NOT NULL AND e.taken THEN least(e.form, 3) END AS step,
       CASE WHEN e.edition = 2 AND e.taken THEN e.change_day
            WHEN e.taken THEN -100 - sample.hash('released ' || e.key) % 1300
            WHEN e.edition = 2 OR sample.hash('late ' || e.key) % 4 = 0
                THEN 300 + sample.hash('released ' || e.key) % 120
            ELSE -30 - sample.hash('released ' || e.key) % 1300 END AS offered_from,
       CASE WHEN e.subject = 2 AND e.form = 1 AND e.edition = 1 THEN e.change_day ELSE 366 END AS offered_until,
       CASE WHEN e.taken
            THEN g.demand * e.share * (ARRAY[100, 13, 3])[e.subject] * (80 + sample.hash('weight ' || e.key) % 41)
            ELSE 0 END AS weight
FROM editions e
JOIN sample.plan_genres g USING (genre);

CREATE TABLE sample.courses (
    course_id text PRIMARY KEY, title text NOT NULL UNIQUE, description text NOT NULL,
    price numeric(6,2) NOT NULL, level text NOT NULL, language text NOT NULL,
    published boolean NOT NULL, released date NOT NULL,
    "Database" boolean NOT NULL, "Python" boolean NOT NULL, "CloudComputing" boolean NOT NULL,
    "DataAnalysis" boolean NOT NULL, "Containers" boolean NOT NULL, "MachineLearning" boolean NOT NULL,
    "ComputerVision" boolean NOT NULL, "DataScience" boolean NOT NULL, "BigData" boolean NOT NULL,
    "Chatbot" boolean NOT NULL, "R" boolean NOT NULL, "BackendDev" boolean NOT NULL,
    "FrontendDev" boolean NOT NULL, "Blockchain" boolean NOT NULL);

-- Titles and descriptions: the form's wording with its slots filled, one sentence of genre words
-- after it.
INSERT INTO sample.courses
SELECT c.course_id,
       replace(replace(w.title, '{T}', c.title), '{A}', w.application)
           || CASE c.edition WHEN 2 THEN ' (2nd edition)' ELSE '' END,
       replace(replace(replace(replace(replace(replace(replace(w.description,
           '{s}', c.name), '{a}', lower(w.application)), '{1}', c.topics[1]), '{2}', c.topics[2]),
           '{3}', c.topics[3]), '{4}', c.topics[4]), '{5}', c.topics[5])
           || format(' Part of our %s path, with %s, %s and %s.', c.label,
                     c.words[1 + w.turn % 5], c.words[1 + (w.turn + 1) % 5], c.words[1 + (w.turn + 3) % 5])
           || CASE c.edition WHEN 2 THEN format(' This second edition adds material on %s and updates every exercise.',
                                                c.topics[5]) ELSE '' END,
       c.prices[1 + sample.hash('price ' || c.key) % 3],
       c.level,
       (ARRAY['en', 'es', 'fr', 'de', 'pt'])[1 + width_bucket(sample.hash('language ' || c.key) % 100,
           ARRAY[80, 88, 93, 97])],
       CASE WHEN c.taken THEN c.subject < 3 OR c.demand > 70 OR sample.hash('published ' || c.key) % 2 > 0
            ELSE sample.hash('published ' || c.key) % 8 > 0 END,
       date '2024-01-01' + c.offered_from::int,
       'Database' = ANY (w.genres), 'Python' = ANY (w.genres), 'CloudComputing' = ANY (w.genres),
       'DataAnalysis' = ANY (w.genres), 'Containers' = ANY (w.genres), 'MachineLearning' = ANY (w.genres),
       'ComputerVision' = ANY (w.genres), 'DataScience' = ANY (w.genres), 'BigData' = ANY (w.genres),
       'Chatbot' = ANY (w.genres), 'R' = ANY (w.genres), 'BackendDev' = ANY (w.genres),
       'FrontendDev' = ANY (w.genres), 'Blockchain' = ANY (w.genres)
FROM sample.plan_courses c
CROSS JOIN LATERAL (
    SELECT c.titles[1 + sample.hash('title ' || c.key) % cardinality(c.titles)] AS title,
           c.descriptions[1 + sample.hash('description ' || c.key) % 2] AS description,
           CASE c.form WHEN 3 THEN c.application1 WHEN 4 THEN c.application2 ELSE '' END AS application,
           sample.hash('words ' || c.key) % 5 AS turn,
           c.genre || c.also AS genres) w
ORDER BY c.course_no;


-- 3. Tastes ---------------------------------------------------------------------------------------
-- share: percent of the learners who have it as their main taste. Genres that a taste does not name
-- appeal with 0.

CREATE TABLE sample.plan_tastes (
    taste int PRIMARY KEY, name text, share int, genres text[], appeal int[], occupation text);

INSERT INTO sample.plan_tastes VALUES
(1, 'data science',     24, '{DataScience,DataAnalysis,Python}',            '{100,100,60}',     'data analyst'),
(2, 'machine learning', 18, '{MachineLearning,ComputerVision,Python}',      '{100,130,60}',     'software engineer'),
(3, 'big data',         16, '{BigData,Database}',                           '{100,80}',         'data engineer'),
(4, 'cloud',            14, '{CloudComputing,Containers}',                  '{120,120}',        'system administrator'),
(5, 'statistics',        9, '{R,DataAnalysis}',                             '{160,80}',         'researcher'),
(6, 'web',               9, '{FrontendDev,BackendDev,Database}',            '{160,160,60}',     'web developer'),
(7, 'conversation',      5, '{Chatbot,MachineLearning}',                    '{250,40}',         'designer'),
(8, 'blockchain',        5, '{Blockchain,BackendDev}',                      '{250,60}',         'consultant');

-- What weighs how much for whom: every course that is taken, for every pair of tastes. The constant
-- is what a course has for everybody; it makes the foundation courses popular across tastes.
CREATE TABLE sample.plan_appeal AS
WITH liking AS (
    SELECT t.taste, a.genre, a.appeal
    FROM sample.plan_tastes t
    CROSS JOIN LATERAL unnest(t.genres, t.appeal) AS a (genre, appeal)
)
SELECT m.taste AS main, s.taste AS second, c.course_no, c.offered_from, c.offered_until,
       sample.hash('course ' || c.key || ' ' || c.edition) AS salt,
       c.weight * (20 + 2 * coalesce(lm.appeal, 0) + coalesce(ls.appeal, 0)) / 1000 AS weight
FROM sample.plan_tastes m
CROSS JOIN sample.plan_tastes s
CROSS JOIN sample.plan_courses c
LEFT JOIN liking lm ON lm.taste = m.taste AND lm.genre = c.genre
LEFT JOIN liking ls ON ls.taste = s.taste AND ls.genre = c.genre
WHERE c.taken;
CREATE INDEX ON sample.plan_appeal (main, second);
ANALYZE sample.plan_appeal;


-- 4. Learners -------------------------------------------------------------------------------------
-- How many courses how many people have: in each line the numbers from low to high occur equally
-- often.

CREATE TABLE sample.plan_activity (low int, high int, people int);
INSERT INTO sample.plan_activity VALUES
(1, 1, 8000), (2, 3, 6400), (4, 6, 5600), (7, 9, 3700),
(10, 12, 5300), (13, 17, 2800), (18, 24, 1440), (25, 39, 660), (52, 52, 1);

-- A person's place in the order of hashes gives the number of courses.
CREATE TABLE sample.plan_learners AS
WITH activity AS (
    SELECT *, sum(people) OVER (ORDER BY low, high) - people AS before FROM sample.plan_activity
), placed AS (
    SELECT user_id, row_number() OVER (ORDER BY sample.hash('activity ' || user_id), user_id) - 1 AS place
    FROM generate_series(1, 34513) AS user_id
), drawn AS (
    SELECT p.user_id, (a.low + (p.place - a.before) * (a.high - a.low + 1) / a.people)::int AS n_courses,
           sample.hash('courses ' || p.user_id) AS salt,
           width_bucket(sample.hash('main ' || p.user_id) % 100, t.bounds) AS main,
           width_bucket(sample.hash('second ' || p.user_id) % 100, t.bounds) AS other,
           sample.hash('specialist ' || p.user_id) % 100 < 60 AS specialist,
           sample.hash('chains ' || p.user_id) % 10 > 0 AS follows_chains,
           sample.hash('audits ' || p.user_id) % 100 = 0 AS only_audits,
           sample.hash('joined ' || p.user_id) AS arrival
    FROM placed p
    LEFT JOIN activity a ON p.place >= a.before AND p.place < a.before + a.people
    CROSS JOIN (SELECT array_agg(before ORDER BY taste) AS bounds
                FROM (SELECT taste, sum(share) OVER (ORDER BY taste) - share AS before FROM sample.plan_tastes) b) t
)
SELECT *, CASE WHEN specialist THEN main ELSE other END AS second,
       (arrival % (354 - 5 * n_courses))::int AS joined        -- who has many courses has been there for longer
FROM drawn;
ANALYZE sample.plan_learners;

CREATE TABLE sample.users (
    user_id int PRIMARY KEY, name text NOT NULL, age_band text NOT NULL, occupation text NOT NULL,
    country text NOT NULL);

-- Six of ten people with courses have the occupation that goes with their main taste.
INSERT INTO sample.users
SELECT l.user_id,
       (ARRAY['Ada', 'Alma', 'Amir', 'Ana', 'Aziz', 'Bruno', 'Carla', 'Chidi', 'Clara', 'Dalia', 'Daniel', 'Elif',
              'Emil', 'Farah', 'Felix', 'Gita', 'Hana', 'Hugo', 'Ines', 'Ivan', 'Jana', 'Jonas', 'Kavya', 'Kofi',
              'Lea', 'Luis', 'Maja', 'Marta', 'Milan', 'Mira', 'Nadia', 'Noah', 'Olga', 'Omar', 'Paula', 'Rafael',
              'Rosa', 'Samir', 'Tomas', 'Yuki'])[1 + sample.hash('first name ' || l.user_id) % 40]
       || ' ' ||
       (ARRAY['Adeyemi', 'Almeida', 'Andersen', 'Banerjee', 'Bauer', 'Benali', 'Castro', 'Cohen', 'Costa', 'Demir',
              'Dubois', 'Eriksen', 'Fischer', 'Garcia', 'Haddad', 'Horvat', 'Ito', 'Jansen', 'Kaya', 'Keller', 'Khan',
              'Kowalska', 'Kumar', 'Laurent', 'Lindholm', 'Lopez', 'Mensah', 'Moreau', 'Nakamura', 'Novak', 'Okafor',
              'Olsen', 'Patel', 'Petrov', 'Rossi', 'Santos', 'Silva', 'Tanaka', 'Weber', 'Young'])
           [1 + sample.hash('last name ' || l.user_id) % 40],
       (ARRAY['18-24', '25-34', '35-44', '45-54', '55+'])[1 + width_bucket(sample.hash('age ' || l.user_id) % 100,
           CASE o.occupation WHEN 'student' THEN ARRAY[70, 93, 98, 99] ELSE ARRAY[8, 46, 74, 92] END)],
       o.occupation,
       (ARRAY['India', 'United States', 'Brazil', 'Germany', 'Nigeria', 'Spain', 'France', 'Japan', 'Egypt', 'Canada'])
           [1 + width_bucket(sample.hash('country ' || l.user_id) % 100, ARRAY[24, 44, 54, 62, 70, 77, 84, 90, 95])]
FROM sample.plan_learners l
JOIN sample.plan_tastes t ON t.taste = l.main
CROSS JOIN LATERAL (
    SELECT CASE WHEN sample.hash('occupation ' || l.user_id) % 10 < 6 AND l.n_courses IS NOT NULL THEN t.occupation
                ELSE (ARRAY['student', 'student', 'teacher', 'manager', 'job seeker'])
                     [1 + sample.hash('other occupation ' || l.user_id) % 5] END AS occupation) o
ORDER BY l.user_id;


-- 5. Enrolments -----------------------------------------------------------------------------------

-- Choose: n courses with the smallest hash / weight. The hash of a pair is the product of two
-- hashes modulo the prime 2^31 - 1, one multiplication instead of an MD5 for each of four million
-- pairs.
CREATE TABLE sample.plan_picks AS
SELECT l.user_id, l.joined, l.n_courses, l.follows_chains, l.only_audits, p.course_no, p.draw, p.ticket
FROM sample.plan_learners l
CROSS JOIN LATERAL (
    SELECT a.course_no, h.ticket, h.ticket * 1000000 / a.weight AS draw
    FROM sample.plan_appeal a
    CROSS JOIN LATERAL (SELECT l.salt * a.salt % 2147483647 AS ticket) h
    WHERE a.main = l.main AND a.second = l.second AND l.joined >= a.offered_from AND l.joined < a.offered_until
    ORDER BY draw, a.course_no
    LIMIT l.n_courses) p
WHERE l.n_courses IS NOT NULL;

-- Follow chains: the k-th place that a learner gives to a chain goes to the chain's k-th course, in
-- the edition on offer at the time of joining.
CREATE TABLE sample.plan_enrolments AS
WITH places AS (
    SELECT p.*, c.chain,
           CASE WHEN c.chain IS NOT NULL AND p.follows_chains
                THEN row_number() OVER (PARTITION BY p.user_id, c.chain ORDER BY p.draw, p.course_no) END AS step
    FROM sample.plan_picks p
    JOIN sample.plan_courses c USING (course_no)
)
SELECT p.user_id, p.joined, p.n_courses, p.only_audits, coalesce(s.course_no, p.course_no) AS course_no,
       p.ticket, p.chain, p.step
FROM places p
LEFT JOIN sample.plan_courses s
       ON s.chain = p.chain AND s.step = p.step AND p.joined >= s.offered_from AND p.joined < s.offered_until;

-- When, and what became of it: 4.1 % of the enrolments are audited, and all of those of the 1 % who
-- only audit, which makes 5 %. Times: a learner's courses begin at even distances, in an order that
-- keeps the steps of a chain and mixes the chains. One course takes some nine days, and all begin
-- within the year.
CREATE TABLE sample.ratings (
    user_id int NOT NULL, course_id text NOT NULL, rating real NOT NULL, enrolled_at timestamptz NOT NULL);

INSERT INTO sample.ratings
WITH ordered AS (
    SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY
                  CASE WHEN step IS NULL THEN ticket % 1500
                       ELSE sample.hash(format('order %s %s', chain, user_id)) % 1000 + 300 * (step - 1) END, course_no) - 1 AS turn,
              least(365 - joined, 9 * n_courses) * 86400 / n_courses AS seconds_apart
    FROM sample.plan_enrolments
)
SELECT o.user_id, c.course_id,
       CASE WHEN o.only_audits OR sample.hash(format('audited %s %s', o.user_id, o.course_no)) % 1000 < 41
            THEN 2 ELSE 3 END,
       timestamptz '2024-01-01 00:00:00+00' + interval '1 second' *
           (o.joined * 86400 + o.turn * o.seconds_apart
            + sample.hash(format('time %s %s', o.user_id, o.course_no)) % o.seconds_apart)
FROM ordered o
JOIN sample.plan_courses c USING (course_no)
ORDER BY o.user_id, c.course_id COLLATE "C";

-- The key carries the whole row: what a learner has is read from the index alone.
ALTER TABLE sample.ratings
    ADD PRIMARY KEY (user_id, course_id) INCLUDE (rating, enrolled_at),
    ADD FOREIGN KEY (user_id) REFERENCES sample.users,
    ADD FOREIGN KEY (course_id) REFERENCES sample.courses;


-- 6. Experiment -----------------------------------------------------------------------------------
-- Seven of ten people, in January 2025, after the ratings end. Within each group, people in the
-- order of their hashes convert until the planted rate is reached, so that the lift is exact and no
-- other column explains it.

CREATE TABLE sample.exposures (
    user_id int PRIMARY KEY REFERENCES sample.users, variant text NOT NULL CHECK (variant IN ('control', 'treatment')),
    exposed_at timestamptz NOT NULL, converted boolean NOT NULL);

INSERT INTO sample.exposures
SELECT user_id, variant,
       timestamptz '2025-01-01 00:00:00+00' + interval '1 second' * (sample.hash('exposed ' || user_id) % (28 * 86400)),
       row_number() OVER (PARTITION BY variant ORDER BY sample.hash('converted ' || user_id), user_id) * 100
           <= count(*) OVER (PARTITION BY variant) * CASE variant WHEN 'control' THEN 20 ELSE 22 END
FROM (SELECT user_id, CASE sample.hash('variant ' || user_id) % 2 WHEN 0 THEN 'control' ELSE 'treatment' END AS variant
      FROM sample.users
      WHERE sample.hash('exposure ' || user_id) % 10 < 7) e
ORDER BY user_id;


-- 7. What stays -----------------------------------------------------------------------------------

DROP TABLE sample.plan_genres, sample.plan_subjects, sample.plan_forms, sample.plan_courses, sample.plan_tastes,
    sample.plan_appeal, sample.plan_activity, sample.plan_learners, sample.plan_picks, sample.plan_enrolments;
DROP FUNCTION sample.hash(text);

CREATE VIEW sample.published_courses AS SELECT * FROM sample.courses WHERE published;

COMMENT ON TABLE sample.users IS 'People: 33,901 learners with enrolments and 612 without';
COMMENT ON TABLE sample.courses IS 'Catalogue: price, level, language, one column per genre; 126 of 307 have enrolments';
COMMENT ON COLUMN sample.courses.published IS 'false: kept for those who took it, not offered any more or not yet';
COMMENT ON TABLE sample.ratings IS 'Enrolments in 2024, one row per person and course';
COMMENT ON COLUMN sample.ratings.rating IS '3 = completed, 2 = audited';
COMMENT ON TABLE sample.exposures IS 'Experiment in January 2025: who was shown personal recommendations (treatment)';
COMMENT ON COLUMN sample.exposures.converted IS 'enrolled in a shown course within a week; .20 in control, .22 in treatment';
COMMENT ON VIEW sample.published_courses IS 'The courses that may be recommended';

COMMIT;

-- Vacuum marks the pages as visible to all, so that reading a learner's ratings needs the index only.
VACUUM ANALYZE sample.users, sample.courses, sample.ratings, sample.exposures;

-- Three people to try things on; the text that sample.hash puts before each key was chosen so that
-- they are telling:
--      42  Ada Adeyemi: seven courses, all on machine learning and the Python that it needs
--       7  Olga Okafor: one course
--      51  Tomas Moreau: no course
--
-- Checksum: with
--     SET timezone = 'UTC'; SET datestyle = 'ISO';
-- the query
--     SELECT md5(string_agg(sum, ' ' ORDER BY sum COLLATE "C")) FROM (
--         SELECT md5(string_agg(t::text, E'\n' ORDER BY user_id)) FROM sample.users t UNION ALL
--         SELECT md5(string_agg(t::text, E'\n' ORDER BY course_id COLLATE "C")) FROM sample.courses t UNION ALL
--         SELECT md5(string_agg(t::text, E'\n' ORDER BY user_id, course_id COLLATE "C")) FROM sample.ratings t UNION ALL
--         SELECT md5(string_agg(t::text, E'\n' ORDER BY user_id)) FROM sample.exposures t) AS s (sum);
-- gives
--     7c032846f4692ddcd1ef562c3c8f13d3
