DELETE FROM remediation_count_excess WHERE month = $1;
