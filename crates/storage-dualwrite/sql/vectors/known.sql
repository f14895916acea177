SELECT digest, embedding_id FROM embedding_vector WHERE slot = $1 AND digest = ANY($2);
