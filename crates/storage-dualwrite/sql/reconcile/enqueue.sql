INSERT INTO vector_outbox (set_id, record_id, start_time, version)
SELECT s.id, r.id, r.start_time, r.updated_at FROM remediation_audit r CROSS JOIN embedding_set s
WHERE s.state = 'active' AND r.id = ANY($1) AND r.start_time >= $2 AND r.start_time < $3
ON CONFLICT (set_id, record_id) DO NOTHING RETURNING record_id;
