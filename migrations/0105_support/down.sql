DROP TABLE IF EXISTS installation, idempotency_key;
