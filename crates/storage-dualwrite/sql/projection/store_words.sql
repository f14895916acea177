WITH made AS MATERIALIZED (
    SELECT r.id, r.start_time, r.updated_at, shared, own, audit_text_key(shared) AS text_key
    FROM UNNEST($1::bigint[], $2::timestamptz[], $3::timestamptz[]) AS v (id, start_time, version)
    JOIN remediation_audit r ON r.id = v.id AND r.start_time = v.start_time AND r.updated_at = v.version
    CROSS JOIN LATERAL audit_words(r.name, r.target_name, r.alert_name, r.action_type, r.error_message, r.alterations)
    WHERE r.start_time = ANY($2)
), texts AS (
    INSERT INTO remediation_text (text_key, words) SELECT DISTINCT ON (text_key) text_key, shared FROM made
    WHERE NOT EXISTS (SELECT FROM remediation_text t WHERE t.text_key = made.text_key)
    ORDER BY text_key ON CONFLICT (text_key) DO NOTHING
)
INSERT INTO remediation_words (record_id, start_time, version, text_key, words)
SELECT id, start_time, updated_at, text_key, own FROM made
ON CONFLICT (record_id, start_time) DO UPDATE
    SET version = excluded.version, text_key = excluded.text_key, words = excluded.words
    WHERE remediation_words.version < excluded.version;
