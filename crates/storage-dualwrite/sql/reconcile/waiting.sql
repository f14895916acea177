SELECT record_id, parked_at IS NOT NULL FROM vector_outbox
WHERE set_id = (SELECT id FROM embedding_set WHERE state = 'active') AND record_id = ANY($1);
