SELECT pg_current_xact_id()::text, now(),
    ARRAY(SELECT nextval('remediation_audit_id_seq') FROM UNNEST(array_fill(0, ARRAY[$1::integer]))),
    ARRAY(SELECT nextval('ai_analysis_audit_id_seq') FROM UNNEST(array_fill(0, ARRAY[$2::integer]))),
    ARRAY(SELECT nextval('workflow_audit_id_seq') FROM UNNEST(array_fill(0, ARRAY[$3::integer]))),
    ARRAY(SELECT nextval('execution_audit_id_seq') FROM UNNEST(array_fill(0, ARRAY[$4::integer])));
