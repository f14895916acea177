-- The words of every remediation, as the projector stores them.
WITH made AS MATERIALIZED (
    SELECT id, start_time, updated_at, shared, own, audit_text_key(shared) AS text_key
    FROM remediation_audit
        CROSS JOIN LATERAL audit_words(name, target_name, alert_name, action_type, error_message, alterations)
), texts AS (
    INSERT INTO remediation_text (text_key, words)
    SELECT DISTINCT ON (text_key) text_key, shared FROM made ORDER BY text_key
    ON CONFLICT (text_key) DO NOTHING
)
INSERT INTO remediation_words (record_id, start_time, version, text_key, words)
SELECT id, start_time, updated_at, text_key, own FROM made
ON CONFLICT (record_id, start_time) DO UPDATE
    SET version = excluded.version, text_key = excluded.text_key, words = excluded.words
