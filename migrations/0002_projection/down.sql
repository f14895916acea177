DROP TABLE IF EXISTS installation, embedding_set, idempotency_key, vector_outbox;
