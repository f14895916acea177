WITH mine AS MATERIALIZED (
    SELECT * FROM UNNEST($1::bigint[], $2::timestamptz[], $3::text[]) AS v (id, version, error)
)
UPDATE vector_outbox SET lease_owner = NULL, lease_until = NULL,
    last_error = (SELECT error FROM mine WHERE id = record_id), attempts = attempts + 1, stage = greatest(stage, $4),
    next_attempt_at = now() + make_interval(secs => (0.5 + random()) * power(2, least(attempts, 10)) * $5),
    parked_at = CASE WHEN attempts + 1 >= $6 THEN now() END
WHERE lease_owner = $7 AND set_id = $8
    AND record_id = ANY(ARRAY(SELECT id FROM mine)) AND ((record_id, version) IN (SELECT id, version FROM mine)) IS TRUE;
