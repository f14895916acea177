WITH role AS (SELECT * FROM pg_roles WHERE rolname = $1),
relation AS (
    SELECT c.oid, c.relname::text AS name FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND (c.relname = ANY($2) OR EXISTS (
          SELECT FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent
          WHERE h.inhrelid = c.oid AND p.relnamespace = 'public'::regnamespace AND p.relname = ANY($2)))),
privilege AS (
    SELECT name || suffix AS name, name IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') AS has_columns
    FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN'])
             AS names(name),
         unnest(ARRAY['', ' WITH GRANT OPTION']) AS suffixes(suffix)
    WHERE name <> 'MAINTAIN' OR current_setting('server_version_num')::integer >= 170000)
SELECT 'table' AS kind, t.name, p.name AS privilege, has_table_privilege(r.oid, t.oid, p.name) AS whole,
       CASE WHEN p.has_columns AND (p.name <> 'UPDATE' OR t.name <> ALL($4))
            THEN has_any_column_privilege(r.oid, t.oid, p.name)
            ELSE has_table_privilege(r.oid, t.oid, p.name) END AS part
FROM role r, relation t, privilege p
UNION ALL
SELECT 'column', t.name || '.' || a.attname, 'UPDATE', has_column_privilege(r.oid, t.oid, a.attnum, 'UPDATE'),
       has_column_privilege(r.oid, t.oid, a.attnum, 'UPDATE') AND NOT has_table_privilege(r.oid, t.oid, 'UPDATE')
FROM role r, relation t JOIN pg_attribute a ON a.attrelid = t.oid
WHERE t.name = ANY($4) AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'sequence', s.relname, p.name, has_sequence_privilege(r.oid, s.oid, p.name),
       has_sequence_privilege(r.oid, s.oid, p.name)
FROM role r, unnest(ARRAY['USAGE', 'SELECT', 'UPDATE']) AS p(name), pg_class s
WHERE s.relkind = 'S' AND EXISTS (
    SELECT FROM pg_depend d JOIN relation t ON t.oid = d.refobjid
    WHERE d.objid = s.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))
UNION ALL
SELECT 'function', f.signature, 'EXECUTE', has_function_privilege(r.oid, to_regprocedure('public.' || f.signature), 'EXECUTE'),
       false
FROM role r, unnest($3::text[]) AS f(signature) WHERE to_regprocedure('public.' || f.signature) IS NOT NULL
UNION ALL
SELECT 'parameter', 'lc_messages', 'SET', has_parameter_privilege(r.oid, 'lc_messages', 'SET'), false FROM role r
UNION ALL
SELECT 'schema', 'public', p.name, has_schema_privilege(r.oid, 'public', p.name), has_schema_privilege(r.oid, 'public', p.name)
FROM role r, unnest(ARRAY['USAGE', 'CREATE']) AS p(name)
UNION ALL
SELECT 'database', current_database(), p.name, has_database_privilege(r.oid, current_database(), p.name),
       has_database_privilege(r.oid, current_database(), p.name)
FROM role r, unnest(ARRAY['CONNECT', 'CREATE']) AS p(name)
UNION ALL
SELECT 'attribute', a.name, a.name, a.held, a.held
FROM role r, LATERAL (VALUES ('CREATEDB', r.rolcreatedb), ('CREATEROLE', r.rolcreaterole),
                             ('REPLICATION', r.rolreplication), ('BYPASSRLS', r.rolbypassrls)) AS a(name, held)
UNION ALL
SELECT 'membership', g.rolname, g.rolname, true, true
FROM role r JOIN pg_auth_members m ON m.member = r.oid JOIN pg_roles g ON g.oid = m.roleid
WHERE g.rolname NOT IN ('pg_read_all_stats', 'pg_monitor')
ORDER BY 1, 2, 3;
