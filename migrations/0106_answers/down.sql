ALTER TABLE IF EXISTS embedding_set DROP COLUMN IF EXISTS similarity_threshold;
DROP INDEX IF EXISTS remediation_audit_fingerprint_idx, remediation_audit_alert_idx;
