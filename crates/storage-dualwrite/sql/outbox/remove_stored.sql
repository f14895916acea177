DELETE FROM vector_outbox WHERE set_id = $1 AND record_id = $2;
