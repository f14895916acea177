WITH mine AS MATERIALIZED (SELECT * FROM UNNEST($1::bigint[], $2::timestamptz[]) AS v (id, version))
UPDATE vector_outbox SET lease_owner = NULL, lease_until = NULL, next_attempt_at = now(), stage = greatest(stage, $3)
WHERE lease_owner = $4 AND set_id = $5
    AND record_id = ANY(ARRAY(SELECT id FROM mine)) AND ((record_id, version) IN (SELECT id, version FROM mine)) IS TRUE;
