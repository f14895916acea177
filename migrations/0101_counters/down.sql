DROP TRIGGER IF EXISTS remediation_audit_count_insert ON remediation_audit;
DROP TRIGGER IF EXISTS remediation_audit_count_delete ON remediation_audit;
DROP TRIGGER IF EXISTS remediation_audit_count_update ON remediation_audit;
DROP FUNCTION IF EXISTS remediation_count_inserted(), remediation_count_deleted(), remediation_count_updated();
DROP TABLE IF EXISTS remediation_count, remediation_count_delta, remediation_count_excess;
