SELECT name, format('DROP INDEX CONCURRENTLY IF EXISTS public.%I', name) AS clear,
       format('CREATE INDEX CONCURRENTLY %I ON public.%I %s', name, partition, definition) AS build,
       format('ALTER INDEX public.%I ATTACH PARTITION public.%I', index, name) AS attach
FROM (
    SELECT i.relname AS index, p.relname AS partition,
           p.relname || substr(i.relname::text, length(t.relname) + 1) AS name,
           substring(pg_get_indexdef(x.indexrelid) FROM 'USING .*') AS definition
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
         JOIN pg_inherits h ON h.inhparent = t.oid JOIN pg_class p ON p.oid = h.inhrelid
    WHERE NOT x.indisvalid AND t.relnamespace = 'public'::regnamespace AND t.relname = ANY($1)
      AND NOT EXISTS (
          SELECT FROM pg_inherits part JOIN pg_index y ON y.indexrelid = part.inhrelid
          WHERE part.inhparent = x.indexrelid AND y.indrelid = p.oid)
) AS part ORDER BY name;
