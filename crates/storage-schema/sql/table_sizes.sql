SELECT coalesce(parent.relname, c.relname)::text AS table_name,
       CASE WHEN parent.relname IS NOT NULL AND c.relname ~ '_[0-9]{4}_(0[1-9]|1[0-2])$'
            THEN replace(right(c.relname, 7), '_', '-') END AS month,
       coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
FROM pg_class c LEFT JOIN pg_inherits h ON h.inhrelid = c.oid LEFT JOIN pg_class parent ON parent.oid = h.inhparent
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND coalesce(parent.relname, c.relname) = ANY($1)
GROUP BY 1, 2
ORDER BY 1, 2;
