WITH RECURSIVE filled AS (
    SELECT date_trunc('month', min(start_time), 'UTC') AS month FROM remediation_audit
    UNION ALL
    SELECT (
        SELECT date_trunc('month', min(start_time), 'UTC') FROM remediation_audit
        WHERE start_time >= date_trunc('month', filled.month + interval '32 days', 'UTC')
    )
    FROM filled WHERE filled.month IS NOT NULL
)
SELECT month FROM filled WHERE month IS NOT NULL
UNION SELECT month FROM remediation_count
UNION SELECT month FROM remediation_count_delta
UNION SELECT month FROM remediation_count_excess
ORDER BY month;
