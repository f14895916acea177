INSERT INTO remediation_vector (slot, record_id, start_time, version, embedding_id, incident_key)
SELECT $1, v.* FROM UNNEST($2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::bigint[], $6::bytea[])
    AS v (id, start_time, version, embedding_id, incident_key)
ON CONFLICT (slot, record_id, start_time) DO UPDATE
    SET version = excluded.version, embedding_id = excluded.embedding_id, incident_key = excluded.incident_key
    WHERE remediation_vector.version < excluded.version;
