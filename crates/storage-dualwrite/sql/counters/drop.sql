DELETE FROM remediation_count
WHERE records = 0 OR month IN (SELECT month FROM remediation_count_excess);
