-- What CREATE EXTENSION promises.
\ir setup.psql
SELECT plan(10);

SELECT has_extension('recsys', 'course_recsys', 'the extension lies in the chosen schema');
SELECT is(extversion, default_version, 'the default version gets installed')
FROM pg_extension JOIN pg_available_extensions ON name = extname WHERE extname = 'course_recsys';
SELECT throws_ok('ALTER EXTENSION course_recsys SET SCHEMA public', '0A000', NULL,
                 'the extension cannot move: its functions know their schema');
SELECT throws_ok('CREATE EXTENSION course_recsys SCHEMA public', '42710', NULL,
                 'a database has it once');


-- What is said about its objects
CREATE VIEW public.member AS
	SELECT classid, objid, pg_describe_object(classid, objid, 0) AS object FROM pg_depend
	WHERE deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'course_recsys');
SELECT is_empty($$SELECT object FROM public.member WHERE classid IN ('pg_proc'::regclass, 'pg_class'::regclass)
	AND obj_description(objid, classid::regclass::name) IS NULL$$, 'every function, table and view has a comment');
SELECT is_empty($$SELECT object FROM public.member JOIN pg_proc p ON p.oid = objid AND classid = 'pg_proc'::regclass
	WHERE provolatile = 'i' AND proparallel <> 's' OR proparallel = 's' AND provolatile = 'v' AND prorettype <> 'internal'::regtype$$,
	'what is immutable is parallel safe, what is volatile is not');
SELECT is_empty($$SELECT object FROM public.member JOIN pg_proc p ON p.oid = objid AND classid = 'pg_proc'::regclass
	WHERE proargnames && '{model,dataset}' AND proparallel = 's'$$, 'what reads tables is not parallel safe');
SELECT is_empty($$SELECT object FROM public.member JOIN pg_proc p ON p.oid = objid AND classid = 'pg_proc'::regclass
	WHERE proretset AND prorows = 1000$$, 'how many rows a function returns was decided');
SELECT is_empty($$SELECT object FROM public.member JOIN pg_proc p ON p.oid = objid AND classid = 'pg_proc'::regclass
	WHERE (procost >= 100000) <> COALESCE('jit=off' = ANY (proconfig), false)$$,
	'what reads whole tables runs without just-in-time compilation, which hears no cancel');
DROP VIEW public.member;

CREATE ROLE ordinary_user;
DROP EXTENSION course_recsys;
GRANT CREATE ON SCHEMA recsys TO ordinary_user;
SET LOCAL ROLE ordinary_user;
SELECT throws_ok('CREATE EXTENSION course_recsys SCHEMA recsys', '42501', NULL,
                 'only a superuser may create it');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
