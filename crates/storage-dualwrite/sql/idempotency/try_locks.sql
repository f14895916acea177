SELECT id, pg_try_advisory_xact_lock(id) FROM UNNEST($1::bigint[]) WITH ORDINALITY AS wanted (id, place) ORDER BY place;
