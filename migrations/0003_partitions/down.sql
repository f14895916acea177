DROP FUNCTION IF EXISTS ensure_audit_partition(text, date);
