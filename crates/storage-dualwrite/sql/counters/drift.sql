WITH difference AS (
    SELECT month, namespace, status, phase, action_type, severity, sum(records) AS records FROM (
        SELECT $1::timestamptz AS month, namespace, status, phase, action_type, severity, count(*) AS records FROM remediation_audit
        WHERE start_time >= $1 AND start_time < date_trunc('month', $1::timestamptz + interval '32 days', 'UTC')
        GROUP BY namespace, status, phase, action_type, severity
        UNION ALL
        SELECT month, namespace, status, phase, action_type, severity, -records FROM remediation_count WHERE month = $1
        UNION ALL
        SELECT month, namespace, status, phase, action_type, severity, -records FROM remediation_count_delta WHERE month = $1
    ) AS either
    GROUP BY month, namespace, status, phase, action_type, severity HAVING sum(records) <> 0
)
SELECT count(*) AS kinds, coalesce(sum(abs(records)), 0)::bigint AS records FROM difference
WHERE NOT EXISTS (SELECT FROM remediation_count_excess WHERE month = $1);
