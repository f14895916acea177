SELECT ensure_audit_partition('remediation_audit', month) FROM (
    SELECT DISTINCT (date_trunc('month', t, 'UTC') AT TIME ZONE 'UTC')::date AS month FROM UNNEST($1::timestamptz[]) AS t
) AS months;
