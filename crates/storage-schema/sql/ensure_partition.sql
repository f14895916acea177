SELECT ensure_audit_partition($1, $2);
