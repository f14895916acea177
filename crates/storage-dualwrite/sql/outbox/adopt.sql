WITH mine AS MATERIALIZED (
    SELECT * FROM UNNEST($1::bigint[], $2::timestamptz[], $3::timestamptz[]) AS v (id, version, current)
)
UPDATE vector_outbox SET version = (SELECT current FROM mine WHERE id = record_id), stage = 0, attempts = 0,
    lease_owner = NULL, lease_until = NULL, next_attempt_at = now()
WHERE lease_owner = $4 AND set_id = $5
    AND record_id = ANY(ARRAY(SELECT id FROM mine)) AND ((record_id, version) IN (SELECT id, version FROM mine)) IS TRUE;
