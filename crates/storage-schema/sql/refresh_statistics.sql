SELECT analyze_audit_table($1);
