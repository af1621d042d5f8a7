-- What CREATE EXTENSION promises.
\ir setup.psql
SELECT plan(5);

SELECT has_extension('recsys', 'course_recsys', 'the extension lies in the chosen schema');
SELECT is(extversion, default_version, 'the default version gets installed')
FROM pg_extension JOIN pg_available_extensions ON name = extname WHERE extname = 'course_recsys';
SELECT throws_ok('ALTER EXTENSION course_recsys SET SCHEMA public', '0A000', NULL,
                 'the extension cannot move: its functions know their schema');
SELECT throws_ok('CREATE EXTENSION course_recsys SCHEMA public', '42710', NULL,
                 'a database has it once');

CREATE ROLE ordinary_user;
DROP EXTENSION course_recsys;
GRANT CREATE ON SCHEMA recsys TO ordinary_user;
SET LOCAL ROLE ordinary_user;
SELECT throws_ok('CREATE EXTENSION course_recsys SCHEMA recsys', '42501', NULL,
                 'only a superuser may create it');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
