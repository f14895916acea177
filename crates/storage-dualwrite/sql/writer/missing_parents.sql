SELECT id FROM UNNEST($1::bigint[]) AS wanted (id)
WHERE (SELECT true FROM remediation_audit r WHERE r.id = wanted.id AND r.start_time >= $2 AND r.start_time < $3) IS NULL;
