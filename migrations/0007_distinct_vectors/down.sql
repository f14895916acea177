ALTER TABLE remediation_audit ADD COLUMN IF NOT EXISTS embedding vector(384);
INSERT INTO vector_outbox (record_id, start_time, version)
SELECT id, start_time, updated_at FROM remediation_audit
ON CONFLICT (record_id) DO UPDATE SET embedded_version = NULL;
-- With the column go the indexes that ask for it.
ALTER TABLE remediation_audit DROP COLUMN IF EXISTS embedding_id;
DROP TABLE IF EXISTS embedding_vector;
CREATE INDEX IF NOT EXISTS remediation_audit_embedding_idx ON ONLY remediation_audit
    USING hnsw (embedding vector_cosine_ops) WITH (m = 16, ef_construction = 64);
CREATE INDEX IF NOT EXISTS remediation_audit_words_idx ON ONLY remediation_audit
    USING gin (audit_words(name, target_name, alert_name, action_type, error_message)) WHERE embedding IS NOT NULL;
CREATE INDEX IF NOT EXISTS remediation_audit_unembedded_idx ON ONLY remediation_audit (start_time DESC, id DESC)
    WHERE embedding IS NULL;
