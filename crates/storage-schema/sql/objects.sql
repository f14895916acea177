WITH relation AS (
    SELECT c.oid, c.relname FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND (c.relname = ANY($1) OR EXISTS (
          SELECT FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent
          WHERE h.inhrelid = c.oid AND p.relnamespace = 'public'::regnamespace AND p.relname = ANY($1)))),
sequence AS (
    SELECT s.relname, s.relnamespace FROM pg_class s WHERE s.relkind = 'S' AND EXISTS (
        SELECT FROM pg_depend d JOIN relation t ON t.oid = d.refobjid
        WHERE d.objid = s.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')))
SELECT (SELECT coalesce(string_agg(format('public.%I', relname), ', '), '') FROM relation) AS relations,
       (SELECT coalesce(string_agg(format('%s.%I', relnamespace::regnamespace, relname), ', '), '')
        FROM sequence) AS sequences,
       quote_ident(current_database()) AS database;
