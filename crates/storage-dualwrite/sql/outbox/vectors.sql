SELECT record_id, vector, incident_key FROM remediation_vector JOIN embedding_vector USING (slot, embedding_id)
WHERE slot = $1 AND record_id = ANY($2) AND start_time = ANY($3);
