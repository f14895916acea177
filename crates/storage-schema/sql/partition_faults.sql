WITH parent AS (
    SELECT * FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'p' AND relname = ANY($1)),
partition AS (
    SELECT c.oid, c.relname::text AS name, p.oid AS parent, p.relname::text AS parent_name,
           pg_get_expr(c.relpartbound, c.oid) AS bound,
           CASE WHEN c.relname::text ~ ('^' || p.relname || '_[0-9]{4}_(0[1-9]|1[0-2])$')
                THEN to_date(right(c.relname::text, 7), 'YYYY_MM') END AS month
    FROM pg_inherits h JOIN parent p ON p.oid = h.inhparent JOIN pg_class c ON c.oid = h.inhrelid),
named AS (
    SELECT *, format('FOR VALUES FROM (%L) TO (%L)', month || ' 00:00:00+00',
                     (month + interval '1 month')::date || ' 00:00:00+00') AS named_bound
    FROM partition WHERE month IS NOT NULL)
SELECT 'partition' AS kind, parent_name AS table_name, name, bound AS definition, named_bound AS fault
FROM named WHERE bound <> named_bound
UNION ALL
SELECT 'partition', parent_name, name, bound, '' FROM partition WHERE month IS NULL
UNION ALL
SELECT 'index', p.name, i.relname, 'invalid', 'valid'
FROM partition p JOIN pg_index x ON x.indrelid = p.oid JOIN pg_class i ON i.oid = x.indexrelid
WHERE NOT (x.indisvalid AND x.indisready AND x.indislive)
UNION ALL
SELECT 'index', p.name, i.relname, '', 'attached'
FROM partition p JOIN pg_index x ON x.indrelid = p.parent JOIN pg_class i ON i.oid = x.indexrelid
WHERE NOT EXISTS (SELECT FROM pg_inherits h JOIN pg_index y ON y.indexrelid = h.inhrelid
                  WHERE h.inhparent = x.indexrelid AND y.indrelid = p.oid)
UNION ALL
SELECT 'constraint', name, name || '_id', coalesce(found, ''), wanted
FROM (SELECT p.name, pg_get_constraintdef(k.oid) AS found,
             format('CHECK (((id & (8191)::bigint) = %s))',
                    (extract(year FROM p.month)::integer - 1970) * 12 + extract(month FROM p.month)::integer - 1) AS wanted
      FROM named p JOIN pg_attribute a ON a.attrelid = p.oid AND a.attname = 'id'
           LEFT JOIN pg_constraint k ON k.conrelid = p.oid AND k.conname = p.name || '_id' AND k.convalidated) AS ids
WHERE found IS DISTINCT FROM wanted
UNION ALL
SELECT 'trigger', p.name, t.tgname, 'disabled', 'enabled'
FROM partition p JOIN pg_trigger t ON t.tgrelid = p.oid WHERE t.tgparentid <> 0 AND t.tgenabled NOT IN ('O', 'A')
UNION ALL
SELECT 'trigger', p.name, t.tgname, 'there', ''
FROM partition p JOIN pg_trigger t ON t.tgrelid = p.oid WHERE t.tgparentid = 0 AND NOT t.tgisinternal
ORDER BY 2, 1, 3;
