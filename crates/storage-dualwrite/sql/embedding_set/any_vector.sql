SELECT EXISTS (SELECT FROM remediation_vector WHERE slot = $1);
