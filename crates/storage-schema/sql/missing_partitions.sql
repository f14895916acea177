SELECT DISTINCT asked.place FROM unnest($1::bigint[], $2::text[], $3::text[]) AS asked (place, parent, child)
WHERE NOT EXISTS (
    SELECT FROM pg_inherits WHERE inhparent = to_regclass('public.' || asked.parent)
    AND inhrelid = to_regclass('public.' || asked.child))
ORDER BY asked.place;
