DELETE FROM idempotency_key WHERE (caller, route, key) IN (
    SELECT caller, route, key FROM idempotency_key WHERE created_at < now() - make_interval(secs => $1)
    ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
);
