INSERT INTO remediation_count_excess
SELECT month FROM remediation_count GROUP BY month HAVING count(*) > $1 ON CONFLICT DO NOTHING;
