-- What operators ask of an alert: how often it came, what was done, and whether it held. Most records of other sources have
-- neither column. ON ONLY: the parts of the partitions are built without stopping writers.

-- One alert's records, newest first.
CREATE INDEX IF NOT EXISTS remediation_audit_alert_idx ON ONLY remediation_audit (alert_name, start_time DESC, id DESC)
    WHERE alert_name IS NOT NULL;
-- One fingerprint's records, newest first; and whether the same came back after an action.
CREATE INDEX IF NOT EXISTS remediation_audit_fingerprint_idx ON ONLY remediation_audit
    (alert_fingerprint, start_time DESC, id DESC) WHERE alert_fingerprint IS NOT NULL;

-- From which similarity on two incidents of the set are taken to be alike: what 99 % of pairs of different incidents stay
-- below. Measured now and then; null before there are enough incidents.
ALTER TABLE embedding_set ADD COLUMN IF NOT EXISTS similarity_threshold double precision;
