SELECT w.id, w.version, current_setting('transaction_read_only')::boolean
FROM UNNEST($1::bigint[], $2::timestamptz[]) AS w (id, version)
WHERE EXISTS (
    SELECT FROM vector_outbox o
    WHERE o.set_id = (SELECT id FROM embedding_set WHERE state = 'active') AND o.record_id = w.id AND o.version >= w.version
);
