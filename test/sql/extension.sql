-- The extension can be created in a schema of one's choice and dropped without a trace.
CREATE SCHEMA elsewhere;
CREATE EXTENSION course_recsys SCHEMA elsewhere;
SELECT extname, nspname, extrelocatable
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE extname = 'course_recsys';

-- The library loads into this server.
LOAD 'course_recsys';

-- Every object has a comment (row and array types, which belong to other objects, aside): no rows.
SELECT pg_describe_object(d.classid, d.objid, 0) AS without_comment
FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'course_recsys' AND d.deptype = 'e'
  AND NOT EXISTS (SELECT FROM pg_depend i
                  WHERE i.classid = d.classid AND i.objid = d.objid AND i.deptype = 'i')
  AND obj_description(d.objid, d.classid::regclass::name) IS NULL
ORDER BY 1;

-- Nothing stays behind.
DROP EXTENSION course_recsys;
SELECT count(*) AS left_behind
FROM (SELECT relnamespace FROM pg_class UNION ALL SELECT pronamespace FROM pg_proc
      UNION ALL SELECT typnamespace FROM pg_type) AS object (namespace)
WHERE namespace = 'elsewhere'::regnamespace;
DROP SCHEMA elsewhere;
