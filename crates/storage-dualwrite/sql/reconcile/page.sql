SELECT id, updated_at,
    EXISTS (
        SELECT FROM remediation_words w JOIN remediation_text t USING (text_key)
        WHERE w.record_id = r.id AND w.start_time = r.start_time AND w.version = r.updated_at
    ) AND EXISTS (
        SELECT FROM remediation_vector v
        WHERE v.slot = (SELECT slot FROM embedding_set WHERE state = 'active')
            AND v.record_id = r.id AND v.start_time = r.start_time AND v.version = r.updated_at
    )
FROM (SELECT id, start_time, updated_at FROM remediation_audit WHERE id > $1 ORDER BY id LIMIT $2) AS r ORDER BY id;
