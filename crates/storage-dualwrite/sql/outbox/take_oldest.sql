WITH due AS (
    SELECT record_id, next_attempt_at FROM vector_outbox
    WHERE set_id = $1 AND next_attempt_at <= now() AND parked_at IS NULL AND (next_attempt_at, record_id) > ($2, $3)
        AND stage = ANY($4)
    ORDER BY next_attempt_at, record_id
    LIMIT $5 FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE vector_outbox o SET lease_owner = $6, lease_until = now() + make_interval(secs => $7),
        next_attempt_at = now() + make_interval(secs => $7)
    WHERE o.set_id = $1 AND o.record_id = ANY(ARRAY(SELECT record_id FROM due))
    RETURNING o.record_id, o.start_time, o.version, o.stage
)
SELECT now(), pg_relation_size('vector_outbox') / current_setting('block_size')::bigint,
    record_id, taken.start_time, taken.version, taken.stage, due.next_attempt_at
FROM (VALUES (1)) AS one LEFT JOIN (taken JOIN due USING (record_id)) ON true;
