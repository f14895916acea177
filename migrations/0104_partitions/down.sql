DROP FUNCTION IF EXISTS analyze_audit_table(text), ensure_audit_partition(text, date), audit_partitioned(text);
