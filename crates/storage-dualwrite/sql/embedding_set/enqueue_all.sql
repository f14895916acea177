INSERT INTO vector_outbox (set_id, record_id, start_time, version)
SELECT $1, id, start_time, updated_at FROM remediation_audit;
