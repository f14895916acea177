WITH relation AS (
    SELECT * FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = ANY($1))
SELECT 'table' AS kind, c.relname::text AS table_name, c.relname::text AS name,
       concat_ws(', ', CASE c.relpersistence WHEN 'p' THEN 'permanent' ELSE 'not permanent' END,
                 'partitioned by ' || pg_get_partkeydef(c.oid),
                 'partition ' || pg_get_expr(c.relpartbound, c.oid),
                 CASE WHEN c.relrowsecurity THEN 'row security' END,
                 (SELECT 'with rule ' || min(rulename) FROM pg_rewrite WHERE ev_class = c.oid)) AS definition,
       '' AS fault
FROM relation c
UNION ALL
SELECT 'default', c.relname, a.attname,
       concat(CASE WHEN a.attgenerated <> '' THEN 'generated ' END,
              CASE a.attidentity WHEN 'a' THEN 'identity always' WHEN 'd' THEN 'identity by default' END,
              pg_get_expr(d.adbin, d.adrelid)), ''
FROM relation c JOIN pg_attribute a ON a.attrelid = c.oid
     LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND (d.adbin IS NOT NULL OR a.attidentity <> '')
UNION ALL
SELECT 'constraint', c.relname, k.conname, pg_get_constraintdef(k.oid),
       CASE WHEN NOT k.convalidated THEN 'not validated' ELSE '' END
FROM relation c JOIN pg_constraint k ON k.conrelid = c.oid WHERE k.contype IN ('c', 'p', 'u', 'f', 'x')
UNION ALL
SELECT 'index', c.relname, i.relname, pg_get_indexdef(x.indexrelid),
       CASE WHEN NOT (x.indisvalid AND x.indisready AND x.indislive) THEN 'invalid' ELSE '' END
FROM relation c JOIN pg_index x ON x.indrelid = c.oid JOIN pg_class i ON i.oid = x.indexrelid
UNION ALL
SELECT 'trigger', c.relname, t.tgname, pg_get_triggerdef(t.oid),
       CASE WHEN t.tgenabled IN ('O', 'A') THEN '' ELSE 'disabled' END
FROM relation c JOIN pg_trigger t ON t.tgrelid = c.oid WHERE NOT t.tgisinternal
UNION ALL
SELECT 'function', '', p.oid::regprocedure::text,
       concat_ws(' ', 'returns', pg_get_function_result(p.oid), 'in', l.lanname,
                 CASE WHEN p.prosecdef THEN 'security definer' END,
                 CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' END,
                 CASE WHEN p.proisstrict THEN 'strict' END, CASE p.proparallel WHEN 's' THEN 'parallel safe' END,
                 'set ' || lower(array_to_string(p.proconfig, ', set ')),
                 'body', md5(coalesce(pg_get_function_sqlbody(p.oid), p.prosrc))), ''
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace = 'public'::regnamespace AND p.prokind = 'f'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
                  AND d.deptype = 'e')
ORDER BY 2, 1, 3;
