SELECT count(*) FILTER (WHERE parked_at IS NULL) AS waiting,
    count(*) FILTER (WHERE parked_at IS NOT NULL) AS parked,
    min(enqueued_at) FILTER (WHERE parked_at IS NULL) AS oldest,
    min(enqueued_at) FILTER (WHERE parked_at IS NULL AND attempts = 0) AS untried,
    clock_timestamp() AS now,
    pg_relation_size('vector_outbox') / current_setting('block_size')::bigint AS pages
FROM vector_outbox
WHERE ctid >= CAST($1::text AS tid) AND ctid < CAST($2::text AS tid)
    AND (set_id = (SELECT id FROM embedding_set WHERE state = 'active')) IS TRUE;
