WITH taken AS (
    DELETE FROM remediation_count_delta
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM remediation_count_delta LIMIT $1)) RETURNING *
), folded AS (
    INSERT INTO remediation_count AS counter (month, namespace, status, phase, action_type, severity, records)
    SELECT month, namespace, status, phase, action_type, severity, sum(records) FROM taken
    WHERE month NOT IN (SELECT month FROM remediation_count_excess)
    GROUP BY month, namespace, status, phase, action_type, severity HAVING sum(records) <> 0
    ON CONFLICT (namespace, month, status, phase, action_type, severity)
    DO UPDATE SET records = counter.records + excluded.records
)
SELECT count(*) FROM taken;
