DROP TABLE IF EXISTS execution_audit, workflow_audit, ai_analysis_audit, remediation_audit;
DROP FUNCTION IF EXISTS audit_touch(), audit_refuse_change(), audit_give_id(), audit_id(bigint, timestamptz);
