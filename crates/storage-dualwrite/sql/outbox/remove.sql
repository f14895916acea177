WITH mine AS MATERIALIZED (SELECT * FROM UNNEST($1::bigint[], $2::timestamptz[]) AS v (id, version))
DELETE FROM vector_outbox
WHERE lease_owner = $3 AND set_id = $4
    AND record_id = ANY(ARRAY(SELECT id FROM mine)) AND ((record_id, version) IN (SELECT id, version FROM mine)) IS TRUE
RETURNING extract(epoch FROM clock_timestamp() - enqueued_at)::real;
