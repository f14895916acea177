SELECT c.relname::text FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY($1);
