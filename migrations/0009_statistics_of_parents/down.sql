DROP FUNCTION IF EXISTS analyze_audit_table(text);
